/* SPDX-License-Identifier: BSD-3-Clause */
/* store.c - the model's xenstore: keys, directories, watches */
#include "test/xenmodel/model.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define KEYS	512u
#define PATH	160u
#define VALUE	160u
#define WATCHES 8u
#define EVENTS	512u
#define TOKEN	16u

struct xs_handle {
	int fd;
	struct {
		char path[PATH], token[TOKEN];
	} watch[WATCHES], event[EVENTS];
	unsigned nwatch, first, last; /* events [first, last) wait */
};

static struct {
	char path[PATH], value[VALUE];
} key[KEYS];
static unsigned nkey;
static const char *denied;
static struct xs_handle *open_handle;

static void set(char *to, size_t room, const char *from)
{
	size_t n = strlen(from) + 1;

	if (n > room) {
		abort();
	}
	memmove(to, from, n);
}

static bool below(const char *path, const char *top)
{
	size_t n = strlen(top);

	return strncmp(path, top, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

static void level(const struct xs_handle *h)
{
	uint64_t n = 1;

	if (read(h->fd, &n, sizeof(n)) < 0) {
		n = 1;
	}
	if (h->first != h->last && write(h->fd, &n, sizeof(n)) < 0) {
		abort();
	}
}

static void queue(struct xs_handle *h, unsigned watch, const char *path)
{
	unsigned i = h->last % EVENTS;

	if (h->last - h->first == EVENTS) {
		return;
	}
	set(h->event[i].path, PATH, path);
	set(h->event[i].token, TOKEN, h->watch[watch].token);
	h->last++;
	level(h);
}

void xm_store_fire(const char *path)
{
	struct xs_handle *h = open_handle;

	for (unsigned i = 0; h && i < h->nwatch; i++) {
		if (below(path, h->watch[i].path)) {
			queue(h, i, path);
		}
	}
}

static unsigned find(const char *path)
{
	unsigned i = 0;

	while (i < nkey && strcmp(key[i].path, path) != 0) {
		i++;
	}
	return i;
}

void xm_write(const char *path, const char *value)
{
	unsigned i = find(path);

	if (i == KEYS) {
		abort();
	}
	nkey += i == nkey;
	set(key[i].path, PATH, path);
	set(key[i].value, VALUE, value);
	xm_store_fire(path);
}

void xm_rm(const char *path)
{
	unsigned n = 0;

	for (unsigned i = 0; i < nkey; i++) {
		if (!below(key[i].path, path)) {
			key[n++] = key[i];
		}
	}
	nkey = n;
	xm_store_fire(path);
}

void xm_deny(const char *path)
{
	denied = path;
}

const char *xm_read(const char *path)
{
	unsigned i = find(path);

	return i < nkey ? key[i].value : NULL;
}

/* ---- libxenstore ---- */

static struct xs_handle *store_open(unsigned long flags)
{
	(void)flags;
	if (xm_refuse("xs_open")) {
		return NULL;
	}
	open_handle = calloc(1, sizeof(*open_handle));
	open_handle->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	xm.open.xs++;
	return open_handle;
}

static void store_close(struct xs_handle *h)
{
	xm.open.xs--;
	open_handle = NULL;
	(void)close(h->fd);
	free(h);
}

static int store_fd(struct xs_handle *h)
{
	return xm_refuse("xs_fd") ? -1 : h->fd;
}

/* Each name that follows path once, in one block of memory with the pointers to them. */
static char **store_directory(struct xs_handle *h, xs_transaction_t t, const char *path,
			      unsigned *n)
{
	char **out, *text;
	bool there = false;

	(void)h;
	(void)t;
	if (xm_refuse("xs_directory")) {
		return NULL;
	}
	out = calloc(1, KEYS * (sizeof(*out) + PATH));
	text = (char *)(out + KEYS);
	*n = 0;
	for (unsigned i = 0; i < nkey; i++) {
		const char *name = key[i].path + strlen(path) + 1;
		size_t len = strcspn(name, "/");
		bool twice = false;

		if (!below(key[i].path, path)) {
			continue;
		}
		there = true;
		if (key[i].path[strlen(path)] == '\0') {
			continue;
		}
		for (unsigned k = 0; k < *n; k++) {
			twice = twice || (strlen(out[k]) == len && memcmp(out[k], name, len) == 0);
		}
		if (!twice) {
			out[(*n)++] = text;
			memcpy(text, name, len);
			text += len + 1;
		}
	}
	if (!there) {
		free(out);
		errno = ENOENT;
		return NULL;
	}
	return out;
}

static void *store_read(struct xs_handle *h, xs_transaction_t t, const char *path, unsigned *len)
{
	char full[PATH + 32];
	const char *v;

	(void)h;
	(void)t;
	if (xm_refuse("xs_read")) {
		return NULL;
	}
	(void)snprintf(full, sizeof(full), "%s%s", *path == '/' ? "" : "/local/domain/0/", path);
	v = xm_read(full);
	if (!v || (denied && below(full, denied))) {
		errno = v ? EACCES : ENOENT;
		return NULL;
	}
	*len = (unsigned)strlen(v);
	return strdup(v);
}

static bool store_write(struct xs_handle *h, xs_transaction_t t, const char *path, const void *data,
			unsigned len)
{
	char value[VALUE];

	(void)h;
	(void)t;
	if (xm_refuse("xs_write")) {
		return false;
	}
	(void)snprintf(value, sizeof(value), "%.*s", (int)len, (const char *)data);
	xm_write(path, value);
	return true;
}

static bool store_rm(struct xs_handle *h, xs_transaction_t t, const char *path)
{
	(void)h;
	(void)t;
	if (xm_refuse("xs_rm")) {
		return false;
	}
	xm_rm(path);
	return true;
}

static bool store_watch(struct xs_handle *h, const char *path, const char *token)
{
	if (xm_refuse("xs_watch")) {
		return false;
	}
	set(h->watch[h->nwatch].path, PATH, path);
	set(h->watch[h->nwatch].token, TOKEN, token);
	h->nwatch++;
	queue(h, h->nwatch - 1, path); /* once at once, as xenstore does */
	return true;
}

static char **store_check_watch(struct xs_handle *h)
{
	char **out;
	unsigned i;

	if (xm_refuse("xs_check_watch")) {
		return NULL;
	}
	if (h->first == h->last) {
		errno = EAGAIN;
		return NULL;
	}
	i = h->first++ % EVENTS;
	out = calloc(1, 2 * sizeof(*out) + PATH + TOKEN);
	out[0] = (char *)(out + 2);
	out[1] = out[0] + PATH;
	memcpy(out[0], h->event[i].path, PATH);
	memcpy(out[1], h->event[i].token, TOKEN);
	level(h);
	return out;
}

static bool store_introduced(struct xs_handle *h, unsigned dom)
{
	(void)h;
	return !xm_refuse("xs_introduced") && dom < XM_DOMS && xm.dom[dom].alive;
}

void xm_store_kill(void)
{
	if (open_handle) {
		(void)close(open_handle->fd);
		free(open_handle);
		open_handle = NULL;
	}
}

void xm_store_init(void)
{
	nkey = 0;
	denied = NULL;
	open_handle = NULL;
	xm.lib.xs_open = store_open;
	xm.lib.xs_close = store_close;
	xm.lib.xs_fd = store_fd;
	xm.lib.xs_directory = store_directory;
	xm.lib.xs_read = store_read;
	xm.lib.xs_write = store_write;
	xm.lib.xs_rm = store_rm;
	xm.lib.xs_watch = store_watch;
	xm.lib.xs_check_watch = store_check_watch;
	xm.lib.xs_introduced = store_introduced;
}
