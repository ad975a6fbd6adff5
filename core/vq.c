/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vq.c - the life of a virtqueue and its turn, device side; both formats (virtio 1.3, 2.6)
 *
 * States: set up (size > 0), enabled (areas acquired, linked to its memory), stopping (no more pops; owned requests
 * finish), down. `discard` says that nothing may be written to the guest any more: reset, or its rings are gone.
 *
 * A turn (vio_vq_run) is: areas current -> device takes requests -> completions are written and shown -> one signal
 * at most. Full fences, exactly two: here between showing and reading the driver's wish for a signal (vio_vq_decide), and
 * in the formats' `arm` between asking for kicks and the last look at the ring.
 *
 * A turn is bounded: by `budget` in the full gear (at most size pops), by the ring itself in the quick gear (split.c,
 * packed.c) and by the budget where that runs out of free requests.
 */
#include "ring.h"

/*
 * Nothing is taken before DRIVER_OK (virtio 1.3, 3.1.2); a port runs a turn of each queue after it. Who sees DRIVER_OK
 * here sees what the device's `start` did, on another executor too.
 */
static bool live(const struct vio_vq *q)
{
	return (vio_dev_status(q->dev) & (VIO_S_DRIVER_OK | VIO_S_NEEDS_RESET)) == VIO_S_DRIVER_OK;
}

void vio_vq_bind(struct vio_vq *q, struct vio_dev *d, uint16_t index, void *req, size_t stride,
		 uint16_t nreq, struct vio_seg *seg, uint16_t nseg)
{
	(void)memset(q, 0, sizeof(*q));
	q->dev = d;
	q->index = index;
	q->req = req;
	q->stride = (uint16_t)stride;
	q->nreq = nreq;
	q->seg = seg;
	q->nseg = nseg;
	q->size_max = VIO_VQ_SIZE_MAX;
	q->pop = vio_pop_none;
	q->done = vio_done_full;
	for (uint16_t i = nreq; i > 0u; i--) {
		struct vio_req *r = req_at(q, (uint16_t)(i - 1u));

		(void)memset(r, 0, stride);
		r->vq = q;
		r->slots = 1u;
		r->sgl.seg = &seg[(size_t)(i - 1u) * nseg];
		r->sgl.cap = nseg;
		req_free(q, r);
	}
}

uint16_t vio_vq_owned(const struct vio_vq *q)
{
	uint16_t n = 0u;

	for (uint16_t i = 0u; i < q->nreq; i++) {
		uint8_t s = req_at(q, i)->state;

		if ((s == VIO_REQ_OWNED) || (s == VIO_REQ_HELD)) {
			n++;
		}
	}
	return n;
}

void vio_vq_wake(struct vio_vq *q)
{
	if (q->dev->port_ops != NULL) {
		q->dev->port_ops->wake(q->dev->port, q->index);
	}
}

void vio_log_ring(const struct vio_vq *q, uint64_t off, uint32_t len)
{
	if (q->log && (q->mem->ops->dirty != NULL)) {
		q->mem->ops->dirty(q->mem, q->log_addr + off, len);
	}
}

/* ---- ring areas ---- */

static void area_drop(struct vio_vq *q)
{
	struct vio_sgl l = { .seg = q->area, .cap = 3u, .n_out = q->ring->area_rd, .ring = true };

	if (q->mapped) {
		l.n_in = (uint16_t)(3u - l.n_out);
		l.era = q->area_era;
		vio_mem_release(q->mem, &l, NULL, 0u); /* ring bytes were logged one by one */
	}
	q->mapped = false;
}

/* Acquire the areas, or acquire them again when memory changed since. */
static int area_get(struct vio_vq *q)
{
	struct vio_sgl l = { .seg = q->area, .cap = 3u, .n_out = q->ring->area_rd, .ring = true };
	uint32_t now = q->mem->epoch;
	int rc;

	if (q->mapped && (q->epoch == now)) {
		return VIO_OK;
	}
	area_drop(q);
	l.n_in = (uint16_t)(3u - l.n_out);
	for (uint16_t i = 0u; i < 3u; i++) {
		const uint32_t *len = q->ring->area_len[i];

		q->area[i] = (struct vio_seg){ .addr = q->area_addr[i],
					       .len = len[0] + (q->size * len[1]) };
	}
	rc = vio_mem_acquire(q->mem, &l);
	if (rc == VIO_OK) {
		q->mapped = true;
		q->epoch = now;
		q->area_era = l.era;
		q->desc = q->area[0].p;
		q->driver = q->area[1].p;
		q->device = q->area[2].p;
		q->desc_end = q->desc + q->area[0].len;
	}
	if (q->enabled) {
		vio_vq_gear(q);
	}
	return rc;
}

/* ---- the turn ---- */

/* Again, when a reset follows a stop: the hosts know already. */
static void stop_begin(struct vio_vq *q)
{
	bool told = q->stopping;

	q->stopping = true;
	vio_vq_gear(q);
	for (uint16_t i = 0u; (i < q->nreq) && !told; i++) {
		struct vio_req *r = req_at(q, i);

		if (((r->state == VIO_REQ_OWNED) || (r->state == VIO_REQ_HELD)) &&
		    (q->dev->ops->cancel != NULL)) {
			q->dev->ops->cancel(q->dev, r);
		}
	}
}

static void settle(struct vio_vq *q)
{
	struct vio_vq **at = &q->mem->queues;

	area_drop(q);
	q->mem->wake = q->mem->wake || q->mem->starved;
	q->mem->starved = false;
	while (*at != q) {
		at = &(*at)->next;
	}
	*at = q->next;
	q->enabled = false;
	q->stopping = false;
	vio_vq_gear(q);
	vio_dev_live(q->dev, -1);
}

static void flush(struct vio_vq *q)
{
	vio_vq_decide(q);
	if (q->signal_force && !q->discard && ((vio_dev_status(q->dev) & VIO_S_DRIVER_OK) != 0u)) {
		q->stat.signals++;
		q->dev->port_ops->signal(q->dev->port, q->index);
		q->signal_force = false;
		VIO_STEP();
	}
}

static void wake_starved(struct vio_mem *m)
{
	m->wake = false;
	for (struct vio_vq *q = m->queues; q != NULL; q = q->next) {
		vio_vq_wake(q);
	}
}

int vio_vq_run(struct vio_vq *q)
{
	struct vio_mem *m = q->mem;
	int rc;

	if (!q->enabled) {
		return VIO_OK;
	}
	if (__atomic_load_n(&q->dev->resetting, __ATOMIC_ACQUIRE) && !(q->discard && q->stopping)) {
		q->discard = true;
		stop_begin(q);
	}
	rc = area_get(q);
	if ((rc == VIO_E_AGAIN) && !q->discard) {
		if (m->wake) {
			wake_starved(m);
		}
		return rc;
	}
	if ((rc != VIO_OK) && !q->discard) {
		/* the driver took its rings away: nothing can be said any more */
		q->discard = true;
		vio_dev_fail(q->dev);
		vio_vq_gear(q);
	}
	q->stat.turns++;
	q->dry = false;
	q->more = false;
	q->budget = q->size;
	if (q->laps != 0u) {
		q->laps = 0u;
		vio_vq_gear(q);
	}
	if (q->armed && q->mapped && !q->discard) {
		q->armed = false;
		q->ring->mute(q);
	}
	if (!q->stopping && q->mapped && live(q)) {
		q->dev->ops->queue(q->dev, q);
	}
	vio_vq_publish(q);
	flush(q);
	if (q->stopping && (vio_vq_owned(q) == 0u)) {
		settle(q);
	}
	if (m->wake) {
		wake_starved(m);
	}
	return (q->enabled && q->more) ? VIO_PENDING : VIO_OK;
}

bool vio_vq_arm(struct vio_vq *q)
{
	if (!q->enabled || !q->mapped || q->stopping || vio_vq_failed(q)) {
		return false;
	}
	if (q->more || !q->dry) {
		return q->more;
	}
	q->armed = true;
	return q->ring->arm(q);
}

/* ---- control verbs ---- */

int vio_vq_setup(struct vio_vq *q, uint16_t size, uint64_t desc, uint64_t driver, uint64_t device)
{
	bool packed = (q->dev->features & VIO_F_RING_PACKED) != 0u;

	if (q->enabled || (size == 0u) || (size > q->size_max) ||
	    (!packed && ((size & (size - 1u)) != 0u))) {
		return VIO_E_ARG;
	}
	if (((desc & 15u) != 0u) || ((driver & (packed ? 3u : 1u)) != 0u) ||
	    ((device & 3u) != 0u)) {
		return VIO_E_RING;
	}
#if VIO_CFG_PACKED
	q->ring = packed ? &vio_ring_packed : &vio_ring_split;
#else
	if (packed) {
		return VIO_E_ARG;
	}
	q->ring = &vio_ring_split;
#endif
	q->size = size;
	q->area_addr[0] = desc;
	q->area_addr[1] = driver;
	q->area_addr[2] = device;
	q->track = NULL;
	return VIO_OK;
}

int vio_vq_enable(struct vio_vq *q, const struct vio_vq_state *s)
{
	static const struct vio_vq_state fresh = { 0u, 0u, true, true };
	uint64_t f = q->dev->features;
	bool resumed = s != NULL;
	int rc;

	if (q->enabled || (q->size == 0u)) {
		return VIO_E_ARG;
	}
	s = resumed ? s : &fresh;
	if (((f & VIO_F_RING_PACKED) != 0u) && ((s->avail >= q->size) || (s->used >= q->size))) {
		return VIO_E_ARG;
	}
	if (q->mem == NULL) {
		q->mem = q->dev->mem;
	}
	rc = area_get(q);
	if (rc != VIO_OK) {
		return rc;
	}
	q->event_idx = (f & VIO_F_EVENT_IDX) != 0u;
	q->indirect = (f & VIO_F_INDIRECT_DESC) != 0u;
	q->in_order = (f & VIO_F_IN_ORDER) != 0u;
	q->nfast = (q->nseg < q->size) ? q->nseg : q->size;
	q->ring->start(q, s, resumed);
	q->signal_force = resumed; /* whether the last signal went out is not known */
	q->signal_due = false;
	q->replay_left = 0u;
	if (q->track != NULL) {
		rc = q->ring->track_start(q);
		q->signal_force = true;
	}
	if (rc != VIO_OK) {
		area_drop(q);
		return rc;
	}
	q->stopping = false;
	q->discard = false;
	q->armed = false;
	q->laps = 0u;
	q->enabled = true;
	q->next = q->mem->queues;
	q->mem->queues = q;
	vio_vq_gear(q);
	vio_dev_live(q->dev, 1);
	return VIO_OK;
}

int vio_vq_disable(struct vio_vq *q, struct vio_vq_state *s)
{
	if (q->enabled && !q->stopping) {
		stop_begin(q);
	}
	(void)vio_vq_run(q);
	if (q->enabled) {
		return VIO_PENDING;
	}
	if ((s != NULL) && (q->ring != NULL)) {
		q->ring->save(q, s);
	}
	return VIO_OK;
}

int vio_vq_reset(struct vio_vq *q)
{
	int rc;

	if (q->enabled) {
		q->discard = true;
		vio_vq_gear(q);
	}
	rc = vio_vq_disable(q, NULL);
	if (rc == VIO_OK) {
		q->size = 0u;
		q->track = NULL;
	}
	return rc;
}

void vio_vq_log(struct vio_vq *q, bool on, uint64_t used_log_addr)
{
	q->log_addr = used_log_addr;
	q->log = on;
	if (q->enabled) {
		vio_vq_gear(q);
	}
}
