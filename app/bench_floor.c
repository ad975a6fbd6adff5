/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench_floor.c - which operation of the machine bounds a load, and how far above it the result is
 *
 * A vhost-user back-end does not say what it does for a request. The floor is what it must do at least, if it is what
 * its class is for: fetch as many random bytes as it gave; read from a file as large, in the same order, into as many buffers, because what
 * the caches of a processor do not hold costs more than all else. Of small devices and of disks that move no data it is the
 * notifications that were counted: each call is a write to an eventfd, each kick a read of one. The floor is the least
 * of several rounds. A result below it is no wonder: that back-end does something else, and less (one getrandom for
 * several requests, a simulated host, a disk in memory).
 */
#include "app/bench_limit.h"
#include "app/bench_out.h"
#include <math.h>
#include <string.h>

#define ROUNDS	 11u
#define ROUND_NS 1000000u

/* The notifications of a request */
static unsigned notified(const struct floor_in *in, struct floor *f)
{
	struct limit l[2] = { { .id = LIMIT_READ }, { .id = LIMIT_WRITE } };
	double calls = isnan(in->calls) ? 0.0 : in->calls;

	limit_all(l, 2, ROUNDS, ROUND_NS);
	f->ns = in->kicks * limit_median(&l[0]) + calls * limit_median(&l[1]);
	f->least = in->kicks * l[0].least + calls * l[1].least;
	snprintf(f->what, sizeof(f->what), "%.4f eventfd reads and %.4f writes", in->kicks, calls);
	return !l[0].none && !l[1].none && f->ns > 0.0 ? 1 : 0;
}

static unsigned by_probe(struct limit l, struct floor *f)
{
	limit_all(&l, 1, ROUNDS, ROUND_NS);
	f->ns = limit_median(&l);
	f->least = l.least;
	snprintf(f->what, sizeof(f->what), "%s", l.name);
	return l.none ? 0 : 1;
}

static unsigned floor_cpu(const struct floor_in *in, struct floor *f)
{
	const struct bench_spec *s = in->spec;
	unsigned n;

	if (isnan(in->cpu)) {
		return 0;
	}
	f->of = "cpu";
	if (s->cls == &bench_rng) {
		n = by_probe((struct limit){ .id = LIMIT_RANDOM,
					     .bytes = in->bytes ? in->bytes : s->block_size },
			     f);
	} else if (s->cls == &bench_blk && s->verify) {
		unsigned batch = s->depth < LIMIT_BATCH ? s->depth : LIMIT_BATCH;

		n = by_probe(
			(struct limit){ .id = LIMIT_URING,
					.bytes = s->block_size,
					.batch = batch,
					.span = in->span,
					.random = s->rw != BENCH_READ && s->rw != BENCH_WRITE },
			f);
	} else if (s->inside) {
		n = 0; /* nothing is notified by system calls */
	} else {
		n = notified(in, f);
	}
	f->times = n > 0 ? in->cpu / f->least : 0.0;
	return n;
}

/* With one request under way, latency is a way there and a way back. */
static unsigned floor_latency(const struct floor_in *in, struct floor *f)
{
	const struct bench_spec *s = in->spec;
	struct limit l[2] = { { .id = LIMIT_PING_OTHER }, { .id = LIMIT_SPIN } };
	bool sleeps = !s->poll && (isnan(in->calls) || in->calls >= 0.5), kicked = in->kicks >= 0.5;

	if (s->inside || (unsigned)s->depth * s->queues != 1 || s->rate || isnan(in->p50)) {
		return 0;
	}
	f->of = "p50";
	if (sleeps && kicked && in->together > 0.5) {
		l[0].id = LIMIT_PING_SAME;
	}
	limit_all(l, 2, ROUNDS, ROUND_NS);
	if (l[0].none || l[1].none) {
		return 0;
	}
	if (sleeps == kicked) { /* both ways are of one kind */
		unsigned k = sleeps ? 0 : 1;

		f->ns = limit_median(&l[k]);
		f->least = l[k].least;
		snprintf(f->what, sizeof(f->what), "%s", l[k].name);
	} else {
		f->ns = (limit_median(&l[0]) + limit_median(&l[1])) / 2.0;
		f->least = (l[0].least + l[1].least) / 2.0;
		snprintf(f->what, sizeof(f->what),
			 "eventfd one way, spinning the other, two processors");
	}
	f->times = in->p50 / f->least;
	return 1;
}

uint32_t bench_mean_bytes(const struct bench *b)
{
	return b->result.hist.n ? (uint32_t)(b->result.bytes / b->result.hist.n) : 0;
}

unsigned bench_floor(const struct floor_in *in, struct floor out[FLOORS])
{
	unsigned n;

	memset(out, 0, FLOORS * sizeof(*out));
	n = floor_cpu(in, &out[0]);
	return n + floor_latency(in, &out[n]);
}

void bench_floor_of(const struct bench *b, struct floor_in *in)
{
	const struct bench_result *r = &b->result;
	double n = (double)r->hist.n;
	bool known = r->begin.known && r->end.known && r->end.cpu_ns >= r->begin.cpu_ns && n > 0.0;

	*in = (struct floor_in){ .spec = &b->spec,
				 .kicks = n > 0.0 ? (double)r->kicks / n : 0.0,
				 .calls = b->spec.poll || n <= 0.0 ? NAN : (double)r->calls / n,
				 .together = r->places ? (double)r->together / r->places : 0.0,
				 .cpu = known ? (double)(r->end.cpu_ns - r->begin.cpu_ns) / n : NAN,
				 .span = b->span,
				 .bytes = bench_mean_bytes(b),
				 .p50 = n > 0.0 ? (double)hist_at(&r->hist, 0.5) : NAN };
}

void bench_floor_line(FILE *out, const char *left, const struct floor *f)
{
	fprintf(out, "%s%s is %.2f x of the floor: %s, %.3f us here (median %.3f)\n", left,
		strcmp(f->of, "cpu") == 0 ? "back-end's processor time" : "p50", f->times, f->what,
		f->least / 1e3, f->ns / 1e3);
}

void json_floors(FILE *out, const char *key, const struct floor *f, unsigned n)
{
	fprintf(out, "  \"%s\": [", key);
	for (unsigned i = 0; i < n; i++) {
		fprintf(out, "%s\n    { \"of\": \"%s\", \"what\": ", i > 0 ? "," : "", f[i].of);
		json_string(out, f[i].what);
		fprintf(out, ", \"ns\": %.2f, \"least_ns\": %.2f, \"times\": %.4f }", f[i].ns,
			f[i].least, f[i].times);
	}
	fputs(n > 0 ? "\n  ],\n" : "],\n", out);
}
