/* SPDX-License-Identifier: BSD-3-Clause */
/* i2c_bed.h - requests of the I2C adapter, for its tests */
#ifndef TEST_I2C_BED_H
#define TEST_I2C_BED_H

#include "rig.h"
#include "vio/i2c.h"

#define NEXT VIO_I2C_FLAGS_FAIL_NEXT
#define RD   VIO_I2C_FLAGS_M_RD
#define WANT VIO_I2C_F_ZERO_LENGTH_REQUEST

/* Offer one request: addr as on the wire, data behind the header. */
static inline void add(struct rig *g, struct rig_req *r, uint16_t addr, uint32_t flags,
		       const char *data, uint32_t len, uint32_t in_len)
{
	uint8_t out[600];

	assert_true(len <= sizeof(out) - 8);
	vio_pack16(out, addr);
	vio_pack16(out + 2, 0xbeef); /* padding has no meaning */
	vio_pack32(out + 4, flags);
	memcpy(out + 8, data, len);
	rig_add(g, 0, r, out, 8 + len, in_len);
}

static inline uint8_t status_of(const struct rig_req *r)
{
	assert_true(r->back);
	return r->in[r->in_len - 1];
}

#endif
