// SPDX-License-Identifier: GPL-2.0-only
/*
 * bus.c - messages: those that are sent, requests and their answers, and what comes
 *
 * Nobody waits for the peer without a limit: an answer has `timeout` seconds, and the end of a session ends the wait.
 * The interrupt takes as many messages as the ring has elements; the rest is left to a work item, so that a peer that
 * never stops does not keep the CPU.
 */
#include <linux/jiffies.h>
#include "msg.h"

#define LOOK (HZ / 10)

/* ---- messages ---- */

void msg_bus_doorbell(struct msg_bus *bus)
{
	atomic64_inc(&bus->n.doorbells);
	wmb(); /* all that is in the window comes first */
	bus->ring(bus);
}

void msg_bus_broken(struct msg_bus *bus, const char *why)
{
	if (!xchg(&bus->broken, true)) {
		dev_warn_ratelimited(bus->parent, "session ends: %s\n", why);
	}
	mod_delayed_work(bus->wq, &bus->session, 0);
}

int msg_bus_send(struct msg_bus *bus, struct wire_msg *msg)
{
	int err = msg_fifo_put(&bus->fifo, msg);

	if (!err) {
		atomic64_inc(&bus->n.sent);
		msg_bus_doorbell(bus);
	} else if (err == -ENOSPC) {
		atomic64_inc(&bus->n.full);
	} else if (err == -EPROTO) {
		atomic64_inc(&bus->n.bad);
		msg_bus_broken(bus, "the index in the peer's head is impossible");
		err = -ENOTCONN;
	}
	return err;
}

static int send_in_time(struct msg_bus *bus, struct wire_msg *msg, unsigned long end)
{
	int err;

	while ((err = msg_bus_send(bus, msg)) == -ENOSPC && time_before(jiffies, end)) {
		schedule_timeout_uninterruptible(1);
	}
	return err == -ENOSPC ? -ETIMEDOUT : err;
}

static void expect(struct msg_bus *bus, const struct wire_msg *msg, u16 want)
{
	spin_lock_irq(&bus->answer_lock);
	bus->answer.head = msg->head;
	bus->answer.head.type |= WIRE_RESPONSE;
	bus->want = want;
	bus->answer_err = -ETIMEDOUT;
	bus->expecting = true;
	reinit_completion(&bus->answered);
	spin_unlock_irq(&bus->answer_lock);
}

static bool peer_runs(struct msg_bus *bus)
{
	return bus->fifo.open && !READ_ONCE(bus->broken) && msg_fifo_peer(&bus->fifo) == WIRE_RUN;
}

static unsigned long limit_of(const struct msg_bus *bus)
{
	return READ_ONCE(bus->leaving) ? MSG_LEAVE_WAIT : HZ * (unsigned long)msg_timeout;
}

/* Wait for the answer, in pieces: of a peer that left nothing comes, perhaps not even an interrupt. */
static int await(struct msg_bus *bus, unsigned long begin)
{
	while (!wait_for_completion_timeout(&bus->answered, LOOK)) {
		if (!peer_runs(bus)) {
			return -ENOTCONN;
		}
		if (time_after(jiffies, begin + limit_of(bus))) {
			return -ETIMEDOUT;
		}
	}
	return 0;
}

int msg_bus_ask(struct msg_bus *bus, struct wire_msg *msg, u16 want)
{
	unsigned long begin = jiffies;
	int err;

	mutex_lock(&bus->asking);
	msg->head.token = cpu_to_le16(++bus->token);
	expect(bus, msg, want);
	err = peer_runs(bus) ? send_in_time(bus, msg, begin + limit_of(bus)) : -ENOTCONN;
	err = err ? err : await(bus, begin);
	spin_lock_irq(&bus->answer_lock);
	bus->expecting = false;
	if (!err) {
		err = bus->answer_err;
		*msg = bus->answer;
	}
	spin_unlock_irq(&bus->answer_lock);
	mutex_unlock(&bus->asking);
	if (err == -ETIMEDOUT) {
		msg_bus_broken(bus, "a request is not answered");
	} else if (err == -EPROTO) {
		atomic64_inc(&bus->n.bad);
		msg_bus_broken(bus, "an answer is too short");
	} else if (err == -ENOTCONN) {
		mod_delayed_work(bus->wq, &bus->session, 0);
	}
	return err;
}

/* The wait, if there is one, is over: with this answer, or without one. */
static bool answer(struct msg_bus *bus, const struct wire_msg *msg, int err)
{
	unsigned long flags;
	bool hit;

	spin_lock_irqsave(&bus->answer_lock, flags);
	hit = bus->expecting;
	if (hit && msg) {
		const struct wire_head *h = &bus->answer.head;

		hit = h->type == msg->head.type && h->id == msg->head.id &&
		      h->dev == msg->head.dev && h->token == msg->head.token;
	}
	if (hit) {
		if (msg) {
			bus->answer = *msg;
			err = le16_to_cpu(msg->head.size) < WIRE_HEAD + bus->want ? -EPROTO : 0;
		}
		bus->answer_err = err;
		bus->expecting = false;
		complete(&bus->answered);
	}
	spin_unlock_irqrestore(&bus->answer_lock, flags);
	return hit;
}

/* ---- what comes ---- */

static bool on_bus_message(struct msg_bus *bus, struct wire_msg *msg, u16 payload)
{
	u32 word = msg_word(msg, 0);

	if (msg->head.id == WIRE_BUS_PING && payload >= 4) {
		msg->head.type |= WIRE_RESPONSE;
		msg_bus_send(bus, msg);
		return true;
	}
	if (msg->head.id == WIRE_BUS_EVENT_DEVICE && payload >= 4 &&
	    (word & 0xffff) < MSG_DEVICES) {
		if (word >> 16 == WIRE_DEVICE_READY) {
			set_bit(word & 0xffff, bus->came);
		} else if (word >> 16 == WIRE_DEVICE_REMOVED) {
			set_bit(word & 0xffff, bus->went);
		}
		queue_work(bus->wq, &bus->events);
		return true;
	}
	return false;
}

static bool on_event(struct msg_bus *bus, const struct wire_msg *msg, u16 payload)
{
	u16 num = le16_to_cpu(msg->head.dev);
	struct msg_device *dev = num < MSG_DEVICES ? bus->dev[num] : NULL;
	u32 word = msg_word(msg, 0);

	if (num >= MSG_DEVICES || payload < 4) {
		return false;
	}
	if (msg->head.id == WIRE_EVENT_USED) {
		if (word >= MSG_QUEUES) {
			return false;
		}
		if (dev && dev->queue[word]) {
			msg_queue_complete(dev->queue[word]);
		}
		return true;
	}
	if (msg->head.id == WIRE_EVENT_CONFIG) {
		set_bit(num, word & VIRTIO_CONFIG_S_NEEDS_RESET ? bus->unwell : bus->changed);
		queue_work(bus->wq, &bus->events);
		return true;
	}
	return false;
}

static void on_message(struct msg_bus *bus, struct wire_msg *msg)
{
	u16 payload = le16_to_cpu(msg->head.size) - WIRE_HEAD;
	bool known;

	bus->heard = jiffies;
	if (msg->head.type & WIRE_RESPONSE) {
		known = answer(bus, msg, 0);
	} else if (msg->head.type & WIRE_BUS) {
		known = on_bus_message(bus, msg, payload);
	} else {
		known = on_event(bus, msg, payload);
	}
	atomic64_inc(known ? &bus->n.received : &bus->n.bad);
}

void msg_bus_no_answer(struct msg_bus *bus)
{
	answer(bus, NULL, -ENOTCONN);
}

static void peer_left(struct msg_bus *bus)
{
	msg_bus_no_answer(bus);
	mod_delayed_work(bus->wq, &bus->session, 0);
}

/* returns: there may be more */
static bool take_messages(struct msg_bus *bus, int limit)
{
	bool was_full = false;
	struct wire_msg msg;
	unsigned long flags;
	int got = limit > 0; /* 0: no layout was seen yet */

	while (got && limit--) {
		spin_lock_irqsave(&bus->upcall, flags);
		got = bus->fifo.open ? msg_fifo_take(&bus->fifo, &msg, &was_full) : 0;
		if (got == 1) {
			on_message(bus, &msg);
		}
		spin_unlock_irqrestore(&bus->upcall, flags);
		if (got == -EINVAL) {
			atomic64_inc(&bus->n.bad);
		} else if (got == -EPROTO) {
			atomic64_inc(&bus->n.bad);
			msg_bus_broken(bus, "the index in the peer's head is impossible");
			got = 0;
		} else if (got == -EPIPE) {
			peer_left(bus);
			got = 0;
		}
		if (was_full) {
			msg_bus_doorbell(bus);
			was_full = false;
		}
	}
	return got;
}

void msg_bus_take(struct msg_bus *bus)
{
	if (take_messages(bus, bus->fifo.count)) {
		queue_work(system_highpri_wq, &bus->more);
	}
}

void msg_bus_interrupt(struct msg_bus *bus)
{
	atomic64_inc(&bus->n.interrupts);
	if (READ_ONCE(bus->state) != MSG_UP) {
		mod_delayed_work(bus->wq, &bus->session, 0);
	} else if (msg_fifo_peer(&bus->fifo) != WIRE_RUN) {
		peer_left(bus);
	}
	msg_bus_take(bus);
}
