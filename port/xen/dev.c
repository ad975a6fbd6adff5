/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dev.c - one device: its registers, its turns, its interrupt, its coming and leaving
 *
 * Theory of operation. A device is free, serving (g is set) or leaving (being reset; requests that its host still works
 * on keep it in that state). It leaves when its node is closed, its guest has ended, or the program wants it back. The
 * last step is a task of its own, so that nothing is freed under a turn.
 */
#include "port/xen/internal.h"
#include "hosted/log.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- turns ---- */

/* NEEDS_RESET: to the log once */
static void say_broken(struct xen_dev *d)
{
	bool broken = (vio_dev_status(d->cfg.dev) & VIO_S_NEEDS_RESET) != 0;

	if (broken && !d->said_broken) {
		log_error(d->name,
			  "domain %u: the device needs a reset: the guest broke a rule of its "
			  "queues, or offered "
			  "memory that is not there",
			  d->g->dom);
	}
	d->said_broken = broken;
}

static void turn(struct loop_task *t)
{
	struct xen_turn *tn = VIO_CONTAINER(t, struct xen_turn, task);
	struct xen_dev *d = tn->d;
	struct vio_vq *q = &d->cfg.dev->vq[tn->vq];
	struct xen_guest *g = d->g;
	int rc;

	if (!g) {
		return;
	}
	d->starting = d->starting && !d->leaving && !vio_mmio_settled(&d->mmio);
	rc = vio_vq_run(q);
	if (rc == VIO_PENDING || (rc == VIO_OK && vio_vq_arm(q))) {
		loop_post(g->x->cfg.loop, t);
	} else if (rc == VIO_E_AGAIN || xen_mem(g->mem)->starved) {
		xen_guest_timer(g, &g->retry, XEN_RETRY_NS);
	} else {
		/* the driver, or the host, will say when there is more */
	}
	xen_guest_timer(g, &g->trim, XEN_TRIM_NS);
	if (d->leaving && vio_dev_status(d->cfg.dev) == 0) {
		loop_post(g->x->cfg.loop, &d->left);
	}
	say_broken(d);
	xen_guest_progress(g);
}

void xen_dev_run(struct xen_dev *d)
{
	for (uint16_t i = 0; i < d->cfg.dev->nvq; i++) {
		loop_post(d->x->cfg.loop, &d->turn[i].task);
	}
}

/* ---- what the registers ask for ---- */

/* Edge-triggered, as toolstacks describe it in the device tree: Xen ignores the falling edge, so it is not sent. */
static void on_irq(void *ctx, bool level)
{
	struct xen_dev *d = ctx;

	if (!level || !d->g || d->g->gone || d->leaving) {
		return;
	}
	d->g->stat.irq++;
	if (xen_fast_irq(d)) {
		return;
	}
	if (xen_dm_irq(d->g, d->irq, true) < 0 && !d->g->gone && !d->said_irq) {
		d->said_irq = true;
		log_error(d->name, "domain %u: interrupt %u cannot be raised: %s", d->g->dom,
			  d->irq, strerror(errno));
	}
}

static void on_run(void *ctx, uint16_t vq)
{
	struct xen_dev *d = ctx;

	loop_post(d->x->cfg.loop, &d->turn[vq].task);
}

static void on_prepare(void *ctx, uint16_t vq, bool resumed)
{
	xen_keep_track(ctx, vq, resumed);
}

static const struct vio_mmio_ops mmio_ops = { .irq = on_irq, .run = on_run, .prepare = on_prepare };

int xen_dev_access(struct xen_dev *d, uint32_t off, uint32_t size, bool write, uint64_t *val)
{
	uint32_t v = write ? (uint32_t)*val : 0;
	int rc = size > 4u ? VIO_E_ARG : vio_mmio_access(&d->mmio, off, size, write, &v);

	d->g->stat.config += off >= VIO_MMIO_CONFIG;
	if (rc == VIO_E_ARG) {
		log_debug(d->name, "domain %u: %s of %u bytes at %#x is not allowed", d->g->dom,
			  write ? "write" : "read", size, off);
	}
	if (!write) {
		*val = v;
	} else if (off != VIO_MMIO_QUEUE_NOTIFY) {
		xen_keep_save(d);
	} else {
		/* changes no register */
	}
	return rc;
}

/* ---- coming and leaving ---- */

/* Nothing of the guest is used any more, and no turn comes. */
static void part(struct xen_dev *d)
{
	bool vacant = d->vacant->len != 0 && !d->g->gone && !d->parking;

	for (uint16_t i = 0; i < d->cfg.dev->nvq; i++) {
		loop_unpost(d->x->cfg.loop, &d->turn[i].task);
		d->cfg.dev->vq[i].mem = NULL;
	}
	d->cfg.dev->port_ops = NULL;
	xen_fast_end(d);
	xen_page_end(d, d->parking || vacant);
	if (vacant) {
		xen_keep_leave(d);
	} else {
		xen_keep_close(d, d->parking);
	}
	xen_vacant_leave(d, vacant);
	d->g->ndev--;
	xen_guest_put(d->g);
	d->g = NULL;
}

static int take_range(struct xen_dev *d, char err[256])
{
	struct xen_vacant *v = d->vacant;

	if (v->len == d->len) {
		return 0;
	}
	if (v->len != 0) {
		(void)xen_dm_range(d->g, d->base, v->len, false);
		v->len = 0;
	}
	if (xen_dm_range(d->g, d->base, d->len, true) < 0 && !(d->g->adopted && errno == EEXIST)) {
		snprintf(err, 256, "domain %u: Xen refuses the registers at %#llx: %s", d->g->dom,
			 (unsigned long long)d->base, strerror(errno));
		return -1;
	}
	v->len = d->len;
	return 0;
}

int xen_dev_attach(struct xen_dev *d, domid_t dom, uint64_t base, uint32_t irq, bool grants,
		   char err[256])
{
	struct xen_guest *g = xen_keep_busy(d, dom, err) ? NULL : xen_guest_get(d->x, dom, err);
	uint64_t features = VIO_F_RINGS | (grants ? VIO_F_ACCESS_PLATFORM : 0u);
	const char *irq_by;
	bool resumed;

	if (!g) {
		return -1;
	}
	if (grants && !g->gt) {
		snprintf(err, 256, "domain %u: it uses grants: /dev/xen/gntdev is needed", dom);
		xen_guest_put(g);
		return -1;
	}
	vio_mmio_init(&d->mmio, d->cfg.dev, d->vq, &mmio_ops, d, features);
	for (uint16_t i = 0; i < d->cfg.dev->nvq; i++) {
		d->cfg.dev->vq[i].mem = xen_mem(g->mem);
		d->cfg.dev->vq[i].size_max = XEN_QUEUE_SIZE;
	}
	d->known = d->x->xs && d->x->lib->xs_introduced(d->x->xs, dom);
	d->base = base;
	d->irq = irq;
	d->said_irq = false;
	d->said_broken = false;
	d->g = g;
	if (xen_vacant_claim(d) < 0) {
		snprintf(err, 256, "out of memory");
		d->g = NULL;
		xen_guest_put(g);
		return -1;
	}
	g->ndev++;
	resumed = xen_keep_open(d);
	irq_by = xen_fast_begin(d);
	if (xen_page_begin(d, resumed || d->vacant->len != 0, err) < 0 || take_range(d, err) < 0) {
		d->parking = g->adopted && d->vacant->len == 0; /* to be tried again */
		part(d);
		d->parking = false;
		return -1;
	}
	g->keep = false;
	if (resumed && xen_keep_restore(d) != VIO_OK) {
		log_warn(d->name,
			 "domain %u: what an earlier process left cannot be used: the guest must "
			 "reset the device",
			 dom);
		xen_keep_fresh(d);
		resumed = false;
	}
	d->starting = resumed;
	xen_keep_save(d);
	xen_guest_look(g);
	log_info(d->name, "domain %u: serving at %#llx, interrupt %u by %s, %s%s", dom,
		 (unsigned long long)base, irq, irq_by, grants ? "grants" : "foreign pages",
		 resumed ? ", from where an earlier process ended" : "");
	xen_watch(d->x);
	if (d->x->cfg.settled) {
		loop_post(d->x->cfg.loop, &d->x->settle);
	}
	return 0;
}

void xen_dev_detach(struct xen_dev *d, bool answer)
{
	if (!d->g || d->leaving) {
		d->answer = d->answer || answer;
		return;
	}
	d->leaving = true;
	d->answer = answer;
	if (d->parking) {
		d->g->keep = true;
	}
	if (vio_dev_set_status(d->cfg.dev, 0) == VIO_PENDING) {
		xen_dev_run(d);
	} else {
		loop_post(d->x->cfg.loop, &d->left);
	}
}

static void dev_free(struct xen_dev *d)
{
	struct xen_dev **p = &d->x->dev;

	while (*p != d) {
		p = &(*p)->next;
	}
	*p = d->next;
	free(d->turn);
	free(d->vq);
	free(d->name);
	free(d->domain);
	free(d->node);
	free(d);
}

static void left(struct loop_task *t)
{
	struct xen_dev *d = VIO_CONTAINER(t, struct xen_dev, left);
	struct xen_guest *g = d->g;
	void (*closed)(void *arg) = d->cfg.closed;
	void *arg = d->cfg.arg;

	log_info(d->name, "domain %u: %s", g->dom,
		 g->gone      ? "gone"
		 : d->parking ? "left to a later process"
			      : "left");
	xen_guest_progress(g); /* a virtual CPU may wait for this device */
	part(d);
	d->leaving = false;
	xen_watch(d->x);
	if (d->answer) {
		xen_store_closed(d);
	}
	d->answer = false;
	d->path[0] = '\0';
	if (!d->closing && !d->x->sealed) {
		loop_post(d->x->cfg.loop,
			  &d->x->scan); /* perhaps its next guest is there already */
		return;
	}
	dev_free(d);
	if (closed) {
		closed(arg);
	}
}

static bool copies(struct xen_dev *d, const struct xen_dev_config *cfg)
{
	d->name = strdup(cfg->name);
	d->domain = strdup(cfg->domain);
	d->node = cfg->node ? strdup(cfg->node) : NULL;
	d->vq = calloc(cfg->dev->nvq, sizeof(*d->vq));
	d->turn = calloc(cfg->dev->nvq, sizeof(*d->turn));
	return d->name && d->domain && (d->node || !cfg->node) && d->vq && d->turn;
}

struct xen_dev *xen_dev_add(struct xen *x, const struct xen_dev_config *cfg, char err[256])
{
	struct xen_dev *d = calloc(1, sizeof(*d));
	char *end;
	unsigned long dom = strtoul(cfg->domain, &end, 10);

	if (!d) {
		snprintf(err, 256, "out of memory");
		return NULL;
	}
	d->x = x;
	d->cfg = *cfg;
	d->left.fn = left;
	d->keep_fd = -1;
	d->next = x->dev;
	x->dev = d;
	if (!copies(d, cfg)) {
		snprintf(err, 256, "out of memory");
	} else if (cfg->irq == 0 && !x->xs) {
		snprintf(err, 256,
			 "there is no xenstore here: say where the device is (xen-base, xen-irq)");
	} else if (cfg->irq != 0 && (*end || end == cfg->domain || dom >= DOMID_FIRST_RESERVED)) {
		snprintf(err, 256, "with xen-irq the domain is given by its number, not as '%s'",
			 cfg->domain);
	} else {
		for (uint16_t i = 0; i < cfg->dev->nvq; i++) {
			d->turn[i] = (struct xen_turn){ .task.fn = turn, .d = d, .vq = i };
		}
		if (cfg->irq == 0) {
			loop_post(x->cfg.loop, &x->scan);
			return d;
		}
		if (xen_dev_attach(d, (domid_t)dom, cfg->base, cfg->irq, cfg->grants, err) == 0) {
			return d;
		}
	}
	dev_free(d);
	return NULL;
}

int xen_dev_close(struct xen_dev *d)
{
	d->closing = true;
	if (!d->g) {
		dev_free(d);
		return VIO_OK;
	}
	d->parking = d->kept && !d->g->gone && !d->leaving;
	xen_dev_detach(d, false);
	return VIO_PENDING;
}
