/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * proto.h - vhost-user wire layouts and numbers; native byte order
 *
 * source: vhost-user protocol, "Message Specification", "Front-end message types", "Back-end message types"
 */
#ifndef PORT_VHOST_USER_PROTO_H
#define PORT_VHOST_USER_PROTO_H

#include "vio/base.h"

#define VHU_F_PROTOCOL                                                                             \
	(1ULL << 30) /* virtio feature bit: the protocol has feature bits of its own */

#define VHU_P_MQ	      (1ULL << 0)
#define VHU_P_REPLY_ACK	      (1ULL << 3)
#define VHU_P_BACKEND_REQ     (1ULL << 5)
#define VHU_P_CONFIG	      (1ULL << 9)
#define VHU_P_BACKEND_SEND_FD (1ULL << 10)
#define VHU_P_RESET_DEVICE    (1ULL << 13)
#define VHU_P_INBAND	      (1ULL << 14)
#define VHU_P_MEM_SLOTS	      (1ULL << 15)
#define VHU_P_STATUS	      (1ULL << 16)

/* header flags */
#define VHU_VERSION	 1u
#define VHU_VERSION_MASK 3u
#define VHU_IS_REPLY	 4u
#define VHU_NEED_REPLY	 8u

enum vhu_request {
	VHU_GET_FEATURES = 1,
	VHU_SET_FEATURES = 2,
	VHU_SET_OWNER = 3,
	VHU_RESET_OWNER = 4,
	VHU_SET_MEM_TABLE = 5,
	VHU_SET_VRING_NUM = 8,
	VHU_SET_VRING_ADDR = 9,
	VHU_SET_VRING_BASE = 10,
	VHU_GET_VRING_BASE = 11,
	VHU_SET_VRING_KICK = 12,
	VHU_SET_VRING_CALL = 13,
	VHU_SET_VRING_ERR = 14,
	VHU_GET_PROTOCOL_FEATURES = 15,
	VHU_SET_PROTOCOL_FEATURES = 16,
	VHU_GET_QUEUE_NUM = 17,
	VHU_SET_VRING_ENABLE = 18,
	VHU_SET_BACKEND_REQ_FD = 21,
	VHU_IOTLB_MSG = 22,
	VHU_GET_CONFIG = 24,
	VHU_SET_CONFIG = 25,
	VHU_RESET_DEVICE = 34,
	VHU_VRING_KICK = 35,
	VHU_GET_MAX_MEM_SLOTS = 36,
	VHU_ADD_MEM_REG = 37,
	VHU_REM_MEM_REG = 38,
	VHU_SET_STATUS = 39,
	VHU_GET_STATUS = 40
};

enum vhu_back_request {
	VHU_BACK_IOTLB_MSG = 1,
	VHU_BACK_CONFIG_CHANGE = 2,
	VHU_BACK_VRING_CALL = 4,
	VHU_BACK_VRING_ERR = 5
};

#define VHU_TABLE_REGIONS 8u	/* in SET_MEM_TABLE */
#define VHU_SLOTS	  509u	/* by ADD_MEM_REG */
#define VHU_CONFIG_MAX	  256u	/* bytes of configuration space in one message */
#define VHU_RING_MASK	  0xffu /* SET_VRING_KICK, CALL, ERR */
#define VHU_RING_NO_FD	  0x100u

struct vhu_wire_header {
	uint32_t request, flags, size;
};
struct vhu_wire_ring {
	uint32_t index, num;
};
struct vhu_wire_addr {
	uint32_t index, flags;
	uint64_t desc, used, avail, log;
};
struct vhu_wire_region {
	uint64_t gpa, len, uva, offset;
};
struct vhu_wire_table {
	uint32_t n, pad;
	struct vhu_wire_region r[VHU_TABLE_REGIONS];
};
struct vhu_wire_slot {
	uint64_t pad;
	struct vhu_wire_region r;
};
struct vhu_wire_iotlb {
	uint64_t iova, len, uva;
	uint8_t perm, type, pad[6];
};
#define VHU_IOTLB_MISS	     1u
#define VHU_IOTLB_UPDATE     2u
#define VHU_IOTLB_INVALIDATE 3u
struct vhu_wire_config {
	uint32_t off, len, flags;
	uint8_t byte[VHU_CONFIG_MAX];
};
#define VHU_CONFIG_HEADER 12u

VIO_ASSERT_SIZE(struct vhu_wire_header, 12);
VIO_ASSERT_SIZE(struct vhu_wire_ring, 8);
VIO_ASSERT_SIZE(struct vhu_wire_addr, 40);
VIO_ASSERT_SIZE(struct vhu_wire_table, 264);
VIO_ASSERT_SIZE(struct vhu_wire_slot, 40);
VIO_ASSERT_SIZE(struct vhu_wire_iotlb, 32);
VIO_ASSERT_SIZE(struct vhu_wire_config, 268);

union vhu_body {
	uint64_t u64;
	struct vhu_wire_ring ring;
	struct vhu_wire_addr addr;
	struct vhu_wire_table table;
	struct vhu_wire_slot slot;
	struct vhu_wire_iotlb iotlb;
	struct vhu_wire_config config;
	uint8_t byte[512]; /* more than any request has: a longer one is not even read */
};

#endif
