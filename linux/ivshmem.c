// SPDX-License-Identifier: GPL-2.0-only
/*
 * ivshmem.c - the window and the doorbell are a PCI device of QEMU, ivshmem-doorbell; life of the whole
 *
 * BAR 0 has our position and the doorbell, BAR 2 is the window, MSI-X vector 0 is the peer's doorbell.
 */
#include <linux/io.h>
#include <linux/module.h>
#include <linux/sysfs.h>
#include "msg.h"

#define REG_POSITION 8
#define REG_DOORBELL 12

unsigned int msg_queue_size = 128;
module_param_named(queue_size, msg_queue_size, uint, 0444);
MODULE_PARM_DESC(queue_size, "entries of a virtqueue, at most (128)");
unsigned int msg_patience = 30;
module_param_named(patience, msg_patience, uint, 0644);
MODULE_PARM_DESC(patience,
		 "seconds without a back-end until requests end with errors; 0: never (30)");
unsigned int msg_timeout = 60;
module_param_named(timeout, msg_timeout, uint, 0644);
MODULE_PARM_DESC(timeout,
		 "seconds that the back-end has for an answer; it may be restarted meanwhile (60)");
bool msg_rfc3;
module_param_named(rfc3, msg_rfc3, bool, 0444);
MODULE_PARM_DESC(rfc3, "message layouts of the draft of 2025 instead of 2026");
static int peer = -1;
module_param(peer, int, 0444);
MODULE_PARM_DESC(
	peer,
	"the back-end's position, if it does not say it in the window (the other one of 0 and 1)");

void msg_bus_doorbell(struct msg_bus *bus)
{
	atomic64_inc(&bus->n.doorbells);
	wmb(); /* all that is in the window comes first */
	writel(msg_fifo_bell(&bus->fifo, bus->window, bus->bell), bus->regs + REG_DOORBELL);
}

static irqreturn_t interrupt(int irq, void *data)
{
	msg_bus_interrupt(data);
	return IRQ_HANDLED;
}

/* ---- sysfs: /sys/bus/pci/drivers/stratos_msg/<device>/messages/ ---- */

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
static const struct attribute_group *groups[] = { &group, NULL };

/* ---- life ---- */

static int map(struct msg_bus *bus)
{
	struct pci_dev *pci = bus->pci;
	int err = pcim_enable_device(pci);

	err = err ? err : pci_request_regions(pci, KBUILD_MODNAME);
	if (err) {
		return err;
	}
	if (pci_resource_len(pci, 2) < 8192 || pci_resource_len(pci, 2) > U32_MAX) {
		return dev_err_probe(&pci->dev, -ENODEV, "the window has an impossible size\n");
	}
	bus->size = pci_resource_len(pci, 2);
	bus->regs = pcim_iomap(pci, 0, 0);
	bus->window = devm_memremap(&pci->dev, pci_resource_start(pci, 2), bus->size, MEMREMAP_WB);
	if (!bus->regs || IS_ERR(bus->window)) {
		return -ENOMEM;
	}
	bus->me = readl(bus->regs + REG_POSITION);
	bus->bell = (peer < 0 ? bus->me ^ 1 : peer) << 16;
	pci_set_master(pci);
	return 0;
}

static int probe(struct pci_dev *pci, const struct pci_device_id *id)
{
	struct msg_bus *bus = devm_kzalloc(&pci->dev, sizeof(*bus), GFP_KERNEL);
	int err;

	if (!bus) {
		return -ENOMEM;
	}
	bus->pci = pci;
	pci_set_drvdata(pci, bus);
	err = map(bus);
	if (err) {
		return err;
	}
	err = pci_alloc_irq_vectors(pci, 1, 1, PCI_IRQ_MSIX);
	if (err < 0) {
		return dev_err_probe(
			&pci->dev, err,
			"no doorbell: ivshmem-doorbell with vectors=1 or more is needed\n");
	}
	err = msg_bus_init(bus);
	if (!err) {
		bus->irq = pci_irq_vector(pci, 0);
		err = request_irq(bus->irq, interrupt, 0, KBUILD_MODNAME, bus);
	}
	if (err) {
		msg_bus_exit(bus);
		pci_free_irq_vectors(pci);
		return err;
	}
	msg_bus_start(bus);
	return 0;
}

static void remove(struct pci_dev *pci)
{
	struct msg_bus *bus = pci_get_drvdata(pci);

	msg_bus_stop(bus);
	free_irq(bus->irq, bus);
	msg_bus_exit(bus);
	pci_free_irq_vectors(pci);
}

static const struct pci_device_id ids[] = { { PCI_DEVICE(0x1af4, 0x1110) }, { 0 } };
MODULE_DEVICE_TABLE(pci, ids);

static struct pci_driver stratos_msg_driver = {
	.name = KBUILD_MODNAME,
	.id_table = ids,
	.probe = probe,
	.remove = remove,
	.dev_groups = groups,
};
module_pci_driver(stratos_msg_driver);

MODULE_DESCRIPTION(
	"virtio devices of another machine, through a window of shared memory (virtio-msg)");
MODULE_LICENSE("GPL");
