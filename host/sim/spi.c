/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * spi.c - a simulated SPI bus: a flash memory and a wire
 *
 * Chip select 0: flash W25Q80BL, 1 MiB, JEDEC id ef 40 14: read (03, 0b), program (02, pages of 256 bytes), erase
 * (20, 52, d8, c7, 60), status (05, 35, 01), write enable (06, 04), id (9f). It has no SFDP table (5a reads ff). It
 * comes erased, but for readable text in its first page.
 * Chip select 1: what is sent is received. With LOOP so is every chip select.
 *
 * Where a command ends: when the chip is deselected. Linux's driver (up to 7.2) never says so: it leaves cs_change
 * clear in the last transfer of a message. So unless told to be `strict` the flash takes a transfer as the
 * beginning of a command if the one before has all it can want: an instruction without operands, a whole address
 * of an erase, data of a program or status, or if data was read and this one only sends. A driver that sends the
 * data of one program in several transfers needs `strict`.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "hosted/host_kind.h"
#include "vio/spi.h"

#define BYTES 0x100000u
#define PAGE  256u
#define TEXT  "stratos flash\n"

#define BUSY	0x01u /* status: never, what is simulated is done at once */
#define ENABLED 0x02u
#define PROTECT 0x1cu /* any of these: nothing can be written */

struct sim_spi {
	struct vio_clock *clock;
	struct vio_timer timer;
	struct vio_spi_xfer *late; /* completes when the timer fires */
	uint64_t delay;		   /* ns, 0: at once */
	bool strict;
	int32_t result; /* of late */
	/* the flash */
	uint8_t op, status;
	bool began;	/* op is valid */
	bool got;	/* data was read by this command */
	uint32_t count; /* bytes behind op */
	uint32_t addr;
	uint8_t mem[BYTES];
};

static const struct vio_spi_bus sim_bus = {
	.cs_max = 2,
	.cs_change = true,
	.bits_mask = 1u << 7 | 1u << 15 | 1u << 31,
	.mode_func = VIO_SPI_MF_CPHA_0 | VIO_SPI_MF_CPHA_1 | VIO_SPI_MF_CPOL_0 | VIO_SPI_MF_CPOL_1 |
		     VIO_SPI_MF_LOOP,
	.freq_max = 80000000,
	.word_delay_max = 1000000,
	.cs_setup_max = 1000000,
	.cs_hold_max = 1000000,
	.cs_inactive_max = 1000000,
};

/* ---- the flash, byte by byte ---- */

/* operands before data: address, and a byte that means nothing */
static uint32_t flash_operands(uint8_t op)
{
	switch (op) {
	case 0x0b:
	case 0x5a:
		return 4;
	case 0x02:
	case 0x03:
	case 0x20:
	case 0x52:
	case 0xd8:
		return 3;
	default:
		return 0;
	}
}

static bool flash_writable(const struct sim_spi *f)
{
	return (f->status & ENABLED) && !(f->status & PROTECT);
}

/* bytes that an instruction erases; 0: it is no such instruction */
static uint32_t flash_erases(uint8_t op)
{
	switch (op) {
	case 0x20:
		return 0x1000;
	case 0x52:
		return 0x8000;
	case 0xd8:
		return 0x10000;
	case 0x60:
	case 0xc7:
		return BYTES;
	default:
		return 0;
	}
}

/* The chip is deselected, or nothing more can belong to the command: what it is for happens now. */
static void flash_end(struct sim_spi *f)
{
	uint32_t len = flash_erases(f->op);

	if (!f->began) {
		return;
	}
	f->began = false;
	if (f->op == 0x06 && f->count == 0) {
		f->status |= ENABLED;
	} else if (len && f->count == flash_operands(f->op) && flash_writable(f)) {
		memset(f->mem + (f->addr & (BYTES - 1u) & ~(len - 1u)), 0xff, len);
	}
	if (len || f->op == 0x01 || f->op == 0x02 || f->op == 0x04) {
		f->status &= (uint8_t)~ENABLED; /* each write needs its own enable */
	}
}

static void flash_data(struct sim_spi *f, uint8_t byte)
{
	if (f->op == 0x02 && flash_writable(f)) {
		f->mem[f->addr & (BYTES - 1u)] &= byte;
		f->addr = (f->addr & ~(PAGE - 1u)) | ((f->addr + 1u) & (PAGE - 1u));
	} else if (f->op == 0x01 && (f->status & ENABLED) && f->count == 0) {
		f->status = (uint8_t)((byte & ~(BUSY | ENABLED)) | ENABLED);
	}
}

static uint8_t flash_answer(struct sim_spi *f)
{
	static const uint8_t id[3] = { 0xef, 0x40, 0x14 };

	switch (f->op) {
	case 0x9f:
		return id[f->count % 3u];
	case 0x05:
		return f->status;
	case 0x35:
		return 0;
	case 0x03:
	case 0x0b:
		return f->mem[f->addr++ & (BYTES - 1u)];
	default:
		return 0xff;
	}
}

/* One byte in, one byte out, at the same time. out_only: the driver does not look at what it receives */
static uint8_t flash_byte(struct sim_spi *f, uint8_t byte, bool out_only)
{
	uint32_t operands = flash_operands(f->op);
	uint8_t answer = 0xff;

	if (!f->began) {
		f->began = true;
		f->got = false;
		f->op = byte;
		f->count = 0;
		f->addr = 0;
		return answer;
	}
	if (f->count < operands) {
		f->addr = f->count < 3u ? f->addr << 8 | byte : f->addr;
	} else {
		answer = flash_answer(f);
		f->got = f->got || !out_only;
		flash_data(f, byte);
	}
	f->count++;
	return answer;
}

/* Has the command all that it can want? See the head of this file. */
static bool flash_over(const struct sim_spi *f)
{
	switch (f->op) {
	case 0x01:
		return f->count >= 1;
	case 0x02:
		return f->count > 3;
	case 0x20:
	case 0x52:
	case 0xd8:
		return f->count >= 3;
	case 0x03:
	case 0x05:
	case 0x0b:
	case 0x35:
	case 0x5a:
	case 0x9f:
		return f->got;
	default:
		return true;
	}
}

/* ---- transfers ---- */

static int sim_flash(struct sim_spi *f, struct vio_spi_xfer *x)
{
	uint32_t phases = x->mode & (VIO_SPI_MODE_CPHA | VIO_SPI_MODE_CPOL), n;
	struct vio_span out = x->out, in = x->in;
	uint8_t byte;

	if (x->bits != 8) {
		return VIO_E_NOTSUP;
	}
	if (!f->strict && x->tx && !x->rx && f->began && flash_over(f)) {
		flash_end(f);
	}
	for (n = 0; n < x->len; n++) {
		byte = 0xff;
		if (x->tx) {
			(void)vio_span_read(&out, &byte, 1);
		}
		/* modes 0 and 3 only: in the others it understands nothing */
		byte = phases == 0 || phases == 3u ? flash_byte(f, byte, !x->rx) : 0xff;
		if (x->rx) {
			(void)vio_span_write(&in, &byte, 1);
		}
	}
	if (x->cs_change || (!f->strict && f->began && flash_over(f) && !f->got)) {
		flash_end(f);
	}
	return VIO_OK;
}

static int sim_wire(struct vio_spi_xfer *x)
{
	struct vio_span out = x->out, in = x->in;
	uint8_t byte = 0;
	uint32_t n;

	for (n = 0; x->rx && n < x->len; n++) {
		if (x->tx) {
			(void)vio_span_read(&out, &byte, 1);
		}
		(void)vio_span_write(&in, &byte, 1);
	}
	return VIO_OK;
}

static int sim_xfer(void *host, struct vio_spi_xfer *x)
{
	struct sim_spi *s = host;
	int rc;

	if (x->cs != 0) {
		flash_end(s); /* one chip is selected at a time */
	}
	rc = x->cs == 0 && !(x->mode & VIO_SPI_MODE_LOOP) ? sim_flash(s, x) : sim_wire(x);
	if (s->delay == 0) {
		return rc;
	}
	s->late = x;
	s->result = rc;
	s->clock->set(s->clock, &s->timer, s->clock->now(s->clock) + s->delay);
	return VIO_PENDING;
}

static void sim_fire(struct vio_timer *t)
{
	struct sim_spi *s = VIO_CONTAINER(t, struct sim_spi, timer);
	struct vio_spi_xfer *x = s->late;

	t->at = 0;
	s->late = NULL;
	vio_job_complete(&x->job, s->result);
}

static void sim_cancel(void *host, struct vio_spi_xfer *x)
{
	struct sim_spi *s = host;

	if (s->late == x) {
		s->clock->set(s->clock, &s->timer, 0);
		sim_fire(&s->timer);
	}
}

static void sim_reset(void *host)
{
	flash_end(host);
}

static const struct vio_spi_bus *sim_bus_open(void *host)
{
	(void)host;
	return &sim_bus;
}

static const struct vio_spi_host_ops sim_ops = {
	.open = sim_bus_open,
	.xfer = sim_xfer,
	.cancel = sim_cancel,
	.reset = sim_reset,
};

/* ---- kind ---- */

static void sim_close(struct host *h)
{
	free(h->host);
}

/* returns: NULL or what is wrong */
static const char *sim_parse(struct sim_spi *s, const char *arg)
{
	unsigned long v;
	char *end;

	while (arg && *arg) {
		if (strncmp(arg, "strict", 6) == 0) {
			s->strict = true;
			end = (char *)arg + 6;
		} else if (strncmp(arg, "delay=", 6) == 0) {
			v = strtoul(arg + 6, &end, 10);
			if (end == arg + 6 || v > 10000000u) {
				return "delay is a number of microseconds, at most 10000000";
			}
			s->delay = (uint64_t)v * 1000u;
		} else {
			return "expected strict or delay=MICROSECONDS";
		}
		if (*end && *end != ',') {
			return "expected strict or delay=MICROSECONDS";
		}
		arg = *end ? end + 1 : end;
	}
	return NULL;
}

static int sim_open(struct host_ctx *ctx, struct host *out)
{
	struct sim_spi *s = calloc(1, sizeof(*s));
	const char *wrong = s ? sim_parse(s, ctx->arg) : "out of memory";

	if (wrong) {
		(void)snprintf(ctx->err, sizeof(ctx->err), "%s", wrong);
		free(s);
		return -1;
	}
	memset(s->mem, 0xff, sizeof(s->mem));
	memcpy(s->mem, TEXT, sizeof(TEXT) - 1u);
	s->timer.fire = sim_fire;
	if (s->delay) {
		s->clock = loop_clock(ctx->loop);
	}
	out->ops = &sim_ops;
	out->host = s;
	out->close = sim_close;
	return 0;
}

const struct host_kind host_sim_spi[] = {
	{
		.class_name = "spi",
		.name = "sim",
		.about = "simulated bus: flash memory of 1 MiB at chip select 0, a wire at 1",
		.arg_help = "[strict|delay=US],...",
		.is_default = true,
		.open = sim_open,
	},
	{ 0 },
};
