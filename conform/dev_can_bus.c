/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dev_can_bus.c - rules of the CAN device that need its bus: acknowledgement, bus-off, reception
 *
 * A driver alone cannot make a bus misbehave. Who runs the suite may know an identifier that nobody acknowledges
 * (--noack: on a bus without other nodes, any), and one that drives the controller off the bus (--busoff). What is
 * received is judged where somebody sends.
 */
#include <string.h>
#include "conform/dev_can.h"

#define BUFFERS 8u
#define ID	0x7feu

/* ---- what rules are made of ---- */

static struct cf_can_frame with_id(uint32_t id)
{
	return (struct cf_can_frame){ .length = 8,
				      .flags = id > VIO_CAN_STANDARD_MAX ? VIO_CAN_FLAGS_EXTENDED
									 : 0u,
				      .id = id };
}

/* A frame is on its way that nobody acknowledges. */
static bool unacknowledged(struct cf *c, struct cf_io *io)
{
	struct cf_can_frame f = with_id(c->cfg->noack);

	if (c->cfg->noack == CF_NO_ID) {
		return cf_na(c, "no identifier is known that nobody acknowledges: --noack");
	}
	return cf_can_up(c) && cf_can_make(c, io, &f) && cf_put(c, VIO_CAN_TXQ, io) &&
	       cf_kick(c, VIO_CAN_TXQ) && cf_quiet(c);
}

/* ---- acknowledgement ---- */

void cf_can_late(struct cf *c)
{
	struct cf_io io;

	if (!unacknowledged(c, &io)) {
		return;
	}
	if (!cf_raw_there(c, VIO_CAN_TXQ)) {
		(void)cf_expect(c, true, "-");
	} else if (cf_wait(c, VIO_CAN_TXQ, &io)) {
		(void)cf_expect(c, io.in[0] != VIO_CAN_RESULT_OK,
				"frame 0x%x is used with OK, and nobody acknowledges it",
				c->cfg->noack);
	} else {
		/* decided */
	}
}

void cf_can_late_stop(struct cf *c)
{
	struct cf_io io;

	(void)(unacknowledged(c, &io) && cf_can_stop(c) && cf_wait(c, VIO_CAN_TXQ, &io) &&
	       cf_expect(c, io.in[0] == VIO_CAN_RESULT_NOT_OK,
			 "a frame that was pending at STOP has result %u", io.in[0]));
}

/* ---- bus-off ---- */

static bool status(struct cf *c, uint16_t *s)
{
	uint8_t b[2];

	if (!cf_config(c, 0, b, 2)) {
		return false;
	}
	*s = vio_get16(b);
	return true;
}

/* Off the bus; io: the frame that did it. told: by notification, else the status is looked at until it says so */
static bool off(struct cf *c, struct cf_io *io, bool told)
{
	struct cf_can_frame f = with_id(c->cfg->busoff);
	uint16_t s = 0;

	if (c->cfg->busoff == CF_NO_ID) {
		return cf_na(c, "no identifier is known that leads to bus-off: --busoff");
	}
	if ((told && !cf_channel(c)) || !cf_can_up(c) || !cf_can_make(c, io, &f) ||
	    !cf_put(c, VIO_CAN_TXQ, io) || !cf_kick(c, VIO_CAN_TXQ)) {
		return false;
	}
	if (told) {
		return cf_changed(c);
	}
	while (status(c, &s) && (s & VIO_CAN_S_CTRL_BUSOFF) == 0) {
		if (cf_late(c, "BUSOFF in status")) {
			return false;
		}
	}
	return cf_expect(c, (s & VIO_CAN_S_CTRL_BUSOFF) != 0, "status is 0x%04x", s);
}

void cf_can_busoff_bit(struct cf *c)
{
	struct cf_io io;

	(void)off(c, &io, false);
}

void cf_can_busoff_told(struct cf *c)
{
	struct cf_io io;

	(void)off(c, &io, true);
}

void cf_can_busoff_stopped(struct cf *c)
{
	struct cf_can_frame f = with_id(ID);
	struct cf_io io;

	(void)(off(c, &io, false) &&
	       cf_can_sent(c, &f, VIO_CAN_RESULT_NOT_OK, "a frame after bus-off"));
}

void cf_can_busoff_pending(struct cf *c)
{
	struct cf_io io;

	(void)(off(c, &io, false) && cf_wait(c, VIO_CAN_TXQ, &io) &&
	       cf_expect(c, io.in[0] == VIO_CAN_RESULT_NOT_OK,
			 "the frame that led to bus-off has result %u", io.in[0]));
}

void cf_can_busoff_start(struct cf *c)
{
	struct cf_io io;
	uint16_t s;

	(void)(off(c, &io, false) && cf_can_start(c) && status(c, &s) &&
	       cf_expect(c, (s & VIO_CAN_S_CTRL_BUSOFF) == 0, "status is 0x%04x after START", s));
}

/* ---- reception ---- */

static bool buffers(struct cf *c, struct cf_io io[BUFFERS])
{
	bool ok = true;

	for (unsigned i = 0; ok && i < BUFFERS; i++) {
		ok = cf_io(c, &io[i], 0, CF_CAN_RX) && cf_put(c, VIO_CAN_RXQ, &io[i]);
	}
	return ok && cf_kick(c, VIO_CAN_RXQ);
}

/* The next buffer that came back, or NULL */
static struct cf_io *next(struct cf *c)
{
	struct cf_io *io;
	void *cookie;
	uint32_t len;

	if (vio_dvq_get(&c->q[VIO_CAN_RXQ].v, &cookie, &len) != VIO_OK) {
		return NULL;
	}
	io = cookie;
	io->back = true;
	io->len = len;
	return io;
}

/* It may be that nobody sends: that is waited for half of the time. */
static struct cf_io *heard(struct cf *c)
{
	uint64_t begin = cf_now(), most = (c->until - begin) / 2u;
	struct cf_io *io;

	while ((io = next(c)) == NULL && cf_now() < begin + most) {
		if (cf_late(c, "a frame")) {
			return NULL;
		}
	}
	return io;
}

static bool judge(struct cf *c, const struct cf_io *io)
{
	uint16_t type = vio_get16(io->in), length = vio_get16(io->in + 2);
	uint32_t flags = vio_get32(io->in + 8), id = vio_get32(io->in + 12), least;
	bool fd = (flags & VIO_CAN_FLAGS_FD) != 0, rtr = (flags & VIO_CAN_FLAGS_RTR) != 0;
	uint32_t known = VIO_CAN_FLAGS_EXTENDED |
			 (c->features & VIO_CAN_F_FD ? VIO_CAN_FLAGS_FD : 0u) |
			 (c->features & VIO_CAN_F_RTR ? VIO_CAN_FLAGS_RTR : 0u);

	switch (c->rule->arg) {
	case 0:
		return cf_expect(c, type == VIO_CAN_RX, "msg_type is 0x%04x", type);
	case 1:
		least = CF_CAN_HEAD + (rtr ? 0u : length);
		return cf_expect(c,
				 length <= (fd && (known & VIO_CAN_FLAGS_FD) ? VIO_CAN_FD_LEN
									     : VIO_CAN_CLASSIC_LEN),
				 "a frame with flags 0x%08x has length %u", flags, length) &&
		       cf_expect(c, io->len >= least, "%u bytes were written for a length of %u",
				 io->len, length);
	case 2:
		return cf_expect(c,
				 (flags & ~known) == 0 && !(fd && rtr) &&
					 (fd || (c->features & VIO_CAN_F_CLASSIC) != 0),
				 "flags are 0x%08x with features 0x%llx", flags,
				 (unsigned long long)(c->features & 0xfu));
	default:
		return cf_expect(c,
				 id <= (flags & VIO_CAN_FLAGS_EXTENDED ? VIO_CAN_EXTENDED_MAX
								       : VIO_CAN_STANDARD_MAX),
				 "can_id is 0x%08x with flags 0x%08x", id, flags);
	}
}

void cf_can_receives(struct cf *c)
{
	struct cf_io io[BUFFERS];
	struct cf_io *got;
	bool ok = cf_can_only(c, c->rule->features) && buffers(c, io) && cf_can_start(c);

	for (unsigned i = 0; ok && i < BUFFERS; i++) {
		got = heard(c);
		if (got == NULL) {
			(void)(i == 0 && cf_na(c, "nobody sends on its bus"));
			return;
		}
		ok = judge(c, got);
	}
}

/* arg: after STOP, or after a reset. What was heard before may still come, for a moment. */
void cf_can_stopped_hears(struct cf *c)
{
	struct cf_io early[BUFFERS], between[BUFFERS], io[BUFFERS];

	if (!cf_up(c) || !buffers(c, early) || !cf_can_start(c)) {
		return;
	}
	if (heard(c) == NULL) {
		(void)cf_na(c, "nobody sends on its bus");
		return;
	}
	if (c->rule->arg == 0 ? !cf_can_stop(c) || !buffers(c, between) || !cf_quiet(c)
			      : !cf_status(c, 0) || !cf_up(c)) {
		return;
	}
	while (next(c) != NULL) {
	}
	(void)(buffers(c, io) && cf_quiet(c) &&
	       cf_expect(c, next(c) == NULL, "a frame came to a stopped controller"));
}
