/* SPDX-License-Identifier: BSD-3-Clause */
/* t_bench_ab.c - the comparison of two loads: rule, ratios, options, and whole runs. STRATOS names the program. */
#include <math.h>
#include <string.h>
#include "bench_bed.h"
#include "app/bench_ab.h"

static bool near(double a, double b)
{
	return fabs(a - b) <= 1e-9 * fabs(b);
}

/* ---- rounds ---- */

static struct ab *table(unsigned n)
{
	struct ab *ab = calloc(1, sizeof(*ab));

	assert_non_null(ab);
	ab->round = calloc(n, sizeof(*ab->round));
	ab->n = ab->rounds = n;
	ab->max_steal = 0.02;
	ab->max_wait = 0.1;
	return ab;
}

static void rule(void **state)
{
	static const struct {
		double steal, wait, together[4];
		enum ab_thrown thrown;
	} row[] = {
		{ 0.0, 0.0, { 0, 0, 0, 0 }, AB_KEPT },	 { 0.02, 0.1, { 1, 1, 1, 1 }, AB_KEPT },
		{ 0.021, 0.0, { 0 }, AB_STEAL },	 { 0.0, 0.11, { 0 }, AB_WAIT },
		{ 0.5, 0.5, { 0 }, AB_STEAL },		 { 0.0, 0.0, { 1, 0, 0, 1 }, AB_PLACE },
		{ 0.0, 0.0, { 0, 1, 1, 0 }, AB_PLACE },	 { 0.0, 0.0, { 1, 1, 0, 0 }, AB_KEPT },
		{ 0.0, 0.0, { 0, .5, .4, 0 }, AB_KEPT },
	};
	struct ab *ab = table(1);

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		for (unsigned run = 0; run < AB_RUNS; run++) { /* any one of the four is enough */
			struct ab_round r = { .thrown = AB_KEPT };

			for (unsigned k = 0; k < AB_RUNS; k++) {
				r.run[k].together = row[i].together[k];
			}
			r.run[run].steal = row[i].steal;
			r.run[run].wait = row[i].wait;
			assert_int_equal(ab_judge(ab, &r), row[i].thrown);
		}
	}
	ab_free(ab);
	free(ab);
}

static void ratios(void **state)
{
	static const struct {
		double run[AB_RUNS]; /* of every round */
		double ratio;	     /* < 0: there is none */
		const char *verdict;
	} row[] = {
		{ { 10, 20, 20, 10 }, 2.0, "A is better" },
		{ { 10, 5, 5, 10 }, 0.5, "B is better" },
		{ { 10, 11, 12, 13 }, 1.0, "no decision" }, /* a machine that gets slower */
		{ { 10, 0, 0, 10 }, 0.0, "B is better" },
		{ { 0, 10, 10, 0 }, -1, "A has none" },
		{ { 0, 0, 0, 0 }, -1, "neither has any" },
		{ { 10, NAN, 10, 10 }, -1, "not known" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct ab *ab = table(8);
		struct ab_result r;

		for (unsigned k = 0; k < ab->n; k++) {
			for (unsigned j = 0; j < AB_RUNS; j++) {
				ab->round[k].run[j].value[AB_P99] = row[i].run[j];
				ab->round[k].run[j].value[AB_RATE] = row[i].run[j];
			}
		}
		ab_result(ab, AB_P99, &r);
		assert_int_equal(r.none != NULL, row[i].ratio < 0);
		assert_string_equal(ab_verdict(AB_P99, &r), row[i].verdict);
		assert_true(r.none || (r.ratio.median == row[i].ratio && r.ratio.n == 8));
		ab_result(ab, AB_RATE, &r); /* of requests a second, more is better */
		assert_string_equal(ab_verdict(AB_RATE, &r),
				    row[i].verdict[0] == 'B'			 ? "A is better"
				    : strcmp(row[i].verdict, "A is better") == 0 ? "B is better"
										 : row[i].verdict);
		ab_free(ab);
		free(ab);
	}
}

/* Rounds that are thrown out are seen in `all` only; --keep-all takes them in. */
static void thrown(void **state)
{
	struct ab *ab = table(10);
	struct ab_result r;

	(void)state;
	for (unsigned k = 0; k < ab->n; k++) {
		for (unsigned j = 0; j < AB_RUNS; j++) {
			double b = k < 6 ? 3.0 : 1.0;

			ab->round[k].run[j].value[AB_CPU] = ab_order[j] == AB_B ? b : 2.0;
		}
		ab->round[k].thrown = k < 6 ? AB_WAIT : AB_KEPT;
	}
	ab_result(ab, AB_CPU, &r);
	assert_true(r.ratio.n == 4 && r.ratio.median == 0.5 && r.all == 1.5);
	assert_true(r.median[AB_A] == 2.0 && r.median[AB_B] == 1.0);
	assert_string_equal(ab_verdict(AB_CPU, &r), "no decision: too few rounds");
	ab->keep_all = true;
	ab_result(ab, AB_CPU, &r);
	assert_true(r.ratio.n == 10 && r.ratio.median == 1.5 && near(r.all, 1.5));
	ab->keep_all = false;
	for (unsigned k = 0; k < ab->n; k++) {
		ab->round[k].thrown = AB_STEAL;
	}
	ab_result(ab, AB_CPU, &r);
	assert_string_equal(ab_verdict(AB_CPU, &r), "no round counts");
	assert_true(isnan(r.median[AB_A]) && r.all == 1.5);
	ab_free(ab);
	free(ab);
}

/* What a run says of its disturbances */
static void taken(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));
	struct ab_run run;

	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		hist_add(&b->result.hist, 1000);
	}
	b->result.ns = 1000000;
	b->result.kicks = 50;
	b->result.calls = 25;
	b->result.places = 4;
	b->result.together = 3;
	b->result.begin =
		(struct bench_cost){ .known = true, .cpu_ns = 1000, .machine_ticks = 100 };
	b->result.end = (struct bench_cost){ .known = true,
					     .cpu_ns = 6000,
					     .wait_ns = 100000,
					     .client_wait_ns = 150000,
					     .machine_ticks = 300,
					     .stolen_ticks = 4 };
	ab_take(b, &run);
	assert_true(run.value[AB_CPU] == 50.0 && near(run.value[AB_RATE], 1e5));
	assert_true(run.value[AB_KICKS] == 0.5 && run.value[AB_CALLS] == 0.25);
	assert_true(run.value[AB_P50] == 1000.0 && run.value[AB_P99] == 1000.0);
	assert_true(near(run.steal, 0.02) && near(run.wait, 0.25) && run.together == 0.75);
	b->spec.poll = true;
	b->result.end.known = false;
	ab_take(b, &run);
	assert_true(isnan(run.value[AB_CALLS]) && isnan(run.value[AB_CPU]));
	free(b);
}

/* ---- words and options ---- */

static void words(void **state)
{
	static const struct {
		const char *text, *words; /* separated by |; NULL: a quote is open */
	} row[] = {
		{ "", "" },
		{ "  ", "" },
		{ "--a --b=c", "--a|--b=c|" },
		{ "\t--a \n", "--a|" },
		{ "--spawn='x y {sock}' --depth=1", "--spawn=x y {sock}|--depth=1|" },
		{ "--spawn=\"x 'y' {sock}\"", "--spawn=x 'y' {sock}|" },
		{ "a\\ b 'c\\d' \"e\\\"f\"", "a b|c\\d|e\"f|" },
		{ "'' x", "|x|" },
		{ "'a", NULL },
		{ "a \"b", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		char **v = ab_split(row[i].text), got[200] = "";

		assert_int_equal(v == NULL, row[i].words == NULL);
		for (char **w = v; w && *w; w++) {
			strcat(strcat(got, *w), "|");
			free(*w);
		}
		assert_string_equal(got, row[i].words ? row[i].words : "");
		free(v);
	}
}

#define WORDS 8

static void options(void **state)
{
	static const struct {
		const char *word[WORDS];
		const char *says; /* NULL: it is right */
	} row[] = {
		{ { "--dev=rng", "--attach=/s", "--b=--depth=4" }, NULL },
		{ { "--dev=rng", "--a=--attach=/a", "--b=--attach=/b" }, NULL },
		{ { "--dev=rng", "--attach=/s" }, "what differs is needed" },
		{ { "--dev=rng", "--b=--depth=4" }, "side A (--a): one of --attach=SOCKET" },
		{ { "--dev=rng", "--attach=/s", "--b=--depth=4000" }, "side B (--b): --depth: a" },
		{ { "--dev=rng", "--attach=/s", "--b=depth" }, "side B (--b): 'depth' is not" },
		{ { "--dev=rng", "--attach=/s", "--a='" }, "side A (--a): a quote is not closed" },
		{ { "--dev=rng", "--attach=/s", "--b=--json" }, "--b: --json is for both sides" },
		{ { "--dev=rng", "--attach=/s", "--b=--rounds=3" }, "--b: --rounds=3 is for both" },
		{ { "--dev=rng", "--attach=/s", "--b=--help" }, "--b: --help is for both sides" },
		{ { "--rounds=0" }, "--rounds=0: must be 1 to 1000" },
		{ { "--rounds" }, "--rounds needs a value" },
		{ { "--metric=speed" }, "--metric=speed: must be cpu, rate" },
		{ { "--max-wait=x" }, "--max-wait=x: must be a number" },
		{ { "--max-steal=-1" }, "--max-steal=-1: must be a number" },
		{ { "--max-steal=nan" }, "--max-steal=nan: must be a number" },
		{ { "--frob", "--b=" }, "--frob is not an option" },
		{ { "frob" }, "'frob' is not an option" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct ab *ab = calloc(1, sizeof(*ab));
		char *argv[WORDS + 1] = { "ab" }, err[256] = "";
		int argc = 1, rc;

		for (unsigned k = 0; k < WORDS && row[i].word[k]; k++) {
			argv[argc++] = (char *)(uintptr_t)row[i].word[k];
		}
		rc = ab_options(argc, argv, ab, err);
		if (rc != (row[i].says ? -1 : 0) || (row[i].says && !strstr(err, row[i].says))) {
			fail_msg("row %zu: %d '%s', not '%s'", i, rc, err, row[i].says);
		}
		ab_free(ab);
		free(ab);
	}
}

/* What is given for one side wins; what is given for none is short and warmed up. */
static void sides(void **state)
{
	char *argv[] = { "ab",
			 "--dev=rng",
			 "--attach=/s",
			 "--depth=8",
			 "--rounds=7",
			 "--metric=p99",
			 "--max-wait=50",
			 "--a=--time=2 --warmup=1",
			 "--b=--depth=4 --ring=packed" };
	struct ab *ab = calloc(1, sizeof(*ab));
	char err[256];

	(void)state;
	assert_int_equal(ab_options(9, argv, ab, err), 0);
	assert_true(ab->rounds == 7 && ab->metric == AB_P99 && ab->max_wait == 0.5);
	assert_true(ab->max_steal == 0.02 && !ab->keep_all);
	assert_true(ab->spec[AB_A].depth == 8 && !ab->spec[AB_A].packed);
	assert_true(ab->spec[AB_A].time_ns == 2000000000 && ab->spec[AB_A].warmup_ns == 1000000000);
	assert_true(ab->spec[AB_B].depth == 4 && ab->spec[AB_B].packed);
	assert_true(ab->spec[AB_B].time_ns == 500000000 && ab->spec[AB_B].warmup_ns == 100000000);
	ab_free(ab);
	free(ab);
}

/* ---- whole runs ---- */

/* The program reckons from its rounds what anybody can reckon from them. */
static void whole(void **state)
{
	static const char *const check =
		"import json, statistics as st\n"
		"r = json.load(open(\"result\"))\n"
		"assert r[\"schema\"] == \"stratos-bench-ab-1\" and len(r[\"rounds\"]) == 6\n"
		"assert r[\"a\"][\"depth\"] == 32 and r[\"b\"][\"depth\"] == 1\n"
		"side = lambda q, s, m: [x[m] for x in q[\"runs\"] if x[\"side\"] == s]\n"
		"for q in r[\"rounds\"]:\n"
		"  assert [x[\"side\"] for x in q[\"runs\"]] == list(\"ABBA\") and q[\"thrown\"] "
		"is None\n"
		"  assert min(x[\"requests\"] for x in q[\"runs\"]) == 300\n"
		"for name, m in r[\"metrics\"].items():\n"
		"  if name == \"calls\" and m[\"ratio\"] is None: continue # it never had to "
		"sleep\n"
		"  v = [sum(side(q, \"B\", name)) / sum(side(q, \"A\", name)) for q in "
		"r[\"rounds\"]]\n"
		"  assert abs(st.median(v) - m[\"ratio\"]) < 1e-6 * m[\"ratio\"], (name, v, m)\n"
		"  assert min(v) * .999999 <= m[\"low\"] <= m[\"ratio\"] <= m[\"high\"] <= max(v) "
		"* 1.000001\n"
		"  more = \"A\" if name != \"rate\" else \"B\"\n"
		"  want = \"no decision\" if m[\"low\"] <= 1 <= m[\"high\"] else (more if "
		"m[\"low\"] > 1 else "
		"\"AB\".replace(more, \"\")) + \" is better\"\n"
		"  assert m[\"verdict\"] == want, m\n"
		"for s in \"ab\":\n"
		"  f = r[\"floor_\" + s][0]\n"
		"  assert f[\"of\"] == \"cpu\" and \"getrandom of 64 bytes\" in f[\"what\"]\n"
		"  assert abs(f[\"times\"] * f[\"least_ns\"] / r[\"metrics\"][\"cpu\"][s] - 1) < "
		".01\n"
		"  assert r[\"latency_ns_\" + s][\"n\"] == 6 * 2 * 300\n"
		"  assert sum(n for _, _, n in r[\"latency_ns_\" + s][\"buckets\"]) == 6 * 2 * "
		"300\n";
	FILE *f = fopen("check.py", "w");

	(void)state;
	assert_non_null(f);
	fputs(check, f);
	fclose(f);
	assert_int_equal(
		shell("\"$STRATOS\" bench ab --spawn=\"$STRATOS rng --host=sim "
		      "--socket-path={sock}\" "
		      "--dev=rng --b=--depth=1 --rounds=6 --count=300 --warmup=10ms --keep-all "
		      "--max-wait=100000 --max-steal=100 --metric=rate --json=result >out 2>&1 || "
		      "{ cat out; false; }"),
		0);
	/* where both ends ran is the scheduler's: the one reason left, which counts all the same */
	assert_int_equal(shell("sed -i 's/\"thrown\": \"place\"/\"thrown\": null/' result; "
			       "python3 check.py"),
			 0);
	assert_int_equal(shell("grep -q '^6 rounds of A B B A: .*steal 0, wait 0' out && "
			       "grep -q '^rate (requests a second): ' out && "
			       "grep -q '^  cpu, us .* \\.\\.' out"),
			 0);
	assert_int_equal(shell("ls | grep -q ^stratos-bench-"), 1); /* nothing is left */
}

static void failures(void **state)
{
	static const struct {
		const char *args, *says;
	} row[] = {
		{ "--spawn=\"$STRATOS rng --host=sim --socket-path={sock}\" --dev=rng "
		  "--b=--spawn=\"'no-such-program {sock}'\"",
		  "side B, round 1: the back-end ended at once, with exit code 127" },
		{ "--spawn=\"$STRATOS blk --host=null:8M --socket-path={sock}\" --dev=blk "
		  "--a=--verify=status",
		  "side B, round 1:" },
		{ "--attach=/nowhere --dev=rng --a=", "side A, round 1: /nowhere: No such file" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		char command[600];

		snprintf(command, sizeof(command),
			 "\"$STRATOS\" bench ab --count=100 --rounds=6 %s >out 2>&1", row[i].args);
		assert_int_equal(shell(command), 1);
		snprintf(command, sizeof(command), "grep -q '%s' out || { cat out; false; }",
			 row[i].says);
		assert_int_equal(shell(command), 0);
	}
	assert_int_equal(shell("\"$STRATOS\" bench ab --help | grep -q 'max-wait=PERCENT'"), 0);
	assert_int_equal(shell("\"$STRATOS\" bench ab --rounds=x 2>/dev/null"), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rule),	 cmocka_unit_test(ratios), cmocka_unit_test(thrown),
		cmocka_unit_test(taken), cmocka_unit_test(words),  cmocka_unit_test(options),
		cmocka_unit_test(sides), cmocka_unit_test(whole),  cmocka_unit_test(failures),
	};

	return cmocka_run_group_tests(tests, up, down);
}
