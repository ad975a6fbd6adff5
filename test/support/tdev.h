/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tdev.h - a device for tests of the core: one queue, checks what it reads, writes what can be checked
 *
 * Request: readable part begins with a serial number of 4 bytes, every byte behind follows from it (tdev_byte).
 * What is written follows from serial and length too (tdev_plan): all, a beginning, a beginning and the last byte,
 * or nothing; through vio_req_write or through a span.
 */
#ifndef TEST_TDEV_H
#define TEST_TDEV_H

#include "vio/dev.h"

#define TDEV_POOL 16u
#define TDEV_SEGS 40u

struct tdev_req {
	struct vio_req r;
	uint32_t serial;
};

struct tdev {
	struct vio_dev d;
	struct vio_vq vq;
	bool async;   /* requests are kept until tdev_complete */
	uint32_t bad; /* requests that were not what the driver sent */
	uint16_t n;
	struct tdev_req *own[TDEV_POOL];
	VIO_VQ_STORE(struct tdev_req, TDEV_POOL, TDEV_SEGS) store;
};

struct tdev_plan {
	uint32_t prefix; /* bytes written from the start */
	bool last;	 /* and the last byte */
	bool span;
};

int tdev_init(struct tdev *t, struct vio_mem *m, bool async);
/* Complete kept request i, then wake the queue; tdev_complete_some: a random few */
void tdev_complete(struct tdev *t, uint16_t i);
void tdev_complete_some(struct tdev *t);

uint8_t tdev_byte(uint32_t serial, uint32_t i, bool written);
struct tdev_plan tdev_plan(uint32_t serial, uint32_t in_len);
/* What the driver must be told */
uint32_t tdev_len(uint32_t serial, uint32_t in_len);

#endif
