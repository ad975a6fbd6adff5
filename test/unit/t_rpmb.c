/* SPDX-License-Identifier: BSD-3-Clause */
/* t_rpmb.c - the RPMB device: what is written, what is refused and with which result */
#include "rpmb_dev.h"

static void test_config(void **state)
{
	uint8_t c[3];

	(void)state;
	bed_init(true);
	assert_int_equal(lb_bus.config_read(&b.g.lb, 0, c, 3), VIO_OK);
	assert_memory_equal(c, "\1\4\10", 3);
	bed_end();
}

static void test_key(void **state)
{
	struct vio_rpmb_frame f[2];
	const uint8_t *in;
	struct rig_req *r;

	(void)state;
	bed_init(false);
	frame(&f[0], KEY, 2);
	memcpy(f[0].key_mac, key, sizeof(key));
	frame(&f[1], RESULT, 1);
	r = ask(f, 2, 1);
	assert_int_equal(result_of(r->in), FAIL); /* two blocks of key */
	assert_int_equal(type_of(r->in), VIO_RPMB_RESP_PROGRAM_KEY);
	assert_false(b.f.store.keyed);
	be_put(f[0].block_count, 1, 2);
	r = ask(f, 2, 1);
	assert_int_equal(result_of(r->in), OK);
	assert_int_equal(type_of(r->in), VIO_RPMB_RESP_PROGRAM_KEY);
	assert_true(is_signed(r->in, 1, key));
	assert_memory_equal(b.f.key, key, sizeof(key));
	memcpy(f[0].key_mac, other, sizeof(key));
	r = ask(f, 1, 0); /* once and never again */
	assert_int_equal(last_result(&in), WFAIL);
	assert_memory_equal(b.f.key, key, sizeof(key));
	bed_end();
	bed_init(false);
	b.f.rc = VIO_E_IO;
	(void)ask(f, 1, 0);
	assert_int_equal(last_result(&in), WFAIL);
	bed_end();
}

static void test_no_key(void **state)
{
	struct vio_rpmb_frame f[3];
	static const uint8_t zero[VIO_RPMB_MAC];
	const uint8_t *in;

	(void)state;
	bed_init(false);
	frame(&f[0], COUNT, 1);
	assert_int_equal(ask_one(f, &in), NOKEY);
	assert_int_equal(type_of(in), VIO_RPMB_RESP_GET_COUNTER);
	assert_memory_equal(in + 196, zero, sizeof(zero)); /* there is nothing to sign with */
	frame(&f[0], READ, 1);
	assert_int_equal(ask_one(f, &in), NOKEY);
	assert_int_equal(type_of(in), VIO_RPMB_RESP_DATA_READ);
	write_frames(f, 1, 0, 0, 1, zero);
	assert_int_equal(write_now(f, 1, NULL), NOKEY);
	assert_int_equal(b.f.commits, 0);
	bed_end();
}

static void test_counter(void **state)
{
	struct vio_rpmb_frame f;
	const uint8_t *in;

	(void)state;
	bed_init(true);
	b.f.store.counter = 0x01020304;
	frame(&f, COUNT, 1);
	memcpy(f.nonce, "0123456789abcdef", 16);
	assert_int_equal(ask_one(&f, &in), OK);
	assert_int_equal(type_of(in), VIO_RPMB_RESP_GET_COUNTER);
	assert_memory_equal(in + 484, "0123456789abcdef\1\2\3\4", 20);
	assert_true(is_signed(in, 1, key));
	assert_false(is_signed(in, 1, other));
	frame(&f, COUNT, 0);
	assert_int_equal(ask_one(&f, &in), FAIL);
	frame(&f, COUNT, 2);
	assert_int_equal(ask_one(&f, &in), FAIL);
	assert_int_equal(counter_of(in), 0);
	bed_end();
}

static void test_write_and_read(void **state)
{
	struct vio_rpmb_frame f[6];
	const uint8_t *in;
	struct rig_req *r;
	uint16_t k;

	(void)state;
	bed_init(true);
	write_frames(f, 4, 5, 0, 0x40, key);
	assert_int_equal(write_now(f, 4, &in), OK);
	assert_int_equal(counter_of(in), 1);
	assert_int_equal(be_get(in + 504, 2), 5);
	assert_true(is_signed(in, 1, key));
	write_frames(f, 1, BLOCKS - 1, 1, 0x77, key);
	assert_int_equal(write_now(f, 1, &in), OK);
	assert_int_equal(counter_of(in), 2);
	assert_int_equal(b.f.commits, 2);
	frame(f, READ, 6);
	be_put(f->address, 4, 2);
	r = ask(f, 1, 6);
	assert_int_equal(r->len, 6 * FRAME);
	for (k = 0; k < 6; k++) {
		in = r->in + k * FRAME;
		assert_int_equal(result_of(in), OK);
		assert_int_equal(type_of(in), VIO_RPMB_RESP_DATA_READ);
		assert_int_equal(in[228], k == 0 || k == 5 ? 0 : 0x40 + k - 1);
		assert_int_equal(in[483], in[228]);
		assert_memory_equal(in + 484, f->nonce, 16);
		assert_int_equal(be_get(in + 504, 2), 4);
		assert_int_equal(be_get(in + 506, 2), 6);
	}
	assert_true(is_signed(r->in, 6, key));
	bed_end();
}

/* A frame that is changed in one place, each time another; nothing of it is ever written */
static void test_refused_writes(void **state)
{
	static const struct {
		const char *what;
		uint16_t n, address;
		uint32_t counter;
		uint16_t at; /* byte of frame 0 that is changed after signing; 0: none */
		uint16_t result;
		const uint8_t *with;
	} t[] = {
		{ "good", 2, 0, 7, 0, OK, key },
		{ "replayed: counter of before", 2, 0, 6, 0, CFAIL, key },
		{ "from the future", 2, 0, 8, 0, CFAIL, key },
		{ "counter far off", 2, 0, UINT32_MAX, 0, CFAIL, key },
		{ "key of someone else", 2, 0, 7, 0, AUTH, other },
		{ "data changed", 2, 0, 7, 228, AUTH, key },
		{ "last byte of data changed", 2, 0, 7, 483, AUTH, key },
		{ "nonce changed", 2, 0, 7, 484, AUTH, key },
		{ "counter changed", 2, 0, 7, 503, AUTH, key },
		{ "address changed", 2, 0, 7, 505, AUTH, key },
		{ "result changed", 2, 0, 7, 508, AUTH, key },
		{ "stuff is not signed", 2, 0, 7, 195, OK, key },
		{ "last blocks", 2, BLOCKS - 2, 7, 0, OK, key },
		{ "half behind the end", 2, BLOCKS - 1, 7, 0, ADDR, key },
		{ "behind the end", 1, BLOCKS, 7, 0, ADDR, key },
		{ "highest address", 1, 0xffff, 7, 0, ADDR, key },
		{ "as many blocks as allowed", 4, 0, 7, 0, OK, key },
		{ "one more", 5, 0, 7, 0, FAIL, key },
	};
	static const uint8_t zero[BLOCKS][VIO_RPMB_BLOCK];
	struct vio_rpmb_frame f[7];
	const uint8_t *in;
	size_t n;

	(void)state;
	for (n = 0; n < sizeof(t) / sizeof(t[0]); n++) {
		print_message("    %s\n", t[n].what);
		bed_init(true);
		b.f.store.counter = 7;
		write_frames(f, t[n].n, t[n].address, t[n].counter, 1, t[n].with);
		if (t[n].at) {
			((uint8_t *)f)[t[n].at] ^= 0x10;
		}
		assert_int_equal(write_now(f, t[n].n, &in), t[n].result);
		assert_int_equal(counter_of(in), t[n].result == OK ? 8 : 7);
		assert_true(is_signed(in, 1, key));
		assert_int_equal(b.f.store.counter, t[n].result == OK ? 8 : 7);
		assert_int_equal(memcmp(b.f.data, zero, sizeof(zero)) == 0, t[n].result != OK);
		bed_end();
	}
}

/* Frames in another order, a frame of another write, or too few */
static void test_reordered(void **state)
{
	struct vio_rpmb_frame f[4], swap;
	const uint8_t *in;

	(void)state;
	bed_init(true);
	write_frames(f, 3, 0, 0, 1, key);
	swap = f[0];
	f[0] = f[1];
	f[1] = swap;
	assert_int_equal(write_now(f, 3, NULL), AUTH);
	write_frames(f, 3, 0, 0, 1, key);
	be_put(f[1].address, 9, 2); /* signed, and yet not of one write */
	sign(f, 3, key);
	assert_int_equal(write_now(f, 3, NULL), FAIL);
	write_frames(f, 3, 0, 0, 1, key);
	(void)ask(f, 2, 0);
	assert_int_equal(last_result(&in), FAIL); /* the third did not come */
	assert_int_equal(type_of(in), VIO_RPMB_RESP_DATA_WRITE);
	(void)ask(f + 2, 1, 0); /* and is no write by itself */
	assert_int_equal(last_result(&in), FAIL);
	(void)ask(f, 2, 0);
	frame(&swap, COUNT, 1);
	assert_int_equal(ask_one(&swap, NULL), OK); /* in the middle of a write: that one is over */
	assert_int_equal(last_result(&in), FAIL);
	assert_int_equal(b.f.commits, 0);
	write_frames(f, 1, 0, 0, 1, key);
	assert_int_equal(write_now(f, 1, NULL), OK);
	assert_int_equal(write_now(f, 1, NULL), CFAIL); /* replayed */
	bed_end();
}

static void test_refused_reads(void **state)
{
	static const struct {
		uint16_t address, count, result;
	} t[] = {
		{ 0, 0, FAIL },	       { 0, 9, FAIL },		{ 0, 8, OK },
		{ BLOCKS - 8, 8, OK }, { BLOCKS - 7, 8, ADDR }, { BLOCKS, 1, ADDR },
		{ 0xffff, 8, ADDR },
	};
	struct vio_rpmb_frame f;
	struct rig_req *r;
	size_t n;

	(void)state;
	bed_init(true);
	for (n = 0; n < sizeof(t) / sizeof(t[0]); n++) {
		frame(&f, READ, t[n].count);
		be_put(f.address, t[n].address, 2);
		r = ask(&f, 1, 8);
		assert_int_equal(result_of(r->in), t[n].result);
		assert_int_equal(r->len, t[n].result == OK ? 8 * FRAME : FRAME);
		assert_true(is_signed(r->in, (uint16_t)(r->len / FRAME), key));
	}
	b.f.read_rc = VIO_E_IO; /* of block 7 */
	frame(&f, READ, 4);
	be_put(f.address, 5, 2);
	memset(b.f.data[7], 0x55, VIO_RPMB_BLOCK);
	r = ask(&f, 1, 4);
	assert_int_equal(r->len, 3 * FRAME);
	assert_int_equal(result_of(r->in + FRAME), OK);
	assert_int_equal(result_of(r->in + 2 * FRAME), RFAIL);
	assert_int_equal(r->in[2 * FRAME + 228], 0); /* nothing of what may have been read */
	assert_true(is_signed(r->in, 3, key));
	bed_end();
}

static void test_counter_expires(void **state)
{
	struct vio_rpmb_frame f[2];
	const uint8_t *in;

	(void)state;
	bed_init(true);
	b.f.store.counter = UINT32_MAX - 1;
	write_frames(f, 1, 0, UINT32_MAX - 1, 1, key);
	assert_int_equal(write_now(f, 1, &in), OK | EXPIRE); /* the last one, as an eMMC says it */
	assert_int_equal(counter_of(in), UINT32_MAX);
	write_frames(f, 1, 0, UINT32_MAX, 2, key);
	assert_int_equal(write_now(f, 1, &in), EXPIRE);
	assert_int_equal(b.f.store.counter, UINT32_MAX);
	assert_int_equal(b.f.data[0][0], 1);
	frame(f, READ, 1);
	assert_int_equal(ask_one(f, &in), EXPIRE);
	assert_int_equal(in[228], 1);
	bed_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_config),		cmocka_unit_test(test_key),
		cmocka_unit_test(test_no_key),		cmocka_unit_test(test_counter),
		cmocka_unit_test(test_write_and_read),	cmocka_unit_test(test_refused_writes),
		cmocka_unit_test(test_reordered),	cmocka_unit_test(test_refused_reads),
		cmocka_unit_test(test_counter_expires),
	};
	int failed = cmocka_run_group_tests_name("rpmb, split", tests, NULL, NULL);

	rig_packed = true;
	rig_piece = 300;
	failed += cmocka_run_group_tests_name("rpmb, packed, in pieces", tests, NULL, NULL);
	return failed;
}
