/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * target.h - a back-end that this program starts: a shell command, with the path of its socket put in
 *
 * It gets a process group of its own and a socket in a new folder in TMPDIR; its output goes to a file there. All of it
 * is gone after target_end.
 */
#ifndef APP_TARGET_H
#define APP_TARGET_H

#include <stdbool.h>
#include <sys/types.h>

struct target {
	const char *command; /* {sock} stands for the path of the socket */
	/* in the child: become the command; returns: it could not. NULL: /bin/sh -c */
	void (*exec)(void *arg, const char *command);
	void *arg;
	pid_t pid; /* that listens, when it is known: a shell may leave before what it started. 0: not known */
	/* the rest is target_start's */
	char dir[72], sock[96]; /* "" until then */
	pid_t child;		/* 0: none, or it has ended */
};

/* target_start - returns: 0 | -1 and err */
int target_start(struct target *t, char err[256]);
/* target_ended - did it end by itself; says how, once */
bool target_ended(struct target *t, char how[256]);
/* target_leaves - wait for it, and for pid; returns: whether they left within so many milliseconds */
bool target_leaves(struct target *t, unsigned ms);
/* target_show_log - the end of what it printed, on standard error */
void target_show_log(const struct target *t);
/* target_kill - end it, and what it started, at once; the folder stays */
void target_kill(struct target *t);
/* target_end - SIGTERM, some time to leave, SIGKILL; removes the folder. Without target_start: nothing */
void target_end(struct target *t);

#endif
