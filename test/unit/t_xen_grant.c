/* SPDX-License-Identifier: BSD-3-Clause */
/* t_xen_grant.c - grants, and what is refused of either kind */
#include "test/unit/xen_mem_bed.h"

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
	assert_int_equal(take(list(&v, 2, 0, 2)), VIO_OK);
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

/* Linux grants what is to be read for reading only, and Xen refuses to map that for writing. */
static void readonly_grants(void **state)
{
	struct list v = { .seg = { { .addr = GRANT | (1u << 12), .len = 16 },
				   { .addr = GRANT | (2u << 12), .len = 16 },
				   { .addr = GRANT | (3u << 12), .len = 16 } } };

	(void)state;
	xm_grant_readonly(b.dom, 1, 7);
	xm_grant_readonly(b.dom, 2, 8);
	xm_grant(b.dom, 3, 9);
	assert_int_equal(take(list(&v, 3, 2, 1)), VIO_OK);
	assert_int_equal(xen_mem_stat(b.x)->map, 2);
	assert_memory_equal(v.seg[1].p, xm_ram(b.dom, XM_RAM + 8 * XM_PAGE), 16);
	same(&v, 2, 3, XM_RAM + 9 * XM_PAGE, 16);
	give(&v);
	assert_int_equal(xen_mem_stat(b.x)->unmap, 2);
	assert_int_equal(xm.open.grants, 0);
	assert_int_equal(take(list(&v, 3, 1, 2)), VIO_E_ADDR); /* one of them as if writable */
	assert_int_equal(xm.open.grants, 0);		       /* what was mapped first is back */
	assert_true(xm_revoke(b.dom, 1));
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
		T(refused_lists), T(longest_list),    T(refused_calls), T(second_chunk_refused),
		T(grants),	  T(readonly_grants), T(many_at_once),	T(no_handle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
