/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * can.c - CAN device
 *
 * The controller is stopped or started. START and STOP change it, in order; so do a reset, and the bus (bus-off), of
 * which the driver is told by the configuration. Frames of the driver are given to the host, many at once, and come
 * back in any order; a frame is checked whole before, so a host gets none that a bus could not carry. While stopped
 * every frame is refused.
 *
 * STOP hands back all frames that are on their way, and only then is answered: its answer is kept for one turn, which
 * is the turn in which the transmit queue shows them.
 *
 * Frames of the bus wait in a short FIFO; a buffer is taken only when there is something to put into it. What does not
 * fit is lost, as in any controller.
 */
#include <string.h>
#include "vio/can.h"

#define KNOWN ((uint32_t)(VIO_CAN_FLAGS_EXTENDED | VIO_CAN_FLAGS_FD | VIO_CAN_FLAGS_RTR))

static struct vio_can *can_of(struct vio_dev *d)
{
	return VIO_CONTAINER(d, struct vio_can, dev);
}

/* Can this frame be on a bus, and may this driver see it? */
static bool can_frame_ok(uint64_t features, const struct vio_can_frame *f)
{
	bool fd = (f->flags & VIO_CAN_FLAGS_FD) != 0, rtr = (f->flags & VIO_CAN_FLAGS_RTR) != 0;
	bool extended = (f->flags & VIO_CAN_FLAGS_EXTENDED) != 0;

	return (f->flags & ~KNOWN) == 0 && !(fd && rtr) &&
	       (features & (fd ? VIO_CAN_F_FD : VIO_CAN_F_CLASSIC)) &&
	       (!rtr || (features & VIO_CAN_F_RTR)) &&
	       f->len <= (fd ? VIO_CAN_FD_LEN : VIO_CAN_CLASSIC_LEN) &&
	       f->id <= (extended ? VIO_CAN_EXTENDED_MAX : VIO_CAN_STANDARD_MAX);
}

/* ---- to the bus ---- */

static void can_answer(struct vio_req *r, bool good)
{
	uint8_t result = (uint8_t)(good ? VIO_CAN_RESULT_OK : VIO_CAN_RESULT_NOT_OK);

	vio_req_write(r, 0, &result, 1);
	vio_req_done(r, 0);
}

static bool can_parse(uint64_t features, struct vio_req *r, struct vio_can_frame *f)
{
	struct vio_can_head h;
	uint32_t flags;
	uint16_t len;

	memset(f, 0, sizeof(*f));
	if (vio_req_read(r, 0, &h, sizeof(h)) < sizeof(h) || vio_le16(h.msg_type) != VIO_CAN_TX) {
		return false;
	}
	flags = vio_le32(h.flags);
	len = vio_le16(h.length);
	if ((flags & ~KNOWN) || len > VIO_CAN_FD_LEN) {
		return false;
	}
	f->id = vio_le32(h.can_id);
	f->flags = (uint16_t)flags;
	f->len = (uint8_t)len;
	if (!can_frame_ok(features, f)) {
		return false;
	}
	/* RTR has a length and no data; some drivers send zeroes, which do not matter */
	return (flags & VIO_CAN_FLAGS_RTR) || vio_req_read(r, sizeof(h), f->data, len) == len;
}

/* The driver is told that the controller stopped without its doing. */
static void can_tell(struct vio_can *c)
{
	c->started = false;
	vio_pack16(c->config, VIO_CAN_S_CTRL_BUSOFF);
	vio_dev_config_changed(&c->dev);
}

static void can_job_done(struct vio_job *j, int32_t result)
{
	struct vio_can_req *q = VIO_CONTAINER(j, struct vio_can_req, tx.job);

	can_answer(&q->req, result == VIO_OK);
}

static void can_send(struct vio_can *c, struct vio_req *r)
{
	struct vio_can_tx *t = &((struct vio_can_req *)(void *)r)->tx;
	int rc;

	/*
	 * Replayed: a frame sent twice is worse than one that the driver sees fail. It also says that the controller was
	 * started, which this instance knows nothing of: the driver has to start it again.
	 */
	if (r->again && !c->started && vio_unpack16(c->config) == 0) {
		can_tell(c);
	}
	if (r->again || !can_parse(c->dev.features, r, &t->frame) || !c->started) {
		can_answer(r, false);
		return;
	}
	t->job.done = can_job_done;
	t->job.vq = r->vq;
	t->ack = (c->dev.features & VIO_CAN_F_LATE_TX_ACK) != 0;
	t->next = NULL;
	t->word = 0;
	rc = c->ops->send(c->host, t);
	if (rc != VIO_PENDING) {
		can_answer(r, rc == VIO_OK);
	}
}

/* ---- from the bus ---- */

static void can_frame(struct vio_can_sink *s, const struct vio_can_frame *f)
{
	struct vio_can *c = VIO_CONTAINER(s, struct vio_can, sink);
	struct vio_can_frame *to;

	if (!c->started || !can_frame_ok(c->dev.features, f)) {
		return;
	}
	if (c->in - c->out == VIO_CAN_FIFO) {
		c->lost++;
		return;
	}
	to = &c->fifo[c->in % VIO_CAN_FIFO];
	memset(to, 0, sizeof(*to));
	to->id = f->id;
	to->flags = f->flags;
	to->len = f->len;
	if (!(f->flags & VIO_CAN_FLAGS_RTR)) {
		memcpy(to->data, f->data, f->len);
	}
	c->in++;
	vio_vq_wake(&c->vq[VIO_CAN_RXQ]);
}

static void can_busoff(struct vio_can_sink *s)
{
	struct vio_can *c = VIO_CONTAINER(s, struct vio_can, sink);

	if (c->started) {
		can_tell(c);
	}
}

static void can_receive(struct vio_can *c, struct vio_vq *q)
{
	const struct vio_can_frame *f;
	struct vio_can_head h;
	struct vio_req *r;

	while (c->in != c->out && (r = vio_vq_pop(q)) != NULL) {
		f = &c->fifo[c->out % VIO_CAN_FIFO];
		if (r->in_len >=
		    sizeof(h) + f->len) { /* else it is of no use, and goes back empty */
			memset(&h, 0, sizeof(h));
			h.msg_type = vio_le16(VIO_CAN_RX);
			h.length = vio_le16(f->len);
			h.flags = vio_le32(f->flags);
			h.can_id = vio_le32(f->id);
			vio_req_write(r, 0, &h, sizeof(h));
			vio_req_write(r, sizeof(h), f->data, f->len);
			c->out++;
		}
		vio_req_done(r, 0);
	}
}

/* ---- control ---- */

static bool can_start(struct vio_can *c)
{
	if (c->started) {
		return true;
	}
	c->in = c->out = 0; /* what was heard before the bus went off is of no interest any more */
	if (c->ops->start(c->host) != VIO_OK) {
		return false;
	}
	c->started = true;
	if (vio_unpack16(c->config)) {
		vio_pack16(c->config, 0);
		vio_dev_config_changed(&c->dev);
	}
	return true;
}

static void can_stop(struct vio_can *c)
{
	if (c->started) {
		c->started = false;
		c->in = c->out = 0;
		c->ops->stop(c->host);
	}
}

static void can_control(struct vio_can *c, struct vio_vq *q)
{
	struct vio_req *r = c->stop;
	uint8_t type[2];

	if (r) {
		c->stop = NULL;
		can_answer(r, true);
	}
	while ((r = vio_vq_pop(q)) != NULL) {
		if (vio_req_read(r, 0, type, 2) < 2u) {
			can_answer(r, false);
		} else if (vio_unpack16(type) == VIO_CAN_SET_CTRL_MODE_START) {
			can_answer(r, can_start(c));
		} else if (vio_unpack16(type) != VIO_CAN_SET_CTRL_MODE_STOP) {
			can_answer(r, false);
		} else if (!c->started) {
			can_answer(r, true);
		} else {
			c->stop = r;
			can_stop(c);
			vio_vq_wake(q); /* behind the transmit queue, which its jobs have woken */
			return;
		}
	}
}

/* ---- device ---- */

static int can_accept(struct vio_dev *d)
{
	uint64_t f = d->features;

	/* 5.20.3.1: one kind at least; RTR is one of classic frames */
	return !(f & (VIO_CAN_F_CLASSIC | VIO_CAN_F_FD)) ||
			       ((f & VIO_CAN_F_RTR) && !(f & VIO_CAN_F_CLASSIC))
		       ? VIO_E_ARG
		       : VIO_OK;
}

static void can_queue(struct vio_dev *d, struct vio_vq *q)
{
	struct vio_can *c = can_of(d);
	struct vio_req *r;

	if (q->index == VIO_CAN_RXQ) {
		can_receive(c, q);
	} else if (q->index == VIO_CAN_CONTROLQ) {
		can_control(c, q);
	} else {
		while ((r = vio_vq_pop(q)) != NULL) {
			can_send(c, r);
		}
	}
}

static void can_cancel(struct vio_dev *d, struct vio_req *r)
{
	struct vio_can *c = can_of(d);

	if (r == c->stop) {
		c->stop = NULL;
		can_answer(r, true);
	} else {
		c->ops->cancel(c->host, &((struct vio_can_req *)(void *)r)->tx);
	}
}

static void can_reset(struct vio_dev *d)
{
	struct vio_can *c = can_of(d);

	can_stop(c);
	c->in = c->out = 0;
	vio_pack16(c->config, 0);
}

static const struct vio_dev_ops can_ops = {
	.id = VIO_CAN_ID,
	.nvq_max = 3,
	.config_len = sizeof(struct vio_can_config),
	.features = VIO_CAN_F_CLASSIC | VIO_CAN_F_FD | VIO_CAN_F_RTR | VIO_CAN_F_LATE_TX_ACK,
	.accept = can_accept,
	.queue = can_queue,
	.cancel = can_cancel,
	.stop = can_reset,
};

int vio_can_init(struct vio_can *c, struct vio_mem *m, const struct vio_can_host_ops *ops,
		 void *host)
{
	const struct vio_can_able *able;
	int rc;

	if (!ops) {
		return VIO_E_ARG;
	}
	rc = vio_dev_init(&c->dev, &can_ops, m, c->vq, 3, c->config);
	if (rc) {
		return rc;
	}
	VIO_VQ_BIND(&c->vq[VIO_CAN_TXQ], &c->dev, VIO_CAN_TXQ, &c->tx, VIO_CAN_DEPTH, VIO_CAN_SEGS);
	VIO_VQ_BIND(&c->vq[VIO_CAN_RXQ], &c->dev, VIO_CAN_RXQ, &c->rx, 8, VIO_CAN_SEGS);
	VIO_VQ_BIND(&c->vq[VIO_CAN_CONTROLQ], &c->dev, VIO_CAN_CONTROLQ, &c->control, 2,
		    VIO_CAN_SEGS);
	c->ops = ops;
	c->host = host;
	c->sink.frame = can_frame;
	c->sink.busoff = can_busoff;
	able = ops->open(host, &c->sink);
	if (!able) {
		return VIO_E_IO;
	}
	if ((!able->classic && !able->fd) || (able->rtr && !able->classic)) {
		vio_can_fini(c);
		return VIO_E_ARG;
	}
	c->dev.class_features = (able->classic ? VIO_CAN_F_CLASSIC : 0u) |
				(able->fd ? VIO_CAN_F_FD : 0u) | (able->rtr ? VIO_CAN_F_RTR : 0u) |
				(able->ack ? VIO_CAN_F_LATE_TX_ACK : 0u);
	return VIO_OK;
}

void vio_can_fini(struct vio_can *c)
{
	if (c->ops->close) {
		c->ops->close(c->host);
	}
}

static size_t can_bytes(const struct vio_parts *parts)
{
	(void)parts;
	return sizeof(struct vio_can);
}

static int can_create(void *self, struct vio_mem *m, const struct vio_parts *parts)
{
	return vio_can_init(self, m, parts->host_ops, parts->host);
}

static void can_destroy(void *self)
{
	vio_can_fini(self);
}

const struct vio_class vio_class_can = {
	.name = "can",
	.about = "CAN controller: a bus of the host for the guest",
	.id = VIO_CAN_ID,
	.needs_host = true,
	.bytes = can_bytes,
	.create = can_create,
	.destroy = can_destroy,
};
