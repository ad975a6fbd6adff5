/* SPDX-License-Identifier: BSD-3-Clause */
/* t_host_rng.c - random bytes from the kernel and from files; the worker thread of slow hosts */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "host_bed.h"
#include "hosted/offload.h"
#include "vio/rng.h"

extern const struct host_kind host_linux_rng[];

/* ---- rng ---- */

static int fill(struct host *h, struct vio_rng_fill *f, uint8_t *buf, uint32_t len)
{
	const struct vio_rng_host_ops *ops = h->ops;

	*f = (struct vio_rng_fill){ .job = { job_done, &vq }, .buf = buf, .len = len };
	return ops->fill(h->host, f);
}

static void test_rng_kernel(void **state)
{
	uint8_t a[64] = { 0 }, b[64] = { 0 };
	struct vio_rng_fill f;
	struct host_ctx ctx;
	struct host h;

	(void)state;
	assert_int_equal(open_kind(&host_linux_rng[0], NULL, &h, &ctx), 0);
	assert_int_equal(fill(&h, &f, a, sizeof(a)), VIO_OK);
	assert_int_equal(f.got, sizeof(a));
	assert_int_equal(fill(&h, &f, b, sizeof(b)), VIO_OK);
	assert_memory_not_equal(a, b, sizeof(a));
	h.close(&h);
}

/* a regular file gives each byte once, then fails, then goes on when it has grown */
static void test_rng_file(void **state)
{
	char path[] = "/tmp/t_hosts.XXXXXX";
	struct vio_rng_fill f;
	struct host_ctx ctx;
	uint8_t buf[16];
	struct host h;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(open_kind(&host_linux_rng[1], path, &h, &ctx), -1); /* empty */
	assert_int_equal(write(fd, "abcdef", 6), 6);
	assert_int_equal(open_kind(&host_linux_rng[1], path, &h, &ctx), 0);
	assert_int_equal(fill(&h, &f, buf, 4), VIO_OK);
	assert_memory_equal(buf, "abcd", 4);
	assert_int_equal(fill(&h, &f, buf, 4), VIO_OK);
	assert_int_equal(f.got, 2);
	assert_int_equal(fill(&h, &f, buf, 4), VIO_E_IO);
	assert_int_equal(write(fd, "g", 1), 1);
	assert_int_equal(fill(&h, &f, buf, 4), VIO_OK);
	assert_int_equal(buf[0], 'g');
	h.close(&h);
	close(fd);
	unlink(path);
}

static void test_rng_slow_source(void **state)
{
	char path[] = "/tmp/t_hosts.XXXXXX/pipe";
	struct vio_rng_fill f;
	struct host_ctx ctx;
	uint8_t buf[16];
	struct host h;
	int fd;

	(void)state;
	path[19] = 0;
	assert_non_null(mkdtemp(path));
	path[19] = '/';
	assert_int_equal(mkfifo(path, 0600), 0);
	fd = open(path, O_RDWR);
	assert_int_equal(open_kind(&host_linux_rng[1], path, &h, &ctx), 0);
	assert_int_equal(fill(&h, &f, buf, 4), VIO_PENDING);
	assert_int_equal(write(fd, "xyz", 3), 3);
	assert_int_equal(wait_for(VIO_PENDING), VIO_OK);
	assert_int_equal(f.got, 3);
	assert_memory_equal(buf, "xyz", 3);
	/* taken back: bytes that come later stay in the pipe */
	assert_int_equal(fill(&h, &f, buf, 4), VIO_PENDING);
	((const struct vio_rng_host_ops *)h.ops)->cancel(h.host, &f);
	assert_int_equal(write(fd, "q", 1), 1);
	assert_int_equal(fill(&h, &f, buf, 4), VIO_OK);
	assert_int_equal(buf[0], 'q');
	/* closed while it waits */
	assert_int_equal(fill(&h, &f, buf, 4), VIO_PENDING);
	h.close(&h);
	close(fd);
	unlink(path);
	path[19] = 0;
	rmdir(path);
}

/* ---- worker ---- */

struct work {
	struct offload_job j;
	int number;
};

static int order[8], ran, ended;

static void work_run(struct offload_job *j)
{
	order[ran] = VIO_CONTAINER(j, struct work, j)->number;
	__atomic_store_n(&ran, ran + 1, __ATOMIC_RELEASE);
}

static void work_done(struct offload_job *j)
{
	(void)j;
	if (++ended == 8) {
		loop_stop(loop);
	}
}

static void stop_task(struct loop_task *t)
{
	(void)t;
	loop_stop(loop);
}

static void test_offload(void **state)
{
	struct loop_task stop = { .fn = stop_task };
	struct work w[8];
	struct offload *o;
	int n, round;

	(void)state;
	for (round = 0; round < 100; round++) {
		ran = ended = 0;
		o = offload_new(loop, "test");
		assert_non_null(o);
		for (n = 0; n < 8; n++) {
			w[n] = (struct work){ .j = { .run = work_run, .done = work_done },
					      .number = n };
			assert_int_equal(offload_submit(o, &w[n].j), 0);
		}
		if (round % 2 == 0) {
			loop_run(loop);
			for (n = 0; n < 8; n++) {
				assert_int_equal(order[n], n);
			}
		}
		/*
		 * odd rounds: closed with jobs waiting, running or finished; none of them reports
		 * any more
		 */
		while (round % 4 == 3 && __atomic_load_n(&ran, __ATOMIC_ACQUIRE) < 8) {
		}
		offload_free(o);
		loop_post(loop, &stop);
		loop_run(loop);
		assert_int_equal(ended, round % 2 ? 0 : 8);
	}
	offload_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_rng_kernel, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rng_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rng_slow_source, setup, teardown),
		cmocka_unit_test_setup_teardown(test_offload, setup, teardown),
	};

	return cmocka_run_group_tests_name("rng hosts on Linux", tests, NULL, NULL);
}
