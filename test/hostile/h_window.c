/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * h_window.c - the window port, while another thread writes to all of the window as fast as it can
 *
 * Now and then the other side is a driver that behaves, for a moment, so that sessions, rings and requests come to be
 * and are then destroyed. Whatever happens: no crash, each turn ends, and at last a driver gets a working device.
 *
 * usage: h_window [ROUNDS [SEED]]
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "hosted/log.h"
#include "port/window/internal.h"
#include "test/support/tdev.h"
#include "vio/drv_msg.h"

#define BYTES	(256u << 10)
#define WANT	(VIO_F_VERSION_1 | VIO_F_ACCESS_PLATFORM)
#define ENTRIES 16u

static struct world {
	struct loop *loop;
	struct loop_task stop;
	struct window *w;
	struct tdev dev;
	struct window_dev *port;
	uint8_t *mem;
	struct vio_msgq q;
	struct vio_drv_msg drv;
	struct vio_dvq vq;
	struct vio_dvq_slot slot[ENTRIES];
	bool quiet, over; /* atomic */
	bool still;	  /* atomic: the scribbler is */
	uint64_t seed;
	uint32_t sessions, started, requests;
} v;

static uint32_t random_of(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return (uint32_t)(*s >> 16);
}

static void dirty(uint64_t *s)
{
	uint32_t r = random_of(s), at = (r & 3u) == 0u	 ? r % BYTES
					: (r & 3u) == 1u ? 0x80u + r % 0x100u
							 : 0x3000u + r % 0x800u;

	__atomic_store_n(&v.mem[at], (uint8_t)((r & 64u) != 0u ? r >> 8 : v.mem[at] + 1u),
			 __ATOMIC_RELAXED);
}

static void *scribble(void *arg)
{
	uint64_t s = v.seed * 2u + 1u;

	(void)arg;
	while (!__atomic_load_n(&v.over, __ATOMIC_ACQUIRE)) {
		if (__atomic_load_n(&v.quiet, __ATOMIC_ACQUIRE)) {
			__atomic_store_n(&v.still, true, __ATOMIC_RELEASE);
			(void)sched_yield();
		} else {
			dirty(&s);
		}
	}
	return NULL;
}

static void quiet(bool on)
{
	__atomic_store_n(&v.still, false, __ATOMIC_RELEASE);
	__atomic_store_n(&v.quiet, on, __ATOMIC_RELEASE);
	while (on && !__atomic_load_n(&v.still, __ATOMIC_ACQUIRE)) {
		(void)sched_yield();
	}
}

static void on_stop(struct loop_task *t)
{
	(void)t;
	loop_stop(v.loop);
}

static void turn(void)
{
	if (!v.quiet) { /* also where threads seldom meet */
		dirty(&v.seed);
	}
	window_work(&v.w->work);
	loop_post(v.loop, &v.stop);
	loop_run(v.loop);
	while (v.dev.n > 0u) {
		tdev_complete(&v.dev, 0u);
	}
}

static int carry(void *ctx, const uint8_t *req, uint32_t len, uint8_t *resp)
{
	uint8_t id = req[VIO_MSG_ID], m[WINDOW_ELEMENT];

	(void)ctx;
	if (vio_msgq_put(&v.q, req, len) != VIO_OK) {
		return VIO_E_IO;
	}
	for (int i = 0; resp && i < 50; i++) {
		turn();
		while (vio_msgq_peek(&v.q, m) == VIO_OK) {
			vio_msgq_take(&v.q);
			if ((m[VIO_MSG_TYPE] & VIO_MSG_T_RESPONSE) != 0u && m[VIO_MSG_ID] == id) {
				memcpy(resp, m, sizeof(m));
				return VIO_OK;
			}
		}
	}
	return resp ? VIO_E_IO : VIO_OK;
}

/* A driver that behaves; noise: the other thread goes on. returns: false: it did not work out */
static bool drive(bool noise)
{
	struct vio_dma ring = { .p = v.mem + 0x3000u, .addr = 0x3000u, .len = 0x800u };
	struct vio_dma d[2] = { { v.mem + 0x4000u, 0x4000u, 4u },
				{ v.mem + 0x5000u, 0x5000u, 8u } };
	uint64_t got, area[3];
	uint32_t len;
	void *cookie;

	if (vio_msgq_attach(&v.q, v.mem, BYTES) != VIO_OK) {
		return false;
	}
	for (int i = 0; i < 50 && v.q.phase != VIO_MSGQ_RUNNING; i++) {
		turn();
		(void)vio_msgq_poll(&v.q);
	}
	turn();
	v.sessions += v.w->q.phase == VIO_MSGQ_RUNNING;
	v.drv = (struct vio_drv_msg){ .carry = carry, .size = WINDOW_ELEMENT, .polls = 20u };
	if (vio_drv_probe(&vio_drv_msg_bus, &v.drv, WANT, &got) != VIO_OK ||
	    vio_dvq_init(&v.vq, ENTRIES, 0u, &ring, v.slot) != VIO_OK) {
		return false;
	}
	vio_dvq_areas(&v.vq, &ring, area);
	if (vio_drv_msg_bus.setup(&v.drv, 0u, ENTRIES, area[0], area[1], area[2]) != VIO_OK ||
	    vio_drv_msg_bus.set_status(&v.drv, 15u) != VIO_OK) {
		return false;
	}
	v.started++;
	if (noise) {
		quiet(false);
	}
	for (uint32_t k = 0; k < 20u; k++) {
		vio_pack32(d[0].p, k);
		if (vio_dvq_add(&v.vq, d, 1u, 1u, &v) != VIO_OK) {
			break;
		}
		(void)vio_dvq_need_kick(&v.vq);
		(void)vio_drv_msg_bus.kick(&v.drv, 0u);
		turn();
		turn();
		if (vio_dvq_get(&v.vq, &cookie, &len) == VIO_OK) {
			v.requests++;
		} else if (!noise) {
			return false;
		} else {
			break;
		}
	}
	return true;
}

static void on_closed(void *arg)
{
	v.port = arg;
}

static bool begin(int fd)
{
	char where[64], err[256] = "";
	struct window_config cfg = { .loop = v.loop, .where = where };
	struct window_dev_config dev = { .dev = &v.dev.d, .name = "dev", .closed = on_closed };

	snprintf(where, sizeof(where), "file:/proc/self/fd/%d", fd);
	v.w = window_open(&cfg, err);
	if (!v.w || tdev_init(&v.dev, window_limits(v.w, 0), true) != VIO_OK) {
		fprintf(stderr, "%s\n", err);
		return false;
	}
	v.port = window_dev_add(v.w, &dev, err);
	v.w->cfg.where = "window";
	return v.port && window_added(v.w, err) == 0;
}

static bool end(void)
{
	(void)window_dev_close(v.port);
	for (int i = 0; i < 100 && v.port; i++) {
		turn();
	}
	window_close(v.w);
	return v.port == NULL;
}

int main(int argc, char **argv)
{
	uint32_t rounds = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 0) : 100000u;
	int fd = memfd_create("window", MFD_CLOEXEC);
	pthread_t other;
	bool good;

	v.seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 88172645463325252u;
	log_init((enum log_level)0);
	v.loop = loop_new("test");
	v.stop.fn = on_stop;
	if (fd < 0 || ftruncate(fd, BYTES) < 0) {
		return 1;
	}
	v.mem = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	good = begin(fd) && pthread_create(&other, NULL, scribble, NULL) == 0;
	for (uint32_t i = 0; good && i < rounds; i++) {
		if (i % 100u == 0u) {
			quiet(true);
			if (i % 1000u == 0u) {
				good = end() && begin(fd); /* the layout may be ruined */
			}
			(void)drive(true);
			quiet(false);
		}
		turn();
	}
	if (good) {
		quiet(true);
		good = end() && begin(fd) && drive(false);
		__atomic_store_n(&v.over, true, __ATOMIC_RELEASE);
		(void)pthread_join(other, NULL);
		good = end() && good;
	}
	printf("%u rounds, %u sessions, %u starts, %u requests: %s\n", rounds, v.sessions,
	       v.started, v.requests, good ? "good" : "BROKEN");
	loop_free(v.loop);
	return good && v.started > 10u && v.requests > 10u ? 0 : 1;
}
