/* SPDX-License-Identifier: BSD-3-Clause */
/* t_console_host.c - console hosts of Linux: 16 MiB both ways byte for byte, clients that come and go, pty, file */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "rig.h"
#include "hostrig.h"
#include "vio/console.h"

#define RX    0u
#define TX    1u
#define N     4u    /* requests of each direction under way */
#define PIECE 3001u /* bytes of one */

extern const struct host_kind host_linux_console[];

static char dir[64];

static const char *in_dir(const char *name)
{
	static char path[100];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static struct hostrig *tty(const char *kind, const char *arg, const char *option, const char *value)
{
	struct hostrig *k = hr_new(&vio_class_console);

	k->option[0][0] = option;
	k->option[0][1] = value;
	if (hr_open(k, host_linux_console, kind, arg)) {
		fail_msg("%s", k->ctx.err);
	}
	hr_start(k, VIO_CONSOLE_F_SIZE);
	return k;
}

static int dial(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int small = 1;

	memcpy(a.sun_path, path, strlen(path));
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

/* ---- both ways ---- */

static struct {
	int fd;
	uint64_t total;
	uint64_t guest_out, guest_in, peer_out, peer_in; /* bytes */
	struct rig_req tx[N], rx[N];
	struct vio_dma txb[N], rxb[N];
	uint32_t next_rx; /* receive buffers come back in order */
	unsigned step;
} flow;

static uint8_t pattern(uint64_t at, unsigned way)
{
	return (uint8_t)((at * 131u) ^ (at >> 9) ^ (way * 0x55u));
}

static void guest_works(struct hostrig *k)
{
	for (unsigned i = 0; i < N; i++) {
		struct vio_dma b = flow.txb[i];

		if (flow.tx[i].back && (flow.guest_out < flow.total)) {
			b.len = flow.total - flow.guest_out < PIECE
					? (uint32_t)(flow.total - flow.guest_out)
					: PIECE;
			for (uint32_t n = 0; n < b.len; n++) {
				b.p[n] = pattern(flow.guest_out++, 0);
			}
			flow.tx[i].back = false;
			assert_int_equal(vio_dvq_add(&k->g.q[TX], &b, 1, 0, &flow.tx[i]), VIO_OK);
		}
	}
	while (flow.rx[flow.next_rx].back) {
		struct rig_req *r = &flow.rx[flow.next_rx];

		for (uint32_t n = 0; n < r->len; n++) {
			if (r->in[n] != pattern(flow.guest_in++, 1)) {
				fail_msg("input byte %llu is wrong",
					 (unsigned long long)flow.guest_in - 1);
			}
		}
		*r = (struct rig_req){ .in = flow.rxb[flow.next_rx].p };
		assert_int_equal(vio_dvq_add(&k->g.q[RX], &flow.rxb[flow.next_rx], 0, 1, r),
				 VIO_OK);
		flow.next_rx = (flow.next_rx + 1u) % N;
	}
	rig_kick(&k->g, TX);
	rig_kick(&k->g, RX);
}

static void peer_works(void)
{
	uint8_t buf[5000];
	ssize_t n;

	for (n = 0; (n < 5000) && (flow.peer_out + (uint64_t)n < flow.total); n++) {
		buf[n] = pattern(flow.peer_out + (uint64_t)n, 1);
	}
	n = n ? write(flow.fd, buf, (size_t)n) : 0;
	flow.peer_out += n > 0 ? (uint64_t)n : 0;
	n = ++flow.step % 3u ? read(flow.fd, buf, 1 + flow.step % sizeof(buf)) : 0;
	for (ssize_t i = 0; i < n; i++) {
		if (buf[i] != pattern(flow.peer_in++, 0)) {
			fail_msg("output byte %llu is wrong", (unsigned long long)flow.peer_in - 1);
		}
	}
}

static bool flowed(struct hostrig *k)
{
	peer_works();
	guest_works(k);
	return (flow.peer_in == flow.total) && (flow.guest_in == flow.total);
}

static void run_flow(struct hostrig *k, int fd, uint64_t total)
{
	memset(&flow, 0, sizeof(flow));
	flow.fd = fd;
	flow.total = total;
	for (unsigned i = 0; i < N; i++) {
		flow.txb[i] = rig_alloc(&k->g, PIECE);
		flow.rxb[i] = rig_alloc(&k->g, 999);
		flow.tx[i].back = true;
		flow.rx[i].back = true;
	}
	hr_until(k, flowed);
	assert_int_equal(flow.guest_out, total);
	assert_int_equal(flow.peer_out, total);
	assert_int_equal(read(fd, &total, 1), -1); /* and not one byte more */
	assert_int_equal(errno, EAGAIN);
}

static void t_unix_16m(void **state)
{
	struct hostrig *k = tty("unix", in_dir("u"), NULL, NULL);
	int fd = dial(in_dir("u"));

	(void)state;
	run_flow(k, fd, 16u << 20);
	(void)close(fd);
	hr_end(k);
	assert_int_equal(access(in_dir("u"), F_OK), -1);
}

static void t_pty_1m(void **state)
{
	struct hostrig *k = tty("pty", in_dir("p"), NULL, NULL);
	int fd = open(in_dir("p"), O_RDWR | O_NONBLOCK | O_NOCTTY);

	(void)state;
	assert_true(fd >= 0);
	run_flow(k, fd, 1u << 20);
	(void)close(fd);
	hr_end(k);
	assert_int_equal(access(in_dir("p"), F_OK), -1);
}

/* ---- clients ---- */

static struct rig_req one;
static unsigned sent;

static bool one_back(struct hostrig *k)
{
	(void)k;
	return one.back;
}

static void send_guest(struct hostrig *k, const char *s, struct rig_req *r)
{
	rig_do(&k->g, TX, r, s, (uint32_t)strlen(s), 0);
}

static int peer;
static char heard[8192];
static size_t nheard;

static bool hung_up(struct hostrig *k)
{
	ssize_t n = read(peer, heard + nheard, sizeof(heard) - nheard);

	(void)k;
	nheard += n > 0 ? (size_t)n : 0;
	return nheard >= sent;
}

static void t_clients(void **state)
{
	struct hostrig *k = tty("unix", in_dir("u"), NULL, NULL);
	static struct rig_req early, late, in[4];

	(void)state;
	send_guest(k, "before ", &early); /* nobody there: it waits */
	hr_rounds(k, 50);
	assert_false(early.back);
	peer = dial(in_dir("u"));
	nheard = 0;
	sent = 7;
	hr_until(k, hung_up);
	assert_memory_equal(heard, "before ", 7);
	assert_int_equal(write(peer, "typed", 5),
			 5); /* the guest has room for two bytes; the client leaves */
	rig_do(&k->g, RX, &one, "", 0, 2);
	hr_until(k, one_back);
	assert_memory_equal(one.in, "ty", 2);
	(void)close(peer);
	hr_rounds(k, 50);
	assert_true(early.back);
	send_guest(k, "between", &late);
	hr_rounds(k, 50);
	assert_false(late.back);
	rig_do(&k->g, RX, &in[0], "", 0, 64);
	assert_int_equal(in[0].len, 3);
	assert_memory_equal(in[0].in, "ped", 3);
	peer = dial(in_dir("u"));
	nheard = 0;
	hr_until(k, hung_up);
	assert_memory_equal(heard, "between", 7);
	int second = dial(in_dir("u")); /* waits its turn */

	assert_int_equal(write(second, "2", 1), 1);
	rig_do(&k->g, RX, &one, "", 0, 64);
	hr_rounds(k, 50);
	assert_false(one.back);
	(void)close(peer);
	hr_until(k, one_back);
	assert_int_equal(one.in[0], '2');
	(void)shutdown(second, SHUT_WR); /* a client that will only listen */
	hr_rounds(k, 50);
	peer = second;
	nheard = 0;
	sent = 3;
	send_guest(k, "end", &late);
	hr_until(k, hung_up);
	assert_memory_equal(heard, "end", 3);
	(void)close(second);
	hr_rounds(k, 50);
	hr_end(k);
}

/* A client that stops reading and leaves in the middle of a request. */
static void t_leaves(void **state)
{
	struct hostrig *k = tty("unix", in_dir("u"), NULL, NULL);
	static uint8_t big[60000];
	static struct rig_req r[12];

	(void)state;
	peer = dial(in_dir("u"));
	for (unsigned i = 0; i < 12; i++) {
		rig_do(&k->g, TX, &r[i], big, sizeof(big), 0);
	}
	hr_rounds(k, 50);
	assert_false(r[11].back);
	(void)close(peer);
	hr_rounds(k, 50);
	assert_false(r[11].back);
	hr_end(k); /* reset with the rest still owned */
}

static void t_drop(void **state)
{
	struct hostrig *k = tty("unix", in_dir("u"), "no-client", "drop");
	static struct rig_req r;

	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		send_guest(k, "nobody hears this", &r);
		assert_true(r.back);
	}
	peer = dial(in_dir("u"));
	hr_rounds(k, 50);
	send_guest(k, "this", &r);
	nheard = 0;
	sent = 4;
	hr_until(k, hung_up);
	assert_memory_equal(heard, "this", 4);
	(void)close(peer);
	hr_end(k);
}

/* pty: output waits for a reader; with drop it does not, once somebody looks it is kept */
static void t_pty_idle(void **state)
{
	static uint8_t big[60000];
	static struct rig_req r, r2;
	struct hostrig *k = tty("pty", in_dir("p"), NULL, NULL);

	(void)state;
	rig_do(&k->g, TX, &r, big, sizeof(big), 0);
	hr_rounds(k, 50);
	assert_false(r.back);
	hr_end(k);
	k = tty("pty", in_dir("p"), "no-client", "drop");
	rig_do(&k->g, TX, &r, big, sizeof(big), 0);
	assert_true(r.back);
	peer = open(in_dir("p"), O_RDWR | O_NONBLOCK | O_NOCTTY);
	assert_true(peer >= 0);
	hr_rounds(k, 50);
	rig_do(&k->g, TX, &r, big, sizeof(big), 0);
	hr_rounds(k, 50);
	assert_false(r.back);
	(void)close(peer);
	hr_rounds(k, 50);
	assert_true(r.back);
	rig_do(&k->g, TX, &r2, big, sizeof(big), 0);
	assert_true(r2.back);
	hr_end(k);
}

static void t_file(void **state)
{
	static struct rig_req r;
	char got[32] = "";
	struct hostrig *k;
	int fd;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		k = tty("file", in_dir("f"), NULL, NULL);
		send_guest(k, i ? "two" : "one ", &r);
		assert_true(r.back);
		assert_int_equal(lb_bus.config_write(&k->g.lb, 8, "!", 1), VIO_OK);
		hr_end(k);
	}
	fd = open(in_dir("f"), O_RDONLY);
	assert_int_equal(read(fd, got, sizeof(got)), 9);
	assert_string_equal(got, "one !two!");
	(void)close(fd);
	k = tty("file", "/dev/full", NULL, NULL); /* said once, and the guest goes on */
	send_guest(k, "lost", &r);
	assert_true(r.back);
	send_guest(k, "lost", &r);
	assert_true(r.back);
	hr_end(k);
	(void)unlink(in_dir("f"));
}

static void t_ports(void **state)
{
	struct hostrig *k = hr_new(&vio_class_console);
	struct vio_console_port_info info;
	const struct vio_console_host_ops *ops;

	(void)state;
	hr_set(k, "ports", 3);
	k->option[0][0] = "port-names";
	k->option[0][1] = "main,,org.qemu.guest_agent.0";
	assert_int_equal(hr_open(k, host_linux_console, "unix", in_dir("u")), 0);
	ops = k->host.ops;
	assert_int_equal(ops->port(k->host.host, 0, &info), VIO_OK);
	assert_string_equal(info.name, "main");
	assert_true(info.console);
	assert_int_equal(ops->port(k->host.host, 1, &info), VIO_OK);
	assert_string_equal(info.name, "");
	assert_int_equal(ops->port(k->host.host, 2, &info), VIO_OK);
	assert_string_equal(info.name, "org.qemu.guest_agent.0");
	assert_false(info.console || info.open);
	(void)close(dial(in_dir("u.2")));
	assert_int_equal(ops->port(k->host.host, 3, &info), VIO_E_ARG);
	hr_end(k);
	assert_int_equal(access(in_dir("u.2"), F_OK), -1);
}

static void t_refused(void **state)
{
	static const struct {
		const char *kind, *arg, *option, *value, *says;
		uint32_t ports;
	} bad[] = {
		{ "unix", NULL, NULL, NULL, "unix:PATH", 1 },
		{ "unix", "/nowhere/s", NULL, NULL, "No such file", 1 },
		{ "unix", "BUSY", NULL, NULL, "in use", 1 },
		{ "unix",
		  "/tmp/"
		  "01234567890123456789012345678901234567890123456789012345678901234567890123456789"
		  "01234567890"
		  "12345678901234567890",
		  NULL, NULL, "too long", 1 },
		{ "file", NULL, NULL, NULL, "file:PATH", 1 },
		{ "file", "/", NULL, NULL, "directory", 1 },
		{ "pty", "/", NULL, NULL, "exists", 1 },
		{ "stdio", NULL, NULL, NULL, "one port", 2 },
		{ "unix", "/tmp/x", "no-client", "wait", "hold or drop", 1 },
	};
	struct hostrig *busy = tty("unix", in_dir("busy"), NULL, NULL);

	(void)state;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct hostrig *k = hr_new(&vio_class_console);
		const char *arg = bad[i].arg;

		arg = arg && !strcmp(arg, "BUSY") ? in_dir("busy") : arg;
		hr_set(k, "ports", bad[i].ports);
		k->option[0][0] = bad[i].option;
		k->option[0][1] = bad[i].value;
		assert_int_equal(hr_open(k, host_linux_console, bad[i].kind, arg), -1);
		if (!strstr(k->ctx.err, bad[i].says)) {
			fail_msg("case %u says: %s", i, k->ctx.err);
		}
		k->host.close = NULL;
		hr_end(k);
	}
	hr_end(busy);
	/* a socket left behind by a crash is taken over */
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	memcpy(a.sun_path, in_dir("old"), strlen(in_dir("old")));
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	(void)close(fd);
	hr_end(tty("unix", in_dir("old"), NULL, NULL));
}

static int set_up(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof(dir), "/tmp/t_console.XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	return rmdir(dir); /* fails when a host left something behind */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(t_unix_16m), cmocka_unit_test(t_pty_1m),
		cmocka_unit_test(t_clients),  cmocka_unit_test(t_leaves),
		cmocka_unit_test(t_drop),     cmocka_unit_test(t_pty_idle),
		cmocka_unit_test(t_file),     cmocka_unit_test(t_ports),
		cmocka_unit_test(t_refused),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
