/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rig.h - the measuring rig for ring engines: one process, a driver that only writes rings, an engine that serves
 *
 * The figure is instructions inside dev_process() (callgrind --toggle-collect), so driver and set-up do not count.
 * Every engine does the same work: take every request, add up the lengths of its segments, give it back with the
 * number of writable bytes, decide once a batch whether to notify.
 */
#ifndef BENCH_RIG_H
#define BENCH_RIG_H

#include <stdbool.h>
#include <stdint.h>

#define RIG_SIZE	256u
#define RIG_REGIONS_MAX 32u

struct rig_region {
	uint64_t gpa, len;
	uint8_t *hva;
};
struct rig {
	bool packed, event_idx;
	unsigned nregion;
	struct rig_region region[RIG_REGIONS_MAX]; /* [0] holds the ring areas */
	uint64_t desc, driver, device;		   /* guest addresses of the areas */
	uint64_t bytes;				   /* the engine adds every segment's length here */
	unsigned served;
};

/* What an engine provides. */
void eng_init(struct rig *g);
void dev_process(struct rig *g); /* serve what is there */

#endif
