/* SPDX-License-Identifier: BSD-3-Clause */
/* t_show.c - what a device shows inside a turn (vio_vq_show), to a driver that is awake and to one that sleeps */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "test/hostile/pit.h"
#include "vio/drv.h"

#define T     (PIT_BASE + PIT_TABLE)
#define D     (PIT_BASE + PIT_DATA)
#define SHARE 4u

static struct pit p;
static struct vio_dvq dvq;
static struct vio_dvq_slot slot[PIT_SIZE];
static unsigned pops, taken, early; /* early: signals that were sent before the turn ended */
static bool refill;

static void offer(void)
{
	struct vio_dma b = { p.ram + PIT_DATA, D, 8u };

	assert_int_equal(vio_dvq_add(&dvq, &b, 1u, 0u, &dvq), VIO_OK);
	(void)vio_dvq_need_kick(&dvq);
}

static unsigned take_all(void)
{
	unsigned n = 0u;
	void *cookie;
	uint32_t len;

	while (vio_dvq_get(&dvq, &cookie, &len) == VIO_OK) {
		n++;
	}
	return n;
}

static void in_shares(struct vio_dev *d, struct vio_vq *q)
{
	struct vio_req *r;

	(void)d;
	while ((r = vio_vq_pop(q)) != NULL) {
		pops++;
		vio_req_done(r, 0u);
		if ((pops % SHARE) == 0u) {
			unsigned n;

			assert_int_equal(take_all(), 0); /* nothing is seen before it is shown */
			vio_vq_show(q);
			early = p.signals;
			n = take_all();
			assert_int_equal(n, SHARE);
			taken += n;
			for (; refill && (n > 0u); n--) {
				offer();
			}
		}
	}
}

static void up(enum pit_kind kind, bool packed, bool event_idx)
{
	static const struct vio_dev_ops ops = { .id = 2u, .nvq_max = 1u, .queue = in_shares };
	struct vio_dma ring;
	uint64_t area[3];

	p.kind = kind;
	memset(p.ram, 0, PIT_RAM);
	assert_int_equal(
		pit_up(&p, (packed ? VIO_F_RING_PACKED : 0u) | (event_idx ? VIO_F_EVENT_IDX : 0u)),
		VIO_OK);
	ring = (struct vio_dma){ p.ram + PIT_TABLE, T, 0x400u };
	assert_int_equal(
		vio_dvq_init(&dvq, PIT_SIZE,
			     (packed ? VIO_DVQ_PACKED : 0u) | (event_idx ? VIO_DVQ_EVENT_IDX : 0u),
			     &ring, slot),
		VIO_OK);
	vio_dvq_areas(&dvq, &ring, area);
	assert_int_equal(vio_vq_disable(&p.q, NULL), VIO_OK);
	VIO_VQ_BIND(&p.q, &p.d, 0u, &p.store, PIT_POOL, PIT_SEGS);
	p.d.ops = &ops;
	assert_int_equal(vio_vq_setup(&p.q, PIT_SIZE, area[0], area[1], area[2]), VIO_OK);
	assert_int_equal(vio_vq_enable(&p.q, NULL), VIO_OK);
	p.signals = 0u;
	pops = 0u;
	taken = 0u;
	early = 0u;
	refill = false;
}

static void down(void)
{
	p.d.ops = &pit_ops;
	assert_true(pit_down(&p));
}

/* kind x format x EVENT_IDX */
static void each(void (*test)(bool event_idx))
{
	static const enum pit_kind kind[3] = { PIT_QUICK, PIT_FULL, PIT_BOUNCE };

	for (uint32_t k = 0u; k < 12u; k++) {
		bool event_idx = (k & 2u) != 0u;

		up(kind[k / 4u], (k & 1u) != 0u, event_idx);
		test(event_idx);
		down();
	}
}

/* A driver that sleeps is woken once: early where it said from which one on (EVENT_IDX), else when the turn ends. */
static void sleeper(bool event_idx)
{
	for (uint32_t i = 0u; i < 10u; i++) {
		offer();
	}
	assert_false(vio_dvq_arm(&dvq));
	assert_int_equal(vio_vq_run(&p.q), VIO_OK);
	assert_int_equal(pops, 10);
	assert_int_equal(taken, 8);
	assert_int_equal(early, event_idx ? 1 : 0);
	assert_int_equal(p.signals, 1);
	assert_int_equal(take_all(), 2);
}

static void sleeper_is_woken_early(void **state)
{
	(void)state;
	each(sleeper);
}

/* A driver that keeps up: there is always more, all of it is served, and no turn is longer than two rings. */
static void keeper(bool event_idx)
{
	(void)event_idx;
	for (uint32_t i = 0u; i < 12u; i++) {
		offer();
	}
	vio_dvq_mute(&dvq);
	refill = true;
	for (uint32_t turn = 0u; turn < 8u; turn++) {
		unsigned before = pops, n;

		assert_int_equal(vio_vq_run(&p.q), VIO_PENDING);
		assert_in_range(pops - before, 1, 2u * PIT_SIZE);
		for (n = take_all(), taken += n; n > 0u; n--) {
			offer();
		}
		assert_int_equal(taken, pops);
	}
	refill = false;
}

static void turn_with_shares_is_bounded(void **state)
{
	(void)state;
	each(keeper);
}

static int setup(void **state)
{
	(void)state;
	p.ram = aligned_alloc(4096, PIT_RAM);
	return (p.ram == NULL) ? -1 : 0;
}

static int teardown(void **state)
{
	(void)state;
	free(p.ram);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sleeper_is_woken_early),
		cmocka_unit_test(turn_with_shares_is_bounded),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
