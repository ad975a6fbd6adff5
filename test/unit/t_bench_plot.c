/* SPDX-License-Identifier: BSD-3-Clause */
/* t_bench_plot.c - pictures and sweeps: axes, words, XML that a parser takes, and whole runs. STRATOS: the program. */
#include <math.h>
#include <string.h>
#include "bench_bed.h"
#include "app/bench_svg.h"
#include "app/bench_sweep.h"

static void ticks(void **state)
{
	static const struct {
		enum svg_scale scale;
		double low, high;
		const char *labels;
	} row[] = {
		{ SVG_LINEAR, 0, 100, "0 20 40 60 80 100" },
		{ SVG_LINEAR, 0, 7, "0 2 4 6" },
		{ SVG_LINEAR, 0, 0.0123, "0 0.005 0.01" },
		{ SVG_LINEAR, 0, 1.5e6, "0 500k 1M 1.5M" },
		{ SVG_LOG, 1, 64, "1 2 5 10 20 50" },
		{ SVG_LOG, 3.2, 4.1, "3.2 4.1" },
		{ SVG_LOG, 0.5, 5e6, "1 10 100 1000 10k 100k 1M" },
		{ SVG_NINES, 0, 0.9995, "0 % 50 % 90 % 99 % 99.9 %" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		double tick[SVG_TICKS];
		char got[300] = "", word[32];
		unsigned n = svg_ticks(row[i].scale, row[i].low, row[i].high, tick);

		for (unsigned k = 0; k < n; k++) {
			strcat(got, k > 0 ? " " : "");
			strcat(got, svg_label(row[i].scale, tick[k], word));
		}
		assert_string_equal(got, row[i].labels);
	}
	for (int low = -9; low < 9; low++) { /* any range has labels, in order and within it */
		for (int high = low + 1; high < 20; high++) {
			double tick[SVG_TICKS], a = pow(10.0, low), b = 3.0 * pow(10.0, high);
			unsigned n = svg_ticks(SVG_LOG, a, b, tick);

			assert_in_range(n, 2, SVG_TICKS);
			for (unsigned k = 0; k < n; k++) {
				assert_true(tick[k] >= a * .999 && tick[k] <= b * 1.001);
				assert_true(k == 0 || tick[k] > tick[k - 1]);
			}
		}
	}
}

static void must(const char *command)
{
	if (shell(command) != 0) {
		(void)shell("cat out");
		fail_msg("%s", command);
	}
}

/* What any picture must be: XML, everything within it, every line with a legend, axes with titles and labels */
static const char checker[] =
	"import sys, xml.etree.ElementTree as E\n"
	"n = '{http://www.w3.org/2000/svg}'\n"
	"def picture(path, charts, lines):\n"
	"  root = E.parse(path).getroot()\n"
	"  assert root.tag == n + 'svg' and not root.findall('.//' + n + 'image')\n"
	"  w, h = (float(x) for x in root.get('viewBox').split()[2:])\n"
	"  groups = root.findall(n + 'g')\n"
	"  assert len(groups) == charts, len(groups)\n"
	"  for g in groups:\n"
	"    top = float(g.get('transform').split()[1].strip(')'))\n"
	"    box = g.find(n + 'rect')\n"
	"    x0, y0 = float(box.get('x')), float(box.get('y'))\n"
	"    x1, y1 = x0 + float(box.get('width')), y0 + float(box.get('height'))\n"
	"    assert 0 <= x0 < x1 <= w and top + y1 + 40 <= h\n"
	"    paths = [[tuple(map(float, p.split(','))) for p in l.get('points').split()]\n"
	"             for l in g.findall(n + 'polyline')]\n"
	"    legend = [t.text for t in g.findall(n + 'text') if t.get('class') == 'legend']\n"
	"    axis = [t.text for t in g.iter(n + 'text') if t.get('class') == 'axis']\n"
	"    assert len(legend) == len(paths) and len(axis) == 2 and all(axis), (legend, axis)\n"
	"    assert len([t for t in g.findall(n + 'text') if t.get('class') is None]) >= 4\n"
	"    for p in paths:\n"
	"      assert p, legend\n"
	"      assert all(x0 - .1 <= x <= x1 + .1 and y0 - .1 <= y <= y1 + .1 for x, y in p), p\n"
	"      assert p == sorted(p, key=lambda q: q[0])\n"
	"    lines -= len(paths)\n"
	"  assert lines == 0, lines\n"
	"  return root, paths\n";

static void check(const char *python)
{
	FILE *f = fopen("check.py", "w");

	assert_non_null(f);
	fprintf(f, "%s%s\n", checker, python);
	fclose(f);
	must("python3 check.py >out 2>&1");
}

/* Texts that are no XML, points that are none, ranges of nothing */
static void odd(void **state)
{
	static const double x[] = { 1, 2, 4 }, y[] = { 5, NAN, 7 }, zero[] = { 0, 0, 0 };
	static const double low[] = { 4, NAN, 7 }, high[] = { 6, NAN, 7 };
	static const struct svg_chart c[] = {
		{ "a<b> & \"c\" \x01",
		  "x<",
		  "y>",
		  SVG_LOG,
		  SVG_LINEAR,
		  { { "l&1", 3, x, y, low, high, true }, { "l2", 3, x, zero, NULL, NULL, false } },
		  2 },
		{ "all zero, logarithmic",
		  "x",
		  "y",
		  SVG_LINEAR,
		  SVG_LOG,
		  { { "one", 3, x, y, NULL, NULL, true } },
		  1 },
		{ "one point",
		  "x",
		  "y",
		  SVG_LINEAR,
		  SVG_LINEAR,
		  { { "one", 1, x, y, NULL, NULL, true } },
		  1 },
	};
	static const char *const heading[] = { "--spawn='a | b && c > \"d\"'" };
	FILE *f = fopen("odd.svg", "w");

	(void)state;
	assert_non_null(f);
	svg_write(f, c, 3, heading, 1);
	fclose(f);
	check("root, _ = picture('odd.svg', 3, 4)\n"
	      "t = [t.text for t in root.iter(n + 'text')]\n"
	      "assert t[0] == \"--spawn='a | b && c > \\\"d\\\"'\" and 'a<b> & \"c\"  ' in t and "
	      "'l&1' in t\n"
	      "assert 'nan' not in open('odd.svg').read() and 'inf' not in open('odd.svg').read()");
}

static void spawns(void **state)
{
	static const struct {
		const char *spawn, *result;
		unsigned hits;
	} row[] = {
		{ "a {n} b{n}", "a 8 b8", 2 },
		{ "a {m} {sock}", "a {m} {sock}", 0 },
		{ "{n}", "8", 1 },
		{ "", "", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		unsigned hits = 9;
		char *got = sweep_spawn(row[i].spawn, "n", "8", &hits);

		assert_string_equal(got, row[i].result);
		assert_int_equal(hits, row[i].hits);
		free(got);
	}
}

static void values(void **state)
{
	static const struct {
		const char *text, *says; /* says: NULL when it is right */
	} row[] = {
		{ "depth:1,2,64K", NULL },
		{ "depth:0", NULL },
		{ "depth", "must be NAME:VALUE" },
		{ ":1", "must be NAME:VALUE" },
		{ "depth:", "must be numbers" },
		{ "depth:1,,2", "must be numbers" },
		{ "depth:1,x", "'x': must be numbers" },
		{ "depth:2,1", "1: must be more than" },
		{ "depth:1,1", "1: must be more than" },
		{ "d:1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,"
		  "30,31,32,33",
		  "at most 32" },
	};
	struct sweep *w = calloc(1, sizeof(*w));

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		char err[256] = "";
		int rc = sweep_parse(row[i].text, w, err);

		if (rc != (row[i].says ? -1 : 0) || (row[i].says && !strstr(err, row[i].says))) {
			fail_msg("%s: %d '%s'", row[i].text, rc, err);
		}
	}
	free(w);
}

#define RNG "--spawn=\"$STRATOS rng --host=sim --socket-path={sock}\" --dev=rng "

static void latencies(void **state)
{
	(void)state;
	must("\"$STRATOS\" bench --floor=off " RNG "--count=3000 --plot=p.svg --json=j >out 2>&1");
	/* the line climbs, from the least latency and none of the requests to the greatest and nearly all */
	check("import json\n"
	      "root, paths = picture('p.svg', 1, 1)\n"
	      "p, r = paths[0], json.load(open('j'))['result']['latency_ns']\n"
	      "assert len(p) == 1 + len(r['buckets'])\n"
	      "assert all(a[1] >= b[1] for a, b in zip(p, p[1:]))\n"
	      "box = root.find('.//' + n + 'g').find(n + 'rect')\n"
	      "assert abs(p[0][0] - float(box.get('x'))) < .1\n"
	      "assert abs(p[0][1] - float(box.get('y')) - float(box.get('height'))) < .1\n"
	      "assert any(t.text == '3000 requests' for t in root.iter(n + 'text'))");
	must("\"$STRATOS\" bench ab --floor=off " RNG
	     "--count=200 --b=--depth=1 --rounds=1 --keep-all "
	     "--plot=p.svg >out 2>&1");
	check("root, paths = picture('p.svg', 1, 2)\n"
	      "assert {'A', 'B'} <= {t.text for t in root.iter(n + 'text')}");
}

static void sweeps(void **state)
{
	(void)state;
	must("\"$STRATOS\" bench " RNG
	     "--count=300 --warmup=10ms --sweep=depth:1,4,16 --rounds=2 --plot=p.svg "
	     "--json=j >out 2>&1");
	must("grep -q '^ *16 .*[0-9]$' out");
	check("import json, statistics as st\n"
	      "root, _ = picture('p.svg', 4, 6)\n"
	      "assert len(root.findall('.//' + n + 'circle')) == 6 * 3\n"
	      "r = json.load(open('j'))\n"
	      "assert r['schema'] == 'stratos-bench-sweep-1' and r['rounds'] == 2 and r['name'] == "
	      "'depth'\n"
	      "assert [p['value'] for p in r['points']] == [1, 4, 16] and r['first']['depth'] == "
	      "1\n"
	      "for p in r['points']:\n"
	      "  assert [x['requests'] for x in p['runs']] == [300, 300] and p['instructions'] is "
	      "None\n"
	      "  for m in ('rate', 'cpu', 'p99', 'kicks'):\n"
	      "    assert abs(st.median(x[m] for x in p['runs']) - p[m]) <= 1e-6 * p[m]\n");
	/* any word of the command */
	must("\"$STRATOS\" bench --spawn=\"echo {devices} >>seen; exec $STRATOS rng --host=sim "
	     "--socket-path={sock}\" --dev=rng --count=100 --sweep=devices:1,3 --rounds=3 >out "
	     "2>&1");
	must("test \"$(tr '\\n' ' ' <seen)\" = '1 3 3 1 1 3 '"); /* upwards, downwards, upwards */
}

static void failures(void **state)
{
	static const struct {
		const char *args;
		int code;
		const char *says;
	} row[] = {
		{ RNG "--sweep=frob:1,2", 2, "--sweep=frob: must be depth, queues" },
		{ RNG "--sweep=depth:1,100", 2, "depth 100: --depth: a ring of 256 has room" },
		{ RNG "--sweep=depth:2,1", 2, "1: must be more than the value before" },
		{ RNG "--sweep", 2, "--sweep needs a value" },
		{ RNG "--rounds=33", 2, "must be 1 to 32 rounds" },
		{ RNG "--plot=", 2, "--plot=: must be a file" },
		{ RNG "--count=10 --plot=/no/file.svg", 1, "/no/file.svg: No such file" },
		{ "--spawn='exit {n} # {sock}' --dev=rng --sweep=n:3,4", 1,
		  "n 3: the back-end ended at once" },
		{ "ab " RNG "--b= --sweep=depth:1", 2, "a sweep has one load" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		char command[600];
		int code;

		snprintf(command, sizeof(command), "\"$STRATOS\" bench %s >out 2>&1", row[i].args);
		code = shell(command);
		snprintf(command, sizeof(command), "grep -q -e '%s' out", row[i].says);
		if (code != row[i].code || shell(command) != 0) {
			(void)shell("cat out");
			fail_msg("%s: %d", row[i].args, code);
		}
	}
	assert_int_equal(shell("ls | grep -q ^stratos-bench-"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ticks),    cmocka_unit_test(odd),	 cmocka_unit_test(spawns),
		cmocka_unit_test(values),   cmocka_unit_test(latencies), cmocka_unit_test(sweeps),
		cmocka_unit_test(failures),
	};

	return cmocka_run_group_tests(tests, up, down);
}
