// SPDX-License-Identifier: GPL-2.0-only
/*
 * copy.c - the copies of a request's buffers in the window
 *
 * Lengths come from the driver's own descriptors, places from our own table: nothing that the peer can change says how
 * much is copied, or where to.
 */
#include "msg.h"

static bool over_quota(const struct msg_queue *q, u32 len)
{
	const struct msg_pool *pool = &q->dev->bus->pool;
	unsigned long used = atomic_long_read(&q->dev->used);

	/* half of it, or one request: a driver that fills its ring with empty buffers starves nobody */
	return used && used + len > (pool->end - pool->begin) / 2;
}

static u32 place(struct msg_queue *q, u32 len)
{
	u32 at = over_quota(q, len) ? 0 : msg_pool_get(&q->dev->bus->pool, len);

	if (at) {
		atomic_long_add(len, &q->dev->used);
	}
	return at;
}

static void unplace(struct msg_queue *q, u32 *at, u32 len)
{
	if (*at) {
		msg_pool_put(&q->dev->bus->pool, *at, len);
		atomic_long_sub(len, &q->dev->used);
		*at = 0;
	}
}

void msg_copy_unplace(struct msg_queue *q, u16 head)
{
	const struct vring_desc *d = &q->ring->desc[head];

	if (q->posted) {
		unplace(q, &q->slot[head], q->request[head].len);
		return;
	}
	for (; d; d = msg_desc_next(q, d)) {
		unplace(q, &q->slot[d - q->ring->desc], msg_desc_len(q, d));
	}
}

static void mirror_desc(struct msg_queue *q, u16 i, u32 len, u16 flags, u16 next)
{
	struct vring_desc *m = &q->mirror.desc[i];

	m->addr = (__force __virtio64)cpu_to_le64(q->slot[i]);
	m->len = (__force __virtio32)cpu_to_le32(len);
	m->flags = (__force __virtio16)cpu_to_le16(flags);
	m->next = (__force __virtio16)cpu_to_le16(next);
}

int msg_copy_place(struct msg_queue *q, u16 head)
{
	u8 *window = q->dev->bus->window;
	struct vring_desc *d = &q->ring->desc[head];

	if (q->posted) {
		q->slot[head] = place(q, q->request[head].len);
		if (!q->slot[head]) {
			return -ENOMEM;
		}
		memcpy(window + q->slot[head], q->request[head].copy, q->request[head].len);
		mirror_desc(q, head, q->request[head].len, 0, 0);
		return 0;
	}
	for (; d; d = msg_desc_next(q, d)) {
		u16 i = d - q->ring->desc;
		u32 len = msg_desc_len(q, d);

		q->slot[i] = place(q, len);
		if (!q->slot[i]) {
			msg_copy_unplace(q, head);
			return -ENOMEM;
		}
		if (msg_desc_has(q, d, VRING_DESC_F_WRITE)) {
			memset(window + q->slot[i], 0,
			       len); /* what the peer leaves out shows nothing of others */
		} else {
			memcpy(window + q->slot[i], msg_desc_data(q, d), len);
		}
		mirror_desc(q, i, len,
			    virtio16_to_cpu(&q->dev->vdev, d->flags) &
				    (VRING_DESC_F_NEXT | VRING_DESC_F_WRITE),
			    virtio16_to_cpu(&q->dev->vdev, d->next));
	}
	return 0;
}

u32 msg_copy_finish(struct msg_queue *q, u16 head)
{
	const struct vring_desc *d = &q->ring->desc[head];
	u32 room = 0;

	if (q->posted) {
		msg_copy_unplace(q, head);
		return 0;
	}
	for (; d; d = msg_desc_next(q, d)) {
		u32 *slot = &q->slot[d - q->ring->desc];

		if (msg_desc_has(q, d, VRING_DESC_F_WRITE)) {
			memcpy(msg_desc_data(q, d), q->dev->bus->window + *slot,
			       msg_desc_len(q, d));
			room += msg_desc_len(q, d);
		}
		unplace(q, slot, msg_desc_len(q, d));
	}
	return room;
}

bool msg_copy_too_large(const struct msg_queue *q, u16 head)
{
	const struct msg_pool *pool = &q->dev->bus->pool;
	const struct vring_desc *d;
	u64 sum = 0;

	for (d = q->posted ? NULL : &q->ring->desc[head]; d; d = msg_desc_next(q, d)) {
		sum += msg_desc_len(q, d);
	}
	return sum > (pool->end - pool->begin) / 2;
}
