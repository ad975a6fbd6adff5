/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * t_host_bus.c - the Linux hosts of i2c and gpio
 *
 * The kernel's buses and chips are played here: this program's own ioctl() answers as i2c-dev and
 * the GPIO character device do. The hosts, the loop and the worker thread are the real ones.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/gpio.h>
#include <linux/i2c-dev.h>
#include <linux/i2c.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include "host_bed.h"
#include "vio/gpio.h"
#include "vio/i2c.h"

extern const struct host_kind host_linux_rng[];
extern const struct host_kind host_linux_i2c[];
extern const struct host_kind host_linux_gpio[];

/* ---- the kernel that is played ---- */

static struct {
	unsigned long funcs;
	uint8_t reg[256]; /* of the chip at 0x50: a write sets the pointer, then stores */
	uint8_t at;
	uint16_t slave;
	unsigned calls; /* transfers */
} bus;

static struct {
	uint32_t lines;
	uint64_t flags[4]; /* as configured */
	uint8_t level[4];
	int request[4]; /* the file that was handed out, or 0 */
	int inject[4];	/* its other end: events are written here */
	bool busy[4];	/* held by somebody else */
} chip;

static bool bus_msg(const struct i2c_msg *m)
{
	uint16_t n;

	if (m->addr != 0x50) {
		return false;
	}
	for (n = 0; n < m->len; n++) {
		if (m->flags & I2C_M_RD) {
			m->buf[n] = bus.reg[bus.at++];
		} else if (n == 0) {
			bus.at = m->buf[0];
		} else {
			bus.reg[bus.at++] = m->buf[n];
		}
	}
	return true;
}

static int bus_rdwr(const struct i2c_rdwr_ioctl_data *d)
{
	uint32_t n;

	bus.calls++;
	for (n = 0; n < d->nmsgs; n++) {
		if (!bus_msg(&d->msgs[n])) {
			errno = ENXIO;
			return -1;
		}
	}
	return (int)n;
}

static int bus_smbus(const struct i2c_smbus_ioctl_data *d)
{
	static const uint8_t bytes[] = { [I2C_SMBUS_BYTE_DATA] = 1, [I2C_SMBUS_WORD_DATA] = 2 };
	union i2c_smbus_data *u = d->data;
	uint8_t n, len, *p;

	bus.calls++;
	if (bus.slave != 0x50) {
		errno = ENXIO;
		return -1;
	}
	if (d->size == I2C_SMBUS_QUICK) {
		return 0;
	}
	if (d->size == I2C_SMBUS_BYTE) {
		if (d->read_write == I2C_SMBUS_READ) {
			u->byte = bus.reg[bus.at++];
		} else {
			bus.at = d->command;
		}
		return 0;
	}
	bus.at = d->command;
	len = d->size == I2C_SMBUS_I2C_BLOCK_DATA ? u->block[0] : bytes[d->size];
	p = d->size == I2C_SMBUS_I2C_BLOCK_DATA ? u->block + 1 : (uint8_t *)u;
	for (n = 0; n < len; n++) {
		if (d->read_write == I2C_SMBUS_READ) {
			p[n] = bus.reg[bus.at++];
		} else {
			bus.reg[bus.at++] = p[n];
		}
	}
	return 0;
}

static int chip_request(struct gpio_v2_line_request *r)
{
	uint32_t n = r->offsets[0];
	int pair[2];

	if (chip.busy[n]) {
		errno = EBUSY;
		return -1;
	}
	assert_int_equal(r->num_lines, 1);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	r->fd = pair[0];
	chip.request[n] = pair[0];
	chip.inject[n] = pair[1];
	chip.flags[n] = r->config.flags;
	if (r->config.num_attrs) {
		chip.level[n] = (uint8_t)r->config.attrs[0].attr.values;
	}
	return 0;
}

static int chip_line(int fd, unsigned long request, void *arg)
{
	struct gpio_v2_line_values *v = arg;
	struct gpio_v2_line_config *c = arg;
	uint32_t n;

	for (n = 0; n < chip.lines && chip.request[n] != fd; n++) {
	}
	assert_true(n < chip.lines);
	if (request == GPIO_V2_LINE_SET_CONFIG_IOCTL) {
		chip.flags[n] = c->flags;
	} else if (request == GPIO_V2_LINE_GET_VALUES_IOCTL) {
		v->bits = chip.level[n];
	} else {
		chip.level[n] = (uint8_t)v->bits;
	}
	return 0;
}

static int chip_info(struct gpio_v2_line_info *i)
{
	static const char *const name[] = { "LED", "", "LED", "reset" };

	(void)snprintf(i->name, sizeof(i->name), "%s", name[i->offset]);
	i->flags = chip.flags[i->offset] ? chip.flags[i->offset] : GPIO_V2_LINE_FLAG_INPUT;
	return 0;
}

int ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	void *arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	switch (request) {
	case I2C_FUNCS:
		*(unsigned long *)arg = bus.funcs;
		return 0;
	case I2C_RDWR:
		return bus_rdwr(arg);
	case I2C_SLAVE:
		bus.slave = (uint16_t)(uintptr_t)arg;
		return 0;
	case I2C_SMBUS:
		return bus_smbus(arg);
	case GPIO_GET_CHIPINFO_IOCTL:
		((struct gpiochip_info *)arg)->lines = chip.lines;
		return 0;
	case GPIO_V2_GET_LINEINFO_IOCTL:
		return chip_info(arg);
	case GPIO_V2_GET_LINE_IOCTL:
		return chip_request(arg);
	default:
		return chip_line(fd, request, arg);
	}
}

/* Kernel and loop as after power-on. */
static int power_on(void **state)
{
	memset(&bus, 0, sizeof(bus));
	memset(&chip, 0, sizeof(chip));
	return setup(state);
}

/* ---- i2c ---- */

struct part {
	uint16_t addr;
	bool read;
	uint16_t len;
	uint8_t data[80];
};

/* Run parts as one transfer; returns: how it ended, *ok */
static int32_t transfer(struct host *h, struct part *p, uint16_t n, uint16_t *ok)
{
	const struct vio_i2c_host_ops *ops = h->ops;
	struct vio_i2c_xfer x = { .job = { job_done, &vq }, .n = n };
	struct vio_i2c_msg m[4] = { { .next = NULL } };
	struct vio_seg s[4];
	int32_t rc;
	uint16_t k;

	memset(s, 0, sizeof(s));
	for (k = 0; k < n; k++) {
		s[k].p = p[k].data;
		s[k].len = p[k].len;
		m[k] = (struct vio_i2c_msg){
			.next = k + 1 < n ? &m[k + 1] : NULL,
			.addr = p[k].addr,
			.len = p[k].len,
			.read = p[k].read,
			.ten = p[k].addr > 0x7f,
			.data = { .seg = &s[k], .n = 1, .len = p[k].len },
		};
	}
	x.msg = m;
	rc = wait_for(ops->xfer(h->host, &x));
	*ok = rc == VIO_OK ? n : x.ok;
	return rc;
}

static void check_bus(unsigned long funcs, unsigned calls_of_pair)
{
	struct part w = { 0x50, false, 4, { 0x10, 1, 2, 3 } };
	struct part pair[2] = { { 0x50, false, 1, { 0x10 } },
				{ .addr = 0x50, .read = true, .len = 3 } };
	struct part two[2] = { { 0x50, false, 2, { 0x20, 9 } }, { 0x51, false, 2, { 0x20, 9 } } };
	struct part quick = { .addr = 0x50 }, nobody = { .addr = 0x33 };
	struct host_ctx ctx;
	struct host h;
	uint16_t ok;

	bus.funcs = funcs;
	assert_int_equal(open_kind(&host_linux_i2c[0], "/dev/null", &h, &ctx), 0);
	assert_int_equal(transfer(&h, &w, 1, &ok), VIO_OK);
	bus.calls = 0;
	assert_int_equal(transfer(&h, pair, 2, &ok), VIO_OK);
	assert_memory_equal(pair[1].data, "\1\2\3", 3);
	assert_int_equal(bus.calls, calls_of_pair);
	assert_int_equal(transfer(&h, &quick, 1, &ok), VIO_OK);
	assert_int_equal(transfer(&h, &nobody, 1, &ok), VIO_E_IO);
	assert_int_equal(ok, 0);
	assert_int_equal(transfer(&h, two, 2, &ok), VIO_E_IO);
	/* SMBus goes message by message; of I2C_RDWR one only knows that it failed */
	assert_int_equal(ok, funcs & I2C_FUNC_I2C ? 0 : 1);
	h.close(&h);
}

static void test_i2c(void **state)
{
	(void)state;
	check_bus(I2C_FUNC_I2C | I2C_FUNC_SMBUS_EMUL, 1);
}

static void test_i2c_smbus_only(void **state)
{
	static const uint16_t len[] = { 1, 2, 3, 32, 33 };
	struct part p[2] = { { 0x50, false, 1, { 0 } }, { .addr = 0x50, .read = true } };
	struct host_ctx ctx;
	struct host h;
	uint16_t ok;
	size_t n;

	(void)state;
	check_bus(I2C_FUNC_SMBUS_BYTE_DATA | I2C_FUNC_SMBUS_I2C_BLOCK, 1);
	assert_int_equal(open_kind(&host_linux_i2c[0], "/dev/null", &h, &ctx), 0);
	for (n = 0; n < 256; n++) {
		bus.reg[n] = (uint8_t)n;
	}
	for (n = 0; n < 5; n++) {
		p[1].len = len[n];
		p[0].data[0] = 7;
		memset(p[1].data, 0xee, sizeof(p[1].data));
		assert_int_equal(transfer(&h, p, 2, &ok), len[n] > 32 ? VIO_E_IO : VIO_OK);
		assert_int_equal(p[1].data[len[n] - 1], len[n] > 32 ? 0xee : 7 + len[n] - 1);
	}
	p[0].addr = p[1].addr = 0x150; /* 10 bits */
	assert_int_equal(transfer(&h, p, 2, &ok), VIO_E_NOTSUP);
	h.close(&h);
	bus.funcs = 0;
	assert_int_equal(open_kind(&host_linux_i2c[0], "/dev/null", &h, &ctx), -1);
}

/* ---- gpio ---- */

static char said[100]; /* by the sink: "2+1-" */
static bool running;

static void sink_change(struct vio_gpio_sink *s, uint16_t line, uint8_t value)
{
	size_t n = strlen(said);

	(void)s;
	(void)snprintf(said + n, sizeof(said) - n, "%u%c", line, value ? '+' : '-');
	if (running) {
		loop_stop(loop);
	}
}

static void run_loop(void)
{
	running = true;
	loop_run(loop);
	running = false;
}

static int gpio(struct host *h, uint8_t type, uint16_t line, uint8_t value, uint8_t level)
{
	struct vio_gpio_cmd c = { .type = type, .line = line, .value = value, .level = level };
	int rc = ((const struct vio_gpio_host_ops *)h->ops)->run(h->host, &c);

	return rc == VIO_OK ? c.reply : rc;
}

static void edge(uint16_t line, bool up)
{
	struct gpio_v2_line_event e = { .id = up ? GPIO_V2_LINE_EVENT_RISING_EDGE
						 : GPIO_V2_LINE_EVENT_FALLING_EDGE };

	chip.level[line] = up;
	assert_int_equal(write(chip.inject[line], &e, sizeof(e)), sizeof(e));
}

static void test_gpio(void **state)
{
	struct vio_gpio_sink sink = { sink_change };
	const struct vio_gpio_host_ops *ops;
	const struct vio_gpio_chip *c;
	struct host_ctx ctx;
	struct host h;

	(void)state;
	chip.lines = 4;
	assert_int_equal(open_kind(&host_linux_gpio[0], "/dev/null", &h, &ctx), 0);
	ops = h.ops;
	c = ops->open(h.host, &sink);
	assert_int_equal(c->ngpio, 4);
	assert_int_equal(c->name_bytes, 12);
	assert_memory_equal(c->name, "LED\0\0\0reset\0", 12); /* the second LED has no name */
	/* output, with its level from the beginning */
	assert_int_equal(gpio(&h, VIO_GPIO_MSG_GET_DIRECTION, 0, 0, 0), 2);
	assert_int_equal(gpio(&h, VIO_GPIO_MSG_SET_DIRECTION, 0, 1, 1), 0);
	assert_int_equal(chip.level[0], 1);
	assert_int_equal(gpio(&h, VIO_GPIO_MSG_GET_DIRECTION, 0, 0, 0), 1);
	assert_int_equal(gpio(&h, VIO_GPIO_MSG_SET_VALUE, 0, 0, 0), 0);
	assert_int_equal(chip.level[0], 0);
	chip.level[3] = 1;
	assert_int_equal(gpio(&h, VIO_GPIO_MSG_GET_VALUE, 3, 0, 0),
			 1); /* not in use: read once, let go */
	assert_int_equal(read(chip.inject[3], said, 1), 0);
	close(chip.inject[3]);
	/* held by somebody else */
	chip.busy[2] = true;
	assert_int_equal(gpio(&h, VIO_GPIO_MSG_SET_DIRECTION, 2, 2, 0), VIO_E_IO);
	/* edges; none from before the type was set */
	assert_int_equal(gpio(&h, VIO_GPIO_MSG_SET_DIRECTION, 1, 2, 0), 0);
	edge(1, true);
	said[0] = 0;
	assert_int_equal(gpio(&h, VIO_GPIO_MSG_SET_IRQ_TYPE, 1, VIO_GPIO_IRQ_EDGE_FALLING, 0), 0);
	assert_int_equal(chip.flags[1], GPIO_V2_LINE_FLAG_INPUT | GPIO_V2_LINE_FLAG_EDGE_FALLING);
	edge(1, false);
	run_loop();
	assert_string_equal(said, "1-");
	/* level: told at once, and again behind each edge */
	assert_int_equal(gpio(&h, VIO_GPIO_MSG_SET_IRQ_TYPE, 1, VIO_GPIO_IRQ_NONE, 0), 0);
	assert_int_equal(chip.flags[1], GPIO_V2_LINE_FLAG_INPUT);
	said[0] = 0;
	assert_int_equal(gpio(&h, VIO_GPIO_MSG_SET_IRQ_TYPE, 1, VIO_GPIO_IRQ_LEVEL_HIGH, 0), 0);
	assert_string_equal(said, "1-");
	edge(1, true);
	run_loop();
	assert_string_equal(said, "1-1+1+");
	/* reset lets all lines go */
	ops->reset(h.host);
	assert_int_equal(read(chip.inject[1], said, 1), 0);
	assert_int_equal(read(chip.inject[0], said, 1), 0);
	close(chip.inject[0]);
	close(chip.inject[1]);
	ops->close(h.host);
	h.close(&h);
}

static void test_gpio_choice(void **state)
{
	static const struct {
		const char *arg;
		int lines;
	} t[] = {
		{ "/dev/null:0-3", 4 },	 { "/dev/null:3,1", 2 },  { "/dev/null:4", -1 },
		{ "/dev/null:2-1", -1 }, { "/dev/null:1,1", -1 }, { "/dev/null:", -1 },
		{ "/dev/null:1,", -1 },	 { "/dev/null:a", -1 },
	};
	struct host_ctx ctx;
	struct host h;
	size_t n;

	(void)state;
	chip.lines = 4;
	for (n = 0; n < sizeof(t) / sizeof(t[0]); n++) {
		assert_int_equal(open_kind(&host_linux_gpio[0], t[n].arg, &h, &ctx),
				 t[n].lines < 0 ? -1 : 0);
		if (t[n].lines > 0) {
			assert_int_equal(((const struct vio_gpio_host_ops *)h.ops)
						 ->open(h.host, NULL)
						 ->ngpio,
					 t[n].lines);
			h.close(&h);
		}
	}
}

static void test_bad_paths(void **state)
{
	static const char *const bad[] = { NULL, "", "/does/not/exist" };
	const struct host_kind *kind[] = { &host_linux_rng[1], &host_linux_i2c[0],
					   &host_linux_gpio[0] };
	struct host_ctx ctx;
	struct host h;
	size_t n, k;

	(void)state;
	for (k = 0; k < 3; k++) {
		for (n = 0; n < 3; n++) {
			assert_int_equal(open_kind(kind[k], bad[n], &h, &ctx), -1);
			assert_true(strlen(ctx.err) > 10);
		}
	}
	assert_int_equal(open_kind(kind[0], "/tmp", &h, &ctx), -1);
	assert_non_null(strstr(ctx.err, "directory"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_i2c, power_on, teardown),
		cmocka_unit_test_setup_teardown(test_i2c_smbus_only, power_on, teardown),
		cmocka_unit_test_setup_teardown(test_gpio, power_on, teardown),
		cmocka_unit_test_setup_teardown(test_gpio_choice, power_on, teardown),
		cmocka_unit_test_setup_teardown(test_bad_paths, power_on, teardown),
	};

	return cmocka_run_group_tests_name("i2c and gpio hosts on Linux", tests, NULL, NULL);
}
