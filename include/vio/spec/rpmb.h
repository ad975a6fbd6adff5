/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rpmb.h - wire layout of the RPMB device
 *
 * source: virtio 1.4, 5.12, and JEDEC eMMC, 6.6.22. Multi-byte fields of a frame are big-endian.
 */
#ifndef VIO_SPEC_RPMB_H
#define VIO_SPEC_RPMB_H

#include "../base.h"

#define VIO_RPMB_ID 28u

struct vio_rpmb_config {
	uint8_t capacity;   /* in units of 128 KiB, at most 0x80 */
	uint8_t max_wr_cnt; /* blocks of one write, 0: no limit */
	uint8_t max_rd_cnt; /* blocks of one read, 0: no limit */
};
VIO_ASSERT_SIZE(struct vio_rpmb_config, 3);

#define VIO_RPMB_UNIT  131072u /* bytes of capacity */
#define VIO_RPMB_UNITS 128u    /* most of them */
#define VIO_RPMB_BLOCK 256u    /* bytes */
#define VIO_RPMB_MAC   32u     /* bytes of a key and of a MAC */

struct vio_rpmb_frame {
	uint8_t stuff[196];
	uint8_t key_mac[VIO_RPMB_MAC];
	uint8_t data[VIO_RPMB_BLOCK]; /* the MAC is over this and all that follows, of all frames */
	uint8_t nonce[16];
	uint8_t write_counter[4];
	uint8_t address[2]; /* blocks */
	uint8_t block_count[2];
	uint8_t result[2];   /* VIO_RPMB_RES_* */
	uint8_t req_resp[2]; /* VIO_RPMB_REQ_*; answers have it in the other byte */
};
VIO_ASSERT_SIZE(struct vio_rpmb_frame, 512);
VIO_ASSERT_AT(struct vio_rpmb_frame, data, 228);
VIO_ASSERT_AT(struct vio_rpmb_frame, write_counter, 500);
VIO_ASSERT_AT(struct vio_rpmb_frame, req_resp, 510);

#define VIO_RPMB_FRAME	512u /* bytes */
#define VIO_RPMB_SIGNED 284u /* bytes of a frame under the MAC */

#define VIO_RPMB_REQ_PROGRAM_KEY       0x0001u
#define VIO_RPMB_REQ_GET_WRITE_COUNTER 0x0002u
#define VIO_RPMB_REQ_DATA_WRITE	       0x0003u
#define VIO_RPMB_REQ_DATA_READ	       0x0004u
#define VIO_RPMB_REQ_RESULT_READ       0x0005u

#define VIO_RPMB_RESP_PROGRAM_KEY 0x0100u
#define VIO_RPMB_RESP_GET_COUNTER 0x0200u
#define VIO_RPMB_RESP_DATA_WRITE  0x0300u
#define VIO_RPMB_RESP_DATA_READ	  0x0400u

#define VIO_RPMB_RES_OK			   0x0000u
#define VIO_RPMB_RES_GENERAL_FAILURE	   0x0001u
#define VIO_RPMB_RES_AUTH_FAILURE	   0x0002u
#define VIO_RPMB_RES_COUNT_FAILURE	   0x0003u
#define VIO_RPMB_RES_ADDR_FAILURE	   0x0004u
#define VIO_RPMB_RES_WRITE_FAILURE	   0x0005u
#define VIO_RPMB_RES_READ_FAILURE	   0x0006u
#define VIO_RPMB_RES_NO_AUTH_KEY	   0x0007u
#define VIO_RPMB_RES_WRITE_COUNTER_EXPIRED 0x0080u

#endif
