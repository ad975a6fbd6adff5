/* SPDX-License-Identifier: BSD-3-Clause */
/* t_xen_mem.c - the memory kind of Xen alone, over the model: foreign pages with and without the cache, grants */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <cmocka.h>
#include "port/xen/mem.h"
#include "test/xenmodel/model.h"

#define CHUNK (XEN_CHUNK_PAGES * XM_PAGE)
#define GRANT (1ull << 63)

static struct {
	unsigned dom;
	xenforeignmemory_handle *fm;
	xengnttab_handle *gt;
	struct xen_mem *x;
	struct vio_mem *m;
} b;

static void open_mem(uint32_t chunks)
{
	struct xen_mem_config cfg = {
		.lib = &xm.lib, .fm = b.fm, .gt = b.gt, .dom = (domid_t)b.dom, .chunks = chunks
	};

	if (b.x) {
		xen_mem_free(b.x);
	}
	b.x = xen_mem_new(&cfg);
	b.m = xen_mem(b.x);
}

static int setup(void **state)
{
	(void)state;
	xm_init();
	memset(&b, 0, sizeof(b));
	b.dom = xm_create("guest", 1);
	b.fm = xm.lib.fm_open(NULL, 0);
	b.gt = xm.lib.gt_open(NULL, 0);
	for (uint32_t i = 0; i < XM_PAGES * XM_PAGE; i++) {
		xm.dom[b.dom].ram[i] = (uint8_t)(i ^ (i >> 8) ^ (i >> 16));
	}
	open_mem(4);
	return 0;
}

/* What every test ends with: nothing is mapped, nothing was given back twice. */
static int teardown(void **state)
{
	(void)state;
	if (b.x) {
		xen_mem_free(b.x);
	}
	(void)xm.lib.gt_close(b.gt);
	(void)xm.lib.fm_close(b.fm);
	assert_int_equal(xm_open_things(), 0);
	assert_int_equal(xm.bad, 0);
	xm_fini();
	return 0;
}

struct list {
	struct vio_seg seg[16];
	struct vio_sgl l;
};

static struct list *list(struct list *v, uint16_t cap, uint16_t n_out, uint16_t n_in)
{
	v->l = (struct vio_sgl){ .seg = v->seg, .cap = cap, .n_out = n_out, .n_in = n_in };
	return v;
}

static int take(struct list *v)
{
	return vio_mem_acquire(b.m, &v->l);
}

static void give(struct list *v)
{
	vio_mem_release(b.m, &v->l, NULL, 0);
}

static uint64_t calls(void)
{
	return xen_mem_stat(b.x)->map + xen_mem_stat(b.x)->unmap;
}

/* The pieces [from, to) of the list are `len` bytes from guest address addr: read them, and change them. */
static void same(const struct list *v, uint16_t from, uint16_t to, uint64_t addr, uint32_t len)
{
	uint32_t pos = 0;

	for (uint16_t i = from; i < to; i++) {
		const struct vio_seg *s = &v->seg[i];

		assert_true(((uintptr_t)s->p & 15u) == (s->addr & 15u));
		assert_memory_equal(s->p, xm_ram(b.dom, addr + pos), s->len);
		for (uint32_t k = 0; k < s->len; k++) {
			s->p[k] ^= 0x55;
		}
		assert_memory_equal(s->p, xm_ram(b.dom, addr + pos), s->len);
		pos += s->len;
	}
	assert_int_equal(pos, len);
}

/* ---- foreign pages ---- */

struct shape {
	uint64_t addr;
	uint32_t len;
};

static const struct shape shapes[] = {
	{ XM_RAM, 1 },
	{ XM_RAM + 4095, 2 },
	{ XM_RAM + 100, 4096 },
	{ XM_RAM + CHUNK - 1, 2 },
	{ XM_RAM + CHUNK - XM_PAGE, 2 * XM_PAGE },
	{ XM_RAM + 3, 3 * CHUNK },
	{ XM_RAM + CHUNK, CHUNK },
	{ XM_RAM + XM_PAGES * XM_PAGE - 1, 1 },
};

static void shapes_of(uint32_t chunks)
{
	open_mem(chunks);
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		for (uint16_t out = 0; out < 2; out++) {
			struct list v = { .seg = { { .addr = shapes[i].addr,
						     .len = shapes[i].len } } };

			assert_int_equal(take(list(&v, 16, out, 1 - out)), VIO_OK);
			assert_int_equal(out ? v.l.n_in : v.l.n_out, 0);
			same(&v, 0, v.l.n_out + v.l.n_in, shapes[i].addr, shapes[i].len);
			give(&v);
			assert_int_equal(b.m->held[0] + b.m->held[1], 0);
			if (chunks == 0) {
				assert_int_equal(xen_mem_mapped(b.x), 0);
			}
		}
	}
}

static void all_shapes(void **state)
{
	(void)state;
	shapes_of(4);
	shapes_of(0);
	shapes_of(1); /* four chunks are wanted where one is allowed */
}

static void both_directions(void **state)
{
	(void)state;
	for (uint32_t chunks = 0; chunks < 5; chunks += 4) {
		struct list v = { .seg = { { .addr = XM_RAM + 10, .len = 20 },
					   { .addr = XM_RAM + CHUNK - 8, .len = 16 },
					   { .addr = XM_RAM + 2 * CHUNK - 5, .len = 11 },
					   { .addr = XM_RAM + 77, .len = 7 } } };
		uint16_t in;

		open_mem(chunks);
		assert_int_equal(take(list(&v, 16, 2, 2)), VIO_OK);
		in = v.l.n_out;
		assert_int_equal(in, chunks ? 3 : 2);
		assert_int_equal(v.l.n_in, chunks ? 3 : 2);
		same(&v, 0, 1, XM_RAM + 10, 20);
		same(&v, 1, in, XM_RAM + CHUNK - 8, 16);
		same(&v, in, (uint16_t)(in + v.l.n_in - 1), XM_RAM + 2 * CHUNK - 5, 11);
		same(&v, (uint16_t)(in + v.l.n_in - 1), (uint16_t)(in + v.l.n_in), XM_RAM + 77, 7);
		give(&v);
	}
}

/* A list without room for the cut is mapped as a whole, and unmapped with its request. */
static void no_room_for_the_cut(void **state)
{
	struct list v = { .seg = { { .addr = XM_RAM + CHUNK - 8, .len = 16 } } };

	(void)state;
	assert_int_equal(take(list(&v, 1, 0, 1)), VIO_OK);
	assert_int_equal(v.l.n_in, 1);
	same(&v, 0, 1, XM_RAM + CHUNK - 8, 16);
	assert_int_equal(xen_mem_mapped(b.x), 2);
	give(&v);
	assert_int_equal(xen_mem_mapped(b.x), 0);
}

static void steady_state(void **state)
{
	uint64_t before = 0;

	(void)state;
	for (uint32_t i = 0; i < 100; i++) {
		struct list v = { .seg = { { .addr = XM_RAM + i * 16, .len = 16 },
					   { .addr = XM_RAM + CHUNK + i * 4096, .len = 5000 } } };

		assert_int_equal(take(list(&v, 16, 1, 1)), VIO_OK);
		give(&v);
		before = i == 60 ? calls() : before; /* the second chunk border is at 64 */
	}
	assert_int_equal(xen_mem_stat(b.x)->map, 3);
	assert_int_equal(xen_mem_stat(b.x)->unmap, 0);
	assert_int_equal(calls() - before, 1);
	assert_int_equal(xm.open.foreign, 3);
}

static void touch(uint64_t addr)
{
	struct list v = { .seg = { { .addr = addr, .len = 8 } } };

	assert_int_equal(take(list(&v, 16, 0, 1)), VIO_OK);
	same(&v, 0, v.l.n_in, addr, 8);
	give(&v);
}

/* The bound holds, and what goes is what was not used for the longest time. */
static void bound_and_order(void **state)
{
	(void)state;
	open_mem(2);
	touch(XM_RAM);
	touch(XM_RAM + CHUNK);
	touch(XM_RAM);
	touch(XM_RAM + 2 * CHUNK); /* in place of the second */
	assert_int_equal(xen_mem_mapped(b.x), 2 * XEN_CHUNK_PAGES);
	assert_int_equal(xm_users(b.dom, 0), 1);
	assert_int_equal(xm_users(b.dom, XEN_CHUNK_PAGES), 0);
	assert_int_equal(xen_mem_stat(b.x)->map, 3);
	touch(XM_RAM);
	assert_int_equal(xen_mem_stat(b.x)->map, 3);
}

static void all_slots_pinned(void **state)
{
	struct list v = { .seg = { { .addr = XM_RAM, .len = 8 } } };
	struct list w = { .seg = { { .addr = XM_RAM + CHUNK, .len = 8 } } };

	(void)state;
	open_mem(1);
	assert_int_equal(take(list(&v, 16, 1, 0)), VIO_OK);
	assert_int_equal(take(list(&w, 16, 1, 0)), VIO_OK); /* as a whole */
	same(&v, 0, 1, XM_RAM, 8);
	same(&w, 0, 1, XM_RAM + CHUNK, 8);
	assert_int_equal(xen_mem_mapped(b.x), XEN_CHUNK_PAGES + 1);
	give(&w);
	give(&v);
}

static void holes(void **state)
{
	struct list v = { .seg = { { .addr = XM_RAM + XM_PAGE, .len = 8 } } };
	struct list w = { .seg = { { .addr = XM_RAM + 4, .len = XM_PAGE } } };

	(void)state;
	for (uint32_t chunks = 0; chunks < 5; chunks += 4) {
		open_mem(chunks);
		xm_balloon(b.dom, 1);
		assert_int_equal(take(list(&v, 16, 1, 0)), VIO_E_ADDR);
		assert_int_equal(take(list(&w, 16, 1, 0)), VIO_E_ADDR); /* its last 4 bytes */
		touch(XM_RAM);
		touch(XM_RAM + 2 * XM_PAGE); /* neighbours are not harmed */
		xm_fill(b.dom, 1);
		touch(XM_RAM + XM_PAGE);
		assert_int_equal(b.m->held[0], 0);
	}
}

/* The chunk of a hole that was filled is in use by somebody else: his mapping stays as it is. */
static void hole_in_a_pinned_chunk(void **state)
{
	struct list v = { .seg = { { .addr = XM_RAM, .len = 8 } } };
	struct list w = { .seg = { { .addr = XM_RAM + XM_PAGE, .len = 8 } } };

	(void)state;
	xm_balloon(b.dom, 1);
	assert_int_equal(take(list(&v, 16, 1, 0)), VIO_OK);
	xm_fill(b.dom, 1);
	assert_int_equal(take(list(&w, 16, 1, 0)), VIO_OK);
	same(&w, 0, 1, XM_RAM + XM_PAGE, 8);
	give(&w);
	same(&v, 0, 1, XM_RAM, 8);
	give(&v);
	touch(XM_RAM + XM_PAGE);
	assert_int_equal(xen_mem_mapped(b.x), XEN_CHUNK_PAGES); /* cached from now on */
}

static void memory_changes_while_held(void **state)
{
	struct list v = { .seg = { { .addr = XM_RAM, .len = 8 } } };
	uint8_t *old;

	(void)state;
	touch(XM_RAM + CHUNK);
	assert_int_equal(take(list(&v, 16, 0, 1)), VIO_OK);
	old = v.seg[0].p;
	xm_balloon(b.dom, 0);
	xm_fill(b.dom, 0); /* another page is there now */
	xen_mem_forget(b.x);
	assert_int_equal(vio_mem_change(b.m), VIO_OK);
	assert_int_equal(xen_mem_mapped(b.x), XEN_CHUNK_PAGES); /* the idle one is gone at once */
	touch(XM_RAM);						/* the new page */
	memcpy(xm_ram(b.dom, XM_RAM), "newpage", 8);
	memcpy(old, "old one", 8); /* is still there, and is not the guest's any more */
	assert_memory_equal(xm_ram(b.dom, XM_RAM), "newpage", 8);
	xen_mem_forget(b.x); /* twice is no harm */
	give(&v);
	assert_int_equal(xen_mem_mapped(b.x), 0);
	assert_true(vio_mem_drained(b.m));
}

static void trim(void **state)
{
	struct list v = { .seg = { { .addr = XM_RAM, .len = 8 } } };

	(void)state;
	assert_int_equal(take(list(&v, 16, 1, 0)), VIO_OK);
	touch(XM_RAM + CHUNK);
	assert_true(xen_mem_trim(b.x)); /* was used since: to be asked again */
	assert_int_equal(xen_mem_mapped(b.x), 2 * XEN_CHUNK_PAGES);
	assert_false(xen_mem_trim(b.x)); /* the other one is in use for as long as it is */
	assert_int_equal(xen_mem_mapped(b.x), XEN_CHUNK_PAGES);
	give(&v);
	assert_false(xen_mem_trim(b.x));
	assert_int_equal(xen_mem_mapped(b.x), 0);
}

/* ---- what is refused ---- */

static void refused_lists(void **state)
{
	static const struct shape bad[][3] = {
		{ { XM_RAM, 8 }, { GRANT | 0x1000, 8 } },
		{ { GRANT | 0x1000, 8 }, { XM_RAM, 8 } },
		{ { ~0ull - 3, 8 }, { 0, 0 } },
		{ { GRANT - 4, 8 }, { 0, 0 } },
		{ { XM_RAM, 0 }, { XM_RAM, 8 } },
		{ { XM_RAM, 8 }, { XM_RAM, 0 } },
		{ { XM_RAM - 1, 2 }, { 0, 0 } },
		{ { XM_RAM + XM_PAGES * XM_PAGE - 1, 2 }, { 0, 0 } },
		{ { 0, 4096 }, { 0, 0 } },
		{ { GRANT - 4096, 4096 }, { 0, 0 } },
		{ { XM_RAM, 0xffffffff }, { 0, 0 } },
		{ { XM_RAM, 0xffffffff }, { XM_RAM, 0xffffffff } },
		{ { XM_RAM, (XEN_LIST_PAGES + 1) * XM_PAGE }, { 0, 0 } },
		{ { GRANT, (XEN_LIST_PAGES + 1) * XM_PAGE }, { 0, 0 } },
		{ { GRANT | 0x1000, 8 }, { GRANT | (0xffffffffull << 12), 8192 } },
		{ { GRANT | (1ull << 44), 8 }, { 0, 0 } }, /* no such reference */
		{ { GRANT | 0x5000, 8 }, { 0, 0 } },	   /* not granted */
	};

	(void)state;
	xm_grant(b.dom, 1, 7);
	for (uint32_t chunks = 0; chunks < 5; chunks += 4) {
		open_mem(chunks);
		for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
			uint16_t n = bad[i][1].addr ? 2 : 1;
			struct list v = { .seg = { { .addr = bad[i][0].addr, .len = bad[i][0].len },
						   { .addr = bad[i][1].addr,
						     .len = bad[i][1].len } } };

			assert_int_equal(take(list(&v, 16, 0, n)), VIO_E_ADDR);
			assert_int_equal(xm.open.grants, 0);
			assert_int_equal(b.m->held[0], 0);
		}
	}
	assert_true(xm_revoke(b.dom, 1));
}

/* As many pages as a list may have, and no more. */
static void longest_list(void **state)
{
	struct list v = { .l = { .cap = 16 } };

	(void)state;
	open_mem(0);
	for (uint16_t i = 0; i < 4; i++) {
		v.seg[i] = (struct vio_seg){ .addr = XM_RAM, .len = XM_PAGES * XM_PAGE };
	}
	assert_int_equal(XEN_LIST_PAGES, 4 * XM_PAGES);
	assert_int_equal(take(list(&v, 16, 0, 4)), VIO_OK);
	assert_int_equal(xen_mem_mapped(b.x), XEN_LIST_PAGES);
	same(&v, 3, 4, XM_RAM, XM_PAGES * XM_PAGE);
	give(&v);
	v.seg[4] = (struct vio_seg){ .addr = XM_RAM, .len = 1 };
	assert_int_equal(take(list(&v, 16, 0, 5)), VIO_E_ADDR);
}

static void refused_calls(void **state)
{
	static const struct {
		int e, rc;
	} cases[] = { { ENOMEM, VIO_E_AGAIN }, { EAGAIN, VIO_E_AGAIN }, { ENOSPC, VIO_E_AGAIN },
		      { EBUSY, VIO_E_AGAIN },  { EINVAL, VIO_E_ADDR },	{ EPERM, VIO_E_ADDR },
		      { ESRCH, VIO_E_ADDR },   { EFAULT, VIO_E_ADDR } };

	(void)state;
	xm_grant(b.dom, 1, 7);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (uint32_t chunks = 0; chunks < 5; chunks += 4) {
			struct list v = { .seg = { { .addr = XM_RAM + CHUNK - 1, .len = 2 } } };
			struct list w = { .seg = { { .addr = GRANT | 0x1000, .len = 2 } } };

			open_mem(chunks);
			xm_fail_all("fm_map", cases[i].e);
			assert_int_equal(take(list(&v, 16, 0, 1)), cases[i].rc);
			assert_true(xen_mem_stat(b.x)->failed > 0);
			xm_fail_all("gt_map", cases[i].e);
			assert_int_equal(take(list(&w, 16, 0, 1)), cases[i].rc);
			xm_fail_all(NULL, 0);
			assert_int_equal(take(&v), VIO_OK); /* as it was left, perhaps cut */
			same(&v, 0, v.l.n_in, XM_RAM + CHUNK - 1, 2);
			assert_int_equal(take(&w), VIO_OK);
			give(&w);
			give(&v);
			assert_int_equal(b.m->held[0], 0);
		}
	}
	assert_true(xm_revoke(b.dom, 1));
}

/* The second chunk of a request is refused: the first is not held, and the request is mapped as a whole. */
static void second_chunk_refused(void **state)
{
	struct list v = { .seg = { { .addr = XM_RAM + CHUNK - 1, .len = 2 } } };

	(void)state;
	xm_fail_nth(2, ENOMEM);
	assert_int_equal(take(list(&v, 16, 0, 1)), VIO_OK);
	assert_string_equal(xm.failed, "fm_map");
	same(&v, 0, v.l.n_in, XM_RAM + CHUNK - 1, 2);
	give(&v);
	xen_mem_forget(b.x);
	assert_int_equal(xen_mem_mapped(b.x), 0);
}

/* ---- grants ---- */

static void grants(void **state)
{
	struct list v = { .seg = { { .addr = GRANT | (5u << 12) | 100, .len = 2 * XM_PAGE },
				   { .addr = GRANT | (20u << 12) | 4000, .len = 96 } } };

	(void)state;
	for (uint32_t i = 0; i < 3; i++) {
		xm_grant(b.dom, 5 + i, 9 + i); /* the guest's frames need not follow each other */
	}
	xm_grant(b.dom, 20, 100);
	assert_int_equal(take(list(&v, 2, 1, 1)), VIO_OK);
	assert_int_equal(xen_mem_stat(b.x)->map, 1); /* all of the request by one call */
	assert_int_equal(xen_mem_stat(b.x)->map_pages, 4);
	same(&v, 0, 1, XM_RAM + 9 * XM_PAGE + 100, 2 * XM_PAGE);
	same(&v, 1, 2, XM_RAM + 100 * XM_PAGE + 4000, 96);
	assert_false(xm_revoke(b.dom, 6)); /* the guest would say: still in use */
	give(&v);
	assert_int_equal(xen_mem_stat(b.x)->unmap, 1);
	for (uint32_t i = 0; i < 3; i++) {
		assert_true(xm_revoke(b.dom, 5 + i));
	}
	assert_true(xm_revoke(b.dom, 20));
	assert_int_equal(take(list(&v, 2, 1, 1)), VIO_E_ADDR);
}

/* Many requests at once, released in another order: slots are found again. */
static void many_at_once(void **state)
{
	static struct list v[100];

	(void)state;
	for (uint32_t round = 0; round < 3; round++) {
		for (uint32_t i = 0; i < 100; i++) {
			xm_grant(b.dom, i, i);
			v[i].seg[0] = (struct vio_seg){ .addr = GRANT | (i << 12), .len = 16 };
			assert_int_equal(take(list(&v[i], 1, 0, 1)), VIO_OK);
		}
		for (uint32_t i = 0; i < 100; i++) {
			uint32_t k = (i * 37) % 100;

			same(&v[k], 0, 1, XM_RAM + k * XM_PAGE, 16);
			give(&v[k]);
			assert_true(xm_revoke(b.dom, k));
		}
	}
	assert_int_equal(xen_mem_mapped(b.x), 0);
}

static void no_handle(void **state)
{
	struct xen_mem_config cfg = { .lib = &xm.lib, .dom = (domid_t)b.dom, .chunks = 4 };
	struct list v = { .seg = { { .addr = XM_RAM, .len = 2 } } };
	struct list w = { .seg = { { .addr = GRANT | 0x1000, .len = 2 } } };

	(void)state;
	xm_grant(b.dom, 1, 7);
	xen_mem_free(b.x);
	b.x = xen_mem_new(&cfg);
	b.m = xen_mem(b.x);
	assert_int_equal(take(list(&v, 16, 0, 1)), VIO_E_ADDR);
	assert_int_equal(take(list(&w, 16, 0, 1)), VIO_E_ADDR);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(all_shapes),
		T(both_directions),
		T(no_room_for_the_cut),
		T(steady_state),
		T(bound_and_order),
		T(all_slots_pinned),
		T(holes),
		T(hole_in_a_pinned_chunk),
		T(memory_changes_while_held),
		T(trim),
		T(refused_lists),
		T(longest_list),
		T(refused_calls),
		T(second_chunk_refused),
		T(grants),
		T(many_at_once),
		T(no_handle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
