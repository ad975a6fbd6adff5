/* SPDX-License-Identifier: BSD-3-Clause */
/* instance.h - a device that exists: host opened, class created, port attached */
#ifndef APP_INSTANCE_H
#define APP_INSTANCE_H

#include "app/spec.h"

struct instance;
struct window;
struct xen;

/*
 * instance_open - open the host, create the device, start its queue threads; no port yet
 * control: runs later or now; spec: finished, outlives the instance; limits: of the memory that its requests will
 * have, or NULL; returns: NULL and e
 */
struct instance *instance_open(const struct spec *spec, struct loop *control,
			       struct vio_mem *limits, struct spec_error *e);
/*
 * instance_serve - attach the vhost-user port: spec->socket, or fd where it is >= 0 (then ours)
 * ended: the port is closed for good, by instance_stop or since the front-end of a connected fd left
 * returns: 0 | -1 and e
 */
int instance_serve(struct instance *in, int fd, void (*ended)(void *arg), void *arg,
		   struct spec_error *e);
/* instance_serve_xen - as instance_serve, on Xen: spec->xen; x: xen_open of the same loop */
int instance_serve_xen(struct instance *in, struct xen *x, void (*ended)(void *arg), void *arg,
		       struct spec_error *e);
/* instance_serve_bus - as instance_serve, on a window: spec->bus */
int instance_serve_bus(struct instance *in, struct window *w, void (*ended)(void *arg), void *arg,
		       struct spec_error *e);
/* instance_stop - close the port; `ended` follows, at once or from the loop */
void instance_stop(struct instance *in);
/* instance_free - no port is attached, or it ended */
void instance_free(struct instance *in);
struct vio_dev *instance_dev(struct instance *in);

#endif
