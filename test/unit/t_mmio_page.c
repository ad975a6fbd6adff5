/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * t_mmio_page.c - configuration that a driver reads from a page, with no access to the register model
 *
 * The guest's memory is `page`. `on_clean` is what a driver with a processor of its own could see: it is called after
 * each time that the page was written.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "test/support/tdev.h"
#include "vio/mmio.h"

#define CONFIG	10u /* bytes: no whole number of words */
#define LEN	64u
#define MAY	(1ull << 3) /* feature by which the driver may write configuration */
#define OTHER	(1ull << 4)
#define GARBAGE 0xa5u

static struct bench {
	struct tdev dev;
	struct vio_dev_ops ops;
	uint8_t config[CONFIG];
	struct vio_mmio m;
	struct vio_ctl_vq vq[1];
	_Alignas(8) uint8_t page[LEN + 4u];
	uint32_t cleaned;	  /* times */
	uint32_t generation, isr; /* when it last was */
	bool level;
	int start;
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
}

static const struct vio_mmio_ops ops = { .irq = on_irq, .run = on_run };

static uint32_t rd(uint32_t off)
{
	uint32_t v = 0u;

	assert_int_equal(vio_mmio_access(&b.m, off, 4u, false, &v), VIO_OK);
	return v;
}

static int wr(uint32_t off, uint32_t v)
{
	return vio_mmio_access(&b.m, off, 4u, true, &v);
}

static void on_clean(void *page, uint32_t len)
{
	assert_ptr_equal(page, b.page);
	assert_true((len >= CONFIG) && (len <= LEN));
	b.cleaned++;
	b.generation = b.dev.d.generation;
	b.isr = b.m.isr;
}

static int config_write(struct vio_dev *d, uint32_t off, const uint8_t *src, uint32_t len)
{
	if ((d->features & MAY) == 0u) {
		return VIO_E_ARG;
	}
	(void)memcpy(d->config + off, src, len);
	return VIO_OK;
}

static int start(struct vio_dev *d)
{
	d->config[0] = 0x11u;
	return b.start;
}

static void stop(struct vio_dev *d)
{
	d->config[0] = 0x22u;
}

static void new_process(void)
{
	assert_int_equal(tdev_init(&b.dev, NULL, false), VIO_OK);
	b.ops = *b.dev.d.ops;
	b.ops.config_len = CONFIG;
	b.ops.features = MAY | OTHER;
	b.ops.config_write = config_write;
	b.ops.config_write_needs = MAY;
	b.ops.start = start;
	b.ops.stop = stop;
	b.dev.d.ops = &b.ops;
	b.dev.d.class_features = b.ops.features;
	b.dev.d.config = b.config;
	for (uint32_t i = 0u; i < CONFIG; i++) {
		b.config[i] = (uint8_t)(i + 1u);
	}
	vio_mmio_init(&b.m, &b.dev.d, b.vq, &ops, NULL, VIO_F_RINGS);
}

static int setup(void **st)
{
	(void)st;
	(void)memset(&b, 0, sizeof(b));
	(void)memset(b.page, GARBAGE, sizeof(b.page));
	new_process();
	return 0;
}

static int open_page(uint32_t len)
{
	return vio_dev_config_page(&b.dev.d, b.page, len, on_clean);
}

/* All that the driver reads there, without a trap: configuration, then zeros, and nothing behind the page */
static bool shown(void)
{
	bool ok = memcmp(b.page, b.config, CONFIG) == 0;

	for (uint32_t i = CONFIG; i < LEN; i++) {
		ok = ok && (b.page[i] == 0u);
	}
	return ok && (b.page[LEN] == GARBAGE);
}

static uint64_t offered(void)
{
	uint64_t low;

	(void)wr(VIO_MMIO_DEVICE_FEATURES_SEL, 0u);
	low = rd(VIO_MMIO_DEVICE_FEATURES);
	(void)wr(VIO_MMIO_DEVICE_FEATURES_SEL, 1u);
	return low | ((uint64_t)rd(VIO_MMIO_DEVICE_FEATURES) << 32);
}

/* returns: status as the driver reads it back */
static uint32_t drive(uint64_t features)
{
	(void)wr(VIO_MMIO_STATUS, 3u);
	for (uint32_t i = 0u; i < 2u; i++) {
		(void)wr(VIO_MMIO_DRIVER_FEATURES_SEL, i);
		(void)wr(VIO_MMIO_DRIVER_FEATURES, (uint32_t)(features >> (32u * i)));
	}
	(void)wr(VIO_MMIO_STATUS, 11u);
	(void)wr(VIO_MMIO_STATUS, 15u);
	return rd(VIO_MMIO_STATUS);
}

static void content(void **st)
{
	(void)st;
	assert_int_equal(open_page(LEN), VIO_OK);
	assert_true(shown());
	assert_true(b.cleaned > 0u);
	assert_int_equal(rd(VIO_MMIO_CONFIG + 4u), 0x08070605); /* and still by a trap */
}

/* A page that cannot hold it all, or whose words would tear */
static void no_such_page(void **st)
{
	(void)st;
	assert_int_equal(open_page(8u), VIO_E_ARG);
	assert_int_equal(open_page(11u), VIO_E_ARG);
	assert_int_equal(vio_dev_config_page(&b.dev.d, b.page + 2, 32u, NULL), VIO_E_ARG);
	vio_dev_config_changed(&b.dev.d);
	for (uint32_t i = 0u; i < sizeof(b.page); i++) {
		assert_int_equal(b.page[i], GARBAGE);
	}
	assert_true((offered() & MAY) != 0u);
	assert_int_equal(open_page(12u), VIO_OK);
	assert_memory_equal(b.page, b.config, CONFIG);
	assert_int_equal(b.page[12], GARBAGE);
	assert_int_equal(vio_dev_config_page(&b.dev.d, b.page, LEN, NULL), VIO_OK); /* no caches */
	assert_true(shown());
}

/* The page first, then the generation, then the interrupt: see vio_dev_config_page */
static void change_under_way(void **st)
{
	uint32_t before;

	(void)st;
	assert_int_equal(open_page(LEN), VIO_OK);
	(void)drive(VIO_F_VERSION_1 | OTHER);
	for (uint32_t i = 0u; i < 3u; i++) {
		before = rd(VIO_MMIO_GENERATION);
		b.cleaned = 0u;
		(void)memset(b.config, (int)(0x40u + i), CONFIG);
		vio_dev_config_changed(&b.dev.d);
		assert_true(shown());
		assert_int_equal(b.cleaned, 1);
		assert_int_equal(b.generation, before);
		assert_int_equal(b.isr, 0);
		assert_int_not_equal(rd(VIO_MMIO_GENERATION), before);
		assert_true(b.level);
		assert_int_equal(wr(VIO_MMIO_INTERRUPT_ACK, VIO_MMIO_INT_CONFIG), VIO_OK);
	}
}

/* A device that fails says so by the same interrupt, from any executor: that one does not write the page. */
static void failure_is_no_change(void **st)
{
	(void)st;
	assert_int_equal(open_page(LEN), VIO_OK);
	b.cleaned = 0u;
	vio_dev_fail(&b.dev.d);
	assert_true(b.level);
	assert_int_equal(b.cleaned, 0);
}

/* What the guest writes there is neither read nor kept for longer than to the next change. */
static void guest_scribbles(void **st)
{
	uint8_t want[CONFIG];

	(void)st;
	assert_int_equal(open_page(LEN), VIO_OK);
	(void)memcpy(want, b.config, CONFIG);
	(void)memset(b.page, 0xff, LEN);
	assert_int_equal(rd(VIO_MMIO_CONFIG), 0x04030201);
	assert_memory_equal(b.config, want, CONFIG);
	vio_dev_config_changed(&b.dev.d);
	assert_memory_equal(b.config, want, CONFIG);
	assert_memory_equal(b.page, want, CONFIG);
}

static void features_withheld(void **st)
{
	(void)st;
	assert_true((offered() & (MAY | OTHER)) == (MAY | OTHER));
	assert_int_equal(open_page(LEN), VIO_OK);
	assert_true((offered() & (MAY | OTHER)) == OTHER);
	assert_int_equal(drive(VIO_F_VERSION_1 | MAY) & VIO_S_FEATURES_OK, 0);
	(void)wr(VIO_MMIO_STATUS, 0u);
	assert_int_equal(drive(VIO_F_VERSION_1 | OTHER), 15);
	assert_int_equal(wr(VIO_MMIO_CONFIG, 0u), VIO_E_ARG);
	assert_true(shown());
	/* the next port of this device, by traps */
	vio_mmio_init(&b.m, &b.dev.d, b.vq, &ops, NULL, VIO_F_RINGS);
	assert_true((offered() & (MAY | OTHER)) == (MAY | OTHER));
}

/* Of a class that may be written whatever was negotiated, nothing is shown; of one that cannot be written, all is. */
static void always_writable(void **st)
{
	(void)st;
	b.ops.config_write_needs = 0u;
	assert_int_equal(open_page(LEN), VIO_E_NOTSUP);
	vio_dev_config_changed(&b.dev.d);
	assert_int_equal(b.page[0], GARBAGE);
	assert_true((offered() & MAY) != 0u);
	b.ops.config_write = NULL;
	assert_int_equal(open_page(LEN), VIO_OK);
	assert_true(shown());
	assert_true((offered() & (MAY | OTHER)) == (MAY | OTHER));
}

/* The class changes configuration when it starts and when it stops. */
static void start_and_reset(void **st)
{
	(void)st;
	assert_int_equal(open_page(LEN), VIO_OK);
	for (int life = 0; life < 2; life++) {
		assert_int_equal(drive(VIO_F_VERSION_1 | OTHER), 15);
		assert_int_equal(b.page[0], 0x11);
		assert_true(shown());
		assert_int_equal(wr(VIO_MMIO_STATUS, 0u), VIO_OK);
		assert_int_equal(b.page[0], 0x22);
		assert_true(shown());
	}
	assert_true((offered() & MAY) == 0u);
	b.start = VIO_E_IO;
	assert_true((drive(VIO_F_VERSION_1 | OTHER) & VIO_S_NEEDS_RESET) != 0u);
	assert_int_equal(b.page[0], 0x11);
}

/* The page is taken away before the device is. */
static void ended(void **st)
{
	(void)st;
	for (int by_attach = 0; by_attach < 2; by_attach++) {
		assert_int_equal(open_page(LEN), VIO_OK);
		if (by_attach == 1) {
			vio_mmio_init(&b.m, &b.dev.d, b.vq, &ops, NULL, VIO_F_RINGS);
		} else {
			assert_int_equal(vio_dev_config_page(&b.dev.d, NULL, 0u, NULL), VIO_OK);
		}
		(void)memset(b.page, GARBAGE, sizeof(b.page));
		b.config[1]++;
		vio_dev_config_changed(&b.dev.d);
		assert_int_equal(b.page[1], GARBAGE);
	}
}

/* The next process shows what it has, in the same page, before the driver can read another generation. */
static void restored(void **st)
{
	struct vio_mmio_saved s;
	struct vio_ctl_saved_vq vq[1];
	uint32_t generation;

	(void)st;
	assert_int_equal(open_page(LEN), VIO_OK);
	assert_int_equal(drive(VIO_F_VERSION_1 | OTHER), 15);
	vio_dev_config_changed(&b.dev.d);
	generation = rd(VIO_MMIO_GENERATION);
	vio_mmio_save(&b.m, &s, vq);
	new_process();
	b.config[9] = 0x77u; /* a disk that has grown meanwhile */
	assert_int_equal(open_page(LEN), VIO_OK);
	assert_true(b.generation < generation);
	assert_int_equal(vio_mmio_restore(&b.m, &s, vq), VIO_OK);
	assert_int_equal(rd(VIO_MMIO_STATUS), 15);
	assert_int_equal(rd(VIO_MMIO_GENERATION), generation + 1u);
	assert_int_equal(b.page[9], 0x77);
	assert_int_equal(b.page[0], 0x11);
	assert_true(shown());
	/* what it had from a process without page: a feature that is not offered now */
	s.ctl.features |= MAY;
	new_process();
	assert_int_equal(open_page(LEN), VIO_OK);
	assert_int_equal(vio_mmio_restore(&b.m, &s, vq), VIO_E_ARG);
	assert_int_equal(rd(VIO_MMIO_STATUS), 0);
}

#define T(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(content),
		T(no_such_page),
		T(change_under_way),
		T(failure_is_no_change),
		T(guest_scribbles),
		T(features_withheld),
		T(always_writable),
		T(start_and_reset),
		T(ended),
		T(restored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
