/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lib.h - all that this port asks of Xen, as one table: the stable libraries, and four ioctls of privcmd
 *
 * The libraries are looked up at run time, so one binary runs with and without Xen. Tests put a model in the
 * table's place. dm_op goes to the kernel directly: libxendevicemodel probes with a call that a kernel which restricts
 * privcmd to one target refuses, and then falls back to calls that such a kernel blocks.
 *
 * source: Xen's public headers (xen/hvm/dm_op.h, ioreq.h) and the headers of the libraries; Linux, uapi/xen/privcmd.h
 */
#ifndef PORT_XEN_LIB_H
#define PORT_XEN_LIB_H

#ifndef __XEN_TOOLS__
#define __XEN_TOOLS__ 1 /* makes the headers define the dm_op interface */
#endif
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xencall.h>
#include <xenevtchn.h>
#include <xenforeignmemory.h>
#include <xengnttab.h>
#include <xenstore.h>
#include <xen/hvm/dm_op.h>
#include <xen/hvm/hvm_op.h>
#include <xen/hvm/ioreq.h>
#include <xen/memory.h>

struct xentoollog_logger;

/* Arguments of two ioctls that Linux has from 6.6 and 6.7 on, as uapi/xen/privcmd.h there has them. */
struct xen_irqfd {
	uint64_t op;	/* address of a struct xen_dm_op, copied */
	uint32_t bytes; /* of it */
	uint32_t fd;	/* eventfd: each write to it is that dm_op */
	uint32_t flags; /* XEN_FD_OFF */
	domid_t dom;
	uint8_t pad[2];
};
struct xen_ioeventfd {
	uint64_t ioreq; /* address at which the ioreq server's page is mapped here */
	uint64_t ports; /* address of uint32_t[vcpus]: our event channels */
	uint64_t base;	/* of the registers: the kernel adds QUEUE_NOTIFY's offset */
	uint32_t bytes; /* of the access that is meant */
	uint32_t
		fd; /* eventfd: written when the driver notifies vq, and the virtual CPU is answered */
	uint32_t vcpus, vq;
	uint32_t flags;
	domid_t dom;
	uint8_t pad[2];
};
#define XEN_FD_OFF 1u /* take it back; fd, ioreq, dom, vcpus as they were */

struct xen_lib {
	/* libxenforeignmemory */
	xenforeignmemory_handle *(*fm_open)(struct xentoollog_logger *log, unsigned flags);
	int (*fm_close)(xenforeignmemory_handle *h);
	void *(*fm_map)(xenforeignmemory_handle *h, uint32_t dom, int prot, size_t n,
			const xen_pfn_t *gfn, int *err);
	int (*fm_unmap)(xenforeignmemory_handle *h, void *p, size_t n);
	xenforeignmemory_resource_handle *(*fm_map_resource)(xenforeignmemory_handle *h,
							     domid_t dom, unsigned type,
							     unsigned id, unsigned long frame,
							     unsigned long n, void **p, int prot,
							     int flags);
	int (*fm_unmap_resource)(xenforeignmemory_handle *h, xenforeignmemory_resource_handle *r);
	int (*fm_restrict)(xenforeignmemory_handle *h, domid_t dom);
	/* libxengnttab; NULL handle: grants cannot be mapped here */
	xengnttab_handle *(*gt_open)(struct xentoollog_logger *log, unsigned flags);
	int (*gt_close)(xengnttab_handle *h);
	void *(*gt_map)(xengnttab_handle *h, uint32_t n, uint32_t dom, uint32_t *ref, int prot);
	int (*gt_unmap)(xengnttab_handle *h, void *p, uint32_t n);
	/* libxenevtchn */
	xenevtchn_handle *(*ev_open)(struct xentoollog_logger *log, unsigned flags);
	int (*ev_close)(xenevtchn_handle *h);
	int (*ev_fd)(xenevtchn_handle *h);
	xenevtchn_port_or_error_t (*ev_bind)(xenevtchn_handle *h, uint32_t dom,
					     evtchn_port_t remote);
	int (*ev_unbind)(xenevtchn_handle *h, evtchn_port_t port);
	int (*ev_notify)(xenevtchn_handle *h, evtchn_port_t port);
	xenevtchn_port_or_error_t (*ev_pending)(xenevtchn_handle *h);
	int (*ev_unmask)(xenevtchn_handle *h, evtchn_port_t port);
	int (*ev_restrict)(xenevtchn_handle *h, domid_t dom);
	/* libxenstore; NULL handle: no xenstore here */
	struct xs_handle *(*xs_open)(unsigned long flags);
	void (*xs_close)(struct xs_handle *h);
	int (*xs_fd)(struct xs_handle *h);
	char **(*xs_directory)(struct xs_handle *h, xs_transaction_t t, const char *path,
			       unsigned *n);
	void *(*xs_read)(struct xs_handle *h, xs_transaction_t t, const char *path, unsigned *len);
	bool (*xs_write)(struct xs_handle *h, xs_transaction_t t, const char *path,
			 const void *data, unsigned len);
	bool (*xs_rm)(struct xs_handle *h, xs_transaction_t t, const char *path);
	bool (*xs_watch)(struct xs_handle *h, const char *path, const char *token);
	char **(*xs_check_watch)(struct xs_handle *h);
	bool (*xs_introduced)(struct xs_handle *h, unsigned dom);
	/* libxencall; NULL: it is not installed */
	xencall_handle *(*call_open)(struct xentoollog_logger *log, unsigned flags);
	int (*call_close)(xencall_handle *h);
	void *(*call_buffer)(xencall_handle *h, size_t bytes);
	void (*call_free)(xencall_handle *h, void *p);
	int (*call2)(xencall_handle *h, unsigned op, uint64_t a, uint64_t b);
	/* /dev/xen/privcmd */
	int (*dm_open)(void);	  /* returns: a descriptor, or -1 and errno */
	void (*dm_close)(int fd); /* frees what dm_open gave */
	/* one dm_op; more: a second buffer, or NULL. returns: 0 | -1 and errno (ESRCH: no such domain) */
	int (*dm_op)(int fd, domid_t dom, struct xen_dm_op *op, void *more, size_t len);
	int (*dm_restrict)(int fd, domid_t dom); /* that descriptor is for dom from now on */
	/* returns: 0 | -1 and errno (ENOTTY, EOPNOTSUPP: this kernel cannot) */
	int (*irqfd)(int fd, const struct xen_irqfd *arg);
	int (*ioeventfd)(int fd, const struct xen_ioeventfd *arg);
};

/*
 * xen_lib_load - look the libraries up
 * returns: the table, the same each time | NULL and a line in err: which library or device is missing, what to do
 */
const struct xen_lib *xen_lib_load(char err[256]);

#endif
