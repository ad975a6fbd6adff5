/* SPDX-License-Identifier: BSD-3-Clause */
/* t_bench_inside.c - `stratos bench --in-process`: devices of each class under load, each way to memory; STRATOS names the program */
#define _GNU_SOURCE
#include "bench_bed.h"
#include <string.h>

#define COUNT "2000"

/* Every load verifies each completion, so exit code 0 says that the device did what was asked for. */
static void loads(void **state)
{
	static const char *const row[] = {
		"--dev=rng --in-process=rng",
		"--dev=rng --in-process=rng,host=sim --regions=16 --event-idx --indirect",
		"--dev=i2c --in-process=i2c,host=sim --depth=4 --ring=packed",
		"--dev=gpio --in-process=gpio,host=sim --in-order",
		"--dev=rtc --in-process=rtc,host=sim --memory=bounce --in-order --depth=80",
		"--dev=spi --in-process=spi,host=sim --memory=bounce --indirect --depth=100",
		"--dev=spi --in-process=spi,host=sim --rate=20000 --block-size=1 --event-idx",
		"--dev=scmi --in-process=scmi,host=sim --memory=window --in-order",
		"--dev=scmi --in-process=scmi,host=sim,scmi-delay=20 --event-idx --rate=20000",
		"--dev=can --in-process=can,host=sim:rate=0 --memory=window --in-order",
		"--dev=can --in-process=can,host=sim:rate=0 --event-idx --rate=20000 --indirect",
		"--dev=watchdog --in-process=watchdog,host=sim --memory=bounce --indirect",
#if HAVE_MBEDTLS
		"--dev=rpmb --in-process=rpmb,host=sim --prepare --memory=bounce --indirect",
		"--dev=rpmb --in-process=rpmb,host=sim --prepare --event-idx --rate=20000",
#endif
		"--dev=rtc --in-process=rtc,host=linux --rate=20000 --ring=packed --event-idx",
		"--dev=blk --in-process=blk,host=null:1M --verify=status --depth=80",
		"--dev=blk --in-process=blk,host=null:1M,num-queues=3 --queues=3 --verify=status",
		"--dev=blk --in-process=blk,host=memory:1M --rw=mix",
		"--dev=blk --in-process=blk,host=memory:1M --rw=mix --memory=window",
		"--dev=blk --in-process=blk,host=memory:1M --rw=mix --memory=bounce",
		/* more under way than there are buffers to copy to */
		"--dev=blk --in-process=blk,host=memory:1M --rw=mix --memory=bounce --depth=80",
		/* hosts that answer later: workers, a timer, the kernel where it has io_uring */
		"--dev=blk --in-process=blk,host=file:disk,aio=threads --rw=mix",
		"--dev=blk --in-process=blk,host=file:disk,aio=threads --rw=mix --client=poll",
		"--dev=blk --in-process=blk,host=file:disk --rw=mix --event-idx",
		"--dev=blk --in-process=blk,host=sim,size=1M,delay-us=100 --rw=write --count=200",
		"--dev=rng --in-process=rng --rate=20000",
	};
	char command[400];

	(void)state;
	assert_int_equal(shell("truncate -s 1M disk"), 0);
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		snprintf(command, sizeof(command),
			 "\"$STRATOS\" bench --count=" COUNT " --floor=off %s >out 2>&1 || "
			 "{ cat out; exit 1; }",
			 row[i]);
		if (shell(command) != 0) {
			fail_msg("%s", row[i]);
		}
		assert_int_equal(shell("grep -q 'in process, .* memory' out && grep -q "
				       "'^verified' out"),
				 0);
	}
}

/* What is wrong is found here as well: a disk that forgets, one whose sector fails, one that is too slow. */
static void faults(void **state)
{
	static const struct {
		const char *args, *says;
	} row[] = {
		{ "--dev=blk --in-process=blk,host=null:1M --rw=mix",
		  "0 bytes are reported as written" },
		{ "--dev=blk --in-process=blk,host=sim,size=1M,fail-sector=64 --rw=read",
		  "status 1 (IOERR)" },
		{ "--dev=can --in-process=can,host=sim:rate=0,,busoff=123", "(NOT_OK)" },
		{ "--dev=blk --in-process=blk,host=sim,size=1M,delay-us=3000000 --stall=1",
		  "stalled" },
	};
	char command[400];

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		snprintf(command, sizeof(command),
			 "\"$STRATOS\" bench --count=" COUNT " --floor=off %s >out 2>&1; [ $? = 1 "
			 "] && grep -qF '%s' out || { cat out; exit 1; }",
			 row[i].args, row[i].says);
		if (shell(command) != 0) {
			fail_msg("%s", row[i].args);
		}
	}
}

static void refused(void **state)
{
	static const struct {
		const char *args;
		int code;
		const char *says;
	} row[] = {
		{ "--dev=blk --in-process=rng", 1, "--dev loads blk" },
		{ "--dev=blk --in-process=blk,host=null:1M,threads", 1, "one thread" },
		{ "--dev=blk --in-process=blk,host=floppy", 1, "floppy" },
		{ "--dev=rng --in-process=rng,depth=3", 1, "depth" },
		{ "--dev=rng --in-process=rng --memory=window --regions=2", 2, "one region" },
		{ "--dev=rng --in-process=rng --memory=grants", 2, "full, window or bounce" },
		{ "--dev=rng --attach=/s --memory=window", 2, "--in-process only" },
		{ "--dev=rng --attach=/s --in-process=rng", 2, "is needed" },
		{ "--dev=rng --in-process=rng --callgrind", 2, "--spawn" },
	};
	char command[400];

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		snprintf(command, sizeof(command),
			 "\"$STRATOS\" bench %s >out 2>&1; [ $? = %d ] && grep -qF -e '%s' out || "
			 "{ cat out; exit 1; }",
			 row[i].args, row[i].code, row[i].says);
		if (shell(command) != 0) {
			fail_msg("%s", row[i].args);
		}
	}
}

/* The result says what was asked for; two of them can be compared. */
static void results(void **state)
{
	(void)state;
	assert_int_equal(
		shell("\"$STRATOS\" bench --dev=rng --in-process=rng,host=sim --count=" COUNT
		      " --json | python3 -c 'import json, sys; r = json.load(sys.stdin); s = "
		      "r[\"spec\"]; assert s[\"in_process\"] == \"rng,host=sim\" and s[\"memory\"] "
		      "== \"full\" and s[\"spawn\"] is None; assert r[\"cost\"][\"cpu_ns\"] > 0 "
		      "and "
		      "r[\"result\"][\"requests\"] == " COUNT "'"),
		0);
	assert_int_equal(shell("\"$STRATOS\" bench ab --dev=rng --count=" COUNT
			       " --keep-all --rounds=6 --a='--in-process=rng,host=sim' "
			       "--b='--in-process=rng,host=sim --memory=bounce' | grep -q "
			       "'in process: rng,host=sim'"),
			 0);
}

int main(void)
{
	const struct CMUnitTest t[] = {
		cmocka_unit_test(loads),
		cmocka_unit_test(faults),
		cmocka_unit_test(refused),
		cmocka_unit_test(results),
	};

	return cmocka_run_group_tests(t, up, down);
}
