/* SPDX-License-Identifier: BSD-3-Clause */
/* rpmb_relay.h - private to device/: what rpmb.c and rpmb_relay.c share */
#ifndef VIO_DEVICE_RPMB_RELAY_H
#define VIO_DEVICE_RPMB_RELAY_H

#include "vio/rpmb.h"

/* rpmb_note - how a key or a write went, until the driver asks */
void rpmb_note(struct vio_rpmb *p, uint16_t type, uint16_t result);
/* rpmb_answer - a new question: what was not fetched, and a write that did not come to its end, are gone */
void rpmb_answer(struct vio_rpmb *p, uint16_t type, uint16_t result);
/* rpmb_go_on - take the frames of the request; gives it back unless the host is to be waited for */
void rpmb_go_on(struct vio_rpmb *p);

/*
 * rpmb_relay - have the host answer the question in p->frame, of `ask` frames, by `want` frames
 * returns: VIO_PENDING: the rest of the request waits | VIO_OK
 */
int rpmb_relay(struct vio_rpmb *p, uint16_t ask, uint16_t want);
void rpmb_relay_done(struct vio_job *j, int32_t result);

#endif
