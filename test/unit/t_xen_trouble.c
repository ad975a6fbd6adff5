/* SPDX-License-Identifier: BSD-3-Clause */
/* t_xen_trouble.c - the Xen port while xenstore or Xen refuses calls, and when xenstored is gone */
#include "test/unit/xen_bed.h"

static void xenstore_in_trouble(void **st)
{
	static const char *const call[] = { "xs_introduced", "xs_read", "xs_directory" };
	struct side *s = one(32, false, false);

	(void)st;
	for (unsigned i = 0; i < 3; i++) {
		xm_fail_all(call[i], EIO);
		put(s->dom, 9, "x", "%llu", i);
		rounds(10);
		xm_fail_all(NULL, 0);
		assert_true(traffic(s, 2)); /* who is served stays served */
	}
	put(s->dom, 0, "state", "%llu", 5);
	WAIT(state(s->dom, 0) == 6);
	assert_int_equal(state(s->dom, 0), 6);
}

static unsigned count_logged(const char *text)
{
	static char all[1 << 16];
	ssize_t n = pread(b.log, all, sizeof(all) - 1, 0);
	unsigned count = 0;

	all[n > 0 ? n : 0] = '\0';
	for (const char *p = strstr(all, text); p; p = strstr(p + 1, text)) {
		count++;
	}
	return count;
}

/* The timer's moment has come; returns: what it was set to, ns from now */
static uint64_t fire(struct vio_timer *t)
{
	struct vio_clock *c = loop_clock(b.loop);
	uint64_t ns = t->at - c->now(c);

	assert_true(t->at != 0);
	c->set(c, t, 1);
	rounds(3);
	return ns;
}

/* Xen has no room for us: again after 1 s, then more and more seldom, and events in between change nothing. */
static void tried_again(void **st)
{
	static const uint64_t s[] = { 1, 2, 4, 8, 16, 30, 30, 30 };
	unsigned dom = xm_create("guest", 1);

	(void)st;
	assert_true(xen_up(32));
	assert_true(add(0, "guest", NULL, 0));
	rounds(3);
	assert_int_equal(b.x->again.at, 0);
	xm_fail_all("fm_map_resource", ENOMEM);
	node(0, dom, 0, false, 1);
	rounds(5);
	for (size_t i = 0; i < sizeof(s) / sizeof(s[0]); i++) {
		uint64_t at = b.x->again.at, ns;

		xm_store_fire("@releaseDomain");
		rounds(3);
		assert_true(b.x->again.at == at);
		ns = fire(&b.x->again);
		assert_true(ns > (s[i] - 1) * 1000000000u && ns <= s[i] * 1000000000u);
	}
	assert_int_equal(count_logged("Cannot allocate memory"), 1);
	xm_fail_all(NULL, 0);
	(void)fire(&b.x->again);
	assert_int_equal(state(dom, 0), 2);
	assert_int_equal(b.x->again.at, 0);
	assert_true(start(&b.s[0], false));
	assert_true(traffic(&b.s[0], 2));
	put(dom, 0, "state", "%llu", 5);
	WAIT(state(dom, 0) == 6);
	assert_true(ended(dom));
	dom = xm_create("guest", 1);
	xm_fail_all("fm_map_resource", ENOMEM);
	node(0, dom, 0, false, 1);
	rounds(5);
	assert_true(fire(&b.x->again) <= 1000000000u); /* from the start, and said anew */
	assert_int_equal(count_logged("Cannot allocate memory"), 2);
}

/* One call fails while the device comes; returns: which, or NULL */
static const char *comes_without(uint32_t n)
{
	const char *call;
	unsigned dom;

	bed_teardown(NULL);
	bed_setup(NULL);
	dom = xm_create("guest", 1);
	assert_true(xen_up(32));
	assert_true(add(0, "guest", NULL, 0));
	rounds(3);
	xm_fail_nth(n, EBUSY);
	node(0, dom, 0, true, 1);
	rounds(5);
	call = xm.failed;
	xm_fail_nth(0, 0);
	if (call && (strcmp(call, "xs_check_watch") == 0 || strncmp(call, "ev_", 3) == 0)) {
		return call; /* stands still, or is gone for good, which other tests see */
	}
	if (b.x->again.at != 0) {
		(void)fire(&b.x->again);
	}
	if (state(dom, 0) != 2 || !start(&b.s[0], false) || !traffic(&b.s[0], 2)) {
		(void)dup2(b.saved, 2);
		fail_msg("call %u, %s", n, call ? call : "none");
	}
	return call;
}

/* Whichever it is: the device is that of the node, with grants, and comes without another event. */
static void any_call(void **st)
{
	uint32_t n = 1;

	(void)st;
	while (comes_without(n)) {
		n++;
	}
	assert_true(n > 20);
}

/* Another device's node is not taken for ours because xenstore does not tell its type at the moment. */
static void not_ours(void **st)
{
	const char *call = "";

	(void)st;
	for (uint32_t n = 1; call; n++) {
		unsigned dom;

		bed_teardown(NULL);
		bed_setup(NULL);
		dom = xm_create("guest", 1);
		assert_true(xen_up(32));
		assert_true(add(0, "guest", NULL, 0));
		rounds(3);
		node(0, dom, 0, false, 4);
		xm_write(path(dom, 0, "type"), "virtio,device4");
		xm_fail_nth(n, EIO);
		rounds(5);
		call = xm.failed;
		xm_fail_nth(0, 0);
		assert_null(b.s[0].xd->g);
		assert_int_equal(state(dom, 0), 4);
		assert_true(n < 100);
	}
}

static void who_are_we(void **st)
{
	(void)st;
	xm_fail_all("xs_read", EIO);
	assert_false(xen_up(32));
	assert_non_null(strstr(b.err, "which domain this is: Input/output error"));
	xm_fail_all("xs_read", ENOENT); /* dom0, in old versions */
	assert_true(xen_up(32));
	assert_int_equal(b.x->self, 0);
	xm_fail_all(NULL, 0);
}

/* A domU may not read all that dom0 may: what it cannot know it does without, and does not try for ever. */
static void not_allowed(void **st)
{
	unsigned dom = xm_create("guest", 1);

	(void)st;
	assert_true(xen_up(32));
	assert_true(add(0, "1", NULL, 0));
	assert_true(add(1, "two", NULL, 0)); /* that name cannot be read */
	node(0, dom, 0, false, 1);
	xm_deny("/local/domain/1");
	WAIT(state(dom, 0) == 2);
	assert_int_equal(state(dom, 0), 2);
	assert_null(b.s[1].xd->g);
	assert_int_equal(b.x->again.at, 0);
	assert_true(start(&b.s[0], false));
	assert_true(traffic(&b.s[0], 2));
}

/* The closing handshake's answer cannot be written at once. */
static void answered_later(void **st)
{
	struct side *s = one(32, false, false);

	(void)st;
	xm_fail_all("xs_write", EIO);
	put(s->dom, 0, "state", "%llu", 5);
	rounds(10);
	assert_null(s->xd->g);
	assert_int_equal(state(s->dom, 0), 5);
	xm_fail_all(NULL, 0);
	(void)fire(&b.x->again);
	assert_int_equal(state(s->dom, 0), 6);
}

static void garbage_is_said_once(void **st)
{
	unsigned dom = xm_create("guest", 1);

	(void)st;
	assert_true(xen_up(32));
	assert_true(add(0, "guest", NULL, 0));
	node(0, dom, 0, false, 4);
	xm_rm(path(dom, 0, ""));
	rounds(3);
	log_clear();
	xm_write(path(dom, 0, "base"), "rubbish");
	xm_write(path(dom, 0, "state"), "4");
	for (unsigned i = 0; i < 10; i++) {
		put(dom, 7, "x", "%llu", i);
		rounds(3);
	}
	assert_int_equal(count_logged("not sensible"), 1);
	assert_true(logged("base (rubbish)"));
	assert_int_equal(b.x->again.at, 0); /* an event will come when it changes */
	xm_write(path(dom, 0, "base"), "other rubbish");
	rounds(3);
	assert_int_equal(count_logged("not sensible"), 2);
	node(0, dom, 0, false, 1);
	WAIT(state(dom, 0) == 2);
	xm_rm(path(dom, 0, ""));
	rounds(5);
	xm_write(path(dom, 0, "base"), "rubbish");
	xm_write(path(dom, 0, "state"), "4");
	rounds(3);
	assert_int_equal(count_logged("not sensible"), 3);
}

/* ---- xenstored dies ---- */

/* Who is served goes on, nothing spins, and the guest's end is still seen. */
static void goes_on_without(struct side *s)
{
	uint32_t calls;

	rounds(5);
	assert_true(b.x->lost);
	calls = xm.calls;
	rounds(50);
	assert_int_equal(xm.calls, calls);
	assert_int_equal(count_logged("xenstore is gone"), 1);
	assert_true(traffic(s, 3));
	for (unsigned i = 0; i < 3; i++) {
		assert_true(fire(&b.x->look) <= 5000000000u);
		assert_non_null(s->xd->g);
	}
	assert_int_equal(count_logged("xenstore is gone"), 1);
	xm_destroy(s->dom);
	(void)fire(&b.x->look);
	assert_null(s->xd->g);
	assert_true(logged("has ended"));
	xm_fail_all(NULL, 0);
}

static void xenstore_hangs_up(void **st)
{
	static const int e[] = { EBADF, EIO, EPIPE };

	(void)st;
	for (unsigned i = 0; i < 3; i++) {
		struct side *s;

		bed_teardown(NULL);
		bed_setup(NULL);
		s = one(32, false, i & 1);
		xm_fail_all("xs_check_watch", e[i]);
		put(s->dom, 9, "x", "%llu", i);
		goes_on_without(s);
	}
}

/* libxenstore says nothing when its socket ends; the next call does. */
static void xenstore_goes_silently(void **st)
{
	struct side *s = one(32, false, false);

	(void)st;
	rounds(10);
	for (unsigned i = 0; i < 3; i++) {
		uint32_t calls = xm.calls;

		assert_true(fire(&b.x->look) > 5000000000u);
		assert_true(xm.calls - calls <= 1); /* costs next to nothing */
	}
	xm_fail_all("xs_read", EIO); /* no proof */
	(void)fire(&b.x->look);
	assert_false(b.x->lost);
	xm_fail_all("xs_read", EPIPE);
	(void)fire(&b.x->look);
	goes_on_without(s);
}

/* Its descriptor says that there is an event, and there is none, again and again. */
static void xenstore_spins(void **st)
{
	struct side *s = one(32, false, false);
	uint64_t n = 1;

	(void)st;
	rounds(5);
	assert_int_equal(write(b.x->watch.fd, &n, sizeof(n)), sizeof(n));
	rounds(50);
	assert_false(b.x->lost);
	rounds(200);
	goes_on_without(s);
}

#define T(f) cmocka_unit_test_setup_teardown(f, bed_setup, bed_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(xenstore_in_trouble),
		T(tried_again),
		T(any_call),
		T(not_allowed),
		T(who_are_we),
		T(not_ours),
		T(answered_later),
		T(garbage_is_said_once),
		T(xenstore_hangs_up),
		T(xenstore_goes_silently),
		T(xenstore_spins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
