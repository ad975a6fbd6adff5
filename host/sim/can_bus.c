/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * can_bus.c - simulated CAN buses
 *
 * Theory of operation. A bus is idle, or a frame is on it (`now`, of node `from`) until its timer fires. When it becomes
 * idle, all frames that wait in any node take part in the arbitration, and the one whose identifier comes first on the
 * wire wins (can_key); among equal ones, the node that joined first, and in it the older. It takes as long as its bits
 * do at the rate of the bus. Then the other nodes hear it, and its job is completed.
 *
 * There is always somebody who acknowledges a frame, except where errors are asked for (busoff, noack of a node): one
 * that sends the first leaves the bus; the second is repeated, behind all others, until it is dropped.
 *
 * The list of buses is the process's, and has a lock; a bus and its nodes belong to one loop.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "host/sim/can_bus.h"
#include "hosted/log.h"

#define SECOND 1000000000u	/* ns */
#define REPEAT (SECOND / 1000u) /* of a frame that is never acknowledged, on a bus without a rate */

enum { FRESH, FAILED }; /* vio_can_tx.word */

struct sim_bus {
	struct sim_bus *next;
	char name[32];
	struct loop *loop;
	struct vio_clock *clock;
	struct vio_timer timer;
	bool busy; /* the timer is set */
	uint32_t rate;
	struct sim_node *nodes; /* in the order in which they joined */
	struct sim_node *from;
	struct vio_can_tx *now; /* on the wire, still in from's list */
};

static struct sim_bus *buses;
static pthread_mutex_t buses_lock = PTHREAD_MUTEX_INITIALIZER;

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
	if (t->job.vq) {
		vio_job_complete(&t->job, result);
	} else {
		t->job.done(&t->job, result); /* of a node that is no device */
	}
}

void sim_bus_stop(struct sim_node *n)
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
		sim_bus_stop(from);
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

/* ---- its nodes ---- */

void sim_bus_send(struct sim_node *n, struct vio_can_tx *t)
{
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
}

void sim_bus_drop(struct sim_node *n, struct vio_can_tx *t)
{
	node_complete(n, t, VIO_E_IO);
}

static struct sim_bus *bus_new(const char *name, struct loop *l)
{
	struct sim_bus *b = calloc(1, sizeof(*b));

	if (b) {
		(void)snprintf(b->name, sizeof(b->name), "%s", name);
		b->loop = l;
		b->clock = loop_clock(l);
		b->timer.fire = bus_fire;
		b->rate = SIM_CAN_RATE;
		b->next = buses;
		buses = b;
	}
	return b;
}

bool sim_bus_join(struct sim_node *n, const char *bus, struct loop *l, const uint32_t *rate)
{
	struct sim_node **p;
	struct sim_bus *b;

	pthread_mutex_lock(&buses_lock);
	for (b = buses; b && (b->loop != l || strcmp(b->name, bus) != 0); b = b->next) {
	}
	b = b ? b : bus_new(bus, l);
	pthread_mutex_unlock(&buses_lock);
	if (!b) {
		return false;
	}
	b->rate = rate ? *rate : b->rate;
	for (p = &b->nodes; *p; p = &(*p)->next) {
	}
	*p = n;
	n->next = NULL;
	n->bus = b;
	return true;
}

void sim_bus_leave(struct sim_node *n)
{
	struct sim_bus *b = n->bus, **q = &buses;
	struct sim_node **p = &b->nodes;

	sim_bus_stop(n);
	while (*p != n) {
		p = &(*p)->next;
	}
	*p = n->next;
	n->bus = NULL;
	if (b->nodes) {
		return;
	}
	b->clock->set(b->clock, &b->timer, 0);
	pthread_mutex_lock(&buses_lock);
	while (*q != b) {
		q = &(*q)->next;
	}
	*q = b->next;
	pthread_mutex_unlock(&buses_lock);
	free(b);
}
