/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * watchdog.c - watchdog device
 *
 * States: idle, running, running without a way out. START goes to one of the latter two, STOP (not without a way out),
 * a reset and an expiry go back to idle. With ENDURE negotiated at START, what has no way out goes on over a reset, and
 * is found running by the next driver; only START, which cannot weaken it, touches it then.
 *
 * One timer, for what comes next: the pre-timeout, the deadline, the end. At the deadline the request queue gets a turn,
 * and only then it is the end: a kick that was in the ring in time counts, even if this program was late. Time is looked
 * at when the timer fires, so one that is early does no harm.
 *
 * Every request is answered in the turn in which it is taken. What is wrong with it is looked at in this order: type
 * (UNSUPP), sizes (INVAL), features (UNSUPP), flags, reserved bytes and ranges (INVAL), state (STATE), the host (IO).
 */
#include <string.h>
#include "vio/watchdog.h"

#define MS	1000000u /* ns */
#define GRACE	MS	 /* from the deadline to the end: longer than a turn */
#define LONGEST 16u	 /* bytes of a request, and of a response */

enum wd_phase { WD_WARN, WD_DEADLINE, WD_END };

/* One request while it is looked at. */
struct wd_call {
	uint8_t in[LONGEST], out[LONGEST];
	uint16_t flags;
};

const char *const vio_watchdog_action[VIO_WATCHDOG_ACTIONS] = {
	[VIO_WATCHDOG_A_DEFAULT] = "default", [VIO_WATCHDOG_A_NONE] = "none",
	[VIO_WATCHDOG_A_RESET] = "reset",     [VIO_WATCHDOG_A_POWEROFF] = "poweroff",
	[VIO_WATCHDOG_A_PAUSE] = "pause",     [VIO_WATCHDOG_A_NMI] = "nmi",
};

static struct vio_watchdog *wd_of(struct vio_dev *d)
{
	return VIO_CONTAINER(d, struct vio_watchdog, dev);
}

/* ---- time ---- */

/* Rounded up, and at most UINT32_MAX. Bit by bit: small machines have no instruction to divide 64 bits. */
static uint32_t wd_ms(uint64_t ns)
{
	uint64_t part = (uint64_t)MS << 31;
	uint32_t ms = 0, bit;

	for (bit = 1u << 31; bit; bit >>= 1) {
		if (ns >= part) {
			ns -= part;
			ms |= bit;
		}
		part >>= 1;
	}
	return ms + (ns && ms != UINT32_MAX ? 1u : 0u);
}

static uint32_t wd_left(const struct vio_watchdog *w)
{
	uint64_t now = w->clock->now(w->clock);

	return w->running && w->deadline > now ? wd_ms(w->deadline - now) : 0u;
}

static void wd_phase(struct vio_watchdog *w, enum wd_phase phase, uint64_t at)
{
	w->phase = (uint8_t)phase;
	w->next = at;
	w->clock->set(w->clock, &w->timer, at);
}

/* The whole timeout from now on. */
static void wd_begin(struct vio_watchdog *w)
{
	w->deadline = w->clock->now(w->clock) + (uint64_t)w->timeout * MS;
	w->warn = false;
	if (w->pretimeout) {
		wd_phase(w, WD_WARN, w->deadline - (uint64_t)w->pretimeout * MS);
	} else {
		wd_phase(w, WD_DEADLINE, w->deadline);
	}
}

static void wd_idle(struct vio_watchdog *w)
{
	w->running = false;
	w->nowayout = false;
	w->endure = false;
	w->warn = false;
	w->clock->set(w->clock, &w->timer, 0);
}

static void wd_end(struct vio_watchdog *w)
{
	if (w->running) {
		wd_idle(w);
		if (w->ops->stop) {
			w->ops->stop(w->host);
		}
	}
}

static void wd_fire(struct vio_timer *t)
{
	struct vio_watchdog *w = VIO_CONTAINER(t, struct vio_watchdog, timer);
	uint64_t now = w->clock->now(w->clock);

	t->at = 0;
	if (now < w->next) {
		w->clock->set(w->clock, t, w->next);
	} else if (w->phase == WD_WARN) {
		w->warn = true;
		vio_vq_wake(&w->vq[VIO_WATCHDOG_EVENTQ]);
		wd_phase(w, WD_DEADLINE, w->deadline);
	} else if (w->phase == WD_DEADLINE) {
		vio_vq_wake(&w->vq[VIO_WATCHDOG_REQUESTQ]);
		wd_phase(w, WD_END, now + GRACE);
	} else {
		wd_idle(w);
		w->expired = true;
		w->ops->expired(w->host, w->action);
	}
}

/* ---- requests ---- */

static uint8_t wd_start(struct vio_watchdog *w, struct wd_call *c)
{
	uint32_t timeout = vio_unpack32(c->in + offsetof(struct vio_watchdog_req_start, timeout));
	uint32_t pre = vio_unpack32(c->in + offsetof(struct vio_watchdog_req_start, pretimeout));
	uint8_t action = c->in[offsetof(struct vio_watchdog_req_start, action)];
	bool noway =
		(c->flags & VIO_WATCHDOG_FLAG_NOWAYOUT) || !(w->dev.features & VIO_WATCHDOG_F_STOP);

	if (timeout < w->rule.min || timeout > w->rule.max || pre >= timeout ||
	    (pre && !(w->dev.features & VIO_WATCHDOG_F_PRETIMEOUT)) ||
	    action >= VIO_WATCHDOG_ACTIONS || !(w->actions & (1u << action))) {
		return VIO_WATCHDOG_S_INVAL;
	}
	action = action == VIO_WATCHDOG_A_DEFAULT ? w->action_default : action;
	if (w->nowayout && action != w->action) {
		return VIO_WATCHDOG_S_STATE;
	}
	if (w->ops->start && w->ops->start(w->host, timeout) != VIO_OK) {
		return VIO_WATCHDOG_S_IO;
	}
	w->timeout = timeout;
	w->pretimeout = pre;
	w->action = action;
	w->nowayout = w->nowayout || noway;
	w->endure = w->endure || (w->nowayout && (w->dev.features & VIO_WATCHDOG_F_ENDURE) != 0);
	w->running = true;
	w->expired = false;
	wd_begin(w);
	return VIO_WATCHDOG_S_OK;
}

static uint8_t wd_stop(struct vio_watchdog *w, struct wd_call *c)
{
	(void)c;
	if (w->nowayout) {
		return VIO_WATCHDOG_S_STATE;
	}
	wd_end(w);
	return VIO_WATCHDOG_S_OK;
}

static uint8_t wd_kick(struct vio_watchdog *w, struct wd_call *c)
{
	(void)c;
	if (!w->running) {
		return VIO_WATCHDOG_S_STATE;
	}
	wd_begin(w);
	return w->ops->kick && w->ops->kick(w->host) != VIO_OK ? VIO_WATCHDOG_S_IO
							       : VIO_WATCHDOG_S_OK;
}

static uint8_t wd_status(struct vio_watchdog *w, struct wd_call *c)
{
	uint32_t state = w->running ? VIO_WATCHDOG_STATE_RUNNING : 0u;

	state |= w->nowayout ? VIO_WATCHDOG_STATE_NOWAYOUT : 0u;
	state |= w->expired ? VIO_WATCHDOG_STATE_EXPIRED : 0u;
	c->out[offsetof(struct vio_watchdog_resp_status, state)] = (uint8_t)state;
	c->out[offsetof(struct vio_watchdog_resp_status, action)] = w->action;
	vio_pack32(c->out + offsetof(struct vio_watchdog_resp_status, timeout), w->timeout);
	vio_pack32(c->out + offsetof(struct vio_watchdog_resp_status, pretimeout), w->pretimeout);
	vio_pack32(c->out + offsetof(struct vio_watchdog_resp_status, time_left), wd_left(w));
	return VIO_WATCHDOG_S_OK;
}

struct wd_msg {
	uint16_t type;
	uint16_t flags;	   /* that it may have */
	uint8_t req, resp; /* bytes */
	uint64_t needs;	   /* feature */
	uint8_t (*run)(struct vio_watchdog *w, struct wd_call *c);
};

static const struct wd_msg wd_msgs[] = {
	{ VIO_WATCHDOG_REQ_START, VIO_WATCHDOG_FLAG_NOWAYOUT, 16, 4, 0, wd_start },
	{ VIO_WATCHDOG_REQ_STOP, 0, 4, 4, VIO_WATCHDOG_F_STOP, wd_stop },
	{ VIO_WATCHDOG_REQ_KICK, 0, 4, 4, 0, wd_kick },
	{ VIO_WATCHDOG_REQ_GET_STATUS, 0, 4, 16, 0, wd_status },
};

static const struct wd_msg *wd_find(uint16_t type)
{
	uint32_t n;

	for (n = 0; n < sizeof(wd_msgs) / sizeof(wd_msgs[0]); n++) {
		if (wd_msgs[n].type == type) {
			return &wd_msgs[n];
		}
	}
	return NULL;
}

/* returns: VIO_WATCHDOG_S_OK, or what is wrong before anything is done */
static uint8_t wd_check(const struct vio_watchdog *w, const struct wd_msg *m,
			const struct wd_call *c)
{
	uint32_t n;

	if (m->needs && !(w->dev.features & m->needs)) {
		return VIO_WATCHDOG_S_UNSUPP;
	}
	for (n = offsetof(struct vio_watchdog_req_start, reserved); n < m->req; n++) {
		if (c->in[n]) {
			return VIO_WATCHDOG_S_INVAL;
		}
	}
	return c->flags & ~(uint32_t)m->flags ? VIO_WATCHDOG_S_INVAL : VIO_WATCHDOG_S_OK;
}

static void wd_serve(struct vio_watchdog *w, struct vio_req *r)
{
	struct wd_call c;
	const struct wd_msg *m;
	uint32_t len = sizeof(struct vio_watchdog_resp_head);
	uint8_t status = VIO_WATCHDOG_S_INVAL;

	memset(&c, 0, sizeof(c));
	if (vio_req_read(r, 0, c.in, LONGEST) >= sizeof(struct vio_watchdog_req_head)) {
		c.flags = vio_unpack16(c.in + offsetof(struct vio_watchdog_req_head, flags));
		m = wd_find(vio_unpack16(c.in));
		if (!m) {
			status = VIO_WATCHDOG_S_UNSUPP;
		} else if (r->out_len >= m->req && r->in_len >= m->resp) {
			len = m->resp;
			status = wd_check(w, m, &c);
			status = status == VIO_WATCHDOG_S_OK ? m->run(w, &c) : status;
		}
	}
	c.out[0] = status;
	vio_req_write(r, 0, c.out, len); /* stores what fits */
	vio_req_done(r, 0);
}

/* ---- events ---- */

static void wd_notify(struct vio_watchdog *w, struct vio_vq *q)
{
	uint8_t out[sizeof(struct vio_watchdog_event)];
	struct vio_req *r;

	while (w->warn) {
		r = vio_vq_pop(q);
		if (!r) {
			return;
		}
		if (r->in_len >= sizeof(out)) { /* else it is of no use, and goes back empty */
			memset(out, 0, sizeof(out));
			vio_pack16(out, VIO_WATCHDOG_EVENT_PRETIMEOUT);
			vio_pack32(out + offsetof(struct vio_watchdog_event, time_left),
				   wd_left(w));
			vio_req_write(r, 0, out, sizeof(out));
			w->warn = false;
		}
		vio_req_done(r, 0);
	}
}

/* ---- device ---- */

static void wd_queue(struct vio_dev *d, struct vio_vq *q)
{
	struct vio_watchdog *w = wd_of(d);
	struct vio_req *r;

	if (q->index == VIO_WATCHDOG_EVENTQ) {
		wd_notify(w, q);
		return;
	}
	while ((r = vio_vq_pop(q)) != NULL) {
		wd_serve(w, r);
	}
}

static void wd_reset(struct vio_dev *d)
{
	struct vio_watchdog *w = wd_of(d);

	w->warn = false;
	if (w->endure) {
		w->pretimeout = 0; /* the next driver did not ask to be warned */
		if (w->phase == WD_WARN) {
			wd_phase(w, WD_DEADLINE, w->deadline);
		}
		return;
	}
	wd_end(w);
	w->timeout = w->rule.def;
	w->pretimeout = 0;
	w->action = w->action_default;
}

static const struct vio_dev_ops wd_ops = {
	.id = VIO_WATCHDOG_ID,
	.nvq_max = 2,
	.config_len = sizeof(struct vio_watchdog_config),
	.features = VIO_WATCHDOG_F_STOP | VIO_WATCHDOG_F_PRETIMEOUT | VIO_WATCHDOG_F_ENDURE,
	.queue = wd_queue,
	.stop = wd_reset,
};

static void wd_configure(struct vio_watchdog *w)
{
	uint8_t *c = w->config;

	vio_pack32(c + offsetof(struct vio_watchdog_config, timeout_min), w->rule.min);
	vio_pack32(c + offsetof(struct vio_watchdog_config, timeout_max), w->rule.max);
	vio_pack32(c + offsetof(struct vio_watchdog_config, timeout_default), w->rule.def);
	vio_pack32(c + offsetof(struct vio_watchdog_config, actions), w->actions);
	c[offsetof(struct vio_watchdog_config, action_default)] = w->action_default;
	if (!w->rule.stop) {
		w->dev.class_features &= ~VIO_WATCHDOG_F_STOP;
	}
	if (!w->rule.endure) {
		w->dev.class_features &= ~VIO_WATCHDOG_F_ENDURE;
	}
}

int vio_watchdog_init(struct vio_watchdog *w, struct vio_mem *m,
		      const struct vio_watchdog_host_ops *ops, void *host, struct vio_clock *clock,
		      const struct vio_watchdog_rule *rule)
{
	const uint32_t all = (1u << VIO_WATCHDOG_ACTIONS) - 1u;
	const struct vio_watchdog_can *can;
	uint16_t n;
	int rc;

	if (!ops || !clock || rule->min == 0 || rule->min > rule->def || rule->def > rule->max) {
		return VIO_E_ARG;
	}
	rc = vio_dev_init(&w->dev, &wd_ops, m, w->vq, 2, w->config);
	if (rc) {
		return rc;
	}
	for (n = 0; n < 2u; n++) {
		VIO_VQ_BIND(&w->vq[n], &w->dev, n, &w->store[n], VIO_WATCHDOG_DEPTH,
			    VIO_WATCHDOG_SEGS);
	}
	w->ops = ops;
	w->host = host;
	w->clock = clock;
	w->timer.fire = wd_fire;
	w->rule = *rule;
	can = ops->open(host);
	if (!can) {
		return VIO_E_IO;
	}
	if (can->action == VIO_WATCHDOG_A_DEFAULT || can->action >= VIO_WATCHDOG_ACTIONS ||
	    !(can->actions & (1u << can->action)) || (can->actions & ~all)) {
		return VIO_E_ARG;
	}
	w->actions = 1u << VIO_WATCHDOG_A_DEFAULT | (rule->choose ? can->actions : 0u);
	w->action_default = can->action;
	w->action = can->action;
	w->timeout = rule->def;
	wd_configure(w);
	return VIO_OK;
}

void vio_watchdog_fini(struct vio_watchdog *w)
{
	wd_end(w);
}

static size_t wd_bytes(const struct vio_parts *parts)
{
	(void)parts;
	return sizeof(struct vio_watchdog);
}

static int wd_create(void *self, struct vio_mem *m, const struct vio_parts *parts)
{
	const struct vio_watchdog_rule rule = {
		.def = parts->param[0],
		.min = parts->param[1],
		.max = parts->param[2],
		.stop = parts->param[3] == 0,
		.endure = parts->param[4] != 0,
		.choose = parts->param[5] != 0,
	};

	return vio_watchdog_init(self, m, parts->host_ops, parts->host, parts->clock, &rule);
}

static void wd_destroy(void *self)
{
	vio_watchdog_fini(self);
}

static const struct vio_param wd_param[] = {
	{ "timeout", "milliseconds until it expires, unless the driver chooses", 1, UINT32_MAX,
	  60000 },
	{ "timeout-min", "the least that a driver may choose, ms", 1, UINT32_MAX, 100 },
	{ "timeout-max", "the most that a driver may choose, ms", 1, UINT32_MAX, 3600000 },
	{ "no-way-out", "once started, the driver cannot stop it", 0, 1, 0 },
	{ "endure", "without a way out it goes on over a reset of the device", 0, 1, 0 },
	{ "choose-action", "the driver may choose among the actions of the host", 0, 1, 0 },
};

const struct vio_class vio_class_watchdog = {
	.name = "watchdog",
	.about = "watchdog: acts on a guest that does not say in time that it is alive",
	.id = VIO_WATCHDOG_ID,
	.needs_host = true,
	.param = wd_param,
	.nparam = sizeof(wd_param) / sizeof(wd_param[0]),
	.bytes = wd_bytes,
	.create = wd_create,
	.destroy = wd_destroy,
};
