/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench_socket.c - a vhost-user back-end as target: attach to it, or spawn it
 *
 * The end of what a spawned back-end printed is shown when something fails.
 */
#include "app/bench_count.h"
#include "app/bench_way.h"
#include <poll.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#define REPLY_MS 10000u
#define SPAWN_MS 10000u
#define TOOL_MS	 60000u /* to start or to leave, under a tool that counts */

/* In the child, when it is counted: under the tool */
static void exec_counted(void *arg, const char *command)
{
	count_exec(arg, command);
}

static int spawn(struct bench *b, char err[256])
{
	b->target = (struct target){ .command = b->spec.spawn,
				     .exec = b->counted ? exec_counted : NULL,
				     .arg = b };
	return target_start(&b->target, err);
}

static void end_child(struct bench *b)
{
	if (b->target.child > 0 && b->counted &&
	    b->pid > 0) { /* the tool writes when it has ended */
		(void)kill(b->pid, SIGTERM);
		if (target_leaves(&b->target, TOOL_MS)) {
			count_read(b);
		}
	}
	target_end(&b->target);
}

static bool child_ended(struct bench *b, char err[256])
{
	char how[256];

	if (!target_ended(&b->target, how)) {
		return false;
	}
	snprintf(err, 256, "the back-end ended at once, %.200s", how);
	return true;
}

static int connect_to(struct bench *b, char err[256])
{
	static const struct vhf_config cfg = { .reply_ms = REPLY_MS };
	uint64_t begin = bench_now();

	if (b->spec.attach) {
		b->f = vhf_connect(&cfg, b->spec.attach, 0, err);
	} else {
		if (spawn(b, err)) {
			return -1;
		}
		for (unsigned t = 0; t < (b->counted ? TOOL_MS : SPAWN_MS) / 10u && !b->f; t++) {
			if (child_ended(b, err)) {
				return -1;
			}
			b->f = vhf_connect(&cfg, b->target.sock, 10, err);
		}
		b->result.ready_ns = bench_now() - begin;
	}
	if (b->f) {
		b->pid = vhf_pid(b->f);
		b->target.pid = b->pid;
	}
	return b->f ? 0 : -1;
}

static int socket_open(struct bench *b, char err[256])
{
	if (connect_to(b, err)) {
		return -1;
	}
	b->to = b->f;
	if (vhf_memory(b->f, b->spec.regions, bench_region_bytes(&b->spec)) != VIO_OK) {
		snprintf(err, 256, "%s", vhf_error(b->f));
		return -1;
	}
	return 0;
}

static void socket_close(struct bench *b)
{
	if (b->f) {
		vhf_close(b->f);
	}
	b->f = NULL;
	end_child(b);
}

static void socket_why(struct bench *b)
{
	if (b->target.dir[0]) {
		target_show_log(&b->target);
	}
}

static bool socket_asked(const struct bench_spec *s)
{
	return s->attach || s->spawn;
}

static int socket_alloc(void *to, uint32_t at, uint32_t len, uint32_t align, struct vio_dma *out)
{
	return vhf_alloc(to, at, len, align, out);
}

static uint32_t socket_queues(void *to)
{
	return vhf_queues(to);
}

static void socket_stop(struct bench *b, uint16_t vq)
{
	(void)vhf_stop(b->f, vq, NULL);
}

static bool socket_gone(struct bench *b)
{
	return vhf_gone(b->f);
}

static const char *socket_error(void *to)
{
	return vhf_error(to);
}

static uint64_t socket_kicks(void *to)
{
	return vhf_kicks(to);
}

static unsigned socket_nap(struct bench *b, uint64_t ns)
{
	struct pollfd p[BENCH_QUEUES + 1u];
	struct timespec t = { (time_t)(ns / 1000000000u), (long)(ns % 1000000000u) };
	uint16_t n = b->spec.queues;
	unsigned calls = 0;

	for (uint16_t i = 0; i < n; i++) {
		p[i] = (struct pollfd){ .fd = vhf_call_fd(b->f, b->queue[i].vq), .events = POLLIN };
	}
	p[n] = (struct pollfd){ .fd = vhf_socket(b->f), .events = POLLIN };
	if (ppoll(p, n + 1u, &t, NULL) <= 0) {
		return 0;
	}
	for (uint16_t i = 0; i < n; i++) {
		uint64_t v;

		if ((p[i].revents & POLLIN) && read(p[i].fd, &v, sizeof(v)) == sizeof(v)) {
			calls++;
		}
	}
	return calls;
}

const struct bench_way bench_socket = {
	.asked = socket_asked,
	.open = socket_open,
	.close = socket_close,
	.why = socket_why,
	.bus = &vhf_bus,
	.alloc = socket_alloc,
	.queues = socket_queues,
	.stop = socket_stop,
	.nap = socket_nap,
	.gone = socket_gone,
	.error = socket_error,
	.kicks = socket_kicks,
};
