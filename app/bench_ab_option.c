/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench_ab_option.c - options of `stratos bench ab`
 *
 * Every option that is not one of ab's own is one of `stratos bench` and holds for both sides; those in the text of
 * --a or --b hold for that side only, and win. So each side is a command line of `stratos bench`, and is read as one.
 */
#include "app/bench_ab.h"
#include "app/command.h"
#include <stdlib.h>
#include <string.h>

#define ROUNDS	  20u
#define MAX_STEAL 2.0  /* per cent */
#define MAX_WAIT  10.0 /* per cent */

/* What holds unless it is given: short runs, warmed up */
static const char *const first[] = { "--time=0.5", "--warmup=0.1" };

struct option {
	const char *name, *meta, *help;
	const char *(*set)(struct ab *ab, const char *value); /* NULL, or what it must be */
};

static const char *set_a(struct ab *ab, const char *v)
{
	ab->words[AB_A] = v;
	return NULL;
}

static const char *set_b(struct ab *ab, const char *v)
{
	ab->words[AB_B] = v;
	return NULL;
}

static const char *set_rounds(struct ab *ab, const char *v)
{
	uint64_t n;

	if (!bench_count(v, 1, STAT_MAX, &n)) {
		return "1 to 1000 rounds";
	}
	ab->rounds = (unsigned)n;
	return NULL;
}

static const char *set_metric(struct ab *ab, const char *v)
{
	for (unsigned m = 0; m < AB_METRICS; m++) {
		if (strcmp(ab_metrics[m].name, v) == 0) {
			ab->metric = (int)m;
			return NULL;
		}
	}
	return "cpu, rate, p50, p99, kicks or calls";
}

static bool percent(const char *v, double *to)
{
	char *end;
	double n = strtod(v, &end);

	if (end == v || v[0] < '0' || v[0] > '9' || *end || !(n <= 100000.0)) {
		return false;
	}
	*to = n / 100.0;
	return true;
}

static const char *set_max_steal(struct ab *ab, const char *v)
{
	return percent(v, &ab->max_steal) ? NULL : "a number of per cent";
}

static const char *set_max_wait(struct ab *ab, const char *v)
{
	return percent(v, &ab->max_wait) ? NULL : "a number of per cent";
}

static const char *set_keep_all(struct ab *ab, const char *v)
{
	ab->keep_all = true;
	return *v ? "given without a value" : NULL;
}

static const char *set_json(struct ab *ab, const char *v)
{
	ab->json = v;
	return NULL;
}

static const char *set_plot(struct ab *ab, const char *v)
{
	ab->plot = v;
	return *v ? NULL : "a file, to be written as SVG";
}

static const char *set_sweep(struct ab *ab, const char *v)
{
	(void)ab;
	(void)v;
	return "left out: a sweep has one load";
}

static const char *set_quiet(struct ab *ab, const char *v)
{
	ab->quiet = true;
	return *v ? "given without a value" : NULL;
}

static const struct option options[] = {
	{ "a", "'OPTION...'", "options of side A only; default none", set_a },
	{ "b", "'OPTION...'", "options of side B only; default none", set_b },
	{ "rounds", "N", "rounds of four runs, A B B A; default 20", set_rounds },
	{ "metric", "NAME", "what decides: cpu (default), rate, p50, p99, kicks, calls",
	  set_metric },
	{ "max-steal", "PERCENT", "see above; default 2", set_max_steal },
	{ "max-wait", "PERCENT", "see above; default 10", set_max_wait },
	{ "keep-all", NULL, "every round counts", set_keep_all },
	{ "json", "FILE", "write the result there too; without FILE: to stdout, without table",
	  set_json },
	{ "plot", "FILE", "draw the latencies of both as SVG", set_plot },
	{ "quiet", NULL, "no progress line", set_quiet },
	{ "sweep", NULL, NULL, set_sweep }, /* of `stratos bench` */
};

#define NOPTIONS (sizeof(options) / sizeof(options[0]))

static void help(FILE *out, const struct ab *ab)
{
	fprintf(out,
		"usage: stratos bench ab --a='OPTION...' --b='OPTION...' [OPTION]...\n\n"
		"Compare two loads, or one load of two back-ends, on a machine that others use "
		"too: runs in the\norder A B B A, a new connection (and process) for each, the "
		"ratio B / A of each round, their\nmedian, and its 95 %% interval by bootstrap. "
		"An interval that holds 1 is no decision.\n\n");
	ab_rule(out, ab);
	fprintf(out, "\nOptions:\n");
	for (size_t i = 0; i < NOPTIONS; i++) {
		const struct option *o = &options[i];
		char left[64];

		if (!o->help) {
			continue;
		}
		snprintf(left, sizeof(left), "  --%s%s%s", o->name, o->meta ? "=" : "",
			 o->meta ? o->meta : "");
		fprintf(out, "%-26s %s\n", left, o->help);
	}
	fprintf(out, "\nAll options of `stratos bench` hold for both sides; here --time is 0.5 and "
		     "--warmup 0.1 unless given.\n\nExamples:\n"
		     "  stratos bench ab --dev=blk --verify=status \\\n"
		     "    --a=\"--spawn='qemu-storage-daemon ... addr.path={sock}'\" \\\n"
		     "    --b=\"--spawn='stratos blk --host=null:64M --socket-path={sock}'\"\n"
		     "  stratos bench ab --spawn='stratos rng --socket-path={sock}' --dev=rng "
		     "--b=--event-idx --metric=calls\n\n"
		     "Exit codes: 0 all was verified, 1 a back-end failed, 2 wrong usage. "
		     "stratos-bench(1) says more.\n");
}

/* ---- words ---- */

/* One word, moved to *to. returns: what follows it, or NULL: a quote is open */
static const char *word(const char *p, char *to)
{
	char quote = '\0';

	for (; *p && (quote || !strchr(" \t\n", *p)); p++) {
		if (quote ? *p == quote : *p == '\'' || *p == '"') {
			quote = quote ? '\0' : *p;
		} else if (*p == '\\' && quote != '\'' && p[1]) {
			*to++ = *++p;
		} else {
			*to++ = *p;
		}
	}
	*to = '\0';
	return quote ? NULL : p;
}

static void free_words(char **words)
{
	for (char **w = words; w && *w; w++) {
		free(*w);
	}
	free(words);
}

char **ab_split(const char *text)
{
	char **words = calloc(strlen(text) / 2u + 2u, sizeof(*words));
	size_t n = 0;

	while (words) {
		text += strspn(text, " \t\n");
		if (!*text) {
			break;
		}
		words[n] = malloc(strlen(text) + 1u);
		text = words[n] ? word(text, words[n]) : NULL;
		n++;
		if (!text) {
			free_words(words);
			return NULL;
		}
	}
	return words;
}

/* ---- sides ---- */

static bool own(const char *arg, const char *name)
{
	size_t n = strlen(name);

	return strncmp(arg, "--", 2) == 0 && strncmp(arg + 2, name, n) == 0 &&
	       (arg[2 + n] == '\0' || arg[2 + n] == '=');
}

/* "bench", what holds unless given, the common words, the side's words */
static char **side_argv(char **common, unsigned ncommon, char **words, int *argc)
{
	unsigned n = 0, nwords = 0;
	char **v;

	while (words && words[nwords]) {
		nwords++;
	}
	v = calloc(2u + sizeof(first) / sizeof(first[0]) + ncommon + nwords, sizeof(*v));
	if (!v) {
		return NULL;
	}
	v[n++] = strdup("bench");
	for (size_t i = 0; i < sizeof(first) / sizeof(first[0]); i++) {
		v[n++] = strdup(first[i]);
	}
	for (unsigned i = 0; i < ncommon; i++) {
		v[n++] = strdup(common[i]);
	}
	for (unsigned i = 0; i < nwords; i++) {
		v[n++] = strdup(words[i]);
	}
	*argc = (int)n;
	return v;
}

static int side(struct ab *ab, enum ab_side which, char **common, unsigned n, char err[256])
{
	char **words = ab_split(ab->words[which] ? ab->words[which] : ""), what[256] = "";
	const char *name = which == AB_A ? "a" : "b";
	int argc = 0, rc = -1;

	for (char **w = words; w && *w; w++) {
		for (size_t i = 0; i < NOPTIONS; i++) {
			if (own(*w, options[i].name) || own(*w, "help")) {
				snprintf(err, 256,
					 "--%s: %.80s is for both sides: write it outside", name,
					 *w);
				free_words(words);
				return -1;
			}
		}
	}
	ab->argv[which] = words ? side_argv(common, n, words, &argc) : NULL;
	if (!words) {
		snprintf(what, sizeof(what), "a quote is not closed");
	} else if (ab->argv[which]) {
		rc = bench_options(argc, ab->argv[which], &ab->spec[which], what);
	}
	free_words(words);
	if (rc != 0) {
		snprintf(err, 256, "side %s (--%s): %.200s", which == AB_A ? "A" : "B", name, what);
	}
	return rc;
}

/* returns: 0 it was one of ours | 1 it is not | -1 and err */
static int one(struct ab *ab, const char *name, const char *value, char err[256])
{
	for (size_t i = 0; i < NOPTIONS; i++) {
		const struct option *o = &options[i];

		if (strcmp(o->name, name) != 0) {
			continue;
		}
		if (option_lacks(name, o->meta, o->help, value, err)) {
			return -1;
		}
		return option_end(name, value, o->set(ab, value ? value : ""), err);
	}
	return 1;
}

static int words_of(int argc, char **argv, struct ab *ab, char **common, unsigned *n, char err[256])
{
	for (int i = 1; i < argc;) {
		int at = i, rc;
		char name[64];
		const char *value;

		if (!command_option(argc, argv, &i, name, &value)) {
			snprintf(err, 256,
				 "'%.80s' is not an option; options look like --name=value",
				 argv[i]);
			return -1;
		}
		if (strcmp(name, "help") == 0) {
			help(stdout, ab);
			return 1;
		}
		rc = one(ab, name, value, err);
		if (rc < 0) {
			return -1;
		}
		while (rc > 0 && at < i) {
			common[(*n)++] = argv[at++];
		}
	}
	return 0;
}

int ab_options(int argc, char **argv, struct ab *ab, char err[256])
{
	char **common = calloc((size_t)argc + 1u, sizeof(*common));
	unsigned n = 0;
	int rc = -1;

	*ab = (struct ab){ .rounds = ROUNDS,
			   .metric = AB_CPU,
			   .max_steal = MAX_STEAL / 100.0,
			   .max_wait = MAX_WAIT / 100.0 };
	if (common) {
		rc = words_of(argc, argv, ab, common, &n, err);
	}
	if (rc == 0 && !ab->words[AB_A] && !ab->words[AB_B]) {
		snprintf(err, 256,
			 "what differs is needed: --a='OPTION...', --b='OPTION...', or both");
		rc = -1;
	}
	for (unsigned i = AB_A; rc == 0 && i <= AB_B; i++) {
		rc = side(ab, (enum ab_side)i, common, n, err);
		ab->spec[i].quiet = true;
	}
	free(common);
	return rc;
}

void ab_free(struct ab *ab)
{
	free_words(ab->argv[AB_A]);
	free_words(ab->argv[AB_B]);
	free(ab->round);
}
