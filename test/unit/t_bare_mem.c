/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * t_bare_mem.c - physical memory behind a cache that the driver's side does not see
 *
 * The model: `ram` is what the driver sees and what the mapping without a cache shows; `cached` is our view. Bytes
 * travel only by the two hooks, in whole lines.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "port/bare/bare.h"
#include "port/bare/phys.h"
#include "test/support/tdev.h"

#define BASE  0x70000000u
#define BYTES 0x4000u
#define LINE  32u

static struct {
	uint8_t ram[BYTES] __attribute__((aligned(64)));
	uint8_t cached[BYTES] __attribute__((aligned(64)));
	struct vio_mem_phys m;
	uint32_t flushed, cleaned; /* bytes, in whole lines */
} b;

/* Whole lines that hold [p, p + len) */
static size_t lines(void *p, uint32_t len, size_t *from)
{
	size_t at = (size_t)((uint8_t *)p - b.cached);

	*from = at / LINE * LINE;
	assert_true(len > 0u && at + len <= BYTES);
	return (at + len + LINE - 1u) / LINE * LINE - *from;
}

/* No line is dirty between requests, so there is nothing to write back. */
static void on_flush(void *p, uint32_t len)
{
	size_t from, n = lines(p, len, &from);

	memcpy(b.cached + from, b.ram + from, n);
	b.flushed += (uint32_t)n;
}

static void on_clean(void *p, uint32_t len)
{
	size_t from, n = lines(p, len, &from);

	memcpy(b.ram + from, b.cached + from, n);
	b.cleaned += (uint32_t)n;
}

static const struct vio_cache_ops cache = { .flush = on_flush, .clean = on_clean };

static int setup(void **state)
{
	(void)state;
	memset(&b, 0, sizeof(b));
	memset(b.cached, 0xcc, sizeof(b.cached)); /* stale */
	assert_int_equal(vio_mem_phys_through(&b.m, BASE, b.ram, b.cached, BYTES, &cache), VIO_OK);
	return 0;
}

/* Readable bytes come from memory, written ones reach it, and no line besides is touched. */
static void payload(void **state)
{
	struct vio_seg s[3] = { { .addr = BASE + 64u, .len = 20u },
				{ .addr = BASE + 128u, .len = 40u },
				{ .addr = BASE + 256u, .len = 100u } };
	struct vio_sgl l = { .seg = s, .cap = 3u, .n_out = 1u, .n_in = 2u };
	struct vio_ext w[2] = { { 0u, 3u }, { 139u, 1u } }; /* a beginning, and the last byte */

	(void)state;
	memset(b.ram + 64, 0x11, 20);
	assert_int_equal(vio_mem_acquire(&b.m.m, &l), VIO_OK);
	assert_ptr_equal(s[0].p, b.cached + 64);
	assert_memory_equal(s[0].p, b.ram + 64, 20);
	memset(s[1].p, 0x22, 3);
	s[2].p[99] = 0x33;
	vio_mem_release(&b.m.m, &l, w, 2u);
	assert_int_equal(b.ram[128], 0x22);
	assert_int_equal(b.ram[130], 0x22);
	assert_int_equal(b.ram[131], 0);
	assert_int_equal(b.ram[355], 0x33);
	assert_int_equal(b.cleaned, 2u * LINE);
}

/* An extent across segments */
static void extent_across(void **state)
{
	struct vio_seg s[2] = { { .addr = BASE, .len = 32u }, { .addr = BASE + 64u, .len = 32u } };
	struct vio_sgl l = { .seg = s, .cap = 2u, .n_in = 2u };
	struct vio_ext w = { 30u, 4u };

	(void)state;
	assert_int_equal(vio_mem_acquire(&b.m.m, &l), VIO_OK);
	memset(s[0].p + 30, 1, 2);
	memset(s[1].p, 1, 2);
	vio_mem_release(&b.m.m, &l, &w, 1u);
	assert_int_equal(b.ram[30] + b.ram[31] + b.ram[64] + b.ram[65], 4);
	assert_int_equal(b.ram[29] + b.ram[66], 0);
}

/* Rings are used past the cache: both sides write to one line. */
static void rings_direct(void **state)
{
	struct vio_seg s = { .addr = BASE + 512u, .len = 64u };
	struct vio_sgl l = { .seg = &s, .cap = 1u, .n_in = 1u, .ring = true };

	(void)state;
	assert_int_equal(vio_mem_acquire(&b.m.m, &l), VIO_OK);
	assert_ptr_equal(s.p, b.ram + 512);
	vio_mem_release(&b.m.m, &l, NULL, 0u);
	assert_int_equal(b.flushed + b.cleaned, 0);
}

/* An address outside is refused as a whole, before any line is touched. */
static void outside(void **state)
{
	static const struct {
		uint64_t addr;
		uint32_t len;
	} row[] = { { BASE - 1u, 1u },
		    { BASE + BYTES, 1u },
		    { BASE + BYTES - 1u, 2u },
		    { BASE, BYTES + 1u },
		    { 0u, 1u },
		    { BASE + (1ull << 32), 1u },
		    { UINT64_MAX, 1u },
		    { BASE - 16u, UINT32_MAX },
		    { BASE + 1u, UINT32_MAX } };

	(void)state;
	for (uint32_t i = 0u; i < sizeof(row) / sizeof(row[0]); i++) {
		struct vio_seg s[2] = { { .addr = BASE, .len = 16u },
					{ .addr = row[i].addr, .len = row[i].len } };
		struct vio_sgl l = { .seg = s, .cap = 2u, .n_out = 1u, .n_in = 1u };

		assert_int_equal(vio_mem_acquire(&b.m.m, &l), VIO_E_ADDR);
		assert_int_equal(b.flushed, 0);
		l.ring = true;
		assert_int_equal(vio_mem_acquire(&b.m.m, &l), VIO_E_ADDR);
	}
	assert_int_equal(b.m.m.held[0] + b.m.m.held[1], 0);
}

static void arguments(void **state)
{
	struct vio_mem_phys *m = &b.m;

	(void)state;
	assert_int_equal(vio_mem_phys_init(m, BASE, b.ram, 0u), VIO_E_ARG);
	assert_int_equal(vio_mem_phys_init(m, BASE + 1u, b.ram, 16u), VIO_E_ARG);
	assert_int_equal(vio_mem_phys_init(m, UINT64_MAX - 15u, b.ram, 17u), VIO_E_ARG);
	assert_int_equal(vio_mem_phys_through(m, BASE, b.ram, b.cached + 1, 16u, &cache),
			 VIO_E_ARG);
}

#define T(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(payload), T(extent_across), T(rings_direct), T(outside), T(arguments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
