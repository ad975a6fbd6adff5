/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * t_vanish.c - the control devices of one process on this machine's resources, of which one after the other is pulled out
 *
 * Each device is the real one on its real Linux host, all on one loop; the kernel is played (vanish_kernel.h). Who loses
 * its resource answers with the status that its chapter has for that, every time, and the log says it once; all others go
 * on as before, the loop sleeps, and at the end as many descriptors are open as in the beginning.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define RIG_VQS 3u
#include "rpmb_bed.h"
#include "said.h"
#include "vanish_kernel.h"
#include <dirent.h>
#include <stdlib.h>
#include "hosted/host_kind.h"
#include "hosted/log.h"
#include "rpmb_sign.h"
#include "vio/can.h"
#include "vio/rtc.h"
#include "vio/scmi.h"
#include "vio/spi.h"
#include "vio/watchdog.h"

extern const struct host_kind host_linux_scmi[], host_linux_rpmb[], host_linux_spi[],
	host_linux_can[], host_linux_watchdog[], host_linux_rtc[];

static const uint8_t key[VIO_RPMB_MAC] = "thirty-two bytes that are secret";

struct unit {
	struct rig g;
	uint32_t used; /* of its memory, behind the rings */
	struct host_ctx ctx;
	struct host host;
	struct vio_dev *d;
	char arg[160];
};

static struct unit unit[UNITS];
static struct loop *loop;
static char folder[64];
static unsigned descriptors;
static uint32_t counter; /* of the RPMB */

/* ---- all of them ---- */

static void turns(void)
{
	for (unsigned u = 0; u < UNITS; u++) {
		if (unit[u].d) {
			rig_turn(&unit[u].g);
		}
	}
}

/* A request of unit u, while the others have their turns too */
static struct rig_req ask(unsigned u, uint16_t vq, const void *out, uint32_t out_len,
			  uint32_t in_len)
{
	struct rig_req r;

	unit[u].g.used = unit[u].used;
	rig_do(&unit[u].g, vq, &r, out, out_len, in_len);
	while (!r.back) {
		loop_once(loop, 100);
		turns();
	}
	return r;
}

/* ---- what each is asked; returns: its status ---- */

static int scmi_ask(uint8_t proto, uint8_t msg, uint32_t a, uint32_t b, uint32_t c, unsigned n)
{
	uint32_t out[5] = { vio_le32(VIO_SCMI_HDR(proto, 0, msg)), vio_le32(a), vio_le32(b),
			    vio_le32(c), 0 };

	return (int)vio_unpack32(ask(SCMI, VIO_SCMI_CMDQ, out, 4 + n * 4, 64).in + 4);
}

/* A sensor, whose file vanishes; a clock of the same platform stays. */
static int scmi_works(void)
{
	assert_int_equal(scmi_ask(VIO_SCMI_CLOCK, 5, 0, 0, 2000, 4), VIO_SCMI_SUCCESS);
	return scmi_ask(VIO_SCMI_SENSOR, 6, 0, 0, 0, 2);
}

static int rpmb_told(struct vio_rpmb_frame *f)
{
	frame(&f[1], RESULT, 1);
	return result_of(ask(RPMB, 0, f, 2 * FRAME, FRAME).in);
}

/* A block is written. What can be answered from memory goes on without the disk. */
static int rpmb_works(void)
{
	struct vio_rpmb_frame f[2];
	struct rig_req r;
	int result;

	frame(f, COUNT, 1);
	r = ask(RPMB, 0, f, FRAME, FRAME);
	assert_int_equal(result_of(r.in), VIO_RPMB_RES_OK);
	assert_int_equal(counter_of(r.in), counter);
	write_frames(f, 1, 3, counter, 0x33, key);
	result = rpmb_told(f);
	counter += result == VIO_RPMB_RES_OK;
	return result;
}

/* Chip 0 vanishes, chip 1 stays. Nothing is made up where nothing was read. */
static int spi_works(void)
{
	struct vio_spi_transfer_head h = { .chip_select_id = 1, .bits_per_word = 8 };
	struct rig_req r = ask(SPI, 0, &h, sizeof(h), 5);

	assert_memory_equal(r.in, "\x5a\x5a\x5a\x5a", 5);
	h.chip_select_id = 0;
	r = ask(SPI, 0, &h, sizeof(h), 5);
	assert_int_equal(r.in[0], r.in[4] == VIO_SPI_TRANS_OK ? 0x5a : 0xee);
	return r.in[4];
}

static int can_control(uint16_t type)
{
	uint8_t out[2];

	vio_pack16(out, type);
	return ask(CAN, VIO_CAN_CONTROLQ, out, 2, 1).in[0];
}

/* A frame, and the way back to the bus */
static int can_works(void)
{
	struct vio_can_head h = { .msg_type = vio_le16(VIO_CAN_TX), .can_id = vio_le32(0x123) };
	int result;

	turns();
	k.sent.can_id = 0;
	result = ask(CAN, VIO_CAN_TXQ, &h, sizeof(h), 1).in[0];
	assert_int_equal(k.sent.can_id, result == VIO_CAN_RESULT_OK ? 0x123 : 0);
	assert_int_equal(can_control(VIO_CAN_SET_CTRL_MODE_START), result);
	return result;
}

static int dog_ask(uint16_t type, uint32_t timeout, uint32_t len)
{
	uint8_t out[16] = { 0 };

	vio_pack16(out, type);
	vio_pack32(out + 4, timeout);
	return ask(DOG, VIO_WATCHDOG_REQUESTQ, out, len, 4).in[0];
}

static int dog_works(void)
{
	int started = dog_ask(VIO_WATCHDOG_REQ_START, 60000, 16);

	assert_int_equal(dog_ask(VIO_WATCHDOG_REQ_KICK, 0, 4), started);
	return started;
}

static int rtc_works(void)
{
	uint8_t out[16] = { VIO_RTC_REQ_READ }; /* of clock 0 */
	struct rig_req r = ask(RTC, VIO_RTC_REQUESTQ, out, 16, 16);

	assert_true(vio_unpack64(r.in + 8) > 0);
	return r.in[0];
}

static const struct {
	const struct vio_class *cls;
	const struct host_kind *kind;
	const char *arg; /* "@": the folder */
	int (*works)(void);
	int good, bad;
	const char *says; /* in the log, when it vanishes */
} table[UNITS] = {
	[SCMI] = { &vio_class_scmi, host_linux_scmi, "@/board", scmi_works, VIO_SCMI_SUCCESS,
		   VIO_SCMI_HARDWARE_ERROR, "/board: warning: t: No such device" },
	[RPMB] = { &vio_class_rpmb, host_linux_rpmb, "@/rpmb", rpmb_works, VIO_RPMB_RES_OK,
		   VIO_RPMB_RES_WRITE_FAILURE, "rpmb: error: could not be written" },
	[SPI] = { &vio_class_spi, host_linux_spi, "@/spi0,@/spi1", spi_works, VIO_SPI_TRANS_OK,
		  VIO_SPI_TRANS_ERR, "spi: error: chip select 0: it is gone" },
	[CAN] = { &vio_class_can, host_linux_can, "can7", can_works, VIO_CAN_RESULT_OK,
		  VIO_CAN_RESULT_NOT_OK, "can: warning: can7: No such device" },
	[DOG] = { &vio_class_watchdog, host_linux_watchdog, "@/dog", dog_works, VIO_WATCHDOG_S_OK,
		  VIO_WATCHDOG_S_IO, "watchdog: error: this machine's watchdog " },
	[RTC] = { &vio_class_rtc, host_linux_rtc, NULL, rtc_works, VIO_RTC_S_OK, VIO_RTC_S_EIO,
		  NULL },
};

/* ---- a process with all of them ---- */

static void put(const char *name, const char *text)
{
	char path[96];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	fclose(f);
}

static unsigned opened(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	while (readdir(d)) {
		n++;
	}
	closedir(d);
	return n;
}

static const char *no_option(const struct host_ctx *c, const char *name)
{
	(void)c;
	(void)name;
	return NULL;
}

static void begin(unsigned u)
{
	struct unit *x = &unit[u];
	struct vio_parts parts = { .clock = loop_clock(loop) };
	const char *a;

	memset(x, 0, sizeof(*x));
	for (a = table[u].arg; a && *a; a++) {
		size_t n = strlen(x->arg);

		(void)snprintf(x->arg + n, sizeof(x->arg) - n, *a == '@' ? "%s" : "%.1s",
			       *a == '@' ? folder : a);
	}
	x->ctx = (struct host_ctx){ .loop = loop, .name = table[u].cls->name, .option = no_option };
	x->ctx.arg = table[u].arg ? x->arg : NULL;
	if (table[u].kind->open(&x->ctx, &x->host)) {
		fail_msg("%s: %s", x->ctx.name, x->ctx.err);
	}
	for (unsigned i = 0; i < table[u].cls->nparam; i++) {
		parts.param[i] = table[u].cls->param[i].def;
	}
	parts.host_ops = x->host.ops;
	parts.host = x->host.host;
	x->d = calloc(1, table[u].cls->bytes(&parts));
	assert_int_equal(table[u].cls->create(x->d, rig_mem(&x->g), &parts), VIO_OK);
	assert_int_equal(rig_start(&x->g, x->d, u == CAN ? VIO_CAN_F_CLASSIC : 0), VIO_OK);
	x->used = x->g.used;
}

static void end(unsigned u)
{
	struct unit *x = &unit[u];

	assert_int_equal(rig_status(&x->g) & VIO_S_NEEDS_RESET, 0);
	assert_int_equal(rig_reset(&x->g), VIO_OK);
	if (table[u].cls->destroy) {
		table[u].cls->destroy(x->d);
	}
	free(x->d);
	x->d = NULL;
	x->host.close(&x->host);
	rig_end(&x->g);
}

static int power_on(void **state)
{
	struct vio_rpmb_frame f[2];
	char text[512];

	(void)state;
	memset(&k, 0, sizeof(k));
	k.seconds = 60;
	(void)snprintf(folder, sizeof(folder), "/tmp/t_vanish.XXXXXX");
	assert_non_null(mkdtemp(folder));
	(void)snprintf(
		text, sizeof(text),
		"sensors:\n  - { name: t, type: celsius, min: -50, max: 50, path: %s/temp }\n"
		"clocks:\n  - { name: c, rates: [1000, 2000], path: %s/rate }\n",
		folder, folder);
	put("board", text);
	put("temp", "7\n");
	put("rate", "1000\n");
	put("spi0", "");
	put("spi1", "");
	put("dog", "");
	said_begin();
	descriptors = opened();
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, k.pair), 0);
	loop = loop_new("test");
	assert_non_null(loop);
	for (unsigned u = 0; u < UNITS; u++) {
		begin(u);
	}
	frame(f, KEY, 1);
	memcpy(f[0].key_mac, key, sizeof(key));
	assert_int_equal(rpmb_told(f), VIO_RPMB_RES_OK);
	counter = 0;
	assert_int_equal(can_control(VIO_CAN_SET_CTRL_MODE_START), VIO_CAN_RESULT_OK);
	return 0;
}

static int power_off(void **state)
{
	char command[96];
	unsigned n;

	(void)state;
	for (unsigned u = 0; u < UNITS; u++) {
		end(u);
	}
	loop_free(loop);
	close(k.pair[1]);
	n = opened();
	said_end();
	assert_int_equal(n, descriptors);
	(void)snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command);
}

/* Each does what it should: well, or as one whose resource is gone */
static void round_of_all(void)
{
	for (unsigned u = 0; u < UNITS; u++) {
		int is = table[u].works(), want = k.gone[u] ? table[u].bad : table[u].good;

		if (is != want) {
			fail_msg("%s answers %d, not %d", table[u].cls->name, is, want);
		}
	}
}

/* Nobody asks: the loop sleeps, and nobody tries again and again. */
static void quiet(void)
{
	k.calls = 0;
	for (unsigned n = 0; n < 20; n++) {
		loop_once(loop, 1);
	}
	assert_int_equal(k.calls, 0);
}

static void lose(unsigned first, unsigned last)
{
	unsigned u, n, open, before;

	round_of_all();
	open = opened();
	for (u = first; u <= last; u++) {
		pull(u);
	}
	loop_once(loop, 0);
	round_of_all();
	before = said("");
	for (n = 0; n < 3; n++) {
		round_of_all();
		quiet();
	}
	for (u = first; u <= last; u++) {
		if (said(table[u].says) == 0) {
			fail_msg("nowhere said: '%s'", table[u].says);
		}
		assert_int_equal(said(""),
				 before); /* nor said again, as often as the driver likes */
	}
	assert_int_equal(opened(), open);
	/* plugged in again */
	for (u = first; u <= last; u++) {
		k.gone[u] = false;
		if (u == RPMB) {
			/* what is on a disk that failed is not known: only a new start looks */
			assert_int_equal(rpmb_works(), VIO_RPMB_RES_WRITE_FAILURE);
			end(RPMB);
			begin(RPMB);
		} else if (u == CAN) {
			assert_int_equal(can_control(VIO_CAN_SET_CTRL_MODE_START),
					 VIO_CAN_RESULT_OK);
		}
	}
	for (n = 0; n < 3; n++) {
		round_of_all();
	}
	assert_int_equal(opened(), open);
}

static void test_sensor(void **state)
{
	(void)state;
	lose(SCMI, SCMI);
}

static void test_disk(void **state)
{
	(void)state;
	lose(RPMB, RPMB);
}

static void test_spi_chip(void **state)
{
	(void)state;
	lose(SPI, SPI);
}

/* The driver is told, too. */
static void test_can_interface(void **state)
{
	uint8_t status[2];

	(void)state;
	pull(CAN);
	loop_once(loop, 0);
	turns();
	assert_int_equal(lb_bus.config_read(&unit[CAN].g.lb, 0, status, 2), VIO_OK);
	assert_int_equal(vio_unpack16(status), VIO_CAN_S_CTRL_BUSOFF);
	k.gone[CAN] = false;
	assert_int_equal(can_control(VIO_CAN_SET_CTRL_MODE_START), VIO_CAN_RESULT_OK);
	lose(CAN, CAN);
}

static void test_watchdog(void **state)
{
	(void)state;
	lose(DOG, DOG);
}

/* A hub is pulled. The clocks of the machine are what is left. */
static void test_all(void **state)
{
	(void)state;
	lose(SCMI, DOG);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, power_on, power_off)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_sensor),	  TEST(test_disk),     TEST(test_spi_chip),
		TEST(test_can_interface), TEST(test_watchdog), TEST(test_all),
	};

	return cmocka_run_group_tests_name("resources that vanish", tests, NULL, NULL);
}
