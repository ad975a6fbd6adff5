/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * state.c - features and status of the device
 *
 * Theory of operation. What a front-end writes as status is kept here; the device itself is at FEATURES_OK as soon as it
 * has features that it works with (agree), and goes to DRIVER_OK once a ring is set up (vhu_up). That serves front-ends
 * that never mention a status, those that say FEATURES_OK first of all, and those that change features between. Status 0
 * and RESET_DEVICE reset the device at once and are answered when the reset is complete. Memory and the call descriptors
 * outlive a reset; so do features, until others come.
 */
#include <stdio.h>
#include "port/vhost_user/internal.h"

#define LEGACY_BITS                                                                                \
	((1ULL << 24) |                                                                            \
	 (1ULL << 27)) /* NOTIFY_ON_EMPTY, ANY_LAYOUT: meaningless since virtio 1.0 */

int vhu_get_features(struct vhu *v, struct vhu_msg *m)
{
	uint64_t f = v->dev->offered | VHU_F_PROTOCOL;

	(void)m;
	vhu_reply(v, &f, sizeof(f));
	return VHU_REPLIED;
}

static int reset_later(struct vhu *v)
{
	if (!vhu_reset_step(v)) {
		return VHU_LATER;
	}
	vhu_rings_reset(v, false);
	return VHU_DONE;
}

/* The device takes the front-end's features, or says by FEATURES_OK that it does not; nothing runs. */
static bool agree(struct vhu *v)
{
	static const uint8_t before[] = { VIO_S_ACKNOWLEDGE, VIO_S_ACKNOWLEDGE | VIO_S_DRIVER };
	uint8_t s = VIO_S_ACKNOWLEDGE | VIO_S_DRIVER | VIO_S_FEATURES_OK;
	uint64_t f = v->features & ~VHU_F_PROTOCOL;

	if (((vio_dev_status(v->dev) & VIO_S_FEATURES_OK) != 0u) && (v->dev->features == f)) {
		return true;
	}
	(void)vio_dev_set_status(v->dev, 0); /* no ring is up: it is complete at once */
	for (size_t i = 0; i < sizeof(before); i++) {
		(void)vio_dev_set_status(v->dev, before[i]);
	}
	if (vio_dev_accept(v->dev, f) == VIO_OK) {
		(void)vio_dev_set_status(v->dev, s);
	}
	return (vio_dev_status(v->dev) & VIO_S_FEATURES_OK) != 0u;
}

static int features_later(struct vhu *v)
{
	int answer = reset_later(v);

	if (answer == VHU_DONE) {
		(void)agree(v);
	}
	return answer;
}

int vhu_set_features(struct vhu *v, struct vhu_msg *m)
{
	const uint64_t iommu_needs = VHU_P_REPLY_ACK | VHU_P_BACKEND_REQ;
	uint64_t f = m->b.u64, bad = f & ~(v->dev->offered | VHU_F_PROTOCOL | LEGACY_BITS);

	f &= ~LEGACY_BITS;
	if (bad != 0) {
		return vhu_refuse(v, "bits 0x%llx are not offered", (unsigned long long)bad);
	}
	if (v->cfg.window && ((f & VIO_F_ACCESS_PLATFORM) != 0u)) {
		return vhu_refuse(v, "the front-end's IOMMU would translate addresses, but a "
				     "window is not translated: take the device out of the IOMMU");
	}
	if (((f & VIO_F_ACCESS_PLATFORM) != 0u) && ((v->proto & iommu_needs) != iommu_needs)) {
		return vhu_refuse(v, "VIRTIO_F_ACCESS_PLATFORM needs REPLY_ACK and BACKEND_REQ");
	}
	if (v->has_features && (f == v->features)) {
		(void)(v->up || agree(v)); /* there may have been a reset */
		return VHU_DONE;
	}
	if (vhu_rings_live(v)) {
		return vhu_refuse(v, "other features (0x%llx) while rings run",
				  (unsigned long long)f);
	}
	v->features = f;
	v->has_features = true;
	v->told = false;
	if (v->up) {
		return vhu_wait(v, features_later);
	}
	(void)agree(v); /* FEATURES_OK tells */
	return VHU_DONE;
}

/* What the driver does without although the device has it: said once, with the device's own words. */
static void tell_missing(struct vhu *v)
{
	uint64_t missing = v->dev->class_features & ~v->features;
	const char *hint = NULL;
	char bits[128] = "";
	size_t at = 0;

	if (v->told || (missing == 0)) {
		return;
	}
	v->told = true;
	for (unsigned int i = 0; (i < 64u) && (at < (sizeof(bits) - 8u)); i++) {
		if (((missing >> i) & 1u) != 0) {
			at += (size_t)snprintf(bits + at, sizeof(bits) - at, " %u", i);
		}
	}
	if (v->cfg.feature_hint != NULL) {
		hint = v->cfg.feature_hint(v->dev, missing);
	}
	log_say((hint != NULL) ? LOG_WARN : LOG_DEBUG, v->name,
		"the front-end or the guest does not use feature bits%s of the device%s%s", bits,
		(hint != NULL) ? ": " : "", (hint != NULL) ? hint : "");
}

int vhu_up(struct vhu *v)
{
	uint64_t f = v->features & ~VHU_F_PROTOCOL;

	if (v->up) {
		return VHU_DONE;
	}
	if ((f & VIO_F_VERSION_1) == 0u) {
		return vhu_refuse(v, "features 0x%llx lack VIRTIO_F_VERSION_1: a legacy driver",
				  (unsigned long long)f);
	}
	if (vhu_table_up(v) != VHU_DONE) {
		return VHU_REFUSED;
	}
	if (!agree(v)) {
		return vhu_refuse(v, "the device does not work with features 0x%llx",
				  (unsigned long long)f);
	}
	v->up = true; /* from here on a reset has something to do */
	tell_missing(v);
	if (vio_dev_set_status(v->dev, VIO_S_ACKNOWLEDGE | VIO_S_DRIVER | VIO_S_FEATURES_OK |
					       VIO_S_DRIVER_OK) < 0) {
		log_warn(v->name, "the device did not start: its host refused, or needs a feature "
				  "that is missing");
	}
	return VHU_DONE;
}

bool vhu_reset_step(struct vhu *v)
{
	if (!v->resetting && (vio_dev_status(v->dev) != 0u)) {
		v->resetting = true;
		(void)vio_dev_set_status(v->dev, 0);
		for (uint16_t i = 0; i < v->dev->nvq; i++) {
			loop_post(v->ring[i].x->loop,
				  &v->ring[i].turn); /* each queue drains on its own loop */
		}
	}
	if (vio_dev_status(v->dev) != 0u) {
		return false; /* each turn makes us look again */
	}
	v->resetting = false;
	v->up = false;
	v->told_failed = false;
	return true;
}

int vhu_set_status(struct vhu *v, struct vhu_msg *m)
{
	if (m->b.u64 > UINT8_MAX) {
		return vhu_refuse(v, "status 0x%llx", (unsigned long long)m->b.u64);
	}
	v->status = (uint8_t)m->b.u64;
	v->status_used = true;
	if (v->status == 0u) {
		return vhu_wait(v, reset_later);
	}
	return vhu_rings_try(v);
}

int vhu_get_status(struct vhu *v, struct vhu_msg *m)
{
	uint64_t s = v->status | (vio_dev_status(v->dev) & VIO_S_NEEDS_RESET);

	(void)m;
	if (!v->has_features || v->resetting || (!v->up && !agree(v))) {
		s &= ~(uint64_t)VIO_S_FEATURES_OK;
	}
	vhu_reply(v, &s, sizeof(s));
	return VHU_REPLIED;
}

int vhu_reset_device(struct vhu *v, struct vhu_msg *m)
{
	(void)m;
	v->status = 0;
	return vhu_wait(v, reset_later);
}
