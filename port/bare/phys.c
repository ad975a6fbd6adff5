/* SPDX-License-Identifier: BSD-3-Clause */
/* phys.c - memory kind: one range of physical memory; payload may go through a cache that only we see */
#include "phys.h"

static struct vio_mem_phys *phys_of(struct vio_mem *m)
{
	return VIO_CONTAINER(m, struct vio_mem_phys, m);
}

/* All or nothing; base: of the mapping that is to be used */
static int look_up(const struct vio_mem_phys *f, const struct vio_sgl *l, uint8_t *base)
{
	for (uint16_t i = 0u; i < (uint16_t)(l->n_out + l->n_in); i++) {
		struct vio_seg *s = &l->seg[i];
		uint64_t off = s->addr - f->base; /* below the base: very large */

		if ((off >= f->len) || (s->len > (f->len - (uint32_t)off))) {
			return VIO_E_ADDR;
		}
		s->p = base + (uint32_t)off;
	}
	return VIO_OK;
}

static int acquire(struct vio_mem *m, struct vio_sgl *l)
{
	return look_up(phys_of(m), l, phys_of(m)->direct);
}

/* Not called for requests, as there is no wish for it; a kind around this one calls it. */
static void release_nothing(struct vio_mem *m, struct vio_sgl *l, const struct vio_ext *w,
			    uint16_t nw)
{
	(void)m;
	(void)l;
	(void)w;
	(void)nw;
}

static const struct vio_mem_ops ops = { .acquire = acquire, .release = release_nothing };

int vio_mem_phys_init(struct vio_mem_phys *f, uint64_t base, void *p, uint32_t len)
{
	if ((len == 0u) || (base > (UINT64_MAX - len)) ||
	    ((((uintptr_t)p ^ (uintptr_t)base) & 15u) != 0u)) {
		return VIO_E_ARG;
	}
	*f = (struct vio_mem_phys){ .m = { .ops = &ops, .seg_max = UINT16_MAX, .bytes_max = len },
				    .base = base,
				    .len = len,
				    .direct = p };
	return VIO_OK;
}

/* ---- through a cache ---- */

static int acquire_through(struct vio_mem *m, struct vio_sgl *l)
{
	const struct vio_mem_phys *f = phys_of(m);
	int rc = look_up(f, l, l->ring ? f->direct : f->cached);

	for (uint16_t i = 0u; (rc == VIO_OK) && !l->ring && (i < (uint16_t)(l->n_out + l->n_in));
	     i++) {
		/* writable too: an old dirty line must not fall on what the device writes */
		f->cache->flush(l->seg[i].p, l->seg[i].len);
	}
	return rc;
}

/* The part of w that lies in each writable segment */
static void clean(const struct vio_mem_phys *f, const struct vio_sgl *l, struct vio_ext w)
{
	uint32_t at = 0u;

	for (uint16_t i = l->n_out; i < (uint16_t)(l->n_out + l->n_in); i++) {
		const struct vio_seg *s = &l->seg[i];
		uint32_t from = (w.off > at) ? (w.off - at) : 0u;
		uint32_t to = ((w.off + w.len) > at) ? (w.off + w.len - at) : 0u;

		to = (to < s->len) ? to : s->len;
		if (from < to) {
			f->cache->clean(s->p + from, to - from);
		}
		at += s->len;
	}
}

static void release(struct vio_mem *m, struct vio_sgl *l, const struct vio_ext *w, uint16_t nw)
{
	for (uint16_t i = 0u; (i < nw) && !l->ring; i++) {
		clean(phys_of(m), l, w[i]);
	}
}

static const struct vio_mem_ops ops_through = { .acquire = acquire_through, .release = release };

int vio_mem_phys_through(struct vio_mem_phys *f, uint64_t base, void *direct, void *cached,
			 uint32_t len, const struct vio_cache_ops *cache)
{
	int rc = vio_mem_phys_init(f, base, direct, len);

	if ((rc != VIO_OK) || ((((uintptr_t)cached ^ (uintptr_t)base) & 15u) != 0u)) {
		return VIO_E_ARG;
	}
	f->m.ops = &ops_through;
	f->m.wants_release = true;
	f->cached = cached;
	f->cache = cache;
	return VIO_OK;
}
