/* SPDX-License-Identifier: BSD-3-Clause */
/* t_mmio_keep.c - a device goes on where an earlier process ended: registers, interrupts, requests in flight */
#include "test/unit/mmio_keep_bed.h"

/* Whoever is interrupted in the middle of the set-up goes on with it. */
static void each_status(void **state)
{
	(void)state;
	for (uint32_t k = 0u; k < 12u; k++) {
		bool packed = (k & 1u) != 0u;
		uint32_t step = k / 2u;

		teardown(NULL);
		setup(NULL);
		if (step >= 1u) {
			assert_int_equal(wr(VIO_MMIO_STATUS, FRESH), VIO_OK);
			assert_int_equal(vio_drv_mmio_bus.accept(&b.drv, wanted(packed)), VIO_OK);
		}
		if (step >= 2u) {
			assert_int_equal(wr(VIO_MMIO_STATUS, READY), VIO_OK);
			queue_areas(packed);
			assert_int_equal(wr(VIO_MMIO_QUEUE_SEL, 0u), VIO_OK);
			assert_int_equal(wr(VIO_MMIO_QUEUE_SIZE, SIZE), VIO_OK);
		}
		for (uint32_t a = 0u; (step >= 3u) && (a < 3u); a++) {
			uint32_t off = VIO_MMIO_QUEUE_DESC + 16u * a;

			assert_int_equal(wr(off, (uint32_t)b.area[a]), VIO_OK);
			assert_int_equal(wr(off + 4u, (uint32_t)(b.area[a] >> 32)), VIO_OK);
		}
		if (step >= 4u) {
			assert_int_equal(wr(VIO_MMIO_QUEUE_READY, 1u), VIO_OK);
		}
		if (step >= 5u) {
			assert_int_equal(wr(VIO_MMIO_STATUS, 15u), VIO_OK);
		}
		die();
		assert_int_equal(restore(), VIO_OK);
		assert_true(vio_mmio_settled(&b.m));
		assert_int_equal(b.resumed, step >= 4u);
		assert_int_equal(rd(VIO_MMIO_STATUS), step == 0u   ? 0u
						      : step == 1u ? FRESH
						      : step < 5u  ? READY
								   : 15u);
		assert_int_equal(rd(VIO_MMIO_QUEUE_READY), step >= 4u);
		if (step == 0u) {
			start(packed);
		} else if (step == 1u) {
			assert_int_equal(wr(VIO_MMIO_STATUS, READY), VIO_OK);
			assert_int_equal(rd(VIO_MMIO_STATUS), READY);
			queue_up(packed);
		} else if (step == 2u) {
			queue_up(packed);
		} else {
			assert_int_equal(wr(VIO_MMIO_QUEUE_READY, 1u), VIO_OK);
		}
		assert_int_equal(wr(VIO_MMIO_STATUS, 15u), VIO_OK);
		assert_int_equal(rd(VIO_MMIO_STATUS), 15);
		works(1u);
	}
}

static void selectors(void **state)
{
	(void)state;
	assert_int_equal(wr(VIO_MMIO_STATUS, FRESH), VIO_OK);
	assert_int_equal(wr(VIO_MMIO_DEVICE_FEATURES_SEL, 1u), VIO_OK);
	assert_int_equal(wr(VIO_MMIO_DRIVER_FEATURES_SEL, 1u), VIO_OK);
	assert_int_equal(wr(VIO_MMIO_QUEUE_SEL, 7u), VIO_OK);
	die();
	assert_int_equal(restore(), VIO_OK);
	assert_true(rd(VIO_MMIO_DEVICE_FEATURES) == (uint32_t)(b.dev.d.offered >> 32));
	assert_int_equal(rd(VIO_MMIO_QUEUE_SIZE_MAX), 0); /* of queue 7 */
	assert_int_equal(wr(VIO_MMIO_DRIVER_FEATURES, 1u), VIO_OK);
	assert_int_equal(wr(VIO_MMIO_STATUS, READY), VIO_OK);
	assert_int_equal(rd(VIO_MMIO_STATUS), READY); /* it was VERSION_1 that was accepted */
}

/* A feature above bit 63 was accepted before: it is refused by the next process too. */
static void feature_beyond(void **state)
{
	(void)state;
	assert_int_equal(wr(VIO_MMIO_STATUS, FRESH), VIO_OK);
	assert_int_equal(vio_drv_mmio_bus.accept(&b.drv, VIO_F_VERSION_1), VIO_OK);
	assert_int_equal(wr(VIO_MMIO_DRIVER_FEATURES_SEL, 2u), VIO_OK);
	assert_int_equal(wr(VIO_MMIO_DRIVER_FEATURES, 1u), VIO_OK);
	die();
	assert_int_equal(restore(), VIO_OK);
	assert_int_equal(wr(VIO_MMIO_STATUS, READY), VIO_OK);
	assert_int_equal(rd(VIO_MMIO_STATUS), FRESH);
}

static void failed_stays_failed(void **state)
{
	static const uint32_t status[] = { 0u, FRESH, READY, 15u, 15u | VIO_S_FAILED };

	(void)state;
	for (size_t i = 0; i < sizeof(status) / sizeof(status[0]); i++) {
		teardown(NULL);
		setup(NULL);
		if (status[i] >= READY) {
			start(false);
		}
		if (status[i] != 0u) {
			(void)wr(VIO_MMIO_STATUS, status[i] | rd(VIO_MMIO_STATUS));
		}
		vio_dev_fail(&b.dev.d);
		die();
		assert_int_equal(restore(), VIO_OK);
		assert_int_not_equal(rd(VIO_MMIO_STATUS) & VIO_S_NEEDS_RESET, 0);
		assert_int_equal(rd(VIO_MMIO_STATUS) & status[i], status[i]);
		assert_true(b.level); /* the driver is told again */
		mended(true, 1u);
	}
}

/* Whether the last interrupts were seen is not known: both come again, but only to a driver that expects them. */
static void interrupts(void **state)
{
	(void)state;
	negotiate(false);
	queue_up(false);
	die();
	assert_int_equal(restore(), VIO_OK);
	assert_false(b.level);
	assert_int_equal(rd(VIO_MMIO_INTERRUPT_STATUS), 0);
	assert_int_equal(wr(VIO_MMIO_STATUS, 15u), VIO_OK);
	die();
	assert_int_equal(restore(), VIO_OK);
	assert_true(b.level);
	assert_int_equal(rd(VIO_MMIO_INTERRUPT_STATUS), 3);
	assert_int_equal(wr(VIO_MMIO_INTERRUPT_ACK, 3u), VIO_OK);
	assert_false(b.level);
}

/* A driver that is reading configuration space now must not take half of it from each process. */
static void generation(void **state)
{
	uint32_t before;

	(void)state;
	start(false);
	for (uint32_t i = 0u; i < 5u; i++) {
		vio_dev_config_changed(&b.dev.d);
	}
	before = rd(VIO_MMIO_GENERATION);
	die();
	assert_int_equal(restore(), VIO_OK);
	assert_int_not_equal(rd(VIO_MMIO_GENERATION), before);
	assert_true(rd(VIO_MMIO_GENERATION) > 5u); /* nor what it was at any earlier moment */
}

/* ---- requests ---- */

/* Some are done, some are owned, some were not seen yet: each comes back once, over five processes. */
static void in_flight(void **state)
{
	(void)state;
	for (uint32_t packed = 0u; packed < 2u; packed++) {
		uint32_t next = 1u, n = 0u;

		memset(b.back, 0, sizeof(b.back));
		start(packed != 0u);
		for (uint32_t life = 0u; life < 5u; life++) {
			uint16_t had;

			for (uint32_t i = 0u; i < 2u; i++) {
				offer(next++);
			}
			tdev_complete(&b.dev, (uint16_t)(life & 1u));
			turns();
			if ((life & 1u) != 0u) {
				n += take(); /* else they are in the used ring when it dies */
			}
			had = b.dev.n;
			assert_true(had > 0u);
			die();
			assert_int_equal(restore(), VIO_OK);
			assert_int_equal(b.resumed, packed * 5u + life + 1u);
			turns();
			assert_int_equal(b.dev.n, had);
			for (uint16_t i = 0u; i < had; i++) {
				assert_true(b.dev.own[i]->r.again);
			}
		}
		complete_all();
		n += take();
		assert_int_equal(n, next - 1u);
		assert_int_equal(b.dev.bad, 0);
		assert_int_equal(wr(VIO_MMIO_STATUS, 0u), VIO_OK);
		assert_int_equal(world_held(&b.w), 0);
	}
}

/* A reset that nobody saw complete is done by the next process, when the access is done again. */
static void dies_in_a_reset(void **state)
{
	static const struct {
		uint32_t off, val;
	} last[] = { { VIO_MMIO_STATUS, 0u },
		     { VIO_MMIO_QUEUE_RESET, 1u },
		     { VIO_MMIO_QUEUE_READY, 0u } };

	(void)state;
	for (uint32_t k = 0u; k < 6u; k++) {
		bool packed = (k & 1u) != 0u;
		uint32_t off = last[k / 2u].off, val = last[k / 2u].val;

		start(packed);
		offer(1u);
		offer(2u);
		assert_int_equal(wr(off, val), VIO_PENDING);
		die();
		assert_int_equal(restore(), VIO_OK);
		turns();
		(void)wr(off, val);
		if (off == VIO_MMIO_QUEUE_READY) { /* what is owned comes back first */
			assert_int_equal(b.dev.n, 2);
			complete_all();
			assert_int_equal(take(), 2);
		}
		assert_int_equal(b.dev.n, 0);
		assert_true(vio_mmio_settled(&b.m));
		assert_int_equal(rd(VIO_MMIO_STATUS), (off == VIO_MMIO_STATUS) ? 0 : 15);
		assert_int_equal(rd(VIO_MMIO_QUEUE_READY), 0);
		if (off != VIO_MMIO_STATUS) {
			queue_up(packed);
			works(3u);
		}
		mended(!packed, 4u);
		memset(b.back, 0, sizeof(b.back));
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(each_status), T(selectors),  T(feature_beyond), T(failed_stays_failed),
		T(interrupts),	T(generation), T(in_flight),	  T(dies_in_a_reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
