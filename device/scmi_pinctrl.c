/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * scmi_pinctrl.c - SCMI pin control protocol (DEN0056, 4.11): pins, groups of pins, functions of groups
 *
 * An identifier means a pin, a group or a function by a selector beside it, so these commands look for their resource
 * themselves (pin_find), and check the right to it. Who has a pin (REQUEST), which function it has and its settings are
 * the host's to know; a group stands for its pins there.
 *
 * Permissions are the tree's: SET_PERMISSIONS is there, and is DENIED to everybody.
 */
#include "scmi_proto.h"

#define SELECTOR 3u

#define ATTR_LONG_NAME (1u << 31)
#define ATTR_GPIO      (1u << 17)

#define GET_TYPE      0u
#define GET_ALL	      1u
#define GET_FUNCTION  2u
#define GET_RESERVED  0xfff00000u
#define GET_SELECTOR  16
#define GET_WHAT      18
#define SET_FUNCTION  (1u << 10)
#define SET_RESERVED  0xfffff800u
#define TYPE_OEM      192u
#define TYPE_RESERVED 21u /* up to TYPE_OEM */
#define TYPE_LAST     255u

static int32_t pin_protocol(struct scmi_call *c)
{
	scmi_put(c, c->tree->npin | ((uint32_t)c->tree->ngroup << 16));
	scmi_put(c, c->tree->nfunction);
	return VIO_SCMI_SUCCESS;
}

/* The first parameter as resource of a kind, with the right to it. top: the last selector that the command knows */
static int32_t pin_find(struct scmi_call *c, uint32_t selector, uint32_t top, uint8_t rights)
{
	const struct vio_scmi_tree *t = c->tree;
	uint32_t id = c->p[0];

	if (selector > top) {
		return VIO_SCMI_INVALID_PARAMETERS;
	}
	if (id >= (selector == VIO_SCMI_PIN	? t->npin
		   : selector == VIO_SCMI_GROUP ? t->ngroup
						: t->nfunction)) {
		return VIO_SCMI_NOT_FOUND;
	}
	c->res = selector == VIO_SCMI_PIN     ? (const void *)&t->pin[id]
		 : selector == VIO_SCMI_GROUP ? (const void *)&t->group[id]
					      : (const void *)&t->function[id];
	c->id = id;
	return rights & ~((const struct vio_scmi_res *)c->res)->rights ? VIO_SCMI_DENIED
								       : VIO_SCMI_SUCCESS;
}

static int32_t pin_attributes(struct scmi_call *c)
{
	int32_t rc = pin_find(c, c->p[1], VIO_SCMI_FUNCTION, 0);
	uint32_t word;

	if (rc) {
		return rc;
	}
	word = scmi_long(c->res) ? ATTR_LONG_NAME : 0;
	if (c->p[1] == VIO_SCMI_GROUP) {
		word |= c->tree->group[c->id].npin;
	} else if (c->p[1] == VIO_SCMI_FUNCTION) {
		word |= c->tree->function[c->id].ngroup;
		word |= c->tree->function[c->id].gpio ? ATTR_GPIO : 0;
	}
	scmi_put(c, word);
	scmi_name(c, ((const struct vio_scmi_res *)c->res)->name, VIO_SCMI_SHORT_NAME);
	return VIO_SCMI_SUCCESS;
}

/* Pins of a group, groups of a function; two to a word */
static int32_t pin_associations(struct scmi_call *c)
{
	int32_t rc = pin_find(c, c->p[1], VIO_SCMI_FUNCTION, 0);
	uint32_t n, at = c->p[2], of, told;
	const uint16_t *list;

	if (rc || c->p[1] == VIO_SCMI_PIN) {
		return rc ? rc : VIO_SCMI_INVALID_PARAMETERS;
	}
	of = c->p[1] == VIO_SCMI_GROUP ? c->tree->group[c->id].npin
				       : c->tree->function[c->id].ngroup;
	list = c->p[1] == VIO_SCMI_GROUP ? c->tree->group[c->id].pin
					 : c->tree->function[c->id].group;
	if (at > of) {
		return VIO_SCMI_OUT_OF_RANGE;
	}
	told = of - at > (c->room - 1u) * 2u ? (c->room - 1u) * 2u : of - at;
	scmi_put(c, told | ((of - at - told) << 16));
	for (n = at; n < at + told; n += 2u) {
		scmi_put(c, list[n] | (n + 1u < at + told ? (uint32_t)list[n + 1u] << 16 : 0));
	}
	return VIO_SCMI_SUCCESS;
}

static int32_t pin_settings(struct scmi_call *c)
{
	struct vio_scmi_op *op = &c->k->op;
	uint32_t what = (c->p[1] >> GET_WHAT) & 3u, room = (c->room - 2u) / 2u;
	int32_t rc = pin_find(c, (c->p[1] >> GET_SELECTOR) & SELECTOR, VIO_SCMI_GROUP, 0);

	if (rc) {
		return rc;
	}
	if ((c->p[1] & GET_RESERVED) || what > GET_FUNCTION) {
		return VIO_SCMI_INVALID_PARAMETERS;
	}
	if (what != GET_FUNCTION && room == 0) {
		return VIO_SCMI_PROTOCOL_ERROR;
	}
	op->group = ((c->p[1] >> GET_SELECTOR) & SELECTOR) == VIO_SCMI_GROUP;
	op->nconfig = what == GET_TYPE;
	op->config[0].type = (uint8_t)c->p[1];
	if (what == GET_ALL) {
		op->nconfig = (uint8_t)(room < VIO_SCMI_CONFIGS ? room : VIO_SCMI_CONFIGS);
		return scmi_host(c, VIO_SCMI_PIN_GET_ALL, 0, (c->p[1] >> 8) & 0xffu);
	}
	return scmi_host(c, VIO_SCMI_PIN_GET, 0, 0);
}

static void pin_settings_done(struct scmi_call *c)
{
	const struct vio_scmi_op *op = &c->k->op;
	uint32_t n, function = VIO_SCMI_NO_FUNCTION, more = 0;

	/* the host's number to the agent's; of what the agent does not have it sees nothing */
	for (n = 0; n < c->tree->nfunction; n++) {
		if (c->tree->function[n].r.res == op->value) {
			function = n;
		}
	}
	if (op->verb == VIO_SCMI_PIN_GET_ALL) {
		more = op->extra > 255u ? 255u : (uint32_t)op->extra;
	}
	scmi_put(c, function);
	scmi_put(c, op->nconfig | (more << 24));
	for (n = 0; n < op->nconfig; n++) {
		scmi_put(c, op->config[n].type);
		scmi_put(c, op->config[n].value);
	}
}

/* One of the function's groups is this one, or has this pin */
static bool pin_can(const struct vio_scmi_tree *t, const struct vio_scmi_function *f, uint32_t id,
		    bool group)
{
	uint16_t n, k;

	for (n = 0; n < f->ngroup; n++) {
		const struct vio_scmi_group *g = &t->group[f->group[n]];

		if (group && f->group[n] == id) {
			return true;
		}
		for (k = 0; k < g->npin && !group; k++) {
			if (g->pin[k] == id) {
				return true;
			}
		}
	}
	return false;
}

/* The function that is to be selected, as the host's number. returns: a status */
static int32_t pin_function(struct scmi_call *c, uint64_t *number)
{
	const struct vio_scmi_function *f;

	*number = VIO_SCMI_NO_FUNCTION;
	if (!(c->p[2] & SET_FUNCTION)) {
		return VIO_SCMI_SUCCESS;
	}
	if (c->p[1] >= c->tree->nfunction) {
		return VIO_SCMI_NOT_FOUND;
	}
	f = &c->tree->function[c->p[1]];
	if (!(f->r.rights & VIO_SCMI_MAY_VALUE)) {
		return VIO_SCMI_DENIED;
	}
	*number = f->r.res;
	return pin_can(c->tree, f, c->id, (c->p[2] & SELECTOR) == VIO_SCMI_GROUP)
		       ? VIO_SCMI_SUCCESS
		       : VIO_SCMI_INVALID_PARAMETERS;
}

static int32_t pin_configure(struct scmi_call *c)
{
	struct vio_scmi_op *op = &c->k->op;
	uint32_t n, many = (c->p[2] >> 2) & 0xffu;
	uint64_t function;
	int32_t rc = pin_find(c, c->p[2] & SELECTOR, VIO_SCMI_GROUP, VIO_SCMI_MAY_VALUE);

	if (!rc && ((c->p[2] & SET_RESERVED) || (many == 0 && !(c->p[2] & SET_FUNCTION)))) {
		rc = VIO_SCMI_INVALID_PARAMETERS;
	}
	rc = rc ? rc : pin_function(c, &function);
	if (rc || many > VIO_SCMI_CONFIGS) {
		return rc ? rc : VIO_SCMI_NOT_SUPPORTED;
	}
	for (n = 0; n < many; n++) {
		uint32_t type = c->p[3u + 2u * n];

		if (type > TYPE_LAST || (type >= TYPE_RESERVED && type < TYPE_OEM)) {
			return VIO_SCMI_INVALID_PARAMETERS;
		}
		op->config[n].type = (uint8_t)type;
		op->config[n].value = c->p[4u + 2u * n];
	}
	op->nconfig = (uint8_t)many;
	op->group = (c->p[2] & SELECTOR) == VIO_SCMI_GROUP;
	return scmi_host(c, VIO_SCMI_PIN_SET, function, 0);
}

static int32_t pin_take(struct scmi_call *c, uint8_t verb)
{
	int32_t rc = pin_find(c, c->p[1], VIO_SCMI_GROUP, VIO_SCMI_MAY_STATE);

	c->k->op.group = c->p[1] == VIO_SCMI_GROUP;
	return rc ? rc : scmi_host(c, verb, 0, 0);
}

static int32_t pin_request(struct scmi_call *c)
{
	return pin_take(c, VIO_SCMI_PIN_REQUEST);
}

static int32_t pin_release(struct scmi_call *c)
{
	return pin_take(c, VIO_SCMI_PIN_RELEASE);
}

static int32_t pin_name(struct scmi_call *c)
{
	int32_t rc = pin_find(c, c->p[1], VIO_SCMI_FUNCTION, 0);

	return rc ? rc : scmi_name_get(c);
}

/* agent, identifier, flags: for another agent than the one that asks, of which it is told nothing, or for itself */
static int32_t pin_permissions(struct scmi_call *c)
{
	uint32_t agent = c->p[0];
	int32_t rc;

	c->p[0] = c->p[1];
	rc = pin_find(c, c->p[2] & SELECTOR, VIO_SCMI_FUNCTION, 0);
	if (rc || agent != c->tree->agent) {
		return rc ? rc : VIO_SCMI_NOT_FOUND;
	}
	return VIO_SCMI_DENIED;
}

static const struct scmi_msg pin_msg[] = {
	{ .id = 0x3, .in = 2, .out = 5, .fn = pin_attributes },
	{ .id = 0x4, .in = 3, .out = 2, .fn = pin_associations },
	{ .id = 0x5, .in = 2, .out = 2, .fn = pin_settings, .finish = pin_settings_done },
	{ .id = 0x6, .in = 3, .pairs = 3, .fn = pin_configure, .taken = VIO_SCMI_DENIED },
	{ .id = 0x7, .in = 2, .fn = pin_request, .taken = VIO_SCMI_IN_USE },
	{ .id = 0x8, .in = 2, .fn = pin_release, .taken = VIO_SCMI_DENIED },
	{ .id = 0x9, .in = 2, .out = 17, .fn = pin_name },
	{ .id = 0xa, .in = 3, .fn = pin_permissions },
};

const struct scmi_proto scmi_pinctrl = {
	.id = VIO_SCMI_PINCTRL,
	.nmsg = sizeof(pin_msg) / sizeof(pin_msg[0]),
	.version = 0x10000,
	.msg = pin_msg,
	.attribute_words = 2,
	.attributes = pin_protocol,
};
