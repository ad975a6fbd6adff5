/* SPDX-License-Identifier: BSD-3-Clause */
/* t_watchdog.c - the watchdog device: requests, right and wrong in each field, and configuration */
#include "watchdog_dev.h"
#include "rig_row.h"

/* Each request, right and wrong in each field. */

#define T1000 "e8030000"
#define ZERO4 "00000000"
#define R_OK  "00000000"
#define R_UN  "01000000"
#define R_INV "02000000"
#define R_ST  "03000000"
#define EE12  "eeeeeeeeeeeeeeeeeeeeeeee"

static const struct row rows[] = {
	{ "start", "01000000" T1000 ZERO4 "00000000", ALL, 4, R_OK },
	{ "start, all fields",
	  "01000100" T1000 "e7030000"
	  "02000000",
	  ALL, 4, R_OK },
	{ "start, more room both ways",
	  "01000000" T1000 ZERO4 "00000000"
	  "ff",
	  ALL, 6, R_OK "eeee" },
	{ "start, flag 1", "01000200" T1000 ZERO4 "00000000", ALL, 4, R_INV },
	{ "start, flag 15", "01000080" T1000 ZERO4 "00000000", ALL, 4, R_INV },
	{ "start, least timeout",
	  "01000000"
	  "64000000" ZERO4 "00000000",
	  ALL, 4, R_OK },
	{ "start, too little timeout",
	  "01000000"
	  "63000000" ZERO4 "00000000",
	  ALL, 4, R_INV },
	{ "start, no timeout", "01000000" ZERO4 ZERO4 "00000000", ALL, 4, R_INV },
	{ "start, most timeout",
	  "01000000"
	  "60ea0000" ZERO4 "00000000",
	  ALL, 4, R_OK },
	{ "start, too much timeout",
	  "01000000"
	  "61ea0000" ZERO4 "00000000",
	  ALL, 4, R_INV },
	{ "start, highest timeout",
	  "01000000"
	  "ffffffff" ZERO4 "00000000",
	  ALL, 4, R_INV },
	{ "start, pre-timeout as long as the timeout", "01000000" T1000 T1000 "00000000", ALL, 4,
	  R_INV },
	{ "start, highest pre-timeout",
	  "01000000" T1000 "ffffffff"
	  "00000000",
	  ALL, 4, R_INV },
	{ "start, action that this host has not", "01000000" T1000 ZERO4 "03000000", ALL, 4,
	  R_INV },
	{ "start, unknown action", "01000000" T1000 ZERO4 "06000000", ALL, 4, R_INV },
	{ "start, action beyond the bits", "01000000" T1000 ZERO4 "20000000", ALL, 4, R_INV },
	{ "start, highest action", "01000000" T1000 ZERO4 "ff000000", ALL, 4, R_INV },
	{ "start, reserved byte 13", "01000000" T1000 ZERO4 "00010000", ALL, 4, R_INV },
	{ "start, reserved byte 15", "01000000" T1000 ZERO4 "00000001", ALL, 4, R_INV },
	{ "start, a byte short", "01000000" T1000 ZERO4 "00000000", 15, 4, R_INV },
	{ "start, head only", "01000000", ALL, 4, R_INV },
	{ "start, no room", "01000000" T1000 ZERO4 "00000000", ALL, 3, "020000" },
	{ "start, room for the status", "01000000" T1000 ZERO4 "00000000", ALL, 1, "02" },
	{ "start, no room for a status", "01000000" T1000 ZERO4 "00000000", ALL, 0, "" },

	{ "stop", "02000000", ALL, 4, R_OK },
	{ "stop, flag", "02000100", ALL, 4, R_INV },
	{ "stop, short", "02000000", 3, 4, R_INV },
	{ "stop, no room", "02000000", ALL, 2, "0200" },
	{ "kick, not running", "03000000", ALL, 4, R_ST },
	{ "kick, flag", "03000100", ALL, 4, R_INV },
	{ "kick, short", "03000000", 1, 4, R_INV },

	{ "status", "04000000", ALL, 16, "00000200" T1000 ZERO4 ZERO4 },
	{ "status, more room", "04000000ff", ALL, 17, "00000200" T1000 ZERO4 ZERO4 "ee" },
	{ "status, flag", "04000100", ALL, 16, R_INV ZERO4 ZERO4 ZERO4 },
	{ "status, a byte short of room", "04000000", ALL, 15, R_INV "eeeeeeeeeeeeeeeeeeeeee" },
	{ "status, room as the others", "04000000", ALL, 4, R_INV },

	{ "type 0", "00000000", ALL, 16, R_UN EE12 },
	{ "type behind the last", "05000000", ALL, 16, R_UN EE12 },
	{ "type with the bytes the wrong way round", "00010000", ALL, 16, R_UN EE12 },
	{ "highest type, status only", "ffff0000", ALL, 1, "01" },
	{ "nothing to read", "", ALL, 16, R_INV EE12 },
};

static void test_requests(void **state)
{
	struct bed b;
	bool good;
	size_t n;

	(void)state;
	for (n = 0; n < sizeof(rows) / sizeof(rows[0]); n++) {
		bed_init(&b);
		rig_row(&b.g, REQ, &rows[n]);
		/* what is refused changes nothing */
		good = strncmp(rows[n].out, "01", 2) == 0 &&
		       strncmp(rows[n].answer, R_OK, sizeof(R_OK) - 1) == 0;
		assert_int_equal(b.f.starts, good);
		assert_int_equal(rig_timers(&b.clock), good);
		bed_end(&b);
	}
}

static void test_config(void **state)
{
	struct vio_watchdog_rule rule = plain;
	uint8_t c[20], want[20];
	struct bed b;

	(void)state;
	bed_init(&b);
	(void)rig_unhex(want, "6400000060ea0000e8030000"
			      "27000000"
			      "02000000");
	assert_int_equal(lb_bus.config_read(&b.g.lb, 0, c, 20), VIO_OK);
	assert_memory_equal(c, want, 20);
	assert_int_equal(b.g.features & F_ALL, F_ALL);
	bed_end(&b);
	rule.choose = rule.stop = rule.endure = false;
	bed_make(&b, &rule, F_ALL, &fake_ops);
	assert_int_equal(b.g.features & F_ALL, VIO_WATCHDOG_F_PRETIMEOUT);
	assert_int_equal(lb_bus.config_read(&b.g.lb, 12, c, 4), VIO_OK);
	assert_int_equal(vio_unpack32(c), 1);
	assert_int_equal(wd_start(&b.g, 1000, 0, VIO_WATCHDOG_A_RESET, 0), INVAL);
	assert_int_equal(wd_start(&b.g, 1000, 0, VIO_WATCHDOG_A_DEFAULT, 0), OK);
	bed_end(&b);
}

static void test_init(void **state)
{
	static const struct {
		uint32_t min, def, max, actions;
		uint8_t action;
		bool gone;
		int rc;
	} t[] = {
		{ 1, 1, 1, 2, 1, false, VIO_OK },
		{ 1, UINT32_MAX, UINT32_MAX, 62, 5, false, VIO_OK },
		{ 0, 1, 1, 2, 1, false, VIO_E_ARG },
		{ 2, 1, 2, 2, 1, false, VIO_E_ARG },
		{ 1, 3, 2, 2, 1, false, VIO_E_ARG },
		{ 1, 1, 1, 1, 0, false, VIO_E_ARG },  /* what would the default be? */
		{ 1, 1, 1, 2, 2, false, VIO_E_ARG },  /* cannot do what it does */
		{ 1, 1, 1, 64, 6, false, VIO_E_ARG }, /* unknown */
		{ 1, 1, 1, 66, 1, false, VIO_E_ARG },
		{ 1, 1, 1, 2, 1, true, VIO_E_IO },
	};
	struct vio_watchdog_rule rule = plain;
	struct bed b;
	size_t n;

	(void)state;
	for (n = 0; n < sizeof(t) / sizeof(t[0]); n++) {
		memset(&b, 0, sizeof(b));
		rig_clock_init(&b.clock);
		rule.min = t[n].min;
		rule.def = t[n].def;
		rule.max = t[n].max;
		b.f.can.actions = t[n].actions;
		b.f.can.action = t[n].action;
		b.f.gone = t[n].gone;
		assert_int_equal(vio_watchdog_init(&b.dev, rig_mem(&b.g), &fake_ops, &b.f,
						   &b.clock.c, &rule),
				 t[n].rc);
		rig_end(&b.g);
	}
	memset(&b, 0, sizeof(b));
	assert_int_equal(vio_watchdog_init(&b.dev, rig_mem(&b.g), &fake_ops, &b.f, NULL, &plain),
			 VIO_E_ARG);
	assert_int_equal(vio_watchdog_init(&b.dev, &b.g.mem.m, NULL, NULL, &b.clock.c, &plain),
			 VIO_E_ARG);
	rig_end(&b.g);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_requests),
	cmocka_unit_test(test_config),
	cmocka_unit_test(test_init),
};

WATCHDOG_MAIN(tests, "watchdog")
