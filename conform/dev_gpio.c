/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dev_gpio.c - rules of the GPIO device (virtio 1.4, 5.18)
 *
 * Lines may be wired to anything, so only those that need --write give one a direction other than input. Line 0 is asked
 * as an input. For edges a line is needed that another one drives: two lines that are joined by a wire, of which the
 * first that can be found is taken (host=sim has them); without one those rules are not applicable.
 */
#include <string.h>
#include "conform/conform.h"
#include "vio/spec/gpio.h"

#define REQUESTQ VIO_GPIO_REQUESTQ
#define EVENTQ	 VIO_GPIO_EVENTQ
#define IRQ	 VIO_GPIO_F_IRQ
#define UNSET	 0xa5u
#define TRIED	 8u /* lines among which a wire is looked for */

static void request(uint8_t out[8], uint16_t type, uint16_t line, uint32_t value)
{
	vio_put16(out, type);
	vio_put16(out + 2, line);
	vio_put32(out + 4, value);
}

static void build(const struct cf *c, uint8_t *out)
{
	(void)c;
	request(out, VIO_GPIO_MSG_GET_DIRECTION, 0, 0);
}

static const char *check(const struct cf *c, const struct cf_io *io)
{
	(void)c;
	if (io->in[0] != VIO_GPIO_STATUS_OK) {
		return "the status of GET_DIRECTION is not OK";
	}
	return io->in[1] > VIO_GPIO_DIRECTION_IN ? "that is no direction" : NULL;
}

static bool ask(struct cf *c, struct cf_io *io, uint16_t type, uint16_t line, uint32_t value)
{
	uint8_t out[8];

	request(out, type, line, value);
	return cf_say(c, REQUESTQ, io, out, sizeof(out), 2);
}

/* ask, and it must be carried out */
static bool order(struct cf *c, struct cf_io *io, uint16_t type, uint16_t line, uint32_t value)
{
	return ask(c, io, type, line, value) &&
	       cf_expect(c, io->in[0] == VIO_GPIO_STATUS_OK,
			 "message %u for line %u with value %u has status %u", type, line, value,
			 io->in[0]);
}

static bool config(struct cf *c, uint16_t *ngpio, uint32_t *names)
{
	uint8_t b[8];

	if (!cf_config(c, 0, b, sizeof(b))) {
		return false;
	}
	*ngpio = vio_get16(b);
	*names = vio_get32(b + 4);
	return true;
}

/* ---- configuration, names ---- */

static void padding(struct cf *c)
{
	uint8_t b[8];

	(void)(cf_config(c, 0, b, sizeof(b)) &&
	       cf_expect(c, b[2] == 0 && b[3] == 0, "padding is 0x%02x%02x", b[3], b[2]) &&
	       cf_expect(c, vio_get16(b) != 0, "ngpio is 0"));
}

static bool names(struct cf *c, struct cf_io *io, uint16_t *ngpio, uint32_t *len)
{
	uint8_t out[8];

	request(out, VIO_GPIO_MSG_GET_NAMES, 0, 0);
	if (!cf_up(c) || !config(c, ngpio, len)) {
		return false;
	}
	if (*len == 0 || *len > 65535u) {
		return cf_na(c, *len == 0 ? "its lines have no names" : "it has too many names");
	}
	return cf_say(c, REQUESTQ, io, out, sizeof(out), *len + 1u) &&
	       cf_expect(c, io->in[0] == VIO_GPIO_STATUS_OK, "GET_LINE_NAMES has status %u",
			 io->in[0]);
}

/* As many strings as lines, and not a byte more */
static void names_size(struct cf *c)
{
	struct cf_io io;
	uint16_t n;
	uint32_t len, ends = 0;

	if (!names(c, &io, &n, &len)) {
		return;
	}
	for (uint32_t i = 0; i < len; i++) {
		ends += io.in[1u + i] == 0;
	}
	(void)(cf_expect(c, io.in[len] == 0, "the block of %u bytes does not end with a zero",
			 len) &&
	       cf_expect(c, ends == n, "%u names in %u bytes, for %u lines", ends, len, n));
}

static void names_unique(struct cf *c)
{
	struct cf_io io;
	uint16_t n;
	uint32_t len;
	const char *a, *b, *end;

	if (!names(c, &io, &n, &len) ||
	    !cf_expect(c, io.in[len] == 0, "the block of names does not end with a zero")) {
		return;
	}
	end = (const char *)io.in + 1 + len;
	for (a = (const char *)io.in + 1; a < end; a += strlen(a) + 1u) {
		for (b = a + strlen(a) + 1u; b < end && *a; b += strlen(b) + 1u) {
			if (!cf_expect(c, strcmp(a, b) != 0, "two lines are called '%.40s'", a)) {
				return;
			}
		}
	}
}

/* ---- requests ---- */

/* All fields of the response, whatever comes of the request; arg: the message, beyond ngpio with the high bit */
static void all_fields(struct cf *c)
{
	uint16_t n, type = (uint16_t)(c->rule->arg & 0xffffu);
	uint32_t len;
	struct cf_io io;

	(void)(cf_up(c) && config(c, &n, &len) &&
	       ask(c, &io, type, (c->rule->arg >> 31) != 0 ? n : 0, 0) &&
	       cf_expect(c, io.in[0] <= VIO_GPIO_STATUS_ERR, "the status is 0x%02x", io.in[0]) &&
	       cf_expect(c, io.in[1] != UNSET, "value was not set, the status is %u", io.in[0]) &&
	       cf_expect(c, io.len >= 2, "%u bytes are reported as written", io.len));
}

/* What fails says so: arg is the message, its value in the high half; on line ngpio if that is 0xffff */
static void refused(struct cf *c)
{
	uint16_t n, type = (uint16_t)(c->rule->arg & 0xffffu),
		    value = (uint16_t)(c->rule->arg >> 16);
	bool beyond = value == 0xffffu;
	uint32_t len;
	struct cf_io io;

	(void)(cf_up(c) && config(c, &n, &len) &&
	       ask(c, &io, type, beyond ? n : 0, beyond ? 0 : value) &&
	       cf_expect(c, io.in[0] == VIO_GPIO_STATUS_ERR, "the status is %u", io.in[0]) &&
	       cf_works(c));
}

/* Several messages for one line: answered in the order in which they came, each as if alone */
static void sequence(struct cf *c)
{
	static const uint32_t dir[] = { 2, 0, 2, 2, 0, 0, 2, 0 };
	struct cf_io set[8], get[8];
	bool ok = cf_up(c);
	uint8_t out[8];

	for (unsigned i = 0; ok && i < 8; i++) {
		request(out, VIO_GPIO_MSG_SET_DIRECTION, 0, dir[i]);
		ok = cf_make(c, &set[i], out, 8, 2) && cf_put(c, REQUESTQ, &set[i]);
		request(out, VIO_GPIO_MSG_GET_DIRECTION, 0, 0);
		ok = ok && cf_make(c, &get[i], out, 8, 2) && cf_put(c, REQUESTQ, &get[i]);
	}
	ok = ok && cf_kick(c, REQUESTQ);
	for (unsigned i = 0; ok && i < 8; i++) {
		ok = cf_wait(c, REQUESTQ, &get[i]) &&
		     cf_expect(c, set[i].back, "GET_DIRECTION was answered before SET_DIRECTION") &&
		     cf_expect(c, get[i].in[0] == 0 && get[i].in[1] == dir[i],
			       "direction %u was set, and %u read (status %u)", dir[i],
			       get[i].in[1], get[i].in[0]);
	}
}

/* ---- a wire ---- */

static bool drive(struct cf *c, uint16_t line, uint32_t value)
{
	struct cf_io io;

	return order(c, &io, VIO_GPIO_MSG_SET_VALUE, line, value);
}

static bool follows(struct cf *c, uint16_t out, uint16_t in, bool *wire)
{
	struct cf_io io;

	*wire = true;
	for (uint32_t v = 0; v < 4 && *wire; v++) {
		if (!drive(c, out, v & 1u) || !ask(c, &io, VIO_GPIO_MSG_GET_VALUE, in, 0)) {
			return false;
		}
		*wire = io.in[0] == VIO_GPIO_STATUS_OK && io.in[1] == (v & 1u);
	}
	return true;
}

/* Find two lines that are joined; afterwards out drives 0, and in is an input. */
static bool find_wire(struct cf *c, uint16_t *out, uint16_t *in)
{
	uint16_t n;
	uint32_t len;
	struct cf_io io;
	bool wire;

	if (!config(c, &n, &len)) {
		return false;
	}
	n = n < TRIED ? n : TRIED;
	for (*out = 0; *out < n; (*out)++) {
		if (!drive(c, *out, 0) ||
		    !order(c, &io, VIO_GPIO_MSG_SET_DIRECTION, *out, VIO_GPIO_DIRECTION_OUT)) {
			return false;
		}
		for (*in = 0; *in < n; (*in)++) {
			if (*in == *out) {
				continue;
			}
			if (!order(c, &io, VIO_GPIO_MSG_SET_DIRECTION, *in,
				   VIO_GPIO_DIRECTION_IN) ||
			    !follows(c, *out, *in, &wire)) {
				return false;
			}
			if (wire) {
				return drive(c, *out, 0);
			}
		}
	}
	return cf_na(c, "no two of its first lines are joined by a wire");
}

/* After direction none all is as it was at the beginning: the value that was set is gone. */
static void forgets(struct cf *c)
{
	uint16_t out, in;
	struct cf_io io;

	(void)(cf_up(c) && find_wire(c, &out, &in) && drive(c, out, 1) &&
	       order(c, &io, VIO_GPIO_MSG_SET_DIRECTION, out, VIO_GPIO_DIRECTION_NONE) &&
	       order(c, &io, VIO_GPIO_MSG_SET_DIRECTION, out, VIO_GPIO_DIRECTION_OUT) &&
	       order(c, &io, VIO_GPIO_MSG_GET_VALUE, in, 0) &&
	       cf_expect(c, io.in[1] == 0, "the line drives 1 again, the value of before") &&
	       order(c, &io, VIO_GPIO_MSG_SET_DIRECTION, out, VIO_GPIO_DIRECTION_NONE) &&
	       order(c, &io, VIO_GPIO_MSG_GET_DIRECTION, out, 0) &&
	       cf_expect(c, io.in[1] == VIO_GPIO_DIRECTION_NONE, "the direction is %u", io.in[1]));
}

/* ---- interrupts ---- */

struct irq {
	uint16_t out, in;
	struct cf_io event;
};

static bool irq_up(struct cf *c, struct irq *q, uint32_t type)
{
	struct cf_io io;

	return cf_up_queues(c, 2) && find_wire(c, &q->out, &q->in) &&
	       order(c, &io, VIO_GPIO_MSG_SET_IRQ_TYPE, q->in, type);
}

static bool type(struct cf *c, const struct irq *q, uint32_t type)
{
	struct cf_io io;

	return order(c, &io, VIO_GPIO_MSG_SET_IRQ_TYPE, q->in, type);
}

static bool unmask(struct cf *c, struct irq *q)
{
	uint8_t out[2];

	vio_put16(out, q->in);
	return cf_make(c, &q->event, out, 2, 1) && cf_put(c, EVENTQ, &q->event) &&
	       cf_kick(c, EVENTQ);
}

static bool silent(struct cf *c, const char *when)
{
	return cf_quiet(c) && cf_expect(c, !cf_raw_there(c, EVENTQ), "an event came %s", when);
}

static bool comes(struct cf *c, struct irq *q, uint8_t status)
{
	return cf_wait(c, EVENTQ, &q->event) &&
	       cf_expect(c, q->event.in[0] == status, "the event has status 0x%02x",
			 q->event.in[0]);
}

#define RISING VIO_GPIO_IRQ_EDGE_RISING
#define HIGH   VIO_GPIO_IRQ_LEVEL_HIGH
#define NONE   VIO_GPIO_IRQ_NONE
#define VALID  VIO_GPIO_IRQ_STATUS_VALID

/* Unmasked and not enabled; enabled and unmasked; masked again by the event. */
static void both(struct cf *c)
{
	struct irq q;

	(void)(irq_up(c, &q, c->rule->arg) && unmask(c, &q) &&
	       silent(c, "without an edge or level") && drive(c, q.out, 1) && comes(c, &q, VALID) &&
	       drive(c, q.out, 0) && drive(c, q.out, 1) &&
	       silent(c, "while the interrupt was masked"));
}

static void latched(struct cf *c)
{
	struct irq q;

	(void)(irq_up(c, &q, RISING) && drive(c, q.out, 1) && drive(c, q.out, 0) &&
	       silent(c, "while the interrupt was masked") && unmask(c, &q) &&
	       comes(c, &q, VALID) && unmask(c, &q) && silent(c, "a second time for one edge"));
}

static void not_latched(struct cf *c)
{
	struct irq q;

	(void)(irq_up(c, &q, HIGH) && drive(c, q.out, 1) && cf_quiet(c) && drive(c, q.out, 0) &&
	       unmask(c, &q) && silent(c, "for a level that is gone") && drive(c, q.out, 1) &&
	       comes(c, &q, VALID));
}

static void discarded(struct cf *c)
{
	struct irq q;

	(void)(irq_up(c, &q, RISING) && drive(c, q.out, 1) && drive(c, q.out, 0) && cf_quiet(c) &&
	       type(c, &q, NONE) && type(c, &q, RISING) && unmask(c, &q) &&
	       silent(c, "for an edge of before the interrupt was disabled"));
}

static void returned(struct cf *c)
{
	struct irq q;

	(void)(irq_up(c, &q, c->rule->arg) && unmask(c, &q) && cf_quiet(c) && type(c, &q, NONE) &&
	       comes(c, &q, VIO_GPIO_IRQ_STATUS_INVALID));
}

/* Direction none takes the interrupt along: what was unmasked does not tell of the next edge. */
static void irq_forgotten(struct cf *c)
{
	struct irq q;
	struct cf_io io;

	(void)(irq_up(c, &q, RISING) && drive(c, q.out, 1) && drive(c, q.out, 0) && cf_quiet(c) &&
	       order(c, &io, VIO_GPIO_MSG_SET_DIRECTION, q.in, VIO_GPIO_DIRECTION_NONE) &&
	       order(c, &io, VIO_GPIO_MSG_SET_DIRECTION, q.in, VIO_GPIO_DIRECTION_IN) &&
	       type(c, &q, RISING) && unmask(c, &q) &&
	       silent(c, "for an edge of before direction none"));
}

static const struct cf_bit bits[] = { { IRQ, "IRQ", 0 }, { 0, NULL, 0 } };

#define RQ	"5.18.6.9", "requestq Operation"
#define EQ	"5.18.7.3", "eventq Operation"
#define BEYOND	0x80000000u
#define NOWHERE 0xffff0000u
#define W	CF_WRITES
#define CFG	VHU_P_CONFIG

/* clang-format off */
static const struct cf_rule rules[] = {
	{ "gpio.config", RQ, "all fields of the configuration are set, padding is 0", 0, CFG, 0, 0, padding },
	{ "gpio.names-size", RQ, "gpio_names_size is the size of the block of zero-terminated names", 0, CFG, 0, 0, names_size },
	{ "gpio.names-unique", RQ, "names are unique", 0, CFG, 0, 0, names_unique },
	{ "gpio.fields-direction", RQ, "all fields of a response are set: GET_DIRECTION", 0, CFG, 0, VIO_GPIO_MSG_GET_DIRECTION, all_fields },
	{ "gpio.fields-value", RQ, "all fields of a response are set: GET_VALUE", 0, CFG, 0, VIO_GPIO_MSG_GET_VALUE, all_fields },
	{ "gpio.fields-failed", RQ, "all fields of a response are set: one that failed", 0, CFG, 0, VIO_GPIO_MSG_GET_VALUE | BEYOND, all_fields },
	{ "gpio.fields-unknown", RQ, "all fields of a response are set: an unknown message", 0, CFG, 0, 0x7777, all_fields },
	{ "gpio.failed-line", "5.18.6.7", "Message Flow", "status is ERR on failure: no such line", 0, CFG, 0, VIO_GPIO_MSG_GET_VALUE | NOWHERE, refused },
	{ "gpio.failed-direction", "5.18.6.7", "Message Flow", "status is ERR on failure: no such direction", 0, CFG, 0, VIO_GPIO_MSG_SET_DIRECTION | 7u << 16, refused },
	{ "gpio.failed-message", "5.18.6.7", "Message Flow", "status is ERR on failure: no such message", 0, CFG, 0, 0x7777, refused },
	{ "gpio.sequence", RQ, "messages for one line are processed and answered in order", 0, 0, W, 0, sequence },
	{ "gpio.none-forgets", RQ, "direction NONE discards the state of a line", 0, CFG, W, 0, forgets },
	{ "gpio.none-forgets-irq", RQ, "direction NONE discards the state of a line, here its interrupt", IRQ, CFG, W, 0, irq_forgotten },
	{ "gpio.irq-latched", RQ, "an edge is latched while it is masked", IRQ, CFG, W, 0, latched },
	{ "gpio.irq-level", RQ, "a level is not latched while it is masked", IRQ, CFG, W, 0, not_latched },
	{ "gpio.irq-discarded", RQ, "a latched interrupt is discarded when it is disabled", IRQ, CFG, W, 0, discarded },
	{ "gpio.irq-both", EQ, "an event needs an interrupt that is enabled and unmasked: edge", IRQ, CFG, W, RISING, both },
	{ "gpio.irq-both-level", EQ, "an event needs an interrupt that is enabled and unmasked: level", IRQ, CFG, W, HIGH, both },
	{ "gpio.irq-returned", EQ, "IRQ_TYPE_NONE returns the buffers as INVALID: edge", IRQ, CFG, W, RISING, returned },
	{ "gpio.irq-returned-level", EQ, "IRQ_TYPE_NONE returns the buffers as INVALID: level", IRQ, CFG, W, HIGH, returned },
};
/* clang-format on */

const struct cf_dev cf_dev_gpio = { .name = "gpio",
				    .section = "5.18",
				    .id = VIO_GPIO_ID,
				    .bits = bits,
				    .nvq = 1,
				    .config = 8,
				    .out = 8,
				    .in = 2,
				    .build = build,
				    .check = check,
				    .rule = rules,
				    .nrule = sizeof(rules) / sizeof(rules[0]) };
