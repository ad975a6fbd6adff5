/* SPDX-License-Identifier: BSD-3-Clause */
/* t_rng.c - the entropy device: never an empty answer, never a byte twice, never above its rate */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "rig.h"
#include "vio/rng.h"

#define SECOND 1000000000u

/*
 * A host that counts: its bytes are 1, 2, 3, ... 255, 1, ... so that each is seen to be given once,
 * and not 0.
 */
struct counter {
	uint8_t next;
	int rc;	       /* what fill answers */
	uint32_t most; /* bytes a fetch; 0: no limit */
	unsigned calls, cancels;
	struct vio_rng_fill *late;
};

static void counter_give(struct counter *c, struct vio_rng_fill *f)
{
	uint32_t n;

	f->got = c->most && c->most < f->len ? c->most : f->len;
	for (n = 0; n < f->got; n++) {
		f->buf[n] = c->next;
		c->next = (uint8_t)(c->next == 255 ? 1 : c->next + 1);
	}
}

static int counter_fill(void *host, struct vio_rng_fill *f)
{
	struct counter *c = host;

	c->calls++;
	assert_null(c->late); /* one at a time */
	if (c->rc == VIO_PENDING) {
		c->late = f;
	} else if (c->rc == VIO_OK) {
		counter_give(c, f);
	}
	return c->rc;
}

static void counter_cancel(void *host, struct vio_rng_fill *f)
{
	struct counter *c = host;

	assert_ptr_equal(c->late, f);
	c->late = NULL;
	c->cancels++;
}

static void counter_finish(struct counter *c, int32_t result)
{
	struct vio_rng_fill *f = c->late;

	assert_non_null(f);
	c->late = NULL;
	if (result == VIO_OK) {
		counter_give(c, f);
	}
	vio_job_complete(&f->job, result);
}

static const struct vio_rng_host_ops counter_ops = { .fill = counter_fill,
						     .cancel = counter_cancel };

struct bed {
	struct rig g;
	struct vio_rng dev;
	struct counter c;
	struct rig_clock clock;
};

static void bed_init(struct bed *b, uint32_t rate, bool clocked)
{
	memset(b, 0, sizeof(*b));
	b->c.next = 1;
	rig_clock_init(&b->clock);
	b->clock.ns = 100u * (uint64_t)SECOND;
	assert_int_equal(vio_rng_init(&b->dev, rig_mem(&b->g), &counter_ops, &b->c,
				      clocked ? &b->clock.c : NULL, rate),
			 VIO_OK);
	assert_int_equal(rig_start(&b->g, &b->dev.dev, 0), VIO_OK);
}

static void bed_end(struct bed *b)
{
	assert_int_equal(rig_reset(&b->g), VIO_OK);
	vio_rng_fini(&b->dev);
	assert_int_equal(rig_timers(&b->clock), 0);
	assert_null(b->c.late);
	rig_end(&b->g);
}

/* all of r->len bytes continue the count at *next, the rest is untouched */
static void check_count(const struct rig_req *r, uint8_t *next)
{
	uint32_t n;

	for (n = 0; n < r->in_len; n++) {
		if (n >= r->len) {
			assert_int_equal(r->in[n], 0xee);
			continue;
		}
		assert_int_equal(r->in[n], *next);
		*next = (uint8_t)(*next == 255 ? 1 : *next + 1);
	}
}

static void test_sizes(void **state)
{
	static const uint32_t size[] = { 1,   2, 16, 63, 64, 65, 1000, VIO_RNG_BUF, VIO_RNG_BUF + 1,
					 5000 };
	struct bed b;
	struct rig_req r[10];
	uint8_t next = 1;
	size_t n;

	(void)state;
	bed_init(&b, 0, false);
	for (n = 0; n < 10; n++) {
		rig_do(&b.g, 0, &r[n], "", 0, size[n]);
		assert_true(r[n].back);
		assert_true(r[n].len >= 1 && r[n].len <= size[n]);
		check_count(&r[n], &next);
	}
	bed_end(&b);
}

static void test_many_in_order_of_bytes(void **state)
{
	struct bed b;
	struct rig_req r[50];
	uint8_t next = 1;
	size_t n;

	(void)state;
	bed_init(&b, 0, false);
	b.c.most = 100; /* smaller than the requests: several fetches, short answers */
	for (n = 0; n < 50; n++) {
		rig_add(&b.g, 0, &r[n], "", 0, 64);
	}
	rig_kick(&b.g, 0);
	for (n = 0; n < 50; n++) {
		assert_true(r[n].back && r[n].len > 0);
		check_count(&r[n], &next);
	}
	bed_end(&b);
}

/* readable bytes are the driver's mistake, and no room at all is nothing to wait for */
static void test_odd_requests(void **state)
{
	struct bed b;
	struct rig_req r[3];

	(void)state;
	bed_init(&b, 0, false);
	rig_do(&b.g, 0, &r[0], "hello", 5, 8);
	assert_true(r[0].back);
	assert_int_equal(r[0].len, 8);
	rig_do(&b.g, 0, &r[1], "hello", 5, 0);
	assert_true(r[1].back);
	assert_int_equal(r[1].len, 0);
	rig_do(&b.g, 0, &r[2], "", 0, 8);
	assert_int_equal(r[2].len, 8);
	assert_int_equal(rig_status(&b.g) & VIO_S_NEEDS_RESET, 0);
	bed_end(&b);
}

static void test_pending(void **state)
{
	struct bed b;
	struct rig_req r;
	uint8_t next = 1;

	(void)state;
	bed_init(&b, 0, false);
	b.c.rc = VIO_PENDING;
	rig_do(&b.g, 0, &r, "", 0, 32);
	rig_turn(&b.g);
	assert_false(r.back);
	assert_int_equal(b.c.calls, 1);
	counter_finish(&b.c, VIO_OK);
	rig_turn(&b.g);
	assert_true(r.back);
	assert_int_equal(r.len, 32);
	check_count(&r, &next);
	/* the next one is served from the same fetch, with a kick of its own */
	rig_do(&b.g, 0, &r, "", 0, 32);
	assert_int_equal(r.len, 32);
	check_count(&r, &next);
	bed_end(&b);
}

static void test_reset_while_pending(void **state)
{
	struct bed b;
	struct rig_req r;

	(void)state;
	bed_init(&b, 0, false);
	b.c.rc = VIO_PENDING;
	rig_do(&b.g, 0, &r, "", 0, 32);
	/* no request is owned: the reset does not wait for the source */
	assert_int_equal(rig_reset(&b.g), VIO_OK);
	assert_int_equal(rig_drive(&b.g, 0), VIO_OK);
	rig_do(&b.g, 0, &r, "", 0, 16);
	assert_false(r.back);
	assert_int_equal(b.c.calls, 1);
	counter_finish(&b.c, VIO_OK);
	rig_turn(&b.g);
	assert_int_equal(r.len, 16);
	/* drain the buffer so that the next fetch is under way when the device goes */
	while (!b.c.late) {
		rig_do(&b.g, 0, &r, "", 0, 512);
	}
	bed_end(&b);
	assert_int_equal(b.c.cancels, 1);
}

static void test_failing_host(void **state)
{
	struct bed b;
	struct rig_req r;

	(void)state;
	bed_init(&b, 0, true);
	b.c.rc = VIO_E_IO;
	rig_do(&b.g, 0, &r, "", 0, 32);
	rig_turn(&b.g);
	assert_false(r.back);
	assert_int_equal(b.c.calls, 1); /* does not spin */
	rig_pass(&b.clock, SECOND);
	rig_turn(&b.g);
	assert_int_equal(b.c.calls, 2);
	assert_false(r.back);
	b.c.rc = VIO_OK;
	rig_pass(&b.clock, SECOND);
	rig_turn(&b.g);
	assert_true(r.back);
	assert_int_equal(r.len, 32);
	assert_int_equal(rig_status(&b.g) & VIO_S_NEEDS_RESET, 0);
	bed_end(&b);
}

static void test_failing_host_without_clock(void **state)
{
	struct bed b;
	struct rig_req r;

	(void)state;
	bed_init(&b, 0, false);
	b.c.rc = VIO_E_IO;
	rig_do(&b.g, 0, &r, "", 0, 32);
	assert_false(r.back);
	assert_int_equal(rig_status(&b.g) & VIO_S_NEEDS_RESET, VIO_S_NEEDS_RESET);
	bed_end(&b);
}

/*
 * Asked without pause for 100 s, the guest gets what the rate says and one second's worth at the
 * beginning.
 */
static void test_rate(void **state)
{
	static const uint32_t rates[] = { 1, 3, 100, 1000, 65537, 1000000 };
	struct bed b;
	struct rig_req r;
	uint64_t sum, step;
	uint32_t ms;
	size_t n;

	(void)state;
	for (n = 0; n < sizeof(rates) / sizeof(rates[0]); n++) {
		bed_init(&b, rates[n], true);
		sum = 0;
		step = 10;
		rig_do(&b.g, 0, &r, "", 0, 300);
		for (ms = 0; ms < 100000; ms += (uint32_t)step) {
			while (r.back) {
				assert_true(r.len > 0);
				sum += r.len;
				b.g.used = 64u
					   << 10; /* the memory of old requests, not the rings */
				rig_do(&b.g, 0, &r, "", 0, 300);
			}
			assert_true(rig_timers(&b.clock) == 1);
			rig_pass(&b.clock, step * 1000000u);
			rig_turn(&b.g);
		}
		assert_true(sum <= 101u * (uint64_t)rates[n]);
		assert_true(sum >= 99u * (uint64_t)rates[n]);
		bed_end(&b);
	}
}

/* After a pause there is one second's worth at once, and then no more. */
static void test_burst(void **state)
{
	struct bed b;
	struct rig_req r;
	uint32_t sum = 0;

	(void)state;
	bed_init(&b, 1000, true);
	rig_do(&b.g, 0, &r, "", 0, 100);
	while (r.back) {
		sum += r.len;
		rig_do(&b.g, 0, &r, "", 0, 100);
	}
	assert_true(sum > 900 && sum <= 1000);
	bed_end(&b);
}

static int lying_fill(void *host, struct vio_rng_fill *f)
{
	f->got = *(const uint32_t *)host;
	return VIO_OK;
}

static const struct vio_rng_host_ops lying_ops = { .fill = lying_fill };

/* a host that gives nothing, or more than fits, has failed */
static void test_lying_host(void **state)
{
	static uint32_t got[] = { 0, VIO_RNG_BUF + 1 };
	struct bed b;
	struct rig_req r;
	size_t n;

	(void)state;
	for (n = 0; n < 2; n++) {
		memset(&b, 0, sizeof(b));
		assert_int_equal(vio_rng_init(&b.dev, rig_mem(&b.g), &lying_ops, &got[n], NULL, 0),
				 VIO_OK);
		assert_int_equal(rig_start(&b.g, &b.dev.dev, 0), VIO_OK);
		rig_do(&b.g, 0, &r, "", 0, 5000);
		assert_false(r.back);
		assert_int_equal(rig_status(&b.g) & VIO_S_NEEDS_RESET, VIO_S_NEEDS_RESET);
		bed_end(&b);
	}
}

static void test_rate_needs_clock(void **state)
{
	struct rig g;
	struct vio_rng dev;

	(void)state;
	memset(&dev, 0, sizeof(dev));
	assert_int_equal(vio_rng_init(&dev, rig_mem(&g), &counter_ops, NULL, NULL, 1), VIO_E_ARG);
	rig_end(&g);
}

/* what was given to a guest is not kept */
static void test_wipe(void **state)
{
	struct bed b;
	struct rig_req r;
	size_t n;

	(void)state;
	bed_init(&b, 0, false);
	rig_do(&b.g, 0, &r, "", 0, 100);
	for (n = 0; n < 100; n++) {
		assert_int_equal(b.dev.buf[n], 0);
	}
	assert_int_not_equal(b.dev.buf[100], 0);
	bed_end(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_many_in_order_of_bytes),
		cmocka_unit_test(test_odd_requests),
		cmocka_unit_test(test_pending),
		cmocka_unit_test(test_reset_while_pending),
		cmocka_unit_test(test_failing_host),
		cmocka_unit_test(test_failing_host_without_clock),
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_burst),
		cmocka_unit_test(test_lying_host),
		cmocka_unit_test(test_rate_needs_clock),
		cmocka_unit_test(test_wipe),
	};
	int failed = cmocka_run_group_tests_name("rng, split", tests, NULL, NULL);

	rig_packed = true;
	rig_piece = 7000; /* larger than a request: the piece count stays within the device's */
	failed += cmocka_run_group_tests_name("rng, packed", tests, NULL, NULL);
	return failed;
}
