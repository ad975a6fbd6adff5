/* SPDX-License-Identifier: BSD-3-Clause */
/* watchdog.h - the files of the Linux hosts of class watchdog among themselves */
#ifndef HOST_LINUX_WATCHDOG_H
#define HOST_LINUX_WATCHDOG_H

#include "hosted/host_kind.h"

/* Kinds that tell somebody else of an expiry: watchdog_tell.c. returns: 0 | -1 and ctx->err */
int watchdog_qmp_open(struct host_ctx *ctx, struct host *out);
int watchdog_notify_open(struct host_ctx *ctx, struct host *out);

#endif
