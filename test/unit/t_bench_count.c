/* SPDX-License-Identifier: BSD-3-Clause */
/* t_bench_count.c - counted instructions and system calls: what the tools write, and whole runs. STRATOS: the program. */
#include <string.h>
#include "bench_bed.h"
#include "app/bench_count.h"

static bool parse(const char *text, enum count_what what, unsigned run, struct counted *c)
{
	FILE *f = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
	bool ok;

	assert_non_null(f);
	ok = count_parse(f, what, run, c);
	fclose(f);
	return ok;
}

static void callgrind(void **state)
{
	static const struct {
		const char *text;
		uint64_t total; /* 0: it is no result */
	} row[] = {
		{ "version: 1\nevents: Ir\nsummary: 3497298\n\nfn=(1)\n1 5\ntotals: 3497298\n",
		  3497298 },
		{ "events: Ir\ntotals: 12\n", 12 },
		{ "events: Ir\nsummary: 0\n", 0 },
		{ "events: Ir\n", 0 },
		{ "\n", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct counted c = { .known = false };

		assert_int_equal(parse(row[i].text, COUNT_INSTRUCTIONS, 1, &c), row[i].total != 0);
		assert_int_equal(c.total[1], row[i].total);
	}
}

#define HEAD                                                                                       \
	"% time     seconds  usecs/call     calls    errors syscall\n"                             \
	"------ ----------- ----------- --------- --------- ----------------\n"

static void strace(void **state)
{
	struct counted c = { .requests = { 100, 300 } };
	char *text = NULL;
	size_t n;
	FILE *f;

	(void)state;
	assert_true(parse(HEAD " 60.00    0.000123           3        40           read\n"
			       "  0.00    0.000000           0        20        20 recvmsg\n"
			       "------ ----------- ----------- --------- --------- ---------\n"
			       "100.00    0.000123           1        60        20 total\n",
			  COUNT_CALLS, 0, &c));
	assert_true(parse(HEAD " 60.00    0.000123           3       140           read\n"
			       "  0.00    0.000000           0        20         1 recvmsg\n"
			       "  0.00    0.000000           0       500           write\n"
			       "100.00    0.000123           1       660           total\n",
			  COUNT_CALLS, 1, &c));
	c.known = true;
	c.kicks[0] = 0.5;
	c.kicks[1] = 0.25;
	assert_true(c.total[0] == 60 && c.total[1] == 660 && c.names == 3);
	assert_true(counted_each(&c) == 3.0); /* 600 more for 200 more requests */
	f = open_memstream(&text, &n);
	counted_line(f, "", COUNT_CALLS, &c);
	fclose(f);
	assert_non_null(strstr(text, "3.0000 system calls a request"));
	assert_non_null(
		strstr(text, " write 2.5000, read 0.5000\n")); /* most first; recvmsg: none */
	free(text);
	assert_false(parse(HEAD " 60.00    0.000123           3       140           read\n",
			   COUNT_CALLS, 0, &c)); /* cut off */
	assert_false(parse("strace: no such thing\n", COUNT_CALLS, 0, &c));
}

static void must(const char *command)
{
	if (shell(command) != 0) {
		(void)shell("cat out json");
		fail_msg("%s", command);
	}
}

static void need(const char *program)
{
	char command[100];

#ifdef __SANITIZE_ADDRESS__
	print_message("a back-end with AddressSanitizer does not run under %s\n", program);
	skip();
#endif
	snprintf(command, sizeof(command), "command -v %s >/dev/null", program);
	if (shell(command) != 0) {
		print_message("%s is not installed\n", program);
		skip();
	}
}

/* Four times the bytes are more instructions; and what is counted twice is the same twice. */
static void instructions(void **state)
{
	(void)state;
	need("valgrind");
	must("\"$STRATOS\" bench ab --spawn=\"$STRATOS rng --host=sim --socket-path={sock}\" "
	     "--dev=rng "
	     "--a=--block-size=64 --b=--block-size=256 --rounds=1 --count=500 --callgrind "
	     "--json=json "
	     ">out 2>&1");
	must("grep -q 'instructions a request, under valgrind' out && grep -q 'for what is "
	     "counted' out");
	must("python3 -c 'import json; r = json.load(open(\"json\")); "
	     "a, b = (r[\"counted_\" + s][\"instructions\"] for s in \"ab\"); "
	     "assert a[\"requests\"] == [500, 1500] and r[\"counted_a\"][\"system_calls\"] is "
	     "None; "
	     "assert all(abs((x[\"total\"][1] - x[\"total\"][0]) / 1000 - x[\"each\"]) < .001 "
	     "for x in (a, b)); assert 100 < a[\"each\"] < 1.1 * a[\"each\"] < b[\"each\"] < "
	     "50000'");
	must("\"$STRATOS\" bench --spawn=\"$STRATOS blk --host=memory:8M --socket-path={sock}\" "
	     "--dev=blk "
	     "--rw=mix --count=300 --callgrind --json=json >out 2>&1");
	must("python3 -c 'import json; r = json.load(open(\"json\")); "
	     "assert 100 < r[\"counted\"][\"instructions\"][\"each\"] < 50000; "
	     "assert r[\"result\"][\"requests\"] == 300'"); /* the counted ones are not in it */
	assert_int_equal(shell("ls | grep -q ^stratos-bench-"), 1);
}

/* What serves requests is counted, what starts and ends a process is not. */
static void calls(void **state)
{
	(void)state;
	need("strace");
	must("\"$STRATOS\" bench --spawn=\"$STRATOS rng --host=sim --socket-path={sock}\" "
	     "--dev=rng "
	     "--count=3000 --syscalls --json=json >out 2>&1");
	must("grep -q 'system calls a request, under strace' out");
	must("python3 -c 'import json; r = json.load(open(\"json\")); "
	     "c = r[\"counted\"][\"system_calls\"]; n = c[\"names\"]; "
	     "assert r[\"counted\"][\"instructions\"] is None and c[\"requests\"] == [3000, 9000]; "
	     "assert .01 < c[\"each\"] < 4 and n[\"epoll_wait\"] > .005, c; "
	     "assert abs(sum(n.values()) - c[\"each\"]) < .01, c; "
	     "assert abs(n[\"mmap\"]) < .002 and n[\"execve\"] == 0 and n[\"socket\"] == 0, n'");
	assert_int_equal(shell("ls | grep -q ^stratos-bench-"), 1);
}

static void failures(void **state)
{
	(void)state;
	/* a tool that is not there, before anything is started; a tool that is there and counts nothing */
	assert_int_equal(
		shell("PATH=/nowhere \"$STRATOS\" bench --spawn='echo {sock} >/tmp/started' "
		      "--dev=rng --callgrind 2>out"),
		1);
	must("grep -q -e '--callgrind needs valgrind, which is not installed' out");
	assert_int_equal(shell("PATH=/nowhere \"$STRATOS\" bench --spawn='echo {sock}' --dev=rng "
			       "--syscalls 2>out"),
			 1);
	must("grep -q -e '--syscalls needs strace, which is not installed' out");
	must("mkdir bin && printf '#!/bin/sh\\nshift 3\\nexec \"$@\"\\n' >bin/valgrind && chmod +x "
	     "bin/valgrind");
	assert_int_equal(
		shell("PATH=$PWD/bin:$PATH \"$STRATOS\" bench --count=100 --callgrind --dev=rng "
		      "--spawn=\"$STRATOS rng --host=sim --socket-path={sock}\" >out 2>&1"),
		1);
	must("grep -q 'instructions, under valgrind: it wrote no counts' out");
	assert_int_equal(shell("\"$STRATOS\" bench --attach=/s --dev=rng --syscalls 2>out"), 2);
	must("grep -q 'started under a tool: --spawn' out");
	assert_int_equal(shell("ls | grep -q ^stratos-bench-"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(callgrind),	cmocka_unit_test(strace),
		cmocka_unit_test(instructions), cmocka_unit_test(calls),
		cmocka_unit_test(failures),
	};

	return cmocka_run_group_tests(tests, up, down);
}
