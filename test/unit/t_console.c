/* SPDX-License-Identifier: BSD-3-Clause */
/* t_console.c - the console device over the simulated terminal: bytes, control messages, size, and their abuse */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#define RIG_VQS 8u
#include "rig.h"
#include "host/sim/console.h"
#include "vio/console.h"

#define RX  0u
#define TX  1u
#define CRX 2u
#define CTX 3u
#define ALL (VIO_CONSOLE_F_SIZE | VIO_CONSOLE_F_MULTIPORT | VIO_CONSOLE_F_EMERG_WRITE)

struct tty {
	struct rig g;
	struct sim_console sim;
	struct vio_parts parts;
	struct vio_console *c;
};

static struct tty *tty_new(uint32_t ports)
{
	struct tty *k = calloc(1, sizeof(*k));
	struct vio_mem *m = rig_mem(&k->g);

	sim_console_init(&k->sim);
	k->parts.host_ops = &sim_console_ops;
	k->parts.host = &k->sim;
	k->parts.param[0] = ports;
	k->c = calloc(1, vio_class_console.bytes(&k->parts));
	assert_int_equal(vio_class_console.create(k->c, m, &k->parts), VIO_OK);
	return k;
}

static struct tty *tty_up(uint32_t ports, uint64_t want)
{
	struct tty *k = tty_new(ports);

	assert_int_equal(rig_start(&k->g, &k->c->dev, want), VIO_OK);
	return k;
}

static void tty_end(struct tty *k)
{
	rig_end(&k->g);
	free(k->c);
	free(k);
}

static void t_echo(void **state)
{
	struct tty *k = tty_up(1, ALL);
	struct rig_req out, in[2];

	(void)state;
	assert_false(k->g.lb.dev->offered & VIO_CONSOLE_F_MULTIPORT);
	rig_do(&k->g, TX, &out, "hello", 5, 0);
	assert_true(out.back);
	assert_int_equal(out.len, 0);
	rig_do(&k->g, RX, &in[0], "", 0, 3);
	assert_int_equal(in[0].len, 3);
	assert_memory_equal(in[0].in, "hel", 3);
	rig_do(&k->g, RX, &in[1], "", 0, 100);
	assert_int_equal(in[1].len, 2);
	assert_memory_equal(in[1].in, "lo\xee", 3);
	tty_end(k);
}

/* A receive buffer is not touched before there is input, and comes back as soon as there is. */
static void t_input_wakes(void **state)
{
	struct tty *k = tty_up(1, ALL);
	struct rig_req in;

	(void)state;
	rig_do(&k->g, RX, &in, "", 0, 8);
	assert_false(in.back);
	assert_int_equal(vio_vq_owned(&k->c->vq[RX]), 0);
	assert_int_equal(sim_console_type(&k->sim, 0, "x", 1), 1);
	rig_turn(&k->g);
	assert_int_equal(in.len, 1);
	assert_int_equal(in.in[0], 'x');
	tty_end(k);
}

/* Output of any shape through a terminal that takes a few bytes at a time, read back byte for byte. */
static void t_pressure(void **state)
{
	static const struct {
		uint32_t room, piece, out, take;
	} shape[] = { { 256, 0, 1000, 50 },
		      { 1, 0, 60, 1 },
		      { 7, 3, 100, 5 },
		      { 3, 64, 640, 256 },
		      { 10, 1, 16, 1 } };

	(void)state;
	for (unsigned i = 0; i < sizeof(shape) / sizeof(shape[0]); i++) {
		struct tty *k = tty_up(1, ALL);
		uint8_t text[1000], got[256];
		struct rig_req out[3];
		uint32_t seen = 0, n;

		k->sim.port[0].room = shape[i].room;
		for (n = 0; n < sizeof(text); n++) {
			text[n] = (uint8_t)(n * 7u + n / 256u);
		}
		rig_piece = shape[i].piece;
		for (n = 0; n < 3; n++) {
			rig_add(&k->g, TX, &out[n], text, shape[i].out, 0);
		}
		rig_kick(&k->g, TX);
		assert_false(out[2].back);
		while (seen < 3 * shape[i].out) {
			uint32_t step = sim_console_take(&k->sim, 0, got, shape[i].take);

			assert_true(step > 0); /* it stalled: nobody woke the queue */
			for (n = 0; n < step; n++, seen++) {
				assert_int_equal(got[n], text[seen % shape[i].out]);
			}
			rig_turn(&k->g);
		}
		assert_true(out[0].back && out[1].back && out[2].back);
		assert_true(out[0].order < out[1].order && out[1].order < out[2].order);
		assert_int_equal(sim_console_take(&k->sim, 0, got, 256), 0);
		rig_piece = 0;
		tty_end(k);
	}
}

static void t_empty(void **state)
{
	struct tty *k = tty_up(1, ALL);
	struct rig_req r;

	(void)state;
	rig_do(&k->g, TX, &r, "", 0,
	       4); /* a writable buffer in a transmit queue is against the rules, and harmless */
	assert_true(r.back);
	assert_int_equal(r.len, 0);
	assert_int_equal(sim_console_type(&k->sim, 0, "x", 1), 1);
	rig_do(&k->g, RX, &r, "readable", 8, 0); /* and the other way round: no byte goes astray */
	assert_true(r.back);
	rig_do(&k->g, RX, &r, "", 0, 4);
	assert_int_equal(r.in[0], 'x');
	tty_end(k);
}

static void t_reset(void **state)
{
	struct tty *k = tty_up(1, ALL);
	struct rig_req out, in;
	uint8_t text[600];

	(void)state;
	memset(text, 'a', sizeof(text));
	rig_do(&k->g, TX, &out, text, sizeof(text), 0);
	assert_false(out.back);
	assert_int_equal(rig_reset(&k->g), VIO_OK); /* with a request half done */
	assert_int_equal(rig_drive(&k->g, ALL), VIO_OK);
	(void)sim_console_take(&k->sim, 0, text, sizeof(text));
	rig_do(&k->g, TX, &out, "b", 1, 0);
	assert_true(out.back);
	rig_do(&k->g, RX, &in, "", 0, 8);
	assert_int_equal(in.len, 1);
	assert_int_equal(in.in[0], 'b'); /* nothing of the old request follows */
	tty_end(k);
}

static void t_size(void **state)
{
	struct tty *k = tty_up(1, ALL);
	uint8_t c[12];

	(void)state;
	assert_int_equal(lb_bus.config_read(&k->g.lb, 0, c, 12), VIO_OK);
	assert_int_equal(vio_unpack16(c), 80);
	assert_int_equal(vio_unpack16(c + 2), 25);
	assert_int_equal(vio_unpack32(c + 4), 1);
	vio_console_resize(&k->c->dev, 0, 132, 43);
	assert_int_equal(k->g.lb.configs, 1);
	vio_console_resize(&k->c->dev, 0, 132, 43); /* no news */
	vio_console_resize(&k->c->dev, 1, 1, 1);    /* no such port */
	assert_int_equal(k->g.lb.configs, 1);
	assert_int_equal(lb_bus.config_read(&k->g.lb, 0, c, 4), VIO_OK);
	assert_int_equal(vio_unpack16(c), 132);
	assert_int_equal(vio_unpack16(c + 2), 43);
	tty_end(k);
}

static void t_emergency(void **state)
{
	struct tty *k = tty_new(1);
	uint8_t raw[4] = { 'P', 1, 2, 3 };

	(void)state;
	assert_int_equal(lb_init(&k->g.lb, &k->c->dev, VIO_F_RINGS), VIO_OK);
	assert_int_equal(lb_bus.config_write(&k->g.lb, 8, raw, 4),
			 VIO_OK); /* not even ACKNOWLEDGE is set */
	assert_int_equal(lb_bus.config_write(&k->g.lb, 8, raw, 1), VIO_OK);
	assert_int_equal(lb_bus.config_write(&k->g.lb, 9, raw, 3), VIO_OK); /* not the lower byte */
	assert_int_equal(lb_bus.config_write(&k->g.lb, 0, raw, 2), VIO_E_ARG);
	assert_int_equal(lb_bus.config_write(&k->g.lb, 4, raw, 4), VIO_E_ARG);
	assert_int_equal(lb_bus.config_write(&k->g.lb, 7, raw, 2), VIO_E_ARG);
	assert_int_equal(k->sim.nemergency, 2);
	assert_memory_equal(k->sim.emergency, "PP", 2);
	tty_end(k);
}

/* ---- MULTIPORT ---- */

static void tell(struct tty *k, uint32_t port, uint16_t event, uint16_t value)
{
	struct rig_req r;
	uint8_t raw[8];

	vio_pack32(raw, port);
	vio_pack16(raw + 4, event);
	vio_pack16(raw + 6, value);
	rig_do(&k->g, CTX, &r, raw, 8, 0);
	assert_true(r.back);
}

/* Offer a control buffer; what comes must be this. more: bytes behind the head, or NULL */
static void hear(struct tty *k, uint32_t port, uint16_t event, uint16_t value, const void *more,
		 uint32_t len)
{
	struct rig_req r;

	rig_do(&k->g, CRX, &r, "", 0, 80);
	assert_true(r.back);
	assert_int_equal(r.len, 8 + len);
	assert_int_equal(vio_unpack32(r.in), port);
	assert_int_equal(vio_unpack16(r.in + 4), event);
	assert_int_equal(vio_unpack16(r.in + 6), value);
	assert_memory_equal(r.in + 8, more, len);
}

/* Is there no message? The buffer stays with the device. */
static bool silent(struct tty *k)
{
	static struct rig_req kept; /* outlives the call: it may come back later */
	struct rig_req *r = &kept;

	rig_do(&k->g, CRX, r, "", 0, 80);
	return !r->back;
}

static void t_ports(void **state)
{
	static const uint8_t size[] = { 80, 0, 25, 0 };
	struct tty *k = tty_up(3, ALL);
	struct rig_req r, in;
	uint8_t c[12];

	(void)state;
	assert_int_equal(k->g.lb.dev->nvq, 8);
	assert_int_equal(lb_bus.config_read(&k->g.lb, 0, c, 12), VIO_OK);
	assert_int_equal(vio_unpack32(c + 4), 3);
	tell(k, 0, VIO_CONSOLE_PORT_READY, 1); /* too early: ignored */
	tell(k, 99, VIO_CONSOLE_DEVICE_READY, 1);
	for (uint32_t p = 0; p < 3; p++) {
		hear(k, p, VIO_CONSOLE_DEVICE_ADD, 1, "", 0);
	}
	tell(k, 0, VIO_CONSOLE_PORT_READY, 1);
	hear(k, 0, VIO_CONSOLE_CONSOLE_PORT, 1, "", 0);
	hear(k, 0, VIO_CONSOLE_PORT_NAME, 1, "console", 7);
	hear(k, 0, VIO_CONSOLE_RESIZE, 1, size, 4);
	hear(k, 0, VIO_CONSOLE_PORT_OPEN, 1, "", 0);
	vio_console_open(&k->c->dev, 2, false);
	tell(k, 2, VIO_CONSOLE_PORT_READY, 1);
	hear(k, 2, VIO_CONSOLE_PORT_NAME, 1, "port2", 5);
	hear(k, 2, VIO_CONSOLE_PORT_OPEN, 0, "", 0);
	vio_console_open(&k->c->dev, 2, true);
	hear(k, 2, VIO_CONSOLE_PORT_OPEN, 1, "", 0);
	/* input waits until the guest opened the port; output does not */
	rig_do(&k->g, 7, &r, "out", 3, 0);
	assert_true(r.back);
	rig_do(&k->g, 6, &in, "", 0, 8);
	assert_false(in.back);
	tell(k, 2, VIO_CONSOLE_PORT_OPEN, 1);
	assert_true(k->sim.port[2].guest_open);
	rig_turn(&k->g);
	assert_int_equal(in.len, 3);
	assert_memory_equal(in.in, "out", 3);
	vio_console_resize(&k->c->dev, 0, 100, 40);
	hear(k, 0, VIO_CONSOLE_RESIZE, 1, "\x64\0\x28\0", 4);
	assert_int_equal(rig_reset(&k->g), VIO_OK);
	assert_false(k->sim.port[2].guest_open);
	assert_int_equal(rig_drive(&k->g, ALL), VIO_OK); /* all begins anew */
	tell(k, 0, VIO_CONSOLE_DEVICE_READY, 1);
	hear(k, 0, VIO_CONSOLE_DEVICE_ADD, 1, "", 0);
	tty_end(k);
}

static void t_without_multiport(void **state)
{
	struct tty *k = tty_up(2, 0);
	struct rig_req r, in;

	(void)state;
	rig_do(&k->g, TX, &r, "hi", 2, 0);
	rig_do(&k->g, RX, &in, "", 0, 8);
	assert_memory_equal(in.in, "hi", 2);
	rig_do(&k->g, CTX, &r, "\0\0\0\0\0\0\1\0", 8,
	       0); /* queues that do not exist for this driver */
	assert_false(r.back);
	tty_end(k);
}

/* Everything a bad driver may say on the control queues; nothing comes of it but a live device. */
static void t_abuse(void **state)
{
	static const struct {
		uint32_t id;
		uint16_t event, value;
	} noise[] = {
		{ 0xffffffff, VIO_CONSOLE_PORT_READY, 1 },
		{ 2, VIO_CONSOLE_PORT_READY, 1 },
		{ 0xffffffff, VIO_CONSOLE_PORT_OPEN, 1 },
		{ 2, VIO_CONSOLE_PORT_OPEN, 1 },
		{ 0, VIO_CONSOLE_DEVICE_ADD, 1 },
		{ 1, VIO_CONSOLE_DEVICE_REMOVE, 1 },
		{ 0, VIO_CONSOLE_RESIZE, 1 },
		{ 0, VIO_CONSOLE_PORT_NAME, 1 },
		{ 0, 8, 1 },
		{ 0, 0xffff, 0xffff },
		{ 1, VIO_CONSOLE_PORT_OPEN, 1 }, /* never said PORT_READY */
		{ 0, VIO_CONSOLE_DEVICE_READY, 0 },
	};
	struct tty *k = tty_up(2, ALL);
	struct rig_req r, small[4];
	uint32_t used = k->g.used;

	(void)state;
	for (unsigned round = 0; round < 100; round++) {
		for (unsigned i = 0; i < sizeof(noise) / sizeof(noise[0]); i++) {
			tell(k, noise[i].id, noise[i].event, noise[i].value);
		}
		for (uint32_t n = 0; n < 8; n++) {
			rig_do(&k->g, CTX, &r, "\0\0\0\0\0\0\1", n, n ? 0 : 1);
			assert_true(r.back);
		}
		tell(k, 0, VIO_CONSOLE_DEVICE_READY,
		     1); /* a hundred times, without taking an answer */
		k->g.used = used;
	}
	assert_false(k->sim.port[0].guest_open || k->sim.port[1].guest_open);
	for (unsigned i = 0; i < 4; i++) { /* buffers without room for a message */
		rig_add(&k->g, CRX, &small[i], "", 0, i * 2 + 1);
	}
	rig_kick(&k->g, CRX);
	for (unsigned i = 0; i < 4; i++) {
		assert_true(small[i].back);
		assert_int_equal(small[i].len, 0);
	}
	hear(k, 0, VIO_CONSOLE_DEVICE_ADD, 1, "", 0); /* and it is not lost, and not repeated */
	hear(k, 1, VIO_CONSOLE_DEVICE_ADD, 1, "", 0);
	for (unsigned i = 0; i < 20; i++) {
		tell(k, 1, VIO_CONSOLE_PORT_READY, 1);
		tell(k, 0, VIO_CONSOLE_DEVICE_READY, 1);
	}
	hear(k, 1, VIO_CONSOLE_PORT_NAME, 1, "port1", 5);
	hear(k, 1, VIO_CONSOLE_PORT_OPEN, 1, "", 0);
	tell(k, 1, VIO_CONSOLE_PORT_READY, 0); /* the driver gave the port up */
	tell(k, 1, VIO_CONSOLE_PORT_OPEN, 1);
	assert_false(k->sim.port[1].guest_open);
	vio_console_open(&k->c->dev, 1, false);
	assert_true(silent(k));
	assert_int_equal(rig_status(&k->g) & VIO_S_NEEDS_RESET, 0);
	tty_end(k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(t_echo),
		cmocka_unit_test(t_input_wakes),
		cmocka_unit_test(t_pressure),
		cmocka_unit_test(t_empty),
		cmocka_unit_test(t_reset),
		cmocka_unit_test(t_size),
		cmocka_unit_test(t_ports),
		cmocka_unit_test(t_emergency),
		cmocka_unit_test(t_without_multiport),
		cmocka_unit_test(t_abuse),
	};
	int failed = 0;

	for (rig_packed = false;; rig_packed = true) {
		print_message("%s rings\n", rig_packed ? "packed" : "split");
		failed += cmocka_run_group_tests(tests, NULL, NULL);
		if (rig_packed) {
			return failed;
		}
	}
}
