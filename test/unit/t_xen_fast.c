/* SPDX-License-Identifier: BSD-3-Clause */
/* t_xen_fast.c - the Xen port with a kernel that has irqfd and ioeventfd, and handles that are bound to their guest */
#include "test/unit/xen_bed.h"

static int setup(void **st)
{
	(void)st;
	bed_up();
	xm.eventfds = true;
	return 0;
}

/* Two started devices of a guest */
static unsigned two_devices(void)
{
	unsigned dom = xm_create("guest", 2);

	assert_true(xen_up(32));
	for (unsigned i = 0; i < 2; i++) {
		assert_true(add(i, "guest", NULL, 0));
		node(i, dom, i, false, 1);
	}
	WAIT(state(dom, 0) == 2 && state(dom, 1) == 2);
	b.s[1].cpu = 1;
	assert_true(start(&b.s[0], true));
	assert_true(start(&b.s[1], false));
	return dom;
}

static void interrupts_by_irqfd(void **st)
{
	(void)st;
	xm_fail_all("dm_op irq", EPERM); /* the proof that none goes that way */
	(void)two_devices();
	assert_true(logged("by irqfd,"));
	assert_true(traffic(&b.s[0], 20));
	assert_true(traffic(&b.s[1], 20));
	assert_int_equal(xm.open.fds, 2);
	xm_fail_all(NULL, 0);
}

static void old_kernel(void **st)
{
	(void)st;
	xm.eventfds = false;
	b.ioeventfd = true;
	(void)two_devices();
	assert_true(logged("by hypercall,"));
	assert_true(logged("no ioeventfd: "));
	assert_true(traffic(&b.s[0], 5));
}

/* The model's kernel handles an event after us, and counts it as bad when we touched its slot. */
static void kernel_answers_kicks(void **st)
{
	uint64_t before;

	(void)st;
	b.ioeventfd = true;
	(void)two_devices();
	assert_true(logged("by irqfd and ioeventfd,"));
	before = b.s[0].xd->g->stat.ioreq;
	for (unsigned i = 0; i < 20; i++) {
		assert_int_equal(offer(&b.s[0]), VIO_OK);
		assert_int_equal(offer(&b.s[1]), VIO_OK);
		assert_true(take(&b.s[0]) && take(&b.s[1]));
	}
	assert_int_equal(b.s[0].xd->g->stat.kick, 40);
	assert_int_equal(b.s[0].xd->g->stat.ioreq - before,
			 40 * 2); /* interrupt status and acknowledgement */
	assert_true(stop(&b.s[0]));
	assert_true(start(&b.s[0], false));
	assert_true(traffic(&b.s[0], 3));
}

/* A queue that does not exist, another width: ours to answer, not the kernel's */
static void odd_kicks(void **st)
{
	struct side *s = &b.s[0];

	(void)st;
	b.ioeventfd = true;
	(void)two_devices();
	for (uint32_t size = 1; size <= 8; size *= 2) {
		(void)io(s, VIO_MMIO_QUEUE_NOTIFY, size, true, 7);
		assert_false(s->stuck);
	}
	(void)io(s, VIO_MMIO_QUEUE_NOTIFY, 2, true, 0);
	assert_false(s->stuck);
	assert_true(traffic(s, 3));
}

static void all_queues_or_none(void **st)
{
	(void)st;
	b.ioeventfd = true;
	xm_fail_all("ioeventfd", ENOMEM);
	(void)two_devices();
	xm_fail_all(NULL, 0);
	assert_true(logged("no ioeventfd: Cannot allocate memory"));
	assert_int_equal(xm.open.fds, 2);
	assert_true(traffic(&b.s[0], 3));
}

static void bound_to_the_guest(void **st)
{
	unsigned dom = two_devices();

	(void)st;
	assert_int_equal(xm.restricted, 3);
	xm_destroy(dom);
	WAIT(!b.s[0].xd->g && !b.s[1].xd->g);
	assert_int_equal(xm.open.fds, 0);
}

static void cannot_be_bound(void **st)
{
	(void)st;
	xm_fail_all("fm_restrict", EOPNOTSUPP);
	(void)two_devices();
	assert_true(logged("foreign memory cannot be restricted"));
	assert_true(traffic(&b.s[0], 3));
	xm_fail_all(NULL, 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, bed_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(interrupts_by_irqfd), T(old_kernel),	       T(kernel_answers_kicks),
		T(odd_kicks),		T(all_queues_or_none), T(bound_to_the_guest),
		T(cannot_be_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
