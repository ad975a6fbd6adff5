/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * t_xen_fail.c - the Xen port when the n-th call of anything fails, for every n
 *
 * A whole life - open, two devices, both handshakes, traffic with foreign pages and grants, close - is run again and
 * again, each time with the next call refused, until none is left to refuse. Whatever fails: nothing crashes or
 * leaks, there is a line in the log or an answer, and the next guest is served as if nothing had been.
 */
#include "test/unit/xen_bed.h"

/* Calls whose refusal must be told, with the reason. The others are done again, or there is nothing to be done. */
static const char *const loud[] = {
	"dm_open",	"fm_open",   "gt_open",	   "ev_open",	      "ev_fd",	     "ev_bind",
	"ev_notify",	"ev_unmask", "ev_pending", "fm_map_resource", "dm_op vcpus", "dm_op create",
	"dm_op enable", "dm_op map", "xs_open",	   "xs_fd",	      "xs_watch",    "xs_write",
};

static bool must_tell(const char *call)
{
	for (size_t i = 0; i < sizeof(loud) / sizeof(loud[0]); i++) {
		if (strcmp(call, loud[i]) == 0) {
			return true;
		}
	}
	return false;
}

static bool live(struct side *s, bool packed)
{
	return start(s, packed) && traffic(s, 1) && stop(s);
}

/* returns: all of it worked */
static bool life(unsigned dom)
{
	bool ok;

	if (!xen_up(32)) {
		return false;
	}
	ok = add(0, "guest", NULL, 0);
	ok = add(1, "guest", NULL, 0) && ok;
	node(0, dom, 0, false, 1);
	WAIT(state(dom, 0) == 2);
	node(1, dom, 1, true, 1);
	WAIT(state(dom, 1) == 2);
	ok = live(&b.s[0], false) && ok;
	ok = live(&b.s[1], true) && ok;
	put(dom, 0, "state", "%llu", 5);
	WAIT(state(dom, 0) == 6);
	ok = state(dom, 0) == 6 && ok;
	remove_dev(&b.s[0]);
	remove_dev(&b.s[1]);
	assert_null(b.s[0].xd);
	assert_null(b.s[1].xd);
	return ok;
}

/* The next guest, with all calls working again */
static void next_guest(void)
{
	unsigned dom = xm_create("next", 1);

	b.s[2].dom = dom;
	if (b.x->xs && !b.x->lost) {
		assert_true(add(2, "next", NULL, 0));
		node(2, dom, 0, true, 1);
		WAIT(state(dom, 0) == 2);
		assert_int_equal(state(dom, 0), 2);
	} else {
		char number[8];

		(void)snprintf(number, sizeof(number), "%u", dom);
		assert_true(add(2, number, NULL, 35));
		b.s[2].grants = false;
	}
	assert_true(live(&b.s[2], false));
	remove_dev(&b.s[2]);
}

static bool told_that(const char *text)
{
	return logged(text) || strstr(b.err, text);
}

static char told[80]; /* which call it was that failed */

static void every_call(int e)
{
	bool worked = false;

	for (uint32_t n = 1; n < 5000 && !worked; n++) {
		unsigned dom;
		const char *failed;

		bed_up();
		b.hurry = true;
		log_init(LOG_INFO);
		dom = xm_create("guest", 1);
		xm_fail_nth(n, e);
		worked = life(dom);
		failed = xm.failed;
		xm_fail_nth(0, 0);
		(void)snprintf(told, sizeof(told), "call %u, %s", n, failed ? failed : "none");
		if (failed && must_tell(failed) && !told_that(strerror(e)) &&
		    !told_that(
			    strerror(EBADF))) { /* no descriptor is told by what it is good for */
			fail_msg("%s: nobody was told", told);
		}
		if (b.x) {
			next_guest();
		} else {
			assert_true(b.err[0] != '\0');
		}
		worked = worked && !failed;
		bed_down();
	}
	assert_true(worked);
}

/* A test that failed left its log in place of stderr. */
static int teardown(void **st)
{
	(void)st;
	if (b.loop) {
		(void)dup2(b.saved, 2);
		fprintf(stderr, "%s\n", told);
	}
	return 0;
}

static void no_memory(void **st)
{
	(void)st;
	every_call(ENOMEM);
}

static void io_error(void **st)
{
	(void)st;
	every_call(EIO);
}

static void no_such_domain(void **st)
{
	(void)st;
	every_call(ESRCH);
}

/* A guest that ends anywhere in its life: after n calls it is not there any more. */
static void guest_ends_anywhere(void **st)
{
	(void)st;
	for (unsigned step = 0; step < 40; step++) {
		unsigned dom;

		bed_up();
		dom = xm_create("guest", 1);
		b.hurry = true;
		assert_true(xen_up(step & 1 ? 32 : 0));
		assert_true(add(0, "guest", NULL, 0));
		node(0, dom, 0, step & 2, 1);
		rounds(step < 10 ? step / 2 : 10);
		if (step >= 10 && start(&b.s[0], step & 4)) {
			b.s[0].dev.async = step > 25;
			(void)offer(&b.s[0]);
			rounds(step % 5);
		}
		xm_destroy(dom);
		rounds(step % 3);
		while (b.s[0].dev.n > 0) {
			tdev_complete(&b.s[0].dev, 0);
		}
		WAIT(!b.s[0].xd->g);
		assert_null(b.s[0].xd->g);
		assert_int_equal(xm.open.foreign + xm.open.grants, 0);
		next_guest();
		bed_down();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(no_memory, teardown),
		cmocka_unit_test_teardown(io_error, teardown),
		cmocka_unit_test_teardown(no_such_domain, teardown),
		cmocka_unit_test_teardown(guest_ends_anywhere, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
