/* SPDX-License-Identifier: BSD-3-Clause */
/* zeroes.c - large storage that takes memory only where it is used */
#define _GNU_SOURCE
#include "hosted/zeroes.h"
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#if defined(__SANITIZE_ADDRESS__)

/* Of malloc, so that what reads beyond the end or forgets to free is found. */
void *zeroes_new(size_t bytes)
{
	size_t whole = (bytes + 63u) & ~(size_t)63u;
	void *p = aligned_alloc(64, whole);

	return (p != NULL) ? memset(p, 0, whole) : NULL;
}

void zeroes_free(void *p, size_t bytes)
{
	(void)bytes;
	free(p);
}

#else

void *zeroes_new(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED) {
		return NULL;
	}
	(void)madvise(p, bytes, MADV_NOHUGEPAGE); /* 2 MiB at once is not "where it is used" */
	return p;
}

void zeroes_free(void *p, size_t bytes)
{
	if (p != NULL) {
		(void)munmap(p, bytes);
	}
}

#endif
