/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * turn.c - what runs on the queue loops: kicks, turns, signals, polling
 *
 * Theory of operation. A kick, a wake from a host and a posted task all end in turn(). A turn that
 * leaves nothing to do arms the ring, so the driver kicks again. While the loop polls the ring stays unarmed
 * and is armed by the poller just before the loop sleeps. A ring whose front-end gave no descriptor to
 * kick with is looked at by a timer, every 100 us while it is idle.
 *
 * Kicks cost one system call, epoll_wait: an eventfd is waited for by its edges, which every write makes whatever the
 * counter holds, and is not read. So rings and processes that share a descriptor do not take each other's kicks away,
 * and whoever takes a live ring over finds a kick too many, never one too few: a ring waits for its first. It is
 * read when it comes, which is one kick if something was left in it; when a reset took the ring and it goes; once in
 * KICKS_UNREAD kicks, so that it does not fill up even where they are not counted by ones; and when it says that it
 * did (EPOLLERR). What was read of one that stays is put back as one kick.
 *
 * Descriptors come from the front-end and may be of any kind. One that epoll does not take is refused; one that hangs
 * up is dropped, or it would wake the loop for ever. What has a file type (pipes fill up) is read each time. Reads
 * never block (RWF_NOWAIT, or O_NONBLOCK on kernels that do not know it for this kind); writes rely on O_NONBLOCK,
 * set when the descriptor came.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>
#include "port/vhost_user/internal.h"

#define LOOK_NS	     100000u
#define KICKS_UNREAD 0x100000u

/* The loop weighs its processor time against what was done. `used` counts descriptors in a packed ring, from 0 each lap. */
static void tell_done(struct vhu_ring *r)
{
	uint16_t used = r->q->used, n = (uint16_t)(used - r->used);

	if (n > r->q->size) {
		n = (uint16_t)(n + r->q->size);
	}
	r->used = used;
	if (n > 0) {
		loop_done(r->x->loop, n);
	}
}

static void turn(struct vhu_ring *r)
{
	struct vhu_exec *x = r->x;
	int rc;

	if (!r->live) {
		return;
	}
	rc = vio_vq_run(r->q);
	if (x->polling) {
		tell_done(r);
	}
	if ((rc == VIO_PENDING) || ((rc == VIO_OK) && !(x->polling && loop_polls(x->loop)) &&
				    !r->no_fd && vio_vq_arm(r->q))) {
		loop_post(x->loop, &r->turn);
	}
	if (atomic_load(&r->v->waiting)) {
		vhu_progress(r->v);
	}
}

static void turn_task(struct loop_task *t)
{
	turn(VIO_CONTAINER(t, struct vhu_ring, turn));
}

void vhu_on_turn(void *ring)
{
	turn(ring);
}

/* returns: the turn found requests or completions */
static bool turn_worked(struct vhu_ring *r)
{
	uint16_t avail = r->q->avail, used = r->q->used;

	turn(r);
	return (avail != r->q->avail) || (used != r->q->used);
}

static void look(struct vio_timer *t)
{
	struct vhu_ring *r = VIO_CONTAINER(t, struct vhu_ring, poll);
	struct vio_clock *c = loop_clock(r->x->loop);

	if (r->live && r->no_fd) {
		if (turn_worked(r)) {
			loop_post(r->x->loop, &r->turn);
		}
		c->set(c, t, c->now(c) + LOOK_NS);
	}
}

static bool poll_rings(struct loop_poller *p)
{
	struct vhu_exec *x = VIO_CONTAINER(p, struct vhu_exec, poller);
	bool any = false;

	for (uint16_t i = 0; i < x->v->dev->nvq; i++) {
		struct vhu_ring *r = &x->v->ring[i];

		if ((r->x == x) && r->live) {
			any = turn_worked(r) || any;
		}
	}
	return any;
}

static bool arm_rings(struct loop_poller *p)
{
	struct vhu_exec *x = VIO_CONTAINER(p, struct vhu_exec, poller);
	bool any = false;

	for (uint16_t i = 0; i < x->v->dev->nvq; i++) {
		struct vhu_ring *r = &x->v->ring[i];

		if ((r->x == x) && r->live && !r->no_fd) {
			any = vio_vq_arm(r->q) || any;
		}
	}
	return any;
}

void vhu_turn_all(struct vhu_exec *x)
{
	for (uint16_t i = 0; i < x->v->dev->nvq; i++) {
		if ((x->v->ring[i].x == x) && x->v->ring[i].live) {
			loop_post(x->loop, &x->v->ring[i].turn);
		}
	}
}

/* returns: bytes, 0 the other end is gone, -1 and errno */
static ssize_t kick_read(int fd)
{
	uint64_t n;
	struct iovec iov = { .iov_base = &n, .iov_len = sizeof(n) };
	ssize_t got = preadv2(fd, &iov, 1, -1, RWF_NOWAIT);

	if ((got < 0) && (errno == EOPNOTSUPP)) {
		got = read(fd, &n, sizeof(n));
	}
	return got;
}

/* Emptied, but for one kick: for who comes after us. returns: there was one */
static bool kick_keep(int fd)
{
	static const uint64_t one = 1;

	return (kick_read(fd) > 0) && (write(fd, &one, sizeof(one)) == (ssize_t)sizeof(one));
}

static void kicked(struct vhu_ring *r)
{
	if (r->live) {
		turn(r);
	} else {
		atomic_store(&r->kicked, true);
		vhu_progress(r->v);
	}
}

static void on_edge(struct loop_fd *f, uint32_t events)
{
	struct vhu_ring *r = VIO_CONTAINER(f, struct vhu_ring, kick);

	r->unread++;
	if ((r->unread >= KICKS_UNREAD) || ((events & EPOLLERR) != 0)) {
		r->unread = 0;
		(void)kick_keep(f->fd);
	}
	kicked(r);
}

static void on_kick(struct loop_fd *f, uint32_t events)
{
	struct vhu_ring *r = VIO_CONTAINER(f, struct vhu_ring, kick);
	ssize_t got = -1;

	if ((events & EPOLLIN) != 0) {
		got = kick_read(f->fd);
	}
	if ((got == 0) || ((got < 0) && ((events & (EPOLLHUP | EPOLLERR)) != 0)) ||
	    ((got < 0) && (errno != EAGAIN) && (errno != EINTR))) {
		loop_del(f); /* would wake us for ever */
		log_debug(r->v->name, "ring %u: kick descriptor hung up", r->index);
		return;
	}
	if (r->live || (got > 0)) {
		kicked(r);
	}
}

/* ---- through loop_call ---- */

void vhu_on_start(void *start)
{
	struct vhu_start *s = start;
	struct vhu_ring *r = s->r;

	r->q->mem = vhu_mem(r->x);
	s->rc = vio_vq_setup(r->q, r->num, s->desc, s->avail, s->used);
	if (s->rc == VIO_OK) {
		s->rc = vio_vq_enable(r->q, s->s);
	}
	if (s->rc == VIO_OK) {
		r->live = true;
		loop_post(r->x->loop, &r->turn); /* what came before counts as kicked */
		look(&r->poll);
	}
}

void vhu_on_down(void *ring)
{
	struct vhu_ring *r = ring;
	struct vio_clock *c = loop_clock(r->x->loop);

	r->live = false;
	loop_unpost(r->x->loop, &r->turn);
	c->set(c, &r->poll, 0);
}

void vhu_on_stop(void *stop)
{
	struct vhu_stop *s = stop;

	s->rc = vio_vq_disable(s->r->q, &s->s);
	if (s->rc == VIO_OK) {
		vhu_on_down(s->r);
	}
}

static void non_blocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if ((flags >= 0) && ((flags & O_NONBLOCK) == 0)) {
		(void)fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	}
}

/* eventfd, and others like it: what is no file of any type (S_IFMT) takes no bytes that could fill it up */
static bool has_edges(int fd)
{
	struct stat st;

	return (fstat(fd, &st) == 0) && ((st.st_mode & S_IFMT) == 0);
}

void vhu_on_kick_leave(void *ring)
{
	struct vhu_ring *r = ring;

	loop_del(&r->kick);
	if (r->kick_fd >= 0) {
		close(r->kick_fd);
	}
	r->kick_fd = -1;
}

void vhu_on_kick_fd(void *set_fd)
{
	struct vhu_set_fd *s = set_fd;
	struct vhu_ring *r = s->r;
	bool edges = false, left = false;

	loop_del(&r->kick);
	if (r->kick_fd >= 0) {
		if (!r->live && (s->fd < 0) && (r->kick.fn == on_edge)) {
			(void)kick_read(r->kick_fd);
		}
		close(r->kick_fd);
	}
	r->kick_fd = s->fd;
	r->unread = 0;
	r->no_fd = s->no_fd;
	s->rc = 0;
	if (s->fd >= 0) {
		non_blocking(s->fd);
		edges = has_edges(s->fd);
		left = edges && kick_keep(s->fd);
		s->rc = edges ? loop_add(r->x->loop, &r->kick, s->fd, EPOLLIN | EPOLLET, on_edge)
			      : loop_add(r->x->loop, &r->kick, s->fd, EPOLLIN, on_kick);
	}
	if (left && (s->rc == 0)) {
		atomic_store(&r->kicked, true);
		if (r->live) {
			loop_post(r->x->loop, &r->turn);
		}
	}
	look(&r->poll);
}

void vhu_on_call_fd(void *set_fd)
{
	struct vhu_set_fd *s = set_fd;

	if (s->r->call_fd >= 0) {
		close(s->r->call_fd);
	}
	s->r->call_fd = s->fd;
	s->rc = 0;
	if (s->fd >= 0) {
		non_blocking(s->fd);
	}
}

void vhu_on_exec_open(void *exec)
{
	struct vhu_exec *x = exec;

	x->poller = (struct loop_poller){ .poll = poll_rings, .arm = arm_rings };
	if (x->polling) {
		loop_poller_add(x->loop, &x->poller);
		loop_set_poll_us(x->loop, x->v->cfg.poll_us, x->v->cfg.poll_thrifty);
	}
}

void vhu_on_exec_close(void *exec)
{
	struct vhu_exec *x = exec;

	if (x->polling) {
		loop_poller_del(x->loop, &x->poller);
	}
}

void vhu_ring_init(struct vhu_ring *r)
{
	r->kick_fd = -1;
	r->call_fd = -1;
	r->err_fd = -1;
	r->turn.fn = turn_task;
	r->poll.fire = look;
}

/* ---- the port as the core sees it ---- */

static void port_signal(void *port, uint16_t vq)
{
	struct vhu *v = port;
	struct vhu_ring *r = &v->ring[vq];
	uint64_t one = 1;

	if (r->call_fd >= 0) {
		if ((write(r->call_fd, &one, sizeof(one)) < 0) && (errno != EAGAIN)) {
			log_debug(v->name, "ring %u: the call descriptor is broken", vq);
		}
	} else if ((v->proto & VHU_P_INBAND) != 0) {
		atomic_store(&r->call_due, true);
		vhu_back_post(v);
	} else {
		/* the front-end looks by itself */
	}
}

static void port_config(void *port)
{
	struct vhu *v = port;

	atomic_store(&v->config_due, true);
	vhu_back_post(v);
}

static void port_wake(void *port, uint16_t vq)
{
	struct vhu *v = port;

	loop_post(v->ring[vq].x->loop, &v->ring[vq].turn);
}

const struct vio_port_ops vhu_port_ops = { .signal = port_signal,
					   .config = port_config,
					   .wake = port_wake };
