/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * watchdog.h - watchdog device: host table, storage, typed init
 *
 * source: docs/standards/watchdog.md
 */
#ifndef VIO_WATCHDOG_H
#define VIO_WATCHDOG_H

#include "host.h"
#include "spec/watchdog.h"

/* Overridable for firmware, the same for every file of a program. */
#ifndef VIO_WATCHDOG_DEPTH
#define VIO_WATCHDOG_DEPTH 4u /* requests of one queue answered before its ring is written */
#endif
#ifndef VIO_WATCHDOG_SEGS
#define VIO_WATCHDOG_SEGS 4u /* segments of one request */
#endif

/* What a host can do when a watchdog expires; constant while the device exists. */
struct vio_watchdog_can {
	uint32_t actions; /* bit n: VIO_WATCHDOG_A_n; bit 0 does not matter */
	uint8_t action;	  /* what happens unless the driver chooses; its bit is in actions */
};

/*
 * Called on the executor of the device; must not block. A host that is a watchdog itself, or feeds one, fills start,
 * kick and stop; all others leave them NULL.
 */
struct vio_watchdog_host_ops {
	/* open - the device is there; returns: what the host can do, or NULL: the host is gone */
	const struct vio_watchdog_can *(*open)(void *host);
	/*
	 * start - the guest's watchdog starts, or starts anew with another timeout (ms, > 0)
	 * returns: VIO_OK | negative: the driver is told, and the watchdog is as it was before
	 */
	int (*start)(void *host, uint32_t timeout);
	/* kick - the guest is alive; returns: VIO_OK | negative: the driver is told; the time has begun anew all the same */
	int (*kick)(void *host);
	/* stop - nobody watches the guest any more: the driver's wish, a reset, or the end of the device */
	void (*stop)(void *host);
	/*
	 * expired - the guest did not kick in time: act on it. Once for each expiry; neither kick nor stop follows before
	 * the next start. That an action fails, or takes time, is the host's affair: it says so in its own log.
	 * action: VIO_WATCHDOG_A_NONE to _NMI, one of those that `open` gave
	 */
	void (*expired)(void *host, uint8_t action);
};

/* "none", "reset", ... by VIO_WATCHDOG_A_*, for options and logs of hosts; 0 is "default" */
extern const char *const vio_watchdog_action[VIO_WATCHDOG_ACTIONS];

/* Numbers that whoever makes the device chooses. */
struct vio_watchdog_rule {
	uint32_t min, max, def; /* timeouts, ms; 0 < min <= def <= max */
	bool stop;		/* offer STOP: a driver may end what it began */
	bool endure;		/* offer ENDURE: without a way out it goes on over a reset */
	bool choose; /* the driver may choose among the host's actions; else the host's it is */
};

struct vio_watchdog {
	struct vio_dev dev;
	struct vio_vq vq[2];
	const struct vio_watchdog_host_ops *ops;
	void *host;
	struct vio_clock *clock;
	struct vio_timer timer; /* of the next phase */
	struct vio_watchdog_rule rule;
	uint32_t actions; /* that a driver may ask for */
	uint8_t action_default;
	/* of the last START: */
	uint32_t timeout, pretimeout; /* ms */
	uint8_t action;		      /* never DEFAULT */
	bool running, nowayout, expired;
	bool endure;	   /* a reset does not end it; only with nowayout */
	bool warn;	   /* the pre-timeout has come, and the driver was not told yet */
	uint8_t phase;	   /* what comes next */
	uint64_t next;	   /* when, ns by clock */
	uint64_t deadline; /* ns */
	uint8_t config[sizeof(struct vio_watchdog_config)];
	VIO_VQ_STORE(struct vio_req, VIO_WATCHDOG_DEPTH, VIO_WATCHDOG_SEGS) store[2];
};

/*
 * vio_watchdog_init - w: zeroed; clock: its timers fire on the executor of the device
 * returns: VIO_OK | VIO_E_ARG no host, no clock, a rule or a host that makes no sense | VIO_E_IO host is gone
 */
int vio_watchdog_init(struct vio_watchdog *w, struct vio_mem *m,
		      const struct vio_watchdog_host_ops *ops, void *host, struct vio_clock *clock,
		      const struct vio_watchdog_rule *rule);
/* vio_watchdog_fini - device is reset: stops, even if it endured, so that host and storage may go */
void vio_watchdog_fini(struct vio_watchdog *w);

extern const struct vio_class vio_class_watchdog;

#endif
