// SPDX-License-Identifier: GPL-2.0-only
/*
 * sysfs.c - counters and state for a person: <device>/messages/, where <device> is the PCI or platform device
 */
#include <linux/device.h>
#include <linux/sysfs.h>
#include "msg.h"

#define COUNTER(name)                                                                              \
	static ssize_t name##_show(struct device *d, struct device_attribute *a, char *to)         \
	{                                                                                          \
		struct msg_bus *bus = dev_get_drvdata(d);                                          \
		return sysfs_emit(to, "%lld\n", (long long)atomic64_read(&bus->n.name));           \
	}                                                                                          \
	static DEVICE_ATTR_RO(name)

COUNTER(sent);
COUNTER(received);
COUNTER(bad);
COUNTER(full);
COUNTER(doorbells);
COUNTER(interrupts);
COUNTER(sessions);
COUNTER(lost);
COUNTER(requests);
COUNTER(again);
COUNTER(failed);

static ssize_t state_show(struct device *d, struct device_attribute *a, char *to)
{
	static const char *const names[] = {
		[MSG_DOWN] = "down", [MSG_OFFERED] = "offered", [MSG_UP] = "up"
	};
	struct msg_bus *bus = dev_get_drvdata(d);

	return sysfs_emit(to, "%s\n", names[READ_ONCE(bus->state)]);
}
static DEVICE_ATTR_RO(state);

static ssize_t pool_show(struct device *d, struct device_attribute *a, char *to)
{
	struct msg_bus *bus = dev_get_drvdata(d);

	return sysfs_emit(to, "begin %u end %u used %u peak %u\n", bus->pool.begin, bus->pool.end,
			  bus->pool.used, bus->pool.peak);
}
static DEVICE_ATTR_RO(pool);

static ssize_t queues_show(struct device *d, struct device_attribute *a, char *to)
{
	struct msg_bus *bus = dev_get_drvdata(d);
	int n, len = 0;

	mutex_lock(&bus->lock);
	for (n = 0; n < MSG_DEVICES; n++) {
		if (bus->dev[n]) {
			len = msg_device_show(bus->dev[n], to, len);
		}
	}
	mutex_unlock(&bus->lock);
	return len;
}
static DEVICE_ATTR_RO(queues);

static struct attribute *attributes[] = {
	&dev_attr_sent.attr,	 &dev_attr_received.attr,  &dev_attr_bad.attr,
	&dev_attr_full.attr,	 &dev_attr_doorbells.attr, &dev_attr_interrupts.attr,
	&dev_attr_sessions.attr, &dev_attr_lost.attr,	   &dev_attr_requests.attr,
	&dev_attr_again.attr,	 &dev_attr_failed.attr,	   &dev_attr_state.attr,
	&dev_attr_pool.attr,	 &dev_attr_queues.attr,	   NULL,
};
static const struct attribute_group group = { .name = "messages", .attrs = attributes };
const struct attribute_group *msg_groups[] = { &group, NULL };
