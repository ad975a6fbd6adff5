/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * matrix.c - driver against device over the loop-back port, every combination of ring features and memory
 *
 * The driver acts only on a signal and kicks only when asked, so a lost notification shows as "stuck". Each request is
 * checked byte by byte: what the device read, what it wrote, and what it must not have touched.
 */
#include <stdio.h>
#include <string.h>
#include "test/support/matrix.h"

#define UNTOUCHED   0xeeu
#define PATIENCE    20000u   /* rounds without progress */
#define TABLES	    0x18000u /* indirect tables, inside the ring region */
#define TABLE_BYTES 128u

static const uint16_t split_sizes[] = { 1u, 2u, 8u, 64u, 256u, 1024u };
static const uint16_t packed_sizes[] = { 1u, 3u, 7u, 31u, 100u, 1000u, 1024u };

static struct vio_dma dma(const struct mrig *r, uint32_t off, uint32_t len)
{
	return (struct vio_dma){ .p = r->w.g + off, .addr = r->w.base + off, .len = len };
}

static void wrong(struct mrig *r, const char *why)
{
	if (r->why == NULL) {
		r->why = why;
	}
}

static void on_idle(void *arg)
{
	struct mrig *r = arg;

	(void)world_answer(&r->w);
	tdev_complete_some(&r->dev);
}

bool mrig_queue_up(struct mrig *r)
{
	struct vio_dma ring = dma(r, 0u, TABLES);
	uint64_t area[3];
	uint16_t flags = (uint16_t)((r->packed ? VIO_DVQ_PACKED : 0u) |
				    (r->event_idx ? VIO_DVQ_EVENT_IDX : 0u) |
				    (r->in_order ? VIO_DVQ_IN_ORDER : 0u));

	(void)memset(r->open, 0, sizeof(r->open));
	r->next_expected = r->serial + 1u;
	if (vio_dvq_init(&r->q, r->size, flags, &ring, r->slot) != VIO_OK) {
		return false;
	}
	vio_dvq_areas(&r->q, &ring, area);
	return lb_bus.setup(&r->lb, 0u, r->size, area[0], area[1], area[2]) == VIO_OK;
}

bool mrig_start(struct mrig *r)
{
	uint64_t want = VIO_F_VERSION_1 | VIO_F_RING_RESET, got = 0u;

	want |= (r->packed ? VIO_F_RING_PACKED : 0u) | (r->indirect ? VIO_F_INDIRECT_DESC : 0u) |
		(r->event_idx ? VIO_F_EVENT_IDX : 0u) | (r->in_order ? VIO_F_IN_ORDER : 0u);
	return (vio_drv_probe(&lb_bus, &r->lb, want, &got) == VIO_OK) && (got == want) &&
	       mrig_queue_up(r) &&
	       (lb_bus.set_status(&r->lb, VIO_S_ACKNOWLEDGE | VIO_S_DRIVER | VIO_S_FEATURES_OK |
						  VIO_S_DRIVER_OK) == VIO_OK);
}

bool mrig_up(struct mrig *r, enum world_kind kind, bool async)
{
	r->serial = 0u;
	r->done = 0u;
	r->why = NULL;
	if (!world_open(&r->w, kind) || (tdev_init(&r->dev, r->w.mem, async) != VIO_OK) ||
	    (lb_init(&r->lb, &r->dev.d, VIO_F_RINGS) != VIO_OK)) {
		return false;
	}
	r->lb.idle = on_idle;
	r->lb.arg = r;
	return mrig_start(r);
}

void mrig_down(struct mrig *r)
{
	if (lb_bus.set_status(&r->lb, 0u) != VIO_OK) {
		wrong(r, "the last reset does not end");
	}
	if (world_held(&r->w) != 0u) {
		wrong(r, "memory is held after the last reset");
	}
	world_close(&r->w);
}

/* Lay out request k and offer it; returns: as vio_dvq_add */
static int offer(struct mrig *r, uint32_t k)
{
	struct mrig_open *o = &r->open[k];
	struct vio_dma b[6], table = dma(r, TABLES + k * TABLE_BYTES, TABLE_BYTES);
	uint32_t at = WORLD_RING + k * MATRIX_AREA, serial = r->serial + 1u, pos = 0u;
	uint32_t n_out = 1u + world_random() % 3u, n_in = world_random() % 4u;

	n_out = (n_out > r->size) ? r->size : n_out;
	n_in = ((n_out + n_in) > r->size) ? (r->size - n_out) : n_in;
	o->in_len = 0u;
	o->n_in = (uint16_t)n_in;
	o->serial = serial;
	for (uint32_t i = 0u; i < (n_out + n_in); i++) {
		uint32_t len = 4u + world_random() % (((world_random() % 8u) == 0u) ? 1500u : 60u);

		at += world_random() % 24u;
		b[i] = dma(r, at, len);
		for (uint32_t n = 0u; (n < len) && (i < n_out); n++) {
			b[i].p[n] = tdev_byte(serial, pos + n, false);
		}
		pos += len;
		if (i == 0u) {
			vio_pack32(b[0].p, serial);
		}
		if (i >= n_out) {
			(void)memset(b[i].p, UNTOUCHED, len);
			o->in_off[i - n_out] = at;
			o->in_piece[i - n_out] = len;
			o->in_len += len;
		}
		at += len;
	}
	return (r->indirect && ((serial & 3u) != 0u))
		       ? vio_dvq_add_indirect(&r->q, &table, b, (uint16_t)n_out, (uint16_t)n_in, o)
		       : vio_dvq_add(&r->q, b, (uint16_t)n_out, (uint16_t)n_in, o);
}

void mrig_offer(struct mrig *r, uint32_t most)
{
	for (uint32_t k = 0u; (k < MATRIX_OPEN) && (most > 0u); k++) {
		int rc;

		if (r->open[k].busy) {
			continue;
		}
		rc = offer(r, k);
		if (rc == VIO_E_AGAIN) {
			break;
		}
		if (rc != VIO_OK) {
			wrong(r, "the driver queue does not take a request");
			return;
		}
		r->open[k].busy = true;
		r->serial++;
		most--;
	}
	if (vio_dvq_need_kick(&r->q)) {
		(void)lb_bus.kick(&r->lb, 0u);
	}
}

static void check(struct mrig *r, struct mrig_open *o, uint32_t len)
{
	struct tdev_plan p = tdev_plan(o->serial, o->in_len);
	uint32_t pos = 0u;

	if (!o->busy) {
		wrong(r, "a request came back twice");
		return;
	}
	if (r->in_order && (o->serial != r->next_expected)) {
		wrong(r, "not in order");
	}
	r->next_expected++;
	if (len != tdev_len(o->serial, o->in_len)) {
		wrong(r, "reported length");
	}
	for (uint16_t i = 0u; i < o->n_in; i++) {
		const uint8_t *b = r->w.g + o->in_off[i];

		for (uint32_t n = 0u; n < o->in_piece[i]; n++, pos++) {
			bool written = (pos < p.prefix) || (p.last && (pos == (o->in_len - 1u)));

			if (b[n] != (written ? tdev_byte(o->serial, pos, true) : UNTOUCHED)) {
				wrong(r, written ? "written data"
						 : "a byte was touched that was not written");
			}
		}
	}
	o->busy = false;
	r->done++;
}

void mrig_take(struct mrig *r)
{
	void *cookie;
	uint32_t len;
	int rc;

	if (!r->lb.signalled[0]) {
		return;
	}
	r->lb.signalled[0] = false;
	vio_dvq_mute(&r->q);
	do {
		for (rc = vio_dvq_get(&r->q, &cookie, &len); rc == VIO_OK;
		     rc = vio_dvq_get(&r->q, &cookie, &len)) {
			check(r, cookie, len);
		}
		if (rc == VIO_E_RING) {
			wrong(r, "the driver calls the device a liar");
		}
	} while ((rc != VIO_E_RING) && vio_dvq_arm(&r->q));
}

void mrig_turn(struct mrig *r)
{
	if (((world_random() & 1u) != 0u) && world_answer(&r->w)) {
		lb_run_all(&r->lb);
	}
	(void)lb_turn(&r->lb);
	if ((vio_dev_status(&r->dev.d) & VIO_S_NEEDS_RESET) != 0u) {
		wrong(r, "NEEDS_RESET");
	}
	if (r->dev.bad != 0u) {
		wrong(r, "the device read something else than the driver offered");
	}
}

static bool any_open(const struct mrig *r)
{
	for (uint32_t k = 0u; k < MATRIX_OPEN; k++) {
		if (r->open[k].busy) {
			return true;
		}
	}
	return false;
}

/* Rounds until `goal` requests are back; most: offered in a round */
static bool rounds(struct mrig *r, uint32_t goal, uint32_t most)
{
	uint32_t idle = 0u;

	while ((r->why == NULL) && ((most == 0u) ? any_open(r) : (r->done < goal))) {
		uint32_t before = r->done;

		if (most != 0u) {
			mrig_offer(r, world_random() % most);
		}
		mrig_turn(r);
		tdev_complete_some(&r->dev);
		mrig_turn(r);
		mrig_take(r);
		idle = (r->done == before) ? (idle + 1u) : 0u;
		if (idle > PATIENCE) {
			wrong(r, "stuck: a notification was lost");
		}
	}
	return r->why == NULL;
}

bool mrig_drain(struct mrig *r)
{
	return rounds(r, 0u, 0u);
}

static void one(struct mrig *r, enum world_kind kind, bool async, uint32_t requests)
{
	uint32_t third = requests / 3u, left;

	if (!mrig_up(r, kind, async)) {
		wrong(r, "does not start");
		return;
	}
	if (rounds(r, third, 9u)) {
		mrig_offer(r, 5u);
		(void)lb_turn(&r->lb);
		if ((lb_bus.reset_vq(&r->lb, 0u) != VIO_OK) || (r->dev.n != 0u) ||
		    !mrig_queue_up(r)) {
			wrong(r, "queue reset");
		}
	}
	if (rounds(r, 2u * third, 50u)) {
		mrig_offer(r, 5u);
		(void)lb_turn(&r->lb);
		if ((lb_bus.set_status(&r->lb, 0u) != VIO_OK) || (r->dev.n != 0u)) {
			wrong(r, "device reset");
		}
		if (world_held(&r->w) != 0u) {
			wrong(r, "memory is held after a device reset");
		}
		if (!mrig_start(r)) {
			wrong(r, "does not start again");
		}
	}
	(void)(rounds(r, requests, 9u) && mrig_drain(r));
	left = vio_vq_owned(&r->dev.vq);
	if ((r->why == NULL) && ((left != 0u) || (r->dev.n != 0u))) {
		wrong(r, "requests are owned at the end");
	}
	mrig_down(r);
}

unsigned matrix_run(enum world_kind kind, uint32_t requests, void (*say)(const char *line))
{
	static struct mrig r;
	unsigned failed = 0u;

	for (uint32_t c = 0u; c < 32u; c++) {
		bool packed = (c & 1u) != 0u;
		const uint16_t *sizes = packed ? packed_sizes : split_sizes;
		uint32_t n = packed ? (sizeof(packed_sizes) / 2u) : (sizeof(split_sizes) / 2u);

		for (uint32_t i = 0u; i < n; i++) {
			char line[200];

			r.packed = packed;
			r.indirect = (c & 2u) != 0u;
			r.event_idx = (c & 4u) != 0u;
			r.in_order = (c & 8u) != 0u;
			r.size = sizes[i];
			one(&r, kind, (c & 16u) != 0u, requests);
			if (r.why == NULL) {
				continue;
			}
			failed++;
			(void)snprintf(
				line, sizeof(line), "%s %s %u%s%s%s%s: %s (%u back, %u offered)",
				world_name[kind], packed ? "packed" : "split", r.size,
				r.indirect ? " indirect" : "", r.event_idx ? " event-idx" : "",
				r.in_order ? " in-order" : "", (c & 16u) ? " async" : "", r.why,
				(unsigned)r.done, (unsigned)r.serial);
			say(line);
		}
	}
	return failed;
}
