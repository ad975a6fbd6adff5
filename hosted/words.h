/* SPDX-License-Identifier: BSD-3-Clause */
/* words.h - a host's argument that is a list of words with commas between */
#ifndef HOSTED_WORDS_H
#define HOSTED_WORDS_H

#include <stddef.h>

/*
 * words_each - one call of `take` for each word of arg, in order, until one is wrong
 * arg: NULL is none. word, size: where each is put, cut to fit; holds the wrong one afterwards.
 * take: returns NULL, or what is wrong with the word
 * returns: NULL, or what `take` said
 */
const char *words_each(const char *arg, char *word, size_t size,
		       const char *(*take)(void *ctx, const char *word), void *ctx);

/* words_find - which of the n names is `word`; returns: its index, or -1 */
int words_find(const char *word, const char *const names[], int n);

#endif
