/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench_limit.c - probes of the machine: how long one operation takes, in rounds that others have their turn between
 *
 * A round repeats the operation for some milliseconds; how often is found out once. Each probe returns the time of n
 * operations, so that what it must do before and after is not in it: the thread's processor time, or, of what goes
 * there and back between two threads, time that passed. A single round says little on a machine that others use; the
 * least of many is the floor.
 */
#include "app/bench_limit.h"
#include "app/bench_stat.h"
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#if HAVE_LIBURING
#include <liburing.h>
#endif

#define GUESS_NS 500000u
#define MOST	 (1u << 30) /* operations a round */

struct probe {
	const char *name, *where; /* "pread" " of 4096 bytes" ", page cache" */
	bool two;		  /* two processors are needed */
	bool sized, batched, file, ring, memory, event;
	uint64_t (*run)(struct limit *l, uint64_t n); /* ns of n; 0: failed */
};

/* ns that this thread was on a processor: what others take is not the operation's */
static uint64_t processor_now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t run_syscall(struct limit *l, uint64_t n)
{
	uint64_t begin = processor_now();

	(void)l;
	for (uint64_t i = 0; i < n; i++) {
		(void)syscall(SYS_getppid);
	}
	return processor_now() - begin;
}

static uint64_t run_write(struct limit *l, uint64_t n)
{
	uint64_t begin = processor_now(), one = 1;

	for (uint64_t i = 0; i < n; i++) {
		if (write(l->fd, &one, sizeof(one)) != sizeof(one)) {
			return 0;
		}
	}
	return processor_now() - begin;
}

static uint64_t run_read(struct limit *l, uint64_t n)
{
	uint64_t begin, v = n;

	if (write(l->fd, &v, sizeof(v)) != sizeof(v)) {
		return 0;
	}
	begin = processor_now();
	for (uint64_t i = 0; i < n; i++) { /* a semaphore: each takes one */
		if (read(l->fd, &v, sizeof(v)) != sizeof(v)) {
			return 0;
		}
	}
	return processor_now() - begin;
}

static uint64_t run_copy(struct limit *l, uint64_t n)
{
	uint64_t begin = processor_now();

	for (uint64_t i = 0; i < n; i++) {
		memcpy(l->to, l->from, l->bytes);
		__asm__ volatile("" : : "r"(l->to), "r"(l->from) : "memory");
	}
	return processor_now() - begin;
}

static uint64_t run_random(struct limit *l, uint64_t n)
{
	uint64_t begin = processor_now();

	for (uint64_t i = 0; i < n; i++) {
		if (getrandom(l->to, l->bytes, 0) < 0) {
			return 0;
		}
	}
	return processor_now() - begin;
}

static uint64_t span_of(const struct limit *l)
{
	uint64_t n = l->span ? l->span : 2u * LIMIT_BYTES;

	n = n < LIMIT_SPAN ? n : LIMIT_SPAN;
	return n < l->bytes ? l->bytes : n;
}

static off_t place(struct limit *l, uint64_t i)
{
	uint64_t k = l->random ? bench_random(&l->seed) : i;

	return (off_t)(k % (span_of(l) / l->bytes) * l->bytes);
}

static uint64_t run_pread(struct limit *l, uint64_t n)
{
	uint64_t begin = processor_now();

	for (uint64_t i = 0; i < n; i++) {
		if (pread(l->fd, l->to, l->bytes, place(l, i)) != (ssize_t)l->bytes) {
			return 0;
		}
	}
	return processor_now() - begin;
}

#if HAVE_LIBURING
static bool ring_open(struct limit *l)
{
	l->ring = calloc(1, sizeof(struct io_uring));
	if (l->ring && io_uring_queue_init(LIMIT_BATCH, l->ring, 0) == 0) {
		return true;
	}
	free(l->ring);
	l->ring = NULL;
	return false;
}

static void ring_close(struct limit *l)
{
	if (l->ring) {
		io_uring_queue_exit(l->ring);
		free(l->ring);
	}
}

static uint64_t run_ring(struct limit *l, uint64_t n)
{
	struct io_uring_cqe *cqe[LIMIT_BATCH];
	uint64_t begin = processor_now();
	bool ok = true;

	for (uint64_t i = 0; ok && i < n; i += l->batch) { /* n: a multiple of the batch */
		for (unsigned k = 0; k < l->batch; k++) {
			struct io_uring_sqe *sqe = io_uring_get_sqe(l->ring);

			if (l->id == LIMIT_NOP) {
				io_uring_prep_nop(sqe);
			} else {
				io_uring_prep_read(sqe, l->fd, l->to + (size_t)k * l->bytes,
						   l->bytes, (uint64_t)place(l, i + k));
			}
		}
		ok = io_uring_submit_and_wait(l->ring, l->batch) == (int)l->batch &&
		     io_uring_peek_batch_cqe(l->ring, cqe, l->batch) == l->batch;
		for (unsigned k = 0; ok && k < l->batch; k++) {
			ok = cqe[k]->res == (l->id == LIMIT_NOP ? 0 : (int)l->bytes);
		}
		io_uring_cq_advance(l->ring, ok ? l->batch : 0);
	}
	return ok ? processor_now() - begin : 0;
}
#else
static bool ring_open(struct limit *l)
{
	(void)l;
	return false;
}

static void ring_close(struct limit *l)
{
	(void)l;
}

static uint64_t run_ring(struct limit *l, uint64_t n)
{
	(void)l;
	(void)n;
	return 0;
}
#endif

static const struct probe probes[LIMIT_IDS] = {
	[LIMIT_SYSCALL] = { .name = "system call (getppid)", .run = run_syscall },
	[LIMIT_WRITE] = { .name = "eventfd write", .event = true, .run = run_write },
	[LIMIT_READ] = { .name = "eventfd read", .event = true, .run = run_read },
	[LIMIT_PING_SAME] = { .name = "eventfd there and back, one processor", .run = limit_ping },
	[LIMIT_PING_OTHER] = { .name = "eventfd there and back, two processors",
			       .two = true,
			       .run = limit_ping },
	[LIMIT_SPIN] = { .name = "spinning there and back, two processors",
			 .two = true,
			 .run = limit_ping },
	[LIMIT_COPY] = { .name = "memcpy", .sized = true, .memory = true, .run = run_copy },
	[LIMIT_RANDOM] = { .name = "getrandom", .sized = true, .memory = true, .run = run_random },
	[LIMIT_PREAD] = { .name = "pread",
			  .where = ", page cache",
			  .sized = true,
			  .memory = true,
			  .file = true,
			  .run = run_pread },
	[LIMIT_NOP] = { .name = "io_uring nop", .batched = true, .ring = true, .run = run_ring },
	[LIMIT_URING] = { .name = "io_uring read",
			  .where = ", page cache",
			  .sized = true,
			  .batched = true,
			  .ring = true,
			  .memory = true,
			  .file = true,
			  .run = run_ring },
};

/* A file without a name in TMPDIR, in the page cache because it was just written */
static int file_open(const struct limit *l)
{
	const char *tmp = getenv("TMPDIR");
	char path[300];
	int fd;

	snprintf(path, sizeof(path), "%.200s/stratos-limit-XXXXXX", tmp && *tmp ? tmp : "/tmp");
	fd = mkstemp(path);
	if (fd >= 0) {
		(void)unlink(path);
		for (uint64_t n = 0; n < span_of(l); n += LIMIT_BYTES) {
			if (write(fd, l->from, LIMIT_BYTES) != (ssize_t)LIMIT_BYTES) {
				close(fd);
				return -1;
			}
		}
	}
	return fd;
}

/* The first processors that we may use; returns: how many, at most 2 */
static unsigned processors(int cpu[2])
{
	cpu_set_t set;
	unsigned n = 0;

	CPU_ZERO(&set);
	if (sched_getaffinity(0, sizeof(set), &set) != 0) {
		return 0;
	}
	for (unsigned i = 0; i < CPU_SETSIZE && n < 2; i++) {
		if (CPU_ISSET(i, &set)) {
			cpu[n++] = (int)i;
		}
	}
	return n;
}

static void name_of(struct limit *l)
{
	const struct probe *p = &probes[l->id];
	char size[32] = "", batch[32] = "", span[48] = "";

	if (p->sized) {
		snprintf(size, sizeof(size), " of %u bytes", l->bytes);
	}
	if (p->batched) {
		snprintf(batch, sizeof(batch), ", %u at once", l->batch);
	}
	if (p->file && l->span > 0) {
		snprintf(span, sizeof(span), ", %s %.1f MiB", l->random ? "anywhere in" : "through",
			 (double)span_of(l) / 1048576.0);
	}
	snprintf(l->name, sizeof(l->name), "%s%s%s%s%s", p->name, size, p->where ? p->where : "",
		 batch, span);
}

static const char *get_ready(struct limit *l, const struct probe *p)
{
	unsigned n = processors(l->cpu);
	size_t to;

	if (n < (p->two ? 2u : 1u)) {
		return "this process may use one processor only";
	}
	l->cpu[1] = p->two ? l->cpu[1] : l->cpu[0];
	if (p->memory) {
		l->from = aligned_alloc(4096, LIMIT_BYTES);
		to = p->ring ? ((size_t)l->bytes * l->batch + 4095u) & ~(size_t)4095u : LIMIT_BYTES;
		l->to = aligned_alloc(4096, to);
		if (!l->from || !l->to) {
			return "no memory";
		}
		memset(l->from, 0x5a, LIMIT_BYTES);
		memset(l->to, 0xa5, to);
	}
	if (p->event || p->file) {
		l->fd = p->file ? file_open(l) : eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE);
		if (l->fd < 0) {
			return p->file ? "no file in TMPDIR" : "no eventfd";
		}
	}
	return p->ring && !ring_open(l) ? "no io_uring here" : NULL;
}

void limit_open(struct limit *l)
{
	l->fd = -1;
	name_of(l);
	l->none = get_ready(l, &probes[l->id]);
}

void limit_close(struct limit *l)
{
	ring_close(l);
	if (l->fd >= 0) {
		close(l->fd);
	}
	free(l->from);
	free(l->to);
	l->ring = NULL;
	l->from = l->to = NULL;
	l->fd = -1;
}

/* How many operations take about so long: twice as many until it can be told */
static uint64_t count_for(struct limit *l, uint64_t ns)
{
	uint64_t step = probes[l->id].batched ? l->batch : 1u, n = step, took = 0;

	while (!l->none && took < GUESS_NS && n < 1u << 24) {
		n *= 2u;
		took = probes[l->id].run(l, n);
		if (took == 0) {
			l->none = l->none ? l->none : "it failed";
		}
	}
	n = (uint64_t)((double)n * (double)ns / (double)(took ? took : 1u));
	n = n > MOST ? MOST : n;
	return n < step ? step : n / step * step;
}

void limit_round(struct limit *l, uint64_t ns)
{
	uint64_t took;
	double each;

	if (!l->none && l->n == 0) {
		l->n = count_for(l, ns);
	}
	if (l->none || l->rounds >= LIMIT_ROUNDS) {
		return;
	}
	took = probes[l->id].run(l, l->n);
	if (took == 0) {
		l->none = l->none ? l->none : "it failed";
		return;
	}
	each = (double)took / (double)l->n;
	l->least = l->rounds == 0 || each < l->least ? each : l->least;
	l->ns[l->rounds++] = each;
}

double limit_median(const struct limit *l)
{
	return l->none ? 0.0 : stat_median(l->ns, l->rounds);
}

void limit_all(struct limit *l, unsigned n, unsigned rounds, uint64_t ns)
{
	for (unsigned i = 0; i < n; i++) {
		limit_open(&l[i]);
	}
	for (unsigned r = 0; r < rounds; r++) {
		for (unsigned i = 0; i < n; i++) {
			limit_round(&l[i], ns);
		}
	}
	for (unsigned i = 0; i < n; i++) {
		limit_close(&l[i]);
	}
}
