/* SPDX-License-Identifier: BSD-3-Clause */
/* disk.c - host of the block device: the board's disk in memory, without a write cache */
#include <string.h>
#include "image.h"

static int disk_info(void *host, struct vio_blk_info *info)
{
	(void)host;
	info->sectors = stratos_board_disk.bytes / VIO_BLK_SECTOR;
	(void)memcpy(info->id, "stratos memory", 14u);
	return VIO_OK;
}

/* The device has checked that the operation is inside the disk. */
static int disk_submit(void *host, struct vio_blk_io *io)
{
	uint8_t *at = stratos_board_disk.p + ((uint32_t)io->sector * VIO_BLK_SECTOR);
	struct vio_span s = io->span;
	uint8_t *p;
	uint32_t n;

	(void)host;
	if ((io->op != VIO_BLK_READ) && (io->op != VIO_BLK_WRITE)) {
		return (io->op == VIO_BLK_SYNC) ? VIO_OK : VIO_E_NOTSUP;
	}
	for (n = vio_span_next(&s, &p); n > 0u; n = vio_span_next(&s, &p)) {
		(void)memcpy((io->op == VIO_BLK_READ) ? p : at, (io->op == VIO_BLK_READ) ? at : p,
			     n);
		at += n;
		io->moved += n;
	}
	return VIO_OK;
}

const struct vio_blk_host_ops image_disk = { .info = disk_info, .submit = disk_submit };
