/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ramregs.c - virtio-mmio registers as plain memory, polled (virtio 1.3, 4.2)
 *
 * The driver's accesses are not seen, only what they left. So this does not follow the initialization step by step; it
 * compares what the registers ask for (a driver that set DRIVER_OK on a ready queue, or none) with what is, and goes
 * there. Status is loaded first and with acquire: whoever sees DRIVER_OK sees what was written before it. Every other
 * register is loaded once for each set-up, and the core checks the value that was loaded.
 *
 * States: DOWN - no driver, or one that is not ready; UP - the queue is served; FAILED - the set-up was refused;
 * DRAINING - the driver left, requests are still owned by the device. UP and FAILED end when the driver takes DRIVER_OK
 * or QueueReady back, or when the mark in QueueSize is gone.
 */
#include "vio/mmio.h"
#include "ramregs.h"

enum state { DOWN, UP, FAILED, DRAINING };

#define WORDS                                                                                      \
	3u /* both words of DeviceFeatures: VERSION_1 and ACCESS_PLATFORM, and bits 0 and 1 of the class */
#define TRANSPORT VIO_F_ACCESS_PLATFORM

static uint32_t get(const struct vio_ramregs *r, uint32_t off)
{
	return vio_get32(r->regs + off);
}

static void put(struct vio_ramregs *r, uint32_t off, uint32_t v)
{
	vio_put32(r->regs + off, v);
}

/* A driver that is ready. Whoever sees DRIVER_OK sees what was written before it. */
static bool wanted(const struct vio_ramregs *r)
{
	uint32_t status = vio_get32_acq(r->regs + VIO_MMIO_STATUS);

	return ((status & (VIO_S_DRIVER_OK | VIO_S_FAILED)) == VIO_S_DRIVER_OK) &&
	       ((get(r, VIO_MMIO_QUEUE_READY) & 1u) != 0u);
}

/* No driver has begun to set the queue up since this port took a set-up. */
static bool marked(const struct vio_ramregs *r)
{
	return (get(r, VIO_MMIO_QUEUE_SIZE) & VIO_RAMREGS_TAKEN) != 0u;
}

/* ---- the device's way out ---- */

static void on_signal(void *port, uint16_t vq)
{
	struct vio_ramregs *r = port;

	(void)vq;
	r->ops->bell(r->ctx);
}

/* Configuration does not change here, so this is NEEDS_RESET. */
static void on_config(void *port)
{
	put(port, VIO_RAMREGS_WHY, VIO_RAMREGS_BROKEN);
}

static void on_wake(void *port, uint16_t vq)
{
	struct vio_ramregs *r = port;

	(void)vq;
	r->due = true;
}

static const struct vio_port_ops port_ops = { .signal = on_signal,
					      .config = on_config,
					      .wake = on_wake };

/* ---- set-up ---- */

static uint64_t area(const struct vio_ramregs *r, uint32_t off)
{
	return ((uint64_t)get(r, off + 4u) << 32) | get(r, off);
}

/* Only the word that was written last is still there; the other one is taken as offered. */
static uint64_t accepted(const struct vio_ramregs *r)
{
	uint32_t sel = get(r, VIO_MMIO_DRIVER_FEATURES_SEL), v = get(r, VIO_MMIO_DRIVER_FEATURES);
	uint64_t offered = r->dev->offered;

	if (sel == 0u) {
		return (offered & ~(uint64_t)0xffffffffu) | v;
	}
	return (offered & 0xffffffffu) | ((uint64_t)v << 32);
}

/* Index of the available (1) or used ring (2), at byte 2 of both; returns: VIO_OK | VIO_E_ADDR */
static int ring_index(const struct vio_ramregs *r, uint32_t which, uint16_t *index)
{
	struct vio_seg s = { .addr = r->dev->vq[0].area_addr[which], .len = 4u };
	struct vio_sgl l = { .seg = &s, .cap = 1u, .n_out = 1u, .ring = true };
	int rc = vio_mem_acquire(r->dev->mem, &l);

	if (rc == VIO_OK) {
		*index = vio_get16(s.p + 2);
		vio_mem_release(r->dev->mem, &l, NULL, 0u);
	}
	return rc;
}

/*
 * Under a driver that runs: what was taken and not shown is taken again. It is due when a notification was not taken,
 * or what it offered not shown completely; otherwise the driver may be offering right now (ramregs.h).
 */
static int take_over(struct vio_ramregs *r, struct vio_vq_state *at)
{
	int rc = ring_index(r, 2u, &at->used);

	at->avail = at->used;
	r->due = get(r, VIO_RAMREGS_END) != at->used;
	return rc;
}

static enum vio_ramregs_why queue_up(struct vio_ramregs *r, uint32_t size, bool resumed)
{
	struct vio_vq *q = &r->dev->vq[0];
	struct vio_vq_state at = { 0u, 0u, true, true };

	r->due = false;
	if ((size > VIO_VQ_SIZE_MAX) ||
	    (vio_vq_setup(q, (uint16_t)size, area(r, VIO_MMIO_QUEUE_DESC),
			  area(r, VIO_MMIO_QUEUE_DRIVER),
			  area(r, VIO_MMIO_QUEUE_DEVICE)) != VIO_OK) ||
	    (resumed && (take_over(r, &at) != VIO_OK))) {
		return VIO_RAMREGS_QUEUE;
	}
	if (r->ops->prepare != NULL) {
		r->ops->prepare(r->ctx, q, resumed);
	}
	return (vio_vq_enable(q, resumed ? &at : NULL) == VIO_OK) ? VIO_RAMREGS_SERVING
								  : VIO_RAMREGS_QUEUE;
}

/* As an orderly driver does it: accept, FEATURES_OK, queue, DRIVER_OK. */
static enum vio_ramregs_why set_up(struct vio_ramregs *r, uint32_t size, bool resumed)
{
	struct vio_dev *d = r->dev;
	uint8_t s = VIO_S_ACKNOWLEDGE | VIO_S_DRIVER | VIO_S_FEATURES_OK;
	enum vio_ramregs_why why;

	if ((vio_dev_accept(d, accepted(r)) != VIO_OK) || (vio_dev_set_status(d, s) != VIO_OK)) {
		return VIO_RAMREGS_FEATURES;
	}
	why = queue_up(r, size, resumed);
	if ((why == VIO_RAMREGS_SERVING) &&
	    (vio_dev_set_status(d, s | VIO_S_DRIVER_OK) != VIO_OK)) {
		why = VIO_RAMREGS_BROKEN; /* the class refused to start */
	}
	return why;
}

/* ---- the driver ---- */

static void drain(struct vio_ramregs *r)
{
	(void)vio_vq_run(&r->dev->vq[0]);
	if (vio_dev_status(r->dev) == 0u) {
		r->state = DOWN;
		put(r, VIO_RAMREGS_WHY, VIO_RAMREGS_IDLE);
	}
}

static void leave(struct vio_ramregs *r)
{
	r->state = DRAINING;
	(void)vio_dev_set_status(r->dev, 0u);
	drain(r);
}

/*
 * The mark comes first: a driver that begins anew while the registers are read takes it away. One that did so just
 * before is not ready now, or it is and all that is read is its own.
 */
static void arrive(struct vio_ramregs *r)
{
	uint32_t size = get(r, VIO_MMIO_QUEUE_SIZE);
	bool taken = (size & VIO_RAMREGS_TAKEN) != 0u, adopt = r->adopt;
	enum vio_ramregs_why why;

	r->adopt = false;
	if (taken && !adopt) {
		return; /* DRIVER_OK went and came back: the driver has to set the queue up again */
	}
	size &= ~VIO_RAMREGS_TAKEN;
	if (!taken) {
		put(r, VIO_RAMREGS_WHY,
		    VIO_RAMREGS_IDLE); /* a port that starts anew does not go on from here */
	}
	put(r, VIO_MMIO_QUEUE_SIZE, size | VIO_RAMREGS_TAKEN);
	vio_fence();
	if (!wanted(r)) {
		put(r, VIO_MMIO_QUEUE_SIZE, size);
		return;
	}
	why = set_up(r, size, taken);
	put(r, VIO_RAMREGS_WHY, (uint32_t)why);
	r->state = (why == VIO_RAMREGS_SERVING) ? UP : FAILED;
}

/*
 * A notification is taken before the ring is looked at: one that comes later is seen by the next poll. Whoever starts
 * anew between any two of these stores finds that a turn is due. Where the queue was set up anew meanwhile, the
 * notification was that driver's, or its notification was overwritten: it is given back, for its own ring.
 */
static void hear(struct vio_ramregs *r)
{
	uint16_t end;

	if ((get(r, VIO_MMIO_QUEUE_NOTIFY) & VIO_RAMREGS_HEARD) != 0u) {
		return;
	}
	put(r, VIO_RAMREGS_END, VIO_RAMREGS_NO_END);
	vio_fence();
	put(r, VIO_MMIO_QUEUE_NOTIFY, VIO_RAMREGS_HEARD);
	vio_fence();
	if (!marked(r)) {
		put(r, VIO_MMIO_QUEUE_NOTIFY, 0u);
		return;
	}
	r->due = true;
	if (ring_index(r, 1u, &end) == VIO_OK) {
		put(r, VIO_RAMREGS_END, end);
	}
}

bool vio_ramregs_poll(struct vio_ramregs *r)
{
	bool want = wanted(r);

	if (r->state == DRAINING) {
		drain(r);
	}
	if (((r->state == UP) || (r->state == FAILED)) && (!want || !marked(r))) {
		leave(r);
	}
	if ((r->state == DOWN) && want) {
		arrive(r);
	}
	if (r->state != UP) {
		return false; /* draining: a host has what is missing */
	}
	hear(r);
	if (r->due) {
		r->due = false; /* before the turn, which may set it */
		r->due = (vio_vq_run(&r->dev->vq[0]) == VIO_PENDING) || r->due;
	}
	return r->due;
}

/* ---- publishing ---- */

/* An earlier port of the same device was here, and its driver still runs. */
static bool left_running(const struct vio_ramregs *r)
{
	return (get(r, VIO_MMIO_MAGIC) == VIO_MMIO_MAGIC_VALUE) &&
	       (get(r, VIO_MMIO_VERSION) == 2u) &&
	       (get(r, VIO_MMIO_DEVICE_ID) == r->dev->ops->id) &&
	       ((get(r, VIO_MMIO_STATUS) & VIO_S_DRIVER_OK) != 0u) && marked(r) &&
	       (get(r, VIO_RAMREGS_WHY) == VIO_RAMREGS_SERVING);
}

static void publish(struct vio_ramregs *r, uint16_t size_max)
{
	if (!r->adopt) {
		for (uint32_t off = 0u; off < VIO_RAMREGS_BYTES; off += 4u) {
			put(r, off, 0u);
		}
		put(r, VIO_MMIO_QUEUE_NOTIFY, VIO_RAMREGS_HEARD);
	}
	put(r, VIO_MMIO_VERSION, 2u);
	put(r, VIO_MMIO_DEVICE_ID, r->dev->ops->id);
	put(r, VIO_MMIO_DEVICE_FEATURES, WORDS);
	put(r, VIO_MMIO_QUEUE_SIZE_MAX, size_max);
	put(r, VIO_MMIO_INTERRUPT_STATUS, VIO_MMIO_INT_USED);
	for (uint32_t off = 0u; off < r->dev->ops->config_len; off += 4u) {
		uint8_t b[4];

		vio_dev_config_read(r->dev, off, b, sizeof(b));
		put(r, VIO_MMIO_CONFIG + off, vio_unpack32(b));
	}
	vio_put32_rel(r->regs + VIO_MMIO_MAGIC, VIO_MMIO_MAGIC_VALUE);
}

int vio_ramregs_init(struct vio_ramregs *r, struct vio_dev *d, void *regs, uint16_t size_max,
		     bool resume, const struct vio_ramregs_ops *ops, void *ctx)
{
	if ((((uintptr_t)regs & 3u) != 0u) || (size_max == 0u) || (size_max > VIO_VQ_SIZE_MAX) ||
	    ((size_max & (size_max - 1u)) != 0u)) {
		return VIO_E_ARG;
	}
	*r = (struct vio_ramregs){ .dev = d, .regs = regs, .ops = ops, .ctx = ctx, .state = DOWN };
	d->withheld |= 0xffffffffu & ~WORDS;
	vio_dev_attach(d, &port_ops, r, TRANSPORT);
	if ((d->nvq != 1u) || ((d->offered >> 32) != WORDS) ||
	    ((d->ops->needs & ~d->offered) != 0u) ||
	    (d->ops->config_len > (VIO_RAMREGS_BYTES - VIO_MMIO_CONFIG)) ||
	    ((d->ops->config_write != NULL) &&
	     ((d->ops->config_write_needs == 0u) ||
	      ((d->offered & d->ops->config_write_needs) != 0u)))) {
		return VIO_E_NOTSUP;
	}
	d->vq[0].size_max = size_max;
	r->adopt = resume && left_running(r);
	publish(r, size_max);
	return VIO_OK;
}
