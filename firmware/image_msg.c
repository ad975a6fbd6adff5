/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * image_msg.c - entropy, I2C adapter, GPIO and, where the board has one, a disk, behind one window by virtio-msg
 *
 * Nothing is kept across a start: the driver's side begins a new session, and asks again for what was not answered.
 */
#include "image.h"
#include "port/bare/msgbus.h"

enum { RNG, I2C, GPIO, BLK, DEVICES };

static struct vio_mem_phys mem;
static struct vio_rng rng;
static struct vio_i2c i2c;
static struct vio_gpio gpio;
static struct vio_blk blk;
static struct vio_blk_queue blk_queue;
static struct vio_bare_msg_dev slot[DEVICES];
static struct vio_ctl_vq ctl[DEVICES][2]; /* gpio has two queues */
static struct vio_bare_msg bus;
static struct vio_bare bare; /* for its clock and timers */

int main(void);

static void bell(void *ctx, uint32_t said)
{
	(void)ctx;
	(void)said; /* there is one interrupt, and the board knows it */
	stratos_board_bell(stratos_board_bus.line);
}

static bool start(void)
{
	const struct vio_blk_setup disk = { .host_ops = &image_disk, .queues = 1u };
	struct vio_dev *dev[DEVICES] = { &rng.dev, &i2c.dev, &gpio.dev, &blk.dev };
	uint16_t n = BLK;
	bool ok;

	image_bus_init();
	ok = (vio_bare_msg_init(&bus, stratos_board_bus.window, stratos_board_bus.bytes, bell,
				NULL) == VIO_OK) &&
	     (vio_mem_phys_init(&mem, bus.pool, bus.pool_here, bus.pool_bytes) == VIO_OK) &&
	     (vio_rng_init(&rng, &mem.m, &image_entropy, NULL, &bare.clock, 0u) == VIO_OK) &&
	     (vio_i2c_init(&i2c, &mem.m, &image_bus, NULL) == VIO_OK) &&
	     (vio_gpio_init(&gpio, &mem.m, &image_pins, NULL) == VIO_OK);
	if (stratos_board_disk.bytes > 0u) {
		n = DEVICES;
		ok = ok && (vio_blk_init(&blk, &mem.m, &disk, &blk_queue) == VIO_OK);
	}
	for (uint16_t i = 0u; ok && (i < n); i++) {
		ok = vio_bare_msg_add(&bus, &slot[i], dev[i], ctl[i], IMAGE_QUEUE) == VIO_OK;
	}
	return ok;
}

int main(void)
{
	stratos_board_init();
	vio_bare_init(&bare, NULL, 0u, stratos_board_now);
	if (!start()) {
		stratos_board_say("not started");
		return 1;
	}
	vio_bare_msg_publish(&bus);
	stratos_board_say((stratos_board_disk.bytes > 0u) ? "serving rng i2c gpio blk"
							  : "serving rng i2c gpio");
	for (;;) {
		vio_bare_timers(&bare);
		stratos_board_turn(vio_bare_msg_turn(&bus));
	}
	return 0;
}
