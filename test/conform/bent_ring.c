/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bent_ring.c - both ring formats, device side, and all that can be done wrong with them
 *
 * Theory of operation. A turn takes what is available while there is room at the device: descriptors are gathered into
 * pieces, readable bytes go to the device. bent_back.c has the way back.
 */
#define _GNU_SOURCE
#include <string.h>
#include "test/conform/bent_internal.h"

bool bent_runs(const struct bent *b, const struct bent_queue *q)
{
	bool enabled = q->enabled, started = q->started;
	bool ok = (b->status & VIO_S_DRIVER_OK) != 0 || (b->proto & VHU_P_STATUS) == 0;

	if ((b->features & VHU_F_PROTOCOL) == 0) {
		enabled = !bent_is(b, BENT_DISABLED);
	}
	if (bent_is(b, BENT_STARTED)) {
		started = true;
	}
	if (bent_is(b, BENT_NO_START)) {
		started = false;
	}
	if (bent_is(b, BENT_EARLY) || bent_is(b, BENT_EARLY_CALL)) {
		ok = started = enabled = (b->status & VIO_S_FEATURES_OK) != 0;
	}
	if (b->bend &&
	    ((b->features & b->bend->deaf) != 0 || (b->bend->deaf_without & ~b->features) != 0)) {
		return false;
	}
	return ok && enabled && started && !q->halted && q->num > 0 && q->desc && q->driver &&
	       q->device && (b->status & VIO_S_NEEDS_RESET) == 0;
}

/* ---- taking ---- */

static bool add(struct bent *b, struct bent_slot *s, uint64_t addr, uint32_t len, bool in)
{
	uint8_t *p = bent_gpa(b, addr, len);

	if (!p || s->npiece == BENT_PIECES ||
	    (in ? s->in_len : s->out_len) + len > (in ? BENT_IN : BENT_OUT)) {
		return false;
	}
	if (in && bent_is(b, BENT_PIECES_IN) && s->in_len > 0) {
		return true;
	}
	if (!in && bent_is(b, BENT_PIECES_OUT) && s->out_len > 0) {
		return true;
	}
	s->piece[s->npiece++] = (struct bent_piece){ p, len, in };
	if (in) {
		(void)memcpy(s->in.p + s->in_len, p, len); /* what is not written stays */
		s->in_len += len;
	} else {
		(void)memcpy(s->out.p + s->out_len, p, len);
		s->out_len += len;
	}
	return true;
}

static bool table(struct bent *b, struct bent_slot *s, const uint8_t *d, bool packed)
{
	uint64_t addr = vio_unpack64(d);
	uint32_t n = vio_unpack32(d + 8) / VIO_DESC_BYTES;
	uint8_t *t = bent_gpa(b, addr, n * VIO_DESC_BYTES);
	bool more = true;

	s->table = t;
	for (uint32_t i = 0, k = 0; t && more && i < n && k < n; k++) {
		const uint8_t *e = t + (size_t)i * VIO_DESC_BYTES;
		uint16_t f = vio_unpack16(e + (packed ? 14 : 12));

		if (!(packed && bent_is(b, BENT_TABLE_FLAGS) && (f & VIO_DESC_F_AVAIL)) &&
		    !add(b, s, vio_unpack64(e), vio_unpack32(e + 8), (f & VIO_DESC_F_WRITE) != 0)) {
			return false;
		}
		more = packed || (f & VIO_DESC_F_NEXT) != 0;
		i = packed || bent_is(b, BENT_NEXT) ? i + 1u : vio_unpack16(e + 14);
		more = more && !bent_is(b, BENT_TABLE_ONE);
	}
	return t != NULL;
}

/* One descriptor of the ring; at: its place in the chain */
static bool one(struct bent *b, struct bent_slot *s, const uint8_t *d, uint16_t f, unsigned at,
		bool packed)
{
	bool is_table = (f & VIO_DESC_F_INDIRECT) != 0;

	if (bent_is(b, BENT_NO_TABLE) || (bent_is(b, BENT_TABLE_FIRST) && at > 0) ||
	    (bent_is(b, BENT_TABLE_WRITE) && (f & VIO_DESC_F_WRITE)) ||
	    (bent_is(b, BENT_TABLE_ALL) && b->direct_seen)) {
		is_table = false;
	}
	b->direct_seen = b->direct_seen || (at == 0 && !is_table);
	return is_table ? table(b, s, d, packed)
			: add(b, s, vio_unpack64(d), vio_unpack32(d + 8),
			      (f & VIO_DESC_F_WRITE) != 0);
}

static bool take_split(struct bent *b, struct bent_queue *q, struct bent_slot *s)
{
	uint32_t size = bent_size(b, q);
	uint16_t i = vio_get16(q->driver + 4 + (size_t)(q->seen % size) * 2u), f;

	s->id = i;
	s->n = 0;
	do {
		uint8_t d[VIO_DESC_BYTES];

		if (i >= q->num || s->n > q->num) {
			return false;
		}
		(void)memcpy(d, q->desc + (size_t)i * VIO_DESC_BYTES, sizeof(d));
		f = vio_unpack16(d + 12);
		if (!one(b, s, d, f, s->n, false)) {
			return false;
		}
		i = bent_is(b, BENT_NEXT) ? (uint16_t)(i + 1u) : vio_unpack16(d + 14);
		s->n++;
	} while ((f & VIO_DESC_F_NEXT) != 0);
	q->seen++;
	return true;
}

static bool take_packed(struct bent *b, struct bent_queue *q, struct bent_slot *s)
{
	uint32_t size = bent_size(b, q);
	uint16_t f;

	s->n = 0;
	do {
		uint8_t d[VIO_DESC_BYTES];

		(void)memcpy(d, q->desc + (size_t)q->seen * VIO_DESC_BYTES, sizeof(d));
		f = vio_unpack16(d + 14);
		s->id = vio_unpack16(d + 12);
		if (s->n > size || !one(b, s, d, f, s->n, true)) {
			return false;
		}
		s->n++;
		if (++q->seen == size) {
			q->seen = 0;
			q->seen_wrap = !q->seen_wrap;
		}
	} while ((f & VIO_DESC_F_NEXT) != 0);
	return true;
}

static bool more(const struct bent *b, const struct bent_queue *q)
{
	uint16_t f;

	if (!q->packed) {
		return vio_get16_acq(q->driver + 2) != q->seen;
	}
	f = vio_get16_acq(q->desc + (size_t)q->seen * VIO_DESC_BYTES + 14);
	if (bent_is(b, BENT_STALE)) {
		return (f & VIO_DESC_F_AVAIL) != 0;
	}
	return (f & BENT_BOTH) == (q->seen_wrap ? VIO_DESC_F_AVAIL : VIO_DESC_F_USED);
}

/* ---- a turn ---- */

static void wish(struct bent *b, struct bent_queue *q)
{
	bool late = bent_is(b, BENT_DEAF) && b->served >= 10;

	if (q->packed) {
		uint16_t f = late ? VIO_EVENT_DISABLE : VIO_EVENT_ENABLE;

		f = bent_is(b, BENT_WISH) || bent_is(b, BENT_WISH_EVENT) ? 3u : f;
		vio_put32(q->device, (uint32_t)f << 16);
	} else {
		uint16_t f = late && !bent_event(b) ? VIO_USED_F_NO_NOTIFY : 0u;

		f = bent_is(b, BENT_WISH) ? 2u : bent_is(b, BENT_WISH_EVENT) ? 1u : f;
		vio_put16(q->device, f);
		if (bent_event(b)) {
			vio_put16(q->device + 4 + (size_t)q->num * 8u,
				  (uint16_t)(q->seen + (late ? 1000u : 0u)));
		}
	}
	vio_fence();
}

static void give(struct bent *b, uint16_t vq, struct bent_slot *s)
{
	struct bent_req r = { .vq = vq,
			      .n = (uint32_t)b->serial,
			      .out = s->out.p,
			      .in = s->in.p,
			      .out_len = s->out_len,
			      .in_len = s->in_len };

	if (b->bend && b->bend->ask) {
		b->bend->ask(&r);
		s->out_len = r.out_len;
	}
	s->vq = vq;
	if (!bent_dev_give(b, s)) {
		bent_fail(b);
	}
}

void bent_turn(struct bent *b, uint16_t vq, bool kicked)
{
	struct bent_queue *q = &b->q[vq];
	struct bent_slot *s;

	if (!bent_runs(b, q)) {
		return;
	}
	if (bent_is(b, BENT_DEAF) && b->served >= 10 && !kicked) {
		return;
	}
	if (kicked && bent_is(b, BENT_SPURIOUS) && !more(b, q)) {
		struct bent_slot none = { .id = 3, .n = 1 };

		(q->packed ? bent_put_packed : bent_put_split)(b, q, &none, 3, 0);
	}
	if (!b->up && bent_dev_up(b) != VIO_OK) {
		bent_fail(b);
		return;
	}
	do {
		while (bent_runs(b, q) && more(b, q) && (s = bent_dev_room(b)) != NULL) {
			s->npiece = s->out_len = s->in_len = 0;
			s->table = NULL;
			if (!(q->packed ? take_packed : take_split)(b, q, s)) {
				bent_fail(b);
				return;
			}
			give(b, vq, s);
		}
		bent_dev_step(b);
		bent_back(b);
		wish(b, q);
	} while (bent_runs(b, q) && more(b, q) && bent_dev_room(b) != NULL &&
		 !(bent_is(b, BENT_DEAF) && b->served >= 10));
	if (bent_is(b, BENT_EARLY_CALL)) {
		bent_call(b, q);
	}
}
