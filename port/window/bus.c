/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bus.c - the work of a window: turns of its bus, the bell, what is said of it
 *
 * Theory of operation. All of it happens in one task, which whoever has news posts: the bell, a device with an event,
 * a queue that was reset, a timer. A run of the task takes at most one FIFO full of messages and then lets others run,
 * so a storm of bells or messages costs this process its share and no more.
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
		w->ops->ring(&w->place, vio_msgwin_bell(w->place.base));
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

/* ---- what is said of it ---- */

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

static void say_bad(struct window *w)
{
	uint32_t n = vio_msg_bus_dropped(&w->bus);

	if (w->dropped == 0u && n > 0u) {
		log_warn(NULL, "%s: the driver sends messages that are malformed; they are dropped",
			 w->cfg.where);
	}
	w->dropped = n;
}

static void say_turn(struct window *w, const struct vio_msgwin_turn *t)
{
	if (t->event == VIO_MSGQ_UP && window_may_say(w)) {
		log_info(NULL, "%s: a driver is there", w->cfg.where);
	} else if (t->event == VIO_MSGQ_ENDED && window_may_say(w)) {
		log_info(NULL, "%s: the driver left", w->cfg.where);
	} else {
		/* nothing new, or said by its devices */
	}
	for (uint16_t i = 0; i < w->ndev; i++) {
		say_refused(w->dev[i]);
	}
	if (t->died && window_may_say(w)) {
		log_error(NULL, "%s: the FIFO is corrupt: closed until the driver begins anew",
			  w->cfg.where);
	}
	say_bad(w);
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
	struct vio_msgwin_turn did;

	if (!w->up || w->closing || w->gone) {
		return;
	}
	if (w->guard >= 0 && sigbus_hit(w->guard)) {
		w->gone = true;
		log_error(NULL,
			  "%s: the memory was taken away; its devices are in reset "
			  "until this program is started again",
			  w->cfg.where);
		vio_msgwin_reset(&w->bus);
		return;
	}
	vio_msgwin_turn(&w->q, &w->bus, &did);
	w->stat.received += did.received;
	w->stat.sent += did.sent;
	w->stat.sessions += did.event == VIO_MSGQ_UP;
	w->owed = did.owed;
	if (did.more) {
		loop_post(w->cfg.loop, t);
	}
	say_turn(w, &did);
	if (did.ring || w->ring) {
		window_ring_now(w);
	}
	nap(w, did.received + did.sent > 0u);
}
