/* SPDX-License-Identifier: BSD-3-Clause */
/* can_beat.c - a node of a simulated CAN bus that sends frames of every kind, over and over */
#include <stdlib.h>
#include <string.h>
#include "host/sim/can_beat.h"

#define PERIOD 10000000u /* ns */

struct sim_beat {
	struct sim_node node;
	struct vio_can_sink sink;
	struct vio_can_tx tx;
	bool under_way; /* a slow bus is not given the next one before */
	struct vio_clock *clock;
	struct vio_timer timer;
	uint32_t id;
	unsigned n;
};

static void beat_done(struct vio_job *j, int32_t result)
{
	(void)result;
	VIO_CONTAINER(j, struct sim_beat, tx.job)->under_way = false;
}

static void beat_hears(struct vio_can_sink *s, const struct vio_can_frame *f)
{
	(void)s;
	(void)f;
}

static void beat_busoff(struct vio_can_sink *s)
{
	(void)s;
}

static void beat_fire(struct vio_timer *t)
{
	static const struct {
		uint16_t flags;
		uint8_t len;
	} kinds[] = { { 0, 4 },
		      { VIO_CAN_FLAGS_EXTENDED, 8 },
		      { VIO_CAN_FLAGS_RTR, 0 },
		      { VIO_CAN_FLAGS_FD, 64 } };
	struct sim_beat *b = VIO_CONTAINER(t, struct sim_beat, timer);
	struct vio_can_frame *f = &b->tx.frame;
	unsigned k = b->n % 4u;

	if (!b->under_way) {
		(void)memset(f, 0, sizeof(*f));
		f->flags = kinds[k].flags;
		f->len = kinds[k].len;
		f->id = f->flags & VIO_CAN_FLAGS_EXTENDED ? b->id << 18 | 1u : b->id;
		f->data[0] = (uint8_t)b->n++;
		b->under_way = true;
		sim_bus_send(&b->node, &b->tx);
	}
	b->clock->set(b->clock, t, b->clock->now(b->clock) + PERIOD);
}

struct sim_beat *sim_beat_open(const char *name, const char *bus, struct loop *l, uint32_t id)
{
	struct sim_beat *b = calloc(1, sizeof(*b));

	if (!b) {
		return NULL;
	}
	b->sink = (struct vio_can_sink){ .frame = beat_hears, .busoff = beat_busoff };
	b->node = (struct sim_node){
		.name = name, .sink = &b->sink, .busoff = SIM_CAN_NO_ID, .noack = SIM_CAN_NO_ID
	};
	b->tx.job.done = beat_done;
	b->id = id;
	if (!sim_bus_join(&b->node, bus, l, NULL)) {
		free(b);
		return NULL;
	}
	b->node.started = true;
	b->clock = loop_clock(l);
	b->timer.fire = beat_fire;
	beat_fire(&b->timer);
	return b;
}

void sim_beat_close(struct sim_beat *b)
{
	if (b) {
		b->clock->set(b->clock, &b->timer, 0);
		sim_bus_leave(&b->node);
		free(b);
	}
}
