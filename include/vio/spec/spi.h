/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * spi.h - wire layout of the SPI controller device
 *
 * source: virtio 1.4, 5.21. Multi-byte fields are little-endian.
 */
#ifndef VIO_SPEC_SPI_H
#define VIO_SPEC_SPI_H

#include "../base.h"

#define VIO_SPI_ID 45u

struct vio_spi_config {
	uint8_t cs_max_number;
	uint8_t cs_change_supported; /* 0, 1 */
	uint8_t tx_nbits_supported;  /* VIO_SPI_NBITS_*; single is always supported */
	uint8_t rx_nbits_supported;
	uint32_t bits_per_word_mask;  /* bit n: words of n + 1 bits; 0: all */
	uint32_t mode_func_supported; /* VIO_SPI_MF_* */
	uint32_t max_freq_hz;	      /* 0: no limit */
	uint32_t max_word_delay_ns;   /* these four: 0: none can be had */
	uint32_t max_cs_setup_ns;
	uint32_t max_cs_hold_ns;
	uint32_t max_cs_inactive_ns;
};
VIO_ASSERT_SIZE(struct vio_spi_config, 32);
VIO_ASSERT_AT(struct vio_spi_config, bits_per_word_mask, 4);
VIO_ASSERT_AT(struct vio_spi_config, max_cs_inactive_ns, 28);

#define VIO_SPI_NBITS_DUAL  (1u << 0)
#define VIO_SPI_NBITS_QUAD  (1u << 1)
#define VIO_SPI_NBITS_OCTAL (1u << 2)

#define VIO_SPI_MF_CPHA_0    (1u << 0)
#define VIO_SPI_MF_CPHA_1    (1u << 1)
#define VIO_SPI_MF_CPOL_0    (1u << 2)
#define VIO_SPI_MF_CPOL_1    (1u << 3)
#define VIO_SPI_MF_CS_HIGH   (1u << 4)
#define VIO_SPI_MF_LSB_FIRST (1u << 5)
#define VIO_SPI_MF_LOOP	     (1u << 6)

/* First bytes of the readable part; data to send follows. */
struct vio_spi_transfer_head {
	uint8_t chip_select_id;
	uint8_t bits_per_word;
	uint8_t cs_change; /* 1: deselect before the next transfer */
	uint8_t tx_nbits;  /* 0, 1, 2, 4, 8 */
	uint8_t rx_nbits;
	uint8_t reserved[3];
	uint32_t mode; /* VIO_SPI_MODE_* */
	uint32_t freq; /* Hz */
	uint32_t word_delay_ns;
	uint32_t cs_setup_ns;
	uint32_t cs_delay_hold_ns;
	uint32_t cs_change_delay_inactive_ns;
};
VIO_ASSERT_SIZE(struct vio_spi_transfer_head, 32);
VIO_ASSERT_AT(struct vio_spi_transfer_head, mode, 8);
VIO_ASSERT_AT(struct vio_spi_transfer_head, cs_change_delay_inactive_ns, 28);

#define VIO_SPI_MODE_CPHA      (1u << 0)
#define VIO_SPI_MODE_CPOL      (1u << 1)
#define VIO_SPI_MODE_CS_HIGH   (1u << 2)
#define VIO_SPI_MODE_LSB_FIRST (1u << 3)
#define VIO_SPI_MODE_LOOP      (1u << 4)

/* the result byte, last of the writable part; data received is before it */
#define VIO_SPI_TRANS_OK  0u
#define VIO_SPI_PARAM_ERR 1u
#define VIO_SPI_TRANS_ERR 2u

#endif
