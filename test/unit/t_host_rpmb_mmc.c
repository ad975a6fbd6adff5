/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * t_host_rpmb_mmc.c - the RPMB partition of an eMMC as host
 *
 * The kernel is played: this program's own open() finds the card's numbers in a table, its own ioctl() is the card, which
 * has a key, a counter and blocks, and refuses commands that are not as JEDEC has them. Device, host, worker and the
 * library that computes MACs are the real ones.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/mmc/ioctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "rpmb_bed.h"
#include "hostrig.h"
#include "rpmb_sign.h"

extern const struct host_kind host_linux_rpmb[];

#define NODE   "/dev/null" /* a character device wherever tests run */
#define BLOCKS 1024u

static const uint8_t key[VIO_RPMB_MAC] = "thirty-two bytes that are secret";

/* ---- the card, and the kernel in front of it ---- */

static struct {
	const char *units, *sectors, *enhanced; /* what the kernel shows of it; NULL: nothing */
	bool keyed, strange;
	uint8_t key[VIO_RPMB_MAC], data[BLOCKS][VIO_RPMB_BLOCK];
	uint32_t counter;
	struct vio_rpmb_frame answer[VIO_RPMB_FRAMES], last;
	unsigned asked;	 /* questions so far */
	unsigned fail;	 /* the question that fails, and those after it; 0: none */
	int error;	 /* how */
	bool half;	 /* after it was done */
	const char *why; /* the first thing that was wrong with a command */
} k;

static int table(const char *text)
{
	int fd = text ? memfd_create("attribute", 0) : -1;

	if (fd < 0) {
		errno = ENOENT;
		return -1;
	}
	assert_int_equal(pwrite(fd, text, strlen(text), 0), (ssize_t)strlen(text));
	return fd;
}

int open(const char *path, int flags, ...)
{
	const char *name = strrchr(path, '/');
	mode_t mode = 0;
	va_list ap;

	if (strncmp(path, "/sys/dev/char/1:3/..", 20) == 0) {
		return table(strcmp(name, "/raw_rpmb_size_mult") == 0 ? k.units
			     : strcmp(name, "/rel_sectors") == 0      ? k.sectors
								      : k.enhanced);
	}
	if (flags & O_CREAT) {
		va_start(ap, flags);
		mode = va_arg(ap, mode_t);
		va_end(ap);
	}
	return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

static uint16_t card_write(const struct vio_rpmb_frame *f, uint32_t n)
{
	struct vio_rpmb_frame copy[32];
	uint16_t at = (uint16_t)be_get(f->address, 2);
	uint32_t i;

	if (!k.keyed) {
		return VIO_RPMB_RES_NO_AUTH_KEY;
	}
	memcpy(copy, f, n * sizeof(*f));
	sign(copy, (uint16_t)n, k.key);
	if (memcmp(copy[n - 1].key_mac, f[n - 1].key_mac, VIO_RPMB_MAC)) {
		return VIO_RPMB_RES_AUTH_FAILURE;
	}
	if (be_get(f->write_counter, 4) != k.counter) {
		return VIO_RPMB_RES_COUNT_FAILURE;
	}
	for (i = 0; i < n; i++) {
		memcpy(k.data[at + i], f[i].data, VIO_RPMB_BLOCK);
	}
	k.counter++;
	return VIO_RPMB_RES_OK;
}

static void card_asked(const struct vio_rpmb_frame *f, uint32_t n)
{
	uint16_t type = (uint16_t)be_get(f->req_resp, 2), result = VIO_RPMB_RES_OK;
	struct vio_rpmb_frame a;

	if (type == RESULT) {
		return;
	}
	memset(&a, 0, sizeof(a));
	if (type == KEY) {
		result = k.keyed ? VIO_RPMB_RES_WRITE_FAILURE : VIO_RPMB_RES_OK;
		memcpy(k.keyed ? a.data : k.key, f->key_mac, VIO_RPMB_MAC);
		k.keyed = true;
		memset(a.data, 0, sizeof(a.data));
	} else if (type == WRITE) {
		result = card_write(f, n);
		memcpy(a.address, f->address, 2);
		be_put(a.write_counter, k.counter, 4);
	} else {
		result = k.keyed ? VIO_RPMB_RES_OK : VIO_RPMB_RES_NO_AUTH_KEY;
		memcpy(a.nonce, f->nonce, sizeof(a.nonce));
		memcpy(a.address, f->address, 2);
		be_put(a.write_counter, type == COUNT ? k.counter : 0, 4);
		if (be_get(f->block_count, 2) != 0) {
			k.why = "a question has a block count";
		}
	}
	be_put(a.req_resp, k.strange ? 0x4242 : (uint32_t)type << 8, 2);
	be_put(a.result, result, 2);
	k.last = a;
}

static void card_tells(struct vio_rpmb_frame *f, uint32_t n)
{
	bool read = be_get(k.last.req_resp, 2) == VIO_RPMB_RESP_DATA_READ;
	uint32_t i, at = be_get(k.last.address, 2);

	if (!read && n != 1) {
		k.why = "more than one frame of an answer that has one";
	}
	for (i = 0; i < n; i++) {
		f[i] = k.last;
		if (read) {
			be_put(f[i].block_count, n, 2);
			memcpy(f[i].data, k.data[at + i], VIO_RPMB_BLOCK);
		}
	}
	if (k.keyed) {
		sign(f, (uint16_t)n, k.key);
	}
}

/* Is this what JEDEC has for the question in the first command? returns: NULL | what is wrong */
static const char *wrong(const struct mmc_ioc_multi_cmd *m)
{
	const struct vio_rpmb_frame *f = (const void *)(uintptr_t)m->cmds[0].data_ptr;
	uint16_t type = (uint16_t)be_get(f->req_resp, 2);
	bool changes = type == KEY || type == WRITE;
	const int write = 1, reliable = (int)(1u | 1u << 31);
	uint64_t n;

	if (m->num_of_cmds != (changes ? 3 : 2)) {
		return "number of commands";
	}
	for (n = 0; n < m->num_of_cmds; n++) {
		const struct mmc_ioc_cmd *c = &m->cmds[n];
		bool last = n + 1 == m->num_of_cmds;

		if (c->blksz != FRAME || c->opcode != (last ? 18 : 25) || c->arg || c->is_acmd ||
		    c->flags != 0xb5 || c->blocks == 0 ||
		    c->write_flag != (last		  ? 0
				      : changes && n == 0 ? reliable
							  : write)) {
			return "a command";
		}
	}
	f = (const void *)(uintptr_t)m->cmds[1].data_ptr;
	return changes && be_get(f->req_resp, 2) != RESULT ? "no RESULT_READ" : NULL;
}

int ioctl(int fd, unsigned long request, ...)
{
	const struct mmc_ioc_multi_cmd *m;
	bool fails;
	va_list ap;
	uint64_t n;

	(void)fd;
	va_start(ap, request);
	m = va_arg(ap, const struct mmc_ioc_multi_cmd *);
	va_end(ap);
	fails = k.fail && ++k.asked >= k.fail;
	errno = k.error;
	if (request != MMC_IOC_MULTI_CMD || (fails && !k.half)) {
		return -1;
	}
	k.why = k.why ? k.why : wrong(m);
	for (n = 0; n + 1 < m->num_of_cmds && !k.why; n++) {
		card_asked((const void *)(uintptr_t)m->cmds[n].data_ptr, m->cmds[n].blocks);
	}
	if (fails) {
		errno = k.error;
		return -1;
	}
	card_tells((void *)(uintptr_t)m->cmds[n].data_ptr, m->cmds[n].blocks);
	return 0;
}

static int power_on(void **state)
{
	(void)state;
	memset(&k, 0, sizeof(k));
	k.units = "0x2\n";
	k.sectors = "0x1\n";
	k.enhanced = "0x1\n";
	return 0;
}

static int power_off(void **state)
{
	(void)state;
	assert_null(k.why);
	return 0;
}

/* ---- a device on it ---- */

static struct rig_req *awaited;

static bool is_back(struct hostrig *h)
{
	(void)h;
	return awaited->back;
}

static struct rig_req *ask(struct hostrig *h, const struct vio_rpmb_frame *f, uint16_t n,
			   uint16_t room)
{
	static struct rig_req r;

	h->g.used = h->g.used > RIG_RAM / 2 ? 65536 : h->g.used;
	rig_do(&h->g, 0, &r, f, n * FRAME, room * FRAME);
	awaited = &r;
	hr_until(h, is_back);
	return &r;
}

static struct hostrig *bed(const char *program)
{
	struct hostrig *h = hr_new(&vio_class_rpmb);

	h->option[0][0] = program ? "program-key" : NULL;
	h->option[0][1] = program;
	assert_int_equal(hr_open(h, host_linux_rpmb, "mmc", NODE), 0);
	hr_start(h, 0);
	return h;
}

static uint16_t told(struct hostrig *h, struct vio_rpmb_frame *f, uint16_t n)
{
	struct rig_req *r;

	frame(&f[n], RESULT, 1);
	r = ask(h, f, (uint16_t)(n + 1), 1);
	assert_int_equal(type_of(r->in), be_get(f->req_resp, 2) << 8);
	return result_of(r->in);
}

static uint16_t program(struct hostrig *h)
{
	struct vio_rpmb_frame f[2];

	frame(f, KEY, 1);
	memcpy(f->key_mac, key, sizeof(key));
	return told(h, f, 1);
}

static uint16_t write_at(struct hostrig *h, uint16_t at, uint16_t n, uint32_t count, uint8_t fill)
{
	static struct vio_rpmb_frame f[33];

	write_frames(f, n, at, count, fill, key);
	return told(h, f, n);
}

static void test_key(void **state)
{
	struct vio_rpmb_frame f;
	struct hostrig *h = bed(NULL);
	struct rig_req *r;

	(void)state;
	frame(&f, COUNT, 1);
	r = ask(h, &f, 1, 1);
	assert_int_equal(result_of(r->in), VIO_RPMB_RES_NO_AUTH_KEY);
	assert_int_equal(program(h), VIO_RPMB_RES_WRITE_FAILURE); /* not without leave */
	assert_false(k.keyed);
	hr_end(h);
	h = bed("on");
	assert_int_equal(program(h), VIO_RPMB_RES_OK);
	assert_memory_equal(k.key, key, sizeof(key));
	assert_int_equal(program(h), VIO_RPMB_RES_WRITE_FAILURE); /* the card's own word */
	hr_end(h);
}

static void test_write_and_read(void **state)
{
	struct vio_rpmb_frame f;
	struct hostrig *h;
	struct rig_req *r;
	uint8_t c[3];

	(void)state;
	k.keyed = true;
	memcpy(k.key, key, sizeof(key));
	h = bed(NULL);
	assert_int_equal(lb_bus.config_read(&h->g.lb, 0, c, 3), VIO_OK);
	assert_memory_equal(c, "\2\x20\x80", 3);
	assert_int_equal(write_at(h, 1000, 24, 0, 0x40), VIO_RPMB_RES_OK);
	assert_int_equal(k.data[1023][255], 0x57);
	assert_int_equal(write_at(h, 0, 1, 0, 0x90), VIO_RPMB_RES_COUNT_FAILURE); /* replayed */
	assert_int_equal(k.counter, 1);
	frame(&f, READ, 24);
	be_put(f.address, 1000, 2);
	r = ask(h, &f, 1, 24);
	assert_int_equal(r->len, 24 * FRAME);
	assert_true(is_signed(r->in, 24, key));
	assert_int_equal(r->in[23 * FRAME + 228], 0x57);
	assert_memory_equal(r->in + 484, f.nonce, sizeof(f.nonce));
	frame(&f, COUNT, 1);
	r = ask(h, &f, 1, 1);
	assert_true(is_signed(r->in, 1, key));
	assert_int_equal(counter_of(r->in), 1);
	hr_end(h);
}

/* The card fails or is pulled out: the status of the chapter, the process lives, and a card that is back serves. */
static void test_failures(void **state)
{
	static const int error[] = { EIO, ETIMEDOUT, ENODEV, ENOMEDIUM };
	struct vio_rpmb_frame f;
	struct hostrig *h;
	size_t n;

	(void)state;
	k.keyed = true;
	memcpy(k.key, key, sizeof(key));
	h = bed(NULL);
	for (n = 0; n < sizeof(error) / sizeof(error[0]); n++) {
		k.asked = 0;
		k.fail = 1;
		k.error = error[n];
		frame(&f, COUNT, 1);
		assert_int_equal(result_of(ask(h, &f, 1, 1)->in), VIO_RPMB_RES_GENERAL_FAILURE);
		frame(&f, READ, 2);
		assert_int_equal(result_of(ask(h, &f, 1, 2)->in), VIO_RPMB_RES_READ_FAILURE);
		assert_int_equal(write_at(h, 3, 2, k.counter, 0x10), VIO_RPMB_RES_WRITE_FAILURE);
		assert_int_equal(k.asked, 3); /* nothing is tried twice */
		k.half = true;		      /* done, and the answer lost: the counter tells */
		assert_int_equal(write_at(h, 3, 2, k.counter, 0x10), VIO_RPMB_RES_WRITE_FAILURE);
		k.half = false;
		k.fail = 0;
		assert_int_equal(k.counter, n + 1);
		frame(&f, COUNT, 1);
		assert_int_equal(counter_of(ask(h, &f, 1, 1)->in), n + 1);
	}
	hr_end(h);
}

static void test_open(void **state)
{
	static const struct {
		const char *arg, *units, *sectors, *enhanced, *option;
		int error;
		bool strange;
		uint8_t max_wr; /* 0: refused */
		const char *err;
	} t[] = {
		{ NODE, "0x1", "0x1", "0x0", NULL, 0, false, 1, NULL },
		{ NODE, "0x80\n", "16\n", "0x0\n", NULL, 0, false, 16, NULL },
		{ NODE, "0x1", "0xff", "0x0", "off", 0, false, 32, NULL },
		{ NODE, "0x1", "0x1", "0x1", "on", 0, false, 32, NULL },
		{ NODE, "0x1", NULL, NULL, NULL, 0, false, 1, NULL },
		{ NODE, NULL, "0x1", "0x1", NULL, 0, false, 0, "no RPMB partition" },
		{ NODE, "0x81", "0x1", "0x1", NULL, 0, false, 0, "no RPMB partition" },
		{ NODE, "", "0x1", "0x1", NULL, 0, false, 0, "no RPMB partition" },
		{ NODE, "0x1", "0x1", "0x1", "maybe", 0, false, 0, "on or off" },
		{ NODE, "0x1", "0x1", "0x1", NULL, ENOTTY, false, 0, "/dev/null: Inappropriate" },
		{ NODE, "0x1", "0x1", "0x1", NULL, EIO, false, 0, "/dev/null: Input/output" },
		{ NODE, "0x1", "0x1", "0x1", NULL, 0, true, 0, "something else" },
		{ "/proc/self/status", "0x1", "0x1", "0x1", NULL, 0, false, 0, "" },
		{ "/nowhere", "0x1", "0x1", "0x1", NULL, 0, false, 0, "/nowhere: No such file" },
		{ "", "0x1", "0x1", "0x1", NULL, 0, false, 0, "which partition?" },
		{ NULL, "0x1", "0x1", "0x1", NULL, 0, false, 0, "which partition?" },
	};
	size_t n;

	(void)state;
	for (n = 0; n < sizeof(t) / sizeof(t[0]); n++) {
		struct hostrig *h = hr_new(&vio_class_rpmb);
		const struct vio_rpmb_host_ops *ops;

		memset(&k, 0, sizeof(k));
		k.units = t[n].units;
		k.sectors = t[n].sectors;
		k.enhanced = t[n].enhanced;
		k.fail = t[n].error != 0;
		k.error = t[n].error;
		k.strange = t[n].strange;
		h->option[0][0] = t[n].option ? "program-key" : NULL;
		h->option[0][1] = t[n].option;
		assert_int_equal(hr_open(h, host_linux_rpmb, "mmc", t[n].arg),
				 t[n].max_wr ? 0 : -1);
		if (t[n].max_wr) {
			ops = h->host.ops;
			assert_int_equal(ops->open(h->host.host)->max_wr, t[n].max_wr);
			assert_int_equal(ops->open(h->host.host)->blocks,
					 512 * strtoul(t[n].units, NULL, 0));
		} else {
			assert_non_null(strstr(h->ctx.err, t[n].err));
		}
		hr_end(h);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, power_on, power_off)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_key),
		TEST(test_write_and_read),
		TEST(test_failures),
		TEST(test_open),
	};

	return cmocka_run_group_tests_name("rpmb, eMMC", tests, NULL, NULL);
}
