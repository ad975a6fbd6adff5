/* SPDX-License-Identifier: BSD-3-Clause */
/* raw.c - a message of a front-end, as it comes */
#define _GNU_SOURCE
#include <string.h>
#include <sys/socket.h>
#include "test/support/raw.h"

bool raw_receive(int fd, struct raw_message *m)
{
	union {
		struct cmsghdr align;
		char b[CMSG_SPACE(sizeof(int) * VHU_TABLE_REGIONS)];
	} c;
	struct iovec iov = { .iov_base = &m->h, .iov_len = sizeof(m->h) };
	struct msghdr h = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof(c)
	};
	struct cmsghdr *one;

	m->nfd = 0;
	if (recvmsg(fd, &h, MSG_WAITALL | MSG_CMSG_CLOEXEC) != (ssize_t)sizeof(m->h)) {
		return false;
	}
	one = CMSG_FIRSTHDR(&h);
	if (one) {
		m->nfd = (unsigned)((one->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		memcpy(m->fd, CMSG_DATA(one), m->nfd * sizeof(int));
	}
	if (m->h.size == 0) {
		return true; /* the kernel waits even for nothing */
	}
	return m->h.size <= sizeof(m->b) &&
	       recv(fd, &m->b, m->h.size, MSG_WAITALL) == (ssize_t)m->h.size;
}
