/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * platform_pins.c - pins of the simulated platform: a function each, a pull, and how strongly it drives
 *
 * A board's own would write them to its multiplexer. One agent sees it, so whoever asks for a pin has it.
 */
#include "firmware/platform.h"

static const uint16_t serial[] = { 0u, 1u }, bus[] = { 2u, 3u };
static const uint16_t of_uart[] = { 0u }, of_i2c[] = { 1u }, of_gpio[] = { 0u, 1u };

const struct vio_scmi_pin platform_pin[PLATFORM_PINS] = {
	{ .r = { "tx", 0u, VIO_SCMI_MAY_ALL } },
	{ .r = { "rx", 1u, VIO_SCMI_MAY_ALL } },
	{ .r = { "scl", 2u, VIO_SCMI_MAY_ALL } },
	{ .r = { "sda", 3u, VIO_SCMI_MAY_ALL } },
};
const struct vio_scmi_group platform_group[PLATFORM_GROUPS] = {
	{ .r = { "serial", 0u, VIO_SCMI_MAY_ALL }, .pin = serial, .npin = 2u },
	{ .r = { "bus", 1u, VIO_SCMI_MAY_ALL }, .pin = bus, .npin = 2u },
};
const struct vio_scmi_function platform_function[PLATFORM_FUNCTIONS] = {
	{ .r = { "uart", 0u, VIO_SCMI_MAY_ALL }, .group = of_uart, .ngroup = 1u },
	{ .r = { "i2c", 1u, VIO_SCMI_MAY_ALL }, .group = of_i2c, .ngroup = 1u },
	{ .r = { "gpio", 2u, VIO_SCMI_MAY_ALL }, .group = of_gpio, .ngroup = 2u, .gpio = true },
};

/* As of now. A group's two pins are set together, so the first one speaks for both where they agree. */
static struct {
	uint32_t function, strength; /* strength in mA, 0: not set */
	uint8_t pull;		     /* VIO_SCMI_PIN_BIAS_OFF, _PULL_UP, _PULL_DOWN; 0: not set */
} pins[PLATFORM_PINS];

void platform_pins_start(void)
{
	uint32_t n;

	for (n = 0u; n < PLATFORM_PINS; n++) {
		pins[n].function = VIO_SCMI_NO_FUNCTION;
		pins[n].strength = 0u;
		pins[n].pull = 0u;
	}
}

static bool is_pull(uint8_t type)
{
	return (type == VIO_SCMI_PIN_BIAS_OFF) || (type == VIO_SCMI_PIN_PULL_UP) ||
	       (type == VIO_SCMI_PIN_PULL_DOWN);
}

static bool has(uint32_t n, uint8_t type, uint32_t *value)
{
	*value = (type == VIO_SCMI_PIN_STRENGTH) ? pins[n].strength : 1u;
	return (type == VIO_SCMI_PIN_STRENGTH) ? (pins[n].strength != 0u)
					       : (is_pull(type) && (pins[n].pull == type));
}

/* last: of the group, or the pin itself */
static int get_all(struct vio_scmi_op *op, uint32_t n, uint32_t last)
{
	uint32_t value, other, skip = (uint32_t)op->extra;
	uint8_t room = op->nconfig, type;

	op->nconfig = 0u;
	op->extra = 0u;
	for (type = 0u; type < VIO_SCMI_PIN_SETTINGS; type++) {
		if (!has(n, type, &value) || !has(last, type, &other) || (value != other)) {
			continue;
		}
		if (skip != 0u) {
			skip--;
		} else if (op->nconfig == room) {
			op->extra++;
		} else {
			op->config[op->nconfig].type = type;
			op->config[op->nconfig].value = value;
			op->nconfig++;
		}
	}
	return VIO_OK;
}

static int set(const struct vio_scmi_op *op, uint32_t n, uint32_t last)
{
	uint32_t k;

	for (k = 0u; k < op->nconfig; k++) {
		if (!is_pull(op->config[k].type) && (op->config[k].type != VIO_SCMI_PIN_STRENGTH)) {
			return VIO_E_NOTSUP;
		}
	}
	for (; n <= last; n++) {
		if (op->value != VIO_SCMI_NO_FUNCTION) {
			pins[n].function = (uint32_t)op->value;
		}
		for (k = 0u; k < op->nconfig; k++) {
			if (op->config[k].type == VIO_SCMI_PIN_STRENGTH) {
				pins[n].strength = op->config[k].value;
			} else {
				pins[n].pull = op->config[k].type;
			}
		}
	}
	return VIO_OK;
}

int platform_pins_run(struct vio_scmi_op *op)
{
	uint32_t n = op->group ? platform_group[op->res].pin[0] : op->res;
	uint32_t last = op->group ? platform_group[op->res].pin[1] : op->res, value, other;
	bool agree = pins[n].function == pins[last].function;

	switch (op->verb) {
	case VIO_SCMI_PIN_GET:
	case VIO_SCMI_PIN_GET_ALL:
		op->value = agree ? pins[n].function : VIO_SCMI_NO_FUNCTION;
		if (op->verb == VIO_SCMI_PIN_GET_ALL) {
			return get_all(op, n, last);
		}
		if (op->nconfig == 0u) {
			return VIO_OK;
		}
		if (!has(n, op->config[0].type, &value) || !has(last, op->config[0].type, &other) ||
		    (value != other)) {
			return VIO_E_NOTSUP;
		}
		op->config[0].value = value;
		return VIO_OK;
	case VIO_SCMI_PIN_SET:
		return set(op, n, last);
	default:
		return VIO_OK; /* asked for, given back */
	}
}
