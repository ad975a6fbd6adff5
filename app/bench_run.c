/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench_run.c - the load: send requests, take completions, have each checked, and notice when nothing moves
 *
 * Theory of operation. One thread drives all queues. A round takes what is completed, sends what may be sent and
 * publishes it with at most one kick a queue. When a round did nothing the client spins (poll), or arms all queues and
 * sleeps on their call descriptors (wait), or first the one and then the other (adaptive).
 *
 * Closed loop: a completion makes room for the next request. Open loop (rate): request n is due at begin + n / rate,
 * whether or not there is room; its latency counts from then, so a slow back-end cannot hide that it was late.
 *
 * Phases: prepare writes the whole disk, measure is the load, read back reads what was written. Only `measure` counts
 * in the result; checks and the search for a standstill are the same in all.
 *
 * A sleeping client looks at the rings every 100 ms all the same. If there is a completion then, and its notification
 * does not come within a second, it was forgotten: that is an error of the back-end, and the run goes on. In open loop
it wakes oftener; there, a second without any notification while completions are found is the same error.
 */
#include "app/bench_way.h"
#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TICK_MS	    100
#define GRACE_MS    1000 /* a notification may be later than its completion */
#define PROGRESS_NS 250000000u
#define SPIN	    2000u /* looks at empty rings, then others may have the processor */

static volatile bool stopped;

void bench_stop(void)
{
	stopped = true;
}

bool bench_stopped(void)
{
	return stopped;
}

uint64_t bench_now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t bench_random(uint64_t *state) /* splitmix64 */
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15ull);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

void bench_wrong(struct bench *b, const struct bench_req *r, const char *fmt, ...)
{
	uint64_t n = b->result.errors++;
	va_list ap;
	int at;

	if (n >= BENCH_ERRORS) {
		return;
	}
	at = snprintf(b->result.error[n], BENCH_TEXT, "request %llu: ", (unsigned long long)r->k);
	va_start(ap, fmt);
	vsnprintf(b->result.error[n] + at, BENCH_TEXT - (size_t)at, fmt, ap);
	va_end(ap);
}

void bench_fatal(struct bench *b, const char *fmt, ...)
{
	va_list ap;

	if (b->result.fatal[0]) {
		return; /* the first one is the cause */
	}
	b->result.errors++;
	va_start(ap, fmt);
	vsnprintf(b->result.fatal, sizeof(b->result.fatal), fmt, ap);
	va_end(ap);
}

/* ---- one load: from its begin until all is back ---- */

struct load {
	uint64_t begin, end; /* ns; end: of sending, 0: none */
	uint64_t count;	     /* requests, 0: no limit */
	uint64_t rate;
	uint64_t sent, done;
	uint64_t moved, said; /* ns: last completion, last line of progress */
	uint64_t owed;	      /* ns: since when a notification is missing; 0: none is */
	bool over;	      /* nothing more to send */
	uint16_t turn;	      /* queue that is asked first */
};

static uint64_t due(const struct load *l)
{
	return l->begin + (l->sent / l->rate) * 1000000000u +
	       (l->sent % l->rate) * 1000000000u / l->rate;
}

static void put(struct bench *b, struct load *l, struct bench_queue *q, uint64_t now)
{
	struct bench_req *r = q->free[q->nfree - 1u];
	int rc;

	r->k = b->sent;
	if (b->spec.cls->next ? !b->spec.cls->next(b, r) : b->phase != BENCH_MEASURE) {
		l->over = true;
		return;
	}
	b->spec.cls->build(b, r);
	rc = bench_add(b, q, r);
	if (rc != VIO_OK) { /* sizes were checked: a queue has room for its depth */
		bench_fatal(b, "queue %u takes no request (%d)", q->vq, rc);
		return;
	}
	r->begin_ns = l->rate ? due(l) : now;
	r->busy = true;
	q->nfree--;
	q->sent++;
	b->sent++;
	l->sent++;
}

/* returns: whether a request may be sent at `now` */
static bool may_send(struct bench *b, struct load *l, uint64_t now)
{
	if (stopped || (l->end && now >= l->end) || (l->count && l->sent >= l->count)) {
		l->over = true;
	}
	return !l->over && !b->result.fatal[0] && (l->rate == 0 || due(l) <= now);
}

static void send(struct bench *b, struct load *l, uint64_t now)
{
	uint16_t n = b->spec.queues, full = 0;

	while (full < n && may_send(b, l, now)) {
		struct bench_queue *q = &b->queue[l->turn];

		full = q->nfree > 0 ? 0 : (uint16_t)(full + 1u);
		if (q->nfree > 0) {
			put(b, l, q, now);
		}
		l->turn = (uint16_t)((l->turn + 1u) % n);
	}
	for (uint16_t i = 0; i < n; i++) {
		if (vio_dvq_need_kick(&b->queue[i].q) &&
		    b->way->bus->kick(b->to, b->queue[i].vq) != VIO_OK) {
			bench_fatal(b, "%s", b->way->error(b->to));
		}
	}
}

static void back(struct bench *b, struct bench_queue *q, struct bench_req *r, uint32_t len,
		 uint64_t now)
{
	r->busy = false;
	q->free[q->nfree++] = r;
	q->done++;
	b->done++;
	if (b->phase == BENCH_MEASURE) {
		hist_add(&b->result.hist, now > r->begin_ns ? now - r->begin_ns : 0);
	}
	b->spec.cls->check(b, r, len);
}

/* Take what is completed; returns: how many */
static uint64_t take(struct bench *b, struct load *l)
{
	uint64_t n = 0, now = 0;

	for (uint16_t i = 0; i < b->spec.queues; i++) {
		struct bench_queue *q = &b->queue[i];
		void *cookie;
		uint32_t len;
		int rc;

		while ((rc = vio_dvq_get(&q->q, &cookie, &len)) == VIO_OK) {
			now = now ? now : bench_now(); /* they were seen together */
			back(b, q, cookie, len, now);
			n++;
		}
		if (rc == VIO_E_RING) {
			bench_broken(b, q);
		}
	}
	if (n > 0) {
		l->done += n;
		l->moved = now;
		b->last_ns = now;
	}
	return n;
}

/* ---- waiting ---- */

static void mute(struct bench *b)
{
	for (uint16_t i = 0; i < b->spec.queues; i++) {
		vio_dvq_mute(&b->queue[i].q);
	}
}

static bool arm(struct bench *b)
{
	bool any = false;

	for (uint16_t i = 0; i < b->spec.queues; i++) {
		any = vio_dvq_arm(&b->queue[i].q) || any;
	}
	return any;
}

/* Sleep until a call, or for ns. returns: calls that came */
static unsigned nap(struct bench *b, uint64_t ns)
{
	unsigned calls = b->way->nap(b, ns);

	if (calls == 0 && b->way->gone && b->way->gone(b)) { /* what was signalled is taken first */
		bench_fatal(b, "%s after %llu requests, with %llu under way", b->way->error(b->to),
			    (unsigned long long)b->done, (unsigned long long)(b->sent - b->done));
	}
	b->result.calls += b->phase == BENCH_MEASURE && !b->spec.poll ? calls : 0;
	return calls;
}

/* The rings are armed and nobody called, for a whole tick or until a request is due. Is there something all the same? */
static void look(struct bench *b, struct load *l, bool tick)
{
	uint64_t now = bench_now();

	if (b->result.fatal[0] || !arm(b)) {
		return;
	}
	l->owed = l->owed ? l->owed : now;
	if (tick ? nap(b, GRACE_MS * 1000000ull) != 0 : now - l->owed < GRACE_MS * 1000000ull) {
		l->owed = tick ? 0 : l->owed;
		return;
	}
	l->owed = 0;
	if (!b->result.fatal[0] && b->result.late_calls++ == 0) {
		struct bench_req r = { .k = b->done };

		bench_wrong(b, &r,
			    "is completed, and the notification that was asked for did not "
			    "come within %u ms",
			    GRACE_MS);
	}
}

/* Nothing to take, nothing to send. */
static void idle(struct bench *b, struct load *l, unsigned *spins)
{
	uint64_t now = bench_now(), ns = TICK_MS * 1000000ull, next;

	if (l->rate && !l->over) {
		next = due(l);
		ns = next <= now ? 0 : next - now < ns ? next - now : ns;
	}
	if (b->spec.poll || now - l->moved < b->spec.spin_ns) {
		if (++*spins % SPIN == 0) {
			sched_yield();
			if (b->way->gone && b->way->gone(b)) {
				(void)nap(b, 0); /* says so */
			}
		}
		return;
	}
	if (arm(b)) {
		return;
	}
	if (nap(b, ns) == 0) {
		look(b, l, ns == TICK_MS * 1000000ull);
	} else {
		l->owed = 0;
	}
	mute(b);
}

static void progress(struct bench *b, struct load *l, uint64_t now)
{
	static const char *const what[] = { "prepare", "load", "read back" };
	double s = (double)(now - l->begin) / 1e9;

	if (now - l->said < PROGRESS_NS || b->spec.quiet) {
		return;
	}
	l->said = now;
	fprintf(stderr, "\r\033[K[%5.1f s] %s: %llu requests, %.0f/s, %llu under way, %llu errors",
		s, what[b->phase], (unsigned long long)l->done, (double)l->done / s,
		(unsigned long long)(b->sent - b->done), (unsigned long long)b->result.errors);
}

/* The oldest request is what tells a lost completion from a slow one: others may go on. */
static void watch(struct bench *b, struct load *l, uint64_t now)
{
	uint64_t oldest = now;

	if (b->sent == b->done) {
		l->moved = now;
		return;
	}
	if (now - l->moved > b->spec.stall_ns) {
		bench_stalled(b, now - l->moved);
		return;
	}
	for (uint16_t i = 0; i < b->spec.queues; i++) {
		for (uint16_t k = 0; k < b->spec.depth; k++) {
			const struct bench_req *r = &b->queue[i].req[k];

			oldest = r->busy && r->begin_ns < oldest ? r->begin_ns : oldest;
		}
	}
	if (l->rate == 0 && now - oldest > 2u * b->spec.stall_ns) {
		bench_stalled(b, 0);
	}
}

static void one_load(struct bench *b, struct load *l)
{
	unsigned spins = 0;
	uint64_t checked = 0;

	l->begin = bench_now();
	l->moved = l->begin;
	l->said = l->begin;
	mute(b);
	while (!b->result.fatal[0] && !(l->over && b->sent == b->done)) {
		uint64_t n = take(b, l), now = bench_now(), sent = l->sent;

		send(b, l, now);
		if (b->way->turn) {
			b->way->turn(b);
		}
		if (now - checked > TICK_MS * 1000000ull) {
			checked = now;
			watch(b, l, now);
			bench_place(b);
			progress(b, l, now);
		}
		if (n == 0 && sent == l->sent && !(l->over && b->sent == b->done)) {
			idle(b, l, &spins);
		}
	}
	if (!b->spec.quiet) {
		fputs("\r\033[K", stderr);
	}
}

/* The same load, verified as well; then the result begins anew but for what was wrong. */
static void warm_up(struct bench *b)
{
	struct load l = { .rate = b->spec.rate, .end = bench_now() + b->spec.warmup_ns };

	one_load(b, &l);
	memset(&b->result.hist, 0, sizeof(b->result.hist));
}

static void measure(struct bench *b)
{
	struct load l = { .count = b->spec.count, .rate = b->spec.rate };
	struct bench_result *r = &b->result;
	uint64_t begin, kicks;

	b->phase = BENCH_MEASURE;
	b->at = 0;
	if (b->spec.warmup_ns) {
		warm_up(b);
	}
	r->bytes = r->calls = 0;
	r->places = r->together = 0;
	kicks = b->way->kicks(b->to);
	bench_cost_read(b, &r->begin);
	begin = bench_now();
	b->last_ns = begin;
	l.end = b->spec.count ? 0 : begin + b->spec.time_ns;
	one_load(b, &l);
	r->ns = b->last_ns - begin;
	bench_cost_read(b, &r->end);
	bench_place(b);
	r->kicks = b->way->kicks(b->to) - kicks;
}

void bench_run(struct bench *b)
{
	bool wrote = b->spec.prepare || (b->spec.rw != BENCH_READ && b->spec.rw != BENCH_RANDREAD);
	uint64_t bytes;

	if (b->spec.cls->writes && b->spec.prepare) {
		struct load l = { .count = 0 };

		b->phase = BENCH_PREPARE;
		b->at = 0;
		one_load(b, &l);
	}
	if (!b->result.fatal[0] && !stopped) {
		measure(b);
	}
	bytes = b->result.bytes;
	if (b->spec.cls->writes && wrote && b->spec.verify && b->spec.read_back &&
	    !b->result.fatal[0] && !stopped) {
		struct load l = { .count = 0 };

		b->phase = BENCH_READ_BACK;
		b->at = 0;
		one_load(b, &l);
		b->result.bytes = bytes;
	}
}
