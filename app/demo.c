/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * demo.c - `stratos demo`: every device driven once, in this process, with a readable trace
 *
 * Each scenario writes the bytes that a guest's driver would write; wire layouts are those of include/vio/spec.
 */
#include "app/command.h"
#include "app/daemon.h"
#include "app/demo_rig.h"
#include "vio/spec/blk.h"
#include "vio/spec/gpio.h"
#include "vio/spec/i2c.h"
#include <stdio.h>
#include <string.h>

static bool run(struct demo *d, uint16_t vq, struct demo_req *r)
{
	if (!demo_add(d, vq, r)) {
		return false;
	}
	demo_go(d, vq);
	return demo_wait(d, vq, r);
}

static void demo_rng(struct demo *d)
{
	struct demo_req r = { .n_out = 0 };
	uint8_t *p = demo_in(d, &r, 32);
	unsigned zeros = 0;
	bool ok;

	demo_say(d, "driver: 32 bytes, please");
	ok = run(d, 0, &r) && r.len > 0;
	if (!demo_check(d, ok, "device: gives %u bytes", r.len)) {
		return;
	}
	for (uint32_t i = 0; i < r.len; i++) {
		zeros += p[i] == p[0];
	}
	demo_check(d, zeros < r.len, "driver: %02x %02x %02x %02x ..., not all the same", p[0],
		   p[1], p[2], p[3]);
}

static bool blk_run(struct demo *d, uint32_t type, uint64_t sector, const uint8_t *out,
		    uint8_t **in, uint32_t len)
{
	struct demo_req r = { .n_out = 0 };
	uint8_t head[16] = { 0 };
	uint8_t *status;

	vio_pack32(head, type);
	vio_pack64(head + 8, sector);
	demo_out(d, &r, head, sizeof(head));
	if (out) {
		demo_out(d, &r, out, len);
	}
	if (in) {
		*in = demo_in(d, &r, len);
	}
	status = demo_in(d, &r, 1);
	return run(d, 0, &r) && *status == VIO_BLK_S_OK;
}

static void demo_blk(struct demo *d)
{
	uint8_t data[4096], cap[8] = { 0 };
	uint8_t *back = NULL;

	lb_bus.config_read(&d->lb, 0, cap, sizeof(cap));
	demo_check(d, vio_unpack64(cap) == 2048, "driver: capacity is %u sectors",
		   vio_unpack32(cap));
	for (uint32_t i = 0; i < sizeof(data); i++) {
		data[i] = (uint8_t)(i * 7u + (i >> 8));
	}
	demo_check(d, blk_run(d, VIO_BLK_T_OUT, 8, data, NULL, sizeof(data)),
		   "driver: write 4096 bytes at sector 8");
	demo_check(d, blk_run(d, VIO_BLK_T_FLUSH, 0, NULL, NULL, 0), "driver: flush");
	demo_check(d, blk_run(d, VIO_BLK_T_IN, 8, NULL, &back, sizeof(data)),
		   "driver: read them back");
	demo_check(d, back && memcmp(back, data, sizeof(data)) == 0, "driver: the same bytes");
	demo_check(d, !blk_run(d, VIO_BLK_T_IN, 2048, NULL, &back, 512),
		   "device: refuses a read behind the end");
}

static void demo_console(struct demo *d)
{
	static const char text[] = "hello, outside";
	struct demo_req rx = { .n_out = 0 }, tx = { .n_out = 0 };
	uint8_t *p = demo_in(d, &rx, 64);
	bool ok;

	demo_out(d, &tx, text, sizeof(text));
	demo_add(d, 0, &rx);
	demo_go(d, 0);
	demo_say(d, "driver: receive buffer of 64 bytes is waiting");
	demo_check(d, run(d, 1, &tx), "driver: sends \"%s\"", text);
	ok = demo_wait(d, 0, &rx) && rx.len == sizeof(text) && memcmp(p, text, sizeof(text)) == 0;
	demo_check(d, ok, "host:   the far end echoes, driver receives %u bytes", rx.len);
}

/* One transfer: write n bytes, then read len. Two requests, the first with FAIL_NEXT. */
static uint8_t *i2c_read(struct demo *d, uint8_t addr, uint8_t reg, uint32_t len, bool *ok)
{
	struct demo_req w = { .n_out = 0 }, r = { .n_out = 0 };
	uint8_t head[8] = { 0 }, *ws, *rs, *data;

	vio_pack16(head, (uint16_t)(addr << 1));
	vio_pack32(head + 4, VIO_I2C_FLAGS_FAIL_NEXT);
	demo_out(d, &w, head, sizeof(head));
	demo_out(d, &w, &reg, 1);
	ws = demo_in(d, &w, 1);
	vio_pack32(head + 4, VIO_I2C_FLAGS_M_RD);
	demo_out(d, &r, head, sizeof(head));
	data = demo_in(d, &r, len);
	rs = demo_in(d, &r, 1);
	*ok = demo_add(d, 0, &w) && demo_add(d, 0, &r);
	demo_go(d, 0);
	*ok = *ok && demo_wait(d, 0, &w) && demo_wait(d, 0, &r) && *ws == VIO_I2C_MSG_OK &&
	      *rs == VIO_I2C_MSG_OK;
	return data;
}

static void demo_i2c(struct demo *d)
{
	bool ok;
	uint8_t *p;

	demo_say(d, "driver: EEPROM at 0x50: write address 0, read 14 bytes, one transfer");
	p = i2c_read(d, 0x50, 0, 14, &ok);
	demo_check(d, ok && memcmp(p, "stratos eeprom", 14) == 0, "device: \"%.14s\"", (char *)p);
	p = i2c_read(d, 0x48, 0, 2, &ok);
	demo_check(d, ok && p[0] == 25 && p[1] == 0x80, "driver: LM75 at 0x48 says %u.%u degrees",
		   p[0], p[1] & 0x80 ? 5 : 0);
	i2c_read(d, 0x22, 0, 1, &ok);
	demo_check(d, !ok, "driver: nobody at 0x22: an error, as on a real bus");
}

static bool gpio_run(struct demo *d, uint16_t type, uint16_t line, uint32_t value, uint8_t *answer)
{
	struct demo_req r = { .n_out = 0 };
	uint8_t head[8], *p;

	vio_pack16(head, type);
	vio_pack16(head + 2, line);
	vio_pack32(head + 4, value);
	demo_out(d, &r, head, sizeof(head));
	p = demo_in(d, &r, 2);
	if (!run(d, VIO_GPIO_REQUESTQ, &r) || p[0] != VIO_GPIO_STATUS_OK) {
		return false;
	}
	if (answer) {
		*answer = p[1];
	}
	return true;
}

static void demo_gpio(struct demo *d)
{
	struct demo_req ev = { .n_out = 0 };
	uint8_t line[2], *status, value = 9;
	bool ok;

	vio_pack16(line, 1);
	demo_check(d, gpio_run(d, VIO_GPIO_MSG_SET_DIRECTION, 1, VIO_GPIO_DIRECTION_IN, NULL),
		   "driver: line 1 is an input");
	demo_check(d, gpio_run(d, VIO_GPIO_MSG_SET_IRQ_TYPE, 1, VIO_GPIO_IRQ_EDGE_RISING, NULL),
		   "driver: wants rising edges of line 1");
	demo_out(d, &ev, line, sizeof(line));
	status = demo_in(d, &ev, 1);
	demo_add(d, VIO_GPIO_EVENTQ, &ev);
	demo_go(d, VIO_GPIO_EVENTQ);
	demo_check(d,
		   gpio_run(d, VIO_GPIO_MSG_SET_VALUE, 0, 1, NULL) &&
			   gpio_run(d, VIO_GPIO_MSG_SET_DIRECTION, 0, VIO_GPIO_DIRECTION_OUT, NULL),
		   "driver: line 0, wired to line 1, goes high");
	demo_check(d, demo_wait(d, VIO_GPIO_EVENTQ, &ev) && *status == VIO_GPIO_IRQ_STATUS_VALID,
		   "device: interrupt of line 1");
	ok = gpio_run(d, VIO_GPIO_MSG_GET_VALUE, 1, 0, &value) && value == 1;
	demo_check(d, ok, "driver: line 1 reads %u", value);
}

struct scenario {
	const char *device;
	uint64_t want;
	void (*run)(struct demo *d);
};

static const struct scenario scenarios[] = {
	{ "rng,host=sim", 0, demo_rng },
	{ "blk,host=sim,size=1M", VIO_BLK_F_FLUSH, demo_blk },
	{ "console,host=sim", 0, demo_console },
	{ "i2c,host=sim", VIO_I2C_F_ZERO_LENGTH_REQUEST, demo_i2c },
	{ "gpio,host=sim", VIO_GPIO_F_IRQ, demo_gpio },
};

int cmd_demo(int argc, char **argv)
{
	unsigned failed = 0, n = 0;

	if (argc > 1) {
		bool help = strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0;

		fprintf(help ? stdout : stderr, "usage: stratos demo\n\nDrive every device once, "
						"in this process: a driver, the device "
						"and a simulated host.\n");
		return help ? EXIT_OK : EXIT_USAGE;
	}
	for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++, n++) {
		struct demo d = { .failed = 0 };

		if (demo_open(&d, scenarios[i].device, scenarios[i].want)) {
			failed++;
			continue;
		}
		demo_say(&d, "%s ring, host '%s'",
			 d.features & VIO_F_RING_PACKED ? "packed" : "split", d.spec.kind->name);
		scenarios[i].run(&d);
		failed += d.failed;
		demo_close(&d);
	}
	printf("%u devices, %s\n", n, failed ? "FAILED" : "all well");
	return failed ? EXIT_RUN : EXIT_OK;
}
