/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rtc.c - the clocks of this machine
 *
 *	0  UTC-like	CLOCK_REALTIME. Whether leap seconds are smeared depends on who disciplines it: --smear
 *	1  monotonic	CLOCK_BOOTTIME: goes on while the machine sleeps, as physical time does
 *	2  TAI		CLOCK_TAI; only if the kernel was told the offset from UTC, else it would be UTC
 *
 * Alarms: a timerfd for each clock, absolute. Those of UTC and TAI are on CLOCK_REALTIME and fire also when
 * somebody sets it (TFD_TIMER_CANCEL_ON_SET), so that a step forward is an expiry and a step back arms the alarm
 * again. Whatever the event, watch_look reads the clock and decides: it says `due` once each time the clock goes
 * from before the time to it or behind. Order in watch_look: timer first, clock second, so that a step between the
 * two is an event.
 *
 * Counters: a guest's counter differs from ours by what its hypervisor has set. Only who runs it knows; without
 * --counter-offset there are no cross-timestamps.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>
#include "hosted/host_kind.h"
#include "hosted/log.h"
#include "vio/rtc.h"

#define SECOND 1000000000u /* ns */
#define CLOCKS 3u
#define TRIES  8u /* readings of a counter, of which the quickest counts */

#if defined(__x86_64__)
#define COUNTER VIO_RTC_COUNTER_X86_TSC
#elif defined(__aarch64__)
#define COUNTER VIO_RTC_COUNTER_ARM_VCT
#else
#define COUNTER VIO_RTC_COUNTER_INVALID
#endif

struct watch {
	struct rtc_host *h;
	struct loop_fd fd;
	int timer; /* timerfd, or -1 */
	uint64_t at;
	uint16_t clock;
	bool on;
	bool passed; /* the clock was seen at `at` or later, and the sink was told */
};

struct rtc_host {
	struct loop *loop;
	struct vio_rtc_sink *sink;
	struct vio_rtc_clock clock[CLOCKS];
	struct watch watch[CLOCKS];
	uint16_t n;
	bool counter;
	int64_t offset;	 /* of the guest's counter from ours, cycles */
	uint64_t cycles; /* last answer */
};

static const clockid_t clock_id[CLOCKS] = { CLOCK_REALTIME, CLOCK_BOOTTIME, CLOCK_TAI };

/* ---- reading ---- */

static int now_of(clockid_t id, uint64_t *ns)
{
	struct timespec t;

	if (clock_gettime(id, &t) || t.tv_sec < 0) {
		return VIO_E_IO;
	}
	*ns = (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec;
	return VIO_OK;
}

static int clock_read(void *host, uint16_t clock, uint64_t *ns)
{
	(void)host;
	return now_of(clock_id[clock], ns);
}

static uint64_t counter(void)
{
#if defined(__x86_64__)
	return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
	uint64_t v;

	__asm__ volatile("isb\n\tmrs %0, cntvct_el0" : "=r"(v)::"memory");
	return v;
#else
	return 0;
#endif
}

static int clock_cross(void *host, uint16_t clock, uint8_t which, uint64_t *ns, uint64_t *cycles)
{
	struct rtc_host *h = host;
	uint64_t best = UINT64_MAX, before, after, t;
	unsigned n;

	if (!h->counter || which != COUNTER) {
		return VIO_E_NOTSUP;
	}
	if (!ns) {
		return VIO_OK;
	}
	for (n = 0; n < TRIES; n++) {
		before = counter();
		if (now_of(clock_id[clock], &t) != VIO_OK) {
			return VIO_E_IO;
		}
		after = counter();
		if (after - before < best) {
			best = after - before;
			*ns = t;
			*cycles = before + best / 2u + (uint64_t)h->offset;
		}
	}
	if ((int64_t)(*cycles - h->cycles) < 0 && h->cycles) {
		return VIO_E_IO; /* counters of two processors that do not agree */
	}
	h->cycles = *cycles;
	return VIO_OK;
}

/* ---- alarms ---- */

/* What to add to a time of this clock to have one of the clock that its timer is on. */
static int64_t timer_shift(const struct watch *w)
{
	uint64_t before, there, after;
	unsigned n;

	if (clock_id[w->clock] != CLOCK_TAI) {
		return 0;
	}
	for (n = 0; n < TRIES; n++) {
		if (now_of(CLOCK_REALTIME, &before) == VIO_OK &&
		    now_of(CLOCK_TAI, &there) == VIO_OK &&
		    now_of(CLOCK_REALTIME, &after) == VIO_OK && after >= before &&
		    after - before < SECOND / 10u) {
			break; /* nobody set the clock meanwhile */
		}
	}
	/* `there` is a little late, which the division drops: whole seconds are left */
	return n == TRIES ? 0 : (int64_t)(before - there) / SECOND * SECOND;
}

/* at: by the watch's clock; UINT64_MAX: wait for the clock to be set */
static int timer_arm(const struct watch *w, uint64_t at)
{
	const uint64_t most =
		(sizeof(time_t) > 4 ? (uint64_t)INT64_MAX : (uint64_t)INT32_MAX * SECOND);
	int flags = TFD_TIMER_ABSTIME;
	struct itimerspec s;
	int64_t shift;

	memset(&s, 0, sizeof(s));
	if (at != UINT64_MAX) {
		shift = timer_shift(w);
		if (shift < 0) {
			at = at > (uint64_t)-shift ? at - (uint64_t)-shift : 1;
		} else {
			at = at < UINT64_MAX - (uint64_t)shift ? at + (uint64_t)shift : UINT64_MAX;
		}
	}
	at = at == 0 ? 1 : at; /* 0 would switch it off */
	at = at < most ? at : most;
	s.it_value.tv_sec = (time_t)(at / SECOND);
	s.it_value.tv_nsec = (long)(at % SECOND);
	if (clock_id[w->clock] != CLOCK_BOOTTIME) {
		flags |= TFD_TIMER_CANCEL_ON_SET;
	}
	/* ECANCELED: armed, and the clock was set since the last event; the order in watch_look copes */
	return timerfd_settime(w->timer, flags, &s, NULL) && errno != ECANCELED ? VIO_E_IO : VIO_OK;
}

static int watch_look(struct watch *w)
{
	uint64_t now = 0;
	unsigned n;
	int rc = VIO_OK;

	for (n = 0; n < 3u && rc == VIO_OK; n++) {
		rc = timer_arm(w, w->passed ? UINT64_MAX : w->at);
		if (rc == VIO_OK) {
			rc = clock_read(w->h, w->clock, &now);
		}
		if (rc != VIO_OK || w->passed == (now >= w->at)) {
			break;
		}
		w->passed = !w->passed;
		if (w->passed) {
			w->h->sink->due(w->h->sink, w->clock);
		}
	}
	return rc;
}

static void watch_event(struct loop_fd *f, uint32_t events)
{
	struct watch *w = VIO_CONTAINER(f, struct watch, fd);
	uint64_t count;

	(void)events;
	if (read(w->timer, &count, sizeof(count)) < 0 && errno == EAGAIN) {
		return;
	}
	if (w->on && watch_look(w) != VIO_OK) { /* ECANCELED: the clock was set */
		log_error(NULL, "clock %u: its alarm cannot be watched any more: %s", w->clock,
			  strerror(errno));
	}
}

static void clock_unwatch(void *host, uint16_t clock)
{
	struct watch *w = &((struct rtc_host *)host)->watch[clock];
	const struct itimerspec off = { .it_value = { 0, 0 } };

	if (w->on) {
		w->on = false;
		(void)timerfd_settime(w->timer, 0, &off, NULL);
	}
}

static int clock_watch(void *host, uint16_t clock, uint64_t ns)
{
	struct watch *w = &((struct rtc_host *)host)->watch[clock];
	int rc;

	w->at = ns;
	w->passed = false;
	w->on = true;
	rc = watch_look(w);
	if (rc != VIO_OK) {
		clock_unwatch(host, clock);
	}
	return rc;
}

/* ---- the table ---- */

static const struct vio_rtc_clock *clock_open(void *host, struct vio_rtc_sink *sink, uint16_t *n)
{
	struct rtc_host *h = host;

	h->sink = sink;
	*n = h->n;
	return h->clock;
}

static void clock_close(void *host)
{
	struct rtc_host *h = host;
	uint16_t n;

	for (n = 0; n < h->n; n++) {
		clock_unwatch(host, n);
	}
}

static const struct vio_rtc_host_ops clock_ops = {
	.open = clock_open,
	.close = clock_close,
	.read = clock_read,
	.cross = clock_cross,
	.watch = clock_watch,
	.unwatch = clock_unwatch,
};

/* ---- kind ---- */

static void rtc_close(struct host *out)
{
	struct rtc_host *h = out->host;
	uint16_t n;

	for (n = 0; n < CLOCKS; n++) {
		if (h->watch[n].timer >= 0) {
			loop_del(&h->watch[n].fd);
			close(h->watch[n].timer);
		}
	}
	free(h);
}

/* returns: 0 | errno */
static int rtc_timer(struct rtc_host *h, uint16_t n)
{
	struct watch *w = &h->watch[n];
	clockid_t id = clock_id[n] == CLOCK_BOOTTIME ? CLOCK_BOOTTIME : CLOCK_REALTIME;

	w->h = h;
	w->clock = n;
	w->timer = timerfd_create(id, TFD_CLOEXEC | TFD_NONBLOCK);
	return w->timer < 0 ? errno : loop_add(h->loop, &w->fd, w->timer, EPOLLIN, watch_event);
}

/* returns: NULL or what is wrong */
static const char *rtc_smear(struct vio_rtc_clock *c, const char *word)
{
	static const struct {
		const char *word;
		uint8_t type, smear;
	} known[] = {
		{ "unknown", VIO_RTC_CLOCK_UTC_MAYBE_SMEARED, VIO_RTC_SMEAR_UNSPECIFIED },
		{ "none", VIO_RTC_CLOCK_UTC, VIO_RTC_SMEAR_UNSPECIFIED },
		{ "noon-linear", VIO_RTC_CLOCK_UTC_SMEARED, VIO_RTC_SMEAR_NOON_LINEAR },
		{ "utc-sls", VIO_RTC_CLOCK_UTC_SMEARED, VIO_RTC_SMEAR_UTC_SLS },
	};
	size_t n;

	for (n = 0; n < sizeof(known) / sizeof(known[0]); n++) {
		if (strcmp(word ? word : "unknown", known[n].word) == 0) {
			c->type = known[n].type;
			c->smear = known[n].smear;
			return NULL;
		}
	}
	return "smear is unknown, none, noon-linear or utc-sls";
}

static const char *rtc_counter(struct rtc_host *h, const char *word)
{
	char *end;

	if (!word) {
		return NULL;
	}
	errno = 0;
	h->offset = (int64_t)strtoll(word, &end, 0);
	if (errno || end == word || *end) {
		return "counter-offset is a number of cycles, as -120000 or 0";
	}
	if (COUNTER == VIO_RTC_COUNTER_INVALID) {
		return "counter-offset: this processor has none of the counters of the "
		       "specification";
	}
	h->counter = true;
	return NULL;
}

static int rtc_fail(struct host_ctx *ctx, struct host *out, const char *what)
{
	(void)snprintf(ctx->err, sizeof(ctx->err), "%s", what);
	rtc_close(out);
	memset(out, 0, sizeof(*out));
	return -1;
}

static int rtc_open(struct host_ctx *ctx, struct host *out)
{
	struct rtc_host *h = calloc(1, sizeof(*h));
	struct timex tx = { .modes = 0 };
	const char *wrong;
	uint16_t n;
	int r;

	if (!h) {
		(void)snprintf(ctx->err, sizeof(ctx->err), "out of memory");
		return -1;
	}
	out->ops = &clock_ops;
	out->host = h;
	out->close = rtc_close;
	h->loop = ctx->loop;
	for (n = 0; n < CLOCKS; n++) {
		h->watch[n].timer = -1;
		h->clock[n].alarm = true;
	}
	h->clock[1].type = VIO_RTC_CLOCK_MONOTONIC;
	h->clock[2].type = VIO_RTC_CLOCK_TAI;
	wrong = rtc_smear(&h->clock[0], ctx->option(ctx, "smear"));
	wrong = wrong ? wrong : rtc_counter(h, ctx->option(ctx, "counter-offset"));
	if (wrong) {
		return rtc_fail(ctx, out, wrong);
	}
	h->n = 2;
	if (adjtimex(&tx) >= 0 && tx.tai != 0) {
		h->n = 3;
	} else {
		log_info(ctx->name, "no TAI clock: nobody has told the kernel its offset from UTC");
	}
	for (n = 0; n < h->n; n++) {
		r = rtc_timer(h, n);
		if (r) {
			return rtc_fail(ctx, out, strerror(r));
		}
	}
	return 0;
}

static const struct host_option rtc_opt[] = {
	{ "smear", "HOW",
	  "leap seconds in this machine's UTC: none, noon-linear, utc-sls, unknown (default)",
	  false },
	{ "counter-offset", "CYCLES",
	  "guest's TSC (arm64: virtual counter) minus this machine's, for cross-timestamps",
	  false },
};

const struct host_kind host_linux_rtc[] = {
	{
		.class_name = "rtc",
		.name = "linux",
		.about = "clocks of this machine: UTC, monotonic, TAI if its offset is known",
		.is_default = true,
		.opt = rtc_opt,
		.nopt = 2,
		.open = rtc_open,
	},
	{ 0 },
};
