/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sigbus.c - memory that another process may take away while we use it
 *
 * The handler may run on any thread, in the middle of anything, so the table is a fixed array of atomics. A slot is
 * taken by `busy`; `len` is written last and cleared first, and a reader that sees `len` change skips the slot. That
 * is enough because a range in use is never unguarded: no fault can concern a slot that is changing hands.
 *
 * The whole range is replaced, not one page: the peer that shrinks its memory is about to be cut off, and one mmap is
 * cheaper than a fault for each page. A kernel that touches the range for us (preadv into it) answers EFAULT instead.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>
#include "hosted/sigbus.h"

#define SLOTS 8192

struct slot {
	atomic_bool busy;
	atomic_uintptr_t base;
	atomic_size_t len; /* 0: not watched */
	atomic_int notify_fd;
	atomic_bool hit;
};

static struct slot slots[SLOTS];
static atomic_int slots_used; /* highest slot ever taken + 1 */
static struct sigaction before;

/* Somebody else's fault: what would have happened without us. */
static void pass_on(int sig, siginfo_t *info, void *context)
{
	if ((before.sa_flags & SA_SIGINFO) != 0) {
		before.sa_sigaction(sig, info, context);
	} else if (before.sa_handler == SIG_DFL) {
		(void)sigaction(sig, &before, NULL);
		if (info->si_code <= 0) {
			(void)raise(
				sig); /* was sent by kill(): it would not come again by itself */
		}
	} else if (before.sa_handler != SIG_IGN) {
		before.sa_handler(sig);
	} else {
		/* ignored by choice */
	}
}

static void on_sigbus(int sig, siginfo_t *info, void *context)
{
	uintptr_t at = (uintptr_t)info->si_addr;
	int n = atomic_load(&slots_used);
	int err = errno;

	for (int i = 0; (i < n) && (info->si_code > 0); i++) {
		struct slot *s = &slots[i];
		size_t len = atomic_load(&s->len);
		uintptr_t base = atomic_load(&s->base);
		uint64_t one = 1;
		int fd;

		if ((len == 0u) || ((at - base) >= len) || (atomic_load(&s->len) != len)) {
			continue;
		}
		if (mmap((void *)base, len, PROT_READ | PROT_WRITE,
			 MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
			 0) == MAP_FAILED) {
			break;
		}
		atomic_store(&s->hit, true);
		fd = atomic_load(&s->notify_fd);
		if ((fd >= 0) && (write(fd, &one, sizeof(one)) < 0)) {
			/* the counter is full: the owner is told already */
		}
		errno = err;
		return;
	}
	pass_on(sig, info, context);
	errno = err;
}

int sigbus_init(void)
{
	struct sigaction sa = { .sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO | SA_RESTART },
			 now;

	if (sigaction(SIGBUS, NULL, &now) != 0) {
		return errno;
	}
	if (((now.sa_flags & SA_SIGINFO) != 0) && (now.sa_sigaction == on_sigbus)) {
		return 0;
	}
	before = now;
	(void)sigemptyset(&sa.sa_mask);
	return (sigaction(SIGBUS, &sa, NULL) == 0) ? 0 : errno;
}

int sigbus_guard(void *p, size_t len, int notify_fd)
{
	for (int i = 0; i < SLOTS; i++) {
		struct slot *s = &slots[i];
		bool expected = false;
		int used = atomic_load(&slots_used);

		if (atomic_load(&s->busy) ||
		    !atomic_compare_exchange_strong(&s->busy, &expected, true)) {
			continue;
		}
		while ((used <= i) && !atomic_compare_exchange_weak(&slots_used, &used, i + 1)) {
			/* `used` was refreshed by the failed exchange */
		}
		atomic_store(&s->hit, false);
		atomic_store(&s->notify_fd, notify_fd);
		atomic_store(&s->base, (uintptr_t)p);
		atomic_store(&s->len, len);
		return i;
	}
	return -1;
}

bool sigbus_hit(int handle)
{
	return (handle >= 0) && atomic_load(&slots[handle].hit);
}

void sigbus_unguard(int handle)
{
	if (handle >= 0) {
		atomic_store(&slots[handle].len, 0);
		atomic_store(&slots[handle].busy, false);
	}
}
