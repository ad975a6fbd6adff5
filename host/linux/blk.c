/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * blk.c - block hosts on Linux: kinds and options; opening, locking and watching of a file or block device
 *
 * Theory of operation. `file` opens once for the device, locks what it opened, and chooses an engine: io_uring, or
 * worker threads where the kernel or a sandbox refuses io_uring. Each queue gets a lane of the engine on its own
 * executor (queue_open); queues without one share `first`, on the control executor.
 *
 * The lock is an open-file-description lock over the whole file: exclusive, shared when the disk is read-only. It
 * ends with the descriptor, whatever happens to the process.
 *
 * Size. A regular file is watched with inotify for IN_CLOSE_WRITE: whoever resizes it by name closes it afterwards,
 * and our own writes raise nothing because we never close. Block devices are not watched.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "host/linux/blk.h"
#include "hosted/log.h"

#define LOCK_TRIES 100u /* one second */

static void *file_queue_open(struct host *h, struct loop *l, uint16_t index)
{
	struct blk_file *f = ((struct blk_lane *)h->host)->file;
	struct blk_lane *lane = f->engine->lane_open(f, l);

	if (!lane) {
		log_error(f->name, "queue %u: %s: %s", index, f->engine->name, strerror(errno));
	}
	return lane;
}

static void file_queue_close(struct host *h, void *queue_host)
{
	struct blk_file *f = ((struct blk_lane *)h->host)->file;

	f->engine->lane_close(queue_host);
}

/* ---- size ---- */

static void file_changed(struct loop_fd *w, uint32_t events)
{
	struct blk_file *f = VIO_CONTAINER(w, struct blk_file, watch);
	struct vio_blk *b = (struct vio_blk *)(void *)f->dev;
	_Alignas(struct inotify_event) char ev[4096];
	uint64_t n;

	(void)events;
	while (read(w->fd, ev, sizeof(ev)) > 0) {
	}
	n = blk_file_size(f) / VIO_BLK_SECTOR;
	n -= n % (b->block / VIO_BLK_SECTOR);
	if (n != b->sectors) {
		log_info(f->name, "the disk has %llu sectors now, %llu before",
			 (unsigned long long)n, (unsigned long long)b->sectors);
		vio_blk_resize(f->dev, n);
	}
}

static void file_attach(struct host *h, struct vio_dev *d)
{
	struct blk_file *f = ((struct blk_lane *)h->host)->file;
	char path[64];
	int fd;

	f->dev = d;
	if (f->block) {
		return;
	}
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", f->fd);
	fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if ((fd < 0) || (inotify_add_watch(fd, path, IN_CLOSE_WRITE) < 0) ||
	    loop_add(f->loop, &f->watch, fd, EPOLLIN, file_changed)) {
		log_warn(f->name, "a new size of the file will not be noticed: inotify: %s",
			 strerror(errno));
		if (fd >= 0) {
			(void)close(fd);
		}
	}
}

/* ---- open, close ---- */

static void file_free(struct blk_file *f)
{
	if (f->watch.loop) {
		loop_del(&f->watch);
		(void)close(f->watch.fd);
	}
	if (f->first) {
		f->engine->lane_close(f->first);
	}
	if (f->engine && f->engine->close) {
		f->engine->close(f);
	}
	if (f->fd >= 0) {
		(void)close(f->fd);
	}
	free(f);
}

static void file_close(struct host *h)
{
	file_free(((struct blk_lane *)h->host)->file);
}

/* Whoever was killed a moment ago may hold it still: io_uring lets go of its files behind the end of a process. */
static bool file_lock(struct blk_file *f)
{
	static const struct timespec pause = { .tv_nsec = 10000000 };
	struct flock l = { .l_type = f->read_only ? F_RDLCK : F_WRLCK, .l_whence = SEEK_SET };

	for (unsigned i = 0; fcntl(f->fd, F_OFD_SETLK, &l) != 0; i++) {
		if ((errno != EAGAIN) && (errno != EACCES)) {
			return true; /* no locks here */
		}
		if (i == LOCK_TRIES) {
			return false;
		}
		(void)nanosleep(&pause, NULL);
	}
	return true;
}

/* what: of file or block device. returns: false and ctx->err */
static bool file_measure(struct host_ctx *ctx, struct blk_file *f, const char *path)
{
	struct stat st;
	int n = 0;
	unsigned physical = 0;

	if (fstat(f->fd, &st) || !(S_ISREG(st.st_mode) || S_ISBLK(st.st_mode))) {
		(void)snprintf(ctx->err, sizeof(ctx->err),
			       "%s: neither a regular file nor a block device", path);
		return false;
	}
	f->block = S_ISBLK(st.st_mode);
	f->block_size = VIO_BLK_SECTOR;
	f->physical = 4096;
	if (f->block) {
		if (!ioctl(f->fd, BLKSSZGET, &n) && (n >= 512)) {
			f->block_size = (uint32_t)n;
		}
		if (!ioctl(f->fd, BLKPBSZGET, &physical) && physical) {
			f->physical = physical;
		}
	}
	if (blk_file_size(f) < f->block_size) {
		(void)snprintf(ctx->err, sizeof(ctx->err),
			       "%s: empty; give it a size first: truncate -s 1G %s", path, path);
		return false;
	}
	return true;
}

/* option "aio". returns: false and ctx->err */
static bool file_engine(struct host_ctx *ctx, struct blk_file *f)
{
	const char *want = ctx->option(ctx, "aio");
	int err = 0;

	if (want && strcmp(want, "io_uring") && strcmp(want, "threads")) {
		(void)snprintf(ctx->err, sizeof(ctx->err), "aio '%s': write io_uring or threads",
			       want);
		return false;
	}
	if (!want || !strcmp(want, "io_uring")) {
		err = blk_uring.open(f);
		if (!err) {
			f->engine = &blk_uring;
			return true;
		}
		if (want) {
			(void)snprintf(ctx->err, sizeof(ctx->err),
				       "io_uring: %s; leave --aio away to use threads",
				       strerror(err));
			return false;
		}
		log_info(f->name, "io_uring is refused (%s): worker threads do the I/O",
			 strerror(err));
	}
	err = blk_threads.open(f);
	if (err) {
		(void)snprintf(ctx->err, sizeof(ctx->err), "worker threads: %s", strerror(err));
		return false;
	}
	f->engine = &blk_threads;
	return true;
}

static bool file_open_path(struct host_ctx *ctx, struct blk_file *f, const char *path)
{
	f->read_only = ctx->param(ctx, "read-only") != 0;
	f->fd = open(path, (f->read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC);
	if (f->fd < 0) {
		bool denied = (errno == EACCES) || (errno == EROFS) || (errno == EPERM);

		(void)snprintf(ctx->err, sizeof(ctx->err), "%s: %s%s", path, strerror(errno),
			       denied && !f->read_only ? "; --read-only needs less" : "");
		return false;
	}
	/* Nobody needs the time of the last read, and noting it is a tenth of a read; only owners may do without */
	(void)fcntl(f->fd, F_SETFL, O_NOATIME);
	if (!file_lock(f)) {
		(void)snprintf(ctx->err, sizeof(ctx->err),
			       "%s: another program uses it; two writers would destroy it. Stop "
			       "the other one%s",
			       path, f->read_only ? "" : ", or give both --read-only");
		return false;
	}
	return file_measure(ctx, f, path);
}

static int file_open(struct host_ctx *ctx, struct host *out)
{
	struct blk_file *f;

	if (!ctx->arg || !*ctx->arg) {
		(void)snprintf(ctx->err, sizeof(ctx->err), "which file? --blk-file=PATH");
		return -1;
	}
	f = calloc(1, sizeof(*f));
	if (!f) {
		(void)snprintf(ctx->err, sizeof(ctx->err), "%s", strerror(ENOMEM));
		return -1;
	}
	(void)signal(
		SIGXFSZ,
		SIG_IGN); /* a file size limit is an error of one write, not the end of the process */
	(void)snprintf(f->name, sizeof(f->name), "%s", ctx->name);
	blk_serial(ctx, f->id);
	f->loop = ctx->loop;
	if (!file_open_path(ctx, f, ctx->arg) || !file_engine(ctx, f)) {
		file_free(f);
		return -1;
	}
	f->first = f->engine->lane_open(f, f->loop);
	if (!f->first) {
		(void)snprintf(ctx->err, sizeof(ctx->err), "%s: %s", f->engine->name,
			       strerror(errno));
		file_free(f);
		return -1;
	}
	out->ops = &f->engine->ops;
	out->host = f->first;
	out->close = file_close;
	out->queue_open = file_queue_open;
	out->queue_close = file_queue_close;
	out->attach = file_attach;
	return 0;
}

static const struct host_option file_opt[] = {
	{ "blk-file", "PATH", "disk image or block device, raw", true },
	{ "serial", "TEXT", "identity the guest sees, at most 20 bytes; default: the device's name",
	  false },
	{ "aio", "KIND", "io_uring or threads; default: io_uring where the kernel allows it",
	  false },
};

static const struct host_option ram_opt[] = {
	{ "size", "BYTES", "size of the disk: 512M, 1G", false },
	{ "serial", "TEXT", "identity the guest sees, at most 20 bytes; default: the device's name",
	  false },
};

extern const struct host_kind host_linux_blk[];
const struct host_kind host_linux_blk[] = {
	{ "blk", "file", "disk image or block device", "PATH", true, file_opt, 3, file_open },
	{ "blk", "memory", "RAM disk, gone with the process", "SIZE", false, ram_opt, 2,
	  blk_memory_open },
	{ "blk", "null", "no disk: writes are forgotten, reads move no data", "SIZE", false,
	  ram_opt, 2, blk_null_open },
	{ .name = NULL },
};
