/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench_scmi.c - scmi as load: commands that change nothing, in turns (virtio 1.4, "SCMI Device"; Arm DEN0056)
 *
 * Before the load each command is asked for once; those that succeed are the load. What they answer then is what they
 * must answer always, but for the value that a sensor reads. --address is the clock and the sensor.
 */
#include "app/bench.h"
#include "vio/spec/scmi.h"
#include <stdlib.h>
#include <string.h>

#define NOTHING	   0xeeu
#define ROOM	   64u /* bytes of an answer; the longest here has 36 */
#define HEAD	   8u  /* header, status */
#define TOKENS	   1024u
#define CLOCK_RATE 0x6u
#define CLOCK_ATTR 0x3u
#define READING	   0x6u
#define VENDOR	   0x3u

static const struct command {
	const char *name;
	uint8_t protocol, message;
	uint8_t words; /* of parameters: none, the resource, the resource and 0 */
	bool varies;   /* its values do */
} commands[] = {
	{ "the base protocol's version", VIO_SCMI_BASE, VIO_SCMI_PROTOCOL_VERSION, 0, false },
	{ "the base protocol's attributes", VIO_SCMI_BASE, VIO_SCMI_PROTOCOL_ATTRIBUTES, 0, false },
	{ "the vendor", VIO_SCMI_BASE, VENDOR, 0, false },
	{ "a clock's attributes", VIO_SCMI_CLOCK, CLOCK_ATTR, 1, false },
	{ "a clock's rate", VIO_SCMI_CLOCK, CLOCK_RATE, 1, false },
	{ "a sensor's reading", VIO_SCMI_SENSOR, READING, 2, true },
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

/* What is asked for, and what the answer must be */
struct scmi {
	uint32_t resource, n;
	struct known {
		const struct command *c;
		uint32_t len;
		uint8_t answer[ROOM];
	} known[COMMANDS];
};

static uint32_t header(const struct command *c, uint64_t k)
{
	return VIO_SCMI_HDR(c->protocol, VIO_SCMI_TYPE_COMMAND, c->message) | (uint32_t)(k % TOKENS)
										      << 18;
}

static void request(const struct scmi *s, struct bench_req *r, const struct command *c)
{
	vio_pack32(r->head.p, header(c, r->k));
	vio_pack32(r->head.p + 4, s->resource);
	vio_pack32(r->head.p + 8, 0);
	memset(r->tail.p, NOTHING, ROOM);
	r->b[0] = (struct vio_dma){ r->head.p, r->head.addr, 4u + 4u * c->words };
	r->b[1] = (struct vio_dma){ r->tail.p, r->tail.addr, ROOM };
	r->n_out = 1;
	r->n_in = 1;
}

static void scmi_build(struct bench *b, struct bench_req *r)
{
	const struct scmi *s = b->own;

	request(s, r, s->known[r->k % s->n].c);
}

static uint32_t differs(const uint8_t *p, const uint8_t *q, uint32_t from, uint32_t len)
{
	while (from < len && p[from] == q[from]) {
		from++;
	}
	return from;
}

static bool untouched(const uint8_t *p, uint32_t len)
{
	return p[0] == NOTHING && memcmp(p, p + 1, len - 1u) == 0;
}

static void check_values(struct bench *b, const struct bench_req *r, const struct known *w)
{
	const uint8_t *p = r->tail.p;
	uint32_t at = differs(p, w->answer, HEAD, w->len);

	if (at == w->len) {
		return;
	}
	if (untouched(p + HEAD, w->len - HEAD)) {
		bench_wrong(b, r, "%s: no value was written", w->c->name);
	} else if (!w->c->varies) {
		bench_wrong(b, r, "%s: another answer than at first, from byte %u on", w->c->name,
			    at);
	}
}

static void scmi_check(struct bench *b, struct bench_req *r, uint32_t len)
{
	const struct scmi *s = b->own;
	const struct known *w = &s->known[r->k % s->n];
	const uint8_t *p = r->tail.p;
	uint32_t hdr = vio_unpack32(p), want = header(w->c, r->k);
	int32_t status = (int32_t)vio_unpack32(p + 4);

	b->result.bytes += len;
	if (untouched(p, HEAD)) {
		bench_wrong(b, r, "%s: the answer was not written", w->c->name);
	} else if (hdr >> 18 != want >> 18) {
		bench_wrong(b, r, "%s: token %u, must be %u", w->c->name, hdr >> 18, want >> 18);
	} else if (hdr != want) {
		bench_wrong(b, r, "%s: header 0x%08x, must be 0x%08x", w->c->name, hdr, want);
	} else if (status != VIO_SCMI_SUCCESS) {
		bench_wrong(b, r, "%s: status %d", w->c->name, status);
	} else if (len != w->len) {
		bench_wrong(b, r, "%s: %u bytes are reported as written, must be %u", w->c->name,
			    len, w->len);
	} else {
		check_values(b, r, w);
	}
}

/* Is this command one that the device has? returns: 0 | -1 and err */
static int learn(struct bench *b, struct scmi *s, const struct command *c, char err[256])
{
	struct bench_req *r = &b->queue[0].req[0];
	struct known *w = &s->known[s->n];

	r->k = 0;
	request(s, r, c);
	if (bench_ask(b, &b->queue[0], r, c->name, &w->len, err)) {
		return -1;
	}
	if (w->len <= HEAD || vio_unpack32(r->tail.p + 4) != VIO_SCMI_SUCCESS) {
		return 0;
	}
	w->c = c;
	memcpy(w->answer, r->tail.p, ROOM);
	s->n++;
	return 0;
}

static int scmi_ready(struct bench *b, char err[256])
{
	struct scmi *s = calloc(1, sizeof(*s));
	bool chosen = b->spec.address != UINT32_MAX, found = false;

	b->own = s;
	if (!s) {
		snprintf(err, 256, "no memory");
		return -1;
	}
	s->resource = chosen ? b->spec.address : 0;
	for (size_t i = 0; i < COMMANDS; i++) {
		if (learn(b, s, &commands[i], err)) {
			return -1;
		}
	}
	for (uint32_t i = 0; i < s->n; i++) {
		found = found || s->known[i].c->words > 0;
	}
	if (s->n == 0) {
		snprintf(err, 256, "the device does not even tell the base protocol's version");
		return -1;
	}
	if (chosen && !found) {
		snprintf(err, 256, "--address: there is neither a clock nor a sensor %u",
			 s->resource);
		return -1;
	}
	return 0;
}

static void scmi_close(struct bench *b)
{
	free(b->own);
}

const struct bench_class bench_scmi = {
	.name = "scmi",
	.about = "commands that change nothing; token, status, length and values are verified",
	.first_vq = VIO_SCMI_CMDQ,
	.block_size = ROOM,
	.block_max = ROOM,
	.build = scmi_build,
	.check = scmi_check,
	.ready = scmi_ready,
	.close = scmi_close,
};
