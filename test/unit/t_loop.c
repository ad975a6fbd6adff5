/* SPDX-License-Identifier: BSD-3-Clause */
/* t_loop.c - the executor: order, removal inside callbacks, posts from threads, timers, polling */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>
#include <cmocka.h>
#include "hosted/host_kind.h"

struct both {
	struct loop_fd a, b;
	unsigned calls;
};

/* Whichever comes first removes, and frees, the other. */
static struct both *both_of;
static void remove_other(struct loop_fd *f, uint32_t events)
{
	struct loop *l = f->loop;

	(void)events;
	both_of->calls++;
	loop_del(f == &both_of->a ? &both_of->b : &both_of->a);
	loop_del(f);
	loop_del(f);
	loop_stop(l);
}

static void test_del_inside(void **state)
{
	struct loop *l = loop_new("t");
	struct both two = { .calls = 0 };
	int p[2], q[2];

	(void)state;
	both_of = &two;
	assert_int_equal(pipe(p), 0);
	assert_int_equal(pipe(q), 0);
	assert_int_equal(write(p[1], "x", 1), 1);
	assert_int_equal(write(q[1], "x", 1), 1);
	assert_int_equal(loop_add(l, &two.a, p[0], EPOLLIN, remove_other), 0);
	assert_int_equal(loop_add(l, &two.b, q[0], EPOLLIN, remove_other), 0);
	loop_run(l);
	assert_int_equal(two.calls, 1);
	for (int i = 0; i < 2; i++) {
		close(p[i]);
		close(q[i]);
	}
	loop_free(l);
}

struct counter {
	struct loop_task task;
	struct loop *loop;
	unsigned runs;
	struct loop_task *victim;
};

static void count(struct loop_task *t)
{
	struct counter *c = VIO_CONTAINER(t, struct counter, task);

	c->runs++;
	if (c->victim) {
		loop_unpost(c->loop, c->victim);
	}
}

static void stop(struct loop_task *t)
{
	loop_stop(VIO_CONTAINER(t, struct counter, task)->loop);
}

static void test_tasks(void **state)
{
	struct loop *l = loop_new("t");
	struct counter a = { .task.fn = count, .loop = l }, b = { .task.fn = count, .loop = l };
	struct counter end = { .task.fn = stop, .loop = l };

	(void)state;
	a.victim = &b.task; /* a runs first and takes b back */
	loop_post(l, &a.task);
	loop_post(l, &a.task);
	loop_post(l, &b.task);
	loop_post(l, &end.task);
	loop_run(l);
	assert_int_equal(a.runs, 1);
	assert_int_equal(b.runs, 0);
	loop_post(l, &b.task); /* and it may be posted again */
	loop_post(l, &end.task);
	loop_run(l);
	assert_int_equal(b.runs, 1);
	loop_free(l);
}

/* A task that posts itself for ever must not starve descriptors. */
static void again(struct loop_task *t)
{
	struct counter *c = VIO_CONTAINER(t, struct counter, task);

	c->runs++;
	loop_post(c->loop, t);
}

static void stop_on_event(struct loop_fd *f, uint32_t events)
{
	(void)events;
	loop_stop(f->loop);
}

static void test_no_starving(void **state)
{
	struct loop *l = loop_new("t");
	struct counter a = { .task.fn = again, .loop = l };
	struct loop_fd f;
	int p[2];

	(void)state;
	assert_int_equal(pipe(p), 0);
	assert_int_equal(write(p[1], "x", 1), 1);
	assert_int_equal(loop_add(l, &f, p[0], EPOLLIN, stop_on_event), 0);
	loop_post(l, &a.task);
	loop_run(l);
	assert_in_range(a.runs, 1, 3);
	loop_del(&f);
	close(p[0]);
	close(p[1]);
	loop_free(l);
}

#define POSTERS 4
#define POSTS	20000u

struct shared {
	struct loop *loop;
	struct loop_task task;
	atomic_uint posted;
	unsigned seen;
};

static void see(struct loop_task *t)
{
	struct shared *s = VIO_CONTAINER(t, struct shared, task);

	s->seen = atomic_load(&s->posted);
}

static void *poster(void *arg)
{
	struct shared *s = arg;

	for (unsigned i = 0; i < POSTS; i++) {
		atomic_fetch_add(&s->posted, 1);
		loop_post(s->loop, &s->task);
	}
	return NULL;
}

static void nothing(void *arg)
{
	(void)arg;
}

/* What was stored before the last post is seen by a run of the task: no post is lost. */
static void test_post_threads(void **state)
{
	struct shared s = { .loop = loop_new("t"), .task.fn = see };
	pthread_t t[POSTERS];

	(void)state;
	assert_int_equal(loop_start(s.loop), 0);
	for (int i = 0; i < POSTERS; i++) {
		assert_int_equal(pthread_create(&t[i], NULL, poster, &s), 0);
	}
	for (int i = 0; i < POSTERS; i++) {
		pthread_join(t[i], NULL);
	}
	loop_call(s.loop, nothing, NULL); /* behind all posts */
	loop_stop(s.loop);
	loop_join(s.loop);
	assert_int_equal(s.seen, POSTERS * POSTS);
	loop_free(s.loop);
}

static void store_thread(void *arg)
{
	*(pthread_t *)arg = pthread_self();
}

static void test_call(void **state)
{
	struct loop *l = loop_new("t");
	pthread_t where = 0;

	(void)state;
	loop_call(l, store_thread, &where); /* not started: here */
	assert_true(pthread_equal(where, pthread_self()));
	assert_int_equal(loop_start(l), 0);
	loop_call(l, store_thread, &where);
	assert_false(pthread_equal(where, pthread_self()));
	loop_stop(l);
	loop_join(l);
	loop_free(l);
}

struct alarm {
	struct vio_timer timer;
	struct loop *loop;
	unsigned nr;
};
static unsigned fired[8], nfired;

static void fire(struct vio_timer *t)
{
	struct alarm *a = VIO_CONTAINER(t, struct alarm, timer);

	fired[nfired++] = a->nr;
	if (a->nr == 3) {
		loop_stop(a->loop);
	}
}

static void test_timers(void **state)
{
	struct loop *l = loop_new("t");
	struct vio_clock *c = loop_clock(l);
	uint64_t now = c->now(c);
	struct alarm a[4];

	(void)state;
	nfired = 0;
	for (unsigned i = 0; i < 4; i++) {
		a[i] = (struct alarm){ .timer.fire = fire, .loop = l, .nr = i };
	}
	c->set(c, &a[3].timer, now + 3000000);
	c->set(c, &a[1].timer, now + 1000000);
	c->set(c, &a[2].timer, now + 500000);
	c->set(c, &a[0].timer, now + 100000);
	c->set(c, &a[2].timer, now + 2000000); /* moved */
	c->set(c, &a[0].timer, 0);	       /* cancelled */
	loop_run(l);
	assert_int_equal(nfired, 3);
	assert_int_equal(fired[0], 1);
	assert_int_equal(fired[1], 2);
	assert_int_equal(fired[2], 3);
	assert_true(c->now(c) >= now + 3000000);
	loop_free(l);
}

struct late {
	struct loop_task task;
	struct alarm alarm;
};

static void set_late(struct loop_task *t)
{
	struct late *a = VIO_CONTAINER(t, struct late, task);
	struct vio_clock *c = loop_clock(a->alarm.loop);

	c->set(c, &a->alarm.timer, c->now(c) + 1000000);
}

/* A timer that a task sets is waited for in the very sleep that follows. */
static void test_timer_of_a_task(void **state)
{
	struct loop *l = loop_new("t");
	struct late a = { .task.fn = set_late,
			  .alarm = { .timer.fire = fire, .loop = l, .nr = 3 } };

	(void)state;
	loop_post(l, &a.task);
	nfired = 0;
	loop_run(l); /* nothing else wakes it */
	assert_int_equal(nfired, 1);
	loop_free(l);
}

struct polled {
	struct loop_poller p;
	struct loop *loop;
	unsigned polls, arms;
};

static bool poll_once(struct loop_poller *p)
{
	VIO_CONTAINER(p, struct polled, p)->polls++;
	return false;
}

static bool arm_once(struct loop_poller *p)
{
	struct polled *s = VIO_CONTAINER(p, struct polled, p);

	s->arms++;
	loop_stop(s->loop);
	return false;
}

/* With a budget: polled, then armed before sleeping. Without: never called. */
static void test_poller(void **state)
{
	struct polled s = { .p = { .poll = poll_once, .arm = arm_once }, .loop = loop_new("t") };
	struct counter kick = { .task.fn = count, .loop = s.loop },
		       end = { .task.fn = stop, .loop = s.loop };

	(void)state;
	loop_poller_add(s.loop, &s.p);
	loop_post(s.loop, &end.task);
	loop_run(s.loop);
	assert_int_equal(s.polls + s.arms, 0);
	loop_set_poll_us(s.loop, 200, false);
	loop_post(s.loop, &kick.task);
	loop_run(s.loop);
	assert_true(s.polls > 0);
	assert_int_equal(s.arms, 1);
	loop_poller_del(s.loop, &s.p);
	loop_free(s.loop);
}

/* Several users of a loop: the one that insists comes before those that do not, the longest of equals, none has no say. */
static void test_budgets(void **state)
{
	struct polled s = { .p = { .poll = poll_once, .arm = arm_once }, .loop = loop_new("t") };

	(void)state;
	loop_poller_add(s.loop, &s.p);
	loop_set_poll_us(s.loop, 100, true);
	loop_set_poll_us(s.loop, 0, false);
	assert_false(loop_polls(s.loop));
	loop_once(s.loop, 0);
	assert_int_equal(s.polls + s.arms, 0);
	while (!loop_polls(s.loop)) {
		loop_done(s.loop, 128); /* a trial comes, by processor time */
	}
	loop_once(s.loop, 0);
	assert_true(s.polls + s.arms > 0);
	loop_set_poll_us(s.loop, 3, false);
	assert_true(loop_polls(s.loop));
	loop_set_poll_us(s.loop, 1000, true);
	for (unsigned i = 0; i < 100000; i++) {
		loop_done(s.loop, 128);
	}
	assert_true(loop_polls(s.loop));
	loop_poller_del(s.loop, &s.p);
	loop_free(s.loop);
}

/* Pauses, one after the other: how often was the poller asked in each? */
#define LULLS 20u
struct lulls {
	struct loop_poller p;
	struct vio_timer t;
	struct loop *loop;
	unsigned n, polls[LULLS];
};

static bool poll_nothing(struct loop_poller *p)
{
	struct lulls *s = VIO_CONTAINER(p, struct lulls, p);

	s->polls[s->n]++;
	return false;
}

static void next_lull(struct vio_timer *t)
{
	struct lulls *s = VIO_CONTAINER(t, struct lulls, t);
	struct vio_clock *c = loop_clock(s->loop);

	if (++s->n == LULLS) {
		loop_stop(s->loop);
		s->n = LULLS - 1u;
	} else {
		c->set(c, t, c->now(c) + 5000000u);
	}
}

/* Budget 100 ms. A pause that is longer ends polling; shorter ones bring it back, for twice as long each time. */
static void test_adaptive(void **state)
{
	struct lulls s = { .p = { .poll = poll_nothing },
			   .t = { .fire = next_lull },
			   .loop = loop_new("t") };
	struct vio_clock *c = loop_clock(s.loop);
	unsigned all = 0;

	(void)state;
	loop_poller_add(s.loop, &s.p);
	loop_set_poll_us(s.loop, 100000, false);
	c->set(c, &s.t, c->now(c) + 300000000u);
	loop_run(s.loop);
	assert_int_equal(s.polls[1], 0);
	for (unsigned i = 2; i < LULLS; i++) {
		all += s.polls[i];
	}
	assert_true(all > 0);
	loop_poller_del(s.loop, &s.p);
	loop_free(s.loop);
}

static void test_size(void **state)
{
	static const struct {
		const char *text;
		bool ok;
		uint64_t bytes;
	} t[] = {
		{ "0", true, 0 },	    { "512", true, 512 },
		{ "64K", true, 65536 },	    { "1g", true, 1u << 30 },
		{ "3MiB", true, 3u << 20 }, { "16777215T", true, 16777215ull << 40 },
		{ "16777216T", false, 0 },  { "18446744073709551616", false, 0 },
		{ "", false, 0 },	    { "-1", false, 0 },
		{ "1X", false, 0 },	    { "1K1", false, 0 },
		{ " 1", false, 0 },
	};
	uint64_t bytes;

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		bytes = 0;
		assert_int_equal(host_size(t[i].text, &bytes), t[i].ok);
		assert_true(bytes == t[i].bytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_del_inside),
		cmocka_unit_test(test_tasks),
		cmocka_unit_test(test_no_starving),
		cmocka_unit_test(test_post_threads),
		cmocka_unit_test(test_call),
		cmocka_unit_test(test_timers),
		cmocka_unit_test(test_timer_of_a_task),
		cmocka_unit_test(test_poller),
		cmocka_unit_test(test_budgets),
		cmocka_unit_test(test_adaptive),
		cmocka_unit_test(test_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
