// SPDX-License-Identifier: GPL-2.0-only
/*
 * device.c - a virtio device as Linux sees it
 *
 * A driver's view outlives the sessions with the peer: status, features and queues are kept here. In a new session the
 * device is brought to where its driver believes it is (msg_device_reopen), and the driver does not notice.
 *
 * Ring features are not passed on: the driver's rings are ours, those in the window are plain split rings.
 */
#include <linux/bitmap.h>
#include <linux/log2.h>
#include <linux/slab.h>
#include <uapi/linux/virtio_blk.h>
#include <uapi/linux/virtio_ids.h>
#include "compat.h"
#include "msg.h"

#define MEND_AGAIN     (10 * HZ)
#define CLASS_FEATURES (GENMASK_ULL(23, 0) | GENMASK_ULL(63, 50))
#define OURS	       (BIT_ULL(VIRTIO_F_VERSION_1) | BIT_ULL(VIRTIO_F_ACCESS_PLATFORM))

static const struct msg_class classes[] = {
	{ VIRTIO_ID_BLOCK, ~0ULL, VIRTIO_BLK_S_IOERR, MSG_FAIL_LAST, 0 },
	{ VIRTIO_ID_I2C_ADAPTER, ~0ULL, 1 /* VIRTIO_I2C_MSG_ERR */, MSG_FAIL_LAST, 0 },
	{ VIRTIO_ID_GPIO, BIT_ULL(0), 1 /* VIRTIO_GPIO_STATUS_ERR */, MSG_FAIL_FIRST, 0 },
	/* each second queue of a console is an output */
	{ VIRTIO_ID_CONSOLE, 0, 0, MSG_FAIL_NEVER, 0xaaaaaaaaaaaaaaaaULL },
	{ 0 },
};

/* What the device is to know of the features that its driver took. */
static u64 features_down(const struct msg_device *dev)
{
	return (dev->vdev.features & CLASS_FEATURES & dev->offered) | (OURS & dev->offered);
}

static u16 queue_num(u32 max)
{
	return max ? rounddown_pow_of_two(min3(max, msg_queue_size, 32768u)) : 0;
}

/* A new ring in the window, made known to the device. */
static int open_queue(struct msg_queue *q)
{
	int err = msg_queue_place(q);

	return err ? err : msg_ask_set_queue(q);
}

/* ---- what Linux asks ---- */

static u8 config_get_status(struct virtio_device *vdev)
{
	return READ_ONCE(msg_device_of(vdev)->status);
}

static void go(struct msg_device *dev)
{
	int i;

	for (i = 0; i < MSG_QUEUES; i++) {
		if (dev->queue[i]) {
			msg_queue_go(dev->queue[i]);
		}
	}
}

static void config_set_status(struct virtio_device *vdev, u8 status)
{
	struct msg_device *dev = msg_device_of(vdev);
	u8 now = status;
	int err = -ENOTCONN;

	mutex_lock(&dev->lock);
	if (dev->open) {
		err = msg_ask_status(dev, WIRE_SET_STATUS, status, &now);
	}
	if (err) {
		/* without the device no set-up succeeds; a driver that fails may say so */
		now = status & ~(VIRTIO_CONFIG_S_FEATURES_OK & ~dev->status);
	}
	if (!err &&
	    now & ~dev->status & (VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK)) {
		msg_config_refresh(dev); /* it may depend on what was negotiated */
	}
	if (!err && status & ~dev->status & VIRTIO_CONFIG_S_DRIVER_OK) {
		go(dev);
	}
	dev->status = now;
	mutex_unlock(&dev->lock);
}

static void config_reset(struct virtio_device *vdev)
{
	struct msg_device *dev = msg_device_of(vdev);
	int i;

	mutex_lock(&dev->lock);
	for (i = 0; i < MSG_QUEUES; i++) {
		if (dev->queue[i]) {
			msg_queue_close(dev->queue[i], false);
		}
	}
	if (!dev->gone) {
		dev->open = !msg_ask_reset(dev) && !msg_config_refresh(dev);
	}
	for (i = 0; i < MSG_QUEUES; i++) {
		if (dev->queue[i]) {
			msg_queue_drop(dev->queue[i]);
		}
	}
	bitmap_zero(dev->written, dev->config_size);
	msg_gpio_forget(dev);
	dev->status = 0;
	mutex_unlock(&dev->lock);
	/* no callback runs any more, and none begins */
	synchronize_irq(dev->bus->irq);
	flush_work(&dev->bus->more);
}

static u64 config_get_features(struct virtio_device *vdev)
{
	struct msg_device *dev = msg_device_of(vdev);

	return (dev->offered & CLASS_FEATURES) | msg_config_features(dev) |
	       BIT_ULL(VIRTIO_F_VERSION_1);
}

static int config_finalize_features(struct virtio_device *vdev)
{
	struct msg_device *dev = msg_device_of(vdev);
	int err = -ENOTCONN;

	vring_transport_features(vdev);
	vdev->features &= CLASS_FEATURES | BIT_ULL(VIRTIO_F_VERSION_1);
	mutex_lock(&dev->lock);
	if (dev->open) {
		err = msg_ask_set_features(dev, features_down(dev));
	}
	mutex_unlock(&dev->lock);
	return err;
}

static void config_del_vqs(struct virtio_device *vdev)
{
	struct msg_device *dev = msg_device_of(vdev);
	int i;

	mutex_lock(&dev->lock);
	for (i = 0; i < MSG_QUEUES; i++) {
		struct msg_queue *q = dev->queue[i];

		spin_lock_irq(&dev->bus->upcall);
		dev->queue[i] = NULL;
		spin_unlock_irq(&dev->bus->upcall);
		if (q) {
			msg_queue_destroy(q);
		}
	}
	mutex_unlock(&dev->lock);
}

static struct virtqueue *add_queue(struct msg_device *dev, u16 index, const char *name,
				   void (*callback)(struct virtqueue *), bool ctx)
{
	struct msg_queue *q;
	u32 max;
	int err;

	if (index >= MSG_QUEUES || !dev->open) {
		return ERR_PTR(-ENOENT);
	}
	err = msg_ask_queue_max(dev, index, &max);
	if (err || !queue_num(max)) {
		return ERR_PTR(err ? err : -ENOENT);
	}
	q = msg_queue_create(dev, index, queue_num(max), name, callback, ctx);
	if (!q) {
		return ERR_PTR(-ENOMEM);
	}
	dev->queue[index] = q;
	err = open_queue(q);
	return err ? ERR_PTR(err) : q->upper;
}

static int config_find_vqs(MSG_FIND_VQS_ARGS)
{
	struct msg_device *dev = msg_device_of(vdev);
	unsigned int i;
	u16 index = 0;
	int err = 0;

	mutex_lock(&dev->lock);
	for (i = 0; i < n && !err; i++) {
		vqs[i] = NULL;
		if (MSG_VQ_NAME(i)) {
			vqs[i] = add_queue(dev, index++, MSG_VQ_NAME(i), MSG_VQ_CALLBACK(i),
					   MSG_VQ_CTX(i));
			err = PTR_ERR_OR_ZERO(vqs[i]);
		}
	}
	mutex_unlock(&dev->lock);
	if (err) {
		config_del_vqs(vdev);
	}
	return err;
}

static const char *config_bus_name(struct virtio_device *vdev)
{
	return dev_name(msg_device_of(vdev)->bus->parent);
}

static void config_synchronize_cbs(struct virtio_device *vdev)
{
	synchronize_irq(msg_device_of(vdev)->bus->irq);
	flush_work(&msg_device_of(vdev)->bus->more);
}

static const struct virtio_config_ops config_ops = {
	.get = msg_config_get,
	.set = msg_config_set,
	.generation = msg_config_generation,
	.get_status = config_get_status,
	.set_status = config_set_status,
	.reset = config_reset,
	.find_vqs = config_find_vqs,
	.del_vqs = config_del_vqs,
	.synchronize_cbs = config_synchronize_cbs,
	.get_features = config_get_features,
	.finalize_features = config_finalize_features,
	.bus_name = config_bus_name,
};

/* ---- sessions ---- */

static int reopen_locked(struct msg_device *dev)
{
	u8 status = dev->status, now;
	int i, err;

	err = msg_ask_reset(dev);
	dev->open = !err;
	if (err || !(status & VIRTIO_CONFIG_S_FEATURES_OK)) {
		/* a driver in the midst of its set-up does not get further */
		return err;
	}
	err = msg_ask_status(dev, WIRE_SET_STATUS,
			     VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER, &now);
	err = err ? err : msg_ask_set_features(dev, features_down(dev));
	err = err ? err
		  : msg_ask_status(dev, WIRE_SET_STATUS, status & ~VIRTIO_CONFIG_S_DRIVER_OK, &now);
	if (!err && !(now & VIRTIO_CONFIG_S_FEATURES_OK)) {
		return -ESTALE;
	}
	for (i = 0; i < MSG_QUEUES && !err; i++) {
		if (dev->queue[i]) {
			err = open_queue(dev->queue[i]);
		}
	}
	err = err ? err : msg_config_write_again(dev);
	if (!err && status & VIRTIO_CONFIG_S_DRIVER_OK) {
		err = msg_ask_status(dev, WIRE_SET_STATUS, status, &now);
		dev->status = err ? status : now;
		err = err ? err : msg_gpio_restore(dev);
		if (!err) {
			go(dev);
		}
	}
	return err;
}

int msg_device_reopen(struct msg_device *dev)
{
	struct msg_info info;
	u64 features;
	u32 max;
	int i, err;

	mutex_lock(&dev->lock);
	err = msg_ask_info(dev, &info);
	err = err ? err : msg_ask_features(dev, &features);
	if (!err && (info.id != dev->vdev.id.device || info.config_size != dev->config_size ||
		     dev->offered & ~features)) {
		err = -ESTALE;
	}
	for (i = 0; i < MSG_QUEUES && !err; i++) {
		if (dev->queue[i]) {
			err = msg_ask_queue_max(dev, i, &max);
			err = err ? err : max < dev->queue[i]->num ? -ESTALE : 0;
		}
	}
	dev->give_up = false;
	err = err ? err : reopen_locked(dev);
	mutex_unlock(&dev->lock);
	if (!err) {
		msg_device_config_changed(dev);
	}
	return err;
}

void msg_device_close(struct msg_device *dev)
{
	int i;

	mutex_lock(&dev->lock);
	dev->open = false;
	for (i = 0; i < MSG_QUEUES; i++) {
		if (dev->queue[i]) {
			msg_queue_close(dev->queue[i], true);
		}
	}
	atomic_long_set(&dev->used, 0);
	mutex_unlock(&dev->lock);
}

void msg_device_fail(struct msg_device *dev)
{
	int i;

	mutex_lock(&dev->lock);
	dev->give_up = true;
	for (i = 0; i < MSG_QUEUES; i++) {
		if (dev->queue[i]) {
			spin_lock_irq(&dev->bus->upcall);
			msg_queue_fail_all(dev->queue[i]);
			spin_unlock_irq(&dev->bus->upcall);
		}
	}
	mutex_unlock(&dev->lock);
}

void msg_device_resume(struct msg_device *dev)
{
	int i;

	if (dev->give_up) {
		msg_device_fail(dev);
		return;
	}
	mutex_lock(&dev->lock);
	for (i = 0; i < MSG_QUEUES; i++) {
		if (dev->queue[i]) {
			spin_lock_irq(&dev->bus->upcall);
			msg_queue_resume(dev->queue[i]);
			spin_unlock_irq(&dev->bus->upcall);
		}
	}
	mutex_unlock(&dev->lock);
}

void msg_device_config_changed(struct msg_device *dev)
{
	u32 before = dev->generation;

	/* a driver's own writing is in the copy already, and must not be overtaken by an older state of the device */
	mutex_lock(&dev->lock);
	if (dev->open) {
		msg_config_refresh(dev);
	}
	mutex_unlock(&dev->lock);
	if (dev->generation != before && dev->status & VIRTIO_CONFIG_S_DRIVER_OK) {
		virtio_config_changed(&dev->vdev);
	}
}

void msg_device_mend(struct msg_device *dev)
{
	int i, err = -EIO;

	mutex_lock(&dev->lock);
	if (dev->open && time_after(jiffies, dev->mended + MEND_AGAIN)) {
		dev->mended = jiffies;
		for (i = 0; i < MSG_QUEUES; i++) {
			if (dev->queue[i]) {
				msg_queue_close(dev->queue[i], false);
			}
		}
		err = reopen_locked(dev);
	}
	mutex_unlock(&dev->lock);
	dev_warn_ratelimited(dev->bus->parent, "device %u needed a reset%s\n", dev->num,
			     err ? ", again: it is given up" : "");
	if (err) {
		msg_device_fail(dev);
	}
}

void msg_device_broken(struct msg_device *dev, const char *why)
{
	atomic64_inc(&dev->bus->n.bad);
	dev_warn_ratelimited(dev->bus->parent, "device %u %s\n", dev->num, why);
	msg_bus_broken(dev->bus, "a device broke a rule");
}

int msg_device_show(struct msg_device *dev, char *to, int len)
{
	int i;

	mutex_lock(&dev->lock);
	for (i = 0; i < MSG_QUEUES; i++) {
		if (dev->queue[i]) {
			len = msg_queue_show(dev->queue[i], to, len);
		}
	}
	mutex_unlock(&dev->lock);
	return len;
}

/* ---- life ---- */

static void released(struct device *d)
{
	struct msg_device *dev = msg_device_of(dev_to_virtio(d));

	complete(&dev->released);
}

static const struct msg_class *class_of(u32 id)
{
	const struct msg_class *c = classes;

	while (c->id && c->id != id) {
		c++;
	}
	return c;
}

struct msg_device *msg_device_create(struct msg_bus *bus, u16 num)
{
	struct msg_device *dev = kzalloc(sizeof(*dev), GFP_KERNEL);
	struct msg_info info;
	u32 max;
	int err;

	if (!dev) {
		return ERR_PTR(-ENOMEM);
	}
	dev->bus = bus;
	dev->num = num;
	mutex_init(&dev->lock);
	spin_lock_init(&dev->config_lock);
	init_completion(&dev->released);
	err = msg_ask_info(dev, &info);
	err = err ? err : msg_ask_features(dev, &dev->offered);
	if (!err && !(dev->offered & BIT_ULL(VIRTIO_F_VERSION_1))) {
		err = -EPROTO;
	}
	if (!err) {
		dev->vdev.id.device = info.id;
		dev->vdev.id.vendor = info.vendor;
		dev->class = class_of(info.id);
		dev->config_size = info.config_size;
		dev->config = kzalloc(max(info.config_size, 1u), GFP_KERNEL);
		dev->written = bitmap_zalloc(max(info.config_size, 1u), GFP_KERNEL);
		err = dev->config && dev->written ? msg_ask_queue_max(dev, 0, &max) : -ENOMEM;
	}
	if (!err) {
		dev->first_num = queue_num(max);
		err = msg_config_refresh(dev);
	}
	err = err ? err : msg_gpio_init(dev);
	if (err) {
		msg_device_free(dev);
		return ERR_PTR(err);
	}
	dev->open = true;
	dev->vdev.config = &config_ops;
	dev->vdev.dev.parent = bus->parent;
	dev->vdev.dev.release = released;
	return dev;
}

void msg_device_free(struct msg_device *dev)
{
	kvfree(dev->lines);
	bitmap_free(dev->written);
	kfree(dev->config);
	kfree(dev);
}

int msg_device_register(struct msg_device *dev)
{
	int err = register_virtio_device(&dev->vdev);

	if (err) {
		put_device(&dev->vdev.dev);
		wait_for_completion(&dev->released);
	}
	dev->registered = !err;
	return err;
}

void msg_device_unregister(struct msg_device *dev)
{
	if (dev->registered) {
		unregister_virtio_device(&dev->vdev);
		wait_for_completion(&dev->released);
	}
}
