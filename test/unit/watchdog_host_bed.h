/* SPDX-License-Identifier: BSD-3-Clause */
/* watchdog_host_bed.h - a Linux host of watchdog without a device, for its tests */
#ifndef TEST_WATCHDOG_HOST_BED_H
#define TEST_WATCHDOG_HOST_BED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "hosted/host_kind.h"
#include "vio/watchdog.h"

extern const struct host_kind host_linux_watchdog[];

enum { LINUX, QMP, NOTIFY };

/* ---- time goes on when the test says so ---- */

static uint64_t now_ns;
static struct vio_timer *armed;

static inline uint64_t hand_now(struct vio_clock *c)
{
	(void)c;
	return now_ns;
}

static inline void hand_set(struct vio_clock *c, struct vio_timer *t, uint64_t at)
{
	(void)c;
	t->at = at;
	armed = at ? t : NULL;
}

static inline void pass(uint32_t ms)
{
	struct vio_timer *t;

	for (; ms; ms--) {
		now_ns += 1000000;
		t = armed;
		if (t && t->at <= now_ns) {
			armed = NULL;
			t->at = 0;
			t->fire(t);
		}
	}
}

static struct loop *loop;
static char path[64];
static const char *action;

static inline const char *option(const struct host_ctx *c, const char *name)
{
	(void)c;
	return strcmp(name, "action") == 0 ? action : NULL;
}

static inline int begin(void **state)
{
	int fd;

	(void)state;
	action = NULL;
	now_ns = 1;
	armed = NULL;
	(void)snprintf(path, sizeof(path), "/tmp/stratos-watchdog-XXXXXX");
	fd = mkstemp(path);
	loop = loop_new("test");
	if (fd < 0 || close(fd) || !loop) {
		return -1;
	}
	*loop_clock(loop) = (struct vio_clock){ .now = hand_now, .set = hand_set };
	return 0;
}

static inline int end(void **state)
{
	(void)state;
	(void)unlink(path);
	loop_free(loop);
	return 0;
}

static inline int open_it(unsigned kind, const char *arg, struct host *h, struct host_ctx *ctx)
{
	memset(ctx, 0, sizeof(*ctx));
	memset(h, 0, sizeof(*h));
	ctx->loop = loop;
	ctx->name = "watchdog0";
	ctx->arg = arg;
	ctx->option = option;
	return host_linux_watchdog[kind].open(ctx, h);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

#endif
