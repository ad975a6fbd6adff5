/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sandbox_gen.c - a program of the build: the system call filter as C, made by libseccomp
 *
 * usage: sandbox_gen MACHINE       writes an array of struct sock_filter for that machine, a name of libseccomp's
 *
 * A daemon needs neither libseccomp nor the time and memory that it takes to make a filter (sandbox.c loads it). The
 * filter is a tree, so a call is looked up in some eight steps.
 *
 * The list is what the loop, the port and the hosts use at run time: I/O on descriptors they have, memory mapping
 * (the guest's), sockets of front-ends, threads. Not in it: exec, fork, ptrace, mount, keys, modules, changing
 * identity, signals to others. ioctl stays open, since i2c, gpio and terminals are made of it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>

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

/* returns: 0 | -errno */
static int fill(scmp_filter_ctx c, uint32_t arch)
{
	int r = 0;

	if (arch != seccomp_arch_native()) {
		r = seccomp_arch_add(c, arch);
		r = (r == 0) ? seccomp_arch_remove(c, SCMP_ARCH_NATIVE) : r;
	}
	if (r == 0) {
		r = seccomp_attr_set(c, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	}
	for (size_t i = 0; r == 0 && i < sizeof(allowed) / sizeof(allowed[0]); i++) {
		int nr = seccomp_syscall_resolve_name_arch(arch, allowed[i]);

		if (nr >= 0) {
			r = seccomp_rule_add(c, SCMP_ACT_ALLOW,
					     seccomp_syscall_resolve_name(allowed[i]), 0);
		}
	}
	return r;
}

/* of the filter that is in f */
static int print(FILE *f, const char *machine)
{
	struct sock_filter s;
	unsigned n = 0;

	printf("/* for %s, by sandbox_gen */\n", machine);
	while (fread(&s, sizeof(s), 1, f) == 1) {
		printf("{ 0x%x, %u, %u, 0x%x },\n", s.code, s.jt, s.jf, s.k);
		n++;
	}
	return (n > 0 && !ferror(f) && fflush(stdout) == 0) ? 0 : -EIO;
}

int main(int argc, char **argv)
{
	uint32_t arch = argc == 2 ? seccomp_arch_resolve_name(argv[1]) : 0;
	scmp_filter_ctx c = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	FILE *f = tmpfile();
	int r = c && f ? 0 : -ENOMEM;

	if (arch == 0) {
		fprintf(stderr, "usage: sandbox_gen MACHINE, as libseccomp calls it\n");
		return 2;
	}
	r = (r == 0) ? fill(c, arch) : r;
	r = (r == 0) ? seccomp_export_bpf(c, fileno(f)) : r;
	if (r == 0) {
		rewind(f);
		r = print(f, argv[1]);
	}
	if (r) {
		fprintf(stderr, "sandbox_gen: %s: %s\n", argv[1], strerror(-r));
		return 1;
	}
	seccomp_release(c);
	return 0;
}
