/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * gpio.c - a simulated chip: pairs of lines joined by a wire
 *
 * Line 0 is wired to line 1, 2 to 3, and so on, so that a guest sees edges of its own making. A
 * line that drives has its own level; one that does not has the level of its partner, or low where
 * nobody drives. An operation is simulated at once; with `delay` its completion comes later,
 * changes are reported at once all the same.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "hosted/host_kind.h"
#include "vio/gpio.h"

#define LINES	   64u
#define NAME_BYTES 16u

_Static_assert(LINES <= VIO_GPIO_LINES, "the device has room for all lines");

struct sim_line {
	uint8_t dir; /* VIO_GPIO_DIRECTION_* */
	uint8_t drive;
	uint8_t irq;
	uint8_t told; /* level last reported */
};

struct sim_gpio {
	struct vio_gpio_chip chip;
	struct vio_gpio_sink *sink;
	struct vio_clock *clock;
	struct vio_timer timer;
	struct vio_gpio_cmd *late;
	int32_t result;
	uint64_t delay; /* ns */
	struct sim_line line[LINES];
	uint8_t name[LINES * NAME_BYTES];
};

static uint8_t sim_level(const struct sim_gpio *s, uint16_t n)
{
	const struct sim_line *l = &s->line[n];

	if (l->dir != VIO_GPIO_DIRECTION_OUT) {
		n ^= 1u;
		l = &s->line[n];
	}
	return n < s->chip.ngpio && l->dir == VIO_GPIO_DIRECTION_OUT ? l->drive : 0;
}

/* A line or its partner was touched: report what changed. */
static void sim_update(struct sim_gpio *s, uint16_t n)
{
	uint16_t end = (uint16_t)((n & ~1u) + 2u);
	struct sim_line *l;
	uint8_t now;

	for (n &= (uint16_t)~1u; n < end && n < s->chip.ngpio; n++) {
		l = &s->line[n];
		now = sim_level(s, n);
		if (now != l->told) {
			l->told = now;
			if (l->irq != VIO_GPIO_IRQ_NONE && s->sink) {
				s->sink->change(s->sink, n, now);
			}
		}
	}
}

static void sim_do(struct sim_gpio *s, struct vio_gpio_cmd *c)
{
	struct sim_line *l = &s->line[c->line];

	switch (c->type) {
	case VIO_GPIO_MSG_GET_DIRECTION:
		c->reply = l->dir;
		break;
	case VIO_GPIO_MSG_SET_DIRECTION:
		l->dir = c->value;
		l->drive = c->level;
		if (c->value == VIO_GPIO_DIRECTION_NONE) {
			l->irq = VIO_GPIO_IRQ_NONE;
		}
		sim_update(s, c->line);
		break;
	case VIO_GPIO_MSG_GET_VALUE:
		c->reply = sim_level(s, c->line);
		break;
	case VIO_GPIO_MSG_SET_VALUE:
		l->drive = c->value;
		sim_update(s, c->line);
		break;
	default:
		l->irq = c->value;
		if ((c->value & (VIO_GPIO_IRQ_LEVEL_HIGH | VIO_GPIO_IRQ_LEVEL_LOW)) && s->sink) {
			s->sink->change(s->sink, c->line, l->told);
		}
		break;
	}
}

static int sim_run(void *host, struct vio_gpio_cmd *c)
{
	struct sim_gpio *s = host;

	sim_do(s, c);
	if (s->delay == 0) {
		return VIO_OK;
	}
	s->late = c;
	s->clock->set(s->clock, &s->timer, s->clock->now(s->clock) + s->delay);
	return VIO_PENDING;
}

static void sim_fire(struct vio_timer *t)
{
	struct sim_gpio *s = VIO_CONTAINER(t, struct sim_gpio, timer);
	struct vio_gpio_cmd *c = s->late;

	t->at = 0;
	s->late = NULL;
	vio_job_complete(&c->job, VIO_OK);
}

static void sim_cancel(void *host, struct vio_gpio_cmd *c)
{
	struct sim_gpio *s = host;

	if (s->late == c) {
		s->clock->set(s->clock, &s->timer, 0);
		sim_fire(&s->timer);
	}
}

static void sim_reset(void *host)
{
	struct sim_gpio *s = host;

	memset(s->line, 0, sizeof(s->line));
}

static const struct vio_gpio_chip *sim_attach(void *host, struct vio_gpio_sink *sink)
{
	struct sim_gpio *s = host;

	s->sink = sink;
	return &s->chip;
}

static void sim_detach(void *host)
{
	struct sim_gpio *s = host;

	s->sink = NULL;
}

static const struct vio_gpio_host_ops sim_ops = {
	.open = sim_attach,
	.close = sim_detach,
	.run = sim_run,
	.cancel = sim_cancel,
	.reset = sim_reset,
};

/* ---- kind ---- */

static const char *sim_parse(struct sim_gpio *s, const char *arg)
{
	unsigned long v;
	char *end;

	while (arg && *arg) {
		if (strncmp(arg, "delay=", 6) == 0) {
			arg += 6;
			v = strtoul(arg, &end, 10);
			if (end == arg || v > 10000000u) {
				return "delay is a number of microseconds, at most 10000000";
			}
			s->delay = (uint64_t)v * 1000u;
		} else {
			v = strtoul(arg, &end, 10);
			if (end == arg || v == 0 || v > LINES) {
				return "expected a number of lines, 1 to 64, or delay=MICROSECONDS";
			}
			s->chip.ngpio = (uint16_t)v;
		}
		if (*end && *end != ',') {
			return "expected a comma behind a number";
		}
		arg = end + (*end == ',');
	}
	return NULL;
}

/* "wire0-a" and "wire0-b" are the two ends of one wire */
static void sim_names(struct sim_gpio *s)
{
	uint32_t at = 0;
	uint16_t n;

	for (n = 0; n < s->chip.ngpio; n++) {
		at += (uint32_t)snprintf((char *)s->name + at, NAME_BYTES, "wire%u-%c",
					 n / 2u % 100u, n % 2u ? 'b' : 'a') +
		      1u;
	}
	s->chip.name = s->name;
	s->chip.name_bytes = at;
}

static void sim_close(struct host *h)
{
	free(h->host);
}

static int sim_open(struct host_ctx *ctx, struct host *out)
{
	struct sim_gpio *s = calloc(1, sizeof(*s));
	const char *wrong;

	if (!s) {
		(void)snprintf(ctx->err, sizeof(ctx->err), "out of memory");
		return -1;
	}
	s->chip.ngpio = 8;
	s->chip.irq = true;
	wrong = sim_parse(s, ctx->arg);
	if (wrong) {
		(void)snprintf(ctx->err, sizeof(ctx->err), "'%s': %s", ctx->arg, wrong);
		free(s);
		return -1;
	}
	sim_names(s);
	s->timer.fire = sim_fire;
	if (s->delay) {
		s->clock = loop_clock(ctx->loop);
	}
	out->ops = &sim_ops;
	out->host = s;
	out->close = sim_close;
	return 0;
}

const struct host_kind host_sim_gpio[] = {
	{
		.class_name = "gpio",
		.name = "sim",
		.about = "simulated chip of 8 lines; 0 is wired to 1, 2 to 3, ...",
		.arg_help = "[LINES][,delay=US]",
		.is_default = true,
		.open = sim_open,
	},
	{ 0 },
};
