/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * guest.c - one guest: its ioreq server, its virtual CPUs, its memory
 *
 * Theory of operation. Xen writes a trapped access into the slot of the virtual CPU, in a page that it shares with
 * us, and rings that CPU's event channel; the CPU stands still until the slot says RESP_READY and the channel is
 * rung back. The page is Xen's, no guest can write to it; what is in a slot is still checked, since address, size and
 * data come from the guest.
 *
 * An access whose effect is not complete (reset, queue stop) leaves its CPU waiting, and the turn that completes it
 * answers. Xen also tells by such a slot that the guest's memory map changes (INVALIDATE): our translations are
 * dropped before the answer, so the guest goes on only when nothing new can be mapped by the old one.
 */
#include "port/xen/internal.h"
#include "hosted/log.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>

/* state and flags of a slot are bits of one byte, and Xen writes it too: read and written as a whole, in order */
#define SLOT_STATE_AT 30u
#define SLOT_POINTER  0x10u
#define SLOT_READ     0x20u
_Static_assert(offsetof(struct ioreq, _pad0) + 2u == SLOT_STATE_AT, "layout of struct ioreq");

static uint8_t slot_flags(const struct ioreq *r)
{
	return __atomic_load_n((const uint8_t *)(const void *)r + SLOT_STATE_AT, __ATOMIC_ACQUIRE);
}

static void slot_set(struct ioreq *r, uint8_t state)
{
	uint8_t *p = (uint8_t *)(void *)r + SLOT_STATE_AT;

	__atomic_store_n(p, (uint8_t)((*p & 0xf0u) | state), __ATOMIC_RELEASE);
}

/* ---- accesses ---- */

static struct xen_dev *dev_at(struct xen_guest *g, uint64_t addr)
{
	struct xen_dev *d;

	for (d = g->x->dev; d; d = d->next) {
		if (d->g == g && addr - d->base < d->len) {
			break;
		}
	}
	return d;
}

static void answer(struct xen_guest *g, unsigned cpu)
{
	g->vcpu[cpu].held = NULL;
	g->stat.answer++;
	slot_set(&g->page->vcpu_ioreq[cpu], STATE_IORESP_READY);
	if (g->x->lib->ev_notify(g->ev, g->vcpu[cpu].port) < 0) {
		log_error(NULL, "domain %u: virtual CPU %u cannot be answered: %s", g->dom, cpu,
			  strerror(errno));
	}
}

/* A turn of each queue of each of its devices, soon */
static void run_all(struct xen_guest *g)
{
	for (struct xen_dev *d = g->x->dev; d; d = d->next) {
		if (d->g == g) {
			xen_dev_run(d);
		}
	}
}

/* Ring areas are mapped anew; returns: false an earlier change is not through, to be tried after the next turn */
static bool change(struct xen_guest *g)
{
	if (vio_mem_change(xen_mem(g->mem)) != VIO_OK) {
		return false;
	}
	run_all(g);
	return true;
}

/* returns: the access is complete, the CPU goes on */
static bool access_slot(struct xen_guest *g, unsigned cpu, struct ioreq *r, uint8_t flags)
{
	bool by_pointer = (flags & SLOT_POINTER) != 0, read = (flags & SLOT_READ) != 0;
	uint8_t type = r->type;
	uint64_t addr = r->addr, val = r->data;
	uint32_t size = r->size;
	struct xen_dev *d = dev_at(g, addr);
	int rc;

	if (type == IOREQ_TYPE_INVALIDATE) {
		xen_mem_forget(g->mem);
		g->forget = !change(g);
		return true;
	}
	if (type == IOREQ_TYPE_COPY && (d ? d->leaving : xen_vacant_at(g, addr))) {
		r->data = 0;
		return true;
	}
	if (type != IOREQ_TYPE_COPY || by_pointer || r->count != 1 || !d) {
		log_debug(NULL, "domain %u: access of type %u at %#llx is not ours", g->dom, type,
			  (unsigned long long)addr);
		r->data = ~0ull;
		return true;
	}
	rc = xen_dev_access(d, (uint32_t)(addr - d->base), size, !read, &val);
	if (read) {
		r->data = val;
	}
	if (rc == VIO_PENDING) {
		g->vcpu[cpu].held = d;
		xen_dev_run(
			d); /* a start that waits for memory has nobody else to call for a turn */
		return false;
	}
	return true;
}

/* Its device is yet to come, a later process will serve it, or the kernel does. */
static bool must_wait(struct xen_guest *g, const struct ioreq *r, uint8_t flags)
{
	struct xen_dev *d = dev_at(g, r->addr);

	if (r->type != IOREQ_TYPE_COPY) {
		return false;
	}
	return d ? d->parking || xen_fast_kicked(d, r, (flags & SLOT_READ) == 0)
		 : (g->adopted || g->keep) && !xen_vacant_at(g, r->addr);
}

static void look(struct xen_guest *g, unsigned cpu)
{
	struct ioreq *r = &g->page->vcpu_ioreq[cpu];
	uint8_t flags = slot_flags(r);

	if ((flags & 0x0fu) != STATE_IOREQ_READY || must_wait(g, r, flags)) {
		return;
	}
	g->stat.ioreq++;
	slot_set(r, STATE_IOREQ_INPROCESS);
	if (access_slot(g, cpu, r, flags)) {
		answer(g, cpu);
	}
}

void xen_guest_look(struct xen_guest *g)
{
	for (unsigned i = 0; g->adopted && i < g->nvcpu; i++) {
		look(g, i);
	}
}

void xen_guest_progress(struct xen_guest *g)
{
	for (unsigned i = 0; i < g->nvcpu; i++) {
		struct xen_dev *d = g->vcpu[i].held;

		if (d && !d->parking && (d->leaving || vio_mmio_settled(&d->mmio))) {
			xen_keep_save(d);
			answer(g, i);
		}
	}
	if (g->forget) {
		g->forget = !change(g);
	}
}

static void on_event(struct loop_fd *f, uint32_t events)
{
	struct xen_guest *g = VIO_CONTAINER(f, struct xen_guest, event);
	xenevtchn_port_or_error_t port;

	(void)events;
	port = g->x->lib->ev_pending(g->ev);
	if (port < 0) {
		if (errno != EAGAIN && errno != EINTR) {
			log_error(NULL,
				  "domain %u: its events are lost, its devices stand still: %s",
				  g->dom, strerror(errno));
			loop_del(f);
		}
		return;
	}
	if (g->x->lib->ev_unmask(g->ev, (evtchn_port_t)port) < 0) {
		log_error(NULL, "domain %u: event channel %d stays masked: %s", g->dom, port,
			  strerror(errno));
	}
	for (unsigned i = 0; i < g->nvcpu; i++) {
		if (g->vcpu[i].bound && g->vcpu[i].port == (evtchn_port_t)port) {
			look(g, i);
		}
	}
}

/* ---- timers ---- */

void xen_guest_timer(struct xen_guest *g, struct vio_timer *t, uint64_t ns)
{
	struct vio_clock *c = loop_clock(g->x->cfg.loop);

	if (t->at == 0) {
		c->set(c, t, c->now(c) + ns);
	}
}

static void on_retry(struct vio_timer *t)
{
	run_all(VIO_CONTAINER(t, struct xen_guest, retry));
}

static void on_trim(struct vio_timer *t)
{
	struct xen_guest *g = VIO_CONTAINER(t, struct xen_guest, trim);

	if (xen_mem_trim(g->mem)) {
		xen_guest_timer(g, t, XEN_TRIM_NS);
	}
}

/* ---- coming and leaving ---- */

static int fail(struct xen_guest *g, char err[256], const char *what, const char *hint)
{
	int e = errno;

	snprintf(err, 256, "domain %u: %s: %s%s%s", g->dom, what, strerror(e), hint ? "; " : "",
		 hint ? hint : "");
	return -1;
}

static const char *may(void)
{
	return errno == EPERM || errno == EACCES ? "this domain may not serve others: run in dom0, "
						   "or label it for FLASK; or its "
						   "privcmd is for another guest"
	       : errno == ESRCH			 ? "there is no such domain"
						 : NULL;
}

static int open_handles(struct xen_guest *g, char err[256])
{
	const struct xen_lib *l = g->x->lib;

	g->dm = l->dm_open();
	if (g->dm < 0) {
		return fail(g, err, "/dev/xen/privcmd",
			    errno == EACCES || errno == EPERM
				    ? "run as a user who may open it"
				    : "is this Xen? modprobe xen-privcmd");
	}
	g->fm = l->fm_open(NULL, 0);
	if (!g->fm) {
		return fail(g, err, "no access to guest memory", NULL);
	}
	g->ev = l->ev_open(NULL, 0);
	if (!g->ev) {
		return fail(g, err, "/dev/xen/evtchn", "modprobe xen-evtchn");
	}
	g->gt = l->gt_open(NULL, 0);
	if (!g->gt) {
		log_warn(NULL,
			 "domain %u: /dev/xen/gntdev: %s; guests that use grants cannot be served",
			 g->dom, strerror(errno));
	}
	return 0;
}

static xenforeignmemory_resource_handle *map_frame(struct xen_guest *g, void **page)
{
	return g->x->lib->fm_map_resource(g->fm, g->dom, XENMEM_resource_ioreq_server, g->id,
					  XENMEM_resource_ioreq_server_frame_ioreq(0), 1, page,
					  PROT_READ | PROT_WRITE, 0);
}

/* Take over the server of an earlier process, with the virtual CPUs that wait in it. */
static bool adopt(struct xen_guest *g, void **page)
{
	if (!xen_keep_server(g->x, g->dom, &g->id)) {
		return false;
	}
	g->frame = map_frame(g, page);
	g->adopted = g->frame != NULL;
	g->server = g->adopted;
	g->keep = g->adopted; /* until a device serves: another attempt may be luckier */
	return g->adopted;
}

static int open_server(struct xen_guest *g, char err[256])
{
	void *page = NULL;

	if (xen_dm_vcpus(g, &g->nvcpu) < 0) {
		g->nvcpu = 0;
		return fail(g, err, "no device model operations", may());
	}
	if (g->nvcpu > XEN_VCPUS) {
		g->nvcpu = 0;
		errno = E2BIG;
		return fail(g, err, "virtual CPUs", "at most 128 are supported");
	}
	if (!adopt(g, &page)) {
		if (xen_dm_create(g) < 0) {
			return fail(g, err, "no ioreq server",
				    errno == EOPNOTSUPP || errno == ENOSYS
					    ? "this Xen was built without CONFIG_IOREQ_SERVER"
					    : may());
		}
		g->server = true;
		g->frame = map_frame(g, &page);
	}
	if (!g->frame) {
		return fail(g, err, "the ioreq page cannot be mapped", may());
	}
	g->page = page;
	if (xen_dm_enable(g, true) < 0) {
		return fail(g, err, "the ioreq server cannot be enabled", NULL);
	}
	return 0;
}

/* What the earlier process was doing is done again; what it had answered without a ring is rung. */
static void take_over(struct xen_guest *g, unsigned cpu)
{
	struct ioreq *r = &g->page->vcpu_ioreq[cpu];
	uint8_t state = slot_flags(r) & 0x0fu;

	if (state == STATE_IOREQ_INPROCESS) {
		slot_set(r, STATE_IOREQ_READY);
	} else if (state == STATE_IORESP_READY) {
		(void)g->x->lib->ev_notify(g->ev, g->vcpu[cpu].port);
	} else {
		/* nothing, or an access that waits for its device */
	}
}

static int open_events(struct xen_guest *g, char err[256])
{
	const struct xen_lib *l = g->x->lib;
	int e;

	g->vcpu = calloc(g->nvcpu ? g->nvcpu : 1, sizeof(*g->vcpu));
	if (!g->vcpu) {
		return fail(g, err, "virtual CPUs", NULL);
	}
	for (unsigned i = 0; i < g->nvcpu; i++) {
		int port = l->ev_bind(g->ev, g->dom, g->page->vcpu_ioreq[i].vp_eport);

		if (port < 0) {
			return fail(g, err, "an event channel cannot be bound", may());
		}
		g->vcpu[i].port = (evtchn_port_t)port;
		g->vcpu[i].bound = true;
		if (g->adopted) {
			take_over(g, i);
		}
	}
	e = loop_add(g->x->cfg.loop, &g->event, l->ev_fd(g->ev), EPOLLIN, on_event);
	if (e) {
		errno = e;
		return fail(g, err, "event channels", NULL);
	}
	return 0;
}

static int open_memory(struct xen_guest *g, char err[256])
{
	uint32_t bytes = XEN_CHUNK_PAGES * 4096u;
	struct xen_mem_config cfg = { .lib = g->x->lib,
				      .fm = g->fm,
				      .gt = g->gt,
				      .dom = g->dom,
				      .chunks = g->x->cfg.cache_mib * (1048576u / bytes) };

	g->mem = xen_mem_new(&cfg);
	return g->mem ? 0 : fail(g, err, "memory", NULL);
}

/*
 * From here on these descriptors are good for this guest only, whatever this process is made to do. The kernel cannot
 * bind a gntdev descriptor to a domain; it maps nothing but what some guest granted to this domain.
 */
static void confine(struct xen_guest *g)
{
	const struct xen_lib *l = g->x->lib;
	const char *what = l->dm_restrict(g->dm, g->dom) < 0   ? "privcmd"
			   : l->fm_restrict(g->fm, g->dom) < 0 ? "foreign memory"
			   : l->ev_restrict(g->ev, g->dom) < 0 ? "event channels"
							       : NULL;

	if (what) {
		log_warn(NULL, "domain %u: %s cannot be restricted to it: %s", g->dom, what,
			 strerror(errno));
	}
}

void xen_guest_free(struct xen_guest *g)
{
	const struct xen_lib *l = g->x->lib;
	struct vio_clock *c = loop_clock(g->x->cfg.loop);
	struct xen_guest **p = &g->x->guest;

	while (*p && *p != g) {
		p = &(*p)->next;
	}
	if (*p) {
		*p = g->next;
	}
	c->set(c, &g->retry, 0);
	c->set(c, &g->trim, 0);
	loop_del(&g->event);
	if (g->mem) {
		xen_mem_free(g->mem);
	}
	for (unsigned i = 0; g->vcpu && i < g->nvcpu; i++) {
		if (g->vcpu[i].bound) {
			(void)l->ev_unbind(g->ev, g->vcpu[i].port);
		}
	}
	free(g->vcpu);
	xen_vacant_free(g);
	if (g->frame) {
		(void)l->fm_unmap_resource(g->fm, g->frame);
	}
	if (g->server &&
	    !g->keep) { /* also when it seems gone: a server that stays behind traps accesses for ever */
		(void)xen_dm_destroy(g);
	}
	if (g->gt) {
		(void)l->gt_close(g->gt);
	}
	if (g->ev) {
		(void)l->ev_close(g->ev);
	}
	if (g->fm) {
		(void)l->fm_close(g->fm);
	}
	if (g->dm >= 0) {
		l->dm_close(g->dm);
	}
	free(g);
}

struct xen_guest *xen_guest_get(struct xen *x, domid_t dom, char err[256])
{
	struct xen_guest *g;

	for (g = x->guest; g; g = g->next) {
		if (g->dom == dom && !g->gone) {
			return g;
		}
	}
	g = calloc(1, sizeof(*g));
	if (!g) {
		snprintf(err, 256, "out of memory");
		return NULL;
	}
	g->x = x;
	g->dom = dom;
	g->dm = -1;
	g->retry.fire = on_retry;
	g->trim.fire = on_trim;
	if (open_handles(g, err) || open_server(g, err) || open_events(g, err) ||
	    open_memory(g, err)) {
		xen_guest_free(g);
		return NULL;
	}
	confine(g);
	if (g->adopted) {
		xen_keep_vacant(g);
	}
	g->next = x->guest;
	x->guest = g;
	log_info(NULL, "domain %u: ioreq server %u%s, %u virtual CPU%s", dom, g->id,
		 g->adopted ? " of an earlier process" : "", g->nvcpu, g->nvcpu == 1 ? "" : "s");
	return g;
}

void xen_guest_report(const struct xen_guest *g)
{
	const struct xen_mem_stat *s = xen_mem_stat(g->mem);

	log_info(NULL,
		 "domain %u: %llu accesses (%llu to configuration), %llu answers, "
		 "%llu kicks by the kernel, %llu interrupts, "
		 "%llu map calls (%llu pages), %llu unmap calls, %llu refused",
		 g->dom, (unsigned long long)g->stat.ioreq, (unsigned long long)g->stat.config,
		 (unsigned long long)g->stat.answer, (unsigned long long)g->stat.kick,
		 (unsigned long long)g->stat.irq, (unsigned long long)s->map,
		 (unsigned long long)s->map_pages, (unsigned long long)s->unmap,
		 (unsigned long long)s->failed);
}

void xen_guest_put(struct xen_guest *g)
{
	if (g->ndev == 0) {
		xen_mem_forget(
			g->mem); /* as many calls to unmap as to map, or something stays behind */
		xen_guest_report(g);
		if (g->gone || !g->vacant) {
			xen_guest_free(g);
		}
	}
}
