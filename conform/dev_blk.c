/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dev_blk.c - rules of the block device: configuration, read, write, flush, identification (virtio 1.4, 5.2)
 *
 * What a rule overwrites it first reads, and writes back when it has its verdict, so a disk survives as long as the
 * back-end does what it is told.
 */
#include <string.h>
#include "conform/dev_blk.h"

static const char *check(const struct cf *c, const struct cf_io *io)
{
	(void)c;
	return io->in[io->i.len - 1u] != VIO_BLK_S_OK ? "the status of a read is not OK" : NULL;
}

bool cf_blk(struct cf *c, uint16_t vq, struct cf_blk *b)
{
	struct cf_io io;

	if (!cf_io(c, &io, 16u + b->out_len, b->in_len + 1u)) {
		return false;
	}
	vio_pack32(io.out, b->type);
	vio_pack64(io.out + 8, b->sector);
	if (b->out_len > 0) {
		(void)memcpy(io.out + 16, b->out, b->out_len);
	}
	b->in = io.in;
	if (!cf_ask(c, vq, &io)) {
		return false;
	}
	b->status = io.in[b->in_len];
	b->len = io.len;
	return true;
}

bool cf_blk_rw(struct cf *c, bool write, uint64_t sector, uint32_t n, void *data)
{
	struct cf_blk b = { .type = write ? VIO_BLK_T_OUT : VIO_BLK_T_IN,
			    .sector = sector,
			    .out = data,
			    .out_len = write ? n * SECTOR : 0,
			    .in_len = write ? 0 : n * SECTOR };

	if (!cf_blk(c, 0, &b) ||
	    !cf_expect(c, b.status == VIO_BLK_S_OK, "%s %u sectors at %llu: status %u",
		       write ? "writing" : "reading", n, (unsigned long long)sector, b.status)) {
		return false;
	}
	if (!write) {
		(void)memcpy(data, b.in, (size_t)n * SECTOR);
	}
	return true;
}

bool cf_blk_capacity(struct cf *c, uint64_t *sectors)
{
	uint8_t b[8];

	if (!cf_config(c, CF_BLK_AT(capacity), b, sizeof(b))) {
		return false;
	}
	*sectors = vio_unpack64(b);
	return *sectors >= 16 ||
	       cf_na(c, "the disk has %llu sectors, too few", (unsigned long long)*sectors);
}

/* ---- reading and writing ---- */

static void status_written(struct cf *c)
{
	struct cf_blk b = { .type = VIO_BLK_T_IN, .in_len = SECTOR };

	(void)(cf_up(c) && cf_blk(c, 0, &b) &&
	       cf_expect(c, b.status <= VIO_BLK_S_UNSUPP, "the status byte is 0x%02x", b.status));
}

static void last_sector(struct cf *c)
{
	uint8_t data[8 * SECTOR];
	uint64_t n;

	(void)(cf_up(c) && cf_blk_capacity(c, &n) && cf_blk_rw(c, false, n - 8, 8, data));
}

static void sectors(struct cf *c)
{
	uint8_t all[8 * SECTOR], one[SECTOR];
	bool ok = cf_up(c) && cf_blk_rw(c, false, 0, 8, all);

	for (uint32_t i = 0; ok && i < 8; i++) {
		ok = cf_blk_rw(c, false, i, 1, one) &&
		     cf_expect(c, memcmp(one, all + i * SECTOR, SECTOR) == 0,
			       "sector %u reads differently alone and as part of 8", i);
	}
}

static void fill(uint8_t *p, uint32_t len, uint8_t salt)
{
	for (uint32_t i = 0; i < len; i++) {
		p[i] = (uint8_t)(i * 31u + (i >> 8) * 7u + salt);
	}
}

static bool writable(struct cf *c)
{
	return (c->offered & VIO_BLK_F_RO) == 0 || cf_na(c, "it is read-only");
}

static void write_read(struct cf *c)
{
	uint8_t old[8 * SECTOR], new[8 * SECTOR], got[8 * SECTOR];
	uint64_t n;

	fill(new, sizeof(new), 3);
	if (!writable(c) || !cf_up(c) || !cf_blk_capacity(c, &n) ||
	    !cf_blk_rw(c, false, n - 8, 8, old)) {
		return;
	}
	(void)(cf_blk_rw(c, true, n - 8, 8, new) && cf_blk_rw(c, false, n - 8, 8, got) &&
	       cf_expect(c, memcmp(new, got, sizeof(new)) == 0,
			 "what was written reads differently"));
	(void)cf_blk_rw(c, true, n - 8, 8, old);
}

/* Eight sectors in the middle of what is left as it was */
static void write_place(struct cf *c)
{
	uint8_t old[16 * SECTOR], new[8 * SECTOR], got[16 * SECTOR];

	fill(new, sizeof(new), 77);
	if (!writable(c) || !cf_up(c) || !cf_blk_rw(c, false, 0, 16, old)) {
		return;
	}
	(void)(cf_blk_rw(c, true, 8, 8, new) && cf_blk_rw(c, false, 0, 16, got) &&
	       cf_expect(c, memcmp(old, got, 8 * SECTOR) == 0,
			 "sectors before those written were changed") &&
	       cf_expect(c, memcmp(new, got + 8 * SECTOR, 8 * SECTOR) == 0,
			 "they were not written at sector 8"));
	(void)cf_blk_rw(c, true, 0, 16, old);
}

static void flush(struct cf *c)
{
	struct cf_blk b = { .type = VIO_BLK_T_FLUSH };

	(void)(cf_up(c) && cf_blk(c, 0, &b) &&
	       cf_expect(c, b.status <= VIO_BLK_S_IOERR,
			 "FLUSH was negotiated, its status is 0x%02x", b.status));
}

static void read_only(struct cf *c)
{
	uint8_t before[SECTOR], after[SECTOR], new[SECTOR];
	struct cf_blk b = { .type = VIO_BLK_T_OUT, .out = new, .out_len = SECTOR };

	if (!cf_up(c) || !cf_blk_rw(c, false, 0, 1, before)) {
		return;
	}
	for (uint32_t i = 0; i < SECTOR; i++) {
		new[i] = (uint8_t)~before[i];
	}
	if (!cf_blk(c, 0, &b)) {
		return;
	}
	if (c->rule->arg == 0) {
		(void)cf_expect(c, b.status == VIO_BLK_S_IOERR, "a write was answered 0x%02x",
				b.status);
	} else {
		(void)(cf_blk_rw(c, false, 0, 1, after) &&
		       cf_expect(c, memcmp(before, after, SECTOR) == 0, "the disk was written"));
	}
}

static void get_id(struct cf *c)
{
	struct cf_blk b = { .type = VIO_BLK_T_GET_ID, .in_len = VIO_BLK_ID_BYTES };
	bool end = false;

	if (!cf_up(c) || !cf_blk(c, 0, &b)) {
		return;
	}
	if (b.status == VIO_BLK_S_UNSUPP) {
		(void)cf_na(c, "it has no device ID string");
		return;
	}
	for (uint32_t i = 0; i < VIO_BLK_ID_BYTES && i < b.len; i++) {
		end = end || b.in[i] == 0;
		if (!cf_expect(c, end ? b.in[i] == 0 : b.in[i] < 0x80u,
			       "byte %u of the device ID is 0x%02x", i, b.in[i])) {
			return;
		}
	}
}

static void lifetime(struct cf *c)
{
	struct cf_blk b = { .type = VIO_BLK_T_GET_LIFETIME, .in_len = 6 };

	(void)(cf_up(c) && cf_blk(c, 0, &b) &&
	       (b.status == VIO_BLK_S_OK ||
		cf_na(c, "it gives no lifetime, status %u", b.status)) &&
	       cf_expect(c, vio_unpack16(b.in) <= 3, "pre_eol_info is %u", vio_unpack16(b.in)) &&
	       cf_expect(c, vio_unpack16(b.in + 2) <= 11 && vio_unpack16(b.in + 4) <= 11,
			 "an estimate is %u or %u", vio_unpack16(b.in + 2),
			 vio_unpack16(b.in + 4)));
}

/* ---- configuration ---- */

static void padding(struct cf *c)
{
	uint8_t zero = 0, three[3] = { 0, 0, 0 };

	(void)(cf_config(c, CF_BLK_AT(unused0), &zero, 1) &&
	       cf_expect(c, zero == 0, "unused0 is 0x%02x", zero) &&
	       cf_config(c, CF_BLK_AT(unused1), three, 3) &&
	       cf_expect(c, (three[0] | three[1] | three[2]) == 0, "unused1 is not 0"));
}

/*
 * FLUSH is not accepted though it is offered. arg: the driver looks once FEATURES_OK is set, or when the device runs:
 * over vhost-user that is sure only when a request has come back
 */
static void writeback_zero(struct cf *c)
{
	uint8_t v = 0xff, sector[SECTOR];

	c->offered &= ~(uint64_t)VIO_BLK_F_FLUSH;
	(void)((c->rule->arg != 0 ? cf_up(c) && cf_blk_rw(c, false, 0, 1, sector)
				  : cf_negotiate(c, VIO_F_VERSION_1 | VIO_BLK_F_CONFIG_WCE)) &&
	       cf_config(c, CF_BLK_AT(writeback), &v, 1) &&
	       cf_expect(c, v == 0, "writeback is %u", v));
}

static void writeback_set(struct cf *c)
{
	uint8_t was, v;
	bool refused = false, ok = cf_up(c) && cf_config(c, CF_BLK_AT(writeback), &was, 1);

	for (uint8_t to = 0; ok && to < 2; to++) {
		ok = cf_config_write(c, CF_BLK_AT(writeback), &to, 1, &refused) &&
		     cf_expect(c, !refused, "writeback cannot be set to %u", to) &&
		     cf_config(c, CF_BLK_AT(writeback), &v, 1) &&
		     cf_expect(c, v == to, "writeback was set to %u and reads %u", to, v);
	}
	if (ok) {
		(void)cf_config_write(c, CF_BLK_AT(writeback), &was, 1, &refused);
	}
}

static void num_queues(struct cf *c)
{
	uint8_t b[2];
	uint16_t n;
	struct cf_blk r = { .type = VIO_BLK_T_IN, .in_len = SECTOR };
	bool ok;

	if (!cf_config(c, CF_BLK_AT(num_queues), b, 2)) {
		return;
	}
	n = vio_unpack16(b);
	if (!cf_expect(c, n > 0, "num_queues is 0") ||
	    !cf_expect(c, vhf_queues(c->f) == 0 || n <= vhf_queues(c->f),
		       "num_queues is %u, there are %u", n, vhf_queues(c->f))) {
		return;
	}
	ok = cf_negotiate(c, VIO_F_VERSION_1 | VIO_BLK_F_MQ);
	n = n < CF_VQS ? n : CF_VQS;
	for (uint16_t i = 0; ok && i < n; i++) {
		ok = cf_queue_setup(c, i, 0);
	}
	ok = ok && cf_status(c, CF_LIVE);
	for (uint16_t i = 0; ok && i < n; i++) {
		ok = cf_blk(c, i, &r) &&
		     cf_expect(c, r.status == VIO_BLK_S_OK, "queue %u: status %u", i, r.status);
	}
}

/* A request of as many segments as it says that it takes, and as this suite has */
static void seg_max(struct cf *c)
{
	struct vio_dma p[CF_PIECES];
	uint8_t b[4];
	struct cf_io io;
	uint32_t n;

	if (!cf_config(c, CF_BLK_AT(seg_max), b, 4) || !cf_up_size(c, VIO_BLK_F_SEG_MAX, 128)) {
		return;
	}
	n = vio_unpack32(b);
	n = n < CF_PIECES - 2u ? n : CF_PIECES - 2u;
	if (!cf_expect(c, n > 0, "seg_max is 0") || !cf_io(c, &io, 16, n * SECTOR + 1u)) {
		return;
	}
	p[0] = io.o;
	for (uint32_t i = 0; i < n; i++) {
		p[i + 1u] = (struct vio_dma){ io.i.p + i * SECTOR, io.i.addr + i * SECTOR, SECTOR };
	}
	p[n + 1u] = (struct vio_dma){ io.i.p + n * SECTOR, io.i.addr + n * SECTOR, 1 };
	(void)(cf_put_as(c, 0, &io, p, 1, (uint16_t)(n + 1u), NULL) && cf_kick(c, 0) &&
	       cf_wait(c, 0, &io) && cf_answer(c, &io));
}

static const struct cf_bit bits[] = {
	{ VIO_BLK_F_SIZE_MAX, "SIZE_MAX", 0 },
	{ VIO_BLK_F_SEG_MAX, "SEG_MAX", 0 },
	{ VIO_BLK_F_GEOMETRY, "GEOMETRY", 0 },
	{ VIO_BLK_F_RO, "RO", 0 },
	{ VIO_BLK_F_BLK_SIZE, "BLK_SIZE", 0 },
	{ VIO_BLK_F_FLUSH, "FLUSH", 0 },
	{ VIO_BLK_F_TOPOLOGY, "TOPOLOGY", 0 },
	{ VIO_BLK_F_CONFIG_WCE, "CONFIG_WCE", VIO_BLK_F_FLUSH },
	{ VIO_BLK_F_MQ, "MQ", 0 },
	{ VIO_BLK_F_DISCARD, "DISCARD", 0 },
	{ VIO_BLK_F_WRITE_ZEROES, "WRITE_ZEROES", 0 },
	{ VIO_BLK_F_LIFETIME, "LIFETIME", 0 },
	{ VIO_BLK_F_SECURE_ERASE, "SECURE_ERASE", 0 },
	{ VIO_BLK_F_ZONED, "ZONED", 0 },
	{ 1ull << 0, "BARRIER (legacy)", 0 },
	{ 1ull << 7, "SCSI (legacy)", 0 },
	{ 0, NULL, 0 },
};

#define INIT "5.2.5.2", "Device Initialization"
#define OPER "5.2.6.2", "Device Operation"
#define REQ  "5.2.6", "Device Operation"
#define W    CF_WRITES
#define C    VHU_P_CONFIG
#define FLG  VIO_BLK_F_DISCARD
#define WZ   VIO_BLK_F_WRITE_ZEROES
#define SE   VIO_BLK_F_SECURE_ERASE
#define ZONE(name, type)                                                                           \
	{                                                                                          \
		"blk.zone-" name, OPER, "without ZONED the request is rejected with UNSUPP", 0, 0, \
			W, type, cf_blk_unsupp                                                     \
	}

/* clang-format off */
static const struct cf_rule rules[] = {
	{ "blk.status", REQ, "the status byte is written", 0, 0, 0, 0, status_written },
	{ "blk.last-sector", "5.2.4", "Device configuration layout", "capacity is in sectors of 512 bytes, all of them exist", 0, C, 0, 0, last_sector },
	{ "blk.sectors", REQ, "sector is an offset in units of 512 bytes", 0, 0, 0, 0, sectors },
	{ "blk.write-read", REQ, "OUT writes, IN reads what was written", 0, C, W, 0, write_read },
	{ "blk.write-place", REQ, "OUT writes at its sector, and nowhere else", 0, 0, W, 0, write_place },
	{ "blk.unsupp", REQ, "a request that is not supported is answered UNSUPP", 0, 0, 0, 0, cf_blk_unsupp },
	{ "blk.flush", "5.2.3", "Feature bits", "FLUSH: the flush command is supported", VIO_BLK_F_FLUSH, 0, 0, 0, flush },
	{ "blk.ro-write", OPER, "with RO a write is answered IOERR", VIO_BLK_F_RO, 0, W, 0, read_only },
	{ "blk.ro-unchanged", OPER, "with RO no data is written", VIO_BLK_F_RO, 0, W, 1, read_only },
	{ "blk.get-id", REQ, "the device ID is ASCII, padded with NUL", 0, 0, 0, 0, get_id },
	{ "blk.lifetime", OPER, "no reserved values are sent", VIO_BLK_F_LIFETIME, 0, 0, 0, lifetime },
	{ "blk.padding", INIT, "unused0 and unused1 are 0", 0, C, 0, 0, padding },
	{ "blk.writeback-early", INIT, "CONFIG_WCE without FLUSH: writeback is initialized to 0", VIO_BLK_F_CONFIG_WCE, C, 0, 0, writeback_zero },
	{ "blk.writeback-0", INIT, "CONFIG_WCE without FLUSH: writeback is 0 when the device runs", VIO_BLK_F_CONFIG_WCE, C, 0, 1, writeback_zero },
	{ "blk.writeback-set", "5.2.5", "Device Initialization", "the driver can set writeback to 0 and 1", VIO_BLK_F_CONFIG_WCE | VIO_BLK_F_FLUSH, C, 0, 0, writeback_set },
	{ "blk.num-queues", "5.2.4", "Device configuration layout", "with MQ num_queues is the number of queues", VIO_BLK_F_MQ, C, 0, 0, num_queues },
	{ "blk.seg-max", "5.2.3", "Feature bits", "requests may have seg_max segments", VIO_BLK_F_SEG_MAX, C, 0, 0, seg_max },
	{ "blk.discard", "5.2.3", "Feature bits", "DISCARD: the command is supported", FLG, C, W, 0, cf_blk_discard },
	{ "blk.discard-flags", OPER, "an unknown flag of a discard is answered UNSUPP", FLG, C, W, VIO_BLK_T_DISCARD, cf_blk_flags },
	{ "blk.discard-unmap", OPER, "unmap in a discard is answered UNSUPP", FLG, C, W, 0, cf_blk_unmap },
	{ "blk.zeroes-flags", OPER, "an unknown flag of write zeroes is answered UNSUPP", WZ, C, W, VIO_BLK_T_WRITE_ZEROES, cf_blk_flags },
	{ "blk.erase-flags", OPER, "an unknown flag of secure erase is answered UNSUPP", SE, C, W, VIO_BLK_T_SECURE_ERASE, cf_blk_flags },
	{ "blk.zeroes", OPER, "after write zeroes the range reads as zeros", WZ, C, W, 0, cf_blk_zeroes },
	{ "blk.zeroes-unmap", OPER, "also with unmap", WZ, C, W, VIO_BLK_RANGE_UNMAP, cf_blk_zeroes },
	ZONE("append", 15), ZONE("report", 16), ZONE("open", 18), ZONE("close", 20), ZONE("finish", 22),
	ZONE("reset", 24), ZONE("reset-all", 26),
};
/* clang-format on */

const struct cf_dev cf_dev_blk = { .name = "blk",
				   .section = "5.2",
				   .id = VIO_ID_BLK,
				   .bits = bits,
				   .nvq = 1,
				   .config = 8,
				   .out = 16, /* IN, sector 0: all zeros */
				   .in = SECTOR + 1u,
				   .check = check,
				   .rule = rules,
				   .nrule = sizeof(rules) / sizeof(rules[0]) };
