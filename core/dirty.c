/* SPDX-License-Identifier: BSD-3-Clause */
/* dirty.c - dirty log in the vhost layout: one bit a page of 4 KiB, least significant bit first */
#include "vio/mem.h"

#define PAGE_SHIFT 12u

void vio_log_mark(const struct vio_log *log, uint64_t addr, uint64_t len)
{
	uint64_t last = (len > (UINT64_MAX - addr)) ? UINT64_MAX : (addr + (len - 1u));

	if ((log->bits == NULL) || (len == 0u)) {
		return;
	}
	last >>= PAGE_SHIFT;
	for (uint64_t page = addr >> PAGE_SHIFT; (page <= last) && ((page >> 3) < log->bytes);
	     page++) {
		/* Always a read-modify-write: a bit that is seen set may be fetched and cleared before our data. */
		(void)__atomic_fetch_or(&log->bits[page >> 3], (uint8_t)(1u << (page & 7u)),
					__ATOMIC_RELEASE);
	}
}
