/* SPDX-License-Identifier: BSD-3-Clause */
/* t_scmi_note.c - the SCMI device: notifications, trip points, quota, trees that do not fit */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scmi_bed.h"

#define OK    VIO_SCMI_SUCCESS
#define BASE  VIO_SCMI_BASE
#define POWER VIO_SCMI_POWER
#define SYS   VIO_SCMI_SYSTEM
#define PERF  VIO_SCMI_PERF
#define CLOCK VIO_SCMI_CLOCK
#define SENS  VIO_SCMI_SENSOR
#define RST   VIO_SCMI_RESET
#define VOLT  VIO_SCMI_VOLTAGE

/* ---- notifications ---- */

static void happens(struct bed *b, uint8_t verb, uint16_t res, uint64_t v, uint64_t extra)
{
	struct vio_scmi_event e = {
		.verb = verb, .agent = 3, .res = res, .value = v, .extra = extra
	};

	b->f.sink->event(b->f.sink, &e);
	rig_turn(&b->g);
}

static void buffers(struct bed *b, struct rig_req *r, unsigned n, uint32_t bytes)
{
	for (unsigned k = 0; k < n; k++) {
		rig_add(&b->g, EVT, &r[k], "", 0, bytes);
	}
	rig_kick(&b->g, EVT);
}

static void test_notifications(void **state)
{
	static const struct {
		uint8_t proto, msg, nwant, verb;
		uint32_t want[2];
		uint8_t note, n;
		uint32_t w[6]; /* what it says, behind the header */
	} t[] = {
		{ CLOCK, 9, 2, VIO_SCMI_CLOCK_SET, { 1, 1 }, 0, 4, { 3, 1, 0x55, 7 } },
		{ SENS, 0xb, 2, VIO_SCMI_SENSOR_GET, { 1, 1 }, 1, 6, { 3, 1, 0x55, 7, 0x66, 8 } },
		{ RST, 5, 2, VIO_SCMI_RESET_DO, { 1, 1 }, 0, 3, { 3, 1, 0 } },
		{ POWER, 6, 2, VIO_SCMI_POWER_SET, { 1, 1 }, 0, 3, { 3, 1, 0x55 } },
		{ SYS, 5, 1, VIO_SCMI_SYSTEM_SET, { 1 }, 0, 4, { 3, 1, 0x55, 0 } },
		{ PERF, 9, 2, VIO_SCMI_PERF_SET_LIMITS, { 0, 1 }, 0, 4, { 3, 0, 0x55, 0x66 } },
		{ PERF, 0xa, 2, VIO_SCMI_PERF_SET, { 0, 1 }, 1, 3, { 3, 0, 0x55 } },
	};
	struct rig_req r[2];
	struct bed b;
	size_t k, n;

	(void)state;
	for (k = 0; k < sizeof(t) / sizeof(t[0]); k++) {
		uint16_t res = t[k].proto == PERF || t[k].proto == SYS ? 0 : 1;
		uint32_t off[2] = { t[k].nwant == 2 ? t[k].want[0] : 0, 0 };

		bed_init(&b, P2A);
		buffers(&b, r, 2, 64);
		happens(&b, t[k].verb, res, 0x700000055u, 0x800000066u); /* nobody has asked */
		assert_false(r[0].back);
		assert_int_equal(
			ask_bytes(&b, t[k].proto, t[k].msg, t[k].want, t[k].nwant * 4u, 64), OK);
		happens(&b, t[k].verb, 9, 1, 1); /* of something else */
		if (t[k].proto != SYS) {
			assert_false(r[0].back);
			happens(&b, t[k].verb, res, 0x700000055u, 0x800000066u);
		} else {
			assert_true(r[0].back);
			r[0] = r[1];
			happens(&b, t[k].verb, res, 0x700000055u, 0x800000066u);
			r[0].back = r[1].back;
			r[0].in = r[1].in;
			r[0].len = r[1].len;
		}
		assert_true(r[0].back);
		assert_int_equal(r[0].len, 4 + 4 * t[k].n);
		assert_int_equal(word(&r[0], 0),
				 VIO_SCMI_HDR(t[k].proto, VIO_SCMI_TYPE_NOTIFICATION, t[k].note));
		for (n = 0; n < t[k].n; n++) {
			assert_int_equal(word(&r[0], (unsigned)n + 1), t[k].w[n]);
		}
		buffers(&b, r, 1, 64);
		assert_int_equal(ask_bytes(&b, t[k].proto, t[k].msg, off, t[k].nwant * 4u, 64), OK);
		happens(&b, t[k].verb, res, 1, 1);
		assert_false(r[0].back);
		bed_end(&b);
	}
}

static void test_trip_points(void **state)
{
	struct rig_req r[4];
	struct bed b;

	(void)state;
	bed_init(&b, P2A);
	b.f.value = 40000;					/* where the sensor stands */
	assert_int_equal(ASK(&b, SENS, 5, 0, 3, 50000, 0), OK); /* 0: both ways */
	assert_int_equal(ASK(&b, SENS, 5, 0, 1 << 4 | 2, 45000, 0), OK); /* 1: downwards */
	assert_int_equal(ASK(&b, SENS, 4, 0, 1), OK);
	buffers(&b, r, 4, 64);
	happens(&b, VIO_SCMI_SENSOR_GET, 0, 49999, 0);
	assert_false(r[0].back); /* 1 was crossed upwards, which is not its direction */
	happens(&b, VIO_SCMI_SENSOR_GET, 0, 50000, 0);
	assert_true(r[0].back);
	assert_int_equal(r[0].len, 16);
	assert_int_equal(word(&r[0], 3), 1 << 16 | 0);
	happens(&b, VIO_SCMI_SENSOR_GET, 0, 60000, 0);
	assert_false(r[1].back);				  /* still above */
	happens(&b, VIO_SCMI_SENSOR_GET, 0, (uint64_t)-10000, 0); /* below zero: both */
	assert_true(r[1].back && r[2].back);
	assert_int_equal(word(&r[1], 3), 0);
	assert_int_equal(word(&r[2], 3), 1);
	assert_int_equal(ASK(&b, SENS, 5, 0, 0, 0, 0), OK); /* 0: off */
	happens(&b, VIO_SCMI_SENSOR_GET, 0, 60000, 0);
	assert_false(r[3].back);
	bed_end(&b);
}

static void test_buffers_are_short(void **state)
{
	struct rig_req r[VIO_SCMI_EVENTS + 2];
	struct bed b;
	unsigned n;

	(void)state;
	bed_init(&b, P2A);
	assert_int_equal(ASK(&b, CLOCK, 9, 0, 1), OK);
	assert_int_equal(ASK(&b, CLOCK, 9, 1, 1), OK);
	assert_int_equal(ASK(&b, RST, 5, 0, 1), OK);
	/* none there: the latest of each is kept */
	for (n = 0; n < 100; n++) {
		happens(&b, VIO_SCMI_CLOCK_SET, 0, n, 0);
		happens(&b, VIO_SCMI_CLOCK_SET, 1, 1000 + n, 0);
	}
	happens(&b, VIO_SCMI_RESET_DO, 0, VIO_SCMI_RESET_ASSERT, 0);
	happens(&b, VIO_SCMI_RESET_DO, 0, VIO_SCMI_RESET_DEASSERT, 0); /* is none */
	buffers(&b, r, 4, 64);
	assert_true(r[2].back && !r[3].back);
	assert_int_equal(word(&r[0], 3), 99);
	assert_int_equal(word(&r[1], 3), 1099);
	assert_int_equal(word(&r[2], 0), VIO_SCMI_HDR(RST, 3, 0));
	/* too small for this one: omitted, and the buffer comes back */
	bed_end(&b);
	bed_init(&b, P2A);
	assert_int_equal(ASK(&b, CLOCK, 9, 0, 1), OK);
	buffers(&b, r, 1, 19);
	buffers(&b, r + 1, 1, 20);
	happens(&b, VIO_SCMI_CLOCK_SET, 0, 5, 0);
	assert_true(r[0].back && !r[1].back);
	assert_int_equal(r[0].len, 0);
	happens(&b, VIO_SCMI_CLOCK_SET, 0, 6, 0);
	assert_true(r[1].back);
	assert_int_equal(word(&r[1], 3), 6);
	bed_end(&b);
}

/* What is asked for does not outlive the driver. */
static void test_reset_forgets(void **state)
{
	struct rig_req r[1];
	struct bed b;

	(void)state;
	bed_init(&b, P2A);
	assert_int_equal(ASK(&b, CLOCK, 9, 0, 1), OK);
	happens(&b, VIO_SCMI_CLOCK_SET, 0, 5, 0); /* waits for a buffer */
	assert_int_equal(rig_reset(&b.g), VIO_OK);
	assert_int_equal(rig_drive(&b.g, P2A), VIO_OK);
	buffers(&b, r, 1, 64);
	happens(&b, VIO_SCMI_CLOCK_SET, 0, 6, 0);
	assert_false(r[0].back);
	bed_end(&b);
}

/* ---- quota, and trees that do not fit ---- */

static void test_quota(void **state)
{
	uint32_t out[1] = { vio_le32(VIO_SCMI_HDR(BASE, 0, 0)) };
	struct rig_req r[30];
	struct bed b;
	unsigned n, back, k;

	(void)state;
	memset(&b, 0, sizeof(b));
	rig_clock_init(&b.clock);
	b.clock.ns = 5000000000u;
	b.f.tree = scmi_plan_default.agent[0];
	b.f.tree.quota = 10;
	assert_int_equal(vio_scmi_init(&b.dev, rig_mem(&b.g), &fake_ops, &b.f, &b.clock.c), VIO_OK);
	assert_int_equal(rig_start(&b.g, &b.dev.dev, 0), VIO_OK);
	for (n = 0; n < 30; n++) {
		rig_add(&b.g, CMD, &r[n], out, 4, 64);
	}
	rig_kick(&b.g, CMD);
	for (k = 0; k < 3; k++) {
		for (n = 0, back = 0; n < 30; n++) {
			back += r[n].back;
		}
		assert_int_equal(back,
				 10 + 5 * k); /* a second's worth at once, then ten a second */
		for (n = 0; n < 5; n++) {
			rig_pass(&b.clock, 100000000u);
			rig_turn(&b.g);
		}
	}
	for (n = 0; n < 20; n++) {
		rig_pass(&b.clock, 100000000u);
		rig_turn(&b.g);
	}
	assert_true(r[29].back); /* all of them in the end */
	assert_int_equal(rig_timers(&b.clock), 0);
	bed_end(&b);
}

static void test_trees_that_do_not_fit(void **state)
{
	static struct vio_scmi_sensor many[VIO_SCMI_RES];
	struct rig_clock clock;
	struct vio_scmi dev;
	struct fake f;
	struct rig g;
	unsigned k;

	(void)state;
	rig_clock_init(&clock);
	for (k = 0; k < VIO_SCMI_RES; k++) {
		many[k].r.name = "s";
		many[k].ntrip = 0;
	}
	for (k = 0; k < 4; k++) {
		memset(&dev, 0, sizeof(dev));
		memset(&f, 0, sizeof(f));
		f.tree.agent = k != 0;
		f.tree.sensor = many;
		f.tree.nsensor = k == 1 ? VIO_SCMI_RES : 1;
		f.tree.quota = k == 2;
		many[0].ntrip = k == 3 ? VIO_SCMI_TRIPS + 1u : 0;
		assert_int_equal(
			vio_scmi_init(&dev, rig_mem(&g), &fake_ops, &f, k == 2 ? NULL : &clock.c),
			k ? VIO_E_ARG : VIO_E_IO);
		rig_end(&g);
	}
	assert_int_equal(vio_scmi_init(&dev, rig_mem(&g), NULL, &f, NULL), VIO_E_ARG);
	rig_end(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_notifications),
		cmocka_unit_test(test_trip_points),
		cmocka_unit_test(test_buffers_are_short),
		cmocka_unit_test(test_reset_forgets),
		cmocka_unit_test(test_quota),
		cmocka_unit_test(test_trees_that_do_not_fit),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	rig_packed = true;
	return failed + cmocka_run_group_tests(tests, NULL, NULL);
}
