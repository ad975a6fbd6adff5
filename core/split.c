/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * split.c - split virtqueues, device side (virtio 1.3, 2.7)
 *
 * Indices run freely over 16 bits: avail is the next entry to take, seen the driver's index when last read, used
 * the next used element to write, shown what the driver was told. `seen - shown <= size` holds for every correct
 * driver, and refusing more bounds a turn of the quick gear: shown does not move inside one.
 */
#include "ring.h"

/* Where index i of the available or used ring lies */
VIO_INLINE size_t wrap(const struct vio_vq *q, uint16_t i)
{
#if VIO_CFG_QUICK
	return i & q->mask;
#else
	return i & (q->size - 1u);
#endif
}

static int split_look(struct vio_vq *q)
{
	uint16_t idx = vio_get16_acq(q->driver + 2);

	if (idx == q->avail) {
		return 0;
	}
	if (((uint16_t)(idx - q->avail) > q->size) || ((uint16_t)(idx - q->shown) > q->size)) {
		return VIO_E_RING;
	}
	q->seen = idx;
	return 1;
}

static int split_fetch(struct vio_vq *q, struct vio_req *r)
{
	int rc = (q->avail == q->seen) ? split_look(q) : 1;

	if (rc != 1) {
		return rc;
	}
	r->id = vio_get16(q->driver + 4 + wrap(q, q->avail) * 2u);
	r->track = r->id;
	r->slots = 1u;
	if (r->id >= q->size) {
		return VIO_E_RING;
	}
#if VIO_CFG_TRACK
	if (tracked(q) && vio_track_busy(q, r->id)) {
		return VIO_E_RING; /* the count at recovery would be wrong */
	}
#endif
	rc = vio_collect_split(q, r, r->id);
	return (rc == VIO_OK) ? 1 : rc;
}

static void split_take(struct vio_vq *q, struct vio_req *r)
{
#if VIO_CFG_TRACK
	if (tracked(q)) {
		vio_track_take_split(q, r);
	}
#else
	(void)r;
#endif
	q->avail++;
}

VIO_INLINE void split_put(struct vio_vq *q, uint16_t id, uint32_t len)
{
	uint8_t *u = q->device + 4 + wrap(q, q->used) * 8u;

	vio_put32(u, id);
	VIO_STEP();
	vio_put32(u + 4, len);
	VIO_STEP();
	q->used++;
}

static void split_give(struct vio_vq *q, const struct vio_req *r)
{
	split_put(q, r->id, r->len);
}

static bool split_show(struct vio_vq *q)
{
	uint16_t n = (uint16_t)(q->used - q->shown);

	if (n == 0u) {
		return false;
	}
	vio_put16_rel(q->device + 2, q->used);
	VIO_STEP();
	if (q->log != NULL) {
		for (uint16_t i = q->shown; i != q->used; i++) {
			vio_log_ring(q, 4u + (uint64_t)wrap(q, i) * 8u, 8u);
		}
		vio_log_ring(q, 2u, 2u);
	}
	q->shown = q->used;
	return true;
}

static bool split_want(struct vio_vq *q)
{
	uint16_t old = q->signalled;

	q->signalled = q->used;
	if (q->event_idx) {
		uint16_t ev = vio_get16(q->driver + 4 + (size_t)q->size * 2u);

		return (uint16_t)(q->used - ev - 1u) < (uint16_t)(q->used - old);
	}
	return (vio_get16(q->driver) & VIO_AVAIL_F_NO_INTERRUPT) == 0u;
}

static bool split_arm(struct vio_vq *q)
{
	uint32_t off = q->event_idx ? (4u + (uint32_t)q->size * 8u) : 0u;

	vio_put16(q->device + off, q->event_idx ? q->avail : 0u);
	vio_log_ring(q, off, 2u);
	vio_fence();
	return vio_get16_acq(q->driver + 2) != q->avail;
}

static void split_mute(struct vio_vq *q)
{
	if (!q->event_idx) { /* an avail_event that stays behind asks for nothing already */
		vio_put16(q->device, VIO_USED_F_NO_NOTIFY);
		vio_log_ring(q, 0u, 2u);
	}
}

static void split_start(struct vio_vq *q, const struct vio_vq_state *s, bool resumed)
{
	q->avail = s->avail;
	q->seen = s->avail;
	q->used = resumed ? vio_get16(q->device + 2)
			  : s->used; /* a resumed ring says itself what was shown */
	q->shown = q->used;
	q->signalled = q->used;
#if VIO_CFG_QUICK
	q->mask = (uint16_t)(q->size - 1u);
#endif
}

static void split_save(const struct vio_vq *q, struct vio_vq_state *s)
{
	*s = (struct vio_vq_state){
		.avail = q->avail, .used = q->used, .avail_wrap = true, .used_wrap = true
	};
}

/* ---- the quick gear ---- */

#if VIO_CFG_QUICK
static void split_done_map(struct vio_req *r, uint32_t data)
{
	struct vio_vq *q = r->vq;

	if (!VIO_LIKELY((r->state == VIO_REQ_OWNED) && (r->nw == 0u))) {
		vio_done_full(r, data); /* the last call, so this stays a leaf */
		return;
	}
	split_put(q, r->id, data);
	req_free(q, r);
}

/*
 * From descriptor d to the end of its chain, all in one table of `size` entries, at most `left` segments: the
 * readable ones, then the writable ones.
 */
VIO_INLINE bool chain(struct vio_req *r, const struct vio_map *m, const uint8_t *table,
		      uint32_t size, uint32_t left, struct desc d)
{
	struct vio_seg *s = r->sgl.seg;
	uint32_t sum = 0u, max = left, i;

	while ((d_w0(d) & (VIO_DESC_F_WRITE | VIO_DESC_F_INDIRECT)) == 0u) {
		if (!seg_put(s, m, &d, &sum)) {
			return false;
		}
		left--;
		s++;
		if ((d_w0(d) & VIO_DESC_F_NEXT) == 0u) {
			r->sgl.n_out = (uint16_t)(max - left);
			r->sgl.n_in = 0u;
			r->out_len = sum;
			r->in_len = 0u;
			return true;
		}
		i = d_w1(d);
		if ((i >= size) || (left == 0u)) {
			return false;
		}
		d = desc_get(table + (size_t)i * VIO_DESC_BYTES, false);
	}
	r->sgl.n_out = (uint16_t)(max - left);
	r->out_len = sum;
	max = left;
	sum = 0u;
	while ((d_w0(d) & (VIO_DESC_F_WRITE | VIO_DESC_F_INDIRECT)) == VIO_DESC_F_WRITE) {
		if (!seg_put(s, m, &d, &sum)) {
			return false;
		}
		left--;
		s++;
		if ((d_w0(d) & VIO_DESC_F_NEXT) == 0u) {
			r->sgl.n_in = (uint16_t)(max - left);
			r->in_len = sum;
			return true;
		}
		i = d_w1(d);
		if ((i >= size) || (left == 0u)) {
			return false;
		}
		d = desc_get(table + (size_t)i * VIO_DESC_BYTES, false);
	}
	return false;
}

static __attribute__((noinline)) struct vio_req *split_pop_table(struct vio_vq *q,
								 struct vio_req *r, struct desc d)
{
	uint32_t n = d_len(d) / VIO_DESC_BYTES;
	uint8_t *p;

	if (((d_w0(d) & VIO_DESC_F_NEXT) != 0u) || !table_at(q, &d, &p) ||
	    !chain(r, q->map, p, n, (n < q->nfast) ? n : q->nfast, desc_get(p, false))) {
		return vio_pop_full(q);
	}
	req_own(q, r);
	q->avail++;
	return r;
}

static struct vio_req *split_pop_map(struct vio_vq *q)
{
	struct vio_req *r = q->free;
	uint16_t avail = q->avail;
	struct desc d;
	uint32_t i;

	if (r == NULL) {
		return vio_pop_full(q);
	}
	if (avail == q->seen) {
		uint16_t idx = vio_get16_acq(q->driver + 2);

		if (idx == avail) {
			q->dry = true;
			return NULL;
		}
		if (((uint16_t)(idx - avail) > q->size) || ((uint16_t)(idx - q->shown) > q->size)) {
			return vio_pop_full(q);
		}
		q->seen = idx;
	}
	i = vio_get16(q->driver + 4 + (size_t)(avail & q->mask) * 2u);
	r->id = (uint16_t)i;
	if (i >= q->size) {
		return vio_pop_full(q);
	}
	d = desc_get(q->desc + (size_t)i * VIO_DESC_BYTES, false);
	if ((d_w0(d) & VIO_DESC_F_INDIRECT) != 0u) {
		return split_pop_table(q, r, d);
	}
	if (!chain(r, q->map, q->desc, q->size, q->nfast, d)) {
		return vio_pop_full(q);
	}
	req_own(q, r);
	q->avail++;
	return r;
}
#endif

#if VIO_CFG_TRACK
static int split_track_fetch(struct vio_vq *q, struct vio_req *r)
{
	int rc;

	r->id = r->track;
	r->slots = 1u;
	rc = vio_collect_split(q, r, r->track);
	return (rc == VIO_OK) ? 1 : rc;
}
#endif

const struct vio_ring_ops vio_ring_split = {
	.area_len = { { 0u, VIO_DESC_BYTES }, { 6u, 2u }, { 6u, 8u } },
	.area_rd = 2u,
#if VIO_CFG_QUICK
	.pop_map = split_pop_map,
	.done_map = split_done_map,
#endif
	.fetch = split_fetch,
	.take = split_take,
	.give = split_give,
	.show = split_show,
	.want = split_want,
	.arm = split_arm,
	.mute = split_mute,
	.start = split_start,
	.save = split_save,
#if VIO_CFG_TRACK
	.track_start = vio_track_start_split,
	.track_fetch = split_track_fetch,
	.track_publish = vio_track_publish_split,
#endif
};
