/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * xen_bed.h - the Xen port on the model: toolstack, guests and their drivers are the test
 *
 * One thread. `pump` is one round of the loop; a virtual CPU that waits pumps. The device is that of tdev.h, the
 * driver that of driver/mmio.c, over ioreq slots.
 */
#ifndef XEN_BED_H
#define XEN_BED_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>
#include "port/xen/internal.h"
#include "test/support/tdev.h"
#include "test/xenmodel/model.h"
#include "hosted/log.h"
#include "vio/drv_mmio.h"

#define SIDES	     4u
#define SIDE_BYTES   0x80000u /* of guest RAM: two chunks */
#define OUT_AT	     0x9ff0u  /* crosses a page */
#define IN_AT	     0x3ff80u /* crosses a chunk */
#define OUT_LEN	     60u
#define IN_LEN	     300u
#define REF	     300u /* grant of frame 0 */
#define UNTOUCHED    0xeeu
#define STILL	     8u
#define BASE(i)	     (0x2000000u + (i)*0x200u)
#define PAGE_BASE(i) (0x2040f00u + (i)*0x2000u) /* the page of configuration is whole */

/* A device here, and its driver in a guest */
struct side {
	struct tdev dev;
	struct xen_dev *xd;
	bool closed;
	unsigned dom, cpu, index;
	uint64_t base;
	uint32_t irq;
	bool grants, packed, stuck; /* stuck: its CPU got no answer */
	struct vio_drv_mmio drv;
	struct vio_dvq q;
	struct vio_dvq_slot slot[16];
	uint32_t serial;
};

static struct bed {
	struct loop *loop;
	struct loop_task stop;
	struct xen *x;
	struct side s[SIDES];
	char err[256];
	uint64_t patience; /* ns */
	bool ioeventfd;	   /* for xen_up */
	bool page;	   /* for add: registers are at PAGE_BASE(i), configuration is a page */
	bool trap;	   /* but it is to be trapped */
	void (*dress)(struct side *s); /* what a device has more than tdev.h gives it */
	const char *state_dir;
	void (*struck)(
		struct side *s); /* an access of its driver trapped, and nobody has looked at it */
	bool hurry;		 /* do not wait for what will not come */
	bool restarts;		 /* interrupts come without a reason then */
	int log, saved;
} b;

static inline uint64_t now(void)
{
	return loop_clock(b.loop)->now(loop_clock(b.loop));
}

static inline void on_stop(struct loop_task *t)
{
	(void)t;
	loop_stop(b.loop);
}

static inline void pump(void)
{
	loop_post(b.loop, &b.stop);
	loop_run(b.loop);
	xm_interrupts();
}

/* One round; returns: false: Xen was not called, and no timer is about to: there is one thread, so all is still */
static inline bool moves(void)
{
	uint32_t calls = xm.calls;

	pump();
	for (const struct xen_guest *g = b.x ? b.x->guest : NULL; g; g = g->next) {
		if (g->retry.at != 0) {
			return true;
		}
	}
	return !b.hurry || xm.calls != calls;
}

#define WAIT(cond)                                                                                 \
	do {                                                                                       \
		uint64_t since = now();                                                            \
		uint32_t still = 0;                                                                \
                                                                                                   \
		while (!(cond) && now() - since < b.patience && still < STILL) {                   \
			still = moves() ? 0 : still + 1;                                           \
		}                                                                                  \
	} while (0)

static inline void rounds(unsigned n)
{
	while (n-- > 0) {
		pump();
	}
}

static inline void bed_up(void)
{
	xm_init();
	memset(&b, 0, sizeof(b));
	b.patience = 5000000000u;
	b.loop = loop_new("xen");
	b.stop.fn = on_stop;
	b.log = memfd_create("log", MFD_CLOEXEC);
	b.saved = dup(2);
	(void)dup2(b.log, 2);
}

static inline bool xen_up(uint32_t cache_mib)
{
	struct xen_config cfg = { .loop = b.loop,
				  .lib = &xm.lib,
				  .cache_mib = cache_mib,
				  .state_dir = b.state_dir,
				  .ioeventfd = b.ioeventfd };

	b.x = xen_open(&cfg, b.err);
	return b.x != NULL;
}

/* true: the log has such a line; it is emptied by log_clear */
static inline bool logged(const char *text)
{
	static char all[1 << 16];
	ssize_t n = pread(b.log, all, sizeof(all) - 1, 0);

	all[n > 0 ? n : 0] = '\0';
	return strstr(all, text) != NULL;
}

static inline void log_clear(void)
{
	(void)ftruncate(b.log, 0);
	(void)lseek(b.log, 0, SEEK_SET);
}

static inline void on_closed(void *arg)
{
	struct side *s = arg;

	s->closed = true;
	s->xd = NULL;
}

/* A device for `domain`; with irq: at BASE(i) or PAGE_BASE(i), without xenstore */
static inline bool add(unsigned i, const char *domain, const char *node, uint32_t irq)
{
	struct side *s = &b.s[i];
	char name[16];
	struct xen_dev_config cfg = { .dev = &s->dev.d,
				      .name = name,
				      .domain = domain,
				      .node = node,
				      .base = irq == 0 ? 0
					      : b.page ? PAGE_BASE(i)
						       : BASE(i),
				      .irq = irq,
				      .page = b.page && !b.trap,
				      .closed = on_closed,
				      .arg = s };

	(void)snprintf(name, sizeof(name), "dev%u", i);
	s->index = i;
	s->base = b.page ? PAGE_BASE(i) : BASE(i);
	s->irq = 33 + i;
	s->closed = false;
	if (tdev_init(&s->dev, NULL, false) != VIO_OK) {
		return false;
	}
	if (b.dress) {
		b.dress(s);
	}
	s->xd = xen_dev_add(b.x, &cfg, b.err);
	return s->xd != NULL;
}

static inline void remove_dev(struct side *s)
{
	if (s->xd && xen_dev_close(s->xd) == VIO_OK) {
		on_closed(s);
	}
	WAIT(!s->xd);
}

static inline void bed_down(void)
{
	for (unsigned i = 0; i < SIDES; i++) {
		remove_dev(&b.s[i]);
	}
	if (b.x) {
		xen_close(b.x);
	}
	loop_free(b.loop);
	b.loop = NULL;
	(void)dup2(b.saved, 2);
	(void)close(b.saved);
	(void)close(b.log);
	assert_int_equal(xm.bad, 0);
	assert_int_equal(xm_open_things(), 0);
	xm_fini();
}

static inline int bed_setup(void **st)
{
	(void)st;
	bed_up();
	return 0;
}

static inline int bed_teardown(void **st)
{
	(void)st;
	bed_down();
	return 0;
}

/* ---- the toolstack ---- */

static inline const char *path(unsigned dom, unsigned id, const char *key)
{
	static char p[128];

	(void)snprintf(p, sizeof(p), "/local/domain/0/backend/virtio/%u/%u%s%s", dom, id,
		       *key ? "/" : "", key);
	return p;
}

static inline void put(unsigned dom, unsigned id, const char *key, const char *fmt, uint64_t v)
{
	char text[32];

	(void)snprintf(text, sizeof(text), fmt, (unsigned long long)v);
	xm_write(path(dom, id, key), text);
}

static inline unsigned state(unsigned dom, unsigned id)
{
	const char *v = xm_read(path(dom, id, "state"));

	return v ? (unsigned)strtoul(v, NULL, 10) : 0;
}

/* Side i is device `id` of the guest: its node appears */
static inline void node(unsigned i, unsigned dom, unsigned id, bool grants, unsigned st)
{
	struct side *s = &b.s[i];

	s->dom = dom;
	s->grants = grants;
	s->stuck = false;
	put(dom, id, "frontend-id", "%llu", dom);
	put(dom, id, "base", "%#llx", BASE(i));
	put(dom, id, "irq", "%llu", 33 + i);
	put(dom, id, "type", "virtio,device2a", 0);
	put(dom, id, "grant_usage", "%llu", grants);
	put(dom, id, "state", "%llu", st);
}

/* ---- the driver ---- */

/* The answer of an access that may take its time */
static inline bool answered(unsigned dom, unsigned cpu, uint64_t *val)
{
	bool done = false;

	WAIT(done || (done = xm_answered(dom, cpu, val)));
	return done;
}

static inline uint64_t io(struct side *s, uint32_t off, uint32_t size, bool write, uint64_t val)
{
	uint64_t got = 0;

	if (s->stuck || !xm_access(s->dom, s->cpu, s->base + off, size, write, val)) {
		s->stuck = true;
		return 0;
	}
	if (b.struck) {
		b.struck(s);
	}
	s->stuck = !answered(s->dom, s->cpu, &got);
	return s->stuck ? 0 : got;
}

static inline uint32_t drv_read(void *ctx, uint32_t off, uint32_t size)
{
	return (uint32_t)io(ctx, off, size, false, 0);
}

static inline void drv_write(void *ctx, uint32_t off, uint32_t size, uint32_t val)
{
	(void)io(ctx, off, size, true, val);
}

static inline struct vio_dma dma(const struct side *s, uint32_t off, uint32_t len)
{
	uint64_t at = (uint64_t)s->index * SIDE_BYTES + off;

	return (struct vio_dma){ .p = xm_ram(s->dom, XM_RAM + at),
				 .addr = s->grants ? (1ull << 63) + at + REF * XM_PAGE
						   : XM_RAM + at,
				 .len = len };
}

/* Grant what [off, off + len) lies in, or revoke it; returns: false: it is still in use */
static inline bool share(const struct side *s, uint32_t off, uint32_t len, bool on)
{
	uint32_t first = (s->index * SIDE_BYTES + off) / XM_PAGE;
	uint32_t last = (s->index * SIDE_BYTES + off + len - 1) / XM_PAGE;
	bool ok = true;

	for (uint32_t f = first; s->grants && f <= last; f++) {
		if (on) {
			xm_grant(s->dom, REF + f, f);
		} else {
			ok = xm_revoke(s->dom, REF + f) && ok;
		}
	}
	return ok;
}

static inline bool start(struct side *s, bool packed)
{
	uint64_t want = VIO_F_VERSION_1 | VIO_F_RING_RESET | (packed ? VIO_F_RING_PACKED : 0u) |
			(s->grants ? VIO_F_ACCESS_PLATFORM : 0u),
		 got = 0, area[3];
	struct vio_dma ring = dma(s, 0, vio_dvq_bytes(16, packed));
	uint32_t id = 0;

	s->packed = packed;
	s->stuck = false;
	s->drv =
		(struct vio_drv_mmio){ .read = drv_read, .write = drv_write, .ctx = s, .polls = 3 };
	(void)share(s, 0, ring.len, true);
	if (vio_drv_mmio_check(&s->drv, &id) != VIO_OK || id != 42 ||
	    vio_drv_probe(&vio_drv_mmio_bus, &s->drv, want, &got) != VIO_OK || got != want ||
	    vio_dvq_init(&s->q, 16, packed ? VIO_DVQ_PACKED : 0u, &ring, s->slot) != VIO_OK) {
		return false;
	}
	vio_dvq_areas(&s->q, &ring, area);
	return vio_drv_mmio_bus.setup(&s->drv, 0, 16, area[0], area[1], area[2]) == VIO_OK &&
	       vio_drv_mmio_bus.set_status(&s->drv, 15) == VIO_OK &&
	       io(s, VIO_MMIO_STATUS, 4, false, 0) == 15;
}

/* Reset by the driver; returns: false: something of it is still shared */
static inline bool stop(struct side *s)
{
	bool ok = vio_drv_mmio_bus.set_status(&s->drv, 0) == VIO_OK && !s->stuck;

	return share(s, 0, vio_dvq_bytes(16, s->packed), false) && ok;
}

/* returns: as vio_dvq_add */
static inline int offer(struct side *s)
{
	struct vio_dma d[2] = { dma(s, OUT_AT, OUT_LEN), dma(s, IN_AT, IN_LEN) };
	int rc;

	s->serial++;
	(void)share(s, OUT_AT, OUT_LEN, true);
	(void)share(s, IN_AT, IN_LEN, true);
	for (uint32_t i = 0; i < OUT_LEN; i++) {
		d[0].p[i] = tdev_byte(s->serial, i, false);
	}
	vio_pack32(d[0].p, s->serial);
	memset(d[1].p, UNTOUCHED, IN_LEN);
	rc = vio_dvq_add(&s->q, d, 1, 1, s);
	if (rc == VIO_OK && vio_dvq_need_kick(&s->q)) {
		(void)vio_drv_mmio_bus.kick(&s->drv, 0);
	}
	return rc;
}

/* Its device has left: registers read as 0, and what is written is lost */
static inline bool vacant(struct side *s)
{
	s->stuck = false;
	(void)io(s, VIO_MMIO_STATUS, 4, true, 0xf);
	return io(s, VIO_MMIO_MAGIC, 4, false, 0) == 0 &&
	       io(s, VIO_MMIO_INTERRUPT_STATUS, 4, false, 0) == 0 &&
	       io(s, VIO_MMIO_STATUS, 4, false, 0) == 0 && !s->stuck;
}

/* The guest ends; returns: nothing of it is left */
static inline bool ended(unsigned dom)
{
	xm_destroy(dom);
	WAIT(!b.x->guest);
	return !b.x->guest &&
	       xm.open.foreign + xm.open.grants + xm.open.ports + xm.open.frames == 0;
}

/* What comes back, after its interrupt */
static inline bool take(struct side *s)
{
	struct tdev_plan p = tdev_plan(s->serial, IN_LEN);
	uint8_t *in = dma(s, IN_AT, IN_LEN).p;
	uint32_t len = 0, isr;
	bool raised;
	void *cookie;
	int rc;

	do {
		WAIT(xm.dom[s->dom].irq[s->irq] > 0 || s->stuck);
		raised = xm.dom[s->dom].irq[s->irq] > 0;
		xm.dom[s->dom].irq[s->irq] = 0;
		isr = vio_drv_mmio_interrupt(&s->drv);
		rc = vio_dvq_get(&s->q, &cookie, &len);
	} while (b.restarts && rc == VIO_E_AGAIN && raised && !s->stuck);
	if ((isr != VIO_MMIO_INT_USED && !b.restarts) || rc != VIO_OK ||
	    len != tdev_len(s->serial, IN_LEN)) {
		return false;
	}
	for (uint32_t i = 0; i < IN_LEN; i++) {
		bool written = i < p.prefix || (p.last && i == IN_LEN - 1);

		if (in[i] != (written ? tdev_byte(s->serial, i, true) : UNTOUCHED)) {
			return false;
		}
	}
	return share(s, OUT_AT, OUT_LEN, false) && share(s, IN_AT, IN_LEN, false) &&
	       s->dev.bad == 0;
}

static inline bool traffic(struct side *s, unsigned n)
{
	bool ok = true;

	for (unsigned i = 0; ok && i < n; i++) {
		ok = offer(s) == VIO_OK && take(s);
	}
	return ok;
}

/* A guest with one device that is served and started */
static inline struct side *one(uint32_t cache, bool grants, bool packed)
{
	unsigned dom = xm_create("guest", 2);

	assert_true(xen_up(cache));
	assert_true(add(0, "guest", NULL, 0));
	node(0, dom, 0, grants, 1);
	WAIT(state(dom, 0) == 2);
	assert_int_equal(state(dom, 0), 2);
	assert_true(start(&b.s[0], packed));
	return &b.s[0];
}

#endif
