/* SPDX-License-Identifier: BSD-3-Clause */
/* scmi_proto.h - private to device/: what a protocol of the SCMI device is made of */
#ifndef VIO_DEVICE_SCMI_PROTO_H
#define VIO_DEVICE_SCMI_PROTO_H

#include "vio/scmi.h"

/* Parameters, and values behind the status, of one message: 128 bytes, what Linux sends and takes. */
#define SCMI_WORDS 32u
/* What a command's function says when the answer comes later; no status of the specification is above 0. */
#define SCMI_LATER 1

/* One command under way: while its parameters are looked at, and again while a host's answer is written. */
struct scmi_call {
	struct vio_scmi *s;
	struct vio_scmi_req *q;
	struct vio_scmi_cmd *k; /* in q */
	const struct vio_scmi_tree *tree;
	const void *res;	/* the resource that it names, checked; or NULL */
	uint32_t id;		/* the agent's number of it */
	uint32_t n;		/* words of out */
	uint32_t room;		/* of out, that the driver takes; at least what scmi_msg.out says */
	uint32_t p[SCMI_WORDS]; /* parameters, as many as scmi_msg.in says */
	uint32_t out[SCMI_WORDS]; /* values behind the status */
};

/* A command. Lengths, resource and rights are checked by this table, before any function is called. */
struct scmi_msg {
	uint8_t id;
	uint8_t in;	/* words of parameters, exactly */
	uint8_t out;	/* words of values that there must be room for */
	uint8_t res;	/* parameter that names the resource, counted from 1; 0: none */
	uint8_t rights; /* VIO_SCMI_MAY_* that it takes */
	/* parameter, counted from 1, whose bits 9:2 say how many pairs of words there are behind `in`; 0: none */
	uint8_t pairs;
	int8_t taken; /* status of the host's VIO_E_AGAIN, where another agent has the resource; 0: BUSY */
	uint8_t want; /* switches this notification, counted from 1, by its last parameter; fn is NULL then */
	uint8_t late; /* words of op.value, op.extra in its delayed response, behind status and resource */
	uint8_t values; /* words of op.value, op.extra that answer it, where `finish` is NULL */
	/* returns: a status | SCMI_LATER from scmi_host */
	int32_t (*fn)(struct scmi_call *c);
	/* the host has done it: c->q->op to c->out. There are no parameters any more. */
	void (*finish)(struct scmi_call *c);
};

struct scmi_proto {
	uint8_t id;
	uint8_t nmsg;
	uint32_t version;
	const struct scmi_msg *msg;
	uint8_t attribute_words; /* that PROTOCOL_ATTRIBUTES answers */
	int32_t (*attributes)(struct scmi_call *c);
	/* where the tree has its resources; n_at 0: it has none. bytes: of one. */
	uint16_t at, n_at, bytes;
	bool always; /* there even without a resource */
};

/* scmi_host - give op to the host; fn returns what this returns */
int32_t scmi_host(struct scmi_call *c, uint8_t verb, uint64_t value, uint64_t extra);
/* scmi_delay - the same for an asynchronous command: answered now, what becomes of it is a delayed response */
int32_t scmi_delay(struct scmi_call *c, uint8_t verb, uint64_t value, uint64_t extra);
/* scmi_late - asynchronous commands about this resource are offered */
bool scmi_late(const struct vio_scmi *s, const struct vio_scmi_res *r);
/* scmi_put - append a word; what does not fit is a mistake of the table and is dropped */
void scmi_put(struct scmi_call *c, uint32_t word);
/* scmi_name - append a name of so many bytes, a multiple of 4, closed by a zero */
void scmi_name(struct scmi_call *c, const char *name, uint32_t bytes);
/* scmi_name_get - the command that tells a long name: flags, 64 bytes */
int32_t scmi_name_get(struct scmi_call *c);
/* scmi_long - it has a name that 16 bytes do not hold */
bool scmi_long(const void *res);
/* scmi_count - resources of a protocol in a tree */
uint16_t scmi_count(const struct scmi_proto *p, const struct vio_scmi_tree *t);
const void *scmi_at(const struct scmi_proto *p, const struct vio_scmi_tree *t, uint32_t id);

/* ---- notifications (scmi_event.c) ---- */

/* scmi_p2a - notifications were negotiated */
bool scmi_p2a(const struct vio_scmi *s);
/* scmi_want - the byte of s->want of a resource, found through the table */
uint8_t *scmi_want(struct vio_scmi *s, const struct scmi_proto *p, uint32_t id);
void scmi_event(struct vio_scmi_sink *sink, const struct vio_scmi_event *e);
void scmi_event_queue(struct vio_scmi *s, struct vio_vq *q);
/* scmi_late_drop - the driver has gone: no delayed response is sent any more */
void scmi_late_drop(struct vio_scmi *s);
/* scmi_late_queue - a turn of eventq: send those that are ready */
void scmi_late_queue(struct vio_scmi *s, struct vio_vq *q);
/* scmi_status - what a host said, as a status */
int32_t scmi_status(const struct scmi_msg *m, int32_t rc);
/* scmi_forget - no notification is wanted any more, no trip point is set */
void scmi_forget(struct vio_scmi *s);
/* scmi_trip - trip point n of a sensor */
struct vio_scmi_trip *scmi_trip(struct vio_scmi *s, uint32_t sensor, uint32_t n);

/* ---- the protocols, one file each, and their table (scmi_proto.c) ---- */

extern const struct scmi_proto scmi_base, scmi_power, scmi_system, scmi_perf, scmi_clock,
	scmi_sensor, scmi_reset, scmi_voltage, scmi_pinctrl;
extern const struct scmi_proto *const scmi_protos[];
extern const uint8_t scmi_nprotos;
/* scmi_present - the agent has this protocol */
bool scmi_present(const struct scmi_proto *p, const struct vio_scmi_tree *t);

#endif
