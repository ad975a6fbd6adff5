/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rtc.c - RTC device: clocks and alarms
 *
 * Request queue: every request is answered in the turn in which it is taken, in order, so readings of
 * one clock are taken in the order that the specification demands. What is wrong with a request is
 * looked at in this order, since each of the rules says MUST: sizes (EINVAL), message type
 * (EOPNOTSUPP), alarm feature and clock (ENODEV), counter (EOPNOTSUPP), everything else (EINVAL).
 *
 * Alarm queue: a buffer is taken only when there is something to put into it. An alarm that is
 * enabled is watched by the host, which calls rtc_due each time the clock reaches it; `due` stays
 * until a buffer comes, or the driver sets or disables the alarm. A further expiry meanwhile is the
 * same notification.
 *
 * Alarms are not kept across a reset: what one driver set does not wake the next one.
 */
#include <string.h>
#include "vio/rtc.h"

#define LONGEST 24u /* bytes of a request, and of a response */

/* One request while it is looked at. */
struct rtc_call {
	uint8_t in[LONGEST], out[LONGEST];
	uint16_t clock;
	uint8_t arg; /* counter or flags */
};

struct rtc_msg {
	uint16_t type;
	uint8_t req, resp; /* bytes */
	uint8_t clock_at;  /* offset of clock_id, 0: none; arg is behind it */
	bool alarm, counter;
	uint8_t flags; /* that arg may have */
	uint8_t (*run)(struct vio_rtc *t, struct rtc_call *c);
};

static struct vio_rtc *rtc_of(struct vio_dev *d)
{
	return VIO_CONTAINER(d, struct vio_rtc, dev);
}

/* ---- requests ---- */

static uint8_t rtc_status(int rc)
{
	if (rc == VIO_OK) {
		return VIO_RTC_S_OK;
	}
	return rc == VIO_E_NOTSUP ? VIO_RTC_S_EOPNOTSUPP : VIO_RTC_S_EIO;
}

static uint8_t rtc_cfg(struct vio_rtc *t, struct rtc_call *c)
{
	vio_pack16(c->out + offsetof(struct vio_rtc_resp_cfg, num_clocks), t->n);
	return VIO_RTC_S_OK;
}

static uint8_t rtc_clock_cap(struct vio_rtc *t, struct rtc_call *c)
{
	const struct vio_rtc_clock *k = &t->clock[c->clock];
	bool alarm = k->alarm && (t->dev.features & VIO_RTC_F_ALARM);

	c->out[offsetof(struct vio_rtc_resp_clock_cap, type)] = k->type;
	c->out[offsetof(struct vio_rtc_resp_clock_cap, leap_second_smearing)] = k->smear;
	c->out[offsetof(struct vio_rtc_resp_clock_cap, flags)] =
		(uint8_t)(alarm ? VIO_RTC_FLAG_ALARM_CAP : 0u);
	return VIO_RTC_S_OK;
}

static bool rtc_can_cross(const struct vio_rtc *t, const struct rtc_call *c)
{
	return t->ops->cross && t->ops->cross(t->host, c->clock, c->arg, NULL, NULL) == VIO_OK;
}

static uint8_t rtc_cross_cap(struct vio_rtc *t, struct rtc_call *c)
{
	c->out[offsetof(struct vio_rtc_resp_cross_cap, flags)] =
		(uint8_t)(rtc_can_cross(t, c) ? VIO_RTC_FLAG_CROSS_CAP : 0u);
	return VIO_RTC_S_OK;
}

static uint8_t rtc_read(struct vio_rtc *t, struct rtc_call *c)
{
	uint64_t ns = 0;
	int rc = t->ops->read(t->host, c->clock, &ns);

	vio_pack64(c->out + offsetof(struct vio_rtc_resp_read, clock_reading), ns);
	return rtc_status(rc);
}

static uint8_t rtc_read_cross(struct vio_rtc *t, struct rtc_call *c)
{
	uint64_t ns = 0, cycles = 0;
	int rc = VIO_E_NOTSUP;

	if (t->ops->cross) {
		rc = t->ops->cross(t->host, c->clock, c->arg, &ns, &cycles);
	}
	vio_pack64(c->out + offsetof(struct vio_rtc_resp_read_cross, clock_reading), ns);
	vio_pack64(c->out + offsetof(struct vio_rtc_resp_read_cross, counter_cycles), cycles);
	return rtc_status(rc);
}

static uint8_t rtc_read_alarm(struct vio_rtc *t, struct rtc_call *c)
{
	const struct vio_rtc_alarm *a = &t->alarm[c->clock];

	vio_pack64(c->out + offsetof(struct vio_rtc_resp_read_alarm, alarm_time), a->at);
	c->out[offsetof(struct vio_rtc_resp_read_alarm, flags)] =
		(uint8_t)(a->enabled ? VIO_RTC_FLAG_ALARM_ENABLED : 0u);
	return VIO_RTC_S_OK;
}

/* A notification that was due is dropped: the driver has changed its mind, and the host says anew if the time has come. */
static uint8_t rtc_arm(struct vio_rtc *t, const struct rtc_call *c)
{
	struct vio_rtc_alarm *a = &t->alarm[c->clock];
	int rc = VIO_OK;

	a->due = false;
	a->enabled = (c->arg & VIO_RTC_FLAG_ALARM_ENABLED) != 0;
	if (a->enabled) {
		rc = t->ops->watch(t->host, c->clock, a->at);
		if (rc != VIO_OK) {
			a->enabled = false;
			a->due = false;
		}
	} else {
		t->ops->unwatch(t->host, c->clock);
	}
	return rc == VIO_OK ? VIO_RTC_S_OK : VIO_RTC_S_EIO;
}

static uint8_t rtc_set_alarm(struct vio_rtc *t, struct rtc_call *c)
{
	t->alarm[c->clock].at =
		vio_unpack64(c->in + offsetof(struct vio_rtc_req_set_alarm, alarm_time));
	return rtc_arm(t, c);
}

static uint8_t rtc_set_alarm_enabled(struct vio_rtc *t, struct rtc_call *c)
{
	return rtc_arm(t, c);
}

#define AT     ((uint8_t)offsetof(struct vio_rtc_req_clock, clock_id))
#define SET_AT ((uint8_t)offsetof(struct vio_rtc_req_set_alarm, clock_id))
#define ON     ((uint8_t)VIO_RTC_FLAG_ALARM_ENABLED)

static const struct rtc_msg rtc_msgs[] = {
	{ VIO_RTC_REQ_READ, 16, 16, AT, false, false, 0, rtc_read },
	{ VIO_RTC_REQ_READ_CROSS, 16, 24, AT, false, true, 0, rtc_read_cross },
	{ VIO_RTC_REQ_CFG, 8, 16, 0, false, false, 0, rtc_cfg },
	{ VIO_RTC_REQ_CLOCK_CAP, 16, 16, AT, false, false, 0, rtc_clock_cap },
	{ VIO_RTC_REQ_CROSS_CAP, 16, 16, AT, false, true, 0, rtc_cross_cap },
	{ VIO_RTC_REQ_READ_ALARM, 16, 24, AT, true, false, 0, rtc_read_alarm },
	{ VIO_RTC_REQ_SET_ALARM, 24, 8, SET_AT, true, false, ON, rtc_set_alarm },
	{ VIO_RTC_REQ_SET_ALARM_ENABLED, 16, 8, AT, true, false, ON, rtc_set_alarm_enabled },
};

static const struct rtc_msg *rtc_find(uint16_t type)
{
	uint32_t n;

	for (n = 0; n < sizeof(rtc_msgs) / sizeof(rtc_msgs[0]); n++) {
		if (rtc_msgs[n].type == type) {
			return &rtc_msgs[n];
		}
	}
	return NULL;
}

static bool rtc_zero(const uint8_t *p, uint32_t from, uint32_t to)
{
	for (; from < to; from++) {
		if (p[from]) {
			return false;
		}
	}
	return true;
}

/* The specification's counters, or one that the host knows. */
static bool rtc_counter(const struct vio_rtc *t, const struct rtc_call *c)
{
	return c->arg == VIO_RTC_COUNTER_ARM_VCT || c->arg == VIO_RTC_COUNTER_X86_TSC ||
	       (c->arg != VIO_RTC_COUNTER_INVALID && rtc_can_cross(t, c));
}

/* What a message names, if it names a clock. returns: VIO_RTC_S_OK, or what is wrong */
static uint8_t rtc_check(struct vio_rtc *t, const struct rtc_msg *m, struct rtc_call *c)
{
	uint32_t tail = sizeof(struct vio_rtc_req_head);

	if (m->alarm && !(t->dev.features & VIO_RTC_F_ALARM)) {
		return VIO_RTC_S_ENODEV;
	}
	if (m->clock_at) {
		c->clock = vio_unpack16(c->in + m->clock_at);
		c->arg = c->in[m->clock_at + 2u];
		if (c->clock >= t->n || (m->alarm && !t->clock[c->clock].alarm)) {
			return VIO_RTC_S_ENODEV;
		}
		tail = m->clock_at + 3u;
		if (m->counter && !rtc_counter(t, c)) {
			return VIO_RTC_S_EOPNOTSUPP;
		}
		if (!m->counter && (c->arg & ~(uint32_t)m->flags)) {
			return VIO_RTC_S_EINVAL;
		}
	}
	return rtc_zero(c->in, 2, 8) && rtc_zero(c->in, tail, m->req) ? VIO_RTC_S_OK
								      : VIO_RTC_S_EINVAL;
}

static void rtc_serve(struct vio_rtc *t, struct vio_req *r)
{
	struct rtc_call c;
	const struct rtc_msg *m;
	uint32_t len = sizeof(struct vio_rtc_resp_head);
	uint8_t status = VIO_RTC_S_EINVAL;

	memset(&c, 0, sizeof(c));
	if (vio_req_read(r, 0, c.in, LONGEST) >= sizeof(struct vio_rtc_req_head)) {
		m = rtc_find(vio_unpack16(c.in));
		if (!m) {
			status = VIO_RTC_S_EOPNOTSUPP;
		} else if (r->out_len >= m->req && r->in_len >= m->resp) {
			len = m->resp;
			status = rtc_check(t, m, &c);
			status = status == VIO_RTC_S_OK ? m->run(t, &c) : status;
		}
	}
	if (status != VIO_RTC_S_OK) {
		memset(c.out, 0, sizeof(c.out));
	}
	c.out[0] = status;
	vio_req_write(r, 0, c.out, len); /* stores what fits */
	vio_req_done(r, 0);
}

/* ---- alarms ---- */

static void rtc_due(struct vio_rtc_sink *s, uint16_t clock)
{
	struct vio_rtc *t = VIO_CONTAINER(s, struct vio_rtc, sink);

	if (clock < t->n && t->alarm[clock].enabled) {
		t->alarm[clock].due = true;
		vio_vq_wake(&t->vq[VIO_RTC_ALARMQ]); /* this may not be a turn of that queue */
	}
}

static void rtc_notify(struct vio_rtc *t, struct vio_vq *q)
{
	uint8_t out[sizeof(struct vio_rtc_notif_alarm)];
	struct vio_req *r;
	uint16_t n;

	for (n = 0; n < t->n; n++) {
		while (t->alarm[n].due) {
			r = vio_vq_pop(q);
			if (!r) {
				return;
			}
			if (r->in_len >=
			    sizeof(out)) { /* else it is of no use, and goes back empty */
				memset(out, 0, sizeof(out));
				vio_pack16(out, VIO_RTC_NOTIF_ALARM);
				vio_pack16(out + offsetof(struct vio_rtc_notif_alarm, clock_id), n);
				vio_req_write(r, 0, out, sizeof(out));
				t->alarm[n].due = false;
			}
			vio_req_done(r, 0);
		}
	}
}

/* ---- device ---- */

static void rtc_queue(struct vio_dev *d, struct vio_vq *q)
{
	struct vio_rtc *t = rtc_of(d);
	struct vio_req *r;

	if (q->index == VIO_RTC_ALARMQ) {
		rtc_notify(t, q);
		return;
	}
	while ((r = vio_vq_pop(q)) != NULL) {
		rtc_serve(t, r);
	}
}

static void rtc_stop(struct vio_dev *d)
{
	struct vio_rtc *t = rtc_of(d);
	uint16_t n;

	for (n = 0; n < t->n; n++) {
		if (t->clock[n].alarm) {
			t->ops->unwatch(t->host, n);
		}
	}
	memset(t->alarm, 0, sizeof(t->alarm));
}

static const struct vio_dev_ops rtc_ops = {
	.id = VIO_RTC_ID,
	.nvq_max = 2,
	.features = VIO_RTC_F_ALARM,
	.queue = rtc_queue,
	.stop = rtc_stop,
};

int vio_rtc_init(struct vio_rtc *t, struct vio_mem *m, const struct vio_rtc_host_ops *ops,
		 void *host)
{
	bool alarm = false;
	uint16_t n;
	int rc;

	if (!ops) {
		return VIO_E_ARG;
	}
	rc = vio_dev_init(&t->dev, &rtc_ops, m, t->vq, 2, NULL);
	if (rc) {
		return rc;
	}
	for (n = 0; n < 2u; n++) {
		VIO_VQ_BIND(&t->vq[n], &t->dev, n, &t->store[n], VIO_RTC_DEPTH, VIO_RTC_SEGS);
	}
	t->ops = ops;
	t->host = host;
	t->sink.due = rtc_due;
	t->clock = ops->open(host, &t->sink, &t->n);
	if (!t->clock) {
		return VIO_E_IO;
	}
	if (t->n > VIO_RTC_CLOCKS) {
		t->n = 0;
		vio_rtc_fini(t);
		return VIO_E_ARG;
	}
	for (n = 0; n < t->n; n++) {
		alarm = alarm || t->clock[n].alarm;
	}
	if (!alarm) {
		t->dev.class_features &= ~VIO_RTC_F_ALARM;
	}
	return VIO_OK;
}

void vio_rtc_fini(struct vio_rtc *t)
{
	if (t->ops->close) {
		t->ops->close(t->host);
	}
}

static size_t rtc_bytes(const struct vio_parts *parts)
{
	(void)parts;
	return sizeof(struct vio_rtc);
}

static int rtc_create(void *self, struct vio_mem *m, const struct vio_parts *parts)
{
	return vio_rtc_init(self, m, parts->host_ops, parts->host);
}

static void rtc_destroy(void *self)
{
	vio_rtc_fini(self);
}

const struct vio_class vio_class_rtc = {
	.name = "rtc",
	.about = "RTC: clocks of the host and alarms for the guest",
	.id = VIO_RTC_ID,
	.needs_host = true,
	.bytes = rtc_bytes,
	.create = rtc_create,
	.destroy = rtc_destroy,
};
