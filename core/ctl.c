/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ctl.c - what a driver sets up, whatever transport it uses (virtio 1.3, 3.1)
 *
 * What belongs to a queue is kept for each queue, because a driver may describe several in turns before it makes them
 * ready. A queue is in one of four states: idle (down, or up for good), starting (memory said "not now"), stopping,
 * resetting. The last three end in settle, which each later look at the queue calls.
 */
#include "vio/ctl.h"

void vio_ctl_forget(struct vio_ctl *c)
{
	c->features = 0u;
	c->beyond = false;
	for (uint16_t i = 0u; i < c->dev->nvq; i++) {
		c->vq[i] = (struct vio_ctl_vq){ .state = VIO_CTL_IDLE };
	}
}

bool vio_ctl_resetting(const struct vio_ctl *c)
{
	return __atomic_load_n(&c->dev->resetting, __ATOMIC_ACQUIRE);
}

int vio_ctl_fault(struct vio_ctl *c)
{
	vio_dev_fail(c->dev);
	return VIO_E_ARG;
}

/* ---- queues ---- */

int vio_ctl_settle(struct vio_ctl *c, uint16_t i)
{
	struct vio_vq *q = &c->dev->vq[i];
	struct vio_ctl_vq *s = &c->vq[i];
	int rc = VIO_OK;

	switch ((enum vio_ctl_state)s->state) {
	case VIO_CTL_STARTING:
		rc = vio_vq_enable(q, NULL);
		break;
	case VIO_CTL_STOPPING:
		rc = vio_vq_disable(q, NULL);
		break;
	case VIO_CTL_RESETTING:
		rc = vio_vq_reset(q);
		break;
	case VIO_CTL_IDLE:
	default:
		return VIO_OK;
	}
	if ((rc == VIO_PENDING) || (rc == VIO_E_AGAIN)) {
		return VIO_PENDING;
	}
	if (s->state == VIO_CTL_STARTING) {
		if (rc != VIO_OK) {
			(void)vio_ctl_fault(c);
		}
		c->run(c->ctx, i);
	}
	s->state = VIO_CTL_IDLE;
	return VIO_OK;
}

bool vio_ctl_settled(struct vio_ctl *c)
{
	bool all = true;

	if (vio_ctl_resetting(c)) {
		return false;
	}
	for (uint16_t i = 0u; i < c->dev->nvq; i++) {
		all = (vio_ctl_settle(c, i) == VIO_OK) && all;
	}
	return all;
}

int vio_ctl_start(struct vio_ctl *c, uint16_t i, bool resumed)
{
	struct vio_ctl_vq *s = &c->vq[i];
	struct vio_vq *q = &c->dev->vq[i];

	if (vio_vq_setup(q, s->size, q->area_addr[0], q->area_addr[1], q->area_addr[2]) != VIO_OK) {
		return VIO_E_ARG;
	}
	if (c->prepare != NULL) {
		c->prepare(c->ctx, i, resumed);
	}
	s->state = VIO_CTL_STARTING;
	return vio_ctl_settle(c, i);
}

int vio_ctl_stop(struct vio_ctl *c, uint16_t i)
{
	c->vq[i].state = VIO_CTL_STOPPING;
	return vio_ctl_settle(c, i);
}

int vio_ctl_reset(struct vio_ctl *c, uint16_t i)
{
	if (c->vq[i].state != VIO_CTL_RESETTING) {
		c->vq[i].state = VIO_CTL_RESETTING;
		c->vq[i].size = 0u;
	}
	return vio_ctl_settle(c, i);
}

bool vio_ctl_up(const struct vio_ctl *c, uint16_t i)
{
	return c->dev->vq[i].enabled || (c->vq[i].state == VIO_CTL_STARTING);
}

/* ---- features and status ---- */

int vio_ctl_accept(struct vio_ctl *c, uint32_t block, uint32_t v)
{
	uint32_t shift = block * 32u;

	if ((vio_dev_status(c->dev) & VIO_S_FEATURES_OK) != 0u) {
		return vio_ctl_fault(c);
	}
	if (block > 1u) {
		c->beyond = c->beyond || (v != 0u);
		return VIO_OK;
	}
	c->features = (c->features & ~((uint64_t)0xffffffffu << shift)) | ((uint64_t)v << shift);
	return VIO_OK;
}

static int begin_reset(struct vio_ctl *c)
{
	int rc;

	vio_ctl_forget(c);
	rc = vio_dev_set_status(c->dev, 0u);
	for (uint16_t i = 0u; (rc == VIO_PENDING) && (i < c->dev->nvq); i++) {
		c->run(c->ctx, i);
	}
	return rc;
}

/* What the driver accepted goes to the device. */
static int accept(struct vio_ctl *c)
{
	return (c->beyond || ((c->features & c->insists) != c->insists))
		       ? VIO_E_ARG
		       : vio_dev_accept(c->dev, c->features);
}

int vio_ctl_status(struct vio_ctl *c, uint8_t s)
{
	uint8_t now = vio_dev_status(c->dev);

	if (s == 0u) {
		return begin_reset(c);
	}
	if (vio_ctl_resetting(c)) {
		return VIO_E_ARG;
	}
	if (((s & ~now & VIO_S_FEATURES_OK) != 0u) && (accept(c) != VIO_OK)) {
		s &= (uint8_t)~VIO_S_FEATURES_OK; /* the driver reads it back and gives up */
		c->refused = true;
	}
	if (vio_dev_set_status(c->dev, s) == VIO_E_ARG) {
		return vio_ctl_fault(c);
	}
	for (uint16_t i = 0u; ((s & ~now & VIO_S_DRIVER_OK) != 0u) && (i < c->dev->nvq); i++) {
		c->run(c->ctx, i); /* what was offered before it */
	}
	return VIO_OK;
}

/* ---- from one process to the next ---- */

/* A reset that is not complete is done with: whoever goes on has nothing to drain. */
void vio_ctl_save(const struct vio_ctl *c, struct vio_ctl_saved *s, struct vio_ctl_saved_vq *vq)
{
	bool down = vio_ctl_resetting(c);

	*s = (struct vio_ctl_saved){
		.features = c->features,
		.generation = __atomic_load_n(&c->dev->generation, __ATOMIC_ACQUIRE),
		.status = down ? 0u : vio_dev_status(c->dev),
		.beyond = c->beyond ? 1u : 0u,
	};
	for (uint16_t i = 0u; i < c->dev->nvq; i++) {
		vq[i] = (struct vio_ctl_saved_vq){ .size = c->vq[i].size };
		for (uint8_t k = 0u; k < 3u; k++) {
			vq[i].area[k] = c->dev->vq[i].area_addr[k];
		}
		if (!down && (c->vq[i].state != VIO_CTL_RESETTING) && vio_ctl_up(c, i)) {
			vq[i].ready = 1u;
		}
	}
}

static int resume(struct vio_ctl *c, const struct vio_ctl_saved *s,
		  const struct vio_ctl_saved_vq *vq)
{
	if (((s->status & VIO_S_FEATURES_OK) != 0u) && (accept(c) != VIO_OK)) {
		return VIO_E_ARG;
	}
	__atomic_store_n(&c->dev->generation, s->generation + 1u, __ATOMIC_RELEASE);
	for (uint16_t i = 0u; i < c->dev->nvq; i++) {
		c->vq[i].size = vio_ctl_size(vq[i].size);
		for (uint8_t k = 0u; k < 3u; k++) {
			c->dev->vq[i].area_addr[k] = vq[i].area[k];
		}
		if (vq[i].ready == 0u) {
			continue;
		}
		if ((vq[i].ready != 1u) || ((s->status & VIO_S_FEATURES_OK) == 0u) ||
		    (vio_ctl_start(c, i, true) < 0)) {
			return VIO_E_ARG;
		}
	}
	return vio_dev_set_status(c->dev, s->status & (uint8_t)~VIO_S_NEEDS_RESET);
}

int vio_ctl_restore(struct vio_ctl *c, const struct vio_ctl_saved *s,
		    const struct vio_ctl_saved_vq *vq)
{
	c->features = s->features;
	c->beyond = s->beyond != 0u;
	if ((s->status != 0u) && (resume(c, s, vq) != VIO_OK)) {
		vio_ctl_forget(c);
		(void)vio_dev_set_status(c->dev, 0u);
		return VIO_E_ARG;
	}
	if ((s->status & VIO_S_NEEDS_RESET) != 0u) {
		vio_dev_fail(c->dev);
	}
	for (uint16_t i = 0u; i < c->dev->nvq; i++) {
		c->run(c->ctx, i);
	}
	return VIO_OK;
}
