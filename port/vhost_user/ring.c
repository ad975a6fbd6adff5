/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ring.c - set-up, start and stop of rings, as the front-end sees them
 *
 * Theory of operation. The messages that describe a ring may come in any order; they are only noted. A ring is settled
 * when everything is there: size, addresses, features, memory, permission (SET_VRING_ENABLE, or no protocol features),
 * and a way to be kicked. A front-end that uses STATUS must also have said DRIVER_OK, or have kicked: some send
 * FEATURES_OK and never DRIVER_OK. The first settled ring brings the device up. It starts with its first kick, or at once
 * if it wants to be polled, and counts as started until GET_VRING_BASE or a reset (docs/decisions/0014-first-kick.md).
 *
 * STOPPED -> LIVE -> STOPPING -> STOPPED. Stopping waits for the requests that the device owns; only GET_VRING_BASE
 * and a new ENABLE wait with it. The position is kept, so enabling again resumes.
 *
 * Ring addresses are addresses of the front-end's process and become guest addresses here, so the core has one
 * address space only; behind an IOTLB they are what the guest wrote and stay so.
 */
#include <unistd.h>
#include "port/vhost_user/internal.h"

static struct vhu_ring *ring_at(struct vhu *v, uint64_t index)
{
	if (index >= v->dev->nvq) {
		(void)vhu_refuse(v, "ring %llu, there are %u", (unsigned long long)index,
				 v->dev->nvq);
		return NULL;
	}
	return &v->ring[index];
}

static bool allowed(const struct vhu_ring *r)
{
	return r->enabled || ((r->v->features & VHU_F_PROTOCOL) == 0);
}

static bool settled(const struct vhu_ring *r)
{
	const struct vhu *v = r->v;
	bool kicked = atomic_load(&r->kicked);

	return (r->state == VHU_STOPPED) && (r->num != 0) && r->has_addr && v->has_features &&
	       (v->set.n > 0u) && allowed(r) && (r->has_kick || kicked) &&
	       (v->up || kicked || !v->status_used || ((v->status & VIO_S_DRIVER_OK) != 0u)) &&
	       ((vio_dev_status(v->dev) & VIO_S_NEEDS_RESET) == 0u);
}

static bool ready(const struct vhu_ring *r)
{
	return settled(r) && (r->started || atomic_load(&r->kicked));
}

/* The position that SET_VRING_BASE gave. source: vhost-user, "Vring state" with packed rings */
static struct vio_vq_state parse_base(const struct vhu_ring *r)
{
	uint32_t raw = r->base_raw, high = raw >> 16;
	struct vio_vq_state s = { 0, 0, true, true };

	if ((r->v->features & VIO_F_RING_PACKED) == 0u) {
		s.avail = (uint16_t)raw;
		s.used = (uint16_t)raw;
		return s;
	}
	if (raw == 0u) {
		return s; /* what front-ends that know split rings only send for "from the start" */
	}
	high = (high == 0u)
		       ? raw
		       : high; /* some give only one: with nothing in flight they are the same */
	s.avail = (uint16_t)(raw & 0x7fffu);
	s.avail_wrap = (raw & 0x8000u) != 0u;
	s.used = (uint16_t)(high & 0x7fffu);
	s.used_wrap = (high & 0x8000u) != 0u;
	return s;
}

static uint32_t format_base(const struct vhu_ring *r)
{
	const struct vio_vq_state *s = &r->base;
	uint32_t low = s->avail | (s->avail_wrap ? 0x8000u : 0u),
		 high = s->used | (s->used_wrap ? 0x8000u : 0u);

	return ((r->v->features & VIO_F_RING_PACKED) == 0u) ? s->avail : (low | (high << 16));
}

static bool addresses(struct vhu *v, const struct vhu_wire_addr *a, struct vhu_start *s)
{
	s->desc = a->desc;
	s->avail = a->avail;
	s->used = a->used;
	return vhu_iommu_on(v) ||
	       (vhu_uva_to_gpa(v, a->desc, &s->desc) && vhu_uva_to_gpa(v, a->avail, &s->avail) &&
		vhu_uva_to_gpa(v, a->used, &s->used));
}

/* Behind a window it is the guest that chose: the front-end translates what the guest wrote, and shares less. */
static int outside(struct vhu_ring *r)
{
	log_warn(r->v->name,
		 "ring %u cannot start: it is not inside the window; the guest must be offered "
		 "VIRTIO_F_ACCESS_PLATFORM (QEMU: iommu_platform=on) and keep its virtio memory "
		 "there "
		 "(stratos guest-dtb)",
		 r->index);
	vio_dev_fail(r->v->dev);
	return VHU_DONE;
}

static int start(struct vhu_ring *r)
{
	struct vhu *v = r->v;
	struct vhu_start s = { .r = r };

	if (!addresses(v, &r->addr, &s)) {
		return v->cfg.window
			       ? outside(r)
			       : vhu_refuse(v, "ring %u is not in the memory table", r->index);
	}
	if (r->has_base && !r->gave_base) {
		r->base = parse_base(r);
	}
	s.s = r->has_base ? &r->base : NULL;
	loop_call(r->x->loop, vhu_on_start, &s);
	if (s.rc == VIO_OK) {
		r->state = VHU_LIVE;
		r->started = true;
		log_debug(v->name, "ring %u runs, %u entries", r->index, r->num);
	} else if (s.rc != VIO_E_AGAIN) { /* else its translations are asked for */
		log_warn(v->name, "ring %u cannot start: %s (%u entries)", r->index,
			 (s.rc == VIO_E_ADDR)	? "it leaves the guest's memory"
			 : (s.rc == VIO_E_RING) ? "it is not aligned"
						: "bad size or position",
			 r->num);
		vio_dev_fail(v->dev); /* sizes and addresses are the guest's choice */
	} else {
		/* stays ready */
	}
	return VHU_DONE;
}

int vhu_rings_try(struct vhu *v)
{
	int answer = VHU_DONE;

	for (uint16_t i = 0; (i < v->dev->nvq) && (answer == VHU_DONE) && !v->resetting; i++) {
		if (settled(&v->ring[i])) {
			answer = vhu_up(v);
			if ((answer == VHU_DONE) && ready(&v->ring[i])) {
				answer = start(&v->ring[i]);
			}
		}
	}
	return answer;
}

bool vhu_rings_live(const struct vhu *v)
{
	for (uint16_t i = 0; i < v->dev->nvq; i++) {
		if (v->ring[i].state != VHU_STOPPED) {
			return true;
		}
	}
	return false;
}

/* returns: true the ring is down */
static bool stop_step(struct vhu_ring *r)
{
	struct vhu_stop s = { .r = r, .s = { 0, 0, true, true } };

	if (r->state == VHU_STOPPED) {
		return true;
	}
	r->state = VHU_STOPPING;
	atomic_store(&r->v->waiting, true);
	loop_call(r->x->loop, vhu_on_stop, &s);
	if (s.rc != VIO_OK) {
		return false;
	}
	r->state = VHU_STOPPED;
	r->base = s.s;
	r->has_base = true;
	r->gave_base = true;
	if (!vhu_rings_live(r->v)) {
		vhu_iotlb_flush(r->v);
	}
	return true;
}

void vhu_rings_step(struct vhu *v)
{
	for (uint16_t i = 0; i < v->dev->nvq; i++) {
		if (v->ring[i].state == VHU_STOPPING) {
			(void)stop_step(&v->ring[i]);
		}
	}
}

static int set_kick(struct vhu_ring *r, int fd, bool no_fd)
{
	struct vhu_set_fd s = { .r = r, .fd = fd, .no_fd = no_fd };

	r->started = r->started || no_fd;
	atomic_store(&r->kicked, false);
	r->has_kick = (fd >= 0) || no_fd;
	loop_call(r->x->loop, vhu_on_kick_fd, &s);
	return s.rc;
}

void vhu_rings_reset(struct vhu *v, bool all)
{
	for (uint16_t i = 0; i < v->dev->nvq; i++) {
		struct vhu_ring *r = &v->ring[i];
		struct vhu_set_fd s = { .r = r, .fd = -1 };

		r->state = VHU_STOPPED;
		loop_call(r->x->loop, vhu_on_down, r);
		if (all) {
			loop_call(r->x->loop, vhu_on_kick_leave, r);
		}
		(void)set_kick(r, -1, false);
		r->started = false;
		r->has_addr = false;
		r->has_base = false;
		r->gave_base = false;
		r->base_raw = 0;
		r->enabled = false;
		if (all) {
			loop_call(r->x->loop, vhu_on_call_fd, &s);
			if (r->err_fd >= 0) {
				close(r->err_fd);
			}
			r->err_fd = -1;
			r->num = 0;
			atomic_store(&r->call_due, false);
			atomic_store(&r->err_due, false);
		}
	}
}

/* ---- messages ---- */

int vhu_set_vring_num(struct vhu *v, struct vhu_msg *m)
{
	struct vhu_ring *r = ring_at(v, m->b.ring.index);

	if (r == NULL) {
		return VHU_REFUSED;
	}
	if ((m->b.ring.num == 0) || (m->b.ring.num > VIO_VQ_SIZE_MAX) ||
	    (r->state != VHU_STOPPED)) {
		return vhu_refuse(v, "ring %u: %u entries%s", r->index, m->b.ring.num,
				  (r->state != VHU_STOPPED) ? " while it runs" : "");
	}
	r->num = (uint16_t)m->b.ring.num;
	return VHU_DONE;
}

int vhu_set_vring_addr(struct vhu *v, struct vhu_msg *m)
{
	const struct vhu_wire_addr *a = &m->b.addr;
	struct vhu_ring *r = ring_at(v, a->index);
	struct vhu_start s;

	if (r == NULL) {
		return VHU_REFUSED;
	}
	if (a->flags != 0) {
		return vhu_refuse(v, "ring %u: flags 0x%x, no log was negotiated", r->index,
				  a->flags);
	}
	if (r->state != VHU_STOPPED) {
		if ((a->desc == r->addr.desc) && (a->avail == r->addr.avail) &&
		    (a->used == r->addr.used)) {
			return VHU_DONE;
		}
		return vhu_refuse(v, "ring %u runs", r->index);
	}
	if (!v->cfg.window && (v->set.n > 0u) && v->has_features && !addresses(v, a, &s)) {
		return vhu_refuse(v, "ring %u: 0x%llx, 0x%llx or 0x%llx is not in the memory table",
				  r->index, (unsigned long long)a->desc,
				  (unsigned long long)a->avail, (unsigned long long)a->used);
	}
	r->addr = *a;
	r->has_addr = true;
	return vhu_rings_try(v);
}

int vhu_set_vring_base(struct vhu *v, struct vhu_msg *m)
{
	struct vhu_ring *r = ring_at(v, m->b.ring.index);

	if (r == NULL) {
		return VHU_REFUSED;
	}
	if (r->state != VHU_STOPPED) {
		return vhu_refuse(v, "ring %u runs", r->index);
	}
	if (!r->gave_base || (m->b.ring.num != format_base(r))) {
		r->gave_base = false; /* not the position that we know exactly */
		r->base_raw = m->b.ring.num;
	}
	r->has_base = true;
	return VHU_DONE;
}

static int get_base_later(struct vhu *v)
{
	struct vhu_ring *r = &v->ring[v->in.b.ring.index];
	struct vhu_wire_ring w = { .index = r->index };

	if (!stop_step(r)) {
		if (v->drain_over) {
			v->drain_over = false;
			log_warn(v->name,
				 "ring %u: the front-end waits for requests that the device still "
				 "owns",
				 r->index);
		}
		return VHU_LATER;
	}
	w.num = r->gave_base ? format_base(r) : r->base_raw;
	vhu_reply(v, &w, sizeof(w));
	return VHU_REPLIED;
}

int vhu_get_vring_base(struct vhu *v, struct vhu_msg *m)
{
	struct vhu_ring *r = ring_at(v, m->b.ring.index);

	if (r == NULL) {
		return VHU_FATAL;
	}
	(void)set_kick(r, -1, false);
	r->started = false;
	return vhu_wait(v, get_base_later);
}

/* The ring and the descriptor of SET_VRING_KICK, CALL, ERR. returns: NULL refused */
static struct vhu_ring *ring_fd(struct vhu *v, struct vhu_msg *m, int *fd)
{
	bool none = (m->b.u64 & VHU_RING_NO_FD) != 0;
	struct vhu_ring *r = ring_at(v, m->b.u64 & VHU_RING_MASK);

	if (r == NULL) {
		return NULL;
	}
	if (((m->b.u64 & ~(uint64_t)(VHU_RING_MASK | VHU_RING_NO_FD)) != 0) ||
	    (none == (m->nfd > 0))) {
		(void)vhu_refuse(v, "ring %u: 0x%llx with %u file descriptors", r->index,
				 (unsigned long long)m->b.u64, m->nfd);
		return NULL;
	}
	*fd = none ? -1 : m->fd[0];
	m->fd[0] = none ? m->fd[0] : -1;
	return r;
}

int vhu_set_vring_kick(struct vhu *v, struct vhu_msg *m)
{
	int fd, rc;
	struct vhu_ring *r = ring_fd(v, m, &fd);

	if (r == NULL) {
		return VHU_REFUSED;
	}
	rc = set_kick(r, fd, fd < 0);
	if (rc != 0) {
		(void)set_kick(r, -1, false);
		return vhu_refuse(v, "ring %u: that descriptor cannot be waited for (error %d)",
				  r->index, rc);
	}
	return vhu_rings_try(v);
}

int vhu_set_vring_call(struct vhu *v, struct vhu_msg *m)
{
	struct vhu_set_fd s = { .fd = -1 };

	s.r = ring_fd(v, m, &s.fd);
	if (s.r == NULL) {
		return VHU_REFUSED;
	}
	loop_call(s.r->x->loop, vhu_on_call_fd, &s);
	return VHU_DONE;
}

int vhu_set_vring_err(struct vhu *v, struct vhu_msg *m)
{
	int fd;
	struct vhu_ring *r = ring_fd(v, m, &fd);

	if (r == NULL) {
		return VHU_REFUSED;
	}
	if (r->err_fd >= 0) {
		close(r->err_fd);
	}
	r->err_fd = fd;
	return VHU_DONE;
}

static int enable_later(struct vhu *v)
{
	struct vhu_ring *r = &v->ring[v->in.b.ring.index];

	return ((r->state == VHU_STOPPING) && !stop_step(r)) ? VHU_LATER : vhu_rings_try(v);
}

bool vhu_rings_may(const struct vhu *v)
{
	return (v->later == NULL) || (v->later == get_base_later) || (v->later == enable_later);
}

int vhu_set_vring_enable(struct vhu *v, struct vhu_msg *m)
{
	struct vhu_ring *r = ring_at(v, m->b.ring.index);

	if (r == NULL) {
		return VHU_REFUSED;
	}
	if (m->b.ring.num > 1u) {
		return vhu_refuse(v, "ring %u: %u is neither 0 nor 1", r->index, m->b.ring.num);
	}
	r->enabled = m->b.ring.num == 1u;
	if (r->enabled) {
		return vhu_wait(v, enable_later);
	}
	if (!allowed(r)) {
		(void)stop_step(r); /* goes on behind: the front-end does not wait for it here */
	}
	return VHU_DONE;
}

int vhu_vring_kick(struct vhu *v, struct vhu_msg *m)
{
	struct vhu_ring *r = ring_at(v, m->b.ring.index);

	if (r == NULL) {
		return VHU_REFUSED;
	}
	if ((r->num == 0) || !r->has_addr) {
		return vhu_refuse(v, "ring %u is not set up", r->index);
	}
	if (r->state == VHU_LIVE) {
		loop_call(r->x->loop, vhu_on_turn, r);
		return VHU_DONE;
	}
	atomic_store(&r->kicked, true);
	return vhu_rings_try(v);
}
