/* SPDX-License-Identifier: BSD-3-Clause */
/* scmi_sim_bed.h - SCMI devices on the simulated platform, of the file that a test wrote; main() passes file_made and file_gone */
#ifndef TEST_SCMI_SIM_BED_H
#define TEST_SCMI_SIM_BED_H

#include <stdio.h>
#include <unistd.h>
#include "hosted/host_kind.h"
#include "scmi_bed.h"

extern const struct host_kind host_sim_scmi[];

static char path[] = "/tmp/t_scmi.XXXXXX";

struct sim {
	struct bed b; /* its fake is not used */
	struct host_ctx ctx;
	struct host host;
	const char *agent;
};

static const char *sim_option(const struct host_ctx *c, const char *name)
{
	return strcmp(name, "scmi-agent") ? NULL
					  : VIO_CONTAINER((uintptr_t)c, struct sim, ctx)->agent;
}

/* file: NULL, the platform that is built in */
static int sim_try(struct sim *s, const char *file, const char *agent)
{
	memset(s, 0, sizeof(*s));
	s->ctx.name = "scmi0";
	s->ctx.arg = file;
	s->ctx.option = sim_option;
	s->agent = agent;
	return host_sim_scmi[0].open(&s->ctx, &s->host);
}

static void sim_init(struct sim *s, const char *file, const char *agent)
{
	assert_int_equal(sim_try(s, file, agent), 0);
	rig_clock_init(&s->b.clock);
	s->b.clock.ns = 10000000000u;
	assert_int_equal(vio_scmi_init(&s->b.dev, rig_mem(&s->b.g), s->host.ops, s->host.host,
				       &s->b.clock.c),
			 VIO_OK);
	assert_int_equal(rig_start(&s->b.g, &s->b.dev.dev, P2A), VIO_OK);
}

static void sim_end(struct sim *s)
{
	bed_end(&s->b);
	s->host.close(&s->host);
}

static void file_is(const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
	fclose(f);
}

/* The file is refused, and the error says where and what. */
static void file_refused(const char *text, const char *says)
{
	struct sim s;

	file_is(text);
	assert_int_equal(sim_try(&s, path, NULL), -1);
	if (!strstr(s.ctx.err, path) || !strstr(s.ctx.err, says)) {
		fail_msg("'%s' does not say '%s'", s.ctx.err, says);
	}
}

static int file_made(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	return (fd < 0) ? -1 : close(fd);
}

static int file_gone(void **state)
{
	(void)state;
	return unlink(path);
}

#endif
