/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench_limit.h - what the machine itself takes: system calls, wake-ups, copies, reads; and which of it bounds a load
 *
 * Files: bench_limit.c, bench_limit_ping.c the probes; bench_limits.c `stratos bench limits`; bench_floor.c the floor
 * of a result.
 */
#ifndef APP_BENCH_LIMIT_H
#define APP_BENCH_LIMIT_H

#include "app/bench.h"

enum limit_id {
	LIMIT_SYSCALL,	  /* getppid */
	LIMIT_WRITE,	  /* eventfd, nobody waits */
	LIMIT_READ,	  /* eventfd, there is something */
	LIMIT_PING_SAME,  /* eventfd there and back, two threads on one processor */
	LIMIT_PING_OTHER, /* the same, on two */
	LIMIT_SPIN,   /* a word of memory there and back, two threads that spin on two processors */
	LIMIT_COPY,   /* memcpy */
	LIMIT_RANDOM, /* getrandom */
	LIMIT_PREAD,  /* of a file in the page cache */
	LIMIT_NOP,    /* io_uring */
	LIMIT_URING,  /* io_uring read of a file in the page cache */
	LIMIT_IDS
};

#define LIMIT_BYTES 1048576u /* most of a probe */
#define LIMIT_BATCH 32u
#define LIMIT_SPAN  (UINT64_C(256) << 20) /* bytes */

/* One probe. Set id, bytes and batch, the rest 0. */
struct limit {
	enum limit_id id;
	uint32_t bytes; /* of COPY, RANDOM, PREAD, URING */
	uint32_t
		batch; /* of NOP and URING: so many are submitted and waited for at once; 1 .. LIMIT_BATCH */
	uint64_t
		span; /* of PREAD, URING: bytes of the file, at most LIMIT_SPAN; 0: 2 LIMIT_BYTES */
	bool random;  /* of them: reads anywhere in it, and not one behind the other */
	char name[120];
	const char *none; /* why it cannot be measured here, or NULL */
	uint64_t n;	  /* operations a round */
	int fd;
	int cpu[2]; /* of the two ends; first: also of what has one end */
	uint64_t seed;
	uint8_t *from, *to; /* to: URING has a buffer for each of the batch, others one */
	void *ring;
	unsigned rounds;
	double least, ns[64]; /* of one operation */
};

#define LIMIT_ROUNDS (sizeof(((struct limit *)0)->ns) / sizeof(double))

/* limit_open - l->none is set when it cannot be; limit_close - of any that was opened */
void limit_open(struct limit *l);
void limit_close(struct limit *l);
/* limit_round - measure for about so long; does nothing when l->none is set */
void limit_round(struct limit *l, uint64_t ns);
double limit_median(const struct limit *l); /* ns, 0: none */
/* limit_all - open n, `rounds` of all in turns, close */
void limit_all(struct limit *l, unsigned n, unsigned rounds, uint64_t ns);

/* bench_limit_ping.c: n round trips. returns: ns they took, 0: it failed, l->none is set */
uint64_t limit_ping(struct limit *l, uint64_t n);

/* ---- the floor of a result ---- */

struct floor_in {
	const struct bench_spec *spec;
	double kicks, calls; /* a request; calls: not a number, not known */
	double together;     /* part of the looks that saw both ends on one processor */
	double cpu, p50;     /* ns; not a number: not known */
	uint64_t span;	     /* bytes of the disk in use; 0: none, or not known */
	uint32_t
		bytes; /* that a request moved on average; 0: not known, as many as were asked for */
};

/* bench_floor - measures for some 30 ms, of disks 200 ms; returns: how many bind this load, 0 .. FLOORS */
unsigned bench_floor(const struct floor_in *in, struct floor out[FLOORS]);
uint32_t bench_mean_bytes(const struct bench *b); /* a request */
void bench_floor_of(const struct bench *b, struct floor_in *in);
void bench_floor_line(FILE *out, const char *left, const struct floor *f);

/* bench_limits.c: the sub-command; argv[0] is "limits". returns: an exit code */
int bench_limits(int argc, char **argv);

#endif
