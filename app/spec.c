/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * spec.c - options of one device: looked up in the tables, checked, converted
 *
 * Theory of operation. spec_set stores what was given and refuses a name that neither the common options, nor the
 * class, nor any host kind of the class knows. spec_finish chooses the host kind (an explicit --host, else an option
 * that selects a kind, else the default) and refuses options of the other kinds. It changes nothing in the world.
 */
#include "app/spec.h"
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

const struct common_option common_options[] = {
	{ "socket-path", "PATH", "listen on this Unix socket; also `socket`" },
	{ "fd", "N", "use this descriptor: a connected or a listening socket" },
	{ "host", "KIND[:ARG]", "what the device stands on, see below" },
	{ "name", "NAME", "name in messages; default: class and number" },
	{ "threads", NULL, "a thread for each queue; default: off" },
	{ "poll-us", "N|auto",
	  "poll up to so many microseconds before sleeping; auto, the default: while that saves "
	  "processor time" },
	{ "inband", NULL, "offer notifications in messages instead of eventfds; default: off" },
	{ "iommu", NULL, "offer addresses through the front-end's IOMMU; default: off" },
	{ "window", "SIZE|on",
	  "one region of memory, of at most SIZE, is all that is touched; default: off" },
	{ "packed", NULL, "offer packed virtqueues, which a driver may decline; default: on" },
	{ "bus", "WHERE",
	  "serve a driver through a window of memory, see below, instead of a socket" },
	{ "bus-queue-size", "N",
	  "with bus: most entries of a queue; default: by the window's size" },
	{ "bus-request", "SIZE",
	  "with bus: most bytes of a request of blk; default: by the window's size" },
	{ "xen", "DOMAIN", "serve this Xen guest (name or number) instead of a socket" },
	{ "xen-node", "KIND/ID",
	  "its node in xenstore, as virtio/0; default: the first that fits" },
	{ "xen-irq", "N", "without a toolstack: the interrupt, 32 to 1019" },
	{ "xen-base", "ADDRESS", "with xen-irq: where the guest's device tree has the registers" },
	{ "xen-config", "HOW",
	  "with xen-base: page: the guest reads configuration without a trap; default: trap" },
	{ "xen-grants", NULL, "with xen-irq: the guest shares memory by grants; default: off" },
	{ NULL, NULL, NULL },
};

void spec_fail(struct spec_error *e, const char *key, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
	e->key = key;
}

static void append(struct spec_error *e, const char *sep, const char *word)
{
	size_t n = strlen(e->text);

	snprintf(e->text + n, sizeof(e->text) - n, "%s%s", sep, word);
}

const struct vio_class *spec_class(const char *name, struct spec_error *e)
{
	for (unsigned i = 0; class_table[i]; i++) {
		if (strcmp(class_table[i]->name, name) == 0) {
			return class_table[i];
		}
	}
	spec_fail(e, "class", "unknown device class '%s'; known:", name);
	for (unsigned i = 0; class_table[i]; i++) {
		append(e, i ? ", " : " ", class_table[i]->name);
	}
	return NULL;
}

const struct host_kind *spec_each_host(const struct vio_class *cls, unsigned *i)
{
	unsigned n = 0;

	for (unsigned t = 0; host_table[t]; t++) {
		for (const struct host_kind *k = host_table[t]; k->name; k++) {
			if (strcmp(k->class_name, cls->name) == 0 && n++ == *i) {
				++*i;
				return k;
			}
		}
	}
	return NULL;
}

static const struct host_option *kind_option(const struct host_kind *k, const char *name)
{
	for (unsigned i = 0; i < k->nopt; i++) {
		if (strcmp(k->opt[i].name, name) == 0) {
			return &k->opt[i];
		}
	}
	return NULL;
}

static const struct vio_param *class_param(const struct vio_class *c, const char *name)
{
	for (unsigned i = 0; i < c->nparam; i++) {
		if (strcmp(c->param[i].name, name) == 0) {
			return &c->param[i];
		}
	}
	return NULL;
}

static bool is_common(const char *name)
{
	for (const struct common_option *o = common_options; o->name; o++) {
		if (strcmp(o->name, name) == 0) {
			return true;
		}
	}
	return false;
}

static bool known(const struct vio_class *c, const char *name)
{
	const struct host_kind *k;

	for (unsigned i = 0; (k = spec_each_host(c, &i));) {
		if (kind_option(k, name)) {
			return true;
		}
	}
	return is_common(name) || class_param(c, name);
}

static void unknown(const struct spec *s, const char *name, struct spec_error *e)
{
	const struct host_kind *k;
	const char *sep = " ";

	spec_fail(e, name, "%s has no option '%s'; known:", s->cls->name, name);
	for (const struct common_option *o = common_options; o->name; o++, sep = ", ") {
		append(e, sep, o->name);
	}
	for (unsigned i = 0; i < s->cls->nparam; i++) {
		append(e, ", ", s->cls->param[i].name);
	}
	for (unsigned i = 0; (k = spec_each_host(s->cls, &i));) {
		for (unsigned o = 0; o < k->nopt; o++) {
			append(e, ", ", k->opt[o].name);
		}
	}
}

const char *spec_get(const struct spec *s, const char *name)
{
	for (unsigned i = 0; i < s->nopt; i++) {
		if (strcmp(s->opt[i].name, name) == 0) {
			return s->opt[i].value ? s->opt[i].value : "";
		}
	}
	return NULL;
}

int spec_set(struct spec *s, const char *name, const char *value, struct spec_error *e)
{
	struct spec_option *o = &s->opt[s->nopt];

	if (strcmp(name, "socket") == 0) {
		name = "socket-path";
	}
	if (!known(s->cls, name)) {
		unknown(s, name, e);
		return -1;
	}
	if (spec_get(s, name) || s->nopt == SPEC_OPTIONS) {
		spec_fail(e, name, "option '%s' is given twice", name);
		return -1;
	}
	o->name = strdup(name);
	o->value = value ? strdup(value) : NULL;
	if (!o->name || (value && !o->value)) {
		free(o->name);
		free(o->value);
		spec_fail(e, NULL, "out of memory");
		return -1;
	}
	s->nopt++;
	return 0;
}

void spec_free(struct spec *s)
{
	for (unsigned i = 0; i < s->nopt; i++) {
		free(s->opt[i].name);
		free(s->opt[i].value);
	}
	s->nopt = 0;
}

/* Cut the next part off *text at a single comma; two become one. */
static char *next_part(char **text)
{
	char *from = *text, *to = *text, *start = *text;

	if (!*from) {
		return NULL;
	}
	while (*from && (from[0] != ',' || from[1] == ',')) {
		from += from[0] == ',';
		*to++ = *from++;
	}
	*text = *from ? from + 1 : from;
	*to = '\0';
	return start;
}

int spec_parse(struct spec *s, const char *text, struct spec_error *e)
{
	char *copy = strdup(text), *rest = copy, *part = copy ? next_part(&rest) : NULL;
	int r = -1;

	if (!part || !(s->cls = spec_class(part, e))) {
		if (!part) {
			spec_fail(e, "class",
				  "a device begins with its class: CLASS,OPTION=VALUE,...");
		}
		free(copy);
		return -1;
	}
	for (r = 0; r == 0 && (part = next_part(&rest));) {
		char *value = strchr(part, '=');

		if (value) {
			*value++ = '\0';
		}
		r = spec_set(s, part, value, e);
	}
	free(copy);
	return r;
}

bool spec_bool(const char *value, bool *on)
{
	static const char *const word[2][5] = { { "off", "false", "no", "0", NULL },
						{ "on", "true", "yes", "1", "" } };

	for (unsigned v = 0; v < 2; v++) {
		for (unsigned i = 0; i < 5 && word[v][i]; i++) {
			if (strcmp(value, word[v][i]) == 0) {
				*on = v != 0;
				return true;
			}
		}
	}
	return false;
}

static int get_switch(const struct spec *s, const char *name, bool *on, struct spec_error *e)
{
	const char *v = spec_get(s, name);

	if (v && !spec_bool(v, on)) {
		spec_fail(e, name, "option '%s' is 'on' or 'off', not '%s'", name, v);
		return -1;
	}
	return 0;
}

static int get_number(const struct spec *s, const char *name, uint32_t min, uint32_t max,
		      uint32_t *n, struct spec_error *e)
{
	const char *v = spec_get(s, name);
	uint64_t big;

	if (!v) {
		return 0;
	}
	if (!host_size(v, &big) || big < min || big > max) {
		spec_fail(e, name, "option '%s' is a number from %u to %u, not '%s'", name, min,
			  max, v);
		return -1;
	}
	*n = (uint32_t)big;
	return 0;
}

/* Over vhost-user; what else polls does so only when told a number. */
#define POLL_AUTO_US 100u

static int get_poll(struct spec *s, struct spec_error *e)
{
	const char *v = spec_get(s, "poll-us");

	s->poll_thrifty = !v || strcmp(v, "auto") == 0;
	if (s->poll_thrifty) {
		s->poll_us = s->cls->notified_only || s->bus ? 0 : POLL_AUTO_US;
		return 0;
	}
	return get_number(s, "poll-us", 0, 1000000, &s->poll_us, e);
}

static int find_kind(struct spec *s, const char *name, size_t len, struct spec_error *e)
{
	const struct host_kind *k;
	const char *sep = " ";

	for (unsigned i = 0; (k = spec_each_host(s->cls, &i));) {
		if (strlen(k->name) == len && memcmp(k->name, name, len) == 0) {
			s->kind = k;
			return 0;
		}
	}
	spec_fail(e, "host", "%s has no host '%.*s'; known:", s->cls->name, (int)len, name);
	for (unsigned i = 0; (k = spec_each_host(s->cls, &i)); sep = ", ") {
		append(e, sep, k->name);
	}
	return -1;
}

/* An explicit --host, else the kind that an option selects, else the default. */
static int choose_kind(struct spec *s, struct spec_error *e)
{
	const char *host = spec_get(s, "host"), *by = NULL;
	const struct host_kind *k;

	if (host) {
		const char *colon = strchr(host, ':');

		s->arg = colon ? colon + 1 : NULL;
		if (find_kind(s, host, colon ? (size_t)(colon - host) : strlen(host), e)) {
			return -1;
		}
	}
	for (unsigned n = 0; n < s->nopt; n++) {
		for (unsigned i = 0; (k = spec_each_host(s->cls, &i));) {
			const struct host_option *o = kind_option(k, s->opt[n].name);

			if (!o || !o->selects || (s->kind && s->kind == k && !by && !host)) {
				continue;
			}
			if (s->kind && s->kind != k) {
				spec_fail(e, o->name,
					  "option '%s' means host '%s', but %s%s asks for '%s'",
					  o->name, k->name, by ? "" : "host=", by ? by : host,
					  s->kind->name);
				return -1;
			}
			s->kind = k;
			s->arg = s->opt[n].value;
			by = o->name;
		}
	}
	for (unsigned i = 0; !s->kind && (k = spec_each_host(s->cls, &i));) {
		if (k->is_default) {
			s->kind = k;
		}
	}
	return 0;
}

static int check_kind(const struct spec *s, struct spec_error *e)
{
	const struct host_kind *k = s->kind;

	if (!k && s->cls->needs_host) {
		spec_fail(e, "host",
			  "%s needs a host: give host=KIND[:ARG], `stratos %s --help` lists them",
			  s->cls->name, s->cls->name);
		return -1;
	}
	if (k && s->arg && !k->arg_help) {
		spec_fail(e, "host", "host '%s' of %s takes no argument, but '%s' is given",
			  k->name, s->cls->name, s->arg);
		return -1;
	}
	for (unsigned n = 0; n < s->nopt; n++) {
		const char *name = s->opt[n].name;

		if (!is_common(name) && !class_param(s->cls, name) &&
		    (!k || !kind_option(k, name))) {
			spec_fail(e, name, "option '%s' is not one of host '%s'", name,
				  k ? k->name : "none");
			return -1;
		}
	}
	return 0;
}

static int check_socket(struct spec *s, struct spec_error *e)
{
	uint32_t fd = 0;

	s->socket = spec_get(s, "socket-path");
	s->fd = -1;
	if (spec_get(s, "fd")) {
		if (get_number(s, "fd", 0, 1u << 20, &fd, e)) {
			return -1;
		}
		s->fd = (int)fd;
	}
	if (s->socket && s->fd >= 0) {
		spec_fail(e, "fd", "options 'socket-path' and 'fd' exclude each other");
		return -1;
	}
	if (s->socket && !*s->socket) {
		spec_fail(e, "socket-path", "option 'socket-path' is a path, not empty");
		return -1;
	}
	return 0;
}

static int check_window(struct spec *s, struct spec_error *e)
{
	const char *v = spec_get(s, "window");

	s->window = v != NULL;
	if (v && !spec_bool(v, &s->window) &&
	    (!host_size(v, &s->window_max) || s->window_max < 4096u)) {
		spec_fail(
			e, "window",
			"option 'window' is 'on', 'off', or the size in bytes (4K or more) that it "
			"may have, not '%s'",
			v);
		return -1;
	}
	if (s->window && s->iommu) {
		spec_fail(e, "window", "options 'window' and 'iommu' exclude each other");
		return -1;
	}
	return 0;
}

static int check_xen(struct spec *s, struct spec_error *e)
{
	static const char *const other[] = { "socket-path", "fd",    "threads",
					     "inband",	    "iommu", "window" };
	static const char *const own[] = { "xen-node", "xen-irq", "xen-base", "xen-grants",
					   "xen-config" };
	const char *base = spec_get(s, "xen-base");

	s->xen = spec_get(s, "xen");
	s->xen_node = spec_get(s, "xen-node");
	for (size_t i = 0; s->xen && i < sizeof(other) / sizeof(other[0]); i++) {
		if (spec_get(s, other[i])) {
			spec_fail(e, other[i], "options 'xen' and '%s' exclude each other",
				  other[i]);
			return -1;
		}
	}
	for (size_t i = 0; !s->xen && i < sizeof(own) / sizeof(own[0]); i++) {
		if (spec_get(s, own[i])) {
			spec_fail(e, own[i], "option '%s' goes with xen=DOMAIN", own[i]);
			return -1;
		}
	}
	if (s->xen && !*s->xen) {
		spec_fail(e, "xen", "option 'xen' is a domain's name or number, not empty");
		return -1;
	}
	if (get_number(s, "xen-irq", 32, 1019, &s->xen_irq, e) ||
	    get_switch(s, "xen-grants", &s->xen_grants, e)) {
		return -1;
	}
	if ((base != NULL) != (s->xen_irq != 0) || (s->xen_irq != 0 && s->xen_node)) {
		spec_fail(e, "xen-base",
			  "options 'xen-base' and 'xen-irq' go together, without 'xen-node'");
		return -1;
	}
	return spec_xen_base(s, e);
}

int spec_finish(struct spec *s, unsigned index, struct spec_error *e)
{
	const char *name = spec_get(s, "name");

	if (name) {
		snprintf(s->name, sizeof(s->name), "%s", name);
	} else {
		snprintf(s->name, sizeof(s->name), "%.20s%u", s->cls->name, index);
	}
	s->packed = true;
	if (choose_kind(s, e) || check_kind(s, e) || check_socket(s, e) || check_xen(s, e) ||
	    spec_bus(s, e) || get_switch(s, "threads", &s->threads, e) ||
	    get_switch(s, "inband", &s->inband, e) || get_switch(s, "iommu", &s->iommu, e) ||
	    get_switch(s, "packed", &s->packed, e) || get_poll(s, e) || check_window(s, e)) {
		return -1;
	}
	for (unsigned i = 0; i < s->cls->nparam; i++) {
		const struct vio_param *p = &s->cls->param[i];
		const char *v = spec_get(s, p->name);
		bool on = p->def != 0;

		s->param[i] = p->def;
		if (v && p->min == 0 && p->max == 1) {
			if (get_switch(s, p->name, &on, e)) {
				return -1;
			}
			s->param[i] = on;
		} else if (get_number(s, p->name, p->min, p->max, &s->param[i], e)) {
			return -1;
		}
	}
	return 0;
}
