/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rtc.c - simulated clocks, with a leap second where a test wants one
 *
 *	0  UTC		steps at a leap second
 *	1  TAI
 *	2  monotonic	begins at 0 when the host is opened
 *	3  UTC smeared	from noon to noon around the leap second
 *
 * All are functions of one elapsed time, which is real time multiplied by `speed`. `plain` is UTC as if there were
 * no leap second; L is the plain time of the midnight behind it.
 *	inserted (leap=L):  UTC is plain before L, and a second less from L on: 23:59:59 happens twice
 *	left out (leap=-L): UTC is a second more from L - 1 on: there is no 23:59:59
 *	smeared: from noon before, L - 43200, to noon after; the clock makes 86400 s in 86401 (86399) of them. The
 *	specification gives the change of frequency as 1/86400, which would be 12 us short of a whole second.
 *
 * Alarms: loop timers. A timer is set for the alarm, or for the leap second if that comes first, and sim_look
 * decides by the clock, which goes back at an inserted second.
 *
 * Counter 0xf0: nanoseconds of the monotonic clock, for tests of cross-timestamps.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "hosted/host_kind.h"
#include "hosted/words.h"
#include "vio/rtc.h"

#define SECOND	1000000000u /* ns */
#define HALFDAY (43200ull * SECOND)
#define DAY	(86400ull * SECOND)
#define CLOCKS	4u
#define START	946684800u  /* 2000-01-01 00:00:00 UTC */
#define TAI_UTC 32u	    /* seconds, then */
#define LATEST	8000000000u /* seconds; its nanoseconds, and a day more, fit */
#define SPEEDS	1000000u

enum { UTC, TAI, MONOTONIC, SMEARED };

struct sim_watch {
	struct sim_rtc *s;
	struct vio_timer timer;
	uint64_t at;
	bool on, passed;
};

struct sim_rtc {
	struct vio_clock *clock;
	struct vio_rtc_sink *sink;
	uint64_t opened;	   /* by clock */
	uint64_t start, leap, tai; /* ns; leap 0: there is none */
	bool left_out;
	uint32_t speed;
	struct sim_watch watch[CLOCKS];
};

static const struct vio_rtc_clock sim_clocks[CLOCKS] = {
	[UTC] = { VIO_RTC_CLOCK_UTC, VIO_RTC_SMEAR_UNSPECIFIED, true },
	[TAI] = { VIO_RTC_CLOCK_TAI, VIO_RTC_SMEAR_UNSPECIFIED, true },
	[MONOTONIC] = { VIO_RTC_CLOCK_MONOTONIC, VIO_RTC_SMEAR_UNSPECIFIED, true },
	[SMEARED] = { VIO_RTC_CLOCK_UTC_SMEARED, VIO_RTC_SMEAR_NOON_LINEAR, true },
};

/* ---- the clocks as functions of elapsed time ---- */

static uint64_t sim_elapsed(const struct sim_rtc *s)
{
	return (s->clock->now(s->clock) - s->opened) * s->speed;
}

static uint64_t sim_utc(const struct sim_rtc *s, uint64_t plain)
{
	if (s->leap && s->left_out && plain >= s->leap - SECOND) {
		return plain + SECOND;
	}
	return s->leap && !s->left_out && plain >= s->leap ? plain - SECOND : plain;
}

static uint64_t sim_smeared(const struct sim_rtc *s, uint64_t plain)
{
	uint64_t real = s->left_out ? DAY - SECOND : DAY + SECOND; /* from noon to noon */
	uint64_t noon = s->leap - HALFDAY, in;

	if (!s->leap || plain < noon || plain >= noon + real) {
		return sim_utc(s, plain);
	}
	in = plain - noon;
	/* in * DAY / real without overflow: DAY and real differ by a second */
	return noon + (s->left_out ? in + in / (real / SECOND) : in - in / (real / SECOND));
}

static uint64_t sim_at(const struct sim_rtc *s, uint16_t clock, uint64_t elapsed)
{
	switch (clock) {
	case UTC:
		return sim_utc(s, s->start + elapsed);
	case TAI:
		return s->start + elapsed + s->tai;
	case MONOTONIC:
		return elapsed;
	default:
		return sim_smeared(s, s->start + elapsed);
	}
}

static int sim_read(void *host, uint16_t clock, uint64_t *ns)
{
	*ns = sim_at(host, clock, sim_elapsed(host));
	return VIO_OK;
}

static int sim_cross(void *host, uint16_t clock, uint8_t counter, uint64_t *ns, uint64_t *cycles)
{
	uint64_t elapsed = sim_elapsed(host);

	if (counter != VIO_RTC_COUNTER_OWN) {
		return VIO_E_NOTSUP;
	}
	if (ns) {
		*ns = sim_at(host, clock, elapsed);
		*cycles = elapsed;
	}
	return VIO_OK;
}

/* ---- alarms ---- */

static void sim_look(struct sim_watch *w)
{
	struct sim_rtc *s = w->s;
	uint16_t clock = (uint16_t)(w - s->watch);
	uint64_t elapsed = sim_elapsed(s), now = sim_at(s, clock, elapsed), wait = UINT64_MAX;
	uint64_t step = s->leap - (s->left_out ? SECOND : 0u); /* plain time */

	if (now < w->at) {
		w->passed = false;
		wait = w->at - now;
	} else if (!w->passed) {
		w->passed = true;
		s->sink->due(s->sink, clock);
	}
	if (clock == UTC && s->leap && s->start + elapsed < step &&
	    step - s->start - elapsed < wait) {
		wait = step - s->start - elapsed;
	}
	if (w->on && wait != UINT64_MAX && s->speed) {
		/* a little late rather than early, or it would look twice */
		wait = wait / s->speed + 1;
		s->clock->set(s->clock, &w->timer, s->clock->now(s->clock) + wait);
	}
}

static void sim_fire(struct vio_timer *t)
{
	t->at = 0;
	sim_look(VIO_CONTAINER(t, struct sim_watch, timer));
}

static void sim_unwatch(void *host, uint16_t clock)
{
	struct sim_rtc *s = host;
	struct sim_watch *w = &s->watch[clock];

	w->on = false;
	if (w->timer.at) {
		s->clock->set(s->clock, &w->timer, 0);
	}
}

static int sim_watch(void *host, uint16_t clock, uint64_t ns)
{
	struct sim_watch *w = &((struct sim_rtc *)host)->watch[clock];

	sim_unwatch(host, clock);
	w->at = ns;
	w->passed = false;
	w->on = true;
	sim_look(w);
	return VIO_OK;
}

static const struct vio_rtc_clock *sim_clock_open(void *host, struct vio_rtc_sink *sink,
						  uint16_t *n)
{
	((struct sim_rtc *)host)->sink = sink;
	*n = CLOCKS;
	return sim_clocks;
}

static void sim_clock_close(void *host)
{
	uint16_t n;

	for (n = 0; n < CLOCKS; n++) {
		sim_unwatch(host, n);
	}
}

static const struct vio_rtc_host_ops sim_ops = {
	.open = sim_clock_open,
	.close = sim_clock_close,
	.read = sim_read,
	.cross = sim_cross,
	.watch = sim_watch,
	.unwatch = sim_unwatch,
};

/* ---- kind ---- */

/* one word of ARG; returns: NULL or what is wrong */
static const char *sim_word(void *ctx, const char *word)
{
	struct sim_rtc *s = ctx;
	const char *value = strchr(word, '=');
	unsigned long long v;
	char *end;
	bool minus;

	if (!value) {
		return "expected start=SECONDS, speed=N or leap=[-]SECONDS";
	}
	value++;
	minus = *value == '-' && strncmp(word, "leap=", 5) == 0;
	value += minus;
	errno = 0;
	v = strtoull(value, &end, 10);
	if (*value < '0' || *value > '9' || errno || *end) {
		return "that is no number";
	}
	if (strncmp(word, "speed=", 6) == 0) {
		s->speed = (uint32_t)v;
		return v > SPEEDS ? "speed is 0 to 1000000 times real time" : NULL;
	}
	if (v > LATEST || (strncmp(word, "leap=", 5) == 0 && (v % 86400u || v == 0))) {
		return "seconds since 1970, at most 8000000000; a leap second is before a midnight";
	}
	if (strncmp(word, "start=", 6) == 0) {
		s->start = v * SECOND;
	} else if (strncmp(word, "leap=", 5) == 0) {
		s->leap = v * SECOND;
		s->left_out = minus;
	} else {
		return "expected start=SECONDS, speed=N or leap=[-]SECONDS";
	}
	return NULL;
}

static void sim_close(struct host *h)
{
	free(h->host);
}

static int sim_open(struct host_ctx *ctx, struct host *out)
{
	struct sim_rtc *s = calloc(1, sizeof(*s));
	const char *wrong;
	char word[40];
	uint16_t n;

	if (!s) {
		(void)snprintf(ctx->err, sizeof(ctx->err), "out of memory");
		return -1;
	}
	s->start = (uint64_t)START * SECOND;
	s->tai = (uint64_t)TAI_UTC * SECOND;
	s->speed = 1;
	wrong = words_each(ctx->arg, word, sizeof(word), sim_word, s);
	if (wrong) {
		(void)snprintf(ctx->err, sizeof(ctx->err), "'%s': %s", word, wrong);
		free(s);
		return -1;
	}
	s->clock = loop_clock(ctx->loop);
	s->opened = s->clock->now(s->clock);
	for (n = 0; n < CLOCKS; n++) {
		s->watch[n].s = s;
		s->watch[n].timer.fire = sim_fire;
	}
	out->ops = &sim_ops;
	out->host = s;
	out->close = sim_close;
	return 0;
}

const struct host_kind host_sim_rtc[] = {
	{
		.class_name = "rtc",
		.name = "sim",
		.about = "simulated clocks: 2000-01-01 at start; UTC, TAI, monotonic, UTC smeared",
		.arg_help = "[start=S|speed=N|leap=[-]S],...",
		.open = sim_open,
	},
	{ 0 },
};
