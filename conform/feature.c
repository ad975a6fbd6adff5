/* SPDX-License-Identifier: BSD-3-Clause */
/* feature.c - rules of feature bits (virtio 1.4, 2.2, 6) */
#include "conform/conform.h"

#define CLASS_BITS ((1ull << 24) - 1u) /* and 50 to 63, which no class of ours has */
#define SR_IOV	   (1ull << 37)
#define ADMIN_VQ   (1ull << 41)
/*
 * What chapter 6 describes for any transport, 24 and 27 of the legacy interface, and the two bits of vhost: 26 (log) and
 * 30 (protocol features).
 */
#define COMMON                                                                                     \
	((1ull << 24) | (1ull << 26) | (1ull << 27) | VIO_F_INDIRECT_DESC | VIO_F_EVENT_IDX |      \
	 VHU_F_PROTOCOL | VIO_F_VERSION_1 | VIO_F_ACCESS_PLATFORM | VIO_F_RING_PACKED |            \
	 VIO_F_IN_ORDER | (1ull << 36) | (1ull << 38) | (1ull << 39) | VIO_F_RING_RESET |          \
	 (1ull << 43))

/* what vhf_bus hides is asked for again */
static bool raw_offer(struct cf *c, uint64_t *bits)
{
	struct vhf_reply r;

	if (!cf_get(c, VHU_GET_FEATURES, NULL, 0, &r)) {
		return false;
	}
	*bits = 0;
	for (unsigned i = 0; i < 8; i++) {
		uint8_t *b = (uint8_t *)bits;

		b[i] = r.body[i]; /* native order, as the protocol has it */
	}
	return true;
}

static void version_1(struct cf *c)
{
	(void)cf_expect(c, (c->offered & VIO_F_VERSION_1) != 0, "VERSION_1 is not offered");
}

static void known(struct cf *c)
{
	uint64_t may = COMMON | SR_IOV | ADMIN_VQ, bits;

	for (const struct cf_bit *b = c->dev->bits; b->name; b++) {
		may |= b->bit;
	}
	(void)(raw_offer(c, &bits) &&
	       cf_expect(c, (bits & ~may) == 0,
			 "0x%llx is offered, which nobody has described for %s",
			 (unsigned long long)(bits & ~may), c->dev->name));
}

static void depends(struct cf *c)
{
	for (const struct cf_bit *b = c->dev->bits; b->name; b++) {
		if ((c->offered & b->bit) != 0 &&
		    !cf_expect(c, (b->needs & ~c->offered) == 0,
			       "%s is offered without 0x%llx, which it requires", b->name,
			       (unsigned long long)(b->needs & ~c->offered))) {
			return;
		}
	}
	(void)cf_expect(c, true, "-");
}

static void not_here(struct cf *c)
{
	uint64_t bit = c->rule->arg == 37 ? SR_IOV : ADMIN_VQ, bits;

	(void)(raw_offer(c, &bits) &&
	       cf_expect(c, (bits & bit) == 0, "bit %u is offered", c->rule->arg));
}

static void works(struct cf *c)
{
	bool ok = cf_up(c);

	for (unsigned i = 0; ok && i < 3; i++) {
		ok = cf_works(c);
	}
}

/* All that is offered, but for what makes addresses something else */
static void all(struct cf *c)
{
	uint64_t mine = c->offered & (COMMON & ~VIO_F_ACCESS_PLATFORM & ~VHU_F_PROTOCOL &
				      ~(1ull << 26) & ~(1ull << 38) & ~(1ull << 39));

	for (const struct cf_bit *b = c->dev->bits; b->name; b++) {
		mine |= b->bit & c->offered;
	}
	(void)(cf_up_size(c, mine, 0) && cf_works(c));
}

/* It may refuse to run with so little, but then by FEATURES_OK. */
static void least(struct cf *c)
{
	uint64_t got;
	int rc = vhf_memory(c->f, 1, 1u << 20);

	rc = rc == VIO_OK ? vio_drv_probe(&vhf_bus, c->f, VIO_F_VERSION_1, &got) : rc;
	if (rc == VIO_E_NOTSUP) {
		(void)cf_expect(c, true, "-");
		return;
	}
	if (rc != VIO_OK) {
		(void)cf_fail(c, "%s", vhf_error(c->f));
		return;
	}
	if ((c->dev->want & c->offered) != 0) {
		(void)cf_expect(c, true,
				"-"); /* taken: what it can do then is the chapter's matter */
		return;
	}
	(void)(cf_up_size(c, 0, 0) && cf_works(c));
}

#define BITS "2.2.2", "Feature Bits"

/* clang-format off */
const struct cf_rule cf_feature_rules[] = {
	{ "feature.version-1", "6.2", "Reserved Feature Bits", "VERSION_1 is offered", 0, 0, 0, 0, version_1 },
	{ "feature.known", BITS, "no bit is offered that is not described for the device", 0, 0, 0, 0, known },
	{ "feature.depends", BITS, "no bit is offered without one that it requires", 0, 0, 0, 0, depends },
	{ "feature.sr-iov", "6.2", "Reserved Feature Bits", "SR_IOV is offered by PCI devices only", 0, 0, 0, 37, not_here },
	{ "feature.admin-vq", BITS, "ADMIN_VQ is reserved on this transport", 0, 0, 0, 41, not_here },
	{ "feature.least", BITS, "a subset that is accepted works", 0, 0, 0, 0, least },
	{ "feature.indirect", BITS, "INDIRECT_DESC is supported where it is offered", VIO_F_INDIRECT_DESC, 0, 0, 0, works },
	{ "feature.event-idx", BITS, "EVENT_IDX is supported where it is offered", VIO_F_EVENT_IDX, 0, 0, 0, works },
	{ "feature.packed", BITS, "RING_PACKED is supported where it is offered", VIO_F_RING_PACKED, 0, 0, 0, works },
	{ "feature.in-order", BITS, "IN_ORDER is supported where it is offered", VIO_F_IN_ORDER, 0, 0, 0, works },
	{ "feature.ring-reset", BITS, "RING_RESET is supported where it is offered", VIO_F_RING_RESET, 0, 0, 0, works },
	{ "feature.all", BITS, "all offered bits together are supported", 0, 0, 0, 0, all },
};
/* clang-format on */
const unsigned cf_feature_nrules = sizeof(cf_feature_rules) / sizeof(cf_feature_rules[0]);
