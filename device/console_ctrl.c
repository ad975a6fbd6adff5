/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * console_ctrl.c - console device model: the control queues of MULTIPORT
 *
 * source: virtio 1.3, 5.3.6.2
 *
 * There is no queue of messages: each port has one bit for each message it owes the guest (`due`), and the text of a
 * message is made from the port's state when a buffer is there. A guest that asks again and again, or takes no
 * message, costs nothing, and always sees the latest state.
 */
#include <string.h>
#include "console_ctrl.h"

#define HEAD ((uint32_t)sizeof(struct vio_console_wire_control))

void console_due(struct vio_console *c, uint32_t p, uint8_t due)
{
	if (!(c->dev.features & VIO_CONSOLE_F_MULTIPORT)) {
		return;
	}
	c->port[p].due |= due;
	vio_vq_wake(&c->vq[VIO_CONSOLE_VQ_CTRL_RX]);
}

/* The first message that port p owes. returns: its bit, 0 none; *len: bytes in buf */
static uint8_t next_message(struct vio_console *c, uint32_t p, uint8_t *buf, uint32_t *len)
{
	const struct vio_console_port *port = &c->port[p];
	uint16_t event = VIO_CONSOLE_PORT_OPEN;
	uint16_t value = 1;
	uint8_t bit = (uint8_t)(port->due & (0u - port->due)); /* lowest */

	*len = HEAD;
	switch (bit) {
	case 0:
		return 0;
	case DUE_ADD:
		event = VIO_CONSOLE_DEVICE_ADD;
		break;
	case DUE_CONSOLE:
		event = VIO_CONSOLE_CONSOLE_PORT;
		break;
	case DUE_NAME:
		event = VIO_CONSOLE_PORT_NAME;
		while ((*len < HEAD + VIO_CONSOLE_NAME_MAX) && port->info.name[*len - HEAD]) {
			buf[*len] = (uint8_t)port->info.name[*len - HEAD];
			(*len)++;
		}
		break;
	case DUE_SIZE:
		event = VIO_CONSOLE_RESIZE;
		vio_pack16(buf + HEAD, port->info.cols);
		vio_pack16(buf + HEAD + 2, port->info.rows);
		*len += 4u;
		break;
	default:
		value = port->host_open;
		break;
	}
	vio_pack32(buf, p);
	vio_pack16(buf + 4, event);
	vio_pack16(buf + 6, value);
	return bit;
}

/* A buffer too small for the message goes back empty; the message waits for the next one. */
void console_ctrl_rx(struct vio_console *c, struct vio_vq *q)
{
	uint8_t buf[HEAD + VIO_CONSOLE_NAME_MAX];
	uint32_t p = 0;

	while (p < c->nports) {
		struct vio_console_port *port = &c->port[p];
		uint32_t len;
		uint8_t bit = next_message(c, p, buf, &len);
		struct vio_req *r;

		if (!bit) {
			p++;
			continue;
		}
		r = vio_vq_pop(q);
		if (!r) {
			return;
		}
		if (r->in_len >= len) {
			(void)vio_req_write(r, 0, buf, len);
			port->due &= (uint8_t)~bit;
			port->added = port->added || (bit == DUE_ADD);
		}
		vio_req_done(r, 0);
	}
}

static void device_ready(struct vio_console *c)
{
	for (uint32_t p = 0; p < c->nports; p++) {
		if (!c->port[p].added) { /* never twice, 5.3.6.2.1 */
			console_due(c, p, DUE_ADD);
		}
	}
}

static void port_ready(struct vio_console *c, uint32_t p)
{
	struct vio_console_port *port = &c->port[p];
	unsigned due = DUE_OPEN;

	port->ready = true;
	due |= port->info.console ? DUE_CONSOLE : 0u;
	due |= port->info.name[0] ? DUE_NAME : 0u;
	due |= port->info.console && port->info.cols ? DUE_SIZE : 0u;
	console_due(c, p, (uint8_t)due);
}

static void port_open(struct vio_console *c, uint32_t p, bool open)
{
	struct vio_console_port *port = &c->port[p];

	if (port->guest_open == open) {
		return;
	}
	port->guest_open = open;
	if (c->host_ops->opened) {
		c->host_ops->opened(c->host, p, open);
	}
	vio_vq_wake(
		&c->vq[p ? 2u * p + 2u : VIO_CONSOLE_VQ_RX0]); /* input may have waited for it */
}

/* What is not known, or not of a port that the guest was told of, is ignored: nothing can be answered. */
static void message(struct vio_console *c, const uint8_t *buf)
{
	uint32_t p = vio_unpack32(buf);
	uint16_t event = vio_unpack16(buf + 4);
	bool value = vio_unpack16(buf + 6) != 0;

	if (event == VIO_CONSOLE_DEVICE_READY) {
		if (value) {
			device_ready(c);
		}
		return;
	}
	if ((p >= c->nports) || !c->port[p].added) {
		return;
	}
	if (event == VIO_CONSOLE_PORT_READY) {
		if (value) {
			port_ready(c, p);
		} else {
			c->port[p].ready = false;
			c->port[p].due = 0;
			port_open(c, p, false);
		}
	} else if ((event == VIO_CONSOLE_PORT_OPEN) && c->port[p].ready) {
		port_open(c, p, value);
	}
}

void console_ctrl_tx(struct vio_console *c, struct vio_vq *q)
{
	struct vio_req *r;

	while ((r = vio_vq_pop(q)) != NULL) {
		uint8_t buf[HEAD];

		if (vio_req_read(r, 0, buf, HEAD) == HEAD) {
			message(c, buf);
		}
		vio_req_done(r, 0);
	}
}
