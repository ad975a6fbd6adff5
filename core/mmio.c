/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mmio.c - the virtio-mmio register model, device side (virtio 1.3, 4.2)
 *
 * Registers of a queue are kept for each queue, because a driver may write to several in turns before it makes them
 * ready. A queue is in one of four states: down, starting (memory said "not now"), stopping (QueueReady 0), resetting
 * (QueueReset 1). The last three end in settle(), which each later access and vio_mmio_settled call.
 *
 * InterruptStatus may be set by another executor than the one that acknowledges. Whoever lowers the line looks again
 * afterwards, so a line that should be high does not stay low.
 */
#include "vio/mmio.h"

#define NOTHING 0xffffffffu /* of a shared memory region that does not exist */

enum vq_state { VQ_IDLE, VQ_STARTING, VQ_STOPPING, VQ_RESETTING };

static uint32_t isr(const struct vio_mmio *m)
{
	return __atomic_load_n(&m->isr, __ATOMIC_SEQ_CST);
}

static void raise_irq(struct vio_mmio *m, uint32_t bit)
{
	(void)__atomic_fetch_or(&m->isr, bit, __ATOMIC_SEQ_CST);
	m->ops->irq(m->ctx, true);
}

static void clear_irq(struct vio_mmio *m, uint32_t bits)
{
	if ((__atomic_and_fetch(&m->isr, ~bits, __ATOMIC_SEQ_CST)) == 0u) {
		m->ops->irq(m->ctx, false);
		if (isr(m) != 0u) {
			m->ops->irq(m->ctx, true);
		}
	}
}

static void on_signal(void *port, uint16_t vq)
{
	(void)vq;
	raise_irq(port, VIO_MMIO_INT_USED);
}

static void on_config(void *port)
{
	raise_irq(port, VIO_MMIO_INT_CONFIG);
}

static void on_wake(void *port, uint16_t vq)
{
	struct vio_mmio *m = port;

	m->ops->run(m->ctx, vq);
}

static const struct vio_port_ops port_ops = { .signal = on_signal,
					      .config = on_config,
					      .wake = on_wake };

static void forget(struct vio_mmio *m)
{
	m->features = 0u;
	m->beyond = false;
	m->dev_sel = 0u;
	m->drv_sel = 0u;
	m->q_sel = 0u;
	for (uint16_t i = 0u; i < m->dev->nvq; i++) {
		m->vq[i] = (struct vio_mmio_vq){ .state = VQ_IDLE };
	}
}

void vio_mmio_init(struct vio_mmio *m, struct vio_dev *d, struct vio_mmio_vq *vq,
		   const struct vio_mmio_ops *ops, void *ctx, uint64_t transport_features)
{
	*m = (struct vio_mmio){ .dev = d, .ops = ops, .ctx = ctx, .vq = vq };
	forget(m);
	vio_dev_attach(d, &port_ops, m, transport_features);
}

static bool resetting(const struct vio_mmio *m)
{
	return __atomic_load_n(&m->dev->resetting, __ATOMIC_ACQUIRE);
}

/* The driver's fault */
static int fault(struct vio_mmio *m)
{
	vio_dev_fail(m->dev);
	return VIO_E_ARG;
}

/* ---- queues ---- */

/* Go on with what queue i is in; returns: VIO_OK done | VIO_PENDING */
static int settle(struct vio_mmio *m, uint16_t i)
{
	struct vio_vq *q = &m->dev->vq[i];
	struct vio_mmio_vq *s = &m->vq[i];
	int rc = VIO_OK;

	switch ((enum vq_state)s->state) {
	case VQ_STARTING:
		rc = vio_vq_enable(q, NULL);
		break;
	case VQ_STOPPING:
		rc = vio_vq_disable(q, NULL);
		break;
	case VQ_RESETTING:
		rc = vio_vq_reset(q);
		break;
	case VQ_IDLE:
	default:
		return VIO_OK;
	}
	if ((rc == VIO_PENDING) || (rc == VIO_E_AGAIN)) {
		return VIO_PENDING;
	}
	if (s->state == VQ_STARTING) {
		if (rc != VIO_OK) {
			(void)fault(m);
		}
		m->ops->run(m->ctx, i);
	}
	s->state = VQ_IDLE;
	return VIO_OK;
}

bool vio_mmio_settled(struct vio_mmio *m)
{
	bool all = true;

	if (resetting(m)) {
		return false;
	}
	for (uint16_t i = 0u; i < m->dev->nvq; i++) {
		all = (settle(m, i) == VIO_OK) && all;
	}
	return all;
}

/* Size and areas are known: make queue i ready; returns: as settle, or negative */
static int start(struct vio_mmio *m, uint16_t i, bool resumed)
{
	struct vio_mmio_vq *s = &m->vq[i];

	if ((s->size > VIO_VQ_SIZE_MAX) ||
	    (vio_vq_setup(&m->dev->vq[i], (uint16_t)s->size, s->area[0], s->area[1], s->area[2]) !=
	     VIO_OK)) {
		return VIO_E_ARG;
	}
	if (m->ops->prepare != NULL) {
		m->ops->prepare(m->ctx, i, resumed);
	}
	s->state = VQ_STARTING;
	return settle(m, i);
}

static int write_ready(struct vio_mmio *m, uint16_t i, uint32_t v)
{
	struct vio_vq *q = &m->dev->vq[i];
	struct vio_mmio_vq *s = &m->vq[i];
	int rc;

	if (s->state != VQ_IDLE) {
		return fault(m); /* before the last change was read back */
	}
	if (((v & 1u) != 0u) == q->enabled) {
		return VIO_OK;
	}
	if ((v & 1u) == 0u) {
		s->state = VQ_STOPPING;
		return settle(m, i);
	}
	if ((vio_dev_status(m->dev) & VIO_S_FEATURES_OK) == 0u) {
		return fault(m);
	}
	rc = start(m, i, false);
	return (rc < 0) ? fault(m) : rc;
}

static int write_reset(struct vio_mmio *m, uint16_t i, uint32_t v)
{
	if (((m->dev->features & VIO_F_RING_RESET) == 0u) || ((v & 1u) == 0u)) {
		return VIO_E_ARG;
	}
	if (m->vq[i].state == VQ_RESETTING) {
		return settle(m, i);
	}
	m->vq[i].state = VQ_RESETTING;
	m->vq[i].size = 0u;
	return settle(m, i);
}

/* Registers that apply to the selected queue */
static int write_queue(struct vio_mmio *m, uint32_t off, uint32_t v)
{
	uint16_t i = (uint16_t)m->q_sel;
	uint64_t *area;
	bool frozen;

	if (m->q_sel >= m->dev->nvq) {
		return VIO_E_ARG;
	}
	if (off == VIO_MMIO_QUEUE_READY) {
		return write_ready(m, i, v);
	}
	if (off == VIO_MMIO_QUEUE_RESET) {
		return write_reset(m, i, v);
	}
	frozen = m->dev->vq[i].enabled || (m->vq[i].state != VQ_IDLE);
	if (frozen) {
		return fault(m); /* its size and addresses belong to the device now */
	}
	if (off == VIO_MMIO_QUEUE_SIZE) {
		m->vq[i].size = v;
		return VIO_OK;
	}
	area = &m->vq[i].area[(off - VIO_MMIO_QUEUE_DESC) / 16u];
	if ((off & 4u) != 0u) {
		*area = (*area & 0xffffffffu) | ((uint64_t)v << 32);
	} else {
		*area = (*area & ~(uint64_t)0xffffffffu) | v;
	}
	return VIO_OK;
}

static uint32_t read_queue(struct vio_mmio *m, uint32_t off)
{
	uint16_t i = (uint16_t)m->q_sel;

	if (m->q_sel >= m->dev->nvq) {
		return 0u;
	}
	(void)settle(m, i);
	if (off == VIO_MMIO_QUEUE_SIZE_MAX) {
		return m->dev->vq[i].size_max;
	}
	if (off == VIO_MMIO_QUEUE_RESET) {
		return (m->vq[i].state == VQ_RESETTING) ? 1u : 0u;
	}
	return (m->dev->vq[i].enabled || (m->vq[i].state == VQ_STARTING)) ? 1u : 0u;
}

/* ---- features and status ---- */

static int write_features(struct vio_mmio *m, uint32_t v)
{
	uint32_t shift = m->drv_sel * 32u;

	if ((vio_dev_status(m->dev) & VIO_S_FEATURES_OK) != 0u) {
		return fault(m);
	}
	if (m->drv_sel > 1u) {
		m->beyond = m->beyond || (v != 0u);
		return VIO_OK;
	}
	m->features = (m->features & ~((uint64_t)0xffffffffu << shift)) | ((uint64_t)v << shift);
	return VIO_OK;
}

static int write_status(struct vio_mmio *m, uint32_t v)
{
	uint8_t s = (uint8_t)v, now = vio_dev_status(m->dev);
	int rc;

	if (s == 0u) {
		forget(m);
		rc = vio_dev_set_status(m->dev, 0u);
		clear_irq(m, ~0u);
		for (uint16_t i = 0u; (rc == VIO_PENDING) && (i < m->dev->nvq); i++) {
			m->ops->run(m->ctx, i);
		}
		return rc;
	}
	if (resetting(m)) {
		return VIO_E_ARG;
	}
	if (((s & ~now & VIO_S_FEATURES_OK) != 0u) &&
	    (m->beyond || (vio_dev_accept(m->dev, m->features) != VIO_OK))) {
		s &= (uint8_t)~VIO_S_FEATURES_OK; /* the driver reads it back and gives up */
	}
	rc = vio_dev_set_status(m->dev, s);
	if (rc == VIO_E_ARG) {
		return fault(m);
	}
	for (uint16_t i = 0u; ((s & ~now & VIO_S_DRIVER_OK) != 0u) && (i < m->dev->nvq); i++) {
		m->ops->run(m->ctx, i); /* what was offered before it */
	}
	return VIO_OK;
}

static int notify(struct vio_mmio *m, uint32_t v)
{
	if (v >= m->dev->nvq) {
		return VIO_E_ARG;
	}
	m->ops->run(m->ctx, (uint16_t)v);
	return VIO_OK;
}

/* ---- the access ---- */

static int config(struct vio_mmio *m, uint32_t off, uint32_t size, bool write, uint32_t *val)
{
	uint8_t b[4] = { 0u };

	if (off >= m->dev->ops->config_len) {
		return VIO_E_ARG;
	}
	if (write) {
		vio_pack32(b, *val);
		return vio_dev_config_write(m->dev, off, b, size);
	}
	vio_dev_config_read(m->dev, off, b, size);
	*val = vio_unpack32(b);
	return VIO_OK;
}

static int read_register(struct vio_mmio *m, uint32_t off, uint32_t *val)
{
	switch (off) {
	case VIO_MMIO_MAGIC:
		*val = VIO_MMIO_MAGIC_VALUE;
		return VIO_OK;
	case VIO_MMIO_VERSION:
		*val = 2u;
		return VIO_OK;
	case VIO_MMIO_DEVICE_ID:
		*val = m->dev->ops->id;
		return VIO_OK;
	case VIO_MMIO_VENDOR_ID:
		*val = m->vendor;
		return VIO_OK;
	case VIO_MMIO_DEVICE_FEATURES:
		*val = (m->dev_sel > 1u) ? 0u : (uint32_t)(m->dev->offered >> (m->dev_sel * 32u));
		return VIO_OK;
	case VIO_MMIO_QUEUE_SIZE_MAX:
	case VIO_MMIO_QUEUE_READY:
	case VIO_MMIO_QUEUE_RESET:
		*val = read_queue(m, off);
		return VIO_OK;
	case VIO_MMIO_INTERRUPT_STATUS:
		*val = isr(m);
		return VIO_OK;
	case VIO_MMIO_STATUS:
		*val = vio_dev_status(m->dev);
		return VIO_OK;
	case VIO_MMIO_SHM_LEN:
	case VIO_MMIO_SHM_LEN + 4u:
	case VIO_MMIO_SHM_BASE:
	case VIO_MMIO_SHM_BASE + 4u:
		*val = NOTHING;
		return VIO_OK;
	case VIO_MMIO_GENERATION:
		*val = __atomic_load_n(&m->dev->generation, __ATOMIC_ACQUIRE);
		return VIO_OK;
	default:
		return VIO_E_ARG;
	}
}

static int write_register(struct vio_mmio *m, uint32_t off, uint32_t v)
{
	switch (off) {
	case VIO_MMIO_DEVICE_FEATURES_SEL:
		m->dev_sel = v;
		return VIO_OK;
	case VIO_MMIO_DRIVER_FEATURES:
		return write_features(m, v);
	case VIO_MMIO_DRIVER_FEATURES_SEL:
		m->drv_sel = v;
		return VIO_OK;
	case VIO_MMIO_QUEUE_SEL:
		m->q_sel = v;
		return VIO_OK;
	case VIO_MMIO_QUEUE_NOTIFY:
		return notify(m, v);
	case VIO_MMIO_INTERRUPT_ACK:
		clear_irq(m, v);
		return VIO_OK;
	case VIO_MMIO_STATUS:
		return write_status(m, v);
	case VIO_MMIO_SHM_SEL:
		return VIO_OK; /* there is no region to select */
	case VIO_MMIO_QUEUE_SIZE:
	case VIO_MMIO_QUEUE_READY:
	case VIO_MMIO_QUEUE_RESET:
	case VIO_MMIO_QUEUE_DESC:
	case VIO_MMIO_QUEUE_DESC + 4u:
	case VIO_MMIO_QUEUE_DRIVER:
	case VIO_MMIO_QUEUE_DRIVER + 4u:
	case VIO_MMIO_QUEUE_DEVICE:
	case VIO_MMIO_QUEUE_DEVICE + 4u:
		return write_queue(m, off, v);
	default:
		return VIO_E_ARG;
	}
}

int vio_mmio_access(struct vio_mmio *m, uint32_t off, uint32_t size, bool write, uint32_t *val)
{
	if (!write) {
		*val = 0u;
	}
	if ((size != 1u) && (size != 2u) && (size != 4u)) {
		return VIO_E_ARG;
	}
	if (off >= VIO_MMIO_CONFIG) {
		return config(m, off - VIO_MMIO_CONFIG, size, write, val);
	}
	if ((size != 4u) || ((off & 3u) != 0u)) {
		return VIO_E_ARG;
	}
	if (resetting(m) && write && (off != VIO_MMIO_STATUS) && (off != VIO_MMIO_INTERRUPT_ACK)) {
		return VIO_E_ARG; /* the driver has not seen the reset complete */
	}
	return write ? write_register(m, off, *val) : read_register(m, off, val);
}

/* ---- from one process to the next ---- */

/* A reset that is not complete is done with: whoever goes on has nothing to drain. */
void vio_mmio_save(const struct vio_mmio *m, struct vio_mmio_saved *s, struct vio_mmio_saved_vq *vq)
{
	bool down = resetting(m);

	*s = (struct vio_mmio_saved){
		.features = m->features,
		.dev_sel = m->dev_sel,
		.drv_sel = m->drv_sel,
		.q_sel = m->q_sel,
		.generation = __atomic_load_n(&m->dev->generation, __ATOMIC_ACQUIRE),
		.status = down ? 0u : vio_dev_status(m->dev),
		.beyond = m->beyond ? 1u : 0u,
	};
	for (uint16_t i = 0u; i < m->dev->nvq; i++) {
		vq[i] = (struct vio_mmio_saved_vq){ .size = m->vq[i].size };
		for (uint8_t k = 0u; k < 3u; k++) {
			vq[i].area[k] = m->vq[i].area[k];
		}
		if (!down && (m->vq[i].state != VQ_RESETTING) &&
		    (m->dev->vq[i].enabled || (m->vq[i].state == VQ_STARTING))) {
			vq[i].ready = 1u;
		}
	}
}

static int resume(struct vio_mmio *m, const struct vio_mmio_saved *s,
		  const struct vio_mmio_saved_vq *vq)
{
	if (((s->status & VIO_S_FEATURES_OK) != 0u) &&
	    (vio_dev_accept(m->dev, s->features) != VIO_OK)) {
		return VIO_E_ARG;
	}
	__atomic_store_n(&m->dev->generation, s->generation + 1u, __ATOMIC_RELEASE);
	for (uint16_t i = 0u; i < m->dev->nvq; i++) {
		m->vq[i].size = vq[i].size;
		for (uint8_t k = 0u; k < 3u; k++) {
			m->vq[i].area[k] = vq[i].area[k];
		}
		if (vq[i].ready == 0u) {
			continue;
		}
		if ((vq[i].ready != 1u) || ((s->status & VIO_S_FEATURES_OK) == 0u) ||
		    (start(m, i, true) < 0)) {
			return VIO_E_ARG;
		}
	}
	return vio_dev_set_status(m->dev, s->status & (uint8_t)~VIO_S_NEEDS_RESET);
}

int vio_mmio_restore(struct vio_mmio *m, const struct vio_mmio_saved *s,
		     const struct vio_mmio_saved_vq *vq)
{
	m->features = s->features;
	m->beyond = s->beyond != 0u;
	m->dev_sel = s->dev_sel;
	m->drv_sel = s->drv_sel;
	m->q_sel = s->q_sel;
	if ((s->status != 0u) && (resume(m, s, vq) != VIO_OK)) {
		forget(m);
		(void)vio_dev_set_status(m->dev, 0u);
		return VIO_E_ARG;
	}
	if ((s->status & VIO_S_NEEDS_RESET) != 0u) {
		vio_dev_fail(m->dev);
	}
	if ((s->status & VIO_S_DRIVER_OK) != 0u) {
		raise_irq(m, VIO_MMIO_INT_USED | VIO_MMIO_INT_CONFIG);
	}
	for (uint16_t i = 0u; i < m->dev->nvq; i++) {
		m->ops->run(m->ctx, i);
	}
	return VIO_OK;
}
