// SPDX-License-Identifier: GPL-2.0-only
/*
 * ivshmem.c - the window and the doorbell are a PCI device of QEMU, ivshmem-doorbell
 *
 * BAR 0 has our position and the doorbell, BAR 2 is the window, MSI-X vector 0 is the peer's doorbell.
 */
#include <linux/io.h>
#include <linux/module.h>
#include <linux/pci.h>
#include "msg.h"

#define REG_POSITION 8
#define REG_DOORBELL 12

static int peer = -1;
module_param(peer, int, 0444);
MODULE_PARM_DESC(
	peer,
	"the back-end's position, if it does not say it in the window (the other one of 0 and 1)");

static void ring(struct msg_bus *bus)
{
	writel(msg_fifo_bell(&bus->fifo, bus->window, bus->bell), bus->regs + REG_DOORBELL);
}

static irqreturn_t interrupt(int irq, void *data)
{
	msg_bus_interrupt(data);
	return IRQ_HANDLED;
}

/* ---- life ---- */

static int map(struct msg_bus *bus)
{
	struct pci_dev *pci = to_pci_dev(bus->parent);
	int err = pcim_enable_device(pci);
	u32 position;

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
	position = readl(bus->regs + REG_POSITION);
	bus->me = position << 16;
	bus->bell = (peer < 0 ? position ^ 1 : peer) << 16;
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
	bus->parent = &pci->dev;
	bus->ring = ring;
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
	.name = "stratos_msg",
	.id_table = ids,
	.probe = probe,
	.remove = remove,
	.dev_groups = msg_groups,
};

int msg_ivshmem_init(void)
{
	return pci_register_driver(&stratos_msg_driver);
}

void msg_ivshmem_exit(void)
{
	pci_unregister_driver(&stratos_msg_driver);
}
