/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dev_watchdog.c - rules of the watchdog device, of the draft docs/standards/watchdog.md: VIRTIO 1.4 has no chapter for it
 *
 * A watchdog that is started may act on the machine, so that needs --write; the rules that start it use the longest
 * timeout, and none lets it expire. A reset ends it again.
 */
#include <string.h>
#include "conform/conform.h"
#include "vio/spec/watchdog.h"

#define STOP VIO_WATCHDOG_F_STOP
#define PRE  VIO_WATCHDOG_F_PRETIMEOUT

static void build(const struct cf *c, uint8_t *out)
{
	(void)c;
	vio_put16(out, VIO_WATCHDOG_REQ_GET_STATUS);
}

static const char *check(const struct cf *c, const struct cf_io *io)
{
	(void)c;
	return io->in[0] != VIO_WATCHDOG_S_OK ? "the status of GET_STATUS is not OK" : NULL;
}

struct ask {
	uint16_t type, flags;
	uint32_t timeout, pretimeout;
	uint8_t action;
	uint32_t out, in; /* bytes, 0: of the message */
};

static bool say(struct cf *c, struct cf_io *io, const struct ask *a)
{
	bool start = a->type == VIO_WATCHDOG_REQ_START;
	uint8_t out[32] = { 0 };

	vio_put16(out, a->type);
	vio_put16(out + 2, a->flags);
	vio_put32(out + 4, a->timeout);
	vio_put32(out + 8, a->pretimeout);
	out[12] = a->action;
	return cf_say(c, VIO_WATCHDOG_REQUESTQ, io, out,
		      a->out  ? a->out
		      : start ? 16
			      : 4,
		      a->in ? a->in : 16);
}

static bool gets(struct cf *c, const struct ask *a, uint8_t want)
{
	struct cf_io io;

	return say(c, &io, a) && cf_expect(c, io.in[0] == want, "request %u has status %u, not %u",
					   a->type, io.in[0], want);
}

static bool config(struct cf *c, uint8_t b[20])
{
	return cf_config(c, 0, b, 20);
}

/* The longest timeout, default action */
static bool longest(struct cf *c, struct ask *a)
{
	uint8_t b[20];

	*a = (struct ask){ .type = VIO_WATCHDOG_REQ_START };
	if (!config(c, b)) {
		return false;
	}
	a->timeout = vio_get32(b + 4);
	return true;
}

static bool state(struct cf *c, struct cf_io *io)
{
	struct ask a = { .type = VIO_WATCHDOG_REQ_GET_STATUS };

	return say(c, io, &a) &&
	       cf_expect(c, io->in[0] == VIO_WATCHDOG_S_OK, "GET_STATUS has status %u", io->in[0]);
}

static bool runs(struct cf *c, bool want, const char *when)
{
	struct cf_io io;

	return state(c, &io) && cf_expect(c, ((io.in[1] & VIO_WATCHDOG_STATE_RUNNING) != 0) == want,
					  "the state is 0x%02x %s", io.in[1], when);
}

/* ---- configuration ---- */

static void times(struct cf *c)
{
	uint8_t b[20];
	uint32_t least, most, def;

	if (config(c, b)) {
		least = vio_get32(b);
		most = vio_get32(b + 4);
		def = vio_get32(b + 8);
		(void)cf_expect(c, least > 0 && least <= def && def <= most,
				"timeouts are %u to %u, by default %u", least, most, def);
	}
}

static void actions(struct cf *c)
{
	uint8_t b[20];
	uint32_t may;

	if (config(c, b)) {
		may = vio_get32(b + 12);
		(void)(cf_expect(c, (may & 1u) != 0 && (may & ~0x3fu) == 0, "actions are 0x%x",
				 may) &&
		       cf_expect(c, b[16] >= 1 && b[16] <= 5, "action_default is %u", b[16]));
	}
}

static void reserved_config(struct cf *c)
{
	uint8_t b[20];

	(void)(config(c, b) && cf_expect(c, (b[17] | b[18] | b[19]) == 0,
					 "reserved bytes are 0x%02x%02x%02x", b[19], b[18], b[17]));
}

/* ---- requests: what is wrong with them, watchdog idle ---- */

static void unknown(struct cf *c)
{
	struct ask a = { .type = 99 };

	(void)(cf_up(c) && gets(c, &a, VIO_WATCHDOG_S_UNSUPP) && cf_works(c));
}

static void unsupported(struct cf *c)
{
	struct ask a = { .type = VIO_WATCHDOG_REQ_STOP };

	(void)(cf_up(c) && gets(c, &a, VIO_WATCHDOG_S_UNSUPP));
}

static void shorter(struct cf *c)
{
	struct ask a = { .type = VIO_WATCHDOG_REQ_GET_STATUS };

	a.out = c->rule->arg == 0 ? 3 : 0;
	a.in = c->rule->arg == 0 ? 0 : 15;
	(void)(cf_up(c) && gets(c, &a, VIO_WATCHDOG_S_INVAL) && cf_works(c));
}

static void longer(struct cf *c)
{
	struct ask a = { .type = VIO_WATCHDOG_REQ_GET_STATUS, .out = 32, .in = 64 };
	struct cf_io io;

	if (!cf_up(c) || !say(c, &io, &a) ||
	    !cf_expect(c, io.in[0] == VIO_WATCHDOG_S_OK, "GET_STATUS has status %u", io.in[0])) {
		return;
	}
	for (uint32_t i = 16; i < 64; i++) {
		if (!cf_expect(c, io.in[i] == 0xa5, "byte %u behind the response was written", i)) {
			return;
		}
	}
}

static void zeroes(struct cf *c)
{
	struct ask a = { .type = 99, .in = 4 };
	struct cf_io io;

	(void)(cf_up(c) && say(c, &io, &a) &&
	       cf_expect(c, (io.in[1] | io.in[2] | io.in[3]) == 0,
			 "behind a status other than OK is 0x%02x%02x%02x", io.in[3], io.in[2],
			 io.in[1]));
}

static void idle_kick(struct cf *c)
{
	struct ask a = { .type = VIO_WATCHDOG_REQ_KICK };

	(void)(cf_up(c) && gets(c, &a, VIO_WATCHDOG_S_STATE) && runs(c, false, "after a kick"));
}

/* arg: what START has that is not allowed; the watchdog stays idle */
static void bad_start(struct cf *c)
{
	struct ask a;
	uint8_t b[20];

	if (!cf_up(c) || !longest(c, &a) || !config(c, b)) {
		return;
	}
	switch (c->rule->arg) {
	case 0:
		a.timeout = vio_get32(b) - 1u;
		break;
	case 1:
		if (a.timeout == UINT32_MAX) {
			(void)cf_na(c, "no timeout is too long");
			return;
		}
		a.timeout++;
		break;
	case 2:
		a.pretimeout = a.timeout;
		break;
	case 3:
		a.pretimeout = 1; /* PRETIMEOUT was not negotiated */
		break;
	default:
		a.action = 6;
		break;
	}
	(void)(gets(c, &a, VIO_WATCHDOG_S_INVAL) && runs(c, false, "after a START that is INVAL"));
}

/* ---- running ---- */

static void started(struct cf *c)
{
	struct ask a, kick = { .type = VIO_WATCHDOG_REQ_KICK };
	struct cf_io io;

	(void)(cf_up(c) && longest(c, &a) && gets(c, &a, VIO_WATCHDOG_S_OK) && state(c, &io) &&
	       cf_expect(c, (io.in[1] & VIO_WATCHDOG_STATE_RUNNING) != 0, "the state is 0x%02x",
			 io.in[1]) &&
	       cf_expect(c, vio_get32(io.in + 4) == a.timeout, "the timeout is %u, not %u",
			 vio_get32(io.in + 4), a.timeout) &&
	       gets(c, &kick, VIO_WATCHDOG_S_OK) && cf_status(c, 0));
}

static void stopped(struct cf *c)
{
	struct ask a, stop = { .type = VIO_WATCHDOG_REQ_STOP };

	(void)(cf_up(c) && gets(c, &stop, VIO_WATCHDOG_S_OK) && longest(c, &a) &&
	       gets(c, &a, VIO_WATCHDOG_S_OK) && gets(c, &stop, VIO_WATCHDOG_S_OK) &&
	       runs(c, false, "after STOP"));
}

static void no_way_out(struct cf *c)
{
	struct ask a, stop = { .type = VIO_WATCHDOG_REQ_STOP };

	if (cf_up(c) && longest(c, &a)) {
		a.flags = VIO_WATCHDOG_FLAG_NOWAYOUT;
		(void)(gets(c, &a, VIO_WATCHDOG_S_OK) && gets(c, &stop, VIO_WATCHDOG_S_STATE) &&
		       runs(c, true, "after STOP without a way out") && cf_status(c, 0));
	}
}

static void reset(struct cf *c)
{
	struct ask a;

	(void)(cf_up(c) && longest(c, &a) && gets(c, &a, VIO_WATCHDOG_S_OK) && cf_status(c, 0) &&
	       cf_up(c) && runs(c, false, "after a device reset"));
}

static const struct cf_bit bits[] = {
	{ STOP, "STOP", 0 },
	{ PRE, "PRETIMEOUT", 0 },
	{ VIO_WATCHDOG_F_ENDURE, "ENDURE", 0 },
	{ 0, NULL, 0 },
};

#define CFG "draft", "Device configuration layout"
#define OP  "draft", "Device Operation"
#define ST  "draft", "Start"
#define P   VHU_P_CONFIG
#define W   CF_WRITES

/* clang-format off */
static const struct cf_rule rules[] = {
	{ "watchdog.timeouts", CFG, "0 < timeout_min <= timeout_default <= timeout_max", 0, P, 0, 0, times },
	{ "watchdog.actions", CFG, "bit 0 of actions is set, 6 to 31 are not, action_default is 1 to 5", 0, P, 0, 0, actions },
	{ "watchdog.config-reserved", CFG, "reserved is 0", 0, P, 0, 0, reserved_config },
	{ "watchdog.unknown", OP, "an unknown type has status UNSUPP", 0, 0, 0, 0, unknown },
	{ "watchdog.unsupported", OP, "STOP has status UNSUPP where the feature was not negotiated", 0, 0, 0, 0, unsupported },
	{ "watchdog.short-request", OP, "a readable part that is too small has status INVAL", 0, 0, 0, 0, shorter },
	{ "watchdog.short-response", OP, "a writable part that is too small has status INVAL", 0, 0, 0, 1, shorter },
	{ "watchdog.longer", OP, "what follows a request is ignored, nothing is written behind the response", 0, 0, 0, 0, longer },
	{ "watchdog.zeroes", OP, "all fields but a status other than OK are 0", 0, 0, 0, 0, zeroes },
	{ "watchdog.kick-idle", "draft", "Kick", "KICK has status STATE if the watchdog is idle", 0, 0, 0, 0, idle_kick },
	{ "watchdog.start-short", ST, "START is INVAL with a timeout below timeout_min", 0, P, W, 0, bad_start },
	{ "watchdog.start-long", ST, "START is INVAL with a timeout beyond timeout_max", 0, P, W, 1, bad_start },
	{ "watchdog.start-pretimeout", ST, "START is INVAL with a pretimeout that is not less than timeout", PRE, P, W, 2, bad_start },
	{ "watchdog.start-no-pretimeout", ST, "START is INVAL with a pretimeout that was not negotiated", 0, P, W, 3, bad_start },
	{ "watchdog.start-action", ST, "START is INVAL with an action that is none", 0, P, W, 4, bad_start },
	{ "watchdog.start", OP, "OK says that a request was carried out: START, then KICK", 0, P, W, 0, started },
	{ "watchdog.stop", "draft", "Stop", "STOP has status OK, also if the watchdog is idle already", STOP, P, W, 0, stopped },
	{ "watchdog.no-way-out", "draft", "Stop", "STOP has status STATE if there is no way out", STOP, P, W, 0, no_way_out },
	{ "watchdog.reset", "draft", "Reset", "a device reset makes the watchdog idle", STOP, P, W, 0, reset },
};
/* clang-format on */

const struct cf_dev cf_dev_watchdog = { .name = "watchdog",
					.section = "draft",
					.id = VIO_WATCHDOG_ID,
					.bits = bits,
					.nvq = 1,
					.config = 20,
					.out = 4,
					.in = 16,
					.build = build,
					.check = check,
					.rule = rules,
					.nrule = sizeof(rules) / sizeof(rules[0]) };
