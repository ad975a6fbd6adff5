/* SPDX-License-Identifier: BSD-3-Clause */
/* t_xen_page.c - configuration that a Xen guest reads from a page of its own, and what becomes of that page */
#include "test/unit/xen_keep_bed.h"

#define MAY (1ull << 3) /* the feature by which the driver may write configuration */

static struct vio_dev_ops ops; /* tdev's, with 8 bytes of configuration */
static uint8_t config[SIDES][8];
static const char *text; /* of a new process */

static int config_write(struct vio_dev *d, uint32_t off, const uint8_t *src, uint32_t len)
{
	memcpy(d->config + off, src, len);
	return VIO_OK;
}

static void dress(struct side *s)
{
	ops.queue = s->dev.d.ops->queue;
	ops.cancel = s->dev.d.ops->cancel;
	s->dev.d.ops = &ops;
	s->dev.d.class_features = MAY;
	s->dev.d.config = config[s->index];
	memcpy(s->dev.d.config, text, 8);
}

static int page_setup(void **st)
{
	(void)setup(st);
	b.state_dir = NULL;
	b.restarts = false;
	b.page = true;
	b.dress = dress;
	text = "config 0";
	ops = (struct vio_dev_ops){ .id = 42,
				    .nvq_max = 1,
				    .config_len = 8,
				    .features = MAY,
				    .config_write = config_write,
				    .config_write_needs = MAY };
	return 0;
}

/* Side 0, in a guest without toolstack */
static bool placed(unsigned dom)
{
	char number[8];

	(void)snprintf(number, sizeof(number), "%u", dom);
	b.s[0].dom = dom;
	b.s[0].grants = false;
	return add(0, number, NULL, 33);
}

static const uint8_t *seen(const struct side *s)
{
	return xm_extra_ram(s->dom, s->base + VIO_MMIO_CONFIG);
}

/* Where it traps */
static bool trapped(struct side *s)
{
	return !seen(s) && io(s, VIO_MMIO_CONFIG, 4, false, 0) == vio_unpack32(config[0]) &&
	       !s->stuck;
}

static uint32_t low_features(struct side *s)
{
	(void)io(s, VIO_MMIO_DEVICE_FEATURES_SEL, 4, true, 0);
	return (uint32_t)io(s, VIO_MMIO_DEVICE_FEATURES, 4, false, 0);
}

static bool works(struct side *s)
{
	return start(s, false) && traffic(s, 3) && stop(s);
}

static void read_without_a_trap(void **st)
{
	unsigned dom = xm_create("guest", 1);
	struct side *s = &b.s[0];
	struct ioreq r = { .size = 4, .count = 1, .dir = 1, .type = IOREQ_TYPE_COPY };
	uint64_t accesses, generation, v = 0;

	(void)st;
	assert_true(xen_up(32));
	assert_true(placed(dom));
	assert_true(logged("dev0: domain 1: configuration is a page at 0x2041000"));
	assert_non_null(seen(s));
	assert_memory_equal(seen(s), "config 0\0\0\0\0", 12);
	assert_false(xm_access(dom, 0, s->base + VIO_MMIO_CONFIG, 4, false, 0));
	assert_true(xm.dom[dom].range[0] == s->base && xm.dom[dom].range_len[0] == 0x100);
	r.addr = s->base + VIO_MMIO_CONFIG;
	xm_slot(dom, 0, &r); /* Xen would not */
	assert_true(answered(dom, 0, &v) && v == ~0ull);
	assert_int_equal(low_features(s) & MAY, 0);
	assert_true(start(s, true));
	generation = io(s, VIO_MMIO_GENERATION, 4, false, 0);
	accesses = s->xd->g->stat.ioreq;
	xm.dom[dom].irq[s->irq] = 0;
	memcpy(config[0], "config 1", 8);
	vio_dev_config_changed(&s->dev.d);
	assert_memory_equal(seen(s), "config 1", 8);
	assert_int_equal(xm.dom[dom].irq[s->irq], 1);
	assert_true(s->xd->g->stat.ioreq == accesses); /* all that without a crossing */
	assert_true(io(s, VIO_MMIO_GENERATION, 4, false, 0) != generation);
	(void)io(s, VIO_MMIO_INTERRUPT_ACK, 4, true, VIO_MMIO_INT_CONFIG);
	xm.dom[dom].irq[s->irq] = 0;
	assert_true(traffic(s, 5));
	remove_dev(s);
	assert_true(vacant(s));
	assert_memory_equal(seen(s), "config 1", 8); /* its driver may still read it */
	assert_true(ended(dom));
	assert_int_equal(xm_open_things(), 1); /* xenstore */
}

/* Two devices of one guest; one leaves. */
static void two_pages(void **st)
{
	unsigned dom = xm_create("guest", 1);

	(void)st;
	assert_true(xen_up(32));
	assert_true(placed(dom));
	b.s[1].dom = dom;
	assert_true(add(1, "1", NULL, 34));
	memcpy(config[1], "other   ", 8);
	vio_dev_config_changed(&b.s[1].dev.d);
	assert_memory_equal(seen(&b.s[0]), "config 0", 8);
	assert_memory_equal(seen(&b.s[1]), "other   ", 8);
	remove_dev(&b.s[0]);
	assert_memory_equal(seen(&b.s[0]), "config 0", 8);
	assert_memory_equal(seen(&b.s[1]), "other   ", 8);
	assert_true(works(&b.s[1]));
}

/* Whatever is refused: trapped, with a line that says why, and all else as ever. */
static void refused(void **st)
{
	static const struct {
		const char *call;
		int e;
		const char *line;
	} no[] = {
		{ "call_open", EACCES, "configuration is trapped: Permission denied" },
		{ "call_buffer", ENOMEM, "configuration is trapped: Cannot allocate" },
		{ "call2 populate", EPERM, "configuration is trapped: Xen gives no page" },
		{ "call2 populate", ENOSYS, "configuration is trapped: Function not" },
		{ "fm_map", ENOMEM, "configuration is trapped: Cannot allocate" },
		{ NULL, 0, "guest has all the memory that it may have" },
		{ NULL, 1, "configuration is trapped: Function not implemented" },
		{ NULL, 2, "this device lets its driver write to it at any time" },
	};

	(void)st;
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
		unsigned dom;

		teardown(NULL);
		page_setup(NULL);
		dom = xm_create("guest", 1);
		assert_true(xen_up(32));
		xm_fail_all(no[i].call, no[i].e);
		if (!no[i].call) {
			xm.dom[dom].full = no[i].e == 0;
			xm.lib.call_open = no[i].e == 1 ? NULL : xm.lib.call_open;
			ops.config_write_needs = no[i].e == 2 ? 0 : MAY;
		}
		assert_true(placed(dom));
		xm_fail_all(NULL, 0);
		assert_true(logged(no[i].line));
		assert_true(trapped(&b.s[0]));
		assert_int_equal(b.s[0].xd->g->stat.config, 1);
		assert_int_equal(xm.dom[dom].range_len[0], 0x200);
		assert_true((low_features(&b.s[0]) & MAY) != 0);
		assert_true(works(&b.s[0]));
		remove_dev(&b.s[0]);
		assert_true(ended(dom));
		assert_int_equal(xm_open_things(), 1);
	}
}

/* Neither where toolstacks put registers, nor unless it is asked for */
static void only_where_wanted(void **st)
{
	(void)st;
	for (unsigned there = 0; there < 2; there++) {
		unsigned dom;

		teardown(NULL);
		page_setup(NULL);
		dom = xm_create("guest", 1);
		b.page = there != 0;
		b.trap = there != 0;
		assert_true(xen_up(32));
		assert_true(placed(dom));
		assert_true(trapped(&b.s[0]));
		assert_false(logged("configuration is"));
	}
}

/* Any call fails, at any time of a life: it is served or refused with a reason, and the guest's end ends all. */
static void every_call(void **st)
{
	bool worked = false;

	(void)st;
	for (uint32_t n = 1; n < 500 && !worked; n++) {
		unsigned dom;
		bool ok;

		teardown(NULL);
		page_setup(NULL);
		b.hurry = true;
		dom = xm_create("guest", 1);
		assert_true(xen_up(32));
		xm_fail_nth(n, ENOMEM);
		ok = placed(dom);
		assert_true(ok || b.err[0] != '\0');
		assert_int_equal(xm_extra(&xm.dom[dom], PAGE_BASE(0) / XM_PAGE + 1) != XM_HOLE,
				 ok && b.s[0].xd->page != NULL);
		if (ok) {
			ok = works(&b.s[0]);
			remove_dev(&b.s[0]);
		}
		worked = ok && !xm.failed;
		xm_fail_nth(0, 0);
		assert_true(ended(dom));
		assert_int_equal(xm_open_things(), 1);
	}
	assert_true(worked);
}

/* Xen is not asked for anything any more: see xen_config.settled. */
static void rights_given_up(void **st)
{
	unsigned dom = xm_create("guest", 1);

	(void)st;
	assert_true(xen_up(32));
	assert_true(placed(dom));
	b.x->sealed = true;
	xm_fail_all("call_open", EACCES);
	remove_dev(&b.s[0]);
	assert_null(xm.failed);
	assert_non_null(seen(&b.s[0]));
	assert_int_equal(xm.open.foreign, 0);
}

static void guest_ends(void **st)
{
	unsigned dom = xm_create("guest", 1);

	(void)st;
	assert_true(xen_up(32));
	assert_true(placed(dom));
	assert_true(start(&b.s[0], false));
	xm_destroy(dom);
	loop_clock(b.loop)->set(loop_clock(b.loop), &b.x->look, 1);
	WAIT(!b.s[0].xd->g);
	assert_null(b.s[0].xd->g);
	assert_int_equal(xm.open.foreign + xm.open.call, 0);
	vio_dev_config_changed(&b.s[0].dev.d); /* nobody sees it, and nothing breaks */
}

/* ---- restart ---- */

static unsigned restartable(void)
{
	unsigned dom = xm_create("guest", 1);

	b.state_dir = state_dir;
	b.restarts = true;
	assert_true(xen_up(32));
	assert_true(placed(dom));
	return dom;
}

static bool again(unsigned dom)
{
	return (b.x || xen_up(32)) && placed(dom);
}

static void mapped_again(void **st)
{
	struct side *s = &b.s[0];

	(void)st;
	for (unsigned kill9 = 0; kill9 < 2; kill9++) {
		unsigned dom;
		uint32_t page;

		teardown(NULL);
		page_setup(NULL);
		dom = restartable();
		page = xm.dom[dom].extra[0].page;
		assert_true(start(s, kill9 != 0) && traffic(s, 3));
		for (unsigned life = 0; life < 3; life++) {
			(kill9 != 0 ? killed : stopped)();
			assert_memory_equal(seen(s), text, 8); /* nobody is there, and it is read */
			assert_int_equal(xm.open.foreign, 0);
			b.trap = life == 1; /* it is the guest that decides by now */
			text = life == 1 ? "config 1" : "config 2";
			ops.config_len = life == 2 ? 4 : 8;
			xm_fail_all("call2 populate", EIO);
			assert_true(again(dom));
			xm_fail_all(NULL, 0);
			assert_int_equal(xm.dom[dom].extra[0].page, page);
			assert_true(logged("from where an earlier process ended"));
			assert_memory_equal(seen(s), life == 2 ? "conf\0\0\0\0" : text, 8);
			assert_true(traffic(s, 3));
		}
	}
}

/* A guest that began with traps goes on with them: its driver may have taken what a page does not allow. */
static void began_with_traps(void **st)
{
	unsigned dom;

	(void)st;
	xm_fail_all("call2 populate", EPERM);
	dom = restartable();
	assert_true(start(&b.s[0], false) && traffic(&b.s[0], 3));
	xm_fail_all(NULL, 0);
	killed();
	log_clear();
	assert_true(again(dom));
	assert_true(logged("configuration is trapped: the guest began so"));
	assert_true(trapped(&b.s[0]));
	assert_true(traffic(&b.s[0], 3));
}

/* No room for the mapping now: not served by halves, and later by the whole. */
static void mapped_later(void **st)
{
	unsigned dom;

	(void)st;
	dom = restartable();
	assert_true(start(&b.s[0], false) && traffic(&b.s[0], 3));
	killed();
	xm_fail_all("fm_map", ENOMEM);
	assert_false(again(dom));
	assert_non_null(strstr(b.err, "its page of configuration cannot be mapped"));
	xm_fail_all(NULL, 0);
	assert_true(again(dom));
	assert_non_null(b.s[0].xd->page);
	assert_true(traffic(&b.s[0], 3));
}

#define T(f) cmocka_unit_test_setup_teardown(f, page_setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(read_without_a_trap), T(two_pages),	 T(refused),	     T(only_where_wanted),
		T(every_call),		T(guest_ends),	 T(rights_given_up), T(mapped_again),
		T(began_with_traps),	T(mapped_later),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
