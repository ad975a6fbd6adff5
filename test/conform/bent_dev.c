/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bent_dev.c - the device behind bent rings: one of ours, over loop-back, in memory of its own
 *
 * A request is copied in and its answer copied out, so what bent rings do to the guest's memory the device never sees.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "app/demo_rig.h"
#include "test/conform/bent_internal.h"

#define BASE 0x40000000u
#define RING 4096u
#define RAM  (BENT_VQS * RING + BENT_SLOTS * (BENT_OUT + BENT_IN))

static void idle(void *arg)
{
	demo_idle(((struct bent *)arg)->loop);
}

static struct vio_dma at(struct bent *b, uint32_t off, uint32_t len)
{
	return (struct vio_dma){ b->ram + off, BASE + off, len };
}

int bent_dev_open(struct bent *b, const char *device, char err[256])
{
	struct spec_error e = { .text = "" };

	b->loop = loop_new("bent");
	b->ram = aligned_alloc(4096, (RAM + 4095u) & ~4095u);
	if (b->loop && b->ram && spec_parse(&b->spec, device, &e) == 0 &&
	    spec_finish(&b->spec, 0, &e) == 0) {
		b->in = instance_open(&b->spec, b->loop, NULL, &e);
	}
	if (!b->in || vio_mem_window_init(&b->mem, BASE, b->ram, RAM) != VIO_OK) {
		snprintf(err, 256, "%.200s", e.text);
		return -1;
	}
	instance_dev(b->in)->mem = &b->mem.m;
	if (lb_init(&b->lb, instance_dev(b->in), VIO_F_RINGS) != VIO_OK) {
		snprintf(err, 256, "loop-back");
		return -1;
	}
	b->lb.idle = idle;
	b->lb.arg = b;
	b->nvq = b->lb.dev->nvq < BENT_VQS ? b->lb.dev->nvq : BENT_VQS;
	for (uint32_t i = 0; i < BENT_SLOTS; i++) {
		uint32_t off = BENT_VQS * RING + i * (BENT_OUT + BENT_IN);

		b->slot[i].out = at(b, off, BENT_OUT);
		b->slot[i].in = at(b, off + BENT_OUT, BENT_IN);
	}
	return 0;
}

void bent_dev_close(struct bent *b)
{
	if (b->in) {
		bent_dev_down(b);
		instance_free(b->in);
	}
	if (b->loop) {
		loop_free(b->loop);
	}
	spec_free(&b->spec);
	free(b->ram);
}

bool bent_dev_takes(struct bent *b)
{
	uint64_t got, offered, mine;
	int rc;

	(void)lb_bus.features(&b->lb, &offered);
	mine = b->features & offered & (((1ull << 24) - 1u) | VIO_F_VERSION_1);
	rc = vio_drv_probe(&lb_bus, &b->lb, mine, &got);
	(void)lb_bus.set_status(&b->lb, 0);
	return rc == VIO_OK && got == mine;
}

int bent_dev_up(struct bent *b)
{
	uint64_t got, mine = b->features & (((1ull << 24) - 1u) | VIO_F_VERSION_1);
	/* what it insists on, too: refusing a driver is the bent part's matter */
	int rc = vio_drv_probe(&lb_bus, &b->lb, mine | VIO_F_VERSION_1 | b->lb.dev->ops->needs,
			       &got);

	for (uint16_t i = 0; i < b->nvq && rc == VIO_OK; i++) {
		uint64_t area[3];

		b->dring[i] = at(b, i * RING, RING);
		rc = vio_dvq_init(&b->dvq[i], 64, 0, &b->dring[i], b->dslot[i]);
		vio_dvq_areas(&b->dvq[i], &b->dring[i], area);
		rc = rc == VIO_OK ? lb_bus.setup(&b->lb, i, 64, area[0], area[1], area[2]) : rc;
	}
	b->up = rc == VIO_OK;
	return b->up ? lb_bus.set_status(&b->lb, 15) : rc;
}

void bent_dev_down(struct bent *b)
{
	if (b->up) {
		(void)lb_bus.set_status(&b->lb, 0);
	}
	b->up = false;
	for (uint32_t i = 0; i < BENT_SLOTS; i++) {
		b->slot[i].busy = b->slot[i].busy && bent_is(b, BENT_RESET_LATE) && b->slot[i].done;
	}
}

struct bent_slot *bent_dev_room(struct bent *b)
{
	for (uint32_t i = 0; i < BENT_SLOTS; i++) {
		if (!b->slot[i].busy) {
			return &b->slot[i];
		}
	}
	return NULL;
}

bool bent_dev_give(struct bent *b, struct bent_slot *s)
{
	struct vio_dma piece[2];
	uint16_t n = 0, n_out = s->out_len > 0 ? 1 : 0;
	bool alone = bent_at(b, BENT_FILLS, s->vq);

	if (s->out_len > 0) {
		piece[n++] = (struct vio_dma){ s->out.p, s->out.addr, s->out_len };
	}
	if (s->in_len > 0) {
		piece[n++] = (struct vio_dma){ s->in.p, s->in.addr, s->in_len };
	}
	if (n == 0 || (!alone && vio_dvq_add(&b->dvq[s->vq], piece, n_out, (uint16_t)(n - n_out),
					     s) != VIO_OK)) {
		return false;
	}
	s->busy = true;
	s->done = alone;
	s->len = s->in_len;
	s->serial = b->serial++;
	s->epoch = b->epoch;
	if (vio_dvq_need_kick(&b->dvq[s->vq])) {
		lb_bus.kick(&b->lb, s->vq);
	}
	return true;
}

static void take(struct bent *b)
{
	void *cookie;
	uint32_t len;

	for (uint16_t i = 0; i < b->nvq && b->up; i++) {
		while (vio_dvq_get(&b->dvq[i], &cookie, &len) == VIO_OK) {
			struct bent_slot *s = cookie;

			s->done = true;
			s->len = len;
		}
	}
}

void bent_dev_step(struct bent *b)
{
	if (!b->up) {
		return;
	}
	(void)lb_turn(&b->lb);
	take(b);
	if (bent_dev_busy(b)) {
		demo_idle(b->loop);
		(void)lb_turn(&b->lb);
		take(b);
	}
}

bool bent_dev_busy(const struct bent *b)
{
	for (uint32_t i = 0; i < BENT_SLOTS; i++) {
		if (b->slot[i].busy) {
			return true;
		}
	}
	return false;
}
