/* SPDX-License-Identifier: BSD-3-Clause */
/* xen_mem_bed.h - the memory kind of Xen alone, over the model: one guest, lists of its memory */
#ifndef XEN_MEM_BED_H
#define XEN_MEM_BED_H

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

static inline void open_mem(uint32_t chunks)
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

static inline int setup(void **state)
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
static inline int teardown(void **state)
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

static inline struct list *list(struct list *v, uint16_t cap, uint16_t n_out, uint16_t n_in)
{
	v->l = (struct vio_sgl){ .seg = v->seg, .cap = cap, .n_out = n_out, .n_in = n_in };
	return v;
}

static inline int take(struct list *v)
{
	return vio_mem_acquire(b.m, &v->l);
}

static inline void give(struct list *v)
{
	vio_mem_release(b.m, &v->l, NULL, 0);
}

/* The pieces [from, to) of the list are `len` bytes from guest address addr: read them, and change them. */
static inline void same(const struct list *v, uint16_t from, uint16_t to, uint64_t addr,
			uint32_t len)
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

static inline void touch(uint64_t addr)
{
	struct list v = { .seg = { { .addr = addr, .len = 8 } } };

	assert_int_equal(take(list(&v, 16, 0, 1)), VIO_OK);
	same(&v, 0, v.l.n_in, addr, 8);
	give(&v);
}

struct shape {
	uint64_t addr;
	uint32_t len;
};

#endif
