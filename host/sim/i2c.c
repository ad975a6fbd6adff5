/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * i2c.c - a simulated bus: EEPROMs and temperature sensors
 *
 * A chip sees what a real one sees: START with its address, bytes in one direction, STOP. It
 * answers with acknowledge (true) or not. A transfer is simulated at once; with `delay` its
 * completion comes later.
 *
 * eeprom: 24C02. 256 bytes; the first byte of a write sets the address pointer, the others are
 *	written, turning round inside a page of 8; reads run on over the whole memory. Comes with
 *	readable text in it.
 * lm75: registers 0 temperature (25.5 C), 1 configuration, 2 hysteresis, 3 over-temperature; the
 *	first byte of a write selects, the pointer stays for reads.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "hosted/host_kind.h"
#include "hosted/words.h"
#include "vio/i2c.h"

#define CHIPS	     16u
#define EEPROM_BYTES 256u
#define EEPROM_PAGE  8u
#define SMALL_ADDRS  0x80u /* from here on an address has 10 bits */
#define ALL_ADDRS    0x400u

struct sim_chip {
	const struct sim_chip_ops *ops;
	uint16_t addr;
	bool first;  /* the next byte written is the first after START */
	uint8_t at;  /* address pointer, register */
	uint8_t pos; /* lm75: byte inside the register */
	uint8_t mem[EEPROM_BYTES];
};

struct sim_chip_ops {
	const char *name;
	void (*init)(struct sim_chip *c);
	bool (*write)(struct sim_chip *c, uint8_t byte);
	uint8_t (*read)(struct sim_chip *c);
};

struct sim_bus {
	struct vio_clock *clock;
	struct vio_timer timer;
	struct vio_i2c_xfer *late; /* completes when the timer fires */
	int32_t result;		   /* of late */
	uint64_t delay;		   /* ns, 0: at once */
	uint16_t nchip;
	struct sim_chip chip[CHIPS];
};

/* ---- 24C02 ---- */

static void eeprom_init(struct sim_chip *c)
{
	char row[17];
	unsigned n;

	for (n = 0; n < EEPROM_BYTES; n += 16) {
		(void)snprintf(row, sizeof(row), "stratos eeprom%02x", n & 0xffu);
		memcpy(c->mem + n, row, 16);
	}
}

static bool eeprom_write(struct sim_chip *c, uint8_t byte)
{
	if (c->first) {
		c->at = byte;
		return true;
	}
	c->mem[c->at] = byte;
	c->at = (uint8_t)((c->at & ~(EEPROM_PAGE - 1u)) | ((c->at + 1u) & (EEPROM_PAGE - 1u)));
	return true;
}

static uint8_t eeprom_read(struct sim_chip *c)
{
	return c->mem[c->at++];
}

static const struct sim_chip_ops eeprom_ops = {
	.name = "eeprom",
	.init = eeprom_init,
	.write = eeprom_write,
	.read = eeprom_read,
};

/* ---- LM75: register r lies in mem[2r], mem[2r + 1], high byte first ---- */

static void lm75_init(struct sim_chip *c)
{
	static const uint8_t power_on[8] = { 0x19, 0x80, 0, 0, 0x4b, 0, 0x50, 0 };

	memcpy(c->mem, power_on, sizeof(power_on));
}

static bool lm75_write(struct sim_chip *c, uint8_t byte)
{
	if (c->first) {
		c->at = byte & 3u;
		c->pos = 0;
		return byte <= 3;
	}
	if (c->at == 0) {
		return false; /* the temperature is not for writing */
	}
	c->mem[c->at * 2u + (c->at == 1 ? 0 : c->pos)] = byte;
	c->pos ^= 1u;
	return true;
}

static uint8_t lm75_read(struct sim_chip *c)
{
	uint8_t byte = c->mem[c->at * 2u + (c->at == 1 ? 0 : c->pos)];

	c->pos ^= 1u;
	return byte;
}

static const struct sim_chip_ops lm75_ops = {
	.name = "lm75",
	.init = lm75_init,
	.write = lm75_write,
	.read = lm75_read,
};

/* ---- bus ---- */

static struct sim_chip *sim_find(struct sim_bus *b, const struct vio_i2c_msg *m)
{
	uint16_t n;

	for (n = 0; n < b->nchip; n++) {
		if (b->chip[n].addr == m->addr && m->ten == (m->addr >= SMALL_ADDRS)) {
			return &b->chip[n];
		}
	}
	return NULL;
}

static bool sim_write(struct sim_chip *c, struct vio_span s)
{
	uint8_t byte;

	while (vio_span_read(&s, &byte, 1)) {
		if (!c->ops->write(c, byte)) {
			return false;
		}
		c->first = false;
	}
	return true;
}

static bool sim_msg(struct sim_bus *b, struct vio_i2c_msg *m)
{
	struct sim_chip *c = sim_find(b, m);
	struct vio_span s = m->data;
	uint16_t n;
	uint8_t byte;

	if (!c) {
		return false; /* nobody acknowledges the address */
	}
	c->first = true;
	c->pos = 0;
	if (!m->read) {
		return sim_write(c, s);
	}
	for (n = 0; n < m->len; n++) {
		byte = c->ops->read(c);
		vio_span_write(&s, &byte, 1);
	}
	return true;
}

static int sim_xfer(void *host, struct vio_i2c_xfer *x)
{
	struct sim_bus *b = host;
	struct vio_i2c_msg *m;
	int rc = VIO_OK;

	for (m = x->msg; m; m = m->next, x->ok++) {
		if (!sim_msg(b, m)) {
			rc = VIO_E_IO;
			break;
		}
	}
	if (b->delay == 0) {
		return rc;
	}
	b->late = x;
	b->result = rc;
	b->clock->set(b->clock, &b->timer, b->clock->now(b->clock) + b->delay);
	return VIO_PENDING;
}

static void sim_fire(struct vio_timer *t)
{
	struct sim_bus *b = VIO_CONTAINER(t, struct sim_bus, timer);
	struct vio_i2c_xfer *x = b->late;

	t->at = 0;
	b->late = NULL;
	vio_job_complete(&x->job, b->result);
}

static void sim_cancel(void *host, struct vio_i2c_xfer *x)
{
	struct sim_bus *b = host;

	if (b->late == x) {
		b->clock->set(b->clock, &b->timer, 0);
		sim_fire(&b->timer);
	}
}

static const struct vio_i2c_host_ops sim_ops = { .xfer = sim_xfer, .cancel = sim_cancel };

/* ---- kind ---- */

static const char *sim_add(struct sim_bus *b, const struct sim_chip_ops *ops, unsigned long addr)
{
	struct sim_chip *c = &b->chip[b->nchip];
	uint16_t n;

	if (b->nchip == CHIPS) {
		return "too many chips, 16 is the limit";
	}
	if (addr < 3 || addr >= ALL_ADDRS) {
		return "an address is 0x03 to 0x7f, or with 10 bits 0x80 to 0x3ff";
	}
	for (n = 0; n < b->nchip; n++) {
		if (b->chip[n].addr == addr) {
			return "that address is taken";
		}
	}
	c->ops = ops;
	c->addr = (uint16_t)addr;
	ops->init(c);
	b->nchip++;
	return NULL;
}

/* one word of ARG; returns: NULL or what is wrong */
static const char *sim_word(void *ctx, const char *w)
{
	struct sim_bus *b = ctx;
	static const struct sim_chip_ops *const kind[] = { &eeprom_ops, &lm75_ops };
	char *end;
	unsigned long v;
	size_t n, k;

	if (strncmp(w, "delay=", 6) == 0) {
		v = strtoul(w + 6, &end, 10);
		b->delay = (uint64_t)v * 1000u;
		return end == w + 6 || *end || v > 10000000u
			       ? "delay is a number of microseconds, at most 10000000"
			       : NULL;
	}
	for (k = 0; k < sizeof(kind) / sizeof(kind[0]); k++) {
		n = strlen(kind[k]->name);
		if (strncmp(w, kind[k]->name, n) == 0 && w[n] == '@') {
			v = strtoul(w + n + 1, &end, 0);
			return end == w + n + 1 || *end ? "the address is no number"
							: sim_add(b, kind[k], v);
		}
	}
	return "expected eeprom@ADDRESS, lm75@ADDRESS or delay=MICROSECONDS";
}

static void sim_close(struct host *h)
{
	free(h->host);
}

static int sim_open(struct host_ctx *ctx, struct host *out)
{
	struct sim_bus *b = calloc(1, sizeof(*b));
	const char *wrong;
	char word[40];

	if (!b) {
		(void)snprintf(ctx->err, sizeof(ctx->err), "out of memory");
		return -1;
	}
	(void)sim_add(b, &eeprom_ops, 0x50);
	(void)sim_add(b, &lm75_ops, 0x48);
	wrong = words_each(ctx->arg, word, sizeof(word), sim_word, b);
	if (wrong) {
		(void)snprintf(ctx->err, sizeof(ctx->err), "'%s': %s", word, wrong);
		free(b);
		return -1;
	}
	b->timer.fire = sim_fire;
	if (b->delay) {
		b->clock = loop_clock(ctx->loop);
	}
	out->ops = &sim_ops;
	out->host = b;
	out->close = sim_close;
	return 0;
}

const struct host_kind host_sim_i2c[] = {
	{
		.class_name = "i2c",
		.name = "sim",
		.about = "simulated bus: EEPROM 24C02 at 0x50, sensor LM75 at 0x48, more on demand",
		.arg_help = "[eeprom@ADDR|lm75@ADDR|delay=US],...",
		.is_default = true,
		.open = sim_open,
	},
	{ 0 },
};
