/* SPDX-License-Identifier: BSD-3-Clause */
/* mem_window.c - one pre-shared region of fixed size; an address outside is the guest's fault */
#include "vio/mem.h"

static int acquire(struct vio_mem *m, struct vio_sgl *l)
{
	for (uint16_t i = 0u; i < (uint16_t)(l->n_out + l->n_in); i++) {
		struct vio_seg *s = &l->seg[i];

		if (!vio_map_at(m->map, s->addr, s->len,
				&s->p)) { /* one region: the guess is the answer */
			struct vio_mem_window *w = VIO_CONTAINER(m, struct vio_mem_window, m);

			if (!w->refused) {
				w->refused = true;
				w->outside = s->addr;
				w->outside_len = s->len;
			}
			return VIO_E_ADDR;
		}
	}
	return VIO_OK;
}

static void release(struct vio_mem *m, struct vio_sgl *l, const struct vio_ext *w, uint16_t nw)
{
	(void)m;
	(void)l;
	(void)w;
	(void)nw;
}

static const struct vio_mem_ops ops = { .acquire = acquire, .release = release };

int vio_mem_window_init(struct vio_mem_window *w, uint64_t base, void *p, uint64_t len)
{
	w->m = (struct vio_mem){
		.ops = &ops, .map = &w->map, .seg_max = UINT16_MAX, .bytes_max = UINT32_MAX
	};
	if (len < w->m.bytes_max) {
		w->m.bytes_max = (uint32_t)len;
	}
	w->refused = false;
	return vio_mem_window_swap(w, base, p, len);
}

int vio_mem_window_swap(struct vio_mem_window *w, uint64_t base, void *p, uint64_t len)
{
	w->r = (struct vio_region){ .gpa = base, .len = len, .hva = p };
	return vio_map_init(&w->map, &w->r, 1u);
}
