/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench_hist.h - log-linear histogram of 64-bit values: 64 buckets an octave, so a bucket is at most 1/64 wide
 *
 * Values below 64 have a bucket each. Every uint64_t has a bucket; two histograms are merged by adding their buckets.
 */
#ifndef APP_BENCH_HIST_H
#define APP_BENCH_HIST_H

#include <stdint.h>

#define HIST_SUB     64u
#define HIST_BUCKETS ((64u - 6u + 1u) * HIST_SUB)

struct hist {
	uint64_t n, min, max; /* min, max: exact; of n > 0 values */
	uint64_t sum;	      /* wraps after 584 years of nanoseconds */
	uint64_t bucket[HIST_BUCKETS];
};

void hist_add(struct hist *h, uint64_t value);
void hist_merge(struct hist *to, const struct hist *from);
/* hist_bucket - the bucket of a value; hist_low, hist_high - the least and the greatest value of a bucket */
unsigned hist_bucket(uint64_t value);
uint64_t hist_low(unsigned bucket);
uint64_t hist_high(unsigned bucket);
/*
 * hist_at - the value below or at which `part` of all values lie: the upper end of its bucket, at most max
 * part: 0 .. 1; returns: 0 when the histogram is empty
 */
uint64_t hist_at(const struct hist *h, double part);

#endif
