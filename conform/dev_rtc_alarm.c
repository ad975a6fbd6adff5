/* SPDX-License-Identifier: BSD-3-Clause */
/* dev_rtc_alarm.c - rules of the RTC device's alarms (virtio 1.4, 5.23.6.6); the first clock that has one is taken */
#include <string.h>
#include "conform/dev_rtc.h"

#define ALARMQ	VIO_RTC_ALARMQ
#define ENABLED VIO_RTC_FLAG_ALARM_ENABLED
#define FAR	0x7000000000000000u /* ns: no clock is there before 2225 */
#define PAST	1u

static const uint16_t messages[] = { VIO_RTC_REQ_READ_ALARM, VIO_RTC_REQ_SET_ALARM,
				     VIO_RTC_REQ_SET_ALARM_ENABLED };

void cf_rtc_absent(struct cf *c)
{
	struct cf_io io;
	uint16_t n;
	bool ok = cf_up(c) && cf_rtc_clocks(c, &n);

	for (unsigned i = 0; ok && i < 3; i++) {
		struct cf_rtc_ask a = { .type = messages[i] };

		ok = cf_rtc_say(c, &io, &a) &&
		     cf_expect(c, io.in[0] == VIO_RTC_S_ENODEV, "message 0x%04x has status %u",
			       a.type, io.in[0]);
	}
}

static bool has(struct cf *c, uint16_t clock, bool *alarm)
{
	struct cf_io io;

	if (!cf_rtc_cap(c, clock, &io)) {
		return false;
	}
	*alarm = (io.in[10] & VIO_RTC_FLAG_ALARM_CAP) != 0;
	return true;
}

void cf_rtc_some(struct cf *c)
{
	uint16_t n;
	bool ok = cf_up_queues(c, 2) && cf_rtc_clocks(c, &n), alarm = false;

	for (uint16_t i = 0; ok && i < n && !alarm; i++) {
		ok = has(c, i, &alarm);
	}
	if (ok) {
		(void)cf_expect(c, alarm, "none of its %u clocks has ALARM_CAP", n);
	}
}

void cf_rtc_says_which(struct cf *c)
{
	uint16_t n;
	struct cf_io io;
	bool ok = cf_up_queues(c, 2) && cf_rtc_clocks(c, &n), alarm = false;

	for (uint16_t i = 0; ok && i < n && i < CF_RTC_CLOCKS; i++) {
		struct cf_rtc_ask a = { .type = VIO_RTC_REQ_READ_ALARM, .clock = i };

		ok = has(c, i, &alarm) && cf_rtc_say(c, &io, &a) &&
		     cf_expect(c, io.in[0] == (alarm ? VIO_RTC_S_OK : VIO_RTC_S_ENODEV),
			       "clock %u %s ALARM_CAP, and READ_ALARM has status %u", i,
			       alarm ? "has" : "has no", io.in[0]);
	}
}

/* ---- one clock's alarm ---- */

static bool up(struct cf *c, uint16_t *clock)
{
	uint16_t n;
	bool ok = cf_up_queues(c, 2) && cf_rtc_clocks(c, &n), alarm = false;

	for (*clock = 0; ok && *clock < n; (*clock)++) {
		ok = has(c, *clock, &alarm);
		if (ok && alarm) {
			return true;
		}
	}
	return ok && cf_na(c, "no clock has an alarm");
}

static bool set(struct cf *c, uint16_t clock, uint64_t time, uint8_t flags)
{
	struct cf_rtc_ask a = {
		.type = VIO_RTC_REQ_SET_ALARM, .clock = clock, .time = time, .arg = flags
	};
	struct cf_io io;

	return cf_rtc_good(c, &io, &a);
}

static bool enable(struct cf *c, uint16_t clock, uint8_t flags)
{
	struct cf_rtc_ask a = { .type = VIO_RTC_REQ_SET_ALARM_ENABLED,
				.clock = clock,
				.arg = flags };
	struct cf_io io;

	return cf_rtc_good(c, &io, &a);
}

static bool says(struct cf *c, uint16_t clock, uint64_t time, uint8_t flags)
{
	struct cf_rtc_ask a = { .type = VIO_RTC_REQ_READ_ALARM, .clock = clock };
	struct cf_io io;

	return cf_rtc_good(c, &io, &a) &&
	       cf_expect(c, cf_rtc_get64(io.in + 8) == time,
			 "the alarm time is 0x%llx, set was 0x%llx",
			 (unsigned long long)cf_rtc_get64(io.in + 8), (unsigned long long)time) &&
	       cf_expect(c, io.in[16] == flags, "flags are 0x%02x, set was 0x%02x", io.in[16],
			 flags);
}

void cf_rtc_set(struct cf *c)
{
	uint16_t clock = 0;

	(void)(up(c, &clock) && set(c, clock, FAR, ENABLED) && says(c, clock, FAR, ENABLED) &&
	       set(c, clock, FAR + 7u, 0) && says(c, clock, FAR + 7u, 0));
}

void cf_rtc_any(struct cf *c)
{
	static const uint64_t time[] = { 0, 1, 0xffffffffu, FAR, UINT64_MAX };
	uint16_t clock = 0;
	bool ok = up(c, &clock);

	for (unsigned i = 0; ok && i < 5; i++) {
		ok = set(c, clock, time[i], 0) && says(c, clock, time[i], 0);
	}
}

void cf_rtc_retained(struct cf *c)
{
	uint16_t clock = 0;

	(void)(up(c, &clock) && set(c, clock, FAR + 9u, 0) && enable(c, clock, ENABLED) &&
	       says(c, clock, FAR + 9u, ENABLED) && enable(c, clock, 0) &&
	       says(c, clock, FAR + 9u, 0));
}

/* ---- notifications ---- */

static bool offer(struct cf *c, struct cf_io *io)
{
	return cf_io(c, io, 0, sizeof(struct vio_rtc_notif_alarm)) && cf_put(c, ALARMQ, io) &&
	       cf_kick(c, ALARMQ);
}

static bool comes(struct cf *c, struct cf_io *io, uint16_t clock)
{
	if (!cf_wait(c, ALARMQ, io) ||
	    !cf_expect(c, vio_get16(io->in) == VIO_RTC_NOTIF_ALARM, "its msg_type is 0x%04x",
		       vio_get16(io->in)) ||
	    !cf_expect(c, vio_get16(io->in + 8) == clock, "it is for clock %u, not %u",
		       vio_get16(io->in + 8), clock)) {
		return false;
	}
	for (unsigned i = 0; i < 6; i++) {
		if (!cf_expect(c, io->in[2u + i] == 0 && io->in[10u + i] == 0,
			       "a reserved byte is not 0")) {
			return false;
		}
	}
	return true;
}

static bool silent(struct cf *c, const char *when)
{
	return cf_quiet(c) &&
	       cf_expect(c, !cf_raw_there(c, ALARMQ), "a notification came %s", when);
}

/* Later drivers are not to find it */
static void off(struct cf *c, uint16_t clock)
{
	(void)set(c, clock, 0, 0);
}

void cf_rtc_past(struct cf *c)
{
	bool later = c->rule->arg != 0;
	uint16_t clock = 0;
	struct cf_io io;

	if (up(c, &clock) && offer(c, &io) &&
	    set(c, clock, PAST, (uint8_t)(later ? 0u : ENABLED)) &&
	    (!later || (silent(c, "of an alarm that is disabled") && enable(c, clock, ENABLED))) &&
	    comes(c, &io, clock)) {
		off(c, clock);
	}
}

void cf_rtc_reached(struct cf *c)
{
	uint64_t now, then, at;
	uint16_t clock = 0;
	struct cf_io io;

	if (!up(c, &clock) || !offer(c, &io) || !cf_rtc_reading(c, clock, &now)) {
		return;
	}
	at = now + (uint64_t)c->cfg->quiet_ms * 3000000u;
	if (!set(c, clock, at, ENABLED) || !comes(c, &io, clock) ||
	    !cf_rtc_reading(c, clock, &then)) {
		return;
	}
	(void)cf_expect(c, then >= at, "the clock reads %llu ns less than the alarm",
			(unsigned long long)(at - then));
	off(c, clock);
}

void cf_rtc_late(struct cf *c)
{
	uint16_t clock = 0;
	struct cf_io io;

	if (up(c, &clock) && set(c, clock, PAST, ENABLED) && cf_quiet(c) && offer(c, &io) &&
	    comes(c, &io, clock)) {
		off(c, clock);
	}
}

void cf_rtc_once(struct cf *c)
{
	struct cf_rtc_ask a = { .type = VIO_RTC_REQ_READ_ALARM };
	struct cf_io io, more, answer;

	if (up(c, &a.clock) && offer(c, &io) && offer(c, &more) && set(c, a.clock, PAST, ENABLED) &&
	    comes(c, &io, a.clock) && cf_rtc_good(c, &answer, &a) && silent(c, "a second time")) {
		off(c, a.clock);
	}
}

void cf_rtc_stops(struct cf *c)
{
	uint16_t clock = 0;
	struct cf_io io;

	(void)(up(c, &clock) && set(c, clock, PAST, ENABLED) && cf_quiet(c) &&
	       enable(c, clock, 0) && offer(c, &io) && silent(c, "after the alarm was disabled"));
}
