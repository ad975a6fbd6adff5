/* SPDX-License-Identifier: BSD-3-Clause */
/* blk_file_bed.h - a block device on a real file, for tests of the hosts of Linux */
#ifndef TEST_UNIT_BLK_FILE_BED_H
#define TEST_UNIT_BLK_FILE_BED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <unistd.h>
#define RIG_VQS 4u
#include "rig.h"
#include "hostrig.h"
#include "host/linux/blk.h"

#define SECTORS 1024u
#define BYTES	(SECTORS * 512u)
#define ALL                                                                                        \
	(VIO_BLK_F_FLUSH | VIO_BLK_F_CONFIG_WCE | VIO_BLK_F_DISCARD | VIO_BLK_F_WRITE_ZEROES |     \
	 VIO_BLK_F_MQ | VIO_BLK_F_SEG_MAX)

extern const struct host_kind host_linux_blk[];

static char path[64];
static uint8_t want[BYTES]; /* what the disk should hold */

static inline void make(const char *dir, uint32_t bytes)
{
	int fd;

	(void)snprintf(path, sizeof(path), "%s/t_blk.XXXXXX", dir);
	fd = mkstemp(path);
	assert_true(fd >= 0);
	for (uint32_t i = 0; i < BYTES; i++) {
		want[i] = (uint8_t)(i + i / 511u);
	}
	if (bytes <= BYTES) {
		assert_int_equal(write(fd, want, bytes), bytes);
	}
	assert_int_equal(ftruncate(fd, bytes), 0);
	(void)close(fd);
}

static inline struct hostrig *disk(const char *engine, uint32_t queues, uint64_t features)
{
	struct hostrig *k = hr_new(&vio_class_blk);

	if (engine) {
		k->option[0][0] = "aio";
		k->option[0][1] = engine;
	}
	hr_set(k, "num-queues", queues);
	if (hr_open(k, host_linux_blk, "file", path)) {
		fail_msg("%s", k->ctx.err);
	}
	hr_start(k, features);
	return k;
}

static struct rig_req *waiting;
static unsigned nwaiting;

static inline bool all_back(struct hostrig *k)
{
	(void)k;
	for (unsigned i = 0; i < nwaiting; i++) {
		if (!waiting[i].back) {
			return false;
		}
	}
	return true;
}

static inline void wait_for(struct hostrig *k, struct rig_req *r, unsigned n)
{
	waiting = r;
	nwaiting = n;
	hr_until(k, all_back);
}

static inline void add(struct hostrig *k, uint16_t q, struct rig_req *r, uint32_t type,
		       uint64_t sector, const void *data, uint32_t out, uint32_t in)
{
	static uint8_t buf[16 + 65536];

	vio_pack32(buf, type);
	vio_pack32(buf + 4, 0);
	vio_pack64(buf + 8, sector);
	memcpy(buf + 16, out ? data : buf, out);
	rig_add(&k->g, q, r, buf, 16 + out, in + 1u);
}

static inline uint8_t ask(struct hostrig *k, struct rig_req *r, uint32_t type, uint64_t sector,
			  const void *data, uint32_t out, uint32_t in)
{
	add(k, 0, r, type, sector, data, out, in);
	rig_kick(&k->g, 0);
	wait_for(k, r, 1);
	return r->in[in];
}

static inline uint8_t clear(struct hostrig *k, uint32_t type, uint64_t sector, uint32_t n,
			    uint32_t flags)
{
	struct rig_req r;
	uint8_t raw[16];

	vio_pack64(raw, sector);
	vio_pack32(raw + 8, n);
	vio_pack32(raw + 12, flags);
	return ask(k, &r, type, 0, raw, 16, 0);
}

static inline void same_as_file(void)
{
	static uint8_t got[BYTES];
	int fd = open(path, O_RDONLY);

	assert_int_equal(pread(fd, got, BYTES, 0), BYTES);
	assert_memory_equal(got, want, BYTES);
	(void)close(fd);
}

#endif
