/* SPDX-License-Identifier: BSD-3-Clause */
/* bend_rpmb.c - broken RPMB devices; what they answer is seldom signed any more, so some flaws show as that */
#include <string.h>
#include "hosted/mac.h"
#include "test/conform/bends.h"

#define RPMB "rpmb,host=sim"

static const uint8_t key[32] = "stratos conform: RPMB test key.";

static void too_large(uint8_t *config, uint32_t len)
{
	config[0] = len > 0 ? 0x81 : 0;
}

static bool is(const struct bent_req *r, uint8_t type)
{
	return r->out_len >= 512 && r->out[511] == type;
}

static void unsigned_read(struct bent_req *r)
{
	if (is(r, 4)) {
		r->in[196] ^= 1;
	}
}

/* What stays after PROGRAM_KEY is not what was given. */
static void other_key(struct bent_req *r)
{
	if (is(r, 1)) {
		r->out[200] ^= 1;
	}
}

static void unsigned_later(struct bent_req *r)
{
	if (r->n >= 4) {
		r->in[196] ^= 1;
	}
}

static void key_in_answer(struct bent_req *r)
{
	if (r->n >= 3) {
		memcpy(r->in, key, sizeof(key));
	}
}

/* Writes are not done, and it says that they were. */
static void not_written(struct bent_req *r)
{
	if (is(r, 3)) {
		r->out[511] = 2;
	}
}

static void claims(struct bent_req *r)
{
	if (r->out_len > 512) {
		memset(r->in + 508, 0, 2);
	}
}

static void sign(uint8_t *frame)
{
	struct mac *m = mac_new();

	mac_key(m, key);
	mac_begin(m);
	mac_add(m, frame + 228, 284);
	mac_end(m, frame + 196);
	mac_free(m);
}

/* The second write is made right, whatever was wrong with it. */
static void repairs(struct bent_req *r)
{
	if (r->n == 4 && is(r, 3)) {
		r->out[503] = 1;
		sign(r->out);
	}
}

static void one_more(struct bent_req *r)
{
	if (r->n == 4) {
		r->in[503]++;
		sign(r->in);
	}
}

static void seven(struct bent_req *r)
{
	if (r->n == 2) {
		r->in[503] = 7;
		sign(r->in);
	}
}

static void wraps(struct bent_req *r)
{
	if (r->n == 4) {
		memset(r->in + 500, 0, 4);
		sign(r->in);
	}
}

static void other_data(struct bent_req *r)
{
	if (is(r, 4)) {
		r->in[228] = 0x44;
	}
}

/* clang-format off */
const struct bend bends_rpmb[] = {
	{ .rule = "rpmb.capacity", .device = RPMB, .config = too_large, .says = "capacity is 0x81" },
	{ .rule = "rpmb.key-used", .device = RPMB, .answer = unsigned_read, .says = "a read is not signed" },
	{ .rule = "rpmb.key-used", .device = RPMB, .ask = other_key, .says = "not signed by the key that was programmed" },
	{ .rule = "rpmb.key-once", .device = RPMB, .answer = unsigned_later, .says = "after another was to be programmed" },
	{ .rule = "rpmb.key-hidden", .device = RPMB, .answer = key_in_answer, .says = "the key is in an answer" },
	{ .rule = "rpmb.kept", .device = RPMB, .answer = unsigned_later, .says = "after a reset" },
	{ .rule = "rpmb.counter-zero", .device = RPMB, .answer = seven, .says = "a new device is 7" },
	{ .rule = "rpmb.counter-adds", .device = RPMB, .ask = not_written, .answer = claims, .says = "the counter is 0, not 1" },
	{ .rule = "rpmb.counter-adds-blocks", .device = RPMB, .answer = one_more, .says = "the counter is 2, not 1" },
	{ .rule = "rpmb.counter-forged", .device = RPMB, .ask = repairs, .says = "the counter is 2, not 1" },
	{ .rule = "rpmb.counter-other", .device = RPMB, .ask = repairs, .says = "the counter is 2, not 1" },
	{ .rule = "rpmb.counter-end", .device = RPMB ":4294967295", .answer = wraps, .says = "the counter is 0, not 4294967295" },
	{ .rule = "rpmb.data", .device = RPMB, .answer = other_data, .says = "byte 0 of block 0 is 0x44" },
	{ .rule = "rpmb.data-forged", .device = RPMB, .ask = repairs, .says = "byte 0 of block 0 is 0x44" },
	{ .rule = NULL },
};
/* clang-format on */
