/* SPDX-License-Identifier: BSD-3-Clause */
/* scmi_proto.c - SCMI device: the table of its protocols, and what they all use */
#include <string.h>
#include "scmi_proto.h"

/* The protocols. Base comes first: it lists the others. */
const struct scmi_proto *const scmi_protos[] = {
	&scmi_base,   &scmi_power, &scmi_system,  &scmi_perf,	 &scmi_clock,
	&scmi_sensor, &scmi_reset, &scmi_voltage, &scmi_pinctrl,
};
const uint8_t scmi_nprotos = sizeof(scmi_protos) / sizeof(scmi_protos[0]);

/* ---- the tree ---- */

uint16_t scmi_count(const struct scmi_proto *p, const struct vio_scmi_tree *t)
{
	uint16_t n = 0;

	if (p->n_at) {
		memcpy(&n, (const uint8_t *)t + p->n_at, sizeof(n));
	}
	return n;
}

const void *scmi_at(const struct scmi_proto *p, const struct vio_scmi_tree *t, uint32_t id)
{
	const uint8_t *first;

	memcpy(&first, (const uint8_t *)t + p->at, sizeof(first));
	return first + (size_t)id * p->bytes;
}

bool scmi_present(const struct scmi_proto *p, const struct vio_scmi_tree *t)
{
	return p->always || scmi_count(p, t) != 0 || (p == &scmi_system && t->system != 0) ||
	       (p == &scmi_pinctrl && t->npin != 0);
}

/* ---- values of answers ---- */

void scmi_put(struct scmi_call *c, uint32_t word)
{
	if (c->n < SCMI_WORDS) {
		c->out[c->n++] = vio_le32(word);
	}
}

void scmi_name(struct scmi_call *c, const char *name, uint32_t bytes)
{
	uint8_t *to = (uint8_t *)&c->out[c->n];
	uint32_t n = 0;

	if (c->n + bytes / 4u > SCMI_WORDS) {
		return;
	}
	memset(to, 0, bytes);
	while (n < bytes - 1u && name[n]) {
		to[n] = (uint8_t)name[n];
		n++;
	}
	c->n += bytes / 4u;
}

int32_t scmi_name_get(struct scmi_call *c)
{
	const struct vio_scmi_res *r = c->res;

	scmi_put(c, 0);
	scmi_name(c, r->name, VIO_SCMI_LONG_NAME);
	return VIO_SCMI_SUCCESS;
}

bool scmi_long(const void *res)
{
	const char *name = ((const struct vio_scmi_res *)res)->name;
	uint32_t n;

	for (n = 0; n < VIO_SCMI_SHORT_NAME; n++) {
		if (!name[n]) {
			return false;
		}
	}
	return true;
}
