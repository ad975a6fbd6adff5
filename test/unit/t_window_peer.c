/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * t_window_peer.c - the program as a peer of an ivshmem server, in its sandbox: two devices on a window, bells both ways,
 * killed and started again
 *
 * This process is the server and the driver; the program is the one that the environment names as STRATOS.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include "vio/drv_msg.h"
#include "vio/msgq.h"
#include "vio/spec/blk.h"

#define BYTES	(1u << 20)
#define BLOCK	64u /* of the port, see docs/window.md */
#define OUR_ID	5u
#define WAIT_MS 10000
#define WANT	(VIO_F_VERSION_1 | VIO_F_ACCESS_PLATFORM)
#define ENTRIES 8u

static struct bed {
	char dir[64], path[96], log[96];
	int listener, shm, mine; /* mine: the eventfd that rings us */
	int conn, bell;		 /* of the program */
	pid_t pid;
	uint8_t *mem;
	struct vio_msgq q;
	struct vio_drv_msg drv[2];
	struct vio_dvq vq;
	struct vio_dvq_slot slot[ENTRIES];
	uint32_t rung;
} b;

/* ---- the server's side ---- */

static void tell(int64_t v, int fd)
{
	char space[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { .iov_base = &v, .iov_len = sizeof(v) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *c;

	if (fd >= 0) {
		memset(space, 0, sizeof(space));
		m.msg_control = space;
		m.msg_controllen = sizeof(space);
		c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	}
	if (sendmsg(b.conn, &m, MSG_NOSIGNAL) != (ssize_t)sizeof(v)) {
		assert_int_equal(errno, EPIPE); /* it ended already, and that is looked at */
	}
}

static void start(const char *args)
{
	char command[512];

	b.pid = fork();
	if (b.pid == 0) {
		snprintf(command, sizeof(command),
			 "exec \"$STRATOS\" serve --bus=ivshmem-server:%s %s >>%s 2>&1", b.path,
			 args, b.log);
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(99);
	}
	b.conn = accept(b.listener, NULL, NULL);
	assert_true(b.conn >= 0);
}

/* What the server says to a new peer of number `id`, behind its version */
static void introduce(int64_t id)
{
	b.bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	tell(id, -1);
	tell(-1, b.shm);
	tell(OUR_ID, b.mine);
	tell(OUR_ID, b.mine); /* a second vector, which nobody rings */
	tell(id, b.bell);
}

static void welcome(int64_t id)
{
	tell(0, -1);
	introduce(id);
}

#define DEVICES "--device rng,host=sim:7 --device blk,host=sim,name=disk"

static int ended(void)
{
	int status = 0;

	assert_int_equal(waitpid(b.pid, &status, 0), b.pid);
	close(b.conn);
	close(b.bell);
	b.pid = 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static bool logged(const char *what)
{
	static char text[65536];
	FILE *f = fopen(b.log, "re");
	size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;

	text[n] = '\0';
	if (f) {
		fclose(f);
	}
	return strstr(text, what) != NULL;
}

/* ---- the driver's side ---- */

static void ring(void)
{
	uint64_t one = 1;

	assert_int_equal(write(b.bell, &one, sizeof(one)), sizeof(one));
}

/* Until the program rings, or it is clear that it does not */
static void wait_for_bell(void)
{
	struct pollfd f = { .fd = b.mine, .events = POLLIN };
	uint64_t n;

	if (poll(&f, 1, WAIT_MS) == 1 && read(b.mine, &n, sizeof(n)) == (ssize_t)sizeof(n)) {
		b.rung++;
		return;
	}
	fail_msg("the program does not ring");
}

static int carry(void *ctx, const uint8_t *req, uint32_t len, uint8_t *resp)
{
	uint8_t id = req[VIO_MSG_ID], m[VIO_MSG_MAX];

	(void)ctx;
	assert_int_equal(vio_msgq_put(&b.q, req, len), VIO_OK);
	ring();
	while (resp) {
		if (vio_msgq_peek(&b.q, m) != VIO_OK) {
			wait_for_bell();
			continue;
		}
		vio_msgq_take(&b.q);
		if ((m[VIO_MSG_TYPE] & VIO_MSG_T_RESPONSE) != 0u && m[VIO_MSG_ID] == id) {
			memcpy(resp, m, b.q.size);
			break;
		}
	}
	return VIO_OK;
}

static void join(void)
{
	while (vio_msgq_attach(&b.q, b.mem, BYTES) == VIO_E_AGAIN) {
		wait_for_bell();
	}
	vio_put32(b.mem + BLOCK + 8u, OUR_ID << 16);
	ring();
	while (vio_msgq_poll(&b.q) != VIO_MSGQ_UP) {
		wait_for_bell();
	}
	ring();
	for (uint16_t i = 0; i < 2u; i++) {
		b.drv[i] = (struct vio_drv_msg){
			.carry = carry, .dev = i, .size = b.q.size, .polls = 50u
		};
	}
}

/* One request of device i: out, then in; returns what was written */
static uint32_t request(uint32_t i, uint16_t n_out, const void *out, uint32_t out_len, uint8_t *in,
			const uint32_t *in_len, uint16_t n_in)
{
	uint64_t pool = vio_unpack64(b.mem + BLOCK + 16u), got, area[3];
	struct vio_dma mem = { .p = b.mem + pool, .addr = pool, .len = 0x2000u }, d[4];
	uint64_t at = pool + 0x4000u;
	struct vio_drv_msg *drv = &b.drv[i];
	uint32_t len, all = 0;
	void *cookie;
	int rc;

	assert_int_equal(vio_drv_probe(&vio_drv_msg_bus, drv, WANT, &got), VIO_OK);
	assert_int_equal(vio_dvq_init(&b.vq, ENTRIES, 0u, &mem, b.slot), VIO_OK);
	vio_dvq_areas(&b.vq, &mem, area);
	assert_int_equal(vio_drv_msg_bus.setup(drv, 0u, ENTRIES, area[0], area[1], area[2]),
			 VIO_OK);
	assert_int_equal(vio_drv_msg_bus.set_status(drv, 15u), VIO_OK);
	if (n_out != 0u) {
		d[0] = (struct vio_dma){ b.mem + at, at, out_len };
		memcpy(d[0].p, out, out_len);
		at += 0x1000u;
	}
	for (uint16_t k = 0; k < n_in; k++) {
		d[n_out + k] = (struct vio_dma){ b.mem + at + all, at + all, in_len[k] };
		all += in_len[k];
	}
	assert_int_equal(vio_dvq_add(&b.vq, d, n_out, n_in, &b), VIO_OK);
	if (vio_dvq_need_kick(&b.vq)) {
		assert_int_equal(vio_drv_msg_bus.kick(drv, 0u), VIO_OK);
	}
	for (rc = vio_dvq_get(&b.vq, &cookie, &len); rc == VIO_E_AGAIN;
	     rc = vio_dvq_get(&b.vq, &cookie, &len)) {
		wait_for_bell();
	}
	assert_int_equal(rc, VIO_OK);
	memcpy(in, b.mem + at, all);
	return len;
}

static void both_devices_work(void)
{
	static const uint32_t rng_len[1] = { 64u }, write_len[1] = { 1u },
			      read_len[2] = { 512u, 1u };
	uint8_t buf[513] = { 0u }, head[16 + 512] = { VIO_BLK_T_OUT };

	assert_int_equal(request(0, 0, NULL, 0, buf, rng_len, 1), 64);
	assert_true(buf[0] != buf[1] || buf[1] != buf[2] || buf[2] != buf[3]);
	memset(head + 16, 0x5a, 512);
	vio_pack64(head + 8, 3u);
	assert_int_equal(request(1, 1, head, sizeof(head), buf, write_len, 1), 1);
	assert_int_equal(buf[0], VIO_BLK_S_OK);
	head[0] = VIO_BLK_T_IN;
	assert_int_equal(request(1, 1, head, 16, buf, read_len, 2), 513);
	assert_memory_equal(buf, head + 16, 512);
	assert_int_equal(buf[512], VIO_BLK_S_OK);
}

/* ---- tests ---- */

static int setup(void **state)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	(void)state;
	memset(&b, 0, sizeof(b));
	strcpy(b.dir, "/tmp/t_window_peer.XXXXXX");
	assert_non_null(mkdtemp(b.dir));
	snprintf(b.path, sizeof(b.path), "%s/s", b.dir);
	snprintf(b.log, sizeof(b.log), "%s/log", b.dir);
	strcpy(a.sun_path, b.path);
	b.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(b.listener, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(b.listener, 4), 0);
	b.shm = memfd_create("window", MFD_CLOEXEC);
	assert_int_equal(ftruncate(b.shm, BYTES), 0);
	b.mem = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, b.shm, 0);
	assert_true(b.mem != MAP_FAILED);
	b.mine = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	if (b.pid > 0) {
		kill(b.pid, SIGKILL);
		(void)ended();
	}
	munmap(b.mem, BYTES);
	close(b.shm);
	close(b.mine);
	close(b.listener);
	unlink(b.path);
	unlink(b.log);
	rmdir(b.dir);
	return 0;
}

static void serves_and_ends(void **state)
{
	(void)state;
	start(DEVICES);
	welcome(3);
	join();
	assert_int_equal(vio_unpack32(b.mem + BLOCK + 4u), 3u << 16); /* how to ring it */
	both_devices_work();
	kill(b.pid, SIGUSR1);
	kill(b.pid, SIGTERM);
	assert_int_equal(ended(), 0);
	assert_int_equal(vio_msgq_poll(&b.q), VIO_MSGQ_ENDED);
	assert_true(logged("window: {\"received\": "));
	assert_true(logged("\"bad\": 0,"));
	assert_false(logged("\"sessions\": 0}"));
}

/* Killed and started again, with another number: the driver sees it, begins anew, and goes on */
static void killed_and_started_again(void **state)
{
	(void)state;
	start(DEVICES);
	welcome(3);
	join();
	both_devices_work();
	kill(b.pid, SIGKILL);
	assert_int_equal(ended(), -SIGKILL);
	assert_int_equal(vio_msgq_poll(&b.q), VIO_MSGQ_SAME); /* nobody could say so */
	start(DEVICES);
	welcome(9);
	while (vio_msgq_poll(&b.q) != VIO_MSGQ_ENDED) {
		wait_for_bell();
	}
	assert_int_equal(vio_unpack32(b.mem + BLOCK + 4u), 9u << 16);
	join();
	both_devices_work();
}

static void the_other_draft(void **state)
{
	(void)state;
	start("--bus-draft=rfc3 " DEVICES);
	welcome(3);
	join();
	b.drv[0].rfc = true;
	b.drv[1].rfc = true;
	both_devices_work();
}

/* Peers come and go; whom the driver does not name is rung as well, who left is not */
static void peers_come_and_go(void **state)
{
	int other = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	uint64_t n;

	(void)state;
	start(DEVICES);
	welcome(3);
	tell(11, other);
	join();
	both_devices_work();
	assert_true(read(other, &n, sizeof(n)) < 0 || n < 3u); /* at the start nobody is named */
	tell(11, -1);
	tell(12, other);
	tell(12, -1);
	tell(70000, other); /* no such number */
	tell(-1, other);    /* not the window any more */
	both_devices_work();
	vio_put32(b.mem + BLOCK + 8u, 0xffffffffu); /* all who are there */
	while (read(other, &n, sizeof(n)) > 0) {
	}
	both_devices_work();
	assert_true(read(other, &n, sizeof(n)) < 0);
	shutdown(b.conn, SHUT_RDWR); /* the server ends; who is there stays */
	both_devices_work();
	close(other);
}

static void no_such_server(void **state)
{
	static const int64_t first[] = { 1, -1, 7 };

	(void)state;
	for (uint32_t i = 0; i < 3u; i++) {
		start(DEVICES);
		tell(first[i], -1);
		introduce(3); /* the rest would do */
		assert_int_equal(ended(), 1);
		assert_true(logged("this is no ivshmem server of version 0"));
	}
	start(DEVICES);
	tell(0, -1);
	shutdown(b.conn, SHUT_RDWR);
	assert_int_equal(ended(), 1);
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(serves_and_ends),   T(killed_and_started_again), T(the_other_draft),
		T(peers_come_and_go), T(no_such_server),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
