/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * window.h - the window port: devices of one process for a driver that shares nothing but a window of memory
 *
 * The other side is a guest, another virtual machine, another processor: whoever sees the same memory, and can perhaps
 * ring. Both sides exchange virtio-msg through two FIFOs at the window's start; rings and buffers lie behind them, and
 * an address is an offset in the window. One window carries up to 32 devices.
 *
 * Nothing else of the other side can be reached, so VIRTIO_F_ACCESS_PLATFORM is offered and insisted on.
 *
 * Nothing outlives the process: a program that comes back begins a new session, with devices in reset. A driver that
 * keeps what it asked for (linux/) asks again; one whose rings lie in the window starts from their beginning.
 *
 * Threads: everything belongs to the loop given, which is also that of the devices' queues.
 */
#ifndef PORT_WINDOW_WINDOW_H
#define PORT_WINDOW_WINDOW_H

#include "hosted/loop.h"
#include "vio/dev.h"

#define WINDOW_DEVICES 32u

struct window;
struct window_dev;

struct window_config {
	struct loop *loop;
	/* KIND:ARGUMENT, where the memory and the bell are: window_kinds. Kept until window_close */
	const char *where;
	uint16_t devices; /* how many there will be: each has its share of the window; 0: 1 */
	uint32_t
		request; /* most bytes of a request, of devices that can tell a driver; 0: by the window */
	uint32_t poll_us; /* look so long before sleeping; the loop's; default: 0 */
	bool rfc;	  /* messages as in the third RFC */
};

/* Where windows can be, for help; ended by an entry without name */
struct window_kind {
	const char *name, *arg, *about;
	const struct window_place_ops *ops;
};
extern const struct window_kind window_kinds[];
/* window_kind_of - what is before the colon of `where`; *arg: what is behind it; returns: NULL: there is no such kind */
const struct window_kind *window_kind_of(const char *where, const char **arg);

#define WINDOW_REQUEST_MIN 8192u
/* window_request - most bytes of a request of a device with so much of a window: four fit; never below the minimum */
uint32_t window_request(uint64_t share);

/* window_open - map it; the driver sees nothing yet; returns: NULL and a line in err */
struct window *window_open(const struct window_config *cfg, char err[256]);
/*
 * window_limits - for the creation of a device, and only for that, before the next call: what its share allows
 * request: most bytes of one request; 0: so that four of them fit
 */
struct vio_mem *window_limits(struct window *w, uint32_t request);
/* window_added - all devices are there: a driver may come; returns: -1 and err */
int window_added(struct window *w, char err[256]);
/* window_report - what it cost so far, to the log */
void window_report(const struct window *w);
/* window_close - no device is left; the driver is told */
void window_close(struct window *w);

struct window_dev_config {
	struct vio_dev *dev;	   /* created with window_limits */
	const char *name;	   /* for messages; copied */
	uint16_t queue_size;	   /* most entries of a queue, a power of two; 0: by the share */
	void (*closed)(void *arg); /* window_dev_close answered VIO_PENDING and is now done */
	void *arg;
};

/* window_dev_add - the next number on the bus, before window_added; returns: NULL and a line in err */
struct window_dev *window_dev_add(struct window *w, const struct window_dev_config *cfg,
				  char err[256]);
/*
 * window_dev_close - stop serving, free it; the whole window is closing
 * returns: VIO_OK | VIO_PENDING requests are owned: `closed` follows, the loop must go on
 */
int window_dev_close(struct window_dev *d);

#endif
