/* SPDX-License-Identifier: BSD-3-Clause */
/* gear.c - which functions serve a queue, and the full ones: pop, done, publish (ring.h says what a gear is) */
#include "ring.h"

struct vio_req *vio_pop_none(struct vio_vq *q)
{
	(void)q;
	return NULL;
}

void vio_vq_hold(struct vio_vq *q)
{
	for (uint16_t i = 0u; i < q->nreq; i++) {
		struct vio_req *r = req_at(q, i);

		if (r->state == VIO_REQ_OWNED) {
			r->state = VIO_REQ_HELD;
			r->sgl.era = (uint8_t)(q->mem->epoch & 1u);
			q->mem->held[r->sgl.era]++;
		}
	}
}

void vio_vq_gear(struct vio_vq *q)
{
	bool run = q->enabled && (q->desc != NULL) && !q->stopping && !vio_vq_failed(q);
#if VIO_CFG_QUICK
	bool full = (q->mem->map == NULL) || q->mem->wants_release || tracked(q) ||
		    (q->log != NULL) || q->in_order || q->discard;

	if (full) {
		vio_vq_hold(q);
	}
	q->map = q->mem->map;
	q->done = full ? vio_done_full : ring_of(q)->done_map;
	q->pop = !run ? vio_pop_none : full ? vio_pop_full : ring_of(q)->pop_map;
#else
	q->pop = run ? vio_pop_full : vio_pop_none;
#endif
}

/* Which gear a queue is in */
static bool is_full(const struct vio_vq *q)
{
#if VIO_CFG_QUICK
	return q->done == vio_done_full;
#else
	(void)q;
	return true;
#endif
}

/* ---- the full gear ---- */

void vio_vq_publish(struct vio_vq *q)
{
	struct vio_req *r = done_first(q);

	if (!q->discard && (q->desc != NULL)) {
		if (tracked(q) && (r != NULL)) {
#if VIO_CFG_TRACK
			ring_of(q)->track_publish(q);
			q->signal_due = true;
#endif
		} else {
			for (; r != NULL; r = done_next(q, r)) {
				ring_of(q)->give(q, r);
			}
			q->signal_due = ring_of(q)->show(q) || q->signal_due;
		}
	}
	for (r = done_first(q); r != NULL; r = done_first(q)) {
		if (r == q->last) {
			q->last = NULL;
		} else {
			q->last->next = r->next;
		}
		req_free(q, r);
	}
}

void vio_vq_decide(struct vio_vq *q)
{
	if (q->signal_due && !q->discard) {
		vio_fence(); /* what was shown, before the driver's wish for a signal is read */
		q->signal_force = ring_of(q)->want(q) || q->signal_force;
	}
	q->signal_due = false;
}

/*
 * Inside a turn: the pool is dry and what is done already makes room, or the device wants it shown. What the quick gear
 * did so far is taken off the budget, else a guest that refills the ring and a host that completes at once would make a
 * turn without end.
 */
void vio_vq_room(struct vio_vq *q)
{
	uint16_t n = 0u; /* the full gear paid when it popped */

	if (!is_full(q)) {
		n = (uint16_t)(q->used - q->shown);
		n = (uint16_t)(n + ((ring_packed(q) && (q->used < q->shown)) ? q->size : 0u));
	}
	q->budget = (n < q->budget) ? (uint16_t)(q->budget - n) : 0u;
	vio_vq_publish(q);
	vio_vq_decide(q);
}

bool vio_vq_funded(struct vio_vq *q)
{
	if (q->budget == 0u) {
		q->more = true;
		q->pop = vio_pop_none; /* else the quick gear would go on */
		q->laps = 1u;	       /* the next turn chooses anew */
	}
	return q->budget != 0u;
}

static void append(struct vio_vq *q, struct vio_req *r)
{
	if (q->last == NULL) {
		r->next = r;
	} else {
		r->next = q->last->next;
		q->last->next = r;
	}
	q->last = r;
}

struct vio_req *vio_pop_full(struct vio_vq *q)
{
#if VIO_CFG_TRACK
	bool replay = tracked(q) && (q->track->left > 0u);
#else
	const bool replay = false;
#endif
	struct vio_req *r;
	int rc;

	q->dry = false;
	if (q->free == NULL) {
		vio_vq_room(q);
	}
	r = q->free;
	if (!vio_vq_funded(q) || (r == NULL)) {
		return NULL;
	}
	r->sgl.n_out = 0u;
	r->sgl.n_in = 0u;
	r->out_len = 0u;
	r->in_len = 0u;
#if VIO_CFG_TRACK
	rc = replay ? vio_track_next(q, r) : ring_of(q)->fetch(q, r);
#else
	rc = ring_of(q)->fetch(q, r);
#endif
	if (rc == 1) {
		rc = vio_mem_acquire(q->mem, &r->sgl);
		rc = (rc == VIO_OK) ? 1 : rc;
	}
	if (rc != 1) {
		q->dry = rc == 0;
		if ((rc < 0) && (rc != VIO_E_AGAIN)) {
			vio_dev_fail(q->dev);
			q->pop = vio_pop_none;
		}
		return NULL;
	}
	req_own(q, r);
	r->state = VIO_REQ_HELD;
	r->again = replay;
#if VIO_CFG_TRACK
	if (replay) {
		q->track->pos = r->track;
		q->track->left--;
	} else
#endif
	{
		ring_of(q)->take(q, r);
	}
	if (q->in_order) {
		append(q, r);
	}
	q->budget--;
	return r;
}

void vio_done_full(struct vio_req *r, uint32_t data)
{
	struct vio_vq *q = r->vq;

	if ((r->state != VIO_REQ_HELD) && (r->state != VIO_REQ_OWNED)) {
		return; /* done twice: a device bug that the guest must not feel */
	}
	r->len = vio_req_total(r, data);
	if (r->state == VIO_REQ_HELD) {
		vio_mem_release(q->mem, &r->sgl, r->w, r->nw);
	}
	if (!is_full(q)) { /* the quick gear, where something is unusual */
		ring_of(q)->give(q, r);
		req_free(q, r);
		return;
	}
	r->state = VIO_REQ_DONE;
	if (!q->in_order) { /* else it has its place since it was taken */
		append(q, r);
	}
}

#if !VIO_CFG_QUICK
void vio_req_done(struct vio_req *r, uint32_t data)
{
	vio_done_full(r, data);
}
#endif
