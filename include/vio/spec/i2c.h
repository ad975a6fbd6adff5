/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * i2c.h - wire layout of the I2C adapter device
 *
 * source: virtio 1.3, 5.16. Multi-byte fields are little-endian.
 */
#ifndef VIO_SPEC_I2C_H
#define VIO_SPEC_I2C_H

#include "../base.h"

#define VIO_I2C_ID 34u

#define VIO_I2C_F_ZERO_LENGTH_REQUEST (1ULL << 0)

/* struct vio_i2c_out_hdr.flags */
#define VIO_I2C_FLAGS_FAIL_NEXT (1u << 0)
#define VIO_I2C_FLAGS_M_RD	(1u << 1)

/* the status byte, last of the writable part */
#define VIO_I2C_MSG_OK	0u
#define VIO_I2C_MSG_ERR 1u

/* First bytes of the readable part; data of a write follows. */
struct vio_i2c_out_hdr {
	/* 7 bits: A6..A0 at bit 1; 10 bits: A7..A0 at bit 8, 11110 at bit 3, A9 A8 at bit 1 */
	uint16_t addr;
	uint16_t padding;
	uint32_t flags;
};
VIO_ASSERT_SIZE(struct vio_i2c_out_hdr, 8);
VIO_ASSERT_AT(struct vio_i2c_out_hdr, addr, 0);
VIO_ASSERT_AT(struct vio_i2c_out_hdr, flags, 4);

#endif
