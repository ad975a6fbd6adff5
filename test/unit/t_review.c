/* SPDX-License-Identifier: BSD-3-Clause */
/* t_review.c - rings as a guest may write them while the device works: each case was wrong once */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "test/hostile/pit.h"
#include "vio/drv.h"
#include "vio/spec/ring.h"

#define T    (PIT_BASE + PIT_TABLE)
#define D    (PIT_BASE + PIT_DATA)
#define WR   VIO_DESC_F_WRITE
#define NEXT VIO_DESC_F_NEXT
#define IND  VIO_DESC_F_INDIRECT
#define AV   VIO_DESC_F_AVAIL

static struct pit p;

static void up(enum pit_kind kind, uint64_t features)
{
	p.kind = kind;
	memset(p.ram, 0, PIT_RAM);
	assert_int_equal(pit_up(&p, features), VIO_OK);
}

static void down(void)
{
	assert_true(pit_down(&p));
}

static void offer(uint16_t n)
{
	vio_put16_rel(p.ram + PIT_DRIVER + 2u, n);
}

/* The queue once more, with another size or pool; what is in the ring stays */
static void again(uint16_t size, uint16_t pool, const struct vio_dev_ops *ops,
		  const struct vio_vq_state *s)
{
	assert_int_equal(vio_vq_disable(&p.q, NULL), VIO_OK);
	VIO_VQ_BIND(&p.q, &p.d, 0u, &p.store, pool, PIT_SEGS);
	p.d.ops = ops;
	assert_int_equal(vio_vq_setup(&p.q, size, PIT_BASE + PIT_DESC, PIT_BASE + PIT_DRIVER,
				      PIT_BASE + PIT_DEVICE),
			 VIO_OK);
	assert_int_equal(vio_vq_enable(&p.q, s), VIO_OK);
}

/* virtio 1.3, 2.7.5.3.2: direct descriptors, then one that refers to a table */
static void direct_then_table(void **state)
{
	(void)state;
	for (enum pit_kind k = PIT_QUICK; k < PIT_KINDS; k++) {
		up(k, VIO_F_INDIRECT_DESC);
		pit_desc(&p, PIT_DESC, D, 8u, NEXT, 1u);
		pit_desc(&p, PIT_DESC + 16u, D + 16u, 4u, NEXT, 2u);
		pit_desc(&p, PIT_DESC + 32u, T, 32u, IND | WR, 0u); /* WRITE is ignored here */
		pit_desc(&p, PIT_TABLE, D + 32u, 2u, NEXT, 1u);
		pit_desc(&p, PIT_TABLE + 16u, D + 64u, 5u, WR, 0u);
		p.keep = 1u;
		offer(1u);
		pit_turn(&p);
		assert_false(pit_failed(&p));
		assert_int_equal(p.n, 1);
		assert_int_equal(p.got[0]->out_len, 14);
		assert_int_equal(p.got[0]->in_len, 5);
		assert_int_equal(p.got[0]->sgl.n_out, 3);
		down();
	}
}

/* Linux makes tables longer than the queue (128 entries, seg_max 128): the pool bounds a request, not the ring */
static void table_longer_than_queue(void **state)
{
	(void)state;
	for (uint32_t packed = 0u; packed < 2u; packed++) {
		up(PIT_QUICK, VIO_F_INDIRECT_DESC | (packed ? VIO_F_RING_PACKED : 0u));
		again(4u, PIT_POOL, &pit_ops, NULL);
		for (uint16_t i = 0u; i < 5u; i++) {
			pit_desc(&p, PIT_TABLE + 16u * i, D + 16u * i, 3u,
				 packed ? 0u : (i < 4u ? NEXT : 0u), packed ? 0u : i + 1u);
		}
		pit_desc(&p, PIT_DESC, T, 80u, packed ? 9u : IND, packed ? (IND | AV) : 0u);
		p.keep = 1u;
		offer(packed ? (uint16_t)0u : (uint16_t)1u);
		pit_turn(&p);
		assert_false(pit_failed(&p));
		assert_int_equal(p.n, 1);
		assert_int_equal(p.got[0]->out_len, 15);
		down();
	}
}

static void status_only(struct vio_dev *d, struct vio_vq *q)
{
	struct vio_req *r;

	(void)d;
	while ((r = vio_vq_pop(q)) != NULL) {
		(void)vio_req_write(r, r->in_len - 1u, "\1", 1u);
		vio_req_done(r, 0u);
	}
}

/* virtio 1.3, 2.8.4: WRITE in a used descriptor says that any part was written; the length is 0 all the same */
static void packed_write_flag(void **state)
{
	static const struct vio_dev_ops ops = { .id = 2u, .nvq_max = 1u, .queue = status_only };
	static const enum pit_kind kind[2] = { PIT_QUICK, PIT_FULL };

	(void)state;
	for (uint32_t k = 0u; k < 2u; k++) {
		up(kind[k], VIO_F_RING_PACKED);
		p.d.ops = &ops;
		pit_desc(&p, PIT_DESC, D, 8u, 1u, AV | WR);
		pit_desc(&p, PIT_DESC + 16u, D, 8u, 2u, AV | WR);
		pit_turn(&p);
		for (uint32_t i = 0u; i < 2u; i++) {
			assert_int_equal(vio_get32(p.ram + PIT_DESC + 16u * i + 8u), 0);
			assert_int_equal(vio_get16(p.ram + PIT_DESC + 16u * i + 14u),
					 AV | VIO_DESC_F_USED | WR);
		}
		p.d.ops = &pit_ops;
		down();
	}
}

/* ---- a driver that runs while the device has its turn ---- */

static struct vio_dvq dvq;
static struct vio_dvq_slot slot[PIT_SIZE];
static unsigned pops;
static bool asleep;

static void drv_offer(void)
{
	struct vio_dma b[4];

	for (uint32_t i = 0u; i < 4u; i++) {
		b[i] = (struct vio_dma){ p.ram + PIT_DATA + 16u * i, D + 16u * i, 4u };
	}
	assert_int_equal(vio_dvq_add(&dvq, b, 4u, 0u, &dvq), VIO_OK);
	(void)vio_dvq_need_kick(&dvq);
}

static void drv_take(void)
{
	void *cookie;
	uint32_t len;

	assert_int_equal(vio_dvq_get(&dvq, &cookie, &len), VIO_OK);
}

static void racing(struct vio_dev *d, struct vio_vq *q)
{
	struct vio_req *r;

	(void)d;
	while ((r = vio_vq_pop(q)) != NULL) {
		pops++;
		if ((pops > 1u) && (pops <= 5u)) { /* the one before has just been shown */
			drv_take();
			drv_offer();
		}
		if (pops == 5u) {
			asleep = !vio_dvq_arm(&dvq);
		}
		vio_req_done(r, 0u);
	}
}

/*
 * A pool of one shows completions inside the turn. The driver takes four requests that way, offers four more and
 * sleeps; the turn then goes round the ring to the very place of the last signal.
 */
static void packed_round_to_the_last_signal(void **state)
{
	static const struct vio_dev_ops ops = { .id = 2u, .nvq_max = 1u, .queue = racing };
	struct vio_dma ring;

	(void)state;
	for (uint32_t ei = 0u; ei < 2u; ei++) {
		up(PIT_FULL, VIO_F_RING_PACKED | (ei ? VIO_F_EVENT_IDX : 0u));
		ring = (struct vio_dma){ p.ram + PIT_TABLE, T, 0x400u };
		assert_int_equal(vio_dvq_init(&dvq, PIT_SIZE,
					      VIO_DVQ_PACKED | (ei ? VIO_DVQ_EVENT_IDX : 0u), &ring,
					      slot),
				 VIO_OK);
		assert_int_equal(vio_vq_disable(&p.q, NULL), VIO_OK);
		VIO_VQ_BIND(&p.q, &p.d, 0u, &p.store, 1u, PIT_SEGS);
		p.d.ops = &ops;
		assert_int_equal(vio_vq_setup(&p.q, PIT_SIZE, T, T + 16u * PIT_SIZE,
					      T + 16u * PIT_SIZE + 4u),
				 VIO_OK);
		assert_int_equal(vio_vq_enable(&p.q, NULL), VIO_OK);
		pops = 0u;
		asleep = false;
		for (uint32_t i = 0u; i < 4u; i++) {
			drv_offer();
		}
		vio_dvq_mute(&dvq);
		p.signals = 0u;
		(void)vio_vq_run(&p.q);
		assert_int_equal(pops, 8);
		assert_true(asleep);
		assert_int_equal(p.signals, 1);
		p.d.ops = &pit_ops;
		down();
	}
}

/* ---- a guest that refills the ring faster than the device can take ---- */

static void refilled(struct vio_dev *d, struct vio_vq *q)
{
	struct vio_req *r;

	(void)d;
	for (;;) {
		uint16_t seen = vio_get16(p.ram + PIT_DEVICE + 2u);

		offer((uint16_t)(seen + PIT_SIZE));
		r = vio_vq_pop(q);
		if (r == NULL) {
			return;
		}
		pops++;
		vio_req_done(r, 0u);
	}
}

/* As a host that completes at once makes room for more in the same turn */
static void refilled_again(struct vio_dev *d, struct vio_vq *q)
{
	unsigned before;

	(void)d;
	do {
		struct vio_req *r;

		before = pops;
		offer((uint16_t)(vio_get16(p.ram + PIT_DEVICE + 2u) + PIT_SIZE));
		while ((p.n < PIT_POOL) && ((r = vio_vq_pop(q)) != NULL)) {
			p.got[p.n++] = r;
			pops++;
			offer((uint16_t)(vio_get16(p.ram + PIT_DEVICE + 2u) + PIT_SIZE));
		}
		while (p.n > 0u) {
			vio_req_done(p.got[--p.n], 0u);
		}
	} while ((pops != before) && (pops < 1000u));
}

/* One request in four crosses from region to region; few in the pool. A turn ends all the same. */
static void turn_is_bounded(void **state)
{
	static const struct vio_dev_ops ops[2] = {
		{ .id = 2u, .nvq_max = 1u, .queue = refilled },
		{ .id = 2u, .nvq_max = 1u, .queue = refilled_again }
	};
	static const enum pit_kind kind[3] = { PIT_REGIONS, PIT_QUICK, PIT_FULL };

	(void)state;
	for (uint32_t k = 0u; k < 6u; k++) {
		up(kind[k % 3u], 0u);
		again(PIT_SIZE, (k < 3u) ? 2u : 5u, &ops[k / 3u], NULL);
		for (uint16_t i = 0u; i < PIT_SIZE; i++) {
			pit_desc(&p, PIT_DESC + 16u * i, (i % 4u == 3u) ? (D + 0x800u) : D, 16u, 0u,
				 0u);
			vio_put16(p.ram + PIT_DRIVER + 4u + 2u * i, i);
		}
		for (uint32_t turn = 0u; turn < 3u; turn++) {
			pops = 0u;
			(void)vio_vq_run(&p.q);
			assert_true(pops > 0u);
			assert_true(pops <= 2u * PIT_SIZE);
			assert_true(p.q.more || p.q.dry); /* run again, or wait for the driver */
			assert_false(pit_failed(&p));
		}
		p.d.ops = &pit_ops;
		down();
	}
}

/* virtio 1.3, 2.1.2: no used buffer notification before DRIVER_OK; the one of a resumed queue comes after it */
static void resumed_signal_waits(void **state)
{
	static const struct vio_vq_state s = { 0u, 0u, true, true };

	(void)state;
	up(PIT_QUICK, 0u);
	again(PIT_SIZE, PIT_POOL, &pit_ops, &s);
	p.d.status = VIO_S_ACKNOWLEDGE | VIO_S_DRIVER | VIO_S_FEATURES_OK;
	p.signals = 0u;
	pit_turn(&p);
	assert_int_equal(p.signals, 0);
	assert_int_equal(vio_dev_set_status(&p.d, 15u), VIO_OK);
	pit_turn(&p);
	assert_int_equal(p.signals, 1);
	pit_turn(&p);
	assert_int_equal(p.signals, 1);
	down();
}

static void dry_then_full(struct vio_dev *d, struct vio_vq *q)
{
	struct vio_req *r;

	(void)d;
	assert_null(vio_vq_pop(q));
	assert_true(q->dry);
	offer(PIT_POOL + 1u);
	while ((r = vio_vq_pop(q)) != NULL) {
		p.got[p.n++] = r;
	}
}

/* dry is about the last pop: the i2c device cuts a group by it, and who waits for a free request is not kicked */
static void dry_is_of_the_last_pop(void **state)
{
	static const struct vio_dev_ops ops = { .id = 2u, .nvq_max = 1u, .queue = dry_then_full };

	(void)state;
	up(PIT_QUICK, 0u);
	p.d.ops = &ops;
	for (uint16_t i = 0u; i < PIT_SIZE; i++) {
		pit_desc(&p, PIT_DESC + 16u * i, D, 16u, 0u, 0u);
		vio_put16(p.ram + PIT_DRIVER + 4u + 2u * i, i);
	}
	(void)vio_vq_run(&p.q);
	assert_int_equal(p.n, PIT_POOL);
	assert_false(p.q.dry);
	assert_false(vio_vq_arm(&p.q));
	p.d.ops = &pit_ops;
	down();
}

static unsigned cancels;

static void count_cancel(struct vio_dev *d, struct vio_req *r)
{
	(void)d;
	(void)r;
	cancels++;
}

/* Stopped, then reset before it is drained: a host is asked to hurry once */
static void cancel_once(void **state)
{
	static const struct vio_dev_ops ops = {
		.id = 2u, .nvq_max = 1u, .queue = pit_hold, .cancel = count_cancel
	};

	(void)state;
	up(PIT_QUICK, 0u);
	p.d.ops = &ops;
	pit_desc(&p, PIT_DESC, D, 16u, 0u, 0u);
	offer(1u);
	pit_turn(&p);
	assert_int_equal(p.n, 1);
	cancels = 0u;
	assert_int_equal(vio_vq_disable(&p.q, NULL), VIO_PENDING);
	assert_int_equal(vio_dev_set_status(&p.d, 0u), VIO_PENDING);
	assert_int_equal(vio_vq_reset(&p.q), VIO_PENDING);
	assert_int_equal(cancels, 1);
	p.d.ops = &pit_ops;
	down();
	assert_int_equal(vio_get16(p.ram + PIT_DEVICE + 2u), 0); /* nothing shown after the reset */
}

/* A translation of everything but the first page: the end of an entry is the end of the address space */
static void iotlb_up_to_the_end(void **state)
{
	struct vio_mem_iommu m;
	struct vio_mem_full full;
	struct vio_tlb tlb[2];
	struct vio_seg seg[2] = { { .addr = 0u, .len = 8192u } };
	struct vio_sgl l = { .seg = seg, .cap = 2u, .n_out = 1u };
	struct vio_region r = { 0u, PIT_RAM, p.ram };

	(void)state;
	assert_int_equal(vio_mem_full_init(&full, &r, 1u), VIO_OK);
	vio_mem_iommu_init(&m, &full.m, tlb, 2u, pit_miss, NULL);
	assert_int_equal(vio_mem_iommu_update(&m, 0u, 4096u, 0u, VIO_PERM_R), VIO_OK);
	assert_int_equal(vio_mem_iommu_update(&m, 4096u, (uint64_t)0u - 4096u, 4096u, VIO_PERM_R),
			 VIO_OK);
	assert_int_equal(vio_mem_acquire(&m.m, &l), VIO_OK);
	assert_int_equal(l.n_out, 1);
	assert_ptr_equal(seg[0].p, p.ram);
}

/* ---- a front-end that writes into the in-flight region while it is in use ---- */

static struct vio_track_packed *track;
static struct vio_vq_track tracking;
static const struct vio_mem_ops *honest;
static bool spoil;

static int spoiling_acquire(struct vio_mem *m, struct vio_sgl *l)
{
	if (spoil && !l->ring) { /* between the fetch of a request and its take */
		track->free_head = 0xfff0u;
		for (uint16_t i = 0u; i < PIT_SIZE; i++) {
			track->desc[i].next = 0xfff0u;
		}
	}
	return honest->acquire(m, l);
}

static void track_up(const struct vio_dev_ops *ops)
{
	uint32_t len = vio_vq_track_bytes(PIT_SIZE, true);

	up(PIT_QUICK, VIO_F_RING_PACKED);
	free(track);
	track = calloc(1u, len);
	assert_non_null(track);
	assert_int_equal(vio_vq_disable(&p.q, NULL), VIO_OK);
	p.d.ops = ops;
	assert_int_equal(vio_vq_track(&p.q, &tracking, track, len), VIO_OK);
	assert_int_equal(vio_vq_enable(&p.q, NULL), VIO_OK);
	for (uint16_t i = 0u; i < 4u; i++) { /* two chains of two */
		pit_desc(&p, PIT_DESC + 16u * i, D, 8u, i / 2u,
			 (uint16_t)(AV | ((i & 1u) ? 0u : NEXT)));
	}
}

static void track_spoiled(void **state)
{
	struct vio_mem_ops bad;

	(void)state;
	track_up(&pit_ops);
	honest = p.mem->ops;
	bad = *honest;
	bad.acquire = spoiling_acquire;
	p.mem->ops = &bad;
	spoil = true;
	pit_turn(&p);
	spoil = false;
	p.mem->ops = honest;
	assert_true(pit_failed(&p));
	down();

	track_up(&pit_ops);
	p.keep = 2u;
	pit_turn(&p);
	assert_int_equal(p.n, 2);
	for (uint16_t i = 0u; i < PIT_SIZE; i++) {
		track->desc[i].last = 0xfff0u;
	}
	p.keep = 0u;
	pit_turn(&p);
	assert_true(pit_failed(&p));
	down();
}

static int setup(void **state)
{
	(void)state;
	p.ram = aligned_alloc(4096, PIT_RAM);
	return (p.ram == NULL) ? -1 : 0;
}

static int teardown(void **state)
{
	(void)state;
	free(p.ram);
	free(track);
	return 0;
}

int main(void)
{
	const struct CMUnitTest t[] = {
		cmocka_unit_test(direct_then_table),
		cmocka_unit_test(table_longer_than_queue),
		cmocka_unit_test(packed_write_flag),
		cmocka_unit_test(packed_round_to_the_last_signal),
		cmocka_unit_test(turn_is_bounded),
		cmocka_unit_test(resumed_signal_waits),
		cmocka_unit_test(dry_is_of_the_last_pop),
		cmocka_unit_test(cancel_once),
		cmocka_unit_test(iotlb_up_to_the_end),
		cmocka_unit_test(track_spoiled),
	};

	return cmocka_run_group_tests_name("review", t, setup, teardown);
}
