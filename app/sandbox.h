/* SPDX-License-Identifier: BSD-3-Clause */
/* sandbox.h - what a daemon may still do once it is set up */
#ifndef APP_SANDBOX_H
#define APP_SANDBOX_H

/*
 * sandbox_enter - for the whole process, for good: no new privileges, and a list of system calls
 * A call outside the list answers EPERM, nothing is killed. returns: 0 | 1 not built in or no kernel support, it
 * said so | -1 refused, it said why
 */
int sandbox_enter(void);

#endif
