/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dev_rpmb.c - rules of the RPMB device (virtio 1.4, 5.12)
 *
 * Most of the chapter is SHOULD, results above all; what is left is the key, the counter and the data. A key is programmed
 * once and for ever, so all of that needs --write, and a device that has a key already, which is not that of this suite,
 * can only be asked for its configuration. Questions, data and room for the answer are in one request.
 */
#include <string.h>
#include "conform/conform.h"
#include "hosted/mac.h"
#include "vio/spec/rpmb.h"

#define FRAME	VIO_RPMB_FRAME
#define BLOCK	VIO_RPMB_BLOCK
#define SIGNED	((size_t)VIO_RPMB_SIGNED)
#define MAC_AT	196u
#define DATA	228u
#define NONCE	484u
#define COUNTER 500u
#define ADDRESS 504u
#define COUNT	506u
#define RESULT	508u
#define TYPE	510u

static const uint8_t key[VIO_RPMB_MAC] = "stratos conform: RPMB test key.";
static const uint8_t other[VIO_RPMB_MAC] = "stratos conform: another key...";

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static uint32_t get16(const uint8_t *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

static uint32_t get32(const uint8_t *p)
{
	return get16(p) << 16 | get16(p + 2);
}

static void build(const struct cf *c, uint8_t *out)
{
	(void)c;
	(void)memset(out + NONCE, 0x3c, 16);
	put16(out + COUNT, 1);
	put16(out + TYPE, VIO_RPMB_REQ_GET_WRITE_COUNTER);
}

static const char *check(const struct cf *c, const struct cf_io *io)
{
	(void)c;
	return get16(io->in + TYPE) != VIO_RPMB_RESP_GET_COUNTER
		       ? "GET_WRITE_COUNTER is not answered as such"
		       : NULL;
}

/* ---- frames ---- */

static bool mac(struct cf *c, const uint8_t k[VIO_RPMB_MAC], const uint8_t *frame, unsigned n,
		uint8_t out[VIO_RPMB_MAC])
{
	struct mac *m = mac_new();

	if (m == NULL) {
		return cf_fail(c, "no memory");
	}
	mac_key(m, k);
	mac_begin(m);
	for (unsigned i = 0; i < n; i++) {
		mac_add(m, frame + (size_t)i * FRAME + DATA, SIGNED);
	}
	mac_end(m, out);
	mac_free(m);
	return true;
}

/* Is the answer of n frames signed by this key? */
static bool is_signed(struct cf *c, const struct cf_io *io, unsigned n, bool *is)
{
	uint8_t want[VIO_RPMB_MAC];

	if (!mac(c, key, io->in, n, want)) {
		return false;
	}
	*is = memcmp(want, io->in + (size_t)(n - 1u) * FRAME + MAC_AT, sizeof(want)) == 0;
	return true;
}

static bool counter(struct cf *c, struct cf_io *io)
{
	uint8_t out[FRAME] = { 0 };

	build(c, out);
	return cf_say(c, 0, io, out, FRAME, FRAME);
}

static bool program(struct cf *c, struct cf_io *io, const uint8_t k[VIO_RPMB_MAC])
{
	uint8_t out[2 * FRAME] = { 0 };

	(void)memcpy(out + MAC_AT, k, VIO_RPMB_MAC);
	put16(out + COUNT, 1);
	put16(out + TYPE, VIO_RPMB_REQ_PROGRAM_KEY);
	put16(out + FRAME + COUNT, 1);
	put16(out + FRAME + TYPE, VIO_RPMB_REQ_RESULT_READ);
	return cf_say(c, 0, io, out, sizeof(out), FRAME);
}

/* Up, with our key, programmed now or before; *n: the counter; *fresh: the key is programmed by this rule */
static bool keyed(struct cf *c, uint32_t *n, bool *fresh)
{
	struct cf_io io;
	bool is = false;

	if (!cf_up(c) || !counter(c, &io)) {
		return false;
	}
	*fresh = (get16(io.in + RESULT) & ~(uint32_t)VIO_RPMB_RES_WRITE_COUNTER_EXPIRED) ==
		 VIO_RPMB_RES_NO_AUTH_KEY;
	if ((*fresh && (!program(c, &io, key) || !counter(c, &io))) || !is_signed(c, &io, 1, &is)) {
		return false;
	}
	if (!*fresh && !is) {
		return cf_na(c, "it has a key that is not the one of this suite");
	}
	*n = get32(io.in + COUNTER);
	return cf_expect(c, is, "the counter is not signed by the key that was programmed");
}

/* The counter is n, and the device has our key. */
static bool counts(struct cf *c, uint32_t n, const char *when)
{
	struct cf_io io;
	bool is = false;

	return counter(c, &io) && is_signed(c, &io, 1, &is) &&
	       cf_expect(c, is, "the answer is not signed by the key %s", when) &&
	       cf_expect(c, get32(io.in + COUNTER) == n, "the counter is %u, not %u, %s",
			 get32(io.in + COUNTER), n, when);
}

struct write {
	uint32_t address, n, counter; /* n: blocks, 1 or 2 */
	uint8_t fill;
	bool forged; /* a bit of the MAC is wrong */
};

static bool put(struct cf *c, const struct write *w, uint32_t *result)
{
	uint8_t out[3 * FRAME] = { 0 };
	struct cf_io io;

	for (uint32_t i = 0; i < w->n; i++) {
		uint8_t *f = out + (size_t)i * FRAME;

		(void)memset(f + DATA, w->fill + (int)i, BLOCK);
		put16(f + COUNTER, w->counter >> 16);
		put16(f + COUNTER + 2, w->counter & 0xffffu);
		put16(f + ADDRESS, w->address);
		put16(f + COUNT, w->n);
		put16(f + TYPE, VIO_RPMB_REQ_DATA_WRITE);
	}
	if (!mac(c, key, out, w->n, out + (size_t)(w->n - 1u) * FRAME + MAC_AT)) {
		return false;
	}
	out[(size_t)(w->n - 1u) * FRAME + MAC_AT] ^= w->forged ? 1u : 0u;
	put16(out + (size_t)w->n * FRAME + COUNT, 1);
	put16(out + (size_t)w->n * FRAME + TYPE, VIO_RPMB_REQ_RESULT_READ);
	if (!cf_say(c, 0, &io, out, (w->n + 1u) * FRAME, FRAME)) {
		return false;
	}
	*result = get16(io.in + RESULT);
	return true;
}

static bool written(struct cf *c, const struct write *w)
{
	uint32_t result;

	return put(c, w, &result) &&
	       (result == VIO_RPMB_RES_OK || cf_fail(c, "a write has result 0x%x", result));
}

static bool holds(struct cf *c, uint32_t address, uint8_t fill, bool authentic)
{
	uint8_t out[FRAME] = { 0 };
	struct cf_io io;
	bool is = false;

	(void)memset(out + NONCE, 0x71, 16);
	put16(out + ADDRESS, address);
	put16(out + COUNT, 1);
	put16(out + TYPE, VIO_RPMB_REQ_DATA_READ);
	if (!cf_say(c, 0, &io, out, FRAME, FRAME) || !is_signed(c, &io, 1, &is)) {
		return false;
	}
	for (uint32_t i = 0; i < BLOCK && !authentic; i++) {
		if (!cf_expect(c, io.in[DATA + i] == fill,
			       "byte %u of block %u is 0x%02x, not 0x%02x", i, address,
			       io.in[DATA + i], fill)) {
			return false;
		}
	}
	return !authentic || cf_expect(c, is, "a read is not signed by the key");
}

/* ---- rules ---- */

static void capacity(struct cf *c)
{
	uint8_t config[3];

	(void)(cf_config(c, 0, config, sizeof(config)) &&
	       cf_expect(c, config[0] <= VIO_RPMB_UNITS, "the capacity is 0x%02x", config[0]));
}

static void key_used(struct cf *c)
{
	uint32_t n;
	bool fresh;

	(void)(keyed(c, &n, &fresh) && holds(c, 0, 0, true));
}

static void key_once(struct cf *c)
{
	uint32_t n;
	bool fresh;
	struct cf_io io;

	(void)(keyed(c, &n, &fresh) && program(c, &io, other) &&
	       counts(c, n, "after another was to be programmed"));
}

/* Nothing that the device says has it in it. */
static void key_hidden(struct cf *c)
{
	uint32_t n;
	bool fresh, seen = false;
	struct cf_io io[2];

	if (!keyed(c, &n, &fresh) || !program(c, &io[0], other) || !counter(c, &io[1])) {
		return;
	}
	for (unsigned k = 0; k < 2; k++) {
		for (unsigned i = 0; i + sizeof(key) <= FRAME; i++) {
			seen = seen || memcmp(io[k].in + i, key, sizeof(key)) == 0;
		}
	}
	(void)cf_expect(c, !seen, "the key is in an answer");
}

static void kept(struct cf *c)
{
	struct write w = { .n = 1, .fill = 0x11 };
	bool fresh;

	(void)(keyed(c, &w.counter, &fresh) && written(c, &w) && cf_status(c, 0) && cf_up(c) &&
	       counts(c, w.counter + 1u, "after a reset"));
}

static void zero(struct cf *c)
{
	uint32_t n;
	bool fresh;

	if (keyed(c, &n, &fresh)) {
		(void)(fresh ? cf_expect(c, n == 0, "the counter of a new device is %u", n)
			     : cf_na(c, "it had a key already"));
	}
}

/* arg: blocks */
static void adds(struct cf *c)
{
	struct write w = { .n = c->rule->arg, .fill = 0x22 };
	uint8_t config[3];
	bool fresh;

	if (!cf_config(c, 0, config, sizeof(config))) {
		return;
	}
	if (config[1] != 0 && config[1] < w.n) {
		(void)cf_na(c, "it writes %u block at a time", config[1]);
		return;
	}
	(void)(keyed(c, &w.counter, &fresh) && written(c, &w) &&
	       counts(c, w.counter + 1u, "after a write"));
}

/* A write that is not authentic (arg 0), or that has another counter (arg 1): neither counted nor done */
static void refused(struct cf *c)
{
	struct write w = { .n = 1, .fill = 0x33 };
	bool fresh, data = (c->rule->arg & 2u) != 0;
	uint32_t n, result;

	if (!keyed(c, &w.counter, &fresh) || !written(c, &w)) {
		return;
	}
	n = ++w.counter;
	w.fill = 0x44;
	w.forged = (c->rule->arg & 1u) == 0;
	w.counter += w.forged ? 0u : 5u;
	(void)(put(c, &w, &result) && (data ? holds(c, 0, 0x33, false)
					    : counts(c, n, "after a write that is not authentic")));
}

static void data(struct cf *c)
{
	struct write w = { .n = 1, .fill = 0x55 };
	bool fresh;

	if (keyed(c, &w.counter, &fresh) && written(c, &w)) {
		struct write v = { .n = 1, .address = 1, .fill = 0x66, .counter = w.counter + 1u };

		(void)(written(c, &v) && holds(c, 0, 0x55, false) && holds(c, 1, 0x66, false));
	}
}

/* At its end the counter stays, and nothing is written. */
static void expired(struct cf *c)
{
	struct write w = { .n = 1, .fill = 0x77 };
	uint32_t result;
	bool fresh;

	if (!keyed(c, &w.counter, &fresh)) {
		return;
	}
	if (w.counter != UINT32_MAX) {
		(void)cf_na(c, "its counter is far from its end");
		return;
	}
	(void)(put(c, &w, &result) && counts(c, UINT32_MAX, "after a write at its end"));
}

static const struct cf_bit bits[] = { { 0, NULL, 0 } };

#define OP "5.12.6.3", "Device Operation"
#define WR "5.12.6.1.3", "Device Operation: Data Write"
#define W  CF_WRITES

/* clang-format off */
static const struct cf_rule rules[] = {
	{ "rpmb.capacity", "5.12.5", "Device Initialization", "the capacity is 16 MiB at most", 0, VHU_P_CONFIG, 0, 0, capacity },
	{ "rpmb.key-used", OP, "the key that was programmed signs answers", 0, 0, W, 0, key_used },
	{ "rpmb.key-once", OP, "the key cannot be overwritten", 0, 0, W, 0, key_once },
	{ "rpmb.key-hidden", OP, "the key cannot be read", 0, 0, W, 0, key_hidden },
	{ "rpmb.kept", OP, "key and counter are kept over a device reset", 0, 0, W, 0, kept },
	{ "rpmb.counter-zero", OP, "the counter is 0 at first", 0, 0, W, 0, zero },
	{ "rpmb.counter-adds", OP, "a successful write adds one to the counter", 0, VHU_P_CONFIG, W, 1, adds },
	{ "rpmb.counter-adds-blocks", OP, "a successful write of two blocks adds one to the counter", 0, VHU_P_CONFIG, W, 2, adds },
	{ "rpmb.counter-forged", OP, "only a successful write is counted, not a forged one", 0, 0, W, 0, refused },
	{ "rpmb.counter-other", OP, "only a successful write is counted, not one with another counter", 0, 0, W, 1, refused },
	{ "rpmb.counter-end", WR, "at its end the counter is not incremented", 0, 0, W, 0, expired },
	{ "rpmb.data", OP, "data of authenticated writes is maintained", 0, 0, W, 0, data },
	{ "rpmb.data-forged", WR, "the MAC of a write is calculated and compared", 0, 0, W, 2, refused },
};
/* clang-format on */

const struct cf_dev cf_dev_rpmb = { .name = "rpmb",
				    .section = "5.12",
				    .id = VIO_RPMB_ID,
				    .bits = bits,
				    .nvq = 1,
				    .config = 3,
				    .out = FRAME,
				    .in = FRAME,
				    .build = build,
				    .check = check,
				    .rule = rules,
				    .nrule = sizeof(rules) / sizeof(rules[0]) };
