/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * i2c.h - I2C adapter device: host table, storage, typed init
 *
 * source: virtio 1.3, 5.16
 */
#ifndef VIO_I2C_H
#define VIO_I2C_H

#include "host.h"
#include "spec/i2c.h"

/* Overridable for firmware, the same for every file of a program. */
#ifndef VIO_I2C_DEPTH
#define VIO_I2C_DEPTH                                                                              \
	64u /* requests owned at once = messages of one transfer; Linux sends up to 42 */
#endif
#ifndef VIO_I2C_SEGS
#define VIO_I2C_SEGS 8u /* segments of one request */
#endif

/* One message: what lies between two (repeated) START conditions. */
struct vio_i2c_msg {
	struct vio_i2c_msg *next;
	uint16_t addr; /* 7 or 10 bits, plain */
	uint16_t len;  /* bytes, 0: only the address goes over the bus */
	bool ten;      /* addr has 10 bits */
	bool read;
	/* len bytes; a read is stored there only if the whole message succeeded */
	struct vio_span data;
};

/*
 * One bus transfer: START, msg, repeated START, msg, ... STOP. The device sets all but `ok`, which
 * it clears.
 */
struct vio_i2c_xfer {
	struct vio_job job;
	struct vio_i2c_msg *msg; /* n of them */
	uint16_t n;		 /* > 0 */
	/* set by the host when it fails: messages that succeeded before the first failure */
	uint16_t ok;
};

/* Called on the queue's executor; must not block. At most one transfer is under way. */
struct vio_i2c_host_ops {
	/*
	 * xfer - run the messages in order, stop at the first that fails
	 * returns: VIO_OK all succeeded | VIO_PENDING x->job follows, its result VIO_OK or negative
	 *          | negative: message number x->ok failed, or (with 0) an unknown one; the rest
	 *            was not run
	 */
	int (*xfer)(void *host, struct vio_i2c_xfer *x);
	/*
	 * cancel - may be NULL. A pending transfer is in a hurry: its job must still be completed,
	 * at once or later
	 */
	void (*cancel)(void *host, struct vio_i2c_xfer *x);
};

struct vio_i2c_req {
	struct vio_req r;
	struct vio_i2c_msg msg;
	bool fail_next;
};

struct vio_i2c {
	struct vio_dev dev;
	struct vio_vq vq;
	const struct vio_i2c_host_ops *ops;
	void *host;
	struct vio_i2c_xfer x;
	struct vio_i2c_msg **tail; /* where the next message of x goes */
	struct vio_i2c_req *bad;   /* behind the messages of x: fails without being run */
	bool busy;		   /* x is with the host */
	bool fail;		   /* the request before failed and had FAIL_NEXT */
	VIO_VQ_STORE(struct vio_i2c_req, VIO_I2C_DEPTH, VIO_I2C_SEGS) store;
};

/* vio_i2c_init - i: zeroed; returns: VIO_OK | VIO_E_ARG no host */
int vio_i2c_init(struct vio_i2c *i, struct vio_mem *m, const struct vio_i2c_host_ops *ops,
		 void *host);

extern const struct vio_class vio_class_i2c;

#endif
