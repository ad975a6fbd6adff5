/* SPDX-License-Identifier: BSD-3-Clause */
/* status.c - rules of device status, reset, queue reset and configuration (virtio 1.4, 2.1, 2.4, 2.5, 2.6.1) */
#include <string.h>
#include "conform/conform.h"

#define P VIO_F_RING_PACKED

static bool before_driver_ok(struct cf *c, struct cf_io *io)
{
	return cf_early(c, io) && cf_quiet(c);
}

static void not_consumed(struct cf *c)
{
	struct cf_io io;

	(void)(before_driver_ok(c, &io) &&
	       cf_expect(c, !cf_raw_there(c, c->dev->vq), "a buffer was used before DRIVER_OK"));
}

static void not_notified(struct cf *c)
{
	struct cf_io io;

	(void)(before_driver_ok(c, &io) && cf_expect(c, cf_uncalled(c, c->dev->vq) == 0,
						     "a notification came before DRIVER_OK"));
}

static void early_buffers(struct cf *c)
{
	struct cf_io io;

	(void)(before_driver_ok(c, &io) && cf_status(c, CF_LIVE) && cf_wait(c, c->dev->vq, &io) &&
	       cf_answer(c, &io));
}

/* A head that is no descriptor. What a device does then is its own matter; but if it says NEEDS_RESET, it tells. */
static void needs_reset(struct cf *c)
{
	uint16_t vq = c->dev->vq;
	uint8_t s = 0;

	c->broke = true;
	if (!cf_channel(c) || !cf_up(c)) {
		return;
	}
	vio_put16(c->q[vq].v.driver + 4, 0xffffu);
	vio_put16_rel(c->q[vq].v.driver + 2, 1);
	if (!cf_ring(c, vq)) {
		return;
	}
	for (unsigned i = 0; i < 20 && (s & VIO_S_NEEDS_RESET) == 0; i++) {
		if (!cf_quiet(c) || vhf_gone(c->f) || vhf_bus.status(c->f, &s) != VIO_OK) {
			(void)cf_na(c, "it does not survive a broken ring, so it says nothing");
			return;
		}
	}
	if ((s & VIO_S_NEEDS_RESET) == 0) {
		(void)cf_na(c, "it does not say NEEDS_RESET of a broken ring, which it need not");
		return;
	}
	(void)cf_changed(c);
}

static void reset_zero(struct cf *c)
{
	uint8_t s = 0xff;

	if (!cf_up(c) || !cf_works(c) || !cf_status(c, 0)) {
		return;
	}
	while (vhf_bus.status(c->f, &s) == VIO_OK && s != 0) {
		if (cf_late(c, "a status of 0 after the reset")) {
			return;
		}
	}
	(void)cf_expect(c, s == 0, "the status reads 0x%x after a reset", s);
}

/* Nothing moves after the reset: neither rings nor buffers, whoever kicks. */
static void reset_quiet(struct cf *c)
{
	uint16_t vq = c->dev->vq;
	struct cf_io io[8];
	bool ok = cf_up(c), later = c->rule->arg != 0;
	uint8_t ring[4096];
	uint32_t len;

	for (unsigned i = 0; ok && i < 8; i++) {
		ok = cf_harmless(c, &io[i]) && cf_put(c, vq, &io[i]);
	}
	if (!ok || (!later && !cf_kick(c, vq)) || !cf_status(c, 0)) {
		return;
	}
	if (later && !cf_kick(c, vq)) {
		return;
	}
	(void)cf_uncalled(c, vq);
	len = c->q[vq].ring.len < sizeof(ring) ? c->q[vq].ring.len : sizeof(ring);
	(void)memcpy(ring, c->q[vq].ring.p, len);
	(void)(cf_ring(c, vq) && cf_quiet(c) &&
	       cf_expect(c, memcmp(ring, c->q[vq].ring.p, len) == 0,
			 "the rings were written after the reset") &&
	       cf_expect(c, cf_uncalled(c, vq) == 0, "a notification came after the reset"));
}

static void reset_works(struct cf *c)
{
	bool ok = cf_up_size(c, 0, 0);

	for (unsigned i = 0; ok && i < 3; i++) {
		ok = cf_works(c);
	}
	(void)(ok && cf_status(c, 0) && cf_up(c) && cf_works(c) && cf_works(c));
}

/* ---- a queue's own reset: over vhost-user it is taken from the back-end, and set up anew ---- */

static bool queue_again(struct cf *c, uint16_t size)
{
	struct vhu_wire_ring on = { .index = c->dev->vq, .num = 1 };

	return cf_queue_setup(c, c->dev->vq, size) &&
	       cf_must(c, VHU_SET_VRING_ENABLE, &on, sizeof(on), -1) && cf_ring(c, c->dev->vq);
}

static bool queue_stop(struct cf *c)
{
	uint32_t base;

	return vhf_stop(c->f, c->dev->vq, &base) == VIO_OK || cf_fail(c, "%s", vhf_error(c->f));
}

/* Not notified: a notification would start the ring again. */
static void queue_quiet(struct cf *c)
{
	uint16_t vq = c->dev->vq;
	struct vhf_reply r;
	struct cf_io io;

	if (!cf_up(c) || !cf_works(c) || !queue_stop(c) || !cf_harmless(c, &io) ||
	    !cf_put(c, vq, &io)) {
		return;
	}
	(void)cf_uncalled(c, vq);
	(void)vio_dvq_need_kick(&c->q[vq].v);
	(void)(cf_get(c, VHU_GET_FEATURES, NULL, 0, &r) && cf_quiet(c) &&
	       cf_expect(c, !cf_raw_there(c, vq), "a queue that was reset used a buffer") &&
	       cf_expect(c, cf_uncalled(c, vq) == 0, "a queue that was reset notified"));
}

static void queue_default(struct cf *c)
{
	bool ok = cf_up(c);

	for (unsigned i = 0; ok && i < 5; i++) {
		ok = cf_works(c);
	}
	ok = ok && queue_stop(c) && queue_again(c, (uint16_t)c->rule->arg);
	for (unsigned i = 0; ok && i < 40; i++) {
		ok = cf_works(c);
	}
}

/* ---- configuration ---- */

static void config_early(struct cf *c)
{
	uint8_t early[64], late[64];
	uint32_t len = c->dev->config < sizeof(early) ? c->dev->config : (uint32_t)sizeof(early);

	if (len == 0) {
		(void)cf_na(c, "this device has no configuration space");
		return;
	}
	(void)(cf_config(c, 0, early, len) && cf_up(c) && cf_config(c, 0, late, len) &&
	       cf_expect(c, memcmp(early, late, len) == 0,
			 "configuration reads differently before and after FEATURES_OK"));
}

#define ST  "2.1.2", "Device Status Field"
#define RS  "2.4.1", "Device Reset"
#define QR  "2.6.1.1.1", "Virtqueue Reset"
#define QRE "2.6.1.2.1", "Virtqueue Re-enable"
#define R   VIO_F_RING_RESET
#define S   VHU_P_STATUS

/* clang-format off */
const struct cf_rule cf_status_rules[] = {
	{ "status.not-consumed", ST, "no buffer is consumed before DRIVER_OK", 0, S, 0, 0, not_consumed },
	{ "status.not-consumed-packed", ST, "no buffer is consumed before DRIVER_OK", P, S, 0, 0, not_consumed },
	{ "status.not-notified", ST, "no used buffer notification comes before DRIVER_OK", 0, S, 0, 0, not_notified },
	{ "status.early-buffers", "3.1.1", "Device Initialization", "queues may be populated before DRIVER_OK", 0, 0, 0, 0, early_buffers },
	{ "status.needs-reset", ST, "NEEDS_RESET is followed by a configuration change notification", 0, S | VHU_P_BACKEND_REQ | VHU_P_CONFIG, CF_CLOSES, 0, needs_reset },
	{ "reset.status", RS, "the status is 0 after a reset", 0, S, 0, 0, reset_zero },
	{ "reset.quiet", RS, "after a reset queues are not touched", 0, 0, 0, 1, reset_quiet },
	{ "reset.quiet-packed", RS, "after a reset queues are not touched", P, 0, 0, 1, reset_quiet },
	{ "reset.in-flight", RS, "what was under way at a reset changes nothing afterwards", 0, 0, 0, 0, reset_quiet },
	{ "reset.works", RS, "the driver can initialize the device again", 0, 0, 0, 0, reset_works },
	{ "reset.other-format", RS, "and with other features, here packed after split rings", P, 0, 0, 0, reset_works },
	{ "queue-reset.quiet", QR, "a queue that was reset executes and notifies nothing", R, 0, 0, 0, queue_quiet },
	{ "queue-reset.quiet-packed", QR, "a queue that was reset executes and notifies nothing", R | P, 0, 0, 0, queue_quiet },
	{ "queue-reset.default", QR, "its state is the default one afterwards", R, 0, 0, 0, queue_default },
	{ "queue-reset.default-packed", QR, "its state is the default one afterwards", R | P, 0, 0, 0, queue_default },
	{ "queue-reset.size", QRE, "a size that was changed meanwhile is observed", R, 0, 0, 16, queue_default },
	{ "config.early", "2.5.2", "Device Configuration Space", "configuration can be read before FEATURES_OK", 0, VHU_P_CONFIG, 0, 0, config_early },
};
/* clang-format on */
const unsigned cf_status_nrules = sizeof(cf_status_rules) / sizeof(cf_status_rules[0]);
