/* SPDX-License-Identifier: BSD-3-Clause */
/* dev_blk.c - rules of the block device (virtio 1.4, 5.2) */
#include <string.h>
#include "conform/conform.h"
#include "vio/spec/blk.h"

static const char *check(const struct cf *c, const struct cf_io *io)
{
	(void)c;
	return io->in[io->i.len - 1u] != VIO_BLK_S_OK ? "the status of a read is not OK" : NULL;
}

static const struct cf_bit bits[] = {
	{ VIO_BLK_F_SIZE_MAX, "SIZE_MAX", 0 },
	{ VIO_BLK_F_SEG_MAX, "SEG_MAX", 0 },
	{ VIO_BLK_F_GEOMETRY, "GEOMETRY", 0 },
	{ VIO_BLK_F_RO, "RO", 0 },
	{ VIO_BLK_F_BLK_SIZE, "BLK_SIZE", 0 },
	{ VIO_BLK_F_FLUSH, "FLUSH", 0 },
	{ VIO_BLK_F_TOPOLOGY, "TOPOLOGY", 0 },
	{ VIO_BLK_F_CONFIG_WCE, "CONFIG_WCE", VIO_BLK_F_FLUSH },
	{ VIO_BLK_F_MQ, "MQ", 0 },
	{ VIO_BLK_F_DISCARD, "DISCARD", 0 },
	{ VIO_BLK_F_WRITE_ZEROES, "WRITE_ZEROES", 0 },
	{ VIO_BLK_F_LIFETIME, "LIFETIME", 0 },
	{ VIO_BLK_F_SECURE_ERASE, "SECURE_ERASE", 0 },
	{ VIO_BLK_F_ZONED, "ZONED", 0 },
	{ 1ull << 0, "BARRIER (legacy)", 0 },
	{ 1ull << 7, "SCSI (legacy)", 0 },
	{ 0, NULL, 0 },
};

const struct cf_dev cf_dev_blk = { .name = "blk",
				   .section = "5.2",
				   .id = VIO_ID_BLK,
				   .bits = bits,
				   .nvq = 1,
				   .config = 8,
				   .out = 16, /* IN, sector 0: all zeros */
				   .in = 512 + 1,
				   .check = check };
