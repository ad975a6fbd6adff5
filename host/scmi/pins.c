/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pins.c - pins of the platform behind SCMI devices: who has them, their function, their settings
 *
 * A group is its pins: what is set is set of each, all or nothing; what is read is what they agree on. A pin that an
 * agent has requested is set by that agent only; one that nobody has, by whoever may.
 *
 * Biases exclude each other, and so do drives: the last one holds. The level of a pin is what it is driven to, or else
 * what it is pulled to.
 */
#include <string.h>
#include "host/scmi/board.h"

#define BIAS  (0x3fu << VIO_SCMI_PIN_BUS_HOLD)
#define DRIVE (0x7u << VIO_SCMI_PIN_OPEN_DRAIN)

/* The pins of an op, by the board's numbers */
struct span {
	const uint16_t *pin;
	uint16_t n;
};

static struct span span_of(const struct scmi_board *b, const struct vio_scmi_op *op)
{
	const struct scmi_thing *g = &b->plan->thing[SCMI_GROUPS][op->res];

	return op->group ? (struct span){ g->member, g->nmember } : (struct span){ &op->res, 1 };
}

/* An agent other than this one has one of them */
static bool taken(const struct scmi_agent *a, struct span s)
{
	for (unsigned i = 0; i < s.n; i++) {
		uint32_t owner = a->board->pin[s.pin[i]].owner;

		if (owner && owner != a->bit) {
			return true;
		}
	}
	return false;
}

static uint32_t level(const struct scmi_pin *p)
{
	if (p->set & (1u << VIO_SCMI_PIN_OUTPUT_VALUE)) {
		return p->value[VIO_SCMI_PIN_OUTPUT_VALUE] != 0;
	}
	return (p->set >> VIO_SCMI_PIN_PULL_UP) & 1u;
}

static bool read_pin(const struct scmi_pin *p, uint8_t type, uint32_t *value)
{
	if (type == VIO_SCMI_PIN_INPUT_VALUE) {
		*value = level(p);
		return true;
	}
	if (type >= VIO_SCMI_PIN_SETTINGS || !(p->set & (1u << type))) {
		return false;
	}
	*value = p->value[type];
	return true;
}

/* What all of them have; false: they differ, or it is not set */
static bool read_span(const struct scmi_board *b, struct span s, uint8_t type, uint32_t *value)
{
	uint32_t other;

	if (!read_pin(&b->pin[s.pin[0]], type, value)) {
		return false;
	}
	for (unsigned i = 1; i < s.n; i++) {
		if (!read_pin(&b->pin[s.pin[i]], type, &other) || other != *value) {
			return false;
		}
	}
	return true;
}

static uint32_t function_of(const struct scmi_board *b, struct span s)
{
	uint32_t f = b->pin[s.pin[0]].function;

	for (unsigned i = 1; i < s.n; i++) {
		if (b->pin[s.pin[i]].function != f) {
			return VIO_SCMI_NO_FUNCTION;
		}
	}
	return f;
}

static int get_all(const struct scmi_board *b, struct span s, struct vio_scmi_op *op)
{
	uint8_t room = op->nconfig;
	uint64_t skip = op->extra;

	op->nconfig = 0;
	op->extra = 0;
	for (uint8_t type = 0; type < VIO_SCMI_PIN_SETTINGS; type++) {
		uint32_t value;

		if (!read_span(b, s, type, &value)) {
			continue;
		}
		if (skip) {
			skip--;
		} else if (op->nconfig == room) {
			op->extra++;
		} else {
			op->config[op->nconfig++] =
				(struct vio_scmi_config){ .type = type, .value = value };
		}
	}
	return VIO_OK;
}

static void apply(struct scmi_pin *p, const struct vio_scmi_config *c)
{
	uint32_t bit = 1u << c->type;

	if (c->type == VIO_SCMI_PIN_DEFAULT) {
		p->set = 0;
		return;
	}
	p->set &= ~(bit & BIAS ? BIAS : bit & DRIVE ? DRIVE : 0u);
	p->set |= bit;
	p->value[c->type] = c->value;
}

static int set(struct scmi_agent *a, struct span s, const struct vio_scmi_op *op)
{
	for (unsigned k = 0; k < op->nconfig; k++) {
		uint8_t type = op->config[k].type;

		if (type >= VIO_SCMI_PIN_SETTINGS || type == VIO_SCMI_PIN_INPUT_VALUE) {
			return VIO_E_NOTSUP;
		}
	}
	for (unsigned i = 0; i < s.n; i++) {
		struct scmi_pin *p = &a->board->pin[s.pin[i]];

		if (op->value != VIO_SCMI_NO_FUNCTION) {
			p->function = (uint32_t)op->value;
		}
		for (unsigned k = 0; k < op->nconfig; k++) {
			apply(p, &op->config[k]);
		}
	}
	return VIO_OK;
}

static int own(struct scmi_agent *a, struct span s, uint32_t owner)
{
	for (unsigned i = 0; i < s.n; i++) {
		a->board->pin[s.pin[i]].owner = owner;
	}
	return VIO_OK;
}

int scmi_pins_run(struct scmi_agent *a, struct vio_scmi_op *op)
{
	struct span s = span_of(a->board, op);
	int rc = VIO_OK;

	switch (op->verb) {
	case VIO_SCMI_PIN_GET:
		if (op->nconfig &&
		    !read_span(a->board, s, op->config[0].type, &op->config[0].value)) {
			rc = VIO_E_NOTSUP;
		}
		op->value = function_of(a->board, s);
		return rc;
	case VIO_SCMI_PIN_GET_ALL:
		op->value = function_of(a->board, s);
		return get_all(a->board, s, op);
	case VIO_SCMI_PIN_SET:
		return taken(a, s) ? VIO_E_AGAIN : set(a, s, op);
	case VIO_SCMI_PIN_REQUEST:
		return taken(a, s) ? VIO_E_AGAIN : own(a, s, a->bit);
	default:
		return taken(a, s) ? VIO_E_AGAIN : own(a, s, 0);
	}
}

void scmi_pins_leave(struct scmi_agent *a)
{
	for (unsigned i = 0; i < a->board->plan->n[SCMI_PINS]; i++) {
		struct scmi_pin *p = &a->board->pin[i];

		p->owner = p->owner == a->bit ? 0 : p->owner;
	}
}
