/* SPDX-License-Identifier: BSD-3-Clause */
/* t_sandbox.c - in the sandbox: what a daemon does still works, what an intruder wants does not */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "app/sandbox.h"
#include "hosted/log.h"

static void *thread(void *arg)
{
	return arg;
}

static int can_thread(void)
{
	pthread_t t;

	return pthread_create(&t, NULL, thread, NULL) || pthread_join(t, NULL);
}

static int can_map(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
	       MAP_FAILED;
}

static int can_listen(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0) < 0;
}

static int can_wait(void)
{
	return epoll_create1(0) < 0 || eventfd(0, EFD_NONBLOCK) < 0;
}

static int no_exec(void)
{
	return execl("/bin/true", "true", NULL) != -1 || errno != EPERM;
}

static int no_namespace(void)
{
	return unshare(CLONE_NEWUSER) != -1 || errno != EPERM;
}

static int no_ptrace(void)
{
	return ptrace(PTRACE_TRACEME, 0, NULL, NULL) != -1 || errno != EPERM;
}

static int no_root(void)
{
	return chroot("/") != -1 || errno != EPERM;
}

/* of another thread, which was there before */
static int in_thread;
static pthread_barrier_t entered;

static void *second(void *arg)
{
	(void)arg;
	pthread_barrier_wait(&entered);
	in_thread = no_ptrace();
	return NULL;
}

static int both_threads(void)
{
	pthread_t t;

	pthread_barrier_init(&entered, NULL, 2);
	if (pthread_create(&t, NULL, second, NULL) || sandbox_enter() != 0) {
		return 1;
	}
	pthread_barrier_wait(&entered);
	return pthread_join(t, NULL) || in_thread;
}

static const struct {
	const char *what;
	int (*fn)(void); /* returns: 0 as it must be */
	int before;	 /* it enters the sandbox by itself */
} cases[] = {
	{ "threads", can_thread, 0 },	    { "memory", can_map, 0 },
	{ "sockets", can_listen, 0 },	    { "waiting", can_wait, 0 },
	{ "programs", no_exec, 0 },	    { "namespaces", no_namespace, 0 },
	{ "debugging", no_ptrace, 0 },	    { "another root", no_root, 0 },
	{ "all threads", both_threads, 1 },
};

#if !HAVE_SANDBOX_FILTER || defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define FILTERED 0
#else
#define FILTERED 1
#endif

/* in a process of its own: there is no way back. returns: 0 | 1 it is not as it must be */
static int in_child(unsigned i)
{
	int status;
	pid_t p = fork();

	assert_true(p >= 0);
	if (p == 0 && FILTERED) {
		_exit((!cases[i].before && sandbox_enter() != 0) || cases[i].fn());
	} else if (p == 0) { /* without a filter a program still cannot gain privileges */
		_exit(sandbox_enter() != 1 || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1);
	}
	assert_int_equal(waitpid(p, &status, 0), p);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static void test_calls(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int r = in_child(i);

		if (r) {
			print_error("%s: %d\n", cases[i].what, r);
		}
		assert_int_equal(r, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_calls) };

	log_init(LOG_WARN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
