// SPDX-License-Identifier: GPL-2.0-only
/*
 * config.c - a device's configuration: a copy here, made anew after each EVENT_CONFIG, reset and negotiation
 *
 * So reading never waits for the peer, and is always of one generation. What the driver writes goes to the device at
 * once, and again in each new session, whose device does not know it.
 */
#include <linux/bitmap.h>
#include <linux/slab.h>
#include <uapi/linux/virtio_blk.h>
#include <uapi/linux/virtio_ids.h>
#include "msg.h"

/*
 * A request of a disk must fit into the ring and, with its copies, into the window: the driver is told so in the terms
 * of its class. What the device itself says can only be narrower.
 */
static void bound_blk(struct msg_device *dev, u8 *config)
{
	struct virtio_blk_config *c = (void *)config;
	u32 bound = (dev->bus->pool.end - dev->bus->pool.begin) / 8;
	u32 size = dev->offered & BIT_ULL(VIRTIO_BLK_F_SIZE_MAX)
			   ? le32_to_cpu((__force __le32)c->size_max)
			   : 65536;
	u32 segs = dev->offered & BIT_ULL(VIRTIO_BLK_F_SEG_MAX)
			   ? le32_to_cpu((__force __le32)c->seg_max)
			   : 1;

	segs = clamp(segs, 1u, max_t(u32, dev->first_num, 3) - 2);
	size = round_down(clamp(size, 4096u, max(bound / segs, 4096u)), 4096);
	segs = clamp(segs, 1u, max(bound / size, 1u));
	c->size_max = (__force __virtio32)cpu_to_le32(size);
	c->seg_max = (__force __virtio32)cpu_to_le32(segs);
}

static bool is_blk(const struct msg_device *dev)
{
	return dev->vdev.id.device == VIRTIO_ID_BLOCK &&
	       dev->config_size >= offsetofend(struct virtio_blk_config, seg_max);
}

int msg_config_refresh(struct msg_device *dev)
{
	u8 *fresh = kzalloc(max(dev->config_size, 1u), GFP_KERNEL);
	unsigned long flags;
	int err;

	if (!fresh) {
		return -ENOMEM;
	}
	err = msg_ask_config(dev, fresh);
	if (!err) {
		if (is_blk(dev)) {
			bound_blk(dev, fresh);
		}
		spin_lock_irqsave(&dev->config_lock, flags);
		if (memcmp(dev->config, fresh, dev->config_size)) {
			memcpy(dev->config, fresh, dev->config_size);
			dev->generation++;
		}
		spin_unlock_irqrestore(&dev->config_lock, flags);
	}
	kfree(fresh);
	return err;
}

/* What the driver has written: the device of a new session does not know it. */
int msg_config_write_again(struct msg_device *dev)
{
	unsigned long begin, end;
	int err = 0;

	for_each_set_bitrange(begin, end, dev->written, dev->config_size)
	{
		err = err ? err : msg_ask_set_config(dev, begin, dev->config + begin, end - begin);
	}
	return err;
}

void msg_config_get(struct virtio_device *vdev, unsigned int at, void *to, unsigned int len)
{
	struct msg_device *dev = msg_device_of(vdev);
	unsigned long flags;

	memset(to, 0, len);
	if (at < dev->config_size) {
		spin_lock_irqsave(&dev->config_lock, flags);
		memcpy(to, dev->config + at, min(len, dev->config_size - at));
		spin_unlock_irqrestore(&dev->config_lock, flags);
	}
}

void msg_config_set(struct virtio_device *vdev, unsigned int at, const void *from, unsigned int len)
{
	struct msg_device *dev = msg_device_of(vdev);
	unsigned long flags;

	if (at >= dev->config_size || len > dev->config_size - at) {
		return;
	}
	mutex_lock(&dev->lock);
	spin_lock_irqsave(&dev->config_lock, flags);
	memcpy(dev->config + at, from, len);
	bitmap_set(dev->written, at, len);
	spin_unlock_irqrestore(&dev->config_lock, flags);
	if (dev->open) {
		msg_ask_set_config(dev, at, from, len);
		msg_config_refresh(dev); /* the device has the last word */
	}
	mutex_unlock(&dev->lock);
}

u32 msg_config_generation(struct virtio_device *vdev)
{
	return READ_ONCE(msg_device_of(vdev)->generation);
}

u64 msg_config_features(const struct msg_device *dev)
{
	return is_blk(dev) ? BIT_ULL(VIRTIO_BLK_F_SIZE_MAX) | BIT_ULL(VIRTIO_BLK_F_SEG_MAX) : 0;
}
