/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dev.c - device state machine and configuration space (virtio 1.3, 2.1, 2.2, 2.5, 3.1)
 *
 * Reset: set_status(0) raises `resetting`; each queue discards and drains in its own turns, on its own executor;
 * whoever takes the last one down (or set_status itself when none is up) finishes, exactly once.
 */
#include <string.h>
#include "vio/dev.h"

int vio_dev_init(struct vio_dev *d, const struct vio_dev_ops *ops, struct vio_mem *m,
		 struct vio_vq *vq, uint16_t nvq, uint8_t *config)
{
	if ((nvq == 0u) || (nvq > ops->nvq_max)) {
		return VIO_E_ARG;
	}
	(void)memset(d, 0, sizeof(*d));
	d->ops = ops;
	d->mem = m;
	d->vq = vq;
	d->nvq = nvq;
	d->config = config;
	d->class_features = ops->features;
	return VIO_OK;
}

void vio_dev_attach(struct vio_dev *d, const struct vio_port_ops *ops, void *port,
		    uint64_t transport_features)
{
	d->port_ops = ops;
	d->port = port;
	d->show = NULL;
	d->offered = ((d->class_features | transport_features) & ~d->withheld) | VIO_F_VERSION_1;
}

static uint8_t status(const struct vio_dev *d)
{
	return __atomic_load_n(&d->status, __ATOMIC_ACQUIRE);
}

/* d->config may have changed. */
static void show(const struct vio_dev *d)
{
	if (d->show != NULL) {
		d->show(d);
	}
}

static void reset_finish(struct vio_dev *d)
{
	if (((status(d) & VIO_S_DRIVER_OK) != 0u) && (d->ops->stop != NULL)) {
		d->ops->stop(d);
		show(d);
	}
	d->features = 0u;
	for (uint16_t i = 0u; i < d->nvq; i++) {
		d->vq[i].size = 0u;
#if VIO_CFG_TRACK
		d->vq[i].track = NULL;
#endif
		d->vq[i].log = NULL;
		(void)memset(d->vq[i].area_addr, 0, sizeof(d->vq[i].area_addr));
	}
	__atomic_store_n(&d->resetting, false, __ATOMIC_RELAXED);
	__atomic_store_n(&d->status, 0u, __ATOMIC_RELEASE);
}

void vio_dev_live(struct vio_dev *d, int by)
{
	if (by > 0) {
		(void)__atomic_fetch_add(&d->live, 1u, __ATOMIC_ACQ_REL);
	} else if ((__atomic_fetch_sub(&d->live, 1u, __ATOMIC_ACQ_REL) == 1u) &&
		   __atomic_load_n(&d->resetting, __ATOMIC_ACQUIRE)) {
		reset_finish(d);
	}
}

uint8_t vio_dev_status(const struct vio_dev *d)
{
	return status(d);
}

int vio_dev_accept(struct vio_dev *d, uint64_t features)
{
	uint64_t needs = d->ops->needs | VIO_F_VERSION_1;
	int rc = VIO_OK;

	if (((features & ~d->offered) != 0u) || ((features & needs) != needs) ||
	    ((status(d) & VIO_S_FEATURES_OK) != 0u)) {
		return VIO_E_ARG;
	}
	d->features = features;
	if (d->ops->accept != NULL) {
		rc = d->ops->accept(d);
		show(d);
	}
	if (rc < 0) {
		d->features = 0u;
	}
	return rc;
}

static int reset(struct vio_dev *d)
{
	vio_dev_live(d, 1); /* held: there is one finisher */
	__atomic_store_n(&d->resetting, true, __ATOMIC_RELEASE);
	if (!d->many) {
		for (uint16_t i = 0u; i < d->nvq; i++) {
			(void)vio_vq_run(&d->vq[i]);
		}
	}
	vio_dev_live(d, -1);
	return (status(d) != 0u) ? VIO_PENDING : VIO_OK;
}

int vio_dev_set_status(struct vio_dev *d, uint8_t s)
{
	uint8_t old = status(d), add;
	int rc;

	if (s == 0u) {
		return reset(d);
	}
	if (__atomic_load_n(&d->resetting, __ATOMIC_RELAXED) ||
	    ((old & ~s & ~VIO_S_NEEDS_RESET) != 0u)) {
		return VIO_E_ARG;
	}
	add = (uint8_t)(s & ~old & ~VIO_S_NEEDS_RESET);
	if (((add & VIO_S_FEATURES_OK) != 0u) && (d->features == 0u)) {
		add &= (uint8_t)~VIO_S_FEATURES_OK;
	}
	if (((add & VIO_S_DRIVER_OK) != 0u) && (((old | add) & VIO_S_FEATURES_OK) == 0u)) {
		return VIO_E_ARG;
	}
	if (((add & VIO_S_DRIVER_OK) != 0u) && (d->ops->start != NULL)) {
		rc = d->ops->start(d);
		show(d);
		if (rc < 0) {
			vio_dev_fail(d);
			return rc;
		}
	}
	(void)__atomic_fetch_or(&d->status, add,
				__ATOMIC_ACQ_REL); /* a queue may add NEEDS_RESET meanwhile */
	return VIO_OK;
}

void vio_dev_config_read(const struct vio_dev *d, uint32_t off, void *dst, uint32_t len)
{
	uint32_t all = (d->config != NULL) ? d->ops->config_len : 0u;
	uint32_t n = (off < all) ? (all - off) : 0u;

	n = (n < len) ? n : len;
	if (n > 0u) {
		(void)memcpy(dst, d->config + off, n);
	}
	(void)memset((uint8_t *)dst + n, 0, len - n);
}

int vio_dev_config_write(struct vio_dev *d, uint32_t off, const void *src, uint32_t len)
{
	if ((d->ops->config_write == NULL) || (off > d->ops->config_len) ||
	    (len > (d->ops->config_len - off))) {
		return VIO_E_ARG;
	}
	return d->ops->config_write(d, off, src, len);
}

int vio_dev_kick(struct vio_dev *d, uint16_t vq)
{
	return (vq < d->nvq) ? vio_vq_run(&d->vq[vq]) : VIO_E_ARG;
}

void vio_dev_config_changed(struct vio_dev *d)
{
	show(d);
	(void)__atomic_fetch_add(&d->generation, 1u, __ATOMIC_RELEASE);
	if (d->port_ops != NULL) {
		d->port_ops->config(d->port);
	}
}

void vio_dev_fail(struct vio_dev *d)
{
	uint8_t old = __atomic_fetch_or(&d->status, VIO_S_NEEDS_RESET, __ATOMIC_ACQ_REL);

	if (((old & VIO_S_NEEDS_RESET) == 0u) && (d->port_ops != NULL)) {
		d->port_ops->config(d->port);
	}
}
