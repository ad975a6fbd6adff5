/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * scmi_clock.c - SCMI clock management protocol (DEN0056, 4.6)
 *
 * Asynchronous rate changes are offered where a clock is slow; the protocol has no word for one clock alone. No extended
 * configuration (duty cycle, phase, OEM).
 */
#include "scmi_proto.h"

#define RATE_ASYNC   1u
#define RATE_IGNORE  2u
#define RATE_UP	     4u
#define RATE_NEAREST 8u

#define ATTR_NOTIFY	(1u << 31)
#define ATTR_LONG_NAME	(1u << 29)
#define ATTR_PARENTS	(1u << 28)
#define ATTR_RESTRICTED (1u << 1)

#define CONFIG_STATE	 3u
#define CONFIG_RESERVED	 2u
#define CONFIG_UNCHANGED 3u

static bool clock_late(const struct scmi_call *c)
{
	uint16_t n;

	for (n = 0; n < c->tree->nclock; n++) {
		if (scmi_late(c->s, &c->tree->clock[n].r)) {
			return true;
		}
	}
	return false;
}

static int32_t clock_protocol(struct scmi_call *c)
{
	scmi_put(c, c->tree->nclock | (clock_late(c) ? VIO_SCMI_DELAYED << 16 : 0));
	return VIO_SCMI_SUCCESS;
}

static int32_t clock_attributes(struct scmi_call *c)
{
	return scmi_host(c, VIO_SCMI_CLOCK_IS_ON, 0, 0);
}

static void clock_attributes_done(struct scmi_call *c)
{
	const struct vio_scmi_clock *k = c->res;

	scmi_put(c, (c->k->op.value & 1u) | (scmi_p2a(c->s) ? ATTR_NOTIFY : 0) |
			    (scmi_long(k) ? ATTR_LONG_NAME : 0) | (k->nparent ? ATTR_PARENTS : 0) |
			    ((~k->r.rights & VIO_SCMI_MAY_ALL) ? ATTR_RESTRICTED : 0));
	scmi_name(c, k->r.name, VIO_SCMI_SHORT_NAME);
	scmi_put(c, k->enable_us);
}

static int32_t clock_rates(struct scmi_call *c)
{
	const struct vio_scmi_clock *k = c->res;
	uint32_t n, at = c->p[1], told = k->nrate, room = (c->room - 1u) / 2u;

	if (at > k->nrate || (k->range && at)) {
		return VIO_SCMI_OUT_OF_RANGE;
	}
	told = told - at > room ? room : told - at;
	if (k->range && told != k->nrate) {
		return VIO_SCMI_PROTOCOL_ERROR; /* the three belong together */
	}
	scmi_put(c, told | (k->range ? 1u << 12 : 0) | ((k->nrate - at - told) << 16));
	for (n = 0; n < told; n++) {
		scmi_put(c, (uint32_t)k->rate[at + n]);
		scmi_put(c, (uint32_t)(k->rate[at + n] >> 32));
	}
	return VIO_SCMI_SUCCESS;
}

/* a % b; a division of 64 bits is a library call on 32-bit targets */
static uint64_t clock_rest(uint64_t a, uint64_t b)
{
	uint64_t rest = 0;
	int bit;

	for (bit = 63; bit >= 0; bit--) {
		bool carry = (rest >> 63) != 0;

		rest = (rest << 1) | ((a >> bit) & 1u);
		if (carry || rest >= b) {
			rest -= b;
		}
	}
	return rest;
}

/* Of two neighbours of `hz`, by the rounding that was asked for. */
static uint64_t clock_pick(uint64_t below, uint64_t above, uint64_t hz, uint32_t flags)
{
	if (flags & RATE_NEAREST) {
		return hz - below <= above - hz ? below : above;
	}
	return flags & RATE_UP ? above : below;
}

/* The rate that `hz` is rounded to; false: there is none in that direction */
static bool clock_round(const struct vio_scmi_clock *k, uint64_t hz, uint32_t flags, uint64_t *to)
{
	uint64_t low = k->rate[0], high = k->rate[k->range ? 1 : k->nrate - 1], below;
	uint16_t n;

	if (hz <= low || hz >= high) {
		*to = hz <= low ? low : high;
		return hz == *to || (flags & RATE_NEAREST) ||
		       ((flags & RATE_UP) != 0) == (hz < low);
	}
	if (k->range) {
		below = hz - clock_rest(hz - low, k->rate[2]);
		*to = below == hz || high - below < k->rate[2]
			      ? below
			      : clock_pick(below, below + k->rate[2], hz, flags);
		return true;
	}
	for (n = 1; k->rate[n] <= hz; n++) {
	}
	*to = k->rate[n - 1] == hz ? hz : clock_pick(k->rate[n - 1], k->rate[n], hz, flags);
	return true;
}

static int32_t clock_rate_set(struct scmi_call *c)
{
	const struct vio_scmi_clock *k = c->res;
	uint64_t hz = c->p[2] | ((uint64_t)c->p[3] << 32);

	if (c->p[0] & ~(RATE_ASYNC | RATE_IGNORE | RATE_UP | RATE_NEAREST)) {
		return VIO_SCMI_INVALID_PARAMETERS;
	}
	if ((c->p[0] & RATE_ASYNC) && !clock_late(c)) {
		return VIO_SCMI_NOT_SUPPORTED;
	}
	if (k->nrate == 0 || !clock_round(k, hz, c->p[0], &hz)) {
		return VIO_SCMI_INVALID_PARAMETERS;
	}
	return c->p[0] & RATE_ASYNC ? scmi_delay(c, VIO_SCMI_CLOCK_SET, hz, 0)
				    : scmi_host(c, VIO_SCMI_CLOCK_SET, hz, 0);
}

static int32_t clock_rate_get(struct scmi_call *c)
{
	return scmi_host(c, VIO_SCMI_CLOCK_GET, 0, 0);
}

static int32_t clock_config_set(struct scmi_call *c)
{
	uint32_t state = c->p[1] & CONFIG_STATE;

	if ((c->p[1] & ~CONFIG_STATE) || state == CONFIG_RESERVED || state == CONFIG_UNCHANGED) {
		return VIO_SCMI_INVALID_PARAMETERS;
	}
	return scmi_host(c, VIO_SCMI_CLOCK_ON, state, 0);
}

static int32_t clock_config_get(struct scmi_call *c)
{
	if (c->p[1]) { /* a configuration that is not there, or reserved bits */
		return VIO_SCMI_INVALID_PARAMETERS;
	}
	return scmi_host(c, VIO_SCMI_CLOCK_IS_ON, 0, 0);
}

static void clock_config_done(struct scmi_call *c)
{
	scmi_put(c, 0);
	scmi_put(c, c->k->op.value & 1u);
	scmi_put(c, 0);
}

static int32_t clock_parents(struct scmi_call *c)
{
	const struct vio_scmi_clock *k = c->res;
	uint32_t n, at = c->p[1], told;

	if (k->nparent == 0) {
		return VIO_SCMI_NOT_SUPPORTED;
	}
	if (at > k->nparent) {
		return VIO_SCMI_OUT_OF_RANGE;
	}
	told = k->nparent - at;
	told = told > c->room - 1u ? c->room - 1u : told;
	scmi_put(c, told | ((k->nparent - at - told) << 24));
	for (n = 0; n < told; n++) {
		scmi_put(c, k->parent[at + n]);
	}
	return VIO_SCMI_SUCCESS;
}

static int32_t clock_parent_set(struct scmi_call *c)
{
	const struct vio_scmi_clock *k = c->res;
	uint16_t n;

	if (k->nparent == 0) {
		return VIO_SCMI_NOT_SUPPORTED;
	}
	for (n = 0; n < k->nparent; n++) {
		if (k->parent[n] == c->p[1]) {
			return scmi_host(c, VIO_SCMI_CLOCK_SET_PARENT,
					 c->tree->clock[c->p[1]].r.res, 0);
		}
	}
	return c->p[1] < c->tree->nclock ? VIO_SCMI_INVALID_PARAMETERS : VIO_SCMI_NOT_FOUND;
}

static int32_t clock_parent_get(struct scmi_call *c)
{
	if (((const struct vio_scmi_clock *)c->res)->nparent == 0) {
		return VIO_SCMI_NOT_SUPPORTED;
	}
	return scmi_host(c, VIO_SCMI_CLOCK_PARENT, 0, 0);
}

static void clock_parent_done(struct scmi_call *c)
{
	const struct vio_scmi_clock *k = c->res;
	uint32_t n, id = k->parent[0];

	/* the host's number to the agent's */
	for (n = 0; n < k->nparent; n++) {
		if (c->tree->clock[k->parent[n]].r.res == c->k->op.value) {
			id = k->parent[n];
		}
	}
	scmi_put(c, id);
}

static int32_t clock_permissions(struct scmi_call *c)
{
	uint32_t may = ((const struct vio_scmi_res *)c->res)->rights;

	scmi_put(c, (may & VIO_SCMI_MAY_STATE ? 1u << 31 : 0) |
			    (may & VIO_SCMI_MAY_PARENT ? 1u << 30 : 0) |
			    (may & VIO_SCMI_MAY_VALUE ? 1u << 29 : 0));
	return VIO_SCMI_SUCCESS;
}

static const struct scmi_msg clock_msg[] = {
	{ .id = 0x3,
	  .in = 1,
	  .out = 6,
	  .res = 1,
	  .fn = clock_attributes,
	  .finish = clock_attributes_done },
	{ .id = 0x4, .in = 2, .out = 3, .res = 1, .fn = clock_rates },
	{ .id = 0x5,
	  .in = 4,
	  .res = 2,
	  .rights = VIO_SCMI_MAY_VALUE,
	  .late = 2,
	  .fn = clock_rate_set },
	{ .id = 0x6, .in = 1, .out = 2, .res = 1, .values = 2, .fn = clock_rate_get },
	{ .id = 0x7, .in = 3, .res = 1, .rights = VIO_SCMI_MAY_STATE, .fn = clock_config_set },
	{ .id = 0x8, .in = 1, .out = 17, .res = 1, .fn = scmi_name_get },
	{ .id = 0x9, .in = 2, .res = 1, .want = 1 },
	{ .id = 0xb,
	  .in = 2,
	  .out = 3,
	  .res = 1,
	  .fn = clock_config_get,
	  .finish = clock_config_done },
	{ .id = 0xc, .in = 2, .out = 2, .res = 1, .fn = clock_parents },
	{ .id = 0xd, .in = 2, .res = 1, .rights = VIO_SCMI_MAY_PARENT, .fn = clock_parent_set },
	{ .id = 0xe,
	  .in = 1,
	  .out = 1,
	  .res = 1,
	  .fn = clock_parent_get,
	  .finish = clock_parent_done },
	{ .id = 0xf, .in = 1, .out = 1, .res = 1, .fn = clock_permissions },
};

const struct scmi_proto scmi_clock = {
	.id = VIO_SCMI_CLOCK,
	.nmsg = sizeof(clock_msg) / sizeof(clock_msg[0]),
	.version = 0x30000,
	.msg = clock_msg,
	.attribute_words = 1,
	.attributes = clock_protocol,
	.at = offsetof(struct vio_scmi_tree, clock),
	.n_at = offsetof(struct vio_scmi_tree, nclock),
	.bytes = sizeof(struct vio_scmi_clock),
};
