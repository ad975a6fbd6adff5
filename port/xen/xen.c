/* SPDX-License-Identifier: BSD-3-Clause */
/* xen.c - the process's connection to Xen */
#include "port/xen/internal.h"
#include "hosted/log.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int is_xen(const struct xen_lib *lib, char err[256])
{
	int fd = lib->dm_open();

	if (fd < 0) {
		snprintf(err, 256, "/dev/xen/privcmd: %s; %s", strerror(errno),
			 errno == ENOENT ? "is this Xen? If it is, modprobe xen-privcmd"
					 : "run as a user who may open it");
		return -1;
	}
	lib->dm_close(fd);
	return 0;
}

/* Every device serves: nothing more has to be opened. */
static void settle(struct loop_task *t)
{
	struct xen *x = VIO_CONTAINER(t, struct xen, settle);

	for (struct xen_dev *d = x->dev; d; d = d->next) {
		if (!d->g || d->leaving) {
			return;
		}
	}
	if (x->added && !x->sealed) {
		x->sealed = true;
		x->cfg.settled(x->cfg.arg);
	}
}

void xen_added(struct xen *x)
{
	x->added = true;
	if (x->cfg.settled) {
		loop_post(x->cfg.loop, &x->settle);
	}
}

void xen_report(const struct xen *x)
{
	for (const struct xen_guest *g = x->guest; g; g = g->next) {
		xen_guest_report(g);
	}
}

struct xen *xen_open(const struct xen_config *cfg, char err[256])
{
	struct xen *x = calloc(1, sizeof(*x));

	if (!x) {
		snprintf(err, 256, "out of memory");
		return NULL;
	}
	x->cfg = *cfg;
	x->settle.fn = settle;
	x->lib = cfg->lib ? cfg->lib : xen_lib_load(err);
	if (x->cfg.state_dir && mkdir(x->cfg.state_dir, 0700) < 0 && errno != EEXIST) {
		log_warn(NULL, "%s: %s; if this process ends, its guests must be started anew",
			 x->cfg.state_dir, strerror(errno));
		x->cfg.state_dir = NULL;
	}
	if (!x->lib || is_xen(x->lib, err) || xen_store_open(x, err)) {
		xen_close(x);
		return NULL;
	}
	return x;
}

void xen_close(struct xen *x)
{
	loop_unpost(x->cfg.loop, &x->settle);
	while (x->guest) {
		xen_guest_free(x->guest);
	}
	if (x->lib) {
		xen_store_close(x);
	}
	free(x);
}
