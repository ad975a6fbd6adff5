/* SPDX-License-Identifier: BSD-3-Clause */
/* image.h - what images are put together from: devices on a board's places, and hosts that need no operating system */
#ifndef STRATOS_IMAGE_H
#define STRATOS_IMAGE_H

#include "port/bare/bare.h"
#include "port/bare/phys.h"
#include "firmware/stratos_board.h"
#include "vio/blk.h"
#include "vio/gpio.h"
#include "vio/i2c.h"
#include "vio/rng.h"

#define IMAGE_QUEUE 16u	       /* entries of each queue */
#define IMAGE_TRACK (64u * 6u) /* bytes; as vio_vq_track_bytes(IMAGE_QUEUE, false) */

/* image.c */

/* A device on a place. Zeroed, `which` set. */
struct image_slot {
	struct vio_mem_phys mem;
	const struct stratos_place *place;
	uint8_t *
		track; /* what start-up does not clear, IMAGE_TRACK bytes, aligned to 8; NULL: none */
	struct vio_vq_track tracking;
};
/* image_window - the window of a place as memory for a device's init; NULL: the board's table is wrong */
struct vio_mem *image_window(struct image_slot *s, enum stratos_device which);
/* image_publish - put an initialised device behind registers; false: it is not sound there */
bool image_publish(struct image_slot *s, struct vio_ramregs *r, struct vio_dev *d,
		   const struct vio_ramregs_ops *ops);
/* image_bell - vio_ramregs_ops.bell for a context of struct image_slot */
void image_bell(void *ctx);
/* image_serve - for ever */
void image_serve(struct vio_bare *b);

/* Hosts: tables, and `host` arguments where they have state */
extern const struct vio_rng_host_ops image_entropy; /* entropy.c; the board's, host: NULL */
extern const struct vio_i2c_host_ops image_bus;	    /* bus.c; simulated, host: NULL */
void image_bus_init(void);
extern const struct vio_gpio_host_ops image_pins; /* pins.c; simulated, host: NULL */
extern const struct vio_blk_host_ops image_disk;  /* disk.c; the board's, host: NULL */

#endif
