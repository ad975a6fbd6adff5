/* SPDX-License-Identifier: BSD-3-Clause */
/* internal.h - private to port/window/ */
#ifndef PORT_WINDOW_INTERNAL_H
#define PORT_WINDOW_INTERNAL_H

#include "port/window/window.h"
#include "vio/msgwin.h"

/* The window's own words (vio/msgwin.h) */
#define WINDOW_BLOCK	    VIO_MSGWIN_BLOCK
#define WINDOW_BLOCK_MAGIC  VIO_MSGWIN_MAGIC
#define WINDOW_BLOCK_DEV    VIO_MSGWIN_DEV
#define WINDOW_BLOCK_DRV    VIO_MSGWIN_DRV
#define WINDOW_BLOCK_EPOCH  VIO_MSGWIN_EPOCH
#define WINDOW_BLOCK_POOL   VIO_MSGWIN_POOL
#define WINDOW_BLOCK_LENGTH VIO_MSGWIN_LENGTH
#define WINDOW_BLOCK_OK	    VIO_MSGWIN_OK
#define WINDOW_HEADS	    VIO_MSGWIN_HEADS
#define WINDOW_NO_BELL	    VIO_MSGWIN_NO_BELL
#define WINDOW_ELEMENTS	    VIO_MSGWIN_ELEMENTS
#define WINDOW_ELEMENT	    VIO_MSGWIN_ELEMENT

#define WINDOW_QUEUE_MIN  4u
#define WINDOW_QUEUE_MAX  256u
#define WINDOW_SLOT_BYTES 2048u /* of the share, for each entry of a queue */

/* ---- where the memory is: one file and one line of window_kinds each ---- */

struct window_place {
	uint8_t *base;
	uint64_t size; /* bytes */
	uint32_t self; /* what the other side writes to ring us; WINDOW_NO_BELL: it cannot */
	int wait_fd;   /* an eventfd, readable when rung; -1: poll */
	struct loop *loop;
	void *own; /* the kind's */
};

struct window_place_ops {
	/* p: zeroed but for loop, self (none), wait_fd (-1); returns: 0 | -1 and err, nothing is open */
	int (*open)(struct window_place *p, const char *arg, char err[256]);
	/* bell: what the other side asked to be rung with, not checked; WINDOW_NO_BELL: it did not say. NULL: it polls */
	void (*ring)(struct window_place *p, uint32_t bell);
	void (*close)(struct window_place *p);
};

extern const struct window_place_ops window_file, window_physical, window_uio, window_server,
	window_ivshmem;

/* window_map - size bytes of fd at off, to p->base; returns: 0 | -1 and err */
int window_map(struct window_place *p, int fd, uint64_t off, uint64_t size, const char *what,
	       char err[256]);

/* ---- the bus ---- */

struct window_turn {
	struct loop_task task;
	struct window_dev *d;
	uint16_t vq;
};

struct window_dev {
	struct window *w;
	struct vio_dev *dev;
	char *name;
	void (*closed)(void *arg);
	void *arg;
	uint16_t num;
	struct vio_msg msg;
	struct vio_ctl_vq *vq;
	struct window_turn *turn;
	struct vio_mem_window mem;
	bool said_broken, leaving;
	struct loop_task left;
};

struct window {
	struct window_config cfg;
	const struct window_place_ops *ops;
	struct window_place place;
	struct vio_mem_window limits;
	struct vio_msgq q;
	struct vio_msg_bus bus;
	struct vio_msg_slot slot[WINDOW_DEVICES];
	struct window_dev *dev[WINDOW_DEVICES];
	uint16_t ndev;
	int guard; /* hosted/sigbus.h */
	bool up;   /* window_added */
	bool closing, gone;
	bool ring, owed; /* ring the other side; it is to take something first */
	struct loop_fd wait;
	struct loop_task work;
	struct vio_timer look;
	struct loop_poller poller;
	uint64_t nap;	  /* ns until the next look */
	uint32_t dropped; /* as last said */
	uint32_t lines;	  /* that may be said, and since when more were earned */
	uint64_t earned;
	struct {
		uint64_t received, sent, rung, woken, sessions;
	} stat;
};

/* ---- window.c ---- */

uint64_t window_share(const struct window *w); /* bytes, of one device */

/* ---- bus.c ---- */

void window_work(struct loop_task *t);
void window_look(struct vio_timer *t);
bool window_poll(struct loop_poller *p);
void window_woken(struct loop_fd *f, uint32_t events);
/* window_ring - tell the other side, once at the end of this turn */
void window_ring(struct window *w);
void window_ring_now(struct window *w);
/* window_may_say - a line about what the driver does: a driver shall not fill a disk with them */
bool window_may_say(struct window *w);

/* ---- dev.c ---- */

void window_dev_run(struct window_dev *d); /* a turn of each queue soon */

#endif
