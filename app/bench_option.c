/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_option.c - options of `stratos bench`, and what fits together */
#include "app/bench.h"
#include "app/command.h"
#include "app/spec.h"
#include "hosted/host_kind.h"
#include <stdlib.h>
#include <string.h>

static const char *const rw_names[] = { "read", "write", "randread", "randwrite", "mix" };

const char *bench_rw_name(enum bench_rw rw)
{
	return rw_names[rw];
}

#define SPIN_US 50u /* adaptive client */

struct option {
	const char *name, *meta, *help;
	/* returns: NULL, or what the value must be */
	const char *(*set)(struct bench_spec *s, const char *value);
};

/* A decimal number with a fraction and a unit of time: 2, 0.5, 250ms */
bool bench_duration(const char *text, uint64_t *ns)
{
	char *end;
	double v = strtod(text, &end), scale = 1e9;

	if (end == text || text[0] < '0' || text[0] > '9') {
		return false;
	}
	if (strcmp(end, "ms") == 0) {
		scale = 1e6;
	} else if (*end && strcmp(end, "s") != 0) {
		return false;
	}
	if (!(v * scale >= 1e6) || !(v * scale <= 864e11)) {
		return false;
	}
	*ns = (uint64_t)(v * scale);
	return true;
}

bool bench_count(const char *text, uint64_t min, uint64_t max, uint64_t *n)
{
	return host_size(text, n) && *n >= min && *n <= max;
}

static const char *set_attach(struct bench_spec *s, const char *v)
{
	s->attach = v;
	return *v ? NULL : "the path of a socket";
}

static const char *set_spawn(struct bench_spec *s, const char *v)
{
	s->spawn = v;
	return strstr(v, "{sock}") ? NULL : "a command with {sock} where the socket's path goes";
}

static const char *set_inside(struct bench_spec *s, const char *v)
{
	s->inside = v;
	return *v ? NULL : "a device as --device of stratos serve has it: blk,host=null:64M";
}

static const char *const memory_names[] = {
	[BENCH_FULL] = "full", [BENCH_WINDOW] = "window", [BENCH_BOUNCE] = "bounce"
};

const char *bench_memory_name(enum bench_memory m)
{
	return memory_names[m];
}

static const char *set_memory(struct bench_spec *s, const char *v)
{
	for (unsigned i = 0; i < sizeof(memory_names) / sizeof(memory_names[0]); i++) {
		if (strcmp(memory_names[i], v) == 0) {
			s->memory = (enum bench_memory)i;
			return NULL;
		}
	}
	return "full, window or bounce";
}

static const char *set_dev(struct bench_spec *s, const char *v)
{
	static char known[200] = "one of";

	for (unsigned i = 0; bench_classes[i]; i++) {
		if (strcmp(bench_classes[i]->name, v) == 0) {
			s->cls = bench_classes[i];
			return NULL;
		}
	}
	for (unsigned i = 0; bench_classes[i]; i++) {
		size_t at = strlen(known);

		snprintf(known + at, sizeof(known) - at, " %s", bench_classes[i]->name);
	}
	return known;
}

static const char *set_ring(struct bench_spec *s, const char *v)
{
	s->packed = strcmp(v, "packed") == 0;
	return s->packed || strcmp(v, "split") == 0 ? NULL : "split or packed";
}

static const char *set_client(struct bench_spec *s, const char *v)
{
	uint64_t us = SPIN_US;

	s->poll = strcmp(v, "poll") == 0;
	s->spin_ns = 0;
	if (strncmp(v, "adaptive", 8) == 0 && (v[8] == '\0' || v[8] == ':')) {
		if (v[8] == ':' && !bench_count(v + 9, 1, 1000000, &us)) {
			return "adaptive:N with 1 to 1000000 microseconds";
		}
		s->spin_ns = us * 1000u;
		return NULL;
	}
	return s->poll || strcmp(v, "wait") == 0 ? NULL : "wait, poll, adaptive or adaptive:US";
}

static const char *set_verify(struct bench_spec *s, const char *v)
{
	s->verify = strcmp(v, "data") == 0;
	return s->verify || strcmp(v, "status") == 0 ? NULL : "data or status";
}

static const char *set_rw(struct bench_spec *s, const char *v)
{
	for (unsigned i = 0; i < sizeof(rw_names) / sizeof(rw_names[0]); i++) {
		if (strcmp(rw_names[i], v) == 0) {
			s->rw = (enum bench_rw)i;
			return NULL;
		}
	}
	return "read, write, randread, randwrite or mix";
}

#define SWITCH(member)                                                                             \
	static const char *set_##member(struct bench_spec *s, const char *v)                       \
	{                                                                                          \
		return spec_bool(v, &s->member) ? NULL : "on or off";                              \
	}
SWITCH(event_idx)
SWITCH(indirect)
SWITCH(in_order)
SWITCH(prepare)
SWITCH(quiet)
SWITCH(callgrind)
SWITCH(syscalls)
SWITCH(floor)

#define NUMBER(member, type, min, max, text)                                                       \
	static const char *set_##member(struct bench_spec *s, const char *v)                       \
	{                                                                                          \
		uint64_t n;                                                                        \
                                                                                                   \
		if (!bench_count(v, min, max, &n)) {                                               \
			return text;                                                               \
		}                                                                                  \
		s->member = (type)n;                                                               \
		return NULL;                                                                       \
	}
NUMBER(queue_size, uint16_t, 2, 32768, "2 to 32768 entries")
NUMBER(depth, uint16_t, 1, 32768, "1 to 32768 requests")
NUMBER(queues, uint16_t, 1, BENCH_QUEUES, "1 to 64 queues")
NUMBER(regions, uint32_t, 1, VHF_REGIONS_MAX, "1 to 509 regions")
NUMBER(block_size, uint32_t, 1, 1u << 20, "1 to 1M bytes")
NUMBER(size, uint64_t, 512, 1ull << 50, "bytes, 512 and more")
NUMBER(count, uint64_t, 1, 1ull << 50, "1 and more requests")
NUMBER(rate, uint64_t, 1, 100000000, "1 to 100000000 requests a second")
NUMBER(rounds, uint16_t, 1, 32, "1 to 32 rounds")
NUMBER(seed, uint64_t, 0, UINT64_MAX, "a number")
NUMBER(address, uint32_t, 0, 1023, "0 to 1023")

static const char *set_time(struct bench_spec *s, const char *v)
{
	return bench_duration(v, &s->time_ns) ? NULL : "seconds, or milliseconds as 250ms";
}

static const char *set_warmup(struct bench_spec *s, const char *v)
{
	return bench_duration(v, &s->warmup_ns) ? NULL : "seconds, or milliseconds as 250ms";
}

static const char *set_stall(struct bench_spec *s, const char *v)
{
	return bench_duration(v, &s->stall_ns) ? NULL : "seconds, or milliseconds as 250ms";
}

static const char *set_plot(struct bench_spec *s, const char *v)
{
	s->plot = v;
	return *v ? NULL : "a file, to be written as SVG";
}

static const char *set_sweep(struct bench_spec *s, const char *v)
{
	s->sweep = v;
	return *v ? NULL : "NAME:VALUE,VALUE...";
}

static const char *set_json(struct bench_spec *s, const char *v)
{
	s->json = v;
	return NULL;
}

static const struct option options[] = {
	{ "attach", "SOCKET", "a vhost-user back-end that listens there", set_attach },
	{ "spawn", "'CMD {sock}'", "start this back-end, and end it afterwards", set_spawn },
	{ "in-process", "DEVICE",
	  "load a device of this process, as --device of serve: blk,host=null:64M", set_inside },
	{ "memory", "KIND", "its way to memory: full (default), window, bounce", set_memory },
	{ "dev", "CLASS", "class of the device, below", set_dev },
	{ "ring", "FORMAT", "split (default) or packed", set_ring },
	{ "queue-size", "N", "entries of a ring; default 256", set_queue_size },
	{ "depth", "N", "requests under way in each queue; default 32", set_depth },
	{ "queues", "N", "default 1; more for blk only", set_queues },
	{ "event-idx", NULL, "negotiate EVENT_IDX", set_event_idx },
	{ "indirect", NULL, "use indirect descriptors", set_indirect },
	{ "in-order", NULL, "negotiate IN_ORDER", set_in_order },
	{ "client", "HOW", "wait (default): sleep; poll: spin; adaptive[:US]: spin, then sleep",
	  set_client },
	{ "regions", "N", "memory regions, requests spread over them; default 1", set_regions },
	{ "block-size", "N", "bytes of a request; default by class", set_block_size },
	{ "rw", "HOW", "blk: randread (default), read, or, destroying data, randwrite, write, mix",
	  set_rw },
	{ "size", "N", "blk: bytes of the disk to use; default up to 64M", set_size },
	{ "prepare", NULL,
	  "blk: write all of it first, so that reads can be compared; rpmb: program a key, for "
	  "ever",
	  set_prepare },
	{ "verify", "WHAT", "data (default) or status: content is not compared, for null disks",
	  set_verify },
	{ "address", "N",
	  "which one: i2c target (default 80, 0x50), gpio line, rtc clock, spi chip select, scmi "
	  "clock and sensor, can identifier (default 291, 0x123), "
	  "rpmb block",
	  set_address },
	{ "time", "S", "duration of the load; default 3", set_time },
	{ "warmup", "S", "load that does not count, before; default none", set_warmup },
	{ "count", "N", "end after N requests instead", set_count },
	{ "rate", "N", "open loop: N requests a second, latency from the intended time", set_rate },
	{ "stall", "S", "nothing completed for so long is an error; default 5", set_stall },
	{ "seed", "N", "of data and of random places; default 1", set_seed },
	{ "floor", "on|off", "measure what the machine takes at least, after the load; default on",
	  set_floor },
	{ "callgrind", NULL, "count instructions a request as well, under valgrind; with --spawn",
	  set_callgrind },
	{ "syscalls", NULL, "count system calls a request as well, under strace; with --spawn",
	  set_syscalls },
	{ "json", "FILE", "write the result there too; without FILE: to stdout, without table",
	  set_json },
	{ "plot", "FILE", "draw the latencies, or the sweep, as SVG", set_plot },
	{ "sweep", "NAME:N,N...",
	  "load once for each value of depth, queues, queue-size, regions, "
	  "block-size, rate, or {NAME} in --spawn",
	  set_sweep },
	{ "rounds", "N", "of a sweep, up and down in turns; default 3", set_rounds },
	{ "quiet", NULL, "no progress line", set_quiet },
};

#define NOPTIONS (sizeof(options) / sizeof(options[0]))

void bench_help(FILE *out)
{
	fprintf(out,
		"usage: stratos bench --attach=SOCKET|--spawn='CMD {sock}'|--in-process=DEVICE "
		"--dev=CLASS [OPTION]...\n\nLoad a vhost-user back-end, or a device of this "
		"process, verify every completion, print "
		"speed and what it cost.\n`stratos bench ab` compares two of them; "
		"`stratos bench limits` measures this machine.\n\nOptions:\n");
	for (size_t i = 0; i < NOPTIONS; i++) {
		const struct option *o = &options[i];
		char left[64];

		snprintf(left, sizeof(left), "  --%s%s%s", o->name, o->meta ? "=" : "",
			 o->meta ? o->meta : "");
		fprintf(out, "%-26s %s\n", left, o->help);
	}
	fprintf(out, "\nClasses:\n");
	for (unsigned i = 0; bench_classes[i]; i++) {
		fprintf(out, "  %-8s %s; blocks of %u\n", bench_classes[i]->name,
			bench_classes[i]->about, bench_classes[i]->block_size);
	}
	fprintf(out, "\nExit codes: 0 all was verified, 1 the back-end failed, 2 wrong usage. "
		     "stratos-bench(1) says more.\n");
}

uint32_t bench_chain(const struct bench_spec *s)
{
	return s->cls->chain ? s->cls->chain : 3;
}

/* What does not fit together, or is missing. */
static int finish(struct bench_spec *s, bool sized, char err[256])
{
	const char *what = NULL;
	uint32_t most;
	char of[40];

	if ((s->attach != NULL) + (s->spawn != NULL) + (s->inside != NULL) != 1) {
		what = "one of --attach=SOCKET, --spawn='CMD {sock}' and --in-process=DEVICE is "
		       "needed";
	} else if (!s->inside && s->memory != BENCH_FULL) {
		what = "--memory: a back-end chooses it itself; with --in-process only";
	} else if (s->memory == BENCH_WINDOW && s->regions != 1) {
		what = "--memory=window: a window is one region";
	} else if (!s->cls) {
		what = "--dev=CLASS is needed: a back-end does not say what it is";
	} else if (!s->packed && (s->queue_size & (s->queue_size - 1u)) != 0) {
		what = "--queue-size: a split ring has 2, 4, 8, ... 32768 entries";
	} else if (s->queues > 1 && s->cls != &bench_blk) {
		what = "--queues: only blk has queues that are alike";
	} else if (s->cls == &bench_blk && sized && s->block_size % 512u != 0) {
		what = "--block-size: blk has sectors of 512 bytes";
	} else if (!s->spawn && (s->callgrind || s->syscalls)) {
		what = "--callgrind, --syscalls: the back-end is started under a tool: --spawn";
	} else if (!s->cls->writes && !s->cls->prepares && s->prepare) {
		what = "--prepare: this class has nothing to write";
	}
	if (what) {
		snprintf(err, 256, "%s", what);
		return -1;
	}
	s->block_size = sized ? s->block_size : s->cls->block_size;
	if (s->cls->block_size == s->cls->block_max && s->block_size != s->cls->block_max) {
		snprintf(err, 256, "--block-size: requests of %s have %u, always", s->cls->name,
			 s->cls->block_max);
		return -1;
	}
	if (s->block_size > s->cls->block_max) {
		snprintf(err, 256, "--block-size: %s takes at most %u", s->cls->name,
			 s->cls->block_max);
		return -1;
	}
	most = s->queue_size;
	most = s->indirect ? most : most / bench_chain(s);
	if (s->depth > most) {
		snprintf(of, sizeof(of), " of up to %u descriptors", bench_chain(s));
		snprintf(err, 256,
			 "--depth: a ring of %u has room for %u requests%s; raise --queue-size",
			 s->queue_size, most, s->indirect ? "" : of);
		return -1;
	}
	return 0;
}

static int one(struct bench_spec *s, const char *name, const char *value, char err[256])
{
	for (size_t i = 0; i < NOPTIONS; i++) {
		if (strcmp(options[i].name, name) != 0) {
			continue;
		}
		if (option_lacks(name, options[i].meta, options[i].help, value, err)) {
			return -1;
		}
		return option_end(name, value, options[i].set(s, value ? value : ""), err);
	}
	snprintf(err, 256, "--%s is not an option", name);
	return -1;
}

int bench_options(int argc, char **argv, struct bench_spec *s, char err[256])
{
	bool sized = false;

	*s = (struct bench_spec){ .rw = BENCH_RANDREAD,
				  .queue_size = 256,
				  .depth = 32,
				  .queues = 1,
				  .regions = 1,
				  .verify = true,
				  .floor = true,
				  .read_back = true,
				  .rounds = 3,
				  .address = UINT32_MAX,
				  .time_ns = 3000000000u,
				  .stall_ns = 5000000000u,
				  .seed = 1 };
	for (int i = 1; i < argc;) {
		char name[64];
		const char *value;

		if (!command_option(argc, argv, &i, name, &value)) {
			snprintf(err, 256,
				 "'%.80s' is not an option; options look like --name=value",
				 argv[i]);
			return -1;
		}
		if (strcmp(name, "help") == 0) {
			bench_help(stdout);
			return 1;
		}
		if (one(s, name, value, err)) {
			return -1;
		}
		sized = sized || strcmp(name, "block-size") == 0;
	}
	return finish(s, sized, err);
}
