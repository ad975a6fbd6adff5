/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * gpio.c - lines of a chip of this machine, by the GPIO character device (uAPI v2, Linux 5.10)
 *
 * Each line that the guest uses is a line request of its own: a file, taken when a direction or an
 * interrupt is set and closed when the direction becomes none. A line that somebody else holds
 * answers with an error.
 *
 * The kernel reports edges only. For level interrupts both edges are asked for and the level is
 * read behind them, so that the last word is the level as it is, even after an overflow of the
 * kernel's event buffer.
 *
 * The calls are made on the loop: they take microseconds on memory-mapped chips, about a
 * millisecond on expanders behind an I2C bus.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/gpio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "hosted/host_kind.h"
#include "hosted/log.h"
#include "vio/gpio.h"

#define EDGES  (GPIO_V2_LINE_FLAG_EDGE_RISING | GPIO_V2_LINE_FLAG_EDGE_FALLING)
#define EVENTS 16u /* taken per call */

struct cdev_line {
	struct loop_fd watch;
	struct cdev *chip;
	uint32_t offset; /* on the chip of this machine */
	int fd;		 /* -1: not requested */
	uint8_t dir, irq;
};

struct cdev {
	struct vio_gpio_chip chip;
	struct vio_gpio_sink *sink;
	struct loop *loop;
	const char *name; /* of the device */
	int fd;
	struct cdev_line line[VIO_GPIO_LINES];
	uint8_t names[VIO_GPIO_LINES * (GPIO_MAX_NAME_SIZE + 1u)];
};

/* ---- one line ---- */

/* (Re)configure, taking the line first where needed. returns: VIO_OK | VIO_E_IO */
static int line_config(struct cdev_line *l, uint64_t flags, uint8_t level)
{
	struct gpio_v2_line_request r;

	memset(&r, 0, sizeof(r));
	r.config.flags = flags;
	if (flags & GPIO_V2_LINE_FLAG_OUTPUT) {
		r.config.num_attrs = 1;
		r.config.attrs[0].mask = 1;
		r.config.attrs[0].attr.id = GPIO_V2_LINE_ATTR_ID_OUTPUT_VALUES;
		r.config.attrs[0].attr.values = level;
	}
	if (l->fd >= 0) {
		return ioctl(l->fd, GPIO_V2_LINE_SET_CONFIG_IOCTL, &r.config) < 0 ? VIO_E_IO
										  : VIO_OK;
	}
	r.num_lines = 1;
	r.offsets[0] = l->offset;
	(void)snprintf(r.consumer, sizeof(r.consumer), "stratos %s", l->chip->name);
	if (ioctl(l->chip->fd, GPIO_V2_GET_LINE_IOCTL, &r) < 0) {
		log_warn(l->chip->name, "line %u of the chip: %s%s", l->offset, strerror(errno),
			 errno == EBUSY ? ", somebody else holds it" : "");
		return VIO_E_IO;
	}
	(void)fcntl(r.fd, F_SETFL, O_NONBLOCK);
	(void)fcntl(r.fd, F_SETFD, FD_CLOEXEC);
	l->fd = r.fd;
	return VIO_OK;
}

static void line_drop(struct cdev_line *l)
{
	loop_del(&l->watch);
	if (l->fd >= 0) {
		close(l->fd);
	}
	l->fd = -1;
	l->dir = VIO_GPIO_DIRECTION_NONE;
	l->irq = VIO_GPIO_IRQ_NONE;
}

/* returns: the level | VIO_E_IO */
static int line_level(struct cdev_line *l)
{
	struct gpio_v2_line_values v = { .mask = 1 };
	bool mine = l->fd >= 0;
	int rc = VIO_E_IO;

	/* not in use: take it as it is, for this once */
	if (mine || line_config(l, 0, 0) == VIO_OK) {
		rc = ioctl(l->fd, GPIO_V2_LINE_GET_VALUES_IOCTL, &v) < 0 ? VIO_E_IO
									 : (int)(v.bits & 1u);
	}
	if (!mine) {
		line_drop(l);
	}
	return rc;
}

/* returns: VIO_GPIO_DIRECTION_* | VIO_E_IO */
static int line_direction(struct cdev_line *l)
{
	struct gpio_v2_line_info i;

	memset(&i, 0, sizeof(i));
	i.offset = l->offset;
	if (ioctl(l->chip->fd, GPIO_V2_GET_LINEINFO_IOCTL, &i) < 0) {
		return VIO_E_IO;
	}
	if (i.flags & GPIO_V2_LINE_FLAG_OUTPUT) {
		return VIO_GPIO_DIRECTION_OUT;
	}
	return i.flags & GPIO_V2_LINE_FLAG_INPUT ? VIO_GPIO_DIRECTION_IN : VIO_GPIO_DIRECTION_NONE;
}

static int line_set_direction(struct cdev_line *l, uint8_t dir, uint8_t level)
{
	int rc;

	if (dir == VIO_GPIO_DIRECTION_NONE) {
		line_drop(l);
		return VIO_OK;
	}
	if (dir == VIO_GPIO_DIRECTION_IN && l->irq != VIO_GPIO_IRQ_NONE) {
		return VIO_OK; /* is one already; a new configuration would end the interrupt */
	}
	rc = line_config(l,
			 dir == VIO_GPIO_DIRECTION_OUT ? GPIO_V2_LINE_FLAG_OUTPUT
						       : GPIO_V2_LINE_FLAG_INPUT,
			 level);
	if (rc == VIO_OK) {
		l->dir = dir;
	}
	return rc;
}

static int line_set_value(struct cdev_line *l, uint8_t level)
{
	struct gpio_v2_line_values v = { .mask = 1, .bits = level };

	return l->fd < 0 || ioctl(l->fd, GPIO_V2_LINE_SET_VALUES_IOCTL, &v) < 0 ? VIO_E_IO : VIO_OK;
}

/* ---- interrupts ---- */

static void line_tell(struct cdev_line *l, int level)
{
	struct cdev *c = l->chip;

	if (c->sink && level >= 0) {
		c->sink->change(c->sink, (uint16_t)(l - c->line), (uint8_t)level);
	}
}

static bool is_level(uint8_t irq)
{
	return (irq & (VIO_GPIO_IRQ_LEVEL_HIGH | VIO_GPIO_IRQ_LEVEL_LOW)) != 0;
}

static void line_event(struct loop_fd *w, uint32_t events)
{
	struct cdev_line *l = VIO_CONTAINER(w, struct cdev_line, watch);
	struct gpio_v2_line_event e[EVENTS];
	ssize_t n = read(l->fd, e, sizeof(e));
	size_t k;

	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		return;
	}
	if (n <= 0 || (events & (EPOLLERR | EPOLLHUP))) {
		log_error(l->chip->name, "line %u of the chip is gone: no more interrupts from it",
			  l->offset);
		loop_del(w);
		return;
	}
	for (k = 0; k < (size_t)n / sizeof(e[0]); k++) {
		line_tell(l, e[k].id == GPIO_V2_LINE_EVENT_RISING_EDGE);
	}
	if (is_level(l->irq)) {
		line_tell(l, line_level(l));
	}
}

/* What the line did before its interrupt was enabled is no interrupt. */
static void line_drain(struct cdev_line *l)
{
	struct gpio_v2_line_event e[EVENTS];

	while (l->fd >= 0 && read(l->fd, e, sizeof(e)) > 0) {
	}
}

static int line_set_irq(struct cdev_line *l, uint8_t irq)
{
	uint64_t flags = GPIO_V2_LINE_FLAG_INPUT;
	int rc;

	loop_del(&l->watch);
	if (irq == VIO_GPIO_IRQ_NONE) {
		l->irq = irq;
		return l->fd >= 0 && l->dir != VIO_GPIO_DIRECTION_OUT ? line_config(l, flags, 0)
								      : VIO_OK;
	}
	if (is_level(irq)) {
		flags |= EDGES;
	}
	if (irq & VIO_GPIO_IRQ_EDGE_RISING) {
		flags |= GPIO_V2_LINE_FLAG_EDGE_RISING;
	}
	if (irq & VIO_GPIO_IRQ_EDGE_FALLING) {
		flags |= GPIO_V2_LINE_FLAG_EDGE_FALLING;
	}
	line_drain(l);
	rc = line_config(l, flags, 0);
	if (rc == VIO_OK && loop_add(l->chip->loop, &l->watch, l->fd, EPOLLIN, line_event)) {
		rc = VIO_E_IO;
	}
	if (rc == VIO_OK) {
		l->irq = irq;
		if (is_level(irq)) {
			line_tell(l, line_level(l));
		}
	}
	return rc;
}

/* ---- host table ---- */

static int cdev_run(void *host, struct vio_gpio_cmd *c)
{
	struct cdev_line *l = &((struct cdev *)host)->line[c->line];
	int rc;

	switch (c->type) {
	case VIO_GPIO_MSG_GET_DIRECTION:
		rc = line_direction(l);
		break;
	case VIO_GPIO_MSG_GET_VALUE:
		rc = line_level(l);
		break;
	case VIO_GPIO_MSG_SET_DIRECTION:
		return line_set_direction(l, c->value, c->level);
	case VIO_GPIO_MSG_SET_VALUE:
		return line_set_value(l, c->value);
	default:
		return line_set_irq(l, c->value);
	}
	c->reply = (uint8_t)(rc < 0 ? 0 : rc);
	return rc < 0 ? rc : VIO_OK;
}

static const struct vio_gpio_chip *cdev_attach(void *host, struct vio_gpio_sink *sink)
{
	struct cdev *c = host;

	c->sink = sink;
	return &c->chip;
}

static void cdev_reset(void *host)
{
	struct cdev *c = host;
	uint16_t n;

	for (n = 0; n < c->chip.ngpio; n++) {
		line_drop(&c->line[n]);
	}
}

static void cdev_detach(void *host)
{
	cdev_reset(host);
	((struct cdev *)host)->sink = NULL;
}

static const struct vio_gpio_host_ops cdev_ops = {
	.open = cdev_attach,
	.close = cdev_detach,
	.run = cdev_run,
	.reset = cdev_reset,
};

/* ---- kind ---- */

/* A name that is empty, not ASCII or there already becomes none. */
static bool name_fits(const struct cdev *c, const char *name)
{
	const uint8_t *at = c->names, *end = c->names + c->chip.name_bytes;
	size_t n;

	for (n = 0; name[n]; n++) {
		if (name[n] < 0x20 || name[n] > 0x7e) {
			return false;
		}
	}
	for (; at < end; at += strlen((const char *)at) + 1) {
		if (n && strcmp((const char *)at, name) == 0) {
			return false;
		}
	}
	return n != 0;
}

/* One more line of the guest is line `offset` of the chip. returns: NULL or what is wrong */
static const char *cdev_add(struct cdev *c, uint32_t offset)
{
	struct cdev_line *l = &c->line[c->chip.ngpio];
	struct gpio_v2_line_info i;
	size_t n = 0;
	uint16_t k;

	for (k = 0; k < c->chip.ngpio; k++) {
		if (c->line[k].offset == offset) {
			return "a line is given twice";
		}
	}
	if (c->chip.ngpio == VIO_GPIO_LINES) {
		return "more lines than a device may have (64): choose, as in "
		       "--host=linux:/dev/gpiochip0:0-15,20";
	}
	memset(&i, 0, sizeof(i));
	i.offset = offset;
	if (ioctl(c->fd, GPIO_V2_GET_LINEINFO_IOCTL, &i) < 0) {
		return errno == EINVAL ? "the chip has no such line" : strerror(errno);
	}
	i.name[sizeof(i.name) - 1] = 0;
	if (name_fits(c, i.name)) {
		n = strlen(i.name);
	}
	memcpy(c->names + c->chip.name_bytes, i.name, n);
	c->names[c->chip.name_bytes + n] = 0;
	c->chip.name_bytes += (uint32_t)n + 1u;
	*l = (struct cdev_line){ .chip = c, .offset = offset, .fd = -1 };
	c->chip.ngpio++;
	return NULL;
}

/* list: "0-7,12", NULL: all. returns: NULL or what is wrong */
static const char *cdev_lines(struct cdev *c, const char *list, uint32_t count)
{
	unsigned long from, to;
	const char *wrong = NULL;
	char *end;

	if (!list) {
		for (from = 0; from < count && !wrong; from++) {
			wrong = cdev_add(c, (uint32_t)from);
		}
		return wrong;
	}
	do {
		from = to = strtoul(list, &end, 10);
		if (end != list && *end == '-') {
			list = end + 1;
			to = strtoul(list, &end, 10);
		}
		if (end == list || (*end && *end != ',') || to < from || to >= count) {
			return "lines are given as 0-7,12, within what the chip has";
		}
		for (; from <= to && !wrong; from++) {
			wrong = cdev_add(c, (uint32_t)from);
		}
		list = end + 1;
	} while (*end && !wrong);
	return wrong;
}

static void cdev_close(struct host *h)
{
	struct cdev *c = h->host;

	cdev_reset(c);
	if (c->fd >= 0) {
		close(c->fd);
	}
	free(c);
}

/* returns: NULL or what is wrong */
static const char *cdev_open(struct cdev *c, char *path)
{
	struct gpiochip_info info;
	char *list = strchr(path, ':');

	if (list) {
		*list++ = 0;
	}
	c->fd = open(path, O_RDWR | O_CLOEXEC);
	if (c->fd < 0) {
		return strerror(errno);
	}
	memset(&info, 0, sizeof(info));
	if (ioctl(c->fd, GPIO_GET_CHIPINFO_IOCTL, &info) < 0) {
		return "is no GPIO chip; give a /dev/gpiochipN, 'gpiodetect' lists them";
	}
	return cdev_lines(c, list, info.lines);
}

static int kind_open(struct host_ctx *ctx, struct host *out)
{
	struct cdev *c = calloc(1, sizeof(*c));
	char *path = ctx->arg ? strdup(ctx->arg) : NULL;
	const char *wrong = "which chip? As in --host=linux:/dev/gpiochip0";

	if (!c) {
		free(path);
		(void)snprintf(ctx->err, sizeof(ctx->err), "out of memory");
		return -1;
	}
	c->fd = -1;
	c->loop = ctx->loop;
	c->name = ctx->name;
	c->chip.irq = true;
	c->chip.name = c->names;
	if (path && *path) {
		wrong = cdev_open(c, path);
	}
	out->ops = &cdev_ops;
	out->host = c;
	out->close = cdev_close;
	if (wrong) {
		(void)snprintf(ctx->err, sizeof(ctx->err), "%s%s%s", path ? path : "",
			       path ? ": " : "", wrong);
		cdev_close(out);
	}
	free(path);
	return wrong ? -1 : 0;
}

const struct host_kind host_linux_gpio[] = {
	{
		.class_name = "gpio",
		.name = "linux",
		.about = "lines of a chip of this machine, all or some",
		.arg_help = "/dev/gpiochipN[:0-7,12,...]",
		.open = kind_open,
	},
	{ 0 },
};
