/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mem.h - waist 1 of 5: guest memory
 *
 * Two verbs, one call per request: acquire makes guest bytes reachable, release gives them back. Acquire may
 * fail, and may say "not now" with nothing consumed. The verbs are called by core/ only; a device model never
 * sees this interface, a port chooses the kind (core/mem_*.c, port/...).
 *
 * Threads: one struct vio_mem belongs to one executor. Several may share one read-only region table.
 */
#ifndef VIO_MEM_H
#define VIO_MEM_H

#include "base.h"

struct vio_mem;
struct vio_vq;

/* One run of guest bytes. */
struct vio_seg {
	uint64_t
		addr; /* as the driver wrote it: physical address, IOVA, grant and offset, window offset */
	uint8_t *
		p; /* the same byte here, between acquire and release; congruent to addr modulo 16 */
	uint32_t len; /* bytes, > 0 */
	uint32_t tag; /* private to the memory kind */
};
#define VIO_SEG_TAG_LOST 0xfffffffeu

/* A list in a caller-owned array: seg[0..n_out) is readable by the device, the n_in behind are writable. */
struct vio_sgl {
	struct vio_seg *seg;
	uint16_t cap;
	uint16_t n_out;
	uint16_t n_in;
	bool ring; /* a ring area or an indirect table: never a copy, the other side reads and writes it too */
	uint8_t era; /* private to vio_mem_acquire, vio_mem_release */
};

/* Bytes [off, off + len) of the writable part of a request that were really written. */
struct vio_ext {
	uint32_t off, len;
};

/* A memory kind. All calls come from the executor of the vio_mem; none may block. */
struct vio_mem_ops {
	/*
	 * acquire - make every byte of `l` reachable, all or nothing
	 * May split a segment while n_out + n_in <= cap; may rewrite addr of the segments.
	 * returns: VIO_OK | VIO_E_ADDR guest's fault | VIO_E_AGAIN nothing held; the kind later makes the port
	 * run the queues of this memory again (IOTLB update), or a release does
	 */
	int (*acquire)(struct vio_mem *m, struct vio_sgl *l);
	/*
	 * release - give it back; cannot fail
	 * w[0..nw): what was written, ascending, disjoint, within the writable part. The kind unmaps, cleans
	 * caches, copies a bounce buffer back, marks dirty pages: exactly those bytes and no others.
	 * l: as acquire left it; of ring areas, which a queue keeps for long, p and len only: addr is the driver's
	 * and tag VIO_SEG_TAG_LOST.
	 */
	void (*release)(struct vio_mem *m, struct vio_sgl *l, const struct vio_ext *w, uint16_t nw);
	/*
	 * dirty - the device wrote ring bytes; called after the write. NULL: this kind is never logged
	 * addr: log address as given to vio_vq_log, len: bytes
	 */
	void (*dirty)(struct vio_mem *m, uint64_t addr, uint32_t len);
};

/* One run of guest memory that is always reachable. len > 0, gpa + len does not wrap. */
struct vio_region {
	uint64_t gpa;
	uint64_t len; /* bytes */
	uint8_t *hva; /* congruent to gpa modulo 16 */
};

#ifndef VIO_MAP_BUCKETS
#define VIO_MAP_BUCKETS 512u /* one pointer each, a power of two; firmware with one window: 1 */
#endif

/*
 * Region table with a direct index: bucket[(addr >> shift) % VIO_MAP_BUCKETS] is a guess that is always
 * checked. A wrong guess (gap, edge inside a bucket) costs a binary search, never an answer.
 */
struct vio_map {
	uint32_t shift;
	uint16_t n;
	const struct vio_region *r; /* n of them, the caller's, ascending, disjoint */
	const struct vio_region *bucket[VIO_MAP_BUCKETS]; /* never NULL */
};

/* First member of each kind's own struct. */
struct vio_mem {
	const struct vio_mem_ops *ops;
	const struct vio_map *
		map; /* not NULL: every byte in it is always mapped, the core may translate itself */
	struct vio_vq *queues; /* enabled queues on this memory, linked by the core */
	uint32_t held[2];      /* acquired lists not yet released, by era */
	uint32_t epoch;	       /* counts vio_mem_change */
	uint32_t bytes_max;    /* most bytes of one request; a device offers no more */
	uint16_t seg_max; /* most segments of one request; a device offers no more (blk seg_max) */
	bool wants_release; /* release has work to do: unmap, cache, bounce, dirty log */
	bool starved,
		wake; /* an acquire said AGAIN; since then something was released: the core wakes queues */
};

/* vio_mem_acquire, vio_mem_release - the counted forms; also for guest memory outside a request */
int vio_mem_acquire(struct vio_mem *m, struct vio_sgl *l);
void vio_mem_release(struct vio_mem *m, struct vio_sgl *l, const struct vio_ext *w, uint16_t nw);

/*
 * vio_mem_change - translations were removed or replaced (memory table, IOTLB invalidation, log on or off)
 *
 * Order for a port: vio_mem_change(); then change the table behind it and vio_mem_set_map(); then run a turn
 * of each queue on `m`, so that ring areas move; when vio_mem_drained(), the old memory may be unmapped and
 * the peer answered. What is acquired from now on uses the new translation, what is held keeps the old.
 * returns: VIO_OK | VIO_PENDING an earlier change is not drained; nothing done, run turns and call again
 * context: the executor of `m`, not inside a turn
 */
int vio_mem_change(struct vio_mem *m);
bool vio_mem_drained(const struct vio_mem *m);

/*
 * vio_mem_shift - m->map or m->wants_release was set to another value: choose anew how the queues on `m` run
 * context: as vio_mem_change, and after it
 */
void vio_mem_shift(struct vio_mem *m);

/*
 * vio_map_init - fill a table
 * r: n regions, ascending; kept, not copied
 * returns: VIO_OK | VIO_E_ARG none, not ascending, overlapping, wrapping, empty, or hva and gpa not congruent
 */
int vio_map_init(struct vio_map *map, const struct vio_region *r, uint16_t n);

/* vio_map_find - the region of addr, or NULL; log2(n) steps */
const struct vio_region *vio_map_find(const struct vio_map *map, uint64_t addr);

/*
 * vio_map_at - the quick answer: all of [addr, addr + len) in the guessed region
 * returns: true and *p | false "look slowly", not "refused"; len 0 answers false
 */
VIO_INLINE bool vio_map_at(const struct vio_map *map, uint64_t addr, uint32_t len, uint8_t **p)
{
	const struct vio_region *r = map->bucket[(addr >> map->shift) & (VIO_MAP_BUCKETS - 1u)];
	uint64_t off = addr - r->gpa, left;

	if (VIO_SUB_BORROWS(r->len, off, &left) || (((uint64_t)len - 1u) >= left)) {
		return false; /* left may be 0 */
	}
	*p = r->hva + off;
	return true;
}

/* ---- the kinds of core/ ---- */

/*
 * Dirty log in the vhost layout: one bit a 4 KiB page from address 0, shared with the front-end.
 * bits: NULL = off. source: vhost-user, "Migration"
 */
struct vio_log {
	uint8_t *bits;
	uint64_t bytes;
};
void vio_log_mark(const struct vio_log *log, uint64_t addr, uint64_t len);

/* full: any number of regions, always mapped; buffers may cross from one to the next. Also bare metal. */
struct vio_mem_full {
	struct vio_mem m;
	struct vio_map map;
	struct vio_log log;
	const struct vio_region *
		log_r; /* logging by another address: region i of the table is logged at log_r[i].gpa */
};
/* vio_mem_full_init - returns: as vio_map_init */
int vio_mem_full_init(struct vio_mem_full *f, const struct vio_region *r, uint16_t n);
/* vio_mem_full_swap - another table, between vio_mem_change and the next turn; returns: as vio_map_init */
int vio_mem_full_swap(struct vio_mem_full *f, const struct vio_region *r, uint16_t n);
/* vio_mem_full_log - log on (bits not NULL) or off; to be called after vio_mem_change */
void vio_mem_full_log(struct vio_mem_full *f, const struct vio_log *log,
		      const struct vio_region *log_r);

/* window: one pre-shared region of fixed size. An address outside is the guest's fault. */
struct vio_mem_window {
	struct vio_mem m;
	struct vio_map map;
	struct vio_region r;
	uint64_t outside; /* the first segment that was refused, for a log; valid when `refused` */
	uint32_t outside_len; /* bytes */
	bool refused;	      /* may be set to false by whoever read it */
};
/* vio_mem_window_init - base: address the driver uses for p[0]; returns: VIO_OK | VIO_E_ARG */
int vio_mem_window_init(struct vio_mem_window *w, uint64_t base, void *p, uint64_t len);
/* vio_mem_window_swap - another place, between vio_mem_change and the next turn; returns: as vio_map_init */
int vio_mem_window_swap(struct vio_mem_window *w, uint64_t base, void *p, uint64_t len);

/*
 * bounce: requests are copied, in acquire and in release, so the guest cannot change a byte under the device.
 * For parsers of guest data. Ring areas and indirect tables stay direct (vio_sgl.ring).
 */
#define VIO_BOUNCE_OVERHEAD 46u /* bytes */
struct vio_mem_bounce {
	struct vio_mem m;
	struct vio_mem *inner; /* where the guest's bytes are; a kind with a map */
	uint8_t *buf;	       /* caller's, aligned to 16 */
	uint32_t
		slot_bytes; /* a multiple of 16; one request with VIO_BOUNCE_OVERHEAD for each segment */
	uint16_t nslot; /* at most 64 */
	uint64_t busy;	/* bit i: slot i is in use */
};
/* vio_mem_bounce_init - buf: nslot * slot_bytes bytes; returns: VIO_OK | VIO_E_ARG sizes, or inner has no map */
int vio_mem_bounce_init(struct vio_mem_bounce *b, struct vio_mem *inner, void *buf,
			uint32_t slot_bytes, uint16_t nslot);

/* iommu: a look-aside table (IOTLB) over another kind. A miss asks the port and answers VIO_E_AGAIN. */
#define VIO_PERM_R 1u /* the device may read */
#define VIO_PERM_W 2u
struct vio_tlb {
	uint64_t iova, len, to; /* len 0: free; to: address in the inner kind */
	uint64_t grain;		/* joined from updates of so many bytes each; 0: never joined */
	uint8_t perm;
};
struct vio_mem_iommu {
	struct vio_mem m;
	struct vio_mem *inner;
	struct vio_tlb *tlb; /* n of them, the caller's */
	uint16_t n,
		hand; /* hand: next to evict. n: at least twice the segments of a request, and its rings */
	uint16_t last; /* entry that answered last */
	void (*miss)(void *port, uint64_t iova,
		     uint8_t perm); /* may only note it and wake the port */
	void *port;
	uint64_t want; /* address of the miss that is asked for */
	uint8_t want_perm;
	bool waiting, refused;
	/*
	 * The port's: a translation serves one request and is asked for again, for peers that may not invalidate all.
	 * Ring areas and what is held keep theirs: the driver keeps those mapped as well.
	 */
	bool once;
};
void vio_mem_iommu_init(struct vio_mem_iommu *m, struct vio_mem *inner, struct vio_tlb *tlb,
			uint16_t n, void (*miss)(void *port, uint64_t iova, uint8_t perm),
			void *port);
/*
 * vio_mem_iommu_update - a translation arrived; then run the queues. Replaces entries that it overlaps.
 * returns: VIO_OK | VIO_E_ARG len 0, wrapping, or iova and to not congruent modulo 16
 */
int vio_mem_iommu_update(struct vio_mem_iommu *m, uint64_t iova, uint64_t len, uint64_t to,
			 uint8_t perm);
/* vio_mem_iommu_refuse - the peer has no translation for the miss asked for: guest's fault, then run the queues */
void vio_mem_iommu_refuse(struct vio_mem_iommu *m);
/* vio_mem_iommu_invalidate - as vio_mem_change, for [iova, iova + len), cut off at the end of the address space */
int vio_mem_iommu_invalidate(struct vio_mem_iommu *m, uint64_t iova, uint64_t len);

#endif
