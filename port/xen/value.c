/* SPDX-License-Identifier: BSD-3-Clause */
/* value.c - single values of xenstore, and what it means when there is none */
#include "port/xen/internal.h"
#include "hosted/log.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void xen_value_lost(struct xen *x)
{
	if (!x->lost) {
		log_error(NULL,
			  "xenstore is gone: devices that are served go on, new guests are not "
			  "seen; start this program again when xenstored is back");
	}
	x->lost = true;
	loop_del(&x->watch);
	xen_watch(x);
}

/* A call gave nothing: because there is nothing, or nothing for us; or another time it may. errno stays. */
static void none(struct xen *x)
{
	int e = errno;

	x->trouble = x->trouble || (e != ENOENT && e != EACCES && e != EPERM);
	if (e == EBADF || e == EPIPE || e == ECONNRESET) {
		xen_value_lost(x);
	}
	errno = e;
}

/* returns: the text of path/key, to be freed, or NULL, and x->trouble if that does not mean that it is missing */
char *xen_value_text(struct xen *x, const char *path, const char *key)
{
	char full[XEN_NODE + 32], *s;
	unsigned len;

	snprintf(full, sizeof(full), "%s%s%s", path, *path ? "/" : "", key);
	s = x->lib->xs_read(x->xs, XBT_NULL, full, &len);
	if (!s) {
		none(x);
	}
	return s;
}

bool xen_value_parse(const char *s, uint64_t *v)
{
	char *end;

	if (!s || *s < '0' || *s > '9') {
		return false;
	}
	errno = 0;
	*v = strtoull(s, &end, 0);
	return errno == 0 && *end == '\0';
}

bool xen_value_number(struct xen *x, const char *path, const char *key, uint64_t *v)
{
	char *s = xen_value_text(x, path, key);
	bool ok = xen_value_parse(s, v);

	free(s);
	return ok;
}

/* returns: the key is certainly not there; a xenstore in trouble does not say so */
bool xen_value_missing(struct xen *x, const char *path, const char *key)
{
	char *s;
	bool not_there;

	errno = 0;
	s = xen_value_text(x, path, key);
	not_there = !s && errno == ENOENT;
	free(s);
	return not_there;
}

/* returns: the domain has certainly ended */
bool xen_value_ended(struct xen *x, domid_t dom)
{
	errno = 0;
	if (x->lib->xs_introduced(x->xs, dom)) {
		return false;
	}
	if (errno != 0) {
		none(x);
		return false;
	}
	return true;
}

void xen_value_state(struct xen *x, const char *path, unsigned state)
{
	char full[XEN_NODE + 32], value[12];
	int n = snprintf(value, sizeof(value), "%u", state);

	snprintf(full, sizeof(full), "%s/state", path);
	if (!x->lib->xs_write(x->xs, XBT_NULL, full, value, (unsigned)n)) {
		log_warn(NULL, "%s = %u: %s; the toolstack will wait", full, state,
			 strerror(errno));
		x->trouble = true;
	}
}

static int by_number(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;
	unsigned long m = strtoul(*x, NULL, 10), n = strtoul(*y, NULL, 10);

	return (m > n) - (m < n);
}

/* returns: the sorted names under path, to be freed, or NULL */
char **xen_value_list(struct xen *x, const char *path, unsigned *n)
{
	char **name = x->lib->xs_directory(x->xs, XBT_NULL, path, n);

	if (name) {
		qsort(name, *n, sizeof(*name), by_number);
	} else {
		none(x);
	}
	return name;
}

/* Once, until something succeeds or it is another line. */
void xen_value_complain(struct xen *x, const struct xen_dev *d, const char *line)
{
	uint32_t hash = 2166136261u;

	for (const char *p = d->name; *p; p++) {
		hash = (hash ^ (uint8_t)*p) * 16777619u;
	}
	for (const char *p = line; *p; p++) {
		hash = (hash ^ (uint8_t)*p) * 16777619u;
	}
	for (size_t i = 0; i < sizeof(x->said) / sizeof(x->said[0]); i++) {
		if (x->said[i] == hash) {
			return;
		}
	}
	x->said[x->nsaid++ % (sizeof(x->said) / sizeof(x->said[0]))] = hash;
	log_error(d->name, "%s", line);
}
