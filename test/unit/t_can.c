/* SPDX-License-Identifier: BSD-3-Clause */
/* t_can.c - the CAN device: frames of the driver, right and wrong in each field, and its control of the controller */
#include "can_dev.h"
#include "rig_row.h"

/* ---- frames of the driver ---- */

#define D8			"0102030405060708"
#define D64			D8 D8 D8 D8 D8 D8 D8 D8
#define H(type, len, flags, id) type len "00000000" flags id
#define NONE			"00000000"
#define F_FD			"00400000"
#define F_EXT			"00800000"
#define F_RTR			"00200000"
#define ID1			"23010000"
#define GOOD			"00"
#define BAD			"01"

/* Each frame, right and wrong in each field; needs: the features without which it is refused */
static const struct {
	struct row row;
	uint64_t needs;
} rows[] = {
	{ { "classic, no data", H("0100", "0000", NONE, ID1), ALL, 1, GOOD }, CLASSIC },
	{ { "classic, 8 bytes", H("0100", "0800", NONE, ID1) D8, ALL, 1, GOOD }, CLASSIC },
	{ { "more room both ways", H("0100", "0200", NONE, ID1) D8, ALL, 3, GOOD "eeee" },
	  CLASSIC },
	{ { "highest identifier", H("0100", "0000", NONE, "ff070000"), ALL, 1, GOOD }, CLASSIC },
	{ { "extended", H("0100", "0100", F_EXT, "ffffff1f") "55", ALL, 1, GOOD }, CLASSIC },
	{ { "FD, 64 bytes", H("0100", "4000", F_FD, ID1) D64, ALL, 1, GOOD }, FD },
	{ { "FD, 9 bytes", H("0100", "0900", F_FD, ID1) D8 "09", ALL, 1, GOOD }, FD },
	{ { "FD, extended", H("0100", "0000", "00c00000", "ffffff1f"), ALL, 1, GOOD }, FD },
	{ { "RTR", H("0100", "0800", F_RTR, ID1), ALL, 1, GOOD }, CLASSIC | RTR },
	{ { "RTR with data", H("0100", "0800", F_RTR, ID1) D8, ALL, 1, GOOD }, CLASSIC | RTR },
	{ { "reserved fields", "010000005555aaaa" NONE ID1, ALL, 1, GOOD }, CLASSIC },

	{ { "classic, 9 bytes", H("0100", "0900", NONE, ID1) D8 "09", ALL, 1, BAD }, 0 },
	{ { "classic, a byte is missing", H("0100", "0800", NONE, ID1) D8, 23, 1, BAD }, 0 },
	{ { "classic, all are missing", H("0100", "0800", NONE, ID1), ALL, 1, BAD }, 0 },
	{ { "identifier too high", H("0100", "0000", NONE, "00080000"), ALL, 1, BAD }, 0 },
	{ { "highest bit of the identifier", H("0100", "0000", NONE, "00000080"), ALL, 1, BAD },
	  0 },
	{ { "extended, too high", H("0100", "0000", F_EXT, "00000020"), ALL, 1, BAD }, 0 },
	{ { "extended, bit 31", H("0100", "0000", F_EXT, "00000080"), ALL, 1, BAD }, 0 },
	{ { "FD, 65 bytes", H("0100", "4100", F_FD, ID1) D64 "09", ALL, 1, BAD }, 0 },
	{ { "FD, 256 bytes", H("0100", "0001", F_FD, ID1) D64, ALL, 1, BAD }, 0 },
	{ { "FD, highest length", H("0100", "ffff", F_FD, ID1) D64, ALL, 1, BAD }, 0 },
	{ { "FD, a byte is missing", H("0100", "4000", F_FD, ID1) D64, 79, 1, BAD }, 0 },
	{ { "RTR, 9 bytes", H("0100", "0900", F_RTR, ID1), ALL, 1, BAD }, 0 },
	{ { "RTR and FD", H("0100", "0000", "00600000", ID1), ALL, 1, BAD }, 0 },
	{ { "flag 0", H("0100", "0000", "01000000", ID1), ALL, 1, BAD }, 0 },
	{ { "flag 12", H("0100", "0000", "00100000", ID1), ALL, 1, BAD }, 0 },
	{ { "flag 16", H("0100", "0000", "00000100", ID1), ALL, 1, BAD }, 0 },
	{ { "flag 31", H("0100", "0000", "00000080", ID1), ALL, 1, BAD }, 0 },
	{ { "type 0", H("0000", "0000", NONE, ID1), ALL, 1, BAD }, 0 },
	{ { "type of a received frame", H("0101", "0000", NONE, ID1), ALL, 1, BAD }, 0 },
	{ { "type of a control message", H("0102", "0000", NONE, ID1), ALL, 1, BAD }, 0 },
	{ { "type with the bytes the wrong way round", H("0001", "0000", NONE, ID1), ALL, 1, BAD },
	  0 },
	{ { "head without its end", H("0100", "0000", NONE, ID1), 15, 1, BAD }, 0 },
	{ { "nothing to read", "", ALL, 1, BAD }, 0 },
	{ { "no room for a result", H("0100", "0900", NONE, ID1), ALL, 0, "" }, 0 },
};

static void test_frames(void **state)
{
	struct row refused;
	struct bed b;
	size_t n;

	(void)state;
	for (n = 0; n < sizeof(rows) / sizeof(rows[0]); n++) {
		bed_init(&b, F_ALL);
		b.f.last.id = UINT32_MAX;
		rig_row(&b.g, TX, &rows[n].row);
		/* what is refused does not reach the host */
		assert_int_equal(b.f.last.id != UINT32_MAX, rows[n].needs != 0);
		bed_end(&b);
		/* nor does what was not negotiated */
		if (rows[n].needs) {
			refused = rows[n].row;
			refused.answer = refused.in_len == 1 ? BAD : BAD "eeee";
			bed_init(&b, rows[n].needs == FD	? CLASSIC | RTR
				     : rows[n].needs == CLASSIC ? FD
								: CLASSIC | FD);
			b.f.last.id = UINT32_MAX;
			rig_row(&b.g, TX, &refused);
			assert_int_equal(b.f.last.id, UINT32_MAX);
			bed_end(&b);
		}
	}
}

static void test_what_the_host_gets(void **state)
{
	static const uint8_t zero[64];
	struct bed b;

	(void)state;
	bed_init(&b, CLASSIC | FD | RTR);
	assert_int_equal(can_put(&b.g, 0x1abcdef0, EXT | FDF, "0123456789", 10), OK);
	assert_int_equal(b.f.last.id, 0x1abcdef0);
	assert_int_equal(b.f.last.flags, EXT | FDF);
	assert_int_equal(b.f.last.len, 10);
	assert_memory_equal(b.f.last.data, "0123456789", 10);
	assert_memory_equal(b.f.last.data + 10, zero, 54);
	assert_false(b.f.acked);
	assert_int_equal(can_put(&b.g, 5, RTRF, "abcd", 4), OK);
	assert_int_equal(b.f.last.len, 4);
	assert_memory_equal(b.f.last.data, zero, 64);
	b.f.rc = VIO_E_IO;
	assert_int_equal(can_put(&b.g, 5, 0, "abcd", 4), NOT_OK);
	bed_end(&b);
}

/* Many at once, back in any order; LATE_TX_ACK reaches the host, its answer the driver. */
static void test_late(void **state)
{
	struct rig_req r[VIO_CAN_DEPTH + 2];
	struct bed b;
	unsigned n;

	(void)state;
	bed_init(&b, F_ALL);
	b.f.rc = VIO_PENDING;
	for (n = 0; n < VIO_CAN_DEPTH + 2; n++) {
		can_add(&b.g, &r[n], n, 0, "", 0);
	}
	rig_kick(&b.g, TX);
	assert_true(b.f.acked);
	assert_int_equal(b.f.n, VIO_CAN_DEPTH);
	fake_end(&b.f, 3, VIO_OK);
	fake_end(&b.f, 0, VIO_E_IO);
	rig_turn(&b.g);
	assert_int_equal(can_result(&r[3]), OK);
	assert_int_equal(can_result(&r[0]), NOT_OK);
	assert_int_equal(b.f.n, VIO_CAN_DEPTH); /* the next two had their turn */
	assert_int_equal(b.f.last.id, VIO_CAN_DEPTH + 1);
	assert_false(r[1].back);
	assert_int_equal(rig_reset(&b.g), VIO_OK);
	assert_int_equal(b.f.cancels, VIO_CAN_DEPTH);
	assert_int_equal(rig_drive(&b.g, F_ALL), VIO_OK);
	assert_int_equal(can_put(&b.g, 1, 0, "", 0), NOT_OK); /* stopped again */
	bed_end(&b);
}

/* ---- control ---- */

#define START "0102"
#define STOP  "0202"

static const struct row controls[] = {
	{ "start", START, ALL, 1, GOOD },
	{ "start, more room both ways", START "ff", ALL, 2, GOOD "ee" },
	{ "stop, stopped", STOP, ALL, 1, GOOD },
	{ "type 0", "0000", ALL, 1, BAD },
	{ "type behind the last", "0302", ALL, 1, BAD },
	{ "type with the bytes the wrong way round", "0201", ALL, 1, BAD },
	{ "type of a frame", "0100", ALL, 1, BAD },
	{ "a byte", START, 1, 1, BAD },
	{ "nothing to read", START, 0, 1, BAD },
};

static void test_control(void **state)
{
	struct rig_req r;
	struct bed b;
	size_t n;

	(void)state;
	for (n = 0; n < sizeof(controls) / sizeof(controls[0]); n++) {
		bed_make(&b, F_ALL);
		rig_row(&b.g, CTRL, &controls[n]);
		assert_int_equal(b.f.on, n < 2);
		bed_end(&b);
	}
	/* without room for a result: done all the same */
	bed_make(&b, F_ALL);
	rig_do(&b.g, CTRL, &r, "\1\2", 2, 0);
	assert_true(r.back);
	assert_int_equal(r.len, 0);
	assert_true(b.f.on);
	assert_int_equal(can_go(&b.g), OK); /* it is started: that is what was wanted */
	assert_int_equal(b.f.starts, 1);
	assert_int_equal(can_halt(&b.g), OK);
	assert_int_equal(can_halt(&b.g), OK);
	assert_int_equal(b.f.stops, 1);
	b.f.start_rc = VIO_E_IO;
	assert_int_equal(can_go(&b.g), NOT_OK);
	assert_int_equal(can_put(&b.g, 1, 0, "", 0), NOT_OK);
	b.f.start_rc = VIO_OK;
	assert_int_equal(can_go(&b.g), OK);
	assert_int_equal(can_put(&b.g, 1, 0, "", 0), OK);
	bed_end(&b);
}

/* STOP gives back what is on its way, and is answered after it. */
static void test_stop_cancels(void **state)
{
	struct rig_req r[3], c[2];
	struct bed b;
	unsigned n;

	(void)state;
	bed_init(&b, F_ALL);
	b.f.rc = VIO_PENDING;
	for (n = 0; n < 3; n++) {
		can_add(&b.g, &r[n], n, 0, "", 0);
	}
	rig_kick(&b.g, TX);
	rig_add(&b.g, CTRL, &c[0], "\2\2", 2, 1);
	rig_add(&b.g, CTRL, &c[1], "\1\2", 2, 1);
	(void)vio_dvq_need_kick(&b.g.q[CTRL]);
	assert_int_equal(vio_vq_run(&b.dev.vq[CTRL]), VIO_OK);
	rig_collect(&b.g);
	assert_int_equal(b.f.n, 0);
	assert_false(c[0].back);
	rig_turn(&b.g);
	for (n = 0; n < 3; n++) {
		assert_int_equal(can_result(&r[n]), NOT_OK);
	}
	assert_int_equal(can_result(&c[0]), OK);
	assert_int_equal(can_result(&c[1]), OK); /* in order */
	assert_true(c[0].order < c[1].order);
	assert_int_equal(b.f.starts, 2);
	assert_true(b.f.on);
	bed_end(&b);
}

static void test_features(void **state)
{
	static const struct {
		struct vio_can_able able;
		int rc;
		uint64_t offered;
	} t[] = {
		{ { true, true, true, true }, VIO_OK, F_ALL },
		{ { true, false, false, false }, VIO_OK, CLASSIC },
		{ { false, true, false, true }, VIO_OK, FD | LATE },
		{ { false, false, false, true }, VIO_E_ARG, 0 },
		{ { false, true, true, true }, VIO_E_ARG, 0 },
	};
	static const uint64_t bad[] = { 0, LATE, RTR, RTR | FD };
	uint64_t offered;
	struct bed b;
	size_t n;

	(void)state;
	for (n = 0; n < sizeof(t) / sizeof(t[0]); n++) {
		memset(&b, 0, sizeof(b));
		b.f.able = t[n].able;
		assert_int_equal(vio_can_init(&b.dev, rig_mem(&b.g), &fake_ops, &b.f), t[n].rc);
		assert_int_equal(b.f.closed, t[n].rc != VIO_OK);
		if (t[n].rc == VIO_OK) {
			assert_int_equal(lb_init(&b.g.lb, &b.dev.dev, VIO_F_RINGS), VIO_OK);
			assert_int_equal(lb_bus.features(&b.g.lb, &offered), VIO_OK);
			assert_int_equal(offered & F_ALL, t[n].offered);
		}
		rig_end(&b.g);
	}
	memset(&b, 0, sizeof(b));
	b.f.gone = true;
	assert_int_equal(vio_can_init(&b.dev, rig_mem(&b.g), &fake_ops, &b.f), VIO_E_IO);
	rig_end(&b.g);
	/* a driver that can send nothing, or half of a feature */
	for (n = 0; n < sizeof(bad) / sizeof(bad[0]); n++) {
		memset(&b, 0, sizeof(b));
		b.f.able = (struct vio_can_able){ true, true, true, true };
		assert_int_equal(vio_can_init(&b.dev, rig_mem(&b.g), &fake_ops, &b.f), VIO_OK);
		assert_int_equal(lb_init(&b.g.lb, &b.dev.dev, VIO_F_RINGS), VIO_OK);
		assert_int_equal(
			vio_drv_probe(&lb_bus, &b.g.lb, bad[n] | VIO_F_VERSION_1, &offered),
			VIO_E_ARG);
		assert_int_equal(rig_status(&b.g) & VIO_S_FEATURES_OK, 0);
		assert_int_equal(rig_drive(&b.g, CLASSIC), VIO_OK); /* the next one is served */
		assert_int_equal(can_go(&b.g), OK);
		bed_end(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frames),	     cmocka_unit_test(test_what_the_host_gets),
		cmocka_unit_test(test_late),	     cmocka_unit_test(test_control),
		cmocka_unit_test(test_stop_cancels), cmocka_unit_test(test_features),
	};
	int rc = cmocka_run_group_tests_name("can, split", tests, NULL, NULL);

	rig_packed = true;
	rig_piece = 30;
	return rc + cmocka_run_group_tests_name("can, packed, in pieces", tests, NULL, NULL);
}
