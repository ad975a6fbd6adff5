/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * front_mem.c - memory that a front-end shares: regions, and pieces of them
 *
 * Each region is a file of its own. In guest addresses there is a gap behind each, so a back-end cannot join them and
 * every one costs a look-up, as in a guest with that many. The files are sealed: a back-end cannot take memory away that
 * we are about to touch.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "port/vhost_user/front_internal.h"

#define PAGE  4096u
#define FIRST 0x40000000ull /* guest address of the first region */
#define ALIGN 0x200000ull   /* of each; the gap is at least a page */

static int open_region(struct vhf *f, struct vhf_region *r)
{
	void *p;

	r->fd = memfd_create("stratos-front", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (r->fd < 0) {
		return vhf_fail(f, "a file for shared memory: %s (ulimit -n?)", strerror(errno));
	}
	if ((ftruncate(r->fd, (off_t)r->len) != 0) ||
	    (fcntl(r->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)) {
		return vhf_fail(f, "%llu bytes of shared memory: %s", (unsigned long long)r->len,
				strerror(errno));
	}
	p = mmap(NULL, r->len, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, 0);
	if (p == MAP_FAILED) {
		return vhf_fail(f, "mapping %llu bytes: %s", (unsigned long long)r->len,
				strerror(errno));
	}
	r->p = p;
	return VIO_OK;
}

static int enough_slots(struct vhf *f, uint32_t n)
{
	uint64_t most = VHU_TABLE_REGIONS;

	if (((f->proto & VHU_P_MEM_SLOTS) != 0) &&
	    (vhf_ask_u64(f, VHU_GET_MAX_MEM_SLOTS, &most) != VIO_OK)) {
		return VIO_E_IO;
	}
	if (n > most) {
		(void)vhf_fail(f, "%u regions, but the back-end takes %llu", n,
			       (unsigned long long)most);
		return VIO_E_NOTSUP;
	}
	return VIO_OK;
}

int vhf_memory(struct vhf *f, uint32_t n, uint64_t bytes)
{
	uint64_t len = (bytes + PAGE - 1u) & ~(uint64_t)(PAGE - 1u);
	int rc;

	if ((n == 0) || (n > VHF_REGIONS_MAX) || (bytes == 0) || (bytes > (1ull << 40)) ||
	    (f->region != NULL)) {
		return VIO_E_ARG;
	}
	rc = enough_slots(f, n);
	if (rc != VIO_OK) {
		return rc;
	}
	f->region = calloc(n, sizeof(*f->region));
	if (f->region == NULL) {
		return vhf_fail(f, "no memory");
	}
	for (uint32_t i = 0; i < n; i++) {
		uint64_t step = (len + PAGE + ALIGN - 1u) & ~(ALIGN - 1u);

		f->region[i] =
			(struct vhf_region){ .gpa = FIRST + (step * i), .len = len, .fd = -1 };
		f->nregion = i + 1u;
		if (open_region(f, &f->region[i]) != VIO_OK) {
			return VIO_E_IO;
		}
	}
	return VIO_OK;
}

int vhf_alloc(struct vhf *f, uint32_t at, uint32_t len, uint32_t align, struct vio_dma *out)
{
	struct vhf_region *r;
	uint64_t from;

	if ((f->nregion == 0) || (align == 0) || (align > PAGE) || ((align & (align - 1u)) != 0)) {
		return VIO_E_ARG;
	}
	r = &f->region[at % f->nregion];
	from = (r->used + align - 1u) & ~((uint64_t)align - 1u);
	if ((from > r->len) || (len > (r->len - from))) {
		return VIO_E_AGAIN;
	}
	r->used = from + len;
	*out = (struct vio_dma){ .p = r->p + from, .addr = r->gpa + from, .len = len };
	return VIO_OK;
}

static struct vhu_wire_region wire(const struct vhf_region *r)
{
	return (struct vhu_wire_region){ .gpa = r->gpa,
					 .len = r->len,
					 .uva = (uint64_t)(uintptr_t)r->p };
}

static int show_table(struct vhf *f)
{
	struct vhu_wire_table t = { .n = f->nregion };
	int fd[VHU_TABLE_REGIONS];
	struct vhf_out o = { .request = VHU_SET_MEM_TABLE, .body = &t, .fd = fd };

	for (uint32_t i = 0; i < f->nregion; i++) {
		t.r[i] = wire(&f->region[i]);
		fd[i] = f->region[i].fd;
	}
	o.len = (uint32_t)(offsetof(struct vhu_wire_table, r) +
			   (f->nregion * sizeof(struct vhu_wire_region)));
	o.nfd = f->nregion;
	return vhf_send(f, &o);
}

static int show_slots(struct vhf *f)
{
	for (uint32_t i = 0; i < f->nregion; i++) {
		struct vhu_wire_slot s = { .r = wire(&f->region[i]) };
		struct vhf_out o = { .request = VHU_ADD_MEM_REG,
				     .body = &s,
				     .len = sizeof(s),
				     .fd = &f->region[i].fd,
				     .nfd = 1 };

		if (vhf_send(f, &o) != VIO_OK) {
			return VIO_E_IO;
		}
	}
	return VIO_OK;
}

int vhf_show(struct vhf *f)
{
	int rc;

	if (f->shown || (f->nregion == 0)) {
		return VIO_OK;
	}
	rc = ((f->proto & VHU_P_MEM_SLOTS) != 0) ? show_slots(f) : show_table(f);
	for (uint32_t i = 0; i < f->nregion; i++) {
		(void)close(f->region[i].fd);
		f->region[i].fd = -1;
	}
	f->shown = rc == VIO_OK;
	return rc;
}

void vhf_memory_drop(struct vhf *f)
{
	for (uint32_t i = 0; i < f->nregion; i++) {
		struct vhf_region *r = &f->region[i];

		if (r->p != NULL) {
			(void)munmap(r->p, r->len);
		}
		if (r->fd >= 0) {
			(void)close(r->fd);
		}
	}
	free(f->region);
	f->region = NULL;
	f->nregion = 0;
}
