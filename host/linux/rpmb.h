/* SPDX-License-Identifier: BSD-3-Clause */
/* rpmb.h - the files of the Linux hosts of class rpmb among themselves */
#ifndef HOST_LINUX_RPMB_H
#define HOST_LINUX_RPMB_H

#include "hosted/host_kind.h"

/* The RPMB partition of an eMMC: rpmb_mmc.c. returns: 0 | -1 and ctx->err */
int rpmb_mmc_open(struct host_ctx *ctx, struct host *out);

#endif
