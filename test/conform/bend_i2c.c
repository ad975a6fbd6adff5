/* SPDX-License-Identifier: BSD-3-Clause */
/* bend_i2c.c - broken I2C adapters */
#include <string.h>
#include "test/conform/bends.h"

#define I2C "i2c,host=sim"

static void addr(struct bent_req *r)
{
	r->out[0] ^= 0x10;
}

static void flags(struct bent_req *r)
{
	r->out[7] = 1;
}

static void data(struct bent_req *r)
{
	r->out[8] = 0;
}

static bool is_read(const struct bent_req *r)
{
	return r->out_len >= 8 && (r->out[4] & 2u) != 0;
}

static void other_address(struct bent_req *r)
{
	r->out[0] = is_read(r) ? 0x12 : r->out[0];
}

static void short_by_one(struct bent_req *r)
{
	if (r->in_len > 1) {
		r->in[r->in_len - 2] = r->n == 0 ? 0xa5 : 0x5a;
	}
}

static void short_len(struct bent_req *r)
{
	r->len = r->len > 1 ? r->len - 1 : r->len;
}

/* Of more than 16 under way the rest is refused. */
static void refuses_many(struct bent_req *r)
{
	r->in[r->in_len - 1] = r->n > 16 ? 1 : r->in[r->in_len - 1];
}

static void no_status(struct bent_req *r)
{
	r->in[r->in_len - 1] = r->in_len == 1 ? 0xa5 : r->in[r->in_len - 1];
}

/* A read gets what the one before it should have had. */
static void late_data(struct bent_req *r)
{
	static uint8_t before;
	uint8_t now = r->in[0];

	if (is_read(r) && r->in_len == 2) {
		r->in[0] = before;
		before = now;
	}
}

static void late_data_group(struct bent_req *r)
{
	static uint8_t before;
	uint8_t now = r->in[0];

	if (is_read(r) && r->in_len == 2) {
		r->in[0] = before;
		before = now;
	}
}

static void ok_later(struct bent_req *r)
{
	r->in[r->in_len - 1] = r->n > 0 ? 0 : r->in[r->in_len - 1];
}

static void bad_for_ever(struct bent_req *r)
{
	static bool bad;

	bad = bad || (r->n > 0 && r->in[r->in_len - 1] != 0);
	r->in[r->in_len - 1] = bad ? 1 : r->in[r->in_len - 1];
}

static void bad_behind(struct bent_req *r)
{
	r->in[r->in_len - 1] = r->n == 3 ? 1 : r->in[r->in_len - 1];
}

/* clang-format off */
const struct bend bends_i2c[] = {
	{ .rule = "i2c.offer", .device = I2C, .hide = 1, .says = "not offered" },
	{ .rule = "i2c.reject", .device = I2C, .flaw = BENT_TAKES_ANY, .says = "FEATURES_OK stays" },
	{ .rule = "i2c.head-kept", .device = I2C, .flaw = BENT_OUT_BACK, .answer = addr, .says = "became" },
	{ .rule = "i2c.head-kept-group", .device = I2C, .flaw = BENT_OUT_BACK, .answer = flags, .says = "became" },
	{ .rule = "i2c.data-kept", .device = I2C, .flaw = BENT_OUT_BACK, .answer = data, .says = "became" },
	{ .rule = "i2c.segment-1", .device = I2C, .answer = short_by_one, .says = "byte 0 of 1 was not placed" },
	{ .rule = "i2c.segment-7", .device = I2C, .answer = short_by_one, .says = "byte 6 of 7 was not placed" },
	{ .rule = "i2c.segment-32", .device = I2C, .answer = short_by_one, .says = "byte 31 of 32 was not placed" },
	{ .rule = "i2c.segment-32", .device = I2C, .answer = short_len, .says = "are reported" },
	{ .rule = "i2c.segment-32", .device = I2C, .ask = other_address, .says = "status 1" },
	{ .rule = "i2c.segment-many", .device = I2C, .answer = refuses_many, .says = "status 1" },
	{ .rule = "i2c.segment-group", .device = I2C, .answer = refuses_many, .says = "status 1" },
	{ .rule = "i2c.zero-write", .device = I2C, .answer = no_status, .says = "0xa5" },
	{ .rule = "i2c.zero-read", .device = I2C, .answer = no_status, .says = "0xa5" },
	{ .rule = "i2c.order", .device = I2C, .answer = late_data, .says = "alone" },
	{ .rule = "i2c.order-group", .device = I2C, .answer = late_data_group, .says = "alone" },
	{ .rule = "i2c.failed", .device = I2C, .answer = ok_later, .says = "went to nobody" },
	{ .rule = "i2c.failed-first", .device = I2C, .answer = ok_later, .says = "went to nobody" },
	{ .rule = "i2c.failed-middle", .device = I2C, .answer = ok_later, .says = "went to nobody" },
	{ .rule = "i2c.failed-last", .device = I2C, .answer = ok_later, .says = "went to nobody" },
	{ .rule = "i2c.behind", .device = I2C, .answer = bad_behind, .says = "status 1" },
	{ .rule = "i2c.behind-group", .device = I2C, .answer = bad_for_ever, .says = "status 1" },
	{ .rule = NULL },
};
/* clang-format on */
