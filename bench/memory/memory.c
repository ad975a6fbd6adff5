/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * memory.c - what each way to a guest's memory costs the device's side; usage: memory KIND BYTES BATCH REQUESTS
 *
 * One process: a driver (driver/) offers block reads, 16 bytes out and BYTES in, by batches; the device takes each, reads
 * its header and gives it back as filled, without touching the payload. What is counted is dev_process(), by callgrind;
 * calls of Xen's libraries are counted by number, and not what the model behind them executes (bench/memory/run.py).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "port/xen/mem.h"
#include "test/xenmodel/model.h"
#include "vio/drv_msg.h"
#include "vio/msg.h"
#include "vio/msgq.h"

#define SIZE	 64u /* entries of the queue */
#define RAM	 (XM_PAGES * XM_PAGE)
#define FIFO	 0x4000u /* at the start: messages, where there are any */
#define RING	 FIFO
#define HEADERS	 0x8000u
#define DATA	 0x10000u
#define AREA_MAX (64u * 1024u)

static struct {
	struct vio_dev d;
	struct vio_vq vq;
	VIO_VQ_STORE(struct vio_req, 32u, 8u) store;
	struct vio_ctl_vq ctl;
} dev;
static struct {
	struct vio_dvq q;
	struct vio_dvq_slot slot[SIZE];
	uint64_t base; /* address of RAM's first byte */
	uint8_t *ram;
} drv;
static struct vio_mem *mem;
static struct xen_mem *xen;
static struct {
	uint64_t kicks, signals, messages;
} count;

static void stop(const char *what)
{
	fprintf(stderr, "memory: %s\n", what);
	exit(1);
}

static void must(int rc, const char *what)
{
	if (rc != VIO_OK) {
		stop(what);
	}
}

/* ---- the device ---- */

static void serve(struct vio_dev *d, struct vio_vq *q)
{
	struct vio_req *r;
	uint8_t header[16];

	(void)d;
	while ((r = vio_vq_pop(q)) != NULL) {
		if (vio_req_read(r, 0, header, sizeof(header)) != sizeof(header)) {
			stop("a header is short");
		}
		vio_req_done(r, r->in_len);
	}
}

static const struct vio_dev_ops ops = { .id = 2u, .nvq_max = 1u, .queue = serve };

static void on_signal(void *port, uint16_t vq)
{
	(void)port;
	(void)vq;
	count.signals++;
}

static void on_config(void *port)
{
	(void)port;
	stop("the device failed");
}

static const struct vio_port_ops port_ops = { .signal = on_signal,
					      .config = on_config,
					      .wake = on_signal };

/* ---- by calls: a kick is an event, a signal an interrupt ---- */

static int plain_up(uint64_t features, const uint64_t area[3])
{
	int rc;

	vio_dev_attach(&dev.d, &port_ops, NULL, VIO_F_RINGS | VIO_F_ACCESS_PLATFORM);
	rc = vio_dev_set_status(&dev.d, 3u);
	rc |= vio_dev_accept(&dev.d, features);
	rc |= vio_dev_set_status(&dev.d, 11u);
	rc |= vio_vq_setup(&dev.vq, SIZE, area[0], area[1], area[2]);
	rc |= vio_vq_enable(&dev.vq, NULL);
	return rc | vio_dev_set_status(&dev.d, 15u);
}

static void plain_process(void)
{
	(void)vio_vq_run(&dev.vq);
	(void)vio_vq_arm(&dev.vq);
}

/* ---- by messages in a FIFO: the same window, and a kick or a signal is a message ---- */

static struct {
	struct vio_msgq mine, theirs; /* the device's end, the driver's */
	struct vio_msg msg;
	struct vio_msg_slot slot[1];
	struct vio_msg_bus bus;
	struct vio_drv_msg way;
	bool run;
} fifo;

static void on_run(void *ctx, uint16_t vq)
{
	(void)ctx;
	(void)vq;
	fifo.run = true;
}

static void on_due(void *ctx)
{
	(void)ctx;
}

static const struct vio_msg_ops msg_ops = { .run = on_run, .due = on_due };

static void fifo_process(void)
{
	uint8_t in[64], out[64];
	uint32_t n;

	while (vio_msgq_peek(&fifo.mine, in) == VIO_OK) {
		vio_msgq_take(&fifo.mine);
		n = vio_msg_bus_handle(&fifo.bus, in, sizeof(in), out);
		if (n != 0u) {
			must(vio_msgq_put(&fifo.mine, out, n), "no room for a response");
		}
	}
	if (fifo.run) {
		fifo.run = false;
		plain_process();
	}
	while ((n = vio_msg_bus_next(&fifo.bus, out)) != 0u) {
		must(vio_msgq_put(&fifo.mine, out, n), "no room for an event");
		count.messages++;
	}
	(void)vio_msgq_freed(&fifo.mine);
}

static int carry(void *ctx, const uint8_t *req, uint32_t len, uint8_t *resp)
{
	uint8_t got[64];

	(void)ctx;
	count.messages++;
	if (vio_msgq_put(&fifo.theirs, req, len) != VIO_OK) {
		return VIO_E_IO;
	}
	while (resp) {
		fifo_process();
		if (vio_msgq_peek(&fifo.theirs, got) != VIO_OK) {
			return VIO_E_IO;
		}
		vio_msgq_take(&fifo.theirs);
		if ((got[VIO_MSG_TYPE] & VIO_MSG_T_RESPONSE) != 0u) {
			memcpy(resp, got, sizeof(got));
			resp = NULL;
		}
	}
	return VIO_OK;
}

static int fifo_up(uint64_t features, const uint64_t area[3])
{
	static const struct vio_msgq_shape shape = { .n = 64, .size = 64, .at = 64 };
	uint64_t got;

	must(vio_msgq_create(&fifo.mine, drv.ram, FIFO, &shape), "no FIFO");
	must(vio_msgq_attach(&fifo.theirs, drv.ram, FIFO), "no FIFO to attach to");
	for (unsigned i = 0; i < 8u; i++) {
		if (vio_msgq_poll(&fifo.mine) == VIO_MSGQ_BEGUN) {
			vio_msgq_open(&fifo.mine);
		}
		(void)vio_msgq_poll(&fifo.theirs);
	}
	vio_msg_init(&fifo.msg, &dev.d, &dev.ctl, 0, 64, VIO_MSG_V2, &msg_ops, NULL,
		     VIO_F_RINGS | VIO_F_ACCESS_PLATFORM);
	vio_msg_bus_init(&fifo.bus, fifo.slot, 1, 64, VIO_MSG_V2);
	vio_msg_bus_set(&fifo.bus, 0, &fifo.msg, false);
	fifo.way = (struct vio_drv_msg){ .carry = carry, .size = 64 };
	must(vio_drv_probe(&vio_drv_msg_bus, &fifo.way, features, &got), "no features");
	must(vio_drv_msg_bus.setup(&fifo.way, 0, SIZE, area[0], area[1], area[2]), "no queue");
	return vio_drv_msg_bus.set_status(&fifo.way, 15u);
}

/* ---- memory ---- */

static struct vio_region region;

static void be_full(void)
{
	static struct vio_mem_full m;

	region = (struct vio_region){ drv.base, RAM, drv.ram };
	must(vio_mem_full_init(&m, &region, 1), "full");
	mem = &m.m;
}

static void be_window(void)
{
	static struct vio_mem_window m;

	drv.base = 0;
	must(vio_mem_window_init(&m, 0, drv.ram, RAM), "window");
	mem = &m.m;
}

static void be_bounce(void)
{
	static _Alignas(16) uint8_t buf[32u * (AREA_MAX + 1024u)];
	static struct vio_mem_bounce m;

	be_full();
	must(vio_mem_bounce_init(&m, mem, buf, AREA_MAX + 1024u, 32), "bounce");
	mem = &m.m;
}

static void be_xen(uint32_t chunks, bool grants)
{
	struct xen_mem_config cfg = { .lib = &xm.lib,
				      .fm = xm.lib.fm_open(NULL, 0),
				      .gt = xm.lib.gt_open(NULL, 0),
				      .dom = 1,
				      .chunks = chunks };

	for (uint32_t f = 0; grants && f < XM_PAGES; f++) {
		xm_grant(1, f + 1u, f);
	}
	drv.base = grants ? (1ull << 63) + XM_PAGE : XM_RAM;
	xen = xen_mem_new(&cfg);
	mem = xen ? xen_mem(xen) : NULL;
}

static void be_foreign(void)
{
	be_xen(0, false);
}

static void be_cached(void)
{
	be_xen(64, false);
}

static void be_grants(void)
{
	be_xen(0, true);
}

static const struct kind {
	const char *name;
	void (*memory)(void);
	int (*up)(uint64_t features, const uint64_t area[3]);
	void (*process)(void);
} kinds[] = {
	{ "full", be_full, plain_up, plain_process },
	{ "window", be_window, plain_up, plain_process },
	{ "bounce", be_bounce, plain_up, plain_process },
	{ "foreign", be_foreign, plain_up, plain_process },
	{ "foreign-cached", be_cached, plain_up, plain_process },
	{ "grants", be_grants, plain_up, plain_process },
	{ "messages", be_window, fifo_up, fifo_process },
	{ NULL, NULL, NULL, NULL },
};

/* ---- the driver ---- */

__attribute__((noinline)) void dev_process(const struct kind *k)
{
	k->process();
}

static struct vio_dma dma(uint32_t at, uint32_t len)
{
	return (struct vio_dma){ .p = drv.ram + at, .addr = drv.base + at, .len = len };
}

static void up(const struct kind *k)
{
	uint64_t features = VIO_F_VERSION_1 | VIO_F_EVENT_IDX | VIO_F_ACCESS_PLATFORM, area[3];
	struct vio_dma ring;

	xm_init();
	if (xm_create("guest", 1) != 1u) {
		stop("no guest");
	}
	drv.ram = xm_ram(1, XM_RAM);
	drv.base = XM_RAM;
	k->memory();
	if (!mem) {
		stop("no memory");
	}
	must(vio_dev_init(&dev.d, &ops, mem, &dev.vq, 1u, NULL), "device");
	VIO_VQ_BIND(&dev.vq, &dev.d, 0u, &dev.store, 32u, 8u);
	ring = dma(RING, vio_dvq_bytes(SIZE, false));
	must(vio_dvq_init(&drv.q, SIZE, VIO_DVQ_EVENT_IDX, &ring, drv.slot), "ring");
	vio_dvq_areas(&drv.q, &ring, area);
	must(k->up(features, area), "set-up");
}

static void round_of(const struct kind *k, uint32_t bytes, uint32_t batch)
{
	uint32_t len, back = 0;
	void *cookie;

	for (uint32_t i = 0; i < batch; i++) {
		struct vio_dma d[2] = { dma(HEADERS + i * 16u, 16),
					dma(DATA + i * AREA_MAX, bytes) };

		must(vio_dvq_add(&drv.q, d, 1, 1, &drv), "add");
	}
	if (vio_dvq_need_kick(&drv.q)) {
		count.kicks++;
		if (k->up == fifo_up) {
			must(vio_drv_msg_bus.kick(&fifo.way, 0), "kick");
		}
	}
	dev_process(k);
	while (vio_dvq_get(&drv.q, &cookie, &len) == VIO_OK) {
		back += len == bytes;
	}
	(void)vio_dvq_arm(&drv.q);
	if (k->up == fifo_up) {
		uint8_t event[64];

		while (vio_msgq_peek(&fifo.theirs, event) == VIO_OK) {
			vio_msgq_take(&fifo.theirs);
		}
	}
	if (back != batch) {
		stop("requests are missing");
	}
}

int main(int argc, char **argv)
{
	const struct kind *k = kinds;
	uint32_t bytes, batch, requests, done = 0;
	struct xen_mem_stat before = { 0 };

	while (argc == 5 && k->name && strcmp(k->name, argv[1]) != 0) {
		k++;
	}
	if (argc != 5 || !k->name) {
		fprintf(stderr, "usage: memory KIND BYTES BATCH REQUESTS\n");
		return 2;
	}
	bytes = (uint32_t)strtoul(argv[2], NULL, 10);
	batch = (uint32_t)strtoul(argv[3], NULL, 10);
	requests = (uint32_t)strtoul(argv[4], NULL, 10);
	if (bytes == 0 || bytes > AREA_MAX || batch == 0 ||
	    DATA + (uint64_t)batch * AREA_MAX > RAM || requests % batch != 0) {
		stop("at most 64 KiB, and 31 of them at once; REQUESTS is a multiple of BATCH");
	}
	up(k);
	if (xen) {
		round_of(k, bytes, batch); /* what is mapped once */
		before = *xen_mem_stat(xen);
	}
	memset(&count, 0, sizeof(count));
	while (done < requests) {
		round_of(k, bytes, batch);
		done += batch;
	}
	printf("{\"map\": %llu, \"unmap\": %llu, \"kicks\": %llu, \"signals\": %llu, \"messages\": "
	       "%llu}\n",
	       (unsigned long long)(xen ? xen_mem_stat(xen)->map - before.map : 0),
	       (unsigned long long)(xen ? xen_mem_stat(xen)->unmap - before.unmap : 0),
	       (unsigned long long)count.kicks, (unsigned long long)count.signals,
	       (unsigned long long)count.messages);
	return 0;
}
