/* SPDX-License-Identifier: BSD-3-Clause */
/* sandbox.c - seccomp; the filter was made by libseccomp when the program was built (sandbox_gen.c) */
#include "app/sandbox.h"
#include "hosted/log.h"
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
/* What looks for leaks at exit stops this process from another one, and waits for ever if it may not. */
#define INSTRUMENTED 1
#else
#define INSTRUMENTED 0
#endif

#if HAVE_SANDBOX_FILTER && !INSTRUMENTED

static struct sock_filter filter[] = {
#include "sandbox_filter.h"
};

/* all threads. returns: 0 | errno */
static int load(void)
{
	const struct sock_fprog p = { .len = sizeof(filter) / sizeof(filter[0]), .filter = filter };
	long r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &p);

	return r < 0 ? errno : r > 0 ? EBUSY : 0; /* > 0: a thread that has a filter of its own */
}

int sandbox_enter(void)
{
	int r = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? errno : load();

	if (r == EOPNOTSUPP || r == ENOSYS || r == EINVAL) {
		log_warn(NULL, "this kernel has no system call filters: running without sandbox");
		return 1;
	}
	if (r) {
		log_error(NULL, "cannot enter the sandbox: %s; --sandbox=off runs without",
			  strerror(r));
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
