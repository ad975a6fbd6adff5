/* SPDX-License-Identifier: BSD-3-Clause */
/* rpmb_relay.c - the RPMB device in front of a store that has the key and answers for itself, as an eMMC */
#include <string.h>
#include "device/rpmb_relay.h"

_Static_assert(sizeof(((struct vio_rpmb *)0)->data) >= VIO_RPMB_FRAME,
	       "VIO_RPMB_WRITE_MAX is at least 2: a frame is kept there");

static uint16_t relay_be16(const uint8_t p[2])
{
	return (uint16_t)((uint32_t)p[0] << 8 | p[1]);
}

/* A key or a write: what came of it stays here, RESULT_READ tells it. */
static void relay_noted(struct vio_rpmb *p, int32_t result)
{
	struct vio_rpmb_frame *f = p->store->frames;

	rpmb_note(p, (uint16_t)(p->relay.type << 8), VIO_RPMB_RES_WRITE_FAILURE);
	if (result == VIO_OK) {
		memcpy(p->data, f, VIO_RPMB_FRAME);
		p->last.frames = (const struct vio_rpmb_frame *)(const void *)p->data;
	}
	if (p->relay.type == VIO_RPMB_REQ_PROGRAM_KEY) {
		memset(f, 0, VIO_RPMB_FRAME); /* may hold the key, as may the next */
		memset(&p->frame, 0, sizeof(p->frame));
	}
}

/* A counter or blocks. A failure is one frame, the last: it has the MAC, and the result of all. */
static void relay_answered(struct vio_rpmb *p, int32_t result)
{
	bool read = p->relay.type == VIO_RPMB_REQ_DATA_READ;
	uint16_t n = p->relay.want;
	const struct vio_rpmb_frame *last = &p->store->frames[n - 1u];

	rpmb_answer(p, (uint16_t)(p->relay.type << 8),
		    read ? VIO_RPMB_RES_READ_FAILURE : VIO_RPMB_RES_GENERAL_FAILURE);
	memcpy(p->answer.nonce, p->frame.nonce, sizeof(p->frame.nonce));
	if (result != VIO_OK) {
		return;
	}
	if (relay_be16(last->result) & ~VIO_RPMB_RES_WRITE_COUNTER_EXPIRED) {
		p->answer.frames = last;
	} else {
		p->answer.frames = p->store->frames;
		p->left = n;
	}
}

static void relay_told(struct vio_rpmb *p, int32_t result)
{
	if (p->relay.type == VIO_RPMB_REQ_PROGRAM_KEY || p->relay.type == VIO_RPMB_REQ_DATA_WRITE) {
		relay_noted(p, result);
	} else {
		relay_answered(p, result);
	}
}

int rpmb_relay(struct vio_rpmb *p, uint16_t ask, uint16_t want)
{
	int rc;

	p->relay.type = relay_be16(p->frame.req_resp);
	p->relay.ask = ask;
	p->relay.want = want;
	p->store->frames[ask - 1u] = p->frame; /* those before it are there */
	rc = p->ops->relay(p->host, &p->relay);
	if (rc != VIO_PENDING) {
		relay_told(p, rc);
	}
	return rc == VIO_PENDING ? rc : VIO_OK;
}

void rpmb_relay_done(struct vio_job *j, int32_t result)
{
	struct vio_rpmb *p = VIO_CONTAINER(j, struct vio_rpmb, relay.job);

	relay_told(p, result);
	rpmb_go_on(p);
}
