/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * instance.c - from a spec to a device that serves
 *
 * Theory of operation. Order of opening: host, device, queue loops with the host's queue instances, port; closing
 * is the reverse. The host sees nothing of port and class, the port nothing of host and class: only this file knows
 * all three, and even it only their tables.
 */
#include "app/instance.h"
#include "app/hint.h"
#include "hosted/zeroes.h"
#include "port/vhost_user/vhost_user.h"
#include "port/window/window.h"
#include "port/xen/xen.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct instance {
	const struct spec *spec;
	struct loop *control;
	struct host host;
	struct vio_parts parts;
	bool has_host;
	struct vio_dev *dev; /* begins the class's own memory, zeroes_new */
	size_t dev_bytes;
	struct vio_mem_window limits;
	struct loop **queue_loop;
	uint16_t nloop;
	void *port;
	int (*port_close)(void *port); /* as vhu_close */
	bool connected_fd, stopping;
	struct loop_task end;
	void (*ended)(void *arg);
	void *arg;
};

struct opening {
	struct host_ctx ctx; /* first: the callbacks find the spec behind it */
	const struct spec *spec;
};

static const char *ctx_option(const struct host_ctx *c, const char *name)
{
	return spec_get(((const struct opening *)c)->spec, name);
}

static uint32_t ctx_param(const struct host_ctx *c, const char *name)
{
	const struct spec *s = ((const struct opening *)c)->spec;

	for (unsigned i = 0; i < s->cls->nparam; i++) {
		if (strcmp(s->cls->param[i].name, name) == 0) {
			return s->param[i];
		}
	}
	return 0;
}

static int open_host(struct instance *in, struct spec_error *e)
{
	const struct spec *s = in->spec;
	struct opening o = { .ctx = { .loop = in->control,
				      .name = s->name,
				      .arg = s->arg,
				      .option = ctx_option,
				      .param = ctx_param },
			     .spec = s };

	if (!s->kind) {
		return 0;
	}
	if (s->kind->open(&o.ctx, &in->host)) {
		spec_fail(e, "host", "%s: host '%s': %s", s->name, s->kind->name, o.ctx.err);
		return -1;
	}
	in->has_host = true;
	in->parts.host_ops = in->host.ops;
	in->parts.host = in->host.host;
	return 0;
}

/* Of a window whose size is known before its place */
static struct vio_mem *window_of(struct instance *in)
{
	uint64_t size = in->spec->window_max;

	if (size == 0 || vio_mem_window_init(&in->limits, 0u, NULL, size) != VIO_OK) {
		return NULL;
	}
	in->limits.m.bytes_max = window_request(size);
	return &in->limits.m;
}

static int create(struct instance *in, struct vio_mem *limits, struct spec_error *e)
{
	const struct spec *s = in->spec;
	int r;

	in->parts.clock = loop_clock(in->control);
	memcpy(in->parts.param, s->param, sizeof(s->param));
	in->dev_bytes = s->cls->bytes(&in->parts);
	in->dev = zeroes_new(in->dev_bytes);
	if (!in->dev) {
		spec_fail(e, NULL, "%s: no memory for the device, %zu bytes", s->name,
			  in->dev_bytes);
		return -1;
	}
	r = s->cls->create(in->dev, limits ? limits : window_of(in), &in->parts);
	if (r) {
		zeroes_free(in->dev, in->dev_bytes);
		in->dev = NULL;
		spec_fail(e, "host",
			  "%s: %s refuses these options together with this host (code %d)", s->name,
			  s->cls->name, r);
		return -1;
	}
	in->dev->withheld = s->packed ? 0u : VIO_F_RING_PACKED;
	return 0;
}

struct queue_call {
	struct instance *in;
	uint16_t index;
};

static void queue_open(void *arg)
{
	struct queue_call *c = arg;
	struct host *h = &c->in->host;

	c->in->dev->vq[c->index].host = h->queue_open(h, c->in->queue_loop[c->index], c->index);
}

static void queue_close(void *arg)
{
	struct queue_call *c = arg;
	struct host *h = &c->in->host;

	h->queue_close(h, c->in->dev->vq[c->index].host);
	c->in->dev->vq[c->index].host = NULL;
}

static int open_queue(struct instance *in, uint16_t i, struct spec_error *e)
{
	struct queue_call call = { in, i };
	char name[40];
	int r;

	snprintf(name, sizeof(name), "%.10s.%u", in->spec->name, i);
	in->queue_loop[i] = loop_new(name);
	r = in->queue_loop[i] ? loop_start(in->queue_loop[i]) : errno;
	if (r) {
		if (in->queue_loop[i]) {
			loop_free(in->queue_loop[i]);
		}
		spec_fail(e, "threads", "%s: no thread for queue %u: %s", in->spec->name, i,
			  strerror(r));
		return -1;
	}
	in->nloop++;
	if (in->has_host && in->host.queue_open) {
		loop_call(in->queue_loop[i], queue_open, &call);
		if (!in->dev->vq[i].host) {
			spec_fail(e, "threads",
				  "%s: host '%s' cannot serve queue %u on a thread of its own",
				  in->spec->name, in->spec->kind->name, i);
			return -1;
		}
	}
	return 0;
}

static int open_queues(struct instance *in, struct spec_error *e)
{
	if (!in->spec->threads) {
		return 0;
	}
	if (!in->spec->cls->any_executor ||
	    (in->has_host && !in->host.queue_open && !in->host.any_executor)) {
		spec_fail(e, "threads",
			  "%s: queues of %s%s%s cannot run on threads; leave out 'threads'",
			  in->spec->name, in->spec->cls->name, in->has_host ? " on host " : "",
			  in->has_host ? in->spec->kind->name : "");
		return -1;
	}
	in->queue_loop = calloc(in->dev->nvq, sizeof(struct loop *));
	if (!in->queue_loop) {
		spec_fail(e, NULL, "%s: out of memory", in->spec->name);
		return -1;
	}
	in->dev->many = in->dev->nvq > 1;
	for (uint16_t i = 0; i < in->dev->nvq; i++) {
		if (open_queue(in, i, e)) {
			return -1;
		}
	}
	return 0;
}

struct instance *instance_open(const struct spec *spec, struct loop *control,
			       struct vio_mem *limits, struct spec_error *e)
{
	struct instance *in = calloc(1, sizeof(*in));

	if (!in) {
		spec_fail(e, NULL, "out of memory");
		return NULL;
	}
	in->spec = spec;
	in->control = control;
	if (open_host(in, e) || create(in, limits, e) || open_queues(in, e)) {
		instance_free(in);
		return NULL;
	}
	if (in->has_host && in->host.attach) {
		in->host.attach(&in->host, in->dev);
	}
	return in;
}

void instance_free(struct instance *in)
{
	for (uint16_t i = in->nloop; i-- > 0;) {
		struct queue_call call = { in, i };

		if (in->dev->vq[i].host && in->host.queue_close) {
			loop_call(in->queue_loop[i], queue_close, &call);
		}
		loop_stop(in->queue_loop[i]);
		loop_join(in->queue_loop[i]);
		loop_free(in->queue_loop[i]);
	}
	free(in->queue_loop);
	if (in->dev && in->spec->cls->destroy) {
		in->spec->cls->destroy(in->dev);
	}
	if (in->has_host && in->host.close) {
		in->host.close(&in->host);
	}
	zeroes_free(in->dev, in->dev_bytes);
	free(in);
}

struct vio_dev *instance_dev(struct instance *in)
{
	return in->dev;
}

static void end(struct loop_task *t)
{
	struct instance *in = VIO_CONTAINER(t, struct instance, end);

	in->ended(in->arg);
}

static void closed(void *arg)
{
	struct instance *in = arg;

	in->port = NULL;
	loop_post(in->control, &in->end);
}

void instance_stop(struct instance *in)
{
	if (in->stopping) {
		return;
	}
	in->stopping = true;
	if (!in->port || in->port_close(in->port) == VIO_OK) {
		closed(in);
	}
}

/* Whatever the port: how it is closed, and who is told */
static void begin(struct instance *in, int (*port_close)(void *port), void (*ended)(void *arg),
		  void *arg)
{
	in->end.fn = end;
	in->ended = ended;
	in->arg = arg;
	in->port_close = port_close;
}

static int close_vhost_user(void *port)
{
	return vhu_close(port);
}

static void gone(void *arg)
{
	struct instance *in = arg;

	if (in->connected_fd) {
		instance_stop(in);
	}
}

/* A connected socket serves one front-end and then ends the device: QEMU's convention for --fd. */
static bool is_listening(int fd)
{
	socklen_t len = sizeof(int);
	int on = 0;

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &len) == 0 && on;
}

static bool is_stream(int fd)
{
	socklen_t len = sizeof(int);
	int type = 0;

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_STREAM;
}

int instance_serve(struct instance *in, int fd, void (*ended)(void *arg), void *arg,
		   struct spec_error *e)
{
	struct vhu_config cfg = { .dev = in->dev,
				  .name = in->spec->name,
				  .control = in->control,
				  .queue_loop = in->queue_loop,
				  .poll_us = in->spec->poll_us,
				  .poll_thrifty = in->spec->poll_thrifty,
				  .iommu = in->spec->iommu,
				  .window = in->spec->window,
				  .window_max = in->spec->window_max,
				  .inband = in->spec->inband,
				  .feature_hint = hint_for,
				  .gone = gone,
				  .closed = closed,
				  .arg = in };
	char err[256] = "";

	if (fd >= 0 && !is_stream(fd)) {
		spec_fail(e, "fd", "%s: descriptor %d is not a stream socket", in->spec->name, fd);
		return -1; /* and not ours to close */
	}
	begin(in, close_vhost_user, ended, arg);
	in->connected_fd = fd >= 0 && !is_listening(fd);
	in->port = fd >= 0 ? vhu_adopt(&cfg, fd, err) : vhu_listen(&cfg, in->spec->socket, err);
	if (!in->port) {
		spec_fail(e, fd >= 0 ? "fd" : "socket-path", "%s", err);
		return -1;
	}
	return 0;
}

static int close_xen(void *port)
{
	return xen_dev_close(port);
}

int instance_serve_xen(struct instance *in, struct xen *x, void (*ended)(void *arg), void *arg,
		       struct spec_error *e)
{
	const struct spec *s = in->spec;
	struct xen_dev_config cfg = { .dev = in->dev,
				      .name = s->name,
				      .domain = s->xen,
				      .node = s->xen_node,
				      .base = s->xen_base,
				      .irq = s->xen_irq,
				      .page = s->xen_page,
				      .grants = s->xen_grants,
				      .closed = closed,
				      .arg = in };
	char err[256] = "";

	begin(in, close_xen, ended, arg);
	in->port = xen_dev_add(x, &cfg, err);
	if (!in->port) {
		spec_fail(e, "xen", "%s: %s", s->name, err);
		return -1;
	}
	return 0;
}

static int close_window(void *port)
{
	return window_dev_close(port);
}

int instance_serve_bus(struct instance *in, struct window *w, void (*ended)(void *arg), void *arg,
		       struct spec_error *e)
{
	struct window_dev_config cfg = { .dev = in->dev,
					 .name = in->spec->name,
					 .queue_size = in->spec->bus_queue,
					 .closed = closed,
					 .arg = in };
	char err[256] = "";

	begin(in, close_window, ended, arg);
	in->port = window_dev_add(w, &cfg, err);
	if (!in->port) {
		spec_fail(e, "bus", "%s: %s", in->spec->name, err);
		return -1;
	}
	return 0;
}
