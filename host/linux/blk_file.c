/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * blk_file.c - what an operation on a file or block device takes: system calls, answers, the next try
 *
 * Theory of operation. An operation is a sequence of steps, one system call each, whatever engine issues them:
 *
 * READ, WRITE  preadv or pwritev of what is left; again after a short answer. A read that meets the end of the file
 *              (it shrank) and a write that moves nothing are failures.
 * SYNC         fdatasync, once. A failed fdatasync is not repeated: the kernel may have dropped the dirty pages, so
 *              a second one would report success for lost data.
 * DISCARD      punch a hole; a file system that cannot is no failure.
 * ZEROES       with unmap: punch a hole; then, or without: zero the range in place; then: write zeroes. The first
 *              that the file system supports ends it. io->tag is the number of the try.
 *
 * The same fallocate modes discard and zero block devices; no ioctl is needed.
 */
#include <errno.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include "host/linux/blk.h"
#include "hosted/iov.h"

#define DISCARD_MAX (UINT32_C(1) << 22) /* sectors, 2 GiB */
#define ZEROES_MAX  (UINT32_C(1) << 17) /* sectors, 64 MiB: may end in writing zeroes */
#define ZERO_BYTES  65536u

static uint8_t zero[ZERO_BYTES]; /* only read */

enum { TRY_PUNCH, TRY_RANGE, TRY_WRITE };

uint64_t blk_file_size(const struct blk_file *f)
{
	struct stat st;
	uint64_t n = 0;

	if (f->block) {
		return ioctl(f->fd, BLKGETSIZE64, &n) ? 0 : n;
	}
	return fstat(f->fd, &st) ? 0 : (uint64_t)st.st_size;
}

int blk_file_info(void *host, struct vio_blk_info *in)
{
	const struct blk_file *f = ((struct blk_lane *)host)->file;

	in->sectors = blk_file_size(f) / VIO_BLK_SECTOR;
	in->block_size = f->block_size;
	while ((f->block_size << in->physical_exp) < f->physical) {
		in->physical_exp++;
	}
	in->discard_max = DISCARD_MAX;
	in->discard_align = f->physical / VIO_BLK_SECTOR;
	in->zeroes_max = ZEROES_MAX;
	in->zeroes_unmap = true;
	in->read_only = f->read_only;
	in->write_cache = true; /* the kernel's page cache */
	memcpy(in->id, f->id, sizeof(in->id));
	return VIO_OK;
}

void blk_step_first(struct vio_blk_io *io)
{
	io->moved = 0;
	io->tag = (io->op == VIO_BLK_ZEROES) && !io->unmap ? TRY_RANGE : TRY_PUNCH;
}

static uint16_t step_payload(const struct vio_blk_io *io, struct iovec *iov)
{
	return (uint16_t)iov_of_span(io->span, io->moved, iov, BLK_IOV_MAX);
}

static uint16_t step_zeroes(uint64_t left, struct iovec *iov)
{
	uint16_t n = 0;

	for (; left && (n < BLK_IOV_MAX); n++) {
		iov[n].iov_base = zero;
		iov[n].iov_len = left < ZERO_BYTES ? left : ZERO_BYTES;
		left -= iov[n].iov_len;
	}
	return n;
}

void blk_step_make(const struct vio_blk_io *io, struct blk_step *s, struct iovec *iov)
{
	s->off = (io->sector * VIO_BLK_SECTOR) + io->moved;
	s->len = ((uint64_t)io->sectors * VIO_BLK_SECTOR) - io->moved;
	s->mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
	s->call = BLK_ALLOC;
	s->n = 0;
	switch ((enum vio_blk_op)io->op) {
	case VIO_BLK_READ:
	case VIO_BLK_WRITE:
		s->call = io->op == VIO_BLK_READ ? BLK_READ : BLK_WRITE;
		s->n = step_payload(io, iov);
		break;
	case VIO_BLK_SYNC:
		s->call = BLK_SYNC;
		break;
	case VIO_BLK_DISCARD:
		break;
	case VIO_BLK_ZEROES:
		if (io->tag == TRY_RANGE) {
			s->mode = FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE;
		} else if (io->tag == TRY_WRITE) {
			s->call = BLK_WRITE;
			s->n = step_zeroes(s->len, iov);
		}
		break;
	}
}

static bool can_not(int64_t res)
{
	return (res == -EOPNOTSUPP) || (res == -EINVAL) || (res == -ENOSYS) || (res == -ENODEV);
}

/* after a transfer: len is the whole operation, bytes */
static bool moved_done(struct vio_blk_io *io, uint64_t len, int64_t res, int *result)
{
	if (res < 0) {
		*result = VIO_E_IO;
		return false;
	}
	io->moved += (uint32_t)res;
	if (io->moved >= len) {
		*result = VIO_OK;
		return false;
	}
	*result = VIO_E_IO;
	return res > 0;
}

bool blk_step_done(struct vio_blk_io *io, int64_t res, int *result)
{
	if ((res == -EINTR) || (res == -EAGAIN)) {
		return true;
	}
	switch ((enum vio_blk_op)io->op) {
	case VIO_BLK_READ:
	case VIO_BLK_WRITE:
		return moved_done(io, io->span.len, res, result);
	case VIO_BLK_DISCARD:
		*result = (res < 0) && !can_not(res) ? VIO_E_IO : VIO_OK;
		return false;
	case VIO_BLK_ZEROES:
		if (io->tag == TRY_WRITE) {
			return moved_done(io, (uint64_t)io->sectors * VIO_BLK_SECTOR, res, result);
		}
		if (can_not(res)) {
			io->tag++;
			return true;
		}
		break;
	case VIO_BLK_SYNC:
		break;
	}
	*result = res < 0 ? VIO_E_IO : VIO_OK;
	return false;
}
