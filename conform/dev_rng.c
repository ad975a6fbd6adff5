/* SPDX-License-Identifier: BSD-3-Clause */
/* dev_rng.c - rules of the entropy device (virtio 1.4, 5.4) */
#include "conform/conform.h"

#define BYTES 64u

static const char *check(const struct cf *c, const struct cf_io *io)
{
	(void)c;
	return io->len == 0 ? "no byte came" : NULL;
}

/* Of whatever size the buffer is */
static void some(struct cf *c)
{
	static const uint32_t size[] = { 1, 2, 7, 64, 4096, 65536 };
	struct cf_io io;
	bool ok = cf_up(c);

	for (unsigned i = 0; ok && i < sizeof(size) / sizeof(size[0]); i++) {
		ok = cf_io(c, &io, 0, size[i]) && cf_ask(c, 0, &io) &&
		     cf_expect(c, io.len > 0, "a buffer of %u bytes came back with none", size[i]);
	}
}

/* Two buffers of which one could be the other's copy, or a pattern, are as likely as 2^-128. */
static void random_bytes(struct cf *c)
{
	struct cf_io a, b;
	uint32_t n, same = 0, flat = 0;

	if (!cf_up(c) || !cf_io(c, &a, 0, BYTES) || !cf_io(c, &b, 0, BYTES) || !cf_ask(c, 0, &a) ||
	    !cf_ask(c, 0, &b)) {
		return;
	}
	n = a.len < b.len ? a.len : b.len;
	if (n < 16) {
		(void)cf_na(c, "it gives %u bytes at a time, too few to tell", n);
		return;
	}
	for (uint32_t i = 0; i < n; i++) {
		same += a.in[i] == b.in[i];
		flat += a.in[i] == a.in[0];
	}
	(void)(cf_expect(c, same < n, "two requests got the same %u bytes", n) &&
	       cf_expect(c, flat < n, "all bytes are 0x%02x", a.in[0]));
}

static const struct cf_bit bits[] = { { 0, NULL, 0 } };

/* clang-format off */
static const struct cf_rule rules[] = {
	{ "rng.some", "5.4.6.2", "Device Operation", "one or more bytes are placed into a buffer", 0, 0, 0, 0, some },
	{ "rng.random", "5.4.6.2", "Device Operation", "the bytes are random", 0, 0, 0, 0, random_bytes },
};
/* clang-format on */

const struct cf_dev cf_dev_rng = { .name = "rng",
				   .section = "5.4",
				   .id = 4,
				   .bits = bits,
				   .nvq = 1,
				   .in = BYTES,
				   .check = check,
				   .rule = rules,
				   .nrule = sizeof(rules) / sizeof(rules[0]) };
