/* SPDX-License-Identifier: BSD-3-Clause */
/* t_rtc_sim.c - the simulated clocks, as the guest sees them */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include "rtc_bed.h"
#include "hosted/host_kind.h"

extern const struct host_kind host_sim_rtc[];

#define SECOND ((uint64_t)1000000000)
#define LEAP   ((uint64_t)1483228800) /* midnight behind the leap second of 2016 */

enum { UTC, TAI, MONOTONIC, SMEARED };

/* ---- time goes on when the test says so ---- */

static uint64_t now_ns;
static struct vio_timer *armed[4]; /* one for each clock */

static uint64_t hand_now(struct vio_clock *c)
{
	(void)c;
	return now_ns;
}

static void hand_set(struct vio_clock *c, struct vio_timer *t, uint64_t at)
{
	unsigned n = 0;

	(void)c;
	while (n < 4 && armed[n] && armed[n] != t) {
		n++;
	}
	assert_true(n < 4);
	armed[n] = t;
	t->at = at;
}

struct sim {
	struct rig g;
	struct vio_rtc dev;
	struct host_ctx ctx;
	struct host host;
	struct loop *loop;
};

static void sim_init(struct sim *s, const char *arg)
{
	memset(s, 0, sizeof(*s));
	s->loop = loop_new("test");
	s->ctx.name = "rtc0";
	s->ctx.arg = arg;
	s->ctx.loop = s->loop;
	*loop_clock(s->loop) = (struct vio_clock){ .now = hand_now, .set = hand_set };
	now_ns = 1;
	memset(armed, 0, sizeof(armed));
	assert_int_equal(host_sim_rtc[0].open(&s->ctx, &s->host), 0);
	assert_int_equal(vio_rtc_init(&s->dev, rig_mem(&s->g), s->host.ops, s->host.host), VIO_OK);
	assert_int_equal(rig_start(&s->g, &s->dev.dev, ALARM), VIO_OK);
}

static void sim_end(struct sim *s)
{
	assert_int_equal(rig_reset(&s->g), VIO_OK);
	vio_rtc_fini(&s->dev);
	s->host.close(&s->host);
	loop_free(s->loop);
	rig_end(&s->g);
}

/* What the clocks show when they stand still, `ms` from the midnight behind a leap second */
static void test_leap_second(void **state)
{
	static const struct {
		const char *what;
		int sign;	 /* +1 inserted, -1 left out, 0 none */
		int64_t at;	 /* plain seconds from LEAP */
		int64_t utc;	 /* seconds from LEAP */
		int64_t smeared; /* us from LEAP */
	} t[] = {
		{ "no leap second", 0, 0, 0, 0 },
		{ "inserted, the day before", 1, -43200, -43200, -43200000000 },
		{ "inserted, just before", 1, -1, -1, -1499983 },
		{ "inserted: 23:59:59 again", 1, 0, -1, -499994 },
		{ "inserted, midnight", 1, 1, 0, 499994 },
		{ "inserted, noon after", 1, 43201, 43200, 43200000000 },
		{ "left out, noon before", -1, -43200, -43200, -43200000000 },
		{ "left out, two seconds before", -1, -2, -2, -1500017 },
		{ "left out: midnight instead of 23:59:59", -1, -1, 0, -500006 },
		{ "left out, a second later", -1, 0, 1, 500006 },
		{ "left out, noon after", -1, 43199, 43200, 43200000000 },
	};
	struct sim s;
	char arg[80];
	int64_t smeared;
	size_t n;

	(void)state;
	for (n = 0; n < sizeof(t) / sizeof(t[0]); n++) {
		print_message("    %s\n", t[n].what);
		(void)snprintf(arg, sizeof(arg), "start=%lld,speed=0%s%s",
			       (long long)LEAP + t[n].at,
			       t[n].sign ? (t[n].sign > 0 ? ",leap=" : ",leap=-") : "",
			       t[n].sign ? "1483228800" : "");
		sim_init(&s, arg);
		assert_int_equal(rtc_now(&s.g, UTC), (LEAP + (uint64_t)t[n].utc) * SECOND);
		assert_int_equal(rtc_now(&s.g, TAI), (LEAP + (uint64_t)t[n].at + 32u) * SECOND);
		assert_int_equal(rtc_now(&s.g, MONOTONIC), 0);
		smeared = (int64_t)(rtc_now(&s.g, SMEARED) - LEAP * SECOND);
		assert_true(smeared / 1000 - t[n].smeared >= -1 &&
			    smeared / 1000 - t[n].smeared <= 1);
		sim_end(&s);
	}
}

static void test_cross(void **state)
{
	struct rig_req r;
	struct sim s;
	uint64_t ns, cycles;

	(void)state;
	sim_init(&s, NULL);
	assert_int_equal(rtc_call(&s.g, &r, VIO_RTC_REQ_READ_CROSS, UTC, VIO_RTC_COUNTER_OWN), OK);
	ns = vio_unpack64(r.in + 8);
	cycles = vio_unpack64(r.in + 16);
	assert_int_equal(ns - cycles, 946684800 * SECOND); /* read at the same moment */
	assert_int_equal(rtc_call(&s.g, &r, VIO_RTC_REQ_READ_CROSS, UTC, VIO_RTC_COUNTER_X86_TSC),
			 NOTSUP);
	assert_true(rtc_now(&s.g, MONOTONIC) >= cycles);
	sim_end(&s);
}

/* ---- alarms ---- */

/* On to one timer after the other until the buffer is back */
static int await(struct sim *s, struct rig_req *r)
{
	for (unsigned tries = 0; tries < 8; tries++) {
		struct vio_timer *next = NULL;

		rig_turn(&s->g);
		if (r->back) {
			return rtc_notified(r);
		}
		for (unsigned n = 0; n < 4; n++) {
			if (armed[n] && armed[n]->at && (!next || armed[n]->at < next->at)) {
				next = armed[n];
			}
		}
		assert_non_null(next); /* else nothing would ever bring it back */
		now_ns = next->at;
		next->at = 0;
		next->fire(next);
	}
	return -1;
}

static void test_alarm(void **state)
{
	struct rig_req e[2];
	struct sim s;
	uint64_t begin;
	uint16_t clock;

	(void)state;
	sim_init(&s, "speed=1000");
	for (clock = 0; clock < 4; clock++) {
		begin = rtc_now(&s.g, clock);
		rtc_buffer(&s.g, &e[0]);
		assert_int_equal(rtc_set(&s.g, begin + 5 * SECOND, clock, 1), OK);
		assert_int_equal(await(&s, &e[0]), clock);
		assert_true(rtc_now(&s.g, clock) >= begin + 5 * SECOND);
		rtc_buffer(&s.g, &e[1]);
		assert_int_equal(rtc_set(&s.g, begin, clock, 1), OK); /* the past */
		assert_int_equal(rtc_notified(&e[1]), clock);
		assert_int_equal(rtc_enable(&s.g, clock, 0), OK);
	}
	sim_end(&s);
}

/* 23:59:59.5 comes twice, and so does the alarm that is set for it. */
static void test_alarm_in_the_leap_second(void **state)
{
	const uint64_t half = LEAP * SECOND - SECOND / 2;
	struct rig_req e[2];
	struct sim s;

	(void)state;
	sim_init(&s, "start=1483228790,leap=1483228800,speed=100");
	rtc_buffer(&s.g, &e[0]);
	rtc_buffer(&s.g, &e[1]);
	assert_int_equal(rtc_set(&s.g, half, UTC, 1), OK);
	assert_int_equal(await(&s, &e[0]), UTC);
	assert_true(rtc_now(&s.g, TAI) >= half + 32 * SECOND);
	assert_int_equal(await(&s, &e[1]), UTC);
	assert_true(rtc_now(&s.g, TAI) >= half + 33 * SECOND);
	sim_end(&s);
}

static void test_arguments(void **state)
{
	static const struct {
		const char *arg, *word;
	} t[] = {
		{ "speed", "speed" },
		{ "speed=x", "speed=x" },
		{ "speed=1000001", "speed" },
		{ "start=", "start=" },
		{ "start=8000000001", "8000000000" },
		{ "leap=86401", "midnight" },
		{ "leap=-86401", "midnight" },
		{ "leap=0", "midnight" },
		{ "stop=1", "stop" },
		{ "start=-1", "number" },
	};
	struct host_ctx ctx;
	struct host h;
	size_t n;

	(void)state;
	for (n = 0; n < sizeof(t) / sizeof(t[0]); n++) {
		memset(&ctx, 0, sizeof(ctx));
		ctx.arg = t[n].arg;
		assert_int_equal(host_sim_rtc[0].open(&ctx, &h), -1);
		assert_true(strstr(ctx.err, t[n].word) != NULL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_leap_second), cmocka_unit_test(test_cross),
		cmocka_unit_test(test_alarm),	    cmocka_unit_test(test_alarm_in_the_leap_second),
		cmocka_unit_test(test_arguments),
	};

	return cmocka_run_group_tests_name("rtc, simulated", tests, NULL, NULL);
}
