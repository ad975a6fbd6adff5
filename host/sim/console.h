/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * console.h - simulated terminal: each port gives back what it is sent; for tests and demos
 *
 * One executor.
 */
#ifndef HOST_SIM_CONSOLE_H
#define HOST_SIM_CONSOLE_H

#include "vio/console.h"

struct sim_console_port {
	uint8_t buf[256]; /* small, so that back-pressure is the rule */
	uint32_t at, len;
	uint32_t room;		  /* bytes of buf that are used; default all */
	struct vio_vq *rxq, *txq; /* wait to be woken */
	struct vio_console_port_info info;
	bool guest_open;
	bool mute;	/* output is not given back but lost in `taken` */
	uint64_t taken; /* bytes of output so far */
};

struct sim_console {
	struct sim_console_port port[VIO_CONSOLE_PORTS_MAX];
	uint8_t emergency[16];
	uint32_t nemergency;
};

extern const struct vio_console_host_ops sim_console_ops;

/* sim_console_init - port 0 is a console of 80 x 25, the others are channels named "port1", ... */
void sim_console_init(struct sim_console *s);
/* sim_console_type - input as from a person; returns: bytes there was room for */
uint32_t sim_console_type(struct sim_console *s, uint32_t port, const void *p, uint32_t len);
/* sim_console_take - read what the guest sent instead of giving it back; returns: bytes */
uint32_t sim_console_take(struct sim_console *s, uint32_t port, void *p, uint32_t len);

#endif
