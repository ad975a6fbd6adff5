/* SPDX-License-Identifier: BSD-3-Clause */
/* t_cli.c - the program as scripts and people see it: exit codes, messages, sockets, signals. STRATOS names it. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static char dir[64], sock[96];

/* Start the program with its output in a file; listen_fd: passed as systemd does, or -1. */
static pid_t start(const char *args, const char *out, int listen_fd)
{
	char command[512], number[24];
	pid_t pid = fork();

	if (pid != 0) {
		return pid;
	}
	if (listen_fd >= 0) {
		dup2(listen_fd, 3);
		fcntl(3, F_SETFD, 0);
		snprintf(number, sizeof(number), "%d", (int)getpid());
		setenv("LISTEN_PID", number, 1);
		setenv("LISTEN_FDS", "1", 1);
	}
	snprintf(command, sizeof(command), "exec \"$STRATOS\" %s >%s/%s 2>&1", args, dir, out);
	execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	_exit(99);
}

static int finish(pid_t pid)
{
	int status = 0;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static const char *output(const char *out)
{
	static char text[16384];
	char path[128];
	FILE *f;
	size_t n;

	snprintf(path, sizeof(path), "%s/%s", dir, out);
	f = fopen(path, "re");
	if (!f) {
		return ""; /* not started yet */
	}
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	fclose(f);
	return text;
}

static bool connects(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), r;

	memcpy(a.sun_path, sock, strlen(sock));
	r = connect(fd, (struct sockaddr *)&a, sizeof(a));
	close(fd);
	return r == 0;
}

static void await_listener(pid_t pid)
{
	int status;

	for (int i = 0; i < 1000 && !connects(); i++) {
		assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
		usleep(10000);
	}
	assert_true(connects());
}

struct usage {
	const char *args;
	int code;
	const char *says;
};

static const struct usage usages[] = {
	{ "", 2, "usage:" },
	{ "--help", 0, "serve" },
	{ "--version", 0, "stratos " },
	{ "bogus", 2, "unknown command 'bogus'" },
	{ "devices", 0, "getrandom" },
	{ "devices --json", 0, "\"class\": \"rng\"" },
	{ "devices --bogus", 2, "--json" },
	{ "rng --help", 0, "--socket-path=PATH" },
	{ "blk --help", 0, "default: 1" },
	{ "serve --help", 0, "--device" },
	{ "serve", 2, "no device" },
	{ "serve bogus", 2, "'bogus'" },
	{ "serve --bogus", 2, "known: device" },
	{ "serve -f /nonexistent", 2, "No such file" },
	{ "rng", 2, "no socket" },
	{ "rng --bogus=1", 2, "known: socket-path" },
	{ "rng bogus", 2, "not an option" },
	{ "rng --sandbox=perhaps", 2, "'perhaps'" },
	{ "rng --bus=file:/nonexistent/w", 1, "/nonexistent/w: No such file" },
	{ "rng --bus=post:box", 2, "KIND:ARGUMENT" },
	{ "rng --bus-draft=v3 --bus=file:/w", 2, "'v3'" },
	{ "serve --bus file:/nonexistent/w --device rng", 1, "/nonexistent/w: No such file" },
	{ "rng --fd=77", 1, "rng0" },
	{ "blk --socket-path=/nonexistent/s --host=null --size=1M", 1, "/nonexistent/s" },
	{ "blk --socket-path=/tmp/never --blk-file=/nonexistent", 1, "/nonexistent" },
	{ "rng --socket-path=/tmp/never --host=file:/nonexistent", 1, "/nonexistent" },
	{ "blk --print-capabilities", 0, "\"type\": \"block\"" },
	{ "blk --print-capabilities", 0, "\"read-only\", \"blk-file\"" },
	{ "rng --print-capabilities", 0, "\"type\": \"rng\"" },
};

static void test_usage(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(usages) / sizeof(usages[0]); i++) {
		int code = finish(start(usages[i].args, "out", -1));

		if (code != usages[i].code || !strstr(output("out"), usages[i].says)) {
			fail_msg("stratos %s: code %d, not %d, or no '%s' in:\n%s", usages[i].args,
				 code, usages[i].code, usages[i].says, output("out"));
		}
	}
}

static void test_socket_life(void **state)
{
	char args[160];
	pid_t first, other;

	(void)state;
	snprintf(args, sizeof(args), "rng --socket-path=%s --host=sim", sock);
	first = start(args, "first", -1);
	await_listener(first);
	other = start(args, "other", -1);
	assert_int_equal(finish(other), 1);
	assert_non_null(strstr(output("other"), sock));
	assert_true(connects()); /* the first one is not disturbed */
	kill(first, SIGTERM);
	assert_int_equal(finish(first), 0);
	assert_int_equal(access(sock, F_OK), -1);
}

static void test_stale_socket(void **state)
{
	char args[160];
	pid_t pid;
	int status;

	(void)state;
	snprintf(args, sizeof(args), "rng --socket-path=%s --host=sim", sock);
	pid = start(args, "out", -1);
	await_listener(pid);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	assert_int_equal(access(sock, F_OK), 0);
	pid = start(args, "out", -1);
	await_listener(pid);
	kill(pid, SIGINT);
	assert_int_equal(finish(pid), 0);
	assert_int_equal(access(sock, F_OK), -1);
}

/* A path that is a file of somebody's is not removed. */
static void test_not_a_socket(void **state)
{
	char args[160];
	int fd = open(sock, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	struct stat st;

	(void)state;
	assert_int_equal(write(fd, "mine", 4), 4);
	close(fd);
	snprintf(args, sizeof(args), "rng --socket-path=%s --host=sim", sock);
	assert_int_equal(finish(start(args, "out", -1)), 1);
	assert_int_equal(stat(sock, &st), 0);
	assert_int_equal(st.st_size, 4);
	unlink(sock);
}

static void test_activation(void **state)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	pid_t pid;

	(void)state;
	memcpy(a.sun_path, sock, strlen(sock));
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 4), 0);
	pid = start("rng --host=sim", "out", fd);
	close(fd);
	for (int i = 0; i < 1000 && !strstr(output("out"), "descriptor 3"); i++) {
		usleep(10000);
	}
	assert_true(connects());
	kill(pid, SIGTERM);
	assert_int_equal(finish(pid), 0);
	unlink(sock);
}

/* --fd with a connected socket: serves it, and ends with it. */
static void test_connected_fd(void **state)
{
	int pair[2];
	pid_t pid;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	fcntl(pair[0], F_SETFD, FD_CLOEXEC);
	fcntl(pair[1], F_SETFD, 0);
	{
		char args[64];

		snprintf(args, sizeof(args), "rng --host=sim --fd=%d", pair[1]);
		pid = start(args, "out", -1);
	}
	close(pair[1]);
	close(pair[0]);
	assert_int_equal(finish(pid), 0);
}

/* Two devices, and one of them cannot be served: nothing stays behind. */
static void test_all_or_nothing(void **state)
{
	char args[256];

	(void)state;
	snprintf(args, sizeof(args),
		 "serve --device rng,socket=%s,host=sim --device rng,socket=/nonexistent/s", sock);
	assert_int_equal(finish(start(args, "out", -1)), 1);
	assert_int_equal(access(sock, F_OK), -1);
}

static void test_demo(void **state)
{
	(void)state;
	if (finish(start("demo", "out", -1)) != 0) {
		fail_msg("stratos demo:\n%s", output("out"));
	}
	assert_non_null(strstr(output("out"), "all well"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_usage),	       cmocka_unit_test(test_socket_life),
		cmocka_unit_test(test_stale_socket),   cmocka_unit_test(test_not_a_socket),
		cmocka_unit_test(test_activation),     cmocka_unit_test(test_connected_fd),
		cmocka_unit_test(test_all_or_nothing), cmocka_unit_test(test_demo),
	};
	int failed;

	if (!getenv("STRATOS")) {
		fprintf(stderr, "t_cli: set STRATOS to the path of the program\n");
		return 1;
	}
	snprintf(dir, sizeof(dir), "/tmp/t_cli.XXXXXX");
	if (!mkdtemp(dir)) {
		return 1;
	}
	snprintf(sock, sizeof(sock), "%s/sock", dir);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	for (const char *const *f = (const char *const[]){ "out", "first", "other", NULL }; *f;
	     f++) {
		char path[128];

		snprintf(path, sizeof(path), "%s/%s", dir, *f);
		unlink(path);
	}
	rmdir(dir);
	return failed;
}
