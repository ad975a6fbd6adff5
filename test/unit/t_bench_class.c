/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * t_bench_class.c - `stratos bench` of the classes whose load keeps state, against back-ends that are broken in one way
 *
 * The device behind a broken back-end (test/conform/bent.h) is one of ours on its simulated host. Each load passes
 * there when nothing is broken, and says what is wrong when something is. STRATOS names the program.
 */
#define _GNU_SOURCE
#include "bench_bed.h"
#include <string.h>
#include "test/conform/bent.h"
#include "vio/spec/can.h"

#define SOUND 50u /* requests that every back-end serves well, those before the load too */

static bool late(const struct bent_req *r)
{
	return r->n >= SOUND;
}

/* ---- what every class must notice ---- */

static void loses(struct bent_req *r)
{
	r->lost = r->n == SOUND;
}

static void loses_first(struct bent_req *r)
{
	r->lost = r->n == 0;
}

static void less(struct bent_req *r)
{
	r->len -= late(r) && r->len > 0 ? 1u : 0u;
}

/* ---- rtc ---- */

static bool is_reading(const struct bent_req *r)
{
	return late(r) && r->out[0] == 1 && r->out[1] == 0;
}

static void rtc_status(struct bent_req *r)
{
	r->in[0] = is_reading(r) ? 5 : r->in[0];
}

static void rtc_no_status(struct bent_req *r)
{
	r->in[0] = is_reading(r) ? 0xee : r->in[0];
}

static void rtc_no_reading(struct bent_req *r)
{
	memset(r->in + 8, is_reading(r) ? 0xee : r->in[8], is_reading(r) ? 8 : 1);
}

static void rtc_back(struct bent_req *r)
{
	if (is_reading(r) && r->n % 2u) {
		memset(r->in + 8, 0, 8);
	}
}

static void rtc_no_clock(struct bent_req *r)
{
	r->in[8] = r->n == 0 ? 0 : r->in[8];
}

/* ---- spi ---- */

static void spi_error(struct bent_req *r)
{
	r->in[r->in_len - 1u] = late(r) ? 2 : 0;
}

static void spi_no_result(struct bent_req *r)
{
	r->in[r->in_len - 1u] = late(r) ? 0xee : 0;
}

static void spi_wrong(struct bent_req *r)
{
	r->in[10] ^= late(r) ? 1 : 0;
}

static void spi_no_data(struct bent_req *r)
{
	for (uint32_t i = 16; late(r) && i + 1u < r->in_len; i++) {
		r->in[i] = r->out[32u + i] ^ 0xffu;
	}
}

static void spi_sent(struct bent_req *r)
{
	r->out[40] ^= late(r) ? 1 : 0; /* BENT_OUT_BACK takes it to the driver */
}

static void spi_no_loop(uint8_t *config, uint32_t len)
{
	config[8] &= len > 8 ? 0xbf : 0xff;
}

static void spi_words(uint8_t *config, uint32_t len)
{
	config[4] &= len > 4 ? 0x7f : 0xff;
}

/* ---- scmi ---- */

static void scmi_token(struct bent_req *r)
{
	r->in[2] ^= late(r) ? 4 : 0;
}

static void scmi_header(struct bent_req *r)
{
	r->in[0] ^= late(r) ? 1 : 0;
}

static void scmi_status(struct bent_req *r)
{
	if (late(r)) {
		memset(r->in + 4, 0xff, 4);
	}
}

static void scmi_nothing(struct bent_req *r)
{
	memset(r->in, late(r) ? 0xee : r->in[0], late(r) ? 8 : 1);
}

static void scmi_value(struct bent_req *r)
{
	r->in[8] ^= late(r) ? 1 : 0;
}

static void scmi_no_value(struct bent_req *r)
{
	if (late(r)) {
		memset(r->in + 8, 0xee, r->len - 8u);
	}
}

static void scmi_never(struct bent_req *r)
{
	r->in[4] = 0xff;
}

static void scmi_warmer(struct bent_req *r)
{
	if (r->out[0] == 6 && r->out[1] == 0x54) { /* SENSOR_READING_GET */
		r->in[8] = (uint8_t)r->n;
	}
}

/* ---- can ---- */

static void can_refused(struct bent_req *r)
{
	r->in[0] = late(r) ? 1 : 0;
}

static void can_no_result(struct bent_req *r)
{
	r->in[0] = late(r) ? 0xee : 0;
}

static void can_odd(struct bent_req *r)
{
	r->in[0] = late(r) ? 7 : 0;
}

static void can_no_start(struct bent_req *r)
{
	r->in[0] = r->vq == VIO_CAN_CONTROLQ ? 1 : 0;
}

/* ---- watchdog ---- */

static void wd_status(struct bent_req *r)
{
	r->in[0] = late(r) ? 3 : 0;
}

static void wd_nothing(struct bent_req *r)
{
	r->in[0] = late(r) ? 0xee : 0;
}

static void wd_state(struct bent_req *r)
{
	r->in[1] = late(r) ? 2 : r->in[1]; /* no way out, and not running */
}

static void wd_action(struct bent_req *r)
{
	r->in[2] = late(r) ? 6 : r->in[2];
}

static void wd_left(struct bent_req *r)
{
	r->in[12] = late(r) ? 7 : r->in[12];
}

static void wd_running(struct bent_req *r)
{
	r->in[1] = 1;
	memcpy(r->in + 12, r->in + 4, 4);
}

/* ---- rpmb ---- */

#if HAVE_MBEDTLS
static void rpmb_type(struct bent_req *r)
{
	r->in[510] ^= late(r) ? 1 : 0;
}

static void rpmb_nothing(struct bent_req *r)
{
	r->in[510] = late(r) ? 0xee : r->in[510];
}

static void rpmb_result(struct bent_req *r)
{
	r->in[509] |= late(r) ? 1 : 0;
}

static void rpmb_nonce(struct bent_req *r)
{
	r->in[484] ^= late(r) ? 1 : 0;
}

static void rpmb_signature(struct bent_req *r)
{
	r->in[196] ^= late(r) ? 1 : 0;
}

static void rpmb_content(struct bent_req *r)
{
	r->in[228] ^= r->n < 5 && r->in[510] == 4 ? 1 : 0; /* the first reading is another */
}

static void rpmb_other_key(struct bent_req *r)
{
	r->out[196] ^= r->out_len == 1024 ? 1 : 0;
}

static void rpmb_no_program(struct bent_req *r)
{
	r->in[509] |= r->out_len == 1024 ? 5 : 0;
}
#endif

/* ---- the table ---- */

static const struct load {
	const char *dev, *device, *args;
	struct bend bend; /* nothing is wrong with it */
} loads[] = {
	{ "rtc", "rtc,host=sim", "", { 0 } },
	{ "rtc", "rtc,host=sim", "--address=0 --depth=1", { 0 } },
	{ "spi", "spi,host=sim", "", { 0 } },
	{ "spi", "spi,host=sim", "--address=1 --block-size=77", { .config = spi_no_loop } },
	{ "spi", "spi,host=sim", "--verify=status --ring=packed", { .answer = spi_wrong } },
	{ "scmi", "scmi,host=sim", "", { .answer = scmi_warmer } },
	{ "scmi", "scmi,host=sim", "--address=2 --event-idx", { 0 } },
	{ "can", "can,host=sim:rate=0", "", { 0 } },
	{ "can", "can,host=sim:rate=0", "--address=0", { .hide = VIO_CAN_F_CLASSIC } },
	{ "can", "can,host=sim:rate=0", "--block-size=64 --regions=5", { 0 } },
	{ "watchdog", "watchdog,host=sim", "", { 0 } },
	{ "watchdog", "watchdog,host=sim", "--indirect", { .answer = wd_running } },
#if HAVE_MBEDTLS
	{ "rpmb", "rpmb,host=sim", "--prepare", { 0 } },
	{ "rpmb", "rpmb,host=sim", "--prepare --verify=status", { .ask = rpmb_other_key } },
#endif
};

/* dev: NULL for all of them */
static const struct row {
	const char *dev, *args, *says;
	struct bend bend;
} rows[] = {
	{ NULL, "", "under way", { .answer = loses } },
	{ NULL, "", "reported as written, must be", { .answer = less } },
	{ NULL, "", ": the back-end ", { .flaw = BENT_TWICE } },
	{ NULL, "", ": the back-end returned ", { .flaw = BENT_LEN_ROOM } },
	{ NULL, "", ": the back-end returned ", { .flaw = BENT_ID } },
	{ "rtc", "", "the device does not answer", { .answer = loses_first } },
	{ "rtc", "", "status 5 of clock 2", { .answer = rtc_status } },
	{ "rtc", "", "the status byte was not written", { .answer = rtc_no_status } },
	{ "rtc", "", "the reading was not written", { .answer = rtc_no_reading } },
	{ "rtc", "", "clock 2 is monotonic, and went back by", { .answer = rtc_back } },
	{ "rtc", "", "reads the same clock and was first", { .flaw = BENT_ORDER } },
	{ "rtc", "", "the device has 0 clocks", { .answer = rtc_no_clock } },
	{ "rtc", "--address=4", "the device has 4 clocks", { 0 } },
	{ "spi", "", "result 2 (TRANS_ERR)", { .answer = spi_error } },
	{ "spi", "", "the result was not written", { .answer = spi_no_result } },
	{ "spi", "", "differ from byte 10 on: is this a loop?", { .answer = spi_wrong } },
	{ "spi", "", "differ from byte 16 on: it was not written", { .answer = spi_no_data } },
	{ "spi",
	  "",
	  "byte 8 of what was to be sent was changed",
	  { .flaw = BENT_OUT_BACK, .answer = spi_sent } },
	{ "spi", "", "the controller has no loop-back mode", { .config = spi_no_loop } },
	{ "spi", "--address=0", "is this a loop?", { .config = spi_no_loop } },
	{ "spi", "", "has no words of 8 bits", { .config = spi_words } },
	{ "spi", "--address=2", "the controller has 2 chip selects", { 0 } },
	{ "scmi", "", "version: the device does not answer", { .answer = loses_first } },
	{ "scmi", "", "reading: token", { .answer = scmi_token } },
	{ "scmi", "", "version: header 0x", { .answer = scmi_header } },
	{ "scmi", "", "rate: status -1", { .answer = scmi_status } },
	{ "scmi", "", "vendor: the answer was not written", { .answer = scmi_nothing } },
	{ "scmi",
	  "",
	  "rate: another answer than at first, from byte 8 on",
	  { .answer = scmi_value } },
	{ "scmi", "", "reading: no value was written", { .answer = scmi_no_value } },
	{ "scmi", "", "does not even tell", { .answer = scmi_never } },
	{ "scmi", "--address=9", "neither a clock nor a sensor 9", { 0 } },
	{ "can",
	  "",
	  "starting the controller: the device does not answer",
	  { .answer = loses_first } },
	{ "can", "", "the controller does not start: result 1", { .answer = can_no_start } },
	{ "can", "", "the frame was not sent (NOT_OK)", { .answer = can_refused } },
	{ "can", "", "the result was not written", { .answer = can_no_result } },
	{ "can", "", "result 7 does not exist", { .answer = can_odd } },
	{ "can", "--block-size=12", "the controller has no FD", { .hide = VIO_CAN_F_FD } },
	{ "can", "--block-size=9", "frames have 1 to 8, 12, 16", { 0 } },
	{ "watchdog", "", "status 3", { .answer = wd_status } },
	{ "watchdog", "", "the status byte was not written", { .answer = wd_nothing } },
	{ "watchdog", "", "state 0x02 does not exist", { .answer = wd_state } },
	{ "watchdog", "", "action 6 does not exist", { .answer = wd_action } },
	{ "watchdog", "", "7 ms are left, of 60000, and it is not running", { .answer = wd_left } },
#if HAVE_MBEDTLS
	{ "rpmb", "", "the write counter: the device does not answer", { .answer = loses_first } },
	{ "rpmb", "", "the write counter: an answer of type 0x0300", { .answer = rpmb_type } },
	{ "rpmb", "", "a read: the answer was not written", { .answer = rpmb_nothing } },
	{ "rpmb", "", "a read: result 0x0001", { .answer = rpmb_result } },
	{ "rpmb", "", "a read: the nonce is not that", { .answer = rpmb_nonce } },
	{ "rpmb", "", "the write counter: it is not signed", { .answer = rpmb_signature } },
	{ "rpmb", "", "a read: not what it was at first", { .answer = rpmb_content } },
	{ "rpmb", "", "the device has another key", { .ask = rpmb_other_key } },
	{ "rpmb", "", "programming the key: result 0x0005", { .answer = rpmb_no_program } },
	{ "rpmb", "--prepare=off", "the device has no key yet", { 0 } },
	{ "rpmb", "--address=512", "result 0x0004: --address chooses a block", { 0 } },
#endif
};

/* returns: exit code, its output in out */
static int bench(const struct load *l, const char *more, const struct bend *bend)
{
	char command[500], err[256] = "";
	struct bent *b = bent_start("sock", l->device, bend, err);
	int code;

	if (!b) {
		fail_msg("%s: %s", l->device, err);
	}
	snprintf(
		command, sizeof(command),
		"\"$STRATOS\" bench --attach=sock --dev=%s --count=400 --floor=off %s %s >out 2>&1",
		l->dev, l->args, more);
	code = shell(command);
	bent_stop(b);
	return code;
}

static void says(const char *dev, const char *text)
{
	char command[200];

	snprintf(command, sizeof(command), "grep -qF -e '%s' out || { cat out; exit 1; }", text);
	if (shell(command) != 0) {
		fail_msg("%s: must say \"%s\"", dev, text);
	}
}

static void sound(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(loads) / sizeof(loads[0]); i++) {
		if (bench(&loads[i], "", &loads[i].bend) != 0) {
			(void)shell("cat out");
			fail_msg("%s %s", loads[i].dev, loads[i].args);
		}
		says(loads[i].dev, "verified");
	}
}

static void broken(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(loads) / sizeof(loads[0]); i++) {
		const struct load *l = &loads[i];
		char args[100];

		if (i > 0 && strcmp(l->dev, loads[i - 1].dev) == 0) {
			continue; /* each class once */
		}
		for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
			if (rows[k].dev && strcmp(rows[k].dev, l->dev) != 0) {
				continue;
			}
			snprintf(args, sizeof(args), "--stall=0.5 %s", rows[k].args);
			if (bench(l, args, &rows[k].bend) != 1) {
				(void)shell("cat out");
				fail_msg("%s: row %zu is not noticed", l->dev, k);
			}
			says(l->dev, rows[k].says);
		}
	}
}

int main(void)
{
	const struct CMUnitTest t[] = {
		cmocka_unit_test(sound),
		cmocka_unit_test(broken),
	};

	return cmocka_run_group_tests(t, up, down);
}
