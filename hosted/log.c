/* SPDX-License-Identifier: BSD-3-Clause */
/* log.c - messages on stderr: one write a line, so lines of threads do not mix */
#include "hosted/log.h"
#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static atomic_int log_max = LOG_INFO;
static bool journal;

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

void log_say(enum log_level level, const char *what, const char *fmt, ...)
{
	char line[1024];
	int saved = errno, n, room = (int)sizeof(line) - 1;
	va_list ap;

	if ((int)level > atomic_load(&log_max)) {
		return;
	}
	if (journal) {
		n = snprintf(line, (size_t)room, "<%d>%s%s", (int)level, what ? what : "",
			     what ? ": " : "");
	} else {
		n = snprintf(line, (size_t)room, "stratos: %s%s%s", what ? what : "",
			     what ? ": " : "", word(level));
	}
	n = n < room ? n : room;
	errno = saved; /* for %m */
	va_start(ap, fmt);
	n += vsnprintf(line + n, (size_t)(room - n), fmt, ap);
	va_end(ap);
	n = n < room ? n : room - 1;
	line[n++] = '\n';
	while (write(STDERR_FILENO, line, (size_t)n) < 0 && errno == EINTR) {
	}
	errno = saved;
}
