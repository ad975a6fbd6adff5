/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench_ab_rule.c - which rounds count, and what their ratios are
 *
 * A round is thrown out for what happened to it, never for its result: the rule looks at the time that others took
 * from the two sides, and at where they ran. It may still favour one side, should that side wait for itself; so the
 * ratio over all rounds stands beside that over those that count.
 */
#include "app/bench_ab.h"
#include "app/bench_limit.h"
#include <math.h>

#define PLACE_LIMIT 0.5

const enum ab_side ab_order[AB_RUNS] = { AB_A, AB_B, AB_B, AB_A };

const char *const ab_reasons[AB_REASONS] = {
	[AB_KEPT] = NULL, [AB_STEAL] = "steal", [AB_WAIT] = "wait", [AB_PLACE] = "place"
};

const struct ab_metric ab_metrics[AB_METRICS] = {
	[AB_CPU] = { "cpu", "us", "back-end's processor time a request", 1e-3, false },
	[AB_RATE] = { "rate", "/s", "requests a second", 1.0, true },
	[AB_P50] = { "p50", "us", "latency, half of the requests", 1e-3, false },
	[AB_P99] = { "p99", "us", "latency, 99 of 100", 1e-3, false },
	[AB_KICKS] = { "kicks", "", "notifications of the back-end a request", 1.0, false },
	[AB_CALLS] = { "calls", "", "notifications of the client a request", 1.0, false },
};

static double part(uint64_t end, uint64_t begin, double of)
{
	return end > begin && of > 0.0 ? (double)(end - begin) / of : 0.0;
}

void ab_take(const struct bench *b, struct ab_run *run)
{
	const struct bench_result *r = &b->result;
	const struct bench_cost *x = &r->begin, *y = &r->end;
	double n = (double)r->hist.n;
	bool cpu = x->known && y->known && y->cpu_ns >= x->cpu_ns;

	*run = (struct ab_run){
		.steal = part(y->stolen_ticks, x->stolen_ticks,
			      (double)y->machine_ticks - (double)x->machine_ticks),
		.wait = part(y->wait_ns, x->wait_ns, (double)r->ns) +
			part(y->client_wait_ns, x->client_wait_ns, (double)r->ns),
		.together = part(r->together, 0, (double)r->places),
		.requests = r->hist.n,
	};
	run->value[AB_CPU] = cpu ? part(y->cpu_ns, x->cpu_ns, n) : NAN;
	run->value[AB_RATE] = r->ns > 0 ? n / ((double)r->ns / 1e9) : NAN;
	run->value[AB_P50] = (double)hist_at(&r->hist, 0.5);
	run->value[AB_P99] = (double)hist_at(&r->hist, 0.99);
	run->value[AB_KICKS] = part(r->kicks, 0, n);
	run->value[AB_CALLS] = b->spec.poll ? NAN : part(r->calls, 0, n); /* not read */
}

enum ab_thrown ab_judge(const struct ab *ab, const struct ab_round *r)
{
	double together[2] = { 0.0, 0.0 };

	for (unsigned i = 0; i < AB_RUNS; i++) {
		together[ab_order[i]] += r->run[i].together / 2.0;
		if (r->run[i].steal > ab->max_steal) {
			return AB_STEAL;
		}
	}
	for (unsigned i = 0; i < AB_RUNS; i++) {
		if (r->run[i].wait > ab->max_wait) {
			return AB_WAIT;
		}
	}
	return fabs(together[AB_A] - together[AB_B]) > PLACE_LIMIT ? AB_PLACE : AB_KEPT;
}

void ab_rule(FILE *out, const struct ab *ab)
{
	fprintf(out,
		"A round is thrown out (--keep-all: never) when, in one of its four runs,\n"
		"  steal  the hypervisor took more than %g %% of the processors' time "
		"(--max-steal), or\n"
		"  wait   threads of client and back-end were ready to run, but waited for a "
		"processor, for more\n"
		"         than %g %% of the run's duration, all of them together (--max-wait); or "
		"when\n"
		"  place  client and back-end shared a processor in the runs of one side, and not "
		"in "
		"those of the\n"
		"         other (parts of the looks, every 100 ms, differ by more than %g %%).\n",
		ab->max_steal * 100.0, ab->max_wait * 100.0, PLACE_LIMIT * 100.0);
}

/* The two runs of a side, added. returns: not a number when one is not known */
static double side_sum(const struct ab_round *r, unsigned metric, enum ab_side side)
{
	double sum = 0.0;

	for (unsigned i = 0; i < AB_RUNS; i++) {
		sum += ab_order[i] == side ? r->run[i].value[metric] : 0.0;
	}
	return sum;
}

static double side_median(const struct ab *ab, unsigned metric, enum ab_side side)
{
	double v[STAT_MAX];
	unsigned n = 0;

	for (unsigned i = 0; i < ab->n; i++) {
		if (ab->round[i].thrown == AB_KEPT || ab->keep_all) {
			v[n++] = side_sum(&ab->round[i], metric, side) / 2.0;
			if (isnan(v[n - 1u])) {
				return NAN;
			}
		}
	}
	return n > 0 ? stat_median(v, n) : NAN;
}

/* Ratios of the rounds that count, or of all. returns: how many; *none: why there cannot be any */
static unsigned ratios(const struct ab *ab, unsigned metric, bool all, double v[STAT_MAX],
		       const char **none)
{
	unsigned n = 0;

	for (unsigned i = 0; i < ab->n; i++) {
		const struct ab_round *r = &ab->round[i];
		double a = side_sum(r, metric, AB_A), b = side_sum(r, metric, AB_B);

		if (!all && r->thrown != AB_KEPT && !ab->keep_all) {
			continue;
		}
		if (isnan(a) || isnan(b)) {
			*none = "not known";
			return 0;
		}
		if (a <= 0.0) {
			*none = b > 0.0 ? "A has none" : "neither has any";
			return 0;
		}
		v[n++] = b / a;
	}
	return n;
}

void ab_result(const struct ab *ab, unsigned metric, struct ab_result *out)
{
	double v[STAT_MAX];
	const char *ignored = NULL;
	unsigned n;

	*out = (struct ab_result){ .none = NULL };
	out->median[AB_A] = side_median(ab, metric, AB_A);
	out->median[AB_B] = side_median(ab, metric, AB_B);
	n = ratios(ab, metric, false, v, &out->none);
	stat_of(v, n, &out->ratio);
	if (n == 0 && !out->none) {
		out->none = "no round counts";
	}
	n = ratios(ab, metric, true, v, &ignored);
	out->all = n > 0 ? stat_median(v, n) : NAN;
}

const char *ab_verdict(unsigned metric, const struct ab_result *r)
{
	bool more = r->ratio.verdict == STAT_MORE;

	if (r->none) {
		return r->none;
	}
	if (r->ratio.verdict == STAT_FEW) {
		return "no decision: too few rounds";
	}
	if (r->ratio.verdict == STAT_UNKNOWN) {
		return "no decision";
	}
	return more == ab_metrics[metric].more_is_better ? "B is better" : "A is better";
}

void ab_floors(struct ab *ab)
{
	struct ab_result r[AB_METRICS];

	for (unsigned m = 0; m < AB_METRICS; m++) {
		ab_result(ab, m, &r[m]);
	}
	for (unsigned s = AB_A; s <= AB_B; s++) {
		struct floor_in in = { .spec = &ab->spec[s],
				       .kicks = r[AB_KICKS].median[s],
				       .calls = r[AB_CALLS].median[s],
				       .cpu = r[AB_CPU].median[s],
				       .p50 = r[AB_P50].median[s],
				       .span = ab->span[s],
				       .bytes = ab->bytes[s] };

		if (isnan(in.p50)) { /* no round counts */
			continue;
		}
		for (unsigned i = 0; i < ab->n * AB_RUNS; i++) {
			const struct ab_run *run = &ab->round[i / AB_RUNS].run[i % AB_RUNS];

			in.together +=
				ab_order[i % AB_RUNS] == s ? run->together / (2.0 * ab->n) : 0.0;
		}
		ab->floors[s] = bench_floor(&in, ab->floor[s]);
	}
}
