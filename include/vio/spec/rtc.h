/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rtc.h - wire layout of the RTC device
 *
 * source: virtio 1.4, 5.23. Multi-byte fields are little-endian, times are nanoseconds since the clock's epoch.
 */
#ifndef VIO_SPEC_RTC_H
#define VIO_SPEC_RTC_H

#include "../base.h"

#define VIO_RTC_ID 17u

#define VIO_RTC_F_ALARM (1ULL << 0)

#define VIO_RTC_REQUESTQ 0u
#define VIO_RTC_ALARMQ	 1u

/* requestq: first bytes of the readable part */
struct vio_rtc_req_head {
	uint16_t msg_type; /* VIO_RTC_REQ_* */
	uint8_t reserved[6];
};
VIO_ASSERT_SIZE(struct vio_rtc_req_head, 8);

/* requestq: first bytes of the writable part */
struct vio_rtc_resp_head {
	uint8_t status; /* VIO_RTC_S_*; if not OK, what follows has no meaning */
	uint8_t reserved[7];
};
VIO_ASSERT_SIZE(struct vio_rtc_resp_head, 8);

#define VIO_RTC_S_OK	     0u
#define VIO_RTC_S_EOPNOTSUPP 2u
#define VIO_RTC_S_ENODEV     3u
#define VIO_RTC_S_EINVAL     4u
#define VIO_RTC_S_EIO	     5u

#define VIO_RTC_REQ_READ	      0x0001u
#define VIO_RTC_REQ_READ_CROSS	      0x0002u
#define VIO_RTC_REQ_CFG		      0x1000u
#define VIO_RTC_REQ_CLOCK_CAP	      0x1001u
#define VIO_RTC_REQ_CROSS_CAP	      0x1002u
#define VIO_RTC_REQ_READ_ALARM	      0x1003u
#define VIO_RTC_REQ_SET_ALARM	      0x1004u
#define VIO_RTC_REQ_SET_ALARM_ENABLED 0x1005u

/* READ, CLOCK_CAP, READ_ALARM; with arg: READ_CROSS, CROSS_CAP (a counter), SET_ALARM_ENABLED (flags) */
struct vio_rtc_req_clock {
	struct vio_rtc_req_head head;
	uint16_t clock_id;
	uint8_t arg;
	uint8_t reserved[5];
};
VIO_ASSERT_SIZE(struct vio_rtc_req_clock, 16);
VIO_ASSERT_AT(struct vio_rtc_req_clock, clock_id, 8);
VIO_ASSERT_AT(struct vio_rtc_req_clock, arg, 10);

struct vio_rtc_req_set_alarm {
	struct vio_rtc_req_head head;
	uint64_t alarm_time;
	uint16_t clock_id;
	uint8_t flags; /* VIO_RTC_FLAG_ALARM_ENABLED */
	uint8_t reserved[5];
};
VIO_ASSERT_SIZE(struct vio_rtc_req_set_alarm, 24);
VIO_ASSERT_AT(struct vio_rtc_req_set_alarm, alarm_time, 8);
VIO_ASSERT_AT(struct vio_rtc_req_set_alarm, clock_id, 16);
VIO_ASSERT_AT(struct vio_rtc_req_set_alarm, flags, 18);

struct vio_rtc_resp_cfg {
	struct vio_rtc_resp_head head;
	uint16_t num_clocks;
	uint8_t reserved[6];
};
VIO_ASSERT_SIZE(struct vio_rtc_resp_cfg, 16);

struct vio_rtc_resp_clock_cap {
	struct vio_rtc_resp_head head;
	uint8_t type;		      /* VIO_RTC_CLOCK_* */
	uint8_t leap_second_smearing; /* VIO_RTC_SMEAR_* */
	uint8_t flags;		      /* VIO_RTC_FLAG_ALARM_CAP */
	uint8_t reserved[5];
};
VIO_ASSERT_SIZE(struct vio_rtc_resp_clock_cap, 16);
VIO_ASSERT_AT(struct vio_rtc_resp_clock_cap, flags, 10);

#define VIO_RTC_FLAG_ALARM_CAP (1u << 0)

#define VIO_RTC_CLOCK_UTC		0u
#define VIO_RTC_CLOCK_TAI		1u
#define VIO_RTC_CLOCK_MONOTONIC		2u
#define VIO_RTC_CLOCK_UTC_SMEARED	3u
#define VIO_RTC_CLOCK_UTC_MAYBE_SMEARED 4u

#define VIO_RTC_SMEAR_UNSPECIFIED 0u
#define VIO_RTC_SMEAR_NOON_LINEAR 1u
#define VIO_RTC_SMEAR_UTC_SLS	  2u

#define VIO_RTC_COUNTER_ARM_VCT 0u
#define VIO_RTC_COUNTER_X86_TSC 1u
#define VIO_RTC_COUNTER_OWN	0xf0u /* up to 0xfe: an implementation's own */
#define VIO_RTC_COUNTER_INVALID 0xffu

struct vio_rtc_resp_cross_cap {
	struct vio_rtc_resp_head head;
	uint8_t flags; /* VIO_RTC_FLAG_CROSS_CAP */
	uint8_t reserved[7];
};
VIO_ASSERT_SIZE(struct vio_rtc_resp_cross_cap, 16);

#define VIO_RTC_FLAG_CROSS_CAP (1u << 0)

struct vio_rtc_resp_read {
	struct vio_rtc_resp_head head;
	uint64_t clock_reading;
};
VIO_ASSERT_SIZE(struct vio_rtc_resp_read, 16);

struct vio_rtc_resp_read_cross {
	struct vio_rtc_resp_head head;
	uint64_t clock_reading;
	uint64_t counter_cycles;
};
VIO_ASSERT_SIZE(struct vio_rtc_resp_read_cross, 24);

struct vio_rtc_resp_read_alarm {
	struct vio_rtc_resp_head head;
	uint64_t alarm_time;
	uint8_t flags; /* VIO_RTC_FLAG_ALARM_ENABLED */
	uint8_t reserved[7];
};
VIO_ASSERT_SIZE(struct vio_rtc_resp_read_alarm, 24);

#define VIO_RTC_FLAG_ALARM_ENABLED (1u << 0)

/* alarmq, writable part */
struct vio_rtc_notif_alarm {
	uint16_t msg_type; /* VIO_RTC_NOTIF_ALARM */
	uint8_t reserved[6];
	uint16_t clock_id;
	uint8_t reserved2[6];
};
VIO_ASSERT_SIZE(struct vio_rtc_notif_alarm, 16);
VIO_ASSERT_AT(struct vio_rtc_notif_alarm, clock_id, 8);

#define VIO_RTC_NOTIF_ALARM 0x2000u

#endif
