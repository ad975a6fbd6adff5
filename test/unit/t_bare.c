/* SPDX-License-Identifier: BSD-3-Clause */
/* t_bare.c - registers in plain memory: drivers that behave, a port that begins again, timers */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "bare_bed.h"

/* ---- drivers that behave ---- */

static void serves(void **state)
{
	uint32_t id;

	(void)state;
	assert_int_equal(vio_drv_mmio_check(&b.drv, &id), VIO_OK);
	assert_int_equal(id, b.dev.d.ops->id);
	start();
	for (uint32_t i = 0u; i < 100u; i++) {
		works(2u * i);
	}
	assert_int_equal(vio_drv_mmio_interrupt(&b.drv), VIO_MMIO_INT_USED);
	assert_int_equal(rd(VIO_MMIO_INTERRUPT_STATUS), VIO_MMIO_INT_USED); /* for ever */
}

/* The port was busy elsewhere for the whole initialization. */
static void polled_late(void **state)
{
	(void)state;
	b.eager = false;
	start();
	offer(1u);
	kick();
	polls();
	assert_int_equal(b.dev.n, 1);
	complete_all();
	assert_int_equal(take(), 1);
}

/* Linux writes the upper word of its features first, so that the lower one is left. */
static void words_as_linux(void **state)
{
	static const struct {
		uint32_t low;
		enum vio_ramregs_why why;
	} row[] = { { 0u, VIO_RAMREGS_SERVING },
		    { 1u, VIO_RAMREGS_FEATURES },
		    { 2u, VIO_RAMREGS_FEATURES },
		    { 0x10000000u, VIO_RAMREGS_FEATURES } };

	(void)state;
	for (uint32_t i = 0u; i < sizeof(row) / sizeof(row[0]); i++) {
		wr(VIO_MMIO_STATUS, 0u);
		wr(VIO_MMIO_STATUS, 3u);
		assert_int_equal(rd(VIO_MMIO_DEVICE_FEATURES), 3);
		wr(VIO_MMIO_DRIVER_FEATURES_SEL, 1u);
		wr(VIO_MMIO_DRIVER_FEATURES, 3u);
		wr(VIO_MMIO_DRIVER_FEATURES_SEL, 0u);
		wr(VIO_MMIO_DRIVER_FEATURES, row[i].low);
		wr(VIO_MMIO_STATUS, 11u);
		wr(VIO_MMIO_QUEUE_READY, 0u);
		queue_up();
		wr(VIO_MMIO_STATUS, STATUS_UP);
		assert_int_equal(rd(VIO_RAMREGS_WHY), row[i].why);
		wr(VIO_MMIO_QUEUE_READY, 0u);
	}
}

/* A driver that offers several requests before it notifies is not met half way. */
static void waits_for_the_kick(void **state)
{
	(void)state;
	start();
	offer(1u);
	(void)vio_dvq_need_kick(&b.q); /* shown in the ring */
	polls();
	assert_int_equal(b.dev.n, 0);
	offer(2u);
	kick();
	assert_int_equal(b.dev.n, 2);
	offer(3u);
	(void)vio_dvq_need_kick(&b.q);
	complete_all(); /* the turns that completions cause look at the ring, as they must */
	assert_true(take() >= 2u);
}

/* Also the first time. */
static void waits_for_the_first_kick(void **state)
{
	(void)state;
	b.eager = false;
	start();
	offer(1u);
	(void)vio_dvq_need_kick(&b.q);
	polls();
	assert_int_equal(b.dev.n, 0);
	assert_int_equal(vio_drv_mmio_bus.kick(&b.drv, 0u), VIO_OK);
	polls();
	assert_int_equal(b.dev.n, 1);
	complete_all();
	assert_int_equal(take(), 1);
}

/* DRIVER_OK goes and comes back on the same rings: what they hold is not begun from the start. */
static void flicker(void **state)
{
	(void)state;
	start();
	works(1u);
	wr(VIO_MMIO_STATUS, 11u);
	wr(VIO_MMIO_STATUS, STATUS_UP);
	assert_int_equal(rd(VIO_RAMREGS_WHY), VIO_RAMREGS_IDLE);
	wr(VIO_MMIO_QUEUE_NOTIFY, 0u);
	assert_int_equal(b.dev.n, 0);
}

static void again(bool eager)
{
	start();
	works(1u);
	offer(3u);
	kick();
	polls();
	assert_int_equal(b.dev.n, 1); /* owned while the driver goes */
	b.eager = eager;
	assert_int_equal(vio_drv_mmio_bus.set_status(&b.drv, 0u), VIO_OK);
	wr(VIO_MMIO_QUEUE_READY, 0u);
	start();
	offer(4u);
	kick();
	b.eager = true;
	polls();
	assert_int_equal(b.dev.own[0]->serial, 3);
	complete_all(); /* drained */
	polls();
	assert_int_equal(b.dev.n, 1);
	assert_int_equal(b.dev.own[0]->serial, 4);
	complete_all();
	assert_int_equal(take(), 1);
	works(5u);
}

static void driver_again(void **state)
{
	(void)state;
	again(true);
}

/* Reset and set up again between two polls, the rings at the same place. */
static void driver_again_unseen(void **state)
{
	(void)state;
	again(false);
}

/* ---- the port begins again ---- */

static void port_again(bool tracked)
{
	b.tracked = tracked;
	start();
	works(1u);
	offer(3u);
	offer(4u);
	kick();
	polls();
	tdev_complete(&b.dev, 0u);
	polls();
	assert_int_equal(b.dev.n, 1);
	port(true); /* one is shown, one was owned */
	polls();
	assert_int_equal(b.dev.n, 1);
	assert_int_equal(b.dev.own[0]->serial, 4);
	assert_true(b.dev.own[0]->r.again == tracked);
	complete_all();
	assert_int_equal(take(), 2);
	works(5u);
	port(true); /* nothing is under way: nothing is looked at before a notification */
	offer(7u);
	(void)vio_dvq_need_kick(&b.q);
	polls();
	assert_int_equal(b.dev.n, 0);
	offer(8u);
	kick();
	complete_all();
	assert_int_equal(take(), 2);
}

static void port_begins_again(void **state)
{
	(void)state;
	port_again(false);
}

static void port_begins_again_tracked(void **state)
{
	(void)state;
	port_again(true);
}

/* The notification came while nobody was there. */
static void kicked_meanwhile(void **state)
{
	(void)state;
	start();
	b.eager = false;
	offer(1u);
	kick();
	port(true);
	polls();
	assert_int_equal(b.dev.n, 1);
	complete_all();
	assert_int_equal(take(), 1);
}

/* Memory was not kept, or belongs to another device: a driver must come anew. */
static void port_without_memory(void **state)
{
	(void)state;
	start();
	works(1u);
	port(false);
	assert_int_equal(rd(VIO_MMIO_STATUS), 0);
	assert_int_equal(rd(VIO_MMIO_QUEUE_READY), 0);
	polls();
	start();
	works(3u);
	vio_put32((uint8_t *)b.regs + VIO_MMIO_DEVICE_ID, 99u);
	port(true);
	assert_int_equal(rd(VIO_MMIO_STATUS), 0);
}

/* ---- timers ---- */

static struct {
	struct vio_timer t[3];
	uint32_t fired[3];
} timers;

static void on_fire(struct vio_timer *t)
{
	uint32_t i = (uint32_t)(t - timers.t);

	t->at = 0u;
	timers.fired[i]++;
	if (i == 0u) {
		b.bare.clock.set(&b.bare.clock, t, b.now); /* at once again */
		b.bare.clock.set(&b.bare.clock, &timers.t[1], 0u);
	}
}

static void clock_fires(void **state)
{
	struct vio_clock *c = &b.bare.clock;

	(void)state;
	memset(&timers, 0, sizeof(timers));
	for (uint32_t i = 0u; i < 3u; i++) {
		timers.t[i].fire = on_fire;
	}
	b.now = 100u;
	c->set(c, &timers.t[1], 150u);
	c->set(c, &timers.t[0], 150u); /* before it in the list: cancels it */
	c->set(c, &timers.t[2], 200u);
	c->set(c, &timers.t[2], 160u); /* moved */
	(void)vio_bare_turn(&b.bare);
	assert_int_equal(timers.fired[0] + timers.fired[1] + timers.fired[2], 0);
	b.now = 170u;
	(void)vio_bare_turn(&b.bare);
	assert_true(timers.fired[0] >= 1u &&
		    timers.fired[0] <= 3u); /* bounded, although always due */
	assert_int_equal(timers.fired[1], 0);
	b.now = 300u;
	(void)vio_bare_turn(&b.bare);
	assert_int_equal(timers.fired[2], 1);
}

#define T(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(serves),
		T(polled_late),
		T(words_as_linux),
		T(waits_for_the_kick),
		T(waits_for_the_first_kick),
		T(flicker),
		T(driver_again),
		T(driver_again_unseen),
		T(port_begins_again),
		T(port_begins_again_tracked),
		T(kicked_meanwhile),
		T(port_without_memory),
		T(clock_fires),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
