/* SPDX-License-Identifier: BSD-3-Clause */
/* pollers.c - whom a loop asks for work before it sleeps, and for how long */
#include "hosted/pollers.h"

#define POLLS_A_ROUND 16 /* pollers are asked this often for each look at the descriptors */

void pollers_add(struct pollers *s, struct loop_poller *p)
{
	p->next = s->first;
	s->first = p;
}

void pollers_del(struct pollers *s, struct loop_poller *p)
{
	for (struct loop_poller **i = &s->first; *i; i = &(*i)->next) {
		if (*i == p) {
			*i = p->next;
			return;
		}
	}
}

void pollers_budget(struct pollers *s, uint64_t budget, bool thrifty)
{
	struct polling *p = &s->polling;

	if (budget == 0) {
		return;
	}
	if (p->budget == 0 || (p->thrifty && !thrifty)) {
		polling_init(p, budget, thrifty);
	} else if (p->thrifty == thrifty && budget > p->budget) {
		p->budget = budget;
	}
}

static void measure(struct pollers *s)
{
	polling_measure(&s->polling, clock_ns(CLOCK_THREAD_CPUTIME_ID));
}

void pollers_done(struct pollers *s, uint32_t n)
{
	if (polling_done(&s->polling, n)) {
		measure(s);
	}
}

void pollers_woken(struct pollers *s)
{
	if (polling_times(&s->polling) && s->first) {
		polling_woke(&s->polling, clock_ns(CLOCK_MONOTONIC) - s->last_work);
	}
}

void pollers_worked(struct pollers *s, bool any)
{
	if (any && polling_times(&s->polling)) {
		s->last_work = clock_ns(CLOCK_MONOTONIC);
	}
}

static bool poll_all(struct pollers *s)
{
	struct loop_poller *p, *next;
	bool any = false;

	for (p = s->first; p; p = next) {
		next = p->next; /* p may take itself off, others not */
		any |= p->poll(p);
	}
	return any;
}

/* Enough looked: whatever may notify is to do so. returns: there is work all the same */
static bool arm_all(struct pollers *s)
{
	struct loop_poller *p, *next;
	bool any = false;

	polling_left(&s->polling);
	for (p = s->first; p; p = next) {
		next = p->next;
		if (p->arm && p->arm(p)) {
			any = true;
			p->poll(p);
		}
	}
	if (!any && polling_vain(&s->polling)) {
		measure(s);
	}
	return any;
}

bool pollers_run(struct pollers *s)
{
	const struct polling *p = &s->polling;
	bool any = false, spin;

	if (p->now == 0 || !s->first) {
		return false;
	}
	spin = polling_looks(p) && clock_ns(CLOCK_MONOTONIC) - s->last_work < p->now;
	if (!spin) {
		any = arm_all(s);
	}
	for (int n = 0; n < POLLS_A_ROUND && !any && spin; n++) {
		any = poll_all(s);
	}
	pollers_worked(s, any);
	return any || spin;
}
