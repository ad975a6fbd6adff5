/* SPDX-License-Identifier: BSD-3-Clause */
/* io.c - the model's event channels, ioreq servers and virtual CPUs */
#include "test/xenmodel/model.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define PORTS	32u
#define DM_FD	0x4000 /* what dm_open gives; no descriptor of the process */
#define HANDLES (XM_DOMS * 4u)

struct xenevtchn_handle {
	int fd;
	unsigned
		turn; /* the port after the one that was told last: each gets its turn, as from the kernel's ring */
	struct {
		bool bound, pending, masked;
		unsigned dom, remote;
	} port[PORTS];
};
static struct xenevtchn_handle *handles[HANDLES];

/* ---- libxenevtchn ---- */

/* The descriptor is readable while a port is pending that is not masked. */
static void level(const xenevtchn_handle *h)
{
	uint64_t n = 1;
	bool high = false;

	for (unsigned i = 0; i < PORTS; i++) {
		high = high || (h->port[i].bound && h->port[i].pending && !h->port[i].masked);
	}
	if (read(h->fd, &n, sizeof(n)) < 0) {
		n = 1;
	}
	if (high && write(h->fd, &n, sizeof(n)) < 0) {
		abort();
	}
}

static xenevtchn_handle *ev_open(struct xentoollog_logger *log, unsigned flags)
{
	xenevtchn_handle *h;
	unsigned i = 0;

	(void)log;
	(void)flags;
	if (xm_refuse("ev_open")) {
		return NULL;
	}
	h = calloc(1, sizeof(*h));
	h->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	while (handles[i]) {
		i++;
	}
	handles[i] = h;
	xm.open.ev++;
	return h;
}

static int ev_close(xenevtchn_handle *h)
{
	for (unsigned i = 0; i < HANDLES; i++) {
		handles[i] = handles[i] == h ? NULL : handles[i];
	}
	xm.open.ev--;
	(void)close(h->fd);
	free(h);
	return xm_refuse("ev_close") ? -1 : 0;
}

static int ev_fd(xenevtchn_handle *h)
{
	return xm_refuse("ev_fd") ? -1 : h->fd;
}

/* Remote ports: 10, 11, ... for virtual CPU 0, 1, ... as the server is enabled. Local ones: from 3 on. */
static xenevtchn_port_or_error_t ev_bind(xenevtchn_handle *h, uint32_t dom, evtchn_port_t remote)
{
	struct xm_dom *d = xm_domain(dom);
	unsigned i = 3;

	if (xm_refuse("ev_bind")) {
		return -1;
	}
	if (!d || !d->enabled || remote < 10 || remote >= 10 + d->nvcpu) {
		errno = EINVAL;
		return -1;
	}
	while (h->port[i].bound) {
		i++;
	}
	h->port[i].bound = true;
	h->port[i].dom = dom;
	h->port[i].remote = remote;
	h->port[i].pending = true; /* Xen does so: an event may have come before */
	h->port[i].masked = false;
	xm.open.ports++;
	level(h);
	return (int)i;
}

static bool is_port(const xenevtchn_handle *h, evtchn_port_t port)
{
	if (port < PORTS && h->port[port].bound) {
		return true;
	}
	xm.bad++;
	errno = EINVAL;
	return false;
}

static int ev_unbind(xenevtchn_handle *h, evtchn_port_t port)
{
	if (!is_port(h, port)) {
		return -1;
	}
	h->port[port].bound = false;
	xm.open.ports--;
	level(h);
	return xm_refuse("ev_unbind") ? -1 : 0;
}

static int ev_notify(xenevtchn_handle *h, evtchn_port_t port)
{
	if (xm_refuse("ev_notify") || !is_port(h, port)) {
		return -1;
	}
	xm.dom[h->port[port].dom].answered[h->port[port].remote - 10]++;
	return 0;
}

static xenevtchn_port_or_error_t ev_pending(xenevtchn_handle *h)
{
	if (xm_refuse("ev_pending")) {
		return -1;
	}
	for (unsigned k = 0; k < PORTS; k++) {
		unsigned i = (h->turn + k) % PORTS;

		if (h->port[i].bound && h->port[i].pending && !h->port[i].masked) {
			h->port[i].pending = false;
			h->port[i].masked = true;
			h->turn = i + 1;
			level(h);
			return (int)i;
		}
	}
	xm.bad++; /* the real one would block here */
	errno = EAGAIN;
	return -1;
}

static int ev_unmask(xenevtchn_handle *h, evtchn_port_t port)
{
	if (xm_refuse("ev_unmask") || !is_port(h, port)) {
		return -1;
	}
	h->port[port].masked = false;
	level(h);
	return 0;
}

static void ring(unsigned dom, unsigned cpu)
{
	for (unsigned k = 0; k < HANDLES; k++) {
		for (unsigned i = 0; handles[k] && i < PORTS; i++) {
			if (handles[k]->port[i].bound && handles[k]->port[i].dom == dom &&
			    handles[k]->port[i].remote == 10 + cpu) {
				handles[k]->port[i].pending = true;
				level(handles[k]);
			}
		}
	}
}

/* ---- dm_op ---- */

static int dm_open(void)
{
	if (xm_refuse("dm_open")) {
		return -1;
	}
	xm.open.dm++;
	return DM_FD;
}

static void dm_close(int fd)
{
	xm.bad += fd != DM_FD;
	xm.open.dm--;
}

static int no(int e)
{
	errno = e;
	return -1;
}

void xm_server_end(struct xm_dom *d)
{
	d->server = false;
	d->enabled = false;
	memset(d->range, 0, sizeof(d->range));
}

static int dm_create(struct xm_dom *d, struct xen_dm_op_create_ioreq_server *op)
{
	if (xm_refuse("dm_op create")) {
		return -1;
	}
	xm.bad += op->handle_bufioreq != HVM_IOREQSRV_BUFIOREQ_OFF;
	if (d->server) {
		return no(EEXIST); /* a daemon left it behind */
	}
	memset(d->page, 0, XM_PAGE);
	d->server = true;
	op->id = 1;
	return 0;
}

static int dm_range(struct xm_dom *d, const struct xen_dm_op_ioreq_server_range *op, bool on)
{
	if (xm_refuse(on ? "dm_op map" : "dm_op unmap")) {
		return -1;
	}
	xm.bad += op->type != XEN_DMOP_IO_RANGE_MEMORY ||
		  (op->end != op->start + 0x1ff && op->end != op->start + 0xff);
	if (!d->server || op->id != 1) {
		return no(ENOENT);
	}
	for (unsigned i = 0; i < XM_RANGES; i++) {
		if (on && d->range[i] == op->start) {
			return no(EEXIST);
		}
	}
	for (unsigned i = 0; i < XM_RANGES; i++) {
		if (d->range[i] == (on ? 0 : op->start)) {
			xm.bad += !on && op->end != op->start + d->range_len[i] - 1;
			d->range[i] = on ? op->start : 0;
			d->range_len[i] = op->end - op->start + 1;
			return 0;
		}
	}
	return no(on ? ENOSPC : ENOENT);
}

static int dm_enable(struct xm_dom *d, const struct xen_dm_op_set_ioreq_server_state *op)
{
	if (xm_refuse("dm_op enable")) {
		return -1;
	}
	if (!d->server || op->id != 1) {
		return no(ENOENT);
	}
	d->enabled = op->enabled != 0;
	for (unsigned i = 0; i < d->nvcpu; i++) {
		d->page->vcpu_ioreq[i].vp_eport = 10 + i;
	}
	return 0;
}

static int dm_irq(struct xm_dom *d, const struct xen_dm_op_set_irq_level *op)
{
	if (xm_refuse("dm_op irq")) {
		return -1;
	}
	if (op->irq < 32 || op->irq >= XM_IRQS) {
		return no(EINVAL);
	}
	d->irq[op->irq] += op->level;
	return 0;
}

static int dm_op(int fd, domid_t dom, struct xen_dm_op *op, void *more, size_t len)
{
	struct xm_dom *d = xm_domain(dom);

	(void)len;
	xm.bad += fd != DM_FD || more != NULL;
	if (!d) {
		return no(ESRCH);
	}
	switch (op->op) {
	case XEN_DMOP_nr_vcpus:
		op->u.nr_vcpus.vcpus = d->nvcpu;
		return xm_refuse("dm_op vcpus") ? -1 : 0;
	case XEN_DMOP_create_ioreq_server:
		return dm_create(d, &op->u.create_ioreq_server);
	case XEN_DMOP_destroy_ioreq_server:
		xm.bad += !d->server || op->u.destroy_ioreq_server.id != 1;
		xm_server_end(d);
		return xm_refuse("dm_op destroy") ? -1 : 0;
	case XEN_DMOP_set_ioreq_server_state:
		return dm_enable(d, &op->u.set_ioreq_server_state);
	case XEN_DMOP_map_io_range_to_ioreq_server:
		return dm_range(d, &op->u.map_io_range_to_ioreq_server, true);
	case XEN_DMOP_unmap_io_range_from_ioreq_server:
		return dm_range(d, &op->u.unmap_io_range_from_ioreq_server, false);
	case XEN_DMOP_set_irq_level:
		return dm_irq(d, &op->u.set_irq_level);
	default:
		xm.bad++;
		return no(EOPNOTSUPP);
	}
}

void xm_io_kill(void)
{
	for (unsigned i = 0; i < HANDLES; i++) {
		if (handles[i]) {
			(void)close(handles[i]->fd);
			free(handles[i]);
			handles[i] = NULL;
		}
	}
}

void xm_io_init(void)
{
	xm.lib.ev_open = ev_open;
	xm.lib.ev_close = ev_close;
	xm.lib.ev_fd = ev_fd;
	xm.lib.ev_bind = ev_bind;
	xm.lib.ev_unbind = ev_unbind;
	xm.lib.ev_notify = ev_notify;
	xm.lib.ev_pending = ev_pending;
	xm.lib.ev_unmask = ev_unmask;
	xm.lib.dm_open = dm_open;
	xm.lib.dm_close = dm_close;
	xm.lib.dm_op = dm_op;
}

/* ---- virtual CPUs ---- */

void xm_slot(unsigned dom, unsigned cpu, const struct ioreq *r)
{
	struct xm_dom *d = &xm.dom[dom];
	struct ioreq *slot = &d->page->vcpu_ioreq[cpu];
	uint32_t eport = slot->vp_eport;

	*slot = *r;
	slot->vp_eport = eport;
	slot->state = STATE_IOREQ_READY;
	d->answered[cpu] = 0;
	ring(dom, cpu);
}

bool xm_access(unsigned dom, unsigned cpu, uint64_t addr, uint32_t size, bool write, uint64_t val)
{
	struct ioreq r = { .addr = addr,
			   .data = val,
			   .size = size,
			   .count = 1,
			   .dir = write ? IOREQ_WRITE : IOREQ_READ,
			   .type = IOREQ_TYPE_COPY };
	const struct xm_dom *d = &xm.dom[dom];

	for (unsigned i = 0; d->enabled && i < XM_RANGES; i++) {
		if (d->range[i] != 0 && addr - d->range[i] < d->range_len[i] &&
		    !xm_extra_ram(dom, addr)) {
			xm.dom[dom].kick[cpu] = write && xm_priv_has(dom, addr, size, val);
			xm_slot(dom, cpu, &r);
			return true;
		}
	}
	return false;
}

bool xm_answered(unsigned dom, unsigned cpu, uint64_t *val)
{
	struct xm_dom *d = &xm.dom[dom];
	struct ioreq *slot = &d->page->vcpu_ioreq[cpu];

	/* The kernel's handler of the event comes last: the slot must be as the guest left it. */
	if (d->kick[cpu]) {
		d->kick[cpu] = false;
		xm.bad += slot->state != STATE_IOREQ_READY ||
			  !xm_priv_kick(dom, slot->addr, slot->size, slot->data);
		slot->state = STATE_IORESP_READY;
		d->answered[cpu]++;
	}
	if (slot->state != STATE_IORESP_READY || d->answered[cpu] == 0) {
		return false;
	}
	xm.bad += d->answered[cpu] != 1;
	slot->state = STATE_IOREQ_NONE;
	if (val) {
		*val = slot->data;
	}
	return true;
}
