/* SPDX-License-Identifier: BSD-3-Clause */
/* blk_config.h - private to device/: what blk.c and blk_config.c share */
#ifndef VIO_DEVICE_BLK_CONFIG_H
#define VIO_DEVICE_BLK_CONFIG_H

#include "vio/blk.h"

#define HEAD	   ((uint32_t)sizeof(struct vio_blk_wire_head))
#define CFG(field) ((uint32_t)offsetof(struct vio_blk_wire_config, field))

extern const struct vio_dev_ops vio_blk_dev_ops;

#endif
