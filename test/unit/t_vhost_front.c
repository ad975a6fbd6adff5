/* SPDX-License-Identifier: BSD-3-Clause */
/* t_vhost_front.c - vhost-user, front-end side: traffic with our own port, and back-ends that lie */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include "port/vhost_user/front.h"
#include "test/support/liar.h"
#include "test/unit/vhu_rig.h"

#define REPLY_MS 10000u

static const struct vhf_config plain = { .reply_ms = REPLY_MS };

struct line {
	struct vhf *f;
	uint64_t features;
	struct vio_dma ring[VQS];
	struct vio_dvq q[VQS];
	struct vio_dvq_slot slot[VQS][SIZE];
};

static void line_open(struct line *l, struct rig *g, const struct vhf_config *cfg, uint32_t regions)
{
	char err[256] = "";

	memset(l, 0, sizeof(*l));
	l->f = vhf_connect(cfg, g->path, 0, err);
	if (!l->f) {
		fail_msg("%s", err);
	}
	assert_int_equal(vhf_memory(l->f, regions, 65536), VIO_OK);
}

static void line_up(struct line *l, uint64_t want)
{
	uint16_t flags;
	uint8_t s = VIO_S_ACKNOWLEDGE | VIO_S_DRIVER | VIO_S_FEATURES_OK | VIO_S_DRIVER_OK;

	assert_int_equal(vio_drv_probe(&vhf_bus, l->f, want | VIO_F_VERSION_1, &l->features),
			 VIO_OK);
	assert_int_equal(l->features, want | VIO_F_VERSION_1);
	flags = (uint16_t)((want & VIO_F_RING_PACKED ? VIO_DVQ_PACKED : 0) |
			   (want & VIO_F_EVENT_IDX ? VIO_DVQ_EVENT_IDX : 0) |
			   (want & VIO_F_IN_ORDER ? VIO_DVQ_IN_ORDER : 0));
	for (uint16_t i = 0; i < VQS; i++) {
		uint32_t bytes = vio_dvq_bytes(SIZE, (flags & VIO_DVQ_PACKED) != 0);
		uint64_t at[3];

		if (!l->ring[i].p) {
			assert_int_equal(vhf_alloc(l->f, i, bytes, 4096, &l->ring[i]), VIO_OK);
		}
		assert_int_equal(vio_dvq_init(&l->q[i], SIZE, flags, &l->ring[i], l->slot[i]),
				 VIO_OK);
		vio_dvq_areas(&l->q[i], &l->ring[i], at);
		assert_int_equal(vhf_bus.setup(l->f, i, SIZE, at[0], at[1], at[2]), VIO_OK);
	}
	assert_int_equal(vhf_bus.set_status(l->f, s), VIO_OK);
}

/* One request with 40 bytes that come back, their buffers in region `at`; waits for the call. */
static void line_echo(struct line *l, uint16_t vq, uint32_t at, bool indirect)
{
	struct vio_dma b[2], table;
	void *cookie = NULL;
	uint32_t len = 0;
	int rc;

	assert_int_equal(vhf_alloc(l->f, at, 40, 1, &b[0]), VIO_OK);
	assert_int_equal(vhf_alloc(l->f, at + 1, 40, 1, &b[1]), VIO_OK);
	for (uint8_t i = 0; i < 40; i++) {
		b[0].p[i] = (uint8_t)(i + at + 1);
	}
	if (indirect) {
		assert_int_equal(vhf_alloc(l->f, at, 32, 16, &table), VIO_OK);
		assert_int_equal(vio_dvq_add_indirect(&l->q[vq], &table, b, 1, 1, l), VIO_OK);
	} else {
		assert_int_equal(vio_dvq_add(&l->q[vq], b, 1, 1, l), VIO_OK);
	}
	if (vio_dvq_need_kick(&l->q[vq])) {
		assert_int_equal(vhf_bus.kick(l->f, vq), VIO_OK);
	}
	while ((rc = vio_dvq_get(&l->q[vq], &cookie, &len)) == VIO_E_AGAIN) {
		struct pollfd p = { .fd = vhf_call_fd(l->f, vq), .events = POLLIN };
		uint64_t n;

		if (vio_dvq_arm(&l->q[vq])) {
			continue;
		}
		if (poll(&p, 1, PATIENCE) != 1) {
			fail_msg("no completion");
		}
		assert_int_equal(read(p.fd, &n, sizeof(n)), sizeof(n));
	}
	assert_int_equal(rc, VIO_OK);
	assert_ptr_equal(cookie, l);
	assert_int_equal(len, 40);
	assert_memory_equal(b[0].p, b[1].p, 40);
}

static void traffic(void **state)
{
	static const struct {
		uint64_t features;
		uint32_t regions;
		bool indirect;
		uint64_t without;
	} row[] = {
		{ 0, 1, false, 0 },
		{ VIO_F_EVENT_IDX, 3, false, 0 },
		{ VIO_F_INDIRECT_DESC, 8, true, VHU_P_MEM_SLOTS },
		{ VIO_F_RING_PACKED, 1, false, VHU_P_REPLY_ACK },
		{ VIO_F_RING_PACKED | VIO_F_EVENT_IDX | VIO_F_INDIRECT_DESC, 20, true, 0 },
		{ VIO_F_IN_ORDER, 2, false, VHU_P_STATUS },
		{ VIO_F_RING_PACKED | VIO_F_IN_ORDER, 509, false, 0 },
		{ 0, 1, false, ~0ull },
	};

	(void)state;
	for (size_t k = 0; k < sizeof(row) / sizeof(row[0]); k++) {
		struct vhf_config cfg = { .reply_ms = REPLY_MS, .without = row[k].without };
		struct rig g;
		struct line l;
		uint32_t base = 99;

		rig_open(&g, &(struct vhu_config){ 0 }, true);
		line_open(&l, &g, &cfg, row[k].regions);
		assert_int_equal(vhf_protocol(l.f) & row[k].without, 0);
		assert_int_equal(vhf_queues(l.f), row[k].without & VHU_P_MQ ? 0 : VQS);
		assert_int_equal(vhf_pid(l.f), getpid());
		for (unsigned round = 0; round < 2; round++) { /* the second after a reset */
			line_up(&l, row[k].features);
			for (uint32_t i = 0; i < 50; i++) {
				line_echo(&l, i & 1, i, row[k].indirect);
			}
			if (round == 0) {
				assert_int_equal(vhf_bus.set_status(l.f, 0), VIO_OK);
			}
		}
		assert_int_equal(vhf_stop(l.f, 0, &base), VIO_OK);
		if (!(row[k].features & VIO_F_RING_PACKED)) {
			assert_int_equal(base, 25);
		}
		assert_int_equal(vhf_stop(l.f, 1, NULL), VIO_OK);
		assert_true(vhf_kicks(l.f) > 0 && vhf_kicks(l.f) <= 100);
		assert_false(vhf_gone(l.f));
		vhf_close(l.f);
		rig_wait(&g.gone);
		rig_close(&g);
	}
}

static void configuration(void **state)
{
	struct vhf_config none = { .reply_ms = REPLY_MS, .without = VHU_P_CONFIG };
	struct rig g;
	struct line l;
	uint8_t b[16] = { 0 };

	(void)state;
	rig_open(&g, &(struct vhu_config){ 0 }, false);
	line_open(&l, &g, &plain, 1);
	assert_int_equal(vhf_bus.config_read(l.f, 2, b, 3), VIO_OK);
	assert_memory_equal(b, "\2\3\4", 3);
	assert_int_equal(vhf_bus.config_write(l.f, 9, "xy", 2), VIO_OK);
	assert_int_equal(vhf_bus.config_read(l.f, 8, b, 4), VIO_OK);
	assert_memory_equal(b, "\10xy\13", 4);
	assert_int_equal(vhf_bus.config_read(l.f, 250, b, 7), VIO_E_ARG);
	assert_int_equal(vhf_bus.config_read(l.f, UINT32_MAX, b, 4), VIO_E_ARG);
	assert_string_equal(vhf_error(l.f), "");
	assert_int_equal(vhf_bus.config_write(l.f, 0, "x", 1), VIO_E_IO);
	assert_non_null(strstr(vhf_error(l.f), "SET_CONFIG"));
	vhf_close(l.f);
	rig_wait(&g.gone);
	line_open(&l, &g, &none, 1);
	assert_int_equal(vhf_bus.config_read(l.f, 0, b, 1), VIO_E_NOTSUP);
	vhf_close(l.f);
	rig_close(&g);
}

static void memory(void **state)
{
	struct vhf_config few = { .reply_ms = REPLY_MS, .without = VHU_P_MEM_SLOTS };
	struct vio_dma a, b;
	struct rig g;
	struct line l;

	(void)state;
	rig_open(&g, &(struct vhu_config){ 0 }, false);
	line_open(&l, &g, &plain, 2);
	assert_int_equal(vhf_memory(l.f, 1, 4096), VIO_E_ARG); /* once */
	assert_int_equal(vhf_alloc(l.f, 0, 10, 1, &a), VIO_OK);
	assert_int_equal(vhf_alloc(l.f, 2, 65536 - 64, 64, &b), VIO_OK);
	assert_int_equal(b.addr, a.addr + 64);
	assert_int_equal(b.p - a.p, 64);
	assert_int_equal(vhf_alloc(l.f, 0, 1, 1, &b), VIO_E_AGAIN);
	assert_int_equal(vhf_alloc(l.f, 1, UINT32_MAX, 1, &b), VIO_E_AGAIN);
	assert_int_equal(vhf_alloc(l.f, 1, 65536, 4096, &b), VIO_OK);
	assert_true(b.addr > a.addr + 65536); /* a gap */
	assert_int_equal(vhf_alloc(l.f, 1, 1, 3, &b), VIO_E_ARG);
	vhf_close(l.f);
	rig_wait(&g.gone);
	l.f = vhf_connect(&few, g.path, 0, g.err);
	assert_non_null(l.f);
	assert_int_equal(vhf_memory(l.f, 0, 4096), VIO_E_ARG);
	assert_int_equal(vhf_memory(l.f, VHF_REGIONS_MAX + 1u, 4096), VIO_E_ARG);
	assert_int_equal(vhf_memory(l.f, 9, 4096), VIO_E_NOTSUP);
	assert_string_equal(vhf_error(l.f), "9 regions, but the back-end takes 8");
	vhf_close(l.f);
	rig_close(&g);
}

static void nobody_there(void **state)
{
	char err[256], far[200];

	(void)state;
	assert_null(vhf_connect(&plain, "/tmp/no such socket", 0, err));
	assert_string_equal(err, "/tmp/no such socket: No such file or directory; is the back-end "
				 "running?");
	memset(far, 'x', sizeof(far));
	far[199] = '\0';
	assert_null(vhf_connect(&plain, far, 0, err));
	assert_non_null(strstr(err, "1 to 107 bytes"));
}

/* A back-end that serves one message badly. ms: for its reply. */
static void lies(void **state)
{
	static const struct {
		enum lie lie;
		uint32_t at, ms;
		const char *says;
	} row[] = {
		{ LIE_SILENT, VHU_GET_FEATURES, 50, "did not answer GET_FEATURES for 50 ms" },
		{ LIE_CLOSES, VHU_GET_FEATURES, REPLY_MS, "closed the connection at GET_FEATURES" },
		{ LIE_OTHER, VHU_GET_FEATURES, REPLY_MS, "answered GET_FEATURES with message 2" },
		{ LIE_NO_REPLY, VHU_GET_FEATURES, REPLY_MS,
		  "GET_FEATURES with message 1, flags 0x1" },
		{ LIE_SHORT, VHU_GET_FEATURES, REPLY_MS, "7 bytes, must be 8" },
		{ LIE_EMPTY, VHU_GET_QUEUE_NUM, REPLY_MS, "GET_QUEUE_NUM with 0 bytes" },
		{ LIE_VALUE, VHU_GET_QUEUE_NUM, REPLY_MS, "18446744073709551615 queues" },
		{ LIE_CLOSES, VHU_SET_OWNER, REPLY_MS, "back-end" },
		{ LIE_SHORT, VHU_GET_STATUS, REPLY_MS, "GET_STATUS with 7 bytes" },
		{ LIE_VALUE, VHU_GET_STATUS, REPLY_MS, "status is 0xffffffffffffffff" },
		{ LIE_REFUSES, VHU_SET_FEATURES, REPLY_MS, "refuses SET_FEATURES" },
		{ LIE_REFUSES, VHU_SET_MEM_TABLE, REPLY_MS, "refuses SET_MEM_TABLE" },
		{ LIE_EMPTY, VHU_GET_CONFIG, REPLY_MS,
		  "GET_CONFIG with 0 bytes, must be 20: it refuses" },
		{ LIE_VALUE, VHU_GET_CONFIG, REPLY_MS,
		  "the back-end answers 4294967295 at 4294967295" },
		{ LIE_REFUSES, VHU_SET_VRING_ADDR, REPLY_MS, "refuses SET_VRING_ADDR" },
		{ LIE_CLOSES, VHU_SET_VRING_ENABLE, REPLY_MS,
		  "closed the connection at SET_VRING_ENABLE" },
		{ LIE_VALUE, VHU_GET_VRING_BASE, REPLY_MS, "position of queue 0" },
		{ LIE_SILENT, VHU_GET_VRING_BASE, 50, "did not answer GET_VRING_BASE" },
	};
	int fds = count_fds();

	(void)state;
	for (size_t k = 0; k < sizeof(row) / sizeof(row[0]); k++) {
		struct vhf_config cfg = { .reply_ms = row[k].ms };
		struct vio_dma ring;
		char path[64], err[256] = "";
		struct liar *liar;
		struct vhf *f;
		uint64_t got;
		uint8_t cap[8];

		snprintf(path, sizeof(path), "/tmp/t_vhost_front.%d", (int)getpid());
		liar = liar_start(path, row[k].lie, row[k].at);
		assert_non_null(liar);
		f = vhf_connect(&cfg, path, 0, err);
		if (f) {
			bool ok = vhf_memory(f, 2, 8192) == VIO_OK &&
				  vhf_bus.config_read(f, 0, cap, 8) == VIO_OK &&
				  vio_drv_probe(&vhf_bus, f, VIO_F_VERSION_1, &got) == VIO_OK &&
				  vhf_alloc(f, 0, 4096, 4096, &ring) == VIO_OK &&
				  vhf_bus.setup(f, 0, 16, ring.addr, ring.addr + 256,
						ring.addr + 512) == VIO_OK &&
				  vhf_bus.set_status(f, VIO_S_DRIVER_OK) == VIO_OK &&
				  vhf_stop(f, 0, NULL) == VIO_OK;

			assert_false(ok);
			snprintf(err, sizeof(err), "%s", vhf_error(f));
			assert_int_equal(vhf_bus.set_status(f, 0), VIO_E_IO); /* nothing goes on */
			assert_string_equal(vhf_error(f), err);
			vhf_close(f);
		}
		if (!strstr(err, row[k].says)) {
			fail_msg("row %zu: \"%s\" does not say \"%s\"", k, err, row[k].says);
		}
		liar_stop(liar);
		unlink(path);
	}
	assert_int_equal(count_fds(), fds);
}

/* A back-end that dies between messages is noticed without one. */
static void gone(void **state)
{
	struct rig g;
	struct line l;

	(void)state;
	rig_open(&g, &(struct vhu_config){ 0 }, false);
	line_open(&l, &g, &plain, 1);
	line_up(&l, 0);
	line_echo(&l, 0, 0, false);
	assert_false(vhf_gone(l.f));
	rig_close(&g);
	for (int i = 0; i < PATIENCE && !vhf_gone(l.f); i++) {
		usleep(1000);
	}
	assert_true(vhf_gone(l.f));
	assert_string_equal(vhf_error(l.f), "the back-end closed the connection");
	vhf_close(l.f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(traffic), cmocka_unit_test(configuration),
		cmocka_unit_test(memory),  cmocka_unit_test(nobody_there),
		cmocka_unit_test(lies),	   cmocka_unit_test(gone),
	};

	log_init(LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
