/* SPDX-License-Identifier: BSD-3-Clause */
/* split.c - split virtqueues, driver side (virtio 1.3, 2.7) */
#include "dvq.h"

static uint8_t *avail_event(const struct vio_dvq *q)
{
	return q->device + 4 + (size_t)q->size * 8u;
}

static uint8_t *used_event(const struct vio_dvq *q)
{
	return q->driver + 4 + (size_t)q->size * 2u;
}

static uint16_t split_put(struct vio_dvq *q, const struct dvq_list *l)
{
	uint16_t head = q->free, i = head;

	for (uint16_t k = 0u; k < l->n; k++) {
		uint8_t *p = q->desc + (size_t)i * VIO_DESC_BYTES;
		bool last = (k + 1u) == l->n;
		uint16_t fl = (uint16_t)(l->flags | ((k < l->n_out) ? 0u : VIO_DESC_F_WRITE) |
					 (last ? 0u : VIO_DESC_F_NEXT));

		dvq_desc(p, l->b[k].addr, l->b[k].len);
		vio_put16(p + 12, fl);
		vio_put16(p + 14, last ? 0u : q->slot[i].next);
		i = q->slot[i].next;
	}
	q->free = i;
	vio_put16(q->driver + 4 + (size_t)(q->avail & (q->size - 1u)) * 2u, head);
	q->avail++;
	return head;
}

static bool split_publish(struct vio_dvq *q)
{
	vio_put16_rel(q->driver + 2, q->avail);
	vio_fence(); /* pairs with the one between the device's wish for kicks and its last look at avail */
	if ((q->flags & VIO_DVQ_EVENT_IDX) != 0u) {
		uint16_t ev = vio_get16(avail_event(q));

		return (uint16_t)(q->avail - ev - 1u) < (uint16_t)(q->avail - q->kicked);
	}
	return (vio_get16(q->device) & VIO_USED_F_NO_NOTIFY) == 0u;
}

static int split_take(struct vio_dvq *q, uint32_t *id, uint32_t *len)
{
	const uint8_t *e = q->device + 4 + (size_t)(q->used & (q->size - 1u)) * 8u;

	if (q->seen == q->used) {
		q->seen = vio_get16_acq(q->device + 2);
		if (q->seen == q->used) {
			return VIO_E_AGAIN;
		}
		if ((uint16_t)(q->seen - q->used) > q->posted) {
			return VIO_E_RING;
		}
	}
	*id = vio_get32(e);
	*len = vio_get32(e + 4);
	return VIO_OK;
}

/* The chain is freed by its private links; IN_ORDER keeps them in ring order, so it has no list to mend. */
static void split_skip(struct vio_dvq *q, uint16_t id)
{
	uint16_t tail = id;

	q->used++;
	if ((q->flags & VIO_DVQ_IN_ORDER) != 0u) {
		return;
	}
	for (uint16_t k = 1u; k < q->slot[id].n; k++) {
		tail = q->slot[tail].next;
	}
	if (q->nfree != 0u) {
		q->slot[tail].next = q->free;
	}
	q->free = id;
}

static bool split_arm(struct vio_dvq *q)
{
	if ((q->flags & VIO_DVQ_EVENT_IDX) != 0u) {
		vio_put16(used_event(q), q->used);
	} else {
		vio_put16(q->driver, 0u);
	}
	vio_fence();
	return vio_get16_acq(q->device + 2) != q->used;
}

static void split_mute(struct vio_dvq *q)
{
	if ((q->flags & VIO_DVQ_EVENT_IDX) != 0u) {
		vio_put16(used_event(q), (uint16_t)(q->used - 1u)); /* already passed */
	} else {
		vio_put16(q->driver, VIO_AVAIL_F_NO_INTERRUPT);
	}
}

const struct dvq_ops dvq_split = {
	.put = split_put,
	.publish = split_publish,
	.take = split_take,
	.skip = split_skip,
	.arm = split_arm,
	.mute = split_mute,
};
