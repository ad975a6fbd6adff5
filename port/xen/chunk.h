/* SPDX-License-Identifier: BSD-3-Clause */
/* chunk.h - private to mem.c and chunk.c: what they share */
#ifndef PORT_XEN_CHUNK_H
#define PORT_XEN_CHUNK_H

#include "port/xen/mem.h"

#define XEN_BUCKETS 256u

struct xen_chunk {
	uint64_t gfn;  /* first frame, a multiple of XEN_CHUNK_PAGES */
	uint8_t *va;   /* NULL: slot is free */
	uint64_t hole; /* bit i: frame gfn + i is not there */
	uint32_t users;
	bool used, stale;	/* used: since the last trim; stale: not in the hash any more */
	struct xen_chunk *next; /* in its bucket, or the next free slot */
	struct xen_chunk *newer, *older;
};
_Static_assert(XEN_CHUNK_PAGES == 64u, "one bit a page");

/* All pages of one list, one behind the other here */
struct xen_whole {
	void *va;
	uint32_t pages; /* free: the next free slot */
	bool grant;
};

struct xen_mem {
	struct vio_mem m;
	struct xen_mem_config cfg;
	struct xen_mem_stat stat;
	uint32_t mapped; /* pages */
	struct xen_chunk *chunk, *bucket[XEN_BUCKETS], *free, *newest, *oldest;
	struct xen_whole *whole;
	uint32_t nwhole, free_whole;
	xen_pfn_t gfn[XEN_LIST_PAGES];
	uint32_t ref[XEN_LIST_PAGES];
	int err[XEN_LIST_PAGES];
};

/* ---- mem.c: calls, counted ---- */

/* xen_map_foreign - map the n frames of x->gfn; x->err says which are not there; returns: NULL and errno */
uint8_t *xen_map_foreign(struct xen_mem *x, uint32_t n);
void xen_unmap(struct xen_mem *x, void *p, uint32_t n, bool grant);

/* ---- chunk.c, with xen_mem_forget and xen_mem_trim ---- */

bool xen_chunk_init(struct xen_mem *x); /* returns: false: no memory */
void xen_chunk_fini(struct xen_mem *x);
/* xen_chunk_get - the mapped chunk with `pages` (bits) there; returns: NULL: it is to be tried as a whole */
struct xen_chunk *xen_chunk_get(struct xen_mem *x, uint64_t gfn, uint64_t pages);
void xen_chunk_put(struct xen_mem *x, struct xen_chunk *c);

#endif
