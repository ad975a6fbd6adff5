/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ask.c - a driver that says what it is told: requests of any device as bytes, and what comes back
 *
 * usage: ask WHERE FEATURES QUEUES       features besides VERSION_1, a number
 *
 * WHERE is a vhost-user socket, or the address of virtio-mmio registers (ask_vhost.c, ask_mmio.c). Reads lines from its
 * standard input, and answers each with one:
 *	QUEUE HEX ROOM	a request: readable bytes ("-": none), writable bytes. Answer: bytes as the device reported them, and
 *			all writable ones, which were a5 before
 *	config AT N	answer: the bytes
 * What is wrong ends the program; the device is reset then, as at the end of the input.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "ask.h"

#define SIZE	16u
#define VQS	4u
#define ROOM	4096u
#define SECONDS 30u

static struct ask_way way;
static struct vio_dvq queue[VQS];
static struct vio_dvq_slot slot[VQS][SIZE];
static struct vio_dma to, from;

static void die(const char *what, const char *more)
{
	printf("ask: %s%s\n", what, more);
	exit(1);
}

static void set_up(uint64_t want, unsigned nvq)
{
	struct vio_dma ring;
	uint64_t area[3], features;

	if (vio_drv_probe(way.ops, way.bus, want | VIO_F_VERSION_1, &features) != VIO_OK ||
	    (want & ~features)) {
		die("the device does not take these features", "");
	}
	for (uint16_t n = 0; n < nvq; n++) {
		if (way.alloc(way.bus, vio_dvq_bytes(SIZE, false), &ring) != VIO_OK ||
		    vio_dvq_init(&queue[n], SIZE, 0, &ring, slot[n]) != VIO_OK) {
			die("no memory for rings", "");
		}
		vio_dvq_areas(&queue[n], &ring, area);
		if (way.ops->setup(way.bus, n, SIZE, area[0], area[1], area[2]) != VIO_OK) {
			die("a queue is refused", "");
		}
	}
	if (way.alloc(way.bus, ROOM, &to) != VIO_OK || way.alloc(way.bus, ROOM, &from) != VIO_OK ||
	    way.ops->set_status(way.bus, VIO_S_ACKNOWLEDGE | VIO_S_DRIVER | VIO_S_FEATURES_OK |
						 VIO_S_DRIVER_OK) != VIO_OK) {
		die("the device does not start", "");
	}
}

static uint32_t unhex(uint8_t *out, const char *text)
{
	uint32_t n;

	for (n = 0; n < ROOM && strcmp(text, "-") && sscanf(text + 2 * n, "%2hhx", &out[n]) == 1;
	     n++) {
	}
	return n;
}

static void hex(const uint8_t *p, uint32_t n)
{
	while (n--) {
		printf("%02x", *p++);
	}
	printf("\n");
}

static void request(struct vio_dvq *q, uint16_t n, const char *text, uint32_t room)
{
	const struct timespec nap = { .tv_nsec = 200000 };
	struct vio_dma b[2];
	time_t end = time(NULL) + SECONDS;
	uint32_t len = 0;
	void *cookie;
	int rc;

	b[0] = to;
	b[0].len = unhex(to.p, text);
	b[1] = from;
	b[1].len = room;
	memset(from.p, 0xa5, ROOM);
	if (vio_dvq_add(q, b[0].len ? b : b + 1, b[0].len != 0, room != 0, q) != VIO_OK) {
		die("no such request: ", text);
	}
	if (vio_dvq_need_kick(q)) {
		(void)way.ops->kick(way.bus, n);
	}
	while ((rc = vio_dvq_get(q, &cookie, &len)) == VIO_E_AGAIN && time(NULL) < end) {
		(void)nanosleep(&nap, NULL);
	}
	if (rc != VIO_OK) {
		die("no answer to ", text);
	}
	printf("%u ", len);
	hex(from.p, room);
}

int main(int argc, char **argv)
{
	static char line[2 * ROOM + 64], text[2 * ROOM + 1];
	unsigned nvq = argc == 4 ? (unsigned)strtoul(argv[3], NULL, 0) : 0, at, n;
	uint8_t bytes[64];
	char err[256] = "";

	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	if (nvq == 0 || nvq > VQS) {
		die("WHERE FEATURES QUEUES", "");
	}
	if (ask_open(&way, argv[1], err)) {
		die(argv[1], err);
	}
	set_up(strtoull(argv[2], NULL, 0), nvq);
	while (fgets(line, sizeof(line), stdin)) {
		if (sscanf(line, "config %u %u", &at, &n) == 2 && n <= sizeof(bytes) &&
		    way.ops->config_read(way.bus, at, bytes, n) == VIO_OK) {
			hex(bytes, n);
		} else if (sscanf(line, "%u %8192s %u", &at, text, &n) == 3 && at < nvq &&
			   n <= ROOM) {
			request(&queue[at], (uint16_t)at, text, n);
		} else {
			die("not understood: ", line);
		}
	}
	return way.ops->set_status(way.bus, 0) == VIO_OK ? 0 : 1;
}
