/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ring_event.c - rules of both ring formats: notifications both ways, and IN_ORDER
 *
 * Only that a notification must come is a rule; that one need not come is advice. The driver's wishes are written here
 * by hand where the driver library would write others.
 */
#include <string.h>
#include "conform/conform.h"

#define P VIO_F_RING_PACKED
#define E VIO_F_EVENT_IDX
#define O VIO_F_IN_ORDER

static void used_event(struct cf *c, uint16_t vq, uint16_t at)
{
	struct vio_dvq *v = &c->q[vq].v;

	vio_put16(v->driver + 4 + (size_t)v->size * 2u, at);
}

/* the driver's wish as the rule's kind has it: after the next one */
static bool wish(struct cf *c, uint16_t vq)
{
	(void)vio_dvq_arm(&c->q[vq].v);
	(void)cf_uncalled(c, vq);
	return true;
}

static void notify(struct cf *c)
{
	uint16_t vq = c->dev->vq;
	struct cf_io io;

	(void)(cf_up(c) && cf_harmless(c, &io) && wish(c, vq) && cf_put(c, vq, &io) &&
	       cf_kick(c, vq) && cf_called(c, vq));
}

/* Not wanted for some requests, then wanted again: the next one is notified. */
static void again(struct cf *c)
{
	uint16_t vq = c->dev->vq;
	struct cf_io io;
	bool ok = cf_up(c);

	if (!ok) {
		return;
	}
	vio_dvq_mute(&c->q[vq].v);
	for (unsigned i = 0; ok && i < 5; i++) {
		ok = cf_works(c);
	}
	for (unsigned i = 0; ok && i < 5; i++) {
		ok = cf_quiet(c) && wish(c, vq) && cf_harmless(c, &io) && cf_put(c, vq, &io) &&
		     cf_kick(c, vq) && cf_called(c, vq) && cf_wait(c, vq, &io);
	}
}

/* EVENT_IDX was not negotiated: used_event is no wish. */
static void no_used_event(struct cf *c)
{
	uint16_t vq = c->dev->vq;
	struct cf_io io;

	if (cf_up(c) && cf_harmless(c, &io) && wish(c, vq)) {
		used_event(c, vq, 1000);
		(void)(cf_put(c, vq, &io) && cf_kick(c, vq) && cf_called(c, vq));
	}
}

/* EVENT_IDX: the lower bit of flags is no wish. */
static void no_flags(struct cf *c)
{
	uint16_t vq = c->dev->vq;
	struct cf_io io;

	if (cf_up(c) && cf_harmless(c, &io) && wish(c, vq)) {
		vio_put16(c->q[vq].v.driver, VIO_AVAIL_F_NO_INTERRUPT);
		(void)(cf_put(c, vq, &io) && cf_kick(c, vq) && cf_called(c, vq));
	}
}

/* After the third of them. One at a time, so each is written to the ring by itself. */
static void notify_third(struct cf *c)
{
	uint16_t vq = c->dev->vq, wrap = 0x8000u;
	struct cf_io io[3];
	bool ok = cf_up(c);
	struct vio_dvq *v = &c->q[vq].v;
	uint16_t each = (uint16_t)((c->dev->out > 0 ? 1 : 0) + (c->dev->in > 0 ? 1 : 0));

	if (!ok) {
		return;
	}
	if (CF_PACKED(c)) {
		vio_put32(v->driver, (VIO_EVENT_DESC << 16) | wrap | (2u * each));
	} else {
		used_event(c, vq, 2);
	}
	vio_fence();
	for (unsigned i = 0; ok && i < 3; i++) {
		if (i == 2) {
			(void)cf_uncalled(c, vq);
		}
		ok = cf_harmless(c, &io[i]) && cf_put(c, vq, &io[i]) && cf_kick(c, vq) &&
		     (i == 2 ? cf_called(c, vq) : true) && cf_wait(c, vq, &io[i]);
	}
}

/* The same across the end of the ring, or the end of the numbers of a small one */
static void notify_lap(struct cf *c)
{
	uint16_t vq = c->dev->vq;
	struct cf_io io;
	bool ok = cf_up_size(c, c->rule->features, 8);

	for (unsigned i = 0; ok && i < 20; i++) {
		ok = cf_harmless(c, &io) && wish(c, vq) && cf_put(c, vq, &io) && cf_kick(c, vq) &&
		     cf_called(c, vq) && cf_wait(c, vq, &io);
	}
}

static void device_wish(struct cf *c)
{
	uint16_t vq = c->dev->vq;
	struct cf_io io;
	bool ok = cf_up(c), event = (c->rule->features & E) != 0;
	const uint8_t *device = c->q[vq].v.device;

	for (unsigned i = 0; ok && i < 20; i++) {
		uint16_t f;

		ok = cf_harmless(c, &io) && cf_put(c, vq, &io) && cf_ring(c, vq) &&
		     cf_kick(c, vq) && cf_wait(c, vq, &io);
		device = c->q[vq].v.device;
		f = vio_get16(device + (CF_PACKED(c) ? 2 : 0));
		if (CF_PACKED(c)) {
			ok = ok &&
			     cf_expect(c,
				       (f & 3u) <= (event ? VIO_EVENT_DESC : VIO_EVENT_DISABLE) &&
					       (f & ~3u) == 0,
				       "the device's event flags are 0x%x", f);
		} else {
			ok = ok && cf_expect(c, f <= (event ? 0u : 1u),
					     "the used ring's flags are 0x%x", f);
		}
	}
}

static void spurious(struct cf *c)
{
	uint16_t vq = c->dev->vq;
	bool ok = cf_up(c);

	for (unsigned i = 0; ok && i < 10; i++) {
		ok = cf_ring(c, vq);
	}
	ok = ok && cf_quiet(c) &&
	     cf_expect(c, !cf_raw_there(c, vq), "something was used that nobody offered");
	ok = ok && cf_works(c);
	for (unsigned i = 0; ok && i < 10; i++) {
		ok = cf_ring(c, vq);
	}
	(void)(ok && cf_quiet(c) &&
	       cf_expect(c, !cf_raw_there(c, vq), "something was used that nobody offered") &&
	       cf_works(c));
}

/* The driver notifies when the device wants that, and never else: nothing may be left lying. */
static void kick_when_asked(struct cf *c)
{
	bool ok = cf_up_size(c, c->rule->features, 16);

	for (unsigned i = 0; ok && i < 200; i++) {
		ok = cf_works(c);
		if (ok && i % 50 == 49) {
			ok = cf_quiet(c); /* it may have gone to sleep */
		}
	}
}

/* ---- IN_ORDER ---- */

/*
 * Where the answers of the first requests lie. A device may return a batch by its last one only: then the places of
 * the others are as they were.
 */
static bool in_places(struct cf *c, unsigned n)
{
	const struct vio_dvq *v = &c->q[c->dev->vq].v;
	uint16_t each = (uint16_t)((c->dev->out > 0 ? 1 : 0) + (c->dev->in > 0 ? 1 : 0));
	uint16_t both = VIO_DESC_F_AVAIL | VIO_DESC_F_USED;
	unsigned last = 0; /* what was returned up to here, plus 1 */

	for (unsigned k = 0; k < n; k++) {
		const uint8_t *e = CF_PACKED(c) ? v->desc + (size_t)k * each * VIO_DESC_BYTES
						: v->device + 4 + (size_t)k * 8u;
		bool there = CF_PACKED(c) ? (vio_get16(e + 14) & both) == both
					  : vio_get32(e) != 0 || vio_get32(e + 4) != 0 || k == 0;
		uint32_t id = CF_PACKED(c) ? vio_get16(e + 12) : vio_get32(e);

		if (there && !cf_expect(c, k >= last, "request %u is used after request %u",
					id / each, last - 1)) {
			return false;
		}
		last = there ? id / each + 1u : last;
	}
	return cf_expect(c, last == n, "%u requests were used, %u answers are there", n, last);
}

static void in_order(struct cf *c)
{
	uint16_t vq = c->dev->vq;
	struct cf_io io[12];
	bool ok = cf_up(c);

	for (unsigned round = 0; ok && round < 8; round++) {
		for (unsigned i = 0; ok && i < 12; i++) {
			ok = cf_harmless(c, &io[i]) && cf_put(c, vq, &io[i]);
		}
		ok = ok && cf_kick(c, vq);
		for (unsigned i = 0; ok && i < 12; i++) {
			ok = cf_wait(c, vq, &io[i]) && cf_answer(c, &io[i]);
		}
		ok = ok && (round > 0 || in_places(c, 12));
	}
}

#define SUPP "2.7.7.2", "Used Buffer Notification Suppression"
#define AVL  "2.7.10.2", "Available Buffer Notification Suppression"
#define PEV  "2.8.10", "Driver and Device Event Suppression"
#define PEVF "2.8.14", "Event Suppression Structure Format"
#define ORD  "6.2", "Reserved Feature Bits"

/* clang-format off */
const struct cf_rule cf_event_rules[] = {
	{ "ring.split.notify", SUPP, "with flags 0 a used buffer is notified", 0, 0, 0, 0, notify },
	{ "ring.split.notify-again", SUPP, "when flags are 0 again the next used buffer is notified", 0, 0, 0, 0, again },
	{ "ring.split.no-used-event", SUPP, "without EVENT_IDX used_event is ignored", 0, 0, 0, 0, no_used_event },
	{ "ring.split.notify-event", SUPP, "the buffer at used_event is notified", E, 0, 0, 0, notify },
	{ "ring.split.notify-event-again", SUPP, "each time used_event is moved, the buffer there is notified", E, 0, 0, 0, again },
	{ "ring.split.notify-third", SUPP, "used_event ahead of the index: notified when it is reached", E, 0, 0, 0, notify_third },
	{ "ring.split.notify-event-laps", SUPP, "used_event counts on past the queue size", E, 0, 0, 0, notify_lap },
	{ "ring.split.no-flags", SUPP, "with EVENT_IDX the driver's flags are ignored", E, 0, 0, 0, no_flags },
	{ "ring.split.device-flags", AVL, "the used ring's flags are 0 or 1", 0, 0, 0, 0, device_wish },
	{ "ring.split.device-flags-event", AVL, "with EVENT_IDX the used ring's flags are 0", E, 0, 0, 0, device_wish },
	{ "ring.split.spurious", AVL, "notifications without a buffer do no harm", 0, 0, 0, 0, spurious },
	{ "ring.split.kick-when-asked", AVL, "what is offered while flags say 1 is served all the same", 0, 0, 0, 0, kick_when_asked },
	{ "ring.split.kick-when-asked-event", AVL, "avail_event asks for each notification that is needed", E, 0, 0, 0, kick_when_asked },
	{ "ring.split.in-order", ORD, "with IN_ORDER buffers are used in the order in which they came", O, 0, 0, 0, in_order },
	{ "ring.packed.notify", PEV, "with events enabled a used buffer is notified", P, 0, 0, 0, notify },
	{ "ring.packed.notify-again", PEV, "when events are enabled again the next used buffer is notified", P, 0, 0, 0, again },
	{ "ring.packed.notify-event", PEV, "the descriptor of the driver's choice is notified", P | E, 0, 0, 0, notify },
	{ "ring.packed.notify-event-again", PEV, "each time the choice is moved, the descriptor there is notified", P | E, 0, 0, 0, again },
	{ "ring.packed.notify-third", PEV, "a choice ahead: notified when it is reached", P | E, 0, 0, 0, notify_third },
	{ "ring.packed.notify-event-laps", PEV, "the choice has a wrap counter", P | E, 0, 0, 0, notify_lap },
	{ "ring.packed.device-flags", PEVF, "without EVENT_IDX the device's event flags are 0 or 1", P, 0, 0, 0, device_wish },
	{ "ring.packed.device-flags-event", PEVF, "the device's event flags are 0, 1 or 2, the rest is 0", P | E, 0, 0, 0, device_wish },
	{ "ring.packed.spurious", "2.8.16", "The Virtqueue Descriptor Table", "notifications without a new descriptor do no harm", P, 0, 0, 0, spurious },
	{ "ring.packed.kick-when-asked", PEV, "what is offered while the device wants no events is served all the same", P, 0, 0, 0, kick_when_asked },
	{ "ring.packed.kick-when-asked-event", PEV, "the device asks for each notification that is needed", P | E, 0, 0, 0, kick_when_asked },
	{ "ring.packed.in-order", ORD, "with IN_ORDER buffers are used in the order in which they came", P | O, 0, 0, 0, in_order },
};
/* clang-format on */
const unsigned cf_event_nrules = sizeof(cf_event_rules) / sizeof(cf_event_rules[0]);
