/* SPDX-License-Identifier: BSD-3-Clause */
/* t_xen_vacant.c - a device leaves a guest that lives: its driver goes on touching registers, and must get answers */
#include "test/unit/xen_keep_bed.h"

static int no_state(void **st)
{
	(void)setup(st);
	b.state_dir = NULL;
	return 0;
}

/* A process for both devices; each has its node, or a next process would mistake them */
static void up(void)
{
	assert_true(xen_up(32));
	assert_true(add(0, "guest", "virtio/0", 0));
	assert_true(add(1, "guest", "virtio/1", 0));
	rounds(2);
}

/* Two devices of guest 1 with nodes, both started */
static void two(void)
{
	unsigned dom = xm_create("guest", 2);

	up();
	for (unsigned i = 0; i < 2; i++) {
		node(i, dom, i, false, 1);
		WAIT(state(dom, i) == 2);
		assert_true(start(&b.s[i], i == 1));
		assert_true(traffic(&b.s[i], 3));
	}
}

static void closed(unsigned i)
{
	put(1, i, "state", "%llu", 5);
	WAIT(state(1, i) == 6);
	assert_int_equal(state(1, i), 6);
}

/* Its node is closed or removed; the other device does not notice, and a new node brings it back. */
static void leaves_and_returns(void **st)
{
	(void)st;
	two();
	for (unsigned n = 0; n < 4; n++) {
		if (n & 1) {
			closed(0);
		}
		xm_rm("/local/domain/0/backend/virtio/1/0");
		xm_store_fire("/local/domain/0/backend");
		WAIT(!b.s[0].xd->g);
		assert_true(vacant(&b.s[0]));
		assert_true(traffic(&b.s[1], 3));
		node(0, 1, 0, false, 1);
		WAIT(state(1, 0) == 2);
		assert_true(start(&b.s[0], n & 1));
		assert_true(traffic(&b.s[0], 3));
	}
	closed(0);
	closed(1);
	assert_true(vacant(&b.s[0]) && vacant(&b.s[1]));
	assert_int_equal(xm.open.foreign + xm.open.grants, 0);
	assert_true(ended(1));
}

/* Another device comes to that address, with less registers that trap */
static void another_comes(void **st)
{
	(void)st;
	two();
	closed(0);
	b.x->guest->vacant->len = 0x100;
	xm.dom[1].range_len[0] = 0x100;
	node(0, 1, 0, false, 1);
	WAIT(state(1, 0) == 2);
	assert_int_equal(state(1, 0), 2);
	assert_true(start(&b.s[0], false) && traffic(&b.s[0], 3));
	assert_true(traffic(&b.s[1], 3));
}

/* What a device left is known to the next process, however this one ended, and until the guest ends. */
static void next_process(void **st)
{
	(void)st;
	for (unsigned kill9 = 0; kill9 < 2; kill9++) {
		if (kill9) {
			teardown(NULL);
			setup(NULL);
		}
		two();
		closed(0);
		for (unsigned life = 0; life < 3; life++) {
			(kill9 ? killed : stopped)();
			assert_true(xm.dom[1].server);
			up();
			assert_true(traffic(&b.s[1], 3));
			assert_null(b.s[0].xd->g);
			assert_true(vacant(&b.s[0]));
		}
		assert_int_equal(access(file_of(0), F_OK), 0);
		node(0, 1, 0, false, 1);
		WAIT(state(1, 0) == 2);
		assert_true(start(&b.s[0], false) && traffic(&b.s[0], 3));
		closed(0);
		assert_true(ended(1));
		assert_int_equal(access(file_of(0), F_OK), -1);
		assert_int_equal(access(file_of(1), F_OK), -1);
	}
}

/* Both have left when the process ends: there is nobody to come back for. */
static void nobody_left(void **st)
{
	(void)st;
	two();
	closed(0);
	closed(1);
	stopped();
	assert_false(xm.dom[1].server);
	assert_int_equal(access(file_of(0), F_OK), -1);
	assert_int_equal(access(file_of(1), F_OK), -1);
}

static void look(void)
{
	struct vio_clock *c = loop_clock(b.loop);

	assert_true(b.x->look.at != 0 && b.x->look.at <= c->now(c) + 1000000000u);
	c->set(c, &b.x->look, 1);
	rounds(3);
}

/*
 * Where xenstore does not tell, Xen is asked whether the guest lives. One that ends is still there without its server,
 * since we hold a page of it.
 */
static void end_is_noticed(void **st)
{
	(void)st;
	for (unsigned zombie = 0; zombie < 2; zombie++) {
		unsigned dom;

		teardown(NULL);
		no_state(NULL);
		dom = xm_create("guest", 1);
		xm_fail_all("xs_open", ENOENT);
		assert_true(xen_up(32));
		xm_fail_all(NULL, 0);
		b.s[0].dom = dom;
		assert_true(add(0, "1", NULL, 33));
		assert_true(start(&b.s[0], false) && traffic(&b.s[0], 3));
		remove_dev(&b.s[0]);
		assert_true(vacant(&b.s[0]));
		look();
		assert_true(vacant(&b.s[0]));
		if (zombie) {
			xm_server_end(&xm.dom[dom]);
		} else {
			xm_destroy(dom);
		}
		look();
		assert_null(b.x->guest);
		assert_int_equal(xm.open.frames + xm.open.ports + xm.open.fm, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(leaves_and_returns, no_state, teardown),
		cmocka_unit_test_setup_teardown(another_comes, no_state, teardown),
		cmocka_unit_test_setup_teardown(next_process, setup, teardown),
		cmocka_unit_test_setup_teardown(nobody_left, setup, teardown),
		cmocka_unit_test_setup_teardown(end_is_noticed, no_state, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
