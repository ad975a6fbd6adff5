/* SPDX-License-Identifier: BSD-3-Clause */
/* t_xen_keep.c - the daemon of a running guest is killed, or stopped, and comes again */
#include "test/unit/xen_keep_bed.h"

static void killed_and_stopped(void **st)
{
	(void)st;
	for (unsigned kind = 0; kind < 8; kind++) {
		bool kill9 = kind & 1, grants = kind & 2, packed = kind & 4;

		if (kind > 0) {
			teardown(NULL);
			setup(NULL);
		}
		(void)serve(1, grants, packed);
		assert_true(traffic(&b.s[0], 5));
		for (unsigned life = 0; life < 5; life++) {
			log_clear();
			(kill9 ? killed : stopped)();
			assert_int_equal(xm.open.foreign + xm.open.grants + xm.open.ports, 0);
			assert_true(xm.dom[1].server);
			assert_true(back(0, 1));
			assert_true(logged("of an earlier process"));
			assert_true(logged("from where an earlier process ended"));
			assert_true(traffic(&b.s[0], life == 2 ? 0 : 20));
		}
		assert_true(stop(&b.s[0]));
		assert_true(start(&b.s[0], !packed));
		assert_true(traffic(&b.s[0], 3));
		put(1, 0, "state", "%llu", 5);
		WAIT(state(1, 0) == 6);
		assert_true(vacant(&b.s[0]));
		assert_true(ended(1));
		assert_int_equal(access(file_of(0), F_OK), -1);
	}
}

/* Owned by its host when the daemon ends, of either kind: done once by the next. */
static void requests_in_flight(void **st)
{
	(void)st;
	for (unsigned kind = 0; kind < 8; kind++) {
		bool kill9 = kind & 1, grants = kind & 2, packed = kind & 4;
		struct side *s = &b.s[0];

		teardown(NULL);
		setup(NULL);
		(void)serve(1, grants, packed);
		assert_true(traffic(s, 3));
		offer_and_hold(s);
		if (kill9) {
			killed();
		} else {
			assert_int_equal(xen_dev_close(s->xd), VIO_PENDING);
			rounds(3);
			assert_false(s->closed);
			tdev_complete(&s->dev, 0);
			WAIT(s->closed);
			xen_close(b.x);
			b.x = NULL;
		}
		assert_true(back(0, 1));
		once(s);
		assert_true(traffic(s, 5));
	}
}

/* Shown as done, and the daemon is killed before the interrupt: the driver hears of it. */
static void interrupt_lost(void **st)
{
	(void)st;
	for (unsigned packed = 0; packed < 2; packed++) {
		struct side *s = &b.s[0];

		teardown(NULL);
		setup(NULL);
		(void)serve(1, false, packed);
		assert_int_equal(offer(s), VIO_OK);
		WAIT(xm.dom[1].irq[s->irq] > 0);
		xm.dom[1].irq[s->irq] = 0;
		killed();
		assert_true(back(0, 1));
		once(s);
		assert_true(traffic(s, 3));
	}
}

/* ---- a virtual CPU that waits ---- */

enum moment { BEFORE, DURING, DONE, ANSWERED, MOMENTS };

static enum moment moment;
static unsigned strikes;

static struct ioreq *slot_of(const struct side *s)
{
	return &xm.dom[s->dom].page->vcpu_ioreq[s->cpu];
}

/* The daemon dies at that moment of this access. */
static void strike(struct side *s)
{
	strikes++;
	if (moment == DONE || moment == ANSWERED) {
		xm_fail_all("ev_notify", EIO); /* it is not rung */
		WAIT(slot_of(s)->state == STATE_IORESP_READY);
		xm_fail_all(NULL, 0);
	}
	killed();
	if (moment == DURING || moment == DONE) {
		slot_of(s)->state = STATE_IOREQ_INPROCESS;
	}
	assert_true(back(0, 1));
}

/* A whole life of a driver, and a daemon that dies at each of its accesses */
static void at_each_access(void **st)
{
	(void)st;
	for (unsigned k = 0; k < 4 * MOMENTS; k++) {
		bool grants = k & 1, packed = k & 2;
		unsigned dom;

		teardown(NULL);
		setup(NULL);
		moment = k / 4;
		strikes = 0;
		dom = xm_create("guest", 2);
		assert_true(xen_up(32));
		assert_true(add(0, "guest", NULL, 0));
		node(0, dom, 0, grants, 1);
		WAIT(state(dom, 0) == 2);
		b.struck = strike;
		assert_true(start(&b.s[0], packed));
		assert_true(traffic(&b.s[0], 3));
		assert_true(stop(&b.s[0]));
		b.struck = NULL;
		assert_true(strikes > 30);
		assert_true(start(&b.s[0], !packed));
		assert_true(traffic(&b.s[0], 3));
	}
}

/* A reset that waits for the host when the daemon is killed, on one CPU, while the other one reads */
static void in_a_reset(void **st)
{
	static const uint32_t off[] = { VIO_MMIO_STATUS, VIO_MMIO_QUEUE_RESET,
					VIO_MMIO_QUEUE_READY };

	(void)st;
	for (unsigned k = 0; k < 12; k++) {
		struct side *s = &b.s[0];
		bool kill9 = k & 1, packed = k & 2;
		uint32_t reg = off[k / 4];
		uint64_t v;

		teardown(NULL);
		setup(NULL);
		(void)serve(1, false, packed);
		offer_and_hold(s);
		assert_true(xm_access(1, 0, s->base + reg, 4, true, reg == VIO_MMIO_QUEUE_RESET));
		rounds(5);
		assert_int_equal(slot_of(s)->state, STATE_IOREQ_INPROCESS);
		if (kill9) {
			killed();
		} else {
			(void)xen_dev_close(s->xd);
			rounds(2);
			tdev_complete(&s->dev, 0);
			WAIT(s->closed);
			xen_close(b.x);
			b.x = NULL;
			assert_false(xm_answered(1, 0, NULL));
		}
		assert_true(xm_access(1, 1, s->base + VIO_MMIO_MAGIC, 4, false, 0));
		log_clear();
		assert_true(back(0, 1));
		assert_false(logged("cannot be used"));
		assert_true(answered(1, 1, &v) && v == VIO_MMIO_MAGIC_VALUE);
		assert_true(answered(1, 0, NULL));
		assert_int_equal(io(s, VIO_MMIO_QUEUE_READY, 4, false, 0), 0);
		assert_int_equal(io(s, VIO_MMIO_STATUS, 4, false, 0),
				 reg == VIO_MMIO_STATUS ? 0 : 15);
		assert_true(stop(s));
		assert_true(start(s, !packed));
		assert_true(traffic(s, 3));
	}
}

/* The stop of a queue took its time; what the driver saw is what the next process knows. */
static void after_a_stop(void **st)
{
	struct side *s = &b.s[0];

	(void)st;
	(void)serve(1, false, false);
	offer_and_hold(s);
	assert_true(xm_access(1, 0, s->base + VIO_MMIO_QUEUE_READY, 4, true, 0));
	rounds(3);
	tdev_complete(&s->dev, 0);
	assert_true(answered(1, 0, NULL));
	killed();
	assert_true(back(0, 1));
	assert_int_equal(io(s, VIO_MMIO_QUEUE_READY, 4, false, 0), 0);
	(void)io(s, VIO_MMIO_QUEUE_SIZE, 4, true, 8);
	assert_int_equal(io(s, VIO_MMIO_STATUS, 4, false, 0), 15);
}

/* Nobody serves: accesses wait, and are done as soon as somebody does. */
static void waits_meanwhile(void **st)
{
	uint64_t v;

	(void)st;
	(void)serve(1, false, false);
	stopped();
	for (unsigned cpu = 0; cpu < 2; cpu++) {
		assert_true(xm_access(1, cpu, BASE(0) + VIO_MMIO_DEVICE_ID, 4, false, 0));
	}
	rounds(5);
	assert_true(back(0, 1));
	for (unsigned cpu = 0; cpu < 2; cpu++) {
		assert_true(answered(1, cpu, &v));
		assert_int_equal(v, 42);
	}
	assert_true(traffic(&b.s[0], 3));
}

static void memory_map_changes_meanwhile(void **st)
{
	struct ioreq r = {
		.addr = ~0ull, .size = 4, .count = 1, .dir = 1, .type = IOREQ_TYPE_INVALIDATE
	};

	(void)st;
	(void)serve(2, false, false);
	killed();
	xm_slot(1, 1, &r);
	assert_true(back(0, 1)); /* needs no device to be answered */
	assert_true(answered(1, 1, NULL));
	assert_true(traffic(&b.s[0], 3));
}

/* Its host's memory is full when the next daemon starts: the queues start later, without anybody's help. */
static void no_memory_at_the_start(void **st)
{
	(void)st;
	for (unsigned kind = 0; kind < 4; kind++) {
		struct side *s = &b.s[0];
		bool grants = kind & 1;

		teardown(NULL);
		setup(NULL);
		(void)serve(1, grants, kind & 2);
		offer_and_hold(s);
		killed();
		xm_fail_all(grants ? "gt_map" : "fm_map", ENOMEM);
		assert_true(back(0, 1));
		rounds(20);
		assert_false(s->dev.vq.enabled);
		xm_fail_all(NULL, 0);
		once(s);
		assert_true(traffic(s, 3));
	}
}

/* ---- two devices, two guests ---- */

static void one_device_comes_later(void **st)
{
	struct side *s = &b.s[1];

	(void)st;
	(void)serve(2, false, false);
	s->cpu = 1;
	for (unsigned round = 0; round < 3; round++) {
		(round & 1 ? stopped : killed)();
		assert_true(back(0, 1));
		assert_true(xm_access(1, 1, s->base + VIO_MMIO_DEVICE_ID, 4, false, 0));
		assert_true(traffic(&b.s[0], 5)); /* does not wait for the other one */
		assert_false(xm_answered(1, 1, NULL));
		assert_true(back(1, 2));
		assert_true(answered(1, 1, NULL));
		assert_true(traffic(s, 5));
		assert_true(traffic(&b.s[0], 5));
		assert_ptr_equal(s->xd->g, b.s[0].xd->g);
	}
}

/* A domU may not read which guest it is; its number has to do. */
static void unknown_guest(void **st)
{
	(void)st;
	xm_deny("/local/domain/1/vm");
	(void)serve(1, true, false);
	killed();
	assert_true(back(0, 1));
	assert_true(logged("from where an earlier process ended"));
	assert_true(traffic(&b.s[0], 3));
}

static void two_guests(void **st)
{
	unsigned dom = serve(1, false, false), second = xm_create("two", 1);

	(void)st;
	assert_true(add(2, "two", NULL, 0));
	node(2, second, 0, true, 1);
	WAIT(state(second, 0) == 2);
	assert_true(start(&b.s[2], true));
	killed();
	xm_destroy(dom); /* while nobody looks */
	assert_true(xen_up(32));
	assert_true(add(0, "guest", NULL, 0));
	assert_true(add(2, "two", NULL, 0));
	WAIT(b.s[2].xd->g);
	assert_true(traffic(&b.s[2], 5));
	assert_null(b.s[0].xd->g);
}

/* ---- calls that fail while the next daemon starts ---- */

/* After these a guest stands still, which the log says: the daemon has to be started anew. */
static bool fatal(const char *call)
{
	return call && (strcmp(call, "ev_pending") == 0 || strcmp(call, "ev_unmask") == 0 ||
			strcmp(call, "ev_notify") == 0);
}

static bool starts_without_call(uint32_t n, int e)
{
	const char *call;
	bool ok;

	teardown(NULL);
	setup(NULL);
	(void)serve(1, n & 1, n & 2);
	offer_and_hold(&b.s[0]);
	killed();
	xm_fail_nth(n, e);
	ok = xen_up(32);
	if (ok) {
		ok = back(0, 1);
	}
	rounds(3);
	call = xm.failed;
	xm_fail_nth(0, 0);
	assert_true(xm.dom[1].server); /* whatever failed: what waits in it is not given up */
	if (b.x && !b.s[0].xd) { /* it ended with an error; the service manager starts it again */
		xen_close(b.x);
		b.x = NULL;
	}
	if (fatal(call)) {
		assert_true(logged("error:"));
		killed();
	}
	assert_true(b.x || back(0, 1));
	xm_store_fire("@releaseDomain");
	WAIT(b.s[0].xd->g);
	assert_non_null(b.s[0].xd->g);
	once(&b.s[0]);
	assert_true(traffic(&b.s[0], 3));
	return !call;
}

static void any_call_fails(void **st)
{
	static const int e[] = { ENOMEM, EBUSY };
	uint32_t n = 1;

	(void)st;
	for (unsigned k = 0; k < 2; k++) {
		for (n = 1; n < 200 && !starts_without_call(n, e[k]); n++) {
		}
		assert_true(n > 20 && n < 200);
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

/* The first daemon ends in an orderly way, one device has still to drain: accesses to the other wait for the next. */
static void neighbour_drains(void **st)
{
	uint64_t v;

	(void)st;
	(void)serve(2, false, true);
	offer_and_hold(&b.s[0]);
	assert_int_equal(xen_dev_close(b.s[1].xd), VIO_PENDING);
	assert_int_equal(xen_dev_close(b.s[0].xd), VIO_PENDING);
	WAIT(b.s[1].closed);
	assert_false(b.s[0].closed);
	assert_true(xm_access(1, 1, BASE(1) + VIO_MMIO_DEVICE_ID, 4, false, 0));
	rounds(5);
	assert_false(xm_answered(1, 1, &v));
	tdev_complete(&b.s[0].dev, 0);
	WAIT(b.s[0].closed);
	xen_close(b.x);
	b.x = NULL;
	assert_true(back(0, 2));
	assert_true(answered(1, 1, &v));
	assert_int_equal(v, 42);
	once(&b.s[0]);
	assert_true(traffic(&b.s[1], 3));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(killed_and_stopped),
		T(requests_in_flight),
		T(interrupt_lost),
		T(at_each_access),
		T(in_a_reset),
		T(after_a_stop),
		T(waits_meanwhile),
		T(memory_map_changes_meanwhile),
		T(no_memory_at_the_start),
		T(one_device_comes_later),
		T(unknown_guest),
		T(two_guests),
		T(any_call_fails),
		T(neighbour_drains),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
