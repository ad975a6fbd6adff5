/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vhu_rig.h - for tests of the vhost-user port: a small device behind it, and a front-end in C
 *
 * The port runs on threads of its own (control, and a second loop when asked for); the test's thread is the front-end.
 * The device copies what it reads to where it may write, at once or when the test says so. Include after cmocka.h.
 */
#ifndef TEST_VHU_RIG_H
#define TEST_VHU_RIG_H

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include "hosted/log.h"
#include "port/vhost_user/proto.h"
#include "port/vhost_user/vhost_user.h"
#include "vio/drv.h"

#define VQS	       2u
#define SIZE	       16u
#define RAM	       (1u << 20)
#define GPA	       0x40000000ull
#define UVA	       0x100000000000ull
#define PATIENCE       20000 /* ms, until a test says that nothing comes any more */
#define FEATURES       (VIO_F_VERSION_1 | VHU_F_PROTOCOL)
#define CLASS_FEATURES 6ull
#define PROTO                                                                                      \
	(VHU_P_MQ | VHU_P_REPLY_ACK | VHU_P_BACKEND_REQ | VHU_P_CONFIG | VHU_P_MEM_SLOTS |         \
	 VHU_P_STATUS | VHU_P_RESET_DEVICE)

/* ---- the device ---- */

struct toy_req {
	struct vio_req r; /* first */
	struct toy_req *next;
};

struct toy {
	struct vio_dev dev; /* first */
	struct vio_vq vq[VQS];
	uint8_t config[16];
	bool hold[VQS], stubborn; /* keep requests; stubborn: even when hurried */
	struct toy_req *held[VQS];
	unsigned started, stopped;
	VIO_VQ_STORE(struct toy_req, 8, 4) store[VQS];
};

static void toy_finish(struct toy_req *t)
{
	uint8_t b[512];
	uint32_t n = vio_req_read(&t->r, 0, b, sizeof(b));

	vio_req_write(&t->r, 0, b, n);
	vio_req_done(&t->r, 0);
}

static void toy_queue(struct vio_dev *d, struct vio_vq *q)
{
	struct toy *y = (struct toy *)d;
	struct vio_req *r;

	while ((r = vio_vq_pop(q)) != NULL) {
		struct toy_req *t = (struct toy_req *)r;

		if (__atomic_load_n(&y->hold[q->index], __ATOMIC_RELAXED)) {
			t->next = y->held[q->index];
			y->held[q->index] = t;
		} else {
			toy_finish(t);
		}
	}
}

static void toy_cancel(struct vio_dev *d, struct vio_req *r)
{
	struct toy *y = (struct toy *)d;

	for (struct toy_req **p = &y->held[r->vq->index]; !y->stubborn && *p; p = &(*p)->next) {
		if (&(*p)->r == r) {
			*p = (*p)->next;
			vio_req_done(r, 0);
			return;
		}
	}
}

static int toy_start(struct vio_dev *d)
{
	((struct toy *)d)->started++;
	return VIO_OK;
}

static void toy_stop(struct vio_dev *d)
{
	((struct toy *)d)->stopped++;
}

static int toy_config_write(struct vio_dev *d, uint32_t off, const uint8_t *src, uint32_t len)
{
	if (off < 8) {
		return VIO_E_ARG; /* the first half is read-only */
	}
	memcpy(d->config + off, src, len);
	return VIO_OK;
}

static const struct vio_dev_ops toy_ops = { .id = 63,
					    .nvq_max = VQS,
					    .config_len = 16,
					    .features = CLASS_FEATURES,
					    .start = toy_start,
					    .queue = toy_queue,
					    .cancel = toy_cancel,
					    .stop = toy_stop,
					    .config_write = toy_config_write };

/* ---- the daemon ---- */

struct rig {
	struct toy toy;
	struct loop *control, *second;
	struct vhu *v;
	struct vhu_config cfg;
	char path[64], err[256];
	sem_t gone, closed;
	int close_rc;
	uint64_t missing; /* as the hint callback was told */
};

static void rig_gone(void *arg)
{
	sem_post(&((struct rig *)arg)->gone);
}

static void rig_closed(void *arg)
{
	sem_post(&((struct rig *)arg)->closed);
}

static void rig_listen(void *arg)
{
	struct rig *g = arg;

	g->v = vhu_listen(&g->cfg, g->path, g->err);
}

static inline void rig_open(struct rig *g, const struct vhu_config *how, bool threads)
{
	static unsigned serial;
	struct loop *loops[VQS];

	memset(g, 0, sizeof(*g));
	sem_init(&g->gone, 0, 0);
	sem_init(&g->closed, 0, 0);
	snprintf(g->path, sizeof(g->path), "/tmp/t_vhost_user.%d.%u", (int)getpid(), serial++);
	g->control = loop_new("control");
	g->second = loop_new("second");
	assert_int_equal(loop_start(g->control), 0);
	assert_int_equal(loop_start(g->second), 0);
	for (uint16_t i = 0; i < VQS; i++) {
		VIO_VQ_BIND(&g->toy.vq[i], &g->toy.dev, i, &g->toy.store[i], 8, 4);
		loops[i] = i == 1 ? g->second : g->control;
	}
	assert_int_equal(vio_dev_init(&g->toy.dev, &toy_ops, NULL, g->toy.vq, VQS, g->toy.config),
			 VIO_OK);
	for (uint8_t i = 0; i < 16; i++) {
		g->toy.config[i] = i;
	}
	g->cfg = *how;
	g->cfg.dev = &g->toy.dev;
	g->cfg.name = "toy0";
	g->cfg.control = g->control;
	g->cfg.queue_loop = threads ? loops : NULL;
	g->cfg.gone = rig_gone;
	g->cfg.closed = rig_closed;
	g->cfg.arg = g;
	loop_call(g->control, rig_listen, g);
	if (!g->v) {
		fail_msg("%s", g->err);
	}
}

static void rig_do_close(void *arg)
{
	struct rig *g = arg;

	g->close_rc = vhu_close(g->v);
}

static inline void rig_wait(sem_t *s)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_sec += PATIENCE / 1000;
	while (sem_timedwait(s, &t) != 0) {
		assert_int_equal(errno, EINTR);
	}
}

static inline void rig_close(struct rig *g)
{
	loop_call(g->control, rig_do_close, g);
	if (g->close_rc == VIO_PENDING) {
		rig_wait(&g->closed);
	}
	loop_stop(g->control);
	loop_stop(g->second);
	loop_join(g->control);
	loop_join(g->second);
	loop_free(g->control);
	loop_free(g->second);
	assert_int_equal(access(g->path, F_OK), -1);
}

static void rig_nop(void *arg)
{
	(void)arg;
}

/* Everything that is there has been read and acted upon. */
static inline void rig_settle(struct rig *g)
{
	for (int i = 0; i < 20; i++) {
		loop_call(g->control, rig_nop, g);
		loop_call(g->second, rig_nop, g);
	}
}

static void rig_do_release(void *arg)
{
	struct toy *y = ((struct rig *)arg)->toy.vq[0].dev ? &((struct rig *)arg)->toy : NULL;

	y->hold[0] = false;
	while (y->held[0]) {
		struct toy_req *t = y->held[0];

		y->held[0] = t->next;
		toy_finish(t);
	}
	vio_vq_wake(&y->vq[0]);
}

/* Queue 0 gives back what it holds. */
static inline void rig_release(struct rig *g)
{
	loop_call(g->control, rig_do_release, g);
}

static inline int count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(d)) {
		n++;
	}
	closedir(d);
	return n;
}

/* ---- the front-end ---- */

struct fe {
	int fd, back, memfd;
	uint8_t *ram;
	int kick[VQS], call[VQS];
	struct vio_dvq q[VQS];
	struct vio_dvq_slot slot[VQS][SIZE];
	struct vio_dma ring[VQS];
	uint64_t features;
};

static inline ssize_t fe_raw(struct fe *f, const void *b, size_t len, const int *fd, unsigned nfd)
{
	union {
		struct cmsghdr align;
		char b[CMSG_SPACE(sizeof(int) * 64)];
	} c;
	struct iovec iov = { .iov_base = (void *)(uintptr_t)b, .iov_len = len };
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (nfd > 0) {
		memset(&c, 0, sizeof(c));
		h.msg_control = &c;
		h.msg_controllen = CMSG_SPACE(sizeof(int) * nfd);
		CMSG_FIRSTHDR(&h)->cmsg_level = SOL_SOCKET;
		CMSG_FIRSTHDR(&h)->cmsg_type = SCM_RIGHTS;
		CMSG_FIRSTHDR(&h)->cmsg_len = CMSG_LEN(sizeof(int) * nfd);
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&h)), fd, sizeof(int) * nfd);
	}
	return sendmsg(f->fd, &h, MSG_NOSIGNAL);
}

static inline void fe_send(struct fe *f, uint32_t request, uint32_t flags, const void *body,
			   uint32_t len, const int *fd, unsigned nfd)
{
	struct {
		struct vhu_wire_header h;
		uint8_t b[512];
	} m = { .h = { request, VHU_VERSION | flags, len } };

	if (len > 0) {
		memcpy(m.b, body, len);
	}
	(void)fe_raw(f, &m, sizeof(m.h) + len, fd, nfd);
}

/* returns: bytes of the body, or -1 when the connection is closed */
static inline int fe_recv_on(int fd, struct vhu_wire_header *h, void *body, uint32_t max)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	if (poll(&p, 1, PATIENCE) != 1) {
		fail_msg("no answer");
	}
	if (recv(fd, h, sizeof(*h), MSG_WAITALL) != sizeof(*h)) {
		return -1;
	}
	assert_true(h->size <= max);
	assert_int_equal(h->flags & VHU_VERSION_MASK, VHU_VERSION);
	if (h->size > 0) {
		assert_int_equal(recv(fd, body, h->size, MSG_WAITALL), h->size);
	}
	return (int)h->size;
}

static inline int fe_recv(struct fe *f, uint32_t request, void *body, uint32_t max)
{
	struct vhu_wire_header h;
	int n = fe_recv_on(f->fd, &h, body, max);

	if (n >= 0) {
		assert_int_equal(h.request, request);
		assert_true((h.flags & VHU_IS_REPLY) != 0);
	}
	return n;
}

/* returns: the acknowledgement, or -1 when the connection is closed */
static inline int64_t fe_ask(struct fe *f, uint32_t request, const void *body, uint32_t len,
			     const int *fd, unsigned nfd)
{
	uint64_t u = 99;

	fe_send(f, request, VHU_NEED_REPLY, body, len, fd, nfd);
	return fe_recv(f, request, &u, sizeof(u)) < 0 ? -1 : (int64_t)u;
}

static inline void fe_do(struct fe *f, uint32_t request, const void *body, uint32_t len, int fd)
{
	assert_int_equal(fe_ask(f, request, body, len, &fd, fd >= 0), 0);
}

static inline uint64_t fe_get(struct fe *f, uint32_t request)
{
	uint64_t u = 0;

	fe_send(f, request, 0, NULL, 0, NULL, 0);
	assert_int_equal(fe_recv(f, request, &u, sizeof(u)), sizeof(u));
	return u;
}

static inline void fe_connect(struct fe *f, const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	memset(f, 0, sizeof(*f));
	f->back = -1;
	f->memfd = -1;
	for (unsigned i = 0; i < VQS; i++) {
		f->kick[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		f->call[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	}
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	f->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(f->fd, (struct sockaddr *)&a, sizeof(a)), 0);
}

static inline void fe_negotiate(struct fe *f, uint64_t features, uint64_t proto)
{
	f->features = features;
	assert_int_equal(fe_get(f, VHU_GET_FEATURES) & features, features);
	if (proto) {
		assert_int_equal(fe_get(f, VHU_GET_PROTOCOL_FEATURES) & proto, proto);
		fe_do(f, VHU_SET_PROTOCOL_FEATURES, &proto, sizeof(proto), -1);
		assert_int_equal(fe_get(f, VHU_GET_QUEUE_NUM), VQS);
		fe_do(f, VHU_SET_OWNER, NULL, 0, -1);
		fe_do(f, VHU_SET_FEATURES, &features, sizeof(features), -1);
	} else {
		fe_send(f, VHU_SET_FEATURES, 0, &features, sizeof(features), NULL, 0);
	}
}

static inline struct vhu_wire_slot fe_region(uint64_t at)
{
	return (struct vhu_wire_slot){ .r = { .gpa = GPA + at, .len = RAM, .uva = UVA + at } };
}

static inline void fe_memory(struct fe *f)
{
	struct vhu_wire_table t = { .n = 1 };

	f->memfd = memfd_create("guest", MFD_CLOEXEC);
	assert_int_equal(ftruncate(f->memfd, RAM), 0);
	f->ram = mmap(NULL, RAM, PROT_READ | PROT_WRITE, MAP_SHARED, f->memfd, 0);
	assert_ptr_not_equal(f->ram, MAP_FAILED);
	t.r[0] = fe_region(0).r;
	fe_send(f, VHU_SET_MEM_TABLE, 0, &t, 8 + 32, &f->memfd, 1);
}

static inline void fe_kick(struct fe *f, unsigned i)
{
	uint64_t one = 1;

	assert_int_equal(write(f->kick[i], &one, sizeof(one)), sizeof(one));
}

/* Ring i, fresh, at page 4 i; as the port sees it at `base` (user addresses, or IOVAs). */
static inline struct vhu_wire_addr fe_ring_addr(struct fe *f, unsigned i, uint64_t base)
{
	uint16_t flags = (uint16_t)((f->features & VIO_F_RING_PACKED) ? VIO_DVQ_PACKED : 0);
	struct vhu_wire_addr a = { .index = i };
	uint64_t at[3];

	f->ring[i] = (struct vio_dma){ .p = f->ram + i * 0x4000,
				       .addr = GPA + i * 0x4000,
				       .len = 0x4000 };
	assert_int_equal(vio_dvq_init(&f->q[i], SIZE, flags, &f->ring[i], f->slot[i]), VIO_OK);
	vio_dvq_areas(&f->q[i], &f->ring[i], at);
	a.desc = at[0] - GPA + base;
	a.avail = at[1] - GPA + base;
	a.used = at[2] - GPA + base;
	return a;
}

static inline void fe_ring_fds(struct fe *f, unsigned i)
{
	uint64_t u = i;

	fe_send(f, VHU_SET_VRING_CALL, 0, &u, sizeof(u), &f->call[i], 1);
	fe_send(f, VHU_SET_VRING_KICK, 0, &u, sizeof(u), &f->kick[i], 1);
}

static inline void fe_enable(struct fe *f, unsigned i, uint32_t on)
{
	struct vhu_wire_ring w = { i, on };

	fe_send(f, VHU_SET_VRING_ENABLE, 0, &w, sizeof(w), NULL, 0);
}

static inline void fe_ring(struct fe *f, unsigned i)
{
	struct vhu_wire_addr a = fe_ring_addr(f, i, UVA);
	struct vhu_wire_ring w = { i, SIZE };

	fe_send(f, VHU_SET_VRING_NUM, 0, &w, sizeof(w), NULL, 0);
	w.num = (f->features & VIO_F_RING_PACKED) ? 0x80008000u : 0;
	fe_send(f, VHU_SET_VRING_BASE, 0, &w, sizeof(w), NULL, 0);
	fe_send(f, VHU_SET_VRING_ADDR, 0, &a, sizeof(a), NULL, 0);
	fe_ring_fds(f, i);
	if (f->features & VHU_F_PROTOCOL) {
		fe_enable(f, i, 1);
	}
}

/* A request of 32 bytes at `at` of the guest's memory, answer 64 bytes behind; offered and kicked. */
static inline void fe_add(struct fe *f, unsigned i, uint64_t addr, uint8_t *p)
{
	struct vio_dma b[2] = { { p, addr, 32 }, { p + 64, addr + 64, 32 } };

	for (unsigned k = 0; k < 32; k++) {
		b[0].p[k] = (uint8_t)(k + (addr >> 8) + 1);
		b[1].p[k] = 0;
	}
	assert_int_equal(vio_dvq_add(&f->q[i], b, 1, 1, p), VIO_OK);
	if (vio_dvq_need_kick(&f->q[i])) {
		fe_kick(f, i);
	}
}

/* Wait for a completion, by its signal. */
static inline uint8_t *fe_done(struct fe *f, unsigned i)
{
	void *p = NULL;
	uint32_t len;
	int rc;

	while ((rc = vio_dvq_get(&f->q[i], &p, &len)) == VIO_E_AGAIN) {
		struct pollfd w = { .fd = f->call[i], .events = POLLIN };
		uint64_t n;

		if (poll(&w, 1, PATIENCE) != 1) {
			fail_msg("no completion");
		}
		assert_int_equal(read(f->call[i], &n, sizeof(n)), sizeof(n));
	}
	assert_int_equal(rc, VIO_OK);
	assert_int_equal(len, 32);
	assert_memory_equal(p, (uint8_t *)p + 64, 32);
	return p;
}

static inline void fe_echo(struct fe *f, unsigned i)
{
	fe_add(f, i, GPA + 0x8000 + i * 256, f->ram + 0x8000 + i * 256);
	fe_done(f, i);
}

static inline void fe_base(struct fe *f, unsigned i)
{
	struct vhu_wire_ring w = { .index = i };

	fe_send(f, VHU_GET_VRING_BASE, 0, &w, sizeof(w), NULL, 0);
}

static inline void fe_close(struct fe *f)
{
	const int fd[] = { f->fd, f->back, f->memfd };

	for (size_t i = 0; i < 3; i++) {
		if (fd[i] >= 0) {
			close(fd[i]);
		}
	}
	for (unsigned i = 0; i < VQS; i++) {
		close(f->kick[i]);
		close(f->call[i]);
	}
	if (f->ram) {
		munmap(f->ram, RAM);
	}
	memset(f, 0, sizeof(*f));
}

/* A whole session up to running rings. */
static inline void fe_session(struct fe *f, struct rig *g, uint64_t features, uint64_t proto)
{
	fe_connect(f, g->path);
	fe_negotiate(f, features, proto);
	fe_memory(f);
	for (unsigned i = 0; i < VQS; i++) {
		fe_ring(f, i);
	}
}

static inline void fe_leave(struct fe *f, struct rig *g)
{
	fe_close(f);
	rig_wait(&g->gone);
}

#endif
