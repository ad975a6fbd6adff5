/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_bed.h - for tests that run the program by a shell: a folder of their own, which is the current one */
#ifndef TEST_UNIT_BENCH_BED_H
#define TEST_UNIT_BENCH_BED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* returns: exit code of a command; $STRATOS is the program */
static inline int shell(const char *command)
{
	int status = system(command);

	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static char bench_dir[] = "/tmp/t_bench.XXXXXX";

static inline int up(void **state)
{
	(void)state;
	return getenv("STRATOS") && mkdtemp(bench_dir) && chdir(bench_dir) == 0
		       ? setenv("TMPDIR", bench_dir, 1)
		       : -1;
}

static inline int down(void **state)
{
	char command[100];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", bench_dir);
	return chdir("/") || system(command);
}

#endif
