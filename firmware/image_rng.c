/* SPDX-License-Identifier: BSD-3-Clause */
/* image_rng.c - the smallest image: one entropy device */
#include "image.h"

int main(void);

int main(void)
{
	static const struct vio_ramregs_ops ops = { .bell = image_bell };
	static struct image_slot slot;
	static struct vio_rng rng;
	static struct vio_ramregs regs;
	static struct vio_bare bare;

	stratos_board_init();
	vio_bare_init(&bare, &regs, 1u, stratos_board_now);
	if ((vio_rng_init(&rng, image_window(&slot, STRATOS_RNG), &image_entropy, NULL, &bare.clock,
			  0u) != VIO_OK) ||
	    !image_publish(&slot, &regs, &rng.dev, &ops)) {
		stratos_board_say("rng: not started");
		return 1;
	}
	stratos_board_say("serving rng");
	image_serve(&bare);
	return 0;
}
