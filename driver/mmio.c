/* SPDX-License-Identifier: BSD-3-Clause */
/* mmio.c - a driver's way to a device behind virtio-mmio registers (virtio 1.3, 4.2) */
#include "vio/drv_mmio.h"
#include "vio/mmio.h"

#define POLLS 1000000u

static uint32_t get(struct vio_drv_mmio *b, uint32_t off)
{
	return b->read(b->ctx, off, 4u);
}

static void put(struct vio_drv_mmio *b, uint32_t off, uint32_t v)
{
	b->write(b->ctx, off, 4u, v);
}

static void put64(struct vio_drv_mmio *b, uint32_t off, uint64_t v)
{
	put(b, off, (uint32_t)v);
	put(b, off + 4u, (uint32_t)(v >> 32));
}

/* Until register `off` reads 0 */
static int wait_zero(struct vio_drv_mmio *b, uint32_t off)
{
	uint32_t left = (b->polls != 0u) ? b->polls : POLLS;

	while (get(b, off) != 0u) {
		if (left == 0u) {
			return VIO_E_IO;
		}
		left--;
	}
	return VIO_OK;
}

int vio_drv_mmio_check(struct vio_drv_mmio *b, uint32_t *id)
{
	if ((get(b, VIO_MMIO_MAGIC) != VIO_MMIO_MAGIC_VALUE) || (get(b, VIO_MMIO_VERSION) != 2u)) {
		return VIO_E_NOTSUP;
	}
	*id = get(b, VIO_MMIO_DEVICE_ID);
	return (*id != 0u) ? VIO_OK : VIO_E_NOTSUP;
}

uint32_t vio_drv_mmio_interrupt(struct vio_drv_mmio *b)
{
	uint32_t v = get(b, VIO_MMIO_INTERRUPT_STATUS) & (VIO_MMIO_INT_USED | VIO_MMIO_INT_CONFIG);

	if (v != 0u) {
		put(b, VIO_MMIO_INTERRUPT_ACK, v);
	}
	return v;
}

static int bus_features(void *bus, uint64_t *offered)
{
	uint32_t lo;

	put(bus, VIO_MMIO_DEVICE_FEATURES_SEL, 0u);
	lo = get(bus, VIO_MMIO_DEVICE_FEATURES);
	put(bus, VIO_MMIO_DEVICE_FEATURES_SEL, 1u);
	*offered = ((uint64_t)get(bus, VIO_MMIO_DEVICE_FEATURES) << 32) | lo;
	return VIO_OK;
}

static int bus_accept(void *bus, uint64_t features)
{
	put(bus, VIO_MMIO_DRIVER_FEATURES_SEL, 0u);
	put(bus, VIO_MMIO_DRIVER_FEATURES, (uint32_t)features);
	put(bus, VIO_MMIO_DRIVER_FEATURES_SEL, 1u);
	put(bus, VIO_MMIO_DRIVER_FEATURES, (uint32_t)(features >> 32));
	return VIO_OK;
}

static int bus_status(void *bus, uint8_t *s)
{
	*s = (uint8_t)get(bus, VIO_MMIO_STATUS);
	return VIO_OK;
}

static int bus_set_status(void *bus, uint8_t s)
{
	put(bus, VIO_MMIO_STATUS, s);
	return (s == 0u) ? wait_zero(bus, VIO_MMIO_STATUS) : VIO_OK;
}

/* The widest access that both the place and what is left allow */
static uint32_t width(uint32_t off, uint32_t left)
{
	if (((off & 3u) == 0u) && (left >= 4u)) {
		return 4u;
	}
	return (((off & 1u) == 0u) && (left >= 2u)) ? 2u : 1u;
}

static int bus_config_read(void *bus, uint32_t off, void *dst, uint32_t len)
{
	struct vio_drv_mmio *b = bus;
	uint32_t left = (b->polls != 0u) ? b->polls : POLLS, gen;
	uint8_t *p = dst;

	do {
		gen = get(b, VIO_MMIO_GENERATION);
		for (uint32_t i = 0u; i < len;) {
			uint32_t w = width(off + i, len - i),
				 v = b->read(b->ctx, VIO_MMIO_CONFIG + off + i, w);

			for (uint32_t k = 0u; k < w; k++) {
				p[i + k] = (uint8_t)(v >> (8u * k));
			}
			i += w;
		}
		if (left == 0u) {
			return VIO_E_IO;
		}
		left--;
	} while (gen != get(b, VIO_MMIO_GENERATION));
	return VIO_OK;
}

static int bus_config_write(void *bus, uint32_t off, const void *src, uint32_t len)
{
	struct vio_drv_mmio *b = bus;
	const uint8_t *p = src;

	for (uint32_t i = 0u; i < len;) {
		uint32_t w = width(off + i, len - i), v = 0u;

		for (uint32_t k = 0u; k < w; k++) {
			v |= (uint32_t)p[i + k] << (8u * k);
		}
		b->write(b->ctx, VIO_MMIO_CONFIG + off + i, w, v);
		i += w;
	}
	return VIO_OK;
}

static int bus_setup(void *bus, uint16_t vq, uint16_t size, uint64_t desc, uint64_t driver,
		     uint64_t device)
{
	put(bus, VIO_MMIO_QUEUE_SEL, vq);
	if ((get(bus, VIO_MMIO_QUEUE_READY) != 0u) || (get(bus, VIO_MMIO_QUEUE_SIZE_MAX) < size)) {
		return VIO_E_ARG;
	}
	put(bus, VIO_MMIO_QUEUE_SIZE, size);
	put64(bus, VIO_MMIO_QUEUE_DESC, desc);
	put64(bus, VIO_MMIO_QUEUE_DRIVER, driver);
	put64(bus, VIO_MMIO_QUEUE_DEVICE, device);
	put(bus, VIO_MMIO_QUEUE_READY, 1u);
	return ((get(bus, VIO_MMIO_STATUS) & VIO_S_NEEDS_RESET) == 0u) ? VIO_OK : VIO_E_IO;
}

static int bus_reset_vq(void *bus, uint16_t vq)
{
	put(bus, VIO_MMIO_QUEUE_SEL, vq);
	put(bus, VIO_MMIO_QUEUE_RESET, 1u);
	return wait_zero(bus, VIO_MMIO_QUEUE_RESET);
}

static int bus_kick(void *bus, uint16_t vq)
{
	put(bus, VIO_MMIO_QUEUE_NOTIFY, vq);
	return VIO_OK;
}

const struct vio_bus_ops vio_drv_mmio_bus = {
	.features = bus_features,
	.accept = bus_accept,
	.status = bus_status,
	.set_status = bus_set_status,
	.config_read = bus_config_read,
	.config_write = bus_config_write,
	.setup = bus_setup,
	.reset_vq = bus_reset_vq,
	.kick = bus_kick,
};
