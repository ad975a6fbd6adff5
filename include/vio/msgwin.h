/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * msgwin.h - a bus of devices behind one window of shared memory: what lies where in it, and what is done in a turn
 *
 * The device's side of virtio-msg for every port that has such a window: whoever calls supplies the doorbell, the
 * moments of a turn, the devices' turns, and words for a person. The order in the window: layout (64 bytes), a block
 * of our own (64), heads, FIFOs, then from the next page the pool, in which the driver's rings and buffers lie.
 *
 * source: include/vio/spec/msg.h. Threads: one executor, that of the devices' control.
 */
#ifndef VIO_MSGWIN_H
#define VIO_MSGWIN_H

#include "msg.h"
#include "msgq.h"

/*
 * What is ours between the layout and the heads, for drivers that know it (docs/window.md). It is written before the
 * layout's magic.
 */
#define VIO_MSGWIN_BLOCK  64u /* from the start of the window */
#define VIO_MSGWIN_MAGIC  0u  /* 32 bits */
#define VIO_MSGWIN_DEV	  4u  /* 32 bits: what the driver writes to its doorbell to ring us */
#define VIO_MSGWIN_DRV	  8u  /* 32 bits: what we write to ring the driver; the driver's */
#define VIO_MSGWIN_EPOCH  12u /* 32 bits: how often this side began */
#define VIO_MSGWIN_POOL	  16u /* 64 bits: where rings and buffers may lie */
#define VIO_MSGWIN_LENGTH 24u /* 64 bits */
#define VIO_MSGWIN_OK	  0x31575453u

#define VIO_MSGWIN_HEADS    128u
#define VIO_MSGWIN_PAGE	    4096u
#define VIO_MSGWIN_ELEMENTS 64u
#define VIO_MSGWIN_ELEMENT  64u		/* bytes of a message */
#define VIO_MSGWIN_NO_BELL  0xffffffffu /* nobody can be rung, or the other side did not say how */

extern const struct vio_msgq_shape vio_msgwin_shape;

/* vio_msgwin_pool - where the pool begins, bytes from the window's start */
uint32_t vio_msgwin_pool(void);
/*
 * vio_msgwin_create - write all of it: what was in the window is over, and a driver may come
 * mem: aligned to 8, len bytes; bell: what rings us
 * returns: VIO_OK | VIO_E_ARG alignment, or no room for a pool
 */
int vio_msgwin_create(struct vio_msgq *q, void *mem, uint32_t len, uint32_t bell);
/* vio_msgwin_bell - what rings the driver, as it says itself: not checked */
uint32_t vio_msgwin_bell(const void *mem);

/* What a turn did, and what is to be done about it */
struct vio_msgwin_turn {
	enum vio_msgq_event
		event; /* of the session; the devices are being reset where it says so */
	uint32_t received, sent;
	bool ring; /* ring the other side */
	bool more; /* messages were left for the next turn */
	bool owed; /* we have more to say, and the FIFO is full: the other side rings when it has taken some */
	bool died; /* the other side broke a rule just now: nothing more until it begins anew */
};

/*
 * vio_msgwin_turn - look at the session; take at most one FIFO full of messages, answer them, say what is new
 * Where the devices are being reset, turns of their queues must follow, and then a turn of this.
 */
void vio_msgwin_turn(struct vio_msgq *q, struct vio_msg_bus *b, struct vio_msgwin_turn *t);
/* vio_msgwin_reset - all devices of the bus */
void vio_msgwin_reset(struct vio_msg_bus *b);

#endif
