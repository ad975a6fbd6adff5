/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * spec.h - what one device of the program shall be, from a command line, a --device string or a file
 *
 * Every name comes from the tables: options common to all devices, parameters of the class, options of its host
 * kinds. So --help, errors that name the alternatives, and the files' keys cannot differ from what is there.
 */
#ifndef APP_SPEC_H
#define APP_SPEC_H

#include "app/tables.h"
#include <stdio.h>

#define SPEC_OPTIONS 32u

struct spec_option {
	char *name, *value; /* value: NULL for a bare switch */
};

struct spec {
	const struct vio_class *cls;
	struct spec_option opt[SPEC_OPTIONS]; /* as given, in order */
	unsigned nopt;
	/* spec_finish fills what follows; strings point into opt */
	const struct host_kind *kind; /* NULL: a class without host */
	const char *arg;	      /* behind --host=NAME: */
	char name[32];		      /* "blk0" */
	const char *socket;	      /* NULL: fd */
	int fd;			      /* -1: socket */
	const char *xen, *xen_node;   /* domain; NULL: not on Xen */
	const char *bus;	      /* NULL: on no window */
	uint64_t xen_base;
	uint32_t xen_irq;    /* 0: xenstore says where */
	uint64_t window_max; /* bytes; 0: no bound */
	bool threads, inband, iommu, window, packed, xen_grants, xen_page;
	uint32_t poll_us;
	bool poll_thrifty;    /* poll only where that takes no more processor time than sleeping */
	uint32_t bus_request; /* bytes; 0: by the window */
	uint16_t bus_queue;   /* 0: by the window */
	uint32_t param[VIO_PARAM_MAX];
};

struct spec_error {
	char text[512];
	const char *key; /* the option at fault, in the spec or static; or NULL */
};

/* An option that every device has. */
struct common_option {
	const char *name, *meta, *help;
};
extern const struct common_option common_options[]; /* ended by an entry without name */

/* spec_class - a class by name; returns: NULL and e (names the known ones) */
const struct vio_class *spec_class(const char *name, struct spec_error *e);
/* spec_set - returns: 0 | -1 and e: no such option of this class, twice, or too many */
int spec_set(struct spec *s, const char *name, const char *value, struct spec_error *e);
/* spec_parse - "blk,socket=S,host=file:/img"; a comma in a value is written twice; returns: 0 | -1 and e */
int spec_parse(struct spec *s, const char *text, struct spec_error *e);
/* spec_finish - choose the host kind, check and convert values; index: for the default name; returns: 0 | -1 */
int spec_finish(struct spec *s, unsigned index, struct spec_error *e);
/* spec_get - an option as given, or NULL; "" for a bare switch */
const char *spec_get(const struct spec *s, const char *name);
void spec_free(struct spec *s);

/* spec_help - options of a class with defaults, one a line */
void spec_help(FILE *out, const struct vio_class *cls);
/* spec_each_host - walk host kinds of a class; *i starts at 0; returns: NULL at the end */
const struct host_kind *spec_each_host(const struct vio_class *cls, unsigned *i);
/* spec_bool - "", on, true, yes, 1 and their opposites; returns: false when it is none */
bool spec_bool(const char *value, bool *on);
/* spec_xen_base - options xen-base and xen-config; returns: 0 | -1 */
int spec_xen_base(struct spec *s, struct spec_error *e);
/* spec_bus - options bus and bus-...; returns: 0 | -1 */
int spec_bus(struct spec *s, struct spec_error *e);
void spec_fail(struct spec_error *e, const char *key, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
