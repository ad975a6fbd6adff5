/* SPDX-License-Identifier: BSD-3-Clause */
/* t_state.c - queues that stop, move, and start again: what the driver may and may not see meanwhile */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "test/support/matrix.h"
#include "vio/spec/ring.h"

static struct mrig r;

static void up(enum world_kind kind, uint32_t c, bool async)
{
	r.packed = (c & 1u) != 0u;
	r.event_idx = (c & 2u) != 0u;
	r.in_order = (c & 4u) != 0u;
	r.indirect = (c & 8u) != 0u;
	r.size = r.packed ? 37u : 64u;
	assert_true(mrig_up(&r, kind, async));
}

static void fine(void)
{
	if (r.why != NULL) {
		fail_msg("%s (%u back, %u offered)", r.why, (unsigned)r.done, (unsigned)r.serial);
	}
}

/* Some traffic; requests stay open on both sides */
static void traffic(uint32_t n)
{
	for (uint32_t i = 0u; i < n; i++) {
		mrig_offer(&r, world_random() % 7u);
		mrig_turn(&r);
		tdev_complete_some(&r.dev);
		mrig_turn(&r);
		mrig_take(&r);
	}
}

static int disable(struct vio_vq_state *s)
{
	int rc = vio_vq_disable(&r.dev.vq, s);

	for (uint32_t i = 0u; (rc == VIO_PENDING) && (i < 10000u); i++) {
		tdev_complete_some(&r.dev);
		rc = vio_vq_disable(&r.dev.vq, s);
	}
	return rc;
}

/* Saved, the queue wiped as in a new process, restored: nothing is lost, nothing comes twice */
static void save_restore(void **state)
{
	(void)state;
	for (uint32_t c = 0u; c < 16u; c++) {
		up(WORLD_FULL, c, true);
		for (uint32_t round = 0u; round < 100u; round++) {
			struct vio_vq_state s;
			uint64_t area[3];

			traffic(6u);
			mrig_offer(&r, 4u); /* offered, not yet seen */
			memcpy(area, r.dev.vq.area_addr, sizeof(area));
			assert_int_equal(disable(&s), VIO_OK);
			assert_int_equal(r.dev.n, 0);
			assert_int_equal(world_held(&r.w), 0);
			VIO_VQ_BIND(&r.dev.vq, &r.dev.d, 0u, &r.dev.store, TDEV_POOL, TDEV_SEGS);
			assert_int_equal(vio_vq_setup(&r.dev.vq, r.size, area[0], area[1], area[2]),
					 VIO_OK);
			assert_int_equal(vio_vq_enable(&r.dev.vq, &s), VIO_OK);
			assert_int_equal(vio_vq_enable(&r.dev.vq, &s), VIO_E_ARG);
			lb_run_all(&r.lb);
		}
		assert_true(mrig_drain(&r));
		mrig_down(&r);
		fine();
		assert_true(r.done > 500u);
	}
}

static void impossible_state(void **state)
{
	struct vio_vq_state s = { .avail = 37u, .used = 0u, .avail_wrap = true, .used_wrap = true };
	uint64_t area[3];

	(void)state;
	up(WORLD_FULL, 1u, false);
	memcpy(area, r.dev.vq.area_addr, sizeof(area));
	assert_int_equal(disable(NULL), VIO_OK);
	assert_int_equal(vio_vq_enable(&r.dev.vq, &s), VIO_E_ARG);
	s.avail = 0u;
	s.used = 37u;
	assert_int_equal(vio_vq_enable(&r.dev.vq, &s), VIO_E_ARG);
	assert_int_equal(vio_vq_setup(&r.dev.vq, 0u, area[0], area[1], area[2]), VIO_E_ARG);
	assert_int_equal(vio_vq_setup(&r.dev.vq, 37u, area[0] + 8u, area[1], area[2]), VIO_E_RING);
	mrig_down(&r);
	fine();
}

/* From the moment of the reset the ring does not change, whatever completes */
static void reset_is_silent(void **state)
{
	static uint8_t before[0x18000];

	(void)state;
	for (uint32_t c = 0u; c < 16u; c++) {
		int rc;
		uint32_t signals;

		up(WORLD_FULL, c, true);
		traffic(20u);
		while (r.dev.n == 0u) {
			mrig_offer(&r, 3u);
			mrig_turn(&r);
		}
		rc = vio_vq_reset(&r.dev.vq);
		assert_int_equal(rc, VIO_PENDING);
		memcpy(before, r.w.g, sizeof(before));
		signals = r.lb.signals[0];
		for (uint32_t i = 0u; (rc == VIO_PENDING) && (i < 10000u); i++) {
			tdev_complete_some(&r.dev);
			(void)lb_turn(&r.lb);
			rc = vio_vq_reset(&r.dev.vq);
		}
		assert_int_equal(rc, VIO_OK);
		assert_memory_equal(before, r.w.g, sizeof(before));
		assert_int_equal(signals, r.lb.signals[0]);
		assert_int_equal(r.dev.vq.size, 0);
		assert_false(r.dev.vq.enabled);
		assert_int_equal(world_held(&r.w), 0);
		assert_true(mrig_queue_up(&r));
		traffic(50u);
		assert_true(mrig_drain(&r));
		mrig_down(&r);
		fine();
	}
}

/*
 * The table is swapped under traffic, to the same bytes at another place. Once the change is drained nothing that the
 * device holds may point to the old place.
 */
static void swap_under_traffic(void **state)
{
	static uint8_t *places[2];
	static struct vio_region tables[2];
	uint32_t waited = 0u;

	(void)state;
	for (uint32_t c = 0u; c < 16u; c++) {
		uint32_t now = 0u, pending = 0u, swaps = 0u;
		bool draining = false;

		up(WORLD_FULL, c, true);
		places[0] = r.w.g;
		places[1] = r.w.alias;
		for (uint32_t i = 0u; i < 2u; i++) {
			tables[i] = (struct vio_region){ WORLD_BASE, WORLD_BYTES, places[i] };
		}
		for (uint32_t i = 0u; i < 3000u; i++) {
			traffic(1u);
			fine();
			if (!draining && ((world_random() % 8u) == 0u)) {
				assert_int_equal(vio_mem_change(r.w.mem), VIO_OK);
				now ^= 1u;
				assert_int_equal(vio_mem_full_swap(&r.w.full, &tables[now], 1u),
						 VIO_OK);
				lb_run_all(&r.lb);
				(void)lb_turn(&r.lb);
				draining = true;
				swaps++;
			}
			if (draining && !vio_mem_drained(r.w.mem)) {
				pending++;
				/* a second change has to wait for the first */
				assert_int_equal(vio_mem_change(r.w.mem), VIO_PENDING);
			} else if (draining) {
				const struct vio_vq *q = &r.dev.vq;
				const uint8_t *old = places[now ^ 1u];

				draining = false;
				assert_false((q->desc >= old) && (q->desc < (old + WORLD_BYTES)));
				for (uint16_t k = 0u; k < r.dev.n; k++) {
					const struct vio_sgl *l = &r.dev.own[k]->r.sgl;

					for (uint16_t s = 0u; s < (l->n_out + l->n_in); s++) {
						assert_false((l->seg[s].p >= old) &&
							     (l->seg[s].p < (old + WORLD_BYTES)));
					}
				}
			}
		}
		assert_true(swaps > 50u);
		waited += pending;
		assert_true(mrig_drain(&r));
		mrig_down(&r);
		fine();
	}
	assert_true(waited > 100u); /* the test is about requests that are held meanwhile */
}

/* Device reset while requests are owned: pending, non-zero status, then complete and empty */
static void device_reset(void **state)
{
	(void)state;
	for (int kind = 0; kind < WORLD_KINDS; kind++) {
		for (uint32_t c = 0u; c < 16u; c++) {
			int rc;

			up((enum world_kind)kind, c, true);
			traffic(20u);
			for (uint32_t i = 0u; (r.dev.n == 0u) && (i < 1000u); i++) {
				mrig_offer(&r, 3u);
				mrig_turn(&r);
			}
			assert_int_not_equal(r.dev.n, 0);
			rc = vio_dev_set_status(&r.dev.d, 0u);
			assert_int_equal(rc, VIO_PENDING);
			assert_int_not_equal(vio_dev_status(&r.dev.d), 0);
			assert_int_equal(vio_dev_set_status(&r.dev.d, 1u), VIO_E_ARG);
			while (r.dev.n > 0u) {
				tdev_complete(&r.dev, 0u);
			}
			lb_run_all(&r.lb);
			(void)lb_turn(&r.lb);
			assert_int_equal(vio_dev_status(&r.dev.d), 0);
			assert_int_equal(world_held(&r.w), 0);
			assert_true(mrig_start(&r));
			traffic(20u);
			assert_true(mrig_drain(&r));
			mrig_down(&r);
			fine();
		}
	}
}

/* What the guest offers before DRIVER_OK is not taken, and not lost */
static void before_driver_ok(void **state)
{
	(void)state;
	up(WORLD_FULL, 0u, true);
	assert_int_equal(lb_bus.set_status(&r.lb, 0u), VIO_OK);
	assert_int_equal(vio_dev_set_status(&r.dev.d, 3u), VIO_OK);
	assert_int_equal(vio_dev_set_status(&r.dev.d, 7u), VIO_E_ARG);
	assert_int_equal(vio_dev_accept(&r.dev.d, VIO_F_VERSION_1 | VIO_F_RING_RESET), VIO_OK);
	assert_int_equal(vio_dev_set_status(&r.dev.d, 11u), VIO_OK);
	assert_true(mrig_queue_up(&r));
	mrig_offer(&r, 3u);
	lb_run_all(&r.lb);
	(void)lb_turn(&r.lb);
	assert_int_equal(r.dev.n, 0);
	assert_int_equal(lb_bus.set_status(&r.lb, 15u), VIO_OK);
	(void)lb_turn(&r.lb);
	assert_int_equal(r.dev.n, 3);
	assert_true(mrig_drain(&r));
	mrig_down(&r);
	fine();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(save_restore),	   cmocka_unit_test(impossible_state),
		cmocka_unit_test(reset_is_silent), cmocka_unit_test(swap_under_traffic),
		cmocka_unit_test(device_reset),	   cmocka_unit_test(before_driver_ok),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
