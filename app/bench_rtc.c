/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench_rtc.c - rtc as load: read one clock (virtio 1.4, 5.23); --address chooses it
 *
 * Without --address it is the first monotonic clock, else clock 0. Readings of a clock are taken in the order of the
 * requests, and come back in it, whatever was negotiated. Other clocks than monotonic ones may be set back.
 */
#include "app/bench.h"
#include "vio/spec/rtc.h"
#include <stdlib.h>
#include <string.h>

#define NOTHING 0xeeu
#define SIZE	16u /* of a reading's request and response; others are shorter or as long */

struct clock {
	uint16_t id;
	bool monotonic;
	uint64_t last; /* reading, ns */
	uint64_t next; /* request that comes back next */
};

static void request(struct bench_req *r, uint16_t type, uint16_t id)
{
	uint32_t len = type == VIO_RTC_REQ_CFG ? sizeof(struct vio_rtc_req_head) : SIZE;

	memset(r->head.p, 0, SIZE);
	vio_pack16(r->head.p, type);
	vio_pack16(r->head.p + offsetof(struct vio_rtc_req_clock, clock_id), id);
	memset(r->tail.p, NOTHING, SIZE);
	r->b[0] = (struct vio_dma){ r->head.p, r->head.addr, len };
	r->b[1] = (struct vio_dma){ r->tail.p, r->tail.addr, SIZE };
	r->n_out = 1;
	r->n_in = 1;
}

static void rtc_build(struct bench *b, struct bench_req *r)
{
	const struct clock *c = b->own;

	request(r, VIO_RTC_REQ_READ, c->id);
}

static bool untouched(const uint8_t *p)
{
	return p[0] == NOTHING && memcmp(p, p + 1, 7) == 0;
}

static void rtc_check(struct bench *b, struct bench_req *r, uint32_t len)
{
	const uint8_t *p = r->tail.p, *at = p + offsetof(struct vio_rtc_resp_read, clock_reading);
	uint64_t ns = vio_unpack64(at);
	struct clock *c = b->own;

	b->result.bytes += len;
	if (p[0] == NOTHING) {
		bench_wrong(b, r, "the status byte was not written");
	} else if (p[0] != VIO_RTC_S_OK) {
		bench_wrong(b, r, "status %u of clock %u", p[0], c->id);
	} else if (len != SIZE) {
		bench_wrong(b, r, "%u bytes are reported as written, must be %u", len, SIZE);
	} else if (untouched(at)) {
		bench_wrong(b, r, "the reading was not written");
	} else if (r->k != c->next) {
		bench_wrong(b, r, "out of order: request %llu reads the same clock and was first",
			    (unsigned long long)c->next);
	} else if (c->monotonic && ns < c->last) {
		bench_wrong(b, r, "clock %u is monotonic, and went back by %llu ns to %llu", c->id,
			    (unsigned long long)(c->last - ns), (unsigned long long)ns);
	}
	c->last = ns;
	c->next = r->k + 1u;
}

/* Before the load; returns: the response, or NULL and err */
static const uint8_t *ask(struct bench *b, uint16_t type, uint16_t id, const char *what,
			  char err[256])
{
	struct bench_req *r = &b->queue[0].req[0];
	uint32_t len;

	request(r, type, id);
	if (bench_ask(b, &b->queue[0], r, what, &len, err)) {
		return NULL;
	}
	if (r->tail.p[0] != VIO_RTC_S_OK || len != SIZE) {
		snprintf(err, 256, "%s: status %u, %u bytes", what, r->tail.p[0], len);
		return NULL;
	}
	return r->tail.p;
}

/* returns: -1 and err | 0 and whether the clock is monotonic */
static int capable(struct bench *b, uint16_t id, bool *monotonic, char err[256])
{
	const uint8_t *p = ask(b, VIO_RTC_REQ_CLOCK_CAP, id, "what a clock can do", err);

	*monotonic =
		p && p[offsetof(struct vio_rtc_resp_clock_cap, type)] == VIO_RTC_CLOCK_MONOTONIC;
	return p ? 0 : -1;
}

static int rtc_ready(struct bench *b, char err[256])
{
	struct clock *c = calloc(1, sizeof(*c));
	const uint8_t *p;
	uint16_t n;

	b->own = c;
	if (!c) {
		snprintf(err, 256, "no memory");
		return -1;
	}
	p = ask(b, VIO_RTC_REQ_CFG, 0, "how many clocks there are", err);
	if (!p) {
		return -1;
	}
	n = vio_unpack16(p + offsetof(struct vio_rtc_resp_cfg, num_clocks));
	if (n == 0 || (b->spec.address != UINT32_MAX && b->spec.address >= n)) {
		snprintf(err, 256, "the device has %u clocks; --address chooses one, from 0 on", n);
		return -1;
	}
	if (b->spec.address != UINT32_MAX) {
		c->id = (uint16_t)b->spec.address;
		return capable(b, c->id, &c->monotonic, err);
	}
	for (uint16_t i = 0; i < n && !c->monotonic; i++) {
		if (capable(b, i, &c->monotonic, err)) {
			return -1;
		}
		c->id = c->monotonic ? i : 0;
	}
	return 0;
}

static void rtc_close(struct bench *b)
{
	free(b->own);
}

const struct bench_class bench_rtc = {
	.name = "rtc",
	.about = "readings of a clock; status, length, order, and that a monotonic one never "
		 "goes back, are verified",
	.first_vq = VIO_RTC_REQUESTQ,
	.block_size = SIZE,
	.block_max = SIZE,
	.build = rtc_build,
	.check = rtc_check,
	.ready = rtc_ready,
	.close = rtc_close,
};
