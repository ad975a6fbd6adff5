/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * phys.h - memory kind: one range of physical memory, mapped here for good, with care for caches where they need it
 *
 * An address outside is the guest's fault. It does what core's window kind does, in less code, and without the quick
 * path of the rings: for images that count bytes.
 *
 * Where the range is mapped without a cache, or the caches see each other, that is all (vio_mem_phys_init). Else
 * payload may go through a cache (vio_mem_phys_through): ring areas and indirect tables are used through a mapping
 * without one (both sides write to neighbouring bytes of a line, so no maintenance can be right there); what a request
 * carries is used through the cached mapping, flushed in acquire, cleaned in release.
 * A buffer that shares a line with foreign bytes would lose what the driver writes beside it meanwhile: the driver's
 * buffers must begin and end at lines. Linux's restricted pool gives slots of 2048 bytes, which do.
 */
#ifndef VIO_BARE_PHYS_H
#define VIO_BARE_PHYS_H

#include "vio/mem.h"

struct vio_cache_ops {
	/* write back and forget [p, p + len), in whole lines; len > 0 */
	void (*flush)(void *p, uint32_t len);
	/* write back [p, p + len), in whole lines; len > 0 */
	void (*clean)(void *p, uint32_t len);
};

struct vio_mem_phys {
	struct vio_mem m;
	uint64_t base;
	uint32_t len;
	uint8_t *direct, *cached;
	const struct vio_cache_ops *cache;
};

/*
 * vio_mem_phys_init - base: address that the driver uses; p: the same len bytes here, not cached or coherent
 * returns: VIO_OK | VIO_E_ARG no length, wrapping, or not congruent modulo 16
 */
int vio_mem_phys_init(struct vio_mem_phys *f, uint64_t base, void *p, uint32_t len);

/* vio_mem_phys_through - the same, payload through a cache; cached: the same bytes once more; returns: as above */
int vio_mem_phys_through(struct vio_mem_phys *f, uint64_t base, void *direct, void *cached,
			 uint32_t len, const struct vio_cache_ops *cache);

#endif
