/* SPDX-License-Identifier: BSD-3-Clause */
/* eng_stratos.c - the core's rings in the measuring rig */
#include <stdio.h>
#include <stdlib.h>
#include "rig.h"
#include "vio/dev.h"

#define POOL 64u
#define SEGS 32u

static struct vio_region region[RIG_REGIONS_MAX];
static struct vio_mem_full mem;
static struct {
	struct vio_dev d;
	struct rig *rig;
	struct vio_vq vq;
	VIO_VQ_STORE(struct vio_req, POOL, SEGS) store;
} dev;
static unsigned signals;

static void serve(struct vio_dev *d, struct vio_vq *q)
{
	struct rig *g = dev.rig;
	struct vio_req *r;

	(void)d;
	while ((r = vio_vq_pop(q)) != NULL) {
		const struct vio_seg *s = r->sgl.seg, *end = s + r->sgl.n_out + r->sgl.n_in;
		uint64_t sum = 0u;

		for (; s < end; s++) {
			sum += s->len;
		}
		g->bytes += sum;
		g->served++;
		vio_req_done(r, r->in_len);
	}
}

static void signal_driver(void *port, uint16_t vq)
{
	(void)port;
	(void)vq;
	signals++;
}
static void config(void *port)
{
	(void)port;
	fprintf(stderr, "eng_stratos: the device failed\n");
	exit(1);
}

static const struct vio_dev_ops ops = { .id = 2u, .nvq_max = 1u, .queue = serve };
static const struct vio_port_ops port_ops = { .signal = signal_driver,
					      .config = config,
					      .wake = signal_driver };

void eng_init(struct rig *g)
{
	uint64_t f = VIO_F_VERSION_1 | VIO_F_INDIRECT_DESC | (g->event_idx ? VIO_F_EVENT_IDX : 0u) |
		     (g->packed ? VIO_F_RING_PACKED : 0u);
	int rc;

	for (unsigned i = 0u; i < g->nregion; i++) {
		region[i] =
			(struct vio_region){ g->region[i].gpa, g->region[i].len, g->region[i].hva };
	}
	rc = vio_mem_full_init(&mem, region, (uint16_t)g->nregion);
	rc |= vio_dev_init(&dev.d, &ops, &mem.m, &dev.vq, 1u, NULL);
	dev.rig = g;
	VIO_VQ_BIND(&dev.vq, &dev.d, 0u, &dev.store, POOL, SEGS);
	vio_dev_attach(&dev.d, &port_ops, NULL, VIO_F_RINGS);
	rc |= vio_dev_set_status(&dev.d, 3u);
	rc |= vio_dev_accept(&dev.d, f);
	rc |= vio_dev_set_status(&dev.d, 11u);
	rc |= vio_vq_setup(&dev.vq, RIG_SIZE, g->desc, g->driver, g->device);
	rc |= vio_vq_enable(&dev.vq, NULL);
	rc |= vio_dev_set_status(&dev.d, 15u);
	if (rc != VIO_OK) {
		fprintf(stderr, "eng_stratos: set-up failed\n");
		exit(1);
	}
}

__attribute__((noinline)) void dev_process(struct rig *g)
{
	(void)g;
	(void)vio_vq_run(&dev.vq);
	(void)vio_vq_arm(&dev.vq);
}
