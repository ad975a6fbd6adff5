/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sandbox.c - seccomp, through libseccomp
 *
 * The list is what the loop, the port and the hosts use at run time: I/O on descriptors they have, memory mapping
 * (the guest's), sockets of front-ends, threads. Not in it: exec, fork, ptrace, mount, keys, modules, changing
 * identity, signals to others. ioctl stays open, since i2c, gpio and terminals are made of it.
 */
#include "app/sandbox.h"
#include "hosted/log.h"
#include <errno.h>
#include <string.h>
#include <sys/prctl.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
/* What looks for leaks at exit stops this process from another one, and waits for ever if it may not. */
#define INSTRUMENTED 1
#else
#define INSTRUMENTED 0
#endif

#if HAVE_LIBSECCOMP && !INSTRUMENTED
#include <seccomp.h>

/* By name, since not every architecture has each; libseccomp translates. */
static const char *const allowed[] = {
	"read",
	"write",
	"readv",
	"writev",
	"pread64",
	"pwrite64",
	"preadv",
	"pwritev",
	"preadv2",
	"pwritev2",
	"lseek",
	"close",
	"close_range",
	"fsync",
	"fdatasync",
	"sync_file_range",
	"fallocate",
	"ftruncate",
	"ioctl",
	"fcntl",
	"fcntl64",
	"fstat",
	"fstat64",
	"newfstatat",
	"statx",
	"fstatfs",
	"flock",
	"dup",
	"dup2",
	"dup3",
	"pipe2",
	"_llseek",
	"fadvise64",
	"epoll_create1",
	"epoll_ctl",
	"epoll_wait",
	"epoll_pwait",
	"epoll_pwait2",
	"poll",
	"ppoll",
	"ppoll_time64",
	"select",
	"pselect6",
	"eventfd2",
	"timerfd_create",
	"timerfd_settime",
	"timerfd_settime64",
	"timerfd_gettime",
	"signalfd4",
	"memfd_create",
	"io_uring_setup",
	"io_uring_enter",
	"io_uring_register",
	"mmap",
	"mmap2",
	"munmap",
	"mremap",
	"mprotect",
	"madvise",
	"brk",
	"mlock",
	"munlock",
	"membarrier",
	"userfaultfd",
	"socket",
	"bind",
	"listen",
	"accept",
	"accept4",
	"connect",
	"shutdown",
	"sendmsg",
	"sendmmsg",
	"sendto",
	"recvmsg",
	"recvfrom",
	"getsockopt",
	"setsockopt",
	"getsockname",
	"getpeername",
	"socketpair",
	"open",
	"openat",
	"access",
	"faccessat",
	"faccessat2",
	"readlink",
	"readlinkat",
	"unlink",
	"unlinkat",
	"clone",
	"clone3",
	"futex",
	"futex_time64",
	"futex_waitv",
	"set_robust_list",
	"rseq",
	"sched_yield",
	"sched_getaffinity",
	"sched_setaffinity",
	"set_tid_address",
	"gettid",
	"getpid",
	"getuid",
	"geteuid",
	"getgid",
	"getegid",
	"exit",
	"exit_group",
	"restart_syscall",
	"nanosleep",
	"clock_nanosleep",
	"clock_nanosleep_time64",
	"clock_gettime",
	"clock_gettime64",
	"clock_getres",
	"gettimeofday",
	"time",
	"getrandom",
	"rt_sigaction",
	"rt_sigprocmask",
	"rt_sigreturn",
	"rt_sigtimedwait",
	"sigaltstack",
	"tgkill",
	"prctl",
	"arch_prctl",
	"getrlimit",
	"ugetrlimit",
	"prlimit64",
	"sysinfo",
	"uname",
	"getcpu",
	"umask",
};

int sandbox_enter(void)
{
	scmp_filter_ctx c = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int r = c ? 0 : -ENOMEM;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) {
		r = -errno;
	}
	if (r == 0) {
		r = seccomp_attr_set(c, SCMP_FLTATR_CTL_TSYNC, 1);
	}
	for (size_t i = 0; r == 0 && i < sizeof(allowed) / sizeof(allowed[0]); i++) {
		int nr = seccomp_syscall_resolve_name(allowed[i]);

		if (nr >= 0) {
			r = seccomp_rule_add(c, SCMP_ACT_ALLOW, nr, 0);
		}
	}
	if (r == 0) {
		r = seccomp_load(c);
	}
	if (c) {
		seccomp_release(c);
	}
	if (r == -EOPNOTSUPP || r == -ENOSYS || r == -EINVAL) {
		log_warn(NULL, "this kernel has no system call filters: running without sandbox");
		return 1;
	}
	if (r) {
		log_error(NULL, "cannot enter the sandbox: %s; --sandbox=off runs without",
			  strerror(-r));
		return -1;
	}
	return 0;
}

#else

int sandbox_enter(void)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) {
		log_error(NULL, "cannot give up privileges: %s", strerror(errno));
		return -1;
	}
	log_debug(NULL, INSTRUMENTED ? "a build with sanitizers: no system call filter"
				     : "built without libseccomp: no system call filter");
	return 1;
}

#endif
