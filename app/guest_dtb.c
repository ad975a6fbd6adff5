/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * guest_dtb.c - `stratos guest-dtb`: a device tree with which a guest keeps its virtio memory inside one window
 *
 * Theory of operation. QEMU shares memory by NUMA node, and writes a device tree that names each node's range. The
 * range of the window gets a /reserved-memory node that Linux takes as pool for the DMA of devices which point there
 * (CONFIG_DMA_RESTRICTED_POOL): all virtio-mmio devices, and all PCI host bridges for the devices behind them. Nothing
 * else of the tree changes. Offsets of libfdt move with each edit, so every step looks its node up anew.
 *
 * source: Devicetree Specification 0.4, chapter 3.5; Linux, bindings/reserved-memory/shared-dma-pool.yaml
 */
#include "app/guest_dtb.h"
#include "app/command.h"
#include "app/daemon.h"
#include "app/spec.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if HAVE_LIBFDT
#include <libfdt.h>

#define DTB_MAX	    (16u << 20) /* bytes; QEMU's are 1 MiB */
#define POOL	    "restricted-dma-pool"
#define MMIO	    "virtio,mmio"
#define PCI	    "pci-host-ecam-generic"
#define WINDOW_GRAN 4096u

static int fail(char err[256], const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static int fail(char err[256], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(err, 256, fmt, ap);
	va_end(ap);
	return -1;
}

size_t guest_dtb_room(size_t size)
{
	return size + (size / 2u) + 65536u;
}

static uint64_t cells(const fdt32_t *p, int n)
{
	uint64_t v = 0;

	for (int i = 0; i < n; i++) {
		v = (v << 32) | fdt32_to_cpu(p[i]);
	}
	return v;
}

/* Ranges of one memory node. */
static int read_memory(const void *fdt, int node, struct guest_dtb *g, char err[256])
{
	int na = fdt_address_cells(fdt, 0), ns = fdt_size_cells(fdt, 0), len = 0, nlen = 0;
	const fdt32_t *reg = fdt_getprop(fdt, node, "reg", &len);
	const fdt32_t *numa = fdt_getprop(fdt, node, "numa-node-id", &nlen);

	if (na < 1 || na > 2 || ns < 1 || ns > 2) {
		return fail(err, "addresses of %d and sizes of %d words", na, ns);
	}
	for (int at = 0; reg && at + na + ns <= len / 4; at += na + ns) {
		struct guest_dtb_range *r = &g->mem[g->nmem];

		if (g->nmem == GUEST_DTB_RANGES) {
			return fail(err, "more than %u ranges of memory", GUEST_DTB_RANGES);
		}
		r->base = cells(reg + at, na);
		r->len = cells(reg + at + na, ns);
		r->node = (numa && nlen == 4) ? fdt32_to_cpu(*numa) : 0u;
		g->nmem++;
	}
	return 0;
}

static int by_node(const void *a, const void *b)
{
	const struct guest_dtb_range *x = a, *y = b;

	if (x->node != y->node) {
		return x->node < y->node ? -1 : 1;
	}
	return (x->base > y->base) - (x->base < y->base);
}

static int read_memories(const void *fdt, struct guest_dtb *g, char err[256])
{
	int node;

	g->nmem = 0;
	fdt_for_each_subnode(node, fdt, 0)
	{
		const char *type = fdt_getprop(fdt, node, "device_type", NULL);

		if (type && strcmp(type, "memory") == 0 && read_memory(fdt, node, g, err)) {
			return -1;
		}
	}
	qsort(g->mem, g->nmem, sizeof(g->mem[0]), by_node);
	return g->nmem ? 0 : fail(err, "the tree has no memory");
}

/* The window that was asked for, or the memory of the highest NUMA node. */
static int choose(struct guest_dtb *g, char err[256])
{
	const struct guest_dtb_range *top = &g->mem[g->nmem - 1u];

	if (g->len == 0) {
		if (g->nmem < 2 || top[-1].node == top->node) {
			return fail(err, "the memory is not split into a private and a shared NUMA "
					 "node: give --address and --size, or see --help");
		}
		g->base = top->base;
		g->len = top->len;
	}
	if (g->base % WINDOW_GRAN || g->len % WINDOW_GRAN) {
		return fail(err, "address 0x%llx and size 0x%llx are not multiples of %u",
			    (unsigned long long)g->base, (unsigned long long)g->len, WINDOW_GRAN);
	}
	for (unsigned i = 0; i < g->nmem; i++) {
		const struct guest_dtb_range *r = &g->mem[i];

		if (g->base >= r->base && g->base - r->base < r->len &&
		    g->len <= r->len - (g->base - r->base)) {
			return 0;
		}
	}
	return fail(err, "0x%llx bytes at 0x%llx are not inside one range of the guest's memory",
		    (unsigned long long)g->len, (unsigned long long)g->base);
}

static int fdt_fail(char err[256], const char *what, int rc)
{
	return fail(err, "%s: %s", what, fdt_strerror(rc));
}

static int set_range(void *fdt, int parent, int node, const struct guest_dtb *g)
{
	return fdt_appendprop_addrrange(fdt, parent, node, "reg", g->base, g->len);
}

static int reserved_node(void *fdt, char err[256])
{
	int node = fdt_path_offset(fdt, "/reserved-memory"), rc;

	if (node >= 0) {
		return node;
	}
	node = fdt_add_subnode(fdt, 0, "reserved-memory");
	rc = node < 0 ? node
		      : fdt_setprop_u32(fdt, node, "#address-cells",
					(uint32_t)fdt_address_cells(fdt, 0));
	rc = rc < 0 ? rc
		    : fdt_setprop_u32(fdt, node, "#size-cells", (uint32_t)fdt_size_cells(fdt, 0));
	rc = rc < 0 ? rc : fdt_setprop_empty(fdt, node, "ranges");
	return rc < 0 ? fdt_fail(err, "/reserved-memory", rc) : node;
}

static int add_pool(void *fdt, const struct guest_dtb *g, uint32_t *phandle, char err[256])
{
	int parent = reserved_node(fdt, err), node, rc;
	char name[40];

	if (parent < 0) {
		return -1;
	}
	if (fdt_node_offset_by_compatible(fdt, -1, POOL) >= 0) {
		return fail(err,
			    "the tree has a " POOL " already: begin with the tree that QEMU wrote");
	}
	(void)snprintf(name, sizeof(name), "window@%llx", (unsigned long long)g->base);
	node = fdt_add_subnode(fdt, parent, name);
	rc = node < 0 ? node : fdt_generate_phandle(fdt, phandle);
	rc = rc < 0 ? rc : fdt_setprop(fdt, node, "compatible", POOL, sizeof(POOL));
	rc = rc < 0 ? rc : set_range(fdt, parent, node, g);
	rc = rc < 0 ? rc : fdt_setprop_u32(fdt, node, "phandle", *phandle);
	return rc < 0 ? fdt_fail(err, name, rc) : 0;
}

/* Point each node of this kind to the pool. returns: how many | -1 */
static int point(void *fdt, const char *compatible, uint32_t phandle, char err[256])
{
	int n = 0, rc = 0;

	for (int node = -1;;) {
		node = fdt_node_offset_by_compatible(fdt, node, compatible);
		if (node == -FDT_ERR_NOTFOUND) {
			return n;
		}
		rc = node;
		if (rc >= 0 && fdt_getprop(fdt, node, "memory-region", NULL)) {
			return fail(err, "%s has a memory-region already",
				    fdt_get_name(fdt, node, NULL));
		}
		rc = rc < 0 ? rc : fdt_setprop_u32(fdt, node, "memory-region", phandle);
		if (rc < 0) {
			return fdt_fail(err, compatible, rc);
		}
		n++;
	}
}

int guest_dtb_edit(void *fdt, struct guest_dtb *g, char err[256])
{
	uint32_t phandle = 0;
	int mmio, pci;

	if (read_memories(fdt, g, err) || choose(g, err) || add_pool(fdt, g, &phandle, err)) {
		return -1;
	}
	mmio = point(fdt, MMIO, phandle, err);
	pci = mmio < 0 ? -1 : point(fdt, PCI, phandle, err);
	if (pci < 0) {
		return -1;
	}
	g->mmio = (unsigned)mmio;
	g->pci = (unsigned)pci;
	return (mmio + pci) ? 0 : fail(err, "the tree has no '" MMIO "' and no '" PCI "' node");
}

/*
 * Version 17 is of 2007. Before 16 a node's name was its whole path, and fdt_check_full (1.6.1) follows a null pointer where it
 * is none.
 */
bool guest_dtb_sound(const void *raw, size_t size)
{
	return size >= sizeof(struct fdt_header) && fdt_check_header(raw) == 0 &&
	       fdt_version(raw) >= 17 && fdt_check_full(raw, size) == 0;
}

/* ---- the command ---- */

struct job {
	const char *in, *out;
	struct guest_dtb g;
};

/* returns: the tree, opened with room; NULL and err */
static void *load(const char *path, char err[256])
{
	FILE *f = fopen(path, "rb");
	uint8_t *raw = malloc(DTB_MAX);
	size_t n = (f && raw) ? fread(raw, 1, DTB_MAX, f) : 0u;
	void *fdt = NULL;

	if (!f || !raw || ferror(f)) {
		(void)fail(err, "%s: %s", path, strerror(errno));
	} else if (!guest_dtb_sound(raw, n)) {
		(void)fail(err, "%s: not a device tree blob of version 17, or cut off", path);
	} else {
		size_t room = guest_dtb_room(fdt_totalsize(raw));
		int rc;

		fdt = malloc(room);
		rc = fdt ? fdt_open_into(raw, fdt, (int)room) : -FDT_ERR_NOSPACE;
		if (rc != 0) {
			(void)fail(err, "%s: %s", path, fdt_strerror(rc));
			free(fdt);
			fdt = NULL;
		}
	}
	if (f) {
		(void)fclose(f);
	}
	free(raw);
	return fdt;
}

static int store(const char *path, void *fdt, char err[256])
{
	FILE *f;
	size_t n;
	int rc = fdt_pack(fdt);

	if (rc != 0) {
		return fdt_fail(err, path, rc);
	}
	f = fopen(path, "wb");
	n = f ? fwrite(fdt, 1, fdt_totalsize(fdt), f) : 0u;
	if (!f || (fclose(f) != 0) || n != fdt_totalsize(fdt)) {
		return fail(err, "%s: %s", path, strerror(errno));
	}
	return 0;
}

static void say_qemu(const struct job *j)
{
	const struct guest_dtb *g = &j->g;

	printf("window: 0x%llx bytes at 0x%llx; %u virtio-mmio nodes and %u PCI host bridges keep "
	       "to "
	       "it\n",
	       (unsigned long long)g->len, (unsigned long long)g->base, g->mmio, g->pci);
	printf("QEMU: the options that the tree came from, with -dtb %s instead of dumpdtb=,\n"
	       "iommu_platform=on for every device, -global virtio-mmio.force-legacy=false, and "
	       "this "
	       "memory:\n",
	       j->out);
	for (unsigned i = 0; i < g->nmem; i++) {
		const struct guest_dtb_range *r = &g->mem[i];
		bool window = r->base <= g->base && g->base - r->base < r->len;

		printf("  -object memory-backend-%s,id=m%u,size=%llu%s -numa "
		       "node,nodeid=%u,memdev=m%u%s\n",
		       window ? "memfd" : "ram", r->node, (unsigned long long)r->len,
		       window ? ",share=on" : "", r->node, r->node, i == 0 ? ",cpus=0" : "");
		if (window && r->len != g->len) {
			printf("note: that memory is larger than the window: a back-end sees all "
			       "of "
			       "it\n");
		}
	}
}

static void help(void)
{
	printf("usage: stratos guest-dtb [--address=N --size=N] INPUT OUTPUT\n\n"
	       "Write a device tree with which a Linux guest keeps all virtio memory inside one "
	       "window.\n\n"
	       "INPUT is what QEMU writes with -machine virt,dumpdtb=INPUT, given all its other "
	       "options. The guest's\nmemory is two NUMA nodes, the second of which is the window "
	       "and the only one that is shared:\n"
	       "  -m 512M -object memory-backend-ram,id=m0,size=480M -numa "
	       "node,nodeid=0,memdev=m0,cpus=0\n"
	       "  -object memory-backend-memfd,id=m1,size=32M,share=on -numa "
	       "node,nodeid=1,memdev=m1\n\n"
	       "Options:\n"
	       "  --address=N, --size=N            the window; default: the memory of the highest "
	       "NUMA "
	       "node\n"
	       "  --help                           print this and exit\n\n"
	       "The guest's kernel needs CONFIG_DMA_RESTRICTED_POOL. See stratos-guest-dtb(1) and "
	       "docs/window.md.\n");
}

static int number(const char *name, const char *value, uint64_t *n, char err[256])
{
	char *end = NULL;

	errno = 0;
	if (value && strncmp(value, "0x", 2) == 0) {
		*n = strtoull(value, &end, 16);
	}
	if (!value || (end && (*end || errno)) || (!end && !host_size(value, n))) {
		return fail(err, "--%s is a number, as 0x5e000000 or 32M, not '%s'", name,
			    value ? value : "");
	}
	return 0;
}

/* returns: -1 go on | an exit code */
static int parse(struct job *j, int argc, char **argv, char err[256])
{
	const char *address = NULL;

	for (int i = 1; i < argc;) {
		const char *value;
		char name[64];

		if (strncmp(argv[i], "-", 1) != 0) {
			const char **to = !j->in ? &j->in : &j->out;

			if (j->out) {
				(void)fail(err, "'%s' is one file too many", argv[i]);
				return EXIT_USAGE;
			}
			*to = argv[i++];
		} else if (!command_option(argc, argv, &i, name, &value)) {
			(void)fail(err, "'%s' is not an option", argv[i]);
			return EXIT_USAGE;
		} else if (strcmp(name, "help") == 0) {
			help();
			return EXIT_OK;
		} else if (strcmp(name, "address") == 0 || strcmp(name, "size") == 0) {
			uint64_t *n = *name == 'a' ? &j->g.base : &j->g.len;

			if (number(name, value, n, err)) {
				return EXIT_USAGE;
			}
			address = *name == 'a' ? value : address;
		} else {
			(void)fail(err, "there is no option '--%s'", name);
			return EXIT_USAGE;
		}
	}
	if (!j->out || (address != NULL) != (j->g.len != 0)) {
		(void)fail(err, !j->out ? "INPUT and OUTPUT are needed"
					: "--address and --size go together");
		return EXIT_USAGE;
	}
	return -1;
}

int cmd_guest_dtb(int argc, char **argv)
{
	struct job j = { .in = NULL };
	char err[256] = "";
	int code = parse(&j, argc, argv, err);

	if (code < 0) {
		void *fdt = load(j.in, err);

		code = fdt && guest_dtb_edit(fdt, &j.g, err) == 0 && store(j.out, fdt, err) == 0
			       ? EXIT_OK
			       : EXIT_RUN;
		free(fdt);
		if (code == EXIT_OK) {
			say_qemu(&j);
		}
	}
	if (err[0]) {
		fprintf(stderr, "stratos guest-dtb: %s\n%s", err,
			code == EXIT_USAGE ? "Try `stratos guest-dtb --help`.\n" : "");
	}
	return code;
}

#else

int cmd_guest_dtb(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	fprintf(stderr, "stratos guest-dtb: this program was built without libfdt (Debian: install "
			"libfdt-dev and build again)\n");
	return EXIT_RUN;
}

#endif
