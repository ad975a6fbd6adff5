/* SPDX-License-Identifier: BSD-3-Clause */
/* main.c - the driver and device matrix without a test framework, for targets where none is packaged */
#include <stdio.h>
#include <stdlib.h>
#include "test/support/matrix.h"

static void say(const char *line)
{
	(void)printf("not ok - %s\n", line);
	(void)fflush(stdout);
}

int main(int argc, char **argv)
{
	uint32_t requests = (argc > 1) ? (uint32_t)strtoul(argv[1], NULL, 10) : 1000u;
	unsigned failed = 0u;

	for (int kind = 0; kind < WORLD_KINDS; kind++) {
		unsigned n = matrix_run((enum world_kind)kind, requests, say);

		(void)printf("%s - %s\n", (n == 0u) ? "ok" : "not ok", world_name[kind]);
		failed += n;
	}
	return (failed == 0u) ? 0 : 1;
}
