/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host.h - waist 5 of 5: host resources, and how a device model is found
 *
 * A device class declares its host table (struct vio_<class>_host_ops) in its own header: blk.h, i2c.h, ... A
 * real resource, a simulator and a firmware driver are three fillings of it. Every submitting verb answers
 * VIO_OK (done now), VIO_PENDING (the job's `done` follows) or a negative code.
 */
#ifndef VIO_HOST_H
#define VIO_HOST_H

#include "dev.h"

/*
 * Embedded in the device's request. The device sets done and vq before it submits.
 * done: runs on the queue's executor, never inside the submitting call.
 * result: >= 0 as the class says, < 0 enum vio_err
 */
struct vio_job {
	void (*done)(struct vio_job *j, int32_t result);
	struct vio_vq *vq;
};

/* vio_job_complete - what a host calls; on the queue's executor */
static inline void vio_job_complete(struct vio_job *j, int32_t result)
{
	struct vio_vq *q = j->vq; /* the job is gone after done() */

	j->done(j, result);
	vio_vq_wake(q);
}

/* Time, for device models and simulated hosts. The core itself has no clock. */
struct vio_timer {
	uint64_t at;			   /* ns, monotonic; 0 = idle */
	void (*fire)(struct vio_timer *t); /* on the executor of the clock */
	struct vio_timer *next;
};
struct vio_clock {
	uint64_t (*now)(struct vio_clock *c);				    /* ns, monotonic */
	void (*set)(struct vio_clock *c, struct vio_timer *t, uint64_t at); /* at 0 cancels */
};

/*
 * A class of devices, as programs find it: one `const struct vio_class vio_class_<name>` in device/<name>.c.
 * Firmware may skip it and call the class's typed init.
 */
#define VIO_PARAM_MAX 12u
struct vio_param {
	const char *name; /* option name, "num-queues" */
	const char *help;
	uint32_t min, max, def; /* 0..1 is a switch */
};

/* What a device is made of: the host table of its class, the clock, and its numeric parameters. */
struct vio_parts {
	const void *host_ops;
	void *host;
	struct vio_clock *clock;       /* may be NULL: then rates and timeouts are refused */
	uint32_t param[VIO_PARAM_MAX]; /* in the order of vio_class.param, within their bounds */
};

struct vio_class {
	const char *name;  /* "i2c" */
	const char *about; /* one line for --help */
	uint32_t id;
	bool needs_host;   /* false: works without a host table */
	bool any_executor; /* queues are independent: may run on several threads */
	/*
	 * Its drivers offer several requests without a lock and notify once, and do not bear that one completes before
	 * that (Linux's i2c-virtio): a port does not look at its queues on its own, unless told to.
	 */
	bool notified_only;
	const struct vio_param *param;
	uint8_t nparam;
	/* bytes of the instance for these parameters, alignment of a pointer and of uint64_t */
	size_t (*bytes)(const struct vio_parts *parts);
	/*
	 * self: bytes() of zeroed memory, begins with struct vio_dev
	 * returns: VIO_OK | VIO_E_ARG parts do not fit | negative from the host
	 */
	int (*create)(void *self, struct vio_mem *m, const struct vio_parts *parts);
	/* NULL: nothing to do. Device is reset; give back what the class itself holds of the host. */
	void (*destroy)(void *self);
};

#endif
