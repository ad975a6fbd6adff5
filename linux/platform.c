// SPDX-License-Identifier: GPL-2.0-only
/*
 * platform.c - the window is memory that the device tree names, and the peer is firmware on another processor
 *
 *	reserved-memory {
 *		window: window@70100000 { no-map; reg = <...>; };
 *	};
 *	messages {
 *		compatible = "virtio,msg-window";
 *		memory-region = <&window>;
 *		interrupts = <...>;		optional: the peer rings; an edge
 *		reg = <...>;			optional: a register that rings the peer when it is written
 *		dma-coherent;			the peer sees this processor's cache; else the window is not cached
 *	};
 *
 * Without an interrupt the window is looked at POLL_NS after each look. What is written to the register is what the
 * peer says in the window, 1 if it says nothing.
 */
#include <linux/hrtimer.h>
#include <linux/io.h>
#include <linux/module.h>
#include <linux/of.h>
#include <linux/of_address.h>
#include <linux/of_reserved_mem.h>
#include <linux/platform_device.h>
#include "compat.h"
#include "msg.h"

#define POLL_NS (500 * NSEC_PER_USEC)

struct msg_place {
	struct msg_bus bus;
	struct hrtimer poll;
};

static void ring(struct msg_bus *bus)
{
	if (bus->regs) {
		writel(msg_fifo_bell(&bus->fifo, bus->window, bus->bell), bus->regs);
	}
}

static irqreturn_t interrupt(int irq, void *data)
{
	msg_bus_interrupt(data);
	return IRQ_HANDLED;
}

static enum hrtimer_restart look(struct hrtimer *t)
{
	struct msg_place *p = container_of(t, struct msg_place, poll);

	if (READ_ONCE(p->bus.state) == MSG_UP) { /* else session.c looks */
		msg_bus_take(&p->bus);
	}
	hrtimer_forward_now(t, ns_to_ktime(POLL_NS));
	return HRTIMER_RESTART;
}

static int map(struct platform_device *pdev, struct msg_bus *bus)
{
	struct device_node *node = of_parse_phandle(pdev->dev.of_node, "memory-region", 0);
	struct reserved_mem *mem = node ? of_reserved_mem_lookup(node) : NULL;

	of_node_put(node);
	if (!mem || mem->size < 8192 || mem->size > U32_MAX) {
		return dev_err_probe(&pdev->dev, -ENODEV,
				     "memory-region must name a window of reserved memory\n");
	}
	bus->size = mem->size;
	bus->window =
		devm_memremap(&pdev->dev, mem->base, mem->size,
			      of_dma_is_coherent(pdev->dev.of_node) ? MEMREMAP_WB : MEMREMAP_WC);
	if (IS_ERR(bus->window)) {
		return dev_err_probe(&pdev->dev, PTR_ERR(bus->window),
				     "the window cannot be mapped (is it no-map?)\n");
	}
	if (platform_get_resource(pdev, IORESOURCE_MEM, 0)) {
		bus->regs = devm_platform_ioremap_resource(pdev, 0);
	}
	return IS_ERR(bus->regs) ? PTR_ERR(bus->regs) : 0;
}

static int listen(struct msg_place *p)
{
	struct platform_device *pdev = to_platform_device(p->bus.parent);

	p->bus.irq = platform_get_irq_optional(pdev, 0);
	if (p->bus.irq == -ENXIO) {
		p->bus.irq = 0;
		hrtimer_start(&p->poll, ns_to_ktime(POLL_NS), HRTIMER_MODE_REL);
		return 0;
	}
	if (p->bus.irq < 0) {
		return p->bus.irq;
	}
	return request_irq(p->bus.irq, interrupt, 0, dev_name(&pdev->dev), &p->bus);
}

static int probe(struct platform_device *pdev)
{
	struct msg_place *p = devm_kzalloc(&pdev->dev, sizeof(*p), GFP_KERNEL);
	int err;

	if (!p) {
		return -ENOMEM;
	}
	p->bus.parent = &pdev->dev;
	p->bus.ring = ring;
	p->bus.bell = 1;
	p->bus.me = ~0u;
	hrtimer_init(&p->poll, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	p->poll.function = look;
	platform_set_drvdata(pdev, &p->bus);
	err = map(pdev, &p->bus);
	if (err) {
		return err;
	}
	err = msg_bus_init(&p->bus);
	err = err ? err : listen(p);
	if (err) {
		msg_bus_exit(&p->bus);
		return err;
	}
	msg_bus_start(&p->bus);
	return 0;
}

static void leave(struct platform_device *pdev)
{
	struct msg_bus *bus = platform_get_drvdata(pdev);

	msg_bus_stop(bus);
	if (bus->irq) {
		free_irq(bus->irq, bus);
	} else {
		hrtimer_cancel(&container_of(bus, struct msg_place, bus)->poll);
	}
	msg_bus_exit(bus);
}

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 11, 0)
#define remove_window leave
#else
static int remove_window(struct platform_device *pdev)
{
	leave(pdev);
	return 0;
}
#endif

static const struct of_device_id ids[] = { { .compatible = "virtio,msg-window" }, { 0 } };
MODULE_DEVICE_TABLE(of, ids);

static struct platform_driver stratos_msg_platform = {
	.probe = probe,
	.remove = remove_window,
	.driver = { .name = "stratos_msg", .of_match_table = ids, .dev_groups = msg_groups },
};

int msg_platform_init(void)
{
	return platform_driver_register(&stratos_msg_platform);
}

void msg_platform_exit(void)
{
	platform_driver_unregister(&stratos_msg_platform);
}
