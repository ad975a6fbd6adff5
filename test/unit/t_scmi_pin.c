/* SPDX-License-Identifier: BSD-3-Clause */
/* t_scmi_pin.c - SCMI pin control: what its answers say, and pins that agents of one platform share */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scmi_sim_bed.h"

#define OK     VIO_SCMI_SUCCESS
#define NOTSUP VIO_SCMI_NOT_SUPPORTED
#define PARAM  VIO_SCMI_INVALID_PARAMETERS
#define DENIED VIO_SCMI_DENIED
#define PIN    VIO_SCMI_PINCTRL
#define NONE_F VIO_SCMI_NO_FUNCTION

#define ATTRIBUTES 0x3
#define LIST	   0x4
#define GET	   0x5
#define SET	   0x6
#define REQUEST	   0x7
#define RELEASE	   0x8
#define NAME	   0x9
#define IS_GROUP   1 /* selector of SET and others */
#define FUNCTION   (1 << 10)
#define PAIRS(n)   ((n) << 2)
#define OF_GROUP   (1 << 16) /* selector of GET */
#define ALL	   (1 << 18)
#define WHICH	   (2 << 18)

static void test_what_there_is(void **state)
{
	struct bed b;

	(void)state;
	bed_init(&b, 0);
	assert_int_equal(ASK0(&b, PIN, 0), OK);
	assert_int_equal(value(&b, 0), 0x10000);
	assert_int_equal(ASK0(&b, PIN, 1), OK);
	assert_int_equal(b.r.len, 8 + 8);
	assert_int_equal(value(&b, 0), 2 << 16 | 3);
	assert_int_equal(value(&b, 1), 2);
	assert_int_equal(ASK(&b, PIN, ATTRIBUTES, 1, 0), OK);
	assert_int_equal(value(&b, 0), 0);
	name_is(&b, 1, "rx");
	assert_int_equal(ASK(&b, PIN, ATTRIBUTES, 2, 0), OK);
	assert_int_equal(value(&b, 0), 1u << 31);
	name_is(&b, 1, "a pin with a ra");
	assert_int_equal(ASK(&b, PIN, NAME, 2, 0), OK);
	assert_int_equal(b.r.len, 8 + 4 + 64);
	name_is(&b, 1, "a pin with a rather long name");
	assert_int_equal(ASK(&b, PIN, ATTRIBUTES, 0, 1), OK);
	assert_int_equal(value(&b, 0), 2);
	name_is(&b, 1, "serial");
	assert_int_equal(ASK(&b, PIN, ATTRIBUTES, 1, 2), OK);
	assert_int_equal(value(&b, 0), 1 << 17 | 2);
	name_is(&b, 1, "gpio");
	assert_int_equal(ASK(&b, PIN, LIST, 0, 1, 0), OK);
	assert_int_equal(b.r.len, 8 + 4 + 4);
	assert_int_equal(value(&b, 0), 2);
	assert_int_equal(value(&b, 1), 1 << 16 | 0);
	assert_int_equal(ASK(&b, PIN, LIST, 0, 1, 1), OK);
	assert_int_equal(value(&b, 0), 1);
	assert_int_equal(value(&b, 1), 1);
	assert_int_equal(ASK(&b, PIN, LIST, 0, 1, 2), OK);
	assert_int_equal(value(&b, 0), 0);
	assert_int_equal(b.r.len, 8 + 4);
	assert_int_equal(b.f.calls, 0);
	bed_end(&b);
}

/* More pins than an answer holds are told in parts, and none is lost. */
static void test_a_long_list(void **state)
{
	static uint16_t many[301];
	struct vio_scmi_group g = { .r = { .name = "g" }, .pin = many, .npin = 301 };
	uint32_t at = 0, n, told;
	struct bed b;

	(void)state;
	for (n = 0; n < 301; n++) {
		many[n] = (uint16_t)(n * 7);
	}
	bed_init(&b, 0);
	b.f.tree.group = &g;
	b.f.tree.ngroup = 1;
	while (at < 301) {
		assert_int_equal(ASK(&b, PIN, LIST, 0, 1, at), OK);
		told = value(&b, 0) & 0xfffu;
		assert_true(told > 0 && told <= 62);
		assert_int_equal(value(&b, 0) >> 16, 301 - at - told);
		for (n = 0; n < told; n++) {
			assert_int_equal((value(&b, 1 + n / 2) >> (n % 2 * 16)) & 0xffff,
					 many[at + n]);
		}
		at += told;
	}
	assert_int_equal(at, 301);
	bed_end(&b);
}

/* What reaches a host, and how its answer is told; also one that comes later. */
static void test_settings(void **state)
{
	static struct vio_scmi_function f[2];
	uint32_t p[3 + 2 * 15] = { 1, 0, 0 };
	uint32_t out[3] = { vio_le32(VIO_SCMI_HDR(PIN, 0, GET)), vio_le32(1), vio_le32(10) };
	struct bed b;
	unsigned n;

	(void)state;
	bed_init(&b, 0);
	memcpy(f, b.f.tree.function, sizeof(f));
	f[1].r.res = 70; /* the host's number is not the agent's */
	b.f.tree.function = f;
	for (n = 0; n < 14; n++) {
		p[3 + 2 * n] = n == 13 ? 255 : n;
		p[4 + 2 * n] = 0x80000000u + n;
	}
	p[2] = PAIRS(14);
	assert_int_equal(ask_bytes(&b, PIN, SET, p, 31 * 4, 8), OK);
	assert_int_equal(b.f.last.verb, VIO_SCMI_PIN_SET);
	assert_int_equal(b.f.last.res, 1);
	assert_false(b.f.last.group);
	assert_int_equal(b.f.last.value, NONE_F);
	assert_int_equal(b.f.last.nconfig, 14);
	assert_int_equal(b.f.last.config[13].type, 255);
	assert_int_equal(b.f.last.config[13].value, 0x8000000du);
	p[2] = PAIRS(15);
	b.f.calls = 0;
	assert_int_equal(ask_bytes(&b, PIN, SET, p, 33 * 4, 8), VIO_SCMI_PROTOCOL_ERROR);
	p[2] = PAIRS(1);
	for (n = 21; n < 192; n++) {
		p[3] = n;
		assert_int_equal(ask_bytes(&b, PIN, SET, p, 5 * 4, 8), PARAM);
	}
	p[3] = 256 + 10;
	assert_int_equal(ask_bytes(&b, PIN, SET, p, 5 * 4, 8), PARAM);
	assert_int_equal(b.f.calls, 0);
	assert_int_equal(ASK(&b, PIN, SET, 0, 1, FUNCTION | IS_GROUP), OK);
	assert_true(b.f.last.group);
	assert_int_equal(b.f.last.value, 70);
	/* a function that this group, or this pin, does not have */
	assert_int_equal(ASK(&b, PIN, SET, 0, 0, FUNCTION), OK);
	f[0].group = f[1].group + 1;
	assert_int_equal(ASK(&b, PIN, SET, 0, 0, FUNCTION), PARAM);
	assert_int_equal(ASK(&b, PIN, SET, 0, 0, FUNCTION | IS_GROUP), PARAM);
	f[1].r.rights = 0;
	assert_int_equal(ASK(&b, PIN, SET, 0, 1, FUNCTION | IS_GROUP), DENIED);
	b.f.value = 70;
	assert_int_equal(ASK(&b, PIN, GET, 1, WHICH), OK);
	assert_int_equal(b.r.len, 8 + 8);
	assert_int_equal(value(&b, 0), 1);
	assert_int_equal(value(&b, 1), 0);
	b.f.value = 5; /* of nobody that this agent knows */
	assert_int_equal(ASK(&b, PIN, GET, 1, WHICH), OK);
	assert_int_equal(value(&b, 0), NONE_F);
	b.f.extra = 300; /* as many as there is room for, and there are more */
	assert_int_equal(ASK(&b, PIN, GET, 0, ALL | OF_GROUP | 3 << 8), OK);
	assert_int_equal(b.f.last.verb, VIO_SCMI_PIN_GET_ALL);
	assert_int_equal(b.f.last.extra, 3);
	assert_true(b.f.last.group);
	assert_int_equal(value(&b, 1), 255u << 24 | 14);
	assert_int_equal(ask_bytes(&b, PIN, GET, (const uint32_t[]){ 0, ALL }, 8, 8 + 8 + 8 + 7),
			 OK);
	assert_int_equal(b.f.last.nconfig, 1);
	/* later */
	b.f.rc = VIO_PENDING;
	rig_do(&b.g, CMD, &b.r, out, 12, 64);
	assert_false(b.r.back);
	b.f.late[0]->value = 70;
	b.f.late[0]->config[0].value = 99;
	vio_job_complete(&b.f.late[0]->job, VIO_OK);
	rig_turn(&b.g);
	assert_int_equal(status_of(&b.r, vio_le32(out[0])), OK);
	assert_int_equal(value(&b, 0), 1);
	assert_int_equal(value(&b, 1), 1);
	assert_int_equal(value(&b, 2), 10);
	assert_int_equal(value(&b, 3), 99);
	/* what another has */
	b.f.rc = VIO_E_AGAIN;
	assert_int_equal(ASK(&b, PIN, REQUEST, 0, 0), VIO_SCMI_IN_USE);
	assert_int_equal(ASK(&b, PIN, RELEASE, 0, 0), DENIED);
	assert_int_equal(ASK(&b, PIN, SET, 0, 1, PAIRS(1), 10, 1), DENIED);
	assert_int_equal(ASK(&b, PIN, GET, 0, 10), VIO_SCMI_BUSY);
	bed_end(&b);
}

/* ---- on the simulated platform ---- */

#define PINS                                                                                       \
	"pins:\n  - { name: p0 }\n  - { name: p1 }\n  - { name: p2 }\n  - { name: p3 }\n"          \
	"pin-groups:\n  - { name: ab, pins: [p0, p1] }\n  - { name: cd, pins: [p2, p3] }\n"        \
	"pin-functions:\n  - { name: i2c, groups: [ab, cd] }\n"                                    \
	"  - { name: gpio, groups: [ab], gpio: true }\n"

/* The value of a setting; want: OK, or why there is none */
static uint32_t setting(struct bed *b, uint32_t id, uint32_t what, int32_t want)
{
	assert_int_equal(ASK(b, PIN, GET, id, what), want);
	return want ? 0 : value(b, 3);
}

static uint32_t function(struct bed *b, uint32_t id, uint32_t what)
{
	assert_int_equal(ASK(b, PIN, GET, id, WHICH | what), OK);
	return value(b, 0);
}

static void test_settings_are_kept(void **state)
{
	struct sim s;
	struct bed *b = &s.b;

	(void)state;
	file_is(PINS);
	sim_init(&s, path, NULL);
	assert_int_equal(function(b, 0, OF_GROUP), NONE_F);
	assert_int_equal(ASK(b, PIN, SET, 0, 0, FUNCTION | IS_GROUP | PAIRS(2), 4, 1, 10, 8), OK);
	assert_int_equal(function(b, 0, OF_GROUP), 0);
	assert_int_equal(function(b, 1, 0), 0);
	assert_int_equal(function(b, 2, 0), NONE_F);
	assert_int_equal(setting(b, 1, 10, OK), 8);
	assert_int_equal(setting(b, 0, OF_GROUP | 10, OK), 8);
	(void)setting(b, 2, 10, NOTSUP);
	assert_int_equal(setting(b, 0, VIO_SCMI_PIN_INPUT_VALUE, OK), 1); /* pulled up */
	/* another bias in place of this one; drive strength stays */
	assert_int_equal(ASK(b, PIN, SET, 0, 0, PAIRS(1), VIO_SCMI_PIN_PULL_DOWN, 1), OK);
	(void)setting(b, 0, VIO_SCMI_PIN_PULL_UP, NOTSUP);
	(void)setting(b, 0, OF_GROUP | VIO_SCMI_PIN_PULL_UP, NOTSUP); /* its pins do not agree */
	assert_int_equal(setting(b, 0, VIO_SCMI_PIN_INPUT_VALUE, OK), 0);
	assert_int_equal(ASK(b, PIN, SET, 0, 0, PAIRS(2), 17, 1, 18, 1), OK);
	assert_int_equal(setting(b, 0, VIO_SCMI_PIN_INPUT_VALUE, OK), 1);
	/* all or nothing */
	assert_int_equal(ASK(b, PIN, SET, 0, 0, PAIRS(2), 10, 2, VIO_SCMI_PIN_INPUT_VALUE, 0),
			 NOTSUP);
	assert_int_equal(ASK(b, PIN, SET, 0, 0, PAIRS(2), 10, 2, 200, 0), NOTSUP);
	assert_int_equal(setting(b, 0, 10, OK), 8);
	/* all, ascending; the second half on demand */
	assert_int_equal(ASK(b, PIN, GET, 0, ALL), OK);
	assert_int_equal(value(b, 1), 5);
	assert_int_equal(value(b, 2), VIO_SCMI_PIN_PULL_DOWN);
	assert_int_equal(value(b, 4), 10);
	assert_int_equal(value(b, 6), VIO_SCMI_PIN_INPUT_VALUE);
	assert_int_equal(value(b, 10), 18);
	assert_int_equal(ask_bytes(b, PIN, GET, (const uint32_t[]){ 0, ALL | 1 << 8 }, 8, 31), OK);
	assert_int_equal(value(b, 1), 3u << 24 | 1);
	assert_int_equal(value(b, 2), 10);
	assert_int_equal(ASK(b, PIN, GET, 0, ALL | 9 << 8), OK);
	assert_int_equal(value(b, 1), 0);
	assert_int_equal(ASK(b, PIN, SET, 0, 0, PAIRS(1), VIO_SCMI_PIN_DEFAULT, 0), OK);
	(void)setting(b, 0, 10, NOTSUP);
	sim_end(&s);
}

/* Two agents, one that may only look at a pin; who has a pin has it alone, until it goes. */
static void test_two_agents(void **state)
{
	struct sim one, two;

	(void)state;
	file_is(PINS
		"agents:\n"
		"  - { name: one, pins: [p3, p2, p1, p0], pin-groups: [cd, ab], pin-functions: "
		"[gpio, i2c] }\n"
		"  - { name: two, pins: [p2, p3, p0], pin-groups: [cd], pin-functions: [i2c],\n"
		"      read-only: [p0] }\n");
	sim_init(&one, path, "one");
	sim_init(&two, path, "two");
	assert_int_equal(ASK0(&two.b, PIN, 1), OK);
	assert_int_equal(value(&two.b, 0), 1 << 16 | 3);
	assert_int_equal(value(&two.b, 1), 1);
	assert_int_equal(ASK(&two.b, PIN, LIST, 0, 2, 0), OK);
	assert_int_equal(value(&two.b, 0), 1); /* the function's other group is not there for it */
	assert_int_equal(ASK(&one.b, PIN, LIST, 0, 1, 0), OK);
	assert_int_equal(value(&one.b, 1), 0 << 16 | 1); /* p2, p3 by its own numbers */
	assert_int_equal(ASK(&two.b, PIN, REQUEST, 2, 0), DENIED);
	assert_int_equal(ASK(&one.b, PIN, REQUEST, 0, 0), OK); /* p3 */
	assert_int_equal(ASK(&one.b, PIN, REQUEST, 0, 0), OK);
	assert_int_equal(ASK(&two.b, PIN, REQUEST, 1, 0), VIO_SCMI_IN_USE);
	assert_int_equal(ASK(&two.b, PIN, REQUEST, 0, 1), VIO_SCMI_IN_USE);
	assert_int_equal(ASK(&two.b, PIN, REQUEST, 0, 0), OK); /* p2: the group took nothing */
	assert_int_equal(ASK(&two.b, PIN, RELEASE, 1, 0), DENIED);
	assert_int_equal(ASK(&two.b, PIN, SET, 0, 0, FUNCTION | IS_GROUP), DENIED);
	assert_int_equal(ASK(&two.b, PIN, SET, 1, 0, PAIRS(1), 10, 3), DENIED);
	assert_int_equal(ASK(&one.b, PIN, SET, 0, 1, FUNCTION | PAIRS(1), 10, 3), OK);
	assert_int_equal(setting(&two.b, 1, 10, OK), 3); /* it may look */
	assert_int_equal(function(&two.b, 1, 0), 0);	 /* "i2c", its own number */
	sim_end(&one);
	assert_int_equal(ASK(&two.b, PIN, REQUEST, 1, 0), OK);
	assert_int_equal(setting(&two.b, 1, 10, OK), 3); /* what was set stays */
	assert_int_equal(ASK(&two.b, PIN, SET, 0, 0, FUNCTION | IS_GROUP), OK);
	assert_int_equal(ASK(&two.b, PIN, RELEASE, 0, 1), OK);
	assert_int_equal(ASK(&two.b, PIN, RELEASE, 0, 1), OK);
	sim_end(&two);
}

static void test_wrong_files(void **state)
{
	static const struct {
		const char *text, *says;
	} t[] = {
		{ "pin-groups:\n  - { name: g, pins: [x] }\n", "has a pin that is not in pins" },
		{ "pin-groups:\n  - { name: g, pins: [] }\n", ":2: " },
		{ "pin-groups:\n  - { name: g }\n", "pins" },
		{ "pin-functions:\n  - { name: f, groups: [x] }\n",
		  "a group that is not in pin-groups" },
		{ "pins:\n  - { name: p, pull: up }\n", "Unexpected key: pull" },
		{ "pins:\n  - { name: p }\n  - { name: p }\n", "pins 'p': is there twice" },
		{ PINS "agents:\n  - { name: a, pins: [p0], pin-groups: [ab] }\n",
		  "pin-groups 'ab': has a pin that this agent does not have" },
		{ PINS "agents:\n  - { name: a, pins: [p0], pin-functions: [i2c] }\n",
		  "pin-functions 'i2c': has no group that this agent has" },
		{ PINS "agents:\n  - { name: a, pins: [p9] }\n", "there is no 'p9' in pins" },
	};
	size_t k;

	(void)state;
	for (k = 0; k < sizeof(t) / sizeof(t[0]); k++) {
		file_refused(t[k].text, t[k].says);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_there_is), cmocka_unit_test(test_a_long_list),
		cmocka_unit_test(test_settings),      cmocka_unit_test(test_settings_are_kept),
		cmocka_unit_test(test_two_agents),    cmocka_unit_test(test_wrong_files),
	};

	return cmocka_run_group_tests(tests, file_made, file_gone);
}
