/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vhost_ring.c - rules of the vhost-user protocol: states of rings, memory
 *
 * Theory of operation. Here a ring is set up message by message, and in memory that the front-end library does not
 * know: with an offset into its file, and with user addresses that are not those of any process.
 */
#define _GNU_SOURCE
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>
#include "conform/conform.h"

#define P     VIO_F_RING_PACKED
#define SIZE  16u
#define BYTES (1u << 20)
#define GPA   0x100000000ull
#define UVA   0x700000000000ull

static bool ring_message(struct cf *c, uint32_t request, uint16_t vq, uint32_t num)
{
	struct vhu_wire_ring r = { .index = vq, .num = num };

	return cf_must(c, request, &r, sizeof(r), -1);
}

static bool fd_message(struct cf *c, uint32_t request, uint16_t vq, int fd)
{
	uint64_t v = vq | (fd < 0 ? VHU_RING_NO_FD : 0u);

	return cf_must(c, request, &v, sizeof(v), fd);
}

static bool status(struct cf *c, uint8_t s)
{
	uint64_t v = s;

	return (vhf_protocol(c->f) & VHU_P_STATUS) == 0 ||
	       cf_must(c, VHU_SET_STATUS, &v, sizeof(v), -1);
}

static bool enable_all(struct cf *c)
{
	bool ok = true;

	for (uint16_t i = 0; ok && i < c->dev->nvq; i++) {
		ok = ring_message(c, VHU_SET_VRING_ENABLE, i, 1);
	}
	return ok;
}

static void until_kick(struct cf *c)
{
	struct cf_io io;

	(void)(cf_early(c, &io) && status(c, CF_LIVE) && enable_all(c) && cf_quiet(c) &&
	       cf_expect(c, !cf_raw_there(c, c->dev->vq),
			 "a ring was processed before it was kicked"));
}

static void on_kick(struct cf *c)
{
	struct cf_io io;

	(void)(cf_early(c, &io) && status(c, CF_LIVE) && enable_all(c) && cf_ring(c, c->dev->vq) &&
	       cf_wait(c, c->dev->vq, &io) && cf_answer(c, &io));
}

/* The protocol's own feature bit is not accepted: there is no SET_VRING_ENABLE then. */
static void enabled(struct cf *c)
{
	uint64_t f = VIO_F_VERSION_1 | (c->dev->want & c->offered);
	struct cf_io io;

	if (!cf_negotiate(c, f) || !cf_must(c, VHU_SET_FEATURES, &f, sizeof(f), -1)) {
		return;
	}
	for (uint16_t i = 0; i < c->dev->nvq; i++) {
		if (!cf_queue_setup(c, i, 0)) {
			return;
		}
	}
	(void)(cf_harmless(c, &io) && cf_put(c, c->dev->vq, &io) && status(c, CF_LIVE) &&
	       (vio_dvq_need_kick(&c->q[c->dev->vq].v), true) && cf_ring(c, c->dev->vq) &&
	       cf_wait(c, c->dev->vq, &io) && cf_answer(c, &io));
}

static void enable_again(struct cf *c)
{
	uint16_t vq = c->dev->vq;
	bool ok = cf_up(c);

	for (unsigned i = 0; ok && i < 3; i++) {
		ok = cf_works(c) && ring_message(c, VHU_SET_VRING_ENABLE, vq, 0) &&
		     ring_message(c, VHU_SET_VRING_ENABLE, vq, 1);
	}
	(void)(ok && cf_works(c));
}

static bool stop(struct cf *c, uint16_t vq, uint32_t *base)
{
	return vhf_stop(c->f, vq, base) == VIO_OK || cf_fail(c, "%s", vhf_error(c->f));
}

static void base_stops(struct cf *c)
{
	uint16_t vq = c->dev->vq;
	struct vhf_reply r;
	struct cf_io io;
	uint32_t base;

	(void)(cf_up(c) && cf_works(c) && stop(c, vq, &base) && cf_harmless(c, &io) &&
	       cf_put(c, vq, &io) && (vio_dvq_need_kick(&c->q[vq].v), true) &&
	       cf_get(c, VHU_GET_FEATURES, NULL, 0, &r) && cf_quiet(c) &&
	       cf_expect(c, !cf_raw_there(c, vq), "a ring that was stopped used a buffer"));
}

static void base_value(struct cf *c)
{
	uint32_t base = 99;
	bool ok = cf_up(c);

	for (unsigned i = 0; ok && i < 5; i++) {
		ok = cf_works(c);
	}
	(void)(ok && stop(c, c->dev->vq, &base) &&
	       cf_expect(c, (base & 0xffffu) == 5, "after 5 requests the next one is said to be %u",
			 base));
}

/* All of what front-ends send: what survives a stop is not said. */
static bool restart(struct cf *c, uint16_t vq, uint32_t base)
{
	const struct vio_dvq *v = &c->q[vq].v;
	struct vhu_wire_addr a = { .index = vq,
				   .desc = (uint64_t)(uintptr_t)v->desc,
				   .avail = (uint64_t)(uintptr_t)v->driver,
				   .used = (uint64_t)(uintptr_t)v->device };

	return ring_message(c, VHU_SET_VRING_NUM, vq, v->size) &&
	       ring_message(c, VHU_SET_VRING_BASE, vq, base) &&
	       cf_must(c, VHU_SET_VRING_ADDR, &a, sizeof(a), -1) &&
	       fd_message(c, VHU_SET_VRING_CALL, vq, vhf_call_fd(c->f, vq)) &&
	       fd_message(c, VHU_SET_VRING_KICK, vq, vhf_kick_fd(c->f, vq)) &&
	       ring_message(c, VHU_SET_VRING_ENABLE, vq, 1) && cf_ring(c, vq);
}

static void base_resumes(struct cf *c)
{
	uint16_t vq = c->dev->vq;
	uint32_t base;
	bool ok = cf_up(c);

	for (unsigned round = 0; ok && round < 4; round++) {
		for (unsigned i = 0; ok && i < 13; i++) {
			ok = cf_works(c);
		}
		ok = ok && stop(c, vq, &base) && restart(c, vq, base);
	}
	(void)(ok && cf_works(c));
}

static void base_one(struct cf *c)
{
	uint16_t other = c->dev->vq == 0 ? 1 : 0;
	uint32_t base;

	if (c->dev->nvq < 2) {
		(void)cf_na(c, "it has one ring");
		return;
	}
	(void)(cf_up(c) && cf_works(c) && stop(c, other, &base) && cf_works(c) && cf_works(c));
}

static void new_call(struct cf *c)
{
	uint16_t vq = c->dev->vq;
	struct cf_io io;
	uint64_t n = 0;
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (cf_up(c) && cf_works(c) && fd_message(c, VHU_SET_VRING_CALL, vq, fd) &&
	    cf_harmless(c, &io)) {
		(void)vio_dvq_arm(&c->q[vq].v);
		if (cf_put(c, vq, &io) && cf_kick(c, vq)) {
			while (read(fd, &n, sizeof(n)) < 0 &&
			       !cf_late(c, "a notification on the new descriptor")) {
			}
			(void)cf_expect(c, true, "-");
		}
	}
	(void)close(fd);
}

static void no_call(struct cf *c)
{
	bool ok = cf_up(c) && cf_works(c) && fd_message(c, VHU_SET_VRING_CALL, c->dev->vq, -1);

	for (unsigned i = 0; ok && i < 5; i++) {
		ok = cf_works(c);
	}
}

/* ---- memory of our own ---- */

struct own {
	int fd;
	uint8_t *p; /* of the region */
	uint64_t gpa, uva, offset;
	uint32_t used;
};

static bool own_open(struct cf *c, struct own *o, uint64_t offset, unsigned i)
{
	uint8_t *p;

	*o = (struct own){ .gpa = GPA * (i + 1u), .uva = UVA + GPA * i, .offset = offset };
	o->fd = memfd_create("stratos-conform", MFD_CLOEXEC);
	p = o->fd >= 0 && ftruncate(o->fd, (off_t)(BYTES + offset)) == 0
		    ? mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, o->fd, (off_t)offset)
		    : MAP_FAILED;
	o->p = p == MAP_FAILED ? NULL : p;
	return o->p != NULL || cf_fail(c, "no memory on this machine");
}

static void own_close(struct own *o)
{
	if (o->p != NULL) {
		(void)munmap(o->p, BYTES);
	}
	if (o->fd >= 0) {
		(void)close(o->fd);
	}
}

static struct vhu_wire_region region(const struct own *o)
{
	return (struct vhu_wire_region){
		.gpa = o->gpa, .len = BYTES, .uva = o->uva, .offset = o->offset
	};
}

static struct vio_dma own_take(struct own *o, uint32_t len, uint32_t align)
{
	uint32_t at = (o->used + align - 1u) & ~(align - 1u);

	o->used = at + len;
	return (struct vio_dma){ o->p + at, o->gpa + at, len };
}

static bool show(struct cf *c, const struct own *o, unsigned n)
{
	struct vhu_wire_table t = { .n = n };
	struct vhf_message m = { .request = VHU_SET_MEM_TABLE, .body = &t, .nfd = n };
	static const uint64_t zero;
	struct vhf_reply r;
	int fd[2] = { o[0].fd, n > 1 ? o[1].fd : -1 };

	t.r[0] = region(&o[0]);
	if (n > 1) {
		t.r[1] = region(&o[1]);
	}
	m.len = 8u + n * (uint32_t)sizeof(struct vhu_wire_region);
	m.fd = fd;
	m.ack = (vhf_protocol(c->f) & VHU_P_REPLY_ACK) != 0;
	return cf_expect(c, vhf_exchange(c->f, &m, m.ack ? &r : NULL) == VIO_OK, "%s",
			 vhf_error(c->f)) &&
	       cf_expect(c, !m.ack || memcmp(r.body, &zero, sizeof(zero)) == 0,
			 "a memory table is refused");
}

static bool slot(struct cf *c, uint32_t request, const struct own *o)
{
	struct vhu_wire_slot s = { .r = region(o) };

	return cf_must(c, request, &s, sizeof(s), request == VHU_ADD_MEM_REG ? o->fd : -1);
}

static bool own_ring(struct cf *c, struct own *o)
{
	uint16_t vq = c->dev->vq;
	struct cf_queue *q = &c->q[vq];
	struct vhu_wire_addr a = { .index = vq };
	uint64_t at[3];
	int call = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
	    kick = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
	bool ok;

	q->ring = own_take(o, vio_dvq_bytes(SIZE, false), 4096);
	(void)vio_dvq_init(&q->v, SIZE, 0, &q->ring, q->slot);
	vio_dvq_areas(&q->v, &q->ring, at);
	a.desc = at[0] - o->gpa + o->uva;
	a.avail = at[1] - o->gpa + o->uva;
	a.used = at[2] - o->gpa + o->uva;
	ok = ring_message(c, VHU_SET_VRING_NUM, vq, SIZE) &&
	     ring_message(c, VHU_SET_VRING_BASE, vq, 0) &&
	     cf_must(c, VHU_SET_VRING_ADDR, &a, sizeof(a), -1) &&
	     fd_message(c, VHU_SET_VRING_CALL, vq, call) &&
	     fd_message(c, VHU_SET_VRING_KICK, vq, kick) &&
	     ring_message(c, VHU_SET_VRING_ENABLE, vq, 1);
	(void)close(call);
	(void)close(c->own_kick);
	c->own_kick = kick;
	return ok;
}

static bool own_works(struct cf *c, struct own *o)
{
	static const uint64_t one = 1;
	uint16_t vq = c->dev->vq;
	struct cf_io io = { .back = false };

	io.o = own_take(o, c->dev->out, 16);
	io.i = own_take(o, c->dev->in, 16);
	io.out = io.o.p;
	io.in = io.i.p;
	(void)memset(io.out, 0, io.o.len);
	if (c->dev->build != NULL) {
		c->dev->build(c, io.out);
	}
	if (!cf_put(c, vq, &io)) {
		return false;
	}
	(void)vio_dvq_need_kick(&c->q[vq].v);
	(void)!write(c->own_kick, &one, sizeof(one));
	return cf_wait(c, vq, &io) && cf_answer(c, &io);
}

static bool own_features(struct cf *c)
{
	uint64_t f = VIO_F_VERSION_1 | (c->dev->want & c->offered) | VHU_F_PROTOCOL;

	return status(c, 0) && status(c, VIO_S_ACKNOWLEDGE) &&
	       status(c, VIO_S_ACKNOWLEDGE | VIO_S_DRIVER) &&
	       cf_must(c, VHU_SET_FEATURES, &f, sizeof(f), -1);
}

static void own_offset(struct cf *c)
{
	struct own o;

	if (own_open(c, &o, c->rule->arg, 0)) {
		(void)(own_features(c) && show(c, &o, 1) && status(c, CF_LIVE & ~VIO_S_DRIVER_OK) &&
		       own_ring(c, &o) && status(c, CF_LIVE) && own_works(c, &o) &&
		       own_works(c, &o));
	}
	own_close(&o);
}

/* A second region comes while rings run; requests are in it. */
static void own_more(struct cf *c)
{
	bool slots = c->rule->arg != 0;
	struct own o[2];

	if (own_open(c, &o[0], 0, 0) && own_open(c, &o[1], 0, 1)) {
		bool ok = own_features(c) &&
			  (slots ? slot(c, VHU_ADD_MEM_REG, &o[0]) : show(c, o, 1)) &&
			  status(c, CF_LIVE & ~VIO_S_DRIVER_OK) && own_ring(c, &o[0]) &&
			  status(c, CF_LIVE) && own_works(c, &o[0]);

		ok = ok && (slots ? slot(c, VHU_ADD_MEM_REG, &o[1]) : show(c, o, 2)) &&
		     own_works(c, &o[1]) && own_works(c, &o[0]);
		for (unsigned i = 0; ok && slots && i < 3; i++) {
			ok = slot(c, VHU_REM_MEM_REG, &o[1]) && own_works(c, &o[0]) &&
			     slot(c, VHU_ADD_MEM_REG, &o[1]) && own_works(c, &o[1]);
		}
	}
	own_close(&o[0]);
	own_close(&o[1]);
}

static void two_regions(struct cf *c)
{
	uint16_t vq = c->dev->vq;
	struct cf_io io = { .back = false };

	if (!cf_up(c) ||
	    (c->dev->out > 0 && vhf_alloc(c->f, 1, c->dev->out, 16, &io.o) != VIO_OK) ||
	    (c->dev->in > 0 && vhf_alloc(c->f, 1, c->dev->in, 16, &io.i) != VIO_OK)) {
		return;
	}
	io.out = io.o.p;
	io.in = io.i.p;
	if (c->dev->build != NULL) {
		c->dev->build(c, io.out);
	}
	(void)(cf_ask(c, vq, &io) && cf_answer(c, &io));
}

/* ---- RESET_DEVICE ---- */

static void reset_stops(struct cf *c)
{
	uint16_t vq = c->dev->vq;
	struct cf_io io;

	(void)(cf_up(c) && cf_works(c) && cf_must(c, VHU_RESET_DEVICE, NULL, 0, -1) &&
	       cf_harmless(c, &io) && cf_put(c, vq, &io) && cf_kick(c, vq) && cf_quiet(c) &&
	       cf_expect(c, !cf_raw_there(c, vq), "a ring was processed after RESET_DEVICE"));
}

static void reset_again(struct cf *c)
{
	(void)(cf_up(c) && cf_works(c) && cf_must(c, VHU_RESET_DEVICE, NULL, 0, -1) &&
	       cf_status(c, 0) && cf_up(c) && cf_works(c) && cf_works(c));
}

#define V     "vhost-user"
#define STATE V, "Ring states"
#define MEM   V, "Memory access"
#define FRONT V, "Front-end message types"
#define B     VHU_F_PROTOCOL

/* clang-format off */
const struct cf_rule cf_vring_rules[] = {
	{ "vhost.stopped-until-kick", STATE, "a ring is stopped until its descriptor is kicked", B, 0, 0, 0, until_kick },
	{ "vhost.starts-on-kick", STATE, "a ring starts when its descriptor is kicked", B, 0, 0, 0, on_kick },
	{ "vhost.enabled-at-start", STATE, "without protocol features a ring starts enabled", 0, 0, 0, 0, enabled },
	{ "vhost.enable-again", STATE, "a ring that was disabled and enabled goes on", B, 0, 0, 0, enable_again },
	{ "vhost.base-stops", STATE, "GET_VRING_BASE stops a ring", 0, 0, 0, 0, base_stops },
	{ "vhost.base-value", FRONT, "GET_VRING_BASE says which available entry is next", 0, 0, 0, 0, base_value },
	{ "vhost.base-resumes", FRONT, "SET_VRING_BASE with it goes on there", B, 0, 0, 0, base_resumes },
	{ "vhost.base-resumes-packed", FRONT, "SET_VRING_BASE with it goes on there", B | P, 0, 0, 0, base_resumes },
	{ "vhost.base-one", STATE, "GET_VRING_BASE stops no other ring", 0, 0, 0, 0, base_one },
	{ "vhost.new-call", STATE, "the descriptor of notifications can change while a ring runs", 0, 0, 0, 0, new_call },
	{ "vhost.no-call", FRONT, "a ring may have no descriptor for notifications", 0, 0, 0, 0, no_call },
	{ "vhost.two-regions", MEM, "guest addresses are looked for in each region", 0, 0, 0, 0, two_regions },
	{ "vhost.user-addresses", MEM, "ring addresses are user addresses, buffers are guest addresses", B, 0, CF_TABLE, 0, own_offset },
	{ "vhost.mmap-offset", V, "Memory regions description", "a region starts at its offset in the file", B, 0, CF_TABLE, 0x10000, own_offset },
	{ "vhost.table-grows", FRONT, "SET_MEM_TABLE may come again while rings run", B, 0, CF_TABLE, 0, own_more },
	{ "vhost.slots", FRONT, "regions come and go by ADD_MEM_REG and REM_MEM_REG while rings run", B, VHU_P_MEM_SLOTS, 0, 1, own_more },
	{ "vhost.reset-device", FRONT, "RESET_DEVICE disables all rings", 0, VHU_P_RESET_DEVICE, 0, 0, reset_stops },
	{ "vhost.reset-device-again", FRONT, "after RESET_DEVICE the device can be set up again", 0, VHU_P_RESET_DEVICE, 0, 0, reset_again },
};
/* clang-format on */
const unsigned cf_vring_nrules = sizeof(cf_vring_rules) / sizeof(cf_vring_rules[0]);
