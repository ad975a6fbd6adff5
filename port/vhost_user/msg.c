/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * msg.c - bytes to messages and back
 *
 * Theory of operation. A message is read in two steps, header and body, with exactly the bytes that are missing, so
 * that descriptors of the next one are never taken. They may come with either part. Everything about the header is
 * checked before a byte of the body is read. One message is handled at a time and its reply leaves before the next
 * is read: a front-end that does not read its replies stops only itself. Messages per wake-up are bounded.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "port/vhost_user/internal.h"

#define MESSAGES_A_ROUND 32
#define FDS_A_READ	 32u /* more than any request has: what the kernel cuts off is an error anyway */

void vhu_msg_drop(struct vhu_msg *m)
{
	for (uint32_t i = 0; (i < m->nfd) && (i < VHU_FDS); i++) {
		if (m->fd[i] >= 0) {
			close(m->fd[i]);
		}
	}
	m->nfd = 0;
	m->got = 0;
}

int vhu_refuse(struct vhu *v, const char *fmt, ...)
{
	char line[200];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	log_warn(v->name, "%s refused: %s", (v->op != NULL) ? v->op->name : "start of the device",
		 line);
	return VHU_REFUSED;
}

static void take_fds(struct vhu_msg *m, const struct cmsghdr *c)
{
	size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

	for (size_t i = 0; i < n; i++) {
		int fd;

		(void)memcpy(&fd, CMSG_DATA(c) + (i * sizeof(int)), sizeof(fd));
		if (m->nfd < VHU_FDS) {
			m->fd[m->nfd] = fd;
		} else {
			close(fd);
		}
		m->nfd++;
	}
}

/* returns: > 0 something came | 0 nothing now | -1 the connection is over, with its reason said */
static int read_some(struct vhu *v, void *dst, uint32_t len)
{
	union {
		struct cmsghdr align;
		char b[CMSG_SPACE(sizeof(int) * FDS_A_READ)];
	} control;
	struct iovec iov = { .iov_base = dst, .iov_len = len };
	struct msghdr h = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = &control,
			    .msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(v->fd, &h, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if ((n < 0) && ((errno == EAGAIN) || (errno == EINTR))) {
		return 0;
	}
	if (n >= 0) {
		for (struct cmsghdr *c = CMSG_FIRSTHDR(&h); c != NULL; c = CMSG_NXTHDR(&h, c)) {
			if ((c->cmsg_level == SOL_SOCKET) && (c->cmsg_type == SCM_RIGHTS)) {
				take_fds(&v->in, c);
			}
		}
	}
	if (n <= 0) {
		if (v->in.got != 0) {
			vhu_die(v, "front-end closed in the middle of a message, after %u bytes",
				v->in.got);
		} else if ((n < 0) && (errno != ECONNRESET)) {
			vhu_die(v, "reading from the front-end: %s", strerror(errno));
		} else {
			vhu_die(v, NULL);
		}
		return -1;
	}
	if ((h.msg_flags & MSG_CTRUNC) != 0) {
		vhu_die(v, "a message with too many file descriptors, or this process is out of "
			   "them (ulimit -n)");
		return -1;
	}
	v->in.got += (uint32_t)n;
	return 1;
}

/* The header is complete. returns: false when the connection ended */
static bool check_header(struct vhu *v)
{
	const struct vhu_wire_header *h = &v->in.h;
	const struct vhu_op *op = vhu_op_find(h->request);

	v->op = op;
	if (((h->flags & VHU_VERSION_MASK) != VHU_VERSION) || ((h->flags & VHU_IS_REPLY) != 0)) {
		vhu_die(v, "message %u with flags 0x%x: not a vhost-user request", h->request,
			h->flags);
		return false;
	}
	if (h->size > sizeof(v->in.b)) {
		vhu_die(v, "%s (%u) of %u bytes: too long",
			(op != NULL) ? op->name : "unknown message", h->request, h->size);
		return false;
	}
	if ((op != NULL) && ((h->size < op->min) || (h->size > op->max))) {
		vhu_die(v, "%s of %u bytes, must be %u to %u", op->name, h->size, op->min, op->max);
		return false;
	}
	return true;
}

void vhu_reply(struct vhu *v, const void *body, uint32_t len)
{
	struct vhu_wire_header h = { .request = v->in.h.request,
				     .flags = VHU_VERSION | VHU_IS_REPLY,
				     .size = len };

	(void)memcpy(v->out.b, &h, sizeof(h));
	if (len > 0) {
		(void)memcpy(v->out.b + sizeof(h), body, len);
	}
	v->out.off = 0;
	v->out.len = (uint32_t)sizeof(h) + len;
}

void vhu_flush(struct vhu *v)
{
	while (v->out.off < v->out.len) {
		ssize_t n = send(v->fd, v->out.b + v->out.off, v->out.len - v->out.off,
				 MSG_DONTWAIT | MSG_NOSIGNAL);

		if ((n < 0) && ((errno == EAGAIN) || (errno == EINTR))) {
			return;
		}
		if (n < 0) {
			vhu_die(v, "answering the front-end: %s", strerror(errno));
			return;
		}
		v->out.off += (uint32_t)n;
	}
	v->out.off = 0;
	v->out.len = 0;
}

/* The message in v->in is handled. */
static void finish(struct vhu *v, int answer)
{
	const char *name = (v->op != NULL) ? v->op->name : "unknown message";
	bool ack = ((v->proto & VHU_P_REPLY_ACK) != 0) && ((v->in.h.flags & VHU_NEED_REPLY) != 0) &&
		   ((v->op == NULL) || !v->op->replies);
	uint64_t u64 = (answer == VHU_DONE) ? 0 : 1;

	v->refusals += (answer == VHU_REFUSED) ? 1u : 0u;
	if ((answer == VHU_FATAL) || (v->refusals > VHU_REFUSALS_MAX)) {
		vhu_die(v, "%s ends the connection", name);
		return;
	}
	if ((answer == VHU_REFUSED) && !ack) {
		vhu_die(v, "%s cannot be refused without a reply: the connection ends", name);
		return;
	}
	if (ack) {
		vhu_reply(v, &u64, sizeof(u64));
	}
	vhu_msg_drop(&v->in);
	v->op = NULL;
	vhu_flush(v);
}

static void handle(struct vhu *v)
{
	struct vhu_msg *m = &v->in;
	const struct vhu_op *op = v->op;
	int answer;

	if (op == NULL) {
		log_warn(v->name, "message %u is unknown, or a feature that was not offered",
			 m->h.request);
		answer = VHU_REFUSED;
	} else if ((m->nfd < op->fd_min) || (m->nfd > op->fd_max)) {
		vhu_die(v, "%s with %u file descriptors, must be %u to %u", op->name, m->nfd,
			op->fd_min, op->fd_max);
		return;
	} else if ((op->needs & ~v->proto) != 0) {
		answer = vhu_refuse(v, "its protocol feature (0x%llx) is not negotiated",
				    (unsigned long long)op->needs);
	} else {
		answer = op->fn(v, m);
	}
	if ((v->phase == VHU_SERVING) && (answer != VHU_LATER)) {
		finish(v, answer);
	}
}

void vhu_drain_fire(struct vio_timer *t)
{
	struct vhu *v = VIO_CONTAINER(t, struct vhu, drain);

	v->drain_over = true;
	vhu_progress(v);
}

int vhu_wait(struct vhu *v, int (*later)(struct vhu *v))
{
	struct vio_clock *c = loop_clock(v->control);
	int answer;

	v->drain_over = false;
	atomic_store(&v->waiting, true); /* before the first look, so that nothing is missed */
	answer = later(v);
	if (answer == VHU_LATER) {
		v->later = later;
		c->set(c, &v->drain, c->now(c) + VHU_DRAIN_NS);
	}
	return answer;
}

void vhu_later_step(struct vhu *v)
{
	struct vio_clock *c = loop_clock(v->control);
	int answer;

	if ((v->later == NULL) || (v->phase != VHU_SERVING)) {
		return;
	}
	answer = v->later(v);
	if (answer == VHU_LATER) {
		return;
	}
	v->later = NULL;
	c->set(c, &v->drain, 0);
	finish(v, answer);
	if (v->phase == VHU_SERVING) {
		vhu_input(v);
	}
}

void vhu_input(struct vhu *v)
{
	struct vhu_msg *m = &v->in;

	for (int i = 0; (i < MESSAGES_A_ROUND) && (v->phase == VHU_SERVING) && (v->later == NULL) &&
			(v->out.len == 0);) {
		uint32_t head = (uint32_t)sizeof(m->h);
		int rc = 1;

		if (m->got < head) {
			rc = read_some(v, (uint8_t *)&m->h + m->got, head - m->got);
			if ((rc > 0) && (m->got == head) && !check_header(v)) {
				return;
			}
		}
		if ((rc > 0) && (m->got >= head) && ((m->got - head) < m->h.size)) {
			rc = read_some(v, m->b.byte + (m->got - head), m->h.size - (m->got - head));
		}
		if (rc < 0) {
			return;
		}
		if (rc == 0) {
			break;
		}
		if ((m->got >= head) && ((m->got - head) == m->h.size)) {
			handle(v);
			i++;
		}
	}
	if (v->phase == VHU_SERVING) {
		vhu_events(v);
	}
}
