/* SPDX-License-Identifier: BSD-3-Clause */
/* bend_rng.c - broken entropy devices */
#include <string.h>
#include "test/conform/bends.h"

static void nothing(struct bent_req *r)
{
	r->len = 0;
}

static void nothing_small(struct bent_req *r)
{
	r->len = r->in_len < 4 ? 0 : r->len;
}

static void flat(struct bent_req *r)
{
	memset(r->in, (int)r->n + 1, r->in_len);
}

static void same(struct bent_req *r)
{
	for (uint32_t i = 0; i < r->in_len; i++) {
		r->in[i] = (uint8_t)(i * 37u + (i >> 3));
	}
}

/* clang-format off */
const struct bend bends_rng[] = {
	{ .rule = "rng.some", .answer = nothing, .says = "came back with none" },
	{ .rule = "rng.some", .answer = nothing_small, .says = "1 bytes came back with none" },
	{ .rule = "rng.random", .answer = flat, .says = "all bytes are" },
	{ .rule = "rng.random", .answer = same, .says = "the same" },
	{ .rule = NULL },
};
/* clang-format on */
