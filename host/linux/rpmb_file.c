/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rpmb_file.c - what an RPMB keeps, in a file that survives a loss of power at any moment
 *
 * Layout, multi-byte fields little-endian:
 *	0	two slots of SLOT bytes, each for a record: struct head, then the blocks of one write
 *	DATA	the blocks
 * A record is the whole state but for the blocks that it does not write: key, counter, size. The one that counts
 * is that with the highest number whose digest is right. Commit number n:
 *	1. write record n to slot n % 2, with the blocks; fdatasync. From here on it counts.
 *	2. write the blocks to their place. Not synced: the sync of commit n + 1 does that.
 * Opening finds the record that counts and does step 2 again, of the one before it and then of itself. So after a
 * loss of power:
 *	during 1	record n is torn, its digest is wrong: n - 1 counts, and its blocks are written again;
 *			or it is whole, and yet the blocks of n - 1 may not be there: they are written again as well,
 *			since slot (n - 1) % 2 has them.
 *	during 2	n counts, its blocks are written again.
 * All that is synced before the file is used.
 * Slot n % 2 held n - 2; its blocks were synced by step 1 of n - 1. Nothing is ever answered before step 1 is over.
 *
 * The digest (SHA-256) finds a torn record. It is no protection from who can write the file: he can set all back.
 *
 * An error of the disk leaves unknown what is on it: the file then takes no commit until it is opened anew.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "host/linux/rpmb_file.h"
#include "hosted/mac.h"

#define SLOT 12288u /* room for a head and VIO_RPMB_WRITE_MAX blocks, whole pages */
#define DATA (2u * SLOT)

static const uint8_t magic[8] = { 's', 't', 'r', 'R', 'P', 'M', 'B', 1 };

/* offsets in a record */
enum {
	MAGIC = 0,
	SEQ = 8,
	UNITS = 16,
	COUNTER = 20,
	KEYED = 24,
	BLOCK = 28,
	COUNT = 30,
	KEY = 32,
	DIGEST = 64, /* of all bytes but these 32 */
	BLOCKS = 96
};

_Static_assert(BLOCKS + VIO_RPMB_WRITE_MAX * VIO_RPMB_BLOCK <= SLOT, "a record fits into a slot");

/* ---- the disk ---- */

static int put_all(int fd, const void *p, size_t len, off_t at)
{
	const uint8_t *from = p;
	ssize_t n;

	while (len) {
		n = pwrite(fd, from, len, at);
		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n <= 0) {
			return n ? errno : EIO;
		}
		from += n;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

static int get_all(int fd, void *p, size_t len, off_t at)
{
	uint8_t *to = p;
	ssize_t n;

	while (len) {
		n = pread(fd, to, len, at);
		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n <= 0) {
			return n ? errno : EINVAL; /* it is shorter than it should be */
		}
		to += n;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

/* ---- records ---- */

static size_t record_len(const uint8_t *r)
{
	return BLOCKS + (size_t)vio_unpack16(r + COUNT) * VIO_RPMB_BLOCK;
}

/* r: as it was, afterwards */
static void record_digest(uint8_t *r, uint8_t out[MAC_BYTES])
{
	uint8_t digest[MAC_BYTES];

	memcpy(digest, r + DIGEST, MAC_BYTES);
	memset(r + DIGEST, 0, MAC_BYTES);
	(void)mac_digest(r, record_len(r), out);
	memcpy(r + DIGEST, digest, MAC_BYTES);
}

static bool record_good(uint8_t *r)
{
	uint32_t units = vio_unpack32(r + UNITS), block = vio_unpack16(r + BLOCK),
		 n = vio_unpack16(r + COUNT);
	uint8_t digest[MAC_BYTES];

	if (memcmp(r, magic, sizeof(magic)) || n > VIO_RPMB_WRITE_MAX || units == 0 ||
	    units > VIO_RPMB_UNITS || block + n > units * (VIO_RPMB_UNIT / VIO_RPMB_BLOCK)) {
		return false;
	}
	record_digest(r, digest);
	return memcmp(r + DIGEST, digest, MAC_BYTES) == 0;
}

/* The state after commit c (NULL: of a new file), in f->slot */
static void record_make(const struct rpmb_file *f, const struct vio_rpmb_commit *c)
{
	uint8_t *r = f->slot, digest[MAC_BYTES];

	memset(r, 0, SLOT);
	memcpy(r, magic, sizeof(magic));
	vio_pack64(r + SEQ, f->seq + 1u);
	vio_pack32(r + UNITS, f->store.blocks / (VIO_RPMB_UNIT / VIO_RPMB_BLOCK));
	vio_pack32(r + COUNTER, f->store.counter + (c && !c->key ? 1u : 0u));
	r[KEYED] = f->store.keyed || (c && c->key);
	memcpy(r + KEY, c && c->key ? c->key : f->key, VIO_RPMB_MAC);
	if (c && !c->key) {
		vio_pack16(r + BLOCK, c->block);
		vio_pack16(r + COUNT, c->n);
		memcpy(r + BLOCKS, c->data, (size_t)c->n * VIO_RPMB_BLOCK);
	}
	record_digest(r, digest);
	memcpy(r + DIGEST, digest, MAC_BYTES);
}

/* Step 2: the blocks of the record to their place, in the file and here */
static int record_apply(struct rpmb_file *f, const uint8_t *r)
{
	size_t at = (size_t)vio_unpack16(r + BLOCK) * VIO_RPMB_BLOCK;
	size_t len = (size_t)vio_unpack16(r + COUNT) * VIO_RPMB_BLOCK;

	f->seq = vio_unpack64(r + SEQ);
	f->store.blocks = vio_unpack32(r + UNITS) * (VIO_RPMB_UNIT / VIO_RPMB_BLOCK);
	f->store.counter = vio_unpack32(r + COUNTER);
	f->store.keyed = r[KEYED] != 0;
	memcpy(f->key, r + KEY, VIO_RPMB_MAC);
	memcpy(f->data + at, r + BLOCKS, len);
	return put_all(f->fd, r + BLOCKS, len, (off_t)(DATA + at));
}

int rpmb_file_commit(struct rpmb_file *f, const struct vio_rpmb_commit *c)
{
	if (f->error) {
		return VIO_E_IO;
	}
	record_make(f, c);
	f->error = put_all(f->fd, f->slot, record_len(f->slot), (off_t)((f->seq + 1u) % 2u * SLOT));
	if (f->error == 0 && fdatasync(f->fd)) {
		f->error = errno;
	}
	if (f->error) {
		return VIO_E_IO;
	}
	/* It counts: a failure from here on is one of the next commit, opening does it again. */
	f->error = record_apply(f, f->slot);
	mac_wipe(f->slot, SLOT);
	return VIO_OK;
}

/* ---- files ---- */

static int sync_folder(const char *path)
{
	char *copy = strdup(path);
	int fd, rc = 0;

	if (!copy) {
		return ENOMEM;
	}
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd)) {
		rc = errno;
	}
	if (fd >= 0) {
		close(fd);
	}
	free(copy);
	return rc;
}

/* Fill the new file; returns: 0 | errno */
static int make_content(int fd, uint32_t units)
{
	struct rpmb_file f = { .fd = fd,
			       .store = { .blocks = units * (VIO_RPMB_UNIT / VIO_RPMB_BLOCK) } };
	int rc;

	f.slot = calloc(1, SLOT);
	if (!f.slot) {
		return ENOMEM;
	}
	rc = posix_fallocate(
		fd, 0, (off_t)(DATA + units * VIO_RPMB_UNIT)); /* a full disk shows itself now */
	if (rc == 0) {
		record_make(&f, NULL);
		rc = put_all(fd, f.slot, record_len(f.slot), SLOT); /* number 1 */
	}
	if (rc == 0 && fsync(fd)) {
		rc = errno;
	}
	free(f.slot);
	return rc;
}

int rpmb_file_make(const char *path, uint32_t units)
{
	char part[4096];
	int fd, rc;

	if (units == 0 || units > VIO_RPMB_UNITS ||
	    snprintf(part, sizeof(part), "%s.new", path) >= (int)sizeof(part)) {
		return EINVAL;
	}
	if (access(path, F_OK) == 0) {
		return EEXIST;
	}
	(void)unlink(part); /* of one that did not come to its end */
	fd = open(part, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0) {
		return errno;
	}
	rc = make_content(fd, units);
	if (rc == 0 && link(part, path)) { /* not rename: another one that is there already stays */
		rc = errno;
	}
	close(fd);
	(void)unlink(part);
	return rc ? rc : sync_folder(path);
}

/* The record that counts, and the one before it or NULL, both in f->slot; returns: 0 | errno */
static int find_records(struct rpmb_file *f, const uint8_t **counts, const uint8_t **before)
{
	uint8_t *one = f->slot, *two = f->slot + SLOT, *keep = one;
	int rc = get_all(f->fd, f->slot, 2u * SLOT, 0);
	bool good_one, good_two;

	if (rc) {
		return rc;
	}
	good_one = record_good(one);
	good_two = record_good(two);
	if (!good_one && !good_two) {
		return EINVAL;
	}
	if (!good_one || (good_two && vio_unpack64(two + SEQ) > vio_unpack64(one + SEQ))) {
		keep = two;
	}
	*counts = keep;
	*before = good_one && good_two ? (keep == one ? two : one) : NULL;
	return 0;
}

static int open_content(struct rpmb_file *f, const char **why)
{
	const uint8_t *counts = NULL, *before = NULL;
	struct stat st;
	size_t len;
	int rc;

	if (flock(f->fd, LOCK_EX | LOCK_NB)) {
		return errno;
	}
	*why = "is no file of an RPMB, or damaged";
	f->slot = calloc(2, SLOT);
	rc = f->slot ? find_records(f, &counts, &before) : ENOMEM;
	if (rc) {
		return rc;
	}
	len = (size_t)vio_unpack32(counts + UNITS) * VIO_RPMB_UNIT;
	if (fstat(f->fd, &st) || st.st_size != (off_t)(DATA + len) ||
	    (before && memcmp(before + UNITS, counts + UNITS, 4))) {
		*why = "has not the length that its content says";
		return EINVAL;
	}
	f->data = malloc(len);
	rc = f->data ? get_all(f->fd, f->data, len, DATA) : ENOMEM;
	if (rc == 0 && before) {
		rc = record_apply(f, before);
	}
	rc = rc ? rc : record_apply(f, counts);
	/* the next record overwrites `before`: what was in it must be safe then */
	return rc == 0 && fdatasync(f->fd) ? errno : rc;
}

int rpmb_file_open(struct rpmb_file *f, const char *path, const char **why)
{
	int rc;

	memset(f, 0, sizeof(*f));
	*why = "";
	f->fd = open(path, O_RDWR | O_CLOEXEC);
	if (f->fd < 0) {
		return errno;
	}
	rc = open_content(f, why);
	if (rc) {
		rpmb_file_close(f);
	}
	return rc;
}

void rpmb_file_close(struct rpmb_file *f)
{
	if (f->fd >= 0) {
		close(f->fd);
	}
	if (f->slot) {
		mac_wipe(f->slot, 2u * SLOT);
	}
	free(f->slot);
	free(f->data);
	mac_wipe(f, sizeof(*f));
	f->fd = -1;
}
