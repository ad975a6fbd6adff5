/* SPDX-License-Identifier: BSD-3-Clause */
/* bend_gpio.c - broken GPIO devices */
#include "test/conform/bends.h"

#define GPIO "gpio,host=sim"

/* messages, directions and types by their numbers, for what is broken does not know better */
enum { NAMES = 1, GET_DIRECTION = 2, SET_DIRECTION = 3, SET_IRQ_TYPE = 6 };

static void padded(uint8_t *config, uint32_t len)
{
	config[2] = len > 2;
}

static void one_name_less(struct bent_req *r)
{
	if (r->out[0] == NAMES) {
		r->in[8] = 'x';
	}
}

static void one_name_twice(struct bent_req *r)
{
	if (r->out[0] == NAMES) {
		r->in[15] = 'a';
	}
}

static void no_value(struct bent_req *r)
{
	r->in[1] = 0xa5;
}

static void always_ok(struct bent_req *r)
{
	r->in[0] = 0;
}

static void always_in(struct bent_req *r)
{
	r->in[1] = r->out[0] == GET_DIRECTION ? 2 : r->in[1];
}

static void none_is_in(struct bent_req *r)
{
	if (r->vq == 0 && r->out[0] == SET_DIRECTION && r->out[4] == 0) {
		r->out[4] = 2;
	}
}

static void irq_is(struct bent_req *r, uint8_t from, uint8_t to)
{
	if (r->vq == 0 && r->out[0] == SET_IRQ_TYPE && r->out[4] == from) {
		r->out[4] = to;
	}
}

static void rising_is_high(struct bent_req *r)
{
	irq_is(r, 1, 4);
}

static void rising_is_low(struct bent_req *r)
{
	irq_is(r, 1, 8);
}

static void high_is_rising(struct bent_req *r)
{
	irq_is(r, 4, 1);
}

static void high_is_low(struct bent_req *r)
{
	irq_is(r, 4, 8);
}

static void none_is_rising(struct bent_req *r)
{
	irq_is(r, 0, 1);
}

static void always_valid(struct bent_req *r)
{
	r->in[0] = r->vq == 1 ? 1 : r->in[0];
}

static void no_event(struct bent_req *r)
{
	r->lost = r->vq == 1;
}

/* clang-format off */
const struct bend bends_gpio[] = {
	{ .rule = "gpio.config", .device = GPIO, .config = padded, .says = "padding is" },
	{ .rule = "gpio.names-size", .device = GPIO, .answer = one_name_less, .says = "7 names" },
	{ .rule = "gpio.names-unique", .device = GPIO, .answer = one_name_twice, .says = "two lines are called 'wire0-a'" },
	{ .rule = "gpio.fields-direction", .device = GPIO, .answer = no_value, .says = "not set" },
	{ .rule = "gpio.fields-value", .device = GPIO, .answer = no_value, .says = "not set" },
	{ .rule = "gpio.fields-failed", .device = GPIO, .answer = no_value, .says = "not set" },
	{ .rule = "gpio.fields-unknown", .device = GPIO, .answer = no_value, .says = "not set" },
	{ .rule = "gpio.failed-line", .device = GPIO, .answer = always_ok, .says = "status is 0" },
	{ .rule = "gpio.failed-direction", .device = GPIO, .answer = always_ok, .says = "status is 0" },
	{ .rule = "gpio.failed-message", .device = GPIO, .answer = always_ok, .says = "status is 0" },
	{ .rule = "gpio.sequence", .device = GPIO, .answer = always_in, .says = "direction 0 was set, and 2 read" },
	{ .rule = "gpio.none-forgets", .device = GPIO, .ask = none_is_in, .says = "drives 1 again" },
	{ .rule = "gpio.none-forgets-irq", .device = GPIO, .ask = none_is_in, .says = "before direction none" },
	{ .rule = "gpio.irq-latched", .device = GPIO, .ask = rising_is_high, .says = "an answer did not come" },
	{ .rule = "gpio.irq-level", .device = GPIO, .ask = high_is_rising, .says = "a level that is gone" },
	{ .rule = "gpio.irq-discarded", .device = GPIO, .ask = none_is_rising, .says = "before the interrupt was disabled" },
	{ .rule = "gpio.irq-both", .device = GPIO, .ask = rising_is_low, .says = "without an edge" },
	{ .rule = "gpio.irq-both-level", .device = GPIO, .ask = high_is_low, .says = "without an edge" },
	{ .rule = "gpio.irq-returned", .device = GPIO, .answer = always_valid, .says = "status 0x01" },
	{ .rule = "gpio.irq-returned-level", .device = GPIO, .answer = no_event, .says = "an answer did not come" },
	{ .rule = NULL },
};
/* clang-format on */
