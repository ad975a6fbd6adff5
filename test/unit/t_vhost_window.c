/* SPDX-License-Identifier: BSD-3-Clause */
/* t_vhost_window.c - a device behind vhost-user that may touch one region of memory and nothing else */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include "vhu_rig.h"

static struct rig rig;
static struct fe fe;
static int saved_err, log_file;

static int up(const struct vhu_config *how, bool threads)
{
	log_file = memfd_create("log", MFD_CLOEXEC);
	saved_err = dup(2);
	dup2(log_file, 2);
	rig_open(&rig, how, threads);
	return 0;
}

static int bounded(void **state)
{
	(void)state;
	return up(&(struct vhu_config){ .window = true, .window_max = RAM }, false);
}

static int any_size(void **state)
{
	(void)state;
	return up(&(struct vhu_config){ .window = true }, true);
}

static int small(void **state)
{
	(void)state;
	return up(&(struct vhu_config){ .window = true, .window_max = RAM - 1 }, false);
}

static int down(void **state)
{
	(void)state;
	rig_close(&rig);
	dup2(saved_err, 2);
	close(saved_err);
	close(log_file);
	return 0;
}

/* How often the log says this. */
static unsigned said(const char *text)
{
	static char b[65536];
	ssize_t n = pread(log_file, b, sizeof(b) - 1, 0);
	unsigned k = 0;

	b[n > 0 ? n : 0] = '\0';
	for (const char *p = b; (p = strstr(p, text)) != NULL; p++) {
		k++;
	}
	return k;
}

/* Shared mappings of memory named "guest" in this process, without the front-end's own. */
static unsigned mapped(void)
{
	FILE *f = fopen("/proc/self/maps", "r");
	char line[512];
	unsigned n = 0;

	while (fgets(line, sizeof(line), f)) {
		n += strstr(line, "memfd:guest") != NULL;
	}
	fclose(f);
	return n - (fe.ram ? 1u : 0u);
}

static void wait_reset(void)
{
	do {
		rig_settle(&rig);
	} while ((fe_get(&fe, VHU_GET_STATUS) & VIO_S_NEEDS_RESET) == 0);
	rig_settle(&rig); /* and it is said */
}

static void test_works(void **state)
{
	(void)state;
	fe_connect(&fe, rig.path);
	assert_true(fe_get(&fe, VHU_GET_FEATURES) & VIO_F_ACCESS_PLATFORM);
	fe_leave(&fe, &rig);
	for (unsigned k = 0; k < 3; k++) {
		fe_session(&fe, &rig, FEATURES | (k == 1 ? VIO_F_RING_PACKED : 0), PROTO);
		assert_int_equal(fe_get(&fe, VHU_GET_MAX_MEM_SLOTS), 1);
		for (unsigned n = 0; n < 100; n++) {
			fe_echo(&fe, n % VQS);
		}
		assert_int_equal(mapped(), 1);
		fe_leave(&fe, &rig);
		assert_int_equal(mapped(), 0);
	}
	assert_int_equal(said("window"), 0);
}

/* A buffer that begins or ends outside, or is nowhere: one line with the address, and a reset brings the device back. */
static void test_buffer_outside(void **state)
{
	static const struct {
		uint64_t addr;
		const char *text;
	} at[] = {
		{ GPA + RAM, "32 bytes at 0x40100000" },
		{ GPA + RAM - 31, "32 bytes at 0x400fffe1" },
		{ GPA - 32, "32 bytes at 0x3fffffe0" },
		{ 0, "32 bytes at 0x0" },
		{ UINT64_MAX - 127, "32 bytes at 0xffffffffffffff80" },
	};

	(void)state;
	fe_session(&fe, &rig, FEATURES, PROTO);
	for (unsigned k = 0; k < sizeof(at) / sizeof(at[0]); k++) {
		unsigned before = said(at[k].text);

		fe_echo(&fe, 0);
		fe_add(&fe, 0, at[k].addr, fe.ram + 0x9000);
		wait_reset();
		assert_int_equal(said(at[k].text), before + 1);
		assert_memory_equal(fe.ram + 0x9000 + 64, (uint8_t[32]){ 0 }, 32);
		fe_do(&fe, VHU_SET_STATUS, &(uint64_t){ 0 }, 8, -1);
		for (unsigned i = 0; i < VQS; i++) {
			fe_ring(&fe, i);
		}
		fe_echo(&fe, 1);
	}
	assert_int_equal(said("not inside the window of 0x100000 bytes at 0x40000000"), 5);
	fe_leave(&fe, &rig);
}

/* The front-end translates what the guest wrote; what it does not share is no reason to lose the connection. */
static void test_ring_outside(void **state)
{
	struct vhu_wire_ring w = { 0, SIZE };
	struct vhu_wire_addr a;

	(void)state;
	fe_connect(&fe, rig.path);
	fe_negotiate(&fe, FEATURES, PROTO);
	fe_memory(&fe);
	a = fe_ring_addr(&fe, 0, UVA);
	a.used = UVA + (64ull << 20);
	fe_send(&fe, VHU_SET_VRING_NUM, 0, &w, sizeof(w), NULL, 0);
	fe_do(&fe, VHU_SET_VRING_ADDR, &a, sizeof(a), -1);
	fe_ring_fds(&fe, 0);
	fe_enable(&fe, 0, 1);
	fe_kick(&fe, 0);
	wait_reset();
	assert_int_equal(said("ring 0 cannot start: it is not inside the window"), 1);
	assert_int_equal(said("iommu_platform=on"), 1);
	fe_do(&fe, VHU_SET_STATUS, &(uint64_t){ 0 }, 8, -1);
	for (unsigned i = 0; i < VQS; i++) {
		fe_ring(&fe, i);
	}
	fe_echo(&fe, 0);
	fe_leave(&fe, &rig);
}

/* A ring that begins inside and ends outside. */
static void test_ring_across(void **state)
{
	struct vhu_wire_ring w = { 0, SIZE };
	struct vhu_wire_addr a;

	(void)state;
	fe_connect(&fe, rig.path);
	fe_negotiate(&fe, FEATURES, PROTO);
	fe_memory(&fe);
	a = fe_ring_addr(&fe, 0, UVA);
	a.used = UVA + RAM - 16;
	fe_send(&fe, VHU_SET_VRING_NUM, 0, &w, sizeof(w), NULL, 0);
	fe_do(&fe, VHU_SET_VRING_ADDR, &a, sizeof(a), -1);
	fe_ring_fds(&fe, 0);
	fe_enable(&fe, 0, 1);
	fe_kick(&fe, 0);
	wait_reset();
	assert_int_equal(said("ring 0 cannot start: it leaves the guest's memory"), 1);
	fe_leave(&fe, &rig);
}

/* returns: the acknowledgement of a table of n regions over one file */
static int64_t table(unsigned n)
{
	struct vhu_wire_table t = { .n = n };
	int fd[8];

	for (unsigned i = 0; i < n; i++) {
		t.r[i] = fe_region(0).r;
		t.r[i].gpa += i * RAM;
		t.r[i].uva += i * RAM;
		fd[i] = fe.memfd;
	}
	return fe_ask(&fe, VHU_SET_MEM_TABLE, &t, 8 + 32 * n, fd, n);
}

static void open_file(void)
{
	fe.memfd = memfd_create("guest", MFD_CLOEXEC);
	assert_int_equal(ftruncate(fe.memfd, RAM), 0);
}

static void test_too_many(void **state)
{
	struct vhu_wire_slot s = fe_region(RAM);

	(void)state;
	fe_connect(&fe, rig.path);
	fe_negotiate(&fe, FEATURES, PROTO);
	open_file();
	assert_int_equal(table(2), 1);
	assert_int_equal(mapped(), 0);
	assert_int_equal(said("the window is one region, but the front-end shares 2"), 1);
	assert_int_equal(table(8), 1);
	assert_int_equal(mapped(), 0);
	assert_int_equal(table(1), 0);
	assert_int_equal(fe_ask(&fe, VHU_ADD_MEM_REG, &s, sizeof(s), &fe.memfd, 1), 1);
	assert_int_equal(mapped(), 1);
	assert_int_equal(said("the front-end shares 2"), 2);
	s = fe_region(0);
	fe_do(&fe, VHU_REM_MEM_REG, &s, sizeof(s), -1);
	fe_do(&fe, VHU_ADD_MEM_REG, &s, sizeof(s), fe.memfd);
	assert_int_equal(mapped(), 1);
	fe_leave(&fe, &rig);
}

static void test_too_large(void **state)
{
	struct vhu_wire_slot s = fe_region(0);

	(void)state;
	fe_connect(&fe, rig.path);
	fe_negotiate(&fe, FEATURES, PROTO);
	open_file();
	assert_int_equal(table(1), 1);
	assert_int_equal(fe_ask(&fe, VHU_ADD_MEM_REG, &s, sizeof(s), &fe.memfd, 1), 1);
	assert_int_equal(mapped(), 0);
	assert_int_equal(
		said("shares 0x100000 bytes at guest address 0x40000000, but the window has "
		     "at most 0xfffff"),
		2);
	fe_leave(&fe, &rig);
}

static void test_iommu(void **state)
{
	uint64_t f = FEATURES | VIO_F_ACCESS_PLATFORM;

	(void)state;
	fe_connect(&fe, rig.path);
	fe_negotiate(&fe, FEATURES, PROTO);
	assert_int_equal(fe_ask(&fe, VHU_SET_FEATURES, &f, sizeof(f), NULL, 0), 1);
	assert_int_equal(said("a window is not translated"), 1);
	fe_leave(&fe, &rig);
}

/* The window comes again under traffic, as when QEMU's other memory changes; and leaves. */
static void test_again(void **state)
{
	struct vhu_wire_slot s = fe_region(0);

	(void)state;
	fe_session(&fe, &rig, FEATURES, PROTO);
	for (unsigned n = 0; n < 20; n++) {
		fe_echo(&fe, n % VQS);
		assert_int_equal(table(1), 0);
	}
	fe_do(&fe, VHU_REM_MEM_REG, &s, sizeof(s), -1);
	assert_int_equal(mapped(), 0);
	fe_add(&fe, 0, GPA + 0x9000, fe.ram + 0x9000);
	wait_reset();
	fe_leave(&fe, &rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_works, bounded, down),
		cmocka_unit_test_setup_teardown(test_buffer_outside, bounded, down),
		cmocka_unit_test_setup_teardown(test_ring_outside, bounded, down),
		cmocka_unit_test_setup_teardown(test_ring_across, any_size, down),
		cmocka_unit_test_setup_teardown(test_too_many, any_size, down),
		cmocka_unit_test_setup_teardown(test_too_large, small, down),
		cmocka_unit_test_setup_teardown(test_iommu, any_size, down),
		cmocka_unit_test_setup_teardown(test_again, any_size, down),
	};

	log_init(LOG_INFO);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
