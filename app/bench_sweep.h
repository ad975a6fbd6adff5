/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_sweep.h - one load at several values of one number; and pictures of this, and of latencies */
#ifndef APP_BENCH_SWEEP_H
#define APP_BENCH_SWEEP_H

#include "app/bench_ab.h"

#define SWEEP_POINTS 32u
#define SWEEP_ROUNDS 32u

struct sweep_point {
	double value;
	struct bench_spec spec;
	char *spawn, *option; /* what spec points into */
	char **argv;
	struct ab_run run[SWEEP_ROUNDS];
	struct counted counted[COUNTS];
};

struct sweep {
	char name[32];
	unsigned n, rounds; /* points; complete rounds */
	struct sweep_point point[SWEEP_POINTS];
};

/* sweep_parse - "depth:1,2,4" into name and values; returns: 0 | -1 and err */
int sweep_parse(const char *text, struct sweep *w, char err[256]);
/* sweep_spawn - a command with {NAME} replaced by the value; the caller frees it; *hits: how often. NULL: no memory */
char *sweep_spawn(const char *spawn, const char *name, const char *value, unsigned *hits);
/* sweep_median - of a metric at a point; low, high: least and greatest of the rounds. Not a number: not known */
double sweep_median(const struct sweep *w, unsigned point, unsigned metric, double *low,
		    double *high);

void sweep_report(FILE *out, const struct sweep *w);
void sweep_json(FILE *out, const struct sweep *w);

/* bench_sweep - s: as parsed from the same words; returns: an exit code */
int bench_sweep(int argc, char **argv, const struct bench_spec *s);

/* bench_plot.c: SVG */
void sweep_plot(FILE *out, const struct sweep *w);
void bench_plot(FILE *out, const struct bench *b);
void ab_plot(FILE *out, const struct ab *ab);
/* plot_file - open, print, close; print gets `what`. returns: 0 | -1: that is said */
int plot_file(const char *path, void (*print)(FILE *out, const void *what), const void *what);

#endif
