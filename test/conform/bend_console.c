/* SPDX-License-Identifier: BSD-3-Clause */
/* bend_console.c - broken consoles */
#include <string.h>
#include "port/vhost_user/proto.h"
#include "test/conform/bends.h"
#include "vio/base.h"
#include "vio/spec/console.h"

#define ONE  "console,host=sim"
#define MANY "console,host=sim,ports=3,cols=80,rows=25"

/* a message of the device in the control queue, of this kind */
static bool is(const struct bent_req *r, uint16_t event)
{
	return r->vq == VIO_CONSOLE_VQ_CTRL_RX && r->len >= 8 && vio_unpack16(r->in + 4) == event;
}

static void add_again(struct bent_req *r)
{
	if (is(r, VIO_CONSOLE_DEVICE_ADD)) {
		vio_pack32(r->in, 0);
	}
}

static void add_many(struct bent_req *r)
{
	if (is(r, VIO_CONSOLE_DEVICE_ADD) && vio_unpack32(r->in) == 2) {
		vio_pack32(r->in, 3);
	}
}

static void removes(struct bent_req *r)
{
	if (is(r, VIO_CONSOLE_DEVICE_ADD) && vio_unpack32(r->in) == 2) {
		vio_pack16(r->in + 4, VIO_CONSOLE_DEVICE_REMOVE);
	}
}

static void name_ends(struct bent_req *r)
{
	if (is(r, VIO_CONSOLE_PORT_NAME)) {
		r->in[r->len++] = 0;
	}
}

static void half_open(struct bent_req *r)
{
	if (is(r, VIO_CONSOLE_PORT_OPEN)) {
		vio_pack16(r->in + 6, 2);
	}
}

static void no_size(struct bent_req *r)
{
	if (is(r, VIO_CONSOLE_RESIZE)) {
		r->len = 8;
	}
}

static void odd_event(struct bent_req *r)
{
	if (is(r, VIO_CONSOLE_PORT_NAME)) {
		vio_pack16(r->in + 4, 8);
	}
}

static void only_rx(struct bent_req *r)
{
	r->lost = r->vq == VIO_CONSOLE_VQ_TX0;
}

/* clang-format off */
const struct bend bends_console[] = {
	{ .rule = "console.emergency-early", .device = ONE, .flaw = BENT_REFUSES, .at = VHU_SET_CONFIG, .says = "refused" },
	{ .rule = "console.emergency", .device = ONE, .flaw = BENT_REFUSES, .at = VHU_SET_CONFIG, .says = "refused" },
	{ .rule = "console.two-queues", .device = ONE, .answer = only_rx, .says = "an answer" },
	{ .rule = "console.add-once", .device = MANY, .answer = add_again, .says = "a second time" },
	{ .rule = "console.add-max", .device = MANY, .answer = add_many, .says = "port 3 is added" },
	{ .rule = "console.remove", .device = MANY, .answer = removes, .says = "never added" },
	{ .rule = "console.name", .device = MANY, .answer = name_ends, .says = "has a NUL" },
	{ .rule = "console.open", .device = MANY, .answer = half_open, .says = "the value 2" },
	{ .rule = "console.resize", .device = MANY, .answer = no_size, .says = "RESIZE has 8" },
	{ .rule = "console.events", .device = MANY, .answer = odd_event, .says = "event 8" },
	{ .rule = NULL },
};
/* clang-format on */
