/* SPDX-License-Identifier: BSD-3-Clause */
/* dev_blk_range.c - rules of the block device: discard, write zeroes, secure erase, and what is not supported */
#include <string.h>
#include "conform/dev_blk.h"

#define UNKNOWN 0x1234u

static void range(uint8_t r[16], uint64_t sector, uint32_t n, uint32_t flags)
{
	vio_pack64(r, sector);
	vio_pack32(r + 8, n);
	vio_pack32(r + 12, flags);
}

/* The last eight sectors are what is risked. */
static bool ranged(struct cf *c, uint32_t type, uint32_t flags, struct cf_blk *b)
{
	static const uint32_t n = 8;
	uint8_t r[16];
	uint64_t all;

	if (!cf_blk_capacity(c, &all)) {
		return false;
	}
	range(r, all - n, n, flags);
	*b = (struct cf_blk){ .type = type, .out = r, .out_len = sizeof(r) };
	return cf_blk(c, 0, b);
}

void cf_blk_unsupp(struct cf *c)
{
	uint8_t data[SECTOR] = { 0 };
	uint32_t type = c->rule->arg != 0 ? c->rule->arg : UNKNOWN;
	bool append = type == 15u, report = type == 16u;
	struct cf_blk b = { .type = type,
			    .out = data,
			    .out_len = append ? SECTOR : 0u,
			    .in_len = append   ? 8u
				      : report ? SECTOR
					       : 0u };

	(void)(cf_up(c) && cf_blk(c, 0, &b) &&
	       cf_expect(c, b.status == VIO_BLK_S_UNSUPP,
			 "a request of type %u was answered 0x%02x", type, b.status));
}

void cf_blk_flags(struct cf *c)
{
	struct cf_blk b;

	(void)(cf_up(c) && ranged(c, c->rule->arg, 0x80000000u, &b) &&
	       cf_expect(c, b.status == VIO_BLK_S_UNSUPP, "an unknown flag was answered 0x%02x",
			 b.status));
}

void cf_blk_unmap(struct cf *c)
{
	struct cf_blk b;

	(void)(cf_up(c) && ranged(c, VIO_BLK_T_DISCARD, VIO_BLK_RANGE_UNMAP, &b) &&
	       cf_expect(c, b.status == VIO_BLK_S_UNSUPP, "unmap was answered 0x%02x", b.status));
}

static bool keep(struct cf *c, uint8_t old[8 * SECTOR], uint64_t *n)
{
	return cf_up(c) && cf_blk_capacity(c, n) && cf_blk_rw(c, false, *n - 8, 8, old);
}

void cf_blk_discard(struct cf *c)
{
	uint8_t old[8 * SECTOR];
	struct cf_blk b;
	uint64_t n;

	if (!keep(c, old, &n)) {
		return;
	}
	(void)(ranged(c, VIO_BLK_T_DISCARD, 0, &b) &&
	       cf_expect(c, b.status <= VIO_BLK_S_IOERR,
			 "DISCARD was negotiated, its status is 0x%02x", b.status));
	(void)cf_blk_rw(c, true, n - 8, 8, old);
}

void cf_blk_zeroes(struct cf *c)
{
	uint8_t old[8 * SECTOR], got[8 * SECTOR];
	struct cf_blk b;
	uint64_t n;
	uint32_t i = 0;

	if (!keep(c, old, &n)) {
		return;
	}
	(void)memset(got, 0x77, sizeof(got));
	if (cf_blk_rw(c, true, n - 8, 8, got) &&
	    ranged(c, VIO_BLK_T_WRITE_ZEROES, c->rule->arg, &b) &&
	    cf_expect(c, b.status == VIO_BLK_S_OK, "write zeroes: status 0x%02x", b.status) &&
	    cf_blk_rw(c, false, n - 8, 8, got)) {
		while (i < sizeof(got) && got[i] == 0) {
			i++;
		}
		(void)cf_expect(c, i == sizeof(got), "byte %u of the range reads 0x%02x", i,
				got[i % sizeof(got)]);
	}
	(void)cf_blk_rw(c, true, n - 8, 8, old);
}
