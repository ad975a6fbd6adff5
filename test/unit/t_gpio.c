/* SPDX-License-Identifier: BSD-3-Clause */
/* t_gpio.c - the GPIO device: every message, and its refusals */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gpio_bed.h"

/* ---- configuration and names ---- */

static void test_config(void **state)
{
	static const uint8_t want[8] = { LINES, 0, 0, 0, sizeof(names), 0, 0, 0 };
	struct bed b;
	uint8_t got[8];

	(void)state;
	bed_init(&b, IRQ);
	assert_true(b.g.features & IRQ);
	lb_bus.config_read(&b.g.lb, 0, got, sizeof(got));
	assert_memory_equal(got, want, sizeof(want));
	assert_true(lb_bus.config_write(&b.g.lb, 0, want, 1) < 0);
	bed_end(&b);
}

static void test_names(void **state)
{
	static const uint8_t get[8] = { NAMES, 0, 0, 0, 0, 0, 0, 0 };
	struct bed b;
	struct rig_req r;

	(void)state;
	bed_init(&b, 0);
	rig_do(&b.g, REQ, &r, get, 8, 1 + sizeof(names));
	assert_true(r.back);
	assert_int_equal(r.len, 1 + sizeof(names)); /* the Linux driver insists on it */
	assert_int_equal(r.in[0], OK);
	assert_memory_equal(r.in + 1, names, sizeof(names));
	rig_do(&b.g, REQ, &r, get, 8, sizeof(names)); /* one byte too short */
	assert_int_equal(r.in[0], ERR);
	b.f.chip.name_bytes = 0;
	rig_do(&b.g, REQ, &r, get, 8, 1 + sizeof(names));
	assert_int_equal(r.in[0], ERR);
	bed_end(&b);
}

static void test_chips_that_do_not_fit(void **state)
{
	static const uint16_t count[] = { 0, VIO_GPIO_LINES + 1 };
	struct rig g;
	struct fake f;
	struct vio_gpio dev;
	size_t n;

	(void)state;
	for (n = 0; n < 2; n++) {
		memset(&dev, 0, sizeof(dev));
		memset(&f, 0, sizeof(f));
		f.chip.ngpio = count[n];
		assert_int_equal(vio_gpio_init(&dev, rig_mem(&g), &fake_ops, &f), VIO_E_ARG);
		rig_end(&g);
	}
	/* a chip that reports no changes: the feature is not offered */
	memset(&dev, 0, sizeof(dev));
	f.chip.ngpio = 1;
	assert_int_equal(vio_gpio_init(&dev, rig_mem(&g), &fake_ops, &f), VIO_OK);
	assert_int_equal(rig_start(&g, &dev.dev, IRQ), VIO_OK);
	assert_false(g.features & IRQ);
	rig_end(&g);
}

/* ---- messages ---- */

static void test_messages(void **state)
{
	static const struct {
		uint16_t type, line;
		uint32_t value;
		int host; /* what the host answers */
		uint8_t reply;
		int want;	/* -1 error */
		unsigned calls; /* of the host */
	} t[] = {
		{ GETDIR, 0, 0, VIO_OK, 2, 2, 1 },
		{ GETDIR, LINES - 1, 0, VIO_OK, 1, 1, 1 },
		{ GETDIR, LINES, 0, VIO_OK, 1, -1, 0 },
		{ GETDIR, 0xffff, 0, VIO_OK, 1, -1, 0 },
		{ GETDIR, 0, 0, VIO_E_IO, 1, -1, 1 },
		{ SETDIR, 0, 0, VIO_OK, 0, 0, 1 },
		{ SETDIR, 0, 1, VIO_OK, 0, 0, 1 },
		{ SETDIR, 0, 2, VIO_OK, 0, 0, 1 },
		{ SETDIR, 0, 3, VIO_OK, 0, -1, 0 },
		{ SETDIR, 0, 0x100, VIO_OK, 0, -1, 0 },
		{ SETDIR, LINES, 1, VIO_OK, 0, -1, 0 },
		{ SETDIR, 0, 1, VIO_E_NOTSUP, 0, -1, 1 },
		{ GET, 1, 0, VIO_OK, 1, 1, 1 },
		{ GET, LINES, 0, VIO_OK, 1, -1, 0 },
		{ GET, 1, 0, VIO_E_IO, 1, -1, 1 },
		{ SET, 1, 1, VIO_OK, 0, 0, 0 }, /* no output yet: remembered */
		{ SET, 1, 2, VIO_OK, 0, -1, 0 },
		{ SET, 1, 0x10001, VIO_OK, 0, -1, 0 },
		{ SET, LINES, 1, VIO_OK, 0, -1, 0 },
		{ SETIRQ, 1, NONE, VIO_OK, 0, 0, 1 },
		{ SETIRQ, 1, RISING, VIO_OK, 0, 0, 1 },
		{ SETIRQ, 1, FALLING, VIO_OK, 0, 0, 1 },
		{ SETIRQ, 1, BOTH, VIO_OK, 0, 0, 1 },
		{ SETIRQ, 1, HIGH, VIO_OK, 0, 0, 1 },
		{ SETIRQ, 1, LOW, VIO_OK, 0, 0, 1 },
		{ SETIRQ, 1, 5, VIO_OK, 0, -1, 0 },
		{ SETIRQ, 1, HIGH | LOW, VIO_OK, 0, -1, 0 },
		{ SETIRQ, 1, 0x10, VIO_OK, 0, -1, 0 },
		{ SETIRQ, 1, 0x101, VIO_OK, 0, -1, 0 },
		{ SETIRQ, LINES, RISING, VIO_OK, 0, -1, 0 },
		{ SETIRQ, 1, RISING, VIO_E_IO, 0, -1, 1 },
		{ 0, 0, 0, VIO_OK, 0, -1, 0 },
		{ 7, 0, 0, VIO_OK, 0, -1, 0 },
		{ 0x0102, 0, 0, VIO_OK, 0, -1, 0 },
	};
	struct bed b;
	size_t n;

	(void)state;
	for (n = 0; n < sizeof(t) / sizeof(t[0]); n++) {
		print_message("    type %u line %u value %u\n", t[n].type, t[n].line, t[n].value);
		bed_init(&b, IRQ);
		b.f.rc = t[n].host;
		b.f.reply = t[n].reply;
		assert_int_equal(call(&b.g, t[n].type, t[n].line, t[n].value), t[n].want);
		assert_int_equal(b.f.calls, t[n].calls);
		bed_end(&b);
	}
}

static void test_sizes(void **state)
{
	static const struct {
		uint32_t out, in;
	} t[] = { { 0, 2 }, { 7, 2 }, { 9, 2 }, { 8, 1 }, { 8, 0 }, { 0, 1 } };
	static const uint8_t set[16] = { SETDIR, 0, 1, 0, 1, 0, 0, 0 };
	struct bed b;
	struct rig_req r;
	size_t n;

	(void)state;
	bed_init(&b, IRQ);
	for (n = 0; n < sizeof(t) / sizeof(t[0]); n++) {
		rig_do(&b.g, REQ, &r, set, t[n].out, t[n].in);
		assert_true(r.back);
		assert_int_equal(r.len, t[n].in);
		if (t[n].in) {
			assert_int_equal(r.in[0], ERR);
		}
		assert_int_equal(b.f.calls, 0);
	}
	rig_do(&b.g, REQ, &r, set, 8, 10); /* more room than needed does no harm */
	assert_int_equal(r.len, 2);
	assert_int_equal(r.in[0], OK);
	bed_end(&b);
}

/* The level set before is what the line drives from its first moment as an output. */
static void test_level_before_direction(void **state)
{
	struct bed b;

	(void)state;
	bed_init(&b, 0);
	assert_int_equal(call(&b.g, SET, 2, 1), 0);
	assert_int_equal(b.f.calls, 0);
	assert_int_equal(call(&b.g, SETDIR, 2, 1), 0);
	assert_int_equal(b.f.last.level, 1);
	assert_int_equal(call(&b.g, SET, 2, 0), 0);
	assert_int_equal(b.f.last.type, SET);
	assert_int_equal(b.f.last.value, 0);
	assert_int_equal(call(&b.g, SET, 2, 1), 0);
	/* NONE forgets it */
	assert_int_equal(call(&b.g, SETDIR, 2, 0), 0);
	assert_int_equal(call(&b.g, SETDIR, 2, 1), 0);
	assert_int_equal(b.f.last.level, 0);
	bed_end(&b);
}

static void test_irq_rules(void **state)
{
	struct bed b;

	(void)state;
	bed_init(&b, 0); /* not negotiated */
	assert_int_equal(call(&b.g, SETIRQ, 0, RISING), -1);
	bed_end(&b);
	bed_init(&b, IRQ);
	assert_int_equal(call(&b.g, SETDIR, 0, 1), 0);
	assert_int_equal(call(&b.g, SETIRQ, 0, RISING), -1); /* an output */
	assert_int_equal(call(&b.g, SETDIR, 1, 2), 0);
	assert_int_equal(call(&b.g, SETIRQ, 1, RISING), 0);
	assert_int_equal(call(&b.g, SETIRQ, 1, FALLING), -1); /* NONE must come between */
	assert_int_equal(call(&b.g, SETIRQ, 1, RISING), 0);   /* the same again: as after a crash */
	assert_int_equal(call(&b.g, SETDIR, 1, 1), -1);	      /* in use as an interrupt */
	assert_int_equal(call(&b.g, SETIRQ, 1, NONE), 0);
	assert_int_equal(call(&b.g, SETIRQ, 1, FALLING), 0);
	bed_end(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_config),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_chips_that_do_not_fit),
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_level_before_direction),
		cmocka_unit_test(test_irq_rules),
	};
	int failed = cmocka_run_group_tests_name("gpio, split", tests, NULL, NULL);

	rig_packed = true;
	failed += cmocka_run_group_tests_name("gpio, packed", tests, NULL, NULL);
	return failed;
}
