/* SPDX-License-Identifier: BSD-3-Clause */
/* drv_mmio.h - a driver's way to a device behind virtio-mmio registers (virtio 1.3, 4.2) */
#ifndef VIO_DRV_MMIO_H
#define VIO_DRV_MMIO_H

#include "drv.h"

/*
 * read, write: one access of `size` 1, 2 or 4 bytes at `off`; values are host integers of little-endian registers.
 * Ordering against memory is theirs: a write is not done before earlier stores are visible to the device.
 */
struct vio_drv_mmio {
	uint32_t (*read)(void *ctx, uint32_t off, uint32_t size);
	void (*write)(void *ctx, uint32_t off, uint32_t size, uint32_t val);
	void *ctx;
	uint32_t polls; /* reads to wait for a reset before VIO_E_IO; 0: 1000000 */
};

/* vio_drv_mmio_check - magic, version, id; returns: VIO_OK and *id | VIO_E_NOTSUP no such device */
int vio_drv_mmio_check(struct vio_drv_mmio *b, uint32_t *id);
/* vio_drv_mmio_interrupt - read and acknowledge; returns: VIO_MMIO_INT_* */
uint32_t vio_drv_mmio_interrupt(struct vio_drv_mmio *b);

/*
 * bus: struct vio_drv_mmio. config_read: a field of 1, 2, 4 or 8 bytes at a time uses the accesses that the
 * specification wants for it; longer runs are read as fields of the alignment they have, in one generation.
 */
extern const struct vio_bus_ops vio_drv_mmio_bus;

#endif
