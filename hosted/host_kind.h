/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host_kind.h - how programs find and open host resources by name
 *
 * Each file host/<os>/<class>.c defines `const struct host_kind host_<os>_<class>[]`, ended by an entry without
 * name, and stands in the list `hosts` of meson.build: that is all it takes to add a host.
 * Command line: --host=NAME[:ARG]; further options as the kind lists them.
 */
#ifndef HOSTED_HOST_KIND_H
#define HOSTED_HOST_KIND_H

#include "hosted/loop.h"

struct host_option {
	const char *name; /* "size" */
	const char *meta; /* "BYTES" */
	const char *help;
	bool selects; /* giving it chooses this kind, its value is ARG ("blk-file" chooses file) */
};

/* What open gets. */
struct host_ctx {
	struct loop *loop; /* control executor of the device */
	const char *name;  /* of the device, for messages: "blk0" */
	const char *arg;   /* behind NAME: , or NULL */
	const char *(*option)(const struct host_ctx *c, const char *name); /* NULL: not given */
	uint32_t (*param)(const struct host_ctx *c, const char *name);	   /* of the device class */
	char err[256]; /* on failure: what, where, what to do; without newline */
};

/* What open fills. */
struct host {
	const void *ops; /* struct vio_<class>_host_ops */
	void *host;
	void (*close)(struct host *h); /* device is reset and destroyed */
	bool any_executor; /* verbs may be called on several executors at once: needs no queue_open */
	/* optional: an instance for queue `index` on its own executor, put in vio_vq.host; NULL on failure */
	void *(*queue_open)(struct host *h, struct loop *l, uint16_t index);
	void (*queue_close)(struct host *h, void *queue_host);
	/* optional: the device now exists; for hosts that push (config change). Called once, before any traffic */
	void (*attach)(struct host *h, struct vio_dev *d);
};

struct host_kind {
	const char *class_name; /* "blk" */
	const char *name;	/* "file" */
	const char *about;	/* one line for --help */
	const char *arg_help;	/* "PATH", or NULL when ARG is not taken */
	bool is_default;	/* chosen when --host is not given; at most one per class */
	const struct host_option *opt;
	uint8_t nopt;
	/* returns: 0 | -1 and ctx->err */
	int (*open)(struct host_ctx *ctx, struct host *out);
};

/* host_size - parse "512", "64K", "1G"; returns: false when it is no size or does not fit */
bool host_size(const char *s, uint64_t *bytes);

#endif
