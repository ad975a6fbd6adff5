/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bus.c - the work of a window: sessions, messages in, messages out, the bell
 *
 * Theory of operation. All of it happens in one task, which whoever has news posts: the bell, a device with an event,
 * a queue that was reset, a timer. A run of the task takes at most one FIFO full of messages and then lets others run,
 * so a storm of bells or messages costs this process its share and no more.
 *
 * When there is no room for an answer the message stays where it is, and events stay noted at their devices: nobody
 * waits.
 *
 * There is a timer only while something is awaited that may come without a bell: no session yet, a FIFO that is full, or
 * a place that has no bell at all.
 */
#include "port/window/internal.h"
#include "hosted/log.h"
#include "hosted/sigbus.h"
#include <errno.h>
#include <unistd.h>

#define LOOK_NS	   100000000u	/* with a bell */
#define NAP_MIN_NS 50000u	/* without one: from here, */
#define LINES	   32u		/* said at once, */
#define LINE_NS	   10000000000u /* then one in so many */
#define NAP_MAX_NS 5000000u	/* doubled to here while nothing happens */

void window_ring(struct window *w)
{
	w->ring = true;
}

void window_ring_now(struct window *w)
{
	w->ring = false;
	w->stat.rung++;
	if (w->ops->ring) {
		w->ops->ring(&w->place, vio_get32(w->place.base + WINDOW_BLOCK + WINDOW_BLOCK_DRV));
	}
}

bool window_may_say(struct window *w)
{
	struct vio_clock *c = loop_clock(w->cfg.loop);
	uint64_t more = (c->now(c) - w->earned) / LINE_NS;

	w->earned += more * LINE_NS;
	w->lines = more < LINES - w->lines ? w->lines + (uint32_t)more : LINES;
	if (w->lines == 0u) {
		return false;
	}
	w->lines--;
	if (w->lines == 0u) {
		log_warn(NULL, "%s: too much to say; most of it is left out from here",
			 w->cfg.where);
	}
	return true;
}

/* ---- sessions ---- */

static void reset_all(struct window *w)
{
	for (uint16_t i = 0; i < w->ndev; i++) {
		(void)vio_msg_reset(&w->dev[i]->msg);
	}
}

static bool all_down(const struct window *w)
{
	for (uint16_t i = 0; i < w->ndev; i++) {
		if (vio_dev_status(w->dev[i]->dev) != 0) {
			return false;
		}
	}
	return true;
}

static void session(struct window *w)
{
	switch (vio_msgq_poll(&w->q)) {
	case VIO_MSGQ_BEGUN:
		reset_all(w);
		window_ring(w);
		break;
	case VIO_MSGQ_UP:
		w->stat.sessions++;
		if (window_may_say(w)) {
			log_info(NULL, "%s: a driver is there", w->cfg.where);
		}
		window_ring(w);
		break;
	case VIO_MSGQ_ENDED:
		if (window_may_say(w)) {
			log_info(NULL, "%s: the driver left", w->cfg.where);
		}
		reset_all(w);
		window_ring(w);
		break;
	case VIO_MSGQ_SAME:
	default:
		break;
	}
	if (w->q.phase == VIO_MSGQ_CLOSING && all_down(w)) {
		vio_msgq_open(&w->q);
		window_ring(w);
	}
}

/* ---- messages ---- */

/* What features the driver had to accept and did not */
static void say_refused(struct window_dev *d)
{
	struct vio_ctl *c = &d->msg.ctl;

	if (!c->refused) {
		return;
	}
	c->refused = false;
	if (!window_may_say(d->w)) {
		return;
	}
	if ((c->features & c->insists) != c->insists) {
		log_error(d->name, "FEATURES_OK is refused: the driver does not accept "
				   "VIRTIO_F_ACCESS_PLATFORM, so it would give addresses that are "
				   "not in the window");
	} else {
		log_error(d->name,
			  "FEATURES_OK is refused: the driver accepts %#llx, %#llx is offered",
			  (unsigned long long)c->features, (unsigned long long)d->dev->offered);
	}
}

/* returns: true: the FIFO is empty, or closed, or there is no room for an answer */
static bool receive(struct window *w)
{
	uint8_t msg[WINDOW_ELEMENT], resp[WINDOW_ELEMENT];

	for (unsigned left = WINDOW_ELEMENTS; left > 0u; left--) {
		uint32_t n;

		if (vio_msgq_room(&w->q) == 0u || vio_msgq_peek(&w->q, msg) != VIO_OK) {
			return true;
		}
		w->stat.received++;
		n = vio_msg_bus_handle(&w->bus, msg, sizeof(msg), resp);
		if (msg[VIO_MSG_ID] == VIO_MSG_SET_STATUS &&
		    vio_unpack16(msg + VIO_MSG_DEV) < w->ndev) {
			say_refused(w->dev[vio_unpack16(msg + VIO_MSG_DEV)]);
		}
		if (n > 0u && vio_msgq_put(&w->q, resp, n) == VIO_OK) {
			w->stat.sent++;
			window_ring(w);
		}
		vio_msgq_take(&w->q);
	}
	return false;
}

static void send(struct window *w)
{
	uint8_t msg[WINDOW_ELEMENT];
	uint32_t n = 1u;

	while (n > 0u && vio_msgq_room(&w->q) > 0u) {
		n = vio_msg_bus_next(&w->bus, msg);
		if (n > 0u && vio_msgq_put(&w->q, msg, n) == VIO_OK) {
			w->stat.sent++;
			window_ring(w);
		}
	}
	w->owed = n > 0u;
}

static void say_bad(struct window *w)
{
	uint32_t n = vio_msg_bus_dropped(&w->bus);

	if (w->dropped == 0u && n > 0u) {
		log_warn(NULL, "%s: the driver sends messages that are malformed; they are dropped",
			 w->cfg.where);
	}
	w->dropped = n;
}

/* ---- when to look again ---- */

static void nap(struct window *w, bool busy)
{
	struct vio_clock *c = loop_clock(w->cfg.loop);
	bool waiting = w->q.phase != VIO_MSGQ_RUNNING || w->owed;

	if (w->place.wait_fd >= 0) {
		w->nap = LOOK_NS;
	} else {
		w->nap = busy ? NAP_MIN_NS : w->nap * 2u;
		w->nap = w->nap > NAP_MAX_NS ? NAP_MAX_NS : w->nap;
		waiting = true;
	}
	c->set(c, &w->look, waiting ? c->now(c) + w->nap : 0u);
}

void window_look(struct vio_timer *t)
{
	struct window *w = VIO_CONTAINER(t, struct window, look);

	window_work(&w->work);
}

bool window_poll(struct loop_poller *p)
{
	struct window *w = VIO_CONTAINER(p, struct window, poller);
	bool any = w->up && !w->closing && !w->gone && vio_msgq_waiting(&w->q);

	if (any) {
		window_work(&w->work);
	}
	return any;
}

void window_woken(struct loop_fd *f, uint32_t events)
{
	struct window *w = VIO_CONTAINER(f, struct window, wait);
	uint64_t n;

	(void)events;
	if (read(f->fd, &n, sizeof(n)) < 0 && errno != EAGAIN) {
		loop_del(f);
		log_error(NULL, "%s: the bell is gone", w->cfg.where);
	}
	w->stat.woken++;
	window_work(&w->work);
}

void window_work(struct loop_task *t)
{
	struct window *w = VIO_CONTAINER(t, struct window, work);
	uint64_t before = w->stat.received + w->stat.sent;
	uint8_t was = w->q.phase;

	if (!w->up || w->closing || w->gone) {
		return;
	}
	if (w->guard >= 0 && sigbus_hit(w->guard)) {
		w->gone = true;
		log_error(NULL,
			  "%s: the memory was taken away; its devices are in reset "
			  "until this program is started again",
			  w->cfg.where);
		reset_all(w);
		return;
	}
	session(w);
	if (!receive(w)) {
		loop_post(w->cfg.loop, t);
	}
	send(w);
	if (vio_msgq_freed(&w->q)) {
		window_ring(w);
	}
	if (was != VIO_MSGQ_DEAD && w->q.phase == VIO_MSGQ_DEAD) {
		if (window_may_say(w)) {
			log_error(NULL,
				  "%s: the FIFO is corrupt: closed until the driver begins anew",
				  w->cfg.where);
		}
		reset_all(w);
		window_ring(w);
	}
	say_bad(w);
	if (w->ring) {
		window_ring_now(w);
	}
	nap(w, before != w->stat.received + w->stat.sent);
}
