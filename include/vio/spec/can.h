/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * can.h - wire layout of the CAN device
 *
 * source: virtio 1.4, 5.20. Multi-byte fields are little-endian.
 */
#ifndef VIO_SPEC_CAN_H
#define VIO_SPEC_CAN_H

#include "../base.h"

#define VIO_CAN_ID 36u

#define VIO_CAN_F_CLASSIC     (1ULL << 0)
#define VIO_CAN_F_FD	      (1ULL << 1)
#define VIO_CAN_F_RTR	      (1ULL << 2) /* needs CLASSIC */
#define VIO_CAN_F_LATE_TX_ACK (1ULL << 3)

#define VIO_CAN_TXQ	 0u
#define VIO_CAN_RXQ	 1u
#define VIO_CAN_CONTROLQ 2u

struct vio_can_config {
	uint16_t status; /* VIO_CAN_S_CTRL_BUSOFF */
};
VIO_ASSERT_SIZE(struct vio_can_config, 2);

#define VIO_CAN_S_CTRL_BUSOFF (1u << 0)

#define VIO_CAN_RESULT_OK     0u
#define VIO_CAN_RESULT_NOT_OK 1u

/* controlq: the readable part; the writable part is the result, one byte */
#define VIO_CAN_SET_CTRL_MODE_START 0x0201u
#define VIO_CAN_SET_CTRL_MODE_STOP  0x0202u

/*
 * txq: the readable part, of which the writable part is the result, one byte; rxq: the writable part. Data follows.
 */
struct vio_can_head {
	uint16_t msg_type; /* VIO_CAN_TX, VIO_CAN_RX */
	uint16_t
		length; /* bytes of data: 0 to 8, with FD to 64; RTR: of the data that is asked for */
	uint8_t reserved_classic_dlc;
	uint8_t padding;
	uint16_t reserved_xl_priority;
	uint32_t flags;	 /* VIO_CAN_FLAGS_* */
	uint32_t can_id; /* 11 bits, with EXTENDED 29 */
};
VIO_ASSERT_SIZE(struct vio_can_head, 16);
VIO_ASSERT_AT(struct vio_can_head, flags, 8);
VIO_ASSERT_AT(struct vio_can_head, can_id, 12);

#define VIO_CAN_TX 0x0001u
#define VIO_CAN_RX 0x0101u

#define VIO_CAN_FLAGS_RTR      0x2000u
#define VIO_CAN_FLAGS_FD       0x4000u
#define VIO_CAN_FLAGS_EXTENDED 0x8000u

#define VIO_CAN_STANDARD_MAX 0x7ffu
#define VIO_CAN_EXTENDED_MAX 0x1fffffffu
#define VIO_CAN_CLASSIC_LEN  8u
#define VIO_CAN_FD_LEN	     64u

#endif
