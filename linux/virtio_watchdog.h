/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/*
 * virtio_watchdog.h - wire layout of the watchdog device, as it would stand in include/uapi/linux/
 *
 * source: docs/standards/watchdog.md, a draft. Times are milliseconds.
 */
#ifndef VIRTIO_WATCHDOG_H
#define VIRTIO_WATCHDOG_H

#include <linux/types.h>
#include <linux/virtio_types.h>

#define VIRTIO_ID_WATCHDOG_DRAFT 35

#define VIRTIO_WATCHDOG_F_STOP	     0 /* the driver can stop it */
#define VIRTIO_WATCHDOG_F_PRETIMEOUT 1 /* the device warns before it expires */
#define VIRTIO_WATCHDOG_F_ENDURE     2 /* without a way out it goes on over a reset of the device */

struct virtio_watchdog_config {
	__le32 timeout_min;
	__le32 timeout_max;
	__le32 timeout_default;
	__le32 actions; /* bit n: action n can be asked for */
	__u8 action_default;
	__u8 reserved[3];
};

#define VIRTIO_WATCHDOG_A_DEFAULT  0
#define VIRTIO_WATCHDOG_A_NONE	   1
#define VIRTIO_WATCHDOG_A_RESET	   2
#define VIRTIO_WATCHDOG_A_POWEROFF 3
#define VIRTIO_WATCHDOG_A_PAUSE	   4
#define VIRTIO_WATCHDOG_A_NMI	   5

struct virtio_watchdog_req_head {
	__le16 type;
	__le16 flags;
};

#define VIRTIO_WATCHDOG_REQ_START      1
#define VIRTIO_WATCHDOG_REQ_STOP       2
#define VIRTIO_WATCHDOG_REQ_KICK       3
#define VIRTIO_WATCHDOG_REQ_GET_STATUS 4

#define VIRTIO_WATCHDOG_FLAG_NOWAYOUT (1 << 0) /* START */

/* The other requests are the head alone. */
struct virtio_watchdog_req_start {
	struct virtio_watchdog_req_head head;
	__le32 timeout;
	__le32 pretimeout; /* 0: none */
	__u8 action;
	__u8 reserved[3];
};

struct virtio_watchdog_resp_head {
	__u8 status;
	__u8 reserved[3];
};

#define VIRTIO_WATCHDOG_S_OK	 0
#define VIRTIO_WATCHDOG_S_UNSUPP 1
#define VIRTIO_WATCHDOG_S_INVAL	 2
#define VIRTIO_WATCHDOG_S_STATE	 3
#define VIRTIO_WATCHDOG_S_IO	 4

/* The answers to the other requests are the head alone. */
struct virtio_watchdog_resp_status {
	__u8 status;
	__u8 state;
	__u8 action;
	__u8 reserved;
	__le32 timeout;
	__le32 pretimeout;
	__le32 time_left;
};

#define VIRTIO_WATCHDOG_STATE_RUNNING  (1 << 0)
#define VIRTIO_WATCHDOG_STATE_NOWAYOUT (1 << 1)
#define VIRTIO_WATCHDOG_STATE_EXPIRED  (1 << 2)

struct virtio_watchdog_event {
	__le16 type;
	__u8 reserved[2];
	__le32 time_left;
};

#define VIRTIO_WATCHDOG_EVENT_PRETIMEOUT 1

#endif
