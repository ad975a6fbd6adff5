/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * watch.c - guests that end without anybody saying so: those that xenstore does not know (dom0less), or all of
 * them when xenstored is gone
 *
 * Xen answers ESRCH to any operation on such a guest, so one that costs little is made from time to time. The device is
 * free then; where it is given by options, it serves again when the program is started anew.
 */
#include "port/xen/internal.h"
#include "hosted/log.h"

#define LOOK_NS	 5000000000u
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
	unsigned n;

	if (!g->gone && xen_dm_vcpus(g, &n) == 0) {
		return;
	}
	if (!g->gone) {
		return; /* some other trouble: not a proof */
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
		ns = unseen(g) ? LOOK_NS : ns;
	}
	x->look.fire = look;
	if (ns != 0 && (x->look.at == 0 || x->look.at > c->now(c) + ns)) {
		c->set(c, &x->look, c->now(c) + ns);
	}
}
