/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmocka.h - the few verbs of cmocka that our unit tests use, for machines where no cmocka is packaged
 *
 * The same test sources are compiled against it, so that they run big-endian too. Prints a line "ok - NAME" or
 * "not ok - NAME" for each test.
 */
#ifndef BIGENDIAN_CMOCKA_H
#define BIGENDIAN_CMOCKA_H

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

struct CMUnitTest {
	const char *name;
	void (*fn)(void **state);
	int (*setup)(void **state);
	int (*teardown)(void **state);
};

#define cmocka_unit_test(f)                                                                        \
	{                                                                                          \
#f, f, NULL, NULL                                                                  \
	}
#define cmocka_unit_test_setup_teardown(f, s, t)                                                   \
	{                                                                                          \
#f, f, s, t                                                                        \
	}
#define cmocka_run_group_tests(t, s, e)		mini_run(#t, t, sizeof(t) / sizeof((t)[0]), s, e)
#define cmocka_run_group_tests_name(n, t, s, e) mini_run(n, t, sizeof(t) / sizeof((t)[0]), s, e)
#define print_message(...)			((void)printf(__VA_ARGS__))

static jmp_buf mini_out;

static inline void mini_check(int good, const char *file, int line, const char *what)
{
	if (!good) {
		printf("    %s:%d: %s\n", file, line, what);
		longjmp(mini_out, 1);
	}
}
#define MINI(good, what) mini_check(!!(good), __FILE__, __LINE__, what)

#define assert_true(x)	   MINI(x, #x)
#define assert_false(x)	   MINI(!(x), "not: " #x)
#define assert_null(x)	   MINI((x) == NULL, #x " is NULL")
#define assert_non_null(x) MINI((x) != NULL, #x " is not NULL")
#define assert_int_equal(a, b)                                                                     \
	MINI((unsigned long long)(a) == (unsigned long long)(b), #a " == " #b)
#define assert_int_not_equal(a, b)                                                                 \
	MINI((unsigned long long)(a) != (unsigned long long)(b), #a " != " #b)
#define assert_in_range(a, least, most)                                                            \
	MINI((unsigned long long)(a) >= (least) && (unsigned long long)(a) <= (most),              \
	     #a " from " #least " to " #most)
#define assert_ptr_equal(a, b)	     MINI((const void *)(a) == (const void *)(b), #a " == " #b)
#define assert_ptr_not_equal(a, b)   MINI((const void *)(a) != (const void *)(b), #a " != " #b)
#define assert_string_equal(a, b)    MINI(strcmp((a), (b)) == 0, #a " == " #b)
#define assert_memory_equal(a, b, n) MINI(memcmp((a), (b), (n)) == 0, #a " == " #b)
#define fail_msg(...)		     (printf("    " __VA_ARGS__), MINI(0, "fail_msg"))

static inline int mini_run(const char *group, const struct CMUnitTest *t, size_t n,
			   int (*setup)(void **state), int (*teardown)(void **state))
{
	void *all = NULL;
	int failed = 0;

	if (setup && setup(&all)) {
		printf("not ok - %s: setup of the group\n", group);
		return 1;
	}

	for (size_t i = 0; i < n; i++) {
		void *state = all;
		volatile int bad = 1;

		if (setjmp(mini_out) == 0) {
			if (t[i].setup && t[i].setup(&state)) {
				printf("    setup failed\n");
			} else {
				t[i].fn(&state);
				bad = 0;
			}
		}
		if (!bad && t[i].teardown) {
			(void)t[i].teardown(&state);
		}
		printf("%s - %s: %s\n", bad ? "not ok" : "ok", group, t[i].name);
		failed += bad;
	}
	if (teardown) {
		(void)teardown(&all);
	}
	return failed;
}

#endif
