/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * scmi.c - SCMI device: commands, their checks and their answers
 *
 * A command is copied into a struct scmi_call on the stack, and checked in this order; the first that fails is the
 * status of the answer:
 *	answer has no room for a status	nothing is written, nothing is done
 *	header (type, reserved bits)	PROTOCOL_ERROR
 *	protocol, message		NOT_SUPPORTED
 *	length, room for the answer	PROTOCOL_ERROR
 *	resource			NOT_FOUND
 *	right				DENIED
 *	the rest			by the function of the command
 * The first five need only the table of the protocol, so that no function of a protocol looks at a length. (Pin control
 * finds resources of three kinds by a selector, in its own functions.)
 *
 * What is constant is answered from the tree. The rest goes to the host as the op in the request, which owns it until
 * the host has done it; the parameters are gone then, and the answer is made from op alone. Commands are answered in
 * any order (virtio 1.4, SCMI device, cmdq Operation). A status other than SUCCESS is answered alone.
 *
 * An asynchronous command is answered as soon as the host has it, and goes on in a slot of its own (scmi_late.c).
 *
 * Quota: `paid` is the moment up to which it is used up; a command moves it by `cost`. What lies more than a second in
 * the past is forfeited. Commands beyond wait in the ring.
 *
 * Replayed after a crash of the back-end, a command is run again: all but RESET and a change of the system's state
 * are the same when done twice, and of those the driver has seen no answer. Delayed responses that were not sent yet
 * are lost with the back-end.
 */
#include <string.h>
#include "scmi_proto.h"

#define SECOND 1000000000u /* ns */
#define HEAD   8u	   /* bytes: header, status */

static struct vio_scmi *scmi_of(struct vio_dev *d)
{
	return VIO_CONTAINER(d, struct vio_scmi, dev);
}

/* ---- answers ---- */

static void scmi_answer(struct scmi_call *c, int32_t status)
{
	uint32_t head[2] = { vio_le32(c->k->hdr), vio_le32((uint32_t)status) };

	c->k->msg = NULL;
	vio_req_write(&c->q->r, 0, head, HEAD);
	if (status == VIO_SCMI_SUCCESS) {
		vio_req_write(&c->q->r, HEAD, c->out, c->n * 4u);
	}
	vio_req_done(&c->q->r, 0);
}

static uint32_t scmi_room(const struct vio_req *r)
{
	uint32_t words = (r->in_len - HEAD) / 4u;

	return words < SCMI_WORDS ? words : SCMI_WORDS;
}

/* ---- the host ---- */

int32_t scmi_status(const struct scmi_msg *m, int32_t rc)
{
	switch (rc) {
	case VIO_OK:
		return VIO_SCMI_SUCCESS;
	case VIO_E_NOTSUP:
		return VIO_SCMI_NOT_SUPPORTED;
	case VIO_E_AGAIN:
		return m->taken ? m->taken : VIO_SCMI_BUSY;
	case VIO_E_ARG:
		return VIO_SCMI_OUT_OF_RANGE;
	case VIO_E_IO:
		return VIO_SCMI_HARDWARE_ERROR;
	default:
		return VIO_SCMI_GENERIC_ERROR;
	}
}

/* The same, and with VIO_OK the values of the answer are made. */
static int32_t scmi_result(struct scmi_call *c, int32_t rc)
{
	const struct scmi_msg *m = c->k->msg;
	const struct vio_scmi_op *op = &c->k->op;

	if (rc != VIO_OK) {
		return scmi_status(m, rc);
	}
	if (m->finish) {
		m->finish(c);
	} else {
		uint32_t w[4] = { (uint32_t)op->value, (uint32_t)(op->value >> 32),
				  (uint32_t)op->extra, (uint32_t)(op->extra >> 32) };
		uint32_t n;

		for (n = 0; n < m->values; n++) {
			scmi_put(c, w[n]);
		}
	}
	return VIO_SCMI_SUCCESS;
}

static void scmi_job_done(struct vio_job *j, int32_t result)
{
	struct vio_scmi_req *q = VIO_CONTAINER(j, struct vio_scmi_req, k.op.job);
	struct scmi_call c;
	uint8_t n;

	c.s = scmi_of(q->r.vq->dev);
	c.q = q;
	c.k = &q->k;
	c.tree = c.s->tree;
	c.id = q->k.id;
	c.n = 0;
	c.room = scmi_room(&q->r);
	c.res = NULL;
	for (n = 0; n < scmi_nprotos && q->k.msg->res; n++) {
		if (scmi_protos[n]->id == q->k.proto) {
			c.res = scmi_at(scmi_protos[n], c.tree, c.id);
		}
	}
	scmi_answer(&c, scmi_result(&c, result));
}

int32_t scmi_host(struct scmi_call *c, uint8_t verb, uint64_t value, uint64_t extra)
{
	struct vio_scmi_op *op = &c->k->op;
	int rc;

	op->job.done = scmi_job_done;
	op->job.vq = c->q->r.vq;
	op->verb = verb;
	op->agent = c->tree->agent;
	op->res = c->res ? ((const struct vio_scmi_res *)c->res)->res : 0;
	op->value = value;
	op->extra = extra;
	rc = c->s->ops->run(c->s->host, op);
	return rc == VIO_PENDING ? SCMI_LATER : scmi_result(c, rc);
}

/* ---- commands ---- */

static const struct scmi_msg *scmi_find(const struct scmi_call *c, const struct scmi_proto *p,
					uint32_t id)
{
	uint8_t n;

	for (n = 0; n < p->nmsg; n++) {
		if (p->msg[n].id == id) {
			return !p->msg[n].want || scmi_p2a(c->s) ? &p->msg[n] : NULL;
		}
	}
	return NULL;
}

/* The four that are the same in each protocol. */
static int32_t scmi_standard(struct scmi_call *c, const struct scmi_proto *p, uint32_t id,
			     uint32_t words)
{
	bool one = id == VIO_SCMI_MESSAGE_ATTRIBUTES || id == VIO_SCMI_NEGOTIATE_VERSION;

	uint32_t out = id == VIO_SCMI_PROTOCOL_ATTRIBUTES ? p->attribute_words
		       : id == VIO_SCMI_NEGOTIATE_VERSION ? 0u
							  : 1u;

	if (words != (one ? 1u : 0u) || c->room < out) {
		return VIO_SCMI_PROTOCOL_ERROR;
	}
	switch (id) {
	case VIO_SCMI_PROTOCOL_VERSION:
		scmi_put(c, p->version);
		return VIO_SCMI_SUCCESS;
	case VIO_SCMI_PROTOCOL_ATTRIBUTES:
		return p->attributes(c);
	case VIO_SCMI_MESSAGE_ATTRIBUTES:
		if (c->p[0] > VIO_SCMI_MESSAGE_ATTRIBUTES &&
		    c->p[0] != VIO_SCMI_NEGOTIATE_VERSION && !scmi_find(c, p, c->p[0])) {
			return VIO_SCMI_NOT_FOUND;
		}
		scmi_put(c, 0); /* no FastChannel */
		return VIO_SCMI_SUCCESS;
	default:
		return c->p[0] == p->version ? VIO_SCMI_SUCCESS : VIO_SCMI_NOT_SUPPORTED;
	}
}

static int32_t scmi_switch(struct scmi_call *c, const struct scmi_proto *p,
			   const struct scmi_msg *m)
{
	uint32_t enable = c->p[m->in - 1u];
	uint8_t *want = scmi_want(c->s, p, c->id), bit = (uint8_t)(1u << (m->want - 1u));

	if (enable > 1u) {
		return VIO_SCMI_INVALID_PARAMETERS;
	}
	*want = (uint8_t)(enable ? *want | bit : *want & ~bit);
	return VIO_SCMI_SUCCESS;
}

/* How many words of parameters it is to have; `words` are there */
static uint32_t scmi_words(const struct scmi_call *c, const struct scmi_msg *m, uint32_t words)
{
	if (!m->pairs || words < m->in || words > SCMI_WORDS) {
		return m->in; /* the count of pairs is not there */
	}
	return m->in + 2u * ((c->p[m->pairs - 1u] >> 2) & 0xffu);
}

static int32_t scmi_message(struct scmi_call *c, const struct scmi_proto *p, uint32_t words)
{
	const struct scmi_msg *m;
	uint32_t id = VIO_SCMI_HDR_MESSAGE(c->k->hdr);

	if (id <= VIO_SCMI_MESSAGE_ATTRIBUTES || id == VIO_SCMI_NEGOTIATE_VERSION) {
		return scmi_standard(c, p, id, words);
	}
	m = scmi_find(c, p, id);
	if (!m) {
		return VIO_SCMI_NOT_SUPPORTED;
	}
	if (words != scmi_words(c, m, words) || c->room < m->out) {
		return VIO_SCMI_PROTOCOL_ERROR;
	}
	if (m->res) {
		c->id = c->p[m->res - 1u];
		if (c->id >= scmi_count(p, c->tree)) {
			return VIO_SCMI_NOT_FOUND;
		}
		c->res = scmi_at(p, c->tree, c->id);
		if (m->rights & ~((const struct vio_scmi_res *)c->res)->rights) {
			return VIO_SCMI_DENIED;
		}
	}
	if (m->want) {
		return scmi_switch(c, p, m);
	}
	c->k->msg = m;
	c->k->id = (uint16_t)c->id;
	c->k->proto = p->id;
	return m->fn(c);
}

static int32_t scmi_command(struct scmi_call *c)
{
	uint32_t hdr = c->k->hdr, bytes = c->q->r.out_len - 4u, n;

	if (VIO_SCMI_HDR_TYPE(hdr) != VIO_SCMI_TYPE_COMMAND || (hdr & VIO_SCMI_HDR_RESERVED)) {
		return VIO_SCMI_PROTOCOL_ERROR;
	}
	for (n = 0; n < scmi_nprotos; n++) {
		if (scmi_protos[n]->id == VIO_SCMI_HDR_PROTOCOL(hdr) &&
		    scmi_present(scmi_protos[n], c->tree)) {
			break;
		}
	}
	if (n == scmi_nprotos) {
		return VIO_SCMI_NOT_SUPPORTED;
	}
	/* a length that no message has reaches the table as one that no message has */
	if ((bytes & 3u) || bytes > SCMI_WORDS * 4u) {
		bytes = (SCMI_WORDS + 1u) * 4u;
	} else {
		uint32_t k;

		vio_req_read(&c->q->r, 4, c->p, bytes);
		for (k = 0; k < bytes / 4u; k++) {
			c->p[k] = vio_le32(c->p[k]);
		}
	}
	return scmi_message(c, scmi_protos[n], bytes / 4u);
}

static void scmi_take(struct vio_scmi *s, struct vio_scmi_req *q)
{
	struct scmi_call c;
	int32_t status;

	q->k.msg = NULL;
	if (q->r.in_len < HEAD || vio_req_read(&q->r, 0, &q->k.hdr, 4) < 4u) {
		vio_req_done(&q->r, 0);
		return;
	}
	q->k.hdr = vio_le32(q->k.hdr);
	c.s = s;
	c.q = q;
	c.k = &q->k;
	c.tree = s->tree;
	c.res = NULL;
	c.id = 0;
	c.n = 0;
	c.room = scmi_room(&q->r);
	status = scmi_command(&c);
	if (status != SCMI_LATER) {
		scmi_answer(&c, status);
	}
}

/* ---- device ---- */

static void scmi_timer(struct vio_timer *t)
{
	struct vio_scmi *s = VIO_CONTAINER(t, struct vio_scmi, timer);

	t->at = 0;
	vio_vq_wake(&s->vq[VIO_SCMI_CMDQ]);
}

/* true: the quota has room for a command; else a timer brings the next turn */
static bool scmi_may(struct vio_scmi *s)
{
	uint64_t now;

	if (s->cost == 0) {
		return true;
	}
	now = s->clock->now(s->clock);
	if (now > SECOND && s->paid < now - SECOND) {
		s->paid = now - SECOND;
	}
	if (s->paid + s->cost <= now) {
		return true;
	}
	if (s->timer.at == 0) {
		s->clock->set(s->clock, &s->timer, s->paid + s->cost);
	}
	return false;
}

static void scmi_queue(struct vio_dev *d, struct vio_vq *q)
{
	struct vio_scmi *s = scmi_of(d);
	struct vio_req *r;

	if (q->index == VIO_SCMI_EVENTQ) {
		scmi_event_queue(s, q);
		return;
	}
	while (scmi_may(s) && (r = vio_vq_pop(q)) != NULL) {
		s->paid += s->cost;
		scmi_take(s, VIO_CONTAINER(r, struct vio_scmi_req, r));
	}
}

static void scmi_cancel(struct vio_dev *d, struct vio_req *r)
{
	struct vio_scmi *s = scmi_of(d);

	/* only commands are ever kept, and only with the host */
	if (s->ops->cancel) {
		s->ops->cancel(s->host, &VIO_CONTAINER(r, struct vio_scmi_req, r)->k.op);
	}
}

static void scmi_stop(struct vio_dev *d)
{
	struct vio_scmi *s = scmi_of(d);

	scmi_forget(s);
	scmi_late_drop(s);
	if (s->ops->reset) {
		s->ops->reset(s->host);
	}
}

static const struct vio_dev_ops scmi_ops = {
	.id = VIO_SCMI_ID,
	.nvq_max = 2,
	.features = VIO_SCMI_F_P2A_CHANNELS,
	.queue = scmi_queue,
	.cancel = scmi_cancel,
	.stop = scmi_stop,
};

/* The tree fits into what this device has room for. */
static bool scmi_fits(const struct vio_scmi_tree *t)
{
	uint32_t n, notify = 1, trips = 0;

	for (n = 0; n < scmi_nprotos; n++) {
		notify += scmi_count(scmi_protos[n], t);
	}
	for (n = 0; n < t->nsensor; n++) {
		trips += t->sensor[n].ntrip;
	}
	return notify <= VIO_SCMI_RES && trips <= VIO_SCMI_TRIPS;
}

int vio_scmi_init(struct vio_scmi *s, struct vio_mem *m, const struct vio_scmi_host_ops *ops,
		  void *host, struct vio_clock *clock)
{
	int rc;

	if (!ops) {
		return VIO_E_ARG;
	}
	rc = vio_dev_init(&s->dev, &scmi_ops, m, s->vq, 2, NULL);
	if (rc) {
		return rc;
	}
	VIO_VQ_BIND(&s->vq[VIO_SCMI_CMDQ], &s->dev, VIO_SCMI_CMDQ, &s->store, VIO_SCMI_DEPTH,
		    VIO_SCMI_SEGS);
	VIO_VQ_BIND(&s->vq[VIO_SCMI_EVENTQ], &s->dev, VIO_SCMI_EVENTQ, &s->event_store, 1u,
		    VIO_SCMI_SEGS);
	s->ops = ops;
	s->host = host;
	s->clock = clock;
	s->timer.fire = scmi_timer;
	s->sink.event = scmi_event;
	s->tree = ops->open(host, &s->sink);
	if (!s->tree) {
		return VIO_E_IO;
	}
	if (!scmi_fits(s->tree) || (s->tree->quota && !clock) || s->tree->quota > SECOND) {
		vio_scmi_fini(s);
		return VIO_E_ARG;
	}
	s->cost = s->tree->quota ? SECOND / s->tree->quota : 0;
	return VIO_OK;
}

void vio_scmi_fini(struct vio_scmi *s)
{
	if (s->timer.at) {
		s->clock->set(s->clock, &s->timer, 0);
	}
	if (s->ops->close) {
		s->ops->close(s->host);
	}
}

static size_t scmi_bytes(const struct vio_parts *parts)
{
	(void)parts;
	return sizeof(struct vio_scmi);
}

static int scmi_create(void *self, struct vio_mem *m, const struct vio_parts *parts)
{
	return vio_scmi_init(self, m, parts->host_ops, parts->host, parts->clock);
}

static void scmi_destroy(void *self)
{
	vio_scmi_fini(self);
}

const struct vio_class vio_class_scmi = {
	.name = "scmi",
	.about =
		"SCMI: clocks, sensors, resets, power, performance, regulators, pins for the guest",
	.id = VIO_SCMI_ID,
	.needs_host = true,
	.bytes = scmi_bytes,
	.create = scmi_create,
	.destroy = scmi_destroy,
};
