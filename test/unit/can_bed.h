/* SPDX-License-Identifier: BSD-3-Clause */
/* can_bed.h - requests of the CAN device, for its tests */
#ifndef TEST_CAN_BED_H
#define TEST_CAN_BED_H

#define RIG_VQS 3u
#include "rig.h"
#include "vio/can.h"

#define TX   VIO_CAN_TXQ
#define RX   VIO_CAN_RXQ
#define CTRL VIO_CAN_CONTROLQ

#define CLASSIC VIO_CAN_F_CLASSIC
#define FD	VIO_CAN_F_FD
#define RTR	VIO_CAN_F_RTR
#define LATE	VIO_CAN_F_LATE_TX_ACK
#define F_ALL	(CLASSIC | FD | RTR | LATE)

#define EXT  VIO_CAN_FLAGS_EXTENDED
#define FDF  VIO_CAN_FLAGS_FD
#define RTRF VIO_CAN_FLAGS_RTR

#define OK     VIO_CAN_RESULT_OK
#define NOT_OK VIO_CAN_RESULT_NOT_OK

static inline void can_wire(uint8_t *to, uint16_t type, uint32_t id, uint32_t flags,
			    const void *data, uint16_t len)
{
	memset(to, 0, 16);
	vio_pack16(to, type);
	vio_pack16(to + 2, len);
	vio_pack32(to + 8, flags);
	vio_pack32(to + 12, id);
	if (len) {
		memcpy(to + 16, data, len);
	}
}

/* Offer a frame; not shown to the device before rig_kick. */
static inline void can_add(struct rig *g, struct rig_req *r, uint32_t id, uint32_t flags,
			   const void *data, uint16_t len)
{
	uint8_t out[16 + 64];

	can_wire(out, VIO_CAN_TX, id, flags, data, len);
	rig_add(g, TX, r, out, 16u + len, 1);
}

static inline uint8_t can_result(const struct rig_req *r)
{
	assert_true(r->back);
	assert_int_equal(r->len, 1);
	return r->in[0];
}

/* A frame to a host that answers at once, or refuses. returns: the result */
static inline uint8_t can_put(struct rig *g, uint32_t id, uint32_t flags, const void *data,
			      uint16_t len)
{
	struct rig_req r;

	can_add(g, &r, id, flags, data, len);
	rig_kick(g, TX);
	return can_result(&r);
}

static inline uint8_t can_mode(struct rig *g, uint16_t type)
{
	uint8_t out[2];
	struct rig_req r;

	vio_pack16(out, type);
	rig_do(g, CTRL, &r, out, 2, 1);
	return can_result(&r);
}

static inline uint8_t can_go(struct rig *g)
{
	return can_mode(g, VIO_CAN_SET_CTRL_MODE_START);
}

static inline uint8_t can_halt(struct rig *g)
{
	return can_mode(g, VIO_CAN_SET_CTRL_MODE_STOP);
}

static inline void can_buffer(struct rig *g, struct rig_req *r, uint32_t len)
{
	rig_do(g, RX, r, "", 0, len);
}

/* Has this frame come, and nothing else with it? */
static inline void can_got(const struct rig_req *r, uint32_t id, uint32_t flags, const void *data,
			   uint16_t len)
{
	uint8_t want[16 + 64];

	can_wire(want, VIO_CAN_RX, id, flags, data, len);
	assert_true(r->back);
	assert_int_equal(r->len, 16u + len);
	assert_memory_equal(r->in, want, 16u + len);
}

static inline uint16_t can_status(struct rig *g)
{
	uint8_t c[2];

	assert_int_equal(lb_bus.config_read(&g->lb, 0, c, 2), VIO_OK);
	return vio_unpack16(c);
}

#endif
