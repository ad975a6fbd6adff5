/* SPDX-License-Identifier: BSD-3-Clause */
/* t_rpmb_forms.c - the RPMB device: requests in every form and size, slow and failing hosts */
#include "rpmb_dev.h"

/* ---- forms of requests ---- */

/* Each frame in a request of its own, room for answers in requests of their own */
static void test_frame_by_frame(void **state)
{
	struct vio_rpmb_frame f[4];
	uint8_t in[3 * FRAME];
	struct rig_req *r;
	uint16_t k;

	(void)state;
	bed_init(true);
	write_frames(f, 3, 20, 0, 0x30, key);
	for (k = 0; k < 3; k++) {
		assert_int_equal(ask(&f[k], 1, 0)->len, 0);
	}
	frame(f, RESULT, 1);
	(void)ask(f, 1, 0);
	r = ask(f, 0, 1);
	assert_int_equal(result_of(r->in), OK);
	assert_int_equal(ask(f, 0, 1)->len, 0); /* it was fetched */
	frame(f, READ, 3);
	be_put(f->address, 20, 2);
	(void)ask(f, 1, 0);
	for (k = 0; k < 3; k++) {
		r = ask(f, 0, 1);
		assert_int_equal(r->len, FRAME);
		memcpy(in + k * FRAME, r->in, FRAME);
		assert_int_equal(r->in[228], 0x30 + k);
	}
	assert_true(is_signed(in, 3, key));
	assert_int_equal(ask(f, 0, 1)->len, 0);
	(void)ask(f, 1, 0); /* not fetched: the next question counts */
	frame(f, COUNT, 1);
	r = ask(f, 1, 3);
	assert_int_equal(r->len, FRAME);
	assert_int_equal(type_of(r->in), VIO_RPMB_RESP_GET_COUNTER);
	bed_end();
}

static void test_sizes(void **state)
{
	struct vio_rpmb_frame f[2];
	struct rig_req r;
	uint32_t n;

	(void)state;
	bed_init(true);
	write_frames(f, 1, 0, 0, 1, key);
	frame(&f[1], RESULT, 1);
	for (n = 1; n < FRAME;
	     n += 73) { /* half a frame at the end, with and without a whole one before it */
		frame(&f[0], COUNT, 1);
		rig_do(&b.g, 0, &r, f, n, FRAME + 7);
		assert_int_equal(r.len, FRAME);
		assert_int_equal(result_of(r.in), FAIL);
		rig_do(&b.g, 0, &r, f, FRAME + n, FRAME);
		assert_int_equal(result_of(r.in), FAIL);
		rig_do(&b.g, 0, &r, f, FRAME, n); /* no room for an answer */
		assert_true(r.back);
		assert_int_equal(r.len, 0);
	}
	for (n = 0; n < 0x10000;
	     n = n < 8 ? n + 1 : n * 3) { /* types of nothing, answers as questions */
		frame(&f[0], (uint16_t)n, 1);
		rig_do(&b.g, 0, &r, f, FRAME, FRAME);
		assert_true(r.back);
		if (n == 0 || n > 5) {
			assert_int_equal(result_of(r.in), FAIL);
		}
	}
	assert_int_equal(b.f.commits, 0);
	assert_int_equal(b.f.store.counter, 0);
	bed_end();
}

static void test_result_read(void **state)
{
	struct vio_rpmb_frame f[2];
	const uint8_t *in;

	(void)state;
	bed_init(true);
	assert_int_equal(last_result(NULL), FAIL); /* of nothing */
	write_frames(f, 1, 0, 0, 1, key);
	assert_int_equal(write_now(f, 1, NULL), OK);
	frame(f, RESULT, 2);
	assert_int_equal(ask_one(f, &in), FAIL);
	assert_int_equal(type_of(in), VIO_RPMB_RESP_DATA_WRITE);
	assert_int_equal(last_result(NULL), OK); /* as often as one likes */
	assert_int_equal(rig_reset(&b.g), VIO_OK);
	assert_int_equal(rig_drive(&b.g, 0), VIO_OK);
	assert_int_equal(last_result(NULL), FAIL);
	assert_int_equal(b.f.store.counter, 1); /* a reset does not touch the store */
	bed_end();
}

/* ---- slow and failing hosts ---- */

static void finish(int32_t rc)
{
	struct vio_rpmb_commit *c = b.f.late;

	assert_non_null(c);
	b.f.late = NULL;
	if (rc == VIO_OK) {
		fake_change(&b.f, c);
	}
	vio_job_complete(&c->job, rc);
	rig_turn(&b.g);
}

static void test_pending(void **state)
{
	struct vio_rpmb_frame f[3], g;
	struct rig_req r[2];

	(void)state;
	bed_init(true);
	b.f.rc = VIO_PENDING;
	write_frames(f, 1, 0, 0, 1, key);
	frame(&f[1], RESULT, 1);
	frame(&g, COUNT, 1);
	rig_add(&b.g, 0, &r[0], f, 2 * FRAME, FRAME);
	rig_add(&b.g, 0, &r[1], &g, FRAME, FRAME);
	rig_kick(&b.g, 0);
	assert_false(r[0].back || r[1].back); /* in order, and not before it is safe */
	finish(VIO_OK);
	assert_int_equal(result_of(r[0].in), OK);
	assert_int_equal(counter_of(r[1].in), 1);
	write_frames(f, 1, 0, 1, 2, key);
	frame(&f[1], RESULT, 1);
	rig_do(&b.g, 0, &r[0], f, 2 * FRAME, FRAME);
	finish(VIO_E_IO);
	assert_int_equal(result_of(r[0].in), WFAIL);
	assert_int_equal(counter_of(r[0].in), 1);
	b.f.rc = VIO_E_IO;
	assert_int_equal(write_now(f, 1, NULL), WFAIL);
	bed_end();
}

static void test_reset_while_owned(void **state)
{
	struct vio_rpmb_frame f[2];
	struct rig_req r;

	(void)state;
	bed_init(true);
	b.f.rc = VIO_PENDING;
	write_frames(f, 1, 0, 0, 1, key);
	rig_do(&b.g, 0, &r, f, FRAME, 0);
	assert_int_equal(vio_dev_set_status(&b.dev.dev, 0),
			 VIO_PENDING); /* a commit cannot be called back */
	finish(VIO_OK);
	assert_int_equal(vio_dev_status(&b.dev.dev), 0);
	b.f.rc = VIO_OK;
	b.g.used = 0;
	assert_int_equal(rig_drive(&b.g, 0), VIO_OK);
	write_frames(f, 1, 0, 1, 1, key);
	assert_int_equal(write_now(f, 1, NULL), OK);
	bed_end();
}

/* After a crash the write is tried again: what was done already is refused by its counter, and not done twice. */
static void test_replay(void **state)
{
	static struct vio_rpmb second;
	struct vio_rpmb_frame f[2];
	struct rig_req r;

	(void)state;
	bed_init(true);
	rig_track(&b.g);
	b.f.rc = VIO_PENDING;
	write_frames(f, 1, 0, 0, 1, key);
	frame(&f[1], RESULT, 1);
	rig_do(&b.g, 0, &r, f, 2 * FRAME, FRAME);
	fake_change(&b.f, b.f.late); /* it reached the disk, its answer did not reach the driver */
	b.f.late = NULL;
	b.f.rc = VIO_OK;
	memset(&second, 0, sizeof(second));
	assert_int_equal(vio_rpmb_init(&second, rig_mem_again(&b.g), &fake_ops, &b.f, 4, 8),
			 VIO_OK);
	rig_crash(&b.g, &second.dev);
	assert_true(r.back);
	assert_int_equal(result_of(r.in), CFAIL);
	assert_int_equal(b.f.store.counter, 1);
	bed_end();
}

static void test_hosts(void **state)
{
	static const uint32_t blocks[] = { 1, 511, 513, 128 * 512 + 512 };
	size_t n;

	(void)state;
	memset(&b, 0, sizeof(b));
	(void)rig_mem(&b.g);
	b.f.store.blocks = 128 * 512;
	assert_int_equal(vio_rpmb_init(&b.dev, &b.g.mem.m, &fake_ops, &b.f, 0, 1), VIO_E_ARG);
	assert_int_equal(
		vio_rpmb_init(&b.dev, &b.g.mem.m, &fake_ops, &b.f, VIO_RPMB_WRITE_MAX + 1, 1),
		VIO_E_ARG);
	assert_int_equal(vio_rpmb_init(&b.dev, &b.g.mem.m, &fake_ops, &b.f, 1, 0), VIO_E_ARG);
	assert_int_equal(vio_rpmb_init(&b.dev, &b.g.mem.m, NULL, &b.f, 1, 1), VIO_E_ARG);
	assert_int_equal(vio_rpmb_init(&b.dev, &b.g.mem.m, &fake_ops, &b.f, 1, 1), VIO_OK);
	assert_int_equal(b.dev.config[0], 0x80);
	for (n = 0; n < 4; n++) {
		b.f.store.blocks = blocks[n];
		assert_int_equal(vio_rpmb_init(&b.dev, &b.g.mem.m, &fake_ops, &b.f, 1, 1),
				 VIO_E_ARG);
	}
	b.f.gone = true;
	assert_int_equal(vio_rpmb_init(&b.dev, &b.g.mem.m, &fake_ops, &b.f, 1, 1), VIO_E_IO);
	rig_end(&b.g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frame_by_frame),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_result_read),
		cmocka_unit_test(test_pending),
		cmocka_unit_test(test_reset_while_owned),
		cmocka_unit_test(test_replay),
		cmocka_unit_test(test_hosts),
	};
	int failed = cmocka_run_group_tests_name("rpmb, split", tests, NULL, NULL);

	rig_packed = true;
	rig_piece = 300;
	failed += cmocka_run_group_tests_name("rpmb, packed, in pieces", tests, NULL, NULL);
	return failed;
}
