/* SPDX-License-Identifier: BSD-3-Clause */
/* polling.c - how long a loop looks for work before it sleeps, and whether looking is worth it */
#include "hosted/polling.h"
#include <string.h>

#define FIRST	     4000u	 /* ns to look, after a sleep that was too short */
#define LEAST	     128u	 /* requests that a period has at least, */
#define PERIOD	     1000000u	 /* and ns of processor time */
#define PATIENCE     20000000u	 /* ns of processor time from one trial to the next, at first */
#define PATIENCE_MAX 2000000000u /* and when the verdict was the same again and again */
#define SHARE	     100u	 /* a trial may cost this part of what follows */
#define VAIN	     8u		 /* looks in vain that are enough to ask what it costs */

void polling_init(struct polling *p, uint64_t budget, bool thrifty)
{
	memset(p, 0, sizeof(*p));
	p->budget = budget;
	p->thrifty = thrifty && budget > 0;
	p->hold = PATIENCE / SHARE;
	p->patience = PATIENCE;
	if (!p->thrifty) {
		p->now = budget < FIRST ? budget : FIRST;
	}
}

void polling_woke(struct polling *p, uint64_t idle)
{
	if (!polling_times(p)) {
		return;
	}
	if (idle > p->budget) {
		p->now = 0;
	} else {
		p->now = p->now < FIRST ? FIRST : 2u * p->now;
		p->now = p->now < p->budget ? p->now : p->budget;
	}
}

void polling_left(struct polling *p)
{
	if (p->leaving) {
		p->leaving = false;
		p->now = 0;
	}
}

static void go(struct polling *p, enum polling_way way)
{
	if (way == p->way) {
		return;
	}
	p->way = way;
	if (way == POLLING_LOOK) {
		p->leaving = false;
		p->now = p->budget;
	} else {
		p->leaving = p->now > 0;
	}
}

/* What p->done requests take the other way, ns */
static uint64_t otherwise(const struct polling *p)
{
	return p->done * p->cost[!p->way] / 1000u;
}

/* A trial is over. */
static void judge(struct polling *p, uint64_t spent)
{
	enum polling_way best =
		p->cost[POLLING_LOOK] < p->cost[POLLING_SLEEP] ? POLLING_LOOK : POLLING_SLEEP;
	uint64_t more = spent > otherwise(p) ? spent - otherwise(p) : 0;

	if (best != p->verdict) {
		p->patience = PATIENCE;
	} else if (p->patience < PATIENCE_MAX) {
		p->patience *= 2u;
	}
	p->verdict = best;
	p->hold = p->patience > SHARE * more ? p->patience : SHARE * more;
	p->trial = false;
	go(p, best);
}

static void period(struct polling *p, uint64_t cpu)
{
	p->begun = true;
	p->cpu = cpu;
	p->done = 0;
	p->ask = LEAST;
	p->vain = 0;
}

bool polling_vain(struct polling *p)
{
	return p->way == POLLING_LOOK && ++p->vain >= VAIN;
}

void polling_measure(struct polling *p, uint64_t cpu)
{
	uint64_t spent = cpu - p->cpu;
	bool in_vain = p->way == POLLING_LOOK && p->vain >= VAIN && spent > 2u * otherwise(p);

	if (!p->begun) {
		period(p, cpu);
		return;
	}
	if (!in_vain && (p->done < LEAST || spent < PERIOD)) {
		p->ask = p->done >= LEAST ? 2u * p->done : LEAST;
		return;
	}
	p->cost[p->way] = spent * 1000u / (p->done > 0 ? p->done : 1u);
	if (p->trial) {
		judge(p, spent);
	} else {
		p->hold -= spent < p->hold ? spent : p->hold;
		if (p->hold == 0 ||
		    (p->way == POLLING_LOOK && p->cost[POLLING_LOOK] > p->cost[POLLING_SLEEP])) {
			p->trial = true;
			go(p, !p->way);
		}
	}
	period(p, cpu);
}
