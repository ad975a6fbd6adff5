/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * t_bench_run.c - `stratos bench` against our back-ends, a foreign one, and one that lies. STRATOS names the program.
 *
 * What a back-end does wrong must be found and named: a load generator that believes its target measures nothing.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "test/support/liar.h"

static char dir[64], sock[96];

/* A shell command with its output in dir/out; returns: its process */
static pid_t start(const char *command, const char *out)
{
	char whole[2048];
	pid_t pid = fork();

	if (pid != 0) {
		return pid;
	}
	snprintf(whole, sizeof(whole), "%s >%s/%s 2>&1", command, dir, out);
	execl("/bin/sh", "sh", "-c", whole, (char *)NULL);
	_exit(99);
}

static int finish(pid_t pid)
{
	int status = 0;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static const char *output(const char *out)
{
	static char text[65536];
	char path[128];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, out);
	f = fopen(path, "r");
	assert_non_null(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	fclose(f);
	return text;
}

static int bench(const char *args)
{
	char command[1024];

	snprintf(command, sizeof(command), "exec \"$STRATOS\" bench --floor=off %s", args);
	return finish(start(command, "out"));
}

static void must(const char *args, int code, const char *says)
{
	int got = bench(args);
	const char *text = output("out");

	if (got != code || !strstr(text, says)) {
		print_error("bench %s\n%s", args,
			    strstr(text, "ERROR") ? strstr(text, "ERROR") : text);
		fail_msg("code %d, must be %d and say \"%s\"", got, code, says);
	}
}

/* Python expression about the JSON result r. */
static void result(const char *expression)
{
	char command[2048];

	snprintf(command, sizeof(command),
		 "python3 -c 'import json,sys; r = json.load(open(\"%s/json\")); "
		 "sys.exit(0 if (%s) else str(r))'",
		 dir, expression);
	if (finish(start(command, "python")) != 0) {
		fail_msg("%s: %s", expression, output("python"));
	}
}

static void ours(void **state)
{
	static const struct {
		const char *backend, *args;
	} row[] = {
		{ "rng --host=sim", "--dev=rng" },
		{ "rng", "--dev=rng --ring=packed --block-size=1000 --client=poll" },
		{ "rng --host=sim", "--dev=rng --in-order --ring=packed --regions=509 --depth=64" },
		{ "rng --host=sim", "--dev=rng --in-order --event-idx" },
		{ "blk --host=memory:8M", "--dev=blk --rw=mix" },
		{ "blk --host=memory:8M",
		  "--dev=blk --rw=mix --ring=packed --event-idx --indirect" },
		{ "blk --host=memory:8M", "--dev=blk --rw=write --block-size=64K --depth=8" },
		{ "blk --host=memory:8M", "--dev=blk --rw=randwrite --block-size=512 --regions=9" },
		{ "blk --host=memory:8M --num-queues=4",
		  "--dev=blk --rw=mix --queues=4 --event-idx" },
		{ "blk --host=memory:8M", "--dev=blk --prepare --rw=read --client=poll" },
		{ "blk --host=null:8M", "--dev=blk --rw=mix --verify=status" },
		{ "blk --blk-file=%s/image", "--dev=blk --rw=mix" },
		{ "blk --blk-file=%s/image", "--dev=blk --rw=randread --in-order" },
		{ "i2c --host=sim", "--dev=i2c --block-size=16 --client=adaptive" },
		{ "gpio --host=sim", "--dev=gpio --ring=packed" },
		{ "console --host=file:/dev/null", "--dev=console" },
		{ "rtc --host=sim", "--dev=rtc --event-idx" },
		{ "spi --host=sim", "--dev=spi --in-order --regions=9 --block-size=1000" },
		{ "spi --host=sim:delay=20", "--dev=spi --ring=packed --event-idx --indirect" },
		{ "scmi --host=sim", "--dev=scmi --ring=packed --event-idx --client=poll" },
		{ "scmi --host=sim --scmi-delay=50", "--dev=scmi --indirect --address=1" },
		{ "can --host=sim:rate=0", "--dev=can --ring=packed --event-idx --in-order" },
		{ "can --host=sim:rate=0", "--dev=can --indirect --block-size=48 --regions=9" },
		{ "watchdog --host=sim", "--dev=watchdog --ring=packed --event-idx --in-order" },
#if HAVE_MBEDTLS /* the second finds the key of the first */
		{ "rpmb --host=file:$TMPDIR/rpmb", "--dev=rpmb --prepare --event-idx" },
		{ "rpmb --host=file:$TMPDIR/rpmb", "--dev=rpmb --ring=packed --address=500" },
#endif
		{ "rtc --host=linux", "--dev=rtc --ring=packed --indirect" },
		{ "rng --host=sim", "--dev=rng --rate=100000" },
	};
	char command[400];

	(void)state;
	snprintf(command, sizeof(command), "truncate -s 8M %s/image", dir);
	assert_int_equal(finish(start(command, "out")), 0);
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		char backend[200], args[600];

		snprintf(backend, sizeof(backend),
			 strstr(row[i].backend, "%s") ? "%.40s%s/image" : "%s",
			 strstr(row[i].backend, "%s") ? "blk --blk-file=" : row[i].backend, dir);
		snprintf(args, sizeof(args),
			 "--spawn=\"$STRATOS %s --socket-path={sock}\" --count=5000 --json=%s/json "
			 "%s",
			 backend, dir, row[i].args);
		must(args, 0, "verified: ");
		result("r[\"schema\"] == \"stratos-bench-1\" and r[\"result\"][\"requests\"] == "
		       "5000 and "
		       "r[\"result\"][\"errors\"] == 0 and r[\"result\"][\"fatal\"] is None");
	}
}

/* The numbers beside the speed are there, and the histogram is whole. */
static void numbers(void **state)
{
	struct liar *l;
	char args[400];

	(void)state;
	snprintf(
		args, sizeof(args),
		"--spawn=\"$STRATOS blk --host=memory:8M --socket-path={sock}\" --dev=blk --rw=mix "
		"--depth=1 --count=2000 --json=%s/json",
		dir);
	must(args, 0, "verified: every request");
	result("r[\"cost\"][\"known\"] and r[\"cost\"][\"cpu_ns\"] > 0 and "
	       "r[\"cost\"][\"rss_bytes\"] > 8e5 and r[\"cost\"][\"threads\"] >= 1 and "
	       "r[\"cost\"][\"client_cpu_ns\"] > 0");
	result("sum(n for low, high, n in r[\"result\"][\"latency_ns\"][\"buckets\"]) == 2000");
	result("r[\"result\"][\"bytes\"] == 2000 * 4096 and r[\"backend\"][\"ready_ns\"] > 0");
	result("r[\"result\"][\"ns\"] >= r[\"result\"][\"latency_ns\"][\"max\"] and "
	       "r[\"backend\"][\"features\"] & 1 << 32");
	/* a back-end that wants each kick and always signals, one request at a time */
	l = liar_start(sock, LIE_NONE, 0);
	snprintf(args, sizeof(args), "--attach=%s --dev=blk --depth=1 --count=2000 --json=%s/json",
		 sock, dir);
	must(args, 0, "verified: every request");
	assert_int_equal(liar_stop(l), 2000);
	result("r[\"result\"][\"kicks\"] == 2000 and 0 < r[\"result\"][\"calls\"] <= 2000");
	/* it does not sleep while it spins, and a second of spinning is enough for each request */
	snprintf(args, sizeof(args),
		 "--spawn=\"$STRATOS rng --host=sim --socket-path={sock}\" --dev=rng --depth=1 "
		 "--client=adaptive:1000000 --count=2000 --json=%s/json",
		 dir);
	must(args, 0, "client spins, then waits");
	result("r[\"result\"][\"calls\"] < 20 and r[\"spec\"][\"client\"] == \"adaptive\" and "
	       "r[\"spec\"][\"spin_ns\"] == 10**9");
	assert_int_equal(bench("--spawn=\"$STRATOS rng --socket-path={sock}\" --dev=rng --count=10 "
			       "--json | python3 -c 'import json, sys; json.load(sys.stdin)'"),
			 0);
}

static void lies(void **state)
{
	static const struct {
		enum lie lie;
		uint32_t at;
		const char *args;
		int code;
		const char *says;
	} row[] = {
		{ LIE_NONE, 0, "--rw=mix --count=3000", 0, "verified: every request" },
		{ LIE_NONE, 0, "--rw=mix --count=3000 --client=poll", 0,
		  "verified: every request" },
		{ LIE_NONE, 0, "--rw=mix --count=3000 --event-idx", 0, "verified: every request" },
		{ LIE_SHRINKS, 0, "--rw=mix", 0, "verified: every request" },
		{ LIE_LEN_LESS, 500, "--rw=mix", 1, "bytes are reported as written, must be" },
		{ LIE_LEN_MORE, 500, "--rw=mix", 1, "more than there was room for" },
		{ LIE_LOST, 500, "--stall=1 --time=4", 1, "lost by the back-end" },
		{ LIE_LOST, 500, "--stall=1 --count=600", 1,
		  "after 599 requests. Queue 0 has 1 under way" },
		{ LIE_LOST, 0, "--stall=1 --depth=1 --event-idx", 1,
		  "took all of them, and keeps them" },
		{ LIE_TWICE, 500, "--rw=mix", 1, "ERROR queue 0: the back-end " },
		{ LIE_TWICE, 500, "--depth=1", 1, "completed more requests than it was given" },
		{ LIE_ID, 500, "--rw=mix", 1, "descriptor 255 with" },
		{ LIE_NO_CALL, 500, "--count=530", 1,
		  "notification that was asked for did not come" },
		{ LIE_NO_CALL, 20, "--rate=100 --time=2", 1,
		  "notification that was asked for did not" },
		{ LIE_CORRUPT, 500, "--prepare", 1, "not what was written last, from byte 96 on" },
		{ LIE_CORRUPT, 500, "--rw=read", 1, "other bytes than at the first reading" },
		{ LIE_FORGETS, 300, "--rw=write --count=512", 1, "it is what was there before" },
		{ LIE_FORGETS, 100, "--rw=write --count=256", 1, "not what was written last" },
		{ LIE_FORGETS, 100, "--rw=read --prepare --count=256", 1,
		  "read of block 100: not what" },
		{ LIE_UNTOUCHED, 500, "--rw=read", 1, "byte 0 and on were not written" },
		{ LIE_STATUS, 500, "--rw=mix", 1, "status 1 (IOERR)" },
		{ LIE_NO_STATUS, 500, "--rw=mix --verify=status", 1,
		  "the status byte was not written" },
		{ LIE_DIES, 500, "--rw=mix", 1,
		  "the back-end closed the connection after 500 req" },
		{ LIE_DIES, 500, "--rw=mix --client=poll", 1,
		  "closed the connection after 500 req" },
		{ LIE_DEAF, 0, "--stall=1", 1, "the back-end has not read its kick" },
		{ LIE_SLEEPS, 0, "--stall=1", 1, "the back-end read the kick; it holds them" },
		{ LIE_SLEEPS, 0, "--stall=1 --event-idx", 1, "but left 32 of them in the ring" },
		{ LIE_SLEEPS, 700, "--stall=1 --client=poll", 1,
		  "stalled: nothing completed for " },
		{ LIE_OLD, 0, "", 1, "the back-end has no CONFIG" },
		{ LIE_NONE, 0, "--ring=packed", 1, "does not offer RING_PACKED" },
		{ LIE_NONE, 0, "--queues=2", 1, "has 1 queue, 2 are needed" },
		{ LIE_NONE, 0, "--size=2M", 1, "the disk has 1048576 bytes" },
		{ LIE_NONE, 0, "--block-size=64K", 1, "16 blocks of 65536 bytes are too few" },
		{ LIE_NONE, 0, "--regions=9", 1, "9 regions, but the back-end takes 8" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct liar *l = liar_start(sock, row[i].lie, row[i].at);
		char args[300];

		assert_non_null(l);
		snprintf(args, sizeof(args), "--attach=%s --dev=blk %s%s", sock, row[i].args,
			 strstr(row[i].args, "--time=") || strstr(row[i].args, "--count=")
				 ? ""
				 : " --count=2000");
		must(args, row[i].code, row[i].says);
		liar_stop(l);
	}
}

static void spawning(void **state)
{
	(void)state;
	must("--attach=/nowhere/sock --dev=rng", 1, "/nowhere/sock: No such file or directory");
	must("--spawn='no-such-program {sock}' --dev=rng", 1, "ended at once, with exit code 127");
	must("--spawn='echo the reason {sock}; exit 3' --dev=rng", 1,
	     "The back-end said:\nthe reason");
	must("--spawn='kill -9 $$ {sock}' --dev=rng", 1, "ended at once, by signal 9");
	must("--dev=rng", 2, "Try `stratos bench --help`");
	/* a device of another class is found out */
	must("--spawn=\"$STRATOS rng --socket-path={sock}\" --dev=blk", 1, "disk's configuration");
	/* nothing is left: neither process nor folder, also when the back-end does not want to leave */
	must("--spawn=\"trap '' TERM; echo \\$\\$ >&2; $STRATOS rng --socket-path={sock}; sleep "
	     "999\" "
	     "--dev=rng --count=10",
	     0, "verified: every request");
	assert_int_equal(finish(start("ls \"$TMPDIR\" | grep -q ^stratos-bench-", "left")), 1);
}

/* Requests that fall due while the back-end is held up count from when they were due, all of them. */
static void omission(void **state)
{
	char args[500], command[700];
	pid_t daemon, load;

	(void)state;
	snprintf(command, sizeof(command),
		 "exec \"$STRATOS\" rng --host=sim --sandbox=off --socket-path=%s", sock);
	(void)unlink(sock);
	daemon = start(command, "daemon");
	while (access(sock, F_OK) != 0) {
		usleep(1000);
	}
	snprintf(args, sizeof(args),
		 "exec \"$STRATOS\" bench --attach=%s --dev=rng --rate=1000 --time=3 --depth=8 "
		 "--json=%s/json",
		 sock, dir);
	load = start(args, "out");
	while (!strstr(output("daemon"), "front-end connected")) {
		usleep(1000);
	}
	usleep(300000);
	kill(daemon, SIGSTOP);
	usleep(400000);
	kill(daemon, SIGCONT);
	assert_int_equal(finish(load), 0);
	/* 8 of them were with the back-end, the others had not been sent */
	result("sum(n for low, high, n in r[\"result\"][\"latency_ns\"][\"buckets\"] if low > 1e8) "
	       "> 150");
	result("r[\"result\"][\"latency_ns\"][\"max\"] > 3e8 and r[\"result\"][\"requests\"] >= "
	       "1500");
	kill(daemon, SIGTERM);
	finish(daemon);
}

static void foreign(void **state)
{
	static const char *const args[] = {
		"--verify=status --rw=mix",
		"--verify=status --event-idx --regions=20 --client=poll",
	};

	(void)state;
	if (finish(start("command -v qemu-storage-daemon", "out")) != 0) {
		print_message("qemu-storage-daemon is not installed\n");
		skip();
	}
	for (size_t i = 0; i < sizeof(args) / sizeof(args[0]); i++) {
		char line[600];

		snprintf(
			line, sizeof(line),
			"--spawn='qemu-storage-daemon --blockdev null-co,size=67108864,node-name=d "
			"--export vhost-user-blk,id=e,node-name=d,addr.type=unix,addr.path={sock},"
			"writable=on' --dev=blk --count=20000 %s",
			args[i]);
		must(line, 0, "20000 in ");
	}
}

static int up(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/t_bench_run.XXXXXX");
	if (!mkdtemp(dir)) {
		return -1;
	}
	snprintf(sock, sizeof(sock), "%s/sock", dir);
	return getenv("STRATOS") ? setenv("TMPDIR", dir, 1) : -1;
}

static int down(void **state)
{
	char command[100];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ours),	    cmocka_unit_test(numbers),	cmocka_unit_test(lies),
		cmocka_unit_test(spawning), cmocka_unit_test(omission), cmocka_unit_test(foreign),
	};

	return cmocka_run_group_tests(tests, up, down);
}
