/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench_way.h - how a load reaches its device: one file a way, and its line in bench_ways (bench_target.c)
 *
 * Negotiation, queues, requests and checks are the same on each. A device that lives in this process runs when `turn`
 * says so; all others by themselves.
 */
#ifndef APP_BENCH_WAY_H
#define APP_BENCH_WAY_H

#include "app/bench.h"

struct bench_way {
	bool (*asked)(const struct bench_spec *s); /* these options mean this way */
	/* open - find or make the device, and the memory that is shared with it; b->to, b->pid. returns: 0 | -1 and err */
	int (*open)(struct bench *b, char err[256]);
	void (*close)(struct bench *b); /* also after an open that failed */
	void (*why)(
		struct bench
			*b); /* something failed: show what the device's side said; NULL: nothing */
	const struct vio_bus_ops *bus;
	/* alloc - shared memory, as vhf_alloc */
	int (*alloc)(void *to, uint32_t at, uint32_t len, uint32_t align, struct vio_dma *out);
	uint32_t (*queues)(void *to);		    /* most; 0: not known */
	void (*stop)(struct bench *b, uint16_t vq); /* NULL: `close` does */
	void (*turn)(struct bench *b); /* let the device run; NULL: it does by itself */
	unsigned (*nap)(struct bench *b,
			uint64_t ns);	/* sleep until notified; returns: of how many queues */
	bool (*gone)(struct bench *b);	/* the other end has left; NULL: it cannot */
	const char *(*error)(void *to); /* what went wrong, "" nothing */
	uint64_t (*kicks)(void *to);
	/* cost - processor time of the device, which is in this process; NULL: /proc knows that of b->pid */
	void (*cost)(struct bench *b, struct bench_cost *c);
};

extern const struct bench_way *const bench_ways[]; /* closed by NULL */
extern const struct bench_way bench_socket, bench_inside;

uint32_t bench_data_bytes(const struct bench_spec *s); /* of a request */
/* bench_region_bytes - that each memory region must have for rings and requests */
uint64_t bench_region_bytes(const struct bench_spec *s);

#endif
