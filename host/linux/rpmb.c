/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rpmb.c - replay protected memory in a file
 *
 * The file is in memory, so reads are done at once; commits wait for the disk and run on a worker. While one is
 * with the worker the device asks for nothing else, so file and MAC have one user at a time.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "host/linux/rpmb.h"
#include "host/linux/rpmb_file.h"
#include "hosted/host_kind.h"
#include "hosted/log.h"
#include "hosted/mac.h"
#include "hosted/offload.h"

#define SIZE VIO_RPMB_UNIT /* of a new file without --size */

struct rpmb_host {
	const char *name;
	struct rpmb_file file;
	struct mac *mac;
	struct offload *worker;
	struct offload_job job;
	struct vio_rpmb_commit *c;
	int rc;
	bool told; /* that it cannot be written */
};

static const struct vio_rpmb_store *file_store(void *host)
{
	return &((struct rpmb_host *)host)->file.store;
}

static int file_read(void *host, uint16_t block, uint8_t data[VIO_RPMB_BLOCK])
{
	memcpy(data, ((struct rpmb_host *)host)->file.data + (size_t)block * VIO_RPMB_BLOCK,
	       VIO_RPMB_BLOCK);
	return VIO_OK;
}

static void commit_run(struct offload_job *j)
{
	struct rpmb_host *h = VIO_CONTAINER(j, struct rpmb_host, job);

	h->rc = rpmb_file_commit(&h->file, h->c);
}

static void commit_done(struct offload_job *j)
{
	struct rpmb_host *h = VIO_CONTAINER(j, struct rpmb_host, job);
	struct vio_rpmb_commit *c = h->c;

	h->c = NULL;
	if (h->rc == VIO_OK && c->key) {
		mac_key(h->mac, h->file.key);
		log_info(h->name, "key programmed");
	}
	if (h->rc != VIO_OK && !h->told) {
		h->told = true;
		log_error(h->name,
			  "could not be written: %s; nothing is written any more until the program "
			  "starts anew",
			  strerror(h->file.error));
	}
	vio_job_complete(&c->job, h->rc);
}

static int file_commit(void *host, struct vio_rpmb_commit *c)
{
	struct rpmb_host *h = host;

	h->c = c;
	return offload_submit(h->worker, &h->job) ? VIO_E_IO : VIO_PENDING;
}

static void file_mac_begin(void *host)
{
	mac_begin(((struct rpmb_host *)host)->mac);
}

static void file_mac_add(void *host, const uint8_t *p, uint32_t len)
{
	mac_add(((struct rpmb_host *)host)->mac, p, len);
}

static void file_mac_end(void *host, uint8_t out[VIO_RPMB_MAC])
{
	mac_end(((struct rpmb_host *)host)->mac, out);
}

static const struct vio_rpmb_host_ops file_ops = {
	.open = file_store,
	.read = file_read,
	.commit = file_commit,
	.mac_begin = file_mac_begin,
	.mac_add = file_mac_add,
	.mac_end = file_mac_end,
};

/* ---- kind ---- */

static void rpmb_close(struct host *out)
{
	struct rpmb_host *h = out->host;

	offload_free(h->worker);
	rpmb_file_close(&h->file);
	mac_free(h->mac);
	free(h);
}

static int rpmb_fail(struct host_ctx *ctx, struct host *out, const char *what, const char *todo)
{
	(void)snprintf(ctx->err, sizeof(ctx->err), "%s%s%s%s", ctx->arg ? ctx->arg : "",
		       ctx->arg ? ": " : "", what, todo);
	rpmb_close(out);
	memset(out, 0, sizeof(*out));
	return -1;
}

static int rpmb_size(const char *word, uint32_t *units)
{
	uint64_t bytes = SIZE;

	if (word && !host_size(word, &bytes)) {
		return -1;
	}
	*units = (uint32_t)(bytes / VIO_RPMB_UNIT);
	return bytes == 0 || bytes % VIO_RPMB_UNIT ||
			       bytes > (uint64_t)VIO_RPMB_UNITS * VIO_RPMB_UNIT
		       ? -1
		       : 0;
}

static int rpmb_open(struct host_ctx *ctx, struct host *out)
{
	struct rpmb_host *h = calloc(1, sizeof(*h));
	const char *why = "", *size = ctx->option(ctx, "size");
	uint32_t units;
	int rc;

	if (!h) {
		(void)snprintf(ctx->err, sizeof(ctx->err), "out of memory");
		return -1;
	}
	out->ops = &file_ops;
	out->host = h;
	out->close = rpmb_close;
	h->file.fd = -1;
	h->name = ctx->name;
	h->job.run = commit_run;
	h->job.done = commit_done;
	h->mac = mac_new();
	if (!h->mac) {
		return rpmb_fail(ctx, out,
				 "this program was built without mbedtls, which computes the MACs",
				 "");
	}
	if (!ctx->arg || !*ctx->arg) {
		ctx->arg = NULL;
		return rpmb_fail(ctx, out, "which file? As in --host=file:/var/lib/stratos/rpmb",
				 "");
	}
	if (rpmb_size(size, &units)) {
		return rpmb_fail(ctx, out, "size is a multiple of 128K, at most 16M", "");
	}
	rc = rpmb_file_make(ctx->arg, units);
	if (rc == 0) {
		log_info(ctx->name, "%s: made, %u KiB, without a key", ctx->arg, units * 128u);
	}
	rc = rc == 0 || rc == EEXIST ? rpmb_file_open(&h->file, ctx->arg, &why) : rc;
	if (rc) {
		return rpmb_fail(ctx, out, rc == EINVAL && *why ? why : strerror(rc),
				 rc == EWOULDBLOCK ? "; another process has it" : "");
	}
	if (size && units * (VIO_RPMB_UNIT / VIO_RPMB_BLOCK) != h->file.store.blocks) {
		return rpmb_fail(ctx, out,
				 "has another size, which cannot change; leave out 'size'", "");
	}
	mac_key(h->mac, h->file.key);
	h->worker = offload_new(ctx->loop, ctx->name);
	return h->worker ? 0 : rpmb_fail(ctx, out, strerror(errno), "");
}

static const struct host_option rpmb_opt[] = {
	{ "size", "BYTES", "of a file that is made: a multiple of 128K, at most 16M; default: 128K",
	  false },
};

static const struct host_option mmc_opt[] = {
	{ "program-key", "on|off",
	  "the guest may program the card's key, which is for ever; default: off", false },
};

const struct host_kind host_linux_rpmb[] = {
	{
		.class_name = "rpmb",
		.name = "file",
		.about = "a file, made if there is none; survives a loss of power",
		.arg_help = "PATH",
		.is_default = true,
		.opt = rpmb_opt,
		.nopt = 1,
		.open = rpmb_open,
	},
	{
		.class_name = "rpmb",
		.name = "mmc",
		.about = "RPMB partition of an eMMC of this machine",
		.arg_help = "/dev/mmcblkNrpmb",
		.opt = mmc_opt,
		.nopt = 1,
		.open = rpmb_mmc_open,
	},
	{ 0 },
};
