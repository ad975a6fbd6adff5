/* SPDX-License-Identifier: BSD-3-Clause */
/* activation.c - listening sockets from systemd, without its library: two environment variables and a name list */
#include "app/activation.h"
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIRST 3 /* SD_LISTEN_FDS_START */
#define MOST  64

static bool taken[MOST];

int activation_count(void)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	long n = fds ? strtol(fds, NULL, 10) : 0;

	if (!pid || strtol(pid, NULL, 10) != getpid() || n <= 0) {
		return 0;
	}
	return n > MOST ? MOST : (int)n;
}

/* The i-th of the names that colons separate is `name`. */
static bool is_named(int i, const char *name)
{
	const char *s = getenv("LISTEN_FDNAMES");
	size_t len = strlen(name);

	for (; s && i > 0; i--) {
		s = strchr(s, ':');
		s = s ? s + 1 : NULL;
	}
	return s && strncmp(s, name, len) == 0 && (s[len] == ':' || s[len] == '\0');
}

int activation_fd(const char *name)
{
	int n = activation_count(), found = -1;

	for (int i = 0; i < n; i++) {
		if (!taken[i] && is_named(i, name)) {
			found = i;
			break;
		}
		if (!taken[i] && found < 0) {
			found = i;
		}
	}
	if (found < 0) {
		return -1;
	}
	taken[found] = true;
	fcntl(FIRST + found, F_SETFD, FD_CLOEXEC);
	return FIRST + found;
}
