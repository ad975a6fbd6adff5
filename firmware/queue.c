/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * queue.c - what one queue takes in RAM beside its requests, for tools/firmware; in no image
 *
 * The size of each of these is the answer: the queue itself, what the driver says about it by messages (images that
 * speak virtio-msg), its in-flight tracking (VIO_CFG_TRACK). The region of the tracking is not among them: it grows
 * with the ring, as the pool of requests grows with its depth.
 */
#include "vio/ctl.h"

extern char queue_vq[sizeof(struct vio_vq)], queue_ctl[sizeof(struct vio_ctl_vq)],
	queue_track[sizeof(struct vio_vq_track)];
char queue_vq[sizeof(struct vio_vq)], queue_ctl[sizeof(struct vio_ctl_vq)],
	queue_track[sizeof(struct vio_vq_track)];
