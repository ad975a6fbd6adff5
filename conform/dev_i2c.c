/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dev_i2c.c - rules of the I2C adapter device (virtio 1.4, 5.16)
 *
 * A target that answers to a read is needed, --address says which. What it says is not known, so answers are compared:
 * the same register read twice, a byte that was written over two different patterns. Where a target is needed that does
 * not answer, some rarely used addresses are tried; reading them is what bus scanners do.
 */
#include <string.h>
#include "conform/conform.h"
#include "vio/spec/i2c.h"

#define FAIL_NEXT VIO_I2C_FLAGS_FAIL_NEXT
#define READ	  VIO_I2C_FLAGS_M_RD
#define HEAD	  8u
#define REGS	  8u

static void head(uint8_t *out, uint32_t address, uint32_t flags)
{
	uint32_t ten = ((address & 0xffu) << 8) | 0xf0u | ((address >> 7) & 6u);

	vio_put16(out, (uint16_t)(address < 0x80u ? address << 1 : ten));
	vio_put16(out + 2, 0);
	vio_put32(out + 4, flags);
}

static void build(const struct cf *c, uint8_t *out)
{
	head(out, c->cfg->address, READ);
}

static uint8_t status(const struct cf_io *io)
{
	return io->in[io->i.len - 1u];
}

static const char *check(const struct cf *c, const struct cf_io *io)
{
	(void)c;
	return status(io) != VIO_I2C_MSG_OK ? "the status of a read is not OK (is --address right?)"
					    : NULL;
}

/* A read of len bytes, or a write of these; put, not yet shown. */
static bool add_read(struct cf *c, struct cf_io *io, uint32_t address, uint32_t flags, uint32_t len)
{
	uint8_t out[HEAD];

	head(out, address, READ | flags);
	return cf_make(c, io, out, HEAD, len + 1u) && cf_put(c, 0, io);
}

static bool add_write(struct cf *c, struct cf_io *io, uint32_t flags, uint8_t reg)
{
	uint8_t out[HEAD + 1u];

	head(out, c->cfg->address, flags);
	out[HEAD] = reg;
	return cf_make(c, io, out, sizeof(out), 1) && cf_put(c, 0, io);
}

static bool go(struct cf *c, struct cf_io *io, unsigned n)
{
	bool ok = cf_kick(c, 0);

	for (unsigned i = 0; ok && i < n; i++) {
		ok = cf_wait(c, 0, &io[i]);
	}
	return ok;
}

static bool good(struct cf *c, const struct cf_io *io, const char *what)
{
	return cf_expect(c, status(io) == VIO_I2C_MSG_OK, "%s has status %u", what, status(io));
}

/* An address where nobody answers */
static bool nobody(struct cf *c, uint32_t *address)
{
	static const uint8_t rare[] = { 0x7f, 0x77, 0x6f, 0x2f, 0x13, 0x09 };
	struct cf_io io;

	for (unsigned i = 0; i < sizeof(rare); i++) {
		if (rare[i] == c->cfg->address) {
			continue;
		}
		if (!add_read(c, &io, rare[i], 0, 1) || !go(c, &io, 1)) {
			return false;
		}
		if (status(&io) != VIO_I2C_MSG_OK) {
			*address = rare[i];
			return true;
		}
	}
	return cf_na(c, "somebody answers at each address that was tried");
}

static void offers(struct cf *c)
{
	(void)cf_expect(c, (c->offered & VIO_I2C_F_ZERO_LENGTH_REQUEST) != 0,
			"ZERO_LENGTH_REQUEST is not offered");
}

static void rejects(struct cf *c)
{
	(void)cf_refuses(c, VIO_F_VERSION_1);
}

/* One chip, or none, is asked: the head stays as it was. */
static void head_kept(struct cf *c)
{
	uint32_t flags = c->rule->arg;
	struct cf_io io;
	uint8_t out[HEAD];

	head(out, c->cfg->address, READ | flags);
	(void)(cf_up(c) && cf_say(c, 0, &io, out, HEAD, 3) &&
	       cf_expect(c, memcmp(io.out, out, 4) == 0, "addr 0x%02x%02x became 0x%02x%02x",
			 out[1], out[0], io.out[1], io.out[0]) &&
	       cf_expect(c, memcmp(io.out + 4, out + 4, 4) == 0,
			 "flags 0x%x became 0x%02x%02x%02x%02x", READ | flags, io.out[7], io.out[6],
			 io.out[5], io.out[4]));
}

static void data_kept(struct cf *c)
{
	struct cf_io io;

	(void)(cf_up(c) && add_write(c, &io, 0, 0x2a) && go(c, &io, 1) &&
	       cf_expect(c, io.out[HEAD] == 0x2a, "the byte to be written became 0x%02x",
			 io.out[HEAD]));
}

/* A byte that has the pattern of before both times was not written. */
static void segment(struct cf *c)
{
	uint32_t len = c->rule->arg;
	struct cf_io a, b;

	if (!cf_up(c) || !add_read(c, &a, c->cfg->address, 0, len) || !go(c, &a, 1) ||
	    !good(c, &a, "a read") || !add_read(c, &b, c->cfg->address, 0, len)) {
		return;
	}
	(void)memset(b.in, 0x5a, len);
	if (!go(c, &b, 1) || !good(c, &b, "a read")) {
		return;
	}
	for (uint32_t i = 0; i < len; i++) {
		if (!cf_expect(c, a.in[i] != 0xa5 || b.in[i] != 0x5a,
			       "byte %u of %u was not placed", i, len)) {
			return;
		}
	}
	(void)(cf_borders(c, &a, NULL) &&
	       cf_expect(c, a.len == len + 1u, "%u of %u bytes are reported as written", a.len,
			 len + 1u));
}

/* Written or read with no byte: there is a status all the same. */
static void zero(struct cf *c)
{
	struct cf_io io;
	uint8_t out[HEAD];

	head(out, c->cfg->address, c->rule->arg);
	(void)(cf_up(c) && cf_say(c, 0, &io, out, HEAD, 1) &&
	       cf_expect(c, status(&io) <= VIO_I2C_MSG_ERR, "the status is 0x%02x", status(&io)) &&
	       cf_works(c));
}

/* Many at a time: each is carried out as if it was alone. */
static void many(struct cf *c)
{
	struct cf_io io[24];
	bool ok = cf_up(c);

	for (unsigned i = 0; ok && i < 24; i++) {
		ok = add_read(c, &io[i], c->cfg->address, i % 4u == 3u ? 0 : c->rule->arg, 2);
	}
	ok = ok && go(c, io, 24);
	for (unsigned i = 0; ok && i < 24; i++) {
		ok = good(c, &io[i], "one of many reads");
	}
}

/* A register, selected and read in one group, or in two requests */
static bool reg(struct cf *c, struct cf_io io[2], uint32_t flags, uint8_t at)
{
	return add_write(c, &io[0], flags, at) && add_read(c, &io[1], c->cfg->address, 0, 1);
}

static bool regs_good(struct cf *c, const struct cf_io *io, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (status(&io[i]) != VIO_I2C_MSG_OK) {
			return cf_na(c, "the target does not let registers be selected");
		}
	}
	return true;
}

/* One after the other in one direction, and at a time in the other: the registers are the same. */
static void order(struct cf *c)
{
	struct cf_io io[2 * REGS];
	uint8_t one[REGS];
	bool ok = cf_up(c), differ = false;

	for (unsigned i = REGS; ok && i-- > 0;) {
		ok = reg(c, io, c->rule->arg, (uint8_t)i) && go(c, io, 2) && regs_good(c, io, 2);
		one[i] = ok ? io[1].in[0] : 0;
		differ = differ || one[i] != one[REGS - 1u];
	}
	for (unsigned i = 0; ok && i < REGS; i++) {
		ok = reg(c, &io[2u * i], c->rule->arg, (uint8_t)i);
	}
	if (!ok || !go(c, io, 2u * REGS) || !regs_good(c, io, 2u * REGS)) {
		return;
	}
	if (!differ) {
		(void)cf_na(c, "all registers of the target are the same");
		return;
	}
	for (unsigned i = 0; i < REGS; i++) {
		if (!cf_expect(c, io[2u * i + 1u].in[0] == one[i],
			       "register %u is 0x%02x alone, and 0x%02x with others", i, one[i],
			       io[2u * i + 1u].in[0])) {
			return;
		}
	}
}

/* Three requests of which one goes to nobody: arg says which, and whether they are a group */
static bool failing(struct cf *c, struct cf_io io[3], unsigned bad, bool group)
{
	uint32_t absent = 0, flags = group ? FAIL_NEXT : 0;
	bool ok = cf_up(c) && nobody(c, &absent);

	for (unsigned i = 0; ok && i < 3; i++) {
		ok = add_read(c, &io[i], i == bad ? absent : c->cfg->address, i < 2 ? flags : 0, 1);
	}
	return ok && go(c, io, 3);
}

static void first_failed(struct cf *c)
{
	struct cf_io io[3];
	unsigned bad = c->rule->arg & 3u, i = 0;

	if (!failing(c, io, bad, (c->rule->arg & 4u) != 0)) {
		return;
	}
	while (i < bad && status(&io[i]) == VIO_I2C_MSG_OK) {
		i++;
	}
	(void)cf_expect(c, status(&io[i]) == VIO_I2C_MSG_ERR,
			"request %u of 3 went to nobody, and has status %u", bad + 1u,
			status(&io[bad]));
}

/* What is not of the failed group gets its segment. */
static void behind(struct cf *c)
{
	bool group = c->rule->arg != 0;
	struct cf_io io[3], next;

	(void)(failing(c, io, group ? 0 : 1, group) && (group || good(c, &io[2], "the next one")) &&
	       add_read(c, &next, c->cfg->address, 0, 1) && go(c, &next, 1) &&
	       good(c, &next, "a read behind a failed group"));
}

static const struct cf_bit bits[] = {
	{ VIO_I2C_F_ZERO_LENGTH_REQUEST, "ZERO_LENGTH_REQUEST", 0 },
	{ 0, NULL, 0 },
};

#define OP "5.16.6.4", "Device Operation"

/* clang-format off */
static const struct cf_rule rules[] = {
	{ "i2c.offer", OP, "ZERO_LENGTH_REQUEST is offered", 0, 0, 0, 0, offers },
	{ "i2c.reject", OP, "a driver that does not negotiate ZERO_LENGTH_REQUEST is rejected", 0, VHU_P_STATUS, 0, 0, rejects },
	{ "i2c.head-kept", OP, "addr and reserved bits of flags are not changed", 0, 0, 0, 0, head_kept },
	{ "i2c.head-kept-group", OP, "addr and reserved bits of flags are not changed in a group", 0, 0, 0, FAIL_NEXT, head_kept },
	{ "i2c.data-kept", OP, "buf of a write is not changed", 0, 0, CF_WRITES, 0, data_kept },
	{ "i2c.segment-1", OP, "a segment of the length of buf is placed, here 1", 0, 0, 0, 1, segment },
	{ "i2c.segment-7", OP, "a segment of the length of buf is placed, here 7", 0, 0, 0, 7, segment },
	{ "i2c.segment-32", OP, "a segment of the length of buf is placed, here 32", 0, 0, 0, 32, segment },
	{ "i2c.segment-many", OP, "a segment is placed for each of many reads", 0, 0, 0, 0, many },
	{ "i2c.segment-group", OP, "a segment is placed for each read of a group", 0, 0, 0, FAIL_NEXT, many },
	{ "i2c.zero-write", OP, "zero-length requests are supported: a write", 0, 0, 0, 0, zero },
	{ "i2c.zero-read", OP, "zero-length requests are supported: a read", 0, 0, 0, READ, zero },
	{ "i2c.order", OP, "requests are processed in order", 0, 0, CF_WRITES, 0, order },
	{ "i2c.order-group", OP, "requests are processed in order, here groups of a write and a read", 0, 0, CF_WRITES, FAIL_NEXT, order },
	{ "i2c.failed", OP, "the status of a request that failed is ERR, of many at a time", 0, 0, 0, 1, first_failed },
	{ "i2c.failed-first", OP, "the status of the first failed request of a group is ERR, here the first", 0, 0, 0, 4 | 0, first_failed },
	{ "i2c.failed-middle", OP, "the status of the first failed request of a group is ERR, here the second", 0, 0, 0, 4 | 1, first_failed },
	{ "i2c.failed-last", OP, "the status of the first failed request of a group is ERR, here the last", 0, 0, 0, 4 | 2, first_failed },
	{ "i2c.behind", OP, "a segment is placed for a read behind one that failed", 0, 0, 0, 0, behind },
	{ "i2c.behind-group", OP, "a segment is placed for a read behind a group that failed", 0, 0, 0, 1, behind },
};
/* clang-format on */

const struct cf_dev cf_dev_i2c = { .name = "i2c",
				   .section = "5.16",
				   .id = VIO_I2C_ID,
				   .bits = bits,
				   .want = VIO_I2C_F_ZERO_LENGTH_REQUEST,
				   .nvq = 1,
				   .out = HEAD,
				   .in = 4 + 1,
				   .build = build,
				   .check = check,
				   .rule = rules,
				   .nrule = sizeof(rules) / sizeof(rules[0]) };
