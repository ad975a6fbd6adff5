/* SPDX-License-Identifier: BSD-3-Clause */
/* hint.c - what it means that a front-end masks a feature of a class; printed once a connection by the port */
#include "app/hint.h"

struct hint {
	uint32_t id;
	uint64_t feature;
	const char *text;
};

/*
 * virtio 1.3, 5.x.3 of each class. Nothing of blk: firmware drivers (SeaBIOS) take few of its features and are gone
 * before the guest's own driver starts, and without FLUSH every write is durable.
 */
static const struct hint hints[] = {
	{ 41, 1u << 0, "interrupts will not work without IRQ; use a front-end that passes it" },
	{ 34, 1u << 0,
	  "the guest's driver will not start: i2c needs ZERO_LENGTH_REQUEST; use a newer "
	  "front-end" },
	{ 17, 1u << 0, "alarms will not work without ALARM; use a front-end that passes it" },
	{ 36, 1u << 0,
	  "classic frames will not work without CAN_CLASSIC; use a front-end that passes it" },
	{ 3, 1u << 1,
	  "the guest gets one port only without MULTIPORT; use a front-end that passes it" },
};

const char *hint_for(const struct vio_dev *dev, uint64_t missing)
{
	for (unsigned i = 0; i < sizeof(hints) / sizeof(hints[0]); i++) {
		if (hints[i].id == dev->ops->id && (hints[i].feature & missing)) {
			return hints[i].text;
		}
	}
	return NULL;
}
