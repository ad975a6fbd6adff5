/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * can.c - simulated CAN controllers: devices of one process that name the same bus are nodes of it (can_bus.h)
 *
 * A device may also bring somebody else to its bus, who is there as long as it is.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "host/sim/can_beat.h"
#include "host/sim/can_slcan.h"
#include "hosted/host_kind.h"
#include "hosted/words.h"

#define RATE_MAX 8000000u

struct sim_can {
	struct sim_node node;
	struct sim_beat *beat;
	struct sim_slcan *slcan;
	bool no_fd;
};

/* ---- a node ---- */

static struct sim_node *node_of(void *host)
{
	return &((struct sim_can *)host)->node;
}

static const struct vio_can_able *node_open(void *host, struct vio_can_sink *sink)
{
	static const struct vio_can_able all = { true, true, true, true };
	static const struct vio_can_able classic = { true, false, true, true };
	struct sim_can *c = host;

	c->node.sink = sink;
	return c->no_fd ? &classic : &all;
}

static int node_start(void *host)
{
	node_of(host)->started = true;
	return VIO_OK;
}

static void node_stop(void *host)
{
	sim_bus_stop(node_of(host));
}

static int node_send(void *host, struct vio_can_tx *t)
{
	sim_bus_send(node_of(host), t);
	return VIO_PENDING;
}

static void node_cancel(void *host, struct vio_can_tx *t)
{
	sim_bus_drop(node_of(host), t);
}

static const struct vio_can_host_ops sim_ops = {
	.open = node_open,
	.start = node_start,
	.stop = node_stop,
	.send = node_send,
	.cancel = node_cancel,
};

/* ---- kind ---- */

struct sim_words {
	struct sim_can *can;
	char bus[32], path[108];
	bool has_rate, slcan;
	uint32_t rate, beat;
};

static const char *sim_id(uint32_t *id, unsigned long v, uint32_t most)
{
	*id = (uint32_t)v;
	return v <= most		      ? NULL
	       : most == VIO_CAN_STANDARD_MAX ? "this identifier is 0 to 7ff"
					      : "an identifier is 0 to 1fffffff";
}

/* one word of ARG; returns: NULL or what is wrong */
static const char *sim_word(void *ctx, const char *word)
{
	struct sim_words *w = ctx;
	const char *value = strchr(word, '=');
	bool rate = strncmp(word, "rate=", 5) == 0;
	unsigned long v;
	char *end;

	if (strcmp(word, "classic") == 0) {
		w->can->no_fd = true;
		return NULL;
	}
	if (strcmp(word, "slcan") == 0 || strncmp(word, "slcan=", 6) == 0) {
		w->slcan = true;
		(void)snprintf(w->path, sizeof(w->path), "%s", value ? value + 1 : "");
		return strlen(value ? value + 1 : "") < sizeof(w->path) ? NULL
									: "the path is too long";
	}
	if (!value) {
		(void)snprintf(w->bus, sizeof(w->bus), "%s", word);
		return NULL;
	}
	value++;
	errno = 0;
	v = strtoul(value, &end, rate ? 10 : 16);
	if (!*value || strchr("+- ", *value) || errno || *end) {
		return "that is no number";
	}
	if (rate) {
		w->has_rate = true;
		w->rate = (uint32_t)v;
		return v > RATE_MAX ? "rate is 0 to 8000000 bits in a second" : NULL;
	}
	if (strncmp(word, "busoff=", 7) == 0) {
		return sim_id(&w->can->node.busoff, v, VIO_CAN_EXTENDED_MAX);
	}
	if (strncmp(word, "noack=", 6) == 0) {
		return sim_id(&w->can->node.noack, v, VIO_CAN_EXTENDED_MAX);
	}
	if (strncmp(word, "beat=", 5) == 0) {
		return sim_id(&w->beat, v, VIO_CAN_STANDARD_MAX);
	}
	return "expected a name for the bus, classic, rate=BITS, busoff=ID, noack=ID, beat=ID or "
	       "slcan=PATH";
}

static void sim_close(struct host *h)
{
	struct sim_can *c = h->host;

	sim_slcan_close(c->slcan);
	sim_beat_close(c->beat);
	sim_bus_leave(&c->node);
	free(c);
}

/* returns: NULL or what is wrong */
static const char *sim_join(struct host_ctx *ctx, struct sim_words *w, char text[128])
{
	struct sim_can *c = w->can;

	if (!sim_bus_join(&c->node, w->bus, ctx->loop, w->has_rate ? &w->rate : NULL)) {
		return "out of memory";
	}
	if (w->beat != SIM_CAN_NO_ID) {
		c->beat = sim_beat_open(ctx->name, w->bus, ctx->loop, w->beat);
		if (!c->beat) {
			sim_bus_leave(&c->node);
			return "out of memory";
		}
	}
	if (w->slcan) {
		c->slcan = sim_slcan_open(ctx->name, w->bus, ctx->loop, w->path);
		if (!c->slcan) {
			sim_beat_close(c->beat);
			sim_bus_leave(&c->node);
			(void)snprintf(text, 128, "%s: %s", w->path[0] ? w->path : "a terminal",
				       strerror(errno));
			return text;
		}
	}
	return NULL;
}

static int sim_open(struct host_ctx *ctx, struct host *out)
{
	struct sim_can *c = calloc(1, sizeof(*c));
	struct sim_words w = { .can = c, .bus = "bus", .beat = SIM_CAN_NO_ID };
	const char *wrong = "out of memory";
	char word[128] = "", text[128];

	if (c) {
		c->node.name = ctx->name;
		c->node.busoff = c->node.noack = SIM_CAN_NO_ID;
		wrong = words_each(ctx->arg, word, sizeof(word), sim_word, &w);
		if (wrong) {
			(void)snprintf(ctx->err, sizeof(ctx->err), "%s: %s", word, wrong);
			free(c);
			return -1;
		}
		wrong = sim_join(ctx, &w, text);
	}
	if (wrong) {
		(void)snprintf(ctx->err, sizeof(ctx->err), "%s", wrong);
		free(c);
		return -1;
	}
	out->ops = &sim_ops;
	out->host = c;
	out->close = sim_close;
	return 0;
}

const struct host_kind host_sim_can[] = {
	{
		.class_name = "can",
		.name = "sim",
		.about = "a simulated bus, which devices that name the same one share",
		.arg_help = "[BUS|classic|rate=BITS|busoff=ID|noack=ID|beat=ID|slcan[=PATH]],...",
		.is_default = true,
		.open = sim_open,
	},
	{ 0 },
};
