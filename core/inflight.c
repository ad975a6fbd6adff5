/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * inflight.c - requests in flight, kept in a region that outlives this process (vhost-user, "Inflight I/O tracking")
 *
 * The promise is at least once: a request is marked before the device sees it and cleared after the driver sees its
 * completion; a process that dies in between leaves a mark, and the next one replays it (vio_req.again).
 *
 * Order of stores is everything here, hence `pub` (a release store each). Where the region stands at a crash:
 * split:  used ring index moved, used_idx not yet: the last batch is done, its marks are cleared at start.
 * packed: used_idx and old_used_idx differ: the descriptor at old_used_idx tells whether the update was seen; it is
 *         then completed, otherwise rolled back. A take is committed by the store of old_free_head.
 * What is available next is not stored: it is what was shown, plus what is in flight.
 *
 * The region comes from the front-end, which can write to it at any time: every index in it is loaded once (got) and
 * checked before it is used, also one that was checked before.
 */
#include "ring.h"

#if VIO_CFG_TRACK

#define pub(p, v)                                                                                  \
	do {                                                                                       \
		__atomic_store_n((p), (v), __ATOMIC_RELEASE);                                      \
		VIO_STEP();                                                                        \
	} while (0)

#define got(p) __atomic_load_n((p), __ATOMIC_RELAXED)

/* Not the store that commits anything, so it may be two on a 32-bit machine; ordered by the pub that follows. */
#define pub64(p, v)                                                                                \
	do {                                                                                       \
		*(volatile uint64_t *)(p) = (v);                                                   \
		VIO_STEP();                                                                        \
	} while (0)

/* ---- split ---- */

bool vio_track_busy(const struct vio_vq *q, uint16_t head)
{
	return !ring_packed(q) &&
	       (((const struct vio_track_split *)q->track->region)->desc[head].inflight != 0u);
}

void vio_track_take_split(struct vio_vq *q, const struct vio_req *r)
{
	struct vio_track_split *t = q->track->region;

	VIO_STEP();
	pub64(&t->desc[r->track].counter, q->track->ctr);
	q->track->ctr++;
	pub(&t->desc[r->track].inflight, (uint8_t)1u);
}

void vio_track_publish_split(struct vio_vq *q)
{
	struct vio_track_split *t = q->track->region;

	for (const struct vio_req *r = done_first(q); r != NULL; r = done_next(q, r)) {
		ring_of(q)->give(q, r);
		pub(&t->desc[r->track].next, t->last_batch_head);
		pub(&t->last_batch_head, r->track);
	}
	(void)ring_of(q)->show(q);
	for (const struct vio_req *r = done_first(q); r != NULL; r = done_next(q, r)) {
		pub(&t->desc[r->track].inflight, (uint8_t)0u);
	}
	pub(&t->used_idx, q->used);
}

static void fresh_split(struct vio_track_split *t, uint16_t size, uint16_t idx)
{
	for (uint16_t i = 0u; i < size; i++) {
		t->desc[i].inflight = 0u;
	}
	t->features = 0u;
	t->desc_num = size;
	t->last_batch_head = 0u;
	pub(&t->used_idx, idx);
	pub(&t->version, (uint16_t)1u);
}

int vio_track_start_split(struct vio_vq *q)
{
	struct vio_track_split *t = q->track->region;
	uint16_t idx = vio_get16_acq(q->device + 2), n, i;

	if (t->version == 0u) {
		fresh_split(t, q->size, idx);
	}
	n = (uint16_t)(idx - t->used_idx);
	if ((t->version != 1u) || (t->desc_num != q->size) || (n > q->size)) {
		return VIO_E_ARG;
	}
	for (i = t->last_batch_head; n > 0u; n--) {
		if (i >= q->size) {
			return VIO_E_ARG;
		}
		pub(&t->desc[i].inflight, (uint8_t)0u);
		i = got(&t->desc[i].next);
	}
	pub(&t->used_idx, idx);
	q->track->ctr = 0u;
	q->track->left = 0u;
	for (i = 0u; i < q->size; i++) {
		if (t->desc[i].inflight != 0u) {
			q->track->left++;
			q->track->ctr = (t->desc[i].counter >= q->track->ctr)
						? (t->desc[i].counter + 1u)
						: q->track->ctr;
		}
	}
	q->used = idx;
	q->shown = idx;
	q->signalled = idx;
	q->avail = (uint16_t)(idx + q->track->left);
	q->seen = q->avail;
	q->track->pos = UINT16_MAX;
	return VIO_OK;
}

/* ---- packed ---- */

#if VIO_CFG_PACKED
bool vio_track_note(struct vio_vq *q, uint16_t *at, struct desc d)
{
	struct vio_track_packed *t = q->track->region;
	struct vio_track_pdesc *e;

	if (*at >= q->size) {
		return false;
	}
	e = &t->desc[*at];
	e->addr = d.addr;
	e->len = d_len(d);
	e->id = (uint16_t)d_w0(d);
	e->flags = (uint16_t)d_w1(d);
	*at = e->next;
	return true;
}

uint16_t vio_track_free(const struct vio_vq *q)
{
	return ((const struct vio_track_packed *)q->track->region)->free_head;
}

/* An index of the region that was good before. false: it is not any more, and the device has failed. */
static bool still(struct vio_vq *q, uint16_t i)
{
	if (i >= q->size) {
		vio_dev_fail(q->dev);
	}
	return i < q->size;
}

void vio_track_take_packed(struct vio_vq *q, struct vio_req *r)
{
	struct vio_track_packed *t = q->track->region;
	uint16_t head = got(&t->free_head), last = head;

	r->track = 0u;
	for (uint16_t n = 1u; (n < r->slots) && still(q, last); n++) {
		last = got(&t->desc[last].next);
	}
	if (!still(q, head) || !still(q, last)) {
		return;
	}
	r->track = head;
	VIO_STEP();
	pub(&t->desc[head].num, r->slots);
	pub(&t->desc[head].last, last);
	pub64(&t->desc[head].counter, q->track->ctr);
	q->track->ctr++;
	pub(&t->desc[head].inflight, (uint8_t)1u);
	pub(&t->free_head, t->desc[last].next);
	pub(&t->old_free_head, t->free_head);
}

static void commit(struct vio_track_packed *t)
{
	pub(&t->old_free_head, t->free_head);
	pub(&t->old_used_wrap_counter, t->used_wrap_counter);
	pub(&t->old_used_idx, t->used_idx);
}

void vio_track_publish_packed(struct vio_vq *q)
{
	struct vio_track_packed *t = q->track->region;

	for (const struct vio_req *r = done_first(q); r != NULL; r = done_next(q, r)) {
		uint16_t last = got(&t->desc[r->track].last);

		if (!still(q, last)) {
			return;
		}
		ring_of(q)->give(q, r); /* alone, so its flags wait for show */
		pub(&t->desc[last].next, t->free_head);
		pub(&t->free_head, r->track);
		pub(&t->used_wrap_counter, (uint8_t)(q->used_mark != 0u));
		pub(&t->used_idx, q->used);
		(void)ring_of(q)->show(q);
		pub(&t->desc[r->track].inflight, (uint8_t)0u);
		commit(t);
	}
}

static void fresh_packed(struct vio_track_packed *t, const struct vio_vq *q)
{
	for (uint16_t i = 0u; i < q->size; i++) {
		t->desc[i].inflight = 0u;
		t->desc[i].next = (uint16_t)(i + 1u);
	}
	t->features = 0u;
	t->desc_num = q->size;
	t->free_head = 0u;
	t->used_idx = q->used;
	t->used_wrap_counter = (uint8_t)(q->used_mark != 0u);
	commit(t);
	pub(&t->version, (uint16_t)1u);
}

/* Complete or roll back the update that a crash interrupted. old: t->old_used_idx, checked */
static void settle(struct vio_track_packed *t, const struct vio_vq *q, uint16_t old)
{
	if ((t->used_idx != old) || (t->used_wrap_counter != t->old_used_wrap_counter)) {
		uint16_t fl = vio_get16_acq(q->desc + (size_t)old * VIO_DESC_BYTES + 14u);
		uint16_t avail =
			(t->old_used_wrap_counter != 0u) ? VIO_DESC_F_AVAIL : VIO_DESC_F_USED;

		if ((fl & (VIO_DESC_F_AVAIL | VIO_DESC_F_USED)) != avail) {
			commit(t);
		}
	}
	pub(&t->free_head, t->old_free_head);
	pub(&t->used_wrap_counter, t->old_used_wrap_counter);
	pub(&t->used_idx, t->old_used_idx);
}

int vio_track_start_packed(struct vio_vq *q)
{
	struct vio_track_packed *t = q->track->region;
	struct vio_vq_state s;
	uint32_t slots = 0u;
	uint16_t i, n;

	if (t->version == 0u) {
		fresh_packed(t, q);
	}
	i = got(&t->old_used_idx);
	if ((t->version != 1u) || (t->desc_num != q->size) || (t->used_idx >= q->size) ||
	    (i >= q->size)) {
		return VIO_E_ARG;
	}
	settle(t, q, i);
	for (i = t->free_head, n = 0u; (i < q->size) && (n < q->size); n++) {
		pub(&t->desc[i].inflight, (uint8_t)0u);
		i = got(&t->desc[i].next);
	}
	q->track->ctr = 0u;
	q->track->left = 0u;
	for (i = 0u; i < q->size; i++) {
		const struct vio_track_pdesc *e = &t->desc[i];

		if (e->inflight != 0u) {
			if ((e->num == 0u) || (e->last >= q->size)) {
				return VIO_E_ARG;
			}
			q->track->left++;
			slots += e->num;
			q->track->ctr =
				(e->counter >= q->track->ctr) ? (e->counter + 1u) : q->track->ctr;
		}
	}
	s = (struct vio_vq_state){ .used = got(&t->used_idx),
				   .used_wrap = t->used_wrap_counter != 0u };
	if ((slots > q->size) || (s.used >= q->size)) {
		return VIO_E_ARG;
	}
	slots += s.used;
	s.avail_wrap = (slots >= q->size) ? !s.used_wrap : s.used_wrap;
	s.avail = (uint16_t)((slots >= q->size) ? (slots - q->size) : slots);
	ring_of(q)->start(q, &s, true);
	q->track->pos = UINT16_MAX;
	return VIO_OK;
}

int vio_track_fetch_packed(struct vio_vq *q, struct vio_req *r)
{
	const struct vio_track_packed *t = q->track->region;
	uint16_t n = got(&t->desc[r->track].num), at = r->track;
	int rc = ((n == 0u) || (n > q->size)) ? VIO_E_ARG : VIO_OK;

	r->slots = n;
	for (uint16_t k = 0u; (k < n) && (rc == VIO_OK); k++) {
		const struct vio_track_pdesc *e = &t->desc[at];
		struct desc d = { e->addr,
				  e->len | ((uint64_t)e->id << 32) | ((uint64_t)e->flags << 48) };

		r->id = e->id;
		at = got(&e->next);
		if ((d_w1(d) & VIO_DESC_F_INDIRECT) != 0u) {
			rc = (n == 1u) ? vio_collect_indirect(q, r, d, true) : VIO_E_RING;
		} else {
			rc = vio_collect_add(r, d.addr, d_len(d), d_w1(d));
		}
		if ((rc == VIO_OK) && (k + 1u < n) && (at >= q->size)) {
			rc = VIO_E_ARG;
		}
	}
	return (rc == VIO_OK) ? 1 : rc;
}
#endif

/* ---- both ---- */

static bool entry(const struct vio_vq *q, uint16_t i, uint64_t *ctr)
{
	if (ring_packed(q)) {
		const struct vio_track_packed *t = q->track->region;

		*ctr = t->desc[i].counter;
		return t->desc[i].inflight != 0u;
	}
	*ctr = ((const struct vio_track_split *)q->track->region)->desc[i].counter;
	return ((const struct vio_track_split *)q->track->region)->desc[i].inflight != 0u;
}

/*
 * The next entry in order of counter, ties by index: behind the last one, which keeps its counter, as nothing new is taken
 * meanwhile. One pass over the region for each: at recovery only.
 */
int vio_track_next(struct vio_vq *q, struct vio_req *r)
{
	bool found = false, first = q->track->pos == UINT16_MAX;
	uint64_t best = 0u, last = 0u, ctr;

	if (!first) {
		(void)entry(q, q->track->pos, &last);
	}
	for (uint16_t i = 0u; i < q->size; i++) {
		if (!entry(q, i, &ctr) ||
		    (!first && ((ctr < last) || ((ctr == last) && (i <= q->track->pos))))) {
			continue;
		}
		if (!found || (ctr < best)) {
			found = true;
			best = ctr;
			r->track = i;
		}
	}
	return found ? ring_of(q)->track_fetch(q, r) : VIO_E_ARG;
}

uint32_t vio_vq_track_bytes(uint16_t size, bool packed)
{
	size_t n =
		packed ? (sizeof(struct vio_track_packed) + size * sizeof(struct vio_track_pdesc))
		       : (sizeof(struct vio_track_split) + size * sizeof(struct vio_track_sdesc));

	return ((uint32_t)n + 63u) & ~63u;
}

int vio_vq_track(struct vio_vq *q, struct vio_vq_track *t, void *region, uint32_t len)
{
	if (q->enabled || (q->size == 0u) || (((uintptr_t)region & 7u) != 0u) ||
	    (len < vio_vq_track_bytes(q->size, ring_packed(q)))) {
		return VIO_E_ARG;
	}
	*t = (struct vio_vq_track){ .region = region };
	q->track = t;
	return VIO_OK;
}

#endif
