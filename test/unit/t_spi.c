/* SPDX-License-Identifier: BSD-3-Clause */
/* t_spi.c - the SPI controller: which transfers reach the bus, and what comes back of those that do not */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "spi_bed.h"

/* ---- a bus that remembers the last transfer; what it receives is what was sent, or 1, 2, 3 ... ---- */

struct fake {
	struct vio_spi_bus bus;
	struct vio_spi_xfer last, *late;
	unsigned calls, cancels, resets;
	int rc;
};

static const struct vio_spi_bus *fake_open(void *host)
{
	struct fake *f = host;

	return f->bus.cs_max == 255 ? NULL : &f->bus;
}

static int fake_xfer(void *host, struct vio_spi_xfer *x)
{
	struct fake *f = host;
	struct vio_span out = x->out, in = x->in;
	uint8_t byte;
	uint32_t n;

	assert_null(f->late);
	assert_int_equal(x->tx ? x->out.len : x->len, x->len);
	assert_int_equal(x->rx ? x->in.len : x->len, x->len);
	for (n = 0; f->rc == VIO_OK && x->rx && n < x->len; n++) {
		byte = (uint8_t)(n + 1u);
		if (x->tx) {
			assert_int_equal(vio_span_read(&out, &byte, 1), 1);
		}
		assert_int_equal(vio_span_write(&in, &byte, 1), 1);
	}
	f->last = *x;
	f->calls++;
	f->late = f->rc == VIO_PENDING ? x : NULL;
	return f->rc;
}

static void fake_cancel(void *host, struct vio_spi_xfer *x)
{
	struct fake *f = host;

	assert_ptr_equal(f->late, x);
	f->late = NULL;
	f->cancels++;
	vio_job_complete(&x->job, VIO_E_IO);
}

static void fake_reset(void *host)
{
	((struct fake *)host)->resets++;
}

static const struct vio_spi_host_ops fake_ops = {
	.open = fake_open,
	.xfer = fake_xfer,
	.cancel = fake_cancel,
	.reset = fake_reset,
};

/* what the fake can do, but for what a row takes away */
static const struct vio_spi_bus full = {
	.cs_max = 3,
	.cs_change = true,
	.tx_nbits = VIO_SPI_NBITS_DUAL | VIO_SPI_NBITS_OCTAL,
	.rx_nbits = VIO_SPI_NBITS_QUAD,
	.bits_mask = 1u << 7 | 1u << 15 | 1u << 31 | 1u << 11,
	.mode_func = 0x7f,
	.freq_max = 1000,
	.word_delay_max = 0x11111111,
	.cs_setup_max = 0x22222222,
	.cs_hold_max = 0x33333333,
	.cs_inactive_max = 0x44444444,
};

struct bed {
	struct rig g;
	struct vio_spi dev;
	struct fake f;
};

static void bed_init(struct bed *b, const struct vio_spi_bus *bus)
{
	memset(b, 0, sizeof(*b));
	b->f.bus = *bus;
	assert_int_equal(vio_spi_init(&b->dev, rig_mem(&b->g), &fake_ops, &b->f), VIO_OK);
	assert_int_equal(rig_start(&b->g, &b->dev.dev, 0), VIO_OK);
}

static void bed_end(struct bed *b)
{
	assert_int_equal(rig_status(&b->g) & VIO_S_NEEDS_RESET, 0);
	assert_int_equal(rig_reset(&b->g), VIO_OK);
	assert_true(b->f.resets > 0);
	rig_end(&b->g);
}

static void test_config(void **state)
{
	static const uint8_t want[32] = { 3,	1,    5,    2,	  0x80, 0x88, 0,    0x80,
					  0x7f, 0,    0,    0,	  0xe8, 3,    0,    0,
					  0x11, 0x11, 0x11, 0x11, 0x22, 0x22, 0x22, 0x22,
					  0x33, 0x33, 0x33, 0x33, 0x44, 0x44, 0x44, 0x44 };
	uint8_t got[32];
	struct bed b;

	(void)state;
	bed_init(&b, &full);
	assert_int_equal(lb_bus.config_read(&b.g.lb, 0, got, sizeof(got)), VIO_OK);
	assert_memory_equal(got, want, sizeof(got));
	assert_true(lb_bus.config_write(&b.g.lb, 0, want, 1) < 0); /* read-only */
	bed_end(&b);
}

/* ---- every field, right and wrong ---- */

#define H(...)                                                                                     \
	{                                                                                          \
		.bits_per_word = 8, __VA_ARGS__                                                    \
	}

static const struct {
	const char *what;
	struct vio_spi_transfer_head h;
	uint32_t tx, rx;
	uint8_t result;
} rows[] = {
	{ "write", H(.cs_change = 0), 5, 0, OK },
	{ "read", H(.cs_change = 0), 0, 5, OK },
	{ "both at once", H(.cs_change = 0), 5, 5, OK },
	{ "one byte", H(.cs_change = 1), 1, 1, OK },
	{ "nothing", H(.cs_change = 0), 0, 0, PARAM },
	{ "more out than in", H(.cs_change = 0), 5, 4, PARAM },
	{ "more in than out", H(.cs_change = 0), 4, 5, PARAM },
	{ "last chip select", H(.chip_select_id = 2), 1, 0, OK },
	{ "chip select behind", H(.chip_select_id = 3), 1, 0, PARAM },
	{ "chip select 255", H(.chip_select_id = 255), 1, 0, PARAM },
	{ "no bits", { .bits_per_word = 0 }, 1, 0, PARAM },
	{ "7 bits, not offered", { .bits_per_word = 7 }, 1, 0, PARAM },
	{ "9 bits, not offered", { .bits_per_word = 9 }, 2, 0, PARAM },
	{ "12 bits in two bytes", { .bits_per_word = 12 }, 4, 0, OK },
	{ "12 bits, half a word", { .bits_per_word = 12 }, 3, 0, PARAM },
	{ "16 bits", { .bits_per_word = 16 }, 6, 6, OK },
	{ "32 bits", { .bits_per_word = 32 }, 0, 8, OK },
	{ "32 bits, half a word", { .bits_per_word = 32 }, 0, 6, PARAM },
	{ "33 bits", { .bits_per_word = 33 }, 8, 0, PARAM },
	{ "255 bits", { .bits_per_word = 255 }, 8, 0, PARAM },
	{ "cs_change", H(.cs_change = 1), 1, 0, OK },
	{ "cs_change 2", H(.cs_change = 2), 1, 0, PARAM },
	{ "tx single", H(.tx_nbits = 1), 1, 0, OK },
	{ "tx dual", H(.tx_nbits = 2), 1, 0, OK },
	{ "tx of three", H(.tx_nbits = 3), 1, 0, PARAM },
	{ "tx quad, not offered", H(.tx_nbits = 4), 1, 0, PARAM },
	{ "tx octal", H(.tx_nbits = 8), 1, 0, OK },
	{ "tx of 16", H(.tx_nbits = 16), 1, 0, PARAM },
	{ "rx single", H(.rx_nbits = 1), 0, 1, OK },
	{ "rx dual, not offered", H(.rx_nbits = 2), 0, 1, PARAM },
	{ "rx quad", H(.rx_nbits = 4), 0, 1, OK },
	{ "rx octal, not offered", H(.rx_nbits = 8), 0, 1, PARAM },
	{ "rx octal of a write", H(.rx_nbits = 8), 1, 0, PARAM },
	{ "reserved 0", H(.reserved = { 1, 0, 0 }), 1, 0, PARAM },
	{ "reserved 2", H(.reserved = { 0, 0, 128 }), 1, 0, PARAM },
	{ "all modes", H(.mode = 0x1f), 1, 0, OK },
	{ "mode bit 5", H(.mode = 0x20), 1, 0, PARAM },
	{ "mode bit 31", H(.mode = 0x80000000), 1, 0, PARAM },
	{ "fastest", H(.freq = 1000), 1, 0, OK },
	{ "too fast", H(.freq = 1001), 1, 0, PARAM },
	{ "word delay", H(.word_delay_ns = 0x11111111), 1, 0, OK },
	{ "word delay too long", H(.word_delay_ns = 0x11111112), 1, 0, PARAM },
	{ "set-up", H(.cs_setup_ns = 0x22222222), 1, 0, OK },
	{ "set-up too long", H(.cs_setup_ns = 0x22222223), 1, 0, PARAM },
	{ "hold", H(.cs_delay_hold_ns = 0x33333333), 1, 0, OK },
	{ "hold too long", H(.cs_delay_hold_ns = 0x33333334), 1, 0, PARAM },
	{ "inactive", H(.cs_change_delay_inactive_ns = 0x44444444), 1, 0, OK },
	{ "inactive too long", H(.cs_change_delay_inactive_ns = 0x44444445), 1, 0, PARAM },
};

static void test_fields(void **state)
{
	static const char data[] = "transfer";
	struct rig_req r;
	struct bed b;
	uint32_t k;
	size_t n;

	(void)state;
	for (n = 0; n < sizeof(rows) / sizeof(rows[0]); n++) {
		print_message("    %s\n", rows[n].what);
		bed_init(&b, &full);
		assert_int_equal(spi_do(&b.g, &r, &rows[n].h, data, rows[n].tx, rows[n].rx),
				 rows[n].result);
		assert_int_equal(b.f.calls, rows[n].result == OK);
		for (k = 0; k < rows[n].rx; k++) {
			assert_int_equal(r.in[k], rows[n].result != OK ? 0xee
						  : rows[n].tx	       ? (uint8_t)data[k]
								       : k + 1);
		}
		bed_end(&b);
	}
}

/* What the head says arrives at the host as it is. */
static void test_passed_on(void **state)
{
	const struct vio_spi_transfer_head h = { .chip_select_id = 2,
						 .bits_per_word = 16,
						 .cs_change = 1,
						 .tx_nbits = 8,
						 .rx_nbits = 0,
						 .mode = VIO_SPI_MODE_CPOL | VIO_SPI_MODE_LOOP,
						 .freq = 900,
						 .word_delay_ns = 1,
						 .cs_setup_ns = 2,
						 .cs_delay_hold_ns = 3,
						 .cs_change_delay_inactive_ns = 4 };
	struct rig_req r;
	struct bed b;

	(void)state;
	bed_init(&b, &full);
	assert_int_equal(spi_do(&b.g, &r, &h, "ab", 2, 2), OK);
	assert_int_equal(b.f.last.cs, 2);
	assert_int_equal(b.f.last.bits, 16);
	assert_true(b.f.last.cs_change && b.f.last.tx && b.f.last.rx);
	assert_int_equal(b.f.last.tx_nbits, 8);
	assert_int_equal(b.f.last.rx_nbits, 1);
	assert_int_equal(b.f.last.mode, VIO_SPI_MODE_CPOL | VIO_SPI_MODE_LOOP);
	assert_int_equal(b.f.last.freq, 900);
	assert_int_equal(b.f.last.word_delay, 1);
	assert_int_equal(b.f.last.cs_setup, 2);
	assert_int_equal(b.f.last.cs_hold, 3);
	assert_int_equal(b.f.last.cs_inactive, 4);
	assert_int_equal(b.f.last.len, 2);
	bed_end(&b);
}

/* A controller that can do little: each mode alone, none of the delays, no limit of speed and words */
static void test_small_controllers(void **state)
{
	static const struct {
		uint32_t func, mode;
		uint8_t result;
	} t[] = {
		{ VIO_SPI_MF_CPHA_0 | VIO_SPI_MF_CPOL_0, 0, OK },
		{ VIO_SPI_MF_CPHA_0 | VIO_SPI_MF_CPOL_0, VIO_SPI_MODE_CPHA, PARAM },
		{ VIO_SPI_MF_CPHA_0 | VIO_SPI_MF_CPOL_0, VIO_SPI_MODE_CPOL, PARAM },
		{ VIO_SPI_MF_CPHA_1 | VIO_SPI_MF_CPOL_0, 0, PARAM },
		{ VIO_SPI_MF_CPHA_1 | VIO_SPI_MF_CPOL_0, VIO_SPI_MODE_CPHA, OK },
		{ VIO_SPI_MF_CPHA_0 | VIO_SPI_MF_CPOL_1, 0, PARAM },
		{ VIO_SPI_MF_CPHA_0 | VIO_SPI_MF_CPOL_1, VIO_SPI_MODE_CPOL, OK },
		{ 0x4f, VIO_SPI_MODE_CS_HIGH, PARAM },
		{ 0x1f, VIO_SPI_MODE_CS_HIGH, OK },
		{ 0x5f, VIO_SPI_MODE_LSB_FIRST, PARAM },
		{ 0x2f, VIO_SPI_MODE_LSB_FIRST, OK },
		{ 0x3f, VIO_SPI_MODE_LOOP, PARAM },
		{ 0x4f, VIO_SPI_MODE_LOOP, OK },
	};
	struct vio_spi_transfer_head h;
	struct vio_spi_bus bus = { .cs_max = 1 };
	struct rig_req r;
	struct bed b;
	size_t n;

	(void)state;
	for (n = 0; n < sizeof(t) / sizeof(t[0]); n++) {
		bus.mode_func = t[n].func;
		bed_init(&b, &bus);
		h = plain;
		h.cs_change = 0;
		h.mode = t[n].mode;
		assert_int_equal(spi_do(&b.g, &r, &h, "a", 1, 0), t[n].result);
		bed_end(&b);
	}
	bed_init(&b, &bus);
	h = plain;
	assert_int_equal(spi_do(&b.g, &r, &h, "a", 1, 0), PARAM); /* cs_change cannot be had */
	h.cs_change = 0;
	h.freq = UINT32_MAX;
	h.bits_per_word = 3;
	assert_int_equal(spi_do(&b.g, &r, &h, "a", 1, 0), OK);
	h.cs_setup_ns = 1;
	assert_int_equal(spi_do(&b.g, &r, &h, "a", 1, 0), PARAM);
	bed_end(&b);
}

static void test_sizes(void **state)
{
	uint8_t out[40] = { 0, 8 };
	struct rig_req r;
	struct bed b;
	uint32_t n;

	(void)state;
	bed_init(&b, &full);
	for (n = 0; n < 32; n++) { /* a head that is cut off, with room for data as well */
		rig_do(&b.g, 0, &r, out, n, 3);
		assert_int_equal(spi_result(&r), PARAM);
	}
	rig_do(&b.g, 0, &r, out, 34, 0); /* no room for a result */
	assert_true(r.back);
	assert_int_equal(b.f.calls, 0);
	bed_end(&b);
}

/* ---- pending, reset, replay ---- */

static void test_in_order(void **state)
{
	struct vio_spi_transfer_head h = plain;
	struct vio_spi_xfer *x;
	struct rig_req r[3];
	struct bed b;
	uint8_t n;

	(void)state;
	bed_init(&b, &full);
	b.f.rc = VIO_PENDING;
	for (n = 0; n < 3; n++) {
		h.chip_select_id = n;
		spi_add(&b.g, &r[n], &h, "ab", 2, 2);
	}
	rig_kick(&b.g, 0);
	for (n = 0; n < 3; n++) {
		x = b.f.late;
		assert_non_null(x);
		assert_int_equal(x->cs, n);
		assert_false(r[n].back);
		b.f.late = NULL;
		vio_job_complete(&x->job, n == 1 ? VIO_E_IO : VIO_OK);
		rig_turn(&b.g);
		assert_int_equal(spi_result(&r[n]), n == 1 ? TRANS : OK);
	}
	b.f.rc = VIO_E_NOTSUP;
	assert_int_equal(spi_do(&b.g, &r[0], &h, "ab", 2, 0), TRANS);
	bed_end(&b);
}

static void test_reset_while_owned(void **state)
{
	struct rig_req r;
	struct bed b;

	(void)state;
	bed_init(&b, &full);
	b.f.rc = VIO_PENDING;
	spi_add(&b.g, &r, &plain, "ab", 2, 2);
	rig_kick(&b.g, 0);
	assert_int_equal(rig_reset(&b.g), VIO_OK);
	assert_int_equal(b.f.cancels, 1);
	assert_int_equal(vio_vq_owned(&b.dev.vq), 0);
	b.f.rc = VIO_OK;
	assert_int_equal(rig_drive(&b.g, 0), VIO_OK);
	assert_int_equal(spi_do(&b.g, &r, &plain, "ab", 2, 2), OK);
	bed_end(&b);
}

/* What may have been run already is not run again. */
static void test_replay(void **state)
{
	struct rig_req r[2];
	struct vio_spi second;
	struct bed b;

	(void)state;
	bed_init(&b, &full);
	rig_track(&b.g);
	b.f.rc = VIO_PENDING;
	spi_add(&b.g, &r[0], &plain, "ab", 2, 0);
	rig_kick(&b.g, 0);
	b.f.late = NULL;
	b.f.rc = VIO_OK;
	spi_add(&b.g, &r[1], &plain, "cd", 2, 0);
	vio_dvq_need_kick(&b.g.q[0]);
	memset(&second, 0, sizeof(second));
	assert_int_equal(vio_spi_init(&second, rig_mem_again(&b.g), &fake_ops, &b.f), VIO_OK);
	rig_crash(&b.g, &second.dev);
	assert_int_equal(spi_result(&r[0]), TRANS);
	assert_int_equal(spi_result(&r[1]), OK);
	assert_int_equal(b.f.calls, 2);
	bed_end(&b);
}

static void test_hosts(void **state)
{
	static const struct vio_spi_bus wrong[] = {
		{ .cs_max = 0, .mode_func = 5 },
		{ .cs_max = 1, .mode_func = VIO_SPI_MF_CPHA_0 },
		{ .cs_max = 1, .mode_func = VIO_SPI_MF_CPOL_1 },
	};
	struct fake f = { .bus = { .cs_max = 255 } };
	struct vio_spi dev;
	struct rig g;
	size_t n;

	(void)state;
	memset(&dev, 0, sizeof(dev));
	assert_int_equal(vio_spi_init(&dev, rig_mem(&g), NULL, &f), VIO_E_ARG);
	assert_int_equal(vio_spi_init(&dev, &g.mem.m, &fake_ops, &f), VIO_E_IO);
	for (n = 0; n < 3; n++) {
		f.bus = wrong[n];
		assert_int_equal(vio_spi_init(&dev, &g.mem.m, &fake_ops, &f), VIO_E_ARG);
	}
	rig_end(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_config),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_passed_on),
		cmocka_unit_test(test_small_controllers),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_in_order),
		cmocka_unit_test(test_reset_while_owned),
		cmocka_unit_test(test_replay),
		cmocka_unit_test(test_hosts),
	};
	int failed = cmocka_run_group_tests_name("spi, split", tests, NULL, NULL);

	rig_packed = true;
	rig_piece = 7;
	failed += cmocka_run_group_tests_name("spi, packed, in small pieces", tests, NULL, NULL);
	return failed;
}
