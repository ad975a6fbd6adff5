/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rig.h - for tests of device models: a device, its driver side and memory in one process
 *
 * The device runs on the real core over the loop-back port; requests are written as bytes. Include
 * after cmocka.h.
 */
#ifndef TEST_RIG_H
#define TEST_RIG_H

#include <stdlib.h>
#include <string.h>
#include "port/loopback/loopback.h"
#include "vio/host.h"

#define RIG_BASE 0x40000000u
#define RIG_RAM	 (1u << 20)
#ifndef RIG_SIZE
#define RIG_SIZE 256u /* entries of a queue */
#endif
#ifndef RIG_VQS
#define RIG_VQS 2u
#endif

static bool rig_packed;	   /* ring format of the rigs that are made next */
static uint32_t rig_piece; /* bytes a descriptor holds at most; 0: no limit */

struct rig_req {
	uint8_t *in;
	uint32_t in_len, len; /* len: as the device reported */
	bool back;
	unsigned order; /* 1 came back first */
};

struct rig {
	struct vio_mem_full mem;
	struct vio_region region;
	uint8_t *ram;
	uint32_t used; /* bytes of ram */
	struct lb lb;
	struct vio_dvq q[RIG_VQS];
	struct vio_dvq_slot slot[RIG_VQS][RIG_SIZE];
	unsigned order;
	uint64_t features;
	uint64_t area[RIG_VQS][3];
	uint8_t *track[RIG_VQS]; /* in-flight regions, or NULL */
	struct vio_vq_track tracking[RIG_VQS];
};

static inline struct vio_dma rig_alloc(struct rig *g, uint32_t len)
{
	struct vio_dma d;

	g->used = (g->used + 15u) & ~15u;
	assert_true(g->used + len <= RIG_RAM);
	d = (struct vio_dma){ .p = g->ram + g->used, .addr = RIG_BASE + g->used, .len = len };
	g->used += len;
	return d;
}

static inline struct vio_mem *rig_mem(struct rig *g)
{
	memset(g, 0, sizeof(*g));
	g->ram = aligned_alloc(4096, RIG_RAM);
	assert_non_null(g->ram);
	memset(g->ram, 0, RIG_RAM);
	g->region = (struct vio_region){ .gpa = RIG_BASE, .len = RIG_RAM, .hva = g->ram };
	assert_int_equal(vio_mem_full_init(&g->mem, &g->region, 1), VIO_OK);
	return &g->mem.m;
}

/* Negotiate `want`, set all queues up, DRIVER_OK; returns: what DRIVER_OK returned */
static inline int rig_drive(struct rig *g, uint64_t want)
{
	const struct vio_bus_ops *b = &lb_bus;
	struct vio_dma ring;
	uint64_t *area;
	uint16_t n;

	want |= VIO_F_VERSION_1 | (rig_packed ? VIO_F_RING_PACKED : 0);
	assert_int_equal(vio_drv_probe(b, &g->lb, want, &g->features), VIO_OK);
	for (n = 0; n < g->lb.dev->nvq; n++) {
		ring = rig_alloc(g, vio_dvq_bytes(RIG_SIZE, rig_packed));
		assert_int_equal(vio_dvq_init(&g->q[n], RIG_SIZE, rig_packed ? VIO_DVQ_PACKED : 0,
					      &ring, g->slot[n]),
				 VIO_OK);
		area = g->area[n];
		vio_dvq_areas(&g->q[n], &ring, area);
		assert_int_equal(b->setup(&g->lb, n, RIG_SIZE, area[0], area[1], area[2]), VIO_OK);
	}
	return b->set_status(&g->lb, VIO_S_ACKNOWLEDGE | VIO_S_DRIVER | VIO_S_FEATURES_OK |
					     VIO_S_DRIVER_OK);
}

static inline int rig_start(struct rig *g, struct vio_dev *d, uint64_t want)
{
	assert_int_equal(lb_init(&g->lb, d, VIO_F_RINGS), VIO_OK);
	return rig_drive(g, want);
}

static inline uint8_t rig_status(struct rig *g)
{
	uint8_t s;

	lb_bus.status(&g->lb, &s);
	return s;
}

/* Reset; what was offered is forgotten. */
static inline int rig_reset(struct rig *g)
{
	g->used = 0;
	return lb_bus.set_status(&g->lb, 0);
}

static inline void rig_end(struct rig *g)
{
	for (unsigned n = 0; n < RIG_VQS; n++) {
		free(g->track[n]);
	}
	free(g->ram);
}

/* From here on, keep track of requests in flight, as a front-end asks for. Nothing is owned now. */
static inline void rig_track(struct rig *g)
{
	struct vio_vq_state s;
	uint32_t len = (vio_vq_track_bytes(RIG_SIZE, rig_packed) + 7u) & ~7u;
	uint16_t n;

	for (n = 0; n < g->lb.dev->nvq; n++) {
		g->track[n] = calloc(1, len);
		assert_int_equal(vio_vq_disable(&g->lb.dev->vq[n], &s), VIO_OK);
		assert_int_equal(vio_vq_track(&g->lb.dev->vq[n], &g->tracking[n], g->track[n], len),
				 VIO_OK);
		assert_int_equal(vio_vq_enable(&g->lb.dev->vq[n], NULL), VIO_OK);
	}
}

/* Memory of the next instance. */
static inline struct vio_mem *rig_mem_again(struct rig *g)
{
	assert_int_equal(vio_mem_full_init(&g->mem, &g->region, 1), VIO_OK);
	return &g->mem.m;
}

/* Cut `len` bytes of `whole` into descriptors. */
static inline uint16_t rig_cut(struct vio_dma *b, const struct vio_dma *whole)
{
	uint32_t off, n;
	uint16_t count = 0;

	for (off = 0; off < whole->len; off += n) {
		n = whole->len - off;
		n = rig_piece && n > rig_piece ? rig_piece : n;
		b[count++] = (struct vio_dma){ .p = whole->p + off,
					       .addr = whole->addr + off,
					       .len = n };
	}
	return count;
}

/* Offer a request; writable bytes are 0xee before. Not shown to the device before rig_kick. */
static inline void rig_add(struct rig *g, uint16_t vq, struct rig_req *r, const void *out,
			   uint32_t out_len, uint32_t in_len)
{
	struct vio_dma b[64], o = rig_alloc(g, out_len), i = rig_alloc(g, in_len);
	uint16_t n_out, n_in;

	memcpy(o.p, out, out_len);
	memset(i.p, 0xee, in_len);
	*r = (struct rig_req){ .in = i.p, .in_len = in_len };
	n_out = rig_cut(b, &o);
	n_in = rig_cut(b + n_out, &i);
	assert_int_equal(vio_dvq_add(&g->q[vq], b, n_out, n_in, r), VIO_OK);
}

/* Take back what is done on all queues. */
static inline void rig_collect(struct rig *g)
{
	struct rig_req *r;
	uint32_t len;
	void *cookie;
	uint16_t n;
	int rc;

	for (n = 0; n < g->lb.dev->nvq; n++) {
		while ((rc = vio_dvq_get(&g->q[n], &cookie, &len)) == VIO_OK) {
			r = cookie;
			r->back = true;
			r->len = len;
			r->order = ++g->order;
		}
		assert_int_equal(rc, VIO_E_AGAIN);
	}
}

/* Let the device work until it is quiet. */
static inline void rig_turn(struct rig *g)
{
	assert_int_equal(lb_turn(&g->lb), VIO_OK);
	rig_collect(g);
}

/*
 * The back-end dies: its memory is gone, another instance `d`, initialized on rig memory, takes
 * over.
 */
static inline void rig_crash(struct rig *g, struct vio_dev *d)
{
	uint32_t len = (vio_vq_track_bytes(RIG_SIZE, rig_packed) + 7u) & ~7u;
	uint16_t n;

	assert_int_equal(lb_init(&g->lb, d, VIO_F_RINGS), VIO_OK);
	assert_int_equal(vio_dev_accept(d, g->features), VIO_OK);
	for (n = 0; n < d->nvq; n++) {
		assert_int_equal(vio_vq_setup(&d->vq[n], RIG_SIZE, g->area[n][0], g->area[n][1],
					      g->area[n][2]),
				 VIO_OK);
		assert_int_equal(vio_vq_track(&d->vq[n], &g->tracking[n], g->track[n], len),
				 VIO_OK);
		assert_int_equal(vio_vq_enable(&d->vq[n], NULL), VIO_OK);
	}
	assert_int_equal(lb_bus.set_status(&g->lb, VIO_S_ACKNOWLEDGE | VIO_S_DRIVER |
							   VIO_S_FEATURES_OK | VIO_S_DRIVER_OK),
			 VIO_OK);
	rig_turn(g);
}

static inline void rig_kick(struct rig *g, uint16_t vq)
{
	if (vio_dvq_need_kick(&g->q[vq])) {
		lb_bus.kick(&g->lb, vq);
	}
	rig_turn(g);
}

/* One request from beginning to end of the turn. */
static inline void rig_do(struct rig *g, uint16_t vq, struct rig_req *r, const void *out,
			  uint32_t out_len, uint32_t in_len)
{
	rig_add(g, vq, r, out, out_len, in_len);
	rig_kick(g, vq);
}

/* A clock that stands still until it is told. */
struct rig_clock {
	struct vio_clock c;
	uint64_t ns;
	struct vio_timer *timer[4];
};

static inline uint64_t rig_now(struct vio_clock *c)
{
	return VIO_CONTAINER(c, struct rig_clock, c)->ns;
}

static inline void rig_set(struct vio_clock *c, struct vio_timer *t, uint64_t at)
{
	struct rig_clock *k = VIO_CONTAINER(c, struct rig_clock, c);
	unsigned n, free_slot = 4;

	for (n = 0; n < 4; n++) {
		if (k->timer[n] == t) {
			k->timer[n] = NULL;
		}
		free_slot = k->timer[n] ? free_slot : n;
	}
	t->at = at;
	if (at) {
		assert_true(free_slot < 4);
		k->timer[free_slot] = t;
	}
}

static inline void rig_clock_init(struct rig_clock *k)
{
	*k = (struct rig_clock){ .c = { .now = rig_now, .set = rig_set } };
}

/* Time passes; timers that are due fire. */
static inline void rig_pass(struct rig_clock *k, uint64_t ns)
{
	struct vio_timer *t;
	unsigned n;

	k->ns += ns;
	for (n = 0; n < 4; n++) {
		t = k->timer[n];
		if (t && t->at <= k->ns) {
			k->timer[n] = NULL;
			t->at = 0;
			t->fire(t);
		}
	}
}

static inline unsigned rig_timers(const struct rig_clock *k)
{
	unsigned n, count = 0;

	for (n = 0; n < 4; n++) {
		count += k->timer[n] != NULL;
	}
	return count;
}

#endif
