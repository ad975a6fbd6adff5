/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * can_bus.h - simulated CAN buses: nodes of one process that name the same bus are on it
 *
 * A bus belongs to the loop on which its nodes run; two loops never share one. Everything here is called on that loop,
 * where the bus also calls the sinks of its nodes.
 */
#ifndef HOST_SIM_CAN_BUS_H
#define HOST_SIM_CAN_BUS_H

#include "hosted/loop.h"
#include "vio/can.h"

#define SIM_CAN_NO_ID UINT32_MAX
#define SIM_CAN_RATE  500000u /* bits in a second, unless somebody says otherwise */

struct sim_bus;

/* A node; storage is the caller's, zeroed, with the members of the first group set before it joins. */
struct sim_node {
	const char *name;	   /* for the log */
	struct vio_can_sink *sink; /* who hears; before `started` */
	uint32_t busoff,
		noack; /* identifiers that go wrong when this node sends them, or SIM_CAN_NO_ID */
	bool started;  /* hears, and may send */
	/* the bus's: */
	struct sim_bus *bus;
	struct sim_node *next;
	struct vio_can_tx *first; /* oldest of those that wait */
};

/*
 * sim_bus_join - be on the bus of that name, which is made if there is none
 * rate: bits in a second, 0: frames take no time; NULL: as it is
 * returns: false = no memory
 */
bool sim_bus_join(struct sim_node *n, const char *bus, struct loop *l, const uint32_t *rate);
/* sim_bus_leave - its frames are completed as failed; the last one takes the bus away */
void sim_bus_leave(struct sim_node *n);
/* sim_bus_send - started; t->job follows, its vq may be NULL. t: as for vio_can_host_ops.send */
void sim_bus_send(struct sim_node *n, struct vio_can_tx *t);
/* sim_bus_drop - of a frame that is on its way; its job is completed inside the call, as failed */
void sim_bus_drop(struct sim_node *n, struct vio_can_tx *t);
/* sim_bus_stop - not started any more; all its frames are completed inside the call, as failed */
void sim_bus_stop(struct sim_node *n);

#endif
