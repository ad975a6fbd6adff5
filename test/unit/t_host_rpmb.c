/* SPDX-License-Identifier: BSD-3-Clause */
/* t_host_rpmb.c - MACs by the library, and the file host as a guest sees it: over a restart, too */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include "rpmb_bed.h"
#include "hostrig.h"
#include "rpmb_sign.h"

extern const struct host_kind host_linux_rpmb[], host_sim_rpmb[];

static const uint8_t key[VIO_RPMB_MAC] = "thirty-two bytes that are secret";
static char path[64];

/* RFC 4231, 4.2: a key of 20 bytes 0x0b, zeroes behind it are the same key; FIPS 180-4: SHA-256 of "abc" */
static void test_library(void **state)
{
	static const uint8_t hmac[MAC_BYTES] = { 0xb0, 0x34, 0x4c, 0x61, 0xd8, 0xdb, 0x38, 0x53,
						 0x5c, 0xa8, 0xaf, 0xce, 0xaf, 0x0b, 0xf1, 0x2b,
						 0x88, 0x1d, 0xc2, 0x00, 0xc9, 0x83, 0x3d, 0xa7,
						 0x26, 0xe9, 0x37, 0x6c, 0x2e, 0x32, 0xcf, 0xf7 };
	static const uint8_t sha[4] = { 0xba, 0x78, 0x16, 0xbf };
	uint8_t k[MAC_BYTES] = { 0 }, out[MAC_BYTES];
	struct mac *m = mac_new();

	(void)state;
	memset(k, 0x0b, 20);
	mac_key(m, k);
	mac_begin(m);
	mac_add(m, "Hi ", 3);
	mac_add(m, "There", 5);
	mac_end(m, out);
	assert_memory_equal(out, hmac, MAC_BYTES);
	assert_true(mac_digest("abc", 3, out));
	assert_memory_equal(out, sha, 4);
	mac_free(m);
}

/* ---- a device on a file ---- */

static struct rig_req *awaited;

static bool is_back(struct hostrig *h)
{
	(void)h;
	return awaited->back;
}

static void ask(struct hostrig *h, struct rig_req *r, const struct vio_rpmb_frame *f, uint16_t n,
		uint16_t room)
{
	rig_do(&h->g, 0, r, f, n * FRAME, room * FRAME);
	awaited = r;
	hr_until(h, is_back);
}

static struct hostrig *bed(const struct host_kind *kinds, const char *kind, const char *arg,
			   const char *size)
{
	struct hostrig *h = hr_new(&vio_class_rpmb);

	h->option[0][0] = size ? "size" : NULL;
	h->option[0][1] = size;
	assert_int_equal(hr_open(h, kinds, kind, arg), 0);
	hr_start(h, 0);
	return h;
}

static uint32_t counter(struct hostrig *h)
{
	struct vio_rpmb_frame f;
	struct rig_req r;

	frame(&f, COUNT, 1);
	ask(h, &r, &f, 1, 1);
	assert_int_equal(result_of(r.in) & 0x7f, VIO_RPMB_RES_OK);
	assert_true(is_signed(r.in, 1, key));
	return counter_of(r.in);
}

static void program(struct hostrig *h)
{
	struct vio_rpmb_frame f[2];
	struct rig_req r;

	frame(f, KEY, 1);
	memcpy(f[0].key_mac, key, sizeof(key));
	frame(&f[1], RESULT, 1);
	ask(h, &r, f, 2, 1);
	assert_int_equal(result_of(r.in) & 0x7f, VIO_RPMB_RES_OK);
}

static uint16_t write_at(struct hostrig *h, uint16_t address, uint16_t n, uint32_t count,
			 uint8_t fill)
{
	static struct vio_rpmb_frame f[33];
	struct rig_req r;

	write_frames(f, n, address, count, fill, key);
	frame(&f[n], RESULT, 1);
	ask(h, &r, f, (uint16_t)(n + 1), 1);
	return result_of(r.in);
}

static uint8_t read_at(struct hostrig *h, uint16_t address)
{
	struct vio_rpmb_frame f;
	struct rig_req r;

	frame(&f, READ, 1);
	be_put(f.address, address, 2);
	ask(h, &r, &f, 1, 1);
	assert_int_equal(result_of(r.in), VIO_RPMB_RES_OK);
	assert_int_equal(r.in[228], r.in[483]);
	return r.in[228];
}

static void test_file(void **state)
{
	struct hostrig *h = bed(host_linux_rpmb, "file", path, "256K");
	struct stat st;
	uint8_t units;
	uint32_t n;

	(void)state;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600); /* the key is in it */
	assert_int_equal(lb_bus.config_read(&h->g.lb, 0, &units, 1), VIO_OK);
	assert_int_equal(units, 2);
	program(h);
	assert_int_equal(counter(h), 0);
	for (n = 0; n < 5; n++) {
		assert_int_equal(write_at(h, (uint16_t)(n * 3), 2, n, (uint8_t)(n * 16)),
				 VIO_RPMB_RES_OK);
	}
	assert_int_equal(write_at(h, 992, 32, 5, 0x80),
			 VIO_RPMB_RES_OK); /* the last blocks, as many as there may be */
	assert_int_equal(write_at(h, 993, 32, 6, 0x80), VIO_RPMB_RES_ADDR_FAILURE);
	hr_end(h);
	for (n = 0; n < 2; n++) {
		h = bed(host_linux_rpmb, "file", path, n ? "256K" : NULL);
		assert_int_equal(counter(h), 6 + n);
		assert_int_equal(read_at(h, 12), 0x40);
		assert_int_equal(read_at(h, 13), 0x41);
		assert_int_equal(read_at(h, 14), 0);
		assert_int_equal(read_at(h, 1023), 0x80 + 31);
		assert_int_equal(write_at(h, 14, 1, n ? 6 : 5, 1), VIO_RPMB_RES_COUNT_FAILURE);
		assert_int_equal(write_at(h, 100, 1, 6 + n, 1), VIO_RPMB_RES_OK);
		hr_end(h);
	}
}

static void test_sim(void **state)
{
	struct hostrig *h = bed(host_sim_rpmb, "sim", "0xfffffffe", NULL);

	(void)state;
	program(h);
	assert_int_equal(write_at(h, 0, 1, UINT32_MAX - 1, 9),
			 0x80); /* done, and it was the last */
	assert_int_equal(write_at(h, 0, 1, UINT32_MAX, 8), VIO_RPMB_RES_WRITE_COUNTER_EXPIRED);
	assert_int_equal(counter(h), UINT32_MAX);
	hr_end(h);
}

static void refused(const char *arg, const char *size, const char *word)
{
	struct hostrig *h = hr_new(&vio_class_rpmb);

	h->option[0][0] = size ? "size" : NULL;
	h->option[0][1] = size;
	assert_int_equal(hr_open(h, host_linux_rpmb, "file", arg), -1);
	if (!strstr(h->ctx.err, word)) {
		fail_msg("%s", h->ctx.err);
	}
	hr_end(h);
}

/* What is not whole is not opened, and never made anew. */
static void test_refused(void **state)
{
	static const char *const size[] = { "0", "100K", "127K", "17M", "x", "" };
	struct hostrig *h;
	uint8_t byte;
	size_t n;
	int fd;

	(void)state;
	refused(NULL, NULL, "which file");
	refused("/no/such/folder/file", NULL, "No such file");
	refused("/dev/null", NULL, "no file of an RPMB");
	for (n = 0; n < sizeof(size) / sizeof(size[0]); n++) {
		refused(path, size[n], "128K");
	}
	h = bed(host_linux_rpmb, "file", path, NULL);
	refused(path, NULL, "another process");
	program(h);
	assert_int_equal(write_at(h, 0, 1, 0, 5), VIO_RPMB_RES_OK);
	hr_end(h);
	refused(path, "256K", "another size");
	fd = open(path, O_RDWR);
	assert_int_equal(ftruncate(fd, 24576 + 131072 + 1), 0);
	refused(path, NULL, "length");
	assert_int_equal(ftruncate(fd, 24576 + 131072), 0);
	/* the newest record damaged: the one before counts; both: it is refused */
	assert_int_equal(pread(fd, &byte, 1, 12288 + 40), 1);
	byte ^= 1;
	assert_int_equal(pwrite(fd, &byte, 1, 12288 + 40), 1); /* number 3 */
	h = bed(host_linux_rpmb, "file", path, NULL);
	assert_int_equal(counter(h), 0);
	hr_end(h);
	byte = 0;
	assert_int_equal(pwrite(fd, &byte, 1, 9), 1); /* number 2 */
	assert_int_equal(pwrite(fd, &byte, 1, 8), 1);
	refused(path, NULL, "no file of an RPMB");
	close(fd);
}

static int set_up(void **state)
{
	(void)state;
	(void)snprintf(path, sizeof(path), "/tmp/t_host_rpmb.%ld", (long)getpid());
	(void)unlink(path);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	(void)unlink(path);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_library),
		cmocka_unit_test_setup_teardown(test_file, set_up, tear_down),
		cmocka_unit_test(test_sim),
		cmocka_unit_test_setup_teardown(test_refused, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("rpmb, hosts", tests, NULL, NULL);
}
