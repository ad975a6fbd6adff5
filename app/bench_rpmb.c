/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench_rpmb.c - rpmb as load: the write counter and one block are read in turns (virtio 1.4, 5.12); --address is the block
 *
 * Answers are signed, so the device must have the key of this program. --prepare gives it to a device without one, and
 * that is for ever. With --verify=status any key will do: signatures and content are left alone. What is read before
 * the load must be read ever after, as nobody writes. A request is one frame there and one back; a key takes two.
 */
#include "app/bench.h"
#include "hosted/mac.h"
#include "vio/spec/rpmb.h"
#include <stdlib.h>
#include <string.h>

#define NOTHING 0xeeu
#define FRAME	VIO_RPMB_FRAME
#define AT(f)	offsetof(struct vio_rpmb_frame, f)
#define SIZE(f) sizeof(((struct vio_rpmb_frame *)0)->f)

static const uint8_t key[VIO_RPMB_MAC] = "stratos bench: RPMB test key...";

static const struct question {
	const char *name;
	uint16_t type, answer;
	size_t at, len; /* of what it tells */
} questions[] = {
	{ "the write counter", VIO_RPMB_REQ_GET_WRITE_COUNTER, VIO_RPMB_RESP_GET_COUNTER,
	  AT(write_counter), SIZE(write_counter) },
	{ "a read", VIO_RPMB_REQ_DATA_READ, VIO_RPMB_RESP_DATA_READ, AT(data), SIZE(data) },
};

struct rpmb {
	struct mac *mac;
	uint16_t block;
	uint8_t known[2][VIO_RPMB_BLOCK]; /* what each question tells */
};

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static uint32_t get16(const uint8_t *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

static void nonce_of(const struct bench *b, uint64_t k, uint8_t nonce[16])
{
	uint64_t s = b->spec.seed ^ (k << 20), v[2] = { bench_random(&s), bench_random(&s) };

	memcpy(nonce, v, sizeof(v));
}

static uint8_t *answer(const struct bench_req *r)
{
	return r->data.p + 2u * FRAME; /* behind the two that may be sent */
}

/* n frames are sent, of which the last is of this type */
static void request(struct bench_req *r, unsigned n, uint16_t type)
{
	uint8_t *last = r->data.p + (n - 1u) * FRAME;

	memset(last, 0, FRAME);
	put16(last + AT(block_count), 1);
	put16(last + AT(req_resp), type);
	memset(answer(r), NOTHING, FRAME);
	r->b[0] = (struct vio_dma){ r->data.p, r->data.addr, n * FRAME };
	r->b[1] = (struct vio_dma){ answer(r), r->data.addr + 2u * FRAME, FRAME };
	r->n_out = 1;
	r->n_in = 1;
}

static void rpmb_build(struct bench *b, struct bench_req *r)
{
	const struct question *q = &questions[r->k & 1u];
	const struct rpmb *s = b->own;

	request(r, 1, q->type);
	nonce_of(b, r->k, r->data.p + AT(nonce));
	put16(r->data.p + AT(address), r->k & 1u ? s->block : 0);
}

static bool is_signed(struct rpmb *s, const uint8_t *p)
{
	uint8_t want[VIO_RPMB_MAC];

	mac_begin(s->mac);
	mac_add(s->mac, p + AT(data), VIO_RPMB_SIGNED);
	mac_end(s->mac, want);
	return memcmp(want, p + AT(key_mac), sizeof(want)) == 0;
}

static uint32_t result_of(const uint8_t *p)
{
	return get16(p + AT(result)) & ~(uint32_t)VIO_RPMB_RES_WRITE_COUNTER_EXPIRED;
}

static void rpmb_check(struct bench *b, struct bench_req *r, uint32_t len)
{
	const struct question *q = &questions[r->k & 1u];
	const uint8_t *p = answer(r);
	struct rpmb *s = b->own;
	uint8_t nonce[16];

	b->result.bytes += len;
	nonce_of(b, r->k, nonce);
	if (p[AT(req_resp)] == NOTHING) {
		bench_wrong(b, r, "%s: the answer was not written", q->name);
	} else if (get16(p + AT(req_resp)) != q->answer) {
		bench_wrong(b, r, "%s: an answer of type 0x%04x, must be 0x%04x", q->name,
			    get16(p + AT(req_resp)), q->answer);
	} else if (result_of(p) != VIO_RPMB_RES_OK) {
		bench_wrong(b, r, "%s: result 0x%04x", q->name, get16(p + AT(result)));
	} else if (len != FRAME) {
		bench_wrong(b, r, "%s: %u bytes are reported as written, must be %u", q->name, len,
			    FRAME);
	} else if (memcmp(p + AT(nonce), nonce, sizeof(nonce)) != 0) {
		bench_wrong(b, r, "%s: the nonce is not that of the question", q->name);
	} else if (b->spec.verify && !is_signed(s, p)) {
		bench_wrong(b, r, "%s: it is not signed by the key", q->name);
	} else if (b->spec.verify && memcmp(p + q->at, s->known[r->k & 1u], q->len) != 0) {
		bench_wrong(b, r, "%s: not what it was at first", q->name);
	}
}

/* ---- before the load ---- */

/* returns: -1 and err: there is no answer | its result */
static int ask(struct bench *b, struct bench_req *r, const char *what, char err[256])
{
	uint32_t len;

	if (bench_ask(b, &b->queue[0], r, what, &len, err)) {
		return -1;
	}
	if (len != FRAME) {
		snprintf(err, 256, "%s: %u bytes are reported as written, must be %u", what, len,
			 FRAME);
		return -1;
	}
	return (int)result_of(answer(r));
}

static int question(struct bench *b, unsigned k, char err[256])
{
	struct bench_req *r = &b->queue[0].req[0];

	r->k = k;
	rpmb_build(b, r);
	return ask(b, r, questions[k].name, err);
}

static int program(struct bench *b, char err[256])
{
	struct bench_req *r = &b->queue[0].req[0];
	int rc;

	request(r, 1, VIO_RPMB_REQ_PROGRAM_KEY);
	memcpy(r->data.p + AT(key_mac), key, sizeof(key));
	request(r, 2, VIO_RPMB_REQ_RESULT_READ);
	rc = ask(b, r, "programming the key", err);
	if (rc > 0) {
		snprintf(err, 256, "programming the key: result 0x%04x", (unsigned)rc);
	}
	return rc == 0 ? 0 : -1;
}

/* The device has a key: ours, unless nobody wants to know. returns: 0 | -1 and err */
static int keyed(struct bench *b, struct rpmb *s, char err[256])
{
	int rc = question(b, 0, err);

	if (rc == VIO_RPMB_RES_NO_AUTH_KEY && !b->spec.prepare) {
		snprintf(err, 256,
			 "the device has no key yet: --prepare programs that of this "
			 "program, for ever");
		return -1;
	}
	if (rc == VIO_RPMB_RES_NO_AUTH_KEY) {
		rc = program(b, err) ? -1 : question(b, 0, err);
	}
	if (rc == 0 && b->spec.verify && !is_signed(s, answer(&b->queue[0].req[0]))) {
		snprintf(err, 256,
			 "the device has another key than that of this program, so nobody "
			 "here can tell its signatures: --verify=status");
		return -1;
	}
	if (rc > 0) {
		snprintf(err, 256, "the write counter: result 0x%04x", (unsigned)rc);
	}
	return rc == 0 ? 0 : -1;
}

static int rpmb_ready(struct bench *b, char err[256])
{
	struct rpmb *s = calloc(1, sizeof(*s));

	b->own = s;
	if (!s || !(s->mac = mac_new())) {
		snprintf(err, 256, "no memory");
		return -1;
	}
	mac_key(s->mac, key);
	s->block = (uint16_t)(b->spec.address == UINT32_MAX ? 0 : b->spec.address);
	if (keyed(b, s, err)) {
		return -1;
	}
	for (unsigned k = 0; k < 2; k++) {
		int rc = question(b, k, err);

		if (rc > 0) {
			snprintf(err, 256, "%s: result 0x%04x%s", questions[k].name, (unsigned)rc,
				 rc == VIO_RPMB_RES_ADDR_FAILURE ? ": --address chooses a block"
								 : "");
		}
		if (rc != 0) {
			return -1;
		}
		memcpy(s->known[k], answer(&b->queue[0].req[0]) + questions[k].at,
		       questions[k].len);
	}
	return 0;
}

static void rpmb_close(struct bench *b)
{
	struct rpmb *s = b->own;

	if (s) {
		mac_free(s->mac);
		free(s);
	}
}

const struct bench_class bench_rpmb = {
	.name = "rpmb",
	.about = "counter and a block, read; type, result, nonce, signature and content are "
		 "verified",
	.block_size = FRAME,
	.block_max = FRAME,
	.blocks = 3,
	.build = rpmb_build,
	.check = rpmb_check,
	.ready = rpmb_ready,
	.close = rpmb_close,
	.prepares = true,
};
