/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_out.h - JSON in pieces; bench_json.c */
#ifndef APP_BENCH_OUT_H
#define APP_BENCH_OUT_H

#include "app/bench.h"

/* json_string - with its quotes; the others: one member, four blanks, comma and end of line */
void json_string(FILE *out, const char *s);
void json_text(FILE *out, const char *key, const char *value); /* NULL: null */
void json_whole(FILE *out, const char *key, uint64_t value);
void json_flag(FILE *out, const char *key, bool value);
/* json_spec, json_host - an object as a member, with its comma */
void json_spec(FILE *out, const char *key, const struct bench_spec *s);
void json_host(FILE *out);
/* json_floors - an array as a member, with its comma; bench_floor.c */
void json_floors(FILE *out, const char *key, const struct floor *f, unsigned n);
/* json_histogram - the same, without comma */
void json_histogram(FILE *out, const char *key, const struct hist *h);

#endif
