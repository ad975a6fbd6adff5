/* SPDX-License-Identifier: BSD-3-Clause */
/* front_open.c - begin and end of a front-end: connect, what both sides speak, close */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include "port/vhost_user/front_internal.h"

#define PROTO_KNOWN                                                                                \
	(VHU_P_MQ | VHU_P_REPLY_ACK | VHU_P_CONFIG | VHU_P_RESET_DEVICE | VHU_P_MEM_SLOTS |        \
	 VHU_P_STATUS)

/* Everything before the driver's own features. */
static int hello(struct vhf *f)
{
	struct vhf_out owner = { .request = VHU_SET_OWNER };
	struct ucred peer = { .pid = 0 };
	socklen_t len = sizeof(peer);
	uint64_t n, proto;

	if (getsockopt(f->fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0) {
		f->pid = peer.pid;
	}
	if ((vhf_send(f, &owner) != VIO_OK) || (vhf_bus.features(f, &n) != VIO_OK)) {
		return VIO_E_IO;
	}
	if ((f->offered & VHU_F_PROTOCOL) == 0) {
		return VIO_OK; /* an old back-end: nothing of what follows exists */
	}
	if (vhf_ask_u64(f, VHU_GET_PROTOCOL_FEATURES, &proto) != VIO_OK) {
		return VIO_E_IO;
	}
	proto &= (PROTO_KNOWN | f->cfg.with) & ~f->cfg.without;
	if (vhf_send_u64(f, VHU_SET_PROTOCOL_FEATURES, proto) != VIO_OK) {
		return VIO_E_IO;
	}
	f->proto = proto;
	if ((proto & VHU_P_MQ) == 0) {
		return VIO_OK;
	}
	if (vhf_ask_u64(f, VHU_GET_QUEUE_NUM, &n) != VIO_OK) {
		return VIO_E_IO;
	}
	if ((n == 0) || (n > UINT16_MAX)) {
		return vhf_fail(f, "the back-end says that it has %llu queues",
				(unsigned long long)n);
	}
	f->queues = (uint32_t)n;
	return VIO_OK;
}

struct vhf *vhf_adopt(const struct vhf_config *cfg, int fd, char err[256])
{
	struct vhf *f = calloc(1, sizeof(*f));

	if (f == NULL) {
		(void)snprintf(err, 256, "no memory");
		(void)close(fd);
		return NULL;
	}
	f->cfg = *cfg;
	f->fd = fd;
	for (uint32_t i = 0; i < VHF_VQS; i++) {
		f->ring[i].kick = -1;
		f->ring[i].call = -1;
	}
	if (hello(f) != VIO_OK) {
		(void)snprintf(err, 256, "%s", f->error);
		vhf_close(f);
		return NULL;
	}
	return f;
}

struct vhf *vhf_connect(const struct vhf_config *cfg, const char *path, uint32_t wait_ms,
			char err[256])
{
	static const struct timespec pause = { .tv_nsec = 1000000 };
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	size_t len = strlen(path);
	int fd, rc;

	if ((len == 0) || (len >= sizeof(a.sun_path))) {
		(void)snprintf(err, 256, "%.100s: a socket's path has 1 to %zu bytes", path,
			       sizeof(a.sun_path) - 1);
		return NULL;
	}
	(void)memcpy(a.sun_path, path, len);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		(void)snprintf(err, 256, "a socket: %s", strerror(errno));
		return NULL;
	}
	for (uint32_t t = 0;; t++) {
		rc = connect(fd, (const struct sockaddr *)&a, sizeof(a));
		if ((rc == 0) || (t >= wait_ms) || ((errno != ENOENT) && (errno != ECONNREFUSED))) {
			break;
		}
		(void)nanosleep(&pause, NULL);
	}
	if (rc != 0) {
		(void)snprintf(err, 256, "%s: %s%s", path, strerror(errno),
			       ((errno == ENOENT) || (errno == ECONNREFUSED))
				       ? "; is the back-end running?"
				       : "");
		(void)close(fd);
		return NULL;
	}
	return vhf_adopt(cfg, fd, err);
}

void vhf_close(struct vhf *f)
{
	for (uint32_t i = 0; i < VHF_VQS; i++) {
		if (f->ring[i].kick >= 0) {
			(void)close(f->ring[i].kick);
		}
		if (f->ring[i].call >= 0) {
			(void)close(f->ring[i].call);
		}
	}
	vhf_memory_drop(f);
	(void)close(f->fd);
	free(f);
}
