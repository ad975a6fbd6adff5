/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vacant.c - registers whose device has left a guest that lives
 *
 * Theory of operation. Linux does not expect a virtio-mmio device to go: its driver reads InterruptStatus at a late
 * interrupt and writes Status when the guest shuts down. Where nobody answers, Xen aborts the access and the guest
 * panics. So the range stays with the ioreq server, reads as 0 and swallows writes, until the guest ends or a device
 * comes back to it. Its page of configuration stays too. A device gets its record before it serves, so that leaving
 * cannot fail. With a state folder the record is in the device's file, and a later process answers there as well.
 */
#include "port/xen/internal.h"
#include <stdlib.h>
#include <unistd.h>

struct xen_vacant *xen_vacant_new(struct xen_guest *g, uint64_t base, uint32_t len)
{
	struct xen_vacant *v = calloc(1, sizeof(*v));

	if (v) {
		*v = (struct xen_vacant){ .next = g->vacant, .base = base, .len = len, .fd = -1 };
		g->vacant = v;
	}
	return v;
}

static struct xen_vacant **find(struct xen_guest *g, uint64_t addr)
{
	struct xen_vacant **p = &g->vacant;

	while (*p && addr - (*p)->base >= (*p)->len) {
		p = &(*p)->next;
	}
	return p;
}

void xen_vacant_drop(struct xen_vacant *v, bool remove)
{
	if (v->fd >= 0) {
		if (remove) {
			(void)unlink(v->path);
		}
		close(v->fd);
	}
	v->fd = -1;
}

bool xen_vacant_at(struct xen_guest *g, uint64_t addr)
{
	return *find(g, addr) != NULL;
}

int xen_vacant_claim(struct xen_dev *d)
{
	struct xen_vacant **p = find(d->g, d->base);

	if (*p && (*p)->base == d->base) {
		d->vacant = *p;
		*p = d->vacant->next;
		xen_vacant_drop(d->vacant, true);
	} else {
		d->vacant = calloc(1, sizeof(*d->vacant));
		if (d->vacant) {
			*d->vacant = (struct xen_vacant){ .base = d->base, .fd = -1 };
		}
	}
	return d->vacant ? 0 : -1;
}

void xen_vacant_leave(struct xen_dev *d, bool stays)
{
	struct xen_vacant *v = d->vacant;

	d->vacant = NULL;
	if (!stays) {
		free(v);
		return;
	}
	v->next = d->g->vacant;
	d->g->vacant = v;
}

void xen_vacant_free(struct xen_guest *g)
{
	while (g->vacant) {
		struct xen_vacant *v = g->vacant;

		g->vacant = v->next;
		xen_vacant_drop(v, !g->keep);
		free(v);
	}
}
