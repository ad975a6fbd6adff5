/* SPDX-License-Identifier: BSD-3-Clause */
/* eng_libvhost_user.c - the peer in the measuring rig: QEMU's libvhost-user, split rings, as its users call it */
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include "libvhost-user.h"
#include "rig.h"

static VuDev dev;

static void on_panic(VuDev *d, const char *err)
{
	(void)d;
	fprintf(stderr, "eng_libvhost_user: %s\n", err);
	exit(1);
}
static void set_watch(VuDev *d, int fd, int condition, vu_watch_cb cb, void *data)
{
	(void)d;
	(void)fd;
	(void)condition;
	(void)cb;
	(void)data;
}
static void remove_watch(VuDev *d, int fd)
{
	(void)d;
	(void)fd;
}
static const VuDevIface iface;

static void *area(const struct rig *g, uint64_t gpa)
{
	return g->region[0].hva + (gpa - g->region[0].gpa);
}

void eng_init(struct rig *g)
{
	VuVirtq *vq;

	if (g->packed || !vu_init(&dev, 1, 0, on_panic, NULL, set_watch, remove_watch, &iface)) {
		fprintf(stderr, "eng_libvhost_user: split rings only\n");
		exit(1);
	}
	dev.nregions = g->nregion;
	for (unsigned i = 0; i < g->nregion; i++) {
		dev.regions[i] =
			(VuDevRegion){ .gpa = g->region[i].gpa,
				       .size = g->region[i].len,
				       .mmap_addr = (uint64_t)(uintptr_t)g->region[i].hva };
	}
	dev.features = (1ull << 32) | (1ull << 28) | (g->event_idx ? 1ull << 29 : 0);
	vq = vu_get_queue(&dev, 0);
	vq->vring = (VuRing){ .num = RIG_SIZE,
			      .desc = area(g, g->desc),
			      .avail = area(g, g->driver),
			      .used = area(g, g->device) };
	vq->call_fd = eventfd(0, EFD_NONBLOCK);
	vq->enable = 1;
	vq->started = true;
}

__attribute__((noinline)) void dev_process(struct rig *g)
{
	VuVirtq *vq = vu_get_queue(&dev, 0);
	VuVirtqElement *e;

	while ((e = vu_queue_pop(&dev, vq, sizeof(*e))) != NULL) {
		uint64_t out = 0, in = 0;

		for (unsigned i = 0; i < e->out_num; i++) {
			out += e->out_sg[i].iov_len;
		}
		for (unsigned i = 0; i < e->in_num; i++) {
			in += e->in_sg[i].iov_len;
		}
		g->bytes += out + in;
		g->served++;
		vu_queue_push(&dev, vq, e, (unsigned)in);
		free(e);
	}
	vu_queue_notify(&dev, vq);
	vu_queue_set_notification(&dev, vq, 1);
}
