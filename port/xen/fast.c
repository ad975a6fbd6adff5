/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fast.c - interrupts and notifications as file descriptors of the kernel, where it has them
 *
 * Theory of operation. irqfd (Linux 6.6 with CONFIG_XEN_PRIVCMD_EVENTFD): a write to an eventfd is the interrupt. It is
 * tried for each device, and costs what the hypercall costs without looking at our memory each time.
 *
 * ioeventfd (Linux 6.7): the kernel answers a driver's notification itself, so the virtual CPU does not wait until this
 * process gets to run. The kernel's handler shares the event channel with us: we are woken for the same event and must
 * leave its slot alone, since there is no lock between the two. So an access that the kernel answers is never
 * ours (xen_fast_kicked), from before the registers exist until they are gone. That holds for guests whose ioreq server
 * is new; one that was taken over may have such an access in its slots already, and is served without.
 *
 * It is off unless asked for: the kernel keeps using the ioreq page of a process that was killed, after it freed it
 * (read in drivers/xen/privcmd.c of Linux 6.12: only XEN_FD_OFF ends it, close does not), and it keeps the event
 * channels, so that no later process can take over.
 */
#include "port/xen/internal.h"
#include "hosted/log.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct kick {
	struct loop_fd event;
	struct xen_dev *d;
	uint16_t vq;
};

struct xen_fast {
	int irq; /* -1: none */
	uint16_t nkick;
	struct xen_dm_op op;
	uint32_t port[XEN_VCPUS];
	struct kick kick[];
};

static int new_eventfd(void)
{
	return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

/* ---- interrupts ---- */

static int set_irqfd(struct xen_dev *d, uint32_t flags)
{
	struct xen_fast *f = d->fast;
	struct xen_irqfd arg = { .op = (uintptr_t)&f->op,
				 .bytes = sizeof(f->op),
				 .fd = (uint32_t)f->irq,
				 .flags = flags,
				 .dom = d->g->dom };

	return d->x->lib->irqfd(d->g->dm, &arg);
}

static void begin_irq(struct xen_dev *d)
{
	struct xen_fast *f = d->fast;

	f->op.op = XEN_DMOP_set_irq_level;
	f->op.u.set_irq_level.irq = d->irq;
	f->op.u.set_irq_level.level = 1;
	f->irq = new_eventfd();
	if (f->irq < 0 || set_irqfd(d, 0) == 0) {
		return;
	}
	log_debug(d->name, "domain %u: no irqfd: %s", d->g->dom, strerror(errno));
	(void)close(f->irq);
	f->irq = -1;
}

bool xen_fast_irq(struct xen_dev *d)
{
	uint64_t one = 1;

	return d->fast && d->fast->irq >= 0 &&
	       write(d->fast->irq, &one, sizeof(one)) == (ssize_t)sizeof(one);
}

/* ---- notifications ---- */

static void on_kick(struct loop_fd *e, uint32_t events)
{
	struct kick *k = VIO_CONTAINER(e, struct kick, event);
	uint64_t n;

	(void)events;
	if (read(e->fd, &n, sizeof(n)) == (ssize_t)sizeof(n)) {
		k->d->g->stat.kick++;
		loop_post(k->d->x->cfg.loop, &k->d->turn[k->vq].task);
	}
}

static int set_ioeventfd(struct xen_dev *d, const struct kick *k, uint32_t flags)
{
	struct xen_guest *g = d->g;
	struct xen_ioeventfd arg = { .ioreq = (uintptr_t)g->page,
				     .ports = (uintptr_t)d->fast->port,
				     .base = d->base,
				     .bytes = 4,
				     .fd = (uint32_t)k->event.fd,
				     .vcpus = g->nvcpu,
				     .vq = k->vq,
				     .flags = flags,
				     .dom = g->dom };

	return d->x->lib->ioeventfd(g->dm, &arg);
}

static bool begin_kick(struct xen_dev *d, struct kick *k, uint16_t vq)
{
	int fd = new_eventfd(), e;

	k->d = d;
	k->vq = vq;
	if (fd < 0) {
		return false;
	}
	e = loop_add(d->x->cfg.loop, &k->event, fd, EPOLLIN, on_kick);
	if (e == 0 && set_ioeventfd(d, k, 0) == 0) {
		return true;
	}
	e = e ? e : errno;
	loop_del(&k->event);
	(void)close(fd);
	errno = e;
	return false;
}

static void end_kicks(struct xen_dev *d)
{
	struct xen_fast *f = d->fast;

	while (f->nkick > 0) {
		struct kick *k = &f->kick[--f->nkick];

		if (set_ioeventfd(d, k, XEN_FD_OFF) < 0) {
			log_warn(d->name, "domain %u: the kernel keeps an ioeventfd: %s", d->g->dom,
				 strerror(errno));
		}
		loop_del(&k->event);
		(void)close(k->event.fd);
	}
}

/* All queues or none: a device is either answered by the kernel or by us. */
static void begin_kicks(struct xen_dev *d)
{
	struct xen_fast *f = d->fast;

	for (unsigned i = 0; i < d->g->nvcpu; i++) {
		f->port[i] = d->g->vcpu[i].port;
	}
	for (uint16_t i = 0; i < d->cfg.dev->nvq; i++) {
		if (!begin_kick(d, &f->kick[i], i)) {
			log_warn(d->name, "domain %u: no ioeventfd: %s", d->g->dom,
				 strerror(errno));
			end_kicks(d);
			return;
		}
		f->nkick++;
	}
}

bool xen_fast_kicked(const struct xen_dev *d, const struct ioreq *r, bool write)
{
	return d->fast && write && r->size == 4u && r->addr == d->base + VIO_MMIO_QUEUE_NOTIFY &&
	       (r->data & 0xffffu) < d->fast->nkick;
}

/* ---- both ---- */

const char *xen_fast_begin(struct xen_dev *d)
{
	size_t n = d->cfg.dev->nvq;

	d->fast = calloc(1, sizeof(*d->fast) + n * sizeof(d->fast->kick[0]));
	if (!d->fast) {
		return "hypercall";
	}
	begin_irq(d);
	if (d->x->cfg.ioeventfd && !d->g->adopted) {
		begin_kicks(d);
	}
	return d->fast->nkick > 0  ? "irqfd and ioeventfd"
	       : d->fast->irq >= 0 ? "irqfd"
				   : "hypercall";
}

void xen_fast_end(struct xen_dev *d)
{
	if (!d->fast) {
		return;
	}
	end_kicks(d);
	if (d->fast->irq >= 0) {
		(void)set_irqfd(d, XEN_FD_OFF);
		(void)close(d->fast->irq);
	}
	free(d->fast);
	d->fast = NULL;
}
