/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mem_map.h - a memory kind for tests that really maps and unmaps, per request
 *
 * Stands for foreign pages and grants: each acquire maps the pages of each segment anew, release unmaps them, so a
 * use after release is a fault. Every `again_every`th acquire answers VIO_E_AGAIN, and asks for another turn.
 */
#ifndef TEST_MEM_MAP_H
#define TEST_MEM_MAP_H

#include "vio/mem.h"

struct mem_map {
	struct vio_mem m;
	int fd;			/* of the guest's memory */
	uint64_t base;		/* address of its byte 0, a multiple of the page size */
	uint64_t len;		/* bytes */
	uint32_t again_every;	/* 0: never */
	uint32_t calls, mapped; /* mapped: segments mapped now */
	uint32_t page;
};

void mem_map_init(struct mem_map *m, int fd, uint64_t base, uint64_t len, uint32_t again_every);

#endif
