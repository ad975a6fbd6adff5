/* SPDX-License-Identifier: BSD-3-Clause */
/* t_msg_abuse.c - virtio-msg, the device's side: each field of each message out of order, and any bytes at all */
#include "test/unit/msg_bed.h"

/* Features that the port insists on, or that nobody offered: FEATURES_OK stays 0, and the port can tell why */
static void features_ok_is_refused(void **state)
{
	static const struct {
		uint32_t word[3];
		bool ok;
	} row[] = {
		{ { 0u, 1u, 0u }, false },	 /* not ACCESS_PLATFORM */
		{ { 0u, 2u, 0u }, false },	 /* not VERSION_1 */
		{ { 1u << 20, 3u, 0u }, false }, /* not offered */
		{ { 0u, 3u, 1u }, false },	 /* above bit 63 */
		{ { 0u, 3u, 0u }, true },
	};

	(void)state;
	for (uint32_t i = 0u; i < sizeof(row) / sizeof(row[0]); i++) {
		uint8_t msg[VIO_MSG_MAX] = { 0u, VIO_MSG_SET_FEATURES, NUM, 0u, 1u, 0u, 28u };
		uint8_t out[VIO_MSG_MAX], s;

		assert_int_equal(vio_drv_msg_bus.set_status(&b.drv, 0u), VIO_OK);
		assert_int_equal(vio_drv_msg_bus.set_status(&b.drv, 3u), VIO_OK);
		vio_pack32(msg + VIO_MSG_FEATURES_N, 3u);
		for (uint32_t k = 0u; k < 3u; k++) {
			vio_pack32(msg + VIO_MSG_FEATURES_WORDS + 4u * k, row[i].word[k]);
		}
		assert_int_equal(vio_msg_bus_handle(&b.bus, msg, 28u, out), VIO_MSG_HEAD);
		assert_int_equal(vio_drv_msg_bus.set_status(&b.drv, 11u), VIO_OK);
		assert_int_equal(vio_drv_msg_bus.status(&b.drv, &s), VIO_OK);
		assert_int_equal(s, row[i].ok ? 11 : 3);
		assert_int_equal(b.m.ctl.refused, !row[i].ok);
		b.m.ctl.refused = false;
	}
}

static void set_vq_is_checked(void **state)
{
	static const struct {
		const char *what;
		uint32_t index, flags, size;
		uint64_t desc;
		uint8_t before; /* status */
		bool fails, dropped;
	} row[] = {
		{ "good", 0u, 1u, 16u, WORLD_BASE, 11u, false, false },
		{ "no such queue", 1u, 1u, 16u, WORLD_BASE, 11u, false, false },
		{ "no such queue", UINT32_MAX, 1u, 16u, WORLD_BASE, 11u, false, false },
		{ "too early", 0u, 1u, 16u, WORLD_BASE, 3u, true, false },
		{ "size 0", 0u, 1u, 0u, WORLD_BASE, 11u, true, false },
		{ "size not a power of two", 0u, 1u, 12u, WORLD_BASE, 11u, true, false },
		{ "size above the largest", 0u, 1u, 32u, WORLD_BASE, 11u, true, false },
		{ "size in the upper half", 0u, 1u, 0x10010u, WORLD_BASE, 11u, true, false },
		{ "not aligned", 0u, 1u, 16u, WORLD_BASE + 8u, 11u, true, false },
		{ "outside the window", 0u, 1u, 16u, WORLD_BASE + WORLD_BYTES, 11u, true, false },
		{ "around the end of addresses", 0u, 1u, 16u, (uint64_t)-16, 11u, true, false },
		{ "unknown flags", 0u, 0u, 16u, WORLD_BASE, 11u, false, true },
		{ "unknown flags", 0u, 3u, 16u, WORLD_BASE, 11u, false, true },
	};

	(void)state;
	for (uint32_t i = 0u; i < sizeof(row) / sizeof(row[0]); i++) {
		uint8_t msg[VIO_MSG_VQ_BYTES] = { 0u, VIO_MSG_SET_VQ, NUM, 0u, 1u, 0u, 48u };
		uint8_t out[VIO_MSG_MAX];
		uint32_t was = b.m.dropped;
		uint64_t got;

		assert_int_equal(vio_drv_msg_bus.set_status(&b.drv, 0u), VIO_OK);
		if (row[i].before == 11u) {
			assert_int_equal(vio_drv_probe(&vio_drv_msg_bus, &b.drv, WANT, &got),
					 VIO_OK);
		} else {
			assert_int_equal(vio_drv_msg_bus.set_status(&b.drv, row[i].before), VIO_OK);
		}
		vio_pack32(msg + VIO_MSG_VQ_INDEX, row[i].index);
		vio_pack32(msg + VIO_MSG_SET_VQ_FLAGS, row[i].flags);
		vio_pack32(msg + VIO_MSG_SET_VQ_SIZE, row[i].size);
		vio_pack64(msg + VIO_MSG_VQ_AREA, row[i].desc);
		vio_pack64(msg + VIO_MSG_VQ_AREA + 8u, WORLD_BASE + 0x1000u);
		vio_pack64(msg + VIO_MSG_VQ_AREA + 16u, WORLD_BASE + 0x2000u);
		assert_int_equal(vio_msg_bus_handle(&b.bus, msg, sizeof(msg), out),
				 row[i].dropped ? 0u : VIO_MSG_HEAD);
		if (((status() & VIO_S_NEEDS_RESET) != 0u) != row[i].fails ||
		    (b.m.dropped - was) != (row[i].dropped ? 1u : 0u) ||
		    b.dev.vq.enabled != (i == 0u)) {
			fail_msg("%s", row[i].what);
		}
		if (i == 0u) { /* what belongs to the device cannot be set again */
			assert_int_equal(vio_msg_bus_handle(&b.bus, msg, sizeof(msg), out), 8);
			assert_true((status() & VIO_S_NEEDS_RESET) != 0u);
			msg[VIO_MSG_ID] = VIO_MSG_GET_VQ;
			assert_int_equal(vio_msg_bus_handle(&b.bus, msg, sizeof(msg), out), 48);
			assert_int_equal(vio_unpack32(out + VIO_MSG_GET_VQ_SIZE), 16);
		}
	}
}

/* Messages that are too short for what they say, or that nobody may send: no response, counted, nothing changes */
static void malformed(void **state)
{
	static const struct {
		uint8_t type, id;
		uint16_t dev;
		uint16_t size; /* as the message says */
		uint32_t len;  /* as it is */
		uint32_t w[4]; /* payload */
	} row[] = {
		{ 0u, VIO_MSG_GET_STATUS, NUM, 8u, 0u, { 0u } },
		{ 0u, VIO_MSG_GET_STATUS, NUM, 8u, 7u, { 0u } },
		{ 0u, VIO_MSG_GET_STATUS, NUM, 7u, 64u, { 0u } },
		{ 0u, VIO_MSG_GET_STATUS, NUM, 0u, 64u, { 0u } },
		{ 0u, VIO_MSG_GET_STATUS, NUM, 65u, 64u, { 0u } },
		{ 0u, VIO_MSG_GET_STATUS, NUM, 0xffffu, 64u, { 0u } },
		{ 0u, VIO_MSG_GET_STATUS, NUM + 1u, 8u, 64u, { 0u } },
		{ 0u, VIO_MSG_GET_STATUS, 40u + NUM, 8u, 64u, { 0u } },
		{ 0u, VIO_MSG_GET_STATUS, 0xffffu, 8u, 64u, { 0u } },
		{ 1u, VIO_MSG_GET_STATUS, NUM, 8u, 64u, { 0u } },
		{ 0u, VIO_MSG_GET_FEATURES, NUM, 15u, 64u, { 0u } },
		{ 0u, VIO_MSG_GET_FEATURES, NUM, 16u, 64u, { 0u, 13u } },
		{ 0u, VIO_MSG_GET_FEATURES, NUM, 16u, 64u, { 0u, UINT32_MAX } },
		{ 0u, VIO_MSG_SET_FEATURES, NUM, 15u, 64u, { 0u } },
		{ 0u, VIO_MSG_SET_FEATURES, NUM, 19u, 64u, { 0u, 1u } },
		{ 0u, VIO_MSG_SET_FEATURES, NUM, 64u, 64u, { 0u, 0x40000002u } },
		{ 0u, VIO_MSG_GET_CONFIG, NUM, 15u, 64u, { 0u } },
		{ 0u, VIO_MSG_SET_CONFIG, NUM, 19u, 64u, { 0u } },
		{ 0u, VIO_MSG_SET_CONFIG, NUM, 21u, 64u, { 0u, 8u, 2u } },
		{ 0u, VIO_MSG_SET_CONFIG, NUM, 64u, 64u, { 0u, 8u, UINT32_MAX } },
		{ 0u, VIO_MSG_SET_STATUS, NUM, 11u, 64u, { 0u } },
		{ 0u, VIO_MSG_GET_VQ, NUM, 11u, 64u, { 0u } },
		{ 0u, VIO_MSG_SET_VQ, NUM, 47u, 64u, { 0u, 1u, 16u } },
		{ 0u, VIO_MSG_RESET_VQ, NUM, 11u, 64u, { 0u } },
		{ 0u, VIO_MSG_RESET_VQ, NUM, 12u, 64u, { 1u } },
		{ 0u, VIO_MSG_GET_SHM, NUM, 11u, 64u, { 0u } },
		{ 0u, VIO_MSG_EVENT_AVAIL, NUM, 15u, 64u, { 0u } },
		{ 0u, VIO_MSG_EVENT_AVAIL, NUM, 16u, 64u, { 1u } },
		{ 0u, VIO_MSG_EVENT_AVAIL, NUM, 16u, 64u, { UINT32_MAX } },
		{ 0u, VIO_MSG_EVENT_USED, NUM, 16u, 64u, { 0u } },
		{ 0u, VIO_MSG_EVENT_CONFIG, NUM, 32u, 64u, { 0u } },
		{ 0u, 0u, NUM, 64u, 64u, { 0u } },
		{ 0u, 1u, NUM, 64u, 64u, { 0u } },
		{ 0u, 13u, NUM, 64u, 64u, { 0u } },
		{ 0u, 255u, NUM, 64u, 64u, { 0u } },
		{ 2u, VIO_MSG_BUS_DEVICES, 0u, 11u, 64u, { 0x80000u } },
		{ 2u, VIO_MSG_BUS_DEVICES, 0u, 12u, 64u, { 0x00080004u } },
		{ 2u, VIO_MSG_BUS_DEVICES, 0u, 12u, 64u, { 0x00070000u } },
		{ 2u, VIO_MSG_BUS_DEVICES, 0u, 12u, 64u, { 0u } },
		{ 2u, VIO_MSG_BUS_PING, 0u, 11u, 64u, { 0u } },
		{ 3u, VIO_MSG_BUS_PING, 0u, 12u, 64u, { 0u } },
		{ 2u, VIO_MSG_BUS_EVENT, 0u, 12u, 64u, { 0u } },
		{ 2u, 4u, 0u, 12u, 64u, { 0u } },
	};

	(void)state;
	start(0u);
	for (uint32_t i = 0u; i < sizeof(row) / sizeof(row[0]); i++) {
		uint8_t msg[SIZE] = { row[i].type, row[i].id }, out[VIO_MSG_MAX];

		vio_pack16(msg + VIO_MSG_DEV, row[i].dev);
		vio_pack16(msg + VIO_MSG_SIZE, row[i].size);
		for (uint32_t k = 0u; k < 4u; k++) {
			vio_pack32(msg + VIO_MSG_HEAD + 4u * k, row[i].w[k]);
		}
		if (vio_msg_bus_handle(&b.bus, msg, row[i].len, out) != 0u ||
		    vio_msg_bus_dropped(&b.bus) != i + 1u || status() != 15u) {
			fail_msg("row %u: id %u", i, row[i].id);
		}
	}
	offer(1u);
	turns();
}

/* Any bytes at all: nothing is written beyond a message, and the bus still works */
static void garbage(void **state)
{
	(void)state;
	start(0u);
	for (uint32_t i = 0u; i < 300000u; i++) {
		uint8_t msg[SIZE], out[VIO_MSG_MAX];
		uint32_t n;

		for (uint32_t k = 0u; k < SIZE; k += 2u) {
			vio_pack16(msg + k, (uint16_t)((world_random() & 3u) ? world_random() & 15u
									     : world_random()));
		}
		msg[VIO_MSG_TYPE] = (uint8_t)((world_random() & 7u) == 0u ? world_random() : 0u);
		msg[VIO_MSG_ID] = (uint8_t)((world_random() & 7u) == 0u ? world_random()
									: world_random() % 14u);
		vio_pack16(msg + VIO_MSG_SIZE, (uint16_t)(world_random() % (SIZE + 8u)));
		vio_pack16(msg + VIO_MSG_DEV, NUM);
		memset(out, CANARY, sizeof(out));
		n = vio_msg_bus_handle(&b.bus, msg, world_random() % (SIZE + 1u), out);
		assert_true(n <= SIZE);
		for (uint32_t k = SIZE; k < sizeof(out); k++) {
			assert_int_equal(out[k], CANARY);
		}
		turns();
		(void)vio_msg_bus_next(&b.bus, out);
	}
	while (b.dev.n > 0u) {
		turns();
	}
	assert_int_equal(vio_drv_msg_bus.set_status(&b.drv, 0u), VIO_OK);
	start(0u);
	offer(1u);
	assert_true(vio_msg_bus_dropped(&b.bus) > 1000u);
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(features_ok_is_refused),
		T(set_vq_is_checked),
		T(malformed),
		T(garbage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
