/* SPDX-License-Identifier: BSD-3-Clause */
/* t_mmio.c - the virtio-mmio register model: with a driver that behaves, and with accesses that do not */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "test/support/tdev.h"
#include "test/support/world.h"
#include "vio/drv_mmio.h"
#include "vio/mmio.h"

static const uint8_t config_bytes[12] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 };

static struct bench {
	struct world w;
	struct tdev dev;
	struct vio_dev_ops ops; /* tdev's, with a configuration space */
	uint8_t config[12];
	struct vio_mmio m;
	struct vio_ctl_vq vq[1];
	struct vio_drv_mmio drv;
	struct vio_dvq q;
	struct vio_dvq_slot slot[16];
	uint64_t area[3];
	bool level;
	uint32_t runs;
} b;

static void on_irq(void *ctx, bool level)
{
	(void)ctx;
	b.level = level;
}

static void on_run(void *ctx, uint16_t vq)
{
	(void)ctx;
	(void)vq;
	b.runs++;
}

static const struct vio_mmio_ops ops = { .irq = on_irq, .run = on_run };

static void turns(void)
{
	while (b.runs > 0u) {
		b.runs = 0u;
		if ((vio_vq_run(&b.dev.vq) == VIO_PENDING) || vio_vq_arm(&b.dev.vq)) {
			b.runs = 1u;
		}
	}
}

static uint32_t drv_read(void *ctx, uint32_t off, uint32_t size)
{
	uint32_t v = 0xdeadbeefu;

	(void)ctx;
	if (b.dev.n > 0u) {
		tdev_complete(&b.dev, 0u); /* time passes */
		turns();
	}
	assert_int_equal(vio_mmio_access(&b.m, off, size, false, &v), VIO_OK);
	return v;
}

static void drv_write(void *ctx, uint32_t off, uint32_t size, uint32_t val)
{
	(void)ctx;
	assert_true(vio_mmio_access(&b.m, off, size, true, &val) >= 0);
}

static int config_write(struct vio_dev *d, uint32_t off, const uint8_t *src, uint32_t len)
{
	memcpy(d->config + off, src, len);
	return VIO_OK;
}

static uint32_t rd(uint32_t off)
{
	uint32_t v = 0u;

	(void)vio_mmio_access(&b.m, off, 4u, false, &v);
	return v;
}

static int wr(uint32_t off, uint32_t v)
{
	return vio_mmio_access(&b.m, off, 4u, true, &v);
}

static int setup(void **state)
{
	(void)state;
	memset(&b, 0, sizeof(b));
	assert_true(world_open(&b.w, WORLD_FULL));
	assert_int_equal(tdev_init(&b.dev, b.w.mem, true), VIO_OK);
	b.ops = *b.dev.d.ops;
	b.ops.config_len = sizeof(b.config);
	b.ops.config_write = config_write;
	b.dev.d.ops = &b.ops;
	b.dev.d.config = b.config;
	memcpy(b.config, config_bytes, sizeof(b.config));
	vio_mmio_init(&b.m, &b.dev.d, b.vq, &ops, NULL, VIO_F_RINGS);
	b.drv = (struct vio_drv_mmio){ .read = drv_read, .write = drv_write, .polls = 100u };
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	world_close(&b.w);
	return 0;
}

static void queue_up(bool packed)
{
	struct vio_dma ring = { .p = b.w.g, .addr = WORLD_BASE, .len = WORLD_RING };

	assert_int_equal(vio_dvq_init(&b.q, 16u, packed ? VIO_DVQ_PACKED : 0u, &ring, b.slot),
			 VIO_OK);
	vio_dvq_areas(&b.q, &ring, b.area);
	assert_int_equal(vio_drv_mmio_bus.setup(&b.drv, 0u, 16u, b.area[0], b.area[1], b.area[2]),
			 VIO_OK);
}

static void start(bool packed)
{
	uint64_t want = VIO_F_VERSION_1 | VIO_F_RING_RESET | (packed ? VIO_F_RING_PACKED : 0u), got;

	assert_int_equal(vio_drv_probe(&vio_drv_mmio_bus, &b.drv, want, &got), VIO_OK);
	assert_true(got == want);
	queue_up(packed);
	assert_int_equal(vio_drv_mmio_bus.set_status(&b.drv, 15u), VIO_OK);
	assert_int_equal(rd(VIO_MMIO_STATUS), 15);
}

static void offer(uint32_t serial)
{
	struct vio_dma d[2] = { { b.w.g + WORLD_RING, WORLD_BASE + WORLD_RING, 4u },
				{ b.w.g + WORLD_RING + 64u, WORLD_BASE + WORLD_RING + 64u, 8u } };

	vio_pack32(d[0].p, serial);
	assert_int_equal(vio_dvq_add(&b.q, d, 1u, 1u, &b), VIO_OK);
	if (vio_dvq_need_kick(&b.q)) {
		assert_int_equal(vio_drv_mmio_bus.kick(&b.drv, 0u), VIO_OK);
	}
	turns();
}

static void a_request(void **state)
{
	for (int packed = 0; packed < 2; packed++) {
		void *cookie;
		uint32_t id, len;

		(void)state;
		assert_int_equal(vio_drv_mmio_check(&b.drv, &id), VIO_OK);
		assert_int_equal(id, 42);
		start(packed != 0);
		offer(9u);
		assert_int_equal(b.dev.n, 1);
		assert_false(b.level);
		tdev_complete(&b.dev, 0u);
		turns();
		assert_true(b.level);
		assert_int_equal(wr(VIO_MMIO_INTERRUPT_ACK, VIO_MMIO_INT_CONFIG), VIO_OK);
		assert_true(b.level); /* not what was asked for */
		assert_int_equal(vio_drv_mmio_interrupt(&b.drv), VIO_MMIO_INT_USED);
		assert_false(b.level);
		assert_int_equal(vio_dvq_get(&b.q, &cookie, &len), VIO_OK);
		assert_int_equal(len, tdev_len(9u, 8u));
		assert_int_equal(vio_drv_mmio_bus.set_status(&b.drv, 0u), VIO_OK);
		assert_int_equal(rd(VIO_MMIO_QUEUE_READY), 0);
		assert_int_equal(world_held(&b.w), 0);
	}
}

static void reset_is_pending(void **state)
{
	(void)state;
	start(false);
	offer(1u);
	vio_dev_config_changed(&b.dev.d);
	assert_true(b.level);
	assert_int_equal(wr(VIO_MMIO_STATUS, 0u), VIO_PENDING);
	assert_false(b.level);
	assert_int_equal(rd(VIO_MMIO_INTERRUPT_STATUS), 0);
	assert_int_not_equal(rd(VIO_MMIO_STATUS), 0);
	assert_false(vio_mmio_settled(&b.m));
	assert_int_equal(wr(VIO_MMIO_STATUS, 1u), VIO_E_ARG); /* too early: ignored, and no fault */
	assert_int_equal(rd(VIO_MMIO_STATUS) & VIO_S_NEEDS_RESET, 0);
	tdev_complete(&b.dev, 0u);
	turns();
	assert_int_equal(rd(VIO_MMIO_STATUS), 0);
	assert_true(vio_mmio_settled(&b.m));
	start(true);
}

static void queue_reset(void **state)
{
	(void)state;
	start(true);
	offer(1u);
	assert_int_equal(wr(VIO_MMIO_QUEUE_RESET, 1u), VIO_PENDING);
	assert_int_equal(rd(VIO_MMIO_QUEUE_RESET), 1);
	assert_false(vio_mmio_settled(&b.m));
	tdev_complete(&b.dev, 0u);
	assert_int_equal(rd(VIO_MMIO_QUEUE_RESET), 0);
	assert_int_equal(rd(VIO_MMIO_QUEUE_READY), 0);
	queue_up(true);
	assert_int_equal(rd(VIO_MMIO_QUEUE_READY), 1);
	offer(2u);
	assert_int_equal(b.dev.n, 1);
	assert_int_equal(vio_drv_mmio_bus.reset_vq(&b.drv, 0u), VIO_OK);
	queue_up(true);
	offer(3u);
	assert_int_equal(wr(VIO_MMIO_QUEUE_READY, 0u), VIO_PENDING);
	tdev_complete(&b.dev, 0u);
	assert_int_equal(rd(VIO_MMIO_QUEUE_READY), 0);
	assert_int_equal(rd(VIO_MMIO_STATUS), 15);
}

static void configuration(void **state)
{
	uint8_t got[12];
	uint32_t v, gen;

	(void)state;
	for (uint32_t len = 1u; len <= 12u; len++) {
		for (uint32_t off = 0u; (off + len) <= 12u; off++) {
			assert_int_equal(vio_drv_mmio_bus.config_read(&b.drv, off, got, len),
					 VIO_OK);
			assert_memory_equal(got, config_bytes + off, len);
		}
	}
	assert_int_equal(vio_mmio_access(&b.m, 0x102u, 2u, false, &v), VIO_OK);
	assert_int_equal(v, 0x0403);
	assert_int_equal(vio_mmio_access(&b.m, 0x10bu, 4u, false, &v),
			 VIO_OK); /* over the end: zeros */
	assert_int_equal(v, 12);
	assert_int_equal(vio_mmio_access(&b.m, 0x10cu, 1u, false, &v), VIO_E_ARG);
	assert_int_equal(v, 0);
	v = 0xaabbccddu;
	assert_int_equal(vio_mmio_access(&b.m, 0x10bu, 2u, true, &v), VIO_E_ARG);
	assert_memory_equal(b.config, config_bytes, 12u);
	assert_int_equal(vio_mmio_access(&b.m, 0x10au, 2u, true, &v), VIO_OK);
	assert_int_equal(b.config[10], 0xdd);
	assert_int_equal(b.config[11], 0xcc);
	gen = rd(VIO_MMIO_GENERATION);
	vio_dev_config_changed(&b.dev.d);
	assert_int_not_equal(rd(VIO_MMIO_GENERATION), gen);
	assert_int_equal(rd(VIO_MMIO_INTERRUPT_STATUS), VIO_MMIO_INT_CONFIG);
}

static void registers(void **state)
{
	(void)state;
	assert_int_equal(rd(VIO_MMIO_MAGIC), 0x74726976);
	assert_int_equal(rd(VIO_MMIO_VERSION), 2);
	for (uint32_t off = VIO_MMIO_SHM_LEN; off <= (VIO_MMIO_SHM_BASE + 4u); off += 4u) {
		assert_true(rd(off) == 0xffffffffu);
	}
	assert_int_equal(wr(VIO_MMIO_DEVICE_FEATURES_SEL, 2u), VIO_OK);
	assert_int_equal(rd(VIO_MMIO_DEVICE_FEATURES), 0);
	assert_int_not_equal(rd(VIO_MMIO_QUEUE_SIZE_MAX), 0);
	assert_int_equal(wr(VIO_MMIO_QUEUE_SEL, 1u), VIO_OK);
	assert_int_equal(rd(VIO_MMIO_QUEUE_SIZE_MAX), 0); /* there is no such queue */
	assert_int_equal(wr(VIO_MMIO_QUEUE_READY, 1u), VIO_E_ARG);
	assert_int_equal(rd(VIO_MMIO_STATUS), 0);
}

static void feature_that_was_not_offered(void **state)
{
	(void)state;
	assert_int_equal(wr(VIO_MMIO_STATUS, 3u), VIO_OK);
	assert_int_equal(vio_drv_mmio_bus.accept(&b.drv, VIO_F_VERSION_1 | 1u), VIO_OK);
	assert_int_equal(wr(VIO_MMIO_STATUS, 11u), VIO_OK);
	assert_int_equal(rd(VIO_MMIO_STATUS), 3); /* FEATURES_OK did not stay */
	assert_int_equal(vio_drv_mmio_bus.accept(&b.drv, VIO_F_VERSION_1), VIO_OK);
	assert_int_equal(wr(VIO_MMIO_DRIVER_FEATURES_SEL, 2u), VIO_OK);
	assert_int_equal(wr(VIO_MMIO_DRIVER_FEATURES, 1u), VIO_OK);
	assert_int_equal(wr(VIO_MMIO_STATUS, 11u), VIO_OK);
	assert_int_equal(rd(VIO_MMIO_STATUS), 3);
}

/* What is withheld is not offered, and cannot be taken */
static void feature_that_is_withheld(void **state)
{
	(void)state;
	assert_int_equal(wr(VIO_MMIO_DEVICE_FEATURES_SEL, 1u), VIO_OK);
	assert_true((((uint64_t)rd(VIO_MMIO_DEVICE_FEATURES) << 32) & VIO_F_RING_PACKED) != 0u);
	b.dev.d.withheld = VIO_F_RING_PACKED;
	vio_mmio_init(&b.m, &b.dev.d, b.vq, &ops, NULL, VIO_F_RINGS);
	assert_int_equal(wr(VIO_MMIO_DEVICE_FEATURES_SEL, 1u), VIO_OK);
	assert_true((((uint64_t)rd(VIO_MMIO_DEVICE_FEATURES) << 32) & VIO_F_RING_PACKED) == 0u);
	assert_true((rd(VIO_MMIO_DEVICE_FEATURES) & 1u) != 0u); /* VERSION_1 stays */
	assert_int_equal(wr(VIO_MMIO_STATUS, 3u), VIO_OK);
	assert_int_equal(vio_drv_mmio_bus.accept(&b.drv, VIO_F_VERSION_1 | VIO_F_RING_PACKED),
			 VIO_OK);
	assert_int_equal(wr(VIO_MMIO_STATUS, 11u), VIO_OK);
	assert_int_equal(rd(VIO_MMIO_STATUS), 3);
}

/* Each is done to a running device, or to one that has negotiated; each makes it fail, and a reset mends it */
static void wrong_order(void **state)
{
	static const struct {
		const char *what;
		bool running;
		uint32_t off, val;
	} t[] = {
		{ "ready without a set-up", false, VIO_MMIO_QUEUE_READY, 1u },
		{ "size of a ready queue", true, VIO_MMIO_QUEUE_SIZE, 8u },
		{ "address of a ready queue", true, VIO_MMIO_QUEUE_DEVICE + 4u, 1u },
		{ "features after FEATURES_OK", true, VIO_MMIO_DRIVER_FEATURES, 0u },
		{ "a status bit taken back", true, VIO_MMIO_STATUS, 7u },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		uint64_t got;

		if (t[i].running) {
			start(false);
		} else {
			assert_int_equal(
				vio_drv_probe(&vio_drv_mmio_bus, &b.drv, VIO_F_VERSION_1, &got),
				VIO_OK);
		}
		assert_int_equal(wr(t[i].off, t[i].val), VIO_E_ARG);
		if ((rd(VIO_MMIO_STATUS) & VIO_S_NEEDS_RESET) == 0u) {
			fail_msg("tolerated: %s", t[i].what);
		}
		assert_true(b.level);
		assert_int_equal(vio_drv_mmio_bus.set_status(&b.drv, 0u), VIO_OK);
		assert_int_equal(rd(VIO_MMIO_STATUS), 0);
	}
	/* a ring that is not in memory, a size that cannot be */
	for (uint32_t k = 0u; k < 3u; k++) {
		uint64_t got;

		assert_int_equal(vio_drv_probe(&vio_drv_mmio_bus, &b.drv, VIO_F_VERSION_1, &got),
				 VIO_OK);
		(void)wr(VIO_MMIO_QUEUE_SIZE, (k == 0u) ? 0x10010u : (k == 1u) ? 3u : 16u);
		(void)wr(VIO_MMIO_QUEUE_DESC, (k == 2u) ? 0x1000u : (uint32_t)WORLD_BASE);
		(void)wr(VIO_MMIO_QUEUE_DRIVER, (uint32_t)WORLD_BASE + 0x1000u);
		(void)wr(VIO_MMIO_QUEUE_DEVICE, (uint32_t)WORLD_BASE + 0x2000u);
		(void)wr(VIO_MMIO_QUEUE_READY, 1u);
		assert_int_equal(rd(VIO_MMIO_QUEUE_READY), 0);
		assert_int_not_equal(rd(VIO_MMIO_STATUS) & VIO_S_NEEDS_RESET, 0);
		assert_int_equal(vio_drv_mmio_bus.set_status(&b.drv, 0u), VIO_OK);
	}
}

/* Any access of any size anywhere, to a device in any state */
static void anything(void **state)
{
	(void)state;
	for (uint32_t i = 0u; i < 300000u; i++) {
		uint32_t off = world_random() % 0x110u, size = 1u << (world_random() % 4u),
			 v = world_random() % 20u;
		bool write = (world_random() & 1u) != 0u;
		int rc;

		off = ((world_random() % 4u) != 0u) ? (off & ~3u) : off;
		off = ((world_random() % 50u) == 0u) ? (UINT32_MAX - off) : off;
		size = ((world_random() % 4u) != 0u)	? 4u
		       : ((world_random() % 50u) == 0u) ? world_random()
							: size;
		rc = vio_mmio_access(&b.m, off, size, write, &v);
		assert_true((rc == VIO_OK) || (rc == VIO_PENDING) || (rc == VIO_E_ARG));
		if ((world_random() % 3000u) == 0u) {
			(void)wr(VIO_MMIO_STATUS, 0u);
			while (b.dev.n > 0u) {
				tdev_complete(&b.dev, 0u);
			}
			b.runs = 1u;
			turns();
			assert_int_equal(rd(VIO_MMIO_STATUS), 0);
			start((i & 1u) != 0u);
			offer(i);
		}
		if ((i % 64u) == 0u) {
			turns();
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_request, setup, teardown),
		cmocka_unit_test_setup_teardown(reset_is_pending, setup, teardown),
		cmocka_unit_test_setup_teardown(queue_reset, setup, teardown),
		cmocka_unit_test_setup_teardown(configuration, setup, teardown),
		cmocka_unit_test_setup_teardown(registers, setup, teardown),
		cmocka_unit_test_setup_teardown(feature_that_was_not_offered, setup, teardown),
		cmocka_unit_test_setup_teardown(feature_that_is_withheld, setup, teardown),
		cmocka_unit_test_setup_teardown(wrong_order, setup, teardown),
		cmocka_unit_test_setup_teardown(anything, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
