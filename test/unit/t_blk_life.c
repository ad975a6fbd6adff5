/* SPDX-License-Identifier: BSD-3-Clause */
/* t_blk_life.c - the block device as it lives: durability, faults, order, reset, a new size, limits */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "blk_bed.h"

/* virtio 1.3, 5.2.6.2: when a completed write survives a power cut */
static const struct {
	uint64_t want;
	int writeback; /* -1: not written */
	bool stable;
} durable[] = {
	{ VIO_BLK_F_WRITE_ZEROES, -1, true },
	{ VIO_BLK_F_WRITE_ZEROES | VIO_BLK_F_FLUSH, -1, false },
	{ VIO_BLK_F_WRITE_ZEROES | VIO_BLK_F_FLUSH | VIO_BLK_F_CONFIG_WCE, -1, false },
	{ VIO_BLK_F_WRITE_ZEROES | VIO_BLK_F_FLUSH | VIO_BLK_F_CONFIG_WCE, 1, false },
	{ VIO_BLK_F_WRITE_ZEROES | VIO_BLK_F_FLUSH | VIO_BLK_F_CONFIG_WCE, 0, true },
	{ VIO_BLK_F_WRITE_ZEROES | VIO_BLK_F_CONFIG_WCE, -1, true },
};

static void t_durable(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(durable) / sizeof(durable[0]); i++) {
		struct disk *k = disk_up(true, durable[i].want);
		uint8_t buf[32], mode;
		struct rig_req r;

		memcpy(k->sim.stable, k->sim.disk, k->sim.bytes);
		if (durable[i].writeback >= 0) {
			mode = (uint8_t)durable[i].writeback;
			assert_int_equal(lb_bus.config_write(&k->g.lb, 32, &mode, 1), VIO_OK);
		}
		assert_int_equal(lb_bus.config_read(&k->g.lb, 32, &mode, 1), VIO_OK);
		if (durable[i].want & VIO_BLK_F_CONFIG_WCE) {
			assert_int_equal(mode, !durable[i].stable);
		}
		ask(k, &r, VIO_BLK_T_OUT, 1, 512, 0);
		assert_int_equal(status(&r), VIO_BLK_S_OK);
		(void)range(buf + 16, 2, 1, 0);
		rig_do(&k->g, 0, &r, buf, head(buf, VIO_BLK_T_WRITE_ZEROES, 0) + 16, 1);
		assert_int_equal(status(&r), VIO_BLK_S_OK);
		sim_blk_power_cut(&k->sim);
		assert_int_equal(k->sim.disk[512] == 0x5a, durable[i].stable);
		assert_int_equal(k->sim.disk[1024 + 9] == 0, durable[i].stable);
		ask(k, &r, VIO_BLK_T_OUT, 1, 512, 0);
		ask(k, &r, VIO_BLK_T_FLUSH, 0, 0, 0);
		assert_int_equal(status(&r), VIO_BLK_S_OK);
		sim_blk_power_cut(&k->sim);
		assert_int_equal(k->sim.disk[512], 0x5a);
		disk_end(k);
	}
}

/* What a driver may read between FEATURES_OK and DRIVER_OK (5.2.5.2), and write: that stands when it starts */
static void t_early_mode(void **state)
{
	static const uint64_t wce = VIO_F_VERSION_1 | VIO_BLK_F_CONFIG_WCE;
	struct disk *k = disk_up(true, VIO_BLK_F_CONFIG_WCE | VIO_BLK_F_FLUSH);
	struct lb *l = &k->g.lb;
	uint64_t got;
	uint8_t mode, zero = 0;

	(void)state;
	for (unsigned i = 0; i < 4; i++) { /* with FLUSH, without, and once more */
		assert_int_equal(
			vio_drv_probe(&lb_bus, l, i & 1 ? wce : wce | VIO_BLK_F_FLUSH, &got),
			VIO_OK);
		assert_int_equal(lb_bus.config_read(l, 32, &mode, 1), VIO_OK);
		assert_int_equal(mode, !(i & 1));
	}
	assert_int_equal(vio_drv_probe(&lb_bus, l, wce | VIO_BLK_F_FLUSH, &got), VIO_OK);
	assert_int_equal(lb_bus.config_write(l, 32, &zero, 1), VIO_OK);
	assert_int_equal(lb_bus.set_status(l, 15), VIO_OK);
	assert_int_equal(lb_bus.config_read(l, 32, &mode, 1), VIO_OK);
	assert_int_equal(mode, 0);
	assert_true(k->b->through);
	disk_end(k);
}

/* Write through: the driver hears of a write only after the sync that followed it. */
static void t_through_order(void **state)
{
	struct disk *k = disk_up(true, 0);
	struct rig_req r;

	(void)state;
	k->sim.hold = true;
	ask(k, &r, VIO_BLK_T_OUT, 1, 512, 0);
	assert_int_equal(sim_blk_finish(&k->sim, 1, false), 1);
	rig_turn(&k->g);
	assert_false(r.back);
	assert_int_equal(k->sim.nheld, 1);
	assert_int_equal(sim_blk_finish(&k->sim, 1, false), 1);
	rig_turn(&k->g);
	assert_int_equal(status(&r), VIO_BLK_S_OK);
	assert_int_equal(k->sim.log[0], VIO_BLK_WRITE);
	assert_int_equal(k->sim.log[1], VIO_BLK_SYNC);
	k->sim.hold = false;
	k->sim.fail = VIO_E_IO; /* a sync that fails fails the write */
	k->sim.fail_ops = 1u << VIO_BLK_SYNC;
	ask(k, &r, VIO_BLK_T_OUT, 1, 512, 0);
	assert_int_equal(status(&r), VIO_BLK_S_IOERR);
	k->sim.fail_ops = 1u << VIO_BLK_WRITE; /* and a write that fails is not synced */
	k->sim.nlog = 0;
	ask(k, &r, VIO_BLK_T_OUT, 1, 512, 0);
	assert_int_equal(status(&r), VIO_BLK_S_IOERR);
	assert_int_equal(k->sim.nlog, 1);
	disk_end(k);
}

static void t_faults(void **state)
{
	struct disk *k = disk_up(true, ALL);
	uint8_t buf[64];
	struct rig_req r;

	(void)state;
	k->sim.fail = VIO_E_IO;
	k->sim.fail_sector = 5;
	ask(k, &r, VIO_BLK_T_IN, 4, 0, 1024);
	assert_int_equal(status(&r), VIO_BLK_S_IOERR);
	assert_int_equal(r.len, 0);
	ask(k, &r, VIO_BLK_T_OUT, 5, 512, 0);
	assert_int_equal(status(&r), VIO_BLK_S_IOERR);
	ask(k, &r, VIO_BLK_T_OUT, 6, 512, 0);
	assert_int_equal(status(&r), VIO_BLK_S_OK);
	k->sim.nlog = 0;
	(void)range(buf + 16, 4, 2, 0);
	(void)range(buf + 32, 8, 2, 0);
	rig_do(&k->g, 0, &r, buf, head(buf, VIO_BLK_T_WRITE_ZEROES, 0) + 32, 1);
	assert_int_equal(status(&r), VIO_BLK_S_IOERR);
	assert_int_equal(k->sim.nlog, 1); /* nothing after the first failure */
	k->sim.fail = VIO_E_NOTSUP;
	k->sim.fail_ops = 1u << VIO_BLK_SYNC;
	ask(k, &r, VIO_BLK_T_FLUSH, 0, 0, 0);
	assert_int_equal(status(&r), VIO_BLK_S_UNSUPP);
	k->sim.fail = 0;
	k->sim.cut = 512; /* a host that moves less and says nothing */
	ask(k, &r, VIO_BLK_T_IN, 0, 0, 1024);
	assert_int_equal(status(&r), VIO_BLK_S_IOERR);
	assert_int_equal(r.len, 512);
	assert_int_equal(r.in[512], 0xee);
	ask(k, &r, VIO_BLK_T_OUT, 0, 1024, 0);
	assert_int_equal(status(&r), VIO_BLK_S_IOERR);
	disk_end(k);
}

static void t_any_order(void **state)
{
	struct disk *k = disk_up(false, ALL);
	struct rig_req r[8];
	uint8_t buf[16];

	(void)state;
	k->sim.hold = true;
	for (unsigned i = 0; i < 8; i++) {
		rig_add(&k->g, 0, &r[i], buf, head(buf, VIO_BLK_T_IN, i), 513);
	}
	rig_kick(&k->g, 0);
	assert_int_equal(k->sim.nheld, 8);
	while (sim_blk_finish(&k->sim, 1, (k->sim.nheld & 1u) != 0)) {
	}
	rig_turn(&k->g);
	for (unsigned i = 0; i < 8; i++) {
		assert_int_equal(status(&r[i]), VIO_BLK_S_OK);
		assert_memory_equal(r[i].in, k->sim.disk + i * 512, 512);
	}
	disk_end(k);
}

static struct disk *draining;

static void drain(void *arg)
{
	(void)arg;
	(void)sim_blk_finish(&draining->sim, 1, true);
}

/* A reset waits for the host and shows nothing; then the device works again. */
static void t_reset(void **state)
{
	struct disk *k =
		disk_up(true, 0); /* write through: a second step follows while the queue drains */
	struct rig_req r[4];
	uint8_t buf[528];

	(void)state;
	k->sim.hold = true;
	for (unsigned i = 0; i < 4; i++) {
		rig_add(&k->g, 0, &r[i], buf, head(buf, VIO_BLK_T_OUT, i) + 512, 1);
	}
	rig_kick(&k->g, 0);
	draining = k;
	k->g.lb.idle = drain;
	assert_int_equal(rig_reset(&k->g), VIO_OK);
	assert_int_equal(k->sim.nheld, 0);
	assert_int_equal(k->sim.ncancel, 4);
	for (unsigned i = 0; i < 4; i++) {
		assert_false(r[i].back);
	}
	k->sim.hold = false;
	assert_int_equal(rig_drive(&k->g, ALL), VIO_OK);
	ask(k, &r[0], VIO_BLK_T_IN, 0, 0, 512);
	assert_int_equal(status(&r[0]), VIO_BLK_S_OK);
	disk_end(k);
}

static void t_resize(void **state)
{
	struct disk *k = disk_up(false, ALL);
	struct rig_req r;
	uint8_t raw[8];

	(void)state;
	vio_blk_resize(&k->b->dev, 100);
	assert_int_equal(k->g.lb.configs, 1);
	assert_int_equal(lb_bus.config_read(&k->g.lb, 0, raw, 8), VIO_OK);
	assert_int_equal(vio_unpack64(raw), 100);
	ask(k, &r, VIO_BLK_T_IN, 99, 0, 512);
	assert_int_equal(status(&r), VIO_BLK_S_OK);
	ask(k, &r, VIO_BLK_T_IN, 99, 0, 1024);
	assert_int_equal(status(&r), VIO_BLK_S_IOERR);
	vio_blk_resize(&k->b->dev, SECTORS);
	ask(k, &r, VIO_BLK_T_IN, 99, 0, 1024);
	assert_int_equal(status(&r), VIO_BLK_S_OK);
	disk_end(k);
}

static void t_config(void **state)
{
	struct disk *k = disk_new(true, 4, false);
	static const uint32_t closed[] = { 0, 8, 20, 31, 33, 34, 56, 59 };
	uint8_t c[64], one = 0;

	(void)state;
	assert_int_equal(rig_start(&k->g, &k->b->dev, ALL), VIO_OK);
	assert_int_equal(lb_bus.config_read(&k->g.lb, 0, c, 64), VIO_OK);
	assert_int_equal(vio_unpack64(c), SECTORS);
	assert_int_equal(vio_unpack32(c + 12), VIO_BLK_SEGS - 2u);
	assert_int_equal(vio_unpack32(c + 20), 512);
	assert_int_equal(c[32], 1);
	assert_int_equal(vio_unpack16(c + 34), 4);
	assert_int_equal(vio_unpack32(c + 36), 4096);
	assert_int_equal(vio_unpack32(c + 40), VIO_BLK_RANGES);
	assert_int_equal(vio_unpack32(c + 52), VIO_BLK_RANGES);
	assert_int_equal(c[56], 1);
	assert_int_equal(vio_unpack32(c + 60), 0);
	for (unsigned i = 0; i < sizeof(closed) / sizeof(closed[0]); i++) {
		assert_int_equal(lb_bus.config_write(&k->g.lb, closed[i], &one, 1), VIO_E_ARG);
	}
	assert_int_equal(lb_bus.config_write(&k->g.lb, 32, c, 2), VIO_E_ARG);
	one = 2;
	assert_int_equal(lb_bus.config_write(&k->g.lb, 32, &one, 1), VIO_E_ARG);
	disk_end(k);
}

/* Memory kinds with limits: no driver that keeps to seg_max and size_max exceeds them. */
static void t_limits(void **state)
{
	static const struct {
		uint16_t seg_max;
		uint32_t bytes_max;
	} kind[] = { { 0, 0 },	      { 10, 0 },     { 3, 0 },	       { 0, 1u << 16 },
		     { 8, 1u << 20 }, { 128, 8192 }, { 500, 1u << 24 } };

	(void)state;
	for (unsigned i = 0; i < sizeof(kind) / sizeof(kind[0]); i++) {
		struct disk *k = disk_new(false, 1, false);
		uint32_t seg, size;

		k->g.mem.m.seg_max = kind[i].seg_max;
		k->g.mem.m.bytes_max = kind[i].bytes_max;
		memset(k->b, 0, vio_class_blk.bytes(&k->parts));
		assert_int_equal(vio_class_blk.create(k->b, &k->g.mem.m, &k->parts), VIO_OK);
		seg = vio_unpack32(k->b->config + 12);
		size = vio_unpack32(k->b->config + 8);
		assert_true(seg >= 1);
		assert_true(seg + 2 <= (kind[i].seg_max ? kind[i].seg_max : VIO_BLK_SEGS));
		assert_true(seg + 2 <= VIO_BLK_SEGS);
		if (kind[i].bytes_max) {
			assert_true(k->b->dev.class_features & VIO_BLK_F_SIZE_MAX);
			assert_true((uint64_t)seg * size + 17 <= kind[i].bytes_max);
			assert_true(size >= 4096 && (size % 512) == 0);
		} else {
			assert_false(k->b->dev.class_features & VIO_BLK_F_SIZE_MAX);
		}
		disk_end(k);
	}
}

/* More requests than the pool has, on every queue. */
static void t_many(void **state)
{
	struct disk *k = disk_new(false, 2, false);
	static struct rig_req r[2][120];
	uint8_t buf[16];

	(void)state;
	assert_int_equal(rig_start(&k->g, &k->b->dev, ALL), VIO_OK);
	for (unsigned round = 0; round < 3; round++) {
		k->sim.hold = round & 1u;
		for (unsigned q = 0; q < 2; q++) {
			for (unsigned i = 0; i < 40; i++) {
				rig_add(&k->g, (uint16_t)q, &r[q][i], buf,
					head(buf, VIO_BLK_T_IN, i + q), 513);
			}
			rig_kick(&k->g, (uint16_t)q);
		}
		while (sim_blk_finish(&k->sim, 7, true)) {
			rig_turn(&k->g);
		}
		for (unsigned q = 0; q < 2; q++) {
			for (unsigned i = 0; i < 40; i++) {
				assert_int_equal(status(&r[q][i]), VIO_BLK_S_OK);
				assert_memory_equal(r[q][i].in, k->sim.disk + (i + q) * 512, 512);
			}
		}
	}
	disk_end(k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(t_durable),	cmocka_unit_test(t_through_order),
		cmocka_unit_test(t_early_mode), cmocka_unit_test(t_faults),
		cmocka_unit_test(t_any_order),	cmocka_unit_test(t_reset),
		cmocka_unit_test(t_resize),	cmocka_unit_test(t_config),
		cmocka_unit_test(t_limits),	cmocka_unit_test(t_many),

	};
	int failed = 0;

	for (rig_packed = false;; rig_packed = true) {
		print_message("%s rings\n", rig_packed ? "packed" : "split");
		failed += cmocka_run_group_tests(tests, NULL, NULL);
		if (rig_packed) {
			return failed;
		}
	}
}
