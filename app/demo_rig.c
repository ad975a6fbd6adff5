/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * demo_rig.c - the guest's part of `stratos demo`: memory, queues, and waiting
 *
 * The guest's memory is a window of this process. Waiting is a few milliseconds of the loop at a time, so hosts that
 * complete later do, and then the loop-back port runs the marked queues.
 */
#include "app/demo_rig.h"
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define BASE	    0x40000000u /* address the guest uses for ram[0] */
#define SLICE_NS    1000000u
#define PATIENCE_NS 2000000000u

struct slice {
	struct vio_timer timer;
	struct loop *loop;
};

static void slice_end(struct vio_timer *t)
{
	struct slice *s = VIO_CONTAINER(t, struct slice, timer);

	loop_stop(s->loop);
}

void demo_idle(struct loop *loop)
{
	struct slice s = { .timer.fire = slice_end, .loop = loop };
	struct vio_clock *c = loop_clock(loop);

	c->set(c, &s.timer, c->now(c) + SLICE_NS);
	loop_run(loop);
	c->set(c, &s.timer, 0);
}

static void idle(void *arg)
{
	demo_idle(((struct demo *)arg)->loop);
}

static struct vio_dma take(struct demo *d, uint32_t len)
{
	struct vio_dma m = { d->ram + d->used, BASE + d->used, len };

	d->used += (len + 15u) & ~15u;
	if (d->used > DEMO_RAM) {
		abort(); /* the scenarios are fixed: a mistake of this program, not of a user */
	}
	return m;
}

static int open_queue(struct demo *d, uint16_t i)
{
	bool packed = d->features & VIO_F_RING_PACKED;
	uint16_t flags = (uint16_t)(packed ? VIO_DVQ_PACKED : 0);
	struct vio_dma ring = take(d, vio_dvq_bytes(DEMO_SIZE, packed));
	uint64_t area[3];
	int r;

	if (d->features & VIO_F_EVENT_IDX) {
		flags |= VIO_DVQ_EVENT_IDX;
	}
	r = vio_dvq_init(&d->vq[i], DEMO_SIZE, flags, &ring, d->slot[i]);
	if (r) {
		return r;
	}
	vio_dvq_areas(&d->vq[i], &ring, area);
	return lb_bus.setup(&d->lb, i, DEMO_SIZE, area[0], area[1], area[2]);
}

static int start(struct demo *d, uint64_t want)
{
	struct vio_dev *dev = instance_dev(d->in);
	int r = vio_mem_window_init(&d->mem, BASE, d->ram, DEMO_RAM);

	dev->mem = &d->mem.m;
	r = r ? r : lb_init(&d->lb, dev, VIO_F_RINGS);
	d->lb.idle = idle;
	d->lb.arg = d;
	r = r ? r
	      : vio_drv_probe(&lb_bus, &d->lb,
			      want | VIO_F_VERSION_1 | VIO_F_EVENT_IDX | VIO_F_RING_PACKED,
			      &d->features);
	d->nvq = dev->nvq < DEMO_VQS ? dev->nvq : DEMO_VQS;
	for (uint16_t i = 0; i < d->nvq && r == 0; i++) {
		r = open_queue(d, i);
	}
	if (r == 0) {
		r = lb_bus.set_status(&d->lb, VIO_S_ACKNOWLEDGE | VIO_S_DRIVER | VIO_S_FEATURES_OK |
						      VIO_S_DRIVER_OK);
	}
	return r;
}

int demo_open(struct demo *d, const char *text, uint64_t want)
{
	struct spec_error e = { .text = "" };
	int r = -1;

	d->loop = loop_new("demo");
	d->ram = aligned_alloc(4096, DEMO_RAM);
	d->used = 0;
	if (!d->loop || !d->ram) {
		spec_fail(&e, NULL, "out of memory or descriptors");
	} else if (spec_parse(&d->spec, text, &e) == 0 && spec_finish(&d->spec, 0, &e) == 0) {
		d->in = instance_open(&d->spec, d->loop, NULL, &e);
	}
	if (d->in) {
		r = start(d, want);
		if (r) {
			spec_fail(&e, NULL, "the driver did not start, code %d", r);
		}
	}
	if (r) {
		fprintf(stderr, "stratos: demo: %s: %s\n", text, e.text);
		demo_close(d);
		return -1;
	}
	return 0;
}

void demo_close(struct demo *d)
{
	if (d->in) {
		if (d->lb.dev) {
			lb_bus.set_status(&d->lb, 0);
		}
		instance_free(d->in);
	}
	if (d->loop) {
		loop_free(d->loop);
	}
	spec_free(&d->spec);
	free(d->ram);
	d->in = NULL;
	d->loop = NULL;
	d->ram = NULL;
}

uint8_t *demo_out(struct demo *d, struct demo_req *r, const void *src, uint32_t len)
{
	struct vio_dma m = take(d, len);

	if (src) {
		memcpy(m.p, src, len);
	}
	r->b[r->n_out++] = m;
	return m.p;
}

uint8_t *demo_in(struct demo *d, struct demo_req *r, uint32_t len)
{
	struct vio_dma m = take(d, len);

	memset(m.p, 0xee, len);
	r->b[r->n_out + r->n_in++] = m;
	return m.p;
}

bool demo_add(struct demo *d, uint16_t vq, struct demo_req *r)
{
	r->back = false;
	return vq < d->nvq && vio_dvq_add(&d->vq[vq], r->b, r->n_out, r->n_in, r) == VIO_OK;
}

void demo_go(struct demo *d, uint16_t vq)
{
	if (vio_dvq_need_kick(&d->vq[vq])) {
		lb_bus.kick(&d->lb, vq);
	}
	lb_turn(&d->lb);
}

bool demo_wait(struct demo *d, uint16_t vq, struct demo_req *r)
{
	struct vio_clock *c = loop_clock(d->loop);
	uint64_t end = c->now(c) + PATIENCE_NS;
	struct demo_req *done;
	uint32_t len;
	void *cookie;

	for (;;) {
		while (vio_dvq_get(&d->vq[vq], &cookie, &len) == VIO_OK) {
			done = cookie;
			done->len = len;
			done->back = true;
		}
		if (r->back || c->now(c) > end) {
			return r->back;
		}
		idle(d);
		lb_turn(&d->lb);
	}
}

static void line(const struct demo *d, const char *mark, const char *fmt, va_list ap)
{
	printf("%-8s %-4s ", d->spec.cls->name, mark);
	vprintf(fmt, ap);
	printf("\n");
}

void demo_say(struct demo *d, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	line(d, "", fmt, ap);
	va_end(ap);
}

bool demo_check(struct demo *d, bool ok, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	line(d, ok ? "ok" : "FAIL", fmt, ap);
	va_end(ap);
	d->failed += !ok;
	return ok;
}
