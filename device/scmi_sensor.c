/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * scmi_sensor.c - SCMI sensor management protocol (DEN0056, 4.7): scalar sensors
 *
 * No axes, no shared memory. SENSOR_LIST_UPDATE_INTERVALS is not there: how often a pushed
 * sensor reports is the host's affair.
 */
#include "scmi_proto.h"

#define SHORT_WORDS 7u	/* of a descriptor: id, two attributes, name */
#define LONG_WORDS  13u /* the same with power, resolution, range */

#define LOW_ASYNC     (1u << 31)
#define LOW_PUSHED    (1u << 30)
#define LOW_LONG_NAME (1u << 29)
#define LOW_STAMPED   (1u << 9)
#define LOW_EXTENDED  (1u << 8)
#define STAMP_SCALE   (((uint32_t)-9 & 0x1fu) << 10)

static int32_t sensor_protocol(struct scmi_call *c)
{
	uint32_t n, late = 0;

	for (n = 0; n < c->tree->nsensor; n++) {
		late |= scmi_late(c->s, &c->tree->sensor[n].r) ? VIO_SCMI_DELAYED << 16 : 0;
	}
	scmi_put(c, c->tree->nsensor | late);
	scmi_put(c, 0); /* no shared memory */
	scmi_put(c, 0);
	scmi_put(c, 0);
	return VIO_SCMI_SUCCESS;
}

static void put64(struct scmi_call *c, int64_t v)
{
	scmi_put(c, (uint32_t)(uint64_t)v);
	scmi_put(c, (uint32_t)((uint64_t)v >> 32));
}

static void sensor_describe(struct scmi_call *c, uint32_t id)
{
	const struct vio_scmi_sensor *k = &c->tree->sensor[id];
	bool p2a = scmi_p2a(c->s), wide = k->min != k->max;

	scmi_put(c, id);
	scmi_put(c, (scmi_late(c->s, &k->r) ? LOW_ASYNC : 0) | (p2a && k->pushed ? LOW_PUSHED : 0) |
			    (scmi_long(k) ? LOW_LONG_NAME : 0) |
			    (k->stamped ? LOW_STAMPED | STAMP_SCALE : 0) |
			    (wide ? LOW_EXTENDED : 0) | (p2a ? k->ntrip : 0u));
	scmi_put(c, (((uint32_t)(int32_t)k->scale & 0x1fu) << 11) | k->type);
	scmi_name(c, k->r.name, VIO_SCMI_SHORT_NAME);
	if (wide) {
		scmi_put(c, 0); /* its power is not told */
		scmi_put(c, 1u | (((uint32_t)(int32_t)k->scale & 0x1fu) << 27));
		put64(c, k->min);
		put64(c, k->max);
	}
}

static int32_t sensor_descriptions(struct scmi_call *c)
{
	uint32_t id = c->p[0], told = 0, words, n = c->tree->nsensor;

	if (id >= n) {
		return VIO_SCMI_INVALID_PARAMETERS;
	}
	scmi_put(c, 0);
	for (; id < n; id++, told++) {
		words = c->tree->sensor[id].min != c->tree->sensor[id].max ? LONG_WORDS
									   : SHORT_WORDS;
		if (c->n + words > c->room) {
			break;
		}
		sensor_describe(c, id);
	}
	if (told == 0) {
		return VIO_SCMI_PROTOCOL_ERROR; /* not even one fits into the driver's buffer */
	}
	c->out[0] = vio_le32(told | ((n - id) << 16));
	return VIO_SCMI_SUCCESS;
}

static int32_t sensor_trip_set(struct scmi_call *c)
{
	const struct vio_scmi_sensor *k = c->res;
	uint32_t n = (c->p[1] >> 4) & 0xffu;
	struct vio_scmi_trip *t;

	if ((c->p[1] & ~0xff3u) || !scmi_p2a(c->s)) {
		return scmi_p2a(c->s) ? VIO_SCMI_INVALID_PARAMETERS : VIO_SCMI_NOT_SUPPORTED;
	}
	if (n >= k->ntrip) {
		return k->ntrip ? VIO_SCMI_INVALID_PARAMETERS : VIO_SCMI_NOT_SUPPORTED;
	}
	t = scmi_trip(c->s, c->id, n);
	t->value = (int64_t)(c->p[2] | ((uint64_t)c->p[3] << 32));
	t->mode = c->p[1] & 3u;
	t->side = 0;
	/* a crossing is one from where the sensor stands now */
	return scmi_host(c, VIO_SCMI_SENSOR_GET, 0, 0);
}

static void sensor_trip_done(struct scmi_call *c)
{
	const struct vio_scmi_sensor *k = c->res;
	uint32_t n;

	for (n = 0; n < k->ntrip; n++) {
		struct vio_scmi_trip *t = scmi_trip(c->s, c->id, n);

		if (t->side == 0) {
			t->side = (int64_t)c->k->op.value >= t->value ? 2 : 1;
		}
	}
}

static int32_t sensor_read(struct scmi_call *c)
{
	if (c->p[1] == 1u) {
		return scmi_late(c->s, c->res) ? scmi_delay(c, VIO_SCMI_SENSOR_GET, 0, 0)
					       : VIO_SCMI_NOT_SUPPORTED;
	}
	return c->p[1] ? VIO_SCMI_INVALID_PARAMETERS : scmi_host(c, VIO_SCMI_SENSOR_GET, 0, 0);
}

static int32_t sensor_config_get(struct scmi_call *c)
{
	return scmi_host(c, VIO_SCMI_SENSOR_CONFIG, 0, 0);
}

static int32_t sensor_config_set(struct scmi_call *c)
{
	const struct vio_scmi_sensor *k = c->res;

	if ((c->p[1] & 0x1fcu) || ((c->p[1] & 2u) && !k->stamped)) {
		return VIO_SCMI_INVALID_PARAMETERS;
	}
	return scmi_host(c, VIO_SCMI_SENSOR_SET_CONFIG, c->p[1], 0);
}

static const struct scmi_msg sensor_msg[] = {
	{ .id = 0x3, .in = 1, .out = 1 + SHORT_WORDS, .fn = sensor_descriptions },
	{ .id = 0x4, .in = 2, .res = 1, .want = 1 },
	{ .id = 0x5,
	  .in = 4,
	  .res = 1,
	  .rights = VIO_SCMI_MAY_VALUE,
	  .fn = sensor_trip_set,
	  .finish = sensor_trip_done },
	{ .id = 0x6, .in = 2, .out = 4, .res = 1, .late = 4, .values = 4, .fn = sensor_read },
	{ .id = 0x9, .in = 1, .out = 1, .res = 1, .values = 1, .fn = sensor_config_get },
	{ .id = 0xa, .in = 2, .res = 1, .rights = VIO_SCMI_MAY_VALUE, .fn = sensor_config_set },
	{ .id = 0xb, .in = 2, .res = 1, .want = 2 },
	{ .id = 0xc, .in = 1, .out = 17, .res = 1, .fn = scmi_name_get },
};

const struct scmi_proto scmi_sensor = {
	.id = VIO_SCMI_SENSOR,
	.nmsg = sizeof(sensor_msg) / sizeof(sensor_msg[0]),
	.version = 0x30001,
	.msg = sensor_msg,
	.attribute_words = 4,
	.attributes = sensor_protocol,
	.at = offsetof(struct vio_scmi_tree, sensor),
	.n_at = offsetof(struct vio_scmi_tree, nsensor),
	.bytes = sizeof(struct vio_scmi_sensor),
};
