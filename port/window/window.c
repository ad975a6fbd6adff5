/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * window.c - one window: what is where in it, and what each device may have of it
 *
 * The order in the window: layout (64 bytes), our block (64), heads, FIFOs, then from the next page the pool, in which
 * the driver's rings and buffers lie. Only the pool is known to the devices' memory kind, so no
 * ring and no buffer can lie over a FIFO.
 */
#include "port/window/internal.h"
#include "hosted/log.h"
#include "hosted/sigbus.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>

#define PAGE	   4096u
#define WINDOW_MIN (16u * PAGE)

const struct window_kind window_kinds[] = {
	{ "file", "PATH[,SIZE]", "a file that both sides map; both poll", &window_file },
	{ "ivshmem-server", "SOCKET", "a peer of QEMU's ivshmem-doorbell devices", &window_server },
	{ "ivshmem", "PCI-ADDRESS", "inside a guest: its ivshmem-doorbell device, by vfio-pci",
	  &window_ivshmem },
	{ "mem", "ADDRESS,SIZE", "physical memory that the kernel leaves alone; both poll",
	  &window_physical },
	{ "uio", "DEVICE[,MAP]", "a mapping of a uio device; both poll", &window_uio },
	{ NULL, NULL, NULL, NULL },
};

int window_map(struct window_place *p, int fd, uint64_t off, uint64_t size, const char *what,
	       char err[256])
{
	void *m;

	if (size < WINDOW_MIN || size > UINT32_MAX || size % PAGE != 0) {
		snprintf(err, 256,
			 "%s: a window has %u KiB to 4 GiB, in whole pages, not %llu bytes", what,
			 WINDOW_MIN >> 10, (unsigned long long)size);
		return -1;
	}
	m = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)off);
	if (m == MAP_FAILED) {
		snprintf(err, 256, "%s: cannot be mapped: %s", what, strerror(errno));
		return -1;
	}
	p->base = m;
	p->size = size;
	return 0;
}

const struct window_kind *window_kind_of(const char *where, const char **arg)
{
	const char *colon = strchr(where, ':');
	size_t len = colon ? (size_t)(colon - where) : 0;

	for (const struct window_kind *k = window_kinds; colon && k->name; k++) {
		if (strlen(k->name) == len && memcmp(k->name, where, len) == 0) {
			*arg = colon + 1;
			return k;
		}
	}
	return NULL;
}

static const struct window_kind *find_kind(const char *where, const char **arg, char err[256])
{
	const struct window_kind *found = window_kind_of(where, arg);
	int n;

	if (found) {
		return found;
	}
	n = snprintf(err, 256, "'%.60s' is no window; known:", where);
	for (const struct window_kind *k = window_kinds; k->name && n < 256; k++) {
		n += snprintf(err + n, 256 - (size_t)n, "%s %s:%s", k == window_kinds ? "" : ",",
			      k->name, k->arg);
	}
	return NULL;
}

uint64_t window_share(const struct window *w)
{
	uint64_t own = WINDOW_HEADS + 2u * WINDOW_ELEMENTS * WINDOW_ELEMENT + 2u * PAGE;

	return (w->place.size - own) / w->cfg.devices;
}

uint32_t window_request(uint64_t share)
{
	uint64_t most = (share / 4u) & ~(uint64_t)(PAGE - 1u);

	most = most < WINDOW_REQUEST_MIN ? WINDOW_REQUEST_MIN : most;
	return most < UINT32_MAX ? (uint32_t)most : UINT32_MAX;
}

struct vio_mem *window_limits(struct window *w, uint32_t request)
{
	uint32_t least = request < WINDOW_REQUEST_MIN ? WINDOW_REQUEST_MIN : request;

	(void)vio_mem_window_init(&w->limits, 0u, w->place.base, w->place.size);
	w->limits.m.bytes_max = request ? least : window_request(window_share(w));
	return &w->limits.m;
}

struct window *window_open(const struct window_config *cfg, char err[256])
{
	struct window *w = calloc(1, sizeof(*w));
	const struct window_kind *k;
	const char *arg;

	if (!w) {
		snprintf(err, 256, "out of memory");
		return NULL;
	}
	w->cfg = *cfg;
	w->cfg.devices = cfg->devices ? cfg->devices : 1u;
	w->guard = -1;
	w->work.fn = window_work;
	w->look.fire = window_look;
	w->poller.poll = window_poll;
	w->place =
		(struct window_place){ .self = WINDOW_NO_BELL, .wait_fd = -1, .loop = cfg->loop };
	k = find_kind(cfg->where, &arg, err);
	if (!k || k->ops->open(&w->place, arg, err)) {
		free(w);
		return NULL;
	}
	w->ops = k->ops;
	if (w->cfg.devices > WINDOW_DEVICES) {
		snprintf(err, 256, "a window carries at most %u devices", WINDOW_DEVICES);
		window_close(w);
		return NULL;
	}
	/* a file may be cut while it is mapped */
	w->guard = sigbus_init() == 0 ? sigbus_guard(w->place.base, w->place.size, -1) : -1;
	vio_msg_bus_init(&w->bus, w->slot, WINDOW_DEVICES, WINDOW_ELEMENT,
			 cfg->rfc ? VIO_MSG_RFC3 : VIO_MSG_V2);
	return w;
}

void window_close(struct window *w)
{
	struct vio_clock *c = loop_clock(w->cfg.loop);

	if (w->up && !w->gone) {
		vio_msgq_close(&w->q);
		window_ring_now(w);
	}
	c->set(c, &w->look, 0);
	loop_unpost(w->cfg.loop, &w->work);
	loop_del(&w->wait);
	loop_poller_del(w->cfg.loop, &w->poller);
	sigbus_unguard(w->guard);
	w->ops->close(&w->place);
	free(w);
}

void window_report(const struct window *w)
{
	if (!w->up) {
		return; /* nobody could come */
	}
	log_info(w->cfg.where,
		 "window: {\"received\": %llu, \"sent\": %llu, \"bad\": %u, \"doorbells\": %llu, "
		 "\"interrupts\": %llu, \"sessions\": %llu}",
		 (unsigned long long)w->stat.received, (unsigned long long)w->stat.sent,
		 vio_msg_bus_dropped(&w->bus), (unsigned long long)w->stat.rung,
		 (unsigned long long)w->stat.woken, (unsigned long long)w->stat.sessions);
}

/* ---- beginning ---- */

int window_added(struct window *w, char err[256])
{
	uint32_t pool = vio_msgwin_pool();

	for (uint16_t i = 0; i < w->ndev; i++) {
		(void)vio_mem_window_init(&w->dev[i]->mem, pool, w->place.base + pool,
					  w->place.size - pool);
	}
	(void)vio_msgwin_create(&w->q, w->place.base, (uint32_t)w->place.size, w->place.self);
	log_info(NULL, "%s: %llu KiB, of which %llu for rings and buffers", w->cfg.where,
		 (unsigned long long)w->place.size >> 10,
		 (unsigned long long)(w->place.size - pool) >> 10);
	if (w->place.wait_fd >= 0 &&
	    loop_add(w->cfg.loop, &w->wait, w->place.wait_fd, EPOLLIN, window_woken)) {
		snprintf(err, 256, "%s: %s", w->cfg.where, strerror(errno));
		return -1;
	}
	if (w->cfg.poll_us) {
		loop_poller_add(w->cfg.loop, &w->poller);
		loop_set_poll_us(w->cfg.loop, w->cfg.poll_us, false);
	}
	w->up = true;
	window_ring(w);
	loop_post(w->cfg.loop, &w->work);
	return 0;
}
