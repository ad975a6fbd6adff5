/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * log.c - messages on stderr: one write a line, so lines of threads do not mix
 *
 * Guests and front-ends can make a device say something as often as they like. So each has an allowance, which a line uses up
 * and time brings back: `paid` is the moment up to which it is used up, as for the quota of device/scmi.c.
 */
#include "hosted/log.h"
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static atomic_int log_max = LOG_INFO;
static bool journal;

#define EACH 1000000000ull /* ns that a line costs */

static uint64_t burst; /* ns; 0: no limit */

static struct allowance {
	char name[32];
	uint64_t paid;
	unsigned left_out;
} allowance[64]; /* who has used least of it makes room for somebody new */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static struct allowance *find(const char *what)
{
	struct allowance *a, *oldest = allowance;
	const size_t n = sizeof(allowance[0].name) - 1;

	for (a = allowance; a < allowance + sizeof(allowance) / sizeof(allowance[0]); a++) {
		if (strncmp(a->name, what, n) == 0) {
			return a;
		}
		oldest = a->paid < oldest->paid ? a : oldest;
	}
	memset(oldest, 0, sizeof(*oldest));
	(void)snprintf(oldest->name, sizeof(oldest->name), "%s", what);
	return oldest;
}

/* returns: true: a line more of `what` may be said, behind so many that were left out */
static bool may(const char *what, unsigned *left_out)
{
	struct allowance *a;
	struct timespec t;
	uint64_t now;
	bool yes;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	now = (uint64_t)t.tv_sec * EACH + (uint64_t)t.tv_nsec + burst;
	pthread_mutex_lock(&lock);
	a = find(what);
	a->paid = a->paid > now - burst ? a->paid : now - burst;
	yes = a->paid + EACH <= now;
	a->paid += yes ? EACH : 0;
	*left_out = yes ? a->left_out : 0;
	a->left_out = yes ? 0 : a->left_out + 1;
	pthread_mutex_unlock(&lock);
	return yes;
}

/* systemd names the stream that leads to the journal; somebody may have redirected stderr since. */
static bool to_journal(void)
{
	const char *s = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;

	return s && sscanf(s, "%llu:%llu", &dev, &ino) == 2 && fstat(STDERR_FILENO, &st) == 0 &&
	       st.st_dev == (dev_t)dev && st.st_ino == (ino_t)ino;
}

void log_init(enum log_level level)
{
	journal = to_journal();
	atomic_store(&log_max, (int)level);
}

void log_limit(unsigned lines)
{
	burst = lines * EACH;
}

static const char *word(enum log_level level)
{
	switch (level) {
	case LOG_ERROR:
		return "error: ";
	case LOG_WARN:
		return "warning: ";
	case LOG_DEBUG:
		return "debug: ";
	case LOG_INFO:
		break;
	}
	return "";
}

static void say(enum log_level level, const char *what, const char *fmt, va_list ap)
{
	char line[1024];
	int saved = errno, n, room = (int)sizeof(line) - 1;

	if (journal) {
		n = snprintf(line, (size_t)room, "<%d>%s%s", (int)level, what ? what : "",
			     what ? ": " : "");
	} else {
		n = snprintf(line, (size_t)room, "stratos: %s%s%s", what ? what : "",
			     what ? ": " : "", word(level));
	}
	n = n < room ? n : room;
	errno = saved; /* for %m */
	n += vsnprintf(line + n, (size_t)(room - n), fmt, ap);
	n = n < room ? n : room - 1;
	line[n++] = '\n';
	while (write(STDERR_FILENO, line, (size_t)n) < 0 && errno == EINTR) {
	}
	errno = saved;
}

static void left(const char *what, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void left(const char *what, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(LOG_WARN, what, fmt, ap);
	va_end(ap);
}

void log_say(enum log_level level, const char *what, const char *fmt, ...)
{
	unsigned left_out = 0;
	va_list ap;

	if ((int)level > atomic_load(&log_max) ||
	    (burst && what && level != LOG_DEBUG && !may(what, &left_out))) {
		return;
	}
	if (left_out) {
		left(what, "%u messages were left out", left_out);
	}
	va_start(ap, fmt);
	say(level, what, fmt, ap);
	va_end(ap);
}
