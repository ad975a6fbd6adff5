/* SPDX-License-Identifier: BSD-3-Clause */
/* ask.h - how ask.c reaches a device; ask_vhost.c or ask_mmio.c, chosen when the program is linked */
#ifndef TEST_ASK_H
#define TEST_ASK_H

#include "vio/drv.h"

struct ask_way {
	const struct vio_bus_ops *ops;
	void *bus;
	/* of memory that both sides see, at most a page; returns: VIO_OK | a negative code */
	int (*alloc)(void *bus, uint32_t len, struct vio_dma *out);
};

/* ask_open - where: as the way has it; returns: 0 | -1 and err */
int ask_open(struct ask_way *w, const char *where, char err[256]);

#endif
