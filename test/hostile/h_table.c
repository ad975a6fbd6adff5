/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * h_table.c - hostile rings as a table, each over every memory kind
 *
 * After each: the guilty device is in NEEDS_RESET (or serves what is legal), a neighbour on the same memory kind
 * still works, nothing is held after reset, and the device serves a correct ring again.
 */
#include <sys/mman.h>
#include "pit.h"
#if TEST_XEN
#include "port/xen/mem.h"
#include "test/xenmodel/model.h"
#endif

#define D    PIT_BASE + PIT_DATA
#define T    PIT_BASE + PIT_TABLE
#define NEXT 1u
#define WR   2u
#define IND  4u
#define AV   0x80u /* packed: available in the first lap */

struct row {
	const char *name;
	bool packed;
	bool indirect; /* INDIRECT_DESC negotiated */
	int served;    /* -1: NEEDS_RESET, nothing served; n: served, device healthy */
	/* up to 8 descriptors of the ring, then up to 8 of an indirect table at T */
	struct {
		uint64_t addr;
		uint32_t len;
		uint16_t c, d;
	} ring[8], table[8];
	uint16_t idx, heads[4]; /* split: driver's index and ring */
	uint16_t
		then; /* split: driver's index after the first turn, while all requests are owned */
};

/* clang-format off */
static const struct row rows[] = {
	{ "split: one readable", false, false, 1, { { D, 64, 0, 0 } }, { { 0 } }, 1, { 0 }, 0 },
	{ "split: chain of three", false, false, 1, { { D, 16, NEXT, 1 }, { D + 64, 128, NEXT | WR, 2 }, { D + 256, 1, WR, 0 } }, { { 0 } }, 1, { 0 }, 0 },
	{ "split: index jump", false, false, -1, { { D, 64, 0, 0 } }, { { 0 } }, PIT_SIZE + 1, { 0 }, 0 },
	{ "split: index jump by 65535", false, false, -1, { { D, 64, 0, 0 } }, { { 0 } }, 65535, { 0 }, 0 },
	{ "split: head is size", false, false, -1, { { D, 64, 0, 0 } }, { { 0 } }, 1, { PIT_SIZE }, 0 },
	{ "split: head is 65535", false, false, -1, { { D, 64, 0, 0 } }, { { 0 } }, 1, { 65535 }, 0 },
	{ "split: next is size", false, false, -1, { { D, 64, NEXT, PIT_SIZE } }, { { 0 } }, 1, { 0 }, 0 },
	{ "split: chain points to itself", false, false, -1, { { D, 64, NEXT, 0 } }, { { 0 } }, 1, { 0 }, 0 },
	{ "split: loop of two", false, false, -1, { { D, 64, NEXT, 1 }, { D, 64, NEXT, 0 } }, { { 0 } }, 1, { 0 }, 0 },
	{ "split: more segments than the pool has", false, true, -1, { { T, 7 * 16, IND, 0 } }, { { D, 1, NEXT, 1 }, { D, 1, NEXT, 2 }, { D, 1, NEXT, 3 }, { D, 1, NEXT, 4 }, { D, 1, NEXT, 5 }, { D, 1, NEXT, 6 }, { D, 1, 0, 0 } }, 1, { 0 }, 0 },
	{ "split: readable after writable", false, false, -1, { { D, 64, NEXT | WR, 1 }, { D, 64, 0, 0 } }, { { 0 } }, 1, { 0 }, 0 },
	{ "split: length 0", false, false, -1, { { D, 0, 0, 0 } }, { { 0 } }, 1, { 0 }, 0 },
	{ "split: length 0 at the end", false, false, -1, { { D, 4, NEXT, 1 }, { D, 0, WR, 0 } }, { { 0 } }, 1, { 0 }, 0 },
	{ "split: address below memory", false, false, -1, { { PIT_BASE - 1, 2, 0, 0 } }, { { 0 } }, 1, { 0 }, 0 },
	{ "split: end behind memory", false, false, -1, { { PIT_BASE + PIT_RAM - 1, 2, WR, 0 } }, { { 0 } }, 1, { 0 }, 0 },
	{ "split: address 0", false, false, -1, { { 0, 64, 0, 0 } }, { { 0 } }, 1, { 0 }, 0 },
	{ "split: address and length wrap", false, false, -1, { { UINT64_MAX - 3, 64, 0, 0 } }, { { 0 } }, 1, { 0 }, 0 },
	{ "split: length 4 GiB - 1", false, false, -1, { { D, UINT32_MAX, 0, 0 } }, { { 0 } }, 1, { 0 }, 0 },
	{ "split: sum of lengths wraps", false, false, -1, { { D, UINT32_MAX, NEXT, 1 }, { D, 64, 0, 0 } }, { { 0 } }, 1, { 0 }, 0 },
	{ "split: indirect, not negotiated", false, false, -1, { { T, 16, IND, 0 } }, { { D, 8, 0, 0 } }, 1, { 0 }, 0 },
	{ "split: indirect", false, true, 1, { { T, 32, IND, 0 } }, { { D, 8, NEXT, 1 }, { D + 8, 8, WR, 0 } }, 1, { 0 }, 0 },
	{ "split: indirect and next", false, true, -1, { { T, 16, IND | NEXT, 1 }, { D, 1, 0, 0 } }, { { D, 8, 0, 0 } }, 1, { 0 }, 0 },
	{ "split: indirect behind a direct one", false, true, 1, { { D, 4, NEXT, 1 }, { T, 16, IND, 0 } }, { { D, 8, 0, 0 } }, 1, { 0 }, 0 },
	{ "split: table of length 0", false, true, -1, { { T, 0, IND, 0 } }, { { D, 8, 0, 0 } }, 1, { 0 }, 0 },
	{ "split: table of length 17", false, true, -1, { { T, 17, IND, 0 } }, { { D, 8, 0, 0 } }, 1, { 0 }, 0 },
	{ "split: table larger than the queue", false, true, 1, { { T, 16 * (PIT_SIZE + 1), IND, 0 } }, { { D, 8, 0, 0 } }, 1, { 0 }, 0 },
	{ "split: table outside memory", false, true, -1, { { PIT_BASE + PIT_RAM - 8, 16, IND, 0 } }, { { 0 } }, 1, { 0 }, 0 },
	{ "split: table not aligned", false, true, -1, { { T + 4, 16, IND, 0 } }, { { 0 } }, 1, { 0 }, 0 },
	{ "split: table address wraps", false, true, -1, { { UINT64_MAX - 7, 16, IND, 0 } }, { { 0 } }, 1, { 0 }, 0 },
	{ "split: nested indirect", false, true, -1, { { T, 16, IND, 0 } }, { { T, 16, IND, 0 } }, 1, { 0 }, 0 },
	{ "split: loop inside a table", false, true, -1, { { T, 32, IND, 0 } }, { { D, 8, NEXT, 1 }, { D, 8, NEXT, 0 } }, 1, { 0 }, 0 },
	{ "split: next outside the table", false, true, -1, { { T, 32, IND, 0 } }, { { D, 8, NEXT, 2 } }, 1, { 0 }, 0 },
	{ "split: same head twice", false, false, 2, { { D, 64, 0, 0 } }, { { 0 } }, 2, { 0, 0 }, 0 },
	{ "split: good, then bad", false, false, -1, { { D, 64, 0, 0 }, { 0, 64, 0, 0 } }, { { 0 } }, 2, { 0, 1 }, 0 },

	{ "packed: one readable", true, false, 1, { { D, 64, 7, AV } }, { { 0 } }, 0, { 0 }, 0 },
	{ "packed: chain of three", true, false, 1, { { D, 16, 1, AV | NEXT }, { D + 64, 128, 1, AV | NEXT | WR }, { D + 256, 1, 1, AV | WR } }, { { 0 } }, 0, { 0 }, 0 },
	{ "packed: id 65535", true, false, 1, { { D, 16, 65535, AV } }, { { 0 } }, 0, { 0 }, 0 },
	{ "packed: chain not wholly available", true, false, -1, { { D, 16, 1, AV | NEXT }, { D, 16, 1, 0 } }, { { 0 } }, 0, { 0 }, 0 },
	{ "packed: chain marked used inside", true, false, -1, { { D, 16, 1, AV | NEXT }, { D, 16, 1, AV | 0x8000u } }, { { 0 } }, 0, { 0 }, 0 },
	{ "packed: length 0", true, false, -1, { { D, 0, 1, AV } }, { { 0 } }, 0, { 0 }, 0 },
	{ "packed: readable after writable", true, false, -1, { { D, 4, 1, AV | NEXT | WR }, { D, 4, 1, AV } }, { { 0 } }, 0, { 0 }, 0 },
	{ "packed: address outside", true, false, -1, { { PIT_BASE + PIT_RAM, 1, 1, AV } }, { { 0 } }, 0, { 0 }, 0 },
	{ "packed: address wraps", true, false, -1, { { UINT64_MAX, 2, 1, AV } }, { { 0 } }, 0, { 0 }, 0 },
	{ "packed: sum of lengths wraps", true, false, -1, { { D, UINT32_MAX, 1, AV | NEXT }, { D, 64, 1, AV } }, { { 0 } }, 0, { 0 }, 0 },
	{ "packed: indirect", true, true, 1, { { T, 32, 3, AV | IND } }, { { D, 8, 0, 0 }, { D + 8, 8, 0, WR } }, 0, { 0 }, 0 },
	{ "packed: indirect, not negotiated", true, false, -1, { { T, 16, 3, AV | IND } }, { { D, 8, 0, 0 } }, 0, { 0 }, 0 },
	{ "packed: indirect and next", true, true, -1, { { T, 16, 3, AV | IND | NEXT }, { D, 1, 3, AV } }, { { D, 8, 0, 0 } }, 0, { 0 }, 0 },
	{ "packed: indirect behind a direct one", true, true, -1, { { D, 4, 3, AV | NEXT }, { T, 16, 3, AV | IND } }, { { D, 8, 0, 0 } }, 0, { 0 }, 0 },
	{ "packed: nested indirect", true, true, -1, { { T, 16, 3, AV | IND } }, { { T, 16, 0, IND } }, 0, { 0 }, 0 },
	{ "packed: table of length 0", true, true, -1, { { T, 0, 3, AV | IND } }, { { 0 } }, 0, { 0 }, 0 },
	{ "packed: table of length 24", true, true, -1, { { T, 24, 3, AV | IND } }, { { D, 8, 0, 0 } }, 0, { 0 }, 0 },
	{ "packed: table larger than the queue", true, true, -1, { { T, 16 * (PIT_SIZE + 1), 3, AV | IND } }, { { D, 8, 0, 0 } }, 0, { 0 }, 0 },
	{ "packed: table outside memory", true, true, -1, { { PIT_BASE + PIT_RAM - 8, 16, 3, AV | IND } }, { { 0 } }, 0, { 0 }, 0 },
	{ "packed: more segments than the pool has", true, true, -1, { { T, 7 * 16, 3, AV | IND } }, { { D, 1, 0, 0 }, { D, 1, 0, 0 }, { D, 1, 0, 0 }, { D, 1, 0, 0 }, { D, 1, 0, 0 }, { D, 1, 0, 0 }, { D, 1, 0, 0 } }, 0, { 0 }, 0 },
	{ "packed: direct chain longer than the pool has", true, false, -1, { { D, 1, 1, AV | NEXT }, { D, 1, 1, AV | NEXT }, { D, 1, 1, AV | NEXT }, { D, 1, 1, AV | NEXT }, { D, 1, 1, AV | NEXT }, { D, 1, 1, AV | NEXT }, { D, 1, 1, AV } }, { { 0 } }, 0, { 0 }, 0 },
	{ "split: direct chain longer than the pool has", false, false, -1, { { D, 1, NEXT, 1 }, { D, 1, NEXT, 2 }, { D, 1, NEXT, 3 }, { D, 1, NEXT, 4 }, { D, 1, NEXT, 5 }, { D, 1, NEXT, 6 }, { D, 1, 0, 0 } }, { { 0 } }, 1, { 0 }, 0 },
	{ "split: index goes back", false, false, -1, { { D, 64, 0, 0 }, { D, 64, 0, 0 }, { D, 64, 0, 0 } }, { { 0 } }, 3, { 0, 1, 2 }, 1 },
};
/* clang-format on */

static void write_row(struct pit *p, const struct row *w)
{
	memset(p->ram, 0, PIT_RAM);
	for (uint32_t i = 0u; i < 8u; i++) {
		pit_desc(p, PIT_DESC + 16u * i, w->ring[i].addr, w->ring[i].len, w->ring[i].c,
			 w->ring[i].d);
		pit_desc(p, PIT_TABLE + 16u * i, w->table[i].addr, w->table[i].len, w->table[i].c,
			 w->table[i].d);
	}
	if (!w->packed) {
		pit_avail(p, 4u, w->heads);
		vio_pack16(p->ram + PIT_DRIVER + 2u, w->idx);
	}
}

static bool run_row(struct pit *p, const struct row *w)
{
	static const struct row good[2] = {
		{ "", false, false, 1, { { D, 4, 0, 0 } }, { { 0 } }, 1, { 0 }, 0 },
		{ "", true, false, 1, { { D, 4, 1, AV } }, { { 0 } }, 0, { 0 }, 0 }
	};
	uint64_t f =
		(w->packed ? VIO_F_RING_PACKED : 0u) | (w->indirect ? VIO_F_INDIRECT_DESC : 0u);
	bool ok = true;

	write_row(p, w);
	ok = ok && (pit_up(p, f) == VIO_OK);
	p->keep = (w->then != 0u) ? PIT_POOL : 0u;
	for (int turn = 0; turn < 4; turn++) {
		pit_turn(p);
		if (w->then != 0u) {
			vio_pack16(p->ram + PIT_DRIVER + 2u, w->then);
		}
	}
	if (w->served < 0) {
		ok = ok && pit_failed(p) && (p->configs == 1u);
	} else {
		ok = ok && !pit_failed(p) && (p->served == (unsigned)w->served);
	}
	ok = pit_down(p) && ok;
	write_row(p, &good[w->packed]);
	ok = ok && (pit_up(p, f) == VIO_OK);
	(void)vio_vq_run(&p->q);
	ok = ok && (p->served == 1u) && !pit_failed(p);
	return pit_down(p) && ok;
}

/*
 * Lengths whose sum passes 2^32, which needs memory of more than 4 GiB to get past the address check: refused; one
 * byte less: served. Both directions, both formats, direct and indirect, both gears.
 */
static unsigned sums(struct pit *p)
{
	uint64_t bytes = 0x101000000ull;
	uint8_t *big = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uint8_t *ram = p->ram;
	unsigned bad = 0u;

	if (big == MAP_FAILED) {
		printf("FAILED: no 4 GiB of address space\n");
		return 1u;
	}
	p->ram = big;
	for (unsigned t = 0u; t < 32u; t++) {
		bool packed = (t & 1u) != 0u, over = (t & 2u) != 0u, ind = (t & 8u) != 0u;
		uint16_t w = ((t & 4u) != 0u) ? WR : 0u, a = (packed && !ind) ? AV : 0u;
		uint32_t at = ind ? PIT_TABLE : PIT_DESC;
		uint16_t f0 = (uint16_t)(w | a | ((packed && ind) ? 0u : NEXT)),
			 f1 = (uint16_t)(w | a);
		struct vio_vq_state s;
		uint32_t all;

		memset(big, 0, PIT_DATA);
		pit_desc(p, at, D, 0xffff0000u, packed ? 5u : f0, packed ? f0 : 1u);
		pit_desc(p, at + 16u, D, over ? 0x10000u : 0xffffu, packed ? 5u : f1,
			 packed ? f1 : 0u);
		if (ind) {
			pit_desc(p, PIT_DESC, T, 32u, packed ? 5u : IND, packed ? (AV | IND) : 0u);
		}
		if (!packed) {
			pit_avail(p, 1u, (const uint16_t[]){ 0u });
		}
		p->kind = PIT_QUICK;
		bad += pit_up(p, VIO_F_INDIRECT_DESC | (packed ? VIO_F_RING_PACKED : 0u)) != VIO_OK;
		(void)vio_vq_disable(&p->q, &s); /* the same device over the large region */
		p->region[0].len = bytes;
		bad += vio_mem_full_init(&p->full, p->region, 1u) != VIO_OK;
		p->full.m.wants_release = t >= 16u;
		bad += vio_vq_enable(&p->q, NULL) != VIO_OK;
		p->q.dev->ops = &pit_hold_ops;
		(void)vio_vq_run(&p->q);
		all = (p->n == 1u) ? (p->got[0]->in_len + p->got[0]->out_len) : 0u;
		if ((pit_failed(p) != over) || (all != (over ? 0u : UINT32_MAX))) {
			printf("FAILED: sum of lengths %s 2^32 (case %u)\n", over ? "at" : "below",
			       t);
			bad++;
		}
		if (p->n == 1u) {
			p->n = 0u;
			vio_req_done(p->got[0], 0u);
		}
		bad += pit_down(p) ? 0u : 1u;
	}
	p->ram = ram;
	(void)munmap(big, bytes);
	return bad;
}

static unsigned all_rows(struct pit *p, struct pit *neighbour, const char *kind)
{
	unsigned bad = 0u;

	write_row(neighbour, &rows[0]);
	if (pit_up(neighbour, 0u) != VIO_OK) {
		printf("FAILED: neighbour: set-up (%s)\n", kind);
		return 1u;
	}
	for (size_t i = 0u; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (!run_row(p, &rows[i])) {
			printf("FAILED: %s (%s): served %u, status %u\n", rows[i].name, kind,
			       p->served, vio_dev_status(&p->d));
			bad++;
		}
	}
	(void)vio_vq_run(&neighbour->q);
	if ((neighbour->served != 1u) || pit_failed(neighbour) || !pit_down(neighbour)) {
		printf("FAILED: the neighbour noticed (%s)\n", kind);
		bad++;
	}
	return bad;
}

#if TEST_XEN
/* A guest of Xen: the pages of the pit, and holes around them */
static struct xen_mem *guest(struct pit *p, xenforeignmemory_handle *fm, xengnttab_handle *gt,
			     unsigned kind)
{
	struct xen_mem_config cfg = {
		.lib = &xm.lib, .fm = fm, .gt = gt, .chunks = (kind == 1u) ? 4u : 0u
	};
	uint32_t first = (PIT_BASE - XM_RAM) / XM_PAGE, last = first + PIT_RAM / XM_PAGE;

	cfg.dom = (domid_t)xm_create("pit", 1u);
	p->ram = xm_ram(cfg.dom, PIT_BASE);
	p->shift = (kind == 2u) ? (1ull << 63) - XM_RAM : 0u;
	for (uint32_t i = first; i < last; i++) {
		xm_grant(cfg.dom, i, i);
	}
	xm_balloon(cfg.dom, first - 1u);
	xm_balloon(cfg.dom, last);
	return xen_mem_new(&cfg);
}

static unsigned xen_kinds(struct pit *p, struct pit *neighbour)
{
	static const char *const name[] = { "foreign", "foreign, cached", "grants" };
	unsigned bad = 0u;

	for (unsigned k = 0u; k < 3u; k++) {
		xenforeignmemory_handle *fm;
		xengnttab_handle *gt;
		struct xen_mem *x[2];

		xm_init();
		fm = xm.lib.fm_open(NULL, 0u);
		gt = xm.lib.gt_open(NULL, 0u);
		x[0] = guest(p, fm, gt, k);
		x[1] = guest(neighbour, fm, gt, k);
		p->other = xen_mem(x[0]);
		neighbour->other = xen_mem(x[1]);
		p->kind = neighbour->kind = PIT_OTHER;
		bad += all_rows(p, neighbour, name[k]);
		xen_mem_free(x[0]);
		xen_mem_free(x[1]);
		(void)xm.lib.gt_close(gt);
		(void)xm.lib.fm_close(fm);
		if (xm_open_things() != 0u || xm.bad != 0u) {
			printf("FAILED: %u things are left (%s)\n", xm_open_things(), name[k]);
			bad++;
		}
		xm_fini();
	}
	p->shift = 0u;
	return bad;
}
#else
#define xen_kinds(p, neighbour) 0u
#endif

int main(void)
{
	static struct pit p, neighbour;
	unsigned bad = 0u, n = sizeof(rows) / sizeof(rows[0]);
	unsigned kinds = PIT_KINDS + (TEST_XEN ? 3u : 0u);
	uint8_t *ram;

	p.ram = ram = aligned_alloc(16, PIT_RAM);
	neighbour.ram = aligned_alloc(16, PIT_RAM);
	for (int k = 0; k < PIT_KINDS; k++) {
		p.kind = neighbour.kind = (enum pit_kind)k;
		bad += all_rows(&p, &neighbour, pit_kind_name[k]);
	}
	bad += xen_kinds(&p, &neighbour);
	p.ram = ram;
	bad += sums(&p);
	printf("%u hostile rings over %u memory kinds, %u failed\n", n, kinds, bad);
	return bad != 0u;
}
