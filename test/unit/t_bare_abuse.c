/* SPDX-License-Identifier: BSD-3-Clause */
/* t_bare_abuse.c - registers in plain memory: drivers that do not behave, devices that are not sound there */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "bare_bed.h"

/* Impossible set-ups are refused; nothing outside is touched, and a driver that comes anew is served. */
static void refused(void **state)
{
	static const struct {
		uint32_t off, val;
	} row[] = { { VIO_MMIO_QUEUE_SIZE, 0u },
		    { VIO_MMIO_QUEUE_SIZE, 3u },
		    { VIO_MMIO_QUEUE_SIZE, 2u * SIZE },
		    { VIO_MMIO_QUEUE_SIZE, 0x10010u },
		    { VIO_MMIO_QUEUE_SIZE, 0x7fffffffu },
		    { VIO_MMIO_QUEUE_DESC, BASE + 8u },
		    { VIO_MMIO_QUEUE_DESC, BASE - 16u },
		    { VIO_MMIO_QUEUE_DESC, BASE + BYTES - 16u },
		    { VIO_MMIO_QUEUE_DESC, 0xfffffff0u },
		    { VIO_MMIO_QUEUE_DESC + 4u, 1u },
		    { VIO_MMIO_QUEUE_DESC + 4u, 0xffffffffu },
		    { VIO_MMIO_QUEUE_DRIVER, 0u },
		    { VIO_MMIO_QUEUE_DRIVER, BASE + BYTES - 2u },
		    { VIO_MMIO_QUEUE_DEVICE, BASE + BYTES },
		    { VIO_MMIO_QUEUE_DEVICE, BASE + 2u },
		    { VIO_MMIO_QUEUE_DEVICE, BASE + BYTES - 4u } };

	(void)state;
	for (uint32_t i = 0u; i < sizeof(row) / sizeof(row[0]); i++) {
		uint64_t got;

		assert_int_equal(vio_drv_mmio_bus.set_status(&b.drv, 0u), VIO_OK);
		wr(VIO_MMIO_QUEUE_READY, 0u);
		assert_int_equal(vio_drv_probe(&vio_drv_mmio_bus, &b.drv, VIO_F_VERSION_1, &got),
				 VIO_OK);
		queue_up();
		wr(row[i].off, row[i].val);
		wr(VIO_MMIO_STATUS, STATUS_UP);
		assert_int_equal(rd(VIO_RAMREGS_WHY), VIO_RAMREGS_QUEUE);
		wr(VIO_MMIO_QUEUE_NOTIFY, 0u);
		assert_int_equal(b.dev.n, 0);
	}
	wr(VIO_MMIO_QUEUE_READY, 0u);
	start();
	works(1u);
}

/* Registers of a queue that is served are not looked at again, until the driver says so. */
static void rewritten_while_served(void **state)
{
	(void)state;
	start();
	works(1u);
	for (uint32_t off = VIO_MMIO_QUEUE_DESC; off <= VIO_MMIO_QUEUE_DEVICE + 4u; off += 4u) {
		wr(off, 0xfffffff0u);
	}
	wr(VIO_MMIO_DRIVER_FEATURES, 0xffffffffu);
	wr(VIO_MMIO_QUEUE_SEL, 77u);
	works(3u);
	wr(VIO_MMIO_QUEUE_SIZE, SIZE); /* as a new set-up: now they count */
	assert_int_equal(rd(VIO_RAMREGS_WHY), VIO_RAMREGS_FEATURES);
	wr(VIO_MMIO_STATUS, 0u);
	wr(VIO_MMIO_QUEUE_READY, 0u);
	start();
	works(5u);
}

/* Ring content: the device is failed, says so, and a new driver is served. */
static void ring_content(void **state)
{
	(void)state;
	start();
	vio_put16(b.ram + (b.area[1] - BASE) + 2u, 1000u);
	wr(VIO_MMIO_QUEUE_NOTIFY, 0u);
	assert_int_equal(rd(VIO_RAMREGS_WHY), VIO_RAMREGS_BROKEN);
	assert_int_equal(rd(VIO_MMIO_STATUS), STATUS_UP); /* the driver's, not ours to write */
	assert_int_equal(vio_drv_mmio_bus.set_status(&b.drv, 0u), VIO_OK);
	wr(VIO_MMIO_QUEUE_READY, 0u);
	start();
	works(1u);
}

static uint32_t random_word(void)
{
	static uint32_t x = 2463534242u;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return x;
}

/* Any store at any time, also under a port that begins again; the sanitizer looks at what is touched. */
static void anything(void **state)
{
	(void)state;
	for (uint32_t n = 0u; n < 20000u; n++) {
		uint32_t off = 4u * (random_word() % (VIO_RAMREGS_BYTES / 4u)), v = random_word();

		if ((n % 64u) == 0u) {
			b.eager = false;
			wr(VIO_MMIO_STATUS, 0u);
			polls();
			complete_all();
			wr(VIO_MMIO_QUEUE_READY, 0u);
			port(false);
			start();
			b.eager = true;
		}
		if ((n % 97u) == 0u) {
			port(true);
		}
		wr(off, ((n & 1u) != 0u) ? v : (BASE + v % BYTES));
		vio_put16(b.ram + random_word() % (RING / 2u) * 2u, (uint16_t)(v >> 16));
		(void)vio_bare_turn(&b.bare);
		if ((n % 7u) == 0u) {
			complete_all();
		}
	}
	wr(VIO_MMIO_STATUS, 0u);
	complete_all();
	wr(VIO_MMIO_QUEUE_READY, 0u);
	port(false);
	start();
	works(1u);
}

static void unsound(void **state)
{
	struct vio_dev_ops o = *b.dev.d.ops;
	struct vio_dev *d = &b.dev.d;

	(void)state;
	d->ops = &o;
	assert_int_equal(vio_ramregs_init(&b.r, d, b.regs, 3u, false, &ops, &b), VIO_E_ARG);
	assert_int_equal(vio_ramregs_init(&b.r, d, (uint8_t *)b.regs + 2, SIZE, false, &ops, &b),
			 VIO_E_ARG);
	d->nvq = 2u;
	assert_int_equal(vio_ramregs_init(&b.r, d, b.regs, SIZE, false, &ops, &b), VIO_E_NOTSUP);
	d->nvq = 1u;
	o.needs = 4u; /* a bit that cannot be offered */
	d->class_features = 4u;
	assert_int_equal(vio_ramregs_init(&b.r, d, b.regs, SIZE, false, &ops, &b), VIO_E_NOTSUP);
	o.needs = 1u; /* one that can, and is */
	d->class_features = 5u;
	assert_int_equal(vio_ramregs_init(&b.r, d, b.regs, SIZE, false, &ops, &b), VIO_OK);
	assert_true(d->offered == (1u | VIO_F_VERSION_1 | VIO_F_ACCESS_PLATFORM));
	o.config_len = VIO_RAMREGS_BYTES;
	assert_int_equal(vio_ramregs_init(&b.r, d, b.regs, SIZE, false, &ops, &b), VIO_E_NOTSUP);
}

#define T(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(refused), T(rewritten_while_served), T(ring_content), T(anything), T(unsound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
