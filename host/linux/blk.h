/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * blk.h - private to host/linux: the parts of the block host
 *
 * blk.c         kinds and options, opening, locking, watching the size
 * blk_memory.c  kinds memory and null
 * blk_file.c    what both engines do to a file: pieces, results, next try
 * blk_uring.c   engine: io_uring
 * blk_threads.c engine: preadv, pwritev on worker threads
 */
#ifndef HOST_LINUX_BLK_H
#define HOST_LINUX_BLK_H

#include <sys/uio.h>
#include "hosted/host_kind.h"
#include "vio/blk.h"

struct blk_file;

/* One executor's way to a file: what vio_vq.host points to. First member of each engine's own struct. */
struct blk_lane {
	struct blk_file *file;
	struct loop *loop;
};

struct blk_engine {
	const char *name;
	struct vio_blk_host_ops ops; /* host: struct blk_lane */
	/* returns: NULL and errno */
	struct blk_lane *(*lane_open)(struct blk_file *f, struct loop *l);
	void (*lane_close)(struct blk_lane *l);
	/* returns: 0 | errno: this engine cannot work here */
	int (*open)(struct blk_file *f);
	void (*close)(struct blk_file *f);
};

extern const struct blk_engine blk_uring, blk_threads;

struct blk_file {
	int fd;
	bool block, read_only;
	uint32_t block_size, physical; /* bytes */
	uint8_t id[VIO_BLK_ID_BYTES];
	char name[32]; /* for messages */
	const struct blk_engine *engine;
	struct loop *loop; /* control executor */
	struct blk_lane
		*first; /* for queues without an instance of their own, on the control executor */
	void *pool;	/* the engine's, shared by all lanes */
	struct loop_fd watch; /* inotify */
	struct vio_dev *dev;
};

/* ---- blk_file.c ---- */

int blk_file_info(void *host, struct vio_blk_info *info);
/* blk_file_size - bytes; 0 when it cannot be found out */
uint64_t blk_file_size(const struct blk_file *f);

/* What to do next for an operation: one system call. */
struct blk_step {
	enum { BLK_READ, BLK_WRITE, BLK_SYNC, BLK_ALLOC } call;
	int mode;     /* BLK_ALLOC: of fallocate */
	uint64_t off; /* bytes */
	uint64_t len; /* BLK_ALLOC: bytes */
	uint16_t n;   /* BLK_READ, BLK_WRITE: entries in iov */
};
#define BLK_IOV_MAX                                                                                \
	256u /* entries one step may use; a request that needs more takes several steps */

/* blk_step_first - io was submitted */
void blk_step_first(struct vio_blk_io *io);
/* blk_step_make - the next system call for io; iov: BLK_IOV_MAX entries, valid until the call is issued */
void blk_step_make(const struct vio_blk_io *io, struct blk_step *s, struct iovec *iov);
/* blk_step_done - it answered res (>= 0, or -errno); returns: true = make another step | false = *result is final */
bool blk_step_done(struct vio_blk_io *io, int64_t res, int *result);

/* ---- blk_memory.c ---- */

int blk_memory_open(struct host_ctx *ctx, struct host *out);
int blk_null_open(struct host_ctx *ctx, struct host *out);
/* blk_serial - the answer to GET_ID: option "serial", or the device's name */
void blk_serial(const struct host_ctx *ctx, uint8_t id[VIO_BLK_ID_BYTES]);

#endif
