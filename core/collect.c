/* SPDX-License-Identifier: BSD-3-Clause */
/* collect.c - the full walk of a descriptor chain: any memory kind, says whose fault (virtio 1.3, 2.7.5, 2.8.7) */
#include "ring.h"

int vio_collect_add(struct vio_req *r, uint64_t addr, uint32_t len, uint32_t flags)
{
	struct vio_sgl *l = &r->sgl;
	uint16_t n = (uint16_t)(l->n_out + l->n_in);
	bool w = (flags & VIO_DESC_F_WRITE) != 0u;
	uint32_t *sum = w ? &r->in_len : &r->out_len;

	if ((n >= l->cap) || (n >= r->vq->size && !r->vq->indirect) || (len == 0u) ||
	    (!w && (l->n_in != 0u)) || (len > (UINT32_MAX - *sum)) || (addr > (UINT64_MAX - len))) {
		return VIO_E_RING;
	}
	l->seg[n] = (struct vio_seg){ .addr = addr, .p = NULL, .len = len, .tag = 0u };
	*sum += len;
	if (w) {
		l->n_in++;
	} else {
		l->n_out++;
	}
	return VIO_OK;
}

/*
 * One table of n entries from entry i on. seq: entries follow each other (packed). At most n steps.
 * returns: VIO_OK | VIO_PENDING go on in the table that *ind refers to | VIO_E_RING
 */
static int table(struct vio_req *r, const uint8_t *t, uint32_t n, uint32_t i, bool seq,
		 struct desc *ind)
{
	for (uint32_t left = n; left > 0u; left--) {
		struct desc d;
		uint32_t fl;
		int rc;

		if (i >= n) {
			return VIO_E_RING;
		}
		d = desc_get(t + (size_t)i * VIO_DESC_BYTES, false);
		fl = seq ? d_w1(d) : d_w0(d);
		if ((fl & VIO_DESC_F_INDIRECT) != 0u) {
			if (ind == NULL) {
				return VIO_E_RING; /* nested */
			}
			*ind = d;
			return VIO_PENDING;
		}
		rc = vio_collect_add(r, d.addr, d_len(d), fl);
		if (rc != VIO_OK) {
			return rc;
		}
		if (seq ? (left == 1u) : ((fl & VIO_DESC_F_NEXT) == 0u)) {
			return VIO_OK;
		}
		i = seq ? (i + 1u) : d_w1(d);
	}
	return VIO_E_RING; /* a loop */
}

int vio_collect_indirect(struct vio_vq *q, struct vio_req *r, struct desc d, bool packed)
{
	struct vio_seg s = { .addr = d.addr, .p = NULL, .len = d_len(d), .tag = 0u };
	struct vio_sgl l = { .seg = &s, .cap = 1u, .n_out = 1u, .ring = true };
	uint32_t n = d_len(d) / VIO_DESC_BYTES;
	uint32_t fl = packed ? d_w1(d) : d_w0(d);
	int rc;

	/* Longer than the queue is against 2.7.5.3.1, yet Linux does it. The pool's segments are the bound. */
	if (!q->indirect || ((fl & VIO_DESC_F_NEXT) != 0u) || (n == 0u) || (n > VIO_VQ_SIZE_MAX) ||
	    ((d_len(d) % VIO_DESC_BYTES) != 0u) || (d.addr > (UINT64_MAX - d_len(d))) ||
	    ((d.addr & 7u) != 0u)) {
		return VIO_E_RING;
	}
	rc = vio_mem_acquire(q->mem, &l); /* cap 1: a table across a region edge is refused */
	if (rc == VIO_OK) {
		rc = table(r, s.p, n, 0u, packed, NULL);
		vio_mem_release(q->mem, &l, NULL, 0u);
	}
	return rc;
}

int vio_collect_split(struct vio_vq *q, struct vio_req *r, uint16_t head)
{
	struct desc d = { 0u, 0u };
	int rc = table(r, q->desc, q->size, head, false, &d);

	return (rc == VIO_PENDING) ? vio_collect_indirect(q, r, d, false) : rc;
}
