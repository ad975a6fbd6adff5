/* SPDX-License-Identifier: BSD-3-Clause */
/* t_rpmb_relay.c - the RPMB device in front of a store that has the key and judges for itself */
#include "rpmb_dev.h"

/* What the store was asked, and what it says: frames whose bytes are made from `say` */
static struct card {
	struct vio_rpmb_store store;
	struct vio_rpmb_frame frames[VIO_RPMB_FRAMES], asked[VIO_RPMB_FRAMES];
	struct vio_rpmb_relay *late;
	unsigned asks;
	uint16_t type, n, want;
	uint16_t result; /* in the last frame of the answer; those before it say OK */
	uint8_t say;
	int rc;
} card;

static const struct vio_rpmb_store *card_open(void *host)
{
	return &((struct card *)host)->store;
}

static void card_answer(struct card *c)
{
	uint16_t n;

	for (n = 0; n < c->want; n++) {
		memset(&c->frames[n], c->say + n, FRAME);
		be_put(c->frames[n].req_resp, (uint32_t)c->type << 8, 2);
		be_put(c->frames[n].result, n + 1 == c->want ? c->result : 0, 2);
	}
}

static int card_relay(void *host, struct vio_rpmb_relay *r)
{
	struct card *c = host;

	assert_null(c->late);
	c->asks++;
	c->type = r->type;
	c->n = r->ask;
	c->want = r->want;
	assert_true(r->ask > 0 && r->ask <= VIO_RPMB_FRAMES);
	assert_true(r->want > 0 && r->want <= VIO_RPMB_FRAMES);
	memcpy(c->asked, c->frames, (size_t)r->ask * FRAME);
	if (c->rc == VIO_OK) {
		card_answer(c);
	}
	c->late = c->rc == VIO_PENDING ? r : NULL;
	return c->rc;
}

static void card_late(int32_t rc)
{
	struct vio_rpmb_relay *r = card.late;

	assert_non_null(r);
	card.late = NULL;
	if (rc == VIO_OK) {
		card_answer(&card);
	}
	vio_job_complete(&r->job, rc);
	rig_turn(&b.g);
}

static const struct vio_rpmb_host_ops card_ops = { .open = card_open, .relay = card_relay };

static void begin(void)
{
	memset(&b, 0, sizeof(b));
	memset(&card, 0, sizeof(card));
	card.store.blocks = BLOCKS;
	card.store.frames = card.frames;
	card.store.max_wr = 3;
	card.say = 0x20;
	assert_int_equal(vio_rpmb_init(&b.dev, rig_mem(&b.g), &card_ops, &card, 4, 8), VIO_OK);
	assert_int_equal(rig_start(&b.g, &b.dev.dev, 0), VIO_OK);
}

static const struct vio_rpmb_frame *said(const uint8_t *in, uint16_t n)
{
	return (const struct vio_rpmb_frame *)(const void *)(in + n * FRAME);
}

static void test_config(void **state)
{
	struct vio_rpmb d;
	uint8_t c[3];

	(void)state;
	begin();
	assert_int_equal(lb_bus.config_read(&b.g.lb, 0, c, 3), VIO_OK);
	assert_memory_equal(c, "\1\3\10",
			    3); /* the store's limit of writes, the operator's of reads */
	memset(&d, 0, sizeof(d));
	card.store.frames = NULL;
	assert_int_equal(vio_rpmb_init(&d, &b.g.mem.m, &card_ops, &card, 4, 8), VIO_E_ARG);
	bed_end();
}

/* Frames arrive as the driver made them, and its answers as the store made them. */
static void test_passed_on(void **state)
{
	struct vio_rpmb_frame f[4], want;
	struct rig_req *r;
	uint16_t n;

	(void)state;
	begin();
	frame(f, COUNT, 1);
	r = ask(f, 1, 1);
	assert_int_equal(card.type, COUNT);
	assert_memory_equal(card.asked, f, FRAME);
	assert_memory_equal(r->in, card.frames, FRAME);
	frame(f, READ, 3);
	be_put(f->address, BLOCKS - 3, 2);
	r = ask(f, 1, 8);
	assert_int_equal(r->len, 3 * FRAME);
	assert_int_equal(card.want, 3);
	assert_memory_equal(r->in, card.frames, 3 * FRAME);
	write_frames(f, 3, 9, 7, 0x40, key);
	for (n = 0; n < 3; n++) { /* even what nobody looks at */
		memset(f[n].stuff, 0x70 + n, sizeof(f[n].stuff));
	}
	frame(&f[3], RESULT, 1);
	r = ask(f, 4, 1);
	assert_int_equal(card.type, WRITE);
	assert_int_equal(card.n, 3);
	assert_int_equal(card.want, 1);
	assert_memory_equal(card.asked, f, 3 * FRAME);
	assert_memory_equal(r->in, card.frames, FRAME);
	want = card.frames[0];
	card.say = 0x50; /* what came of a write stays, whatever else is asked */
	frame(f, COUNT, 1);
	(void)ask(f, 1, 1);
	frame(f, RESULT, 1);
	r = ask(f, 1, 1);
	assert_memory_equal(r->in, &want, FRAME);
	assert_int_equal(card.asks, 4); /* RESULT_READ is not the store's affair */
	bed_end();
}

static void test_key(void **state)
{
	static const uint8_t zero[FRAME];
	struct vio_rpmb_frame f[2];
	struct rig_req *r;

	(void)state;
	begin();
	frame(f, KEY, 1);
	memcpy(f->key_mac, key, sizeof(key));
	frame(&f[1], RESULT, 1);
	r = ask(f, 2, 1);
	assert_int_equal(card.type, KEY);
	assert_memory_equal(card.asked, f, FRAME);
	assert_int_equal(type_of(r->in), VIO_RPMB_RESP_PROGRAM_KEY);
	assert_memory_equal(card.frames, zero, FRAME); /* nothing of it stays here */
	assert_memory_equal(&b.dev.frame, said(r->in, 0), FRAME);
	card.rc = VIO_E_NOTSUP;
	r = ask(f, 2, 1);
	assert_int_equal(result_of(r->in), WFAIL);
	assert_int_equal(type_of(r->in), VIO_RPMB_RESP_PROGRAM_KEY);
	assert_memory_equal(card.frames, zero, FRAME);
	bed_end();
}

/* What the store must not see */
static void test_refused_here(void **state)
{
	static const struct {
		uint16_t type, address, count, result;
	} t[] = {
		{ KEY, 0, 2, FAIL },	   { KEY, 0, 0, FAIL },		  { COUNT, 0, 0, FAIL },
		{ COUNT, 0, 2, FAIL },	   { READ, 0, 0, FAIL },	  { READ, 0, 9, FAIL },
		{ READ, 0xffff, 1, ADDR }, { READ, BLOCKS - 1, 2, ADDR }, { WRITE, 0, 0, FAIL },
		{ WRITE, 0, 4, FAIL },	   { WRITE, BLOCKS, 1, ADDR },
	};
	struct vio_rpmb_frame f[2], w[3];
	struct rig_req *r;
	size_t n;

	(void)state;
	begin();
	for (n = 0; n < sizeof(t) / sizeof(t[0]); n++) {
		bool told = t[n].type == KEY || t[n].type == WRITE;

		frame(f, t[n].type, t[n].count);
		be_put(f->address, t[n].address, 2);
		frame(&f[1], RESULT, 1);
		r = ask(f, told ? 2 : 1, 1);
		assert_int_equal(result_of(r->in), t[n].result);
		assert_int_equal(type_of(r->in), t[n].type << 8);
	}
	write_frames(w, 2, 0, 7, 1, key);
	be_put(w[1].address, 9, 2);
	assert_int_equal(write_now(w, 2, NULL), FAIL); /* frames of two writes */
	write_frames(w, 2, 0, 7, 1, key);
	(void)ask(w, 1, 0);
	assert_int_equal(last_result(NULL), FAIL); /* half a write */
	assert_int_equal(card.asks, 0);
	bed_end();
}

/* A failure is one frame, whichever of them says so; a counter at its end is none. */
static void test_failures_of_the_store(void **state)
{
	static const uint16_t result[] = { ADDR, RFAIL, NOKEY, RFAIL | EXPIRE };
	struct vio_rpmb_frame f;
	struct rig_req *r;
	size_t n;

	(void)state;
	begin();
	frame(&f, READ, 3);
	for (n = 0; n < sizeof(result) / sizeof(result[0]); n++) {
		card.result = result[n];
		r = ask(&f, 1, 3);
		assert_int_equal(r->len, FRAME);
		assert_memory_equal(r->in, &card.frames[2], FRAME);
	}
	card.result = EXPIRE;
	r = ask(&f, 1, 3);
	assert_int_equal(r->len, 3 * FRAME);
	bed_end();
}

/* It is gone: each question has the status of the chapter, and the next is asked again. */
static void test_gone(void **state)
{
	struct vio_rpmb_frame f[2];
	const uint8_t *in;

	(void)state;
	begin();
	card.rc = VIO_E_IO;
	frame(f, COUNT, 1);
	assert_int_equal(ask_one(f, &in), FAIL);
	assert_int_equal(type_of(in), VIO_RPMB_RESP_GET_COUNTER);
	assert_memory_equal(in + 484, f->nonce, 16);
	frame(f, READ, 2);
	assert_int_equal(ask_one(f, &in), RFAIL);
	assert_int_equal(in[228], 0);
	write_frames(f, 1, 0, 0, 1, key);
	assert_int_equal(write_now(f, 1, NULL), WFAIL);
	card.rc = VIO_OK;
	frame(f, COUNT, 1);
	assert_int_equal(ask_one(f, NULL), OK);
	assert_int_equal(card.asks, 4);
	bed_end();
}

static void test_late(void **state)
{
	struct vio_rpmb_frame f[2], g;
	struct rig_req r[2];

	(void)state;
	begin();
	card.rc = VIO_PENDING;
	write_frames(f, 1, 0, 0, 1, key);
	frame(&f[1], RESULT, 1);
	frame(&g, READ, 2);
	rig_add(&b.g, 0, &r[0], f, 2 * FRAME, FRAME);
	rig_add(&b.g, 0, &r[1], &g, FRAME, 2 * FRAME);
	rig_kick(&b.g, 0);
	assert_int_equal(card.asks, 1);
	assert_false(r[0].back || r[1].back);
	card_late(VIO_OK);
	assert_true(r[0].back);
	assert_false(r[1].back);
	assert_memory_equal(said(r[0].in, 0)->data, "\x20\x20\x20\x20", 4);
	card_late(VIO_OK);
	assert_int_equal(r[1].len, 2 * FRAME);
	assert_int_equal(said(r[1].in, 1)->data[0], 0x21);
	rig_add(&b.g, 0, &r[0], &g, FRAME, FRAME);
	rig_kick(&b.g, 0);
	card_late(VIO_E_IO);
	assert_int_equal(result_of(r[0].in), RFAIL);
	bed_end();
}

/* A question cannot be called back: the reset waits for it, and nothing of it is there afterwards. */
static void test_reset_while_owned(void **state)
{
	struct vio_rpmb_frame f[2];
	struct rig_req r;

	(void)state;
	begin();
	card.rc = VIO_PENDING;
	frame(f, READ, 2);
	rig_do(&b.g, 0, &r, f, FRAME, FRAME);
	assert_int_equal(vio_dev_set_status(&b.dev.dev, 0), VIO_PENDING);
	card_late(VIO_OK);
	assert_int_equal(vio_dev_status(&b.dev.dev), 0);
	card.rc = VIO_OK;
	b.g.used = 0;
	assert_int_equal(rig_drive(&b.g, 0), VIO_OK);
	assert_int_equal(ask(f, 0, 1)->len, 0);
	assert_int_equal(last_result(NULL), FAIL);
	bed_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_config),
		cmocka_unit_test(test_passed_on),
		cmocka_unit_test(test_key),
		cmocka_unit_test(test_refused_here),
		cmocka_unit_test(test_failures_of_the_store),
		cmocka_unit_test(test_gone),
		cmocka_unit_test(test_late),
		cmocka_unit_test(test_reset_while_owned),
	};
	int failed = cmocka_run_group_tests_name("rpmb relay, split", tests, NULL, NULL);

	rig_packed = true;
	rig_piece = 300;
	failed += cmocka_run_group_tests_name("rpmb relay, packed, in pieces", tests, NULL, NULL);
	return failed;
}
