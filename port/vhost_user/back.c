/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * back.c - the channel on which the back-end asks the front-end
 *
 * Theory of operation. Nothing is queued: each thing that may have to be said is a flag (a change of configuration, a
 * call or error of a ring) or a word (a miss of an executor), set from any thread. vhu_back_send turns them into
 * messages one by one while the socket takes them, so a slow front-end costs nothing and flags merge. Only misses ask
 * for a reply; replies come in the order of the questions.
 *
 * source: vhost-user, "Back-end message types"
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include "port/vhost_user/internal.h"

/* returns: true when nothing is left to be written */
static bool flush(struct vhu *v)
{
	while (v->back_off < v->back_len) {
		ssize_t n = send(v->back_fd, v->back_out + v->back_off, v->back_len - v->back_off,
				 MSG_DONTWAIT | MSG_NOSIGNAL);

		if ((n < 0) && ((errno == EAGAIN) || (errno == EINTR))) {
			(void)loop_mod(&v->back, EPOLLIN | EPOLLOUT);
			return false;
		}
		if (n < 0) {
			log_warn(v->name, "back-end channel: %s", strerror(errno));
			vhu_back_close(v);
			return false;
		}
		v->back_off += (uint32_t)n;
	}
	v->back_off = 0;
	v->back_len = 0;
	return true;
}

static bool put(struct vhu *v, uint32_t request, const void *body, uint32_t len, bool ask)
{
	struct vhu_wire_header h = { .request = request,
				     .size = len,
				     .flags = VHU_VERSION | (ask ? VHU_NEED_REPLY : 0u) };

	(void)memcpy(v->back_out, &h, sizeof(h));
	if (len > 0) {
		(void)memcpy(v->back_out + sizeof(h), body, len);
	}
	v->back_off = 0;
	v->back_len = (uint32_t)sizeof(h) + len;
	return flush(v);
}

static bool send_rings(struct vhu *v)
{
	bool ok = true;

	for (uint16_t i = 0; (i < v->dev->nvq) && ok; i++) {
		struct vhu_ring *r = &v->ring[i];
		struct vhu_wire_ring w = { .index = i };

		if (atomic_exchange(&r->call_due, false)) {
			ok = put(v, VHU_BACK_VRING_CALL, &w, sizeof(w), false);
		}
		if (ok && atomic_exchange(&r->err_due, false)) {
			ok = put(v, VHU_BACK_VRING_ERR, &w, sizeof(w), false);
		}
	}
	return ok;
}

static void send_misses(struct vhu *v)
{
	bool ok = true;

	for (uint16_t i = 0; (i < v->nexec) && ok; i++) {
		struct vhu_exec *x = &v->exec[i];
		struct vhu_wire_iotlb w = { .type = VHU_IOTLB_MISS };

		x->asked = (x->asked != 0) ? x->asked : atomic_exchange(&x->miss, 0);
		if (x->asked == 0) {
			continue;
		}
		for (uint16_t k = 0; k < v->nasked; k++) {
			ok = ok && (v->asked[k] != i); /* its question is on the way */
		}
		if (ok) {
			w.iova = x->asked & ~3ull;
			w.perm = (uint8_t)(x->asked & 3u);
			v->asked[v->nasked] = i;
			v->nasked++;
			v->misses++;
			ok = put(v, VHU_BACK_IOTLB_MSG, &w, sizeof(w), true);
		} else {
			ok = true;
		}
	}
}

/* NEEDS_RESET: to the log once, and to whoever gave an error descriptor. */
static void tell_failed(struct vhu *v)
{
	uint64_t one = 1;

	if (((vio_dev_status(v->dev) & VIO_S_NEEDS_RESET) == 0u) || v->told_failed) {
		return;
	}
	v->told_failed = true;
	vhu_window_tell(v);
	log_warn(v->name, "the device needs a reset: the guest broke a rule, or its host failed");
	for (uint16_t i = 0; i < v->dev->nvq; i++) {
		struct vhu_ring *r = &v->ring[i];

		if (r->err_fd >= 0) {
			if (write(r->err_fd, &one, sizeof(one)) < 0) {
				log_debug(v->name, "ring %u: the error descriptor is broken", i);
			}
		} else if ((v->proto & VHU_P_INBAND) != 0) {
			atomic_store(&r->err_due, true);
		} else {
			/* the front-end does not want to know */
		}
	}
}

void vhu_back_send(struct vhu *v)
{
	if (v->phase != VHU_SERVING) {
		return;
	}
	if (atomic_load(&v->config_due)) {
		tell_failed(v);
	}
	if ((v->back_fd < 0) || !flush(v)) {
		return;
	}
	if (atomic_exchange(&v->config_due, false) && ((v->proto & VHU_P_CONFIG) != 0) &&
	    !put(v, VHU_BACK_CONFIG_CHANGE, NULL, 0, false)) {
		return;
	}
	if (send_rings(v)) {
		send_misses(v);
	}
}

void vhu_back_post(struct vhu *v)
{
	loop_post(v->control, &v->back_task);
}

/* One answer is complete. */
static void answer(struct vhu *v, const struct vhu_wire_header *h)
{
	struct vhu_exec *x;

	if ((v->nasked == 0u) || (h->request != VHU_BACK_IOTLB_MSG) ||
	    ((h->flags & VHU_IS_REPLY) == 0)) {
		vhu_die(v, "back-end channel: unexpected message %u, flags 0x%x", h->request,
			h->flags);
		return;
	}
	x = &v->exec[v->asked[0]];
	v->nasked--;
	(void)memmove(&v->asked[0], &v->asked[1], v->nasked * sizeof(v->asked[0]));
	vhu_input(v); /* the update was sent before this answer */
	if (v->phase != VHU_SERVING) {
		return;
	}
	vhu_iotlb_answered(v, x);
	vhu_back_send(v);
}

static void on_back(struct loop_fd *f, uint32_t events)
{
	struct vhu *v = VIO_CONTAINER(f, struct vhu, back);
	const uint32_t all = sizeof(v->back_in);
	struct vhu_wire_header h;
	ssize_t n;

	if ((events & EPOLLOUT) != 0) {
		(void)loop_mod(f, EPOLLIN);
		vhu_back_send(v);
	}
	if (((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0) || (v->back_fd < 0)) {
		return;
	}
	n = recv(v->back_fd, v->back_in + v->back_got, all - v->back_got, MSG_DONTWAIT);
	if ((n < 0) && ((errno == EAGAIN) || (errno == EINTR))) {
		return;
	}
	if (n <= 0) {
		vhu_back_close(v);
		return;
	}
	v->back_got += (uint32_t)n;
	(void)memcpy(&h, v->back_in, sizeof(h));
	if ((v->back_got >= sizeof(h)) && (h.size != sizeof(uint64_t))) {
		vhu_die(v, "back-end channel: an answer of %u bytes", h.size);
		return;
	}
	if (v->back_got == all) {
		v->back_got = 0;
		answer(v, &h);
	}
}

int vhu_set_backend_fd(struct vhu *v, struct vhu_msg *m)
{
	int type = 0;
	socklen_t len = sizeof(type);

	if ((getsockopt(m->fd[0], SOL_SOCKET, SO_TYPE, &type, &len) != 0) ||
	    (type != SOCK_STREAM)) {
		return vhu_refuse(v, "the descriptor is not a stream socket");
	}
	vhu_back_close(v);
	if (loop_add(v->control, &v->back, m->fd[0], EPOLLIN, on_back) != 0) {
		return vhu_refuse(v, "the descriptor cannot be waited for");
	}
	v->back_fd = m->fd[0];
	m->fd[0] = -1;
	vhu_back_send(v);
	return VHU_DONE;
}

void vhu_back_close(struct vhu *v)
{
	loop_del(&v->back);
	if (v->back_fd >= 0) {
		close(v->back_fd);
	}
	v->back_fd = -1;
	v->back_got = 0;
	v->back_len = 0;
	v->back_off = 0;
	for (uint16_t i = 0; i < v->nexec; i++) {
		v->exec[i].asked = 0;
	}
	v->nasked = 0;
}
