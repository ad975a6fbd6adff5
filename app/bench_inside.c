/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench_inside.c - a device of this process as target: model, core and host, without socket, threads and wake-ups
 *
 * Theory of operation. Driver and device share one thread and the loop-back port. Each round of the load lets the device
 * take its turn; what that needed of the thread's processor time is the back-end's. A host that answers later is given
 * a round of its loop when nothing else is to be done. What is left out is what a daemon has more than a device: the
 * protocol, system calls to be notified and to notify, and caches of two processors.
 */
#include "app/bench_way.h"
#include "app/instance.h"
#include "port/loopback/loopback.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FIRST	    0x40000000u /* address of the first region */
#define PAGE	    4096u
#define BOUNCE_HEAD 4096u /* bytes of a slot besides the block: headers, tables of descriptors */
#define BOUNCE_MOST 64u	  /* slots of a queue; requests beyond them wait for one */

struct inside {
	struct lb lb; /* first: what lb_bus takes */
	struct loop *loop;
	struct spec spec;
	struct instance *in;
	struct vio_mem_full full;
	struct vio_mem_window window;
	struct vio_mem_bounce bounce;
	struct vio_region *region; /* spec.regions */
	uint64_t *used;		   /* bytes given out of each */
	uint32_t n;
	uint8_t *slots; /* bounce */
	uint64_t cpu;	/* ns */
};

static uint64_t processor_now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static bool is_due(const struct inside *w)
{
	for (uint16_t i = 0; i < w->lb.dev->nvq; i++) {
		if (__atomic_load_n(&w->lb.due[i], __ATOMIC_ACQUIRE) != 0) {
			return true;
		}
	}
	return false;
}

/* ms: how long the host may be waited for when no queue has a turn to take */
static void run(struct inside *w, int ms)
{
	uint64_t begin = processor_now();

	if (!is_due(w)) {
		loop_once(w->loop, ms);
	}
	(void)lb_turn(&w->lb); /* who waits for a bounce buffer is woken by its release */
	w->cpu += processor_now() - begin;
}

static void idle(void *arg)
{
	struct inside *w = arg;

	loop_once(w->loop, 1);
}

/* ---- memory ---- */

static int make_regions(struct inside *w, uint32_t n, uint64_t bytes)
{
	size_t len = ((size_t)bytes + PAGE - 1u) & ~(size_t)(PAGE - 1u);

	w->region = calloc(n, sizeof(*w->region));
	w->used = calloc(n, sizeof(*w->used));
	if (!w->region || !w->used) {
		return -1;
	}
	for (w->n = 0; w->n < n; w->n++) {
		uint8_t *p = aligned_alloc(PAGE, len);

		if (!p) {
			return -1;
		}
		memset(p, 0, len); /* not at the first request */
		w->region[w->n] = (struct vio_region){ .gpa = FIRST + (uint64_t)w->n * (len + PAGE),
						       .hva = p,
						       .len = len };
	}
	return 0;
}

/* returns: the memory kind that was asked for, or NULL: it cannot be had */
static struct vio_mem *make_memory(struct inside *w, const struct bench_spec *s)
{
	uint32_t slot = (bench_data_bytes(s) + BOUNCE_HEAD + 15u) & ~15u;
	uint16_t nslot = (uint16_t)(s->depth < BOUNCE_MOST ? s->depth : BOUNCE_MOST);

	if (make_regions(w, s->regions, bench_region_bytes(s)) ||
	    vio_mem_full_init(&w->full, w->region, (uint16_t)w->n) != VIO_OK) {
		return NULL;
	}
	switch (s->memory) {
	case BENCH_FULL:
		return &w->full.m;
	case BENCH_WINDOW:
		return vio_mem_window_init(&w->window, w->region[0].gpa, w->region[0].hva,
					   w->region[0].len) == VIO_OK
			       ? &w->window.m
			       : NULL;
	case BENCH_BOUNCE:
		w->slots = aligned_alloc(16, (size_t)slot * nslot);
		return w->slots && vio_mem_bounce_init(&w->bounce, &w->full.m, w->slots, slot,
						       nslot) == VIO_OK
			       ? &w->bounce.m
			       : NULL;
	}
	return NULL;
}

static int inside_alloc(void *to, uint32_t at, uint32_t len, uint32_t align, struct vio_dma *out)
{
	struct inside *w = to;
	uint32_t i = at % w->n;
	uint64_t from = (w->used[i] + align - 1u) & ~((uint64_t)align - 1u);

	if (from > w->region[i].len || len > w->region[i].len - from) {
		return VIO_E_AGAIN;
	}
	w->used[i] = from + len;
	*out = (struct vio_dma){ .p = w->region[i].hva + from,
				 .addr = w->region[i].gpa + from,
				 .len = len };
	return VIO_OK;
}

/* ---- the way ---- */

static bool inside_asked(const struct bench_spec *s)
{
	return s->inside != NULL;
}

/* returns: 0 | -1 and e */
static int make_device(struct inside *w, const struct bench_spec *s, struct spec_error *e)
{
	struct vio_mem *m;

	if (spec_parse(&w->spec, s->inside, e) || spec_finish(&w->spec, 0, e)) {
		return -1;
	}
	if (strcmp(w->spec.cls->name, s->cls->name) != 0) {
		spec_fail(e, NULL, "--in-process makes a device of class %s, --dev loads %s",
			  w->spec.cls->name, s->cls->name);
		return -1;
	}
	if (w->spec.threads) {
		spec_fail(e, NULL,
			  "--in-process: driver and device share one thread; leave out "
			  "'threads'");
		return -1;
	}
	m = make_memory(w, s);
	w->loop = m ? loop_new("bench") : NULL;
	if (!w->loop) {
		spec_fail(e, NULL, "no memory or descriptors for %u regions", s->regions);
		return -1;
	}
	w->spec.packed = true; /* whether it is used is the load's choice */
	w->in = instance_open(&w->spec, w->loop, m, e);
	if (!w->in) {
		return -1;
	}
	instance_dev(w->in)->mem = m;
	if (lb_init(&w->lb, instance_dev(w->in), VIO_F_RINGS) != VIO_OK) {
		spec_fail(e, NULL, "the device has more than %u queues", LB_VQ_MAX);
		return -1;
	}
	w->lb.idle = idle;
	w->lb.arg = w;
	return 0;
}

static int inside_open(struct bench *b, char err[256])
{
	struct inside *w = calloc(1, sizeof(*w));
	struct spec_error e = { .text = "" };

	b->to = w;
	if (!w || make_device(w, &b->spec, &e)) {
		snprintf(err, 256, "%.255s", w ? e.text : "no memory");
		return -1;
	}
	return 0;
}

static void inside_close(struct bench *b)
{
	struct inside *w = b->to;

	if (!w) {
		return;
	}
	if (w->lb.dev) {
		(void)lb_bus.set_status(&w->lb, 0);
	}
	if (w->in) {
		instance_free(w->in);
	}
	if (w->loop) {
		loop_free(w->loop);
	}
	spec_free(&w->spec);
	for (uint32_t i = 0; i < w->n; i++) {
		free(w->region[i].hva);
	}
	free(w->region);
	free(w->used);
	free(w->slots);
	free(w);
}

static uint32_t inside_queues(void *to)
{
	const struct inside *w = to;

	return w->lb.dev->nvq;
}

static void inside_turn(struct bench *b)
{
	run(b->to, 0);
}

static unsigned inside_nap(struct bench *b, uint64_t ns)
{
	struct inside *w = b->to;
	unsigned calls = 0;

	run(w, (int)(ns / 1000000u) + 1);
	for (uint16_t i = 0; i < b->spec.queues; i++) {
		uint16_t vq = b->queue[i].vq;

		calls += w->lb.signalled[vq] ? 1u : 0u;
		w->lb.signalled[vq] = false;
	}
	return calls;
}

static const char *inside_error(void *to)
{
	(void)to;
	return "";
}

static uint64_t inside_kicks(void *to)
{
	const struct inside *w = to;
	uint64_t n = 0;

	for (uint16_t i = 0; i < w->lb.dev->nvq; i++) {
		n += w->lb.kicks[i];
	}
	return n;
}

static void inside_cost(struct bench *b, struct bench_cost *c)
{
	const struct inside *w = b->to;

	c->known = true;
	c->cpu_ns = w->cpu;
	c->threads = 1;
	c->client_cpu_ns -= w->cpu < c->client_cpu_ns ? w->cpu : c->client_cpu_ns;
}

const struct bench_way bench_inside = {
	.asked = inside_asked,
	.open = inside_open,
	.close = inside_close,
	.bus = &lb_bus,
	.alloc = inside_alloc,
	.queues = inside_queues,
	.turn = inside_turn,
	.nap = inside_nap,
	.error = inside_error,
	.kicks = inside_kicks,
	.cost = inside_cost,
};
