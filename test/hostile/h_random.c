/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * h_random.c - random rings, mostly well-formed and then damaged; usage: h_random [RINGS [SEED]]
 *
 * Each ring is served twice: by the quick gear, and by another memory kind in the full gear. Both must see the same
 * requests, refuse the same rings and leave the same bytes behind. Run under sanitizers: the device of the pit
 * touches every byte that it is given.
 */
#include "pit.h"

static uint64_t rnd_state;

static uint32_t rnd(void)
{
	rnd_state ^= rnd_state << 13;
	rnd_state ^= rnd_state >> 7;
	rnd_state ^= rnd_state << 17;
	return (uint32_t)(rnd_state >> 16);
}

static uint64_t some_addr(bool clean)
{
	uint32_t r = rnd();

	if (clean || ((r & 15u) < 11u)) {
		return PIT_BASE + PIT_DATA + (rnd() % 0x2000u);
	}
	switch (r & 3u) {
	case 0u:
		return PIT_BASE + PIT_RAM - (rnd() % 64u);
	case 1u:
		return PIT_BASE - 2u + (rnd() % 16u);
	case 2u:
		return ((uint64_t)rnd() << 32) | rnd();
	default:
		return PIT_BASE + PIT_DATA + (rnd() % 0x3000u);
	}
}

static uint32_t some_len(bool clean)
{
	uint32_t r = rnd();

	if (clean || ((r & 31u) < 28u)) {
		return 1u + (rnd() % 24u);
	}
	return ((r & 3u) == 0u) ? 0u : ((r & 3u) == 1u) ? rnd() : (0xfffffff0u + (rnd() % 16u));
}

/* One table of n entries at `at`; numbering starts at `first` */
static void chain(struct pit *p, uint32_t at, uint32_t n, uint32_t out, uint32_t first, bool packed,
		  bool table, uint16_t id, bool clean)
{
	for (uint32_t k = 0u; k < n; k++) {
		uint16_t fl = (uint16_t)(((k >= out) ? 2u : 0u) | ((k + 1u < n) ? 1u : 0u));

		if (packed) {
			fl = table ? (fl & 2u) : (uint16_t)(fl | 0x80u);
			pit_desc(p, at + 16u * k, some_addr(clean), some_len(clean), id, fl);
		} else {
			pit_desc(p, at + 16u * k, some_addr(clean), some_len(clean), fl,
				 (uint16_t)(first + k + 1u));
		}
	}
}

static void make_ring(struct pit *p, bool packed)
{
	bool clean = (rnd() & 3u) != 0u, damage = (rnd() & 1u) != 0u;
	uint16_t heads[PIT_SIZE], n = 0u;
	uint32_t pos = 0u;

	for (uint32_t i = 0u; i < PIT_RAM; i += 8u) {
		vio_pack64(p->ram + i, (i < PIT_DATA) ? 0u : (rnd_state + i));
	}
	while ((n < 8u) && (pos < PIT_SIZE)) {
		uint32_t len = 1u + (rnd() % (((rnd() & 31u) == 0u) ? 7u : 5u)),
			 out = rnd() % (len + 1u);
		bool ind = (rnd() & 3u) == 0u;
		uint32_t table = PIT_TABLE + n * 0x70u;

		if (pos + (ind ? 1u : len) > PIT_SIZE) {
			break;
		}
		chain(p, ind ? table : (PIT_DESC + 16u * pos), len, out, ind ? 0u : pos, packed,
		      ind, (uint16_t)(100u + n), clean);
		if (ind) {
			pit_desc(p, PIT_DESC + 16u * pos, PIT_BASE + table, 16u * len,
				 packed ? (uint16_t)(100u + n) : 4u, packed ? 0x84u : 0u);
		}
		heads[n++] = (uint16_t)pos;
		pos += ind ? 1u : len;
	}
	if (!packed) {
		pit_avail(p, n, heads);
	}
	for (uint32_t k = damage ? (1u + (rnd() % 3u)) : 0u; k > 0u; k--) {
		uint32_t at = ((rnd() & 3u) != 0u) ? (rnd() % 0x100u) : (rnd() % PIT_DATA);

		if ((rnd() & 1u) != 0u) {
			p->ram[at] = (uint8_t)rnd();
		} else {
			p->ram[at] = (uint8_t)(p->ram[at] ^ (1u << (rnd() & 7u)));
		}
	}
}

static unsigned long served, refused, tangled;

static const char *differ(struct pit *a, struct pit *b)
{
	uint32_t seed = rnd();

	for (int turn = 0; (turn < 3) && !a->tangled && !b->tangled; turn++) {
		a->keep = b->keep = (turn < 2) ? (seed >> (8 * turn)) % 6u : 0u;
		pit_turn(a);
		pit_turn(b);
		if (a->iommu.refused ||
		    b->iommu.refused) { /* the answer is read in the next turn */
			pit_turn(a);
			pit_turn(b);
		}
		if (a->tangled || b->tangled) {
			break;
		}
		if (pit_failed(a) != pit_failed(b)) {
			return "one refuses, the other does not";
		}
		if ((a->digest != b->digest) || (a->served != b->served)) {
			return "they saw different requests";
		}
	}
	tangled += (a->tangled || b->tangled) ? 1u : 0u;
	if (!a->tangled && !b->tangled && (memcmp(a->ram, b->ram, PIT_RAM) != 0)) {
		return "they left different bytes";
	}
	served += a->served;
	refused += pit_failed(a) ? 1u : 0u;
	if (!pit_down(a) || !pit_down(b)) {
		return "something is held after reset";
	}
	return NULL;
}

int main(int argc, char **argv)
{
	unsigned long rings = (argc > 1) ? strtoul(argv[1], NULL, 0) : 200000ul;
	static struct pit a, b;
	const char *why;

	rnd_state = 88172645463325252ull ^
		    (((argc > 2) ? strtoull(argv[2], NULL, 0) : 1ull) * 0x9e3779b97f4a7c15ull);
	a.ram = aligned_alloc(16, PIT_RAM);
	b.ram = aligned_alloc(16, PIT_RAM);
	a.kind = PIT_QUICK;
	for (unsigned long i = 0u; i < rings; i++) {
		bool packed = (i & 1u) != 0u;
		uint64_t f = (packed ? VIO_F_RING_PACKED : 0u) |
			     ((rnd() & 7u) ? VIO_F_INDIRECT_DESC : 0u) |
			     ((rnd() & 1u) ? VIO_F_EVENT_IDX : 0u);

		b.kind = (i % 16u == 3u) ? PIT_WINDOW : (i % 16u == 6u) ? PIT_IOMMU : PIT_FULL;
		make_ring(&a, packed);
		memcpy(b.ram, a.ram, PIT_RAM);
		if ((pit_up(&a, f) != VIO_OK) || (pit_up(&b, f) != VIO_OK)) {
			printf("FAILED: ring %lu: set-up\n", i);
			return 1;
		}
		why = differ(&a, &b);
		if (why != NULL) {
			printf("FAILED: ring %lu (%s, against %s): %s\n", i,
			       packed ? "packed" : "split", pit_kind_name[b.kind], why);
			return 1;
		}
		if ((i % 1000000u) == 999999u) {
			fprintf(stderr, "h_random: %lu of %lu rings\n", i + 1u, rings);
		}
	}
	printf("%lu random rings: %lu requests served, %lu rings refused, %lu with buffers over "
	       "the rings (served, not compared)\n",
	       rings, served, refused, tangled);
	return 0;
}
