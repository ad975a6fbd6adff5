/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * watch.c - guests that end without anybody saying so: those that xenstore does not know (dom0less), all of them when
 * xenstored is gone, and those whose devices have left, which a domain without privilege cannot ask xenstore about
 *
 * A guest that ends loses its ioreq servers first, and is only then gone for good; not before we let go of its pages. So
 * the server is enabled once more from time to time, which costs little and fails then. The device is free; where it is
 * given by options, it serves again when the program is started anew.
 */
#include "port/xen/internal.h"
#include "hosted/log.h"
#include <errno.h>

#define LOOK_NS	 5000000000u
#define EMPTY_NS 1000000000u  /* a guest without devices is not to become a zombie for long */
#define PROBE_NS 60000000000u /* libxenstore does not say that its xenstored is gone */

static bool unseen(const struct xen_guest *g)
{
	const struct xen_dev *d = g->x->dev;

	if (g->ndev == 0) {
		return true;
	}
	while (d && (d->g != g || d->leaving || xen_store_sees(d))) {
		d = d->next;
	}
	return d != NULL;
}

static void look_at(struct xen_guest *g)
{
	if (!g->gone && xen_dm_enable(g, true) < 0 && errno == ENOENT) {
		g->server = false;
		g->gone = true;
	}
	if (!g->gone) {
		return; /* it lives, or some other trouble: not a proof */
	}
	if (g->ndev == 0) {
		xen_guest_free(g);
		return;
	}
	log_warn(NULL, "domain %u has ended; its devices are free", g->dom);
	for (struct xen_dev *d = g->x->dev; d; d = d->next) {
		if (d->g == g) {
			xen_dev_detach(d, false);
		}
	}
}

static void look(struct vio_timer *t)
{
	struct xen *x = VIO_CONTAINER(t, struct xen, look);

	xen_store_probe(x);
	for (struct xen_guest *g = x->guest, *next; g; g = next) {
		next = g->next;
		if (unseen(g)) {
			look_at(g);
		}
	}
	xen_watch(x);
}

void xen_watch(struct xen *x)
{
	struct vio_clock *c = loop_clock(x->cfg.loop);
	uint64_t ns = x->xs && !x->lost ? PROBE_NS : 0;

	for (const struct xen_guest *g = x->guest; g; g = g->next) {
		if (unseen(g) && ns != EMPTY_NS) {
			ns = g->ndev == 0 ? EMPTY_NS : LOOK_NS;
		}
	}
	x->look.fire = look;
	if (ns != 0 && (x->look.at == 0 || x->look.at > c->now(c) + ns)) {
		c->set(c, &x->look, c->now(c) + ns);
	}
}
