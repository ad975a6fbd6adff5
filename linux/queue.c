// SPDX-License-Identifier: GPL-2.0-only
/*
 * queue.c - a driver's virtqueue, mirrored into the window
 *
 * The driver has an ordinary split ring in its own memory, and we are its device. Each request that it makes available
 * is copied into a second ring, in the window: descriptor i there stands for descriptor i here, with the address of a
 * copy of the buffer. When the peer returns a request, what it may have written is copied back and the driver's ring
 * gets it. So
 *	- the peer sees copies of buffers, and rings, and nothing else;
 *	- a driver sees no index, length or order that was not checked: the peer's ring is written here without being
 *	  read, and of what it returns each word is loaded once;
 *	- what is outstanding is known here. When the peer is gone, its ring is forgotten, and all that was outstanding
 *	  is put into the ring of its successor, in the order in which it was there (at least once, then); or it ends
 *	  with an error, when the driver's class knows one.
 *
 * A request is `waiting` (it has no place in the window: no room, or no peer) or `sent`. Buffers of both lists belong
 * to us until `returned` counts them.
 *
 * Posted queues: drivers that poll for the end of a request with interrupts off (the console's output) would wait for
 * ever if it ended in an interrupt of this CPU. Their data is copied at once and the request is returned at once;
 * descriptors of the mirror then are our own numbers.
 */
#include <linux/delay.h>
#include <linux/slab.h>
#include "compat.h"
#include "msg.h"

#define RING_ALIGN  64
#define POSTED_MAX  (64u << 10) /* bytes of one posted request; what is longer is cut */
#define POSTED_WAIT 5000	/* times 100 us, for room */

/* ---- the end of a request ---- */

static void give_back(struct msg_queue *q, u16 head, u32 len)
{
	struct virtio_device *v = &q->dev->vdev;
	struct vring_used *used = q->ring->used;

	used->ring[q->returned & (q->num - 1)].id = cpu_to_virtio32(v, head);
	used->ring[q->returned & (q->num - 1)].len = cpu_to_virtio32(v, len);
	q->returned++;
	smp_store_release(&used->idx, cpu_to_virtio16(v, q->returned));
}

static void forget(struct msg_queue *q, struct msg_request *r)
{
	list_del_init(&r->link);
	kfree(r->copy);
	r->copy = NULL;
}

/* Nobody serves it. */
static void fail_one(struct msg_queue *q, u16 head)
{
	const struct vring_desc *d, *at = NULL;

	for (d = &q->ring->desc[head]; d; d = msg_desc_next(q, d)) {
		if (msg_desc_has(q, d, VRING_DESC_F_WRITE) && msg_desc_len(q, d) &&
		    (!at || q->fail == MSG_FAIL_LAST)) {
			at = d;
		}
	}
	if (at) {
		msg_desc_data(q, at)[q->fail == MSG_FAIL_LAST ? msg_desc_len(q, at) - 1 : 0] =
			q->dev->class->fail_with;
	}
	atomic64_inc(&q->dev->bus->n.failed);
	give_back(q, head, at ? 1 : 0);
}

/* ---- towards the peer ---- */

static void tell(struct msg_queue *q)
{
	struct wire_msg msg;

	virt_mb(); /* the index is there before the flag is looked at */
	if (le16_to_cpu((__force __le16)READ_ONCE(q->mirror.used->flags)) &
	    VRING_USED_F_NO_NOTIFY) {
		q->kick = false;
		return;
	}
	msg_init(&msg, 0, WIRE_EVENT_AVAIL, q->dev->num, 8);
	msg_set(&msg, 0, q->index);
	q->kick = msg_bus_send(q->dev->bus, &msg) == -ENOSPC;
	if (q->kick) {
		msg_bus_resume_soon(q->dev->bus);
	}
}

/* Send what waits, as far as there is room. */
static void push(struct msg_queue *q)
{
	bool any = false;

	while (q->live && !list_empty(&q->waiting)) {
		struct msg_request *r = list_first_entry(&q->waiting, struct msg_request, link);
		u16 head = r - q->request;

		if (msg_copy_too_large(q, head) && q->fail != MSG_FAIL_NEVER) {
			forget(q, r);
			fail_one(q, head);
			q->poke = true;
			msg_bus_resume_soon(q->dev->bus);
			continue;
		}
		if (msg_copy_place(q, head)) {
			msg_bus_resume_soon(q->dev->bus);
			break;
		}
		list_move_tail(&r->link, &q->sent);
		q->in_window++;
		q->mirror.avail->ring[q->avail++ & (q->num - 1)] =
			(__force __virtio16)cpu_to_le16(head);
		any = true;
	}
	if (any) {
		virt_wmb();
		WRITE_ONCE(q->mirror.avail->idx, (__force __virtio16)cpu_to_le16(q->avail));
	}
	if (any || (q->live && q->kick)) {
		tell(q);
	}
}

/* ---- towards the driver ---- */

static bool wants_interrupt(struct msg_queue *q)
{
	smp_mb(); /* the index is there before the flag is looked at */
	return !(READ_ONCE(q->ring->avail->flags) &
		 cpu_to_virtio16(&q->dev->vdev, VRING_AVAIL_F_NO_INTERRUPT));
}

static void finish(struct msg_queue *q, u16 head, u32 len)
{
	u32 room = msg_copy_finish(q, head);

	if (!q->posted) {
		msg_gpio_note(q, head);
	}
	forget(q, &q->request[head]);
	if (!q->posted) {
		give_back(q, head, min(len, room));
	}
}

/* What the peer returned; returns: how many | -EPROTO */
static int reap(struct msg_queue *q)
{
	u16 idx = le16_to_cpu((__force __le16)READ_ONCE(q->mirror.used->idx));
	int n = 0;

	if ((u16)(idx - q->used) > q->in_window) {
		return -EPROTO;
	}
	virt_rmb();
	for (; q->used != idx; n++) {
		const struct vring_used_elem *e = &q->mirror.used->ring[q->used++ & (q->num - 1)];
		u32 id = le32_to_cpu((__force __le32)READ_ONCE(e->id));
		u32 len = le32_to_cpu((__force __le32)READ_ONCE(e->len));

		/* a place in the window is what tells a request that was sent */
		if (id >= q->num || list_empty(&q->request[id].link) || !q->slot[id]) {
			return -EPROTO;
		}
		q->in_window--;
		q->stuck = false;
		finish(q, id, len);
	}
	return n;
}

void msg_queue_complete(struct msg_queue *q)
{
	unsigned long flags;
	bool up = false;
	int n = 0;

	spin_lock_irqsave(&q->lock, flags);
	if (q->live) {
		n = reap(q);
		if (n < 0) {
			q->live = false;
		} else {
			push(q);
			up = n && !q->posted && wants_interrupt(q);
		}
	}
	spin_unlock_irqrestore(&q->lock, flags);
	if (n < 0) {
		msg_device_broken(q->dev, "returned what it was not given");
	} else if (up) {
		vring_interrupt(0, q->upper);
	}
}

/* ---- what the driver makes available ---- */

/*
 * The driver does not take no for an answer, so wait, but not for ever: a peer that let one wait be in vain is not waited
 * for again before it has returned something.
 */
static void wait_for_room(struct msg_queue *q)
{
	int tries;

	for (tries = 0; q->live && q->in_window == q->num && !q->stuck; tries++) {
		int n = reap(q);

		if (n < 0) {
			q->live = false;
			msg_device_broken(q->dev, "returned what it was not given");
		} else if (!n && tries == POSTED_WAIT) {
			q->stuck = true;
		} else if (!n) {
			udelay(100);
		}
	}
}

static void take_posted(struct msg_queue *q, u16 head)
{
	const struct vring_desc *d;
	u32 len = 0, at = 0;
	struct msg_request *r;
	int i;

	for (d = &q->ring->desc[head]; d; d = msg_desc_next(q, d)) {
		len += msg_desc_has(q, d, VRING_DESC_F_WRITE) ? 0 : msg_desc_len(q, d);
	}
	len = min(len, POSTED_MAX);
	wait_for_room(q);
	for (i = 0; i < q->num && !list_empty(&q->request[i].link); i++) {
	}
	r = &q->request[i];
	if (!len || i == q->num || !(r->copy = kmalloc(len, GFP_ATOMIC))) {
		atomic64_add(!!len, &q->dev->bus->n.failed);
		give_back(q, head, 0);
		return;
	}
	r->len = len;
	for (d = &q->ring->desc[head]; d && at < len; d = msg_desc_next(q, d)) {
		u32 part = msg_desc_has(q, d, VRING_DESC_F_WRITE)
				   ? 0
				   : min(msg_desc_len(q, d), len - at);

		memcpy(r->copy + at, msg_desc_data(q, d), part);
		at += part;
	}
	list_add_tail(&r->link, &q->waiting);
	give_back(q, head, 0);
}

static void take(struct msg_queue *q)
{
	u16 idx = virtio16_to_cpu(&q->dev->vdev, smp_load_acquire(&q->ring->avail->idx));

	while (q->taken != idx) {
		u16 head = virtio16_to_cpu(&q->dev->vdev,
					   q->ring->avail->ring[q->taken++ & (q->num - 1)]) &
			   (q->num - 1);

		atomic64_inc(&q->dev->bus->n.requests);
		if (q->posted) {
			take_posted(q, head);
		} else {
			list_add_tail(&q->request[head].link, &q->waiting);
		}
	}
}

static bool notify(struct virtqueue *vq)
{
	struct msg_queue *q = vq->priv;
	unsigned long flags;
	bool fail;

	spin_lock_irqsave(&q->lock, flags);
	take(q);
	push(q);
	fail = q->dev->give_up && q->fail != MSG_FAIL_NEVER;
	spin_unlock_irqrestore(&q->lock, flags);
	if (fail) {
		msg_bus_resume_soon(q->dev->bus);
	}
	return true;
}

/* ---- the end of requests that nobody serves ---- */

void msg_queue_fail_all(struct msg_queue *q)
{
	struct msg_request *r, *next;
	unsigned long flags;
	bool up = false;

	if (q->fail == MSG_FAIL_NEVER) {
		return;
	}
	msg_queue_close(q, false);
	spin_lock_irqsave(&q->lock, flags);
	list_for_each_entry_safe(r, next, &q->waiting, link)
	{
		forget(q, r);
		if (!q->posted) {
			fail_one(q, r - q->request);
			up = true;
		}
	}
	up = up && wants_interrupt(q);
	spin_unlock_irqrestore(&q->lock, flags);
	if (up) {
		vring_interrupt(0, q->upper);
	}
}

/* ---- life ---- */

int msg_queue_place(struct msg_queue *q)
{
	u32 size = vring_size(q->num, RING_ALIGN);
	u8 *window = q->dev->bus->window;

	q->area = msg_pool_get(&q->dev->bus->pool, size);
	if (!q->area) {
		return -ENOMEM;
	}
	memset(window + q->area, 0, size);
	vring_init(&q->mirror, q->num, window + q->area, RING_ALIGN);
	q->avail = 0;
	q->used = 0;
	q->kick = false;
	q->stuck = false;
	return 0;
}

void msg_queue_go(struct msg_queue *q)
{
	unsigned long flags;

	spin_lock_irqsave(&q->lock, flags);
	q->live = true;
	take(q); /* before DRIVER_OK notifications were for nobody */
	push(q);
	spin_unlock_irqrestore(&q->lock, flags);
}

void msg_queue_close(struct msg_queue *q, bool forget_window)
{
	struct msg_request *r;
	unsigned long flags;

	spin_lock_irqsave(&q->lock, flags);
	q->live = false;
	list_for_each_entry(r, &q->sent, link)
	{
		atomic64_inc(&q->dev->bus->n.again);
		if (!forget_window) {
			msg_copy_unplace(q, r - q->request);
		}
	}
	list_splice_init(&q->sent, &q->waiting);
	q->in_window = 0;
	if (forget_window) {
		memset(q->slot, 0, q->num * sizeof(*q->slot));
	} else if (q->area) {
		msg_pool_put(&q->dev->bus->pool, q->area, vring_size(q->num, RING_ALIGN));
	}
	q->area = 0;
	spin_unlock_irqrestore(&q->lock, flags);
}

void msg_queue_drop(struct msg_queue *q)
{
	struct msg_request *r, *next;
	unsigned long flags;

	msg_queue_close(q, false);
	spin_lock_irqsave(&q->lock, flags);
	list_for_each_entry_safe(r, next, &q->waiting, link)
	{
		forget(q, r);
	}
	spin_unlock_irqrestore(&q->lock, flags);
}

void msg_queue_resume(struct msg_queue *q)
{
	unsigned long flags;
	bool poke;

	spin_lock_irqsave(&q->lock, flags);
	push(q);
	poke = q->poke;
	q->poke = false;
	spin_unlock_irqrestore(&q->lock, flags);
	if (poke) {
		vring_interrupt(0, q->upper);
	}
}

int msg_queue_show(struct msg_queue *q, char *to, int len)
{
	unsigned long flags;

	spin_lock_irqsave(&q->lock, flags);
	len += sysfs_emit_at(to, len,
			     "device %u queue %u: %u entries at 0x%x%s%s, taken %u, returned %u, "
			     "in window %u, there %u of %u\n",
			     q->dev->num, q->index, q->num, q->area, q->live ? "" : ", closed",
			     q->kick ? ", to notify" : "", q->taken, q->returned, q->in_window,
			     q->used, q->avail);
	spin_unlock_irqrestore(&q->lock, flags);
	return len;
}

struct msg_queue *msg_queue_create(struct msg_device *dev, u16 index, u16 num, const char *name,
				   void (*callback)(struct virtqueue *), bool ctx)
{
	struct msg_queue *q = kzalloc(sizeof(*q), GFP_KERNEL);
	int i;

	if (!q) {
		return NULL;
	}
	q->dev = dev;
	q->index = index;
	q->num = num;
	q->fail = dev->class->queues_failing & BIT_ULL(index) ? dev->class->fail : MSG_FAIL_NEVER;
	q->posted = dev->class->queues_posted & BIT_ULL(index);
	spin_lock_init(&q->lock);
	INIT_LIST_HEAD(&q->waiting);
	INIT_LIST_HEAD(&q->sent);
	q->request = kvcalloc(num, sizeof(*q->request), GFP_KERNEL);
	q->slot = kvcalloc(num, sizeof(*q->slot), GFP_KERNEL);
	if (q->request && q->slot) {
		for (i = 0; i < num; i++) {
			INIT_LIST_HEAD(&q->request[i].link);
		}
		q->upper = vring_create_virtqueue(index, num, SMP_CACHE_BYTES, &dev->vdev, true,
						  false, ctx, notify, callback, name);
	}
	if (!q->upper) {
		msg_queue_destroy(q);
		return NULL;
	}
	q->upper->num_max = num;
	q->upper->priv = q;
	q->ring = virtqueue_get_vring(q->upper);
	return q;
}

void msg_queue_destroy(struct msg_queue *q)
{
	if (q->upper) {
		msg_queue_drop(q);
		vring_del_virtqueue(q->upper);
	}
	kvfree(q->request);
	kvfree(q->slot);
	kfree(q);
}
