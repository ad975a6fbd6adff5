/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * watchdog_tell.c - when a guest's watchdog expires, somebody else is told: the guest's QEMU, or a supervisor
 *
 * Theory of operation. `action` is what is still to be told, 0 when there is nothing. tell_try begins, and tell_again
 * repeats it a second later if it failed, until it is done or the guest starts its watchdog anew. The first failure of
 * an expiry is logged, and what came of it in the end. Nothing is connected in between, as QEMU's monitor serves one
 * client at a time, and QEMU mostly starts after this program.
 *
 * QMP: greeting, qmp_capabilities, the command; a line is a JSON object, of which the first key tells what it is
 * ("QMP", "return", "error"; all others are events). Of a line the first bytes are kept, which is all of an answer.
 * A monitor that says nothing for 5 s is left: another client has it.
 *
 * Notify: a datagram each, as "watchdog0 start 60000", "watchdog0 stop", "watchdog0 expired reset". Only the last is
 * repeated if nobody takes it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "host/linux/watchdog.h"
#include "hosted/log.h"
#include "hosted/words.h"
#include "vio/watchdog.h"

#define SECOND	 1000000000u /* ns */
#define PATIENCE (5ull * SECOND)

enum qmp_state { QMP_GREETING, QMP_CAPABILITIES, QMP_COMMAND };

struct tell {
	const char *name;
	struct loop *loop;
	struct vio_clock *clock;
	struct vio_timer timer; /* of the next attempt, or of the end of this one */
	struct vio_watchdog_can can;
	struct sockaddr_un to;
	bool qmp, failed; /* failed: it was logged */
	uint8_t action;	  /* to be told, 0: nothing */
	int fd;		  /* notify: always; qmp: while it talks, else -1 */
	struct loop_fd in;
	enum qmp_state state;
	char line[256];
	size_t len; /* of the line so far, may be more than fits */
};

static void tell_hang_up(struct tell *t)
{
	t->clock->set(t->clock, &t->timer, 0);
	if (t->qmp && t->fd >= 0) {
		loop_del(&t->in);
		close(t->fd);
		t->fd = -1;
	}
}

static void tell_again(struct tell *t, const char *why)
{
	tell_hang_up(t);
	if (!t->failed) {
		log_error(t->name, "expired, and %s cannot be told '%s': %s; trying on",
			  t->to.sun_path, vio_watchdog_action[t->action], why);
	}
	t->failed = true;
	t->clock->set(t->clock, &t->timer, t->clock->now(t->clock) + SECOND);
}

static void tell_done(struct tell *t)
{
	log_warn(t->name, "expired; %s was told: %s", t->to.sun_path,
		 vio_watchdog_action[t->action]);
	t->action = 0;
	tell_hang_up(t);
}

/* ---- QMP ---- */

static const char *const commands[VIO_WATCHDOG_ACTIONS] = {
	[VIO_WATCHDOG_A_RESET] = "system_reset",
	[VIO_WATCHDOG_A_POWEROFF] = "quit",
	[VIO_WATCHDOG_A_PAUSE] = "stop",
	[VIO_WATCHDOG_A_NMI] = "inject-nmi",
};

static void qmp_say(struct tell *t, enum qmp_state next, const char *command)
{
	char line[64];
	int n = snprintf(line, sizeof(line), "{\"execute\": \"%s\"}\n", command);

	if (send(t->fd, line, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT) != n) {
		tell_again(t, "it takes no command");
		return;
	}
	t->state = next;
}

/* Is this the first key of the object? */
static bool qmp_key(const char *line, const char *key)
{
	size_t n = strlen(key);

	line += strspn(line, " \t");
	if (*line++ != '{') {
		return false;
	}
	line += strspn(line, " \t");
	return *line == '"' && strncmp(line + 1, key, n) == 0 && line[n + 1] == '"';
}

static void qmp_line(struct tell *t)
{
	bool good = qmp_key(t->line, "return");

	if (qmp_key(t->line, "error")) {
		tell_again(t, t->line);
	} else if (t->state == QMP_GREETING && qmp_key(t->line, "QMP")) {
		qmp_say(t, QMP_CAPABILITIES, "qmp_capabilities");
	} else if (t->state == QMP_CAPABILITIES && good) {
		qmp_say(t, QMP_COMMAND, commands[t->action]);
	} else if (t->state == QMP_COMMAND && good) {
		tell_done(t);
	}
}

static void qmp_take(struct tell *t, const char *p, size_t n)
{
	for (; n && t->fd >= 0; n--, p++) {
		if (*p != '\n') {
			if (t->len < sizeof(t->line) - 1) {
				t->line[t->len++] = *p == '\r' ? ' ' : *p;
			}
			continue;
		}
		t->line[t->len] = 0;
		t->len = 0;
		qmp_line(t);
	}
}

static void qmp_event(struct loop_fd *f, uint32_t events)
{
	struct tell *t = VIO_CONTAINER(f, struct tell, in);
	char part[1024];
	ssize_t n = recv(t->fd, part, sizeof(part), MSG_DONTWAIT);

	(void)events;
	if (n > 0) {
		qmp_take(t, part, (size_t)n);
	} else if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		return;
	} else if (t->state == QMP_COMMAND && t->action == VIO_WATCHDOG_A_POWEROFF) {
		tell_done(t); /* it ended before it could say so */
	} else {
		tell_again(t, n < 0 ? strerror(errno) : "it hung up");
	}
}

static void qmp_try(struct tell *t)
{
	int r;

	t->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (t->fd < 0 || connect(t->fd, (struct sockaddr *)&t->to, sizeof(t->to)) < 0) {
		r = errno;
		if (t->fd >= 0) {
			close(t->fd);
			t->fd = -1;
		}
		tell_again(t, strerror(r));
		return;
	}
	t->state = QMP_GREETING;
	t->len = 0;
	r = loop_add(t->loop, &t->in, t->fd, EPOLLIN, qmp_event);
	if (r) {
		tell_again(t, strerror(r));
		return;
	}
	t->clock->set(t->clock, &t->timer, t->clock->now(t->clock) + PATIENCE);
}

/* ---- datagrams ---- */

static bool notify(struct tell *t, const char *what, const char *more)
{
	char text[96];
	int n = snprintf(text, sizeof(text), "%.40s %s%s%s", t->name, what, *more ? " " : "", more);

	return sendto(t->fd, text, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT,
		      (struct sockaddr *)&t->to, sizeof(t->to)) == n;
}

static void notify_try(struct tell *t)
{
	if (notify(t, "expired", vio_watchdog_action[t->action])) {
		tell_done(t);
	} else {
		tell_again(t, strerror(errno));
	}
}

/* ---- both ---- */

static void tell_fire(struct vio_timer *timer)
{
	struct tell *t = VIO_CONTAINER(timer, struct tell, timer);

	if (t->qmp && t->fd >= 0) {
		tell_again(t, "it does not answer; does another client have it?");
	} else if (t->qmp) {
		qmp_try(t);
	} else {
		notify_try(t);
	}
}

static const struct vio_watchdog_can *tell_can(void *host)
{
	return &((struct tell *)host)->can;
}

static int tell_start(void *host, uint32_t timeout)
{
	struct tell *t = host;
	char ms[16];

	if (t->action) {
		log_warn(t->name, "the guest is back; nobody was told: %s",
			 vio_watchdog_action[t->action]);
		t->action = 0;
		tell_hang_up(t);
	}
	(void)snprintf(ms, sizeof(ms), "%u", (unsigned)timeout);
	if (!t->qmp && !notify(t, "start", ms)) {
		log_debug(t->name, "%s was not told of the start: %s", t->to.sun_path,
			  strerror(errno));
	}
	return VIO_OK;
}

static void tell_stop(void *host)
{
	struct tell *t = host;

	if (!t->qmp && !notify(t, "stop", "")) {
		log_debug(t->name, "%s was not told of the stop: %s", t->to.sun_path,
			  strerror(errno));
	}
}

static void tell_expired(void *host, uint8_t action)
{
	struct tell *t = host;

	if (t->qmp && !commands[action]) {
		log_warn(t->name, "expired; nothing is done, as wanted");
		return;
	}
	t->action = action;
	t->failed = false;
	tell_fire(&t->timer);
}

static const struct vio_watchdog_host_ops tell_ops = {
	.open = tell_can,
	.start = tell_start,
	.stop = tell_stop,
	.expired = tell_expired,
};

static void tell_close(struct host *h)
{
	struct tell *t = h->host;

	tell_hang_up(t);
	if (t->fd >= 0) {
		close(t->fd);
	}
	free(t);
}

static int tell_open(struct host_ctx *ctx, struct host *out, bool qmp)
{
	struct tell *t = calloc(1, sizeof(*t));
	const char *wrong = t ? NULL : "out of memory", *word = ctx->option(ctx, "action");
	int n = words_find(word ? word : "reset", vio_watchdog_action, VIO_WATCHDOG_ACTIONS);

	if (t) {
		t->name = ctx->name;
		t->loop = ctx->loop;
		t->clock = loop_clock(ctx->loop);
		t->timer.fire = tell_fire;
		t->qmp = qmp;
		t->fd = -1;
		t->to.sun_family = AF_UNIX;
		t->can.actions = (1u << VIO_WATCHDOG_ACTIONS) - 2u;
		t->can.action = (uint8_t)n;
		wrong = n <= 0 ? "action is reset, poweroff, pause, nmi or none" : NULL;
	}
	if (!wrong && (!ctx->arg || !*ctx->arg)) {
		wrong = qmp ? "which monitor? As in --host=qmp:/run/g1.qmp, with QEMU's "
			      "-qmp unix:/run/g1.qmp,server=on,wait=off"
			    : "which socket? As in --host=notify:/run/supervisor";
	}
	if (!wrong && strlen(ctx->arg) >= sizeof(t->to.sun_path)) {
		wrong = "the path of a Unix socket has at most 107 bytes";
	}
	if (!wrong) {
		memcpy(t->to.sun_path, ctx->arg, strlen(ctx->arg));
		t->fd = qmp ? -1 : socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		wrong = !qmp && t->fd < 0 ? strerror(errno) : NULL;
	}
	if (wrong) {
		(void)snprintf(ctx->err, sizeof(ctx->err), "%s", wrong);
		free(t);
		return -1;
	}
	out->ops = &tell_ops;
	out->host = t;
	out->close = tell_close;
	return 0;
}

int watchdog_qmp_open(struct host_ctx *ctx, struct host *out)
{
	return tell_open(ctx, out, true);
}

int watchdog_notify_open(struct host_ctx *ctx, struct host *out)
{
	return tell_open(ctx, out, false);
}
