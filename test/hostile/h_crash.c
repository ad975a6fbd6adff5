/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * h_crash.c - a back-end that dies between any two stores: no request is lost, none completes twice
 *
 * core/ is built with a hook after each store to shared memory (test/support/step.h). There the "daemon" is thrown
 * away (longjmp, its state overwritten) and a new one starts on the ring and the in-flight region alone, also while
 * it is recovering. The driver lives on, and looks at the ring only when it is signalled.
 * First every single step of a short run once, then a long run with crashes at random steps.
 * usage: h_crash [REQUESTS]
 */
#include <setjmp.h>
#include "pit.h"
#include "vio/drv.h"

#define REQS	     24u /* the driver's requests at a time */
#define REGION_BYTES 8192u

static struct {
	struct vio_dev d;
	struct vio_vq q;
	VIO_VQ_STORE(struct vio_req, 8u, 4u) store;
	struct vio_req *got[8];
	unsigned n;
} daemon;
static struct vio_mem_full mem; /* the front-end's memory: survives */
static struct vio_region region;
static uint8_t ram[0x8000] __attribute__((aligned(4096)));
static uint64_t track[REGION_BYTES / 8u];
static struct vio_vq_track tracking;

static struct vio_dvq dq;
static struct vio_dvq_slot slots[64];
static struct {
	uint32_t seq, executed, back;
	bool busy;
} job[REQS];
static uint32_t next_seq, completed, again, crashes;
static bool signalled;

static jmp_buf death;
static uint64_t step_no, die_at; /* die_at: 0 never */
static bool alive;
static uint64_t rnd_state = 88172645463325252ull;

static uint32_t rnd(void)
{
	rnd_state ^= rnd_state << 13;
	rnd_state ^= rnd_state >> 7;
	rnd_state ^= rnd_state << 17;
	return (uint32_t)(rnd_state >> 16);
}

void crash_step(void);
void crash_step(void)
{
	if (alive && (++step_no == die_at)) {
		longjmp(death, 1);
	}
}

static _Noreturn void fail(const char *why, uint32_t n)
{
	printf("FAILED: %s (request %u, step %llu, %u crashes)\n", why, n,
	       (unsigned long long)step_no, crashes);
	exit(1);
}

/* ---- the daemon ---- */

static void finish(unsigned k)
{
	struct vio_req *r = daemon.got[k];
	uint32_t seq, slot;

	if ((vio_req_read(r, 0u, &slot, 4u) != 4u) || (vio_req_read(r, 4u, &seq, 4u) != 4u) ||
	    (slot >= REQS) || (job[slot].seq != seq)) {
		fail("the device read something that was never posted", slot);
	}
	again += r->again ? 1u : 0u;
	job[slot].executed++; /* the host effect */
	(void)vio_req_write(r, 0u, &seq, 4u);
	vio_req_done(r, 0u);
	daemon.got[k] = daemon.got[--daemon.n];
}

static void queue(struct vio_dev *d, struct vio_vq *q)
{
	struct vio_req *r;

	(void)d;
	while ((daemon.n < 8u) && ((r = vio_vq_pop(q)) != NULL)) {
		daemon.got[daemon.n++] = r;
	}
	for (uint32_t k = rnd() % (daemon.n + 1u); k > 0u; k--) {
		finish(rnd() % daemon.n);
	}
}

static void on_signal(void *port, uint16_t vq)
{
	(void)port;
	(void)vq;
	signalled = true;
}
static void on_wake(void *port, uint16_t vq)
{
	(void)port;
	(void)vq;
}
static void on_config(void *port)
{
	(void)port;
	fail("the device failed", 0u);
}
static const struct vio_dev_ops ops = { .id = 2u, .nvq_max = 1u, .queue = queue };
static const struct vio_port_ops port_ops = { .signal = on_signal,
					      .config = on_config,
					      .wake = on_wake };

static void start(uint64_t features, uint16_t size, const uint64_t area[3])
{
	static const struct vio_vq_state any = { 0u, 0u, true, true };
	int rc;

	memset(&daemon, 0xa5, sizeof(daemon));
	daemon.n = 0u;
	rc = vio_mem_full_init(&mem, &region, 1u);
	rc |= vio_dev_init(&daemon.d, &ops, &mem.m, &daemon.q, 1u, NULL);
	VIO_VQ_BIND(&daemon.q, &daemon.d, 0u, &daemon.store, 8u, 4u);
	vio_dev_attach(&daemon.d, &port_ops, NULL, VIO_F_RINGS);
	rc |= vio_dev_set_status(&daemon.d, 3u);
	rc |= vio_dev_accept(&daemon.d, features);
	rc |= vio_dev_set_status(&daemon.d, 11u);
	rc |= vio_vq_setup(&daemon.q, size, area[0], area[1], area[2]);
	rc |= vio_vq_track(&daemon.q, &tracking, track, sizeof(track));
	if (rc != VIO_OK) {
		fail("set-up", 0u);
	}
	alive = true;
	rc = vio_vq_enable(&daemon.q, ((crashes & 1u) != 0u)
					      ? NULL
					      : &any); /* where it stands is in the region */
	if (rc != VIO_OK) {
		fail("recovery refused the region", 0u);
	}
	(void)vio_dev_set_status(&daemon.d, 15u);
}

/* ---- the driver ---- */

static void post(uint32_t k, bool indirect)
{
	uint8_t *b = ram + 0x4000 + k * 0x100u;
	uint64_t at = PIT_BASE + 0x4000u + k * 0x100u;
	struct vio_dma v[3] = { { b, at, 3u }, { b + 3, at + 3u, 5u }, { b + 64, at + 64u, 4u } };
	struct vio_dma table = { b + 128, at + 128u, 48u };
	int rc;

	job[k].seq = next_seq;
	memcpy(b, &k, 4u);
	memcpy(b + 4, &next_seq, 4u);
	memset(b + 64, 0, 4u);
	rc = indirect ? vio_dvq_add_indirect(&dq, &table, v, 2u, 1u, &job[k])
		      : vio_dvq_add(&dq, v, 2u, 1u, &job[k]);
	if (rc == VIO_OK) {
		job[k].busy = true;
		job[k].executed = 0u;
		next_seq++;
	} else if (rc != VIO_E_AGAIN) {
		fail("the driver could not post", k);
	}
}

static void collect(void)
{
	void *cookie;
	uint32_t len;

	while (vio_dvq_get(&dq, &cookie, &len) == VIO_OK) {
		uint32_t k = (uint32_t)((uint8_t *)cookie - (uint8_t *)job) / sizeof(job[0]);

		if (!job[k].busy) {
			fail("a request came back twice", k);
		}
		if ((len != 4u) ||
		    (memcmp(ram + 0x4000 + k * 0x100u + 64u, &job[k].seq, 4u) != 0) ||
		    (job[k].executed == 0u)) {
			fail("a request came back without its effect", k);
		}
		job[k].busy = false;
		completed++;
	}
	if (dq.broken) {
		fail("the ring says something impossible", 0u);
	}
}

static void setup_driver(bool packed, bool event, uint16_t size, uint64_t area[3])
{
	struct vio_dma ring = { ram, PIT_BASE, 0x4000u };
	uint16_t flags =
		(uint16_t)((packed ? VIO_DVQ_PACKED : 0u) | (event ? VIO_DVQ_EVENT_IDX : 0u));

	memset(ram, 0, sizeof(ram));
	memset(track, 0, sizeof(track));
	memset(job, 0, sizeof(job));
	next_seq = completed = again = crashes = 0u;
	signalled = false;
	step_no = 0u;
	region = (struct vio_region){ PIT_BASE, sizeof(ram), ram };
	if (vio_dvq_init(&dq, size, flags, &ring, slots) != VIO_OK) {
		fail("the driver queue", 0u);
	}
	vio_dvq_areas(&dq, &ring, area);
	(void)vio_dvq_arm(&dq);
}

/* Run until `total` requests are back. gap: crash at a random step within it again and again; 0: once, at first_death. */
static void run(bool packed, bool event, uint32_t total, uint64_t first_death, uint32_t gap)
{
	uint16_t size = packed ? 31u : 64u;
	const volatile uint64_t f = VIO_F_VERSION_1 | VIO_F_INDIRECT_DESC |
				    (packed ? VIO_F_RING_PACKED : 0u) |
				    (event ? VIO_F_EVENT_IDX : 0u);
	uint64_t area[3];
	volatile uint32_t idle = 0u;

	setup_driver(packed, event, size, area);
	die_at = first_death;
	alive = false;
	if (setjmp(death) != 0) {
		crashes++;
		alive = false;
		die_at = (gap != 0u) ? (step_no + 1u + (rnd() % gap)) : 0u;
	}
	start(f, size, area);
	while (completed < total) {
		uint32_t before = completed;

		alive = false; /* the driver's own code does not crash */
		for (uint32_t k = 0u; (k < REQS) && (next_seq < total); k++) {
			if (!job[k].busy && ((rnd() & 3u) != 0u)) {
				post(k, (rnd() & 3u) == 0u);
			}
		}
		(void)vio_dvq_need_kick(&dq);
		alive = true;
		(void)vio_vq_run(&daemon.q);
		(void)vio_vq_arm(&daemon.q);
		alive = false;
		if (signalled) {
			signalled = false;
			collect();
			if (vio_dvq_arm(&dq)) {
				collect();
			}
		}
		idle = (completed == before) ? idle + 1u : 0u;
		if (idle > 10000u) {
			fail("requests are lost", next_seq - completed);
		}
	}
	alive = false;
}

int main(int argc, char **argv)
{
	uint32_t requests = (argc > 1) ? (uint32_t)strtoul(argv[1], NULL, 0) : 40000u;

	for (unsigned t = 0u; t < 4u; t += (VIO_CFG_PACKED != 0) ? 1u : 2u) {
		bool packed = (t & 1u) != 0u, event = (t & 2u) != 0u;
		uint64_t steps;

		rnd_state = 88172645463325252ull;
		run(packed, event, 60u, 0u, 0u);
		steps = step_no;
		for (uint64_t s = 1u; s <= steps; s++) {
			rnd_state = 88172645463325252ull;
			run(packed, event, 60u, s, 0u);
		}
		run(packed, event, requests, 50u, 60u);
		printf("%s%s: each of %llu steps once; %u requests with %u crashes, %u replays\n",
		       packed ? "packed" : "split", event ? ", event-idx" : "",
		       (unsigned long long)steps, completed, crashes, again);
	}
	return 0;
}
