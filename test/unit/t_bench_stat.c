/* SPDX-License-Identifier: BSD-3-Clause */
/* t_bench_stat.c - the median of ratios and its interval, against what is known about them */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <math.h>
#include <cmocka.h>
#include "app/bench.h"
#include "app/bench_stat.h"

static void medians(void **state)
{
	static const struct {
		unsigned n;
		double v[6], median;
	} row[] = {
		{ 0, { 7 }, 0 },
		{ 1, { 7 }, 7 },
		{ 2, { 3, 1 }, 2 },
		{ 3, { 9, 1, 2 }, 2 },
		{ 4, { 4, 1, 3, 2 }, 2.5 },
		{ 5, { 5, 5, 1, 5, 9 }, 5 },
		{ 6, { 6, 1, 5, 2, 4, 3 }, 3.5 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		assert_true(stat_median(row[i].v, row[i].n) == row[i].median);
	}
}

/*
 * For n odd the distribution of the bootstrapped median is known: it is at most the k-th value when at least half of
 * the draws are, so P = P(Binomial(n, k / n) > n / 2). Ranks where that crosses 2.5 % and 97.5 %:
 */
static void intervals(void **state)
{
	static const struct {
		unsigned n, low, high;
	} row[] = {
		{ 7, 2, 6 }, { 9, 2, 8 }, { 11, 3, 9 }, { 21, 7, 15 }, { 51, 19, 33 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct stat_ratio up, down;
		double v[64], w[64];
		unsigned n = row[i].n;

		for (unsigned k = 0; k < n; k++) {
			v[k] = w[n - 1u - k] = 1.0 + k;
		}
		stat_of(v, n, &up);
		stat_of(w, n, &down); /* the order is no matter, nor is how often it is asked */
		assert_memory_equal(&up, &down, sizeof(up));
		if (up.low != row[i].low || up.high != row[i].high) {
			fail_msg("%u values: %g to %g", n, up.low, up.high);
		}
		assert_true(up.median == (n + 1u) / 2u && up.n == n);
	}
}

static void verdicts(void **state)
{
	static const struct {
		unsigned n;
		double v[8];
		enum stat_verdict verdict;
	} row[] = {
		{ 0, { 0 }, STAT_FEW },
		{ 5, { 2, 2, 2, 2, 2 }, STAT_FEW },
		{ 6, { 2, 2, 2, 2, 2, 2 }, STAT_MORE },
		{ 6, { 1, 1, 1, 1, 1, 1 }, STAT_UNKNOWN },
		{ 6, { .5, .4, .3, .5, .6, .9 }, STAT_LESS },
		{ 6, { .5, .4, .3, 1.5, 1.6, .9 }, STAT_UNKNOWN },
		{ 8,
		  { .5, .4, .3, .5, .6, .9, .5, 40 },
		  STAT_LESS }, /* one that is far off is no matter */
		{ 8, { 1.1, 1.2, 1.1, 1.3, 1.2, 1.1, 1.2, .1 }, STAT_MORE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct stat_ratio r;

		stat_of(row[i].v, row[i].n, &r);
		if (r.verdict != row[i].verdict) {
			fail_msg("row %zu: %d, %g to %g", i, (int)r.verdict, r.low, r.high);
		}
	}
}

/* What "95 %" promises: of many comparisons of equals few find a difference, and a real one is found. */
static void coverage(void **state)
{
	unsigned wrong = 0, found = 0, n = 300;
	uint64_t seed = 1;

	(void)state;
	for (unsigned i = 0; i < n; i++) {
		struct stat_ratio r;
		double v[20], w[20];

		for (unsigned k = 0; k < 20; k++) {
			double noise = 0.0;

			for (unsigned j = 0; j < 12; j++) { /* about normal, deviation 1 */
				noise += (double)(bench_random(&seed) >> 11) / 9007199254740992.0 -
					 0.5;
			}
			v[k] = exp(0.1 * noise);
			w[k] = 0.8 * v[k];
		}
		stat_of(v, 20, &r);
		wrong += r.verdict != STAT_UNKNOWN ? 1u : 0u;
		stat_of(w, 20, &r);
		found += r.verdict == STAT_LESS ? 1u : 0u;
	}
	assert_in_range(wrong, 3, 27); /* 15 of 300 expected; at most 9 %, and not never */
	assert_int_equal(found, n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(medians),
		cmocka_unit_test(intervals),
		cmocka_unit_test(verdicts),
		cmocka_unit_test(coverage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
