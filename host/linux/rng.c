/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rng.c - random bytes from the kernel, or from any file
 *
 * A file is opened non-blocking. A source with nothing to give is watched by the loop, or asked
 * again by timer where its driver knows no poll (/dev/hwrng). The end of a file is an error, not a
 * reason to give the same bytes twice: the device asks again each second, so a file or pipe that
 * grows goes on.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>
#include "hosted/host_kind.h"
#include "hosted/log.h"
#include "vio/rng.h"

#define RETRY 20000000u /* ns, for sources without poll */

struct rng_host {
	struct loop *loop;
	const char *name; /* of the device */
	char *path;
	struct vio_rng_fill *fill; /* waiting, or NULL */
	struct loop_fd watch;
	struct vio_timer timer;
	int fd;
	bool told; /* a failure is logged; cleared by the next bytes */
};

/* ---- getrandom ---- */

static int kernel_fill(void *host, struct vio_rng_fill *f)
{
	struct rng_host *h = host;
	ssize_t n = getrandom(f->buf, f->len, GRND_NONBLOCK);

	if (n <= 0) {
		if (!h->told) {
			log_warn(h->name, "getrandom: %s; asking again each second",
				 strerror(errno));
		}
		h->told = true;
		return VIO_E_IO;
	}
	h->told = false;
	f->got = (uint32_t)n;
	return VIO_OK;
}

/* ---- file ---- */

/* returns: VIO_OK | VIO_E_AGAIN nothing yet | VIO_E_IO, logged */
static int file_read(struct rng_host *h, struct vio_rng_fill *f)
{
	ssize_t n;

	do {
		n = read(h->fd, f->buf, f->len);
	} while (n < 0 && errno == EINTR);
	if (n > 0) {
		h->told = false;
		f->got = (uint32_t)n;
		return VIO_OK;
	}
	if (n < 0 && errno == EAGAIN) {
		return VIO_E_AGAIN;
	}
	if (!h->told) {
		log_error(h->name, "%s: %s; the guest waits, asking again each second", h->path,
			  n == 0 ? "no more bytes in it" : strerror(errno));
	}
	h->told = true;
	return VIO_E_IO;
}

static void file_unwatch(struct rng_host *h)
{
	struct vio_clock *c = loop_clock(h->loop);

	loop_del(&h->watch);
	if (h->timer.at) {
		c->set(c, &h->timer, 0);
	}
}

static void file_wait(struct rng_host *h)
{
	struct vio_clock *c = loop_clock(h->loop);

	c->set(c, &h->timer, c->now(c) + RETRY);
}

static void file_again(struct rng_host *h)
{
	struct vio_rng_fill *f = h->fill;
	int rc = file_read(h, f);

	if (rc == VIO_E_AGAIN) {
		if (!h->watch.loop) {
			file_wait(h);
		}
		return;
	}
	file_unwatch(h);
	h->fill = NULL;
	vio_job_complete(&f->job, rc);
}

static void file_event(struct loop_fd *w, uint32_t events)
{
	(void)events;
	file_again(VIO_CONTAINER(w, struct rng_host, watch));
}

static void file_timer(struct vio_timer *t)
{
	t->at = 0;
	file_again(VIO_CONTAINER(t, struct rng_host, timer));
}

static void file_cancel(void *host, struct vio_rng_fill *f)
{
	struct rng_host *h = host;

	if (h->fill == f) {
		file_unwatch(h);
		h->fill = NULL;
	}
}

static int file_fill(void *host, struct vio_rng_fill *f)
{
	struct rng_host *h = host;
	int rc = file_read(h, f);

	if (rc != VIO_E_AGAIN) {
		return rc;
	}
	h->fill = f;
	if (loop_add(h->loop, &h->watch, h->fd, EPOLLIN, file_event)) {
		file_wait(h);
	}
	return VIO_PENDING;
}

/* ---- both ---- */

static const struct vio_rng_host_ops kernel_ops = { .fill = kernel_fill, .cancel = file_cancel };
static const struct vio_rng_host_ops file_ops = { .fill = file_fill, .cancel = file_cancel };

static void rng_close(struct host *out)
{
	struct rng_host *h = out->host;

	if (h->fd >= 0) {
		file_unwatch(h);
		close(h->fd);
	}
	free(h->path);
	free(h);
}

static struct rng_host *rng_new(struct host_ctx *ctx)
{
	struct rng_host *h = calloc(1, sizeof(*h));

	if (!h) {
		(void)snprintf(ctx->err, sizeof(ctx->err), "out of memory");
		return NULL;
	}
	h->loop = ctx->loop;
	h->name = ctx->name;
	h->timer.fire = file_timer;
	h->fd = -1;
	return h;
}

static int kernel_open(struct host_ctx *ctx, struct host *out)
{
	out->host = rng_new(ctx);
	out->ops = &kernel_ops;
	out->close = rng_close;
	return out->host ? 0 : -1;
}

/* returns: NULL or what is wrong with it */
static const char *file_check(int fd)
{
	struct stat st;

	if (fd < 0 || fstat(fd, &st)) {
		return strerror(errno);
	}
	if (S_ISDIR(st.st_mode)) {
		return "is a directory: give a file, a pipe or a character device";
	}
	if (S_ISREG(st.st_mode) && st.st_size == 0) {
		return "is empty: a guest would wait for ever";
	}
	return NULL;
}

static int file_open(struct host_ctx *ctx, struct host *out)
{
	const char *wrong;
	struct rng_host *h;
	int fd;

	if (!ctx->arg || !*ctx->arg) {
		(void)snprintf(ctx->err, sizeof(ctx->err),
			       "which file? As in --host=file:/dev/hwrng");
		return -1;
	}
	fd = open(ctx->arg, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	wrong = file_check(fd);
	if (wrong) {
		(void)snprintf(ctx->err, sizeof(ctx->err), "%s: %s", ctx->arg, wrong);
		if (fd >= 0) {
			close(fd);
		}
		return -1;
	}
	h = rng_new(ctx);
	if (!h) {
		close(fd);
		return -1;
	}
	h->fd = fd;
	h->path = strdup(ctx->arg);
	out->host = h;
	out->ops = &file_ops;
	out->close = rng_close;
	return 0;
}

static const struct host_option file_opt[] = {
	{ "rng-file", "PATH", "file, pipe or character device to read from", true },
};

const struct host_kind host_linux_rng[] = {
	{
		.class_name = "rng",
		.name = "getrandom",
		.about = "the kernel's generator",
		.is_default = true,
		.open = kernel_open,
	},
	{
		.class_name = "rng",
		.name = "file",
		.about = "any file, pipe or character device, such as /dev/hwrng",
		.arg_help = "PATH",
		.opt = file_opt,
		.nopt = 1,
		.open = file_open,
	},
	{ 0 },
};
