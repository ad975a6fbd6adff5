/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * blk_uring.c - engine of the block host: io_uring, one ring for each lane
 *
 * Theory of operation. submit() fills a submission entry; commit(), several times in a turn of the device, passes all of
 * them to the kernel in one system call and looks at once for completions: what the page cache could serve is done
 * by then, and is completed inside the turn. The rest is found through the ring's descriptor in the loop, or by the
 * loop's poller while it polls.
 *
 * An iovec must live until its entry was passed on (IORING_FEAT_SUBMIT_STABLE). `iov` holds one batch; when it, or
 * the submission ring, is full, the batch is passed on early; when the kernel refuses even that, operations wait in
 * `late` for the next round of the loop.
 *
 * `inside` is the queue in whose turn commit() is: it looks for more by itself and needs no wake-up. The queues of a
 * loop share a ring, so commit() also finds what others have completed; those need theirs.
 */
#include <errno.h>
#include "host/linux/blk.h"

#if HAVE_LIBURING
#include <liburing.h>
#include <stdlib.h>
#include <sys/epoll.h>

#define ENTRIES 256u
#define IOVS	(4u * BLK_IOV_MAX)

struct uring {
	struct blk_lane lane;
	struct io_uring ring;
	struct loop_fd ready;
	struct loop_poller poller;
	struct loop_task retry;
	struct vio_blk_io *late, **late_end; /* got no entry */
	unsigned niov;
	const struct vio_vq *inside;
	bool unsent;
	struct iovec iov[IOVS];
};

static int uring_setup(struct io_uring *r, unsigned entries)
{
	int rc = io_uring_queue_init(entries, r,
				     IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG);

	if (rc == -EINVAL) { /* older than Linux 5.19 */
		rc = io_uring_queue_init(entries, r, 0);
	}
	if (!rc && !(r->features & IORING_FEAT_SUBMIT_STABLE)) {
		io_uring_queue_exit(r);
		rc = -ENOSYS;
	}
	return -rc;
}

static int uring_open(struct blk_file *f)
{
	struct io_uring r;
	int err;

	(void)f;
	err = uring_setup(&r, 4);
	if (!err) {
		io_uring_queue_exit(&r);
	}
	return err;
}

/* The kernel may refuse for a moment (too much in flight, no memory): what is unsent goes with the next round. */
static void uring_send(struct uring *u)
{
	int rc;

	do {
		rc = io_uring_submit(&u->ring);
	} while (rc == -EINTR);
	u->unsent = io_uring_sq_ready(&u->ring) > 0;
	if (!u->unsent) {
		u->niov = 0;
	} else {
		loop_post(u->lane.loop, &u->retry);
	}
}

/* returns: a free entry with room for iovecs behind it, or NULL: not now */
static struct io_uring_sqe *uring_entry(struct uring *u)
{
	if ((IOVS - u->niov < BLK_IOV_MAX) || !io_uring_sq_space_left(&u->ring)) {
		uring_send(u);
	}
	return IOVS - u->niov < BLK_IOV_MAX ? NULL : io_uring_get_sqe(&u->ring);
}

static void uring_issue(struct uring *u, struct vio_blk_io *io)
{
	struct io_uring_sqe *e = uring_entry(u);
	struct blk_step s;
	struct iovec *iov;

	if (!e) {
		io->next = NULL;
		*u->late_end = io;
		u->late_end = &io->next;
		loop_post(u->lane.loop, &u->retry);
		return;
	}
	iov = &u->iov[u->niov];
	blk_step_make(io, &s, iov);
	switch (s.call) {
	case BLK_READ:
		if (s.n == 1) {
			io_uring_prep_read(e, u->lane.file->fd, iov->iov_base,
					   (unsigned)iov->iov_len, s.off);
		} else {
			io_uring_prep_readv(e, u->lane.file->fd, iov, s.n, s.off);
		}
		break;
	case BLK_WRITE:
		if (s.n == 1) {
			io_uring_prep_write(e, u->lane.file->fd, iov->iov_base,
					    (unsigned)iov->iov_len, s.off);
		} else {
			io_uring_prep_writev(e, u->lane.file->fd, iov, s.n, s.off);
		}
		break;
	case BLK_SYNC:
		io_uring_prep_fsync(e, u->lane.file->fd, IORING_FSYNC_DATASYNC);
		break;
	case BLK_ALLOC:
		io_uring_prep_fallocate(e, u->lane.file->fd, s.mode, (off_t)s.off, (off_t)s.len);
		break;
	}
	io_uring_sqe_set_data(e, io);
	u->niov += s.n > 1 ? s.n : 0;
	u->unsent = true;
}

/* Take completions; the device may submit more meanwhile. returns: true = jobs completed */
static bool uring_reap(struct uring *u)
{
	struct io_uring_cqe *c;
	bool any = false;

	while (!io_uring_peek_cqe(&u->ring, &c)) {
		struct vio_blk_io *io = io_uring_cqe_get_data(c);
		int res = c->res;
		int result = VIO_E_IO;

		io_uring_cqe_seen(&u->ring, c);
		if (blk_step_done(io, res, &result)) {
			uring_issue(u, io);
			continue;
		}
		any = true;
		if (u->inside == io->job.vq) {
			io->job.done(&io->job, result);
		} else {
			vio_job_complete(&io->job, result);
		}
	}
	if (u->unsent) { /* next steps */
		uring_send(u);
	}
	return any;
}

static int uring_submit(void *host, struct vio_blk_io *io)
{
	struct uring *u = host;

	blk_step_first(io);
	uring_issue(u, io);
	return VIO_PENDING;
}

static bool uring_commit(void *host, const struct vio_vq *q)
{
	struct uring *u = host;
	bool any;

	if (u->unsent) {
		uring_send(u);
	}
	u->inside = q;
	any = uring_reap(u);
	u->inside = NULL;
	return any;
}

static void uring_ready(struct loop_fd *f, uint32_t events)
{
	(void)events;
	(void)uring_reap(VIO_CONTAINER(f, struct uring, ready));
}

static bool uring_poll(struct loop_poller *p)
{
	return uring_reap(VIO_CONTAINER(p, struct uring, poller));
}

static void uring_retry(struct loop_task *t)
{
	struct uring *u = VIO_CONTAINER(t, struct uring, retry);
	struct vio_blk_io *io = u->late;

	u->late = NULL;
	u->late_end = &u->late;
	while (io) {
		struct vio_blk_io *next = io->next;

		uring_issue(u, io);
		io = next;
	}
	if (u->unsent) {
		uring_send(u);
	}
}

static struct blk_lane *uring_lane_open(struct blk_file *f, struct loop *l)
{
	struct uring *u = calloc(1, sizeof(*u));
	int err;

	if (!u) {
		return NULL;
	}
	u->lane.file = f;
	u->lane.loop = l;
	u->poller.poll = uring_poll;
	u->retry.fn = uring_retry;
	u->late_end = &u->late;
	err = uring_setup(&u->ring, ENTRIES);
	if (err) {
		free(u);
		errno = err;
		return NULL;
	}
	err = loop_add(l, &u->ready, u->ring.ring_fd, EPOLLIN, uring_ready);
	if (err) {
		io_uring_queue_exit(&u->ring);
		free(u);
		errno = err;
		return NULL;
	}
	loop_poller_add(l, &u->poller);
	return &u->lane;
}

static void uring_lane_close(struct blk_lane *l)
{
	struct uring *u = (struct uring *)(void *)l;

	loop_poller_del(l->loop, &u->poller);
	loop_unpost(l->loop, &u->retry);
	loop_del(&u->ready);
	io_uring_queue_exit(&u->ring);
	free(u);
}

const struct blk_engine blk_uring = {
	.name = "io_uring",
	.ops = {
		.info = blk_file_info,
		.submit = uring_submit,
		.commit = uring_commit,
	},
	.lane_open = uring_lane_open,
	.lane_close = uring_lane_close,
	.open = uring_open,
};

#else

static int uring_open(struct blk_file *f)
{
	(void)f;
	return ENOSYS;
}

const struct blk_engine blk_uring = { .name = "io_uring", .open = uring_open };

#endif
