/* SPDX-License-Identifier: BSD-3-Clause */
/* msg.c - a driver's way to a device behind virtio-msg; a response that does not fit its request is VIO_E_IO */
#include <string.h>
#include "vio/drv_msg.h"

#define POLLS 1000000u

/* The request, then its response */
struct buf {
	uint8_t b[VIO_MSG_MAX];
};

/* Send m->b, whose payload is there; want: bytes that the response has at least, header included */
static int ask(struct vio_drv_msg *b, struct buf *m, uint8_t id, uint32_t len, uint32_t want)
{
	int rc;

	b->token++;
	m->b[VIO_MSG_TYPE] = 0u;
	m->b[VIO_MSG_ID] = id;
	vio_pack16(m->b + VIO_MSG_DEV, b->dev);
	vio_pack16(m->b + VIO_MSG_TOKEN, b->token);
	vio_pack16(m->b + VIO_MSG_SIZE, (uint16_t)len);
	rc = b->carry(b->ctx, m->b, len, m->b);
	if (rc < 0) {
		return rc;
	}
	if (((m->b[VIO_MSG_TYPE] & 3u) != VIO_MSG_T_RESPONSE) || (m->b[VIO_MSG_ID] != id) ||
	    (vio_unpack16(m->b + VIO_MSG_DEV) != b->dev) ||
	    (vio_unpack16(m->b + VIO_MSG_TOKEN) != b->token) ||
	    (vio_unpack16(m->b + VIO_MSG_SIZE) < want) ||
	    (vio_unpack16(m->b + VIO_MSG_SIZE) > b->size)) {
		return VIO_E_IO;
	}
	return VIO_OK;
}

int vio_drv_msg_info(struct vio_drv_msg *b, struct vio_drv_msg_info *info)
{
	struct buf m;
	int rc = ask(b, &m, VIO_MSG_GET_INFO, VIO_MSG_HEAD,
		     b->rfc ? VIO_MSG_INFO_RFC_BYTES : VIO_MSG_INFO_BYTES);

	if (rc != VIO_OK) {
		return rc;
	}
	info->id = vio_unpack32(m.b + VIO_MSG_INFO_DEVICE);
	info->vendor = vio_unpack32(m.b + VIO_MSG_INFO_VENDOR);
	info->config_len =
		vio_unpack32(m.b + (b->rfc ? VIO_MSG_INFO_RFC_CONFIG : VIO_MSG_INFO_CONFIG));
	info->vqs = vio_unpack32(m.b + (b->rfc ? VIO_MSG_INFO_RFC_VQS : VIO_MSG_INFO_VQS));
	return ((info->id != 0u) && (info->vqs != 0u)) ? VIO_OK : VIO_E_NOTSUP;
}

static int get_vq(struct vio_drv_msg *b, struct buf *m, uint16_t vq)
{
	int rc;

	vio_pack32(m->b + VIO_MSG_VQ_INDEX, vq);
	rc = ask(b, m, VIO_MSG_GET_VQ, VIO_MSG_HEAD + 4u, VIO_MSG_VQ_BYTES);
	if (rc != VIO_OK) {
		return rc;
	}
	return (vio_unpack32(m->b + VIO_MSG_VQ_INDEX) == vq) ? VIO_OK : VIO_E_IO;
}

int vio_drv_msg_vq_max(struct vio_drv_msg *b, uint16_t vq, uint32_t *max)
{
	struct buf m;
	int rc = get_vq(b, &m, vq);

	*max = (rc == VIO_OK) ? vio_unpack32(m.b + VIO_MSG_GET_VQ_MAX) : 0u;
	return rc;
}

static int bus_features(void *bus, uint64_t *offered)
{
	struct buf m;
	int rc;

	vio_pack32(m.b + VIO_MSG_FEATURES_BLOCK, 0u);
	vio_pack32(m.b + VIO_MSG_FEATURES_N, 2u);
	rc = ask(bus, &m, VIO_MSG_GET_FEATURES, VIO_MSG_FEATURES_WORDS,
		 VIO_MSG_FEATURES_WORDS + 8u);
	if (rc == VIO_OK) {
		*offered = vio_unpack64(m.b + VIO_MSG_FEATURES_WORDS);
	}
	return rc;
}

static int bus_accept(void *bus, uint64_t features)
{
	struct buf m;

	vio_pack32(m.b + VIO_MSG_FEATURES_BLOCK, 0u);
	vio_pack32(m.b + VIO_MSG_FEATURES_N, 2u);
	vio_pack64(m.b + VIO_MSG_FEATURES_WORDS, features);
	return ask(bus, &m, VIO_MSG_SET_FEATURES, VIO_MSG_FEATURES_WORDS + 8u, VIO_MSG_HEAD);
}

static int bus_status(void *bus, uint8_t *s)
{
	struct buf m;
	int rc = ask(bus, &m, VIO_MSG_GET_STATUS, VIO_MSG_HEAD, VIO_MSG_HEAD + 4u);

	if (rc == VIO_OK) {
		*s = m.b[VIO_MSG_HEAD];
	}
	return rc;
}

static int bus_set_status(void *bus, uint8_t s)
{
	struct vio_drv_msg *b = bus;
	uint32_t left = (b->polls != 0u) ? b->polls : POLLS;
	struct buf m;
	int rc;

	vio_pack32(m.b + VIO_MSG_HEAD, s);
	rc = ask(b, &m, VIO_MSG_SET_STATUS, VIO_MSG_HEAD + 4u, VIO_MSG_HEAD + 4u);
	while ((rc == VIO_OK) && (s == 0u) && (m.b[VIO_MSG_HEAD] != 0u)) {
		if (left == 0u) {
			return VIO_E_IO;
		}
		left--;
		rc = ask(b, &m, VIO_MSG_GET_STATUS, VIO_MSG_HEAD, VIO_MSG_HEAD + 4u);
	}
	return rc;
}

/* One run of bytes that fits a message; returns: VIO_OK and *gen | negative */
static int read_some(struct vio_drv_msg *b, uint32_t off, uint8_t *dst, uint32_t len, uint32_t *gen)
{
	struct buf m;
	int rc;

	vio_pack32(m.b + VIO_MSG_GET_CONFIG_OFF, off);
	vio_pack32(m.b + VIO_MSG_GET_CONFIG_LEN, len);
	rc = ask(b, &m, VIO_MSG_GET_CONFIG, 16u, VIO_MSG_CONFIG_BYTES + len);
	if (rc != VIO_OK) {
		return rc;
	}
	if ((vio_unpack32(m.b + VIO_MSG_CONFIG_OFF) != off) ||
	    (vio_unpack32(m.b + VIO_MSG_CONFIG_LEN) != len)) {
		return VIO_E_IO;
	}
	*gen = vio_unpack32(m.b + VIO_MSG_CONFIG_GEN);
	(void)memcpy(dst, m.b + VIO_MSG_CONFIG_BYTES, len);
	return VIO_OK;
}

static int bus_config_read(void *bus, uint32_t off, void *dst, uint32_t len)
{
	struct vio_drv_msg *b = bus;
	uint32_t left = (b->polls != 0u) ? b->polls : POLLS, most = b->size - VIO_MSG_CONFIG_BYTES;
	uint32_t first = 0u, gen = 0u;

	for (uint32_t i = 0u; i < len;) {
		uint32_t n = ((len - i) < most) ? (len - i) : most;
		int rc = read_some(b, off + i, (uint8_t *)dst + i, n, &gen);

		if (rc != VIO_OK) {
			return rc;
		}
		if ((i != 0u) && (gen != first)) { /* it changed between two pieces */
			if (left == 0u) {
				return VIO_E_IO;
			}
			left--;
			i = 0u;
			continue;
		}
		first = gen;
		i += n;
	}
	return VIO_OK;
}

static int bus_config_write(void *bus, uint32_t off, const void *src, uint32_t len)
{
	struct vio_drv_msg *b = bus;
	uint32_t most = b->size - VIO_MSG_CONFIG_BYTES, n;

	for (uint32_t i = 0u; i < len; i += n) {
		struct buf m;
		int rc;

		n = ((len - i) < most) ? (len - i) : most;
		vio_pack32(m.b + VIO_MSG_CONFIG_GEN, 0u);
		vio_pack32(m.b + VIO_MSG_CONFIG_OFF, off + i);
		vio_pack32(m.b + VIO_MSG_CONFIG_LEN, n);
		(void)memcpy(m.b + VIO_MSG_CONFIG_BYTES, (const uint8_t *)src + i, n);
		rc = ask(b, &m, VIO_MSG_SET_CONFIG, VIO_MSG_CONFIG_BYTES + n, VIO_MSG_CONFIG_BYTES);
		if (rc != VIO_OK) {
			return rc;
		}
		if (vio_unpack32(m.b + VIO_MSG_CONFIG_LEN) != n) {
			return VIO_E_ARG; /* refused */
		}
	}
	return VIO_OK;
}

static int bus_setup(void *bus, uint16_t vq, uint16_t size, uint64_t desc, uint64_t driver,
		     uint64_t device)
{
	struct vio_drv_msg *b = bus;
	struct buf m;
	int rc = get_vq(b, &m, vq);

	if (rc != VIO_OK) {
		return rc;
	}
	if ((vio_unpack32(m.b + VIO_MSG_GET_VQ_SIZE) != 0u) ||
	    (vio_unpack32(m.b + VIO_MSG_GET_VQ_MAX) < size)) {
		return VIO_E_ARG;
	}
	(void)memset(m.b, 0, VIO_MSG_VQ_BYTES);
	vio_pack32(m.b + VIO_MSG_VQ_INDEX, vq);
	vio_pack32(m.b + VIO_MSG_SET_VQ_FLAGS, b->rfc ? 0u : VIO_MSG_VQ_ENABLED);
	vio_pack32(m.b + VIO_MSG_SET_VQ_SIZE, size);
	vio_pack64(m.b + VIO_MSG_VQ_AREA, desc);
	vio_pack64(m.b + VIO_MSG_VQ_AREA + 8u, driver);
	vio_pack64(m.b + VIO_MSG_VQ_AREA + 16u, device);
	rc = ask(b, &m, VIO_MSG_SET_VQ, VIO_MSG_VQ_BYTES, VIO_MSG_HEAD);
	if (rc == VIO_OK) {
		rc = get_vq(b, &m, vq);
	}
	if (rc != VIO_OK) {
		return rc;
	}
	return (vio_unpack32(m.b + VIO_MSG_GET_VQ_SIZE) == size) ? VIO_OK : VIO_E_IO;
}

static int bus_reset_vq(void *bus, uint16_t vq)
{
	struct buf m;

	vio_pack32(m.b + VIO_MSG_VQ_INDEX, vq);
	return ask(bus, &m, VIO_MSG_RESET_VQ, VIO_MSG_HEAD + 4u, VIO_MSG_HEAD);
}

static int bus_kick(void *bus, uint16_t vq)
{
	struct vio_drv_msg *b = bus;
	uint8_t req[16] = { 0u };

	req[VIO_MSG_ID] = VIO_MSG_EVENT_AVAIL;
	vio_pack16(req + VIO_MSG_DEV, b->dev);
	vio_pack16(req + VIO_MSG_SIZE, sizeof(req));
	vio_pack32(req + VIO_MSG_VQ_INDEX, vq);
	return b->carry(b->ctx, req, sizeof(req), NULL);
}

const struct vio_bus_ops vio_drv_msg_bus = {
	.features = bus_features,
	.accept = bus_accept,
	.status = bus_status,
	.set_status = bus_set_status,
	.config_read = bus_config_read,
	.config_write = bus_config_write,
	.setup = bus_setup,
	.reset_vq = bus_reset_vq,
	.kick = bus_kick,
};
