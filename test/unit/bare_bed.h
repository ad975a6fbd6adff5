/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bare_bed.h - registers in plain memory: a driver writes to them as stock ones do, a polled port reads
 *
 * The driver is driver/mmio.c; its accesses are loads and stores of the block, and the port is polled when a test says
 * so: after each access, or only at the end. Include after cmocka.h.
 */
#ifndef TEST_BARE_BED_H
#define TEST_BARE_BED_H

#include <string.h>
#include "port/bare/bare.h"
#include "port/bare/phys.h"
#include "test/support/tdev.h"
#include "vio/drv_mmio.h"
#include "vio/mmio.h"

#define BASE	  0x70000000u
#define BYTES	  0x10000u
#define RING	  0x4000u /* bytes from 0 */
#define SIZE	  16u
#define STATUS_UP 15u

static struct bench {
	uint8_t ram[BYTES] __attribute__((aligned(4096)));
	uint32_t regs[VIO_RAMREGS_BYTES / 4u];
	struct vio_mem_phys mem;
	struct tdev dev;
	struct vio_ramregs r;
	struct vio_bare bare;
	struct vio_drv_mmio drv;
	struct vio_dvq q;
	struct vio_dvq_slot slot[SIZE];
	uint64_t area[3];
	uint64_t track[64];
	struct vio_vq_track tracking;
	bool tracked;
	uint32_t bells, prepared;
	bool eager; /* poll after each access of the driver */
	uint64_t now;
} b;

static inline uint64_t now(void)
{
	return b.now;
}

static inline void on_bell(void *ctx)
{
	assert_ptr_equal(ctx, &b);
	b.bells++;
}

static inline void on_prepare(void *ctx, struct vio_vq *q, bool resumed)
{
	(void)ctx;
	b.prepared++;
	if (!resumed) {
		memset(b.track, 0, sizeof(b.track));
	}
	if (b.tracked) {
		assert_int_equal(vio_vq_track(q, &b.tracking, b.track, sizeof(b.track)), VIO_OK);
	}
}

static const struct vio_ramregs_ops ops = { .bell = on_bell, .prepare = on_prepare };

static inline void polls(void)
{
	for (uint32_t n = 0u; vio_bare_turn(&b.bare); n++) {
		assert_true(n < 100u);
	}
}

static inline uint32_t rd(uint32_t off)
{
	return vio_get32((uint8_t *)b.regs + off);
}

static inline void wr(uint32_t off, uint32_t v)
{
	vio_put32((uint8_t *)b.regs + off, v);
	if (b.eager) {
		polls();
	}
}

static inline uint32_t drv_read(void *ctx, uint32_t off, uint32_t size)
{
	(void)ctx;
	assert_int_equal(size, 4);
	return rd(off);
}

static inline void drv_write(void *ctx, uint32_t off, uint32_t size, uint32_t val)
{
	(void)ctx;
	assert_int_equal(size, 4);
	wr(off, val);
}

/* The port begins, or begins again with nothing but what is in memory. */
static inline void port(bool resume)
{
	assert_int_equal(vio_mem_phys_init(&b.mem, BASE, b.ram, BYTES), VIO_OK);
	assert_int_equal(tdev_init(&b.dev, &b.mem.m, true), VIO_OK);
	assert_int_equal(vio_ramregs_init(&b.r, &b.dev.d, b.regs, SIZE, resume, &ops, &b), VIO_OK);
	vio_bare_init(&b.bare, &b.r, 1u, now);
}

static inline int setup(void **state)
{
	(void)state;
	memset(&b, 0, sizeof(b));
	memset(b.regs, 0xee, sizeof(b.regs));
	b.drv = (struct vio_drv_mmio){ .read = drv_read, .write = drv_write, .polls = 10u };
	b.eager = true;
	port(true); /* garbage in memory is not taken for an earlier port's */
	return 0;
}

static inline void queue_up(void)
{
	struct vio_dma ring = { .p = b.ram, .addr = BASE, .len = RING };

	assert_int_equal(vio_dvq_init(&b.q, SIZE, 0u, &ring, b.slot), VIO_OK);
	vio_dvq_areas(&b.q, &ring, b.area);
	assert_int_equal(vio_drv_mmio_bus.setup(&b.drv, 0u, SIZE, b.area[0], b.area[1], b.area[2]),
			 VIO_OK);
}

static inline void start(void)
{
	uint64_t got;

	assert_int_equal(vio_drv_probe(&vio_drv_mmio_bus, &b.drv,
				       VIO_F_VERSION_1 | VIO_F_ACCESS_PLATFORM, &got),
			 VIO_OK);
	assert_true(got == (VIO_F_VERSION_1 | VIO_F_ACCESS_PLATFORM));
	queue_up();
	assert_int_equal(vio_drv_mmio_bus.set_status(&b.drv, STATUS_UP), VIO_OK);
}

static inline void offer(uint32_t serial)
{
	uint32_t at = RING + 64u * (serial % 64u);
	struct vio_dma d[2] = { { b.ram + at, BASE + at, 8u },
				{ b.ram + at + 16u, BASE + at + 16u, 8u } };

	vio_pack32(d[0].p, serial);
	for (uint32_t i = 4u; i < 8u; i++) {
		d[0].p[i] = tdev_byte(serial, i, false);
	}
	assert_int_equal(vio_dvq_add(&b.q, d, 1u, 1u, d[1].p), VIO_OK);
}

static inline void kick(void)
{
	assert_true(vio_dvq_need_kick(&b.q)); /* the port never asks for silence */
	assert_int_equal(vio_drv_mmio_bus.kick(&b.drv, 0u), VIO_OK);
}

static inline void complete_all(void)
{
	while (b.dev.n > 0u) {
		tdev_complete(&b.dev, 0u);
	}
	polls();
}

static inline uint32_t take(void)
{
	uint32_t n = 0u, len;
	void *p;

	while (vio_dvq_get(&b.q, &p, &len) == VIO_OK) {
		n++;
	}
	assert_false(b.q.broken);
	return n;
}

static inline void works(uint32_t serial)
{
	uint32_t bells = b.bells;

	offer(serial);
	offer(serial + 1u);
	kick();
	polls();
	assert_int_equal(b.dev.n, 2);
	complete_all();
	assert_true(b.bells > bells);
	assert_int_equal(take(), 2);
	assert_int_equal(b.dev.bad, 0);
	assert_int_equal(rd(VIO_RAMREGS_WHY), VIO_RAMREGS_SERVING);
}

#endif
