/* SPDX-License-Identifier: BSD-3-Clause */
/* priv.c - the model's privcmd: handles that are restricted, irqfd and ioeventfd */
#include "test/xenmodel/model.h"
#include "vio/mmio.h"
#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define FDS 32u

static struct {
	struct xen_irqfd arg;
	struct xen_dm_op op;
} irqs[FDS];
static struct xen_ioeventfd kicks[FDS];

static int restricted(const char *name, domid_t dom)
{
	if (xm_refuse(name)) {
		return -1;
	}
	xm.restricted += xm_domain(dom) != NULL;
	return 0;
}

static int fm_restrict(xenforeignmemory_handle *h, domid_t dom)
{
	(void)h;
	return restricted("fm_restrict", dom);
}

static int ev_restrict(xenevtchn_handle *h, domid_t dom)
{
	(void)h;
	return restricted("ev_restrict", dom);
}

static int dm_restrict(int fd, domid_t dom)
{
	(void)fd;
	return restricted("dm_restrict", dom);
}

static int no_eventfd(void)
{
	errno = ENOTTY;
	return -1;
}

static int irqfd(int fd, const struct xen_irqfd *arg)
{
	bool on = (arg->flags & XEN_FD_OFF) == 0;
	unsigned i = 0;

	(void)fd;
	if (xm_refuse("irqfd")) {
		return -1;
	}
	if (!xm.eventfds) {
		return no_eventfd();
	}
	while (i < FDS && (on ? irqs[i].arg.bytes != 0 : irqs[i].arg.fd != arg->fd)) {
		i++;
	}
	if (i == FDS) {
		xm.bad++;
		errno = EINVAL;
		return -1;
	}
	memset(&irqs[i], 0, sizeof(irqs[i]));
	if (on) {
		irqs[i].arg = *arg;
		memcpy(&irqs[i].op, (const void *)(uintptr_t)arg->op, sizeof(irqs[i].op));
	}
	xm.open.fds += on ? 1 : -1;
	return 0;
}

static int ioeventfd(int fd, const struct xen_ioeventfd *arg)
{
	bool on = (arg->flags & XEN_FD_OFF) == 0;
	unsigned i = 0;

	(void)fd;
	if (xm_refuse("ioeventfd")) {
		return -1;
	}
	if (!xm.eventfds) {
		return no_eventfd();
	}
	while (i < FDS && (on ? kicks[i].bytes != 0 : kicks[i].fd != arg->fd)) {
		i++;
	}
	if (i == FDS) {
		xm.bad++;
		errno = EINVAL;
		return -1;
	}
	memset(&kicks[i], 0, sizeof(kicks[i]));
	if (on) {
		kicks[i] = *arg;
	}
	xm.open.fds += on ? 1 : -1;
	return 0;
}

void xm_interrupts(void)
{
	for (unsigned i = 0; i < FDS; i++) {
		struct xm_dom *d = xm_domain(irqs[i].arg.dom);
		uint64_t n;

		if (irqs[i].arg.bytes != 0 && d &&
		    read((int)irqs[i].arg.fd, &n, sizeof(n)) == (ssize_t)sizeof(n)) {
			d->irq[irqs[i].op.u.set_irq_level.irq]++;
		}
	}
}

static const struct xen_ioeventfd *find(unsigned dom, uint64_t addr, uint32_t size, uint64_t val)
{
	for (unsigned i = 0; i < FDS; i++) {
		const struct xen_ioeventfd *k = &kicks[i];

		if (k->bytes == size && k->dom == dom && addr == k->base + VIO_MMIO_QUEUE_NOTIFY &&
		    (val & 0xffffu) == k->vq) {
			return k;
		}
	}
	return NULL;
}

bool xm_priv_has(unsigned dom, uint64_t addr, uint32_t size, uint64_t val)
{
	return find(dom, addr, size, val) != NULL;
}

bool xm_priv_kick(unsigned dom, uint64_t addr, uint32_t size, uint64_t val)
{
	const struct xen_ioeventfd *k = find(dom, addr, size, val);
	uint64_t one = 1;

	return k && write((int)k->fd, &one, sizeof(one)) == (ssize_t)sizeof(one);
}

void xm_priv_init(void)
{
	memset(irqs, 0, sizeof(irqs));
	memset(kicks, 0, sizeof(kicks));
	xm.lib.fm_restrict = fm_restrict;
	xm.lib.ev_restrict = ev_restrict;
	xm.lib.dm_restrict = dm_restrict;
	xm.lib.irqfd = irqfd;
	xm.lib.ioeventfd = ioeventfd;
}
