/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * watchdog.h - wire layout of the watchdog device
 *
 * source: docs/standards/watchdog.md, a draft: virtio 1.4 has the device id and no chapter. Multi-byte fields are
 * little-endian, times are milliseconds.
 */
#ifndef VIO_SPEC_WATCHDOG_H
#define VIO_SPEC_WATCHDOG_H

#include "../base.h"

#define VIO_WATCHDOG_ID 35u

#define VIO_WATCHDOG_F_STOP	  (1ULL << 0)
#define VIO_WATCHDOG_F_PRETIMEOUT (1ULL << 1)
#define VIO_WATCHDOG_F_ENDURE	  (1ULL << 2)

#define VIO_WATCHDOG_REQUESTQ 0u
#define VIO_WATCHDOG_EVENTQ   1u /* with PRETIMEOUT only */

struct vio_watchdog_config {
	uint32_t timeout_min;	  /* > 0 */
	uint32_t timeout_max;	  /* >= timeout_default */
	uint32_t timeout_default; /* >= timeout_min */
	uint32_t actions;	  /* bit n: action n can be asked for; bit 0 is set */
	uint8_t action_default;	  /* what action 0 is, 1 to 5 */
	uint8_t reserved[3];
};
VIO_ASSERT_SIZE(struct vio_watchdog_config, 20);
VIO_ASSERT_AT(struct vio_watchdog_config, action_default, 16);

#define VIO_WATCHDOG_A_DEFAULT	0u /* the one that the configuration names */
#define VIO_WATCHDOG_A_NONE	1u /* it is recorded, nothing else */
#define VIO_WATCHDOG_A_RESET	2u
#define VIO_WATCHDOG_A_POWEROFF 3u
#define VIO_WATCHDOG_A_PAUSE	4u
#define VIO_WATCHDOG_A_NMI	5u
#define VIO_WATCHDOG_ACTIONS	6u

/* requestq: first bytes of the readable part; all of it but for START */
struct vio_watchdog_req_head {
	uint16_t type;	/* VIO_WATCHDOG_REQ_* */
	uint16_t flags; /* VIO_WATCHDOG_FLAG_* */
};
VIO_ASSERT_SIZE(struct vio_watchdog_req_head, 4);

#define VIO_WATCHDOG_REQ_START	    1u
#define VIO_WATCHDOG_REQ_STOP	    2u
#define VIO_WATCHDOG_REQ_KICK	    3u
#define VIO_WATCHDOG_REQ_GET_STATUS 4u

#define VIO_WATCHDOG_FLAG_NOWAYOUT (1u << 0) /* START */

struct vio_watchdog_req_start {
	struct vio_watchdog_req_head head;
	uint32_t timeout;
	uint32_t pretimeout; /* before the timeout; 0: none */
	uint8_t action;	     /* VIO_WATCHDOG_A_* */
	uint8_t reserved[3];
};
VIO_ASSERT_SIZE(struct vio_watchdog_req_start, 16);
VIO_ASSERT_AT(struct vio_watchdog_req_start, action, 12);

/* requestq: first bytes of the writable part; all of it but for GET_STATUS */
struct vio_watchdog_resp_head {
	uint8_t status; /* VIO_WATCHDOG_S_* */
	uint8_t reserved[3];
};
VIO_ASSERT_SIZE(struct vio_watchdog_resp_head, 4);

#define VIO_WATCHDOG_S_OK     0u
#define VIO_WATCHDOG_S_UNSUPP 1u /* no such request, or not with these features */
#define VIO_WATCHDOG_S_INVAL  2u /* sizes, ranges, reserved bits */
#define VIO_WATCHDOG_S_STATE  3u /* not now: it is not running, or there is no way out */
#define VIO_WATCHDOG_S_IO     4u /* what the device stands on failed */

struct vio_watchdog_resp_status {
	uint8_t status;
	uint8_t state;	/* VIO_WATCHDOG_STATE_* */
	uint8_t action; /* 1 to 5; of the last START, the default before it */
	uint8_t reserved;
	uint32_t timeout;    /* of the last START, the default before it */
	uint32_t pretimeout; /* likewise, 0 */
	uint32_t time_left;  /* rounded up; 0: not running */
};
VIO_ASSERT_SIZE(struct vio_watchdog_resp_status, 16);
VIO_ASSERT_AT(struct vio_watchdog_resp_status, time_left, 12);

#define VIO_WATCHDOG_STATE_RUNNING  (1u << 0)
#define VIO_WATCHDOG_STATE_NOWAYOUT (1u << 1) /* only with RUNNING */
#define VIO_WATCHDOG_STATE_EXPIRED  (1u << 2) /* that is how it ended last; START clears it */

/* eventq, writable part */
struct vio_watchdog_event {
	uint16_t type; /* VIO_WATCHDOG_EVENT_* */
	uint8_t reserved[2];
	uint32_t time_left; /* when this was written */
};
VIO_ASSERT_SIZE(struct vio_watchdog_event, 8);

#define VIO_WATCHDOG_EVENT_PRETIMEOUT 1u

#endif
