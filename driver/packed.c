/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * packed.c - packed virtqueues, driver side (virtio 1.3, 2.8)
 *
 * The device looks at one descriptor only, the one behind what it took. The flags of the first descriptor that was
 * added since the last publish are therefore written last (hold_flags): one store shows everything.
 */
#include "dvq.h"

static uint8_t *slot_at(const struct vio_dvq *q, uint16_t i)
{
	return q->desc + (size_t)i * VIO_DESC_BYTES;
}

static uint16_t packed_put(struct vio_dvq *q, const struct dvq_list *l)
{
	uint16_t id = q->free;
	bool hold = q->pending == 0u;

	if ((q->flags & VIO_DVQ_IN_ORDER) != 0u) {
		id = q->avail;
	}
	for (uint16_t k = 0u; k < l->n; k++) {
		uint8_t *p = slot_at(q, q->avail);
		bool last = (k + 1u) == l->n;
		uint16_t fl = (uint16_t)(l->flags | ((k < l->n_out) ? 0u : VIO_DESC_F_WRITE) |
					 (last ? 0u : VIO_DESC_F_NEXT) |
					 (q->avail_wrap ? VIO_DESC_F_AVAIL : VIO_DESC_F_USED));

		dvq_desc(p, l->b[k].addr, l->b[k].len);
		vio_put16(p + 12, id);
		if (hold) {
			q->hold_flags = fl;
			hold = false;
		} else {
			vio_put16(p + 14, fl);
		}
		q->avail++;
		if (q->avail == q->size) {
			q->avail = 0u;
			q->avail_wrap = !q->avail_wrap;
		}
	}
	q->free = q->slot[id].next;
	return id;
}

static bool packed_publish(struct vio_dvq *q)
{
	uint32_t word;
	uint16_t fl, ev, old = q->kicked;

	vio_put16_rel(slot_at(q, q->kicked) + 14, q->hold_flags);
	vio_fence(); /* pairs with the one between the device's wish for kicks and its last look at the ring */
	word = vio_get32(q->device); /* off_wrap and flags in one load, so they belong together */
	fl = (uint16_t)((word >> 16) & 3u);
	if (((q->flags & VIO_DVQ_EVENT_IDX) == 0u) || (fl != VIO_EVENT_DESC)) {
		return fl != VIO_EVENT_DISABLE;
	}
	ev = (uint16_t)(word & 0x7fffu);
	if (((word & 0x8000u) != 0u) != q->avail_wrap) {
		ev = (uint16_t)(ev - q->size);
	}
	if (q->kicked >= q->avail) { /* passed the end; equal: the whole ring was added */
		old = (uint16_t)(old - q->size);
	}
	return (uint16_t)(q->avail - ev - 1u) < (uint16_t)(q->avail - old);
}

static bool is_used(const struct vio_dvq *q, uint16_t fl)
{
	uint16_t both = VIO_DESC_F_AVAIL | VIO_DESC_F_USED;

	return (fl & both) == (q->used_wrap ? both : 0u);
}

static int packed_take(struct vio_dvq *q, uint32_t *id, uint32_t *len)
{
	const uint8_t *p = slot_at(q, q->used);
	uint16_t fl = vio_get16_acq(p + 14);

	if ((q->posted == 0u) || !is_used(q, fl)) {
		return VIO_E_AGAIN;
	}
	*id = vio_get16(p + 12);
	*len = ((fl & VIO_DESC_F_WRITE) != 0u) ? vio_get32(p + 8) : 0u; /* reserved without WRITE */
	return VIO_OK;
}

static void packed_skip(struct vio_dvq *q, uint16_t id)
{
	uint32_t i = (uint32_t)q->used + q->slot[id].n;

	if (i >= q->size) {
		i -= q->size;
		q->used_wrap = !q->used_wrap;
	}
	q->used = (uint16_t)i;
	if ((q->flags & VIO_DVQ_IN_ORDER) == 0u) {
		q->slot[id].next = q->free;
		q->free = id;
	}
}

static bool packed_arm(struct vio_dvq *q)
{
	uint32_t word = VIO_EVENT_ENABLE << 16;

	if ((q->flags & VIO_DVQ_EVENT_IDX) != 0u) {
		word = (VIO_EVENT_DESC << 16) | (q->used_wrap ? 0x8000u : 0u) | q->used;
	}
	vio_put32(q->driver, word);
	vio_fence();
	return (q->posted != 0u) && is_used(q, vio_get16_acq(slot_at(q, q->used) + 14));
}

static void packed_mute(struct vio_dvq *q)
{
	vio_put32(q->driver, VIO_EVENT_DISABLE << 16);
}

const struct dvq_ops dvq_packed = {
	.put = packed_put,
	.publish = packed_publish,
	.take = packed_take,
	.skip = packed_skip,
	.arm = packed_arm,
	.mute = packed_mute,
};
