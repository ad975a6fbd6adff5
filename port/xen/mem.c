/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mem.c - guest memory on Xen, see mem.h
 *
 * Theory of operation. A list of foreign segments is cut at the borders of chunks; each piece pins its chunk until
 * release (chunk.c). What the chunks cannot serve - all slots pinned, a list that has no room for the cuts, a hole in a
 * pinned chunk - is mapped as a whole: all pages of the list in one call, one behind the other here, unmapped by
 * release. Grants always are, in two calls: Linux grants what is to be read for reading only, and Xen refuses a mapping
 * that asks for more.
 *
 * Tags of segments: TAG_NONE, the index of a pinned chunk, or TAG_WHOLE with a slot on the first segment of a list (with
 * grants: of a direction). A queue does not keep those of its ring areas: they are found again by their address here.
 */
#include "port/xen/chunk.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE_SHIFT  12u
#define PAGE_BYTES  4096u
#define CHUNK_BYTES (XEN_CHUNK_PAGES * PAGE_BYTES)
#define GRANT	    (1ULL << 63)
#define TAG_NONE    0xffffffffu
#define TAG_WHOLE   0x80000000u
#define RW	    (PROT_READ | PROT_WRITE)

static struct xen_mem *self(struct vio_mem *m)
{
	return VIO_CONTAINER(m, struct xen_mem, m);
}

/* ---- calls, counted ---- */

/* p: what a call to map n pages gave */
static uint8_t *counted(struct xen_mem *x, uint8_t *p, uint32_t n)
{
	x->stat.map++;
	x->stat.map_pages += n;
	x->stat.failed += p == NULL;
	x->mapped += p ? n : 0;
	return p;
}

uint8_t *xen_map_foreign(struct xen_mem *x, uint32_t n)
{
	if (!x->cfg.fm) {
		errno = EPERM;
		return NULL;
	}
	memset(x->err, 0, n * sizeof(x->err[0]));
	return counted(x, x->cfg.lib->fm_map(x->cfg.fm, x->cfg.dom, RW, n, x->gfn, x->err), n);
}

static uint8_t *map_grants(struct xen_mem *x, uint32_t n, int prot)
{
	if (!x->cfg.gt) {
		errno = EPERM;
		return NULL;
	}
	return counted(x, x->cfg.lib->gt_map(x->cfg.gt, n, x->cfg.dom, x->ref, prot), n);
}

void xen_unmap(struct xen_mem *x, void *p, uint32_t n, bool grant)
{
	int rc = grant ? x->cfg.lib->gt_unmap(x->cfg.gt, p, n)
		       : x->cfg.lib->fm_unmap(x->cfg.fm, p, n);

	x->stat.unmap++;
	x->stat.failed += rc != 0;
	x->mapped -= n;
}

/* What a refused call means for the request: lack of room passes, all else is an address that is not there. */
static int refusal(void)
{
	return (errno == ENOMEM || errno == EAGAIN || errno == ENOSPC || errno == EBUSY ||
		errno == EINTR || errno == EMFILE)
		       ? VIO_E_AGAIN
		       : VIO_E_ADDR;
}

/* ---- foreign pages, by chunks ---- */

static uint32_t pieces(const struct vio_seg *s)
{
	return (uint32_t)((s->addr + (s->len - 1u)) / CHUNK_BYTES - s->addr / CHUNK_BYTES) + 1u;
}

/* Cut the segments of one direction, the last first; `to`: behind the last piece. returns: pieces */
static uint16_t cut(struct vio_seg *seg, uint16_t n, struct vio_seg *to)
{
	struct vio_seg *end = to;

	for (uint16_t i = n; i-- > 0;) {
		struct vio_seg s = seg[i];

		while (s.len > 0) { /* the tail goes first: what is not cut yet lies before it */
			uint64_t last = s.addr + (s.len - 1u);
			uint64_t from = last - last % CHUNK_BYTES;
			uint32_t len;

			from = from > s.addr ? from : s.addr;
			len = (uint32_t)(last - from) + 1u;
			*--to = (struct vio_seg){ .addr = from, .len = len, .tag = TAG_NONE };
			s.len -= len;
		}
	}
	return (uint16_t)(end - to);
}

/* returns: false: the list has no room for that many */
static bool cut_all(struct vio_sgl *l)
{
	uint32_t out = 0, in = 0;

	for (uint16_t i = 0; i < l->n_out + l->n_in; i++) {
		*(i < l->n_out ? &out : &in) += pieces(&l->seg[i]);
		if (out + in > l->cap) {
			return false;
		}
	}
	(void)cut(l->seg + l->n_out, l->n_in, l->seg + out + in);
	(void)cut(l->seg, l->n_out, l->seg + out);
	l->n_out = (uint16_t)out;
	l->n_in = (uint16_t)in;
	return true;
}

/* returns: false: to be tried as a whole; the list may be cut by then, and stays right */
static bool acquire_chunks(struct xen_mem *x, struct vio_sgl *l)
{
	uint16_t i;

	if (!cut_all(l)) {
		return false;
	}
	for (i = 0; i < l->n_out + l->n_in; i++) {
		struct vio_seg *s = &l->seg[i];
		uint32_t off = (uint32_t)(s->addr % CHUNK_BYTES);
		uint32_t first = off / PAGE_BYTES, last = (off + s->len - 1u) / PAGE_BYTES;
		uint64_t pages = (~0ULL >> (63u - (last - first))) << first;
		struct xen_chunk *c = xen_chunk_get(x, (s->addr >> PAGE_SHIFT) - first, pages);

		if (!c) {
			break;
		}
		c->users++;
		s->tag = (uint32_t)(c - x->chunk);
		s->p = c->va + off;
	}
	if (i == l->n_out + l->n_in) {
		return true;
	}
	while (i-- > 0) {
		xen_chunk_put(x, &x->chunk[l->seg[i].tag]);
		l->seg[i].tag = TAG_NONE;
	}
	return false;
}

/* ---- as a whole ---- */

static bool whole_slot(struct xen_mem *x)
{
	uint32_t n = x->nwhole ? 2 * x->nwhole : 32;
	struct xen_whole *w;

	if (x->free_whole != TAG_NONE) {
		return true;
	}
	w = realloc(x->whole, n * sizeof(*w));
	if (!w) {
		errno = ENOMEM;
		return false;
	}
	x->whole = w;
	for (uint32_t i = n; i-- > x->nwhole;) {
		w[i] = (struct xen_whole){ .pages = x->free_whole };
		x->free_whole = i;
	}
	x->nwhole = n;
	return true;
}

/* Note the frames or references of s, behind the n that are noted. returns: how many there are now | 0: none such */
static uint32_t note(struct xen_mem *x, const struct vio_seg *s, bool grant, uint32_t n)
{
	uint64_t first = (s->addr & ~GRANT) >> PAGE_SHIFT;
	uint64_t count = ((s->addr % PAGE_BYTES) + (uint64_t)s->len + PAGE_BYTES - 1u) / PAGE_BYTES;

	if (count > XEN_LIST_PAGES - n || (grant && first + count - 1u > UINT32_MAX)) {
		return 0;
	}
	for (uint64_t i = 0; i < count; i++) {
		if (grant) {
			x->ref[n + i] = (uint32_t)(first + i);
		} else {
			x->gfn[n + i] = (xen_pfn_t)(first + i);
		}
	}
	return n + (uint32_t)count;
}

static bool all_there(const struct xen_mem *x, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		if (x->err[i] != 0) {
			return false;
		}
	}
	return true;
}

/* Map nseg segments (not 0) as a whole; grants with that right, foreign pages with both. */
static int map_whole(struct xen_mem *x, struct vio_seg *seg, uint32_t nseg, bool grant, int prot)
{
	uint32_t n = 0, slot;
	uint8_t *p;

	for (uint32_t i = 0; i < nseg; i++) {
		n = note(x, &seg[i], grant, n);
		if (n == 0) {
			return VIO_E_ADDR;
		}
	}
	p = !whole_slot(x) ? NULL : grant ? map_grants(x, n, prot) : xen_map_foreign(x, n);
	if (!p) {
		return refusal();
	}
	if (!grant && !all_there(x, n)) {
		xen_unmap(x, p, n, false);
		return VIO_E_ADDR;
	}
	slot = x->free_whole;
	x->free_whole = x->whole[slot].pages;
	x->whole[slot] = (struct xen_whole){ .va = p, .pages = n, .grant = grant };
	for (uint32_t i = 0; i < nseg; i++) {
		struct vio_seg *s = &seg[i];
		uint32_t off = (uint32_t)(s->addr % PAGE_BYTES);

		s->p = p + off;
		s->tag = i == 0 ? (TAG_WHOLE | slot) : TAG_NONE;
		p += (((uint64_t)off + s->len + PAGE_BYTES - 1u) / PAGE_BYTES) * PAGE_BYTES;
	}
	return VIO_OK;
}

static void whole_put(struct xen_mem *x, uint32_t slot)
{
	struct xen_whole *w = &x->whole[slot];

	xen_unmap(x, w->va, w->pages, w->grant);
	w->va = NULL;
	w->pages = x->free_whole;
	x->free_whole = slot;
}

static int map_both(struct xen_mem *x, struct vio_sgl *l)
{
	int rc = VIO_OK;

	if (l->n_out > 0) {
		rc = map_whole(x, l->seg, l->n_out, true, PROT_READ);
	}
	if (rc == VIO_OK && l->n_in > 0) {
		rc = map_whole(x, l->seg + l->n_out, l->n_in, true, RW);
		if (rc != VIO_OK && l->n_out > 0) {
			whole_put(x, l->seg[0].tag & ~TAG_WHOLE);
			l->seg[0].tag = TAG_NONE;
		}
	}
	return rc;
}

/* ---- the kind ---- */

static int acquire(struct vio_mem *m, struct vio_sgl *l)
{
	struct xen_mem *x = self(m);
	bool grant = (l->n_out + l->n_in) > 0 && (l->seg[0].addr & GRANT) != 0;

	for (uint16_t i = 0; i < l->n_out + l->n_in; i++) {
		const struct vio_seg *s = &l->seg[i];

		if (s->len == 0 || s->addr + (s->len - 1u) < s->addr ||
		    (s->addr & GRANT) != (grant ? GRANT : 0) ||
		    ((s->addr + (s->len - 1u)) & GRANT) != (grant ? GRANT : 0)) {
			return VIO_E_ADDR;
		}
	}
	if (l->n_out + l->n_in == 0 || (!grant && x->cfg.chunks > 0 && acquire_chunks(x, l))) {
		return VIO_OK;
	}
	return grant ? map_both(x, l) : map_whole(x, l->seg, l->n_out + l->n_in, false, RW);
}

/* The tag that was at p, a byte of a ring area; those live long, so this may take its time */
static uint32_t tag_of(const struct xen_mem *x, const uint8_t *p)
{
	const uint8_t *page = p - ((uintptr_t)p & (PAGE_BYTES - 1u));

	for (uint32_t i = 0; i < x->cfg.chunks; i++) {
		const uint8_t *va = x->chunk[i].va;

		if (va && p >= va && p < va + CHUNK_BYTES) {
			return i;
		}
	}
	for (uint32_t i = 0; i < x->nwhole; i++) {
		if (x->whole[i].va == page) { /* so p is in the first segment of it */
			return TAG_WHOLE | i;
		}
	}
	return TAG_NONE;
}

static void release(struct vio_mem *m, struct vio_sgl *l, const struct vio_ext *w, uint16_t nw)
{
	struct xen_mem *x = self(m);

	(void)w;
	(void)nw;
	for (uint16_t i = 0; i < l->n_out + l->n_in; i++) {
		uint32_t tag = l->seg[i].tag;

		l->seg[i].tag = TAG_NONE;
		tag = tag == VIO_SEG_TAG_LOST ? tag_of(x, l->seg[i].p) : tag;
		if (tag == TAG_NONE) {
			continue;
		}
		if ((tag & TAG_WHOLE) != 0) {
			whole_put(x, tag & ~TAG_WHOLE);
		} else {
			xen_chunk_put(x, &x->chunk[tag]);
		}
	}
}

static const struct vio_mem_ops mem_ops = { .acquire = acquire, .release = release };

struct xen_mem *xen_mem_new(const struct xen_mem_config *cfg)
{
	struct xen_mem *x = calloc(1, sizeof(*x));

	if (!x) {
		return NULL;
	}
	x->cfg = *cfg;
	x->m.ops = &mem_ops;
	x->m.wants_release = true;
	x->m.seg_max = UINT16_MAX;
	x->m.bytes_max =
		XEN_LIST_PAGES / 2 * PAGE_BYTES; /* each segment may begin and end inside a page */
	x->free_whole = TAG_NONE;
	if (!xen_chunk_init(x)) {
		free(x);
		return NULL;
	}
	return x;
}

void xen_mem_free(struct xen_mem *x)
{
	xen_chunk_fini(x);
	free(x->whole);
	free(x);
}

struct vio_mem *xen_mem(struct xen_mem *x)
{
	return &x->m;
}

const struct xen_mem_stat *xen_mem_stat(const struct xen_mem *x)
{
	return &x->stat;
}

uint32_t xen_mem_mapped(const struct xen_mem *x)
{
	return x->mapped;
}
