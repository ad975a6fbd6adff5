// SPDX-License-Identifier: GPL-2.0-only
/*
 * fifo.c - the messages' way through the window
 *
 * Two rings of equal elements, one in each direction; each side writes its own head only: where it puts next, and where
 * it takes next of the peer's. The peer is not trusted: the layout is read once, and checked, at the start of a
 * session; of the peer's head each word is loaded once and checked before use; our own words are kept here and never
 * read back.
 */
#include <linux/align.h>
#include "msg.h"

/* What this project's device side adds behind the layout; others leave it 0. docs/window.md */
#define OURS_AT	   64
#define OURS_MAGIC 0x31575453

struct ours {
	__le32 magic;
	__le32 dev_bell; /* what rings the device side: peer's position and vector */
	__le32 drv_bell; /* what rings this side, written here */
	__le32 epoch;
	__le64 pool, pool_len; /* where rings and buffers may be */
} __packed __aligned(4);

struct span {
	u64 at, len, align;
};

static bool span_ok(const struct span *s, u32 size)
{
	return s->at >= sizeof(struct wire_layout) && s->len <= size && s->at <= size - s->len &&
	       IS_ALIGNED(s->at, s->align);
}

static bool apart(const struct span *a, const struct span *b)
{
	return a->at + a->len <= b->at || b->at + b->len <= a->at;
}

static int check(const struct wire_layout *l, const struct span *span, int n, u32 size)
{
	u16 count = le16_to_cpu(l->num_elements), each = le16_to_cpu(l->element_size);
	int i, k;

	if (le16_to_cpu(l->length) < sizeof(*l) || le16_to_cpu(l->version) != 1) {
		return -EPROTO;
	}
	if (count < 2 || count > 4096 || each < WIRE_MIN || each > 4096 || each % 4) {
		return -EPROTO;
	}
	for (i = 0; i < n; i++) {
		if (!span_ok(&span[i], size)) {
			return -EPROTO;
		}
		for (k = 0; k < i; k++) {
			if (!apart(&span[i], &span[k])) {
				return -EPROTO;
			}
		}
	}
	return 0;
}

/* Where rings and buffers may be: what the device side says of it, or all behind what the layout names. */
static int find_pool(struct msg_fifo *fifo, u8 *window, u32 size, u64 behind)
{
	const struct ours *p = (const void *)(window + OURS_AT);
	u64 begin = round_up(behind, 4096), len;

	fifo->ours = le32_to_cpu(READ_ONCE(p->magic)) == OURS_MAGIC;
	fifo->data_end = size;
	if (fifo->ours) {
		begin = le64_to_cpu(READ_ONCE(p->pool));
		len = le64_to_cpu(READ_ONCE(p->pool_len));
		if (begin < behind || begin > size || len > size - begin) {
			return -EPROTO;
		}
		fifo->data_end = begin + len;
	}
	fifo->data = begin;
	return begin < fifo->data_end ? 0 : -EPROTO;
}

int msg_fifo_find(struct msg_fifo *fifo, u8 *window, u32 size)
{
	struct wire_layout l;
	u64 behind = OURS_AT + sizeof(struct ours);
	int i, err;

	if (le16_to_cpu(READ_ONCE(((struct wire_layout *)window)->magic)) != WIRE_LAYOUT_MAGIC) {
		return -EAGAIN;
	}
	virt_rmb(); /* the magic is written last */
	memcpy(&l, window, sizeof(l));
	barrier(); /* from here on the copy is all there is */
	fifo->count = le16_to_cpu(l.num_elements);
	fifo->size = le16_to_cpu(l.element_size);
	{
		u64 bytes = (u64)fifo->count * fifo->size;
		struct span span[] = {
			{ le64_to_cpu(l.dev_head), sizeof(struct wire_side_head), 2 },
			{ le64_to_cpu(l.drv_head), sizeof(struct wire_side_head), 2 },
			{ le64_to_cpu(l.dev_elements), bytes, 4 },
			{ le64_to_cpu(l.drv_elements), bytes, 4 },
		};

		err = check(&l, span, ARRAY_SIZE(span), size);
		if (err) {
			return err;
		}
		fifo->peer = (void *)(window + span[0].at);
		fifo->mine = (void *)(window + span[1].at);
		fifo->in = window + span[2].at;
		fifo->out = window + span[3].at;
		for (i = 0; i < ARRAY_SIZE(span); i++) {
			behind = max(behind, span[i].at + span[i].len);
		}
	}
	return find_pool(fifo, window, size, behind);
}

u32 msg_fifo_bell(const struct msg_fifo *fifo, const u8 *window, u32 otherwise)
{
	u32 bell = fifo->ours ? le32_to_cpu(READ_ONCE(
					((const struct ours *)(window + OURS_AT))->dev_bell))
			      : ~0u;

	return bell == ~0u ? otherwise : bell;
}

void msg_fifo_say_bell(const struct msg_fifo *fifo, u8 *window, u32 bell)
{
	if (fifo->ours) {
		WRITE_ONCE(((struct ours *)(window + OURS_AT))->drv_bell, cpu_to_le32(bell));
	}
}

void msg_fifo_status(struct msg_fifo *fifo, enum wire_side status)
{
	virt_wmb();
	WRITE_ONCE(fifo->mine->status, cpu_to_le16(status));
	virt_mb();
	WRITE_ONCE(fifo->mine->magic, cpu_to_le16(WIRE_QUEUE_MAGIC));
}

void msg_fifo_start(struct msg_fifo *fifo)
{
	unsigned long flags;

	spin_lock_irqsave(&fifo->tx, flags);
	fifo->tail = 0;
	fifo->head = 0;
	WRITE_ONCE(fifo->mine->tail, 0);
	WRITE_ONCE(fifo->mine->head, 0);
	spin_unlock_irqrestore(&fifo->tx, flags);
	msg_fifo_status(fifo, WIRE_READY);
}

void msg_fifo_open(struct msg_fifo *fifo, bool open)
{
	unsigned long flags;

	spin_lock_irqsave(&fifo->tx, flags);
	fifo->open = open;
	spin_unlock_irqrestore(&fifo->tx, flags);
}

u16 msg_fifo_peer(const struct msg_fifo *fifo)
{
	if (le16_to_cpu(READ_ONCE(fifo->peer->magic)) != WIRE_QUEUE_MAGIC) {
		return WIRE_INIT;
	}
	return le16_to_cpu(READ_ONCE(fifo->peer->status));
}

int msg_fifo_put(struct msg_fifo *fifo, const struct wire_msg *msg)
{
	unsigned long flags;
	u16 peer, next;
	int err = 0;

	spin_lock_irqsave(&fifo->tx, flags);
	if (!fifo->open) {
		spin_unlock_irqrestore(&fifo->tx, flags);
		return -ENOTCONN;
	}
	peer = le16_to_cpu(READ_ONCE(fifo->peer->head));
	next = (fifo->tail + 1) % fifo->count;
	if (peer >= fifo->count) {
		err = -EPROTO;
	} else if (next == peer) {
		err = -ENOSPC;
	} else {
		virt_mb(); /* the peer has read the element before it gave it back */
		memcpy(fifo->out + fifo->tail * fifo->size, msg, le16_to_cpu(msg->head.size));
		virt_wmb();
		fifo->tail = next;
		WRITE_ONCE(fifo->mine->tail, cpu_to_le16(next));
	}
	spin_unlock_irqrestore(&fifo->tx, flags);
	return err;
}

int msg_fifo_take(struct msg_fifo *fifo, struct wire_msg *msg, bool *was_full)
{
	u16 tail = le16_to_cpu(READ_ONCE(fifo->peer->tail)), size;

	if (tail == fifo->head) {
		return 0;
	}
	virt_rmb(); /* a peer that begins anew says so before it sets its index back */
	if (msg_fifo_peer(fifo) != WIRE_RUN) {
		return -EPIPE;
	}
	if (tail >= fifo->count) {
		return -EPROTO;
	}
	*was_full = (tail + 1) % fifo->count == fifo->head;
	memcpy(msg, fifo->in + fifo->head * fifo->size, min_t(size_t, fifo->size, sizeof(*msg)));
	barrier();
	virt_mb(); /* read before it is given back */
	fifo->head = (fifo->head + 1) % fifo->count;
	WRITE_ONCE(fifo->mine->head, cpu_to_le16(fifo->head));
	size = le16_to_cpu(msg->head.size);
	return size < WIRE_HEAD || size > min_t(size_t, fifo->size, WIRE_MAX) ? -EINVAL : 1;
}
