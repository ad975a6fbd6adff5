/* SPDX-License-Identifier: BSD-3-Clause */
/* daemon.h - serve any number of devices until SIGTERM, SIGINT, or until no device can get another front-end */
#ifndef APP_DAEMON_H
#define APP_DAEMON_H

#include "app/spec.h"
#include "app/user.h"

/* Exit codes of the program, also in stratos(1). */
enum { EXIT_OK = 0, EXIT_RUN = 1, EXIT_USAGE = 2 };

struct daemon_options {
	bool sandbox;
	uint32_t xen_cache; /* MiB */
	bool xen_ioeventfd;
	bool bus_rfc;	       /* messages as in the third RFC */
	const char *state_dir; /* for Xen guests; NULL: none */
	bool drop;	       /* become user */
	struct user user;
};
#define DAEMON_DEFAULTS                                                                            \
	{                                                                                          \
		.sandbox = true, .xen_cache = 32, .state_dir = "/run/stratos"                      \
	}

/*
 * daemon_option - sandbox=on|off, user=NAME, verbose, quiet and others: options of the process, not of a device
 * returns: 1 taken | 0 not one of them | -1 and e
 */
int daemon_option(struct daemon_options *o, const char *name, const char *value,
		  struct spec_error *e);
void daemon_help(FILE *out);
/* daemon_run - spec: n of them, finished; returns: an exit code; messages are printed */
int daemon_run(const struct spec *spec, unsigned n, const struct daemon_options *o);

#endif
