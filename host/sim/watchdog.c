/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * watchdog.c - a simulated watchdog: says what it would have done, in the log and in a file
 *
 * The file gets a line for each start ("start MILLISECONDS"), "stop" and "expired ACTION", when it happens.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "hosted/host_kind.h"
#include "hosted/log.h"
#include "hosted/words.h"
#include "vio/watchdog.h"

struct sim_watchdog {
	const char *name;
	struct vio_watchdog_can can;
	int fd; /* of the record, or -1 */
};

static void sim_record(struct sim_watchdog *s, const char *line, size_t len)
{
	ssize_t n;

	if (s->fd >= 0) {
		n = write(s->fd, line, len);
		if (n < 0 || (size_t)n != len) {
			log_error(s->name, "the record cannot be written: %s",
				  n < 0 ? strerror(errno) : "the disk is full");
		}
	}
}

static const struct vio_watchdog_can *sim_can(void *host)
{
	return &((struct sim_watchdog *)host)->can;
}

static int sim_start(void *host, uint32_t timeout)
{
	char line[32];

	sim_record(host, line,
		   (size_t)snprintf(line, sizeof(line), "start %u\n", (unsigned)timeout));
	return VIO_OK;
}

static void sim_stop(void *host)
{
	sim_record(host, "stop\n", 5);
}

static void sim_expired(void *host, uint8_t action)
{
	struct sim_watchdog *s = host;
	char line[32];

	log_warn(s->name, "expired; a real host would do: %s", vio_watchdog_action[action]);
	sim_record(
		s, line,
		(size_t)snprintf(line, sizeof(line), "expired %s\n", vio_watchdog_action[action]));
}

static const struct vio_watchdog_host_ops sim_ops = {
	.open = sim_can,
	.start = sim_start,
	.stop = sim_stop,
	.expired = sim_expired,
};

/* ---- kind ---- */

static void sim_close(struct host *h)
{
	struct sim_watchdog *s = h->host;

	if (s->fd >= 0) {
		close(s->fd);
	}
	free(s);
}

static int sim_open(struct host_ctx *ctx, struct host *out)
{
	struct sim_watchdog *s = calloc(1, sizeof(*s));
	const char *word = ctx->option(ctx, "action");
	int n = words_find(word ? word : "reset", vio_watchdog_action, VIO_WATCHDOG_ACTIONS);

	if (!s) {
		(void)snprintf(ctx->err, sizeof(ctx->err), "out of memory");
		return -1;
	}
	s->name = ctx->name;
	s->fd = -1;
	s->can.actions = (1u << VIO_WATCHDOG_ACTIONS) - 2u;
	s->can.action = (uint8_t)n;
	if (n <= 0) {
		(void)snprintf(ctx->err, sizeof(ctx->err),
			       "action is reset, poweroff, pause, nmi or none");
		free(s);
		return -1;
	}
	if (ctx->arg) {
		s->fd = open(ctx->arg, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
		if (s->fd < 0) {
			(void)snprintf(ctx->err, sizeof(ctx->err), "%s: %s", ctx->arg,
				       strerror(errno));
			free(s);
			return -1;
		}
	}
	out->ops = &sim_ops;
	out->host = s;
	out->close = sim_close;
	return 0;
}

static const struct host_option sim_opt[] = {
	{ "action", "WHAT", "when it expires: reset (default), poweroff, pause, nmi, none", false },
};

const struct host_kind host_sim_watchdog[] = {
	{
		.class_name = "watchdog",
		.name = "sim",
		.about = "acts on nothing: what would have happened is in the log, and in a file",
		.arg_help = "[FILE]",
		.opt = sim_opt,
		.nopt = 1,
		.open = sim_open,
	},
	{ 0 },
};
