/* SPDX-License-Identifier: BSD-3-Clause */
/* t_rtc.c - the RTC device: answers, malformed requests, and which alarm reaches the guest when */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "rtc_bed.h"
#include "rig_row.h"

/* ---- clocks that do what they are told ---- */

#define CLOCKS 4u

struct fake {
	struct vio_rtc_clock clock[VIO_RTC_CLOCKS + 1u];
	struct vio_rtc_sink *sink;
	uint64_t now, cycles, watched[CLOCKS];
	bool on[CLOCKS];
	uint16_t n;
	int rc; /* what all verbs answer */
	unsigned closed;
};

static const struct vio_rtc_clock *fake_open(void *host, struct vio_rtc_sink *sink, uint16_t *n)
{
	struct fake *f = host;

	f->sink = sink;
	*n = f->n;
	return f->n == 0xffff ? NULL : f->clock;
}

static void fake_close(void *host)
{
	((struct fake *)host)->closed++;
}

static int fake_read(void *host, uint16_t clock, uint64_t *ns)
{
	struct fake *f = host;

	*ns = f->now + clock;
	return f->rc;
}

/* clock 0 has the TSC, clock 1 a counter of its own */
static int fake_cross(void *host, uint16_t clock, uint8_t counter, uint64_t *ns, uint64_t *cycles)
{
	struct fake *f = host;

	if (counter != (clock == 0 ? VIO_RTC_COUNTER_X86_TSC : 0xf3) || clock > 1) {
		return VIO_E_NOTSUP;
	}
	if (ns) {
		*ns = f->now;
		*cycles = f->cycles;
	}
	return f->rc;
}

static int fake_watch(void *host, uint16_t clock, uint64_t ns)
{
	struct fake *f = host;

	f->watched[clock] = ns;
	f->on[clock] = f->rc == VIO_OK;
	if (f->on[clock] && f->now >= ns) {
		f->sink->due(f->sink, clock);
	}
	return f->rc;
}

static void fake_unwatch(void *host, uint16_t clock)
{
	((struct fake *)host)->on[clock] = false;
}

static const struct vio_rtc_host_ops fake_ops = {
	.open = fake_open,
	.close = fake_close,
	.read = fake_read,
	.cross = fake_cross,
	.watch = fake_watch,
	.unwatch = fake_unwatch,
};

struct bed {
	struct rig g;
	struct vio_rtc dev;
	struct fake f;
};

static const struct fake four = {
	.n = CLOCKS,
	.clock = { { VIO_RTC_CLOCK_UTC, 0, true },
		   { VIO_RTC_CLOCK_TAI, 0, true },
		   { VIO_RTC_CLOCK_MONOTONIC, 0, false },
		   { VIO_RTC_CLOCK_UTC_SMEARED, VIO_RTC_SMEAR_UTC_SLS, true } },
	.now = 0x1122334455667788,
	.cycles = 0x8877665544332211,
};

static void bed_init(struct bed *b, uint64_t want)
{
	memset(b, 0, sizeof(*b));
	b->f = four;
	assert_int_equal(vio_rtc_init(&b->dev, rig_mem(&b->g), &fake_ops, &b->f), VIO_OK);
	assert_int_equal(rig_start(&b->g, &b->dev.dev, want), VIO_OK);
}

static void bed_end(struct bed *b)
{
	uint16_t n;

	assert_int_equal(rig_status(&b->g) & VIO_S_NEEDS_RESET, 0);
	assert_int_equal(rig_reset(&b->g), VIO_OK);
	for (n = 0; n < CLOCKS; n++) {
		assert_false(b->f.on[n]);
	}
	vio_rtc_fini(&b->dev);
	assert_int_equal(b->f.closed, 1);
	rig_end(&b->g);
}

/* ---- requests ---- */

/* Each message, right and wrong in each field. */

#define HEAD(t)	 t "000000000000"
#define R_INVAL	 "0400000000000000"
#define R_NODEV	 "0300000000000000"
#define R_NOTSUP "0200000000000000"
#define PAD5	 "0000000000"
#define PAD6	 "000000000000"
#define PAD8	 "0000000000000000"

static const struct row rows[] = {
	{ "cfg", HEAD("0010"), ALL, 16, "00000000000000000400000000000000" },
	{ "cfg, more room both ways", HEAD("0010") "ff", ALL, 17,
	  "00000000000000000400000000000000ee" },
	{ "cfg, no room", HEAD("0010"), ALL, 15, R_INVAL "eeeeeeeeeeeeee" },
	{ "cfg, room for the status only", HEAD("0010"), ALL, 1, "04" },
	{ "cfg, no room for a status", HEAD("0010"), ALL, 0, "" },
	{ "cfg, reserved byte 2", "0010010000000000", ALL, 16, R_INVAL PAD8 },
	{ "cfg, reserved byte 7", "0010000000000001", ALL, 16, R_INVAL PAD8 },
	{ "head without its end", HEAD("0010"), 7, 16, R_INVAL "eeeeeeeeeeeeeeee" },
	{ "nothing to read", HEAD("0010"), 0, 16, R_INVAL "eeeeeeeeeeeeeeee" },
	{ "type 0", HEAD("0000"), ALL, 8, R_NOTSUP },
	{ "type behind the last", HEAD("0610"), ALL, 8, R_NOTSUP },
	{ "type of a notification", HEAD("0020"), ALL, 8, R_NOTSUP },
	{ "type with the bytes the wrong way round", HEAD("1000"), ALL, 8, R_NOTSUP },
	{ "unknown type, status only", HEAD("ffff"), ALL, 1, "02" },

	{ "capabilities of UTC", HEAD("0110") "0000" PAD6, ALL, 16, PAD8 "0000010000000000" },
	{ "capabilities of TAI", HEAD("0110") "0100" PAD6, ALL, 16, PAD8 "0100010000000000" },
	{ "capabilities of monotonic", HEAD("0110") "0200" PAD6, ALL, 16, PAD8 "0200000000000000" },
	{ "capabilities of smeared", HEAD("0110") "0300" PAD6, ALL, 16, PAD8 "0302010000000000" },
	{ "capabilities, no such clock", HEAD("0110") "0400" PAD6, ALL, 16, R_NODEV PAD8 },
	{ "capabilities, highest clock", HEAD("0110") "ffff" PAD6, ALL, 16, R_NODEV PAD8 },
	{ "capabilities, no such clock and a reserved byte", HEAD("0110") "0400000000000001", ALL,
	  16, R_NODEV PAD8 },
	{ "capabilities, reserved byte 10", HEAD("0110") "0000010000000000", ALL, 16,
	  R_INVAL PAD8 },
	{ "capabilities, reserved byte 15", HEAD("0110") "0000000000000001", ALL, 16,
	  R_INVAL PAD8 },
	{ "capabilities, short", HEAD("0110") "0000" PAD6, 15, 16, R_INVAL "eeeeeeeeeeeeeeee" },
	{ "capabilities, head only", HEAD("0110"), ALL, 16, R_INVAL "eeeeeeeeeeeeeeee" },

	{ "read", HEAD("0100") "0100" PAD6, ALL, 16, PAD8 "8977665544332211" },
	{ "read, no such clock", HEAD("0100") "0400" PAD6, ALL, 16, R_NODEV PAD8 },
	{ "read, reserved byte 10", HEAD("0100") "0000010000000000", ALL, 16, R_INVAL PAD8 },
	{ "read, reserved byte 11", HEAD("0100") "0000000100000000", ALL, 16, R_INVAL PAD8 },
	{ "read, head's reserved byte",
	  "0100000000010000"
	  "0000" PAD6,
	  ALL, 16, R_INVAL PAD8 },
	{ "read, no room for the time", HEAD("0100") "0000" PAD6, ALL, 15,
	  R_INVAL "eeeeeeeeeeeeee" },
	{ "read, short", HEAD("0100") "0000" PAD6, 9, 16, R_INVAL "eeeeeeeeeeeeeeee" },

	{ "can TSC be had of UTC", HEAD("0210") "000001" PAD5, ALL, 16, PAD8 "0100000000000000" },
	{ "can TSC be had of TAI", HEAD("0210") "010001" PAD5, ALL, 16, PAD8 PAD8 },
	{ "can Arm's counter be had", HEAD("0210") "000000" PAD5, ALL, 16, PAD8 PAD8 },
	{ "can an own counter be had", HEAD("0210") "0100f3" PAD5, ALL, 16,
	  PAD8 "0100000000000000" },
	{ "an own counter that nobody knows", HEAD("0210") "0000f3" PAD5, ALL, 16, R_NOTSUP PAD8 },
	{ "the invalid counter", HEAD("0210") "0000ff" PAD5, ALL, 16, R_NOTSUP PAD8 },
	{ "a counter of nobody", HEAD("0210") "000002" PAD5, ALL, 16, R_NOTSUP PAD8 },
	{ "counter and reserved byte", HEAD("0210") "0000010000000001", ALL, 16, R_INVAL PAD8 },
	{ "counter of no clock", HEAD("0210") "0400ff" PAD5, ALL, 16, R_NODEV PAD8 },
	{ "counter, short", HEAD("0210") "000001" PAD5, 10, 16, R_INVAL "eeeeeeeeeeeeeeee" },

	{ "cross", HEAD("0200") "000001" PAD5, ALL, 24,
	  PAD8 "8877665544332211"
	       "1122334455667788" },
	{ "cross, pair that cannot be had", HEAD("0200") "010001" PAD5, ALL, 24,
	  R_NOTSUP PAD8 PAD8 },
	{ "cross, unknown counter", HEAD("0200") "000077" PAD5, ALL, 24, R_NOTSUP PAD8 PAD8 },
	{ "cross, no such clock", HEAD("0200") "ff0001" PAD5, ALL, 24, R_NODEV PAD8 PAD8 },
	{ "cross, reserved byte", HEAD("0200") "0000010100000000", ALL, 24, R_INVAL PAD8 PAD8 },
	{ "cross, room for the clock only", HEAD("0200") "000001" PAD5, ALL, 16,
	  R_INVAL "eeeeeeeeeeeeeeee" },

	{ "alarm at first", HEAD("0310") "0000" PAD6, ALL, 24, PAD8 PAD8 PAD8 },
	{ "alarm of a clock without", HEAD("0310") "0200" PAD6, ALL, 24, R_NODEV PAD8 PAD8 },
	{ "alarm of no clock", HEAD("0310") "0400" PAD6, ALL, 24, R_NODEV PAD8 PAD8 },
	{ "alarm, reserved byte 10", HEAD("0310") "0000010000000000", ALL, 24, R_INVAL PAD8 PAD8 },
	{ "alarm, no room", HEAD("0310") "0000" PAD6, ALL, 23,
	  R_INVAL "eeeeeeeeeeeeeeeeeeeeeeeeeeeeee" },

	{ "set",
	  HEAD("0410") "ffffffffffffffff"
		       "000001" PAD5,
	  ALL, 8, PAD8 },
	{ "set, off",
	  HEAD("0410") "0000000000000000"
		       "000000" PAD5,
	  ALL, 8, PAD8 },
	{ "set, flag 1", HEAD("0410") PAD8 "000002" PAD5, ALL, 8, R_INVAL },
	{ "set, flag 7", HEAD("0410") PAD8 "000081" PAD5, ALL, 8, R_INVAL },
	{ "set, reserved byte", HEAD("0410") PAD8 "0000010000000001", ALL, 8, R_INVAL },
	{ "set, clock without alarm", HEAD("0410") PAD8 "020001" PAD5, ALL, 8, R_NODEV },
	{ "set, no such clock", HEAD("0410") PAD8 "000101" PAD5, ALL, 8, R_NODEV },
	{ "set, as short as the others", HEAD("0410") PAD8 "000001" PAD5, 16, 8, R_INVAL },
	{ "set, a byte short", HEAD("0410") PAD8 "000001" PAD5, 23, 8, R_INVAL },
	{ "set, no room", HEAD("0410") PAD8 "000001" PAD5, ALL, 7, "04000000000000" },

	{ "enable", HEAD("0510") "000001" PAD5, ALL, 8, PAD8 },
	{ "disable", HEAD("0510") "000000" PAD5, ALL, 8, PAD8 },
	{ "enable, flag 1", HEAD("0510") "000003" PAD5, ALL, 8, R_INVAL },
	{ "enable, reserved byte", HEAD("0510") "0000010000010000", ALL, 8, R_INVAL },
	{ "enable, clock without alarm", HEAD("0510") "020001" PAD5, ALL, 8, R_NODEV },
	{ "enable, short", HEAD("0510") "000001" PAD5, 15, 8, R_INVAL },
};

static void test_messages(void **state)
{
	struct bed b;
	size_t n;

	(void)state;
	for (n = 0; n < sizeof(rows) / sizeof(rows[0]); n++) {
		bed_init(&b, ALARM);
		rig_row(&b.g, REQ, &rows[n]);
		bed_end(&b);
	}
}

/* Without the feature there are no alarms: the capability, the messages, the queue. */
static void test_without_alarm(void **state)
{
	struct rig_req r;
	struct bed b;

	(void)state;
	bed_init(&b, 0);
	assert_int_equal(rtc_call(&b.g, &r, VIO_RTC_REQ_CLOCK_CAP, 0, 0), OK);
	assert_int_equal(r.in[10], 0);
	assert_int_equal(rtc_call(&b.g, &r, VIO_RTC_REQ_READ_ALARM, 0, 0), NODEV);
	assert_int_equal(rtc_set(&b.g, 1, 0, 1), NODEV);
	assert_int_equal(rtc_enable(&b.g, 0, 1), NODEV);
	assert_false(b.f.on[0]);
	rtc_buffer(&b.g, &r);
	b.f.sink->due(b.f.sink, 0); /* a host that is wrong does no harm */
	rig_turn(&b.g);
	assert_false(r.back);
	bed_end(&b);
}

static void test_failing_host(void **state)
{
	struct rig_req r;
	struct bed b;

	(void)state;
	bed_init(&b, ALARM);
	assert_int_equal(rtc_set(&b.g, UINT64_MAX, 1, 1), OK);
	b.f.rc = VIO_E_IO;
	assert_int_equal(rtc_call(&b.g, &r, VIO_RTC_REQ_READ, 0, 0), EIO_);
	assert_int_equal(vio_unpack64(r.in + 8), 0); /* nothing of a failed reading gets out */
	assert_int_equal(rtc_call(&b.g, &r, VIO_RTC_REQ_READ_CROSS, 0, VIO_RTC_COUNTER_X86_TSC),
			 EIO_);
	assert_int_equal(rtc_set(&b.g, UINT64_MAX, 1, 1), EIO_);
	b.f.rc = VIO_OK;
	assert_int_equal(rtc_call(&b.g, &r, VIO_RTC_REQ_READ_ALARM, 1, 0), OK);
	assert_int_equal(r.in[16], 0); /* what could not be enabled is off */
	bed_end(&b);
}

/* ---- alarms ---- */

static void at(struct bed *b, uint64_t now, uint16_t clock)
{
	b->f.now = now;
	b->f.sink->due(b->f.sink, clock);
	rig_turn(&b->g);
}

static void test_alarm(void **state)
{
	struct rig_req r, e[2];
	struct bed b;

	(void)state;
	bed_init(&b, ALARM);
	b.f.now = 100;
	rtc_buffer(&b.g, &e[0]);
	assert_int_equal(rtc_set(&b.g, 500, 1, 1), OK);
	assert_true(b.f.on[1]);
	assert_int_equal(b.f.watched[1], 500);
	assert_int_equal(rtc_notified(&e[0]), -1);
	assert_int_equal(rtc_call(&b.g, &r, VIO_RTC_REQ_READ_ALARM, 1, 0), OK);
	assert_int_equal(vio_unpack64(r.in + 8), 500);
	assert_int_equal(r.in[16], VIO_RTC_FLAG_ALARM_ENABLED);
	at(&b, 500, 1);
	assert_int_equal(rtc_notified(&e[0]), 1);
	rtc_buffer(&b.g, &e[1]);
	assert_int_equal(rtc_notified(&e[1]), -1); /* once is enough */
	assert_int_equal(rtc_call(&b.g, &r, VIO_RTC_REQ_READ_ALARM, 1, 0), OK);
	assert_int_equal(r.in[16],
			 VIO_RTC_FLAG_ALARM_ENABLED); /* still enabled: it may come again */
	at(&b, 501, 1);
	assert_int_equal(rtc_notified(&e[1]), 1);
	bed_end(&b);
}

/* In the past: at once, by SET_ALARM and by SET_ALARM_ENABLED; switched off it keeps its time. */
static void test_alarm_in_the_past(void **state)
{
	struct rig_req r, e[3];
	struct bed b;

	(void)state;
	bed_init(&b, ALARM);
	b.f.now = 1000;
	rtc_buffer(&b.g, &e[0]);
	assert_int_equal(rtc_set(&b.g, 1000, 0, 1), OK);
	assert_int_equal(rtc_notified(&e[0]), 0);
	rtc_buffer(&b.g, &e[1]);
	assert_int_equal(rtc_set(&b.g, 3, 0, 0), OK);
	assert_int_equal(rtc_notified(&e[1]), -1);
	assert_false(b.f.on[0]);
	assert_int_equal(rtc_call(&b.g, &r, VIO_RTC_REQ_READ_ALARM, 0, 0), OK);
	assert_int_equal(vio_unpack64(r.in + 8), 3);
	assert_int_equal(r.in[16], 0);
	assert_int_equal(rtc_enable(&b.g, 0, 1), OK);
	assert_int_equal(b.f.watched[0], 3);
	assert_int_equal(rtc_notified(&e[1]), 0);
	assert_int_equal(rtc_enable(&b.g, 0, 0), OK);
	assert_int_equal(rtc_call(&b.g, &r, VIO_RTC_REQ_READ_ALARM, 0, 0), OK);
	assert_int_equal(vio_unpack64(r.in + 8), 3);
	rtc_buffer(&b.g, &e[2]);
	at(&b, 2000, 0); /* late: it is off */
	assert_int_equal(rtc_notified(&e[2]), -1);
	bed_end(&b);
}

/* No buffer: it waits for one. Several expiries are one notification; disabling drops it, so does a new time. */
static void test_alarm_waits_for_a_buffer(void **state)
{
	struct rig_req e[4];
	struct bed b;

	(void)state;
	bed_init(&b, ALARM);
	b.f.now = 100;
	assert_int_equal(rtc_set(&b.g, 200, 0, 1), OK);
	assert_int_equal(rtc_set(&b.g, 200, 3, 1), OK);
	at(&b, 200, 0);
	at(&b, 250, 0);
	at(&b, 250, 3);
	rtc_buffer(&b.g, &e[0]);
	assert_int_equal(rtc_notified(&e[0]), 0);
	rtc_buffer(&b.g, &e[1]);
	assert_int_equal(rtc_notified(&e[1]), 3);
	rtc_buffer(&b.g, &e[2]);
	assert_int_equal(rtc_notified(&e[2]), -1);
	at(&b, 260, 0);
	assert_int_equal(rtc_notified(&e[2]), 0);
	at(&b, 270, 0);
	assert_int_equal(rtc_enable(&b.g, 0, 0), OK);
	rtc_buffer(&b.g, &e[3]);
	assert_int_equal(rtc_notified(&e[3]), -1);
	at(&b, 270, 3);
	assert_int_equal(rtc_notified(&e[3]), 3);
	at(&b, 280, 3);
	assert_int_equal(rtc_set(&b.g, 900, 3, 1), OK);
	rtc_buffer(&b.g, &e[0]);
	assert_int_equal(rtc_notified(&e[0]), -1);
	bed_end(&b);
}

/* A buffer without room goes back empty, and the notification takes the next one. */
static void test_small_alarm_buffers(void **state)
{
	struct rig_req e[3];
	struct bed b;

	(void)state;
	bed_init(&b, ALARM);
	rig_add(&b.g, EVT, &e[0], "", 0, 15);
	rig_add(&b.g, EVT, &e[1], "x", 1, 0);
	rig_add(&b.g, EVT, &e[2], "", 0, 16);
	rig_kick(&b.g, EVT);
	assert_false(e[0].back);
	assert_int_equal(rtc_set(&b.g, 0, 0, 1), OK);
	assert_true(e[0].back && e[1].back);
	assert_int_equal(e[0].len, 0);
	assert_int_equal(rtc_notified(&e[2]), 0);
	bed_end(&b);
}

/* More alarms than the pool has requests, in one turn */
static void test_many_buffers(void **state)
{
	struct rig_req e[3 * VIO_RTC_DEPTH];
	struct bed b;
	size_t n;

	(void)state;
	bed_init(&b, ALARM);
	for (n = 0; n + 1 < sizeof(e) / sizeof(e[0]); n++) {
		rig_add(&b.g, EVT, &e[n], "", 0, 1);
	}
	rig_add(&b.g, EVT, &e[n], "", 0, 16);
	assert_int_equal(rtc_set(&b.g, 0, 0, 1), OK);
	rig_kick(&b.g, EVT);
	assert_int_equal(rtc_notified(&e[n]), 0);
	bed_end(&b);
}

static void test_reset_forgets(void **state)
{
	struct rig_req r, e;
	struct bed b;

	(void)state;
	bed_init(&b, ALARM);
	assert_int_equal(rtc_set(&b.g, 0, 0, 1), OK); /* due, no buffer */
	assert_int_equal(rtc_set(&b.g, UINT64_MAX, 1, 1), OK);
	rtc_buffer(&b.g, &e);
	assert_int_equal(rtc_notified(&e), 0);
	assert_int_equal(rtc_set(&b.g, 0, 3, 1), OK);
	assert_int_equal(rig_reset(&b.g), VIO_OK);
	assert_false(b.f.on[0] || b.f.on[1] || b.f.on[3]);
	b.f.sink->due(b.f.sink, 1); /* a late one */
	assert_int_equal(rig_drive(&b.g, ALARM), VIO_OK);
	rtc_buffer(&b.g, &e);
	assert_int_equal(rtc_notified(&e), -1);
	assert_int_equal(rtc_call(&b.g, &r, VIO_RTC_REQ_READ_ALARM, 1, 0), OK);
	assert_int_equal(vio_unpack64(r.in + 8), 0);
	assert_int_equal(r.in[16], 0);
	bed_end(&b);
}

static void test_hosts(void **state)
{
	struct fake f = four;
	struct rig g;
	struct vio_rtc dev;
	uint64_t offered;

	(void)state;
	memset(&dev, 0, sizeof(dev));
	assert_int_equal(vio_rtc_init(&dev, rig_mem(&g), NULL, &f), VIO_E_ARG);
	f.n = 0xffff;
	assert_int_equal(vio_rtc_init(&dev, &g.mem.m, &fake_ops, &f), VIO_E_IO);
	f.n = VIO_RTC_CLOCKS + 1;
	assert_int_equal(vio_rtc_init(&dev, &g.mem.m, &fake_ops, &f), VIO_E_ARG);
	assert_int_equal(f.closed, 1);
	f.n = 0;
	memset(&dev, 0, sizeof(dev));
	assert_int_equal(vio_rtc_init(&dev, &g.mem.m, &fake_ops, &f), VIO_OK);
	assert_int_equal(lb_init(&g.lb, &dev.dev, VIO_F_RINGS), VIO_OK);
	assert_int_equal(lb_bus.features(&g.lb, &offered), VIO_OK);
	assert_int_equal(offered & ALARM, 0);
	vio_rtc_fini(&dev);
	rig_end(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_without_alarm),
		cmocka_unit_test(test_failing_host),
		cmocka_unit_test(test_alarm),
		cmocka_unit_test(test_alarm_in_the_past),
		cmocka_unit_test(test_alarm_waits_for_a_buffer),
		cmocka_unit_test(test_small_alarm_buffers),
		cmocka_unit_test(test_many_buffers),
		cmocka_unit_test(test_reset_forgets),
		cmocka_unit_test(test_hosts),
	};
	int failed = cmocka_run_group_tests_name("rtc, split", tests, NULL, NULL);

	rig_packed = true;
	rig_piece = 12;
	failed += cmocka_run_group_tests_name("rtc, packed, in small pieces", tests, NULL, NULL);
	return failed;
}
