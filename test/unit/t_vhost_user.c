/* SPDX-License-Identifier: BSD-3-Clause */
/* t_vhost_user.c - the vhost-user port with well-behaved front-ends; t_vhost_abuse.c has the others */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include "vhu_rig.h"

static struct rig rig;
static struct fe fe;

static int up(void **state, const struct vhu_config *how, bool threads)
{
	(void)state;
	rig_open(&rig, how, threads);
	return 0;
}

static int plain(void **state)
{
	return up(state, &(struct vhu_config){ 0 }, false);
}

static int threads(void **state)
{
	return up(state, &(struct vhu_config){ 0 }, true);
}

static int polling(void **state)
{
	return up(state, &(struct vhu_config){ .poll_us = 50 }, true);
}

static int inband(void **state)
{
	return up(state, &(struct vhu_config){ .inband = true }, false);
}

static int iommu(void **state)
{
	return up(state, &(struct vhu_config){ .iommu = true }, true);
}

static const char *hint(const struct vio_dev *dev, uint64_t missing)
{
	(void)dev;
	rig.missing = missing;
	return "as it should be";
}

static int hinting(void **state)
{
	return up(state, &(struct vhu_config){ .feature_hint = hint }, false);
}

static int down(void **state)
{
	(void)state;
	rig_close(&rig);
	return 0;
}

static void test_sessions(void **state)
{
	const uint64_t features[] = { FEATURES, FEATURES | VIO_F_RING_PACKED,
				      FEATURES | VIO_F_INDIRECT_DESC, VIO_F_VERSION_1 };
	int fds = count_fds();

	(void)state;
	for (unsigned k = 0; k < 12; k++) {
		uint64_t f = features[k % 4];

		fe_session(&fe, &rig, f, (f & VHU_F_PROTOCOL) ? PROTO : 0);
		for (unsigned n = 0; n < 100; n++) {
			fe_echo(&fe, n % VQS);
		}
		fe_leave(&fe, &rig);
		assert_int_equal(rig.toy.started, k + 1);
		assert_int_equal(rig.toy.stopped, k + 1);
		assert_int_equal(count_fds(), fds);
	}
}

/* A front-end that comes while another is served gets its turn afterwards. */
static void test_second_waits(void **state)
{
	struct fe other;
	uint64_t f = 0;

	(void)state;
	fe_session(&fe, &rig, FEATURES, PROTO);
	fe_connect(&other, rig.path);
	fe_send(&other, VHU_GET_FEATURES, 0, NULL, 0, NULL, 0);
	fe_echo(&fe, 0);
	rig_settle(&rig);
	assert_int_equal(recv(other.fd, &f, 1, MSG_DONTWAIT), -1);
	fe_leave(&fe, &rig);
	assert_int_equal(fe_recv(&other, VHU_GET_FEATURES, &f, sizeof(f)), 8);
	assert_true(f & VHU_F_PROTOCOL);
	fe_leave(&other, &rig);
}

/* One byte at a time is a message as well. */
static void test_dribble(void **state)
{
	struct vhu_wire_header h = { VHU_SET_FEATURES, VHU_VERSION | VHU_NEED_REPLY, 8 };
	uint64_t u = FEATURES;
	uint8_t m[sizeof(h) + 8];

	(void)state;
	fe_connect(&fe, rig.path);
	fe_negotiate(&fe, FEATURES, PROTO);
	memcpy(m, &h, sizeof(h));
	memcpy(m + sizeof(h), &u, 8);
	for (size_t i = 0; i < sizeof(m); i++) {
		fe_raw(&fe, m + i, 1, NULL, 0);
		rig_settle(&rig);
	}
	assert_int_equal(fe_recv(&fe, VHU_SET_FEATURES, &u, sizeof(u)), 8);
	assert_int_equal(u, 0);
	fe_leave(&fe, &rig);
}

static void do_change(void *arg)
{
	struct rig *g = arg;

	g->toy.config[0] = 77;
	vio_dev_config_changed(&g->toy.dev);
}

static void test_config(void **state)
{
	struct vhu_wire_config c = { .off = 4, .len = 20 };
	struct vhu_wire_header h;
	int pair[2];

	(void)state;
	fe_session(&fe, &rig, FEATURES, PROTO);
	fe_send(&fe, VHU_GET_CONFIG, 0, &c, 12 + 20, NULL, 0);
	assert_int_equal(fe_recv(&fe, VHU_GET_CONFIG, &c, sizeof(c)),
			 32); /* the size asked, zeros beyond the end */
	assert_int_equal(c.byte[0], 4);
	assert_int_equal(c.byte[11], 15);
	assert_int_equal(c.byte[12], 0);
	c = (struct vhu_wire_config){ .off = 8, .len = 2, .byte = { 5, 6 } };
	fe_do(&fe, VHU_SET_CONFIG, &c, 14, -1);
	c.off = 0;
	assert_int_equal(fe_ask(&fe, VHU_SET_CONFIG, &c, 14, NULL, 0), 1); /* read-only */
	c.off = 15;
	assert_int_equal(fe_ask(&fe, VHU_SET_CONFIG, &c, 14, NULL, 0), 1);
	assert_int_equal(rig.toy.config[9], 6);
	assert_int_equal(rig.toy.config[0], 0);

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	fe.back = pair[0];
	fe_do(&fe, VHU_SET_BACKEND_REQ_FD, NULL, 0, pair[1]);
	close(pair[1]);
	loop_call(rig.control, do_change, &rig);
	assert_int_equal(fe_recv_on(fe.back, &h, NULL, 0), 0);
	assert_int_equal(h.request, VHU_BACK_CONFIG_CHANGE);
	fe_echo(&fe, 0);
	fe_leave(&fe, &rig);
}

/* Memory comes and goes under traffic; what a request holds stays until it is back, and so long the answer waits. */
static void test_slots(void **state)
{
	struct vhu_wire_slot s = fe_region(RAM);
	int more = memfd_create("more", MFD_CLOEXEC);
	uint8_t *p, c;

	(void)state;
	assert_int_equal(ftruncate(more, RAM + 4096), 0);
	p = mmap(NULL, RAM + 4096, PROT_READ | PROT_WRITE, MAP_SHARED, more, 0);
	s.r.offset = 4096;
	fe_session(&fe, &rig, FEATURES, PROTO);
	assert_int_equal(fe_get(&fe, VHU_GET_MAX_MEM_SLOTS), VHU_SLOTS);
	fe_echo(&fe, 0);
	__atomic_store_n(&rig.toy.hold[0], true, __ATOMIC_RELAXED);
	fe_add(&fe, 0, GPA + 0x9000, fe.ram + 0x9000);
	fe_do(&fe, VHU_ADD_MEM_REG, &s, sizeof(s), more); /* growing waits for nothing */
	fe_add(&fe, 0, GPA + RAM, p + 4096);
	fe_add(&fe, 1, GPA + RAM + 256, p + 4096 + 256);
	fe_done(&fe, 1);
	rig_settle(&rig);
	fe_send(&fe, VHU_REM_MEM_REG, VHU_NEED_REPLY, &s, sizeof(s), &more, 1);
	rig_settle(&rig);
	assert_int_equal(recv(fe.fd, &c, 1, MSG_DONTWAIT), -1);
	rig_release(&rig);
	fe_done(&fe, 0);
	fe_done(&fe, 0);
	assert_int_equal(fe_recv(&fe, VHU_REM_MEM_REG, &(uint64_t){ 0 }, 8), 8);
	fe_echo(&fe, 0);
	assert_int_equal(fe_get(&fe, VHU_GET_STATUS), 0);
	fe_add(&fe, 0, GPA + RAM, p + 4096); /* gone */
	do {
		rig_settle(&rig);
	} while (fe_get(&fe, VHU_GET_STATUS) != VIO_S_NEEDS_RESET);
	fe_leave(&fe, &rig);
	munmap(p, RAM + 4096);
	close(more);
}

/* The same table again, and one that has moved: both under traffic. */
static void test_table_again(void **state)
{
	struct vhu_wire_table t = { .n = 2 };
	int fd[2];

	(void)state;
	fe_session(&fe, &rig, FEATURES, PROTO);
	fe_echo(&fe, 0);
	t.r[0] = fe_region(0).r;
	t.r[1] = (struct vhu_wire_region){
		.gpa = GPA + 4 * RAM, .len = 4096, .uva = UVA + 4 * RAM, .offset = 8192
	};
	fd[0] = fe.memfd;
	fd[1] = fe.memfd;
	assert_int_equal(fe_ask(&fe, VHU_SET_MEM_TABLE, &t, 8 + 64, fd, 2), 0);
	fe_echo(&fe, 0);
	for (unsigned i = 0; i < 20; i++) {
		t.r[1].gpa += 4096;
		fe_add(&fe, 0, GPA + 0x9000, fe.ram + 0x9000);
		assert_int_equal(fe_ask(&fe, VHU_SET_MEM_TABLE, &t, 8 + 64, fd, 2), 0);
		fe_done(&fe, 0);
		fe_echo(&fe, 1);
	}
	fe_leave(&fe, &rig);
}

static uint64_t status(uint64_t s)
{
	fe_do(&fe, VHU_SET_STATUS, &s, sizeof(s), -1);
	return fe_get(&fe, VHU_GET_STATUS);
}

static void test_status(void **state)
{
	(void)state;
	fe_connect(&fe, rig.path);
	fe_negotiate(&fe, FEATURES, PROTO);
	fe_memory(&fe);
	for (unsigned round = 0; round < 3; round++) {
		assert_int_equal(status(8), 8); /* FEATURES_OK alone, as QEMU does */
		fe_ring(&fe, 0);
		fe_get(&fe, VHU_GET_STATUS);
		assert_int_equal(rig.toy.started, round); /* nothing runs before DRIVER_OK */
		assert_int_equal(status(15), 15);
		assert_int_equal(rig.toy.started, round + 1);
		fe_echo(&fe, 0);
		__atomic_store_n(&rig.toy.hold[0], true, __ATOMIC_RELAXED);
		fe_add(&fe, 0, GPA + 0x9000, fe.ram + 0x9000);
		rig_settle(&rig);
		if (round == 1) {
			fe_do(&fe, VHU_RESET_DEVICE, NULL, 0, -1);
			assert_int_equal(fe_get(&fe, VHU_GET_STATUS), 0);
		} else {
			assert_int_equal(status(0), 0);
		}
		assert_int_equal(rig.toy.stopped, round + 1);
		assert_null(rig.toy.held[0]);
		rig.toy.hold[0] = false;
	}
	/* never DRIVER_OK: a kick says the same */
	assert_int_equal(status(8), 8);
	fe_ring(&fe, 0);
	fe_echo(&fe, 0);
	fe_leave(&fe, &rig);
}

/* What a device cannot do without: FEATURES_OK stays 0 for a driver that did not take it. */
static void test_needs(void **state)
{
	const struct vio_dev_ops *ops = rig.toy.dev.ops;
	struct vio_dev_ops strict = *ops;
	uint64_t with = FEATURES | VIO_F_INDIRECT_DESC, without = with & ~VIO_F_INDIRECT_DESC;

	(void)state;
	strict.needs = VIO_F_INDIRECT_DESC;
	rig.toy.dev.ops = &strict;
	fe_connect(&fe, rig.path);
	fe_negotiate(&fe, without, PROTO);
	assert_int_equal(status(8), 0);
	fe_do(&fe, VHU_SET_FEATURES, &with, sizeof(with), -1);
	assert_int_equal(status(8), 8);
	fe_leave(&fe, &rig);
	rig.toy.dev.ops = ops;
}

/* GET_VRING_BASE waits for what the device owns, and the position it gives is where the ring goes on. */
static void test_base(void **state)
{
	const uint64_t f[] = { FEATURES, FEATURES | VIO_F_RING_PACKED };
	const uint32_t expect[] = { 6, (12u | 0x8000u) | ((12u | 0x8000u) << 16) };
	struct vhu_wire_ring w;
	uint8_t c;

	(void)state;
	rig.toy.stubborn = true;
	for (unsigned k = 0; k < 2; k++) {
		fe_session(&fe, &rig, f[k], PROTO);
		for (unsigned i = 0; i < 5; i++) {
			fe_echo(&fe, 0);
		}
		__atomic_store_n(&rig.toy.hold[0], true, __ATOMIC_RELAXED);
		fe_add(&fe, 0, GPA + 0x9000, fe.ram + 0x9000);
		rig_settle(&rig);
		fe_base(&fe, 0);
		rig_settle(&rig);
		assert_int_equal(recv(fe.fd, &c, 1, MSG_DONTWAIT), -1);
		fe_echo(&fe, 1); /* the loop is not blocked */
		rig_release(&rig);
		assert_int_equal(fe_recv(&fe, VHU_GET_VRING_BASE, &w, sizeof(w)), 8);
		assert_int_equal(w.index, 0);
		assert_int_equal(w.num, expect[k]);
		fe_done(&fe, 0);
		fe_add(&fe, 0, GPA + 0x9000, fe.ram + 0x9000); /* while it is stopped */
		fe_send(&fe, VHU_SET_VRING_BASE, 0, &w, sizeof(w), NULL, 0);
		fe_ring_fds(&fe, 0);
		fe_kick(&fe,
			0); /* whoever starts a ring does: what the driver was told before may be not to */
		fe_done(&fe, 0);
		for (unsigned i = 0; i < 40; i++) {
			fe_echo(&fe, 0);
		}
		fe_leave(&fe, &rig);
	}
}

static void test_disable(void **state)
{
	(void)state;
	fe_session(&fe, &rig, FEATURES, PROTO);
	for (unsigned i = 0; i < 20; i++) {
		fe_echo(&fe, 0);
		fe_enable(&fe, 0, 0);
		fe_get(&fe, VHU_GET_STATUS);
		fe_add(&fe, 0, GPA + 0x9000, fe.ram + 0x9000);
		rig_settle(&rig);
		assert_int_equal(vio_dvq_get(&fe.q[0], &(void *){ NULL }, &(uint32_t){ 0 }),
				 VIO_E_AGAIN);
		fe_enable(&fe, 0, 1);
		fe_done(&fe, 0);
	}
	fe_leave(&fe, &rig);
}

/* A front-end that vanishes while the device owns requests. */
static void test_vanish(void **state)
{
	(void)state;
	rig.toy.stubborn = true;
	for (unsigned k = 0; k < 4; k++) {
		fe_session(&fe, &rig, FEATURES, PROTO);
		rig.toy.hold[0] = true;
		fe_add(&fe, 0, GPA + 0x9000, fe.ram + 0x9000);
		rig_settle(&rig);
		if (k & 1) {
			fe_base(&fe, 0);
			rig_settle(&rig);
		}
		fe_close(&fe);
		rig_settle(&rig);
		assert_int_equal(rig.toy.stopped, k);
		rig_release(&rig);
		rig_wait(&rig.gone);
		assert_int_equal(rig.toy.stopped, k + 1);
	}
	/* and vhu_close meanwhile: its caller is told */
	fe_session(&fe, &rig, FEATURES, PROTO);
	rig.toy.hold[0] = true;
	fe_add(&fe, 0, GPA + 0x9000, fe.ram + 0x9000);
	rig_settle(&rig);
	loop_call(rig.control, rig_do_close, &rig);
	assert_int_equal(rig.close_rc, VIO_PENDING);
	rig_release(&rig);
	rig_wait(&rig.closed);
	fe_close(&fe);
	rig_open(&rig, &(struct vhu_config){ 0 }, false); /* its tear-down closes that one */
}

static void test_hint(void **state)
{
	(void)state;
	fe_session(&fe, &rig, FEATURES | 2, PROTO);
	fe_echo(&fe, 0);
	rig_settle(&rig);
	assert_int_equal(rig.missing, CLASS_FEATURES & ~2ull);
	fe_leave(&fe, &rig);
}

static void test_no_kick(void **state)
{
	uint64_t u = VHU_RING_NO_FD;

	(void)state;
	fe_session(&fe, &rig, FEATURES, PROTO);
	fe_echo(&fe, 0);
	fe_do(&fe, VHU_SET_VRING_KICK, &u, sizeof(u), -1);
	for (unsigned i = 0; i < 20; i++) {
		fe_echo(&fe, 0);
	}
	fe_leave(&fe, &rig);
}

static void test_inband(void **state)
{
	const uint64_t proto = PROTO | VHU_P_INBAND;
	struct vhu_wire_ring w = { 0, SIZE };
	struct vhu_wire_header h;
	struct vhu_wire_addr a;
	int pair[2];

	(void)state;
	fe_connect(&fe, rig.path);
	fe_negotiate(&fe, FEATURES, proto);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	fe.back = pair[0];
	fe_do(&fe, VHU_SET_BACKEND_REQ_FD, NULL, 0, pair[1]);
	close(pair[1]);
	fe_memory(&fe);
	a = fe_ring_addr(&fe, 0, UVA);
	fe_send(&fe, VHU_SET_VRING_NUM, 0, &w, sizeof(w), NULL, 0);
	fe_send(&fe, VHU_SET_VRING_ADDR, 0, &a, sizeof(a), NULL, 0);
	fe_enable(&fe, 0, 1);
	w.num = 0;
	for (unsigned i = 0; i < 30; i++) {
		fe_add(&fe, 0, GPA + 0x9000, fe.ram + 0x9000);
		fe_do(&fe, VHU_VRING_KICK, &w, sizeof(w), -1);
		while (vio_dvq_get(&fe.q[0], &(void *){ NULL }, &(uint32_t){ 0 }) == VIO_E_AGAIN) {
			assert_int_equal(fe_recv_on(fe.back, &h, &w, sizeof(w)), 8);
			assert_int_equal(h.request, VHU_BACK_VRING_CALL);
			assert_int_equal(w.index, 0);
		}
	}
	fe_leave(&fe, &rig);
}

/* Behind an IOTLB: every page is asked for once, an unknown one is the guest's fault. */
static void test_iotlb(void **state)
{
	const uint64_t iova = 0x7000000, f = FEATURES | VIO_F_ACCESS_PLATFORM;
	struct vhu_wire_iotlb w;
	struct vhu_wire_header h;
	struct vhu_wire_ring r = { 0, SIZE };
	struct vhu_wire_addr a;
	unsigned asked = 0;
	uint64_t zero = 0;
	int pair[2];

	(void)state;
	fe_connect(&fe, rig.path);
	fe_negotiate(&fe, f, PROTO);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	fe.back = pair[0];
	fe_do(&fe, VHU_SET_BACKEND_REQ_FD, NULL, 0, pair[1]);
	close(pair[1]);
	fe_memory(&fe);
	a = fe_ring_addr(&fe, 0, iova);
	fe_send(&fe, VHU_SET_VRING_NUM, 0, &r, sizeof(r), NULL, 0);
	fe_send(&fe, VHU_SET_VRING_ADDR, 0, &a, sizeof(a), NULL, 0);
	fe_ring_fds(&fe, 0);
	fe_enable(&fe, 0, 1);
	for (unsigned round = 0; round < 3; round++) {
		fe_add(&fe, 0, iova + 0x9000, fe.ram + 0x9000);
		while (vio_dvq_get(&fe.q[0], &(void *){ NULL }, &(uint32_t){ 0 }) == VIO_E_AGAIN) {
			struct pollfd p[2] = { { .fd = fe.back, .events = POLLIN },
					       { .fd = fe.call[0], .events = POLLIN } };

			assert_true(poll(p, 2, PATIENCE) > 0);
			if (!(p[0].revents & POLLIN)) {
				assert_int_equal(read(fe.call[0], &zero, 8), 8);
				continue;
			}
			assert_int_equal(fe_recv_on(fe.back, &h, &w, sizeof(w)), 32);
			assert_int_equal(h.request, VHU_BACK_IOTLB_MSG);
			assert_int_equal(w.type, VHU_IOTLB_MISS);
			assert_true(h.flags & VHU_NEED_REPLY);
			w.iova &= ~4095ull;
			w.len = 4096;
			w.uva = w.iova - iova + UVA;
			w.perm = 3;
			w.type = VHU_IOTLB_UPDATE;
			fe_do(&fe, VHU_IOTLB_MSG, &w, sizeof(w), -1);
			h = (struct vhu_wire_header){ VHU_BACK_IOTLB_MSG,
						      VHU_VERSION | VHU_IS_REPLY, 8 };
			zero = 0;
			assert_int_equal(send(fe.back, &h, sizeof(h), 0), sizeof(h));
			assert_int_equal(send(fe.back, &zero, 8, 0), 8);
			asked++;
		}
		if (round == 1) {
			w = (struct vhu_wire_iotlb){ .iova = iova + 0x9000,
						     .len = 4096,
						     .type = VHU_IOTLB_INVALIDATE };
			fe_do(&fe, VHU_IOTLB_MSG, &w, sizeof(w), -1);
		}
	}
	assert_int_equal(asked,
			 5); /* ring page, also after an invalidation; buffer page, each time */
	fe_add(&fe, 0, iova + 0xa000, fe.ram + 0xa000);
	assert_int_equal(fe_recv_on(fe.back, &h, &w, sizeof(w)), 32);
	h = (struct vhu_wire_header){ VHU_BACK_IOTLB_MSG, VHU_VERSION | VHU_IS_REPLY, 8 };
	assert_int_equal(send(fe.back, &h, sizeof(h), 0), sizeof(h));
	assert_int_equal(send(fe.back, &zero, 8, 0), 8);
	do {
		rig_settle(&rig);
	} while (!(fe_get(&fe, VHU_GET_STATUS) & VIO_S_NEEDS_RESET));
	fe_leave(&fe, &rig);
}

#define T(fn, setup)                                                                               \
	{                                                                                          \
#fn " " #setup, fn, setup, down, NULL                                              \
	}

int main(void)
{
	const struct CMUnitTest t[] = {
		T(test_sessions, plain),      T(test_sessions, threads), T(test_sessions, polling),
		T(test_second_waits, plain),  T(test_dribble, plain),	 T(test_config, plain),
		T(test_slots, plain),	      T(test_slots, threads),	 T(test_table_again, plain),
		T(test_table_again, threads), T(test_status, plain),	 T(test_status, threads),
		T(test_needs, plain),	      T(test_base, plain),	 T(test_base, threads),
		T(test_base, polling),	      T(test_disable, plain),	 T(test_disable, threads),
		T(test_vanish, plain),	      T(test_hint, hinting),	 T(test_no_kick, plain),
		T(test_no_kick, polling),     T(test_inband, inband),	 T(test_iotlb, iommu),
	};

	log_init(LOG_ERROR);
	return cmocka_run_group_tests(t, NULL, NULL);
}
