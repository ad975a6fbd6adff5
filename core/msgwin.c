/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * msgwin.c - a bus behind one window: layout, sessions, messages in, messages out
 *
 * When there is no room for an answer the message stays where it is, and events stay noted at their devices: nobody
 * waits.
 */
#include "vio/msgwin.h"

const struct vio_msgq_shape vio_msgwin_shape = { .n = VIO_MSGWIN_ELEMENTS,
						 .size = VIO_MSGWIN_ELEMENT,
						 .at = VIO_MSGWIN_HEADS };

uint32_t vio_msgwin_pool(void)
{
	return (vio_msgq_bytes(&vio_msgwin_shape) + VIO_MSGWIN_PAGE - 1u) & ~(VIO_MSGWIN_PAGE - 1u);
}

static void write_block(uint8_t *mem, uint32_t len, uint32_t bell)
{
	uint8_t *b = mem + VIO_MSGWIN_BLOCK;
	bool was = vio_get32(b + VIO_MSGWIN_MAGIC) == VIO_MSGWIN_OK;

	vio_put16(mem + VIO_MSGQ_MAGIC, 0u); /* a driver that comes now waits for the rest */
	vio_fence();
	vio_put32(b + VIO_MSGWIN_EPOCH, was ? (vio_get32(b + VIO_MSGWIN_EPOCH) + 1u) : 1u);
	vio_put32(b + VIO_MSGWIN_POOL, vio_msgwin_pool());
	vio_put32(b + VIO_MSGWIN_POOL + 4u, 0u);
	vio_put32(b + VIO_MSGWIN_LENGTH, len - vio_msgwin_pool());
	vio_put32(b + VIO_MSGWIN_LENGTH + 4u, 0u);
	if (!was) { /* a driver that was here before said how to ring it */
		vio_put32(b + VIO_MSGWIN_DRV, VIO_MSGWIN_NO_BELL);
	}
	vio_put32(b + VIO_MSGWIN_DEV, bell);
	vio_put32_rel(b + VIO_MSGWIN_MAGIC, VIO_MSGWIN_OK);
}

int vio_msgwin_create(struct vio_msgq *q, void *mem, uint32_t len, uint32_t bell)
{
	if ((len <= vio_msgwin_pool()) || (((uintptr_t)mem & 7u) != 0u)) {
		return VIO_E_ARG;
	}
	write_block(mem, len, bell);
	return vio_msgq_create(q, mem, len, &vio_msgwin_shape);
}

uint32_t vio_msgwin_bell(const void *mem)
{
	return vio_get32((const uint8_t *)mem + VIO_MSGWIN_BLOCK + VIO_MSGWIN_DRV);
}

/* ---- sessions ---- */

void vio_msgwin_reset(struct vio_msg_bus *b)
{
	for (uint16_t i = 0u; i < b->n; i++) {
		if (b->slot[i].m != NULL) {
			(void)vio_msg_reset(b->slot[i].m);
		}
	}
}

static bool all_down(const struct vio_msg_bus *b)
{
	for (uint16_t i = 0u; i < b->n; i++) {
		if ((b->slot[i].m != NULL) && (vio_dev_status(b->slot[i].m->ctl.dev) != 0u)) {
			return false;
		}
	}
	return true;
}

static void session(struct vio_msgq *q, struct vio_msg_bus *b, struct vio_msgwin_turn *t)
{
	t->event = vio_msgq_poll(q);
	t->ring = t->event != VIO_MSGQ_SAME;
	if ((t->event == VIO_MSGQ_BEGUN) || (t->event == VIO_MSGQ_ENDED)) {
		vio_msgwin_reset(b);
	}
	if ((q->phase == (uint8_t)VIO_MSGQ_CLOSING) && all_down(b)) {
		vio_msgq_open(q);
		t->ring = true;
	}
}

/* ---- messages ---- */

static void put(struct vio_msgq *q, const uint8_t *msg, uint32_t len, struct vio_msgwin_turn *t)
{
	if (vio_msgq_put(q, msg, len) == VIO_OK) {
		t->sent++;
		t->ring = true;
	}
}

/* returns: false: the FIFO may hold more; true: it is empty, or closed, or there is no room for an answer */
static bool receive(struct vio_msgq *q, struct vio_msg_bus *b, struct vio_msgwin_turn *t)
{
	uint8_t msg[VIO_MSGWIN_ELEMENT], resp[VIO_MSGWIN_ELEMENT];

	for (uint32_t left = q->n; left > 0u; left--) {
		uint32_t n;

		if ((vio_msgq_room(q) == 0u) || (vio_msgq_peek(q, msg) != VIO_OK)) {
			return true;
		}
		t->received++;
		n = vio_msg_bus_handle(b, msg, sizeof(msg), resp);
		if (n > 0u) {
			put(q, resp, n, t);
		}
		vio_msgq_take(q);
	}
	return false;
}

static void send(struct vio_msgq *q, struct vio_msg_bus *b, struct vio_msgwin_turn *t)
{
	uint8_t msg[VIO_MSGWIN_ELEMENT];
	uint32_t n = 1u;

	while ((n > 0u) && (vio_msgq_room(q) > 0u)) {
		n = vio_msg_bus_next(b, msg);
		if (n > 0u) {
			put(q, msg, n, t);
		}
	}
	t->owed = n > 0u;
}

void vio_msgwin_turn(struct vio_msgq *q, struct vio_msg_bus *b, struct vio_msgwin_turn *t)
{
	uint8_t was = q->phase;

	*t = (struct vio_msgwin_turn){ .event = VIO_MSGQ_SAME };
	session(q, b, t);
	t->more = !receive(q, b, t);
	send(q, b, t);
	t->ring = vio_msgq_freed(q) || t->ring;
	t->died = (was != (uint8_t)VIO_MSGQ_DEAD) && (q->phase == (uint8_t)VIO_MSGQ_DEAD);
	if (t->died) {
		vio_msgwin_reset(b);
		t->ring = true;
	}
}
