/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench_ab.h - `stratos bench ab`: two specifications, run in turns, and the ratio of what they cost
 *
 * Files: bench_ab.c the rounds; bench_ab_option.c the options; bench_ab_rule.c which rounds count, and the ratios;
 * bench_ab_report.c the table and the JSON; bench_stat.c the statistics.
 */
#ifndef APP_BENCH_AB_H
#define APP_BENCH_AB_H

#include "app/bench.h"
#include "app/bench_stat.h"

enum ab_side { AB_A, AB_B };
enum { AB_RUNS = 4 }; /* of a round: A B B A */

enum ab_metric_id { AB_CPU, AB_RATE, AB_P50, AB_P99, AB_KICKS, AB_CALLS, AB_METRICS };

/* Why a round does not count; the first that holds. */
enum ab_thrown { AB_KEPT, AB_STEAL, AB_WAIT, AB_PLACE, AB_REASONS };

struct ab_run {
	double value[AB_METRICS]; /* not a number: not known */
	double steal; /* part of all processors' time that the hypervisor took, 0 .. 1 */
	double wait; /* time that threads of both ends were ready but not running; part of the run's */
	double together; /* part of the looks that saw both ends on one processor */
	uint64_t requests;
};

struct ab_round {
	struct ab_run run[AB_RUNS];
	enum ab_thrown thrown;
};

struct ab {
	struct bench_spec spec[2];
	char **argv[2]; /* the words that spec's strings point into */
	const char *words[2];
	const char *json, *plot;
	unsigned rounds; /* asked for */
	int metric;	 /* the one that decides */
	double max_steal, max_wait;
	bool keep_all, quiet;
	unsigned n; /* complete rounds */
	struct ab_round *round;
	struct counted counted[2][COUNTS];
	struct floor floor[2][FLOORS]; /* of the medians */
	unsigned floors[2];
	uint32_t bytes[2];   /* of a request, in the last run */
	uint64_t span[2];    /* bytes of the disk in use */
	struct hist hist[2]; /* of the rounds that count */
};

struct ab_metric {
	const char *name, *unit, *about;
	double scale; /* from value to unit */
	bool more_is_better;
};

/* The ratio B / A of one metric. */
struct ab_result {
	double median[2]; /* of the runs of A and B that count; not a number: none is known */
	struct stat_ratio ratio; /* over rounds that count */
	double all;		 /* median ratio of all rounds */
	const char *none;	 /* why there is no ratio, or NULL */
};

extern const enum ab_side ab_order[AB_RUNS];
extern const struct ab_metric ab_metrics[AB_METRICS];
extern const char *const ab_reasons[AB_REASONS];

/* bench_ab_option.c: 0 | -1 and err | 1 --help was printed. ab_free: what they and bench_ab allocated */
int ab_options(int argc, char **argv, struct ab *ab, char err[256]);
void ab_free(struct ab *ab);
/*
 * ab_split - words of a text as a shell would see them: blanks separate, '...', "..." and \ quote; nothing is expanded
 * returns: a vector closed by NULL, to be freed word by word | NULL: a quote is not closed
 */
char **ab_split(const char *text);

/* bench_ab_rule.c */
void ab_take(const struct bench *b, struct ab_run *run); /* what a finished run says */
enum ab_thrown ab_judge(const struct ab *ab, const struct ab_round *r); /* does it count */
void ab_result(const struct ab *ab, unsigned metric, struct ab_result *out);
/* ab_verdict - "B is better", ...; never NULL */
const char *ab_verdict(unsigned metric, const struct ab_result *r);
void ab_floors(struct ab *ab);		      /* measures them */
void ab_rule(FILE *out, const struct ab *ab); /* in words */

/* bench_ab_report.c */
void ab_report(FILE *out, const struct ab *ab);
void ab_json(FILE *out, const struct ab *ab);
void ab_json_value(FILE *out, const char *key, double v, const char *rest); /* not a number: null */
void ab_json_run(FILE *out, const struct ab_run *r); /* its members, and the brace behind them */

/* The sub-command; argv[0] is "ab". returns: an exit code */
int bench_ab(int argc, char **argv);

#endif
