/* SPDX-License-Identifier: BSD-3-Clause */
/* bend_rtc.c - broken RTC devices */
#include <string.h>
#include "test/conform/bends.h"

#define RTC "rtc,host=sim"

/* messages by their low byte; those of 0x10xx have 0x10 behind it */
enum { READ = 1, CFG = 0, CAP = 1, CROSS = 2, READ_ALARM = 3, SET_ALARM = 4, SET_ENABLED = 5 };

static bool is(const struct bent_req *r, uint8_t high, uint8_t low)
{
	return r->vq == 0 && r->out_len > 1 && r->out[1] == high && r->out[0] == low;
}

static void always_ok(struct bent_req *r)
{
	r->in[0] = r->vq == 0 ? 0 : r->in[0];
}

static void io_error(struct bent_req *r)
{
	r->in[0] = r->in[0] != 0 ? 5 : 0;
}

static void fills(struct bent_req *r)
{
	if (r->in_len > 32) {
		memset(r->in + 16, 0, r->in_len - 16);
	}
}

static void junk(struct bent_req *r)
{
	if (is(r, 0, READ)) {
		r->in[7] = 1;
	} else if (r->in_len > 15) {
		r->in[13] = 1;
	}
}

static void another(struct bent_req *r)
{
	if (!is(r, 0, READ) && r->in_len > 15) {
		r->in[8] = (uint8_t)(r->in[8] ^ (r->n >= 3));
	}
}

static void flag(struct bent_req *r)
{
	if (is(r, 0x10, CAP)) {
		r->in[10] |= 0x81;
	}
}

static void no_flag(struct bent_req *r)
{
	if (is(r, 0x10, CAP)) {
		r->in[10] = 0;
	}
}

static void smeared(struct bent_req *r)
{
	if (is(r, 0x10, CAP)) {
		r->in[9] = 2;
	}
}

static void one_fails(struct bent_req *r)
{
	if (is(r, 0, READ) && r->out[8] == 1) {
		r->in[0] = 5;
	}
}

static void back(struct bent_req *r)
{
	if (is(r, 0, READ)) {
		memset(r->in + 8, 0xff - (int)r->n, 8);
	}
}

static void seconds(struct bent_req *r)
{
	if (is(r, 0, READ)) {
		memmove(r->in + 8, r->in + 11, 5); /* 16777216 ns are one */
		memset(r->in + 13, 0, 3);
	}
}

static void odd_status(struct bent_req *r)
{
	r->in[0] = is(r, 0, 2) ? 1 : r->in[0];
}

static void other_time(struct bent_req *r)
{
	if (is(r, 0x10, READ_ALARM)) {
		r->in[8] ^= 1;
	}
}

static void refuses_most(struct bent_req *r)
{
	if (is(r, 0x10, SET_ALARM) && r->out[15] == 0xff) {
		r->in[0] = 4;
	}
}

static void forgets_time(struct bent_req *r)
{
	static bool on;

	on = on || is(r, 0x10, SET_ENABLED);
	if (is(r, 0x10, READ_ALARM) && on) {
		memset(r->in + 8, 0, 8);
	}
}

static void no_event(struct bent_req *r)
{
	r->lost = r->vq == 1;
}

static void other_clock(struct bent_req *r)
{
	if (r->vq == 1) {
		r->in[8] ^= 1;
	}
}

static void early(struct bent_req *r)
{
	if (is(r, 0x10, SET_ALARM)) {
		memset(r->out + 8, 0, 8);
	}
}

/* To read an alarm enables it, so what expired expires again. */
static void again(struct bent_req *r)
{
	if (is(r, 0x10, READ_ALARM)) {
		r->out[0] = SET_ENABLED;
		r->out[10] = 1;
	}
}

/* Enabled once, it cannot be disabled. */
static void goes_on(struct bent_req *r)
{
	if (is(r, 0x10, SET_ENABLED)) {
		r->out[10] = 1;
	}
}

/* clang-format off */
const struct bend bends_rtc[] = {
	{ .rule = "rtc.unknown-message", .device = RTC, .answer = always_ok, .says = "status 0, not 2" },
	{ .rule = "rtc.unknown-message", .device = RTC, .answer = io_error, .says = "status 5, not 2" },
	{ .rule = "rtc.unknown-counter", .device = RTC, .answer = always_ok, .says = "status 0, not 2" },
	{ .rule = "rtc.unknown-clock", .device = RTC, .answer = io_error, .says = "status 5, not 3" },
	{ .rule = "rtc.short-request", .device = RTC, .answer = always_ok, .says = "status 0, not 4" },
	{ .rule = "rtc.short-response", .device = RTC, .answer = io_error, .says = "status 5, not 4" },
	{ .rule = "rtc.status-only", .device = RTC, .answer = always_ok, .says = "it is 0" },
	{ .rule = "rtc.longer", .device = RTC, .answer = fills, .says = "byte 16 behind" },
	{ .rule = "rtc.reserved-cfg", .device = RTC, .answer = junk, .says = "reserved byte 13" },
	{ .rule = "rtc.reserved-cap", .device = RTC, .answer = junk, .says = "reserved byte 13" },
	{ .rule = "rtc.reserved-cross", .device = RTC, .answer = junk, .says = "reserved byte 13" },
	{ .rule = "rtc.reserved-read", .device = RTC, .answer = junk, .says = "reserved byte 7" },
	{ .rule = "rtc.same-cfg", .device = RTC, .answer = another, .says = "another response" },
	{ .rule = "rtc.same-cap", .device = RTC, .answer = another, .says = "another response" },
	{ .rule = "rtc.same-cross", .device = RTC, .answer = another, .says = "another response" },
	{ .rule = "rtc.flags", .device = RTC, .answer = flag, .says = "clock 0 has flags 0x81" },
	{ .rule = "rtc.flags-alarm", .device = RTC, .answer = flag, .says = "clock 0 has flags 0x81" },
	{ .rule = "rtc.smearing", .device = RTC, .answer = smeared, .says = "leap_second_smearing 2" },
	{ .rule = "rtc.read", .device = RTC, .answer = one_fails, .says = "for clock 1: status 5" },
	{ .rule = "rtc.read-order", .device = RTC, .answer = back, .says = "comes after" },
	{ .rule = "rtc.read-unit", .device = RTC, .answer = seconds, .says = "its clock went on by" },
	{ .rule = "rtc.read-cross", .device = RTC, .answer = odd_status, .says = "status 1" },
	{ .rule = "rtc.alarm-absent", .device = RTC, .answer = always_ok, .says = "status 0" },
	{ .rule = "rtc.alarm-some", .device = RTC, .answer = no_flag, .says = "none of its" },
	{ .rule = "rtc.alarm-cap", .device = RTC, .answer = no_flag, .says = "has no ALARM_CAP" },
	{ .rule = "rtc.alarm-set", .device = RTC, .answer = other_time, .says = "the alarm time is" },
	{ .rule = "rtc.alarm-any", .device = RTC, .answer = refuses_most, .says = "status 4" },
	{ .rule = "rtc.alarm-retained", .device = RTC, .answer = forgets_time, .says = "the alarm time is 0x0" },
	{ .rule = "rtc.alarm-past", .device = RTC, .answer = no_event, .says = "an answer did not come" },
	{ .rule = "rtc.alarm-past", .device = RTC, .answer = other_clock, .says = "for clock 1" },
	{ .rule = "rtc.alarm-enabled", .device = RTC, .answer = no_event, .says = "an answer did not come" },
	{ .rule = "rtc.alarm-reached", .device = RTC, .answer = no_event, .says = "an answer did not come" },
	{ .rule = "rtc.alarm-read", .device = RTC, .ask = early, .says = "less than the alarm" },
	{ .rule = "rtc.alarm-late-buffer", .device = RTC, .answer = no_event, .says = "an answer did not come" },
	{ .rule = "rtc.alarm-once", .device = RTC, .ask = again, .says = "a second time" },
	{ .rule = "rtc.alarm-stops", .device = RTC, .ask = goes_on, .says = "after the alarm was disabled" },
	{ .rule = NULL },
};
/* clang-format on */
