/* SPDX-License-Identifier: BSD-3-Clause */
/* liar.c - a vhost-user block back-end that can do one thing wrong */
#define _GNU_SOURCE
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "port/vhost_user/proto.h"
#include "test/support/liar.h"
#include "test/support/raw.h"
#include "vio/dev.h"
#include "vio/spec/blk.h"
#include "vio/spec/ring.h"

#define DISK	(1u << 20)
#define REGIONS 16u
#define PIECES	64u

struct region {
	struct vhu_wire_region w;
	uint8_t *map;
	size_t len;
};

struct liar {
	enum lie lie;
	uint32_t at, served;
	int listen, fd, stop, kick, call;
	pthread_t thread;
	struct region region[REGIONS];
	uint32_t nregion, num;
	uint8_t *desc, *avail, *used;
	uint16_t seen, put;
	bool enabled, ack, asleep, over;
	uint8_t disk[DISK];
};

static bool lies_here(const struct liar *l, enum lie lie)
{
	return l->lie == lie && l->served == l->at;
}

/* ---- memory ---- */

static uint8_t *at_gpa(struct liar *l, uint64_t gpa)
{
	for (uint32_t i = 0; i < l->nregion; i++) {
		struct region *r = &l->region[i];

		if (gpa >= r->w.gpa && gpa - r->w.gpa < r->w.len) {
			return r->map + r->w.offset + (gpa - r->w.gpa);
		}
	}
	return NULL;
}

static uint8_t *at_uva(struct liar *l, uint64_t uva)
{
	for (uint32_t i = 0; i < l->nregion; i++) {
		struct region *r = &l->region[i];

		if (uva >= r->w.uva && uva - r->w.uva < r->w.len) {
			return r->map + r->w.offset + (uva - r->w.uva);
		}
	}
	return NULL;
}

static void add_region(struct liar *l, const struct vhu_wire_region *w, int fd)
{
	struct region *r = &l->region[l->nregion++ % REGIONS];

	r->w = *w;
	r->len = w->len + w->offset;
	r->map = mmap(NULL, r->len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (l->lie == LIE_SHRINKS) {
		(void)!ftruncate(fd, 0);
	}
	close(fd);
}

/* ---- requests ---- */

struct chain {
	struct {
		uint8_t *p;
		uint32_t len;
	} piece[PIECES];
	unsigned n, first_in;
};

static void gather(struct liar *l, uint16_t head, struct chain *c)
{
	uint16_t flags = VIO_DESC_F_NEXT, i = head;

	c->first_in = PIECES;
	for (c->n = 0; (flags & VIO_DESC_F_NEXT) != 0 && c->n < PIECES; c->n++) {
		const uint8_t *d = l->desc + (size_t)i * VIO_DESC_BYTES;

		flags = vio_get16(d + 12);
		c->piece[c->n].p = at_gpa(l, vio_unpack64(d));
		c->piece[c->n].len = vio_get32(d + 8);
		if ((flags & VIO_DESC_F_WRITE) != 0 && c->first_in == PIECES) {
			c->first_in = c->n;
		}
		i = vio_get16(d + 14);
	}
}

/* returns: bytes written, the status included */
static uint32_t serve(struct liar *l, struct chain *c)
{
	uint32_t type = vio_unpack32(c->piece[0].p), len = 1;
	uint8_t *disk = l->disk + (vio_unpack64(c->piece[0].p + 8) * 512u) % DISK;
	uint8_t *status = c->piece[c->n - 1].p;

	for (unsigned i = 1; i + 1 < c->n; i++) {
		if (type == VIO_BLK_T_IN) {
			if (!lies_here(l, LIE_UNTOUCHED)) {
				memcpy(c->piece[i].p, disk, c->piece[i].len);
			}
			if (lies_here(l, LIE_CORRUPT)) {
				c->piece[i].p[100] ^= 1;
			}
			len += c->piece[i].len;
		} else if (!lies_here(l, LIE_FORGETS)) {
			memcpy(disk, c->piece[i].p, c->piece[i].len);
		}
		disk += c->piece[i].len;
	}
	if (!lies_here(l, LIE_NO_STATUS)) {
		*status = lies_here(l, LIE_STATUS) ? VIO_BLK_S_IOERR : VIO_BLK_S_OK;
	}
	return len;
}

static void put(struct liar *l, uint32_t id, uint32_t len)
{
	uint8_t *e = l->used + 4 + (size_t)(l->put % l->num) * 8u;

	vio_put32(e, id);
	vio_put32(e + 4, len);
	l->put++;
}

static void publish(struct liar *l)
{
	static const uint64_t one = 1;
	bool mute = l->lie == LIE_NO_CALL && l->served >= l->at;

	if (mute) {
		usleep(2000); /* the driver is asleep, or it does not need a notification */
	}
	vio_put16_rel(l->used + 2, l->put);
	if (!mute) {
		(void)!write(l->call, &one, sizeof(one));
	}
}

static void one_request(struct liar *l, uint16_t head)
{
	struct chain c;
	uint32_t len;

	if (l->lie == LIE_SLEEPS && l->served >= l->at) {
		l->asleep = true;
		return;
	}
	if (lies_here(l, LIE_DIES)) {
		l->over = true;
		return;
	}
	gather(l, head, &c);
	len = serve(l, &c);
	if (lies_here(l, LIE_LEN_LESS)) {
		len--;
	} else if (lies_here(l, LIE_LEN_MORE)) {
		len += 1000000;
	}
	if (!lies_here(l, LIE_LOST)) {
		put(l, lies_here(l, LIE_ID) ? l->num - 1u : head, len);
	}
	if (lies_here(l, LIE_TWICE)) {
		put(l, head, len);
	}
	publish(l);
	l->served++;
}

static bool more(const struct liar *l)
{
	return l->enabled && l->avail && !l->asleep && !l->over &&
	       l->seen != vio_get16_acq(l->avail + 2);
}

static void turn(struct liar *l)
{
	while (more(l)) {
		one_request(l, vio_get16(l->avail + 4 + (size_t)(l->seen % l->num) * 2u));
		if (l->asleep) {
			return;
		}
		l->seen++;
		vio_put16(l->used + 4 + (size_t)l->num * 8u, l->seen); /* wanted with EVENT_IDX */
		vio_fence();
	}
}

/* ---- messages ---- */

static void answer(struct liar *l, const struct raw_message *m, const void *body, uint32_t len)
{
	struct vhu_wire_header h = { .request = m->h.request,
				     .flags = VHU_VERSION | VHU_IS_REPLY,
				     .size = len };
	bool here = m->h.request == l->at;
	uint8_t b[600];

	if (here && (l->lie == LIE_SILENT || l->lie == LIE_CLOSES)) {
		l->over = l->lie == LIE_CLOSES;
		return;
	}
	memcpy(b + sizeof(h), body, len);
	if (here) {
		h.size -= l->lie == LIE_SHORT;
		h.request += l->lie == LIE_OTHER;
		h.flags &= l->lie == LIE_NO_REPLY ? VHU_VERSION : ~0u;
		h.size = l->lie == LIE_EMPTY ? 0 : h.size;
		if (l->lie == LIE_VALUE) {
			memset(b + sizeof(h), 0xff, len);
		}
	}
	memcpy(b, &h, sizeof(h));
	(void)!send(l->fd, b, sizeof(h) + h.size, MSG_NOSIGNAL);
}

static void get(struct liar *l, const struct raw_message *m)
{
	uint64_t v = 0;

	if (m->h.request == VHU_GET_FEATURES) {
		v = VIO_F_VERSION_1 | VIO_F_EVENT_IDX | VIO_BLK_F_FLUSH |
		    (l->lie == LIE_OLD ? 0 : VHU_F_PROTOCOL);
	} else if (m->h.request == VHU_GET_PROTOCOL_FEATURES) {
		v = VHU_P_MQ | VHU_P_REPLY_ACK | VHU_P_CONFIG | VHU_P_STATUS;
	} else if (m->h.request == VHU_GET_QUEUE_NUM) {
		v = 1;
	} else if (m->h.request == VHU_GET_STATUS) {
		v = 11;
	}
	answer(l, m, &v, sizeof(v));
}

static void get_config(struct liar *l, struct raw_message *m)
{
	struct vhu_wire_config *c = &m->b.config;
	uint8_t all[VHU_CONFIG_MAX] = { 0 };

	vio_pack64(all, DISK / 512u);
	vio_pack16(all + 34, 1);
	memcpy(c->byte, all + c->off % VHU_CONFIG_MAX, c->len % VHU_CONFIG_MAX);
	answer(l, m, c, m->h.size);
}

static void set(struct liar *l, struct raw_message *m)
{
	uint64_t no = l->lie == LIE_REFUSES && l->at == m->h.request;

	switch (m->h.request) {
	case VHU_SET_PROTOCOL_FEATURES:
		l->ack = (m->b.u64 & VHU_P_REPLY_ACK) != 0;
		break;
	case VHU_SET_MEM_TABLE:
		for (uint32_t i = 0; i < m->nfd; i++) {
			add_region(l, &m->b.table.r[i], m->fd[i]);
		}
		break;
	case VHU_SET_VRING_NUM:
		l->num = m->b.ring.num;
		break;
	case VHU_SET_VRING_ADDR:
		l->desc = at_uva(l, m->b.addr.desc);
		l->avail = at_uva(l, m->b.addr.avail);
		l->used = at_uva(l, m->b.addr.used);
		l->enabled = l->enabled || l->lie == LIE_OLD;
		break;
	case VHU_SET_VRING_KICK:
		l->kick = m->fd[0];
		break;
	case VHU_SET_VRING_CALL:
		l->call = m->fd[0];
		break;
	case VHU_SET_VRING_ENABLE:
		l->enabled = m->b.ring.num != 0;
		break;
	default:
		break;
	}
	if ((m->h.flags & VHU_NEED_REPLY) != 0 && l->ack) {
		answer(l, m, &no, sizeof(no));
	} else if (l->lie == LIE_CLOSES && l->at == m->h.request) {
		l->over = true;
	}
}

static void handle(struct liar *l)
{
	struct raw_message m;

	if (!raw_receive(l->fd, &m)) {
		l->over = true;
		return;
	}
	switch (m.h.request) {
	case VHU_GET_FEATURES:
	case VHU_GET_PROTOCOL_FEATURES:
	case VHU_GET_QUEUE_NUM:
	case VHU_GET_STATUS:
		get(l, &m);
		break;
	case VHU_GET_CONFIG:
		get_config(l, &m);
		break;
	case VHU_GET_VRING_BASE:
		l->enabled = false;
		m.b.ring.num = l->seen;
		answer(l, &m, &m.b.ring, sizeof(m.b.ring));
		break;
	default:
		set(l, &m);
		break;
	}
}

static void connection(struct liar *l)
{
	while (!l->over) {
		struct pollfd p[] = { { .fd = l->stop, .events = POLLIN },
				      { .fd = l->fd, .events = POLLIN },
				      { .fd = l->asleep || l->lie == LIE_DEAF ? -1 : l->kick,
					.events = POLLIN } };
		uint64_t n;

		(void)poll(p, 3, -1);
		if (p[0].revents) {
			l->over = true;
		} else if (p[1].revents) {
			handle(l);
		} else if (p[2].revents) {
			(void)!read(l->kick, &n, sizeof(n));
			turn(l);
		}
	}
}

static void *run(void *arg)
{
	struct liar *l = arg;
	struct pollfd p[] = { { .fd = l->stop, .events = POLLIN },
			      { .fd = l->listen, .events = POLLIN } };

	(void)poll(p, 2, -1);
	if (!p[0].revents) {
		l->fd = accept4(l->listen, NULL, NULL, SOCK_CLOEXEC);
		connection(l);
		close(l->fd);
	}
	return NULL;
}

struct liar *liar_start(const char *path, enum lie lie, uint32_t at)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct liar *l = calloc(1, sizeof(*l));

	l->lie = lie;
	l->at = at;
	l->kick = -1;
	l->call = -1;
	strncpy(a.sun_path, path, sizeof(a.sun_path) - 1);
	(void)unlink(path);
	l->stop = eventfd(0, EFD_CLOEXEC);
	l->listen = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(l->listen, (struct sockaddr *)&a, sizeof(a)) || listen(l->listen, 1) ||
	    pthread_create(&l->thread, NULL, run, l)) {
		free(l);
		return NULL;
	}
	return l;
}

uint32_t liar_stop(struct liar *l)
{
	static const uint64_t one = 1;
	uint32_t served;

	(void)!write(l->stop, &one, sizeof(one));
	pthread_join(l->thread, NULL);
	served = l->served;
	for (uint32_t i = 0; i < l->nregion && i < REGIONS; i++) {
		munmap(l->region[i].map, l->region[i].len);
	}
	close(l->stop);
	close(l->listen);
	if (l->kick >= 0) {
		close(l->kick);
	}
	if (l->call >= 0) {
		close(l->call);
	}
	free(l);
	return served;
}
