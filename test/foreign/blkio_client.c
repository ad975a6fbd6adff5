/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * blkio_client.c - libblkio, a virtio-blk driver that is not ours, reads and writes a back-end and checks every byte
 * usage: blkio_client SOCKET [QUEUES]; exit code 0 when all was right
 */
#include <blkio.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK  4096u
#define DEPTH  32u
#define BLOCKS 2048u
#define CHECK(call)                                                                                \
	do {                                                                                       \
		int rc_ = (call);                                                                  \
		if (rc_ != 0) {                                                                    \
			fprintf(stderr, "%s: %s: %s\n", #call, strerror(-rc_),                     \
				blkio_get_error_msg());                                            \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)

static uint8_t *slot(const struct blkio_mem_region *m, unsigned i)
{
	return (uint8_t *)m->addr + (size_t)i * BLOCK;
}

/* Every block has contents of its own, so a block in the wrong place is seen. */
static void fill(uint8_t *p, uint32_t block, uint32_t round)
{
	uint64_t x = (((uint64_t)round << 32) | block) * 0x9e3779b97f4a7c15ull + 1u;

	for (unsigned i = 0; i < BLOCK; i += 8) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		memcpy(p + i, &x, 8);
	}
}

/* Take one completion; returns its slot. */
static unsigned reap(struct blkioq *q)
{
	struct blkio_completion c;
	int n = blkioq_do_io(q, &c, 1, 1, NULL);

	if (n != 1 || c.ret != 0) {
		fprintf(stderr, "request failed: %s\n", n == 1 ? strerror(-c.ret) : strerror(-n));
		exit(1);
	}
	return (unsigned)(uintptr_t)c.user_data;
}

static void flush(struct blkioq *q)
{
	blkioq_flush(q, (void *)(uintptr_t)0, 0);
	(void)reap(q);
}

struct sweep {
	struct blkioq *q;
	const struct blkio_mem_region *m;
	uint32_t base, round;
	bool write, zeroes; /* zeroes: the last 16 blocks must read as zero */
	uint32_t at[DEPTH];
};

static void submit(struct sweep *w, unsigned s, uint32_t block)
{
	uint64_t start = (uint64_t)(w->base + block) * BLOCK;

	w->at[s] = block;
	if (w->write) {
		fill(slot(w->m, s), w->base + block, w->round);
		blkioq_write(w->q, start, slot(w->m, s), BLOCK, (void *)(uintptr_t)s, 0);
	} else {
		memset(slot(w->m, s), 0xee, BLOCK);
		blkioq_read(w->q, start, slot(w->m, s), BLOCK, (void *)(uintptr_t)s, 0);
	}
}

static void verify(const struct sweep *w, unsigned s)
{
	uint8_t want[BLOCK];

	fill(want, w->base + w->at[s], w->round);
	if (w->zeroes && w->at[s] >= BLOCKS - 16u) {
		memset(want, 0, BLOCK);
	}
	if (memcmp(want, slot(w->m, s), BLOCK) != 0) {
		fprintf(stderr, "block %u has wrong contents\n", w->base + w->at[s]);
		exit(1);
	}
}

/* All blocks in a scattered order, DEPTH at a time. */
static void sweep(struct sweep w)
{
	unsigned sent = 0, done = 0, s = 0;

	while (done < BLOCKS) {
		if (sent < BLOCKS && sent < done + DEPTH) {
			submit(&w, sent < DEPTH ? sent : s,
			       (sent * 1237u) % BLOCKS); /* no common factor */
			sent++;
			continue;
		}
		s = reap(w.q);
		if (!w.write) {
			verify(&w, s);
		}
		done++;
	}
}

int main(int argc, char **argv)
{
	int queues = argc > 2 ? atoi(argv[2]) : 1;
	struct blkio_mem_region m;
	struct blkio *b;
	uint64_t capacity;

	if (argc < 2) {
		fprintf(stderr, "usage: blkio_client SOCKET [QUEUES]\n");
		return 2;
	}
	CHECK(blkio_create("virtio-blk-vhost-user", &b));
	CHECK(blkio_set_str(b, "path", argv[1]));
	CHECK(blkio_connect(b));
	CHECK(blkio_set_int(b, "num-queues", queues));
	CHECK(blkio_start(b));
	CHECK(blkio_get_uint64(b, "capacity", &capacity));
	if (capacity < (uint64_t)queues * BLOCKS * BLOCK) {
		fprintf(stderr, "the device has only %llu bytes\n", (unsigned long long)capacity);
		return 1;
	}
	CHECK(blkio_alloc_mem_region(b, &m, (size_t)DEPTH * BLOCK));
	CHECK(blkio_map_mem_region(b, &m));
	for (int i = 0; i < queues; i++) {
		sweep((struct sweep){
			blkio_get_queue(b, i), &m, (uint32_t)i * BLOCKS, 1, true, false, { 0 } });
		flush(blkio_get_queue(b, i));
	}
	for (int i = 0; i < queues; i++) { /* what one queue wrote another one reads */
		struct blkioq *q = blkio_get_queue(b, (i + 1) % queues);
		uint64_t tail = ((uint64_t)i * BLOCKS + BLOCKS - 16u) * BLOCK;

		struct sweep w = { q, &m, (uint32_t)i * BLOCKS, 1, false, false, { 0 } };

		sweep(w);
		blkioq_write_zeroes(q, tail, 16u * BLOCK, (void *)(uintptr_t)0, 0);
		(void)reap(q);
		blkioq_discard(q, tail, 16u * BLOCK, (void *)(uintptr_t)0, 0);
		(void)reap(q);
		blkioq_write_zeroes(q, tail, 16u * BLOCK, (void *)(uintptr_t)0, 0);
		(void)reap(q);
		w.zeroes = true;
		sweep(w);
	}
	printf("%d queues, %u blocks each: written, read across queues, discarded, zeroed\n",
	       queues, BLOCKS);
	blkio_destroy(&b);
	return 0;
}
