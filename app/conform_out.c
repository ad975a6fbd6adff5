/* SPDX-License-Identifier: BSD-3-Clause */
/* conform_out.c - results of `stratos conform`: a line for each rule, and JSON (stratos-conform(1) has the schema) */
#include "app/bench_out.h"
#include "app/conform.h"
#include "version.h"

static const char *const word[] = {
	[CF_PASS] = "pass", [CF_FAIL] = "FAIL", [CF_NA] = "n/a", [CF_SKIP] = "skip"
};
static const char *const key[] = {
	[CF_PASS] = "pass", [CF_FAIL] = "fail", [CF_NA] = "not-applicable", [CF_SKIP] = "skipped"
};

void conform_rule(FILE *out, const struct cf_rule *r)
{
	fprintf(out, "%-36s %-11s %s%s\n", r->id, r->section, r->must,
		(r->flags & CF_WRITES) ? " (writes: --write)" : "");
}

void conform_line(FILE *out, const struct conform_spec *s, const struct conform_row *r)
{
	if (s->quiet && r->outcome.result == CF_PASS) {
		return;
	}
	fprintf(out, "%-4s  %-36s %-11s %s\n", word[r->outcome.result], r->rule->id,
		r->rule->section, r->outcome.result == CF_PASS ? r->rule->must : r->outcome.text);
	fflush(out);
}

static void count(const struct conform_row *row, unsigned n, unsigned of[4])
{
	for (unsigned i = 0; i < 4; i++) {
		of[i] = 0;
	}
	for (unsigned i = 0; i < n; i++) {
		of[row[i].outcome.result]++;
	}
}

void conform_sum(FILE *out, const struct conform_row *row, unsigned n)
{
	unsigned of[4];

	count(row, n, of);
	fprintf(out, "%u rules: %u pass, %u fail, %u not applicable, %u skipped\n", n, of[CF_PASS],
		of[CF_FAIL], of[CF_NA], of[CF_SKIP]);
}

static void member(FILE *out, const char *name, const char *value)
{
	fprintf(out, "\"%s\": ", name);
	if (value) {
		json_string(out, value);
	} else {
		fputs("null", out);
	}
	fputs(", ", out);
}

void conform_json(FILE *out, const struct conform_spec *s, const struct conform_row *row,
		  unsigned n)
{
	unsigned of[4];

	count(row, n, of);
	fputs("{", out);
	member(out, "program", "stratos " STRATOS_VERSION);
	member(out, "specification", "VIRTIO 1.4");
	member(out, "device", s->dev->name);
	member(out, "socket", s->socket);
	member(out, "spawn", s->spawn);
	fprintf(out, "\"write\": %s,\n \"rules\": [", s->write ? "true" : "false");
	for (unsigned i = 0; i < n; i++) {
		const struct cf_rule *r = row[i].rule;

		fputs(i ? ",\n  {" : "\n  {", out);
		member(out, "id", r->id);
		member(out, "section", r->section);
		member(out, "heading", r->label);
		member(out, "must", r->must);
		member(out, "result", key[row[i].outcome.result]);
		member(out, "why", row[i].outcome.text[0] ? row[i].outcome.text : NULL);
		fprintf(out, "\"ms\": %u}", row[i].outcome.ms);
	}
	fputs("],\n \"sum\": {", out);
	for (unsigned i = 0; i < 4; i++) {
		fprintf(out, "%s\"%s\": %u", i ? ", " : "", key[i], of[i]);
	}
	fputs("}}\n", out);
}
