/* SPDX-License-Identifier: BSD-3-Clause */
/* t_bare_msg.c - a bus in plain memory, polled: sessions, several queues, firmware that starts anew, drivers that lie */
#include "bare_msg_bed.h"

static void many_on_one_bus(void **state)
{
	(void)state;
	assert_int_equal(vio_get32(b.ram + VIO_MSGWIN_BLOCK), VIO_MSGWIN_OK);
	vio_put32(b.ram + VIO_MSGWIN_BLOCK + VIO_MSGWIN_DRV, BELL_LINE);
	join();
	start(0, 0);
	start(1, 0);
	for (uint32_t k = 0; k < 1000u; k++) {
		uint32_t bells = b.bells;

		b.used[0] = b.used[1] = 0u;
		works(k & 1u, k);
		assert_true(b.bells > bells && b.said == BELL_LINE);
		assert_int_equal(b.used[k & 1u], 1);
		assert_int_equal(b.used[(k & 1u) ^ 1u], 0);
	}
	assert_int_equal(b.dev[0].bad + b.dev[1].bad, 0);
	assert_int_equal(vio_msg_bus_dropped(&b.bus.bus), 0);
	assert_false(vio_bare_msg_turn(&b.bus)); /* nothing to do: the firmware may sleep */
}

/* A request whose notification never comes is served a while later all the same. */
static void notification_lost(void **state)
{
	struct vio_dma d[2];
	uint32_t len, at = place(0u, 0u) + 0x2000u;
	void *cookie;

	(void)state;
	join();
	start(0, 0);
	works(0, 1u);
	d[0] = (struct vio_dma){ b.ram + at, at, 4u };
	d[1] = (struct vio_dma){ NULL, at + 64u, 8u };
	vio_pack32(d[0].p, 2u);
	assert_int_equal(vio_dvq_add(&b.vq[0][0], d, 1u, 1u, &b), VIO_OK);
	(void)vio_dvq_need_kick(&b.vq[0][0]); /* shown, not said */
	turns(VIO_BARE_MSG_LOOK + 1u);
	(void)listen(0u, NULL);
	assert_int_equal(vio_dvq_get(&b.vq[0][0], &cookie, &len), VIO_OK);
	assert_int_equal(len, tdev_len(2u, 8u));
}

/* One request of the chip's queue 0, its answer's value */
static uint8_t pin_do(uint16_t type, uint16_t line, uint32_t value)
{
	uint32_t at = place(CHIP, 0u) + 0x2000u, len;
	struct vio_dma d[2] = { { b.ram + at, at, 8u }, { b.ram + at + 64u, at + 64u, 2u } };
	void *cookie;

	vio_pack16(d[0].p, type);
	vio_pack16(d[0].p + 2, line);
	vio_pack32(d[0].p + 4, value);
	assert_int_equal(vio_dvq_add(&b.vq[CHIP][0], d, 1u, 1u, &b), VIO_OK);
	kick(CHIP, 0u);
	assert_int_equal(vio_dvq_get(&b.vq[CHIP][0], &cookie, &len), VIO_OK);
	assert_int_equal(len, 2);
	assert_int_equal(d[1].p[0], VIO_GPIO_STATUS_OK);
	return d[1].p[1];
}

/* Two queues, and a feature in bit 0: what registers in plain memory refuse */
static void chip_with_interrupts(void **state)
{
	uint32_t at, len;
	void *cookie;

	(void)state;
	join();
	start(CHIP, VIO_GPIO_F_IRQ);
	at = place(CHIP, 1u) + 0x2000u;
	(void)pin_do(VIO_GPIO_MSG_SET_DIRECTION, 2u, VIO_GPIO_DIRECTION_OUT);
	(void)pin_do(VIO_GPIO_MSG_SET_DIRECTION, 3u, VIO_GPIO_DIRECTION_IN);
	(void)pin_do(VIO_GPIO_MSG_SET_IRQ_TYPE, 3u, VIO_GPIO_IRQ_EDGE_BOTH);
	for (uint8_t level = 1u; level < 6u; level++) {
		struct vio_dma d[2] = { { b.ram + at, at, 2u },
					{ b.ram + at + 64u, at + 64u, 1u } };

		vio_pack16(d[0].p, 3u);
		assert_int_equal(vio_dvq_add(&b.vq[CHIP][1], d, 1u, 1u, &b), VIO_OK);
		kick(CHIP, 1u);
		assert_int_equal(vio_dvq_get(&b.vq[CHIP][1], &cookie, &len), VIO_E_AGAIN);
		(void)pin_do(VIO_GPIO_MSG_SET_VALUE, 2u, level & 1u);
		assert_int_equal(pin_do(VIO_GPIO_MSG_GET_VALUE, 3u, 0u), level & 1u);
		assert_int_equal(vio_dvq_get(&b.vq[CHIP][1], &cookie, &len), VIO_OK);
		assert_int_equal(d[1].p[0], VIO_GPIO_IRQ_STATUS_VALID);
	}
}

static void outside_the_pool(void **state)
{
	const uint64_t bad[] = { 0x180u, b.bus.pool - 4u, BYTES - 4u, UINT64_MAX - 3u };

	(void)state;
	join();
	for (uint32_t k = 0; k < 4u; k++) {
		start(0, 0);
		start(1, 0);
		offer_to(0, 1, bad[k]);
		assert_true((now(0) & VIO_S_NEEDS_RESET) != 0u);
		assert_int_equal(b.dev[0].n, 0);
		works(1, 5); /* its neighbour does not notice */
		assert_int_equal(status(0, 0), VIO_OK);
		assert_int_equal(status(1, 0), VIO_OK);
	}
	start(0, 0);
	works(0, 3);
}

static void access_platform_is_insisted_on(void **state)
{
	uint64_t got;

	(void)state;
	join();
	assert_int_equal(vio_drv_probe(&vio_drv_msg_bus, &b.drv[0], VIO_F_VERSION_1, &got),
			 VIO_E_NOTSUP);
	start(0, 0);
}

/* Not before nothing of the last session can write to memory any more */
static void driver_begins_anew(void **state)
{
	(void)state;
	join();
	start(0, 0);
	start(1, 0);
	b.lazy = true;
	offer_to(0, 1, 0);
	offer_to(1, 2, 0);
	assert_int_equal(b.dev[0].n + b.dev[1].n, 2);
	assert_int_equal(vio_msgq_attach(&b.q, b.ram, BYTES), VIO_OK);
	for (uint32_t i = 0; i < SIDES; i++) {
		turns(5);
		assert_int_equal(vio_msgq_poll(&b.q), VIO_MSGQ_SAME);
		tdev_complete(&b.dev[i], 0u);
	}
	turns(5);
	assert_int_equal(vio_msgq_poll(&b.q), VIO_MSGQ_UP);
	assert_int_equal(now(0) | now(1), 0);
	b.lazy = false;
	join();
	start(0, 0);
	works(0, 3);
}

static void firmware_starts_anew(void **state)
{
	(void)state;
	for (uint32_t k = 1; k < 5u; k++) {
		join();
		start(0, 0);
		start(CHIP, 0);
		works(0, k);
		b.lazy = true;
		offer_to(0, k, 0);
		b.lazy = false;
		assert_int_equal(vio_get32(b.ram + VIO_MSGWIN_BLOCK + VIO_MSGWIN_EPOCH), k);
		port_up();
		assert_int_equal(vio_msgq_poll(&b.q), VIO_MSGQ_ENDED); /* the driver is told */
	}
}

/* Messages wait where they are, events are noted at their devices; nothing is lost, and nobody waits */
static void driver_does_not_listen(void **state)
{
	uint8_t ping[12] = { VIO_MSG_T_BUS, VIO_MSG_BUS_PING, 0u, 0u, 1u, 0u, 12u };
	uint8_t resp[VIO_MSG_MAX];
	uint32_t n = 0, sent = 0;

	(void)state;
	join();
	start(0, 0);
	b.lazy = true;
	offer_to(0, 9, 0);
	for (uint32_t i = 0; i < 300u; i++) {
		sent += vio_msgq_put(&b.q, ping, sizeof(ping)) == VIO_OK;
		turns(1);
	}
	assert_int_equal(sent, 2u * (VIO_MSGWIN_ELEMENTS - 1u));
	b.lazy = false;
	turns(3);
	for (uint32_t i = 0; i < 300u; i++) {
		n += listen(VIO_MSG_BUS_PING, resp);
		turns(1);
	}
	assert_int_equal(n, sent);
	assert_int_equal(b.used[0], 1);
	finish(0, 9);
	works(0, 10);
}

/* Messages that mean nothing, as fast as they fit */
static void storm(void **state)
{
	uint8_t junk[ELEMENT];

	(void)state;
	join();
	start(0, 0);
	for (uint32_t i = 0; i < 2000u; i++) {
		uint32_t before = b.bus.received;

		for (uint32_t k = 0; k < ELEMENT; k++) {
			junk[k] = (uint8_t)world_random();
		}
		junk[VIO_MSG_SIZE] = (uint8_t)(world_random() % 80u);
		junk[VIO_MSG_SIZE + 1u] = 0u;
		junk[VIO_MSG_DEV] = (uint8_t)(world_random() % 4u);
		junk[VIO_MSG_DEV + 1u] = 0u;
		while (vio_msgq_put(&b.q, junk, sizeof(junk)) == VIO_OK) {
		}
		turns(1);
		assert_true(b.bus.received - before <= VIO_MSGWIN_ELEMENTS);
		(void)listen(0u, NULL);
	}
	assert_true(vio_msg_bus_dropped(&b.bus.bus) > 1000u);
	join();
	start(0, 0);
	works(0, 4);
}

static void corrupt_fifo(void **state)
{
	(void)state;
	join();
	start(0, 0);
	start(1, 0);
	vio_put16(b.q.my + VIO_MSGQ_QH_TAIL, 0x7777u);
	turns(3);
	assert_int_equal(vio_get16(b.q.peer + VIO_MSGQ_QH_STATUS), VIO_MSGQ_PEER_DEAD);
	assert_int_equal(now(0) | now(1), 0);
	assert_int_equal(vio_msgq_poll(&b.q), VIO_MSGQ_ENDED);
	join();
	start(0, 0);
	works(0, 2);
}

/* The other side may write anywhere at any time */
static void scribbled_over(void **state)
{
	(void)state;
	for (uint32_t round = 0; round < 30u; round++) {
		join();
		start(round & 1u, 0);
		start(CHIP, VIO_GPIO_F_IRQ);
		for (uint32_t i = 0; i < 1000u; i++) {
			uint32_t at = (world_random() & 3u) != 0u ? world_random() % 0x200u
								  : world_random() % 0x24000u;

			b.ram[at] = (uint8_t)((world_random() & 1u) != 0u ? world_random()
									  : b.ram[at] + 1u);
			turns((i & 7u) == 0u ? 1u : 0u);
		}
		port_up();
	}
	join();
	start(0, 0);
	works(0, 2);
}

static void refused(void **state)
{
	struct vio_bare_msg bus;
	struct vio_bare_msg_dev slot;

	(void)state;
	assert_int_equal(vio_bare_msg_init(&bus, b.ram + 64, BYTES - 64u, NULL, NULL), VIO_E_ARG);
	assert_int_equal(vio_bare_msg_init(&bus, b.ram, vio_msgwin_pool(), NULL, NULL), VIO_E_ARG);
	assert_int_equal(vio_bare_msg_init(&bus, b.ram, BYTES, NULL, NULL), VIO_OK);
	assert_int_equal(vio_bare_msg_add(&bus, &slot, &b.dev[0].d, b.ctl[0], 12u), VIO_E_ARG);
	assert_int_equal(vio_bare_msg_add(&bus, &slot, &b.dev[0].d, b.ctl[0], 0u), VIO_E_ARG);
	for (uint32_t i = 0; i < VIO_BARE_MSG_DEVICES; i++) {
		assert_int_equal(vio_bare_msg_add(&bus, &slot, &b.dev[0].d, b.ctl[0], 4u), VIO_OK);
	}
	assert_int_equal(vio_bare_msg_add(&bus, &slot, &b.dev[0].d, b.ctl[0], 4u), VIO_E_ARG);
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup(fn, setup)
	const struct CMUnitTest tests[] = {
		T(many_on_one_bus),
		T(notification_lost),
		T(chip_with_interrupts),
		T(outside_the_pool),
		T(access_platform_is_insisted_on),
		T(driver_begins_anew),
		T(firmware_starts_anew),
		T(driver_does_not_listen),
		T(storm),
		T(corrupt_fifo),
		T(scribbled_over),
		T(refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
