/* SPDX-License-Identifier: BSD-3-Clause */
/* t_blk.c - requests of the block device over the simulated disk: each one, and every wrong field */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "blk_bed.h"

static void t_read_write(void **state)
{
	struct disk *k = disk_up(false, ALL);
	struct rig_req r;

	(void)state;
	ask(k, &r, VIO_BLK_T_IN, 3, 0, 1024);
	assert_int_equal(status(&r), VIO_BLK_S_OK);
	assert_memory_equal(r.in, k->sim.disk + 3 * 512, 1024);
	assert_int_equal(r.len, 1025);
	ask(k, &r, VIO_BLK_T_OUT, 255, 512, 0);
	assert_int_equal(status(&r), VIO_BLK_S_OK);
	assert_int_equal(r.len, 1);
	assert_int_equal(k->sim.disk[255 * 512], 0x5a);
	assert_int_equal(k->sim.disk[256 * 512 - 1], 0x5a);
	assert_int_equal(k->sim.disk[255 * 512 - 1], (uint8_t)(254 + 255 * 512 - 1));
	disk_end(k);
}

/* The header, the data and the status may be cut anywhere (2.7.4, message framing). */
static void t_pieces(void **state)
{
	static const uint32_t piece[] = { 1, 3, 5, 15, 16, 17, 100 };

	(void)state;
	for (unsigned i = 0; i < sizeof(piece) / sizeof(piece[0]); i++) {
		struct disk *k = disk_up(false, ALL);
		uint8_t buf[16 + 512];
		struct rig_req r;

		rig_piece = piece[i] < 12 ? piece[i] : 0;
		rig_do(&k->g, 0, &r, buf, head(buf, VIO_BLK_T_GET_ID, 0), 21);
		assert_int_equal(status(&r), VIO_BLK_S_OK);
		assert_string_equal((char *)r.in, "sim");
		rig_piece = piece[i] > 12 ? piece[i] : 0;
		memset(buf, 0xa7, sizeof(buf));
		rig_do(&k->g, 0, &r, buf, head(buf, VIO_BLK_T_OUT, 9) + 512, 1);
		assert_int_equal(status(&r), VIO_BLK_S_OK);
		assert_int_equal(k->sim.disk[9 * 512], 0xa7);
		assert_int_equal(k->sim.disk[10 * 512 - 1], 0xa7);
		rig_do(&k->g, 0, &r, buf, head(buf, VIO_BLK_T_IN, 9), 513);
		assert_memory_equal(r.in, buf + 16, 512);
		rig_piece = 0;
		disk_end(k);
	}
}

/* What the driver may get wrong; nothing of it touches the disk. */
static const struct {
	const char *what;
	uint32_t type;
	uint64_t sector;
	uint32_t out, in; /* data bytes */
	uint8_t status;
} wrong[] = {
	{ "read of half a sector", VIO_BLK_T_IN, 0, 0, 256, VIO_BLK_S_IOERR },
	{ "read one byte too long", VIO_BLK_T_IN, 0, 0, 513, VIO_BLK_S_IOERR },
	{ "write of half a sector", VIO_BLK_T_OUT, 0, 256, 0, VIO_BLK_S_IOERR },
	{ "write one byte short", VIO_BLK_T_OUT, 0, 511, 0, VIO_BLK_S_IOERR },
	{ "read at the end", VIO_BLK_T_IN, SECTORS, 0, 512, VIO_BLK_S_IOERR },
	{ "read across the end", VIO_BLK_T_IN, SECTORS - 1, 0, 1024, VIO_BLK_S_IOERR },
	{ "write across the end", VIO_BLK_T_OUT, SECTORS - 1, 1024, 0, VIO_BLK_S_IOERR },
	{ "sector + length wraps", VIO_BLK_T_OUT, UINT64_MAX, 512, 0, VIO_BLK_S_IOERR },
	{ "byte offset wraps", VIO_BLK_T_OUT, UINT64_C(1) << 55, 512, 0, VIO_BLK_S_IOERR },
	{ "byte offset wraps to 0", VIO_BLK_T_IN, UINT64_C(0x0080000000000000), 0, 512,
	  VIO_BLK_S_IOERR },
	{ "legacy SCSI command", 2, 0, 0, 0, VIO_BLK_S_UNSUPP },
	{ "lifetime", VIO_BLK_T_GET_LIFETIME, 0, 0, 6, VIO_BLK_S_UNSUPP },
	{ "secure erase", VIO_BLK_T_SECURE_ERASE, 0, 16, 0, VIO_BLK_S_UNSUPP },
	{ "zone report", 16, 0, 0, 512, VIO_BLK_S_UNSUPP },
	{ "type with the legacy barrier bit", 0x80000000u | VIO_BLK_T_OUT, 0, 512, 0,
	  VIO_BLK_S_UNSUPP },
	{ "type 256: low byte is IN", 256, 0, 0, 512, VIO_BLK_S_UNSUPP },
	{ "unknown type", 0xffffffffu, 0, 512, 0, VIO_BLK_S_UNSUPP },
	{ "discard without ranges", VIO_BLK_T_DISCARD, 0, 0, 0, VIO_BLK_S_IOERR },
	{ "discard with half a range", VIO_BLK_T_DISCARD, 0, 24, 0, VIO_BLK_S_IOERR },
	{ "too many ranges", VIO_BLK_T_WRITE_ZEROES, 0, 16 * (VIO_BLK_RANGES + 1), 0,
	  VIO_BLK_S_IOERR },
	{ "range with unknown flags", VIO_BLK_T_WRITE_ZEROES, 0, 16, 0, VIO_BLK_S_UNSUPP },
};

static void t_wrong(void **state)
{
	struct disk *k = disk_up(false, ALL);
	uint8_t before[SECTORS * 512u];
	struct rig_req r;

	(void)state;
	memcpy(before, k->sim.disk, sizeof(before));
	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		print_message("  %s\n", wrong[i].what);
		ask(k, &r, wrong[i].type, wrong[i].sector, wrong[i].out, wrong[i].in);
		assert_int_equal(status(&r), wrong[i].status);
		assert_int_equal(
			r.len, wrong[i].in ? 0 : 1); /* the status is beyond what was not written */
		for (uint32_t n = 0; n < wrong[i].in; n++) {
			assert_int_equal(r.in[n], 0xee);
		}
	}
	assert_int_equal(k->sim.nlog, 0); /* the host never heard of them */
	assert_memory_equal(before, k->sim.disk, sizeof(before));
	assert_int_equal(rig_status(&k->g) & VIO_S_NEEDS_RESET, 0);
	disk_end(k);
}

static void t_short_head(void **state)
{
	struct disk *k = disk_up(false, ALL);
	uint8_t buf[16];
	struct rig_req r;

	(void)state;
	(void)head(buf, VIO_BLK_T_IN, 0);
	for (uint32_t n = 0; n < 16; n++) {
		rig_do(&k->g, 0, &r, buf, n, 513);
		assert_int_equal(status(&r), VIO_BLK_S_IOERR);
	}
	ask(k, &r, VIO_BLK_T_IN, 0, 0, 0); /* a status byte and no data: nothing to do */
	assert_int_equal(status(&r), VIO_BLK_S_OK);
	disk_end(k);
}

/* No place for a status: the driver is broken, and only a reset helps. */
static void t_no_status(void **state)
{
	struct disk *k = disk_up(false, ALL);
	uint8_t buf[528];
	struct rig_req r;

	(void)state;
	rig_do(&k->g, 0, &r, buf, head(buf, VIO_BLK_T_OUT, 0) + 512, 0);
	assert_int_equal(rig_status(&k->g) & VIO_S_NEEDS_RESET, VIO_S_NEEDS_RESET);
	assert_int_equal(k->sim.nlog, 0);
	assert_int_equal(rig_reset(&k->g), VIO_OK);
	assert_int_equal(rig_drive(&k->g, ALL), VIO_OK);
	ask(k, &r, VIO_BLK_T_IN, 0, 0, 512);
	assert_int_equal(status(&r), VIO_BLK_S_OK);
	disk_end(k);
}

static void t_get_id(void **state)
{
	struct disk *k = disk_up(false, ALL);
	struct rig_req r;

	(void)state;
	memcpy(k->b->id, "12345678901234567890", 20);
	ask(k, &r, VIO_BLK_T_GET_ID, 0, 0, 20);
	assert_int_equal(status(&r), VIO_BLK_S_OK);
	assert_int_equal(r.len, 21);
	assert_memory_equal(r.in, "12345678901234567890", 20);
	ask(k, &r, VIO_BLK_T_GET_ID, 0, 0, 4);
	assert_memory_equal(r.in, "1234\0", 5);
	disk_end(k);
}

static void t_read_only(void **state)
{
	struct disk *k = disk_new(true, 1, true);
	struct rig_req r;

	(void)state;
	assert_int_equal(rig_start(&k->g, &k->b->dev, VIO_BLK_F_RO | VIO_BLK_F_FLUSH), VIO_OK);
	assert_true(k->g.lb.dev->offered & VIO_BLK_F_RO);
	assert_false(k->g.lb.dev->offered &
		     (VIO_BLK_F_DISCARD | VIO_BLK_F_WRITE_ZEROES | VIO_BLK_F_CONFIG_WCE));
	ask(k, &r, VIO_BLK_T_OUT, 0, 512, 0);
	assert_int_equal(status(&r), VIO_BLK_S_IOERR);
	ask(k, &r, VIO_BLK_T_WRITE_ZEROES, 0, 16, 0);
	assert_int_equal(status(&r), VIO_BLK_S_UNSUPP);
	assert_int_equal(k->sim.nlog, 0);
	ask(k, &r, VIO_BLK_T_IN, 0, 0, 512);
	assert_int_equal(status(&r), VIO_BLK_S_OK);
	ask(k, &r, VIO_BLK_T_FLUSH, UINT64_MAX, 0, 0); /* its sector means nothing */
	assert_int_equal(status(&r), VIO_BLK_S_OK);
	disk_end(k);
}

static void t_ranges(void **state)
{
	struct disk *k = disk_up(false, ALL);
	uint8_t buf[16 + 64];
	struct rig_req r;

	(void)state;
	(void)head(buf, VIO_BLK_T_WRITE_ZEROES, 0);
	(void)range(buf + 16, 2, 3, 0);
	(void)range(buf + 32, 7, 0, 0); /* nothing */
	(void)range(buf + 48, 255, 1, VIO_BLK_RANGE_UNMAP);
	rig_do(&k->g, 0, &r, buf, 64, 1);
	assert_int_equal(status(&r), VIO_BLK_S_OK);
	assert_int_equal(k->sim.nlog, 2);
	for (uint32_t s = 0; s < SECTORS; s++) {
		bool zero = ((s >= 2) && (s < 5)) || (s == 255);

		assert_int_equal(k->sim.disk[s * 512 + 7], zero ? 0 : (uint8_t)(s + s * 512 + 7));
	}
	k->sim.nlog = 0;
	(void)range(buf + 16, 254, 3, 0); /* across the end */
	rig_do(&k->g, 0, &r, buf, 64, 1);
	assert_int_equal(status(&r), VIO_BLK_S_IOERR);
	(void)range(buf + 16, 0, 1, 0);
	(void)range(buf + 32, 0, 4097,
		    0);			/* more than max_write_zeroes_sectors, and across the end */
	(void)range(buf + 48, 0, 1, 2); /* unknown flag wins */
	rig_do(&k->g, 0, &r, buf, 64, 1);
	assert_int_equal(status(&r), VIO_BLK_S_UNSUPP);
	(void)range(buf + 16, 0, 1, 2);
	(void)range(buf + 48, 255, 2, 0); /* and wins when it comes first */
	rig_do(&k->g, 0, &r, buf, 64, 1);
	assert_int_equal(status(&r), VIO_BLK_S_UNSUPP);
	(void)head(buf, VIO_BLK_T_DISCARD, 0);
	(void)range(buf + 16, 0, 1, VIO_BLK_RANGE_UNMAP); /* not for discard */
	rig_do(&k->g, 0, &r, buf, 32, 1);
	assert_int_equal(status(&r), VIO_BLK_S_UNSUPP);
	assert_int_equal(k->sim.nlog, 0);
	(void)range(buf + 16, 100, 2, 0);
	rig_do(&k->g, 0, &r, buf, 32, 1);
	assert_int_equal(status(&r), VIO_BLK_S_OK);
	assert_int_equal(k->sim.log[0], VIO_BLK_DISCARD);
	disk_end(k);
}

static void t_not_negotiated(void **state)
{
	struct disk *k = disk_up(false, VIO_BLK_F_FLUSH);
	uint8_t buf[32];
	struct rig_req r;

	(void)state;
	(void)range(buf + 16, 0, 1, 0);
	rig_do(&k->g, 0, &r, buf, head(buf, VIO_BLK_T_DISCARD, 0) + 16, 1);
	assert_int_equal(status(&r), VIO_BLK_S_UNSUPP);
	rig_do(&k->g, 0, &r, buf, head(buf, VIO_BLK_T_WRITE_ZEROES, 0) + 16, 1);
	assert_int_equal(status(&r), VIO_BLK_S_UNSUPP);
	assert_int_equal(k->sim.nlog, 0);
	disk_end(k);
}

static struct rig *seen_by;
static struct rig_req many[12];
static uint32_t submits, back[12]; /* how many the driver has when each reaches the host */

static int submit_seen(void *host, struct vio_blk_io *io)
{
	rig_collect(seen_by);
	for (uint32_t i = 0; i < 12u; i++) {
		back[submits] += many[i].back ? 1u : 0u;
	}
	submits++;
	return sim_blk_ops.submit(host, io);
}

/* A turn of twelve: the first is shown alone, so that a driver that is about to sleep stays awake, then 64 KiB at a time. */
static void t_shown(void **state)
{
	struct disk *k = disk_up(false, ALL);
	struct vio_blk_host_ops ops = sim_blk_ops;
	uint8_t buf[16];

	(void)state;
	ops.submit = submit_seen;
	k->b->host_ops = &ops;
	seen_by = &k->g;
	submits = 0;
	memset(back, 0, sizeof(back));
	for (uint32_t i = 0; i < 12u; i++) {
		rig_add(&k->g, 0, &many[i], buf, head(buf, VIO_BLK_T_IN, 8u * i), 4097);
	}
	rig_kick(&k->g, 0);
	assert_int_equal(submits, 12);
	for (uint32_t i = 0; i < 12u; i++) {
		assert_int_equal(back[i], i == 0 ? 0 : i < 9 ? 1 : 9);
		assert_int_equal(status(&many[i]), VIO_BLK_S_OK);
	}
	disk_end(k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(t_read_write),	    cmocka_unit_test(t_pieces),
		cmocka_unit_test(t_wrong),	    cmocka_unit_test(t_short_head),
		cmocka_unit_test(t_no_status),	    cmocka_unit_test(t_get_id),
		cmocka_unit_test(t_read_only),	    cmocka_unit_test(t_ranges),
		cmocka_unit_test(t_not_negotiated), cmocka_unit_test(t_shown),
	};
	int failed = 0;

	for (rig_packed = false;; rig_packed = true) {
		print_message("%s rings\n", rig_packed ? "packed" : "split");
		failed += cmocka_run_group_tests(tests, NULL, NULL);
		if (rig_packed) {
			return failed;
		}
	}
}
