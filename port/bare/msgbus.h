/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * msgbus.h - several devices behind one window of plain memory, by virtio-msg, polled
 *
 * For every device model, also those that registers in plain memory cannot carry (ramregs.h): several queues, any
 * features, configuration that changes. The driver needs a transport for it: Linux has one in linux/ of this project.
 *
 * An address in rings and messages is an offset in the window; what the driver shares lies in its pool, and the pool
 * is all that a device's memory kind is made of:
 *
 *	vio_bare_msg_init(&b, window, bytes, bell, &board);
 *	vio_mem_phys_init(&mem, b.pool, b.pool_here, b.pool_bytes);
 *	vio_rng_init(&rng, &mem.m, ...);
 *	vio_bare_msg_add(&b, &slot, &rng.dev, ctl, 16u);
 *	vio_bare_msg_publish(&b);
 *	for (;;) { vio_bare_msg_turn(&b); }
 *
 * Nothing is kept for a port that starts anew: the driver begins a new session with devices in reset. One that
 * remembers what it asked for (linux/) asks again, so a request that was under way may be done twice.
 *
 * The other side is hostile: its words are loaded once and checked, a turn is bounded whatever it writes, and what is
 * impossible closes the window until it begins anew. ACCESS_PLATFORM is insisted on, since an address is an offset.
 *
 * Threads: all of it on the one executor that owns the devices.
 */
#ifndef VIO_BARE_MSGBUS_H
#define VIO_BARE_MSGBUS_H

#include "vio/msgwin.h"

#ifndef VIO_BARE_MSG_DEVICES
#define VIO_BARE_MSG_DEVICES 8u /* on one bus; at most 32 */
#endif
/* Turns between two looks at every ring: a notification that got lost holds a request up so long, not for ever. */
#define VIO_BARE_MSG_LOOK   1024u
#define VIO_BARE_MSG_QUEUES 32u /* most of one device */

struct vio_bare_msg;

/* One device on the bus; the caller's storage */
struct vio_bare_msg_dev {
	struct vio_msg msg;
	struct vio_bare_msg *bus;
	uint32_t due; /* a bit for each queue that wants a turn */
};

struct vio_bare_msg {
	/* for the caller, after init: the pool, as the driver names it, and the same bytes here */
	uint32_t pool;
	uint8_t *pool_here;
	uint32_t pool_bytes;
	/* for a person: */
	uint32_t received, sent, bells, sessions;
	/* private: */
	uint8_t *window;
	void (*bell)(void *ctx, uint32_t said);
	void *ctx;
	struct vio_msgq q;
	struct vio_msg_bus bus;
	struct vio_msg_slot slot[VIO_BARE_MSG_DEVICES];
	struct vio_bare_msg_dev *dev[VIO_BARE_MSG_DEVICES];
	uint16_t n;
	uint16_t turns;
};

/*
 * vio_bare_msg_init - window: bytes of memory that both sides see, at the start of a page there too; not cached on
 * either side, or coherent. The driver sees nothing yet.
 * bell: interrupt of the driver's side, behind all earlier stores; said: which one the driver named, not checked, or
 * VIO_MSGWIN_NO_BELL. NULL: it polls
 * returns: VIO_OK | VIO_E_ARG not aligned, or no room for a pool
 */
int vio_bare_msg_init(struct vio_bare_msg *b, void *window, uint32_t bytes,
		      void (*bell)(void *ctx, uint32_t said), void *ctx);
/*
 * vio_bare_msg_add - the next number on the bus, before publish
 * d: its memory kind is made of the pool, or lies in it; vq: d->nvq of them; size_max: entries of each queue, a power
 * of two
 * returns: VIO_OK | VIO_E_ARG size_max, too many devices or queues
 */
int vio_bare_msg_add(struct vio_bare_msg *b, struct vio_bare_msg_dev *slot, struct vio_dev *d,
		     struct vio_ctl_vq *vq, uint16_t size_max);
/* vio_bare_msg_publish - a driver may come; what was in the window is over */
void vio_bare_msg_publish(struct vio_bare_msg *b);
/*
 * vio_bare_msg_turn - at most one FIFO full of messages, then one turn of each queue that wants one
 * returns: true there is more to do at once | false one may wait a moment
 */
bool vio_bare_msg_turn(struct vio_bare_msg *b);

#endif
