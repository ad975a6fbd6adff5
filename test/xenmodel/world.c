/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * world.c - the memory of a Xen guest, for the tests that run over all memory kinds
 *
 * Every now and then a call is refused for want of memory, so requests are taken up again. What was opened and
 * mapped is counted at the end.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "port/xen/mem.h"
#include "test/support/world.h"
#include "test/xenmodel/model.h"

#define EVERY 50u /* calls that work between two that do not, on average */

struct world_xen {
	xenforeignmemory_handle *fm;
	xengnttab_handle *gt;
	struct xen_mem *mem;
};
static struct world_xen one;

static void fail_one(void)
{
	xm_fail_nth(1u + world_random() % (2u * EVERY), ENOMEM);
}

bool world_xen_open(struct world *w)
{
	struct xen_mem_config cfg = { .lib = &xm.lib, .chunks = w->kind == WORLD_CACHED ? 3u : 0u };

	xm_init();
	cfg.dom = (domid_t)xm_create("world", 1u);
	w->g = xm_ram(cfg.dom, WORLD_BASE);
	for (uint32_t i = 0u; w->kind == WORLD_GRANTS && i < WORLD_PAGES; i++) {
		w->base = 1ull << 63;
		xm_grant(cfg.dom, i, i);
	}
	one.fm = xm.lib.fm_open(NULL, 0u);
	one.gt = xm.lib.gt_open(NULL, 0u);
	cfg.fm = one.fm;
	cfg.gt = one.gt;
	one.mem = xen_mem_new(&cfg);
	w->xen = &one;
	w->mem = xen_mem(one.mem);
	fail_one();
	return true;
}

void world_xen_close(struct world *w)
{
	xm_fail_nth(0u, 0);
	xen_mem_free(w->xen->mem);
	(void)xm.lib.gt_close(w->xen->gt);
	(void)xm.lib.fm_close(w->xen->fm);
	if (xm_open_things() != 0u || xm.bad != 0u) {
		(void)fprintf(stderr, "%u things of Xen are left, %u bad calls\n", xm_open_things(),
			      xm.bad);
		abort();
	}
	xm_fini();
}

/* As the port does by a timer */
bool world_xen_answer(struct world *w)
{
	if (xm.failed) {
		fail_one();
	}
	return w->mem->starved;
}

uint32_t world_xen_held(const struct world *w)
{
	return w->kind == WORLD_CACHED ? 0u : xen_mem_mapped(w->xen->mem);
}
