/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * compat.h - what differs between the kernels that this module is built for: 6.1 to 6.12
 */
#ifndef STRATOS_MSG_COMPAT_H
#define STRATOS_MSG_COMPAT_H

#include <linux/version.h>
#include <linux/virtio_config.h>

#ifndef CONFIG_64BIT
#error "stratos_msg reaches all memory through the kernel's linear map: 64-bit kernels only"
#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 11, 0)
#define MSG_FIND_VQS_ARGS                                                                          \
	struct virtio_device *vdev, unsigned int n, struct virtqueue *vqs[],                       \
		struct virtqueue_info info[], struct irq_affinity *desc
#define MSG_VQ_NAME(i)	   (info[i].name)
#define MSG_VQ_CALLBACK(i) (info[i].callback)
#define MSG_VQ_CTX(i)	   (info[i].ctx)
#else
#define MSG_FIND_VQS_ARGS                                                                          \
	struct virtio_device *vdev, unsigned int n, struct virtqueue *vqs[],                       \
		vq_callback_t *callbacks[], const char *const names[], const bool *ctx,            \
		struct irq_affinity *desc
#define MSG_VQ_NAME(i)	   (names[i])
#define MSG_VQ_CALLBACK(i) (callbacks[i])
#define MSG_VQ_CTX(i)	   (ctx ? ctx[i] : false)
#endif

#endif
