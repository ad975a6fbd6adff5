/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fz_vhost.c - the vhost-user port under what libFuzzer makes of a front-end's messages
 *
 * usage: fz_vhost [LIBFUZZER-OPTION]... [CORPUS]...
 *
 * An input is a byte of how the port is opened (4: INBAND_NOTIFICATIONS is offered; else 1: iommu, 2: window), then messages: request,
 * a byte of how (1, 2: so many descriptors of a guest's memory; 3: an event counter; 4: wants an acknowledgement; 8: the
 * header says more bytes than there are; 16: the next message is sent before this one is looked at), length, body. Connection
 * after connection to one device, on libFuzzer's thread. What must hold, beside what the sanitizers see: each connection
 * can be closed within a moment, and no descriptor stays behind.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include "hosted/log.h"
#include "hosted/loop.h"
#include "port/vhost_user/proto.h"
#include "port/vhost_user/vhost_user.h"
#include "test/support/tdev.h"

#define MESSAGES 64u
#define RAM	 65536u
#define ROUNDS	 3000u /* a message may wait 2 s for requests; these rounds are a millisecond */

#define MUST(holds)                                                                                \
	do {                                                                                       \
		if (!(holds)) {                                                                    \
			fprintf(stderr, "fz_vhost.c: line %d: %s\n", __LINE__, #holds);            \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

static struct loop *loop;
static struct tdev dev;
static int ram = -1, counter = -1;
static bool closed;

static void on_closed(void *arg)
{
	(void)arg;
	closed = true;
}

/* The lowest number that is free: a descriptor that stayed behind moves it */
static int free_fd(void)
{
	int fd = dup(ram);

	close(fd);
	return fd;
}

static void send_message(int fd, uint32_t request, uint32_t how, const uint8_t *body, uint32_t len)
{
	struct {
		struct vhu_wire_header h;
		uint8_t b[256];
	} m = { .h = { request, VHU_VERSION | ((how & 4u) ? VHU_NEED_REPLY : 0u),
		       len + ((how & 8u) ? 8u : 0u) } };
	union {
		struct cmsghdr align;
		char b[CMSG_SPACE(sizeof(int) * 2u)];
	} c;
	struct iovec iov = { .iov_base = &m, .iov_len = sizeof(m.h) + len };
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1 };
	const int fds[2] = { (how & 3u) == 3u ? counter : ram, ram };
	size_t bytes = sizeof(int) * ((how & 3u) == 3u ? 1u : how & 3u);

	memcpy(m.b, body, len);
	if (bytes > 0u) {
		memset(&c, 0, sizeof(c));
		h.msg_control = &c;
		h.msg_controllen = CMSG_SPACE(bytes);
		CMSG_FIRSTHDR(&h)->cmsg_level = SOL_SOCKET;
		CMSG_FIRSTHDR(&h)->cmsg_type = SCM_RIGHTS;
		CMSG_FIRSTHDR(&h)->cmsg_len = CMSG_LEN(bytes);
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&h)), fds, bytes);
	}
	(void)sendmsg(fd, &h, MSG_NOSIGNAL | MSG_DONTWAIT); /* the back-end may have hung up */
}

/* What comes back is not looked at here: t_vhost_abuse does. Descriptors in it are closed. */
static void drain(int fd)
{
	char b[4096];

	while (recv(fd, b, sizeof(b), MSG_DONTWAIT) > 0) {
	}
}

static void talk(int fd, const uint8_t *p, size_t left)
{
	for (unsigned n = 0; left >= 3u && n < MESSAGES; n++) {
		uint32_t request = p[0], how = p[1], len = p[2];

		p += 3;
		left -= 3u;
		len = len < left ? len : (uint32_t)left;
		send_message(fd, request, how, p, len);
		p += len;
		left -= len;
		if (!(how & 16u)) {
			loop_once(loop, 0);
			drain(fd);
		}
	}
	loop_once(loop, 0);
	drain(fd);
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	log_init((enum log_level)0); /* nothing */
	loop = loop_new("fuzz");
	ram = memfd_create("guest", MFD_CLOEXEC);
	counter = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	MUST(loop && ram >= 0 && counter >= 0 && ftruncate(ram, RAM) == 0);
	MUST(tdev_init(&dev, NULL, false) == VIO_OK);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vhu_config cfg = {
		.dev = &dev.d, .name = "fuzz", .control = loop, .closed = on_closed
	};
	char err[256] = "";
	struct vhu *v;
	int fd[2], lowest;

	if (size < 1u) {
		return 0;
	}
	cfg.inband = (*data & 4u) != 0u;
	cfg.iommu = (*data & 5u) == 1u;
	cfg.window = (*data & 7u) == 2u;
	lowest = free_fd();
	MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) == 0);
	v = vhu_adopt(&cfg, fd[1], err);
	MUST(v);
	loop_once(loop, 0);
	talk(fd[0], data + 1, size - 1u);
	close(fd[0]);
	loop_once(loop, 0);
	closed = vhu_close(v) == VIO_OK;
	for (unsigned n = 0; !closed && n < ROUNDS; n++) {
		loop_once(loop, n ? 1 : 0);
	}
	MUST(closed);
	MUST(free_fd() == lowest);
	return 0;
}
