/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench_count.c - instructions and system calls a request: the difference of two counted runs
 *
 * A spawned back-end runs under valgrind's callgrind, or under strace, once for N requests and once for 3 N. What it
 * does to start, to be set up and to end is the same in both; the difference divided by 2 N is one request. That
 * repeats where time does not, and it has limits: instructions are those of user space; the tool slows the back-end,
 * not the client, so that batches are larger and a client that sleeps sleeps less often than at full speed (most of all
 * under strace, where it is system calls that become slow); and what is done once in a long time (a timer) is counted
 * for the longer run only. The kicks of both runs are printed beside: when they differ, so did the runs.
 */
#include "app/bench_count.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REQUESTS 2000u
#define STALL_NS 60000000000ull

static const struct tool {
	const char *program, *option, *counted;
} tools[COUNTS] = {
	[COUNT_INSTRUCTIONS] = { "valgrind", "--callgrind", "instructions" },
	[COUNT_CALLS] = { "strace", "--syscalls", "system calls" },
};

static bool installed(const char *program)
{
	const char *path = getenv("PATH");
	char name[300];

	while (path && *path) {
		size_t n = strcspn(path, ":");

		snprintf(name, sizeof(name), "%.*s/%s", (int)(n < 200 ? n : 200), path, program);
		if (access(name, X_OK) == 0) {
			return true;
		}
		path += n + (path[n] == ':');
	}
	return false;
}

static bool asked(const struct bench_spec *s, unsigned what)
{
	return what == COUNT_INSTRUCTIONS ? s->callgrind : s->syscalls;
}

int count_possible(const struct bench_spec *s, char err[256])
{
	for (unsigned i = 0; i < COUNTS; i++) {
		if (asked(s, i) && !installed(tools[i].program)) {
			snprintf(err, 256,
				 "%s needs %s, which is not installed (Debian: apt install %s)",
				 tools[i].option, tools[i].program, tools[i].program);
			return -1;
		}
	}
	return 0;
}

void count_exec(const struct bench *b, const char *command)
{
	char out[128];

	if (b->counting == COUNT_INSTRUCTIONS) {
		snprintf(out, sizeof(out), "--callgrind-out-file=%s/count.%%p", b->target.dir);
		execlp("valgrind", "valgrind", "--tool=callgrind", "--trace-children=yes", out,
		       "sh", "-c", command, (char *)NULL);
	} else {
		snprintf(out, sizeof(out), "%s/count", b->target.dir);
		execlp("strace", "strace", "-c", "-f", "-o", out, "sh", "-c", command,
		       (char *)NULL);
	}
}

/* ---- what the tools wrote ---- */

/* "summary: 3497298", or "totals: "; returns: whether there is one */
static bool read_callgrind(FILE *f, unsigned run, struct counted *c)
{
	bool found = false;
	char line[512];

	while (fgets(line, sizeof(line), f)) {
		if (strncmp(line, "summary: ", 9) == 0 || strncmp(line, "totals: ", 8) == 0) {
			c->total[run] = strtoull(strchr(line, ' '), NULL, 10);
			found = c->total[run] > 0;
		}
	}
	return found;
}

static struct count_name *name_of(struct counted *c, const char *name)
{
	for (unsigned i = 0; i < c->names; i++) {
		if (strcmp(c->name[i].name, name) == 0) {
			return &c->name[i];
		}
	}
	if (c->names == COUNT_NAMES) {
		return NULL; /* in the sum all the same */
	}
	snprintf(c->name[c->names].name, sizeof(c->name[0].name), "%s", name);
	return &c->name[c->names++];
}

/* A table: "% time  seconds  usecs/call  calls  errors  syscall"; errors may be empty, the last line is the sum */
static bool read_strace(FILE *f, unsigned run, struct counted *c)
{
	bool found = false;
	char line[512];

	while (fgets(line, sizeof(line), f)) {
		unsigned long long calls;
		char more[3][64] = { "", "", "" };
		int n = sscanf(line, "%*f %*f %*u %llu %63s %63s", &calls, more[0], more[1]);
		const char *name = n == 3 ? more[1] : more[0];
		struct count_name *k;

		if (n < 2) {
			continue;
		}
		if (strcmp(name, "total") == 0) {
			found = true;
			break;
		}
		c->total[run] += calls;
		k = name_of(c, name);
		if (k) {
			k->calls[run] += calls;
		}
	}
	return found;
}

bool count_parse(FILE *f, enum count_what what, unsigned run, struct counted *c)
{
	c->total[run] = 0;
	return what == COUNT_INSTRUCTIONS ? read_callgrind(f, run, c) : read_strace(f, run, c);
}

void count_read(struct bench *b)
{
	char path[128];
	FILE *f;

	if (b->counting == COUNT_INSTRUCTIONS) {
		snprintf(path, sizeof(path), "%s/count.%d", b->target.dir, (int)b->pid);
	} else {
		snprintf(path, sizeof(path), "%s/count", b->target.dir);
	}
	f = fopen(path, "re");
	b->counted_ok = f && count_parse(f, b->counting, b->counted_run, b->counted);
	if (f) {
		fclose(f);
	}
}

/* ---- two runs ---- */

static int one_run(const struct bench_spec *s, enum count_what what, unsigned run,
		   struct counted *c, char err[256])
{
	struct bench *b = calloc(1, sizeof(*b));
	char why[256] = "";
	int rc = -1;

	if (!b) {
		snprintf(err, 256, "no memory");
		return -1;
	}
	b->spec = *s;
	b->spec.count = c->requests[run];
	b->spec.warmup_ns = b->spec.rate = 0;
	b->spec.stall_ns = s->stall_ns > STALL_NS ? s->stall_ns : STALL_NS;
	b->spec.read_back = false; /* how much there is to read depends on the count */
	b->counting = what;
	b->counted = c;
	b->counted_run = run;
	if (bench_open(b, why) == 0) {
		bench_run(b);
		bench_close(b);
		c->kicks[run] =
			b->result.hist.n ? (double)b->result.kicks / (double)b->result.hist.n : 0.0;
		if (b->result.errors != 0) {
			snprintf(why, sizeof(why), "%.250s",
				 b->result.fatal[0] ? b->result.fatal : b->result.error[0]);
		} else if (bench_stopped()) {
			snprintf(why, sizeof(why), "interrupted");
		} else if (!b->counted_ok) {
			snprintf(why, sizeof(why),
				 "it wrote no counts: does the back-end end by itself on SIGTERM?");
		} else {
			rc = 0;
		}
	}
	if (rc != 0) {
		snprintf(err, 256, "%s, under %s: %.180s", tools[what].counted, tools[what].program,
			 why);
	}
	free(b);
	return rc;
}

int bench_counted(const struct bench_spec *s, struct counted out[COUNTS], char err[256])
{
	for (unsigned i = 0; i < COUNTS; i++) {
		struct counted *c = &out[i];

		*c = (struct counted){ .known = false };
		if (!asked(s, i)) {
			continue;
		}
		c->requests[0] = s->count ? s->count : REQUESTS;
		c->requests[1] = 3u * c->requests[0];
		for (unsigned run = 0; run < 2; run++) {
			if (one_run(s, (enum count_what)i, run, c, err)) {
				return -1;
			}
		}
		c->known = true;
	}
	return 0;
}

static double each(const struct counted *c, const uint64_t total[2])
{
	double n = (double)c->requests[1] - (double)c->requests[0];

	return n > 0.0 ? ((double)total[1] - (double)total[0]) / n : 0.0;
}

double counted_each(const struct counted *c)
{
	return each(c, c->total);
}

/* ---- printing ---- */

/* Names by what they add to a request; c is changed */
static void most_first(struct counted *c)
{
	for (unsigned i = 1; i < c->names; i++) {
		struct count_name k = c->name[i];
		unsigned at = i;

		for (; at > 0 && each(c, c->name[at - 1u].calls) < each(c, k.calls); at--) {
			c->name[at] = c->name[at - 1u];
		}
		c->name[at] = k;
	}
}

void counted_line(FILE *out, const char *left, enum count_what what, const struct counted *from)
{
	struct counted c = *from;

	if (!c.known) {
		return;
	}
	fprintf(out, "%s%.*f %s a request, under %s with %.4f kicks a request\n", left,
		what == COUNT_INSTRUCTIONS ? 1 : 4, counted_each(&c), tools[what].counted,
		tools[what].program, c.kicks[1]);
	fprintf(out, "              %llu requests: %llu, %llu requests: %llu\n",
		(unsigned long long)c.requests[0], (unsigned long long)c.total[0],
		(unsigned long long)c.requests[1], (unsigned long long)c.total[1]);
	if (fabs(c.kicks[0] - c.kicks[1]) > 0.1 * c.kicks[1]) {
		fprintf(out,
			"              and %.4f kicks in the shorter run: the two went "
			"differently, repeat "
			"it or count more\n",
			c.kicks[0]);
	}
	most_first(&c);
	for (unsigned i = 0; i < c.names && each(&c, c.name[i].calls) >= 0.0005; i++) {
		fprintf(out, "%s%s %.4f", i == 0 ? "              " : ", ", c.name[i].name,
			each(&c, c.name[i].calls));
		if (i + 1u == c.names || each(&c, c.name[i + 1u].calls) < 0.0005) {
			fputc('\n', out);
		}
	}
}

static void json_one(FILE *out, const char *key, const struct counted *c)
{
	if (!c->known) {
		fprintf(out, "    \"%s\": null", key);
		return;
	}
	fprintf(out,
		"    \"%s\": { \"each\": %.4f, \"requests\": [%llu, %llu], \"total\": [%llu, "
		"%llu], "
		"\"kicks\": [%.6f, %.6f], \"names\": {",
		key, counted_each(c), (unsigned long long)c->requests[0],
		(unsigned long long)c->requests[1], (unsigned long long)c->total[0],
		(unsigned long long)c->total[1], c->kicks[0], c->kicks[1]);
	for (unsigned i = 0; i < c->names; i++) {
		fputs(i > 0 ? ", " : "", out);
		json_string(out, c->name[i].name);
		fprintf(out, ": %.4f", each(c, c->name[i].calls));
	}
	fputs("} }", out);
}

void json_counted(FILE *out, const char *key, const struct counted c[COUNTS])
{
	fprintf(out, "  \"%s\": {\n", key);
	json_one(out, "instructions", &c[COUNT_INSTRUCTIONS]);
	fputs(",\n", out);
	json_one(out, "system_calls", &c[COUNT_CALLS]);
	fputs("\n  },\n", out);
}
