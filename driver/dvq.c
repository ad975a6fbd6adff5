/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dvq.c - driver side of a virtqueue, what both formats share (virtio 1.3, 2.6)
 *
 * Who owns what: slot[id] describes request `id` from add to get, in private memory. Nothing that the device can
 * write decides which descriptors are freed; the device only names an id, and it must be one that it was shown.
 *
 * IN_ORDER: ids follow the ring, so the request expected next is known (order). The device may return a batch by
 * naming its last request only: get hands them out one by one, the skipped ones as written completely.
 */
#include "dvq.h"

#define AREA_ALIGN 16u

static const struct dvq_ops *ops_of(const struct vio_dvq *q)
{
	return ((q->flags & VIO_DVQ_PACKED) != 0u) ? &dvq_packed : &dvq_split;
}

/* Offsets of driver and device area from the descriptor area; returns: bytes of all three */
static uint32_t layout(uint16_t size, bool packed, uint32_t *driver, uint32_t *device)
{
	*driver = (uint32_t)size * VIO_DESC_BYTES;
	if (packed) {
		*device = *driver + 4u;
		return *device + 4u;
	}
	*device = (*driver + 6u + (uint32_t)size * 2u + 3u) & ~3u;
	return *device + 6u + (uint32_t)size * 8u;
}

uint32_t vio_dvq_bytes(uint16_t size, bool packed)
{
	uint32_t driver, device;

	return layout(size, packed, &driver, &device);
}

int vio_dvq_init(struct vio_dvq *q, uint16_t size, uint16_t flags, const struct vio_dma *ring,
		 struct vio_dvq_slot *slot)
{
	bool packed = (flags & VIO_DVQ_PACKED) != 0u;
	uint32_t driver, device, bytes;

	if ((size == 0u) || (size > VIO_VQ_SIZE_MAX) || (!packed && ((size & (size - 1u)) != 0u))) {
		return VIO_E_ARG;
	}
	bytes = layout(size, packed, &driver, &device);
	if ((ring->len < bytes) || ((ring->addr & (AREA_ALIGN - 1u)) != 0u) ||
	    (((uintptr_t)ring->p & (AREA_ALIGN - 1u)) != 0u)) {
		return VIO_E_ARG;
	}
	memset(ring->p, 0, bytes);
	*q = (struct vio_dvq){ .desc = ring->p,
			       .driver = ring->p + driver,
			       .device = ring->p + device,
			       .slot = slot,
			       .size = size,
			       .flags = flags,
			       .nfree = size,
			       .avail_wrap = true,
			       .used_wrap = true };
	for (uint32_t i = 0u; i < size; i++) {
		slot[i] = (struct vio_dvq_slot){ .next = (uint16_t)((i + 1u) % size) };
	}
	return VIO_OK;
}

void vio_dvq_areas(const struct vio_dvq *q, const struct vio_dma *ring, uint64_t area[3])
{
	area[0] = ring->addr;
	area[1] = ring->addr + (uint64_t)(q->driver - q->desc);
	area[2] = ring->addr + (uint64_t)(q->device - q->desc);
}

/* Checks the pieces of a request; *in_len: its writable bytes */
static int measure(const struct vio_dvq *q, const struct vio_dma *b, uint16_t n_out, uint16_t n_in,
		   uint32_t *in_len)
{
	uint32_t n = (uint32_t)n_out + n_in, sum[2] = { 0u, 0u };

	if (q->broken) {
		return VIO_E_RING;
	}
	if ((n == 0u) || (n > q->size)) {
		return VIO_E_ARG;
	}
	for (uint32_t i = 0u; i < n; i++) {
		uint32_t *s = &sum[(i < n_out) ? 0 : 1];

		if ((b[i].len == 0u) || (b[i].len > (UINT32_MAX - *s))) {
			return VIO_E_ARG;
		}
		*s += b[i].len;
	}
	*in_len = sum[1];
	return VIO_OK;
}

static void put(struct vio_dvq *q, const struct dvq_list *l, uint32_t in_len, void *cookie)
{
	struct vio_dvq_slot *s = &q->slot[ops_of(q)->put(q, l)];

	s->cookie = cookie;
	s->n = l->n;
	s->in_len = in_len;
	q->nfree = (uint16_t)(q->nfree - l->n);
	q->pending++;
}

int vio_dvq_add(struct vio_dvq *q, const struct vio_dma *b, uint16_t n_out, uint16_t n_in,
		void *cookie)
{
	struct dvq_list l = { .b = b, .n_out = n_out, .n = (uint16_t)(n_out + n_in) };
	uint32_t in_len;
	int rc = measure(q, b, n_out, n_in, &in_len);

	if (rc != VIO_OK) {
		return rc;
	}
	if (l.n > q->nfree) {
		return VIO_E_AGAIN;
	}
	put(q, &l, in_len, cookie);
	return VIO_OK;
}

int vio_dvq_add_indirect(struct vio_dvq *q, const struct vio_dma *table, const struct vio_dma *b,
			 uint16_t n_out, uint16_t n_in, void *cookie)
{
	bool packed = (q->flags & VIO_DVQ_PACKED) != 0u;
	struct vio_dma whole = *table;
	struct dvq_list l = { .b = &whole, .n_out = 1u, .n = 1u, .flags = VIO_DESC_F_INDIRECT };
	uint32_t n = (uint32_t)n_out + n_in, in_len;
	int rc = measure(q, b, n_out, n_in, &in_len);

	if (rc != VIO_OK) {
		return rc;
	}
	if (((table->len / VIO_DESC_BYTES) < n) || ((table->addr & (AREA_ALIGN - 1u)) != 0u) ||
	    (((uintptr_t)table->p & (AREA_ALIGN - 1u)) != 0u)) {
		return VIO_E_ARG;
	}
	if (q->nfree == 0u) {
		return VIO_E_AGAIN;
	}
	for (uint32_t i = 0u; i < n; i++) {
		uint8_t *p = table->p + (size_t)i * VIO_DESC_BYTES;
		uint16_t fl = (i < n_out) ? 0u : VIO_DESC_F_WRITE;
		bool next = !packed && ((i + 1u) < n);

		dvq_desc(p, b[i].addr, b[i].len);
		if (packed) { /* buffer id, flags */
			vio_put16(p + 12, 0u);
			vio_put16(p + 14, fl);
		} else {
			vio_put16(p + 12, (uint16_t)(fl | (next ? VIO_DESC_F_NEXT : 0u)));
			vio_put16(p + 14, next ? (uint16_t)(i + 1u) : 0u);
		}
	}
	whole.len = n * VIO_DESC_BYTES;
	put(q, &l, in_len, cookie);
	return VIO_OK;
}

bool vio_dvq_need_kick(struct vio_dvq *q)
{
	bool kick;

	if (q->broken || (q->pending == 0u)) {
		return false;
	}
	kick = ops_of(q)->publish(q);
	q->kicked = q->avail;
	q->posted = (uint16_t)(q->posted + q->pending);
	q->pending = 0u;
	return kick;
}

static int lie(struct vio_dvq *q)
{
	q->broken = true;
	return VIO_E_RING;
}

/* The id and length to return next; IN_ORDER: out of the batch at hand, or of the one that begins here */
static int next_used(struct vio_dvq *q, uint32_t *id, uint32_t *len)
{
	bool in_order = (q->flags & VIO_DVQ_IN_ORDER) != 0u;

	if (!q->batch) {
		int rc = ops_of(q)->take(q, id, len);

		if ((rc != VIO_OK) || !in_order) {
			return rc;
		}
		if ((*id >= q->size) || (q->slot[*id].n == 0u)) {
			return VIO_E_RING;
		}
		q->batch = true;
		q->batch_id = (uint16_t)*id;
		q->batch_len = *len;
	} else if (((q->flags & VIO_DVQ_PACKED) == 0u) && (q->seen == q->used)) {
		return VIO_E_RING; /* the index did not advance by the size of the batch */
	}
	*id = q->order;
	*len = q->slot[q->order].in_len;
	if (q->order == q->batch_id) {
		q->batch = false;
		*len = q->batch_len;
	}
	return VIO_OK;
}

int vio_dvq_get(struct vio_dvq *q, void **cookie, uint32_t *len)
{
	struct vio_dvq_slot *s;
	uint32_t id;
	int rc;

	if (q->broken) {
		return VIO_E_RING;
	}
	rc = next_used(q, &id, len);
	if (rc == VIO_E_AGAIN) {
		return rc;
	}
	if ((rc != VIO_OK) || (q->posted == 0u) || (id >= q->size)) {
		return lie(q);
	}
	s = &q->slot[id];
	if ((s->n == 0u) || (*len > s->in_len)) {
		return lie(q);
	}
	*cookie = s->cookie;
	ops_of(q)->skip(q, (uint16_t)id);
	q->nfree = (uint16_t)(q->nfree + s->n);
	q->order = (uint16_t)(((uint32_t)id + s->n) % q->size);
	q->posted--;
	s->n = 0u;
	s->cookie = NULL;
	return VIO_OK;
}

bool vio_dvq_arm(struct vio_dvq *q)
{
	return q->broken || ops_of(q)->arm(q) || q->batch;
}

void vio_dvq_mute(struct vio_dvq *q)
{
	ops_of(q)->mute(q);
}
