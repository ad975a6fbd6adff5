/* SPDX-License-Identifier: BSD-3-Clause */
/* t_xen.c - the Xen port on the model: handshakes, traffic, and guests that end, balloon or misbehave */
#include "test/unit/xen_bed.h"

static int setup(void **st)
{
	(void)st;
	bed_up();
	return 0;
}

static int teardown(void **st)
{
	(void)st;
	bed_down();
	return 0;
}

/* A guest with one device that is served and started */
static struct side *one(uint32_t cache, bool grants, bool packed)
{
	unsigned dom = xm_create("guest", 2);

	assert_true(xen_up(cache));
	assert_true(add(0, "guest", NULL, 0));
	node(0, dom, 0, grants, 1);
	WAIT(state(dom, 0) == 2);
	assert_int_equal(state(dom, 0), 2);
	assert_true(start(&b.s[0], packed));
	return &b.s[0];
}

static const struct xen_mem_stat *stat_of(const struct side *s)
{
	return xen_mem_stat(s->xd->g->mem);
}

/* ---- traffic ---- */

static void all_kinds(void **st)
{
	(void)st;
	for (unsigned kind = 0; kind < 6; kind++) {
		bool grants = kind / 2 == 2;
		uint64_t maps, unmaps;
		struct side *s;

		if (kind > 0) {
			teardown(NULL);
			setup(NULL);
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
			assert_int_equal(stat_of(s)->map, maps + 50); /* one call a request */
			assert_int_equal(stat_of(s)->unmap, unmaps + 50);
		}
		assert_true(stop(s));
		assert_true(start(s, !s->packed));
		assert_true(traffic(s, 3));
		put(s->dom, 0, "state", "%llu", 5);
		WAIT(state(s->dom, 0) == 6);
		assert_int_equal(state(s->dom, 0), 6);
		assert_int_equal(xm.open.foreign + xm.open.grants + xm.open.ports, 0);
		assert_false(xm.dom[s->dom].server);
		rounds(5);
		assert_int_equal(state(s->dom, 0), 6); /* and is not taken up again */
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

/* ---- the toolstack ---- */

static void daemon_starts_late(void **st)
{
	(void)st;
	for (unsigned was = 1; was < 5; was++) {
		unsigned dom = xm_create("guest", 1);

		node(0, dom, 0, false, was);
		assert_true(xen_up(32));
		assert_true(add(0, "guest", NULL, 0));
		WAIT(b.s[0].xd->g);
		assert_int_equal(state(dom, 0), was == 1 ? 2 : was);
		assert_true(start(&b.s[0], false));
		assert_true(traffic(&b.s[0], 2));
		teardown(NULL);
		setup(NULL);
	}
}

/* Nobody serves the node any more that is to be closed: the toolstack shall not wait. */
static void closing_unserved(void **st)
{
	unsigned dom = xm_create("guest", 1);

	(void)st;
	node(0, dom, 0, false, 5);
	node(1, dom, 1, false, 5);
	xm_write(path(dom, 1, "type"), "virtio,device4"); /* another program's */
	assert_true(xen_up(32));
	assert_true(add(0, "guest", NULL, 0));
	WAIT(state(dom, 0) == 6);
	assert_int_equal(state(dom, 0), 6);
	rounds(5);
	assert_int_equal(state(dom, 1), 5);
}

static void node_vanishes(void **st)
{
	struct side *s = one(32, false, false);
	unsigned dom = s->dom;

	(void)st;
	assert_true(traffic(s, 2));
	xm_rm(path(dom, 0, ""));
	WAIT(!s->xd->g);
	assert_null(s->xd->g);
	assert_null(xm_read(path(dom, 0, "state"))); /* nothing was written back */
	node(0, dom, 7, false, 1);
	WAIT(state(dom, 7) == 2);
	assert_true(start(s, true));
	assert_true(traffic(s, 2));
}

static void garbage(void **st)
{
	static const struct {
		const char *key, *value;
	} bad[] = {
		{ "base", "" },
		{ "base", "x" },
		{ "base", "0" },
		{ "base", "-0x2000000" },
		{ "base", "0x2000001" },
		{ "base", "0x2000000 " },
		{ "base", "0xffffffffffffff00" },
		{ "base", "99999999999999999999999" },
		{ "irq", "" },
		{ "irq", "31" },
		{ "irq", "1020" },
		{ "irq", "-33" },
		{ "irq", "33x" },
		{ "irq", "18446744073709551649" },
		{ "state", "" },
		{ "state", "one" },
		{ "state", "-1" },
		{ "state", "99" },
		{ "type", "virtio,device" },
		{ "type", "" },
		{ "type", "virtio,device4" },
		{ "type", "pci" },
	};
	unsigned dom = xm_create("guest", 1);

	(void)st;
	assert_true(xen_up(32));
	assert_true(add(0, "guest", NULL, 0));
	xm_write("/local/domain/0/backend/virtio/x/0/state", "1");
	xm_write("/local/domain/0/backend/virtio/-1/0/state", "1");
	xm_write("/local/domain/0/backend/virtio/65537/0/state", "1"); /* is not domain 1 */
	xm_write("/local/domain/0/backend/virtio/1/0123456789abcdefgh/state", "1");
	xm_write("/local/domain/0/backend/virtio", "");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		bool any = strcmp(bad[i].value, "virtio,device") == 0;

		log_clear();
		node(0, dom, 0, false, 3);
		xm_rm(path(dom, 0, ""));
		node(0, dom, 0, false, 3);
		xm_write(path(dom, 0, bad[i].key), bad[i].value);
		rounds(5);
		assert_int_equal(b.s[0].xd->g != NULL, any);
		if (*bad[i].key == 'b' || *bad[i].key == 'i') {
			assert_true(logged("dev0: error: domain 1:"));
		}
		if (any) {
			xm_rm(path(dom, 0, ""));
			rounds(5);
		}
	}
	node(0, dom, 0, false, 1);
	WAIT(state(dom, 0) == 2);
	assert_true(start(&b.s[0], false));
	put(dom, 0, "state", "rubbish", 0); /* while it is served: it goes on */
	rounds(5);
	assert_true(traffic(&b.s[0], 2));
}

/* Two devices alike: in the order in which they were given; a node that names none but the third. */
static void which_node(void **st)
{
	unsigned dom = xm_create("guest", 1);

	(void)st;
	assert_true(xen_up(32));
	assert_true(add(0, "guest", NULL, 0));
	assert_true(add(1, "guest", NULL, 0));
	assert_true(add(2, "guest", "virtio/5", 0));
	node(2, dom, 5, false, 1);
	WAIT(state(dom, 5) == 2);
	assert_string_equal(b.s[2].xd->path, path(dom, 5, ""));
	node(1, dom, 10, false, 4); /* state 4: seen together, in order of their number */
	node(0, dom, 9, false, 4);
	WAIT(b.s[0].xd->g && b.s[1].xd->g);
	assert_string_equal(b.s[0].xd->path, path(dom, 9, ""));
	assert_string_equal(b.s[1].xd->path, path(dom, 10, ""));
	for (unsigned i = 0; i < 3; i++) {
		assert_true(start(&b.s[i], i & 1));
	}
	for (unsigned k = 0; k < 10; k++) {
		assert_true(traffic(&b.s[k % 3], 3));
	}
	assert_ptr_equal(b.s[0].xd->g, b.s[1].xd->g); /* one server for all */
}

static void two_guests(void **st)
{
	unsigned first = xm_create("one", 2), second = xm_create("two", 1), third;
	char number[8];

	(void)st;
	(void)snprintf(number, sizeof(number), "%u", second);
	assert_true(xen_up(32));
	assert_true(add(0, "one", NULL, 0));
	assert_true(add(1, number, NULL, 0));
	node(1, second, 0, true, 1);
	node(0, first, 0, false, 1);
	WAIT(state(first, 0) == 2 && state(second, 0) == 2);
	assert_true(start(&b.s[0], false));
	assert_true(start(&b.s[1], true));
	assert_true(traffic(&b.s[0], 3) && traffic(&b.s[1], 3) && traffic(&b.s[0], 3));
	xm_destroy(first);
	WAIT(!b.s[0].xd->g);
	assert_null(b.s[0].xd->g);
	assert_int_equal(xm_users(first, 0), 0); /* the ended guest's memory is free */
	assert_true(traffic(&b.s[1], 3));	 /* the other one does not notice */
	third = xm_create("one", 1);
	node(0, third, 0, false, 1);
	WAIT(state(third, 0) == 2);
	assert_true(start(&b.s[0], true));
	assert_true(traffic(&b.s[0], 3));
}

/* ---- ends and resets while requests are owned ---- */

static void guest_ends_at_work(void **st)
{
	struct side *s = one(32, false, true);

	(void)st;
	s->dev.async = true;
	assert_int_equal(offer(s), VIO_OK);
	WAIT(s->dev.n == 1);
	xm_destroy(s->dom);
	rounds(10);
	assert_non_null(s->xd->g); /* the host may still write there */
	tdev_complete(&s->dev, 0);
	WAIT(!s->xd->g);
	assert_null(s->xd->g);
	assert_int_equal(vio_dev_status(&s->dev.d), 0);
	assert_int_equal(xm.open.foreign, 0);
}

static void closed_at_work(void **st)
{
	struct side *s = one(32, true, false);

	(void)st;
	s->dev.async = true;
	assert_int_equal(offer(s), VIO_OK);
	WAIT(s->dev.n == 1);
	put(s->dom, 0, "state", "%llu", 5);
	rounds(10);
	assert_int_equal(state(s->dom, 0), 5);
	assert_int_equal(xen_dev_close(s->xd), VIO_PENDING);
	rounds(3);
	assert_false(s->closed);
	tdev_complete(&s->dev, 0);
	WAIT(s->closed);
	assert_true(s->closed);
	assert_int_equal(state(s->dom, 0), 6);
	vio_vq_wake(&s->dev.vq); /* the host has more, the port is gone */
	vio_dev_config_changed(&s->dev.d);
}

static void pending_holds_the_cpu(void **st)
{
	struct side *s = one(32, false, false);
	uint64_t v;

	(void)st;
	s->dev.async = true;
	assert_int_equal(offer(s), VIO_OK);
	WAIT(s->dev.n == 1);
	assert_true(xm_access(s->dom, 0, s->base + VIO_MMIO_STATUS, 4, true, 0));
	rounds(20);
	assert_false(xm_answered(s->dom, 0, &v));
	s->cpu = 1; /* the other one is served meanwhile */
	assert_int_equal(io(s, VIO_MMIO_MAGIC, 4, false, 0), VIO_MMIO_MAGIC_VALUE);
	tdev_complete(&s->dev, 0);
	assert_true(answered(s->dom, 0, &v));
	assert_int_equal(io(s, VIO_MMIO_STATUS, 4, false, 0), 0);
	assert_false(s->stuck);
}

/* Memory that cannot be mapped now: the CPU that starts the queue waits, and nobody has to help. */
static void start_without_memory(void **st)
{
	unsigned dom = xm_create("guest", 1);

	(void)st;
	assert_true(xen_up(0));
	assert_true(add(0, "guest", NULL, 0));
	node(0, dom, 0, false, 1);
	WAIT(state(dom, 0) == 2);
	for (uint32_t n = 1; n < 4; n++) {
		xm_fail_all("fm_map", ENOMEM);
		b.patience = 50000000u;
		assert_false(start(&b.s[0], false));
		assert_true(b.s[0].stuck);
		b.patience = 5000000000u;
		xm_fail_all(NULL, 0);
		assert_true(answered(dom, 0, NULL));
		b.s[0].stuck = false;
		assert_int_equal(io(&b.s[0], VIO_MMIO_QUEUE_READY, 4, false, 0), 1);
		assert_true(stop(&b.s[0]));
	}
	assert_true(start(&b.s[0], false));
	assert_true(traffic(&b.s[0], 2));
}

/* The same, and the device is taken away meanwhile: the CPU goes on, the next guest gets a whole device. */
static void close_while_starting(void **st)
{
	unsigned dom = xm_create("guest", 1);

	(void)st;
	assert_true(xen_up(32));
	assert_true(add(0, "guest", NULL, 0));
	node(0, dom, 0, false, 1);
	WAIT(state(dom, 0) == 2);
	xm_fail_all("fm_map", ENOMEM);
	b.patience = 50000000u;
	assert_false(start(&b.s[0], false));
	b.patience = 5000000000u;
	put(dom, 0, "state", "%llu", 5);
	WAIT(state(dom, 0) == 6);
	assert_true(xm_answered(dom, 0, NULL));
	xm_fail_all(NULL, 0);
	node(0, dom, 1, false, 1);
	WAIT(state(dom, 1) == 2);
	assert_int_equal(vio_dev_status(&b.s[0].dev.d), 0);
	assert_true(start(&b.s[0], false));
	assert_true(traffic(&b.s[0], 2));
}

/* ---- memory ---- */

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
	teardown(NULL);
	setup(NULL);
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

/* ---- accesses ---- */

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

/* ---- without a toolstack, and what cannot be ---- */

static void no_xenstore(void **st)
{
	unsigned dom = xm_create("guest", 1);

	(void)st;
	xm_fail_all("xs_open", ENOENT);
	assert_true(xen_up(32));
	assert_false(add(0, "guest", NULL, 0));
	assert_non_null(strstr(b.err, "xen-irq"));
	assert_false(add(0, "guest", NULL, 33));
	assert_non_null(strstr(b.err, "'guest'"));
	assert_false(add(0, "5", NULL, 33));
	assert_non_null(strstr(b.err, "no such domain"));
	assert_true(add(0, "1", NULL, 33));
	b.s[0].dom = dom;
	assert_true(start(&b.s[0], true));
	assert_true(traffic(&b.s[0], 3));
}

/* A domain that the toolstack made but xenstore does not know, or that ends. */
static void given_place(void **st)
{
	unsigned dom = xm_create("guest", 1);

	(void)st;
	assert_true(xen_up(32));
	xm_fail_all("xs_introduced", 0);
	assert_true(add(0, "1", NULL, 33));
	b.s[0].dom = dom;
	rounds(5);
	xm_store_fire("@releaseDomain");
	rounds(5);
	assert_true(start(&b.s[0], true));
	assert_true(traffic(&b.s[0], 3));
	xm_fail_all(NULL, 0);
	assert_false(add(1, "1", NULL, 33) && add(2, "1", NULL, 33) && b.s[1].base == b.s[2].base);
	remove_dev(&b.s[1]);
	xm_destroy(dom);
	remove_dev(&b.s[0]);
}

static void xenstore_in_trouble(void **st)
{
	static const char *const call[] = { "xs_introduced", "xs_read", "xs_directory",
					    "xs_check_watch" };
	struct side *s = one(32, false, false);

	(void)st;
	for (unsigned i = 0; i < 4; i++) {
		xm_fail_all(call[i], EIO);
		put(s->dom, 9, "x", "%llu", i);
		rounds(10);
		xm_fail_all(NULL, 0);
		assert_true(traffic(s, 2)); /* who is served stays served */
	}
	put(s->dom, 0, "state", "%llu", 5);
	WAIT(state(s->dom, 0) == 6);
	assert_int_equal(state(s->dom, 0), 6);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(all_kinds),
		T(idle_mappings),
		T(daemon_starts_late),
		T(closing_unserved),
		T(node_vanishes),
		T(garbage),
		T(which_node),
		T(two_guests),
		T(guest_ends_at_work),
		T(closed_at_work),
		T(pending_holds_the_cpu),
		T(start_without_memory),
		T(close_while_starting),
		T(no_room_for_a_request),
		T(memory_moves),
		T(rings_vanish),
		T(wild_addresses),
		T(odd_accesses),
		T(no_xenstore),
		T(given_place),
		T(xenstore_in_trouble),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
