/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * t_gpio_irq.c - the GPIO device: when an interrupt reaches the guest; slow hosts, resets, crashes
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gpio_bed.h"

/* ---- interrupts: what happens to line 1, letter by letter ---- */

static void test_interrupts(void **state)
{
	/*
	 * u unmask; h l the host reports high, low; n irq none; r f b H L set the type; D direction
	 * none. After each: v the buffer came back valid, i invalid, - did not come, or there is
	 * none.
	 */
	static const struct {
		const char *what, *steps, *want;
	} t[] = {
		{ "rising edge", "ruhl", "--v-" },
		{ "falling edge", "fuhl", "---v" },
		{ "both edges, one buffer each", "buhulu", "--v-v-" },
		{ "the wrong edge is not latched", "rluh", "---v" },
		{ "an edge while masked is latched once", "rhlhluuh", "-----v-v" },
		{ "several latched edges are one interrupt", "bhlhluuh", "-----v-v" },
		{ "an edge before the type is set is not latched", "hru", "---" },
		{ "none discards the latch", "rhlnru", "------" },
		{ "none returns the buffer", "runh", "--i-" },
		{ "none without a buffer", "rnh", "---" },
		{ "unmask without a type", "u", "i" },
		{ "unmask after none", "rnu", "--i" },
		{ "second buffer for the line", "ruu", "--i" },
		{ "direction none ends it", "ruDh", "--i-" },
		{ "level high", "Huhu", "--vv" },
		{ "level high ends", "Huhlu", "--v--" },
		{ "level high, gone before unmask: not latched", "Hhlu", "----" },
		{ "level high, there before unmask", "Hhu", "--v" },
		{ "level low is there from the beginning", "Luu", "-vv" },
		{ "level low, not there", "Lhul", "---v" },
	};
	static const char type[] = "rfbHL";
	static const uint8_t type_value[] = { RISING, FALLING, BOTH, HIGH, LOW };
	struct rig_req buf[16], *waiting;
	struct bed b;
	char got[16];
	size_t n, k;

	(void)state;
	for (n = 0; n < sizeof(t) / sizeof(t[0]); n++) {
		print_message("    %s\n", t[n].what);
		bed_init(&b, IRQ);
		memset(buf, 0, sizeof(buf));
		waiting = NULL;
		for (k = 0; t[n].steps[k]; k++) {
			const char *at = strchr(type, t[n].steps[k]);
			struct rig_req *look = waiting;

			got[k] = '-';
			if (at) {
				assert_int_equal(call(&b.g, SETIRQ, 1, type_value[at - type]), 0);
			} else if (t[n].steps[k] == 'n') {
				assert_int_equal(call(&b.g, SETIRQ, 1, NONE), 0);
			} else if (t[n].steps[k] == 'D') {
				assert_int_equal(call(&b.g, SETDIR, 1, 0), 0);
			} else if (t[n].steps[k] == 'u') {
				unmask(&b.g, &buf[k], 1);
				look = &buf[k];
				waiting = buf[k].back ? waiting : look;
			} else {
				change(&b, 1, t[n].steps[k] == 'h');
				b.f.level = t[n].steps[k] == 'h';
			}
			rig_turn(&b.g);
			if (look && look->back) {
				assert_int_equal(look->len, 1);
				got[k] = look->in[0] == VALID ? 'v' : 'i';
				waiting = look == waiting ? NULL : waiting;
			}
		}
		got[k] = 0;
		assert_string_equal(got, t[n].want);
		bed_end(&b);
	}
}

static void test_lines_are_apart(void **state)
{
	struct rig_req r[LINES];
	struct bed b;
	uint16_t n;

	(void)state;
	bed_init(&b, IRQ);
	for (n = 0; n < LINES; n++) {
		assert_int_equal(call(&b.g, SETIRQ, n, RISING), 0);
		unmask(&b.g, &r[n], n);
	}
	change(&b, 2, 1);
	for (n = 0; n < LINES; n++) {
		assert_int_equal(r[n].back, n == 2);
	}
	change(&b, 99, 1); /* a host that is wrong does no harm */
	bed_end(&b);
}

static void test_event_sizes(void **state)
{
	struct rig_req r;
	struct bed b;

	(void)state;
	bed_init(&b, IRQ);
	assert_int_equal(call(&b.g, SETIRQ, 0, RISING), 0);
	rig_do(&b.g, EVT, &r, "\0", 1, 1);
	assert_true(r.back);
	assert_int_equal(r.in[0], INVALID);
	rig_do(&b.g, EVT, &r, "\0\0", 2, 0);
	assert_true(r.back);
	rig_do(&b.g, EVT, &r, "\4\0", 2, 1); /* no such line */
	assert_true(r.back);
	assert_int_equal(r.in[0], INVALID);
	bed_end(&b);
}

/* A slow host: unmasked before it said what the level is, a line that is high is no low one. */
static void test_level_not_known_yet(void **state)
{
	struct rig_req set, e;
	struct bed b;

	(void)state;
	bed_init(&b, IRQ);
	b.f.quiet = true;
	b.f.rc = VIO_PENDING;
	ask(&b.g, &set, SETIRQ, 1, LOW);
	unmask(&b.g, &e, 1);
	assert_false(e.back);
	b.f.late = NULL;
	vio_job_complete(&b.dev.cmd.job, VIO_OK);
	change(&b, 1, 1);
	assert_true(set.back);
	assert_false(e.back);
	change(&b, 1, 0);
	assert_true(e.back);
	assert_int_equal(e.in[0], VALID);
	b.f.rc = VIO_OK;
	bed_end(&b);
}

/* Every line holds a buffer, and one too many still comes back. */
static void test_all_lines_hold(void **state)
{
	struct rig_req r[VIO_GPIO_LINES + 1];
	struct bed b;
	uint16_t n;

	(void)state;
	memset(&b, 0, sizeof(b));
	b.f.chip = (struct vio_gpio_chip){ .ngpio = VIO_GPIO_LINES, .irq = true };
	assert_int_equal(vio_gpio_init(&b.dev, rig_mem(&b.g), &fake_ops, &b.f), VIO_OK);
	assert_int_equal(rig_start(&b.g, &b.dev.dev, IRQ), VIO_OK);
	for (n = 0; n < VIO_GPIO_LINES; n++) {
		assert_int_equal(call(&b.g, SETIRQ, n, RISING), 0);
		unmask(&b.g, &r[n], n);
		assert_false(r[n].back);
	}
	unmask(&b.g, &r[n], 0);
	assert_true(r[n].back);
	assert_int_equal(r[n].in[0], INVALID);
	for (n = 0; n < VIO_GPIO_LINES; n++) {
		change(&b, n, 1);
		assert_true(r[n].back);
	}
	bed_end(&b);
}

/* ---- pending, reset ---- */

static void test_pending(void **state)
{
	struct vio_gpio_cmd *c;
	struct rig_req r[2], e;
	struct bed b;

	(void)state;
	bed_init(&b, IRQ);
	b.f.rc = VIO_PENDING;
	ask(&b.g, &r[0], SETIRQ, 1, RISING);
	ask(&b.g, &r[1], GET, 1, 0);
	assert_int_equal(b.f.calls, 1); /* one after the other */
	change(&b, 1, 1);		/* between the order and its completion: not lost */
	c = b.f.late;
	b.f.late = NULL;
	vio_job_complete(&c->job, VIO_OK);
	rig_turn(&b.g);
	assert_true(r[0].back);
	assert_int_equal(r[0].in[0], OK);
	assert_false(r[1].back);
	c = b.f.late;
	b.f.late = NULL;
	vio_job_complete(&c->job, VIO_E_IO);
	rig_turn(&b.g);
	assert_true(r[1].back);
	assert_int_equal(r[1].in[0], ERR);
	unmask(&b.g, &e, 1);
	assert_true(e.back);
	assert_int_equal(e.in[0], VALID);
	bed_end(&b);
}

/* An interrupt whose type the host refuses is off: nothing latched, the buffer back. */
static void test_failed_irq_type(void **state)
{
	struct vio_gpio_cmd *c;
	struct rig_req r, e;
	struct bed b;

	(void)state;
	bed_init(&b, IRQ);
	b.f.rc = VIO_PENDING;
	ask(&b.g, &r, SETIRQ, 1, RISING);
	unmask(&b.g, &e, 1);
	assert_false(e.back);
	c = b.f.late;
	b.f.late = NULL;
	vio_job_complete(&c->job, VIO_E_IO);
	rig_turn(&b.g);
	assert_int_equal(r.in[0], ERR);
	assert_true(e.back);
	assert_int_equal(e.in[0], INVALID);
	bed_end(&b);
}

static void test_reset_while_owned(void **state)
{
	struct rig_req r, e[2];
	struct bed b;

	(void)state;
	bed_init(&b, IRQ);
	assert_int_equal(call(&b.g, SETIRQ, 0, RISING), 0);
	assert_int_equal(call(&b.g, SETIRQ, 3, HIGH), 0);
	unmask(&b.g, &e[0], 0);
	unmask(&b.g, &e[1], 3);
	b.f.rc = VIO_PENDING;
	ask(&b.g, &r, GET, 1, 0);
	assert_int_equal(rig_reset(&b.g), VIO_OK);
	assert_int_equal(b.f.cancels, 1);
	assert_int_equal(b.f.resets, 1);
	assert_int_equal(vio_vq_owned(&b.dev.vq[0]) + vio_vq_owned(&b.dev.vq[1]), 0);
	b.f.sink->change(b.f.sink, 0, 1); /* a late one */
	b.f.rc = VIO_OK;
	assert_int_equal(rig_drive(&b.g, IRQ), VIO_OK);
	unmask(&b.g, &e[0], 0); /* nothing is enabled any more */
	assert_true(e[0].back);
	assert_int_equal(e[0].in[0], INVALID);
	bed_end(&b);
}

/*
 * A queue that is only stopped gives the buffers back as INVALID; the type stays and edges are
 * latched meanwhile.
 */
static void test_stopped_event_queue(void **state)
{
	struct vio_vq_state s;
	struct rig_req e;
	struct bed b;
	struct vio_vq *q;

	(void)state;
	bed_init(&b, IRQ);
	q = &b.dev.vq[EVT];
	assert_int_equal(call(&b.g, SETIRQ, 0, RISING), 0);
	unmask(&b.g, &e, 0);
	while (vio_vq_disable(q, &s) == VIO_PENDING) {
		vio_vq_run(q);
	}
	rig_collect(&b.g);
	assert_true(e.back);
	assert_int_equal(e.in[0], INVALID);
	b.f.sink->change(b.f.sink, 0, 1);
	assert_int_equal(vio_vq_enable(q, &s), VIO_OK);
	unmask(&b.g, &e, 0);
	assert_true(e.back);
	assert_int_equal(e.in[0], VALID);
	bed_end(&b);
}

/*
 * Messages are run again; an event buffer is kept until its interrupt is enabled again, see
 * docs/devices/gpio.md.
 */
static void test_replay(void **state)
{
	struct vio_gpio second;
	struct rig_req r, e;
	struct bed b;

	(void)state;
	bed_init(&b, IRQ);
	rig_track(&b.g);
	assert_int_equal(call(&b.g, SETIRQ, 1, RISING), 0);
	unmask(&b.g, &e, 1);
	b.f.rc = VIO_PENDING;
	ask(&b.g, &r, SETDIR, 0, 1);
	b.f.late = NULL;
	b.f.rc = VIO_OK;
	b.f.calls = 0;
	memset(&second, 0, sizeof(second));
	assert_int_equal(vio_gpio_init(&second, rig_mem_again(&b.g), &fake_ops, &b.f), VIO_OK);
	rig_crash(&b.g, &second.dev);
	assert_true(r.back);
	assert_int_equal(r.in[0], OK);
	assert_int_equal(b.f.calls, 1);
	assert_false(e.back);
	change(&b, 1, 1);
	assert_false(e.back);
	assert_int_equal(call(&b.g, SETIRQ, 1, RISING), 0);
	change(&b, 1, 1);
	assert_true(e.back);
	assert_int_equal(e.in[0], VALID);
	bed_end(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_interrupts),
		cmocka_unit_test(test_lines_are_apart),
		cmocka_unit_test(test_event_sizes),
		cmocka_unit_test(test_all_lines_hold),
		cmocka_unit_test(test_level_not_known_yet),
		cmocka_unit_test(test_pending),
		cmocka_unit_test(test_failed_irq_type),
		cmocka_unit_test(test_reset_while_owned),
		cmocka_unit_test(test_stopped_event_queue),
		cmocka_unit_test(test_replay),
	};
	int failed = cmocka_run_group_tests_name("gpio interrupts, split", tests, NULL, NULL);

	rig_packed = true;
	failed += cmocka_run_group_tests_name("gpio interrupts, packed", tests, NULL, NULL);
	return failed;
}
