/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * packed.c - packed virtqueues, device side (virtio 1.3, 2.8)
 *
 * Positions are < size. The wrap counters are kept as the flag pair to compare with or to write: avail_mark is what
 * an available descriptor carries at `avail`, used_mark what a used one gets at `used`.
 *
 * Used elements of a turn are written in order but the flags of the first one last (`hold`): the driver looks at
 * nothing behind it, so one store makes the whole turn visible. A turn of the quick gear passes the end of the ring
 * at most once more than it must: after two laps it stops (q->more) and goes on in the next turn.
 */
#include "ring.h"

#if VIO_CFG_PACKED

#define BOTH (VIO_DESC_F_AVAIL | VIO_DESC_F_USED)

VIO_INLINE uint8_t *slot(const struct vio_vq *q, uint32_t i)
{
	return q->desc + (size_t)i * VIO_DESC_BYTES;
}

static VIO_COLD void packed_lap(struct vio_vq *q, uint32_t i)
{
	q->avail = (uint16_t)(i - q->size);
	q->avail_mark ^= BOTH;
	q->laps++;
	if (q->laps > 1u) {
		q->pop = vio_pop_none;
		q->more = true;
		q->dry = false;
	}
}

VIO_INLINE void consume(struct vio_vq *q, uint32_t n)
{
	uint32_t i = (uint32_t)q->avail + n;

	if (i >= q->size) {
		packed_lap(q, i);
	} else {
		q->avail = (uint16_t)i;
	}
}

static int packed_fetch(struct vio_vq *q, struct vio_req *r)
{
	uint32_t i = q->avail, n = 0u, mark = q->avail_mark;
	bool more;
	int rc;
#if VIO_CFG_TRACK
	uint16_t at = tracked(q) ? vio_track_free(q) : 0u;
#endif

	do {
		struct desc d = desc_get(slot(q, i), true); /* w0: id, w1: flags */

		if (((d_w1(d) ^ mark) & BOTH) != 0u) {
			return (n == 0u) ? 0 : VIO_E_RING;
		}
		r->id = (uint16_t)d_w0(d);
		more = (d_w1(d) & VIO_DESC_F_NEXT) != 0u;
		if ((d_w1(d) & VIO_DESC_F_INDIRECT) != 0u) {
			rc = (n == 0u) ? vio_collect_indirect(q, r, d, true) : VIO_E_RING;
		} else {
			rc = vio_collect_add(r, d.addr, d_len(d), d_w1(d));
		}
#if VIO_CFG_TRACK
		if (tracked(q) && !vio_track_note(q, &at, d)) {
			rc = VIO_E_RING;
		}
#endif
		n++;
		if (more && (n == q->size)) {
			rc = VIO_E_RING;
		}
		i++;
		if (i == q->size) {
			i = 0u;
			mark ^= BOTH;
		}
	} while ((rc == VIO_OK) && more);
	r->slots = (uint16_t)n;
	return (rc == VIO_OK) ? 1 : rc;
}

static void packed_take(struct vio_vq *q, struct vio_req *r)
{
#if VIO_CFG_TRACK
	if (tracked(q)) {
		vio_track_take_packed(q, r);
	}
#endif
	consume(q, r->slots);
}

/* wrote: anything at all, also where it does not count because it does not begin at the start */
VIO_INLINE void packed_put(struct vio_vq *q, const struct vio_req *r, uint32_t len, bool wrote)
{
	uint8_t *p = slot(q, q->used);
	uint16_t fl = (uint16_t)(q->used_mark | (wrote ? VIO_DESC_F_WRITE : 0u));
	uint32_t n = (uint32_t)q->used + r->slots;

	vio_put32(p + 8, len);
	VIO_STEP();
	if (q->hold) {
		vio_put32_rel(p + 12, ((uint32_t)fl << 16) | r->id);
	} else {
		q->hold = true;
		q->hold_at = q->used;
		q->hold_flags = fl;
		vio_put16(p + 12, r->id);
	}
	VIO_STEP();
	if (n >= q->size) {
		n -= q->size;
		q->used_mark ^= BOTH;
	}
	q->used = (uint16_t)n;
}

static void packed_give(struct vio_vq *q, const struct vio_req *r)
{
	packed_put(q, r, r->len, r->nw != 0u);
}

static bool packed_show(struct vio_vq *q)
{
	if (!q->hold) {
		return false;
	}
	vio_put16_rel(slot(q, q->hold_at) + 14, q->hold_flags);
	VIO_STEP();
	q->hold = false;
	q->shown = q->used;
	if (q->log != NULL) { /* which slots of the run were written is not kept: mark all of it */
		uint32_t end = (q->used > q->hold_at) ? q->used : q->size;

		vio_log_ring(q, (uint64_t)q->hold_at * VIO_DESC_BYTES,
			     (end - q->hold_at) * VIO_DESC_BYTES);
		if (q->used <= q->hold_at) {
			vio_log_ring(q, 0u, (uint32_t)q->used * VIO_DESC_BYTES);
		}
	}
	return true;
}

static bool packed_want(struct vio_vq *q)
{
	uint32_t word =
		vio_get32(q->driver); /* off_wrap, flags: one load, so they belong together */
	uint16_t fl = (uint16_t)((word >> 16) & 3u), ev = (uint16_t)(word & 0x7fffu);
	uint16_t old = q->signalled;
	bool wrap = (word & 0x8000u) != 0u, lap = q->signalled_mark != q->used_mark;

	q->signalled = q->used;
	q->signalled_mark = q->used_mark;
	if ((fl != VIO_EVENT_DESC) || !q->event_idx) {
		return fl != VIO_EVENT_DISABLE;
	}
	if (wrap != (q->used_mark != 0u)) {
		ev = (uint16_t)(ev - q->size);
	}
	if (lap) {
		old = (uint16_t)(old - q->size);
	}
	return (uint16_t)(q->used - ev - 1u) < (uint16_t)(q->used - old);
}

static bool packed_arm(struct vio_vq *q)
{
	uint32_t word = VIO_EVENT_ENABLE << 16;

	if (q->event_idx) {
		word = (VIO_EVENT_DESC << 16) | q->avail |
		       ((q->avail_mark == VIO_DESC_F_AVAIL) ? 0x8000u : 0u);
	}
	vio_put32(q->device, word);
	vio_fence();
	return ((vio_get16_acq(slot(q, q->avail) + 14) ^ q->avail_mark) & BOTH) == 0u;
}

static void packed_mute(struct vio_vq *q)
{
	if (!q->event_idx) {
		vio_put32(q->device, VIO_EVENT_DISABLE << 16);
	}
}

static void packed_start(struct vio_vq *q, const struct vio_vq_state *s, bool resumed)
{
	(void)resumed;
	q->avail = s->avail;
	q->avail_mark = s->avail_wrap ? VIO_DESC_F_AVAIL : VIO_DESC_F_USED;
	q->used = s->used;
	q->used_mark = s->used_wrap ? BOTH : 0u;
	q->shown = q->used;
	q->signalled = q->used;
	q->signalled_mark = q->used_mark;
	q->hold = false;
}

static void packed_save(const struct vio_vq *q, struct vio_vq_state *s)
{
	*s = (struct vio_vq_state){ .avail = q->avail,
				    .used = q->used,
				    .avail_wrap = q->avail_mark == VIO_DESC_F_AVAIL,
				    .used_wrap = q->used_mark != 0u };
}

/* ---- the quick gear ---- */

#if VIO_CFG_QUICK
static void packed_done_map(struct vio_req *r, uint32_t data)
{
	struct vio_vq *q = r->vq;

	if (!VIO_LIKELY((r->state == VIO_REQ_OWNED) && (r->nw == 0u))) {
		vio_done_full(r, data); /* the last call, so this stays a leaf */
		return;
	}
	packed_put(q, r, data, data != 0u);
	req_free(q, r);
}

static __attribute__((noinline)) struct vio_req *packed_pop_table(struct vio_vq *q,
								  struct vio_req *r, struct desc d)
{
	struct vio_seg *s = r->sgl.seg;
	uint32_t n = d_len(d) / VIO_DESC_BYTES, sum = 0u, max = n;
	struct desc t;
	uint8_t *p;

	r->id = (uint16_t)d_w0(d);
	if (((d_w1(d) & VIO_DESC_F_NEXT) != 0u) || (n > q->nfast) || !table_at(q, &d, &p)) {
		return vio_pop_full(q);
	}
	t = desc_get(p, false);
	while ((n > 0u) && ((d_w1(t) & (VIO_DESC_F_WRITE | VIO_DESC_F_INDIRECT)) == 0u)) {
		if (!seg_put(s, q->map, &t, &sum)) {
			return vio_pop_full(q);
		}
		s++;
		n--;
		p += VIO_DESC_BYTES;
		if (n > 0u) {
			t = desc_get(p, false);
		}
	}
	r->sgl.n_out = (uint16_t)(max - n);
	r->out_len = sum;
	r->sgl.n_in = (uint16_t)n;
	sum = 0u;
	while (n > 0u) {
		if (((d_w1(t) & (VIO_DESC_F_WRITE | VIO_DESC_F_INDIRECT)) != VIO_DESC_F_WRITE) ||
		    !seg_put(s, q->map, &t, &sum)) {
			return vio_pop_full(q);
		}
		s++;
		n--;
		p += VIO_DESC_BYTES;
		if (n > 0u) {
			t = desc_get(p, false);
		}
	}
	r->in_len = sum;
	r->slots = 1u;
	req_own(q, r);
	consume(q, 1u);
	return r;
}

static struct vio_req *packed_pop_map(struct vio_vq *q)
{
	struct vio_req *r = q->free;
	const struct vio_map *m = q->map;
	const uint8_t *p = slot(q, q->avail), *end = q->desc_end;
	uint32_t left, mark = q->avail_mark, sum = 0u, n;
	struct vio_seg *s;
	struct desc d;

	if (r == NULL) {
		return vio_pop_full(q);
	}
	d = desc_get(p, true);
	if (((d_w1(d) ^ mark) & BOTH) != 0u) {
		q->dry = true;
		return NULL;
	}
	if ((d_w1(d) & VIO_DESC_F_INDIRECT) != 0u) {
		return packed_pop_table(q, r, d);
	}
	s = r->sgl.seg;
	left = (uint32_t)q->nfast - 1u; /* after d */
	while (((d_w1(d) ^ mark) & (BOTH | VIO_DESC_F_WRITE | VIO_DESC_F_INDIRECT)) == 0u) {
		if (!seg_put(s, m, &d, &sum)) {
			return vio_pop_full(q);
		}
		s++;
		p += VIO_DESC_BYTES;
		if (p == end) {
			p = q->desc;
			mark ^= BOTH;
		}
		if ((d_w1(d) & VIO_DESC_F_NEXT) == 0u) {
			n = (uint32_t)q->nfast - left;
			r->sgl.n_out = (uint16_t)n;
			r->sgl.n_in = 0u;
			r->out_len = sum;
			r->in_len = 0u;
			goto whole;
		}
		if (VIO_SUB_BORROWS(left, 1u, &left)) {
			return vio_pop_full(q);
		}
		d = desc_get(p, true);
	}
	n = (uint32_t)q->nfast - left - 1u;
	r->sgl.n_out = (uint16_t)n;
	r->out_len = sum;
	sum = 0u;
	while (((d_w1(d) ^ mark) & (BOTH | VIO_DESC_F_WRITE | VIO_DESC_F_INDIRECT)) ==
	       VIO_DESC_F_WRITE) {
		if (!seg_put(s, m, &d, &sum)) {
			return vio_pop_full(q);
		}
		s++;
		p += VIO_DESC_BYTES;
		if (p == end) {
			p = q->desc;
			mark ^= BOTH;
		}
		if ((d_w1(d) & VIO_DESC_F_NEXT) == 0u) {
			n = (uint32_t)q->nfast - left;
			r->sgl.n_in = (uint16_t)(n - r->sgl.n_out);
			r->in_len = sum;
			goto whole;
		}
		if (VIO_SUB_BORROWS(left, 1u, &left)) {
			return vio_pop_full(q);
		}
		d = desc_get(p, true);
	}
	return vio_pop_full(q);
whole:
	r->id = (uint16_t)d_w0(d);
	r->slots = (uint16_t)n;
	req_own(q, r);
	consume(q, n);
	return r;
}
#endif

const struct vio_ring_ops vio_ring_packed = {
	.area_len = { { 0u, VIO_DESC_BYTES }, { 4u, 0u }, { 4u, 0u } },
	.area_rd = 0u,
#if VIO_CFG_QUICK
	.pop_map = packed_pop_map,
	.done_map = packed_done_map,
#endif
	.fetch = packed_fetch,
	.take = packed_take,
	.give = packed_give,
	.show = packed_show,
	.want = packed_want,
	.arm = packed_arm,
	.mute = packed_mute,
	.start = packed_start,
	.save = packed_save,
#if VIO_CFG_TRACK
	.track_start = vio_track_start_packed,
	.track_fetch = vio_track_fetch_packed,
	.track_publish = vio_track_publish_packed,
#endif
};

#endif
