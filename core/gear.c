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
	q->full = (q->mem->map == NULL) || q->mem->wants_release || (q->track != NULL) || q->log ||
		  q->in_order || q->discard;
	if (q->full) {
		vio_vq_hold(q);
	}
	q->map = q->mem->map;
	q->done = q->full ? vio_done_full : q->ring->done_map;
	if (!q->enabled || !q->mapped || q->stopping || vio_vq_failed(q)) {
		q->pop = vio_pop_none;
	} else {
		q->pop = q->full ? vio_pop_full : q->ring->pop_map;
	}
}

/* ---- the full gear ---- */

void vio_vq_publish(struct vio_vq *q)
{
	struct vio_req *r = q->done_head;

	if (!q->discard && q->mapped) {
		if ((q->track != NULL) && (r != NULL)) {
			q->ring->track_publish(q);
			q->signal_due = true;
		} else {
			for (; r != NULL; r = r->next) {
				q->ring->give(q, r);
			}
			q->signal_due = q->ring->show(q) || q->signal_due;
		}
	}
	while (q->done_head != NULL) {
		r = q->done_head;
		q->done_head = r->next;
		req_free(q, r);
	}
	q->done_tail = NULL;
}

void vio_vq_decide(struct vio_vq *q)
{
	if (q->signal_due && !q->discard) {
		vio_fence(); /* what was shown, before the driver's wish for a signal is read */
		q->signal_force = q->ring->want(q) || q->signal_force;
	}
	q->signal_due = false;
}

/*
 * The pool is dry: what is done already makes room. What the quick gear did so far is shown too; it is taken off the
 * budget, else a guest that refills the ring and a host that completes at once would make a turn without end.
 */
static void make_room(struct vio_vq *q)
{
	uint16_t n = q->full ? 0u : (uint16_t)(q->used - q->shown); /* packed: or more */

	q->budget = (n < q->budget) ? (uint16_t)(q->budget - n) : 0u;
	vio_vq_publish(q);
	vio_vq_decide(q);
}

struct vio_req *vio_pop_full(struct vio_vq *q)
{
	bool replay = q->replay_left > 0u;
	struct vio_req *r;
	int rc;

	q->dry = false;
	if (q->free == NULL) {
		make_room(q);
	}
	if (q->budget == 0u) {
		q->more = true;
		q->pop = vio_pop_none; /* else the quick gear would go on */
		q->laps = 1u;	       /* the next turn chooses anew */
		return NULL;
	}
	r = q->free;
	if (r == NULL) {
		return NULL;
	}
	r->sgl.n_out = 0u;
	r->sgl.n_in = 0u;
	r->out_len = 0u;
	r->in_len = 0u;
#if VIO_CFG_TRACK
	rc = replay ? vio_track_next(q, r) : q->ring->fetch(q, r);
#else
	rc = q->ring->fetch(q, r);
#endif
	if (rc == 1) {
		rc = vio_mem_acquire(q->mem, &r->sgl);
		rc = (rc == VIO_OK) ? 1 : rc;
	}
	if (rc != 1) {
		q->dry = rc == 0;
		if (rc == VIO_E_AGAIN) {
			q->stat.again++;
		} else if (rc < 0) {
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
		vio_track_replayed(q, r);
	} else
#endif
	{
		q->ring->take(q, r);
	}
	if (q->in_order) {
		r->order = NULL;
		if (q->order_head == NULL) {
			q->order_head = r;
		} else {
			q->order_tail->order = r;
		}
		q->order_tail = r;
	}
	q->budget--;
	return r;
}

static void done_append(struct vio_vq *q, struct vio_req *r)
{
	r->next = NULL;
	if (q->done_head == NULL) {
		q->done_head = r;
	} else {
		q->done_tail->next = r;
	}
	q->done_tail = r;
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
	if (!q->full) { /* the quick gear, where something is unusual */
		q->ring->give(q, r);
		req_free(q, r);
		return;
	}
	r->state = VIO_REQ_DONE;
	if (!q->in_order) {
		done_append(q, r);
		return;
	}
	while ((q->order_head != NULL) && (q->order_head->state == VIO_REQ_DONE)) {
		r = q->order_head;
		q->order_head = r->order;
		done_append(q, r);
	}
}
