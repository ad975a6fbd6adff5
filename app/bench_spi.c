/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench_spi.c - spi as load: full-duplex transfers that come back (virtio 1.4, 5.21); --address is the chip select
 *
 * The controller's loop-back mode is used if it has one, so no chip is spoken to. Without it what is sent reaches a
 * chip, which may take it for a command that erases it: then --address must say where there is a wire.
 * The data buffer has two halves, sent and received; the second is filled with the first's complement before.
 */
#include "app/bench.h"
#include "vio/spec/spi.h"
#include <stdlib.h>
#include <string.h>

#define NO_RESULT 0xeeu
#define BITS	  8u
#define FREQ	  10000000u /* Hz, of a controller without a limit */

/* What request k sends, from byte i on; the bytes before end of 8 */
static uint64_t sent(const struct bench *b, uint64_t k, uint32_t i)
{
	uint64_t s = b->spec.seed ^ (k << 20) ^ i;

	return bench_random(&s);
}

static void spi_build(struct bench *b, struct bench_req *r)
{
	uint32_t n = b->spec.block_size;
	uint8_t *tx = r->data.p, *rx = tx + n;

	for (uint32_t i = 0; i < n; i += 8u) {
		uint64_t v = sent(b, r->k, i), not = ~v;

		memcpy(tx + i, &v, n - i < 8u ? n - i : 8u);
		memcpy(rx + i, &not, n - i < 8u ? n - i : 8u);
	}
	memcpy(r->head.p, b->own, sizeof(struct vio_spi_transfer_head));
	r->tail.p[0] = NO_RESULT;
	r->b[0] = (struct vio_dma){ r->head.p, r->head.addr, sizeof(struct vio_spi_transfer_head) };
	r->b[1] = (struct vio_dma){ tx, r->data.addr, n };
	r->b[2] = (struct vio_dma){ rx, r->data.addr + n, n };
	r->b[3] = (struct vio_dma){ r->tail.p, r->tail.addr, 1 };
	r->n_out = 2;
	r->n_in = 2;
}

static void check_data(struct bench *b, const struct bench_req *r)
{
	uint32_t n = b->spec.block_size;
	const uint8_t *tx = r->data.p, *rx = tx + n;

	for (uint32_t i = 0; i < n; i++) {
		uint64_t word = sent(b, r->k, i & ~7u);
		uint8_t v;

		memcpy(&v, (const uint8_t *)&word + (i & 7u), 1);
		if (tx[i] != v) {
			bench_wrong(b, r, "byte %u of what was to be sent was changed", i);
			return;
		}
		if (rx[i] != v) {
			bench_wrong(b, r, "sent and received differ from byte %u on: %s", i,
				    (rx[i] ^ v) == 0xff ? "it was not written"
							: "is this a loop? --address");
			return;
		}
	}
}

static void spi_check(struct bench *b, struct bench_req *r, uint32_t len)
{
	uint8_t result = r->tail.p[0];

	b->result.bytes += b->spec.block_size;
	if (result == NO_RESULT) {
		bench_wrong(b, r, "the result was not written");
	} else if (result != VIO_SPI_TRANS_OK) {
		bench_wrong(b, r, "result %u%s", result,
			    result == VIO_SPI_PARAM_ERR	  ? " (PARAM_ERR)"
			    : result == VIO_SPI_TRANS_ERR ? " (TRANS_ERR)"
							  : "");
	} else if (len != b->spec.block_size + 1u) {
		bench_wrong(b, r, "%u bytes are reported as written, must be %u", len,
			    b->spec.block_size + 1u);
	} else if (b->spec.verify) {
		check_data(b, r);
	}
}

/* The head of all transfers, of what the controller can do */
static void make_head(struct vio_spi_transfer_head *h, const struct vio_spi_config *c, uint8_t cs)
{
	uint32_t can = vio_le32(c->mode_func_supported), freq = vio_le32(c->max_freq_hz);
	uint32_t mode = (can & VIO_SPI_MF_CPHA_0 ? 0 : VIO_SPI_MODE_CPHA) |
			(can & VIO_SPI_MF_CPOL_0 ? 0 : VIO_SPI_MODE_CPOL) |
			(can & VIO_SPI_MF_LOOP ? VIO_SPI_MODE_LOOP : 0);

	*h = (struct vio_spi_transfer_head){ .chip_select_id = cs,
					     .bits_per_word = BITS,
					     .cs_change = c->cs_change_supported ? 1 : 0,
					     .tx_nbits = 1,
					     .rx_nbits = 1,
					     .mode = vio_le32(mode),
					     .freq = vio_le32(freq != 0 ? freq : FREQ) };
}

static int spi_open(struct bench *b, char err[256])
{
	struct vio_spi_transfer_head *head = calloc(1, sizeof(*head));
	struct vio_spi_config c;
	uint32_t cs = b->spec.address == UINT32_MAX ? 0 : b->spec.address, bits;

	b->own = head;
	if (!head) {
		snprintf(err, 256, "no memory");
		return -1;
	}
	if (bench_config(b, "controller", &c, sizeof(c), err)) {
		return -1;
	}
	bits = vio_le32(c.bits_per_word_mask);
	if (cs >= c.cs_max_number) {
		snprintf(err, 256, "the controller has %u chip selects; --address chooses one",
			 c.cs_max_number);
		return -1;
	}
	if (bits != 0 && !(bits & 1u << (BITS - 1u))) {
		snprintf(err, 256, "the controller has no words of %u bits", BITS);
		return -1;
	}
	if (!(vio_le32(c.mode_func_supported) & VIO_SPI_MF_LOOP) && b->spec.address == UINT32_MAX) {
		snprintf(
			err, 256,
			"the controller has no loop-back mode, and a chip may take the load for "
			"commands: --address=N of a chip select that has a wire instead of a chip");
		return -1;
	}
	make_head(head, &c, (uint8_t)cs);
	return 0;
}

static void spi_close(struct bench *b)
{
	free(b->own);
}

const struct bench_class bench_spi = {
	.name = "spi",
	.about = "transfers in loop-back mode; result, length and every byte are verified",
	.block_size = 64,
	.block_max = 65536,
	.chain = 4,
	.blocks = 2,
	.build = spi_build,
	.check = spi_check,
	.open = spi_open,
	.close = spi_close,
};
