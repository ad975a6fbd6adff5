/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ramregs.h - virtio-mmio registers as plain memory that the driver writes and this port reads: no access ever traps
 *
 * The driver is a stock one (Linux: virtio_mmio) and believes that it talks to registers. Nothing answers it at the
 * moment of an access, so this works only where no register has to answer, which vio_ramregs_init checks:
 *
 * - one queue: QueueSel selects nothing, and QueueReady reads 0 until the driver itself writes 1;
 * - the two words of DeviceFeatures read the same. The upper one must be 3 (VERSION_1, ACCESS_PLATFORM), so the lower
 *   one is 3 too: bits 0 and 1 of the class seem to be offered in any case, and no other is. A class is sound when
 *   drivers do not take those of the two that it does not have, or that change nothing. One that is taken all the same
 *   fails the device, visibly, at DRIVER_OK;
 * - configuration never changes, and the driver does not write it: no configuration interrupt, no ConfigGeneration.
 *
 * Sound, and tried with Linux 6.12: rng (no bits), i2c (bit 0 is ZERO_LENGTH_REQUEST, which it needs), blk with one
 * queue (bit 1 is SIZE_MAX, bit 0 was a legacy bit that no driver of version 2 takes; FLUSH, SEG_MAX, MQ are withheld:
 * for a disk without a write cache). Not sound: gpio (bit 0 asks for a second queue), console, net, sound (several
 * queues), whatever resizes or reports by its configuration. Those need traps or messages.
 *
 * What such registers cannot do, and a driver must bear: FEATURES_OK and a refused queue are never taken back (the
 * device does not serve, VIO_RAMREGS_WHY says why); a reset reads as complete at once, although what a turn under way
 * still writes lands up to a turn later: inside the window, so give each device a window of its own. InterruptStatus
 * reads 1 for ever: a driver that acknowledges races with nothing, and an interrupt costs at most a look at the ring.
 *
 * This side writes only registers that a driver never reads back, once published. It marks QueueSize when it takes a
 * set-up: a driver that was reset and set up again between two polls has overwritten the mark. It marks QueueNotify
 * when it takes a notification, and looks into the ring after one only, though it could at any time: Linux's i2c-virtio
 * offers the messages of a transfer one by one, without a lock, and notifies once. A device that completes the first
 * while the next is being offered destroys the driver's lists.
 *
 * A port that starts anew under a driver that runs finds the marks and goes on from the rings.
 *
 * source: virtio 1.3, 4.2. Threads: all of it on the one executor that owns the device.
 */
#ifndef VIO_BARE_RAMREGS_H
#define VIO_BARE_RAMREGS_H

#include "vio/dev.h"

#define VIO_RAMREGS_BYTES 0x200u      /* of the register block, configuration included */
#define VIO_RAMREGS_TAKEN 0x80000000u /* in QueueSize: this set-up was taken */
#define VIO_RAMREGS_HEARD 0x80000000u /* in QueueNotify: notifications up to here were taken */
/* Where the specification has no registers: */
#define VIO_RAMREGS_WHY 0x0f0u /* enum vio_ramregs_why, for a person */
#define VIO_RAMREGS_END                                                                            \
	0x0f4u /* index of the available ring when the last notification was taken */
#define VIO_RAMREGS_NO_END 0x80000000u /* in it: not known */

enum vio_ramregs_why {
	VIO_RAMREGS_IDLE,
	VIO_RAMREGS_SERVING,
	VIO_RAMREGS_FEATURES, /* the driver took what was not offered, or lacks what is needed */
	VIO_RAMREGS_QUEUE,    /* size, alignment or addresses of the queue are impossible */
	VIO_RAMREGS_BROKEN    /* ring content; or the device model gave up */
};

struct vio_ramregs_ops {
	/* the interrupt (edge) of the driver's side; all earlier stores must be visible before it */
	void (*bell)(void *ctx);
	/* q is set up and will be enabled: the moment for vio_vq_track. resumed: by a port that started anew. May be NULL */
	void (*prepare)(void *ctx, struct vio_vq *q, bool resumed);
};

struct vio_ramregs {
	struct vio_dev *dev;
	uint8_t *regs; /* VIO_RAMREGS_BYTES, aligned to 4, not cached on either side */
	const struct vio_ramregs_ops *ops;
	void *ctx;
	/* private: */
	uint8_t state;
	bool adopt; /* the first set-up may be one that was taken before */
	bool due;   /* a turn is wanted */
};

/*
 * vio_ramregs_init - attach to d and publish it; magic comes last, so a driver that is early finds no device
 * size_max: QueueSizeMax, a power of two; no request of the device may be owned across a restart of this port unless
 *           `prepare` tracks it
 * resume: what a port before this one left in `regs` is worth something: it was the same image, its memory kept
 * returns: VIO_OK | VIO_E_ARG not aligned, size_max | VIO_E_NOTSUP this device is not sound here (see above)
 */
int vio_ramregs_init(struct vio_ramregs *r, struct vio_dev *d, void *regs, uint16_t size_max,
		     bool resume, const struct vio_ramregs_ops *ops, void *ctx);

/* vio_ramregs_poll - look at the registers and run a turn, both bounded; true: there is more to do at once */
bool vio_ramregs_poll(struct vio_ramregs *r);

#endif
