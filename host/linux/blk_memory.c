/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * blk_memory.c - block hosts without a file: a RAM disk, and a null disk that measures everything but the disk
 *
 * Both answer inside submit and keep no state between calls, so any number of executors may share one.
 * The null disk moves no data: a write is forgotten, a read leaves the guest's buffer as it was (and the buffer is
 * not reported as written).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "host/linux/blk.h"

#define RANGE_MAX (UINT32_C(1) << 21) /* sectors, 1 GiB */

struct ram {
	uint8_t *p; /* NULL: null disk */
	uint64_t bytes;
	uint8_t id[VIO_BLK_ID_BYTES];
};

static int ram_info(void *host, struct vio_blk_info *in)
{
	struct ram *m = host;

	in->sectors = m->bytes / VIO_BLK_SECTOR;
	in->physical_exp = 3; /* pages */
	in->discard_max = RANGE_MAX;
	in->zeroes_max = RANGE_MAX;
	in->zeroes_unmap = true;
	in->no_data = !m->p;
	memcpy(in->id, m->id, sizeof(in->id));
	return VIO_OK;
}

static int null_submit(void *host, struct vio_blk_io *io)
{
	(void)host;
	(void)io;
	return VIO_OK;
}

/* Whole pages go back to the kernel and read as zeroes; the rest is cleared. */
static void ram_clear(uint8_t *p, uint64_t len)
{
	uint64_t head = (0 - (uintptr_t)p) & 4095u;

	if (len >= head + 4096u) {
		uint64_t pages = (len - head) & ~UINT64_C(4095);

		if (!madvise(p + head, pages, MADV_DONTNEED)) {
			memset(p, 0, head);
			memset(p + head + pages, 0, len - head - pages);
			return;
		}
	}
	memset(p, 0, len);
}

static int ram_submit(void *host, struct vio_blk_io *io)
{
	struct ram *m = host;
	uint8_t *at = m->p + (io->sector * VIO_BLK_SECTOR);
	struct vio_span s = io->span;

	switch ((enum vio_blk_op)io->op) {
	case VIO_BLK_READ:
		io->moved = vio_span_write(&s, at, s.len);
		break;
	case VIO_BLK_WRITE:
		io->moved = vio_span_read(&s, at, s.len);
		break;
	case VIO_BLK_DISCARD:
	case VIO_BLK_ZEROES:
		ram_clear(at, (uint64_t)io->sectors * VIO_BLK_SECTOR);
		break;
	case VIO_BLK_SYNC:
		break;
	}
	return VIO_OK;
}

static const struct vio_blk_host_ops ram_ops = { .info = ram_info, .submit = ram_submit };
static const struct vio_blk_host_ops null_ops = { .info = ram_info, .submit = null_submit };

static void ram_close(struct host *h)
{
	struct ram *m = h->host;

	if (m->p) {
		(void)munmap(m->p, m->bytes);
	}
	free(m);
}

void blk_serial(const struct host_ctx *ctx, uint8_t id[VIO_BLK_ID_BYTES])
{
	const char *s = ctx->option(ctx, "serial");
	size_t n;

	s = s ? s : ctx->name;
	n = strlen(s);
	memset(id, 0, VIO_BLK_ID_BYTES);
	memcpy(id, s, n < VIO_BLK_ID_BYTES ? n : VIO_BLK_ID_BYTES);
}

/* ARG or option "size". returns: 0 | -1 and ctx->err */
static int ram_size(struct host_ctx *ctx, const char *kind, uint64_t *bytes)
{
	const char *s = ctx->arg ? ctx->arg : ctx->option(ctx, "size");

	if (!s) {
		(void)snprintf(ctx->err, sizeof(ctx->err), "host %s needs a size: add --size=1G",
			       kind);
		return -1;
	}
	if (!host_size(s, bytes) || (*bytes < VIO_BLK_SECTOR) || (*bytes > (uint64_t)INT64_MAX)) {
		(void)snprintf(ctx->err, sizeof(ctx->err),
			       "size '%s': not a size; write bytes, or 64K, 512M, 1G; at least 512",
			       s);
		return -1;
	}
	*bytes -= *bytes % VIO_BLK_SECTOR;
	return 0;
}

static int ram_open(struct host_ctx *ctx, struct host *out, bool memory)
{
	const char *kind = memory ? "memory" : "null";
	struct ram *m = calloc(1, sizeof(*m));

	if (!m || ram_size(ctx, kind, &m->bytes)) {
		free(m);
		return -1;
	}
	if (memory) {
		void *p = mmap(NULL, m->bytes, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

		if (p == MAP_FAILED) {
			(void)snprintf(ctx->err, sizeof(ctx->err),
				       "no memory for a disk of %llu bytes: %s",
				       (unsigned long long)m->bytes, strerror(errno));
			free(m);
			return -1;
		}
		m->p = p;
	}
	blk_serial(ctx, m->id);
	out->ops = memory ? &ram_ops : &null_ops;
	out->host = m;
	out->close = ram_close;
	out->any_executor =
		true; /* two guests' CPUs that write one sector race as on real memory */
	return 0;
}

int blk_memory_open(struct host_ctx *ctx, struct host *out)
{
	return ram_open(ctx, out, true);
}

int blk_null_open(struct host_ctx *ctx, struct host *out)
{
	return ram_open(ctx, out, false);
}
