/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rpmb_dev.h - an RPMB device for tests: frames are asked and answered
 *
 * The host is a store in memory whose MAC is a plain sum, so that these tests need no library; t_host_rpmb has the
 * real one.
 */
#ifndef TEST_UNIT_RPMB_DEV_H
#define TEST_UNIT_RPMB_DEV_H

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

static inline void sum_begin(uint8_t *sum, const uint8_t *k)
{
	memcpy(sum, k, VIO_RPMB_MAC);
}

static inline void sum_add(uint8_t *sum, uint32_t *at, const uint8_t *p, uint32_t len)
{
	uint32_t n, i;

	for (n = 0; n < len; n++) {
		i = (*at)++ % VIO_RPMB_MAC;
		sum[i] = (uint8_t)(sum[i] * 3u + p[n] + sum[(i + 1) % VIO_RPMB_MAC]);
	}
}

static inline void sign(struct vio_rpmb_frame *f, uint16_t n, const uint8_t k[VIO_RPMB_MAC])
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

static inline int fake_read(void *host, uint16_t block, uint8_t data[VIO_RPMB_BLOCK])
{
	struct fake *f = host;

	assert_true(block < f->store.blocks);
	memcpy(data, f->data[block], VIO_RPMB_BLOCK);
	return block == 7 ? f->read_rc : VIO_OK;
}

static inline void fake_change(struct fake *f, const struct vio_rpmb_commit *c)
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

static inline int fake_commit(void *host, struct vio_rpmb_commit *c)
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

static inline void fake_mac_begin(void *host)
{
	struct fake *f = host;

	assert_true(f->store.keyed);
	sum_begin(f->sum, f->key);
	f->summed = 0;
	f->open = true;
}

static inline void fake_mac_add(void *host, const uint8_t *p, uint32_t len)
{
	struct fake *f = host;

	assert_true(f->open);
	sum_add(f->sum, &f->summed, p, len);
}

static inline void fake_mac_end(void *host, uint8_t mac[VIO_RPMB_MAC])
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

static inline void bed_init(bool keyed)
{
	memset(&b, 0, sizeof(b));
	b.f.store.blocks = BLOCKS;
	b.f.store.keyed = keyed;
	memcpy(b.f.key, key, sizeof(key));
	assert_int_equal(vio_rpmb_init(&b.dev, rig_mem(&b.g), &fake_ops, &b.f, 4, 8), VIO_OK);
	assert_int_equal(rig_start(&b.g, &b.dev.dev, 0), VIO_OK);
}

static inline void bed_end(void)
{
	assert_int_equal(rig_status(&b.g) & VIO_S_NEEDS_RESET, 0);
	assert_int_equal(rig_reset(&b.g), VIO_OK);
	rig_end(&b.g);
}

/* Ask with n frames, room for `room` of them */
static inline struct rig_req *ask(const struct vio_rpmb_frame *f, uint16_t n, uint16_t room)
{
	static struct rig_req r;

	b.g.used = b.g.used > RIG_RAM / 2 ? 65536 : b.g.used; /* the rings are before that */
	rig_do(&b.g, 0, &r, f, n * FRAME, room * FRAME);
	assert_true(r.back);
	return &r;
}

/* One question, one answer; returns: its result, or NONE */
static inline uint16_t ask_one(const struct vio_rpmb_frame *f, const uint8_t **in)
{
	struct rig_req *r = ask(f, 1, 1);

	if (in) {
		*in = r->in;
	}
	return r->len ? result_of(r->in) : NONE;
}

static inline uint16_t last_result(const uint8_t **in)
{
	struct vio_rpmb_frame f;

	frame(&f, RESULT, 1);
	return ask_one(&f, in);
}

/* Write and RESULT_READ in one request, as drivers do */
static inline uint16_t write_now(struct vio_rpmb_frame *f, uint16_t n, const uint8_t **in)
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

#endif
