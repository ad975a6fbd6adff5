/* SPDX-License-Identifier: BSD-3-Clause */
/* bend_watchdog.c - broken watchdogs */
#include <string.h>
#include "test/conform/bends.h"

#define DOG "watchdog,host=sim"

enum { START = 1, STOP = 2, KICK = 3, GET_STATUS = 4 };

static void no_minimum(uint8_t *config, uint32_t len)
{
	memset(config, 0, len < 4 ? len : 4);
}

static void many_actions(uint8_t *config, uint32_t len)
{
	config[13] = len > 13 ? 1 : 0;
}

static void reserved(uint8_t *config, uint32_t len)
{
	config[18] = len > 18 ? 1 : 0;
}

static void always_ok(struct bent_req *r)
{
	r->in[0] = 0;
}

static void io_error(struct bent_req *r)
{
	r->in[0] = r->in[0] != 0 ? 4 : 0;
}

static void fills(struct bent_req *r)
{
	if (r->in_len > 32) {
		memset(r->in + 16, 0, r->in_len - 16);
	}
}

static void junk(struct bent_req *r)
{
	r->in[2] = r->in[0] != 0 ? 1 : r->in[2];
}

static void other_timeout(struct bent_req *r)
{
	if (r->out[0] == GET_STATUS) {
		r->in[4] ^= 1;
	}
}

static void running(struct bent_req *r)
{
	if (r->out[0] == GET_STATUS) {
		r->in[1] |= 1;
	}
}

/* A way out for all */
static void no_flag(struct bent_req *r)
{
	if (r->out[0] == START) {
		r->out[2] = 0;
	}
}

/* clang-format off */
const struct bend bends_watchdog[] = {
	{ .rule = "watchdog.timeouts", .device = DOG, .config = no_minimum, .says = "timeouts are 0" },
	{ .rule = "watchdog.actions", .device = DOG, .config = many_actions, .says = "actions are" },
	{ .rule = "watchdog.config-reserved", .device = DOG, .config = reserved, .says = "reserved bytes are" },
	{ .rule = "watchdog.unknown", .device = DOG, .answer = io_error, .says = "status 4, not 1" },
	{ .rule = "watchdog.unsupported", .device = DOG, .answer = always_ok, .says = "status 0, not 1" },
	{ .rule = "watchdog.short-request", .device = DOG, .answer = always_ok, .says = "status 0, not 2" },
	{ .rule = "watchdog.short-response", .device = DOG, .answer = io_error, .says = "status 4, not 2" },
	{ .rule = "watchdog.longer", .device = DOG, .answer = fills, .says = "byte 16 behind" },
	{ .rule = "watchdog.zeroes", .device = DOG, .answer = junk, .says = "behind a status other" },
	{ .rule = "watchdog.kick-idle", .device = DOG, .answer = always_ok, .says = "status 0, not 3" },
	{ .rule = "watchdog.start-short", .device = DOG, .answer = always_ok, .says = "status 0, not 2" },
	{ .rule = "watchdog.start-long", .device = DOG, .answer = io_error, .says = "status 4, not 2" },
	{ .rule = "watchdog.start-pretimeout", .device = DOG, .answer = running, .says = "after a START that is INVAL" },
	{ .rule = "watchdog.start-no-pretimeout", .device = DOG, .answer = running, .says = "after a START that is INVAL" },
	{ .rule = "watchdog.start-action", .device = DOG, .answer = always_ok, .says = "status 0, not 2" },
	{ .rule = "watchdog.start", .device = DOG, .answer = other_timeout, .says = "the timeout is" },
	{ .rule = "watchdog.stop", .device = DOG, .answer = running, .says = "after STOP" },
	{ .rule = "watchdog.no-way-out", .device = DOG, .ask = no_flag, .says = "status 0, not 3" },
	{ .rule = "watchdog.reset", .device = DOG, .answer = running, .says = "after a device reset" },
	{ .rule = NULL },
};
/* clang-format on */
