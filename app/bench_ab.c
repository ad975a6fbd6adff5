/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench_ab.c - `stratos bench ab`: the rounds
 *
 * Each run is a `stratos bench` of its own: a new connection, a new process when the back-end is spawned, so that what
 * chance decides once a process (where its memory lies) is decided anew and is not taken for a difference. As many
 * rounds are run as were asked for, whatever they show: to stop when the result pleases is to choose it.
 */
#include "app/bench_ab.h"
#include "app/bench_limit.h"
#include "app/bench_count.h"
#include "app/bench_sweep.h"
#include "app/daemon.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *side_name(enum ab_side side)
{
	return side == AB_A ? "A" : "B";
}

static void complain(const struct bench *b, enum ab_side side, unsigned round)
{
	fprintf(stderr, "stratos bench ab: side %s, round %u:\n", side_name(side), round + 1u);
	for (uint64_t i = 0; i < b->result.errors && i < BENCH_ERRORS && b->result.error[i][0];
	     i++) {
		fprintf(stderr, "ERROR %s\n", b->result.error[i]);
	}
	if (b->result.fatal[0]) {
		fprintf(stderr, "ERROR %s\n", b->result.fatal);
	}
}

/* One run of one side. returns: 0 | -1: it failed, and that is said */
static int one_run(struct ab *ab, struct bench *b, unsigned round, unsigned i)
{
	enum ab_side side = ab_order[i];
	char err[256] = "";

	memset(b, 0, sizeof(*b));
	b->spec = ab->spec[side];
	if (bench_open(b, err)) {
		fprintf(stderr, "stratos bench ab: side %s, round %u: %s\n", side_name(side),
			round + 1u, err);
		return -1;
	}
	bench_run(b);
	bench_close(b);
	if (b->result.errors == 0 && b->result.hist.n == 0 && !bench_stopped()) {
		bench_fatal(b, "nothing was completed in %.3f s", (double)b->spec.time_ns / 1e9);
	}
	if (b->result.errors != 0) {
		complain(b, side, round);
		return -1;
	}
	ab->span[side] = b->span;
	ab->bytes[side] = bench_mean_bytes(b);
	ab_take(b, &ab->round[round].run[i]);
	return 0;
}

static void progress(const struct ab *ab, unsigned round, unsigned i)
{
	unsigned thrown = 0;

	if (ab->quiet) {
		return;
	}
	for (unsigned k = 0; k < ab->n; k++) {
		thrown += ab->round[k].thrown != AB_KEPT ? 1u : 0u;
	}
	fprintf(stderr, "\r\033[K[round %u of %u, %s] %u thrown out", round + 1u, ab->rounds,
		side_name(ab_order[i]), thrown);
}

/* returns: 0, also when it was interrupted | -1 a back-end failed */
static int rounds(struct ab *ab, struct bench *b)
{
	struct hist *hist = calloc(2, sizeof(*hist));
	int rc = hist ? 0 : -1;

	while (rc == 0 && ab->n < ab->rounds && !bench_stopped()) {
		struct ab_round *r = &ab->round[ab->n];

		memset(hist, 0, 2 * sizeof(*hist));
		for (unsigned i = 0; rc == 0 && i < AB_RUNS && !bench_stopped(); i++) {
			progress(ab, ab->n, i);
			rc = one_run(ab, b, ab->n, i);
			hist_merge(&hist[ab_order[i]], &b->result.hist);
		}
		if (rc != 0 || bench_stopped()) {
			break; /* part of a round is no round */
		}
		r->thrown = ab_judge(ab, r);
		for (unsigned s = AB_A; s <= AB_B && (ab->keep_all || r->thrown == AB_KEPT); s++) {
			hist_merge(&ab->hist[s], &hist[s]);
		}
		ab->n++;
	}
	if (!ab->quiet) {
		fputs("\r\033[K", stderr);
	}
	free(hist);
	return rc;
}

static int write_json(const struct ab *ab)
{
	FILE *out = ab->json[0] ? fopen(ab->json, "we") : stdout;

	if (out) {
		ab_json(out, ab);
	}
	if (!out || (out == stdout ? fflush(out) : fclose(out)) != 0) {
		fprintf(stderr, "stratos bench ab: %s: %s\n",
			ab->json[0] ? ab->json : "standard output", strerror(errno));
		return -1;
	}
	return 0;
}

/* returns: 0 | -1: a tool is missing, or a counted run failed, and that is said */
static int count(struct ab *ab, bool only_ask)
{
	char err[256] = "";

	for (unsigned s = AB_A; s <= AB_B; s++) {
		if (only_ask ? count_possible(&ab->spec[s], err)
			     : bench_counted(&ab->spec[s], ab->counted[s], err)) {
			fprintf(stderr, "stratos bench ab: side %s: %s\n",
				side_name((enum ab_side)s), err);
			return -1;
		}
	}
	return 0;
}

static void print_plot(FILE *out, const void *what)
{
	ab_plot(out, what);
}

static int run(struct ab *ab)
{
	struct bench *b = calloc(1, sizeof(*b));
	int rc = -1;

	ab->round = calloc(ab->rounds, sizeof(*ab->round));
	if (!b || !ab->round) {
		fprintf(stderr, "stratos bench ab: no memory\n");
	} else {
		ab->quiet = ab->quiet || !isatty(STDERR_FILENO);
		bench_signals();
		rc = count(ab, true);
		rc = rc == 0 ? rounds(ab, b) : rc;
		rc = rc == 0 && !bench_stopped() ? count(ab, false) : rc;
		if (rc == 0 && ab->spec[AB_A].floor && ab->spec[AB_B].floor) {
			ab_floors(ab);
		}
	}
	if (ab->round && (rc == 0 || ab->n > 0)) {
		if (!ab->json || ab->json[0]) {
			ab_report(stdout, ab);
		}
		rc |= ab->json ? write_json(ab) : 0;
		rc |= ab->plot ? plot_file(ab->plot, print_plot, ab) : 0;
	}
	free(b);
	return rc ? EXIT_RUN : EXIT_OK;
}

int bench_ab(int argc, char **argv)
{
	struct ab *ab = calloc(1, sizeof(*ab));
	char err[256] = "";
	int code;

	if (!ab) {
		fprintf(stderr, "stratos bench ab: no memory\n");
		return EXIT_RUN;
	}
	code = ab_options(argc, argv, ab, err);
	if (code < 0) {
		fprintf(stderr, "stratos bench ab: %s\nTry `stratos bench ab --help`.\n", err);
		code = EXIT_USAGE;
	} else {
		code = code > 0 ? EXIT_OK : run(ab);
	}
	ab_free(ab);
	free(ab);
	return code;
}
