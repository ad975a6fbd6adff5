/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * memory.c - memory regions of the front-end: mapped, kept, given back
 *
 * Theory of operation. v->set is what the front-end wants us to know. A change makes a new set first, mapping what is
 * new; when anything is wrong with it the old one stays. Then table.c shows it to the executors. A region that left
 * the set goes to v->retired and stays mapped until no request can touch it any more.
 *
 * SET_MEM_TABLE often brings regions that we have: same addresses, same file (device and inode), same offset. Those
 * keep their mapping, so that a table which only grows needs no draining.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#include "hosted/sigbus.h"
#include "port/vhost_user/internal.h"

#define HUGETLBFS 0x958458f6

static void unmap(struct vhu_region *r)
{
	sigbus_unguard(r->guard);
	(void)munmap(r->map, r->map_len);
	free(r);
}

/* Granularity of mappings of fd. */
static uint64_t page_of(int fd)
{
	struct statfs fs;

	if ((fstatfs(fd, &fs) == 0) && ((unsigned long)fs.f_type == HUGETLBFS) &&
	    (fs.f_bsize > 0)) {
		return (uint64_t)fs.f_bsize;
	}
	return (uint64_t)sysconf(_SC_PAGESIZE);
}

/* What is wrong with the numbers of a region, or NULL. */
static const char *wrong(const struct vhu_wire_region *w, const struct stat *st)
{
	uint64_t end;

	if (w->len == 0) {
		return "is empty";
	}
	if (VIO_ADD_CARRIES(w->gpa, w->len, &end) || VIO_ADD_CARRIES(w->uva, w->len, &end) ||
	    VIO_ADD_CARRIES(w->offset, w->len, &end) || (end > (uint64_t)INT64_MAX)) {
		return "wraps";
	}
	if (S_ISREG(st->st_mode) && (end > (uint64_t)st->st_size)) {
		return "is longer than its file";
	}
	return NULL;
}

static struct vhu_region *map(struct vhu *v, const struct vhu_wire_region *w, int fd)
{
	struct vhu_region *r = calloc(1, sizeof(*r));
	uint64_t page = page_of(fd), base, end;
	const char *why;
	struct stat st;

	if ((r == NULL) || (fstat(fd, &st) != 0)) {
		(void)vhu_refuse(v, "region 0x%llx: %s", (unsigned long long)w->gpa,
				 strerror(errno));
		free(r);
		return NULL;
	}
	why = wrong(w, &st);
	if (why != NULL) {
		(void)vhu_refuse(v, "region 0x%llx of 0x%llx bytes at 0x%llx %s",
				 (unsigned long long)w->gpa, (unsigned long long)w->len,
				 (unsigned long long)w->offset, why);
		free(r);
		return NULL;
	}
	base = w->offset & ~(page - 1u);
	end = (w->offset + w->len + page - 1u) & ~(page - 1u);
	r->w = *w;
	r->dev = st.st_dev;
	r->ino = st.st_ino;
	r->map_len = (size_t)(end - base);
	r->map = mmap(NULL, r->map_len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd,
		      (off_t)base);
	if (r->map == MAP_FAILED) {
		(void)vhu_refuse(v,
				 "region 0x%llx: mmap of %zu bytes: %s (the front-end must share "
				 "its memory)",
				 (unsigned long long)w->gpa, r->map_len, strerror(errno));
		free(r);
		return NULL;
	}
	(void)madvise(r->map, r->map_len, MADV_DONTDUMP);
	r->hva = (uint8_t *)r->map + (w->offset - base);
	r->guard = sigbus_guard(r->map, r->map_len, v->bus_fd);
	if (r->guard < 0) {
		(void)vhu_refuse(v, "region 0x%llx: too many regions in this process",
				 (unsigned long long)w->gpa);
		unmap(r);
		return NULL;
	}
	return r;
}

int vhu_window_takes(struct vhu *v, const struct vhu_wire_region *r, uint32_t n)
{
	if (!v->cfg.window) {
		return VHU_DONE;
	}
	if (n > 1u) {
		return vhu_refuse(v,
				  "the window is one region, but the front-end shares %u, of "
				  "0x%llx bytes at guest "
				  "address 0x%llx and others: only the window may be shared memory",
				  n, (unsigned long long)r->len, (unsigned long long)r->gpa);
	}
	if ((n == 1u) && (v->cfg.window_max != 0u) && (r->len > v->cfg.window_max)) {
		return vhu_refuse(v,
				  "the front-end shares 0x%llx bytes at guest address 0x%llx, but "
				  "the window has at "
				  "most 0x%llx",
				  (unsigned long long)r->len, (unsigned long long)r->gpa,
				  (unsigned long long)v->cfg.window_max);
	}
	return VHU_DONE;
}

static bool same(const struct vhu_region *r, const struct vhu_wire_region *w, int fd)
{
	struct stat st;

	return (memcmp(&r->w, w, sizeof(*w)) == 0) && (fstat(fd, &st) == 0) &&
	       (r->dev == st.st_dev) && (r->ino == st.st_ino);
}

static bool in_set(const struct vhu_set *s, const struct vhu_region *r)
{
	for (uint16_t i = 0; i < s->n; i++) {
		if (s->r[i] == r) {
			return true;
		}
	}
	return false;
}

/* Make `next` the set; on refusal what is only in `next` is unmapped again. */
static int commit(struct vhu *v, const struct vhu_set *next)
{
	struct vhu_set old = v->set;
	struct vio_region *table = NULL;
	int answer = vhu_table_build(v, next, &table);
	uint16_t gone = 0;

	for (uint16_t i = 0; i < old.n; i++) {
		gone = (uint16_t)(gone + (in_set(next, old.r[i]) ? 0 : 1));
	}
	if ((answer == VHU_DONE) && ((v->retired.n + gone) > VHU_SLOTS)) {
		free(table);
		answer = vhu_refuse(v,
				    "the device keeps requests in memory that was removed before");
	}
	if (answer != VHU_DONE) {
		for (uint16_t i = 0; i < next->n; i++) {
			if (!in_set(&old, next->r[i])) {
				unmap(next->r[i]);
			}
		}
		return answer;
	}
	for (uint16_t i = 0; i < old.n; i++) {
		if (!in_set(next, old.r[i])) {
			v->retired.r[v->retired.n] = old.r[i];
			v->retired.n++;
		}
	}
	v->set = *next;
	return vhu_table_change(v, table, next->n, gone > 0u);
}

int vhu_set_mem_table(struct vhu *v, struct vhu_msg *m)
{
	const struct vhu_wire_table *t = &m->b.table;
	struct vhu_set next = { .n = 0 };

	if ((t->n > VHU_TABLE_REGIONS) || (m->h.size < (8u + (t->n * sizeof(t->r[0])))) ||
	    (m->nfd != t->n)) {
		return vhu_refuse(v, "%u regions in %u bytes with %u file descriptors", t->n,
				  m->h.size, m->nfd);
	}
	if (vhu_window_takes(v, t->r, t->n) != VHU_DONE) {
		return VHU_REFUSED; /* nothing of it is mapped, not even for a moment */
	}
	for (uint32_t i = 0; i < t->n; i++) {
		struct vhu_region *r = NULL;

		for (uint16_t k = 0; (k < v->set.n) && (r == NULL); k++) {
			if (same(v->set.r[k], &t->r[i], m->fd[i]) && !in_set(&next, v->set.r[k])) {
				r = v->set.r[k];
			}
		}
		r = (r != NULL) ? r : map(v, &t->r[i], m->fd[i]);
		if (r == NULL) {
			while (next.n > 0u) {
				next.n--;
				if (!in_set(&v->set, next.r[next.n])) {
					unmap(next.r[next.n]);
				}
			}
			return VHU_REFUSED;
		}
		next.r[next.n] = r;
		next.n++;
	}
	return commit(v, &next);
}

int vhu_add_mem_reg(struct vhu *v, struct vhu_msg *m)
{
	struct vhu_set next = v->set;

	if (next.n >= VHU_SLOTS) {
		return vhu_refuse(v, "all %u slots are in use", VHU_SLOTS);
	}
	if (vhu_window_takes(v, &m->b.slot.r, next.n + 1u) != VHU_DONE) {
		return VHU_REFUSED;
	}
	next.r[next.n] = map(v, &m->b.slot.r, m->fd[0]);
	if (next.r[next.n] == NULL) {
		return VHU_REFUSED;
	}
	next.n++;
	return commit(v, &next);
}

int vhu_rem_mem_reg(struct vhu *v, struct vhu_msg *m)
{
	const struct vhu_wire_region *w = &m->b.slot.r;
	struct vhu_set next = { .n = 0 };

	for (uint16_t i = 0; i < v->set.n; i++) {
		const struct vhu_wire_region *h = &v->set.r[i]->w;

		if ((h->gpa != w->gpa) || (h->uva != w->uva) || (h->len != w->len)) {
			next.r[next.n] = v->set.r[i];
			next.n++;
		}
	}
	if (next.n == v->set.n) {
		return vhu_refuse(v, "there is no region 0x%llx of 0x%llx bytes",
				  (unsigned long long)w->gpa, (unsigned long long)w->len);
	}
	return commit(v, &next);
}

bool vhu_uva_to_gpa(const struct vhu *v, uint64_t uva, uint64_t *gpa)
{
	for (uint16_t i = 0; i < v->set.n; i++) {
		const struct vhu_wire_region *w = &v->set.r[i]->w;

		if ((uva - w->uva) < w->len) {
			*gpa = w->gpa + (uva - w->uva);
			return true;
		}
	}
	return false;
}

const struct vhu_region *vhu_memory_hit(const struct vhu *v)
{
	for (uint16_t i = 0; i < v->set.n; i++) {
		if (sigbus_hit(v->set.r[i]->guard)) {
			return v->set.r[i];
		}
	}
	for (uint16_t i = 0; i < v->retired.n; i++) {
		if (sigbus_hit(v->retired.r[i]->guard)) {
			return v->retired.r[i];
		}
	}
	return NULL;
}

void vhu_retired_drop(struct vhu *v)
{
	while (v->retired.n > 0u) {
		v->retired.n--;
		unmap(v->retired.r[v->retired.n]);
	}
}

void vhu_memory_drop(struct vhu *v)
{
	vhu_retired_drop(v);
	while (v->set.n > 0u) {
		v->set.n--;
		unmap(v->set.r[v->set.n]);
	}
	free(v->table);
	free(v->next_table);
	v->table = NULL;
	v->next_table = NULL;
	v->ntable = 0;
	v->next_n = 0;
}
