/* SPDX-License-Identifier: BSD-3-Clause */
/* main.c - stratos: the table of sub-commands */
#include "app/command.h"
#include "app/daemon.h"
#include "hosted/log.h"
#include "version.h"
#include <stdio.h>
#include <string.h>

struct command {
	const char *name, *about;
	int (*run)(int argc, char **argv);
};

static const struct command commands[] = {
	{ "serve", "serve devices, from options or from a file", cmd_serve },
	{ "devices", "list device classes and their hosts", cmd_devices },
	{ "demo", "drive every device in this process, over loop-back", cmd_demo },
	{ "bench", "load a vhost-user back-end, verify and measure it", cmd_bench },
	{ "conform", "find out which rules of the specification a vhost-user back-end keeps",
	  cmd_conform },
	{ "guest-dtb", "a guest's device tree, edited so that its virtio memory is one window",
	  cmd_guest_dtb },
};

static void usage(FILE *out)
{
	fprintf(out, "usage: stratos COMMAND [OPTION]...\n\nVirtio devices outside of the "
		     "hypervisor.\n\nCommands:\n");
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		fprintf(out, "  %-12s %s\n", commands[i].name, commands[i].about);
	}
	fprintf(out, "\nOne device, as a vhost-user back-end:\n");
	for (unsigned i = 0; class_table[i]; i++) {
		fprintf(out, "  %-12s %s\n", class_table[i]->name, class_table[i]->about);
	}
	fprintf(out, "\n`stratos COMMAND --help` says more, as does stratos(1). `stratos "
		     "--version` prints the version.\n"
		     "Exit codes: 0 success, 1 failure while running, 2 wrong usage.\n");
}

/* Descriptors of QEMU and libvirt name a program without arguments: a link stratos-CLASS is `stratos CLASS`. */
static char *linked_class(char *program)
{
	char *slash = strrchr(program, '/'), *base = slash ? slash + 1 : program;
	char *name = strncmp(base, "stratos-", 8) == 0 ? base + 8 : NULL;

	for (unsigned i = 0; name && class_table[i]; i++) {
		if (strcmp(name, class_table[i]->name) == 0) {
			return name;
		}
	}
	return NULL;
}

int main(int argc, char **argv)
{
	char *class_name = argc > 0 ? linked_class(argv[0]) : NULL;

	log_init(LOG_INFO);
	log_limit(LOG_BURST);
	if (class_name) {
		argv[0] = class_name;
		return cmd_device(argc, argv);
	}
	if (argc < 2) {
		usage(stderr);
		return EXIT_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
	    strcmp(argv[1], "help") == 0) {
		usage(stdout);
		return EXIT_OK;
	}
	if (strcmp(argv[1], "--version") == 0) {
		printf("stratos %s\n", STRATOS_VERSION);
		return EXIT_OK;
	}
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(argv[1], commands[i].name) == 0) {
			return commands[i].run(argc - 1, argv + 1);
		}
	}
	for (unsigned i = 0; class_table[i]; i++) {
		if (strcmp(argv[1], class_table[i]->name) == 0) {
			return cmd_device(argc - 1, argv + 1);
		}
	}
	fprintf(stderr, "stratos: unknown command '%s'\n\n", argv[1]);
	usage(stderr);
	return EXIT_USAGE;
}
