/* SPDX-License-Identifier: BSD-3-Clause */
/* open.c - boards of SCMI devices by name: one for each file and kind of host, shared by the agents in it */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "host/scmi/board.h"

#define PLATFORM (1u << 31)

static struct scmi_board *boards;

static void state_init(struct scmi_board *b, enum scmi_kind k)
{
	for (unsigned i = 0; i < b->plan->n[k]; i++) {
		const struct scmi_thing *t = &b->plan->thing[k][i];
		struct scmi_state *s = &b->state[k][i];

		s->value = t->value;
		s->votes = t->on ? PLATFORM : 0;
		if (k == SCMI_PERFS) { /* limits: all of it */
			s->extra = (uint64_t)t->min | ((uint64_t)t->max << 32);
		}
		if (k == SCMI_SENSORS) {
			s->config = 1;
		}
	}
}

static bool board_init(struct scmi_board *b, const struct scmi_plan *plan)
{
	b->plan = plan;
	for (unsigned k = 0; k < SCMI_KINDS; k++) {
		b->state[k] = calloc(plan->n[k] + 1u, sizeof(struct scmi_state));
		if (!b->state[k]) {
			return false;
		}
		state_init(b, (enum scmi_kind)k);
	}
	b->pin = calloc(plan->n[SCMI_PINS] + 1u, sizeof(*b->pin));
	for (unsigned i = 0; b->pin && i < plan->n[SCMI_PINS]; i++) {
		b->pin[i].function = VIO_SCMI_NO_FUNCTION;
	}
	for (unsigned i = 0; i < plan->nagent; i++) {
		b->agent[i] =
			(struct scmi_agent){ .board = b, .tree = &plan->agent[i], .bit = 1u << i };
	}
	return b->pin != NULL;
}

static void board_free(struct scmi_board *b)
{
	for (unsigned k = 0; k < SCMI_KINDS; k++) {
		free(b->state[k]);
	}
	if (b->path) {
		scmi_plan_free(b->plan);
	}
	free(b->pin);
	free(b->path);
	free(b);
}

static struct scmi_board *board_new(const struct scmi_plan *plan, const char *path, size_t bytes)
{
	struct scmi_board *b = calloc(1, bytes);
	char *copy = path ? strdup(path) : NULL;

	if (!b || (path && !copy)) {
		free(b);
		free(copy);
		if (path) {
			scmi_plan_free(plan);
		}
		return NULL;
	}
	b->plan = plan;
	b->path = copy;
	if (!board_init(b, plan)) {
		board_free(b);
		return NULL;
	}
	return b;
}

struct scmi_board *scmi_board_get(struct host_ctx *ctx, const char *owner, size_t bytes)
{
	const char *path = ctx->arg && *ctx->arg ? ctx->arg : NULL;
	const struct scmi_plan *plan = &scmi_plan_default;
	struct scmi_board *b;

	for (b = boards; b && path; b = b->next) {
		if (b->path && strcmp(b->path, path) == 0 && strcmp(b->owner, owner) == 0) {
			b->users++;
			return b;
		}
	}
	if (path) {
		plan = scmi_plan_load(path, ctx->err, sizeof(ctx->err));
		if (!plan) {
			return NULL;
		}
	}
	b = board_new(plan, path, bytes);
	if (!b) {
		(void)snprintf(ctx->err, sizeof(ctx->err), "out of memory");
		return NULL;
	}
	b->owner = owner;
	b->users = 1;
	b->next = boards;
	boards = b;
	return b;
}

void scmi_board_put(struct scmi_board *b, void (*end)(struct scmi_board *b))
{
	struct scmi_board **at = &boards;

	if (--b->users) {
		return;
	}
	while (*at != b) {
		at = &(*at)->next;
	}
	*at = b->next;
	if (end) {
		end(b);
	}
	board_free(b);
}

struct scmi_agent *scmi_board_take(struct host_ctx *ctx, struct scmi_board *b)
{
	const char *name = ctx->option ? ctx->option(ctx, "scmi-agent") : NULL;

	for (unsigned i = 0; i < (name ? b->plan->nagent : 1u); i++) {
		struct scmi_agent *a = &b->agent[i];

		if (!a->taken && (!name || strcmp(a->tree->agent_name, name) == 0)) {
			a->taken = true;
			return a;
		}
	}
	(void)snprintf(ctx->err, sizeof(ctx->err),
		       "agent '%.60s' is not in the file, or has a device already",
		       name ? name : b->plan->agent[0].agent_name);
	return NULL;
}

void scmi_board_give(struct scmi_agent *a)
{
	a->taken = false;
}
