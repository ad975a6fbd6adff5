/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * blk.h - simulated disk: memory, with faults, delays and power cuts; for tests and demos
 *
 * One executor. Operations are done when they complete, not when they are submitted.
 */
#ifndef HOST_SIM_BLK_H
#define HOST_SIM_BLK_H

#include "vio/blk.h"

#define SIM_BLK_LOG 256u

struct sim_blk {
	uint8_t *disk;	 /* bytes: what reads see */
	uint8_t *stable; /* what survives a power cut; NULL: no write cache, everything does */
	uint64_t bytes;
	/* faults; zero: none */
	int fail; /* a negative code for operations that touch fail_sector, and for each op in fail_ops */
	uint64_t fail_sector;
	uint32_t fail_ops; /* bit (1 << enum vio_blk_op) */
	uint32_t cut;	   /* READ and WRITE move this many bytes less, and say nothing */
	/* time */
	bool hold;	   /* keep operations until sim_blk_finish */
	uint64_t delay_ns; /* or until this time passed; needs a clock */
	struct vio_clock *clock;
	struct vio_timer timer;
	struct vio_blk_io *held, **held_end;
	uint32_t nheld;
	/* what was executed, in order */
	uint8_t log[SIM_BLK_LOG]; /* enum vio_blk_op */
	uint32_t nlog, ncancel;
};

extern const struct vio_blk_host_ops sim_blk_ops;

/* sim_blk_init - s: faults and time may be set afterwards; returns: false = no memory */
bool sim_blk_init(struct sim_blk *s, uint64_t bytes, bool write_cache);
void sim_blk_free(struct sim_blk *s);
/* sim_blk_finish - complete up to n held operations; newest: the last submitted first; returns: how many */
uint32_t sim_blk_finish(struct sim_blk *s, uint32_t n, bool newest);
/* sim_blk_power_cut - what was not synced is lost */
void sim_blk_power_cut(struct sim_blk *s);

#endif
