/* SPDX-License-Identifier: BSD-3-Clause */
/* iov.c - from a view of a request to what readv and writev take */
#include "hosted/iov.h"

int iov_of_span(struct vio_span s, uint32_t skip, struct iovec *iov, int max)
{
	int n = 0;

	while (n < max) {
		uint8_t *p;
		uint32_t len = vio_span_next(&s, &p);

		if (len == 0u) {
			break;
		}
		if (len <= skip) {
			skip -= len;
			continue;
		}
		iov[n].iov_base = p + skip;
		iov[n].iov_len = len - skip;
		skip = 0;
		n++;
	}
	return n;
}
