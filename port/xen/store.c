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
 * What fails for a reason that may pass (xenstore in trouble, no memory, Xen busy) is tried again by a timer, after 1 s
 * and then more and more seldom, since no event may come. A line is not logged twice before something succeeds. A
 * xenstored that dies does not come back to us: those who are served stay served.
 *
 * Outside dom0 nobody removes a closed node but we, and the toolstack waits 10 s for it. It takes a node that goes
 * before it has read the 6 for a failure, so the node stays a little longer.
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

#define AGAIN_NS     1000000000u
#define AGAIN_MAX_NS 30000000000u
#define TIDY_NS	     1000000000u
#define IDLE_MAX     100u

#define ID_BLOCK 2u /* 4.17 has nodes for disks only */

struct node {
	const char *kind;
	domid_t dom;
	char devid[16];
	char path[XEN_NODE];
	uint32_t state;
};

static const char *const kinds[] = { "virtio_disk", "virtio" };

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
	name = xen_value_text(x, path, "name");
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
	type = xen_value_text(x, n->path, "type");
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

/* Any device that the node could be for, also one that serves */
static bool meant(struct xen *x, const struct node *n)
{
	const struct xen_dev *d = x->dev;

	while (d && !means(x, d, n)) {
		d = d->next;
	}
	return d != NULL;
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

/* returns: base and irq are there, and a guest can have them; x->trouble: not known */
static bool place(struct xen *x, const struct node *n, struct xen_dev *d, uint64_t *base,
		  uint64_t *irq)
{
	char *b = xen_value_text(x, n->path, "base"), *i = xen_value_text(x, n->path, "irq"),
	     line[256];
	bool good = xen_value_parse(b, base) && xen_value_parse(i, irq) && *irq >= 32 &&
		    *irq <= 1019 && *base != 0 && *base % XEN_MMIO_LEN == 0 && *base >> 48 == 0;

	if (!good && !x->trouble) {
		snprintf(line, sizeof(line),
			 "domain %u: base (%.40s) or irq (%.40s) in %s is missing or not sensible",
			 n->dom, b ? b : "none", i ? i : "none", n->path);
		xen_value_complain(x, d, line);
	}
	free(b);
	free(i);
	return good;
}

static void begin(struct xen *x, const struct node *n, struct xen_dev *d)
{
	uint64_t base, irq, grants;
	char err[256];

	if (!place(x, n, d, &base, &irq)) {
		return;
	}
	if (!xen_value_number(x, n->path, "grant_usage", &grants)) {
		grants = x->self != 0; /* what toolstacks without that key mean */
	}
	if (x->trouble) {
		return; /* a guess would be another device than the guest has */
	}
	if (xen_dev_attach(d, n->dom, base, (uint32_t)irq, grants != 0, err)) {
		xen_value_complain(x, d, err);
		x->trouble = true;
		return;
	}
	memset(x->said, 0, sizeof(x->said));
	snprintf(d->path, sizeof(d->path), "%s", n->path);
	if (n->state == XenbusStateInitialising) {
		xen_value_state(x, n->path, XenbusStateInitWait);
	}
}

static void close_node(struct xen *x, const struct node *n, struct xen_dev *d)
{
	if (d) {
		xen_dev_detach(d, true);
		return;
	}
	if (meant(x, n)) { /* an earlier process served it */
		xen_value_state(x, n->path, XenbusStateClosed);
	}
}

static void closed_node(struct xen *x, const struct node *n)
{
	struct vio_clock *c = loop_clock(x->cfg.loop);

	if (!meant(x, n)) {
		return;
	}
	if (!x->tidying) {
		c->set(c, &x->tidy, c->now(c) + TIDY_NS);
	} else if (!x->lib->xs_rm(x->xs, XBT_NULL, n->path)) {
		log_warn(NULL, "%s cannot be removed: %s; the toolstack will wait", n->path,
			 strerror(errno));
	} else {
		/* gone */
	}
}

static void see(struct xen *x, const struct node *n)
{
	struct xen_dev *d = owner(x, n->path);
	bool before = x->trouble;

	x->trouble = false;
	if (n->state == XenbusStateClosing) {
		close_node(x, n, d);
	} else if (d && !d->leaving && n->state == XenbusStateInitialising) {
		xen_value_state(x, n->path,
				XenbusStateInitWait); /* it could not be written before */
	} else if (!d && n->state < XenbusStateClosing) {
		d = choose(x, n);
		if (d && !x->trouble) {
			begin(x, n, d);
		}
	} else if (!d && n->state == XenbusStateClosed && x->self != 0) {
		closed_node(x, n);
	} else {
		/* served, or closed */
	}
	x->trouble = x->trouble || before;
}

void xen_store_closed(struct xen_dev *d)
{
	if (d->path[0] != '\0' && d->x->xs && !d->x->lost) {
		xen_value_state(d->x, d->path, XenbusStateClosed);
	}
}

/* ---- all of them ---- */

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
	devid = xen_value_list(x, path, &count);
	for (unsigned i = 0; i < count && devid; i++) {
		uint64_t state;

		if ((size_t)snprintf(n.devid, sizeof(n.devid), "%s", devid[i]) >= sizeof(n.devid) ||
		    (size_t)snprintf(n.path, sizeof(n.path), "%s/%s", path, devid[i]) >=
			    sizeof(n.path)) {
			continue;
		}
		if (xen_value_number(x, n.path, "state", &state) && state <= XenbusStateClosed) {
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
		if (!d->g->gone && (d->path[0] != '\0' || d->known) &&
		    xen_value_ended(x, d->g->dom)) {
			d->g->gone = true;
		}
		if (d->g->gone || (d->path[0] != '\0' && xen_value_missing(x, d->path, "state"))) {
			xen_dev_detach(d, false);
		}
	}
	for (struct xen_guest *g = x->guest, *next; g; g = next) {
		next = g->next;
		if (g->ndev == 0 &&
		    xen_value_ended(x, g->dom)) { /* only vacant registers were left */
			g->gone = true;
			xen_guest_free(g);
		}
	}
}

static void scan_all(struct xen *x)
{
	char path[XEN_NODE];

	sweep(x);
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]) && !x->lost; k++) {
		unsigned count = 0;
		char **dom;

		snprintf(path, sizeof(path), "%s/%s", x->home, kinds[k]);
		dom = xen_value_list(x, path, &count);
		for (unsigned i = 0; i < count && dom; i++) {
			scan_domain(x, kinds[k], dom[i]);
		}
		free(dom);
	}
}

void xen_store_scan(struct xen *x)
{
	struct vio_clock *c = loop_clock(x->cfg.loop);

	x->trouble = false;
	scan_all(x);
	if (!x->trouble || x->lost) {
		x->wait = 0;
		c->set(c, &x->again, 0);
	} else if (x->again.at == 0) {
		x->wait = x->wait ? x->wait : AGAIN_NS;
		c->set(c, &x->again, c->now(c) + x->wait);
	} else {
		/* an event came meanwhile, and did not help */
	}
}

static void again(struct vio_timer *t)
{
	struct xen *x = VIO_CONTAINER(t, struct xen, again);

	x->wait = x->wait > AGAIN_MAX_NS / 2u ? AGAIN_MAX_NS : x->wait * 2u;
	xen_store_scan(x);
}

static void tidy(struct vio_timer *t)
{
	struct xen *x = VIO_CONTAINER(t, struct xen, tidy);

	x->tidying = true;
	xen_store_scan(x);
	x->tidying = false;
}

static void scan(struct loop_task *t)
{
	struct xen *x = VIO_CONTAINER(t, struct xen, scan);

	if (x->xs && !x->lost) {
		xen_store_scan(x);
	}
}

bool xen_store_sees(const struct xen_dev *d)
{
	return d->x->xs && !d->x->lost && (d->path[0] != '\0' || d->known);
}

void xen_store_probe(struct xen *x)
{
	if (x->xs && !x->lost) {
		free(xen_value_text(x, "", "domid"));
	}
}

static void on_watch(struct loop_fd *f, uint32_t events)
{
	struct xen *x = VIO_CONTAINER(f, struct xen, watch);
	char **event;

	(void)f;
	x->idle++;
	errno = 0;
	while ((event = x->lib->xs_check_watch(x->xs)) != NULL) {
		free(event);
		x->idle = 0;
		errno = EAGAIN; /* where the library leaves it as it was */
	}
	if ((errno != EAGAIN && errno != ENOMEM && errno != EINTR) ||
	    (events & (EPOLLHUP | EPOLLERR)) != 0 || x->idle > IDLE_MAX) {
		xen_value_lost(x);
	}
	loop_post(x->cfg.loop, &x->scan);
}

int xen_store_open(struct xen *x, char err[256])
{
	char home[48];
	uint64_t self;
	int e;

	x->scan.fn = scan;
	x->again.fire = again;
	x->tidy.fire = tidy;
	x->xs = x->lib->xs_open(0);
	if (!x->xs) {
		log_info(NULL, "no xenstore: %s", strerror(errno));
		return 0;
	}
	if (!xen_value_number(x, "", "domid", &self)) { /* relative: in our own folder */
		self = 0;
	}
	if (x->trouble) { /* a guess would be another domain's folder */
		snprintf(err, 256, "xenstore does not say which domain this is: %s",
			 strerror(errno));
		return -1;
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
	struct vio_clock *c = loop_clock(x->cfg.loop);

	c->set(c, &x->again, 0);
	c->set(c, &x->look, 0);
	c->set(c, &x->tidy, 0);
	loop_del(&x->watch);
	loop_unpost(x->cfg.loop, &x->scan);
	if (x->xs) {
		x->lib->xs_close(x->xs);
	}
	free(x->home);
}
