/* SPDX-License-Identifier: BSD-3-Clause */
/* t_scmi_sim.c - the simulated SCMI platform: what agents set and share, and the file that declares it */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scmi_sim_bed.h"

#define OK    VIO_SCMI_SUCCESS
#define POWER VIO_SCMI_POWER
#define PERF  VIO_SCMI_PERF
#define CLOCK VIO_SCMI_CLOCK
#define SENS  VIO_SCMI_SENSOR
#define RST   VIO_SCMI_RESET
#define VOLT  VIO_SCMI_VOLTAGE

static void test_default(void **state)
{
	struct sim s;
	struct bed *b = &s.b;

	(void)state;
	sim_init(&s, NULL, NULL);
	assert_int_equal(ASK(b, CLOCK, 6, 0), OK);
	assert_int_equal(value(b, 0), 24000000);
	assert_int_equal(ASK(b, CLOCK, 5, 0, 0, 96000000, 0), OK);
	assert_int_equal(ASK(b, CLOCK, 6, 0), OK);
	assert_int_equal(value(b, 0), 96000000);
	assert_int_equal(ASK(b, CLOCK, 0xb, 0, 0), OK);
	assert_int_equal(value(b, 1), 0);
	assert_int_equal(ASK(b, CLOCK, 7, 0, 1, 0), OK);
	assert_int_equal(ASK(b, CLOCK, 0xb, 0, 0), OK);
	assert_int_equal(value(b, 1), 1);
	assert_int_equal(ASK(b, SENS, 6, 0, 0), OK);
	assert_int_equal(value(b, 0), 42000);
	assert_int_equal(ASK(b, SENS, 0xa, 0, 3), OK);
	assert_int_equal(ASK(b, SENS, 0xa, 0, 0), VIO_SCMI_NOT_SUPPORTED);     /* cannot be off */
	assert_int_equal(ASK(b, SENS, 0xa, 0, 0x801), VIO_SCMI_NOT_SUPPORTED); /* has no interval */
	assert_int_equal(ASK(b, SENS, 9, 0), OK);
	assert_int_equal(value(b, 0), 3);
	assert_int_equal(ASK(b, POWER, 5, 0), OK);
	assert_int_equal(value(b, 0), VIO_SCMI_POWER_OFF);
	assert_int_equal(ASK(b, POWER, 4, 0, 0, 0), OK);
	assert_int_equal(ASK(b, POWER, 5, 0), OK);
	assert_int_equal(value(b, 0), VIO_SCMI_POWER_ON);
	assert_int_equal(ASK(b, PERF, 5, 0, 1000000, 500000), OK);
	assert_int_equal(ASK(b, PERF, 7, 0, 1500000),
			 VIO_SCMI_OUT_OF_RANGE); /* the limit that was just set */
	assert_int_equal(ASK(b, PERF, 7, 0, 500000), OK);
	assert_int_equal(ASK(b, PERF, 8, 0), OK);
	assert_int_equal(value(b, 0), 500000);
	assert_int_equal(ASK(b, PERF, 6, 0), OK);
	assert_int_equal(value(b, 0), 1000000);
	assert_int_equal(ASK(b, VOLT, 7, 1, 0, 3300000), OK);
	assert_int_equal(ASK(b, VOLT, 8, 1), OK);
	assert_int_equal(value(b, 0), 3300000);
	assert_int_equal(ASK(b, VOLT, 5, 0, 0), OK);
	assert_int_equal(ASK(b, VOLT, 6, 0), OK);
	assert_int_equal(value(b, 0), 7); /* the platform needs it on */
	sim_end(&s);
}

static const char board[] =
	"platform: lab\n"
	"clocks:\n"
	"  - { name: pll, min: 100000000, max: 200000000, step: 1000000 }\n"
	"  - { name: uart, rates: [1000, 2000], rate: 2000, parents: [pll] }\n"
	"  - { name: secret, rates: [5] }\n"
	"sensors:\n"
	"  - { name: soc, type: celsius, scale: -3, value: -5000, min: -40000, max: 125000, trips: "
	"1 }\n"
	"resets:\n"
	"  - { name: usb }\n"
	"agents:\n"
	"  - { name: one, clocks: [uart, pll], sensors: [soc], resets: [usb] }\n"
	"  - { name: two, id: 9, clocks: [pll], read-only: [pll], system: [shutdown],\n"
	"      commands-per-second: 100 }\n";

static void test_two_agents(void **state)
{
	struct rig_req r[1];
	struct sim one, two;

	(void)state;
	file_is(board);
	sim_init(&one, path, NULL);
	sim_init(&two, path, "two");
	assert_int_equal(ASK0(&one.b, CLOCK, 1), OK);
	assert_int_equal(value(&one.b, 0), 2); /* one is not told of the third */
	assert_int_equal(ASK(&one.b, CLOCK, 3, 0), OK);
	name_is(&one.b, 1, "uart"); /* in the order of its list */
	assert_int_equal(ASK(&one.b, CLOCK, 0xc, 0, 0), OK);
	assert_int_equal(value(&one.b, 1), 1);
	assert_int_equal(ASK(&one.b, SENS, 6, 0, 0), OK);
	assert_int_equal((int32_t)value(&one.b, 0), -5000);
	/* two sees what one does, and may not do it */
	assert_int_equal(ASK0(&two.b, SENS, 0), VIO_SCMI_NOT_SUPPORTED);
	assert_int_equal(ASK(&two.b, CLOCK, 5, 0, 0, 150000000, 0), VIO_SCMI_DENIED);
	assert_int_equal(ASK(&two.b, CLOCK, 9, 0, 1), OK);
	rig_add(&two.b.g, EVT, &r[0], "", 0, 64);
	rig_kick(&two.b.g, EVT);
	assert_int_equal(ASK(&one.b, CLOCK, 5, 0, 1, 150000000, 0), OK);
	rig_turn(&two.b.g);
	assert_true(r[0].back);
	assert_int_equal(word(&r[0], 1), 1); /* who */
	assert_int_equal(word(&r[0], 2), 0); /* which, by its own number */
	assert_int_equal(word(&r[0], 3), 150000000);
	assert_int_equal(ASK(&two.b, CLOCK, 6, 0), OK);
	assert_int_equal(value(&two.b, 0), 150000000);
	/* what one needed goes with it */
	assert_int_equal(ASK(&one.b, CLOCK, 7, 1, 1, 0), OK);
	assert_int_equal(ASK(&two.b, CLOCK, 0xb, 0, 0), OK);
	assert_int_equal(value(&two.b, 1), 1);
	sim_end(&one);
	assert_int_equal(ASK(&two.b, CLOCK, 0xb, 0, 0), OK);
	assert_int_equal(value(&two.b, 1), 0);
	assert_int_equal(sim_try(&one, path, "two"), -1); /* is taken */
	assert_non_null(strstr(one.ctx.err, "'two'"));
	sim_end(&two);
}

static void test_wrong_files(void **state)
{
	static const struct {
		const char *text, *says;
	} t[] = {
		{ "clocks:\n  - { name: a, rates: [2, 1] }\n",
		  "clocks 'a': its rates must ascend" },
		{ "clocks:\n  - { name: a, rates: [1], min: 1 }\n", "has both rates and min" },
		{ "clocks:\n  - { name: a, min: 5, max: 9 }\n", "step above 0" },
		{ "clocks:\n  - { name: a, min: 9, max: 5, step: 1 }\n",
		  "min must not be above max" },
		{ "clocks:\n  - { name: a, colour: 5 }\n", ":2: Unexpected key: colour" },
		{ "clocks:\n  - { rates: [1] }\n", "name" },
		{ "clocks:\n  - { name: a, rates: [x] }\n", ":2: " },
		{ "clocks:\n  - { name: a }\n  - { name: a }\n", "is there twice" },
		{ "sensors:\n  - { name: a }\n", "type" },
		{ "sensors:\n  - { name: a, type: smell }\n", ":2: " },
		{ "sensors:\n  - { name: a, type: volts, scale: 16 }\n", "scale is -16 to 15" },
		{ "sensors:\n  - { name: a, type: volts, trips: 17 }\n", "too many trips" },
		{ "sensors:\n  - { name: a, type: volts, step: 1 }\n", "min must be below max" },
		{ "performance:\n  - { name: a }\n", "levels" },
		{ "performance:\n  - { name: a, levels: [{ level: 2 }, { level: 1 }] }\n",
		  "must ascend" },
		{ "performance:\n  - { name: a, levels: [{ level: 2 }], sustained: 1 }\n",
		  "among its levels" },
		{ "regulators:\n  - { name: a }\n", "needs microvolts" },
		{ "regulators:\n  - { name: a, microvolts: [2, 2] }\n", "must ascend" },
		{ "regulators:\n  - { name: a, min: 0, max: 3000000000, step: 1 }\n",
		  "needs microvolts" },
		{ "agents:\n  - { name: a, clocks: [b] }\n",
		  "agent 'a': there is no 'b' in clocks" },
		{ "agents:\n  - { name: a, system: [sleep] }\n", "system is a list" },
		{ "agents:\n  - { name: a }\n  - { name: a }\n", "the same name" },
		{ "agents:\n  - { name: a, id: 3 }\n  - { name: b, id: 3 }\n", "or id" },
		{ "agents:\n  - { name: a, id: 256 }\n", "at most 255" },
		{ "clocks:\n  - { name: a, parents: [b] }\n  - { name: b }\nagents:\n  - { name: "
		  "x, clocks: [a] }\n",
		  "a parent that this agent does not have" },
		{ "clocks: [", ":" },
		{ "", "" },
	};
	struct sim s;
	size_t k;

	(void)state;
	for (k = 0; k < sizeof(t) / sizeof(t[0]); k++) {
		file_refused(t[k].text, t[k].says);
	}
	assert_int_equal(sim_try(&s, "/nowhere/file", NULL), -1);
	assert_non_null(strstr(s.ctx.err, "No such file"));
}

/* A file without agents: one that has everything */
static void test_no_agents(void **state)
{
	struct sim s;

	(void)state;
	file_is("clocks:\n  - { name: a, rates: [7] }\nregulators:\n  - { name: v, microvolts: [1, "
		"2] }\n");
	sim_init(&s, path, "guest");
	assert_int_equal(ASK(&s.b, CLOCK, 6, 0), OK);
	assert_int_equal(value(&s.b, 0), 7);
	assert_int_equal(ASK(&s.b, VOLT, 4, 0, 0), OK);
	assert_int_equal(value(&s.b, 0), 2);
	sim_end(&s);
}

/* A sensor that moves crosses its trip point; here the second passes at once. */
static void test_crossing(void **state)
{
	struct sim s;
	struct rig_req r[1];
	struct scmi_agent *a;

	(void)state;
	file_is("sensors:\n  - { name: t, type: celsius, value: 10, min: 0, max: 12, step: 2, "
		"trips: 1 }\n");
	sim_init(&s, path, NULL);
	assert_int_equal(ASK(&s.b, SENS, 5, 0, 1, 12, 0), OK);
	assert_int_equal(ASK(&s.b, SENS, 4, 0, 1), OK);
	rig_add(&s.b.g, EVT, &r[0], "", 0, 64);
	rig_kick(&s.b.g, EVT);
	a = *(struct scmi_agent **)s.host.host; /* first member of the host's */
	scmi_board_reading(a->board, 0, 12);
	rig_turn(&s.b.g);
	assert_true(r[0].back);
	assert_int_equal(word(&r[0], 3), 1 << 16);
	sim_end(&s);
}

/* ---- with a loop ---- */

static struct loop *loop;
static uint64_t readings[3];
static unsigned nreading;
static bool finished;

static void on_event(struct vio_scmi_sink *s, const struct vio_scmi_event *e)
{
	(void)s;
	if (nreading < 3) {
		readings[nreading++] = e->value;
	}
	loop_stop(loop);
}

static void on_done(struct vio_job *j, int32_t result)
{
	(void)j;
	finished = result == VIO_OK;
	loop_stop(loop);
}

static void on_wake(void *port, uint16_t n)
{
	(void)port;
	(void)n;
}

static const char *delay(const struct host_ctx *c, const char *name)
{
	(void)c;
	return strcmp(name, "scmi-delay") ? NULL : "2000";
}

/* A sensor moves each second, and turns at its ends; answers come later, and a hurry brings them. */
static void test_time(void **state)
{
	static const struct vio_port_ops port = { .wake = on_wake };
	struct vio_dev dev = { .port_ops = &port };
	struct vio_vq vq = { .dev = &dev };
	struct vio_scmi_sink sink = { .event = on_event };
	struct vio_scmi_op op = { .job = { .done = on_done, .vq = &vq },
				  .verb = VIO_SCMI_SENSOR_GET };
	const struct vio_scmi_host_ops *ops;
	struct host_ctx ctx = { .name = "scmi0", .arg = path, .option = delay };
	struct host h;

	(void)state;
	file_is("sensors:\n  - { name: t, type: celsius, value: 10, min: 0, max: 12, step: 2 }\n");
	loop = loop_new("test");
	ctx.loop = loop;
	assert_int_equal(host_sim_scmi[0].open(&ctx, &h), 0);
	ops = h.ops;
	assert_non_null(ops->open(h.host, &sink));
	while (nreading < 3) {
		loop_run(loop);
	}
	assert_int_equal(readings[0], 12);
	assert_int_equal(readings[1], 10);
	assert_int_equal(readings[2], 8);
	assert_int_equal(ops->run(h.host, &op), VIO_PENDING);
	assert_false(finished);
	while (!finished) {
		loop_run(loop);
	}
	finished = false;
	assert_int_equal(ops->run(h.host, &op), VIO_PENDING);
	ops->cancel(h.host, &op);
	assert_true(finished);
	ops->close(h.host);
	h.close(&h);
	loop_free(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_default),	    cmocka_unit_test(test_two_agents),
		cmocka_unit_test(test_wrong_files), cmocka_unit_test(test_no_agents),
		cmocka_unit_test(test_crossing),    cmocka_unit_test(test_time),
	};

	return cmocka_run_group_tests(tests, file_made, file_gone);
}
