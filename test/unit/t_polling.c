/* SPDX-License-Identifier: BSD-3-Clause */
/* t_polling.c - how long a loop looks before it sleeps, and whether that is worth it; against machines made of numbers */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "hosted/polling.h"

#define BUDGET 100000u

/* A loop's thread under load, 32 requests a turn: what a turn takes, by way, and whether the next comes while it looks. */
struct machine {
	uint64_t asleep, looking; /* ns of processor time a turn */
	bool vain;		  /* never: it looks for all of the budget, and sleeps then */
	uint32_t turn;		  /* requests */
};

struct told {
	uint64_t cpu, requests, looked; /* requests: in all, and of turns that looked */
};

static void one_turn(struct polling *p, const struct machine *m, struct told *t)
{
	bool looks = polling_looks(p);

	t->requests += m->turn;
	t->looked += looks ? m->turn : 0;
	t->cpu += looks ? m->looking : m->asleep;
	if (polling_done(p, m->turn)) {
		polling_measure(p, t->cpu);
	}
	if (p->leaving) {
		polling_left(p);
	} else if (looks && m->vain) {
		t->cpu += p->now;
		if (polling_vain(p)) {
			polling_measure(p, t->cpu);
		}
	} else {
		/* found something, or sleeps without a look */
	}
	if (!looks || m->vain) {
		polling_woke(p, p->now + 20000u);
	}
}

static void run(struct polling *p, const struct machine *m, uint64_t requests, struct told *t)
{
	uint64_t until = t->requests + requests;

	while (t->requests < until) {
		one_turn(p, m, t);
	}
}

static const struct machine idle_processors = { .asleep = 20000, .looking = 4800, .turn = 32 };
static const struct machine shared = { .asleep = 6000, .looking = 6000, .vain = true, .turn = 32 };
static const struct machine one_by_one = {
	.asleep = 3500, .looking = 3500, .vain = true, .turn = 1
};

/* Where waking is dear, it looks all the time but for the trials. */
static void test_worth_it(void **state)
{
	struct polling p;
	struct told t = { 0 };

	(void)state;
	polling_init(&p, BUDGET, true);
	assert_false(polling_looks(&p));
	run(&p, &idle_processors, 20000000, &t);
	assert_true(t.looked > t.requests / 100 * 97);
	assert_int_equal(p.verdict, POLLING_LOOK);
}

/* Where every look is in vain, looking costs a hundredth of the processor time at most, after the first trial. */
static void test_in_vain(void **state)
{
	const struct machine *const m[] = { &shared, &one_by_one };

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct polling p;
		struct told t = { 0 };
		uint64_t least;

		polling_init(&p, BUDGET, true);
		run(&p, m[i], 2000000, &t);
		least = t.requests / m[i]->turn * m[i]->asleep;
		assert_int_equal(p.verdict, POLLING_SLEEP);
		assert_true(t.looked > 0);
		assert_true(t.cpu - least < least / 100u + 5000000u);
	}
}

/* What is right changes while it runs, both ways. */
static void test_changes(void **state)
{
	struct polling p;
	struct told t = { 0 }, before;

	(void)state;
	polling_init(&p, BUDGET, true);
	run(&p, &idle_processors, 10000000, &t);
	assert_true(polling_looks(&p));
	before = t;
	run(&p, &shared, 1000000, &t);
	assert_int_equal(p.verdict, POLLING_SLEEP);
	assert_true(t.looked - before.looked < 20000);
	before = t;
	run(&p, &idle_processors, 20000000, &t);
	assert_int_equal(p.verdict, POLLING_LOOK);
	assert_true(t.looked - before.looked > 15000000);
}

/* Looks that find nothing, without a single request, end too. */
static void test_no_requests(void **state)
{
	struct polling p;
	struct told t = { 0 };

	(void)state;
	polling_init(&p, BUDGET, true);
	run(&p, &idle_processors, 1000000, &t);
	assert_true(polling_looks(&p));
	for (unsigned i = 0; i < 100 && p.way == POLLING_LOOK; i++) {
		t.cpu += BUDGET;
		if (polling_vain(&p)) {
			polling_measure(&p, t.cpu);
		}
	}
	assert_int_equal(p.way, POLLING_SLEEP);
}

/* A slow device: a sleep that is longer than the budget, and it does not look before the next. */
static void test_slow(void **state)
{
	static const bool thrifty[] = { false, true };

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct polling p;
		struct told t = { 0 };

		polling_init(&p, BUDGET, thrifty[i]);
		if (thrifty[i]) {
			run(&p, &idle_processors, 1000000, &t);
		}
		assert_true(polling_looks(&p));
		polling_woke(&p, BUDGET + 1u);
		assert_false(polling_looks(&p));
		polling_woke(&p, BUDGET - 1u);
		assert_true(polling_looks(&p));
		for (unsigned k = 0; k < 10; k++) {
			polling_woke(&p, 1000);
		}
		assert_int_equal(p.now, BUDGET);
	}
}

/* Told a number, it looks whatever that costs; told none, never. */
static void test_told(void **state)
{
	struct polling p;
	struct told t = { 0 };

	(void)state;
	polling_init(&p, BUDGET, false);
	run(&p, &shared, 1000000, &t);
	assert_true(t.looked > t.requests / 2u);
	polling_init(&p, 0, true);
	run(&p, &idle_processors, 1000000, &t);
	assert_false(polling_looks(&p));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_worth_it), cmocka_unit_test(test_in_vain),
		cmocka_unit_test(test_changes),	 cmocka_unit_test(test_no_requests),
		cmocka_unit_test(test_slow),	 cmocka_unit_test(test_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
