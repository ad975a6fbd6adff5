/* SPDX-License-Identifier: BSD-3-Clause */
/* serve.c - `stratos serve`: any number of devices in one process, from options, from a file, or both */
#include "app/command.h"
#include "app/config.h"
#include "app/daemon.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEVICES_MAX 256u

struct serve {
	struct spec spec[DEVICES_MAX];
	unsigned n;
	struct daemon_options o;
	const char *xen, *bus; /* for devices that name no place of their own */
};

static int help(void)
{
	printf("usage: stratos serve [--device CLASS,OPTION=VALUE,...]... [-f FILE]... "
	       "[OPTION]...\n\n"
	       "Serve devices until SIGTERM or SIGINT.\n\n"
	       "  --device CLASS,OPTION=VALUE,...\n"
	       "                                 a device; `stratos CLASS --help` lists its "
	       "options;\n"
	       "                                 a comma in a value is written twice\n"
	       "  --xen DOMAIN                   serve this Xen guest: devices that follow and "
	       "have "
	       "no socket\n"
	       "  --bus WHERE                    the same for a window of memory, see "
	       "stratos(1)\n"
	       "  -f, --file FILE                devices from a file, see stratos.conf(5)\n"
	       "  --help                         print this and exit\n");
	daemon_help(stdout);
	return EXIT_OK;
}

static int add_device(struct serve *v, const char *text, struct spec_error *e)
{
	struct spec *s;

	if (v->n == DEVICES_MAX) {
		spec_fail(e, NULL, "more than %u devices", DEVICES_MAX);
		return -1;
	}
	s = &v->spec[v->n++];
	if (spec_parse(s, text, e)) {
		return -1;
	}
	if ((v->xen || v->bus) && !spec_get(s, "socket-path") && !spec_get(s, "fd") &&
	    !spec_get(s, "xen") && !spec_get(s, "bus") &&
	    spec_set(s, v->xen ? "xen" : "bus", v->xen ? v->xen : v->bus, e)) {
		return -1;
	}
	return spec_finish(s, v->n - 1, e);
}

static int add_file(struct serve *v, const char *path, struct spec_error *e)
{
	unsigned n;
	int r = config_load(path, v->spec + v->n, DEVICES_MAX - v->n, &n, e);

	v->n += n;
	return r;
}

/* returns: -1 all parsed, go on | an exit code */
static int parse(struct serve *v, int argc, char **argv, struct spec_error *e)
{
	for (int i = 1; i < argc;) {
		char name[64];
		const char *value;
		int r;

		if (!command_option(argc, argv, &i, name, &value)) {
			spec_fail(e, NULL,
				  "'%s' is not an option; devices are given as --device %s,...",
				  argv[i], argv[i]);
			return EXIT_USAGE;
		}
		if (strcmp(name, "help") == 0) {
			return help();
		}
		if (strcmp(name, "device") == 0 && value) {
			r = add_device(v, value, e);
		} else if (strcmp(name, "xen") == 0 && value) {
			v->xen = value;
			v->bus = NULL;
			r = 0;
		} else if (strcmp(name, "bus") == 0 && value) {
			v->bus = value;
			v->xen = NULL;
			r = 0;
		} else if (strcmp(name, "file") == 0 && value) {
			r = add_file(v, value, e);
		} else {
			r = daemon_option(&v->o, name, value, e) - 1;
			if (r && !e->text[0]) {
				spec_fail(e, name,
					  "serve has no option '%s'%s; known: device, file, xen, "
					  "bus, sandbox, user, bus-draft, xen-cache, "
					  "xen-ioeventfd, state-dir, "
					  "verbose, quiet",
					  name, value ? "" : " without a value");
			}
		}
		if (r) {
			return EXIT_USAGE;
		}
	}
	if (v->n == 0) {
		spec_fail(e, NULL, "no device: give --device CLASS,... or -f FILE");
		return EXIT_USAGE;
	}
	return -1;
}

int cmd_serve(int argc, char **argv)
{
	struct serve *v = calloc(1, sizeof(*v));
	struct spec_error e = { .text = "" };
	int code;

	if (!v) {
		fprintf(stderr, "stratos: out of memory\n");
		return EXIT_RUN;
	}
	v->o = (struct daemon_options)DAEMON_DEFAULTS;
	code = parse(v, argc, argv, &e);
	if (e.text[0]) {
		fprintf(stderr, "stratos: %s\nTry `stratos serve --help`.\n", e.text);
	}
	if (code < 0) {
		code = daemon_run(v->spec, v->n, &v->o);
	}
	for (unsigned i = 0; i < v->n; i++) {
		spec_free(&v->spec[i]);
	}
	free(v);
	return code;
}
