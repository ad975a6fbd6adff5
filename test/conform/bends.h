/* SPDX-License-Identifier: BSD-3-Clause */
/* bends.h - all tables of broken back-ends, each closed by a row without rule; a new one is a line here and in t_conform.c */
#ifndef TEST_BENDS_H
#define TEST_BENDS_H

#include <stddef.h>
#include "test/conform/bent.h"

extern const struct bend bends_ring[], bends_status[], bends_vhost[], bends_rng[], bends_blk[],
	bends_console[];
extern const struct bend bends_i2c[], bends_gpio[], bends_rtc[], bends_spi[], bends_scmi[],
	bends_rpmb[], bends_watchdog[], bends_can[];

#endif
