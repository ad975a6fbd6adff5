/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * scmi_late.c - SCMI device: asynchronous commands and their delayed responses
 *
 * An asynchronous command is given to the host in a slot, late[], of which its driver knows nothing, so its request is
 * answered at once: SUCCESS when the host has it, or what the host refuses it with. The slot is free again when its
 * delayed response is sent; unlike a notification it must be (virtio 1.4, SCMI device, eventq Operation), so it waits
 * for a buffer that is long enough. Without a free slot the command is BUSY.
 *
 *	free -> with the host -> ready -> (sent) free
 *	        with the host -> dropped (the driver has reset the device) -> free
 */
#include "scmi_proto.h"

enum { FREE, HOST, READY, DROPPED };

static void late_done(struct vio_job *j, int32_t result)
{
	struct vio_scmi_late *l = VIO_CONTAINER(j, struct vio_scmi_late, k.op.job);

	l->status = scmi_status(l->k.msg, result);
	l->state = l->state == DROPPED ? FREE : READY; /* the completion brings a turn of eventq */
}

bool scmi_late(const struct vio_scmi *s, const struct vio_scmi_res *r)
{
	return scmi_p2a(s) && r->slow;
}

int32_t scmi_delay(struct scmi_call *c, uint8_t verb, uint64_t value, uint64_t extra)
{
	struct vio_scmi_late *l = c->s->late;
	int rc;

	while (l->state != FREE) {
		if (++l == c->s->late + VIO_SCMI_DELAYED) {
			return VIO_SCMI_BUSY;
		}
	}
	l->k = *c->k;
	l->k.op.job.done = late_done;
	l->k.op.job.vq = &c->s->vq[VIO_SCMI_EVENTQ];
	l->k.op.verb = verb;
	l->k.op.agent = c->tree->agent;
	l->k.op.res = ((const struct vio_scmi_res *)c->res)->res;
	l->k.op.value = value;
	l->k.op.extra = extra;
	l->state = HOST;
	rc = c->s->ops->run(c->s->host, &l->k.op);
	if (rc < 0) {
		l->state = FREE;
		return scmi_status(l->k.msg, rc);
	}
	if (rc == VIO_OK) {
		l->status = VIO_SCMI_SUCCESS;
		l->state = READY;
		vio_vq_wake(&c->s->vq[VIO_SCMI_EVENTQ]);
	}
	return VIO_SCMI_SUCCESS;
}

/* returns: false: the buffer is too short, and came back empty */
static bool late_send(struct vio_req *r, const struct vio_scmi_late *l)
{
	const struct vio_scmi_op *op = &l->k.op;
	uint32_t token = l->k.hdr & ~VIO_SCMI_HDR(0, 3, 0), n;
	uint32_t w[7] = { token | VIO_SCMI_HDR(0, VIO_SCMI_TYPE_DELAYED, 0),
			  (uint32_t)l->status,
			  l->k.id,
			  (uint32_t)op->value,
			  (uint32_t)(op->value >> 32),
			  (uint32_t)op->extra,
			  (uint32_t)(op->extra >> 32) };
	uint32_t words = l->status == VIO_SCMI_SUCCESS ? 3u + l->k.msg->late : 2u;
	bool fits = r->in_len >= words * 4u;

	for (n = 0; n < words; n++) {
		w[n] = vio_le32(w[n]);
	}
	if (fits) {
		vio_req_write(r, 0, w, words * 4u);
	}
	vio_req_done(r, 0);
	return fits;
}

void scmi_late_queue(struct vio_scmi *s, struct vio_vq *q)
{
	struct vio_req *r;
	uint32_t n = 0;

	while (n < VIO_SCMI_DELAYED) {
		struct vio_scmi_late *l = &s->late[n];

		if (l->state != READY) {
			n++;
			continue;
		}
		r = vio_vq_pop(q);
		if (!r) {
			return;
		}
		if (late_send(r, l)) {
			l->state = FREE;
		}
	}
}

void scmi_late_drop(struct vio_scmi *s)
{
	uint32_t n;

	for (n = 0; n < VIO_SCMI_DELAYED; n++) {
		struct vio_scmi_late *l = &s->late[n];

		if (l->state == HOST) {
			l->state = DROPPED;
			if (s->ops->cancel) {
				s->ops->cancel(s->host, &l->k.op);
			}
		} else if (l->state == READY) {
			l->state = FREE;
		}
	}
}
