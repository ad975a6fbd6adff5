/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hostrig.h - for tests of hosts: opens a kind by name and runs its loop together with the loop-back port
 *
 * Include after rig.h.
 */
#ifndef TEST_HOSTRIG_H
#define TEST_HOSTRIG_H

#include <stdio.h>
#include "hosted/host_kind.h"

#define HR_OPTIONS 4u

struct hostrig {
	struct rig g;
	struct loop *loop;
	struct host_ctx ctx;
	struct host host;
	const struct vio_class *cls;
	struct vio_parts parts;
	struct vio_dev *d;
	const char *option[HR_OPTIONS][2];
	bool (*until)(struct hostrig *k);
	struct loop_task tick;
	uint32_t rounds, left; /* left: how many more */
};

static inline const char *hr_option(const struct host_ctx *c, const char *name)
{
	const struct hostrig *k = VIO_CONTAINER(c, const struct hostrig, ctx);

	for (unsigned i = 0; i < HR_OPTIONS; i++) {
		if (k->option[i][0] && !strcmp(k->option[i][0], name)) {
			return k->option[i][1];
		}
	}
	return NULL;
}

static inline uint32_t hr_param(const struct host_ctx *c, const char *name)
{
	const struct hostrig *k = VIO_CONTAINER(c, const struct hostrig, ctx);

	for (unsigned i = 0; i < k->cls->nparam; i++) {
		if (!strcmp(k->cls->param[i].name, name)) {
			return k->parts.param[i];
		}
	}
	fail_msg("no parameter %s", name);
	return 0;
}

static inline void hr_set(struct hostrig *k, const char *name, uint32_t v)
{
	for (unsigned i = 0; i < k->cls->nparam; i++) {
		if (!strcmp(k->cls->param[i].name, name)) {
			k->parts.param[i] = v;
			return;
		}
	}
	fail_msg("no parameter %s", name);
}

static inline struct hostrig *hr_new(const struct vio_class *cls)
{
	struct hostrig *k = calloc(1, sizeof(*k));

	(void)rig_mem(&k->g);
	k->cls = cls;
	k->loop = loop_new("test");
	assert_non_null(k->loop);
	for (unsigned i = 0; i < cls->nparam; i++) {
		k->parts.param[i] = cls->param[i].def;
	}
	k->ctx.loop = k->loop;
	k->ctx.name = "dev0";
	k->ctx.option = hr_option;
	k->ctx.param = hr_param;
	return k;
}

/* Open `kind`; returns: as host_kind.open */
static inline int hr_open(struct hostrig *k, const struct host_kind *kinds, const char *kind,
			  const char *arg)
{
	int rc;

	while (kinds->name && strcmp(kinds->name, kind)) {
		kinds++;
	}
	assert_non_null(kinds->name);
	k->ctx.arg = arg;
	k->ctx.err[0] = 0;
	rc = kinds->open(&k->ctx, &k->host);
	assert_int_equal(rc != 0, k->ctx.err[0] != 0);
	return rc;
}

/* Make the device on the open host and bring it to DRIVER_OK. */
static inline void hr_start(struct hostrig *k, uint64_t want)
{
	k->parts.host_ops = k->host.ops;
	k->parts.host = k->host.host;
	k->parts.clock = loop_clock(k->loop);
	k->d = calloc(1, k->cls->bytes(&k->parts));
	assert_int_equal(k->cls->create(k->d, &k->g.mem.m, &k->parts), VIO_OK);
	if (k->host.attach) {
		k->host.attach(&k->host, k->d);
	}
	assert_int_equal(rig_start(&k->g, k->d, want), VIO_OK);
}

static inline void hr_tick(struct loop_task *t)
{
	struct hostrig *k = VIO_CONTAINER(t, struct hostrig, tick);

	rig_turn(&k->g);
	k->rounds++;
	if (k->until(k)) {
		loop_stop(k->loop);
	} else {
		loop_post(k->loop, t);
	}
}

/* Run host and device until until(k) is true. A test that waits for ever is ended by its time limit. */
static inline void hr_until(struct hostrig *k, bool (*until)(struct hostrig *k))
{
	k->until = until;
	k->tick.fn = hr_tick;
	loop_post(k->loop, &k->tick);
	loop_run(k->loop);
}

static inline bool hr_counted(struct hostrig *k)
{
	return k->left-- == 0;
}

/* Let host and device go `n` rounds, for "nothing happens" */
static inline void hr_rounds(struct hostrig *k, uint32_t n)
{
	k->left = n;
	hr_until(k, hr_counted);
}

static inline void hr_end(struct hostrig *k)
{
	if (k->d) {
		(void)rig_reset(&k->g);
		if (k->cls->destroy) {
			k->cls->destroy(k->d);
		}
		free(k->d);
	}
	if (k->host.close) {
		k->host.close(&k->host);
	}
	loop_free(k->loop);
	rig_end(&k->g);
	free(k);
}

#endif
