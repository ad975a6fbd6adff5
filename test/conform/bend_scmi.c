/* SPDX-License-Identifier: BSD-3-Clause */
/* bend_scmi.c - broken SCMI devices */
#include <string.h>
#include "test/conform/bends.h"

#define SCMI "scmi,host=sim"

static bool failed(const struct bent_req *r)
{
	return (r->in[7] & 0x80) != 0;
}

static void status(struct bent_req *r, int v)
{
	memset(r->in + 4, v < 0 ? 0xff : 0, 4);
	r->in[4] = (uint8_t)v;
	r->len = r->len < 8 ? 8 : r->len;
}

/* What fails is SUCCESS, with a value that means nothing. */
static void always_success(struct bent_req *r)
{
	if (failed(r)) {
		status(r, 0);
		memset(r->in + 8, 0, 4);
		r->len = 12;
	}
}

static void invalid(struct bent_req *r)
{
	if (failed(r)) {
		status(r, -2);
	}
}

static void values_too(struct bent_req *r)
{
	r->len = failed(r) ? 12 : r->len;
}

static void zero_behind(struct bent_req *r)
{
	if (failed(r)) {
		r->in[8] = 0;
	}
}

static void region(struct bent_req *r)
{
	if (r->out[0] == 1 && r->len >= 24) {
		r->in[20] = 64;
	}
}

static void loses(struct bent_req *r)
{
	r->lost = r->n % 50u == 49u;
}

static void empty(struct bent_req *r)
{
	r->len = r->n > 20 ? 0 : r->len;
}

/* clang-format off */
const struct bend bends_scmi[] = {
	{ .rule = "scmi.offer-p2a", .device = SCMI, .hide = 1, .answer = always_success, .says = "P2A_CHANNELS is not offered" },
	{ .rule = "scmi.offer-shared-power", .device = SCMI, .answer = region, .says = "a region of 64 bytes" },
	{ .rule = "scmi.offer-shared-perf", .device = SCMI, .answer = region, .says = "a region of 64 bytes" },
	{ .rule = "scmi.offer-shared-sensor", .device = SCMI, .answer = region, .says = "a region of 64 bytes" },
	{ .rule = "scmi.burst", .device = SCMI, .answer = loses, .says = "an answer did not come" },
	{ .rule = "scmi.burst-mixed", .device = SCMI, .answer = empty, .says = "a response of 0 bytes" },
	{ .rule = "scmi.alone-protocol", .device = SCMI, .answer = values_too, .says = "12 bytes of response" },
	{ .rule = "scmi.alone-message", .device = SCMI, .answer = values_too, .says = "12 bytes of response" },
	{ .rule = "scmi.alone-attributes", .device = SCMI, .answer = zero_behind, .says = "byte 8 behind" },
	{ .rule = "scmi.alone-clock", .device = SCMI, .answer = zero_behind, .says = "byte 8 behind" },
	{ .rule = "scmi.alone-sensor", .device = SCMI, .answer = values_too, .says = "12 bytes of response" },
	{ .rule = "scmi.denied-base", .device = SCMI, .answer = always_success, .says = "status 0" },
	{ .rule = "scmi.denied-power", .device = SCMI, .answer = always_success, .says = "status 0" },
	{ .rule = "scmi.denied-system", .device = SCMI, .answer = always_success, .says = "status 0" },
	{ .rule = "scmi.denied-limits", .device = SCMI, .answer = always_success, .says = "status 0" },
	{ .rule = "scmi.denied-level", .device = SCMI, .answer = invalid, .says = "status -2" },
	{ .rule = "scmi.denied-clock", .device = SCMI, .answer = invalid, .says = "status -2" },
	{ .rule = "scmi.denied-sensor", .device = SCMI, .answer = invalid, .says = "status -2" },
	{ .rule = "scmi.denied-reset", .device = SCMI, .answer = invalid, .says = "status -2" },
	{ .rule = "scmi.silent-base", .device = SCMI, .answer = always_success, .says = "request 0x8" },
	{ .rule = "scmi.silent-power", .device = SCMI, .answer = always_success, .says = "request 0x6" },
	{ .rule = "scmi.silent-system", .device = SCMI, .answer = always_success, .says = "request 0x5" },
	{ .rule = "scmi.silent-limits", .device = SCMI, .answer = always_success, .says = "request 0x9" },
	{ .rule = "scmi.silent-level", .device = SCMI, .answer = always_success, .says = "request 0xa" },
	{ .rule = "scmi.silent-clock", .device = SCMI, .answer = always_success, .says = "request 0x9" },
	{ .rule = "scmi.silent-sensor", .device = SCMI, .answer = always_success, .says = "request 0x4" },
	{ .rule = "scmi.silent-reset", .device = SCMI, .answer = always_success, .says = "request 0x5" },
	{ .rule = "scmi.delayed-sensor", .device = SCMI, .answer = invalid, .says = "status -2" },
	{ .rule = "scmi.delayed-clock", .device = SCMI, .answer = invalid, .says = "status -2" },
	{ .rule = "scmi.delayed-reset", .device = SCMI, .answer = always_success, .says = "status 0" },
	{ .rule = NULL },
};
/* clang-format on */
