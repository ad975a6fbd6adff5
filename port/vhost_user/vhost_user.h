/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vhost_user.h - the vhost-user port, back-end ("daemon") side: one device behind one Unix socket
 *
 * source: vhost-user protocol, docs/interop/vhost-user.rst of QEMU
 *
 * One front-end at a time: a second one waits in the socket's backlog. When a front-end vanishes or breaks the
 * protocol, its connection dies alone: queues stop, owned requests drain, the device is reset, memory is unmapped,
 * and the next front-end is accepted. Any number of devices live in one process.
 *
 * Threads: all functions and callbacks here belong to the control loop, also vhu_listen when that loop already runs.
 */
#ifndef PORT_VHOST_USER_H
#define PORT_VHOST_USER_H

#include "hosted/loop.h"
#include "vio/dev.h"

struct vhu;

struct vhu_config {
	struct vio_dev *
		dev; /* initialised, in reset, on no other port; its queues are bound. Outlives the port. */
	const char *name; /* for messages: "blk0"; copied */
	struct loop *control;
	/* dev->nvq of them, or NULL; a NULL entry means `control`. The array is copied, the loops outlive the port. */
	struct loop *const *queue_loop;
	uint32_t
		poll_us; /* us, 0 = off; else rings are polled that long before their loop sleeps */
	bool poll_thrifty; /* only where that takes no more processor time than sleeping (hosted/polling.h) */
	bool iommu; /* offer VIRTIO_F_ACCESS_PLATFORM: addresses go through the front-end's IOTLB */
	/*
	 * Everything that the device touches lies in one region that the front-end shares; more of them, or one of
	 * more than window_max bytes, are refused before they are mapped. VIRTIO_F_ACCESS_PLATFORM is offered, so
	 * that a guest keeps to the window. Not with `iommu`.
	 */
	bool window;
	uint64_t window_max; /* bytes; 0: no bound */
	bool inband; /* offer INBAND_NOTIFICATIONS; some front-ends accept it without having it */
	uint64_t
		without; /* protocol feature bits that are not offered, for front-ends with trouble */
	/*
	 * What it means that the front-end did not accept class features that the device offers; NULL, or text for the
	 * log ("interrupts do not work, QEMU from 8.0 on has them"). missing: not 0
	 */
	const char *(*feature_hint)(const struct vio_dev *dev, uint64_t missing);
	void (*gone)(
		void *arg); /* a front-end left, the device is reset; vhu_close may be called here. NULL: none */
	void (*closed)(void *arg); /* vhu_close answered VIO_PENDING and is now done. NULL: none */
	void *arg;
};

/*
 * vhu_listen - serve cfg->dev on a new socket at `path`
 * A stale socket file is replaced, one in use is not. The file is removed by vhu_close.
 * returns: NULL and a line in err[0..256) on failure: what, where, what to do
 */
struct vhu *vhu_listen(const struct vhu_config *cfg, const char *path, char err[256]);

/*
 * vhu_adopt - as vhu_listen, on an inherited socket: listening, or connected already
 * fd: ours from here on, also on failure. Connected: `gone` is called when it ends, and nothing follows.
 */
struct vhu *vhu_adopt(const struct vhu_config *cfg, int fd, char err[256]);

/*
 * vhu_close - cut off the front-end, reset the device, free everything
 * returns: VIO_OK v is gone | VIO_PENDING requests are owned: `closed` follows, the loops must go on running
 */
int vhu_close(struct vhu *v);

#endif
