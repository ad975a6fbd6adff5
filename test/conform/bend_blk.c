/* SPDX-License-Identifier: BSD-3-Clause */
/* bend_blk.c - broken block devices */
#include <string.h>
#include "test/conform/bends.h"
#include "vio/base.h"
#include "vio/spec/blk.h"

#define BLK "blk,host=sim,size=1M"
#define WCE "blk,host=file:{file}" /* a file of 1 MiB */
#define RO  "blk,host=sim,size=1M,read-only"

static uint32_t type(const struct bent_req *r)
{
	return vio_unpack32(r->out);
}

static void status(struct bent_req *r, uint32_t s)
{
	r->in[r->in_len - 1u] = (uint8_t)s;
}

static void no_status(struct bent_req *r)
{
	status(r, 0xa5);
}

static void ok(struct bent_req *r)
{
	status(r, VIO_BLK_S_OK);
}

static void ioerr(struct bent_req *r)
{
	status(r, type(r) == VIO_BLK_T_IN ? VIO_BLK_S_OK : VIO_BLK_S_IOERR);
}

static void unsupp(struct bent_req *r)
{
	status(r, type(r) == VIO_BLK_T_IN || type(r) == VIO_BLK_T_OUT ? VIO_BLK_S_OK
								      : VIO_BLK_S_UNSUPP);
}

static void larger(uint8_t *c, uint32_t len)
{
	(void)len;
	vio_pack64(c, vio_unpack64(c) + 1u);
}

/* reads in units of the request's own length */
static void other_unit(struct bent_req *r)
{
	if (type(r) == VIO_BLK_T_IN && r->in_len == 513) {
		r->in[0] = (uint8_t)(r->in[0] + r->out[8] + 1u);
	}
}

static void lost_write(struct bent_req *r)
{
	if (type(r) == VIO_BLK_T_OUT) {
		memset(r->out + 16, 0, r->out_len - 16u);
	}
}

static void one_before(struct bent_req *r)
{
	if (type(r) == VIO_BLK_T_OUT) {
		vio_pack64(r->out + 8,
			   vio_unpack64(r->out + 8) ? vio_unpack64(r->out + 8) - 1u : 0u);
	}
}

static void changed(struct bent_req *r)
{
	if (type(r) == VIO_BLK_T_IN && r->n > 0) {
		r->in[7] ^= 1u;
	}
}

static void bad_id(struct bent_req *r)
{
	if (type(r) == VIO_BLK_T_GET_ID) {
		r->in[0] = 'x';
		r->in[1] = 0;
		r->in[2] = 'y';
		status(r, VIO_BLK_S_OK);
	}
}

static void reserved_life(struct bent_req *r)
{
	if (type(r) == VIO_BLK_T_GET_LIFETIME) {
		memset(r->in, 0, 6);
		r->in[0] = 9;
		status(r, VIO_BLK_S_OK);
	}
}

static void good_life(struct bent_req *r)
{
	if (type(r) == VIO_BLK_T_GET_LIFETIME) {
		memset(r->in, 0, 6);
		r->in[2] = 12;
		status(r, VIO_BLK_S_OK);
	}
}

static void unused(uint8_t *c, uint32_t len)
{
	(void)len;
	c[33] = 1;
}

static void unused_1(uint8_t *c, uint32_t len)
{
	(void)len;
	c[58] = 1;
}

static void writeback(uint8_t *c, uint32_t len)
{
	(void)len;
	c[32] = 1;
}

static void no_queues(uint8_t *c, uint32_t len)
{
	(void)len;
	c[34] = c[35] = 0;
}

static void many_queues(uint8_t *c, uint32_t len)
{
	(void)len;
	c[34] = 40;
}

static void few_segments(struct bent_req *r)
{
	if (r->in_len > 20u * 512u) {
		status(r, VIO_BLK_S_IOERR);
	}
}

static void not_zero(struct bent_req *r)
{
	if (type(r) == VIO_BLK_T_IN && r->n > 2) {
		r->in[4095] = 0x77;
	}
}

#define ZONE(name)                                                                                 \
	{                                                                                          \
		.rule = "blk.zone-" name, .device = BLK, .answer = ok, .says = "answered 0x00"     \
	}

/* clang-format off */
const struct bend bends_blk[] = {
	{ .rule = "blk.status", .device = BLK, .answer = no_status, .says = "0xa5" },
	{ .rule = "blk.last-sector", .device = BLK, .config = larger, .says = "status 1" },
	{ .rule = "blk.sectors", .device = BLK, .answer = other_unit, .says = "differently" },
	{ .rule = "blk.write-read", .device = BLK, .ask = lost_write, .says = "reads differently" },
	{ .rule = "blk.write-place", .device = BLK, .ask = one_before, .says = "before those" },
	{ .rule = "blk.unsupp", .device = BLK, .answer = ioerr, .says = "0x01" },
	{ .rule = "blk.flush", .device = BLK, .answer = unsupp, .says = "0x02" },
	{ .rule = "blk.ro-write", .device = RO, .answer = ok, .says = "0x00" },
	{ .rule = "blk.ro-unchanged", .device = RO, .answer = changed, .says = "was written" },
	{ .rule = "blk.get-id", .device = BLK, .answer = bad_id, .says = "byte 2" },
	{ .rule = "blk.padding", .device = BLK, .config = unused, .says = "unused0" },
	{ .rule = "blk.padding", .device = BLK, .config = unused_1, .says = "unused1" },
	{ .rule = "blk.writeback-0", .device = WCE, .config = writeback, .says = "writeback is 1" },
	{ .rule = "blk.writeback-set", .device = WCE, .config = writeback, .says = "reads 1" },
	{ .rule = "blk.num-queues", .device = "blk,host=sim,size=1M,num-queues=4", .config = no_queues, .says = "is 0" },
	{ .rule = "blk.num-queues", .device = "blk,host=sim,size=1M,num-queues=4", .config = many_queues, .says = "there are 4" },
	{ .rule = "blk.seg-max", .device = BLK, .answer = few_segments, .says = "not OK" },
	{ .rule = "blk.discard", .device = BLK, .answer = unsupp, .says = "0x02" },
	{ .rule = "blk.discard-flags", .device = BLK, .answer = ok, .says = "0x00" },
	{ .rule = "blk.discard-unmap", .device = BLK, .answer = ok, .says = "0x00" },
	{ .rule = "blk.zeroes-flags", .device = BLK, .answer = ioerr, .says = "0x01" },
	{ .rule = "blk.zeroes", .device = BLK, .answer = not_zero, .says = "byte 4095" },
	{ .rule = "blk.zeroes-unmap", .device = BLK, .answer = not_zero, .says = "byte 4095" },
	ZONE("append"), ZONE("report"), ZONE("open"), ZONE("close"), ZONE("finish"), ZONE("reset"), ZONE("reset-all"),
	/* what our device never offers, or does not do: there is no sound one to compare with */
	{ .rule = "blk.lifetime", .device = BLK, .alone = true, .add = 1ull << 15, .answer = reserved_life, .says = "pre_eol_info is 9" },
	{ .rule = "blk.lifetime", .device = BLK, .alone = true, .add = 1ull << 15, .answer = good_life, .says = "estimate" },
	{ .rule = "blk.erase-flags", .device = BLK, .alone = true, .add = 1ull << 16, .answer = ok, .says = "0x00" },
	{ .rule = "blk.writeback-early", .device = WCE, .alone = true, .config = writeback, .says = "writeback is 1" },
	{ .rule = NULL },
};
/* clang-format on */
