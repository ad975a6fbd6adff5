/* SPDX-License-Identifier: BSD-3-Clause */
/* t_scmi_talk.c - the SCMI device: what its answers say, slow hosts */
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

static void test_base(void **state)
{
	static const uint8_t all[8] = {
		POWER, SYS, PERF, CLOCK, SENS, RST, VOLT, VIO_SCMI_PINCTRL
	};
	struct bed b;

	(void)state;
	bed_init(&b, P2A);
	assert_int_equal(ASK0(&b, BASE, 0), OK);
	assert_int_equal(value(&b, 0), 0x20001);
	assert_int_equal(ASK0(&b, BASE, 1), OK);
	assert_int_equal(value(&b, 0), 8 | 1 << 8);
	assert_int_equal(ASK0(&b, BASE, 3), OK);
	name_is(&b, 0, "stratos");
	assert_int_equal(ASK0(&b, BASE, 4), OK);
	name_is(&b, 0, "sim");
	assert_int_equal(ASK(&b, BASE, 6, 0), OK);
	assert_int_equal(b.r.len, 8 + 4 + 8); /* Linux takes no other length */
	assert_int_equal(value(&b, 0), 8);
	assert_memory_equal(b.r.in + 12, all, 8);
	assert_int_equal(ASK(&b, BASE, 6, 5), OK);
	assert_int_equal(value(&b, 0), 3);
	assert_int_equal(b.r.in[12], RST);
	assert_int_equal(ASK(&b, BASE, 6, 8), OK);
	assert_int_equal(value(&b, 0), 0);
	/* no room for all: the rest on demand */
	assert_int_equal(ask_bytes(&b, BASE, 6, (const uint32_t[]){ 0 }, 4, 16), OK);
	assert_int_equal(value(&b, 0), 4);
	assert_int_equal(ASK(&b, BASE, 7, 0), OK);
	name_is(&b, 1, "platform");
	assert_int_equal(ASK(&b, BASE, 7, 0xffffffffu), OK);
	assert_int_equal(value(&b, 0), 1);
	name_is(&b, 1, "guest");
	assert_int_equal(b.f.resets, 0);
	assert_int_equal(ASK(&b, BASE, 0xb, 1, 0), OK);
	assert_int_equal(b.f.resets, 1);
	bed_end(&b);
	assert_int_equal(b.f.resets, 2); /* with the device */
}

static void test_clock(void **state)
{
	struct bed b;

	(void)state;
	bed_init(&b, P2A);
	assert_int_equal(ASK0(&b, CLOCK, 1), OK);
	assert_int_equal(value(&b, 0), 3);
	b.f.value = 1;
	assert_int_equal(ASK(&b, CLOCK, 3, 0), OK);
	assert_int_equal(value(&b, 0), 1u << 31 | 1);
	name_is(&b, 1, "uart");
	assert_int_equal(value(&b, 5), 10);
	b.f.value = 0;
	assert_int_equal(ASK(&b, CLOCK, 3, 2), OK);
	assert_int_equal(value(&b, 0), 1u << 31 | 1 << 1); /* off, restricted */
	assert_int_equal(ASK(&b, CLOCK, 4, 0, 1), OK);
	assert_int_equal(b.r.len, 8 + 4 + 16);
	assert_int_equal(value(&b, 0), 2);
	assert_int_equal(value(&b, 1), 48000000);
	assert_int_equal(ask_bytes(&b, CLOCK, 4, (const uint32_t[]){ 0, 0 }, 8, 20), OK);
	assert_int_equal(value(&b, 0), 1 | 2u << 16); /* two more to come */
	assert_int_equal(ASK(&b, CLOCK, 4, 1, 0), OK);
	assert_int_equal(value(&b, 0), 3 | 1 << 12);
	assert_int_equal(value(&b, 3), 2000000000);
	b.f.value = 0x123456789abcdef0u;
	assert_int_equal(ASK(&b, CLOCK, 6, 1), OK);
	assert_int_equal(b.f.last.verb, VIO_SCMI_CLOCK_GET);
	assert_int_equal(b.f.last.res, 1);
	assert_int_equal(b.f.last.agent, 1);
	assert_int_equal(value(&b, 0), 0x9abcdef0u);
	assert_int_equal(value(&b, 1), 0x12345678);
	bed_end(&b);
}

static void test_rates_are_rounded(void **state)
{
	enum { DOWN = 0, UP = 4, NEAR = 8 };
	static const struct {
		uint8_t flags, clock;
		uint32_t ask, get;
	} t[] = {
		{ DOWN, 0, 24000000, 24000000 },
		{ UP, 0, 48000000, 48000000 },
		{ DOWN, 0, 95999999, 48000000 },
		{ UP, 0, 24000001, 48000000 },
		{ UP, 0, 1, 24000000 },
		{ DOWN, 0, 4000000000u, 96000000 },
		{ NEAR, 0, 1, 24000000 },
		{ NEAR, 0, 4000000000u, 96000000 },
		{ NEAR, 0, 36000000, 24000000 },
		{ NEAR, 0, 36000001, 48000000 },
		{ DOWN, 1, 123456789, 123000000 },
		{ UP, 1, 123456789, 124000000 },
		{ NEAR, 1, 123500001, 124000000 },
		{ NEAR, 1, 123500000, 123000000 },
		{ UP, 1, 1999000001, 2000000000 },
		{ DOWN, 1, 2000000001u, 2000000000 },
		{ DOWN, 1, 100000000, 100000000 },
		{ UP, 1, 99999999, 100000000 },
	};
	struct bed b;
	size_t k;

	(void)state;
	bed_init(&b, 0);
	for (k = 0; k < sizeof(t) / sizeof(t[0]); k++) {
		assert_int_equal(ASK(&b, CLOCK, 5, t[k].flags, t[k].clock, t[k].ask, 0), OK);
		assert_int_equal(b.f.last.verb, VIO_SCMI_CLOCK_SET);
		assert_int_equal(b.f.last.value, t[k].get);
	}
	bed_end(&b);
}

static void test_clock_parents(void **state)
{
	static const uint16_t fed_by[] = { 2, 1 };
	struct vio_scmi_clock k[3];
	struct bed b;

	(void)state;
	bed_init(&b, 0);
	memcpy(k, b.f.tree.clock, sizeof(k));
	k[0].parent = fed_by;
	k[0].nparent = 2;
	k[1].r.res = 77; /* the host's number is not the agent's */
	b.f.tree.clock = k;
	assert_int_equal(ASK(&b, CLOCK, 0xc, 0, 0), OK);
	assert_int_equal(value(&b, 0), 2);
	assert_int_equal(value(&b, 1), 2);
	assert_int_equal(value(&b, 2), 1);
	assert_int_equal(ask_bytes(&b, CLOCK, 0xc, (const uint32_t[]){ 0, 0 }, 8, 16), OK);
	assert_int_equal(value(&b, 0), 1 | 1 << 24);
	assert_int_equal(ASK(&b, CLOCK, 0xd, 0, 1), OK);
	assert_int_equal(b.f.last.value, 77);
	b.f.value = 77;
	assert_int_equal(ASK(&b, CLOCK, 0xe, 0), OK);
	assert_int_equal(value(&b, 0), 1);
	bed_end(&b);
}

static void test_sensor(void **state)
{
	struct bed b;

	(void)state;
	bed_init(&b, P2A);
	assert_int_equal(ASK0(&b, SENS, 1), OK);
	assert_int_equal(b.r.len, 8 + 16);
	assert_int_equal(value(&b, 0), 3);
	assert_int_equal(ASK(&b, SENS, 3, 0), OK);
	assert_int_equal(value(&b, 0), 3);
	assert_int_equal(value(&b, 1), 0);
	assert_int_equal(value(&b, 2), 1u << 30 | 0x17 << 10 | 1 << 9 | 1 << 8 | 2);
	assert_int_equal(value(&b, 3), 0x1d << 11 | VIO_SCMI_SENSOR_CELSIUS); /* 10^-3 */
	name_is(&b, 4, "soc");
	assert_int_equal((int32_t)value(&b, 10), -40000);
	assert_int_equal((int32_t)value(&b, 11), -1);
	assert_int_equal(value(&b, 14), 1); /* the next one follows at once */
	assert_int_equal(value(&b, 22),
			 1u << 29); /* the name does not fit: it is cut, and told on demand */
	name_is(&b, 24, "a sensor with a");
	assert_int_equal(ASK(&b, SENS, 0xc, 2), OK);
	assert_int_equal(b.r.len, 8 + 4 + 64);
	name_is(&b, 1, "a sensor with a rather long name");
	b.f.value = (uint64_t)-5000;
	b.f.extra = 0x1122334455667788u;
	assert_int_equal(ASK(&b, SENS, 6, 0, 0), OK);
	assert_int_equal((int32_t)value(&b, 0), -5000);
	assert_int_equal(value(&b, 1), 0xffffffffu);
	assert_int_equal(value(&b, 2), 0x55667788);
	assert_int_equal(value(&b, 3), 0x11223344);
	bed_end(&b);
}

static void test_the_rest(void **state)
{
	struct bed b;

	(void)state;
	bed_init(&b, P2A);
	assert_int_equal(ASK(&b, RST, 3, 1), OK);
	assert_int_equal(value(&b, 0), 1u << 30);
	assert_int_equal(value(&b, 1), 0xffffffffu);
	name_is(&b, 2, "uart");
	assert_int_equal(ASK(&b, RST, 4, 1, 1, 0), OK);
	assert_int_equal(b.f.last.value, VIO_SCMI_RESET_CYCLE);
	assert_int_equal(ASK(&b, RST, 4, 1, 2, 0), OK);
	assert_int_equal(b.f.last.value, VIO_SCMI_RESET_ASSERT);
	assert_int_equal(ASK(&b, RST, 4, 1, 0, 0), OK);
	assert_int_equal(b.f.last.value, VIO_SCMI_RESET_DEASSERT);
	assert_int_equal(ASK(&b, POWER, 3, 0), OK);
	assert_int_equal(value(&b, 0), 1u << 31 | 1u << 29);
	name_is(&b, 1, "gpu");
	b.f.value = VIO_SCMI_POWER_OFF;
	assert_int_equal(ASK(&b, POWER, 5, 0), OK);
	assert_int_equal(value(&b, 0), VIO_SCMI_POWER_OFF);
	assert_int_equal(ASK(&b, PERF, 3, 0), OK);
	assert_int_equal(value(&b, 0), 0xfu << 28);
	assert_int_equal(value(&b, 2), 1000000);
	name_is(&b, 4, "cpu");
	assert_int_equal(ASK(&b, PERF, 4, 0, 1), OK);
	assert_int_equal(b.r.len, 8 + 4 + 40);
	assert_int_equal(value(&b, 1), 1000000);
	assert_int_equal(value(&b, 2), 400000);
	assert_int_equal(value(&b, 3), 50);
	assert_int_equal(ASK(&b, PERF, 7, 0, 500001), OK);
	assert_int_equal(b.f.last.value, 1000000); /* no less than was asked for */
	b.f.value = 1500000;
	b.f.extra = 500000;
	assert_int_equal(ASK(&b, PERF, 6, 0), OK);
	assert_int_equal(value(&b, 0), 1500000);
	assert_int_equal(value(&b, 1), 500000);
	assert_int_equal(ASK(&b, VOLT, 4, 0, 0), OK);
	assert_int_equal(value(&b, 0), 3 | 1 << 12);
	assert_int_equal(value(&b, 3), 12500);
	assert_int_equal(ASK(&b, VOLT, 7, 0, 0, 612500), OK);
	assert_int_equal(b.f.last.value, 612500);
	b.f.value = 1;
	assert_int_equal(ASK(&b, VOLT, 6, 0), OK);
	assert_int_equal(value(&b, 0), 7);
	assert_int_equal(ASK(&b, SYS, 3, 1, 0), OK);
	assert_int_equal(b.f.last.verb, VIO_SCMI_SYSTEM_SET);
	assert_int_equal(b.f.last.extra, 1);
	bed_end(&b);
}

/* ---- a slow host ---- */

static void test_answers_in_any_order(void **state)
{
	struct rig_req r[10];
	uint32_t out[2] = { vio_le32(VIO_SCMI_HDR(CLOCK, 0, 6)), 0 };
	struct bed b;
	unsigned n;

	(void)state;
	bed_init(&b, 0);
	b.f.rc = VIO_PENDING;
	for (n = 0; n < 10; n++) {
		rig_add(&b.g, CMD, &r[n], out, 8, 64);
	}
	rig_kick(&b.g, CMD);
	assert_int_equal(b.f.nlate, VIO_SCMI_DEPTH); /* the others wait */
	b.f.nlate = 0;
	b.f.late[5]->value = 5;
	vio_job_complete(&b.f.late[5]->job, VIO_OK);
	vio_job_complete(&b.f.late[0]->job, VIO_E_IO);
	rig_turn(&b.g);
	assert_int_equal(r[5].order, 1);
	assert_int_equal(status_of(&r[5], vio_le32(out[0])), OK);
	assert_int_equal(word(&r[5], 2), 5);
	assert_int_equal(status_of(&r[0], vio_le32(out[0])), VIO_SCMI_HARDWARE_ERROR);
	assert_int_equal(b.f.nlate, 2);
	assert_false(r[1].back);
	/* a reset hurries all of them, and none is left */
	assert_int_equal(rig_reset(&b.g), VIO_OK);
	assert_int_equal(b.f.cancels, 8);
	bed_end(&b);
}

/* Attributes of a clock need its state: the answer is complete also when that comes later. */
static void test_late_attributes(void **state)
{
	uint32_t out[2] = { vio_le32(VIO_SCMI_HDR(CLOCK, 0, 3)), vio_le32(1) };
	struct bed b;

	(void)state;
	bed_init(&b, 0);
	b.f.rc = VIO_PENDING;
	rig_do(&b.g, CMD, &b.r, out, 8, 64);
	assert_false(b.r.back);
	b.f.late[0]->value = 1;
	vio_job_complete(&b.f.late[0]->job, VIO_OK);
	rig_turn(&b.g);
	assert_int_equal(status_of(&b.r, vio_le32(out[0])), OK);
	assert_int_equal(value(&b, 0), 1);
	name_is(&b, 1, "pll");
	bed_end(&b);
}

/* The back-end dies with commands under way: the next one runs them again, and answers each once. */
static void test_crash(void **state)
{
	static struct vio_scmi other;
	uint32_t set[5] = { vio_le32(VIO_SCMI_HDR(CLOCK, 0, 5)), 0, 0, vio_le32(48000000), 0 };
	uint32_t get[2] = { vio_le32(VIO_SCMI_HDR(CLOCK, 0, 6)), 0 };
	struct rig_req r[2];
	struct bed b;

	(void)state;
	bed_init(&b, P2A);
	rig_track(&b.g);
	b.f.rc = VIO_PENDING;
	rig_add(&b.g, CMD, &r[0], set, sizeof(set), 8);
	rig_add(&b.g, CMD, &r[1], get, sizeof(get), 16);
	rig_kick(&b.g, CMD);
	assert_int_equal(b.f.nlate, 2);
	memset(&other, 0, sizeof(other));
	b.f.rc = VIO_OK;
	b.f.calls = 0;
	b.f.value = 7;
	assert_int_equal(vio_scmi_init(&other, rig_mem_again(&b.g), &fake_ops, &b.f, &b.clock.c),
			 VIO_OK);
	rig_crash(&b.g, &other.dev);
	assert_int_equal(b.f.calls, 2);
	assert_int_equal(status_of(&r[0], vio_le32(set[0])), OK);
	assert_int_equal(status_of(&r[1], vio_le32(get[0])), OK);
	assert_int_equal(word(&r[1], 2), 7);
	bed_end(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_base),
		cmocka_unit_test(test_clock),
		cmocka_unit_test(test_rates_are_rounded),
		cmocka_unit_test(test_clock_parents),
		cmocka_unit_test(test_sensor),
		cmocka_unit_test(test_the_rest),
		cmocka_unit_test(test_answers_in_any_order),
		cmocka_unit_test(test_late_attributes),
		cmocka_unit_test(test_crash),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	rig_packed = true;
	return failed + cmocka_run_group_tests(tests, NULL, NULL);
}
