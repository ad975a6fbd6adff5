/* SPDX-License-Identifier: BSD-3-Clause */
/* t_host_can.c - the Linux host of CAN, on a kernel that is played */
#include "can_kernel.h"
#include <stdio.h>
#include "vio/can.h"

extern const struct host_kind host_linux_can[];

#define FDF  VIO_CAN_FLAGS_FD
#define EXT  VIO_CAN_FLAGS_EXTENDED
#define RTRF VIO_CAN_FLAGS_RTR

/* ---- time goes on when the test says so ---- */

static uint64_t now_ns;
static struct vio_timer *armed;

static uint64_t hand_now(struct vio_clock *c)
{
	(void)c;
	return now_ns;
}

static void hand_set(struct vio_clock *c, struct vio_timer *t, uint64_t at)
{
	(void)c;
	t->at = at;
	armed = at ? t : NULL;
}

static void pass(uint64_t ns)
{
	struct vio_timer *t = armed;

	now_ns += ns;
	if (t && t->at <= now_ns) {
		armed = NULL;
		t->at = 0;
		t->fire(t);
	}
}

/* ---- the guest's side ---- */

struct frame {
	struct vio_can_tx tx;
	int32_t result;
	bool back;
};

static struct vio_can_frame in[16];
static unsigned nin, offs;
static struct host h;
static struct host_ctx ctx;
static const struct vio_can_host_ops *ops;
static const struct vio_can_able *able;

static void on_frame(struct vio_can_sink *s, const struct vio_can_frame *f)
{
	(void)s;
	assert_true(nin < 16);
	in[nin++] = *f;
}

static void on_off(struct vio_can_sink *s)
{
	(void)s;
	offs++;
}

static struct vio_can_sink sink = { .frame = on_frame, .busoff = on_off };

static void tx_done(struct vio_job *j, int32_t r)
{
	struct frame *f = VIO_CONTAINER(j, struct frame, tx.job);

	assert_false(f->back);
	f->back = true;
	f->result = r;
}

static int open_it(const char *arg)
{
	memset(&ctx, 0, sizeof(ctx));
	memset(&h, 0, sizeof(h));
	ctx.loop = loop;
	ctx.name = "can0";
	ctx.arg = arg;
	return host_linux_can[0].open(&ctx, &h);
}

static int plug(void **state)
{
	if (setup(state)) {
		return -1;
	}
	memset(&k, 0, sizeof(k));
	k.mtu = CANFD_MTU;
	nin = offs = 0;
	now_ns = 1;
	armed = NULL;
	*loop_clock(loop) = (struct vio_clock){ .now = hand_now, .set = hand_set };
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, k.pair);
}

static int unplug(void **state)
{
	if (h.close) {
		h.close(&h);
		h.close = NULL;
	}
	assert_null(armed);
	close(k.pair[1]);
	return teardown(state);
}

static void begin(void)
{
	assert_int_equal(open_it("can7"), 0);
	ops = h.ops;
	able = ops->open(h.host, &sink);
	assert_int_equal(ops->start(h.host), VIO_OK);
}

/* returns: what send answered */
static int put(struct frame *f, uint32_t id, uint16_t flags, const void *data, uint8_t len,
	       bool ack)
{
	memset(f, 0, sizeof(*f));
	f->tx.job = (struct vio_job){ tx_done, &vq };
	f->tx.frame.id = id;
	f->tx.frame.flags = flags;
	f->tx.frame.len = len;
	f->tx.ack = ack;
	memcpy(f->tx.frame.data, data, len);
	return ops->send(h.host, &f->tx);
}

static void turn_end(struct loop_task *t)
{
	(void)t;
	loop_stop(loop);
}

static void turns(void)
{
	struct loop_task t = { .fn = turn_end };

	for (int n = 0; n < 3; n++) {
		loop_post(loop, &t);
		loop_run(loop);
	}
}

static const uint8_t none[64];

static void say(uint32_t id, const void *data, uint8_t len, size_t size, int flags, int error)
{
	struct heard d;

	memset(&d, 0, sizeof(d));
	d.f.can_id = id;
	d.f.len = len;
	memcpy(d.f.data, data, len < 64 ? len : 64);
	d.size = (int)size;
	d.flags = flags;
	d.error = error;
	assert_int_equal(write(k.pair[1], &d, sizeof(d)), sizeof(d));
}

static void test_what_it_can_do(void **state)
{
	(void)state;
	begin();
	assert_true(able->classic && able->fd && able->rtr && able->ack);
	assert_true(k.own && k.fd_frames);
	assert_int_equal(k.errors, CAN_ERR_BUSOFF);
	unplug(NULL);
	(void)plug(NULL);
	k.mtu = CAN_MTU;
	begin();
	assert_true(able->classic && !able->fd && able->rtr);
	assert_false(k.fd_frames);
}

static void test_send(void **state)
{
	struct frame f;

	(void)state;
	begin();
	assert_int_equal(put(&f, 0x123, 0, "abc", 3, false), VIO_OK);
	assert_int_equal(k.size[0], CAN_MTU);
	assert_int_equal(k.sent[0].can_id, 0x123);
	assert_int_equal(k.sent[0].len, 3);
	assert_memory_equal(k.sent[0].data, "abc\0\0\0\0", 8);
	assert_int_equal(put(&f, 0x1abcdef0, EXT | FDF, "0123456789ab", 12, false), VIO_OK);
	assert_int_equal(k.size[1], CANFD_MTU);
	assert_int_equal(k.sent[1].can_id, 0x1abcdef0u | CAN_EFF_FLAG);
	assert_int_equal(k.sent[1].flags, 0);
	assert_memory_equal(k.sent[1].data, "0123456789ab", 12);
	assert_int_equal(put(&f, 7, RTRF, "", 0, false), VIO_OK);
	assert_int_equal(k.sent[2].can_id, 7 | CAN_RTR_FLAG);
	k.dead = ENETDOWN;
	assert_int_equal(put(&f, 7, 0, "", 0, false), VIO_E_IO);
	/* its own frames, given back, are no news */
	k.dead = 0;
	say(7 | CAN_RTR_FLAG, none, 0, CAN_MTU, MSG_CONFIRM, 0);
	turns();
	assert_int_equal(nin, 0);
}

/* The driver wants to know: each frame is completed by the one that the kernel gives back. */
static void test_acknowledged(void **state)
{
	struct frame f[4];

	(void)state;
	begin();
	assert_int_equal(put(&f[0], 1, 0, "a", 1, true), VIO_PENDING);
	assert_int_equal(put(&f[1], 1, 0, "b", 1, true), VIO_PENDING);
	assert_int_equal(put(&f[2], 1, 0, "a", 1, true), VIO_PENDING);
	assert_int_equal(put(&f[3], 1, FDF, "a", 1, true), VIO_PENDING);
	say(1, "a", 1, CAN_MTU, 0, 0); /* somebody else's that is the same */
	turns();
	assert_int_equal(nin, 1);
	assert_false(f[0].back);
	say(1, "b", 1, CAN_MTU, MSG_CONFIRM, 0);
	turns();
	assert_true(f[1].back && !f[0].back);
	say(1, "a", 1, CAN_MTU, MSG_CONFIRM, 0);
	say(1 | CAN_EFF_FLAG, "a", 1, CAN_MTU, MSG_CONFIRM, 0);
	turns();
	assert_true(f[0].back && !f[2].back && !f[3].back);
	assert_int_equal(f[0].result, VIO_OK);
	say(1, "a", 1, CANFD_MTU, MSG_CONFIRM, 0);
	turns();
	assert_true(f[3].back && !f[2].back);
	ops->cancel(h.host, &f[2].tx);
	assert_int_equal(f[2].result, VIO_E_IO);
	say(1, "a", 1, CAN_MTU, MSG_CONFIRM, 0); /* too late, and no harm */
	turns();
	assert_int_equal(nin, 1);
}

/* The kernel's queue is full: they wait in their order, and are tried again. */
static void test_full(void **state)
{
	struct frame f[3];

	(void)state;
	begin();
	k.busy = 2;
	assert_int_equal(put(&f[0], 1, 0, "", 0, false), VIO_PENDING);
	assert_int_equal(put(&f[1], 2, 0, "", 0, true), VIO_PENDING);
	assert_int_equal(put(&f[2], 3, 0, "", 0, false), VIO_PENDING);
	assert_int_equal(k.nsent, 0);
	pass(1000000); /* still full */
	assert_false(f[0].back);
	pass(1000000);
	assert_int_equal(k.nsent, 3);
	assert_int_equal(k.sent[0].can_id, 1);
	assert_int_equal(k.sent[1].can_id, 2);
	assert_int_equal(k.sent[2].can_id, 3);
	assert_true(f[0].back && !f[1].back && f[2].back);
	assert_null(armed);
	/* it goes away while they wait */
	k.busy = 1;
	assert_int_equal(put(&f[0], 1, 0, "", 0, false), VIO_PENDING);
	k.dead = ENODEV;
	pass(1000000);
	assert_int_equal(f[0].result, VIO_E_IO);
	/* stopped while they wait: all are back */
	k.dead = 0;
	k.busy = 1;
	assert_int_equal(put(&f[0], 1, 0, "", 0, false), VIO_PENDING);
	ops->stop(h.host);
	assert_true(f[0].back && f[1].back);
	assert_int_equal(f[1].result, VIO_E_IO);
	assert_null(armed);
}

static void test_receive(void **state)
{
	(void)state;
	begin();
	say(0x7ff, "abc", 3, CAN_MTU, 0, 0);
	say(0x1fffffff | CAN_EFF_FLAG, "0123456789abcdef", 16, CANFD_MTU, 0, 0);
	say(5 | CAN_RTR_FLAG, none, 4, CAN_MTU, 0, 0);
	say(6, none, 9, CAN_MTU, 0, 0);	   /* no such frame */
	say(6, none, 65, CANFD_MTU, 0, 0); /* nor this */
	say(6, none, 0, 20, 0, 0);
	say(CAN_ERR_FLAG | CAN_ERR_CRTL, none, 8, CAN_MTU, 0, 0); /* no bus-off */
	turns();
	assert_int_equal(nin, 3);
	assert_int_equal(in[0].id, 0x7ff);
	assert_int_equal(in[0].flags, 0);
	assert_memory_equal(in[0].data, "abc", 3);
	assert_int_equal(in[1].id, 0x1fffffff);
	assert_int_equal(in[1].flags, EXT | FDF);
	assert_int_equal(in[1].len, 16);
	assert_memory_equal(in[1].data, "0123456789abcdef", 16);
	assert_int_equal(in[2].flags, RTRF);
	assert_int_equal(in[2].len, 4);
	assert_int_equal(offs, 0);
	/* stopped: nothing is heard, and what came meanwhile is stale */
	ops->stop(h.host);
	say(1, none, 0, CAN_MTU, 0, 0);
	turns();
	k.pending = ENODEV; /* the interface went twice: down, and out */
	assert_int_equal(ops->start(h.host), VIO_OK);
	say(2, none, 0, CAN_MTU, 0, 0);
	turns();
	assert_int_equal(nin, 4);
	assert_int_equal(in[3].id, 2);
}

/* Bus-off, an interface that is taken down, one that is pulled out: the same to the guest */
static void test_off(void **state)
{
	static const int why[] = { 0, ENETDOWN, ENODEV };
	struct frame f;
	size_t n;

	(void)state;
	begin();
	for (n = 0; n < sizeof(why) / sizeof(why[0]); n++) {
		assert_int_equal(put(&f, 1, 0, "", 0, true), VIO_PENDING);
		say(CAN_ERR_FLAG | CAN_ERR_BUSOFF, none, 8, CAN_MTU, 0, why[n]);
		say(1, none, 0, CAN_MTU, 0, 0);
		turns();
		assert_int_equal(offs, n + 1);
		assert_int_equal(nin, 0);
		assert_true(f.back);
		assert_int_equal(f.result, VIO_E_IO);
		k.down = 1;
		assert_int_equal(ops->start(h.host), VIO_E_IO);
		k.down = 0;
		k.no_index = ENODEV;
		assert_int_equal(ops->start(h.host), VIO_E_IO);
		k.no_index = 0;
		k.binds = 0;
		assert_int_equal(ops->start(h.host), VIO_OK);
		assert_int_equal(k.binds, 1); /* it may be another one of that name */
	}
	/* and it is heard: others, and its own frames that come back */
	say(2, none, 0, CAN_MTU, 0, 0);
	turns();
	assert_int_equal(nin, 1);
	assert_int_equal(put(&f, 1, 0, "", 0, true), VIO_PENDING);
	say(1, none, 0, CAN_MTU, MSG_CONFIRM, 0);
	turns();
	assert_true(f.back);
	assert_int_equal(f.result, VIO_OK);
}

static void test_arguments(void **state)
{
	static const struct {
		const char *arg, *word;
		int *wrong, value;
	} t[] = {
		{ NULL, "linux:can0", NULL, 0 },
		{ "", "linux:can0", NULL, 0 },
		{ "an-interface-of-a-long-name", "linux:can0", NULL, 0 },
		{ "can7", "can_raw", &k.no_socket, EAFNOSUPPORT },
		{ "can7", "no such interface", &k.no_index, ENODEV },
		{ "can7", "No such device", &k.no_mtu, ENODEV },
		{ "can7", "Permission denied", &k.no_bind, EACCES },
	};
	size_t n;

	for (n = 0; n < sizeof(t) / sizeof(t[0]); n++) {
		if (t[n].wrong) {
			*t[n].wrong = t[n].value;
		}
		assert_int_equal(open_it(t[n].arg), -1);
		assert_true(strstr(ctx.err, t[n].word) != NULL);
		unplug(state);
		(void)plug(state);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, plug, unplug)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_what_it_can_do), TEST(test_send),    TEST(test_acknowledged),
		TEST(test_full),	   TEST(test_receive), TEST(test_off),
		TEST(test_arguments),
	};

	return cmocka_run_group_tests_name("can, this machine", tests, NULL, NULL);
}
