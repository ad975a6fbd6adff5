/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_limits.c - `stratos bench limits`: the floor of this machine */
#include "app/bench_limit.h"
#include "app/bench_out.h"
#include "app/command.h"
#include "app/daemon.h"
#include "version.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

#define ROUNDS	 21u
#define ROUND_NS 4000000u

static const struct limit wanted[] = {
	{ .id = LIMIT_SYSCALL },
	{ .id = LIMIT_WRITE },
	{ .id = LIMIT_READ },
	{ .id = LIMIT_PING_SAME },
	{ .id = LIMIT_PING_OTHER },
	{ .id = LIMIT_SPIN },
	{ .id = LIMIT_COPY, .bytes = 64 },
	{ .id = LIMIT_COPY, .bytes = 4096 },
	{ .id = LIMIT_COPY, .bytes = 65536 },
	{ .id = LIMIT_COPY, .bytes = 1048576 },
	{ .id = LIMIT_NOP, .batch = 1 },
	{ .id = LIMIT_NOP, .batch = 32 },
	{ .id = LIMIT_URING, .bytes = 4096, .batch = 1 },
	{ .id = LIMIT_URING, .bytes = 4096, .batch = 32 },
	{ .id = LIMIT_URING, .bytes = 4096, .batch = 32, .span = 64u << 20, .random = true },
	{ .id = LIMIT_URING, .bytes = 131072, .batch = 8 },
	{ .id = LIMIT_PREAD, .bytes = 4096 },
	{ .id = LIMIT_RANDOM, .bytes = 32 },
	{ .id = LIMIT_RANDOM, .bytes = 64 },
	{ .id = LIMIT_RANDOM, .bytes = 4096 },
};

#define N (sizeof(wanted) / sizeof(wanted[0]))

struct limits {
	struct limit l[N];
	unsigned rounds;
	const char *json;
	bool quiet;
};

static void help(FILE *out)
{
	fprintf(out,
		"usage: stratos bench limits [OPTION]...\n\nWhat this machine takes for the "
		"operations that bound every back-end: least and median over\nrounds in which each "
		"has its turn. No back-end is needed; files go to TMPDIR.\n\nOptions:\n"
		"  --rounds=N               default %u, at most %u\n"
		"  --json=FILE              write the result there too; without FILE: to stdout, "
		"without table\n"
		"  --quiet                  no progress line\n\n"
		"Exit codes: 0 success, 1 the result was not written, 2 wrong usage. "
		"stratos-bench(1) says more.\n",
		ROUNDS, (unsigned)LIMIT_ROUNDS);
}

/* returns: 0 | -1 and err | 1 --help was printed */
static int options(int argc, char **argv, struct limits *m, char err[256])
{
	for (int i = 1; i < argc;) {
		char name[64];
		const char *value;
		uint64_t n;

		if (!command_option(argc, argv, &i, name, &value)) {
			snprintf(err, 256, "'%.80s' is not an option", argv[i]);
			return -1;
		}
		if (strcmp(name, "help") == 0) {
			help(stdout);
			return 1;
		}
		if (strcmp(name, "rounds") == 0) {
			if (!value || !bench_count(value, 1, LIMIT_ROUNDS, &n)) {
				snprintf(err, 256, "--rounds=%.80s: must be 1 to %u",
					 value ? value : "", (unsigned)LIMIT_ROUNDS);
				return -1;
			}
			m->rounds = (unsigned)n;
		} else if (strcmp(name, "json") == 0) {
			m->json = value ? value : "";
		} else if (strcmp(name, "quiet") == 0 && !value) {
			m->quiet = true;
		} else {
			snprintf(err, 256, "--%s%s is not an option", name, value ? "=..." : "");
			return -1;
		}
	}
	return 0;
}

static void report(FILE *out, const struct limits *m)
{
	fprintf(out, "%-74s %11s %11s\n", "one operation", "least, us", "median, us");
	for (size_t i = 0; i < N; i++) {
		const struct limit *l = &m->l[i];

		if (l->none) {
			fprintf(out, "%-74s not measured: %s\n", l->name, l->none);
			continue;
		}
		fprintf(out, "%-74s %11.3f %11.3f", l->name, l->least / 1e3, limit_median(l) / 1e3);
		if (l->bytes >= 4096) {
			fprintf(out, "   %.1f GB/s", l->bytes / l->least);
		}
		fputc('\n', out);
	}
	fprintf(out,
		"\n%u rounds of %u ms of each. Processor time of one thread; there and back: time "
		"that passed.\nLeast is the floor; a median far above it was disturbed.\n",
		m->rounds, ROUND_NS / 1000000u);
}

static void number(FILE *out, const char *key, const struct limit *l, double v)
{
	if (l->none) {
		fprintf(out, ", \"%s\": null", key);
	} else {
		fprintf(out, ", \"%s\": %.2f", key, v);
	}
}

static void json(FILE *out, const struct limits *m)
{
	fputs("{\n  \"schema\": \"stratos-bench-limits-1\",\n  \"version\": ", out);
	json_string(out, STRATOS_VERSION);
	fputs(",\n", out);
	json_host(out);
	fprintf(out, "  \"rounds\": %u,\n  \"round_ns\": %u,\n  \"limits\": [", m->rounds,
		ROUND_NS);
	for (size_t i = 0; i < N; i++) {
		const struct limit *l = &m->l[i];

		fprintf(out, "%s\n    { \"name\": ", i > 0 ? "," : "");
		json_string(out, l->name);
		fprintf(out, ", \"bytes\": %u, \"batch\": %u", l->bytes, l->batch);
		number(out, "least_ns", l, l->least);
		number(out, "median_ns", l, limit_median(l));
		fputs(", \"none\": ", out);
		if (l->none) {
			json_string(out, l->none);
		} else {
			fputs("null", out);
		}
		fputs(" }", out);
	}
	fputs("\n  ]\n}\n", out);
}

static void measure(struct limits *m)
{
	bool quiet = m->quiet || !isatty(STDERR_FILENO);

	memcpy(m->l, wanted, sizeof(wanted));
	for (size_t i = 0; i < N; i++) {
		limit_open(&m->l[i]);
	}
	for (unsigned r = 0; r < m->rounds; r++) {
		for (size_t i = 0; i < N; i++) {
			limit_round(&m->l[i], ROUND_NS);
		}
		if (!quiet) {
			fprintf(stderr, "\r\033[K[round %u of %u]", r + 1u, m->rounds);
		}
	}
	if (!quiet) {
		fputs("\r\033[K", stderr);
	}
	for (size_t i = 0; i < N; i++) {
		limit_close(&m->l[i]);
	}
}

static int write_json(const struct limits *m)
{
	FILE *out = m->json[0] ? fopen(m->json, "we") : stdout;

	if (out) {
		json(out, m);
	}
	if (!out || (out == stdout ? fflush(out) : fclose(out)) != 0) {
		fprintf(stderr, "stratos bench limits: %s: %s\n",
			m->json[0] ? m->json : "standard output", strerror(errno));
		return EXIT_RUN;
	}
	return EXIT_OK;
}

int bench_limits(int argc, char **argv)
{
	static struct limits m;
	char err[256] = "";
	int rc;

	m = (struct limits){ .rounds = ROUNDS };
	rc = options(argc, argv, &m, err);
	if (rc < 0) {
		fprintf(stderr, "stratos bench limits: %s\nTry `stratos bench limits --help`.\n",
			err);
		return EXIT_USAGE;
	}
	if (rc > 0) {
		return EXIT_OK;
	}
	measure(&m);
	if (!m.json || m.json[0]) {
		report(stdout, &m);
	}
	return m.json ? write_json(&m) : EXIT_OK;
}
