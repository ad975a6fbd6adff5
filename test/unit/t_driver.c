/* SPDX-License-Identifier: BSD-3-Clause */
/* t_driver.c - driver queues: against the device side in every combination, and against a device that lies */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "test/support/matrix.h"
#include "vio/spec/ring.h"

#define REQUESTS 2000u

static void say(const char *line)
{
	print_error("%s\n", line);
}

static void matrix(void **state)
{
	enum world_kind kind = *(const enum world_kind *)*state;

	assert_int_equal(matrix_run(kind, kind > WORLD_MAP ? REQUESTS / 8u : REQUESTS, say), 0);
}

/* ---- a device that is written by hand ---- */

static uint8_t ring_mem[4096] __attribute__((aligned(16)));
static struct vio_dvq_slot slots[16];
static uint8_t buf[64];

static void queue_of(struct vio_dvq *q, uint16_t size, uint16_t flags)
{
	struct vio_dma ring = { .p = ring_mem, .addr = 0x1000u, .len = sizeof(ring_mem) };

	assert_int_equal(vio_dvq_init(q, size, flags, &ring, slots), VIO_OK);
}

static int add(struct vio_dvq *q, uint16_t out, uint16_t in, uint16_t tag)
{
	struct vio_dma b[4];

	for (uint16_t i = 0; i < out + in; i++) {
		b[i] = (struct vio_dma){ .p = buf, .addr = 0x9000u, .len = 8u };
	}
	return vio_dvq_add(q, b, out, in, &buf[tag]);
}

static void split_use(struct vio_dvq *q, uint16_t at, uint32_t id, uint32_t len, uint16_t idx)
{
	vio_put32(q->device + 4 + 8 * at, id);
	vio_put32(q->device + 8 + 8 * at, len);
	vio_put16(q->device + 2, idx);
}

static void packed_use(struct vio_dvq *q, uint16_t at, uint16_t id, uint32_t len, bool wrap)
{
	vio_put32(q->desc + 16 * at + 8, len);
	vio_put16(q->desc + 16 * at + 12, id);
	vio_put16(q->desc + 16 * at + 14, (uint16_t)(VIO_DESC_F_WRITE | (wrap ? 0x8080u : 0u)));
}

static void lies(void **state)
{
	/* one request of id 0 with 8 writable bytes is offered in two or three descriptors; index 1 is a second, not offered */
	static const struct {
		const char *what;
		bool packed;
		uint32_t id, len;
		uint16_t idx; /* split */
	} t[] = {
		{ "id beyond the queue", false, 4u, 8u, 1u },
		{ "id far beyond", false, 0x10000u, 8u, 1u },
		{ "id inside a chain", false, 1u, 8u, 1u },
		{ "id that is free", false, 3u, 8u, 1u },
		{ "more written than offered", false, 0u, 9u, 1u },
		{ "more used than offered", false, 0u, 8u, 2u },
		{ "index runs backwards", false, 0u, 8u, 0xffffu },
		{ "packed id beyond the queue", true, 4u, 8u, 0u },
		{ "packed id that is free", true, 1u, 8u, 0u },
		{ "packed more written than offered", true, 0u, 9u, 0u },
	};
	void *cookie;
	uint32_t len;

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct vio_dvq q;

		queue_of(&q, 4u, t[i].packed ? VIO_DVQ_PACKED : 0u);
		assert_int_equal(add(&q, 1u, 1u, 0u), VIO_OK);
		assert_true(vio_dvq_need_kick(&q));
		assert_int_equal(vio_dvq_get(&q, &cookie, &len), VIO_E_AGAIN);
		if (t[i].packed) {
			packed_use(&q, 0u, (uint16_t)t[i].id, t[i].len, true);
		} else {
			split_use(&q, 0u, t[i].id, t[i].len, t[i].idx);
		}
		if (vio_dvq_get(&q, &cookie, &len) != VIO_E_RING) {
			fail_msg("believed: %s", t[i].what);
		}
		assert_true(q.broken);
		assert_true(vio_dvq_arm(&q)); /* nobody sleeps on a broken queue */
		assert_int_equal(add(&q, 1u, 0u, 0u), VIO_E_RING);
	}
}

static void twice(void **state)
{
	struct vio_dvq q;
	void *cookie;
	uint32_t len;

	(void)state;
	for (uint16_t flags = 0; flags <= VIO_DVQ_PACKED; flags++) {
		queue_of(&q, 4u, flags);
		assert_int_equal(add(&q, 0u, 1u, 1u), VIO_OK);
		assert_int_equal(add(&q, 0u, 1u, 2u), VIO_OK);
		assert_true(vio_dvq_need_kick(&q));
		if (flags != 0u) {
			packed_use(&q, 0u, 0u, 3u, true);
			packed_use(&q, 1u, 0u, 3u, true);
		} else {
			split_use(&q, 0u, 0u, 3u, 1u);
			split_use(&q, 1u, 0u, 3u, 2u);
		}
		assert_int_equal(vio_dvq_get(&q, &cookie, &len), VIO_OK);
		assert_ptr_equal(cookie, &buf[1]);
		assert_int_equal(len, 3);
		assert_int_equal(vio_dvq_get(&q, &cookie, &len), VIO_E_RING);
	}
}

/* IN_ORDER: one used element stands for three requests */
static void batch(void **state)
{
	struct vio_dvq q;
	void *cookie;
	uint32_t len;

	(void)state;
	for (uint16_t flags = 0; flags <= VIO_DVQ_PACKED; flags++) {
		queue_of(&q, 8u, (uint16_t)(flags | VIO_DVQ_IN_ORDER));
		for (uint16_t round = 0; round < 5u; round++) {
			uint16_t used = q.used, last = (uint16_t)((round * 6u + 4u) % 8u);
			bool wrap = q.used_wrap;

			for (uint16_t k = 0; k < 3u; k++) {
				assert_int_equal(add(&q, 1u, 1u, k), VIO_OK);
			}
			assert_true(vio_dvq_need_kick(&q));
			if (flags != 0u) {
				packed_use(&q, used, last, 5u, wrap);
			} else {
				split_use(&q, used & 7u, last, 5u, (uint16_t)(used + 3u));
			}
			for (uint16_t k = 0; k < 3u; k++) {
				assert_int_equal(vio_dvq_get(&q, &cookie, &len), VIO_OK);
				assert_ptr_equal(cookie, &buf[k]);
				assert_int_equal(
					len, (k == 2u) ? 5u : 8u); /* skipped: written completely */
			}
			assert_int_equal(vio_dvq_get(&q, &cookie, &len), VIO_E_AGAIN);
		}
		/* a batch that is longer than the index says */
		if (flags == 0u) {
			assert_int_equal(add(&q, 0u, 1u, 0u), VIO_OK);
			assert_int_equal(add(&q, 0u, 1u, 1u), VIO_OK);
			(void)vio_dvq_need_kick(&q);
			split_use(&q, q.used & 7u, (uint32_t)((q.order + 1u) & 7u), 1u,
				  (uint16_t)(q.used + 1u));
			assert_int_equal(vio_dvq_get(&q, &cookie, &len), VIO_OK);
			assert_int_equal(vio_dvq_get(&q, &cookie, &len), VIO_E_RING);
		}
	}
}

static void bad_arguments(void **state)
{
	struct vio_dma ring = { .p = ring_mem, .addr = 0x1000u, .len = sizeof(ring_mem) },
		       b = { buf, 0, 0 };
	struct vio_dvq q;

	(void)state;
	assert_int_equal(vio_dvq_init(&q, 0u, 0u, &ring, slots), VIO_E_ARG);
	assert_int_equal(vio_dvq_init(&q, 6u, 0u, &ring, slots), VIO_E_ARG);
	assert_int_equal(vio_dvq_init(&q, 32769u, VIO_DVQ_PACKED, &ring, slots), VIO_E_ARG);
	assert_int_equal(vio_dvq_init(&q, 1024u, 0u, &ring, slots), VIO_E_ARG);
	ring.addr += 8u;
	assert_int_equal(vio_dvq_init(&q, 4u, 0u, &ring, slots), VIO_E_ARG);
	queue_of(&q, 4u, 0u);
	assert_int_equal(vio_dvq_add(&q, &b, 0u, 0u, NULL), VIO_E_ARG);
	assert_int_equal(vio_dvq_add(&q, &b, 1u, 0u, NULL), VIO_E_ARG); /* empty piece */
	assert_int_equal(vio_dvq_add(&q, &b, 5u, 0u, NULL), VIO_E_ARG);
	assert_false(vio_dvq_need_kick(&q));
}

/* Suppression without EVENT_IDX, both directions and formats */
static void suppression(void **state)
{
	struct vio_dvq q;

	(void)state;
	queue_of(&q, 4u, 0u);
	vio_put16(q.device, VIO_USED_F_NO_NOTIFY);
	assert_int_equal(add(&q, 1u, 0u, 0u), VIO_OK);
	assert_false(vio_dvq_need_kick(&q));
	assert_int_equal(vio_get16(q.driver + 2), 1);
	vio_dvq_mute(&q);
	assert_int_equal(vio_get16(q.driver), VIO_AVAIL_F_NO_INTERRUPT);
	assert_false(vio_dvq_arm(&q));
	assert_int_equal(vio_get16(q.driver), 0);
	queue_of(&q, 4u, VIO_DVQ_PACKED);
	vio_put32(q.device, VIO_EVENT_DISABLE << 16);
	assert_int_equal(add(&q, 1u, 0u, 0u), VIO_OK);
	assert_false(vio_dvq_need_kick(&q));
	vio_dvq_mute(&q);
	assert_int_equal(vio_get32(q.driver) >> 16, VIO_EVENT_DISABLE);
	/* EVENT_IDX: the kick that passes the wanted place, and no other */
	queue_of(&q, 4u, VIO_DVQ_EVENT_IDX);
	vio_put16(q.device + 4 + 8 * 4, 1u);
	assert_int_equal(add(&q, 1u, 0u, 0u), VIO_OK);
	assert_false(vio_dvq_need_kick(&q));
	assert_int_equal(add(&q, 1u, 0u, 0u), VIO_OK);
	assert_true(vio_dvq_need_kick(&q));
	assert_int_equal(add(&q, 1u, 0u, 0u), VIO_OK);
	assert_false(vio_dvq_need_kick(&q));
}

int main(void)
{
	static enum world_kind kinds[WORLD_KINDS];
	struct CMUnitTest tests[WORLD_KINDS + 5] = {
		[WORLD_KINDS] = cmocka_unit_test(lies),
		cmocka_unit_test(twice),
		cmocka_unit_test(batch),
		cmocka_unit_test(bad_arguments),
		cmocka_unit_test(suppression),
	};

	for (int k = 0; k < WORLD_KINDS; k++) {
		kinds[k] = (enum world_kind)k;
		tests[k] = (struct CMUnitTest){ .name = world_name[k],
						.test_func = matrix,
						.initial_state = &kinds[k] };
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
