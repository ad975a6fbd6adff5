/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fz_device.c - any device on its simulated host, under what libFuzzer makes of its requests
 *
 * usage: fz_KIND [LIBFUZZER-OPTION]... [CORPUS]...    FUZZ_SPEC: the device, as stratos serve --device has it
 *
 * Theory of operation. An input is a byte of ring format, features to accept, and steps: a request of any lengths on any
 * queue, a part of the configuration read or written, a turn, a queue reset. The device's loop takes a round whenever it
 * has work, on libFuzzer's own thread: handing over to another would cost more than the device. Between two inputs the device is
 * reset, not made anew. What must hold, beside what the sanitizers see:
 * the device returns what it was given and no more (driver/), touches neither what it may only read nor the bytes
 * around a buffer, and ends a reset within a moment. A test that a finding of it became is in test/unit.
 */
#include <stdio.h>
#include <stdlib.h>

static void must(int holds, const char *what, int line)
{
	if (!holds) {
		fprintf(stderr, "fz_device.c: line %d: %s\n", line, what);
		abort();
	}
}

#define assert_true(x)		     must((x) != 0, #x, __LINE__)
#define assert_non_null(x)	     must((x) != NULL, #x, __LINE__)
#define assert_int_equal(a, b)	     must((long long)(a) == (long long)(b), #a " == " #b, __LINE__)
#define assert_memory_equal(a, b, n) must(memcmp(a, b, n) == 0, #a " == " #b, __LINE__)

#define RIG_VQS	 8u
#define RIG_SIZE 64u
#include "app/instance.h"
#include "hosted/log.h"
#include "hosted/loop.h"
#include "test/unit/rig.h"

#define STEPS  64u
#define GUARD  16u /* bytes behind each buffer */
#define LENGTH 1100u
#define RESETS 5000u /* looks, a millisecond apart */

struct input {
	const uint8_t *p;
	size_t left;
};

struct sent {
	struct rig_req r;
	uint8_t *out, *guard;
	uint8_t copy[LENGTH];
	uint32_t out_len;
};

static struct spec spec;
static struct loop *loop;
static struct instance *instance;
static struct rig g;
static struct sent sent[STEPS];
static unsigned nsent;
static bool up;

/* What is missing at the end of an input is 0. */
static uint32_t take(struct input *in, unsigned bytes)
{
	uint32_t v = 0;

	for (unsigned n = 0; n < bytes; n++) {
		v |= in->left ? (uint32_t)*in->p << (8u * n) : 0u;
		in->p += in->left != 0;
		in->left -= in->left != 0;
	}
	return v;
}

/* Most buffers are short; the others are blocks, with room for a header or a status. */
static uint32_t take_length(struct input *in)
{
	static const uint32_t more[] = { 0, 1, 16, 17 };
	uint32_t v = take(in, 1);

	return v < 0xf0u ? v : (512u << (v >> 3 & 1u)) + more[v & 3u];
}

static uint32_t descriptors(uint32_t len)
{
	return rig_piece ? (len + rig_piece - 1u) / rig_piece : len != 0u;
}

static void request(struct input *in, uint16_t vq)
{
	struct sent *s = &sent[nsent];
	uint32_t in_len;

	s->out_len = take_length(in);
	in_len = take_length(in);
	if (s->out_len + in_len == 0u || nsent == STEPS ||
	    descriptors(s->out_len) + descriptors(in_len) > g.q[vq].nfree) {
		return;
	}
	for (uint32_t n = 0; n < s->out_len; n++) {
		s->copy[n] = (uint8_t)take(in, 1);
	}
	s->out = g.ram + ((g.used + 15u) & ~15u);
	rig_add(&g, vq, &s->r, s->copy, s->out_len, in_len);
	s->guard = rig_alloc(&g, GUARD).p;
	memset(s->guard, 0xa5, GUARD);
	nsent++;
	if (vio_dvq_need_kick(&g.q[vq])) {
		lb_bus.kick(&g.lb, vq);
	}
}

static void configuration(struct input *in, bool write)
{
	uint8_t bytes[16];
	uint32_t off = take(in, 1), len = 1u + take(in, 1) % sizeof(bytes);

	for (uint32_t n = 0; write && n < len; n++) {
		bytes[n] = (uint8_t)take(in, 1);
	}
	if (write) {
		lb_bus.config_write(&g.lb, off, bytes, len);
	} else {
		lb_bus.config_read(&g.lb, off, bytes, len);
	}
}

/* The queue is reset and set up once more; what it had is forgotten. */
static void again(uint16_t vq)
{
	struct vio_dma ring;
	uint64_t *area = g.area[vq];

	if (!(g.features & VIO_F_RING_RESET) || lb_bus.reset_vq(&g.lb, vq) != VIO_OK) {
		return;
	}
	ring = rig_alloc(&g, vio_dvq_bytes(RIG_SIZE, rig_packed));
	assert_int_equal(vio_dvq_init(&g.q[vq], RIG_SIZE, rig_packed ? VIO_DVQ_PACKED : 0, &ring,
				      g.slot[vq]),
			 VIO_OK);
	vio_dvq_areas(&g.q[vq], &ring, area);
	assert_int_equal(lb_bus.setup(&g.lb, vq, RIG_SIZE, area[0], area[1], area[2]), VIO_OK);
}

static void step(struct input *in)
{
	uint32_t what = take(in, 1);
	uint16_t vq = (uint16_t)((what >> 3) % g.lb.dev->nvq);

	switch (what & 7u) {
	case 0:
		configuration(in, (what & 8u) != 0u);
		break;
	case 1:
		assert_int_equal(lb_turn(&g.lb), VIO_OK);
		loop_once(loop, 0);
		break;
	case 2:
		again(vq);
		break;
	default:
		request(in, vq);
		break;
	}
}

static void run(struct input *in)
{
	uint32_t how = take(in, 1);
	uint64_t want = take(in, 4) | (uint64_t)(how >> 4) << 32;

	want &= ~(VIO_F_EVENT_IDX | VIO_F_IN_ORDER | VIO_F_RING_PACKED); /* as rig.h drives rings */
	want |= VIO_F_RING_RESET;
	rig_packed = (how & 1u) != 0u;
	rig_piece = how & 2u ? 40u : 0u; /* rig_cut has room for 64 */
	nsent = 0;
	g.used = 0;
	/* refused: a feature is missing that the device cannot do without, or that another needs */
	up = vio_drv_probe(&lb_bus, &g.lb, want | VIO_F_VERSION_1, &g.features) == VIO_OK;
	vio_dev_set_status(g.lb.dev, 0);
	up = up && rig_drive(&g, want) == VIO_OK;
	if (!up) { /* refused at DRIVER_OK, as can does: queues are enabled already */
		vio_dev_set_status(g.lb.dev, 0);
	}
	for (unsigned n = 0; up && in->left && n < STEPS; n++) {
		step(in);
	}
	if (up) {
		lb_turn(&g.lb);
	}
}

static void held(void)
{
	uint8_t expected[GUARD];

	memset(expected, 0xa5, GUARD);
	for (unsigned n = 0; n < nsent; n++) {
		assert_memory_equal(sent[n].out, sent[n].copy, sent[n].out_len);
		assert_memory_equal(sent[n].guard, expected, GUARD);
	}
}

/* returns: true when the device holds nothing any more */
static bool end(void)
{
	if (up) {
		lb_turn(&g.lb);
		rig_collect(&g);
		vio_dev_set_status(g.lb.dev, 0);
	}
	up = false;
	lb_run_all(&g.lb);
	lb_turn(&g.lb);
	return vio_dev_status(g.lb.dev) == 0u;
}

static void begin(void)
{
	struct spec_error e;
	struct vio_mem *m = rig_mem(&g);

	instance = instance_open(&spec, loop, m, &e);
	if (!instance) {
		fprintf(stderr, "fz_device.c: %s\n", e.text);
		abort();
	}
	assert_true(instance_dev(instance)->nvq <= RIG_VQS);
	assert_int_equal(lb_init(&g.lb, instance_dev(instance), VIO_F_RINGS), VIO_OK);
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *text = getenv("FUZZ_SPEC");
	struct spec_error e;

	(void)argc;
	(void)argv;
	if (spec_parse(&spec, text ? text : FUZZ_SPEC, &e) || spec_finish(&spec, 0, &e)) {
		fprintf(stderr, "fz_device.c: %s\n", e.text);
		exit(2);
	}
	loop = loop_new("fuzz");
	assert_non_null(loop);
	begin();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	bool ended = false;

	run(&in);
	for (unsigned n = 0; !ended && n < RESETS; n++) {
		loop_once(loop, n ? 1 : 0);
		ended = end();
	}
	must(ended, "the device's reset does not end", __LINE__);
	held();
	return 0;
}
