/* SPDX-License-Identifier: BSD-3-Clause */
/* t_blk_open.c - opening block hosts of Linux: locks, what is refused, without io_uring, and those without a file */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include "blk_file_bed.h"

static void t_lock(void **state)
{
	struct hostrig *a, *b;

	(void)state;
	make("/tmp", BYTES);
	a = disk(NULL, 1, ALL);
	b = hr_new(&vio_class_blk);
	assert_int_equal(hr_open(b, host_linux_blk, "file", path), -1);
	assert_non_null(strstr(b->ctx.err, "another program"));
	hr_set(b, "read-only", 1);
	assert_int_equal(hr_open(b, host_linux_blk, "file", path), -1);
	hr_end(a); /* the lock goes with it */
	assert_int_equal(hr_open(b, host_linux_blk, "file", path), 0);
	a = hr_new(&vio_class_blk);
	hr_set(a, "read-only", 1);
	assert_int_equal(hr_open(a, host_linux_blk, "file", path), 0); /* two readers */
	hr_end(a);
	hr_end(b);
	(void)unlink(path);
}

/* A process that was killed keeps its lock for a moment: the kernel ends its I/O behind it. */
static void t_lock_leaves(void **state)
{
	static const struct timespec moment = { .tv_nsec = 50000000 };
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	struct hostrig *k;
	int p[2], st;
	char c;

	(void)state;
	make("/tmp", BYTES);
	assert_int_equal(pipe(p), 0);
	if (fork() == 0) {
		int fd = open(path, O_RDWR);

		(void)!(fcntl(fd, F_OFD_SETLK, &l) == 0 && write(p[1], "l", 1) == 1);
		(void)nanosleep(&moment, NULL);
		_exit(0);
	}
	assert_int_equal(read(p[0], &c, 1), 1);
	k = hr_new(&vio_class_blk);
	assert_int_equal(hr_open(k, host_linux_blk, "file", path), 0);
	hr_end(k);
	assert_true(wait(&st) > 0);
	(void)close(p[0]);
	(void)close(p[1]);
	(void)unlink(path);
}

/* Reading leaves the file as it is, the time of its last read too. */
static void t_time(void **state)
{
	const struct timespec old[2] = { { .tv_sec = 1000 }, { .tv_sec = 2000 } };
	struct hostrig *k;
	struct rig_req r;
	struct stat st;

	(void)state;
	make("/tmp", BYTES);
	assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0); /* relatime would note a read */
	k = disk(NULL, 1, ALL);
	assert_int_equal(ask(k, &r, VIO_BLK_T_IN, 7, NULL, 0, 512), VIO_BLK_S_OK);
	hr_end(k);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_atim.tv_sec, 1000);
	(void)unlink(path);
}

static void t_refused(void **state)
{
	static const struct {
		const char *kind, *arg, *option, *value, *says;
	} bad[] = {
		{ "file", NULL, NULL, NULL, "--blk-file" },
		{ "file", "", NULL, NULL, "--blk-file" },
		{ "file", "/nowhere/disk.img", NULL, NULL, "No such file" },
		{ "file", "/tmp", NULL, NULL, "directory" },
		{ "file", "/dev/full", NULL, NULL, "neither a regular file nor a block device" },
		{ "file", "/dev/null", NULL, NULL, "neither" },
		{ "file", "EMPTY", NULL, NULL, "truncate -s" },
		{ "file", "FILE", "aio", "native", "io_uring or threads" },
		{ "memory", NULL, NULL, NULL, "--size" },
		{ "memory", "1X", NULL, NULL, "1X" },
		{ "memory", NULL, "size", "511", "511" },
		{ "null", NULL, "size", "-1", "-1" },
		{ "null", NULL, "size", "99999999999999999999", "not a size" },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct hostrig *k = hr_new(&vio_class_blk);
		const char *arg = bad[i].arg;

		path[0] = 0;
		if (arg && (!strcmp(arg, "EMPTY") || !strcmp(arg, "FILE"))) {
			make("/tmp", strcmp(arg, "FILE") ? 511 : BYTES);
			arg = path;
		}
		k->option[0][0] = bad[i].option;
		k->option[0][1] = bad[i].value;
		assert_int_equal(hr_open(k, host_linux_blk, bad[i].kind, arg), -1);
		if (!strstr(k->ctx.err, bad[i].says)) {
			fail_msg("case %u says: %s", i, k->ctx.err);
		}
		hr_end(k);
		(void)unlink(path);
	}
}

/* In a process where io_uring_setup fails with EPERM, as under a sandbox: threads take over. */
static int without_uring(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog prog = { .len = 4, .filter = code };
	struct hostrig *k;
	struct rig_req r;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog)) {
		return 2;
	}
	k = hr_new(&vio_class_blk);
	k->option[0][0] = "aio";
	k->option[0][1] = "io_uring";
	if (!hr_open(k, host_linux_blk, "file", path) || !strstr(k->ctx.err, "io_uring")) {
		return 3;
	}
	hr_end(k);
	k = disk(NULL, 1, ALL);
	if (ask(k, &r, VIO_BLK_T_IN, 7, NULL, 0, 512) || memcmp(r.in, want + 7 * 512, 512)) {
		return 4;
	}
	hr_end(k);
	return 0;
}

static void t_fallback(void **state)
{
	int st = 0;
	pid_t pid;

	(void)state;
	make("/tmp", BYTES);
	pid = fork();
	if (pid == 0) {
		_exit(without_uring());
	}
	assert_int_equal(waitpid(pid, &st, 0), pid);
	assert_true(WIFEXITED(st));
	assert_int_equal(WEXITSTATUS(st), 0);
	(void)unlink(path);
}

static void t_memory_null(void **state)
{
	static const char *const kind[] = { "memory", "null" };
	uint8_t data[1024];

	(void)state;
	memset(data, 0x42, sizeof(data));
	for (unsigned i = 0; i < 2; i++) {
		struct hostrig *k = hr_new(&vio_class_blk);
		struct rig_req r;

		k->option[0][0] = "size";
		k->option[0][1] = "1M";
		assert_int_equal(hr_open(k, host_linux_blk, kind[i], NULL), 0);
		hr_start(k, ALL);
		assert_int_equal(ask(k, &r, VIO_BLK_T_OUT, 2047, data, 512, 0), VIO_BLK_S_OK);
		assert_int_equal(ask(k, &r, VIO_BLK_T_OUT, 2047, data, 1024, 0), VIO_BLK_S_IOERR);
		assert_int_equal(ask(k, &r, VIO_BLK_T_IN, 2047, NULL, 0, 512), VIO_BLK_S_OK);
		assert_int_equal(r.in[511], i ? 0xee : 0x42);
		assert_int_equal(r.len, i ? 0 : 513);
		assert_int_equal(clear(k, VIO_BLK_T_WRITE_ZEROES, 1, 2047, 0), VIO_BLK_S_OK);
		assert_int_equal(ask(k, &r, VIO_BLK_T_IN, 2047, NULL, 0, 512), VIO_BLK_S_OK);
		assert_int_equal(r.in[0], i ? 0xee : 0);
		assert_int_equal(ask(k, &r, VIO_BLK_T_FLUSH, 0, NULL, 0, 0), VIO_BLK_S_OK);
		assert_int_equal(ask(k, &r, VIO_BLK_T_GET_ID, 0, NULL, 0, 20), VIO_BLK_S_OK);
		assert_string_equal((char *)r.in, "dev0");
		hr_end(k);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(t_lock),     cmocka_unit_test(t_lock_leaves),
		cmocka_unit_test(t_time),     cmocka_unit_test(t_refused),
		cmocka_unit_test(t_fallback), cmocka_unit_test(t_memory_null),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
