/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * msg.c - virtio-msg, one device
 *
 * Theory of operation. A request is a function of its payload: the table below says how many bytes each needs before
 * its function sees it, so no function reads behind the end. Every request that is well-formed has a response, also
 * one that was refused: the driver sees that in the status. The one response that cannot be given at once is that of
 * RESET_VQ, which says that the queue is down; it is held, and vio_msg_next has it when the queue is.
 *
 * Events are not queued but noted: a bit for each queue, one for the configuration. So a device never has more to say
 * than its queues and two, however long the driver does not listen.
 */
#include <string.h>
#include "vio/msg.h"

static void on_signal(void *port, uint16_t vq)
{
	struct vio_msg *m = port;

	__atomic_store_n(&m->ctl.vq[vq].due, 1u, __ATOMIC_RELEASE);
	m->ops->due(m->ctx);
}

static void on_config(void *port)
{
	struct vio_msg *m = port;

	__atomic_store_n(&m->config_due, true, __ATOMIC_RELEASE);
	m->ops->due(m->ctx);
}

static void on_wake(void *port, uint16_t vq)
{
	struct vio_msg *m = port;

	m->ops->run(m->ctx, vq);
}

static const struct vio_port_ops port_ops = { .signal = on_signal,
					      .config = on_config,
					      .wake = on_wake };

void vio_msg_init(struct vio_msg *m, struct vio_dev *d, struct vio_ctl_vq *vq, uint16_t num,
		  uint16_t size, enum vio_msg_layout layout, const struct vio_msg_ops *ops,
		  void *ctx, uint64_t transport_features)
{
	*m = (struct vio_msg){ .ctl = { .dev = d, .vq = vq, .run = ops->run, .ctx = ctx },
			       .ops = ops,
			       .ctx = ctx,
			       .num = num,
			       .size = size,
			       .layout = (uint8_t)layout };
	vio_ctl_forget(&m->ctl);
	vio_dev_attach(d, &port_ops, m, transport_features);
}

static uint32_t head(const struct vio_msg *m, uint8_t *out, uint8_t type, uint8_t id,
		     uint16_t token, uint32_t bytes)
{
	(void)memset(out, 0, bytes);
	out[VIO_MSG_TYPE] = type;
	out[VIO_MSG_ID] = id;
	vio_pack16(out + VIO_MSG_DEV, m->num);
	vio_pack16(out + VIO_MSG_TOKEN, token);
	vio_pack16(out + VIO_MSG_SIZE, (uint16_t)bytes);
	return bytes;
}

static uint32_t respond(const struct vio_msg *m, const uint8_t *req, uint8_t *resp, uint32_t bytes)
{
	return head(m, resp, VIO_MSG_T_RESPONSE, req[VIO_MSG_ID], vio_unpack16(req + VIO_MSG_TOKEN),
		    bytes);
}

static uint32_t drop(struct vio_msg *m)
{
	m->dropped++;
	return 0u;
}

/* ---- what it is ---- */

static uint32_t get_info(struct vio_msg *m, const uint8_t *req, uint32_t len, uint8_t *resp)
{
	const struct vio_dev *d = m->ctl.dev;
	bool rfc = m->layout == (uint8_t)VIO_MSG_RFC3;
	uint32_t n = respond(m, req, resp, rfc ? VIO_MSG_INFO_RFC_BYTES : VIO_MSG_INFO_BYTES);

	(void)len;
	vio_pack32(resp + VIO_MSG_INFO_DEVICE, d->ops->id);
	vio_pack32(resp + VIO_MSG_INFO_VENDOR, m->vendor);
	vio_pack32(resp + (rfc ? VIO_MSG_INFO_RFC_BITS : VIO_MSG_INFO_BLOCKS), rfc ? 64u : 2u);
	vio_pack32(resp + (rfc ? VIO_MSG_INFO_RFC_CONFIG : VIO_MSG_INFO_CONFIG),
		   d->ops->config_len);
	vio_pack32(resp + (rfc ? VIO_MSG_INFO_RFC_VQS : VIO_MSG_INFO_VQS), d->nvq);
	if (!rfc) {
		(void)memcpy(resp + VIO_MSG_INFO_UUID, m->uuid, sizeof(m->uuid));
	}
	return n;
}

static uint32_t get_features(struct vio_msg *m, const uint8_t *req, uint32_t len, uint8_t *resp)
{
	uint32_t block = vio_unpack32(req + VIO_MSG_FEATURES_BLOCK);
	uint32_t n = vio_unpack32(req + VIO_MSG_FEATURES_N);

	(void)len;
	if (n > ((m->size - VIO_MSG_FEATURES_WORDS) / 4u)) {
		return drop(m);
	}
	(void)respond(m, req, resp, VIO_MSG_FEATURES_WORDS + 4u * n);
	vio_pack32(resp + VIO_MSG_FEATURES_BLOCK, block);
	vio_pack32(resp + VIO_MSG_FEATURES_N, n);
	for (uint32_t i = 0u; (i < n) && (block < 2u); i++, block++) {
		vio_pack32(resp + VIO_MSG_FEATURES_WORDS + 4u * i,
			   (uint32_t)(m->ctl.dev->offered >> (32u * block)));
	}
	return VIO_MSG_FEATURES_WORDS + 4u * n;
}

static uint32_t set_features(struct vio_msg *m, const uint8_t *req, uint32_t len, uint8_t *resp)
{
	uint32_t block = vio_unpack32(req + VIO_MSG_FEATURES_BLOCK);
	uint32_t n = vio_unpack32(req + VIO_MSG_FEATURES_N);

	if (n > ((len - VIO_MSG_FEATURES_WORDS) / 4u)) {
		return drop(m);
	}
	for (uint32_t i = 0u; (i < n) && !vio_ctl_resetting(&m->ctl); i++) {
		uint32_t at = (i > (UINT32_MAX - block)) ? UINT32_MAX : (block + i);

		(void)vio_ctl_accept(&m->ctl, at,
				     vio_unpack32(req + VIO_MSG_FEATURES_WORDS + 4u * i));
	}
	return respond(m, req, resp, VIO_MSG_HEAD);
}

static uint32_t get_shm(struct vio_msg *m, const uint8_t *req, uint32_t len, uint8_t *resp)
{
	(void)len; /* none: length 0 */
	(void)respond(m, req, resp,
		      (m->layout == (uint8_t)VIO_MSG_RFC3) ? VIO_MSG_SHM_RFC_BYTES
							   : VIO_MSG_SHM_BYTES);
	(void)memcpy(resp + VIO_MSG_HEAD, req + VIO_MSG_HEAD, 4u);
	return vio_unpack16(resp + VIO_MSG_SIZE);
}

/* ---- configuration ---- */

static uint32_t generation(const struct vio_msg *m)
{
	return __atomic_load_n(&m->ctl.dev->generation, __ATOMIC_ACQUIRE);
}

/* Bytes [off, off + n) as they are, in one response; n: what fits */
static uint32_t show_config(struct vio_msg *m, const uint8_t *req, uint8_t *resp, uint32_t off,
			    uint32_t n)
{
	uint32_t bytes = respond(m, req, resp, VIO_MSG_CONFIG_BYTES + n);

	vio_pack32(resp + VIO_MSG_CONFIG_GEN, generation(m));
	vio_pack32(resp + VIO_MSG_CONFIG_OFF, off);
	vio_pack32(resp + VIO_MSG_CONFIG_LEN, n);
	vio_dev_config_read(m->ctl.dev, off, resp + VIO_MSG_CONFIG_BYTES, n);
	return bytes;
}

static uint32_t get_config(struct vio_msg *m, const uint8_t *req, uint32_t len, uint8_t *resp)
{
	uint32_t n = vio_unpack32(req + VIO_MSG_GET_CONFIG_LEN);
	uint32_t most = m->size - VIO_MSG_CONFIG_BYTES;

	(void)len;
	return show_config(m, req, resp, vio_unpack32(req + VIO_MSG_GET_CONFIG_OFF),
			   (n < most) ? n : most);
}

static uint32_t set_config(struct vio_msg *m, const uint8_t *req, uint32_t len, uint8_t *resp)
{
	uint32_t off = vio_unpack32(req + VIO_MSG_CONFIG_OFF);
	uint32_t n = vio_unpack32(req + VIO_MSG_CONFIG_LEN);

	if (n > (len - VIO_MSG_CONFIG_BYTES)) {
		return drop(m);
	}
	if (vio_ctl_resetting(&m->ctl) ||
	    (vio_dev_config_write(m->ctl.dev, off, req + VIO_MSG_CONFIG_BYTES, n) != VIO_OK)) {
		n = 0u; /* refused */
	}
	return show_config(m, req, resp, off, n);
}

/* ---- status ---- */

static uint32_t get_status(struct vio_msg *m, const uint8_t *req, uint32_t len, uint8_t *resp)
{
	(void)len;
	(void)respond(m, req, resp, VIO_MSG_HEAD + 4u);
	vio_pack32(resp + VIO_MSG_HEAD, vio_dev_status(m->ctl.dev));
	return VIO_MSG_HEAD + 4u;
}

int vio_msg_reset(struct vio_msg *m)
{
	int rc = vio_ctl_status(&m->ctl, 0u);

	m->held = false;
	__atomic_store_n(&m->config_due, false, __ATOMIC_RELEASE);
	return rc;
}

static uint32_t set_status(struct vio_msg *m, const uint8_t *req, uint32_t len, uint8_t *resp)
{
	uint8_t s = (uint8_t)vio_unpack32(req + VIO_MSG_HEAD);

	if (s == 0u) {
		(void)vio_msg_reset(m);
	} else {
		(void)vio_ctl_status(&m->ctl, s);
	}
	return get_status(m, req, len, resp);
}

/* ---- queues ---- */

static uint32_t get_vq(struct vio_msg *m, const uint8_t *req, uint32_t len, uint8_t *resp)
{
	uint32_t i = vio_unpack32(req + VIO_MSG_VQ_INDEX);

	(void)len;
	(void)respond(m, req, resp, VIO_MSG_VQ_BYTES);
	vio_pack32(resp + VIO_MSG_VQ_INDEX, i);
	if (i >= m->ctl.dev->nvq) {
		return VIO_MSG_VQ_BYTES;
	}
	(void)vio_ctl_settle(&m->ctl, (uint16_t)i);
	vio_pack32(resp + VIO_MSG_GET_VQ_MAX, m->ctl.dev->vq[i].size_max);
	if (!vio_ctl_up(&m->ctl, (uint16_t)i)) {
		return VIO_MSG_VQ_BYTES;
	}
	vio_pack32(resp + VIO_MSG_GET_VQ_SIZE, m->ctl.vq[i].size);
	vio_pack32(resp + VIO_MSG_GET_VQ_FLAGS,
		   (m->layout == (uint8_t)VIO_MSG_RFC3) ? 0u : VIO_MSG_VQ_ENABLED);
	for (uint32_t k = 0u; k < 3u; k++) {
		vio_pack64(resp + VIO_MSG_VQ_AREA + 8u * k, m->ctl.dev->vq[i].area_addr[k]);
	}
	return VIO_MSG_VQ_BYTES;
}

/* Queue i, which is there */
static void set_up(struct vio_msg *m, uint16_t i, const uint8_t *req)
{
	struct vio_ctl_vq *s = &m->ctl.vq[i];
	struct vio_vq *q = &m->ctl.dev->vq[i];

	if ((s->state != (uint8_t)VIO_CTL_IDLE) || q->enabled ||
	    ((vio_dev_status(m->ctl.dev) & VIO_S_FEATURES_OK) == 0u)) {
		(void)vio_ctl_fault(&m->ctl);
		return;
	}
	s->size = vio_ctl_size(vio_unpack32(req + VIO_MSG_SET_VQ_SIZE));
	for (uint32_t k = 0u; k < 3u; k++) {
		q->area_addr[k] = vio_unpack64(req + VIO_MSG_VQ_AREA + 8u * k);
	}
	if (vio_ctl_start(&m->ctl, i, false) < 0) {
		*s = (struct vio_ctl_vq){ .state = VIO_CTL_IDLE };
		(void)vio_ctl_fault(&m->ctl);
	}
}

static uint32_t set_vq(struct vio_msg *m, const uint8_t *req, uint32_t len, uint8_t *resp)
{
	uint32_t i = vio_unpack32(req + VIO_MSG_VQ_INDEX);

	(void)len;
	if ((m->layout == (uint8_t)VIO_MSG_V2) &&
	    (vio_unpack32(req + VIO_MSG_SET_VQ_FLAGS) != VIO_MSG_VQ_ENABLED)) {
		return drop(m); /* no other operation is defined */
	}
	if ((i < m->ctl.dev->nvq) && !vio_ctl_resetting(&m->ctl)) {
		set_up(m, (uint16_t)i, req);
	}
	return respond(m, req, resp, VIO_MSG_HEAD);
}

static uint32_t reset_vq(struct vio_msg *m, const uint8_t *req, uint32_t len, uint8_t *resp)
{
	uint32_t i = vio_unpack32(req + VIO_MSG_VQ_INDEX);

	(void)len;
	if ((i >= m->ctl.dev->nvq) || m->held ||
	    ((m->ctl.dev->features & VIO_F_RING_RESET) == 0u)) {
		return drop(m);
	}
	if (vio_ctl_reset(&m->ctl, (uint16_t)i) == VIO_OK) {
		return respond(m, req, resp, VIO_MSG_HEAD);
	}
	m->held = true;
	m->held_vq = (uint16_t)i;
	m->held_token = vio_unpack16(req + VIO_MSG_TOKEN);
	m->ctl.run(m->ctl.ctx, (uint16_t)i);
	return 0u;
}

static uint32_t avail(struct vio_msg *m, const uint8_t *req, uint32_t len, uint8_t *resp)
{
	uint32_t i = vio_unpack32(req + VIO_MSG_VQ_INDEX);

	(void)len;
	(void)resp;
	if (i >= m->ctl.dev->nvq) {
		return drop(m);
	}
	m->ctl.run(m->ctl.ctx, (uint16_t)i);
	return 0u;
}

/* ---- which is which ---- */

struct verb {
	uint32_t (*fn)(struct vio_msg *m, const uint8_t *req, uint32_t len, uint8_t *resp);
	uint8_t bytes; /* least, header included */
};

static const struct verb requests[] = {
	[VIO_MSG_GET_INFO] = { get_info, VIO_MSG_HEAD },
	[VIO_MSG_GET_FEATURES] = { get_features, VIO_MSG_FEATURES_WORDS },
	[VIO_MSG_SET_FEATURES] = { set_features, VIO_MSG_FEATURES_WORDS },
	[VIO_MSG_GET_CONFIG] = { get_config, 16u },
	[VIO_MSG_SET_CONFIG] = { set_config, VIO_MSG_CONFIG_BYTES },
	[VIO_MSG_GET_STATUS] = { get_status, VIO_MSG_HEAD },
	[VIO_MSG_SET_STATUS] = { set_status, 12u },
	[VIO_MSG_GET_VQ] = { get_vq, 12u },
	[VIO_MSG_SET_VQ] = { set_vq, VIO_MSG_VQ_BYTES },
	[VIO_MSG_RESET_VQ] = { reset_vq, 12u },
	[VIO_MSG_GET_SHM] = { get_shm, 12u },
};
static const struct verb event_avail = { avail, 16u };

uint32_t vio_msg_handle(struct vio_msg *m, const uint8_t *req, uint32_t len, uint8_t *resp)
{
	const struct verb *v = NULL;
	uint32_t id, size;

	if (len < VIO_MSG_HEAD) {
		return drop(m);
	}
	id = req[VIO_MSG_ID];
	size = vio_unpack16(req + VIO_MSG_SIZE);
	if (id < (sizeof(requests) / sizeof(requests[0]))) {
		v = &requests[id];
	} else if (id == VIO_MSG_EVENT_AVAIL) {
		v = &event_avail;
	} else {
		return drop(m);
	}
	if ((v->fn == NULL) || (size > len) || (size < v->bytes) ||
	    ((req[VIO_MSG_TYPE] & (VIO_MSG_T_RESPONSE | VIO_MSG_T_BUS)) != 0u)) {
		return drop(m);
	}
	return v->fn(m, req, size, resp);
}

/* ---- what it says by itself ---- */

uint32_t vio_msg_next(struct vio_msg *m, uint8_t *out)
{
	if (m->held && (vio_ctl_settle(&m->ctl, m->held_vq) == VIO_OK)) {
		m->held = false;
		return head(m, out, VIO_MSG_T_RESPONSE, VIO_MSG_RESET_VQ, m->held_token,
			    VIO_MSG_HEAD);
	}
	if (__atomic_exchange_n(&m->config_due, false, __ATOMIC_ACQ_REL)) {
		(void)head(m, out, 0u, VIO_MSG_EVENT_CONFIG, 0u, VIO_MSG_EV_CONFIG_BYTES);
		vio_pack32(out + VIO_MSG_EV_CONFIG_STATUS, vio_dev_status(m->ctl.dev));
		vio_pack32(out + VIO_MSG_EV_CONFIG_GEN, generation(m));
		return VIO_MSG_EV_CONFIG_BYTES;
	}
	for (uint16_t i = 0u; i < m->ctl.dev->nvq; i++) {
		if (__atomic_exchange_n(&m->ctl.vq[i].due, 0u, __ATOMIC_ACQ_REL) != 0u) {
			(void)head(m, out, 0u, VIO_MSG_EVENT_USED, 0u, VIO_MSG_HEAD + 4u);
			vio_pack32(out + VIO_MSG_VQ_INDEX, i);
			return VIO_MSG_HEAD + 4u;
		}
	}
	return 0u;
}
