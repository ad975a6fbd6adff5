/* SPDX-License-Identifier: BSD-3-Clause */
/* ring.h - wire layout of virtqueues (virtio 1.3, 2.7 and 2.8) and of the in-flight region (vhost-user) */
#ifndef VIO_SPEC_RING_H
#define VIO_SPEC_RING_H

#include "vio/base.h"

#define VIO_DESC_BYTES                                                                             \
	16u /* split: addr 8, len 4, flags 2, next 2; packed: addr 8, len 4, id 2, flags 2 */
#define VIO_DESC_F_NEXT	    1u
#define VIO_DESC_F_WRITE    2u
#define VIO_DESC_F_INDIRECT 4u
#define VIO_DESC_F_AVAIL    0x80u
#define VIO_DESC_F_USED	    0x8000u

/* split driver area: flags 2, idx 2, ring[size] 2, used_event 2. Device area: flags 2, idx 2, ring[size] 8, avail_event 2 */
#define VIO_AVAIL_F_NO_INTERRUPT 1u
#define VIO_USED_F_NO_NOTIFY	 1u

/* packed event suppression, both areas: off_wrap 2, flags 2 */
#define VIO_EVENT_ENABLE  0u
#define VIO_EVENT_DISABLE 1u
#define VIO_EVENT_DESC	  2u

/*
 * In-flight region of one queue: vhost-user, "Inflight I/O tracking". Host byte order; read again by the process
 * that follows this one, so every field is checked before it is used.
 */
struct vio_track_sdesc {
	uint8_t inflight, pad[5];
	uint16_t next;
	uint64_t counter;
};
struct vio_track_split {
	uint64_t features;
	uint16_t version, desc_num, last_batch_head, used_idx;
	struct vio_track_sdesc desc[];
};
struct vio_track_pdesc {
	uint8_t inflight, pad;
	uint16_t next, last, num;
	uint64_t counter;
	uint16_t id, flags;
	uint32_t len;
	uint64_t addr;
};
struct vio_track_packed {
	uint64_t features;
	uint16_t version, desc_num, free_head, old_free_head, used_idx, old_used_idx;
	uint8_t used_wrap_counter, old_used_wrap_counter, pad[7];
	struct vio_track_pdesc desc[];
};
VIO_ASSERT_SIZE(struct vio_track_sdesc, 16);
VIO_ASSERT_SIZE(struct vio_track_split, 16);
VIO_ASSERT_SIZE(struct vio_track_pdesc, 32);
VIO_ASSERT_SIZE(struct vio_track_packed, 32);

#endif
