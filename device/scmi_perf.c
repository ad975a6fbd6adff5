/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * scmi_perf.c - SCMI performance domain management protocol (DEN0056, 4.5)
 *
 * Levels are named by value, not by index. No FastChannels: virtio 1.4 excludes them.
 */
#include "scmi_proto.h"

#define ATTR_LIMITS	   (1u << 31)
#define ATTR_LEVEL	   (1u << 30)
#define ATTR_LIMITS_NOTIFY (1u << 29)
#define ATTR_LEVEL_NOTIFY  (1u << 28)
#define ATTR_LONG_NAME	   (1u << 26)
#define MICROWATT	   (1u << 17)

#define LEVEL_WORDS 5u

static int32_t perf_protocol(struct scmi_call *c)
{
	scmi_put(c, c->tree->nperf | MICROWATT);
	scmi_put(c, 0); /* no statistics in shared memory */
	scmi_put(c, 0);
	scmi_put(c, 0);
	return VIO_SCMI_SUCCESS;
}

static int32_t perf_attributes(struct scmi_call *c)
{
	const struct vio_scmi_perf *k = c->res;

	scmi_put(c, (k->r.rights & VIO_SCMI_MAY_STATE ? ATTR_LIMITS : 0) |
			    (k->r.rights & VIO_SCMI_MAY_VALUE ? ATTR_LEVEL : 0) |
			    (scmi_p2a(c->s) ? ATTR_LIMITS_NOTIFY | ATTR_LEVEL_NOTIFY : 0) |
			    (scmi_long(k) ? ATTR_LONG_NAME : 0));
	scmi_put(c, 0); /* no limit to how often it is set */
	scmi_put(c, k->sustained_khz);
	scmi_put(c, k->sustained_level);
	scmi_name(c, k->r.name, VIO_SCMI_SHORT_NAME);
	return VIO_SCMI_SUCCESS;
}

static int32_t perf_levels(struct scmi_call *c)
{
	const struct vio_scmi_perf *k = c->res;
	uint32_t n, at = c->p[1], told;

	if (at > k->nlevel) {
		return VIO_SCMI_OUT_OF_RANGE;
	}
	told = k->nlevel - at;
	n = (c->room - 1u) / LEVEL_WORDS;
	told = told > n ? n : told;
	scmi_put(c, told | ((k->nlevel - at - told) << 16));
	for (n = at; n < at + told; n++) {
		scmi_put(c, k->level[n].level);
		scmi_put(c, k->level[n].power);
		scmi_put(c, k->level[n].latency_us);
		scmi_put(c, 0); /* frequency and index: for domains that name levels by index */
		scmi_put(c, 0);
	}
	return VIO_SCMI_SUCCESS;
}

/* The lowest level that gives `want`; false: it is outside of them all */
static bool perf_round(const struct vio_scmi_perf *k, uint32_t want, uint32_t *level)
{
	uint16_t n;

	for (n = 0; n < k->nlevel; n++) {
		if (k->level[n].level >= want) {
			*level = k->level[n].level;
			return want >= k->level[0].level;
		}
	}
	return false;
}

static int32_t perf_limits_set(struct scmi_call *c)
{
	uint32_t max, min;

	if (!perf_round(c->res, c->p[1], &max) || !perf_round(c->res, c->p[2], &min)) {
		return VIO_SCMI_OUT_OF_RANGE;
	}
	if (c->p[1] < c->p[2]) {
		return VIO_SCMI_INVALID_PARAMETERS;
	}
	return scmi_host(c, VIO_SCMI_PERF_SET_LIMITS, max, min);
}

static int32_t perf_limits_get(struct scmi_call *c)
{
	return scmi_host(c, VIO_SCMI_PERF_LIMITS, 0, 0);
}

static void perf_limits_done(struct scmi_call *c)
{
	scmi_put(c, (uint32_t)c->k->op.value);
	scmi_put(c, (uint32_t)c->k->op.extra);
}

static int32_t perf_level_set(struct scmi_call *c)
{
	uint32_t level;

	if (!perf_round(c->res, c->p[1], &level)) {
		return VIO_SCMI_OUT_OF_RANGE;
	}
	return scmi_host(c, VIO_SCMI_PERF_SET, level, 0);
}

static int32_t perf_level_get(struct scmi_call *c)
{
	return scmi_host(c, VIO_SCMI_PERF_GET, 0, 0);
}

static const struct scmi_msg perf_msg[] = {
	{ .id = 0x3, .in = 1, .out = 8, .res = 1, .fn = perf_attributes },
	{ .id = 0x4, .in = 2, .out = 1 + LEVEL_WORDS, .res = 1, .fn = perf_levels },
	{ .id = 0x5, .in = 3, .res = 1, .rights = VIO_SCMI_MAY_STATE, .fn = perf_limits_set },
	{ .id = 0x6,
	  .in = 1,
	  .out = 2,
	  .res = 1,
	  .fn = perf_limits_get,
	  .finish = perf_limits_done },
	{ .id = 0x7, .in = 2, .res = 1, .rights = VIO_SCMI_MAY_VALUE, .fn = perf_level_set },
	{ .id = 0x8, .in = 1, .out = 1, .res = 1, .values = 1, .fn = perf_level_get },
	{ .id = 0x9, .in = 2, .res = 1, .want = 1 },
	{ .id = 0xa, .in = 2, .res = 1, .want = 2 },
	{ .id = 0xc, .in = 1, .out = 17, .res = 1, .fn = scmi_name_get },
};

const struct scmi_proto scmi_perf = {
	.id = VIO_SCMI_PERF,
	.nmsg = sizeof(perf_msg) / sizeof(perf_msg[0]),
	.version = 0x40000,
	.msg = perf_msg,
	.attribute_words = 4,
	.attributes = perf_protocol,
	.at = offsetof(struct vio_scmi_tree, perf),
	.n_at = offsetof(struct vio_scmi_tree, nperf),
	.bytes = sizeof(struct vio_scmi_perf),
};
