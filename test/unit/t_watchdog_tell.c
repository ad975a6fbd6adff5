/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * t_watchdog_tell.c - who is told when a guest's watchdog expires: QEMU's monitor and a supervisor
 *
 * Both are sockets of this process.
 */
#include "watchdog_host_bed.h"
#include <sys/socket.h>
#include <sys/un.h>

static struct sockaddr_un to;

static int listener(int type)
{
	int fd = socket(AF_UNIX, type, 0);

	to.sun_family = AF_UNIX;
	(void)unlink(path);
	memcpy(to.sun_path, path, sizeof(path));
	assert_int_equal(bind(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	if (type == SOCK_STREAM) {
		assert_int_equal(listen(fd, 1), 0);
	}
	return fd;
}

static void turn_end(struct loop_task *t)
{
	(void)t;
	loop_stop(loop);
}

/* Let the host's loop see what was sent: rounds enough for one event each */
static void turns(void)
{
	struct loop_task t = { .fn = turn_end };
	int n;

	for (n = 0; n < 4; n++) {
		loop_post(loop, &t);
		loop_run(loop);
	}
}

static void say(int fd, const char *line)
{
	assert_int_equal(send(fd, line, strlen(line), MSG_NOSIGNAL), (int)strlen(line));
	turns();
}

static void heard(int fd, const char *want)
{
	char got[128] = "";
	ssize_t n = recv(fd, got, sizeof(got) - 1, MSG_DONTWAIT);

	got[n > 0 ? n : 0] = 0;
	assert_string_equal(got, want);
}

#define GREETING "{\"QMP\": {\"version\": {}, \"capabilities\": [\"oob\"]}}\r\n"

static void test_qmp(void **state)
{
	static const struct {
		uint8_t action;
		const char *command;
	} t[] = {
		{ VIO_WATCHDOG_A_RESET, "{\"execute\": \"system_reset\"}\n" },
		{ VIO_WATCHDOG_A_POWEROFF, "{\"execute\": \"quit\"}\n" },
		{ VIO_WATCHDOG_A_PAUSE, "{\"execute\": \"stop\"}\n" },
		{ VIO_WATCHDOG_A_NMI, "{\"execute\": \"inject-nmi\"}\n" },
	};
	const struct vio_watchdog_host_ops *ops;
	struct host_ctx ctx;
	struct host h;
	int l = listener(SOCK_STREAM), fd;
	size_t n;

	(void)state;
	assert_int_equal(open_it(QMP, path, &h, &ctx), 0);
	ops = h.ops;
	assert_int_equal(ops->open(h.host)->action, VIO_WATCHDOG_A_RESET);
	for (n = 0; n < sizeof(t) / sizeof(t[0]); n++) {
		assert_int_equal(ops->start(h.host, 1000), VIO_OK);
		ops->expired(h.host, t[n].action);
		fd = accept(l, NULL, NULL);
		heard(fd, "");
		say(fd, "{\"QMP\": {\"version\": "); /* in two pieces */
		heard(fd, "");
		say(fd, "{}, \"capabilities\": []}}\r\n");
		heard(fd, "{\"execute\": \"qmp_capabilities\"}\n");
		say(fd, "{\"timestamp\": {}, \"event\": \"return\"}\r\n");
		heard(fd, "");
		say(fd, "{\"return\": {}}\r\n");
		heard(fd, t[n].command);
		say(fd, "{\"event\": \"RESET\", \"data\": {\"error\": {}}}\r\n");
		assert_non_null(armed);
		say(fd, "{\"return\": {}}\r\n");
		assert_null(armed);
		assert_int_equal(recv(fd, &fd, 1, MSG_DONTWAIT), 0); /* it has hung up */
		close(fd);
	}
	/* nothing is to be done: nobody is asked */
	ops->expired(h.host, VIO_WATCHDOG_A_NONE);
	assert_null(armed);
	h.close(&h);
	close(l);
}

static int again(int l, int fd)
{
	assert_non_null(armed);
	pass(999);
	close(fd);
	pass(1);
	fd = accept(l, NULL, NULL);
	say(fd, GREETING);
	heard(fd, "{\"execute\": \"qmp_capabilities\"}\n");
	say(fd, "{\"return\": {}}\r\n");
	heard(fd, "{\"execute\": \"system_reset\"}\n");
	return fd;
}

/* QEMU that refuses, hangs up, says nothing, or is not there: tried on until it is done */
static void test_qmp_trouble(void **state)
{
	const struct vio_watchdog_host_ops *ops;
	struct host_ctx ctx;
	struct host h;
	char noise[1000];
	int l, fd;

	(void)state;
	(void)unlink(path);
	assert_int_equal(open_it(QMP, path, &h, &ctx), 0);
	ops = h.ops;
	ops->expired(h.host, VIO_WATCHDOG_A_RESET);
	pass(3000);
	l = listener(SOCK_STREAM);
	pass(1000);
	fd = accept(l, NULL, NULL);
	pass(5000); /* another client has the monitor */
	turns();
	assert_int_equal(recv(fd, noise, 1, MSG_DONTWAIT), 0);
	fd = again(l, fd);
	say(fd, "{\"error\": {\"class\": \"GenericError\", \"desc\": \"not now\"}}\r\n");
	fd = again(l, fd);
	(void)shutdown(fd, SHUT_RDWR);
	turns();
	fd = again(l, fd);
	/* a line without end does no harm */
	memset(noise, '{', sizeof(noise));
	assert_int_equal(send(fd, noise, sizeof(noise), 0), sizeof(noise));
	say(fd, "\r\n{\"return\": {}}\r\n");
	assert_null(armed);
	close(fd);
	/* the guest came back by itself */
	(void)close(l);
	ops->expired(h.host, VIO_WATCHDOG_A_RESET);
	assert_non_null(armed);
	assert_int_equal(ops->start(h.host, 1000), VIO_OK);
	assert_null(armed);
	/* closed in the middle */
	(void)unlink(path);
	l = listener(SOCK_STREAM);
	ops->expired(h.host, VIO_WATCHDOG_A_RESET);
	h.close(&h);
	assert_null(armed);
	close(l);
}

static void test_qmp_ended_by_quit(void **state)
{
	const struct vio_watchdog_host_ops *ops;
	struct host_ctx ctx;
	struct host h;
	int l = listener(SOCK_STREAM), fd;

	(void)state;
	action = "poweroff";
	assert_int_equal(open_it(QMP, path, &h, &ctx), 0);
	ops = h.ops;
	assert_int_equal(ops->open(h.host)->action, VIO_WATCHDOG_A_POWEROFF);
	ops->expired(h.host, VIO_WATCHDOG_A_POWEROFF);
	fd = accept(l, NULL, NULL);
	say(fd, GREETING);
	say(fd, "{\"return\": {}}\r\n");
	close(fd);
	turns();
	assert_null(armed); /* that was the answer */
	h.close(&h);
	close(l);
}

static void test_notify(void **state)
{
	const struct vio_watchdog_host_ops *ops;
	struct host_ctx ctx;
	struct host h;
	int s = listener(SOCK_DGRAM);

	(void)state;
	assert_int_equal(open_it(NOTIFY, path, &h, &ctx), 0);
	ops = h.ops;
	assert_int_equal(ops->start(h.host, 1500), VIO_OK);
	heard(s, "watchdog0 start 1500");
	ops->stop(h.host);
	heard(s, "watchdog0 stop");
	ops->expired(h.host, VIO_WATCHDOG_A_NONE);
	heard(s, "watchdog0 expired none");
	assert_null(armed);
	/* nobody listens: an expiry is told when somebody does */
	close(s);
	(void)unlink(path);
	assert_int_equal(ops->start(h.host, 1500), VIO_OK);
	ops->expired(h.host, VIO_WATCHDOG_A_RESET);
	pass(2500);
	s = listener(SOCK_DGRAM);
	pass(500);
	heard(s, "watchdog0 expired reset");
	assert_null(armed);
	h.close(&h);
	close(s);
}

static void test_arguments(void **state)
{
	static char longest[200];
	static const struct {
		unsigned kind;
		const char *arg, *action, *word;
	} t[] = {
		{ QMP, NULL, NULL, "-qmp unix:" },	    { QMP, "", NULL, "-qmp unix:" },
		{ NOTIFY, NULL, NULL, "which socket" },	    { NOTIFY, longest, NULL, "107 bytes" },
		{ QMP, "x", "explode", "poweroff, pause" },
	};
	struct host_ctx ctx;
	struct host h;
	size_t n;

	(void)state;
	memset(longest, 'x', sizeof(longest) - 1);
	for (n = 0; n < sizeof(t) / sizeof(t[0]); n++) {
		action = t[n].action;
		assert_int_equal(open_it(t[n].kind, t[n].arg, &h, &ctx), -1);
		assert_true(strstr(ctx.err, t[n].word) != NULL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_qmp),	   TEST(test_qmp_trouble), TEST(test_qmp_ended_by_quit),
		TEST(test_notify), TEST(test_arguments),
	};

	return cmocka_run_group_tests_name("watchdog, others are told", tests, NULL, NULL);
}
