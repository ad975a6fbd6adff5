/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * t_host_watchdog.c - a watchdog of this machine behind the guest's
 *
 * The kernel's watchdog is played: this program's own ioctl() answers for the file that is opened.
 */
#include "watchdog_host_bed.h"
#include <errno.h>
#include <linux/watchdog.h>
#include <sys/ioctl.h>

static struct {
	bool none, nowayout, dead;
	bool on;
	int seconds, least, most;
	unsigned feeds;
} k;

int ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	int *arg;

	(void)fd;
	va_start(ap, request);
	arg = va_arg(ap, int *);
	va_end(ap);
	errno = k.none ? ENOTTY : ENODEV;
	if (k.none || k.dead) {
		return -1;
	}
	errno = EINVAL;
	switch (request) {
	case WDIOC_GETSUPPORT:
		return 0;
	case WDIOC_GETTIMEOUT:
		*arg = k.seconds;
		return 0;
	case WDIOC_SETTIMEOUT:
		if (*arg < k.least || *arg > k.most) {
			return -1;
		}
		k.seconds = *arg;
		return 0;
	case WDIOC_KEEPALIVE:
		k.feeds++;
		return 0;
	default:
		assert_int_equal(request, WDIOC_SETOPTIONS);
		if (*arg == WDIOS_DISABLECARD && k.nowayout) {
			errno = EBUSY;
			return -1;
		}
		k.on = *arg == WDIOS_ENABLECARD;
		return 0;
	}
}

static int open_dog(struct host *h, struct host_ctx *ctx)
{
	return open_it(LINUX, path, h, ctx);
}

static int power_on(void **state)
{
	memset(&k, 0, sizeof(k));
	k.seconds = 30;
	k.least = 1;
	k.most = 60;
	k.on = true; /* opening it does that */
	return begin(state);
}

/* what was written to the file: the kernel's magic character, or nothing */
static void written(const char *want)
{
	char got[8] = "";
	FILE *f = fopen(path, "r");

	assert_non_null(f);
	got[fread(got, 1, sizeof(got) - 1, f)] = 0;
	fclose(f);
	assert_string_equal(got, want);
}

static void test_guest_feeds(void **state)
{
	const struct vio_watchdog_host_ops *ops;
	struct host_ctx ctx;
	struct host h;

	(void)state;
	assert_int_equal(open_dog(&h, &ctx), 0);
	ops = h.ops;
	assert_int_equal(ops->open(h.host)->actions, 1u << VIO_WATCHDOG_A_RESET);
	assert_false(k.on); /* nobody is watched yet */
	assert_int_equal(ops->start(h.host, 4001), VIO_OK);
	assert_true(k.on);
	assert_int_equal(k.seconds, 5);
	k.feeds = 0;
	pass(60000);
	assert_int_equal(k.feeds, 0); /* the guest's affair alone */
	assert_int_equal(ops->kick(h.host), VIO_OK);
	assert_int_equal(k.feeds, 1);
	ops->stop(h.host);
	assert_false(k.on);
	assert_int_equal(ops->start(h.host, 4000), VIO_OK);
	assert_true(k.on);
	assert_int_equal(k.seconds, 4);
	ops->expired(h.host, VIO_WATCHDOG_A_RESET);
	assert_int_equal(k.seconds, 1);
	assert_true(k.on);
	h.close(&h);
	written(""); /* the end of the program is no reason to spare the machine */
	assert_true(k.on);
}

/* A guest with more time than the machine's watchdog: fed in between, until the guest's has expired. */
static void test_short_time(void **state)
{
	const struct vio_watchdog_host_ops *ops;
	struct host_ctx ctx;
	struct host h;

	(void)state;
	k.seconds = k.most = 8;
	k.least = 8; /* one that cannot be set */
	assert_int_equal(open_dog(&h, &ctx), 0);
	ops = h.ops;
	assert_int_equal(ops->start(h.host, 100000), VIO_OK);
	assert_int_equal(k.seconds, 8);
	k.feeds = 0;
	pass(99999);
	assert_int_equal(k.feeds, 24); /* each 4 s */
	ops->expired(h.host, VIO_WATCHDOG_A_RESET);
	pass(100000);
	assert_int_equal(k.feeds, 24);
	/* the machine survived, and the guest comes back */
	assert_int_equal(ops->start(h.host, 8000), VIO_OK);
	k.feeds = 0;
	pass(100000);
	assert_int_equal(k.feeds, 0);
	ops->stop(h.host);
	h.close(&h);
	written("V");
}

static void test_machine_without_a_way_out(void **state)
{
	const struct vio_watchdog_host_ops *ops;
	struct host_ctx ctx;
	struct host h;

	(void)state;
	k.nowayout = true;
	assert_int_equal(open_dog(&h, &ctx), 0);
	ops = h.ops;
	assert_true(k.on);
	k.feeds = 0;
	pass(60000);
	assert_int_equal(k.feeds, 4);
	assert_int_equal(ops->start(h.host, 20000), VIO_OK);
	k.feeds = 0;
	pass(60000);
	assert_int_equal(k.feeds, 0);
	ops->stop(h.host);
	pass(40001);
	assert_int_equal(k.feeds, 1 + 4);
	h.close(&h);
	written("V");
}

/* It is pulled out: the guest is told. */
static void test_gone(void **state)
{
	const struct vio_watchdog_host_ops *ops;
	struct host_ctx ctx;
	struct host h;

	(void)state;
	assert_int_equal(open_dog(&h, &ctx), 0);
	ops = h.ops;
	assert_int_equal(ops->start(h.host, 20000), VIO_OK);
	k.dead = true;
	assert_int_equal(ops->kick(h.host), VIO_E_IO);
	assert_int_equal(ops->start(h.host, 20000), VIO_E_IO);
	ops->expired(h.host, VIO_WATCHDOG_A_RESET);
	h.close(&h);
}

static void test_no_watchdog(void **state)
{
	struct host_ctx ctx;
	struct host h;

	(void)state;
	k.none = true;
	assert_int_equal(open_dog(&h, &ctx), -1);
	assert_true(strstr(ctx.err, "is no watchdog") != NULL);
	assert_int_equal(open_it(LINUX, "/dev/no", &h, &ctx), -1);
	assert_true(strstr(ctx.err, "softdog") != NULL);
}

#undef TEST
#define TEST(f) cmocka_unit_test_setup_teardown(f, power_on, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_guest_feeds),
		TEST(test_short_time),
		TEST(test_machine_without_a_way_out),
		TEST(test_gone),
		TEST(test_no_watchdog),
	};

	return cmocka_run_group_tests_name("watchdog, this machine", tests, NULL, NULL);
}
