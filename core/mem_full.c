/* SPDX-License-Identifier: BSD-3-Clause */
/* mem_full.c - memory that is mapped once, in any number of regions; a buffer may cross from one to the next */
#include <string.h>
#include "vio/mem.h"

static int acquire(struct vio_mem *m, struct vio_sgl *l)
{
	for (uint16_t i = 0u; i < (uint16_t)(l->n_out + l->n_in); i++) {
		struct vio_seg *s = &l->seg[i];
		const struct vio_region *r;
		uint64_t room;
		uint16_t n;

		if (vio_map_at(m->map, s->addr, s->len, &s->p)) {
			continue;
		}
		r = vio_map_find(m->map, s->addr);
		if ((r == NULL) || (s->len == 0u)) {
			return VIO_E_ADDR;
		}
		room = r->len - (s->addr - r->gpa);
		s->p = r->hva + (s->addr - r->gpa);
		if (s->len <= room) {
			continue;
		}
		n = (uint16_t)(l->n_out + l->n_in);
		if (n >= l->cap) {
			return VIO_E_ADDR;
		}
		(void)memmove(&l->seg[i + 2u], &l->seg[i + 1u], (size_t)(n - i - 1u) * sizeof(*s));
		l->seg[i + 1u] =
			(struct vio_seg){ .addr = s->addr + room, .len = s->len - (uint32_t)room };
		s->len = (uint32_t)room;
		if (i < l->n_out) {
			l->n_out++;
		} else {
			l->n_in++;
		}
	}
	return VIO_OK;
}

static struct vio_mem_full *self(struct vio_mem *m)
{
	return VIO_CONTAINER(m, struct vio_mem_full, m);
}

/* Where byte `addr` of the table is logged. */
static uint64_t log_at(const struct vio_mem_full *f, uint64_t addr)
{
	const struct vio_region *r = (f->log_r != NULL) ? vio_map_find(&f->map, addr) : NULL;

	return (r != NULL) ? (f->log_r[r - f->map.r].gpa + (addr - r->gpa)) : addr;
}

static void release(struct vio_mem *m, struct vio_sgl *l, const struct vio_ext *w, uint16_t nw)
{
	const struct vio_mem_full *f = self(m);
	uint32_t base = 0u;

	for (uint16_t i = l->n_out; i < (uint16_t)(l->n_out + l->n_in); i++) {
		const struct vio_seg *s = &l->seg[i];

		for (uint16_t k = 0u; k < nw; k++) {
			uint32_t from = (w[k].off > base) ? w[k].off : base,
				 end = w[k].off + w[k].len;

			end = (end < (base + s->len)) ? end : (base + s->len);
			if (from < end) {
				vio_log_mark(&f->log, log_at(f, s->addr + (from - base)),
					     end - from);
			}
		}
		base += s->len;
	}
}

static void dirty(struct vio_mem *m, uint64_t addr, uint32_t len)
{
	vio_log_mark(&self(m)->log, addr, len);
}

static const struct vio_mem_ops ops = { .acquire = acquire, .release = release, .dirty = dirty };

int vio_mem_full_init(struct vio_mem_full *f, const struct vio_region *r, uint16_t n)
{
	f->m = (struct vio_mem){
		.ops = &ops, .map = &f->map, .seg_max = UINT16_MAX, .bytes_max = UINT32_MAX
	};
	f->log = (struct vio_log){ NULL, 0u };
	f->log_r = NULL;
	return vio_map_init(&f->map, r, n);
}

int vio_mem_full_swap(struct vio_mem_full *f, const struct vio_region *r, uint16_t n)
{
	return vio_map_init(&f->map, r, n);
}

void vio_mem_full_log(struct vio_mem_full *f, const struct vio_log *log,
		      const struct vio_region *log_r)
{
	f->log = *log;
	f->log_r = log_r;
	f->m.wants_release = log->bits != NULL;
	vio_mem_shift(&f->m);
}
