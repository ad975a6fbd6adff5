/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sigbus.h - memory that another process may take away while we use it
 *
 * A file that another process shares with us can be truncated at any moment; touching what is gone raises SIGBUS. A
 * guarded range turns that into zeroed private pages and a note, so that one peer cannot end the process.
 */
#ifndef HOSTED_SIGBUS_H
#define HOSTED_SIGBUS_H

#include <stdbool.h>
#include <stddef.h>

/* sigbus_init - install the handler, again if somebody replaced it; one thread at a time; returns: 0 | errno */
int sigbus_init(void);

/*
 * sigbus_guard - watch [p, p + len)
 * p: page aligned, from mmap; stays mapped until sigbus_unguard; len: bytes, > 0, a multiple of the page (or huge page)
 * notify_fd: an eventfd that is written when the range was hit, or -1; it outlives the guard
 * returns: handle >= 0 | -1 no room (8192 ranges in a process)
 * context: any thread
 */
int sigbus_guard(void *p, size_t len, int notify_fd);

/* sigbus_hit - the range was taken away: it now holds zeroed private pages. Any thread. */
bool sigbus_hit(int handle);

/* sigbus_unguard - call before munmap, when nobody touches the range any more; handle -1 is ignored. Any thread. */
void sigbus_unguard(int handle);

#endif
