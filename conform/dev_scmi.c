/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dev_scmi.c - rules of the SCMI device (virtio 1.4, 5.17), and of SCMI (Arm DEN0056) what its text names
 *
 * Which protocols there are is found out by asking for their version. Requests for notifications without P2A_CHANNELS
 * are made although no driver may: the text says what the device must answer.
 */
#include <string.h>
#include "conform/conform.h"
#include "vio/spec/scmi.h"

#define P2A  VIO_SCMI_F_P2A_CHANNELS
#define SHM  VIO_SCMI_F_SHARED_MEMORY
#define ROOM 128u
#define MANY 60u

static void build(const struct cf *c, uint8_t *out)
{
	(void)c;
	vio_put32(out, VIO_SCMI_HDR(VIO_SCMI_BASE, 0, VIO_SCMI_PROTOCOL_VERSION));
}

static int32_t status(const struct cf_io *io)
{
	return (int32_t)vio_get32(io->in + 4);
}

static const char *check(const struct cf *c, const struct cf_io *io)
{
	(void)c;
	return status(io) != VIO_SCMI_SUCCESS
		       ? "the status of the base protocol's version is not SUCCESS"
		       : NULL;
}

/* A command with n words of parameters */
struct command {
	uint8_t protocol, message, n;
	uint32_t word[4];
};

static uint32_t fill(uint8_t out[20], const struct command *k, uint32_t token)
{
	vio_put32(out, VIO_SCMI_HDR(k->protocol, VIO_SCMI_TYPE_COMMAND, k->message) | token << 18);
	for (uint32_t i = 0; i < k->n; i++) {
		vio_put32(out + 4u + 4u * i, k->word[i]);
	}
	return 4u + 4u * k->n;
}

static bool say(struct cf *c, struct cf_io *io, const struct command *k)
{
	uint8_t out[20];
	uint32_t len = fill(out, k, 1);

	return cf_say(c, VIO_SCMI_CMDQ, io, out, len, ROOM);
}

static bool present(struct cf *c, uint8_t protocol)
{
	struct command k = { .protocol = protocol, .message = VIO_SCMI_PROTOCOL_VERSION };
	struct cf_io io;

	return say(c, &io, &k) &&
	       (status(&io) == VIO_SCMI_SUCCESS || cf_na(c, "it has no protocol 0x%02x", protocol));
}

/* ---- answers ---- */

static const struct command wrong[] = {
	{ .protocol = 0x7f, .message = VIO_SCMI_PROTOCOL_VERSION },
	{ .protocol = VIO_SCMI_BASE, .message = 0xfe },
	{ .protocol = VIO_SCMI_BASE,
	  .message = VIO_SCMI_MESSAGE_ATTRIBUTES,
	  .n = 1,
	  .word = { 0xfe } },
	{ .protocol = VIO_SCMI_CLOCK, .message = 0x3, .n = 1, .word = { 0xfffe } },
	{ .protocol = VIO_SCMI_SENSOR, .message = 0x6, .n = 2, .word = { 0xfffe, 0 } },
};

static void alone(struct cf *c)
{
	const struct command *k = &wrong[c->rule->arg];
	struct cf_io io;

	if (!cf_up(c) || (k->protocol != 0x7f && !present(c, k->protocol)) || !say(c, &io, k) ||
	    !cf_expect(c, status(&io) != VIO_SCMI_SUCCESS, "the status is SUCCESS") ||
	    !cf_expect(c, io.len == 8, "status %d, and %u bytes of response, not 8", status(&io),
		       io.len)) {
		return;
	}
	for (uint32_t i = 8; i < ROOM; i++) {
		if (!cf_expect(c, io.in[i] == 0xa5, "byte %u behind the status was written", i)) {
			return;
		}
	}
}

/* As many as the queue holds, of one command or of several; each gets the answer that is its own. */
static void burst(struct cf *c)
{
	static const struct command k[] = {
		{ .protocol = VIO_SCMI_BASE, .message = VIO_SCMI_PROTOCOL_VERSION },
		{ .protocol = VIO_SCMI_BASE, .message = VIO_SCMI_PROTOCOL_ATTRIBUTES },
		{ .protocol = 0x7f, .message = VIO_SCMI_PROTOCOL_VERSION },
		{ .protocol = VIO_SCMI_CLOCK, .message = VIO_SCMI_PROTOCOL_ATTRIBUTES },
	};
	struct cf_io io[MANY / 2];
	uint8_t out[20];
	bool ok = cf_up(c);

	for (uint32_t round = 0; ok && round < 4; round++) {
		for (uint32_t i = 0; ok && i < MANY / 2; i++) {
			uint32_t len = fill(out, &k[c->rule->arg != 0 ? i % 4u : 0], i);

			ok = cf_make(c, &io[i], out, len, ROOM) && cf_put(c, VIO_SCMI_CMDQ, &io[i]);
		}
		ok = ok && cf_kick(c, VIO_SCMI_CMDQ);
		for (uint32_t i = 0; ok && i < MANY / 2; i++) {
			ok = cf_wait(c, VIO_SCMI_CMDQ, &io[i]) &&
			     cf_expect(c, io[i].len >= 8, "a response of %u bytes", io[i].len);
		}
	}
}

/* ---- notifications, delayed responses ---- */

/* Those of SCMI, by protocol: NOTIFY message and its words */
static const struct command notify[] = {
	{ VIO_SCMI_BASE, 0x8, 1, { 1 } },      { VIO_SCMI_POWER, 0x6, 2, { 0, 1 } },
	{ VIO_SCMI_SYSTEM, 0x5, 1, { 1 } },    { VIO_SCMI_PERF, 0x9, 2, { 0, 1 } },
	{ VIO_SCMI_PERF, 0xa, 2, { 0, 1 } },   { VIO_SCMI_CLOCK, 0x9, 2, { 0, 1 } },
	{ VIO_SCMI_SENSOR, 0x4, 2, { 0, 1 } }, { VIO_SCMI_RESET, 0x5, 2, { 0, 1 } },
};

#define NOTIFIES (sizeof(notify) / sizeof(notify[0]))

static bool indicated(struct cf *c, const struct command *n, bool *is)
{
	struct command k = { n->protocol, VIO_SCMI_MESSAGE_ATTRIBUTES, 1, { n->message } };
	struct cf_io io;

	if (!say(c, &io, &k)) {
		return false;
	}
	*is = status(&io) == VIO_SCMI_SUCCESS;
	return true;
}

/* If any notification is implemented P2A_CHANNELS is offered: looked for with the feature where that is possible. */
static void offers(struct cf *c)
{
	uint64_t take = c->offered & P2A;
	bool ok = cf_up_size(c, take, 0), is = false, any = false;

	for (size_t i = 0; ok && i < NOTIFIES; i++) {
		ok = indicated(c, &notify[i], &is);
		any = any || is;
	}
	if (ok) {
		(void)cf_expect(c, !any || take != 0,
				"notifications are implemented, and P2A_CHANNELS is not offered");
	}
}

static void not_indicated(struct cf *c)
{
	const struct command *n = &notify[c->rule->arg];
	bool is = false;

	(void)(cf_up(c) && present(c, n->protocol) && indicated(c, n, &is) &&
	       cf_expect(c, !is,
			 "MESSAGE_ATTRIBUTES knows notification request 0x%x of protocol 0x%02x",
			 n->message, n->protocol));
}

static bool not_supported(struct cf *c, const struct command *k)
{
	struct cf_io io;

	return say(c, &io, k) && cf_expect(c, status(&io) == VIO_SCMI_NOT_SUPPORTED,
					   "message 0x%x of protocol 0x%02x has status %d",
					   k->message, k->protocol, status(&io));
}

static void denied(struct cf *c)
{
	const struct command *n = &notify[c->rule->arg];

	(void)(cf_up(c) && present(c, n->protocol) && not_supported(c, n));
}

/* What asks for a delayed response */
static void not_delayed(struct cf *c)
{
	static const struct command async[] = {
		{ VIO_SCMI_SENSOR, 0x6, 2, { 0, 1 } },
		{ VIO_SCMI_CLOCK, 0x5, 4, { 1, 0, 24000000, 0 } },
		{ VIO_SCMI_RESET, 0x4, 3, { 0, 5, 0 } },
	};
	const struct command *k = &async[c->rule->arg];

	(void)(cf_up(c) && present(c, k->protocol) && not_supported(c, k));
}

/* ---- statistics ---- */

/* PROTOCOL_ATTRIBUTES of power, performance and sensors end with address and length of a region. */
static void shared(struct cf *c)
{
	struct command k = { .protocol = (uint8_t)c->rule->arg,
			     .message = VIO_SCMI_PROTOCOL_ATTRIBUTES };
	struct cf_io io;

	(void)(cf_up(c) && present(c, k.protocol) && say(c, &io, &k) &&
	       cf_expect(c, status(&io) == VIO_SCMI_SUCCESS && io.len >= 24,
			 "PROTOCOL_ATTRIBUTES has status %d and %u bytes", status(&io), io.len) &&
	       cf_expect(c, vio_get32(io.in + 20) == 0 || (c->offered & SHM) != 0,
			 "a region of %u bytes is there, and SHARED_MEMORY is not offered",
			 vio_get32(io.in + 20)));
}

static const struct cf_bit bits[] = {
	{ P2A, "P2A_CHANNELS", 0 },
	{ SHM, "SHARED_MEMORY", 0 },
	{ 0, NULL, 0 },
};

#define FB "5.17.3.1", "Feature bits"
#define OP "5.17.6.1.1", "cmdq Operation"

/* clang-format off */
static const struct cf_rule rules[] = {
	{ "scmi.offer-p2a", FB, "P2A_CHANNELS is offered if a notification is implemented", 0, 0, 0, 0, offers },
	{ "scmi.offer-shared-power", FB, "SHARED_MEMORY is offered if there are power statistics", 0, 0, 0, VIO_SCMI_POWER, shared },
	{ "scmi.offer-shared-perf", FB, "SHARED_MEMORY is offered if there are performance statistics", 0, 0, 0, VIO_SCMI_PERF, shared },
	{ "scmi.offer-shared-sensor", FB, "SHARED_MEMORY is offered if there are sensor values in memory", 0, 0, 0, VIO_SCMI_SENSOR, shared },
	{ "scmi.burst", OP, "all commands are processed, even in bursts", 0, 0, 0, 0, burst },
	{ "scmi.burst-mixed", OP, "all commands are processed, even in bursts, here of several kinds", 0, 0, 0, 1, burst },
	{ "scmi.alone-protocol", OP, "a status other than SUCCESS is alone: no such protocol", 0, 0, 0, 0, alone },
	{ "scmi.alone-message", OP, "a status other than SUCCESS is alone: no such message", 0, 0, 0, 1, alone },
	{ "scmi.alone-attributes", OP, "a status other than SUCCESS is alone: attributes of no message", 0, 0, 0, 2, alone },
	{ "scmi.alone-clock", OP, "a status other than SUCCESS is alone: no such clock", 0, 0, 0, 3, alone },
	{ "scmi.alone-sensor", OP, "a status other than SUCCESS is alone: no such sensor", 0, 0, 0, 4, alone },
	{ "scmi.denied-base", OP, "without P2A_CHANNELS requests for notifications are NOT_SUPPORTED: errors", 0, 0, 0, 0, denied },
	{ "scmi.denied-power", OP, "without P2A_CHANNELS requests for notifications are NOT_SUPPORTED: power state", 0, 0, 0, 1, denied },
	{ "scmi.denied-system", OP, "without P2A_CHANNELS requests for notifications are NOT_SUPPORTED: system power", 0, 0, 0, 2, denied },
	{ "scmi.denied-limits", OP, "without P2A_CHANNELS requests for notifications are NOT_SUPPORTED: performance limits", 0, 0, 0, 3, denied },
	{ "scmi.denied-level", OP, "without P2A_CHANNELS requests for notifications are NOT_SUPPORTED: performance level", 0, 0, 0, 4, denied },
	{ "scmi.denied-clock", OP, "without P2A_CHANNELS requests for notifications are NOT_SUPPORTED: clock rate", 0, 0, 0, 5, denied },
	{ "scmi.denied-sensor", OP, "without P2A_CHANNELS requests for notifications are NOT_SUPPORTED: trip points", 0, 0, 0, 6, denied },
	{ "scmi.denied-reset", OP, "without P2A_CHANNELS requests for notifications are NOT_SUPPORTED: resets", 0, 0, 0, 7, denied },
	{ "scmi.silent-base", OP, "without P2A_CHANNELS no notification is indicated: errors", 0, 0, 0, 0, not_indicated },
	{ "scmi.silent-power", OP, "without P2A_CHANNELS no notification is indicated: power state", 0, 0, 0, 1, not_indicated },
	{ "scmi.silent-system", OP, "without P2A_CHANNELS no notification is indicated: system power", 0, 0, 0, 2, not_indicated },
	{ "scmi.silent-limits", OP, "without P2A_CHANNELS no notification is indicated: performance limits", 0, 0, 0, 3, not_indicated },
	{ "scmi.silent-level", OP, "without P2A_CHANNELS no notification is indicated: performance level", 0, 0, 0, 4, not_indicated },
	{ "scmi.silent-clock", OP, "without P2A_CHANNELS no notification is indicated: clock rate", 0, 0, 0, 5, not_indicated },
	{ "scmi.silent-sensor", OP, "without P2A_CHANNELS no notification is indicated: trip points", 0, 0, 0, 6, not_indicated },
	{ "scmi.silent-reset", OP, "without P2A_CHANNELS no notification is indicated: resets", 0, 0, 0, 7, not_indicated },
	{ "scmi.delayed-sensor", OP, "without P2A_CHANNELS delayed responses are NOT_SUPPORTED: a reading", 0, 0, 0, 0, not_delayed },
	{ "scmi.delayed-clock", OP, "without P2A_CHANNELS delayed responses are NOT_SUPPORTED: a rate", 0, 0, CF_WRITES, 1, not_delayed },
	{ "scmi.delayed-reset", OP, "without P2A_CHANNELS delayed responses are NOT_SUPPORTED: a reset", 0, 0, CF_WRITES, 2, not_delayed },
};
/* clang-format on */

const struct cf_dev cf_dev_scmi = { .name = "scmi",
				    .section = "5.17",
				    .id = VIO_SCMI_ID,
				    .bits = bits,
				    .nvq = 1,
				    .out = 4,
				    .in = 12,
				    .build = build,
				    .check = check,
				    .rule = rules,
				    .nrule = sizeof(rules) / sizeof(rules[0]) };
