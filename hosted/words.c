/* SPDX-License-Identifier: BSD-3-Clause */
/* words.c - a host's argument that is a list of words with commas between */
#include "hosted/words.h"
#include <stdio.h>
#include <string.h>

const char *words_each(const char *arg, char *word, size_t size,
		       const char *(*take)(void *ctx, const char *word), void *ctx)
{
	const char *wrong, *comma;
	size_t n;

	while (arg && *arg) {
		comma = strchr(arg, ',');
		n = comma ? (size_t)(comma - arg) : strlen(arg);
		(void)snprintf(word, size, "%.*s", (int)(n < size ? n : size - 1), arg);
		wrong = take(ctx, word);
		if (wrong) {
			return wrong;
		}
		arg += n + (comma != NULL);
	}
	return NULL;
}

int words_find(const char *word, const char *const names[], int n)
{
	while (--n >= 0 && strcmp(word, names[n]) != 0) {
	}
	return n;
}
