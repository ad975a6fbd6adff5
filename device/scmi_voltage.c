/* SPDX-License-Identifier: BSD-3-Clause */
/* scmi_voltage.c - SCMI voltage domain management protocol (DEN0056, 4.9): regulators that are on or off */
#include "scmi_proto.h"

#define ATTR_ASYNC     (1u << 31)
#define ATTR_LONG_NAME (1u << 30)
#define STATE_OFF      0u
#define STATE_ON       7u /* architectural: on at the level that was set */

static int32_t voltage_protocol(struct scmi_call *c)
{
	scmi_put(c, c->tree->nvolt);
	return VIO_SCMI_SUCCESS;
}

static int32_t voltage_attributes(struct scmi_call *c)
{
	const struct vio_scmi_volt *k = c->res;

	scmi_put(c,
		 (scmi_late(c->s, &k->r) ? ATTR_ASYNC : 0) | (scmi_long(k) ? ATTR_LONG_NAME : 0));
	scmi_name(c, k->r.name, VIO_SCMI_SHORT_NAME);
	return VIO_SCMI_SUCCESS;
}

static int32_t voltage_levels(struct scmi_call *c)
{
	const struct vio_scmi_volt *k = c->res;
	uint32_t n, at = c->p[1], told;

	if (at > k->nuv || (k->range && at)) {
		return VIO_SCMI_OUT_OF_RANGE;
	}
	told = k->nuv - at;
	told = told > c->room - 1u ? c->room - 1u : told;
	if (k->range && told != k->nuv) {
		return VIO_SCMI_PROTOCOL_ERROR; /* the three belong together */
	}
	scmi_put(c, told | (k->range ? 1u << 12 : 0) | ((k->nuv - at - told) << 16));
	for (n = at; n < at + told; n++) {
		scmi_put(c, (uint32_t)k->uv[n]);
	}
	return VIO_SCMI_SUCCESS;
}

static int32_t voltage_config_set(struct scmi_call *c)
{
	uint32_t state = c->p[1];

	if ((state & ~0xfu) || (state < 8u && state != STATE_OFF && state != STATE_ON)) {
		return VIO_SCMI_INVALID_PARAMETERS;
	}
	if (state & 8u) {
		return VIO_SCMI_NOT_SUPPORTED; /* an implementation's own */
	}
	return scmi_host(c, VIO_SCMI_VOLT_ON, state == STATE_ON, 0);
}

static int32_t voltage_config_get(struct scmi_call *c)
{
	return scmi_host(c, VIO_SCMI_VOLT_IS_ON, 0, 0);
}

static void voltage_config_done(struct scmi_call *c)
{
	scmi_put(c, c->k->op.value & 1u ? STATE_ON : STATE_OFF);
}

static bool voltage_has(const struct vio_scmi_volt *k, int32_t uv)
{
	uint16_t n;

	if (k->range) {
		return uv >= k->uv[0] && uv <= k->uv[1] &&
		       ((uint32_t)uv - (uint32_t)k->uv[0]) % (uint32_t)k->uv[2] == 0;
	}
	for (n = 0; n < k->nuv; n++) {
		if (k->uv[n] == uv) {
			return true;
		}
	}
	return false;
}

static int32_t voltage_level_set(struct scmi_call *c)
{
	const struct vio_scmi_volt *k = c->res;
	int32_t uv = (int32_t)c->p[2];

	if (c->p[1] > 1u) {
		return VIO_SCMI_INVALID_PARAMETERS;
	}
	if (c->p[1] && !scmi_late(c->s, c->res)) {
		return VIO_SCMI_NOT_SUPPORTED;
	}
	if (!voltage_has(k, uv)) {
		return VIO_SCMI_INVALID_PARAMETERS;
	}
	return c->p[1] ? scmi_delay(c, VIO_SCMI_VOLT_SET, (uint32_t)uv, 0)
		       : scmi_host(c, VIO_SCMI_VOLT_SET, (uint32_t)uv, 0);
}

static int32_t voltage_level_get(struct scmi_call *c)
{
	return scmi_host(c, VIO_SCMI_VOLT_GET, 0, 0);
}

static const struct scmi_msg voltage_msg[] = {
	{ .id = 0x3, .in = 1, .out = 5, .res = 1, .fn = voltage_attributes },
	{ .id = 0x4, .in = 2, .out = 2, .res = 1, .fn = voltage_levels },
	{ .id = 0x5, .in = 2, .res = 1, .rights = VIO_SCMI_MAY_STATE, .fn = voltage_config_set },
	{ .id = 0x6,
	  .in = 1,
	  .out = 1,
	  .res = 1,
	  .fn = voltage_config_get,
	  .finish = voltage_config_done },
	{ .id = 0x7,
	  .in = 3,
	  .res = 1,
	  .rights = VIO_SCMI_MAY_VALUE,
	  .late = 1,
	  .fn = voltage_level_set },
	{ .id = 0x8, .in = 1, .out = 1, .res = 1, .values = 1, .fn = voltage_level_get },
	{ .id = 0x9, .in = 1, .out = 17, .res = 1, .fn = scmi_name_get },
};

const struct scmi_proto scmi_voltage = {
	.id = VIO_SCMI_VOLTAGE,
	.nmsg = sizeof(voltage_msg) / sizeof(voltage_msg[0]),
	.version = 0x20001,
	.msg = voltage_msg,
	.attribute_words = 1,
	.attributes = voltage_protocol,
	.at = offsetof(struct vio_scmi_tree, volt),
	.n_at = offsetof(struct vio_scmi_tree, nvolt),
	.bytes = sizeof(struct vio_scmi_volt),
};
