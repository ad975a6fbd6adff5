/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ring_frame.c - rules of both ring formats: a request cut into descriptors in every way that is allowed
 *
 * The answer must be the same however it is cut. At most four pieces: a device may have a reasonable limit.
 */
#include <string.h>
#include "conform/conform.h"

#define P VIO_F_RING_PACKED
#define I VIO_F_INDIRECT_DESC

#define CUT_OUT	  1u /* the readable part */
#define CUT_IN	  2u
#define CUT_TABLE 4u /* all in an indirect table */
struct pieces {
	struct vio_dma b[CF_PIECES];
	uint16_t n_out, n_in;
};

/* In two, at the beginning, in the middle or at the end */
static uint16_t cut(const struct vio_dma *d, bool fine, unsigned where, struct vio_dma *b)
{
	uint32_t at = where == 0 ? 1 : where == 1 ? d->len / 2u : d->len - 1u;

	if (d->len == 0) {
		return 0;
	}
	if (!fine || d->len < 2 || at == 0) {
		b[0] = *d;
		return 1;
	}
	b[0] = (struct vio_dma){ d->p, d->addr, at };
	b[1] = (struct vio_dma){ d->p + at, d->addr + at, d->len - at };
	return 2;
}

static void cut_both(const struct cf_io *io, unsigned how, unsigned where, struct pieces *p)
{
	p->n_out = cut(&io->o, (how & CUT_OUT) != 0, where, p->b);
	p->n_in = cut(&io->i, (how & CUT_IN) != 0, where, p->b + p->n_out);
}

static void pieces(struct cf *c)
{
	uint16_t vq = c->dev->vq;
	struct pieces p;
	struct vio_dma t;
	struct cf_io io;
	bool ok = cf_up(c) && cf_alloc(c, CF_PIECES * VIO_DESC_BYTES, 16, &t);

	for (unsigned i = 0; ok && i < 3; i++) { /* a wrong position shows at the next one */
		if (!cf_harmless(c, &io)) {
			return;
		}
		cut_both(&io, c->rule->arg, i, &p);
		ok = cf_put_as(c, vq, &io, p.b, p.n_out, p.n_in,
			       (c->rule->arg & CUT_TABLE) != 0 ? &t : NULL) &&
		     cf_kick(c, vq) && cf_wait(c, vq, &io) && cf_answer(c, &io);
	}
}

/* Direct and indirect requests in one ring, all shown at once */
static void both_kinds(struct cf *c)
{
	uint16_t vq = c->dev->vq;
	struct pieces p;
	struct vio_dma t[6];
	struct cf_io io[6];
	bool ok = cf_up(c);

	for (unsigned i = 0; ok && i < 6; i++) {
		ok = cf_alloc(c, CF_PIECES * VIO_DESC_BYTES, 16, &t[i]) && cf_harmless(c, &io[i]);
		if (ok) {
			cut_both(&io[i], 0, 0, &p);
			ok = cf_put_as(c, vq, &io[i], p.b, p.n_out, p.n_in, i % 3 ? &t[i] : NULL);
		}
	}
	ok = ok && cf_kick(c, vq);
	for (unsigned i = 0; ok && i < 6; i++) {
		ok = cf_wait(c, vq, &io[i]) && cf_answer(c, &io[i]);
	}
}

/* An indirect request whose bits are changed before the device sees it */
static bool indirect(struct cf *c, struct cf_io *io, struct vio_dma *t, struct pieces *p)
{
	if (!cf_up(c) || !cf_alloc(c, CF_PIECES * VIO_DESC_BYTES, 16, t) || !cf_harmless(c, io)) {
		return false;
	}
	cut_both(io, 0, 0, p);
	return cf_put_as(c, c->dev->vq, io, p->b, p->n_out, p->n_in, t);
}

static bool served(struct cf *c, struct cf_io *io)
{
	return cf_kick(c, c->dev->vq) && cf_wait(c, c->dev->vq, io) && cf_answer(c, io);
}

static void write_ignored(struct cf *c)
{
	struct vio_dvq *v = &c->q[c->dev->vq].v;
	struct pieces p;
	struct vio_dma t;
	struct cf_io io;

	if (!indirect(c, &io, &t, &p)) {
		return;
	}
	if (CF_PACKED(c)) {
		v->hold_flags |= VIO_DESC_F_WRITE; /* it is written last */
	} else {
		vio_put16(cf_desc(c, c->dev->vq, 0) + 12, VIO_DESC_F_INDIRECT | VIO_DESC_F_WRITE);
	}
	(void)served(c, &io);
}

static void reserved_ignored(struct cf *c)
{
	struct pieces p;
	struct vio_dma t;
	struct cf_io io;

	if (!indirect(c, &io, &t, &p)) {
		return;
	}
	for (uint32_t i = 0; i < (uint32_t)p.n_out + p.n_in; i++) {
		uint8_t *d = t.p + (size_t)i * VIO_DESC_BYTES;

		vio_put16(d + 12, 0x7777u); /* id */
		vio_put16(d + 14,
			  (uint16_t)(vio_get16(d + 14) | VIO_DESC_F_AVAIL | VIO_DESC_F_USED));
	}
	(void)served(c, &io);
}

/* Some direct descriptors, then one with the table of the rest */
static void behind_direct(struct cf *c)
{
	uint16_t vq = c->dev->vq, at = 0;
	struct pieces p;
	struct vio_dma t, part;
	struct cf_io io;

	if (!cf_up(c) || !cf_alloc(c, CF_PIECES * VIO_DESC_BYTES, 16, &t) || !cf_harmless(c, &io)) {
		return;
	}
	cut_both(&io, CUT_OUT | CUT_IN, 1, &p);
	for (uint16_t i = 1; i < p.n_out + p.n_in; i++, at++) {
		uint8_t *d = t.p + (size_t)at * VIO_DESC_BYTES;

		vio_put32(d, (uint32_t)p.b[i].addr);
		vio_put32(d + 4, (uint32_t)(p.b[i].addr >> 32));
		vio_put32(d + 8, p.b[i].len);
		vio_put16(d + 12,
			  (uint16_t)((i < p.n_out ? 0u : VIO_DESC_F_WRITE) |
				     (i + 1u < (uint32_t)p.n_out + p.n_in ? VIO_DESC_F_NEXT : 0u)));
		vio_put16(d + 14, (uint16_t)(at + 1u));
	}
	part = (struct vio_dma){ t.p, t.addr, at * VIO_DESC_BYTES };
	{
		struct vio_dma b[2] = { p.b[0], part };

		if (!cf_put_as(c, vq, &io, b, p.n_out > 0 ? 2 : 0, p.n_out > 0 ? 0 : 2, NULL)) {
			return;
		}
	}
	c->q[vq].slot[0].in_len = io.i.len; /* what the driver library cannot know */
	vio_put16(cf_desc(c, vq, vio_get16(cf_desc(c, vq, 0) + 14)) + 12, VIO_DESC_F_INDIRECT);
	(void)served(c, &io);
}

/* A list that jumps through the table */
static void any_order(struct cf *c)
{
	static const uint16_t place[4] = { 0, 9, 4, 31 };
	uint16_t vq = c->dev->vq, n;
	struct pieces p;
	uint8_t d[CF_PIECES * VIO_DESC_BYTES];
	struct cf_io io;

	if (!cf_up(c) || !cf_harmless(c, &io)) {
		return;
	}
	cut_both(&io, CUT_OUT | CUT_IN, 1, &p);
	n = (uint16_t)(p.n_out + p.n_in);
	if (!cf_put_as(c, vq, &io, p.b, p.n_out, p.n_in, NULL)) {
		return;
	}
	(void)memcpy(d, cf_desc(c, vq, 0), sizeof(d)); /* written to 0, 1, 2 ... */
	for (uint16_t i = 1; i < n; i++) {
		(void)memset(cf_desc(c, vq, i), 0, VIO_DESC_BYTES);
	}
	for (uint16_t i = 0; i < n; i++) {
		uint8_t *to = cf_desc(c, vq, place[i]);

		(void)memcpy(to, d + (size_t)i * VIO_DESC_BYTES, VIO_DESC_BYTES);
		vio_put16(to + 14, i + 1u < n ? place[i + 1u] : 0u);
	}
	(void)served(c, &io);
}

#define FRAME  "2.7.4.1", "Message Framing"
#define TABLE  "2.7.5.3", "Indirect Descriptors"
#define TABLED "2.7.5.3.2", "Indirect Descriptors"
#define SG     "2.8.18", "Scatter-Gather Support"
#define PTABLE "2.8.7", "Indirect Flag: Scatter-Gather Support"

/* clang-format off */
const struct cf_rule cf_frame_rules[] = {
	{ "ring.split.pieces-readable", FRAME, "nothing is assumed about how the readable part is cut", 0, 0, CF_OUT, CUT_OUT, pieces },
	{ "ring.split.pieces-writable", FRAME, "nothing is assumed about how the writable part is cut", 0, 0, CF_IN, CUT_IN, pieces },
	{ "ring.split.pieces-both", FRAME, "nothing is assumed about how a request is cut", 0, 0, 0, CUT_OUT | CUT_IN, pieces },
	{ "ring.split.any-order", "2.7.5", "The Virtqueue Descriptor Table", "a chain goes on at next, wherever that is", 0, 0, 0, 0, any_order },
	{ "ring.split.indirect", TABLE, "a table holds the request's descriptors", I, 0, 0, CUT_TABLE, pieces },
	{ "ring.split.indirect-pieces", TABLE, "descriptors of a table are chained by next", I, 0, 0, CUT_TABLE | CUT_OUT | CUT_IN, pieces },
	{ "ring.split.indirect-write-flag", TABLED, "WRITE is ignored in the descriptor of a table", I, 0, 0, 0, write_ignored },
	{ "ring.split.indirect-behind-direct", TABLED, "normal descriptors may come before the one of a table", I, 0, 0, 0, behind_direct },
	{ "ring.split.indirect-and-direct", TABLE, "requests with and without table mix in a ring", I, 0, 0, 0, both_kinds },
	{ "ring.packed.pieces-readable", SG, "a readable list is used in the order of its descriptors", P, 0, CF_OUT, CUT_OUT, pieces },
	{ "ring.packed.pieces-writable", SG, "a writable list is used in the order of its descriptors", P, 0, CF_IN, CUT_IN, pieces },
	{ "ring.packed.pieces-both", SG, "a list is used in the order of its descriptors", P, 0, 0, CUT_OUT | CUT_IN, pieces },
	{ "ring.packed.indirect", PTABLE, "a table holds the request's descriptors", P | I, 0, 0, CUT_TABLE, pieces },
	{ "ring.packed.indirect-pieces", PTABLE, "descriptors of a table follow each other", P | I, 0, 0, CUT_TABLE | CUT_OUT | CUT_IN, pieces },
	{ "ring.packed.indirect-write-flag", PTABLE, "WRITE is ignored in the descriptor of a table", P | I, 0, 0, 0, write_ignored },
	{ "ring.packed.indirect-reserved", PTABLE, "in a table only WRITE counts, other flags and the id are ignored", P | I, 0, 0, 0, reserved_ignored },
	{ "ring.packed.indirect-and-direct", "2.8.5", "Scatter-Gather Support", "requests with and without table mix in a ring", P | I, 0, 0, 0, both_kinds },
};
/* clang-format on */
const unsigned cf_frame_nrules = sizeof(cf_frame_rules) / sizeof(cf_frame_rules[0]);
