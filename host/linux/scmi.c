/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * scmi.c - a platform of this machine for SCMI devices: resources that are files
 *
 * A resource's `path` holds its value as a decimal number, in the unit of the message (a sensor of hwmon or iio, a
 * frequency or a voltage that a driver takes); its `switch` takes 1 and 0 (LED or GPIO classes, a driver's own), or it has
 * a `line` of a GPIO chip instead (scmi_file.c). A resource, or a part of one, without a file is simulated. All files are
 * opened at the start, before the sandbox.
 *
 * A file may be slow: a worker thread reads and writes. What agents ask of resources with files goes through one queue,
 * in order: what a switch is set to depends on what others need at that moment. State and answers are the loop's.
 *
 *	run -> queue -> [loop] is a file to be touched? -> [worker] the file -> [loop] the board's state, the answer
 *
 * Sensors with trip points, or `pushed`, are read each second, so that crossings are seen.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "host/linux/scmi_file.h"
#include "host/scmi/board.h"
#include "hosted/offload.h"

#define SECOND	1000000000u /* ns */
#define HOLD_US 1000u	    /* how long a reset that is cycled stays asserted */
#define QUEUE	(SCMI_AGENTS * (VIO_SCMI_DEPTH + VIO_SCMI_DELAYED) + 1u)

struct files {
	struct file value, gate;
};

/* What an op does to a file */
struct touch {
	struct file *on; /* NULL: nothing */
	bool write, cycle;
	int64_t number;
};

struct linux_board {
	struct scmi_board b;
	struct files *file[SCMI_KINDS];
	struct offload *worker;
	struct vio_clock *clock;
	struct vio_timer timer;
	/* queue: ops that are to be done, the first is under way */
	struct {
		struct scmi_agent *agent; /* NULL: `poll`, our own */
		struct vio_scmi_op *op;	  /* NULL: its agent has gone meanwhile */
	} queue[QUEUE];
	unsigned first, have;
	struct vio_scmi_op poll;
	uint16_t poll_next;
	bool polling;
	struct offload_job job;
	struct touch work; /* of the first in the queue; while busy the worker's */
	int error;	   /* errno; as `work` */
	bool busy;	   /* the worker is at it */
	bool worked;	   /* it has just ended */
	bool applying; /* the board is given an op, and what the worker did for it, or NULL: it did nothing */
	const struct touch *did;
};

/* ---- on the worker ---- */

static void worker_run(struct offload_job *j)
{
	struct linux_board *s = VIO_CONTAINER(j, struct linux_board, job);
	const struct timespec hold = { .tv_nsec = HOLD_US * 1000 };

	if (!s->work.write) {
		s->error = scmi_file_read(s->work.on, &s->work.number);
		return;
	}
	s->error = scmi_file_write(s->work.on, s->work.number);
	if (s->work.cycle && s->error == 0) {
		(void)nanosleep(&hold, NULL);
		s->error = scmi_file_write(s->work.on, 0);
	}
}

/* ---- on the loop ---- */

static struct file *there(struct file *f)
{
	return f->fd < 0 ? NULL : f;
}

/* shifts: what is switched changes by this op */
static struct touch touches(const struct linux_board *s, const struct vio_scmi_op *op, bool shifts)
{
	enum scmi_kind k = scmi_kind_of(op->verb);
	struct files *f = k == SCMI_KINDS ? NULL : &s->file[k][op->res];
	struct touch t = { .write = true, .number = (int64_t)op->value };

	switch (op->verb) {
	case VIO_SCMI_CLOCK_GET:
	case VIO_SCMI_SENSOR_GET:
	case VIO_SCMI_PERF_GET:
	case VIO_SCMI_VOLT_GET:
		t.write = false;
		t.on = there(&f->value);
		break;
	case VIO_SCMI_VOLT_SET:
		t.number = (int32_t)op->value;
		t.on = there(&f->value);
		break;
	case VIO_SCMI_CLOCK_SET:
	case VIO_SCMI_PERF_SET:
		t.on = there(&f->value);
		break;
	case VIO_SCMI_POWER_SET:
		t.number = op->value == VIO_SCMI_POWER_ON;
		t.on = shifts ? there(&f->gate) : NULL;
		break;
	case VIO_SCMI_CLOCK_ON:
	case VIO_SCMI_VOLT_ON:
		t.on = shifts ? there(&f->gate) : NULL;
		break;
	case VIO_SCMI_RESET_DO:
		t.cycle = op->value == VIO_SCMI_RESET_CYCLE;
		t.number = op->value != VIO_SCMI_RESET_DEASSERT;
		t.on = there(&f->gate);
		break;
	default:
		break;
	}
	return t;
}

static bool switches(const struct vio_scmi_op *op)
{
	return op->verb == VIO_SCMI_POWER_SET || op->verb == VIO_SCMI_CLOCK_ON ||
	       op->verb == VIO_SCMI_VOLT_ON;
}

static int result_of(int error)
{
	switch (error) {
	case 0:
		return VIO_OK;
	case EBUSY:
	case EAGAIN:
		return VIO_E_AGAIN;
	case EINVAL:
	case ERANGE:
		return VIO_E_ARG;
	default:
		return VIO_E_IO;
	}
}

static int said(const struct linux_board *s, struct file *on, const struct scmi_thing *thing,
		int error)
{
	scmi_file_say(on, s->b.path, thing->name, error);
	return result_of(error);
}

/* The board acts: the worker has done it; or an agent goes and gives back what it held, here and now. */
static int acts(struct scmi_board *b, const struct scmi_thing *thing, const struct vio_scmi_op *op)
{
	struct linux_board *s = VIO_CONTAINER(b, struct linux_board, b);
	struct touch t;

	if (s->applying) {
		return s->did ? said(s, s->did->on, thing, s->error) : VIO_OK;
	}
	t = touches(s, op, true);
	return t.on ? said(s, t.on, thing, scmi_file_write(t.on, t.number)) : VIO_OK;
}

static int looks(struct scmi_board *b, const struct scmi_thing *thing, struct vio_scmi_op *op)
{
	struct linux_board *s = VIO_CONTAINER(b, struct linux_board, b);

	if (!s->applying || !s->did) {
		return VIO_E_NOTSUP;
	}
	op->value = (uint64_t)s->did->number;
	return said(s, s->did->on, thing, s->error);
}

/* did: NULL: no file of the op was touched. The worker may be at another op meanwhile. */
static int apply(struct linux_board *s, struct scmi_agent *a, struct vio_scmi_op *op,
		 const struct touch *did)
{
	int rc;

	s->applying = true;
	s->did = did;
	rc = scmi_board_run(a, op);
	s->did = NULL;
	s->applying = false;
	return rc;
}

static void polled(struct linux_board *s)
{
	struct scmi_state *state = &s->b.state[SCMI_SENSORS][s->poll.res];

	s->polling = false;
	(void)said(s, s->work.on, &s->b.plan->thing[SCMI_SENSORS][s->poll.res], s->error);
	if (s->error == 0 && (uint64_t)s->work.number != state->value) {
		scmi_board_reading(&s->b, s->poll.res, (uint64_t)s->work.number);
	}
}

/* The worker begins with the first of the queue. returns: it did; false: there is nothing for it to do, or no worker */
static bool begin(struct linux_board *s, struct scmi_agent *a, struct vio_scmi_op *op)
{
	s->work = touches(s, op, a && switches(op) && scmi_board_shifts(a, op));
	if (s->work.on) {
		s->busy = true; /* and `error` is the worker's */
		if (offload_submit(s->worker, &s->job) == 0) {
			return true;
		}
		s->busy = false;
	}
	s->error = s->work.on ? EIO : 0;
	return false;
}

/* Give back what is done, and begin the next that needs the worker. A completion may bring a further op. */
static void next(struct linux_board *s)
{
	while (s->have && !s->busy) {
		struct scmi_agent *a = s->queue[s->first].agent;
		struct vio_scmi_op *op = s->queue[s->first].op;

		if (!s->worked && op && begin(s, a, op)) {
			return;
		}
		s->worked = false;
		s->first = (s->first + 1u) % QUEUE;
		s->have--;
		if (a && op) {
			vio_job_complete(&op->job, apply(s, a, op, s->work.on ? &s->work : NULL));
		} else if (!a) {
			polled(s);
		}
	}
}

static void worker_done(struct offload_job *j)
{
	struct linux_board *s = VIO_CONTAINER(j, struct linux_board, job);

	s->busy = false;
	s->worked = true;
	next(s);
}

static void put(struct linux_board *s, struct scmi_agent *a, struct vio_scmi_op *op)
{
	unsigned at = (s->first + s->have) % QUEUE;

	s->queue[at].agent = a;
	s->queue[at].op = op;
	if (s->have++ == 0) {
		next(s);
	}
}

static int linux_run(void *host, struct vio_scmi_op *op)
{
	struct scmi_agent *a = host;
	struct linux_board *s = VIO_CONTAINER(a->board, struct linux_board, b);
	bool has_file = touches(s, op, true).on != NULL;

	if (!has_file || (s->have == 0 && switches(op) && !scmi_board_shifts(a, op))) {
		return apply(s, a, op, NULL);
	}
	put(s, a, op);
	return VIO_PENDING;
}

/* ---- sensors that are watched ---- */

static bool watched(const struct linux_board *s, uint16_t n)
{
	return s->file[SCMI_SENSORS][n].value.fd >= 0 && s->b.plan->thing[SCMI_SENSORS][n].watch;
}

/* One sensor at a time, each once in a second; one that is slow is waited for */
static void watch(struct vio_timer *t)
{
	struct linux_board *s = VIO_CONTAINER(t, struct linux_board, timer);
	uint16_t n = s->b.plan->n[SCMI_SENSORS];

	if (!s->polling) {
		s->poll_next = (uint16_t)((s->poll_next + 1u) % n);
		if (watched(s, s->poll_next)) {
			s->polling = true;
			s->poll.verb = VIO_SCMI_SENSOR_GET;
			s->poll.res = s->poll_next;
			put(s, NULL, &s->poll);
		}
	}
	s->clock->set(s->clock, t, s->clock->now(s->clock) + SECOND / n);
}

static uint64_t linux_now(struct scmi_board *b)
{
	struct linux_board *s = VIO_CONTAINER(b, struct linux_board, b);

	return s->clock->now(s->clock);
}

/* ---- open and close ---- */

static void board_end(struct scmi_board *b)
{
	struct linux_board *s = VIO_CONTAINER(b, struct linux_board, b);

	offload_free(s->worker);
	if (s->timer.at) {
		s->clock->set(s->clock, &s->timer, 0);
	}
	for (unsigned k = 0; k < SCMI_KINDS; k++) {
		for (unsigned i = 0; s->file[k] && i < b->plan->n[k]; i++) {
			if (s->file[k][i].value.fd >= 0) {
				(void)close(s->file[k][i].value.fd);
			}
			if (s->file[k][i].gate.fd >= 0) {
				(void)close(s->file[k][i].gate.fd);
			}
		}
		free(s->file[k]);
	}
}

static bool board_files(struct host_ctx *ctx, struct linux_board *s, unsigned k)
{
	const struct scmi_thing *t = s->b.plan->thing[k];
	unsigned n = s->b.plan->n[k];

	s->file[k] = calloc(n + 1u, sizeof(*s->file[k]));
	for (unsigned i = 0; s->file[k] && i < n; i++) {
		s->file[k][i].value.fd = s->file[k][i].gate.fd = -1;
	}
	for (unsigned i = 0; s->file[k] && i < n; i++) {
		if (!scmi_file_open(ctx, t[i].path, k == SCMI_SENSORS, &s->file[k][i].value) ||
		    !scmi_gate_open(ctx, &t[i], &s->file[k][i].gate)) {
			return false;
		}
	}
	return s->file[k] != NULL;
}

static bool board_start(struct host_ctx *ctx, struct linux_board *s)
{
	(void)snprintf(ctx->err, sizeof(ctx->err), "out of memory");
	s->clock = loop_clock(ctx->loop);
	s->worker = offload_new(ctx->loop, "scmi");
	s->job.run = worker_run;
	s->job.done = worker_done;
	s->b.act = acts;
	s->b.look = looks;
	s->b.now = linux_now;
	s->timer.fire = watch;
	for (unsigned k = 0; k < SCMI_KINDS; k++) {
		if (!board_files(ctx, s, k)) {
			return false;
		}
	}
	for (uint16_t n = 0; n < s->b.plan->n[SCMI_SENSORS]; n++) {
		if (watched(s, n) && s->timer.at == 0) {
			s->clock->set(s->clock, &s->timer, s->clock->now(s->clock) + SECOND);
		}
	}
	return s->worker != NULL;
}

/* What is still to be done for an agent that goes, asynchronous commands, is done for nobody, or not at all. */
static void agent_close(void *host)
{
	struct scmi_agent *a = host;
	struct linux_board *s = VIO_CONTAINER(a->board, struct linux_board, b);

	for (unsigned n = 0; n < s->have; n++) {
		unsigned at = (s->first + n) % QUEUE;

		if (s->queue[at].agent == a) {
			s->queue[at].op = NULL;
		}
	}
	scmi_board_close(a);
}

static const struct vio_scmi_host_ops linux_ops = {
	.open = scmi_board_open,
	.close = agent_close,
	.run = linux_run,
	.reset = scmi_board_reset,
};

static void linux_close(struct host *h)
{
	struct scmi_agent *a = h->host;

	scmi_board_give(a);
	scmi_board_put(a->board, board_end);
}

static int linux_open(struct host_ctx *ctx, struct host *out)
{
	struct scmi_board *b;
	struct scmi_agent *a;

	if (!ctx->arg || !*ctx->arg) {
		(void)snprintf(ctx->err, sizeof(ctx->err),
			       "needs a file that declares the platform: linux:FILE");
		return -1;
	}
	b = scmi_board_get(ctx, "linux", sizeof(struct linux_board));
	if (!b) {
		return -1;
	}
	a = NULL;
	if (b->users > 1 || board_start(ctx, VIO_CONTAINER(b, struct linux_board, b))) {
		a = scmi_board_take(ctx, b);
	}
	if (!a) {
		scmi_board_put(b, board_end);
		return -1;
	}
	out->ops = &linux_ops;
	out->host = a;
	out->close = linux_close;
	return 0;
}

static const struct host_option linux_options[] = {
	{ .name = "scmi-agent",
	  .meta = "NAME",
	  .help = "which agent of FILE the guest is (the first)" },
};

const struct host_kind host_linux_scmi[] = {
	{
		.class_name = "scmi",
		.name = "linux",
		.about =
			"platform of a file, its resources files of this machine (hwmon, iio, ...)",
		.arg_help = "FILE",
		.opt = linux_options,
		.nopt = 1,
		.open = linux_open,
	},
	{ 0 },
};
