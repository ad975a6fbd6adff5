/* SPDX-License-Identifier: BSD-3-Clause */
/* t_gpio_sim.c - the simulated GPIO chip, as the guest sees it */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gpio_bed.h"
#include "hosted/host_kind.h"

extern const struct host_kind host_sim_gpio[];

struct sim {
	struct rig g;
	struct vio_gpio dev;
	struct host_ctx ctx;
	struct host host;
};

static void sim_init(struct sim *s, const char *arg)
{
	memset(s, 0, sizeof(*s));
	s->ctx.name = "gpio0";
	s->ctx.arg = arg;
	assert_int_equal(host_sim_gpio[0].open(&s->ctx, &s->host), 0);
	assert_int_equal(vio_gpio_init(&s->dev, rig_mem(&s->g), s->host.ops, s->host.host), VIO_OK);
	assert_int_equal(rig_start(&s->g, &s->dev.dev, IRQ), VIO_OK);
}

static void sim_end(struct sim *s)
{
	assert_int_equal(rig_reset(&s->g), VIO_OK);
	vio_gpio_fini(&s->dev);
	s->host.close(&s->host);
	rig_end(&s->g);
}

static void test_sim_wire(void **state)
{
	struct sim s;
	struct rig_req e;

	(void)state;
	sim_init(&s, NULL);
	assert_int_equal(call(&s.g, GETDIR, 7, 0), 0);
	assert_int_equal(call(&s.g, GETDIR, 8, 0), -1);
	assert_int_equal(call(&s.g, SETDIR, 0, 1), 0);
	assert_int_equal(call(&s.g, SETDIR, 1, 2), 0);
	assert_int_equal(call(&s.g, GETDIR, 0, 0), 1);
	assert_int_equal(call(&s.g, GETDIR, 1, 0), 2);
	assert_int_equal(call(&s.g, SETIRQ, 1, RISING), 0);
	unmask(&s.g, &e, 1);
	assert_int_equal(call(&s.g, SET, 0, 1), 0);
	assert_true(e.back);
	assert_int_equal(e.in[0], VALID);
	assert_int_equal(call(&s.g, GET, 1, 0), 1);
	assert_int_equal(call(&s.g, GET, 0, 0), 1);
	assert_int_equal(call(&s.g, GET, 2, 0), 0);
	/* who drives lets go: the wire falls */
	assert_int_equal(call(&s.g, SETIRQ, 1, NONE), 0);
	assert_int_equal(call(&s.g, SETIRQ, 1, LOW), 0);
	unmask(&s.g, &e, 1);
	assert_false(e.back);
	assert_int_equal(call(&s.g, SETDIR, 0, 0), 0);
	assert_true(e.back);
	assert_int_equal(e.in[0], VALID);
	sim_end(&s);
}

static void test_sim_odd_number_of_lines(void **state)
{
	struct sim s;

	(void)state;
	sim_init(&s, "3");
	assert_int_equal(call(&s.g, SETDIR, 2, 1), 0);
	assert_int_equal(call(&s.g, SET, 2, 1), 0);
	assert_int_equal(call(&s.g, GET, 2, 0), 1);
	assert_int_equal(call(&s.g, SETDIR, 2, 2), 0);
	assert_int_equal(call(&s.g, GET, 2, 0), 0);
	sim_end(&s);
}

static void test_sim_names(void **state)
{
	static const uint8_t get[8] = { NAMES, 0, 0, 0, 0, 0, 0, 0 };
	static const char want[] = "\0wire0-a\0wire0-b\0wire1-a\0wire1-b";
	struct sim s;
	struct rig_req r;

	(void)state;
	sim_init(&s, "4");
	rig_do(&s.g, REQ, &r, get, 8, 100);
	assert_int_equal(r.len, sizeof(want));
	assert_memory_equal(r.in, want, sizeof(want));
	sim_end(&s);
}

static void test_sim_bad_arguments(void **state)
{
	static const char *const bad[] = { "0", "65", "x", "8x", "delay=", "delay=x", "8;9", "-1" };
	struct host_ctx ctx;
	struct host h;
	size_t n;

	(void)state;
	for (n = 0; n < sizeof(bad) / sizeof(bad[0]); n++) {
		memset(&ctx, 0, sizeof(ctx));
		ctx.name = "gpio0";
		ctx.arg = bad[n];
		assert_int_equal(host_sim_gpio[0].open(&ctx, &h), -1);
		assert_true(strlen(ctx.err) > 10);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sim_wire),
		cmocka_unit_test(test_sim_odd_number_of_lines),
		cmocka_unit_test(test_sim_names),
		cmocka_unit_test(test_sim_bad_arguments),
	};
	int failed = cmocka_run_group_tests_name("simulated gpio, split", tests, NULL, NULL);

	rig_packed = true;
	failed += cmocka_run_group_tests_name("simulated gpio, packed", tests, NULL, NULL);
	return failed;
}
