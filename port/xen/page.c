/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * page.c - configuration as a page of the guest, which its driver reads without a trap
 *
 * Theory of operation. Registers that begin at 0xf00 of a page end with it, and configuration, at 0x100 behind their
 * begin, is the begin of the next one. That one is memory of the guest's own: Xen is asked to put a page there, and it is
 * mapped here for as long as the device serves. It stays with the guest then, as its registers do (vacant.c). Where Xen
 * refuses, configuration is trapped as the registers are.
 *
 * The guest may write to the page, or give it away: that harms nobody else. Each change writes it whole.
 *
 * A page that is there already is taken as it is; it is an earlier process's. A guest that runs on after a restart keeps
 * what it has, a page or none: features were negotiated by that.
 *
 * What asks Xen for memory may do so for every guest, so that descriptor is closed after each call.
 */
#include "port/xen/internal.h"
#include "hosted/log.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE_BYTES 4096u

/* Drivers map it as device memory, and so read what is in RAM itself. Other machines look into each other's caches. */
static void clean(void *page, uint32_t len)
{
#if defined(__aarch64__)
	uintptr_t p = (uintptr_t)page, end = p + len, line;

	__asm__ volatile("mrs %0, ctr_el0" : "=r"(line));
	line = (uintptr_t)4u << ((line >> 16) & 15u);
	for (p -= p % line; p < end; p += line) {
		__asm__ volatile("dc cvac, %0" : : "r"(p) : "memory");
	}
	__asm__ volatile("dsb sy" : : : "memory");
#else
	(void)page;
	(void)len;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
}

static xen_pfn_t frame(const struct xen_dev *d)
{
	return (xen_pfn_t)((d->base + VIO_MMIO_CONFIG) / PAGE_BYTES);
}

/* cmd for the one frame; returns: 0 | -1 and errno */
static int memory_op(struct xen_dev *d, unsigned cmd)
{
	struct args {
		struct xen_memory_reservation r;
		xen_pfn_t gfn;
	} * a;
	const struct xen_lib *l = d->x->lib;
	xencall_handle *h;
	int rc, e;

	if (!l->call_open) {
		errno = ENOSYS;
		return -1;
	}
	h = l->call_open(NULL, 0);
	if (!h) {
		return -1;
	}
	a = l->call_buffer(h, sizeof(*a));
	rc = -1;
	if (a) {
		memset(a, 0, sizeof(*a));
		a->gfn = frame(d);
		a->r.nr_extents = 1;
		a->r.domid = d->g->dom;
		set_xen_guest_handle(a->r.extent_start, &a->gfn);
		rc = l->call2(h, __HYPERVISOR_memory_op, cmd, (uintptr_t)a);
	}
	e = rc == 0 ? EPERM : errno; /* it says how many frames it did, never why not */
	if (a) {
		l->call_free(h, a);
	}
	(void)l->call_close(h);
	errno = e;
	return rc == 1 ? 0 : -1;
}

/* returns: 0 mapped or *there is false | -1 and errno: another time, perhaps */
static int map(struct xen_dev *d, bool *there)
{
	const struct xen_lib *l = d->x->lib;
	xen_pfn_t gfn = frame(d);
	int none = 0;

	*there = false;
	d->page = l->fm_map(d->g->fm, d->g->dom, PROT_READ | PROT_WRITE, 1, &gfn, &none);
	if (!d->page) {
		return -1;
	}
	*there = none == 0;
	if (none) {
		(void)l->fm_unmap(d->g->fm, d->page, 1);
		d->page = NULL;
	}
	return 0;
}

static int trapped(struct xen_dev *d, const char *why)
{
	log_warn(d->name, "domain %u: configuration is trapped: %s", d->g->dom, why);
	return 0;
}

/* Xen is asked for the page, and it is mapped; returns: NULL, or why not */
static const char *obtain(struct xen_dev *d)
{
	const char *why = NULL;
	bool there = false;

	if (memory_op(d, XENMEM_populate_physmap) < 0) {
		return errno == EPERM
			       ? "Xen gives no page: this domain may not ask for one, or the "
				 "guest has all the memory that it may have (maxmem)"
			       : strerror(errno);
	}
	if (map(d, &there) < 0) {
		why = strerror(errno);
	} else if (!there) {
		why = "the page that Xen gave is not there";
	} else {
		/* ours */
	}
	if (why) {
		(void)memory_op(d, XENMEM_decrease_reservation);
	}
	return why;
}

int xen_page_begin(struct xen_dev *d, bool resumed, char err[256])
{
	bool there;
	const char *why;

	d->len = XEN_MMIO_LEN;
	d->page = NULL;
	if ((!d->cfg.page && !resumed) || (d->base + VIO_MMIO_CONFIG) % PAGE_BYTES != 0) {
		return 0;
	}
	if (map(d, &there) < 0) {
		if (!resumed) {
			return trapped(d, strerror(errno));
		}
		snprintf(err, 256, "domain %u: its page of configuration cannot be mapped: %s",
			 d->g->dom, strerror(errno));
		return -1;
	}
	if (!there && resumed) {
		return d->cfg.page ? trapped(d, "the guest began so") : 0;
	}
	why = there ? NULL : obtain(d);
	if (why) {
		return trapped(d, why);
	}
	if (vio_dev_config_page(d->cfg.dev, d->page, PAGE_BYTES, clean) != VIO_OK) {
		xen_page_end(d, false);
		return trapped(d, "this device lets its driver write to it at any time");
	}
	d->len = VIO_MMIO_CONFIG;
	log_info(d->name, "domain %u: configuration is a page at %#llx", d->g->dom,
		 (unsigned long long)(d->base + VIO_MMIO_CONFIG));
	return 0;
}

void xen_page_end(struct xen_dev *d, bool keep)
{
	if (!d->page) {
		return;
	}
	(void)vio_dev_config_page(d->cfg.dev, NULL, 0, NULL);
	(void)d->x->lib->fm_unmap(d->g->fm, d->page, 1);
	d->page = NULL;
	if (keep || d->g->gone) {
		return;
	}
	if (memory_op(d, XENMEM_decrease_reservation) < 0) {
		log_warn(d->name, "domain %u: its page of configuration stays: %s", d->g->dom,
			 strerror(errno));
	} else {
		/* the guest has as much memory as before */
	}
}
