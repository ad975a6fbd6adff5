/* SPDX-License-Identifier: BSD-3-Clause */
/* t_bench_limit.c - the machine's floor: that each probe measures, and which one bounds what. STRATOS names the program. */
#include <math.h>
#include <sched.h>
#include <string.h>
#include "bench_bed.h"
#include "app/bench_limit.h"

static const struct limit probes[] = {
	{ .id = LIMIT_SYSCALL },
	{ .id = LIMIT_WRITE },
	{ .id = LIMIT_READ },
	{ .id = LIMIT_PING_SAME },
	{ .id = LIMIT_PING_OTHER },
	{ .id = LIMIT_SPIN },
	{ .id = LIMIT_COPY, .bytes = 64 },
	{ .id = LIMIT_COPY, .bytes = LIMIT_BYTES },
	{ .id = LIMIT_RANDOM, .bytes = 16 },
	{ .id = LIMIT_RANDOM, .bytes = LIMIT_BYTES },
	{ .id = LIMIT_PREAD, .bytes = 4096 },
	{ .id = LIMIT_NOP, .batch = 1 },
	{ .id = LIMIT_NOP, .batch = LIMIT_BATCH },
	{ .id = LIMIT_URING, .bytes = 512, .batch = 3 },
	{ .id = LIMIT_URING, .bytes = 512, .batch = 32, .span = 3u << 20, .random = true },
	{ .id = LIMIT_URING, .bytes = LIMIT_BYTES, .batch = 2 },
};

#define N (sizeof(probes) / sizeof(probes[0]))

static unsigned processors(void)
{
	cpu_set_t set;

	assert_int_equal(sched_getaffinity(0, sizeof(set), &set), 0);
	return (unsigned)CPU_COUNT(&set);
}

static const char *why(const struct limit *l, bool one_processor)
{
	if (one_processor && (l->id == LIMIT_PING_OTHER || l->id == LIMIT_SPIN)) {
		return "this process may use one processor only";
	}
	return (l->id == LIMIT_NOP || l->id == LIMIT_URING) && l->none ? "no io_uring here" : NULL;
}

static void measured(bool one_processor)
{
	static struct limit l[N];
	unsigned before = processors();

	memcpy(l, probes, sizeof(probes));
	limit_all(l, N, 3, 300000);
	for (size_t i = 0; i < N; i++) {
		const char *none = why(&l[i], one_processor);

		if (none) {
			assert_string_equal(l[i].none, none);
			assert_true(limit_median(&l[i]) == 0.0);
			continue;
		}
		if (l[i].none || l[i].rounds != 3 || !(l[i].least > 0.0) ||
		    l[i].least > limit_median(&l[i]) || l[i].least > 1e9) {
			fail_msg("%s: %s, %u rounds, %g", l[i].name, l[i].none, l[i].rounds,
				 l[i].least);
		}
		assert_true(l[i].batch == 0 || l[i].n % l[i].batch == 0);
	}
	/* a factor of 16 thousand, so no machine is busy enough to hide it */
	assert_true(l[7].least > 16.0 * l[6].least && l[9].least > 16.0 * l[8].least);
	assert_int_equal(processors(), before); /* nobody stays where a probe held him */
}

static void all(void **state)
{
	(void)state;
	measured(processors() < 2);
}

static void one_processor(void **state)
{
	cpu_set_t before, one;

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
	CPU_ZERO(&one);
	for (unsigned i = 0; CPU_COUNT(&one) == 0; i++) {
		if (CPU_ISSET(i, &before)) {
			CPU_SET(i, &one);
		}
	}
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	measured(true);
	assert_int_equal(sched_setaffinity(0, sizeof(before), &before), 0);
}

/* ---- which one bounds a load ---- */

static void floors(void **state)
{
	static const struct {
		const char *args;
		double kicks, calls, together, cpu, p50;
		const char *cpu_floor, *p50_floor; /* NULL: none */
		uint32_t bytes;			   /* that were moved */
	} row[] = {
		{ "--dev=rng", .1, .1, 0, 500, 9e3, "getrandom of 64 bytes", NULL, 0 },
		{ "--dev=rng --block-size=1000", .1, .1, 0, 500, 9e3, "getrandom of 1000 b", NULL,
		  0 },
		{ .args = "--dev=rng --block-size=4096",
		  .kicks = .1,
		  .calls = .1,
		  .cpu = 500,
		  .p50 = 9e3,
		  .cpu_floor = "getrandom of 1024 b",
		  .bytes = 1024 },
		{ "--dev=rng", .1, .1, 0, NAN, 9e3, NULL, NULL, 0 },
		{ "--dev=blk --depth=9", .1, .1, 0, 500, 9e3,
		  "io_uring read of 4096 bytes, page cache, 9 at once, anywhere in 5.0 MiB", NULL,
		  0 },
		{ "--dev=blk --depth=9 --rw=read", .1, .1, 0, 500, 9e3,
		  "io_uring read of 4096 bytes, page cache, 9 at once, through 5.0 MiB", NULL, 0 },
		{ "--dev=blk --depth=64", .1, .1, 0, 500, 9e3, "32 at once", NULL, 0 },
		{ "--dev=blk --verify=status", .5, .25, 0, 500, 9e3,
		  "0.5000 eventfd reads and 0.2500 writes", NULL, 0 },
		{ "--dev=gpio --client=poll", .5, NAN, 0, 500, 9e3,
		  "0.5000 eventfd reads and 0.0000 writes", NULL, 0 },
		{ "--dev=gpio --client=poll", 0, NAN, 0, 500, 9e3, NULL, NULL, 0 },
		{ "--dev=gpio --depth=1", 1, 1, 1, NAN, 9e3, NULL,
		  "eventfd there and back, one processor", 0 },
		{ "--dev=gpio --depth=1", 1, 1, 0, NAN, 9e3, NULL,
		  "eventfd there and back, two processors", 0 },
		{ "--dev=gpio --depth=1 --client=poll", 0, NAN, 0, NAN, 9e3, NULL,
		  "spinning there and back", 0 },
		{ "--dev=gpio --depth=1 --client=poll", 1, NAN, 0, NAN, 9e3, NULL,
		  "eventfd one way, spinning the other", 0 },
		{ "--dev=gpio --depth=1 --client=adaptive", 0, .1, 0, NAN, 9e3, NULL, "spinning t",
		  0 },
		{ "--dev=gpio --depth=1 --rate=9", 1, 1, 1, NAN, 9e3, NULL, NULL, 0 },
		{ "--dev=blk --depth=1 --queues=2", 1, 1, 1, NAN, 9e3, NULL, NULL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct bench_spec s;
		struct floor_in in = { &s,	   row[i].kicks, row[i].calls, row[i].together,
				       row[i].cpu, row[i].p50,	 5u << 20,     row[i].bytes };
		struct floor f[FLOORS];
		char words[100], err[256], *argv[8] = { "bench", "--attach=/s" }, *save = NULL;
		const char *want[2] = { row[i].cpu_floor, row[i].p50_floor };
		int argc = 2;
		unsigned n = 0, got;

		snprintf(words, sizeof(words), "%s", row[i].args);
		for (char *w = strtok_r(words, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
			argv[argc++] = w;
		}
		assert_int_equal(bench_options(argc, argv, &s, err), 0);
		got = bench_floor(&in, f);
		for (unsigned k = 0; k < 2; k++) {
			bool no_ring = HAVE_LIBURING == 0 && want[k] && strstr(want[k], "at once");
			bool one = processors() < 2 && k == 1;

			if (!want[k] || no_ring || one) {
				continue;
			}
			if (n >= got || strcmp(f[n].of, k == 0 ? "cpu" : "p50") != 0 ||
			    !strstr(f[n].what, want[k])) {
				fail_msg("row %zu: %u, '%s', not '%s'", i, got, f[n].what, want[k]);
			}
			assert_true(fabs(f[n].times * f[n].least / (k == 0 ? in.cpu : in.p50) - 1) <
				    1e-9);
			n++;
		}
		assert_int_equal(got, n);
	}
}

/* ---- the program ---- */

static void program(void **state)
{
	static const char *const good[] = {
		"\"$STRATOS\" bench limits --rounds=1 --json=json >out",
		"grep -q 'getrandom of 64 bytes  *[0-9.]*  *[0-9.]*$' out",
		"python3 -c 'import json; r = json.load(open(\"json\")); l = r[\"limits\"]; "
		"assert r[\"schema\"] == \"stratos-bench-limits-1\" and len(l) == 20; "
		"assert all((x[\"none\"] is None) == (x[\"least_ns\"] is not None) for x in l); "
		"assert all(x[\"least_ns\"] <= x[\"median_ns\"] for x in l if not x[\"none\"])'",
		"\"$STRATOS\" bench limits --rounds=1 --json | python3 -m json.tool >/dev/null",
		"\"$STRATOS\" bench limits --help | grep -q 'rounds=N'",
		"\"$STRATOS\" bench --spawn=\"$STRATOS rng --socket-path={sock}\" --dev=rng "
		"--count=2000 "
		"--json=json >out",
		"grep -q 'processor time is [0-9.]* x of the floor: getrandom of 64 bytes, ' out",
		"python3 -c 'import json; r = json.load(open(\"json\")); f, = r[\"floor\"]; "
		"assert f[\"of\"] == \"cpu\" and f[\"least_ns\"] <= f[\"ns\"]; "
		"cpu = r[\"cost\"][\"cpu_ns\"] / r[\"result\"][\"requests\"]; "
		"assert abs(f[\"times\"] * f[\"least_ns\"] / cpu - 1) < .01'",
		"! \"$STRATOS\" bench --spawn=\"$STRATOS rng --socket-path={sock}\" --dev=rng "
		"--count=200 "
		"--floor=off | grep floor",
	};
	static const char *const bad[] = { "--rounds=0", "--rounds=65", "--rounds",
					   "--frob",	 "x",		"--quiet=1" };

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		if (shell(good[i]) != 0) {
			(void)shell("cat out");
			fail_msg("%s", good[i]);
		}
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char command[100];

		snprintf(command, sizeof(command), "\"$STRATOS\" bench limits %s 2>/dev/null",
			 bad[i]);
		assert_int_equal(shell(command), 2);
	}
	assert_int_equal(
		shell("\"$STRATOS\" bench limits --rounds=1 --json=/no/file 2>/dev/null >out"), 1);
	assert_int_equal(shell("ls | grep -q ^stratos-"), 1); /* nothing is left */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all),
		cmocka_unit_test(one_processor),
		cmocka_unit_test(floors),
		cmocka_unit_test(program),
	};

	return cmocka_run_group_tests(tests, up, down);
}
