/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_rng.c - rng as load: a buffer to be filled (virtio 1.3, 5.4) */
#include "app/bench.h"
#include <string.h>

#define UNTOUCHED 0xa5u
#define TELLING	  16u /* bytes of which chance makes no two alike */

static void rng_build(struct bench *b, struct bench_req *r)
{
	(void)b;
	memset(r->data.p, UNTOUCHED, r->data.len);
	r->b[0] = r->data;
	r->n_out = 0;
	r->n_in = 1;
}

static bool all_same(const uint8_t *p, uint32_t len)
{
	return len > 0 && memcmp(p, p + 1, len - 1u) == 0;
}

static void rng_check(struct bench *b, struct bench_req *r, uint32_t len)
{
	const uint8_t *p = r->data.p;

	b->result.bytes += len;
	if (len == 0) {
		bench_wrong(b, r, "no bytes at all");
	} else if (len >= TELLING && all_same(p, len)) {
		bench_wrong(b, r, "%u bytes, all of them 0x%02x%s", len, p[0],
			    p[0] == UNTOUCHED ? ": the buffer was not written" : "");
	} else if (len >= TELLING && p[len - 1u] == UNTOUCHED &&
		   all_same(p + len - TELLING, TELLING)) {
		bench_wrong(b, r, "%u bytes are reported, the last %u were not written", len,
			    TELLING);
	}
}

const struct bench_class bench_rng = {
	.name = "rng",
	.about = "random bytes; length, and that the buffer was filled, are verified",
	.block_size = 64,
	.block_max = 1u << 20,
	.build = rng_build,
	.check = rng_check,
};
