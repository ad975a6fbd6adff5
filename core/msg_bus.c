/* SPDX-License-Identifier: BSD-3-Clause */
/* msg_bus.c - virtio-msg, several devices on one bus: who is there, and whose turn it is to speak */
#include <string.h>
#include "vio/msg.h"

void vio_msg_bus_init(struct vio_msg_bus *b, struct vio_msg_slot *slot, uint16_t n, uint16_t size,
		      enum vio_msg_layout layout)
{
	*b = (struct vio_msg_bus){ .slot = slot, .n = n, .size = size, .layout = (uint8_t)layout };
}

void vio_msg_bus_set(struct vio_msg_bus *b, uint16_t num, struct vio_msg *m, bool announce)
{
	b->slot[num].m = m;
	b->slot[num].news = 0u;
	if (announce) {
		b->slot[num].news = (m != NULL) ? VIO_MSG_BUS_READY : VIO_MSG_BUS_REMOVED;
	}
}

static uint32_t drop(struct vio_msg_bus *b)
{
	b->dropped++;
	return 0u;
}

static uint32_t head(uint8_t *out, uint8_t type, uint8_t id, uint16_t token, uint32_t bytes)
{
	(void)memset(out, 0, bytes);
	out[VIO_MSG_TYPE] = (uint8_t)(type | VIO_MSG_T_BUS);
	out[VIO_MSG_ID] = id;
	vio_pack16(out + VIO_MSG_TOKEN, token);
	vio_pack16(out + VIO_MSG_SIZE, (uint16_t)bytes);
	return bytes;
}

/* The list of devices: `count` answers as asked for, in whole bytes, as far as a message goes */
static uint32_t devices(struct vio_msg_bus *b, const uint8_t *req, uint8_t *resp)
{
	bool rfc = b->layout == VIO_MSG_RFC3;
	uint32_t off = vio_unpack16(req + VIO_MSG_DEVICES_OFF);
	uint32_t n = vio_unpack16(req + VIO_MSG_DEVICES_N);
	uint32_t most = (b->size - VIO_MSG_DEVICES_BITS) * 8u, next = 0u, bytes;

	if (((off % 8u) != 0u) || ((n % 8u) != 0u) || (n == 0u)) {
		return drop(b);
	}
	n = (n < most) ? n : most;
	bytes = head(resp, VIO_MSG_T_RESPONSE, VIO_MSG_BUS_DEVICES,
		     vio_unpack16(req + VIO_MSG_TOKEN), VIO_MSG_DEVICES_BITS + n / 8u);
	for (uint32_t i = 0u; (i < n) && ((off + i) < b->n); i++) {
		if (b->slot[off + i].m != NULL) {
			resp[VIO_MSG_DEVICES_BITS + i / 8u] |= (uint8_t)(1u << (i % 8u));
		}
	}
	if ((off + n) < b->n) {
		next = off + n;
	}
	vio_pack16(resp + VIO_MSG_DEVICES_OFF, (uint16_t)off);
	vio_pack16(resp + (rfc ? VIO_MSG_DEVICES_COUNT : VIO_MSG_DEVICES_NEXT), (uint16_t)next);
	vio_pack16(resp + (rfc ? VIO_MSG_DEVICES_NEXT : VIO_MSG_DEVICES_COUNT), (uint16_t)n);
	return bytes;
}

static uint32_t ping(const uint8_t *req, uint8_t *resp)
{
	(void)head(resp, VIO_MSG_T_RESPONSE, VIO_MSG_BUS_PING, vio_unpack16(req + VIO_MSG_TOKEN),
		   VIO_MSG_HEAD + 4u);
	(void)memcpy(resp + VIO_MSG_HEAD, req + VIO_MSG_HEAD, 4u);
	return VIO_MSG_HEAD + 4u;
}

uint32_t vio_msg_bus_handle(struct vio_msg_bus *b, const uint8_t *req, uint32_t len, uint8_t *resp)
{
	uint32_t size, num;

	if (len < VIO_MSG_HEAD) {
		return drop(b);
	}
	size = vio_unpack16(req + VIO_MSG_SIZE);
	num = vio_unpack16(req + VIO_MSG_DEV);
	if ((req[VIO_MSG_TYPE] & VIO_MSG_T_BUS) == 0u) {
		return ((num < b->n) && (b->slot[num].m != NULL))
			       ? vio_msg_handle(b->slot[num].m, req, len, resp)
			       : drop(b);
	}
	if (((req[VIO_MSG_TYPE] & VIO_MSG_T_RESPONSE) != 0u) || (size > len) ||
	    (size < (VIO_MSG_HEAD + 4u))) {
		return drop(b);
	}
	if (req[VIO_MSG_ID] == VIO_MSG_BUS_DEVICES) {
		return devices(b, req, resp);
	}
	return (req[VIO_MSG_ID] == VIO_MSG_BUS_PING) ? ping(req, resp) : drop(b);
}

static uint32_t news(struct vio_msg_bus *b, uint16_t i, uint8_t *out)
{
	(void)head(out, 0u, VIO_MSG_BUS_EVENT, 0u, VIO_MSG_HEAD + 4u);
	vio_pack16(out + VIO_MSG_HEAD, i);
	vio_pack16(out + VIO_MSG_HEAD + 2u, b->slot[i].news);
	b->slot[i].news = 0u;
	return VIO_MSG_HEAD + 4u;
}

uint32_t vio_msg_bus_next(struct vio_msg_bus *b, uint8_t *out)
{
	for (uint16_t k = 0u; k < b->n; k++) {
		uint16_t i = b->hand;
		uint32_t got = 0u;

		b->hand = (uint16_t)((i + 1u < b->n) ? (i + 1u) : 0u);
		if (b->slot[i].news != 0u) {
			got = news(b, i, out);
		} else if (b->slot[i].m != NULL) {
			got = vio_msg_next(b->slot[i].m, out);
		} else {
			/* nobody */
		}
		if (got != 0u) {
			return got;
		}
	}
	return 0u;
}

uint32_t vio_msg_bus_dropped(const struct vio_msg_bus *b)
{
	uint32_t n = b->dropped;

	for (uint16_t i = 0u; i < b->n; i++) {
		n += (b->slot[i].m != NULL) ? b->slot[i].m->dropped : 0u;
	}
	return n;
}
