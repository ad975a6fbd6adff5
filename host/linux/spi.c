/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * spi.c - SPI chips of this machine, by /dev/spidevB.C
 *
 * Each file is one chip select of the device, in the order given. A transfer is one SPI_IOC_MESSAGE; the call
 * blocks, a worker thread makes it, and guest memory is copied on the loop, before and after.
 *
 * cs_change means opposite things: in virtio 0 keeps the chip selected, in the last transfer of a spidev message 1
 * does. With --cs-end=request the chip is deselected after every request, whatever the driver says.
 *
 * What the controller can do is asked of the kernel when the host is opened, by setting modes and word lengths and
 * seeing which are refused; the old ones are put back. spidev has no delay between selection and the first clock,
 * and none after deselection: these are offered as 0.
 *
 * Owner of the buffers: the loop before offload_submit and from spi_done on, the worker in between.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/spi/spidev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "hosted/host_kind.h"
#include "hosted/log.h"
#include "hosted/offload.h"
#include "vio/spi.h"

#define CHIPS 16u
#define US    1000u /* ns */
#define BYTES_MAX                                                                                  \
	(1u << 20) /* of a transfer; the kernel's own limit is mostly lower (spidev.bufsiz) */

struct spi_chip {
	int fd;
	uint32_t mode; /* as last set */
	bool held;     /* left selected */
	bool failed;   /* and that was said */
};

struct spi_host {
	const char *name;
	struct vio_spi_bus bus;
	struct spi_chip chip[CHIPS];
	bool request; /* --cs-end=request */
	bool told;    /* that a transfer is too long */
	struct offload *worker;
	struct offload_job job;
	struct vio_spi_xfer *x;
	struct spi_ioc_transfer t;
	uint32_t mode; /* that x needs */
	int failed;    /* errno of the worker, 0: none */
	uint8_t *out, *in;
	size_t room; /* bytes of each */
};

/* ---- on the worker ---- */

static void spi_run(struct offload_job *j)
{
	struct spi_host *h = VIO_CONTAINER(j, struct spi_host, job);
	struct spi_chip *c = &h->chip[h->x->cs];
	int n;

	h->failed = 0;
	if (c->mode != h->mode) {
		if (ioctl(c->fd, SPI_IOC_WR_MODE32, &h->mode) < 0) {
			h->failed = errno;
			return;
		}
		c->mode = h->mode;
	}
	do {
		n = ioctl(c->fd, SPI_IOC_MESSAGE(1), &h->t);
	} while (n < 0 && errno == EINTR);
	if (n < 0) {
		h->failed = errno;
	} else if ((uint32_t)n != h->t.len) {
		h->failed = EIO;
	}
}

/* ---- on the loop ---- */

/* What fails is said once, and when it is over. */
static void spi_say(struct spi_host *h, struct spi_chip *c, const struct vio_spi_xfer *x)
{
	if (h->failed == EMSGSIZE) {
		if (!h->told) {
			log_warn(h->name,
				 "the kernel takes no transfer of %u bytes: raise the parameter "
				 "bufsiz of spidev",
				 (unsigned)x->len);
		}
		h->told = true;
		return;
	}
	if (h->failed && !c->failed) {
		bool gone = h->failed == ESHUTDOWN || h->failed == ENODEV;

		log_error(h->name, "chip select %u: %s", (unsigned)x->cs,
			  gone ? "it is gone; start the program anew when it is back"
			       : strerror(h->failed));
	} else if (!h->failed && c->failed) {
		log_info(h->name, "chip select %u answers again", (unsigned)x->cs);
	}
	c->failed = h->failed != 0;
}

static void spi_done(struct offload_job *j)
{
	struct spi_host *h = VIO_CONTAINER(j, struct spi_host, job);
	struct vio_spi_xfer *x = h->x;
	struct vio_span in = x->in;

	h->x = NULL;
	h->chip[x->cs].held = h->failed == 0 && h->t.cs_change;
	spi_say(h, &h->chip[x->cs], x);
	if (h->failed == 0 && x->rx) {
		(void)vio_span_write(&in, h->in, x->len);
	}
	vio_job_complete(&x->job, h->failed ? VIO_E_IO : VIO_OK);
}

/* virtio's mode bits and widths as the kernel's */
static uint32_t spi_mode(const struct vio_spi_xfer *x)
{
	uint32_t mode = x->mode & (SPI_CPHA | SPI_CPOL | SPI_CS_HIGH | SPI_LSB_FIRST);

	mode |= x->mode & VIO_SPI_MODE_LOOP ? SPI_LOOP : 0u;
	mode |= x->tx_nbits == 2 ? (uint32_t)SPI_TX_DUAL : 0u;
	mode |= x->tx_nbits == 4 ? (uint32_t)SPI_TX_QUAD : 0u;
	mode |= x->tx_nbits == 8 ? (uint32_t)SPI_TX_OCTAL : 0u;
	mode |= x->rx_nbits == 2 ? (uint32_t)SPI_RX_DUAL : 0u;
	mode |= x->rx_nbits == 4 ? (uint32_t)SPI_RX_QUAD : 0u;
	mode |= x->rx_nbits == 8 ? (uint32_t)SPI_RX_OCTAL : 0u;
	return mode;
}

static bool spi_room(struct spi_host *h, uint32_t len)
{
	uint8_t *out, *in;

	if (len <= h->room) {
		return true;
	}
	out = realloc(h->out, len);
	h->out = out ? out : h->out;
	in = realloc(h->in, len);
	h->in = in ? in : h->in;
	if (!out || !in) {
		return false;
	}
	h->room = len;
	return true;
}

static int spi_xfer(void *host, struct vio_spi_xfer *x)
{
	struct spi_host *h = host;
	struct vio_span out = x->out;

	if (x->len > BYTES_MAX || !spi_room(h, x->len)) {
		return VIO_E_NOTSUP;
	}
	if (x->tx) {
		(void)vio_span_read(&out, h->out, x->len);
	}
	memset(&h->t, 0, sizeof(h->t));
	h->t.tx_buf = x->tx ? (uintptr_t)h->out : 0;
	h->t.rx_buf = x->rx ? (uintptr_t)h->in : 0;
	h->t.len = x->len;
	h->t.speed_hz = x->freq;
	h->t.bits_per_word = x->bits;
	h->t.cs_change = !x->cs_change && !h->request;
	h->t.tx_nbits = x->tx_nbits;
	h->t.rx_nbits = x->rx_nbits;
	h->t.delay_usecs = (uint16_t)((x->cs_hold + US - 1u) / US);
	h->t.word_delay_usecs = (uint8_t)((x->word_delay + US - 1u) / US);
	h->mode = spi_mode(x);
	h->x = x;
	return offload_submit(h->worker, &h->job) ? VIO_E_IO : VIO_PENDING;
}

/* An empty message deselects. */
static void spi_reset(void *host)
{
	struct spi_host *h = host;
	struct spi_ioc_transfer none;
	unsigned n;

	for (n = 0; n < h->bus.cs_max; n++) {
		if (h->chip[n].held) {
			h->chip[n].held = false;
			memset(&none, 0, sizeof(none));
			(void)ioctl(h->chip[n].fd, SPI_IOC_MESSAGE(1), &none);
		}
	}
}

static const struct vio_spi_bus *spi_bus(void *host)
{
	return &((struct spi_host *)host)->bus;
}

static const struct vio_spi_host_ops spi_ops = {
	.open = spi_bus,
	.xfer = spi_xfer,
	.reset = spi_reset,
};

/* ---- what can it do ---- */

static bool takes_mode(int fd, uint32_t mode)
{
	return ioctl(fd, SPI_IOC_WR_MODE32, &mode) >= 0;
}

/* Only what every chip's controller can do is offered. returns: false it is no spidev */
static bool spi_ask(struct vio_spi_bus *b, int fd, bool first)
{
	uint32_t mode, speed, func = 0, bits = 0;
	uint8_t tx = 0, rx = 0, word, old;
	unsigned n;

	if (ioctl(fd, SPI_IOC_RD_MODE32, &mode) < 0 ||
	    ioctl(fd, SPI_IOC_RD_MAX_SPEED_HZ, &speed) < 0 ||
	    ioctl(fd, SPI_IOC_RD_BITS_PER_WORD, &old) < 0) {
		return false;
	}
	func |= takes_mode(fd, SPI_MODE_0) ? VIO_SPI_MF_CPHA_0 | VIO_SPI_MF_CPOL_0 : 0u;
	func |= takes_mode(fd, SPI_CPHA) ? VIO_SPI_MF_CPHA_1 | VIO_SPI_MF_CPOL_0 : 0u;
	func |= takes_mode(fd, SPI_CPOL) ? VIO_SPI_MF_CPHA_0 | VIO_SPI_MF_CPOL_1 : 0u;
	func |= takes_mode(fd, SPI_CPOL | SPI_CPHA) ? VIO_SPI_MF_CPHA_1 | VIO_SPI_MF_CPOL_1 : 0u;
	func |= takes_mode(fd, mode | SPI_CS_HIGH) ? VIO_SPI_MF_CS_HIGH : 0u;
	func |= takes_mode(fd, mode | SPI_LSB_FIRST) ? VIO_SPI_MF_LSB_FIRST : 0u;
	func |= takes_mode(fd, mode | SPI_LOOP) ? VIO_SPI_MF_LOOP : 0u;
	for (n = 0; n < 3u; n++) {
		static const uint32_t out[] = { SPI_TX_DUAL, SPI_TX_QUAD, SPI_TX_OCTAL };
		static const uint32_t back[] = { SPI_RX_DUAL, SPI_RX_QUAD, SPI_RX_OCTAL };

		tx |= (uint8_t)(takes_mode(fd, mode | out[n]) ? 1u << n : 0u);
		rx |= (uint8_t)(takes_mode(fd, mode | back[n]) ? 1u << n : 0u);
	}
	(void)takes_mode(fd, mode);
	for (n = 1; n <= 32u; n++) {
		word = (uint8_t)n;
		bits |= ioctl(fd, SPI_IOC_WR_BITS_PER_WORD, &word) >= 0 ? 1u << (n - 1u) : 0u;
	}
	(void)ioctl(fd, SPI_IOC_WR_BITS_PER_WORD, &old);
	b->mode_func = first ? func : b->mode_func & func;
	b->tx_nbits = first ? tx : b->tx_nbits & tx;
	b->rx_nbits = first ? rx : b->rx_nbits & rx;
	b->bits_mask = first ? bits : b->bits_mask & bits;
	if (first || b->freq_max == 0 || (speed && speed < b->freq_max)) {
		b->freq_max = speed;
	}
	return true;
}

/* ---- kind ---- */

static void spi_close(struct host *out)
{
	struct spi_host *h = out->host;
	unsigned n;

	offload_free(h->worker);
	for (n = 0; n < h->bus.cs_max; n++) {
		close(h->chip[n].fd);
	}
	free(h->out);
	free(h->in);
	free(h);
}

static int spi_fail(struct host_ctx *ctx, struct host *out, const char *which, const char *what)
{
	(void)snprintf(ctx->err, sizeof(ctx->err), "%s%s%s", which, *which ? ": " : "", what);
	spi_close(out);
	memset(out, 0, sizeof(*out));
	return -1;
}

/* The next file of ARG; returns: NULL and *wrong: what is wrong with it */
static const char *spi_add(struct spi_host *h, const char *path)
{
	unsigned n = h->bus.cs_max;
	int fd;

	if (n == CHIPS) {
		return "too many chips, 16 is the limit";
	}
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		return errno == ENOENT ? "does not exist; is the module spidev loaded and bound to "
					 "the chip?"
				       : strerror(errno);
	}
	h->chip[n].fd = fd;
	h->bus.cs_max++;
	if (!spi_ask(&h->bus, fd, n == 0)) {
		return "is no SPI chip; give a /dev/spidevB.C";
	}
	if (ioctl(fd, SPI_IOC_RD_MODE32, &h->chip[n].mode) < 0) {
		return strerror(errno);
	}
	return NULL;
}

static int spi_open(struct host_ctx *ctx, struct host *out)
{
	const char *end = ctx->option(ctx, "cs-end"), *arg = ctx->arg, *comma, *wrong;
	struct spi_host *h = calloc(1, sizeof(*h));
	char path[128];

	if (!h) {
		(void)snprintf(ctx->err, sizeof(ctx->err), "out of memory");
		return -1;
	}
	out->ops = &spi_ops;
	out->host = h;
	out->close = spi_close;
	h->name = ctx->name;
	h->job.run = spi_run;
	h->job.done = spi_done;
	h->bus.cs_change = true;
	h->bus.cs_hold_max = UINT16_MAX * US;
	h->bus.word_delay_max = UINT8_MAX * US;
	if (end && strcmp(end, "request") && strcmp(end, "driver")) {
		return spi_fail(ctx, out, "", "cs-end is driver or request");
	}
	h->request = end && strcmp(end, "request") == 0;
	if (!arg || !*arg) {
		return spi_fail(ctx, out, "", "which chips? As in --host=linux:/dev/spidev0.0");
	}
	for (; *arg; arg = *comma ? comma + 1 : comma) {
		comma = arg + strcspn(arg, ",");
		(void)snprintf(path, sizeof(path), "%.*s", (int)(comma - arg), arg);
		wrong = spi_add(h, path);
		if (wrong) {
			return spi_fail(ctx, out, path, wrong);
		}
	}
	if (!h->bus.bits_mask || !(h->bus.mode_func & (VIO_SPI_MF_CPHA_0 | VIO_SPI_MF_CPHA_1))) {
		return spi_fail(ctx, out, "",
				"the chips have no mode or word length in common; a device each");
	}
	h->worker = offload_new(ctx->loop, ctx->name);
	return h->worker ? 0 : spi_fail(ctx, out, "", strerror(errno));
}

static const struct host_option spi_opt[] = {
	{ "cs-end", "WHEN",
	  "when a chip is deselected: driver (as it says, default), request (after each, for "
	  "Linux's driver)",
	  false },
};

const struct host_kind host_linux_spi[] = {
	{
		.class_name = "spi",
		.name = "linux",
		.about = "chips of this machine, one file for each chip select",
		.arg_help = "/dev/spidevB.C,...",
		.opt = spi_opt,
		.nopt = 1,
		.open = spi_open,
	},
	{ 0 },
};
