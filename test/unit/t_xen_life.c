/* SPDX-License-Identifier: BSD-3-Clause */
/* t_xen_life.c - the Xen port on the model: guests and devices that come and end, at rest and at work */
#include "test/unit/xen_bed.h"

static void two_guests(void **st)
{
	unsigned first = xm_create("one", 2), second = xm_create("two", 1), third;
	char number[8];

	(void)st;
	(void)snprintf(number, sizeof(number), "%u", second);
	assert_true(xen_up(32));
	assert_true(add(0, "one", NULL, 0));
	assert_true(add(1, number, NULL, 0));
	node(1, second, 0, true, 1);
	node(0, first, 0, false, 1);
	WAIT(state(first, 0) == 2 && state(second, 0) == 2);
	assert_true(start(&b.s[0], false));
	assert_true(start(&b.s[1], true));
	assert_true(traffic(&b.s[0], 3) && traffic(&b.s[1], 3) && traffic(&b.s[0], 3));
	xm_destroy(first);
	WAIT(!b.s[0].xd->g);
	assert_null(b.s[0].xd->g);
	assert_int_equal(xm_users(first, 0), 0); /* the ended guest's memory is free */
	assert_true(traffic(&b.s[1], 3));	 /* the other one does not notice */
	third = xm_create("one", 1);
	node(0, third, 0, false, 1);
	WAIT(state(third, 0) == 2);
	assert_true(start(&b.s[0], true));
	assert_true(traffic(&b.s[0], 3));
}

static void guest_ends_at_work(void **st)
{
	struct side *s = one(32, false, true);

	(void)st;
	s->dev.async = true;
	assert_int_equal(offer(s), VIO_OK);
	WAIT(s->dev.n == 1);
	xm_destroy(s->dom);
	rounds(10);
	assert_non_null(s->xd->g); /* the host may still write there */
	tdev_complete(&s->dev, 0);
	WAIT(!s->xd->g);
	assert_null(s->xd->g);
	assert_int_equal(vio_dev_status(&s->dev.d), 0);
	assert_int_equal(xm.open.foreign, 0);
}

static void closed_at_work(void **st)
{
	struct side *s = one(32, true, false);

	(void)st;
	s->dev.async = true;
	assert_int_equal(offer(s), VIO_OK);
	WAIT(s->dev.n == 1);
	put(s->dom, 0, "state", "%llu", 5);
	rounds(10);
	assert_int_equal(state(s->dom, 0), 5);
	assert_int_equal(xen_dev_close(s->xd), VIO_PENDING);
	rounds(3);
	assert_false(s->closed);
	tdev_complete(&s->dev, 0);
	WAIT(s->closed);
	assert_true(s->closed);
	assert_int_equal(state(s->dom, 0), 6);
	vio_vq_wake(&s->dev.vq); /* the host has more, the port is gone */
	vio_dev_config_changed(&s->dev.d);
}

static void pending_holds_the_cpu(void **st)
{
	struct side *s = one(32, false, false);
	uint64_t v;

	(void)st;
	s->dev.async = true;
	assert_int_equal(offer(s), VIO_OK);
	WAIT(s->dev.n == 1);
	assert_true(xm_access(s->dom, 0, s->base + VIO_MMIO_STATUS, 4, true, 0));
	rounds(20);
	assert_false(xm_answered(s->dom, 0, &v));
	s->cpu = 1; /* the other one is served meanwhile */
	assert_int_equal(io(s, VIO_MMIO_MAGIC, 4, false, 0), VIO_MMIO_MAGIC_VALUE);
	tdev_complete(&s->dev, 0);
	assert_true(answered(s->dom, 0, &v));
	assert_int_equal(io(s, VIO_MMIO_STATUS, 4, false, 0), 0);
	assert_false(s->stuck);
}

/* Memory that cannot be mapped now: the CPU that starts the queue waits, and nobody has to help. */
static void start_without_memory(void **st)
{
	unsigned dom = xm_create("guest", 1);

	(void)st;
	assert_true(xen_up(0));
	assert_true(add(0, "guest", NULL, 0));
	node(0, dom, 0, false, 1);
	WAIT(state(dom, 0) == 2);
	for (uint32_t n = 1; n < 4; n++) {
		xm_fail_all("fm_map", ENOMEM);
		b.patience = 50000000u;
		assert_false(start(&b.s[0], false));
		assert_true(b.s[0].stuck);
		b.patience = 5000000000u;
		xm_fail_all(NULL, 0);
		assert_true(answered(dom, 0, NULL));
		b.s[0].stuck = false;
		assert_int_equal(io(&b.s[0], VIO_MMIO_QUEUE_READY, 4, false, 0), 1);
		assert_true(stop(&b.s[0]));
	}
	assert_true(start(&b.s[0], false));
	assert_true(traffic(&b.s[0], 2));
}

/* The same, and the device is taken away meanwhile: the CPU goes on, the next guest gets a whole device. */
static void close_while_starting(void **st)
{
	unsigned dom = xm_create("guest", 1);

	(void)st;
	assert_true(xen_up(32));
	assert_true(add(0, "guest", NULL, 0));
	node(0, dom, 0, false, 1);
	WAIT(state(dom, 0) == 2);
	xm_fail_all("fm_map", ENOMEM);
	b.patience = 50000000u;
	assert_false(start(&b.s[0], false));
	b.patience = 5000000000u;
	put(dom, 0, "state", "%llu", 5);
	WAIT(state(dom, 0) == 6);
	assert_true(xm_answered(dom, 0, NULL));
	xm_fail_all(NULL, 0);
	node(0, dom, 1, false, 1);
	WAIT(state(dom, 1) == 2);
	assert_int_equal(vio_dev_status(&b.s[0].dev.d), 0);
	assert_true(start(&b.s[0], false));
	assert_true(traffic(&b.s[0], 2));
}

static void no_xenstore(void **st)
{
	unsigned dom = xm_create("guest", 1);

	(void)st;
	xm_fail_all("xs_open", ENOENT);
	assert_true(xen_up(32));
	assert_false(add(0, "guest", NULL, 0));
	assert_non_null(strstr(b.err, "xen-irq"));
	assert_false(add(0, "guest", NULL, 33));
	assert_non_null(strstr(b.err, "'guest'"));
	assert_false(add(0, "5", NULL, 33));
	assert_non_null(strstr(b.err, "no such domain"));
	assert_true(add(0, "1", NULL, 33));
	b.s[0].dom = dom;
	assert_true(start(&b.s[0], true));
	assert_true(traffic(&b.s[0], 3));
}

/* A domain that the toolstack made but xenstore does not know, or that ends. */
static void given_place(void **st)
{
	unsigned dom = xm_create("guest", 1);

	(void)st;
	assert_true(xen_up(32));
	xm_fail_all("xs_introduced", 0);
	assert_true(add(0, "1", NULL, 33));
	b.s[0].dom = dom;
	rounds(5);
	xm_store_fire("@releaseDomain");
	rounds(5);
	assert_true(start(&b.s[0], true));
	assert_true(traffic(&b.s[0], 3));
	xm_fail_all(NULL, 0);
	assert_false(add(1, "1", NULL, 33) && add(2, "1", NULL, 33) && b.s[1].base == b.s[2].base);
	remove_dev(&b.s[1]);
	xm_destroy(dom);
	remove_dev(&b.s[0]);
}

/* ---- no xenstore says that a guest has ended ---- */

static void look(void)
{
	struct vio_clock *c = loop_clock(b.loop);

	assert_true(b.x->look.at != 0 && b.x->look.at <= c->now(c) + 5000000000u);
	c->set(c, &b.x->look, 1);
	rounds(3);
}

/* Seen without an interrupt that would find it; what is not a proof is none. */
static void ends_unseen(void **st)
{
	unsigned dom = xm_create("guest", 1);
	struct side *s = &b.s[0];

	(void)st;
	xm_fail_all("xs_open", ENOENT);
	assert_true(xen_up(32));
	assert_int_equal(b.x->look.at, 0);
	assert_true(add(0, "1", NULL, 33));
	s->dom = dom;
	assert_true(start(s, false));
	assert_true(traffic(s, 2));
	look();
	assert_non_null(s->xd->g);
	xm_fail_all("dm_op enable", EIO);
	look();
	assert_non_null(s->xd->g);
	xm_fail_all(NULL, 0);
	s->dev.async = true;
	assert_int_equal(offer(s), VIO_OK);
	WAIT(s->dev.n == 1);
	xm_destroy(dom);
	look();
	assert_non_null(s->xd->g); /* its host still works there */
	tdev_complete(&s->dev, 0);
	WAIT(!s->xd->g);
	assert_null(s->xd->g);
	assert_true(logged("domain 1 has ended"));
	assert_int_equal(xm_open_things(), 0);
	rounds(3);
	assert_int_equal(b.x->look.at, 0); /* nobody is left to be looked after */
}

/* xenstore is there, but does not know this domain. */
static void ends_unknown(void **st)
{
	unsigned dom = xm_create("guest", 1);

	(void)st;
	assert_true(xen_up(32));
	xm_fail_all("xs_introduced", 0);
	assert_true(add(0, "1", NULL, 33));
	xm_destroy(dom);
	rounds(5);
	assert_non_null(b.s[0].xd->g);
	look();
	assert_null(b.s[0].xd->g);
	xm_fail_all(NULL, 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, bed_setup, bed_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(two_guests),		 T(guest_ends_at_work),
		T(closed_at_work),	 T(pending_holds_the_cpu),
		T(start_without_memory), T(close_while_starting),
		T(no_xenstore),		 T(given_place),
		T(ends_unseen),		 T(ends_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
