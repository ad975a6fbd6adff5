/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_stat.h - the median of some ratios, and how far chance may have moved it */
#ifndef APP_BENCH_STAT_H
#define APP_BENCH_STAT_H

#include <stdint.h>

#define STAT_MAX 1000u /* values */
#define STAT_MIN                                                                                   \
	6u /* of five, all on one side of 1 are chance once in sixteen: no interval of 95 % */
#define STAT_RESAMPLES 10000u /* of the bootstrap */

enum stat_verdict {
	STAT_FEW,     /* less than STAT_MIN values: no interval */
	STAT_UNKNOWN, /* the interval holds 1 */
	STAT_LESS,    /* all of it is below 1 */
	STAT_MORE     /* all of it is above 1 */
};

struct stat_ratio {
	unsigned n;
	double median; /* of n > 0 values */
	double low,
		high; /* 95 % interval of the median, of n >= STAT_MIN values; else both the median */
	enum stat_verdict verdict;
};

/* stat_median - v: n of them, in any order, not changed; returns: 0 when n is 0 or greater than STAT_MAX */
double stat_median(const double *v, unsigned n);
/*
 * stat_of - the median of n values and its interval by percentile bootstrap: STAT_RESAMPLES times n values are drawn
 * with replacement, and of the medians of these the 2.5 % at either end are left out. The draws are the same in every
 * run: the same values, in any order, give the same interval.
 * n: at most STAT_MAX
 */
void stat_of(const double *v, unsigned n, struct stat_ratio *r);

#endif
