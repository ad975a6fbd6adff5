/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tables.c - what an agent of a platform's file sees: tables of what it lists, in its order
 *
 * Numbers in them are the agent's own, so what it names through another resource it must have itself: parents of a
 * clock, pins of a group. A function is there with those of its groups that the agent has. A group may be set as far
 * as all of its pins may be.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "host/scmi/form.h"

/* The agent's number of what it lists by this name; -1: it does not */
static int listed(const struct scmi_user *a, unsigned kind, const char *name)
{
	for (unsigned n = 0; n < a->kind_count[kind]; n++) {
		if (strcmp(a->kind[kind][n], name) == 0) {
			return (int)n;
		}
	}
	return -1;
}

static bool looks(const struct scmi_user *a, const char *name)
{
	for (unsigned i = 0; i < a->look_count; i++) {
		if (strcmp(a->look[i], name) == 0) {
			return true;
		}
	}
	return false;
}

/*
 * What an entry names, as the agent's numbers. some: those that it has; else it must have all, or `lacks` is the error.
 * returns: NULL: an error
 */
static const uint16_t *refs(struct scmi_build *b, const struct scmi_user *a, unsigned kind,
			    unsigned of, const struct scmi_entry *e, bool some, const char *lacks,
			    uint16_t *count)
{
	uint16_t *to = scmi_numbers(b, e->refs_count);

	*count = 0;
	for (unsigned i = 0; to && i < e->refs_count; i++) {
		int n = listed(a, of, e->refs[i]);

		if (n >= 0) {
			to[(*count)++] = (uint16_t)n;
		} else if (!some) {
			*count = 0;
			break;
		}
	}
	if (to && *count == 0) {
		(void)scmi_wrong(b, kind, e->name, lacks);
		return NULL;
	}
	return to;
}

/* The part of a resource that names others. */
static bool join(struct scmi_build *b, const struct scmi_user *a, unsigned kind, void *at,
		 unsigned n, const struct scmi_entry *e)
{
	struct vio_scmi_clock *k = at;
	struct vio_scmi_group *g = at;
	struct vio_scmi_function *f = at;

	switch (kind) {
	case SCMI_CLOCKS:
		if (e->refs_count == 0) {
			return true;
		}
		k[n].parent = refs(b, a, kind, SCMI_CLOCKS, e, false,
				   "has a parent that this agent does not have", &k[n].nparent);
		return k[n].parent != NULL;
	case SCMI_GROUPS:
		for (unsigned i = 0; i < e->refs_count; i++) {
			g[n].r.rights = looks(a, e->refs[i]) ? 0 : g[n].r.rights;
		}
		g[n].pin = refs(b, a, kind, SCMI_PINS, e, false,
				"has a pin that this agent does not have", &g[n].npin);
		return g[n].pin != NULL;
	case SCMI_FUNCTIONS:
		f[n].group = refs(b, a, kind, SCMI_GROUPS, e, true,
				  "has no group that this agent has", &f[n].ngroup);
		return f[n].group != NULL;
	default:
		return true;
	}
}

static void fill(void *at, unsigned kind, unsigned n, const struct vio_scmi_res *r,
		 struct scmi_entry *e)
{
	switch (kind) {
	case SCMI_CLOCKS:
		((struct vio_scmi_clock *)at)[n] =
			(struct vio_scmi_clock){ .r = *r,
						 .rate = e->rates_count ? e->rates : e->range,
						 .nrate = (uint16_t)(e->rates_count ? e->rates_count
								     : e->max	    ? 3u
										    : 0u),
						 .enable_us = e->latency,
						 .range = !e->rates_count && e->max };
		break;
	case SCMI_SENSORS:
		((struct vio_scmi_sensor *)at)[n] =
			(struct vio_scmi_sensor){ .r = *r,
						  .type = (uint8_t)e->type,
						  .scale = (int8_t)e->scale,
						  .ntrip = (uint8_t)e->trips,
						  .stamped = true,
						  .pushed = e->pushed || e->step,
						  .min = e->min,
						  .max = e->max };
		break;
	case SCMI_RESETS:
		((struct vio_scmi_reset *)at)[n] =
			(struct vio_scmi_reset){ .r = *r, .latency_us = e->latency };
		break;
	case SCMI_POWERS:
		((struct vio_scmi_power *)at)[n] = (struct vio_scmi_power){ .r = *r };
		break;
	case SCMI_PERFS:
		((struct vio_scmi_perf *)at)[n] =
			(struct vio_scmi_perf){ .r = *r,
						.level = e->levels,
						.nlevel = (uint16_t)e->levels_count,
						.sustained_khz = e->sustained,
						.sustained_level = e->sustained };
		break;
	case SCMI_PINS:
		((struct vio_scmi_pin *)at)[n] = (struct vio_scmi_pin){ .r = *r };
		break;
	case SCMI_GROUPS:
		((struct vio_scmi_group *)at)[n] = (struct vio_scmi_group){ .r = *r };
		break;
	case SCMI_FUNCTIONS:
		((struct vio_scmi_function *)at)[n] =
			(struct vio_scmi_function){ .r = *r, .gpio = e->gpio };
		break;
	default:
		((struct vio_scmi_volt *)at)[n] = (struct vio_scmi_volt){
			.r = *r,
			.uv = e->microvolts_count ? e->microvolts : e->volts,
			.nuv = (uint16_t)(e->microvolts_count ? e->microvolts_count : 3u),
			.range = !e->microvolts_count
		};
		break;
	}
}

bool scmi_table(struct scmi_build *b, const struct scmi_user *a, unsigned index, unsigned kind)
{
	static const size_t bytes[SCMI_KINDS] = {
		sizeof(struct vio_scmi_clock),	 sizeof(struct vio_scmi_sensor),
		sizeof(struct vio_scmi_reset),	 sizeof(struct vio_scmi_power),
		sizeof(struct vio_scmi_perf),	 sizeof(struct vio_scmi_volt),
		sizeof(struct vio_scmi_pin),	 sizeof(struct vio_scmi_group),
		sizeof(struct vio_scmi_function)
	};
	void *at = calloc(a->kind_count[kind] + 1u, bytes[kind]);

	b->p->table[index][kind] = at;
	for (unsigned i = 0; at && i < a->kind_count[kind]; i++) {
		const char *name = a->kind[kind][i];
		int n = scmi_find(b->p->c, kind, name);
		struct vio_scmi_res r = { .rights = looks(a, name) ? 0 : VIO_SCMI_MAY_ALL };
		struct scmi_entry *e;

		if (n < 0) {
			(void)snprintf(b->err, b->size, "%s: agent '%s': there is no '%s' in %s",
				       b->path, a->name, name, scmi_kind_name[kind]);
			return false;
		}
		e = &b->p->c->entry[kind][n];
		r.name = e->name;
		r.slow = e->slow;
		r.res = (uint16_t)n;
		fill(at, kind, i, &r, e);
		if (!join(b, a, kind, at, i, e)) {
			return false;
		}
	}
	return at != NULL;
}
