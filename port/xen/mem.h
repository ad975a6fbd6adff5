/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mem.h - guest memory on Xen: foreign pages and grants, mapped when a request comes
 *
 * The kind of an address is the guest's choice: bit 63 set means a grant (reference << 12 | offset, what Linux
 * calls CONFIG_XEN_VIRTIO), else it is a guest physical address.
 *
 * Foreign pages are mapped in chunks of 64 pages that stay mapped. A mapping is given back
 * - when Xen says that the guest's memory map changed (ballooning): all at once, held ones with their last request;
 * - when the bound on chunks is reached: the one that was not used for the longest time;
 * - by xen_mem_trim, when it was not used since the last call;
 * - when the guest ends.
 * Xen lets a guest balloon and end at any moment; a mapping only delays that the page is free for others.
 *
 * Grants are never kept: Linux revokes a grant when the request is done, and gives the device up if it is still
 * mapped then. All grants of a request that are read are mapped by one call, all that are written by another (Linux
 * grants the former for reading only), and so unmapped before the request is shown as done.
 *
 * source: Linux drivers/xen/grant-dma-ops.c; xen/hvm/ioreq.h, IOREQ_TYPE_INVALIDATE
 */
#ifndef PORT_XEN_MEM_H
#define PORT_XEN_MEM_H

#include "port/xen/lib.h"
#include "vio/mem.h"

#define XEN_CHUNK_PAGES 64u
#define XEN_LIST_PAGES	2048u /* most pages of one request that is mapped by itself */

struct xen_mem;

struct xen_mem_config {
	const struct xen_lib *lib;
	xenforeignmemory_handle *fm; /* NULL: foreign pages are the guest's fault */
	xengnttab_handle *gt;	     /* NULL: grants are the guest's fault */
	domid_t dom;
	uint32_t chunks; /* bound of the cache; 0: every request is mapped by itself */
};

/* What was asked of Xen, since xen_mem_new. */
struct xen_mem_stat {
	uint64_t map, map_pages, unmap; /* calls, pages of map, calls */
	uint64_t failed;		/* calls that Xen refused */
};

/* xen_mem_new - returns: NULL when there is no memory. Its vio_mem belongs to one executor, as all calls here. */
struct xen_mem *xen_mem_new(const struct xen_mem_config *cfg);
/* xen_mem_free - nothing is acquired any more; unmaps everything */
void xen_mem_free(struct xen_mem *x);
struct vio_mem *xen_mem(struct xen_mem *x);
/* xen_mem_forget - the guest's memory map changed: translations are made anew, as after vio_mem_change */
void xen_mem_forget(struct xen_mem *x);
/* xen_mem_trim - unmap the chunks that were not used since the last call; returns: another call may find more */
bool xen_mem_trim(struct xen_mem *x);
const struct xen_mem_stat *xen_mem_stat(const struct xen_mem *x);
/* xen_mem_mapped - pages that are mapped now */
uint32_t xen_mem_mapped(const struct xen_mem *x);

#endif
