/* SPDX-License-Identifier: BSD-3-Clause */
/* world.h - guest memory for tests, as each memory kind sees it */
#ifndef TEST_WORLD_H
#define TEST_WORLD_H

#include "test/support/mem_map.h"

#ifndef TEST_XEN
#define TEST_XEN 0 /* meson.build: the Xen port and its model are built */
#endif

#define WORLD_BASE	 0x40000000ull /* of byte 0, but for grants */
#define WORLD_RING	 0x20000u /* bytes from 0: rings and tables, one region in every kind */
#define WORLD_BYTES	 0xe0000u
#define WORLD_PAGE	 4096u
#define WORLD_PAGES	 (WORLD_BYTES / WORLD_PAGE)
#define WORLD_RING_PAGES (WORLD_RING / WORLD_PAGE)
#define WORLD_FAR	 0x7f0000000000ull	      /* addresses of the kind behind the iommu */
#define WORLD_ELSEWHERE	 (WORLD_FAR + 0x100000000ull) /* where a page of the guest can be moved to */
#define WORLD_TLB	 24u
#define WORLD_EDGE	 1040u /* bytes of each small region of "regions" */
#define WORLD_REGIONS	 (1u + (WORLD_BYTES - WORLD_RING + WORLD_EDGE - 1u) / WORLD_EDGE)
#define WORLD_SLOT	 12800u
#define WORLD_SLOTS	 5u

enum world_kind {
	WORLD_FULL,
	WORLD_REGION,
	WORLD_WINDOW,
	WORLD_BOUNCE,
	WORLD_IOMMU,
	WORLD_MAP,
#if TEST_XEN
	WORLD_FOREIGN, /* Xen's, over its model; one world at a time */
	WORLD_CACHED,
	WORLD_GRANTS,
#endif
	WORLD_KINDS
};

struct world {
	enum world_kind kind;
	int fd;
	uint8_t *g;	/* the guest's view */
	uint64_t base;	/* what the driver puts into descriptors for byte 0 */
	uint8_t *alias; /* the same bytes at another address */
	struct vio_mem *mem;
	struct vio_mem_full full;
	struct vio_mem_window window;
	struct vio_mem_bounce bounce;
	struct vio_mem_iommu iommu;
	struct mem_map map;
	struct vio_region region[WORLD_REGIONS];
	struct vio_tlb tlb[WORLD_TLB];
	uint16_t page[WORLD_PAGES]; /* iommu: guest page -> page behind */
	bool moved
		[WORLD_PAGES]; /* iommu: the page lies in alias, not in g; of the ring pages only the first */
	uint64_t missed; /* address of the miss to be answered */
	bool miss;
	uint32_t misses, refusals;
	uint8_t *bounce_buf;
	struct world_xen *xen;
};

extern const char *const world_name[WORLD_KINDS];

bool world_open(struct world *w, enum world_kind kind);
void world_close(struct world *w);
/* Answers a miss; returns: true = there was one, run the queues */
bool world_answer(struct world *w);
/* Where guest page k lies behind the iommu */
uint64_t world_behind(const struct world *w, uint32_t k);
/* Segments or ring areas that are acquired now */
uint32_t world_held(const struct world *w);

/* test/xenmodel/world.c */
bool world_xen_open(struct world *w);
void world_xen_close(struct world *w);
bool world_xen_answer(struct world *w);
uint32_t world_xen_held(const struct world *w);

uint32_t world_random(void); /* the same sequence in every run */

#endif
