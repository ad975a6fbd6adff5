/* SPDX-License-Identifier: BSD-3-Clause */
/* dev_can.h - what the rules of a controller alone (dev_can.c) and of its bus (dev_can_bus.c) share */
#ifndef CONFORM_DEV_CAN_H
#define CONFORM_DEV_CAN_H

#include "conform/conform.h"
#include "vio/spec/can.h"

#define CF_CAN_HEAD 16u
#define CF_CAN_RX   (CF_CAN_HEAD + VIO_CAN_FD_LEN)

struct cf_can_frame {
	uint16_t type; /* 0: VIO_CAN_TX */
	uint16_t length;
	uint32_t flags, id;
	uint16_t missing; /* bytes of data that are not there */
};

/* cf_can_make - the request of a frame, data and all */
bool cf_can_make(struct cf *c, struct cf_io *io, const struct cf_can_frame *f);
/* cf_can_sent - it comes back with this result, 0 or 1 */
bool cf_can_sent(struct cf *c, const struct cf_can_frame *f, uint8_t want, const char *what);
/* cf_can_mode - a control message; start: one that must work, else not applicable */
bool cf_can_mode(struct cf *c, uint16_t type, uint8_t *result);
bool cf_can_start(struct cf *c);
bool cf_can_stop(struct cf *c);
/* cf_can_only - as cf_up, with these features of the class and no others, not what the harmless request has besides */
bool cf_can_only(struct cf *c, uint64_t features);
bool cf_can_up(struct cf *c); /* with the rule's features, and started */

/* rules of dev_can_bus.c */
void cf_can_late(struct cf *c);
void cf_can_late_stop(struct cf *c);
void cf_can_busoff_bit(struct cf *c);
void cf_can_busoff_told(struct cf *c);
void cf_can_busoff_stopped(struct cf *c);
void cf_can_busoff_pending(struct cf *c);
void cf_can_busoff_start(struct cf *c);
void cf_can_receives(struct cf *c);
void cf_can_stopped_hears(struct cf *c);

#endif
