/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * run.c - one rule: what it needs, its connection, its verdict
 *
 * The first verdict stands: a rule that failed goes on being failed whatever its end says. A rule whose function returns
 * without one passed, if it proved anything and the back-end is still there.
 */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "conform/conform.h"

#define ASK_NS 50000000u /* between looks at the device status */

static const struct cf_bit ring_bits[] = {
	{ VIO_F_INDIRECT_DESC, "INDIRECT_DESC", 0 },
	{ VIO_F_EVENT_IDX, "EVENT_IDX", 0 },
	{ VHU_F_PROTOCOL, "PROTOCOL_FEATURES", 0 },
	{ VIO_F_VERSION_1, "VERSION_1", 0 },
	{ VIO_F_ACCESS_PLATFORM, "ACCESS_PLATFORM", 0 },
	{ VIO_F_RING_PACKED, "RING_PACKED", 0 },
	{ VIO_F_IN_ORDER, "IN_ORDER", 0 },
	{ VIO_F_RING_RESET, "RING_RESET", 0 },
	{ 0, NULL, 0 },
};

static const struct cf_bit proto_bits[] = {
	{ VHU_P_MQ, "MQ", 0 },
	{ VHU_P_REPLY_ACK, "REPLY_ACK", 0 },
	{ VHU_P_BACKEND_REQ, "BACKEND_REQ", 0 },
	{ VHU_P_CONFIG, "CONFIG", 0 },
	{ VHU_P_RESET_DEVICE, "RESET_DEVICE", 0 },
	{ VHU_P_MEM_SLOTS, "CONFIGURE_MEM_SLOTS", 0 },
	{ VHU_P_STATUS, "STATUS", 0 },
	{ 0, NULL, 0 },
};

uint64_t cf_now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return ((uint64_t)t.tv_sec * 1000000000u) + (uint64_t)t.tv_nsec;
}

static bool decide(struct cf *c, enum cf_result result, const char *fmt, va_list ap)
{
	if (!c->decided) {
		c->decided = true;
		c->result = result;
		(void)vsnprintf(c->text, sizeof(c->text), fmt, ap);
	}
	return false;
}

bool cf_expect(struct cf *c, bool ok, const char *fmt, ...)
{
	va_list ap;

	c->proved++;
	if (!ok) {
		va_start(ap, fmt);
		(void)decide(c, CF_FAIL, fmt, ap);
		va_end(ap);
	}
	return ok;
}

bool cf_fail(struct cf *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)decide(c, CF_FAIL, fmt, ap);
	va_end(ap);
	return false;
}

bool cf_na(struct cf *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)decide(c, CF_NA, fmt, ap);
	va_end(ap);
	return false;
}

/* Asked now and then: nothing comes of such a device any more. */
static bool needs_reset(struct cf *c)
{
	uint64_t now = cf_now();
	uint8_t s = 0;

	if ((vhf_protocol(c->f) & VHU_P_STATUS) == 0 || now < c->asked + ASK_NS || c->broke) {
		return false;
	}
	c->asked = now;
	return vhf_bus.status(c->f, &s) == VIO_OK && (s & VIO_S_NEEDS_RESET) != 0;
}

bool cf_late(struct cf *c, const char *what)
{
	static const struct timespec pause = { .tv_nsec = 100000 };

	if (vhf_gone(c->f)) {
		c->doubt = true;
		(void)cf_fail(c, "%s, waiting for %s", vhf_error(c->f), what);
		return true;
	}
	if (needs_reset(c)) {
		(void)cf_fail(c, "the device says NEEDS_RESET, waiting for %s", what);
		return true;
	}
	if (cf_now() > c->until) {
		c->doubt = true;
		(void)cf_fail(c, "%s did not come within %u ms", what, c->cfg->timeout_ms);
		return true;
	}
	(void)nanosleep(&pause, NULL);
	return false;
}

/* ---- may it run at all ---- */

static void name(char *text, size_t room, const struct cf_bit *b, uint64_t bit)
{
	for (; b->name && b->bit != bit; b++) {
	}
	if (b->name) {
		(void)snprintf(text, room, "%s", b->name);
	} else {
		(void)snprintf(text, room, "bit %d", __builtin_ctzll(bit));
	}
}

/* The first of the missing bits by name. */
static bool missing(struct cf *c, const char *what, const struct cf_bit *names, uint64_t bits)
{
	char text[40];

	if (bits == 0) {
		return false;
	}
	name(text, sizeof(text), names, bits & (~bits + 1u));
	(void)cf_na(c, "%s%s is not offered", what, text);
	return true;
}

static bool possible(struct cf *c)
{
	const struct cf_rule *r = c->rule;

	if ((r->flags & CF_IN) != 0 && c->dev->in == 0) {
		return cf_na(c, "its request has no writable part");
	}
	if ((r->flags & CF_OUT) != 0 && c->dev->out == 0) {
		return cf_na(c, "its request has no readable part");
	}
	if ((r->flags & CF_WRITES) != 0 && !c->cfg->write) {
		c->result = CF_SKIP;
		c->decided = true;
		(void)snprintf(c->text, sizeof(c->text), "it writes; --write runs it");
		return false;
	}
	return true;
}

static bool offered(struct cf *c)
{
	const struct cf_rule *r = c->rule;
	uint64_t class_bits = (1ull << 24) - 1u,
		 lack = r->features & ~(c->offered | (vhf_protocol(c->f) ? VHU_F_PROTOCOL : 0));

	return !missing(c, "", c->dev->bits, lack & class_bits) &&
	       !missing(c, "", ring_bits, lack & ~class_bits) &&
	       !missing(c, "protocol feature ", proto_bits, r->proto & ~vhf_protocol(c->f));
}

/* ---- running ---- */

static bool connect_to(struct cf *c)
{
	struct vhf_config v = { .reply_ms = c->cfg->timeout_ms,
				.without = (c->rule->flags & CF_TABLE) != 0 ? VHU_P_MEM_SLOTS : 0,
				.with = c->rule->proto & VHU_P_BACKEND_REQ };
	char err[256] = "";

	c->f = c->cfg->connect(c->cfg->arg, &v, err);
	if (c->f == NULL) {
		c->doubt = true;
		return cf_fail(c, "no connection: %.200s", err);
	}
	if (vhf_bus.features(c->f, &c->offered) != VIO_OK) {
		return cf_fail(c, "%s", vhf_error(c->f));
	}
	return true;
}

static void leave(struct cf *c)
{
	bool gone = vhf_gone(c->f);

	if (gone && (c->rule->flags & CF_CLOSES) == 0) {
		c->doubt = true;
		(void)cf_fail(c, "%s", vhf_error(c->f));
	}
	for (uint16_t i = 0; i < CF_VQS && !gone && !c->doubt; i++) {
		if (c->q[i].up && vhf_stop(c->f, i, NULL) != VIO_OK) {
			c->doubt = true;
		}
	}
	vhf_close(c->f);
	if (c->channel >= 0) {
		(void)close(c->channel);
	}
	if (c->own_kick >= 0) {
		(void)close(c->own_kick);
	}
}

static void judge(struct cf *c)
{
	if (!c->decided && c->proved == 0) {
		(void)cf_fail(c, "the rule proved nothing: a mistake of this suite");
	}
	if (!c->decided) {
		c->result = CF_PASS;
	}
}

void cf_run(const struct cf_config *cfg, const struct cf_rule *rule, struct cf_outcome *out)
{
	struct cf *c = calloc(1, sizeof(*c));
	uint64_t begin = cf_now();

	*out = (struct cf_outcome){ .result = CF_FAIL };
	if (c == NULL) {
		(void)snprintf(out->text, sizeof(out->text), "no memory");
		return;
	}
	c->cfg = cfg;
	c->dev = cfg->dev;
	c->rule = rule;
	c->channel = -1;
	c->own_kick = -1;
	c->asked = begin;
	c->until = begin +
		   (uint64_t)cfg->timeout_ms * 1000000u * ((rule->flags & CF_SLOW) != 0 ? 10u : 1u);
	if (possible(c) && connect_to(c) && offered(c)) {
		rule->run(c);
	}
	if (c->f != NULL) {
		leave(c);
	}
	judge(c);
	out->result = c->result;
	out->doubt = c->doubt;
	(void)memcpy(out->text, c->text, sizeof(out->text));
	out->ms = (uint32_t)((cf_now() - begin) / 1000000u);
	free(c);
}
