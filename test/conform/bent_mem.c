/* SPDX-License-Identifier: BSD-3-Clause */
/* bent_mem.c - memory of a bent back-end: regions as they come by messages, and addresses in them */
#define _GNU_SOURCE
#include <sys/mman.h>
#include <unistd.h>
#include "test/conform/bent_internal.h"
#include "test/support/raw.h"

uint8_t *bent_gpa(struct bent *b, uint64_t gpa, uint32_t len)
{
	for (uint32_t i = 0; i < b->nregion; i++) {
		struct bent_region *r = &b->region[i];

		if (gpa >= r->w.gpa && gpa - r->w.gpa < r->w.len &&
		    len <= r->w.len - (gpa - r->w.gpa)) {
			return r->map + (bent_is(b, BENT_OFFSET) ? 0 : r->w.offset) +
			       (gpa - r->w.gpa);
		}
	}
	return NULL;
}

uint8_t *bent_uva(struct bent *b, uint64_t uva)
{
	for (uint32_t i = 0; i < b->nregion; i++) {
		struct bent_region *r = &b->region[i];
		uint64_t from = bent_is(b, BENT_GPA) ? r->w.gpa : r->w.uva;

		if (uva >= from && uva - from < r->w.len) {
			return r->map + (bent_is(b, BENT_OFFSET) ? 0 : r->w.offset) + (uva - from);
		}
	}
	return NULL;
}

static void drop_region(struct bent_region *r)
{
	if (r->map) {
		(void)munmap(r->map, r->len);
	}
	*r = (struct bent_region){ .map = NULL };
}

void bent_drop_regions(struct bent *b)
{
	while (b->nregion > 0) {
		drop_region(&b->region[--b->nregion]);
	}
}

static void add_region(struct bent *b, const struct vhu_wire_region *w, int fd)
{
	struct bent_region *r;

	if (b->nregion == BENT_REGS || (bent_is(b, BENT_REGION_ONE) && b->nregion == 1)) {
		close(fd);
		return;
	}
	r = &b->region[b->nregion++];
	r->w = *w;
	r->len = (size_t)(w->len + w->offset);
	r->map = mmap(NULL, r->len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	r->map = r->map == MAP_FAILED ? NULL : r->map;
	close(fd);
}

static uint64_t remove_region(struct bent *b, const struct vhu_wire_region *w)
{
	for (uint32_t i = 0; i < b->nregion; i++) {
		if (b->region[i].w.gpa == w->gpa && b->region[i].w.len == w->len &&
		    b->region[i].w.uva == w->uva) {
			drop_region(&b->region[i]);
			b->region[i] = b->region[--b->nregion];
			return 0;
		}
	}
	return 1;
}

uint64_t bent_slot_region(struct bent *b, struct raw_message *m, bool add)
{
	const struct vhu_wire_region *w = &m->b.slot.r;

	if (!add) {
		return bent_is(b, BENT_REM_NONE) ? 1 : remove_region(b, w);
	}
	if (m->nfd != 1) {
		return 1;
	}
	add_region(b, w, m->fd[0]);
	m->nfd = 0;
	return 0;
}

void bent_set_table(struct bent *b, struct raw_message *m)
{
	if (b->tables++ > 0 && bent_is(b, BENT_TABLE_KEPT)) {
		for (unsigned i = 0; i < m->nfd; i++) {
			close(m->fd[i]);
		}
	} else {
		while (b->nregion > 0) {
			drop_region(&b->region[--b->nregion]);
		}
		for (unsigned i = 0; i < m->nfd; i++) {
			add_region(b, &m->b.table.r[i], m->fd[i]);
		}
	}
	m->nfd = 0;
	for (uint16_t i = 0; i < BENT_VQS; i++) {
		struct bent_queue *q = &b->q[i];

		if (q->has_addr) {
			q->desc = bent_uva(b, q->addr.desc);
			q->driver = bent_uva(b, q->addr.avail);
			q->device = bent_uva(b, q->addr.used);
		}
	}
}
