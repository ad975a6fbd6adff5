/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ivshmem.c - inside a virtual machine: its ivshmem-doorbell device, through vfio-pci
 *
 * The device is bound to vfio-pci by whoever runs us. Region 0 has four registers, region 2 is the window; vector 0 of
 * MSI-X becomes an eventfd. Nothing is mapped for DMA: the device never makes any.
 *
 * source: QEMU, docs/specs/ivshmem-spec.rst; Linux, linux/vfio.h
 */
#include "port/window/internal.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define REGISTERS   256u
#define IV_POSITION 8u
#define IV_DOORBELL 12u
#define PCI_COMMAND 4u
#define PCI_MEMORY  2u
#define PCI_MASTER  4u

struct ivshmem {
	int container, group, device;
	uint8_t *regs;
};

static int fail(char err[256], const char *addr, const char *what)
{
	snprintf(err, 256, "ivshmem device %s: %s: %s", addr, what, strerror(errno));
	return -1;
}

/* The group's number is the last part of what a link points to */
static int open_group(const char *addr, char err[256])
{
	char path[160], link[128];
	const char *name;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group", addr);
	n = readlink(path, link, sizeof(link) - 1u);
	if (n < 0) {
		return fail(err, addr,
			    "no such PCI device, or it is behind no IOMMU (iommu_group)");
	}
	link[n] = '\0';
	name = strrchr(link, '/');
	snprintf(path, sizeof(path), "/dev/vfio/%s", name ? name + 1 : link);
	fd = open(path, O_RDWR | O_CLOEXEC);
	return fd < 0 ? fail(err, addr, "its vfio group; is it bound to vfio-pci?") : fd;
}

static int open_device(struct ivshmem *v, const char *addr, char err[256])
{
	v->group = open_group(addr, err);
	if (v->group < 0) {
		return -1;
	}
	v->container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	if (v->container < 0) {
		return fail(err, addr, "/dev/vfio/vfio");
	}
	if (ioctl(v->group, VFIO_GROUP_SET_CONTAINER, &v->container) < 0) {
		return fail(err, addr, "its group is not viable");
	}
	if (ioctl(v->container, VFIO_SET_IOMMU, VFIO_TYPE1_IOMMU) < 0) {
		return fail(err, addr,
			    "the IOMMU (one without interrupt remapping needs "
			    "vfio_iommu_type1.allow_unsafe_interrupts=1)");
	}
	v->device = ioctl(v->group, VFIO_GROUP_GET_DEVICE_FD, addr);
	return v->device < 0 ? fail(err, addr, "cannot be opened") : 0;
}

static int region(const struct ivshmem *v, uint32_t index, struct vfio_region_info *r)
{
	*r = (struct vfio_region_info){ .argsz = sizeof(*r), .index = index };
	return ioctl(v->device, VFIO_DEVICE_GET_REGION_INFO, r);
}

/* Memory and interrupts on */
static int enable(const struct ivshmem *v)
{
	struct vfio_region_info r;
	uint16_t cmd;

	if (region(v, VFIO_PCI_CONFIG_REGION_INDEX, &r) < 0 ||
	    pread(v->device, &cmd, sizeof(cmd), (off_t)(r.offset + PCI_COMMAND)) != sizeof(cmd)) {
		return -1;
	}
	cmd = vio_le16((uint16_t)(vio_le16(cmd) | PCI_MEMORY | PCI_MASTER));
	return pwrite(v->device, &cmd, sizeof(cmd), (off_t)(r.offset + PCI_COMMAND)) == sizeof(cmd)
		       ? 0
		       : -1;
}

static int bell(const struct ivshmem *v, int fd)
{
	union {
		struct vfio_irq_set set;
		uint8_t raw[sizeof(struct vfio_irq_set) + sizeof(int32_t)];
	} u;
	int32_t n = fd;

	u.set.argsz = sizeof(u.raw);
	u.set.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER;
	u.set.index = VFIO_PCI_MSIX_IRQ_INDEX;
	u.set.start = 0;
	u.set.count = 1;
	memcpy(u.raw + offsetof(struct vfio_irq_set, data), &n, sizeof(n));
	return ioctl(v->device, VFIO_DEVICE_SET_IRQS, &u);
}

static int set_up(struct window_place *p, struct ivshmem *v, const char *addr, char err[256])
{
	struct vfio_region_info r;
	void *m;

	if (open_device(v, addr, err)) {
		return -1;
	}
	if (enable(v) < 0 || region(v, VFIO_PCI_BAR0_REGION_INDEX, &r) < 0 || r.size < REGISTERS) {
		return fail(err, addr, "its registers; is it an ivshmem-doorbell?");
	}
	m = mmap(NULL, REGISTERS, PROT_READ | PROT_WRITE, MAP_SHARED, v->device, (off_t)r.offset);
	if (m == MAP_FAILED) {
		return fail(err, addr, "its registers cannot be mapped");
	}
	v->regs = m;
	if (region(v, VFIO_PCI_BAR2_REGION_INDEX, &r) < 0 || r.size == 0) {
		return fail(err, addr, "it has no memory");
	}
	if (window_map(p, v->device, r.offset, r.size, addr, err)) {
		return -1;
	}
	p->wait_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (p->wait_fd < 0 || bell(v, p->wait_fd) < 0) {
		return fail(err, addr, "it has no interrupt; an ivshmem-doorbell has MSI-X");
	}
	p->self = vio_get32(v->regs + IV_POSITION) << 16;
	return 0;
}

static void close_ivshmem(struct window_place *p)
{
	struct ivshmem *v = p->own;

	if (p->base) {
		munmap(p->base, p->size);
	}
	if (v->regs) {
		munmap(v->regs, REGISTERS);
	}
	if (v->device >= 0) {
		close(v->device);
	}
	if (v->group >= 0) {
		close(v->group);
	}
	if (v->container >= 0) {
		close(v->container);
	}
	if (p->wait_fd >= 0) {
		close(p->wait_fd);
	}
	free(v);
}

static int open_ivshmem(struct window_place *p, const char *arg, char err[256])
{
	struct ivshmem *v = calloc(1, sizeof(*v));

	if (!v) {
		snprintf(err, 256, "out of memory");
		return -1;
	}
	*v = (struct ivshmem){ .container = -1, .group = -1, .device = -1 };
	p->own = v;
	if (strchr(arg, '/') || set_up(p, v, arg, err)) {
		if (strchr(arg, '/')) {
			errno = EINVAL;
			(void)fail(err, arg, "an address is like 0000:00:03.0");
		}
		close_ivshmem(p);
		return -1;
	}
	return 0;
}

/* Two machines: the other one has the other number */
static void ring(struct window_place *p, uint32_t to)
{
	struct ivshmem *v = p->own;

	vio_fence(); /* memory before the register, also where they are of two kinds */
	vio_put32_rel(v->regs + IV_DOORBELL,
		      to != WINDOW_NO_BELL ? to : (p->self ^ (UINT32_C(1) << 16)));
}

const struct window_place_ops window_ivshmem = { .open = open_ivshmem,
						 .ring = ring,
						 .close = close_ivshmem };
