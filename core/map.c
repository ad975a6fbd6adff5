/* SPDX-License-Identifier: BSD-3-Clause */
/* map.c - region table with a direct index, flat in the number of regions */
#include <string.h>
#include "vio/mem.h"

static bool sane(const struct vio_region *r, uint16_t n)
{
	if (n == 0u) {
		return false;
	}
	for (uint16_t i = 0u; i < n; i++) {
		if ((r[i].len == 0u) || ((r[i].len - 1u) > (UINT64_MAX - r[i].gpa)) ||
		    ((((uintptr_t)r[i].hva ^ (uintptr_t)r[i].gpa) & 15u) != 0u)) {
			return false;
		}
		if ((i > 0u) &&
		    ((r[i].gpa <= r[i - 1u].gpa) || ((r[i].gpa - r[i - 1u].gpa) < r[i - 1u].len))) {
			return false;
		}
	}
	return true;
}

/* The region of r[*i..n) that covers most of [lo, hi]; *i moves on past the regions that end here. */
static const struct vio_region *covers(const struct vio_region *r, uint16_t n, uint32_t *i,
				       uint64_t lo, uint64_t hi)
{
	const struct vio_region *best = &r[(*i < n) ? *i : (n - 1u)];
	uint64_t most = 0u;

	for (; *i < n; (*i)++) {
		uint64_t s = r[*i].gpa, e = s + (r[*i].len - 1u), from, to;

		if (s > hi) {
			break;
		}
		from = (s > lo) ? s : lo;
		to = (e < hi) ? e : hi;
		if ((to >= from) && ((to - from) >= most)) {
			most = to - from;
			best = &r[*i];
		}
		if (e > hi) {
			break; /* goes on into the next bucket */
		}
	}
	return best;
}

int vio_map_init(struct vio_map *map, const struct vio_region *r, uint16_t n)
{
	uint64_t first, last;
	uint32_t i = 0u;

	if (!sane(r, n)) {
		return VIO_E_ARG;
	}
	first = r[0].gpa;
	last = r[n - 1u].gpa + (r[n - 1u].len - 1u);
	map->r = r;
	map->n = n;
	map->shift = 0u;
	while (((last >> map->shift) - (first >> map->shift)) >= VIO_MAP_BUCKETS) {
		map->shift++;
	}
	for (uint32_t k = 0u; k < VIO_MAP_BUCKETS; k++) {
		uint64_t b = (first >> map->shift) + k, lo = b << map->shift;
		const struct vio_region **at = &map->bucket[b & (VIO_MAP_BUCKETS - 1u)];

		if (b > (last >> map->shift)) {
			*at = &r[n - 1u]; /* behind the last: lo would wrap */
		} else {
			*at = covers(r, n, &i, lo, lo + (((uint64_t)1u << map->shift) - 1u));
		}
	}
	return VIO_OK;
}

const struct vio_region *vio_map_find(const struct vio_map *map, uint64_t addr)
{
	uint32_t lo = 0u, hi = map->n;

	while (lo < hi) { /* the first region that starts behind addr */
		uint32_t mid = (lo + hi) / 2u;

		if (map->r[mid].gpa <= addr) {
			lo = mid + 1u;
		} else {
			hi = mid;
		}
	}
	if ((lo == 0u) || ((addr - map->r[lo - 1u].gpa) >= map->r[lo - 1u].len)) {
		return NULL;
	}
	return &map->r[lo - 1u];
}
