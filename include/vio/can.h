/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * can.h - CAN device: host table, storage, typed init
 *
 * source: virtio 1.4, 5.20
 */
#ifndef VIO_CAN_H
#define VIO_CAN_H

#include "host.h"
#include "spec/can.h"

/* Overridable for firmware, the same for every file of a program. */
#ifndef VIO_CAN_DEPTH
#define VIO_CAN_DEPTH 32u /* frames of the driver that may be on their way at once */
#endif
#ifndef VIO_CAN_SEGS
#define VIO_CAN_SEGS 4u /* segments of one request */
#endif
#ifndef VIO_CAN_FIFO
#define VIO_CAN_FIFO 64u /* frames received that wait for a buffer of the driver; a power of two */
#endif

struct vio_can_frame {
	uint32_t id;	/* <= VIO_CAN_STANDARD_MAX, with EXTENDED <= VIO_CAN_EXTENDED_MAX */
	uint16_t flags; /* VIO_CAN_FLAGS_*; not FD and RTR together */
	uint8_t len; /* <= VIO_CAN_CLASSIC_LEN, with FD <= VIO_CAN_FD_LEN (any number: see `send`) */
	uint8_t data[VIO_CAN_FD_LEN]; /* len bytes; RTR: none */
};

/* A frame of the driver on its way; checked by the device. */
struct vio_can_tx {
	struct vio_job job;
	struct vio_can_frame frame;
	bool ack; /* the driver wants to know that it was on the bus; else that it will be is enough */
	/* the host's, from send until the job is completed: */
	struct vio_can_tx *next;
	uint32_t word;
};

/* What a controller can do; constant while the device exists. One of classic and fd at least; rtr needs classic. */
struct vio_can_able {
	bool classic, fd, rtr;
	bool ack; /* it knows when a frame was acknowledged on the bus */
};

/* The device's ear. Called on the executor of the device, between `open` and `close`; not inside `send`. */
struct vio_can_sink {
	/*
	 * frame - another node sent f (not NULL, taken over by copy)
	 * What is wrong in it, or of a kind that the driver does not know, is dropped. So is what does not fit.
	 */
	void (*frame)(struct vio_can_sink *s, const struct vio_can_frame *f);
	/*
	 * busoff - the controller stopped by itself: too many errors, or the bus is gone
	 * It is as after `stop`; frames that were on their way have been completed, or are at once afterwards.
	 */
	void (*busoff)(struct vio_can_sink *s);
};

/* Called on the executor of the device; must not block. A controller is stopped when it is opened. */
struct vio_can_host_ops {
	/* open - the device is there; returns: what can be done, or NULL: the host is gone. sink: until close */
	const struct vio_can_able *(*open)(void *host, struct vio_can_sink *sink);
	/* close - device is reset: the sink is not called any more. May be NULL */
	void (*close)(void *host);
	/* start - take part in the bus; of what was sent before, nothing is heard. returns: VIO_OK | negative */
	int (*start)(void *host);
	/* stop - from now on not; all frames on their way are completed inside this call (as failed) */
	void (*stop)(void *host);
	/*
	 * send - started; frames of one identifier go in the order of the calls
	 * A length that no FD frame can have is rounded up, and zeroes are sent in addition.
	 * returns: VIO_OK it is on its way (ack: was on the bus) | VIO_PENDING t->job follows, its result VIO_OK or
	 *          negative | negative: it is not sent
	 */
	int (*send)(void *host, struct vio_can_tx *t);
	/* cancel - pending; its job must be completed, at once or later. It may have been sent. */
	void (*cancel)(void *host, struct vio_can_tx *t);
};

struct vio_can_req {
	struct vio_req req; /* first */
	struct vio_can_tx tx;
};

struct vio_can {
	struct vio_dev dev;
	struct vio_vq vq[3];
	const struct vio_can_host_ops *ops;
	void *host;
	struct vio_can_sink sink;
	bool started;
	struct vio_req *stop; /* STOP, answered when its frames are back */
	uint32_t in, out;     /* of fifo, free-running */
	uint32_t lost;	      /* frames that did not fit */
	uint8_t config[sizeof(struct vio_can_config)];
	struct vio_can_frame fifo[VIO_CAN_FIFO];
	VIO_VQ_STORE(struct vio_can_req, VIO_CAN_DEPTH, VIO_CAN_SEGS) tx;
	VIO_VQ_STORE(struct vio_req, 8, VIO_CAN_SEGS) rx;
	VIO_VQ_STORE(struct vio_req, 2, VIO_CAN_SEGS) control;
};

/*
 * vio_can_init - c: zeroed
 * returns: VIO_OK | VIO_E_ARG no host, or it can neither classic nor FD | VIO_E_IO host is gone
 */
int vio_can_init(struct vio_can *c, struct vio_mem *m, const struct vio_can_host_ops *ops,
		 void *host);
/* vio_can_fini - device is reset: takes the sink back, so that host and storage may go */
void vio_can_fini(struct vio_can *c);

extern const struct vio_class vio_class_can;

#endif
