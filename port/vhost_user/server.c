/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * server.c - sockets, and the life of a connection
 *
 * Theory of operation. IDLE (listening) -> SERVING -> LEAVING -> IDLE. vhu_die closes the socket and does no more,
 * because it may be called from anywhere; the rest follows in the progress task: the device is reset, which hurries
 * and drains what it owns; then memory is unmapped, descriptors are closed, and the next front-end is accepted. A
 * second front-end waits in the backlog of the socket, so a restarted one does not race with the end of its
 * predecessor.
 *
 * The progress task is the one place that goes on with what had to wait: the message under way, rings that stop, the
 * reset of a connection that ended.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "hosted/sigbus.h"
#include "hosted/zeroes.h"
#include "port/vhost_user/internal.h"

/* The same for every connection. */
static void forget(struct vhu *v)
{
	v->features = 0;
	v->proto = 0;
	v->has_features = false;
	v->status_used = false;
	v->status = 0;
	v->told = false;
	v->refusals = 0;
	v->op = NULL;
	v->out.len = 0;
	v->out.off = 0;
	atomic_store(&v->config_due, false);
}

void vhu_events(struct vhu *v)
{
	uint32_t want = (v->out.len > 0) ? EPOLLOUT : ((v->later == NULL) ? EPOLLIN : 0u);

	if ((v->phase == VHU_SERVING) && (want != v->want_events)) {
		v->want_events = want;
		(void)loop_mod(&v->sock, want);
	}
}

void vhu_die(struct vhu *v, const char *fmt, ...)
{
	char line[256];
	va_list ap;

	if (v->phase != VHU_SERVING) {
		return;
	}
	if (fmt != NULL) {
		va_start(ap, fmt);
		(void)vsnprintf(line, sizeof(line), fmt, ap);
		va_end(ap);
		log_warn(v->name, "%s; front-end cut off", line);
	} else {
		log_info(v->name, "front-end left");
	}
	vhu_iotlb_end(v);
	v->phase = VHU_LEAVING;
	v->later = NULL;
	loop_clock(v->control)->set(loop_clock(v->control), &v->drain, 0);
	loop_del(&v->sock);
	close(v->fd);
	v->fd = -1;
	vhu_msg_drop(&v->in);
	vhu_back_close(v);
	atomic_store(&v->waiting, true);
	vhu_progress(v);
}

static void on_sock(struct loop_fd *f, uint32_t events)
{
	struct vhu *v = VIO_CONTAINER(f, struct vhu, sock);

	if (v->out.len > 0) {
		vhu_flush(v);
	}
	if ((v->phase == VHU_SERVING) && (v->later != NULL) &&
	    ((events & (EPOLLHUP | EPOLLERR)) != 0)) {
		vhu_die(v, NULL); /* nobody waits for the answer any more */
	}
	vhu_input(v);
}

static void on_bus(struct loop_fd *f, uint32_t events)
{
	struct vhu *v = VIO_CONTAINER(f, struct vhu, bus);
	const struct vhu_region *r = vhu_memory_hit(v);
	uint64_t n;

	(void)events;
	if (read(f->fd, &n, sizeof(n)) < 0) {
		return;
	}
	if (r != NULL) {
		vhu_die(v, "the front-end took memory away that it had shared (region 0x%llx)",
			(unsigned long long)r->w.gpa);
	}
}

static int serve(struct vhu *v, int fd)
{
	int rc = loop_add(v->control, &v->sock, fd, EPOLLIN, on_sock);

	if (rc != 0) {
		return rc;
	}
	v->fd = fd;
	v->want_events = EPOLLIN;
	v->phase = VHU_SERVING;
	vhu_iotlb_begin(v);
	log_info(v->name, "front-end connected");
	return 0;
}

static void on_listener(struct loop_fd *f, uint32_t events)
{
	struct vhu *v = VIO_CONTAINER(f, struct vhu, listener);
	int fd = accept4(v->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)events;
	if (fd < 0) {
		if ((errno == EMFILE) || (errno == ENFILE)) {
			struct vio_clock *c = loop_clock(v->control);

			log_error(v->name,
				  "out of file descriptors (ulimit -n): front-ends have to wait");
			loop_del(
				&v->listener); /* it would wake us for ever; look again in a while */
			c->set(c, &v->drain, c->now(c) + VHU_DRAIN_NS);
		}
		return;
	}
	loop_del(&v->listener);
	if (serve(v, fd) != 0) {
		close(fd);
		loop_post(v->control, &v->start);
	}
}

static void listen_again(struct vhu *v)
{
	if ((v->listen_fd >= 0) && (v->phase == VHU_IDLE) && (v->listener.loop == NULL) &&
	    (loop_add(v->control, &v->listener, v->listen_fd, EPOLLIN, on_listener) != 0)) {
		log_error(v->name, "cannot wait for front-ends any more");
	}
}

static void start_task(struct loop_task *t)
{
	listen_again(VIO_CONTAINER(t, struct vhu, start));
}

static void destroy(struct vhu *v)
{
	struct stat st;

	for (uint16_t i = 0; i < v->nexec; i++) {
		loop_call(v->exec[i].loop, vhu_on_exec_close, &v->exec[i]);
	}
	for (uint16_t i = 0; (v->ring != NULL) && (i < v->dev->nvq); i++) {
		loop_call(v->ring[i].x->loop, vhu_on_down, &v->ring[i]); /* a late wake */
		v->dev->vq[i].mem = NULL;
	}
	loop_del(&v->listener);
	loop_del(&v->bus);
	loop_unpost(v->control, &v->progress);
	loop_unpost(v->control, &v->start);
	loop_unpost(v->control, &v->back_task);
	loop_clock(v->control)->set(loop_clock(v->control), &v->drain, 0);
	if (v->bus_fd >= 0) {
		close(v->bus_fd);
	}
	if (v->listen_fd >= 0) {
		close(v->listen_fd);
	}
	if ((v->path != NULL) && (stat(v->path, &st) == 0) && (st.st_dev == v->path_dev) &&
	    (st.st_ino == v->path_ino)) {
		(void)unlink(v->path);
	}
	v->dev->port_ops = NULL;
	v->dev->port = NULL;
	free(v->path);
	free(v->asked);
	free(v->ring);
	zeroes_free(v->exec, v->dev->nvq * sizeof(*v->exec));
	free(v->name);
	free(v);
}

/* returns: true the connection is gone; v may be gone as well */
static bool leave_step(struct vhu *v)
{
	struct vhu_config cfg = v->cfg;

	if (!vhu_reset_step(v)) {
		return false;
	}
	vhu_rings_reset(v, true);
	vhu_memory_drop(v);
	forget(v);
	atomic_store(&v->waiting, false);
	v->phase = VHU_IDLE;
	if (v->closing) {
		bool later = v->close_later;

		destroy(v);
		if (later && (cfg.closed != NULL)) {
			cfg.closed(cfg.arg);
		}
		return true;
	}
	loop_post(v->control, &v->start);
	if (cfg.gone != NULL) {
		cfg.gone(cfg.arg);
	}
	return true;
}

static void progress_task(struct loop_task *t)
{
	struct vhu *v = VIO_CONTAINER(t, struct vhu, progress);
	bool stopping = false;

	if (v->phase == VHU_LEAVING) {
		(void)leave_step(v);
		return;
	}
	if (v->phase != VHU_SERVING) {
		listen_again(v);
		return;
	}
	vhu_later_step(v);
	if (v->phase == VHU_SERVING) {
		vhu_rings_step(v);
		if (vhu_rings_may(v) && (vhu_rings_try(v) != VHU_DONE)) {
			vhu_die(v, "a ring was kicked that cannot start");
		}
	}
	for (uint16_t i = 0; i < v->dev->nvq; i++) {
		stopping = stopping || (v->ring[i].state == VHU_STOPPING);
	}
	atomic_store(&v->waiting, stopping || (v->later != NULL) || (v->phase == VHU_LEAVING));
}

void vhu_progress(struct vhu *v)
{
	loop_post(v->control, &v->progress);
}

static void back_task(struct loop_task *t)
{
	vhu_back_send(VIO_CONTAINER(t, struct vhu, back_task));
}

/* ---- set-up ---- */

static struct loop *loop_of(const struct vhu_config *cfg, uint16_t q)
{
	return ((cfg->queue_loop != NULL) && (cfg->queue_loop[q] != NULL)) ? cfg->queue_loop[q]
									   : cfg->control;
}

/* An executor for each different loop; rings find theirs. */
static void group(struct vhu *v)
{
	for (uint16_t i = 0; i < v->dev->nvq; i++) {
		struct loop *l = loop_of(&v->cfg, i);
		uint16_t k = 0;

		while ((k < v->nexec) && (v->exec[k].loop != l)) {
			k++;
		}
		if (k == v->nexec) {
			v->exec[k].v = v;
			v->exec[k].loop = l;
			v->exec[k].index = k;
			v->exec[k].polling = v->cfg.poll_us > 0;
			v->nexec++;
		}
		v->ring[i].v = v;
		v->ring[i].x = &v->exec[k];
		v->ring[i].q = &v->dev->vq[i];
		v->ring[i].index = i;
		vhu_ring_init(&v->ring[i]);
	}
	v->dev->many = v->nexec > 1u;
}

static struct vhu *open_common(const struct vhu_config *cfg, char err[256])
{
	uint16_t nvq = cfg->dev->nvq;
	struct vhu *v = calloc(1, sizeof(*v));
	int rc = sigbus_init();

	if ((v == NULL) || (rc != 0)) {
		(void)snprintf(err, 256, "%s: %s", cfg->name, strerror((rc != 0) ? rc : ENOMEM));
		free(v);
		return NULL;
	}
	(void)signal(SIGPIPE, SIG_IGN); /* call descriptors may be pipes whose reader left */
	v->cfg = *cfg;
	v->dev = cfg->dev;
	v->control = cfg->control;
	v->fd = -1;
	v->listen_fd = -1;
	v->back_fd = -1;
	v->bus_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	v->name = strdup(cfg->name);
	v->exec = zeroes_new(nvq * sizeof(*v->exec));
	v->asked = calloc(nvq, sizeof(*v->asked));
	v->ring = calloc(nvq, sizeof(*v->ring));
	v->progress.fn = progress_task;
	v->start.fn = start_task;
	v->back_task.fn = back_task;
	v->drain.fire = vhu_drain_fire;
	if ((v->name == NULL) || (v->exec == NULL) || (v->asked == NULL) || (v->ring == NULL) ||
	    (v->bus_fd < 0) || (loop_add(v->control, &v->bus, v->bus_fd, EPOLLIN, on_bus) != 0)) {
		(void)snprintf(err, 256, "%s: out of memory or file descriptors", cfg->name);
		free(v->ring);
		v->ring = NULL;
		destroy(v);
		return NULL;
	}
	group(v);
	v->cfg.queue_loop = NULL; /* the caller's array is not ours */
	for (uint16_t i = 0; i < v->nexec; i++) {
		loop_call(v->exec[i].loop, vhu_on_exec_open, &v->exec[i]);
	}
	vio_dev_attach(v->dev, &vhu_port_ops, v,
		       VIO_F_RINGS | ((cfg->iommu || cfg->window) ? VIO_F_ACCESS_PLATFORM : 0u));
	return v;
}

/* Bind `fd` to `path`; a file that nobody listens on any more is replaced. returns: 0 | errno */
static int bind_path(int fd, const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct stat st;
	int probe, rc;

	if (strlen(path) >= sizeof(a.sun_path)) {
		return ENAMETOOLONG;
	}
	(void)strcpy(a.sun_path, path);
	if (bind(fd, (const struct sockaddr *)&a, sizeof(a)) == 0) {
		return 0;
	}
	if ((errno != EADDRINUSE) || (stat(path, &st) != 0) || !S_ISSOCK(st.st_mode)) {
		return errno;
	}
	probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	rc = connect(probe, (const struct sockaddr *)&a, sizeof(a));
	rc = ((rc != 0) && (errno == ECONNREFUSED)) ? 0 : EADDRINUSE;
	close(probe);
	if (rc == 0) {
		(void)unlink(path);
		rc = (bind(fd, (const struct sockaddr *)&a, sizeof(a)) == 0) ? 0 : errno;
	}
	return rc;
}

struct vhu *vhu_listen(const struct vhu_config *cfg, const char *path, char err[256])
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int rc = (fd < 0) ? errno : bind_path(fd, path);
	struct stat st;
	struct vhu *v;

	if ((rc == 0) && (listen(fd, 8) != 0)) {
		rc = errno;
	}
	if (rc != 0) {
		(void)snprintf(err, 256, "%s: socket %s: %s%s", cfg->name, path, strerror(rc),
			       (rc == EADDRINUSE)
				       ? " (another program serves it, or a file is in the way: "
					 "stop it or choose another path)"
				       : "");
		if (fd >= 0) {
			close(fd);
		}
		return NULL;
	}
	v = vhu_adopt(cfg, fd, err);
	if ((v != NULL) && (stat(path, &st) == 0)) {
		v->path = strdup(path);
		v->path_dev = st.st_dev;
		v->path_ino = st.st_ino;
	}
	return v;
}

struct vhu *vhu_adopt(const struct vhu_config *cfg, int fd, char err[256])
{
	struct vhu *v = NULL;
	int listening = 0, type = 0;
	socklen_t len = sizeof(int), len2 = sizeof(int);

	if ((getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) != 0) ||
	    (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len2) != 0) || (type != SOCK_STREAM)) {
		(void)snprintf(err, 256, "%s: file descriptor %d is not a stream socket", cfg->name,
			       fd);
	} else {
		v = open_common(cfg, err);
	}
	if (v == NULL) {
		close(fd);
		return NULL;
	}
	if (listening != 0) {
		v->listen_fd = fd;
		(void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
		listen_again(v);
	} else if (serve(v, fd) != 0) {
		(void)snprintf(err, 256, "%s: file descriptor %d cannot be waited for", cfg->name,
			       fd);
		close(fd);
		destroy(v);
		return NULL;
	} else {
		/* serving */
	}
	return v;
}

int vhu_close(struct vhu *v)
{
	v->closing = true;
	vhu_die(v, NULL);
	if (v->phase == VHU_IDLE) {
		destroy(v);
		return VIO_OK;
	}
	if (leave_step(v)) {
		return VIO_OK;
	}
	v->close_later = true;
	return VIO_PENDING;
}
