/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * scmi.c - a simulated platform for SCMI devices
 *
 * The board of host/scmi/board.h, with nothing behind it: what is set is what is read. Devices of one process that
 * name the same file are agents of one board. A sensor with a step moves each second between its ends, so that trip
 * points are crossed. With `delay` an answer comes later, each after its own time; a change is made at once.
 */
#include <stdio.h>
#include <stdlib.h>
#include "hosted/host_kind.h"
#include "host/scmi/board.h"

#define SECOND 1000000000u /* ns */
#define LATE   (VIO_SCMI_DEPTH + VIO_SCMI_DELAYED)

struct sim_board {
	struct scmi_board b;
	struct vio_clock *clock;
	struct vio_timer timer;
	bool down[SCMI_THINGS]; /* direction of a sensor */
};

/* An agent with what is late of it. */
struct sim_agent {
	struct scmi_agent *a;
	struct sim_board *board;
	struct vio_timer timer;
	uint64_t delay; /* ns */
	struct {
		struct vio_scmi_op *op;
		uint64_t at;
		int32_t result;
	} late[LATE];
};

static uint64_t sim_now(struct scmi_board *b)
{
	struct sim_board *s = VIO_CONTAINER(b, struct sim_board, b);

	return s->clock ? s->clock->now(s->clock) : 0;
}

static void sim_move(struct sim_board *s, uint16_t n, const struct scmi_thing *t)
{
	int64_t v = (int64_t)s->b.state[SCMI_SENSORS][n].value;

	v += s->down[n] ? -t->step : t->step;
	if (v >= t->max || v <= t->min) {
		v = v >= t->max ? t->max : t->min;
		s->down[n] = v == t->max;
	}
	scmi_board_reading(&s->b, n, (uint64_t)v);
}

static void sim_second(struct vio_timer *t)
{
	struct sim_board *s = VIO_CONTAINER(t, struct sim_board, timer);

	for (uint16_t n = 0; n < s->b.plan->n[SCMI_SENSORS]; n++) {
		const struct scmi_thing *k = &s->b.plan->thing[SCMI_SENSORS][n];

		if (k->step) {
			sim_move(s, n, k);
		}
	}
	s->clock->set(s->clock, t, s->clock->now(s->clock) + SECOND);
}

/* ---- late answers ---- */

static void sim_arm(struct sim_agent *h)
{
	struct vio_clock *c = h->board->clock;
	uint64_t at = 0;

	for (unsigned n = 0; n < LATE; n++) {
		if (h->late[n].op && (at == 0 || h->late[n].at < at)) {
			at = h->late[n].at;
		}
	}
	c->set(c, &h->timer, at);
}

static void sim_give(struct sim_agent *h, unsigned n)
{
	struct vio_scmi_op *op = h->late[n].op;

	h->late[n].op = NULL;
	vio_job_complete(&op->job, h->late[n].result);
}

static void sim_fire(struct vio_timer *t)
{
	struct sim_agent *h = VIO_CONTAINER(t, struct sim_agent, timer);
	uint64_t now = h->board->clock->now(h->board->clock);

	for (unsigned n = 0; n < LATE; n++) {
		if (h->late[n].op && h->late[n].at <= now) {
			sim_give(h, n);
		}
	}
	sim_arm(h);
}

static int sim_run(void *host, struct vio_scmi_op *op)
{
	struct sim_agent *h = host;
	int rc = scmi_board_run(h->a, op);

	for (unsigned n = 0; h->delay && n < LATE; n++) {
		if (!h->late[n].op) {
			h->late[n].op = op;
			h->late[n].at = h->board->clock->now(h->board->clock) + h->delay;
			h->late[n].result = rc;
			sim_arm(h);
			return VIO_PENDING;
		}
	}
	return rc;
}

static void sim_cancel(void *host, struct vio_scmi_op *op)
{
	struct sim_agent *h = host;

	for (unsigned n = 0; n < LATE; n++) {
		if (h->late[n].op == op) {
			sim_give(h, n);
			sim_arm(h);
			return;
		}
	}
}

static const struct vio_scmi_tree *sim_attach(void *host, struct vio_scmi_sink *sink)
{
	return scmi_board_open(((struct sim_agent *)host)->a, sink);
}

static void sim_detach(void *host)
{
	scmi_board_close(((struct sim_agent *)host)->a);
}

static void sim_reset(void *host)
{
	scmi_board_reset(((struct sim_agent *)host)->a);
}

static const struct vio_scmi_host_ops sim_ops = {
	.open = sim_attach,
	.close = sim_detach,
	.run = sim_run,
	.cancel = sim_cancel,
	.reset = sim_reset,
};

/* ---- kind ---- */

static void board_end(struct scmi_board *b)
{
	struct sim_board *s = VIO_CONTAINER(b, struct sim_board, b);

	if (s->timer.at) {
		s->clock->set(s->clock, &s->timer, 0);
	}
}

static void board_start(struct sim_board *s, struct loop *loop)
{
	s->b.now = sim_now;
	s->clock = loop ? loop_clock(loop) : NULL;
	s->timer.fire = sim_second;
	for (unsigned n = 0; n < s->b.plan->n[SCMI_SENSORS]; n++) {
		if (s->clock && s->timer.at == 0 && s->b.plan->thing[SCMI_SENSORS][n].step) {
			s->clock->set(s->clock, &s->timer, s->clock->now(s->clock) + SECOND);
		}
	}
}

static void sim_close(struct host *h)
{
	struct sim_agent *s = h->host;

	scmi_board_give(s->a);
	scmi_board_put(&s->board->b, board_end);
	free(s);
}

static bool sim_delay(struct host_ctx *ctx, uint64_t *ns)
{
	const char *text = ctx->option ? ctx->option(ctx, "scmi-delay") : NULL;
	char *end;
	unsigned long v;

	if (!text) {
		return true;
	}
	v = strtoul(text, &end, 10);
	if (end == text || *end || v > 10000000u) {
		(void)snprintf(ctx->err, sizeof(ctx->err),
			       "scmi-delay '%.20s' is no number of microseconds up to 10000000",
			       text);
		return false;
	}
	*ns = (uint64_t)v * 1000u;
	return true;
}

static int sim_open(struct host_ctx *ctx, struct host *out)
{
	struct scmi_board *b;
	struct sim_agent *h = calloc(1, sizeof(*h));

	if (!h || !sim_delay(ctx, &h->delay)) {
		if (!h) {
			(void)snprintf(ctx->err, sizeof(ctx->err), "out of memory");
		}
		free(h);
		return -1;
	}
	b = scmi_board_get(ctx, "sim", sizeof(struct sim_board));
	if (!b) {
		free(h);
		return -1;
	}
	h->board = VIO_CONTAINER(b, struct sim_board, b);
	if (b->users == 1) {
		board_start(h->board, ctx->loop);
	}
	h->a = scmi_board_take(ctx, b);
	if (!h->a) {
		scmi_board_put(b, board_end);
		free(h);
		return -1;
	}
	h->timer.fire = sim_fire;
	out->ops = &sim_ops;
	out->host = h;
	out->close = sim_close;
	return 0;
}

static const struct host_option sim_options[] = {
	{ .name = "scmi-agent",
	  .meta = "NAME",
	  .help = "which agent of FILE the guest is (the first)" },
	{ .name = "scmi-delay", .meta = "US", .help = "answer so much later" },
};

const struct host_kind host_sim_scmi[] = {
	{
		.class_name = "scmi",
		.name = "sim",
		.about = "simulated platform, a small one or that of a file",
		.arg_help = "[FILE]",
		.is_default = true,
		.opt = sim_options,
		.nopt = 2,
		.open = sim_open,
	},
	{ 0 },
};
