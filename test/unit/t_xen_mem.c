/* SPDX-License-Identifier: BSD-3-Clause */
/* t_xen_mem.c - foreign pages, with and without the cache */
#include "test/unit/xen_mem_bed.h"

static uint64_t calls(void)
{
	return xen_mem_stat(b.x)->map + xen_mem_stat(b.x)->unmap;
}

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

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(all_shapes),	 T(both_directions),	    T(no_room_for_the_cut),
		T(steady_state), T(bound_and_order),	    T(all_slots_pinned),
		T(holes),	 T(hole_in_a_pinned_chunk), T(memory_changes_while_held),
		T(trim),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
