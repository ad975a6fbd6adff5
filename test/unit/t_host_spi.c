/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * t_host_spi.c - the Linux host of spi
 *
 * The kernel's spidev is played here: this program's own ioctl() answers for two chips. The host, the loop and the
 * worker thread are the real ones.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <linux/spi/spidev.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "host_bed.h"
#include "vio/spi.h"

extern const struct host_kind host_linux_spi[];

/* ---- the kernel that is played ---- */

static struct {
	uint32_t mode[2], refuses[2]; /* refuses: mode bits */
	uint32_t speed[2];
	uint32_t words[2]; /* bit n: n + 1 bits */
	uint8_t bits[2];
	int fd[2];
	unsigned calls, chip; /* messages; of the last one */
	struct spi_ioc_transfer last;
	bool none; /* it is no spidev */
} k;

/* chips are found by the order in which their files are asked first */
static unsigned chip_of(int fd)
{
	unsigned n;

	for (n = 0; n < 2 && k.fd[n] && k.fd[n] != fd; n++) {
	}
	assert_true(n < 2);
	k.fd[n] = fd;
	return n;
}

static int message(unsigned n, const struct spi_ioc_transfer *t)
{
	const uint8_t *out = (const uint8_t *)(uintptr_t)t->tx_buf;
	uint8_t *in = (uint8_t *)(uintptr_t)t->rx_buf;
	uint32_t i;

	k.calls++;
	k.chip = n;
	k.last = *t;
	if (t->len > 4096) {
		errno = EMSGSIZE;
		return -1;
	}
	if (t->speed_hz == 13) {
		errno = EIO;
		return -1;
	}
	for (i = 0; in && i < t->len; i++) {
		in[i] = (uint8_t)(out ? out[i] ^ 0xff : i);
	}
	return (int)t->len;
}

int ioctl(int fd, unsigned long request, ...)
{
	unsigned n = chip_of(fd);
	va_list ap;
	void *arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	errno = EINVAL;
	if (k.none) {
		errno = ENOTTY;
		return -1;
	}
	switch (request) {
	case SPI_IOC_RD_MODE32:
		*(uint32_t *)arg = k.mode[n];
		return 0;
	case SPI_IOC_WR_MODE32:
		if (*(uint32_t *)arg & k.refuses[n]) {
			return -1;
		}
		k.mode[n] = *(uint32_t *)arg;
		return 0;
	case SPI_IOC_RD_MAX_SPEED_HZ:
		*(uint32_t *)arg = k.speed[n];
		return 0;
	case SPI_IOC_RD_BITS_PER_WORD:
		*(uint8_t *)arg = k.bits[n];
		return 0;
	case SPI_IOC_WR_BITS_PER_WORD:
		if (!(k.words[n] & 1u << (*(uint8_t *)arg - 1))) {
			return -1;
		}
		k.bits[n] = *(uint8_t *)arg;
		return 0;
	default:
		assert_int_equal(request, SPI_IOC_MESSAGE(1));
		return message(n, arg);
	}
}

static int power_on(void **state)
{
	memset(&k, 0, sizeof(k));
	k.speed[0] = 10000000;
	k.speed[1] = 5000000;
	k.words[0] = 1u << 7 | 1u << 15;
	k.words[1] = 1u << 7;
	k.bits[0] = k.bits[1] = 8;
	k.refuses[0] = SPI_LSB_FIRST | SPI_TX_OCTAL | SPI_RX_OCTAL | SPI_RX_QUAD;
	k.refuses[1] = SPI_CPOL | SPI_LOOP | SPI_TX_DUAL | SPI_LSB_FIRST | SPI_TX_OCTAL;
	k.mode[0] = SPI_MODE_0;
	return setup(state);
}

/* ---- */

static const char *cs_end;

static const char *option(const struct host_ctx *c, const char *name)
{
	(void)c;
	return strcmp(name, "cs-end") == 0 ? cs_end : NULL;
}

static int open_chips(const char *arg, const char *end, struct host *h, struct host_ctx *ctx)
{
	memset(ctx, 0, sizeof(*ctx));
	memset(h, 0, sizeof(*h));
	cs_end = end;
	ctx->loop = loop;
	ctx->name = "spi0";
	ctx->arg = arg;
	ctx->option = option;
	return host_linux_spi[0].open(ctx, h);
}

static const char one[] = "/dev/null", two[] = "/dev/null,/dev/zero";

static void test_what_it_can_do(void **state)
{
	const struct vio_spi_host_ops *ops;
	const struct vio_spi_bus *b;
	struct host_ctx ctx;
	struct host h;

	(void)state;
	assert_int_equal(open_chips(one, NULL, &h, &ctx), 0);
	ops = h.ops;
	b = ops->open(h.host);
	assert_int_equal(b->cs_max, 1);
	assert_int_equal(b->bits_mask, 1u << 7 | 1u << 15);
	assert_int_equal(b->mode_func, 0x0f | VIO_SPI_MF_CS_HIGH | VIO_SPI_MF_LOOP);
	assert_int_equal(b->tx_nbits, VIO_SPI_NBITS_DUAL | VIO_SPI_NBITS_QUAD);
	assert_int_equal(b->rx_nbits, VIO_SPI_NBITS_DUAL);
	assert_int_equal(b->freq_max, 10000000);
	assert_int_equal(b->cs_setup_max | b->cs_inactive_max, 0);
	assert_int_equal(k.mode[0], SPI_MODE_0); /* as it was */
	assert_int_equal(k.bits[0], 8);
	h.close(&h);
	/* two chips: what both can do */
	memset(k.fd, 0, sizeof(k.fd));
	assert_int_equal(open_chips(two, NULL, &h, &ctx), 0);
	ops = h.ops;
	b = ops->open(h.host);
	assert_int_equal(b->cs_max, 2);
	assert_int_equal(b->bits_mask, 1u << 7);
	assert_int_equal(b->mode_func, VIO_SPI_MF_CPHA_0 | VIO_SPI_MF_CPHA_1 | VIO_SPI_MF_CPOL_0 |
					       VIO_SPI_MF_CS_HIGH);
	assert_int_equal(b->tx_nbits, VIO_SPI_NBITS_QUAD);
	assert_int_equal(b->freq_max, 5000000);
	h.close(&h);
}

/* returns: how it ended */
static int32_t transfer(struct host *h, struct vio_spi_xfer *x, uint8_t *out, uint8_t *in,
			uint32_t len)
{
	struct vio_seg s[2];

	memset(s, 0, sizeof(s));
	s[0].p = out;
	s[0].len = len;
	s[1].p = in;
	s[1].len = len;
	x->job = (struct vio_job){ job_done, &vq };
	x->tx = out != NULL;
	x->rx = in != NULL;
	x->len = len;
	x->out = (struct vio_span){ .seg = &s[0], .n = 1, .len = len };
	x->in = (struct vio_span){ .seg = &s[1], .n = 1, .len = len };
	return wait_for(((const struct vio_spi_host_ops *)h->ops)->xfer(h->host, x));
}

static void test_transfer(void **state)
{
	struct vio_spi_xfer x = { .cs = 1,
				  .bits = 8,
				  .tx_nbits = 4,
				  .rx_nbits = 1,
				  .mode = VIO_SPI_MODE_CPHA | VIO_SPI_MODE_CS_HIGH,
				  .freq = 1000000,
				  .word_delay = 1500,
				  .cs_hold = 65535000 };
	uint8_t out[4] = "abcd", in[4];
	struct host_ctx ctx;
	struct host h;

	(void)state;
	assert_int_equal(open_chips(two, NULL, &h, &ctx), 0);
	assert_int_equal(transfer(&h, &x, out, in, 4), VIO_OK);
	assert_memory_equal(in, "\x9e\x9d\x9c\x9b", 4);
	assert_int_equal(k.chip, 1);
	assert_int_equal(k.mode[1], SPI_CPHA | SPI_CS_HIGH | SPI_TX_QUAD);
	assert_int_equal(k.last.speed_hz, 1000000);
	assert_int_equal(k.last.bits_per_word, 8);
	assert_int_equal(k.last.tx_nbits, 4);
	assert_int_equal(k.last.word_delay_usecs, 2);
	assert_int_equal(k.last.delay_usecs, 65535);
	assert_int_equal(k.last.cs_change, 1); /* stays selected: the opposite of virtio's */
	/* deselected by the driver, by a reset, or after each request */
	x.cs_change = true;
	assert_int_equal(transfer(&h, &x, NULL, in, 3), VIO_OK);
	assert_memory_equal(in, "\0\1\2", 3);
	assert_int_equal(k.last.cs_change, 0);
	assert_int_equal(k.last.tx_buf, 0);
	k.calls = 0;
	((const struct vio_spi_host_ops *)h.ops)->reset(h.host);
	assert_int_equal(k.calls, 0); /* nothing is selected */
	x.cs_change = false;
	assert_int_equal(transfer(&h, &x, out, NULL, 3), VIO_OK);
	assert_int_equal(k.last.rx_buf, 0);
	((const struct vio_spi_host_ops *)h.ops)->reset(h.host);
	assert_int_equal(k.calls, 2);
	assert_int_equal(k.last.len | k.last.cs_change, 0);
	h.close(&h);
	memset(k.fd, 0, sizeof(k.fd));
	assert_int_equal(open_chips(two, "request", &h, &ctx), 0);
	assert_int_equal(transfer(&h, &x, out, NULL, 3), VIO_OK);
	assert_int_equal(k.last.cs_change, 0);
	h.close(&h);
}

static void test_failures(void **state)
{
	static uint8_t big[4097];
	struct vio_spi_xfer x = { .bits = 8, .tx_nbits = 1, .rx_nbits = 1, .freq = 13 };
	uint8_t in[4] = "none";
	struct host_ctx ctx;
	struct host h;

	(void)state;
	assert_int_equal(open_chips(one, NULL, &h, &ctx), 0);
	assert_int_equal(transfer(&h, &x, NULL, in, 4), VIO_E_IO);
	assert_memory_equal(in, "none", 4);
	x.freq = 0;
	assert_int_equal(transfer(&h, &x, big, NULL, 4097), VIO_E_IO); /* spidev.bufsiz */
	assert_int_equal(transfer(&h, &x, big, NULL, 4096), VIO_OK);
	k.refuses[0] = UINT32_MAX;
	x.mode = VIO_SPI_MODE_CPHA; /* the adapter was pulled */
	assert_int_equal(transfer(&h, &x, big, NULL, 1), VIO_E_IO);
	h.close(&h);
}

static void test_arguments(void **state)
{
	static const struct {
		const char *arg, *end, *word;
	} t[] = {
		{ NULL, NULL, "/dev/spidev0.0" },
		{ "", NULL, "/dev/spidev0.0" },
		{ "/dev/no", NULL, "spidev loaded" },
		{ "/dev/null,/dev/no", NULL, "/dev/no:" },
		{ "/dev/null", "never", "driver or request" },
	};
	struct host_ctx ctx;
	struct host h;
	size_t n;

	(void)state;
	for (n = 0; n < sizeof(t) / sizeof(t[0]); n++) {
		assert_int_equal(open_chips(t[n].arg, t[n].end, &h, &ctx), -1);
		assert_true(strstr(ctx.err, t[n].word) != NULL);
	}
	k.none = true;
	assert_int_equal(open_chips(one, NULL, &h, &ctx), -1);
	assert_true(strstr(ctx.err, "no SPI chip") != NULL);
	k.none = false;
	memset(k.fd, 0, sizeof(k.fd));
	k.words[0] = 1u << 7;
	k.words[1] = 1u << 15;
	assert_int_equal(open_chips(two, NULL, &h, &ctx), -1);
	assert_true(strstr(ctx.err, "in common") != NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_what_it_can_do, power_on, teardown),
		cmocka_unit_test_setup_teardown(test_transfer, power_on, teardown),
		cmocka_unit_test_setup_teardown(test_failures, power_on, teardown),
		cmocka_unit_test_setup_teardown(test_arguments, power_on, teardown),
	};

	return cmocka_run_group_tests_name("spi, this machine", tests, NULL, NULL);
}
