/* SPDX-License-Identifier: BSD-3-Clause */
/* drv_msg.h - a driver's way to a device behind virtio-msg */
#ifndef VIO_DRV_MSG_H
#define VIO_DRV_MSG_H

#include "drv.h"
#include "spec/msg.h"

struct vio_drv_msg {
	/*
	 * carry req, len bytes, to the device; with resp: wait for its response, `size` bytes at most, resp is req. Others
	 * than the response may come first: they are the carrier's. returns: VIO_OK | negative
	 */
	int (*carry)(void *ctx, const uint8_t *req, uint32_t len, uint8_t *resp);
	void *ctx;
	uint16_t dev;	/* its number */
	uint16_t size;	/* most bytes of a message, VIO_MSG_MIN to VIO_MSG_MAX */
	uint16_t token; /* of the last request */
	bool rfc;	/* the third RFC instead of the second patch */
	uint32_t polls; /* looks at a reset before VIO_E_IO; 0: 1000000 */
};

struct vio_drv_msg_info {
	uint32_t id, vendor, config_len, vqs;
};

/* vio_drv_msg_info - what it is; returns: VIO_OK | VIO_E_NOTSUP none we can drive | negative */
int vio_drv_msg_info(struct vio_drv_msg *b, struct vio_drv_msg_info *info);

/* vio_drv_msg_vq_max - largest size of a queue, 0: there is none; returns: VIO_OK | negative */
int vio_drv_msg_vq_max(struct vio_drv_msg *b, uint16_t vq, uint32_t *max);

/* bus: struct vio_drv_msg */
extern const struct vio_bus_ops vio_drv_msg_bus;

#endif
