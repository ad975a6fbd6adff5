/* SPDX-License-Identifier: BSD-3-Clause */
/* dev_blk.h - shared by the files of the block device's rules */
#ifndef CONFORM_DEV_BLK_H
#define CONFORM_DEV_BLK_H

#include "conform/conform.h"
#include "vio/spec/blk.h"

#define SECTOR	  512u
#define NO_STATUS 0xa5u

struct cf_blk {
	uint32_t type;
	uint64_t sector;
	const void *out; /* readable data, or NULL */
	uint32_t out_len;
	uint32_t in_len; /* writable data, without the status */
	/* the answer */
	uint8_t status;
	uint8_t *in;
	uint32_t len; /* bytes that it reports */
};

/* cf_blk - one request on queue vq, waited for */
bool cf_blk(struct cf *c, uint16_t vq, struct cf_blk *b);
/* cf_blk_rw - read or write, which must succeed; data: n sectors */
bool cf_blk_rw(struct cf *c, bool write, uint64_t sector, uint32_t n, void *data);
bool cf_blk_capacity(struct cf *c, uint64_t *sectors);
#define CF_BLK_AT(field) ((uint32_t)offsetof(struct vio_blk_wire_config, field))

/* dev_blk_range.c: discard, write zeroes, secure erase, zones */
void cf_blk_unsupp(struct cf *c); /* a type that nobody knows, or of arg */
void cf_blk_flags(struct cf *c);  /* arg: type; an unknown flag */
void cf_blk_unmap(struct cf *c);
void cf_blk_zeroes(struct cf *c); /* arg: flags */
void cf_blk_discard(struct cf *c);

#endif
