/* SPDX-License-Identifier: BSD-3-Clause */
/* t_scmi.c - the SCMI device: each protocol's messages, and every way to refuse one */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scmi_bed.h"

#define OK     VIO_SCMI_SUCCESS
#define NOTSUP VIO_SCMI_NOT_SUPPORTED
#define PARAM  VIO_SCMI_INVALID_PARAMETERS
#define DENIED VIO_SCMI_DENIED
#define NOTF   VIO_SCMI_NOT_FOUND
#define RANGE  VIO_SCMI_OUT_OF_RANGE
#define PROTO  VIO_SCMI_PROTOCOL_ERROR

#define BASE  VIO_SCMI_BASE
#define POWER VIO_SCMI_POWER
#define SYS   VIO_SCMI_SYSTEM
#define PERF  VIO_SCMI_PERF
#define CLOCK VIO_SCMI_CLOCK
#define SENS  VIO_SCMI_SENSOR
#define RST   VIO_SCMI_RESET
#define VOLT  VIO_SCMI_VOLTAGE
#define PIN   VIO_SCMI_PINCTRL

#define OFF	VIO_SCMI_POWER_OFF
#define NOTIFY	1u /* a switch of notifications */
#define HOST	2u /* asks the host */
#define NO_ROOM 4u /* its answer is a status alone */

/* Every command, with parameters that are right, and where in them the resource is. */
static const struct {
	uint8_t proto, msg, n, res; /* res: counted from 1 */
	uint8_t rights, flags;
	uint32_t p[5];
} command[] = {
	{ BASE, 0x3, 0, 0, 0, 0, { 0 } },
	{ BASE, 0x4, 0, 0, 0, 0, { 0 } },
	{ BASE, 0x5, 0, 0, 0, 0, { 0 } },
	{ BASE, 0x6, 1, 0, 0, 0, { 0 } },
	{ BASE, 0x7, 1, 0, 0, 0, { 1 } },
	{ BASE, 0xb, 2, 0, 0, NO_ROOM, { 1, 0 } },
	{ POWER, 0x3, 1, 1, 0, 0, { 0 } },
	{ POWER, 0x4, 3, 2, VIO_SCMI_MAY_STATE, HOST | NO_ROOM, { 0, 0, OFF } },
	{ POWER, 0x5, 1, 1, 0, HOST, { 0 } },
	{ POWER, 0x6, 2, 1, 0, NOTIFY | NO_ROOM, { 0, 1 } },
	{ POWER, 0x8, 1, 1, 0, 0, { 0 } },
	{ SYS, 0x3, 2, 0, 0, HOST | NO_ROOM, { 0, 0 } },
	{ SYS, 0x4, 0, 0, 0, HOST, { 0 } },
	{ SYS, 0x5, 1, 0, 0, NOTIFY | NO_ROOM, { 1 } },
	{ PERF, 0x3, 1, 1, 0, 0, { 0 } },
	{ PERF, 0x4, 2, 1, 0, 0, { 0, 0 } },
	{ PERF, 0x5, 3, 1, VIO_SCMI_MAY_STATE, HOST | NO_ROOM, { 0, 1500000, 500000 } },
	{ PERF, 0x6, 1, 1, 0, HOST, { 0 } },
	{ PERF, 0x7, 2, 1, VIO_SCMI_MAY_VALUE, HOST | NO_ROOM, { 0, 1000000 } },
	{ PERF, 0x8, 1, 1, 0, HOST, { 0 } },
	{ PERF, 0x9, 2, 1, 0, NOTIFY | NO_ROOM, { 0, 1 } },
	{ PERF, 0xa, 2, 1, 0, NOTIFY | NO_ROOM, { 0, 1 } },
	{ PERF, 0xc, 1, 1, 0, 0, { 0 } },
	{ CLOCK, 0x3, 1, 1, 0, HOST, { 0 } },
	{ CLOCK, 0x4, 2, 1, 0, 0, { 0, 0 } },
	{ CLOCK, 0x5, 4, 2, VIO_SCMI_MAY_VALUE, HOST | NO_ROOM, { 0, 0, 48000000, 0 } },
	{ CLOCK, 0x6, 1, 1, 0, HOST, { 0 } },
	{ CLOCK, 0x7, 3, 1, VIO_SCMI_MAY_STATE, HOST | NO_ROOM, { 0, 1, 0 } },
	{ CLOCK, 0x8, 1, 1, 0, 0, { 0 } },
	{ CLOCK, 0x9, 2, 1, 0, NOTIFY | NO_ROOM, { 0, 1 } },
	{ CLOCK, 0xb, 2, 1, 0, HOST, { 0, 0 } },
	{ CLOCK, 0xc, 2, 1, 0, 0, { 0, 0 } },
	{ CLOCK, 0xd, 2, 1, VIO_SCMI_MAY_PARENT, HOST | NO_ROOM, { 0, 1 } },
	{ CLOCK, 0xe, 1, 1, 0, HOST, { 0 } },
	{ CLOCK, 0xf, 1, 1, 0, 0, { 0 } },
	{ SENS, 0x3, 1, 0, 0, 0, { 0 } },
	{ SENS, 0x4, 2, 1, 0, NOTIFY | NO_ROOM, { 0, 1 } },
	{ SENS, 0x5, 4, 1, VIO_SCMI_MAY_VALUE, HOST | NO_ROOM, { 0, 3, 50000, 0 } },
	{ SENS, 0x6, 2, 1, 0, HOST, { 0, 0 } },
	{ SENS, 0x9, 1, 1, 0, HOST, { 0 } },
	{ SENS, 0xa, 2, 1, VIO_SCMI_MAY_VALUE, HOST | NO_ROOM, { 0, 1 } },
	{ SENS, 0xb, 2, 1, 0, NOTIFY | NO_ROOM, { 0, 1 } },
	{ SENS, 0xc, 1, 1, 0, 0, { 0 } },
	{ RST, 0x3, 1, 1, 0, 0, { 0 } },
	{ RST, 0x4, 3, 1, VIO_SCMI_MAY_STATE, HOST | NO_ROOM, { 0, 1, 0 } },
	{ RST, 0x5, 2, 1, 0, NOTIFY | NO_ROOM, { 0, 1 } },
	{ RST, 0x6, 1, 1, 0, 0, { 0 } },
	{ VOLT, 0x3, 1, 1, 0, 0, { 0 } },
	{ VOLT, 0x4, 2, 1, 0, 0, { 0, 0 } },
	{ VOLT, 0x5, 2, 1, VIO_SCMI_MAY_STATE, HOST | NO_ROOM, { 0, 7 } },
	{ VOLT, 0x6, 1, 1, 0, HOST, { 0 } },
	{ VOLT, 0x7, 3, 1, VIO_SCMI_MAY_VALUE, HOST | NO_ROOM, { 0, 0, 600000 } },
	{ VOLT, 0x8, 1, 1, 0, HOST, { 0 } },
	{ VOLT, 0x9, 1, 1, 0, 0, { 0 } },
	{ PIN, 0x3, 2, 1, 0, 0, { 0, 0 } },
	{ PIN, 0x4, 3, 1, 0, 0, { 0, 1, 0 } },
	{ PIN, 0x5, 2, 1, 0, HOST, { 0, 10 } },
	{ PIN, 0x6, 3, 1, VIO_SCMI_MAY_VALUE, HOST | NO_ROOM, { 0, 1, 1 << 10 } },
	{ PIN, 0x6, 5, 1, VIO_SCMI_MAY_VALUE, HOST | NO_ROOM, { 0, 0, 1 << 2, 10, 1 } },
	{ PIN, 0x7, 2, 1, VIO_SCMI_MAY_STATE, HOST | NO_ROOM, { 0, 0 } },
	{ PIN, 0x8, 2, 1, VIO_SCMI_MAY_STATE, HOST | NO_ROOM, { 0, 0 } },
	{ PIN, 0x9, 2, 1, 0, 0, { 0, 2 } },
};
#define COMMANDS (sizeof(command) / sizeof(command[0]))

/* The default tree, and a clock that has parents */
static const uint16_t fed_by[] = { 1, 2 };
static struct vio_scmi_clock clocks[3];

static void init(struct bed *b, uint64_t want)
{
	bed_init(b, want);
	memcpy(clocks, b->f.tree.clock, sizeof(clocks));
	clocks[0].parent = fed_by;
	clocks[0].nparent = 2;
	b->f.tree.clock = clocks;
}

static int32_t again(struct bed *b, size_t k, const uint32_t *p)
{
	return ask_bytes(b, command[k].proto, command[k].msg, p, command[k].n * 4u, 136);
}

static void test_all_commands(void **state)
{
	struct bed b;
	size_t k;

	(void)state;
	init(&b, P2A);
	for (k = 0; k < COMMANDS; k++) {
		b.f.calls = 0;
		assert_int_equal(again(&b, k, command[k].p), OK);
		assert_int_equal(b.f.calls, (command[k].flags & HOST) != 0);
		assert_int_equal(b.r.len == 8, (command[k].flags & NO_ROOM) != 0);
		assert_int_equal(ASK(&b, command[k].proto, 2, command[k].msg), OK);
	}
	bed_end(&b);
}

/* Without eventq no notification can be switched, and none is shown to exist. */
static void test_without_eventq(void **state)
{
	struct bed b;
	size_t k;

	(void)state;
	init(&b, 0);
	for (k = 0; k < COMMANDS; k++) {
		int32_t gone = command[k].flags & NOTIFY ? NOTSUP : OK;

		if (command[k].proto == SENS && command[k].msg == 5) {
			gone = NOTSUP;
		}
		assert_int_equal(again(&b, k, command[k].p), gone);
		if (command[k].flags & NOTIFY) {
			assert_int_equal(ASK(&b, command[k].proto, 2, command[k].msg), NOTF);
		}
	}
	assert_int_equal(ASK(&b, CLOCK, 3, 0), OK);
	assert_int_equal(value(&b, 0) >> 30, 0);
	assert_int_equal(ASK(&b, RST, 3, 0), OK);
	assert_int_equal(value(&b, 0) >> 30, 0);
	assert_int_equal(ASK(&b, PERF, 3, 0), OK);
	assert_int_equal((value(&b, 0) >> 28) & 3u, 0);
	assert_int_equal(ASK(&b, POWER, 3, 0), OK);
	assert_int_equal(value(&b, 0) >> 31, 0);
	assert_int_equal(ASK(&b, SENS, 3, 0), OK);
	assert_int_equal(value(&b, 2) & 0x400000ffu, 0);
	bed_end(&b);
}

/* Every other length of every command: refused, and nothing reaches the host. */
static void test_wrong_lengths(void **state)
{
	static const uint32_t zero[64];
	struct bed b;
	uint32_t bytes;
	size_t k;

	(void)state;
	init(&b, P2A);
	for (k = 0; k < COMMANDS; k++) {
		for (bytes = 0; bytes <= 140; bytes++) {
			if (bytes != command[k].n * 4u) {
				/* settings of a pin: none at all has its own length */
				assert_int_equal(ask_bytes(&b, command[k].proto, command[k].msg,
							   zero, bytes, 136),
						 command[k].proto == PIN && command[k].msg == 6 &&
								 bytes == 12
							 ? PARAM
							 : PROTO);
			}
		}
	}
	for (bytes = 1; bytes <= 8; bytes++) {
		assert_int_equal(ask_bytes(&b, CLOCK, 0, zero, bytes, 136), PROTO);
		assert_int_equal(ask_bytes(&b, CLOCK, 1, zero, bytes, 136), PROTO);
		assert_int_equal(ask_bytes(&b, CLOCK, 2, zero, bytes, 136),
				 bytes == 4 ? OK : PROTO);
	}
	assert_int_equal(b.f.calls, 0);
	bed_end(&b);
}

/* An answer for which there is no room is not begun, and nothing is written beyond what there is. */
static void test_no_room(void **state)
{
	struct bed b;
	uint32_t in, hdr, right;
	size_t k;

	(void)state;
	init(&b, P2A);
	for (k = 0; k < COMMANDS; k++) {
		assert_int_equal(again(&b, k, command[k].p), OK);
		right = b.r.len;
		if (command[k].proto == SENS && command[k].msg == 3) {
			right = 8 + 4 + 13 * 4; /* fewer at a time, but at least the first */
		} else if (command[k].proto == CLOCK && command[k].msg == 4) {
			right = 8 + 4 + 8;
		} else if (command[k].proto == BASE && command[k].msg == 6) {
			right = 8 + 4 + 4;
		} else if (command[k].msg == 4 && command[k].proto == PERF) {
			right = 8 + 4 + 20;
		} else if (command[k].msg == 0xc && command[k].proto == CLOCK) {
			right = 8 + 4 + 4;
		}
		for (in = 8; in < right; in++) {
			b.f.calls = 0;
			assert_int_equal(ask_bytes(&b, command[k].proto, command[k].msg,
						   command[k].p, command[k].n * 4u, in),
					 PROTO);
			assert_int_equal(b.f.calls, 0);
		}
		assert_int_equal(ask_bytes(&b, command[k].proto, command[k].msg, command[k].p,
					   command[k].n * 4u, right),
				 OK);
	}
	/* not even a status */
	b.f.calls = 0;
	hdr = vio_le32(VIO_SCMI_HDR(CLOCK, 0, 6));
	for (in = 0; in < 8; in++) {
		uint32_t out[2] = { hdr, 0 };

		rig_do(&b.g, CMD, &b.r, out, 8, in);
		assert_true(b.r.back);
		assert_int_equal(b.r.len, 0);
	}
	/* not even a header */
	for (in = 1; in < 4; in++) {
		rig_do(&b.g, CMD, &b.r, &hdr, in, 64);
		assert_true(b.r.back);
		assert_int_equal(b.r.len, 0);
	}
	assert_int_equal(b.f.calls, 0);
	bed_end(&b);
}

static void test_not_there(void **state)
{
	static const uint32_t id[] = { 3, 0x100, 0xffff, 0x10000, 0x80000000u, 0xffffffffu };
	struct bed b;
	uint32_t p[5], n;
	size_t k;

	(void)state;
	init(&b, P2A);
	for (k = 0; k < COMMANDS; k++) {
		for (n = 0; n < 6 && command[k].res; n++) {
			memcpy(p, command[k].p, sizeof(p));
			p[command[k].res - 1u] = id[n];
			assert_int_equal(again(&b, k, p), NOTF);
		}
	}
	assert_int_equal(b.f.calls, 0);
	/* protocols that are not there, and messages */
	assert_int_equal(ASK0(&b, 0x18, 0), NOTSUP);
	assert_int_equal(ASK0(&b, 0x1a, 0), NOTSUP);
	assert_int_equal(ASK0(&b, 0, 0), NOTSUP);
	assert_int_equal(ASK0(&b, 0xff, 0), NOTSUP);
	assert_int_equal(ASK0(&b, CLOCK, 0xa), NOTSUP);
	assert_int_equal(ASK0(&b, CLOCK, 0xff), NOTSUP);
	assert_int_equal(ASK(&b, CLOCK, 2, 0xa), NOTF);
	assert_int_equal(ASK(&b, CLOCK, 2, 0x105), NOTF);
	assert_int_equal(ASK(&b, CLOCK, 2, 0xffffffffu), NOTF);
	b.f.tree.nclock = 0;
	assert_int_equal(ASK0(&b, CLOCK, 0), NOTSUP);
	b.f.tree.npin = 0;
	assert_int_equal(ASK0(&b, PIN, 0), NOTSUP);
	b.f.tree.system = 0;
	assert_int_equal(ASK0(&b, SYS, 0), NOTSUP);
	bed_end(&b);
}

/* The second of each kind is only for looking at: clock "slow", sensor 2, power "always-on" of the default tree. */
static void test_no_right(void **state)
{
	struct vio_scmi_volt volts[2];
	struct vio_scmi_reset resets[2];
	struct vio_scmi_perf perfs[1];
	struct bed b;
	uint32_t p[5];
	size_t k;

	(void)state;
	init(&b, P2A);
	memcpy(volts, b.f.tree.volt, sizeof(volts));
	memcpy(resets, b.f.tree.reset, sizeof(resets));
	memcpy(perfs, b.f.tree.perf, sizeof(perfs));
	volts[0].r.rights = resets[0].r.rights = perfs[0].r.rights = 0;
	b.f.tree.volt = volts;
	b.f.tree.reset = resets;
	b.f.tree.perf = perfs;
	for (k = 0; k < COMMANDS; k++) {
		if (command[k].rights) {
			memcpy(p, command[k].p, sizeof(p));
			p[command[k].res - 1u] = command[k].proto == CLOCK ||
								 command[k].proto == SENS ||
								 command[k].proto == PIN
							 ? 2
						 : command[k].proto == POWER ? 1
									     : 0;
			assert_int_equal(again(&b, k, p), DENIED);
		}
	}
	assert_int_equal(ASK(&b, SYS, 3, 0, VIO_SCMI_SYSTEM_SUSPEND), NOTSUP);
	assert_int_equal(b.f.calls, 0);
	assert_int_equal(ASK(&b, CLOCK, 0xf, 2), OK);
	assert_int_equal(value(&b, 0), 0);
	assert_int_equal(ASK(&b, CLOCK, 0xf, 0), OK);
	assert_int_equal(value(&b, 0), 7u << 29);
	assert_int_equal(ASK(&b, PERF, 3, 0), OK);
	assert_int_equal(value(&b, 0) >> 30, 0);
	bed_end(&b);
}

static void test_wrong_headers(void **state)
{
	static const uint32_t bad[] = { 1u << 8, 2u << 8, 3u << 8, 1u << 28, 1u << 31 };
	struct bed b;
	uint32_t out, n;

	(void)state;
	init(&b, P2A);
	for (n = 0; n < 5; n++) {
		uint32_t hdr = VIO_SCMI_HDR(BASE, 0, 0) | bad[n];

		out = vio_le32(hdr);
		rig_do(&b.g, CMD, &b.r, &out, 4, 64);
		assert_int_equal(status_of(&b.r, hdr), PROTO);
	}
	bed_end(&b);
}

static void test_wrong_parameters(void **state)
{
	static const struct {
		uint8_t proto, msg, n;
		int8_t want;
		uint32_t p[4];
	} t[] = {
		{ BASE, 0x6, 1, PARAM, { 9 } },
		{ BASE, 0x6, 1, PARAM, { 0xffffffffu } },
		{ BASE, 0x7, 1, NOTF, { 2 } },
		{ BASE, 0xb, 2, NOTF, { 2, 0 } },
		{ BASE, 0xb, 2, PARAM, { 0, 0 } },
		{ BASE, 0xb, 2, PARAM, { 1, 2 } },
		{ CLOCK, 0x10, 1, NOTSUP, { 0x20000 } },
		{ CLOCK, 0x10, 1, OK, { 0x30000 } },
		{ CLOCK, 0x4, 2, RANGE, { 0, 4 } },
		{ CLOCK, 0x4, 2, RANGE, { 1, 1 } }, /* a range is told as a whole */
		{ CLOCK, 0x4, 2, RANGE, { 0, 0xffffffffu } },
		{ CLOCK, 0x5, 4, NOTSUP, { 1, 0, 48000000, 0 } },
		{ CLOCK, 0x5, 4, PARAM, { 16, 0, 48000000, 0 } },
		{ CLOCK, 0x5, 4, PARAM, { 0, 0, 23999999, 0 } }, /* nothing below */
		{ CLOCK, 0x5, 4, PARAM, { 4, 0, 96000001, 0 } }, /* nothing above */
		{ CLOCK, 0x5, 4, PARAM, { 4, 0, 0, 1 } },
		{ CLOCK, 0x7, 3, PARAM, { 0, 2, 0 } },
		{ CLOCK, 0x7, 3, PARAM, { 0, 3, 0 } },
		{ CLOCK, 0x7, 3, PARAM, { 0, 5, 0 } },
		{ CLOCK, 0x7, 3, PARAM, { 0, 0x10001, 0 } },
		{ CLOCK, 0x9, 2, PARAM, { 0, 2 } },
		{ CLOCK, 0xb, 2, PARAM, { 0, 1 } },
		{ CLOCK, 0xb, 2, PARAM, { 0, 0x100 } },
		{ CLOCK, 0xc, 2, NOTSUP, { 1, 0 } },
		{ CLOCK, 0xc, 2, RANGE, { 0, 3 } },
		{ CLOCK, 0xd, 2, NOTSUP, { 1, 0 } },
		{ CLOCK, 0xd, 2, PARAM, { 0, 0 } },
		{ CLOCK, 0xd, 2, NOTF, { 0, 3 } },
		{ CLOCK, 0xe, 1, NOTSUP, { 1 } },
		{ SENS, 0x3, 1, PARAM, { 3 } },
		{ SENS, 0x3, 1, PARAM, { 0xffffffffu } },
		{ SENS, 0x5, 4, PARAM, { 0, 3 | 2 << 4, 0, 0 } },
		{ SENS, 0x5, 4, PARAM, { 0, 3 | 1 << 12, 0, 0 } },
		{ SENS, 0x5, 4, PARAM, { 0, 4, 0, 0 } },
		{ SENS, 0x5, 4, NOTSUP, { 1, 3, 0, 0 } },
		{ SENS, 0x6, 2, NOTSUP, { 0, 1 } },
		{ SENS, 0x6, 2, PARAM, { 0, 2 } },
		{ SENS, 0xa, 2, PARAM, { 1, 3 } }, /* a time, of a sensor that has none */
		{ SENS, 0xa, 2, PARAM, { 0, 4 } },
		{ RST, 0x4, 3, NOTSUP, { 0, 5, 0 } },
		{ RST, 0x4, 3, PARAM, { 0, 8, 0 } },
		{ RST, 0x4, 3, PARAM, { 0, 1, 1 } },
		{ RST, 0x4, 3, PARAM, { 0, 1, 0x80000000u } },
		{ POWER, 0x4, 3, NOTSUP, { 1, 0, 0 } },
		{ POWER, 0x4, 3, PARAM, { 2, 0, 0 } },
		{ POWER, 0x4, 3, PARAM, { 0, 0, 1 } },
		{ SYS, 0x3, 2, PARAM, { 2, 0 } },
		{ SYS, 0x3, 2, PARAM, { 0, 5 } },
		{ SYS, 0x3, 2, PARAM, { 0, 0x7fffffff } },
		{ SYS, 0x3, 2, NOTSUP, { 0, 0x80000000u } },
		{ PERF, 0x4, 2, RANGE, { 0, 4 } },
		{ PERF, 0x5, 3, RANGE, { 0, 1500001, 500000 } },
		{ PERF, 0x5, 3, RANGE, { 0, 1500000, 499999 } },
		{ PERF, 0x5, 3, PARAM, { 0, 500000, 1500000 } },
		{ PERF, 0x7, 2, RANGE, { 0, 499999 } },
		{ PERF, 0x7, 2, RANGE, { 0, 1500001 } },
		{ VOLT, 0x4, 2, RANGE, { 0, 1 } },
		{ VOLT, 0x4, 2, RANGE, { 1, 3 } },
		{ VOLT, 0x5, 2, PARAM, { 0, 1 } },
		{ VOLT, 0x5, 2, PARAM, { 0, 0x10 } },
		{ VOLT, 0x5, 2, NOTSUP, { 0, 8 } },
		{ VOLT, 0x7, 3, NOTSUP, { 0, 1, 600000 } },
		{ VOLT, 0x7, 3, PARAM, { 0, 2, 600000 } },
		{ VOLT, 0x7, 3, PARAM, { 0, 0, 599999 } },
		{ VOLT, 0x7, 3, PARAM, { 0, 0, 1200001 } },
		{ VOLT, 0x7, 3, PARAM, { 0, 0, (uint32_t)-600000 } },
		{ VOLT, 0x7, 3, PARAM, { 0, 0, 600001 } },
		{ VOLT, 0x7, 3, PARAM, { 1, 0, 2500000 } },
		{ PIN, 0x10, 1, OK, { 0x10000 } },
		{ PIN, 0x3, 2, PARAM, { 0, 3 } },
		{ PIN, 0x3, 2, PARAM, { 0, 4 } },
		{ PIN, 0x3, 2, NOTF, { 2, 1 } }, /* there is a pin of this number, and no group */
		{ PIN, 0x3, 2, NOTF, { 2, 2 } },
		{ PIN, 0x4, 3, PARAM, { 0, 0, 0 } }, /* a pin is not made of anything */
		{ PIN, 0x4, 3, RANGE, { 0, 1, 3 } },
		{ PIN, 0x4, 3, RANGE, { 0, 1, 0xffffffffu } },
		{ PIN, 0x4, 3, NOTF, { 2, 1, 0 } },
		{ PIN, 0x5, 2, PARAM, { 0, 2 << 16 } }, /* a function has no settings */
		{ PIN, 0x5, 2, PARAM, { 0, 3 << 18 } },
		{ PIN, 0x5, 2, PARAM, { 0, 1 << 20 } },
		{ PIN, 0x5, 2, NOTF, { 2, 1 << 16 } },
		{ PIN, 0x6, 3, PARAM, { 0, 0, 0 } }, /* nothing to set */
		{ PIN, 0x6, 3, PARAM, { 0, 0, 1 << 10 | 1 << 11 } },
		{ PIN, 0x6, 3, PARAM, { 0, 0, 1 << 10 | 2 } },
		{ PIN, 0x6, 3, NOTF, { 0, 2, 1 << 10 } }, /* no such function */
		{ PIN, 0x6, 3, NOTF, { 0, 0xffffffffu, 1 << 10 } },
		{ PIN, 0x6, 3, NOTF, { 2, 0, 1 << 10 | 1 } },
		{ PIN, 0x6, 3, DENIED, { 1, 1, 1 << 10 | 1 } },
		{ PIN, 0x6, 3, PROTO, { 0, 0, 1 << 2 } }, /* says one pair more than there is */
		{ PIN, 0x6, 3, PROTO, { 0, 0, 0xff << 2 } },
		{ PIN, 0x7, 2, PARAM, { 0, 2 } },
		{ PIN, 0x7, 2, DENIED, { 1, 1 } },
		{ PIN, 0x8, 2, PARAM, { 0, 3 } },
		{ PIN, 0x9, 2, PARAM, { 0, 3 } },
		{ PIN, 0xa, 3, NOTF, { 1, 3, 0 } },
		{ PIN, 0xa, 3, NOTF, { 2, 0, 0 } },
		{ PIN, 0xa, 3, PARAM, { 1, 0, 3 } },
		{ PIN, 0xa, 3, DENIED, { 1, 0, 0 } },
	};
	struct bed b;
	size_t k;

	(void)state;
	init(&b, P2A);
	for (k = 0; k < sizeof(t) / sizeof(t[0]); k++) {
		assert_int_equal(ask_bytes(&b, t[k].proto, t[k].msg, t[k].p, t[k].n * 4u, 136),
				 t[k].want);
		assert_int_equal(b.f.calls, 0);
	}
	bed_end(&b);
}

static void test_host_errors(void **state)
{
	static const struct {
		int rc;
		int32_t want;
	} t[] = {
		{ VIO_E_IO, VIO_SCMI_HARDWARE_ERROR },	{ VIO_E_NOTSUP, NOTSUP },
		{ VIO_E_AGAIN, VIO_SCMI_BUSY },		{ VIO_E_ARG, RANGE },
		{ VIO_E_RING, VIO_SCMI_GENERIC_ERROR },
	};
	struct bed b;
	size_t k, n;

	(void)state;
	init(&b, P2A);
	for (n = 0; n < sizeof(t) / sizeof(t[0]); n++) {
		b.f.rc = t[n].rc;
		for (k = 0; k < COMMANDS; k++) {
			int32_t want = command[k].flags & HOST ? t[n].want : OK;

			if (t[n].rc == VIO_E_AGAIN && command[k].proto == PIN &&
			    command[k].rights) {
				want = command[k].msg == 7 ? VIO_SCMI_IN_USE : DENIED;
			}
			assert_int_equal(again(&b, k, command[k].p), want);
		}
	}
	bed_end(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_commands),  cmocka_unit_test(test_without_eventq),
		cmocka_unit_test(test_wrong_lengths), cmocka_unit_test(test_no_room),
		cmocka_unit_test(test_not_there),     cmocka_unit_test(test_no_right),
		cmocka_unit_test(test_wrong_headers), cmocka_unit_test(test_wrong_parameters),
		cmocka_unit_test(test_host_errors),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	rig_packed = true;
	return failed + cmocka_run_group_tests(tests, NULL, NULL);
}
