/* SPDX-License-Identifier: BSD-3-Clause */
/* can_beat.h - a node of a simulated CAN bus that nobody has to drive: it sends frames of every kind, over and over */
#ifndef HOST_SIM_CAN_BEAT_H
#define HOST_SIM_CAN_BEAT_H

#include "host/sim/can_bus.h"

struct sim_beat;

/*
 * sim_beat_open - every 10 ms one of: 4 bytes, 8 bytes with an extended identifier, a remote frame, 64 bytes of FD
 * id: <= VIO_CAN_STANDARD_MAX; the extended one begins like it. The first byte of data counts the frames.
 * returns: NULL = no memory
 */
struct sim_beat *sim_beat_open(const char *name, const char *bus, struct loop *l, uint32_t id);
void sim_beat_close(struct sim_beat *b); /* NULL: nothing */

#endif
