/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * board.c - the platform behind SCMI devices: state, votes, notifications
 *
 * Votes: a clock, power domain or regulator is on while one agent, or the platform, needs it. Values (rate, level,
 * limits, voltage) belong to who set them last. An agent that goes takes its votes with it; resets and pins that it held
 * are released; values stay.
 *
 * Order of a change: the resource first (act), the state when that succeeded, then the agents are told.
 */
#include "host/scmi/board.h"

enum scmi_kind scmi_kind_of(uint8_t verb)
{
	if (verb <= VIO_SCMI_CLOCK_SET_PARENT) {
		return SCMI_CLOCKS;
	}
	if (verb <= VIO_SCMI_SENSOR_SET_CONFIG) {
		return SCMI_SENSORS;
	}
	if (verb == VIO_SCMI_RESET_DO) {
		return SCMI_RESETS;
	}
	if (verb <= VIO_SCMI_POWER_SET) {
		return SCMI_POWERS;
	}
	if (verb <= VIO_SCMI_SYSTEM_SET) {
		return SCMI_KINDS;
	}
	if (verb <= VIO_SCMI_PERF_SET_LIMITS) {
		return SCMI_PERFS;
	}
	return verb <= VIO_SCMI_VOLT_ON ? SCMI_VOLTS : SCMI_PINS;
}

void scmi_board_tell(struct scmi_board *b, const struct vio_scmi_event *e)
{
	for (unsigned i = 0; i < b->plan->nagent; i++) {
		struct vio_scmi_sink *sink = b->agent[i].sink;

		if (sink) {
			sink->event(sink, e);
		}
	}
}

void scmi_board_reading(struct scmi_board *b, uint16_t sensor, uint64_t value)
{
	struct scmi_state *s = &b->state[SCMI_SENSORS][sensor];
	struct vio_scmi_event e = { .verb = VIO_SCMI_SENSOR_GET, .res = sensor, .value = value };

	s->value = value;
	s->extra = b->now && (s->config & 2u) ? b->now(b) : 0;
	e.extra = s->extra;
	scmi_board_tell(b, &e);
}

/* ---- what an agent asks ---- */

static int do_act(struct scmi_board *b, const struct scmi_thing *t, const struct vio_scmi_op *op)
{
	return b->act ? b->act(b, t, op) : VIO_OK;
}

/* A value that is only remembered here where the resource cannot be asked. */
static int do_look(struct scmi_board *b, const struct scmi_thing *t, struct vio_scmi_op *op,
		   uint64_t last)
{
	int rc = b->look ? b->look(b, t, op) : VIO_E_NOTSUP;

	if (rc == VIO_E_NOTSUP) {
		op->value = last;
		rc = VIO_OK;
	}
	return rc;
}

static void told(struct scmi_board *b, const struct vio_scmi_op *op)
{
	struct vio_scmi_event e = { .verb = op->verb,
				    .agent = op->agent,
				    .res = op->res,
				    .value = op->value,
				    .extra = op->extra };

	scmi_board_tell(b, &e);
}

/* value: 1 or 0 this agent needs it; the resource is touched only when the sum changes */
static int vote(struct scmi_agent *a, const struct scmi_thing *t, struct scmi_state *s,
		struct vio_scmi_op *op, bool need)
{
	uint32_t votes = need ? s->votes | a->bit : s->votes & ~a->bit;
	int rc = VIO_OK;

	if ((votes != 0) != (s->votes != 0)) {
		rc = do_act(a->board, t, op);
	}
	if (rc == VIO_OK) {
		bool changed = (votes != 0) != (s->votes != 0);

		s->votes = votes;
		if (changed) {
			told(a->board, op);
		}
	}
	return rc;
}

bool scmi_board_shifts(const struct scmi_agent *a, const struct vio_scmi_op *op)
{
	enum scmi_kind k = scmi_kind_of(op->verb);
	const struct scmi_state *s = k == SCMI_KINDS ? NULL : &a->board->state[k][op->res];
	bool need =
		op->verb == VIO_SCMI_POWER_SET ? op->value == VIO_SCMI_POWER_ON : op->value != 0;

	return s && ((need ? s->votes | a->bit : s->votes & ~a->bit) != 0) != (s->votes != 0);
}

static int set_value(struct scmi_agent *a, const struct scmi_thing *t, uint64_t *to,
		     struct vio_scmi_op *op, uint64_t value)
{
	int rc = do_act(a->board, t, op);

	if (rc == VIO_OK) {
		*to = value;
		told(a->board, op);
	}
	return rc;
}

static int run_clock(struct scmi_agent *a, const struct scmi_thing *t, struct scmi_state *s,
		     struct vio_scmi_op *op)
{
	switch (op->verb) {
	case VIO_SCMI_CLOCK_GET:
		return do_look(a->board, t, op, s->value);
	case VIO_SCMI_CLOCK_SET:
		return set_value(a, t, &s->value, op, op->value);
	case VIO_SCMI_CLOCK_IS_ON:
		op->value = s->votes != 0;
		return VIO_OK;
	case VIO_SCMI_CLOCK_ON:
		return vote(a, t, s, op, op->value != 0);
	case VIO_SCMI_CLOCK_PARENT:
		op->value = s->parent;
		return VIO_OK;
	default:
		s->parent = (uint16_t)op->value;
		return do_act(a->board, t, op);
	}
}

static int run_sensor(struct scmi_agent *a, const struct scmi_thing *t, struct scmi_state *s,
		      struct vio_scmi_op *op)
{
	switch (op->verb) {
	case VIO_SCMI_SENSOR_GET:
		op->extra = a->board->now && (s->config & 2u) ? a->board->now(a->board) : 0;
		return do_look(a->board, t, op, s->value);
	case VIO_SCMI_SENSOR_CONFIG:
		op->value = s->config;
		return VIO_OK;
	default:
		/* nothing here can be switched off, or has an interval that can be set */
		if ((op->value & ~3u) || !(op->value & 1u)) {
			return VIO_E_NOTSUP;
		}
		s->config = (uint8_t)op->value;
		return VIO_OK;
	}
}

static int run_reset(struct scmi_agent *a, const struct scmi_thing *t, struct scmi_state *s,
		     struct vio_scmi_op *op)
{
	int rc = do_act(a->board, t, op);

	if (rc == VIO_OK) {
		s->held = op->value == VIO_SCMI_RESET_ASSERT;
		s->votes = s->held ? a->bit : 0;
		s->value += op->value != VIO_SCMI_RESET_DEASSERT; /* how often */
		told(a->board, op);
	}
	return rc;
}

static int run_perf(struct scmi_agent *a, const struct scmi_thing *t, struct scmi_state *s,
		    struct vio_scmi_op *op)
{
	switch (op->verb) {
	case VIO_SCMI_PERF_GET:
		return do_look(a->board, t, op, s->value);
	case VIO_SCMI_PERF_SET:
		if (op->value < (uint32_t)s->extra || op->value > s->extra >> 32) {
			return VIO_E_ARG; /* beyond the limits */
		}
		return set_value(a, t, &s->value, op, op->value);
	case VIO_SCMI_PERF_LIMITS:
		op->value = s->extra >> 32;
		op->extra = (uint32_t)s->extra;
		return VIO_OK;
	default:
		return set_value(a, t, &s->extra, op, op->extra | (op->value << 32));
	}
}

static int run_system(struct scmi_agent *a, struct vio_scmi_op *op)
{
	if (op->verb == VIO_SCMI_SYSTEM_SET) {
		return set_value(a, NULL, &a->board->system, op, op->value);
	}
	op->value = a->board->system;
	return VIO_OK;
}

int scmi_board_run(void *host, struct vio_scmi_op *op)
{
	struct scmi_agent *a = host;
	enum scmi_kind k = scmi_kind_of(op->verb);
	const struct scmi_thing *t;
	struct scmi_state *s;

	if (k == SCMI_KINDS) {
		return run_system(a, op);
	}
	if (k == SCMI_PINS) {
		return scmi_pins_run(a, op);
	}
	t = &a->board->plan->thing[k][op->res];
	s = &a->board->state[k][op->res];
	switch (k) {
	case SCMI_CLOCKS:
		return run_clock(a, t, s, op);
	case SCMI_SENSORS:
		return run_sensor(a, t, s, op);
	case SCMI_RESETS:
		return run_reset(a, t, s, op);
	case SCMI_PERFS:
		return run_perf(a, t, s, op);
	case SCMI_POWERS:
		if (op->verb == VIO_SCMI_POWER_SET) {
			return vote(a, t, s, op, op->value == VIO_SCMI_POWER_ON);
		}
		op->value = s->votes ? VIO_SCMI_POWER_ON : VIO_SCMI_POWER_OFF;
		return VIO_OK;
	case SCMI_VOLTS:
	case SCMI_PINS:
	case SCMI_GROUPS:
	case SCMI_FUNCTIONS:
	case SCMI_KINDS:
	default:
		break;
	}
	switch (op->verb) {
	case VIO_SCMI_VOLT_GET:
		return do_look(a->board, t, op, s->value);
	case VIO_SCMI_VOLT_SET:
		return set_value(a, t, &s->value, op, op->value);
	case VIO_SCMI_VOLT_ON:
		return vote(a, t, s, op, op->value != 0);
	default:
		op->value = s->votes != 0;
		return VIO_OK;
	}
}

/* ---- agents come and go ---- */

const struct vio_scmi_tree *scmi_board_open(void *host, struct vio_scmi_sink *sink)
{
	struct scmi_agent *a = host;

	a->sink = sink;
	return a->tree;
}

void scmi_board_close(void *host)
{
	struct scmi_agent *a = host;

	scmi_board_reset(a);
	a->sink = NULL;
}

/* What an agent held of one kind is given back, by the same way as if it had done so itself. */
static void release(struct scmi_agent *a, enum scmi_kind k, uint8_t verb, uint64_t value)
{
	for (unsigned i = 0; i < a->board->plan->n[k]; i++) {
		struct vio_scmi_op op = {
			.verb = verb, .agent = a->tree->agent, .res = (uint16_t)i, .value = value
		};

		if (a->board->state[k][i].votes & a->bit) {
			(void)scmi_board_run(a, &op);
			a->board->state[k][i].votes &=
				~a->bit; /* also where the resource refuses */
		}
	}
}

void scmi_board_reset(void *host)
{
	struct scmi_agent *a = host;

	release(a, SCMI_CLOCKS, VIO_SCMI_CLOCK_ON, 0);
	release(a, SCMI_POWERS, VIO_SCMI_POWER_SET, VIO_SCMI_POWER_OFF);
	release(a, SCMI_VOLTS, VIO_SCMI_VOLT_ON, 0);
	release(a, SCMI_RESETS, VIO_SCMI_RESET_DO, VIO_SCMI_RESET_DEASSERT);
	scmi_pins_leave(a);
}
