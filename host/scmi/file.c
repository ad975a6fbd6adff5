/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * file.c - the file that declares a platform for SCMI devices, meaning
 *
 * Theory of operation. form.c has checked keys and types. What it has read stays as long as the plan,
 * which points into it (names, rates, paths). `build` then checks meaning (ranges, references, numbers) and makes
 * the plan: one master table of each kind with everything allowed, and for each agent tables of what it lists, in its
 * order (tables.c). Without `agents:` there is one, "guest", that has all.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "host/scmi/form.h"

const char *const scmi_kind_name[SCMI_KINDS] = { "clocks", "sensors",	  "resets",
						 "powers", "performance", "regulators",
						 "pins",   "pin-groups",  "pin-functions" };

bool scmi_wrong(struct scmi_build *b, unsigned kind, const char *name, const char *what)
{
	(void)snprintf(b->err, b->size, "%s: %s '%s': %s", b->path,
		       kind < SCMI_KINDS ? scmi_kind_name[kind] : "agent", name, what);
	return false;
}

int scmi_find(const struct scmi_content *c, unsigned kind, const char *name)
{
	for (unsigned i = 0; i < c->entry_count[kind]; i++) {
		if (strcmp(c->entry[kind][i].name, name) == 0) {
			return (int)i;
		}
	}
	return -1;
}

uint16_t *scmi_numbers(struct scmi_build *b, unsigned n)
{
	struct scmi_owned *to = calloc(1, sizeof(*to) + n * sizeof(to->number[0]));

	if (!to) {
		return NULL;
	}
	to->next = b->p->owned;
	b->p->owned = to;
	return to->number;
}

/* ---- resources ---- */

static const char *check_clock(struct scmi_entry *e)
{
	for (unsigned i = 1; i < e->rates_count; i++) {
		if (e->rates[i] <= e->rates[i - 1]) {
			return "its rates must ascend";
		}
	}
	if (e->rates_count && (e->min || e->max || e->step)) {
		return "has both rates and min, max, step";
	}
	if (!e->rates_count && (e->min < 0 || e->max < e->min || (e->max && e->step <= 0))) {
		return "min, max, step: min must not be above max, and step above 0";
	}
	e->range[0] = (uint64_t)e->min;
	e->range[1] = (uint64_t)e->max;
	e->range[2] = (uint64_t)e->step;
	if (!e->value) {
		e->value = (int64_t)(e->rates_count ? e->rates[0] : e->range[0]);
	}
	return e->value < 0 ? "its rate is negative" : NULL;
}

static const char *check_sensor(const struct scmi_entry *e)
{
	if (e->scale < -16 || e->scale > 15) {
		return "scale is -16 to 15";
	}
	if (e->max < e->min || (e->step && e->max == e->min)) {
		return "min must be below max";
	}
	return e->trips > VIO_SCMI_TRIPS ? "has too many trips, 16 is the limit" : NULL;
}

static const char *check_perf(struct scmi_entry *e)
{
	bool has = false;

	e->sustained = e->sustained ? e->sustained : e->levels[e->levels_count - 1u].level;
	e->value = e->value ? e->value : e->sustained;
	e->min = e->levels[0].level;
	e->max = e->levels[e->levels_count - 1u].level;
	for (unsigned i = 0; i < e->levels_count; i++) {
		if (i && e->levels[i].level <= e->levels[i - 1].level) {
			return "its levels must ascend";
		}
		has |= e->levels[i].level == e->sustained;
	}
	return has && e->value >= e->min && e->value <= e->max
		       ? NULL
		       : "level and sustained must be among its levels";
}

static const char *check_volt(struct scmi_entry *e)
{
	for (unsigned i = 1; i < e->microvolts_count; i++) {
		if (e->microvolts[i] <= e->microvolts[i - 1]) {
			return "its microvolts must ascend";
		}
	}
	if (!e->microvolts_count && (e->max <= e->min || e->step <= 0 || e->min < INT32_MIN ||
				     e->max > INT32_MAX || e->step > INT32_MAX)) {
		return "needs microvolts, or min, max and step above 0";
	}
	e->volts[0] = (int32_t)e->min;
	e->volts[1] = (int32_t)e->max;
	e->volts[2] = (int32_t)e->step;
	if (!e->value) {
		e->value = e->microvolts_count ? e->microvolts[0] : e->min;
	}
	return e->value < INT32_MIN || e->value > INT32_MAX ? "its microvolt is no 32-bit number"
							    : NULL;
}

static const char *check(struct scmi_entry *e, unsigned kind)
{
	switch (kind) {
	case SCMI_CLOCKS:
		return check_clock(e);
	case SCMI_SENSORS:
		return check_sensor(e);
	case SCMI_PERFS:
		return check_perf(e);
	case SCMI_VOLTS:
		return check_volt(e);
	default:
		return NULL;
	}
}

/* What a group or a function is made of, as numbers */
static bool members(struct scmi_build *b, unsigned kind, const struct scmi_entry *e,
		    struct scmi_thing *t)
{
	unsigned of = kind == SCMI_GROUPS ? SCMI_PINS : SCMI_GROUPS;
	uint16_t *to = scmi_numbers(b, e->refs_count);

	t->member = to;
	t->nmember = (uint16_t)e->refs_count;
	for (unsigned i = 0; to && i < e->refs_count; i++) {
		int n = scmi_find(b->p->c, of, e->refs[i]);

		if (n < 0) {
			return scmi_wrong(b, kind, e->name,
					  of == SCMI_PINS
						  ? "has a pin that is not in pins"
						  : "has a group that is not in pin-groups");
		}
		to[i] = (uint16_t)n;
	}
	return to != NULL;
}

static bool things(struct scmi_build *b, unsigned kind)
{
	struct scmi_content *c = b->p->c;
	unsigned n = c->entry_count[kind];
	struct scmi_thing *t = calloc(n + 1u, sizeof(*t));

	b->p->thing[kind] = t;
	b->p->p.thing[kind] = t;
	b->p->p.n[kind] = (uint16_t)n;
	for (unsigned i = 0; t && i < n; i++) {
		struct scmi_entry *e = &c->entry[kind][i];
		const char *what = check(e, kind);

		if (!what && ((e->gate && e->line) || (e->low && !e->line))) {
			what = "has a switch or a line, and active-low only with a line";
		}
		if (what || scmi_find(c, kind, e->name) != (int)i) {
			return scmi_wrong(b, kind, e->name, what ? what : "is there twice");
		}
		t[i] = (struct scmi_thing){ .name = e->name,
					    .path = e->path,
					    .gate = e->gate,
					    .line = e->line,
					    .low = e->low,
					    .watch = e->trips || e->pushed,
					    .value = (uint64_t)e->value,
					    .step = kind == SCMI_SENSORS ? e->step : 0,
					    .min = e->min,
					    .max = e->max,
					    .on = e->on };
		if ((kind == SCMI_GROUPS || kind == SCMI_FUNCTIONS) &&
		    !members(b, kind, e, &t[i])) {
			return false;
		}
	}
	return t != NULL;
}

static bool systems(struct scmi_build *b, const struct scmi_user *a, uint32_t *to)
{
	static const char *const state[] = { "shutdown", "cold-reset", "warm-reset", "power-up",
					     "suspend" };

	for (unsigned i = 0; i < a->system_count; i++) {
		unsigned n = 0;

		while (n < 5u && strcmp(state[n], a->system[i])) {
			n++;
		}
		if (n == 5u) {
			return scmi_wrong(b, SCMI_KINDS, a->name,
					  "system is a list of shutdown, cold-reset, warm-reset, "
					  "power-up, suspend");
		}
		*to |= 1u << n;
	}
	return true;
}

static bool agent(struct scmi_build *b, const struct scmi_user *a, unsigned i)
{
	struct vio_scmi_tree *t = &b->p->tree[i];
	void **at = b->p->table[i];

	for (unsigned k = 0; k < SCMI_KINDS; k++) {
		if (!scmi_table(b, a, i, k)) {
			return false;
		}
	}
	if (a->id > 255u || a->quota > 1000000u) {
		return scmi_wrong(b, SCMI_KINDS, a->name,
				  "id is at most 255, commands-per-second at most 1000000");
	}
	*t = (struct vio_scmi_tree){ .vendor = "stratos",
				     .product = b->p->c->platform ? b->p->c->platform : "sim",
				     .agent_name = a->name,
				     .version = 1,
				     .quota = a->quota,
				     .agent = (uint8_t)(a->id ? a->id : i + 1u),
				     .clock = at[SCMI_CLOCKS],
				     .sensor = at[SCMI_SENSORS],
				     .reset = at[SCMI_RESETS],
				     .power = at[SCMI_POWERS],
				     .perf = at[SCMI_PERFS],
				     .volt = at[SCMI_VOLTS],
				     .pin = at[SCMI_PINS],
				     .group = at[SCMI_GROUPS],
				     .function = at[SCMI_FUNCTIONS],
				     .nclock = (uint16_t)a->kind_count[SCMI_CLOCKS],
				     .nsensor = (uint16_t)a->kind_count[SCMI_SENSORS],
				     .nreset = (uint16_t)a->kind_count[SCMI_RESETS],
				     .npower = (uint16_t)a->kind_count[SCMI_POWERS],
				     .nperf = (uint16_t)a->kind_count[SCMI_PERFS],
				     .nvolt = (uint16_t)a->kind_count[SCMI_VOLTS],
				     .npin = (uint16_t)a->kind_count[SCMI_PINS],
				     .ngroup = (uint16_t)a->kind_count[SCMI_GROUPS],
				     .nfunction = (uint16_t)a->kind_count[SCMI_FUNCTIONS] };
	for (unsigned k = 0; k < i; k++) {
		if (b->p->tree[k].agent == t->agent ||
		    strcmp(b->p->tree[k].agent_name, t->agent_name) == 0) {
			return scmi_wrong(b, SCMI_KINDS, a->name,
					  "another one has the same name or id");
		}
	}
	return systems(b, a, &t->system);
}

/* Without agents there is one that has all, in the order of the file. */
static bool everybody(struct scmi_build *b)
{
	struct scmi_user all = { .name = (char *)(uintptr_t) "guest" };
	char *system[] = { (char *)(uintptr_t) "shutdown", (char *)(uintptr_t) "cold-reset" };
	bool ok;

	all.system = system;
	all.system_count = 2;
	for (unsigned k = 0; k < SCMI_KINDS; k++) {
		unsigned n = b->p->c->entry_count[k];

		all.kind[k] = calloc(n + 1u, sizeof(char *));
		all.kind_count[k] = all.kind[k] ? n : 0;
		for (unsigned i = 0; i < all.kind_count[k]; i++) {
			all.kind[k][i] = b->p->c->entry[k][i].name;
		}
	}
	ok = agent(b, &all, 0);
	b->p->tree[0].agent_name = "guest";
	for (unsigned k = 0; k < SCMI_KINDS; k++) {
		free(all.kind[k]);
	}
	return ok;
}

static bool build(struct scmi_build *b)
{
	struct scmi_content *c = b->p->c;
	unsigned total = 0, pins = 0;

	for (unsigned k = 0; k < SCMI_KINDS; k++) {
		*(k < SCMI_PINS ? &total : &pins) += c->entry_count[k];
		if (!things(b, k)) {
			return false;
		}
	}
	if (total > SCMI_THINGS || pins > SCMI_PIN_THINGS) {
		(void)snprintf(b->err, b->size,
			       "%s: has %u resources and %u pins, groups and functions; the limits "
			       "are %u and %u",
			       b->path, total, pins, SCMI_THINGS, SCMI_PIN_THINGS);
		return false;
	}
	b->p->p.agent = b->p->tree;
	b->p->p.nagent = (uint16_t)(c->agents_count ? c->agents_count : 1u);
	for (unsigned i = 0; i < c->agents_count; i++) {
		if (!agent(b, &c->agents[i], i)) {
			return false;
		}
	}
	return c->agents_count || everybody(b);
}

const struct scmi_plan *scmi_plan_load(const char *path, char *err, size_t size)
{
	struct scmi_file *p = calloc(1, sizeof(*p));
	struct scmi_build b = { .p = p, .err = err, .size = size, .path = path };

	(void)snprintf(err, size, "out of memory");
	if (!p) {
		return NULL;
	}
	p->c = scmi_form_load(path, err, size);
	if (p->c && build(&b)) {
		return &p->p;
	}
	scmi_plan_free(&p->p);
	return NULL;
}

void scmi_plan_free(const struct scmi_plan *q)
{
	struct scmi_file *p = VIO_CONTAINER((uintptr_t)q, struct scmi_file, p);

	for (unsigned k = 0; k < SCMI_KINDS; k++) {
		free(p->thing[k]);
		for (unsigned i = 0; i < SCMI_AGENTS; i++) {
			free(p->table[i][k]);
		}
	}
	while (p->owned) {
		struct scmi_owned *o = p->owned;

		p->owned = o->next;
		free(o);
	}
	if (p->c) {
		scmi_form_free(p->c);
	}
	free(p);
}
