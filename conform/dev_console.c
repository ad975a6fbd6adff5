/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dev_console.c - rules of the console device (virtio 1.4, 5.3)
 *
 * The harmless request is one line of output on port 0. With MULTIPORT the control queue is listened to for a while: what
 * the device says there must make sense.
 */
#include <string.h>
#include "conform/conform.h"
#include "vio/spec/console.h"

#define PORTS	 64u
#define MESSAGES 64u
#define ROOM	 128u /* bytes of a control message */

static void build(const struct cf *c, uint8_t *out)
{
	(void)c;
	(void)memcpy(out, "conform\r\n", 9);
}

/* ---- emergency write ---- */

static void emergency(struct cf *c)
{
	static const uint8_t dot[4] = { '.', 0, 0, 0 };
	bool refused = true;

	if (c->rule->arg != 0 && !cf_up(c)) {
		return;
	}
	(void)(cf_config_write(c, (uint32_t)offsetof(struct vio_console_wire_config, emerg_wr), dot,
			       4, &refused) &&
	       cf_expect(c, !refused, "a write to emerg_wr is refused"));
}

static void two_queues(struct cf *c)
{
	struct cf_io rx;

	(void)(cf_up(c) && cf_io(c, &rx, 0, 64) && cf_put(c, VIO_CONSOLE_VQ_RX0, &rx) &&
	       cf_kick(c, VIO_CONSOLE_VQ_RX0) && cf_works(c) && cf_works(c));
}

/* ---- control messages ---- */

struct talk {
	struct cf_io io[MESSAGES];
	unsigned given, taken;
	uint32_t max;
	bool added[PORTS];
};

static bool say(struct cf *c, uint32_t id, uint16_t event, uint16_t value)
{
	struct cf_io io;
	uint8_t b[8];

	vio_pack32(b, id);
	vio_pack16(b + 4, event);
	vio_pack16(b + 6, value);
	return cf_io(c, &io, 8, 0) && cf_fill(&io, b) && cf_ask(c, VIO_CONSOLE_VQ_CTRL_TX, &io);
}

static bool open_talk(struct cf *c, struct talk *t)
{
	uint8_t b[4];
	bool ok;

	(void)memset(t, 0, sizeof(*t));
	if (!cf_config(c, (uint32_t)offsetof(struct vio_console_wire_config, max_nr_ports), b, 4)) {
		return false;
	}
	t->max = vio_unpack32(b);
	ok = cf_negotiate(c, VIO_F_VERSION_1 | VIO_CONSOLE_F_MULTIPORT |
				     (VIO_CONSOLE_F_SIZE & c->offered));
	for (uint16_t i = 0; ok && i < 4; i++) {
		ok = cf_queue_setup(c, i, 0);
	}
	ok = ok && cf_status(c, CF_LIVE);
	for (unsigned i = 0; ok && i < 32; i++) {
		ok = cf_io(c, &t->io[i], 0, ROOM) && cf_put(c, VIO_CONSOLE_VQ_CTRL_RX, &t->io[i]);
		t->given++;
	}
	return ok && cf_kick(c, VIO_CONSOLE_VQ_CTRL_RX) && say(c, 0, VIO_CONSOLE_DEVICE_READY, 1);
}

/* The next message; NULL: nothing comes for a while, or the verdict is known */
static const struct cf_io *hear(struct cf *c, struct talk *t)
{
	for (unsigned quiet = 0; quiet < 3 && t->taken < t->given && !c->decided; quiet++) {
		if (cf_raw_there(c, VIO_CONSOLE_VQ_CTRL_RX)) {
			struct cf_io *io = &t->io[t->taken];

			if (!cf_wait(c, VIO_CONSOLE_VQ_CTRL_RX, io)) {
				return NULL;
			}
			t->taken++;
			return io;
		}
		(void)cf_quiet(c);
	}
	return NULL;
}

static uint16_t event_of(const struct cf_io *io)
{
	return vio_unpack16(io->in + 4);
}

/* What one message must be; arg says which part of it the rule is about */
static bool look(struct cf *c, struct talk *t, const struct cf_io *io)
{
	uint32_t id = vio_unpack32(io->in);
	uint16_t event = event_of(io), value = vio_unpack16(io->in + 6);

	if (event == VIO_CONSOLE_DEVICE_ADD) {
		bool again = id < PORTS && t->added[id];

		if ((c->rule->arg == 0 &&
		     !cf_expect(c, !again, "port %u is added a second time", id)) ||
		    (c->rule->arg == 1 &&
		     !cf_expect(c, id < t->max, "port %u is added, max_nr_ports is %u", id,
				t->max))) {
			return false;
		}
		if (id < PORTS) {
			t->added[id] = true;
		}
		return say(c, id, VIO_CONSOLE_PORT_READY, 1);
	}
	if (event == VIO_CONSOLE_DEVICE_REMOVE && c->rule->arg == 2) {
		return cf_expect(c, id < PORTS && t->added[id],
				 "port %u is removed, it was never added", id);
	}
	if (event == VIO_CONSOLE_PORT_NAME && c->rule->arg == 3) {
		return cf_expect(c, memchr(io->in + 8, 0, io->len > 8 ? io->len - 8u : 0u) == NULL,
				 "the name of port %u has a NUL", id);
	}
	if (event == VIO_CONSOLE_PORT_OPEN && c->rule->arg == 4) {
		return cf_expect(c, value <= 1, "PORT_OPEN of port %u has the value %u", id, value);
	}
	if (event == VIO_CONSOLE_RESIZE && c->rule->arg == 5) {
		return cf_expect(c, io->len >= 12, "RESIZE has %u bytes, columns and rows need 12",
				 io->len);
	}
	return true;
}

static void control(struct cf *c)
{
	struct talk t;
	const struct cf_io *io;
	unsigned n = 0;
	bool ok = open_talk(c, &t);

	while (ok && (io = hear(c, &t)) != NULL) {
		n++;
		ok = cf_expect(c, io->len >= 8, "a control message has %u bytes", io->len) &&
		     (c->rule->arg != 6 ||
		      cf_expect(c,
				event_of(io) <= VIO_CONSOLE_PORT_NAME && event_of(io) != 0 &&
					event_of(io) != VIO_CONSOLE_PORT_READY,
				"a device does not send event %u", event_of(io))) &&
		     look(c, &t, io);
	}
	if (ok && n == 0) {
		(void)cf_expect(c, t.max > 0, "max_nr_ports is 0");
		(void)cf_na(c, "it said nothing after DEVICE_READY");
	}
}

static const struct cf_bit bits[] = { { VIO_CONSOLE_F_SIZE, "SIZE", 0 },
				      { VIO_CONSOLE_F_MULTIPORT, "MULTIPORT", 0 },
				      { VIO_CONSOLE_F_EMERG_WRITE, "EMERG_WRITE", 0 },
				      { 0, NULL, 0 } };

#define INIT  "5.3.5.1", "Device Initialization"
#define MULTI "5.3.6.2.1", "Multiport Device Operation"
#define CTRL  "5.3.6.2", "Multiport Device Operation"
#define M     VIO_CONSOLE_F_MULTIPORT
#define C     VHU_P_CONFIG

/* clang-format off */
static const struct cf_rule rules[] = {
	{ "console.emergency-early", INIT, "emerg_wr can be written on a device that is not configured", VIO_CONSOLE_F_EMERG_WRITE, C, 0, 0, emergency },
	{ "console.emergency", INIT, "emerg_wr can be written when the device runs", VIO_CONSOLE_F_EMERG_WRITE, C, 0, 1, emergency },
	{ "console.two-queues", "5.3.2", "Virtqueues", "the queues of port 0 exist, without MULTIPORT no others are needed", 0, 0, 0, 0, two_queues },
	{ "console.add-once", MULTI, "a port that exists is not added", M, C, 0, 0, control },
	{ "console.add-max", MULTI, "no port from max_nr_ports on is added", M, C, 0, 1, control },
	{ "console.remove", MULTI, "only a port that was added is removed", M, C, 0, 2, control },
	{ "console.name", CTRL, "a name has no NUL terminator", M, C, 0, 3, control },
	{ "console.open", CTRL, "PORT_OPEN says 0 or 1", M, C, 0, 4, control },
	{ "console.resize", CTRL, "RESIZE is followed by columns and rows", M | VIO_CONSOLE_F_SIZE, C, 0, 5, control },
	{ "console.events", CTRL, "the device sends its own events only", M, C, 0, 6, control },
};
/* clang-format on */

const struct cf_dev cf_dev_console = { .name = "console",
				       .section = "5.3",
				       .id = VIO_ID_CONSOLE,
				       .bits = bits,
				       .nvq = 2,
				       .vq = VIO_CONSOLE_VQ_TX0,
				       .config = 12,
				       .out = 9,
				       .build = build,
				       .rule = rules,
				       .nrule = sizeof(rules) / sizeof(rules[0]) };
