/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_console.c - console as load: text for the first port (virtio 1.3, 5.3); what arrives is not seen from here */
#include "app/bench.h"
#include "vio/spec/console.h"
#include <string.h>

static void console_build(struct bench *b, struct bench_req *r)
{
	(void)b;
	memset(r->data.p, (int)('a' + r->k % 26u), r->data.len);
	r->data.p[r->data.len - 1u] = '\n';
	r->b[0] = r->data;
	r->n_out = 1;
	r->n_in = 0;
}

static void console_check(struct bench *b, struct bench_req *r, uint32_t len)
{
	b->result.bytes += b->spec.block_size;
	if (len != 0) { /* the driver library refuses it first: no byte was writable */
		bench_wrong(b, r, "%u bytes are reported as written, must be 0", len);
	}
}

const struct bench_class bench_console = {
	.name = "console",
	.about = "text that is sent; completion and length are verified, not what arrives",
	.first_vq = VIO_CONSOLE_VQ_TX0,
	.block_size = 64,
	.block_max = 65536,
	.build = console_build,
	.check = console_check,
};
