/* SPDX-License-Identifier: BSD-3-Clause */
/* command.h - a sub-command of the program */
#ifndef APP_COMMAND_H
#define APP_COMMAND_H

#include <stdbool.h>

/* argv[0] is the sub-command's name; returns: an exit code (daemon.h) */
int cmd_serve(int argc, char **argv);
int cmd_devices(int argc, char **argv);
int cmd_demo(int argc, char **argv);
int cmd_bench(int argc, char **argv);
int cmd_conform(int argc, char **argv);
int cmd_guest_dtb(int argc, char **argv);
/* cmd_device - argv[0] is a class: `stratos rng ...` */
int cmd_device(int argc, char **argv);

/*
 * command_option - split "--name=value"; for a few well-known names also "--name value"
 * *i: index in argv, moved on; returns: the name, in buf | NULL: argv[*i] is no option
 */
const char *command_option(int argc, char **argv, int *i, char buf[64], const char **value);
/* option_lacks - it needs a value and has none; meta NULL: it takes none; "json" may have one. err: says what it is for */
bool option_lacks(const char *name, const char *meta, const char *help, const char *value,
		  char err[256]);
/* option_end - must: what its value must be, or NULL: taken; returns: 0 | -1 and err */
int option_end(const char *name, const char *value, const char *must, char err[256]);

#endif
