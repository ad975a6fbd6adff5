/* SPDX-License-Identifier: BSD-3-Clause */
/* t_vhost_kick.c - what a front-end may give to kick with: an eventfd in any state, shared or not, or a pipe */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <fcntl.h>
#include "vhu_rig.h"

static struct rig rig;
static struct fe fe;

static int plain(void **state)
{
	(void)state;
	rig_open(&rig, &(struct vhu_config){ 0 }, false);
	return 0;
}

static int threads(void **state)
{
	(void)state;
	rig_open(&rig, &(struct vhu_config){ 0 }, true);
	return 0;
}

static int polling(void **state)
{
	(void)state;
	rig_open(&rig, &(struct vhu_config){ .poll_us = 50 }, true);
	return 0;
}

static int down(void **state)
{
	(void)state;
	rig_close(&rig);
	return 0;
}

/* ring i is kicked by fd, or by the other end of it; keeps `ours` */
static void kick_with(unsigned i, int theirs, int ours)
{
	uint64_t u = i;

	fe_do(&fe, VHU_SET_VRING_KICK, &u, sizeof(u), theirs);
	close(fe.kick[i]);
	fe.kick[i] = ours;
}

static void echoes(unsigned n)
{
	for (unsigned k = 0; k < n; k++) {
		fe_echo(&fe, k % VQS);
	}
}

/* Two rings that share one eventfd: neither takes the other's kicks away, whoever looks first. */
static void test_shared(void **state)
{
	(void)state;
	fe_session(&fe, &rig, FEATURES, PROTO);
	for (unsigned i = 1; i < VQS; i++) {
		kick_with(i, fe.kick[0], dup(fe.kick[0]));
	}
	echoes(2000);
	fe_leave(&fe, &rig);
}

/* What a daemon before, or somebody else, left in the counter; the last but one kick that it has room for is the first */
static void test_left_behind(void **state)
{
	static const uint64_t left[] = { 1, 1000, UINT64_MAX - 2, UINT64_MAX - 1 };

	(void)state;
	for (size_t k = 0; k < sizeof(left) / sizeof(left[0]); k++) {
		int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

		assert_int_equal(write(fd, &left[k], 8), 8);
		fe_session(&fe, &rig, FEATURES, PROTO);
		kick_with(0, fd, dup(fd));
		echoes(40);
		fe_leave(&fe, &rig);
		fe_session(&fe, &rig, FEATURES, PROTO); /* the next front-end with the same one */
		kick_with(0, fd, fd);
		echoes(40);
		fe_leave(&fe, &rig);
	}
}

static bool served(unsigned i)
{
	return vio_dvq_get(&fe.q[i], &(void *){ NULL }, &(uint32_t){ 0 }) == VIO_OK;
}

/* A request that nobody was told of */
static void add_silent(unsigned i)
{
	uint8_t *p = fe.ram + 0x9000;
	struct vio_dma b[2] = { { p, GPA + 0x9000, 32 }, { p + 64, GPA + 0x9040, 32 } };

	assert_int_equal(vio_dvq_add(&fe.q[i], b, 1, 1, p), VIO_OK);
	(void)vio_dvq_need_kick(&fe.q[i]);
}

/* A ring waits for its first kick: when it is new, and when it was taken back; not when it was disabled only. */
static void test_first(void **state)
{
	struct vhu_wire_ring w;

	(void)state;
	fe_session(&fe, &rig, FEATURES, PROTO);
	add_silent(0);
	fe_get(&fe, VHU_GET_STATUS);
	rig_settle(&rig);
	assert_false(served(0));
	fe_kick(&fe, 0);
	fe_done(&fe, 0);
	add_silent(0);
	fe_enable(&fe, 0, 0);
	fe_enable(&fe, 0, 1);
	fe_done(&fe, 0);
	close(fe.kick[0]);
	fe.kick[0] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	fe_base(&fe, 0);
	assert_int_equal(fe_recv(&fe, VHU_GET_VRING_BASE, &w, sizeof(w)), 8);
	add_silent(0);
	fe_send(&fe, VHU_SET_VRING_BASE, 0, &w, sizeof(w), NULL, 0);
	fe_ring_fds(&fe, 0);
	fe_get(&fe, VHU_GET_STATUS);
	rig_settle(&rig);
	assert_false(served(0));
	fe_kick(&fe, 0);
	fe_done(&fe, 0);
	fe_leave(&fe, &rig);
}

/* The kick that started a ring is in the descriptor for whoever serves it next, without another one. */
static void test_next_daemon(void **state)
{
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	uint64_t n;

	(void)state;
	for (unsigned k = 0; k < 3; k++) {
		fe_session(&fe, &rig, FEATURES, PROTO);
		add_silent(0);
		kick_with(0, fd, dup(fd));
		if (k == 0) {
			fe_kick(&fe, 0);
		}
		fe_done(&fe, 0);
		fe_leave(&fe, &rig);
	}
	assert_int_equal(read(fd, &n, sizeof(n)), sizeof(n));
	close(fd);
}

/* A semaphore counts down by one a read. */
static void test_semaphore(void **state)
{
	int fd = eventfd(7, EFD_NONBLOCK | EFD_CLOEXEC | EFD_SEMAPHORE);

	(void)state;
	fe_session(&fe, &rig, FEATURES, PROTO);
	kick_with(0, fd, fd);
	echoes(100);
	fe_leave(&fe, &rig);
}

/* A pipe has room for 8192 kicks that nobody reads. Without polling each request needs one. */
static void test_pipe(void **state)
{
	int p[2];

	(void)state;
	assert_int_equal(pipe2(p, O_CLOEXEC | O_NONBLOCK), 0);
	fe_session(&fe, &rig, FEATURES, PROTO);
	kick_with(0, p[0], p[1]);
	close(p[0]);
	for (unsigned k = 0; k < 9000; k++) {
		fe_echo(&fe, 0);
	}
	fe_leave(&fe, &rig);
}

#define T(fn, setup)                                                                               \
	{                                                                                          \
#fn " " #setup, fn, setup, down, NULL                                              \
	}

int main(void)
{
	const struct CMUnitTest t[] = {
		T(test_first, plain),	      T(test_first, threads),
		T(test_first, polling),	      T(test_next_daemon, plain),
		T(test_next_daemon, threads), T(test_shared, plain),
		T(test_shared, threads),      T(test_shared, polling),
		T(test_left_behind, plain),   T(test_left_behind, threads),
		T(test_left_behind, polling), T(test_semaphore, plain),
		T(test_pipe, plain),	      T(test_pipe, threads),
	};

	log_init(LOG_ERROR);
	return cmocka_run_group_tests(t, NULL, NULL);
}
