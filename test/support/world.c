/* SPDX-License-Identifier: BSD-3-Clause */
/* world.c - guest memory for tests, as each memory kind sees it */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "test/support/world.h"

#if TEST_XEN
#define IS_XEN(w) ((w)->kind >= WORLD_FOREIGN)
#else
#define IS_XEN(w)	  false
#define world_xen_open(w) false
#define world_xen_close(w)
#define world_xen_answer(w) false
#define world_xen_held(w)   0u
#endif

const char *const world_name[WORLD_KINDS] = {
	[WORLD_FULL] = "full",	     [WORLD_REGION] = "regions",
	[WORLD_WINDOW] = "window",   [WORLD_BOUNCE] = "bounce",
	[WORLD_IOMMU] = "iommu",     [WORLD_MAP] = "map",
#if TEST_XEN
	[WORLD_FOREIGN] = "foreign", [WORLD_CACHED] = "foreign, cached",
	[WORLD_GRANTS] = "grants",
#endif
};

uint32_t world_random(void)
{
	static uint64_t s = 88172645463325252ull;

	s ^= s << 13;
	s ^= s >> 7;
	s ^= s << 17;
	return (uint32_t)(s >> 16);
}

/* Neighbours lie in different mappings, so what is contiguous for the guest is not contiguous here. */
static bool open_regions(struct world *w)
{
	uint16_t n = 1u;

	w->region[0] = (struct vio_region){ .gpa = WORLD_BASE, .len = WORLD_RING, .hva = w->g };
	for (uint32_t off = WORLD_RING; off < WORLD_BYTES; off += WORLD_EDGE) {
		uint32_t left = WORLD_BYTES - off;

		w->region[n] = (struct vio_region){ .gpa = WORLD_BASE + off,
						    .len = (left < WORLD_EDGE) ? left : WORLD_EDGE,
						    .hva = ((n & 1u) ? w->alias : w->g) + off };
		n++;
	}
	return vio_mem_full_init(&w->full, w->region, n) == VIO_OK;
}

static void on_miss(void *port, uint64_t iova, uint8_t perm)
{
	struct world *w = port;

	(void)perm;
	w->misses++;
	w->missed = iova;
	w->miss = true;
}

uint64_t world_behind(const struct world *w, uint32_t k)
{
	bool moved = w->moved[(k < WORLD_RING_PAGES) ? 0u : k];

	return (moved ? WORLD_ELSEWHERE : WORLD_FAR) + (uint64_t)w->page[k] * WORLD_PAGE;
}

/* Pages in random order behind the iommu, ring pages where they are. */
static bool open_iommu(struct world *w)
{
	uint32_t n = WORLD_PAGES - WORLD_RING_PAGES + 1u;

	for (uint32_t k = 0u; k < WORLD_PAGES; k++) {
		w->page[k] = (uint16_t)k;
	}
	for (uint32_t k = WORLD_PAGES - 1u; k > WORLD_RING_PAGES; k--) {
		uint32_t j = WORLD_RING_PAGES + world_random() % (k - WORLD_RING_PAGES + 1u);
		uint16_t t = w->page[k];

		w->page[k] = w->page[j];
		w->page[j] = t;
	}
	for (uint32_t i = 0u; i < 2u; i++) { /* all of it twice */
		uint64_t to = (i == 0u) ? WORLD_FAR : WORLD_ELSEWHERE;
		struct vio_region *r = &w->region[i * n];
		uint8_t *p = (i == 0u) ? w->g : w->alias;

		r[0] = (struct vio_region){ .gpa = to, .len = WORLD_RING, .hva = p };
		for (uint32_t k = WORLD_RING_PAGES; k < WORLD_PAGES; k++) {
			r[w->page[k] - WORLD_RING_PAGES + 1u] =
				(struct vio_region){ .gpa = to + (uint64_t)w->page[k] * WORLD_PAGE,
						     .len = WORLD_PAGE,
						     .hva = p + (size_t)k * WORLD_PAGE };
		}
	}
	if (vio_mem_full_init(&w->full, w->region, (uint16_t)(2u * n)) != VIO_OK) {
		return false;
	}
	vio_mem_iommu_init(&w->iommu, &w->full.m, w->tlb, WORLD_TLB, on_miss, w);
	return true;
}

static bool open_kind(struct world *w)
{
	switch (w->kind) {
	case WORLD_FULL:
		w->region[0] =
			(struct vio_region){ .gpa = WORLD_BASE, .len = WORLD_BYTES, .hva = w->g };
		w->mem = &w->full.m;
		return vio_mem_full_init(&w->full, w->region, 1u) == VIO_OK;
	case WORLD_REGION:
		w->mem = &w->full.m;
		return open_regions(w);
	case WORLD_WINDOW:
		w->mem = &w->window.m;
		return vio_mem_window_init(&w->window, WORLD_BASE, w->g, WORLD_BYTES) == VIO_OK;
	case WORLD_BOUNCE:
		w->mem = &w->bounce.m;
		return open_regions(w) &&
		       (vio_mem_bounce_init(&w->bounce, &w->full.m, w->bounce_buf, WORLD_SLOT,
					    WORLD_SLOTS) == VIO_OK);
	case WORLD_IOMMU:
		w->mem = &w->iommu.m;
		return open_iommu(w);
	case WORLD_MAP:
		w->mem = &w->map.m;
		mem_map_init(&w->map, w->fd, WORLD_BASE, WORLD_BYTES, 7u);
		return true;
#if TEST_XEN
	case WORLD_FOREIGN:
	case WORLD_CACHED:
	case WORLD_GRANTS:
#endif
	case WORLD_KINDS:
	default:
		return false;
	}
}

bool world_open(struct world *w, enum world_kind kind)
{
	(void)memset(w, 0, sizeof(*w));
	w->kind = kind;
	w->base = WORLD_BASE;
	if (IS_XEN(w)) {
		return world_xen_open(w);
	}
	w->fd = memfd_create("guest", 0u);
	if ((w->fd < 0) || (ftruncate(w->fd, WORLD_BYTES) != 0)) {
		return false;
	}
	w->g = mmap(NULL, WORLD_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, w->fd, 0);
	w->alias = mmap(NULL, WORLD_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, w->fd, 0);
	w->bounce_buf = aligned_alloc(16u, (size_t)WORLD_SLOT * WORLD_SLOTS);
	return (w->g != MAP_FAILED) && (w->alias != MAP_FAILED) && (w->bounce_buf != NULL) &&
	       open_kind(w);
}

void world_close(struct world *w)
{
	if (IS_XEN(w)) {
		world_xen_close(w);
		return;
	}
	(void)munmap(w->g, WORLD_BYTES);
	(void)munmap(w->alias, WORLD_BYTES);
	free(w->bounce_buf);
	(void)close(w->fd);
}

bool world_answer(struct world *w)
{
	uint64_t k = (w->missed - WORLD_BASE) / WORLD_PAGE, n = 1u;

	if (IS_XEN(w)) {
		return world_xen_answer(w);
	}
	if (!w->miss) {
		return false;
	}
	w->miss = false;
	if ((w->missed < WORLD_BASE) || (k >= WORLD_PAGES)) {
		w->refusals++;
		vio_mem_iommu_refuse(&w->iommu);
		return true;
	}
	if (k < WORLD_RING_PAGES) {
		k = 0u;
		n = WORLD_RING_PAGES;
	}
	(void)vio_mem_iommu_update(&w->iommu, WORLD_BASE + k * WORLD_PAGE, n * WORLD_PAGE,
				   world_behind(w, (uint32_t)k), VIO_PERM_R | VIO_PERM_W);
	return true;
}

uint32_t world_held(const struct world *w)
{
	return w->mem->held[0] + w->mem->held[1] + (IS_XEN(w) ? world_xen_held(w) : w->map.mapped);
}
