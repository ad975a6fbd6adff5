/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_cost.c - what the back-end's process has used so far; source: proc(5), Linux's sched-stats.rst */
#include "app/bench.h"
#include <ctype.h>
#include <dirent.h>
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

static void one_thread(const char *task, const char *tid, struct bench_cost *c)
{
	char path[600], text[4096];

	snprintf(path, sizeof(path), "%s/%s/schedstat", task, tid);
	if (slurp(path, text, sizeof(text))) {
		c->cpu_ns += strtoull(text, NULL, 10); /* ns on a processor, ns waiting, slices */
		c->known = true;
	}
	snprintf(path, sizeof(path), "%s/%s/status", task, tid);
	if (slurp(path, text, sizeof(text))) {
		c->switches += field(text, "voluntary_ctxt_switches:");
		c->preempted += field(text, "nonvoluntary_ctxt_switches:");
	}
	c->threads++;
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

void bench_cost_read(const struct bench *b, struct bench_cost *c)
{
	struct rusage me;
	char path[300], text[4096];
	struct dirent *e;
	DIR *d;

	memset(c, 0, sizeof(*c));
	if (getrusage(RUSAGE_SELF, &me) == 0) {
		c->client_cpu_ns =
			(uint64_t)(me.ru_utime.tv_sec + me.ru_stime.tv_sec) * 1000000000u +
			(uint64_t)(me.ru_utime.tv_usec + me.ru_stime.tv_usec) * 1000u;
	}
	if (b->pid <= 0) {
		return;
	}
	snprintf(path, sizeof(path), "/proc/%d/task", (int)b->pid);
	d = opendir(path);
	while (d && (e = readdir(d))) {
		if (isdigit((unsigned char)e->d_name[0])) {
			one_thread(path, e->d_name, c);
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
