/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * t_vhost_abuse.c - the vhost-user port with front-ends that break the protocol
 *
 * After each case: the connection has ended (or the message was refused, or accepted where the table says so), no
 * descriptor and no mapping has leaked, and the next front-end is served.
 */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include "hosted/sigbus.h"
#include "vhu_rig.h"

static struct rig rig;

static int count_maps(void)
{
	FILE *f = fopen("/proc/self/maps", "r");
	char line[512];
	int n = 0;

	while (fgets(line, sizeof(line), f)) {
		n += strstr(line, "memfd:guest") != NULL;
	}
	fclose(f);
	return n;
}

/* How far a front-end has come when it goes astray. */
enum stage { NEW, KNOWN, MEMORY, RUNNING };

static void reach(struct fe *f, enum stage s)
{
	fe_connect(f, rig.path);
	if (s >= KNOWN) {
		fe_negotiate(f, FEATURES, PROTO);
	}
	if (s >= MEMORY) {
		fe_memory(f);
	}
	for (unsigned i = 0; s >= RUNNING && i < VQS; i++) {
		fe_ring(f, i);
		fe_echo(f, i);
	}
}

static void wait_closed(struct fe *f, const char *what)
{
	struct pollfd p = { .fd = f->fd, .events = POLLIN };
	char b[512];

	for (;;) {
		if (poll(&p, 1, PATIENCE) != 1) {
			fail_msg("%s: the connection lives on", what);
		}
		if (recv(f->fd, b, sizeof(b), 0) <= 0) {
			return;
		}
	}
}

/* What every case ends with. */
static void still_good(struct fe *bad, int fds, const char *what)
{
	struct fe f;

	fe_leave(bad, &rig);
	if (count_fds() != fds || count_maps() != 0) {
		fail_msg("%s: %d descriptors, were %d; %d mappings", what, count_fds(), fds,
			 count_maps());
	}
	fe_session(&f, &rig, FEATURES, PROTO);
	fe_echo(&f, 0);
	fe_echo(&f, 1);
	fe_leave(&f, &rig);
	if (count_fds() != fds || count_maps() != 0) {
		fail_msg("%s: descriptors or mappings after the next session", what);
	}
}

/* ---- the shape of every message: request, bytes of the body, descriptors ---- */

static const struct shape {
	const char *name;
	uint32_t request, min, max;
	unsigned fd_min, fd_max;
	uint32_t ring; /* it begins with the index of a ring */
} shapes[] = {
	{ "GET_FEATURES", 1, 0, 0, 0, 0, 0 },
	{ "SET_FEATURES", 2, 8, 8, 0, 0, 0 },
	{ "SET_OWNER", 3, 0, 0, 0, 0, 0 },
	{ "RESET_OWNER", 4, 0, 0, 0, 0, 0 },
	{ "SET_MEM_TABLE", 5, 8, 264, 0, 8, 0 },
	{ "SET_VRING_NUM", 8, 8, 8, 0, 0, 1 },
	{ "SET_VRING_ADDR", 9, 40, 40, 0, 0, 1 },
	{ "SET_VRING_BASE", 10, 8, 8, 0, 0, 1 },
	{ "GET_VRING_BASE", 11, 8, 8, 0, 0, 1 },
	{ "SET_VRING_KICK", 12, 8, 8, 0, 1, 1 },
	{ "SET_VRING_CALL", 13, 8, 8, 0, 1, 1 },
	{ "SET_VRING_ERR", 14, 8, 8, 0, 1, 1 },
	{ "GET_PROTOCOL_FEATURES", 15, 0, 0, 0, 0, 0 },
	{ "SET_PROTOCOL_FEATURES", 16, 8, 8, 0, 0, 0 },
	{ "GET_QUEUE_NUM", 17, 0, 0, 0, 0, 0 },
	{ "SET_VRING_ENABLE", 18, 8, 8, 0, 0, 1 },
	{ "SET_BACKEND_REQ_FD", 21, 0, 0, 1, 1, 0 },
	{ "IOTLB_MSG", 22, 26, 32, 0, 0, 0 },
	{ "GET_CONFIG", 24, 12, 268, 0, 0, 0 },
	{ "SET_CONFIG", 25, 12, 268, 0, 0, 0 },
	{ "RESET_DEVICE", 34, 0, 0, 0, 0, 0 },
	{ "VRING_KICK", 35, 8, 8, 0, 0, 1 },
	{ "GET_MAX_MEM_SLOTS", 36, 0, 0, 0, 0, 0 },
	{ "ADD_MEM_REG", 37, 40, 40, 1, 1, 0 },
	{ "REM_MEM_REG", 38, 40, 40, 0, 1, 0 },
	{ "SET_STATUS", 39, 8, 8, 0, 0, 0 },
	{ "GET_STATUS", 40, 0, 0, 0, 0, 0 },
};

enum twist {
	CUT_HEADER,
	CUT_BODY,
	SHORT,
	LONG,
	HUGE_SIZE,
	FEW_FDS,
	ONE_FD_MORE,
	FORTY_FDS,
	RING_255,
	BAD_VERSION,
	REPLY,
	TWISTS
};

/* returns: false when the twist makes no sense for this message */
static bool twisted(struct fe *f, const struct shape *s, enum twist t)
{
	struct {
		struct vhu_wire_header h;
		uint8_t b[512];
	} m = { .h = { s->request, VHU_VERSION, s->max } };
	size_t len = sizeof(m.h) + s->max;
	unsigned nfd = s->fd_min;
	int fd[64];

	for (unsigned i = 0; i < 64; i++) {
		fd[i] = f->kick[0];
	}
	if ((t == CUT_BODY && s->max == 0) || (t == SHORT && s->min == 0) ||
	    (t == FEW_FDS && s->fd_min == 0) || (t == RING_255 && !s->ring)) {
		return false;
	}
	switch (t) {
	case CUT_HEADER:
		len = 7;
		break;
	case CUT_BODY:
		len = sizeof(m.h) + s->max / 2;
		break;
	case SHORT:
		m.h.size = s->min - 1;
		len = sizeof(m.h) + m.h.size;
		break;
	case LONG:
		m.h.size = s->max + 1;
		len++;
		break;
	case HUGE_SIZE:
		m.h.size = UINT32_MAX;
		break;
	case FEW_FDS:
		nfd = 0;
		break;
	case ONE_FD_MORE:
		nfd = s->fd_max + 1;
		break;
	case FORTY_FDS:
		nfd = 40;
		break;
	case RING_255:
		m.b[0] = 255;
		break;
	case BAD_VERSION:
		m.h.flags = 2;
		break;
	case REPLY:
		m.h.flags |= VHU_IS_REPLY;
		break;
	case TWISTS:
		break;
	}
	(void)fe_raw(f, &m, len, fd, nfd);
	if (t == CUT_HEADER || t == CUT_BODY) {
		shutdown(f->fd, SHUT_WR);
	}
	return true;
}

static void test_shapes(void **state)
{
	int fds = count_fds();
	unsigned n = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		for (enum twist t = 0; t < TWISTS; t++) {
			for (enum stage s = NEW; s <= RUNNING; s += RUNNING) {
				struct fe f;
				char what[80];

				reach(&f, s);
				snprintf(what, sizeof(what), "%s twist %d stage %d", shapes[i].name,
					 t, s);
				if (twisted(&f, &shapes[i], t)) {
					wait_closed(&f, what);
					n++;
				}
				still_good(&f, fds, what);
			}
		}
	}
	assert_true(n > 400);
}

/* ---- what is well formed and wrong ---- */

enum outcome { DIES, REFUSED, ACCEPTED };

#define RING(i, n)	 .len = 8, .b.ring = { i, n }
#define U64(x)		 .len = 8, .b.u64 = (x)
#define ADDR(i, d, a, u) .len = 40, .b.addr = { .index = i, .desc = d, .avail = a, .used = u }
#define ADD(g, l, u, o)                                                                            \
	.request = VHU_ADD_MEM_REG, .fds = 1, .len = 40, .b.slot = { .r = { g, l, u, o } }
#define REM(g, l, u) .request = VHU_REM_MEM_REG, .len = 40, .b.slot = { .r = { g, l, u, 0 } }

static const struct wrong {
	const char *what;
	enum stage stage;
	enum outcome outcome;
	uint32_t request, len;
	unsigned fds; /* of the guest's memory */
	union vhu_body b;
} wrongs[] = {
	{ "unknown request", KNOWN, REFUSED, .request = 99, U64(0) },
	{ "unknown request, nothing negotiated", NEW, DIES, .request = 99 },
	{ "request 0", KNOWN, REFUSED, .request = 0 },
	{ "a log that was not offered", KNOWN, REFUSED, .request = 6, .len = 16, .fds = 1 },
	{ "features not offered", KNOWN, REFUSED, VHU_SET_FEATURES, U64(FEATURES | 1ull << 50) },
	{ "features change under traffic", RUNNING, REFUSED, VHU_SET_FEATURES, U64(FEATURES | 2) },
	{ "IOMMU that was not offered", KNOWN, REFUSED, VHU_SET_FEATURES,
	  U64(FEATURES | VIO_F_ACCESS_PLATFORM) },
	{ "protocol features not offered", KNOWN, REFUSED, VHU_SET_PROTOCOL_FEATURES,
	  U64(1ull << 60) },
	{ "protocol features under traffic", RUNNING, REFUSED, VHU_SET_PROTOCOL_FEATURES,
	  U64(VHU_P_REPLY_ACK) },
	{ "status beyond 8 bits", KNOWN, REFUSED, VHU_SET_STATUS, U64(256) },
	{ "status without negotiation", NEW, DIES, VHU_SET_STATUS, U64(1) },
	{ "slots without negotiation", NEW, DIES, VHU_GET_MAX_MEM_SLOTS, .len = 0 },
	{ "DRIVER_OK before everything", KNOWN, ACCEPTED, VHU_SET_STATUS, U64(15) },
	{ "ring size 0", MEMORY, REFUSED, VHU_SET_VRING_NUM, RING(0, 0) },
	{ "ring size 65535", MEMORY, REFUSED, VHU_SET_VRING_NUM, RING(0, 65535) },
	{ "ring size 0x10010", MEMORY, REFUSED, VHU_SET_VRING_NUM, RING(0, 0x10010) },
	{ "ring size under traffic", RUNNING, REFUSED, VHU_SET_VRING_NUM, RING(0, 8) },
	{ "ring 2 of 2", MEMORY, REFUSED, VHU_SET_VRING_NUM, RING(2, 8) },
	{ "ring 2^32-1", MEMORY, REFUSED, VHU_SET_VRING_ENABLE, RING(UINT32_MAX, 1) },
	{ "base of ring 255", MEMORY, DIES, VHU_GET_VRING_BASE, RING(255, 0) },
	{ "base under traffic", RUNNING, REFUSED, VHU_SET_VRING_BASE, RING(0, 3) },
	{ "enable 2", MEMORY, REFUSED, VHU_SET_VRING_ENABLE, RING(0, 2) },
	{ "enable before everything", KNOWN, ACCEPTED, VHU_SET_VRING_ENABLE, RING(0, 1) },
	{ "ring outside of memory", MEMORY, REFUSED, VHU_SET_VRING_ADDR,
	  ADDR(0, UVA + RAM, UVA, UVA) },
	{ "used ring outside of memory", MEMORY, REFUSED, VHU_SET_VRING_ADDR,
	  ADDR(0, UVA, UVA, 0) },
	{ "ring address moves under traffic", RUNNING, REFUSED, VHU_SET_VRING_ADDR,
	  ADDR(0, UVA, UVA, UVA) },
	{ "ring address with a log", MEMORY, REFUSED, VHU_SET_VRING_ADDR, .len = 40,
	  .b.addr = { .flags = 1 } },
	{ "ring address before memory", KNOWN, ACCEPTED, VHU_SET_VRING_ADDR, ADDR(0, 16, 32, 64) },
	{ "kick with memory for a descriptor", MEMORY, REFUSED, VHU_SET_VRING_KICK, U64(0),
	  .fds = 1 },
	{ "kick without its descriptor", MEMORY, REFUSED, VHU_SET_VRING_KICK, U64(0) },
	{ "kick with one too many", MEMORY, REFUSED, VHU_SET_VRING_KICK, U64(0x100), .fds = 1 },
	{ "kick of ring 0 with bit 9", MEMORY, REFUSED, VHU_SET_VRING_CALL, U64(0x300) },
	{ "in-band kick not negotiated", RUNNING, REFUSED, VHU_VRING_KICK, RING(0, 0) },
	{ "back-end channel is a file", KNOWN, REFUSED, VHU_SET_BACKEND_REQ_FD, .len = 0,
	  .fds = 1 },
	{ "IOTLB not negotiated", RUNNING, REFUSED, VHU_IOTLB_MSG, .len = 32,
	  .b.iotlb = { .type = 2 } },
	{ "config of other size", KNOWN, REFUSED, VHU_SET_CONFIG, .len = 20,
	  .b.config = { 8, 4, 0, { 0 } } },
	{ "config far away", KNOWN, REFUSED, VHU_SET_CONFIG, .len = 16,
	  .b.config = { UINT32_MAX, 4, 0, { 0 } } },
	{ "empty region", MEMORY, REFUSED, ADD(GPA + RAM, 0, UVA + RAM, 0) },
	{ "region wraps", MEMORY, REFUSED, ADD(UINT64_MAX - 4095, 8192, UVA + RAM, 0) },
	{ "user address wraps", MEMORY, REFUSED, ADD(GPA + RAM, 8192, UINT64_MAX - 4095, 0) },
	{ "offset wraps", MEMORY, REFUSED, ADD(GPA + RAM, 8192, UVA + RAM, UINT64_MAX - 4095) },
	{ "offset negative", MEMORY, REFUSED, ADD(GPA + RAM, 4096, UVA + RAM, 1ull << 63) },
	{ "region longer than its file", MEMORY, REFUSED, ADD(GPA + RAM, 2 * RAM, UVA + RAM, 0) },
	{ "region of 2^62 bytes", MEMORY, REFUSED, ADD(GPA + RAM, 1ull << 62, UVA + RAM, 0) },
	{ "region overlaps", MEMORY, REFUSED, ADD(GPA + RAM - 4096, 8192, UVA + RAM, 0) },
	{ "region overlaps under traffic", RUNNING, REFUSED, ADD(GPA, 4096, UVA + RAM, 0) },
	{ "region out of step by one byte", MEMORY, REFUSED,
	  ADD(GPA + RAM + 1, 4095, UVA + RAM, 0) },
	{ "region at the offset of one byte", MEMORY, REFUSED, ADD(GPA + RAM, 4095, UVA + RAM, 1) },
	{ "region not there", MEMORY, REFUSED, REM(GPA + RAM, 4096, UVA) },
	{ "region with other length", RUNNING, REFUSED, REM(GPA, 4096, UVA) },
	{ "all memory goes under traffic", RUNNING, ACCEPTED, REM(GPA, RAM, UVA) },
	{ "9 regions in a table", MEMORY, REFUSED, VHU_SET_MEM_TABLE, .len = 264, .fds = 8,
	  .b.table = { .n = 9 } },
	{ "table shorter than it says", MEMORY, REFUSED, VHU_SET_MEM_TABLE, .len = 40, .fds = 2,
	  .b.table = { .n = 2 } },
	{ "table with too few descriptors", MEMORY, REFUSED, VHU_SET_MEM_TABLE, .len = 264,
	  .fds = 1, .b.table = { .n = 2 } },
	{ "table with two equal regions", RUNNING, REFUSED, VHU_SET_MEM_TABLE, .len = 264, .fds = 2,
	  .b.table = { 2, 0, { { GPA, 4096, UVA, 0 }, { GPA, 4096, UVA, 0 } } } },
	{ "table whose second region is bad", RUNNING, REFUSED, VHU_SET_MEM_TABLE, .len = 264,
	  .fds = 2, .b.table = { 2, 0, { { GPA, RAM, UVA, 0 }, { GPA + RAM, 0, UVA, 0 } } } },
	{ "empty table under traffic", RUNNING, ACCEPTED, VHU_SET_MEM_TABLE, .len = 8 },
};

static void test_wrong(void **state)
{
	int fds = count_fds();

	(void)state;
	for (size_t i = 0; i < sizeof(wrongs) / sizeof(wrongs[0]); i++) {
		const struct wrong *w = &wrongs[i];

		/* once with NEED_REPLY, once without: then a refusal ends the connection */
		for (int quiet = 0; quiet < 2; quiet++) {
			struct fe f;
			int fd[8];
			int64_t ack;

			reach(&f, w->stage);
			for (unsigned k = 0; k < 8; k++) {
				fd[k] = f.memfd >= 0 ? f.memfd : STDOUT_FILENO;
			}
			if (quiet) {
				fe_send(&f, w->request, 0, &w->b, w->len, fd, w->fds);
			} else {
				ack = fe_ask(&f, w->request, &w->b, w->len, fd, w->fds);
				if (ack != (w->outcome == DIES ? -1 : w->outcome == REFUSED)) {
					fail_msg("%s: answer %d", w->what, (int)ack);
				}
			}
			if (quiet ? w->outcome != ACCEPTED : w->outcome == DIES) {
				wait_closed(&f, w->what);
			} else if (!quiet && w->outcome == REFUSED && w->stage == RUNNING) {
				fe_echo(&f, 0); /* nothing changed */
			}
			still_good(&f, fds, w->what);
		}
	}
}

static void test_600_regions(void **state)
{
	int fds = count_fds();
	unsigned n = 0;
	struct fe f;

	(void)state;
	reach(&f, RUNNING);
	for (unsigned i = 0; i < 600; i++) {
		struct vhu_wire_slot s = { .r = { GPA + (2ull + 2 * i) * RAM, 4096,
						  UVA + (2ull + 2 * i) * RAM, 8192 } };
		int64_t ack = fe_ask(&f, VHU_ADD_MEM_REG, &s, sizeof(s), &f.memfd, 1);

		n += ack == 0;
		if (ack < 0) {
			break; /* refused too often */
		}
		if (i % 64 == 0) {
			fe_echo(&f, 0);
		}
	}
	assert_int_equal(n, VHU_SLOTS - 1); /* one was there */
	still_good(&f, fds, "600 regions");
}

/* The guest's own mistakes cost it the device, not the connection. */
static void test_guest(void **state)
{
	static const struct {
		uint32_t num;
		uint64_t shift;
	} t[] = { { 12, 0 }, { SIZE, 8 }, { 32768, 0x80010 } };
	int fds = count_fds();

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct vhu_wire_ring w = { 0, t[i].num };
		struct vhu_wire_addr a;
		struct fe f;
		uint64_t n;
		int err = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

		reach(&f, MEMORY);
		a = fe_ring_addr(&f, 0, UVA + t[i].shift);
		fe_do(&f, VHU_SET_VRING_ERR, &(uint64_t){ 0 }, 8, err);
		fe_do(&f, VHU_SET_VRING_NUM, &w, sizeof(w), -1);
		fe_do(&f, VHU_SET_VRING_ADDR, &a, sizeof(a), -1);
		fe_kick(&f, 0); /* is in the descriptor when that comes */
		fe_ring_fds(&f, 0);
		fe_enable(&f, 0, 1);
		assert_int_equal(fe_get(&f, VHU_GET_STATUS), VIO_S_NEEDS_RESET);
		rig_settle(&rig);
		assert_int_equal(read(err, &n, sizeof(n)), sizeof(n));
		fe_do(&f, VHU_SET_STATUS, &(uint64_t){ 0 }, 8, -1); /* and a reset heals it */
		fe_ring(&f, 0);
		fe_echo(&f, 0);
		close(err);
		still_good(&f, fds, "guest");
	}
}

/* Memory that shrinks under traffic: before the device touches it, and while it runs. */
static void test_shrunk(void **state)
{
	int fds = count_fds();

	(void)state;
	assert_int_equal(sigbus_init(), 0); /* cmocka put its own handler there */
	for (unsigned i = 0; i < 8; i++) {
		struct fe f;
		uint64_t one = 1;

		reach(&f, RUNNING);
		fe_add(&f, 0, GPA + 0x90000, f.ram + 0x90000);
		assert_int_equal(ftruncate(f.memfd, i & 1 ? 0 : 0x80000), 0);
		for (unsigned k = 0; k < 50 && !(i & 1); k++) {
			/* the rings are still there, the buffer is not */
			struct vio_dma b = { NULL, GPA + 0x90000 + k * 4096, 64 };

			if (vio_dvq_add(&f.q[0], &b, 1, 0, &f) != VIO_OK) {
				break;
			}
			(void)vio_dvq_need_kick(&f.q[0]);
		}
		(void)!write(f.kick[0], &one, sizeof(one));
		wait_closed(&f, "shrunk");
		still_good(&f, fds, "shrunk");
	}
}

/* A front-end that asks and never reads, one that closes at once, one that kicks with nothing behind. */
static void test_rude(void **state)
{
	struct vhu_wire_header h = { VHU_GET_FEATURES, VHU_VERSION, 0 };
	int fds = count_fds(), pipes[2];
	struct fe f;

	(void)state;
	reach(&f, RUNNING);
	for (unsigned i = 0; i < 100000; i++) {
		if (send(f.fd, &h, sizeof(h), MSG_DONTWAIT | MSG_NOSIGNAL) != sizeof(h)) {
			break;
		}
	}
	fe_echo(&f, 0); /* its own rings go on */
	rig_settle(&rig);
	still_good(&f, fds, "never reads");
	for (unsigned i = 0; i < 50; i++) {
		fe_connect(&f, rig.path);
		fe_close(&f);
		rig_wait(&rig.gone);
	}
	reach(&f, RUNNING);
	assert_int_equal(pipe(pipes), 0);
	fe_do(&f, VHU_SET_VRING_CALL, &(uint64_t){ 0 }, 8, pipes[1]);
	fe_do(&f, VHU_SET_VRING_KICK, &(uint64_t){ 1 }, 8, pipes[0]);
	close(pipes[0]);
	close(pipes[1]); /* the call pipe's other end is the kick of ring 1: no reader but the daemon */
	fe_add(&f, 0, GPA + 0x9000, f.ram + 0x9000);
	rig_settle(&rig);
	fe_get(&f, VHU_GET_STATUS);
	still_good(&f, fds, "pipes");
	reach(&f, RUNNING);
	assert_int_equal(pipe(pipes), 0);
	close(pipes[0]);
	fe_do(&f, VHU_SET_VRING_CALL, &(uint64_t){ 0 }, 8, pipes[1]);
	close(pipes[1]);
	fe_add(&f, 0, GPA + 0x9000, f.ram + 0x9000); /* its signal has no reader: no SIGPIPE */
	rig_settle(&rig);
	fe_get(&f, VHU_GET_STATUS);
	still_good(&f, fds, "broken pipe");
}

/* Two sockets that cannot be had. */
static void test_busy(void **state)
{
	struct vhu_config cfg = rig.cfg;
	struct fe f;
	char err[256] = "";

	(void)state;
	assert_null(vhu_listen(&cfg, rig.path, err));
	assert_non_null(strstr(err, rig.path));
	rig_wait(&rig.gone); /* the probe was a connection */
	assert_null(vhu_listen(&cfg, "/nowhere/at/all", err));
	assert_non_null(strstr(err, "/nowhere/at/all"));
	assert_null(vhu_adopt(&cfg, eventfd(0, EFD_CLOEXEC), err));
	fe_session(&f, &rig, FEATURES, PROTO);
	fe_echo(&f, 0);
	fe_leave(&f, &rig);
}

static int plain(void **state)
{
	(void)state;
	rig_open(&rig, &(struct vhu_config){ 0 }, false);
	return 0;
}

static int threads(void **state)
{
	(void)state;
	rig_open(&rig, &(struct vhu_config){ .poll_us = 20 }, true);
	return 0;
}

static int down(void **state)
{
	(void)state;
	rig_close(&rig);
	return 0;
}

#define T(fn, setup)                                                                               \
	{                                                                                          \
#fn " " #setup, fn, setup, down, NULL                                              \
	}

int main(void)
{
	const struct CMUnitTest t[] = {
		T(test_shapes, plain),	    T(test_wrong, plain),	  T(test_wrong, threads),
		T(test_600_regions, plain), T(test_600_regions, threads), T(test_guest, plain),
		T(test_guest, threads),	    T(test_shrunk, plain),	  T(test_shrunk, threads),
		T(test_rude, plain),	    T(test_rude, threads),	  T(test_busy, plain),
	};

	log_init(getenv("LOUD") ? LOG_DEBUG : (enum log_level)0);
	return cmocka_run_group_tests(t, NULL, NULL);
}
