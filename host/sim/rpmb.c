/* SPDX-License-Identifier: BSD-3-Clause */
/* rpmb.c - replay protected memory that forgets everything when the program ends: for tests, protects nothing */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "hosted/host_kind.h"
#include "hosted/mac.h"
#include "vio/rpmb.h"

struct sim_rpmb {
	struct vio_rpmb_store store;
	struct mac *mac;
	uint8_t data[];
};

static const struct vio_rpmb_store *sim_store(void *host)
{
	return &((struct sim_rpmb *)host)->store;
}

static int sim_read(void *host, uint16_t block, uint8_t data[VIO_RPMB_BLOCK])
{
	memcpy(data, ((struct sim_rpmb *)host)->data + (size_t)block * VIO_RPMB_BLOCK,
	       VIO_RPMB_BLOCK);
	return VIO_OK;
}

static int sim_commit(void *host, struct vio_rpmb_commit *c)
{
	struct sim_rpmb *s = host;

	if (c->key) {
		mac_key(s->mac, c->key);
		s->store.keyed = true;
		return VIO_OK;
	}
	memcpy(s->data + (size_t)c->block * VIO_RPMB_BLOCK, c->data, (size_t)c->n * VIO_RPMB_BLOCK);
	s->store.counter++;
	return VIO_OK;
}

static void sim_mac_begin(void *host)
{
	mac_begin(((struct sim_rpmb *)host)->mac);
}

static void sim_mac_add(void *host, const uint8_t *p, uint32_t len)
{
	mac_add(((struct sim_rpmb *)host)->mac, p, len);
}

static void sim_mac_end(void *host, uint8_t out[VIO_RPMB_MAC])
{
	mac_end(((struct sim_rpmb *)host)->mac, out);
}

static const struct vio_rpmb_host_ops sim_ops = {
	.open = sim_store,
	.read = sim_read,
	.commit = sim_commit,
	.mac_begin = sim_mac_begin,
	.mac_add = sim_mac_add,
	.mac_end = sim_mac_end,
};

static void sim_close(struct host *h)
{
	struct sim_rpmb *s = h->host;

	mac_free(s->mac);
	free(s);
}

/* ARG: the counter that it begins with, so that its end can be tried */
static int sim_open(struct host_ctx *ctx, struct host *out)
{
	struct sim_rpmb *s = calloc(1, sizeof(*s) + VIO_RPMB_UNIT);
	unsigned long long counter = 0;
	char *end = NULL;

	if (ctx->arg) {
		errno = 0;
		counter = strtoull(ctx->arg, &end, 0);
		if (errno || end == ctx->arg || *end || counter > UINT32_MAX) {
			(void)snprintf(ctx->err, sizeof(ctx->err),
				       "'%s' is no counter: give a number of 32 bits, as in "
				       "--host=sim:0xfffffffe",
				       ctx->arg);
			free(s);
			return -1;
		}
	}
	if (s) {
		s->mac = mac_new();
	}
	if (!s || !s->mac) {
		(void)snprintf(ctx->err, sizeof(ctx->err),
			       "out of memory, or built without mbedtls");
		free(s);
		return -1;
	}
	s->store.blocks = VIO_RPMB_UNIT / VIO_RPMB_BLOCK;
	s->store.counter = (uint32_t)counter;
	out->ops = &sim_ops;
	out->host = s;
	out->close = sim_close;
	return 0;
}

const struct host_kind host_sim_rpmb[] = {
	{
		.class_name = "rpmb",
		.name = "sim",
		.about = "128 KiB in memory, forgotten at the end; for tests",
		.arg_help = "COUNTER",
		.open = sim_open,
	},
	{ 0 },
};
