/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * server.c - a peer of QEMU's ivshmem-doorbell devices, by the protocol of its ivshmem server
 *
 * Theory of operation. The server speaks first: the version, our own number, -1 with the file of the window; then a
 * number with an eventfd for each vector of each peer, ours among them; later the numbers of those who come (with
 * eventfds) and go (without). Vector 0 is all we use of a peer. To ring is to write to its eventfd.
 *
 * A driver that does not say by what it wants to be rung gets it at all peers that are there: a spurious one costs a
 * look.
 *
 * source: QEMU, docs/specs/ivshmem-spec.rst
 */
#include "port/window/internal.h"
#include "hosted/log.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define PEERS	64u
#define WAIT_MS 5000

struct peer {
	int fd; /* of vector 0 */
	uint32_t id;
	bool used;
};

struct server {
	struct window_place *p;
	struct loop_fd io;
	int fd, shm;
	int64_t self; /* -1: not known yet */
	struct peer peer[PEERS];
};

static struct peer *find(struct server *s, uint32_t id)
{
	for (unsigned i = 0; i < PEERS; i++) {
		if (s->peer[i].used && s->peer[i].id == id) {
			return &s->peer[i];
		}
	}
	return NULL;
}

static void forget(struct peer *q)
{
	if (q) {
		close(q->fd);
		q->used = false;
	}
}

/* A vector of peer id; the first is kept */
static void vector(struct server *s, uint32_t id, int fd)
{
	if (id == (uint32_t)s->self && s->p->wait_fd < 0) {
		s->p->wait_fd = fd;
		return;
	}
	for (unsigned i = 0; i < PEERS && id != (uint32_t)s->self && !find(s, id); i++) {
		if (!s->peer[i].used) {
			s->peer[i] = (struct peer){ .fd = fd, .id = id, .used = true };
			return;
		}
	}
	close(fd);
}

/* returns: 1 a message | 0 none now | -1 the server is gone, or speaks something else */
static int receive(struct server *s, int64_t *v, int *fd)
{
	char space[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { .iov_base = v, .iov_len = sizeof(*v) };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = space,
			    .msg_controllen = sizeof(space) };
	ssize_t n = recvmsg(s->fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&m) : NULL;

	*fd = -1;
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
	    c->cmsg_len == CMSG_LEN(sizeof(int))) {
		memcpy(fd, CMSG_DATA(c), sizeof(int));
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		return 0;
	}
	*v = (int64_t)vio_le64((uint64_t)*v);
	return n == (ssize_t)sizeof(*v) ? 1 : -1;
}

static void message(struct server *s, int64_t v, int fd)
{
	if (fd >= 0) {
		(void)fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK); /* a full eventfd must not stop us */
	}
	if (v == -1 && fd >= 0) {
		if (s->shm >= 0) {
			close(s->shm);
		}
		s->shm = fd;
	} else if (v < 0 || v > 0xffff) {
		close(fd);
	} else if (fd >= 0) {
		vector(s, (uint32_t)v, fd);
	} else if (s->self < 0) {
		s->self = v;
	} else {
		forget(find(s, (uint32_t)v));
	}
}

static void on_io(struct loop_fd *f, uint32_t events)
{
	struct server *s = VIO_CONTAINER(f, struct server, io);
	int rc, fd;

	(void)events;
	for (;;) {
		int64_t v;

		rc = receive(s, &v, &fd);
		if (rc <= 0) {
			break;
		}
		message(s, v, fd);
	}
	if (rc < 0) {
		loop_del(f); /* those who are there can still be rung */
		log_warn(NULL, "the ivshmem server is gone: peers that come now are not heard");
	}
}

static int connect_to(const char *path, char err[256])
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (strlen(path) >= sizeof(a.sun_path)) {
		errno = ENAMETOOLONG;
	} else {
		strcpy(a.sun_path, path);
	}
	if (fd < 0 || !a.sun_path[0] || connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0) {
		snprintf(err, 256, "%s: %s; an ivshmem server has to listen there", path,
			 strerror(errno));
		if (fd >= 0) {
			close(fd);
		}
		return -1;
	}
	return fd;
}

/* Until window and bell are there */
static int introduce(struct server *s, const char *path, char err[256])
{
	bool version = false;

	while (s->shm < 0 || s->p->wait_fd < 0) {
		struct pollfd f = { .fd = s->fd, .events = POLLIN };
		int64_t v;
		int fd, rc = poll(&f, 1, WAIT_MS) == 1 ? receive(s, &v, &fd) : -1;

		if (rc < 0 || (rc > 0 && !version && (v != 0 || fd >= 0))) {
			snprintf(err, 256,
				 "%s: this is no ivshmem server of version 0 with eventfds", path);
			return -1;
		}
		if (rc > 0 && version) {
			message(s, v, fd);
		}
		version = version || rc > 0;
	}
	return 0;
}

static void close_server(struct window_place *p)
{
	struct server *s = p->own;

	loop_del(&s->io);
	for (unsigned i = 0; i < PEERS; i++) {
		if (s->peer[i].used) {
			forget(&s->peer[i]);
		}
	}
	if (p->wait_fd >= 0) {
		close(p->wait_fd);
	}
	if (s->shm >= 0) {
		close(s->shm);
	}
	if (s->fd >= 0) {
		close(s->fd);
	}
	if (p->base) {
		munmap(p->base, p->size);
	}
	free(s);
}

static int open_server(struct window_place *p, const char *arg, char err[256])
{
	struct server *s = calloc(1, sizeof(*s));
	struct stat st = { 0 };

	if (!s) {
		snprintf(err, 256, "out of memory");
		return -1;
	}
	p->own = s;
	s->p = p;
	s->self = -1;
	s->shm = -1;
	s->fd = connect_to(arg, err);
	if (s->fd < 0 || introduce(s, arg, err) || fstat(s->shm, &st) < 0 ||
	    window_map(p, s->shm, 0, (uint64_t)st.st_size, arg, err)) {
		close_server(p);
		return -1;
	}
	close(s->shm);
	s->shm = -1;
	p->self = (uint32_t)s->self << 16;
	if (loop_add(p->loop, &s->io, s->fd, EPOLLIN, on_io)) {
		snprintf(err, 256, "%s: %s", arg, strerror(errno));
		close_server(p);
		return -1;
	}
	return 0;
}

static void ring(struct window_place *p, uint32_t bell)
{
	struct server *s = p->own;
	uint64_t one = 1;

	for (unsigned i = 0; i < PEERS; i++) {
		if (s->peer[i].used && (bell == WINDOW_NO_BELL || s->peer[i].id == bell >> 16)) {
			(void)!write(s->peer[i].fd, &one, sizeof(one));
		}
	}
}

const struct window_place_ops window_server = { .open = open_server,
						.ring = ring,
						.close = close_server };
