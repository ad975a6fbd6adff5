/* SPDX-License-Identifier: BSD-3-Clause */
/* bus.h - the windows of this process: one for each place that a device names */
#ifndef APP_BUS_H
#define APP_BUS_H

#include "app/spec.h"

struct window;

struct buses {
	struct loop *loop;
	const struct spec *spec; /* of the whole process, n of them */
	unsigned n, nwindow;
	struct window **window;
	const char **where;
	bool rfc;
};

/* bus_of - the window of a device, opened for the first that names it; returns: NULL and e */
struct window *bus_of(struct buses *b, const struct spec *s, struct spec_error *e);
/* bus_added - all devices are there; returns: 0 | -1 and e */
int bus_added(struct buses *b, struct spec_error *e);
/* bus_report - counters, to the log */
void bus_report(const struct buses *b);
/* bus_close - no device is left */
void bus_close(struct buses *b);

#endif
