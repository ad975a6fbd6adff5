/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench.h - `stratos bench`: a driver that loads a vhost-user back-end, verifies each completion and counts what it cost
 *
 * Files: bench.c the command; bench_option.c its options; bench_target.c set-up of the device, by the ways
 * of bench_way.h: bench_socket.c attach and spawn, bench_inside.c a device of this process; bench_run.c the load;
 * bench_ask.c single requests besides; bench_stall.c what a standstill means; bench_rng.c, bench_blk.c, ... one class each;
 * bench_cost.c what the back-end used; bench_report.c, bench_json.c the result; bench_hist.c. Two of them compared:
 * bench_ab.h; at several values: bench_sweep.h. What the machine allows: bench_limit.h. Instructions and system calls: bench_count.h.
 */
#ifndef APP_BENCH_H
#define APP_BENCH_H

#include "app/bench_hist.h"
#include "app/target.h"
#include "port/vhost_user/front.h"
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define BENCH_CHAIN  4u	  /* descriptors of the longest request of any class */
#define BENCH_ERRORS 5u	  /* texts that are kept; all are counted */
#define BENCH_TEXT   200u /* bytes of one */
#define BENCH_QUEUES 64u

enum bench_rw { BENCH_READ, BENCH_WRITE, BENCH_RANDREAD, BENCH_RANDWRITE, BENCH_MIX };
enum bench_memory { BENCH_FULL, BENCH_WINDOW, BENCH_BOUNCE };
enum bench_phase { BENCH_PREPARE, BENCH_MEASURE, BENCH_READ_BACK };

/* What was asked for. Strings point into argv. */
struct bench_spec {
	const struct bench_class *cls;
	const char *attach, *spawn, *inside; /* one of them: bench_way.h; others NULL */
	const char *json;		     /* NULL none, "" to standard output */
	const char *plot, *sweep;	     /* a file, SVG; NAME:VALUE,... ; NULL: none */
	uint16_t rounds;		     /* of a sweep */
	bool packed, event_idx, indirect, in_order, poll, prepare, verify, quiet, floor;
	bool callgrind, syscalls; /* count these too, in runs of their own */
	enum bench_memory memory; /* of a device of this process */
	bool read_back;		  /* blk: read what was written, after the load */
	enum bench_rw rw;
	uint16_t queue_size, depth, queues;
	uint32_t regions, block_size, address;
	uint64_t size;	    /* bytes of the disk to use; 0: up to 64 MiB */
	uint64_t time_ns;   /* of the load, when count is 0 */
	uint64_t warmup_ns; /* load before it that does not count; 0: none */
	uint64_t count;	    /* requests */
	uint64_t rate;	    /* requests a second, open loop; 0: closed loop */
	uint64_t stall_ns;  /* nothing completed for so long: it stands still */
	uint64_t seed;
	uint64_t spin_ns; /* adaptive client: how long it spins before it sleeps; 0: not at all */
};

/* One request slot: shared memory, and what the answer must look like. */
struct bench_req {
	struct vio_dma head, data, tail, table;
	struct vio_dma b[BENCH_CHAIN];
	uint16_t n_out, n_in;
	bool busy, write;
	uint64_t k;	   /* number of the request */
	uint64_t block;	   /* blk: which one */
	uint64_t begin_ns; /* sent; in open loop: when it was meant to be sent */
};

struct bench_queue {
	struct vio_dvq q;
	struct vio_dvq_slot *slot;
	struct vio_dma ring;
	struct bench_req *req, **free; /* depth of them */
	uint32_t nfree;
	uint16_t vq;
	uint64_t sent, done;
};

/* Read from /proc; what could not be read is 0 and `known` false. */
struct bench_cost {
	bool known, memory_known;
	uint64_t cpu_ns, switches, preempted, minor_faults, major_faults;
	uint64_t wait_ns; /* ready to run, but not running; summed over threads */
	uint64_t threads, rss, pss, private_dirty; /* rss and on: bytes */
	uint64_t client_cpu_ns, client_wait_ns;
	uint64_t machine_ticks,
		stolen_ticks; /* of all processors: passed, and taken by the hypervisor */
};

/* An operation of this machine that bounds a load; bench_limit.h */
struct floor {
	const char *of;	  /* "cpu" or "p50" */
	char what[160];	  /* the operation */
	double least, ns; /* least and median */
	double times;	  /* the result, in floors */
};

#define FLOORS 2

/* What a tool counts of a spawned back-end: bench_count.h */
enum count_what { COUNT_INSTRUCTIONS, COUNT_CALLS, COUNTS };

#define COUNT_NAMES 128u

/* Two runs, of N and of 3 N requests */
struct counted {
	bool known;
	uint64_t requests[2], total[2];
	double kicks[2]; /* a request */
	struct count_name {
		char name[64];
		uint64_t calls[2];
	} name[COUNT_NAMES]; /* system calls only */
	unsigned names;
};

struct bench_result {
	struct hist hist; /* ns */
	uint64_t ns;	  /* from the first request to the last completion */
	uint64_t bytes, errors, kicks, calls, late_calls;
	uint32_t places, together; /* looks at where both ends run; both on one processor */
	char error[BENCH_ERRORS][BENCH_TEXT];
	char fatal[BENCH_TEXT * 3]; /* why it ended early; "" */
	struct bench_cost begin, end;
	struct floor floor[FLOORS];
	unsigned floors;
	struct counted counted[COUNTS];
	uint64_t ready_ns; /* spawned: from start to the first answer */
};

struct bench {
	struct bench_spec spec;
	const struct bench_way *way; /* to the device */
	void *to;		     /* what way->bus takes */
	struct vhf *f;		     /* vhost-user's; NULL: another way */
	pid_t thread;		     /* the back-end's busiest, 0 unknown */
	pid_t pid;		     /* the back-end's, 0 unknown */
	struct target target;	     /* spawned */
	uint64_t offered, features;
	struct bench_queue *queue;  /* spec.queues */
	struct bench_queue control; /* the class's control queue, one request; not loaded */
	enum bench_phase phase;
	uint64_t sent, done;
	uint64_t span;	  /* bytes of the disk that the load is about; 0: the class has none */
	uint64_t at;	  /* the class's: next in sequence, 0 when a phase begins */
	uint64_t last_ns; /* of the last completion */
	uint64_t random;
	void *own; /* the class's */
	/* this run is counted: what, where the result goes, which of the two runs it is, whether there was one */
	struct counted *counted;
	enum count_what counting;
	unsigned counted_run;
	bool counted_ok;
	struct bench_result result;
};

/*
 * A device class as load. open: look at the configuration, allocate `own`; ready: the device is live, ask it what the
 * load must know (bench_ask). Then, for each request: next chooses what and where, false: nothing (left) to do in this
 * phase; build fills r->b; check looks at the answer. Failed checks are told by bench_wrong.
 */
struct bench_class {
	const char *name, *about;
	uint64_t want; /* feature bits of the class, taken when offered */
	uint16_t first_vq;
	uint16_t control_vq; /* what `ready` asks is sent there: b->control; 0: there is none */
	uint32_t block_size, block_max; /* bytes: default, most */
	uint16_t chain;			/* descriptors of its longest request; 0: 3 */
	uint16_t blocks;		/* in the data buffer of a request; 0: 1 */
	bool (*next)(struct bench *b, struct bench_req *r); /* NULL: always, in the load */
	void (*build)(struct bench *b, struct bench_req *r);
	void (*check)(struct bench *b, struct bench_req *r, uint32_t len);
	int (*open)(struct bench *b, char err[256]); /* 0 | -1; may be NULL, as ready and close */
	int (*ready)(struct bench *b, char err[256]);
	void (*close)(struct bench *b);
	bool writes;   /* --rw and --prepare mean something */
	bool prepares; /* --prepare does, to `ready` */
};

extern const struct bench_class *const bench_classes[]; /* closed by NULL */
extern const struct bench_class bench_rng, bench_blk, bench_i2c, bench_gpio, bench_console,
	bench_rtc, bench_scmi, bench_spi, bench_can, bench_rpmb, bench_watchdog;

/* bench.c: SIGINT and SIGTERM end the load; a second one ends the program */
void bench_signals(void);

/* bench_option.c: 0 | -1 and err | 1 --help was printed */
int bench_options(int argc, char **argv, struct bench_spec *s, char err[256]);
void bench_help(FILE *out);
uint32_t bench_chain(const struct bench_spec *s); /* descriptors of the longest request */
/* bench_duration - "2", "0.5", "250ms"; bench_count - "10", "64K"; returns: false when it is none, or not in range */
bool bench_duration(const char *text, uint64_t *ns);
bool bench_count(const char *text, uint64_t min, uint64_t max, uint64_t *n);
const char *bench_memory_name(enum bench_memory m);
const char *bench_rw_name(enum bench_rw rw);

/* bench_target.c: 0 | -1 and err */
int bench_open(struct bench *b, char err[256]);
void bench_close(struct bench *b);

/* bench_run.c */
void bench_run(struct bench *b);
void bench_stop(void); /* from a signal handler */
bool bench_stopped(void);
void bench_wrong(struct bench *b, const struct bench_req *r, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void bench_fatal(struct bench *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
uint64_t bench_now(void); /* ns, monotonic */
uint64_t bench_random(uint64_t *state);

/* bench_add - as vio_dvq_add, as the load was asked to. bench_ask.c */
int bench_add(struct bench *b, struct bench_queue *q, struct bench_req *r);
/*
 * bench_ask - one request, before or after the load: r is built, and what it has of shared memory is free for it, as a
 * q->req[] is then. len: bytes that were written. what: of the request, in err. returns: 0 | -1 and err
 */
int bench_ask(struct bench *b, struct bench_queue *q, struct bench_req *r, const char *what,
	      uint32_t *len, char err[256]);

/* bench_config - the first `len` bytes of the configuration of the device, which is a `what`; returns: 0 | -1 and err */
int bench_config(struct bench *b, const char *what, void *to, uint32_t len, char err[256]);

/* bench_stall.c */
void bench_stalled(struct bench *b, uint64_t silent_ns);
void bench_broken(struct bench *b, const struct bench_queue *q);

/* bench_cost.c */
void bench_cost_read(struct bench *b, struct bench_cost *c);
void bench_place(struct bench *b); /* look where both ends run */

/* bench_report.c, bench_json.c */
void bench_title(FILE *out, const struct bench_spec *s); /* one line */
void bench_report(FILE *out, const struct bench *b);
void bench_json(FILE *out, const struct bench *b);

#endif
