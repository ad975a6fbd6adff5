/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench_blk.c - blk as load: read and write blocks, and know what each block must hold (virtio 1.3, 5.2)
 *
 * Theory of operation. Each block has a count of the writes to it; its content follows from seed, block and count, so
 * what is read can be compared byte for byte. A block that was never written here has content that nobody told us:
 * the sum of its first reading is kept, and later readings must agree. Two requests for one block are never under way
 * together, so there is one right answer always. Before a read each sector is marked, so a buffer that was not written
 * is recognised as that.
 */
#include "app/bench_way.h"
#include "vio/spec/blk.h"
#include <stdlib.h>
#include <string.h>

#define SIZE_DEFAULT (64u << 20)
#define NO_STATUS    0xeeu
#define MARK	     0x6e6f742072656164ull

struct block {
	uint64_t sum; /* of content that we did not write; 0: not read yet */
	uint32_t count;
	bool busy;
};

struct disk {
	uint64_t n; /* blocks */
	struct block *block;
};

static uint64_t start_of(const struct bench *b, uint64_t block, uint32_t count)
{
	uint64_t s = b->spec.seed ^ (block << 24) ^ count;

	return bench_random(&s);
}

#define STEP 0x9e3779b97f4a7c15ull

static void fill(const struct bench *b, uint8_t *p, uint64_t block, uint32_t count)
{
	uint64_t v = start_of(b, block, count);

	for (uint32_t i = 0; i < b->spec.block_size; i += 8u, v += STEP) {
		memcpy(p + i, &v, sizeof(v));
	}
}

/* returns: offset of the first difference, or the size of a block */
static uint32_t differs(const struct bench *b, const uint8_t *p, uint64_t block, uint32_t count)
{
	uint64_t v = start_of(b, block, count), got;
	uint32_t i;

	for (i = 0; i < b->spec.block_size; i += 8u, v += STEP) {
		memcpy(&got, p + i, sizeof(got));
		if (got != v) {
			break;
		}
	}
	return i;
}

static uint64_t sum_of(const uint8_t *p, uint32_t len)
{
	uint64_t s = 1, v;

	for (uint32_t i = 0; i < len; i += 8u) {
		memcpy(&v, p + i, sizeof(v));
		s = (s ^ v) * STEP;
		s ^= s >> 29;
	}
	return s | 1u; /* never 0 */
}

static uint64_t mark_of(const struct bench_req *r, uint32_t off)
{
	return MARK ^ (r->k << 20) ^ off;
}

static bool choose(struct bench *b, struct disk *d, struct bench_req *r)
{
	bool random = b->spec.rw != BENCH_READ && b->spec.rw != BENCH_WRITE;

	r->write = b->spec.rw == BENCH_WRITE || b->spec.rw == BENCH_RANDWRITE;
	if (b->spec.rw == BENCH_MIX) {
		r->write = (bench_random(&b->random) & 1u) != 0;
	}
	r->block = random ? bench_random(&b->random) % d->n : b->at++ % d->n;
	while (d->block[r->block].busy) { /* there are more blocks than requests */
		r->block = (r->block + 1u) % d->n;
	}
	return true;
}

static bool blk_next(struct bench *b, struct bench_req *r)
{
	struct disk *d = b->own;

	switch (b->phase) {
	case BENCH_PREPARE:
		r->write = true;
		r->block = b->at++;
		break;
	case BENCH_READ_BACK:
		while (b->at < d->n && d->block[b->at].count == 0) {
			b->at++;
		}
		r->write = false;
		r->block = b->at++;
		break;
	case BENCH_MEASURE:
		return choose(b, d, r);
	}
	return r->block < d->n;
}

static void blk_build(struct bench *b, struct bench_req *r)
{
	struct disk *d = b->own;
	struct block *k = &d->block[r->block];

	k->busy = true;
	memset(r->head.p, 0, 16);
	vio_pack32(r->head.p, r->write ? VIO_BLK_T_OUT : VIO_BLK_T_IN);
	vio_pack64(r->head.p + 8, r->block * (b->spec.block_size / VIO_BLK_SECTOR));
	r->tail.p[0] = NO_STATUS;
	if (r->write) {
		k->count++;
		fill(b, r->data.p, r->block, k->count);
	} else {
		for (uint32_t i = 0; i < b->spec.block_size; i += VIO_BLK_SECTOR) {
			uint64_t m = mark_of(r, i);

			memcpy(r->data.p + i, &m, sizeof(m));
		}
	}
	r->b[0] = (struct vio_dma){ r->head.p, r->head.addr, 16 };
	r->b[1] = r->data;
	r->b[2] = (struct vio_dma){ r->tail.p, r->tail.addr, 1 };
	r->n_out = r->write ? 2 : 1;
	r->n_in = r->write ? 1 : 2;
}

static void check_data(struct bench *b, struct bench_req *r, struct block *k)
{
	uint32_t at;

	for (uint32_t i = 0; i < b->spec.block_size; i += VIO_BLK_SECTOR) {
		uint64_t m = mark_of(r, i);

		if (memcmp(r->data.p + i, &m, sizeof(m)) == 0) {
			bench_wrong(b, r,
				    "read of block %llu: byte %u and on were not written (a "
				    "null disk? --verify=status)",
				    (unsigned long long)r->block, i);
			return;
		}
	}
	if (k->count == 0) {
		uint64_t sum = sum_of(r->data.p, b->spec.block_size);

		if (k->sum != 0 && k->sum != sum) {
			bench_wrong(
				b, r,
				"read of block %llu: other bytes than at the first reading, and "
				"nobody wrote here",
				(unsigned long long)r->block);
		}
		k->sum = sum;
		return;
	}
	at = differs(b, r->data.p, r->block, k->count);
	if (at < b->spec.block_size) {
		bench_wrong(b, r,
			    "read of block %llu: not what was written last, from byte %u on%s",
			    (unsigned long long)r->block, at,
			    differs(b, r->data.p, r->block, k->count - 1u) >= b->spec.block_size
				    ? ": it is what was there before"
				    : "");
	}
}

static void blk_check(struct bench *b, struct bench_req *r, uint32_t len)
{
	struct disk *d = b->own;
	struct block *k = &d->block[r->block];
	uint32_t want = r->write ? 1u : b->spec.block_size + 1u;
	/* a null disk wrote the status and nothing before it: the length is of a prefix (virtio 1.3, 2.7.8.2) */
	bool null_read = !r->write && !b->spec.verify;
	uint8_t status = r->tail.p[0];

	k->busy = false;
	b->result.bytes += b->spec.block_size;
	if (status == NO_STATUS) {
		bench_wrong(b, r, "the status byte was not written");
	} else if (status != VIO_BLK_S_OK) {
		bench_wrong(b, r, "%s of block %llu: status %u%s", r->write ? "write" : "read",
			    (unsigned long long)r->block, status,
			    status == VIO_BLK_S_IOERR ? " (IOERR)" : "");
	} else if (len != want && !(null_read && len == 0)) {
		bench_wrong(b, r, "%s: %u bytes are reported as written, must be %u",
			    r->write ? "write" : "read", len, want);
	} else if (!r->write && b->spec.verify) {
		check_data(b, r, k);
	}
}

static int blk_geometry(struct bench *b, struct disk *d, char err[256])
{
	uint64_t bytes, most = b->spec.size ? b->spec.size : SIZE_DEFAULT;
	uint8_t c[36];

	if (bench_config(b, "disk", c, sizeof(c), err)) {
		return -1;
	}
	bytes = vio_unpack64(c) > (UINT64_MAX >> 9) ? UINT64_MAX : vio_unpack64(c) << 9;
	if (b->spec.size > bytes) {
		snprintf(err, 256, "--size: the disk has %llu bytes", (unsigned long long)bytes);
		return -1;
	}
	if ((b->features & VIO_BLK_F_BLK_SIZE) && vio_unpack32(c + 20) != 0 &&
	    b->spec.block_size % vio_unpack32(c + 20) != 0) {
		snprintf(err, 256, "--block-size: the disk has blocks of %u bytes",
			 vio_unpack32(c + 20));
		return -1;
	}
	d->n = (bytes < most ? bytes : most) / b->spec.block_size;
	b->span = d->n * b->spec.block_size;
	if (d->n <= (uint64_t)b->spec.depth * b->spec.queues) {
		snprintf(err, 256, "%llu blocks of %u bytes are too few for %u requests at once",
			 (unsigned long long)d->n, b->spec.block_size,
			 (unsigned)b->spec.depth * b->spec.queues);
		return -1;
	}
	return 0;
}

static int blk_open(struct bench *b, char err[256])
{
	bool writes = b->spec.prepare || (b->spec.rw != BENCH_READ && b->spec.rw != BENCH_RANDREAD);
	struct disk *d;

	if (writes && (b->features & VIO_BLK_F_RO)) {
		snprintf(err, 256, "the disk is read-only: --rw=read or randread, no --prepare");
		return -1;
	}
	d = calloc(1, sizeof(*d));
	b->own = d;
	if (!d || blk_geometry(b, d, err)) {
		return -1;
	}
	d->block = d->n <= SIZE_MAX / sizeof(*d->block) ? calloc((size_t)d->n, sizeof(*d->block))
							: NULL;
	if (!d->block) {
		snprintf(err, 256, "no memory for %llu blocks", (unsigned long long)d->n);
		return -1;
	}
	return 0;
}

static void blk_close(struct bench *b)
{
	struct disk *d = b->own;

	if (d) {
		free(d->block);
		free(d);
	}
}

const struct bench_class bench_blk = {
	.name = "blk",
	.about = "reads and writes; status, length and every byte are verified",
	.want = VIO_BLK_F_FLUSH | VIO_BLK_F_RO | VIO_BLK_F_BLK_SIZE | VIO_BLK_F_MQ,
	.block_size = 4096,
	.block_max = 1u << 20,
	.next = blk_next,
	.build = blk_build,
	.check = blk_check,
	.open = blk_open,
	.close = blk_close,
	.writes = true,
};
