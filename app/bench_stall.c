/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench_stall.c - what a standstill means: which side does not move, from what each of them left in shared places
 *
 * The back-end shows how far it is in few places: with EVENT_IDX the position at which it wants the next kick, which it
 * writes when it has taken all before; the kick's counter, which some read and some, waiting for edges, do not; and
 * the ring of used entries.
 */
#include "app/bench.h"
#include "port/vhost_user/proto.h"
#include "vio/dev.h"
#include "vio/spec/ring.h"
#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* An eventfd's counter, without reading it away; returns: 0 also when it is not known */
static uint64_t counter(int fd)
{
	char path[64], line[128];
	uint64_t n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		if (strncmp(line, "eventfd-count:", 14) == 0) {
			n = strtoull(line + 14, NULL, 16);
		}
	}
	if (f) {
		fclose(f);
	}
	return n;
}

/* Requests that the back-end had not taken when it last said so; returns: false when the ring does not tell */
static bool not_taken(const struct bench_queue *q, uint16_t *n)
{
	const struct vio_dvq *v = &q->q;

	if ((v->flags & VIO_DVQ_PACKED) || !(v->flags & VIO_DVQ_EVENT_IDX)) {
		return false;
	}
	*n = (uint16_t)(v->avail - vio_get16(v->device + 4 + (size_t)v->size * 8u));
	return true;
}

static const char *whose(struct bench *b, const struct bench_queue *q, char text[160])
{
	uint64_t kicks = b->f ? counter(vhf_kick_fd(b->f, q->vq)) : 0;
	uint16_t left = 0;
	bool known = not_taken(q, &left);

	if (known && left == 0) {
		snprintf(text, 160, "the back-end took all of them, and keeps them");
	} else if (known && left <= q->q.posted) {
		snprintf(text, 160,
			 "the back-end %s the kick, but left %u of them in the ring and %s",
			 kicks > 0 ? "did not read" : "read", left,
			 kicks > 0 ? "does not look at it" : "waits for nothing");
	} else if (kicks > 0) {
		snprintf(text, 160,
			 "the back-end has not read its kick (%llu waiting): it does not look at "
			 "this queue, or it never reads, but waits for edges",
			 (unsigned long long)kicks);
	} else {
		snprintf(text, 160,
			 "the back-end read the kick; it holds them, or did not look at the ring");
	}
	return text;
}

static const char *also(struct bench *b)
{
	char how[256];
	uint8_t s = 0;

	if (target_ended(&b->target, how)) {
		return "; the back-end's process has ended";
	}
	if (!b->f) {
		return "";
	}
	if ((vhf_protocol(b->f) & VHU_P_STATUS) && vhf_bus.status(b->f, &s) == VIO_OK &&
	    (s & VIO_S_NEEDS_RESET)) {
		return "; the device says NEEDS_RESET: its log says why";
	}
	return vhf_gone(b->f) ? "; the connection is closed" : "";
}

void bench_stalled(struct bench *b, uint64_t silent_ns)
{
	const struct bench_queue *worst = NULL;
	char text[160];

	for (uint16_t i = 0; i < b->spec.queues; i++) {
		const struct bench_queue *q = &b->queue[i];

		if (q->sent > q->done &&
		    (!worst || q->sent - q->done > worst->sent - worst->done)) {
			worst = q;
		}
	}
	if (!worst) {
		return;
	}
	if (silent_ns == 0) {
		bench_fatal(b,
			    "queue %u: a request is not completed for %.1f s while others are: "
			    "lost by the back-end (%llu under way)%s",
			    worst->vq, 2.0 * (double)b->spec.stall_ns / 1e9,
			    (unsigned long long)(worst->sent - worst->done), also(b));
		return;
	}
	bench_fatal(b,
		    "stalled: nothing completed for %.1f s, after %llu requests. Queue %u has %llu "
		    "under way (%u in the ring): %s%s",
		    (double)silent_ns / 1e9, (unsigned long long)b->done, worst->vq,
		    (unsigned long long)(worst->sent - worst->done), worst->q.posted,
		    whose(b, worst, text), also(b));
}

/* The driver library did not believe a used entry. Which one? */
void bench_broken(struct bench *b, const struct bench_queue *q)
{
	const struct vio_dvq *v = &q->q;
	uint32_t id, len;

	if (v->flags & VIO_DVQ_PACKED) {
		const uint8_t *d = v->desc + (size_t)v->used * VIO_DESC_BYTES;

		id = vio_get16(d + 12);
		len = vio_get32(d + 8);
	} else {
		const uint8_t *e = v->device + 4 + (size_t)(v->used & (v->size - 1u)) * 8u;
		uint16_t seen = vio_get16(v->device + 2);

		if ((uint16_t)(seen - v->used) > v->posted) {
			bench_fatal(b,
				    "queue %u: the back-end completed more requests than it was "
				    "given (used index %u, %u taken before, %u under way)",
				    q->vq, seen, v->used, v->posted);
			return;
		}
		id = vio_get32(e);
		len = vio_get32(e + 4);
	}
	bench_fatal(b,
		    "queue %u: the back-end returned descriptor %u with %u bytes: %s (after %llu "
		    "requests)",
		    q->vq, id, len,
		    id < v->size && v->slot[id].n != 0 ? "more than there was room for"
						       : "no request that is under way",
		    (unsigned long long)b->done);
}
