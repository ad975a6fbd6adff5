/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * i2c.c - I2C adapter device
 *
 * A group (requests with FAIL_NEXT, ended by one without) becomes one transfer of the host: START,
 * message, repeated START, message, STOP. A group is cut where the ring or the pool runs dry,
 * because a driver may have had no room for the rest and wait for what it sent; whether the rest
 * fails is remembered across the cut. It is not cut where only the turn is over: what is collected
 * waits in x.msg for the next one.
 *
 * One transfer is under way at a time and nothing is popped meanwhile: requests run in order, and
 * each answer is given before the next transfer begins.
 *
 * Owner of a request: collected in x.msg (and at most one in `bad` behind them) from pop to
 * i2c_finish.
 */
#include "vio/i2c.h"

/*
 * The 10-bit form in the low byte of addr; as 7-bit addresses these four are reserved for that
 * purpose.
 */
#define TEN_MASK 0xf9u
#define TEN_MARK 0xf0u

static struct vio_i2c *i2c_of(struct vio_dev *d)
{
	return VIO_CONTAINER(d, struct vio_i2c, dev);
}

/* false: wrong in itself, must not reach the bus */
static bool i2c_parse(struct vio_i2c_req *q)
{
	struct vio_i2c_out_hdr h;
	struct vio_i2c_msg *m = &q->msg;
	uint32_t flags, len, got;
	uint16_t addr;

	q->fail_next = false;
	got = vio_req_read(&q->r, 0, &h, sizeof(h));
	if (got < sizeof(h)) {
		return false;
	}
	flags = vio_le32(h.flags);
	addr = vio_le16(h.addr);
	q->fail_next = (flags & VIO_I2C_FLAGS_FAIL_NEXT) != 0;
	m->next = NULL;
	m->read = (flags & VIO_I2C_FLAGS_M_RD) != 0;
	m->ten = (addr & TEN_MASK) == TEN_MARK;
	m->addr = (uint16_t)(m->ten ? (addr >> 8) | ((addr & 6u) << 7) : addr >> 1);
	if ((flags & ~(VIO_I2C_FLAGS_FAIL_NEXT | VIO_I2C_FLAGS_M_RD)) || (addr & 1u) ||
	    (!m->ten && addr > 0xffu) || q->r.in_len == 0) {
		return false;
	}
	/* data on the side where it does not belong */
	if (m->read ? q->r.out_len > sizeof(h) : q->r.in_len > 1) {
		return false;
	}
	len = m->read ? q->r.in_len - 1u : q->r.out_len - (uint32_t)sizeof(h);
	m->len = (uint16_t)len;
	return len <= UINT16_MAX && vio_req_span(&q->r, m->read, m->read ? 0 : (uint32_t)sizeof(h),
						 len, &m->data) == VIO_OK;
}

static void i2c_finish(struct vio_i2c *i, struct vio_i2c_req *q, bool ok)
{
	uint8_t status = (uint8_t)(ok ? VIO_I2C_MSG_OK : VIO_I2C_MSG_ERR);

	i->fail = !ok && q->fail_next;
	if (q->r.in_len) {
		vio_req_write(&q->r, q->r.in_len - 1u, &status, 1);
	}
	vio_req_done(&q->r, ok && q->msg.read ? q->msg.len : 0);
}

static void i2c_fresh(struct vio_i2c *i)
{
	i->x.msg = NULL;
	i->x.n = 0;
	i->x.ok = 0;
	i->bad = NULL;
	i->tail = &i->x.msg;
}

/* The transfer is over: answer what it was made of. */
static void i2c_end(struct vio_i2c *i, int32_t result)
{
	struct vio_i2c_msg *m = i->x.msg, *next;
	uint16_t n, ok = result == VIO_OK ? i->x.n : i->x.ok;

	for (n = 0; m; n++, m = next) {
		next = m->next; /* the request is gone after i2c_finish */
		i2c_finish(i, VIO_CONTAINER(m, struct vio_i2c_req, msg), n < ok);
	}
	if (i->bad) {
		i2c_finish(i, i->bad, false);
	}
	i2c_fresh(i);
}

static void i2c_job_done(struct vio_job *j, int32_t result)
{
	struct vio_i2c *i = VIO_CONTAINER(j, struct vio_i2c, x.job);

	i->busy = false;
	i2c_end(i, result);
}

/* Take requests up to the end of a group; returns: false no transfer yet */
static bool i2c_collect(struct vio_i2c *i, struct vio_vq *vq)
{
	struct vio_i2c_req *q;
	bool good;

	for (;;) {
		q = (struct vio_i2c_req *)(void *)vio_vq_pop(vq);
		if (!q) {
			return i->x.n != 0 && (vq->dry || i->x.n == VIO_I2C_DEPTH);
		}
		good = i2c_parse(q);
		/* replayed: a transfer done twice is worse than one that the driver sees fail */
		if (!good || i->fail || q->r.again) {
			if (i->x.n) {
				i->bad = q;
				return true;
			}
			i2c_finish(i, q, false);
			continue;
		}
		*i->tail = &q->msg;
		i->tail = &q->msg.next;
		i->x.n++;
		if (!q->fail_next) {
			return true;
		}
	}
}

static void i2c_queue(struct vio_dev *d, struct vio_vq *vq)
{
	struct vio_i2c *i = i2c_of(d);
	int rc;

	while (!i->busy && i2c_collect(i, vq)) {
		i->busy = true;
		rc = i->ops->xfer(i->host, &i->x);
		if (rc == VIO_PENDING) {
			return;
		}
		i->busy = false;
		i2c_end(i, rc);
	}
}

static void i2c_cancel(struct vio_dev *d, struct vio_req *r)
{
	struct vio_i2c *i = i2c_of(d);

	(void)r; /* whichever it is, it is part of the one transfer */
	if (!i->busy) {
		i2c_end(i, VIO_E_AGAIN); /* collected, not begun: nothing happened on the bus */
	} else if (i->ops->cancel) {
		i->ops->cancel(i->host, &i->x);
	}
}

static int i2c_start(struct vio_dev *d)
{
	i2c_of(d)->fail = false;
	return VIO_OK;
}

static const struct vio_dev_ops i2c_ops = {
	.id = VIO_I2C_ID,
	.nvq_max = 1,
	.features = VIO_I2C_F_ZERO_LENGTH_REQUEST,
	.needs = VIO_I2C_F_ZERO_LENGTH_REQUEST, /* virtio 1.3, 5.16.6.4 */
	.start = i2c_start,
	.queue = i2c_queue,
	.cancel = i2c_cancel,
};

int vio_i2c_init(struct vio_i2c *i, struct vio_mem *m, const struct vio_i2c_host_ops *ops,
		 void *host)
{
	int rc;

	if (!ops) {
		return VIO_E_ARG;
	}
	rc = vio_dev_init(&i->dev, &i2c_ops, m, &i->vq, 1, NULL);
	if (rc) {
		return rc;
	}
	VIO_VQ_BIND(&i->vq, &i->dev, 0, &i->store, VIO_I2C_DEPTH, VIO_I2C_SEGS);
	i2c_fresh(i);
	i->ops = ops;
	i->host = host;
	i->x.job.done = i2c_job_done;
	i->x.job.vq = &i->vq;
	return VIO_OK;
}

static size_t i2c_bytes(const struct vio_parts *parts)
{
	(void)parts;
	return sizeof(struct vio_i2c);
}

static int i2c_create(void *self, struct vio_mem *m, const struct vio_parts *parts)
{
	return vio_i2c_init(self, m, parts->host_ops, parts->host);
}

const struct vio_class vio_class_i2c = {
	.name = "i2c",
	.about = "I2C adapter: a bus of the host for the guest",
	.id = VIO_I2C_ID,
	.needs_host = true,
	.notified_only = true,
	.bytes = i2c_bytes,
	.create = i2c_create,
};
