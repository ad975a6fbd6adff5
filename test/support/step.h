/* SPDX-License-Identifier: BSD-3-Clause */
/* step.h - forced into core/ for the crash test: a hook after every store to memory that outlives the process */
#ifndef TEST_STEP_H
#define TEST_STEP_H
void crash_step(void);
#define VIO_STEP() crash_step()
#endif
