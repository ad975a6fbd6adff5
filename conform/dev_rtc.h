/* SPDX-License-Identifier: BSD-3-Clause */
/* dev_rtc.h - what the rules of clocks (dev_rtc.c) and of alarms (dev_rtc_alarm.c) share */
#ifndef CONFORM_DEV_RTC_H
#define CONFORM_DEV_RTC_H

#include "conform/conform.h"
#include "vio/spec/rtc.h"

#define CF_RTC_CLOCKS 16u /* are looked at */

struct cf_rtc_ask {
	uint16_t type, clock;
	uint8_t arg;	  /* counter, flags */
	uint64_t time;	  /* SET_ALARM */
	uint32_t out, in; /* bytes, 0: as many as any request of the type needs */
};

bool cf_rtc_say(struct cf *c, struct cf_io *io, const struct cf_rtc_ask *a);
bool cf_rtc_good(struct cf *c, struct cf_io *io, const struct cf_rtc_ask *a); /* and it is OK */
bool cf_rtc_clocks(struct cf *c, uint16_t *n); /* none: not applicable */
bool cf_rtc_cap(struct cf *c, uint16_t clock, struct cf_io *io);
bool cf_rtc_reading(struct cf *c, uint16_t clock, uint64_t *ns);
uint64_t cf_rtc_get64(const uint8_t *p);

/* rules of alarms */
void cf_rtc_absent(struct cf *c);
void cf_rtc_some(struct cf *c);
void cf_rtc_says_which(struct cf *c);
void cf_rtc_set(struct cf *c);
void cf_rtc_any(struct cf *c);
void cf_rtc_retained(struct cf *c);
void cf_rtc_past(struct cf *c);
void cf_rtc_reached(struct cf *c);
void cf_rtc_late(struct cf *c);
void cf_rtc_once(struct cf *c);
void cf_rtc_stops(struct cf *c);

#endif
