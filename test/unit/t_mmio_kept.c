/* SPDX-License-Identifier: BSD-3-Clause */
/* t_mmio_kept.c - what was saved is of another device, or garbage */
#include "test/unit/mmio_keep_bed.h"

static void other_features(void **state)
{
	(void)state;
	for (uint32_t k = 0u; k < 2u; k++) {
		b.offers = VIO_F_RINGS;
		new_process();
		start(true);
		vio_mmio_save(&b.m, &b.s, b.sv);
		b.offers &= ~(k ? VIO_F_RING_PACKED : VIO_F_RING_RESET);
		new_process();
		assert_int_equal(restore(), VIO_E_ARG);
		assert_int_equal(rd(VIO_MMIO_STATUS), 0);
		assert_int_equal(rd(VIO_MMIO_QUEUE_READY), 0);
	}
}

/* Each is one change of what a running device saved. */
static void each_field(void **state)
{
	(void)state;
	for (uint32_t k = 0u; k < 14u; k++) {
		start(false);
		vio_mmio_save(&b.m, &b.s, b.sv);
		new_process();
		switch (k) {
		case 0u:
			b.s.ctl.features = 0u;
			break;
		case 1u:
			b.s.ctl.features |= 1u << 20;
			break;
		case 2u:
			b.s.ctl.features = ~0ull;
			break;
		case 3u:
			b.s.ctl.features &= ~VIO_F_VERSION_1;
			break;
		case 4u:
			b.s.ctl.status = 7u; /* DRIVER_OK without FEATURES_OK */
			break;
		case 5u:
			b.s.ctl.status = FRESH; /* a queue, and no features */
			break;
		case 6u:
			b.s.ctl.status = VIO_S_NEEDS_RESET;
			break;
		case 7u:
			b.sv[0].size = 0u;
			break;
		case 8u:
			b.sv[0].size = 15u;
			break;
		case 9u:
			b.sv[0].size = 0x10010u;
			break;
		case 10u:
			b.sv[0].size = 65536u;
			break;
		case 11u:
			b.sv[0].area[0]++;
			break;
		case 12u:
			b.sv[0].area[2]++;
			break;
		default:
			b.sv[0].ready = 2u;
			break;
		}
		if (restore() != VIO_E_ARG) {
			fail_msg("case %u was taken", (unsigned)k);
		}
		assert_int_equal(rd(VIO_MMIO_STATUS), 0);
		assert_int_equal(rd(VIO_MMIO_QUEUE_READY), 0);
		mended(true, 1u);
	}
}

/* An address where no memory is: the device fails as it does when a driver writes that. */
static void wild_areas(void **state)
{
	(void)state;
	for (uint32_t k = 0u; k < 3u; k++) {
		start(false);
		vio_mmio_save(&b.m, &b.s, b.sv);
		new_process();
		b.sv[0].area[k] = 0x7fffffff0000ull;
		assert_int_equal(restore(), VIO_OK);
		assert_int_not_equal(rd(VIO_MMIO_STATUS) & VIO_S_NEEDS_RESET, 0);
		turns();
		mended(false, 1u);
	}
}

static void scribble(void *p, size_t n)
{
	for (uint32_t k = 1u + world_random() % 4u; k > 0u; k--) {
		((uint8_t *)p)[world_random() % n] = (uint8_t)world_random();
	}
}

/* Garbage in one of the three parts, or in all of them: refused or taken, nothing breaks, a reset mends it. */
static void garbage(void **state)
{
	uint32_t taken = 0u, refused = 0u;

	(void)state;
	for (uint32_t i = 0u; i < 20000u; i++) {
		bool packed = (i & 1u) != 0u;
		int rc;

		start(packed);
		offer(1u);
		offer(2u);
		vio_mmio_save(&b.m, &b.s, b.sv);
		new_process();
		if ((i % 7u) == 0u) {
			for (size_t k = 0u; k < sizeof(b.s); k++) {
				((uint8_t *)&b.s)[k] = (uint8_t)world_random();
			}
		}
		if ((i % 7u) < 3u) {
			scribble(&b.s, sizeof(b.s));
		}
		if ((i % 7u) > 2u) {
			scribble(b.sv, sizeof(b.sv));
		}
		if ((i % 3u) > 0u) {
			scribble(region, 64u);
			scribble(region, 16u + SIZE * 32u);
		}
		rc = restore();
		assert_true((rc == VIO_OK) || (rc == VIO_E_ARG));
		*(rc == VIO_OK ? &taken : &refused) += 1u;
		for (uint32_t n = 0u; n < 8u; n++) {
			turns();
			(void)vio_mmio_settled(&b.m);
		}
		mended(!packed, 3u);
		memset(b.back, 0, sizeof(b.back));
		new_process();
	}
	assert_true((taken > 1000u) && (refused > 1000u));
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(other_features),
		T(each_field),
		T(wild_areas),
		T(garbage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
