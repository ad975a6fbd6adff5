/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mmio.c - the virtio-mmio register model, device side (virtio 1.3, 4.2)
 *
 * Registers of a queue are kept for each queue (ctl.h), because a driver may write to several in turns before it makes
 * them ready.
 *
 * InterruptStatus may be set by another executor than the one that acknowledges. Whoever lowers the line looks again
 * afterwards, so a line that should be high does not stay low.
 */
#include "vio/mmio.h"

#define NOTHING 0xffffffffu /* of a shared memory region that does not exist */

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

	m->ctl.run(m->ctl.ctx, vq);
}

static const struct vio_port_ops port_ops = { .signal = on_signal,
					      .config = on_config,
					      .wake = on_wake };

static void forget(struct vio_mmio *m)
{
	vio_ctl_forget(&m->ctl);
	m->dev_sel = 0u;
	m->drv_sel = 0u;
	m->q_sel = 0u;
}

void vio_mmio_init(struct vio_mmio *m, struct vio_dev *d, struct vio_ctl_vq *vq,
		   const struct vio_mmio_ops *ops, void *ctx, uint64_t transport_features)
{
	*m = (struct vio_mmio){
		.ctl = { .dev = d, .vq = vq, .run = ops->run, .prepare = ops->prepare, .ctx = ctx },
		.ops = ops,
		.ctx = ctx
	};
	forget(m);
	vio_dev_attach(d, &port_ops, m, transport_features);
}

static int fault(struct vio_mmio *m)
{
	return vio_ctl_fault(&m->ctl);
}

bool vio_mmio_settled(struct vio_mmio *m)
{
	return vio_ctl_settled(&m->ctl);
}

/* ---- queues ---- */

static int write_ready(struct vio_mmio *m, uint16_t i, uint32_t v)
{
	int rc;

	if (m->ctl.vq[i].state != VIO_CTL_IDLE) {
		return fault(m); /* before the last change was read back */
	}
	if (((v & 1u) != 0u) == m->ctl.dev->vq[i].enabled) {
		return VIO_OK;
	}
	if ((v & 1u) == 0u) {
		return vio_ctl_stop(&m->ctl, i);
	}
	if ((vio_dev_status(m->ctl.dev) & VIO_S_FEATURES_OK) == 0u) {
		return fault(m);
	}
	rc = vio_ctl_start(&m->ctl, i, false);
	return (rc < 0) ? fault(m) : rc;
}

static int write_reset(struct vio_mmio *m, uint16_t i, uint32_t v)
{
	if (((m->ctl.dev->features & VIO_F_RING_RESET) == 0u) || ((v & 1u) == 0u)) {
		return VIO_E_ARG;
	}
	return vio_ctl_reset(&m->ctl, i);
}

/* Registers that apply to the selected queue */
static int write_queue(struct vio_mmio *m, uint32_t off, uint32_t v)
{
	uint16_t i = (uint16_t)m->q_sel;
	uint64_t *area;
	bool frozen;

	if (m->q_sel >= m->ctl.dev->nvq) {
		return VIO_E_ARG;
	}
	if (off == VIO_MMIO_QUEUE_READY) {
		return write_ready(m, i, v);
	}
	if (off == VIO_MMIO_QUEUE_RESET) {
		return write_reset(m, i, v);
	}
	frozen = m->ctl.dev->vq[i].enabled || (m->ctl.vq[i].state != VIO_CTL_IDLE);
	if (frozen) {
		return fault(m); /* its size and addresses belong to the device now */
	}
	if (off == VIO_MMIO_QUEUE_SIZE) {
		m->ctl.vq[i].size = vio_ctl_size(v);
		return VIO_OK;
	}
	area = &m->ctl.dev->vq[i].area_addr[(off - VIO_MMIO_QUEUE_DESC) / 16u];
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

	if (m->q_sel >= m->ctl.dev->nvq) {
		return 0u;
	}
	(void)vio_ctl_settle(&m->ctl, i);
	if (off == VIO_MMIO_QUEUE_SIZE_MAX) {
		return m->ctl.dev->vq[i].size_max;
	}
	if (off == VIO_MMIO_QUEUE_RESET) {
		return (m->ctl.vq[i].state == VIO_CTL_RESETTING) ? 1u : 0u;
	}
	return vio_ctl_up(&m->ctl, i) ? 1u : 0u;
}

/* ---- status ---- */

static int write_status(struct vio_mmio *m, uint32_t v)
{
	int rc;

	if ((uint8_t)v == 0u) {
		forget(m);
	}
	rc = vio_ctl_status(&m->ctl, (uint8_t)v);
	if ((uint8_t)v == 0u) {
		clear_irq(m, ~0u);
	}
	return rc;
}

static int notify(struct vio_mmio *m, uint32_t v)
{
	if (v >= m->ctl.dev->nvq) {
		return VIO_E_ARG;
	}
	m->ctl.run(m->ctl.ctx, (uint16_t)v);
	return VIO_OK;
}

/* ---- the access ---- */

static int config(struct vio_mmio *m, uint32_t off, uint32_t size, bool write, uint32_t *val)
{
	uint8_t b[4] = { 0u };

	if (off >= m->ctl.dev->ops->config_len) {
		return VIO_E_ARG;
	}
	if (write) {
		vio_pack32(b, *val);
		return vio_dev_config_write(m->ctl.dev, off, b, size);
	}
	vio_dev_config_read(m->ctl.dev, off, b, size);
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
		*val = m->ctl.dev->ops->id;
		return VIO_OK;
	case VIO_MMIO_VENDOR_ID:
		*val = m->vendor;
		return VIO_OK;
	case VIO_MMIO_DEVICE_FEATURES:
		*val = (m->dev_sel > 1u) ? 0u
					 : (uint32_t)(m->ctl.dev->offered >> (m->dev_sel * 32u));
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
		*val = vio_dev_status(m->ctl.dev);
		return VIO_OK;
	case VIO_MMIO_SHM_LEN:
	case VIO_MMIO_SHM_LEN + 4u:
	case VIO_MMIO_SHM_BASE:
	case VIO_MMIO_SHM_BASE + 4u:
		*val = NOTHING;
		return VIO_OK;
	case VIO_MMIO_GENERATION:
		*val = __atomic_load_n(&m->ctl.dev->generation, __ATOMIC_ACQUIRE);
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
		return vio_ctl_accept(&m->ctl, m->drv_sel, v);
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
	if (vio_ctl_resetting(&m->ctl) && write && (off != VIO_MMIO_STATUS) &&
	    (off != VIO_MMIO_INTERRUPT_ACK)) {
		return VIO_E_ARG; /* the driver has not seen the reset complete */
	}
	return write ? write_register(m, off, *val) : read_register(m, off, val);
}

/* ---- from one process to the next ---- */

void vio_mmio_save(const struct vio_mmio *m, struct vio_mmio_saved *s, struct vio_ctl_saved_vq *vq)
{
	s->dev_sel = m->dev_sel;
	s->drv_sel = m->drv_sel;
	s->q_sel = m->q_sel;
	vio_ctl_save(&m->ctl, &s->ctl, vq);
}

int vio_mmio_restore(struct vio_mmio *m, const struct vio_mmio_saved *s,
		     const struct vio_ctl_saved_vq *vq)
{
	int rc = vio_ctl_restore(&m->ctl, &s->ctl, vq);

	if (rc != VIO_OK) {
		return rc;
	}
	m->dev_sel = s->dev_sel;
	m->drv_sel = s->drv_sel;
	m->q_sel = s->q_sel;
	if ((s->ctl.status & VIO_S_DRIVER_OK) != 0u) {
		raise_irq(m, VIO_MMIO_INT_USED | VIO_MMIO_INT_CONFIG);
	}
	return VIO_OK;
}
