/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * t_bare_race.c - registers in plain memory: a driver that comes anew between any two accesses of the port
 *
 * The port is preempted, as a virtual processor is, and meanwhile the driver is unbound and bound again, with its rings
 * elsewhere, and notifies once; the port may go on for some accesses between two of its steps. Each test begins that
 * before each access in turn; the new driver is to be served each time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "vio/dev.h"

static void access_comes(void);

static uint32_t get32(const void *p)
{
	access_comes();
	return vio_get32(p);
}

static uint32_t get32_acq(const void *p)
{
	access_comes();
	return vio_get32_acq(p);
}

static void put32(void *p, uint32_t v)
{
	access_comes();
	vio_put32(p, v);
}

/* The port itself, with its accesses led through here. The last name is one of the bed's as well. */
#define vio_get32     get32
#define vio_get32_acq get32_acq
#define vio_put32     put32
#define queue_up      port_queue_up
#include "port/bare/ramregs.c"
#undef vio_get32
#undef vio_get32_acq
#undef vio_put32
#undef queue_up

#include "bare_bed.h"

#define ELSEWHERE 0x8000u
#define STEPS	  4u
#define NEVER	  UINT32_MAX

static uint32_t accesses, step;
/* Steps before `split` come before access `from`, the others `gap` accesses later. */
static uint32_t from, split, gap;

static void set_up_ring(uint32_t off, uint64_t at)
{
	wr(off, (uint32_t)at);
	wr(off + 4u, (uint32_t)(at >> 32));
}

/* Not by the driver's own set-up, which cannot be interrupted here; but in its order */
static void next_step(void)
{
	struct vio_dma ring = { .p = b.ram + ELSEWHERE, .addr = BASE + ELSEWHERE, .len = RING };
	uint64_t got;

	switch (step++) {
	case 0:
		assert_int_equal(vio_drv_mmio_bus.set_status(&b.drv, 0u), VIO_OK);
		wr(VIO_MMIO_QUEUE_READY, 0u);
		assert_int_equal(vio_drv_probe(&vio_drv_mmio_bus, &b.drv,
					       VIO_F_VERSION_1 | VIO_F_ACCESS_PLATFORM, &got),
				 VIO_OK);
		break;
	case 1:
		wr(VIO_MMIO_QUEUE_SIZE, SIZE);
		break;
	case 2:
		memset(ring.p, 0, ring.len);
		assert_int_equal(vio_dvq_init(&b.q, SIZE, 0u, &ring, b.slot), VIO_OK);
		vio_dvq_areas(&b.q, &ring, b.area);
		set_up_ring(VIO_MMIO_QUEUE_DESC, b.area[0]);
		set_up_ring(VIO_MMIO_QUEUE_DRIVER, b.area[1]);
		set_up_ring(VIO_MMIO_QUEUE_DEVICE, b.area[2]);
		wr(VIO_MMIO_QUEUE_READY, 1u);
		assert_int_equal(vio_drv_mmio_bus.set_status(&b.drv, STATUS_UP), VIO_OK);
		break;
	default:
		offer(50u);
		kick();
		break;
	}
}

static void access_comes(void)
{
	accesses++;
	while ((from != NEVER) && (step < STEPS) &&
	       (accesses >= (from + ((step < split) ? 0u : gap)))) {
		next_step();
	}
}

/* before: what the first driver had done when the port was polled; returns: false once `at` is behind all accesses */
static bool come_anew_at(uint32_t at, void (*before)(void))
{
	void *state = NULL;

	from = NEVER;
	assert_int_equal(setup(&state), 0);
	b.eager = false;
	before();
	from = at;
	accesses = 0u;
	step = 0u;
	for (uint32_t n = 0u; n < 3u; n++) {
		(void)vio_bare_turn(&b.bare);
	}
	from = NEVER;
	if (step == 0u) {
		return false;
	}
	while (step < STEPS) {
		next_step();
	}
	for (uint32_t n = 0u; n < 3u; n++) {
		polls();
		if ((b.dev.n > 0u) && (b.dev.own[0]->serial == 50u)) {
			break;
		}
		complete_all(); /* of the first driver */
	}
	if ((b.dev.n != 1u) || (b.dev.own[0]->serial != 50u)) {
		fail_msg("before access %u, step %u %u later: the notification was lost (why %u)",
			 at, split, gap, rd(VIO_RAMREGS_WHY));
	}
	complete_all();
	assert_int_equal(take(), 1);
	works(60u);
	return true;
}

static void anywhere(void (*before)(void))
{
	for (uint32_t n = 0u; n < (16u * (STEPS - 1u)); n++) {
		uint32_t at = 1u;

		gap = n / (STEPS - 1u);
		split = 1u + n % (STEPS - 1u);
		while (come_anew_at(at, before)) {
			at++;
		}
		assert_true(at > 10u);
	}
}

static void idle(void)
{
	start();
	polls();
	works(1u);
}

static void notified(void)
{
	idle();
	offer(3u);
	kick();
}

static void not_seen_yet(void)
{
	start();
}

static void not_seen_and_notified(void)
{
	start();
	offer(3u);
	kick();
}

static void while_idle(void **state)
{
	(void)state;
	anywhere(idle);
}

static void while_notified(void **state)
{
	(void)state;
	anywhere(notified);
}

static void while_taken(void **state)
{
	(void)state;
	anywhere(not_seen_yet);
	anywhere(not_seen_and_notified);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(while_idle),
		cmocka_unit_test(while_notified),
		cmocka_unit_test(while_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
