/* SPDX-License-Identifier: BSD-3-Clause */
/* ring.h - private to core/: what split.c and packed.c provide to vq.c, and what they share */
#ifndef VIO_CORE_RING_H
#define VIO_CORE_RING_H

#include <string.h>
#include "vio/dev.h"
#include "vio/spec/ring.h"

#ifndef VIO_STEP
#define VIO_STEP()                                                                                 \
	((void)0) /* the crash test stops the world here, after each store to shared memory */
#endif

/*
 * One ring format. A queue runs in one of two gears, chosen when it is enabled and when its memory changes:
 *
 * quick: memory with a map and nothing switched on. pop_map and done_map are leaf functions for the good case;
 *        anything unusual drops what it holds (nothing is consumed yet) and ends in vio_pop_full. done_map writes
 *        the used element at once, invisible to the driver until `show`.
 * full:  any memory kind, in-flight tracking, dirty log, IN_ORDER. fetch, acquire, take; done requests wait at
 *        q->last until the end of the turn. With VIO_CFG_QUICK 0 it is the only one.
 */
struct vio_ring_ops {
	uint32_t area_len[3][2]; /* bytes = [0] + size * [1] of descriptor, driver, device area */
	uint8_t area_rd;	 /* how many areas the device only reads; they come first */
#if VIO_CFG_QUICK
	struct vio_req *(*pop_map)(struct vio_vq *q);
	void (*done_map)(struct vio_req *r, uint32_t data);
#endif
	/* fill r without consuming. returns: 1 | 0 nothing there | VIO_E_RING, VIO_E_ADDR, VIO_E_AGAIN */
	int (*fetch)(struct vio_vq *q, struct vio_req *r);
	void (*take)(struct vio_vq *q, struct vio_req *r); /* consume what fetch found */
	void (*give)(struct vio_vq *q,
		     const struct vio_req *r); /* write r's used element, not visible yet */
	bool (*show)(
		struct vio_vq *q); /* make all given elements visible; false: there were none */
	bool (*want)(
		struct vio_vq *q); /* after show and a full fence: does the driver want a signal */
	bool (*arm)(struct vio_vq *q);
	void (*mute)(struct vio_vq *q); /* kicks are not needed while the queue runs */
	void (*start)(struct vio_vq *q, const struct vio_vq_state *s, bool resumed);
	void (*save)(const struct vio_vq *q, struct vio_vq_state *s);
#if VIO_CFG_TRACK
	/* in-flight region (inflight.c): tracked forms of fetch, take, publish */
	int (*track_start)(struct vio_vq *q);
	int (*track_fetch)(struct vio_vq *q, struct vio_req *r); /* entry r->track, again */
	void (*track_publish)(struct vio_vq *q);		 /* all that is done */
#endif
};

extern const struct vio_ring_ops vio_ring_split;
extern const struct vio_ring_ops vio_ring_packed;

VIO_INLINE const struct vio_ring_ops *ring_of(const struct vio_vq *q)
{
#if VIO_CFG_PACKED
	return q->ring;
#else
	(void)q;
	return &vio_ring_split;
#endif
}

VIO_INLINE bool ring_packed(const struct vio_vq *q)
{
	return ring_of(q) != &vio_ring_split;
}

/* A tracked queue. */
VIO_INLINE bool tracked(const struct vio_vq *q)
{
#if VIO_CFG_TRACK
	return q->track != NULL;
#else
	(void)q;
	return false;
#endif
}

/* A descriptor, copied once: after this the guest's words are not looked at again. */
struct desc {
	uint64_t addr;
	uint64_t rest; /* len | split: flags << 32 | next << 48; packed: id << 32 | flags << 48 */
};

VIO_INLINE uint32_t d_len(struct desc d)
{
	return (uint32_t)d.rest;
}
VIO_INLINE uint32_t d_w0(struct desc d)
{
	return (uint32_t)(d.rest >> 32) & 0xffffu;
}
VIO_INLINE uint32_t d_w1(struct desc d)
{
	return (uint32_t)(d.rest >> 48);
}

/* p: aligned to 8. acquire: the second half is loaded first, and with acquire (packed: it holds the flags). */
VIO_INLINE struct desc desc_get(const uint8_t *p, bool acquire)
{
	struct desc d;
#if UINTPTR_MAX > 0xffffffffu
	d.rest = acquire ? vio_get64_acq(p + 8) : vio_get64(p + 8);
	d.addr = vio_get64(p);
#else
	uint32_t hi = acquire ? vio_get32_acq(p + 12) : vio_get32(p + 12);

	d.rest = ((uint64_t)hi << 32) | vio_get32(p + 8);
	d.addr = ((uint64_t)vio_get32(p + 4) << 32) | vio_get32(p);
#endif
	return d;
}

VIO_INLINE struct vio_req *req_at(const struct vio_vq *q, uint16_t i)
{
	return (struct vio_req *)(void *)(q->req + ((size_t)i * q->stride));
}

VIO_INLINE void req_own(struct vio_vq *q, struct vio_req *r)
{
	q->free = r->next;
	r->state = VIO_REQ_OWNED;
	r->nw = 0u;
	r->again = false;
	r->pad = 0u;
}

VIO_INLINE void req_free(struct vio_vq *q, struct vio_req *r)
{
	r->state = VIO_REQ_FREE;
	r->next = q->free;
	q->free = r;
}

/* Requests at q->last that are done, in the order in which the driver sees them. An owned one (IN_ORDER) ends them. */
VIO_INLINE struct vio_req *done_at(struct vio_req *r)
{
	return (r->state == VIO_REQ_DONE) ? r : NULL;
}

VIO_INLINE struct vio_req *done_first(const struct vio_vq *q)
{
	return (q->last != NULL) ? done_at(q->last->next) : NULL;
}

VIO_INLINE struct vio_req *done_next(const struct vio_vq *q, const struct vio_req *r)
{
	return (r != q->last) ? done_at(r->next) : NULL;
}

#if VIO_CFG_QUICK
/* One segment of the quick path. false: ask the full one. sum: bytes of this direction so far. */
VIO_INLINE bool seg_put(struct vio_seg *s, const struct vio_map *m, const struct desc *d,
			uint32_t *sum)
{
	uint8_t *p;

	if (!VIO_LIKELY(vio_map_at(m, d->addr, d_len(*d), &p))) {
		return false;
	}
	s->addr = d->addr;
	s->p = p;
	s->len = d_len(*d);
	return VIO_LIKELY(!VIO_ADD_CARRIES(*sum, d_len(*d), sum));
}

/* An indirect table that lies in one region. */
VIO_INLINE bool table_at(const struct vio_vq *q, const struct desc *d, uint8_t **p)
{
	uint32_t len = d_len(*d);

	return q->indirect && ((len % VIO_DESC_BYTES) == 0u) &&
	       ((len / VIO_DESC_BYTES) <= q->size) && ((d->addr & 7u) == 0u) &&
	       vio_map_at(q->map, d->addr, len, p);
}
#endif

/* collect.c: the full walk, both formats */
int vio_collect_add(struct vio_req *r, uint64_t addr, uint32_t len, uint32_t flags);
int vio_collect_split(struct vio_vq *q, struct vio_req *r, uint16_t head);
int vio_collect_indirect(struct vio_vq *q, struct vio_req *r, struct desc d, bool packed);

/* gear.c */
struct vio_req *vio_pop_none(struct vio_vq *q);
struct vio_req *vio_pop_full(struct vio_vq *q);
void vio_done_full(struct vio_req *r, uint32_t data);
void vio_vq_gear(struct vio_vq *q); /* choose pop and done anew; not between a pop and its return */
void vio_vq_hold(struct vio_vq *q); /* owned requests of the quick gear become counted ones */

void vio_vq_publish(struct vio_vq *q); /* write and show what is done */
void vio_vq_room(struct vio_vq *q); /* the same inside a turn, which pays for it with its budget */
/* returns: the turn may go on; false: the budget is spent, and nothing is popped until the next turn */
bool vio_vq_funded(struct vio_vq *q);
/* Does the driver want a signal for what was shown since the last time? `want` looks back one round at most. */
void vio_vq_decide(struct vio_vq *q);

static inline bool vio_vq_failed(const struct vio_vq *q)
{
	return (__atomic_load_n(&q->dev->status, __ATOMIC_RELAXED) & VIO_S_NEEDS_RESET) != 0u;
}

/* req.c: what the driver is told for r, when `data` bytes from the start came from a host */
uint32_t vio_req_total(struct vio_req *r, uint32_t data);

/* inflight.c */
#if VIO_CFG_TRACK
int vio_track_next(struct vio_vq *q,
		   struct vio_req *r); /* fetch the next one to replay; as ops->fetch */
bool vio_track_busy(const struct vio_vq *q, uint16_t head); /* split: head is in flight already */
void vio_track_take_split(struct vio_vq *q, const struct vio_req *r);
int vio_track_start_split(struct vio_vq *q);
void vio_track_publish_split(struct vio_vq *q);
/* packed: save descriptors of a chain past the free head, uncommitted: *at = vio_track_free(), then one by one */
uint16_t vio_track_free(const struct vio_vq *q);
bool vio_track_note(struct vio_vq *q, uint16_t *at,
		    struct desc d); /* false: more in flight than the ring has */
void vio_track_take_packed(struct vio_vq *q, struct vio_req *r);
int vio_track_start_packed(struct vio_vq *q);
int vio_track_fetch_packed(struct vio_vq *q, struct vio_req *r);
void vio_track_publish_packed(struct vio_vq *q);
#endif

/* log `len` ring bytes at `off` of the logged area */
void vio_log_ring(const struct vio_vq *q, uint64_t off, uint32_t len);

#endif
