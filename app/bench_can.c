/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench_can.c - can as load: frames of one identifier to the bus (virtio 1.4, 5.20); --address is the identifier
 *
 * The controller is started before the load, by its control queue. Frames of up to 8 bytes are classic ones where it has
 * them, longer ones FD. What arrives at other nodes is not seen from here; what they send is not received.
 */
#include "app/bench.h"
#include "vio/spec/can.h"
#include <string.h>

#define IDENTIFIER 0x123u
#define NO_RESULT  0xeeu

static bool is_fd(const struct bench *b)
{
	return b->spec.block_size > VIO_CAN_CLASSIC_LEN || !(b->features & VIO_CAN_F_CLASSIC);
}

static void can_build(struct bench *b, struct bench_req *r)
{
	struct vio_can_head h = {
		.msg_type = vio_le16(VIO_CAN_TX),
		.length = vio_le16((uint16_t)b->spec.block_size),
		.flags = vio_le32(is_fd(b) ? VIO_CAN_FLAGS_FD : 0),
		.can_id = vio_le32(b->spec.address == UINT32_MAX ? IDENTIFIER : b->spec.address),
	};

	memcpy(r->head.p, &h, sizeof(h));
	for (uint32_t i = 0; i < r->data.len; i++) {
		r->data.p[i] = (uint8_t)(r->k >> (8u * (i % 8u))); /* the number of the request */
	}
	r->tail.p[0] = NO_RESULT;
	r->b[0] = (struct vio_dma){ r->head.p, r->head.addr, sizeof(h) };
	r->b[1] = r->data;
	r->b[2] = (struct vio_dma){ r->tail.p, r->tail.addr, 1 };
	r->n_out = 2;
	r->n_in = 1;
}

static void can_check(struct bench *b, struct bench_req *r, uint32_t len)
{
	uint8_t result = r->tail.p[0];

	b->result.bytes += b->spec.block_size;
	if (result == NO_RESULT) {
		bench_wrong(b, r, "the result was not written");
	} else if (result == VIO_CAN_RESULT_NOT_OK) {
		bench_wrong(b, r, "the frame was not sent (NOT_OK): has the bus gone off?");
	} else if (result != VIO_CAN_RESULT_OK) {
		bench_wrong(b, r, "result %u does not exist", result);
	} else if (len != 1) {
		bench_wrong(b, r, "%u bytes are reported as written, must be 1", len);
	}
}

static bool is_length(uint32_t n)
{
	return n <= 8 || (n <= 24 && n % 4u == 0) || n == 32 || n == 48 || n == 64;
}

static int can_open(struct bench *b, char err[256])
{
	if (!(b->features & (VIO_CAN_F_CLASSIC | VIO_CAN_F_FD))) {
		snprintf(err, 256, "the controller has neither classic frames nor FD");
		return -1;
	}
	if (!is_length(b->spec.block_size)) {
		snprintf(err, 256,
			 "--block-size: frames have 1 to 8, 12, 16, 20, 24, 32, 48 or 64 bytes");
		return -1;
	}
	if (is_fd(b) && !(b->features & VIO_CAN_F_FD)) {
		snprintf(err, 256, "--block-size: the controller has no FD, so 1 to 8 bytes");
		return -1;
	}
	return 0;
}

static int can_ready(struct bench *b, char err[256])
{
	struct bench_req *r = &b->control.req[0];
	uint32_t len;

	vio_pack16(r->head.p, VIO_CAN_SET_CTRL_MODE_START);
	r->tail.p[0] = NO_RESULT;
	r->b[0] = (struct vio_dma){ r->head.p, r->head.addr, 2 };
	r->b[1] = (struct vio_dma){ r->tail.p, r->tail.addr, 1 };
	r->n_out = 1;
	r->n_in = 1;
	if (bench_ask(b, &b->control, r, "starting the controller", &len, err)) {
		return -1;
	}
	if (r->tail.p[0] != VIO_CAN_RESULT_OK || len != 1) {
		snprintf(err, 256, "the controller does not start: result %u, %u bytes",
			 r->tail.p[0], len);
		return -1;
	}
	return 0;
}

const struct bench_class bench_can = {
	.name = "can",
	.about = "frames that are sent; result and length are verified, not what arrives",
	.want = VIO_CAN_F_CLASSIC | VIO_CAN_F_FD | VIO_CAN_F_LATE_TX_ACK,
	.first_vq = VIO_CAN_TXQ,
	.control_vq = VIO_CAN_CONTROLQ,
	.block_size = VIO_CAN_CLASSIC_LEN,
	.block_max = VIO_CAN_FD_LEN,
	.build = can_build,
	.check = can_check,
	.open = can_open,
	.ready = can_ready,
};
