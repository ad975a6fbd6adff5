/* SPDX-License-Identifier: BSD-3-Clause */
/* gpio_bed.h - a GPIO device on a chip that does what it is told, for its tests */
#ifndef TEST_GPIO_BED_H
#define TEST_GPIO_BED_H

#include "rig.h"
#include "vio/gpio.h"

#define IRQ VIO_GPIO_F_IRQ
#define REQ VIO_GPIO_REQUESTQ
#define EVT VIO_GPIO_EVENTQ

#define NAMES  VIO_GPIO_MSG_GET_NAMES
#define GETDIR VIO_GPIO_MSG_GET_DIRECTION
#define SETDIR VIO_GPIO_MSG_SET_DIRECTION
#define GET    VIO_GPIO_MSG_GET_VALUE
#define SET    VIO_GPIO_MSG_SET_VALUE
#define SETIRQ VIO_GPIO_MSG_SET_IRQ_TYPE

#define NONE	VIO_GPIO_IRQ_NONE
#define RISING	VIO_GPIO_IRQ_EDGE_RISING
#define FALLING VIO_GPIO_IRQ_EDGE_FALLING
#define BOTH	VIO_GPIO_IRQ_EDGE_BOTH
#define HIGH	VIO_GPIO_IRQ_LEVEL_HIGH
#define LOW	VIO_GPIO_IRQ_LEVEL_LOW

#define OK	VIO_GPIO_STATUS_OK
#define ERR	VIO_GPIO_STATUS_ERR
#define VALID	VIO_GPIO_IRQ_STATUS_VALID
#define INVALID VIO_GPIO_IRQ_STATUS_INVALID

/* ---- a chip that does what it is told ---- */

#define LINES 4u

struct fake {
	struct vio_gpio_chip chip;
	struct vio_gpio_sink *sink;
	struct vio_gpio_cmd last;
	struct vio_gpio_cmd *late;
	unsigned calls, cancels, resets;
	int rc;	       /* what run answers */
	uint8_t reply; /* to GET_* */
	uint8_t level; /* of each line, reported when a level type is set */
	bool quiet;    /* not reported then, but later */
};

static inline int fake_run(void *host, struct vio_gpio_cmd *c)
{
	struct fake *f = host;

	assert_null(f->late);
	f->calls++;
	f->last = *c;
	c->reply = c->type == GET || c->type == GETDIR ? f->reply : 0;
	if (c->type == SETIRQ && (c->value & (HIGH | LOW)) && !f->quiet) {
		f->sink->change(f->sink, c->line, f->level);
	}
	f->late = f->rc == VIO_PENDING ? c : NULL;
	return f->rc;
}

static inline const struct vio_gpio_chip *fake_open(void *host, struct vio_gpio_sink *sink)
{
	struct fake *f = host;

	f->sink = sink;
	return &f->chip;
}

static inline void fake_cancel(void *host, struct vio_gpio_cmd *c)
{
	struct fake *f = host;

	assert_ptr_equal(f->late, c);
	f->late = NULL;
	f->cancels++;
	vio_job_complete(&c->job, VIO_E_IO);
}

static inline void fake_reset(void *host)
{
	((struct fake *)host)->resets++;
}

static const struct vio_gpio_host_ops fake_ops = {
	.open = fake_open,
	.run = fake_run,
	.cancel = fake_cancel,
	.reset = fake_reset,
};

struct bed {
	struct rig g;
	struct vio_gpio dev;
	struct fake f;
};

static const uint8_t names[] = "MMC-CD\0\0reset\0"; /* the last one is empty */

static inline void bed_init(struct bed *b, uint64_t want)
{
	memset(b, 0, sizeof(*b));
	b->f.chip = (struct vio_gpio_chip){
		.ngpio = LINES, .irq = true, .name = names, .name_bytes = sizeof(names)
	};
	assert_int_equal(vio_gpio_init(&b->dev, rig_mem(&b->g), &fake_ops, &b->f), VIO_OK);
	assert_int_equal(rig_start(&b->g, &b->dev.dev, want), VIO_OK);
}

static inline void bed_end(struct bed *b)
{
	assert_int_equal(rig_status(&b->g) & VIO_S_NEEDS_RESET, 0);
	assert_int_equal(rig_reset(&b->g), VIO_OK);
	vio_gpio_fini(&b->dev);
	rig_end(&b->g);
}

static inline void ask(struct rig *g, struct rig_req *r, uint16_t type, uint16_t line,
		       uint32_t value)
{
	uint8_t out[8];

	vio_pack16(out, type);
	vio_pack16(out + 2, line);
	vio_pack32(out + 4, value);
	rig_do(g, REQ, r, out, 8, 2);
}

/* returns: the value, or -1 for an error */
static inline int call(struct rig *g, uint16_t type, uint16_t line, uint32_t value)
{
	struct rig_req r;

	ask(g, &r, type, line, value);
	assert_true(r.back);
	assert_int_equal(r.len, 2);
	if (r.in[0] != OK) {
		assert_int_equal(r.in[0], ERR);
		assert_int_equal(r.in[1], 0);
		return -1;
	}
	return r.in[1];
}

static inline void unmask(struct rig *g, struct rig_req *r, uint16_t line)
{
	uint8_t out[2];

	vio_pack16(out, line);
	rig_do(g, EVT, r, out, 2, 1);
}

static inline void change(struct bed *b, uint16_t line, uint8_t value)
{
	b->f.sink->change(b->f.sink, line, value);
	rig_turn(&b->g);
}

#endif
