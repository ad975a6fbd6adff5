/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * gpio.c - GPIO device
 *
 * Request queue: one command at a time goes to the host; while it is pending nothing is popped. So
 * messages are answered in the order in which they came, which the specification demands per line.
 *
 * Event queue: a request names a line and unmasks its interrupt. It is owned by the device, in
 * line[].buf, until the interrupt happens (VALID) or is disabled (INVALID); giving it back masks.
 * An interrupt is delivered when three things meet: irq type set (SET_IRQ_TYPE), unmasked (buf),
 * and
 *	edge types:  a wanted edge, now or `latched` while masked;
 *	level types: the level is there, now; nothing is latched.
 * gpio_deliver looks at all three, and is called whenever one of them may have come true.
 *
 * Cancel (queue stopped, with or without a reset) returns event requests as INVALID. A Linux driver
 * whose interrupt is still enabled queues the buffer again, so a queue that was only stopped loses
 * no interrupt.
 */
#include <string.h>
#include "vio/gpio.h"

#define UNKNOWN 2u /* no level: the host has not said it since the interrupt was enabled */

static struct vio_gpio *gpio_of(struct vio_dev *d)
{
	return VIO_CONTAINER(d, struct vio_gpio, dev);
}

/* ---- event queue ---- */

static void gpio_event_done(struct vio_req *r, uint8_t status)
{
	vio_req_write(r, 0, &status, 1);
	vio_req_done(r, 0);
}

/* Give the buffer of a line back, if it has one. */
static void gpio_return(struct vio_gpio *g, struct vio_gpio_line *l, uint8_t status)
{
	struct vio_req *r = l->buf;

	if (r) {
		l->buf = NULL;
		gpio_event_done(r, status);
		vio_vq_wake(&g->vq[VIO_GPIO_EVENTQ]); /* this may not be a turn of that queue */
	}
}

static void gpio_deliver(struct vio_gpio *g, struct vio_gpio_line *l)
{
	bool level = l->seen == (l->irq == VIO_GPIO_IRQ_LEVEL_HIGH ? 1u : 0u);
	bool active =
		l->irq & VIO_GPIO_IRQ_EDGE_BOTH ? l->latched : l->irq != VIO_GPIO_IRQ_NONE && level;

	if (active && l->buf) {
		l->latched = false;
		gpio_return(g, l, VIO_GPIO_IRQ_STATUS_VALID);
	}
}

static void gpio_change(struct vio_gpio_sink *s, uint16_t line, uint8_t value)
{
	struct vio_gpio *g = VIO_CONTAINER(s, struct vio_gpio, sink);
	struct vio_gpio_line *l;
	uint8_t edge = (uint8_t)(value ? VIO_GPIO_IRQ_EDGE_RISING : VIO_GPIO_IRQ_EDGE_FALLING);

	if (!g->chip || line >= g->chip->ngpio) {
		return;
	}
	l = &g->line[line];
	l->seen = value ? 1 : 0;
	if (l->irq & edge) { /* no bit of a level type is one of an edge type */
		l->latched = true;
	}
	gpio_deliver(g, l);
}

static void gpio_irq_off(struct vio_gpio *g, struct vio_gpio_line *l)
{
	l->irq = VIO_GPIO_IRQ_NONE;
	l->latched = false;
	gpio_return(g, l, VIO_GPIO_IRQ_STATUS_INVALID);
}

static void gpio_event_queue(struct vio_gpio *g, struct vio_vq *q)
{
	struct vio_gpio_irq_request h;
	struct vio_gpio_line *l;
	struct vio_req *r;

	while ((r = vio_vq_pop(q)) != NULL) {
		if (vio_req_read(r, 0, &h, sizeof(h)) < sizeof(h) || r->in_len == 0 ||
		    vio_le16(h.gpio) >= g->chip->ngpio) {
			gpio_event_done(r, VIO_GPIO_IRQ_STATUS_INVALID);
			continue;
		}
		l = &g->line[vio_le16(h.gpio)];
		/*
		 * After a crash of the back-end the types are lost. A replayed buffer is kept until
		 * the driver enables the interrupt again: returned, a driver would queue it again
		 * for ever.
		 */
		if (l->buf || (l->irq == VIO_GPIO_IRQ_NONE && !r->again)) {
			gpio_event_done(r, VIO_GPIO_IRQ_STATUS_INVALID);
			continue;
		}
		l->buf = r;
		gpio_deliver(g, l);
	}
}

/* ---- request queue ---- */

static void gpio_answer(struct vio_req *r, uint8_t status, uint8_t value)
{
	struct vio_gpio_response a = { .status = status, .value = value };

	vio_req_write(r, 0, &a, sizeof(a)); /* stores what fits */
	vio_req_done(r, 0);
}

/* What is remembered of a command that succeeded; also of one that needs no host. */
static void gpio_note(struct vio_gpio *g, const struct vio_gpio_cmd *c)
{
	struct vio_gpio_line *l = &g->line[c->line];

	if (c->type == VIO_GPIO_MSG_SET_VALUE) {
		l->level = c->value;
	} else if (c->type == VIO_GPIO_MSG_SET_DIRECTION) {
		l->out = c->value == VIO_GPIO_DIRECTION_OUT;
		if (c->value == VIO_GPIO_DIRECTION_NONE) {
			l->level = 0;
			gpio_irq_off(g, l);
		}
	}
}

static void gpio_end(struct vio_gpio *g, struct vio_req *r, int32_t result)
{
	const struct vio_gpio_cmd *c = &g->cmd;

	if (result == VIO_OK) {
		gpio_note(g, c);
	} else if (c->type == VIO_GPIO_MSG_SET_IRQ_TYPE) {
		gpio_irq_off(g, &g->line[c->line]);
	}
	gpio_answer(r, (uint8_t)(result == VIO_OK ? VIO_GPIO_STATUS_OK : VIO_GPIO_STATUS_ERR),
		    (uint8_t)(result == VIO_OK ? c->reply : 0));
}

static void gpio_job_done(struct vio_job *j, int32_t result)
{
	struct vio_gpio *g = VIO_CONTAINER(j, struct vio_gpio, cmd.job);
	struct vio_req *r = g->now;

	g->now = NULL;
	gpio_end(g, r, result);
}

static bool gpio_irq_allowed(const struct vio_gpio *g, const struct vio_gpio_line *l, uint32_t type)
{
	if (!(g->dev.features & VIO_GPIO_F_IRQ)) {
		return false;
	}
	switch (type) {
	case VIO_GPIO_IRQ_NONE:
		return true;
	case VIO_GPIO_IRQ_EDGE_RISING:
	case VIO_GPIO_IRQ_EDGE_FALLING:
	case VIO_GPIO_IRQ_EDGE_BOTH:
	case VIO_GPIO_IRQ_LEVEL_HIGH:
	case VIO_GPIO_IRQ_LEVEL_LOW:
		/* another type only after NONE; the same again is how a replayed request looks */
		return !l->out && (l->irq == VIO_GPIO_IRQ_NONE || l->irq == type);
	default:
		return false;
	}
}

static bool gpio_allowed(const struct vio_gpio *g, const struct vio_gpio_line *l, uint16_t type,
			 uint32_t value)
{
	switch (type) {
	case VIO_GPIO_MSG_GET_DIRECTION:
	case VIO_GPIO_MSG_GET_VALUE:
		return true;
	case VIO_GPIO_MSG_SET_DIRECTION:
		return value <= VIO_GPIO_DIRECTION_IN &&
		       (value != VIO_GPIO_DIRECTION_OUT || l->irq == VIO_GPIO_IRQ_NONE);
	case VIO_GPIO_MSG_SET_VALUE:
		return value <= 1;
	case VIO_GPIO_MSG_SET_IRQ_TYPE:
		return gpio_irq_allowed(g, l, value);
	default:
		return false;
	}
}

static void gpio_names(struct vio_gpio *g, struct vio_req *r)
{
	uint8_t status = VIO_GPIO_STATUS_OK;

	if (g->chip->name_bytes == 0 || r->in_len <= g->chip->name_bytes) {
		gpio_answer(r, VIO_GPIO_STATUS_ERR, 0);
		return;
	}
	vio_req_write(r, 0, &status, 1);
	vio_req_write(r, 1, g->chip->name, g->chip->name_bytes);
	vio_req_done(r, 0);
}

/* Fill g->cmd from a request; false: it is answered already. */
static bool gpio_command(struct vio_gpio *g, struct vio_req *r)
{
	struct vio_gpio_request h;
	struct vio_gpio_cmd *c = &g->cmd;
	struct vio_gpio_line *l;
	uint16_t type, line;

	if (vio_req_read(r, 0, &h, sizeof(h)) < sizeof(h) || r->out_len > sizeof(h) ||
	    r->in_len < sizeof(struct vio_gpio_response)) {
		gpio_answer(r, VIO_GPIO_STATUS_ERR, 0);
		return false;
	}
	type = vio_le16(h.type);
	line = vio_le16(h.gpio);
	if (type == VIO_GPIO_MSG_GET_NAMES) {
		gpio_names(g, r);
		return false;
	}
	l = &g->line[line < g->chip->ngpio ? line : 0];
	if (line >= g->chip->ngpio || !gpio_allowed(g, l, type, vio_le32(h.value))) {
		gpio_answer(r, VIO_GPIO_STATUS_ERR, 0);
		return false;
	}
	c->type = (uint8_t)type;
	c->line = line;
	c->value = (uint8_t)vio_le32(h.value);
	c->level = l->level;
	c->reply = 0;
	return true;
}

static void gpio_request_queue(struct vio_gpio *g, struct vio_vq *q)
{
	struct vio_req *r;
	struct vio_gpio_line *l;
	int rc;

	while (!g->now && (r = vio_vq_pop(q)) != NULL) {
		if (!gpio_command(g, r)) {
			continue;
		}
		l = &g->line[g->cmd.line];
		if (g->cmd.type == VIO_GPIO_MSG_SET_IRQ_TYPE) {
			/* before the host is asked: an edge may come before its answer */
			if (g->cmd.value == VIO_GPIO_IRQ_NONE) {
				gpio_irq_off(g, l);
			} else {
				l->seen = l->irq == VIO_GPIO_IRQ_NONE ? UNKNOWN : l->seen;
				l->irq = g->cmd.value;
			}
		}
		rc = VIO_OK;
		/* the level of a line that is no output is only remembered */
		if (g->cmd.type != VIO_GPIO_MSG_SET_VALUE || l->out) {
			g->now = r;
			rc = g->ops->run(g->host, &g->cmd);
			if (rc == VIO_PENDING) {
				return;
			}
			g->now = NULL;
		}
		gpio_end(g, r, rc);
	}
}

/* ---- device ---- */

static void gpio_queue(struct vio_dev *d, struct vio_vq *q)
{
	struct vio_gpio *g = gpio_of(d);

	if (q->index == VIO_GPIO_EVENTQ) {
		gpio_event_queue(g, q);
	} else {
		gpio_request_queue(g, q);
	}
}

static void gpio_cancel(struct vio_dev *d, struct vio_req *r)
{
	struct vio_gpio *g = gpio_of(d);
	uint16_t n;

	if (r == g->now) {
		if (g->ops->cancel) {
			g->ops->cancel(g->host, &g->cmd);
		}
		return;
	}
	for (n = 0; n < g->chip->ngpio; n++) {
		if (g->line[n].buf == r) {
			gpio_return(g, &g->line[n], VIO_GPIO_IRQ_STATUS_INVALID);
			return;
		}
	}
}

static void gpio_stop(struct vio_dev *d)
{
	struct vio_gpio *g = gpio_of(d);

	if (g->ops->reset) {
		g->ops->reset(g->host);
	}
	memset(g->line, 0, sizeof(g->line));
}

static const struct vio_dev_ops gpio_ops = {
	.id = VIO_GPIO_ID,
	.nvq_max = 2,
	.config_len = sizeof(struct vio_gpio_config),
	.features = VIO_GPIO_F_IRQ,
	.queue = gpio_queue,
	.cancel = gpio_cancel,
	.stop = gpio_stop,
};

int vio_gpio_init(struct vio_gpio *g, struct vio_mem *m, const struct vio_gpio_host_ops *ops,
		  void *host)
{
	int rc;

	if (!ops) {
		return VIO_E_ARG;
	}
	rc = vio_dev_init(&g->dev, &gpio_ops, m, g->vq, 2, g->config);
	if (rc) {
		return rc;
	}
	VIO_VQ_BIND(&g->vq[VIO_GPIO_REQUESTQ], &g->dev, VIO_GPIO_REQUESTQ, &g->store,
		    VIO_GPIO_DEPTH, VIO_GPIO_SEGS);
	VIO_VQ_BIND(&g->vq[VIO_GPIO_EVENTQ], &g->dev, VIO_GPIO_EVENTQ, &g->event_store,
		    VIO_GPIO_LINES + 1u, VIO_GPIO_SEGS);
	g->ops = ops;
	g->host = host;
	g->sink.change = gpio_change;
	g->cmd.job.done = gpio_job_done;
	g->cmd.job.vq = &g->vq[VIO_GPIO_REQUESTQ];
	g->chip = ops->open(host, &g->sink);
	if (!g->chip) {
		return VIO_E_IO;
	}
	if (g->chip->ngpio == 0 || g->chip->ngpio > VIO_GPIO_LINES) {
		vio_gpio_fini(g);
		return VIO_E_ARG;
	}
	if (!g->chip->irq) {
		g->dev.class_features &= ~VIO_GPIO_F_IRQ;
	}
	vio_pack16(g->config, g->chip->ngpio);
	vio_pack32(g->config + offsetof(struct vio_gpio_config, gpio_names_size),
		   g->chip->name_bytes);
	return VIO_OK;
}

void vio_gpio_fini(struct vio_gpio *g)
{
	if (g->ops->close) {
		g->ops->close(g->host);
	}
}

static size_t gpio_bytes(const struct vio_parts *parts)
{
	(void)parts;
	return sizeof(struct vio_gpio);
}

static int gpio_create(void *self, struct vio_mem *m, const struct vio_parts *parts)
{
	return vio_gpio_init(self, m, parts->host_ops, parts->host);
}

static void gpio_destroy(void *self)
{
	vio_gpio_fini(self);
}

const struct vio_class vio_class_gpio = {
	.name = "gpio",
	.about = "GPIO: lines of a chip of the host for the guest",
	.id = VIO_GPIO_ID,
	.needs_host = true,
	.bytes = gpio_bytes,
	.create = gpio_create,
	.destroy = gpio_destroy,
};
