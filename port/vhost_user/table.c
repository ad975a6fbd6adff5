/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * table.c - what the executors see of the front-end's memory
 *
 * Theory of operation. One sorted table, by guest address (by the front-end's address when an IOTLB translates to
 * those), is read by all executors; each has its own struct vio_mem_full over it. A change goes round the executors:
 * each swaps to the new table on its own thread. When regions only came, that is all: what is held stays valid. When
 * a region left, the change is announced by vio_mem_change first, rings move in their next turn, and the message is
 * answered when everything that used the old table has been given back. A device that keeps requests for long (a
 * line that waits for an interrupt) must not keep the front-end waiting for ever, so that is bounded; the old mapping
 * then stays until they are back, which no peer can notice.
 *
 * With a window the table has one entry at most, and each executor's kind is struct vio_mem_window.
 */
#include <stdlib.h>
#include "port/vhost_user/internal.h"

static int by_address(const void *a, const void *b)
{
	uint64_t x = ((const struct vio_region *)a)->gpa, y = ((const struct vio_region *)b)->gpa;

	return (x > y) - (x < y);
}

int vhu_table_build(struct vhu *v, const struct vhu_set *s, struct vio_region **out)
{
	struct vio_region *t;
	struct vio_map *check;
	int rc;

	*out = NULL;
	if (s->n == 0u) {
		return VHU_DONE;
	}
	t = calloc(s->n, sizeof(*t));
	check = calloc(1, sizeof(*check));
	if ((t == NULL) || (check == NULL)) {
		free(t);
		free(check);
		return vhu_refuse(v, "out of memory");
	}
	for (uint16_t i = 0; i < s->n; i++) {
		const struct vhu_region *r = s->r[i];

		t[i].gpa = vhu_iommu_on(v) ? r->w.uva : r->w.gpa;
		t[i].len = r->w.len;
		t[i].hva = r->hva;
	}
	qsort(t, s->n, sizeof(*t), by_address);
	rc = vio_map_init(check, t, s->n);
	free(check);
	if (rc != VIO_OK) {
		free(t);
		return vhu_refuse(v, "regions overlap, or are not aligned as their files");
	}
	*out = t;
	return VHU_DONE;
}

struct vio_mem *vhu_mem(struct vhu_exec *x)
{
	if (x->v->cfg.window) {
		return &x->window.m;
	}
	return vhu_iommu_on(x->v) ? &x->iommu.m : &x->full.m;
}

struct show {
	struct vhu_exec *x;
	const struct vio_region *t;
	uint16_t n;
	bool removes, drained;
	int rc;
};

static void fill(struct show *s, const struct vio_region *t, uint16_t n)
{
	struct vhu_exec *x = s->x;

	x->nothing.hva = x->scratch;
	x->nothing.gpa = UINT64_MAX - 31u; /* outside of any bus */
	x->nothing.len = sizeof(x->scratch);
	s->t = (n > 0u) ? t : &x->nothing;
	s->n = (n > 0u) ? n : 1u;
}

static void on_up(void *arg)
{
	struct show *s = arg;

	s->rc = s->x->v->cfg.window
			? vio_mem_window_init(&s->x->window, s->t->gpa, s->t->hva, s->t->len)
			: vio_mem_full_init(&s->x->full, s->t, s->n);
	if ((s->rc == VIO_OK) && vhu_iommu_on(s->x->v)) {
		vhu_iommu_init(s->x);
	}
}

static void on_change(void *arg)
{
	struct show *s = arg;

	s->rc = s->removes ? vio_mem_change(vhu_mem(s->x)) : VIO_OK;
	if (s->rc == VIO_OK) {
		s->rc = s->x->v->cfg.window ? vio_mem_window_swap(&s->x->window, s->t->gpa,
								  s->t->hva, s->t->len)
					    : vio_mem_full_swap(&s->x->full, s->t, s->n);
		vhu_turn_all(s->x);
	}
}

struct outside {
	struct vhu_exec *x;
	uint64_t addr;
	uint32_t len;
	bool met;
};

static void on_outside(void *arg)
{
	struct outside *o = arg;
	struct vio_mem_window *w = &o->x->window;

	o->met = w->refused;
	o->addr = w->outside;
	o->len = w->outside_len;
	w->refused = false;
}

void vhu_window_tell(struct vhu *v)
{
	for (uint16_t i = 0; (i < v->nexec) && v->cfg.window && (v->ntable > 0u); i++) {
		struct outside o = { .x = &v->exec[i] };

		loop_call(o.x->loop, on_outside, &o);
		if (o.met) {
			log_warn(v->name,
				 "the guest gave %u bytes at 0x%llx, which are not inside the "
				 "window of 0x%llx "
				 "bytes at 0x%llx",
				 o.len, (unsigned long long)o.addr,
				 (unsigned long long)v->table[0].len,
				 (unsigned long long)v->table[0].gpa);
		}
	}
}

static void on_drained(void *arg)
{
	struct show *s = arg;

	s->drained = vio_mem_drained(vhu_mem(s->x));
}

int vhu_table_up(struct vhu *v)
{
	struct vio_region *t = NULL;

	vhu_retired_drop(v); /* no queue is enabled */
	if (vhu_table_build(v, &v->set, &t) != VHU_DONE) {
		return VHU_REFUSED; /* which addresses are the key was not known when the regions came */
	}
	free(v->table);
	v->table = t;
	v->ntable = v->set.n;
	for (uint16_t i = 0; i < v->nexec; i++) {
		struct show s = { .x = &v->exec[i] };

		fill(&s, v->table, v->ntable);
		loop_call(s.x->loop, on_up, &s);
		if (s.rc != VIO_OK) {
			return vhu_refuse(v, "regions overlap, or are not aligned as their files");
		}
	}
	return VHU_DONE;
}

bool vhu_drained(struct vhu *v)
{
	for (uint16_t i = 0; i < v->nexec; i++) {
		struct show s = { .x = &v->exec[i] };

		loop_call(s.x->loop, on_drained, &s);
		if (!s.drained) {
			return false;
		}
	}
	return true;
}

static int drain_later(struct vhu *v)
{
	if (vhu_drained(v)) {
		vhu_retired_drop(v);
	} else if (!v->drain_over) {
		return VHU_LATER;
	} else {
		log_warn(v->name,
			 "%s: the device keeps requests in memory that was removed; it stays "
			 "mapped until "
			 "they are back",
			 v->op->name);
	}
	return VHU_DONE;
}

static int change_later(struct vhu *v)
{
	bool all = true;

	for (uint16_t i = 0; i < v->nexec; i++) {
		struct show s = { .x = &v->exec[i], .removes = v->change_removes };

		if (s.x->changed) {
			continue;
		}
		fill(&s, v->next_table, v->next_n);
		loop_call(s.x->loop, on_change, &s);
		s.x->changed = s.rc == VIO_OK;
		all = all && s.x->changed;
	}
	if (!all && v->drain_over) {
		(void)vhu_refuse(v, "the device keeps requests since an earlier change of memory");
		return VHU_FATAL;
	}
	if (!all) {
		return VHU_LATER;
	}
	if (!v->changed) {
		v->changed = true;
		free(v->table);
		v->table = v->next_table;
		v->ntable = v->next_n;
		v->next_table = NULL;
	}
	return v->change_removes ? drain_later(v) : VHU_DONE;
}

int vhu_table_change(struct vhu *v, struct vio_region *t, uint16_t n, bool removes)
{
	if (!v->up) {
		vhu_retired_drop(v);
		free(v->table);
		v->table = t;
		v->ntable = n;
		return VHU_DONE;
	}
	v->next_table = t;
	v->next_n = n;
	v->change_removes = removes;
	for (uint16_t i = 0; i < v->nexec; i++) {
		v->exec[i].changed = false;
	}
	v->changed = false;
	return vhu_wait(v, change_later);
}
