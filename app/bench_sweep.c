/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench_sweep.c - `stratos bench --sweep=NAME:1,2,4`: one load at several values of one number
 *
 * Every round runs all points, upwards and then downwards in turns, so that a machine that gets slower does not look
 * like a back-end that does. NAME is an option of the load, or any word that stands as {NAME} in --spawn: how many
 * devices a back-end serves, say.
 */
#include "app/bench_sweep.h"
#include "app/bench_count.h"
#include "app/bench_out.h"
#include "app/daemon.h"
#include "version.h"
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const sweepable[] = { "depth",      "queues", "queue-size", "regions",
					 "block-size", "rate",	 NULL };
static const char *const first[] = { "--time=0.5", "--warmup=0.1" };

#define NFIRST (sizeof(first) / sizeof(first[0]))

int sweep_parse(const char *text, struct sweep *w, char err[256])
{
	const char *p = strchr(text, ':');

	w->n = 0;
	if (!p || p == text || (size_t)(p - text) >= sizeof(w->name)) {
		snprintf(err, 256, "--sweep=%.80s: must be NAME:VALUE,VALUE...", text);
		return -1;
	}
	snprintf(w->name, sizeof(w->name), "%.*s", (int)(p - text), text);
	while (*p) {
		size_t len = strcspn(++p, ",");
		char value[32];
		uint64_t v;

		snprintf(value, sizeof(value), "%.*s", (int)(len < 31 ? len : 31), p);
		if (w->n == SWEEP_POINTS || !bench_count(value, 0, 1ull << 50, &v)) {
			snprintf(err, 256, "--sweep: '%s': must be numbers, at most %u of them",
				 value, SWEEP_POINTS);
			return -1;
		}
		if (w->n > 0 && (double)v <= w->point[w->n - 1u].value) {
			snprintf(err, 256, "--sweep: %s: must be more than the value before it",
				 value);
			return -1;
		}
		w->point[w->n++].value = (double)v;
		p += len;
	}
	return 0;
}

char *sweep_spawn(const char *spawn, const char *name, const char *value, unsigned *hits)
{
	char *out = NULL, mark[40];
	size_t size;
	FILE *f = open_memstream(&out, &size);
	const char *hit;

	*hits = 0;
	snprintf(mark, sizeof(mark), "{%s}", name);
	if (!f) {
		return NULL;
	}
	while ((hit = strstr(spawn, mark))) {
		fprintf(f, "%.*s%s", (int)(hit - spawn), spawn, value);
		spawn = hit + strlen(mark);
		(*hits)++;
	}
	fputs(spawn, f);
	return fclose(f) == 0 ? out : NULL;
}

static bool is_sweepable(const char *name)
{
	for (unsigned i = 0; sweepable[i]; i++) {
		if (strcmp(sweepable[i], name) == 0) {
			return true;
		}
	}
	return false;
}

/* The words of a point: what holds unless given, the words of all, its own value */
static int open_point(int argc, char **argv, const struct bench_spec *s, struct sweep *w,
		      unsigned i, char err[256])
{
	struct sweep_point *p = &w->point[i];
	char value[32], why[256] = "";
	bool option = is_sweepable(w->name);
	unsigned hits = 0;
	int n = 0;

	snprintf(value, sizeof(value), "%.0f", p->value);
	p->argv = calloc((size_t)argc + NFIRST + 2u, sizeof(*p->argv));
	if (!p->argv || asprintf(&p->option, "--%s=%s", w->name, value) < 0) {
		snprintf(err, 256, "no memory");
		return -1;
	}
	p->argv[n++] = argv[0];
	for (size_t k = 0; k < NFIRST; k++) {
		p->argv[n++] = (char *)(uintptr_t)first[k];
	}
	for (int k = 1; k < argc; k++) {
		p->argv[n++] = argv[k];
	}
	if (option) {
		p->argv[n++] = p->option;
	}
	if (bench_options(n, p->argv, &p->spec, why) != 0) {
		snprintf(err, 256, "--sweep, %s %s: %.180s", w->name, value, why);
		return -1;
	}
	p->spec.quiet = true;
	if (s->spawn) {
		p->spawn = sweep_spawn(s->spawn, w->name, value, &hits);
		p->spec.spawn = p->spawn;
	}
	if (!option && hits == 0) {
		snprintf(err, 256,
			 "--sweep=%s: must be depth, queues, queue-size, regions, block-size, "
			 "rate, or stand as "
			 "{%s} in --spawn",
			 w->name, w->name);
		return -1;
	}
	return s->spawn && !p->spawn ? -1 : 0;
}

static int one_run(struct sweep *w, unsigned point, unsigned round, struct bench *b)
{
	struct sweep_point *p = &w->point[point];
	char err[256] = "";

	memset(b, 0, sizeof(*b));
	b->spec = p->spec;
	if (bench_open(b, err) == 0) {
		bench_run(b);
		bench_close(b);
		if (b->result.errors == 0 && b->result.hist.n > 0) {
			ab_take(b, &p->run[round]);
			return 0;
		}
		snprintf(err, sizeof(err), "%.250s",
			 b->result.fatal[0]	 ? b->result.fatal
			 : b->result.error[0][0] ? b->result.error[0]
						 : "nothing was completed");
	}
	if (!bench_stopped()) {
		fprintf(stderr, "stratos bench: %s %.0f: %s\n", w->name, p->value, err);
	}
	return -1;
}

/* returns: 0, also when it was interrupted | -1 a back-end failed, and that is said */
static int rounds(struct sweep *w, unsigned wanted, bool quiet, struct bench *b)
{
	int rc = 0;

	while (rc == 0 && w->rounds < wanted && !bench_stopped()) {
		for (unsigned i = 0; rc == 0 && i < w->n && !bench_stopped(); i++) {
			unsigned point = w->rounds % 2u == 0 ? i : w->n - 1u - i;

			if (!quiet) {
				fprintf(stderr, "\r\033[K[round %u of %u, %s %.0f]", w->rounds + 1u,
					wanted, w->name, w->point[point].value);
			}
			rc = one_run(w, point, w->rounds, b);
		}
		w->rounds += rc == 0 && !bench_stopped() ? 1u : 0u;
	}
	if (!quiet) {
		fputs("\r\033[K", stderr);
	}
	return bench_stopped() ? 0 : rc;
}

static int count(struct sweep *w)
{
	char err[256] = "";

	for (unsigned i = 0; i < w->n && !bench_stopped(); i++) {
		if (bench_counted(&w->point[i].spec, w->point[i].counted, err)) {
			fprintf(stderr, "stratos bench: %s %.0f: %s\n", w->name, w->point[i].value,
				err);
			return -1;
		}
	}
	return 0;
}

double sweep_median(const struct sweep *w, unsigned point, unsigned metric, double *low,
		    double *high)
{
	double v[SWEEP_ROUNDS];

	*low = *high = NAN;
	for (unsigned r = 0; r < w->rounds; r++) {
		v[r] = w->point[point].run[r].value[metric];
		*low = r == 0 || v[r] < *low ? v[r] : *low;
		*high = r == 0 || v[r] > *high ? v[r] : *high;
		if (isnan(v[r])) {
			return NAN;
		}
	}
	return w->rounds > 0 ? stat_median(v, w->rounds) : (double)NAN;
}

/* ---- printing ---- */

static void cell(FILE *out, double v)
{
	if (isnan(v)) {
		fprintf(out, "%13s", "-");
	} else {
		fprintf(out, "%13.*f", v >= 1000.0 ? 0 : v >= 10.0 ? 2 : 4, v);
	}
}

void sweep_report(FILE *out, const struct sweep *w)
{
	static const char *const counted[COUNTS] = { "instructions", "system calls" };
	double low, high;

	bench_title(out, &w->point[0].spec);
	fprintf(out, "the same, with %s of (medians of %u round%s)\n\n%12s", w->name, w->rounds,
		w->rounds == 1 ? "" : "s", w->name);
	for (unsigned m = 0; m < AB_METRICS; m++) {
		char head[32];

		snprintf(head, sizeof(head), "%s%s%s", ab_metrics[m].name,
			 *ab_metrics[m].unit ? ", " : "", ab_metrics[m].unit);
		fprintf(out, "%13s", head);
	}
	for (unsigned i = 0; i < COUNTS; i++) {
		fprintf(out, "%s%s", w->point[0].counted[i].known ? " " : "",
			w->point[0].counted[i].known ? counted[i] : "");
	}
	fputc('\n', out);
	for (unsigned i = 0; i < w->n; i++) {
		fprintf(out, "%12.0f", w->point[i].value);
		for (unsigned m = 0; m < AB_METRICS; m++) {
			cell(out, sweep_median(w, i, m, &low, &high) * ab_metrics[m].scale);
		}
		for (unsigned k = 0; k < COUNTS; k++) {
			if (w->point[i].counted[k].known) {
				cell(out, counted_each(&w->point[i].counted[k]));
			}
		}
		fputc('\n', out);
	}
}

static void json_point(FILE *out, const struct sweep *w, unsigned i)
{
	const struct sweep_point *p = &w->point[i];
	double low, high;

	fprintf(out, "  { \"value\": %.0f, ", p->value);
	for (unsigned m = 0; m < AB_METRICS; m++) {
		ab_json_value(out, ab_metrics[m].name, sweep_median(w, i, m, &low, &high), ", ");
	}
	for (unsigned k = 0; k < COUNTS; k++) {
		ab_json_value(out, k == COUNT_INSTRUCTIONS ? "instructions" : "system_calls",
			      p->counted[k].known ? counted_each(&p->counted[k]) : (double)NAN,
			      ", ");
	}
	fputs("\"runs\": [", out);
	for (unsigned r = 0; r < w->rounds; r++) {
		fprintf(out, "%s\n    { ", r > 0 ? "," : "");
		ab_json_run(out, &p->run[r]);
	}
	fputs(" ] }", out);
}

void sweep_json(FILE *out, const struct sweep *w)
{
	fputs("{\n  \"schema\": \"stratos-bench-sweep-1\",\n  \"version\": ", out);
	json_string(out, STRATOS_VERSION);
	fputs(",\n", out);
	json_host(out);
	json_spec(out, "first", &w->point[0].spec);
	fputs("  \"name\": ", out);
	json_string(out, w->name);
	fprintf(out, ",\n  \"rounds\": %u,\n  \"points\": [\n", w->rounds);
	for (unsigned i = 0; i < w->n; i++) {
		json_point(out, w, i);
		fputs(i + 1u < w->n ? ",\n" : "\n", out);
	}
	fputs("  ]\n}\n", out);
}

static void print_plot(FILE *out, const void *what)
{
	sweep_plot(out, what);
}

static void print_json(FILE *out, const void *what)
{
	sweep_json(out, what);
}

static int results(const struct sweep *w, const struct bench_spec *s)
{
	int rc = 0;

	if (!s->json || s->json[0]) {
		sweep_report(stdout, w);
	}
	if (s->json && s->json[0]) {
		rc |= plot_file(s->json, print_json, w);
	} else if (s->json) {
		sweep_json(stdout, w);
	}
	return s->plot ? rc | plot_file(s->plot, print_plot, w) : rc;
}

static void close_sweep(struct sweep *w)
{
	for (unsigned i = 0; i < w->n; i++) {
		free(w->point[i].spawn);
		free(w->point[i].option);
		free(w->point[i].argv);
	}
	free(w);
}

int bench_sweep(int argc, char **argv, const struct bench_spec *s)
{
	struct sweep *w = calloc(1, sizeof(*w));
	struct bench *b = calloc(1, sizeof(*b));
	char err[256] = "no memory";
	int rc = w && b ? sweep_parse(s->sweep, w, err) : -1, code = EXIT_USAGE;

	for (unsigned i = 0; rc == 0 && i < w->n; i++) {
		rc = open_point(argc, argv, s, w, i, err);
	}
	if (rc == 0 && count_possible(s, err)) {
		rc = -1;
		code = EXIT_RUN;
	}
	if (rc != 0) {
		fprintf(stderr, "stratos bench: %s\n%s", err,
			code == EXIT_USAGE ? "Try `stratos bench --help`.\n" : "");
	} else {
		bench_signals();
		rc = rounds(w, s->rounds, s->quiet || !isatty(STDERR_FILENO), b);
		rc = rc == 0 ? count(w) : rc;
		rc = rc == 0 ? results(w, s) : rc;
		code = rc == 0 ? EXIT_OK : EXIT_RUN;
	}
	if (w) {
		close_sweep(w);
	}
	free(b);
	return code;
}
