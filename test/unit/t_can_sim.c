/* SPDX-License-Identifier: BSD-3-Clause */
/* t_can_sim.c - simulated buses: who hears whom, in which order, and errors, as guests see them */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
#include "can_bed.h"
#include "hosted/host_kind.h"

extern const struct host_kind host_sim_can[];

#define NODES 3u
#define MS    1000000u
#define BUFS  40u

/* ---- time goes on when the test says so ---- */

static uint64_t now_ns;
static struct vio_timer *armed[4]; /* one for each bus */

static uint64_t hand_now(struct vio_clock *c)
{
	(void)c;
	return now_ns;
}

static void hand_set(struct vio_clock *c, struct vio_timer *t, uint64_t at)
{
	unsigned n = 0;

	(void)c;
	while (n < 4 && armed[n] != t) {
		n++;
	}
	for (unsigned k = 0; n == 4 && k < 4; k++) {
		n = armed[k] ? n : k;
	}
	assert_true(n < 4 || !at);
	if (n == 4) {
		return;
	}
	armed[n] = at ? t : NULL;
	t->at = at;
}

struct node {
	struct rig g;
	struct vio_can dev;
	struct host_ctx ctx;
	struct host host;
	struct rig_req buf[BUFS], tx[BUFS];
	unsigned ntx;
};

static struct loop *loop;
static struct node node[NODES];

static int begin(void **state)
{
	(void)state;
	loop = loop_new("test");
	*loop_clock(loop) = (struct vio_clock){ .now = hand_now, .set = hand_set };
	now_ns = 1;
	memset(armed, 0, sizeof(armed));
	memset(node, 0, sizeof(node));
	return 0;
}

static void join(unsigned n, const char *arg, uint64_t features)
{
	struct node *k = &node[n];
	unsigned i;

	k->ctx = (struct host_ctx){ .loop = loop, .name = "can", .arg = arg };
	assert_int_equal(host_sim_can[0].open(&k->ctx, &k->host), 0);
	assert_int_equal(vio_can_init(&k->dev, rig_mem(&k->g), k->host.ops, k->host.host), VIO_OK);
	assert_int_equal(rig_start(&k->g, &k->dev.dev, features), VIO_OK);
	for (i = 0; i < BUFS; i++) {
		can_buffer(&k->g, &k->buf[i], 80);
	}
	assert_int_equal(can_go(&k->g), OK);
}

static void leave(unsigned n)
{
	struct node *k = &node[n];

	assert_int_equal(rig_status(&k->g) & VIO_S_NEEDS_RESET, 0);
	assert_int_equal(rig_reset(&k->g), VIO_OK);
	vio_can_fini(&k->dev);
	k->host.close(&k->host);
	rig_end(&k->g);
	memset(k, 0, sizeof(*k));
}

static int end(void **state)
{
	unsigned n;

	(void)state;
	for (n = 0; n < NODES; n++) {
		if (node[n].host.host) {
			leave(n);
		}
	}
	for (n = 0; n < 4; n++) {
		assert_null(armed[n]); /* a bus that nobody has is gone */
	}
	loop_free(loop);
	return 0;
}

/* Time passes until `ns` later */
static void pass(uint64_t ns)
{
	const uint64_t till = now_ns + ns;
	struct vio_timer *t;
	unsigned n, next;

	for (;;) {
		for (n = 0; n < NODES; n++) {
			if (node[n].host.host) {
				rig_turn(&node[n].g);
			}
		}
		next = 4;
		for (n = 0; n < 4; n++) {
			if (armed[n] && (next == 4 || armed[n]->at < armed[next]->at)) {
				next = n;
			}
		}
		if (next == 4 || armed[next]->at > till) {
			now_ns = till;
			return;
		}
		t = armed[next];
		now_ns = t->at > now_ns ? t->at : now_ns;
		armed[next] = NULL;
		t->at = 0;
		t->fire(t);
	}
}

/* Offer a frame; all that is offered before time passes is sent at once. returns: which it is */
static unsigned put(unsigned n, uint32_t id, uint32_t flags, const void *data, uint16_t len)
{
	struct node *k = &node[n];

	can_add(&k->g, &k->tx[k->ntx], id, flags, data, len);
	(void)vio_dvq_need_kick(&k->g.q[TX]);
	lb_bus.kick(&k->g.lb, TX);
	return k->ntx++;
}

/* The identifiers that a node has heard, as text */
static void heard(unsigned n, const char *want)
{
	char got[400] = "";
	unsigned i;

	for (i = 0; i < BUFS && node[n].buf[i].back; i++) {
		(void)snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s%x", i ? " " : "",
			       (unsigned)vio_unpack32(node[n].buf[i].in + 12));
	}
	assert_string_equal(got, want);
}

static void test_all_others_hear_it(void **state)
{
	unsigned n;

	(void)state;
	for (n = 0; n < NODES; n++) {
		join(n, n == 1 ? "bus" : NULL, F_ALL);
	}
	(void)put(0, 0x123, 0, "abcdefgh", 8);
	(void)put(0, 0x1abcdef0, EXT | FDF, "abcdefghi", 9);
	(void)put(0, 0x7, RTRF, "", 0);
	pass(MS);
	heard(0, ""); /* not itself */
	for (n = 1; n < NODES; n++) {
		heard(n, "7 123 1abcdef0");
		can_got(&node[n].buf[1], 0x123, 0, "abcdefgh", 8);
		can_got(&node[n].buf[2], 0x1abcdef0, EXT | FDF, "abcdefghi\0\0", 12);
		can_got(&node[n].buf[0], 0x7, RTRF, "", 0);
	}
	for (n = 0; n < 3; n++) {
		assert_int_equal(can_result(&node[0].tx[n]), OK);
	}
	/* who is stopped, or cannot know it, hears nothing */
	assert_int_equal(can_halt(&node[1].g), OK);
	(void)put(2, 0x44, 0, "", 0);
	pass(MS);
	heard(0, "44");
	heard(1, "7 123 1abcdef0");
}

static void test_two_buses(void **state)
{
	(void)state;
	join(0, "one", F_ALL);
	join(1, "two", F_ALL);
	join(2, "two,classic", F_ALL);
	assert_int_equal(node[2].g.features & FD, 0);
	(void)put(0, 1, 0, "", 0);
	(void)put(1, 2, 0, "", 0);
	(void)put(1, 3, FDF, "", 0);
	pass(MS);
	assert_int_equal(can_result(&node[0].tx[0]),
			 OK); /* nobody hears it, but somebody acknowledges */
	heard(1, "");
	heard(2, "2");
}

/* Who goes first: the identifier, bit by bit; a standard one before an extended one that begins like it. */
static void test_arbitration(void **state)
{
	unsigned last;

	(void)state;
	join(0, NULL, F_ALL);
	join(1, NULL, F_ALL);
	join(2, NULL, F_ALL);
	(void)put(0, 0x400, 0, "", 0);
	(void)put(1, 0x100 << 18 | 5, EXT, "", 0);
	(void)put(1, 0x100, RTRF, "", 0);
	(void)put(0, 0x100, 0, "", 0);
	(void)put(1, 0x100 << 18 | 4, EXT, "", 0);
	(void)put(0, 0xff << 18 | 0x3ffff, EXT, "", 0);
	last = put(1, 0x7ff, 0, "", 0);
	(void)put(0, 0, 0, "", 0);
	pass(2 * MS);
	heard(2, "0 3ffffff 100 100 4000004 4000005 400 7ff");
	assert_int_equal(vio_unpack32(node[2].buf[2].in + 8), 0); /* data before remote */
	assert_int_equal(vio_unpack32(node[2].buf[3].in + 8), RTRF);
	assert_int_equal(can_result(&node[1].tx[last]), OK);
	/* the same one from one node: in its order */
	(void)put(0, 0x55, 0, "1", 1);
	(void)put(0, 0x55, 0, "2", 1);
	(void)put(1, 0x55, 0, "3", 1);
	pass(MS);
	can_got(&node[2].buf[8], 0x55, 0, "1", 1);
	can_got(&node[2].buf[9], 0x55, 0, "2", 1);
	can_got(&node[2].buf[10], 0x55, 0, "3", 1);
}

/* A frame takes its time; what comes meanwhile waits, however important it is. */
static void test_time(void **state)
{
	unsigned a, b, c;

	(void)state;
	join(0, "rate=1000000", F_ALL);
	join(1, NULL, F_ALL);
	a = put(0, 0x500, 0, "12345678", 8);
	pass(1000);
	b = put(0, 0x501, 0, "", 0);
	c = put(1, 0x100, 0, "", 0);
	pass(108000);
	assert_false(node[0].tx[a].back);
	pass(2100); /* 47 + 64 bits */
	assert_true(node[0].tx[a].back);
	assert_false(node[1].tx[c].back);
	pass(47001);
	assert_true(node[1].tx[c].back);
	assert_false(node[0].tx[b].back);
	pass(47001);
	assert_true(node[0].tx[b].back);
}

static void test_busoff(void **state)
{
	unsigned a, b;

	(void)state;
	join(0, "busoff=7FF", F_ALL);
	join(1, NULL, F_ALL);
	(void)put(1, 0x7ff, 0, "", 0); /* only where it was asked for */
	pass(MS);
	assert_int_equal(can_result(&node[1].tx[0]), OK);
	a = put(0, 0x7ff, 0, "", 0);
	pass(1000); /* it is on the wire */
	b = put(0, 0x7fe, 0, "", 0);
	pass(MS);
	assert_int_equal(can_result(&node[0].tx[a]), NOT_OK);
	assert_int_equal(can_result(&node[0].tx[b]), NOT_OK);
	assert_int_equal(can_status(&node[0].g), VIO_CAN_S_CTRL_BUSOFF);
	heard(1, "");
	(void)put(1, 1, 0, "", 0);
	pass(MS);
	heard(0, "7ff");
	assert_int_equal(can_go(&node[0].g), OK);
	assert_int_equal(can_status(&node[0].g), 0);
	(void)put(1, 2, 0, "", 0);
	(void)put(0, 3, 0, "", 0);
	pass(MS);
	heard(0, "7ff 2");
	heard(1, "3");
}

/* Nobody acknowledges it: it stays on its way, others go before, and STOP ends it. */
static void test_lost_acknowledgement(void **state)
{
	unsigned a, b;

	(void)state;
	join(0, "noack=1,rate=0", F_ALL);
	join(1, "busoff=3", F_ALL);
	a = put(0, 1, 0, "", 0);
	pass(20 * MS);
	assert_false(node[0].tx[a].back);
	b = put(0, 2, 0, "", 0);
	(void)put(1, 4, 0, "", 0);
	pass(2 * MS);
	assert_int_equal(can_result(&node[0].tx[b]), OK);
	heard(1, "2");
	heard(0, "4");
	assert_false(node[0].tx[a].back);
	assert_int_equal(can_halt(&node[0].g), OK);
	assert_int_equal(can_result(&node[0].tx[a]), NOT_OK);
	/* a node that goes while its frame is on the wire */
	assert_int_equal(can_go(&node[0].g), OK);
	(void)put(0, 1, 0, "", 0);
	pass(100);
	leave(0);
	(void)put(1, 5, 0, "", 0);
	pass(2 * MS);
	assert_true(node[1].tx[1].back);
}

/* Somebody else on the bus: four kinds in turn; a controller without FD does without them. */
static void test_beat(void **state)
{
	(void)state;
	join(0, "beat=123", F_ALL);
	join(1, "classic", F_ALL);
	join(2, NULL, F_ALL);
	pass(44 * MS);
	heard(0, "123 48c0001 123 123 123");
	heard(1, "123 48c0001 123 123");
	heard(2, "123 48c0001 123 123 123");
	can_got(&node[2].buf[1], 0x48c0001, EXT, "\1\0\0\0\0\0\0", 8);
	can_got(&node[2].buf[2], 0x123, RTRF, "", 0);
	assert_int_equal(vio_unpack32(node[2].buf[3].in + 8), FDF);
	assert_int_equal(node[2].buf[3].len, 80);
	assert_int_equal(node[2].buf[3].in[16], 3);
	(void)put(2, 0x55, 0, "", 0);
	pass(MS);
	assert_int_equal(can_result(&node[2].tx[0]), OK);
	leave(0); /* and takes it away */
	pass(50 * MS);
	heard(2, "123 48c0001 123 123 123");
}

/* A tool of this host writes a line, or more; what it is told and hears, NUL behind */
static void tool(int fd, const char *line, const char *want)
{
	char got[600] = "";
	size_t n = 0;
	ssize_t k;

	assert_int_equal(write(fd, line, strlen(line)), strlen(line));
	/* the kernel carries a terminal's bytes in its own time; a few rounds more, if something comes that must not */
	for (unsigned i = 0, more = 0; i < 5000 && more < 8; i++, more += n >= strlen(want)) {
		loop_once(loop, 1);
		pass(MS);
		while ((k = read(fd, got + n, sizeof(got) - 1 - n)) > 0) {
			n += (size_t)k;
		}
	}
	got[n] = 0;
	assert_string_equal(got, want);
}

/* Host tools on the bus, by SLCAN */
static void test_host_tools(void **state)
{
	static const char *const wrong[] = {
		"t12\r",    "t1239\r",	    "t12320\r", "t80000\r",  "t123200112\r",
		"tx2300\r", "T200000000\r", "T123\r",	"r12381\r",  "t123100 \r",
		"Z1\r",	    "hello\r",	    "S\r",	"d123F00\r",
	};
	char arg[80], path[64], much[1000];
	int fd;

	(void)state;
	(void)snprintf(path, sizeof(path), "/tmp/t_can_sim.%d", (int)getpid());
	(void)snprintf(arg, sizeof(arg), "slcan=%s", path);
	join(0, arg, F_ALL);
	join(1, NULL, F_ALL);
	fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	assert_true(fd >= 0);
	tool(fd, "\r\rC\rS6\rV\r", "\r\r\r\rV1013\r");
	tool(fd, "t1230\r", "\a"); /* it is not open */
	tool(fd, "O\r", "\r");
	tool(fd, "t1232A1b2\rT1ABCDEF00\rr0078\r", "z\rZ\rz\r");
	tool(fd, "d1239000102030405060708090a0B\r", "z\r");
	heard(0, "7 123 1abcdef0 123"); /* the lowest first, of those that wait */
	heard(1, "7 123 1abcdef0 123");
	can_got(&node[1].buf[1], 0x123, 0, "\xa1\xb2", 2);
	can_got(&node[1].buf[0], 7, RTRF, "\0\0\0\0\0\0\0", 8);
	assert_int_equal(vio_unpack32(node[1].buf[3].in + 8), FDF);
	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		tool(fd, wrong[i], "\a");
	}
	memset(much, 't', sizeof(much));
	much[sizeof(much) - 2] = '\r';
	much[sizeof(much) - 1] = 0;
	tool(fd, much, "\a");
	(void)put(0, 0x7ff, 0, "\x01\xff", 2);
	(void)put(1, 0x1abcdef0, EXT, "", 0);
	(void)put(1, 5, RTRF, "", 0);
	(void)put(1, 6, FDF, "abcdefghi", 9);
	tool(fd, "", "r0050\rd0069616263646566676869000000\rT1ABCDEF00\rt7FF201FF\r");
	tool(fd, "C\r", "\r");
	(void)put(0, 0x7ff, 0, "", 0);
	tool(fd, "", "");
	close(fd);
	leave(0);
	assert_int_equal(access(path, F_OK), -1);
}

static void test_arguments(void **state)
{
	static const struct {
		const char *arg, *word;
	} t[] = {
		{ "rate=", "rate=" },	       { "rate=x", "number" },
		{ "rate=8000001", "8000000" }, { "busoff=20000000", "1fffffff" },
		{ "noack=-1", "number" },      { "noack=g", "number" },
		{ "bus,late=1", "late=1" },    { "beat=800", "7ff" },
	};
	struct host_ctx ctx;
	struct host h;
	size_t n;

	(void)state;
	for (n = 0; n < sizeof(t) / sizeof(t[0]); n++) {
		memset(&ctx, 0, sizeof(ctx));
		ctx.arg = t[n].arg;
		ctx.loop = loop;
		assert_int_equal(host_sim_can[0].open(&ctx, &h), -1);
		assert_true(strstr(ctx.err, t[n].word) != NULL);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_all_others_hear_it),
		TEST(test_two_buses),
		TEST(test_arbitration),
		TEST(test_time),
		TEST(test_busoff),
		TEST(test_lost_acknowledgement),
		TEST(test_beat),
		TEST(test_host_tools),
		TEST(test_arguments),
	};

	return cmocka_run_group_tests_name("can, simulated", tests, NULL, NULL);
}
