/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_report.c - the result for people: a table, and the histogram as text */
#include "app/bench_count.h"
#include "app/bench_limit.h"
#include <math.h>
#include <string.h>

#define ROWS 16u
#define BAR  40u

static const char *time_text(uint64_t ns, char text[32])
{
	double v = (double)ns;

	if (ns < 1000u) {
		snprintf(text, 32, "%u ns", (unsigned)ns);
	} else if (ns < 1000000u) {
		snprintf(text, 32, "%.1f us", v / 1e3);
	} else if (ns < 1000000000u) {
		snprintf(text, 32, "%.2f ms", v / 1e6);
	} else {
		snprintf(text, 32, "%.2f s", v / 1e9);
	}
	return text;
}

static double each(uint64_t end, uint64_t begin, const struct bench *b)
{
	uint64_t n = b->result.hist.n;

	return n == 0 || end < begin ? 0.0 : (double)(end - begin) / (double)n;
}

static void speed(FILE *out, const struct bench *b)
{
	const struct bench_result *r = &b->result;
	double s = (double)r->ns / 1e9;
	char text[32];

	if (r->hist.n == 0 || r->ns == 0) {
		fprintf(out, "  nothing was completed\n");
		return;
	}
	fprintf(out, "  requests    %llu in %.3f s: %.0f/s, %.1f MB/s\n",
		(unsigned long long)r->hist.n, s, (double)r->hist.n / s,
		(double)r->bytes / s / 1e6);
	fprintf(out, "  latency     min %s", time_text(r->hist.min, text));
	for (unsigned i = 0; i < 4; i++) {
		static const double part[] = { 0.5, 0.9, 0.99, 0.999 };
		static const char *const name[] = { "p50", "p90", "p99", "p99.9" };

		fprintf(out, ", %s %s", name[i], time_text(hist_at(&r->hist, part[i]), text));
	}
	fprintf(out, ", max %s%s\n", time_text(r->hist.max, text),
		b->spec.rate ? " (from the intended time)" : "");
}

static void cost(FILE *out, const struct bench *b)
{
	const struct bench_result *r = &b->result;
	const struct bench_cost *x = &r->begin, *y = &r->end;

	fprintf(out, "  notified    %.4f kicks, %.4f calls a request%s\n", each(r->kicks, 0, b),
		each(r->calls, 0, b),
		b->spec.poll ? " (the client polls: calls are not read)" : "");
	if (x->known && y->known && b->spec.inside) {
		fprintf(out, "  device      %.3f us of processor a request\n",
			each(y->cpu_ns, x->cpu_ns, b) / 1e3);
	} else if (x->known && y->known) {
		fprintf(out,
			"  back-end    %.3f us of processor, %.4f context switches a request "
			"(%.4f preempted), %llu threads\n",
			each(y->cpu_ns, x->cpu_ns, b) / 1e3,
			each(y->switches + y->preempted, x->switches + x->preempted, b),
			each(y->preempted, x->preempted, b), (unsigned long long)y->threads);
	}
	if (x->known && y->known && !b->spec.inside) {
		fprintf(out,
			"  waited      %.3f us a request for a processor (client %.3f us), both "
			"ends on "
			"one in %u of %u looks\n",
			each(y->wait_ns, x->wait_ns, b) / 1e3,
			each(y->client_wait_ns, x->client_wait_ns, b) / 1e3, r->together,
			r->places);
		fprintf(out, "  faults      %llu minor, %llu major\n",
			(unsigned long long)(y->minor_faults - x->minor_faults),
			(unsigned long long)(y->major_faults - x->major_faults));
	}
	if (!x->known || !y->known) {
		fprintf(out,
			"  back-end    its process is not known here, or may not be looked at\n");
	}
	if (y->memory_known) {
		fprintf(out,
			"  memory      %llu KiB resident, %llu proportional, %llu private and "
			"written\n",
			(unsigned long long)y->rss >> 10, (unsigned long long)y->pss >> 10,
			(unsigned long long)y->private_dirty >> 10);
	}
	fprintf(out, "  client      %.3f us of processor a request\n",
		each(y->client_cpu_ns, x->client_cpu_ns, b) / 1e3);
	if (b->spec.spawn) {
		char text[32];

		fprintf(out, "  ready       %s after it was started\n",
			time_text(r->ready_ns, text));
	}
}

/* Rows of equal width on a logarithmic scale, from the least to the greatest value. */
static void picture(FILE *out, const struct hist *h)
{
	uint64_t row[ROWS] = { 0 }, most = 1;
	double low = log2((double)(h->min ? h->min : 1)), high = log2((double)h->max + 1.0);
	double step = (high - low) / ROWS;
	char from[32];

	if (h->n == 0 || step <= 0.0) {
		return;
	}
	for (unsigned i = 0; i < HIST_BUCKETS; i++) {
		double at = (log2((double)hist_low(i) + 0.5) - low) / step;
		unsigned k = at <= 0.0 ? 0 : (unsigned)at;

		k = k < ROWS ? k : ROWS - 1u;
		row[k] += h->bucket[i];
		most = row[k] > most ? row[k] : most;
	}
	fprintf(out, "\n");
	for (unsigned i = 0; i < ROWS; i++) {
		unsigned bar = (unsigned)((row[i] * BAR + most - 1u) / most);
		double part = 100.0 * (double)row[i] / (double)h->n;

		fprintf(out, "  %10s ", time_text((uint64_t)exp2(low + step * i), from));
		fprintf(out, "%-*.*s %6.2f %%\n", (int)BAR, (int)bar,
			"########################################", part);
	}
}

void bench_title(FILE *out, const struct bench_spec *s)
{
	fprintf(out, "%s, %s ring of %u, depth %u, %u queue%s, blocks of %u", s->cls->name,
		s->packed ? "packed" : "split", s->queue_size, s->depth, s->queues,
		s->queues == 1 ? "" : "s", s->block_size);
	if (s->cls->writes) {
		fprintf(out, ", %s", bench_rw_name(s->rw));
	}
	fprintf(out, "%s%s%s, client %s, %u region%s", s->event_idx ? ", event-idx" : "",
		s->indirect ? ", indirect" : "", s->in_order ? ", in-order" : "",
		s->poll	     ? "polls"
		: s->spin_ns ? "spins, then waits"
			     : "waits",
		s->regions, s->regions == 1 ? "" : "s");
	if (s->inside) {
		fprintf(out, ", in process, %s memory", bench_memory_name(s->memory));
	}
	fprintf(out, s->rate ? ", %llu/s intended\n" : "\n", (unsigned long long)s->rate);
}

void bench_report(FILE *out, const struct bench *b)
{
	const struct bench_spec *s = &b->spec;
	const struct bench_result *r = &b->result;

	bench_title(out, s);
	speed(out, b);
	cost(out, b);
	for (unsigned i = 0; i < COUNTS; i++) {
		counted_line(out, "  counted     ", (enum count_what)i, &r->counted[i]);
	}
	for (unsigned i = 0; i < r->floors; i++) {
		bench_floor_line(out, "  floor       ", &r->floor[i]);
	}
	picture(out, &r->hist);
	fprintf(out, "\n");
	for (uint64_t i = 0; i < r->errors && i < BENCH_ERRORS && r->error[i][0]; i++) {
		fprintf(out, "ERROR %s\n", r->error[i]);
	}
	if (r->fatal[0]) {
		fprintf(out, "ERROR %s\n", r->fatal);
	}
	if (r->errors == 0) {
		fprintf(out, "verified: %s\n",
			s->cls->writes && !s->verify ? "status and length of every request"
						     : "every request");
	} else {
		fprintf(out, "FAILED: %llu error%s\n", (unsigned long long)r->errors,
			r->errors == 1 ? "" : "s");
	}
}
