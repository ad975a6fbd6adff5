/* SPDX-License-Identifier: BSD-3-Clause */
/* bend_spi.c - broken SPI controllers; `host=sim` has neither every mode nor every width */
#include "test/conform/bends.h"

#define SPI "spi,host=sim"

static void tx_reserved(uint8_t *config, uint32_t len)
{
	config[2] = len > 2 ? 8 : 0;
}

static void rx_reserved(uint8_t *config, uint32_t len)
{
	config[3] = len > 3 ? 8 : 0;
}

static void no_cpha(uint8_t *config, uint32_t len)
{
	config[8] = len > 8 ? config[8] & 0xfc : 0;
}

static void no_cpol(uint8_t *config, uint32_t len)
{
	config[8] = len > 8 ? config[8] & 0xf3 : 0;
}

/* Looks at nothing: as if the transfer had worked */
static void always_ok(struct bent_req *r)
{
	r->in[r->in_len - 1] = 0;
}

static void trans_err(struct bent_req *r)
{
	r->in[r->in_len - 1] = r->in[r->in_len - 1] != 0 ? 2 : 0;
}

/* Each of these clears what it does not look at. */
static void last_chip(struct bent_req *r)
{
	r->out[0] = 0;
}

static void eight_bits(struct bent_req *r)
{
	r->out[1] = 8;
}

static void no_change(struct bent_req *r)
{
	r->out[2] = 0;
}

static void single_tx(struct bent_req *r)
{
	r->out[3] = 0;
}

static void single_rx(struct bent_req *r)
{
	r->out[4] = 0;
}

static void mode_0(struct bent_req *r)
{
	r->out[8] = 0;
}

static void word(struct bent_req *r, unsigned at)
{
	for (unsigned i = 0; i < 4; i++) {
		r->out[at + i] = 0;
	}
}

static void slow(struct bent_req *r)
{
	word(r, 12);
}

static void word_delay(struct bent_req *r)
{
	word(r, 16);
}

static void setup(struct bent_req *r)
{
	word(r, 20);
}

static void hold(struct bent_req *r)
{
	word(r, 24);
}

static void inactive(struct bent_req *r)
{
	word(r, 28);
}

static void echo(struct bent_req *r)
{
	if (r->out_len > 33) {
		r->out[33] = 0;
	}
}

/* clang-format off */
const struct bend bends_spi[] = {
	{ .rule = "spi.config-tx-nbits", .device = SPI, .config = tx_reserved, .says = "tx_nbits_supported is 0x08" },
	{ .rule = "spi.config-rx-nbits", .device = SPI, .config = rx_reserved, .says = "rx_nbits_supported is 0x08" },
	{ .rule = "spi.config-cpha", .device = SPI, .config = no_cpha, .says = "mode_func_supported" },
	{ .rule = "spi.config-cpol", .device = SPI, .config = no_cpol, .says = "mode_func_supported" },
	{ .rule = "spi.chip-select", .device = SPI, .ask = last_chip, .says = "chip select 2 has result 0" },
	{ .rule = "spi.chip-select", .device = SPI, .answer = trans_err, .says = "chip select 2 has result 2" },
	{ .rule = "spi.bits-per-word", .device = SPI, .ask = eight_bits, .says = "bits_per_word 1 has result 0" },
	{ .rule = "spi.cs-change", .device = SPI, .ask = no_change, .says = "cs_change 2 has result 0" },
	{ .rule = "spi.tx-nbits", .device = SPI, .ask = single_tx, .says = "tx_nbits 3 has result 0" },
	{ .rule = "spi.rx-nbits", .device = SPI, .ask = single_rx, .says = "rx_nbits 3 has result 0" },
	{ .rule = "spi.tx-nbits-supported", .device = SPI, .ask = single_tx, .says = "tx_nbits 2 has result 0" },
	{ .rule = "spi.rx-nbits-supported", .device = SPI, .ask = single_rx, .says = "rx_nbits 2 has result 0" },
	{ .rule = "spi.mode", .device = SPI, .ask = mode_0, .says = "mode 4 has result 0" },
	{ .rule = "spi.freq", .device = SPI, .ask = slow, .says = "freq 80000001 has result 0" },
	{ .rule = "spi.word-delay", .device = SPI, .ask = word_delay, .says = "word_delay_ns 1000001 has result 0" },
	{ .rule = "spi.cs-setup", .device = SPI, .ask = setup, .says = "cs_setup_ns 1000001 has result 0" },
	{ .rule = "spi.cs-hold", .device = SPI, .ask = hold, .says = "cs_delay_hold_ns 1000001 has result 0" },
	{ .rule = "spi.cs-inactive", .device = SPI, .ask = inactive, .says = "inactive_ns 1000001 has result 0" },
	{ .rule = "spi.full-duplex-longer", .device = SPI, .answer = always_ok, .says = "6 to receive have result 0" },
	{ .rule = "spi.full-duplex-shorter", .device = SPI, .answer = always_ok, .says = "2 to receive have result 0" },
	{ .rule = "spi.tx-kept-refused", .device = SPI, .flaw = BENT_OUT_BACK, .answer = echo, .says = "byte 1 of tx_buf" },
	{ .rule = "spi.tx-kept-write", .device = SPI, .flaw = BENT_OUT_BACK, .answer = echo, .says = "byte 1 of tx_buf" },
	{ .rule = "spi.tx-kept-duplex", .device = SPI, .flaw = BENT_OUT_BACK, .answer = echo, .says = "byte 1 of tx_buf" },
	{ .rule = NULL },
};
/* clang-format on */
