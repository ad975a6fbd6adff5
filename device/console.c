/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * console.c - console device model: ports, their two queues, size, emergency write
 *
 * source: virtio 1.3, 5.3
 *
 * Theory of operation. No byte is lost, in either direction:
 *
 * Output (transmit queue). A request is owned until the host took all its bytes; while one is half done (port->tx)
 * no other is popped. The host wakes the queue when it can take more. A guest thus waits for a slow reader.
 *
 * Input (receive queue). A buffer is popped only when the host has bytes for certain, so none is held empty. With
 * MULTIPORT input also waits until the guest opened the port: Linux throws away what comes earlier.
 *
 * Reset and stop give a half done request back at once; its last bytes are lost, the guest is going away.
 *
 * Replay (vio_req.again): a request that was half written before a crash is written again from its start, so its
 * beginning may appear twice. Losing it would be worse, and how far it came is not known.
 *
 * Without MULTIPORT port 0 works on queues 0 and 1 and the others stay idle.
 */
#include <string.h>
#include "console_ctrl.h"

#define CFG(field) ((uint32_t)offsetof(struct vio_console_wire_config, field))

/* A vio_console of this device. */
static struct vio_console *console_of(struct vio_dev *d)
{
	return (struct vio_console *)(void *)d;
}

static void console_tx(struct vio_console *c, struct vio_vq *q, uint32_t p)
{
	struct vio_console_port *port = &c->port[p];

	while (port->tx || ((port->tx = vio_vq_pop(q)) != NULL)) {
		struct vio_req *r = port->tx;
		struct vio_span s;
		uint32_t left = r->out_len - port->tx_off;

		if (left && !vio_req_span(r, false, port->tx_off, left, &s)) {
			uint32_t n = c->host_ops->write(c->host, p, q, &s);

			if (n < left) {
				port->tx_off += n;
				return;
			}
		}
		port->tx = NULL;
		port->tx_off = 0;
		vio_req_done(r, 0);
	}
}

static void console_rx(struct vio_console *c, struct vio_vq *q, uint32_t p)
{
	bool multi = (c->dev.features & VIO_CONSOLE_F_MULTIPORT) != 0;

	if (multi && !c->port[p].guest_open) {
		return;
	}
	while (c->host_ops->ready(c->host, p, q)) {
		struct vio_req *r = vio_vq_pop(q);
		struct vio_span s;
		uint32_t n = 0;

		if (!r) {
			return;
		}
		if (r->in_len && !vio_req_span(r, true, 0, r->in_len, &s)) {
			n = c->host_ops->read(c->host, p, &s);
		}
		vio_req_done(r, n);
	}
}

static void console_queue(struct vio_dev *d, struct vio_vq *q)
{
	struct vio_console *c = console_of(d);
	uint32_t i = q->index;

	if (i < VIO_CONSOLE_VQ_CTRL_RX) {
		if (i == VIO_CONSOLE_VQ_RX0) {
			console_rx(c, q, 0);
		} else {
			console_tx(c, q, 0);
		}
		return;
	}
	if (!(d->features & VIO_CONSOLE_F_MULTIPORT)) {
		return;
	}
	if (i == VIO_CONSOLE_VQ_CTRL_RX) {
		console_ctrl_rx(c, q);
	} else if (i == VIO_CONSOLE_VQ_CTRL_TX) {
		console_ctrl_tx(c, q);
	} else if (i & 1u) {
		console_tx(c, q, (i - 2u) / 2u);
	} else {
		console_rx(c, q, (i - 2u) / 2u);
	}
}

/* Only transmit requests are ever kept across turns. */
static void console_cancel(struct vio_dev *d, struct vio_req *r)
{
	struct vio_console *c = console_of(d);

	for (uint32_t p = 0; p < c->nports; p++) {
		if (c->port[p].tx == r) {
			c->port[p].tx = NULL;
			c->port[p].tx_off = 0;
			vio_req_done(r, 0);
			return;
		}
	}
}

static void console_stop(struct vio_dev *d)
{
	struct vio_console *c = console_of(d);

	for (uint32_t p = 0; p < c->nports; p++) {
		struct vio_console_port *port = &c->port[p];

		if (port->guest_open && c->host_ops->opened) {
			c->host_ops->opened(c->host, p, false);
		}
		port->due = 0;
		port->guest_open = false;
		port->added = false;
		port->ready = false;
	}
}

/* emerg_wr works at any time, before features are negotiated too (5.3.5.1); nothing else can be written. */
static int console_config_write(struct vio_dev *d, uint32_t off, const uint8_t *src, uint32_t len)
{
	struct vio_console *c = console_of(d);

	if ((off < CFG(emerg_wr)) || !len || !c->host_ops->emergency) {
		return VIO_E_ARG;
	}
	if (off == CFG(emerg_wr)) {
		c->host_ops->emergency(c->host, src[0]);
	}
	return VIO_OK;
}

static const struct vio_dev_ops console_ops = {
	.id = VIO_ID_CONSOLE,
	.nvq_max = 2u + 2u * VIO_CONSOLE_PORTS_MAX,
	.config_len = 12,
	.features = VIO_CONSOLE_F_SIZE | VIO_CONSOLE_F_MULTIPORT | VIO_CONSOLE_F_EMERG_WRITE,
	.queue = console_queue,
	.cancel = console_cancel,
	.stop = console_stop,
	.config_write = console_config_write,
	.config_write_needs = VIO_CONSOLE_F_EMERG_WRITE,
};

static void console_size(struct vio_console *c, uint32_t p, uint16_t cols, uint16_t rows)
{
	c->port[p].info.cols = cols;
	c->port[p].info.rows = rows;
	if (p == 0) {
		vio_pack16(c->config + CFG(cols), cols);
		vio_pack16(c->config + CFG(rows), rows);
	}
}

void vio_console_resize(struct vio_dev *d, uint32_t p, uint16_t cols, uint16_t rows)
{
	struct vio_console *c = console_of(d);
	struct vio_console_port *port;

	if (p >= c->nports) {
		return;
	}
	port = &c->port[p];
	if ((port->info.cols == cols) && (port->info.rows == rows)) {
		return;
	}
	console_size(c, p, cols, rows);
	if ((p == 0) && (d->features & VIO_CONSOLE_F_SIZE)) {
		vio_dev_config_changed(d);
	}
	if (port->ready && port->info.console) {
		console_due(c, p, DUE_SIZE);
	}
}

void vio_console_open(struct vio_dev *d, uint32_t p, bool open)
{
	struct vio_console *c = console_of(d);

	if ((p < c->nports) && (c->port[p].host_open != open)) {
		c->port[p].host_open = open;
		if (c->port[p].ready) {
			console_due(c, p, DUE_OPEN);
		}
	}
}

uint16_t vio_console_queues(uint16_t ports)
{
	return (uint16_t)(ports > 1u ? 2u + 2u * ports : 2u);
}

int vio_console_init(struct vio_console *c, struct vio_mem *m, const struct vio_console_setup *s,
		     struct vio_console_queue *q)
{
	uint16_t ports = s->ports;
	uint16_t nvq = vio_console_queues(ports);
	int rc;

	if (!ports || (ports > VIO_CONSOLE_PORTS_MAX)) {
		return VIO_E_ARG;
	}
	rc = vio_dev_init(&c->dev, &console_ops, m, c->vq, nvq, c->config);
	if (rc) {
		return rc;
	}
	c->host_ops = s->host_ops;
	c->host = s->host;
	c->nports = ports;
	for (uint32_t p = 0; p < ports; p++) {
		struct vio_console_port_info *info = &c->port[p].info;

		rc = s->host_ops->port(s->host, p, info);
		if (rc) {
			return rc;
		}
		c->port[p].host_open = info->open;
		if ((p == 0) && s->cols && s->rows) {
			info->cols = s->cols;
			info->rows = s->rows;
		}
		console_size(c, p, info->cols, info->rows);
	}
	vio_pack32(c->config + CFG(max_nr_ports), ports);
	if (ports == 1u) {
		c->dev.class_features &= ~VIO_CONSOLE_F_MULTIPORT;
	}
	if (!s->host_ops->emergency) {
		c->dev.class_features &= ~VIO_CONSOLE_F_EMERG_WRITE;
	}
	for (uint16_t i = 0; i < nvq; i++) {
		VIO_VQ_BIND(&c->vq[i], &c->dev, i, &q[i].store, VIO_CONSOLE_DEPTH,
			    VIO_CONSOLE_SEGS);
	}
	return VIO_OK;
}

enum { P_PORTS, P_COLS, P_ROWS, P_N };

static const struct vio_param console_param[P_N] = {
	[P_PORTS] = { "ports", "ports; more than 1 needs a driver with MULTIPORT", 1,
		      VIO_CONSOLE_PORTS_MAX, 1 },
	[P_COLS] = { "cols", "columns of port 0; 0: as the terminal has", 0, 65535, 0 },
	[P_ROWS] = { "rows", "rows of port 0; 0: as the terminal has", 0, 65535, 0 },
};

static size_t console_bytes(const struct vio_parts *p)
{
	return sizeof(struct vio_console) +
	       vio_console_queues((uint16_t)p->param[P_PORTS]) * sizeof(struct vio_console_queue);
}

static int console_create(void *self, struct vio_mem *m, const struct vio_parts *p)
{
	struct vio_console *c = self;
	const struct vio_console_setup s = {
		.host_ops = p->host_ops,
		.host = p->host,
		.ports = (uint16_t)p->param[P_PORTS],
		.cols = (uint16_t)p->param[P_COLS],
		.rows = (uint16_t)p->param[P_ROWS],
	};

	return vio_console_init(c, m, &s, (struct vio_console_queue *)(void *)(c + 1));
}

const struct vio_class vio_class_console = {
	.name = "console",
	.about = "console and byte channels",
	.id = VIO_ID_CONSOLE,
	.needs_host = true,
	.param = console_param,
	.nparam = P_N,
	.bytes = console_bytes,
	.create = console_create,
};
