// SPDX-License-Identifier: GPL-2.0-only
/*
 * gpio.c - what a GPIO device is told again in a new session
 *
 * A device that was started anew has forgotten direction, level and interrupt type of its lines, and its driver does not
 * know. So what the driver set and the device confirmed is kept here, and said again when the device is open and before
 * the driver's own requests go on. These requests are ours: they lie in the ring in the window only, one at a time, and
 * are waited for here.
 *
 * source: virtio 1.3, 5.18
 */
#include <linux/delay.h>
#include <linux/slab.h>
#include <uapi/linux/virtio_gpio.h>
#include <uapi/linux/virtio_ids.h>
#include "msg.h"

#define ASK_BYTES 64 /* the request, and behind it */
#define ASK_REPLY 32 /* the answer */
#define ASK_WAIT  (2 * HZ)

struct msg_line {
	u8 direction;
	u8 irq;
	u8 level;
};

int msg_gpio_init(struct msg_device *dev)
{
	if (dev->vdev.id.device != VIRTIO_ID_GPIO ||
	    dev->config_size < sizeof(struct virtio_gpio_config)) {
		return 0;
	}
	dev->nlines = le16_to_cpu(((const struct virtio_gpio_config *)dev->config)->ngpio);
	dev->lines = kvcalloc(max_t(u16, dev->nlines, 1), sizeof(*dev->lines), GFP_KERNEL);
	return dev->lines ? 0 : -ENOMEM;
}

void msg_gpio_forget(struct msg_device *dev)
{
	if (dev->lines) {
		memset(dev->lines, 0, dev->nlines * sizeof(*dev->lines));
	}
}

void msg_gpio_note(struct msg_queue *q, u16 head)
{
	const struct vring_desc *d = &q->ring->desc[head], *reply = msg_desc_next(q, d);
	struct virtio_gpio_request request;
	struct msg_line *line;
	u32 value;

	if (!q->dev->lines || q->index != 0 || msg_desc_len(q, d) < sizeof(request) || !reply ||
	    !msg_desc_len(q, reply) || *msg_desc_data(q, reply) != VIRTIO_GPIO_STATUS_OK) {
		return;
	}
	memcpy(&request, msg_desc_data(q, d), sizeof(request));
	if (le16_to_cpu(request.gpio) >= q->dev->nlines) {
		return;
	}
	line = &q->dev->lines[le16_to_cpu(request.gpio)];
	value = le32_to_cpu(request.value);
	switch (le16_to_cpu(request.type)) {
	case VIRTIO_GPIO_MSG_SET_DIRECTION:
		line->direction = value;
		break;
	case VIRTIO_GPIO_MSG_SET_VALUE:
		line->level = value;
		break;
	case VIRTIO_GPIO_MSG_IRQ_TYPE:
		line->irq = value;
		break;
	}
}

/* ---- again ---- */

static void desc(struct msg_queue *q, unsigned int i, u32 at, u32 len, u16 flags)
{
	struct vring_desc *d = &q->mirror.desc[i];

	d->addr = (__force __virtio64)cpu_to_le64(at);
	d->len = (__force __virtio32)cpu_to_le32(len);
	d->flags = (__force __virtio16)cpu_to_le16(flags);
	d->next = (__force __virtio16)cpu_to_le16(i + 1);
}

/* returns: 0 | negative: the session is of no use */
static int answered(struct msg_queue *q)
{
	unsigned long end = jiffies + ASK_WAIT;
	int told = -ENOSPC;
	struct wire_msg msg;

	for (;;) {
		u16 idx = le16_to_cpu((__force __le16)READ_ONCE(q->mirror.used->idx));
		int err;

		if (told == -ENOSPC) {
			msg_init(&msg, 0, WIRE_EVENT_AVAIL, q->dev->num, 8);
			msg_set(&msg, 0, q->index);
			told = msg_bus_send(q->dev->bus, &msg);
		}
		if (idx == q->avail) {
			q->used = idx;
			virt_rmb();
			return 0;
		}
		err = told == -ENOSPC ? 0 : told;
		if (idx != q->used) {
			err = -EPROTO;
		} else if (msg_fifo_peer(&q->dev->bus->fifo) != WIRE_RUN) {
			err = -ENOTCONN;
		} else if (time_after(jiffies, end)) {
			err = -ETIMEDOUT;
		}
		if (err) {
			return err;
		}
		usleep_range(50, 500);
	}
}

/* at: ASK_BYTES of the window */
static int ask(struct msg_queue *q, u32 at, u16 type, u16 line, u32 value)
{
	struct virtio_gpio_request request = {
		.type = cpu_to_le16(type),
		.gpio = cpu_to_le16(line),
		.value = cpu_to_le32(value),
	};
	u8 *window = q->dev->bus->window;
	int err;

	memcpy(window + at, &request, sizeof(request));
	window[at + ASK_REPLY] = VIRTIO_GPIO_STATUS_ERR;
	desc(q, 0, at, sizeof(request), VRING_DESC_F_NEXT);
	desc(q, 1, at + ASK_REPLY, sizeof(struct virtio_gpio_response), VRING_DESC_F_WRITE);
	q->mirror.avail->ring[q->avail++ & (q->num - 1)] = 0;
	virt_wmb();
	WRITE_ONCE(q->mirror.avail->idx, (__force __virtio16)cpu_to_le16(q->avail));
	virt_mb();
	err = answered(q);
	if (!err && READ_ONCE(window[at + ASK_REPLY]) != VIRTIO_GPIO_STATUS_OK) {
		dev_warn_ratelimited(q->dev->bus->parent,
				     "device %u refuses what line %u was before (%u: %u)\n",
				     q->dev->num, line, type, value);
	}
	return err;
}

static int restore(struct msg_queue *q, u32 at, u16 n, const struct msg_line *line)
{
	int err = 0;

	if (line->direction == VIRTIO_GPIO_DIRECTION_OUT) {
		err = ask(q, at, VIRTIO_GPIO_MSG_SET_VALUE, n, line->level);
	}
	if (!err && line->direction != VIRTIO_GPIO_DIRECTION_NONE) {
		err = ask(q, at, VIRTIO_GPIO_MSG_SET_DIRECTION, n, line->direction);
	}
	if (!err && line->irq != VIRTIO_GPIO_IRQ_TYPE_NONE) {
		err = ask(q, at, VIRTIO_GPIO_MSG_IRQ_TYPE, n, line->irq);
	}
	return err;
}

int msg_gpio_restore(struct msg_device *dev)
{
	struct msg_queue *q = dev->queue[0];
	int n, err = 0;
	u32 at;

	if (!dev->lines || !q || q->num < 2) {
		return 0;
	}
	at = msg_pool_get(&dev->bus->pool, ASK_BYTES);
	if (!at) {
		dev_warn_ratelimited(dev->bus->parent, "no room to set up lines of device %u\n",
				     dev->num);
		return 0;
	}
	for (n = 0; n < dev->nlines && !err; n++) {
		err = restore(q, at, n, &dev->lines[n]);
	}
	msg_pool_put(&dev->bus->pool, at, ASK_BYTES);
	return err;
}
