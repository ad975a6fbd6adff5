/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * store.c - the toolstack's side of a device: nodes in xenstore, and the two handshakes
 *
 * Theory of operation. Each event only causes a scan, and a scan compares what is in xenstore with what is served: so
 * events may come late, twice or in any order, and a daemon that starts after its guest finds it the same way.
 *
 * A node is backend/KIND/DOMID/DEVID under our own domain, with `state` (1: made by the toolstack, 2: we are ready,
 * 5: to be closed, 6: closed), `base`, `irq` and `grant_usage`. A toolstack waits 10 s for 2 when it makes a guest and
 * for 6 when it takes one away. A node that is in state 2 when we see it was served by an earlier process.
 *
 * What is in xenstore was written by toolstacks; a domain can write only below its own folder. It is checked all the
 * same: a value that is no number, or a base that no guest can have, makes that device fail with a line in the log.
 *
 * source: Xen, docs/misc/xenstore-paths.pandoc, tools/libs/light/libxl_virtio.c; xen/io/xenbus.h for the states
 */
#include "port/xen/internal.h"
#include "hosted/log.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <xen/io/xenbus.h>

#define ID_BLOCK 2u /* 4.17 has nodes for disks only */

struct node {
	const char *kind;
	domid_t dom;
	char devid[16];
	char path[XEN_NODE];
	uint32_t state;
};

static const char *const kinds[] = { "virtio_disk", "virtio" };

/* ---- values ---- */

/* returns: the text of path/key, to be freed, or NULL */
static char *text(struct xen *x, const char *path, const char *key)
{
	char full[XEN_NODE + 32];
	unsigned len;

	snprintf(full, sizeof(full), "%s%s%s", path, *path ? "/" : "", key);
	return x->lib->xs_read(x->xs, XBT_NULL, full, &len);
}

static bool number(struct xen *x, const char *path, const char *key, uint64_t *v)
{
	char *s = text(x, path, key), *end;
	bool ok = s && *s >= '0' && *s <= '9';

	if (ok) {
		errno = 0;
		*v = strtoull(s, &end, 0);
		ok = errno == 0 && *end == '\0';
	}
	free(s);
	return ok;
}

/* returns: the key is certainly not there; a xenstore in trouble does not say so */
static bool missing(struct xen *x, const char *path, const char *key)
{
	char *s;
	bool none;

	errno = 0;
	s = text(x, path, key);
	none = !s && errno == ENOENT;
	free(s);
	return none;
}

/* returns: the domain has certainly ended */
static bool ended(struct xen *x, domid_t dom)
{
	errno = 0;
	return !x->lib->xs_introduced(x->xs, dom) && errno == 0;
}

static void set_state(struct xen *x, const char *path, unsigned state)
{
	char full[XEN_NODE + 32], value[12];
	int n = snprintf(value, sizeof(value), "%u", state);

	snprintf(full, sizeof(full), "%s/state", path);
	if (!x->lib->xs_write(x->xs, XBT_NULL, full, value, (unsigned)n)) {
		log_warn(NULL, "%s = %u: %s; the toolstack will wait", full, state,
			 strerror(errno));
	}
}

/* ---- which device is meant ---- */

static bool domain_fits(struct xen *x, const struct xen_dev *d, domid_t dom)
{
	char path[48], *name, *end;
	unsigned long id = strtoul(d->domain, &end, 10);
	bool fits;

	if (*end == '\0' && end != d->domain) {
		return id == dom;
	}
	snprintf(path, sizeof(path), "/local/domain/%u", dom);
	name = text(x, path, "name");
	fits = name && strcmp(name, d->domain) == 0;
	free(name);
	return fits;
}

/* How well a node fits a device: 0 not at all, 1 any type, 2 its type, 3 named */
static unsigned fitness(struct xen *x, const struct xen_dev *d, const struct node *n)
{
	char want[40], *type;
	unsigned fit = 0;

	snprintf(want, sizeof(want), "%s/%s", n->kind, n->devid);
	if (d->node) {
		return strcmp(d->node, want) == 0 ? 3 : 0;
	}
	if (strcmp(n->kind, kinds[0]) == 0) {
		return d->cfg.dev->ops->id == ID_BLOCK ? 2 : 0;
	}
	type = text(x, n->path, "type");
	snprintf(want, sizeof(want), "virtio,device%x", d->cfg.dev->ops->id);
	if (type && strcmp(type, want) == 0) {
		fit = 2;
	} else if (!type || strcmp(type, "virtio,device") == 0) {
		fit = 1;
	} else {
		/* another device's */
	}
	free(type);
	return fit;
}

/* returns: as fitness, for the right domain; 0 also when xenstore has no say in d */
static unsigned means(struct xen *x, const struct xen_dev *d, const struct node *n)
{
	return d->cfg.irq == 0 && domain_fits(x, d, n->dom) ? fitness(x, d, n) : 0;
}

static struct xen_dev *choose(struct xen *x, const struct node *n)
{
	struct xen_dev *best = NULL;
	unsigned fit = 0;

	for (struct xen_dev *d = x->dev; d; d = d->next) {
		unsigned f = d->g || d->closing ? 0 : means(x, d, n);

		if (f > 0 && f >= fit) { /* the list begins with the last one added */
			best = d;
			fit = f;
		}
	}
	return best;
}

/* ---- one node ---- */

static struct xen_dev *owner(struct xen *x, const char *path)
{
	struct xen_dev *d = x->dev;

	while (d && (!d->g || strcmp(d->path, path) != 0)) {
		d = d->next;
	}
	return d;
}

static void begin(struct xen *x, const struct node *n, struct xen_dev *d)
{
	uint64_t base, irq, grants;
	char err[256];

	if (!number(x, n->path, "base", &base) || !number(x, n->path, "irq", &irq) || irq < 32 ||
	    irq > 1019 || base == 0 || base % XEN_MMIO_LEN != 0 || base >> 48 != 0) {
		log_error(d->name, "domain %u: base or irq in %s is missing or not sensible",
			  n->dom, n->path);
		return;
	}
	if (!number(x, n->path, "grant_usage", &grants)) {
		grants = x->self != 0; /* what toolstacks without that key mean */
	}
	if (xen_dev_attach(d, n->dom, base, (uint32_t)irq, grants != 0, err)) {
		log_error(d->name, "%s", err);
		return;
	}
	snprintf(d->path, sizeof(d->path), "%s", n->path);
	if (n->state == XenbusStateInitialising) {
		set_state(x, n->path, XenbusStateInitWait);
	}
}

static void see(struct xen *x, const struct node *n)
{
	struct xen_dev *d = owner(x, n->path);

	if (n->state == XenbusStateClosing) {
		if (d) {
			xen_dev_detach(d, true);
		} else {
			for (d = x->dev; d && !means(x, d, n); d = d->next) {
			}
			if (d) { /* an earlier process served it */
				set_state(x, n->path, XenbusStateClosed);
			}
		}
	} else if (!d && n->state < XenbusStateClosing) {
		d = choose(x, n);
		if (d) {
			begin(x, n, d);
		}
	} else {
		/* served, or closed */
	}
}

void xen_store_closed(struct xen_dev *d)
{
	if (d->path[0] != '\0' && d->x->xs) {
		set_state(d->x, d->path, XenbusStateClosed);
	}
}

/* ---- all of them ---- */

static int by_number(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;
	unsigned long m = strtoul(*x, NULL, 10), n = strtoul(*y, NULL, 10);

	return (m > n) - (m < n);
}

/* returns: the sorted names under path, to be freed, or NULL */
static char **list(struct xen *x, const char *path, unsigned *n)
{
	char **name = x->lib->xs_directory(x->xs, XBT_NULL, path, n);

	if (name) {
		qsort(name, *n, sizeof(*name), by_number);
	}
	return name;
}

static void scan_domain(struct xen *x, const char *kind, const char *dom)
{
	char path[XEN_NODE], *end;
	unsigned long id = strtoul(dom, &end, 10);
	struct node n = { .kind = kind, .dom = (domid_t)id };
	unsigned count = 0;
	char **devid;

	if (*dom < '0' || *dom > '9' || *end || id >= DOMID_FIRST_RESERVED) {
		return;
	}
	if ((size_t)snprintf(path, sizeof(path), "%s/%s/%s", x->home, kind, dom) >= sizeof(path)) {
		return;
	}
	devid = list(x, path, &count);
	for (unsigned i = 0; i < count && devid; i++) {
		uint64_t state;

		if ((size_t)snprintf(n.devid, sizeof(n.devid), "%s", devid[i]) >= sizeof(n.devid) ||
		    (size_t)snprintf(n.path, sizeof(n.path), "%s/%s", path, devid[i]) >=
			    sizeof(n.path)) {
			continue;
		}
		if (number(x, n.path, "state", &state) && state <= XenbusStateClosed) {
			n.state = (uint32_t)state;
			see(x, &n);
		}
	}
	free(devid);
}

/* A device whose node or domain is not there any more leaves. */
static void sweep(struct xen *x)
{
	for (struct xen_dev *d = x->dev; d; d = d->next) {
		if (!d->g || d->leaving) {
			continue;
		}
		if (!d->g->gone && (d->path[0] != '\0' || d->known) && ended(x, d->g->dom)) {
			d->g->gone = true;
		}
		if (d->g->gone || (d->path[0] != '\0' && missing(x, d->path, "state"))) {
			xen_dev_detach(d, false);
		}
	}
}

void xen_store_scan(struct xen *x)
{
	char path[XEN_NODE];

	sweep(x);
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		unsigned count = 0;
		char **dom;

		snprintf(path, sizeof(path), "%s/%s", x->home, kinds[k]);
		dom = list(x, path, &count);
		for (unsigned i = 0; i < count && dom; i++) {
			scan_domain(x, kinds[k], dom[i]);
		}
		free(dom);
	}
}

static void scan(struct loop_task *t)
{
	struct xen *x = VIO_CONTAINER(t, struct xen, scan);

	if (x->xs) {
		xen_store_scan(x);
	}
}

static void on_watch(struct loop_fd *f, uint32_t events)
{
	struct xen *x = VIO_CONTAINER(f, struct xen, watch);
	char **event;

	if ((events & (EPOLLHUP | EPOLLERR)) != 0 && (events & EPOLLIN) == 0) {
		log_error(NULL, "xenstore hung up: new guests will not be seen");
		loop_del(f);
		return;
	}
	while ((event = x->lib->xs_check_watch(x->xs)) != NULL) {
		free(event);
	}
	loop_post(x->cfg.loop, &x->scan);
}

int xen_store_open(struct xen *x, char err[256])
{
	char home[48];
	uint64_t self;
	int e;

	x->scan.fn = scan;
	x->xs = x->lib->xs_open(0);
	if (!x->xs) {
		log_info(NULL, "no xenstore: %s", strerror(errno));
		return 0;
	}
	if (!number(x, "", "domid", &self)) { /* relative: in our own folder */
		self = 0;
	}
	x->self = (unsigned)self;
	snprintf(home, sizeof(home), "/local/domain/%u/backend", x->self);
	x->home = strdup(home);
	if (!x->home || !x->lib->xs_watch(x->xs, x->home, "node") ||
	    !x->lib->xs_watch(x->xs, "@releaseDomain", "gone")) {
		snprintf(err, 256, "xenstore: no watch: %s", strerror(errno));
		return -1;
	}
	e = loop_add(x->cfg.loop, &x->watch, x->lib->xs_fd(x->xs), EPOLLIN, on_watch);
	if (e) {
		snprintf(err, 256, "xenstore: %s", strerror(e));
		return -1;
	}
	return 0;
}

void xen_store_close(struct xen *x)
{
	loop_del(&x->watch);
	loop_unpost(x->cfg.loop, &x->scan);
	if (x->xs) {
		x->lib->xs_close(x->xs);
	}
	free(x->home);
}
