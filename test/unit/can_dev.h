/* SPDX-License-Identifier: BSD-3-Clause */
/* can_dev.h - a CAN device on a controller that does what it is told */
#ifndef TEST_CAN_DEV_H
#define TEST_CAN_DEV_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "can_bed.h"

struct fake {
	struct vio_can_able able;
	struct vio_can_sink *sink;
	struct vio_can_tx *way[VIO_CAN_DEPTH + 1];
	unsigned n, starts, stops, cancels, closed;
	struct vio_can_frame last;
	bool acked; /* what the last frame asked for */
	int rc, start_rc;
	bool on, gone;
};

static const struct vio_can_able *fake_open(void *host, struct vio_can_sink *sink)
{
	struct fake *f = host;

	f->sink = sink;
	return f->gone ? NULL : &f->able;
}

static void fake_close(void *host)
{
	((struct fake *)host)->closed++;
}

static int fake_start(void *host)
{
	struct fake *f = host;

	f->starts++;
	f->on = f->start_rc == VIO_OK;
	return f->start_rc;
}

/* The job of frame i of those on their way */
static inline void fake_end(struct fake *f, unsigned i, int32_t result)
{
	struct vio_can_tx *t = f->way[i];

	for (f->n--; i < f->n; i++) {
		f->way[i] = f->way[i + 1];
	}
	vio_job_complete(&t->job, result);
}

static void fake_stop(void *host)
{
	struct fake *f = host;

	assert_true(f->on);
	f->on = false;
	f->stops++;
	while (f->n) {
		fake_end(f, f->n - 1, VIO_E_IO);
	}
}

static int fake_send(void *host, struct vio_can_tx *t)
{
	struct fake *f = host;

	assert_true(f->on);
	f->last = t->frame;
	f->acked = t->ack;
	if (f->rc == VIO_PENDING) {
		assert_true(f->n < VIO_CAN_DEPTH);
		f->way[f->n++] = t;
	}
	return f->rc;
}

static void fake_cancel(void *host, struct vio_can_tx *t)
{
	struct fake *f = host;
	unsigned i = 0;

	while (f->way[i] != t) {
		assert_true(++i < f->n);
	}
	f->cancels++;
	fake_end(f, i, VIO_E_IO);
}

static const struct vio_can_host_ops fake_ops = {
	.open = fake_open,
	.close = fake_close,
	.start = fake_start,
	.stop = fake_stop,
	.send = fake_send,
	.cancel = fake_cancel,
};

struct bed {
	struct rig g;
	struct vio_can dev;
	struct fake f;
};

static inline void bed_make(struct bed *b, uint64_t want)
{
	memset(b, 0, sizeof(*b));
	b->f.able = (struct vio_can_able){ true, true, true, true };
	assert_int_equal(vio_can_init(&b->dev, rig_mem(&b->g), &fake_ops, &b->f), VIO_OK);
	assert_int_equal(rig_start(&b->g, &b->dev.dev, want), VIO_OK);
}

static inline void bed_init(struct bed *b, uint64_t want)
{
	bed_make(b, want);
	assert_int_equal(can_go(&b->g), OK);
}

static inline void bed_end(struct bed *b)
{
	assert_int_equal(rig_status(&b->g) & VIO_S_NEEDS_RESET, 0);
	assert_int_equal(rig_reset(&b->g), VIO_OK);
	assert_int_equal(b->f.n, 0);
	assert_false(b->f.on);
	vio_can_fini(&b->dev);
	assert_int_equal(b->f.closed, 1);
	rig_end(&b->g);
}

static inline void hear(struct bed *b, uint32_t id, uint16_t flags, const void *data, uint8_t len)
{
	struct vio_can_frame f;

	memset(&f, 0xaa, sizeof(f)); /* what a host leaves behind the data goes nowhere */
	f.id = id;
	f.flags = flags;
	f.len = len;
	memcpy(f.data, data, len < 64 ? len : 64);
	b->f.sink->frame(b->f.sink, &f);
	rig_turn(&b->g);
}

#endif
