/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * blk.c - block device model: IN, OUT, FLUSH, GET_ID, DISCARD, WRITE_ZEROES on any number of queues
 *
 * source: virtio 1.3, 5.2
 *
 * Theory of operation. A request becomes a chain of host operations, one after another: one READ or WRITE; or one
 * ZEROES or DISCARD for each range; then, when the disk is written through, one SYNC. blk_next() goes from one link
 * to the next and finishes the request after the last one or after the first failure. Requests do not wait for each
 * other: the driver orders them by waiting for completions.
 *
 * What is refused, and how. No writable byte: no place for a status, the device fails. Everything else has a status:
 * S_UNSUPP for what was not negotiated or is not known, S_IOERR for what the driver got wrong and for the host's
 * failures. Ranges lie in guest memory; they are checked all together first, so that a bad one refuses the request
 * before anything is done, and each once more from the copy that is used.
 *
 * Durability (5.2.6.2). FLUSH is a SYNC. The disk is written through when the driver negotiated neither CONFIG_WCE
 * nor FLUSH, or set `writeback` to 0; then WRITE and ZEROES complete only after a SYNC of their own.
 *
 * Replay (vio_req.again): every request writes the same bytes to the same place again, so it is done again.
 *
 * Threads. Queues are independent. What they share with the control executor is the capacity and the write-through
 * flag: one load or store each, no order between them is needed.
 */
#include "blk_config.h"

#define RANGE ((uint32_t)sizeof(struct vio_blk_wire_range))

/* A share of a turn, in bytes: the driver is shown it before the next one begins. A request counts for some more. */
#define SHARE	   65536u
#define SHARE_EACH 4096u
/* The first is one request, where it can be shown: a driver that is about to sleep sees that it need not. */
#define FIRST (VIO_CFG_QUICK ? SHARE - 1u : 0u)

/* A 64-bit atomic is a library call on 32-bit targets; there one executor serves all (vio_blk_resize). */
static uint64_t blk_sectors(const struct vio_blk *b)
{
#if UINTPTR_MAX > 0xffffffffu
	return __atomic_load_n(&b->sectors, __ATOMIC_RELAXED);
#else
	return b->sectors;
#endif
}

static bool blk_inside(const struct vio_blk *b, uint64_t sector, uint64_t n)
{
	uint64_t cap = blk_sectors(b);

	return (sector <= cap) && (n <= cap - sector);
}

static void blk_finish(struct vio_blk_req *r, uint32_t data, uint8_t status)
{
	(void)vio_req_write(&r->req, r->req.in_len - 1u, &status, 1);
	vio_req_done(&r->req, data);
}

/* Check range i of a DISCARD or WRITE_ZEROES and make it the operation of r. returns: a status */
static uint8_t blk_range(struct vio_blk *b, struct vio_blk_req *r, uint32_t i)
{
	bool zeroes = r->type == VIO_BLK_T_WRITE_ZEROES;
	uint8_t raw[RANGE];
	uint32_t flags;

	(void)vio_req_read(&r->req, HEAD + (i * RANGE), raw, RANGE);
	flags = vio_unpack32(raw + 12);
	r->io.sector = vio_unpack64(raw);
	r->io.sectors = vio_unpack32(raw + 8);
	r->io.unmap = flags != 0;
	if (flags & ~(zeroes ? VIO_BLK_RANGE_UNMAP : 0u)) {
		return VIO_BLK_S_UNSUPP;
	}
	if ((r->io.sectors > (zeroes ? b->zeroes_max : b->discard_max)) ||
	    !blk_inside(b, r->io.sector, r->io.sectors)) {
		return VIO_BLK_S_IOERR;
	}
	return VIO_BLK_S_OK;
}

/* All ranges before the first is used. S_UNSUPP of any wins over S_IOERR of another (5.2.6.2). */
static uint8_t blk_ranges(struct vio_blk *b, struct vio_blk_req *r)
{
	uint32_t len = r->req.out_len - HEAD;
	uint8_t worst = VIO_BLK_S_OK;

	if (!len || (len % RANGE) || (len / RANGE > VIO_BLK_RANGES)) {
		return VIO_BLK_S_IOERR;
	}
	r->nrange = (uint16_t)(len / RANGE);
	for (uint32_t i = 0; i < r->nrange; i++) {
		uint8_t s = blk_range(b, r, i);

		worst = s > worst ? s : worst;
	}
	return worst;
}

/*
 * The operation in r->io ended with rc. returns: true = r->io holds the next one | false = r is done
 * A range of no sectors is skipped here: hosts need not know it.
 */
static bool blk_next(struct vio_blk *b, struct vio_blk_req *r, int32_t rc)
{
	bool payload = (r->io.op == VIO_BLK_READ) || (r->io.op == VIO_BLK_WRITE);
	uint8_t status = VIO_BLK_S_OK;
	uint32_t data = 0;

	if (r->io.op == VIO_BLK_READ) {
		data = r->io.moved < r->io.span.len ? r->io.moved : r->io.span.len;
	}
	if (rc < 0) {
		status = rc == VIO_E_NOTSUP ? VIO_BLK_S_UNSUPP : VIO_BLK_S_IOERR;
	} else if (payload && !b->no_data && (r->io.moved < r->io.span.len)) {
		status = VIO_BLK_S_IOERR;
	}
	while ((status == VIO_BLK_S_OK) && (r->range < r->nrange)) {
		status = blk_range(b, r, r->range++);
		if ((status == VIO_BLK_S_OK) && r->io.sectors) {
			return true;
		}
	}
	if ((status == VIO_BLK_S_OK) && r->sync) {
		r->sync = false;
		r->io.op = VIO_BLK_SYNC;
		return true;
	}
	blk_finish(r, data, status);
	return false;
}

/* Run r->io and what follows it, until the host keeps it or r is done. */
static void blk_run(struct vio_blk *b, struct vio_blk_req *r)
{
	struct vio_vq *q = r->req.vq;
	int rc;

	do {
		rc = b->host_ops->submit(q->host ? q->host : b->host, &r->io);
	} while ((rc != VIO_PENDING) && blk_next(b, r, rc));
}

static void blk_job_done(struct vio_job *j, int32_t result)
{
	struct vio_blk_req *r = VIO_CONTAINER(j, struct vio_blk_req, io.job);
	struct vio_blk *b = (struct vio_blk *)(void *)r->req.vq->dev;

	if (blk_next(b, r, result)) {
		blk_run(b, r); /* committed by the turn that the completion causes */
	}
}

static void blk_get_id(struct vio_blk *b, struct vio_blk_req *r)
{
	uint32_t room = r->req.in_len - 1u;

	(void)vio_req_write(&r->req, 0, b->id, room < VIO_BLK_ID_BYTES ? room : VIO_BLK_ID_BYTES);
	blk_finish(r, 0, VIO_BLK_S_OK);
}

/* IN, OUT: payload is everything between head and status. */
static uint8_t blk_payload(struct vio_blk *b, struct vio_blk_req *r, uint64_t sector)
{
	bool in = r->type == VIO_BLK_T_IN;
	uint32_t len = in ? r->req.in_len - 1u : r->req.out_len - HEAD;

	if (!in && b->read_only) {
		return VIO_BLK_S_IOERR;
	}
	if ((len % VIO_BLK_SECTOR) || !blk_inside(b, sector, len / VIO_BLK_SECTOR)) {
		return VIO_BLK_S_IOERR;
	}
	r->io.op = in ? VIO_BLK_READ : VIO_BLK_WRITE;
	r->io.sector = sector;
	r->io.moved = 0;
	(void)vio_req_span(&r->req, in, in ? 0 : HEAD, len, &r->io.span);
	return VIO_BLK_S_OK;
}

/* returns: VIO_BLK_S_OK and r->io is to be run (r->nrange: blk_next fills it) | another status */
static uint8_t blk_parse(struct vio_blk *b, struct vio_blk_req *r, uint32_t type, uint64_t sector)
{
	bool through = __atomic_load_n(&b->through, __ATOMIC_RELAXED) != 0;

	r->type = (uint8_t)type;
	switch (type) {
	case VIO_BLK_T_OUT:
		r->sync = through;
		return blk_payload(b, r, sector);
	case VIO_BLK_T_IN:
		return blk_payload(b, r, sector);
	case VIO_BLK_T_FLUSH: /* without VIO_BLK_F_FLUSH too: 5.2.6.3 tells drivers that they may */
		r->io.op = VIO_BLK_SYNC;
		return VIO_BLK_S_OK;
	case VIO_BLK_T_DISCARD:
		r->io.op = VIO_BLK_DISCARD;
		return (b->dev.features & VIO_BLK_F_DISCARD) ? blk_ranges(b, r) : VIO_BLK_S_UNSUPP;
	case VIO_BLK_T_WRITE_ZEROES:
		r->sync = through;
		r->io.op = VIO_BLK_ZEROES;
		return (b->dev.features & VIO_BLK_F_WRITE_ZEROES) ? blk_ranges(b, r)
								  : VIO_BLK_S_UNSUPP;
	default:
		return VIO_BLK_S_UNSUPP;
	}
}

static void blk_request(struct vio_blk *b, struct vio_blk_req *r)
{
	uint8_t raw[HEAD], status;
	uint32_t type;

	if (!r->req.in_len) {
		vio_req_done(&r->req, 0);
		vio_dev_fail(&b->dev);
		return;
	}
	if (vio_req_read(&r->req, 0, raw, HEAD) < HEAD) {
		blk_finish(r, 0, VIO_BLK_S_IOERR);
		return;
	}
	type = vio_unpack32(raw);
	if (type == VIO_BLK_T_GET_ID) {
		blk_get_id(b, r);
		return;
	}
	r->io.job.done = blk_job_done;
	r->io.job.vq = r->req.vq;
	r->range = 0;
	r->nrange = 0;
	r->sync = false;
	status = blk_parse(b, r, type, vio_unpack64(raw + 8));
	if (status != VIO_BLK_S_OK) {
		blk_finish(r, 0, status);
	} else if (!r->nrange || blk_next(b, r, VIO_OK)) {
		blk_run(b, r);
	}
}

/* returns: some of this queue were completed by it */
static bool blk_commit(struct vio_blk *b, struct vio_vq *q)
{
	return b->host_ops->commit && b->host_ops->commit(q->host ? q->host : b->host, q);
}

static void blk_queue(struct vio_dev *d, struct vio_vq *q)
{
	struct vio_blk *b = (struct vio_blk *)(void *)d;
	uint32_t begin = FIRST;
	bool more;

	do {
		struct vio_req *r;
		uint32_t share = begin;

		while ((share < SHARE) && ((r = vio_vq_pop(q)) != NULL)) {
			share += SHARE_EACH + r->in_len + r->out_len;
			blk_request(b, (struct vio_blk_req *)(void *)r);
		}
		more = blk_commit(b, q) || (share >= SHARE);
		begin = 0;
		if (more) {
			vio_vq_show(q);
		}
	} while (more);
}

static void blk_cancel(struct vio_dev *d, struct vio_req *r)
{
	struct vio_blk *b = (struct vio_blk *)(void *)d;

	if (b->host_ops->cancel) {
		b->host_ops->cancel(r->vq->host ? r->vq->host : b->host,
				    &((struct vio_blk_req *)(void *)r)->io);
	}
}

static void blk_set_mode(struct vio_blk *b)
{
	uint64_t f = b->dev.features;
	bool through =
		(f & VIO_BLK_F_CONFIG_WCE) ? !b->config[CFG(writeback)] : !(f & VIO_BLK_F_FLUSH);

	__atomic_store_n(&b->through, (uint8_t)(through && b->write_cache), __ATOMIC_RELAXED);
}

/* 5.2.5.2: writeback is what the driver reads from FEATURES_OK on */
static int blk_accept(struct vio_dev *d)
{
	struct vio_blk *b = (struct vio_blk *)(void *)d;

	b->config[CFG(writeback)] = (d->features & VIO_BLK_F_FLUSH) ? b->write_cache : 0u;
	return VIO_OK;
}

static int blk_start(struct vio_dev *d)
{
	blk_set_mode((struct vio_blk *)(void *)d);
	return VIO_OK;
}

static void blk_stop(struct vio_dev *d)
{
	struct vio_blk *b = (struct vio_blk *)(void *)d;

	b->config[CFG(writeback)] = b->write_cache;
}

static int blk_config_write(struct vio_dev *d, uint32_t off, const uint8_t *src, uint32_t len)
{
	struct vio_blk *b = (struct vio_blk *)(void *)d;

	if ((off != CFG(writeback)) || (len != 1) || (src[0] > 1) ||
	    !(d->features & VIO_BLK_F_CONFIG_WCE)) {
		return VIO_E_ARG;
	}
	b->config[CFG(writeback)] = src[0];
	blk_set_mode(b);
	return VIO_OK;
}

const struct vio_dev_ops vio_blk_dev_ops = {
	.id = VIO_ID_BLK,
	.nvq_max = VIO_BLK_QUEUES_MAX,
	.config_len = VIO_BLK_CONFIG_BYTES,
	.features = VIO_BLK_F_SIZE_MAX | VIO_BLK_F_SEG_MAX | VIO_BLK_F_RO | VIO_BLK_F_BLK_SIZE |
		    VIO_BLK_F_FLUSH | VIO_BLK_F_TOPOLOGY | VIO_BLK_F_CONFIG_WCE | VIO_BLK_F_MQ |
		    VIO_BLK_F_DISCARD | VIO_BLK_F_WRITE_ZEROES,
	.accept = blk_accept,
	.start = blk_start,
	.queue = blk_queue,
	.cancel = blk_cancel,
	.stop = blk_stop,
	.config_write = blk_config_write,
	.config_write_needs = VIO_BLK_F_CONFIG_WCE,
};

enum { P_QUEUES, P_READ_ONLY, P_BLOCK_SIZE, P_N };

static const struct vio_param blk_param[P_N] = {
	[P_QUEUES] = { "num-queues", "request queues", 1, VIO_BLK_QUEUES_MAX, 1 },
	[P_READ_ONLY] = { "read-only", "the guest cannot write", 0, 1, 0 },
	[P_BLOCK_SIZE] = { "block-size", "logical block in bytes, a power of two; 512: the host's",
			   512, 65536, 512 },
};

static size_t blk_bytes(const struct vio_parts *p)
{
	return sizeof(struct vio_blk) + (p->param[P_QUEUES] * sizeof(struct vio_blk_queue));
}

static int blk_create(void *self, struct vio_mem *m, const struct vio_parts *p)
{
	struct vio_blk *b = self;
	const struct vio_blk_setup s = {
		.host_ops = p->host_ops,
		.host = p->host,
		.queues = (uint16_t)p->param[P_QUEUES],
		.block_size = p->param[P_BLOCK_SIZE],
		.read_only = p->param[P_READ_ONLY] != 0,
	};

	return vio_blk_init(b, m, &s, (struct vio_blk_queue *)(void *)(b + 1));
}

const struct vio_class vio_class_blk = {
	.name = "blk",
	.about = "block device",
	.id = VIO_ID_BLK,
	.needs_host = true,
	.any_executor = true,
	.param = blk_param,
	.nparam = P_N,
	.bytes = blk_bytes,
	.create = blk_create,
};
