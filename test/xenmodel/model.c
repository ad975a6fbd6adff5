/* SPDX-License-Identifier: BSD-3-Clause */
/* model.c - one machine with Xen: domains, their memory, grants */
#include "test/xenmodel/model.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct xm xm;

struct xenforeignmemory_handle {
	int mappings;
};
struct xengntdev_handle {
	int mappings;
};
struct xenforeignmemory_resource_handle {
	void *p;
};

struct mapping {
	struct mapping *next;
	void *p;
	size_t n;
	unsigned dom;
	bool grant;
	uint32_t *page, *ref;
};
static struct mapping *mappings;

bool xm_refuse(const char *name)
{
	bool all = xm.fail_name && strcmp(xm.fail_name, name) == 0;

	xm.calls++;
	if (!all && xm.calls != xm.fail_at) {
		return false;
	}
	xm.failed = name;
	errno = xm.fail_errno;
	return true;
}

void xm_fail_nth(uint32_t n, int e)
{
	xm.fail_at = n ? xm.calls + n : 0;
	xm.fail_errno = e;
	xm.failed = NULL;
}

void xm_fail_all(const char *name, int e)
{
	xm.fail_name = name;
	xm.fail_errno = e;
	xm.failed = NULL;
}

struct xm_dom *xm_domain(uint32_t n)
{
	return n < XM_DOMS && xm.dom[n].alive ? &xm.dom[n] : NULL;
}

/* ---- mappings ---- */

/* One behind the other here, in runs; returns: MAP_FAILED as mmap */
static uint8_t *map_pages(const struct xm_dom *d, const uint32_t *page, size_t n)
{
	uint8_t *p = mmap(NULL, n * XM_PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t run;

	for (size_t i = 0; p != MAP_FAILED && i < n; i += run) {
		for (run = 1; i + run < n && page[i] != XM_HOLE && page[i + run] == page[i] + run;
		     run++) {
		}
		if (page[i] != XM_HOLE &&
		    mmap(p + i * XM_PAGE, run * XM_PAGE, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_FIXED, d->fd, (off_t)page[i] * XM_PAGE) == MAP_FAILED) {
			abort();
		}
	}
	return p;
}

static void *keep(unsigned dom, bool grant, size_t n, const uint32_t *page, const uint32_t *ref)
{
	struct mapping *m = calloc(1, sizeof(*m));
	struct xm_dom *d = &xm.dom[dom];

	*m = (struct mapping){ .next = mappings, .n = n, .dom = dom, .grant = grant };
	m->page = malloc(n * sizeof(*page));
	memcpy(m->page, page, n * sizeof(*page));
	m->ref = calloc(n, sizeof(*ref));
	for (size_t i = 0; i < n; i++) {
		d->users[page[i] == XM_HOLE ? 0 : page[i]] += page[i] != XM_HOLE;
		if (grant) {
			m->ref[i] = ref[i];
			d->grant[ref[i]].users++;
		}
	}
	m->p = map_pages(d, page, n);
	if (m->p == MAP_FAILED) {
		abort();
	}
	mappings = m;
	*(grant ? &xm.open.grants : &xm.open.foreign) += 1;
	return m->p;
}

static int drop(void *p, size_t n, bool grant)
{
	struct mapping **at = &mappings, *m;
	struct xm_dom *d;

	while (*at && (*at)->p != p) {
		at = &(*at)->next;
	}
	m = *at;
	if (!m || m->n != n || m->grant != grant) {
		xm.bad++;
		errno = EINVAL;
		return -1;
	}
	d = &xm.dom[m->dom];
	for (size_t i = 0; i < n; i++) {
		d->users[m->page[i] == XM_HOLE ? 0 : m->page[i]] -= m->page[i] != XM_HOLE;
		d->grant[m->ref[i]].users -= grant;
	}
	*at = m->next;
	(void)munmap(p, n * XM_PAGE);
	free(m->page);
	free(m->ref);
	free(m);
	*(grant ? &xm.open.grants : &xm.open.foreign) -= 1;
	return 0;
}

/* ---- libxenforeignmemory ---- */

static xenforeignmemory_handle *fm_open(struct xentoollog_logger *log, unsigned flags)
{
	(void)log;
	(void)flags;
	if (xm_refuse("fm_open")) {
		return NULL;
	}
	xm.open.fm++;
	return calloc(1, sizeof(xenforeignmemory_handle));
}

static int fm_close(xenforeignmemory_handle *h)
{
	xm.bad += h->mappings != 0;
	xm.open.fm--;
	free(h);
	return xm_refuse("fm_close") ? -1 : 0;
}

static void *fm_map(xenforeignmemory_handle *h, uint32_t dom, int prot, size_t n,
		    const xen_pfn_t *gfn, int *err)
{
	struct xm_dom *d = xm_domain(dom);
	uint32_t *page;
	void *p;

	xm.bad += prot != (PROT_READ | PROT_WRITE) || n == 0;
	if (xm_refuse("fm_map")) {
		return NULL;
	}
	if (!d) {
		errno = ESRCH;
		return NULL;
	}
	page = malloc(n * sizeof(*page));
	for (size_t i = 0; i < n; i++) {
		uint64_t k = gfn[i] - XM_RAM / XM_PAGE;

		page[i] = k < XM_PAGES ? d->frame[k] : xm_extra(d, gfn[i]);
		err[i] = page[i] == XM_HOLE ? -EINVAL : 0;
	}
	h->mappings++;
	p = keep(dom, false, n, page, NULL);
	free(page);
	return p;
}

static int fm_unmap(xenforeignmemory_handle *h, void *p, size_t n)
{
	int rc = drop(p, n, false);

	h->mappings--;
	return xm_refuse("fm_unmap") ? -1 : rc;
}

static xenforeignmemory_resource_handle *fm_map_resource(xenforeignmemory_handle *h, domid_t dom,
							 unsigned type, unsigned id,
							 unsigned long frame, unsigned long n,
							 void **p, int prot, int flags)
{
	xenforeignmemory_resource_handle *r;
	struct xm_dom *d = xm_domain(dom);

	(void)flags;
	if (xm_refuse("fm_map_resource")) {
		return NULL;
	}
	if (!d || !d->server || id != 1 || type != XENMEM_resource_ioreq_server || n != 1 ||
	    frame != XENMEM_resource_ioreq_server_frame_ioreq(0)) {
		errno = EINVAL;
		return NULL;
	}
	h->mappings++;
	xm.open.frames++;
	r = calloc(1, sizeof(*r));
	r->p = mmap(NULL, XM_PAGE, prot, MAP_SHARED, d->page_fd, 0);
	*p = r->p;
	return r;
}

static int fm_unmap_resource(xenforeignmemory_handle *h, xenforeignmemory_resource_handle *r)
{
	h->mappings--;
	xm.open.frames--;
	(void)munmap(r->p, XM_PAGE);
	free(r);
	return xm_refuse("fm_unmap_resource") ? -1 : 0;
}

/* ---- libxengnttab ---- */

static xengnttab_handle *gt_open(struct xentoollog_logger *log, unsigned flags)
{
	(void)log;
	(void)flags;
	if (xm_refuse("gt_open")) {
		return NULL;
	}
	xm.open.gt++;
	return calloc(1, sizeof(xengnttab_handle));
}

static int gt_close(xengnttab_handle *h)
{
	xm.bad += h->mappings != 0;
	xm.open.gt--;
	free(h);
	return xm_refuse("gt_close") ? -1 : 0;
}

static void *gt_map(xengnttab_handle *h, uint32_t n, uint32_t dom, uint32_t *ref, int prot)
{
	struct xm_dom *d = xm_domain(dom);
	uint32_t *page;
	bool all = d != NULL;
	void *p = NULL;

	xm.bad += (prot != PROT_READ && prot != (PROT_READ | PROT_WRITE)) || n == 0;
	if (xm_refuse("gt_map")) {
		return NULL;
	}
	page = calloc(n, sizeof(*page));
	for (uint32_t i = 0; all && i < n; i++) {
		all = ref[i] < XM_GRANTS && d->grant[ref[i]].page != XM_HOLE &&
		      (prot == PROT_READ || !d->grant[ref[i]].readonly);
		page[i] = all ? d->grant[ref[i]].page : 0;
	}
	if (all) {
		h->mappings++;
		p = keep(dom, true, n, page, ref);
	} else {
		errno = EINVAL;
	}
	free(page);
	return p;
}

static int gt_unmap(xengnttab_handle *h, void *p, uint32_t n)
{
	int rc = drop(p, n, true);

	h->mappings--;
	return xm_refuse("gt_unmap") ? -1 : rc;
}

/* ---- the machine ---- */

uint32_t xm_open_things(void)
{
	int n = xm.open.fm + xm.open.gt + xm.open.ev + xm.open.xs + xm.open.dm + xm.open.call +
		xm.open.foreign + xm.open.grants + xm.open.frames + xm.open.ports + xm.open.fds;

	for (unsigned i = 0; i < XM_DOMS; i++) {
		n += xm.dom[i].alive && xm.dom[i].server;
		for (unsigned k = 0; k < XM_EXTRA; k++) {
			n += xm.dom[i].alive && xm.dom[i].extra[k].gfn != 0;
		}
	}
	return (uint32_t)n;
}

/* What was allocated stays: it is reached from what the test keeps of the dead process. */
void xm_kill(void)
{
	while (mappings) {
		(void)drop(mappings->p, mappings->n, mappings->grant);
	}
	xm_io_kill();
	xm_store_kill();
	memset(&xm.open, 0, sizeof(xm.open));
}

void xm_init(void)
{
	memset(&xm, 0, sizeof(xm));
	xm.lib.fm_open = fm_open;
	xm.lib.fm_close = fm_close;
	xm.lib.fm_map = fm_map;
	xm.lib.fm_unmap = fm_unmap;
	xm.lib.fm_map_resource = fm_map_resource;
	xm.lib.fm_unmap_resource = fm_unmap_resource;
	xm.lib.gt_open = gt_open;
	xm.lib.gt_close = gt_close;
	xm.lib.gt_map = gt_map;
	xm.lib.gt_unmap = gt_unmap;
	xm_io_init();
	xm_priv_init();
	xm_call_init();
	xm.dom[0].alive = true;
	xm_store_init();
}

void xm_fini(void)
{
	for (unsigned i = 1; i < XM_DOMS; i++) {
		struct xm_dom *d = &xm.dom[i];

		if (d->ram) {
			(void)munmap(d->ram, (size_t)XM_PAGES * XM_PAGE);
			(void)munmap(d->page, XM_PAGE);
			for (unsigned k = 0; k < XM_EXTRA; k++) {
				if (d->extra[k].ram) {
					(void)munmap(d->extra[k].ram, XM_PAGE);
				}
			}
			(void)close(d->fd);
			(void)close(d->page_fd);
		}
	}
}

unsigned xm_create(const char *name, unsigned nvcpu)
{
	char path[64];
	unsigned n = 1;
	struct xm_dom *d;

	while (xm.dom[n].ram) {
		n++;
	}
	d = &xm.dom[n];
	*d = (struct xm_dom){ .alive = true, .nvcpu = nvcpu, .fresh = XM_PAGES };
	d->fd = memfd_create("ram", MFD_CLOEXEC);
	d->page_fd = memfd_create("ioreq", MFD_CLOEXEC);
	if (ftruncate(d->fd, (off_t)XM_MACHINE * XM_PAGE) || ftruncate(d->page_fd, XM_PAGE)) {
		abort();
	}
	d->ram = mmap(NULL, (size_t)XM_PAGES * XM_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, d->fd,
		      0);
	d->page = mmap(NULL, XM_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, d->page_fd, 0);
	for (uint32_t i = 0; i < XM_PAGES; i++) {
		d->frame[i] = i;
	}
	for (uint32_t i = 0; i < XM_GRANTS; i++) {
		d->grant[i].page = XM_HOLE;
	}
	(void)snprintf(d->name, sizeof(d->name), "%s", name);
	(void)snprintf(path, sizeof(path), "/local/domain/%u/name", n);
	xm_write(path, name);
	return n;
}

void xm_destroy(unsigned dom)
{
	xm.dom[dom].alive = false;
	xm_server_end(&xm.dom[dom]);
	xm_store_fire("@releaseDomain");
}

static void place(struct xm_dom *d, uint32_t frame, uint32_t page)
{
	void *at = d->ram + (size_t)frame * XM_PAGE;
	void *p = page == XM_HOLE ? mmap(at, XM_PAGE, PROT_NONE,
					 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0)
				  : mmap(at, XM_PAGE, PROT_READ | PROT_WRITE,
					 MAP_SHARED | MAP_FIXED, d->fd, (off_t)page * XM_PAGE);

	if (p == MAP_FAILED) {
		abort();
	}
	d->frame[frame] = page;
}

void xm_balloon(unsigned dom, uint32_t frame)
{
	place(&xm.dom[dom], frame, XM_HOLE);
}

void xm_fill(unsigned dom, uint32_t frame)
{
	place(&xm.dom[dom], frame, xm.dom[dom].fresh++);
}

uint32_t xm_users(unsigned dom, uint32_t frame)
{
	return xm.dom[dom].users[xm.dom[dom].frame[frame]];
}

uint8_t *xm_ram(unsigned dom, uint64_t addr)
{
	return xm.dom[dom].ram + (addr - XM_RAM);
}

void xm_grant(unsigned dom, uint32_t ref, uint32_t frame)
{
	xm.dom[dom].grant[ref].page = xm.dom[dom].frame[frame];
	xm.dom[dom].grant[ref].readonly = false;
}

void xm_grant_readonly(unsigned dom, uint32_t ref, uint32_t frame)
{
	xm_grant(dom, ref, frame);
	xm.dom[dom].grant[ref].readonly = true;
}

bool xm_revoke(unsigned dom, uint32_t ref)
{
	if (xm.dom[dom].grant[ref].users > 0) {
		return false;
	}
	xm.dom[dom].grant[ref].page = XM_HOLE;
	return true;
}
