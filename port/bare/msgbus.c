/* SPDX-License-Identifier: BSD-3-Clause */
/* msgbus.c - devices behind one window of plain memory, polled */
#include "msgbus.h"

#define TRANSPORT (VIO_F_INDIRECT_DESC | VIO_F_EVENT_IDX | VIO_F_RING_RESET | VIO_F_ACCESS_PLATFORM)

static void on_run(void *ctx, uint16_t vq)
{
	struct vio_bare_msg_dev *d = ctx;

	d->due |= (uint32_t)1u << vq;
}

/* What a device has to say is looked for in each turn. */
static void on_due(void *ctx)
{
	(void)ctx;
}

static const struct vio_msg_ops msg_ops = { .run = on_run, .due = on_due };

int vio_bare_msg_init(struct vio_bare_msg *b, void *window, uint32_t bytes,
		      void (*bell)(void *ctx, uint32_t said), void *ctx)
{
	uint32_t pool = vio_msgwin_pool();

	if ((bytes <= pool) || (((uintptr_t)window & (VIO_MSGWIN_PAGE - 1u)) != 0u)) {
		return VIO_E_ARG;
	}
	*b = (struct vio_bare_msg){ .pool = pool,
				    .pool_here = (uint8_t *)window + pool,
				    .pool_bytes = bytes - pool,
				    .window = window,
				    .bell = bell,
				    .ctx = ctx };
	vio_msg_bus_init(&b->bus, b->slot, VIO_BARE_MSG_DEVICES, VIO_MSGWIN_ELEMENT, VIO_MSG_V2);
	return VIO_OK;
}

int vio_bare_msg_add(struct vio_bare_msg *b, struct vio_bare_msg_dev *slot, struct vio_dev *d,
		     struct vio_ctl_vq *vq, uint16_t size_max)
{
	if ((b->n == VIO_BARE_MSG_DEVICES) || (d->nvq > VIO_BARE_MSG_QUEUES) || (size_max == 0u) ||
	    (size_max > VIO_VQ_SIZE_MAX) || ((size_max & (size_max - 1u)) != 0u)) {
		return VIO_E_ARG;
	}
	*slot = (struct vio_bare_msg_dev){ .bus = b };
	for (uint16_t i = 0u; i < d->nvq; i++) {
		d->vq[i].size_max = size_max;
	}
	vio_msg_init(&slot->msg, d, vq, b->n, VIO_MSGWIN_ELEMENT, VIO_MSG_V2, &msg_ops, slot,
		     TRANSPORT);
	slot->msg.ctl.insists = VIO_F_ACCESS_PLATFORM;
	vio_msg_bus_set(&b->bus, b->n, &slot->msg, false);
	b->dev[b->n] = slot;
	b->n++;
	return VIO_OK;
}

static void ring(struct vio_bare_msg *b)
{
	b->bells++;
	if (b->bell != NULL) {
		b->bell(b->ctx, vio_msgwin_bell(b->window));
	}
}

void vio_bare_msg_publish(struct vio_bare_msg *b)
{
	(void)vio_msgwin_create(&b->q, b->window, b->pool + b->pool_bytes, VIO_MSGWIN_NO_BELL);
	ring(b);
}

/* returns: true: the queue wants another turn at once */
static bool run(struct vio_vq *q)
{
	int rc = vio_vq_run(q);

	return (rc == VIO_PENDING) || ((rc == VIO_OK) && vio_vq_arm(q));
}

/* look: whether it was notified or not */
static bool run_device(struct vio_bare_msg_dev *d, bool look)
{
	uint32_t due = look ? UINT32_MAX : d->due;
	struct vio_dev *dev = d->msg.ctl.dev;

	d->due = 0u; /* before the turns, which may set it */
	for (uint16_t i = 0u; i < dev->nvq; i++) {
		if (((due & ((uint32_t)1u << i)) != 0u) && run(&dev->vq[i])) {
			d->due |= (uint32_t)1u << i;
		}
	}
	return d->due != 0u;
}

bool vio_bare_msg_turn(struct vio_bare_msg *b)
{
	struct vio_msgwin_turn did;
	bool more = false, look;

	b->turns++;
	look = (b->turns % VIO_BARE_MSG_LOOK) == 0u;
	vio_msgwin_turn(&b->q, &b->bus, &did);
	b->received += did.received;
	b->sent += did.sent;
	b->sessions += (did.event == VIO_MSGQ_UP) ? 1u : 0u;
	for (uint16_t i = 0u; i < b->n; i++) {
		more = run_device(b->dev[i], look) || more;
	}
	if (did.ring) {
		ring(b);
	}
	return more || did.more || (did.received > 0u);
}
