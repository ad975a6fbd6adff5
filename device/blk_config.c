/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * blk_config.c - block device model: what is offered, the configuration space, the size of the disk
 *
 * source: virtio 1.3, 5.2.3 to 5.2.5
 */
#include <string.h>
#include "blk_config.h"

#define SEGMENT_MIN 4096u /* Linux refuses a smaller size_max */

_Static_assert(VIO_BLK_SEGS >= 3, "head, one segment of data, status");

static void blk_set_sectors(struct vio_blk *b, uint64_t n)
{
	n &= ~(uint64_t)(b->block / VIO_BLK_SECTOR -
			 1u); /* a division is a library call on 32-bit targets */
#if UINTPTR_MAX > 0xffffffffu
	__atomic_store_n(&b->sectors, n, __ATOMIC_RELAXED);
#else
	b->sectors = n;
#endif
	vio_pack64(b->config + CFG(capacity), n);
}

/* seg_max, size_max: what memory and pool can hold. returns: feature bits that are not to be offered */
static uint64_t blk_limits(struct vio_blk *b, const struct vio_mem *m)
{
	uint32_t most = m && m->bytes_max ? m->bytes_max : UINT32_MAX;
	uint32_t segs = m && m->seg_max && (m->seg_max < VIO_BLK_SEGS) ? m->seg_max : VIO_BLK_SEGS;
	uint32_t slack = 16u * segs + HEAD + 1u; /* a kind may round segments up */
	uint32_t bytes = most > slack ? most - slack : 0;
	uint32_t data = segs > 3u ? segs - 2u : 1u;
	uint32_t size;

	if (most >= UINT32_C(0x7fffffff)) {
		vio_pack32(b->config + CFG(seg_max), data);
		return VIO_BLK_F_SIZE_MAX;
	}
	if (bytes / SEGMENT_MIN < data) {
		data = bytes / SEGMENT_MIN ? bytes / SEGMENT_MIN : 1u;
	}
	size = (bytes / data) & ~(VIO_BLK_SECTOR - 1u);
	vio_pack32(b->config + CFG(seg_max), data);
	vio_pack32(b->config + CFG(size_max), size);
	return 0;
}

static void blk_fill_ranges(struct vio_blk *b, const struct vio_blk_info *in)
{
	uint8_t *c = b->config;

	b->discard_max = b->read_only ? 0 : in->discard_max;
	b->zeroes_max = b->read_only ? 0 : in->zeroes_max;
	if (b->discard_max) {
		vio_pack32(c + CFG(max_discard_sectors), b->discard_max);
		vio_pack32(c + CFG(max_discard_seg), VIO_BLK_RANGES);
		vio_pack32(c + CFG(discard_sector_alignment),
			   in->discard_align ? in->discard_align : b->block / VIO_BLK_SECTOR);
	}
	if (b->zeroes_max) {
		vio_pack32(c + CFG(max_write_zeroes_sectors), b->zeroes_max);
		vio_pack32(c + CFG(max_write_zeroes_seg), VIO_BLK_RANGES);
		c[CFG(write_zeroes_may_unmap)] = in->zeroes_unmap;
	}
}

/* Fill configuration space and state from what the host has. returns: feature bits that are not to be offered */
static uint64_t blk_fill(struct vio_blk *b, const struct vio_blk_info *in,
			 const struct vio_blk_setup *s)
{
	bool topology = in->physical_exp || in->min_io || in->opt_io;
	uint32_t block = in->block_size ? in->block_size : VIO_BLK_SECTOR;
	uint8_t *c = b->config;

	b->block = s->block_size > block ? s->block_size : block;
	b->read_only = s->read_only || in->read_only;
	b->write_cache = in->write_cache && !b->read_only;
	b->no_data = in->no_data;
	memcpy(b->id, in->id, sizeof(b->id));
	blk_set_sectors(b, in->sectors);
	vio_pack32(c + CFG(blk_size), b->block);
	if (topology) {
		c[CFG(physical_block_exp)] = in->physical_exp;
		c[CFG(alignment_offset)] = in->alignment_offset;
		vio_pack16(c + CFG(min_io_size), in->min_io);
		vio_pack32(c + CFG(opt_io_size), in->opt_io);
	}
	c[CFG(writeback)] = b->write_cache;
	vio_pack16(c + CFG(num_queues), s->queues);
	blk_fill_ranges(b, in);
	return (b->read_only ? 0 : VIO_BLK_F_RO) | (topology ? 0 : VIO_BLK_F_TOPOLOGY) |
	       (b->write_cache ? 0 : VIO_BLK_F_CONFIG_WCE) | (s->queues > 1 ? 0 : VIO_BLK_F_MQ) |
	       (b->discard_max ? 0 : VIO_BLK_F_DISCARD) |
	       (b->zeroes_max ? 0 : VIO_BLK_F_WRITE_ZEROES);
}

static bool blk_is_block_size(uint32_t n)
{
	return !n || ((n >= VIO_BLK_SECTOR) && ((n & (n - 1u)) == 0));
}

int vio_blk_init(struct vio_blk *b, struct vio_mem *m, const struct vio_blk_setup *s,
		 struct vio_blk_queue *q)
{
	struct vio_blk_info in;
	int rc;

	if (!s->queues || (s->queues > VIO_BLK_QUEUES_MAX) || !blk_is_block_size(s->block_size)) {
		return VIO_E_ARG;
	}
	memset(&in, 0, sizeof(in));
	rc = s->host_ops->info(s->host, &in);
	if (rc) {
		return rc;
	}
	if (!blk_is_block_size(in.block_size)) {
		return VIO_E_ARG;
	}
	rc = vio_dev_init(&b->dev, &vio_blk_dev_ops, m, b->vq, s->queues, b->config);
	if (rc) {
		return rc;
	}
	b->host_ops = s->host_ops;
	b->host = s->host;
	b->dev.class_features &= ~blk_fill(b, &in, s);
	b->dev.class_features &= ~blk_limits(b, m);
	for (uint16_t i = 0; i < s->queues; i++) {
		VIO_VQ_BIND(&b->vq[i], &b->dev, i, &q[i].store, VIO_BLK_DEPTH, VIO_BLK_SEGS);
	}
	return VIO_OK;
}

void vio_blk_resize(struct vio_dev *d, uint64_t sectors)
{
	struct vio_blk *b = (struct vio_blk *)(void *)d;

	blk_set_sectors(b, sectors);
	vio_dev_config_changed(d);
}
