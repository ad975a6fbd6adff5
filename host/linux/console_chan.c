/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * console_chan.c - console host on Linux: bytes between one port and its descriptors
 *
 * Theory of operation. Nothing is read before the guest can take it and nothing is taken from the guest that the
 * descriptor does not accept, so both ends feel back-pressure and no queue grows. `ready` and `write` try at once;
 * when the kernel says "not now" the queue is noted in rxq or txq, the descriptor is watched for just that, and the
 * event wakes the queue, which tries again.
 *
 * While nobody is there (unix socket without client) output waits in the guest's ring, or is dropped when the option
 * says so. A client that leaves is noticed by EPOLLHUP, or by the first write that fails; what it sent before is
 * still given to the guest, up to one buffer.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/uio.h>
#include <unistd.h>
#include "host/linux/console.h"
#include "hosted/iov.h"
#include "hosted/log.h"

#define ESCAPE 0x1du /* Ctrl-] */
#define IOVS   16

static void chan_event(struct chan *ch, uint32_t events);

static void in_event(struct loop_fd *f, uint32_t events)
{
	chan_event(VIO_CONTAINER(f, struct chan, in_fd), events);
}

static void out_event(struct loop_fd *f, uint32_t events)
{
	chan_event(VIO_CONTAINER(f, struct chan, out_fd), events);
}

/* mask 0: a client is still watched for EPOLLHUP; anything else would only spin on a closed pipe */
static void watch(struct chan *ch, struct loop_fd *f, int fd, uint32_t mask,
		  void (*fn)(struct loop_fd *f, uint32_t events))
{
	bool client = ch->listen_fd.fn != NULL;

	if ((fd < 0) || (!mask && !client)) {
		loop_del(f);
	} else if (f->loop) {
		(void)loop_mod(f, mask);
	} else {
		(void)loop_add(ch->con->loop, f, fd, mask, fn);
	}
}

static void chan_watch(struct chan *ch)
{
	uint32_t in = ch->rxq && !ch->in_end ? EPOLLIN : 0u;
	uint32_t out = ch->txq ? EPOLLOUT : 0u;

	if (ch->in == ch->out) {
		watch(ch, &ch->in_fd, ch->in, in | out, in_event);
	} else {
		watch(ch, &ch->in_fd, ch->in, in, in_event);
		watch(ch, &ch->out_fd, ch->out, out, out_event);
	}
}

void chan_wake(struct vio_vq **q)
{
	struct vio_vq *w = *q;

	*q = NULL;
	if (w) {
		vio_vq_wake(w);
	}
}

static void chan_event(struct chan *ch, uint32_t events)
{
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
		chan_wake(&ch->rxq);
	}
	if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) {
		chan_wake(&ch->txq);
	}
	if ((events & (EPOLLHUP | EPOLLERR)) && ch->listen_fd.fn) {
		chan_close(ch);
	} else {
		chan_watch(ch);
	}
}

void chan_open(struct chan *ch, int in, int out)
{
	ch->in = in;
	ch->out = out;
	ch->in_end = false;
	chan_wake(&ch->rxq);
	chan_wake(&ch->txq);
	chan_watch(ch);
	if (ch->con->dev) {
		vio_console_open(ch->con->dev, ch->port, true);
	}
}

void chan_close(struct chan *ch)
{
	ssize_t n = 0;

	loop_del(&ch->in_fd);
	loop_del(&ch->out_fd);
	if (ch->in >= 0) {
		memmove(ch->buf, ch->buf + ch->at, ch->len);
		ch->at = 0;
		while ((ch->len < CHAN_BUF) &&
		       ((n = read(ch->in, ch->buf + ch->len, CHAN_BUF - ch->len)) > 0)) {
			ch->len += (uint32_t)n;
		}
		if ((ch->len == CHAN_BUF) && (read(ch->in, &n, 1) > 0)) {
			log_warn(ch->con->name,
				 "port %u: client left; input that the guest did not read is lost",
				 ch->port);
		}
		(void)close(ch->in);
	}
	if ((ch->out >= 0) && (ch->out != ch->in)) {
		(void)close(ch->out);
	}
	ch->in = -1;
	ch->out = -1;
	if (ch->len) {
		chan_wake(&ch->rxq);
	}
	if (ch->con->dev) {
		vio_console_open(ch->con->dev, ch->port, false);
	}
	if (ch->listen_fd.fn && !ch->listen_fd.loop) {
		(void)loop_add(ch->con->loop, &ch->listen_fd, ch->listen, EPOLLIN,
			       ch->listen_fd.fn);
	}
}

static struct chan *chan_of(void *host, uint32_t port)
{
	return &((struct con *)host)->chan[port];
}

/* Take Ctrl-] out of what a person typed. */
static uint32_t escaped(const struct chan *ch, uint8_t *buf, uint32_t n)
{
	const uint8_t *at = ch->escape ? memchr(buf, ESCAPE, n) : NULL;

	if (!at) {
		return n;
	}
	(void)kill(getpid(), SIGTERM);
	return (uint32_t)(at - buf);
}

static uint32_t con_ready(void *host, uint32_t port, struct vio_vq *q)
{
	struct chan *ch = chan_of(host, port);
	ssize_t n = -1;

	if (ch->len) {
		return ch->len;
	}
	errno = EAGAIN;
	while ((ch->in >= 0) && !ch->in_end) {
		n = read(ch->in, ch->buf, CHAN_BUF);
		if ((n >= 0) || (errno != EINTR)) {
			break;
		}
	}
	ch->at = 0;
	if (n > 0) {
		ch->len = escaped(ch, ch->buf, (uint32_t)n);
		if (ch->len) {
			return ch->len;
		}
	} else if ((n == 0) || (errno != EAGAIN)) {
		ch->in_end = true;
	}
	ch->rxq = q;
	chan_watch(ch);
	return 0;
}

static uint32_t con_read(void *host, uint32_t port, struct vio_span *s)
{
	struct chan *ch = chan_of(host, port);
	uint32_t n = vio_span_write(s, ch->buf + ch->at, s->len < ch->len ? s->len : ch->len);

	ch->at += n;
	ch->len -= n;
	return n;
}

static ssize_t write_some(int fd, struct vio_span s, uint32_t skip)
{
	struct iovec iov[IOVS];

	return writev(fd, iov, iov_of_span(s, skip, iov, IOVS));
}

static uint32_t con_write(void *host, uint32_t port, struct vio_vq *q, struct vio_span *s)
{
	struct chan *ch = chan_of(host, port);
	uint32_t done = 0;

	while ((ch->out >= 0) && (done < s->len)) {
		ssize_t n = write_some(ch->out, *s, done);

		if (n > 0) {
			done += (uint32_t)n;
		} else if ((n < 0) && (errno == EAGAIN)) {
			if (ch->deaf) {
				return s->len;
			}
			break;
		} else if ((n < 0) && ch->listen_fd.fn && (errno != EINTR)) {
			chan_close(ch);
		} else if ((n == 0) || (errno != EINTR)) {
			if (!ch->failed) {
				log_error(ch->con->name, "port %u: output is lost: %s", port,
					  strerror(errno));
				ch->failed = true;
			}
			return s->len;
		}
	}
	if ((ch->out < 0) && ch->con->drop) {
		return s->len;
	}
	if (done < s->len) {
		ch->txq = q;
		chan_watch(ch);
	}
	return done;
}

static int con_port(void *host, uint32_t port, struct vio_console_port_info *info)
{
	const struct con *c = host;
	const char *name = c->names;
	const struct chan *ch;
	size_t n;

	if (port >= c->n) {
		return VIO_E_ARG;
	}
	ch = &c->chan[port];
	for (uint32_t i = 0; name && (i < port); i++) {
		name = strchr(name, ',');
		name = name ? name + 1 : NULL;
	}
	n = name ? strcspn(name, ",") : 0;
	n = n < VIO_CONSOLE_NAME_MAX ? n : VIO_CONSOLE_NAME_MAX;
	if (n) {
		memcpy(info->name, name, n);
	}
	info->name[n] = 0;
	info->console = port == 0;
	info->open = (ch->in >= 0) || (ch->out >= 0);
	info->cols = port ? 0 : c->cols;
	info->rows = port ? 0 : c->rows;
	return VIO_OK;
}

static void con_emergency(void *host, uint8_t b)
{
	const struct chan *ch = chan_of(host, 0);

	if ((ch->out >= 0) && (write(ch->out, &b, 1) < 1)) {
		return; /* nobody to tell */
	}
}

const struct vio_console_host_ops chan_ops = {
	.port = con_port,
	.write = con_write,
	.ready = con_ready,
	.read = con_read,
	.emergency = con_emergency,
};
