/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rng.c - entropy device
 *
 * Bytes are fetched from the host into a small private buffer first; a request is popped only when
 * there are bytes for it and the rate allows them. So a request is never owned across a wait:
 * nothing needs to be cancelled, and no completion is ever empty. A request may get less than it
 * has room for, as virtio 1.3, 5.4.6 allows. Bytes given out are wiped here.
 *
 * Rate: `paid` is the moment up to which the rate is used up. A byte moves it by `cost`; what lies
 * more than a second in the past is forfeited, which bounds a burst to one second's worth.
 */
#include <string.h>
#include "vio/rng.h"

#define SECOND 1000000000u /* ns */

/* Less than this is not worth a completion, unless the rate is so low that it takes long. */
#define LEAST 64u

/*
 * Requests of a turn that the driver is shown before the next ones are answered. The first is shown alone: a driver that is
 * about to sleep sees that it need not.
 */
#define SHARE 8u

static struct vio_rng *rng_of(struct vio_dev *d)
{
	return VIO_CONTAINER(d, struct vio_rng, dev);
}

static void rng_filled(struct vio_rng *g, int32_t result)
{
	g->failed = result < 0 || g->fill.got == 0 || g->fill.got > g->fill.len;
	g->taken = 0;
	g->have = g->failed ? 0 : g->fill.got;
}

static void rng_fill_done(struct vio_job *j, int32_t result)
{
	struct vio_rng *g = VIO_CONTAINER(j, struct vio_rng, fill.job);

	g->filling = false;
	rng_filled(g, result);
}

static void rng_wake_at(struct vio_rng *g, uint64_t at)
{
	if (g->timer.at == 0) {
		g->clock->set(g->clock, &g->timer, at);
	}
}

static void rng_timer(struct vio_timer *t)
{
	struct vio_rng *g = VIO_CONTAINER(t, struct vio_rng, timer);

	t->at = 0;
	g->failed = false;
	vio_vq_wake(&g->vq);
}

/* true: there are bytes */
static bool rng_stocked(struct vio_rng *g)
{
	int rc;

	if (g->taken < g->have) {
		return true;
	}
	if (g->filling) {
		return false;
	}
	if (!g->failed) {
		g->fill.buf = g->buf;
		g->fill.len = VIO_RNG_BUF;
		g->fill.got = 0;
		g->filling = true;
		rc = g->ops->fill(g->host, &g->fill);
		if (rc == VIO_PENDING) {
			return false;
		}
		g->filling = false;
		rng_filled(g, rc);
	}
	if (!g->failed) {
		return true;
	}
	if (g->clock) {
		rng_wake_at(g, g->clock->now(g->clock) + SECOND);
	} else {
		vio_dev_fail(&g->dev);
	}
	return false;
}

/* ns of bytes that may be given now; 0: too few, the timer is set */
static uint64_t rng_credit(struct vio_rng *g)
{
	uint64_t now = g->clock->now(g->clock);
	uint64_t need = (g->least * g->cost) >> 16;

	if (now > SECOND && g->paid < now - SECOND) {
		g->paid = now - SECOND;
	}
	if (g->paid + need > now) {
		rng_wake_at(g, g->paid + need);
		return 0;
	}
	return now - g->paid;
}

static void rng_answer(struct vio_rng *g, struct vio_req *r, uint64_t credit)
{
	uint32_t n = g->have - g->taken;
	uint8_t *from = g->buf + g->taken;

	if (n > r->in_len) {
		n = r->in_len;
	}
	if (g->cost) {
		/* halving, not dividing: 64-bit division is a library call on 32-bit targets */
		while ((n * g->cost) >> 16 > credit) {
			n >>= 1;
		}
		g->paid += (n * g->cost) >> 16;
	}
	n = vio_req_write(r, 0, from, n);
	memset(from, 0, n);
	g->taken += n;
	vio_req_done(r, 0);
}

static void rng_queue(struct vio_dev *d, struct vio_vq *q)
{
	struct vio_rng *g = rng_of(d);
	struct vio_req *r;
	uint64_t credit = 1;

	for (uint32_t n = 1; rng_stocked(g); n++) {
		if (g->cost) {
			credit = rng_credit(g);
		}
		if (credit == 0) {
			return;
		}
		r = vio_vq_pop(q);
		if (!r) {
			return;
		}
		rng_answer(g, r, credit);
		if ((n % SHARE) == 1u) {
			vio_vq_show(q);
		}
	}
}

static const struct vio_dev_ops rng_ops = {
	.id = VIO_RNG_ID,
	.nvq_max = 1,
	.queue = rng_queue,
};

/* ns a byte with 16 fraction bits, by long division */
static uint64_t rng_cost(uint32_t rate)
{
	uint64_t cost = SECOND / rate, rest = SECOND % rate;
	int bit;

	for (bit = 0; bit < 16; bit++) {
		rest <<= 1;
		cost <<= 1;
		if (rest >= rate) {
			rest -= rate;
			cost |= 1u;
		}
	}
	return cost;
}

int vio_rng_init(struct vio_rng *g, struct vio_mem *m, const struct vio_rng_host_ops *ops,
		 void *host, struct vio_clock *clock, uint32_t rate)
{
	int rc;

	if (!ops || (rate && !clock)) {
		return VIO_E_ARG;
	}
	rc = vio_dev_init(&g->dev, &rng_ops, m, &g->vq, 1, NULL);
	if (rc) {
		return rc;
	}
	VIO_VQ_BIND(&g->vq, &g->dev, 0, &g->store, VIO_RNG_DEPTH, VIO_RNG_SEGS);
	g->ops = ops;
	g->host = host;
	g->clock = clock;
	g->timer.fire = rng_timer;
	g->fill.job.done = rng_fill_done;
	g->fill.job.vq = &g->vq;
	if (rate) {
		g->cost = rng_cost(rate);
		g->least = rate / 16u < LEAST ? rate / 16u : LEAST;
		if (g->least == 0) {
			g->least = 1;
		}
	}
	return VIO_OK;
}

void vio_rng_fini(struct vio_rng *g)
{
	if (g->clock && g->timer.at) {
		g->clock->set(g->clock, &g->timer, 0);
	}
	if (g->filling) {
		g->ops->cancel(g->host, &g->fill);
	}
	memset(g->buf, 0, sizeof(g->buf));
}

static size_t rng_bytes(const struct vio_parts *parts)
{
	(void)parts;
	return sizeof(struct vio_rng);
}

static int rng_create(void *self, struct vio_mem *m, const struct vio_parts *parts)
{
	return vio_rng_init(self, m, parts->host_ops, parts->host, parts->clock, parts->param[0]);
}

static void rng_destroy(void *self)
{
	vio_rng_fini(self);
}

static const struct vio_param rng_param[] = {
	{ "rate", "bytes per second, 0: no limit", 0, UINT32_MAX, 0 },
};

const struct vio_class vio_class_rng = {
	.name = "rng",
	.about = "entropy: random bytes for the guest",
	.id = VIO_RNG_ID,
	.needs_host = true,
	.param = rng_param,
	.nparam = sizeof(rng_param) / sizeof(rng_param[0]),
	.bytes = rng_bytes,
	.create = rng_create,
	.destroy = rng_destroy,
};
