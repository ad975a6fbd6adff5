/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mmio_keep_bed.h - a device's registers that go from one process to the next: vio_mmio_save, vio_mmio_restore
 *
 * The driver and its rings outlive the device: `die` throws the device's side away as a kill does, and a new one is
 * made from what was saved.
 */
#ifndef MMIO_KEEP_BED_H
#define MMIO_KEEP_BED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "test/support/tdev.h"
#include "test/support/world.h"
#include "vio/drv_mmio.h"
#include "vio/mmio.h"

#define SIZE  16u
#define SPOT  0x400u /* bytes of each request's buffers */
#define FRESH (VIO_S_ACKNOWLEDGE | VIO_S_DRIVER)
#define READY (FRESH | VIO_S_FEATURES_OK)

static struct bench {
	struct world w;
	struct tdev dev;
	struct vio_mmio m;
	struct vio_ctl_vq vq[1];
	struct vio_drv_mmio drv;
	struct vio_dvq q;
	struct vio_dvq_slot slot[SIZE];
	uint64_t area[3], offers; /* offers: of the transport */
	bool level;
	uint32_t runs, fresh, resumed; /* prepare was called so */
	bool back[100];		       /* by serial */
	struct vio_mmio_saved s;
	struct vio_ctl_saved_vq sv[1];
} b;
static _Alignas(64) uint8_t region[4096];
static struct vio_vq_track tracking;

static inline void on_irq(void *ctx, bool level)
{
	(void)ctx;
	b.level = level;
}

static inline void on_run(void *ctx, uint16_t vq)
{
	(void)ctx;
	(void)vq;
	b.runs++;
}

static inline void on_prepare(void *ctx, uint16_t vq, bool resumed)
{
	(void)ctx;
	*(resumed ? &b.resumed : &b.fresh) += 1u;
	if (!resumed) {
		memset(region, 0, sizeof(region));
	}
	(void)vio_vq_track(&b.dev.d.vq[vq], &tracking, region, sizeof(region));
}

static const struct vio_mmio_ops ops = { .irq = on_irq, .run = on_run, .prepare = on_prepare };

static inline void turns(void)
{
	while (b.runs > 0u) {
		b.runs = 0u;
		if ((vio_vq_run(&b.dev.vq) == VIO_PENDING) || vio_vq_arm(&b.dev.vq)) {
			b.runs = 1u;
		}
	}
}

static inline void complete_all(void)
{
	while (b.dev.n > 0u) {
		tdev_complete(&b.dev, 0u);
	}
	b.runs = 1u;
	turns();
}

static inline uint32_t rd(uint32_t off)
{
	uint32_t v = 0xdeadbeefu;

	assert_int_equal(vio_mmio_access(&b.m, off, 4u, false, &v), VIO_OK);
	return v;
}

static inline int wr(uint32_t off, uint32_t v)
{
	return vio_mmio_access(&b.m, off, 4u, true, &v);
}

static inline uint32_t drv_read(void *ctx, uint32_t off, uint32_t size)
{
	(void)ctx;
	(void)size;
	return rd(off);
}

static inline void drv_write(void *ctx, uint32_t off, uint32_t size, uint32_t val)
{
	(void)ctx;
	(void)size;
	assert_true(wr(off, val) >= 0);
}

/* A device that nobody has touched, in a process of its own */
static inline void new_process(void)
{
	assert_int_equal(vio_mem_full_init(&b.w.full, b.w.region, 1u), VIO_OK);
	assert_int_equal(tdev_init(&b.dev, b.w.mem, true), VIO_OK);
	vio_mmio_init(&b.m, &b.dev.d, b.vq, &ops, NULL, b.offers);
	b.runs = 0u;
	b.level = false;
}

static inline int setup(void **state)
{
	(void)state;
	memset(&b, 0, sizeof(b));
	memset(region, 0, sizeof(region));
	b.offers = VIO_F_RINGS;
	assert_true(world_open(&b.w, WORLD_FULL));
	new_process();
	b.drv = (struct vio_drv_mmio){ .read = drv_read, .write = drv_write, .polls = 3u };
	return 0;
}

static inline int teardown(void **state)
{
	(void)state;
	world_close(&b.w);
	return 0;
}

/* The process ends without a word; b.s and b.sv are what the last one kept. */
static inline void die(void)
{
	vio_mmio_save(&b.m, &b.s, b.sv);
	new_process();
}

static inline int restore(void)
{
	return vio_mmio_restore(&b.m, &b.s, b.sv);
}

/* ---- the driver ---- */

static inline void queue_areas(bool packed)
{
	struct vio_dma ring = { .p = b.w.g, .addr = WORLD_BASE, .len = WORLD_RING };

	memset(b.w.g, 0, WORLD_RING);
	assert_int_equal(vio_dvq_init(&b.q, SIZE, packed ? VIO_DVQ_PACKED : 0u, &ring, b.slot),
			 VIO_OK);
	vio_dvq_areas(&b.q, &ring, b.area);
}

static inline void queue_up(bool packed)
{
	queue_areas(packed);
	assert_int_equal(vio_drv_mmio_bus.setup(&b.drv, 0u, SIZE, b.area[0], b.area[1], b.area[2]),
			 VIO_OK);
}

static inline uint64_t wanted(bool packed)
{
	return VIO_F_VERSION_1 | VIO_F_RING_RESET | (packed ? VIO_F_RING_PACKED : 0u);
}

static inline void negotiate(bool packed)
{
	uint64_t got;

	assert_int_equal(vio_drv_probe(&vio_drv_mmio_bus, &b.drv, wanted(packed), &got), VIO_OK);
	assert_true(got == wanted(packed));
}

static inline void start(bool packed)
{
	negotiate(packed);
	queue_up(packed);
	assert_int_equal(vio_drv_mmio_bus.set_status(&b.drv, 15u), VIO_OK);
	assert_int_equal(rd(VIO_MMIO_STATUS), 15);
}

static inline void offer(uint32_t serial)
{
	uint32_t at = WORLD_RING + serial * SPOT;
	struct vio_dma d[2] = { { b.w.g + at, WORLD_BASE + at, 4u },
				{ b.w.g + at + 64u, WORLD_BASE + at + 64u, 8u } };

	vio_pack32(d[0].p, serial);
	assert_int_equal(vio_dvq_add(&b.q, d, 1u, 1u, d[0].p), VIO_OK);
	if (vio_dvq_need_kick(&b.q)) {
		assert_int_equal(vio_drv_mmio_bus.kick(&b.drv, 0u), VIO_OK);
	}
	turns();
}

/* Take what is there; returns: how many, each of them for the first time */
static inline uint32_t take(void)
{
	uint32_t n = 0u, len;
	void *cookie;

	while (vio_dvq_get(&b.q, &cookie, &len) == VIO_OK) {
		uint32_t serial = vio_unpack32(cookie);

		assert_false(b.back[serial]);
		assert_int_equal(len, tdev_len(serial, 8u));
		b.back[serial] = true;
		n++;
	}
	return n;
}

/* The device works: one more request, there and back */
static inline void works(uint32_t serial)
{
	offer(serial);
	assert_int_equal(b.dev.n, 1);
	complete_all();
	assert_int_equal(take(), 1);
}

/* A reset by the driver mends whatever was; then the device works. */
static inline void mended(bool packed, uint32_t serial)
{
	(void)wr(VIO_MMIO_STATUS, 0u);
	complete_all();
	assert_int_equal(rd(VIO_MMIO_STATUS), 0);
	start(packed);
	works(serial);
	b.back[serial] = false;
}

#endif
