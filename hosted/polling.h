/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * polling.h - how long a loop looks for work before it sleeps, and whether looking is worth it
 *
 * Time comes in as arguments, nothing is asked of a kernel. One per loop, on the thread of the loop.
 *
 * Theory of operation. How long: `now` is what recent sleeps say. One that ended within the budget was not worth it,
 * and `now` grows; one that was longer makes it 0, so an idle or slow device costs no processor.
 *
 * Whether (thrifty): looking takes processor time, and so does being put to sleep and woken; which takes more is a
 * property of the machine, its other users and the load, and nothing but measuring tells. On processors that nobody
 * else wants a wake-up may cost a hundred requests, and a loop that looks keeps its driver awake too; beside a driver that
 * waits for the same processor, every look is in vain. So the loop's processor time a request is measured both ways,
 * and the cheaper way is taken. The other is tried again: a trial may cost a hundredth of what follows before
 * the next, and a verdict that is confirmed is asked half as often. A trial of looking ends early when it looks in vain.
 */
#ifndef HOSTED_POLLING_H
#define HOSTED_POLLING_H

#include <stdbool.h>
#include <stdint.h>

enum polling_way { POLLING_SLEEP, POLLING_LOOK };

struct polling {
	uint64_t budget; /* ns; 0: never looks */
	uint64_t now;	 /* ns to look before the next sleep; 0: not at all */
	bool leaving;	 /* looks no more, and `now` is 0 when polling_left was called */
	bool thrifty;
	/* thrifty: */
	enum polling_way way, verdict;
	bool begun, trial;
	uint64_t cpu;	   /* thread's processor time when this period began, ns */
	uint64_t done;	   /* requests of this period */
	uint64_t ask;	   /* as many, and the processor time is worth a question */
	uint32_t vain;	   /* looks of this period that found nothing */
	uint64_t cost[2];  /* ps a request, by way; 0: not known */
	uint64_t hold;	   /* ns of processor time until the other way is tried */
	uint64_t patience; /* the last hold, before a trial's cost was counted */
};

/* polling_init - budget: ns, 0: off; thrifty: look only where that takes no more processor time than sleeping */
void polling_init(struct polling *p, uint64_t budget, bool thrifty);

/* polling_woke - the loop slept and was woken, `idle` ns after it last had work */
void polling_woke(struct polling *p, uint64_t idle);

/* polling_left - every queue that was looked at will notify from now on */
void polling_left(struct polling *p);

/* polling_looks - whether the queues are being looked at: then a driver need not notify */
static inline bool polling_looks(const struct polling *p)
{
	return p->now > 0 && !p->leaving;
}

/* polling_times - whether polling_woke wants to be told: without, a loop need not read the clock */
static inline bool polling_times(const struct polling *p)
{
	return p->budget > 0 && (!p->thrifty || p->way == POLLING_LOOK);
}

/* polling_done - n requests are done; returns: polling_measure wants the processor time */
static inline bool polling_done(struct polling *p, uint32_t n)
{
	p->done += n;
	return p->thrifty && p->done >= p->ask;
}

/* polling_vain - the loop looked for as long as it may, and is about to sleep; returns: as polling_done */
bool polling_vain(struct polling *p);

/* polling_measure - cpu: processor time of the loop's thread, ns, in all */
void polling_measure(struct polling *p, uint64_t cpu);

#endif
