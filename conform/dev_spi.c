/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dev_spi.c - rules of the SPI controller device (virtio 1.4, 5.21)
 *
 * Nothing is known of the chips. Chip select 0 is read in half-duplex, which sends nothing; what must be refused is asked
 * with a head in which one field is beyond what the configuration says. Only with --write is anything sent.
 */
#include <string.h>
#include "conform/conform.h"
#include "vio/spec/spi.h"

#define HEAD 32u
#define LEN  4u

/* offsets in the head */
#define CS	 0u
#define BITS	 1u
#define CHANGE	 2u
#define TX_NBITS 3u
#define RX_NBITS 4u
#define MODE	 8u
#define FREQ	 12u
#define DELAYS	 16u /* word, setup, hold, inactive, 4 bytes each */

static void build(const struct cf *c, uint8_t *out)
{
	(void)c;
	out[BITS] = 8;
	vio_put32(out + FREQ, 100000);
}

static uint8_t result(const struct cf_io *io)
{
	return io->in[io->i.len - 1u];
}

static const char *check(const struct cf *c, const struct cf_io *io)
{
	(void)c;
	return result(io) != VIO_SPI_TRANS_OK ? "the result of a read of chip select 0 is not OK"
					      : NULL;
}

/* A head that is right for this controller: with modes and words that it has */
static bool start(struct cf *c, uint8_t head[HEAD], uint8_t config[HEAD])
{
	uint32_t mask, mode;

	if (!cf_up(c) || !cf_config(c, 0, config, HEAD)) {
		return false;
	}
	(void)memset(head, 0, HEAD);
	build(c, head);
	mask = vio_get32(config + 4);
	mode = vio_get32(config + 8);
	if (mask != 0 && (mask & (1u << 7)) == 0) {
		return cf_na(c, "it has no words of 8 bits");
	}
	vio_put32(head + MODE, ((mode & VIO_SPI_MF_CPHA_0) != 0 ? 0u : VIO_SPI_MODE_CPHA) |
				       ((mode & VIO_SPI_MF_CPOL_0) != 0 ? 0u : VIO_SPI_MODE_CPOL));
	return true;
}

/* ---- configuration ---- */

static void nbits(struct cf *c)
{
	uint8_t config[HEAD], v;

	if (cf_config(c, 0, config, HEAD)) {
		v = config[c->rule->arg];
		(void)cf_expect(c, v <= 7, "%s_nbits_supported is 0x%02x",
				c->rule->arg == 2 ? "tx" : "rx", v);
	}
}

static void phases(struct cf *c)
{
	uint8_t config[HEAD];
	uint32_t mode;

	if (cf_config(c, 0, config, HEAD)) {
		mode = vio_get32(config + 8);
		(void)cf_expect(c, (mode & c->rule->arg) != 0, "mode_func_supported is 0x%x", mode);
	}
}

/* ---- parameters ---- */

/* Ask with this head; it must be refused, and the next one is served. */
static bool refused(struct cf *c, const uint8_t head[HEAD], const char *what, uint32_t v)
{
	struct cf_io io;

	return cf_say(c, 0, &io, head, HEAD, LEN + 1u) &&
	       cf_expect(c, result(&io) == VIO_SPI_PARAM_ERR, "%s %u has result %u", what, v,
			 result(&io));
}

static void no_chip(struct cf *c)
{
	uint8_t head[HEAD], config[HEAD];

	if (!start(c, head, config)) {
		return;
	}
	if (config[0] == 0xff) {
		(void)cf_na(c, "there is every chip select");
		return;
	}
	head[CS] = config[0];
	if (refused(c, head, "chip select", head[CS])) {
		head[CS] = 0xff;
		(void)(refused(c, head, "chip select", head[CS]) && cf_works(c));
	}
}

static void no_word(struct cf *c)
{
	uint8_t head[HEAD], config[HEAD];
	uint32_t mask;
	bool ok = start(c, head, config);

	mask = ok ? vio_get32(config + 4) : 0;
	if (ok && (mask == 0 || mask == UINT32_MAX)) {
		(void)cf_na(c, "it has words of every size");
		return;
	}
	for (uint32_t n = 0; ok && n < 32; n++) {
		head[BITS] = (uint8_t)(n + 1u);
		ok = (mask & (1u << n)) != 0 || refused(c, head, "bits_per_word", n + 1u);
	}
	if (ok) {
		(void)cf_works(c);
	}
}

/* arg: offset in the head; those that are none, and those that the configuration does not have */
static void no_width(struct cf *c)
{
	static const uint8_t width[] = { 3, 5, 6, 7, 9, 255, 2, 4, 8 };
	uint8_t head[HEAD], config[HEAD], has;
	bool ok = start(c, head, config), unsupported = c->rule->arg >= 0x100u;
	uint32_t at = c->rule->arg & 0xffu;

	has = ok ? config[at == TX_NBITS ? 2 : 3] : 0;
	if (ok && unsupported && (has & 7u) == 7u) {
		(void)cf_na(c, "it supports every width");
		return;
	}
	for (unsigned i = unsupported ? 6 : 0; ok && i < (unsupported ? 9u : 6u); i++) {
		head[at] = width[i];
		ok = (unsupported && (has & (1u << (i - 6u))) != 0) ||
		     refused(c, head, at == TX_NBITS ? "tx_nbits" : "rx_nbits", width[i]);
	}
	if (ok) {
		(void)cf_works(c);
	}
}

/* Bits of mode, each with the bit of mode_func_supported that it needs; CPHA and CPOL may also be missing as 0 */
static void no_mode(struct cf *c)
{
	static const struct {
		uint32_t mode, clear, needs;
	} m[] = {
		{ VIO_SPI_MODE_CPHA, 0, VIO_SPI_MF_CPHA_1 },
		{ 0, VIO_SPI_MODE_CPHA, VIO_SPI_MF_CPHA_0 },
		{ VIO_SPI_MODE_CPOL, 0, VIO_SPI_MF_CPOL_1 },
		{ 0, VIO_SPI_MODE_CPOL, VIO_SPI_MF_CPOL_0 },
		{ VIO_SPI_MODE_CS_HIGH, 0, VIO_SPI_MF_CS_HIGH },
		{ VIO_SPI_MODE_LSB_FIRST, 0, VIO_SPI_MF_LSB_FIRST },
		{ VIO_SPI_MODE_LOOP, 0, VIO_SPI_MF_LOOP },
	};
	uint8_t head[HEAD], config[HEAD];
	bool ok = start(c, head, config), any = false;
	uint32_t mode, has;

	mode = ok ? vio_get32(head + MODE) : 0;
	has = ok ? vio_get32(config + 8) : 0;
	for (unsigned i = 0; ok && i < sizeof(m) / sizeof(m[0]); i++) {
		if ((has & m[i].needs) == 0) {
			vio_put32(head + MODE, (mode | m[i].mode) & ~m[i].clear);
			ok = refused(c, head, "mode", vio_get32(head + MODE));
			any = true;
		}
	}
	if (ok) {
		(void)(any ? cf_works(c) : cf_na(c, "it supports all modes"));
	}
}

static void no_change(struct cf *c)
{
	uint8_t head[HEAD], config[HEAD];

	if (start(c, head, config)) {
		head[CHANGE] = config[1] != 0 ? 2 : 1;
		(void)(refused(c, head, "cs_change", head[CHANGE]) && cf_works(c));
	}
}

/* arg: offset in the head of a number that the configuration, at the same place, limits */
static void too_much(struct cf *c)
{
	static const char *const name[] = { "freq", "word_delay_ns", "cs_setup_ns",
					    "cs_delay_hold_ns", "cs_change_delay_inactive_ns" };
	uint8_t head[HEAD], config[HEAD];
	uint32_t at = c->rule->arg, most;

	if (!start(c, head, config)) {
		return;
	}
	most = vio_get32(config + at);
	if (most == UINT32_MAX || (at == FREQ && most == 0)) {
		(void)cf_na(c, "it has no limit");
		return;
	}
	vio_put32(head + at, most + 1u);
	if (refused(c, head, name[(at - FREQ) / 4u], most + 1u)) {
		vio_put32(head + at, UINT32_MAX);
		(void)(refused(c, head, name[(at - FREQ) / 4u], UINT32_MAX) && cf_works(c));
	}
}

/* ---- data ---- */

static bool transfer(struct cf *c, struct cf_io *io, const uint8_t head[HEAD], uint32_t tx,
		     uint32_t rx)
{
	uint8_t out[HEAD + 16u];

	(void)memcpy(out, head, HEAD);
	(void)memset(out + HEAD, 0xff, 16);
	return cf_say(c, 0, io, out, HEAD + tx, rx + 1u);
}

/* arg: bytes to receive, of 4 to send. Refused, so nothing is sent. */
static void lengths(struct cf *c)
{
	uint8_t head[HEAD], config[HEAD];
	struct cf_io io;

	(void)(start(c, head, config) && transfer(c, &io, head, 4, c->rule->arg) &&
	       cf_expect(c, result(&io) == VIO_SPI_PARAM_ERR,
			 "4 bytes to send and %u to receive have result %u", c->rule->arg,
			 result(&io)) &&
	       cf_works(c));
}

/* arg: bytes to receive, of 4 to send; 5: what is refused */
static void tx_kept(struct cf *c)
{
	uint8_t head[HEAD], config[HEAD];
	struct cf_io io;

	if (!start(c, head, config) || !transfer(c, &io, head, 4, c->rule->arg)) {
		return;
	}
	for (unsigned i = 0; i < 4; i++) {
		if (!cf_expect(c, io.out[HEAD + i] == 0xff, "byte %u of tx_buf became 0x%02x", i,
			       io.out[HEAD + i])) {
			return;
		}
	}
}

static const struct cf_bit bits[] = { { 0, NULL, 0 } };

#define OP  "5.21.6.4", "Device Operation"
#define CFG "5.21.4", "Device configuration layout"
#define P   VHU_P_CONFIG

/* clang-format off */
static const struct cf_rule rules[] = {
	{ "spi.config-tx-nbits", CFG, "reserved bits of tx_nbits_supported are 0", 0, P, 0, 2, nbits },
	{ "spi.config-rx-nbits", CFG, "reserved bits of rx_nbits_supported are 0", 0, P, 0, 3, nbits },
	{ "spi.config-cpha", CFG, "at least one CPHA setting is supported", 0, P, 0, VIO_SPI_MF_CPHA_0 | VIO_SPI_MF_CPHA_1, phases },
	{ "spi.config-cpol", CFG, "at least one CPOL setting is supported", 0, P, 0, VIO_SPI_MF_CPOL_0 | VIO_SPI_MF_CPOL_1, phases },
	{ "spi.chip-select", OP, "PARAM_ERR for a chip select that is none", 0, P, 0, 0, no_chip },
	{ "spi.bits-per-word", OP, "PARAM_ERR for a bits_per_word that is not supported", 0, P, 0, 0, no_word },
	{ "spi.cs-change", OP, "PARAM_ERR for a cs_change that is invalid or not supported", 0, P, 0, 0, no_change },
	{ "spi.tx-nbits", OP, "PARAM_ERR for an invalid tx_nbits", 0, P, 0, TX_NBITS, no_width },
	{ "spi.rx-nbits", OP, "PARAM_ERR for an invalid rx_nbits", 0, P, 0, RX_NBITS, no_width },
	{ "spi.tx-nbits-supported", OP, "PARAM_ERR for a tx_nbits that is not supported", 0, P, 0, 0x100 | TX_NBITS, no_width },
	{ "spi.rx-nbits-supported", OP, "PARAM_ERR for an rx_nbits that is not supported", 0, P, 0, 0x100 | RX_NBITS, no_width },
	{ "spi.mode", OP, "PARAM_ERR for a mode that is not supported", 0, P, 0, 0, no_mode },
	{ "spi.freq", OP, "PARAM_ERR for a freq beyond max_freq_hz", 0, P, 0, FREQ, too_much },
	{ "spi.word-delay", OP, "PARAM_ERR for a word_delay_ns beyond its limit", 0, P, 0, DELAYS, too_much },
	{ "spi.cs-setup", OP, "PARAM_ERR for a cs_setup_ns beyond its limit", 0, P, 0, DELAYS + 4, too_much },
	{ "spi.cs-hold", OP, "PARAM_ERR for a cs_delay_hold_ns beyond its limit", 0, P, 0, DELAYS + 8, too_much },
	{ "spi.cs-inactive", OP, "PARAM_ERR for a cs_change_delay_inactive_ns beyond its limit", 0, P, 0, DELAYS + 12, too_much },
	{ "spi.full-duplex-longer", OP, "PARAM_ERR if rx_buf is longer than tx_buf", 0, P, 0, 6, lengths },
	{ "spi.full-duplex-shorter", OP, "PARAM_ERR if rx_buf is shorter than tx_buf", 0, P, 0, 2, lengths },
	{ "spi.tx-kept-refused", OP, "tx_buf is not changed where the transfer is refused", 0, P, 0, 5, tx_kept },
	{ "spi.tx-kept-write", OP, "tx_buf is not changed, half-duplex", 0, P, CF_WRITES, 0, tx_kept },
	{ "spi.tx-kept-duplex", OP, "tx_buf is not changed, full-duplex", 0, P, CF_WRITES, 4, tx_kept },
};
/* clang-format on */

const struct cf_dev cf_dev_spi = { .name = "spi",
				   .section = "5.21",
				   .id = VIO_SPI_ID,
				   .bits = bits,
				   .nvq = 1,
				   .config = HEAD,
				   .out = HEAD,
				   .in = LEN + 1u,
				   .build = build,
				   .check = check,
				   .rule = rules,
				   .nrule = sizeof(rules) / sizeof(rules[0]) };
