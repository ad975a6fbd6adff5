/* SPDX-License-Identifier: BSD-3-Clause */
/* t_i2c.c - the I2C adapter: what reaches the bus, in which order, and what does not */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include "i2c_bed.h"

/* ---- a bus that writes down what it is told ---- */

struct tape {
	char text[4000]; /* "W50:0102 R50*2 ." a dot ends a transfer */
	int rc;		 /* what xfer answers */
	uint16_t ok;
	struct vio_i2c_xfer *late;
	unsigned cancels, transfers;
};

static void tape_write(struct tape *t, const char *fmt, unsigned v)
{
	size_t n = strlen(t->text);

	(void)snprintf(t->text + n, sizeof(t->text) - n, fmt, v);
}

static int tape_xfer(void *host, struct vio_i2c_xfer *x)
{
	struct tape *t = host;
	struct vio_i2c_msg *m;
	uint16_t n = 0;
	uint8_t byte;

	assert_null(t->late);
	for (m = x->msg; m; m = m->next, n++) {
		struct vio_span s = m->data;

		assert_int_equal(s.len, m->len);
		tape_write(t, m->read ? "R%02x" : "W%02x", m->addr);
		tape_write(t, m->ten ? "t" : "", 0);
		if (m->read && m->len) {
			tape_write(t, "*%u", m->len);
		}
		while (!m->read && vio_span_read(&s, &byte, 1)) {
			tape_write(t, ":%02x", byte);
		}
		for (byte = 0; m->read && t->rc == VIO_OK && vio_span_write(&s, &byte, 1); byte++) {
		}
		tape_write(t, " ", 0);
	}
	tape_write(t, ".", 0);
	t->transfers++;
	assert_int_equal(n, x->n);
	x->ok = t->ok;
	t->late = t->rc == VIO_PENDING ? x : NULL;
	return t->rc;
}

static void tape_cancel(void *host, struct vio_i2c_xfer *x)
{
	struct tape *t = host;

	assert_ptr_equal(t->late, x);
	t->late = NULL;
	t->cancels++;
	vio_job_complete(&x->job, VIO_E_IO);
}

static const struct vio_i2c_host_ops tape_ops = { .xfer = tape_xfer, .cancel = tape_cancel };

struct bed {
	struct rig g;
	struct vio_i2c dev;
	struct tape t;
};

static void bed_init(struct bed *b)
{
	memset(b, 0, sizeof(*b));
	assert_int_equal(vio_i2c_init(&b->dev, rig_mem(&b->g), &tape_ops, &b->t), VIO_OK);
	assert_int_equal(rig_start(&b->g, &b->dev.dev, WANT), VIO_OK);
}

static void bed_end(struct bed *b)
{
	assert_int_equal(rig_reset(&b->g), VIO_OK);
	rig_end(&b->g);
}

/* ---- one request ---- */

static void test_one(void **state)
{
	static const struct {
		const char *what;
		uint32_t out_len; /* of header and data, which is 01 02 03 ... */
		uint32_t in_len, flags;
		uint16_t addr;
		uint8_t status;
		const char *tape;
	} t[] = {
		{ "write", 11, 1, 0, 0x50 << 1, 0, "W50:01:02:03 ." },
		{ "read", 8, 4, RD, 0x50 << 1, 0, "R50*3 ." },
		{ "zero-length write", 8, 1, 0, 0x50 << 1, 0, "W50 ." },
		{ "zero-length read", 8, 1, RD, 0x50 << 1, 0, "R50 ." },
		{ "lowest address", 8, 1, 0, 0, 0, "W00 ." },
		{ "highest plain address", 8, 1, 0, 0x77 << 1, 0, "W77 ." },
		{ "10 bits, lowest", 8, 1, 0, 0x00f0, 0, "W00t ." },
		{ "10 bits", 9, 1, 0, 0xa5f2, 0, "W1a5t:01 ." },
		{ "10 bits, highest", 8, 3, RD, 0xfff6, 0, "R3fft*2 ." },
		{ "address with bit 0", 8, 1, 0, 0x00a1, 1, "" },
		{ "10 bits with bit 0", 8, 1, 0, 0xa5f3, 1, "" },
		{ "high byte without 10-bit mark", 8, 1, 0, 0x01a0, 1, "" },
		{ "reserved flag", 8, 1, 4, 0xa0, 1, "" },
		{ "reserved flag, highest", 8, 1, 0x80000000, 0xa0, 1, "" },
		{ "no header", 0, 1, 0, 0xa0, 1, "" },
		{ "short header", 7, 1, 0, 0xa0, 1, "" },
		{ "write with a read buffer", 9, 2, 0, 0xa0, 1, "" },
		{ "read with data", 9, 4, RD, 0xa0, 1, "" },
		{ "zero-length with buffers both ways", 9, 2, RD, 0xa0, 1, "" },
		{ "too long a read", 8, 65537, RD, 0xa0, 1, "" },
		{ "longest read", 8, 65536, RD, 0xa0, 0, "R50*65535 ." },
	};
	struct bed b;
	struct rig_req r;
	uint8_t out[32];
	uint32_t k;
	size_t n;

	(void)state;
	for (n = 0; n < sizeof(t) / sizeof(t[0]); n++) {
		print_message("    %s\n", t[n].what);
		bed_init(&b);
		vio_pack32(out, t[n].addr);
		vio_pack32(out + 4, t[n].flags);
		for (k = 8; k < sizeof(out); k++) {
			out[k] = (uint8_t)(k - 7);
		}
		rig_do(&b.g, 0, &r, out, t[n].out_len, t[n].in_len);
		assert_true(r.back);
		assert_int_equal(status_of(&r), t[n].status);
		assert_string_equal(b.t.text, t[n].tape);
		for (k = 0; k + 1 < t[n].in_len; k++) {
			assert_int_equal(r.in[k], t[n].status ? 0xee : k & 0xff);
		}
		assert_int_equal(r.len, t[n].status && t[n].in_len > 1 ? 0 : t[n].in_len);
		assert_int_equal(rig_status(&b.g) & VIO_S_NEEDS_RESET, 0);
		bed_end(&b);
	}
}

/* there is no room for a status: it cannot succeed, must not run, and must come back */
static void test_no_status_byte(void **state)
{
	struct bed b;
	struct rig_req r[2];

	(void)state;
	bed_init(&b);
	add(&b.g, &r[0], 0xa0, 0, "abc", 3, 0);
	add(&b.g, &r[1], 0xa0, RD, "", 0, 0);
	rig_kick(&b.g, 0);
	assert_true(r[0].back && r[1].back);
	assert_string_equal(b.t.text, "");
	bed_end(&b);
}

/* ---- groups ---- */

static void test_groups(void **state)
{
	/*
	 * Each letter is a request: w, r good; x malformed; capital: with FAIL_NEXT. `fail`: number
	 * of the message that fails in the first transfer, -1 none. result: one letter each, o OK,
	 * e error.
	 */
	static const struct {
		const char *in;
		int fail;
		const char *result, *tape;
	} t[] = {
		{ "w", -1, "o", "W50:07 ." },
		{ "Wr", -1, "oo", "W50:07 R50*1 ." },
		{ "wr", -1, "oo", "W50:07 .R50*1 ." },
		{ "WWr", -1, "ooo", "W50:07 W50:07 R50*1 ." },
		{ "WrWr", -1, "oooo", "W50:07 R50*1 .W50:07 R50*1 ." },
		{ "W", -1, "o",
		  "W50:07 ." }, /* the rest never came: run, or a driver with a short queue hangs */
		{ "Wr", 0, "ee", "W50:07 R50*1 ." },
		{ "Wr", 1, "oe", "W50:07 R50*1 ." },
		{ "WWWw", 2, "ooee", "W50:07 W50:07 W50:07 W50:07 ." },
		{ "Wrw", 0, "eeo",
		  "W50:07 R50*1 .W50:07 ." }, /* the next group is another matter */
		{ "wr", 0, "eo", "W50:07 .R50*1 ." },
		{ "x", -1, "e", "" },
		{ "xw", -1, "eo", "W50:07 ." },
		{ "Xw", -1, "ee", "" },
		{ "XWWwr", -1, "eeeeo", "R50*1 ." },
		{ "WxW", -1, "oeo", "W50:07 .W50:07 ." }, /* x ends its group */
		{ "WXw", -1, "oee", "W50:07 ." },
		{ "WXXwWr", -1, "oeeeoo", "W50:07 .W50:07 R50*1 ." },
		{ "Wxw", 0, "eeo", "W50:07 .W50:07 ." },
	};
	struct bed b;
	struct rig_req r[8];
	char result[8];
	size_t n, k, count;

	(void)state;
	for (n = 0; n < sizeof(t) / sizeof(t[0]); n++) {
		print_message("    %s\n", t[n].in);
		bed_init(&b);
		count = strlen(t[n].in);
		for (k = 0; k < count; k++) {
			char c = t[n].in[k];
			uint32_t next = c < 'a' ? NEXT : 0;

			if (c == 'r' || c == 'R') {
				add(&b.g, &r[k], 0xa0, next | RD, "", 0, 2);
			} else {
				add(&b.g, &r[k], c == 'x' || c == 'X' ? 0xa1 : 0xa0, next, "\7", 1,
				    1);
			}
		}
		if (t[n].fail >= 0) {
			b.t.rc = VIO_PENDING; /* so that the first transfer alone can fail */
		}
		rig_kick(&b.g, 0);
		if (t[n].fail >= 0) {
			struct vio_i2c_xfer *x = b.t.late;

			b.t.late = NULL;
			b.t.rc = VIO_OK;
			x->ok = (uint16_t)t[n].fail;
			vio_job_complete(&x->job, VIO_E_IO);
			rig_turn(&b.g);
		}
		for (k = 0; k < count; k++) {
			result[k] = status_of(&r[k]) ? 'e' : 'o';
			assert_int_equal(r[k].order, k + 1); /* answered in order */
			assert_int_equal(r[k].len,
					 result[k] == 'e' && r[k].in_len > 1 ? 0 : r[k].in_len);
		}
		result[count] = 0;
		assert_string_equal(result, t[n].result);
		assert_string_equal(b.t.text, t[n].tape);
		bed_end(&b);
	}
}

/*
 * A group that comes in two kicks: the second half still fails with the first, however late it is.
 */
static void test_failure_across_kicks(void **state)
{
	struct bed b;
	struct rig_req r[3];

	(void)state;
	bed_init(&b);
	b.t.rc = VIO_E_IO;
	add(&b.g, &r[0], 0xa0, NEXT, "\7", 1, 1);
	rig_kick(&b.g, 0);
	assert_int_equal(status_of(&r[0]), VIO_I2C_MSG_ERR);
	b.t.rc = VIO_OK;
	add(&b.g, &r[1], 0xa0, RD, "", 0, 2);
	add(&b.g, &r[2], 0xa0, 0, "\7", 1, 1);
	rig_kick(&b.g, 0);
	assert_int_equal(status_of(&r[1]), VIO_I2C_MSG_ERR);
	assert_int_equal(status_of(&r[2]), VIO_I2C_MSG_OK);
	assert_string_equal(b.t.text, "W50:07 .W50:07 .");
	bed_end(&b);
}

/* ... but not across a reset */
static void test_failure_ends_with_reset(void **state)
{
	struct bed b;
	struct rig_req r;

	(void)state;
	bed_init(&b);
	b.t.rc = VIO_E_IO;
	add(&b.g, &r, 0xa0, NEXT, "\7", 1, 1);
	rig_kick(&b.g, 0);
	assert_int_equal(rig_reset(&b.g), VIO_OK);
	assert_int_equal(rig_drive(&b.g, WANT), VIO_OK);
	b.t.rc = VIO_OK;
	add(&b.g, &r, 0xa0, 0, "\7", 1, 1);
	rig_kick(&b.g, 0);
	assert_int_equal(status_of(&r), VIO_I2C_MSG_OK);
	bed_end(&b);
}

/* A group as long as the pool is one transfer, a longer one is cut but runs. */
static void test_long_groups(void **state)
{
	static const struct {
		size_t count;
		unsigned transfers;
	} t[] = { { 42, 1 }, { VIO_I2C_DEPTH, 1 }, { VIO_I2C_DEPTH + 1, 2 } };
	struct bed b;
	struct rig_req r[VIO_I2C_DEPTH + 1];
	size_t n, k;

	(void)state;
	for (n = 0; n < 3; n++) {
		bed_init(&b);
		for (k = 0; k < t[n].count; k++) {
			add(&b.g, &r[k], 0xa0, k + 1 < t[n].count ? NEXT : 0, "", 0, 1);
		}
		rig_kick(&b.g, 0);
		for (k = 0; k < t[n].count; k++) {
			assert_int_equal(status_of(&r[k]), VIO_I2C_MSG_OK);
		}
		assert_int_equal(b.t.transfers, t[n].transfers);
		bed_end(&b);
	}
}

/* Memory that is not there at once: acquire number `at` of a request says AGAIN. */
struct slow_mem {
	struct vio_mem m;
	struct vio_mem *inner;
	unsigned count, at;
};

static int slow_acquire(struct vio_mem *m, struct vio_sgl *l)
{
	struct slow_mem *s = VIO_CONTAINER(m, struct slow_mem, m);

	if (!l->ring && s->at && ++s->count == s->at) {
		return VIO_E_AGAIN;
	}
	return s->inner->ops->acquire(s->inner, l);
}

static void slow_release(struct vio_mem *m, struct vio_sgl *l, const struct vio_ext *w, uint16_t nw)
{
	struct slow_mem *s = VIO_CONTAINER(m, struct slow_mem, m);

	s->inner->ops->release(s->inner, l, w, nw);
}

static const struct vio_mem_ops slow_ops = { .acquire = slow_acquire, .release = slow_release };

/*
 * A group that lies across the end of a turn stays one transfer; a reset in between answers what
 * was collected.
 */
static void test_group_across_turns(void **state)
{
	struct slow_mem slow = { .at = 3 };
	struct bed b;
	struct rig_req r[4];
	size_t n;
	int again;

	(void)state;
	for (again = 0; again < 2; again++) {
		memset(&b, 0, sizeof(b));
		slow.inner = rig_mem(&b.g);
		slow.count = 0;
		slow.m = *slow.inner;
		slow.m.ops = &slow_ops;
		slow.m.map = NULL;
		assert_int_equal(vio_i2c_init(&b.dev, &slow.m, &tape_ops, &b.t), VIO_OK);
		assert_int_equal(rig_start(&b.g, &b.dev.dev, WANT), VIO_OK);
		for (n = 0; n < 4; n++) {
			add(&b.g, &r[n], 0xa0, n < 3 ? NEXT : 0, "", 0, 1);
		}
		vio_dvq_need_kick(&b.g.q[0]);
		lb_bus.kick(&b.g.lb, 0);
		assert_int_equal(lb_turn(&b.g.lb), VIO_OK);
		assert_string_equal(b.t.text, ""); /* two are collected, two cannot be had yet */
		assert_int_equal(vio_vq_owned(&b.dev.vq), 2);
		if (again == 0) {
			lb_run_all(&b.g.lb);
			rig_turn(&b.g);
			assert_int_equal(b.t.transfers, 1);
			for (n = 0; n < 4; n++) {
				assert_int_equal(status_of(&r[n]), VIO_I2C_MSG_OK);
			}
		}
		bed_end(&b);
		assert_int_equal(b.t.transfers, again == 0);
	}
}

/* ---- pending, reset, features ---- */

static void test_pending_in_order(void **state)
{
	struct bed b;
	struct rig_req r[3];
	struct vio_i2c_xfer *x;
	size_t n;

	(void)state;
	bed_init(&b);
	b.t.rc = VIO_PENDING;
	for (n = 0; n < 3; n++) {
		add(&b.g, &r[n], (uint16_t)((0x10 + n) << 1), 0, "", 0, 1);
	}
	rig_kick(&b.g, 0);
	for (n = 0; n < 3; n++) {
		x = b.t.late;
		assert_non_null(x);
		assert_false(r[n].back);
		b.t.late = NULL;
		vio_job_complete(&x->job, VIO_OK);
		rig_turn(&b.g);
		assert_int_equal(status_of(&r[n]), VIO_I2C_MSG_OK);
	}
	assert_string_equal(b.t.text, "W10 .W11 .W12 .");
	bed_end(&b);
}

static void test_reset_while_owned(void **state)
{
	struct bed b;
	struct rig_req r[2];

	(void)state;
	bed_init(&b);
	b.t.rc = VIO_PENDING;
	add(&b.g, &r[0], 0xa0, NEXT, "\7", 1, 1);
	add(&b.g, &r[1], 0xa0, RD, "", 0, 2);
	rig_kick(&b.g, 0);
	assert_int_equal(rig_reset(&b.g), VIO_OK);
	assert_int_equal(b.t.cancels, 1);
	assert_int_equal(vio_vq_owned(&b.dev.vq), 0);
	b.t.rc = VIO_OK;
	assert_int_equal(rig_drive(&b.g, WANT), VIO_OK);
	add(&b.g, &r[0], 0xa0, 0, "\7", 1, 1);
	rig_kick(&b.g, 0);
	assert_int_equal(status_of(&r[0]), VIO_I2C_MSG_OK);
	bed_end(&b);
}

/* What may have been run already is not run again: it fails, and its group with it. */
static void test_replay(void **state)
{
	struct rig_req r[3];
	struct vio_i2c second;
	struct bed b;

	(void)state;
	bed_init(&b);
	rig_track(&b.g);
	b.t.rc = VIO_PENDING;
	add(&b.g, &r[0], 0xa0, NEXT, "\7", 1, 1);
	rig_kick(&b.g, 0);
	assert_non_null(b.t.late);
	b.t.late = NULL;
	b.t.rc = VIO_OK;
	add(&b.g, &r[1], 0xa0, RD, "", 0, 2); /* the rest of the group comes after the crash */
	add(&b.g, &r[2], 0xa0, 0, "\7", 1, 1);
	vio_dvq_need_kick(&b.g.q[0]);
	memset(&second, 0, sizeof(second));
	assert_int_equal(vio_i2c_init(&second, rig_mem_again(&b.g), &tape_ops, &b.t), VIO_OK);
	rig_crash(&b.g, &second.dev);
	assert_int_equal(status_of(&r[0]), VIO_I2C_MSG_ERR);
	assert_int_equal(status_of(&r[1]), VIO_I2C_MSG_ERR);
	assert_int_equal(status_of(&r[2]), VIO_I2C_MSG_OK);
	assert_int_equal(b.t.transfers, 2);
	bed_end(&b);
}

static void test_feature_is_mandatory(void **state)
{
	struct rig g;
	struct vio_i2c dev;
	struct tape t;
	uint64_t got;

	(void)state;
	memset(&dev, 0, sizeof(dev));
	memset(&t, 0, sizeof(t));
	assert_int_equal(vio_i2c_init(&dev, rig_mem(&g), &tape_ops, &t), VIO_OK);
	assert_int_equal(lb_init(&g.lb, &dev.dev, VIO_F_RINGS), VIO_OK);
	assert_true(vio_drv_probe(&lb_bus, &g.lb, VIO_F_VERSION_1, &got) < 0);
	assert_int_equal(rig_status(&g) & VIO_S_FEATURES_OK, 0);
	assert_int_equal(rig_reset(&g), VIO_OK);
	assert_int_equal(rig_drive(&g, WANT), VIO_OK);
	rig_end(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one),
		cmocka_unit_test(test_no_status_byte),
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_failure_across_kicks),
		cmocka_unit_test(test_failure_ends_with_reset),
		cmocka_unit_test(test_long_groups),
		cmocka_unit_test(test_group_across_turns),
		cmocka_unit_test(test_pending_in_order),
		cmocka_unit_test(test_reset_while_owned),
		cmocka_unit_test(test_replay),
		cmocka_unit_test(test_feature_is_mandatory),
	};
	int failed = cmocka_run_group_tests_name("i2c, split", tests, NULL, NULL);

	rig_packed = true;
	failed += cmocka_run_group_tests_name("i2c, packed", tests, NULL, NULL);
	return failed;
}
