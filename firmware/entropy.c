/* SPDX-License-Identifier: BSD-3-Clause */
/* entropy.c - host of the entropy device: the board's source */
#include "image.h"

static int fill(void *host, struct vio_rng_fill *f)
{
	(void)host;
	f->got = stratos_board_entropy(f->buf, f->len);
	return (f->got > 0u) ? VIO_OK : VIO_E_IO;
}

static void cancel(void *host, struct vio_rng_fill *f)
{
	(void)host; /* nothing is ever pending */
	(void)f;
}

const struct vio_rng_host_ops image_entropy = { .fill = fill, .cancel = cancel };
