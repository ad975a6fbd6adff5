/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * matrix.h - driver against device over the loop-back port, every combination of ring features and memory
 *
 * Plain C without a test framework, so that it also runs where none is packaged.
 */
#ifndef TEST_MATRIX_H
#define TEST_MATRIX_H

#include "port/loopback/loopback.h"
#include "test/support/tdev.h"
#include "test/support/world.h"

#define MATRIX_OPEN 48u	    /* requests offered at once */
#define MATRIX_AREA 0x3000u /* bytes for the buffers of each */

/* One device, its driver and what the driver has offered */
struct mrig {
	struct world w;
	struct tdev dev;
	struct lb lb;
	struct vio_dvq q;
	struct vio_dvq_slot slot[1024];
	bool packed, indirect, event_idx, in_order;
	uint16_t size;
	uint32_t serial, done, next_expected;
	struct mrig_open {
		bool busy;
		uint32_t serial, in_len, in_off[4], in_piece[4];
		uint16_t n_in;
	} open[MATRIX_OPEN];
	const char *why; /* what went wrong, or NULL */
};

/* Everything up to DRIVER_OK; true: it worked */
bool mrig_up(struct mrig *r, enum world_kind kind, bool async);
void mrig_down(struct mrig *r);
bool mrig_queue_up(struct mrig *r); /* the queue again, after a reset of it */
bool mrig_start(struct mrig *r);    /* the device again, after a reset of it */
/* Offer up to `most` requests of random shape, kick if the device asks for it */
void mrig_offer(struct mrig *r, uint32_t most);
void mrig_turn(struct mrig *r);
/* Take and check completed requests; only when signalled, as a driver that sleeps would */
void mrig_take(struct mrig *r);
/* Complete and take until nothing is open; false: stuck */
bool mrig_drain(struct mrig *r);

/*
 * matrix_run - all combinations of one memory kind, `requests` each
 * say: gets one line for each combination that fails; returns: how many failed
 */
unsigned matrix_run(enum world_kind kind, uint32_t requests, void (*say)(const char *line));

#endif
