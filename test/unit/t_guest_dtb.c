/* SPDX-License-Identifier: BSD-3-Clause */
/* t_guest_dtb.c - `stratos guest-dtb`: what is added to a device tree, and what is refused */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <libfdt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "app/guest_dtb.h"

#define MIB (1ull << 20)

static uint8_t tree[262144];
static char err[256];

struct shape {
	unsigned numa, mmio, pci; /* nodes of memory, 480 MiB and then 32 MiB each; devices */
	int small_cells;	  /* addresses of one word */
};

static void set_string(int n, const char *name, const char *value)
{
	assert_int_equal(fdt_setprop(tree, n, name, value, (int)strlen(value) + 1), 0);
}

static void node(const char *name, const char *compatible)
{
	int n = fdt_add_subnode(tree, 0, name);

	assert_true(n >= 0);
	set_string(n, "compatible", compatible);
	assert_int_equal(fdt_setprop_empty(tree, n, "dma-coherent"), 0);
}

static void make(const struct shape *s)
{
	uint64_t at = 0x40000000;
	char name[32];

	assert_int_equal(fdt_create_empty_tree(tree, sizeof(tree)), 0);
	assert_int_equal(fdt_setprop_u32(tree, 0, "#address-cells", s->small_cells ? 1 : 2), 0);
	assert_int_equal(fdt_setprop_u32(tree, 0, "#size-cells", s->small_cells ? 1 : 2), 0);
	for (unsigned i = 0; i < s->numa; i++) {
		uint64_t len = i ? 32 * MIB : 480 * MIB;
		int n;

		snprintf(name, sizeof(name), "memory@%llx", (unsigned long long)at);
		n = fdt_add_subnode(tree, 0, name);
		set_string(n, "device_type", "memory");
		assert_int_equal(fdt_setprop_u32(tree, n, "numa-node-id", i), 0);
		assert_int_equal(fdt_appendprop_addrrange(tree, 0, n, "reg", at, len), 0);
		at += len;
	}
	for (unsigned i = 0; i < s->mmio; i++) {
		snprintf(name, sizeof(name), "virtio_mmio@a00%u00", i);
		node(name, "virtio,mmio");
	}
	for (unsigned i = 0; i < s->pci; i++) {
		snprintf(name, sizeof(name), "pcie@%u0000000", i + 1);
		node(name, "pci-host-ecam-generic");
	}
	node("pl031@9010000", "arm,pl031");
}

/* Every node of a kind points to the pool, and no other node does. */
static unsigned pointing(const char *compatible)
{
	int pool = fdt_node_offset_by_compatible(tree, -1, "restricted-dma-pool"), len;
	unsigned n = 0;

	for (int at = -1; (at = fdt_node_offset_by_compatible(tree, at, compatible)) >= 0;) {
		const fdt32_t *p = fdt_getprop(tree, at, "memory-region", &len);

		if (p) {
			assert_int_equal(len, 4);
			assert_int_equal(fdt32_to_cpu(*p), fdt_get_phandle(tree, pool));
			n++;
		}
	}
	return n;
}

static void test_edit(void **state)
{
	static const struct {
		struct shape s;
		uint64_t base, len, want_base, want_len;
	} t[] = {
		{ { 2, 32, 1, 0 }, 0, 0, 0x5e000000, 32 * MIB }, /* QEMU's, 512 MiB */
		{ { 3, 1, 0, 0 }, 0, 0, 0x60000000, 32 * MIB },
		{ { 1, 2, 1, 0 }, 0x50000000, 16 * MIB, 0x50000000, 16 * MIB },
		{ { 2, 0, 2, 0 }, 0x5e000000, 4096, 0x5e000000, 4096 },
		{ { 2, 1, 1, 1 }, 0, 0, 0x5e000000, 32 * MIB },
	};

	(void)state;
	for (unsigned k = 0; k < sizeof(t) / sizeof(t[0]); k++) {
		struct guest_dtb g = { .base = t[k].base, .len = t[k].len };
		int node, cells = t[k].s.small_cells ? 1 : 2, len;
		const fdt32_t *reg;
		fdt32_t want[4];

		make(&t[k].s);
		assert_int_equal(guest_dtb_edit(tree, &g, err), 0);
		assert_int_equal(g.base, t[k].want_base);
		assert_int_equal(g.len, t[k].want_len);
		assert_int_equal(g.mmio, t[k].s.mmio);
		assert_int_equal(g.pci, t[k].s.pci);
		assert_int_equal(pointing("virtio,mmio"), t[k].s.mmio);
		assert_int_equal(pointing("pci-host-ecam-generic"), t[k].s.pci);
		assert_int_equal(pointing("arm,pl031"), 0);
		node = fdt_path_offset(tree, "/reserved-memory");
		assert_int_equal(fdt_address_cells(tree, node), cells);
		assert_non_null(fdt_getprop(tree, node, "ranges", NULL));
		node = fdt_node_offset_by_compatible(tree, -1, "restricted-dma-pool");
		assert_int_equal(fdt_parent_offset(tree, node),
				 fdt_path_offset(tree, "/reserved-memory"));
		reg = fdt_getprop(tree, node, "reg", &len);
		want[0] = cpu_to_fdt32(cells == 1 ? (uint32_t)t[k].want_base : 0);
		want[1] = cpu_to_fdt32((uint32_t)(cells == 1 ? t[k].want_len : t[k].want_base));
		want[2] = 0;
		want[3] = cpu_to_fdt32((uint32_t)t[k].want_len);
		assert_int_equal(len, cells * 8);
		assert_memory_equal(reg, want, (size_t)len);
		assert_null(fdt_getprop(tree, node, "no-map", NULL));
	}
}

static void test_refused(void **state)
{
	static const struct {
		struct shape s;
		uint64_t base, len;
		const char *text;
	} t[] = {
		{ { 0, 1, 0, 0 }, 0, 0, "no memory" },
		{ { 1, 1, 0, 0 }, 0, 0, "not split" },
		{ { 2, 0, 0, 0 }, 0, 0, "no 'virtio,mmio'" },
		{ { 2, 1, 0, 0 }, 0x5d000000, 32 * MIB, "not inside one range" },
		{ { 2, 1, 0, 0 }, 0x5f000000, 32 * MIB, "not inside one range" },
		{ { 2, 1, 0, 0 }, 0x20000000, 4096, "not inside one range" },
		{ { 2, 1, 0, 0 }, 0x5e000000, UINT64_MAX & ~4095ull, "not inside one range" },
		{ { 2, 1, 0, 0 }, 0x5e000100, 4096, "not multiples of 4096" },
		{ { 2, 1, 0, 0 }, 0x5e000000, 100, "not multiples of 4096" },
	};

	(void)state;
	for (unsigned k = 0; k < sizeof(t) / sizeof(t[0]); k++) {
		struct guest_dtb g = { .base = t[k].base, .len = t[k].len };

		make(&t[k].s);
		assert_int_equal(guest_dtb_edit(tree, &g, err), -1);
		if (!strstr(err, t[k].text)) {
			fail_msg("'%s' is not in '%s'", t[k].text, err);
		}
	}
}

static void test_twice(void **state)
{
	struct guest_dtb g = { .len = 0 };

	(void)state;
	make(&(struct shape){ 2, 1, 1, 0 });
	assert_int_equal(guest_dtb_edit(tree, &g, err), 0);
	assert_int_equal(guest_dtb_edit(tree, &g, err), -1);
	assert_non_null(strstr(err, "already"));
}

/* A tree in which there is no room. */
static void test_full(void **state)
{
	struct guest_dtb g = { .len = 0 };

	(void)state;
	make(&(struct shape){ 2, 9, 1, 0 });
	assert_int_equal(fdt_pack(tree), 0);
	assert_int_equal(guest_dtb_edit(tree, &g, err), -1);
	assert_non_null(strstr(err, "NOSPACE"));
}

static int command(const char *args, char *out, size_t max)
{
	char line[512];
	FILE *p;
	size_t n;

	snprintf(line, sizeof(line), "'%s' guest-dtb %s 2>&1", getenv("STRATOS"), args);
	p = popen(line, "r");
	n = fread(out, 1, max - 1, p);
	out[n] = '\0';
	return WEXITSTATUS(pclose(p));
}

/* What is no tree, and what libfdt itself would stumble over. */
static void test_sound(void **state)
{
	size_t n;

	(void)state;
	make(&(struct shape){ 2, 32, 1, 0 });
	n = fdt_totalsize(tree);
	assert_true(guest_dtb_sound(tree, n));
	assert_false(guest_dtb_sound(tree, n - 1u));
	assert_false(guest_dtb_sound(tree, 4));
	fdt_set_last_comp_version(tree, 2);
	fdt_set_version(tree, 15);
	assert_false(guest_dtb_sound(tree, n));
	fdt_set_version(tree, 17);
	assert_true(guest_dtb_sound(tree, n));
	fdt_set_magic(tree, 0);
	assert_false(guest_dtb_sound(tree, n));
}

static void test_command(void **state)
{
	char dir[] = "/tmp/t_guest_dtb.XXXXXX", args[256], out[4096];
	FILE *f;
	size_t n;

	(void)state;
	assert_non_null(mkdtemp(dir));
	make(&(struct shape){ 2, 32, 1, 0 });
	snprintf(args, sizeof(args), "%s/in", dir);
	f = fopen(args, "wb");
	fwrite(tree, 1, sizeof(tree), f); /* longer than its content, as QEMU's is */
	fclose(f);
	snprintf(args, sizeof(args), "%s/in %s/out", dir, dir);
	assert_int_equal(command(args, out, sizeof(out)), 0);
	assert_non_null(strstr(out, "32 virtio-mmio nodes and 1 PCI host bridges"));
	assert_non_null(strstr(out, "memory-backend-ram,id=m0,size=503316480 -numa "
				    "node,nodeid=0,memdev=m0,cpus=0\n"));
	assert_non_null(strstr(out, "memory-backend-memfd,id=m1,size=33554432,share=on -numa "
				    "node,nodeid=1,memdev=m1\n"));
	snprintf(args, sizeof(args), "%s/out", dir);
	f = fopen(args, "rb");
	n = fread(tree, 1, sizeof(tree), f);
	fclose(f);
	assert_int_equal(fdt_check_full(tree, n), 0);
	assert_int_equal(pointing("virtio,mmio"), 32);

	snprintf(args, sizeof(args), "--address=0x50000000 --size=16M %s/in %s/out", dir, dir);
	assert_int_equal(command(args, out, sizeof(out)), 0);
	assert_non_null(strstr(out, "a back-end sees all of it"));
	snprintf(args, sizeof(args), "%s/out %s/again", dir, dir);
	assert_int_equal(command(args, out, sizeof(out)), 1);
	snprintf(args, sizeof(args), "%s/again", dir);
	assert_int_equal(access(args, F_OK), -1);
	assert_int_equal(command("/bin/sh /dev/null", out, sizeof(out)), 1);
	assert_non_null(strstr(out, "not a device tree blob"));
	assert_int_equal(command("/nowhere /dev/null", out, sizeof(out)), 1);
	assert_non_null(strstr(out, "/nowhere: No such file"));
	assert_int_equal(command("one", out, sizeof(out)), 2);
	assert_int_equal(command("--address=4K a b", out, sizeof(out)), 2);
	assert_int_equal(command("--size=four a b", out, sizeof(out)), 2);
	assert_int_equal(command("--sise=4K a b", out, sizeof(out)), 2);
	assert_int_equal(command("--help", out, sizeof(out)), 0);
	snprintf(args, sizeof(args), "rm -r %s", dir);
	assert_int_equal(system(args), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_edit),  cmocka_unit_test(test_refused),
		cmocka_unit_test(test_twice), cmocka_unit_test(test_full),
		cmocka_unit_test(test_sound), cmocka_unit_test(test_command),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
