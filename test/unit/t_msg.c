/* SPDX-License-Identifier: BSD-3-Clause */
/* t_msg.c - virtio-msg, the device's side: with a driver that behaves, with each field of each message out of order */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "test/support/tdev.h"
#include "test/support/world.h"
#include "vio/drv_msg.h"
#include "vio/msg.h"

#define NUM	3u /* of the device on its bus */
#define SIZE	64u
#define CONFIG	100u
#define CANARY	0xc5u
#define FEATURE (VIO_F_RINGS | VIO_F_ACCESS_PLATFORM)
#define WANT	(VIO_F_VERSION_1 | VIO_F_ACCESS_PLATFORM | VIO_F_RING_RESET)

static struct bench {
	struct world w;
	struct tdev dev;
	struct vio_dev_ops ops; /* tdev's, with a configuration space */
	uint8_t config[CONFIG];
	struct vio_msg m;
	struct vio_ctl_vq vq[1];
	struct vio_msg_slot slot[40];
	struct vio_msg_bus bus;
	struct vio_drv_msg drv;
	struct vio_dvq q;
	struct vio_dvq_slot dslot[16];
	uint8_t event[16][VIO_MSG_MAX]; /* what the driver was told and has not looked at */
	uint32_t nevent;
	uint32_t runs, dues;
	bool lazy; /* turns do not complete what the device owns */
} b;

static void on_run(void *ctx, uint16_t vq)
{
	(void)ctx;
	assert_int_equal(vq, 0);
	b.runs++;
}

static void on_due(void *ctx)
{
	(void)ctx;
	b.dues++;
}

static const struct vio_msg_ops ops = { .run = on_run, .due = on_due };

static void turns(void)
{
	if (!b.lazy && b.dev.n > 0u) {
		tdev_complete(&b.dev, 0u);
	}
	while (b.runs > 0u) {
		b.runs = 0u;
		if ((vio_vq_run(&b.dev.vq) == VIO_PENDING) || vio_vq_arm(&b.dev.vq)) {
			b.runs = 1u;
		}
	}
}

static bool is_response(const uint8_t *msg, uint8_t id)
{
	return (msg[VIO_MSG_TYPE] & VIO_MSG_T_RESPONSE) != 0u && msg[VIO_MSG_ID] == id;
}

/* As a bus would: one message there, what comes back until the response is among it */
static int carry(void *ctx, const uint8_t *req, uint32_t len, uint8_t *resp)
{
	uint8_t in[VIO_MSG_MAX], out[VIO_MSG_MAX];
	uint32_t n;

	(void)ctx;
	memcpy(in, req, len);
	n = vio_msg_bus_handle(&b.bus, in, len, out);
	for (int i = 0; resp != NULL && n == 0u && i < 10; i++) {
		turns();
		n = vio_msg_bus_next(&b.bus, out);
		if (n != 0u && !is_response(out, in[VIO_MSG_ID])) {
			memcpy(b.event[b.nevent++ % 16u], out, n);
			n = 0u;
		}
	}
	if (resp == NULL) {
		assert_int_equal(n, 0);
		return VIO_OK;
	}
	if (n == 0u) {
		return VIO_E_IO;
	}
	assert_in_range(n, VIO_MSG_HEAD, SIZE);
	assert_int_equal(vio_unpack16(out + VIO_MSG_SIZE), n);
	memcpy(resp, out, n);
	turns();
	return VIO_OK;
}

static int config_write(struct vio_dev *d, uint32_t off, const uint8_t *src, uint32_t len)
{
	if (off < 4u) {
		return VIO_E_ARG; /* the first word is read-only */
	}
	memcpy(d->config + off, src, len);
	return VIO_OK;
}

static void attach(enum vio_msg_layout layout)
{
	vio_msg_init(&b.m, &b.dev.d, b.vq, NUM, SIZE, layout, &ops, NULL, FEATURE);
	b.m.vendor = 0x5354u;
	b.m.ctl.insists = VIO_F_ACCESS_PLATFORM;
	b.dev.vq.size_max = 16u;
	vio_msg_bus_init(&b.bus, b.slot, 40u, SIZE, layout);
	vio_msg_bus_set(&b.bus, NUM, &b.m, false);
	b.drv = (struct vio_drv_msg){ .carry = carry,
				      .dev = NUM,
				      .size = SIZE,
				      .rfc = layout == VIO_MSG_RFC3,
				      .polls = 100u };
}

static int setup(void **state)
{
	(void)state;
	memset(&b, 0, sizeof(b));
	assert_true(world_open(&b.w, WORLD_WINDOW));
	assert_int_equal(tdev_init(&b.dev, b.w.mem, true), VIO_OK);
	b.ops = *b.dev.d.ops;
	b.ops.config_len = CONFIG;
	b.ops.config_write = config_write;
	b.dev.d.ops = &b.ops;
	b.dev.d.config = b.config;
	for (uint32_t i = 0u; i < CONFIG; i++) {
		b.config[i] = (uint8_t)(i + 1u);
	}
	attach(VIO_MSG_V2);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	world_close(&b.w);
	return 0;
}

static void start(uint64_t more)
{
	struct vio_dma ring = { .p = b.w.g, .addr = WORLD_BASE, .len = WORLD_RING };
	uint64_t got, area[3];

	assert_int_equal(vio_drv_probe(&vio_drv_msg_bus, &b.drv, WANT | more, &got), VIO_OK);
	assert_true(got == (WANT | more));
	assert_int_equal(vio_dvq_init(&b.q, 16u,
				      (more & VIO_F_RING_PACKED) != 0u ? VIO_DVQ_PACKED : 0u, &ring,
				      b.dslot),
			 VIO_OK);
	vio_dvq_areas(&b.q, &ring, area);
	assert_int_equal(vio_drv_msg_bus.setup(&b.drv, 0u, 16u, area[0], area[1], area[2]), VIO_OK);
	assert_int_equal(vio_drv_msg_bus.set_status(&b.drv, 15u), VIO_OK);
}

static uint8_t status(void)
{
	return vio_dev_status(&b.dev.d);
}

static void offer(uint32_t serial)
{
	uint32_t at = WORLD_RING + serial * 256u;
	struct vio_dma d[2] = { { b.w.g + at, WORLD_BASE + at, 4u },
				{ b.w.g + at + 64u, WORLD_BASE + at + 64u, 8u } };

	vio_pack32(d[0].p, serial);
	assert_int_equal(vio_dvq_add(&b.q, d, 1u, 1u, &b), VIO_OK);
	if (vio_dvq_need_kick(&b.q)) {
		assert_int_equal(vio_drv_msg_bus.kick(&b.drv, 0u), VIO_OK);
	}
	turns();
}

/* The next message of the device, with that id */
static void expect(uint8_t id, uint8_t *out)
{
	assert_true(vio_msg_bus_next(&b.bus, out) >= VIO_MSG_HEAD);
	assert_int_equal(out[VIO_MSG_ID], id);
	assert_int_equal(vio_unpack16(out + VIO_MSG_DEV), NUM);
}

static void a_request(void **state)
{
	static const uint64_t ring[] = { 0u, VIO_F_RING_PACKED, VIO_F_EVENT_IDX };

	(void)state;
	for (uint32_t i = 0u; i < 6u; i++) {
		struct vio_drv_msg_info info;
		uint8_t out[VIO_MSG_MAX];
		void *cookie;
		uint32_t len;

		attach(i < 3u ? VIO_MSG_V2 : VIO_MSG_RFC3);
		assert_int_equal(vio_drv_msg_info(&b.drv, &info), VIO_OK);
		assert_int_equal(info.id, 42);
		assert_int_equal(info.vendor, 0x5354);
		assert_int_equal(info.config_len, CONFIG);
		assert_int_equal(info.vqs, 1);
		start(ring[i % 3u]);
		offer(7u);
		turns();
		expect(VIO_MSG_EVENT_USED, out);
		assert_int_equal(vio_unpack32(out + VIO_MSG_HEAD), 0);
		assert_int_equal(vio_dvq_get(&b.q, &cookie, &len), VIO_OK);
		assert_int_equal(len, tdev_len(7u, 8u));
		assert_int_equal(vio_drv_msg_bus.set_status(&b.drv, 0u), VIO_OK);
		assert_int_equal(vio_msg_bus_dropped(&b.bus), 0);
	}
}

/* Not one event for each of a hundred notifications, and none is lost */
static void events_of_a_queue_become_one(void **state)
{
	uint8_t out[VIO_MSG_MAX];
	void *cookie;
	uint32_t len, n = 0u;

	(void)state;
	start(0u);
	for (uint32_t i = 0u; i < 7u; i++) {
		offer(i);
		turns();
	}
	for (uint32_t k = vio_msg_bus_next(&b.bus, out); k != 0u;
	     k = vio_msg_bus_next(&b.bus, out)) {
		n += out[VIO_MSG_ID] == VIO_MSG_EVENT_USED;
	}
	assert_int_equal(n, 1);
	for (n = 0u; vio_dvq_get(&b.q, &cookie, &len) == VIO_OK; n++) {
	}
	assert_int_equal(n, 7);
	assert_true(b.dues >= 7u);
}

/* Features that the port insists on, or that nobody offered: FEATURES_OK stays 0, and the port can tell why */
static void features_ok_is_refused(void **state)
{
	static const struct {
		uint32_t word[3];
		bool ok;
	} row[] = {
		{ { 0u, 1u, 0u }, false },	 /* not ACCESS_PLATFORM */
		{ { 0u, 2u, 0u }, false },	 /* not VERSION_1 */
		{ { 1u << 20, 3u, 0u }, false }, /* not offered */
		{ { 0u, 3u, 1u }, false },	 /* above bit 63 */
		{ { 0u, 3u, 0u }, true },
	};

	(void)state;
	for (uint32_t i = 0u; i < sizeof(row) / sizeof(row[0]); i++) {
		uint8_t msg[VIO_MSG_MAX] = { 0u, VIO_MSG_SET_FEATURES, NUM, 0u, 1u, 0u, 28u };
		uint8_t out[VIO_MSG_MAX], s;

		assert_int_equal(vio_drv_msg_bus.set_status(&b.drv, 0u), VIO_OK);
		assert_int_equal(vio_drv_msg_bus.set_status(&b.drv, 3u), VIO_OK);
		vio_pack32(msg + VIO_MSG_FEATURES_N, 3u);
		for (uint32_t k = 0u; k < 3u; k++) {
			vio_pack32(msg + VIO_MSG_FEATURES_WORDS + 4u * k, row[i].word[k]);
		}
		assert_int_equal(vio_msg_bus_handle(&b.bus, msg, 28u, out), VIO_MSG_HEAD);
		assert_int_equal(vio_drv_msg_bus.set_status(&b.drv, 11u), VIO_OK);
		assert_int_equal(vio_drv_msg_bus.status(&b.drv, &s), VIO_OK);
		assert_int_equal(s, row[i].ok ? 11 : 3);
		assert_int_equal(b.m.ctl.refused, !row[i].ok);
		b.m.ctl.refused = false;
	}
}

static void feature_blocks(void **state)
{
	uint8_t msg[16] = { 0u, VIO_MSG_GET_FEATURES, NUM, 0u, 1u, 0u, 16u }, out[VIO_MSG_MAX];

	(void)state;
	vio_pack32(msg + VIO_MSG_FEATURES_BLOCK, 1u);
	vio_pack32(msg + VIO_MSG_FEATURES_N, 3u);
	assert_int_equal(vio_msg_bus_handle(&b.bus, msg, 16u, out), 28);
	assert_int_equal(vio_unpack32(out + 8), 1);
	assert_int_equal(vio_unpack32(out + 12), 3);
	assert_int_equal(vio_unpack32(out + 16), (uint32_t)(b.dev.d.offered >> 32));
	assert_int_equal(vio_unpack32(out + 20), 0); /* beyond what is there */
	assert_int_equal(vio_unpack32(out + 24), 0);
	vio_pack32(msg + VIO_MSG_FEATURES_N, 13u); /* more than a message holds */
	assert_int_equal(vio_msg_bus_handle(&b.bus, msg, 16u, out), 0);
}

static void configuration(void **state)
{
	uint8_t buf[CONFIG + 8u], out[VIO_MSG_MAX];

	(void)state;
	assert_int_equal(vio_drv_msg_bus.config_read(&b.drv, 0u, buf, sizeof(buf)), VIO_OK);
	for (uint32_t i = 0u; i < sizeof(buf); i++) {
		assert_int_equal(buf[i], i < CONFIG ? i + 1u : 0u);
	}
	memset(buf, 0xaa, sizeof(buf));
	assert_int_equal(vio_drv_msg_bus.config_write(&b.drv, 4u, buf, 90u), VIO_OK);
	assert_memory_equal(b.config + 4u, buf, 90u);
	assert_int_equal(b.config[94], 95);
	assert_int_equal(vio_drv_msg_bus.config_write(&b.drv, 0u, buf, 4u), VIO_E_ARG);
	assert_int_equal(vio_drv_msg_bus.config_write(&b.drv, CONFIG - 2u, buf, 4u), VIO_E_ARG);
	assert_int_equal(b.config[0], 1);
	assert_int_equal(b.config[CONFIG - 1u], CONFIG);
	vio_dev_config_changed(&b.dev.d);
	expect(VIO_MSG_EVENT_CONFIG, out);
	assert_int_equal(vio_unpack32(out + VIO_MSG_EV_CONFIG_GEN), b.dev.d.generation);
	assert_int_equal(vio_msg_bus_next(&b.bus, out), 0);
}

static void set_vq_is_checked(void **state)
{
	static const struct {
		const char *what;
		uint32_t index, flags, size;
		uint64_t desc;
		uint8_t before; /* status */
		bool fails, dropped;
	} row[] = {
		{ "good", 0u, 1u, 16u, WORLD_BASE, 11u, false, false },
		{ "no such queue", 1u, 1u, 16u, WORLD_BASE, 11u, false, false },
		{ "no such queue", UINT32_MAX, 1u, 16u, WORLD_BASE, 11u, false, false },
		{ "too early", 0u, 1u, 16u, WORLD_BASE, 3u, true, false },
		{ "size 0", 0u, 1u, 0u, WORLD_BASE, 11u, true, false },
		{ "size not a power of two", 0u, 1u, 12u, WORLD_BASE, 11u, true, false },
		{ "size above the largest", 0u, 1u, 32u, WORLD_BASE, 11u, true, false },
		{ "size in the upper half", 0u, 1u, 0x10010u, WORLD_BASE, 11u, true, false },
		{ "not aligned", 0u, 1u, 16u, WORLD_BASE + 8u, 11u, true, false },
		{ "outside the window", 0u, 1u, 16u, WORLD_BASE + WORLD_BYTES, 11u, true, false },
		{ "around the end of addresses", 0u, 1u, 16u, (uint64_t)-16, 11u, true, false },
		{ "unknown flags", 0u, 0u, 16u, WORLD_BASE, 11u, false, true },
		{ "unknown flags", 0u, 3u, 16u, WORLD_BASE, 11u, false, true },
	};

	(void)state;
	for (uint32_t i = 0u; i < sizeof(row) / sizeof(row[0]); i++) {
		uint8_t msg[VIO_MSG_VQ_BYTES] = { 0u, VIO_MSG_SET_VQ, NUM, 0u, 1u, 0u, 48u };
		uint8_t out[VIO_MSG_MAX];
		uint32_t was = b.m.dropped;
		uint64_t got;

		assert_int_equal(vio_drv_msg_bus.set_status(&b.drv, 0u), VIO_OK);
		if (row[i].before == 11u) {
			assert_int_equal(vio_drv_probe(&vio_drv_msg_bus, &b.drv, WANT, &got),
					 VIO_OK);
		} else {
			assert_int_equal(vio_drv_msg_bus.set_status(&b.drv, row[i].before), VIO_OK);
		}
		vio_pack32(msg + VIO_MSG_VQ_INDEX, row[i].index);
		vio_pack32(msg + VIO_MSG_SET_VQ_FLAGS, row[i].flags);
		vio_pack32(msg + VIO_MSG_SET_VQ_SIZE, row[i].size);
		vio_pack64(msg + VIO_MSG_VQ_AREA, row[i].desc);
		vio_pack64(msg + VIO_MSG_VQ_AREA + 8u, WORLD_BASE + 0x1000u);
		vio_pack64(msg + VIO_MSG_VQ_AREA + 16u, WORLD_BASE + 0x2000u);
		assert_int_equal(vio_msg_bus_handle(&b.bus, msg, sizeof(msg), out),
				 row[i].dropped ? 0u : VIO_MSG_HEAD);
		if (((status() & VIO_S_NEEDS_RESET) != 0u) != row[i].fails ||
		    (b.m.dropped - was) != (row[i].dropped ? 1u : 0u) ||
		    b.dev.vq.enabled != (i == 0u)) {
			fail_msg("%s", row[i].what);
		}
		if (i == 0u) { /* what belongs to the device cannot be set again */
			assert_int_equal(vio_msg_bus_handle(&b.bus, msg, sizeof(msg), out), 8);
			assert_true((status() & VIO_S_NEEDS_RESET) != 0u);
		}
	}
}

/* A queue that is not set up says so in every field, and so does one that was reset */
static void get_vq(void **state)
{
	uint8_t msg[12] = { 0u, VIO_MSG_GET_VQ, NUM, 0u, 1u, 0u, 12u }, out[VIO_MSG_MAX];
	static const uint8_t zero[32];

	(void)state;
	for (int again = 0; again < 2; again++) {
		assert_int_equal(vio_msg_bus_handle(&b.bus, msg, 12u, out), 48);
		assert_int_equal(vio_unpack32(out + VIO_MSG_GET_VQ_MAX), 16);
		assert_memory_equal(out + VIO_MSG_GET_VQ_SIZE, zero, 32u);
		if (again == 0) {
			start(0u);
			assert_int_equal(vio_msg_bus_handle(&b.bus, msg, 12u, out), 48);
			assert_int_equal(vio_unpack32(out + VIO_MSG_GET_VQ_SIZE), 16);
			assert_int_equal(vio_unpack32(out + VIO_MSG_GET_VQ_FLAGS), 1);
			assert_true(vio_unpack64(out + VIO_MSG_VQ_AREA) == WORLD_BASE);
			assert_int_equal(vio_drv_msg_bus.reset_vq(&b.drv, 0u), VIO_OK);
		}
	}
	msg[VIO_MSG_VQ_INDEX] = 1u;
	assert_int_equal(vio_msg_bus_handle(&b.bus, msg, 12u, out), 48);
	assert_memory_equal(out + VIO_MSG_GET_VQ_MAX, zero, 32u);
}

/* The response of RESET_VQ says that the queue is down: not before the last request is back */
static void reset_of_a_queue_waits(void **state)
{
	uint8_t msg[12] = { 0u, VIO_MSG_RESET_VQ, NUM, 0u, 0x34u, 0x12u, 12u }, out[VIO_MSG_MAX];

	(void)state;
	start(0u);
	b.lazy = true;
	offer(1u);
	assert_int_equal(b.dev.n, 1);
	assert_int_equal(vio_msg_bus_handle(&b.bus, msg, 12u, out), 0);
	assert_int_equal(b.m.dropped, 0);
	turns();
	assert_int_equal(vio_msg_bus_next(&b.bus, out), 0);
	assert_int_equal(vio_msg_bus_handle(&b.bus, msg, 12u, out), 0); /* a second is a fault */
	assert_int_equal(b.m.dropped, 1);
	tdev_complete(&b.dev, 0u);
	turns();
	expect(VIO_MSG_RESET_VQ, out);
	assert_int_equal(out[VIO_MSG_TYPE], VIO_MSG_T_RESPONSE);
	assert_int_equal(vio_unpack16(out + VIO_MSG_TOKEN), 0x1234);
	assert_false(b.dev.vq.enabled);
	assert_int_equal(status(), 15);
}

static void reset_waits(void **state)
{
	uint8_t msg[12] = { 0u, VIO_MSG_SET_STATUS, NUM, 0u, 1u, 0u, 12u }, out[VIO_MSG_MAX], s;

	(void)state;
	start(0u);
	b.lazy = true;
	offer(1u);
	assert_int_equal(vio_msg_bus_handle(&b.bus, msg, 12u, out), 12);
	assert_int_equal(out[VIO_MSG_HEAD], 15);			/* not yet */
	assert_int_equal(vio_drv_msg_bus.accept(&b.drv, WANT), VIO_OK); /* ignored, and no harm */
	tdev_complete(&b.dev, 0u);
	turns();
	assert_int_equal(vio_drv_msg_bus.status(&b.drv, &s), VIO_OK);
	assert_int_equal(s, 0);
	assert_int_equal(vio_msg_bus_next(&b.bus, out), 0);
	b.lazy = false;
	start(0u);
}

/* Messages that are too short for what they say, or that nobody may send: no response, counted, nothing changes */
static void malformed(void **state)
{
	static const struct {
		uint8_t type, id;
		uint16_t dev;
		uint16_t size; /* as the message says */
		uint32_t len;  /* as it is */
		uint32_t w[4]; /* payload */
	} row[] = {
		{ 0u, VIO_MSG_GET_STATUS, NUM, 8u, 0u, { 0u } },
		{ 0u, VIO_MSG_GET_STATUS, NUM, 8u, 7u, { 0u } },
		{ 0u, VIO_MSG_GET_STATUS, NUM, 7u, 64u, { 0u } },
		{ 0u, VIO_MSG_GET_STATUS, NUM, 0u, 64u, { 0u } },
		{ 0u, VIO_MSG_GET_STATUS, NUM, 65u, 64u, { 0u } },
		{ 0u, VIO_MSG_GET_STATUS, NUM, 0xffffu, 64u, { 0u } },
		{ 0u, VIO_MSG_GET_STATUS, NUM + 1u, 8u, 64u, { 0u } },
		{ 0u, VIO_MSG_GET_STATUS, 40u, 8u, 64u, { 0u } },
		{ 0u, VIO_MSG_GET_STATUS, 0xffffu, 8u, 64u, { 0u } },
		{ 1u, VIO_MSG_GET_STATUS, NUM, 8u, 64u, { 0u } },
		{ 0u, VIO_MSG_GET_FEATURES, NUM, 15u, 64u, { 0u } },
		{ 0u, VIO_MSG_GET_FEATURES, NUM, 16u, 64u, { 0u, 13u } },
		{ 0u, VIO_MSG_GET_FEATURES, NUM, 16u, 64u, { 0u, UINT32_MAX } },
		{ 0u, VIO_MSG_SET_FEATURES, NUM, 15u, 64u, { 0u } },
		{ 0u, VIO_MSG_SET_FEATURES, NUM, 19u, 64u, { 0u, 1u } },
		{ 0u, VIO_MSG_SET_FEATURES, NUM, 64u, 64u, { 0u, 0x40000002u } },
		{ 0u, VIO_MSG_GET_CONFIG, NUM, 15u, 64u, { 0u } },
		{ 0u, VIO_MSG_SET_CONFIG, NUM, 19u, 64u, { 0u } },
		{ 0u, VIO_MSG_SET_CONFIG, NUM, 21u, 64u, { 0u, 8u, 2u } },
		{ 0u, VIO_MSG_SET_CONFIG, NUM, 64u, 64u, { 0u, 8u, UINT32_MAX } },
		{ 0u, VIO_MSG_SET_STATUS, NUM, 11u, 64u, { 0u } },
		{ 0u, VIO_MSG_GET_VQ, NUM, 11u, 64u, { 0u } },
		{ 0u, VIO_MSG_SET_VQ, NUM, 47u, 64u, { 0u, 1u, 16u } },
		{ 0u, VIO_MSG_RESET_VQ, NUM, 11u, 64u, { 0u } },
		{ 0u, VIO_MSG_RESET_VQ, NUM, 12u, 64u, { 1u } },
		{ 0u, VIO_MSG_GET_SHM, NUM, 11u, 64u, { 0u } },
		{ 0u, VIO_MSG_EVENT_AVAIL, NUM, 15u, 64u, { 0u } },
		{ 0u, VIO_MSG_EVENT_AVAIL, NUM, 16u, 64u, { 1u } },
		{ 0u, VIO_MSG_EVENT_AVAIL, NUM, 16u, 64u, { UINT32_MAX } },
		{ 0u, VIO_MSG_EVENT_USED, NUM, 16u, 64u, { 0u } },
		{ 0u, VIO_MSG_EVENT_CONFIG, NUM, 32u, 64u, { 0u } },
		{ 0u, 0u, NUM, 64u, 64u, { 0u } },
		{ 0u, 1u, NUM, 64u, 64u, { 0u } },
		{ 0u, 13u, NUM, 64u, 64u, { 0u } },
		{ 0u, 255u, NUM, 64u, 64u, { 0u } },
		{ 2u, VIO_MSG_BUS_DEVICES, 0u, 11u, 64u, { 0x80000u } },
		{ 2u, VIO_MSG_BUS_DEVICES, 0u, 12u, 64u, { 0x00080004u } },
		{ 2u, VIO_MSG_BUS_DEVICES, 0u, 12u, 64u, { 0x00070000u } },
		{ 2u, VIO_MSG_BUS_DEVICES, 0u, 12u, 64u, { 0u } },
		{ 2u, VIO_MSG_BUS_PING, 0u, 11u, 64u, { 0u } },
		{ 3u, VIO_MSG_BUS_PING, 0u, 12u, 64u, { 0u } },
		{ 2u, VIO_MSG_BUS_EVENT, 0u, 12u, 64u, { 0u } },
		{ 2u, 4u, 0u, 12u, 64u, { 0u } },
	};

	(void)state;
	start(0u);
	for (uint32_t i = 0u; i < sizeof(row) / sizeof(row[0]); i++) {
		uint8_t msg[SIZE] = { row[i].type, row[i].id }, out[VIO_MSG_MAX];

		vio_pack16(msg + VIO_MSG_DEV, row[i].dev);
		vio_pack16(msg + VIO_MSG_SIZE, row[i].size);
		for (uint32_t k = 0u; k < 4u; k++) {
			vio_pack32(msg + VIO_MSG_HEAD + 4u * k, row[i].w[k]);
		}
		if (vio_msg_bus_handle(&b.bus, msg, row[i].len, out) != 0u ||
		    vio_msg_bus_dropped(&b.bus) != i + 1u || status() != 15u) {
			fail_msg("row %u: id %u", i, row[i].id);
		}
	}
	offer(1u);
	turns();
}

/* Any bytes at all: nothing is written beyond a message, and the bus still works */
static void garbage(void **state)
{
	(void)state;
	start(0u);
	for (uint32_t i = 0u; i < 300000u; i++) {
		uint8_t msg[SIZE], out[VIO_MSG_MAX];
		uint32_t n;

		for (uint32_t k = 0u; k < SIZE; k += 2u) {
			vio_pack16(msg + k, (uint16_t)((world_random() & 3u) ? world_random() & 15u
									     : world_random()));
		}
		vio_pack16(msg + VIO_MSG_DEV, NUM);
		memset(out, CANARY, sizeof(out));
		n = vio_msg_bus_handle(&b.bus, msg, world_random() % (SIZE + 1u), out);
		assert_in_range(n, 0, SIZE);
		for (uint32_t k = SIZE; k < sizeof(out); k++) {
			assert_int_equal(out[k], CANARY);
		}
		turns();
		(void)vio_msg_bus_next(&b.bus, out);
	}
	while (b.dev.n > 0u) {
		turns();
	}
	assert_int_equal(vio_drv_msg_bus.set_status(&b.drv, 0u), VIO_OK);
	start(0u);
	offer(1u);
	assert_true(vio_msg_bus_dropped(&b.bus) > 1000u);
}

static void devices(void **state)
{
	uint8_t msg[12] = { 2u, VIO_MSG_BUS_DEVICES, 0u, 0u, 9u, 0u, 12u }, out[VIO_MSG_MAX];

	(void)state;
	vio_msg_bus_set(&b.bus, 39u, &b.m, false);
	for (int rfc = 0; rfc < 2; rfc++) {
		b.bus.layout = rfc ? VIO_MSG_RFC3 : VIO_MSG_V2;
		vio_pack16(msg + VIO_MSG_DEVICES_OFF, 0u);
		vio_pack16(msg + VIO_MSG_DEVICES_N, 32u);
		assert_int_equal(vio_msg_bus_handle(&b.bus, msg, 12u, out), 18);
		assert_int_equal(out[VIO_MSG_TYPE], 3);
		assert_int_equal(vio_unpack16(out + VIO_MSG_TOKEN), 9);
		assert_int_equal(vio_unpack16(out + 8), 0);
		assert_int_equal(vio_unpack16(out + 10), 32); /* next; RFC: count */
		assert_int_equal(vio_unpack16(out + 12), 32);
		assert_int_equal(vio_unpack32(out + 14), 1u << NUM);
		vio_pack16(msg + VIO_MSG_DEVICES_OFF, 32u);
		vio_pack16(msg + VIO_MSG_DEVICES_N, 64u);
		assert_int_equal(vio_msg_bus_handle(&b.bus, msg, 12u, out), 22);
		assert_int_equal(vio_unpack16(out + 10), rfc ? 64 : 0);
		assert_int_equal(vio_unpack16(out + 12), rfc ? 0 : 64);
		assert_int_equal(vio_unpack32(out + 14), 1u << 7);
	}
	msg[VIO_MSG_ID] = VIO_MSG_BUS_PING;
	vio_pack32(msg + VIO_MSG_HEAD, 0x12345678u);
	assert_int_equal(vio_msg_bus_handle(&b.bus, msg, 12u, out), 12);
	assert_int_equal(vio_unpack32(out + VIO_MSG_HEAD), 0x12345678);
	vio_msg_bus_set(&b.bus, 39u, NULL, true);
	assert_int_equal(vio_msg_bus_next(&b.bus, out), 12);
	assert_int_equal(out[VIO_MSG_TYPE], VIO_MSG_T_BUS);
	assert_int_equal(out[VIO_MSG_ID], VIO_MSG_BUS_EVENT);
	assert_int_equal(vio_unpack16(out + 8), 39);
	assert_int_equal(vio_unpack16(out + 10), VIO_MSG_BUS_REMOVED);
	assert_int_equal(vio_msg_bus_next(&b.bus, out), 0);
}

static void shared_memory_there_is_none(void **state)
{
	uint8_t msg[12] = { 0u, VIO_MSG_GET_SHM, NUM, 0u, 1u, 0u, 12u, 0u, 5u }, out[VIO_MSG_MAX];

	(void)state;
	assert_int_equal(vio_msg_bus_handle(&b.bus, msg, 12u, out), 32);
	assert_int_equal(vio_unpack32(out + 8), 5);
	assert_true(vio_unpack64(out + VIO_MSG_SHM_LEN) == 0u);
	b.m.layout = VIO_MSG_RFC3;
	assert_int_equal(vio_msg_bus_handle(&b.bus, msg, 12u, out), 20);
	assert_int_equal(vio_unpack32(out + 12), 0);
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_request),
		T(events_of_a_queue_become_one),
		T(features_ok_is_refused),
		T(feature_blocks),
		T(configuration),
		T(set_vq_is_checked),
		T(get_vq),
		T(reset_of_a_queue_waits),
		T(reset_waits),
		T(malformed),
		T(garbage),
		T(devices),
		T(shared_memory_there_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
