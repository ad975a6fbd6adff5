/* SPDX-License-Identifier: BSD-3-Clause */
/* front_internal.h - the state of a front-end, shared by the front*.c */
#ifndef PORT_VHOST_USER_FRONT_INTERNAL_H
#define PORT_VHOST_USER_FRONT_INTERNAL_H

#include "port/vhost_user/front.h"
#include "port/vhost_user/proto.h"

struct vhf_region {
	uint8_t *p;
	uint64_t gpa, len, used; /* bytes */
	int fd;			 /* -1 once the back-end has it */
};

struct vhf_ring {
	bool set, live;
	int kick, call;
};

struct vhf {
	struct vhf_config cfg;
	int fd;
	bool failed;
	char error[256];
	uint64_t offered, features, proto;
	uint8_t status;
	uint32_t queues;
	pid_t pid;
	bool shown; /* the back-end has the memory */
	struct vhf_region *region;
	uint32_t nregion;
	struct vhf_ring ring[VHF_VQS];
	uint64_t kicks;
};

/* A request on its way out. */
struct vhf_out {
	uint32_t request;
	const void *body;
	uint32_t len;
	const int *fd;
	uint32_t nfd;
};

/* front_sock.c */
int vhf_fail(struct vhf *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int vhf_send(struct vhf *f, const struct vhf_out *o); /* with REPLY_ACK: waits for it */
/* a request that has a reply of its own, of exactly len bytes */
int vhf_ask(struct vhf *f, const struct vhf_out *o, void *reply, uint32_t len);
int vhf_ask_u64(struct vhf *f, uint32_t request, uint64_t *value);
int vhf_send_u64(struct vhf *f, uint32_t request, uint64_t value);
const char *vhf_name(uint32_t request);

/* front_mem.c */
int vhf_show(struct vhf *f); /* SET_MEM_TABLE or ADD_MEM_REG */
void vhf_memory_drop(struct vhf *f);

#endif
