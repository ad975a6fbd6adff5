/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * loop.c - the executor of hosted programs, over epoll, eventfd and timerfd
 *
 * Theory of operation. One round is: due timers, posted tasks, events. It goes to sleep in epoll_wait only when no
 * task is queued, the polling budget is used up and every poller has looked once more (arm).
 *
 * Removal. Events are fetched in a batch, kept in the loop. loop_del blanks the events of its descriptor that are
 * still to come, so storage may be freed at once, inside any callback.
 *
 * Posts. A list under a mutex; the loop takes all of it at the start of a round, so a task that posts itself does
 * not keep events away. `asleep` is set under that mutex when the list is empty: whoever posts later sees it and
 * writes the eventfd, all others save the system call.
 *
 * Polling. After work the pollers are asked for a while before the loop sleeps. How long, and whether at all, is decided
 * in polling.c; pollers.c asks them.
 *
 * Ending. loop_stop ends the round; tasks posted until then still run. From then on loop_call is direct.
 */
#include "hosted/loop.h"
#include "hosted/pollers.h"
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define BATCH	       32
#define TIMERS_A_ROUND 64

struct loop {
	struct vio_clock clock;
	struct vio_timer *timer; /* ascending */
	uint64_t timer_set;	 /* what timerfd is set to, ns; 0: off */
	struct pollers pollers;
	struct epoll_event ev[BATCH];
	int nev, cur;
	int ep;
	struct loop_fd wake, tick;
	char name[16];
	pthread_t thread;
	atomic_bool stop;

	pthread_mutex_t lock; /* of what follows */
	struct loop_task *post, **post_end;
	struct loop_task *todo; /* taken in this round */
	bool asleep, running;
};

static _Thread_local struct loop *here; /* the loop that runs on this thread */

static uint64_t clock_now(struct vio_clock *c)
{
	(void)c;
	return clock_ns(CLOCK_MONOTONIC);
}

static void clock_set(struct vio_clock *c, struct vio_timer *t, uint64_t at)
{
	struct loop *l = VIO_CONTAINER(c, struct loop, clock);
	struct vio_timer **p;

	for (p = &l->timer; *p; p = &(*p)->next) {
		if (*p == t) {
			*p = t->next;
			break;
		}
	}
	t->at = at;
	if (at == 0) {
		return;
	}
	for (p = &l->timer; *p && (*p)->at <= at; p = &(*p)->next) {
	}
	t->next = *p;
	*p = t;
}

/* Each write of 1 makes an edge, and is never read: the counter has room for centuries of them. */
static void woke(struct loop_fd *f, uint32_t events)
{
	(void)f;
	(void)events;
}

static void tick(struct loop_fd *f, uint32_t events)
{
	uint64_t n;

	(void)events;
	f->loop->timer_set = 0;
	while (read(f->fd, &n, sizeof(n)) < 0 && errno == EINTR) {
	}
}

static void wake(struct loop *l)
{
	uint64_t one = 1;

	while (write(l->wake.fd, &one, sizeof(one)) < 0 && errno == EINTR) {
	}
}

struct loop *loop_new(const char *name)
{
	struct loop *l = calloc(1, sizeof(*l));
	int e, t;

	if (!l) {
		return NULL;
	}
	l->clock = (struct vio_clock){ .now = clock_now, .set = clock_set };
	l->post_end = &l->post;
	strncpy(l->name, name, sizeof(l->name) - 1);
	pthread_mutex_init(&l->lock, NULL);
	l->ep = epoll_create1(EPOLL_CLOEXEC);
	e = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	t = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	l->wake.fd = e;
	l->tick.fd = t;
	if (l->ep < 0 || e < 0 || t < 0 || loop_add(l, &l->wake, e, EPOLLIN | EPOLLET, woke) ||
	    loop_add(l, &l->tick, t, EPOLLIN, tick)) {
		loop_free(l);
		return NULL;
	}
	return l;
}

void loop_free(struct loop *l)
{
	const int fd[] = { l->ep, l->wake.fd, l->tick.fd };
	int saved = errno;

	for (size_t i = 0; i < 3; i++) {
		if (fd[i] >= 0) {
			close(fd[i]);
		}
	}
	pthread_mutex_destroy(&l->lock);
	free(l);
	errno = saved;
}

int loop_add(struct loop *l, struct loop_fd *f, int fd, uint32_t events,
	     void (*fn)(struct loop_fd *f, uint32_t events))
{
	struct epoll_event e = { .events = events, .data.ptr = f };

	if (epoll_ctl(l->ep, EPOLL_CTL_ADD, fd, &e) < 0) {
		return errno;
	}
	f->fn = fn;
	f->fd = fd;
	f->loop = l;
	return 0;
}

int loop_mod(struct loop_fd *f, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.ptr = f };

	return epoll_ctl(f->loop->ep, EPOLL_CTL_MOD, f->fd, &e) < 0 ? errno : 0;
}

void loop_del(struct loop_fd *f)
{
	struct loop *l = f->loop;

	if (!l) {
		return;
	}
	epoll_ctl(l->ep, EPOLL_CTL_DEL, f->fd, NULL);
	for (int i = l->cur; i < l->nev; i++) {
		if (l->ev[i].data.ptr == f) {
			l->ev[i].data.ptr = NULL;
		}
	}
	f->loop = NULL;
}

void loop_post(struct loop *l, struct loop_task *t)
{
	bool must_wake = false;

	pthread_mutex_lock(&l->lock);
	if (!t->queued) {
		t->queued = true;
		t->next = NULL;
		*l->post_end = t;
		l->post_end = &t->next;
		must_wake = l->asleep;
		l->asleep = false;
	}
	pthread_mutex_unlock(&l->lock);
	if (must_wake) {
		wake(l);
	}
}

static bool unlink_task(struct loop_task **p, const struct loop_task *t)
{
	for (; *p; p = &(*p)->next) {
		if (*p == t) {
			*p = t->next;
			return true;
		}
	}
	return false;
}

void loop_unpost(struct loop *l, struct loop_task *t)
{
	pthread_mutex_lock(&l->lock);
	if (t->queued && !unlink_task(&l->todo, t) && unlink_task(&l->post, t)) {
		for (l->post_end = &l->post; *l->post_end; l->post_end = &(*l->post_end)->next) {
		}
	}
	t->queued = false;
	pthread_mutex_unlock(&l->lock);
}

/* One round of tasks. */
static bool run_tasks(struct loop *l)
{
	struct loop_task *t;
	bool any = false;

	pthread_mutex_lock(&l->lock);
	l->asleep = false;
	l->todo = l->post;
	l->post = NULL;
	l->post_end = &l->post;
	while ((t = l->todo)) {
		l->todo = t->next;
		t->queued = false;
		pthread_mutex_unlock(&l->lock);
		t->fn(t);
		any = true;
		pthread_mutex_lock(&l->lock);
	}
	pthread_mutex_unlock(&l->lock);
	return any;
}

static bool run_timers(struct loop *l)
{
	uint64_t now = l->timer ? clock_now(NULL) : 0;
	struct vio_timer *t;
	bool any = false;

	for (int n = 0; n < TIMERS_A_ROUND && (t = l->timer) && t->at <= now; n++) {
		l->timer = t->next;
		t->at = 0;
		t->fire(t);
		any = true;
	}
	return any;
}

/* Last before the sleep: timers are set by whatever ran, tasks and pollers too. */
static void arm_timer(struct loop *l)
{
	if (l->timer && l->timer->at != l->timer_set) {
		struct itimerspec s = { 0 };

		l->timer_set = l->timer->at;
		s.it_value.tv_sec = (time_t)(l->timer_set / 1000000000u);
		s.it_value.tv_nsec = (long)(l->timer_set % 1000000000u);
		timerfd_settime(l->tick.fd, TFD_TIMER_ABSTIME, &s, NULL);
	}
}

/* returns: true when nothing is queued; then the next post wakes the loop */
static bool may_sleep(struct loop *l)
{
	bool idle;

	pthread_mutex_lock(&l->lock);
	idle = !l->post && !atomic_load(&l->stop);
	l->asleep = idle;
	pthread_mutex_unlock(&l->lock);
	return idle;
}

/* ms: how long to sleep at most when there is nothing to do; -1: until there is */
static void one_round(struct loop *l, int ms)
{
	bool any = run_timers(l);
	int wait;

	any |= run_tasks(l);
	pollers_worked(&l->pollers, any);
	wait = pollers_run(&l->pollers) || !may_sleep(l) ? 0 : ms;
	arm_timer(l);
	l->nev = epoll_wait(l->ep, l->ev, BATCH, wait);
	if (wait < 0) {
		pollers_woken(&l->pollers);
	}
	for (l->cur = 0; l->cur < l->nev;) {
		struct epoll_event *e = &l->ev[l->cur++];
		struct loop_fd *f = e->data.ptr;

		if (f) {
			f->fn(f, e->events);
		}
	}
	pollers_worked(&l->pollers, l->cur > 0);
	l->nev = 0;
}

void loop_once(struct loop *l, int ms)
{
	struct loop *outer = here;

	here = l;
	one_round(l, ms);
	(void)run_tasks(l);
	here = outer;
}

void loop_run(struct loop *l)
{
	struct loop *outer = here;

	here = l;
	pthread_mutex_lock(&l->lock);
	l->running = true;
	pthread_mutex_unlock(&l->lock);
	while (!atomic_load(&l->stop)) {
		one_round(l, -1);
	}
	pthread_mutex_lock(&l->lock);
	l->running = false;
	pthread_mutex_unlock(&l->lock);
	run_tasks(l);
	atomic_store(&l->stop, false);
	here = outer;
}

void loop_stop(struct loop *l)
{
	atomic_store(&l->stop, true);
	wake(l);
}

static void *thread_main(void *arg)
{
	struct loop *l = arg;

	pthread_setname_np(pthread_self(), l->name);
	loop_run(l);
	return NULL;
}

int loop_start(struct loop *l)
{
	int r;

	l->running = true; /* before the thread is, so loop_call waits for it */
	r = pthread_create(&l->thread, NULL, thread_main, l);
	l->running = r == 0;
	return r;
}

void loop_join(struct loop *l)
{
	pthread_join(l->thread, NULL);
}

struct call {
	struct loop_task task;
	void (*fn)(void *arg);
	void *arg;
	sem_t done;
};

static void call_task(struct loop_task *t)
{
	struct call *c = VIO_CONTAINER(t, struct call, task);

	c->fn(c->arg);
	sem_post(&c->done);
}

void loop_call(struct loop *l, void (*fn)(void *arg), void *arg)
{
	struct call c = { .task.fn = call_task, .fn = fn, .arg = arg };
	bool direct;

	sem_init(&c.done, 0, 0);
	pthread_mutex_lock(&l->lock);
	direct = here == l || !l->running;
	if (!direct) {
		c.task.queued = true;
		*l->post_end = &c.task;
		l->post_end = &c.task.next;
		l->asleep = false;
	}
	pthread_mutex_unlock(&l->lock);
	if (direct) {
		fn(arg);
	} else {
		wake(l);
		while (sem_wait(&c.done) < 0) {
		}
	}
	sem_destroy(&c.done);
}

struct vio_clock *loop_clock(struct loop *l)
{
	return &l->clock;
}

void loop_poller_add(struct loop *l, struct loop_poller *p)
{
	pollers_add(&l->pollers, p);
}

void loop_poller_del(struct loop *l, struct loop_poller *p)
{
	pollers_del(&l->pollers, p);
}

void loop_set_poll_us(struct loop *l, uint32_t budget_us, bool thrifty)
{
	pollers_budget(&l->pollers, (uint64_t)budget_us * 1000u, thrifty);
}

bool loop_polls(const struct loop *l)
{
	return polling_looks(&l->pollers.polling);
}

void loop_done(struct loop *l, uint32_t n)
{
	pollers_done(&l->pollers, n);
}
