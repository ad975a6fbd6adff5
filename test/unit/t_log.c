/* SPDX-License-Identifier: BSD-3-Clause */
/* t_log.c - messages: who says too much is cut short, others are not */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <time.h>
#include "hosted/log.h"
#include "said.h"

static int begin(void **state)
{
	(void)state;
	said_begin();
	log_limit(LOG_BURST);
	return 0;
}

static int end(void **state)
{
	(void)state;
	log_init(LOG_INFO);
	(void)ftruncate(fileno(said_file), 0); /* nobody wants to read it */
	said_end();
	return 0;
}

static void test_levels(void **state)
{
	(void)state;
	unsetenv("JOURNAL_STREAM");
	log_init(LOG_WARN);
	log_info("t0", "not this");
	log_warn("t0", "one %d", 1);
	log_error(NULL, "two");
	assert_int_equal(said(""), 2);
	assert_int_equal(said("stratos: t0: warning: one 1\n"), 1);
	assert_int_equal(said("stratos: error: two\n"), 1);
}

static void test_too_much(void **state)
{
	const struct timespec nap = { .tv_nsec = 50000000 };
	unsigned n, left;
	char text[64];

	(void)state;
	for (n = 0; n < 3 * LOG_BURST; n++) {
		log_warn("noisy", "again");
	}
	n = said("noisy: warning: again"); /* some more, as time went on */
	assert_true(n >= LOG_BURST && n < 2 * LOG_BURST);
	left = 3 * LOG_BURST - n;
	log_warn("other", "heard");
	log_info("other", "heard");
	assert_int_equal(said("heard"), 2);
	for (n = 0; n < 100; n++) {
		(void)snprintf(text, sizeof(text), "dev%u", n);
		log_warn(text, "each once");
	}
	assert_int_equal(said("each once"), 100);
	/* it may say something more, and how much was lost */
	for (n = 0; said("at last") == 0; n++) {
		(void)nanosleep(&nap, NULL);
		log_info("noisy", "at last");
	}
	left += n - 1;
	(void)snprintf(text, sizeof(text), "noisy: warning: %u messages were left out\n", left);
	assert_int_equal(said(text), 1);
}

static void test_without_limit(void **state)
{
	unsigned n;

	(void)state;
	log_init(LOG_DEBUG);
	for (n = 0; n < 2 * LOG_BURST; n++) {
		log_debug("traced", "step");
		log_warn(NULL, "ours");
	}
	assert_int_equal(said("step"), 2 * LOG_BURST);
	assert_int_equal(said("ours"), 2 * LOG_BURST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_levels, begin, end),
		cmocka_unit_test_setup_teardown(test_too_much, begin, end),
		cmocka_unit_test_setup_teardown(test_without_limit, begin, end),
	};

	return cmocka_run_group_tests_name("messages", tests, NULL, NULL);
}
