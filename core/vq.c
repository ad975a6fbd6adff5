/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vq.c - the life of a virtqueue and its turn, device side; both formats (virtio 1.3, 2.6)
 *
 * States: set up (size > 0), enabled (areas acquired, linked to its memory), stopping (no more pops; owned requests
 * finish), down. `discard` says that nothing may be written to the guest any more: reset, or its rings are gone.
 *
 * A turn (vio_vq_run) is: areas current -> device takes requests -> completions are written and shown -> one signal
 * at most. A device whose turn is long shows more often (vio_vq_show). Full fences, exactly two: here between showing
 * and reading the driver's wish for a signal (vio_vq_decide), and in the formats' `arm` between asking for kicks and
 * the last look at the ring.
 *
 * A turn is bounded: by `budget` in the full gear (at most size pops), by the ring itself in the quick gear (split.c,
 * packed.c) and by the budget where that runs out of free requests or shows something inside the turn.
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
	q->size_max = VIO_VQ_SIZE_MAX;
	q->pop = vio_pop_none;
#if VIO_CFG_QUICK
	q->done = vio_done_full;
#endif
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
	if ((q->log != NULL) && (q->mem->ops->dirty != NULL)) {
		q->mem->ops->dirty(q->mem, *q->log + off, len);
	}
}

/* ---- ring areas ---- */

/* The list of the three areas in s, as acquire and release know it. */
static struct vio_sgl areas(const struct vio_vq *q, struct vio_seg s[3])
{
	const struct vio_ring_ops *ring = ring_of(q);
	uint8_t *const p[3] = { q->desc, q->driver, q->device };

	for (uint16_t i = 0u; i < 3u; i++) {
		s[i] = (struct vio_seg){ .addr = q->area_addr[i],
					 .p = p[i],
					 .len = ring->area_len[i][0] +
						(q->size * ring->area_len[i][1]),
					 .tag = VIO_SEG_TAG_LOST };
	}
	return (struct vio_sgl){ .seg = s,
				 .cap = 3u,
				 .n_out = ring->area_rd,
				 .n_in = (uint16_t)(3u - ring->area_rd),
				 .ring = true,
				 .era = q->area_era };
}

static void area_drop(struct vio_vq *q)
{
	struct vio_seg s[3];
	struct vio_sgl l;

	if (q->desc != NULL) {
		l = areas(q, s);
		vio_mem_release(q->mem, &l, NULL, 0u); /* ring bytes were logged one by one */
		q->desc = NULL;
	}
}

/*
 * Acquire the areas, or acquire them again when memory changed since. A change waits until all is released that was
 * acquired before the one before it (vio_mem_change), so era tells whether there was one.
 */
static int area_get(struct vio_vq *q)
{
	struct vio_seg s[3];
	struct vio_sgl l;
	int rc;

	if ((q->desc != NULL) && (q->area_era == (q->mem->epoch & 1u))) {
		return VIO_OK;
	}
	area_drop(q);
	l = areas(q, s);
	rc = vio_mem_acquire(q->mem, &l);
	if (rc == VIO_OK) {
		q->area_era = l.era;
		q->desc = s[0].p;
		q->driver = s[1].p;
		q->device = s[2].p;
#if VIO_CFG_PACKED
		if (ring_packed(q)) {
			q->desc_end = q->desc + s[0].len;
		}
#endif
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
		q->dev->port_ops->signal(q->dev->port, q->index);
		q->signal_force = false;
		VIO_STEP();
	}
}

#if VIO_CFG_QUICK
void vio_vq_show(struct vio_vq *q)
{
	vio_vq_room(q);
	if (q->event_idx) { /* without it a driver that is awake would be signalled each time */
		flush(q);
	}
	(void)vio_vq_funded(q);
}
#endif

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
	q->dry = false;
	q->more = false;
	q->budget = q->size;
	if (q->laps != 0u) {
		q->laps = 0u;
		vio_vq_gear(q);
	}
	if (q->armed && (q->desc != NULL) && !q->discard) {
		q->armed = false;
		ring_of(q)->mute(q);
	}
	if (!q->stopping && (q->desc != NULL) && live(q)) {
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
	if (!q->enabled || (q->desc == NULL) || q->stopping || vio_vq_failed(q)) {
		return false;
	}
	if (q->more || !q->dry) {
		return q->more;
	}
	q->armed = true;
	return ring_of(q)->arm(q);
}

/* ---- control verbs ---- */

static void untrack(struct vio_vq *q)
{
#if VIO_CFG_TRACK
	q->track = NULL;
#else
	(void)q;
#endif
}

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
#endif
	q->size = size;
	q->area_addr[0] = desc;
	q->area_addr[1] = driver;
	q->area_addr[2] = device;
	untrack(q);
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
#if VIO_CFG_QUICK
	q->nfast = req_at(q, 0u)->sgl.cap;
	q->nfast = (q->nfast < q->size) ? q->nfast : q->size;
#endif
	ring_of(q)->start(q, s, resumed);
	q->signal_force = resumed; /* whether the last signal went out is not known */
	q->signal_due = false;
#if VIO_CFG_TRACK
	if (tracked(q)) {
		rc = ring_of(q)->track_start(q);
		q->signal_force = true;
	}
#endif
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
	if ((s != NULL) && (ring_of(q) != NULL)) {
		ring_of(q)->save(q, s);
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
		untrack(q);
	}
	return rc;
}

void vio_vq_log(struct vio_vq *q, const uint64_t *used_log_addr)
{
	q->log = used_log_addr;
	if (q->enabled) {
		vio_vq_gear(q);
	}
}
