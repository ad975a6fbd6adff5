/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ask_mmio.c - a device of this machine behind virtio-mmio registers; where: their address, of which no driver has hold
 *
 * For root in a guest without IOMMU: registers by /dev/mem, and pages that are locked, of which /proc/self/pagemap tells the
 * address. Nothing interrupts: who asks looks at the ring.
 */
#include "ask.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "vio/drv_mmio.h"

#define PAGE	4096u
#define PRESENT (1ull << 63)
#define FRAME	((1ull << 55) - 1u)

static uint32_t reg_read(void *ctx, uint32_t off, uint32_t size)
{
	const volatile uint8_t *p = (const volatile uint8_t *)ctx + off;

	return size == 4   ? *(const volatile uint32_t *)p
	       : size == 2 ? *(const volatile uint16_t *)p
			   : *p;
}

static void reg_write(void *ctx, uint32_t off, uint32_t size, uint32_t val)
{
	volatile uint8_t *p = (volatile uint8_t *)ctx + off;

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (size == 4) {
		*(volatile uint32_t *)p = val;
	} else if (size == 2) {
		*(volatile uint16_t *)p = (uint16_t)val;
	} else {
		*p = (uint8_t)val;
	}
}

static struct vio_drv_mmio registers = { .read = reg_read, .write = reg_write };

static int alloc(void *bus, uint32_t len, struct vio_dma *out)
{
	int fd = open("/proc/self/pagemap", O_RDONLY);
	uint64_t entry = 0;
	uint8_t *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED | MAP_POPULATE, -1, 0);

	(void)bus;
	if (fd < 0 || p == MAP_FAILED || len > PAGE ||
	    pread(fd, &entry, sizeof(entry), (off_t)((uintptr_t)p / PAGE * sizeof(entry))) !=
		    sizeof(entry) ||
	    !(entry & PRESENT) || !(entry & FRAME)) {
		return VIO_E_IO;
	}
	(void)close(fd);
	*out = (struct vio_dma){ .p = p, .addr = (entry & FRAME) * PAGE, .len = len };
	return VIO_OK;
}

int ask_open(struct ask_way *w, const char *where, char err[256])
{
	uint64_t at = strtoull(where, NULL, 0);
	int fd = open("/dev/mem", O_RDWR | O_SYNC);
	uint8_t *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			  (off_t)(at & ~(uint64_t)(PAGE - 1u)));
	uint32_t id;

	if (fd < 0 || p == MAP_FAILED) {
		(void)snprintf(err, 256, ": /dev/mem: %s", strerror(errno));
		return -1;
	}
	registers.ctx = p + (at & (PAGE - 1u));
	if (vio_drv_mmio_check(&registers, &id) != VIO_OK) {
		(void)snprintf(err, 256, ": no virtio-mmio device");
		return -1;
	}
	*w = (struct ask_way){ .ops = &vio_drv_mmio_bus, .bus = &registers, .alloc = alloc };
	return 0;
}
