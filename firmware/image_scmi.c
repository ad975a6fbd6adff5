/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * image_scmi.c - clocks, sensors, resets, power, performance, regulators and pins for the machine beside, by SCMI
 * over virtio-msg, behind one window
 */
#include "firmware/image.h"
#include "firmware/platform.h"
#include "port/bare/msgbus.h"

static struct vio_mem_phys mem;
static struct vio_scmi scmi;
static struct vio_bare_msg_dev slot;
static struct vio_ctl_vq ctl[2];
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
	return (vio_bare_msg_init(&bus, stratos_board_bus.window, stratos_board_bus.bytes, bell,
				  NULL) == VIO_OK) &&
	       (vio_mem_phys_init(&mem, bus.pool, bus.pool_here, bus.pool_bytes) == VIO_OK) &&
	       (vio_scmi_init(&scmi, &mem.m, &image_platform, NULL, &bare.clock) == VIO_OK) &&
	       (vio_bare_msg_add(&bus, &slot, &scmi.dev, ctl, IMAGE_QUEUE) == VIO_OK);
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
	stratos_board_say("serving scmi");
	for (;;) {
		vio_bare_timers(&bare);
		stratos_board_turn(vio_bare_msg_turn(&bus));
	}
	return 0;
}
