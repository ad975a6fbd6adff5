/* SPDX-License-Identifier: BSD-3-Clause */
/* conform.h - what `stratos conform` was asked for, and how it says what came of it */
#ifndef APP_CONFORM_H
#define APP_CONFORM_H

#include "conform/conform.h"
#include <stdio.h>

#define CONFORM_GLOBS 16u

/* Strings point into argv. */
struct conform_spec {
	const char *socket, *spawn, *json; /* json: NULL none, "" to standard output */
	const struct cf_dev *dev;
	const char *glob[CONFORM_GLOBS];
	unsigned nglob;
	bool list, write, quiet;
	uint32_t timeout_ms, quiet_ms, address, noack, busoff;
};

struct conform_row {
	const struct cf_rule *rule;
	struct cf_outcome outcome;
};

/* conform_out.c */
void conform_rule(FILE *out, const struct cf_rule *r);
void conform_line(FILE *out, const struct conform_spec *s, const struct conform_row *r);
void conform_sum(FILE *out, const struct conform_row *row, unsigned n);
void conform_json(FILE *out, const struct conform_spec *s, const struct conform_row *row,
		  unsigned n);

#endif
