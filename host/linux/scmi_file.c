/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * scmi_file.c - what a resource of an SCMI platform is on this machine: files that hold a number, lines of GPIO chips
 *
 * A line (uAPI v2, Linux 5.10) is taken as an output at the start and kept, so nobody else drives it meanwhile. What is
 * active is the kernel's to turn round, where a line is active low.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/gpio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "host/linux/scmi_file.h"
#include "hosted/log.h"

static int line_set(int fd, bool active)
{
	struct gpio_v2_line_values v = { .bits = active, .mask = 1 };

	return ioctl(fd, GPIO_V2_LINE_SET_VALUES_IOCTL, &v) < 0 ? errno : 0;
}

int scmi_file_read(const struct file *f, int64_t *v)
{
	char text[32], *end;
	ssize_t n = pread(f->fd, text, sizeof(text) - 1u, 0);

	if (n <= 0) {
		return n < 0 ? errno : ENODATA;
	}
	text[n] = '\0';
	errno = 0;
	*v = strtoll(text, &end, 10);
	return end == text || errno ? EBADMSG : 0;
}

int scmi_file_write(const struct file *f, int64_t v)
{
	char text[32];
	int n = snprintf(text, sizeof(text), "%" PRId64 "\n", v);

	if (f->line) {
		return line_set(f->fd, v != 0);
	}
	if (pwrite(f->fd, text, (size_t)n, 0) != n) {
		return errno ? errno : EIO;
	}
	/* a plain file keeps no rest of a longer number; an attribute of a driver has no length */
	if (f->regular && ftruncate(f->fd, n) && errno != EINVAL) {
		return errno;
	}
	return 0;
}

void scmi_file_say(struct file *f, const char *platform, const char *thing, int error)
{
	if (error == EINVAL || error == ERANGE || error == EBUSY || error == EAGAIN) {
		return; /* of this value, or this moment */
	}
	if (error && !f->failed) {
		log_warn(platform, "%s: %s", thing, strerror(error));
	} else if (!error && f->failed) {
		log_info(platform, "%s: answers again", thing);
	}
	f->failed = error != 0;
}

bool scmi_file_open(struct host_ctx *ctx, const char *path, bool only_read, struct file *f)
{
	struct stat st;

	if (!path) {
		return true;
	}
	f->fd = open(path, (only_read ? O_RDONLY : O_RDWR) | O_CLOEXEC);
	if (f->fd < 0 && errno == EACCES && !only_read) {
		f->fd = open(path, O_WRONLY | O_CLOEXEC); /* an attribute that only takes */
	}
	if (f->fd < 0 || fstat(f->fd, &st)) {
		(void)snprintf(ctx->err, sizeof(ctx->err), "%.150s: %s", path, strerror(errno));
		return false;
	}
	f->regular = S_ISREG(st.st_mode);
	return true;
}

/* The chip's file and the number of the line. returns: false: it is no such text */
static bool parse(const char *line, char *path, size_t size, uint32_t *offset)
{
	const char *colon = strrchr(line, ':');
	char *end;
	unsigned long n;

	if (!colon || colon == line || (size_t)(colon - line) >= size || colon[1] < '0' ||
	    colon[1] > '9') {
		return false;
	}
	n = strtoul(colon + 1, &end, 10);
	memcpy(path, line, (size_t)(colon - line));
	path[colon - line] = '\0';
	*offset = (uint32_t)n;
	return *end == '\0' && n < UINT32_MAX;
}

static int line_open(const char *line, bool low, bool active, char *err, size_t size)
{
	struct gpio_v2_line_request r = { .num_lines = 1, .consumer = "stratos scmi" };
	char path[256];
	int chip;

	if (!parse(line, path, sizeof(path), &r.offsets[0])) {
		(void)snprintf(err, size,
			       "'%.100s' is no line of a chip; give /dev/gpiochipN:OFFSET", line);
		return -1;
	}
	chip = open(path, O_RDWR | O_CLOEXEC);
	if (chip < 0) {
		(void)snprintf(err, size, "%.150s: %s", path, strerror(errno));
		return -1;
	}
	r.config.flags = GPIO_V2_LINE_FLAG_OUTPUT | (low ? GPIO_V2_LINE_FLAG_ACTIVE_LOW : 0u);
	r.config.num_attrs = 1;
	r.config.attrs[0].mask = 1;
	r.config.attrs[0].attr.id = GPIO_V2_LINE_ATTR_ID_OUTPUT_VALUES;
	r.config.attrs[0].attr.values = active;
	if (ioctl(chip, GPIO_V2_GET_LINE_IOCTL, &r) < 0) {
		(void)snprintf(err, size, "%.150s: %s%s", line, strerror(errno),
			       errno == EBUSY	 ? ", somebody else holds this line"
			       : errno == ENOTTY ? ": is no GPIO chip; 'gpiodetect' lists them"
			       : errno == EINVAL
				       ? ": the chip has no such line, or it cannot be driven"
				       : "");
		(void)close(chip);
		return -1;
	}
	(void)close(chip);
	(void)fcntl(r.fd, F_SETFD, FD_CLOEXEC);
	return r.fd;
}

bool scmi_gate_open(struct host_ctx *ctx, const struct scmi_thing *t, struct file *f)
{
	if (!t->line) {
		return scmi_file_open(ctx, t->gate, false, f);
	}
	f->fd = line_open(t->line, t->low, t->on, ctx->err, sizeof(ctx->err));
	f->line = true;
	return f->fd >= 0;
}
