/* SPDX-License-Identifier: BSD-3-Clause */
/* t_msgq.c - FIFOs of messages: both sides at once, and another side that lies */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "test/support/world.h"
#include "vio/msgq.h"

#define BYTES 0x8000u
#define N     8u
#define SIZE  64u

static const struct vio_msgq_shape shape = { .n = N, .size = SIZE, .at = 128u };

static struct bench {
	uint8_t mem[BYTES] __attribute__((aligned(64)));
	struct vio_msgq dev, drv;
} b;

static int setup(void **state)
{
	(void)state;
	memset(&b, 0, sizeof(b));
	memset(b.mem, 0xa5, sizeof(b.mem)); /* whatever was there before */
	return 0;
}

static void up(void)
{
	assert_int_equal(vio_msgq_create(&b.dev, b.mem, BYTES, &shape), VIO_OK);
	assert_int_equal(vio_msgq_attach(&b.drv, b.mem, BYTES), VIO_OK);
	assert_int_equal(vio_msgq_poll(&b.dev), VIO_MSGQ_BEGUN);
	assert_int_equal(vio_msgq_poll(&b.drv), VIO_MSGQ_SAME); /* not before it is open */
	vio_msgq_open(&b.dev);
	assert_int_equal(vio_msgq_poll(&b.drv), VIO_MSGQ_UP);
	assert_int_equal(vio_msgq_poll(&b.dev), VIO_MSGQ_UP);
	assert_int_equal(vio_msgq_poll(&b.drv), VIO_MSGQ_SAME);
	assert_int_equal(vio_msgq_poll(&b.dev), VIO_MSGQ_SAME);
}

static void put(struct vio_msgq *q, uint32_t serial)
{
	uint8_t m[SIZE];

	memset(m, (int)serial, sizeof(m));
	vio_pack32(m, serial);
	assert_int_equal(vio_msgq_put(q, m, sizeof(m)), VIO_OK);
}

static void get(struct vio_msgq *q, uint32_t serial)
{
	uint8_t m[SIZE];

	assert_int_equal(vio_msgq_peek(q, m), VIO_OK);
	assert_int_equal(vio_unpack32(m), serial);
	assert_int_equal(m[SIZE - 1u], (uint8_t)serial);
	vio_msgq_take(q);
}

static uint16_t state_of(const struct vio_msgq *q)
{
	return vio_get16(q->my + VIO_MSGQ_QH_STATUS);
}

/* Many times round, both ways, with all fillings from empty to full */
static void round_and_round(void **state)
{
	uint32_t sent[2] = { 0u, 0u }, got[2] = { 0u, 0u };

	(void)state;
	up();
	for (uint32_t i = 0u; i < 20000u; i++) {
		uint32_t side = world_random() & 1u;
		struct vio_msgq *q = side != 0u ? &b.drv : &b.dev;
		uint32_t mine = sent[side] - got[side], other = sent[side ^ 1u] - got[side ^ 1u];

		assert_int_equal(vio_msgq_room(q), N - 1u - mine);
		if ((world_random() & 1u) != 0u && mine < N - 1u) {
			put(q, sent[side]++);
		} else if (other > 0u) {
			get(q, got[side ^ 1u]++);
		} else {
			uint8_t m[SIZE];

			assert_int_equal(vio_msgq_peek(q, m), VIO_E_AGAIN);
		}
	}
	assert_true(sent[0] > 1000u && sent[1] > 1000u);
}

/* Who waits for room is rung by whoever makes it, and only then */
static void full(void **state)
{
	uint8_t m[SIZE] = { 0u };

	(void)state;
	up();
	put(&b.dev, 0u);
	get(&b.drv, 0u);
	assert_false(vio_msgq_freed(&b.drv)); /* nobody waited */
	for (uint32_t i = 0u; i < N - 1u; i++) {
		put(&b.dev, i);
	}
	assert_int_equal(vio_msgq_put(&b.dev, m, SIZE), VIO_E_AGAIN);
	assert_int_equal(vio_msgq_room(&b.dev), 0);
	assert_false(vio_msgq_freed(&b.drv));
	get(&b.drv, 0u);
	get(&b.drv, 1u);
	assert_true(vio_msgq_freed(&b.drv));
	assert_false(vio_msgq_freed(&b.drv));
	assert_int_equal(vio_msgq_room(&b.dev), 2);
	put(&b.dev, 9u);
	assert_int_equal(vio_msgq_put(&b.dev, m, SIZE + 1u), VIO_E_ARG);
	assert_int_equal(vio_msgq_put(&b.dev, m, 0u), VIO_E_ARG);
}

static void shapes(void **state)
{
	static const struct vio_msgq_shape row[] = {
		{ 1u, 64u, 128u, 0u, 0u }, { 0u, 64u, 128u, 0u, 0u },  { 5000u, 64u, 128u, 0u, 0u },
		{ 8u, 48u, 128u, 0u, 0u }, { 8u, 268u, 128u, 0u, 0u }, { 8u, 66u, 128u, 0u, 0u },
		{ 8u, 64u, 0u, 0u, 0u },   { 8u, 64u, 100u, 0u, 0u },  { 8u, 64u, 128u, 65u, 1u },
		{ 8u, 64u, 128u, 1u, 0u }, { 8u, 64u, 128u, 1u, 3u },  { 8u, 64u, 128u, 1u, 32u },
	};
	static const struct vio_msgq_shape big = { 264u, 264u, 64u, 64u, 16u };

	(void)state;
	for (uint32_t i = 0u; i < sizeof(row) / sizeof(row[0]); i++) {
		assert_int_equal(vio_msgq_bytes(&row[i]), 0);
		assert_int_equal(vio_msgq_create(&b.dev, b.mem, BYTES, &row[i]), VIO_E_ARG);
	}
	assert_true(vio_msgq_bytes(&big) > 2u * 264u * 264u);
	assert_int_equal(vio_msgq_create(&b.dev, b.mem, BYTES, &big), VIO_E_ARG);
	assert_int_equal(vio_msgq_create(&b.dev, b.mem, vio_msgq_bytes(&shape) - 1u, &shape),
			 VIO_E_ARG);
	assert_int_equal(vio_msgq_create(&b.dev, b.mem + 4, BYTES - 4u, &shape), VIO_E_ARG);
	assert_int_equal(vio_msgq_create(&b.dev, b.mem, vio_msgq_bytes(&shape), &shape), VIO_OK);
}

/* What a driver believes of a layout */
static void layouts(void **state)
{
	static const struct {
		const char *what;
		uint32_t at, bytes;
		uint64_t v;
		int rc;
	} row[] = {
		{ "good", 14u, 2u, 0u, VIO_OK },
		{ "no magic yet", 0u, 2u, 0u, VIO_E_AGAIN },
		{ "other length", 2u, 2u, 63u, VIO_E_ARG },
		{ "other version", 4u, 2u, 2u, VIO_E_ARG },
		{ "unknown feature", 6u, 2u, 2u, VIO_E_ARG },
		{ "65 words", 8u, 1u, 65u, VIO_E_ARG },
		{ "a third of a bit", 8u, 2u, 0x301u, VIO_E_ARG },
		{ "no elements", 10u, 2u, 0u, VIO_E_ARG },
		{ "one element", 10u, 2u, 1u, VIO_E_ARG },
		{ "too many elements", 10u, 2u, 0xffffu, VIO_E_ARG },
		{ "as much as there is", 10u, 2u, BYTES / SIZE, VIO_E_ARG },
		{ "more than there is", 10u, 2u, 2u * BYTES / SIZE, VIO_E_ARG },
		{ "elements too small", 12u, 2u, 8u, VIO_E_ARG },
		{ "elements too large", 12u, 2u, 0xfffcu, VIO_E_ARG },
		{ "head at 0", 24u, 8u, 0u, VIO_E_ARG },
		{ "head in the layout", 24u, 8u, 60u, VIO_E_ARG },
		{ "head not aligned", 24u, 8u, 1025u, VIO_E_ARG },
		{ "head at the end", 24u, 8u, BYTES - 4u, VIO_E_ARG },
		{ "head far away", 24u, 8u, 1ull << 40, VIO_E_ARG },
		{ "head around the end", 24u, 8u, UINT64_MAX - 3u, VIO_E_ARG },
		{ "both heads at one place", 48u, 8u, 128u, VIO_E_ARG },
		{ "elements in a head", 32u, 8u, 128u, VIO_E_ARG },
		{ "elements at the end", 56u, 8u, BYTES - 64u, VIO_E_ARG },
		{ "elements in elements", 56u, 8u, 0x180u + 64u, VIO_E_ARG },
	};

	(void)state;
	for (uint32_t i = 0u; i < sizeof(row) / sizeof(row[0]); i++) {
		assert_int_equal(vio_msgq_create(&b.dev, b.mem, BYTES, &shape), VIO_OK);
		for (uint32_t k = 0u; k < row[i].bytes; k++) {
			b.mem[row[i].at + k] = (uint8_t)(row[i].v >> (8u * k));
		}
		if (vio_msgq_attach(&b.drv, b.mem, BYTES) != row[i].rc) {
			fail_msg("%s", row[i].what);
		}
	}
	assert_int_equal(vio_msgq_create(&b.dev, b.mem, BYTES, &shape), VIO_OK);
	vio_put16(b.mem + VIO_MSGQ_N, 2u * BYTES / SIZE); /* larger than all, and apart */
	vio_put32(b.mem + VIO_MSGQ_OFFSETS + 40u, 0x40000u);
	assert_int_equal(vio_msgq_attach(&b.drv, b.mem, BYTES), VIO_E_ARG);
	assert_int_equal(vio_msgq_attach(&b.drv, b.mem, 63u), VIO_E_ARG);
}

/* Indices that cannot be: closed, nothing is taken, until the driver begins anew */
static void lies(void **state)
{
	static const struct {
		const char *what;
		uint16_t tail, head;
		bool dead;
	} row[] = {
		{ "nothing new", 2u, 1u, false },
		{ "it has read one more", 2u, 2u, false },
		{ "it has read more than there is", 2u, 4u, true },
		{ "it goes back", 2u, 0u, true },
		{ "its head is beyond the last", 2u, N, true },
		{ "its head is far beyond", 2u, 0xffffu, true },
		{ "its tail is beyond the last", N, 1u, true },
		{ "its tail is far beyond", 0xffffu, 1u, true },
	};

	(void)state;
	for (uint32_t i = 0u; i < sizeof(row) / sizeof(row[0]); i++) {
		uint8_t m[SIZE] = { 0u };

		up();
		put(&b.drv, 1u);
		put(&b.drv, 2u);
		get(&b.dev, 1u);
		get(&b.dev, 2u);
		for (uint32_t k = 0u; k < 3u; k++) {
			put(&b.dev, k);
		}
		get(&b.drv, 0u);
		assert_int_equal(vio_msgq_room(&b.dev), N - 3u);
		vio_put16(b.drv.my + VIO_MSGQ_QH_TAIL, row[i].tail);
		vio_put16(b.drv.my + VIO_MSGQ_QH_HEAD, row[i].head);
		(void)vio_msgq_peek(&b.dev, m);
		(void)vio_msgq_put(&b.dev, m, SIZE);
		if ((b.dev.phase == VIO_MSGQ_DEAD) != row[i].dead ||
		    state_of(&b.dev) != (row[i].dead ? VIO_MSGQ_PEER_DEAD : VIO_MSGQ_RUN)) {
			fail_msg("%s", row[i].what);
		}
		if (row[i].dead) {
			assert_int_equal(vio_msgq_peek(&b.dev, m), VIO_E_RING);
			assert_int_equal(vio_msgq_put(&b.dev, m, SIZE), VIO_E_RING);
			assert_int_equal(vio_msgq_room(&b.dev), 0);
			assert_int_equal(vio_msgq_poll(&b.dev), VIO_MSGQ_SAME);
			assert_int_equal(vio_msgq_poll(&b.drv), VIO_MSGQ_ENDED);
			assert_int_equal(vio_msgq_poll(&b.dev), VIO_MSGQ_BEGUN);
			vio_msgq_open(&b.dev);
			assert_int_equal(vio_msgq_poll(&b.drv), VIO_MSGQ_UP);
			assert_int_equal(vio_msgq_poll(&b.dev), VIO_MSGQ_UP);
			put(&b.drv, 7u);
			get(&b.dev, 7u);
		}
	}
}

/* The same where what the driver has not read goes round the end */
static void lies_round_the_end(void **state)
{
	(void)state;
	for (uint16_t h = N; h < N + 3u; h++) {
		up();
		for (uint32_t k = 0u; k < N - 2u; k++) {
			put(&b.dev, k);
			get(&b.drv, k);
		}
		for (uint32_t k = 0u; k < 4u; k++) {
			put(&b.dev, k);
		}
		assert_int_equal(vio_msgq_room(&b.dev), N - 5u);
		vio_put16(b.drv.my + VIO_MSGQ_QH_HEAD, h);
		assert_int_equal(vio_msgq_room(&b.dev), 0);
		assert_int_equal(b.dev.phase, VIO_MSGQ_DEAD);
	}
}

/* What is in our own head does not matter: it is not read */
static void our_head_is_overwritten(void **state)
{
	(void)state;
	up();
	put(&b.dev, 1u);
	put(&b.drv, 3u);
	memset(b.dev.my, 0xff, VIO_MSGQ_QH_BYTES);
	put(&b.dev, 2u);
	get(&b.dev, 3u);
	assert_int_equal(vio_get16(b.dev.my + VIO_MSGQ_QH_TAIL), 2);
	assert_int_equal(vio_get16(b.dev.my + VIO_MSGQ_QH_HEAD), 1);
}

/* Each state that the driver's side can show, in each phase of ours */
static void states(void **state)
{
	enum { NOBODY = 9 };
	static const struct {
		uint8_t shown; /* while we run */
		enum vio_msgq_event event;
		uint8_t phase;
	} row[] = {
		{ VIO_MSGQ_INIT, VIO_MSGQ_BEGUN, VIO_MSGQ_CLOSING },
		{ VIO_MSGQ_READY, VIO_MSGQ_BEGUN, VIO_MSGQ_CLOSING }, /* it was RUN before */
		{ VIO_MSGQ_RUN, VIO_MSGQ_SAME, VIO_MSGQ_RUNNING },
		{ VIO_MSGQ_SHUTDOWN, VIO_MSGQ_ENDED, VIO_MSGQ_IDLE },
		{ VIO_MSGQ_PEER_DEAD, VIO_MSGQ_BEGUN, VIO_MSGQ_CLOSING },
		{ 17u, VIO_MSGQ_ENDED, VIO_MSGQ_IDLE },
		{ NOBODY, VIO_MSGQ_ENDED, VIO_MSGQ_IDLE },
	};

	(void)state;
	for (uint32_t i = 0u; i < sizeof(row) / sizeof(row[0]); i++) {
		uint8_t m[SIZE];

		up();
		put(&b.drv, 1u);
		if (row[i].shown == NOBODY) {
			vio_put16(b.drv.my + VIO_MSGQ_QH_MAGIC, 0u);
		} else {
			vio_put16(b.drv.my + VIO_MSGQ_QH_STATUS, row[i].shown);
		}
		/* what lies in the FIFO of one who leaves or begins is not for us any more */
		assert_int_equal(vio_msgq_peek(&b.dev, m),
				 row[i].shown == VIO_MSGQ_RUN ? VIO_OK : VIO_E_AGAIN);
		assert_int_equal(vio_msgq_poll(&b.dev), row[i].event);
		assert_int_equal(b.dev.phase, row[i].phase);
		assert_int_equal(state_of(&b.dev),
				 row[i].event == VIO_MSGQ_SAME ? VIO_MSGQ_RUN : VIO_MSGQ_INIT);
		assert_int_equal(vio_msgq_poll(&b.dev), VIO_MSGQ_SAME);
	}
}

/* Linux's own driver is READY as soon as our head is there, and RUN when ours says READY or RUN */
static void a_driver_that_does_not_wait(void **state)
{
	(void)state;
	assert_int_equal(vio_msgq_create(&b.dev, b.mem, BYTES, &shape), VIO_OK);
	assert_int_equal(vio_msgq_attach(&b.drv, b.mem, BYTES), VIO_OK);
	for (int again = 0; again < 2; again++) {
		vio_put16(b.drv.my + VIO_MSGQ_QH_STATUS, VIO_MSGQ_READY);
		assert_int_equal(vio_msgq_poll(&b.dev), VIO_MSGQ_BEGUN);
		assert_int_equal(state_of(&b.dev), VIO_MSGQ_INIT);
		assert_int_equal(vio_msgq_poll(&b.dev), VIO_MSGQ_SAME);
		vio_msgq_open(&b.dev);
		assert_int_equal(vio_msgq_poll(&b.dev), VIO_MSGQ_UP);
		vio_put16(b.drv.my + VIO_MSGQ_QH_STATUS, VIO_MSGQ_RUN);
		assert_int_equal(vio_msgq_poll(&b.dev), VIO_MSGQ_SAME);
	}
}

/* A driver of an earlier device side is still in RUN: it has to begin anew, we wait for it */
static void device_comes_back(void **state)
{
	(void)state;
	up();
	put(&b.drv, 1u);
	put(&b.dev, 1u);
	assert_int_equal(vio_msgq_create(&b.dev, b.mem, BYTES, &shape), VIO_OK);
	vio_put16(b.drv.my + VIO_MSGQ_QH_MAGIC,
		  VIO_MSGQ_HEAD_OK); /* it may write that at any time */
	vio_put16(b.drv.my + VIO_MSGQ_QH_STATUS, VIO_MSGQ_RUN);
	assert_int_equal(vio_msgq_poll(&b.dev), VIO_MSGQ_SAME);
	assert_int_equal(b.dev.phase, VIO_MSGQ_IDLE);
	assert_int_equal(vio_msgq_poll(&b.drv), VIO_MSGQ_ENDED);
	assert_int_equal(vio_msgq_poll(&b.dev), VIO_MSGQ_BEGUN);
	vio_msgq_open(&b.dev);
	assert_int_equal(vio_msgq_poll(&b.drv), VIO_MSGQ_UP);
	assert_int_equal(vio_msgq_poll(&b.dev), VIO_MSGQ_UP);
	put(&b.drv, 2u);
	get(&b.dev, 2u);
	vio_msgq_close(&b.dev);
	assert_int_equal(vio_msgq_poll(&b.drv), VIO_MSGQ_ENDED);
}

/* A driver that gave up on a device side, and waits, is seen by the next one: nobody writes to its head but itself */
static void a_driver_waits(void **state)
{
	(void)state;
	up();
	put(&b.drv, 1u);
	assert_int_equal(vio_msgq_attach(&b.drv, b.mem, BYTES), VIO_OK);
	assert_int_equal(vio_msgq_poll(&b.drv), VIO_MSGQ_SAME);
	assert_int_equal(vio_msgq_create(&b.dev, b.mem, BYTES, &shape), VIO_OK);
	assert_int_equal(vio_msgq_poll(&b.dev), VIO_MSGQ_BEGUN);
	vio_msgq_open(&b.dev);
	assert_int_equal(vio_msgq_poll(&b.drv), VIO_MSGQ_UP);
	assert_int_equal(vio_msgq_poll(&b.dev), VIO_MSGQ_UP);
	put(&b.drv, 2u);
	get(&b.dev, 2u);
}

static void notifications(void **state)
{
	static const struct vio_msgq_shape words = {
		.n = N, .size = SIZE, .at = 128u, .words = 2u, .per_device = 8u
	};

	(void)state;
	assert_int_equal(vio_msgq_create(&b.dev, b.mem, BYTES, &words), VIO_OK);
	assert_int_equal(vio_msgq_attach(&b.drv, b.mem, BYTES), VIO_OK);
	assert_int_equal(b.drv.per_device, 8);
	vio_msgq_toggle(&b.drv, 3u);
	vio_msgq_toggle(&b.drv, 127u);
	vio_msgq_toggle(&b.drv, 128u); /* there is none */
	assert_int_equal(vio_msgq_bits(&b.dev, 0u), 8);
	assert_int_equal(vio_msgq_bits(&b.dev, 0u), 0);
	assert_int_equal(vio_msgq_bits(&b.dev, 3u), 0x80000000);
	assert_int_equal(vio_msgq_bits(&b.dev, 4u), 0);
	vio_msgq_toggle(&b.drv, 3u);
	assert_int_equal(vio_msgq_bits(&b.dev, 0u), 8);
	vio_msgq_toggle(&b.dev, 64u);
	assert_int_equal(vio_msgq_bits(&b.drv, 2u), 1);
	assert_int_equal(vio_msgq_bits(&b.drv, 0u), 0);
}

/* Whatever the other side writes: no access beyond the memory (run with sanitizers), and it can begin anew */
static void garbage(void **state)
{
	uint32_t sessions = 0u;

	(void)state;
	up();
	for (uint32_t i = 0u; i < 400000u; i++) {
		uint8_t m[SIZE];

		if ((world_random() & 3u) == 0u) {
			uint32_t at = world_random() % 8u;

			b.drv.my[at] = (uint8_t)(world_random() & ((at & 1u) != 0u ? 1u : 15u));
		}
		if ((world_random() & 63u) == 0u) {
			vio_put16(b.drv.my + VIO_MSGQ_QH_MAGIC, VIO_MSGQ_HEAD_OK);
			vio_put16(b.drv.my + VIO_MSGQ_QH_STATUS, (uint16_t)(world_random() % 5u));
		}
		sessions += vio_msgq_poll(&b.dev) == VIO_MSGQ_UP;
		vio_msgq_open(&b.dev);
		if (vio_msgq_peek(&b.dev, m) == VIO_OK) {
			vio_msgq_take(&b.dev);
		}
		(void)vio_msgq_put(&b.dev, m, SIZE);
		(void)vio_msgq_freed(&b.dev);
	}
	assert_true(sessions > 100u);
	for (int i = 0; b.drv.phase != VIO_MSGQ_RUNNING || b.dev.phase != VIO_MSGQ_RUNNING; i++) {
		assert_true(i < 10);
		if (i == 0) {
			assert_int_equal(vio_msgq_attach(&b.drv, b.mem, BYTES), VIO_OK);
		}
		(void)vio_msgq_poll(&b.dev);
		vio_msgq_open(&b.dev);
		(void)vio_msgq_poll(&b.drv);
	}
	put(&b.drv, 2u);
	get(&b.dev, 2u);
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, NULL)
	const struct CMUnitTest tests[] = {
		T(round_and_round),
		T(full),
		T(shapes),
		T(layouts),
		T(lies),
		T(lies_round_the_end),
		T(our_head_is_overwritten),
		T(states),
		T(a_driver_that_does_not_wait),
		T(device_comes_back),
		T(a_driver_waits),
		T(notifications),
		T(garbage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
