/* SPDX-License-Identifier: BSD-3-Clause */
/* mem.c - counted acquire and release, and changes of memory under traffic */
#include "ring.h"

int vio_mem_acquire(struct vio_mem *m, struct vio_sgl *l)
{
	int rc = m->ops->acquire(m, l);

	l->era = (uint8_t)(m->epoch & 1u);
	if (rc == VIO_OK) {
		m->held[l->era]++;
	}
	m->starved = m->starved || (rc == VIO_E_AGAIN);
	return rc;
}

void vio_mem_release(struct vio_mem *m, struct vio_sgl *l, const struct vio_ext *w, uint16_t nw)
{
	if (m->wants_release) {
		m->ops->release(m, l, w, nw);
	}
	m->held[l->era]--;
	if (m->starved &&
	    !l->ring) { /* an indirect table, released in the pop that acquired it, made no room */
		m->starved = false;
		m->wake = true;
	}
}

int vio_mem_change(struct vio_mem *m)
{
	if (m->held[(m->epoch + 1u) & 1u] != 0u) {
		return VIO_PENDING;
	}
	for (struct vio_vq *q = m->queues; q != NULL; q = q->next) {
		vio_vq_hold(q); /* the quick gear does not count: from here on these are counted */
	}
	m->epoch++;
	return VIO_OK;
}

bool vio_mem_drained(const struct vio_mem *m)
{
	return m->held[(m->epoch + 1u) & 1u] == 0u;
}

void vio_mem_shift(struct vio_mem *m)
{
	for (struct vio_vq *q = m->queues; q != NULL; q = q->next) {
		vio_vq_gear(q);
	}
}
