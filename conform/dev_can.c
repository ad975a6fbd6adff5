/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dev_can.c - rules of the CAN device (virtio 1.4, 5.20): features, configuration, control, what is refused
 *
 * The harmless request is a frame for a controller that is stopped, which it refuses: nothing is on the bus. A started
 * controller takes part in its bus, so that needs --write. What must be refused is then never sent, unless the device
 * is broken; frames that are sent have the identifier 7fe.
 */
#include <string.h>
#include "conform/dev_can.h"

#define CLASSIC VIO_CAN_F_CLASSIC
#define FD	VIO_CAN_F_FD
#define RTR	VIO_CAN_F_RTR
#define LATE	VIO_CAN_F_LATE_TX_ACK
#define ID	0x7feu
#define START	VIO_CAN_SET_CTRL_MODE_START
#define STOP	VIO_CAN_SET_CTRL_MODE_STOP

static void build(const struct cf *c, uint8_t *out)
{
	(void)c;
	vio_put16(out, VIO_CAN_TX);
	vio_put16(out + 2, 8);
	vio_put32(out + 12, ID);
}

static const char *check(const struct cf *c, const struct cf_io *io)
{
	(void)c;
	return io->in[0] != VIO_CAN_RESULT_NOT_OK ? "a frame for a stopped controller is not NOT_OK"
						  : NULL;
}

/* ---- what rules are made of ---- */

bool cf_can_make(struct cf *c, struct cf_io *io, const struct cf_can_frame *f)
{
	bool rtr = (f->flags & VIO_CAN_FLAGS_RTR) != 0;
	uint32_t data = rtr ? 0u : f->length < VIO_CAN_FD_LEN ? f->length : VIO_CAN_FD_LEN;

	if (!cf_io(c, io, CF_CAN_HEAD + data - f->missing, 1)) {
		return false;
	}
	vio_put16(io->out, f->type != 0 ? f->type : VIO_CAN_TX);
	vio_put16(io->out + 2, f->length);
	vio_put32(io->out + 8, f->flags);
	vio_put32(io->out + 12, f->id);
	return true;
}

bool cf_can_sent(struct cf *c, const struct cf_can_frame *f, uint8_t want, const char *what)
{
	struct cf_io io;

	return cf_can_make(c, &io, f) && cf_ask(c, VIO_CAN_TXQ, &io) &&
	       cf_expect(c, io.in[0] == want,
			 "%s has result %u: type 0x%04x, length %u, flags 0x%08x, id 0x%08x", what,
			 io.in[0], f->type != 0 ? f->type : VIO_CAN_TX, f->length, f->flags, f->id);
}

bool cf_can_mode(struct cf *c, uint16_t type, uint8_t *result)
{
	uint8_t out[2];
	struct cf_io io;

	vio_put16(out, type);
	if (!cf_say(c, VIO_CAN_CONTROLQ, &io, out, 2, 1)) {
		return false;
	}
	*result = io.in[0];
	return true;
}

bool cf_can_start(struct cf *c)
{
	uint8_t r;

	return cf_can_mode(c, START, &r) &&
	       (r == VIO_CAN_RESULT_OK || cf_na(c, "the controller cannot be started"));
}

bool cf_can_stop(struct cf *c)
{
	uint8_t r;

	return cf_can_mode(c, STOP, &r) &&
	       (r == VIO_CAN_RESULT_OK || cf_na(c, "the controller cannot be stopped"));
}

bool cf_can_up(struct cf *c)
{
	return cf_up(c) && cf_can_start(c);
}

bool cf_can_only(struct cf *c, uint64_t features)
{
	bool ok = cf_negotiate(c, features | VIO_F_VERSION_1);

	for (uint16_t i = 0; ok && i < c->dev->nvq; i++) {
		ok = cf_queue_setup(c, i, 0);
	}
	return ok && cf_status(c, CF_LIVE);
}

/* ---- features, configuration ---- */

static void some_kind(struct cf *c)
{
	(void)cf_expect(c, (c->offered & (CLASSIC | FD)) != 0,
			"neither CAN_CLASSIC nor CAN_FD is offered");
}

/* arg: class features that do not suffice. Not accepted, or it works with them. */
static void not_enough(struct cf *c)
{
	uint64_t got;
	int rc = vhf_memory(c->f, 1, 1u << 20);

	rc = rc == VIO_OK ? vio_drv_probe(&vhf_bus, c->f, VIO_F_VERSION_1 | c->rule->arg, &got)
			  : rc;
	if (rc == VIO_E_NOTSUP) {
		(void)cf_expect(c, true, "-");
	} else if (rc != VIO_OK) {
		(void)cf_fail(c, "%s", vhf_error(c->f));
	} else {
		(void)(cf_can_only(c, c->rule->arg) && cf_works(c));
	}
}

static bool status(struct cf *c, uint16_t *s)
{
	uint8_t b[2];

	if (!cf_config(c, 0, b, 2)) {
		return false;
	}
	*s = vio_get16(b);
	return true;
}

static void clear_first(struct cf *c)
{
	uint16_t s;

	(void)(cf_up(c) && status(c, &s) &&
	       cf_expect(c, (s & VIO_CAN_S_CTRL_BUSOFF) == 0,
			 "status is 0x%04x, and the controller was never started", s));
}

static void read_only(struct cf *c)
{
	uint16_t was, s;
	uint8_t other[2];
	bool refused;

	if (cf_up(c) && status(c, &was)) {
		vio_put16(other, was ^ VIO_CAN_S_CTRL_BUSOFF);
		(void)(cf_config_write(c, 0, other, 2, &refused) && status(c, &s) &&
		       cf_expect(c, s == was, "status was written, and reads 0x%04x", s));
	}
}

/* ---- control ---- */

/* arg: 1 after it was stopped, 2 after a reset */
static void stopped(struct cf *c)
{
	static const struct cf_can_frame f = { .length = 8, .id = ID };

	if (!cf_up(c) || (c->rule->arg != 0 && !cf_can_start(c)) ||
	    (c->rule->arg == 1 && !cf_can_stop(c)) ||
	    (c->rule->arg == 2 && (!cf_status(c, 0) || !cf_up(c)))) {
		return;
	}
	(void)cf_can_sent(c, &f, VIO_CAN_RESULT_NOT_OK, "a frame for a stopped controller");
}

static void unknown_mode(struct cf *c)
{
	static const uint16_t type[] = { 0, 0x0001, 0x0101, 0x0200, 0x0203, 0x0102, 0xffff };
	static const struct cf_can_frame f = { .length = 8, .id = ID };
	bool ok = cf_up(c);
	uint8_t r;

	for (unsigned i = 0; ok && i < sizeof(type) / sizeof(type[0]); i++) {
		ok = cf_can_mode(c, type[i], &r) &&
		     cf_expect(c, r == VIO_CAN_RESULT_NOT_OK,
			       "control message 0x%04x has result %u", type[i], r);
	}
	(void)(ok && cf_can_sent(c, &f, VIO_CAN_RESULT_NOT_OK, "a frame after no START"));
}

/* Two messages at once; arg: which is first. They are used in order, and the state is that of the second. */
static void ordered(struct cf *c)
{
	const struct cf_can_frame f = { .length = 8, .id = ID };
	uint16_t first = (uint16_t)c->rule->arg, second = first == START ? STOP : START;
	uint8_t want = second == START ? 0 : 1;
	struct cf_io a, b;
	uint8_t out[2];

	vio_put16(out, first);
	if (!cf_up(c) || (first == STOP && !cf_can_start(c)) || !cf_make(c, &a, out, 2, 1) ||
	    !cf_put(c, VIO_CAN_CONTROLQ, &a)) {
		return;
	}
	vio_put16(out, second);
	(void)(cf_make(c, &b, out, 2, 1) && cf_put(c, VIO_CAN_CONTROLQ, &b) &&
	       cf_kick(c, VIO_CAN_CONTROLQ) && cf_wait(c, VIO_CAN_CONTROLQ, &b) &&
	       cf_expect(c, a.back, "message 0x%04x was used before 0x%04x, which came first",
			 second, first) &&
	       cf_expect(c, (a.in[0] | b.in[0]) == VIO_CAN_RESULT_OK, "the results are %u and %u",
			 a.in[0], b.in[0]) &&
	       cf_can_sent(c, &f, want,
			   second == START ? "a frame after STOP, START"
					   : "a frame after START, STOP"));
}

/* Whatever of them is pending, all come back. */
static void stop_returns(struct cf *c)
{
	const struct cf_can_frame f = { .length = 8, .id = ID };
	struct cf_io io[16];
	bool ok = cf_can_up(c);

	for (unsigned i = 0; ok && i < 16; i++) {
		ok = cf_can_make(c, &io[i], &f) && cf_put(c, VIO_CAN_TXQ, &io[i]);
	}
	ok = ok && cf_kick(c, VIO_CAN_TXQ) && cf_can_stop(c);
	for (unsigned i = 0; ok && i < 16; i++) {
		ok = cf_wait(c, VIO_CAN_TXQ, &io[i]) &&
		     cf_expect(c, io[i].in[0] <= 1, "frame %u has result %u", i, io[i].in[0]);
	}
}

/* ---- frames that are fine ---- */

static void fine(struct cf *c)
{
	static const struct cf_can_frame f[][2] = {
		{ { .id = ID }, { .length = 8, .id = ID } },
		{ { .flags = VIO_CAN_FLAGS_EXTENDED, .id = VIO_CAN_EXTENDED_MAX },
		  { .length = 8, .flags = VIO_CAN_FLAGS_EXTENDED, .id = ID } },
		{ { .length = 64, .flags = VIO_CAN_FLAGS_FD, .id = ID },
		  { .length = 8,
		    .flags = VIO_CAN_FLAGS_FD | VIO_CAN_FLAGS_EXTENDED,
		    .id = VIO_CAN_EXTENDED_MAX } },
		{ { .flags = VIO_CAN_FLAGS_RTR, .id = ID },
		  { .length = 8, .flags = VIO_CAN_FLAGS_RTR, .id = ID } },
	};
	uint32_t k = c->rule->arg;

	(void)(cf_can_up(c) && cf_can_sent(c, &f[k][0], VIO_CAN_RESULT_OK, "a frame") &&
	       cf_can_sent(c, &f[k][1], VIO_CAN_RESULT_OK, "a frame"));
}

/* ---- frames that are refused ---- */

static bool refused(struct cf *c, const struct cf_can_frame *f)
{
	return cf_can_sent(c, f, VIO_CAN_RESULT_NOT_OK, "a frame");
}

/* arg: flags of a kind that is not negotiated; the rule's features are all that is */
static void not_negotiated(struct cf *c)
{
	struct cf_can_frame f = { .length = 8, .flags = c->rule->arg, .id = ID };

	if (cf_can_only(c, c->rule->features) && cf_can_start(c) && refused(c, &f)) {
		f.flags |= VIO_CAN_FLAGS_EXTENDED;
		(void)refused(c, &f);
	}
}

static void undefined_flags(struct cf *c)
{
	uint32_t known = VIO_CAN_FLAGS_FD | VIO_CAN_FLAGS_RTR | VIO_CAN_FLAGS_EXTENDED;
	struct cf_can_frame f = { .length = 8, .id = ID };
	bool ok = cf_can_up(c);

	for (unsigned i = 0; ok && i < 32; i++) {
		f.flags = 1u << i;
		ok = (known & f.flags) != 0 || refused(c, &f);
	}
}

static void fd_rtr(struct cf *c)
{
	const struct cf_can_frame f = { .length = 8,
					.flags = VIO_CAN_FLAGS_FD | VIO_CAN_FLAGS_RTR,
					.id = ID };

	(void)(cf_can_up(c) && refused(c, &f));
}

/* arg: EXTENDED or not */
static void bad_id(struct cf *c)
{
	struct cf_can_frame f = { .length = 8, .flags = c->rule->arg };
	bool ok = cf_can_up(c);

	for (unsigned i = f.flags != 0 ? 29 : 11; ok && i < 32; i++) {
		f.id = 1u << i;
		ok = refused(c, &f);
	}
	f.id = UINT32_MAX;
	(void)(ok && refused(c, &f));
}

/* arg: flags */
static void bad_length(struct cf *c)
{
	static const uint16_t classic[] = { 9, 64, 256, 0xffff }, fd[] = { 65, 256, 2048, 0xffff };
	struct cf_can_frame f = { .flags = c->rule->arg, .id = ID };
	bool ok = cf_can_up(c);

	for (unsigned i = 0; ok && i < 4; i++) {
		f.length = f.flags == VIO_CAN_FLAGS_FD ? fd[i] : classic[i];
		ok = refused(c, &f);
	}
}

static void missing_data(struct cf *c)
{
	struct cf_can_frame f = { .length = 8, .id = ID, .missing = 1 };

	if (cf_can_up(c) && refused(c, &f)) {
		f.missing = 8;
		(void)refused(c, &f);
	}
}

static void unknown_type(struct cf *c)
{
	static const uint16_t type[] = { 0x0002, 0x0100, VIO_CAN_RX, START, 0xffff };
	struct cf_can_frame f = { .length = 8, .id = ID };
	bool ok = cf_can_up(c);

	for (unsigned i = 0; ok && i < sizeof(type) / sizeof(type[0]); i++) {
		f.type = type[i];
		ok = refused(c, &f);
	}
}

static const struct cf_bit bits[] = {
	{ CLASSIC, "CAN_CLASSIC", 0 }, { FD, "CAN_FD", 0 }, { RTR, "RTR_FRAMES", CLASSIC },
	{ LATE, "LATE_TX_ACK", 0 },    { 0, NULL, 0 },
};

#define FT  "5.20.3.1", "Feature bit requirements"
#define CFG "5.20.4", "Device configuration layout"
#define MD  "5.20.5.1", "Controller Mode"
#define TX  "5.20.5.2", "CAN Message Transmission"
#define RX  "5.20.5.3", "CAN Message Reception"
#define OFF "5.20.5.4", "BusOff Indication"
#define P   VHU_P_CONFIG
#define S   VHU_P_STATUS
#define W   CF_WRITES
#define EXT VIO_CAN_FLAGS_EXTENDED

/* clang-format off */
static const struct cf_rule rules[] = {
	{ "can.some-kind", FT, "one of CAN_CLASSIC and CAN_FD is offered at least", 0, 0, 0, 0, some_kind },
	{ "can.no-kind", FT, "neither CAN_CLASSIC nor CAN_FD: not accepted, or it works", 0, S, 0, 0, not_enough },
	{ "can.rtr-alone", FT, "RTR_FRAMES without CAN_CLASSIC: not accepted, or it works", RTR, S, 0, RTR, not_enough },
	{ "can.status-first", CFG, "BUSOFF is not set of a controller that was never started", 0, P, 0, 0, clear_first },
	{ "can.status-read-only", CFG, "status is read-only for a driver", 0, P, 0, 0, read_only },
	{ "can.stopped-first", MD, "the controller is stopped at first: frames have result NOT_OK", 0, 0, 0, 0, stopped },
	{ "can.stopped", MD, "frames have result NOT_OK after STOP", 0, 0, W, 1, stopped },
	{ "can.stopped-reset", MD, "frames have result NOT_OK after a reset", 0, 0, W, 2, stopped },
	{ "can.unknown-mode", MD, "a control message that is none has result NOT_OK, and changes nothing", 0, 0, 0, 0, unknown_mode },
	{ "can.order-stop", MD, "control messages are processed in order: START, STOP", 0, 0, W, START, ordered },
	{ "can.order-start", MD, "control messages are processed in order: STOP, START", 0, 0, W, STOP, ordered },
	{ "can.stop-returns", MD, "STOP: frames that are under way are all used", 0, 0, W, 0, stop_returns },
	{ "can.stop-cancels", MD, "STOP: a frame that is pending has result NOT_OK", LATE, 0, W, 0, cf_can_late_stop },
	{ "can.tx-standard", TX, "a valid frame is scheduled: standard identifier", CLASSIC, 0, W, 0, fine },
	{ "can.tx-extended", TX, "a valid frame is scheduled: extended identifier", CLASSIC, 0, W, 1, fine },
	{ "can.tx-fd", TX, "a valid frame is scheduled: FD", FD, 0, W, 2, fine },
	{ "can.tx-rtr", TX, "a valid frame is scheduled: remote", RTR, 0, W, 3, fine },
	{ "can.tx-no-fd", TX, "NOT_OK for an FD frame that was not negotiated", CLASSIC, 0, W, VIO_CAN_FLAGS_FD, not_negotiated },
	{ "can.tx-no-classic", TX, "NOT_OK for a classic frame that was not negotiated", FD, 0, W, 0, not_negotiated },
	{ "can.tx-no-rtr", TX, "NOT_OK for a remote frame that was not negotiated", CLASSIC, 0, W, VIO_CAN_FLAGS_RTR, not_negotiated },
	{ "can.tx-flags", TX, "NOT_OK for a bit of flags that is not defined", 0, 0, W, 0, undefined_flags },
	{ "can.tx-fd-rtr", TX, "NOT_OK for a remote FD frame", FD | RTR, 0, W, 0, fd_rtr },
	{ "can.tx-id", TX, "NOT_OK for a standard identifier of more than 11 bits", 0, 0, W, 0, bad_id },
	{ "can.tx-id-extended", TX, "NOT_OK for an extended identifier of more than 29 bits", 0, 0, W, EXT, bad_id },
	{ "can.tx-length", TX, "NOT_OK for a classic frame of more than 8 bytes", CLASSIC, 0, W, 0, bad_length },
	{ "can.tx-length-fd", TX, "NOT_OK for an FD frame of more than 64 bytes", FD, 0, W, VIO_CAN_FLAGS_FD, bad_length },
	{ "can.tx-length-rtr", TX, "NOT_OK for a remote frame of more than 8 bytes", RTR, 0, W, VIO_CAN_FLAGS_RTR, bad_length },
	{ "can.tx-data", TX, "NOT_OK for a frame whose data is not all there", CLASSIC, 0, W, 0, missing_data },
	{ "can.tx-type", TX, "NOT_OK for a message that is no frame", 0, 0, W, 0, unknown_type },
	{ "can.tx-late", TX, "LATE_TX_ACK: a frame that was not acknowledged on the bus is not used with OK", LATE, 0, W, 0, cf_can_late },
	{ "can.rx-type", RX, "msg_type of a received message is VIRTIO_CAN_RX", CLASSIC, 0, W, 0, cf_can_receives },
	{ "can.rx-length", RX, "length is in range, and so many bytes are there", CLASSIC, 0, W, 1, cf_can_receives },
	{ "can.rx-length-fd", RX, "length is in range, and so many bytes are there, with FD", CLASSIC | FD, 0, W, 1, cf_can_receives },
	{ "can.rx-kind", RX, "flags say a kind that was negotiated", CLASSIC, 0, W, 2, cf_can_receives },
	{ "can.rx-kind-all", RX, "flags have no bit that is not defined", CLASSIC | FD | RTR, 0, W, 2, cf_can_receives },
	{ "can.rx-id", RX, "can_id is in range, its 3 most significant bits are 0", CLASSIC, 0, W, 3, cf_can_receives },
	{ "can.rx-stopped", MD, "nothing is received after STOP", 0, 0, W, 0, cf_can_stopped_hears },
	{ "can.rx-reset", MD, "nothing is received before the first START", 0, 0, W, 1, cf_can_stopped_hears },
	{ "can.busoff-bit", OFF, "bus-off sets BUSOFF in status", 0, P, W, 0, cf_can_busoff_bit },
	{ "can.busoff-told", OFF, "the driver is told of bus-off by a configuration change", 0, P | VHU_P_BACKEND_REQ, W, 0, cf_can_busoff_told },
	{ "can.busoff-stopped", OFF, "after bus-off the controller is stopped", 0, P, W, 0, cf_can_busoff_stopped },
	{ "can.busoff-pending", OFF, "bus-off: frames that are pending have result NOT_OK", LATE, P, W, 0, cf_can_busoff_pending },
	{ "can.busoff-start", MD, "START clears BUSOFF before it is used", 0, P, W, 0, cf_can_busoff_start },
};
/* clang-format on */

const struct cf_dev cf_dev_can = { .name = "can",
				   .section = "5.20",
				   .id = VIO_CAN_ID,
				   .bits = bits,
				   .want = CLASSIC | FD,
				   .nvq = 3,
				   .vq = VIO_CAN_TXQ,
				   .config = 2,
				   .out = CF_CAN_HEAD + 8u,
				   .in = 1,
				   .build = build,
				   .check = check,
				   .rule = rules,
				   .nrule = sizeof(rules) / sizeof(rules[0]) };
