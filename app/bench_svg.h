/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_svg.h - charts as SVG 1.1: lines over an axis that is linear, logarithmic, or in nines; needs nothing else */
#ifndef APP_BENCH_SVG_H
#define APP_BENCH_SVG_H

#include <stdbool.h>
#include <stdio.h>

#define SVG_LINES 4u
#define SVG_TICKS 16u

enum svg_scale {
	SVG_LINEAR, /* from 0, or from less when there is less */
	SVG_LOG,    /* values > 0 */
	SVG_NINES   /* 0 .. 1, as 0, 50, 90, 99, 99.9 ... % */
};

/* One line of n points, by x; those whose y is not a number are left out. */
struct svg_line {
	const char *name; /* in the legend */
	unsigned n;
	const double *x, *y;
	const double *low, *high; /* a range at each point, or NULL */
	bool marks;		  /* a dot at each point */
};

struct svg_chart {
	const char *title, *x_title, *y_title; /* with units */
	enum svg_scale x_scale, y_scale;
	struct svg_line line[SVG_LINES];
	unsigned lines;
};

/* svg_write - n charts below each other, and a heading of `lines` lines */
void svg_write(FILE *out, const struct svg_chart *chart, unsigned n, const char *const *heading,
	       unsigned lines);
/*
 * svg_ticks - where an axis from low to high is labelled, low < high; ascending, within it
 * returns: how many, 2 .. SVG_TICKS
 */
unsigned svg_ticks(enum svg_scale scale, double low, double high, double tick[SVG_TICKS]);
/* svg_label - 0.5, 20, 3k, 1.5M; of nines: 99.9 % */
const char *svg_label(enum svg_scale scale, double v, char text[32]);

#endif
