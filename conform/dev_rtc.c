/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dev_rtc.c - rules of the RTC device (virtio 1.4, 5.23)
 *
 * Each rule looks at every clock, up to 16. A device without clocks keeps most of them by having none: not applicable.
 * Alarms are set only with --write, for the device may keep them over a reset; they are disabled at the end.
 */
#include <string.h>
#include "conform/dev_rtc.h"

#define REQUESTQ VIO_RTC_REQUESTQ
#define ALARM	 VIO_RTC_F_ALARM
#define CLOCKS	 CF_RTC_CLOCKS

static const char *check(const struct cf *c, const struct cf_io *io)
{
	(void)c;
	return io->in[0] != VIO_RTC_S_OK ? "the status of CFG is not OK" : NULL;
}

static void build(const struct cf *c, uint8_t *out)
{
	(void)c;
	vio_put16(out, VIO_RTC_REQ_CFG);
}

static void put64(uint8_t *p, uint64_t v)
{
	vio_put32(p, (uint32_t)v);
	vio_put32(p + 4, (uint32_t)(v >> 32));
}

uint64_t cf_rtc_get64(const uint8_t *p)
{
	return vio_get32(p) | ((uint64_t)vio_get32(p + 4) << 32);
}

bool cf_rtc_say(struct cf *c, struct cf_io *io, const struct cf_rtc_ask *a)
{
	bool set = a->type == VIO_RTC_REQ_SET_ALARM;
	uint8_t out[64] = { 0 };
	uint32_t at = set ? 16 : 8;

	vio_put16(out, a->type);
	if (set) {
		put64(out + 8, a->time);
	}
	vio_put16(out + at, a->clock);
	out[at + 2u] = a->arg;
	return cf_say(c, REQUESTQ, io, out, a->out ? a->out : set ? 24 : 16, a->in ? a->in : 24);
}

static bool status(struct cf *c, const struct cf_io *io, const struct cf_rtc_ask *a, uint8_t want)
{
	return cf_expect(c, io->in[0] == want, "message 0x%04x for clock %u: status %u, not %u",
			 a->type, a->clock, io->in[0], want);
}

bool cf_rtc_good(struct cf *c, struct cf_io *io, const struct cf_rtc_ask *a)
{
	return cf_rtc_say(c, io, a) && status(c, io, a, VIO_RTC_S_OK);
}

bool cf_rtc_clocks(struct cf *c, uint16_t *n)
{
	struct cf_rtc_ask a = { .type = VIO_RTC_REQ_CFG };
	struct cf_io io;

	if (!cf_rtc_good(c, &io, &a)) {
		return false;
	}
	*n = vio_get16(io.in + 8);
	return *n > 0 || cf_na(c, "it has no clock");
}

/* ---- status ---- */

/* arg: what is wrong; the status for it follows from that */
enum wrong { MSG, COUNTER, CLOCK, SHORT_OUT, SHORT_IN };

static void wrongly(struct cf *c)
{
	static const uint16_t type[] = { VIO_RTC_REQ_READ, VIO_RTC_REQ_CLOCK_CAP,
					 VIO_RTC_REQ_CROSS_CAP };
	static const uint8_t want[] = { [MSG] = VIO_RTC_S_EOPNOTSUPP,
					[COUNTER] = VIO_RTC_S_EOPNOTSUPP,
					[CLOCK] = VIO_RTC_S_ENODEV,
					[SHORT_OUT] = VIO_RTC_S_EINVAL,
					[SHORT_IN] = VIO_RTC_S_EINVAL };
	uint32_t wrong = c->rule->arg;
	struct cf_io io;
	uint16_t n;
	bool ok = cf_up(c) && cf_rtc_clocks(c, &n);

	for (unsigned i = 0; ok && i < 3; i++) {
		struct cf_rtc_ask a = { .type = type[i] };

		if (wrong == MSG) {
			a.type = (uint16_t)(0x7000u + i);
		} else if (wrong == COUNTER) {
			a.type = i == 0 ? VIO_RTC_REQ_READ_CROSS : VIO_RTC_REQ_CROSS_CAP;
			a.arg = (uint8_t)(0x40u + i);
		} else if (wrong == CLOCK) {
			a.clock = i == 0 ? n : 0xffffu;
		} else if (wrong == SHORT_OUT) {
			a.out = 12;
		} else {
			a.in = 15;
		}
		ok = cf_rtc_say(c, &io, &a) && status(c, &io, &a, want[wrong]);
	}
}

/* More room than needed, on either side, is ignored. */
static void longer(struct cf *c)
{
	struct cf_rtc_ask a = { .type = VIO_RTC_REQ_READ, .out = 64, .in = 64 };
	struct cf_io io;
	uint16_t n;

	if (!cf_up(c) || !cf_rtc_clocks(c, &n) || !cf_rtc_good(c, &io, &a)) {
		return;
	}
	for (uint32_t i = 16; i < 64; i++) {
		if (!cf_expect(c, io.in[i] == 0xa5, "byte %u behind the response was written", i)) {
			return;
		}
	}
}

/* Without room for a status none is written, and the next request is served. */
static void no_room(struct cf *c)
{
	struct cf_rtc_ask a = { .type = VIO_RTC_REQ_READ, .in = 1 };
	struct cf_io io;
	uint16_t n;

	(void)(cf_up(c) && cf_rtc_clocks(c, &n) && cf_rtc_say(c, &io, &a) &&
	       cf_expect(c, io.in[0] == VIO_RTC_S_EINVAL, "with room for a status only it is %u",
			 io.in[0]) &&
	       cf_borders(c, &io, NULL) && cf_works(c));
}

/* ---- control requests ---- */

struct zeroes {
	uint16_t type;
	uint32_t from, to;
};

/* Reserved bytes, for each clock */
static void reserved(struct cf *c)
{
	static const struct zeroes z[] = { { VIO_RTC_REQ_CFG, 10, 16 },
					   { VIO_RTC_REQ_CLOCK_CAP, 11, 16 },
					   { VIO_RTC_REQ_CROSS_CAP, 9, 16 },
					   { VIO_RTC_REQ_READ, 16, 16 } };
	const struct zeroes *q = &z[c->rule->arg];
	struct cf_io io;
	uint16_t n;
	bool ok = cf_up(c) && cf_rtc_clocks(c, &n);

	for (uint16_t i = 0; ok && i < n && i < CLOCKS; i++) {
		struct cf_rtc_ask a = { .type = q->type, .clock = i };

		ok = cf_rtc_good(c, &io, &a);
		for (uint32_t k = 1; ok && k < q->to; k++) {
			ok = (k >= 8 && k < q->from) ||
			     cf_expect(c, io.in[k] == 0, "reserved byte %u is 0x%02x", k, io.in[k]);
		}
	}
}

static void same(struct cf *c)
{
	static const uint16_t type[] = { VIO_RTC_REQ_CFG, VIO_RTC_REQ_CLOCK_CAP,
					 VIO_RTC_REQ_CROSS_CAP };
	struct cf_rtc_ask a = { .type = type[c->rule->arg] };
	struct cf_io first, io;
	uint16_t n;
	bool ok = cf_up(c) && cf_rtc_clocks(c, &n);

	for (uint16_t i = 0; ok && i < n && i < CLOCKS; i++) {
		a.clock = i;
		ok = cf_rtc_good(c, &first, &a);
		for (unsigned k = 0; ok && k < 3; k++) {
			ok = cf_rtc_good(c, &io, &a) &&
			     cf_expect(c, memcmp(first.in, io.in, 16) == 0,
				       "message 0x%04x for clock %u: another response", a.type, i);
		}
	}
}

bool cf_rtc_cap(struct cf *c, uint16_t clock, struct cf_io *io)
{
	struct cf_rtc_ask a = { .type = VIO_RTC_REQ_CLOCK_CAP, .clock = clock };

	return cf_rtc_good(c, io, &a);
}

static void smearing(struct cf *c)
{
	struct cf_io io;
	uint16_t n;
	bool ok = cf_up(c) && cf_rtc_clocks(c, &n);

	for (uint16_t i = 0; ok && i < n && i < CLOCKS; i++) {
		uint8_t type, how;

		ok = cf_rtc_cap(c, i, &io);
		type = io.in[8];
		how = io.in[9];
		ok = ok &&
		     cf_expect(c,
			       how == VIO_RTC_SMEAR_UNSPECIFIED ||
				       (type == VIO_RTC_CLOCK_UTC_SMEARED &&
					(how <= VIO_RTC_SMEAR_UTC_SLS || how >= 0xf0u)),
			       "clock %u of type %u has leap_second_smearing %u", i, type, how);
	}
}

/* Bits of flags that the negotiated features allow: none without ALARM, one with it */
static void flags(struct cf *c)
{
	uint8_t may = (c->rule->features & ALARM) != 0 ? VIO_RTC_FLAG_ALARM_CAP : 0;
	struct cf_io io;
	uint16_t n;
	bool ok = cf_up(c) && cf_rtc_clocks(c, &n);

	for (uint16_t i = 0; ok && i < n && i < CLOCKS; i++) {
		ok = cf_rtc_cap(c, i, &io) && cf_expect(c, (io.in[10] & ~(unsigned)may) == 0,
							"clock %u has flags 0x%02x", i, io.in[10]);
	}
}

/* ---- readings ---- */

bool cf_rtc_reading(struct cf *c, uint16_t clock, uint64_t *ns)
{
	struct cf_rtc_ask a = { .type = VIO_RTC_REQ_READ, .clock = clock };
	struct cf_io io;

	if (!cf_rtc_good(c, &io, &a)) {
		return false;
	}
	*ns = cf_rtc_get64(io.in + 8);
	return true;
}

static void reads(struct cf *c)
{
	uint64_t ns;
	uint16_t n;
	bool ok = cf_up(c) && cf_rtc_clocks(c, &n);

	for (uint16_t i = 0; ok && i < n && i < CLOCKS; i++) {
		ok = cf_rtc_reading(c, i, &ns);
	}
}

/* A monotonic clock, or not applicable */
static bool monotonic(struct cf *c, uint16_t *clock)
{
	struct cf_io io;
	uint16_t n;

	if (!cf_rtc_clocks(c, &n)) {
		return false;
	}
	for (uint16_t i = 0; i < n && i < CLOCKS; i++) {
		if (!cf_rtc_cap(c, i, &io)) {
			return false;
		}
		if (io.in[8] == VIO_RTC_CLOCK_MONOTONIC) {
			*clock = i;
			return true;
		}
	}
	return cf_na(c, "it has no monotonic clock");
}

/* A batch: used in the order in which it was made available, and no reading before the one of before */
static void ordered(struct cf *c)
{
	struct cf_io io[16];
	uint8_t out[16] = { 0 };
	uint16_t clock = 0;
	bool ok = cf_up(c) && monotonic(c, &clock);

	vio_put16(out, VIO_RTC_REQ_READ);
	vio_put16(out + 8, clock);
	for (unsigned i = 0; ok && i < 16; i++) {
		ok = cf_make(c, &io[i], out, 16, 16) && cf_put(c, REQUESTQ, &io[i]);
	}
	ok = ok && cf_kick(c, REQUESTQ);
	for (unsigned i = 16; ok && i-- > 0;) {
		ok = cf_wait(c, REQUESTQ, &io[i]);
		for (unsigned k = 0; ok && k < i; k++) {
			ok = cf_expect(c, io[k].back, "request %u was used before request %u", i,
				       k);
		}
	}
	for (unsigned i = 1; ok && i < 16; i++) {
		uint64_t a = cf_rtc_get64(io[i - 1u].in + 8), b = cf_rtc_get64(io[i].in + 8);

		ok = cf_expect(c, a <= b, "a reading of %llu comes after one of %llu",
			       (unsigned long long)b, (unsigned long long)a);
	}
}

/* Nanoseconds, read after they were asked for: as much passes there as here, give or take the way. */
static void unit(struct cf *c)
{
	uint64_t t[4], a, b;
	uint16_t clock = 0;

	if (!cf_up(c) || !monotonic(c, &clock)) {
		return;
	}
	t[0] = cf_now();
	if (!cf_rtc_reading(c, clock, &a)) {
		return;
	}
	t[1] = cf_now();
	(void)cf_quiet(c);
	t[2] = cf_now();
	if (!cf_rtc_reading(c, clock, &b)) {
		return;
	}
	t[3] = cf_now();
	/* SI seconds may be slewed a little; a tenth is no unit of anybody */
	(void)(cf_expect(c, b - a >= (t[2] - t[1]) / 10u * 9u,
			 "%llu ns passed here at least, its clock went on by %llu",
			 (unsigned long long)(t[2] - t[1]), (unsigned long long)(b - a)) &&
	       cf_expect(c, b - a <= (t[3] - t[0]) / 9u * 10u,
			 "%llu ns passed here at most, its clock went on by %llu",
			 (unsigned long long)(t[3] - t[0]), (unsigned long long)(b - a)));
}

/* What CROSS_CAP denies READ_CROSS must not do: it cannot determine a value. */
static void cross(struct cf *c)
{
	static const uint8_t counter[] = { VIO_RTC_COUNTER_ARM_VCT, VIO_RTC_COUNTER_X86_TSC };
	struct cf_io io;
	uint16_t n;
	uint64_t last = 0;
	bool ok = cf_up(c) && cf_rtc_clocks(c, &n);

	for (unsigned i = 0; ok && i < 2u; i++) {
		struct cf_rtc_ask a = { .type = VIO_RTC_REQ_READ_CROSS, .arg = counter[i] };

		ok = cf_rtc_say(c, &io, &a) &&
		     cf_expect(c, io.in[0] <= VIO_RTC_S_EIO && io.in[0] != 1u, "status %u",
			       io.in[0]);
		if (ok && io.in[0] == VIO_RTC_S_OK) {
			last = cf_rtc_get64(io.in + 16);
			ok = cf_rtc_say(c, &io, &a) &&
			     cf_expect(c, cf_rtc_get64(io.in + 16) >= last,
				       "the counter went back");
		}
	}
}

static const struct cf_bit bits[] = { { ALARM, "ALARM", 0 }, { 0, NULL, 0 } };

#define OP "5.23.6.2", "Device Operation"
#define CT "5.23.6.4.2", "Control Requests"
#define RD "5.23.6.5.2", "Read Requests"
#define AL "5.23.6.6.1", "Alarm Operation"
#define AC "5.23.6.6.2.2", "Alarm Control Requests"
#define W  CF_WRITES

/* clang-format off */
static const struct cf_rule rules[] = {
	{ "rtc.unknown-message", OP, "an unknown msg_type has status EOPNOTSUPP", 0, 0, 0, MSG, wrongly },
	{ "rtc.unknown-counter", OP, "an unknown hw_counter has status EOPNOTSUPP", 0, 0, 0, COUNTER, wrongly },
	{ "rtc.unknown-clock", OP, "a clock_id that is none has status ENODEV", 0, 0, 0, CLOCK, wrongly },
	{ "rtc.short-request", OP, "a request that does not fit has status EINVAL", 0, 0, 0, SHORT_OUT, wrongly },
	{ "rtc.short-response", OP, "a response that does not fit has status EINVAL", 0, 0, 0, SHORT_IN, wrongly },
	{ "rtc.status-only", OP, "a response of which the status fits only has status EINVAL", 0, 0, 0, 0, no_room },
	{ "rtc.longer", OP, "additional space of the buffers is ignored", 0, 0, 0, 0, longer },
	{ "rtc.reserved-cfg", OP, "reserved fields are 0: CFG", 0, 0, 0, 0, reserved },
	{ "rtc.reserved-cap", OP, "reserved fields are 0: CLOCK_CAP", 0, 0, 0, 1, reserved },
	{ "rtc.reserved-cross", OP, "reserved fields are 0: CROSS_CAP", 0, 0, 0, 2, reserved },
	{ "rtc.reserved-read", OP, "reserved fields are 0: READ", 0, 0, 0, 3, reserved },
	{ "rtc.same-cfg", OP, "all responses to a CFG are the same", 0, 0, 0, 0, same },
	{ "rtc.same-cap", OP, "all responses to a CLOCK_CAP are the same", 0, 0, 0, 1, same },
	{ "rtc.same-cross", OP, "all responses to a CROSS_CAP are the same", 0, 0, 0, 2, same },
	{ "rtc.flags", OP, "flags have no bit that negotiated features do not allow", 0, 0, 0, 0, flags },
	{ "rtc.flags-alarm", OP, "flags have no bit that is not defined", ALARM, 0, 0, 0, flags },
	{ "rtc.smearing", CT, "leap_second_smearing is one that the clock's type has", 0, 0, 0, 0, smearing },
	{ "rtc.read", RD, "every clock supports READ", 0, 0, 0, 0, reads },
	{ "rtc.read-order", RD, "reads are used in order, and a monotonic clock does not go back", 0, 0, 0, 0, ordered },
	{ "rtc.read-unit", RD, "the unit is the nanosecond, and the clock is read after the request", 0, 0, 0, 0, unit },
	{ "rtc.read-cross", RD, "READ_CROSS has a defined status, and counters do not go back", 0, 0, 0, 0, cross },
	{ "rtc.alarm-absent", AC, "without ALARM the alarm messages have status ENODEV", 0, 0, 0, 0, cf_rtc_absent },
	{ "rtc.alarm-some", AL, "with ALARM one or more clocks support alarm messages", ALARM, 0, 0, 0, cf_rtc_some },
	{ "rtc.alarm-cap", AL, "ALARM_CAP says which clocks support alarm messages, others have status ENODEV", ALARM, 0, 0, 0, cf_rtc_says_which },
	{ "rtc.alarm-set", AC, "SET_ALARM sets time and flag, READ_ALARM says them", ALARM, 0, W, 0, cf_rtc_set },
	{ "rtc.alarm-any", AC, "SET_ALARM accepts any time", ALARM, 0, W, 0, cf_rtc_any },
	{ "rtc.alarm-retained", AC, "SET_ALARM_ENABLED sets the flag and retains the time", ALARM, 0, W, 0, cf_rtc_retained },
	{ "rtc.alarm-past", AL, "an alarm time that has passed expires when it is set", ALARM, 0, W, 0, cf_rtc_past },
	{ "rtc.alarm-enabled", AL, "an alarm time that has passed expires when it is enabled", ALARM, 0, W, 1, cf_rtc_past },
	{ "rtc.alarm-reached", AL, "an alarm expires when its clock reaches the time", ALARM, 0, W, 0, cf_rtc_reached },
	{ "rtc.alarm-read", RD, "after the notification the clock reads no time before the alarm", ALARM, 0, W, 1, cf_rtc_reached },
	{ "rtc.alarm-late-buffer", AL, "a notification comes as soon as there is a buffer", ALARM, 0, W, 0, cf_rtc_late },
	{ "rtc.alarm-once", AL, "an expiry is notified once", ALARM, 0, W, 0, cf_rtc_once },
	{ "rtc.alarm-stops", AL, "an alarm that was disabled is not notified any more", ALARM, 0, W, 0, cf_rtc_stops },
};
/* clang-format on */

const struct cf_dev cf_dev_rtc = { .name = "rtc",
				   .section = "5.23",
				   .id = VIO_RTC_ID,
				   .bits = bits,
				   .nvq = 1,
				   .out = 8,
				   .in = 16,
				   .build = build,
				   .check = check,
				   .rule = rules,
				   .nrule = sizeof(rules) / sizeof(rules[0]) };
