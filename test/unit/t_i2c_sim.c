/* SPDX-License-Identifier: BSD-3-Clause */
/* t_i2c_sim.c - the simulated I2C bus, as the guest sees it */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "i2c_bed.h"
#include "hosted/host_kind.h"

extern const struct host_kind host_sim_i2c[];

static struct loop *loop; /* of the host; only the delay needs one */

struct sim {
	struct rig g;
	struct vio_i2c dev;
	struct host_ctx ctx;
	struct host host;
};

static void sim_init(struct sim *s, const char *arg)
{
	memset(s, 0, sizeof(*s));
	s->ctx.name = "i2c0";
	s->ctx.arg = arg;
	s->ctx.loop = loop;
	assert_int_equal(host_sim_i2c[0].open(&s->ctx, &s->host), 0);
	assert_int_equal(vio_i2c_init(&s->dev, rig_mem(&s->g), s->host.ops, s->host.host), VIO_OK);
	assert_int_equal(rig_start(&s->g, &s->dev.dev, WANT), VIO_OK);
}

static void sim_end(struct sim *s)
{
	assert_int_equal(rig_reset(&s->g), VIO_OK);
	s->host.close(&s->host);
	rig_end(&s->g);
}

/*
 * Write `out`, then read `in_len` bytes in the same group; returns: the read, or NULL when it
 * failed
 */
static const uint8_t *sim_read(struct sim *s, uint16_t addr, const char *out, uint32_t out_len,
			       uint32_t in_len)
{
	static struct rig_req r[2];

	add(&s->g, &r[0], (uint16_t)(addr << 1), NEXT, out, out_len, 1);
	add(&s->g, &r[1], (uint16_t)(addr << 1), RD, "", 0, in_len + 1);
	rig_kick(&s->g, 0);
	return status_of(&r[0]) || status_of(&r[1]) ? NULL : r[1].in;
}

static bool sim_write(struct sim *s, uint16_t addr, const char *out, uint32_t len)
{
	struct rig_req r;

	add(&s->g, &r, addr, 0, out, len, 1);
	rig_kick(&s->g, 0);
	return status_of(&r) == VIO_I2C_MSG_OK;
}

static void test_eeprom(void **state)
{
	struct sim s;

	(void)state;
	sim_init(&s, NULL);
	assert_memory_equal(sim_read(&s, 0x50, "\0", 1, 256), "stratos eeprom00stratos eeprom10",
			    32);
	assert_memory_equal(sim_read(&s, 0x50, "\xf0", 1, 20), "stratos eepromf0stra",
			    20); /* runs on at 0 */
	/* four bytes from 0x16: the page of 8 ends at 0x17, then turns round to 0x10 */
	assert_true(sim_write(&s, 0x50 << 1,
			      "\x16"
			      "abcd",
			      5));
	assert_memory_equal(sim_read(&s, 0x50, "\x10", 1, 16), "cdratoabeeprom10", 16);
	assert_memory_equal(sim_read(&s, 0x50, "\x18", 1, 4), "eepr", 4);
	assert_null(sim_read(&s, 0x51, "\0", 1, 4));  /* nobody there */
	assert_true(sim_write(&s, 0x50 << 1, "", 0)); /* SMBus quick, as i2cdetect sends it */
	assert_false(sim_write(&s, 0x51 << 1, "", 0));
	sim_end(&s);
}

static void test_lm75(void **state)
{
	struct sim s;

	(void)state;
	sim_init(&s, "lm75@0x49");
	assert_memory_equal(sim_read(&s, 0x48, "\0", 1, 2), "\x19\x80", 2);
	assert_memory_equal(sim_read(&s, 0x49, "\3", 1, 2), "\x50\0", 2);
	assert_true(sim_write(&s, 0x48 << 1, "\2\x12\x34", 3));
	assert_memory_equal(sim_read(&s, 0x48, "\2", 1, 2), "\x12\x34", 2);
	assert_memory_equal(sim_read(&s, 0x49, "\2", 1, 2), "\x4b\0",
			    2);				   /* its neighbour is another */
	assert_false(sim_write(&s, 0x48 << 1, "\0\1", 2)); /* temperature is read-only */
	sim_end(&s);
}

static void test_sim_ten_bits(void **state)
{
	struct sim s;

	(void)state;
	sim_init(&s, "eeprom@0x1a5");
	assert_true(sim_write(&s, 0xa5f2, "\0x", 2));
	assert_false(sim_write(&s, 0xa5f4, "\0x", 2));
	assert_false(sim_write(&s, 0x50f0, "\0x", 2)); /* 0x050 is not 0x50 */
	sim_end(&s);
}

static void stop_loop(struct vio_timer *t)
{
	(void)t;
	loop_stop(loop);
}

static void test_sim_delay(void **state)
{
	struct sim s;
	struct rig_req r;
	struct vio_clock *c;
	struct vio_timer stop = { .fire = stop_loop };

	(void)state;
	loop = loop_new("test");
	assert_non_null(loop);
	sim_init(&s, "delay=500");
	c = loop_clock(loop);
	add(&s.g, &r, 0xa0, RD, "", 0, 8);
	rig_kick(&s.g, 0);
	assert_false(r.back);
	c->set(c, &stop, c->now(c) + 500000);
	loop_run(loop);
	rig_turn(&s.g);
	assert_int_equal(status_of(&r), VIO_I2C_MSG_OK);
	assert_memory_equal(r.in, "stratos", 7);
	/* a reset does not wait for the delay: the loop does not run any more */
	add(&s.g, &r, 0xa0, RD, "", 0, 8);
	rig_kick(&s.g, 0);
	assert_false(r.back);
	sim_end(&s);
	loop_free(loop);
	loop = NULL;
}

static void test_sim_bad_arguments(void **state)
{
	static const char *const bad[] = {
		"eeprom",
		"eeprom@",
		"eeprom@x",
		"eeprom@0x50",
		"lm75@0x400",
		"lm75@2",
		"disk@0x20",
		"delay=",
		"delay=1s",
		"delay=99999999",
		"eeprom@0x51,eeprom@0x51",
		"eeprom@0x51;lm75@0x20",
	};
	struct host_ctx ctx;
	struct host h;
	size_t n;

	(void)state;
	for (n = 0; n < sizeof(bad) / sizeof(bad[0]); n++) {
		memset(&ctx, 0, sizeof(ctx));
		ctx.name = "i2c0";
		ctx.arg = bad[n];
		assert_int_equal(host_sim_i2c[0].open(&ctx, &h), -1);
		assert_true(strlen(ctx.err) > 10);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_eeprom),
		cmocka_unit_test(test_lm75),
		cmocka_unit_test(test_sim_ten_bits),
		cmocka_unit_test(test_sim_delay),
		cmocka_unit_test(test_sim_bad_arguments),
	};
	int failed = cmocka_run_group_tests_name("simulated i2c, split", tests, NULL, NULL);

	rig_packed = true;
	failed += cmocka_run_group_tests_name("simulated i2c, packed", tests, NULL, NULL);
	return failed;
}
