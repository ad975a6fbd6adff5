/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_stat.c - median and bootstrap (Efron and Tibshirani, An Introduction to the Bootstrap, 13.3: percentiles) */
#include "app/bench_stat.h"
#include <stdlib.h>
#include <string.h>

#define SEED 0x5354415453ull
#define CUT  (STAT_RESAMPLES / 40u) /* 2.5 % */

static int ascending(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* splitmix64 */
static uint64_t draw(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15ull);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

/* The value of rank k (0: least) when sorted[i] occurs times[i] times */
static double ranked(const double *sorted, const uint16_t *times, unsigned k)
{
	unsigned i = 0;

	for (unsigned seen = times[0]; seen <= k; seen += times[++i]) {
	}
	return sorted[i];
}

static double resampled(const double *sorted, unsigned n, uint64_t *state)
{
	uint16_t times[STAT_MAX] = { 0 };

	for (unsigned i = 0; i < n; i++) {
		times[draw(state) % n]++;
	}
	return (ranked(sorted, times, (n - 1u) / 2u) + ranked(sorted, times, n / 2u)) / 2.0;
}

double stat_median(const double *v, unsigned n)
{
	double sorted[STAT_MAX];

	if (n == 0 || n > STAT_MAX) {
		return 0.0;
	}
	memcpy(sorted, v, n * sizeof(*v));
	qsort(sorted, n, sizeof(*v), ascending);
	return (sorted[(n - 1u) / 2u] + sorted[n / 2u]) / 2.0;
}

void stat_of(const double *v, unsigned n, struct stat_ratio *r)
{
	static double median[STAT_RESAMPLES];
	double sorted[STAT_MAX];
	uint64_t state = SEED;

	*r = (struct stat_ratio){ .n = n, .median = stat_median(v, n), .verdict = STAT_FEW };
	r->low = r->high = r->median;
	if (n < STAT_MIN || n > STAT_MAX) {
		return;
	}
	memcpy(sorted, v, n * sizeof(*v));
	qsort(sorted, n, sizeof(*v), ascending);
	for (unsigned i = 0; i < STAT_RESAMPLES; i++) {
		median[i] = resampled(sorted, n, &state);
	}
	qsort(median, STAT_RESAMPLES, sizeof(median[0]), ascending);
	r->low = median[CUT];
	r->high = median[STAT_RESAMPLES - 1u - CUT];
	r->verdict = r->high < 1.0 ? STAT_LESS : r->low > 1.0 ? STAT_MORE : STAT_UNKNOWN;
}
