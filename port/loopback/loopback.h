/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * loopback.h - a port that joins a device and its driver in one process
 *
 * For tests, the demo and firmware self-tests. Freestanding, no storage but struct lb. Nothing runs by itself: a
 * kick or a wake only marks the queue, lb_turn() runs what is marked. Memory is whatever both sides see.
 *
 * Threads: lb_turn and the bus verbs run on one thread; wake may come from any (vio_vq_wake).
 */
#ifndef LOOPBACK_H
#define LOOPBACK_H

#include "vio/drv.h"

#define LB_VQ_MAX 64u
#define LB_PASSES 100000u /* bound of every loop: passes over the queues */

struct lb {
	struct vio_dev *dev;
	void (*idle)(
		void *arg); /* or NULL. A verb waits for the device: complete host work, answer a miss */
	void *arg;
	uint8_t due[LB_VQ_MAX];	     /* atomic: a turn is wanted */
	uint32_t signals[LB_VQ_MAX]; /* used-buffer notifications so far */
	bool signalled[LB_VQ_MAX];   /* one came; the driver clears it */
	uint32_t kicks[LB_VQ_MAX];
	uint32_t configs; /* configuration notifications so far, NEEDS_RESET included */
};

/*
 * lb_init - join; transport_features: part of VIO_F_RINGS, or all of it
 * returns: VIO_OK | VIO_E_ARG the device has more than LB_VQ_MAX queues
 */
int lb_init(struct lb *l, struct vio_dev *d, uint64_t transport_features);

/*
 * lb_turn - run marked queues until all are quiet, and arm them
 * returns: VIO_OK quiet | VIO_PENDING still busy after LB_PASSES passes
 *          | VIO_E_AGAIN quiet, but a queue waits for memory: answer the miss, lb_run_all, lb_turn
 */
int lb_turn(struct lb *l);

/* lb_run_all - mark every queue: after a memory change, an IOTLB update, or host work that woke nobody */
void lb_run_all(struct lb *l);

/* The driver's way to the device; bus: struct lb. Verbs that must wait call idle; VIO_E_AGAIN when that does not help. */
extern const struct vio_bus_ops lb_bus;

#endif
