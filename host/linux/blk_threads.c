/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * blk_threads.c - engine of the block host: blocking system calls on worker threads, where io_uring is refused
 *
 * Theory of operation. One pool of workers serves all lanes of a file. submit() collects operations in the lane,
 * commit() moves them to the pool; a worker runs all steps of one operation, puts it on its lane's done list and
 * posts the lane's task; the task completes on the lane's executor. The pool's mutex guards its list and the done
 * lists. Workers block all signals: those are the loop's.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>
#include "host/linux/blk.h"

#define WORKERS 8u

struct list {
	struct vio_blk_io *head, **end;
};

struct lane {
	struct blk_lane lane;
	struct loop_task task;
	struct list batch; /* the executor's */
	struct list done;  /* under pool.lock; io->tag holds the result */
};

struct pool {
	pthread_mutex_t lock;
	pthread_cond_t some;
	struct list todo;
	bool stop;
	unsigned n;
	pthread_t worker[WORKERS];
};

static void list_init(struct list *l)
{
	l->head = NULL;
	l->end = &l->head;
}

static void list_add(struct list *l, struct vio_blk_io *io)
{
	io->next = NULL;
	*l->end = io;
	l->end = &io->next;
}

static struct vio_blk_io *list_take(struct list *l)
{
	struct vio_blk_io *io = l->head;

	if (io) {
		l->head = io->next;
		if (!l->head) {
			l->end = &l->head;
		}
	}
	return io;
}

static struct lane *lane_of(const struct vio_blk_io *io)
{
	return io->host;
}

static int64_t step_run(const struct blk_file *f, const struct blk_step *s, const struct iovec *iov)
{
	ssize_t rc = -1;

	switch (s->call) {
	case BLK_READ:
		rc = preadv(f->fd, iov, s->n, (off_t)s->off);
		break;
	case BLK_WRITE:
		rc = pwritev(f->fd, iov, s->n, (off_t)s->off);
		break;
	case BLK_SYNC:
		rc = fdatasync(f->fd);
		break;
	case BLK_ALLOC:
		rc = fallocate(f->fd, s->mode, (off_t)s->off, (off_t)s->len);
		break;
	}
	return rc < 0 ? -errno : rc;
}

static int io_run(const struct blk_file *f, struct vio_blk_io *io)
{
	struct iovec iov[BLK_IOV_MAX];
	struct blk_step s;
	int result = VIO_E_IO;

	do {
		blk_step_make(io, &s, iov);
	} while (blk_step_done(io, step_run(f, &s, iov), &result));
	return result;
}

static void *worker_main(void *arg)
{
	struct blk_file *f = arg;
	struct pool *p = f->pool;

	(void)pthread_mutex_lock(&p->lock);
	while (!p->stop) {
		struct vio_blk_io *io = list_take(&p->todo);
		struct lane *l;
		int result;

		if (!io) {
			(void)pthread_cond_wait(&p->some, &p->lock);
			continue;
		}
		(void)pthread_mutex_unlock(&p->lock);
		result = io_run(f, io);
		l = lane_of(io);
		(void)pthread_mutex_lock(&p->lock);
		io->tag = (uint32_t)result;
		list_add(&l->done, io);
		loop_post(l->lane.loop, &l->task);
	}
	(void)pthread_mutex_unlock(&p->lock);
	return NULL;
}

static int threads_submit(void *host, struct vio_blk_io *io)
{
	struct lane *l = host;

	blk_step_first(io);
	io->host = l;
	list_add(&l->batch, io);
	return VIO_PENDING;
}

static bool threads_commit(void *host, const struct vio_vq *q)
{
	struct lane *l = host;
	struct pool *p = l->lane.file->pool;
	struct vio_blk_io *io;

	(void)q;
	if (!l->batch.head) {
		return false;
	}
	(void)pthread_mutex_lock(&p->lock);
	while ((io = list_take(&l->batch)) != NULL) {
		list_add(&p->todo, io);
	}
	(void)pthread_cond_broadcast(&p->some);
	(void)pthread_mutex_unlock(&p->lock);
	return false;
}

static void lane_done(struct loop_task *t)
{
	struct lane *l = VIO_CONTAINER(t, struct lane, task);
	struct pool *p = l->lane.file->pool;
	struct vio_blk_io *io;

	(void)pthread_mutex_lock(&p->lock);
	io = l->done.head;
	list_init(&l->done);
	(void)pthread_mutex_unlock(&p->lock);
	while (io) {
		struct vio_blk_io *next = io->next;

		vio_job_complete(&io->job, (int32_t)io->tag);
		io = next;
	}
	(void)threads_commit(l, NULL); /* steps that followed from done() */
}

static struct blk_lane *threads_lane_open(struct blk_file *f, struct loop *loop)
{
	struct lane *l = calloc(1, sizeof(*l));

	if (!l) {
		return NULL;
	}
	l->lane.file = f;
	l->lane.loop = loop;
	l->task.fn = lane_done;
	list_init(&l->batch);
	list_init(&l->done);
	return &l->lane;
}

static void threads_lane_close(struct blk_lane *l)
{
	loop_unpost(l->loop, &((struct lane *)(void *)l)->task);
	free(l);
}

static void threads_close(struct blk_file *f)
{
	struct pool *p = f->pool;

	(void)pthread_mutex_lock(&p->lock);
	p->stop = true;
	(void)pthread_cond_broadcast(&p->some);
	(void)pthread_mutex_unlock(&p->lock);
	for (unsigned i = 0; i < p->n; i++) {
		(void)pthread_join(p->worker[i], NULL);
	}
	(void)pthread_cond_destroy(&p->some);
	(void)pthread_mutex_destroy(&p->lock);
	free(p);
	f->pool = NULL;
}

static int threads_open(struct blk_file *f)
{
	struct pool *p = calloc(1, sizeof(*p));
	sigset_t all, old;
	int err = 0;

	if (!p) {
		return ENOMEM;
	}
	(void)pthread_mutex_init(&p->lock, NULL);
	(void)pthread_cond_init(&p->some, NULL);
	list_init(&p->todo);
	f->pool = p;
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	while (!err && (p->n < WORKERS)) {
		err = pthread_create(&p->worker[p->n], NULL, worker_main, f);
		p->n += !err;
	}
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (!p->n) {
		threads_close(f);
		return err;
	}
	return 0; /* fewer workers than wanted still work */
}

const struct blk_engine blk_threads = {
	.name = "threads",
	.ops = {
		.info = blk_file_info,
		.submit = threads_submit,
		.commit = threads_commit,
	},
	.lane_open = threads_lane_open,
	.lane_close = threads_lane_close,
	.open = threads_open,
	.close = threads_close,
};
