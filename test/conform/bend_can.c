/* SPDX-License-Identifier: BSD-3-Clause */
/* bend_can.c - broken CAN controllers; somebody else is on the bus of each, who sends frames of every kind */
#include "test/conform/bends.h"

#define CAN "can,host=sim:rate=0,,noack=7ff,,busoff=666,,beat=123"

enum { TXQ, RXQ, CONTROLQ };
enum { START = 1, STOP = 2 }; /* low byte of the control messages */

static bool is(const struct bent_req *r, uint16_t vq)
{
	return r->vq == vq;
}

static void busoff(uint8_t *config, uint32_t len)
{
	config[0] = len > 0 ? 1 : 0;
}

static void no_busoff(uint8_t *config, uint32_t len)
{
	config[0] = len > 0 ? config[0] & 0xfe : 0;
}

static void tx_ok(struct bent_req *r)
{
	r->in[0] = is(r, TXQ) ? 0 : r->in[0];
}

static void tx_not_ok(struct bent_req *r)
{
	r->in[0] = is(r, TXQ) ? 1 : r->in[0];
}

static void mode_ok(struct bent_req *r)
{
	r->in[0] = is(r, CONTROLQ) ? 0 : r->in[0];
}

/* The second message does what the first did. */
static void only_start(struct bent_req *r)
{
	r->out[0] = is(r, CONTROLQ) ? START : r->out[0];
}

static void only_stop(struct bent_req *r)
{
	r->out[0] = is(r, CONTROLQ) ? STOP : r->out[0];
}

static void loses(struct bent_req *r)
{
	r->lost = is(r, TXQ) && r->n % 4u == 3u;
}

/* ---- frames: each of these corrects what it does not look at ---- */

static void no_flags(struct bent_req *r)
{
	r->out[8] = r->out[9] = r->out[10] = r->out[11] = is(r, TXQ) ? 0 : r->out[8];
}

static void known_flags(struct bent_req *r)
{
	if (is(r, TXQ)) {
		r->out[8] = r->out[10] = r->out[11] = 0;
		r->out[9] &= 0xe0;
	}
}

static void fd_too(struct bent_req *r)
{
	r->out[9] |= is(r, TXQ) ? 0x40 : 0;
}

static void low_id(struct bent_req *r)
{
	if (is(r, TXQ)) {
		r->out[13] &= 7;
		r->out[14] = r->out[15] = 0;
	}
}

static void id_29(struct bent_req *r)
{
	r->out[15] &= is(r, TXQ) ? 0x1f : 0xff;
}

static void length(struct bent_req *r, uint32_t most)
{
	uint32_t n = is(r, TXQ) ? r->out[2] | (uint32_t)r->out[3] << 8 : 0;

	if (n > most) {
		r->out[2] = (uint8_t)most;
		r->out[3] = 0;
	}
}

static void most_8(struct bent_req *r)
{
	length(r, 8);
}

static void most_64(struct bent_req *r)
{
	length(r, 64);
}

static void what_is_there(struct bent_req *r)
{
	length(r, r->out_len < 16 ? 0 : r->out_len - 16);
}

static void any_type(struct bent_req *r)
{
	if (is(r, TXQ)) {
		r->out[0] = 1;
		r->out[1] = 0;
	}
}

/* Acknowledged by nobody: as if it had been another one */
static void other_id(struct bent_req *r)
{
	r->out[12] = is(r, TXQ) ? 0 : r->out[12];
}

/* ---- frames that are received ---- */

static void rx_type(struct bent_req *r)
{
	r->in[0] = is(r, RXQ) ? 2 : r->in[0];
}

static void rx_long(struct bent_req *r)
{
	r->in[2] = is(r, RXQ) ? 65 : r->in[2];
}

static void rx_head(struct bent_req *r)
{
	r->len = is(r, RXQ) ? 16 : r->len;
}

static void rx_fd(struct bent_req *r)
{
	r->in[9] |= is(r, RXQ) ? 0x40 : 0;
}

static void rx_flag(struct bent_req *r)
{
	r->in[8] |= is(r, RXQ) ? 1 : 0;
}

static void rx_id(struct bent_req *r)
{
	r->in[15] |= is(r, RXQ) ? 0x80 : 0;
}

/* clang-format off */
const struct bend bends_can[] = {
	{ .rule = "can.some-kind", .device = CAN, .hide = 7, .says = "neither" },
	{ .rule = "can.no-kind", .device = CAN, .flaw = BENT_TAKES_ANY, .says = "NEEDS_RESET" },
	{ .rule = "can.rtr-alone", .device = CAN, .flaw = BENT_TAKES_ANY, .says = "NEEDS_RESET" },
	{ .rule = "can.status-first", .device = CAN, .config = busoff, .says = "never started" },
	{ .rule = "can.status-read-only", .device = CAN, .flaw = BENT_CONFIG_ANY, .says = "reads 0x0001" },
	{ .rule = "can.stopped-first", .device = CAN, .answer = tx_ok, .says = "has result 0" },
	{ .rule = "can.stopped", .device = CAN, .ask = only_start, .says = "has result 0" },
	{ .rule = "can.stopped-reset", .device = CAN, .answer = tx_ok, .says = "has result 0" },
	{ .rule = "can.unknown-mode", .device = CAN, .answer = mode_ok, .says = "message 0x0000 has result 0" },
	{ .rule = "can.order-stop", .device = CAN, .ask = only_start, .says = "a frame after START, STOP has result 0" },
	{ .rule = "can.order-start", .device = CAN, .ask = only_stop, .says = "a frame after STOP, START has result 1" },
	{ .rule = "can.order-start", .device = CAN, .flaw = BENT_ORDER, .says = "which came first" },
	{ .rule = "can.stop-returns", .device = CAN, .answer = loses, .says = "an answer did not come" },
	{ .rule = "can.stop-cancels", .device = CAN, .answer = tx_ok, .says = "has result 0" },
	{ .rule = "can.tx-standard", .device = CAN, .answer = tx_not_ok, .says = "has result 1" },
	{ .rule = "can.tx-extended", .device = CAN, .ask = no_flags, .says = "has result 1" },
	{ .rule = "can.tx-fd", .device = CAN, .ask = no_flags, .says = "has result 1" },
	{ .rule = "can.tx-rtr", .device = CAN, .answer = tx_not_ok, .says = "has result 1" },
	{ .rule = "can.tx-no-fd", .device = CAN, .ask = no_flags, .says = "flags 0x00004000" },
	{ .rule = "can.tx-no-classic", .device = CAN, .ask = fd_too, .says = "has result 0" },
	{ .rule = "can.tx-no-rtr", .device = CAN, .answer = tx_ok, .says = "flags 0x00002000" },
	{ .rule = "can.tx-flags", .device = CAN, .ask = known_flags, .says = "flags 0x00000001" },
	{ .rule = "can.tx-fd-rtr", .device = CAN, .answer = tx_ok, .says = "flags 0x00006000" },
	{ .rule = "can.tx-id", .device = CAN, .ask = low_id, .says = "id 0x00000800" },
	{ .rule = "can.tx-id-extended", .device = CAN, .ask = id_29, .says = "id 0x20000000" },
	{ .rule = "can.tx-length", .device = CAN, .ask = most_8, .says = "length 9" },
	{ .rule = "can.tx-length-fd", .device = CAN, .ask = most_64, .says = "length 65" },
	{ .rule = "can.tx-length-rtr", .device = CAN, .ask = most_8, .says = "length 9" },
	{ .rule = "can.tx-data", .device = CAN, .ask = what_is_there, .says = "has result 0" },
	{ .rule = "can.tx-type", .device = CAN, .ask = any_type, .says = "type 0x0002" },
	{ .rule = "can.tx-late", .device = CAN, .ask = other_id, .says = "used with OK" },
	{ .rule = "can.rx-type", .device = CAN, .answer = rx_type, .says = "msg_type is 0x0102" },
	{ .rule = "can.rx-length", .device = CAN, .answer = rx_long, .says = "has length 65" },
	{ .rule = "can.rx-length-fd", .device = CAN, .answer = rx_head, .says = "16 bytes were written" },
	{ .rule = "can.rx-kind", .device = CAN, .answer = rx_fd, .says = "features 0x1" },
	{ .rule = "can.rx-kind-all", .device = CAN, .answer = rx_flag, .says = "flags are 0x" },
	{ .rule = "can.rx-id", .device = CAN, .answer = rx_id, .says = "can_id is 0x8" },
	{ .rule = "can.rx-stopped", .device = CAN, .ask = only_start, .says = "to a stopped controller" },
	{ .rule = "can.rx-reset", .device = CAN, .flaw = BENT_FILLS, .at = RXQ, .says = "to a stopped controller" },
	{ .rule = "can.busoff-bit", .device = CAN, .config = no_busoff, .says = "BUSOFF in status" },
	{ .rule = "can.busoff-told", .device = CAN, .flaw = BENT_NO_CHANGE, .says = "a configuration change" },
	{ .rule = "can.busoff-stopped", .device = CAN, .answer = tx_ok, .says = "after bus-off has result 0" },
	{ .rule = "can.busoff-pending", .device = CAN, .answer = tx_ok, .says = "has result 0" },
	{ .rule = "can.busoff-start", .device = CAN, .config = busoff, .says = "0x0001 after START" },
	{ .rule = NULL },
};
/* clang-format on */
