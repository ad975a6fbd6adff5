/* SPDX-License-Identifier: BSD-3-Clause */
/* t_scmi_late.c - the SCMI device: asynchronous commands and their delayed responses */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scmi_bed.h"

#define OK    VIO_SCMI_SUCCESS
#define CLOCK VIO_SCMI_CLOCK
#define SENS  VIO_SCMI_SENSOR
#define RST   VIO_SCMI_RESET
#define VOLT  VIO_SCMI_VOLTAGE

/* Each asynchronous command, and what its delayed response says behind header and status */
static const struct {
	uint8_t proto, msg, n;
	uint32_t p[4];
	uint8_t verb, words;
	uint32_t w[5];
} async[] = {
	{ CLOCK, 5, 4, { 1, 0, 48000000, 0 }, VIO_SCMI_CLOCK_SET, 3, { 0, 0x55, 7 } },
	{ SENS, 6, 2, { 1, 1 }, VIO_SCMI_SENSOR_GET, 5, { 1, 0x55, 7, 0x66, 8 } },
	{ RST, 4, 3, { 1, 5, 0 }, VIO_SCMI_RESET_DO, 1, { 1 } },
	{ VOLT, 7, 3, { 0, 1, 600000 }, VIO_SCMI_VOLT_SET, 2, { 0, 0x55 } },
};
#define ASYNCS (sizeof(async) / sizeof(async[0]))

static struct vio_scmi_clock clocks[3];
static struct vio_scmi_sensor sensors[3];
static struct vio_scmi_reset resets[2];
static struct vio_scmi_volt volts[2];

static void init(struct bed *b, uint64_t want, bool slow)
{
	bed_init(b, want);
	memcpy(clocks, b->f.tree.clock, sizeof(clocks));
	memcpy(sensors, b->f.tree.sensor, sizeof(sensors));
	memcpy(resets, b->f.tree.reset, sizeof(resets));
	memcpy(volts, b->f.tree.volt, sizeof(volts));
	clocks[2].r.slow = sensors[1].r.slow = resets[1].r.slow = volts[0].r.slow = slow;
	b->f.tree.clock = clocks;
	b->f.tree.sensor = sensors;
	b->f.tree.reset = resets;
	b->f.tree.volt = volts;
}

static int32_t begin(struct bed *b, size_t k)
{
	return ask_bytes(b, async[k].proto, async[k].msg, async[k].p, async[k].n * 4u, 136);
}

static void buffer(struct bed *b, struct rig_req *r, uint32_t bytes)
{
	rig_add(&b->g, EVT, r, "", 0, bytes);
	rig_kick(&b->g, EVT);
}

/* The host has done the n-th op. */
static void done(struct bed *b, unsigned n, int rc)
{
	b->f.late[n]->value = 0x700000055u;
	b->f.late[n]->extra = 0x800000066u;
	vio_job_complete(&b->f.late[n]->job, rc);
	rig_turn(&b->g);
}

static void is_delayed(const struct rig_req *r, size_t k)
{
	assert_true(r->back);
	assert_int_equal(r->len, 8 + 4 * async[k].words);
	assert_int_equal(word(r, 0),
			 VIO_SCMI_HDR(async[k].proto, VIO_SCMI_TYPE_DELAYED, async[k].msg) | TOKEN);
	assert_int_equal(word(r, 1), OK);
	for (unsigned n = 0; n < async[k].words; n++) {
		assert_int_equal(word(r, 2 + n), async[k].w[n]);
	}
}

static void test_answered_at_once(void **state)
{
	struct rig_req r[1];
	struct bed b;

	(void)state;
	for (size_t k = 0; k < ASYNCS; k++) {
		init(&b, P2A, true);
		buffer(&b, r, 64);
		b.f.rc = VIO_PENDING;
		assert_int_equal(begin(&b, k), OK);
		assert_int_equal(b.r.len, 8); /* nothing but the status */
		assert_int_equal(b.f.last.verb, async[k].verb);
		assert_false(r->back);
		done(&b, 0, VIO_OK);
		is_delayed(r, k);
		/* a host that is quick has it done already */
		b.f.rc = VIO_OK;
		b.f.value = 0x700000055u;
		b.f.extra = 0x800000066u;
		assert_int_equal(begin(&b, k), OK);
		assert_int_equal(b.r.len, 8);
		buffer(&b, r, 28);
		is_delayed(r, k);
		bed_end(&b);
	}
}

/* Offered where the tree says that the host takes long, and with an eventq; shown nowhere else. */
static void test_offered(void **state)
{
	static const int32_t want[3] = { VIO_SCMI_NOT_SUPPORTED, VIO_SCMI_NOT_SUPPORTED, OK };
	struct bed b;

	(void)state;
	for (unsigned n = 0; n < 3; n++) {
		bool yes = n == 2;

		init(&b, (uint64_t)(n ? P2A : 0), n != 1);
		for (size_t k = 0; k < ASYNCS; k++) {
			assert_int_equal(begin(&b, k), want[n]);
		}
		assert_int_equal(b.f.calls, yes ? 4u : 0u);
		assert_int_equal(ASK0(&b, CLOCK, 1), OK);
		assert_int_equal(value(&b, 0), 3 | (yes ? 4u << 16 : 0u));
		assert_int_equal(ASK0(&b, SENS, 1), OK);
		assert_int_equal(value(&b, 0), 3 | (yes ? 4u << 16 : 0u));
		assert_int_equal(ASK(&b, SENS, 3, 1), OK);
		assert_int_equal(value(&b, 2) >> 31, yes);
		assert_int_equal(ASK(&b, SENS, 3, 2), OK);
		assert_int_equal(value(&b, 2) >> 31, 0);
		assert_int_equal(ASK(&b, RST, 3, 1), OK);
		assert_int_equal(value(&b, 0) >> 31, yes);
		assert_int_equal(ASK(&b, VOLT, 3, 0), OK);
		assert_int_equal(value(&b, 0) >> 31, yes);
		/* of one that is not slow */
		assert_int_equal(ASK(&b, SENS, 6, 0, 1), VIO_SCMI_NOT_SUPPORTED);
		assert_int_equal(ASK(&b, RST, 4, 0, 5, 0), VIO_SCMI_NOT_SUPPORTED);
		assert_int_equal(ASK(&b, VOLT, 7, 1, 1, 1800000), VIO_SCMI_NOT_SUPPORTED);
		bed_end(&b);
	}
}

/* What is wrong with a command is said at once, asynchronous or not; what fails later is a status alone. */
static void test_failures(void **state)
{
	struct rig_req r[1];
	struct bed b;

	(void)state;
	init(&b, P2A, true);
	assert_int_equal(ASK(&b, CLOCK, 5, 1, 0, 1, 0), VIO_SCMI_INVALID_PARAMETERS);
	assert_int_equal(ASK(&b, CLOCK, 5, 1, 2, 32768, 0), VIO_SCMI_DENIED);
	assert_int_equal(ASK(&b, CLOCK, 5, 1, 3, 32768, 0), VIO_SCMI_NOT_FOUND);
	assert_int_equal(ASK(&b, VOLT, 7, 0, 1, 1), VIO_SCMI_INVALID_PARAMETERS);
	assert_int_equal(ASK(&b, RST, 4, 1, 5, 1), VIO_SCMI_INVALID_PARAMETERS);
	assert_int_equal(b.f.calls, 0);
	buffer(&b, r, 64);
	b.f.rc = VIO_E_IO;
	assert_int_equal(begin(&b, 0), VIO_SCMI_HARDWARE_ERROR);
	assert_false(r->back);
	b.f.rc = VIO_PENDING;
	for (unsigned n = 0; n < 2; n++) {
		assert_int_equal(begin(&b, 1), OK);
		done(&b, n, n ? VIO_E_AGAIN : VIO_E_IO);
		assert_true(r->back);
		assert_int_equal(r->len, 8);
		assert_int_equal((int32_t)word(r, 1), n ? VIO_SCMI_BUSY : VIO_SCMI_HARDWARE_ERROR);
		buffer(&b, r, 64);
	}
	bed_end(&b);
}

/* None is ever lost: they wait for a buffer, and for one that is long enough; what has no slot is BUSY. */
static void test_buffers_are_short(void **state)
{
	struct rig_req r[VIO_SCMI_DELAYED + 2];
	struct bed b;
	unsigned n;

	(void)state;
	init(&b, P2A, true);
	b.f.rc = VIO_PENDING;
	for (n = 0; n < VIO_SCMI_DELAYED; n++) {
		assert_int_equal(begin(&b, 1), OK);
	}
	assert_int_equal(begin(&b, 1), VIO_SCMI_BUSY);
	assert_int_equal(b.f.calls, VIO_SCMI_DELAYED);
	for (n = 0; n < VIO_SCMI_DELAYED; n++) {
		done(&b, n, VIO_OK);
	}
	assert_int_equal(begin(&b, 1), VIO_SCMI_BUSY); /* nothing was sent yet */
	buffer(&b, &r[0], 27);
	assert_true(r[0].back);
	assert_int_equal(r[0].len, 0);
	for (n = 1; n < VIO_SCMI_DELAYED + 2; n++) {
		buffer(&b, &r[n], 28);
	}
	for (n = 1; n < VIO_SCMI_DELAYED + 1; n++) {
		is_delayed(&r[n], 1);
	}
	assert_false(r[n].back);
	assert_int_equal(begin(&b, 1), OK); /* and they are free again */
	/* the agent's configuration is reset: what it was promised still comes */
	assert_int_equal(ASK(&b, VIO_SCMI_BASE, 0xb, 1, 0), OK);
	done(&b, VIO_SCMI_DELAYED, VIO_OK);
	is_delayed(&r[n], 1);
	bed_end(&b);
}

/* A driver that goes gets none, and its successor none of its; also of a host that knows no hurry. */
static void test_reset(void **state)
{
	struct vio_scmi_host_ops calm = fake_ops;
	struct rig_req r[1];
	struct bed b;

	(void)state;
	calm.cancel = NULL;
	for (unsigned n = 0; n < 3; n++) {
		init(&b, P2A, true);
		b.dev.ops = n ? &calm : &fake_ops;
		b.f.rc = VIO_PENDING;
		assert_int_equal(begin(&b, 1), OK);
		if (n == 2) {
			done(&b, 0, VIO_OK); /* waits for a buffer */
		}
		assert_int_equal(rig_reset(&b.g), VIO_OK);
		assert_int_equal(b.f.cancels, n == 0);
		assert_int_equal(rig_drive(&b.g, P2A), VIO_OK);
		buffer(&b, r, 64);
		assert_false(r->back);
		if (n == 1) {
			done(&b, 0, VIO_OK);
			assert_false(r->back);
		}
		for (unsigned k = 0; k < VIO_SCMI_DELAYED; k++) { /* no slot is lost */
			assert_int_equal(begin(&b, 1), OK);
		}
		done(&b, 1, VIO_OK);
		is_delayed(r, 1);
		bed_end(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answered_at_once),
		cmocka_unit_test(test_offered),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_buffers_are_short),
		cmocka_unit_test(test_reset),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	rig_packed = true;
	return failed + cmocka_run_group_tests(tests, NULL, NULL);
}
