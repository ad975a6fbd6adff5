/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * msgq.c - FIFOs of messages in shared memory
 *
 * Theory of operation. Each side writes a head (state, how far it has written, how far it has read) and the elements
 * of its own FIFO; nothing else. What we stored we also keep privately, and never load it again.
 *
 * The other side's indices move only forwards: how far it has read must lie between where it was and where we have
 * written. Anything else, or an index beyond the last element, is VIO_E_RING, and the connection is dead.
 *
 * A session. The device's side writes the layout and waits (IDLE, state INIT). A driver that comes shows INIT or
 * READY: then everything before it is over (BEGUN), and only when no request of an earlier session can write to the
 * memory any more the device's side says READY (OPEN), and RUN when the driver is READY or RUN. A driver that says INIT
 * or PEER_DEAD in the middle begins anew in the same way; so does one that is READY again after it was RUN.
 *
 * Back-pressure. Who finds the FIFO full waits for a ring. Who takes rings if the other one may have found it full:
 * both store, fence, load, so that one of the two sees the other's store.
 */
#include <string.h>
#include "vio/msgq.h"

#define NONE 0xffu /* the other side has no head yet */

static uint32_t up64(uint32_t v)
{
	return (v + 63u) & ~63u;
}

static uint32_t notif_bytes(const struct vio_msgq_shape *s)
{
	return up64((s->words == 0u) ? 8u : (s->words * 16u));
}

/* Where everything is, in the order of the layout: notifications, head, elements; device's side, driver's */
static uint32_t place(const struct vio_msgq_shape *s, uint32_t off[6])
{
	uint32_t fifo = up64((uint32_t)s->n * s->size), at = s->at;

	off[VIO_MSGQ_HEAD] = at;
	off[3u + VIO_MSGQ_HEAD] = at + 64u;
	off[VIO_MSGQ_NOTIF] = at + 128u;
	off[3u + VIO_MSGQ_NOTIF] = at + 128u + notif_bytes(s);
	at = off[3u + VIO_MSGQ_NOTIF] + notif_bytes(s);
	off[VIO_MSGQ_FIFO] = at;
	off[3u + VIO_MSGQ_FIFO] = at + fifo;
	return at + 2u * fifo;
}

static bool share_is_possible(uint8_t per_device)
{
	return (per_device != 0u) && (per_device <= 16u) &&
	       ((per_device & (per_device - 1u)) == 0u);
}

uint32_t vio_msgq_bytes(const struct vio_msgq_shape *s)
{
	uint32_t off[6];

	if ((s->n < 2u) || (s->n > VIO_MSGQ_N_MAX) || (s->size < VIO_MSG_MIN) ||
	    (s->size > VIO_MSG_MAX) || ((s->size % 4u) != 0u) || (s->at < VIO_MSGQ_BYTES) ||
	    ((s->at % 64u) != 0u) || (s->words > 64u) ||
	    ((s->words != 0u) && !share_is_possible(s->per_device))) {
		return 0u;
	}
	return place(s, off);
}

/* ---- my head ---- */

static void say(struct vio_msgq *q, uint16_t state)
{
	vio_put16_rel(q->my + VIO_MSGQ_QH_STATUS, state);
}

static void phase(struct vio_msgq *q, enum vio_msgq_phase p, uint16_t state)
{
	q->phase = (uint8_t)p;
	say(q, state);
}

static void rewind(struct vio_msgq *q)
{
	q->tail = 0u;
	q->head = 0u;
	q->seen = 0u;
	q->free = 0u;
	q->ran = false;
	vio_put16_rel(q->my + VIO_MSGQ_QH_TAIL, 0u);
	vio_put16_rel(q->my + VIO_MSGQ_QH_HEAD, 0u);
}

static int dead(struct vio_msgq *q)
{
	if (q->phase == (uint8_t)VIO_MSGQ_RUNNING) {
		phase(q, VIO_MSGQ_DEAD, VIO_MSGQ_PEER_DEAD);
	}
	return VIO_E_RING;
}

/* ---- beginning ---- */

static void point(struct vio_msgq *q, uint8_t *mem, const struct vio_msgq_shape *s,
		  const uint32_t off[6], bool driver)
{
	uint32_t me = driver ? 3u : 0u, other = driver ? 0u : 3u;

	*q = (struct vio_msgq){
		.my = mem + off[me + VIO_MSGQ_HEAD],
		.peer = mem + off[other + VIO_MSGQ_HEAD],
		.tx = mem + off[me + VIO_MSGQ_FIFO],
		.rx = mem + off[other + VIO_MSGQ_FIFO],
		.my_word = mem + off[me + VIO_MSGQ_NOTIF],
		.peer_word = mem + off[other + VIO_MSGQ_NOTIF],
		.n = s->n,
		.size = s->size,
		.words = s->words,
		.per_device = s->per_device,
		.driver = driver,
	};
}

static void write_layout(uint8_t b[VIO_MSGQ_BYTES], const struct vio_msgq_shape *s,
			 const uint32_t off[6])
{
	(void)memset(b, 0, VIO_MSGQ_BYTES);
	vio_pack16(b + VIO_MSGQ_MAGIC, VIO_MSGQ_LAYOUT_OK);
	vio_pack16(b + VIO_MSGQ_LENGTH, VIO_MSGQ_BYTES);
	vio_pack16(b + VIO_MSGQ_VERSION, 1u);
	b[VIO_MSGQ_WORDS] = s->words;
	b[VIO_MSGQ_PER_DEVICE] = s->per_device;
	vio_pack16(b + VIO_MSGQ_N, s->n);
	vio_pack16(b + VIO_MSGQ_ELEMENT, s->size);
	for (uint32_t i = 0u; i < 6u; i++) {
		vio_pack64(b + VIO_MSGQ_OFFSETS + 8u * i, off[i]);
	}
}

int vio_msgq_create(struct vio_msgq *q, void *mem, uint64_t len, const struct vio_msgq_shape *s)
{
	uint32_t off[6], bytes = vio_msgq_bytes(s);
	uint8_t b[VIO_MSGQ_BYTES], *p = mem;

	if ((bytes == 0u) || (bytes > len) || (((uintptr_t)mem & 7u) != 0u)) {
		return VIO_E_ARG;
	}
	(void)place(s, off);
	write_layout(b, s, off);
	point(q, p, s, off, false);
	vio_put16(p + VIO_MSGQ_MAGIC, 0u);
	vio_fence();
	(void)memset(
		q->my, 0,
		VIO_MSGQ_QH_BYTES); /* the driver's side is its own: it may be waiting for us */
	(void)memset(q->my_word, 0, (size_t)s->words * 16u);
	(void)memset(q->tx, 0, (size_t)s->n * s->size);
	(void)memcpy(p + 2, b + 2, VIO_MSGQ_BYTES - 2u);
	rewind(q);
	say(q, VIO_MSGQ_INIT);
	vio_put16_rel(q->my + VIO_MSGQ_QH_MAGIC, VIO_MSGQ_HEAD_OK);
	vio_put16_rel(p + VIO_MSGQ_MAGIC, VIO_MSGQ_LAYOUT_OK);
	return VIO_OK;
}

/* [off, off + bytes) in the memory, aligned, and not at its start */
static bool inside(uint64_t off, uint64_t bytes, uint64_t len, uint64_t align)
{
	return (off >= VIO_MSGQ_BYTES) && ((off & (align - 1u)) == 0u) && (bytes <= len) &&
	       (off <= (len - bytes));
}

/* The six areas of a layout that somebody else wrote; off: checked */
static bool areas(const uint8_t *b, const struct vio_msgq_shape *s, uint64_t len, uint32_t off[6])
{
	uint64_t at[6], bytes[6];

	for (uint32_t i = 0u; i < 6u; i++) {
		at[i] = vio_unpack64(b + VIO_MSGQ_OFFSETS + 8u * i);
		bytes[i] = ((i % 3u) == VIO_MSGQ_HEAD)	 ? VIO_MSGQ_QH_BYTES
			   : ((i % 3u) == VIO_MSGQ_FIFO) ? ((uint64_t)s->n * s->size)
							 : ((uint64_t)s->words * 16u);
		if (bytes[i] == 0u) {
			at[i] = VIO_MSGQ_BYTES; /* not used */
		} else if (!inside(at[i], bytes[i], len, ((i % 3u) == VIO_MSGQ_NOTIF) ? 8u : 2u)) {
			return false;
		} else {
			/* compared below */
		}
		off[i] = (uint32_t)at[i];
		for (uint32_t k = 0u; k < i; k++) {
			if ((at[i] < (at[k] + bytes[k])) && (at[k] < (at[i] + bytes[i]))) {
				return false;
			}
		}
	}
	return true;
}

int vio_msgq_attach(struct vio_msgq *q, void *mem, uint64_t len)
{
	uint8_t b[VIO_MSGQ_BYTES];
	struct vio_msgq_shape s;
	uint32_t off[6];

	len = (len < UINT32_MAX) ? len : UINT32_MAX;
	if ((len < sizeof(b)) || (((uintptr_t)mem & 7u) != 0u)) {
		return VIO_E_ARG;
	}
	if (vio_get16_acq(mem) != VIO_MSGQ_LAYOUT_OK) {
		return VIO_E_AGAIN;
	}
	(void)memcpy(b, mem, sizeof(b));
	s = (struct vio_msgq_shape){ .n = vio_unpack16(b + VIO_MSGQ_N),
				     .size = vio_unpack16(b + VIO_MSGQ_ELEMENT),
				     .words = b[VIO_MSGQ_WORDS],
				     .per_device = b[VIO_MSGQ_PER_DEVICE],
				     .at = VIO_MSGQ_BYTES };
	if ((vio_unpack16(b + VIO_MSGQ_LENGTH) != sizeof(b)) ||
	    (vio_unpack16(b + VIO_MSGQ_VERSION) != 1u) ||
	    (vio_unpack16(b + VIO_MSGQ_FEATURES) != 0u) || (vio_msgq_bytes(&s) == 0u) ||
	    !areas(b, &s, len, off)) {
		return VIO_E_ARG;
	}
	point(q, mem, &s, off, true);
	rewind(q);
	(void)memset(q->my_word, 0, (size_t)s.words * 16u);
	phase(q, VIO_MSGQ_IDLE, VIO_MSGQ_INIT);
	vio_put16_rel(q->my + VIO_MSGQ_QH_MAGIC, VIO_MSGQ_HEAD_OK);
	return VIO_OK;
}

/* ---- the handshake ---- */

static uint16_t peer_state(const struct vio_msgq *q)
{
	if (vio_get16_acq(q->peer + VIO_MSGQ_QH_MAGIC) != VIO_MSGQ_HEAD_OK) {
		return NONE;
	}
	return vio_get16_acq(q->peer + VIO_MSGQ_QH_STATUS) & VIO_MSGQ_STATE;
}

static enum vio_msgq_event up(struct vio_msgq *q)
{
	phase(q, VIO_MSGQ_RUNNING, VIO_MSGQ_RUN);
	return VIO_MSGQ_UP;
}

static enum vio_msgq_event poll_device(struct vio_msgq *q)
{
	uint16_t s = peer_state(q);
	enum vio_msgq_phase was = (enum vio_msgq_phase)q->phase;
	bool again = (s == VIO_MSGQ_READY) && q->ran;

	if ((s == VIO_MSGQ_INIT) || (s == VIO_MSGQ_PEER_DEAD) || again ||
	    ((s == VIO_MSGQ_READY) && ((was == VIO_MSGQ_IDLE) || (was == VIO_MSGQ_DEAD)))) {
		if ((was == VIO_MSGQ_CLOSING) || (was == VIO_MSGQ_OPEN)) {
			return VIO_MSGQ_SAME;
		}
		phase(q, VIO_MSGQ_CLOSING, VIO_MSGQ_INIT);
		rewind(q);
		return VIO_MSGQ_BEGUN;
	}
	if ((s == VIO_MSGQ_READY) || (s == VIO_MSGQ_RUN)) {
		q->ran = q->ran || ((was == VIO_MSGQ_RUNNING) && (s == VIO_MSGQ_RUN));
		return (was == VIO_MSGQ_OPEN) ? up(q) : VIO_MSGQ_SAME;
	}
	if (was == VIO_MSGQ_IDLE) {
		return VIO_MSGQ_SAME;
	}
	phase(q, VIO_MSGQ_IDLE, VIO_MSGQ_INIT);
	rewind(q);
	return VIO_MSGQ_ENDED;
}

static enum vio_msgq_event poll_driver(struct vio_msgq *q)
{
	uint16_t s = peer_state(q);
	bool there = (s == VIO_MSGQ_READY) || (s == VIO_MSGQ_RUN);

	switch ((enum vio_msgq_phase)q->phase) {
	case VIO_MSGQ_IDLE:
		if (s == VIO_MSGQ_READY) { /* RUN: it has not seen that we are new */
			rewind(q);
			phase(q, VIO_MSGQ_OPEN, VIO_MSGQ_READY);
			return up(q);
		}
		return VIO_MSGQ_SAME;
	case VIO_MSGQ_RUNNING:
		if (there) {
			return VIO_MSGQ_SAME;
		}
		break;
	case VIO_MSGQ_DEAD:
	case VIO_MSGQ_OPEN:
	case VIO_MSGQ_CLOSING:
	default:
		break;
	}
	phase(q, VIO_MSGQ_IDLE, VIO_MSGQ_INIT);
	return VIO_MSGQ_ENDED;
}

enum vio_msgq_event vio_msgq_poll(struct vio_msgq *q)
{
	return q->driver ? poll_driver(q) : poll_device(q);
}

void vio_msgq_open(struct vio_msgq *q)
{
	if (q->phase == (uint8_t)VIO_MSGQ_CLOSING) {
		phase(q, VIO_MSGQ_OPEN, VIO_MSGQ_READY);
	}
}

void vio_msgq_close(struct vio_msgq *q)
{
	phase(q, VIO_MSGQ_IDLE, VIO_MSGQ_SHUTDOWN);
}

/* ---- messages ---- */

static bool running(const struct vio_msgq *q)
{
	return q->phase == (uint8_t)VIO_MSGQ_RUNNING;
}

static uint16_t after(const struct vio_msgq *q, uint16_t i)
{
	return (uint16_t)((i + 1u < q->n) ? (i + 1u) : 0u);
}

/* Steps from a to b, both below n */
static uint16_t steps(const struct vio_msgq *q, uint16_t a, uint16_t b)
{
	return (uint16_t)((b >= a) ? (b - a) : (q->n - a + b));
}

/* How far the other side has read of mine; false: impossible */
static bool look(struct vio_msgq *q)
{
	uint16_t h = vio_get16_acq(q->peer + VIO_MSGQ_QH_HEAD);

	if ((h >= q->n) || (steps(q, q->seen, h) > steps(q, q->seen, q->tail))) {
		(void)dead(q);
		return false;
	}
	q->seen = h;
	return true;
}

uint16_t vio_msgq_room(struct vio_msgq *q)
{
	if (!running(q) || !look(q)) {
		return 0u;
	}
	if (after(q, q->tail) == q->seen) {
		vio_fence();
		if (!look(q)) {
			return 0u;
		}
	}
	return (uint16_t)(q->n - 1u - steps(q, q->seen, q->tail));
}

int vio_msgq_put(struct vio_msgq *q, const uint8_t *msg, uint32_t len)
{
	if ((len > q->size) || (len == 0u)) {
		return VIO_E_ARG;
	}
	if (vio_msgq_room(q) == 0u) {
		return running(q) ? VIO_E_AGAIN : VIO_E_RING;
	}
	(void)memcpy(q->tx + (size_t)q->tail * q->size, msg, len);
	q->tail = after(q, q->tail);
	vio_put16_rel(q->my + VIO_MSGQ_QH_TAIL, q->tail);
	return VIO_OK;
}

int vio_msgq_peek(struct vio_msgq *q, uint8_t *buf)
{
	uint16_t t, s;

	if (!running(q)) {
		return VIO_E_RING;
	}
	t = vio_get16_acq(q->peer + VIO_MSGQ_QH_TAIL);
	s = peer_state(q); /* who begins anew says so before its indices go back */
	if ((t == q->head) || ((s != VIO_MSGQ_RUN) && ((s != VIO_MSGQ_READY) || q->ran))) {
		return VIO_E_AGAIN;
	}
	if (t >= q->n) {
		return dead(q);
	}
	(void)memcpy(buf, q->rx + (size_t)q->head * q->size, q->size);
	return VIO_OK;
}

void vio_msgq_take(struct vio_msgq *q)
{
	if (running(q)) {
		q->head = after(q, q->head);
		q->free++;
		vio_put16_rel(q->my + VIO_MSGQ_QH_HEAD, q->head);
	}
}

bool vio_msgq_waiting(const struct vio_msgq *q)
{
	return running(q) && (vio_get16(q->peer + VIO_MSGQ_QH_TAIL) != q->head);
}

bool vio_msgq_freed(struct vio_msgq *q)
{
	uint16_t n = q->free, t;

	q->free = 0u;
	if (!running(q) || (n == 0u)) {
		return false;
	}
	vio_fence();
	t = vio_get16_acq(q->peer + VIO_MSGQ_QH_TAIL);
	return (t < q->n) && ((steps(q, q->head, t) + n) >= (q->n - 1u));
}

/* ---- notifications without messages ---- */

void vio_msgq_toggle(struct vio_msgq *q, uint16_t bit)
{
	uint8_t *p = q->my_word + (size_t)(bit / 32u) * 4u;

	if (bit < (q->words * 64u)) {
		vio_put32_rel(p, vio_get32(p) ^ (1u << (bit % 32u)));
	}
}

uint32_t vio_msgq_bits(struct vio_msgq *q, uint16_t i)
{
	uint8_t *ack = q->my_word + q->words * 8u + (size_t)i * 4u;
	uint32_t old, now;

	if (i >= (q->words * 2u)) {
		return 0u;
	}
	old = vio_get32(ack);
	now = vio_get32_acq(q->peer_word + (size_t)i * 4u);
	vio_put32(ack, now);
	return old ^ now;
}
