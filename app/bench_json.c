/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_json.c - the result for programs; docs/performance.md has the schema */
#include "app/bench_count.h"
#include "version.h"
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

void json_string(FILE *out, const char *s)
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

void json_text(FILE *out, const char *key, const char *value)
{
	fprintf(out, "    \"%s\": ", key);
	if (value) {
		json_string(out, value);
	} else {
		fputs("null", out);
	}
	fputs(",\n", out);
}

void json_whole(FILE *out, const char *key, uint64_t value)
{
	fprintf(out, "    \"%s\": %llu,\n", key, (unsigned long long)value);
}

void json_flag(FILE *out, const char *key, bool value)
{
	fprintf(out, "    \"%s\": %s,\n", key, value ? "true" : "false");
}

void json_spec(FILE *out, const char *key, const struct bench_spec *s)
{
	fprintf(out, "  \"%s\": {\n", key);
	json_text(out, "dev", s->cls->name);
	json_text(out, "attach", s->attach);
	json_text(out, "spawn", s->spawn);
	json_text(out, "in_process", s->inside);
	json_text(out, "memory", s->inside ? bench_memory_name(s->memory) : NULL);
	json_text(out, "ring", s->packed ? "packed" : "split");
	json_text(out, "client", s->poll ? "poll" : s->spin_ns ? "adaptive" : "wait");
	json_text(out, "rw", s->cls->writes ? bench_rw_name(s->rw) : NULL);
	json_text(out, "verify", s->verify ? "data" : "status");
	json_flag(out, "event_idx", s->event_idx);
	json_flag(out, "indirect", s->indirect);
	json_flag(out, "in_order", s->in_order);
	json_flag(out, "prepare", s->prepare);
	json_whole(out, "queue_size", s->queue_size);
	json_whole(out, "depth", s->depth);
	json_whole(out, "queues", s->queues);
	json_whole(out, "regions", s->regions);
	json_whole(out, "block_size", s->block_size);
	json_whole(out, "size", s->size);
	json_whole(out, "spin_ns", s->spin_ns);
	json_whole(out, "time_ns", s->count ? 0 : s->time_ns);
	json_whole(out, "warmup_ns", s->warmup_ns);
	json_whole(out, "count", s->count);
	json_whole(out, "rate", s->rate);
	fprintf(out, "    \"seed\": %llu\n  },\n", (unsigned long long)s->seed);
}

void json_host(FILE *out)
{
	struct utsname u;
	double load[3] = { 0 };

	memset(&u, 0, sizeof(u));
	(void)uname(&u);
	(void)getloadavg(load, 3);
	fputs("  \"host\": {\n", out);
	json_text(out, "kernel", u.release);
	json_text(out, "machine", u.machine);
	json_whole(out, "cpus", (uint64_t)sysconf(_SC_NPROCESSORS_ONLN));
	fprintf(out, "    \"loadavg\": [%.2f, %.2f, %.2f]\n  },\n", load[0], load[1], load[2]);
}

static void backend(FILE *out, const struct bench *b)
{
	fputs("  \"backend\": {\n", out);
	json_whole(out, "pid", (uint64_t)b->pid);
	json_whole(out, "features_offered", b->offered);
	json_whole(out, "features", b->features);
	json_whole(out, "protocol_features", b->f ? vhf_protocol(b->f) : 0);
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
	json_flag(out, "known", x->known && y->known);
	json_whole(out, "cpu_ns", minus(y->cpu_ns, x->cpu_ns));
	json_whole(out, "wait_ns", minus(y->wait_ns, x->wait_ns));
	json_whole(out, "voluntary_switches", minus(y->switches, x->switches));
	json_whole(out, "involuntary_switches", minus(y->preempted, x->preempted));
	json_whole(out, "minor_faults", minus(y->minor_faults, x->minor_faults));
	json_whole(out, "major_faults", minus(y->major_faults, x->major_faults));
	json_whole(out, "threads", y->threads);
	json_flag(out, "memory_known", y->memory_known);
	json_whole(out, "rss_bytes", y->rss);
	json_whole(out, "pss_bytes", y->pss);
	json_whole(out, "private_dirty_bytes", y->private_dirty);
	json_whole(out, "client_wait_ns", minus(y->client_wait_ns, x->client_wait_ns));
	json_whole(out, "machine_ticks", minus(y->machine_ticks, x->machine_ticks));
	json_whole(out, "stolen_ticks", minus(y->stolen_ticks, x->stolen_ticks));
	json_whole(out, "places", r->places);
	json_whole(out, "together", r->together);
	fprintf(out, "    \"client_cpu_ns\": %llu\n  },\n",
		(unsigned long long)minus(y->client_cpu_ns, x->client_cpu_ns));
}

void json_histogram(FILE *out, const char *key, const struct hist *h)
{
	const char *comma = "";

	fprintf(out, "    \"%s\": {\n", key);
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
	fputs("]\n    }", out);
}

static void errors(FILE *out, const struct bench_result *r)
{
	const char *comma = "";

	json_whole(out, "errors", r->errors);
	fputs("    \"error_texts\": [", out);
	for (unsigned i = 0; i < BENCH_ERRORS && r->error[i][0]; i++) {
		fputs(comma, out);
		json_string(out, r->error[i]);
		comma = ", ";
	}
	fputs("],\n    \"fatal\": ", out);
	if (r->fatal[0]) {
		json_string(out, r->fatal);
	} else {
		fputs("null", out);
	}
}

void bench_json(FILE *out, const struct bench *b)
{
	const struct bench_result *r = &b->result;
	double s = (double)r->ns / 1e9, n = (double)r->hist.n;

	fputs("{\n  \"schema\": \"stratos-bench-1\",\n  \"version\": ", out);
	json_string(out, STRATOS_VERSION);
	fputs(",\n", out);
	json_spec(out, "spec", &b->spec);
	json_host(out);
	backend(out, b);
	costs(out, r);
	json_counted(out, "counted", r->counted);
	json_floors(out, "floor", r->floor, r->floors);
	fputs("  \"result\": {\n", out);
	json_whole(out, "requests", r->hist.n);
	json_whole(out, "bytes", r->bytes);
	json_whole(out, "ns", r->ns);
	fprintf(out, "    \"per_second\": %.1f,\n", r->ns ? n / s : 0.0);
	json_whole(out, "kicks", r->kicks);
	json_whole(out, "calls", r->calls);
	json_whole(out, "late_calls", r->late_calls);
	json_histogram(out, "latency_ns", &r->hist);
	fputs(",\n", out);
	errors(out, r);
	fputs("\n  }\n}\n", out);
}
