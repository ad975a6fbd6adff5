/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * chunk.c - foreign pages that stay mapped, in chunks of 64
 *
 * Theory of operation. Chunks sit in a hash by guest frame and in a list by last use. One that is in use when the
 * guest's memory changes goes stale: out of the hash, so that nobody finds it, and is unmapped by its last user.
 *
 * A chunk may have holes: frames that are no memory now. A request for one maps the chunk anew, because the guest may
 * have filled it since, and Xen announces only what is taken away.
 */
#include "port/xen/chunk.h"
#include <stdlib.h>

static struct xen_chunk **bucket(struct xen_mem *x, uint64_t gfn)
{
	return &x->bucket[(gfn / XEN_CHUNK_PAGES) % XEN_BUCKETS];
}

static void unhash(struct xen_mem *x, struct xen_chunk *c)
{
	struct xen_chunk **p = bucket(x, c->gfn);

	while (*p != c) {
		p = &(*p)->next;
	}
	*p = c->next;
}

static void unlist(struct xen_mem *x, struct xen_chunk *c)
{
	*(c->newer ? &c->newer->older : &x->newest) = c->older;
	*(c->older ? &c->older->newer : &x->oldest) = c->newer;
}

static void list(struct xen_mem *x, struct xen_chunk *c)
{
	c->newer = NULL;
	c->older = x->newest;
	*(x->newest ? &x->newest->newer : &x->oldest) = c;
	x->newest = c;
}

/* Nobody uses c any more. */
static void drop(struct xen_mem *x, struct xen_chunk *c)
{
	if (!c->stale) {
		unhash(x, c);
	}
	unlist(x, c);
	xen_unmap(x, c->va, XEN_CHUNK_PAGES, false);
	c->va = NULL;
	c->next = x->free;
	x->free = c;
}

static struct xen_chunk *slot(struct xen_mem *x)
{
	struct xen_chunk *c;

	for (c = x->oldest; !x->free && c; c = c->newer) {
		if (c->users == 0) {
			drop(x, c);
			break;
		}
	}
	c = x->free;
	if (c) {
		x->free = c->next;
	}
	return c;
}

/* returns: NULL: no slot, or Xen refuses */
static struct xen_chunk *map(struct xen_mem *x, uint64_t gfn)
{
	struct xen_chunk *c = slot(x);
	uint8_t *va;

	if (!c) {
		return NULL;
	}
	for (uint32_t i = 0; i < XEN_CHUNK_PAGES; i++) {
		x->gfn[i] = (xen_pfn_t)(gfn + i);
	}
	va = xen_map_foreign(x, XEN_CHUNK_PAGES);
	if (!va) {
		c->next = x->free;
		x->free = c;
		return NULL;
	}
	*c = (struct xen_chunk){ .gfn = gfn, .va = va };
	for (uint32_t i = 0; i < XEN_CHUNK_PAGES; i++) {
		c->hole |= (uint64_t)(x->err[i] != 0) << i;
	}
	c->next = *bucket(x, gfn);
	*bucket(x, gfn) = c;
	list(x, c);
	return c;
}

struct xen_chunk *xen_chunk_get(struct xen_mem *x, uint64_t gfn, uint64_t pages)
{
	struct xen_chunk *c = *bucket(x, gfn);

	while (c && c->gfn != gfn) {
		c = c->next;
	}
	if (c && (c->hole & pages) != 0 && c->users == 0) {
		drop(x, c);
		c = NULL;
	}
	if (!c) {
		c = map(x, gfn);
	}
	if (!c || (c->hole & pages) != 0) {
		return NULL;
	}
	if (x->newest != c) {
		unlist(x, c);
		list(x, c);
	}
	c->used = true;
	return c;
}

void xen_chunk_put(struct xen_mem *x, struct xen_chunk *c)
{
	c->users--;
	if (c->users == 0 && c->stale) {
		drop(x, c);
	}
}

bool xen_chunk_init(struct xen_mem *x)
{
	uint32_t n = x->cfg.chunks;

	x->chunk = calloc(n ? n : 1, sizeof(*x->chunk));
	for (uint32_t i = n; x->chunk && i-- > 0;) {
		x->chunk[i].next = x->free;
		x->free = &x->chunk[i];
	}
	return x->chunk != NULL;
}

void xen_chunk_fini(struct xen_mem *x)
{
	while (x->oldest) {
		drop(x, x->oldest);
	}
	free(x->chunk);
}

void xen_mem_forget(struct xen_mem *x)
{
	struct xen_chunk *newer;

	for (struct xen_chunk *c = x->oldest; c; c = newer) {
		newer = c->newer;
		if (c->users == 0) {
			drop(x, c);
		} else if (!c->stale) {
			unhash(x, c);
			c->stale = true;
		}
	}
}

bool xen_mem_trim(struct xen_mem *x)
{
	struct xen_chunk *newer;
	bool again = false;

	for (struct xen_chunk *c = x->oldest; c; c = newer) {
		newer = c->newer;
		if (c->users == 0 && !c->used) {
			drop(x, c);
			continue;
		}
		again = again || c->users == 0;
		c->used = false;
	}
	return again;
}
