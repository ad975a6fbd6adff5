/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * front.h - vhost-user, front-end side: a driver of this process reaches a back-end behind a Unix socket
 *
 * source: vhost-user protocol, docs/interop/vhost-user.rst of QEMU
 *
 * The order of calls: vhf_connect, vhf_memory, vio_drv_probe with vhf_bus, for each queue vhf_alloc for its ring and
 * vio_bus_ops.setup, then set_status with DRIVER_OK, which enables the queues; at the end vhf_stop for each, vhf_close.
 *
 * The back-end is not trusted: a reply of a wrong kind or length, one that does not come, and a socket that closes are
 * VIO_E_IO, and vhf_error says what happened. Nothing is sent afterwards.
 *
 * Threads: one at a time. Functions that wait for a reply block, at most reply_ms.
 */
#ifndef PORT_VHOST_USER_FRONT_H
#define PORT_VHOST_USER_FRONT_H

#include <sys/types.h>
#include "vio/drv.h"

#define VHF_REGIONS_MAX 509u /* as many as any back-end takes */
#define VHF_VQS		256u /* queues of one device: the protocol has one byte for them */

struct vhf;

struct vhf_config {
	uint32_t reply_ms; /* ms, > 0: the longest that a reply may take */
	uint64_t without;  /* protocol feature bits that are not used although they are offered */
	uint64_t
		with; /* more bits that are taken when offered; the caller does what they are for, by vhf_exchange */
};

/*
 * vhf_connect - connect, SET_OWNER, protocol features
 * wait_ms: a socket that nobody listens on yet is tried again that long; 0: once
 * returns: NULL and a line in err[0..256) on failure
 */
struct vhf *vhf_connect(const struct vhf_config *cfg, const char *path, uint32_t wait_ms,
			char err[256]);
/* vhf_adopt - as vhf_connect, on a socket that is connected; fd: ours from here on, also on failure */
struct vhf *vhf_adopt(const struct vhf_config *cfg, int fd, char err[256]);
/* vhf_close - the rings need not be stopped; unmaps what vhf_alloc gave out */
void vhf_close(struct vhf *f);

/*
 * vhf_memory - what both sides share: n regions, each a file of its own, none next to another in guest addresses
 * bytes: of each, rounded up to pages; n: 1 .. VHF_REGIONS_MAX. The back-end learns of them with the features.
 * returns: VIO_OK | VIO_E_NOTSUP more than the back-end takes | VIO_E_IO this machine has no memory | VIO_E_ARG
 */
int vhf_memory(struct vhf *f, uint32_t n, uint64_t bytes);
/*
 * vhf_alloc - take memory out of region `at`, modulo their number; never given back
 * align: a power of two, at most a page. returns: VIO_OK | VIO_E_AGAIN the region is full
 */
int vhf_alloc(struct vhf *f, uint32_t at, uint32_t len, uint32_t align, struct vio_dma *out);

/* vhf_bus - how a driver reaches the device; bus: struct vhf. Queue reset does not exist in this protocol. */
extern const struct vio_bus_ops vhf_bus;

/*
 * vhf_stop - take a queue from the back-end (GET_VRING_BASE)
 * base: the position the back-end answers; for split rings the next entry of the available ring. May be NULL.
 */
int vhf_stop(struct vhf *f, uint16_t vq, uint32_t *base);
/* vhf_kick_fd, vhf_call_fd - event counters of a queue that is set up; they do not block; the driver reads the call's */
int vhf_kick_fd(const struct vhf *f, uint16_t vq);
int vhf_call_fd(const struct vhf *f, uint16_t vq);
/* vhf_gone - true: the back-end closed the socket, or the connection failed before; does not block */
bool vhf_gone(struct vhf *f);
int vhf_socket(const struct vhf *f); /* to wait on: readable when the back-end closes */
/* vhf_error - what went wrong first, "" when nothing did; valid until vhf_close */
const char *vhf_error(const struct vhf *f);

/*
 * For tests of back-ends, which say what no driver of ours says.
 * vhf_exchange - one message, and what comes back; no check but that of a reply's frame
 * wait: a reply is awaited there, at most reply_ms; NULL: none
 * returns: VIO_OK | VIO_E_IO as everywhere
 */
struct vhf_message {
	uint32_t request;
	const void *body;
	uint32_t len; /* bytes of body */
	const int *fd;
	uint32_t nfd; /* at most 8; they stay the caller's */
	bool ack;     /* with need_reply */
};
struct vhf_reply {
	uint32_t request, flags, size; /* as they came */
	uint8_t body[512];	       /* a longer payload is VIO_E_IO */
};
int vhf_exchange(struct vhf *f, const struct vhf_message *m, struct vhf_reply *wait);

uint64_t vhf_protocol(const struct vhf *f); /* protocol features in use, VHU_P_* of proto.h */
uint32_t vhf_queues(const struct vhf *f);   /* most queues, as the back-end says; 0: it does not */
pid_t vhf_pid(const struct vhf *f);	    /* who listens there; 0: unknown */
uint64_t vhf_kicks(const struct vhf *f);    /* notifications sent by vio_bus_ops.kick */

#endif
