/* SPDX-License-Identifier: BSD-3-Clause */
/* t_mem.c - memory kinds and the region table, each alone and under traffic */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "test/support/matrix.h"

static uint8_t bytes[0x10000] __attribute__((aligned(16)));

static uint8_t *at(uint64_t gpa)
{
	return &bytes[gpa & 15u]; /* congruent; the table does not look behind it */
}

/* ---- the table ---- */

static const struct vio_region *linear(const struct vio_region *t, uint16_t n, uint64_t a)
{
	for (uint16_t i = 0; i < n; i++) {
		if ((a - t[i].gpa) < t[i].len) {
			return &t[i];
		}
	}
	return NULL;
}

/* The quick answer may say "look slowly", but never something wrong */
static void compare(const struct vio_map *map, const struct vio_region *t, uint16_t n, uint64_t a,
		    uint32_t len)
{
	const struct vio_region *want = linear(t, n, a);
	uint8_t *p;

	assert_ptr_equal(vio_map_find(map, a), want);
	if (vio_map_at(map, a, len, &p)) {
		assert_non_null(want);
		assert_true((len > 0u) && ((uint64_t)len - 1u < (want->len - (a - want->gpa))));
		assert_ptr_equal(p, want->hva + (a - want->gpa));
	}
}

static uint64_t random64(void)
{
	return ((uint64_t)world_random() << 32) | world_random();
}

static void table_against_linear(void **state)
{
	static struct vio_region t[509];
	static struct vio_map map;
	static const uint16_t counts[] = { 1u, 2u, 3u, 8u, 32u, 100u, 509u };

	(void)state;
	for (uint32_t round = 0u; round < 140u; round++) {
		uint16_t n = counts[round % 7u];
		uint64_t a = ((round & 1u) != 0u) ? 0u : ((uint64_t)world_random() << 4);
		uint32_t bits = 8u + round % 24u;

		for (uint16_t i = 0; i < n; i++) {
			uint64_t len = 1u + (random64() & (((uint64_t)1u << bits) - 1u));

			a += ((world_random() & 1u) != 0u)
				     ? (random64() & (((uint64_t)1u << bits) - 1u))
				     : 0u;
			t[i] = (struct vio_region){ .gpa = a, .len = len, .hva = at(a) };
			a += len;
		}
		if ((round % 3u) == 0u) { /* the last one ends with the address space */
			t[n - 1u].gpa = UINT64_MAX - t[n - 1u].len + 1u;
			t[n - 1u].hva = at(t[n - 1u].gpa);
		}
		assert_int_equal(vio_map_init(&map, t, n), VIO_OK);
		for (uint16_t i = 0; i < n; i++) {
			uint64_t end = t[i].gpa + t[i].len;

			for (uint64_t d = 0u; d < 3u; d++) {
				compare(&map, t, n, t[i].gpa - d, 1u);
				compare(&map, t, n, t[i].gpa + d, 4096u);
				compare(&map, t, n, end - d, 1u + (uint32_t)d);
				compare(&map, t, n, end + d, UINT32_MAX);
			}
			compare(&map, t, n, t[i].gpa + random64() % t[i].len, world_random());
			compare(&map, t, n, random64(), world_random());
			compare(&map, t, n, t[i].gpa, 0u);
		}
	}
}

static void table_refuses(void **state)
{
	static struct vio_map map;
	struct vio_region t[2] = { { 0x1000u, 0x1000u, bytes }, { 0x2000u, 0x1000u, bytes } };

	(void)state;
	assert_int_equal(vio_map_init(&map, t, 0u), VIO_E_ARG);
	assert_int_equal(vio_map_init(&map, t, 2u), VIO_OK);
	t[0].len++;
	assert_int_equal(vio_map_init(&map, t, 2u), VIO_E_ARG); /* overlap */
	t[0] = (struct vio_region){ 0x3000u, 0x1000u, bytes };
	assert_int_equal(vio_map_init(&map, t, 2u), VIO_E_ARG); /* not ascending */
	t[0] = (struct vio_region){ 0x1000u, 0u, bytes };
	assert_int_equal(vio_map_init(&map, t, 1u), VIO_E_ARG);
	t[0] = (struct vio_region){ 0x1000u, UINT64_MAX, bytes };
	assert_int_equal(vio_map_init(&map, t, 1u), VIO_E_ARG); /* wraps */
	t[0] = (struct vio_region){ 0x1001u, 0x1000u, bytes };
	assert_int_equal(vio_map_init(&map, t, 1u), VIO_E_ARG); /* not congruent */
}

/* ---- window ---- */

static int acquire_one(struct vio_mem *m, uint64_t addr, uint32_t len, struct vio_seg *s,
		       struct vio_sgl *l)
{
	*s = (struct vio_seg){ .addr = addr, .len = len };
	*l = (struct vio_sgl){ .seg = s, .cap = 1u, .n_in = 1u };
	return vio_mem_acquire(m, l);
}

static void window_refuses_outside(void **state)
{
	static struct vio_mem_window w;
	static const struct {
		uint64_t addr;
		uint32_t len;
		int rc;
	} t[] = {
		{ 0x8000u, 1u, VIO_OK },
		{ 0x8000u, 0x1000u, VIO_OK },
		{ 0x8fffu, 1u, VIO_OK },
		{ 0x8000u, 0u, VIO_E_ADDR },
		{ 0x8000u, 0x1001u, VIO_E_ADDR },
		{ 0x7fffu, 2u, VIO_E_ADDR },
		{ 0x9000u, 1u, VIO_E_ADDR },
		{ 0x8fffu, 2u, VIO_E_ADDR },
		{ 0u, 1u, VIO_E_ADDR },
		{ UINT64_MAX, 1u, VIO_E_ADDR },
		{ 0x8001u, UINT32_MAX, VIO_E_ADDR },
	};
	struct vio_seg s;
	struct vio_sgl l;

	(void)state;
	assert_int_equal(vio_mem_window_init(&w, 0x8001u, bytes, 0x1000u), VIO_E_ARG);
	assert_int_equal(vio_mem_window_init(&w, 0x8000u, bytes, 0x1000u), VIO_OK);
	assert_int_equal(w.m.bytes_max, 0x1000u);
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		assert_int_equal(acquire_one(&w.m, t[i].addr, t[i].len, &s, &l), t[i].rc);
		if (t[i].rc == VIO_OK) {
			assert_ptr_equal(s.p, bytes + (t[i].addr - 0x8000u));
			vio_mem_release(&w.m, &l, NULL, 0u);
		}
	}
	assert_int_equal(w.m.held[0] + w.m.held[1], 0);
}

/* ---- bounce ---- */

static void bounce_copies_extents(void **state)
{
	static struct vio_mem_full full;
	static uint8_t buf[2u * 1024u] __attribute__((aligned(16)));
	struct vio_region reg = { 0x10000u, sizeof(bytes), bytes };
	struct vio_mem_bounce b;
	struct vio_seg s[2][3], big;
	struct vio_sgl l[3];
	struct vio_ext w[2] = { { 2u, 3u },
				{ 18u, 4u } }; /* the second crosses from one segment to the next */

	(void)state;
	assert_int_equal(vio_mem_full_init(&full, &reg, 1u), VIO_OK);
	assert_int_equal(vio_mem_bounce_init(&b, &full.m, buf, 1000u, 2u), VIO_E_ARG);
	assert_int_equal(vio_mem_bounce_init(&b, &full.m, buf, 1024u, 65u), VIO_E_ARG);
	assert_int_equal(vio_mem_bounce_init(&b, &full.m, buf + 1, 1024u, 2u), VIO_E_ARG);
	assert_int_equal(vio_mem_bounce_init(&b, &full.m, buf, 1024u, 2u), VIO_OK);
	for (uint32_t i = 0u; i < sizeof(bytes); i++) {
		bytes[i] = (uint8_t)(i * 13u);
	}
	memset(buf, 0xdb, sizeof(buf));
	for (uint32_t k = 0u; k < 2u; k++) {
		s[k][0] = (struct vio_seg){ .addr = 0x10003u, .len = 50u };
		s[k][1] = (struct vio_seg){ .addr = 0x10105u, .len = 20u };
		s[k][2] = (struct vio_seg){ .addr = 0x1020fu, .len = 9u };
		l[k] = (struct vio_sgl){ .seg = s[k], .cap = 3u, .n_out = 1u, .n_in = 2u };
		assert_int_equal(vio_mem_acquire(&b.m, &l[k]), VIO_OK);
		for (uint32_t i = 0u; i < 3u; i++) {
			assert_int_equal((uintptr_t)s[k][i].p & 15u, s[k][i].addr & 15u);
			assert_true((s[k][i].p >= buf) &&
				    ((s[k][i].p + s[k][i].len) <= (buf + sizeof(buf))));
		}
	}
	assert_int_equal(acquire_one(&b.m, 0x10000u, 8u, &big, &l[2]),
			 VIO_E_AGAIN); /* no slot is free */
	bytes[3] ^= 0xffu;	       /* the guest changes its mind too late */
	assert_int_equal(s[0][0].p[0], bytes[3] ^ 0xffu);
	bytes[3] ^= 0xffu;
	memset(s[0][1].p, 0x77, 20u);
	memset(s[0][2].p, 0x77, 9u);
	vio_mem_release(&b.m, &l[0], w, 2u);
	assert_true(b.m.wake);
	for (uint32_t i = 0u; i < sizeof(bytes); i++) {
		bool written = ((i >= 0x107u) && (i < 0x10au)) || ((i >= 0x117u) && (i < 0x119u)) ||
			       ((i >= 0x20fu) && (i < 0x211u));

		assert_int_equal(bytes[i], written ? 0x77u : (uint8_t)(i * 13u));
	}
	/* more than a slot holds is refused and holds nothing */
	assert_int_equal(acquire_one(&b.m, 0x10000u, 1024u, &big, &l[2]), VIO_E_ADDR);
	assert_int_equal(acquire_one(&b.m, 0x10000u, b.m.bytes_max, &big, &l[2]), VIO_OK);
	vio_mem_release(&b.m, &l[2], NULL, 0u);
	/* a ring area is not copied */
	big = (struct vio_seg){ .addr = 0x10000u, .len = 4096u };
	l[2] = (struct vio_sgl){ .seg = &big, .cap = 1u, .n_in = 1u, .ring = true };
	assert_int_equal(vio_mem_acquire(&b.m, &l[2]), VIO_OK);
	assert_ptr_equal(big.p, bytes);
	vio_mem_release(&b.m, &l[2], NULL, 0u);
	vio_mem_release(&b.m, &l[1], NULL, 0u);
	assert_int_equal(b.m.held[0] + b.m.held[1] + b.busy, 0);
}

/* ---- iommu ---- */

static uint32_t asked;

static void on_miss(void *port, uint64_t iova, uint8_t perm)
{
	(void)port;
	(void)iova;
	(void)perm;
	asked++;
}

/* Sixteen updates that follow each other are one entry; one in the middle goes; `once`: a request uses them up. */
static void iommu_joins(void **state)
{
	static struct vio_mem_full full;
	struct vio_region reg = { 0x10000u, sizeof(bytes), bytes };
	struct vio_mem_iommu m;
	struct vio_tlb tlb[4];
	struct vio_seg one;
	struct vio_sgl k;

	(void)state;
	assert_int_equal(vio_mem_full_init(&full, &reg, 1u), VIO_OK);
	vio_mem_iommu_init(&m, &full.m, tlb, 4u, on_miss, NULL);
	for (uint32_t i = 0u; i < 16u; i++) {
		uint32_t at = (i < 8u) ? (i * 16u) : ((23u - i) * 16u);

		assert_int_equal(vio_mem_iommu_update(&m, 0x100u + at, 16u, 0x10000u + at, 3u),
				 VIO_OK);
	}
	assert_int_equal(acquire_one(&m.m, 0x100u, 256u, &one, &k), VIO_OK);
	assert_ptr_equal(one.p, bytes);
	vio_mem_release(&m.m, &k, NULL, 0u);
	assert_int_equal(vio_mem_iommu_invalidate(&m, 0x148u, 1u), VIO_OK);
	assert_int_equal(acquire_one(&m.m, 0x140u, 1u, &one, &k), VIO_E_AGAIN);
	assert_int_equal(acquire_one(&m.m, 0x150u, 0xb0u, &one, &k), VIO_OK);
	assert_ptr_equal(one.p, bytes + 0x50u);
	vio_mem_release(&m.m, &k, NULL, 0u);
	m.once = true;
	assert_int_equal(acquire_one(&m.m, 0x150u, 0xb0u, &one, &k), VIO_OK);
	vio_mem_release(&m.m, &k, NULL, 0u);
	assert_int_equal(acquire_one(&m.m, 0x150u, 0xb0u, &one, &k), VIO_E_AGAIN);
}

static void iommu_answers(void **state)
{
	static struct vio_mem_full full;
	struct vio_region reg = { 0x10000u, sizeof(bytes), bytes };
	struct vio_mem_iommu m;
	struct vio_tlb tlb[4];
	struct vio_seg s[4], one;
	struct vio_sgl l = { .seg = s, .cap = 4u, .n_out = 1u }, k;

	(void)state;
	asked = 0u;
	assert_int_equal(vio_mem_full_init(&full, &reg, 1u), VIO_OK);
	vio_mem_iommu_init(&m, &full.m, tlb, 4u, on_miss, NULL);
	assert_int_equal(vio_mem_iommu_update(&m, 0u, 0u, 0u, 3u), VIO_E_ARG);
	assert_int_equal(vio_mem_iommu_update(&m, UINT64_MAX, 2u, 0xfu, 3u), VIO_E_ARG);
	assert_int_equal(acquire_one(&m.m, 0x5000u, 8u, &one, &k), VIO_E_AGAIN);
	assert_int_equal(acquire_one(&m.m, 0x5000u, 8u, &one, &k), VIO_E_AGAIN);
	assert_int_equal(asked, 1); /* once */
	assert_int_equal(vio_mem_iommu_update(&m, 0x4000u, 0x1000u, 0x10000u, 3u), VIO_OK);
	assert_true(m.waiting); /* not the answer */
	assert_int_equal(vio_mem_iommu_update(&m, 0x5000u, 0x1000u, 0x11000u, 3u), VIO_OK);
	assert_int_equal(vio_mem_iommu_update(&m, 0x6000u, 0x1000u, 0x14000u, VIO_PERM_R), VIO_OK);
	/* joined where it is contiguous behind, split where it is not */
	s[0] = (struct vio_seg){ .addr = 0x4800u, .len = 0x2000u };
	assert_int_equal(vio_mem_acquire(&m.m, &l), VIO_OK);
	assert_int_equal(l.n_out, 2);
	assert_int_equal(s[0].len, 0x1800u);
	assert_ptr_equal(s[0].p, bytes + 0x800u);
	assert_int_equal(s[1].len, 0x800u);
	assert_ptr_equal(s[1].p, bytes + 0x4000u);
	vio_mem_release(&m.m, &l, NULL, 0u);
	/* no permission to write: asked for, refused */
	assert_int_equal(acquire_one(&m.m, 0x6000u, 8u, &one, &k), VIO_E_AGAIN);
	vio_mem_iommu_refuse(&m);
	assert_int_equal(acquire_one(&m.m, 0x6000u, 8u, &one, &k), VIO_E_ADDR);
	/* an answer with less than was asked for is a refusal */
	assert_int_equal(acquire_one(&m.m, 0x6000u, 8u, &one, &k), VIO_E_AGAIN);
	assert_int_equal(vio_mem_iommu_update(&m, 0x6000u, 0x1000u, 0x14000u, VIO_PERM_R), VIO_OK);
	assert_int_equal(acquire_one(&m.m, 0x6000u, 8u, &one, &k), VIO_E_ADDR);
	/* invalidation of a part drops what it touches, and only that */
	assert_int_equal(vio_mem_iommu_invalidate(&m, 0x5fffu, 1u), VIO_OK);
	assert_int_equal(acquire_one(&m.m, 0x5000u, 8u, &one, &k), VIO_E_AGAIN);
	assert_int_equal(acquire_one(&m.m, 0x4000u, 8u, &one, &k), VIO_OK);
	vio_mem_release(&m.m, &k, NULL, 0u);
	assert_int_equal(vio_mem_iommu_invalidate(&m, 0u, UINT64_MAX), VIO_OK);
	assert_int_equal(acquire_one(&m.m, 0x4000u, 8u, &one, &k), VIO_E_AGAIN);
	assert_int_equal(m.m.held[0] + m.m.held[1], 0);
}

static bool inside(const uint8_t *p, const uint8_t *from, uint32_t len)
{
	return (p >= from) && (p < (from + len));
}

/* Does the device still have a pointer into [from, from + len)? */
static bool points_to(const struct mrig *r, const uint8_t *from, uint32_t len)
{
	const struct vio_vq *q = &r->dev.vq;
	bool any =
		(q->desc != NULL) && (inside(q->desc, from, len) || inside(q->driver, from, len) ||
				      inside(q->device, from, len));

	for (uint16_t k = 0u; k < r->dev.n; k++) {
		const struct vio_sgl *l = &r->dev.own[k]->r.sgl;

		for (uint16_t s = 0u; s < (l->n_out + l->n_in); s++) {
			const struct vio_seg *g = &l->seg[s];

			any = any || inside(g->p, from, len) ||
			      inside(g->p + (g->len - 1u), from, len);
		}
	}
	return any;
}

/*
 * One of the guest's pages is moved under traffic. Until the change is drained the old place may be in use; afterwards
 * nothing may point to it, which is when a front-end gives the page to somebody else.
 */
static void iommu_invalidation_under_traffic(void **state)
{
	static struct mrig r;
	uint32_t pending = 0u, changes = 0u;

	(void)state;
	for (uint32_t c = 0u; c < 4u; c++) {
		bool draining = false;
		uint32_t page = 0u, first = 0u, len = 0u;

		r.packed = (c & 1u) != 0u;
		r.event_idx = (c & 2u) != 0u;
		r.indirect = true;
		r.in_order = false;
		r.size = 64u;
		assert_true(mrig_up(&r, WORLD_IOMMU, true));
		for (uint32_t i = 0u; (i < 8000u) && (r.why == NULL); i++) {
			mrig_offer(&r, world_random() % 5u);
			mrig_turn(&r);
			tdev_complete_some(&r.dev);
			mrig_turn(&r);
			mrig_take(&r);
			if (!draining && ((world_random() % 8u) == 0u)) {
				page = world_random() % WORLD_PAGES;
				assert_int_equal(vio_mem_iommu_invalidate(
							 &r.w.iommu,
							 WORLD_BASE + (uint64_t)page * WORLD_PAGE,
							 WORLD_PAGE),
						 VIO_OK);
				r.w.miss =
					false; /* a miss that was asked for before counts no more */
				first = (page < WORLD_RING_PAGES) ? 0u : page;
				len = (page < WORLD_RING_PAGES) ? WORLD_RING : WORLD_PAGE;
				r.w.moved[first] = !r.w.moved[first];
				lb_run_all(&r.lb);
				draining = true;
				changes++;
			} else if (draining && vio_mem_drained(r.w.mem)) {
				draining = false;
				assert_false(points_to(&r,
						       (r.w.moved[first] ? r.w.g : r.w.alias) +
							       (size_t)first * WORLD_PAGE,
						       len));
			} else if (draining) {
				pending++;
			}
		}
		assert_true(mrig_drain(&r));
		mrig_down(&r);
		if (r.why != NULL) {
			fail_msg("%s", r.why);
		}
		assert_true(r.done > 1000u);
	}
	assert_true((changes > 100u) && (pending > 100u));
}

/* ---- dirty log ---- */

static void log_bits(void **state)
{
	static const struct {
		uint64_t addr, len;
		uint8_t want[3];
	} t[] = {
		{ 0u, 0u, { 0u, 0u, 0u } },
		{ 0u, 1u, { 1u, 0u, 0u } },
		{ 0xfffu, 2u, { 3u, 0u, 0u } },
		{ 0x7000u, 0x1001u, { 0x80u, 1u, 0u } },
		{ 0x17fffu, 0x9000u, { 0, 0, 0x80u } },
		{ 0x18000u, 1u, { 0u, 0u, 0u } },
		{ 0u, UINT64_MAX, { 0xffu, 0xffu, 0xffu } },
		{ UINT64_MAX, 1u, { 0u, 0u, 0u } },
		{ UINT64_MAX - 1u, 100u, { 0u, 0u, 0u } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		uint8_t bits[3] = { 0u, 0u, 0u };
		struct vio_log log = { bits, sizeof(bits) };

		vio_log_mark(&log, t[i].addr, t[i].len);
		assert_memory_equal(bits, t[i].want, sizeof(bits));
	}
}

/* Switched on under traffic: every page that changes afterwards is in the log, and nearly nothing else */
static void log_is_what_changed(void **state)
{
	static struct mrig r;
	static uint8_t before[WORLD_BYTES], bits[(WORLD_BASE + WORLD_BYTES) / 4096u / 8u + 1u];
	static struct vio_region log_r[2];
	struct vio_log log = { bits, sizeof(bits) }, off = { NULL, 0u };
	uint32_t marks = 0u, over = 0u;
	uint64_t log_at;

	(void)state;
	for (uint32_t c = 0u; c < 4u; c++) {
		r.packed = (c & 1u) != 0u;
		r.indirect = (c & 2u) != 0u;
		r.event_idx = true;
		r.in_order = false;
		r.size = 64u;
		assert_true(mrig_up(&r, WORLD_FULL, true));
		for (uint32_t i = 0u; i < 2000u; i++) {
			mrig_offer(&r, 3u);
			(void)lb_turn(&r.lb); /* taken by the quick gear */
			log_r[0] = (struct vio_region){ 0x100000u, WORLD_BYTES, NULL };
			memset(bits, 0, sizeof(bits));
			assert_int_equal(vio_mem_change(r.w.mem), VIO_OK);
			vio_mem_full_log(&r.w.full, &log, log_r);
			log_at = 0x100000u + (uint64_t)((r.packed ? r.q.desc : r.q.device) - r.w.g);
			vio_vq_log(&r.dev.vq, &log_at);
			memcpy(before, r.w.g, sizeof(before));
			tdev_complete_some(&r.dev);
			(void)lb_turn(&r.lb);
			for (uint32_t page = 0u; page < WORLD_PAGES; page++) {
				uint32_t n = 0x100u + page;
				bool marked = (bits[n >> 3] & (1u << (n & 7u))) != 0u;
				bool changed = memcmp(before + page * 4096u, r.w.g + page * 4096u,
						      4096u) != 0;

				if (changed && !marked) {
					fail_msg("page %u is missing in the log", (unsigned)page);
				}
				marks += ((page >= WORLD_RING_PAGES) && marked) ? 1u : 0u;
				over += ((page >= WORLD_RING_PAGES) && marked && !changed) ? 1u
											   : 0u;
			}
			vio_vq_log(&r.dev.vq, NULL);
			while (!vio_mem_drained(r.w.mem)) {
				tdev_complete_some(&r.dev);
				lb_run_all(&r.lb);
				(void)lb_turn(&r.lb);
			}
			assert_int_equal(vio_mem_change(r.w.mem), VIO_OK);
			vio_mem_full_log(&r.w.full, &off, NULL);
			lb_run_all(&r.lb);
			(void)lb_turn(&r.lb);
			mrig_take(&r);
			while (!vio_mem_drained(r.w.mem)) {
				tdev_complete_some(&r.dev);
				(void)lb_turn(&r.lb);
			}
		}
		assert_true(mrig_drain(&r));
		mrig_down(&r);
		assert_null(r.why);
	}
	/* a byte that is written may happen to be what was there: rare */
	assert_true((marks > 1000u) && ((over * 200u) < marks));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_against_linear),
		cmocka_unit_test(table_refuses),
		cmocka_unit_test(window_refuses_outside),
		cmocka_unit_test(bounce_copies_extents),
		cmocka_unit_test(iommu_answers),
		cmocka_unit_test(iommu_joins),
		cmocka_unit_test(iommu_invalidation_under_traffic),
		cmocka_unit_test(log_bits),
		cmocka_unit_test(log_is_what_changed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
