/* SPDX-License-Identifier: BSD-3-Clause */
/* mem_map.c - a memory kind for tests that really maps and unmaps, per request */
#include <sys/mman.h>
#include <unistd.h>
#include "test/support/mem_map.h"

static void unmap(struct mem_map *m, struct vio_seg *s)
{
	uint32_t skip = (uint32_t)((uintptr_t)s->p & (m->page - 1u));

	(void)munmap(s->p - skip, (size_t)skip + s->len);
	s->p = NULL;
	m->mapped--;
}

static int map(struct mem_map *m, struct vio_seg *s)
{
	uint64_t off = s->addr - m->base;
	uint32_t skip = (uint32_t)(off & (m->page - 1u));
	void *p;

	if ((s->len == 0u) || (off >= m->len) || (s->len > (m->len - off))) {
		return VIO_E_ADDR;
	}
	p = mmap(NULL, (size_t)skip + s->len, PROT_READ | PROT_WRITE, MAP_SHARED, m->fd,
		 (off_t)(off - skip));
	if (p == MAP_FAILED) {
		return VIO_E_AGAIN;
	}
	s->p = (uint8_t *)p + skip;
	m->mapped++;
	return VIO_OK;
}

static int acquire(struct vio_mem *mm, struct vio_sgl *l)
{
	struct mem_map *m = VIO_CONTAINER(mm, struct mem_map, m);
	uint16_t n = (uint16_t)(l->n_out + l->n_in);

	m->calls++;
	if ((m->again_every != 0u) && ((m->calls % m->again_every) == 0u)) {
		mm->wake = true;
		return VIO_E_AGAIN;
	}
	for (uint16_t i = 0u; i < n; i++) {
		int rc = map(m, &l->seg[i]);

		if (rc != VIO_OK) {
			while (i > 0u) {
				i--;
				unmap(m, &l->seg[i]);
			}
			return rc;
		}
	}
	return VIO_OK;
}

static void release(struct vio_mem *mm, struct vio_sgl *l, const struct vio_ext *w, uint16_t nw)
{
	struct mem_map *m = VIO_CONTAINER(mm, struct mem_map, m);

	(void)w;
	(void)nw;
	for (uint16_t i = 0u; i < (uint16_t)(l->n_out + l->n_in); i++) {
		unmap(m, &l->seg[i]);
	}
}

static const struct vio_mem_ops ops = { .acquire = acquire, .release = release };

void mem_map_init(struct mem_map *m, int fd, uint64_t base, uint64_t len, uint32_t again_every)
{
	*m = (struct mem_map){
		.m = { .ops = &ops,
		       .seg_max = 64u,
		       .bytes_max = UINT32_MAX,
		       .wants_release = true },
		.fd = fd,
		.base = base,
		.len = len,
		.again_every = again_every,
		.page = (uint32_t)sysconf(_SC_PAGESIZE),
	};
}
