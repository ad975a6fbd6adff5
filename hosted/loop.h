/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * loop.h - the executor of hosted programs: one thread, one epoll loop
 *
 * Every queue, every host instance and every control verb has exactly one loop on which it runs. Only loop_post,
 * loop_call and loop_stop may be called from other threads.
 */
#ifndef HOSTED_LOOP_H
#define HOSTED_LOOP_H

#include "vio/host.h"
#include <stdbool.h>
#include <stdint.h>

struct loop;

/* loop_new - returns: NULL and errno when the kernel refuses; name: for thread and log, at most 15 bytes */
struct loop *loop_new(const char *name);
void loop_free(struct loop *l); /* stopped, nothing registered any more */

/* loop_run - until loop_stop; on the calling thread */
void loop_run(struct loop *l);
void loop_stop(struct loop *l);
/* loop_once - one round on the calling thread; ms: how long it may sleep at most, 0: not at all. Not while it runs */
void loop_once(struct loop *l, int ms);
/* loop_start, loop_join - run on a thread of its own; returns: 0 | errno */
int loop_start(struct loop *l);
void loop_join(struct loop *l);

/* A file descriptor that is watched. Caller's storage; removing it inside any callback of the loop is safe. */
struct loop_fd {
	void (*fn)(struct loop_fd *f, uint32_t events); /* EPOLLIN, EPOLLOUT, EPOLLHUP, EPOLLERR */
	int fd;
	struct loop *loop; /* NULL: not registered */
};
/* loop_add, loop_mod - level-triggered, unless events has EPOLLET; returns: 0 | errno */
int loop_add(struct loop *l, struct loop_fd *f, int fd, uint32_t events,
	     void (*fn)(struct loop_fd *f, uint32_t events));
int loop_mod(struct loop_fd *f, uint32_t events);
void loop_del(struct loop_fd *f); /* does not close; may be called twice */

/* Work to be done soon, once, on the loop. Caller's storage; posting it again before it ran is one run. */
struct loop_task {
	void (*fn)(struct loop_task *t);
	struct loop_task *next;
	bool queued; /* atomic */
};
void loop_post(struct loop *l, struct loop_task *t);   /* any thread */
void loop_unpost(struct loop *l, struct loop_task *t); /* on the loop: it will not run any more */

/* loop_call - run fn(arg) on the loop and wait; direct when already there or the loop has not started */
void loop_call(struct loop *l, void (*fn)(void *arg), void *arg);

/* loop_clock - monotonic time and timers of this loop */
struct vio_clock *loop_clock(struct loop *l);

/*
 * Adaptive polling: before sleeping, `poll` is called again and again for at most the budget after the last time
 * it (or any event) found work. How long depends on what came of sleeping: it grows with each sleep that was shorter
 * than the budget, and is 0 after one that was longer. poll: returns true when it did something. Without a budget: never called.
 */
struct loop_poller {
	bool (*poll)(struct loop_poller *p);
	/*
	 * The last look when looking ends, from which on a queue must notify: returns true when there is work and the loop
	 * must not sleep. Not called where loop_polls was false all the time. May be NULL.
	 */
	bool (*arm)(struct loop_poller *p);
	struct loop_poller *next;
};
void loop_poller_add(struct loop *l, struct loop_poller *p);
void loop_poller_del(struct loop *l, struct loop_poller *p);
/*
 * loop_set_poll_us - how long to look at most; 0: no say. Of several calls for a loop the longest counts; one that is not
 * thrifty comes before all that are. thrifty: only while that takes no more processor time for each request than
 * sleeping does; needs loop_done (hosted/polling.h).
 */
void loop_set_poll_us(struct loop *l, uint32_t budget_us, bool thrifty);
bool loop_polls(
	const struct loop *l); /* pollers are being asked: what they look at need not notify */
void loop_done(struct loop *l, uint32_t n); /* n requests are done; on the loop */

#endif
