/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * t_rpmb.c - the RPMB device: what is written, what is refused and with which result, in every form of requests
 *
 * The host is a store in memory whose MAC is a plain sum, so that these tests need no library; t_host_rpmb has the
 * real one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "rpmb_bed.h"

#define OK     VIO_RPMB_RES_OK
#define FAIL   VIO_RPMB_RES_GENERAL_FAILURE
#define AUTH   VIO_RPMB_RES_AUTH_FAILURE
#define CFAIL  VIO_RPMB_RES_COUNT_FAILURE
#define ADDR   VIO_RPMB_RES_ADDR_FAILURE
#define WFAIL  VIO_RPMB_RES_WRITE_FAILURE
#define RFAIL  VIO_RPMB_RES_READ_FAILURE
#define NOKEY  VIO_RPMB_RES_NO_AUTH_KEY
#define EXPIRE VIO_RPMB_RES_WRITE_COUNTER_EXPIRED

#define BLOCKS 512u
#define NONE   0xffffu /* no answer came */

static const uint8_t key[VIO_RPMB_MAC] = "thirty-two bytes that are secret";
static const uint8_t other[VIO_RPMB_MAC] = "thirty-two bytes of someone else";

/* ---- a store in memory, and a MAC that depends on key, bytes and their order ---- */

struct fake {
	struct vio_rpmb_store store;
	uint8_t key[VIO_RPMB_MAC], sum[VIO_RPMB_MAC];
	uint32_t summed;
	bool open; /* between mac_begin and mac_end */
	struct vio_rpmb_commit *late;
	int rc, read_rc;
	unsigned commits;
	bool gone;
	uint8_t data[BLOCKS][VIO_RPMB_BLOCK];
};

static void sum_begin(uint8_t *sum, const uint8_t *k)
{
	memcpy(sum, k, VIO_RPMB_MAC);
}

static void sum_add(uint8_t *sum, uint32_t *at, const uint8_t *p, uint32_t len)
{
	uint32_t n, i;

	for (n = 0; n < len; n++) {
		i = (*at)++ % VIO_RPMB_MAC;
		sum[i] = (uint8_t)(sum[i] * 3u + p[n] + sum[(i + 1) % VIO_RPMB_MAC]);
	}
}

static void sign(struct vio_rpmb_frame *f, uint16_t n, const uint8_t k[VIO_RPMB_MAC])
{
	uint8_t sum[VIO_RPMB_MAC];
	uint32_t at = 0;
	uint16_t i;

	sum_begin(sum, k);
	for (i = 0; i < n; i++) {
		sum_add(sum, &at, f[i].data, VIO_RPMB_SIGNED);
	}
	memcpy(f[n - 1].key_mac, sum, VIO_RPMB_MAC);
}

static const struct vio_rpmb_store *fake_open(void *host)
{
	struct fake *f = host;

	return f->gone ? NULL : &f->store;
}

static int fake_read(void *host, uint16_t block, uint8_t data[VIO_RPMB_BLOCK])
{
	struct fake *f = host;

	assert_true(block < f->store.blocks);
	memcpy(data, f->data[block], VIO_RPMB_BLOCK);
	return block == 7 ? f->read_rc : VIO_OK;
}

static void fake_change(struct fake *f, const struct vio_rpmb_commit *c)
{
	if (c->key) {
		assert_false(f->store.keyed);
		memcpy(f->key, c->key, VIO_RPMB_MAC);
		f->store.keyed = true;
		return;
	}
	assert_true(c->n > 0 && c->block + c->n <= f->store.blocks);
	memcpy(f->data[c->block], c->data, (size_t)c->n * VIO_RPMB_BLOCK);
	f->store.counter++;
}

static int fake_commit(void *host, struct vio_rpmb_commit *c)
{
	struct fake *f = host;

	assert_null(f->late);
	f->commits++;
	if (f->rc == VIO_OK) {
		fake_change(f, c);
	}
	f->late = f->rc == VIO_PENDING ? c : NULL;
	return f->rc;
}

static void fake_mac_begin(void *host)
{
	struct fake *f = host;

	assert_true(f->store.keyed);
	sum_begin(f->sum, f->key);
	f->summed = 0;
	f->open = true;
}

static void fake_mac_add(void *host, const uint8_t *p, uint32_t len)
{
	struct fake *f = host;

	assert_true(f->open);
	sum_add(f->sum, &f->summed, p, len);
}

static void fake_mac_end(void *host, uint8_t mac[VIO_RPMB_MAC])
{
	struct fake *f = host;

	assert_true(f->open);
	f->open = false;
	memcpy(mac, f->sum, VIO_RPMB_MAC);
}

static const struct vio_rpmb_host_ops fake_ops = {
	.open = fake_open,
	.read = fake_read,
	.commit = fake_commit,
	.mac_begin = fake_mac_begin,
	.mac_add = fake_mac_add,
	.mac_end = fake_mac_end,
};

struct bed {
	struct rig g;
	struct vio_rpmb dev;
	struct fake f;
};

static struct bed b; /* too large for a stack */

static void bed_init(bool keyed)
{
	memset(&b, 0, sizeof(b));
	b.f.store.blocks = BLOCKS;
	b.f.store.keyed = keyed;
	memcpy(b.f.key, key, sizeof(key));
	assert_int_equal(vio_rpmb_init(&b.dev, rig_mem(&b.g), &fake_ops, &b.f, 4, 8), VIO_OK);
	assert_int_equal(rig_start(&b.g, &b.dev.dev, 0), VIO_OK);
}

static void bed_end(void)
{
	assert_int_equal(rig_status(&b.g) & VIO_S_NEEDS_RESET, 0);
	assert_int_equal(rig_reset(&b.g), VIO_OK);
	rig_end(&b.g);
}

/* Ask with n frames, room for `room` of them */
static struct rig_req *ask(const struct vio_rpmb_frame *f, uint16_t n, uint16_t room)
{
	static struct rig_req r;

	b.g.used = b.g.used > RIG_RAM / 2 ? 65536 : b.g.used; /* the rings are before that */
	rig_do(&b.g, 0, &r, f, n * FRAME, room * FRAME);
	assert_true(r.back);
	return &r;
}

/* One question, one answer; returns: its result, or NONE */
static uint16_t ask_one(const struct vio_rpmb_frame *f, const uint8_t **in)
{
	struct rig_req *r = ask(f, 1, 1);

	if (in) {
		*in = r->in;
	}
	return r->len ? result_of(r->in) : NONE;
}

static uint16_t last_result(const uint8_t **in)
{
	struct vio_rpmb_frame f;

	frame(&f, RESULT, 1);
	return ask_one(&f, in);
}

/* Write and RESULT_READ in one request, as drivers do */
static uint16_t write_now(struct vio_rpmb_frame *f, uint16_t n, const uint8_t **in)
{
	struct rig_req *r;

	frame(&f[n], RESULT, 1);
	r = ask(f, (uint16_t)(n + 1), 1);
	assert_int_equal(r->len, FRAME);
	assert_int_equal(type_of(r->in), VIO_RPMB_RESP_DATA_WRITE);
	if (in) {
		*in = r->in;
	}
	return result_of(r->in);
}

/* ---- */

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

/* ---- forms of requests ---- */

/* Each frame in a request of its own, room for answers in requests of their own */
static void test_frame_by_frame(void **state)
{
	struct vio_rpmb_frame f[4];
	uint8_t in[3 * FRAME];
	struct rig_req *r;
	uint16_t k;

	(void)state;
	bed_init(true);
	write_frames(f, 3, 20, 0, 0x30, key);
	for (k = 0; k < 3; k++) {
		assert_int_equal(ask(&f[k], 1, 0)->len, 0);
	}
	frame(f, RESULT, 1);
	(void)ask(f, 1, 0);
	r = ask(f, 0, 1);
	assert_int_equal(result_of(r->in), OK);
	assert_int_equal(ask(f, 0, 1)->len, 0); /* it was fetched */
	frame(f, READ, 3);
	be_put(f->address, 20, 2);
	(void)ask(f, 1, 0);
	for (k = 0; k < 3; k++) {
		r = ask(f, 0, 1);
		assert_int_equal(r->len, FRAME);
		memcpy(in + k * FRAME, r->in, FRAME);
		assert_int_equal(r->in[228], 0x30 + k);
	}
	assert_true(is_signed(in, 3, key));
	assert_int_equal(ask(f, 0, 1)->len, 0);
	(void)ask(f, 1, 0); /* not fetched: the next question counts */
	frame(f, COUNT, 1);
	r = ask(f, 1, 3);
	assert_int_equal(r->len, FRAME);
	assert_int_equal(type_of(r->in), VIO_RPMB_RESP_GET_COUNTER);
	bed_end();
}

static void test_sizes(void **state)
{
	struct vio_rpmb_frame f[2];
	struct rig_req r;
	uint32_t n;

	(void)state;
	bed_init(true);
	write_frames(f, 1, 0, 0, 1, key);
	frame(&f[1], RESULT, 1);
	for (n = 1; n < FRAME;
	     n += 73) { /* half a frame at the end, with and without a whole one before it */
		frame(&f[0], COUNT, 1);
		rig_do(&b.g, 0, &r, f, n, FRAME + 7);
		assert_int_equal(r.len, FRAME);
		assert_int_equal(result_of(r.in), FAIL);
		rig_do(&b.g, 0, &r, f, FRAME + n, FRAME);
		assert_int_equal(result_of(r.in), FAIL);
		rig_do(&b.g, 0, &r, f, FRAME, n); /* no room for an answer */
		assert_true(r.back);
		assert_int_equal(r.len, 0);
	}
	for (n = 0; n < 0x10000;
	     n = n < 8 ? n + 1 : n * 3) { /* types of nothing, answers as questions */
		frame(&f[0], (uint16_t)n, 1);
		rig_do(&b.g, 0, &r, f, FRAME, FRAME);
		assert_true(r.back);
		if (n == 0 || n > 5) {
			assert_int_equal(result_of(r.in), FAIL);
		}
	}
	assert_int_equal(b.f.commits, 0);
	assert_int_equal(b.f.store.counter, 0);
	bed_end();
}

static void test_result_read(void **state)
{
	struct vio_rpmb_frame f[2];
	const uint8_t *in;

	(void)state;
	bed_init(true);
	assert_int_equal(last_result(NULL), FAIL); /* of nothing */
	write_frames(f, 1, 0, 0, 1, key);
	assert_int_equal(write_now(f, 1, NULL), OK);
	frame(f, RESULT, 2);
	assert_int_equal(ask_one(f, &in), FAIL);
	assert_int_equal(type_of(in), VIO_RPMB_RESP_DATA_WRITE);
	assert_int_equal(last_result(NULL), OK); /* as often as one likes */
	assert_int_equal(rig_reset(&b.g), VIO_OK);
	assert_int_equal(rig_drive(&b.g, 0), VIO_OK);
	assert_int_equal(last_result(NULL), FAIL);
	assert_int_equal(b.f.store.counter, 1); /* a reset does not touch the store */
	bed_end();
}

/* ---- slow and failing hosts ---- */

static void finish(int32_t rc)
{
	struct vio_rpmb_commit *c = b.f.late;

	assert_non_null(c);
	b.f.late = NULL;
	if (rc == VIO_OK) {
		fake_change(&b.f, c);
	}
	vio_job_complete(&c->job, rc);
	rig_turn(&b.g);
}

static void test_pending(void **state)
{
	struct vio_rpmb_frame f[3], g;
	struct rig_req r[2];

	(void)state;
	bed_init(true);
	b.f.rc = VIO_PENDING;
	write_frames(f, 1, 0, 0, 1, key);
	frame(&f[1], RESULT, 1);
	frame(&g, COUNT, 1);
	rig_add(&b.g, 0, &r[0], f, 2 * FRAME, FRAME);
	rig_add(&b.g, 0, &r[1], &g, FRAME, FRAME);
	rig_kick(&b.g, 0);
	assert_false(r[0].back || r[1].back); /* in order, and not before it is safe */
	finish(VIO_OK);
	assert_int_equal(result_of(r[0].in), OK);
	assert_int_equal(counter_of(r[1].in), 1);
	write_frames(f, 1, 0, 1, 2, key);
	frame(&f[1], RESULT, 1);
	rig_do(&b.g, 0, &r[0], f, 2 * FRAME, FRAME);
	finish(VIO_E_IO);
	assert_int_equal(result_of(r[0].in), WFAIL);
	assert_int_equal(counter_of(r[0].in), 1);
	b.f.rc = VIO_E_IO;
	assert_int_equal(write_now(f, 1, NULL), WFAIL);
	bed_end();
}

static void test_reset_while_owned(void **state)
{
	struct vio_rpmb_frame f[2];
	struct rig_req r;

	(void)state;
	bed_init(true);
	b.f.rc = VIO_PENDING;
	write_frames(f, 1, 0, 0, 1, key);
	rig_do(&b.g, 0, &r, f, FRAME, 0);
	assert_int_equal(vio_dev_set_status(&b.dev.dev, 0),
			 VIO_PENDING); /* a commit cannot be called back */
	finish(VIO_OK);
	assert_int_equal(vio_dev_status(&b.dev.dev), 0);
	b.f.rc = VIO_OK;
	b.g.used = 0;
	assert_int_equal(rig_drive(&b.g, 0), VIO_OK);
	write_frames(f, 1, 0, 1, 1, key);
	assert_int_equal(write_now(f, 1, NULL), OK);
	bed_end();
}

/* After a crash the write is tried again: what was done already is refused by its counter, and not done twice. */
static void test_replay(void **state)
{
	static struct vio_rpmb second;
	struct vio_rpmb_frame f[2];
	struct rig_req r;

	(void)state;
	bed_init(true);
	rig_track(&b.g);
	b.f.rc = VIO_PENDING;
	write_frames(f, 1, 0, 0, 1, key);
	frame(&f[1], RESULT, 1);
	rig_do(&b.g, 0, &r, f, 2 * FRAME, FRAME);
	fake_change(&b.f, b.f.late); /* it reached the disk, its answer did not reach the driver */
	b.f.late = NULL;
	b.f.rc = VIO_OK;
	memset(&second, 0, sizeof(second));
	assert_int_equal(vio_rpmb_init(&second, rig_mem_again(&b.g), &fake_ops, &b.f, 4, 8),
			 VIO_OK);
	rig_crash(&b.g, &second.dev);
	assert_true(r.back);
	assert_int_equal(result_of(r.in), CFAIL);
	assert_int_equal(b.f.store.counter, 1);
	bed_end();
}

static void test_hosts(void **state)
{
	static const uint32_t blocks[] = { 1, 511, 513, 128 * 512 + 512 };
	size_t n;

	(void)state;
	memset(&b, 0, sizeof(b));
	(void)rig_mem(&b.g);
	b.f.store.blocks = 128 * 512;
	assert_int_equal(vio_rpmb_init(&b.dev, &b.g.mem.m, &fake_ops, &b.f, 0, 1), VIO_E_ARG);
	assert_int_equal(
		vio_rpmb_init(&b.dev, &b.g.mem.m, &fake_ops, &b.f, VIO_RPMB_WRITE_MAX + 1, 1),
		VIO_E_ARG);
	assert_int_equal(vio_rpmb_init(&b.dev, &b.g.mem.m, &fake_ops, &b.f, 1, 0), VIO_E_ARG);
	assert_int_equal(vio_rpmb_init(&b.dev, &b.g.mem.m, NULL, &b.f, 1, 1), VIO_E_ARG);
	assert_int_equal(vio_rpmb_init(&b.dev, &b.g.mem.m, &fake_ops, &b.f, 1, 1), VIO_OK);
	assert_int_equal(b.dev.config[0], 0x80);
	for (n = 0; n < 4; n++) {
		b.f.store.blocks = blocks[n];
		assert_int_equal(vio_rpmb_init(&b.dev, &b.g.mem.m, &fake_ops, &b.f, 1, 1),
				 VIO_E_ARG);
	}
	b.f.gone = true;
	assert_int_equal(vio_rpmb_init(&b.dev, &b.g.mem.m, &fake_ops, &b.f, 1, 1), VIO_E_IO);
	rig_end(&b.g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_config),		cmocka_unit_test(test_key),
		cmocka_unit_test(test_no_key),		cmocka_unit_test(test_counter),
		cmocka_unit_test(test_write_and_read),	cmocka_unit_test(test_refused_writes),
		cmocka_unit_test(test_reordered),	cmocka_unit_test(test_refused_reads),
		cmocka_unit_test(test_counter_expires), cmocka_unit_test(test_frame_by_frame),
		cmocka_unit_test(test_sizes),		cmocka_unit_test(test_result_read),
		cmocka_unit_test(test_pending),		cmocka_unit_test(test_reset_while_owned),
		cmocka_unit_test(test_replay),		cmocka_unit_test(test_hosts),
	};
	int failed = cmocka_run_group_tests_name("rpmb, split", tests, NULL, NULL);

	rig_packed = true;
	rig_piece = 300;
	failed += cmocka_run_group_tests_name("rpmb, packed, in pieces", tests, NULL, NULL);
	return failed;
}
