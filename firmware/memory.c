/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * memory.c - the four functions that freestanding code asks of a C library
 *
 * Words where both ends are aligned: payload is, as every memory kind keeps addresses congruent. Compiled without the
 * compiler's habit of turning such loops into calls of themselves (-fno-tree-loop-distribute-patterns).
 */
#include <stdint.h>
#include <string.h>

typedef uint32_t __attribute__((may_alias)) word;

void *memcpy(void *restrict dst, const void *restrict src, size_t n)
{
	uint8_t *d = dst;
	const uint8_t *s = src;

	if ((((uintptr_t)d | (uintptr_t)s) & 3u) == 0u) {
		for (; n >= 4u; n -= 4u, d += 4, s += 4) {
			*(word *)(void *)d = *(const word *)(const void *)s;
		}
	}
	for (; n > 0u; n--) {
		*d++ = *s++;
	}
	return dst;
}

void *memmove(void *dst, const void *src, size_t n)
{
	uint8_t *d = dst;
	const uint8_t *s = src;

	if (((uintptr_t)d - (uintptr_t)s) >= n) {
		return memcpy(dst, src, n);
	}
	while (n > 0u) {
		n--;
		d[n] = s[n];
	}
	return dst;
}

void *memset(void *dst, int c, size_t n)
{
	uint8_t *d = dst;

	if (((uintptr_t)d & 3u) == 0u) {
		for (; n >= 4u; n -= 4u, d += 4) {
			*(word *)(void *)d = 0x01010101u * (uint8_t)c;
		}
	}
	for (; n > 0u; n--) {
		*d++ = (uint8_t)c;
	}
	return dst;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const uint8_t *x = a, *y = b;

	for (; n > 0u; n--, x++, y++) {
		if (*x != *y) {
			return (int)*x - (int)*y;
		}
	}
	return 0;
}
