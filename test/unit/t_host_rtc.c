/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * t_host_rtc.c - the Linux host of rtc
 *
 * First on the clocks of this machine, as they are. Then the kernel is played: this program's own clock_gettime(),
 * adjtimex() and timerfd_*() give clocks that can be set, and timers that are events written by hand. The host and
 * the loop are the real ones.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>
#include "rtc_bed.h"
#include "hostrig.h"

extern const struct host_kind host_linux_rtc[];

#define SECOND ((uint64_t)1000000000)

enum { UTC, MONOTONIC, TAI };

/* ---- the kernel that is played ---- */

static struct {
	bool on;
	uint64_t real, boot; /* ns */
	int tai;	     /* seconds */
	int timer[3];	     /* event descriptors, in the order of creation */
	unsigned timers;
	uint64_t set[3]; /* ns, 0: off */
	bool cancel[3];
	bool fail;
} k;

int clock_gettime(clockid_t id, struct timespec *t)
{
	uint64_t ns = id == CLOCK_BOOTTIME
			      ? k.boot
			      : k.real + (id == CLOCK_TAI ? (uint64_t)k.tai * SECOND : 0);

	if (!k.on || id == CLOCK_MONOTONIC) {
		return (int)syscall(SYS_clock_gettime, id, t);
	}
	*t = (struct timespec){ (time_t)(ns / SECOND), (long)(ns % SECOND) };
	return 0;
}

int adjtimex(struct timex *tx)
{
	tx->tai = k.on ? k.tai : 0;
	return 0;
}

int timerfd_create(clockid_t id, int flags)
{
	int fd;

	if (!k.on || id == CLOCK_MONOTONIC) {
		return (int)syscall(SYS_timerfd_create, id, flags);
	}
	if (k.fail) {
		errno = EMFILE;
		return -1;
	}
	assert_true(k.timers < 3);
	fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	k.timer[k.timers++] = fd;
	return fd;
}

int timerfd_settime(int fd, int flags, const struct itimerspec *s, struct itimerspec *old)
{
	unsigned n;

	for (n = 0; n < k.timers && k.timer[n] != fd; n++) {
	}
	if (n == k.timers) {
		return (int)syscall(SYS_timerfd_settime, fd, flags, s, old);
	}
	if (k.fail) {
		errno = EINVAL;
		return -1;
	}
	k.set[n] = (uint64_t)s->it_value.tv_sec * SECOND + (uint64_t)s->it_value.tv_nsec;
	k.cancel[n] = (flags & TFD_TIMER_CANCEL_ON_SET) != 0;
	return 0;
}

/* The timer of a clock fires, or its clock was set. */
static void event(unsigned n)
{
	uint64_t one = 1;

	assert_int_equal(write(k.timer[n], &one, sizeof(one)), sizeof(one));
}

/* ---- this machine ---- */

static struct rig_req *awaited;

static bool is_back(struct hostrig *h)
{
	(void)h;
	return awaited->back;
}

static int await(struct hostrig *h, struct rig_req *r)
{
	awaited = r;
	hr_until(h, is_back);
	return rtc_notified(r);
}

static struct hostrig *bed(const char *smear, const char *offset)
{
	struct hostrig *h = hr_new(&vio_class_rtc);

	h->option[0][0] = "smear";
	h->option[0][1] = smear;
	h->option[1][0] = "counter-offset";
	h->option[1][1] = offset;
	assert_int_equal(hr_open(h, host_linux_rtc, "linux", NULL), 0);
	hr_start(h, ALARM);
	return h;
}

static void test_this_machine(void **state)
{
	static const clockid_t id[] = { CLOCK_REALTIME, CLOCK_BOOTTIME };
	struct hostrig *h = bed(NULL, NULL);
	struct timespec before, after;
	struct rig_req r;
	uint64_t ns;
	uint16_t clock;

	(void)state;
	k.on = false;
	for (clock = 0; clock < 2; clock++) {
		assert_int_equal(clock_gettime(id[clock], &before), 0);
		ns = rtc_now(&h->g, clock);
		assert_int_equal(clock_gettime(id[clock], &after), 0);
		assert_true(ns >= (uint64_t)before.tv_sec * SECOND + (uint64_t)before.tv_nsec);
		assert_true(ns <= (uint64_t)after.tv_sec * SECOND + (uint64_t)after.tv_nsec);
		rtc_buffer(&h->g, &r);
		assert_int_equal(rtc_set(&h->g, ns + SECOND / 20, clock, 1), OK);
		assert_int_equal(await(h, &r), clock);
		assert_true(rtc_now(&h->g, clock) >= ns + SECOND / 20);
		rtc_buffer(&h->g, &r);
		assert_int_equal(rtc_set(&h->g, 0, clock, 1), OK);
		assert_int_equal(rtc_notified(&r), clock);
		assert_int_equal(rtc_set(&h->g, UINT64_MAX, clock, 1), OK);
	}
	hr_end(h);
}

static void test_counter(void **state)
{
#if defined(__x86_64__) || defined(__aarch64__)
#if defined(__x86_64__)
	const uint8_t counter = VIO_RTC_COUNTER_X86_TSC;
#else
	const uint8_t counter = VIO_RTC_COUNTER_ARM_VCT;
#endif
	struct hostrig *h = bed(NULL, "0x1000000000000");
	struct rig_req r;
	uint64_t ns = 0, cycles = 0;
	int n;

	(void)state;
	for (n = 0; n < 100; n++) {
		assert_int_equal(rtc_call(&h->g, &r, VIO_RTC_REQ_READ_CROSS, MONOTONIC, counter),
				 OK);
		assert_true(vio_unpack64(r.in + 8) >= ns);
		assert_true(vio_unpack64(r.in + 16) > cycles);
		ns = vio_unpack64(r.in + 8);
		cycles = vio_unpack64(r.in + 16);
	}
	assert_true(cycles > 0x1000000000000);
	assert_int_equal(rtc_call(&h->g, &r, VIO_RTC_REQ_READ_CROSS, UTC, counter ^ 1u), NOTSUP);
	hr_end(h);
	h = bed(NULL, NULL);
	assert_int_equal(rtc_call(&h->g, &r, VIO_RTC_REQ_CROSS_CAP, UTC, counter), OK);
	assert_int_equal(r.in[8], 0);
	hr_end(h);
#else
	struct hostrig *h = hr_new(&vio_class_rtc);

	(void)state;
	h->option[0][0] = "counter-offset";
	h->option[0][1] = "0";
	assert_int_equal(hr_open(h, host_linux_rtc, "linux", NULL), -1);
	hr_end(h);
#endif
}

/* ---- the kernel that is played ---- */

static int power_on(void **state)
{
	(void)state;
	memset(&k, 0, sizeof(k));
	k.on = true;
	k.real = 1000 * SECOND;
	k.boot = 10 * SECOND;
	k.tai = 37;
	return 0;
}

static int power_off(void **state)
{
	(void)state;
	k.on = false;
	return 0;
}

static void test_clocks(void **state)
{
	static const struct {
		const char *smear;
		uint8_t type, how;
	} t[] = {
		{ NULL, VIO_RTC_CLOCK_UTC_MAYBE_SMEARED, 0 },
		{ "unknown", VIO_RTC_CLOCK_UTC_MAYBE_SMEARED, 0 },
		{ "none", VIO_RTC_CLOCK_UTC, 0 },
		{ "noon-linear", VIO_RTC_CLOCK_UTC_SMEARED, VIO_RTC_SMEAR_NOON_LINEAR },
		{ "utc-sls", VIO_RTC_CLOCK_UTC_SMEARED, VIO_RTC_SMEAR_UTC_SLS },
	};
	struct hostrig *h;
	struct rig_req r;
	size_t n;

	(void)state;
	for (n = 0; n < sizeof(t) / sizeof(t[0]); n++) {
		(void)power_on(NULL);
		h = bed(t[n].smear, NULL);
		assert_int_equal(rtc_call(&h->g, &r, VIO_RTC_REQ_CLOCK_CAP, UTC, 0), OK);
		assert_int_equal(r.in[8], t[n].type);
		assert_int_equal(r.in[9], t[n].how);
		assert_int_equal(rtc_now(&h->g, TAI), 1037 * SECOND);
		assert_int_equal(rtc_call(&h->g, &r, VIO_RTC_REQ_CLOCK_CAP, TAI, 0), OK);
		assert_int_equal(r.in[8], VIO_RTC_CLOCK_TAI);
		hr_end(h);
	}
	(void)power_on(NULL);
	k.tai = 0; /* nobody has said it: that would be UTC */
	h = bed(NULL, NULL);
	assert_int_equal(rtc_call(&h->g, &r, VIO_RTC_REQ_CFG, 0, 0), OK);
	assert_int_equal(vio_unpack16(r.in + 8), 2);
	assert_int_equal(rtc_call(&h->g, &r, VIO_RTC_REQ_READ, TAI, 0), NODEV);
	hr_end(h);
}

/* Somebody sets the clock: forward over the alarm, back before it, forward again; then the alarm is moved. */
static void test_clock_is_set(void **state)
{
	struct hostrig *h = bed(NULL, NULL);
	struct rig_req e[3];

	(void)state;
	rtc_buffer(&h->g, &e[0]);
	assert_int_equal(rtc_set(&h->g, 2000 * SECOND, UTC, 1), OK);
	assert_int_equal(k.set[UTC], 2000 * SECOND);
	assert_true(k.cancel[UTC]);
	event(UTC); /* an event without reason */
	hr_rounds(h, 5);
	assert_int_equal(rtc_notified(&e[0]), -1);
	k.real = 3000 * SECOND;
	event(UTC);
	assert_int_equal(await(h, &e[0]), UTC);
	rtc_buffer(&h->g, &e[1]);
	assert_true(k.set[UTC] > 4000000000 * SECOND); /* waits for nothing but being set */
	assert_true(k.cancel[UTC]);
	event(UTC);
	hr_rounds(h, 5);
	assert_int_equal(rtc_notified(&e[1]), -1);
	k.real = 500 * SECOND;
	event(UTC);
	hr_rounds(h, 5);
	assert_int_equal(rtc_notified(&e[1]), -1);
	assert_int_equal(k.set[UTC], 2000 * SECOND);
	k.real = 2000 * SECOND;
	event(UTC);
	assert_int_equal(await(h, &e[1]), UTC);
	assert_int_equal(rtc_enable(&h->g, UTC, 0), OK);
	assert_int_equal(k.set[UTC], 0);
	rtc_buffer(&h->g, &e[2]);
	event(UTC);
	hr_rounds(h, 5);
	assert_int_equal(rtc_notified(&e[2]), -1);
	hr_end(h);
}

/* TAI's timer is on CLOCK_REALTIME, its offset earlier; a new offset is looked at when the timer fires. */
static void test_tai(void **state)
{
	struct hostrig *h = bed(NULL, NULL);
	struct rig_req e;

	(void)state;
	rtc_buffer(&h->g, &e);
	assert_int_equal(rtc_set(&h->g, 2000 * SECOND, TAI, 1), OK);
	assert_int_equal(k.set[TAI], 1963 * SECOND);
	assert_true(k.cancel[TAI]);
	k.tai = 36;
	k.real = 1963 * SECOND;
	event(TAI);
	hr_rounds(h, 5);
	assert_int_equal(rtc_notified(&e), -1);
	assert_int_equal(k.set[TAI], 1964 * SECOND);
	k.real = 1964 * SECOND;
	event(TAI);
	assert_int_equal(await(h, &e), TAI);
	assert_int_equal(rtc_set(&h->g, 5, TAI, 1), OK); /* before its epoch in the other clock */
	assert_int_equal(rtc_set(&h->g, 2000 * SECOND, MONOTONIC, 1), OK);
	assert_int_equal(k.set[MONOTONIC], 2000 * SECOND);
	assert_false(k.cancel[MONOTONIC]);
	hr_end(h);
}

static void test_no_timer(void **state)
{
	struct hostrig *h = bed(NULL, NULL);
	struct rig_req r;

	(void)state;
	k.fail = true;
	assert_int_equal(rtc_set(&h->g, 2000 * SECOND, UTC, 1), EIO_);
	k.fail = false;
	assert_int_equal(rtc_call(&h->g, &r, VIO_RTC_REQ_READ_ALARM, UTC, 0), OK);
	assert_int_equal(r.in[16], 0);
	hr_end(h);
	(void)power_on(NULL);
	k.fail = true;
	h = hr_new(&vio_class_rtc);
	assert_int_equal(hr_open(h, host_linux_rtc, "linux", NULL), -1);
	hr_end(h);
}

static void test_arguments(void **state)
{
	static const char *const t[][3] = {
		{ "smear", "linear", "noon-linear" },
		{ "counter-offset", "x", "cycles" },
		{ "counter-offset", "", "cycles" },
		{ "counter-offset", "99999999999999999999", "cycles" },
	};
	struct hostrig *h;
	size_t n;

	(void)state;
	for (n = 0; n < sizeof(t) / sizeof(t[0]); n++) {
		h = hr_new(&vio_class_rtc);
		h->option[0][0] = t[n][0];
		h->option[0][1] = t[n][1];
		assert_int_equal(hr_open(h, host_linux_rtc, "linux", NULL), -1);
		assert_true(strstr(h->ctx.err, t[n][2]) != NULL);
		hr_end(h);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_this_machine),
		cmocka_unit_test(test_counter),
		cmocka_unit_test_setup_teardown(test_clocks, power_on, power_off),
		cmocka_unit_test_setup_teardown(test_clock_is_set, power_on, power_off),
		cmocka_unit_test_setup_teardown(test_tai, power_on, power_off),
		cmocka_unit_test_setup_teardown(test_no_timer, power_on, power_off),
		cmocka_unit_test(test_arguments),
	};

	return cmocka_run_group_tests_name("rtc, this machine", tests, NULL, NULL);
}
