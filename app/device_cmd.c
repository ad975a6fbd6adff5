/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * device_cmd.c - `stratos rng|blk|... OPTIONS`: one device, by the conventions for vhost-user back-ends
 *
 * source: QEMU, docs/interop/vhost-user.rst, "Backend program conventions"; vhost-user.json for type and features
 */
#include "app/command.h"
#include "app/daemon.h"
#include <stdio.h>
#include <string.h>

struct capability {
	const char *class_name, *type, *features;
};

/* Only what differs from { "type": CLASS, "features": [] }. */
static const struct capability capabilities[] = {
	{ "blk", "block", "\"read-only\", \"blk-file\"" },
};

static void print_capabilities(const struct vio_class *cls)
{
	const char *type = cls->name, *features = "";

	for (size_t i = 0; i < sizeof(capabilities) / sizeof(capabilities[0]); i++) {
		if (strcmp(capabilities[i].class_name, cls->name) == 0) {
			type = capabilities[i].type;
			features = capabilities[i].features;
		}
	}
	printf("{\n  \"type\": \"%s\",\n  \"features\": [%s]\n}\n", type, features);
}

static int help(const struct vio_class *cls)
{
	printf("usage: stratos %s --socket-path=PATH | --fd=N  [OPTION]...\n\n"
	       "%s, as a vhost-user back-end.\n\n",
	       cls->name, cls->about);
	spec_help(stdout, cls);
	daemon_help(stdout);
	printf("  --print-capabilities           print type and features as JSON and exit\n"
	       "  --help                         print this and exit\n\n"
	       "Switches take =on or =off; numbers may end in K, M or G. See stratos(1).\n");
	return EXIT_OK;
}

/* returns: -1 all parsed, go on | an exit code */
static int parse(struct spec *s, struct daemon_options *o, int argc, char **argv,
		 struct spec_error *e)
{
	for (int i = 1; i < argc;) {
		char name[64];
		const char *value;
		int r;

		if (!command_option(argc, argv, &i, name, &value)) {
			spec_fail(e, NULL, "'%s' is not an option; options look like --name=value",
				  argv[i]);
			return EXIT_USAGE;
		}
		if (strcmp(name, "help") == 0) {
			return help(s->cls);
		}
		if (strcmp(name, "print-capabilities") == 0) {
			print_capabilities(s->cls);
			return EXIT_OK;
		}
		r = daemon_option(o, name, value, e);
		if (r < 0 || (r == 0 && spec_set(s, name, value, e))) {
			return EXIT_USAGE;
		}
	}
	return spec_finish(s, 0, e) ? EXIT_USAGE : -1;
}

int cmd_device(int argc, char **argv)
{
	struct daemon_options o = DAEMON_DEFAULTS;
	struct spec_error e = { .text = "" };
	struct spec s = { .cls = spec_class(argv[0], &e) };
	int code;

	if (!s.cls) {
		fprintf(stderr, "stratos: %s\n", e.text);
		return EXIT_USAGE;
	}
	code = parse(&s, &o, argc, argv, &e);
	if (e.text[0]) {
		fprintf(stderr, "stratos: %s\nTry `stratos %s --help`.\n", e.text, argv[0]);
	}
	if (code < 0) {
		code = daemon_run(&s, 1, &o);
	}
	spec_free(&s);
	return code;
}
