/* SPDX-License-Identifier: BSD-3-Clause */
/* t_msg.c - virtio-msg, the device's side, with a driver that behaves */
#include "test/unit/msg_bed.h"

static void a_request(void **state)
{
	static const uint64_t ring[] = { 0u, VIO_F_RING_PACKED, VIO_F_EVENT_IDX };

	(void)state;
	for (uint32_t i = 0u; i < 6u; i++) {
		struct vio_drv_msg_info info;
		uint8_t out[VIO_MSG_MAX];
		void *cookie;
		uint32_t len;

		attach(i < 3u ? VIO_MSG_V2 : VIO_MSG_RFC3);
		assert_int_equal(vio_drv_msg_info(&b.drv, &info), VIO_OK);
		assert_int_equal(info.id, 42);
		assert_int_equal(info.vendor, 0x5354);
		assert_int_equal(info.config_len, CONFIG);
		assert_int_equal(info.vqs, 1);
		start(ring[i % 3u]);
		offer(7u);
		turns();
		expect(VIO_MSG_EVENT_USED, out);
		assert_int_equal(vio_unpack32(out + VIO_MSG_HEAD), 0);
		assert_int_equal(vio_dvq_get(&b.q, &cookie, &len), VIO_OK);
		assert_int_equal(len, tdev_len(7u, 8u));
		assert_int_equal(vio_drv_msg_bus.set_status(&b.drv, 0u), VIO_OK);
		assert_int_equal(vio_msg_bus_dropped(&b.bus), 0);
	}
}

/* Not one event for each of a hundred notifications, and none is lost */
static void events_of_a_queue_become_one(void **state)
{
	uint8_t out[VIO_MSG_MAX];
	void *cookie;
	uint32_t len, n = 0u;

	(void)state;
	start(0u);
	for (uint32_t i = 0u; i < 7u; i++) {
		offer(i);
		turns();
	}
	for (uint32_t k = vio_msg_bus_next(&b.bus, out); k != 0u;
	     k = vio_msg_bus_next(&b.bus, out)) {
		n += out[VIO_MSG_ID] == VIO_MSG_EVENT_USED;
	}
	assert_int_equal(n, 1);
	for (n = 0u; vio_dvq_get(&b.q, &cookie, &len) == VIO_OK; n++) {
	}
	assert_int_equal(n, 7);
	assert_true(b.dues >= 7u);
}

static void feature_blocks(void **state)
{
	uint8_t msg[16] = { 0u, VIO_MSG_GET_FEATURES, NUM, 0u, 1u, 0u, 16u }, out[VIO_MSG_MAX];

	(void)state;
	vio_pack32(msg + VIO_MSG_FEATURES_BLOCK, 1u);
	vio_pack32(msg + VIO_MSG_FEATURES_N, 3u);
	assert_int_equal(vio_msg_bus_handle(&b.bus, msg, 16u, out), 28);
	assert_int_equal(vio_unpack32(out + 8), 1);
	assert_int_equal(vio_unpack32(out + 12), 3);
	assert_int_equal(vio_unpack32(out + 16), (uint32_t)(b.dev.d.offered >> 32));
	assert_int_equal(vio_unpack32(out + 20), 0); /* beyond what is there */
	assert_int_equal(vio_unpack32(out + 24), 0);
	vio_pack32(msg + VIO_MSG_FEATURES_N, 13u); /* more than a message holds */
	assert_int_equal(vio_msg_bus_handle(&b.bus, msg, 16u, out), 0);
}

static void configuration(void **state)
{
	uint8_t buf[CONFIG + 8u], out[VIO_MSG_MAX];

	(void)state;
	assert_int_equal(vio_drv_msg_bus.config_read(&b.drv, 0u, buf, sizeof(buf)), VIO_OK);
	for (uint32_t i = 0u; i < sizeof(buf); i++) {
		assert_int_equal(buf[i], i < CONFIG ? i + 1u : 0u);
	}
	memset(buf, 0xaa, sizeof(buf));
	assert_int_equal(vio_drv_msg_bus.config_write(&b.drv, 4u, buf, 90u), VIO_OK);
	assert_memory_equal(b.config + 4u, buf, 90u);
	assert_int_equal(b.config[94], 95);
	assert_int_equal(vio_drv_msg_bus.config_write(&b.drv, 0u, buf, 4u), VIO_E_ARG);
	assert_int_equal(vio_drv_msg_bus.config_write(&b.drv, CONFIG - 2u, buf, 4u), VIO_E_ARG);
	assert_int_equal(b.config[0], 1);
	assert_int_equal(b.config[CONFIG - 1u], CONFIG);
	vio_dev_config_changed(&b.dev.d);
	expect(VIO_MSG_EVENT_CONFIG, out);
	assert_int_equal(vio_unpack32(out + VIO_MSG_EV_CONFIG_GEN), b.dev.d.generation);
	assert_int_equal(vio_msg_bus_next(&b.bus, out), 0);
}

/* A queue that is not set up says so in every field, and so does one that was reset */
static void get_vq(void **state)
{
	uint8_t msg[12] = { 0u, VIO_MSG_GET_VQ, NUM, 0u, 1u, 0u, 12u }, out[VIO_MSG_MAX];
	static const uint8_t zero[32];

	(void)state;
	for (int again = 0; again < 2; again++) {
		assert_int_equal(vio_msg_bus_handle(&b.bus, msg, 12u, out), 48);
		assert_int_equal(vio_unpack32(out + VIO_MSG_GET_VQ_MAX), 16);
		assert_memory_equal(out + VIO_MSG_GET_VQ_SIZE, zero, 32u);
		if (again == 0) {
			start(0u);
			assert_int_equal(vio_msg_bus_handle(&b.bus, msg, 12u, out), 48);
			assert_int_equal(vio_unpack32(out + VIO_MSG_GET_VQ_SIZE), 16);
			assert_int_equal(vio_unpack32(out + VIO_MSG_GET_VQ_FLAGS), 1);
			assert_true(vio_unpack64(out + VIO_MSG_VQ_AREA) == WORLD_BASE);
			assert_int_equal(vio_drv_msg_bus.reset_vq(&b.drv, 0u), VIO_OK);
		}
	}
	msg[VIO_MSG_VQ_INDEX] = 1u;
	assert_int_equal(vio_msg_bus_handle(&b.bus, msg, 12u, out), 48);
	assert_memory_equal(out + VIO_MSG_GET_VQ_MAX, zero, 32u);
}

/* The response of RESET_VQ says that the queue is down: not before the last request is back */
static void reset_of_a_queue_waits(void **state)
{
	uint8_t msg[12] = { 0u, VIO_MSG_RESET_VQ, NUM, 0u, 0x34u, 0x12u, 12u }, out[VIO_MSG_MAX];

	(void)state;
	start(0u);
	b.lazy = true;
	offer(1u);
	assert_int_equal(b.dev.n, 1);
	assert_int_equal(vio_msg_bus_handle(&b.bus, msg, 12u, out), 0);
	assert_int_equal(b.m.dropped, 0);
	turns();
	assert_int_equal(vio_msg_bus_next(&b.bus, out), 0);
	assert_int_equal(vio_msg_bus_handle(&b.bus, msg, 12u, out), 0); /* a second is a fault */
	assert_int_equal(b.m.dropped, 1);
	tdev_complete(&b.dev, 0u);
	turns();
	expect(VIO_MSG_RESET_VQ, out);
	assert_int_equal(out[VIO_MSG_TYPE], VIO_MSG_T_RESPONSE);
	assert_int_equal(vio_unpack16(out + VIO_MSG_TOKEN), 0x1234);
	assert_false(b.dev.vq.enabled);
	assert_int_equal(status(), 15);
}

static void reset_waits(void **state)
{
	uint8_t msg[12] = { 0u, VIO_MSG_SET_STATUS, NUM, 0u, 1u, 0u, 12u }, out[VIO_MSG_MAX], s;

	(void)state;
	start(0u);
	b.lazy = true;
	offer(1u);
	assert_int_equal(vio_msg_bus_handle(&b.bus, msg, 12u, out), 12);
	assert_int_equal(out[VIO_MSG_HEAD], 15);			/* not yet */
	assert_int_equal(vio_drv_msg_bus.accept(&b.drv, WANT), VIO_OK); /* ignored, and no harm */
	tdev_complete(&b.dev, 0u);
	turns();
	assert_int_equal(vio_drv_msg_bus.status(&b.drv, &s), VIO_OK);
	assert_int_equal(s, 0);
	assert_int_equal(vio_msg_bus_next(&b.bus, out), 0);
	b.lazy = false;
	start(0u);
}

static void devices(void **state)
{
	uint8_t msg[12] = { 2u, VIO_MSG_BUS_DEVICES, 0u, 0u, 9u, 0u, 12u }, out[VIO_MSG_MAX];

	(void)state;
	vio_msg_bus_set(&b.bus, 39u, &b.m, false);
	for (int rfc = 0; rfc < 2; rfc++) {
		b.bus.layout = rfc ? VIO_MSG_RFC3 : VIO_MSG_V2;
		vio_pack16(msg + VIO_MSG_DEVICES_OFF, 0u);
		vio_pack16(msg + VIO_MSG_DEVICES_N, 32u);
		assert_int_equal(vio_msg_bus_handle(&b.bus, msg, 12u, out), 18);
		assert_int_equal(out[VIO_MSG_TYPE], 3);
		assert_int_equal(vio_unpack16(out + VIO_MSG_TOKEN), 9);
		assert_int_equal(vio_unpack16(out + 8), 0);
		assert_int_equal(vio_unpack16(out + 10), 32); /* next; RFC: count */
		assert_int_equal(vio_unpack16(out + 12), 32);
		assert_int_equal(vio_unpack32(out + 14), 1u << NUM);
		vio_pack16(msg + VIO_MSG_DEVICES_OFF, 32u);
		vio_pack16(msg + VIO_MSG_DEVICES_N, 64u);
		assert_int_equal(vio_msg_bus_handle(&b.bus, msg, 12u, out), 22);
		assert_int_equal(vio_unpack16(out + 10), rfc ? 64 : 0);
		assert_int_equal(vio_unpack16(out + 12), rfc ? 0 : 64);
		assert_int_equal(vio_unpack32(out + 14), 1u << 7);
	}
	b.bus.layout = VIO_MSG_V2;
	vio_pack16(msg + VIO_MSG_DEVICES_OFF, 0u);
	vio_pack16(msg + VIO_MSG_DEVICES_N, 0xfff8u); /* more than a message holds */
	assert_int_equal(vio_msg_bus_handle(&b.bus, msg, 12u, out), SIZE);
	assert_int_equal(vio_unpack16(out + 12), (SIZE - 14u) * 8u);
	msg[VIO_MSG_ID] = VIO_MSG_BUS_PING;
	vio_pack32(msg + VIO_MSG_HEAD, 0x12345678u);
	assert_int_equal(vio_msg_bus_handle(&b.bus, msg, 12u, out), 12);
	assert_int_equal(vio_unpack32(out + VIO_MSG_HEAD), 0x12345678);
	vio_msg_bus_set(&b.bus, 39u, NULL, true);
	assert_int_equal(vio_msg_bus_next(&b.bus, out), 12);
	assert_int_equal(out[VIO_MSG_TYPE], VIO_MSG_T_BUS);
	assert_int_equal(out[VIO_MSG_ID], VIO_MSG_BUS_EVENT);
	assert_int_equal(vio_unpack16(out + 8), 39);
	assert_int_equal(vio_unpack16(out + 10), VIO_MSG_BUS_REMOVED);
	assert_int_equal(vio_msg_bus_next(&b.bus, out), 0);
}

static void shared_memory_there_is_none(void **state)
{
	uint8_t msg[12] = { 0u, VIO_MSG_GET_SHM, NUM, 0u, 1u, 0u, 12u, 0u, 5u }, out[VIO_MSG_MAX];

	(void)state;
	assert_int_equal(vio_msg_bus_handle(&b.bus, msg, 12u, out), 32);
	assert_int_equal(vio_unpack32(out + 8), 5);
	assert_true(vio_unpack64(out + VIO_MSG_SHM_LEN) == 0u);
	b.m.layout = VIO_MSG_RFC3;
	assert_int_equal(vio_msg_bus_handle(&b.bus, msg, 12u, out), 20);
	assert_int_equal(vio_unpack32(out + 12), 0);
}

/* A driver takes no response for its own that is not */
static void responses_are_checked(void **state)
{
	static const uint32_t at[] = { VIO_MSG_ID,	 VIO_MSG_DEV,	     VIO_MSG_DEV + 1u,
				       VIO_MSG_TOKEN,	 VIO_MSG_TOKEN + 1u, VIO_MSG_SIZE,
				       VIO_MSG_SIZE + 1u };
	uint8_t s;

	(void)state;
	for (uint32_t i = 0u; i < sizeof(at) / sizeof(at[0]); i++) {
		assert_int_equal(vio_drv_msg_bus.status(&b.drv, &s), VIO_OK);
		b.spoil = at[i] + 1u;
		assert_int_equal(vio_drv_msg_bus.status(&b.drv, &s), VIO_E_IO);
		b.spoil = 0u;
	}
}

/* Configuration that takes several messages is of one moment */
static void configuration_changes_meanwhile(void **state)
{
	uint8_t buf[CONFIG];

	(void)state;
	for (uint32_t i = 1u; i < 3u; i++) {
		memset(b.config, (int)i, sizeof(b.config));
		b.change = i;
		assert_int_equal(vio_drv_msg_bus.config_read(&b.drv, 0u, buf, sizeof(buf)), VIO_OK);
		assert_memory_equal(buf, b.config, sizeof(buf));
		assert_int_equal(buf[0], 0x77);
	}
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_request),
		T(events_of_a_queue_become_one),
		T(feature_blocks),
		T(configuration),
		T(get_vq),
		T(reset_of_a_queue_waits),
		T(reset_waits),
		T(devices),
		T(shared_memory_there_is_none),
		T(responses_are_checked),
		T(configuration_changes_meanwhile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
