/* SPDX-License-Identifier: BSD-3-Clause */
/* devices.c - `stratos devices [--json]`: classes and hosts of this program */
#include "app/command.h"
#include "app/daemon.h"
#include <stdio.h>
#include <string.h>

static void print_text(const struct vio_class *c)
{
	const struct host_kind *k;

	printf("%-10s %s\n", c->name, c->about);
	for (unsigned i = 0; (k = spec_each_host(c, &i));) {
		printf("           host %-10s %s%s\n", k->name, k->about,
		       k->is_default ? " (default)" : "");
	}
}

static void print_json(const struct vio_class *c, bool last)
{
	const struct host_kind *k;

	printf("  {\"class\": \"%s\", \"id\": %u, \"hosts\": [", c->name, c->id);
	for (unsigned i = 0; (k = spec_each_host(c, &i));) {
		printf("%s\"%s\"", i == 1 ? "" : ", ", k->name);
	}
	printf("]}%s\n", last ? "" : ",");
}

int cmd_devices(int argc, char **argv)
{
	bool json = argc == 2 && strcmp(argv[1], "--json") == 0;

	if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
		printf("usage: stratos devices [--json]\n\nList device classes and their hosts.\n");
		return EXIT_OK;
	}
	if (argc > 1 && !json) {
		fprintf(stderr, "stratos: devices has no option '%s'; known: --json, --help\n",
			argv[1]);
		return EXIT_USAGE;
	}
	if (json) {
		printf("[\n");
	}
	for (unsigned i = 0; class_table[i]; i++) {
		if (json) {
			print_json(class_table[i], !class_table[i + 1]);
		} else {
			print_text(class_table[i]);
		}
	}
	if (json) {
		printf("]\n");
	}
	return EXIT_OK;
}
