/* SPDX-License-Identifier: BSD-3-Clause */
/* dmop.c - device model operations, as xen/hvm/dm_op.h has them */
#include "port/xen/internal.h"
#include <errno.h>

static int call(struct xen_guest *g, struct xen_dm_op *op)
{
	int rc = g->x->lib->dm_op(g->dm, g->dom, op, NULL, 0);

	if (rc < 0 && errno == ESRCH) {
		g->gone = true;
	}
	return rc;
}

int xen_dm_vcpus(struct xen_guest *g, unsigned *n)
{
	struct xen_dm_op op = { .op = XEN_DMOP_nr_vcpus };
	int rc = call(g, &op);

	*n = op.u.nr_vcpus.vcpus;
	return rc;
}

int xen_dm_create(struct xen_guest *g)
{
	struct xen_dm_op op = { .op = XEN_DMOP_create_ioreq_server };
	int rc;

	op.u.create_ioreq_server.handle_bufioreq = HVM_IOREQSRV_BUFIOREQ_OFF;
	rc = call(g, &op);
	g->id = op.u.create_ioreq_server.id;
	return rc;
}

int xen_dm_destroy(struct xen_guest *g)
{
	struct xen_dm_op op = { .op = XEN_DMOP_destroy_ioreq_server };

	op.u.destroy_ioreq_server.id = g->id;
	return call(g, &op);
}

int xen_dm_enable(struct xen_guest *g, bool on)
{
	struct xen_dm_op op = { .op = XEN_DMOP_set_ioreq_server_state };

	op.u.set_ioreq_server_state.id = g->id;
	op.u.set_ioreq_server_state.enabled = on;
	return call(g, &op);
}

int xen_dm_range(struct xen_guest *g, uint64_t base, uint32_t len, bool on)
{
	struct xen_dm_op op = { .op = on ? XEN_DMOP_map_io_range_to_ioreq_server
					 : XEN_DMOP_unmap_io_range_from_ioreq_server };

	op.u.map_io_range_to_ioreq_server.id = g->id; /* the other one has the same layout */
	op.u.map_io_range_to_ioreq_server.type = XEN_DMOP_IO_RANGE_MEMORY;
	op.u.map_io_range_to_ioreq_server.start = base;
	op.u.map_io_range_to_ioreq_server.end = base + len - 1u;
	return call(g, &op);
}

int xen_dm_irq(struct xen_guest *g, uint32_t irq, bool level)
{
	struct xen_dm_op op = { .op = XEN_DMOP_set_irq_level };

	op.u.set_irq_level.irq = irq;
	op.u.set_irq_level.level = level;
	return call(g, &op);
}
