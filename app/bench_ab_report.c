/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_ab_report.c - the comparison as a table, and as JSON; docs/performance.md has the schema */
#include "app/bench_ab.h"
#include "app/bench_count.h"
#include "app/bench_limit.h"
#include "app/bench_out.h"
#include "version.h"
#include <math.h>
#include <string.h>

static const char *side_name(unsigned side)
{
	return side == AB_A ? "A" : "B";
}

static void number(FILE *out, int width, double v, const char *rest)
{
	if (isnan(v)) {
		fprintf(out, "%*s%s", width, "-", rest);
	} else {
		fprintf(out, "%*.*f%s", width, v >= 1000.0 ? 0 : v >= 10.0 ? 2 : 4, v, rest);
	}
}

static void row(FILE *out, const struct ab *ab, unsigned m)
{
	const struct ab_metric *k = &ab_metrics[m];
	struct ab_result r;
	char left[32];

	ab_result(ab, m, &r);
	snprintf(left, sizeof(left), "%s%s%s", k->name, *k->unit ? ", " : "", k->unit);
	fprintf(out, "%c %-9s", (int)m == ab->metric ? '*' : ' ', left);
	number(out, 11, r.median[AB_A] * k->scale, "");
	number(out, 11, r.median[AB_B] * k->scale, "");
	number(out, 9, r.none ? NAN : r.ratio.median, "");
	if (r.none || r.ratio.verdict == STAT_FEW) {
		fprintf(out, "%18s", "-");
	} else {
		number(out, 8, r.ratio.low, " .. ");
		fprintf(out, "%6.4f", r.ratio.high);
	}
	number(out, 10, r.all, "   ");
	fprintf(out, "%s\n", ab_verdict(m, &r));
}

static void rounds(FILE *out, const struct ab *ab)
{
	unsigned n[AB_REASONS] = { 0 };

	for (unsigned i = 0; i < ab->n; i++) {
		n[ab->round[i].thrown]++;
	}
	fprintf(out, "%u round%s of A B B A", ab->n, ab->n == 1 ? "" : "s");
	if (ab->n < ab->rounds) {
		fprintf(out, " (of %u that were asked for)", ab->rounds);
	}
	fprintf(out, ": %u %s%s (steal %u, wait %u, place %u)\n\n", ab->n - n[AB_KEPT],
		ab->keep_all ? "would be thrown out" : "thrown out",
		ab->keep_all ? ", all count" : "", n[AB_STEAL], n[AB_WAIT], n[AB_PLACE]);
}

/* Counts repeat: a ratio, and no interval */
static void counted(FILE *out, const struct ab *ab, unsigned what)
{
	const struct counted *a = &ab->counted[AB_A][what], *b = &ab->counted[AB_B][what];

	if (a->known && b->known && counted_each(a) > 0.0) {
		fprintf(out, "\n  B / A is %.4f for what is counted:\n",
			counted_each(b) / counted_each(a));
	}
	counted_line(out, "  A: ", (enum count_what)what, a);
	counted_line(out, "  B: ", (enum count_what)what, b);
}

static void floors(FILE *out, const struct ab *ab)
{
	for (unsigned s = AB_A; s <= AB_B; s++) {
		for (unsigned i = 0; i < ab->floors[s]; i++) {
			fprintf(out, "%s", s == AB_A && i == 0 ? "\n" : "");
			bench_floor_line(out, s == AB_A ? "  A: " : "  B: ", &ab->floor[s][i]);
		}
	}
}

/* Most rounds were disturbed: what to do about it */
static void disturbed(FILE *out, const struct ab *ab)
{
	unsigned n = 0;

	for (unsigned i = 0; i < ab->n; i++) {
		n += ab->round[i].thrown != AB_KEPT ? 1u : 0u;
	}
	if (!ab->keep_all && 2u * n > ab->n) {
		fprintf(out,
			"\nMost rounds were disturbed: others use this machine. Repeat it when "
			"they do "
			"not; or see what\nthe column `all` says, and decide with --max-wait or "
			"--keep-all how much of that you accept.\n");
	}
}

static void decision(FILE *out, const struct ab *ab)
{
	const struct ab_metric *k = &ab_metrics[ab->metric];
	struct ab_result r;

	ab_result(ab, (unsigned)ab->metric, &r);
	fprintf(out, "\n%s (%s): %s", k->name, k->about, ab_verdict((unsigned)ab->metric, &r));
	if (!r.none && r.ratio.verdict == STAT_FEW) {
		fprintf(out, ", %u count and %u are needed", r.ratio.n, STAT_MIN);
	} else if (!r.none) {
		fprintf(out, ", B / A is %.4f, 95 %% interval %.4f to %.4f, %u rounds",
			r.ratio.median, r.ratio.low, r.ratio.high, r.ratio.n);
	}
	fprintf(out, "\n");
}

void ab_report(FILE *out, const struct ab *ab)
{
	for (unsigned s = AB_A; s <= AB_B; s++) {
		const struct bench_spec *p = &ab->spec[s];

		fprintf(out, "%s  %s%s\n   ", side_name(s),
			p->attach   ? "attached to "
			: p->inside ? "in process: "
				    : "",
			p->spawn    ? p->spawn
			: p->attach ? p->attach
				    : p->inside);
		bench_title(out, p);
	}
	rounds(out, ab);
	fprintf(out, "  %-9s%11s%11s%9s%18s%10s\n", "", "A", "B", "B / A", "95 % interval", "all");
	for (unsigned m = 0; m < AB_METRICS; m++) {
		row(out, ab, m);
	}
	for (unsigned i = 0; i < COUNTS; i++) {
		counted(out, ab, i);
	}
	floors(out, ab);
	fprintf(out, "\nA, B: medians of the rounds that count. B / A: median of their ratios; "
		     "all: of all "
		     "rounds. The\nline with * was chosen beforehand (--metric) and decides; of "
		     "six such "
		     "intervals, one in four tables\nhas one that is wrong.\n");
	ab_rule(out, ab);
	disturbed(out, ab);
	decision(out, ab);
}

/* ---- JSON ---- */

void ab_json_value(FILE *out, const char *key, double v, const char *rest)
{
	if (isnan(v)) {
		fprintf(out, "\"%s\": null%s", key, rest);
	} else {
		fprintf(out, "\"%s\": %.9g%s", key, v, rest);
	}
}

void ab_json_run(FILE *out, const struct ab_run *r)
{
	fprintf(out, "\"requests\": %llu, ", (unsigned long long)r->requests);
	for (unsigned m = 0; m < AB_METRICS; m++) {
		ab_json_value(out, ab_metrics[m].name, r->value[m], ", ");
	}
	ab_json_value(out, "steal", r->steal, ", ");
	ab_json_value(out, "wait", r->wait, ", ");
	ab_json_value(out, "together", r->together, " }");
}

static void json_rounds(FILE *out, const struct ab *ab)
{
	fputs("  \"rounds\": [", out);
	for (unsigned i = 0; i < ab->n; i++) {
		const char *why = ab_reasons[ab->round[i].thrown];

		fprintf(out, "%s\n    { \"thrown\": %s%s%s, \"runs\": [\n", i > 0 ? "," : "",
			why ? "\"" : "", why ? why : "null", why ? "\"" : "");
		for (unsigned k = 0; k < AB_RUNS; k++) {
			fprintf(out, "      { \"side\": \"%s\", ", side_name(ab_order[k]));
			ab_json_run(out, &ab->round[i].run[k]);
			fputs(k + 1u < AB_RUNS ? ",\n" : " ] }", out);
		}
	}
	fputs("\n  ],\n", out);
}

static void json_metric(FILE *out, const struct ab *ab, unsigned m)
{
	bool none;
	struct ab_result r;

	ab_result(ab, m, &r);
	none = r.none || r.ratio.verdict == STAT_FEW;
	fprintf(out, "    \"%s\": { ", ab_metrics[m].name);
	ab_json_value(out, "a", r.median[AB_A], ", ");
	ab_json_value(out, "b", r.median[AB_B], ", ");
	ab_json_value(out, "ratio", r.none ? NAN : r.ratio.median, ", ");
	ab_json_value(out, "low", none ? NAN : r.ratio.low, ", ");
	ab_json_value(out, "high", none ? NAN : r.ratio.high, ", ");
	ab_json_value(out, "all", r.all, ", ");
	fprintf(out, "\"rounds\": %u, \"verdict\": ", r.ratio.n);
	json_string(out, ab_verdict(m, &r));
	fputs(m + 1u < AB_METRICS ? " },\n" : " }\n", out);
}

void ab_json(FILE *out, const struct ab *ab)
{
	fputs("{\n  \"schema\": \"stratos-bench-ab-1\",\n  \"version\": ", out);
	json_string(out, STRATOS_VERSION);
	fputs(",\n", out);
	json_host(out);
	json_spec(out, "a", &ab->spec[AB_A]);
	json_spec(out, "b", &ab->spec[AB_B]);
	json_counted(out, "counted_a", ab->counted[AB_A]);
	json_counted(out, "counted_b", ab->counted[AB_B]);
	json_floors(out, "floor_a", ab->floor[AB_A], ab->floors[AB_A]);
	json_floors(out, "floor_b", ab->floor[AB_B], ab->floors[AB_B]);
	fprintf(out,
		"  \"rule\": { \"max_steal\": %g, \"max_wait\": %g, \"keep_all\": %s },\n"
		"  \"rounds_wanted\": %u,\n  \"metric\": \"%s\",\n  \"metrics\": {\n",
		ab->max_steal, ab->max_wait, ab->keep_all ? "true" : "false", ab->rounds,
		ab_metrics[ab->metric].name);
	for (unsigned m = 0; m < AB_METRICS; m++) {
		json_metric(out, ab, m);
	}
	fputs("  },\n", out);
	json_rounds(out, ab);
	json_histogram(out, "latency_ns_a", &ab->hist[AB_A]);
	fputs(",\n", out);
	json_histogram(out, "latency_ns_b", &ab->hist[AB_B]);
	fputs("\n}\n", out);
}
