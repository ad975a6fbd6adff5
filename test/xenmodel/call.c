/* SPDX-License-Identifier: BSD-3-Clause */
/* call.c - the model's libxencall: pages that a back-end asks Xen to put into a guest */
#include "test/xenmodel/model.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define BUFFERS 4u

struct xencall_handle {
	void *buffer[BUFFERS]; /* what the hypervisor may be given addresses of */
};

static xencall_handle *call_open(struct xentoollog_logger *log, unsigned flags)
{
	(void)log;
	(void)flags;
	if (xm_refuse("call_open")) {
		return NULL;
	}
	xm.open.call++;
	return calloc(1, sizeof(xencall_handle));
}

static int call_close(xencall_handle *h)
{
	for (unsigned i = 0; i < BUFFERS; i++) {
		xm.bad += h->buffer[i] != NULL;
	}
	xm.open.call--;
	free(h);
	return xm_refuse("call_close") ? -1 : 0;
}

static void *call_buffer(xencall_handle *h, size_t bytes)
{
	unsigned i = 0;

	if (xm_refuse("call_buffer")) {
		return NULL;
	}
	while (h->buffer[i]) {
		i++;
	}
	h->buffer[i] = malloc(bytes);
	memset(h->buffer[i], 0x5a, bytes);
	return h->buffer[i];
}

static void call_free(xencall_handle *h, void *p)
{
	for (unsigned i = 0; i < BUFFERS; i++) {
		if (h->buffer[i] == p) {
			h->buffer[i] = NULL;
			free(p);
			return;
		}
	}
	xm.bad++;
}

/* returns: frames done, as Xen */
static int populate(struct xm_dom *d, uint64_t gfn)
{
	unsigned i = 0;

	while (i < XM_EXTRA && d->extra[i].gfn != 0) {
		i++;
	}
	if (xm_extra(d, gfn) != XM_HOLE || gfn == 0) {
		xm.bad++; /* the page that is there would be lost */
	}
	if (i == XM_EXTRA || d->full) {
		return 0;
	}
	d->extra[i].gfn = gfn;
	d->extra[i].page = d->fresh++;
	d->extra[i].ram = mmap(NULL, XM_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, d->fd,
			       (off_t)d->extra[i].page * XM_PAGE);
	return 1;
}

static int decrease(struct xm_dom *d, uint64_t gfn)
{
	for (unsigned i = 0; i < XM_EXTRA; i++) {
		if (gfn != 0 && d->extra[i].gfn == gfn) {
			xm.bad += d->users[d->extra[i].page] != 0;
			(void)munmap(d->extra[i].ram, XM_PAGE);
			memset(&d->extra[i], 0, sizeof(d->extra[i]));
			return 1;
		}
	}
	xm.bad++;
	return 0;
}

static int call2(xencall_handle *h, unsigned op, uint64_t cmd, uint64_t arg)
{
	const struct xen_memory_reservation *r = (const void *)(uintptr_t)arg;
	bool up = cmd == XENMEM_populate_physmap, own = false;
	struct xm_dom *d = xm_domain(r->domid);
	uint64_t gfn;

	if (xm_refuse(up ? "call2 populate" : "call2 decrease")) {
		return -1;
	}
	for (unsigned i = 0; i < BUFFERS; i++) {
		own = own || h->buffer[i] == r;
	}
	xm.bad += !own || op != __HYPERVISOR_memory_op || r->nr_extents != 1 ||
		  r->extent_order != 0 || r->mem_flags != 0;
	xm.bad += !up && cmd != XENMEM_decrease_reservation;
	if (!d) {
		return 0;
	}
	memcpy(&gfn, r->extent_start.p, sizeof(gfn));
	return up ? populate(d, gfn) : decrease(d, gfn);
}

uint32_t xm_extra(const struct xm_dom *d, uint64_t gfn)
{
	for (unsigned i = 0; i < XM_EXTRA; i++) {
		if (gfn != 0 && d->extra[i].gfn == gfn) {
			return d->extra[i].page;
		}
	}
	return XM_HOLE;
}

uint8_t *xm_extra_ram(unsigned dom, uint64_t addr)
{
	for (unsigned i = 0; i < XM_EXTRA; i++) {
		if (xm.dom[dom].extra[i].gfn == addr / XM_PAGE) {
			return xm.dom[dom].extra[i].ram + addr % XM_PAGE;
		}
	}
	return NULL;
}

void xm_call_init(void)
{
	xm.lib.call_open = call_open;
	xm.lib.call_close = call_close;
	xm.lib.call_buffer = call_buffer;
	xm.lib.call_free = call_free;
	xm.lib.call2 = call2;
}
