/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ctl.h - what a driver sets up, for transports by which it describes queues one by one: registers, messages
 *
 * Between a transport (mmio.h, msg.h) and dev.h: keeps what was written for each queue, goes on with what could not
 * be done at once, and hands all of it on to another process.
 * source: virtio 1.3, 2.1, 2.2, 2.6.1, 3.1
 *
 * Threads: the control executor, which must also be that of the queues.
 */
#ifndef VIO_CTL_H
#define VIO_CTL_H

#include "dev.h"

enum vio_ctl_state { VIO_CTL_IDLE, VIO_CTL_STARTING, VIO_CTL_STOPPING, VIO_CTL_RESETTING };

/* What the driver wrote for one queue, beside the areas, which are the queue's (area_addr); the caller's storage. */
struct vio_ctl_vq {
	uint16_t size;
	uint8_t state; /* enum vio_ctl_state */
	uint8_t due;   /* the transport's own; atomic; 0 after vio_ctl_forget */
};

struct vio_ctl {
	struct vio_dev *dev;
	struct vio_ctl_vq *vq; /* dev->nvq of them */
	uint64_t features;     /* as the driver wrote them */
	uint64_t insists; /* features without which FEATURES_OK stays 0; the port's, default: 0 */
	bool beyond;	  /* the driver accepted a feature above bit 63 */
	bool refused; /* FEATURES_OK was not taken over; may be set to false by whoever read it */
	/* run a turn of this queue soon; from any thread */
	void (*run)(void *ctx, uint16_t vq);
	/* queue vq will be enabled: the moment for vio_vq_track; resumed: by vio_ctl_restore. May be NULL */
	void (*prepare)(void *ctx, uint16_t vq, bool resumed);
	void *ctx;
};

/* vio_ctl_size - a size as the driver wrote it, for vio_ctl_vq; too large for that: one that is refused as well */
static inline uint16_t vio_ctl_size(uint32_t v)
{
	return (v > UINT16_MAX) ? UINT16_MAX : (uint16_t)v;
}

/* vio_ctl_forget - all that the driver wrote; first call, and at each reset. The areas go when the reset is complete */
void vio_ctl_forget(struct vio_ctl *c);
bool vio_ctl_resetting(const struct vio_ctl *c);
/* vio_ctl_fault - the driver broke a rule: NEEDS_RESET; returns: VIO_E_ARG */
int vio_ctl_fault(struct vio_ctl *c);

/*
 * Queue i, below dev->nvq. What is pending goes on in vio_ctl_settle, and in vio_ctl_settled for all queues.
 * start: the size is in c->vq[i], the areas in the queue, which is down. A size or area that cannot be is VIO_E_ARG
 * returns: VIO_OK | VIO_PENDING | negative: nothing was started
 */
int vio_ctl_start(struct vio_ctl *c, uint16_t i, bool resumed);
int vio_ctl_stop(struct vio_ctl *c, uint16_t i);
int vio_ctl_reset(struct vio_ctl *c, uint16_t i); /* RING_RESET */
int vio_ctl_settle(struct vio_ctl *c, uint16_t i);
bool vio_ctl_settled(struct vio_ctl *c); /* true: nothing is pending */
/* vio_ctl_up - enabled, or will be */
bool vio_ctl_up(const struct vio_ctl *c, uint16_t i);

/* vio_ctl_accept - features [32 * block, 32 * block + 32) as the driver wrote them; returns: VIO_OK | VIO_E_ARG too late */
int vio_ctl_accept(struct vio_ctl *c, uint32_t block, uint32_t v);
/*
 * vio_ctl_status - the driver wrote s; 0 forgets and resets
 * returns: as vio_dev_set_status; VIO_E_ARG was a fault, but for a write during a reset, which is ignored
 */
int vio_ctl_status(struct vio_ctl *c, uint8_t s);

/*
 * What the driver has set up, for a port that hands its guest on to another process. Plain data in this machine's
 * layout. Not in it: what device models keep for themselves (each class's page says what that means).
 */
struct vio_ctl_saved {
	uint64_t features;
	uint32_t generation;
	uint8_t status;
	uint8_t beyond; /* as in struct vio_ctl */
};
struct vio_ctl_saved_vq {
	uint64_t area[3];
	uint32_t size;
	uint8_t ready;
};
/*
 * vio_ctl_save - before the driver goes on; vq: dev->nvq of them
 * Of what is pending: a reset counts as done, a stop of a queue as not begun; it is to be done again.
 */
void vio_ctl_save(const struct vio_ctl *c, struct vio_ctl_saved *s, struct vio_ctl_saved_vq *vq);
/*
 * vio_ctl_restore - on a device in reset; what was in flight is taken from prepare's regions. Nothing in s and vq is
 * trusted, but it must not change meanwhile.
 * returns: VIO_OK, then vio_ctl_settled | VIO_E_ARG this device cannot go on from there; it is in reset, or a reset is
 *          pending
 */
int vio_ctl_restore(struct vio_ctl *c, const struct vio_ctl_saved *s,
		    const struct vio_ctl_saved_vq *vq);

#endif
