/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * xen.h - the Xen port: devices of one process for guests of this machine's Xen
 *
 * A device belongs to one guest, named by its domain's name or number. It waits until a toolstack (xl, libxl, libvirt)
 * makes a node for it in xenstore, answers the toolstack, and serves; when the guest ends it is reset and waits for the
 * next domain of that name. Without a toolstack (dom0less) address and interrupt are given, and there is no xenstore.
 *
 * The guest sees virtio-mmio registers through an ioreq server, one for each guest. Its memory: port/xen/mem.h.
 *
 * Threads: everything belongs to the loop given, which is also that of the devices' queues.
 */
#ifndef PORT_XEN_XEN_H
#define PORT_XEN_XEN_H

#include "hosted/loop.h"
#include "vio/dev.h"

struct xen;
struct xen_dev;
struct xen_lib;

struct xen_config {
	struct loop *loop;
	const struct xen_lib *lib; /* NULL: the installed libraries */
	/*
	 * Folder for what outlives the process: with it, a restarted program goes on where the last one was, and a guest
	 * only waits meanwhile. Made if it is not there; kept as a pointer. NULL: guests have to be started anew.
	 */
	const char *state_dir;
	uint32_t cache_mib; /* bound on what stays mapped of each guest; 0: nothing does */
	/*
	 * Let the kernel answer notifications (Linux 6.7). Only where this process is never killed: the kernel goes on
	 * with memory that is no more (port/xen/fast.c). Without effect where the kernel cannot, which the log says.
	 */
	bool ioeventfd;
	/*
	 * For a process that gives up its rights: after xen_added, once each device serves a guest, `settled` is called.
	 * From then on nothing of Xen is opened; a device whose guest ends is closed, as by xen_dev_close. NULL: for ever.
	 */
	void (*settled)(void *arg);
	void *arg;
};

/*
 * xen_open - connect to Xen and, if there is one, to xenstore
 * returns: NULL and a line in err: what is missing, what to do
 */
struct xen *xen_open(const struct xen_config *cfg, char err[256]);
/* xen_close - no device is left */
void xen_close(struct xen *x);

struct xen_dev_config {
	struct vio_dev *dev; /* as vhu_config.dev */
	const char *name;    /* for messages; copied */
	const char *domain;  /* name or number; copied */
	/*
	 * Which node of the guest is meant: "virtio/0", "virtio_disk/51712" (kind and device number), copied; NULL: the
	 * first that no other device has and whose type is this device's, else the first without a type.
	 */
	const char *node;
	uint64_t
		base; /* with irq: these registers, without xenstore; the domain is a number then */
	uint32_t irq; /* GIC interrupt number, 32 and up; 0: from xenstore */
	/*
	 * with irq, where base is at 0xf00 of a page: the guest reads configuration in the next page without a trap, if
	 * Xen gives it one; features by which it could write configuration are then not offered
	 */
	bool page;
	bool grants;		   /* with irq: the guest's device tree says that grants are used */
	void (*closed)(void *arg); /* xen_dev_close answered VIO_PENDING and is now done */
	void *arg;
};

/* xen_dev_add - returns: NULL and a line in err */
struct xen_dev *xen_dev_add(struct xen *x, const struct xen_dev_config *cfg, char err[256]);
/* xen_added - all devices of this process are added */
void xen_added(struct xen *x);
/* xen_report - what each guest cost so far, to the log */
void xen_report(const struct xen *x);
/*
 * xen_dev_close - stop serving, free it
 * returns: VIO_OK | VIO_PENDING requests are owned: `closed` follows, the loop must go on
 */
int xen_dev_close(struct xen_dev *d);

#endif
