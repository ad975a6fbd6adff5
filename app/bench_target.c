/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_target.c - the device under load, whatever the way to it: negotiate, lay out memory and queues */
#include "app/bench_way.h"
#include "vio/dev.h"
#include <stdlib.h>
#include <string.h>

#define SMALL 64u /* bytes of head, tail and table each: a cache line, BENCH_CHAIN descriptors */

const struct bench_way *const bench_ways[] = { &bench_socket, &bench_inside, NULL };

/* ---- negotiation, memory, queues ---- */

static uint64_t wanted(const struct bench_spec *s)
{
	return VIO_F_VERSION_1 | s->cls->want | (s->packed ? VIO_F_RING_PACKED : 0) |
	       (s->event_idx ? VIO_F_EVENT_IDX : 0) | (s->indirect ? VIO_F_INDIRECT_DESC : 0) |
	       (s->in_order ? VIO_F_IN_ORDER : 0);
}

static int negotiate(struct bench *b, char err[256])
{
	static const struct {
		uint64_t bit;
		const char *name;
	} must[] = {
		{ VIO_F_VERSION_1, "VERSION_1: it is older than virtio 1.0" },
		{ VIO_F_RING_PACKED, "RING_PACKED (--ring=packed)" },
		{ VIO_F_EVENT_IDX, "EVENT_IDX (--event-idx)" },
		{ VIO_F_INDIRECT_DESC, "INDIRECT_DESC (--indirect)" },
		{ VIO_F_IN_ORDER, "IN_ORDER (--in-order)" },
	};
	uint64_t want = wanted(&b->spec);
	uint32_t most, need;
	int rc;

	if (b->way->bus->features(b->to, &b->offered) != VIO_OK) {
		snprintf(err, 256, "%s", b->way->error(b->to));
		return -1;
	}
	for (size_t i = 0; i < sizeof(must) / sizeof(must[0]); i++) {
		if ((want & must[i].bit & ~b->offered) != 0) {
			snprintf(err, 256, "the back-end does not offer %s", must[i].name);
			return -1;
		}
	}
	most = b->way->queues(b->to);
	need = (uint32_t)b->spec.cls->first_vq + b->spec.queues;
	need = b->spec.cls->control_vq >= need ? b->spec.cls->control_vq + 1u : need;
	if (most != 0 && need > most) {
		snprintf(err, 256, "the back-end has %u queue%s, %u are needed", most,
			 most == 1 ? "" : "s", need);
		return -1;
	}
	rc = vio_drv_probe(b->way->bus, b->to, want, &b->features);
	if (rc != VIO_OK) {
		snprintf(err, 256, "%s",
			 rc == VIO_E_NOTSUP ? "the device does not take the features"
					    : b->way->error(b->to));
		return -1;
	}
	return 0;
}

static uint32_t data_align(const struct bench_spec *s)
{
	return s->block_size >= 4096 ? 4096 : s->block_size >= 512 ? 512 : SMALL;
}

uint32_t bench_data_bytes(const struct bench_spec *s)
{
	return s->block_size * (s->cls->blocks ? s->cls->blocks : 1u);
}

/* Enough for each region: its share of rings and requests, and what alignment may cost. */
uint64_t bench_region_bytes(const struct bench_spec *s)
{
	uint64_t ring = ((uint64_t)vio_dvq_bytes(s->queue_size, s->packed) + 4095u) & ~4095ull;
	uint64_t slot = ((uint64_t)bench_data_bytes(s) + data_align(s) + 3u * SMALL) & ~63ull;
	uint32_t control = s->cls->control_vq ? 1 : 0; /* a ring and a request */
	uint64_t n = (uint64_t)s->depth * s->queues + control;

	return ring * ((s->queues + control + s->regions - 1u) / s->regions) +
	       (slot + SMALL) * ((n + s->regions - 1u) / s->regions) + 8192u;
}

static int open_request(struct bench *b, struct bench_req *r, uint32_t at)
{
	bool ok = b->way->alloc(b->to, at, SMALL, SMALL, &r->head) == VIO_OK &&
		  b->way->alloc(b->to, at, SMALL, SMALL, &r->table) == VIO_OK &&
		  b->way->alloc(b->to, at, SMALL, SMALL, &r->tail) == VIO_OK &&
		  b->way->alloc(b->to, at, bench_data_bytes(&b->spec), data_align(&b->spec),
				&r->data) == VIO_OK;

	return ok ? 0 : -1;
}

/* i: which one, for its place in memory; depth: requests that it has */
static int open_queue(struct bench *b, struct bench_queue *q, uint16_t i, uint16_t vq,
		      uint16_t depth, char err[256])
{
	const struct bench_spec *s = &b->spec;
	uint16_t flags = (uint16_t)((s->packed ? VIO_DVQ_PACKED : 0) |
				    (s->event_idx ? VIO_DVQ_EVENT_IDX : 0) |
				    (s->in_order ? VIO_DVQ_IN_ORDER : 0));
	uint64_t area[3];
	int rc;

	q->vq = vq;
	q->slot = calloc(s->queue_size, sizeof(*q->slot));
	q->req = calloc(depth, sizeof(*q->req));
	q->free = calloc(depth, sizeof(struct bench_req *));
	rc = b->way->alloc(b->to, i, vio_dvq_bytes(s->queue_size, s->packed), 4096, &q->ring);
	for (uint16_t k = 0; rc == VIO_OK && q->req && q->free && k < depth; k++) {
		rc = open_request(b, &q->req[k], (uint32_t)i * s->depth + k);
		q->free[q->nfree++] = &q->req[k];
	}
	if (rc != VIO_OK || !q->slot || !q->req || !q->free) {
		snprintf(err, 256, "no memory for queue %u", vq);
		return -1;
	}
	rc = vio_dvq_init(&q->q, s->queue_size, flags, &q->ring, q->slot);
	vio_dvq_areas(&q->q, &q->ring, area);
	if (rc == VIO_OK) {
		rc = b->way->bus->setup(b->to, q->vq, s->queue_size, area[0], area[1], area[2]);
	}
	if (rc != VIO_OK) {
		snprintf(err, 256, "queue %u: %s", vq, b->way->error(b->to));
		return -1;
	}
	return 0;
}

static int open_queues(struct bench *b, char err[256])
{
	b->queue = calloc(b->spec.queues, sizeof(*b->queue));
	for (uint16_t i = 0; b->queue && i < b->spec.queues; i++) {
		uint16_t vq = (uint16_t)(b->spec.cls->first_vq + i);

		if (open_queue(b, &b->queue[i], i, vq, b->spec.depth, err)) {
			return -1;
		}
	}
	if (b->queue && b->spec.cls->control_vq &&
	    open_queue(b, &b->control, b->spec.queues, b->spec.cls->control_vq, 1, err)) {
		return -1;
	}
	if (!b->queue ||
	    b->way->bus->set_status(b->to, VIO_S_ACKNOWLEDGE | VIO_S_DRIVER | VIO_S_FEATURES_OK |
						   VIO_S_DRIVER_OK)) {
		snprintf(err, 256, "starting the device: %s", b->way->error(b->to));
		return -1;
	}
	return 0;
}

static int open_all(struct bench *b, char err[256])
{
	const struct bench_way *const *way = bench_ways;

	while (!(*way)->asked(&b->spec)) { /* one is: bench_options */
		way++;
	}
	b->way = *way;
	if (b->way->open(b, err) || negotiate(b, err) ||
	    (b->spec.cls->open && b->spec.cls->open(b, err))) {
		return -1;
	}
	return open_queues(b, err) || (b->spec.cls->ready && b->spec.cls->ready(b, err)) ? -1 : 0;
}

int bench_open(struct bench *b, char err[256])
{
	b->random = b->spec.seed;
	if (open_all(b, err) == 0) {
		return 0;
	}
	if (b->way->why) {
		b->way->why(b);
	}
	bench_close(b);
	return -1;
}

static void close_queue(struct bench *b, struct bench_queue *q)
{
	if (b->to && b->way->stop && q->ring.p && !b->result.fatal[0]) {
		b->way->stop(b, q->vq);
	}
	free(q->slot);
	free(q->req);
	free(q->free);
}

void bench_close(struct bench *b)
{
	if (b->result.fatal[0] && b->way->why) {
		b->way->why(b);
	}
	for (uint16_t i = 0; b->queue && i < b->spec.queues; i++) {
		close_queue(b, &b->queue[i]);
	}
	close_queue(b, &b->control);
	free(b->queue);
	b->queue = NULL;
	b->control = (struct bench_queue){ 0 };
	if (b->spec.cls->close) {
		b->spec.cls->close(b);
	}
	b->own = NULL;
	b->way->close(b);
	b->to = NULL;
}
