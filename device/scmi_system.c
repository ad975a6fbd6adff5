/* SPDX-License-Identifier: BSD-3-Clause */
/* scmi_system.c - SCMI system power management protocol (DEN0056, 4.4): the agent's own system */
#include "scmi_proto.h"

static int32_t system_protocol(struct scmi_call *c)
{
	scmi_put(c, 0);
	return VIO_SCMI_SUCCESS;
}

static int32_t system_set(struct scmi_call *c)
{
	uint32_t graceful = c->p[0], state = c->p[1];

	if (graceful > 1u || (state > VIO_SCMI_SYSTEM_SUSPEND && !(state >> 31))) {
		return VIO_SCMI_INVALID_PARAMETERS;
	}
	if (state >> 31) {
		return VIO_SCMI_NOT_SUPPORTED; /* a vendor's own */
	}
	if (!(c->tree->system & (1u << state))) {
		return VIO_SCMI_NOT_SUPPORTED; /* for this agent */
	}
	return scmi_host(c, VIO_SCMI_SYSTEM_SET, state, graceful);
}

static int32_t system_get(struct scmi_call *c)
{
	return scmi_host(c, VIO_SCMI_SYSTEM_GET, 0, 0);
}

static const struct scmi_msg system_msg[] = {
	{ .id = 0x3, .in = 2, .fn = system_set },
	{ .id = 0x4, .out = 1, .values = 1, .fn = system_get },
	{ .id = 0x5, .in = 1, .want = 1 },
};

const struct scmi_proto scmi_system = {
	.id = VIO_SCMI_SYSTEM,
	.nmsg = sizeof(system_msg) / sizeof(system_msg[0]),
	.version = 0x20001,
	.msg = system_msg,
	.attribute_words = 1,
	.attributes = system_protocol,
};
