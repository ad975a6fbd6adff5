/* SPDX-License-Identifier: BSD-3-Clause */
/* bus.c - the windows of this process */
#include "app/bus.h"
#include "port/window/window.h"
#include <stdlib.h>
#include <string.h>

/* How many devices are on this one, and the longest that one of them wants to poll */
static void count(const struct buses *b, struct window_config *cfg)
{
	for (unsigned i = 0; i < b->n; i++) {
		if (b->spec[i].bus && strcmp(b->spec[i].bus, cfg->where) == 0) {
			cfg->devices++;
			cfg->poll_us = b->spec[i].poll_us > cfg->poll_us ? b->spec[i].poll_us
									 : cfg->poll_us;
		}
	}
}

struct window *bus_of(struct buses *b, const struct spec *s, struct spec_error *e)
{
	struct window_config cfg = { .loop = b->loop, .where = s->bus, .rfc = b->rfc };
	char err[256] = "";

	for (unsigned i = 0; i < b->nwindow; i++) {
		if (strcmp(b->where[i], s->bus) == 0) {
			return b->window[i];
		}
	}
	if (!b->window) {
		b->window = calloc(b->n, sizeof(*b->window));
		b->where = calloc(b->n, sizeof(*b->where));
	}
	if (!b->window || !b->where) {
		spec_fail(e, NULL, "out of memory");
		return NULL;
	}
	count(b, &cfg);
	b->window[b->nwindow] = window_open(&cfg, err);
	if (!b->window[b->nwindow]) {
		spec_fail(e, "bus", "%s: %s", s->name, err);
		return NULL;
	}
	b->where[b->nwindow] = s->bus;
	return b->window[b->nwindow++];
}

int bus_added(struct buses *b, struct spec_error *e)
{
	char err[256] = "";

	for (unsigned i = 0; i < b->nwindow; i++) {
		if (window_added(b->window[i], err)) {
			spec_fail(e, "bus", "%s", err);
			return -1;
		}
	}
	return 0;
}

void bus_report(const struct buses *b)
{
	for (unsigned i = 0; i < b->nwindow; i++) {
		window_report(b->window[i]);
	}
}

void bus_close(struct buses *b)
{
	bus_report(b);
	for (unsigned i = 0; i < b->nwindow; i++) {
		window_close(b->window[i]);
	}
	free(b->window);
	free(b->where);
}
