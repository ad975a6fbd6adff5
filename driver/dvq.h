/* SPDX-License-Identifier: BSD-3-Clause */
/* dvq.h - private to driver/: what split.c and packed.c provide to dvq.c */
#ifndef VIO_DRIVER_DVQ_H
#define VIO_DRIVER_DVQ_H

#include <string.h>
#include "vio/drv.h"
#include "vio/spec/ring.h"

/* n pieces of one request: the first n_out are readable */
struct dvq_list {
	const struct vio_dma *b;
	uint16_t n_out, n;
	uint16_t flags; /* VIO_DESC_F_INDIRECT, or 0 */
};

/*
 * One format. put writes the descriptors and returns the request's id; the device does not see them before publish,
 * which answers whether it wants a kick. take finds one used element: VIO_OK, VIO_E_AGAIN or VIO_E_RING. skip frees
 * the ring entries of request `id` and moves behind it.
 */
struct dvq_ops {
	uint16_t (*put)(struct vio_dvq *q, const struct dvq_list *l);
	bool (*publish)(struct vio_dvq *q);
	int (*take)(struct vio_dvq *q, uint32_t *id, uint32_t *len);
	void (*skip)(struct vio_dvq *q, uint16_t id);
	bool (*arm)(struct vio_dvq *q);
	void (*mute)(struct vio_dvq *q);
};

extern const struct dvq_ops dvq_split;
extern const struct dvq_ops dvq_packed;

/* Address and length of a descriptor; its last four bytes are the format's own. */
static inline void dvq_desc(uint8_t *p, uint64_t addr, uint32_t len)
{
	vio_put32(p, (uint32_t)addr);
	vio_put32(p + 4, (uint32_t)(addr >> 32));
	vio_put32(p + 8, len);
}

#endif
