/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * blk.h - wire layout of the block device
 *
 * All integers are little-endian. source: virtio 1.3, 5.2
 */
#ifndef VIO_SPEC_BLK_H
#define VIO_SPEC_BLK_H

#include "vio/base.h"

#define VIO_ID_BLK     2u
#define VIO_BLK_SECTOR 512u /* bytes; the unit of the protocol, whatever blk_size says */

/* virtio 1.3, 5.2.3: feature bits */
#define VIO_BLK_F_SIZE_MAX     (1ULL << 1)
#define VIO_BLK_F_SEG_MAX      (1ULL << 2)
#define VIO_BLK_F_GEOMETRY     (1ULL << 4)
#define VIO_BLK_F_RO	       (1ULL << 5)
#define VIO_BLK_F_BLK_SIZE     (1ULL << 6)
#define VIO_BLK_F_FLUSH	       (1ULL << 9)
#define VIO_BLK_F_TOPOLOGY     (1ULL << 10)
#define VIO_BLK_F_CONFIG_WCE   (1ULL << 11)
#define VIO_BLK_F_MQ	       (1ULL << 12)
#define VIO_BLK_F_DISCARD      (1ULL << 13)
#define VIO_BLK_F_WRITE_ZEROES (1ULL << 14)
#define VIO_BLK_F_LIFETIME     (1ULL << 15)
#define VIO_BLK_F_SECURE_ERASE (1ULL << 16)
#define VIO_BLK_F_ZONED	       (1ULL << 17)

/* virtio 1.3, 5.2.4: configuration space; only offsets are used, the bytes are packed by hand */
struct vio_blk_wire_config {
	uint64_t capacity; /* sectors of 512 bytes */
	uint32_t size_max;
	uint32_t seg_max;
	uint16_t cylinders;
	uint8_t heads;
	uint8_t sectors;
	uint32_t blk_size; /* bytes */
	uint8_t physical_block_exp;
	uint8_t alignment_offset;
	uint16_t min_io_size; /* logical blocks */
	uint32_t opt_io_size; /* logical blocks */
	uint8_t writeback;    /* 0 write through, 1 write back; the only field a driver may write */
	uint8_t unused0;
	uint16_t num_queues;
	uint32_t max_discard_sectors;
	uint32_t max_discard_seg;
	uint32_t discard_sector_alignment;
	uint32_t max_write_zeroes_sectors;
	uint32_t max_write_zeroes_seg;
	uint8_t write_zeroes_may_unmap;
	uint8_t unused1[3];
	uint32_t max_secure_erase_sectors;
	uint32_t max_secure_erase_seg;
	uint32_t secure_erase_sector_alignment;
	uint32_t zone_sectors;
	uint32_t max_open_zones;
	uint32_t max_active_zones;
	uint32_t max_append_sectors;
	uint32_t write_granularity;
	uint8_t model;
	uint8_t unused2[3];
};
VIO_ASSERT_SIZE(struct vio_blk_wire_config, 96);
VIO_ASSERT_AT(struct vio_blk_wire_config, blk_size, 20);
VIO_ASSERT_AT(struct vio_blk_wire_config, opt_io_size, 28);
VIO_ASSERT_AT(struct vio_blk_wire_config, writeback, 32);
VIO_ASSERT_AT(struct vio_blk_wire_config, num_queues, 34);
VIO_ASSERT_AT(struct vio_blk_wire_config, max_discard_sectors, 36);
VIO_ASSERT_AT(struct vio_blk_wire_config, write_zeroes_may_unmap, 56);
VIO_ASSERT_AT(struct vio_blk_wire_config, max_secure_erase_sectors, 60);
VIO_ASSERT_AT(struct vio_blk_wire_config, model, 92);

/* virtio 1.3, 5.2.6: the readable head of every request; data follow, the last writable byte is the status */
struct vio_blk_wire_head {
	uint32_t type;
	uint32_t reserved;
	uint64_t sector;
};
VIO_ASSERT_SIZE(struct vio_blk_wire_head, 16);
VIO_ASSERT_AT(struct vio_blk_wire_head, sector, 8);

#define VIO_BLK_T_IN	       0u
#define VIO_BLK_T_OUT	       1u
#define VIO_BLK_T_FLUSH	       4u
#define VIO_BLK_T_GET_ID       8u
#define VIO_BLK_T_GET_LIFETIME 10u
#define VIO_BLK_T_DISCARD      11u
#define VIO_BLK_T_WRITE_ZEROES 13u
#define VIO_BLK_T_SECURE_ERASE 14u

#define VIO_BLK_S_OK	 0u
#define VIO_BLK_S_IOERR	 1u
#define VIO_BLK_S_UNSUPP 2u

#define VIO_BLK_ID_BYTES 20u /* zero-padded, not terminated when full */

/* One segment of DISCARD and WRITE_ZEROES. */
struct vio_blk_wire_range {
	uint64_t sector;
	uint32_t num_sectors;
	uint32_t flags;
};
VIO_ASSERT_SIZE(struct vio_blk_wire_range, 16);
VIO_ASSERT_AT(struct vio_blk_wire_range, num_sectors, 8);
VIO_ASSERT_AT(struct vio_blk_wire_range, flags, 12);

#define VIO_BLK_RANGE_UNMAP 1u

#endif
