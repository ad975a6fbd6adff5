/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_count.h - instructions and system calls of a spawned back-end, counted */
#ifndef APP_BENCH_COUNT_H
#define APP_BENCH_COUNT_H

#include "app/bench_out.h"

/* count_possible - are the tools there that s asks for; returns: 0 | -1 and err */
int count_possible(const struct bench_spec *s, char err[256]);
/* bench_counted - count what s asks for, in runs of their own; returns: 0 | -1 and err */
int bench_counted(const struct bench_spec *s, struct counted out[COUNTS], char err[256]);
double counted_each(const struct counted *c); /* of one request */
void counted_line(FILE *out, const char *left, enum count_what what, const struct counted *c);
void json_counted(FILE *out, const char *key,
		  const struct counted c[COUNTS]); /* a member, with its comma */

/*
 * For bench_target.c. count_exec - become the shell command under the tool; returns: it could not
 * count_read - what the tool wrote when the back-end had ended, into b->counted
 */
void count_exec(const struct bench *b, const char *command);
void count_read(struct bench *b);
/* count_parse - the output of a tool; returns: whether it is one */
bool count_parse(FILE *f, enum count_what what, unsigned run, struct counted *c);

#endif
