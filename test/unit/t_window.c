/* SPDX-License-Identifier: BSD-3-Clause */
/* t_window.c - the window port: two devices on one window; sessions; drivers that lie, storm, vanish */
#include "test/unit/window_bed.h"
#include "hosted/sigbus.h"
#include "test/support/world.h"

static void two_devices(void **state)
{
	uint8_t msg[12] = { 2u, VIO_MSG_BUS_DEVICES, 0u, 0u, 1u, 0u, 12u },
		resp[VIO_MSG_MAX] = { 0u };

	(void)state;
	join();
	vio_pack16(msg + VIO_MSG_DEVICES_N, 32u);
	assert_int_equal(carry(NULL, msg, sizeof(msg), resp), VIO_OK);
	assert_int_equal(vio_unpack32(resp + VIO_MSG_DEVICES_BITS), 3);
	start(0);
	start(1);
	for (uint32_t k = 0; k < 200u; k++) {
		uint32_t i = k & 1u;

		b.ntold = 0;
		offer(i, k);
		finish(i, k);
		assert_int_equal(told(i, VIO_MSG_EVENT_USED), 1);
		assert_int_equal(told(i ^ 1u, VIO_MSG_EVENT_USED), 0);
	}
	assert_int_equal(b.s[0].dev.bad + b.s[1].dev.bad, 0);
	assert_int_equal(vio_msg_bus_dropped(&b.w->bus), 0);
}

/* What is in front of the rings says where they may lie, and nobody may put one elsewhere */
static void outside_the_pool(void **state)
{
	uint64_t bad[4], block;

	(void)state;
	join();
	block = vio_unpack64(b.mem + WINDOW_BLOCK + WINDOW_BLOCK_LENGTH);
	assert_int_equal(vio_unpack32(b.mem + WINDOW_BLOCK), WINDOW_BLOCK_OK);
	assert_true(b.pool % 4096u == 0u && b.pool + block == BYTES);
	bad[0] = 0x180u;      /* a FIFO */
	bad[1] = b.pool - 4u; /* half of it */
	bad[2] = BYTES - 4u;  /* half behind the end */
	bad[3] = UINT64_MAX - 3u;
	for (uint32_t k = 0; k < 4u; k++) {
		start(0);
		start(1);
		offer_to(0, 1, bad[k]);
		rounds(3);
		(void)listen(0u, NULL);
		assert_true((status(0) & VIO_S_NEEDS_RESET) != 0);
		assert_true(told(0, VIO_MSG_EVENT_CONFIG) >= 1u);
		assert_int_equal(b.s[0].dev.n, 0);
		offer(1, 5); /* its neighbour does not notice */
		finish(1, 5);
		b.ntold = 0;
		assert_int_equal(vio_drv_msg_bus.set_status(&b.s[0].drv, 0), VIO_OK);
		assert_int_equal(vio_drv_msg_bus.set_status(&b.s[1].drv, 0), VIO_OK);
	}
	b.s[0].base = 0u; /* a ring over the FIFOs */
	assert_int_equal(vio_drv_msg_bus.set_status(&b.s[0].drv, 3), VIO_OK);
	assert_int_equal(vio_drv_msg_bus.accept(&b.s[0].drv, WANT), VIO_OK);
	assert_int_equal(vio_drv_msg_bus.set_status(&b.s[0].drv, 11), VIO_OK);
	assert_int_equal(vio_drv_msg_bus.setup(&b.s[0].drv, 0, ENTRIES, 0x200u, 0x400u, 0x600u),
			 VIO_E_IO);
	assert_true((status(0) & VIO_S_NEEDS_RESET) != 0);
}

static void access_platform_is_insisted_on(void **state)
{
	uint64_t got;

	(void)state;
	join();
	assert_int_equal(vio_drv_probe(&vio_drv_msg_bus, &b.s[0].drv, VIO_F_VERSION_1, &got),
			 VIO_E_NOTSUP);
	assert_false(b.s[0].port->msg.ctl.refused); /* the port looked, and said why */
	start(0);
}

/* A driver that begins anew gets devices in reset, and not before nothing of the last session can write any more */
static void driver_begins_anew(void **state)
{
	(void)state;
	join();
	start(0);
	start(1);
	offer(0, 1);
	offer(1, 2);
	assert_int_equal(b.s[0].dev.n + b.s[1].dev.n, 2);
	assert_int_equal(vio_msgq_attach(&b.q, b.mem, BYTES), VIO_OK);
	for (uint32_t i = 0; i < 2u; i++) {
		rounds(5);
		assert_int_equal(vio_get16(b.q.peer + VIO_MSGQ_QH_STATUS), VIO_MSGQ_INIT);
		assert_int_equal(vio_msgq_poll(&b.q), VIO_MSGQ_SAME);
		tdev_complete(&b.s[i].dev, 0u);
	}
	rounds(5);
	assert_int_equal(vio_msgq_poll(&b.q), VIO_MSGQ_UP);
	assert_int_equal(status(0) | status(1), 0);
	join();
	start(0);
	offer(0, 3);
	finish(0, 3);
}

static void driver_leaves(void **state)
{
	(void)state;
	join();
	start(0);
	vio_msgq_close(&b.q);
	rounds(3);
	assert_int_equal(status(0), 0);
	assert_int_equal(b.w->q.phase, VIO_MSGQ_IDLE);
	join();
	start(0);
	offer(0, 3);
	finish(0, 3);
}

/* Ends are told, and a process that was killed leaves a window with which the next one begins */
static void process_comes_back(void **state)
{
	(void)state;
	for (int kill = 0; kill < 2; kill++) {
		uint32_t epoch;

		join();
		start(0);
		offer(0, 1);
		epoch = vio_unpack32(b.mem + WINDOW_BLOCK + WINDOW_BLOCK_EPOCH);
		if (kill) {
			uint8_t *keep = malloc(BYTES);

			assert_non_null(keep);
			memcpy(keep, b.mem, BYTES);
			port_down();
			memcpy(b.mem, keep, BYTES); /* as if nobody had said anything */
			free(keep);
			assert_int_equal(vio_msgq_poll(&b.q), VIO_MSGQ_SAME);
		} else {
			port_down();
			assert_int_equal(vio_get16(b.q.peer + VIO_MSGQ_QH_STATUS),
					 VIO_MSGQ_SHUTDOWN);
		}
		port_up();
		assert_int_equal(vio_unpack32(b.mem + WINDOW_BLOCK + WINDOW_BLOCK_EPOCH),
				 epoch + 1u);
		assert_int_equal(vio_msgq_poll(&b.q), VIO_MSGQ_ENDED);
		join();
		start(0);
		offer(0, 2);
		finish(0, 2);
	}
}

/* A driver that does not listen costs nothing, and misses nothing but the number of events */
static void driver_does_not_listen(void **state)
{
	uint8_t ping[12] = { 2u, VIO_MSG_BUS_PING, 0u, 0u, 1u, 0u, 12u };
	uint32_t pings = 0;
	void *cookie;
	uint32_t len;

	(void)state;
	join();
	start(0);
	for (; vio_msgq_put(&b.q, ping, sizeof(ping)) == VIO_OK; pings++) {
		rounds(2);
		assert_true(pings < 1000u);
	}
	/* what we sent fills one FIFO with answers, and the other with what is not answered */
	assert_int_equal(pings, 2u * (WINDOW_ELEMENTS - 1u));
	assert_true(b.w->owed);
	assert_int_not_equal(b.w->look.at, 0);
	for (uint32_t k = 0; k < 3u; k++) { /* not even asked for: no room for a kick */
		uint64_t at = b.s[0].base + 0x4000u + k * 64u;
		struct vio_dma d[2] = { { b.mem + at, at, 4u }, { b.mem, at + 0x1000u, 8u } };

		vio_pack32(d[0].p, k);
		assert_int_equal(vio_dvq_add(&b.s[0].q, d, 1u, 1u, &b), VIO_OK);
		(void)vio_dvq_need_kick(&b.s[0].q);
		loop_post(b.loop, &b.s[0].port->turn[0].task);
		rounds(2);
		tdev_complete(&b.s[0].dev, 0u);
		rounds(2);
	}
	b.ntold = 0;
	for (int i = 0; i < 20; i++) {
		(void)listen(0u, NULL);
		rounds(2);
	}
	assert_int_equal(told(0, VIO_MSG_EVENT_USED), 1);
	assert_int_equal(b.ntold, pings + 1u);
	for (uint32_t k = 0; k < 3u; k++) {
		assert_int_equal(vio_dvq_get(&b.s[0].q, &cookie, &len), VIO_OK);
	}
	assert_false(b.w->owed);
}

/* As with a bell that nobody rings: only what was posted runs */
static void rounds_without_a_bell(unsigned n)
{
	while (n-- > 0) {
		loop_post(b.loop, &b.stop);
		loop_run(b.loop);
	}
}

/* Who waits for something of ours gets it without asking again */
static void nobody_asks_again(void **state)
{
	uint8_t reset[12] = { 0u, VIO_MSG_RESET_VQ, 0u, 0u, 1u, 0u, 12u }, resp[VIO_MSG_MAX];

	(void)state;
	join();
	start(0);
	offer(0, 1);
	b.w->place.wait_fd = 0; /* there is a bell now, so there are no looks */
	assert_int_equal(vio_msgq_put(&b.q, reset, sizeof(reset)), VIO_OK);
	rounds(3);
	assert_false(listen(VIO_MSG_RESET_VQ, resp));
	assert_int_equal(b.w->look.at, 0);
	tdev_complete(&b.s[0].dev, 0u);
	rounds_without_a_bell(3);
	assert_true(listen(VIO_MSG_RESET_VQ, resp));

	start(1);
	offer(1, 2);
	assert_int_equal(vio_msgq_attach(&b.q, b.mem, BYTES), VIO_OK);
	rounds(3);
	assert_int_equal(vio_msgq_poll(&b.q), VIO_MSGQ_SAME);
	tdev_complete(&b.s[1].dev, 0u);
	rounds_without_a_bell(3);
	assert_int_equal(vio_msgq_poll(&b.q), VIO_MSGQ_UP);
	b.w->place.wait_fd = -1;
}

/* An event for which there is no room is looked after, though nobody says that there is room now */
static void event_waits_for_room(void **state)
{
	uint8_t ping[12] = { 2u, VIO_MSG_BUS_PING, 0u, 0u, 1u, 0u, 12u };

	(void)state;
	join();
	start(0);
	offer(0, 1);
	b.w->place.wait_fd = 0;
	for (uint32_t i = 0; i < WINDOW_ELEMENTS - 2u; i++) {
		assert_int_equal(vio_msgq_put(&b.q, ping, sizeof(ping)), VIO_OK);
		rounds(1);
	}
	assert_int_equal(b.w->look.at, 0);
	vio_dev_config_changed(&b.s[1].dev.d); /* the last place */
	tdev_complete(&b.s[0].dev, 0u);
	rounds(3);
	assert_int_not_equal(b.w->look.at, 0);
	b.ntold = 0;
	(void)listen(0u, NULL);
	assert_int_equal(told(0, VIO_MSG_EVENT_USED), 0);
	rounds(2);
	(void)listen(0u, NULL);
	assert_int_equal(told(0, VIO_MSG_EVENT_USED), 1);
	assert_int_equal(b.w->look.at, 0);
	b.w->place.wait_fd = -1;
}

static void on_time(struct vio_timer *t)
{
	(void)t;
	loop_stop(b.loop);
}

/* With a budget for it the loop looks for messages before it sleeps: without a bell, and without a timer */
static void polls(void **state)
{
	uint8_t ping[12] = { 2u, VIO_MSG_BUS_PING, 0u, 0u, 1u, 0u, 12u }, resp[VIO_MSG_MAX];
	struct vio_timer time = { .fire = on_time };
	struct vio_clock *c = loop_clock(b.loop);

	(void)state;
	for (uint32_t us = 0; us < 2000u; us += 1000u) {
		port_down();
		b.poll_us = us;
		port_up();
		join();
		b.w->place.wait_fd = 0;
		rounds(1);
		assert_int_equal(vio_msgq_put(&b.q, ping, sizeof(ping)), VIO_OK);
		c->set(c, &time, c->now(c) + 20000000u);
		loop_run(b.loop);
		assert_int_equal(listen(VIO_MSG_BUS_PING, resp), us != 0u);
		b.w->place.wait_fd = -1;
	}
}

/* A storm of messages and bells: others get their turns in between, and nothing breaks */
static void storm(void **state)
{
	uint8_t kick[16] = { 0u, VIO_MSG_EVENT_AVAIL, 0u, 0u, 0u, 0u, 16u };

	(void)state;
	join();
	start(0);
	start(1);
	for (uint32_t i = 0; i < 3000u; i++) {
		uint64_t before = b.w->stat.received;
		uint8_t msg[WINDOW_ELEMENT];

		while (vio_msgq_room(&b.q) > 0u) {
			for (uint32_t k = 0; k < sizeof(msg); k++) {
				msg[k] = (uint8_t)world_random();
			}
			vio_pack16(msg + VIO_MSG_DEV, (uint16_t)(world_random() & 3u));
			msg[VIO_MSG_TYPE] &= 3u;
			/* nothing but what changes no status */
			msg[VIO_MSG_ID] = (msg[VIO_MSG_ID] & 1u) != 0u ? VIO_MSG_GET_VQ : 0x20u;
			(void)vio_msgq_put(&b.q, (i & 1u) != 0u ? msg : kick,
					   (i & 1u) != 0u ? sizeof(msg) : sizeof(kick));
		}
		window_work(&b.w->work);
		assert_true(b.w->stat.received - before <= WINDOW_ELEMENTS);
		(void)listen(0u, NULL);
		rounds(1);
	}
	rounds(5);
	assert_true(vio_msg_bus_dropped(&b.w->bus) > 10000u);
	(void)listen(0u, NULL);
	offer(1, 1);
	finish(1, 1);
}

static void corrupt_fifo(void **state)
{
	(void)state;
	join();
	start(0);
	offer(0, 1);
	vio_put16(b.q.my + VIO_MSGQ_QH_TAIL, 0x7777u);
	rounds(2);
	assert_int_equal(vio_get16(b.q.peer + VIO_MSGQ_QH_STATUS), VIO_MSGQ_PEER_DEAD);
	tdev_complete(&b.s[0].dev, 0u);
	rounds(2);
	assert_int_equal(status(0), 0);
	assert_int_equal(vio_msgq_poll(&b.q), VIO_MSGQ_ENDED);
	join();
	start(0);
	offer(0, 2);
	finish(0, 2);
}

/* The other side may write anywhere at any time */
static void scribbled_over(void **state)
{
	(void)state;
	join();
	start(0);
	start(1);
	for (uint32_t i = 0; i < 30000u; i++) {
		uint32_t at = (world_random() & 3u) != 0u ? world_random() % 0x200u
							  : world_random() % 0x24000u;

		b.mem[at] =
			(uint8_t)((world_random() & 1u) != 0u ? world_random() : b.mem[at] + 1u);
		if ((i & 7u) == 0u) {
			pump();
			for (uint32_t k = 0; k < SIDES; k++) {
				if (b.s[k].dev.n > 0u) {
					tdev_complete(&b.s[k].dev, 0u);
				}
			}
		}
		if ((i & 1023u) == 0u) {
			port_down();
			port_up();
			join();
			start(i / 1024u & 1u);
		}
	}
	port_down();
	port_up();
	join();
	start(0);
	offer(0, 2);
	finish(0, 2);
}

static void memory_is_taken_away(void **state)
{
	(void)state;
	join();
	start(0);
	assert_int_equal(sigbus_init(), 0); /* cmocka has a handler of its own */
	assert_int_equal(truncate(b.path, 0), 0);
	window_work(&b.w->work);
	rounds(5);
	assert_true(b.w->gone);
	assert_int_equal(status(0), 0);
}

static void limits(void **state)
{
	static const struct {
		uint64_t bytes;
		uint16_t devices, nvq, queue;
		uint32_t request;
	} row[] = {
		{ 65536u, 1u, 1u, 16u, 8192u },	       { 1u << 20, 1u, 1u, 256u, 253952u },
		{ 1u << 20, 5u, 1u, 64u, 49152u },     { 1u << 20, 5u, 2u, 32u, 49152u },
		{ 16u << 20, 1u, 1u, 256u, 4186112u }, { 65536u, 32u, 4u, 4u, 8192u },
	};

	(void)state;
	port_down();
	for (uint32_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct window_config cfg = { .loop = b.loop,
					     .where = b.where,
					     .devices = row[i].devices };
		struct window_dev_config dev = {
			.dev = &b.s[0].dev.d, .name = "x", .closed = on_closed, .arg = &b.s[0]
		};
		struct window_dev *d;

		assert_int_equal(truncate(b.path, (off_t)row[i].bytes), 0);
		b.w = window_open(&cfg, b.err);
		assert_non_null(b.w);
		assert_int_equal(window_limits(b.w, 0)->bytes_max, row[i].request);
		assert_int_equal(window_limits(b.w, 32768u)->bytes_max, 32768);
		assert_int_equal(tdev_init(&b.s[0].dev, window_limits(b.w, 0), true), VIO_OK);
		d = window_dev_add(b.w, &dev, b.err);
		if (row[i].nvq == 1u) {
			assert_int_equal(b.s[0].dev.vq.size_max, row[i].queue);
		}
		b.s[0].closed = false;
		assert_int_equal(window_dev_close(d), VIO_PENDING);
		rounds(2);
		assert_true(b.s[0].closed);
		window_close(b.w);
		b.w = NULL;
	}
	assert_int_equal(truncate(b.path, BYTES), 0);
}

static void refused(void **state)
{
	static const struct {
		const char *where;
		const char *says;
	} row[] = {
		{ "nothing", "is no window; known: file:PATH" },
		{ "nothing:else", "is no window; known: file:PATH" },
		{ "file:/nonexistent/w", "/nonexistent/w: No such file" },
		{ "file:/tmp/t_window.none,65535", "whole pages" },
		{ "file:/tmp/t_window.none,x", "the size" },
		{ "ivshmem-server:/nonexistent", "an ivshmem server has to listen there" },
		{ "ivshmem:ffff:ff:1f.7", "no such PCI device" },
		{ "ivshmem:../../x", "an address is like" },
		{ "mem:0x1001,1M", "the ADDRESS of a page" },
		{ "mem:0x1000", "the ADDRESS of a page" },
		{ "uio:none", "uio DEVICE" },
	};

	(void)state;
	for (uint32_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct window_config cfg = { .loop = b.loop, .where = row[i].where };

		(void)unlink("/tmp/t_window.none");
		if (window_open(&cfg, b.err) != NULL || !strstr(b.err, row[i].says)) {
			fail_msg("%s: %s", row[i].where, b.err);
		}
	}
	(void)unlink("/tmp/t_window.none");
	for (int twice = 0; twice < 2; twice++) {
		struct window_config cfg = { .loop = b.loop, .where = b.where };

		if (twice) {
			port_down();
			snprintf(b.where, sizeof(b.where), "file:%s,2M", b.path);
		}
		assert_null(window_open(&cfg, b.err));
		assert_non_null(
			strstr(b.err, twice ? "another size" : "another program serves it"));
	}
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, bed_up, bed_down)
	const struct CMUnitTest tests[] = {
		T(two_devices),
		T(outside_the_pool),
		T(access_platform_is_insisted_on),
		T(driver_begins_anew),
		T(driver_leaves),
		T(process_comes_back),
		T(driver_does_not_listen),
		T(nobody_asks_again),
		T(event_waits_for_room),
		T(polls),
		T(storm),
		T(corrupt_fifo),
		T(scribbled_over),
		T(memory_is_taken_away),
		T(limits),
		T(refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
