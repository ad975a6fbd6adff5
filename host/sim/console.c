/* SPDX-License-Identifier: BSD-3-Clause */
/* console.c - simulated terminal: each port gives back what it is sent */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "host/sim/console.h"
#include "hosted/host_kind.h"

static struct sim_console_port *port_of(void *host, uint32_t port)
{
	return &((struct sim_console *)host)->port[port];
}

static void wake(struct vio_vq **q)
{
	struct vio_vq *w = *q;

	*q = NULL;
	if (w) {
		vio_vq_wake(w);
	}
}

static int sim_port(void *host, uint32_t port, struct vio_console_port_info *info)
{
	*info = port_of(host, port)->info;
	return VIO_OK;
}

/* One run of free bytes. */
static uint32_t room(const struct sim_console_port *p, uint32_t *at)
{
	uint32_t end = p->at + p->len;

	*at = end % p->room;
	return end >= p->room ? p->room - p->len : p->room - end;
}

static uint32_t sim_write(void *host, uint32_t port, struct vio_vq *q, struct vio_span *s)
{
	struct sim_console_port *p = port_of(host, port);
	uint32_t len = s->len;
	uint32_t done = 0;
	uint32_t at, n;

	if (p->mute) {
		p->taken += len;
		return len;
	}
	while ((done < len) && ((n = room(p, &at)) != 0)) {
		n = n < len - done ? n : len - done;
		(void)vio_span_read(s, p->buf + at, n);
		p->len += n;
		done += n;
	}
	p->taken += done;
	if (done < len) {
		p->txq = q;
	}
	if (done) {
		wake(&p->rxq);
	}
	return done;
}

static uint32_t sim_ready(void *host, uint32_t port, struct vio_vq *q)
{
	struct sim_console_port *p = port_of(host, port);

	if (!p->len) {
		p->rxq = q;
	}
	return p->len;
}

static uint32_t sim_read(void *host, uint32_t port, struct vio_span *s)
{
	struct sim_console_port *p = port_of(host, port);
	uint32_t n = p->len < p->room - p->at ? p->len : p->room - p->at;

	n = vio_span_write(s, p->buf + p->at, n < s->len ? n : s->len);
	p->at = (p->at + n) % p->room;
	p->len -= n;
	wake(&p->txq);
	return n;
}

static void sim_opened(void *host, uint32_t port, bool open)
{
	port_of(host, port)->guest_open = open;
}

static void sim_emergency(void *host, uint8_t c)
{
	struct sim_console *s = host;

	if (s->nemergency < sizeof(s->emergency)) {
		s->emergency[s->nemergency++] = c;
	}
}

const struct vio_console_host_ops sim_console_ops = {
	.port = sim_port,
	.write = sim_write,
	.ready = sim_ready,
	.read = sim_read,
	.opened = sim_opened,
	.emergency = sim_emergency,
};

void sim_console_init(struct sim_console *s)
{
	memset(s, 0, sizeof(*s));
	for (uint32_t i = 0; i < VIO_CONSOLE_PORTS_MAX; i++) {
		struct vio_console_port_info *info = &s->port[i].info;

		s->port[i].room = sizeof(s->port[i].buf);
		info->open = true;
		info->console = i == 0;
		info->cols = i ? 0 : 80;
		info->rows = i ? 0 : 25;
		(void)snprintf(info->name, sizeof(info->name), i ? "port%u" : "console", i);
	}
}

uint32_t sim_console_type(struct sim_console *s, uint32_t port, const void *p, uint32_t len)
{
	struct sim_console_port *to = &s->port[port];
	uint32_t done = 0;
	uint32_t at, n;

	while ((done < len) && ((n = room(to, &at)) != 0)) {
		n = n < len - done ? n : len - done;
		memcpy(to->buf + at, (const uint8_t *)p + done, n);
		to->len += n;
		done += n;
	}
	wake(&to->rxq);
	return done;
}

uint32_t sim_console_take(struct sim_console *s, uint32_t port, void *p, uint32_t len)
{
	struct sim_console_port *from = &s->port[port];
	uint32_t done = 0;

	while ((done < len) && from->len) {
		((uint8_t *)p)[done++] = from->buf[from->at];
		from->at = (from->at + 1u) % from->room;
		from->len--;
	}
	wake(&from->txq);
	return done;
}

static void sim_close(struct host *h)
{
	free(h->host);
}

static int sim_open(struct host_ctx *ctx, struct host *out)
{
	const char *script = ctx->option(ctx, "script");
	struct sim_console *s = malloc(sizeof(*s));

	if (!s) {
		(void)snprintf(ctx->err, sizeof(ctx->err), "no memory");
		return -1;
	}
	sim_console_init(s);
	if (script) {
		(void)sim_console_type(s, 0, script, (uint32_t)strlen(script));
	}
	out->ops = &sim_console_ops;
	out->host = s;
	out->close = sim_close;
	return 0;
}

static const struct host_option sim_opt[] = {
	{ "script", "TEXT", "what the terminal types at the start, at most 256 bytes", false },
};

extern const struct host_kind host_sim_console[];
const struct host_kind host_sim_console[] = {
	{ "console", "sim", "simulated terminal: gives back what it is sent", NULL, false, sim_opt,
	  1, sim_open },
	{ .name = NULL },
};
