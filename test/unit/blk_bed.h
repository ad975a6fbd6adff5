/* SPDX-License-Identifier: BSD-3-Clause */
/* blk_bed.h - for t_blk.c and t_blk_life.c: a block device over the simulated disk, and its requests */
#ifndef TEST_BLK_BED_H
#define TEST_BLK_BED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#define RIG_VQS 4u
#include "rig.h"
#include "host/sim/blk.h"
#include "vio/blk.h"

#define SECTORS 256u
#define ALL                                                                                        \
	(VIO_BLK_F_FLUSH | VIO_BLK_F_CONFIG_WCE | VIO_BLK_F_DISCARD | VIO_BLK_F_WRITE_ZEROES |     \
	 VIO_BLK_F_MQ)

struct disk {
	struct rig g;
	struct sim_blk sim;
	struct vio_parts parts;
	struct vio_blk *b;
};

static inline struct disk *disk_new(bool cache, uint32_t queues, bool read_only)
{
	struct disk *k = calloc(1, sizeof(*k));
	struct vio_mem *m = rig_mem(&k->g);

	assert_true(sim_blk_init(&k->sim, SECTORS * 512u, cache));
	for (uint32_t i = 0; i < SECTORS * 512u; i++) {
		k->sim.disk[i] = (uint8_t)((i / 512u) + i);
	}
	k->parts.host_ops = &sim_blk_ops;
	k->parts.host = &k->sim;
	k->parts.param[0] = queues;
	k->parts.param[1] = read_only;
	k->parts.param[2] = 512;
	k->b = calloc(1, vio_class_blk.bytes(&k->parts));
	assert_int_equal(vio_class_blk.create(k->b, m, &k->parts), VIO_OK);
	return k;
}

static inline struct disk *disk_up(bool cache, uint64_t want)
{
	struct disk *k = disk_new(cache, 1, false);

	assert_int_equal(rig_start(&k->g, &k->b->dev, want), VIO_OK);
	return k;
}

static inline void disk_end(struct disk *k)
{
	sim_blk_free(&k->sim);
	rig_end(&k->g);
	free(k->b);
	free(k);
}

static inline uint32_t head(uint8_t *p, uint32_t type, uint64_t sector)
{
	vio_pack32(p, type);
	vio_pack32(p + 4, 0);
	vio_pack64(p + 8, sector);
	return 16;
}

static inline uint32_t range(uint8_t *p, uint64_t sector, uint32_t n, uint32_t flags)
{
	vio_pack64(p, sector);
	vio_pack32(p + 8, n);
	vio_pack32(p + 12, flags);
	return 16;
}

static inline uint8_t status(const struct rig_req *r)
{
	assert_true(r->back);
	return r->in[r->in_len - 1u];
}

/* Request of `type` with `out` bytes of 0x5a behind the head and `in` data bytes before the status. */
static inline void ask(struct disk *k, struct rig_req *r, uint32_t type, uint64_t sector,
		       uint32_t out, uint32_t in)
{
	static uint8_t buf[16 + 65536];

	memset(buf, 0x5a, sizeof(buf));
	rig_do(&k->g, 0, r, buf, head(buf, type, sector) + out, in + 1u);
}

#endif
