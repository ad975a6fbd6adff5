/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * t_threads.c - driver and device on two threads that both sleep on an eventfd, with EVENT_IDX and without
 *
 * A lost wake-up leaves both asleep; a side that sleeps for five seconds reports where both stand. It finds a wrong
 * suppression decision at once. A missing full fence it finds only by luck of timing: a pass is no proof of those.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "test/support/tdev.h"
#include "test/support/world.h"
#include "vio/drv.h"

#define REQUESTS    200000u
#define OPEN	    24u
#define AREA	    256u
#define PATIENCE_MS 5000

struct pair {
	struct world w;
	struct tdev dev;
	struct vio_dvq q;
	struct vio_dvq_slot slot[64];
	int kick, call;
	bool stop, stuck; /* atomic */
	uint32_t posted, done, bad, device_slept, driver_slept;
};

static void on_signal(void *port, uint16_t vq)
{
	struct pair *p = port;

	(void)vq;
	(void)!eventfd_write(p->call, 1u);
}

static void on_config(void *port)
{
	struct pair *p = port;

	p->bad++;
}

static void on_wake(void *port, uint16_t vq)
{
	struct pair *p = port;

	(void)vq;
	(void)!eventfd_write(p->kick, 1u);
}

static const struct vio_port_ops port_ops = { .signal = on_signal,
					      .config = on_config,
					      .wake = on_wake };

/* false: nothing came for five seconds */
static bool sleep_on(int fd)
{
	struct pollfd f = { .fd = fd, .events = POLLIN };
	eventfd_t v;

	return (poll(&f, 1u, PATIENCE_MS) == 1) && (eventfd_read(fd, &v) == 0);
}

static void *device(void *arg)
{
	struct pair *p = arg;

	while (!__atomic_load_n(&p->stop, __ATOMIC_ACQUIRE)) {
		if ((vio_vq_run(&p->dev.vq) == VIO_PENDING) || vio_vq_arm(&p->dev.vq)) {
			continue;
		}
		p->device_slept++;
		if (!sleep_on(p->kick)) {
			__atomic_store_n(&p->stuck, true, __ATOMIC_RELEASE);
			(void)eventfd_write(p->call, 1u);
			break;
		}
	}
	return NULL;
}

struct request {
	uint32_t serial;
	bool busy;
};

static uint32_t in_len(uint32_t serial)
{
	return 1u + serial % 60u;
}

static bool post(struct pair *p, struct request *r, uint32_t k)
{
	uint32_t at = WORLD_RING + k * AREA, serial = p->posted + 1u;
	struct vio_dma b[2] = { { p->w.g + at, WORLD_BASE + at, 4u + serial % 90u },
				{ p->w.g + at + 128u, WORLD_BASE + at + 128u, in_len(serial) } };

	for (uint32_t i = 0u; i < b[0].len; i++) {
		b[0].p[i] = tdev_byte(serial, i, false);
	}
	vio_pack32(b[0].p, serial);
	(void)memset(b[1].p, 0xee, b[1].len);
	r->serial = serial;
	if (vio_dvq_add(&p->q, b, 1u, 1u, r) != VIO_OK) {
		return false;
	}
	r->busy = true;
	p->posted++;
	return true;
}

static void check(struct pair *p, struct request *r, uint32_t k, uint32_t len)
{
	uint32_t all = in_len(r->serial);
	struct tdev_plan plan = tdev_plan(r->serial, all);
	const uint8_t *b = p->w.g + WORLD_RING + k * AREA + 128u;

	p->bad += (!r->busy || (len != tdev_len(r->serial, all))) ? 1u : 0u;
	for (uint32_t i = 0u; i < all; i++) {
		bool w = (i < plan.prefix) || (plan.last && (i == (all - 1u)));

		p->bad += b[i] != (w ? tdev_byte(r->serial, i, true) : 0xeeu);
	}
	r->busy = false;
	p->done++;
}

static void driver(struct pair *p)
{
	static struct request req[OPEN];
	void *cookie;
	uint32_t len;

	(void)memset(req, 0, sizeof(req));
	while ((p->done < REQUESTS) && (p->bad == 0u)) {
		uint32_t burst = ((world_random() & 1u) != 0u) ? 1u : (world_random() % 12u);
		int rc;

		for (uint32_t k = 0u; (k < OPEN) && (burst > 0u); k++) {
			if (!req[k].busy) {
				burst--;
				p->bad += !post(p, &req[k], k);
			}
		}
		if (vio_dvq_need_kick(&p->q)) {
			(void)eventfd_write(p->kick, 1u);
		}
		for (volatile uint32_t spin = world_random() % 400u; spin > 0u;) {
			spin = spin - 1u; /* arm at about the time when the device completes */
		}
		for (rc = vio_dvq_get(&p->q, &cookie, &len); rc == VIO_OK;
		     rc = vio_dvq_get(&p->q, &cookie, &len)) {
			check(p, cookie, (uint32_t)((struct request *)cookie - req), len);
		}
		if ((p->done == p->posted) || vio_dvq_arm(&p->q)) {
			continue;
		}
		p->driver_slept++;
		if (!sleep_on(p->call) || __atomic_load_n(&p->stuck, __ATOMIC_ACQUIRE)) {
			__atomic_store_n(&p->stuck, true, __ATOMIC_RELEASE);
			break;
		}
	}
}

static void start(struct pair *p, bool packed, bool event_idx)
{
	struct vio_dma ring;
	uint64_t area[3];
	uint16_t size = packed ? 61u : 64u;

	(void)memset(p, 0, sizeof(*p));
	p->kick = eventfd(0u, 0);
	p->call = eventfd(0u, 0);
	assert_true((p->kick >= 0) && (p->call >= 0) && world_open(&p->w, WORLD_FULL));
	assert_int_equal(tdev_init(&p->dev, p->w.mem, false), VIO_OK);
	vio_dev_attach(&p->dev.d, &port_ops, p, VIO_F_RINGS);
	assert_int_equal(vio_dev_set_status(&p->dev.d, 3u), VIO_OK);
	assert_int_equal(vio_dev_accept(&p->dev.d, VIO_F_VERSION_1 |
							   (packed ? VIO_F_RING_PACKED : 0u) |
							   (event_idx ? VIO_F_EVENT_IDX : 0u)),
			 VIO_OK);
	assert_int_equal(vio_dev_set_status(&p->dev.d, 15u), VIO_OK);
	ring = (struct vio_dma){ .p = p->w.g, .addr = WORLD_BASE, .len = WORLD_RING };
	assert_int_equal(vio_dvq_init(&p->q, size,
				      (uint16_t)((packed ? VIO_DVQ_PACKED : 0u) |
						 (event_idx ? VIO_DVQ_EVENT_IDX : 0u)),
				      &ring, p->slot),
			 VIO_OK);
	vio_dvq_areas(&p->q, &ring, area);
	assert_int_equal(vio_vq_setup(&p->dev.vq, size, area[0], area[1], area[2]), VIO_OK);
	assert_int_equal(vio_vq_enable(&p->dev.vq, NULL), VIO_OK);
}

static void two(bool packed, bool event_idx)
{
	static struct pair p;
	pthread_t t;

	start(&p, packed, event_idx);
	assert_int_equal(pthread_create(&t, NULL, device, &p), 0);
	driver(&p);
	__atomic_store_n(&p.stop, true, __ATOMIC_RELEASE);
	(void)eventfd_write(p.kick, 1u);
	(void)pthread_join(t, NULL);
	if (p.stuck || (p.bad != 0u) || (p.dev.bad != 0u)) {
		fail_msg("%s: %u posted, %u back, bad %u + %u; driver avail %u used %u; device "
			 "avail %u used %u",
			 p.stuck ? "a wake-up was lost" : "wrong data", p.posted, p.done, p.bad,
			 p.dev.bad, p.q.avail, p.q.used, p.dev.vq.avail, p.dev.vq.used);
	}
	/* the test is about sleeping: it must have happened */
	assert_true((p.device_slept > 100u) && (p.driver_slept > 100u));
	assert_int_equal(vio_dev_set_status(&p.dev.d, 0u), VIO_OK);
	assert_int_equal(world_held(&p.w), 0);
	world_close(&p.w);
	(void)close(p.kick);
	(void)close(p.call);
}

static void split_flags(void **state)
{
	(void)state;
	two(false, false);
}

static void split_event_idx(void **state)
{
	(void)state;
	two(false, true);
}

static void packed_flags(void **state)
{
	(void)state;
	two(true, false);
}

static void packed_event_idx(void **state)
{
	(void)state;
	two(true, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(split_flags),
		cmocka_unit_test(split_event_idx),
		cmocka_unit_test(packed_flags),
		cmocka_unit_test(packed_event_idx),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
