/* SPDX-License-Identifier: BSD-3-Clause */
/* loopback.c - a port that joins a device and its driver in one process */
#include <string.h>
#include "loopback.h"

static void lb_signal(void *port, uint16_t vq)
{
	struct lb *l = port;

	l->signals[vq]++;
	l->signalled[vq] = true;
}

static void lb_config(void *port)
{
	struct lb *l = port;

	l->configs++;
}

static void lb_wake(void *port, uint16_t vq)
{
	struct lb *l = port;

	__atomic_store_n(&l->due[vq], 1u, __ATOMIC_RELEASE);
}

static const struct vio_port_ops port_ops = {
	.signal = lb_signal,
	.config = lb_config,
	.wake = lb_wake,
};

int lb_init(struct lb *l, struct vio_dev *d, uint64_t transport_features)
{
	if (d->nvq > LB_VQ_MAX) {
		return VIO_E_ARG;
	}
	memset(l, 0, sizeof(*l));
	l->dev = d;
	vio_dev_attach(d, &port_ops, l, transport_features);
	return VIO_OK;
}

void lb_run_all(struct lb *l)
{
	for (uint16_t i = 0u; i < l->dev->nvq; i++) {
		lb_wake(l, i);
	}
}

/* A store and a fence, no exchange: what is marked between the load and the store is seen by the turn that follows. */
static bool take_due(struct lb *l, uint16_t i)
{
	if (__atomic_load_n(&l->due[i], __ATOMIC_ACQUIRE) == 0u) {
		return false;
	}
	__atomic_store_n(&l->due[i], 0u, __ATOMIC_RELAXED);
	vio_fence();
	return true;
}

/* One turn of each marked queue; *starved: one waits for memory. returns: true = some are marked again */
static bool pass(struct lb *l, bool *starved)
{
	bool busy = false;

	for (uint16_t i = 0u; i < l->dev->nvq; i++) {
		struct vio_vq *q = &l->dev->vq[i];
		int rc;

		if (!take_due(l, i)) {
			continue;
		}
		rc = vio_vq_run(q);
		if ((rc == VIO_PENDING) || ((rc == VIO_OK) && vio_vq_arm(q))) {
			lb_wake(l, i);
		}
		*starved = *starved || (rc == VIO_E_AGAIN);
	}
	for (uint16_t i = 0u; i < l->dev->nvq; i++) {
		busy = busy || (__atomic_load_n(&l->due[i], __ATOMIC_ACQUIRE) != 0u);
	}
	return busy;
}

int lb_turn(struct lb *l)
{
	bool starved = false;

	for (uint32_t n = 0u; pass(l, &starved); n++) {
		if (n == LB_PASSES) {
			return VIO_PENDING;
		}
	}
	return starved ? VIO_E_AGAIN : VIO_OK;
}

/* One step of waiting: host work first, then the queues that it completes */
static void step(struct lb *l)
{
	bool starved = false;

	if (l->idle != NULL) {
		l->idle(l->arg);
	}
	lb_run_all(l);
	(void)pass(l, &starved);
}

static int bus_features(void *bus, uint64_t *offered)
{
	const struct lb *l = bus;

	*offered = l->dev->offered;
	return VIO_OK;
}

static int bus_accept(void *bus, uint64_t features)
{
	struct lb *l = bus;

	return vio_dev_accept(l->dev, features);
}

static int bus_status(void *bus, uint8_t *s)
{
	const struct lb *l = bus;

	*s = vio_dev_status(l->dev);
	return VIO_OK;
}

static int bus_set_status(void *bus, uint8_t s)
{
	struct lb *l = bus;
	int rc = vio_dev_set_status(l->dev, s);

	if (s != 0u) {
		lb_run_all(l); /* DRIVER_OK: what was offered before it */
		return rc;
	}
	for (uint32_t n = 0u; vio_dev_status(l->dev) != 0u; n++) {
		if (n == LB_PASSES) {
			return VIO_E_AGAIN;
		}
		step(l);
	}
	return VIO_OK;
}

static int bus_config_read(void *bus, uint32_t off, void *dst, uint32_t len)
{
	const struct lb *l = bus;

	vio_dev_config_read(l->dev, off, dst, len);
	return VIO_OK;
}

static int bus_config_write(void *bus, uint32_t off, const void *src, uint32_t len)
{
	struct lb *l = bus;

	return vio_dev_config_write(l->dev, off, src, len);
}

static int bus_setup(void *bus, uint16_t vq, uint16_t size, uint64_t desc, uint64_t driver,
		     uint64_t device)
{
	struct lb *l = bus;
	int rc;

	if (vq >= l->dev->nvq) {
		return VIO_E_ARG;
	}
	rc = vio_vq_setup(&l->dev->vq[vq], size, desc, driver, device);
	if (rc != VIO_OK) {
		return rc;
	}
	rc = vio_vq_enable(&l->dev->vq[vq], NULL);
	for (uint32_t n = 0u; (rc == VIO_E_AGAIN) && (n < LB_PASSES); n++) {
		step(l);
		rc = vio_vq_enable(&l->dev->vq[vq], NULL);
	}
	lb_wake(l, vq);
	return rc;
}

static int bus_reset_vq(void *bus, uint16_t vq)
{
	struct lb *l = bus;
	int rc;

	if (vq >= l->dev->nvq) {
		return VIO_E_ARG;
	}
	rc = vio_vq_reset(&l->dev->vq[vq]);
	for (uint32_t n = 0u; (rc == VIO_PENDING) && (n < LB_PASSES); n++) {
		step(l);
		rc = vio_vq_reset(&l->dev->vq[vq]);
	}
	return (rc == VIO_PENDING) ? VIO_E_AGAIN : rc;
}

static int bus_kick(void *bus, uint16_t vq)
{
	struct lb *l = bus;

	if (vq >= l->dev->nvq) {
		return VIO_E_ARG;
	}
	l->kicks[vq]++;
	lb_wake(l, vq);
	return VIO_OK;
}

const struct vio_bus_ops lb_bus = {
	.features = bus_features,
	.accept = bus_accept,
	.status = bus_status,
	.set_status = bus_set_status,
	.config_read = bus_config_read,
	.config_write = bus_config_write,
	.setup = bus_setup,
	.reset_vq = bus_reset_vq,
	.kick = bus_kick,
};
