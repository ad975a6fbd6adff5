/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mem_bounce.c - requests are copied, so the guest cannot change a byte under the device
 *
 * A slot holds one request. Each segment in it: a head with the guest's own pointer, then the bytes, as far from a
 * multiple of 16 as the guest's. The pointer is kept because the table behind `inner` may be swapped while the request
 * is held, and what is held keeps the old memory.
 */
#include <string.h>
#include "vio/mem.h"

#define HEAD	  16u
#define OVERHEAD  VIO_BOUNCE_OVERHEAD /* of one segment: head, congruence, rounding up */
#define NSLOT_MAX 64u

_Static_assert(sizeof(uint8_t *) <= HEAD, "a pointer fits the head");

static uint32_t room(const struct vio_seg *s)
{
	return HEAD + (uint32_t)(s->addr & 15u);
}

static uint8_t *slot_at(const struct vio_mem_bounce *b, uint32_t i)
{
	return b->buf + (size_t)i * b->slot_bytes;
}

static bool fits(const struct vio_mem_bounce *b, const struct vio_sgl *l)
{
	uint64_t sum = 0u;

	for (uint16_t i = 0u; i < (uint16_t)(l->n_out + l->n_in); i++) {
		sum += ((uint64_t)room(&l->seg[i]) + l->seg[i].len + 15u) & ~(uint64_t)15u;
	}
	return sum <= b->slot_bytes;
}

/* Copy in what the device reads. What it writes begins as zero: a gap that counts as written shows no one's data. */
static void fill(struct vio_mem_bounce *b, struct vio_sgl *l, uint32_t slot)
{
	uint8_t *at = slot_at(b, slot);

	for (uint16_t i = 0u; i < (uint16_t)(l->n_out + l->n_in); i++) {
		struct vio_seg *s = &l->seg[i];
		uint8_t *to = at + room(s);

		(void)memcpy(at, &s->p, sizeof(s->p));
		if (i < l->n_out) {
			(void)memcpy(to, s->p, s->len);
		} else {
			(void)memset(to, 0, s->len);
		}
		s->p = to;
		at += (room(s) + s->len + 15u) & ~15u;
	}
}

static int acquire(struct vio_mem *m, struct vio_sgl *l)
{
	struct vio_mem_bounce *b = VIO_CONTAINER(m, struct vio_mem_bounce, m);
	uint32_t slot = 0u;
	int rc;

	if (!l->ring) {
		while ((slot < b->nslot) && ((b->busy & (1ULL << slot)) != 0u)) {
			slot++;
		}
		if (slot == b->nslot) {
			return VIO_E_AGAIN; /* a release makes room */
		}
	}
	rc = b->inner->ops->acquire(b->inner, l);
	if ((rc != VIO_OK) || l->ring) {
		return rc;
	}
	if (!fits(b, l)) {
		b->inner->ops->release(b->inner, l, NULL, 0u);
		return VIO_E_ADDR; /* more than bytes_max, which the device offered */
	}
	b->busy |= 1ULL << slot;
	fill(b, l, slot);
	return VIO_OK;
}

/* Copy back the part of [from, from + s->len) of the writable bytes that was written. */
static void copy_back(uint8_t *guest, const struct vio_seg *s, uint64_t from,
		      const struct vio_ext *w, uint16_t nw)
{
	for (uint16_t k = 0u; k < nw; k++) {
		uint64_t lo = (w[k].off > from) ? w[k].off : from,
			 hi = (uint64_t)w[k].off + w[k].len;

		hi = (hi < (from + s->len)) ? hi : (from + s->len);
		if (lo < hi) {
			(void)memcpy(guest + (lo - from), s->p + (lo - from), (size_t)(hi - lo));
		}
	}
}

static void release(struct vio_mem *m, struct vio_sgl *l, const struct vio_ext *w, uint16_t nw)
{
	struct vio_mem_bounce *b = VIO_CONTAINER(m, struct vio_mem_bounce, m);
	uint64_t from = 0u;

	if (!l->ring) {
		b->busy &= ~(1ULL << ((size_t)(l->seg[0].p - b->buf) / b->slot_bytes));
		for (uint16_t i = 0u; i < (uint16_t)(l->n_out + l->n_in); i++) {
			struct vio_seg *s = &l->seg[i];
			uint8_t *guest;

			(void)memcpy(&guest, s->p - room(s), sizeof(guest));
			if (i >= l->n_out) {
				copy_back(guest, s, from, w, nw);
				from += s->len;
			}
			s->p = guest;
		}
	}
	b->inner->ops->release(b->inner, l, w, nw);
}

static void dirty(struct vio_mem *m, uint64_t addr, uint32_t len)
{
	struct vio_mem *in = VIO_CONTAINER(m, struct vio_mem_bounce, m)->inner;

	if (in->ops->dirty != NULL) {
		in->ops->dirty(in, addr, len);
	}
}

static const struct vio_mem_ops ops = { .acquire = acquire, .release = release, .dirty = dirty };

int vio_mem_bounce_init(struct vio_mem_bounce *b, struct vio_mem *inner, void *buf,
			uint32_t slot_bytes, uint16_t nslot)
{
	/* Half of a slot for data even when all segments are used; two at least, a header and a status. */
	uint32_t segs = slot_bytes / (2u * OVERHEAD);

	if ((inner->map == NULL) || (nslot == 0u) || (nslot > NSLOT_MAX) ||
	    ((slot_bytes & 15u) != 0u) || (segs < 2u) || (((uintptr_t)buf & 15u) != 0u)) {
		return VIO_E_ARG;
	}
	segs = (segs < inner->seg_max) ? segs : inner->seg_max;
	*b = (struct vio_mem_bounce){
		.m = { .ops = &ops,
		       .bytes_max = slot_bytes - (segs * OVERHEAD),
		       .seg_max = (uint16_t)segs,
		       .wants_release = true },
		.inner = inner,
		.buf = buf,
		.slot_bytes = slot_bytes,
		.nslot = nslot,
	};
	return VIO_OK;
}
