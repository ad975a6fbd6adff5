/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_json.c - the result for programs; docs/performance.md has the schema */
#include "app/bench.h"
#include "version.h"
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

static void string(FILE *out, const char *s)
{
	fputc('"', out);
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '"' || c == '\\') {
			fprintf(out, "\\%c", c);
		} else if (c < 0x20 || c == 0x7f) {
			fprintf(out, "\\u%04x", c);
		} else {
			fputc(c, out);
		}
	}
	fputc('"', out);
}

static void text(FILE *out, const char *key, const char *value)
{
	fprintf(out, "    \"%s\": ", key);
	if (value) {
		string(out, value);
	} else {
		fputs("null", out);
	}
	fputs(",\n", out);
}

static void whole(FILE *out, const char *key, uint64_t value)
{
	fprintf(out, "    \"%s\": %llu,\n", key, (unsigned long long)value);
}

static void flag(FILE *out, const char *key, bool value)
{
	fprintf(out, "    \"%s\": %s,\n", key, value ? "true" : "false");
}

static void spec(FILE *out, const struct bench_spec *s)
{
	fputs("  \"spec\": {\n", out);
	text(out, "dev", s->cls->name);
	text(out, "attach", s->attach);
	text(out, "spawn", s->spawn);
	text(out, "ring", s->packed ? "packed" : "split");
	text(out, "client", s->poll ? "poll" : s->spin_ns ? "adaptive" : "wait");
	text(out, "rw", s->cls->writes ? bench_rw_name(s->rw) : NULL);
	text(out, "verify", s->verify ? "data" : "status");
	flag(out, "event_idx", s->event_idx);
	flag(out, "indirect", s->indirect);
	flag(out, "in_order", s->in_order);
	flag(out, "prepare", s->prepare);
	whole(out, "queue_size", s->queue_size);
	whole(out, "depth", s->depth);
	whole(out, "queues", s->queues);
	whole(out, "regions", s->regions);
	whole(out, "block_size", s->block_size);
	whole(out, "size", s->size);
	whole(out, "spin_ns", s->spin_ns);
	whole(out, "time_ns", s->count ? 0 : s->time_ns);
	whole(out, "count", s->count);
	whole(out, "rate", s->rate);
	fprintf(out, "    \"seed\": %llu\n  },\n", (unsigned long long)s->seed);
}

static void host(FILE *out)
{
	struct utsname u;
	double load[3] = { 0 };

	memset(&u, 0, sizeof(u));
	(void)uname(&u);
	(void)getloadavg(load, 3);
	fputs("  \"host\": {\n", out);
	text(out, "kernel", u.release);
	text(out, "machine", u.machine);
	whole(out, "cpus", (uint64_t)sysconf(_SC_NPROCESSORS_ONLN));
	fprintf(out, "    \"loadavg\": [%.2f, %.2f, %.2f]\n  },\n", load[0], load[1], load[2]);
}

static void backend(FILE *out, const struct bench *b)
{
	fputs("  \"backend\": {\n", out);
	whole(out, "pid", (uint64_t)b->pid);
	whole(out, "features_offered", b->offered);
	whole(out, "features", b->features);
	whole(out, "protocol_features", b->f ? vhf_protocol(b->f) : 0);
	fprintf(out, "    \"ready_ns\": %llu\n  },\n", (unsigned long long)b->result.ready_ns);
}

static uint64_t minus(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

static void costs(FILE *out, const struct bench_result *r)
{
	const struct bench_cost *x = &r->begin, *y = &r->end;

	fputs("  \"cost\": {\n", out);
	flag(out, "known", x->known && y->known);
	whole(out, "cpu_ns", minus(y->cpu_ns, x->cpu_ns));
	whole(out, "voluntary_switches", minus(y->switches, x->switches));
	whole(out, "involuntary_switches", minus(y->preempted, x->preempted));
	whole(out, "minor_faults", minus(y->minor_faults, x->minor_faults));
	whole(out, "major_faults", minus(y->major_faults, x->major_faults));
	whole(out, "threads", y->threads);
	flag(out, "memory_known", y->memory_known);
	whole(out, "rss_bytes", y->rss);
	whole(out, "pss_bytes", y->pss);
	whole(out, "private_dirty_bytes", y->private_dirty);
	fprintf(out, "    \"client_cpu_ns\": %llu\n  },\n",
		(unsigned long long)minus(y->client_cpu_ns, x->client_cpu_ns));
}

static void histogram(FILE *out, const struct hist *h)
{
	const char *comma = "";

	fputs("    \"latency_ns\": {\n", out);
	fprintf(out, "      \"n\": %llu, \"min\": %llu, \"max\": %llu, \"sum\": %llu,\n",
		(unsigned long long)h->n, (unsigned long long)h->min, (unsigned long long)h->max,
		(unsigned long long)h->sum);
	fprintf(out, "      \"p50\": %llu, \"p90\": %llu, \"p99\": %llu, \"p999\": %llu,\n",
		(unsigned long long)hist_at(h, 0.5), (unsigned long long)hist_at(h, 0.9),
		(unsigned long long)hist_at(h, 0.99), (unsigned long long)hist_at(h, 0.999));
	fputs("      \"buckets\": [", out);
	for (unsigned i = 0; i < HIST_BUCKETS; i++) {
		if (h->bucket[i] != 0) {
			fprintf(out, "%s[%llu, %llu, %llu]", comma, (unsigned long long)hist_low(i),
				(unsigned long long)hist_high(i), (unsigned long long)h->bucket[i]);
			comma = ", ";
		}
	}
	fputs("]\n    },\n", out);
}

static void errors(FILE *out, const struct bench_result *r)
{
	const char *comma = "";

	whole(out, "errors", r->errors);
	fputs("    \"error_texts\": [", out);
	for (unsigned i = 0; i < BENCH_ERRORS && r->error[i][0]; i++) {
		fputs(comma, out);
		string(out, r->error[i]);
		comma = ", ";
	}
	fputs("],\n    \"fatal\": ", out);
	if (r->fatal[0]) {
		string(out, r->fatal);
	} else {
		fputs("null", out);
	}
}

void bench_json(FILE *out, const struct bench *b)
{
	const struct bench_result *r = &b->result;
	double s = (double)r->ns / 1e9, n = (double)r->hist.n;

	fputs("{\n  \"schema\": \"stratos-bench-1\",\n  \"version\": ", out);
	string(out, STRATOS_VERSION);
	fputs(",\n", out);
	spec(out, &b->spec);
	host(out);
	backend(out, b);
	costs(out, r);
	fputs("  \"result\": {\n", out);
	whole(out, "requests", r->hist.n);
	whole(out, "bytes", r->bytes);
	whole(out, "ns", r->ns);
	fprintf(out, "    \"per_second\": %.1f,\n", r->ns ? n / s : 0.0);
	whole(out, "kicks", r->kicks);
	whole(out, "calls", r->calls);
	whole(out, "late_calls", r->late_calls);
	histogram(out, &r->hist);
	errors(out, r);
	fputs("\n  }\n}\n", out);
}
