/* SPDX-License-Identifier: BSD-3-Clause */
/* probe.c - the initialization sequence of a driver, up to FEATURES_OK (virtio 1.3, 3.1.1) */
#include "vio/drv.h"

static int step(const struct vio_bus_ops *ops, void *bus, uint8_t *s, uint32_t bit)
{
	*s = (uint8_t)(*s | bit);
	return ops->set_status(bus, *s);
}

static int negotiate(const struct vio_bus_ops *ops, void *bus, uint64_t want, uint64_t *got,
		     uint8_t *s)
{
	uint64_t offered;
	uint8_t now;
	int rc = ops->features(bus, &offered);

	if (rc != VIO_OK) {
		return rc;
	}
	*got = offered & want;
	if ((*got & VIO_F_VERSION_1) == 0u) {
		return VIO_E_NOTSUP;
	}
	rc = ops->accept(bus, *got);
	if (rc == VIO_OK) {
		rc = step(ops, bus, s, VIO_S_FEATURES_OK);
	}
	if (rc == VIO_OK) {
		rc = ops->status(bus, &now);
	}
	if (rc != VIO_OK) {
		return rc;
	}
	return ((now & VIO_S_FEATURES_OK) != 0u) ? VIO_OK : VIO_E_NOTSUP;
}

int vio_drv_probe(const struct vio_bus_ops *ops, void *bus, uint64_t want, uint64_t *got)
{
	uint8_t s = 0u;
	int rc = ops->set_status(bus, 0u);

	if (rc == VIO_OK) {
		rc = step(ops, bus, &s, VIO_S_ACKNOWLEDGE);
	}
	if (rc == VIO_OK) {
		rc = step(ops, bus, &s, VIO_S_DRIVER);
	}
	if (rc != VIO_OK) {
		return rc;
	}
	rc = negotiate(ops, bus, want, got, &s);
	if (rc != VIO_OK) {
		(void)step(ops, bus, &s, VIO_S_FAILED); /* the first error is the one to report */
	}
	return rc;
}
