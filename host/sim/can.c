/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * can.c - simulated CAN buses: devices of one process that name the same bus are nodes of it
 *
 * Theory of operation. A bus is idle, or a frame is on it (`now`, of node `from`) until its timer fires. When it becomes
 * idle, all frames that wait in any node take part in the arbitration, and the one whose identifier comes first on the
 * wire wins (can_key); among equal ones, the node that joined first, and in it the older. It takes as long as its bits
 * do at the rate of the bus. Then the other nodes hear it, and its job is completed.
 *
 * There is always somebody who acknowledges a frame, except where errors are asked for:
 *	busoff=ID	whoever sends this identifier has too many errors and leaves the bus
 *	noack=ID	nobody acknowledges it: it is repeated, behind all others, until it is cancelled
 *
 * All of it runs on the control loop, which the devices of a process share.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "hosted/host_kind.h"
#include "hosted/log.h"
#include "hosted/words.h"
#include "vio/can.h"

#define SECOND	 1000000000u /* ns */
#define RATE	 500000u     /* bits in a second */
#define RATE_MAX 8000000u
#define REPEAT	 (SECOND / 1000u) /* of a frame that is never acknowledged, on a bus without a rate */
#define NO_ID	 UINT32_MAX

enum { FRESH, FAILED }; /* vio_can_tx.word */

struct sim_node {
	struct sim_bus *bus;
	struct sim_node *next;
	const char *name;
	struct vio_can_sink *sink;
	struct vio_can_tx *first; /* oldest of those that wait */
	bool started, no_fd;
	uint32_t busoff, noack; /* identifiers, or NO_ID */
};

struct sim_bus {
	struct sim_bus *next;
	char name[32];
	struct vio_clock *clock;
	struct vio_timer timer;
	bool busy; /* the timer is set */
	uint32_t rate;
	struct sim_node *nodes; /* in the order in which they joined */
	struct sim_node *from;
	struct vio_can_tx *now; /* on the wire, still in from's list */
};

static struct sim_bus *buses;

/* What an arbitration compares, first bit first: dominant (0) wins. */
static uint32_t can_key(const struct vio_can_frame *f)
{
	uint32_t rtr = f->flags & VIO_CAN_FLAGS_RTR ? 1u : 0u;

	if (f->flags & VIO_CAN_FLAGS_EXTENDED) {
		return (f->id >> 18) << 21 | 3u << 19 | (f->id & 0x3ffffu) << 1 | rtr;
	}
	return f->id << 21 | rtr << 20;
}

/* ns on the wire; stuff bits are not counted, FD has one rate for all of a frame */
static uint64_t can_duration(const struct sim_bus *b, const struct vio_can_frame *f)
{
	uint32_t bits = f->flags & VIO_CAN_FLAGS_FD ? 70u : 47u;

	bits += f->flags & VIO_CAN_FLAGS_EXTENDED ? 20u : 0u;
	bits += f->flags & VIO_CAN_FLAGS_RTR ? 0u : 8u * f->len;
	return b->rate ? (uint64_t)bits * SECOND / b->rate : 0u;
}

/* An FD frame has one of sixteen lengths. */
static uint8_t can_padded(const struct vio_can_frame *f)
{
	static const uint8_t lengths[] = { 8, 12, 16, 20, 24, 32, 48, 64 };
	unsigned n = 0;

	while (f->len > 8 && lengths[n] < f->len) {
		n++;
	}
	return f->len > 8 ? lengths[n] : f->len;
}

static void node_complete(struct sim_node *n, struct vio_can_tx *t, int32_t result)
{
	struct vio_can_tx **p = &n->first;

	while (*p != t) {
		p = &(*p)->next;
	}
	*p = t->next;
	if (n->bus->now == t) {
		n->bus->now =
			NULL; /* the timer is still that of the frame: the bus stays busy for its time */
	}
	vio_job_complete(&t->job, result);
}

static void node_stop(struct sim_node *n)
{
	n->started = false;
	while (n->first) {
		node_complete(n, n->first, VIO_E_IO);
	}
}

/* ---- the bus ---- */

static void bus_timer(struct sim_bus *b, uint64_t ns)
{
	b->busy = true;
	b->clock->set(b->clock, &b->timer, b->clock->now(b->clock) + ns + 1u);
}

static bool bus_wins(const struct vio_can_tx *a, const struct vio_can_tx *b)
{
	return !b || a->word < b->word ||
	       (a->word == b->word && can_key(&a->frame) < can_key(&b->frame));
}

static void bus_arbitrate(struct sim_bus *b)
{
	struct vio_can_tx *t;
	struct sim_node *n;
	uint64_t ns;

	b->now = NULL;
	for (n = b->nodes; n; n = n->next) {
		for (t = n->first; t; t = t->next) {
			if (bus_wins(t, b->now)) {
				b->now = t;
				b->from = n;
			}
		}
	}
	b->busy = false;
	if (b->now) {
		ns = can_duration(b, &b->now->frame);
		bus_timer(b, b->now->word == FAILED && ns == 0 ? REPEAT : ns);
	}
}

static void bus_carry(struct sim_bus *b)
{
	struct sim_node *n, *from = b->from;
	struct vio_can_tx *t = b->now;
	struct vio_can_frame f = t->frame;

	if (f.id == from->noack) {
		t->word = FAILED;
		return;
	}
	if (f.id == from->busoff) {
		log_info(from->name, "bus-off on %s, by frame %x", b->name, (unsigned)f.id);
		node_stop(from);
		from->sink->busoff(from->sink);
		return;
	}
	f.len = can_padded(&f);
	for (n = b->nodes; n; n = n->next) {
		if (n != from && n->started) {
			n->sink->frame(n->sink, &f);
		}
	}
	node_complete(from, t, VIO_OK);
}

static void bus_fire(struct vio_timer *timer)
{
	struct sim_bus *b = VIO_CONTAINER(timer, struct sim_bus, timer);

	if (b->now) {
		bus_carry(b);
	}
	bus_arbitrate(b);
}

/* ---- a node ---- */

static const struct vio_can_able *node_open(void *host, struct vio_can_sink *sink)
{
	static const struct vio_can_able all = { true, true, true, true };
	static const struct vio_can_able classic = { true, false, true, true };
	struct sim_node *n = host;

	n->sink = sink;
	return n->no_fd ? &classic : &all;
}

static int node_start(void *host)
{
	((struct sim_node *)host)->started = true;
	return VIO_OK;
}

static void node_halt(void *host)
{
	node_stop(host);
}

static int node_send(void *host, struct vio_can_tx *t)
{
	struct sim_node *n = host;
	struct vio_can_tx **p = &n->first;

	while (*p) {
		p = &(*p)->next;
	}
	*p = t;
	t->next = NULL;
	t->word = FRESH;
	if (!n->bus->busy) {
		bus_timer(n->bus, 0); /* all that is sent in this round takes part */
	}
	return VIO_PENDING;
}

static void node_cancel(void *host, struct vio_can_tx *t)
{
	node_complete(host, t, VIO_E_IO);
}

static const struct vio_can_host_ops sim_ops = {
	.open = node_open,
	.start = node_start,
	.stop = node_halt,
	.send = node_send,
	.cancel = node_cancel,
};

/* ---- kind ---- */

struct sim_words {
	struct sim_node *node;
	char bus[32];
	bool has_rate;
	uint32_t rate;
};

/* one word of ARG; returns: NULL or what is wrong */
static const char *sim_word(void *ctx, const char *word)
{
	struct sim_words *w = ctx;
	const char *value = strchr(word, '=');
	bool rate = strncmp(word, "rate=", 5) == 0;
	unsigned long v;
	char *end;

	if (strcmp(word, "classic") == 0) {
		w->node->no_fd = true;
		return NULL;
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
	if (v > VIO_CAN_EXTENDED_MAX) {
		return "an identifier is 0 to 1fffffff";
	}
	if (strncmp(word, "busoff=", 7) == 0) {
		w->node->busoff = (uint32_t)v;
	} else if (strncmp(word, "noack=", 6) == 0) {
		w->node->noack = (uint32_t)v;
	} else {
		return "expected a name for the bus, classic, rate=BITS, busoff=ID or noack=ID";
	}
	return NULL;
}

static struct sim_bus *bus_get(const struct sim_words *w, struct loop *l)
{
	struct sim_bus *b;

	for (b = buses; b && strcmp(b->name, w->bus) != 0; b = b->next) {
	}
	if (!b) {
		b = calloc(1, sizeof(*b));
		if (!b) {
			return NULL;
		}
		(void)snprintf(b->name, sizeof(b->name), "%s", w->bus);
		b->clock = loop_clock(l);
		b->timer.fire = bus_fire;
		b->rate = RATE;
		b->next = buses;
		buses = b;
	}
	b->rate = w->has_rate ? w->rate : b->rate;
	return b;
}

static void sim_close(struct host *h)
{
	struct sim_node *n = h->host, **p = &n->bus->nodes;
	struct sim_bus *b = n->bus, **q = &buses;

	node_stop(n);
	while (*p != n) {
		p = &(*p)->next;
	}
	*p = n->next;
	free(n);
	if (b->nodes) {
		return;
	}
	b->clock->set(b->clock, &b->timer, 0);
	while (*q != b) {
		q = &(*q)->next;
	}
	*q = b->next;
	free(b);
}

static int sim_open(struct host_ctx *ctx, struct host *out)
{
	struct sim_node *n = calloc(1, sizeof(*n)), **p;
	struct sim_words w = { .node = n, .bus = "bus" };
	const char *wrong = NULL;
	char word[64] = "";

	if (n) {
		n->name = ctx->name;
		n->busoff = n->noack = NO_ID;
		wrong = words_each(ctx->arg, word, sizeof(word), sim_word, &w);
		n->bus = wrong ? NULL : bus_get(&w, ctx->loop);
	}
	if (!n || !n->bus) {
		(void)snprintf(ctx->err, sizeof(ctx->err), "%s%s%s", wrong ? word : "",
			       wrong ? ": " : "", wrong ? wrong : "out of memory");
		free(n);
		return -1;
	}
	for (p = &n->bus->nodes; *p; p = &(*p)->next) {
	}
	*p = n;
	out->ops = &sim_ops;
	out->host = n;
	out->close = sim_close;
	return 0;
}

const struct host_kind host_sim_can[] = {
	{
		.class_name = "can",
		.name = "sim",
		.about = "a simulated bus, which devices that name the same one share",
		.arg_help = "[BUS|classic|rate=BITS|busoff=ID|noack=ID],...",
		.is_default = true,
		.open = sim_open,
	},
	{ 0 },
};
