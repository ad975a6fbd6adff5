/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rounds.h - a program of random rounds: its number, its seed, and assertions that say both
 *
 * Define PROGRAM, its name, before. In place of cmocka.h, in front of a bed of test/unit.
 */
#ifndef TEST_ROUNDS_H
#define TEST_ROUNDS_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static unsigned long rounds, round_now;
static unsigned seed_now;
static uint64_t state;

static inline void must(int holds, const char *what, int line)
{
	if (!holds) {
		fprintf(stderr, PROGRAM ": line %d: %s; round %lu, seed %u\n", line, what,
			round_now, seed_now);
		exit(1);
	}
}

#define assert_true(x)		     must((x) != 0, #x, __LINE__)
#define assert_false(x)		     must(!(x), "not " #x, __LINE__)
#define assert_non_null(x)	     must((x) != NULL, #x, __LINE__)
#define assert_null(x)		     must((x) == NULL, #x, __LINE__)
#define assert_int_equal(a, b)	     must((long long)(a) == (long long)(b), #a " == " #b, __LINE__)
#define assert_string_equal(a, b)    must(strcmp((a), (b)) == 0, #a, __LINE__)
#define assert_memory_equal(a, b, n) must(memcmp((a), (b), (n)) == 0, #a, __LINE__)

/* usage: PROGRAM [ROUNDS [SEED]] */
static inline void rounds_begin(int argc, char **argv, unsigned long usual)
{
	rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : usual;
	seed_now = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 1u;
	state = seed_now;
}

/* Less than that, or any of 32 bits */
static inline uint32_t any(uint32_t below)
{
	uint64_t z;

	state += 0x9e3779b97f4a7c15u;
	z = (state ^ (state >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return below ? (uint32_t)(z >> 32) % below : (uint32_t)(z >> 32);
}

#endif
