/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_hist.c - log-linear histogram */
#include "app/bench_hist.h"

#define SUB_BITS 6u

unsigned hist_bucket(uint64_t value)
{
	unsigned top, shift;

	if (value < HIST_SUB) {
		return (unsigned)value;
	}
	top = 63u - (unsigned)__builtin_clzll(value);
	shift = top - SUB_BITS;
	return (shift + 1u) * HIST_SUB + ((unsigned)(value >> shift) - HIST_SUB);
}

uint64_t hist_low(unsigned bucket)
{
	unsigned octave = bucket / HIST_SUB, sub = bucket % HIST_SUB;

	return octave == 0 ? sub : (uint64_t)(HIST_SUB + sub) << (octave - 1u);
}

uint64_t hist_high(unsigned bucket)
{
	unsigned octave = bucket / HIST_SUB;

	return hist_low(bucket) + (octave == 0 ? 0 : (1ull << (octave - 1u)) - 1u);
}

void hist_add(struct hist *h, uint64_t value)
{
	h->min = h->n == 0 || value < h->min ? value : h->min;
	h->max = value > h->max ? value : h->max;
	h->sum += value;
	h->n++;
	h->bucket[hist_bucket(value)]++;
}

void hist_merge(struct hist *to, const struct hist *from)
{
	if (from->n == 0) {
		return;
	}
	to->min = to->n == 0 || from->min < to->min ? from->min : to->min;
	to->max = from->max > to->max ? from->max : to->max;
	to->sum += from->sum;
	to->n += from->n;
	for (unsigned i = 0; i < HIST_BUCKETS; i++) {
		to->bucket[i] += from->bucket[i];
	}
}

uint64_t hist_at(const struct hist *h, double part)
{
	double exact = part * (double)h->n;
	uint64_t want = (uint64_t)exact, seen = 0;

	if (h->n == 0) {
		return 0;
	}
	want += (double)want < exact ? 1u : 0u;
	want = want == 0 ? 1 : want;
	for (unsigned i = 0; i < HIST_BUCKETS; i++) {
		seen += h->bucket[i];
		if (seen >= want) {
			return hist_high(i) < h->max ? hist_high(i) : h->max;
		}
	}
	return h->max;
}
