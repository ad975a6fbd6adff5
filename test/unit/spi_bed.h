/* SPDX-License-Identifier: BSD-3-Clause */
/* spi_bed.h - requests of the SPI controller, for its tests */
#ifndef TEST_SPI_BED_H
#define TEST_SPI_BED_H

#include "rig.h"
#include "vio/spi.h"

#define OK    VIO_SPI_TRANS_OK
#define PARAM VIO_SPI_PARAM_ERR
#define TRANS VIO_SPI_TRANS_ERR

static const struct vio_spi_transfer_head plain = { .bits_per_word = 8, .cs_change = 1 };

/* Offer a transfer: h in host order; out: tx bytes, or NULL for none; rx bytes are received in r->in */
static inline void spi_add(struct rig *g, struct rig_req *r, const struct vio_spi_transfer_head *h,
			   const void *out, uint32_t tx, uint32_t rx)
{
	static uint8_t whole[sizeof(*h) + 8192];

	assert_true(tx <= 8192);
	memcpy(whole, h, 8);
	vio_pack32(whole + 8, h->mode);
	vio_pack32(whole + 12, h->freq);
	vio_pack32(whole + 16, h->word_delay_ns);
	vio_pack32(whole + 20, h->cs_setup_ns);
	vio_pack32(whole + 24, h->cs_delay_hold_ns);
	vio_pack32(whole + 28, h->cs_change_delay_inactive_ns);
	if (tx) {
		memcpy(whole + sizeof(*h), out, tx);
	}
	rig_add(g, 0, r, whole, (uint32_t)sizeof(*h) + tx, rx + 1u);
}

/* The result of a request that is back */
static inline uint8_t spi_result(const struct rig_req *r)
{
	assert_true(r->back);
	assert_int_equal(r->len, r->in[r->in_len - 1] == OK || r->in_len == 1 ? r->in_len : 0);
	return r->in[r->in_len - 1];
}

static inline uint8_t spi_do(struct rig *g, struct rig_req *r,
			     const struct vio_spi_transfer_head *h, const void *out, uint32_t tx,
			     uint32_t rx)
{
	spi_add(g, r, h, out, tx, rx);
	rig_kick(g, 0);
	return spi_result(r);
}

#endif
