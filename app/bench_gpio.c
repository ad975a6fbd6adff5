/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_gpio.c - gpio as load: the direction of one line (virtio 1.3, 5.18); --address chooses the line */
#include "app/bench.h"
#include "vio/spec/gpio.h"
#include <string.h>

#define NOTHING 0xeeu

static void gpio_build(struct bench *b, struct bench_req *r)
{
	uint32_t line = b->spec.address == UINT32_MAX ? 0 : b->spec.address;

	memset(r->head.p, 0, sizeof(struct vio_gpio_request));
	vio_pack16(r->head.p, VIO_GPIO_MSG_GET_DIRECTION);
	vio_pack16(r->head.p + 2, (uint16_t)line);
	memset(r->tail.p, NOTHING, 2);
	r->b[0] = (struct vio_dma){ r->head.p, r->head.addr, sizeof(struct vio_gpio_request) };
	r->b[1] = (struct vio_dma){ r->tail.p, r->tail.addr, sizeof(struct vio_gpio_response) };
	r->n_out = 1;
	r->n_in = 1;
}

static void gpio_check(struct bench *b, struct bench_req *r, uint32_t len)
{
	const uint8_t *p = r->tail.p;

	b->result.bytes += len;
	if (p[0] == NOTHING) {
		bench_wrong(b, r, "the status byte was not written");
	} else if (p[0] != VIO_GPIO_STATUS_OK) {
		bench_wrong(b, r, "status %u: does the line exist? --address chooses one", p[0]);
	} else if (len != sizeof(struct vio_gpio_response)) {
		bench_wrong(b, r, "%u bytes are reported as written, must be 2", len);
	} else if (p[1] > VIO_GPIO_DIRECTION_IN) {
		bench_wrong(b, r, "direction %u does not exist", p[1]);
	}
}

const struct bench_class bench_gpio = {
	.name = "gpio",
	.about = "the direction of a line; status, length and value are verified",
	.block_size = 2,
	.block_max = 2,
	.build = gpio_build,
	.check = gpio_check,
};
