/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * echo.c - template of a device model: gives back what it reads; docs/adding-a-device.md explains
 * each line
 */
#include "vio/host.h"

struct echo {
	struct vio_dev dev; /* first */
	struct vio_vq vq;
	VIO_VQ_STORE(struct vio_req, 16, 4) store;
};

static void echo_queue(struct vio_dev *d, struct vio_vq *q)
{
	struct vio_req *r;
	uint8_t piece[64];
	uint32_t off, n;

	(void)d;
	while ((r = vio_vq_pop(q)) != NULL) {
		for (off = 0; (n = vio_req_read(r, off, piece, sizeof(piece))) != 0; off += n) {
			if (vio_req_write(r, off, piece, n) < n) {
				break; /* less room than bytes: the driver sees it by the length */
			}
		}
		vio_req_done(r, 0);
	}
}

/* 63: an id that the specification gives to nobody */
static const struct vio_dev_ops echo_ops = { .id = 63, .nvq_max = 1, .queue = echo_queue };

static size_t echo_bytes(const struct vio_parts *parts)
{
	(void)parts;
	return sizeof(struct echo);
}

static int echo_create(void *self, struct vio_mem *m, const struct vio_parts *parts)
{
	struct echo *e = self;

	(void)parts;
	VIO_VQ_BIND(&e->vq, &e->dev, 0, &e->store, 16, 4);
	return vio_dev_init(&e->dev, &echo_ops, m, &e->vq, 1, NULL);
}

const struct vio_class vio_class_echo = {
	.name = "echo",
	.about = "gives back what it is sent; the template for new devices",
	.id = 63,
	.bytes = echo_bytes,
	.create = echo_create,
};
