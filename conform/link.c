/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * link.c - what rules are made of: set-up of a device, requests, waiting
 *
 * Theory of operation. Two regions of memory are shared; rings lie in the first. A request's bytes stand between
 * borders of a known pattern. The driver library puts requests into the rings and takes them out; it believes nothing, so what it
 * does not believe (an id that nobody posted) fails whatever rule comes upon it. Waiting looks at the ring and does not
 * rely on notifications: rules about those look at the descriptor themselves.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "conform/conform.h"

#define REGION (2u << 20)
#define BORDER 32u
#define NOBODY 0x5au /* in borders */
#define UNREAD 0xa5u /* in writable parts */

/* ---- set-up ---- */

static bool bus(struct cf *c, int rc, const char *what)
{
	if (rc == VIO_OK) {
		return true;
	}
	c->doubt = c->doubt || rc == VIO_E_IO;
	return cf_fail(c, "%s: %s", what, rc == VIO_E_IO ? vhf_error(c->f) : "not possible");
}

static bool memory(struct cf *c)
{
	int rc = vhf_memory(c->f, 2, REGION);

	return rc == VIO_E_ARG ? true : bus(c, rc, "sharing memory"); /* E_ARG: there is memory */
}

bool cf_negotiate(struct cf *c, uint64_t features)
{
	int rc;

	if (!memory(c)) {
		return false;
	}
	rc = vio_drv_probe(&vhf_bus, c->f, features & ~VHU_F_PROTOCOL,
			   &c->features); /* the library's */
	if (rc == VIO_E_NOTSUP) {
		return cf_fail(c, "the device does not take features 0x%llx, which it offers",
			       (unsigned long long)c->features);
	}
	return bus(c, rc, "initialization");
}

bool cf_queue_setup(struct cf *c, uint16_t vq, uint16_t size)
{
	struct cf_queue *q = &c->q[vq];
	bool packed = (c->features & VIO_F_RING_PACKED) != 0;
	uint16_t flags = (uint16_t)((packed ? VIO_DVQ_PACKED : 0u) |
				    ((c->features & VIO_F_EVENT_IDX) ? VIO_DVQ_EVENT_IDX : 0u) |
				    ((c->features & VIO_F_IN_ORDER) ? VIO_DVQ_IN_ORDER : 0u));
	uint64_t area[3];

	size = size == 0 ? CF_SIZE : size;
	if (!cf_alloc(c, vio_dvq_bytes(size, packed), 4096, &q->ring) ||
	    vio_dvq_init(&q->v, size, flags, &q->ring, q->slot) != VIO_OK) {
		return cf_fail(c, "a queue of %u: a mistake of this suite", size);
	}
	vio_dvq_areas(&q->v, &q->ring, area);
	q->vq = vq;
	q->up = bus(c, vhf_bus.setup(c->f, vq, size, area[0], area[1], area[2]),
		    "a queue's set-up");
	return q->up;
}

bool cf_status(struct cf *c, uint8_t s)
{
	return bus(c, vhf_bus.set_status(c->f, s), "device status");
}

bool cf_set_up(struct cf *c, uint64_t features, uint16_t nvq, uint16_t size)
{
	uint32_t has = vhf_queues(c->f);
	bool ok;

	if (has != 0 && has < nvq) {
		return cf_fail(c, "it has %u queues, with these features such a device has %u", has,
			       nvq);
	}
	ok = cf_negotiate(c, features | VIO_F_VERSION_1 | (c->dev->want & c->offered));
	for (uint16_t i = 0; ok && i < nvq; i++) {
		ok = cf_queue_setup(c, i, size);
	}
	return ok;
}

bool cf_up_size(struct cf *c, uint64_t features, uint16_t size)
{
	return cf_set_up(c, features, c->dev->nvq, size) && cf_status(c, CF_LIVE);
}

bool cf_up(struct cf *c)
{
	return cf_up_size(c, c->rule->features, 0);
}

/* ---- requests ---- */

bool cf_alloc(struct cf *c, uint32_t len, uint32_t align, struct vio_dma *out)
{
	int rc = memory(c) ? vhf_alloc(c->f, 0, len, align, out) : VIO_E_IO;

	rc = rc == VIO_E_AGAIN ? vhf_alloc(c->f, 1, len, align, out) : rc;
	return rc == VIO_OK || cf_fail(c, "%u bytes of memory: a mistake of this suite", len);
}

static bool piece(struct cf *c, uint32_t len, uint8_t fill, struct vio_dma *out)
{
	struct vio_dma d;

	if (!cf_alloc(c, len + 2u * BORDER, 16, &d)) {
		return false;
	}
	(void)memset(d.p, NOBODY, len + 2u * BORDER);
	(void)memset(d.p + BORDER, fill, len);
	*out = (struct vio_dma){ .p = d.p + BORDER, .addr = d.addr + BORDER, .len = len };
	return true;
}

bool cf_io(struct cf *c, struct cf_io *io, uint32_t out, uint32_t in)
{
	*io = (struct cf_io){ .back = false };
	if (!piece(c, out, 0, &io->o) || !piece(c, in, UNREAD, &io->i)) {
		return false;
	}
	io->out = io->o.p;
	io->in = io->i.p;
	return true;
}

bool cf_harmless(struct cf *c, struct cf_io *io)
{
	if (!cf_io(c, io, c->dev->out, c->dev->in)) {
		return false;
	}
	if (c->dev->build != NULL) {
		c->dev->build(c, io->out);
	}
	return true;
}

bool cf_fill(struct cf_io *io, const void *out)
{
	(void)memcpy(io->out, out, io->o.len);
	return true;
}

bool cf_put_as(struct cf *c, uint16_t vq, struct cf_io *io, const struct vio_dma *b, uint16_t n_out,
	       uint16_t n_in, const struct vio_dma *table)
{
	struct vio_dvq *v = &c->q[vq].v;
	int rc = table != NULL ? vio_dvq_add_indirect(v, table, b, n_out, n_in, io)
			       : vio_dvq_add(v, b, n_out, n_in, io);

	io->back = false;
	return rc == VIO_OK ||
	       cf_fail(c, "a request of %u pieces does not fit (%d): a mistake of this suite",
		       n_out + n_in, rc);
}

bool cf_put(struct cf *c, uint16_t vq, struct cf_io *io)
{
	struct vio_dma b[2];
	uint16_t n_out = io->o.len > 0 ? 1 : 0, n_in = io->i.len > 0 ? 1 : 0;

	b[0] = io->o;
	b[n_out] = io->i;
	return cf_put_as(c, vq, io, b, n_out, n_in, NULL);
}

bool cf_ring(struct cf *c, uint16_t vq)
{
	return bus(c, vhf_bus.kick(c->f, vq), "a notification");
}

bool cf_kick(struct cf *c, uint16_t vq)
{
	return vio_dvq_need_kick(&c->q[vq].v) ? cf_ring(c, vq) : true;
}

bool cf_wait(struct cf *c, uint16_t vq, struct cf_io *io)
{
	struct vio_dvq *v = &c->q[vq].v;
	void *cookie;
	uint32_t len;

	while (!io->back) {
		int rc = vio_dvq_get(v, &cookie, &len);

		if (rc == VIO_OK) {
			((struct cf_io *)cookie)->back = true;
			((struct cf_io *)cookie)->len = len;
		} else if (rc == VIO_E_RING) {
			return cf_fail(c, "the used ring has an entry that no request explains: an "
					  "id that is not "
					  "under way, or more bytes than there was room");
		} else if (cf_late(c, "an answer")) {
			return false;
		} else {
			/* not yet */
		}
	}
	return true;
}

bool cf_raw_there(const struct cf *c, uint16_t vq)
{
	const struct vio_dvq *v = &c->q[vq].v;
	uint16_t both = VIO_DESC_F_AVAIL | VIO_DESC_F_USED;

	if (CF_PACKED(c)) {
		return (vio_get16_acq(cf_desc(c, vq, v->used) + 14) & both) ==
		       (v->used_wrap ? both : 0u);
	}
	return cf_used_index(c, vq) != v->used;
}

bool cf_raw(struct cf *c, uint16_t vq, struct cf_used *u)
{
	const struct vio_dvq *v = &c->q[vq].v;
	const uint8_t *e;

	while (!cf_raw_there(c, vq)) {
		if (cf_late(c, "an answer")) {
			return false;
		}
	}
	if (CF_PACKED(c)) {
		e = cf_desc(c, vq, v->used);
		*u = (struct cf_used){ vio_get16(e + 12), vio_get32(e + 8), vio_get16(e + 14) };
	} else {
		e = v->device + 4 + (size_t)(v->used & (v->size - 1u)) * 8u;
		*u = (struct cf_used){ vio_get32(e), vio_get32(e + 4), 0 };
	}
	return true;
}

bool cf_ask(struct cf *c, uint16_t vq, struct cf_io *io)
{
	return cf_put(c, vq, io) && cf_kick(c, vq) && cf_wait(c, vq, io);
}

bool cf_answer(struct cf *c, struct cf_io *io)
{
	const char *wrong = c->dev->check != NULL ? c->dev->check(c, io) : NULL;

	return cf_expect(c, wrong == NULL, "the answer is wrong: %s", wrong);
}

bool cf_works(struct cf *c)
{
	struct cf_io io;

	return cf_harmless(c, &io) && cf_ask(c, c->dev->vq, &io) && cf_answer(c, &io);
}

static int touched(const struct vio_dma *d)
{
	for (uint32_t i = 0; i < BORDER; i++) {
		if (d->p[-1 - (int)i] != NOBODY) {
			return -1;
		}
		if (d->p[d->len + i] != NOBODY) {
			return 1;
		}
	}
	return 0;
}

bool cf_borders(struct cf *c, const struct cf_io *io, const void *out)
{
	int o = touched(&io->o), i = touched(&io->i);

	return cf_expect(c, o == 0, "memory %s the readable part was written",
			 o < 0 ? "before" : "behind") &&
	       cf_expect(c, i == 0, "memory %s the writable part was written",
			 i < 0 ? "before" : "behind") &&
	       cf_expect(c, out == NULL || memcmp(io->out, out, io->o.len) == 0,
			 "a readable byte was written");
}

/* ---- notifications, time ---- */

unsigned cf_uncalled(struct cf *c, uint16_t vq)
{
	uint64_t n = 0;

	return read(vhf_call_fd(c->f, vq), &n, sizeof(n)) == (ssize_t)sizeof(n) ? (unsigned)n : 0u;
}

bool cf_called(struct cf *c, uint16_t vq)
{
	while (cf_uncalled(c, vq) == 0) {
		if (cf_late(c, "a used buffer notification")) {
			return false;
		}
	}
	return cf_expect(c, true, "-");
}

bool cf_quiet(struct cf *c)
{
	struct timespec t = { .tv_sec = (time_t)(c->cfg->quiet_ms / 1000u),
			      .tv_nsec = (long)((c->cfg->quiet_ms % 1000u) * 1000000u) };

	(void)nanosleep(&t, NULL);
	return true;
}

uint8_t *cf_desc(const struct cf *c, uint16_t vq, uint16_t i)
{
	return c->q[vq].v.desc + (size_t)i * VIO_DESC_BYTES;
}

uint16_t cf_used_index(const struct cf *c, uint16_t vq)
{
	return vio_get16_acq(c->q[vq].v.device + 2);
}

/* ---- configuration, messages ---- */

/* From its beginning on: that an offset is heeded is a rule of its own. */
bool cf_config(struct cf *c, uint32_t off, void *dst, uint32_t len)
{
	uint8_t all[VHU_CONFIG_MAX];
	int rc =
		off + len <= sizeof(all) ? vhf_bus.config_read(c->f, 0, all, off + len) : VIO_E_ARG;

	if (rc == VIO_OK) {
		(void)memcpy(dst, all + off, len);
	}
	return rc == VIO_E_NOTSUP ? cf_na(c, "protocol feature CONFIG is not offered")
				  : bus(c, rc, "reading configuration");
}

bool cf_config_write(struct cf *c, uint32_t off, const void *src, uint32_t len, bool *refused)
{
	struct vhu_wire_config w = { .off = off, .len = len };
	bool ok = true;

	if ((vhf_protocol(c->f) & VHU_P_CONFIG) == 0) {
		return cf_na(c, "protocol feature CONFIG is not offered");
	}
	(void)memcpy(w.byte, src, len);
	if (!cf_send(c, VHU_SET_CONFIG, &w, VHU_CONFIG_HEADER + len, -1, &ok)) {
		return false;
	}
	*refused = !ok;
	return true;
}

bool cf_channel(struct cf *c)
{
	int pair[2];
	bool ok = true;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
		return cf_fail(c, "no socket");
	}
	c->channel = pair[0];
	ok = cf_must(c, VHU_SET_BACKEND_REQ_FD, NULL, 0, pair[1]);
	(void)close(pair[1]);
	return ok;
}

bool cf_changed(struct cf *c)
{
	struct vhu_wire_header h;
	struct pollfd p = { .fd = c->channel, .events = POLLIN };

	for (;;) {
		while (poll(&p, 1, 1) == 0) {
			if (cf_late(c, "a configuration change notification")) {
				return false;
			}
		}
		if (recv(c->channel, &h, sizeof(h), MSG_WAITALL) != (ssize_t)sizeof(h) ||
		    h.size > 4096) {
			return cf_fail(c, "the back-end closed its channel");
		}
		if (h.size > 0) {
			uint8_t b[4096];

			(void)recv(c->channel, b, h.size, MSG_WAITALL);
		}
		if (h.request == VHU_BACK_CONFIG_CHANGE) {
			return cf_expect(c, true, "-");
		}
	}
}

bool cf_send(struct cf *c, uint32_t request, const void *body, uint32_t len, int fd, bool *ok)
{
	bool ack = (vhf_protocol(c->f) & VHU_P_REPLY_ACK) != 0;
	struct vhf_message m = { .request = request,
				 .body = body,
				 .len = len,
				 .fd = &fd,
				 .nfd = fd >= 0 ? 1 : 0,
				 .ack = ack };
	struct vhf_reply r;
	uint64_t v;

	*ok = true;
	if (!bus(c, vhf_exchange(c->f, &m, ack ? &r : NULL), "a message")) {
		return false;
	}
	if (ack) {
		if (r.request != request || r.size != sizeof(v)) {
			return cf_fail(c, "message %u was answered by message %u of %u bytes",
				       request, r.request, r.size);
		}
		(void)memcpy(&v, r.body, sizeof(v));
		*ok = v == 0;
	}
	return true;
}

bool cf_must(struct cf *c, uint32_t request, const void *body, uint32_t len, int fd)
{
	bool ok;

	return cf_send(c, request, body, len, fd, &ok) &&
	       cf_expect(c, ok, "the back-end refuses message %u", request);
}

bool cf_get(struct cf *c, uint32_t request, const void *body, uint32_t len, struct vhf_reply *r)
{
	struct vhf_message m = { .request = request, .body = body, .len = len };

	return bus(c, vhf_exchange(c->f, &m, r), "a message");
}
