/* SPDX-License-Identifier: BSD-3-Clause */
/* demo_rig.h - driver, device and host in one process, over the loop-back port */
#ifndef APP_DEMO_RIG_H
#define APP_DEMO_RIG_H

#include "app/instance.h"
#include "port/loopback/loopback.h"

#define DEMO_RAM  (256u << 10) /* bytes of guest memory */
#define DEMO_VQS  6u
#define DEMO_SIZE 16u /* entries of a queue */

struct demo {
	struct loop *loop;
	struct spec spec;
	struct instance *in;
	struct lb lb;
	struct vio_mem_window mem;
	uint8_t *ram;
	uint32_t used; /* bytes of ram given out */
	uint64_t features;
	uint16_t nvq;
	struct vio_dvq vq[DEMO_VQS];
	struct vio_dvq_slot slot[DEMO_VQS][DEMO_SIZE];
	unsigned failed;
};

/* A request under way: out bytes, in room. */
struct demo_req {
	struct vio_dma b[4]; /* readable ones first */
	uint16_t n_out, n_in;
	bool back;
	uint32_t len; /* as the device reported */
};

/* demo_open - text: as --device; want: features of the class; returns: 0 | -1, it said why */
int demo_open(struct demo *d, const char *text, uint64_t want);
void demo_close(struct demo *d);
/* demo_out, demo_in - add a readable or writable buffer, readable first; src may be NULL. returns: it */
uint8_t *demo_out(struct demo *d, struct demo_req *r, const void *src, uint32_t len);
uint8_t *demo_in(struct demo *d, struct demo_req *r, uint32_t len);
/* demo_add - put in queue; demo_go - kick; demo_wait - until r is back; returns: false after two seconds */
bool demo_add(struct demo *d, uint16_t vq, struct demo_req *r);
void demo_go(struct demo *d, uint16_t vq);
bool demo_wait(struct demo *d, uint16_t vq, struct demo_req *r);
/* demo_idle - let a loop run for a moment, so that hosts which complete later do */
void demo_idle(struct loop *loop);
/* demo_say - a line of the trace; demo_check - the same with its result, counted */
void demo_say(struct demo *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
bool demo_check(struct demo *d, bool ok, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
