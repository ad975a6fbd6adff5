/* SPDX-License-Identifier: BSD-3-Clause */
/* bent.c - the thread of a bent back-end: connections one after the other, messages, kicks, time for the device */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "test/conform/bent_internal.h"

static void wait_for(struct bent *b, struct pollfd p[BENT_VQS + 2u])
{
	bool soon = bent_dev_busy(b);

	p[0] = (struct pollfd){ .fd = b->stop, .events = POLLIN };
	p[1] = (struct pollfd){ .fd = b->fd, .events = POLLIN };
	for (uint16_t i = 0; i < BENT_VQS; i++) {
		p[i + 2u] = (struct pollfd){ .fd = b->q[i].kick, .events = POLLIN };
		soon = soon || b->q[i].poll;
	}
	(void)poll(p, BENT_VQS + 2u,
		   soon							? 1
		   : bent_is(b, BENT_STARTED) || bent_is(b, BENT_EARLY) ? 5
									: -1);
}

static void turns(struct bent *b, const struct pollfd p[BENT_VQS + 2u])
{
	for (uint16_t i = 0; i < BENT_VQS; i++) {
		struct bent_queue *q = &b->q[i];
		uint64_t n;

		if (p[i + 2u].fd == q->kick && p[i + 2u].revents && q->kick >= 0) {
			if (read(q->kick, &n, sizeof(n)) == sizeof(n)) {
				q->started = true;
				bent_turn(b, i, true);
			}
		} else {
			bent_turn(b, i, false);
		}
	}
}

static void connection(struct bent *b)
{
	struct pollfd p[BENT_VQS + 2u];

	while (!b->over) {
		wait_for(b, p);
		if (p[0].revents) {
			return;
		}
		bent_dev_step(b);
		if (b->configs != b->lb.configs) {
			b->configs = b->lb.configs;
			bent_tell_change(b);
		}
		bent_back(b);
		if (bent_is(b, BENT_RESET_LATE)) {
			turns(b, p); /* so that something is under way */
		}
		if (p[1].revents) {
			bent_message(b);
		}
		turns(b, p);
	}
}

static void *run(void *arg)
{
	struct bent *b = arg;
	struct pollfd p[] = { { .fd = b->stop, .events = POLLIN },
			      { .fd = b->listen, .events = POLLIN } };

	for (;;) {
		(void)poll(p, 2, -1);
		if (p[0].revents) {
			return NULL;
		}
		b->fd = accept4(b->listen, NULL, NULL, SOCK_CLOEXEC);
		connection(b);
		close(b->fd);
		bent_forget(b);
	}
}

static int start(struct bent *b, const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	strncpy(a.sun_path, path, sizeof(a.sun_path) - 1);
	(void)unlink(path);
	b->stop = eventfd(0, EFD_CLOEXEC);
	b->listen = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return bind(b->listen, (struct sockaddr *)&a, sizeof(a)) || listen(b->listen, 4) ||
			       pthread_create(&b->thread, NULL, run, b)
		       ? -1
		       : 0;
}

struct bent *bent_start(const char *path, const char *device, const struct bend *bend,
			char err[256])
{
	struct bent *b = calloc(1, sizeof(*b));

	if (!b) {
		snprintf(err, 256, "no memory");
		return NULL;
	}
	b->bend = bend;
	b->channel = -1;
	for (uint16_t i = 0; i < BENT_VQS; i++) {
		b->q[i] = (struct bent_queue){ .kick = -1, .call = -1, .err = -1 };
	}
	if (bent_dev_open(b, device, err)) {
		bent_dev_close(b);
		free(b);
		return NULL;
	}
	if (start(b, path)) {
		snprintf(err, 256, "%s: %s", path, strerror(errno));
		bent_dev_close(b);
		free(b);
		return NULL;
	}
	return b;
}

void bent_stop(struct bent *b)
{
	static const uint64_t one = 1;

	(void)!write(b->stop, &one, sizeof(one));
	pthread_join(b->thread, NULL);
	close(b->stop);
	close(b->listen);
	bent_dev_close(b);
	free(b);
}
