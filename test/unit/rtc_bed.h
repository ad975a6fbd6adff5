/* SPDX-License-Identifier: BSD-3-Clause */
/* rtc_bed.h - requests of the RTC device, for its tests */
#ifndef TEST_RTC_BED_H
#define TEST_RTC_BED_H

#include "rig.h"
#include "vio/rtc.h"

#define REQ   VIO_RTC_REQUESTQ
#define EVT   VIO_RTC_ALARMQ
#define ALARM VIO_RTC_F_ALARM

#define OK     VIO_RTC_S_OK
#define NOTSUP VIO_RTC_S_EOPNOTSUPP
#define NODEV  VIO_RTC_S_ENODEV
#define INVAL  VIO_RTC_S_EINVAL
#define EIO_   VIO_RTC_S_EIO

/* A message about a clock: head, clock_id, arg (counter or flags), zeroes. */
static inline void rtc_message(uint8_t *out, uint16_t type, uint16_t clock, uint8_t arg)
{
	memset(out, 0, 16);
	vio_pack16(out, type);
	vio_pack16(out + 8, clock);
	out[10] = arg;
}

static inline void rtc_set_message(uint8_t *out, uint64_t at, uint16_t clock, uint8_t flags)
{
	memset(out, 0, 24);
	vio_pack16(out, VIO_RTC_REQ_SET_ALARM);
	vio_pack64(out + 8, at);
	vio_pack16(out + 16, clock);
	out[18] = flags;
}

/* returns: the status; the answer is in r->in */
static inline uint8_t rtc_call(struct rig *g, struct rig_req *r, uint16_t type, uint16_t clock,
			       uint8_t arg)
{
	uint8_t out[16];

	rtc_message(out, type, clock, arg);
	rig_do(g, REQ, r, out, 16, 24);
	assert_true(r->back);
	return r->in[0];
}

static inline uint64_t rtc_now(struct rig *g, uint16_t clock)
{
	struct rig_req r;

	assert_int_equal(rtc_call(g, &r, VIO_RTC_REQ_READ, clock, 0), OK);
	return vio_unpack64(r.in + 8);
}

static inline uint8_t rtc_set(struct rig *g, uint64_t at, uint16_t clock, uint8_t flags)
{
	struct rig_req r;
	uint8_t out[24];

	rtc_set_message(out, at, clock, flags);
	rig_do(g, REQ, &r, out, 24, 8);
	assert_true(r.back);
	assert_int_equal(r.len, 8);
	return r.in[0];
}

static inline uint8_t rtc_enable(struct rig *g, uint16_t clock, uint8_t flags)
{
	struct rig_req r;

	return rtc_call(g, &r, VIO_RTC_REQ_SET_ALARM_ENABLED, clock, flags);
}

/* Give the device a buffer for a notification. */
static inline void rtc_buffer(struct rig *g, struct rig_req *r)
{
	rig_do(g, EVT, r, "", 0, 16);
}

/* The clock that a notification names */
static inline int rtc_notified(const struct rig_req *r)
{
	static const uint8_t zero[6];

	if (!r->back) {
		return -1;
	}
	assert_int_equal(r->len, 16);
	assert_int_equal(vio_unpack16(r->in), VIO_RTC_NOTIF_ALARM);
	assert_memory_equal(r->in + 2, zero, 6);
	assert_memory_equal(r->in + 10, zero, 6);
	return vio_unpack16(r->in + 8);
}

#endif
