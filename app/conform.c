/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * conform.c - `stratos conform`: the rules of conform/ against a back-end, and what came of each
 *
 * A back-end that was spawned and ended is started again: quietly between rules, for some serve one connection only; and
 * after a rule in which it ended, hung, or did not answer, with that rule's result. One that listens elsewhere and is
 * gone leaves the rest not run, which is a failure.
 */
#include "app/command.h"
#include "app/conform.h"
#include "app/daemon.h"
#include "app/spec.h"
#include "app/target.h"
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define START_MS     10000u
#define CLOSED_TRIES 5u /* one that starts anew between two connections closes the first */

struct suite {
	struct conform_spec spec;
	struct cf_config cfg;
	struct target target;
	struct conform_row *row;
	unsigned n;
	bool lost; /* no back-end any more */
	bool died; /* one that was spawned ended or hung */
};

/* ---- options ---- */

struct option {
	const char *name, *meta, *help;
	/* returns: NULL, or what the value must be */
	const char *(*set)(struct conform_spec *s, const char *value);
};

static const char *set_socket(struct conform_spec *s, const char *v)
{
	s->socket = v;
	return *v ? NULL : "the path of a socket";
}

static const char *set_spawn(struct conform_spec *s, const char *v)
{
	s->spawn = v;
	return strstr(v, "{sock}") ? NULL : "a command with {sock} where the socket's path goes";
}

static const char *set_dev(struct conform_spec *s, const char *v)
{
	static char known[200];
	uint64_t id;

	s->dev = cf_device(v);
	if (!s->dev && host_size(v, &id) && id <= UINT32_MAX) {
		s->dev = cf_device_id((uint32_t)id);
	}
	snprintf(known, sizeof(known), "a device number, or one of");
	for (unsigned i = 0; cf_devices[i]; i++) {
		size_t at = strlen(known);

		snprintf(known + at, sizeof(known) - at, " %s", cf_devices[i]->name);
	}
	return s->dev ? NULL : known;
}

static const char *set_rule(struct conform_spec *s, const char *v)
{
	if (s->nglob == CONFORM_GLOBS) {
		return "given at most 16 times";
	}
	s->glob[s->nglob++] = v;
	return *v ? NULL : "a rule's name, or a pattern such as 'ring.split.*'";
}

static const char *set_json(struct conform_spec *s, const char *v)
{
	s->json = v;
	return NULL;
}

static const char *set_list(struct conform_spec *s, const char *v)
{
	return spec_bool(v, &s->list) ? NULL : "on or off";
}

static const char *set_write(struct conform_spec *s, const char *v)
{
	return spec_bool(v, &s->write) ? NULL : "on or off";
}

static const char *set_quiet(struct conform_spec *s, const char *v)
{
	return spec_bool(v, &s->quiet) ? NULL : "on or off";
}

static const char *set_ms(const char *v, uint32_t *ms)
{
	char *end;
	double n = strtod(v, &end);

	if (end == v || (*end && strcmp(end, "s") != 0 && strcmp(end, "ms") != 0)) {
		return "seconds, or milliseconds as 250ms";
	}
	n *= strcmp(end, "ms") == 0 ? 1 : 1000;
	*ms = n >= 1 && n <= 600000 ? (uint32_t)n : 0;
	return *ms ? NULL : "1ms to 600 seconds";
}

static const char *set_timeout(struct conform_spec *s, const char *v)
{
	return set_ms(v, &s->timeout_ms);
}

static const char *set_silence(struct conform_spec *s, const char *v)
{
	return set_ms(v, &s->quiet_ms);
}

static const char *set_address(struct conform_spec *s, const char *v)
{
	uint64_t n;

	if (!host_size(v, &n) || n > 1023) {
		return "0 to 1023";
	}
	s->address = (uint32_t)n;
	return NULL;
}

static const char *set_id(const char *v, uint32_t *id)
{
	char *end;
	unsigned long n = strtoul(v, &end, 16);

	*id = (uint32_t)n;
	return !*v || *end || strchr("+- ", *v) || n > 0x1fffffffu
		       ? "an identifier, in hexadecimal, 0 to 1fffffff"
		       : NULL;
}

static const char *set_noack(struct conform_spec *s, const char *v)
{
	return set_id(v, &s->noack);
}

static const char *set_busoff(struct conform_spec *s, const char *v)
{
	return set_id(v, &s->busoff);
}

static const struct option options[] = {
	{ "socket-path", "PATH", "a vhost-user back-end that listens there", set_socket },
	{ "spawn", "'CMD {sock}'", "start this back-end, and start it again when it ends",
	  set_spawn },
	{ "dev", "KIND", "what it is, a name or a device number", set_dev },
	{ "rule", "GLOB", "only these rules; may be given again", set_rule },
	{ "list", NULL, "print the rules and exit; with --dev also those of the device", set_list },
	{ "write", NULL, "also run rules that change what the device keeps: a disk is OVERWRITTEN",
	  set_write },
	{ "timeout", "S", "the longest a rule may wait; default 5", set_timeout },
	{ "silence", "S", "how long nothing must happen where nothing may; default 50ms",
	  set_silence },
	{ "address", "N", "i2c: of a target that answers; default 80 (0x50)", set_address },
	{ "noack", "ID", "can: a frame that nobody on the bus acknowledges, in hexadecimal",
	  set_noack },
	{ "busoff", "ID", "can: a frame that drives the controller off its bus", set_busoff },
	{ "json", "FILE", "write the results there too; without FILE: to stdout, without table",
	  set_json },
	{ "quiet", NULL, "only what is not a pass", set_quiet },
};

#define NOPTIONS (sizeof(options) / sizeof(options[0]))

static void help(FILE *out)
{
	fprintf(out, "usage: stratos conform --socket-path=PATH|--spawn='CMD {sock}' --dev=KIND "
		     "[OPTION]...\n\n"
		     "Find out which rules of VIRTIO 1.4 and of vhost-user a back-end keeps, as "
		     "far as a\n"
		     "driver can see. No guest is needed.\n\nOptions:\n");
	for (size_t i = 0; i < NOPTIONS; i++) {
		char left[64];

		snprintf(left, sizeof(left), "  --%s%s%s", options[i].name,
			 options[i].meta ? "=" : "", options[i].meta ? options[i].meta : "");
		fprintf(out, "%-26s %s\n", left, options[i].help);
	}
	fprintf(out, "\nDevices:");
	for (unsigned i = 0; cf_devices[i]; i++) {
		fprintf(out, " %s", cf_devices[i]->name);
	}
	fprintf(out,
		"\n\nExit codes: 0 no rule is broken, 1 one is or could not be run, 2 wrong usage. "
		"stratos-conform(1) says more.\n");
}

static int one(struct conform_spec *s, const char *name, const char *value, char err[256])
{
	for (size_t i = 0; i < NOPTIONS; i++) {
		if (strcmp(options[i].name, name) != 0) {
			continue;
		}
		if (option_lacks(name, options[i].meta, options[i].help, value, err)) {
			return -1;
		}
		return option_end(name, value, options[i].set(s, value ? value : ""), err);
	}
	snprintf(err, 256, "--%s is not an option", name);
	return -1;
}

static int parse(int argc, char **argv, struct conform_spec *s, char err[256])
{
	*s = (struct conform_spec){ .timeout_ms = 5000,
				    .quiet_ms = 50,
				    .address = 80,
				    .noack = CF_NO_ID,
				    .busoff = CF_NO_ID };
	for (int i = 1; i < argc;) {
		char name[64];
		const char *value;

		if (!command_option(argc, argv, &i, name, &value)) {
			snprintf(err, 256,
				 "'%.80s' is not an option; options look like --name=value",
				 argv[i]);
			return -1;
		}
		if (strcmp(name, "help") == 0) {
			help(stdout);
			return 1;
		}
		if (one(s, name, value, err)) {
			return -1;
		}
	}
	if (s->list) {
		return 0;
	}
	if (!s->socket == !s->spawn) {
		snprintf(err, 256, "one of --socket-path=PATH and --spawn='CMD {sock}' is needed");
		return -1;
	}
	if (!s->dev) {
		snprintf(err, 256, "--dev=KIND is needed: a back-end does not say what it is");
		return -1;
	}
	return 0;
}

/* ---- the back-end ---- */

static bool start(struct suite *t, char err[256])
{
	char how[256];

	if (t->target.child > 0 && !target_ended(&t->target, how)) {
		return true;
	}
	return target_start(&t->target, err) == 0;
}

static struct vhf *connect_to(void *arg, const struct vhf_config *cfg, char err[256])
{
	struct suite *t = arg;
	struct vhf *f = NULL;
	unsigned closed = 0;
	char how[256];

	if (t->spec.socket) {
		return vhf_connect(cfg, t->spec.socket, cfg->reply_ms, err);
	}
	for (unsigned ms = 0; ms < START_MS && !f; ms += 10) {
		if (!start(t, err)) {
			return NULL;
		}
		f = vhf_connect(cfg, t->target.sock, 10, err);
		if (!f && target_ended(&t->target, how)) {
			snprintf(err, 256, "the back-end ended, %.200s", how);
			return NULL;
		}
		if (!f && !strstr(err, "is the back-end running") &&
		    (!strstr(err, "closed the connection") || ++closed == CLOSED_TRIES)) {
			return NULL;
		}
	}
	return f;
}

/* After a rule that left it in doubt: what became of it is added to the text, and it is had again. */
static void look_after(struct suite *t, struct conform_row *r)
{
	size_t at = strlen(r->outcome.text);
	char how[256];
	bool ended;

	if (!t->spec.spawn) {
		t->lost = t->lost || strncmp(r->outcome.text, "no connection", 13) == 0;
		return;
	}
	t->died = true;
	ended = target_ended(&t->target, how);
	if (!ended && t->target.child > 0) { /* it may be ending right now */
		struct timespec pause = { .tv_nsec = 20000000 };

		(void)nanosleep(&pause, NULL);
		ended = target_ended(&t->target, how);
	}
	if (ended) {
		snprintf(r->outcome.text + at, sizeof(r->outcome.text) - at,
			 "; the back-end ended, %.60s", how);
		return;
	}
	target_kill(&t->target); /* it may hang */
}

/* ---- running ---- */

static bool chosen(const struct conform_spec *s, const struct cf_rule *r)
{
	for (unsigned i = 0; i < s->nglob; i++) {
		if (fnmatch(s->glob[i], r->id, 0) == 0) {
			return true;
		}
	}
	return s->nglob == 0;
}

static void run_one(struct suite *t, struct conform_row *r)
{
	if (t->lost) {
		r->outcome.result = CF_FAIL;
		snprintf(r->outcome.text, sizeof(r->outcome.text), "not run: the back-end is gone");
		return;
	}
	cf_run(&t->cfg, r->rule, &r->outcome);
	if (r->outcome.doubt) {
		look_after(t, r);
	}
}

static int choose(struct suite *t, char err[256])
{
	const struct cf_rule *r;
	unsigned all = 0;

	while (cf_rule_at(t->spec.dev, all)) {
		all++;
	}
	t->row = calloc(all + 1, sizeof(*t->row));
	for (unsigned i = 0; t->row && (r = cf_rule_at(t->spec.dev, i)); i++) {
		if (chosen(&t->spec, r)) {
			t->row[t->n++].rule = r;
		}
	}
	if (t->n == 0) {
		snprintf(err, 256, "no rule for %s has such a name; --list prints all",
			 t->spec.dev->name);
		return -1;
	}
	return 0;
}

static int write_json(const struct suite *t)
{
	FILE *out = t->spec.json[0] ? fopen(t->spec.json, "we") : stdout;

	if (out) {
		conform_json(out, &t->spec, t->row, t->n);
	}
	if (!out || (out == stdout ? fflush(out) : fclose(out)) != 0) {
		fprintf(stderr, "stratos conform: %s: %s\n",
			t->spec.json[0] ? t->spec.json : "standard output", strerror(errno));
		return -1;
	}
	return 0;
}

static int run(struct suite *t)
{
	bool table = !t->spec.json || t->spec.json[0], failed = false;
	char err[256] = "";

	if (choose(t, err)) {
		fprintf(stderr, "stratos conform: %s\n", err);
		return EXIT_USAGE;
	}
	t->cfg = (struct cf_config){ .dev = t->spec.dev,
				     .connect = connect_to,
				     .arg = t,
				     .timeout_ms = t->spec.timeout_ms,
				     .quiet_ms = t->spec.quiet_ms,
				     .write = t->spec.write,
				     .address = t->spec.address,
				     .noack = t->spec.noack,
				     .busoff = t->spec.busoff };
	t->target.command = t->spec.spawn;
	for (unsigned i = 0; i < t->n; i++) {
		run_one(t, &t->row[i]);
		failed = failed || t->row[i].outcome.result == CF_FAIL;
		if (table) {
			conform_line(stdout, &t->spec, &t->row[i]);
		}
	}
	if (table) {
		conform_sum(stdout, t->row, t->n);
	}
	fflush(stdout);
	if (t->died) {
		target_show_log(&t->target);
	}
	target_end(&t->target);
	if (t->spec.json && write_json(t)) {
		failed = true;
	}
	return failed ? EXIT_RUN : EXIT_OK;
}

static int list(const struct conform_spec *s)
{
	static const struct cf_dev none = { .name = "" };
	const struct cf_rule *r;

	for (unsigned i = 0; (r = cf_rule_at(s->dev ? s->dev : &none, i)); i++) {
		if (chosen(s, r)) {
			conform_rule(stdout, r);
		}
	}
	for (unsigned d = 0; !s->dev && cf_devices[d]; d++) {
		for (unsigned i = 0; i < cf_devices[d]->nrule; i++) {
			if (chosen(s, &cf_devices[d]->rule[i])) {
				conform_rule(stdout, &cf_devices[d]->rule[i]);
			}
		}
	}
	return EXIT_OK;
}

int cmd_conform(int argc, char **argv)
{
	struct suite *t = calloc(1, sizeof(*t));
	char err[256] = "";
	int code;

	if (!t) {
		fprintf(stderr, "stratos conform: no memory\n");
		return EXIT_RUN;
	}
	code = parse(argc, argv, &t->spec, err);
	if (code < 0) {
		fprintf(stderr, "stratos conform: %s\nTry `stratos conform --help`.\n", err);
		code = EXIT_USAGE;
	} else if (code > 0) {
		code = EXIT_OK;
	} else if (t->spec.list) {
		code = list(&t->spec);
	} else {
		code = run(t);
	}
	free(t->row);
	free(t);
	return code;
}
