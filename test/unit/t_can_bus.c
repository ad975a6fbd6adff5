/* SPDX-License-Identifier: BSD-3-Clause */
/* t_can_bus.c - the CAN device: frames of the bus, bus-off, and what is left after a crash */
#include "can_dev.h"

static const uint8_t data[64] = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ!";

/* ---- frames of the bus ---- */

static void test_receive(void **state)
{
	static const uint8_t zero[8];
	struct rig_req r[4];
	struct bed b;

	(void)state;
	bed_init(&b, F_ALL);
	can_buffer(&b.g, &r[0], 80);
	assert_false(r[0].back);
	hear(&b, 0x7ff, 0, "abc", 3);
	can_got(&r[0], 0x7ff, 0, "abc", 3);
	assert_int_equal(r[0].in[19], 0xee); /* no byte more */
	can_buffer(&b.g, &r[0], 80);
	hear(&b, 0x1fffffff, EXT | FDF, data, 64);
	can_got(&r[0], 0x1fffffff, EXT | FDF, data, 64);
	can_buffer(&b.g, &r[0], 24);
	hear(&b, 1, RTRF, "secretly", 8);
	can_got(&r[0], 1, RTRF, zero, 8);
	/* no buffer: kept; buffers that are too small: back, and of no use */
	hear(&b, 2, 0, "12345678", 8);
	hear(&b, 3, 0, "", 0);
	can_buffer(&b.g, &r[0], 23);
	can_buffer(&b.g, &r[1], 1);
	assert_true(r[0].back && r[1].back);
	assert_int_equal(r[0].len + r[1].len, 0);
	assert_int_equal(r[0].in[0], 0xee);
	can_buffer(&b.g, &r[2], 24);
	can_got(&r[2], 2, 0, "12345678", 8);
	can_buffer(&b.g, &r[3], 16);
	can_got(&r[3], 3, 0, "", 0);
	bed_end(&b);
}

/* What a host should not have heard, or this driver cannot know */
static void test_receive_nothing_wrong(void **state)
{
	static const struct {
		uint64_t features;
		uint32_t id;
		uint16_t flags;
		uint8_t len;
	} t[] = {
		{ CLASSIC, 1, FDF, 8 }, { CLASSIC | FD, 1, RTRF, 0 },  { FD, 1, 0, 8 },
		{ F_ALL, 1, 0, 9 },	{ F_ALL, 1, FDF, 65 },	       { F_ALL, 1, FDF, 255 },
		{ F_ALL, 0x800, 0, 0 }, { F_ALL, 0x20000000, EXT, 0 }, { F_ALL, 1, FDF | RTRF, 0 },
		{ F_ALL, 1, 1, 0 },
	};
	struct rig_req r;
	struct bed b;
	size_t n;

	(void)state;
	for (n = 0; n < sizeof(t) / sizeof(t[0]); n++) {
		bed_init(&b, t[n].features);
		can_buffer(&b.g, &r, 80);
		hear(&b, t[n].id, t[n].flags, data, t[n].len);
		assert_false(r.back);
		hear(&b, 1, t[n].features & CLASSIC ? 0 : FDF, "x", 1);
		assert_true(r.back);
		bed_end(&b);
	}
}

static void test_overrun(void **state)
{
	struct rig_req r;
	struct bed b;
	unsigned n;

	(void)state;
	bed_init(&b, F_ALL);
	for (n = 0; n < VIO_CAN_FIFO + 5; n++) {
		hear(&b, n, 0, "", 0);
	}
	assert_int_equal(b.dev.lost, 5);
	for (n = 0; n < VIO_CAN_FIFO; n++) {
		can_buffer(&b.g, &r, 16);
		can_got(&r, n, 0, "", 0);
	}
	can_buffer(&b.g, &r, 16);
	assert_false(r.back);
	/* stopped: nothing is heard, and nothing of before is left */
	hear(&b, 1, 0, "", 0);
	assert_true(r.back);
	hear(&b, 2, 0, "", 0);
	assert_int_equal(can_halt(&b.g), OK);
	hear(&b, 3, 0, "", 0);
	can_buffer(&b.g, &r, 16);
	assert_int_equal(can_go(&b.g), OK);
	assert_false(r.back);
	hear(&b, 4, 0, "", 0);
	can_got(&r, 4, 0, "", 0);
	bed_end(&b);
}

/* ---- bus-off ---- */

static void test_busoff(void **state)
{
	struct rig_req r[2], e;
	struct bed b;
	uint32_t generation;

	(void)state;
	bed_init(&b, F_ALL);
	can_buffer(&b.g, &e, 16);
	b.f.rc = VIO_PENDING;
	can_add(&b.g, &r[0], 1, 0, "", 0);
	can_add(&b.g, &r[1], 2, 0, "", 0);
	rig_kick(&b.g, TX);
	assert_int_equal(can_status(&b.g), 0);
	generation = b.dev.dev.generation;
	b.f.on = false;
	fake_end(&b.f, 1, VIO_E_IO);
	fake_end(&b.f, 0, VIO_E_IO);
	b.f.sink->busoff(b.f.sink);
	rig_turn(&b.g);
	assert_int_equal(can_status(&b.g), VIO_CAN_S_CTRL_BUSOFF);
	assert_int_not_equal(b.dev.dev.generation, generation);
	assert_int_equal(can_result(&r[0]), NOT_OK);
	assert_int_equal(can_result(&r[1]), NOT_OK);
	assert_int_equal(can_put(&b.g, 1, 0, "", 0), NOT_OK);
	hear(&b, 1, 0, "", 0);
	assert_false(e.back);
	assert_int_equal(can_halt(&b.g), OK); /* it is stopped */
	assert_int_equal(b.f.stops, 0);
	assert_int_equal(can_status(&b.g), VIO_CAN_S_CTRL_BUSOFF);
	/* the bit goes when the controller is started again, and not before */
	b.f.start_rc = VIO_E_IO;
	assert_int_equal(can_go(&b.g), NOT_OK);
	assert_int_equal(can_status(&b.g), VIO_CAN_S_CTRL_BUSOFF);
	b.f.start_rc = VIO_OK;
	assert_int_equal(can_go(&b.g), OK);
	assert_int_equal(can_status(&b.g), 0);
	b.f.rc = VIO_OK;
	assert_int_equal(can_put(&b.g, 1, 0, "", 0), OK);
	/* or by a reset */
	b.f.on = false;
	b.f.sink->busoff(b.f.sink);
	b.f.sink->busoff(b.f.sink);
	assert_int_equal(can_status(&b.g), VIO_CAN_S_CTRL_BUSOFF);
	assert_int_equal(rig_reset(&b.g), VIO_OK);
	assert_int_equal(rig_drive(&b.g, F_ALL), VIO_OK);
	assert_int_equal(can_status(&b.g), 0);
	/* what the bus said before is for this driver, and not for the next one */
	assert_int_equal(can_go(&b.g), OK);
	hear(&b, 0x77, 0, "mine", 4);
	b.f.on = false;
	b.f.sink->busoff(b.f.sink);
	assert_int_equal(rig_reset(&b.g), VIO_OK);
	assert_int_equal(rig_drive(&b.g, F_ALL), VIO_OK);
	can_buffer(&b.g, &e, 80);
	assert_false(e.back);
	bed_end(&b);
}

/* The back-end died with frames on their way: they are not sent a second time. */
static void test_crash(void **state)
{
	static struct bed b, next;
	struct rig_req r;

	(void)state;
	bed_make(&b, F_ALL);
	rig_track(&b.g);
	assert_int_equal(can_go(&b.g), OK);
	b.f.rc = VIO_PENDING;
	can_add(&b.g, &r, 1, 0, "", 0);
	rig_kick(&b.g, TX);
	assert_int_equal(b.f.n, 1);
	memset(&next, 0, sizeof(next));
	next.f.able = b.f.able;
	assert_int_equal(vio_can_init(&next.dev, rig_mem_again(&b.g), &fake_ops, &next.f), VIO_OK);
	next.f.last.id = UINT32_MAX;
	rig_crash(&b.g, &next.dev.dev);
	assert_int_equal(can_result(&r), NOT_OK);
	assert_int_equal(next.f.last.id, UINT32_MAX);
	/* and the driver learns that the controller does not run any more */
	assert_int_equal(vio_unpack16(next.dev.config), VIO_CAN_S_CTRL_BUSOFF);
	assert_int_equal(can_go(&b.g), OK);
	assert_int_equal(vio_unpack16(next.dev.config), 0);
	assert_int_equal(can_put(&b.g, 1, 0, "", 0), OK);
	assert_int_equal(rig_reset(&b.g), VIO_OK);
	vio_can_fini(&next.dev);
	rig_end(&b.g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_receive), cmocka_unit_test(test_receive_nothing_wrong),
		cmocka_unit_test(test_overrun), cmocka_unit_test(test_busoff),
		cmocka_unit_test(test_crash),
	};
	int rc = cmocka_run_group_tests_name("can, the bus, split", tests, NULL, NULL);

	rig_packed = true;
	rig_piece = 30;
	return rc +
	       cmocka_run_group_tests_name("can, the bus, packed, in pieces", tests, NULL, NULL);
}
