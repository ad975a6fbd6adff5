/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mmio.h - the virtio-mmio register model as a pure function, for every transport that traps accesses
 *
 * Version 2 only. The model is a port (vio_port_ops) and passes on what it cannot do itself: struct vio_mmio_ops.
 * source: virtio 1.3, 4.2
 *
 * The driver may read configuration without a trap: where the port can let it see a page at VIO_MMIO_CONFIG, it calls
 * vio_dev_config_page between vio_mmio_init and vio_mmio_restore or the first access.
 *
 * Threads: vio_mmio_access and vio_mmio_settled on the control executor, which must also be that of the queues.
 */
#ifndef VIO_MMIO_H
#define VIO_MMIO_H

#include "ctl.h"

#define VIO_MMIO_MAGIC		     0x000u /* R */
#define VIO_MMIO_VERSION	     0x004u
#define VIO_MMIO_DEVICE_ID	     0x008u
#define VIO_MMIO_VENDOR_ID	     0x00cu
#define VIO_MMIO_DEVICE_FEATURES     0x010u
#define VIO_MMIO_DEVICE_FEATURES_SEL 0x014u /* W */
#define VIO_MMIO_DRIVER_FEATURES     0x020u /* W */
#define VIO_MMIO_DRIVER_FEATURES_SEL 0x024u /* W */
#define VIO_MMIO_QUEUE_SEL	     0x030u /* W */
#define VIO_MMIO_QUEUE_SIZE_MAX	     0x034u /* R */
#define VIO_MMIO_QUEUE_SIZE	     0x038u /* W */
#define VIO_MMIO_QUEUE_READY	     0x044u /* RW */
#define VIO_MMIO_QUEUE_NOTIFY	     0x050u /* W */
#define VIO_MMIO_INTERRUPT_STATUS    0x060u /* R */
#define VIO_MMIO_INTERRUPT_ACK	     0x064u /* W */
#define VIO_MMIO_STATUS		     0x070u /* RW */
#define VIO_MMIO_QUEUE_DESC	     0x080u /* W; low, high */
#define VIO_MMIO_QUEUE_DRIVER	     0x090u
#define VIO_MMIO_QUEUE_DEVICE	     0x0a0u
#define VIO_MMIO_SHM_SEL	     0x0acu /* W */
#define VIO_MMIO_SHM_LEN	     0x0b0u /* R; low, high */
#define VIO_MMIO_SHM_BASE	     0x0b8u /* R; low, high */
#define VIO_MMIO_QUEUE_RESET	     0x0c0u /* RW */
#define VIO_MMIO_GENERATION	     0x0fcu /* R */
#define VIO_MMIO_CONFIG		     0x100u

#define VIO_MMIO_MAGIC_VALUE 0x74726976u
#define VIO_MMIO_INT_USED    1u
#define VIO_MMIO_INT_CONFIG  2u

struct vio_mmio_ops {
	/* the interrupt line; from any executor */
	void (*irq)(void *ctx, bool level);
	/* run a turn of this queue soon: the driver notified it, or its host woke it; from any thread */
	void (*run)(void *ctx, uint16_t vq);
	/*
	 * queue vq is set up and will be enabled: the moment for vio_vq_track. May be NULL
	 * resumed: by vio_mmio_restore; else what was tracked before is over
	 */
	void (*prepare)(void *ctx, uint16_t vq, bool resumed);
};

struct vio_mmio {
	struct vio_ctl ctl;
	const struct vio_mmio_ops *ops;
	void *ctx;
	uint32_t vendor; /* VendorID; the port may set it */
	uint32_t dev_sel, drv_sel, q_sel;
	uint32_t isr; /* atomic */
};

/* vio_mmio_init - attach to d; vq: d->nvq of them; transport_features: as vio_dev_attach */
void vio_mmio_init(struct vio_mmio *m, struct vio_dev *d, struct vio_ctl_vq *vq,
		   const struct vio_mmio_ops *ops, void *ctx, uint64_t transport_features);

/*
 * vio_mmio_access - one access of the driver
 * off: bytes from the start of the device; size: 1, 2, 4; write: from *val, else to *val (host integer)
 * Never crashes. What a driver must not do reads as 0 or is ignored; a write in a wrong order fails the device
 * (NEEDS_RESET).
 * returns: VIO_OK | VIO_PENDING a reset, a stop or a start of a queue is not complete: run turns, and hold the
 *          virtual CPU until vio_mmio_settled() if that is possible: some drivers do not read back
 *          | VIO_E_ARG not an access the specification allows (worth a line in a log)
 */
int vio_mmio_access(struct vio_mmio *m, uint32_t off, uint32_t size, bool write, uint32_t *val);

/*
 * What the driver has written, as struct vio_ctl_saved. InterruptStatus is not in it: both interrupts are raised again,
 * a driver bears that.
 */
struct vio_mmio_saved {
	struct vio_ctl_saved ctl;
	uint32_t dev_sel, drv_sel, q_sel;
};
/*
 * vio_mmio_save - after an access, before the driver goes on; vq: dev->nvq of them
 * Of an access that is pending: a reset counts as done, a stop of a queue as not begun; it is to be done again.
 */
void vio_mmio_save(const struct vio_mmio *m, struct vio_mmio_saved *s, struct vio_ctl_saved_vq *vq);
/*
 * vio_mmio_restore - after vio_mmio_init, on a device in reset; what was in flight is taken from ops->prepare's regions
 * returns: VIO_OK, then vio_mmio_settled as after an access | VIO_E_ARG this device cannot go on from there; it is in
 *          reset, or a reset is pending
 */
int vio_mmio_restore(struct vio_mmio *m, const struct vio_mmio_saved *s,
		     const struct vio_ctl_saved_vq *vq);

/* vio_mmio_settled - go on with what was pending; true: nothing is */
bool vio_mmio_settled(struct vio_mmio *m);

#endif
