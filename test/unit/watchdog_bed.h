/* SPDX-License-Identifier: BSD-3-Clause */
/* watchdog_bed.h - requests of the watchdog device, for its tests */
#ifndef TEST_WATCHDOG_BED_H
#define TEST_WATCHDOG_BED_H

#include "rig.h"
#include "vio/watchdog.h"

#define REQ VIO_WATCHDOG_REQUESTQ
#define EVT VIO_WATCHDOG_EVENTQ
#define MS  ((uint64_t)1000000)

#define START  VIO_WATCHDOG_REQ_START
#define STOP   VIO_WATCHDOG_REQ_STOP
#define KICK   VIO_WATCHDOG_REQ_KICK
#define STATUS VIO_WATCHDOG_REQ_GET_STATUS

#define OK     VIO_WATCHDOG_S_OK
#define UNSUPP VIO_WATCHDOG_S_UNSUPP
#define INVAL  VIO_WATCHDOG_S_INVAL
#define STATE  VIO_WATCHDOG_S_STATE
#define EIO_   VIO_WATCHDOG_S_IO

#define RUNNING VIO_WATCHDOG_STATE_RUNNING
#define NOWAY	VIO_WATCHDOG_STATE_NOWAYOUT
#define EXPIRED VIO_WATCHDOG_STATE_EXPIRED

#define F_ALL (VIO_WATCHDOG_F_STOP | VIO_WATCHDOG_F_PRETIMEOUT | VIO_WATCHDOG_F_ENDURE)

/* A request that is a head only. returns: its status */
static inline uint8_t wd_ask(struct rig *g, struct rig_req *r, uint16_t type)
{
	uint8_t out[4] = { 0 };

	vio_pack16(out, type);
	rig_do(g, REQ, r, out, 4, 16);
	assert_true(r->back);
	assert_int_equal(r->len, type == STATUS ? 16 : 4);
	return r->in[0];
}

static inline uint8_t wd_do(struct rig *g, uint16_t type)
{
	struct rig_req r;

	return wd_ask(g, &r, type);
}

static inline uint8_t wd_start(struct rig *g, uint32_t timeout, uint32_t pretimeout, uint8_t action,
			       uint16_t flags)
{
	uint8_t out[16] = { 0 };
	struct rig_req r;

	vio_pack16(out, START);
	vio_pack16(out + 2, flags);
	vio_pack32(out + 4, timeout);
	vio_pack32(out + 8, pretimeout);
	out[12] = action;
	rig_do(g, REQ, &r, out, 16, 4);
	assert_true(r.back);
	assert_int_equal(r.len, 4);
	return r.in[0];
}

static inline uint8_t wd_state(struct rig *g)
{
	struct rig_req r;

	assert_int_equal(wd_ask(g, &r, STATUS), OK);
	assert_int_equal(r.in[3], 0);
	return r.in[1];
}

static inline uint32_t wd_left(struct rig *g)
{
	struct rig_req r;

	assert_int_equal(wd_ask(g, &r, STATUS), OK);
	return vio_unpack32(r.in + 12);
}

#endif
