/* SPDX-License-Identifier: BSD-3-Clause */
/* bent_msg.c - messages of a bent back-end: one request in, its reply or acknowledgement out */
#define _GNU_SOURCE
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "test/conform/bent_internal.h"
#include "test/support/raw.h"

#define PROTO                                                                                      \
	(VHU_P_MQ | VHU_P_REPLY_ACK | VHU_P_BACKEND_REQ | VHU_P_RESET_DEVICE | VHU_P_MEM_SLOTS |   \
	 VHU_P_STATUS)

static void answer(struct bent *b, const struct raw_message *m, const void *body, uint32_t len)
{
	struct vhu_wire_header h = { .request = m->h.request,
				     .flags = VHU_VERSION | VHU_IS_REPLY,
				     .size = len };
	uint8_t out[600] = { 0 };

	h.flags = bent_is(b, BENT_HEADER)	  ? VHU_IS_REPLY
		  : bent_is(b, BENT_NO_REPLY_BIT) ? VHU_VERSION
						  : h.flags;
	if (len > 0) {
		(void)memcpy(out + sizeof(h), body, len);
	}
	if (bent_at(b, BENT_SHORT, m->h.request)) {
		h.size--;
	}
	if (bent_at(b, BENT_ZERO, m->h.request)) {
		(void)memset(out + sizeof(h), 0, len);
	}
	(void)memcpy(out, &h, sizeof(h));
	(void)!send(b->fd, out, sizeof(h) + h.size, MSG_NOSIGNAL);
}

void bent_tell_change(struct bent *b)
{
	struct vhu_wire_header h = { .request = VHU_BACK_CONFIG_CHANGE, .flags = VHU_VERSION };

	if (b->channel >= 0 && (b->proto & VHU_P_CONFIG) != 0 && !bent_is(b, BENT_NO_CHANGE)) {
		(void)!send(b->channel, &h, sizeof(h), MSG_NOSIGNAL);
	}
}

void bent_fail(struct bent *b)
{
	if ((b->status & VIO_S_NEEDS_RESET) == 0) {
		b->status |= VIO_S_NEEDS_RESET;
		bent_tell_change(b);
	}
}

/* ---- state ---- */

static void position(struct bent *b, struct bent_queue *q, uint32_t base)
{
	q->packed = (b->features & VIO_F_RING_PACKED) != 0;
	q->seen = (uint16_t)(q->packed ? base & 0x7fffu : base);
	q->put = (uint16_t)(q->packed ? (base >> 16) & 0x7fffu : base);
	q->seen_wrap = (base & 0x8000u) != 0;
	q->put_wrap = (base & 0x80000000u) != 0;
	q->laps = 0;
	if (bent_is(b, BENT_START)) {
		q->put++;
	}
}

void bent_reset(struct bent *b)
{
	bent_dev_down(b);
	b->epoch++;
	for (uint16_t i = 0; i < BENT_VQS; i++) {
		struct bent_queue *q = &b->q[i];

		if (bent_is(b, BENT_RESET_RUNS)) {
			continue;
		}
		q->started = false;
		q->enabled = false;
		q->stopped_once = bent_is(b, BENT_RESET_KEEPS) || bent_is(b, BENT_RESET_FORMAT);
	}
	b->status = bent_is(b, BENT_STATUS)	  ? b->status
		    : bent_is(b, BENT_RESET_RUNS) ? VIO_S_DRIVER_OK
						  : 0u;
}

void bent_forget(struct bent *b)
{
	bent_dev_down(b);
	for (uint32_t i = 0; i < BENT_SLOTS; i++) {
		b->slot[i].busy = false;
	}
	bent_drop_regions(b);
	for (uint16_t i = 0; i < BENT_VQS; i++) {
		struct bent_queue *q = &b->q[i];
		int fd[] = { q->kick, q->call, q->err };

		for (unsigned k = 0; k < 3; k++) {
			if (fd[k] >= 0) {
				close(fd[k]);
			}
		}
		*q = (struct bent_queue){ .kick = -1, .call = -1, .err = -1 };
	}
	if (b->channel >= 0) {
		close(b->channel);
	}
	b->channel = -1;
	b->nregion = b->tables = 0;
	b->features = b->proto = b->served = b->serial = 0;
	b->status = 0;
	b->table_seen = b->direct_seen = b->over = false;
}

/* ---- rings ---- */

static uint64_t set_addr(struct bent *b, const struct raw_message *m)
{
	struct bent_queue *q = &b->q[m->b.addr.index % BENT_VQS];

	q->addr = m->b.addr;
	q->has_addr = true;
	q->desc = bent_uva(b, q->addr.desc);
	q->driver = bent_uva(b, q->addr.avail);
	q->device = bent_uva(b, q->addr.used);
	return q->desc && q->driver && q->device ? 0 : 1;
}

static void set_fd(struct bent *b, struct raw_message *m)
{
	struct bent_queue *q = &b->q[(m->b.u64 & VHU_RING_MASK) % BENT_VQS];
	bool kick = m->h.request == VHU_SET_VRING_KICK, call = m->h.request == VHU_SET_VRING_CALL;
	int *fd = kick ? &q->kick : call ? &q->call : &q->err, new = m->nfd > 0 ? m->fd[0] : -1;

	m->nfd = 0;
	if (*fd >= 0 && call && bent_is(b, BENT_CALL_KEPT)) {
		close(new);
		return;
	}
	if (*fd >= 0) {
		close(*fd);
	}
	*fd = new;
	if (kick) {
		q->poll = new < 0;
		q->started = q->poll;
	}
}

static void get_base(struct bent *b, struct raw_message *m)
{
	struct bent_queue *q = &b->q[m->b.ring.index % BENT_VQS];

	for (unsigned i = 0; i < 1000 && bent_dev_busy(b) && !bent_is(b, BENT_STOP_RUNS); i++) {
		bent_dev_step(b); /* what is under way comes back first, if it can */
		bent_back(b);
		if (i > 20) {
			break;
		}
	}
	if (!bent_is(b, BENT_STOP_RUNS)) {
		for (uint16_t i = 0; i < BENT_VQS; i++) {
			if (i == m->b.ring.index || bent_is(b, BENT_BASE_OTHER)) {
				b->q[i].started = b->q[i].poll = false;
				b->q[i].halted = i != m->b.ring.index;
			}
		}
	}
	q->stopped_once = true;
	m->b.ring.num =
		q->packed ? (uint32_t)(q->seen | (q->seen_wrap ? 0x8000u : 0u) |
				       ((uint32_t)q->put << 16) | (q->put_wrap ? 0x80000000u : 0u))
			  : q->seen;
	m->b.ring.num -= bent_is(b, BENT_BASE) ? 1u : 0u;
	answer(b, m, &m->b.ring, sizeof(m->b.ring));
}

/* ---- configuration ---- */

static void read_config(struct bent *b, uint8_t all[VHU_CONFIG_MAX])
{
	(void)memset(all, 0, VHU_CONFIG_MAX);
	if (bent_is(b, BENT_CONFIG_LATE) && (b->status & VIO_S_FEATURES_OK) == 0) {
		return;
	}
	(void)lb_bus.config_read(&b->lb, 0, all, VHU_CONFIG_MAX);
	if (b->bend && b->bend->config) {
		b->bend->config(all, b->lb.dev->ops->config_len);
	}
}

static void get_config(struct bent *b, struct raw_message *m)
{
	struct vhu_wire_config *c = &m->b.config;
	uint8_t all[VHU_CONFIG_MAX];

	if (c->off > VHU_CONFIG_MAX || c->len > VHU_CONFIG_MAX - c->off) {
		answer(b, m, c, bent_is(b, BENT_CONFIG_MUCH) ? 20u : 0u);
		return;
	}
	read_config(b, all);
	(void)memcpy(c->byte, all + (bent_is(b, BENT_CONFIG_SHIFT) ? 0 : c->off), c->len);
	answer(b, m, c, m->h.size);
}

static uint64_t set_config(struct bent *b, const struct raw_message *m)
{
	const struct vhu_wire_config *c = &m->b.config;

	if (bent_is(b, BENT_CONFIG_ANY) && c->off + c->len <= b->lb.dev->ops->config_len) {
		(void)memcpy(b->lb.dev->config + c->off, c->byte, c->len);
		return 0;
	}
	return lb_bus.config_write(&b->lb, c->off, c->byte, c->len) == VIO_OK ? 0 : 1;
}

/* ---- all of them ---- */

static uint64_t offer(struct bent *b)
{
	uint64_t offered;

	(void)lb_bus.features(&b->lb, &offered);
	b->offered = (offered | VIO_F_VERSION_1 | VIO_F_RINGS | VHU_F_PROTOCOL);
	return b->bend ? (b->offered | b->bend->add) & ~b->bend->hide : b->offered;
}

static void set_status(struct bent *b, uint8_t s)
{
	bool starts = (s & ~b->status & VIO_S_DRIVER_OK) != 0;

	if (s == 0) {
		bent_reset(b);
		return;
	}
	if ((s & VIO_S_FEATURES_OK) != 0 && !b->up && !bent_dev_takes(b) &&
	    !bent_is(b, BENT_TAKES_ANY)) {
		s &= (uint8_t)~VIO_S_FEATURES_OK;
	}
	b->status = (uint8_t)(s | (b->status & VIO_S_NEEDS_RESET));
	if (starts && !b->up && bent_dev_up(b) != VIO_OK) {
		bent_fail(b);
	}
	for (uint16_t i = 0; starts && i < BENT_VQS; i++) {
		if (bent_is(b, BENT_EARLY_FORGET) && b->q[i].driver) {
			b->q[i].seen = vio_get16(b->q[i].driver + 2);
			b->q[i].put = b->q[i].seen;
		}
	}
}

static uint64_t set_ring(struct bent *b, const struct raw_message *m)
{
	struct bent_queue *q;

	if (m->b.ring.index >= b->nvq) {
		return 1;
	}
	q = &b->q[m->b.ring.index];
	switch (m->h.request) {
	case VHU_SET_VRING_NUM:
		if (m->b.ring.num == 0 || m->b.ring.num > 32768) {
			return 1;
		}
		q->num = q->stopped_once && bent_is(b, BENT_STOP_SIZE) ? q->num : m->b.ring.num;
		break;
	case VHU_SET_VRING_BASE:
		if (!q->stopped_once ||
		    !(bent_is(b, BENT_STOP_KEEPS) || bent_is(b, BENT_RESET_KEEPS) ||
		      bent_is(b, BENT_RESET_FORMAT))) {
			position(b, q,
				 bent_is(b, BENT_BASE_ZERO) ? 0x80008000u * q->packed
							    : m->b.ring.num);
		}
		break;
	default:
		q->shut = q->shut || (q->enabled && m->b.ring.num == 0);
		q->enabled = m->b.ring.num != 0 && !(q->shut && bent_is(b, BENT_ENABLE_ONCE));
		break;
	}
	return 0;
}

static uint64_t set(struct bent *b, struct raw_message *m)
{
	switch (m->h.request) {
	case VHU_SET_FEATURES:
		b->features = m->b.u64;
		break;
	case VHU_SET_PROTOCOL_FEATURES:
		b->proto = m->b.u64;
		break;
	case VHU_SET_MEM_TABLE:
		bent_set_table(b, m);
		break;
	case VHU_ADD_MEM_REG:
		return bent_slot_region(b, m, true);
	case VHU_REM_MEM_REG:
		return bent_slot_region(b, m, false);
	case VHU_SET_VRING_NUM:
	case VHU_SET_VRING_BASE:
	case VHU_SET_VRING_ENABLE:
		return set_ring(b, m);
	case VHU_SET_VRING_ADDR:
		return m->b.addr.index < b->nvq ? set_addr(b, m) : 1;
	case VHU_SET_VRING_KICK:
	case VHU_SET_VRING_CALL:
	case VHU_SET_VRING_ERR:
		if ((m->b.u64 & VHU_RING_MASK) >= b->nvq) {
			return 1;
		}
		set_fd(b, m);
		break;
	case VHU_SET_BACKEND_REQ_FD:
		b->channel = m->nfd > 0 ? m->fd[0] : -1;
		m->nfd = 0;
		break;
	case VHU_SET_STATUS:
		set_status(b, (uint8_t)m->b.u64);
		break;
	case VHU_SET_CONFIG:
		return set_config(b, m);
	case VHU_RESET_DEVICE:
		if (!bent_is(b, BENT_RESET_NONE)) {
			bent_reset(b);
		}
		break;
	default:
		break;
	}
	return 0;
}

static void acknowledge(struct bent *b, struct raw_message *m)
{
	uint64_t no = set(b, m);
	bool asked = (m->h.flags & VHU_NEED_REPLY) != 0 && (b->proto & VHU_P_REPLY_ACK) != 0;

	no = bent_at(b, BENT_REFUSES, m->h.request)   ? 1
	     : bent_at(b, BENT_ACCEPTS, m->h.request) ? 0
						      : no;
	if (bent_at(b, BENT_UNASKED, m->h.request) ||
	    (asked && !bent_at(b, BENT_NO_ACK, m->h.request))) {
		answer(b, m, &no, sizeof(no));
	}
	for (unsigned i = 0; i < m->nfd && !bent_is(b, BENT_KEEPS_FD); i++) {
		close(m->fd[i]);
	}
}

static bool get(struct bent *b, const struct raw_message *m)
{
	uint64_t v;

	switch (m->h.request) {
	case VHU_GET_FEATURES:
		v = offer(b);
		break;
	case VHU_GET_PROTOCOL_FEATURES:
		v = PROTO | (b->lb.dev->ops->config_len > 0 ? VHU_P_CONFIG : 0);
		break;
	case VHU_GET_QUEUE_NUM:
		v = b->nvq;
		break;
	case VHU_GET_MAX_MEM_SLOTS:
		v = BENT_REGS;
		break;
	case VHU_GET_STATUS:
		v = b->status;
		break;
	default:
		return false;
	}
	answer(b, m, &v, sizeof(v));
	return true;
}

void bent_message(struct bent *b)
{
	struct raw_message m;

	if (!raw_receive(b->fd, &m)) {
		b->over = true;
	} else if (m.h.request == VHU_GET_CONFIG) {
		get_config(b, &m);
	} else if (m.h.request == VHU_GET_VRING_BASE) {
		if (m.b.ring.index < b->nvq) {
			get_base(b, &m);
		} else {
			b->over = true;
		}
	} else if (!get(b, &m)) {
		acknowledge(b, &m);
	} else {
		/* answered */
	}
}
