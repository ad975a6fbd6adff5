/* SPDX-License-Identifier: BSD-3-Clause */
/* rpmb_bed.h - frames of the RPMB device, for its tests; who includes it says how a MAC is computed */
#ifndef TEST_RPMB_BED_H
#define TEST_RPMB_BED_H

#include "rig.h"
#include "vio/rpmb.h"

#define FRAME VIO_RPMB_FRAME

#define KEY    VIO_RPMB_REQ_PROGRAM_KEY
#define COUNT  VIO_RPMB_REQ_GET_WRITE_COUNTER
#define WRITE  VIO_RPMB_REQ_DATA_WRITE
#define READ   VIO_RPMB_REQ_DATA_READ
#define RESULT VIO_RPMB_REQ_RESULT_READ

static inline void be_put(uint8_t *p, uint32_t v, unsigned bytes)
{
	while (bytes--) {
		*p++ = (uint8_t)(v >> (8 * bytes));
	}
}

static inline uint32_t be_get(const uint8_t *p, unsigned bytes)
{
	uint32_t v = 0;

	while (bytes--) {
		v = v << 8 | *p++;
	}
	return v;
}

/* A frame that asks: everything that is not named is 0 */
static inline void frame(struct vio_rpmb_frame *f, uint16_t type, uint16_t count)
{
	memset(f, 0, sizeof(*f));
	be_put(f->req_resp, type, 2);
	be_put(f->block_count, count, 2);
	memset(f->nonce, type, sizeof(f->nonce));
}

static inline uint16_t result_of(const uint8_t *in)
{
	return (uint16_t)be_get(((const struct vio_rpmb_frame *)(const void *)in)->result, 2);
}

static inline uint16_t type_of(const uint8_t *in)
{
	return (uint16_t)be_get(((const struct vio_rpmb_frame *)(const void *)in)->req_resp, 2);
}

static inline uint32_t counter_of(const uint8_t *in)
{
	return be_get(((const struct vio_rpmb_frame *)(const void *)in)->write_counter, 4);
}

/* MAC over the signed parts of n frames, put into the last one */
static void sign(struct vio_rpmb_frame *f, uint16_t n, const uint8_t key[VIO_RPMB_MAC]);

/* Is the last of n frames signed with this key? */
static inline bool is_signed(const uint8_t *in, uint16_t n, const uint8_t key[VIO_RPMB_MAC])
{
	struct vio_rpmb_frame f[256];

	memcpy(f, in, n * sizeof(f[0]));
	sign(f, n, key);
	return memcmp(f[n - 1].key_mac, in + (n - 1u) * FRAME + 196, VIO_RPMB_MAC) == 0;
}

/* The frames of a write of n blocks, all bytes of which are `fill`, fill + 1, ... by block */
static inline void write_frames(struct vio_rpmb_frame *f, uint16_t n, uint16_t address,
				uint32_t counter, uint8_t fill, const uint8_t key[VIO_RPMB_MAC])
{
	uint16_t k;

	for (k = 0; k < n; k++) {
		frame(&f[k], WRITE, n);
		memset(f[k].nonce, 0, sizeof(f[k].nonce));
		memset(f[k].data, fill + k, sizeof(f[k].data));
		be_put(f[k].address, address, 2);
		be_put(f[k].write_counter, counter, 4);
	}
	if (key) {
		sign(f, n, key);
	}
}

#endif
