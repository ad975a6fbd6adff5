/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * blkio_load.c - random reads through libblkio, a virtio-blk driver that is not ours, off a vhost-user back-end
 *
 * usage: blkio_load SOCKET PID BLOCK DEPTH SECONDS wait|poll bytes|null     built by tools/libblkio, run by libblkio.py
 *
 * PID is the back-end. After a tenth of a second that does not count it loads for SECONDS, takes back what is under way,
 * and prints an object: requests, ns, p50 and p99 of the latency; of the back-end, cpu (ns on a processor, all threads); wait: ns
 * that threads of both ends were ready to run and did not; together: of the looks, ten a second, the part that found
 * the back-end's busiest thread on this processor. These are what `stratos bench ab` measures (app/bench_cost.c).
 *
 * The status of every answer is checked. bytes: the disk is made of 00 01 .. ff over and over, and both ends of what was
 * read must be; null: the disk leaves buffers as they are.
 */
#define _GNU_SOURCE
#include "app/bench_hist.h"
#include <blkio.h>
#include <ctype.h>
#include <dirent.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DEEPEST 64u
#define ENDS	8u /* bytes that are looked at, of either end */
#define WARM_NS 100000000u
#define LOOK_NS 100000000u

#define CHECK(call)                                                                                \
	do {                                                                                       \
		int rc_ = (call);                                                                  \
		if (rc_ < 0) {                                                                     \
			fprintf(stderr, "%s: %s: %s\n", #call, strerror(-rc_),                     \
				blkio_get_error_msg());                                            \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)

struct load {
	struct blkio *b;
	struct blkioq *q;
	struct blkio_mem_region m;
	size_t block;
	unsigned depth;
	uint64_t blocks; /* of the disk */
	bool bytes;
	const char *pid; /* of the back-end */
	int thread;	 /* of it: the one that has run for longest */
	uint64_t random, sent[DEEPEST];
	unsigned looks, together;
	struct hist h;
};

struct cost {
	uint64_t cpu, wait; /* ns */
};

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* returns: ns on a processor */
static uint64_t schedstat(const char *path, struct cost *c)
{
	unsigned long long cpu = 0, wait = 0;
	FILE *f = fopen(path, "re");

	if (f && fscanf(f, "%llu %llu", &cpu, &wait) == 2) {
		c->wait += wait;
	}
	if (f) {
		fclose(f);
	}
	return cpu;
}

static struct cost cost(struct load *l)
{
	struct cost c = { 0, 0 };
	uint64_t most = 0, cpu;
	char path[300];
	struct dirent *e;
	DIR *d;

	(void)schedstat("/proc/thread-self/schedstat", &c);
	snprintf(path, sizeof(path), "/proc/%s/task", l->pid);
	d = opendir(path);
	while (d && (e = readdir(d))) {
		if (!isdigit((unsigned char)e->d_name[0])) {
			continue;
		}
		snprintf(path, sizeof(path), "/proc/%s/task/%.20s/schedstat", l->pid, e->d_name);
		cpu = schedstat(path, &c);
		c.cpu += cpu;
		if (cpu > most) {
			most = cpu;
			l->thread = atoi(e->d_name);
		}
	}
	if (d) {
		closedir(d);
	}
	return c;
}

/* Field 39 of stat is where it ran last; its name, field 2, may hold anything. */
static void look(struct load *l)
{
	char path[64], text[1024] = "", *p;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%s/task/%d/stat", l->pid, l->thread);
	f = fopen(path, "re");
	if (f) {
		text[fread(text, 1, sizeof(text) - 1u, f)] = '\0';
		fclose(f);
	}
	p = strrchr(text, ')');
	for (unsigned i = 0; p && i < 37u; i++) {
		p = strchr(p + 1, ' ');
	}
	if (p) {
		l->looks++;
		l->together += atoi(p + 1) == sched_getcpu();
	}
}

static uint8_t *slot(const struct load *l, unsigned i)
{
	return (uint8_t *)l->m.addr + i * l->block;
}

static void submit(struct load *l, unsigned i)
{
	uint64_t z = l->random += 0x9e3779b97f4a7c15u; /* splitmix64 */

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	z ^= z >> 31;
	if (l->bytes) {
		memset(slot(l, i), 0xee, ENDS);
		memset(slot(l, i) + l->block - ENDS, 0xee, ENDS);
	}
	l->sent[i] = now();
	blkioq_read(l->q, z % l->blocks * l->block, slot(l, i), l->block, (void *)(uintptr_t)i, 0);
}

static void check(const struct load *l, const struct blkio_completion *c, unsigned i)
{
	static const uint8_t first[ENDS] = { 0, 1, 2, 3, 4, 5, 6, 7 },
			     last[ENDS] = { 248, 249, 250, 251, 252, 253, 254, 255 };

	if (c->ret != 0) {
		fprintf(stderr, "a read failed: %s\n", strerror(-c->ret));
		exit(1);
	}
	if (l->bytes && (memcmp(slot(l, i), first, ENDS) != 0 ||
			 memcmp(slot(l, i) + l->block - ENDS, last, ENDS) != 0)) {
		fprintf(stderr, "a read brought other data than the disk's\n");
		exit(1);
	}
}

/* Keeps `depth` reads under way for ns, then takes all back. returns: ns until the last was */
static uint64_t run(struct load *l, uint64_t ns)
{
	struct blkio_completion c[DEEPEST];
	uint64_t begin = now(), t = begin, looked = begin;
	unsigned under_way = l->depth;

	memset(&l->h, 0, sizeof(l->h));
	l->looks = l->together = 0;
	for (unsigned i = 0; i < l->depth; i++) {
		submit(l, i);
	}
	while (under_way > 0u) {
		int n = blkioq_do_io(l->q, c, 1, (int)under_way, NULL);

		CHECK(n);
		t = now();
		for (int k = 0; k < n; k++) {
			unsigned i = (unsigned)(uintptr_t)c[k].user_data;

			check(l, &c[k], i);
			hist_add(&l->h, t - l->sent[i]);
			if (t - begin < ns) {
				submit(l, i);
			} else {
				under_way--;
			}
		}
		if (t - looked > LOOK_NS) {
			look(l);
			looked = t;
		}
	}
	return t - begin;
}

static void start(struct load *l, const char *path, bool poll)
{
	uint64_t capacity;

	CHECK(blkio_create("virtio-blk-vhost-user", &l->b));
	CHECK(blkio_set_str(l->b, "path", path));
	CHECK(blkio_connect(l->b));
	CHECK(blkio_set_int(l->b, "num-queues", poll ? 0 : 1));
	CHECK(blkio_set_int(l->b, "num-poll-queues", poll ? 1 : 0));
	CHECK(blkio_start(l->b));
	CHECK(blkio_get_uint64(l->b, "capacity", &capacity));
	CHECK(blkio_alloc_mem_region(l->b, &l->m, l->depth * l->block));
	CHECK(blkio_map_mem_region(l->b, &l->m));
	memset(l->m.addr, 0, l->m.len);
	l->q = poll ? blkio_get_poll_queue(l->b, 0) : blkio_get_queue(l->b, 0);
	l->blocks = capacity / l->block;
}

int main(int argc, char **argv)
{
	static struct load l;
	struct cost before, after;
	uint64_t ns;

	if (argc != 8 || (l.depth = (unsigned)atoi(argv[4])) == 0u || l.depth > DEEPEST ||
	    (l.block = strtoul(argv[3], NULL, 10)) == 0u || l.block % 512u != 0u) {
		fprintf(stderr,
			"usage: blkio_load SOCKET PID BLOCK DEPTH SECONDS wait|poll bytes|null\n");
		return 2;
	}
	l.pid = argv[2];
	l.bytes = strcmp(argv[7], "bytes") == 0;
	start(&l, argv[1], strcmp(argv[6], "poll") == 0);
	if (l.blocks == 0u) {
		fprintf(stderr, "the disk is less than a block\n");
		return 1;
	}
	run(&l, WARM_NS);
	before = cost(&l);
	ns = run(&l, (uint64_t)(atof(argv[5]) * 1e9));
	after = cost(&l);
	printf("{\"requests\": %llu, \"ns\": %llu, \"p50\": %llu, \"p99\": %llu, \"cpu\": %llu, "
	       "\"wait\": %llu, \"together\": %.3f}\n",
	       (unsigned long long)l.h.n, (unsigned long long)ns,
	       (unsigned long long)hist_at(&l.h, 0.5), (unsigned long long)hist_at(&l.h, 0.99),
	       (unsigned long long)(after.cpu - before.cpu),
	       (unsigned long long)(after.wait - before.wait),
	       l.looks ? (double)l.together / l.looks : 0.0);
	blkio_destroy(&l.b);
	return 0;
}
