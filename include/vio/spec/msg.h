/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * msg.h - virtio-msg on the wire: messages of revision 1, and the FIFO in shared memory that carries them
 *
 * Everything is little-endian and packed; numbers below are bytes from the start of the message, of the layout, of a
 * queue head. Not part of VIRTIO 1.4: the second patch for it (June 2026), and the third RFC (October 2025) where that
 * differs. The FIFO is the shared memory layout of Linux's AMP bus, version 1.
 */
#ifndef VIO_SPEC_MSG_H
#define VIO_SPEC_MSG_H

/* ---- header ---- */

#define VIO_MSG_TYPE  0u /* 8 bits */
#define VIO_MSG_ID    1u /* 8 bits */
#define VIO_MSG_DEV   2u /* 16 bits; 0 in messages of the bus */
#define VIO_MSG_TOKEN 4u /* 16 bits; a response echoes it, 0 in events */
#define VIO_MSG_SIZE  6u /* 16 bits; header and payload, bytes */
#define VIO_MSG_HEAD  8u

#define VIO_MSG_T_RESPONSE 1u
#define VIO_MSG_T_BUS	   2u

/* All fixed payloads fit into the smallest; more than all of a configuration space helps nobody. */
#define VIO_MSG_MIN 52u
#define VIO_MSG_MAX 264u

/* ---- of a device: requests ---- */

#define VIO_MSG_GET_INFO     0x02u
#define VIO_MSG_GET_FEATURES 0x03u /* block, n -> block, n, words */
#define VIO_MSG_SET_FEATURES 0x04u /* block, n, words -> */
#define VIO_MSG_GET_CONFIG   0x05u /* offset, length -> generation, offset, length, bytes */
#define VIO_MSG_SET_CONFIG   0x06u /* generation, offset, length, bytes -> the same */
#define VIO_MSG_GET_STATUS   0x07u /* -> status */
#define VIO_MSG_SET_STATUS   0x08u /* status -> status */
#define VIO_MSG_GET_VQ	     0x09u
#define VIO_MSG_SET_VQ	     0x0au
#define VIO_MSG_RESET_VQ     0x0bu /* index -> */
#define VIO_MSG_GET_SHM	     0x0cu /* id -> id, length, address */

/* ---- of a device: events ---- */

#define VIO_MSG_EVENT_CONFIG 0x40u /* to the driver: status, generation, offset, length, bytes */
#define VIO_MSG_EVENT_AVAIL  0x41u /* to the device: index, next offset */
#define VIO_MSG_EVENT_USED   0x42u /* to the driver: index */

/* GET_INFO, response. RFC: feature bits instead of blocks, no uuid, administration queues in 16 bits each. */
#define VIO_MSG_INFO_DEVICE	8u
#define VIO_MSG_INFO_VENDOR	12u
#define VIO_MSG_INFO_UUID	16u /* 16 bytes */
#define VIO_MSG_INFO_BLOCKS	32u
#define VIO_MSG_INFO_CONFIG	36u
#define VIO_MSG_INFO_VQS	40u
#define VIO_MSG_INFO_ADMIN	44u /* first, count */
#define VIO_MSG_INFO_BYTES	52u
#define VIO_MSG_INFO_RFC_BITS	16u
#define VIO_MSG_INFO_RFC_CONFIG 20u
#define VIO_MSG_INFO_RFC_VQS	24u
#define VIO_MSG_INFO_RFC_ADMIN	28u
#define VIO_MSG_INFO_RFC_BYTES	32u

/* GET_FEATURES, SET_FEATURES */
#define VIO_MSG_FEATURES_BLOCK 8u
#define VIO_MSG_FEATURES_N     12u
#define VIO_MSG_FEATURES_WORDS 16u

/* GET_CONFIG request */
#define VIO_MSG_GET_CONFIG_OFF 8u
#define VIO_MSG_GET_CONFIG_LEN 12u
/* its response, and SET_CONFIG both ways */
#define VIO_MSG_CONFIG_GEN   8u
#define VIO_MSG_CONFIG_OFF   12u
#define VIO_MSG_CONFIG_LEN   16u
#define VIO_MSG_CONFIG_BYTES 20u

/* GET_VQ response: index, largest size, size, flags, three areas. SET_VQ request: index, flags, size, 0, three areas. */
#define VIO_MSG_VQ_INDEX     8u
#define VIO_MSG_GET_VQ_MAX   12u
#define VIO_MSG_GET_VQ_SIZE  16u
#define VIO_MSG_GET_VQ_FLAGS 20u
#define VIO_MSG_SET_VQ_FLAGS 12u
#define VIO_MSG_SET_VQ_SIZE  16u
#define VIO_MSG_VQ_AREA	     24u /* 64 bits each: descriptor, driver, device */
#define VIO_MSG_VQ_BYTES     48u
#define VIO_MSG_VQ_ENABLED   1u /* RFC: flags are reserved, SET_VQ always enables */

/* GET_SHM response. RFC: length at 12 and address at 16, 32 bits each. */
#define VIO_MSG_SHM_LEN	      16u
#define VIO_MSG_SHM_BYTES     32u
#define VIO_MSG_SHM_RFC_BYTES 20u

/* EVENT_CONFIG */
#define VIO_MSG_EV_CONFIG_STATUS 8u
#define VIO_MSG_EV_CONFIG_GEN	 12u
#define VIO_MSG_EV_CONFIG_BYTES	 24u

/* ---- of the bus ---- */

#define VIO_MSG_BUS_DEVICES 0x02u /* offset, count, multiples of 8 -> offset, next, count, bits */
#define VIO_MSG_BUS_PING    0x03u /* either way: word -> the same */
#define VIO_MSG_BUS_EVENT   0x40u /* to the driver: device, state, 16 bits each */

#define VIO_MSG_DEVICES_OFF   8u
#define VIO_MSG_DEVICES_N     10u /* in the request */
#define VIO_MSG_DEVICES_NEXT  10u /* in the response; RFC: next and count are swapped */
#define VIO_MSG_DEVICES_COUNT 12u
#define VIO_MSG_DEVICES_BITS  14u

#define VIO_MSG_BUS_READY   1u
#define VIO_MSG_BUS_REMOVED 2u

/* ---- the layout at the start of shared memory, 64 bytes, written by the device's side ---- */

#define VIO_MSGQ_MAGIC	    0u	/* 16 bits, written last */
#define VIO_MSGQ_LENGTH	    2u	/* 64 */
#define VIO_MSGQ_VERSION    4u	/* 1 */
#define VIO_MSGQ_FEATURES   6u	/* bit 0: a mask follows the words of notifications */
#define VIO_MSGQ_WORDS	    8u	/* 8 bits: words of notifications, 0 to 64 */
#define VIO_MSGQ_PER_DEVICE 9u	/* 8 bits: of which each device has 1, 2, 4, 8 or 16 bits */
#define VIO_MSGQ_N	    10u /* elements of each FIFO */
#define VIO_MSGQ_ELEMENT    12u /* bytes of each */
#define VIO_MSGQ_RESERVED   14u
/* 64 bits each, from the start of shared memory; first those that the device's side writes, then the driver's */
#define VIO_MSGQ_OFFSETS 16u
#define VIO_MSGQ_NOTIF	 0u /* index: words of notifications, then those that acknowledge them */
#define VIO_MSGQ_HEAD	 1u
#define VIO_MSGQ_FIFO	 2u
#define VIO_MSGQ_BYTES	 64u

#define VIO_MSGQ_LAYOUT_OK 0x4c4fu
#define VIO_MSGQ_HEAD_OK   0x514fu

/* A queue head, 8 bytes: magic, status, then index of the next element I write, of the next I read of the other's */
#define VIO_MSGQ_QH_MAGIC  0u
#define VIO_MSGQ_QH_STATUS 2u
#define VIO_MSGQ_QH_TAIL   4u
#define VIO_MSGQ_QH_HEAD   6u
#define VIO_MSGQ_QH_BYTES  8u

#define VIO_MSGQ_STATE	   0x1fu /* of the status */
#define VIO_MSGQ_INIT	   0u
#define VIO_MSGQ_READY	   1u
#define VIO_MSGQ_RUN	   2u
#define VIO_MSGQ_SHUTDOWN  3u
#define VIO_MSGQ_PEER_DEAD 4u

#endif
