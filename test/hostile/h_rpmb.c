/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * h_rpmb.c - loss of power at random points of what an RPMB writes
 *
 * usage: h_rpmb [KILLS [SEED]]
 *
 * The disk is played: this program's own pwrite(), fdatasync() and so on keep what was written in a list until it is
 * synced. At a random call the power fails: of the list a random part reaches the disk, in any order, each write
 * whole, not at all, or torn at a random sector; every later call fails. Then the file is opened anew, by the real
 * code, and must hold exactly the state after the last commit that was answered, or, if one was under way, that of
 * this one: key, counter and every byte of every block. Then it goes on from there; sometimes the power fails again
 * while it is being opened. What was answered is never lost, what was not is done as a whole or not at all.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>
#include "host/linux/rpmb_file.h"

#define UNITS  1u
#define BLOCKS 512u
#define DISK   (24576u + UNITS * VIO_RPMB_UNIT)
#define SECTOR 512u
#define WRITES 64u
#define FD     77777 /* of the disk */

struct state {
	uint32_t counter;
	bool keyed;
	uint8_t key[VIO_RPMB_MAC];
	uint8_t data[BLOCKS * VIO_RPMB_BLOCK];
};

static struct {
	uint8_t safe[DISK], seen[DISK]; /* what survives; what reads give */
	struct {
		uint32_t at, len;
		uint8_t bytes[16384];
	} list[WRITES];
	unsigned n;
	int left; /* calls until the power fails; -1: it does not */
	bool dead;
} disk;

static uint64_t seed = 1;

static uint32_t any(uint32_t below)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33) % below;
}

static void die(const char *what, unsigned kill)
{
	(void)fprintf(stderr, "h_rpmb: loss of power %u: %s\n", kill, what);
	exit(1);
}

/* Of what was not synced, any part reaches the disk. */
static void power_fails(void)
{
	unsigned n, k, order[WRITES];

	for (n = 0; n < disk.n; n++) {
		order[n] = n;
	}
	for (n = disk.n; n > 1; n--) {
		unsigned other = any(n), keep = order[n - 1];

		order[n - 1] = order[other];
		order[other] = keep;
	}
	for (n = 0; n < disk.n; n++) {
		uint32_t len = disk.list[order[n]].len, at = disk.list[order[n]].at, from = 0;

		switch (any(4)) {
		case 0:
			continue;
		case 1: /* torn: its beginning, or its end */
			k = any(len / SECTOR + 1u) * SECTOR;
			from = any(2) ? k : 0;
			len = from ? len - from : k;
			break;
		default:
			break;
		}
		memcpy(disk.safe + at + from, disk.list[order[n]].bytes + from, len);
	}
	disk.n = 0;
	disk.dead = true;
}

/* returns: the call fails */
static bool call(void)
{
	if (!disk.dead && disk.left >= 0 && disk.left-- == 0) {
		power_fails();
	}
	if (disk.dead) {
		errno = EIO;
	}
	return disk.dead;
}

ssize_t pwrite(int fd, const void *p, size_t len, off_t at)
{
	(void)fd;
	if (disk.n == WRITES || len > sizeof(disk.list[0].bytes) || (size_t)at + len > DISK) {
		die("a write that was not expected", 0);
	}
	if (disk.left == 0 &&
	    !disk.dead) { /* the one that is under way may reach the disk as well */
		memcpy(disk.list[disk.n].bytes, p, len);
		disk.list[disk.n].at = (uint32_t)at;
		disk.list[disk.n++].len = (uint32_t)len;
	}
	if (call()) {
		return -1;
	}
	memcpy(disk.list[disk.n].bytes, p, len);
	disk.list[disk.n].at = (uint32_t)at;
	disk.list[disk.n++].len = (uint32_t)len;
	memcpy(disk.seen + at, p, len);
	return (ssize_t)len;
}

ssize_t pread(int fd, void *p, size_t len, off_t at)
{
	(void)fd;
	memcpy(p, disk.seen + at, len);
	return (ssize_t)len;
}

int fdatasync(int fd)
{
	(void)fd;
	if (call()) {
		return -1;
	}
	memcpy(disk.safe, disk.seen, DISK);
	disk.n = 0;
	return 0;
}

int fsync(int fd)
{
	return fd == FD ? fdatasync(fd) : 0;
}

int open(const char *path, int flags, ...)
{
	(void)path;
	return flags & O_DIRECTORY ? FD + 1 : FD;
}

int close(int fd)
{
	(void)fd;
	return 0;
}

int flock(int fd, int how)
{
	(void)fd;
	(void)how;
	return 0;
}

int access(const char *path, int how)
{
	(void)path;
	(void)how;
	errno = ENOENT;
	return -1;
}

int unlink(const char *path)
{
	(void)path;
	return 0;
}

int link(const char *from, const char *to)
{
	(void)from;
	(void)to;
	return 0;
}

int posix_fallocate(int fd, off_t at, off_t len)
{
	(void)fd;
	return at == 0 && len == DISK ? 0 : EINVAL;
}

int fstat(int fd, struct stat *st)
{
	(void)fd;
	memset(st, 0, sizeof(*st));
	st->st_size = DISK;
	return 0;
}

/* ---- */

static bool holds(const struct rpmb_file *f, const struct state *s)
{
	return f->store.blocks == BLOCKS && f->store.counter == s->counter &&
	       f->store.keyed == s->keyed && memcmp(f->key, s->key, sizeof(s->key)) == 0 &&
	       memcmp(f->data, s->data, sizeof(s->data)) == 0 &&
	       memcmp(disk.seen + 24576, s->data, sizeof(s->data)) == 0;
}

static void after(struct state *s, const struct vio_rpmb_commit *c)
{
	if (c->key) {
		memcpy(s->key, c->key, sizeof(s->key));
		s->keyed = true;
	} else {
		memcpy(s->data + c->block * VIO_RPMB_BLOCK, c->data, (size_t)c->n * VIO_RPMB_BLOCK);
		s->counter++;
	}
}

/* The machine starts again; sometimes not for long. */
static void restart(struct rpmb_file *f, unsigned kill)
{
	const char *why;

	for (;;) {
		memcpy(disk.seen, disk.safe, DISK);
		disk.n = 0;
		disk.dead = false;
		disk.left = any(8) == 0 ? (int)any(3) : -1;
		if (rpmb_file_open(f, "disk", &why) == 0) {
			return;
		}
		if (!disk.dead) {
			die(why, kill);
		}
	}
}

int main(int argc, char **argv)
{
	static struct state now, next;
	static uint8_t data[VIO_RPMB_WRITE_MAX * VIO_RPMB_BLOCK], key[VIO_RPMB_MAC];
	unsigned kills = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 0) : 10000u, kill, done = 0,
		 whole = 0;
	struct vio_rpmb_commit c;
	struct rpmb_file f;
	size_t n;

	seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
	disk.left = -1;
	if (rpmb_file_make("disk", UNITS)) {
		die("the file cannot be made", 0);
	}
	for (kill = 1; kill <= kills; kill++) {
		restart(&f, kill);
		if (!holds(&f, &now)) {
			if (!holds(&f, &next)) {
				die("neither the state before nor that after the commit that was "
				    "under way",
				    kill);
			}
			now = next;
			whole++;
		}
		disk.left = disk.left < 0 ? (int)any(12) : disk.left;
		for (;;) {
			memset(&c, 0, sizeof(c));
			for (n = 0; n < sizeof(data); n++) {
				data[n] = (uint8_t)any(256);
			}
			memcpy(key, data, sizeof(key));
			c.key = now.keyed ? NULL : key;
			c.data = data;
			c.n = (uint16_t)(1u + any(VIO_RPMB_WRITE_MAX));
			c.block = (uint16_t)any(BLOCKS - c.n + 1u);
			next = now;
			after(&next, &c);
			if (rpmb_file_commit(&f, &c) != VIO_OK) {
				break; /* not answered, or answered as failed: both states are right */
			}
			now = next;
			done++;
		}
		if (rpmb_file_commit(&f, &c) == VIO_OK) {
			die("a commit after the disk had failed", kill);
		}
		rpmb_file_close(&f);
	}
	printf("h_rpmb: %u losses of power, %u commits answered, %u more found done: no block, no "
	       "count lost\n",
	       kills, done, whole);
	return 0;
}
