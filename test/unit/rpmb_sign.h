/* SPDX-License-Identifier: BSD-3-Clause */
/* rpmb_sign.h - the MAC of RPMB frames by mbedtls, for tests of what stands on this machine. Include after cmocka.h */
#ifndef TEST_RPMB_SIGN_H
#define TEST_RPMB_SIGN_H

#include "hosted/mac.h"
#include "vio/rpmb.h"

static inline void sign(struct vio_rpmb_frame *f, uint16_t n, const uint8_t key[VIO_RPMB_MAC])
{
	struct mac *m = mac_new();
	uint16_t i;

	assert_non_null(m);
	mac_key(m, key);
	mac_begin(m);
	for (i = 0; i < n; i++) {
		mac_add(m, f[i].data, VIO_RPMB_SIGNED);
	}
	mac_end(m, f[n - 1].key_mac);
	mac_free(m);
}

#endif
