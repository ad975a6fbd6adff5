/* SPDX-License-Identifier: BSD-3-Clause */
/* t_watchdog_sim.c - the simulated watchdog in real time, from the guest's request to the record */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <unistd.h>
#include "watchdog_bed.h"
#include "hostrig.h"

extern const struct host_kind host_sim_watchdog[];

static char path[64];

static int make_record(void **state)
{
	int fd;

	(void)state;
	(void)snprintf(path, sizeof(path), "/tmp/stratos-watchdog-XXXXXX");
	fd = mkstemp(path);
	return fd < 0 ? -1 : close(fd);
}

static int drop_record(void **state)
{
	(void)state;
	return unlink(path);
}

static void record_is(const char *want)
{
	char got[256] = "";
	FILE *f = fopen(path, "r");

	assert_non_null(f);
	got[fread(got, 1, sizeof(got) - 1, f)] = 0;
	fclose(f);
	assert_string_equal(got, want);
}

static bool warned;
static struct rig_req event;

static bool until_over(struct hostrig *k)
{
	warned = warned || event.back;
	return ((struct vio_watchdog *)(void *)k->d)->expired;
}

static void test_expiry(void **state)
{
	struct hostrig *k = hr_new(&vio_class_watchdog);

	(void)state;
	warned = false;
	k->option[0][0] = "action";
	k->option[0][1] = "poweroff";
	assert_int_equal(hr_open(k, host_sim_watchdog, "sim", path), 0);
	hr_start(k, F_ALL);
	rig_do(&k->g, EVT, &event, "", 0, 8);
	assert_int_equal(wd_start(&k->g, 100, 50, 0, 0), OK);
	assert_int_equal(wd_do(&k->g, STOP), OK);
	assert_int_equal(wd_start(&k->g, 120, 50, 0, 0), OK);
	hr_until(k, until_over);
	assert_true(warned);
	record_is("start 100\nstop\nstart 120\nexpired poweroff\n");
	hr_end(k);
	record_is("start 100\nstop\nstart 120\nexpired poweroff\n");
}

static void test_parameters(void **state)
{
	static const struct {
		uint32_t timeout, min, max;
		int rc;
	} t[] = {
		{ 60000, 100, 3600000, VIO_OK },
		{ 99, 100, 3600000, VIO_E_ARG },
		{ 2000, 100, 1000, VIO_E_ARG },
	};
	struct hostrig *k;
	size_t n;

	(void)state;
	for (n = 0; n < sizeof(t) / sizeof(t[0]); n++) {
		k = hr_new(&vio_class_watchdog);
		hr_set(k, "timeout", t[n].timeout);
		hr_set(k, "timeout-min", t[n].min);
		hr_set(k, "timeout-max", t[n].max);
		assert_int_equal(hr_open(k, host_sim_watchdog, "sim", NULL), 0);
		k->parts.host_ops = k->host.ops;
		k->parts.host = k->host.host;
		k->parts.clock = loop_clock(k->loop);
		k->d = calloc(1, k->cls->bytes(&k->parts));
		assert_int_equal(k->cls->create(k->d, &k->g.mem.m, &k->parts), t[n].rc);
		free(k->d);
		k->d = NULL;
		hr_end(k);
	}
}

static void test_arguments(void **state)
{
	struct hostrig *k = hr_new(&vio_class_watchdog);

	(void)state;
	assert_int_equal(hr_open(k, host_sim_watchdog, "sim", "/no/such/folder/record"), -1);
	assert_true(strstr(k->ctx.err, "/no/such/folder/record: ") != NULL);
	k->option[0][0] = "action";
	k->option[0][1] = "default";
	assert_int_equal(hr_open(k, host_sim_watchdog, "sim", NULL), -1);
	assert_true(strstr(k->ctx.err, "poweroff") != NULL);
	hr_end(k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_expiry, make_record, drop_record),
		cmocka_unit_test(test_parameters),
		cmocka_unit_test(test_arguments),
	};

	return cmocka_run_group_tests_name("watchdog, simulated", tests, NULL, NULL);
}
