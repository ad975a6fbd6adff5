/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * wire.h - what crosses the window: virtio-msg revision 1 and the AMP shared-memory layout, version 1
 *
 * Everything is little-endian. A payload is looked at as words of 32 bits; the enumerations below name them.
 */
#ifndef STRATOS_MSG_WIRE_H
#define STRATOS_MSG_WIRE_H

#include <linux/types.h>

/* ---- messages ---- */

#define WIRE_RESPONSE 0x01 /* bits of `type` */
#define WIRE_BUS      0x02

#define WIRE_HEAD 8
#define WIRE_MIN  52  /* smallest element that carries every message */
#define WIRE_MAX  264 /* head and 256 bytes: nothing is larger */

enum wire_id { /* requests of a device, answered */
	       WIRE_GET_DEVICE_INFO = 0x02,
	       WIRE_GET_FEATURES = 0x03,
	       WIRE_SET_FEATURES = 0x04,
	       WIRE_GET_CONFIG = 0x05,
	       WIRE_SET_CONFIG = 0x06,
	       WIRE_GET_STATUS = 0x07,
	       WIRE_SET_STATUS = 0x08,
	       WIRE_GET_QUEUE = 0x09,
	       WIRE_SET_QUEUE = 0x0a,
	       WIRE_RESET_QUEUE = 0x0b,
	       /* events, not answered */
	       WIRE_EVENT_CONFIG = 0x40,
	       WIRE_EVENT_AVAIL = 0x41,
	       WIRE_EVENT_USED = 0x42,
};

enum wire_bus_id {
	WIRE_BUS_GET_DEVICES = 0x02,
	WIRE_BUS_PING = 0x03,
	WIRE_BUS_EVENT_DEVICE = 0x40,
};

#define WIRE_DEVICE_READY   1 /* states in EVENT_DEVICE */
#define WIRE_DEVICE_REMOVED 2

#define WIRE_QUEUE_ENABLE 1 /* flags of SET_VQUEUE; reserved in the draft of 2025 */

/* Words of the payloads, where the drafts agree. */
enum wire_word {
	/* GET_DEVICE_INFO, answer; what follows is in struct wire_info_words */
	W_INFO_ID = 0,
	W_INFO_VENDOR = 1,
	/* GET_FEATURES, SET_FEATURES */
	W_FEATURES_FIRST = 0,
	W_FEATURES_COUNT = 1,
	W_FEATURES_BITS = 2,
	/* GET_CONFIG */
	W_GET_CONFIG_OFFSET = 0,
	W_GET_CONFIG_LENGTH = 1,
	/* answer to GET_CONFIG, SET_CONFIG and its answer */
	W_CONFIG_GENERATION = 0,
	W_CONFIG_OFFSET = 1,
	W_CONFIG_LENGTH = 2,
	W_CONFIG_DATA = 3,
	/* EVENT_CONFIG */
	W_EVENT_STATUS = 0,
	/* GET_VQUEUE, its answer, SET_VQUEUE: the addresses are two words each */
	W_QUEUE_INDEX = 0,
	W_QUEUE_MAX = 1,
	W_QUEUE_FLAGS = 1,
	W_QUEUE_SIZE = 2,
	W_QUEUE_DESC = 4,
	W_QUEUE_DRIVER = 6,
	W_QUEUE_DEVICE = 8,
	W_QUEUE_END = 10,
};

struct wire_head {
	u8 type;
	u8 id;
	__le16 dev;
	__le16 token; /* echoed by the answer */
	__le16 size;  /* bytes, with this head */
} __packed;

struct wire_msg {
	struct wire_head head;
	union {
		__le32 word[(WIRE_MAX - WIRE_HEAD) / 4];
		u8 byte[WIRE_MAX - WIRE_HEAD];
	};
} __aligned(8);

/* ---- the window: AMP shared-memory layout, version 1 ---- */

#define WIRE_LAYOUT_MAGIC 0x4c4f
#define WIRE_QUEUE_MAGIC  0x514f

enum wire_side { /* status of a side */
		 WIRE_INIT = 0,
		 WIRE_READY = 1,
		 WIRE_RUN = 2,
		 WIRE_SHUTDOWN = 3,
		 WIRE_PEER_DEAD = 4,
};

struct wire_layout {
	__le16 magic; /* written last, by the device side */
	__le16 length;
	__le16 version;
	__le16 features;
	u8 num_notif;
	u8 vq_notif_per_device;
	__le16 num_elements;
	__le16 element_size;
	__le16 reserved;
	__le64 dev_notif;
	__le64 dev_head;
	__le64 dev_elements;
	__le64 drv_notif;
	__le64 drv_head;
	__le64 drv_elements;
} __packed;

struct wire_side_head { /* one a side, written by its owner only */
	__le16 magic;
	__le16 status;
	__le16 tail; /* where I put my next message */
	__le16 head; /* where I take the peer's next message */
} __packed __aligned(2);

#endif
