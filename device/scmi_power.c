/* SPDX-License-Identifier: BSD-3-Clause */
/* scmi_power.c - SCMI power domain management protocol (DEN0056, 4.3): domains that are on or off */
#include "scmi_proto.h"

#define ATTR_NOTIFY    (1u << 31)
#define ATTR_SYNC      (1u << 29)
#define ATTR_LONG_NAME (1u << 27)

static int32_t power_protocol(struct scmi_call *c)
{
	scmi_put(c, c->tree->npower);
	scmi_put(c, 0); /* no statistics in shared memory */
	scmi_put(c, 0);
	scmi_put(c, 0);
	return VIO_SCMI_SUCCESS;
}

static int32_t power_attributes(struct scmi_call *c)
{
	const struct vio_scmi_power *k = c->res;

	scmi_put(c, (scmi_p2a(c->s) ? ATTR_NOTIFY : 0) | ATTR_SYNC |
			    (scmi_long(k) ? ATTR_LONG_NAME : 0));
	scmi_name(c, k->r.name, VIO_SCMI_SHORT_NAME);
	return VIO_SCMI_SUCCESS;
}

static int32_t power_set(struct scmi_call *c)
{
	if (c->p[0]) {
		return c->p[0] == 1u ? VIO_SCMI_NOT_SUPPORTED : VIO_SCMI_INVALID_PARAMETERS;
	}
	if (c->p[2] != VIO_SCMI_POWER_ON && c->p[2] != VIO_SCMI_POWER_OFF) {
		return VIO_SCMI_INVALID_PARAMETERS;
	}
	return scmi_host(c, VIO_SCMI_POWER_SET, c->p[2], 0);
}

static int32_t power_get(struct scmi_call *c)
{
	return scmi_host(c, VIO_SCMI_POWER_GET, 0, 0);
}

static const struct scmi_msg power_msg[] = {
	{ .id = 0x3, .in = 1, .out = 5, .res = 1, .fn = power_attributes },
	{ .id = 0x4, .in = 3, .res = 2, .rights = VIO_SCMI_MAY_STATE, .fn = power_set },
	{ .id = 0x5, .in = 1, .out = 1, .res = 1, .values = 1, .fn = power_get },
	{ .id = 0x6, .in = 2, .res = 1, .want = 1 },
	{ .id = 0x8, .in = 1, .out = 17, .res = 1, .fn = scmi_name_get },
};

const struct scmi_proto scmi_power = {
	.id = VIO_SCMI_POWER,
	.nmsg = sizeof(power_msg) / sizeof(power_msg[0]),
	.version = 0x30001,
	.msg = power_msg,
	.attribute_words = 4,
	.attributes = power_protocol,
	.at = offsetof(struct vio_scmi_tree, power),
	.n_at = offsetof(struct vio_scmi_tree, npower),
	.bytes = sizeof(struct vio_scmi_power),
};
