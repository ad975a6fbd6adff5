/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench_target.c - the back-end under load: attach to it or spawn it, negotiate, lay out memory and queues
 *
 * The end of what a spawned back-end printed is shown when something fails.
 */
#include "app/bench_count.h"
#include "vio/dev.h"
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define REPLY_MS 10000u
#define SPAWN_MS 10000u
#define TOOL_MS	 60000u /* to start or to leave, under a tool that counts */
#define SMALL	 64u	/* bytes of head and tail each: a cache line of its own */

/* ---- a back-end of our own ---- */

/* In the child, when it is counted: under the tool */
static void exec_counted(void *arg, const char *command)
{
	count_exec(arg, command);
}

static int spawn(struct bench *b, char err[256])
{
	b->target = (struct target){ .command = b->spec.spawn,
				     .exec = b->counted ? exec_counted : NULL,
				     .arg = b };
	return target_start(&b->target, err);
}

static void end_child(struct bench *b)
{
	if (b->target.child > 0 && b->counted &&
	    b->pid > 0) { /* the tool writes when it has ended */
		(void)kill(b->pid, SIGTERM);
		if (target_leaves(&b->target, TOOL_MS)) {
			count_read(b);
		}
	}
	target_end(&b->target);
}

static bool child_ended(struct bench *b, char err[256])
{
	char how[256];

	if (!target_ended(&b->target, how)) {
		return false;
	}
	snprintf(err, 256, "the back-end ended at once, %.200s", how);
	return true;
}

static int connect_to(struct bench *b, char err[256])
{
	static const struct vhf_config cfg = { .reply_ms = REPLY_MS };
	uint64_t begin = bench_now();

	if (b->spec.attach) {
		b->f = vhf_connect(&cfg, b->spec.attach, 0, err);
	} else {
		if (spawn(b, err)) {
			return -1;
		}
		for (unsigned t = 0; t < (b->counted ? TOOL_MS : SPAWN_MS) / 10u && !b->f; t++) {
			if (child_ended(b, err)) {
				return -1;
			}
			b->f = vhf_connect(&cfg, b->target.sock, 10, err);
		}
		b->result.ready_ns = bench_now() - begin;
	}
	if (b->f) {
		b->pid = vhf_pid(b->f);
		b->target.pid = b->pid;
	}
	return b->f ? 0 : -1;
}

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
	int rc;

	if (vhf_bus.features(b->f, &b->offered) != VIO_OK) {
		snprintf(err, 256, "%s", vhf_error(b->f));
		return -1;
	}
	for (size_t i = 0; i < sizeof(must) / sizeof(must[0]); i++) {
		if ((want & must[i].bit & ~b->offered) != 0) {
			snprintf(err, 256, "the back-end does not offer %s", must[i].name);
			return -1;
		}
	}
	if (vhf_queues(b->f) != 0 && b->spec.cls->first_vq + b->spec.queues > vhf_queues(b->f)) {
		snprintf(err, 256, "the back-end has %u queue%s, %u are needed", vhf_queues(b->f),
			 vhf_queues(b->f) == 1 ? "" : "s", b->spec.cls->first_vq + b->spec.queues);
		return -1;
	}
	rc = vio_drv_probe(&vhf_bus, b->f, want, &b->features);
	if (rc != VIO_OK) {
		snprintf(err, 256, "%s",
			 rc == VIO_E_NOTSUP ? "the device does not take the features"
					    : vhf_error(b->f));
		return -1;
	}
	return 0;
}

static uint32_t data_align(const struct bench_spec *s)
{
	return s->block_size >= 4096 ? 4096 : s->block_size >= 512 ? 512 : SMALL;
}

/* Enough for each region: its share of rings and requests, and what alignment may cost. */
static uint64_t region_bytes(const struct bench_spec *s)
{
	uint64_t ring = ((uint64_t)vio_dvq_bytes(s->queue_size, s->packed) + 4095u) & ~4095ull;
	uint64_t slot = ((uint64_t)s->block_size + data_align(s) + 3u * SMALL) & ~63ull;
	uint64_t n = (uint64_t)s->depth * s->queues;

	return ring * ((s->queues + s->regions - 1u) / s->regions) +
	       (slot + SMALL) * ((n + s->regions - 1u) / s->regions) + 8192u;
}

static int open_request(struct bench *b, struct bench_req *r, uint32_t at)
{
	bool ok = vhf_alloc(b->f, at, SMALL, SMALL, &r->head) == VIO_OK &&
		  vhf_alloc(b->f, at, SMALL, SMALL, &r->table) == VIO_OK &&
		  vhf_alloc(b->f, at, SMALL, SMALL, &r->tail) == VIO_OK &&
		  vhf_alloc(b->f, at, b->spec.block_size, data_align(&b->spec), &r->data) == VIO_OK;

	return ok ? 0 : -1;
}

static int open_queue(struct bench *b, uint16_t i, char err[256])
{
	const struct bench_spec *s = &b->spec;
	struct bench_queue *q = &b->queue[i];
	uint16_t flags = (uint16_t)((s->packed ? VIO_DVQ_PACKED : 0) |
				    (s->event_idx ? VIO_DVQ_EVENT_IDX : 0) |
				    (s->in_order ? VIO_DVQ_IN_ORDER : 0));
	uint64_t area[3];
	int rc;

	q->vq = (uint16_t)(s->cls->first_vq + i);
	q->slot = calloc(s->queue_size, sizeof(*q->slot));
	q->req = calloc(s->depth, sizeof(*q->req));
	q->free = calloc(s->depth, sizeof(struct bench_req *));
	rc = vhf_alloc(b->f, i, vio_dvq_bytes(s->queue_size, s->packed), 4096, &q->ring);
	for (uint16_t k = 0; rc == VIO_OK && q->req && q->free && k < s->depth; k++) {
		rc = open_request(b, &q->req[k], (uint32_t)i * s->depth + k);
		q->free[q->nfree++] = &q->req[k];
	}
	if (rc != VIO_OK || !q->slot || !q->req || !q->free) {
		snprintf(err, 256, "no memory for queue %u", i);
		return -1;
	}
	rc = vio_dvq_init(&q->q, s->queue_size, flags, &q->ring, q->slot);
	vio_dvq_areas(&q->q, &q->ring, area);
	if (rc == VIO_OK) {
		rc = vhf_bus.setup(b->f, q->vq, s->queue_size, area[0], area[1], area[2]);
	}
	if (rc != VIO_OK) {
		snprintf(err, 256, "queue %u: %s", i, vhf_error(b->f));
		return -1;
	}
	return 0;
}

static int open_queues(struct bench *b, char err[256])
{
	b->queue = calloc(b->spec.queues, sizeof(*b->queue));
	for (uint16_t i = 0; b->queue && i < b->spec.queues; i++) {
		if (open_queue(b, i, err)) {
			return -1;
		}
	}
	if (!b->queue || vhf_bus.set_status(b->f, VIO_S_ACKNOWLEDGE | VIO_S_DRIVER |
							  VIO_S_FEATURES_OK | VIO_S_DRIVER_OK)) {
		snprintf(err, 256, "starting the device: %s", vhf_error(b->f));
		return -1;
	}
	return 0;
}

static int open_all(struct bench *b, char err[256])
{
	if (connect_to(b, err)) {
		return -1;
	}
	if (vhf_memory(b->f, b->spec.regions, region_bytes(&b->spec)) != VIO_OK) {
		snprintf(err, 256, "%s", vhf_error(b->f));
		return -1;
	}
	if (negotiate(b, err) || (b->spec.cls->open && b->spec.cls->open(b, err))) {
		return -1;
	}
	return open_queues(b, err);
}

int bench_open(struct bench *b, char err[256])
{
	b->random = b->spec.seed;
	if (open_all(b, err) == 0) {
		return 0;
	}
	target_show_log(&b->target);
	bench_close(b);
	return -1;
}

void bench_close(struct bench *b)
{
	if (b->result.fatal[0]) {
		target_show_log(&b->target);
	}
	for (uint16_t i = 0; b->queue && i < b->spec.queues; i++) {
		if (b->f && b->queue[i].ring.p && !b->result.fatal[0]) {
			(void)vhf_stop(b->f, b->queue[i].vq, NULL);
		}
		free(b->queue[i].slot);
		free(b->queue[i].req);
		free(b->queue[i].free);
	}
	free(b->queue);
	b->queue = NULL;
	if (b->spec.cls->close) {
		b->spec.cls->close(b);
	}
	b->own = NULL;
	if (b->f) {
		vhf_close(b->f);
	}
	b->f = NULL;
	end_child(b);
}
