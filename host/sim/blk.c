/* SPDX-License-Identifier: BSD-3-Clause */
/* blk.c - simulated disk: memory, with faults, delays and power cuts */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "host/sim/blk.h"
#include "hosted/host_kind.h"

static int sim_info(void *host, struct vio_blk_info *in)
{
	struct sim_blk *s = host;

	in->sectors = s->bytes / VIO_BLK_SECTOR;
	in->discard_max = 4096;
	in->zeroes_max = 4096;
	in->zeroes_unmap = true;
	in->write_cache = s->stable != NULL;
	memcpy(in->id, "sim", 3);
	return VIO_OK;
}

static bool sim_fails(const struct sim_blk *s, const struct vio_blk_io *io)
{
	bool payload = (io->op == VIO_BLK_READ) || (io->op == VIO_BLK_WRITE);
	uint64_t n = payload ? io->span.len / VIO_BLK_SECTOR : io->sectors;

	if (!s->fail) {
		return false;
	}
	if (s->fail_ops) {
		return (s->fail_ops & (1u << io->op)) != 0;
	}
	return (io->op != VIO_BLK_SYNC) && (s->fail_sector >= io->sector) &&
	       (s->fail_sector - io->sector < n);
}

static int sim_run(struct sim_blk *s, struct vio_blk_io *io)
{
	struct vio_span span = io->span;
	/* a SYNC's sector is whatever the guest wrote */
	uint8_t *at = s->disk + (io->op == VIO_BLK_SYNC ? 0u : io->sector * VIO_BLK_SECTOR);
	uint32_t len = span.len > s->cut ? span.len - s->cut : 0;

	if (s->nlog < SIM_BLK_LOG) {
		s->log[s->nlog++] = io->op;
	}
	if (sim_fails(s, io)) {
		return s->fail;
	}
	switch ((enum vio_blk_op)io->op) {
	case VIO_BLK_READ:
		io->moved = vio_span_write(&span, at, len);
		break;
	case VIO_BLK_WRITE:
		io->moved = vio_span_read(&span, at, len);
		break;
	case VIO_BLK_SYNC:
		if (s->stable) {
			memcpy(s->stable, s->disk, s->bytes);
		}
		break;
	case VIO_BLK_DISCARD: /* worse than a real disk on purpose: nobody may count on the old data */
		memset(at, 0xd5, (size_t)io->sectors * VIO_BLK_SECTOR);
		break;
	case VIO_BLK_ZEROES:
		memset(at, 0, (size_t)io->sectors * VIO_BLK_SECTOR);
		break;
	}
	return VIO_OK;
}

static int sim_submit(void *host, struct vio_blk_io *io)
{
	struct sim_blk *s = host;

	if (!s->hold && !s->delay_ns) {
		return sim_run(s, io);
	}
	io->next = NULL;
	*s->held_end = io;
	s->held_end = &io->next;
	s->nheld++;
	if (s->delay_ns && !s->timer.at) {
		s->clock->set(s->clock, &s->timer, s->clock->now(s->clock) + s->delay_ns);
	}
	return VIO_PENDING;
}

uint32_t sim_blk_finish(struct sim_blk *s, uint32_t n, bool newest)
{
	uint32_t done = 0;

	for (; (done < n) && s->held; done++) {
		struct vio_blk_io **at = &s->held;
		struct vio_blk_io *io;

		while (newest && (*at)->next) {
			at = &(*at)->next;
		}
		io = *at;
		*at = io->next;
		if (!*at) {
			s->held_end = at;
		}
		s->nheld--;
		vio_job_complete(&io->job, sim_run(s, io));
	}
	return done;
}

static void sim_fire(struct vio_timer *t)
{
	struct sim_blk *s = VIO_CONTAINER(t, struct sim_blk, timer);

	(void)sim_blk_finish(s, s->nheld, false);
}

static void sim_cancel(void *host, struct vio_blk_io *io)
{
	struct sim_blk *s = host;

	(void)io;
	s->ncancel++;
}

const struct vio_blk_host_ops sim_blk_ops = {
	.info = sim_info,
	.submit = sim_submit,
	.cancel = sim_cancel,
};

bool sim_blk_init(struct sim_blk *s, uint64_t bytes, bool write_cache)
{
	memset(s, 0, sizeof(*s));
	s->bytes = bytes - (bytes % VIO_BLK_SECTOR);
	s->held_end = &s->held;
	s->timer.fire = sim_fire;
	s->disk = calloc(1, s->bytes);
	if (write_cache) {
		s->stable = calloc(1, s->bytes);
	}
	return s->disk && (s->stable || !write_cache);
}

void sim_blk_free(struct sim_blk *s)
{
	free(s->disk);
	free(s->stable);
}

void sim_blk_power_cut(struct sim_blk *s)
{
	if (s->stable) {
		memcpy(s->disk, s->stable, s->bytes);
	}
}

static void sim_close(struct host *h)
{
	struct sim_blk *s = h->host;

	if (s->timer.at) {
		s->clock->set(s->clock, &s->timer, 0);
	}
	sim_blk_free(s);
	free(s);
}

/* returns: false and ctx->err */
static bool sim_number(struct host_ctx *ctx, const char *name, uint64_t *n)
{
	const char *s = ctx->option(ctx, name);

	if (s && !host_size(s, n)) {
		(void)snprintf(ctx->err, sizeof(ctx->err),
			       "%s '%s': not a number; write 512, 64K, 1G", name, s);
		return false;
	}
	return true;
}

static int sim_open(struct host_ctx *ctx, struct host *out)
{
	uint64_t bytes = UINT64_C(64) << 20;
	uint64_t fail = UINT64_MAX;
	uint64_t delay = 0;
	struct sim_blk *s;

	if (!sim_number(ctx, "size", &bytes) || !sim_number(ctx, "fail-sector", &fail) ||
	    !sim_number(ctx, "delay-us", &delay)) {
		return -1;
	}
	s = malloc(sizeof(*s));
	if (!s || (bytes < VIO_BLK_SECTOR) || !sim_blk_init(s, bytes, false)) {
		(void)snprintf(ctx->err, sizeof(ctx->err), "no disk of %llu bytes",
			       (unsigned long long)bytes);
		free(s);
		return -1;
	}
	if (fail != UINT64_MAX) {
		s->fail = VIO_E_IO;
		s->fail_sector = fail;
	}
	s->delay_ns = delay * 1000u;
	s->clock = loop_clock(ctx->loop);
	out->ops = &sim_blk_ops;
	out->host = s;
	out->close = sim_close;
	return 0;
}

static const struct host_option sim_opt[] = {
	{ "size", "BYTES", "size of the disk; default 64M", false },
	{ "fail-sector", "N", "requests that touch this sector fail", false },
	{ "delay-us", "N", "requests take this long", false },
};

extern const struct host_kind host_sim_blk[];
const struct host_kind host_sim_blk[] = {
	{ "blk", "sim", "simulated disk in memory, with faults and delays", NULL, false, sim_opt, 3,
	  sim_open },
	{ .name = NULL },
};
