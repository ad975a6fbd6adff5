/* SPDX-License-Identifier: BSD-3-Clause */
/* pollers.h - private to hosted/: whom a loop asks for work before it sleeps, and for how long */
#ifndef HOSTED_POLLERS_H
#define HOSTED_POLLERS_H

#include "hosted/loop.h"
#include "hosted/polling.h"
#include <time.h>

struct pollers {
	struct loop_poller *first;
	struct polling polling;
	uint64_t last_work; /* ns; kept while polling_times */
};

static inline uint64_t clock_ns(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* as the functions of loop.h that are named so; budget: ns */
void pollers_add(struct pollers *s, struct loop_poller *p);
void pollers_del(struct pollers *s, struct loop_poller *p);
void pollers_budget(struct pollers *s, uint64_t budget, bool thrifty);
void pollers_done(struct pollers *s, uint32_t n);

/* pollers_worked - there was something to do, or not; the time to look counts from the last time that there was */
void pollers_worked(struct pollers *s, bool any);
/* pollers_woken - the loop slept since it last had work */
void pollers_woken(struct pollers *s);
/* pollers_run - before the loop sleeps; returns: it must not, there was work or may soon be */
bool pollers_run(struct pollers *s);

#endif
