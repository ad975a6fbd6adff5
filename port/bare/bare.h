/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bare.h - a port without an operating system: a polled loop over devices, timers by a clock that is read
 *
 * Freestanding, no interrupt of its own, no storage but the caller's. Everything runs on the one executor that calls
 * vio_bare_turn for ever.
 */
#ifndef VIO_BARE_H
#define VIO_BARE_H

#include "vio/host.h"
#include "ramregs.h"

struct vio_bare {
	struct vio_clock clock;	 /* for device models and hosts */
	struct vio_timer *timer; /* those that are set, in no order */
	uint64_t (*now)(void);	 /* ns since some moment, never goes back */
	struct vio_ramregs *dev; /* n of them, each initialised */
	uint16_t n;
};

/* vio_bare_init - dev: n of them, kept; now: as above; NULL: no clock is needed, timers never fire */
void vio_bare_init(struct vio_bare *b, struct vio_ramregs *dev, uint16_t n, uint64_t (*now)(void));

/* vio_bare_timers - fire what is due, each timer at most once; for loops that are not vio_bare_turn */
void vio_bare_timers(struct vio_bare *b);
/*
 * vio_bare_turn - fire what is due, then one poll of each device
 * Bounded: each timer fires at most once, each device takes at most the requests that its queue holds.
 * returns: true there is more to do at once | false one may wait a moment
 */
bool vio_bare_turn(struct vio_bare *b);

#endif
