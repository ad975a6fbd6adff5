/* SPDX-License-Identifier: BSD-3-Clause */
/* trim.h - give back what only the set-up of a daemon needed */
#ifndef APP_TRIM_H
#define APP_TRIM_H

/*
 * trim - unmap the pages of program and libraries that hold code and constants; those that are used again come back
 * from the page cache, some microseconds each, so only what serves requests stays mapped. Not while a debugger is
 * attached: its breakpoints are in these pages.
 * context: the end of set-up
 */
void trim(void);

#endif
