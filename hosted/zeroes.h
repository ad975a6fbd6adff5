/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * zeroes.h - large storage that takes memory only where it is used
 *
 * For what is sized for the worst case and mostly stays empty: a device's requests and segments, translations. The
 * pages come from the kernel when they are first written; memory of malloc would be written whole to be zeroed, and
 * calloc does so too for what it had before.
 */
#ifndef HOSTED_ZEROES_H
#define HOSTED_ZEROES_H

#include <stddef.h>

/* zeroes_new - bytes > 0; aligned to a page; returns: NULL no memory; context: any thread */
void *zeroes_new(size_t bytes);
/* zeroes_free - p: of zeroes_new with the same bytes, or NULL */
void zeroes_free(void *p, size_t bytes);

#endif
