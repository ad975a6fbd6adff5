/* SPDX-License-Identifier: BSD-3-Clause */
/* msg_bed.h - a device behind virtio-msg, one of forty numbers of a bus, and its driver; no memory is shared but rings */
#ifndef TEST_MSG_BED_H
#define TEST_MSG_BED_H

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
	bool lazy;	 /* turns do not complete what the device owns */
	uint32_t spoil;	 /* byte of each response that is not what the device said, and 1 */
	uint32_t change; /* the configuration changes after so many more responses */
} b;

static inline void on_run(void *ctx, uint16_t vq)
{
	(void)ctx;
	assert_int_equal(vq, 0);
	b.runs++;
}

static inline void on_due(void *ctx)
{
	(void)ctx;
	b.dues++;
}

static const struct vio_msg_ops ops = { .run = on_run, .due = on_due };

static inline void turns(void)
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

static inline bool is_response(const uint8_t *msg, uint8_t id)
{
	return (msg[VIO_MSG_TYPE] & VIO_MSG_T_RESPONSE) != 0u && msg[VIO_MSG_ID] == id;
}

/* As a bus would: one message there, what comes back until the response is among it */
static inline int carry(void *ctx, const uint8_t *req, uint32_t len, uint8_t *resp)
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
	assert_true(n >= VIO_MSG_HEAD && n <= SIZE);
	assert_int_equal(vio_unpack16(out + VIO_MSG_SIZE), n);
	memcpy(resp, out, n);
	if (b.spoil != 0u) {
		resp[b.spoil - 1u] ^= 0x40u;
	}
	if (b.change != 0u && --b.change == 0u) {
		memset(b.config, 0x77, sizeof(b.config));
		vio_dev_config_changed(&b.dev.d);
	}
	turns();
	return VIO_OK;
}

static inline int config_write(struct vio_dev *d, uint32_t off, const uint8_t *src, uint32_t len)
{
	if (off < 4u) {
		return VIO_E_ARG; /* the first word is read-only */
	}
	memcpy(d->config + off, src, len);
	return VIO_OK;
}

static inline void attach(enum vio_msg_layout layout)
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

static inline int setup(void **state)
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

static inline int teardown(void **state)
{
	(void)state;
	world_close(&b.w);
	return 0;
}

static inline void start(uint64_t more)
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

static inline uint8_t status(void)
{
	return vio_dev_status(&b.dev.d);
}

static inline void offer(uint32_t serial)
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
static inline void expect(uint8_t id, uint8_t *out)
{
	assert_true(vio_msg_bus_next(&b.bus, out) >= VIO_MSG_HEAD);
	assert_int_equal(out[VIO_MSG_ID], id);
	assert_int_equal(vio_unpack16(out + VIO_MSG_DEV), NUM);
}

#endif
