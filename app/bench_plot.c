/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_plot.c - what is drawn: latencies as a distribution, and a sweep's metrics over its value */
#include "app/bench_sweep.h"
#include "app/bench_count.h"
#include "app/bench_svg.h"
#include "version.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#define POINTS (HIST_BUCKETS + 1u)

/* One latency distribution as points; us, and the part of all requests that took at most so long */
struct cdf {
	double x[POINTS], y[POINTS];
	unsigned n;
};

static struct cdf *cdf_of(const struct hist *h)
{
	struct cdf *c = calloc(1, sizeof(*c));
	uint64_t seen = 0;

	if (!c || h->n == 0) {
		return c;
	}
	c->x[c->n++] = (double)(h->min ? h->min : 1u) / 1e3;
	for (unsigned i = 0; i < HIST_BUCKETS; i++) {
		uint64_t high = hist_high(i) < h->max ? hist_high(i) : h->max;

		if (h->bucket[i] == 0) {
			continue;
		}
		seen += h->bucket[i];
		c->x[c->n] = (double)(high ? high : 1u) / 1e3;
		/* all of them is infinitely many nines: the slowest one stands in the middle of the last step */
		c->y[c->n++] = seen < h->n ? (double)seen / (double)h->n : 1.0 - 0.5 / (double)h->n;
	}
	return c;
}

/* What ran where: two lines for the head of a picture */
static void machine(char text[256])
{
	struct utsname u;
	double load[1] = { 0 };

	memset(&u, 0, sizeof(u));
	(void)uname(&u);
	(void)getloadavg(load, 1);
	snprintf(text, 256, "stratos %s, %s %s, load average %.2f", STRATOS_VERSION, u.sysname,
		 u.release, load[0]);
}

static void title_of(const struct bench_spec *s, const char *left, char text[512])
{
	FILE *f = fmemopen(text, 512, "w");
	char *end;

	text[0] = '\0';
	if (!f) {
		return;
	}
	fputs(left, f);
	bench_title(f, s);
	fclose(f);
	end = strchr(text, '\n');
	if (end) {
		*end = '\0';
	}
}

static void distributions(FILE *out, const struct hist *const *h, const char *const *name,
			  unsigned n, const char *const *heading, unsigned lines)
{
	struct svg_chart c = { .title = "Latency",
			       .x_title = "latency, microseconds",
			       .y_title = "requests that took at most so long",
			       .x_scale = SVG_LOG,
			       .y_scale = SVG_NINES,
			       .lines = n };
	struct cdf *cdf[2] = { NULL, NULL };

	for (unsigned i = 0; i < n; i++) {
		cdf[i] = cdf_of(h[i]);
		c.line[i] = (struct svg_line){ .name = name[i],
					       .n = cdf[i] ? cdf[i]->n : 0,
					       .x = cdf[i] ? cdf[i]->x : NULL,
					       .y = cdf[i] ? cdf[i]->y : NULL };
	}
	svg_write(out, &c, 1, heading, lines);
	free(cdf[0]);
	free(cdf[1]);
}

void bench_plot(FILE *out, const struct bench *b)
{
	const struct hist *h = &b->result.hist;
	char what[512], where[256], name[64];
	const char *const heading[] = { what, b->spec.spawn ? b->spec.spawn : b->spec.attach,
					where };
	const char *const names[] = { name };

	title_of(&b->spec, "", what);
	machine(where);
	snprintf(name, sizeof(name), "%llu requests", (unsigned long long)h->n);
	distributions(out, &h, names, 1, heading, 3);
}

void ab_plot(FILE *out, const struct ab *ab)
{
	const struct hist *const h[] = { &ab->hist[AB_A], &ab->hist[AB_B] };
	const struct bench_spec *a = &ab->spec[AB_A], *b = &ab->spec[AB_B];
	char what[2][512], where[256];
	const char *const names[] = { "A", "B" };
	const char *const heading[] = { what[0], a->spawn ? a->spawn : a->attach, what[1],
					b->spawn ? b->spawn : b->attach, where };

	title_of(a, "A: ", what[0]);
	title_of(b, "B: ", what[1]);
	machine(where);
	distributions(out, h, names, 2, heading, 5);
}

/* ---- a sweep ---- */

struct curve {
	double x[SWEEP_POINTS], y[SWEEP_POINTS], low[SWEEP_POINTS], high[SWEEP_POINTS];
};

static struct svg_line curve_of(const struct sweep *w, unsigned metric, struct curve *c)
{
	const struct ab_metric *m = &ab_metrics[metric];

	for (unsigned i = 0; i < w->n; i++) {
		c->x[i] = w->point[i].value;
		c->y[i] = sweep_median(w, i, metric, &c->low[i], &c->high[i]) * m->scale;
		c->low[i] *= m->scale;
		c->high[i] *= m->scale;
	}
	return (struct svg_line){ m->name, w->n, c->x, c->y, c->low, c->high, true };
}

static bool counts(const struct sweep *w, enum count_what what, struct curve *c)
{
	bool any = false;

	for (unsigned i = 0; i < w->n; i++) {
		const struct counted *k = &w->point[i].counted[what];

		c->x[i] = w->point[i].value;
		c->y[i] = k->known ? counted_each(k) : (double)NAN;
		any = any || k->known;
	}
	return any;
}

void sweep_plot(FILE *out, const struct sweep *w)
{
	static struct curve curve[AB_METRICS + COUNTS];
	struct svg_chart c[6] = {
		{ .title = "Speed", .y_title = "requests a second" },
		{ .title = "Latency", .y_title = "microseconds", .y_scale = SVG_LOG },
		{ .title = "Back-end's processor time", .y_title = "microseconds a request" },
		{ .title = "Notifications", .y_title = "a request" },
	};
	unsigned n = 4;
	char what[512], where[256], rounds[128];
	const char *const heading[] = { what,
					w->point[0].spec.spawn ? w->point[0].spec.spawn
							       : w->point[0].spec.attach,
					rounds, where };
	static const struct {
		unsigned chart, metric;
	} line[] = { { 0, AB_RATE }, { 1, AB_P50 },   { 1, AB_P99 },
		     { 2, AB_CPU },  { 3, AB_KICKS }, { 3, AB_CALLS } };

	for (unsigned i = 0; i < sizeof(line) / sizeof(line[0]); i++) {
		struct svg_chart *k = &c[line[i].chart];

		k->line[k->lines++] = curve_of(w, line[i].metric, &curve[i]);
	}
	for (unsigned i = 0; i < COUNTS; i++) {
		struct curve *k = &curve[AB_METRICS + i];

		if (counts(w, (enum count_what)i, k)) {
			c[n] = (struct svg_chart){ .title = "Counted",
						   .y_title = "a request",
						   .lines = 1 };
			c[n++].line[0] = (struct svg_line){
				i == COUNT_INSTRUCTIONS ? "instructions" : "system calls",
				w->n,
				k->x,
				k->y,
				NULL,
				NULL,
				true
			};
		}
	}
	for (unsigned i = 0; i < n; i++) {
		bool wide = w->point[0].value > 0.0 &&
			    w->point[w->n - 1u].value >= 8.0 * w->point[0].value;

		c[i].x_title = w->name;
		c[i].x_scale = wide ? SVG_LOG : SVG_LINEAR;
	}
	title_of(&w->point[0].spec, "first point: ", what);
	machine(where);
	snprintf(rounds, sizeof(rounds), "medians of %u round%s; bars: least to greatest",
		 w->rounds, w->rounds == 1 ? "" : "s");
	svg_write(out, c, n, heading, 4);
}

int plot_file(const char *path, void (*print)(FILE *out, const void *what), const void *what)
{
	FILE *out = fopen(path, "we");

	if (out) {
		print(out, what);
	}
	if (!out || fclose(out) != 0) {
		fprintf(stderr, "stratos bench: %s: %s\n", path, strerror(errno));
		return -1;
	}
	return 0;
}
