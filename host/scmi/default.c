/* SPDX-License-Identifier: BSD-3-Clause */
/* default.c - the board that an SCMI device has without a file: two or three of each kind */
#include "host/scmi/board.h"

#define COUNT(a) ((uint16_t)(sizeof(a) / sizeof((a)[0])))

static const uint64_t uart_rates[] = { 24000000, 48000000, 96000000 };
static const uint64_t pll_range[] = { 100000000, 2000000000, 1000000 };
static const uint64_t fixed_rate[] = { 32768 };
static const struct vio_scmi_clock clocks[] = {
	{ .r = { "uart", 0, VIO_SCMI_MAY_ALL }, .rate = uart_rates, .nrate = 3, .enable_us = 10 },
	{ .r = { "pll", 1, VIO_SCMI_MAY_ALL }, .rate = pll_range, .nrate = 3, .range = true },
	{ .r = { "slow", 2, 0 }, .rate = fixed_rate, .nrate = 1 },
};
static const struct scmi_thing clock_things[] = {
	{ .name = "uart", .value = 24000000 },
	{ .name = "pll", .value = 800000000 },
	{ .name = "slow", .value = 32768, .on = true },
};

static const struct vio_scmi_sensor sensors[] = {
	{ .r = { "soc", 0, VIO_SCMI_MAY_ALL },
	  .type = VIO_SCMI_SENSOR_CELSIUS,
	  .scale = -3,
	  .ntrip = 2,
	  .stamped = true,
	  .pushed = true,
	  .min = -40000,
	  .max = 125000 },
	{ .r = { "vdd", 1, VIO_SCMI_MAY_ALL }, .type = VIO_SCMI_SENSOR_VOLTS, .scale = -3 },
	{ .r = { "a sensor with a rather long name", 2, 0 },
	  .type = VIO_SCMI_SENSOR_WATTS,
	  .scale = -6 },
};
static const struct scmi_thing sensor_things[] = {
	{ .name = "soc", .value = 42000, .min = -40000, .max = 125000 },
	{ .name = "vdd", .value = 900 },
	{ .name = "a sensor with a rather long name", .value = 1500000 },
};

static const struct vio_scmi_reset resets[] = {
	{ .r = { "usb", 0, VIO_SCMI_MAY_ALL }, .latency_us = 100 },
	{ .r = { "uart", 1, VIO_SCMI_MAY_ALL } },
};
static const struct scmi_thing reset_things[] = { { .name = "usb" }, { .name = "uart" } };

static const struct vio_scmi_power powers[] = {
	{ .r = { "gpu", 0, VIO_SCMI_MAY_ALL } },
	{ .r = { "always-on", 1, 0 } },
};
static const struct scmi_thing power_things[] = { { .name = "gpu" },
						  { .name = "always-on", .on = true } };

static const struct vio_scmi_level cpu_levels[] = {
	{ 500000, 150000, 50 },
	{ 1000000, 400000, 50 },
	{ 1500000, 900000, 50 },
};
static const struct vio_scmi_perf perfs[] = {
	{ .r = { "cpu", 0, VIO_SCMI_MAY_ALL },
	  .level = cpu_levels,
	  .nlevel = 3,
	  .sustained_khz = 1000000,
	  .sustained_level = 1000000 },
};
static const struct scmi_thing perf_things[] = {
	{ .name = "cpu", .value = 1000000, .min = 500000, .max = 1500000 },
};

static const int32_t core_uv[] = { 600000, 1200000, 12500 };
static const int32_t io_uv[] = { 1800000, 3300000 };
static const struct vio_scmi_volt volts[] = {
	{ .r = { "vdd-core", 0, VIO_SCMI_MAY_ALL }, .uv = core_uv, .nuv = 3, .range = true },
	{ .r = { "vdd-io", 1, VIO_SCMI_MAY_ALL }, .uv = io_uv, .nuv = 2 },
};
static const struct scmi_thing volt_things[] = {
	{ .name = "vdd-core", .value = 900000, .on = true },
	{ .name = "vdd-io", .value = 1800000 },
};

static const struct vio_scmi_pin pins[] = {
	{ .r = { "tx", 0, VIO_SCMI_MAY_ALL } },
	{ .r = { "rx", 1, VIO_SCMI_MAY_ALL } },
	{ .r = { "a pin with a rather long name", 2, 0 } },
};
static const struct scmi_thing pin_things[] = {
	{ .name = "tx" },
	{ .name = "rx" },
	{ .name = "a pin with a rather long name" },
};
static const uint16_t serial_pins[] = { 0, 1 }, led_pins[] = { 2 };
static const struct vio_scmi_group groups[] = {
	{ .r = { "serial", 0, VIO_SCMI_MAY_ALL }, .pin = serial_pins, .npin = 2 },
	{ .r = { "led", 1, 0 }, .pin = led_pins, .npin = 1 },
};
static const struct scmi_thing group_things[] = {
	{ .name = "serial", .member = serial_pins, .nmember = 2 },
	{ .name = "led", .member = led_pins, .nmember = 1 },
};
static const uint16_t uart_groups[] = { 0 }, gpio_groups[] = { 0, 1 };
static const struct vio_scmi_function functions[] = {
	{ .r = { "uart", 0, VIO_SCMI_MAY_ALL }, .group = uart_groups, .ngroup = 1 },
	{ .r = { "gpio", 1, VIO_SCMI_MAY_ALL }, .group = gpio_groups, .ngroup = 2, .gpio = true },
};
static const struct scmi_thing function_things[] = {
	{ .name = "uart", .member = uart_groups, .nmember = 1 },
	{ .name = "gpio", .member = gpio_groups, .nmember = 2 },
};

static const struct vio_scmi_tree guest = {
	.vendor = "stratos",
	.product = "sim",
	.agent_name = "guest",
	.version = 1,
	.agent = 1,
	.system = 1u << VIO_SCMI_SYSTEM_SHUTDOWN | 1u << VIO_SCMI_SYSTEM_COLD_RESET,
	.nclock = COUNT(clocks),
	.nsensor = COUNT(sensors),
	.nreset = COUNT(resets),
	.npower = COUNT(powers),
	.nperf = COUNT(perfs),
	.nvolt = COUNT(volts),
	.npin = COUNT(pins),
	.ngroup = COUNT(groups),
	.nfunction = COUNT(functions),
	.clock = clocks,
	.sensor = sensors,
	.reset = resets,
	.power = powers,
	.perf = perfs,
	.volt = volts,
	.pin = pins,
	.group = groups,
	.function = functions,
};

const struct scmi_plan scmi_plan_default = {
	.thing = { clock_things, sensor_things, reset_things, power_things, perf_things,
		   volt_things, pin_things, group_things, function_things },
	.n = { COUNT(clock_things), COUNT(sensor_things), COUNT(reset_things), COUNT(power_things),
	       COUNT(perf_things), COUNT(volt_things), COUNT(pin_things), COUNT(group_things),
	       COUNT(function_things) },
	.nagent = 1,
	.agent = &guest,
};
