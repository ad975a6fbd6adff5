/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * platform.c - host of the SCMI device: a simulated platform of some of each, in place of a board's own
 *
 * What is set is what is read. One agent sees it, so there are no needs to add up: what it sets is what is.
 */
#include <string.h>
#include "firmware/platform.h"

#define COUNT(a) ((uint16_t)(sizeof(a) / sizeof((a)[0])))

static const uint64_t uart_rates[] = { 24000000u, 48000000u, 96000000u };
static const uint64_t pll_range[] = { 100000000u, 2000000000u, 1000000u };
static const struct vio_scmi_clock clocks[] = {
	{ .r = { "uart", 0u, VIO_SCMI_MAY_ALL },
	  .rate = uart_rates,
	  .nrate = 3u,
	  .enable_us = 10u },
	{ .r = { "pll", 1u, VIO_SCMI_MAY_ALL }, .rate = pll_range, .nrate = 3u, .range = true },
};
static const struct vio_scmi_sensor sensors[] = {
	{ .r = { "soc", 0u, VIO_SCMI_MAY_ALL },
	  .type = VIO_SCMI_SENSOR_CELSIUS,
	  .scale = -3,
	  .ntrip = 2u,
	  .pushed = true,
	  .min = -40000,
	  .max = 125000 },
};
static const struct vio_scmi_reset resets[] = { { .r = { "usb", 0u, VIO_SCMI_MAY_ALL } } };
static const struct vio_scmi_power powers[] = { { .r = { "gpu", 0u, VIO_SCMI_MAY_ALL } } };
static const struct vio_scmi_level levels[] = { { 500000u, 150000u, 50u },
						{ 1000000u, 400000u, 50u } };
static const struct vio_scmi_perf perfs[] = {
	{ .r = { "cpu", 0u, VIO_SCMI_MAY_ALL },
	  .level = levels,
	  .nlevel = 2u,
	  .sustained_khz = 1000000u,
	  .sustained_level = 1000000u },
};
static const int32_t core_uv[] = { 600000, 1200000, 12500 };
static const struct vio_scmi_volt volts[] = {
	{ .r = { "vdd-core", 0u, VIO_SCMI_MAY_ALL }, .uv = core_uv, .nuv = 3u, .range = true },
};

static const struct vio_scmi_tree tree = {
	.vendor = "stratos",
	.product = "firmware",
	.agent_name = "guest",
	.version = 1u,
	.agent = 1u,
	.nclock = COUNT(clocks),
	.nsensor = COUNT(sensors),
	.nreset = COUNT(resets),
	.npower = COUNT(powers),
	.nperf = COUNT(perfs),
	.nvolt = COUNT(volts),
	.npin = PLATFORM_PINS,
	.ngroup = PLATFORM_GROUPS,
	.nfunction = PLATFORM_FUNCTIONS,
	.clock = clocks,
	.sensor = sensors,
	.reset = resets,
	.power = powers,
	.perf = perfs,
	.volt = volts,
	.pin = platform_pin,
	.group = platform_group,
	.function = platform_function,
};

/* As of now */
static struct {
	uint64_t hz[COUNT(clocks)];
	uint32_t on[COUNT(clocks)];
	uint32_t power, level, most, least, uv, volt_on;
	struct vio_scmi_sink *ear;
} now;

static const struct vio_scmi_tree *platform_open(void *host, struct vio_scmi_sink *sink)
{
	(void)host;
	now.hz[0] = uart_rates[0];
	now.hz[1] = 800000000u;
	now.power = VIO_SCMI_POWER_OFF;
	now.level = levels[0].level;
	now.least = levels[0].level;
	now.most = levels[1].level;
	now.uv = 900000u;
	now.volt_on = 1u;
	now.ear = sink;
	platform_pins_start();
	return &tree;
}

/* What is kept for a verb that sets or reads one word; NULL: another */
static uint32_t *word_of(const struct vio_scmi_op *op)
{
	switch (op->verb) {
	case VIO_SCMI_CLOCK_IS_ON:
	case VIO_SCMI_CLOCK_ON:
		return &now.on[op->res];
	case VIO_SCMI_POWER_GET:
	case VIO_SCMI_POWER_SET:
		return &now.power;
	case VIO_SCMI_PERF_GET:
	case VIO_SCMI_PERF_SET:
		return &now.level;
	case VIO_SCMI_VOLT_GET:
	case VIO_SCMI_VOLT_SET:
		return &now.uv;
	case VIO_SCMI_VOLT_IS_ON:
	case VIO_SCMI_VOLT_ON:
		return &now.volt_on;
	default:
		return NULL;
	}
}

static bool reads(uint8_t verb)
{
	return (verb == VIO_SCMI_CLOCK_IS_ON) || (verb == VIO_SCMI_POWER_GET) ||
	       (verb == VIO_SCMI_PERF_GET) || (verb == VIO_SCMI_VOLT_GET) ||
	       (verb == VIO_SCMI_VOLT_IS_ON);
}

static void tell(const struct vio_scmi_op *op)
{
	struct vio_scmi_event e = { .verb = op->verb,
				    .agent = op->agent,
				    .res = op->res,
				    .value = op->value,
				    .extra = op->extra };

	now.ear->event(now.ear, &e);
}

static int platform_run(void *host, struct vio_scmi_op *op)
{
	uint32_t *word = word_of(op);

	(void)host;
	if (op->verb >= VIO_SCMI_PIN_GET) {
		return platform_pins_run(op);
	}
	if (word != NULL) {
		if (reads(op->verb)) {
			op->value = *word;
			return VIO_OK;
		}
		if ((op->verb == VIO_SCMI_PERF_SET) &&
		    ((op->value < now.least) || (op->value > now.most))) {
			return VIO_E_ARG;
		}
		*word = (uint32_t)op->value;
		tell(op);
		return VIO_OK;
	}
	switch (op->verb) {
	case VIO_SCMI_CLOCK_GET:
		op->value = now.hz[op->res];
		return VIO_OK;
	case VIO_SCMI_CLOCK_SET:
		now.hz[op->res] = op->value;
		break;
	case VIO_SCMI_SENSOR_GET:
		op->value = 42000u;
		op->extra = 0u;
		return VIO_OK;
	case VIO_SCMI_SENSOR_CONFIG:
		op->value = 1u;
		return VIO_OK;
	case VIO_SCMI_PERF_LIMITS:
		op->value = now.most;
		op->extra = now.least;
		return VIO_OK;
	case VIO_SCMI_PERF_SET_LIMITS:
		now.most = (uint32_t)op->value;
		now.least = (uint32_t)op->extra;
		break;
	case VIO_SCMI_RESET_DO:
		break; /* a board's own would touch a register here */
	default:
		return VIO_E_NOTSUP;
	}
	tell(op);
	return VIO_OK;
}

const struct vio_scmi_host_ops image_platform = {
	.open = platform_open,
	.run = platform_run,
};
