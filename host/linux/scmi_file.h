/* SPDX-License-Identifier: BSD-3-Clause */
/* scmi_file.h - private to host/linux/: files and GPIO lines behind the resources of an SCMI platform */
#ifndef HOST_LINUX_SCMI_FILE_H
#define HOST_LINUX_SCMI_FILE_H

#include "host/scmi/board.h"

struct file {
	int fd; /* -1: there is none */
	bool regular;
	bool line;   /* of a GPIO chip: it is only ever switched */
	bool failed; /* and that was said; the loop's */
};

/* scmi_file_read, scmi_file_write - may block; returns: 0 | errno */
int scmi_file_read(const struct file *f, int64_t *v);
int scmi_file_write(const struct file *f, int64_t v);
/* scmi_file_say - f: of the resource `thing` has just been used, error: with that errno. What fails is said once, and when it
 * is over. context: the loop */
void scmi_file_say(struct file *f, const char *platform, const char *thing, int error);
/*
 * scmi_file_open - path: NULL: there is none, f stays as it is
 * returns: false and ctx->err
 */
bool scmi_file_open(struct host_ctx *ctx, const char *path, bool only_read, struct file *f);
/* scmi_gate_open - what switches it, a file or a line. A line begins as the platform needs it: a reset is released */
bool scmi_gate_open(struct host_ctx *ctx, const struct scmi_thing *t, struct file *f);

#endif
