/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * h_fence.c - the four full fences, each by a race for it; usage: h_fence [ROUNDS]
 *
 * A side that goes to sleep stores what it waits for and then looks once more; the other side stores its work and
 * then reads what is waited for. Without a full fence in between, on either side, both loads may pass both stores
 * (x86 does so too), and both sides sleep for ever. Each round lets two threads meet at exactly that point, with the
 * real functions, at a slowly changing distance in time, and asserts that at least one of them has noticed.
 *   kick:   vio_vq_arm on the device's side against vio_dvq_add, vio_dvq_need_kick on the driver's
 *   signal: vio_req_done, vio_vq_run on the device's side against vio_dvq_arm on the driver's
 * A single processor cannot show the difference: then the program says so and exits with 77 (skipped).
 */
#include <pthread.h>
#include <sched.h>
#include "pit.h"
#include "vio/drv.h"

static struct pit pit;
static struct vio_dvq dq;
static struct vio_dvq_slot slots[PIT_SIZE];
static struct vio_dma buffer;
static const uint64_t want = VIO_F_VERSION_1;

/*
 * Each round has two steps that the main thread starts by raising `go` and the device thread answers in `done`: get
 * ready, then meet. Ready means that both have all ring lines in their own cache, where a load finds the old value
 * while the other side's store is still on its way.
 */
static uint32_t go, done;
static bool device_saw, race_signal, quit;
static uint64_t rnd_state[2] = { 88172645463325252ull, 0x9e3779b97f4a7c15ull };

static void spin(unsigned who, uint32_t most)
{
	uint64_t *s = &rnd_state[who];

	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	for (volatile uint32_t i = (uint32_t)(*s >> 20) % most; i > 0u; i--) {
	}
}

static void touch(void)
{
	for (uint32_t i = 0u; i < PIT_DATA; i += 64u) {
		(void)*(volatile uint8_t *)(pit.ram + i);
	}
}

static void await(const uint32_t *what, uint32_t value)
{
	for (uint32_t n = 0u; __atomic_load_n(what, __ATOMIC_ACQUIRE) != value; n++) {
		if (n > 20000u) {
			(void)sched_yield(); /* the other one is not running at all */
		}
	}
}

static void step(uint32_t *round)
{
	(*round)++;
	__atomic_store_n(&go, *round, __ATOMIC_RELEASE);
}

static void device_meets(void)
{
	unsigned before = pit.signals;

	spin(0u, 200u);
	if (race_signal) {
		pit_finish(&pit, 0u);
		(void)vio_vq_run(&pit.q);
		device_saw = pit.signals != before;
	} else {
		device_saw = vio_vq_arm(&pit.q);
	}
}

static void *device(void *arg)
{
	(void)arg;
	for (uint32_t round = 1u;; round++) {
		await(&go, round);
		if (quit) {
			return NULL;
		}
		if ((round & 1u) != 0u) {
			(void)vio_vq_run(&pit.q);
			touch();
		} else {
			device_meets();
		}
		__atomic_store_n(&done, round, __ATOMIC_RELEASE);
	}
}

static void fail(const char *what, uint32_t round)
{
	printf("FAILED: %s was missed by both sides in round %u\n", what, round);
	exit(1);
}

static void add(void)
{
	if (vio_dvq_add(&dq, &buffer, 0u, 1u, &pit) != VIO_OK) {
		fail("room for a request", 0u);
	}
}

/* The driver's half of a meeting. returns: it has noticed */
static bool driver_meets(void)
{
	spin(1u,
	     400u); /* the device thread sees `go` a little later, and its way to the store is longer for a signal */
	if (race_signal) {
		return vio_dvq_arm(&dq);
	}
	add();
	return vio_dvq_need_kick(&dq);
}

static void race(uint32_t rounds, uint32_t *round)
{
	void *cookie;
	uint32_t len;

	pit.keep = race_signal ? 1u : 0u;
	for (uint32_t i = 0u; i < rounds; i++) {
		bool driver_saw;

		if (race_signal) { /* the device owns one request, the driver wants no signal */
			add();
			(void)vio_dvq_need_kick(&dq);
			vio_dvq_mute(&dq);
		}
		step(round);
		await(&done, *round);
		touch();
		step(round);
		driver_saw = driver_meets();
		await(&done, *round);
		if (!driver_saw && !device_saw) {
			fail(race_signal ? "a completion" : "a request", i);
		}
		if (!race_signal) {
			step(round); /* serve it */
			await(&done, *round);
			step(round);
			await(&done, *round); /* an arm of no interest: steps come in pairs */
		}
		if (vio_dvq_get(&dq, &cookie, &len) != VIO_OK) {
			fail("the end of a request", i);
		}
	}
}

static void setup(bool packed, bool event)
{
	struct vio_dma ring = { pit.ram, PIT_BASE, PIT_DATA };
	uint16_t flags =
		(uint16_t)((packed ? VIO_DVQ_PACKED : 0u) | (event ? VIO_DVQ_EVENT_IDX : 0u));
	uint64_t area[3];
	int rc;

	memset(pit.ram, 0, PIT_RAM);
	rc = vio_dvq_init(&dq, PIT_SIZE, flags, &ring, slots);
	vio_dvq_areas(&dq, &ring, area);
	rc |= pit_up(&pit,
		     want | (packed ? VIO_F_RING_PACKED : 0u) | (event ? VIO_F_EVENT_IDX : 0u));
	rc |= vio_vq_disable(&pit.q, NULL);
	rc |= vio_vq_setup(&pit.q, PIT_SIZE, area[0], area[1], area[2]);
	rc |= vio_vq_enable(&pit.q, NULL);
	if (rc != VIO_OK) {
		printf("FAILED: set-up\n");
		exit(1);
	}
}

int main(int argc, char **argv)
{
	uint32_t rounds = (argc > 1) ? (uint32_t)strtoul(argv[1], NULL, 0) : 100000u, round = 0u;
	cpu_set_t cpus;
	pthread_t t;

	if ((sched_getaffinity(0, sizeof(cpus), &cpus) == 0) && (CPU_COUNT(&cpus) < 2)) {
		printf("skipped: one processor shows no store buffer to another\n");
		return 77;
	}
	pit.ram = aligned_alloc(4096, PIT_RAM);
	buffer = (struct vio_dma){ pit.ram + PIT_DATA, PIT_BASE + PIT_DATA, 8u };
	if (pthread_create(&t, NULL, device, NULL) != 0) {
		printf("FAILED: no thread\n");
		return 1;
	}
	for (unsigned k = 0u; k < 8u; k++) {
		race_signal = (k & 4u) != 0u;
		setup((k & 1u) != 0u, (k & 2u) != 0u);
		race(rounds, &round);
		(void)pit_down(&pit);
	}
	quit = true;
	__atomic_store_n(&go, round + 1u, __ATOMIC_RELEASE);
	(void)pthread_join(t, NULL);
	printf("8 races of %u rounds, nothing missed\n", rounds);
	return 0;
}
