/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * front_sock.c - messages of a front-end: requests out, replies in, and what can be wrong with them
 *
 * A request that fails leaves the connection failed: the two sides do not agree any more where a message begins.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "port/vhost_user/front_internal.h"

static const struct {
	uint32_t request;
	const char *name;
} names[] = {
	{ VHU_GET_FEATURES, "GET_FEATURES" },
	{ VHU_SET_FEATURES, "SET_FEATURES" },
	{ VHU_SET_OWNER, "SET_OWNER" },
	{ VHU_SET_MEM_TABLE, "SET_MEM_TABLE" },
	{ VHU_SET_VRING_NUM, "SET_VRING_NUM" },
	{ VHU_SET_VRING_ADDR, "SET_VRING_ADDR" },
	{ VHU_SET_VRING_BASE, "SET_VRING_BASE" },
	{ VHU_GET_VRING_BASE, "GET_VRING_BASE" },
	{ VHU_SET_VRING_KICK, "SET_VRING_KICK" },
	{ VHU_SET_VRING_CALL, "SET_VRING_CALL" },
	{ VHU_GET_PROTOCOL_FEATURES, "GET_PROTOCOL_FEATURES" },
	{ VHU_SET_PROTOCOL_FEATURES, "SET_PROTOCOL_FEATURES" },
	{ VHU_GET_QUEUE_NUM, "GET_QUEUE_NUM" },
	{ VHU_SET_VRING_ENABLE, "SET_VRING_ENABLE" },
	{ VHU_GET_CONFIG, "GET_CONFIG" },
	{ VHU_SET_CONFIG, "SET_CONFIG" },
	{ VHU_RESET_DEVICE, "RESET_DEVICE" },
	{ VHU_GET_MAX_MEM_SLOTS, "GET_MAX_MEM_SLOTS" },
	{ VHU_ADD_MEM_REG, "ADD_MEM_REG" },
	{ VHU_SET_STATUS, "SET_STATUS" },
	{ VHU_GET_STATUS, "GET_STATUS" },
};

const char *vhf_name(uint32_t request)
{
	for (size_t i = 0; i < (sizeof(names) / sizeof(names[0])); i++) {
		if (names[i].request == request) {
			return names[i].name;
		}
	}
	return "request";
}

int vhf_fail(struct vhf *f, const char *fmt, ...)
{
	va_list ap;

	if (!f->failed) {
		va_start(ap, fmt);
		(void)vsnprintf(f->error, sizeof(f->error), fmt, ap);
		va_end(ap);
	}
	f->failed = true;
	return VIO_E_IO;
}

static int64_t now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return ((int64_t)t.tv_sec * 1000) + (t.tv_nsec / 1000000);
}

/* Wait until the socket can be read or written; `what` is for the message. */
static int await(struct vhf *f, short events, int64_t until, uint32_t request)
{
	struct pollfd p = { .fd = f->fd, .events = events };
	int64_t left = until - now_ms();
	int rc;

	do {
		rc = poll(&p, 1, (left > 0) ? (int)left : 0);
		left = until - now_ms();
	} while ((rc < 0) && (errno == EINTR));
	if (rc > 0) {
		return VIO_OK;
	}
	return vhf_fail(f, "the back-end %s %s for %u ms%s",
			(events == POLLIN) ? "did not answer" : "does not read; sending",
			vhf_name(request), f->cfg.reply_ms,
			(f->offered == 0) ? ": does it serve another front-end?" : "");
}

static int64_t deadline(const struct vhf *f)
{
	return now_ms() + f->cfg.reply_ms;
}

static int push(struct vhf *f, const struct vhf_out *o, uint32_t flags)
{
	struct vhu_wire_header h = { .request = o->request, .flags = flags, .size = o->len };
	union {
		struct cmsghdr align;
		char b[CMSG_SPACE(sizeof(int) * VHU_TABLE_REGIONS)];
	} control = { .b = { 0 } };
	struct iovec iov[2] = { { .iov_base = &h, .iov_len = sizeof(h) },
				{ .iov_base = (void *)(uintptr_t)o->body, .iov_len = o->len } };
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = (o->len > 0) ? 2 : 1 };
	size_t left = sizeof(h) + o->len;
	int64_t until = deadline(f);

	if (o->nfd > 0) {
		struct cmsghdr *c = &control.align;

		m.msg_control = &control;
		m.msg_controllen = CMSG_SPACE(sizeof(int) * o->nfd);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * o->nfd);
		(void)memcpy(CMSG_DATA(c), o->fd, sizeof(int) * o->nfd);
	}
	while (left > 0) {
		ssize_t n = sendmsg(f->fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);

		if ((n < 0) && (errno == EAGAIN)) {
			if (await(f, POLLOUT, until, o->request) != VIO_OK) {
				return VIO_E_IO;
			}
		} else if ((n < 0) && (errno != EINTR)) {
			return vhf_fail(f, "sending %s to the back-end: %s", vhf_name(o->request),
					strerror(errno));
		} else if (n > 0) {
			left -= (size_t)n;
			for (size_t i = 0, cut = (size_t)n; (i < 2) && (cut > 0); i++) {
				size_t part = (cut < iov[i].iov_len) ? cut : iov[i].iov_len;

				iov[i].iov_base = (uint8_t *)iov[i].iov_base + part;
				iov[i].iov_len -= part;
				cut -= part;
			}
			m.msg_control = NULL; /* the descriptors left with the first byte */
			m.msg_controllen = 0;
		} else {
			/* interrupted: again */
		}
	}
	return VIO_OK;
}

static void close_fds(struct msghdr *m)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		for (size_t i = 0; (c->cmsg_type == SCM_RIGHTS) && (i < n); i++) {
			int fd;

			(void)memcpy(&fd, CMSG_DATA(c) + (i * sizeof(int)), sizeof(fd));
			(void)close(fd);
		}
	}
}

/* Read exactly len bytes; descriptors that no reply of ours has are closed. */
static int pull(struct vhf *f, void *dst, uint32_t len, int64_t until, uint32_t request)
{
	union {
		struct cmsghdr align;
		char b[CMSG_SPACE(sizeof(int) * 32u)];
	} control;
	uint32_t got = 0;

	while (got < len) {
		struct iovec iov = { .iov_base = (uint8_t *)dst + got, .iov_len = len - got };
		struct msghdr m = { .msg_iov = &iov,
				    .msg_iovlen = 1,
				    .msg_control = &control,
				    .msg_controllen = sizeof(control) };
		ssize_t n;

		if (await(f, POLLIN, until, request) != VIO_OK) {
			return VIO_E_IO;
		}
		n = recvmsg(f->fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
		if (n > 0) {
			close_fds(&m);
			got += (uint32_t)n;
		} else if ((n == 0) || (errno == ECONNRESET)) {
			return vhf_fail(
				f, "the back-end closed the connection at %s, its log says why",
				vhf_name(request));
		} else if ((errno != EAGAIN) && (errno != EINTR)) {
			return vhf_fail(f, "reading the answer to %s: %s", vhf_name(request),
					strerror(errno));
		} else {
			/* nothing yet */
		}
	}
	return VIO_OK;
}

static int answer(struct vhf *f, uint32_t request, void *reply, uint32_t len)
{
	struct vhu_wire_header h;
	int64_t until = deadline(f);

	if (pull(f, &h, sizeof(h), until, request) != VIO_OK) {
		return VIO_E_IO;
	}
	if ((h.request != request) ||
	    ((h.flags & (VHU_VERSION_MASK | VHU_IS_REPLY)) != (VHU_VERSION | VHU_IS_REPLY))) {
		return vhf_fail(f, "the back-end answered %s with message %u, flags 0x%x",
				vhf_name(request), h.request, h.flags);
	}
	if (h.size != len) {
		return vhf_fail(f, "the back-end answered %s with %u bytes, must be %u%s",
				vhf_name(request), h.size, len,
				((h.size == 0) && (request == VHU_GET_CONFIG))
					? ": it refuses; is it a device of this class?"
					: "");
	}
	return pull(f, reply, len, until, request);
}

int vhf_ask(struct vhf *f, const struct vhf_out *o, void *reply, uint32_t len)
{
	if (f->failed || (push(f, o, VHU_VERSION) != VIO_OK)) {
		return VIO_E_IO;
	}
	return answer(f, o->request, reply, len);
}

int vhf_send(struct vhf *f, const struct vhf_out *o)
{
	bool ack = (f->proto & VHU_P_REPLY_ACK) != 0;
	uint64_t refused = 0;

	if (f->failed || (push(f, o, VHU_VERSION | (ack ? VHU_NEED_REPLY : 0u)) != VIO_OK)) {
		return VIO_E_IO;
	}
	if (!ack) {
		return VIO_OK;
	}
	if (answer(f, o->request, &refused, sizeof(refused)) != VIO_OK) {
		return VIO_E_IO;
	}
	if (refused != 0) {
		return vhf_fail(f, "the back-end refuses %s, its log says why",
				vhf_name(o->request));
	}
	return VIO_OK;
}

int vhf_ask_u64(struct vhf *f, uint32_t request, uint64_t *value)
{
	struct vhf_out o = { .request = request };

	return vhf_ask(f, &o, value, sizeof(*value));
}

int vhf_send_u64(struct vhf *f, uint32_t request, uint64_t value)
{
	struct vhf_out o = { .request = request, .body = &value, .len = sizeof(value) };

	return vhf_send(f, &o);
}

int vhf_exchange(struct vhf *f, const struct vhf_message *m, struct vhf_reply *wait)
{
	struct vhf_out o = {
		.request = m->request, .body = m->body, .len = m->len, .fd = m->fd, .nfd = m->nfd
	};
	int64_t until = deadline(f);
	struct vhu_wire_header h;

	if (f->failed || (m->nfd > VHU_TABLE_REGIONS) ||
	    (push(f, &o, VHU_VERSION | (m->ack ? VHU_NEED_REPLY : 0u)) != VIO_OK)) {
		return VIO_E_IO;
	}
	if (wait == NULL) {
		return VIO_OK;
	}
	if (pull(f, &h, sizeof(h), until, m->request) != VIO_OK) {
		return VIO_E_IO;
	}
	if (h.size > sizeof(wait->body)) {
		return vhf_fail(f, "the back-end answered %s with %u bytes", vhf_name(m->request),
				h.size);
	}
	wait->request = h.request;
	wait->flags = h.flags;
	wait->size = h.size;
	return pull(f, wait->body, h.size, until, m->request);
}
