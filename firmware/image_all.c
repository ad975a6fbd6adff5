/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * image_all.c - entropy, I2C adapter and, where the board has one, a disk
 *
 * What a device had begun when the image was ended is known to the next start: the requests in flight are kept in
 * memory that start-up does not clear. Such an I2C transfer fails, for it may have happened; a read or write of the
 * disk is done again.
 */
#include <string.h>
#include "image.h"

static uint8_t kept[STRATOS_DEVICES][IMAGE_TRACK] __attribute__((section(".noinit"), aligned(8)));
static struct image_slot slot[STRATOS_DEVICES];
static struct vio_rng rng;
static struct vio_i2c i2c;
static struct vio_blk blk;
static struct vio_blk_queue blk_queue;
static struct vio_ramregs regs[STRATOS_DEVICES];
static struct vio_bare bare;
static uint16_t n; /* devices that the board has places for */

int main(void);

static void prepare(void *ctx, struct vio_vq *q, bool resumed)
{
	struct image_slot *s = ctx;

	if (!resumed) {
		(void)memset(s->track, 0, IMAGE_TRACK);
	}
	(void)vio_vq_track(q, &s->tracking, s->track, IMAGE_TRACK);
}

static const struct vio_ramregs_ops ops = { .bell = image_bell, .prepare = prepare };

static struct vio_mem *window(enum stratos_device which)
{
	slot[which].track = kept[which];
	return image_window(&slot[which], which);
}

static bool start(void)
{
	const struct vio_blk_setup disk = { .host_ops = &image_disk, .queues = 1u };
	struct vio_dev *dev[STRATOS_DEVICES] = { &rng.dev, &i2c.dev, &blk.dev };
	bool ok;

	image_bus_init();
	ok = (vio_rng_init(&rng, window(STRATOS_RNG), &image_entropy, NULL, &bare.clock, 0u) ==
	      VIO_OK) &&
	     (vio_i2c_init(&i2c, window(STRATOS_I2C), &image_bus, NULL) == VIO_OK);
	if (stratos_board_disk.bytes > 0u) {
		n = STRATOS_DEVICES;
		ok = ok && (vio_blk_init(&blk, window(STRATOS_BLK), &disk, &blk_queue) == VIO_OK);
	}
	for (uint16_t i = 0u; ok && (i < n); i++) {
		ok = image_publish(&slot[i], &regs[i], dev[i], &ops);
	}
	return ok;
}

int main(void)
{
	stratos_board_init();
	n = STRATOS_BLK;
	vio_bare_init(&bare, regs, 0u, stratos_board_now);
	if (!start()) {
		stratos_board_say("not started");
		return 1;
	}
	bare.n = n;
	stratos_board_say((n > STRATOS_BLK) ? "serving rng i2c blk" : "serving rng i2c");
	image_serve(&bare);
	return 0;
}
