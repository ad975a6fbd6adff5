/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * iotlb.c - translations by the front-end (VIRTIO_F_ACCESS_PLATFORM)
 *
 * A miss happens on a queue loop; it leaves a word and wakes the control loop, which asks the front-end through the
 * back channel, one question an executor at a time. The front-end sends an update, then answers the question. When it
 * answered and the translation is still missing, the address is the guest's fault.
 *
 * Front-ends do not send every invalidation in every configuration, and nothing says so; a guest whose unmapped pages
 * stayed in our table would be corrupted. So a translation serves one request (vio_mem_iommu.once): its driver keeps it
 * until the request is used. Most drivers map each request anew, so hardly anything is asked for twice.
 *
 * source: vhost-user, "IOMMU support"
 */
#include "port/vhost_user/internal.h"

static void miss(void *port, uint64_t iova, uint8_t perm)
{
	struct vhu_exec *x = port;

	/* translations are of pages: the low bits of the address are free for the permission, which is never 0 */
	atomic_store(&x->miss, (iova & ~3ull) | (perm & 3u));
	vhu_back_post(x->v);
}

void vhu_iommu_init(struct vhu_exec *x)
{
	atomic_store(&x->miss, 0);
	vio_mem_iommu_init(&x->iommu, &x->full.m, x->tlb, VHU_TLB, miss, x);
	x->iommu.once = true;
}

struct change {
	struct vhu_exec *x;
	struct vhu_wire_iotlb w;
	int rc;
};

static void on_update(void *arg)
{
	struct change *c = arg;

	c->rc = vio_mem_iommu_update(&c->x->iommu, c->w.iova, c->w.len, c->w.uva, c->w.perm);
	vhu_turn_all(c->x);
}

static void on_invalidate(void *arg)
{
	struct change *c = arg;

	c->rc = vio_mem_iommu_invalidate(&c->x->iommu, c->w.iova, c->w.len);
	vhu_turn_all(c->x);
}

static void on_answered(void *arg)
{
	struct change *c = arg;
	struct vio_mem_iommu *m = &c->x->iommu;

	if (m->waiting && (((m->want & ~3ull) | (m->want_perm & 3u)) == c->w.iova)) {
		vio_mem_iommu_refuse(m);
		vhu_turn_all(c->x);
	}
}

void vhu_iotlb_answered(struct vhu *v, struct vhu_exec *x)
{
	struct change c = { .x = x, .w.iova = x->asked };

	x->asked = 0;
	if (v->up && vhu_iommu_on(v)) {
		loop_call(x->loop, on_answered, &c);
	}
}

static int update(struct vhu *v, const struct vhu_wire_iotlb *w)
{
	uint64_t gpa;
	int answer;

	if ((w->len == 0) || (w->perm == 0) || (w->perm > 3u) || !vhu_uva_to_gpa(v, w->uva, &gpa)) {
		return vhu_refuse(v, "update of 0x%llx bytes to 0x%llx, permission %u",
				  (unsigned long long)w->len, (unsigned long long)w->uva, w->perm);
	}
	answer = vhu_up(
		v); /* rings are behind the IOTLB as well: it has to exist before they start */
	for (uint16_t i = 0; (i < v->nexec) && (answer == VHU_DONE); i++) {
		struct change c = { .x = &v->exec[i], .w = *w };

		loop_call(c.x->loop, on_update, &c);
		if (c.rc != VIO_OK) {
			answer =
				vhu_refuse(v, "0x%llx bytes from 0x%llx wrap",
					   (unsigned long long)w->len, (unsigned long long)w->iova);
		}
	}
	return (answer == VHU_DONE) ? vhu_rings_try(v) : answer;
}

void vhu_iotlb_begin(struct vhu *v)
{
	v->misses = 0;
	v->invalidations = 0;
}

void vhu_iotlb_end(struct vhu *v)
{
	if (v->misses != 0) {
		log_debug(v->name, "IOTLB: %llu misses, %llu invalidations",
			  (unsigned long long)v->misses, (unsigned long long)v->invalidations);
	}
}

/* All rings are down: a guest that starts anew does not invalidate what its predecessor was told. */
void vhu_iotlb_flush(struct vhu *v)
{
	for (uint16_t i = 0; (i < v->nexec) && vhu_iommu_on(v) && v->up; i++) {
		struct change c = { .x = &v->exec[i], .w.len = UINT64_MAX };

		loop_call(c.x->loop, on_invalidate, &c);
	}
}

static int invalidate_later(struct vhu *v)
{
	struct vhu_wire_iotlb w = v->in.b.iotlb;
	bool all = true;

	w.iova = (w.len == 0) ? 0 : w.iova; /* all of 64 bits does not fit in the length */
	w.len = (w.len == 0) ? UINT64_MAX : w.len;
	w.len = (w.len > (UINT64_MAX - w.iova)) ? (UINT64_MAX - w.iova) : w.len;
	for (uint16_t i = 0; i < v->nexec; i++) {
		struct change c = { .x = &v->exec[i], .w = w };

		if (!c.x->changed) {
			loop_call(c.x->loop, on_invalidate, &c);
			c.x->changed = c.rc != VIO_PENDING;
			all = all && c.x->changed;
		}
	}
	if (all && vhu_drained(v)) {
		return VHU_DONE;
	}
	return v->drain_over ? vhu_refuse(v, "the device keeps requests behind the translation")
			     : VHU_LATER;
}

int vhu_iotlb_msg(struct vhu *v, struct vhu_msg *m)
{
	const struct vhu_wire_iotlb *w = &m->b.iotlb;

	if (!v->has_features || !vhu_iommu_on(v)) {
		return vhu_refuse(v, "VIRTIO_F_ACCESS_PLATFORM is not negotiated");
	}
	if (w->type == VHU_IOTLB_UPDATE) {
		return update(v, w);
	}
	if (w->type != VHU_IOTLB_INVALIDATE) {
		return vhu_refuse(v, "type %u", w->type);
	}
	v->invalidations++;
	if (!v->up) {
		return VHU_DONE;
	}
	for (uint16_t i = 0; i < v->nexec; i++) {
		v->exec[i].changed = false;
	}
	return vhu_wait(v, invalidate_later);
}
