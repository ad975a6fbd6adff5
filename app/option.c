/* SPDX-License-Identifier: BSD-3-Clause */
/* option.c - one word of a command line */
#include "app/command.h"
#include <stdio.h>
#include <string.h>

const char *command_option(int argc, char **argv, int *i, char buf[64], const char **value)
{
	/* for these, and no others, the value may be the next word: QEMU and libvirt write both forms */
	static const char *const takes[] = { "socket-path", "fd",   "host", "device", "blk-file",
					     "file",	    "name", "xen",  "bus" };
	const char *arg = argv[*i], *eq;
	size_t len;

	*value = NULL;
	if (strcmp(arg, "-h") == 0) {
		arg = "--help";
	} else if (strcmp(arg, "-f") == 0) {
		arg = "--file";
	}
	if (strncmp(arg, "--", 2) != 0) {
		return NULL;
	}
	arg += 2;
	eq = strchr(arg, '=');
	len = eq ? (size_t)(eq - arg) : strlen(arg);
	if (len == 0 || len >= 64) {
		return NULL;
	}
	memcpy(buf, arg, len);
	buf[len] = '\0';
	*value = eq ? eq + 1 : NULL;
	for (size_t t = 0; !eq && t < sizeof(takes) / sizeof(takes[0]); t++) {
		if (strcmp(buf, takes[t]) == 0 && *i + 1 < argc) {
			*value = argv[++*i];
		}
	}
	++*i;
	return buf;
}

bool option_lacks(const char *name, const char *meta, const char *help, const char *value,
		  char err[256])
{
	if (value || !meta || strcmp(name, "json") == 0) {
		return false;
	}
	snprintf(err, 256, "--%s needs a value: %s", name, help);
	return true;
}

int option_end(const char *name, const char *value, const char *must, char err[256])
{
	if (!must) {
		return 0;
	}
	snprintf(err, 256, "--%s=%.80s: must be %s", name, value ? value : "", must);
	return -1;
}
