/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * window_bed.h - a window in a file, the port on it with two devices, and a driver on the other side of the file
 *
 * One thread. The devices are those of tdev.h, the drivers those of driver/. What the driver is told by itself waits in
 * `told` until a test looks at it.
 */
#ifndef TEST_WINDOW_BED_H
#define TEST_WINDOW_BED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include "port/window/internal.h"
#include "test/support/tdev.h"
#include "vio/drv_msg.h"

#define SIDES	2u
#define BYTES	(1u << 20)
#define WANT	(VIO_F_VERSION_1 | VIO_F_ACCESS_PLATFORM | VIO_F_RING_RESET)
#define ENTRIES 16u

struct side {
	struct tdev dev;
	struct window_dev *port;
	struct vio_drv_msg drv;
	struct vio_dvq q;
	struct vio_dvq_slot slot[ENTRIES];
	uint64_t base; /* of its part of the pool */
	bool closed;
};

static struct bed {
	struct loop *loop;
	struct loop_task stop;
	char path[64], where[96], err[256];
	struct window *w;
	struct side s[SIDES];
	uint8_t *mem; /* the driver's view */
	struct vio_msgq q;
	uint8_t told[256][VIO_MSG_MAX];
	uint32_t ntold;
	uint64_t pool;
	uint32_t poll_us; /* for port_up */
} b;

static inline void on_stop(struct loop_task *t)
{
	(void)t;
	loop_stop(b.loop);
}

static inline void pump(void)
{
	if (b.w) {
		window_work(&b.w->work); /* a bell */
	}
	loop_post(b.loop, &b.stop);
	loop_run(b.loop);
}

static inline void rounds(unsigned n)
{
	while (n-- > 0) {
		pump();
	}
}

/* Whatever came; a response to `id` ends up in resp. returns: true: it was there */
static inline bool listen(uint8_t id, uint8_t *resp)
{
	uint8_t m[WINDOW_ELEMENT];

	while (vio_msgq_peek(&b.q, m) == VIO_OK) {
		vio_msgq_take(&b.q);
		if ((m[VIO_MSG_TYPE] & VIO_MSG_T_RESPONSE) != 0u && resp && m[VIO_MSG_ID] == id) {
			memcpy(resp, m, sizeof(m));
			return true;
		}
		memcpy(b.told[b.ntold++ % 256u], m, sizeof(m));
	}
	return false;
}

static inline int carry(void *ctx, const uint8_t *req, uint32_t len, uint8_t *resp)
{
	uint8_t id = req[VIO_MSG_ID];

	(void)ctx;
	while (vio_msgq_put(&b.q, req, len) == VIO_E_AGAIN) {
		pump();
		(void)listen(id, NULL);
	}
	for (int i = 0; resp && i < 100; i++) {
		pump();
		for (uint32_t k = 0; k < SIDES; k++) {
			if (b.s[k].dev.n > 0u) {
				tdev_complete(&b.s[k].dev, 0u);
			}
		}
		if (listen(id, resp)) {
			return VIO_OK;
		}
	}
	return resp ? VIO_E_IO : VIO_OK;
}

static inline void on_closed(void *arg)
{
	((struct side *)arg)->closed = true;
}

static inline void add(uint32_t i, const char *name, uint16_t queue)
{
	struct side *s = &b.s[i];
	struct window_dev_config cfg = {
		.dev = &s->dev.d, .name = name, .queue_size = queue, .closed = on_closed, .arg = s
	};

	s->closed = false;
	assert_int_equal(tdev_init(&s->dev, window_limits(b.w, 0), true), VIO_OK);
	s->port = window_dev_add(b.w, &cfg, b.err);
	assert_non_null(s->port);
}

/* A process begins */
static inline void port_up(void)
{
	struct window_config cfg = {
		.loop = b.loop, .where = b.where, .devices = SIDES, .poll_us = b.poll_us
	};

	b.w = window_open(&cfg, b.err);
	if (!b.w) {
		fail_msg("%s", b.err);
	}
	add(0, "one", ENTRIES);
	add(1, "two", ENTRIES);
	assert_int_equal(window_added(b.w, b.err), 0);
}

/* It ends, in an orderly way */
static inline void port_down(void)
{
	for (uint32_t i = 0; i < SIDES; i++) {
		(void)window_dev_close(b.s[i].port);
	}
	for (int i = 0; i < 100 && !(b.s[0].closed && b.s[1].closed); i++) {
		for (uint32_t k = 0; k < SIDES; k++) {
			if (b.s[k].dev.n > 0u) {
				tdev_complete(&b.s[k].dev, 0u);
			}
		}
		pump();
	}
	assert_true(b.s[0].closed && b.s[1].closed);
	window_close(b.w);
	b.w = NULL;
}

static inline int bed_up(void **state)
{
	int fd;

	(void)state;
	memset(&b, 0, sizeof(b));
	b.stop.fn = on_stop;
	b.loop = loop_new("test");
	strcpy(b.path, "/tmp/t_window.XXXXXX");
	fd = mkstemp(b.path);
	assert_true(fd >= 0 && ftruncate(fd, BYTES) == 0);
	b.mem = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_true(b.mem != MAP_FAILED);
	close(fd);
	snprintf(b.where, sizeof(b.where), "file:%s", b.path);
	port_up();
	return 0;
}

static inline int bed_down(void **state)
{
	(void)state;
	if (b.w) {
		port_down();
	}
	munmap(b.mem, BYTES);
	unlink(b.path);
	loop_free(b.loop);
	return 0;
}

/* The driver's side of the handshake */
static inline void join(void)
{
	const uint8_t *block = b.mem + WINDOW_BLOCK;

	assert_int_equal(vio_msgq_attach(&b.q, b.mem, BYTES), VIO_OK);
	for (int i = 0; b.q.phase != VIO_MSGQ_RUNNING; i++) {
		assert_true(i < 100);
		pump();
		(void)vio_msgq_poll(&b.q);
	}
	pump();
	b.pool = vio_unpack64(block + WINDOW_BLOCK_POOL);
	b.ntold = 0;
	for (uint32_t i = 0; i < SIDES; i++) {
		b.s[i].drv = (struct vio_drv_msg){
			.carry = carry, .dev = (uint16_t)i, .size = WINDOW_ELEMENT, .polls = 50u
		};
		b.s[i].base = b.pool + i * 0x10000u;
	}
}

static inline uint8_t status(uint32_t i)
{
	return vio_dev_status(&b.s[i].dev.d);
}

static inline void start(uint32_t i)
{
	struct side *s = &b.s[i];
	struct vio_dma ring = { .p = b.mem + s->base, .addr = s->base, .len = 0x2000u };
	uint64_t got, area[3];

	assert_int_equal(vio_drv_probe(&vio_drv_msg_bus, &s->drv, WANT, &got), VIO_OK);
	assert_true(got == WANT);
	assert_int_equal(vio_dvq_init(&s->q, ENTRIES, 0u, &ring, s->slot), VIO_OK);
	vio_dvq_areas(&s->q, &ring, area);
	assert_int_equal(vio_drv_msg_bus.setup(&s->drv, 0u, ENTRIES, area[0], area[1], area[2]),
			 VIO_OK);
	assert_int_equal(vio_drv_msg_bus.set_status(&s->drv, 15u), VIO_OK);
}

/* One request, whose answer goes to `to` */
static inline void offer_to(uint32_t i, uint32_t serial, uint64_t to)
{
	struct side *s = &b.s[i];
	uint64_t at = s->base + 0x4000u + serial % 64u * 64u;
	struct vio_dma d[2] = { { b.mem + at, at, 4u }, { b.mem, to, 8u } };

	vio_pack32(d[0].p, serial);
	assert_int_equal(vio_dvq_add(&s->q, d, 1u, 1u, s), VIO_OK);
	if (vio_dvq_need_kick(&s->q)) {
		assert_int_equal(vio_drv_msg_bus.kick(&s->drv, 0u), VIO_OK);
	}
	rounds(3);
}

static inline void offer(uint32_t i, uint32_t serial)
{
	offer_to(i, serial, b.s[i].base + 0x8000u + serial % 64u * 64u);
}

/* The device finishes one, and the driver gets it */
static inline void finish(uint32_t i, uint32_t serial)
{
	struct side *s = &b.s[i];
	uint32_t len;
	void *cookie;

	tdev_complete(&s->dev, 0u);
	rounds(3);
	(void)listen(0u, NULL);
	assert_int_equal(vio_dvq_get(&s->q, &cookie, &len), VIO_OK);
	assert_int_equal(len, tdev_len(serial, 8u));
}

/* How many of the messages that came by themselves are this event of device i */
static inline uint32_t told(uint32_t i, uint8_t id)
{
	uint32_t n = 0;

	for (uint32_t k = 0; k < b.ntold && k < 256u; k++) {
		n += b.told[k][VIO_MSG_ID] == id && vio_unpack16(b.told[k] + VIO_MSG_DEV) == i;
	}
	return n;
}

#endif
