/* SPDX-License-Identifier: BSD-3-Clause */
/* scmi_base.c - SCMI base protocol (DEN0056, 4.2): who is there, and which protocols */
#include "scmi_proto.h"

#define SELF 0xffffffffu

static int32_t base_attributes(struct scmi_call *c)
{
	uint32_t n, count = 0;

	for (n = 1; n < scmi_nprotos; n++) { /* base itself does not count */
		count += scmi_present(scmi_protos[n], c->tree);
	}
	scmi_put(c, count | (1u << 8)); /* an agent is not told of others */
	return VIO_SCMI_SUCCESS;
}

static int32_t base_vendor(struct scmi_call *c)
{
	scmi_name(c, c->tree->vendor, VIO_SCMI_SHORT_NAME);
	return VIO_SCMI_SUCCESS;
}

static int32_t base_product(struct scmi_call *c)
{
	scmi_name(c, c->tree->product, VIO_SCMI_SHORT_NAME);
	return VIO_SCMI_SUCCESS;
}

static int32_t base_version(struct scmi_call *c)
{
	scmi_put(c, c->tree->version);
	return VIO_SCMI_SUCCESS;
}

static int32_t base_list(struct scmi_call *c)
{
	uint32_t n, seen = 0, told = 0, word = 0, most = (c->room - 1u) * 4u;

	scmi_put(c, 0);
	for (n = 1; n < scmi_nprotos && told < most; n++) {
		if (!scmi_present(scmi_protos[n], c->tree) || seen++ < c->p[0]) {
			continue;
		}
		word |= (uint32_t)scmi_protos[n]->id << (told % 4u * 8u);
		if (++told % 4u == 0) {
			scmi_put(c, word);
			word = 0;
		}
	}
	if (c->p[0] > seen) {
		return VIO_SCMI_INVALID_PARAMETERS;
	}
	if (told % 4u) {
		scmi_put(c, word);
	}
	c->out[0] = vio_le32(told);
	return VIO_SCMI_SUCCESS;
}

static int32_t base_agent(struct scmi_call *c)
{
	uint32_t id = c->p[0] == SELF ? c->tree->agent : c->p[0];

	if (id != 0 && id != c->tree->agent) {
		return VIO_SCMI_NOT_FOUND;
	}
	scmi_put(c, id);
	scmi_name(c, id ? c->tree->agent_name : "platform", VIO_SCMI_SHORT_NAME);
	return VIO_SCMI_SUCCESS;
}

static int32_t base_reset(struct scmi_call *c)
{
	if (c->p[0] != c->tree->agent) {
		return c->p[0] ? VIO_SCMI_NOT_FOUND : VIO_SCMI_INVALID_PARAMETERS;
	}
	if (c->p[1] > 1u) {
		return VIO_SCMI_INVALID_PARAMETERS;
	}
	/* permissions are the tree's: there is nothing that bit 0 would bring back */
	scmi_forget(c->s);
	if (c->s->ops->reset) {
		c->s->ops->reset(c->s->host);
	}
	return VIO_SCMI_SUCCESS;
}

static const struct scmi_msg base_msg[] = {
	{ .id = 0x3, .out = 4, .fn = base_vendor },
	{ .id = 0x4, .out = 4, .fn = base_product },
	{ .id = 0x5, .out = 1, .fn = base_version },
	{ .id = 0x6, .in = 1, .out = 2, .fn = base_list },
	{ .id = 0x7, .in = 1, .out = 5, .fn = base_agent },
	{ .id = 0xb, .in = 2, .fn = base_reset },
};

const struct scmi_proto scmi_base = {
	.id = VIO_SCMI_BASE,
	.nmsg = sizeof(base_msg) / sizeof(base_msg[0]),
	.version = 0x20001,
	.msg = base_msg,
	.attribute_words = 1,
	.attributes = base_attributes,
	.always = true,
};
