/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pins.c - host of the GPIO device: a simulated chip of 8 lines, in place of a board's own
 *
 * Line 0 is wired to line 1, 2 to 3, and so on, so that the driver's side sees edges of its own making. A line that
 * drives has its own level; one that does not has that of its partner, or low where nobody drives.
 */
#include <string.h>
#include "image.h"

#define LINES 8u

struct pin {
	uint8_t dir; /* VIO_GPIO_DIRECTION_* */
	uint8_t drive;
	uint8_t irq;
	uint8_t told; /* level last reported */
};

static struct pin pin[LINES];
static struct vio_gpio_sink *ear;

static uint8_t level(uint16_t n)
{
	uint16_t by = (pin[n].dir == VIO_GPIO_DIRECTION_OUT) ? n : (n ^ 1u);

	return (pin[by].dir == VIO_GPIO_DIRECTION_OUT) ? pin[by].drive : 0u;
}

/* A line or its partner was touched: report what changed. */
static void update(uint16_t line)
{
	uint16_t first = line & (uint16_t)~1u;

	for (uint16_t n = first; n < (first + 2u); n++) {
		uint8_t now = level(n);

		if (now != pin[n].told) {
			pin[n].told = now;
			if ((pin[n].irq != VIO_GPIO_IRQ_NONE) && (ear != NULL)) {
				ear->change(ear, n, now);
			}
		}
	}
}

static int pins_run(void *host, struct vio_gpio_cmd *c)
{
	struct pin *p = &pin[c->line];

	(void)host;
	switch (c->type) {
	case VIO_GPIO_MSG_GET_DIRECTION:
		c->reply = p->dir;
		break;
	case VIO_GPIO_MSG_SET_DIRECTION:
		p->dir = c->value;
		p->drive = c->level;
		p->irq = (c->value == VIO_GPIO_DIRECTION_NONE) ? VIO_GPIO_IRQ_NONE : p->irq;
		update(c->line);
		break;
	case VIO_GPIO_MSG_GET_VALUE:
		c->reply = level(c->line);
		break;
	case VIO_GPIO_MSG_SET_VALUE:
		p->drive = c->value;
		update(c->line);
		break;
	default:
		p->irq = c->value;
		if (((c->value & (VIO_GPIO_IRQ_LEVEL_HIGH | VIO_GPIO_IRQ_LEVEL_LOW)) != 0u) &&
		    (ear != NULL)) {
			ear->change(ear, c->line, p->told);
		}
		break;
	}
	return VIO_OK;
}

static const struct vio_gpio_chip *pins_open(void *host, struct vio_gpio_sink *sink)
{
	static const uint8_t names[] = "wire0-a\0wire0-b\0wire1-a\0wire1-b\0"
				       "wire2-a\0wire2-b\0wire3-a\0wire3-b";
	static const struct vio_gpio_chip chip = {
		.ngpio = LINES, .irq = true, .name = names, .name_bytes = sizeof(names)
	};

	(void)host;
	ear = sink;
	return &chip;
}

static void pins_close(void *host)
{
	(void)host;
	ear = NULL;
}

static void pins_reset(void *host)
{
	(void)host;
	(void)memset(pin, 0, sizeof(pin));
}

const struct vio_gpio_host_ops image_pins = {
	.open = pins_open, .close = pins_close, .run = pins_run, .reset = pins_reset
};
