/* SPDX-License-Identifier: BSD-3-Clause */
/* bench.c - `stratos bench`: load a vhost-user back-end, verify and measure */
#include "app/bench_ab.h"
#include "app/bench_count.h"
#include "app/bench_limit.h"
#include "app/bench_sweep.h"
#include "app/command.h"
#include "app/daemon.h"
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A new class is one file and one line here. */
const struct bench_class *const bench_classes[] = {
	&bench_rng,  &bench_blk, &bench_console, &bench_i2c, &bench_gpio,
	&bench_rtc,  &bench_spi, &bench_scmi,	 &bench_can, &bench_watchdog,
#if HAVE_MBEDTLS /* without, nobody can tell a signature */
	&bench_rpmb,
#endif
	NULL,
};

static void on_signal(int number)
{
	(void)number;
	bench_stop();
}

static int write_json(const struct bench *b)
{
	FILE *out = b->spec.json[0] ? fopen(b->spec.json, "we") : stdout;

	if (out) {
		bench_json(out, b);
	}
	if (!out || (out == stdout ? fflush(out) : fclose(out)) != 0) {
		fprintf(stderr, "stratos bench: %s: %s\n",
			b->spec.json[0] ? b->spec.json : "standard output", strerror(errno));
		return -1;
	}
	return 0;
}

void bench_signals(void)
{
	struct sigaction sa = { .sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND };

	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
}

/* What is found out after the load: what bounds it, and what can be counted */
static void after(struct bench *b)
{
	struct floor_in in;
	char err[256] = "";

	if (b->result.hist.n == 0 || b->result.errors != 0) {
		return;
	}
	if (b->spec.floor) {
		bench_floor_of(b, &in);
		b->result.floors = bench_floor(&in, b->result.floor);
	}
	if (bench_counted(&b->spec, b->result.counted, err)) {
		bench_fatal(b, "%s", err);
	}
}

static void print_plot(FILE *out, const void *what)
{
	bench_plot(out, what);
}

static int run(struct bench *b)
{
	char err[256] = "";
	bool failed;

	bench_signals();
	if (count_possible(&b->spec, err) || bench_open(b, err)) {
		fprintf(stderr, "stratos bench: %s\n", err);
		return EXIT_RUN;
	}
	bench_run(b);
	after(b);
	failed = b->result.errors != 0;
	if (!b->spec.json || b->spec.json[0]) {
		bench_report(stdout, b);
	}
	if (b->spec.json && write_json(b)) {
		failed = true;
	}
	if (b->spec.plot && plot_file(b->spec.plot, print_plot, b)) {
		failed = true;
	}
	bench_close(b);
	return failed ? EXIT_RUN : EXIT_OK;
}

int cmd_bench(int argc, char **argv)
{
	struct bench *b;
	char err[256] = "";
	int code;

	if (argc > 1 && strcmp(argv[1], "ab") == 0) {
		return bench_ab(argc - 1, argv + 1);
	}
	if (argc > 1 && strcmp(argv[1], "limits") == 0) {
		return bench_limits(argc - 1, argv + 1);
	}
	b = calloc(1, sizeof(*b));
	if (!b) {
		fprintf(stderr, "stratos bench: no memory\n");
		return EXIT_RUN;
	}
	code = bench_options(argc, argv, &b->spec, err);
	if (code < 0) {
		fprintf(stderr, "stratos bench: %s\nTry `stratos bench --help`.\n", err);
		code = EXIT_USAGE;
	} else if (code > 0) {
		code = EXIT_OK;
	} else if (b->spec.sweep) {
		code = bench_sweep(argc, argv, &b->spec);
	} else {
		b->spec.quiet = b->spec.quiet || !isatty(STDERR_FILENO);
		code = run(b);
	}
	free(b);
	return code;
}
