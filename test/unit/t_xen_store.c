/* SPDX-License-Identifier: BSD-3-Clause */
/* t_xen_store.c - the Xen port and xenstore: handshakes, nodes, garbage */
#include "test/unit/xen_bed.h"

static void daemon_starts_late(void **st)
{
	(void)st;
	for (unsigned was = 1; was < 5; was++) {
		unsigned dom = xm_create("guest", 1);

		node(0, dom, 0, false, was);
		assert_true(xen_up(32));
		assert_true(add(0, "guest", NULL, 0));
		WAIT(b.s[0].xd->g);
		assert_int_equal(state(dom, 0), was == 1 ? 2 : was);
		assert_true(start(&b.s[0], false));
		assert_true(traffic(&b.s[0], 2));
		bed_teardown(NULL);
		bed_setup(NULL);
	}
}

/* Nobody serves the node any more that is to be closed: the toolstack shall not wait. */
static void closing_unserved(void **st)
{
	unsigned dom = xm_create("guest", 1);

	(void)st;
	node(0, dom, 0, false, 5);
	node(1, dom, 1, false, 5);
	xm_write(path(dom, 1, "type"), "virtio,device4"); /* another program's */
	assert_true(xen_up(32));
	assert_true(add(0, "guest", NULL, 0));
	WAIT(state(dom, 0) == 6);
	assert_int_equal(state(dom, 0), 6);
	rounds(5);
	assert_int_equal(state(dom, 1), 5);
}

static void removes_its_nodes_in_a_domu(void **st)
{
	struct side *s = one(32, false, false);
	unsigned dom = s->dom;

	(void)st;
	b.x->self = 1;
	node(1, dom, 1, false, 6);
	xm_write(path(dom, 1, "type"), "virtio,device4"); /* another program's */
	put(dom, 0, "state", "%llu", 5);
	WAIT(state(dom, 0) == 6);
	rounds(5);
	assert_int_equal(state(dom, 0), 6); /* the toolstack must have seen that */
	WAIT(!xm_read(path(dom, 0, "state")));
	assert_null(xm_read(path(dom, 0, "base")));
	assert_int_equal(state(dom, 1), 6);
}

static void node_vanishes(void **st)
{
	struct side *s = one(32, false, false);
	unsigned dom = s->dom;

	(void)st;
	assert_true(traffic(s, 2));
	xm_rm(path(dom, 0, ""));
	WAIT(!s->xd->g);
	assert_null(s->xd->g);
	assert_null(xm_read(path(dom, 0, "state"))); /* nothing was written back */
	node(0, dom, 7, false, 1);
	WAIT(state(dom, 7) == 2);
	assert_true(start(s, true));
	assert_true(traffic(s, 2));
}

static void garbage(void **st)
{
	static const struct {
		const char *key, *value;
	} bad[] = {
		{ "base", "" },
		{ "base", "x" },
		{ "base", "0" },
		{ "base", "-0x2000000" },
		{ "base", "0x2000001" },
		{ "base", "0x2000000 " },
		{ "base", "0xffffffffffffff00" },
		{ "base", "99999999999999999999999" },
		{ "irq", "" },
		{ "irq", "31" },
		{ "irq", "1020" },
		{ "irq", "-33" },
		{ "irq", "33x" },
		{ "irq", "18446744073709551649" },
		{ "state", "" },
		{ "state", "one" },
		{ "state", "-1" },
		{ "state", "99" },
		{ "type", "virtio,device" },
		{ "type", "" },
		{ "type", "virtio,device4" },
		{ "type", "pci" },
	};
	unsigned dom = xm_create("guest", 1);

	(void)st;
	assert_true(xen_up(32));
	assert_true(add(0, "guest", NULL, 0));
	xm_write("/local/domain/0/backend/virtio/x/0/state", "1");
	xm_write("/local/domain/0/backend/virtio/-1/0/state", "1");
	xm_write("/local/domain/0/backend/virtio/65537/0/state", "1"); /* is not domain 1 */
	xm_write("/local/domain/0/backend/virtio/1/0123456789abcdefgh/state", "1");
	xm_write("/local/domain/0/backend/virtio", "");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		bool any = strcmp(bad[i].value, "virtio,device") == 0;

		log_clear();
		node(0, dom, 0, false, 3);
		xm_rm(path(dom, 0, ""));
		node(0, dom, 0, false, 3);
		xm_write(path(dom, 0, bad[i].key), bad[i].value);
		rounds(5);
		assert_int_equal(b.s[0].xd->g != NULL, any);
		if (*bad[i].key == 'b' || *bad[i].key == 'i') {
			assert_true(logged("dev0: error: domain 1:"));
		}
		if (any) {
			xm_rm(path(dom, 0, ""));
			rounds(5);
		}
	}
	node(0, dom, 0, false, 1);
	WAIT(state(dom, 0) == 2);
	assert_true(start(&b.s[0], false));
	put(dom, 0, "state", "rubbish", 0); /* while it is served: it goes on */
	rounds(5);
	assert_true(traffic(&b.s[0], 2));
}

/* Two devices alike: in the order in which they were given; a node that names none but the third. */
static void which_node(void **st)
{
	unsigned dom = xm_create("guest", 1);

	(void)st;
	assert_true(xen_up(32));
	assert_true(add(0, "guest", NULL, 0));
	assert_true(add(1, "guest", NULL, 0));
	assert_true(add(2, "guest", "virtio/5", 0));
	node(2, dom, 5, false, 1);
	WAIT(state(dom, 5) == 2);
	assert_string_equal(b.s[2].xd->path, path(dom, 5, ""));
	node(1, dom, 10, false, 4); /* state 4: seen together, in order of their number */
	node(0, dom, 9, false, 4);
	WAIT(b.s[0].xd->g && b.s[1].xd->g);
	assert_string_equal(b.s[0].xd->path, path(dom, 9, ""));
	assert_string_equal(b.s[1].xd->path, path(dom, 10, ""));
	for (unsigned i = 0; i < 3; i++) {
		assert_true(start(&b.s[i], i & 1));
	}
	for (unsigned k = 0; k < 10; k++) {
		assert_true(traffic(&b.s[k % 3], 3));
	}
	assert_ptr_equal(b.s[0].xd->g, b.s[1].xd->g); /* one server for all */
}

#define T(f) cmocka_unit_test_setup_teardown(f, bed_setup, bed_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(daemon_starts_late),		T(closing_unserved), T(node_vanishes),
		T(removes_its_nodes_in_a_domu), T(garbage),	     T(which_node),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
