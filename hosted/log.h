/* SPDX-License-Identifier: BSD-3-Clause */
/* log.h - messages of hosted programs, on stderr; with systemd priority prefix where stderr is the journal */
#ifndef HOSTED_LOG_H
#define HOSTED_LOG_H

#include <stdbool.h>

enum log_level { LOG_ERROR = 3, LOG_WARN = 4, LOG_INFO = 6, LOG_DEBUG = 7 };

/* log_init - level: the highest that is printed; default LOG_INFO */
void log_init(enum log_level level);
/*
 * log_limit - of one `what` so many lines, and then one a second: a guest cannot fill a disk with what it makes its device say.
 * How many were left out is said before the next one. LOG_DEBUG, and what is said of nobody, have no limit. 0, the default:
 * none at all. Before anybody else speaks.
 */
#define LOG_BURST 1000u
void log_limit(unsigned lines);
/* log_say - one line, no newline at its end. `what` names device or connection ("rng0"), or NULL. Any thread. */
void log_say(enum log_level level, const char *what, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#define log_error(what, ...) log_say(LOG_ERROR, (what), __VA_ARGS__)
#define log_warn(what, ...)  log_say(LOG_WARN, (what), __VA_ARGS__)
#define log_info(what, ...)  log_say(LOG_INFO, (what), __VA_ARGS__)
#define log_debug(what, ...) log_say(LOG_DEBUG, (what), __VA_ARGS__)

#endif
