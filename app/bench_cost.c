/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_cost.c - what the back-end's process has used so far, and where it runs; source: proc(5), Linux's sched-stats.rst */
#include "app/bench_way.h"
#include <ctype.h>
#include <dirent.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static bool slurp(const char *path, char *text, size_t size)
{
	FILE *f = fopen(path, "re");
	size_t n = f ? fread(text, 1, size - 1u, f) : 0;

	text[n] = '\0';
	if (f) {
		fclose(f);
	}
	return n > 0;
}

/* The number behind `key` at the begin of a line; 0 when there is none */
static uint64_t field(const char *text, const char *key)
{
	size_t len = strlen(key);

	for (const char *p = text; p && *p; p = strchr(p, '\n')) {
		p += *p == '\n';
		if (strncmp(p, key, len) == 0) {
			return strtoull(p + len, NULL, 10);
		}
	}
	return 0;
}

/* "ns on a processor, ns waiting for one, slices"; returns: the first */
static uint64_t schedstat(const char *path, uint64_t *wait)
{
	char text[128], *end = text;
	uint64_t cpu;

	if (!slurp(path, text, sizeof(text))) {
		return 0;
	}
	cpu = strtoull(text, &end, 10);
	*wait += strtoull(end, NULL, 10);
	return cpu;
}

/* returns: its time on a processor */
static uint64_t one_thread(const char *task, const char *tid, struct bench_cost *c)
{
	char path[600], text[4096];
	uint64_t cpu;

	snprintf(path, sizeof(path), "%s/%s/schedstat", task, tid);
	cpu = schedstat(path, &c->wait_ns);
	c->cpu_ns += cpu;
	c->known = c->known || cpu > 0;
	snprintf(path, sizeof(path), "%s/%s/status", task, tid);
	if (slurp(path, text, sizeof(text))) {
		c->switches += field(text, "voluntary_ctxt_switches:");
		c->preempted += field(text, "nonvoluntary_ctxt_switches:");
	}
	c->threads++;
	return cpu;
}

/* Fields 10 and 12 of stat; the name, field 2, may hold anything, so count from its end */
static void faults(const char *text, struct bench_cost *c)
{
	const char *p = strrchr(text, ')');
	unsigned long long minor = 0, major = 0;

	if (p && sscanf(p + 1, " %*c %*d %*d %*d %*d %*d %*u %llu %*u %llu", &minor, &major) == 2) {
		c->minor_faults = minor;
		c->major_faults = major;
	}
}

/* The first line of /proc/stat: "cpu", then user nice system idle iowait irq softirq steal */
static void machine(struct bench_cost *c)
{
	char text[256], *p = text;

	if (!slurp("/proc/stat", text, sizeof(text)) || strncmp(text, "cpu ", 4) != 0) {
		return;
	}
	p += 4;
	for (unsigned i = 0; i < 8; i++) {
		c->stolen_ticks = strtoull(p, &p, 10);
		c->machine_ticks += c->stolen_ticks;
	}
}

/* Field 39 of stat: where it ran last */
static int processor_of(pid_t pid, pid_t tid)
{
	char path[64], text[1024], *p;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", (int)pid, (int)tid);
	if (!slurp(path, text, sizeof(text)) || !(p = strrchr(text, ')'))) {
		return -1;
	}
	for (unsigned i = 0; p && i < 37; i++) {
		p = strchr(p + 1, ' ');
	}
	return p ? atoi(p + 1) : -1;
}

void bench_place(struct bench *b)
{
	int there = b->thread > 0 ? processor_of(b->pid, b->thread) : -1;

	if (there >= 0) {
		b->result.places++;
		b->result.together += sched_getcpu() == there ? 1u : 0u;
	}
}

void bench_cost_read(struct bench *b, struct bench_cost *c)
{
	struct rusage me;
	char path[300], text[4096];
	uint64_t most = 0;
	struct dirent *e;
	DIR *d;

	memset(c, 0, sizeof(*c));
	machine(c);
	(void)schedstat("/proc/thread-self/schedstat", &c->client_wait_ns);
	if (getrusage(RUSAGE_SELF, &me) == 0) {
		c->client_cpu_ns =
			(uint64_t)(me.ru_utime.tv_sec + me.ru_stime.tv_sec) * 1000000000u +
			(uint64_t)(me.ru_utime.tv_usec + me.ru_stime.tv_usec) * 1000u;
	}
	if (b->way && b->way->cost) {
		b->way->cost(b, c);
	}
	if (b->pid <= 0) {
		return;
	}
	snprintf(path, sizeof(path), "/proc/%d/task", (int)b->pid);
	d = opendir(path);
	while (d && (e = readdir(d))) {
		uint64_t cpu =
			isdigit((unsigned char)e->d_name[0]) ? one_thread(path, e->d_name, c) : 0;

		if (cpu > most) {
			most = cpu;
			b->thread = atoi(e->d_name);
		}
	}
	if (d) {
		closedir(d);
	}
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)b->pid);
	if (slurp(path, text, sizeof(text))) {
		faults(text, c);
	}
	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)b->pid);
	if (slurp(path, text, sizeof(text))) {
		c->memory_known = true;
		c->rss = field(text, "Rss:") * 1024u;
		c->pss = field(text, "Pss:") * 1024u;
		c->private_dirty = field(text, "Private_Dirty:") * 1024u;
	}
}
