/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bare_msg_bed.h - two test devices and a chip with interrupts behind one window of plain memory, and their driver
 *
 * The driver is driver/msg.c on the other side of the same memory; the port takes a turn when a test says so.
 */
#ifndef TEST_BARE_MSG_BED_H
#define TEST_BARE_MSG_BED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "firmware/pins.c"
#include "port/bare/msgbus.h"
#include "test/support/tdev.h"
#include "test/support/world.h"
#include "vio/drv_msg.h"

#define BYTES	  0x40000u
#define SIZE	  16u
#define SIDES	  2u /* tdevs; the third device is a chip with interrupts */
#define CHIP	  2u
#define ELEMENT	  VIO_MSGWIN_ELEMENT
#define WANT	  (VIO_F_VERSION_1 | VIO_F_ACCESS_PLATFORM)
#define BELL_LINE 77u

static struct bench {
	uint8_t ram[BYTES] __attribute__((aligned(4096)));
	struct vio_mem_phys mem;
	struct vio_bare_msg bus;
	struct vio_bare_msg_dev slot[SIDES + 1u];
	struct vio_ctl_vq ctl[SIDES + 1u][2];
	struct tdev dev[SIDES];
	struct vio_gpio gpio;
	/* the driver's side */
	struct vio_msgq q;
	struct vio_drv_msg drv[SIDES + 1u];
	struct vio_dvq vq[SIDES + 1u][2];
	struct vio_dvq_slot dslot[SIDES + 1u][2][SIZE];
	uint32_t bells, used[SIDES + 1u], said;
	bool lazy; /* devices keep what they own */
} b;

static inline void on_bell(void *ctx, uint32_t said)
{
	assert_ptr_equal(ctx, &b);
	b.said = said;
	b.bells++;
}

/* Firmware begins: all that it has is the window */
static inline void port_up(void)
{
	struct vio_dev *d[] = { &b.dev[0].d, &b.dev[1].d, &b.gpio.dev };

	memset(&b.bus, 0, sizeof(b.bus));
	memset(&b.gpio, 0, sizeof(b.gpio));
	assert_int_equal(vio_bare_msg_init(&b.bus, b.ram, BYTES, on_bell, &b), VIO_OK);
	assert_int_equal(vio_mem_phys_init(&b.mem, b.bus.pool, b.bus.pool_here, b.bus.pool_bytes),
			 VIO_OK);
	assert_int_equal(tdev_init(&b.dev[0], &b.mem.m, true), VIO_OK);
	assert_int_equal(tdev_init(&b.dev[1], &b.mem.m, true), VIO_OK);
	assert_int_equal(vio_gpio_init(&b.gpio, &b.mem.m, &image_pins, NULL), VIO_OK);
	for (uint32_t i = 0u; i <= SIDES; i++) {
		assert_int_equal(vio_bare_msg_add(&b.bus, &b.slot[i], d[i], b.ctl[i], SIZE),
				 VIO_OK);
	}
	vio_bare_msg_publish(&b.bus);
}

static inline int setup(void **state)
{
	(void)state;
	memset(&b, 0, sizeof(b));
	memset(b.ram, 0xee, sizeof(b.ram)); /* what is left in memory is nobody's */
	port_up();
	return 0;
}

static inline void turns(uint32_t n)
{
	while (n-- > 0u) {
		(void)vio_bare_msg_turn(&b.bus);
		for (uint32_t i = 0u; i < SIDES && !b.lazy; i++) {
			while (b.dev[i].n > 0u) {
				tdev_complete(&b.dev[i], 0u);
			}
		}
	}
}

/* Whatever came; a response to `id` ends up in resp */
static inline bool listen(uint8_t id, uint8_t *resp)
{
	uint8_t m[ELEMENT];

	while (vio_msgq_peek(&b.q, m) == VIO_OK) {
		uint16_t num = vio_unpack16(m + VIO_MSG_DEV);

		vio_msgq_take(&b.q);
		if ((m[VIO_MSG_TYPE] & VIO_MSG_T_RESPONSE) != 0u && resp && m[VIO_MSG_ID] == id) {
			memcpy(resp, m, sizeof(m));
			return true;
		}
		b.used[num <= SIDES ? num : 0u] += m[VIO_MSG_ID] == VIO_MSG_EVENT_USED;
	}
	return false;
}

static inline int carry(void *ctx, const uint8_t *req, uint32_t len, uint8_t *resp)
{
	uint8_t id = req[VIO_MSG_ID];

	(void)ctx;
	for (int i = 0; vio_msgq_put(&b.q, req, len) == VIO_E_AGAIN; i++) {
		assert_true(i < 100);
		turns(1);
		(void)listen(id, NULL);
	}
	for (int i = 0; resp && i < 20; i++) {
		turns(1);
		if (listen(id, resp)) {
			return VIO_OK;
		}
	}
	return resp ? VIO_E_IO : VIO_OK;
}

static inline void join(void)
{
	assert_int_equal(vio_msgq_attach(&b.q, b.ram, BYTES), VIO_OK);
	for (int i = 0; b.q.phase != VIO_MSGQ_RUNNING; i++) {
		assert_true(i < 20);
		turns(1);
		(void)vio_msgq_poll(&b.q);
	}
	turns(1);
	for (uint16_t i = 0u; i <= SIDES; i++) {
		b.drv[i] = (struct vio_drv_msg){
			.carry = carry, .dev = i, .size = ELEMENT, .polls = 20u
		};
	}
}

/* Queue k of device i has its ring here, and its buffers behind it */
static inline uint32_t place(uint32_t i, uint32_t k)
{
	return b.bus.pool + (2u * i + k) * 0x4000u;
}

static inline int status(uint32_t i, uint8_t s)
{
	return vio_drv_msg_bus.set_status(&b.drv[i], s);
}

static inline void start(uint32_t i, uint64_t more)
{
	uint64_t got, area[3];

	assert_int_equal(vio_drv_probe(&vio_drv_msg_bus, &b.drv[i], WANT | more, &got), VIO_OK);
	assert_true(got == (WANT | more));
	for (uint16_t k = 0u; k < (i == CHIP ? 2u : 1u); k++) {
		struct vio_dma ring = { b.ram + place(i, k), place(i, k), 0x2000u };

		assert_int_equal(vio_dvq_init(&b.vq[i][k], SIZE, 0u, &ring, b.dslot[i][k]), VIO_OK);
		vio_dvq_areas(&b.vq[i][k], &ring, area);
		assert_int_equal(
			vio_drv_msg_bus.setup(&b.drv[i], k, SIZE, area[0], area[1], area[2]),
			VIO_OK);
	}
	assert_int_equal(status(i, 15u), VIO_OK);
}

static inline void kick(uint32_t i, uint16_t k)
{
	if (vio_dvq_need_kick(&b.vq[i][k])) {
		assert_int_equal(vio_drv_msg_bus.kick(&b.drv[i], k), VIO_OK);
	}
	turns(2);
	(void)listen(0u, NULL);
}

static inline void offer_to(uint32_t i, uint32_t serial, uint64_t to)
{
	uint32_t at = place(i, 0u) + 0x2000u + serial % 32u * 128u;
	struct vio_dma d[2] = { { b.ram + at, at, 4u }, { NULL, to ? to : at + 64u, 8u } };

	vio_pack32(d[0].p, serial);
	assert_int_equal(vio_dvq_add(&b.vq[i][0], d, 1u, 1u, &b), VIO_OK);
	kick(i, 0u);
}

static inline void finish(uint32_t i, uint32_t serial)
{
	uint32_t len = 0u;
	void *cookie;

	turns(2);
	(void)listen(0u, NULL);
	assert_int_equal(vio_dvq_get(&b.vq[i][0], &cookie, &len), VIO_OK);
	assert_int_equal(len, tdev_len(serial, 8u));
}

static inline void works(uint32_t i, uint32_t serial)
{
	offer_to(i, serial, 0u);
	finish(i, serial);
}

static inline uint8_t now(uint32_t i)
{
	return vio_dev_status(b.slot[i].msg.ctl.dev);
}

#endif
