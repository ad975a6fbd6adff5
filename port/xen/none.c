/* SPDX-License-Identifier: BSD-3-Clause */
/* none.c - this port where the program is built without Xen's headers */
#include "port/xen/xen.h"
#include <stdio.h>

struct xen *xen_open(const struct xen_config *cfg, char err[256])
{
	(void)cfg;
	snprintf(err, 256,
		 "this program was built without libxen-dev, so it cannot serve Xen guests");
	return NULL;
}

/* Without xen_open nothing calls these. */

void xen_close(struct xen *x)
{
	(void)x;
}

struct xen_dev *xen_dev_add(struct xen *x, const struct xen_dev_config *cfg, char err[256])
{
	(void)x;
	(void)cfg;
	(void)err;
	return NULL;
}

int xen_dev_close(struct xen_dev *d)
{
	(void)d;
	return VIO_OK;
}

void xen_added(struct xen *x)
{
	(void)x;
}

void xen_report(const struct xen *x)
{
	(void)x;
}
