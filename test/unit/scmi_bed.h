/* SPDX-License-Identifier: BSD-3-Clause */
/* scmi_bed.h - an SCMI device on a host that does what it is told, for its tests */
#ifndef TEST_SCMI_BED_H
#define TEST_SCMI_BED_H

#include "host/scmi/board.h"
#include "rig.h"

#define P2A  VIO_SCMI_F_P2A_CHANNELS
#define CMD  VIO_SCMI_CMDQ
#define EVT  VIO_SCMI_EVENTQ
#define NONE (-100) /* no answer yet */

struct fake {
	struct vio_scmi_tree tree;
	struct vio_scmi_sink *sink;
	struct vio_scmi_op last, *late[VIO_SCMI_DEPTH + VIO_SCMI_DELAYED];
	unsigned calls, nlate, cancels, resets;
	int rc; /* what run answers */
	uint64_t value, extra;
};

struct bed {
	struct rig g;
	struct vio_scmi dev;
	struct fake f;
	struct rig_clock clock;
	struct rig_req r;
};

static inline int fake_run(void *host, struct vio_scmi_op *op)
{
	struct fake *f = host;

	f->calls++;
	f->last = *op;
	op->value = f->value;
	op->extra = f->extra;
	if (f->rc == VIO_PENDING) {
		f->late[f->nlate++] = op;
	}
	return f->rc;
}

static inline const struct vio_scmi_tree *fake_open(void *host, struct vio_scmi_sink *sink)
{
	struct fake *f = host;

	f->sink = sink;
	return f->tree.agent ? &f->tree : NULL;
}

static inline void fake_cancel(void *host, struct vio_scmi_op *op)
{
	struct fake *f = host;

	f->cancels++;
	vio_job_complete(&op->job, VIO_E_AGAIN);
}

static inline void fake_reset(void *host)
{
	((struct fake *)host)->resets++;
}

static const struct vio_scmi_host_ops fake_ops = {
	.open = fake_open,
	.run = fake_run,
	.cancel = fake_cancel,
	.reset = fake_reset,
};

static inline void bed_init(struct bed *b, uint64_t want)
{
	memset(b, 0, sizeof(*b));
	rig_clock_init(&b->clock);
	b->f.tree = scmi_plan_default.agent[0];
	assert_int_equal(vio_scmi_init(&b->dev, rig_mem(&b->g), &fake_ops, &b->f, &b->clock.c),
			 VIO_OK);
	assert_int_equal(rig_start(&b->g, &b->dev.dev, want), VIO_OK);
}

static inline void bed_end(struct bed *b)
{
	assert_int_equal(rig_reset(&b->g), VIO_OK);
	vio_scmi_fini(&b->dev);
	rig_end(&b->g);
}

static inline uint32_t word(const struct rig_req *r, unsigned n)
{
	return vio_unpack32(r->in + 4u * n);
}

/* Words of an answer behind its status */
static inline uint32_t value(const struct bed *b, unsigned n)
{
	assert_true(8u + 4u * n < b->r.len);
	return word(&b->r, 2u + n);
}

#define TOKEN (0x155u << 18)

/* What an answer says; its header comes back as it was, and a failure is a status alone. */
static inline int32_t status_of(const struct rig_req *r, uint32_t hdr)
{
	int32_t status;

	if (!r->back) {
		return NONE;
	}
	assert_true(r->len >= 8u);
	assert_int_equal(word(r, 0), hdr);
	status = (int32_t)word(r, 1);
	if (status != VIO_SCMI_SUCCESS) {
		assert_int_equal(r->len, 8);
	}
	return status;
}

/* A command of so many bytes; returns: status. The room is `in` bytes. */
static inline int32_t ask_bytes(struct bed *b, uint32_t proto, uint32_t msg, const uint32_t *p,
				uint32_t bytes, uint32_t in)
{
	uint8_t out[4 + 256];
	uint32_t hdr = VIO_SCMI_HDR(proto, 0, msg) | TOKEN, n;

	vio_pack32(out, hdr);
	for (n = 0; n < (bytes + 3u) / 4u; n++) {
		vio_pack32(out + 4u + 4u * n, p[n]);
	}
	b->g.used =
		b->g.used > RIG_RAM / 2u ? RIG_RAM / 4u : b->g.used; /* old buffers are done with */
	rig_do(&b->g, CMD, &b->r, out, 4u + bytes, in);
	return status_of(&b->r, hdr);
}

#define ASK(b, proto, msg, ...)                                                                    \
	ask_bytes((b), (proto), (msg), (const uint32_t[]){ __VA_ARGS__, 0 },                       \
		  sizeof((const uint32_t[]){ __VA_ARGS__ }), 136)
#define ASK0(b, proto, msg) ask_bytes((b), (proto), (msg), (const uint32_t[]){ 0 }, 0, 136)

static inline void name_is(const struct bed *b, unsigned at, const char *want)
{
	assert_true(8u + 4u * at + 16u <= b->r.len);
	assert_string_equal((const char *)b->r.in + 8u + 4u * at, want);
}

#endif
