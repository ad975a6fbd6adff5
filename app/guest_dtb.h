/* SPDX-License-Identifier: BSD-3-Clause */
/* guest_dtb.h - device-tree edits that keep a guest's virtio memory inside one window */
#ifndef APP_GUEST_DTB_H
#define APP_GUEST_DTB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GUEST_DTB_RANGES 16u

struct guest_dtb_range {
	uint64_t base, len; /* bytes */
	uint32_t node;	    /* NUMA node */
};

struct guest_dtb {
	uint64_t base, len; /* of the window; len 0: the memory of the highest NUMA node */
	struct guest_dtb_range
		mem[GUEST_DTB_RANGES]; /* what follows is filled: the guest's memory */
	unsigned nmem;
	unsigned mmio, pci; /* nodes that got the window */
};

/* guest_dtb_sound - whether these bytes, of any origin, are a device tree that may be read and opened; aligned to 8 */
bool guest_dtb_sound(const void *raw, size_t size);

/*
 * guest_dtb_edit - reserve the window for the DMA of all virtio-mmio devices and PCI host bridges
 * fdt: a tree in `cap` bytes, opened with room to grow (guest_dtb_room)
 * returns: 0 | -1 and err: no such memory, nothing to give the window to, or edited before
 */
int guest_dtb_edit(void *fdt, struct guest_dtb *g, char err[256]);
/* guest_dtb_room - bytes that a tree of `size` bytes needs for the edits */
size_t guest_dtb_room(size_t size);

#endif
