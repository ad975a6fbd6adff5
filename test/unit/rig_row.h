/* SPDX-License-Identifier: BSD-3-Clause */
/* rig_row.h - requests and their answers as tables of bytes; include after rig.h */
#ifndef TEST_RIG_ROW_H
#define TEST_RIG_ROW_H

#define ALL UINT32_MAX /* bytes: as many as the request has */

/*
 * One request. out: its bytes as hex, in the order of the wire; out_len: how many of them are sent, or ALL; answer: all
 * of the writable part as hex, 0xee is what the device has not touched.
 */
struct row {
	const char *what, *out;
	uint32_t out_len, in_len;
	const char *answer;
};

/* Bytes written as hex, in small letters; returns: how many */
static inline uint32_t rig_unhex(uint8_t *to, const char *from)
{
	uint32_t n;

	for (n = 0; from[n]; n++) {
		uint32_t v = (uint32_t)(from[n] <= '9' ? from[n] - '0' : from[n] - 'a' + 10);

		to[n / 2] = (uint8_t)(n % 2 ? to[n / 2] | v : v << 4);
	}
	return n / 2;
}

/* Send it, and compare answer and length. */
static inline void rig_row(struct rig *g, uint16_t vq, const struct row *w)
{
	uint8_t out[128], want[128];
	struct rig_req r;
	uint32_t len, written;

	print_message("    %s\n", w->what);
	len = rig_unhex(out, w->out);
	rig_do(g, vq, &r, out, w->out_len == ALL ? len : w->out_len, w->in_len);
	assert_true(r.back);
	len = rig_unhex(want, w->answer);
	assert_int_equal(len, w->in_len);
	assert_memory_equal(r.in, want, len);
	for (written = 0; written < len && want[written] != 0xee; written++) {
	}
	assert_int_equal(r.len, written);
}

#endif
