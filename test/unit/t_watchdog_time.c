/* SPDX-License-Identifier: BSD-3-Clause */
/* t_watchdog_time.c - when the watchdog device expires, warns, stops and does not stop */
#include "watchdog_dev.h"

#define GRACE MS

/* all that a host must have */
static const struct vio_watchdog_host_ops least_ops = {
	.open = fake_open,
	.expired = fake_expired,
};

static void test_kicks_and_expiry(void **state)
{
	struct rig_req r;
	struct bed b;
	unsigned n;

	(void)state;
	bed_init(&b);
	assert_int_equal(wd_left(&b.g), 0);
	assert_int_equal(wd_start(&b.g, 300, 0, VIO_WATCHDOG_A_NMI, 0), OK);
	assert_int_equal(b.f.timeout, 300);
	assert_int_equal(wd_state(&b.g), RUNNING);
	assert_int_equal(wd_left(&b.g), 300);
	for (n = 0; n < 10; n++) {
		pass(&b, 299);
		assert_int_equal(wd_left(&b.g), 1);
		assert_int_equal(wd_do(&b.g, KICK), OK);
		assert_int_equal(wd_left(&b.g), 300);
	}
	assert_int_equal(b.f.kicks, 10);
	pass(&b, 299);
	assert_int_equal(b.f.expiries, 0);
	rig_pass(&b.clock, MS / 2);
	assert_int_equal(wd_left(&b.g), 1); /* rounded up: it still runs */
	pass(&b, 3);
	assert_int_equal(b.f.expiries, 1);
	assert_int_equal(b.f.action, VIO_WATCHDOG_A_NMI);
	assert_int_equal(b.f.stops, 0);
	assert_int_equal(wd_ask(&b.g, &r, STATUS), OK);
	assert_int_equal(r.in[1], EXPIRED);
	assert_int_equal(r.in[2], VIO_WATCHDOG_A_NMI);
	assert_int_equal(vio_unpack32(r.in + 4), 300);
	assert_int_equal(vio_unpack32(r.in + 12), 0);
	assert_int_equal(wd_do(&b.g, KICK), STATE); /* too late */
	pass(&b, 1000);
	assert_int_equal(b.f.expiries, 1);
	/* the next driver sees how it ended, until it starts */
	assert_int_equal(rig_reset(&b.g), VIO_OK);
	assert_int_equal(b.f.stops, 0);
	assert_int_equal(rig_drive(&b.g, F_ALL), VIO_OK);
	assert_int_equal(wd_state(&b.g), EXPIRED);
	assert_int_equal(wd_start(&b.g, 300, 0, 0, 0), OK);
	assert_int_equal(wd_state(&b.g), RUNNING);
	bed_end(&b);
	assert_int_equal(b.f.stops, 1);
}

/* This process was late, the guest was not: its kick waits in the ring when the time is over. */
static void test_kick_in_time_taken_late(void **state)
{
	uint8_t out[4] = { KICK };
	struct rig_req r;
	struct bed b;

	(void)state;
	bed_init(&b);
	assert_int_equal(wd_start(&b.g, 300, 0, 0, 0), OK);
	rig_add(&b.g, REQ, &r, out, 4, 4);
	(void)vio_dvq_need_kick(&b.g.q[REQ]);	  /* it is in the ring */
	rig_pass(&b.clock, 5000 * MS);		  /* the timer comes first */
	assert_true(b.dev.timer.at > b.clock.ns); /* and a turn before it fires again */
	assert_int_equal(b.f.expiries, 0);
	rig_turn(&b.g);
	assert_true(r.back);
	assert_int_equal(r.in[0], OK);
	assert_int_equal(wd_left(&b.g), 300);
	pass(&b, 299);
	assert_int_equal(b.f.expiries, 0);
	pass(&b, 3);
	assert_int_equal(b.f.expiries, 1);
	bed_end(&b);
}

static void test_stop(void **state)
{
	struct bed b;

	(void)state;
	bed_init(&b);
	assert_int_equal(wd_do(&b.g, STOP), OK); /* it is stopped: that is what was wanted */
	assert_int_equal(b.f.stops, 0);
	assert_int_equal(wd_start(&b.g, 300, 100, 0, 0), OK);
	assert_int_equal(wd_do(&b.g, STOP), OK);
	assert_int_equal(b.f.stops, 1);
	assert_int_equal(rig_timers(&b.clock), 0);
	assert_int_equal(wd_state(&b.g), 0);
	assert_int_equal(wd_do(&b.g, KICK), STATE);
	pass(&b, 1000);
	assert_int_equal(b.f.expiries, 0);
	bed_end(&b);
	assert_int_equal(b.f.stops, 1);
	/* a driver that was not given STOP has no way out from the start */
	bed_make(&b, &plain, 0, &fake_ops);
	assert_int_equal(wd_start(&b.g, 300, 0, 0, 0), OK);
	assert_int_equal(wd_state(&b.g), RUNNING | NOWAY);
	assert_int_equal(wd_do(&b.g, STOP), UNSUPP);
	bed_end(&b);
}

/* START while it runs: anew in everything, but not weaker without a way out. */
static void test_start_again(void **state)
{
	struct rig_req r;
	struct bed b;

	(void)state;
	bed_init(&b);
	assert_int_equal(wd_start(&b.g, 300, 0, 0, 0), OK);
	pass(&b, 200);
	assert_int_equal(wd_start(&b.g, 50, 0, 0, 0), INVAL);
	assert_int_equal(wd_left(&b.g), 100); /* nothing has changed */
	assert_int_equal(wd_start(&b.g, 400, 10, VIO_WATCHDOG_A_NONE, 0), OK);
	assert_int_equal(wd_left(&b.g), 400);
	assert_int_equal(wd_start(&b.g, 500, 0, VIO_WATCHDOG_A_NMI, VIO_WATCHDOG_FLAG_NOWAYOUT),
			 OK);
	assert_int_equal(wd_state(&b.g), RUNNING | NOWAY);
	assert_int_equal(wd_do(&b.g, STOP), STATE);
	assert_int_equal(wd_start(&b.g, 500, 0, VIO_WATCHDOG_A_NONE, 0), STATE);
	assert_int_equal(wd_start(&b.g, 500, 0, 0, 0), STATE); /* the default is another one too */
	assert_int_equal(wd_start(&b.g, 700, 0, VIO_WATCHDOG_A_NMI, 0), OK);
	assert_int_equal(wd_ask(&b.g, &r, STATUS), OK);
	assert_int_equal(r.in[1], RUNNING | NOWAY);
	assert_int_equal(vio_unpack32(r.in + 4), 700);
	pass(&b, 702);
	assert_int_equal(b.f.expiries, 1);
	assert_int_equal(wd_state(&b.g), EXPIRED); /* that was the way out */
	assert_int_equal(wd_start(&b.g, 500, 0, 0, 0), OK);
	assert_int_equal(wd_do(&b.g, STOP), OK);
	bed_end(&b);
}

static void test_reset(void **state)
{
	struct vio_watchdog_rule rule = plain;
	struct rig_req r;
	struct bed b;

	(void)state;
	bed_init(&b);
	assert_int_equal(wd_start(&b.g, 300, 0, VIO_WATCHDOG_A_NMI, 0), OK);
	assert_int_equal(rig_reset(&b.g), VIO_OK);
	assert_int_equal(b.f.stops, 1);
	assert_int_equal(rig_timers(&b.clock), 0);
	assert_int_equal(rig_drive(&b.g, F_ALL), VIO_OK);
	assert_int_equal(wd_ask(&b.g, &r, STATUS), OK); /* as new */
	assert_int_equal(r.in[1], 0);
	assert_int_equal(r.in[2], VIO_WATCHDOG_A_RESET);
	assert_int_equal(vio_unpack32(r.in + 4), 1000);
	bed_end(&b);
	/* no way out, but not of those that endure */
	rule.endure = false;
	bed_make(&b, &rule, F_ALL, &fake_ops);
	assert_int_equal(wd_start(&b.g, 300, 0, 0, VIO_WATCHDOG_FLAG_NOWAYOUT), OK);
	assert_int_equal(rig_reset(&b.g), VIO_OK);
	assert_int_equal(b.f.stops, 1);
	bed_end(&b);
}

/* It watches over a reboot: the next driver finds it running, and cannot get rid of it by asking for less. */
static void test_endure(void **state)
{
	struct rig_req r, e;
	struct bed b;

	(void)state;
	bed_init(&b);
	rig_do(&b.g, EVT, &e, "", 0, 8);
	assert_int_equal(wd_start(&b.g, 300, 200, 0, VIO_WATCHDOG_FLAG_NOWAYOUT), OK);
	pass(&b, 50);
	assert_int_equal(rig_reset(&b.g), VIO_OK);
	assert_int_equal(b.f.stops, 0);
	rig_pass(&b.clock, 100 * MS); /* nobody is there to be warned */
	assert_int_equal(rig_drive(&b.g, 0), VIO_OK);
	rig_do(&b.g, EVT, &e, "", 0, 8);
	assert_false(e.back);
	assert_int_equal(wd_ask(&b.g, &r, STATUS), OK);
	assert_int_equal(r.in[1], RUNNING | NOWAY);
	assert_int_equal(vio_unpack32(r.in + 8), 0);
	assert_int_equal(vio_unpack32(r.in + 12), 150);
	assert_int_equal(wd_do(&b.g, KICK), OK);
	assert_int_equal(wd_left(&b.g), 300);
	assert_int_equal(wd_start(&b.g, 400, 0, 0, 0), OK);
	assert_int_equal(rig_reset(&b.g), VIO_OK);
	assert_int_equal(b.f.stops, 0);
	/* and none comes */
	rig_pass(&b.clock, 400 * MS);
	rig_pass(&b.clock, GRACE);
	assert_int_equal(b.f.expiries, 1);
	assert_int_equal(rig_drive(&b.g, F_ALL), VIO_OK);
	assert_int_equal(wd_state(&b.g), EXPIRED);
	assert_int_equal(wd_start(&b.g, 300, 0, 0, VIO_WATCHDOG_FLAG_NOWAYOUT), OK);
	assert_int_equal(rig_reset(&b.g), VIO_OK);
	bed_end(&b); /* the end of the device is its end */
	assert_int_equal(b.f.stops, 1);
}

/* ---- pre-timeout ---- */

static void buffer(struct bed *b, struct rig_req *r, uint32_t len)
{
	rig_do(&b->g, EVT, r, "", 0, len);
}

static void test_pretimeout(void **state)
{
	struct rig_req e[4];
	struct bed b;

	(void)state;
	bed_init(&b);
	buffer(&b, &e[0], 8);
	assert_int_equal(wd_start(&b.g, 300, 100, 0, 0), OK);
	pass(&b, 199);
	assert_false(e[0].back);
	pass(&b, 1);
	assert_true(e[0].back);
	assert_int_equal(e[0].len, 8);
	assert_memory_equal(e[0].in, "\1\0\0\0\x64\0\0\0", 8);
	/* once, then the end, unless there is a kick */
	buffer(&b, &e[1], 9);
	pass(&b, 99);
	assert_false(e[1].back);
	assert_int_equal(wd_do(&b.g, KICK), OK);
	pass(&b, 200);
	assert_true(e[1].back);
	assert_int_equal(e[1].len, 8);
	/* no buffer: kept until one comes, which says what is left then; one that is too small goes back */
	assert_int_equal(wd_do(&b.g, KICK), OK);
	pass(&b, 220);
	buffer(&b, &e[2], 7);
	assert_true(e[2].back);
	assert_int_equal(e[2].len, 0);
	assert_int_equal(e[2].in[0], 0xee);
	buffer(&b, &e[3], 8);
	assert_true(e[3].back);
	assert_int_equal(vio_unpack32(e[3].in + 4), 80);
	/* a kick takes back what was not told, so does the end */
	assert_int_equal(wd_do(&b.g, KICK), OK);
	pass(&b, 220);
	assert_int_equal(wd_do(&b.g, KICK), OK);
	buffer(&b, &e[0], 8);
	assert_false(e[0].back);
	pass(&b, 190);
	assert_int_equal(wd_do(&b.g, STOP), OK);
	pass(&b, 200);
	assert_false(e[0].back);
	assert_int_equal(b.f.expiries, 0);
	bed_end(&b);
}

static void test_without_pretimeout(void **state)
{
	struct rig_req e;
	struct bed b;

	(void)state;
	bed_make(&b, &plain, VIO_WATCHDOG_F_STOP, &fake_ops);
	buffer(&b, &e, 8);
	assert_int_equal(wd_start(&b.g, 300, 100, 0, 0), INVAL);
	assert_int_equal(wd_start(&b.g, 300, 0, 0, 0), OK);
	pass(&b, 310);
	assert_int_equal(b.f.expiries, 1);
	assert_false(e.back);
	bed_end(&b);
}

/* A clock whose timers come early */
static void test_early_timer(void **state)
{
	struct rig_req e[2];
	struct bed b;
	unsigned n;

	(void)state;
	bed_init(&b);
	buffer(&b, &e[0], 8);
	buffer(&b, &e[1], 8);
	assert_int_equal(wd_start(&b.g, 300, 100, 0, 0), OK);
	for (n = 0; n < 299; n++) {
		b.dev.timer.fire(&b.dev.timer);
		pass(&b, 1);
		assert_int_equal(b.f.expiries, 0);
		assert_int_equal(e[0].back, n >= 199);
	}
	assert_false(e[1].back);
	pass(&b, 3);
	assert_int_equal(b.f.expiries, 1);
	bed_end(&b);
}

/* ---- hosts ---- */

static void test_failing_host(void **state)
{
	struct bed b;

	(void)state;
	bed_init(&b);
	b.f.rc = VIO_E_IO;
	assert_int_equal(wd_start(&b.g, 300, 0, 0, 0), EIO_);
	assert_int_equal(wd_state(&b.g), 0);
	assert_int_equal(rig_timers(&b.clock), 0);
	b.f.rc = VIO_OK;
	assert_int_equal(wd_start(&b.g, 300, 0, 0, 0), OK);
	b.f.rc = VIO_E_IO;
	pass(&b, 200);
	assert_int_equal(wd_start(&b.g, 400, 0, 0, 0), EIO_);
	assert_int_equal(wd_left(&b.g), 100); /* as it was */
	assert_int_equal(wd_do(&b.g, KICK), EIO_);
	assert_int_equal(wd_left(&b.g), 300); /* the guest lives */
	bed_end(&b);
	assert_int_equal(b.f.stops, 1);
}

static void test_least_host(void **state)
{
	struct bed b;

	(void)state;
	bed_make(&b, &plain, F_ALL, &least_ops);
	assert_int_equal(wd_start(&b.g, 300, 0, 0, 0), OK);
	assert_int_equal(wd_do(&b.g, KICK), OK);
	assert_int_equal(wd_do(&b.g, STOP), OK);
	assert_int_equal(wd_start(&b.g, 300, 0, VIO_WATCHDOG_A_NONE, 0), OK);
	pass(&b, 302);
	assert_int_equal(b.f.expiries, 1);
	assert_int_equal(b.f.action, VIO_WATCHDOG_A_NONE);
	bed_end(&b);
}

/* A guest that breaks the ring is still watched. */
static void test_needs_reset(void **state)
{
	struct bed b;

	(void)state;
	bed_init(&b);
	assert_int_equal(wd_start(&b.g, 300, 0, 0, 0), OK);
	vio_dev_fail(&b.dev.dev);
	rig_pass(&b.clock, 300 * MS);
	rig_pass(&b.clock, GRACE);
	assert_int_equal(b.f.expiries, 1);
	assert_int_equal(rig_reset(&b.g), VIO_OK);
	vio_watchdog_fini(&b.dev);
	rig_end(&b.g);
}

/* The back-end died and another one took over: it has to be started again, and says so. */
static void test_crash(void **state)
{
	struct bed b, next;

	(void)state;
	bed_init(&b);
	rig_track(&b.g);
	assert_int_equal(wd_start(&b.g, 300, 0, 0, 0), OK);
	next.f = b.f;
	memset(&next.dev, 0, sizeof(next.dev));
	rig_clock_init(&next.clock);
	assert_int_equal(vio_watchdog_init(&next.dev, rig_mem_again(&b.g), &fake_ops, &next.f,
					   &next.clock.c, &plain),
			 VIO_OK);
	rig_crash(&b.g, &next.dev.dev);
	assert_int_equal(wd_do(&b.g, KICK), STATE);
	assert_int_equal(wd_start(&b.g, 300, 0, 0, 0), OK);
	assert_int_equal(wd_do(&b.g, KICK), OK);
	assert_int_equal(rig_reset(&b.g), VIO_OK);
	vio_watchdog_fini(&next.dev);
	rig_end(&b.g);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_kicks_and_expiry),
	cmocka_unit_test(test_kick_in_time_taken_late),
	cmocka_unit_test(test_stop),
	cmocka_unit_test(test_start_again),
	cmocka_unit_test(test_reset),
	cmocka_unit_test(test_endure),
	cmocka_unit_test(test_pretimeout),
	cmocka_unit_test(test_without_pretimeout),
	cmocka_unit_test(test_early_timer),
	cmocka_unit_test(test_failing_host),
	cmocka_unit_test(test_least_host),
	cmocka_unit_test(test_needs_reset),
	cmocka_unit_test(test_crash),
};

WATCHDOG_MAIN(tests, "watchdog in time")
