/* SPDX-License-Identifier: BSD-3-Clause */
/* ring.c - rules of both ring formats: what the device writes, and where (virtio 1.4, 2.7, 2.8) */
#include <string.h>
#include "conform/conform.h"

#define P VIO_F_RING_PACKED
#define I VIO_F_INDIRECT_DESC

/* One harmless request, up to where the ring says that it is used */
static bool one(struct cf *c, struct cf_io *io, struct cf_used *u)
{
	return cf_up(c) && cf_harmless(c, io) && cf_put(c, c->dev->vq, io) &&
	       cf_kick(c, c->dev->vq) && cf_raw(c, c->dev->vq, u);
}

static void used_id(struct cf *c)
{
	uint16_t vq = c->dev->vq;
	struct cf_io io;
	struct cf_used u;
	bool ok = cf_up(c);

	for (unsigned i = 0; ok && i < 5; i++) {
		uint16_t id = c->q[vq].v.free;

		ok = cf_harmless(c, &io) && cf_put(c, vq, &io) && cf_kick(c, vq) &&
		     cf_raw(c, vq, &u) &&
		     cf_expect(c, u.id == id, "request %u, of id %u, is used as %u", i, id, u.id) &&
		     cf_wait(c, vq, &io);
	}
}

static void len_room(struct cf *c)
{
	struct cf_io io;
	struct cf_used u;

	(void)(one(c, &io, &u) &&
	       cf_expect(c, (CF_PACKED(c) && !(u.flags & VIO_DESC_F_WRITE)) || u.len <= io.i.len,
			 "%u bytes are said to be written where %u are writable", u.len, io.i.len));
}

/* Twice, with two fillings: a byte that is still the filling both times was not written. */
static void len_written(struct cf *c)
{
	uint16_t vq = c->dev->vq;
	struct cf_io a, b;
	uint32_t n, i = 0;

	if (!cf_up(c) || !cf_harmless(c, &a) || !cf_harmless(c, &b)) {
		return;
	}
	(void)memset(b.in, 0x33, b.i.len);
	if (!cf_ask(c, vq, &a) || !cf_ask(c, vq, &b)) {
		return;
	}
	n = a.len < b.len ? a.len : b.len;
	while (i < n && !(a.in[i] == 0xa5u && b.in[i] == 0x33u)) {
		i++;
	}
	(void)cf_expect(c, i == n, "%u bytes are said to be written, byte %u was not", n, i);
}

static void readable(struct cf *c)
{
	uint8_t before[4096];
	struct cf_io io;

	if (!cf_up(c) || !cf_harmless(c, &io)) {
		return;
	}
	(void)memcpy(before, io.out, io.o.len < sizeof(before) ? io.o.len : sizeof(before));
	(void)(cf_ask(c, c->dev->vq, &io) &&
	       cf_expect(c, memcmp(io.out, before, io.o.len) == 0, "readable bytes were written"));
}

static void within(struct cf *c)
{
	struct cf_io io;

	(void)(cf_up(c) && cf_harmless(c, &io) && cf_ask(c, c->dev->vq, &io) &&
	       cf_borders(c, &io, NULL));
}

/* Split: the whole table. Packed: what is behind the used descriptor, and it itself once it was seen. */
static void desc_untouched(struct cf *c)
{
	uint16_t vq = c->dev->vq;
	uint8_t before[CF_SIZE * VIO_DESC_BYTES];
	uint32_t skip = 0, len = sizeof(before);
	struct cf_io io;
	struct cf_used u;

	if (!cf_up(c) || !cf_harmless(c, &io) || !cf_put(c, vq, &io)) {
		return;
	}
	(void)memcpy(before, cf_desc(c, vq, 0), len);
	if (!cf_kick(c, vq) || !cf_raw(c, vq, &u)) {
		return;
	}
	if (CF_PACKED(c)) {
		skip = VIO_DESC_BYTES;
		(void)memcpy(before, cf_desc(c, vq, 0), skip);
	}
	(void)(cf_quiet(c) &&
	       cf_expect(c, memcmp(before + skip, cf_desc(c, vq, 0) + skip, len - skip) == 0,
			 "the descriptor area was written") &&
	       cf_expect(c, memcmp(before, cf_desc(c, vq, 0), skip) == 0,
			 "the descriptor was changed again after it was used"));
}

static void driver_area(struct cf *c)
{
	uint16_t vq = c->dev->vq;
	uint8_t before[6 + 2 * CF_SIZE];
	struct vio_dvq *v = &c->q[vq].v;
	uint32_t len;
	struct cf_io io;

	if (!cf_up(c) || !cf_harmless(c, &io) || !cf_put(c, vq, &io) || !cf_kick(c, vq)) {
		return;
	}
	len = CF_PACKED(c) ? 4 : sizeof(before);
	(void)memcpy(before, v->driver, len);
	(void)(cf_wait(c, vq, &io) && cf_quiet(c) &&
	       cf_expect(c, memcmp(before, v->driver, len) == 0, "the driver area was written"));
}

static void table_untouched(struct cf *c)
{
	uint16_t vq = c->dev->vq;
	uint8_t before[2 * VIO_DESC_BYTES];
	struct vio_dma t, b[2];
	struct cf_io io;
	uint16_t n_out, n_in;

	if (!cf_up(c) || !cf_harmless(c, &io) || !cf_alloc(c, sizeof(before), 16, &t)) {
		return;
	}
	n_out = io.o.len > 0 ? 1 : 0;
	n_in = io.i.len > 0 ? 1 : 0;
	b[0] = io.o;
	b[n_out] = io.i;
	(void)memset(t.p, 0, sizeof(before));
	if (!cf_put_as(c, vq, &io, b, n_out, n_in, &t)) {
		return;
	}
	(void)memcpy(before, t.p, sizeof(before));
	(void)(cf_kick(c, vq) && cf_wait(c, vq, &io) &&
	       cf_expect(c, memcmp(before, t.p, sizeof(before)) == 0,
			 "the indirect table was written"));
}

/* Eight at once, each comes back once; then nothing more does. */
static void once(struct cf *c)
{
	uint16_t vq = c->dev->vq;
	struct cf_io io[8];
	bool ok = cf_up(c);

	for (unsigned i = 0; ok && i < 8; i++) {
		ok = cf_harmless(c, &io[i]) && cf_put(c, vq, &io[i]);
	}
	ok = ok && cf_kick(c, vq);
	for (unsigned i = 0; ok && i < 8; i++) {
		ok = cf_wait(c, vq, &io[i]);
	}
	(void)(ok && cf_quiet(c) &&
	       cf_expect(c, !cf_raw_there(c, vq), "one request is used a second time"));
}

static void start(struct cf *c)
{
	uint16_t vq = c->dev->vq;
	struct cf_io io;
	const struct vio_dvq *v = &c->q[vq].v;
	uint16_t both = VIO_DESC_F_AVAIL | VIO_DESC_F_USED;

	if (!cf_up(c) || !cf_harmless(c, &io) || !cf_put(c, vq, &io) || !cf_kick(c, vq)) {
		return;
	}
	if (CF_PACKED(c)) {
		while ((vio_get16_acq(v->desc + 14) & both) != both) {
			if (cf_late(c, "the first descriptor, used with wrap counter 1,")) {
				return;
			}
		}
		(void)cf_expect(c, true, "-");
		return;
	}
	while (cf_used_index(c, vq) == 0) {
		if (cf_late(c, "the first used element")) {
			return;
		}
	}
	(void)cf_expect(c, cf_used_index(c, vq) == 1, "after one request the used index is %u",
			cf_used_index(c, vq));
}

/* Three at a time, so that each place of the ring gets another id in each lap */
static void laps(struct cf *c)
{
	uint16_t vq = c->dev->vq;
	struct cf_io io[3];
	bool ok = cf_up_size(c, c->rule->features, 8);

	for (unsigned i = 0; ok && i < 30; i++) {
		for (unsigned k = 0; ok && k < 3; k++) {
			ok = cf_harmless(c, &io[k]) && cf_put(c, vq, &io[k]);
		}
		ok = ok && cf_kick(c, vq);
		for (unsigned k = 0; ok && k < 3; k++) {
			ok = cf_wait(c, vq, &io[k]) && cf_answer(c, &io[k]);
		}
	}
}

/* Past the largest index. A batch at a time, in buffers that are used again. */
static void index_wraps(struct cf *c)
{
	uint16_t vq = c->dev->vq;
	struct cf_io io[16];
	bool ok = cf_up(c);

	for (unsigned k = 0; ok && k < 16; k++) {
		ok = cf_harmless(c, &io[k]);
	}
	for (uint32_t i = 0; ok && i < 65536u + 64u; i += 16u) {
		for (unsigned k = 0; ok && k < 16; k++) {
			ok = cf_put(c, vq, &io[k]);
		}
		ok = ok && cf_kick(c, vq);
		for (unsigned k = 0; ok && k < 16; k++) {
			ok = cf_wait(c, vq, &io[k]);
		}
	}
	(void)(ok && cf_expect(c, cf_used_index(c, vq) == 64,
			       "after 65600 requests the used index is %u", cf_used_index(c, vq)));
}

static void size(struct cf *c)
{
	bool ok = cf_up_size(c, c->rule->features, (uint16_t)c->rule->arg);

	for (unsigned i = 0; ok && i < 3 * c->rule->arg; i++) {
		ok = cf_works(c);
	}
}

/* ---- packed only ---- */

static void used_flags(struct cf *c)
{
	uint16_t vq = c->dev->vq, both = VIO_DESC_F_AVAIL | VIO_DESC_F_USED;
	struct cf_io io;
	struct cf_used u;
	bool ok = cf_up_size(c, c->rule->features, 8) && cf_harmless(c, &io);

	for (unsigned i = 0; ok && i < 24; i++) {
		uint16_t must = c->q[vq].v.used_wrap ? both : 0u;

		ok = cf_put(c, vq, &io) && cf_kick(c, vq) && cf_raw(c, vq, &u) &&
		     cf_expect(c, (u.flags & both) == must,
			       "request %u: flags 0x%x in a used descriptor", i, u.flags) &&
		     cf_wait(c, vq, &io);
	}
}

static void skips(struct cf *c)
{
	uint16_t vq = c->dev->vq;
	struct vio_dma b[8];
	struct cf_io io, next;
	uint16_t n_out = 0, n = 0;

	if (!cf_up(c) || !cf_harmless(c, &io) || !cf_harmless(c, &next)) {
		return;
	}
	if (io.o.len > 1) {
		b[n++] = (struct vio_dma){ io.o.p, io.o.addr, 1 };
		b[n++] = (struct vio_dma){ io.o.p + 1, io.o.addr + 1, io.o.len - 1 };
		n_out = 2;
	}
	if (io.i.len > 1) {
		b[n++] = (struct vio_dma){ io.i.p, io.i.addr, 1 };
		b[n++] = (struct vio_dma){ io.i.p + 1, io.i.addr + 1, io.i.len - 1 };
	}
	(void)(cf_put_as(c, vq, &io, b, n_out, (uint16_t)(n - n_out), NULL) && cf_kick(c, vq) &&
	       cf_wait(c, vq, &io) && cf_ask(c, vq, &next) && cf_answer(c, &next));
}

static void write_flag(struct cf *c)
{
	struct cf_io io;
	struct cf_used u;

	if (!one(c, &io, &u)) {
		return;
	}
	for (uint32_t i = 0; i < io.i.len; i++) {
		if (io.in[i] != 0xa5u) {
			(void)cf_expect(
				c, (u.flags & VIO_DESC_F_WRITE) != 0,
				"bytes were written, the used descriptor says that none were");
			return;
		}
	}
	(void)cf_expect(c, true, "-");
}

/* A whole lap, then notifications without anything new: the old descriptors are not used again. */
static void available_only(struct cf *c)
{
	uint16_t vq = c->dev->vq;
	struct cf_io io;
	uint8_t before[8 * VIO_DESC_BYTES];
	bool ok = cf_up_size(c, c->rule->features, 8) && cf_harmless(c, &io);
	uint16_t at = 0;

	while (ok && at < 8) {
		ok = cf_ask(c, vq, &io);
		at = (uint16_t)(at + (io.o.len > 0 ? 1 : 0) + (io.i.len > 0 ? 1 : 0));
	}
	if (!ok) {
		return;
	}
	(void)memcpy(before, cf_desc(c, vq, 0), sizeof(before));
	(void)(cf_ring(c, vq) && cf_quiet(c) &&
	       cf_expect(c, memcmp(before, cf_desc(c, vq, 0), sizeof(before)) == 0,
			 "a descriptor was used that was not made available"));
}

/* The driver chooses ids as it likes: any 16 bits. */
static void any_id(struct cf *c)
{
	uint16_t vq = c->dev->vq;
	struct cf_io io;
	struct cf_used u;
	struct vio_dvq *v = &c->q[vq].v;

	if (!cf_up(c) || !cf_harmless(c, &io) || !cf_put(c, vq, &io)) {
		return;
	}
	for (uint16_t i = 0; i < v->avail; i++) {
		vio_put16(cf_desc(c, vq, i) + 12, 0xfedcu);
	}
	(void)(cf_kick(c, vq) && cf_raw(c, vq, &u) &&
	       cf_expect(c, u.id == 0xfedcu, "the request of id 0xfedc is used as 0x%x", u.id));
}

#define USED  "2.7.8", "The Virtqueue Used Ring"
#define USEDD "2.7.8.2", "The Virtqueue Used Ring"
#define DESC  "2.7.5.1", "The Virtqueue Descriptor Table"
#define PDESC "2.8.15", "The Virtqueue Descriptor Table"
#define PLEN  "2.8.4", "Element Address and Length"
#define PWRAP "2.8.1", "Driver and Device Ring Wrap Counters"

/* clang-format off */
const struct cf_rule cf_ring_rules[] = {
	{ "ring.split.used-id", USED, "a used element names the head of the request's chain", 0, 0, 0, 0, used_id },
	{ "ring.split.used-len-room", USEDD, "len is at most what is writable", 0, 0, CF_IN, 0, len_room },
	{ "ring.split.used-len-written", USEDD, "len bytes are written before idx moves", 0, 0, CF_IN, 0, len_written },
	{ "ring.split.readable-untouched", DESC, "readable buffers are not written", 0, 0, CF_OUT, 0, readable },
	{ "ring.split.within", "2.7.5", "The Virtqueue Descriptor Table", "nothing outside of the buffers is written", 0, 0, 0, 0, within },
	{ "ring.split.desc-untouched", DESC, "descriptor table entries are not written", 0, 0, 0, 0, desc_untouched },
	{ "ring.split.avail-untouched", "2.7.6", "The Virtqueue Available Ring", "the available ring is only written by the driver", 0, 0, 0, 0, driver_area },
	{ "ring.split.indirect-untouched", DESC, "entries of an indirect table are not written", I, 0, 0, 0, table_untouched },
	{ "ring.split.once", USED, "each request is used once", 0, 0, 0, 0, once },
	{ "ring.split.start", USED, "the used index starts at 0, the first element is written at 0", 0, 0, 0, 0, start },
	{ "ring.split.laps", USED, "elements are placed modulo the queue size", 0, 0, 0, 0, laps },
	{ "ring.split.index-wraps", USED, "the used index has 16 bits and goes on after 65535", 0, 0, CF_SLOW, 0, index_wraps },
	{ "ring.split.size-2", "2.7", "Split Virtqueues", "a queue has the size that the driver set: 2", 0, 0, 0, 2, size },
	{ "ring.split.size-256", "2.7", "Split Virtqueues", "a queue has the size that the driver set: 256", 0, 0, 0, 256, size },
	{ "ring.packed.used-id", "2.8.2", "Polling of available and used descriptors", "a used descriptor has the id of the request", P, 0, 0, 0, used_id },
	{ "ring.packed.used-len-room", PLEN, "the length is at most what is writable", P, 0, CF_IN, 0, len_room },
	{ "ring.packed.used-len-written", PLEN, "the length has been written", P, 0, CF_IN, 0, len_written },
	{ "ring.packed.readable-untouched", PDESC, "readable buffers are not written", P, 0, CF_OUT, 0, readable },
	{ "ring.packed.within", "2.8.4", "Element Address and Length", "nothing outside of the buffers is written", P, 0, 0, 0, within },
	{ "ring.packed.desc-untouched", PDESC, "a descriptor is not changed after its USED bit was", P, 0, 0, 0, desc_untouched },
	{ "ring.packed.driver-untouched", "2.8.10", "Driver and Device Event Suppression", "the driver's event suppression is read-only", P, 0, 0, 0, driver_area },
	{ "ring.packed.indirect-untouched", "2.8.7", "Indirect Flag: Scatter-Gather Support", "an indirect table is read-only", P | I, 0, 0, 0, table_untouched },
	{ "ring.packed.once", "2.8.6", "Next Flag: Descriptor Chaining", "one used descriptor for a list", P, 0, 0, 0, once },
	{ "ring.packed.start", PWRAP, "the device begins at 0 with wrap counter 1", P, 0, 0, 0, start },
	{ "ring.packed.laps", PWRAP, "the wrap counter changes at the last descriptor", P, 0, 0, 0, laps },
	{ "ring.packed.size-7", "2.8.10.1", "Structure Size and Alignment", "the queue size need not be a power of 2: 7", P, 0, 0, 7, size },
	{ "ring.packed.size-256", "2.8.10.1", "Structure Size and Alignment", "a queue has the size that the driver set: 256", P, 0, 0, 256, size },
	{ "ring.packed.used-flags", PWRAP, "AVAIL and USED of a used descriptor are the wrap counter", P, 0, 0, 0, used_flags },
	{ "ring.packed.skips", "2.8.6", "Next Flag: Descriptor Chaining", "the device skips the rest of a list", P, 0, 0, 0, skips },
	{ "ring.packed.write-flag", "2.8.3", "Write Flag", "WRITE in a used descriptor says that bytes were written", P, 0, CF_IN, 0, write_flag },
	{ "ring.packed.available-only", PDESC, "a descriptor is used only when AVAIL was changed", P, 0, 0, 0, available_only },
	{ "ring.packed.any-id", "2.8.13", "The Virtqueue Descriptor Format", "the buffer id is the driver's choice", P, 0, 0, 0, any_id },
};
/* clang-format on */
const unsigned cf_ring_nrules = sizeof(cf_ring_rules) / sizeof(cf_ring_rules[0]);
