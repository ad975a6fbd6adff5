/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pit.h - a device in a pit with hostile rings: raw memory, no driver library between
 *
 * The device of the pit reads every readable byte and writes every writable one, so a wrong segment is a sanitizer
 * report. ram is allocated to the byte.
 */
#ifndef TEST_PIT_H
#define TEST_PIT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "vio/dev.h"

#define PIT_BASE 0x40001000ull
#define PIT_RAM	 0x4000u
#define PIT_SIZE 16u
#define PIT_POOL 12u
#define PIT_SEGS 6u
/* offsets of the areas, of indirect tables and of buffers in ram */
#define PIT_DESC   0u
#define PIT_DRIVER 0x400u
#define PIT_DEVICE 0x800u
#define PIT_TABLE  0xc00u
#define PIT_DATA   0x1000u

enum pit_kind {
	PIT_QUICK,
	PIT_FULL,
	PIT_REGIONS,
	PIT_WINDOW,
	PIT_BOUNCE,
	PIT_IOMMU,
	PIT_KINDS,
	PIT_OTHER = PIT_KINDS /* the test's own memory: p->other, and p->ram behind it */
};
static const char *const pit_kind_name[PIT_KINDS] = { "mapped, quick", "mapped, logged",
						      "three regions", "window",
						      "bounce",	       "iommu" };

struct pit {
	enum pit_kind kind;
	uint8_t *ram;
	struct vio_region region[3];
	uint8_t log[0x40000 / 8];
	struct vio_mem_full full;
	struct vio_mem_window window;
	struct vio_mem_bounce bounce;
	struct vio_mem_iommu iommu;
	struct vio_tlb tlb[4];
	uint8_t bounce_buf[PIT_POOL * 0x4000] __attribute__((aligned(16)));
	struct vio_mem *mem, *other;
	uint64_t shift; /* added to each address that the guest writes */
	struct vio_dev d;
	struct vio_vq q;
	VIO_VQ_STORE(struct vio_req, PIT_POOL, PIT_SEGS) store;
	struct vio_req *got[PIT_POOL];
	unsigned n, keep; /* requests in got[]; keep: how many stay owned at the end of a turn */
	unsigned served, signals, configs;
	bool tangled; /* a writable buffer lies over ring areas: what is left there depends on the order of writes */
	uint64_t digest; /* of everything the device saw */
};

static inline void pit_mix(struct pit *p, uint64_t v)
{
	p->digest = (p->digest ^ v) * 0x100000001b3ull;
}

static inline void pit_finish(struct pit *p, unsigned k)
{
	uint8_t b[64];
	struct vio_req *r = p->got[k];

	memset(b, 0x5a ^ (int)r->id, sizeof(b));
	for (uint32_t i = r->sgl.n_out; i < (uint32_t)r->sgl.n_out + r->sgl.n_in; i++) {
		p->tangled = p->tangled || (r->sgl.seg[i].addr < PIT_BASE + PIT_DATA);
	}
	for (uint32_t off = 0u; off < r->in_len;) {
		uint32_t n =
			vio_req_write(r, off, b, (r->in_len - off < 64u) ? r->in_len - off : 64u);

		if (n == 0u) {
			break;
		}
		off += n;
	}
	p->served++;
	vio_req_done(r, 0u);
	vio_req_done(r, 7u); /* a second time must not matter */
	p->got[k] = p->got[--p->n];
}

static inline void pit_queue(struct vio_dev *d, struct vio_vq *q)
{
	struct pit *p = VIO_CONTAINER(d, struct pit, d);
	struct vio_req *r;
	uint8_t b[64];

	while ((p->n < PIT_POOL) && ((r = vio_vq_pop(q)) != NULL)) {
		p->got[p->n++] = r;
		pit_mix(p, r->id);
		pit_mix(p, ((uint64_t)r->out_len << 32) | r->in_len);
		for (uint32_t off = 0u; off < r->out_len;) {
			uint32_t n = vio_req_read(r, off, b, sizeof(b));

			if (n == 0u) {
				break;
			}
			for (uint32_t i = 0u; i < n; i++) {
				pit_mix(p, b[i]);
			}
			off += n;
		}
	}
	while (p->n > p->keep) {
		pit_finish(p, 0u);
	}
}

/* As pit_queue, but touches no byte and gives nothing back. */
static inline void pit_hold(struct vio_dev *d, struct vio_vq *q)
{
	struct pit *p = VIO_CONTAINER(d, struct pit, d);
	struct vio_req *r;

	while ((p->n < PIT_POOL) && ((r = vio_vq_pop(q)) != NULL)) {
		p->got[p->n++] = r;
	}
}

static inline void pit_signal(void *port, uint16_t vq)
{
	(void)vq;
	((struct pit *)port)->signals++;
}
static inline void pit_wake(void *port, uint16_t vq)
{
	(void)port;
	(void)vq;
}
static inline void pit_config(void *port)
{
	((struct pit *)port)->configs++;
}
static inline void pit_miss(void *port, uint64_t iova, uint8_t perm)
{
	(void)port; /* outside of the one translation: the test refuses it between turns */
	(void)iova;
	(void)perm;
}

static const struct vio_dev_ops pit_ops = { .id = 2u, .nvq_max = 1u, .queue = pit_queue };
static const struct vio_dev_ops pit_hold_ops
	__attribute__((unused)) = { .id = 2u, .nvq_max = 1u, .queue = pit_hold };
static const struct vio_port_ops pit_port = { .signal = pit_signal,
					      .config = pit_config,
					      .wake = pit_wake };

static inline void pit_mem(struct pit *p)
{
	int rc = VIO_OK;
	uint16_t n = 1u;

	p->region[0] = (struct vio_region){ PIT_BASE, PIT_RAM, p->ram };
	if (p->kind ==
	    PIT_REGIONS) { /* data area in two adjacent pieces behind the rings, a gap behind them */
		p->region[0].len = PIT_DATA + 0x808u;
		p->region[1] = (struct vio_region){ PIT_BASE + PIT_DATA + 0x808u, 0x7f8u,
						    p->ram + PIT_DATA + 0x808u };
		p->region[2] = (struct vio_region){ PIT_BASE + PIT_DATA + 0x2000u, 0x1000u,
						    p->ram + PIT_DATA + 0x2000u };
		n = 3u;
	}
	rc |= vio_mem_full_init(&p->full, p->region, n);
	p->mem = &p->full.m;
	if (p->kind == PIT_FULL) {
		struct vio_log log = { p->log, sizeof(p->log) };

		vio_mem_full_log(&p->full, &log, NULL);
	} else if (p->kind == PIT_WINDOW) {
		rc |= vio_mem_window_init(&p->window, PIT_BASE, p->ram, PIT_RAM);
		p->mem = &p->window.m;
	} else if (p->kind == PIT_BOUNCE) {
		rc |= vio_mem_bounce_init(&p->bounce, &p->full.m, p->bounce_buf, 0x4000u, PIT_POOL);
		p->mem = &p->bounce.m;
	} else if (p->kind == PIT_IOMMU) {
		vio_mem_iommu_init(&p->iommu, &p->full.m, p->tlb, 4u, pit_miss, p);
		rc |= vio_mem_iommu_update(&p->iommu, PIT_BASE, PIT_RAM, PIT_BASE,
					   VIO_PERM_R | VIO_PERM_W);
		p->mem = &p->iommu.m;
	} else if (p->kind == PIT_OTHER) {
		p->mem = p->other;
	}
	if (rc != VIO_OK) {
		fprintf(stderr, "pit: memory set-up failed\n");
		abort();
	}
}

/* features: ring bits. A guest set-up that is correct; what is in ram is up to the test. */
static inline int pit_up(struct pit *p, uint64_t features)
{
	int rc;

	p->n = p->keep = p->served = p->signals = p->configs = 0u;
	p->tangled = false;
	p->digest = 0xcbf29ce484222325ull;
	pit_mem(p);
	rc = vio_dev_init(&p->d, &pit_ops, p->mem, &p->q, 1u, NULL);
	VIO_VQ_BIND(&p->q, &p->d, 0u, &p->store, PIT_POOL, PIT_SEGS);
	vio_dev_attach(&p->d, &pit_port, p, VIO_F_RINGS);
	rc |= vio_dev_set_status(&p->d, VIO_S_ACKNOWLEDGE | VIO_S_DRIVER);
	rc |= vio_dev_accept(&p->d, VIO_F_VERSION_1 | features);
	rc |= vio_dev_set_status(&p->d, VIO_S_ACKNOWLEDGE | VIO_S_DRIVER | VIO_S_FEATURES_OK);
	rc |= vio_vq_setup(&p->q, PIT_SIZE, p->shift + PIT_BASE + PIT_DESC,
			   p->shift + PIT_BASE + PIT_DRIVER, p->shift + PIT_BASE + PIT_DEVICE);
	rc |= vio_vq_enable(&p->q, NULL);
	rc |= vio_dev_set_status(&p->d, 15u);
	return rc;
}

/* A turn, as a port does it: a miss is answered with a refusal before the next one. */
static inline void pit_turn(struct pit *p)
{
	if (vio_vq_run(&p->q) == VIO_E_AGAIN || p->iommu.waiting) {
		vio_mem_iommu_refuse(&p->iommu);
	}
	(void)vio_vq_arm(&p->q);
}

/* Reset, with completions as late as they may come. returns: true when all is given back */
static inline bool pit_down(struct pit *p)
{
	(void)vio_dev_set_status(&p->d, 0u);
	while (p->n > 0u) {
		pit_finish(p, p->n / 2u);
	}
	(void)vio_vq_run(&p->q);
	return (vio_dev_status(&p->d) == 0u) && (p->mem->held[0] == 0u) && (p->mem->held[1] == 0u);
}

static inline bool pit_failed(const struct pit *p)
{
	return (vio_dev_status(&p->d) & VIO_S_NEEDS_RESET) != 0u;
}

/* Raw writers; everything little-endian. flags_or_id, next_or_flags: third and fourth field of a descriptor. */
static inline void pit_desc(struct pit *p, uint32_t at, uint64_t addr, uint32_t len, uint16_t c,
			    uint16_t d)
{
	uint8_t *b = p->ram + at;

	vio_pack64(b, addr + p->shift);
	vio_pack32(b + 8, len);
	vio_pack16(b + 12, c);
	vio_pack16(b + 14, d);
}
static inline void pit_avail(struct pit *p, uint16_t n, const uint16_t *head)
{
	for (uint16_t i = 0u; i < n; i++) {
		vio_pack16(p->ram + PIT_DRIVER + 4u + 2u * (i % PIT_SIZE), head[i]);
	}
	vio_pack16(p->ram + PIT_DRIVER + 2u, n);
}

#endif
