/* SPDX-License-Identifier: BSD-3-Clause */
/* t_spi_sim.c - the simulated SPI bus: a flash memory as the guest sees it, and a wire */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "spi_bed.h"
#include "hosted/host_kind.h"

extern const struct host_kind host_sim_spi[];

struct sim {
	struct rig g;
	struct vio_spi dev;
	struct host_ctx ctx;
	struct host host;
	struct loop *loop;
	bool linux_driver; /* never sets cs_change */
};

static void sim_init(struct sim *s, const char *arg)
{
	memset(s, 0, sizeof(*s));
	s->loop = loop_new("test");
	s->ctx.name = "spi0";
	s->ctx.arg = arg;
	s->ctx.loop = s->loop;
	assert_int_equal(host_sim_spi[0].open(&s->ctx, &s->host), 0);
	assert_int_equal(vio_spi_init(&s->dev, rig_mem(&s->g), s->host.ops, s->host.host), VIO_OK);
	assert_int_equal(rig_start(&s->g, &s->dev.dev, 0), VIO_OK);
}

static void sim_end(struct sim *s)
{
	assert_int_equal(rig_reset(&s->g), VIO_OK);
	s->host.close(&s->host);
	loop_free(s->loop);
	rig_end(&s->g);
}

/* One command: sends `out` in one transfer, then more of it, then receives, as spi-mem of Linux does */
static const uint8_t *command(struct sim *s, const void *out, uint32_t len, const void *data,
			      uint32_t more, uint32_t in)
{
	static struct rig_req r[3];
	struct vio_spi_transfer_head h = plain;

	s->g.used = s->g.used > RIG_RAM / 2 ? 65536 : s->g.used; /* the rings are before that */
	h.cs_change = !s->linux_driver && !more && !in;
	assert_int_equal(spi_do(&s->g, &r[0], &h, out, len, 0), OK);
	if (more) {
		h.cs_change = !s->linux_driver && !in;
		assert_int_equal(spi_do(&s->g, &r[1], &h, data, more, 0), OK);
	}
	h.cs_change = !s->linux_driver;
	if (in) {
		assert_int_equal(spi_do(&s->g, &r[2], &h, NULL, 0, in), OK);
	}
	return r[2].in;
}

#define SEND(s, ...)                                                                               \
	command(s, (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }),     \
		NULL, 0, 0)
#define ASK(s, in, ...)                                                                            \
	command(s, (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }),     \
		NULL, 0, in)
#define SEND_DATA(s, d, n, ...)                                                                    \
	command(s, (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }), d,  \
		n, 0)

static bool all_ff(const uint8_t *p, uint32_t n)
{
	while (n && p[n - 1] == 0xff) {
		n--;
	}
	return n == 0;
}

static void check_flash(struct sim *s)
{
	uint8_t page[256];
	uint32_t n;

	for (n = 0; n < sizeof(page); n++) {
		page[n] = (uint8_t)(n ^ 0x5a);
	}
	assert_memory_equal(ASK(s, 6, 0x9f), "\xef\x40\x14\xef\x40\x14", 6);
	assert_memory_equal(ASK(s, 14, 3, 0, 0, 0), "stratos flash\n", 14);
	assert_memory_equal(ASK(s, 5, 0x0b, 0, 0, 8, 0xaa), "flash", 5);
	assert_memory_equal(ASK(s, 4, 0x5a, 0, 0, 0, 0), "\xff\xff\xff\xff", 4); /* no SFDP */
	assert_memory_equal(ASK(s, 2, 0xab), "\xff\xff", 2);			 /* unknown */
	/* a page, not enabled; then enabled; enabled is once */
	SEND_DATA(s, page, 256, 2, 0x01, 0x23, 0x00);
	assert_true(all_ff(ASK(s, 256, 3, 0x01, 0x23, 0x00), 256));
	SEND(s, 6);
	assert_int_equal(*ASK(s, 1, 5), 2);
	SEND_DATA(s, page, 256, 2, 0x01, 0x23, 0x00);
	assert_int_equal(*ASK(s, 1, 5), 0);
	assert_memory_equal(ASK(s, 256, 3, 0x01, 0x23, 0x00), page, 256);
	SEND_DATA(s, "\0\0", 2, 2, 0x01, 0x23, 0x00);
	assert_memory_equal(ASK(s, 256, 3, 0x01, 0x23, 0x00), page, 256);
	/* bits only go from 1 to 0; a page turns round at its end */
	SEND(s, 6);
	SEND_DATA(s, "\xf0\x0f\x33", 3, 2, 0x01, 0x23, 0xfe);
	assert_int_equal(*ASK(s, 1, 3, 0x01, 0x23, 0xfe), page[254] & 0xf0);
	assert_int_equal(*ASK(s, 1, 3, 0x01, 0x23, 0x00), page[0] & 0x33);
	assert_int_equal(*ASK(s, 1, 3, 0x01, 0x24, 0x00), 0xff);
	/* the last byte is followed by the first */
	assert_memory_equal(ASK(s, 3, 3, 0x0f, 0xff, 0xff), "\xffst", 3);
	/* erase: the neighbours stay */
	SEND(s, 6);
	SEND_DATA(s, "x", 1, 2, 0x01, 0x30, 0x00);
	SEND(s, 6);
	SEND(s, 0x20, 0x01, 0x2f, 0xff);
	assert_true(all_ff(ASK(s, 4096, 3, 0x01, 0x20, 0x00), 4096));
	assert_int_equal(*ASK(s, 1, 3, 0x01, 0x30, 0x00), 'x');
	SEND(s, 0x52, 0x01, 0x00, 0x00); /* not enabled any more */
	assert_int_equal(*ASK(s, 1, 3, 0x01, 0x30, 0x00), 'x');
	SEND(s, 6);
	SEND(s, 4);
	SEND(s, 0xd8, 0x01, 0x00, 0x00); /* disabled again */
	assert_int_equal(*ASK(s, 1, 3, 0x01, 0x30, 0x00), 'x');
	SEND(s, 6);
	SEND(s, 0xd8, 0x01, 0x00, 0x00);
	assert_int_equal(*ASK(s, 1, 3, 0x01, 0x30, 0x00), 0xff);
	/* protected by status: nothing happens, until it is taken away */
	SEND(s, 6);
	SEND(s, 1, 0x1c);
	assert_int_equal(*ASK(s, 1, 5), 0x1c);
	SEND(s, 6);
	SEND(s, 0xc7);
	assert_int_equal(*ASK(s, 1, 3, 0, 0, 0), 's');
	SEND(s, 6);
	SEND(s, 1, 0);
	SEND(s, 6);
	SEND(s, 0xc7);
	assert_int_equal(*ASK(s, 1, 3, 0, 0, 0), 0xff);
}

/* A driver that follows the specification, and Linux's, which never says where a message ends */
static void test_flash(void **state)
{
	static const char *const arg[] = { NULL, "strict", NULL };
	struct sim s;
	size_t n;

	(void)state;
	for (n = 0; n < 3; n++) {
		sim_init(&s, arg[n]);
		s.linux_driver = n == 2;
		check_flash(&s);
		sim_end(&s);
	}
}

/* Full duplex, data in several transfers, a command that is cut off by deselection or by another chip */
static void test_transfers(void **state)
{
	static const uint8_t read[8] = { 3, 0, 0, 0 };
	struct vio_spi_transfer_head h = plain, wire = plain;
	struct rig_req r;
	struct sim s;

	(void)state;
	sim_init(&s, "strict");
	assert_int_equal(spi_do(&s.g, &r, &h, read, 8, 8), OK);
	assert_memory_equal(r.in, "\xff\xff\xff\xffstra", 8);
	h.cs_change = 0;
	assert_int_equal(spi_do(&s.g, &r, &h, read, 4, 0), OK);
	assert_int_equal(spi_do(&s.g, &r, &h, NULL, 0, 3), OK);
	assert_memory_equal(r.in, "str", 3);
	assert_int_equal(spi_do(&s.g, &r, &h, NULL, 0, 4), OK);
	assert_memory_equal(r.in, "atos", 4); /* still selected */
	wire.chip_select_id = 1;
	assert_int_equal(spi_do(&s.g, &r, &wire, "abc", 3, 3), OK);
	assert_memory_equal(r.in, "abc", 3);
	assert_int_equal(spi_do(&s.g, &r, &h, read, 4, 0),
			 OK); /* deselected meanwhile: a new command */
	assert_int_equal(spi_do(&s.g, &r, &h, NULL, 0, 3), OK);
	assert_memory_equal(r.in, "str", 3);
	assert_int_equal(spi_do(&s.g, &r, &wire, "abc", 3, 3), OK);
	assert_int_equal(spi_do(&s.g, &r, &h, read, 2, 0), OK); /* cut off by a reset */
	assert_int_equal(rig_reset(&s.g), VIO_OK);
	assert_int_equal(rig_drive(&s.g, 0), VIO_OK);
	assert_int_equal(spi_do(&s.g, &r, &h, "\x9f\0\0\0", 4, 4), OK);
	assert_memory_equal(r.in, "\xff\xef\x40\x14", 4);
	SEND(&s, 0); /* deselects */
	SEND(&s, 6);
	assert_int_equal(spi_do(&s.g, &r, &h, "\2\0\0\x40", 4, 0), OK);
	assert_int_equal(spi_do(&s.g, &r, &h, "one", 3, 0), OK);
	h.cs_change = 1;
	assert_int_equal(spi_do(&s.g, &r, &h, "two", 3, 0), OK); /* data in two pieces */
	assert_memory_equal(ASK(&s, 7, 3, 0, 0, 0x40), "onetwo\xff", 7);
	h.mode = VIO_SPI_MODE_LOOP;
	assert_int_equal(spi_do(&s.g, &r, &h, "loop", 4, 4), OK);
	assert_memory_equal(r.in, "loop", 4);
	h.mode = VIO_SPI_MODE_CPHA; /* the flash understands modes 0 and 3 */
	assert_int_equal(spi_do(&s.g, &r, &h, "\x9f\0\0\0", 4, 4), OK);
	assert_memory_equal(r.in, "\xff\xff\xff\xff", 4);
	h.mode = VIO_SPI_MODE_CPHA | VIO_SPI_MODE_CPOL;
	assert_int_equal(spi_do(&s.g, &r, &h, "\x9f\0\0\0", 4, 4), OK);
	assert_memory_equal(r.in + 1, "\xef\x40\x14", 3);
	h.bits_per_word = 16;
	assert_int_equal(spi_do(&s.g, &r, &h, "\x9f\0\0\0", 4, 4), TRANS);
	sim_end(&s);
}

static void test_delay(void **state)
{
	struct rig_req r;
	struct sim s;

	(void)state;
	sim_init(&s, "delay=10000000");
	spi_add(&s.g, &r, &plain, "\x9f", 1, 0);
	rig_kick(&s.g, 0);
	assert_false(r.back);
	sim_end(&s); /* a reset does not wait for it */
}

static void test_arguments(void **state)
{
	static const char *const wrong[] = { "delay=", "delay=x",  "delay=10000001",
					     "stric",  "strictly", "delay=1;" };
	struct host_ctx ctx;
	struct host h;
	size_t n;

	(void)state;
	for (n = 0; n < sizeof(wrong) / sizeof(wrong[0]); n++) {
		memset(&ctx, 0, sizeof(ctx));
		ctx.arg = wrong[n];
		assert_int_equal(host_sim_spi[0].open(&ctx, &h), -1);
		assert_true(strstr(ctx.err, "delay") != NULL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flash),
		cmocka_unit_test(test_transfers),
		cmocka_unit_test(test_delay),
		cmocka_unit_test(test_arguments),
	};

	return cmocka_run_group_tests_name("spi, simulated", tests, NULL, NULL);
}
