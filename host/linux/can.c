/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * can.c - a CAN interface of this machine, by a raw SocketCAN socket
 *
 * Frames of the guest are sent in their order. What the kernel does not take now (ENOBUFS: its queue is full) waits
 * here, with all behind it, until a timer tries again: a socket does not tell when the queue of an interface has room.
 * The kernel gives each frame that was on the bus back to its sender (MSG_CONFIRM); with `ack` a frame is completed by
 * that, the oldest that is the same, else as soon as the kernel has it.
 *
 * The socket hears nothing while the controller is stopped: it is taken from the loop, and what it holds is thrown away
 * at the next start. Bus-off comes as an error frame; an interface that is taken down, or pulled out, is the same to a
 * guest. Who brings it up again is the administrator of this machine, or restart-ms of the interface.
 */
#include <errno.h>
#include <linux/can.h>
#include <linux/can/error.h>
#include <linux/can/raw.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include "hosted/host_kind.h"
#include "hosted/log.h"
#include "vio/can.h"

#define RETRY	1000000u /* ns */
#define A_ROUND 64u	 /* frames that are received before other devices have their turn */
#define STALE	4096u	 /* frames that are thrown away at a start, at most */

enum { WAITS, SENT }; /* vio_can_tx.word */

struct can_host {
	const char *name;
	char ifname[IFNAMSIZ];
	struct loop *loop;
	struct vio_clock *clock;
	struct vio_timer timer; /* set while the first of the list waits */
	struct loop_fd in;
	int fd;
	bool told; /* that it is not up */
	struct vio_can_able able;
	struct vio_can_sink *sink;
	struct vio_can_tx *first; /* oldest; those that were sent come first */
};

/* ---- frames on their way ---- */

static void can_complete(struct can_host *h, struct vio_can_tx *t, int32_t result)
{
	struct vio_can_tx **p = &h->first;

	while (*p != t) {
		p = &(*p)->next;
	}
	*p = t->next;
	vio_job_complete(&t->job, result);
}

static void can_halt(void *host)
{
	struct can_host *h = host;

	loop_del(&h->in);
	h->clock->set(h->clock, &h->timer, 0);
	while (h->first) {
		can_complete(h, h->first, VIO_E_IO);
	}
}

static void can_off(struct can_host *h, const char *why)
{
	log_warn(h->name, "%s: %s; the guest is told that it is off the bus", h->ifname, why);
	can_halt(h);
	h->sink->busoff(h->sink);
}

static size_t can_pack(struct canfd_frame *to, const struct vio_can_frame *f)
{
	bool fd = (f->flags & VIO_CAN_FLAGS_FD) != 0;

	memset(to, 0, sizeof(*to));
	to->can_id = f->id | (f->flags & VIO_CAN_FLAGS_EXTENDED ? CAN_EFF_FLAG : 0u) |
		     (f->flags & VIO_CAN_FLAGS_RTR ? CAN_RTR_FLAG : 0u);
	to->len = f->len;
	memcpy(to->data, f->data, f->len);
	return fd ? CANFD_MTU : CAN_MTU;
}

/* returns: 0 | errno */
static int can_give(const struct can_host *h, const struct vio_can_tx *t)
{
	struct canfd_frame f;
	size_t n = can_pack(&f, &t->frame);

	return send(h->fd, &f, n, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)n ? 0 : errno;
}

static bool can_later(int r)
{
	return r == ENOBUFS || r == EAGAIN || r == EINTR;
}

static void can_retry(struct can_host *h)
{
	h->clock->set(h->clock, &h->timer, h->clock->now(h->clock) + RETRY);
}

static void can_fire(struct vio_timer *timer)
{
	struct can_host *h = VIO_CONTAINER(timer, struct can_host, timer);
	struct vio_can_tx *t, *next;
	int r;

	for (t = h->first; t; t = next) {
		next = t->next;
		r = t->word == SENT ? 0 : can_give(h, t);
		if (can_later(r)) {
			can_retry(h);
			return;
		}
		if (r) {
			can_complete(h, t, VIO_E_IO);
		} else if (t->ack) {
			t->word = SENT;
		} else {
			can_complete(h, t, VIO_OK);
		}
	}
}

static int can_send(void *host, struct vio_can_tx *t)
{
	struct can_host *h = host;
	struct vio_can_tx **p = &h->first;
	bool queue = false;
	int r;

	for (; *p; p = &(*p)->next) {
		queue = queue || (*p)->word == WAITS;
	}
	r = queue ? EAGAIN : can_give(h, t);
	if (r && !can_later(r)) {
		return VIO_E_IO;
	}
	if (r == 0 && !t->ack) {
		return VIO_OK;
	}
	t->word = r ? WAITS : SENT;
	t->next = NULL;
	*p = t;
	if (r && !queue) {
		can_retry(h);
	}
	return VIO_PENDING;
}

static void can_cancel(void *host, struct vio_can_tx *t)
{
	can_complete(host, t, VIO_E_IO);
}

/* ---- frames that come ---- */

static bool can_unpack(struct vio_can_frame *to, const struct canfd_frame *f, size_t n)
{
	bool fd = n == CANFD_MTU, extended = (f->can_id & CAN_EFF_FLAG) != 0;

	if ((n != CAN_MTU && n != CANFD_MTU) || f->len > (fd ? CANFD_MAX_DLEN : CAN_MAX_DLEN)) {
		return false;
	}
	memset(to, 0, sizeof(*to));
	to->id = f->can_id & (extended ? CAN_EFF_MASK : CAN_SFF_MASK);
	to->flags = (uint16_t)((extended ? VIO_CAN_FLAGS_EXTENDED : 0u) |
			       (f->can_id & CAN_RTR_FLAG ? VIO_CAN_FLAGS_RTR : 0u) |
			       (fd ? VIO_CAN_FLAGS_FD : 0u));
	to->len = f->len;
	memcpy(to->data, f->data, f->len);
	return true;
}

static void can_confirmed(struct can_host *h, const struct canfd_frame *f, size_t n)
{
	struct canfd_frame mine;
	struct vio_can_tx *t;

	for (t = h->first; t && t->word == SENT; t = t->next) {
		if (can_pack(&mine, &t->frame) == n && mine.can_id == f->can_id &&
		    mine.len <= f->len && memcmp(mine.data, f->data, mine.len) == 0) {
			can_complete(h, t, VIO_OK);
			return;
		}
	}
}

/* returns: false nothing more, for now or for ever */
static bool can_take(struct can_host *h)
{
	struct canfd_frame f = { 0 };
	struct iovec v = { .iov_base = &f, .iov_len = sizeof(f) };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
	struct vio_can_frame frame;
	ssize_t n = recvmsg(h->fd, &m, MSG_DONTWAIT);

	if (n < 0) {
		if (errno != EAGAIN && errno != EINTR) {
			can_off(h, strerror(errno));
		}
		return false;
	}
	if (f.can_id & CAN_ERR_FLAG) {
		if (f.can_id & CAN_ERR_BUSOFF) {
			can_off(h, "bus-off");
			return false;
		}
	} else if (m.msg_flags & MSG_CONFIRM) {
		can_confirmed(h, &f, (size_t)n);
	} else if (can_unpack(&frame, &f, (size_t)n)) {
		h->sink->frame(h->sink, &frame);
	}
	return true;
}

static void can_event(struct loop_fd *in, uint32_t events)
{
	struct can_host *h = VIO_CONTAINER(in, struct can_host, in);
	unsigned n;

	(void)events;
	for (n = 0; n < A_ROUND && can_take(h); n++) {
	}
}

/*
 * Also again, of an interface that was pulled out and is back. The kernel has forgotten the socket's filters then, without
 * which it hears nothing, not even its own frames (raw_notify in Linux' net/can/raw.c).
 * returns: NULL or what is wrong
 */
static const char *can_join(struct can_host *h)
{
	const struct can_filter all = { 0 };
	struct sockaddr_can a;
	struct ifreq i;

	memset(&i, 0, sizeof(i));
	memcpy(i.ifr_name, h->ifname, sizeof(i.ifr_name));
	if (ioctl(h->fd, SIOCGIFINDEX, &i) < 0) {
		return "there is no such interface; `ip link` lists them";
	}
	memset(&a, 0, sizeof(a));
	a.can_family = AF_CAN;
	a.can_ifindex = i.ifr_ifindex;
	return setsockopt(h->fd, SOL_CAN_RAW, CAN_RAW_FILTER, &all, sizeof(all)) < 0 ||
			       bind(h->fd, (struct sockaddr *)&a, sizeof(a)) < 0
		       ? strerror(errno)
		       : NULL;
}

static int can_start(void *host)
{
	struct can_host *h = host;
	struct canfd_frame f;
	struct ifreq i;
	unsigned n;
	int r;

	memset(&i, 0, sizeof(i));
	memcpy(i.ifr_name, h->ifname, sizeof(i.ifr_name));
	if (ioctl(h->fd, SIOCGIFFLAGS, &i) < 0 || !(i.ifr_flags & IFF_UP) || can_join(h)) {
		if (!h->told) {
			log_warn(h->name, "the guest wants to start, but %s is not up", h->ifname);
		}
		h->told = true;
		return VIO_E_IO;
	}
	h->told = false;
	/* errors too: there is one more for each way in which the interface went */
	for (n = 0; n < STALE && (recv(h->fd, &f, sizeof(f), MSG_DONTWAIT) >= 0 || errno != EAGAIN);
	     n++) {
	}
	r = loop_add(h->loop, &h->in, h->fd, EPOLLIN, can_event);
	return r ? VIO_E_IO : VIO_OK;
}

static const struct vio_can_able *can_open(void *host, struct vio_can_sink *sink)
{
	struct can_host *h = host;

	h->sink = sink;
	return &h->able;
}

static const struct vio_can_host_ops can_ops = {
	.open = can_open,
	.start = can_start,
	.stop = can_halt,
	.send = can_send,
	.cancel = can_cancel,
};

/* ---- kind ---- */

/* returns: NULL or what is wrong */
static const char *can_bind(struct can_host *h)
{
	can_err_mask_t errors = CAN_ERR_BUSOFF;
	const char *wrong;
	struct ifreq i;
	int one = 1;

	h->fd = socket(PF_CAN, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, CAN_RAW);
	if (h->fd < 0) {
		return errno == EAFNOSUPPORT
			       ? "this kernel has no CAN; is the module can_raw there?"
			       : strerror(errno);
	}
	wrong = can_join(h);
	if (wrong) {
		return wrong;
	}
	memset(&i, 0, sizeof(i));
	memcpy(i.ifr_name, h->ifname, sizeof(i.ifr_name));
	if (ioctl(h->fd, SIOCGIFMTU, &i) < 0) {
		return strerror(errno);
	}
	h->able = (struct vio_can_able){ .classic = true, .rtr = true, .ack = true };
	h->able.fd = i.ifr_mtu >= (int)CANFD_MTU &&
		     setsockopt(h->fd, SOL_CAN_RAW, CAN_RAW_FD_FRAMES, &one, sizeof(one)) == 0;
	if (setsockopt(h->fd, SOL_CAN_RAW, CAN_RAW_RECV_OWN_MSGS, &one, sizeof(one)) < 0 ||
	    setsockopt(h->fd, SOL_CAN_RAW, CAN_RAW_ERR_FILTER, &errors, sizeof(errors)) < 0) {
		return strerror(errno);
	}
	return NULL;
}

static void host_close(struct host *out)
{
	struct can_host *h = out->host;

	can_halt(h);
	close(h->fd);
	free(h);
}

static int host_open(struct host_ctx *ctx, struct host *out)
{
	struct can_host *h = calloc(1, sizeof(*h));
	const char *wrong = NULL;

	if (!h) {
		(void)snprintf(ctx->err, sizeof(ctx->err), "out of memory");
		return -1;
	}
	h->fd = -1;
	h->name = ctx->name;
	h->loop = ctx->loop;
	h->clock = loop_clock(ctx->loop);
	h->timer.fire = can_fire;
	if (!ctx->arg || !*ctx->arg || strlen(ctx->arg) >= sizeof(h->ifname)) {
		wrong = "which interface? As in --host=linux:can0";
	} else {
		memcpy(h->ifname, ctx->arg, strlen(ctx->arg));
		wrong = can_bind(h);
	}
	if (wrong) {
		(void)snprintf(ctx->err, sizeof(ctx->err), "%s%s%s", h->ifname,
			       *h->ifname ? ": " : "", wrong);
		if (h->fd >= 0) {
			close(h->fd);
		}
		free(h);
		return -1;
	}
	out->ops = &can_ops;
	out->host = h;
	out->close = host_close;
	return 0;
}

const struct host_kind host_linux_can[] = {
	{
		.class_name = "can",
		.name = "linux",
		.about = "a CAN interface of this machine, real or virtual (vcan)",
		.arg_help = "INTERFACE",
		.open = host_open,
	},
	{ 0 },
};
