/* SPDX-License-Identifier: BSD-3-Clause */
/* rng.c - a stream that looks random and is the same for each seed: for tests, never for keys */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "hosted/host_kind.h"
#include "vio/rng.h"

struct sim_rng {
	uint64_t state;
};

/* the splitmix64 generator: state steps by the golden ratio, the rest mixes */
static uint64_t sim_next(struct sim_rng *s)
{
	uint64_t z;

	s->state += 0x9e3779b97f4a7c15u;
	z = s->state;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static int sim_fill(void *host, struct vio_rng_fill *f)
{
	uint64_t word = 0;
	uint32_t n;

	for (n = 0; n < f->len; n++) {
		if (n % 8 == 0) {
			word = sim_next(host);
		}
		f->buf[n] = (uint8_t)(word >> (n % 8 * 8));
	}
	f->got = f->len;
	return VIO_OK;
}

static void sim_cancel(void *host, struct vio_rng_fill *f)
{
	(void)host; /* nothing is ever pending */
	(void)f;
}

static const struct vio_rng_host_ops sim_ops = { .fill = sim_fill, .cancel = sim_cancel };

static void sim_close(struct host *h)
{
	free(h->host);
}

static int sim_open(struct host_ctx *ctx, struct host *out)
{
	struct sim_rng *s;
	char *end = NULL;
	unsigned long long seed = 1;

	if (ctx->arg) {
		errno = 0;
		seed = strtoull(ctx->arg, &end, 0);
		if (errno || end == ctx->arg || *end) {
			(void)snprintf(ctx->err, sizeof(ctx->err),
				       "'%s' is no seed: give a number, as in --host=sim:42",
				       ctx->arg);
			return -1;
		}
	}
	s = calloc(1, sizeof(*s));
	if (!s) {
		(void)snprintf(ctx->err, sizeof(ctx->err), "out of memory");
		return -1;
	}
	s->state = seed;
	out->ops = &sim_ops;
	out->host = s;
	out->close = sim_close;
	return 0;
}

const struct host_kind host_sim_rng[] = {
	{
		.class_name = "rng",
		.name = "sim",
		.about = "the same bytes at each start; for tests, not secret",
		.arg_help = "SEED",
		.open = sim_open,
	},
	{ 0 },
};
