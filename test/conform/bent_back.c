/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bent_back.c - the way back: used elements of both formats, notifications, and what is written where it must not
 *
 * Theory of operation. What the device finished is written to the pieces of its request and given back, at once, one by
 * one; with IN_ORDER the oldest first.
 */
#define _GNU_SOURCE
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "test/conform/bent_internal.h"

static uint64_t now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

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
		if (bent_event(b) || bent_is(b, BENT_OBEY_EVENT)) {
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
	if ((f & 3u) != VIO_EVENT_DESC || !bent_event(b)) {
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

void bent_put_split(struct bent *b, struct bent_queue *q, const struct bent_slot *s, uint32_t id,
		    uint32_t len)
{
	uint32_t size = bent_size(b, q), at = q->put % size;
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

void bent_put_packed(struct bent *b, struct bent_queue *q, const struct bent_slot *s, uint32_t id,
		     uint32_t len)
{
	uint32_t size = bent_size(b, q);
	uint8_t *d = q->desc + (size_t)q->put * VIO_DESC_BYTES;
	uint16_t f = (uint16_t)(q->put_wrap ? BENT_BOTH : 0u);

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
	const uint8_t *from = s->in.p, *out = s->out.p;

	for (uint32_t i = 0; i < s->npiece; i++) {
		if (s->piece[i].in && !bent_is(b, BENT_LEN_CLAIM)) {
			(void)memcpy(s->piece[i].p, from, s->piece[i].len);
			from += s->piece[i].len;
		} else if (!s->piece[i].in && bent_is(b, BENT_OUT_BACK)) {
			(void)memcpy(s->piece[i].p, out, s->piece[i].len);
			out += s->piece[i].len;
		} else {
			/* it is for the device only */
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
		(q->packed ? bent_put_packed : bent_put_split)(b, q, s, id, r.len);
	}
	b->served++;
	if (wanted(b, q, at, wrap, s->n)) {
		bent_call(b, q);
	}
	if (bent_is(b, BENT_DESC_LATE) && q->packed) {
		usleep(30000); /* a third of the test's silence: the driver has looked by then, also on a busy machine */
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
