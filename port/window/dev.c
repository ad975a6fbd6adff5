/* SPDX-License-Identifier: BSD-3-Clause */
/* dev.c - one device of a window: its turns, its coming and leaving */
#include "port/window/internal.h"
#include "hosted/log.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* NEEDS_RESET, to the log once; an address outside is the likeliest reason */
static void say_broken(struct window_dev *d)
{
	bool broken = (vio_dev_status(d->dev) & VIO_S_NEEDS_RESET) != 0;
	bool say = broken && !d->said_broken && window_may_say(d->w);

	if (say && d->mem.refused) {
		log_error(d->name,
			  "the device needs a reset: %#llx, %u bytes, is not in the window's %#llx "
			  "to %#llx",
			  (unsigned long long)d->mem.outside, d->mem.outside_len,
			  (unsigned long long)d->mem.r.gpa,
			  (unsigned long long)(d->mem.r.gpa + d->mem.r.len));
	} else if (say) {
		log_error(d->name, "the device needs a reset: the driver broke a rule");
	} else {
		/* well, or said */
	}
	d->mem.refused = d->mem.refused && broken;
	d->said_broken = broken;
}

static void turn(struct loop_task *t)
{
	struct window_turn *tn = VIO_CONTAINER(t, struct window_turn, task);
	struct window_dev *d = tn->d;
	struct vio_vq *q = &d->dev->vq[tn->vq];
	int rc = vio_vq_run(q);

	if (rc == VIO_PENDING || (rc == VIO_OK && vio_vq_arm(q))) {
		loop_post(d->w->cfg.loop, t);
	}
	if (d->leaving && vio_dev_status(d->dev) == 0) {
		loop_post(d->w->cfg.loop, &d->left);
	}
	if (d->msg.held || d->w->q.phase == VIO_MSGQ_CLOSING) {
		loop_post(d->w->cfg.loop,
			  &d->w->work); /* somebody waits for the queue to be down */
	}
	say_broken(d);
}

void window_dev_run(struct window_dev *d)
{
	for (uint16_t i = 0; i < d->dev->nvq; i++) {
		loop_post(d->w->cfg.loop, &d->turn[i].task);
	}
}

static void on_run(void *ctx, uint16_t vq)
{
	struct window_dev *d = ctx;

	loop_post(d->w->cfg.loop, &d->turn[vq].task);
}

static void on_due(void *ctx)
{
	struct window_dev *d = ctx;

	loop_post(d->w->cfg.loop, &d->w->work);
}

static const struct vio_msg_ops msg_ops = { .run = on_run, .due = on_due };

/* A power of two: as many entries as the share has room for, each with a small buffer */
static uint16_t queue_size(const struct window *w, uint16_t nvq)
{
	uint64_t most = window_share(w) / ((uint64_t)WINDOW_SLOT_BYTES * nvq);
	uint16_t n = WINDOW_QUEUE_MIN;

	while (2u * n <= most && 2u * n <= WINDOW_QUEUE_MAX) {
		n = (uint16_t)(2u * n);
	}
	return n;
}

static void dev_free(struct window_dev *d)
{
	free(d->turn);
	free(d->vq);
	free(d->name);
	free(d);
}

static void left(struct loop_task *t)
{
	struct window_dev *d = VIO_CONTAINER(t, struct window_dev, left);
	void (*closed)(void *arg) = d->closed;
	void *arg = d->arg;

	for (uint16_t i = 0; i < d->dev->nvq; i++) {
		loop_unpost(d->w->cfg.loop, &d->turn[i].task);
		d->dev->vq[i].mem = NULL;
	}
	d->dev->port_ops = NULL;
	d->w->bus.dropped += d->msg.dropped;
	vio_msg_bus_set(&d->w->bus, d->num, NULL, false);
	dev_free(d);
	closed(arg);
}

struct window_dev *window_dev_add(struct window *w, const struct window_dev_config *cfg,
				  char err[256])
{
	struct window_dev *d = calloc(1, sizeof(*d));
	struct vio_dev *dev = cfg->dev;

	if (w->ndev == WINDOW_DEVICES || !d) {
		snprintf(err, 256, d ? "a window carries at most 32 devices" : "out of memory");
		free(d);
		return NULL;
	}
	d->w = w;
	d->dev = dev;
	d->closed = cfg->closed;
	d->arg = cfg->arg;
	d->num = w->ndev;
	d->left.fn = left;
	d->name = strdup(cfg->name);
	d->vq = calloc(dev->nvq, sizeof(*d->vq));
	d->turn = calloc(dev->nvq, sizeof(*d->turn));
	if (!d->name || !d->vq || !d->turn) {
		snprintf(err, 256, "out of memory");
		dev_free(d);
		return NULL;
	}
	for (uint16_t i = 0; i < dev->nvq; i++) {
		d->turn[i] = (struct window_turn){ .task.fn = turn, .d = d, .vq = i };
		dev->vq[i].mem = &d->mem.m;
		dev->vq[i].size_max = cfg->queue_size ? cfg->queue_size : queue_size(w, dev->nvq);
	}
	vio_msg_init(&d->msg, dev, d->vq, d->num, WINDOW_ELEMENT,
		     w->cfg.rfc ? VIO_MSG_RFC3 : VIO_MSG_V2, &msg_ops, d,
		     VIO_F_RINGS | VIO_F_ACCESS_PLATFORM);
	d->msg.ctl.insists = VIO_F_ACCESS_PLATFORM;
	w->dev[w->ndev++] = d;
	vio_msg_bus_set(&w->bus, d->num, &d->msg, false);
	return d;
}

int window_dev_close(struct window_dev *d)
{
	d->w->closing = true;
	d->leaving = true;
	if (vio_dev_set_status(d->dev, 0) == VIO_PENDING) {
		window_dev_run(d);
	} else {
		loop_post(d->w->cfg.loop, &d->left);
	}
	return VIO_PENDING;
}
