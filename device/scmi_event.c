/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * scmi_event.c - SCMI device: notifications
 *
 * A host reports what changed; here it becomes a message for each resource of the agent's tree whose notification the
 * agent has asked for. Messages wait in a ring, note[], until the driver has a buffer. A later message about the same
 * thing replaces one that still waits; when the ring is full a new one is dropped, and one that does not fit into the
 * driver's buffer is omitted (virtio 1.4, SCMI device, eventq Operation, allows all three).
 *
 * Trip points: each knows on which side of it the last reading was. A reading on the other side is a crossing.
 */
#include <string.h>
#include "scmi_proto.h"

#define WANT_FIRST 1u

/* words of a message, by bit: header 0, agent 1, resource 2, more */
#define KEY_HDR	 1u
#define KEY_RES	 5u
#define KEY_TRIP 13u

bool scmi_p2a(const struct vio_scmi *s)
{
	return (s->dev.features & VIO_SCMI_F_P2A_CHANNELS) != 0;
}

uint8_t *scmi_want(struct vio_scmi *s, const struct scmi_proto *p, uint32_t id)
{
	uint32_t at = 1; /* the first is the system's */
	uint8_t n;

	if (!p->n_at) {
		return &s->want[0];
	}
	for (n = 0; scmi_protos[n] != p; n++) {
		at += scmi_count(scmi_protos[n], s->tree);
	}
	return &s->want[at + id];
}

struct vio_scmi_trip *scmi_trip(struct vio_scmi *s, uint32_t sensor, uint32_t n)
{
	uint32_t k;

	for (k = 0; k < sensor; k++) {
		n += s->tree->sensor[k].ntrip;
	}
	return &s->trip[n];
}

void scmi_forget(struct vio_scmi *s)
{
	memset(s->want, 0, sizeof(s->want));
	memset(s->trip, 0, sizeof(s->trip));
	s->have = 0;
}

static bool note_same(const struct vio_scmi_note *a, const uint32_t *w, uint8_t key)
{
	uint32_t n;

	for (n = 0; n < 7u; n++) {
		if ((key & (1u << n)) && a->w[n] != w[n]) {
			return false;
		}
	}
	return a->key == key;
}

static void note(struct vio_scmi *s, const uint32_t *w, uint8_t n, uint8_t key)
{
	struct vio_scmi_note *to = NULL;
	uint16_t k;

	for (k = 0; k < s->have && !to; k++) {
		to = &s->note[(s->first + k) % VIO_SCMI_EVENTS];
		to = note_same(to, w, key) ? to : NULL;
	}
	if (!to) {
		if (s->have == VIO_SCMI_EVENTS) {
			return;
		}
		to = &s->note[(s->first + s->have++) % VIO_SCMI_EVENTS];
	}
	memcpy(to->w, w, n * sizeof(w[0]));
	to->n = n;
	to->key = key;
	vio_vq_wake(&s->vq[VIO_SCMI_EVENTQ]);
}

/* One protocol's messages about a change; `more` words follow agent and resource. */
static void note_all(struct vio_scmi *s, const struct scmi_proto *p, uint8_t message,
		     const struct vio_scmi_event *e, uint8_t more)
{
	uint32_t w[7] = { VIO_SCMI_HDR(p->id, VIO_SCMI_TYPE_NOTIFICATION, message),
			  e->agent,
			  0,
			  (uint32_t)e->value,
			  (uint32_t)(e->value >> 32),
			  (uint32_t)e->extra,
			  (uint32_t)(e->extra >> 32) };
	const struct vio_scmi_res *r;
	uint32_t n;

	if (more == 2u && p == &scmi_perf) {
		w[4] = (uint32_t)e->extra; /* limits are words, not a value of 64 bits */
	}
	for (n = 0; n < scmi_count(p, s->tree); n++) {
		r = scmi_at(p, s->tree, n);
		if (r->res == e->res && (*scmi_want(s, p, n) & (1u << message))) {
			w[2] = n;
			note(s, w, (uint8_t)(3u + more), KEY_RES);
		}
	}
}

static void note_trips(struct vio_scmi *s, uint32_t id, const struct vio_scmi_event *e)
{
	struct vio_scmi_trip *t;
	uint32_t n, w[4] = { VIO_SCMI_HDR(VIO_SCMI_SENSOR, VIO_SCMI_TYPE_NOTIFICATION, 0), e->agent,
			     id, 0 };
	uint8_t side;

	for (n = 0; n < s->tree->sensor[id].ntrip; n++) {
		t = scmi_trip(s, id, n);
		side = (int64_t)e->value >= t->value ? 2 : 1;
		if (t->side && side != t->side && (t->mode & (side == 2 ? 1u : 2u)) &&
		    (*scmi_want(s, &scmi_sensor, id) & WANT_FIRST)) {
			w[3] = n | (side == 2 ? 1u << 16 : 0);
			note(s, w, 4, KEY_TRIP);
		}
		t->side = side;
	}
}

static void note_system(struct vio_scmi *s, const struct vio_scmi_event *e)
{
	uint32_t w[5] = { VIO_SCMI_HDR(VIO_SCMI_SYSTEM, VIO_SCMI_TYPE_NOTIFICATION, 0), e->agent,
			  e->extra != 0, (uint32_t)e->value, 0 };

	if (s->tree->system && (s->want[0] & WANT_FIRST)) {
		note(s, w, 5, KEY_HDR);
	}
}

static void note_sensor(struct vio_scmi *s, const struct vio_scmi_event *e)
{
	uint32_t n;

	for (n = 0; n < s->tree->nsensor; n++) {
		if (s->tree->sensor[n].r.res == e->res) {
			note_trips(s, n, e);
		}
	}
	note_all(s, &scmi_sensor, 1, e, 4);
}

void scmi_event(struct vio_scmi_sink *sink, const struct vio_scmi_event *e)
{
	struct vio_scmi *s = VIO_CONTAINER(sink, struct vio_scmi, sink);

	if (!s->tree) {
		return; /* a host that reports before it is open */
	}
	switch (e->verb) {
	case VIO_SCMI_CLOCK_SET:
		note_all(s, &scmi_clock, 0, e, 2);
		break;
	case VIO_SCMI_SENSOR_GET:
		note_sensor(s, e);
		break;
	case VIO_SCMI_RESET_DO:
		if (e->value != VIO_SCMI_RESET_DEASSERT) {
			struct vio_scmi_event cold = *e;

			cold.value = 0; /* architectural: cold reset */
			note_all(s, &scmi_reset, 0, &cold, 1);
		}
		break;
	case VIO_SCMI_POWER_SET:
		note_all(s, &scmi_power, 0, e, 1);
		break;
	case VIO_SCMI_SYSTEM_SET:
		note_system(s, e);
		break;
	case VIO_SCMI_PERF_SET_LIMITS:
		note_all(s, &scmi_perf, 0, e, 2);
		break;
	case VIO_SCMI_PERF_SET:
		note_all(s, &scmi_perf, 1, e, 1);
		break;
	default:
		break;
	}
}

void scmi_event_queue(struct vio_scmi *s, struct vio_vq *q)
{
	struct vio_scmi_note *from;
	struct vio_req *r;
	uint32_t n;

	scmi_late_queue(s, q);
	while (s->have && (r = vio_vq_pop(q)) != NULL) {
		from = &s->note[s->first];
		for (n = 0; n < from->n && r->in_len >= from->n * 4u; n++) {
			uint32_t word = vio_le32(from->w[n]);

			vio_req_write(r, n * 4u, &word, 4);
		}
		s->first = (uint16_t)((s->first + 1u) % VIO_SCMI_EVENTS);
		s->have--;
		vio_req_done(r, 0);
	}
}
