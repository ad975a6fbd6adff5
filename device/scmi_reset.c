/* SPDX-License-Identifier: BSD-3-Clause */
/* scmi_reset.c - SCMI reset domain management protocol (DEN0056, 4.8): cold resets */
#include "scmi_proto.h"

#define FLAG_AUTONOMOUS 1u
#define FLAG_ASSERT	2u
#define FLAG_ASYNC	4u

#define ATTR_ASYNC     (1u << 31)
#define ATTR_NOTIFY    (1u << 30)
#define ATTR_LONG_NAME (1u << 29)
#define NOT_KNOWN      0xffffffffu

static int32_t reset_protocol(struct scmi_call *c)
{
	scmi_put(c, c->tree->nreset);
	return VIO_SCMI_SUCCESS;
}

static int32_t reset_attributes(struct scmi_call *c)
{
	const struct vio_scmi_reset *k = c->res;

	scmi_put(c, (scmi_late(c->s, &k->r) ? ATTR_ASYNC : 0) | (scmi_p2a(c->s) ? ATTR_NOTIFY : 0) |
			    (scmi_long(k) ? ATTR_LONG_NAME : 0));
	scmi_put(c, k->latency_us ? k->latency_us : NOT_KNOWN);
	scmi_name(c, k->r.name, VIO_SCMI_SHORT_NAME);
	return VIO_SCMI_SUCCESS;
}

static int32_t reset_do(struct scmi_call *c)
{
	uint32_t flags = c->p[1],
		 what = flags & FLAG_ASSERT ? VIO_SCMI_RESET_ASSERT : VIO_SCMI_RESET_DEASSERT;

	if (flags & ~(FLAG_AUTONOMOUS | FLAG_ASSERT | FLAG_ASYNC)) {
		return VIO_SCMI_INVALID_PARAMETERS;
	}
	if ((flags & FLAG_ASYNC) && !scmi_late(c->s, c->res)) {
		return VIO_SCMI_NOT_SUPPORTED;
	}
	if (flags & FLAG_AUTONOMOUS) {
		if (c->p[2]) { /* any other than the architectural cold reset */
			return VIO_SCMI_INVALID_PARAMETERS;
		}
		what = VIO_SCMI_RESET_CYCLE;
	}
	return flags & FLAG_ASYNC ? scmi_delay(c, VIO_SCMI_RESET_DO, what, 0)
				  : scmi_host(c, VIO_SCMI_RESET_DO, what, 0);
}

static const struct scmi_msg reset_msg[] = {
	{ .id = 0x3, .in = 1, .out = 6, .res = 1, .fn = reset_attributes },
	{ .id = 0x4, .in = 3, .res = 1, .rights = VIO_SCMI_MAY_STATE, .fn = reset_do },
	{ .id = 0x5, .in = 2, .res = 1, .want = 1 },
	{ .id = 0x6, .in = 1, .out = 17, .res = 1, .fn = scmi_name_get },
};

const struct scmi_proto scmi_reset = {
	.id = VIO_SCMI_RESET,
	.nmsg = sizeof(reset_msg) / sizeof(reset_msg[0]),
	.version = 0x30001,
	.msg = reset_msg,
	.attribute_words = 1,
	.attributes = reset_protocol,
	.at = offsetof(struct vio_scmi_tree, reset),
	.n_at = offsetof(struct vio_scmi_tree, nreset),
	.bytes = sizeof(struct vio_scmi_reset),
};
