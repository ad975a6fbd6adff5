/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bent_ring.c - both ring formats, device side, and all that can be done wrong with them
 *
 * Theory of operation. A turn takes what is available while there is room at the device: descriptors are gathered into
 * pieces, readable bytes go to the device. What the device finished is written to the pieces and given back, at once,
 * one by one; with IN_ORDER the oldest of a queue first.
 */
#define _GNU_SOURCE
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "test/conform/bent_internal.h"

#define BOTH (VIO_DESC_F_AVAIL | VIO_DESC_F_USED)

static bool event(const struct bent *b)
{
	return (b->features & VIO_F_EVENT_IDX) != 0;
}

static uint64_t now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint32_t size_of(const struct bent *b, const struct bent_queue *q)
{
	return bent_is(b, BENT_SIZE) ? 64u : q->num;
}

uint8_t *bent_gpa(struct bent *b, uint64_t gpa, uint32_t len)
{
	for (uint32_t i = 0; i < b->nregion; i++) {
		struct bent_region *r = &b->region[i];

		if (gpa >= r->w.gpa && gpa - r->w.gpa < r->w.len &&
		    len <= r->w.len - (gpa - r->w.gpa)) {
			return r->map + (bent_is(b, BENT_OFFSET) ? 0 : r->w.offset) +
			       (gpa - r->w.gpa);
		}
	}
	return NULL;
}

uint8_t *bent_uva(struct bent *b, uint64_t uva)
{
	for (uint32_t i = 0; i < b->nregion; i++) {
		struct bent_region *r = &b->region[i];
		uint64_t from = bent_is(b, BENT_GPA) ? r->w.gpa : r->w.uva;

		if (uva >= from && uva - from < r->w.len) {
			return r->map + (bent_is(b, BENT_OFFSET) ? 0 : r->w.offset) + (uva - from);
		}
	}
	return NULL;
}

bool bent_runs(const struct bent *b, const struct bent_queue *q)
{
	bool enabled = q->enabled, started = q->started;
	bool ok = (b->status & VIO_S_DRIVER_OK) != 0 || (b->proto & VHU_P_STATUS) == 0;

	if ((b->features & VHU_F_PROTOCOL) == 0) {
		enabled = !bent_is(b, BENT_DISABLED);
	}
	if (bent_is(b, BENT_ENABLED)) {
		enabled = true;
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
	uint32_t size = size_of(b, q);
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
	uint32_t size = size_of(b, q);
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
	return (f & BOTH) == (q->seen_wrap ? VIO_DESC_F_AVAIL : VIO_DESC_F_USED);
}

/* ---- giving back ---- */

void bent_call(struct bent *b, struct bent_queue *q)
{
	static const uint64_t n = 1;

	b->over = b->over || (q->call < 0 && bent_is(b, BENT_CALL_NONE));
	if (q->call >= 0 && !bent_is(b, BENT_NO_CALL) &&
	    !(bent_is(b, BENT_CALL_ONCE) && q->silent)) {
		(void)!write(q->call, &n, sizeof(n));
	}
}

/* Does the driver want to hear that index or position `at`, of n descriptors, was used? */
static bool wanted(struct bent *b, struct bent_queue *q, uint16_t at, bool wrap, uint16_t n)
{
	uint16_t f, e;

	vio_fence();
	if (!q->packed) {
		f = vio_get16(q->driver);
		e = vio_get16(q->driver + 4 + (size_t)q->num * 2u);
		if (event(b) || bent_is(b, BENT_OBEY_EVENT)) {
			bool hit = e == at && !(bent_is(b, BENT_OBEY_FLAGS) && f != 0);

			q->silent = q->silent || !hit;
			if (bent_is(b, BENT_CALL_FIRST)) {
				return hit && at == 0;
			}
			return hit && !(bent_is(b, BENT_CALL_LAP) && q->laps > 0);
		}
		q->silent = q->silent || f != 0;
		return f == 0;
	}
	f = vio_get16(q->driver + 2);
	e = vio_get16(q->driver);
	if ((f & 3u) != VIO_EVENT_DESC || !event(b)) {
		q->silent = q->silent || (f & 3u) != 0;
		return (f & 3u) == VIO_EVENT_ENABLE;
	}
	if (bent_is(b, BENT_CALL_FIRST) && (at != 0 || !wrap)) {
		return false;
	}
	if (bent_is(b, BENT_CALL_LAP)) {
		wrap = true;
	}
	{
		bool hit = ((e & 0x8000u) != 0) == wrap && (e & 0x7fffu) >= at &&
			   (e & 0x7fffu) < at + n;

		q->silent = q->silent || !hit;
		return hit;
	}
}

static void put_split(struct bent *b, struct bent_queue *q, const struct bent_slot *s, uint32_t id,
		      uint32_t len)
{
	uint32_t size = size_of(b, q), at = q->put % size;
	uint8_t *e;

	if (bent_is(b, BENT_LAPS) && q->put >= size) {
		at = 0;
	}
	e = q->device + 4 + (size_t)at * 8u;
	(void)s;
	vio_put32(e, id);
	vio_put32(e + 4, len);
	q->put++;
	q->laps = q->put / size;
	vio_put16_rel(q->device + 2,
		      bent_is(b, BENT_INDEX) ? (uint16_t)(q->put & 0x7fffu) : q->put);
}

static void put_packed(struct bent *b, struct bent_queue *q, const struct bent_slot *s, uint32_t id,
		       uint32_t len)
{
	uint32_t size = size_of(b, q);
	uint8_t *d = q->desc + (size_t)q->put * VIO_DESC_BYTES;
	uint16_t f = (uint16_t)(q->put_wrap ? BOTH : 0u);

	if (bent_is(b, BENT_USED_FLAGS)) {
		f ^= VIO_DESC_F_AVAIL;
	}
	vio_put32(d + 8, len);
	vio_put16(d + 12, (uint16_t)(bent_is(b, BENT_ID_BYTE) ? id & 0xffu : id));
	vio_put16_rel(
		d + 14,
		(uint16_t)(f | (len > 0 && !bent_is(b, BENT_NO_WRITE) ? VIO_DESC_F_WRITE : 0u)));
	q->put = (uint16_t)(q->put + (bent_is(b, BENT_SKIPS) ? 1u : s->n));
	if (q->put >= size) {
		q->put = (uint16_t)(q->put - size);
		q->put_wrap = bent_is(b, BENT_LAPS) ? q->put_wrap : !q->put_wrap;
		q->laps++;
	}
}

/* What some write where they must not */
static void scribble(struct bent *b, struct bent_queue *q, struct bent_slot *s)
{
	const struct bent_piece *last = s->npiece > 0 ? &s->piece[s->npiece - 1u] : NULL;

	if (bent_is(b, BENT_READABLE) && s->npiece > 0 && !s->piece[0].in) {
		s->piece[0].p[0] ^= 0xffu;
	}
	if (bent_is(b, BENT_BEYOND) && last) {
		last->p[last->len] = 0;
	}
	if (bent_is(b, BENT_DESC)) {
		q->desc[(q->packed ? 5u : 0u) * VIO_DESC_BYTES + 9u] ^= 1u;
	}
	if (bent_is(b, BENT_DRIVER)) {
		q->driver[q->packed ? 0u : 5u] ^= 1u;
	}
	if (bent_is(b, BENT_TABLE) && s->table) {
		s->table[8] ^= 1u;
	}
}

static void scatter(struct bent *b, struct bent_slot *s)
{
	const uint8_t *from = s->in.p;

	for (uint32_t i = 0; i < s->npiece; i++) {
		if (s->piece[i].in && !bent_is(b, BENT_LEN_CLAIM)) {
			(void)memcpy(s->piece[i].p, from, s->piece[i].len);
			from += s->piece[i].len;
		}
	}
}

static void give_back(struct bent *b, struct bent_slot *s)
{
	struct bent_queue *q = &b->q[s->vq];
	struct bent_req r = { .vq = s->vq,
			      .n = (uint32_t)s->serial,
			      .out = s->out.p,
			      .in = s->in.p,
			      .out_len = s->out_len,
			      .in_len = s->in_len,
			      .len = s->len };
	uint16_t at = q->put;
	bool wrap = q->put_wrap;
	uint32_t id = s->id;

	if (b->bend && b->bend->answer) {
		b->bend->answer(&r);
	}
	s->busy = false;
	if (r.lost) {
		return;
	}
	if (bent_is(b, BENT_LEN_CLAIM)) {
		r.len = s->in_len;
	} else if (bent_is(b, BENT_LEN_ROOM)) {
		r.len = s->in_len + 1000u;
	} else if (bent_is(b, BENT_ID)) {
		id++;
	}
	scatter(b, s);
	scribble(b, q, s);
	for (unsigned k = 0; k < (bent_is(b, BENT_TWICE) && b->served % 8u == 5u ? 2u : 1u); k++) {
		(q->packed ? put_packed : put_split)(b, q, s, id, r.len);
	}
	b->served++;
	if (wanted(b, q, at, wrap, s->n)) {
		bent_call(b, q);
	}
	if (bent_is(b, BENT_DESC_LATE) && q->packed) {
		usleep(3000);
		q->desc[(size_t)at * VIO_DESC_BYTES + 9u] ^= 1u;
	}
}

static struct bent_slot *next_back(struct bent *b)
{
	struct bent_slot *best = NULL;
	bool order = (b->features & VIO_F_IN_ORDER) != 0, last = bent_is(b, BENT_ORDER);

	for (uint32_t i = 0; i < BENT_SLOTS; i++) {
		struct bent_slot *s = &b->slot[i];

		if (!s->busy || (!s->done && !order)) {
			continue;
		}
		if (!best || (last ? s->serial > best->serial : s->serial < best->serial)) {
			best = s;
		}
	}
	return best && best->done ? best : NULL;
}

void bent_back(struct bent *b)
{
	struct bent_slot *s;

	while ((s = next_back(b))) {
		if (bent_is(b, BENT_RESET_LATE)) {
			s->ready_ns = s->ready_ns ? s->ready_ns : now() + 8000000u;
			if (now() < s->ready_ns) {
				return;
			}
			s->ready_ns = 0;
		}
		give_back(b, s);
	}
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
		uint16_t f = late && !event(b) ? VIO_USED_F_NO_NOTIFY : 0u;

		f = bent_is(b, BENT_WISH) ? 2u : bent_is(b, BENT_WISH_EVENT) ? 1u : f;
		vio_put16(q->device, f);
		if (event(b)) {
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

		(q->packed ? put_packed : put_split)(b, q, &none, 3, 0);
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
