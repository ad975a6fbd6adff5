/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench_limit_ping.c - there and back between two threads: through eventfds on one processor or on two, or by spinning
 *
 * The threads are held on their processors, because the two answers differ by more than a factor of ten; the caller's
 * thread gets its mask back. The second thread lives for one round, so that nobody spins in between.
 */
#include "app/bench_limit.h"
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct ping {
	_Alignas(128) _Atomic uint32_t there;
	_Alignas(128) _Atomic uint32_t back;
	_Alignas(128) uint32_t n;
	int fd[2];
	bool spin;
	cpu_set_t where;
};

static bool pass(int from, int to)
{
	uint64_t one;

	return read(from, &one, sizeof(one)) == sizeof(one) &&
	       write(to, &one, sizeof(one)) == sizeof(one);
}

static void *other(void *arg)
{
	struct ping *p = arg;

	(void)pthread_setaffinity_np(pthread_self(), sizeof(p->where), &p->where);
	for (uint32_t i = 1; i <= p->n; i++) {
		if (!p->spin) {
			if (!pass(p->fd[0], p->fd[1])) {
				break;
			}
			continue;
		}
		while (atomic_load_explicit(&p->there, memory_order_acquire) != i) {
		}
		atomic_store_explicit(&p->back, i, memory_order_release);
	}
	return NULL;
}

static bool trip(struct ping *p, uint32_t i)
{
	uint64_t one = 1;

	if (!p->spin) {
		return write(p->fd[0], &one, sizeof(one)) == sizeof(one) &&
		       read(p->fd[1], &one, sizeof(one)) == sizeof(one);
	}
	atomic_store_explicit(&p->there, i, memory_order_release);
	while (atomic_load_explicit(&p->back, memory_order_acquire) != i) {
	}
	return true;
}

/* returns: ns of n trips, the first one not counted */
static uint64_t trips(struct limit *l, struct ping *p, uint64_t n)
{
	uint64_t begin, ns;
	pthread_t thread;
	bool ok;

	p->n = (uint32_t)n + 1u; /* limit_round counts to less than 2^31 */
	if (pthread_create(&thread, NULL, other, p) != 0) {
		l->none = "no second thread";
		return 0;
	}
	ok = trip(p, 1);
	begin = bench_now();
	for (uint32_t i = 2; ok && i <= p->n; i++) {
		ok = trip(p, i);
	}
	ns = bench_now() - begin;
	(void)pthread_join(thread, NULL);
	return ok ? ns : 0;
}

uint64_t limit_ping(struct limit *l, uint64_t n)
{
	struct ping p = { .spin = l->id == LIMIT_SPIN, .fd = { -1, -1 } };
	cpu_set_t before, mine;
	uint64_t ns = 0;

	CPU_ZERO(&p.where);
	CPU_SET((unsigned)l->cpu[1], &p.where);
	CPU_ZERO(&mine);
	CPU_SET((unsigned)l->cpu[0], &mine);
	p.fd[0] = eventfd(0, EFD_CLOEXEC);
	p.fd[1] = eventfd(0, EFD_CLOEXEC);
	if (p.fd[0] < 0 || p.fd[1] < 0 || sched_getaffinity(0, sizeof(before), &before) != 0) {
		l->none = strerror(errno);
	} else {
		(void)sched_setaffinity(0, sizeof(mine), &mine);
		ns = trips(l, &p, n);
		(void)sched_setaffinity(0, sizeof(before), &before);
	}
	for (unsigned i = 0; i < 2; i++) {
		if (p.fd[i] >= 0) {
			close(p.fd[i]);
		}
	}
	return ns;
}
