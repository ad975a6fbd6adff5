/* SPDX-License-Identifier: BSD-3-Clause */
/* host_bed.h - a host on a loop, without a device; for tests of hosts */
#ifndef TEST_HOST_BED_H
#define TEST_HOST_BED_H

#include <string.h>
#include "hosted/host_kind.h"

static struct loop *loop;
static struct vio_dev dev;
static struct vio_vq vq = { .dev = &dev };
static int32_t result;
static bool finished;

static inline void port_wake(void *port, uint16_t n)
{
	(void)port;
	(void)n;
}

static const struct vio_port_ops port_ops = { .wake = port_wake };

static inline void job_done(struct vio_job *j, int32_t r)
{
	(void)j;
	result = r;
	finished = true;
	loop_stop(loop);
}

static inline int setup(void **state)
{
	(void)state;
	loop = loop_new("test");
	dev.port_ops = &port_ops;
	return loop ? 0 : -1;
}

static inline int teardown(void **state)
{
	(void)state;
	loop_free(loop);
	return 0;
}

/* Wait for a job that answered `rc`; returns: how it ended */
static inline int32_t wait_for(int rc)
{
	if (rc != VIO_PENDING) {
		return rc;
	}
	finished = false;
	loop_run(loop);
	assert_true(finished);
	return result;
}

static inline int open_kind(const struct host_kind *k, const char *arg, struct host *h,
			    struct host_ctx *ctx)
{
	memset(ctx, 0, sizeof(*ctx));
	memset(h, 0, sizeof(*h));
	ctx->loop = loop;
	ctx->name = "test0";
	ctx->arg = arg;
	return k->open(ctx, h);
}

#endif
