/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * msg.h - virtio-msg, the device's side, as a pure function: a message comes in, a response goes out
 *
 * For every transport that carries messages and shares memory. The model is a port (vio_port_ops); what it cannot do
 * itself it passes on: struct vio_msg_ops. A bus is a table of devices and the messages that concern no single one.
 *
 * A message is copied out of shared memory once, by the caller, and only then looked at. One that is malformed is
 * dropped and counted, as the specification wants. What a driver must not do fails its device (NEEDS_RESET).
 *
 * source: include/vio/spec/msg.h. Threads: the control executor, which must also be that of the queues.
 */
#ifndef VIO_MSG_H
#define VIO_MSG_H

#include "ctl.h"
#include "spec/msg.h"

/* Which draft: GET_INFO, GET_VQ, SET_VQ, GET_SHM and the list of devices differ. */
enum vio_msg_layout { VIO_MSG_V2, VIO_MSG_RFC3 };

struct vio_msg_ops {
	/* run a turn of this queue soon; from any thread */
	void (*run)(void *ctx, uint16_t vq);
	/* the device has something to say: vio_msg_next soon */
	void (*due)(void *ctx);
};

struct vio_msg {
	struct vio_ctl ctl;
	const struct vio_msg_ops *ops;
	void *ctx;
	uint16_t num;	  /* of the device on its bus */
	uint16_t size;	  /* most bytes of a message, VIO_MSG_MIN to VIO_MSG_MAX */
	uint8_t layout;	  /* enum vio_msg_layout */
	uint8_t uuid[16]; /* the port may set it; default: 0 */
	uint32_t vendor;
	uint32_t dropped; /* messages that were malformed */
	bool config_due;  /* atomic */
	/* a response that waits for its queue to be down */
	bool held;
	uint16_t held_vq, held_token;
};

/* vio_msg_init - attach to d; vq: d->nvq of them; transport_features: as vio_dev_attach */
void vio_msg_init(struct vio_msg *m, struct vio_dev *d, struct vio_ctl_vq *vq, uint16_t num,
		  uint16_t size, enum vio_msg_layout layout, const struct vio_msg_ops *ops,
		  void *ctx, uint64_t transport_features);

/*
 * vio_msg_handle - one message of the driver to this device
 * req: len bytes, private memory; resp: m->size bytes, not req
 * returns: bytes of the response | 0 there is none: an event, malformed (m->dropped), or it follows (vio_msg_next)
 */
uint32_t vio_msg_handle(struct vio_msg *m, const uint8_t *req, uint32_t len, uint8_t *resp);

/*
 * vio_msg_next - what the device has to say by itself: a response that was held, or an event
 * Notifications of a queue are one event, however many there were since the last call.
 * out: m->size bytes; returns: bytes of a message, call again | 0 nothing
 */
uint32_t vio_msg_next(struct vio_msg *m, uint8_t *out);

/* vio_msg_reset - the driver is gone or another: reset the device, forget what was to be said; as vio_ctl_status(0) */
int vio_msg_reset(struct vio_msg *m);

/* ---- the bus ---- */

struct vio_msg_slot {
	struct vio_msg *m; /* NULL: no device */
	uint8_t news;	   /* VIO_MSG_BUS_*: to be announced; 0: nothing */
};

struct vio_msg_bus {
	struct vio_msg_slot *slot; /* n of them: device numbers */
	uint16_t n, hand;	   /* hand: whose turn it is to speak */
	uint16_t size;
	uint8_t layout;
	uint32_t dropped; /* malformed, or to no device */
};

/* vio_msg_bus_init - slot: n of them, zeroed */
void vio_msg_bus_init(struct vio_msg_bus *b, struct vio_msg_slot *slot, uint16_t n, uint16_t size,
		      enum vio_msg_layout layout);
/* vio_msg_bus_set - device num comes (m) or goes (NULL); announce: tell a driver that is there already */
void vio_msg_bus_set(struct vio_msg_bus *b, uint16_t num, struct vio_msg *m, bool announce);
/* vio_msg_bus_handle - a message of the driver, to whom it may concern; as vio_msg_handle */
uint32_t vio_msg_bus_handle(struct vio_msg_bus *b, const uint8_t *req, uint32_t len, uint8_t *resp);
/* vio_msg_bus_next - as vio_msg_next, of all devices in turns */
uint32_t vio_msg_bus_next(struct vio_msg_bus *b, uint8_t *out);
/* vio_msg_bus_dropped - here and at all devices */
uint32_t vio_msg_bus_dropped(const struct vio_msg_bus *b);

#endif
