// SPDX-License-Identifier: GPL-2.0-only
/*
 * session.c - sessions with the peer, and which devices there are
 *
 * A session begins when both sides have said so in the window:
 *
 *	this side    INIT ----------> READY ----------> RUN
 *	               ^ peer is READY     peer is RUN
 *
 * and ends when the peer's status is anything but RUN (it was restarted), when it does not answer, or when it breaks a
 * rule. Then this side goes back to INIT, which makes the peer reset its devices, and waits for the next one. Devices
 * and their drivers outlive it: their requests wait, and after `patience` seconds end with errors.
 *
 * bus->wq runs what talks to the peer about the session, one thing after the other. bus->plug runs drivers' probe and
 * remove, which wait for I/O and so for the session.
 */
#include <linux/jiffies.h>
#include "msg.h"

#define LOOK_DOWN  (HZ / 10) /* how often a peer is looked for */
#define LOOK_UP	   HZ
#define PING_AFTER (5 * HZ) /* of silence */

/* ---- devices ---- */

/* gone: the device is not there any more, so nobody waits for it; context: bus->lock held */
static void remove_device(struct msg_device *dev, bool gone)
{
	if (gone) {
		dev->gone = true;
		msg_device_fail(dev);
	}
	if (!dev->detaching) {
		dev->detaching = true;
		queue_work(dev->bus->plug, &dev->detach);
	}
}

static void attach_work(struct work_struct *work)
{
	struct msg_device *dev = container_of(work, struct msg_device, attach);
	int err = msg_device_register(dev);

	if (err) {
		dev_warn_ratelimited(dev->bus->parent, "device %u cannot be registered: %d\n",
				     dev->num, err);
		mutex_lock(&dev->bus->lock);
		remove_device(dev, false);
		mutex_unlock(&dev->bus->lock);
	}
}

static void detach_work(struct work_struct *work)
{
	struct msg_device *dev = container_of(work, struct msg_device, detach);
	struct msg_bus *bus = dev->bus;

	msg_device_unregister(dev);
	mutex_lock(&bus->lock);
	spin_lock_irq(&bus->upcall);
	bus->dev[dev->num] = NULL;
	spin_unlock_irq(&bus->upcall);
	mutex_unlock(&bus->lock);
	msg_device_free(dev);
	queue_work(bus->wq, &bus->events); /* its number is free */
}

static void add_device(struct msg_bus *bus, u16 num)
{
	struct msg_device *dev = msg_device_create(bus, num);

	if (IS_ERR(dev)) {
		dev_warn_ratelimited(bus->parent, "device %u is of no use: %ld\n", num,
				     PTR_ERR(dev));
		return;
	}
	INIT_WORK(&dev->attach, attach_work);
	INIT_WORK(&dev->detach, detach_work);
	spin_lock_irq(&bus->upcall);
	bus->dev[num] = dev;
	spin_unlock_irq(&bus->upcall);
	queue_work(bus->plug, &dev->attach);
}

static void events_work(struct work_struct *work)
{
	struct msg_bus *bus = container_of(work, struct msg_bus, events);
	int n;

	mutex_lock(&bus->lock);
	for (n = 0; n < MSG_DEVICES && bus->state == MSG_UP && !bus->leaving; n++) {
		struct msg_device *dev = bus->dev[n];

		if (test_and_clear_bit(n, bus->went) && dev && !dev->gone) {
			remove_device(dev, true);
		} else if (!dev && test_and_clear_bit(n, bus->came)) {
			add_device(bus, n);
		} else if (test_and_clear_bit(n, bus->unwell) && dev && !dev->gone) {
			msg_device_mend(dev);
		} else if (test_and_clear_bit(n, bus->changed) && dev && !dev->gone) {
			msg_device_config_changed(dev);
		}
	}
	mutex_unlock(&bus->lock);
}

void msg_bus_resume_soon(struct msg_bus *bus)
{
	queue_delayed_work(bus->wq, &bus->resume, 1);
}

static void resume_work(struct work_struct *work)
{
	struct msg_bus *bus = container_of(work, struct msg_bus, resume.work);
	int n;

	mutex_lock(&bus->lock);
	for (n = 0; n < MSG_DEVICES; n++) {
		if (bus->dev[n]) {
			msg_device_resume(bus->dev[n]);
		}
	}
	mutex_unlock(&bus->lock);
}

static void give_up_work(struct work_struct *work)
{
	struct msg_bus *bus = container_of(work, struct msg_bus, give_up.work);
	int n;

	mutex_lock(&bus->lock);
	for (n = 0; n < MSG_DEVICES && (bus->leaving || bus->state != MSG_UP); n++) {
		if (bus->dev[n]) {
			msg_device_fail(bus->dev[n]);
		}
	}
	mutex_unlock(&bus->lock);
}

/* ---- sessions ---- */

static int list_devices(struct msg_bus *bus, unsigned long *have)
{
	u32 offset = 0, next = 0, count, n;
	struct wire_msg msg;

	bitmap_zero(have, MSG_DEVICES);
	do {
		const u8 *bits = &msg.byte[6];
		int err;

		offset = next;
		msg_init(&msg, WIRE_BUS, WIRE_BUS_GET_DEVICES, 0, 4);
		msg_set(&msg, 0, offset | (MSG_DEVICES - offset) << 16);
		err = msg_bus_ask(bus, &msg, 6);
		if (err) {
			return err;
		}
		/* offset, then these two, in the order of the draft */
		next = msg_rfc3 ? msg_word(&msg, 1) & 0xffff : msg_word(&msg, 0) >> 16;
		count = msg_rfc3 ? msg_word(&msg, 0) >> 16 : msg_word(&msg, 1) & 0xffff;
		count = min_t(u32, count, 8 * (le16_to_cpu(msg.head.size) - WIRE_HEAD - 6));
		for (n = 0; n < count && offset + n < MSG_DEVICES; n++) {
			if (bits[n / 8] >> n % 8 & 1) {
				set_bit(offset + n, have);
			}
		}
	} while (next > offset && next < MSG_DEVICES);
	return 0;
}

static int bring_up(struct msg_bus *bus)
{
	DECLARE_BITMAP(have, MSG_DEVICES);
	int n, err;

	msg_pool_start(&bus->pool, bus->fifo.data, bus->fifo.data_end);
	err = list_devices(bus, have);
	for (n = 0; n < MSG_DEVICES && !err; n++) {
		struct msg_device *dev = bus->dev[n];

		if (dev && !dev->gone) {
			err = test_bit(n, have) ? msg_device_reopen(dev) : -ESTALE;
			if (err == -ESTALE || (!err && dev->status & VIRTIO_CONFIG_S_FAILED)) {
				remove_device(dev, err);
				err = 0;
			}
		}
		if (test_bit(n, have)) {
			set_bit(n, bus->came); /* looked at when its number is free */
		}
	}
	for (n = 0; n < MSG_DEVICES; n++) {
		if (bus->dev[n] && !bus->dev[n]->gone && bus->dev[n]->open) {
			clear_bit(n, bus->came);
		}
	}
	return err;
}

static void lose(struct msg_bus *bus)
{
	int n;

	spin_lock_irq(&bus->upcall);
	msg_fifo_open(&bus->fifo, false);
	spin_unlock_irq(&bus->upcall);
	WRITE_ONCE(bus->state, MSG_DOWN);
	msg_fifo_status(&bus->fifo, WIRE_INIT);
	msg_bus_doorbell(bus);
	msg_bus_no_answer(bus);
	for (n = 0; n < MSG_DEVICES; n++) {
		if (bus->dev[n]) {
			msg_device_close(bus->dev[n]);
		}
	}
	atomic64_inc(&bus->n.lost);
	dev_info_ratelimited(bus->parent, "session ended\n");
	if (msg_patience || bus->leaving) {
		queue_delayed_work(bus->wq, &bus->give_up,
				   bus->leaving ? 0 : HZ * (unsigned long)msg_patience);
	}
}

/* Look for a peer, and offer it a session. */
static void offer(struct msg_bus *bus)
{
	int err;

	spin_lock_irq(&bus->upcall);
	err = msg_fifo_find(&bus->fifo, bus->window, bus->size);
	spin_unlock_irq(&bus->upcall);
	if (err == -EPROTO) {
		dev_warn_once(bus->parent, "the window's layout is not acceptable\n");
	}
	if (err) {
		return;
	}
	msg_fifo_say_bell(&bus->fifo, bus->window, bus->me);
	if (msg_fifo_peer(&bus->fifo) == WIRE_READY) {
		msg_fifo_start(&bus->fifo);
		WRITE_ONCE(bus->state, MSG_OFFERED);
	} else {
		msg_fifo_status(&bus->fifo, WIRE_INIT);
	}
	msg_bus_doorbell(bus);
}

static void begin(struct msg_bus *bus)
{
	int err;

	bus->broken = false;
	bus->heard = jiffies;
	spin_lock_irq(&bus->upcall);
	msg_fifo_open(&bus->fifo, true);
	spin_unlock_irq(&bus->upcall);
	msg_fifo_status(&bus->fifo, WIRE_RUN);
	msg_bus_doorbell(bus);
	WRITE_ONCE(bus->state, MSG_UP);
	err = bring_up(bus);
	if (err) {
		msg_bus_broken(bus, "it could not be set up");
		return;
	}
	atomic64_inc(&bus->n.sessions);
	cancel_delayed_work(&bus->give_up);
	queue_work(bus->wq, &bus->events);
	dev_info_ratelimited(bus->parent, "session begins, window of %u KiB, %u KiB for buffers\n",
			     bus->size >> 10, (bus->fifo.data_end - bus->fifo.data) >> 10);
}

static void check_peer(struct msg_bus *bus)
{
	struct wire_msg msg;

	if (msg_fifo_peer(&bus->fifo) != WIRE_RUN || bus->broken) {
		lose(bus);
		return;
	}
	if (time_after(jiffies, bus->heard + PING_AFTER)) {
		msg_init(&msg, WIRE_BUS, WIRE_BUS_PING, 0, 4);
		if (msg_bus_ask(bus, &msg, 4)) {
			lose(bus);
		}
	}
	/* a doorbell may be lost, a message must not be */
	msg_bus_take(bus);
}

static void session_work(struct work_struct *work)
{
	struct msg_bus *bus = container_of(work, struct msg_bus, session.work);
	u16 peer;

	mutex_lock(&bus->lock);
	if (bus->state == MSG_UP) {
		check_peer(bus);
	}
	if (bus->state == MSG_DOWN && !(bus->leaving && bus->broken)) {
		offer(bus);
	}
	if (bus->state == MSG_OFFERED) {
		peer = msg_fifo_peer(&bus->fifo);
		if (peer == WIRE_RUN) {
			begin(bus);
		} else if (peer != WIRE_READY) {
			WRITE_ONCE(bus->state, MSG_DOWN);
			msg_fifo_status(&bus->fifo, WIRE_INIT);
		}
	}
	queue_delayed_work(bus->wq, &bus->session, bus->state == MSG_UP ? LOOK_UP : LOOK_DOWN);
	mutex_unlock(&bus->lock);
}

/* ---- life ---- */

static void more_work(struct work_struct *work)
{
	msg_bus_take(container_of(work, struct msg_bus, more));
}

int msg_bus_init(struct msg_bus *bus)
{
	mutex_init(&bus->lock);
	mutex_init(&bus->asking);
	spin_lock_init(&bus->answer_lock);
	spin_lock_init(&bus->upcall);
	spin_lock_init(&bus->fifo.tx);
	init_completion(&bus->answered);
	INIT_DELAYED_WORK(&bus->session, session_work);
	INIT_DELAYED_WORK(&bus->give_up, give_up_work);
	INIT_DELAYED_WORK(&bus->resume, resume_work);
	INIT_WORK(&bus->more, more_work);
	INIT_WORK(&bus->events, events_work);
	bus->wq = alloc_ordered_workqueue("stratos_msg", WQ_MEM_RECLAIM);
	bus->plug = alloc_ordered_workqueue("stratos_msg_plug", 0);
	if (!bus->wq || !bus->plug) {
		return -ENOMEM;
	}
	return msg_pool_init(&bus->pool, bus->window, bus->size);
}

void msg_bus_start(struct msg_bus *bus)
{
	mod_delayed_work(bus->wq, &bus->session, 0);
}

void msg_bus_stop(struct msg_bus *bus)
{
	int n;

	mutex_lock(&bus->lock);
	bus->leaving = true;
	mod_delayed_work(bus->wq, &bus->give_up, bus->state == MSG_UP ? MSG_LEAVE_WAIT : 0);
	for (n = 0; n < MSG_DEVICES; n++) {
		if (bus->dev[n]) {
			remove_device(bus->dev[n], false);
		}
	}
	mutex_unlock(&bus->lock);
	flush_workqueue(
		bus->plug); /* attach, then detach; a device removed before is in the queue already */
}

void msg_bus_exit(struct msg_bus *bus)
{
	if (bus->wq) {
		cancel_delayed_work_sync(&bus->session);
		cancel_delayed_work_sync(&bus->give_up);
		cancel_delayed_work_sync(&bus->resume);
		cancel_work_sync(&bus->more);
		cancel_work_sync(&bus->events);
		destroy_workqueue(bus->wq);
	}
	if (bus->plug) {
		destroy_workqueue(bus->plug);
	}
	if (bus->fifo.mine) {
		msg_fifo_status(&bus->fifo, WIRE_SHUTDOWN);
		msg_bus_doorbell(bus);
	}
	msg_pool_exit(&bus->pool);
}
