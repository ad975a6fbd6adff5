/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rpmb.c - RPMB device: replay protected memory
 *
 * The readable bytes of requests are frames of 512 bytes, looked at one after the other; the writable
 * bytes are room for frames of the answer. Drivers may put question and room for the answer into one
 * request or into several, and the frames of one write too, as an eMMC takes them one by one: what is
 * kept between requests is
 *	answer, left	what the driver asked for and has not fetched; a new question drops it
 *	want, have	a write whose frames are still coming; its MAC is in the last of them
 *	last		how the last key or write went, for RESULT_READ
 * One MAC is computed at a time: that of a write while it comes in, or that of an answer while it is
 * fetched; the beginning of one ends the other.
 *
 * A change is made by one commit of the host, which keeps all of it or nothing. While it is pending
 * nothing else happens. Data reaches the store only after MAC and counter were right.
 *
 * A host may relay instead (rpmb_relay.c): then the frames of a write are collected in its memory, only
 * counts and addresses are looked at here, and its frames are the answers.
 */
#include <string.h>
#include "device/rpmb_relay.h"

#define EXPIRED UINT32_MAX /* the counter stays here, and nothing can be written any more */

static struct vio_rpmb *rpmb_of(struct vio_dev *d)
{
	return VIO_CONTAINER(d, struct vio_rpmb, dev);
}

static uint16_t be16(const uint8_t *p)
{
	return (uint16_t)((uint32_t)p[0] << 8 | p[1]);
}

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)be16(p) << 16 | be16(p + 2);
}

static void put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* ---- answers ---- */

void rpmb_note(struct vio_rpmb *p, uint16_t type, uint16_t result)
{
	memset(&p->last, 0, sizeof(p->last));
	p->last.type = type;
	p->last.result = result;
	p->last.counter = type == VIO_RPMB_RESP_DATA_WRITE ? p->store->counter : 0;
	p->last.address = type == VIO_RPMB_RESP_DATA_WRITE ? be16(p->first.address) : 0;
	p->left = 0;
	p->want = 0;
}

void rpmb_answer(struct vio_rpmb *p, uint16_t type, uint16_t result)
{
	if (p->want) {
		rpmb_note(p, VIO_RPMB_RESP_DATA_WRITE, VIO_RPMB_RES_GENERAL_FAILURE);
	}
	memset(&p->answer, 0, sizeof(p->answer));
	p->answer.type = type;
	p->answer.result = result;
	p->left = 1;
	if (p->store->keyed) {
		p->ops->mac_begin(p->host);
	}
}

static void rpmb_next_frame(struct vio_rpmb *p)
{
	struct vio_rpmb_answer *a = &p->answer;
	struct vio_rpmb_frame *f = &p->frame;
	uint16_t block = (uint16_t)(a->address + (uint16_t)(a->count - p->left));

	if (a->frames) {
		*f = *a->frames++;
		p->left--;
		return;
	}
	memset(f, 0, sizeof(*f));
	if (a->data && p->ops->read(p->host, block, f->data) != VIO_OK) {
		memset(f->data, 0, sizeof(f->data));
		a->result = VIO_RPMB_RES_READ_FAILURE;
		p->left = 1;
	}
	memcpy(f->nonce, a->nonce, sizeof(f->nonce));
	put16(f->write_counter, (uint16_t)(a->counter >> 16));
	put16(f->write_counter + 2, (uint16_t)a->counter);
	put16(f->address, a->address);
	put16(f->block_count, a->count);
	put16(f->result,
	      (uint16_t)(a->result |
			 (p->store->counter == EXPIRED ? VIO_RPMB_RES_WRITE_COUNTER_EXPIRED : 0u)));
	put16(f->req_resp, a->type);
	p->left--;
	if (p->store->keyed) {
		p->ops->mac_add(p->host, f->data, VIO_RPMB_SIGNED);
		if (p->left == 0) {
			p->ops->mac_end(p->host, f->key_mac);
		}
	}
}

/* All frames of the request were taken: fill its room, and give it back. */
static void rpmb_finish(struct vio_rpmb *p)
{
	struct vio_req *r = p->now;
	uint32_t off;

	for (off = 0; p->left && r->in_len - off >= VIO_RPMB_FRAME; off += VIO_RPMB_FRAME) {
		rpmb_next_frame(p);
		vio_req_write(r, off, &p->frame, VIO_RPMB_FRAME);
	}
	p->now = NULL;
	vio_req_done(r, 0);
}

/* ---- key and write ---- */

static void rpmb_committed(struct vio_rpmb *p, int32_t result)
{
	rpmb_note(p, p->commit.key ? VIO_RPMB_RESP_PROGRAM_KEY : VIO_RPMB_RESP_DATA_WRITE,
		  result == VIO_OK ? VIO_RPMB_RES_OK : VIO_RPMB_RES_WRITE_FAILURE);
	memset(&p->frame, 0, sizeof(p->frame)); /* may hold the key */
}

/* returns: VIO_PENDING: the rest of the request waits */
static int rpmb_commit(struct vio_rpmb *p)
{
	int rc = p->ops->commit(p->host, &p->commit);

	if (rc != VIO_PENDING) {
		rpmb_committed(p, rc);
	}
	return rc == VIO_PENDING ? rc : VIO_OK;
}

static int rpmb_program(struct vio_rpmb *p)
{
	if (be16(p->frame.block_count) != 1) {
		rpmb_note(p, VIO_RPMB_RESP_PROGRAM_KEY, VIO_RPMB_RES_GENERAL_FAILURE);
		return VIO_OK;
	}
	if (p->ops->relay) {
		return rpmb_relay(p, 1, 1);
	}
	if (p->store->keyed) {
		rpmb_note(p, VIO_RPMB_RESP_PROGRAM_KEY, VIO_RPMB_RES_WRITE_FAILURE);
		return VIO_OK;
	}
	p->commit.key = p->frame.key_mac;
	p->commit.data = NULL;
	return rpmb_commit(p);
}

/* Takes as long wherever the first difference is. */
static bool rpmb_same_mac(const uint8_t *a, const uint8_t *b)
{
	uint32_t n, differ = 0;

	for (n = 0; n < VIO_RPMB_MAC; n++) {
		differ |= (uint32_t)a[n] ^ b[n];
	}
	return differ == 0;
}

static bool rpmb_same_write(const struct vio_rpmb_frame *a, const struct vio_rpmb_frame *b)
{
	return be32(a->write_counter) == be32(b->write_counter) &&
	       be16(a->address) == be16(b->address) && be16(a->block_count) == be16(b->block_count);
}

/* The last frame of a write is there; returns: VIO_RPMB_RES_OK it may be done */
static uint16_t rpmb_authorize(struct vio_rpmb *p)
{
	uint8_t mac[VIO_RPMB_MAC];

	if (!p->ops->relay) {
		p->ops->mac_end(p->host, mac);
	}
	if (p->store->counter == EXPIRED) {
		return VIO_RPMB_RES_WRITE_COUNTER_EXPIRED;
	}
	if (be16(p->first.address) + (uint32_t)p->want > p->store->blocks) {
		return VIO_RPMB_RES_ADDR_FAILURE;
	}
	if (p->ops->relay) {
		return p->differ ? VIO_RPMB_RES_GENERAL_FAILURE : VIO_RPMB_RES_OK;
	}
	if (!rpmb_same_mac(mac, p->frame.key_mac)) {
		return VIO_RPMB_RES_AUTH_FAILURE;
	}
	if (be32(p->first.write_counter) != p->store->counter) {
		return VIO_RPMB_RES_COUNT_FAILURE;
	}
	return p->differ ? VIO_RPMB_RES_GENERAL_FAILURE : VIO_RPMB_RES_OK;
}

/* Another frame of a write is there: its MAC, and its data or, for a host that relays, all of it */
static void rpmb_collect(struct vio_rpmb *p)
{
	const struct vio_rpmb_frame *f = &p->frame;

	if (p->ops->relay) {
		p->store->frames[p->have] = *f;
	} else {
		p->ops->mac_add(p->host, f->data, VIO_RPMB_SIGNED);
		memcpy(p->data + (uint32_t)p->have * VIO_RPMB_BLOCK, f->data, VIO_RPMB_BLOCK);
	}
	p->differ = p->differ || !rpmb_same_write(f, &p->first);
	p->have++;
}

/* A frame of a write: the first of it, or the next one of those that were announced. */
static int rpmb_write(struct vio_rpmb *p)
{
	const struct vio_rpmb_frame *f = &p->frame;
	uint16_t count = be16(f->block_count), result;
	bool can = p->store->keyed || p->ops->relay;

	if (p->want == 0) {
		p->first = *f;
		if (!can || count == 0 || count > p->max_wr) {
			rpmb_note(p, VIO_RPMB_RESP_DATA_WRITE,
				  can ? VIO_RPMB_RES_GENERAL_FAILURE : VIO_RPMB_RES_NO_AUTH_KEY);
			return VIO_OK;
		}
		p->left = 0;
		p->want = count;
		p->have = 0;
		p->differ = false;
		if (!p->ops->relay) {
			p->ops->mac_begin(p->host);
		}
	}
	rpmb_collect(p);
	if (p->have < p->want) {
		return VIO_OK;
	}
	result = rpmb_authorize(p);
	if (result != VIO_RPMB_RES_OK) {
		rpmb_note(p, VIO_RPMB_RESP_DATA_WRITE, result);
		return VIO_OK;
	}
	if (p->ops->relay) {
		return rpmb_relay(p, p->want, 1);
	}
	p->commit.key = NULL;
	p->commit.data = p->data;
	p->commit.block = be16(p->first.address);
	p->commit.n = p->want;
	return rpmb_commit(p);
}

/* ---- questions ---- */

static int rpmb_counter(struct vio_rpmb *p)
{
	const struct vio_rpmb_frame *f = &p->frame;
	uint16_t result = VIO_RPMB_RES_OK;

	if (!p->store->keyed && !p->ops->relay) {
		result = VIO_RPMB_RES_NO_AUTH_KEY;
	} else if (be16(f->block_count) != 1) {
		result = VIO_RPMB_RES_GENERAL_FAILURE;
	} else if (p->ops->relay) {
		return rpmb_relay(p, 1, 1);
	}
	rpmb_answer(p, VIO_RPMB_RESP_GET_COUNTER, result);
	memcpy(p->answer.nonce, f->nonce, sizeof(f->nonce));
	p->answer.counter = result == VIO_RPMB_RES_OK ? p->store->counter : 0;
	return VIO_OK;
}

static int rpmb_read(struct vio_rpmb *p)
{
	const struct vio_rpmb_frame *f = &p->frame;
	uint16_t count = be16(f->block_count), address = be16(f->address);
	uint16_t result = VIO_RPMB_RES_OK;

	if (!p->store->keyed && !p->ops->relay) {
		result = VIO_RPMB_RES_NO_AUTH_KEY;
	} else if (count == 0 || count > p->max_rd) {
		result = VIO_RPMB_RES_GENERAL_FAILURE;
	} else if (address + (uint32_t)count > p->store->blocks) {
		result = VIO_RPMB_RES_ADDR_FAILURE;
	} else if (p->ops->relay) {
		return rpmb_relay(p, 1, count);
	}
	rpmb_answer(p, VIO_RPMB_RESP_DATA_READ, result);
	memcpy(p->answer.nonce, f->nonce, sizeof(f->nonce));
	p->answer.address = address;
	p->answer.count = count;
	if (result == VIO_RPMB_RES_OK) {
		p->answer.data = true;
		p->left = count;
	}
	return VIO_OK;
}

static void rpmb_result(struct vio_rpmb *p)
{
	rpmb_answer(p, 0, VIO_RPMB_RES_GENERAL_FAILURE);
	p->answer.type = p->last.type;
	if (be16(p->frame.block_count) == 1 && p->last.type) {
		p->answer = p->last;
	}
}

/* One frame, in p->frame; returns: VIO_PENDING: go on when the host is done */
static int rpmb_frame(struct vio_rpmb *p)
{
	uint16_t type = be16(p->frame.req_resp);

	switch (type) {
	case VIO_RPMB_REQ_PROGRAM_KEY:
		return rpmb_program(p);
	case VIO_RPMB_REQ_DATA_WRITE:
		return rpmb_write(p);
	case VIO_RPMB_REQ_GET_WRITE_COUNTER:
		return rpmb_counter(p);
	case VIO_RPMB_REQ_DATA_READ:
		return rpmb_read(p);
	case VIO_RPMB_REQ_RESULT_READ:
		rpmb_result(p);
		break;
	default:
		rpmb_answer(p, (uint16_t)(type << 8), VIO_RPMB_RES_GENERAL_FAILURE);
		break;
	}
	return VIO_OK;
}

void rpmb_go_on(struct vio_rpmb *p)
{
	struct vio_req *r = p->now;

	while (p->at < r->out_len) {
		if (r->out_len - p->at < VIO_RPMB_FRAME) {
			rpmb_answer(p, 0, VIO_RPMB_RES_GENERAL_FAILURE); /* half a frame */
			break;
		}
		vio_req_read(r, p->at, &p->frame, VIO_RPMB_FRAME);
		p->at += VIO_RPMB_FRAME;
		if (rpmb_frame(p) == VIO_PENDING) {
			return;
		}
	}
	rpmb_finish(p);
}

static void rpmb_job_done(struct vio_job *j, int32_t result)
{
	struct vio_rpmb *p = VIO_CONTAINER(j, struct vio_rpmb, commit.job);

	rpmb_committed(p, result);
	rpmb_go_on(p);
}

/* ---- device ---- */

static void rpmb_queue(struct vio_dev *d, struct vio_vq *q)
{
	struct vio_rpmb *p = rpmb_of(d);

	while (!p->now && (p->now = vio_vq_pop(q)) != NULL) {
		p->at = 0;
		rpmb_go_on(p);
	}
}

static void rpmb_stop(struct vio_dev *d)
{
	struct vio_rpmb *p = rpmb_of(d);

	p->left = 0;
	p->want = 0;
	memset(&p->last, 0, sizeof(p->last));
	memset(p->data, 0, sizeof(p->data));
}

static const struct vio_dev_ops rpmb_ops = {
	.id = VIO_RPMB_ID,
	.nvq_max = 1,
	.config_len = sizeof(struct vio_rpmb_config),
	.queue = rpmb_queue,
	.stop = rpmb_stop,
};

int vio_rpmb_init(struct vio_rpmb *p, struct vio_mem *m, const struct vio_rpmb_host_ops *ops,
		  void *host, uint8_t max_wr, uint8_t max_rd)
{
	const uint32_t unit = VIO_RPMB_UNIT / VIO_RPMB_BLOCK;
	int rc;

	if (!ops || max_wr == 0 || max_wr > VIO_RPMB_WRITE_MAX || max_rd == 0) {
		return VIO_E_ARG;
	}
	rc = vio_dev_init(&p->dev, &rpmb_ops, m, &p->vq, 1, p->config);
	if (rc) {
		return rc;
	}
	VIO_VQ_BIND(&p->vq, &p->dev, 0, &p->vqs, VIO_RPMB_DEPTH, VIO_RPMB_SEGS);
	p->ops = ops;
	p->host = host;
	p->commit.job.done = rpmb_job_done;
	p->commit.job.vq = &p->vq;
	p->relay.job.done = rpmb_relay_done;
	p->relay.job.vq = &p->vq;
	p->store = ops->open(host);
	if (!p->store) {
		return VIO_E_IO;
	}
	if (p->store->blocks % unit || p->store->blocks > VIO_RPMB_UNITS * unit ||
	    (ops->relay && !p->store->frames)) {
		return VIO_E_ARG;
	}
	p->max_wr = p->store->max_wr && p->store->max_wr < max_wr ? p->store->max_wr : max_wr;
	p->max_rd = p->store->max_rd && p->store->max_rd < max_rd ? p->store->max_rd : max_rd;
	p->config[0] = (uint8_t)(p->store->blocks / unit);
	p->config[1] = p->max_wr;
	p->config[2] = p->max_rd;
	return VIO_OK;
}

static size_t rpmb_bytes(const struct vio_parts *parts)
{
	(void)parts;
	return sizeof(struct vio_rpmb);
}

static int rpmb_create(void *self, struct vio_mem *m, const struct vio_parts *parts)
{
	return vio_rpmb_init(self, m, parts->host_ops, parts->host, (uint8_t)parts->param[0],
			     (uint8_t)parts->param[1]);
}

static const struct vio_param rpmb_param[] = {
	{ "max-write", "most blocks of 256 bytes in one write", 1, VIO_RPMB_WRITE_MAX, 32 },
	{ "max-read", "most blocks of 256 bytes in one read", 1, 255, 128 },
};

const struct vio_class vio_class_rpmb = {
	.name = "rpmb",
	.about = "RPMB: replay protected memory for the guest",
	.id = VIO_RPMB_ID,
	.needs_host = true,
	.param = rpmb_param,
	.nparam = sizeof(rpmb_param) / sizeof(rpmb_param[0]),
	.bytes = rpmb_bytes,
	.create = rpmb_create,
};
