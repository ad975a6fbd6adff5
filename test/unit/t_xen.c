/* SPDX-License-Identifier: BSD-3-Clause */
/* t_xen.c - the Xen port on the model: traffic, memory that moves or is full, odd accesses */
#include "test/unit/xen_bed.h"

static const struct xen_mem_stat *stat_of(const struct side *s)
{
	return xen_mem_stat(s->xd->g->mem);
}

static void all_kinds(void **st)
{
	(void)st;
	for (unsigned kind = 0; kind < 6; kind++) {
		bool grants = kind / 2 == 2;
		uint64_t maps, unmaps;
		struct side *s;

		if (kind > 0) {
			bed_teardown(NULL);
			bed_setup(NULL);
		}
		s = one(kind / 2 == 1 ? 0 : 32, grants, kind & 1);
		assert_true(traffic(s, 5));
		maps = stat_of(s)->map;
		unmaps = stat_of(s)->unmap;
		assert_true(traffic(s, 50));
		if (kind / 2 == 0) {
			assert_int_equal(stat_of(s)->map, maps); /* steady state */
			assert_int_equal(stat_of(s)->unmap, unmaps);
		} else {
			/* one call a request; with grants one for what is read, one for the rest */
			assert_int_equal(stat_of(s)->map, maps + (grants ? 100 : 50));
			assert_int_equal(stat_of(s)->unmap, unmaps + (grants ? 100 : 50));
		}
		assert_true(stop(s));
		assert_true(start(s, !s->packed));
		assert_true(traffic(s, 3));
		put(s->dom, 0, "state", "%llu", 5);
		WAIT(state(s->dom, 0) == 6);
		assert_int_equal(state(s->dom, 0), 6);
		assert_int_equal(xm.open.foreign + xm.open.grants, 0);
		rounds(5);
		assert_int_equal(state(s->dom, 0), 6); /* and is not taken up again */
		assert_true(vacant(s));
		assert_true(ended(s->dom));
	}
}

/* What is not used is given back, though no turn comes any more. */
static void idle_mappings(void **st)
{
	struct side *s = one(32, false, false);
	struct xen_guest *g = s->xd->g;
	uint32_t busy;

	(void)st;
	assert_true(traffic(s, 2));
	rounds(3);
	busy = xen_mem_mapped(g->mem);
	assert_int_equal(busy, 2 * XEN_CHUNK_PAGES);
	for (unsigned i = 0; i < 2; i++) {
		assert_true(g->trim.at != 0);
		loop_clock(b.loop)->set(loop_clock(b.loop), &g->trim, 1); /* long ago */
		WAIT(g->trim.at != 1);
	}
	assert_int_equal(xen_mem_mapped(g->mem), XEN_CHUNK_PAGES); /* the rings */
	assert_int_equal(g->trim.at, 0);
	assert_true(traffic(s, 2));
}

static bool traffic_without_room(struct side *s)
{
	xm_fail_all(s->grants ? "gt_map" : "fm_map", ENOMEM);
	if (offer(s) != VIO_OK) {
		return false;
	}
	rounds(50);
	xm_fail_all(NULL, 0);
	return take(s);
}

/* A request that cannot be mapped now is served when it can, without another kick. */
static void no_room_for_a_request(void **st)
{
	(void)st;
	assert_true(traffic_without_room(one(0, false, false)));
	bed_teardown(NULL);
	bed_setup(NULL);
	assert_true(traffic_without_room(one(32, true, true)));
}

static void invalidate(const struct side *s, unsigned cpu)
{
	struct ioreq r = { .addr = 0xffffffffffffffffull,
			   .size = 4,
			   .count = 1,
			   .dir = 1,
			   .data = ~0u,
			   .type = IOREQ_TYPE_INVALIDATE };

	xm_slot(s->dom, cpu, &r);
	assert_true(answered(s->dom, cpu, NULL));
}

/* The guest moves a frame to another page, with what was in it. */
static void move(const struct side *s, uint32_t off)
{
	uint32_t frame = (s->index * SIDE_BYTES + off) / XM_PAGE;
	uint8_t copy[XM_PAGE], *p = xm_ram(s->dom, XM_RAM + frame * XM_PAGE);

	memcpy(copy, p, sizeof(copy));
	xm_balloon(s->dom, frame);
	xm_fill(s->dom, frame);
	memcpy(p, copy, sizeof(copy));
}

static void memory_moves(void **st)
{
	struct side *s = one(32, false, false);

	(void)st;
	for (unsigned i = 0; i < 20; i++) {
		uint32_t old = xm.dom[s->dom].frame[0], data;

		s->dev.async = true;
		assert_int_equal(offer(s), VIO_OK);
		WAIT(s->dev.n == 1);
		data = xm.dom[s->dom].frame[OUT_AT / XM_PAGE];
		move(s, 0); /* the rings, while a request is owned */
		invalidate(s, i & 1);
		if (i & 1) {
			invalidate(s, 0); /* once more before it is drained */
		}
		rounds(3);
		assert_true(xm.dom[s->dom].users[data] > 0); /* the host works on it */
		tdev_complete(&s->dev, 0);
		s->dev.async = false;
		assert_true(take(s)); /* completed in the page where the ring is now */
		rounds(3);
		assert_int_equal(xm.dom[s->dom].users[old], 0);
		assert_true(traffic(s, 2));
	}
}

/* The rings are taken away for good: that guest's device fails alone, with a line. */
static void rings_vanish(void **st)
{
	unsigned dom = xm_create("two", 1);
	struct side *s = one(32, false, true);

	(void)st;
	assert_true(add(1, "two", NULL, 0));
	node(1, dom, 0, false, 1);
	WAIT(state(dom, 0) == 2);
	assert_true(start(&b.s[1], false));
	xm_balloon(s->dom, 0);
	invalidate(s, 0);
	WAIT(logged("dev0: error: domain 2: the device needs a reset"));
	assert_true(logged("dev0: error: domain 2: the device needs a reset"));
	assert_true((io(s, VIO_MMIO_STATUS, 4, false, 0) & VIO_S_NEEDS_RESET) != 0);
	assert_true(traffic(&b.s[1], 2));
	xm_fill(s->dom, 0);
	assert_true(stop(s));
	assert_true(start(s, true));
	assert_true(traffic(s, 2));
}

static void wild_addresses(void **st)
{
	static const uint64_t wild[] = { 0, 1ull << 63, ~0xfull, 0x7ffffffffffff000ull,
					 0x50000000 };
	struct side *s = one(32, true, false);

	(void)st;
	for (size_t i = 0; i < sizeof(wild) / sizeof(wild[0]); i++) {
		struct vio_dma d = { .p = dma(s, OUT_AT, 8).p, .addr = wild[i], .len = 8 };

		log_clear();
		assert_int_equal(vio_dvq_add(&s->q, &d, 1, 0, s), VIO_OK);
		(void)vio_dvq_need_kick(&s->q);
		(void)vio_drv_mmio_bus.kick(&s->drv, 0);
		WAIT(logged("needs a reset"));
		assert_true(logged("dev0: error: domain 1: the device needs a reset"));
		assert_true(stop(s));
		assert_true(start(s, i & 1));
		assert_true(traffic(s, 1));
	}
}

static void odd_accesses(void **st)
{
	static const struct {
		struct ioreq r;
		uint64_t want;
	} odd[] = {
		{ { .addr = BASE(0), .size = 4, .count = 1, .dir = 1, .type = IOREQ_TYPE_COPY },
		  VIO_MMIO_MAGIC_VALUE },
		{ { .addr = BASE(0) - 4, .size = 4, .count = 1, .dir = 1, .type = IOREQ_TYPE_COPY },
		  ~0ull },
		{ { .addr = BASE(1), .size = 4, .count = 1, .dir = 1, .type = IOREQ_TYPE_COPY },
		  ~0ull },
		{ { .addr = ~0ull, .size = 4, .count = 1, .dir = 1, .type = IOREQ_TYPE_COPY },
		  ~0ull },
		{ { .addr = BASE(0), .size = 4, .count = 2, .dir = 1, .type = IOREQ_TYPE_COPY },
		  ~0ull },
		{ { .addr = BASE(0), .size = 4, .count = 1, .dir = 1, .data_is_ptr = 1 }, ~0ull },
		{ { .addr = BASE(0), .size = 4, .count = 1, .dir = 1, .type = IOREQ_TYPE_PIO },
		  ~0ull },
		{ { .addr = BASE(0), .size = 4, .count = 1, .dir = 1, .type = 200 }, ~0ull },
		{ { .addr = BASE(0),
		    .data = 77,
		    .size = 8,
		    .count = 1,
		    .dir = 1,
		    .type = IOREQ_TYPE_COPY },
		  0 },
		{ { .addr = BASE(0),
		    .data = 77,
		    .size = 0,
		    .count = 1,
		    .dir = 1,
		    .type = IOREQ_TYPE_COPY },
		  0 },
		{ { .addr = BASE(0), .size = ~0u, .count = 1, .dir = 1, .type = IOREQ_TYPE_COPY },
		  0 },
		{ { .addr = BASE(0) + 2, .size = 4, .count = 1, .dir = 1, .type = IOREQ_TYPE_COPY },
		  0 },
		{ { .addr = BASE(0) + 0x1ff,
		    .size = 4,
		    .count = 1,
		    .dir = 1,
		    .type = IOREQ_TYPE_COPY },
		  0 },
	};
	struct side *s = one(32, false, false);

	(void)st;
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		uint64_t v[2] = { 1, 1 };

		xm_slot(s->dom, 0, &odd[i].r); /* both CPUs at once */
		xm_slot(s->dom, 1, &odd[i].r);
		for (unsigned cpu = 0; cpu < 2; cpu++) {
			assert_true(answered(s->dom, cpu, &v[cpu]));
			assert_true(v[cpu] == odd[i].want);
		}
	}
	assert_true(traffic(s, 2));
}

#define T(f) cmocka_unit_test_setup_teardown(f, bed_setup, bed_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(all_kinds),	 T(idle_mappings),  T(no_room_for_a_request), T(memory_moves),
		T(rings_vanish), T(wild_addresses), T(odd_accesses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
