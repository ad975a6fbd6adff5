/* SPDX-License-Identifier: BSD-3-Clause */
/* image.c - a device on a place of the board, and the loop */
#include "image.h"

struct vio_mem *image_window(struct image_slot *s, enum stratos_device which)
{
	const struct stratos_place *p = &stratos_board_place[which];

	s->place = p;
	return (vio_mem_phys_init(&s->mem, p->window, p->window_here, p->window_bytes) == VIO_OK)
		       ? &s->mem.m
		       : NULL;
}

void image_bell(void *ctx)
{
	const struct image_slot *s = ctx;

	stratos_board_bell(s->place->line);
}

bool image_publish(struct image_slot *s, struct vio_ramregs *r, struct vio_dev *d,
		   const struct vio_ramregs_ops *ops)
{
	return vio_ramregs_init(r, d, s->place->regs, IMAGE_QUEUE, stratos_board_warm(), ops, s) ==
	       VIO_OK;
}

void image_serve(struct vio_bare *b)
{
	for (;;) {
		stratos_board_turn(vio_bare_turn(b));
	}
}
