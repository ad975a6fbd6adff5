/* SPDX-License-Identifier: BSD-3-Clause */
/* request.c - the table of requests, and the small ones */
#include <string.h>
#include "port/vhost_user/internal.h"

static int ignore(struct vhu *v, struct vhu_msg *m)
{
	(void)v;
	(void)m;
	return VHU_DONE;
}

static int reply_u64(struct vhu *v, uint64_t u64)
{
	vhu_reply(v, &u64, sizeof(u64));
	return VHU_REPLIED;
}

static uint64_t proto_offered(const struct vhu *v)
{
	uint64_t p = VHU_P_MQ | VHU_P_REPLY_ACK | VHU_P_BACKEND_REQ | VHU_P_BACKEND_SEND_FD |
		     VHU_P_RESET_DEVICE | VHU_P_MEM_SLOTS | VHU_P_STATUS;

	p |= (v->dev->ops->config_len > 0u) ? VHU_P_CONFIG : 0u;
	p |= v->cfg.inband ? VHU_P_INBAND : 0u;
	return p & ~v->cfg.without;
}

static int get_protocol_features(struct vhu *v, struct vhu_msg *m)
{
	(void)m;
	return reply_u64(v, proto_offered(v));
}

static int set_protocol_features(struct vhu *v, struct vhu_msg *m)
{
	uint64_t p = m->b.u64;

	if ((p & ~proto_offered(v)) != 0) {
		return vhu_refuse(v, "0x%llx is not offered",
				  (unsigned long long)(p & ~proto_offered(v)));
	}
	if (((p & VHU_P_INBAND) != 0) && ((p & (VHU_P_BACKEND_REQ | VHU_P_REPLY_ACK)) !=
					  (VHU_P_BACKEND_REQ | VHU_P_REPLY_ACK))) {
		(void)vhu_refuse(v, "in-band notifications need BACKEND_REQ and REPLY_ACK");
		return VHU_FATAL;
	}
	if (v->up && (p != v->proto)) {
		return vhu_refuse(v, "the device runs");
	}
	v->proto = p;
	return VHU_DONE;
}

static int get_queue_num(struct vhu *v, struct vhu_msg *m)
{
	(void)m;
	return reply_u64(v, v->dev->nvq);
}

static int get_max_mem_slots(struct vhu *v, struct vhu_msg *m)
{
	(void)m;
	return reply_u64(v, v->cfg.window ? 1u : VHU_SLOTS);
}

static int get_config(struct vhu *v, struct vhu_msg *m)
{
	struct vhu_wire_config c = m->b.config;

	if ((m->h.size != (VHU_CONFIG_HEADER + c.len)) || (c.len > VHU_CONFIG_MAX) ||
	    (c.off > VHU_CONFIG_MAX)) {
		(void)vhu_refuse(v, "%u bytes at %u in a message of %u", c.len, c.off, m->h.size);
		vhu_reply(v, NULL, 0); /* how the protocol says no */
		return VHU_REPLIED;
	}
	vio_dev_config_read(v->dev, c.off, c.byte, c.len);
	vhu_reply(v, &c, m->h.size);
	return VHU_REPLIED;
}

static int set_config(struct vhu *v, struct vhu_msg *m)
{
	const struct vhu_wire_config *c = &m->b.config;

	if (m->h.size != (VHU_CONFIG_HEADER + c->len)) {
		return vhu_refuse(v, "%u bytes in a message of %u", c->len, m->h.size);
	}
	if (vio_dev_config_write(v->dev, c->off, c->byte, c->len) < 0) {
		return vhu_refuse(v, "the device does not let %u bytes at %u be written", c->len,
				  c->off);
	}
	return VHU_DONE;
}

#define U64  8, 8
#define NONE 0, 0

const struct vhu_op vhu_ops[] = {
	/* name, needs, request, body min and max, descriptors min and max, replies, handler */
	{ "GET_FEATURES", 0, VHU_GET_FEATURES, NONE, 0, 0, true, vhu_get_features },
	{ "SET_FEATURES", 0, VHU_SET_FEATURES, U64, 0, 0, false, vhu_set_features },
	{ "SET_OWNER", 0, VHU_SET_OWNER, NONE, 0, 0, false, ignore },
	{ "RESET_OWNER", 0, VHU_RESET_OWNER, NONE, 0, 0, false, ignore },
	{ "SET_MEM_TABLE", 0, VHU_SET_MEM_TABLE, 8, 264, 0, 8, false, vhu_set_mem_table },
	{ "SET_VRING_NUM", 0, VHU_SET_VRING_NUM, U64, 0, 0, false, vhu_set_vring_num },
	{ "SET_VRING_ADDR", 0, VHU_SET_VRING_ADDR, 40, 40, 0, 0, false, vhu_set_vring_addr },
	{ "SET_VRING_BASE", 0, VHU_SET_VRING_BASE, U64, 0, 0, false, vhu_set_vring_base },
	{ "GET_VRING_BASE", 0, VHU_GET_VRING_BASE, U64, 0, 0, true, vhu_get_vring_base },
	{ "SET_VRING_KICK", 0, VHU_SET_VRING_KICK, U64, 0, 1, false, vhu_set_vring_kick },
	{ "SET_VRING_CALL", 0, VHU_SET_VRING_CALL, U64, 0, 1, false, vhu_set_vring_call },
	{ "SET_VRING_ERR", 0, VHU_SET_VRING_ERR, U64, 0, 1, false, vhu_set_vring_err },
	{ "GET_PROTOCOL_FEATURES", 0, VHU_GET_PROTOCOL_FEATURES, NONE, 0, 0, true,
	  get_protocol_features },
	{ "SET_PROTOCOL_FEATURES", 0, VHU_SET_PROTOCOL_FEATURES, U64, 0, 0, false,
	  set_protocol_features },
	{ "GET_QUEUE_NUM", 0, VHU_GET_QUEUE_NUM, NONE, 0, 0, true, get_queue_num },
	{ "SET_VRING_ENABLE", 0, VHU_SET_VRING_ENABLE, U64, 0, 0, false, vhu_set_vring_enable },
	{ "SET_BACKEND_REQ_FD", VHU_P_BACKEND_REQ, VHU_SET_BACKEND_REQ_FD, NONE, 1, 1, false,
	  vhu_set_backend_fd },
	{ "IOTLB_MSG", 0, VHU_IOTLB_MSG, 26, 32, 0, 0, false, vhu_iotlb_msg },
	{ "GET_CONFIG", VHU_P_CONFIG, VHU_GET_CONFIG, 12, 268, 0, 0, true, get_config },
	{ "SET_CONFIG", VHU_P_CONFIG, VHU_SET_CONFIG, 12, 268, 0, 0, false, set_config },
	{ "RESET_DEVICE", VHU_P_RESET_DEVICE, VHU_RESET_DEVICE, NONE, 0, 0, false,
	  vhu_reset_device },
	{ "VRING_KICK", VHU_P_INBAND, VHU_VRING_KICK, U64, 0, 0, false, vhu_vring_kick },
	{ "GET_MAX_MEM_SLOTS", VHU_P_MEM_SLOTS, VHU_GET_MAX_MEM_SLOTS, NONE, 0, 0, true,
	  get_max_mem_slots },
	{ "ADD_MEM_REG", VHU_P_MEM_SLOTS, VHU_ADD_MEM_REG, 40, 40, 1, 1, false, vhu_add_mem_reg },
	{ "REM_MEM_REG", VHU_P_MEM_SLOTS, VHU_REM_MEM_REG, 40, 40, 0, 1, false, vhu_rem_mem_reg },
	{ "SET_STATUS", VHU_P_STATUS, VHU_SET_STATUS, U64, 0, 0, false, vhu_set_status },
	{ "GET_STATUS", VHU_P_STATUS, VHU_GET_STATUS, NONE, 0, 0, true, vhu_get_status },
};

const struct vhu_op *vhu_op_find(uint32_t request)
{
	for (size_t i = 0; i < (sizeof(vhu_ops) / sizeof(vhu_ops[0])); i++) {
		if (vhu_ops[i].request == request) {
			return &vhu_ops[i];
		}
	}
	return NULL;
}
