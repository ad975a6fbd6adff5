/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_i2c.c - i2c as load: read messages to one target (virtio 1.3, 5.16); --address chooses it */
#include "app/bench.h"
#include "vio/spec/i2c.h"
#include <string.h>

#define ADDRESS	  0x50u
#define NO_STATUS 0xeeu

static void i2c_build(struct bench *b, struct bench_req *r)
{
	uint32_t a = b->spec.address == UINT32_MAX ? ADDRESS : b->spec.address;
	uint32_t ten = 0xf0u | (a & 0xffu) << 8 | (a >> 8 & 3u) << 1;

	memset(r->head.p, 0, sizeof(struct vio_i2c_out_hdr));
	vio_pack16(r->head.p, (uint16_t)(a < 128u ? a << 1 : ten));
	vio_pack32(r->head.p + 4, VIO_I2C_FLAGS_M_RD);
	r->tail.p[0] = NO_STATUS;
	r->b[0] = (struct vio_dma){ r->head.p, r->head.addr, sizeof(struct vio_i2c_out_hdr) };
	r->b[1] = r->data;
	r->b[2] = (struct vio_dma){ r->tail.p, r->tail.addr, 1 };
	r->n_out = 1;
	r->n_in = 2;
}

static void i2c_check(struct bench *b, struct bench_req *r, uint32_t len)
{
	uint8_t status = r->tail.p[0];

	b->result.bytes += b->spec.block_size;
	if (status == NO_STATUS) {
		bench_wrong(b, r, "the status byte was not written");
	} else if (status != VIO_I2C_MSG_OK) {
		bench_wrong(b, r, "status %u: is there a target? --address chooses one", status);
	} else if (len != b->spec.block_size + 1u) {
		bench_wrong(b, r, "%u bytes are reported as written, must be %u", len,
			    b->spec.block_size + 1u);
	}
}

const struct bench_class bench_i2c = {
	.name = "i2c",
	.about = "read messages; status and length are verified",
	.want = VIO_I2C_F_ZERO_LENGTH_REQUEST,
	.block_size = 2,
	.block_max = 8192,
	.build = i2c_build,
	.check = i2c_check,
};
