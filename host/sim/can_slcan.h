/* SPDX-License-Identifier: BSD-3-Clause */
/* can_slcan.h - a node of a simulated CAN bus for tools of this host: a terminal that speaks SLCAN */
#ifndef HOST_SIM_CAN_SLCAN_H
#define HOST_SIM_CAN_SLCAN_H

#include "host/sim/can_bus.h"

struct sim_slcan;

/*
 * sim_slcan_open - path: becomes a link to the terminal until it is closed; "": the log says which it is
 * name: for the log, outlives it
 * returns: NULL and errno
 */
struct sim_slcan *sim_slcan_open(const char *name, const char *bus, struct loop *l,
				 const char *path);
void sim_slcan_close(struct sim_slcan *s); /* NULL: nothing */

#endif
