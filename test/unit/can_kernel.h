/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * can_kernel.h - SocketCAN as the Linux host of CAN sees it, played
 *
 * This program's own socket(), bind(), setsockopt(), ioctl(), send(), recv() and recvmsg() are an interface, of which
 * the other end is in the test's hands. What the loop watches is a pair of real sockets.
 */
#ifndef TEST_CAN_KERNEL_H
#define TEST_CAN_KERNEL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <linux/can.h>
#include <linux/can/error.h>
#include <linux/can/raw.h>
#include <net/if.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "host_bed.h"

struct heard { /* what a datagram of the pair carries */
	struct canfd_frame f;
	int size, flags, error;
};

static struct {
	int pair[2];   /* the host's, the test's */
	int mtu, busy; /* busy: sends that are refused for now */
	int pending;   /* errno that the socket has, once */
	int no_socket, no_index, no_mtu, no_bind, down, dead; /* errno, or 0 */
	struct canfd_frame sent[16];
	size_t size[16];
	unsigned nsent, binds;
	bool own, fd_frames;
	bool deaf; /* it has no filter: its interface was pulled out */
	can_err_mask_t errors;
} k;

int socket(int domain, int type, int protocol)
{
	if (domain != PF_CAN) {
		return (int)syscall(SYS_socket, domain, type, protocol);
	}
	assert_int_equal(protocol, CAN_RAW);
	errno = k.no_socket;
	return k.no_socket ? -1 : k.pair[0];
}

int bind(int fd, __CONST_SOCKADDR_ARG a, socklen_t n)
{
	struct sockaddr_can c;

	assert_int_equal(fd, k.pair[0]);
	assert_int_equal(n, sizeof(c));
	memcpy(&c, a.__sockaddr__, sizeof(c));
	assert_int_equal(c.can_ifindex, 7);
	k.binds++;
	errno = k.no_bind;
	return k.no_bind ? -1 : 0;
}

int setsockopt(int fd, int level, int name, const void *value, socklen_t n)
{
	assert_int_equal(fd, k.pair[0]);
	assert_int_equal(level, SOL_CAN_RAW);
	assert_int_equal(n, name == CAN_RAW_FILTER ? sizeof(struct can_filter) : 4);
	if (name == CAN_RAW_RECV_OWN_MSGS) {
		k.own = true;
	} else if (name == CAN_RAW_FD_FRAMES) {
		k.fd_frames = true;
	} else if (name == CAN_RAW_FILTER) {
		k.deaf = false;
	} else {
		assert_int_equal(name, CAN_RAW_ERR_FILTER);
		memcpy(&k.errors, value, 4);
	}
	return 0;
}

int ioctl(int fd, unsigned long request, ...)
{
	struct ifreq *i;
	va_list ap;

	va_start(ap, request);
	i = va_arg(ap, struct ifreq *);
	va_end(ap);
	assert_int_equal(fd, k.pair[0]);
	assert_string_equal(i->ifr_name, "can7");
	switch (request) {
	case SIOCGIFINDEX:
		i->ifr_ifindex = 7;
		errno = k.no_index;
		return k.no_index ? -1 : 0;
	case SIOCGIFMTU:
		i->ifr_mtu = k.mtu;
		errno = k.no_mtu;
		return k.no_mtu ? -1 : 0;
	default:
		assert_int_equal(request, SIOCGIFFLAGS);
		i->ifr_flags = (short)(k.down ? 0 : IFF_UP);
		return 0;
	}
}

ssize_t send(int fd, const void *p, size_t n, int flags)
{
	(void)flags;
	assert_int_equal(fd, k.pair[0]);
	errno = k.dead ? k.dead : ENOBUFS;
	if (k.dead || k.busy) {
		k.busy -= k.busy > 0;
		return -1;
	}
	assert_true(k.nsent < 16);
	memcpy(&k.sent[k.nsent], p, n);
	k.size[k.nsent++] = n;
	return (ssize_t)n;
}

ssize_t recv(int fd, void *p, size_t n, int flags)
{
	if (k.pending) {
		errno = k.pending;
		k.pending = 0;
		return -1;
	}
	return syscall(SYS_recvfrom, fd, p, n, flags, NULL, NULL);
}

ssize_t recvmsg(int fd, struct msghdr *m, int flags)
{
	struct heard h;
	ssize_t n = recv(fd, &h, sizeof(h), flags);

	if (n < 0) {
		return n;
	}
	k.deaf = k.deaf ||
		 h.error == ENODEV; /* as Linux has it: its filters went with the interface */
	errno = h.error ? h.error : EAGAIN;
	if (h.error || k.deaf) {
		return -1;
	}
	memcpy(m->msg_iov[0].iov_base, &h.f, (size_t)h.size);
	m->msg_flags = h.flags;
	return h.size;
}

#endif
