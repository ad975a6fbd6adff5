/* SPDX-License-Identifier: BSD-3-Clause */
/* watchdog_dev.h - a watchdog on a host that counts, with time that goes on when the test says so */
#ifndef TEST_WATCHDOG_DEV_H
#define TEST_WATCHDOG_DEV_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "watchdog_bed.h"

/* ---- a host that counts ---- */

struct fake {
	struct vio_watchdog_can can;
	unsigned starts, kicks, stops, expiries;
	uint32_t timeout;
	uint8_t action;
	int rc;
	bool gone;
};

static const struct vio_watchdog_can *fake_open(void *host)
{
	struct fake *f = host;

	return f->gone ? NULL : &f->can;
}

static int fake_start(void *host, uint32_t timeout)
{
	struct fake *f = host;

	f->starts++;
	f->timeout = timeout;
	return f->rc;
}

static int fake_kick(void *host)
{
	struct fake *f = host;

	f->kicks++;
	return f->rc;
}

static void fake_stop(void *host)
{
	((struct fake *)host)->stops++;
}

static void fake_expired(void *host, uint8_t action)
{
	struct fake *f = host;

	f->expiries++;
	f->action = action;
}

static const struct vio_watchdog_host_ops fake_ops = {
	.open = fake_open,
	.start = fake_start,
	.kick = fake_kick,
	.stop = fake_stop,
	.expired = fake_expired,
};

struct bed {
	struct rig g;
	struct rig_clock clock;
	struct vio_watchdog dev;
	struct fake f;
};

static const struct vio_watchdog_rule plain = {
	.min = 100, .max = 60000, .def = 1000, .stop = true, .endure = true, .choose = true
};

static inline void bed_make(struct bed *b, const struct vio_watchdog_rule *rule, uint64_t want,
			    const struct vio_watchdog_host_ops *ops)
{
	memset(b, 0, sizeof(*b));
	rig_clock_init(&b->clock);
	b->clock.ns = 5;
	b->f.can.actions =
		1u << VIO_WATCHDOG_A_RESET | 1u << VIO_WATCHDOG_A_NONE | 1u << VIO_WATCHDOG_A_NMI;
	b->f.can.action = VIO_WATCHDOG_A_RESET;
	assert_int_equal(vio_watchdog_init(&b->dev, rig_mem(&b->g), ops, &b->f, &b->clock.c, rule),
			 VIO_OK);
	assert_int_equal(rig_start(&b->g, &b->dev.dev, want), VIO_OK);
}

static inline void bed_init(struct bed *b)
{
	bed_make(b, &plain, F_ALL, &fake_ops);
}

static inline void bed_end(struct bed *b)
{
	assert_int_equal(rig_status(&b->g) & VIO_S_NEEDS_RESET, 0);
	assert_int_equal(rig_reset(&b->g), VIO_OK);
	vio_watchdog_fini(&b->dev);
	assert_int_equal(rig_timers(&b->clock), 0);
	rig_end(&b->g);
}

/* Time goes on in steps of a millisecond, the device works whenever it wants to. */
static inline void pass(struct bed *b, uint32_t ms)
{
	for (; ms; ms--) {
		rig_pass(&b->clock, MS);
		rig_turn(&b->g);
	}
}

/* both formats of the ring; in the second one requests come in small pieces */
#define WATCHDOG_MAIN(tests, name)                                                                 \
	int main(void)                                                                             \
	{                                                                                          \
		int rc = cmocka_run_group_tests_name(name ", split", tests, NULL, NULL);           \
                                                                                                   \
		rig_packed = true;                                                                 \
		rig_piece = 6;                                                                     \
		return rc +                                                                        \
		       cmocka_run_group_tests_name(name ", packed, in pieces", tests, NULL, NULL); \
	}

#endif
