/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * msgq.h - two FIFOs of messages in shared memory, and the handshake of the two sides
 *
 * Plain memory, no doorbell: whoever uses it rings the other side after a put, after a change of state, and when
 * vio_msgq_freed says so; or both sides poll. The other side is hostile: each of its words is loaded once and checked,
 * none of our own is read back. What is impossible closes the connection (VIO_MSGQ_PEER_DEAD) until the driver's side
 * begins anew.
 *
 * source: include/vio/spec/msg.h. Threads: one executor.
 */
#ifndef VIO_MSGQ_H
#define VIO_MSGQ_H

#include "base.h"
#include "spec/msg.h"

#define VIO_MSGQ_N_MAX 4096u

struct vio_msgq_shape {
	uint16_t n;    /* elements of each FIFO, 2 to VIO_MSGQ_N_MAX; one is always empty */
	uint16_t size; /* bytes of each, VIO_MSG_MIN to VIO_MSG_MAX, a multiple of 4 */
	uint16_t
		at; /* where the heads begin, a multiple of 64, >= 64: what is before is the caller's */
	uint8_t words;	    /* of notifications, 0 to 64 */
	uint8_t per_device; /* with words: bits of each device, 1, 2, 4, 8 or 16 */
};

enum vio_msgq_phase {
	VIO_MSGQ_IDLE,	  /* no session */
	VIO_MSGQ_CLOSING, /* device's side: a driver begins, what was before it is not over yet */
	VIO_MSGQ_OPEN,	  /* the other side has not answered yet */
	VIO_MSGQ_RUNNING,
	VIO_MSGQ_DEAD /* the other side broke a rule */
};

struct vio_msgq {
	uint8_t *my, *peer; /* heads */
	uint8_t *tx, *rx;   /* elements: mine, the other's */
	uint8_t *my_word, *peer_word;
	uint16_t n, size;
	uint16_t tail, head; /* mine, as stored */
	uint16_t seen;	     /* the other's head when last read */
	uint16_t free;	     /* places freed since vio_msgq_freed */
	uint8_t words, per_device;
	uint8_t phase; /* enum vio_msgq_phase */
	bool driver;   /* which side we are */
	bool ran;      /* the other side was seen running */
};

/* vio_msgq_bytes - from the start of shared memory; returns: 0: no such shape */
uint32_t vio_msgq_bytes(const struct vio_msgq_shape *s);

/*
 * vio_msgq_create - the device's side begins: what was in the memory is over; a driver that waits there is seen
 * mem: aligned to 8, len bytes; returns: VIO_OK | VIO_E_ARG shape, alignment, or too small
 */
int vio_msgq_create(struct vio_msgq *q, void *mem, uint64_t len, const struct vio_msgq_shape *s);
/*
 * vio_msgq_attach - the driver's side begins, by what the device's side wrote
 * returns: VIO_OK | VIO_E_AGAIN there is nothing yet | VIO_E_ARG impossible
 */
int vio_msgq_attach(struct vio_msgq *q, void *mem, uint64_t len);

enum vio_msgq_event {
	VIO_MSGQ_SAME,
	VIO_MSGQ_BEGUN, /* device's side: reset all devices; when they are, vio_msgq_open */
	VIO_MSGQ_UP,	/* messages can flow */
	VIO_MSGQ_ENDED	/* the other side left: device's side: reset all devices */
};

/* vio_msgq_poll - look at the other side's state, once; anything but SAME: ring */
enum vio_msgq_event vio_msgq_poll(struct vio_msgq *q);
/* vio_msgq_open - after VIO_MSGQ_BEGUN, when nothing of an earlier session is under way; ring */
void vio_msgq_open(struct vio_msgq *q);
/* vio_msgq_close - leave: state VIO_MSGQ_SHUTDOWN; ring */
void vio_msgq_close(struct vio_msgq *q);

/*
 * vio_msgq_put - msg: len bytes, at most q->size; then ring
 * returns: VIO_OK | VIO_E_AGAIN full: later, the other side rings when it made room | VIO_E_RING it is closed now, or
 *          is not running
 */
int vio_msgq_put(struct vio_msgq *q, const uint8_t *msg, uint32_t len);
/* vio_msgq_room - how many puts will not be told VIO_E_AGAIN; 0 also when closed */
uint16_t vio_msgq_room(struct vio_msgq *q);
/*
 * vio_msgq_peek - copy the next message to buf, q->size bytes; vio_msgq_take: it is done with
 * returns: VIO_OK | VIO_E_AGAIN none | VIO_E_RING as put
 */
int vio_msgq_peek(struct vio_msgq *q, uint8_t *buf);
void vio_msgq_take(struct vio_msgq *q);
/* vio_msgq_waiting - a quick look: perhaps there is one */
bool vio_msgq_waiting(const struct vio_msgq *q);
/* vio_msgq_freed - places were freed which the other side may be waiting for: ring */
bool vio_msgq_freed(struct vio_msgq *q);

/* Words of notifications: bit b of all is in half b / 32. Only where both sides agreed to use them. */
void vio_msgq_toggle(struct vio_msgq *q, uint16_t bit);
/* vio_msgq_bits - what the other side toggled in half i since the last call; 0 beyond the last */
uint32_t vio_msgq_bits(struct vio_msgq *q, uint16_t i);

#endif
