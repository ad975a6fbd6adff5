/* SPDX-License-Identifier: BSD-3-Clause */
/* entropy.c - host of the entropy device: the board's source, and one for boards that have none */
#include "image.h"

uint32_t stratos_simulated_entropy(uint8_t *p, uint32_t n, uint64_t seed)
{
	static uint64_t state;
	uint64_t z = 0u;

	if (state == 0u) {
		state = seed;
	}
	for (uint32_t i = 0u; i < n; i++) {
		if ((i & 7u) == 0u) {
			state += 0x9e3779b97f4a7c15u;
			z = state;
			z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
			z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
			z ^= z >> 31;
		}
		p[i] = (uint8_t)(z >> (8u * (i & 7u)));
	}
	return n;
}

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
