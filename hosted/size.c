/* SPDX-License-Identifier: BSD-3-Clause */
/* size.c - sizes as people write them: 512, 64K, 1G */
#include "hosted/host_kind.h"

bool host_size(const char *s, uint64_t *bytes)
{
	static const char unit[] = "KMGT";
	uint64_t v = 0;
	unsigned shift = 0;

	if (*s < '0' || *s > '9') {
		return false;
	}
	for (; *s >= '0' && *s <= '9'; s++) {
		uint64_t digit = (uint64_t)(*s - '0');

		if (v > (UINT64_MAX - digit) / 10u) {
			return false;
		}
		v = v * 10u + digit;
	}
	for (unsigned i = 0; unit[i] && *s; i++) {
		if (*s == unit[i] || *s == unit[i] + ('a' - 'A')) {
			shift = 10u * (i + 1u);
			s++;
			if (s[0] == 'i' && s[1] == 'B') {
				s += 2;
			}
			break;
		}
	}
	if (*s || (shift && (v >> (64u - shift)))) {
		return false;
	}
	*bytes = v << shift;
	return true;
}
