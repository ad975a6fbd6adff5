/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rig.c - driver side of the measuring rig; usage: rig split|packed CHAIN REGIONS BATCH REQUESTS [event|indirect|time]
 *
 * time: prints the nanoseconds that dev_process() takes a request, median over the batches, so that what else runs on
 * the machine is seen in few of them.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include "rig.h"

#define REGION_BYTES (4u << 20)
#define PAGE	     4096u

struct wire {
	uint64_t addr;
	uint32_t len;
	uint16_t a, b; /* split: flags, next; packed: id, flags */
};

static struct rig g;
static unsigned chain, batch, pos;
static bool indirect, wrap = true;
static uint16_t avail;
static uint64_t rnd_state = 88172645463325252ull;

static uint64_t rnd(void)
{
	rnd_state ^= rnd_state << 13;
	rnd_state ^= rnd_state >> 7;
	rnd_state ^= rnd_state << 17;
	return rnd_state;
}

static void *at(uint64_t gpa)
{
	for (unsigned i = 0; i < g.nregion; i++) {
		if (gpa - g.region[i].gpa < g.region[i].len) {
			return g.region[i].hva + (gpa - g.region[i].gpa);
		}
	}
	abort();
}

static void map_regions(unsigned n)
{
	g.nregion = n;
	for (unsigned i = 0; i < n; i++) {
		uint8_t *p = mmap(NULL, REGION_BYTES, PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_ANONYMOUS, -1, 0);

		if (p == MAP_FAILED) {
			perror("rig: mmap");
			exit(1);
		}
		g.region[i] = (struct rig_region){ 0x40000000ull + (uint64_t)i * 2u * REGION_BYTES,
						   REGION_BYTES, p };
	}
	g.desc = g.region[0].gpa;
	g.driver = g.desc + 2u * PAGE;
	g.device = g.desc + 4u * PAGE;
}

/* A buffer at a random page of a random region, clear of the ring areas. */
static uint64_t buffer(void)
{
	const struct rig_region *r = &g.region[rnd() % g.nregion];

	return r->gpa + 0x10000u + (rnd() % ((r->len - 0x20000u) / PAGE)) * PAGE;
}

/* Segment k of a request in the shape of a block read: 16 bytes out, 4096 in, 1 in. */
static struct wire piece(unsigned k, unsigned n)
{
	static const uint32_t len[3] = { 16u, 4096u, 1u };

	return (struct wire){ buffer(), len[k],
			      (uint16_t)((k > 0u ? 2u : 0u) | (k + 1u < n ? 1u : 0u)), 0u };
}

static void post_split(void)
{
	struct wire *d = at(g.desc);
	uint16_t *av = at(g.driver);
	unsigned head = pos, n = indirect ? 1u : chain;

	if (indirect) {
		uint64_t t = g.desc + 0x8000u + (uint64_t)head * 64u;
		struct wire *tab = at(t);

		for (unsigned k = 0; k < chain; k++) {
			tab[k] = piece(k, chain);
			tab[k].b = (uint16_t)(k + 1u);
		}
		d[head] = (struct wire){ t, chain * 16u, 4u, 0u };
	} else {
		for (unsigned k = 0; k < chain; k++) {
			d[head + k] = piece(k, chain);
			d[head + k].b = (uint16_t)(head + k + 1u);
		}
	}
	pos = (pos + n + chain <= RIG_SIZE) ? pos + n : 0u;
	av[2u + (avail & (RIG_SIZE - 1u))] = (uint16_t)head;
	avail++;
	__atomic_store_n(&av[1], avail, __ATOMIC_RELEASE);
}

static void post_packed(void)
{
	struct wire *d = at(g.desc);
	unsigned first = pos, n = indirect ? 1u : chain;
	uint16_t first_flags = 0u;

	for (unsigned k = 0; k < n; k++) {
		struct wire w = piece(k, chain);

		if (indirect) {
			uint64_t t = g.desc + 0x8000u + (uint64_t)first * 64u;
			struct wire *tab = at(t);

			for (unsigned j = 0; j < chain; j++) {
				tab[j] = piece(j, chain);
				tab[j].b = (uint16_t)(tab[j].a & 2u);
				tab[j].a = 0u;
			}
			w = (struct wire){ t, chain * 16u, 4u, 0u };
		}
		w.b = (uint16_t)(w.a | (wrap ? 0x80u : 0x8000u));
		w.a = (uint16_t)first;
		if (k == 0u) {
			first_flags = w.b;
			w.b = d[pos].b;
		}
		d[pos] = w;
		pos++;
		if (pos == RIG_SIZE) {
			pos = 0u;
			wrap = !wrap;
		}
	}
	__atomic_store_n(&d[first].b, first_flags, __ATOMIC_RELEASE);
}

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int ascending(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* One turn of the engine; ns: where its time goes, or NULL */
static void turn(uint32_t *ns)
{
	uint64_t begin = ns ? now() : 0;

	dev_process(&g);
	if (ns) {
		*ns = (uint32_t)(now() - begin);
	}
}

int main(int argc, char **argv)
{
	unsigned requests, done = 0u, per;
	uint32_t *ns = NULL;

	if (argc < 6) {
		fprintf(stderr, "usage: rig split|packed CHAIN REGIONS BATCH REQUESTS "
				"[event|indirect|time]\n");
		return 2;
	}
	g.packed = strcmp(argv[1], "packed") == 0;
	chain = (unsigned)atoi(argv[2]);
	batch = (unsigned)atoi(argv[4]);
	requests = (unsigned)atoi(argv[5]);
	for (int i = 6; i < argc; i++) {
		g.event_idx = g.event_idx || strcmp(argv[i], "event") == 0;
		indirect = indirect || strcmp(argv[i], "indirect") == 0;
		if (strcmp(argv[i], "time") == 0) {
			ns = calloc(requests / batch + 1u, sizeof(*ns));
		}
	}
	map_regions((unsigned)atoi(argv[3]));
	eng_init(&g);
	while (done < requests) {
		for (per = 0u; per < batch; per++) {
			if (g.packed) {
				post_packed();
			} else {
				post_split();
			}
		}
		turn(ns ? &ns[done / batch] : NULL);
		done += batch;
		if (g.served != done) {
			fprintf(stderr, "rig: served %u of %u\n", g.served, done);
			return 1;
		}
		if (g.event_idx && !g.packed) { /* a driver that wants one signal a batch */
			uint16_t *av = at(g.driver);

			av[2u + RIG_SIZE] = (uint16_t)(avail + batch - 1u);
		}
	}
	static const uint64_t want[4] = { 0u, 16u, 4112u, 4113u };

	if (g.bytes != want[chain] * done) {
		fprintf(stderr, "rig: %llu bytes seen, %llu posted\n", (unsigned long long)g.bytes,
			(unsigned long long)(want[chain] * done));
		return 1;
	}
	if (ns) {
		qsort(ns, done / batch, sizeof(*ns), ascending);
		printf("%.3f\n", (double)ns[done / batch / 2u] / batch);
	}
	return 0;
}
