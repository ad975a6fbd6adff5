/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vhost.c - rules of the vhost-user protocol: messages, acknowledgements, configuration
 *
 * source: docs/interop/vhost-user.rst of QEMU; a rule is where it says "must"
 */
#define _GNU_SOURCE
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include "conform/conform.h"

#define FAR (1ull << 40) /* guest address of a region that no request uses */

static uint64_t u64_of(const struct vhf_reply *r)
{
	uint64_t v = 0;

	(void)memcpy(&v, r->body, r->size < sizeof(v) ? r->size : sizeof(v));
	return v;
}

/* ---- a valid message of each kind, and its acknowledgement ---- */

union body {
	uint64_t u64;
	struct vhu_wire_ring ring;
	struct vhu_wire_addr addr;
	struct vhu_wire_table table;
	struct vhu_wire_slot slot;
};

static struct vhu_wire_region far_region(void)
{
	return (struct vhu_wire_region){ .gpa = FAR, .len = 1u << 20, .uva = FAR };
}

static bool addresses(struct cf *c, struct vhu_wire_addr *a)
{
	struct vio_dma d;

	if (!cf_alloc(c, 8192, 4096, &d)) {
		return false;
	}
	(void)memset(d.p, 0, d.len);
	*a = (struct vhu_wire_addr){ .desc = (uint64_t)(uintptr_t)d.p,
				     .avail = (uint64_t)(uintptr_t)d.p + 2048u,
				     .used = (uint64_t)(uintptr_t)d.p + 4096u };
	return true;
}

static int memory_fd(void)
{
	int fd = memfd_create("stratos-conform", MFD_CLOEXEC);

	return fd >= 0 && ftruncate(fd, 2 << 20) == 0 ? fd : -1;
}

/* returns: bytes of the body; *fd: what goes with it, -1: nothing */
static uint32_t compose(struct cf *c, uint32_t request, union body *b, int *fd)
{
	int pair[2];

	*fd = -1;
	switch (request) {
	case VHU_SET_FEATURES:
		b->u64 = VIO_F_VERSION_1 | VHU_F_PROTOCOL | (c->dev->want & c->offered);
		return 8;
	case VHU_SET_PROTOCOL_FEATURES:
		b->u64 = vhf_protocol(c->f);
		return 8;
	case VHU_SET_MEM_TABLE:
		*fd = memory_fd();
		b->table = (struct vhu_wire_table){ .n = 1, .r = { far_region() } };
		return 8u + sizeof(struct vhu_wire_region);
	case VHU_ADD_MEM_REG:
	case VHU_REM_MEM_REG:
		*fd = request == VHU_ADD_MEM_REG ? memory_fd() : -1;
		b->slot = (struct vhu_wire_slot){ .r = far_region() };
		return sizeof(b->slot);
	case VHU_SET_VRING_NUM:
		b->ring = (struct vhu_wire_ring){ .num = 64 };
		return 8;
	case VHU_SET_VRING_BASE:
	case VHU_SET_VRING_ENABLE:
		b->ring = (struct vhu_wire_ring){ .num = 0 };
		return 8;
	case VHU_SET_VRING_ADDR:
		return addresses(c, &b->addr) ? sizeof(b->addr) : 0u;
	case VHU_SET_VRING_KICK:
	case VHU_SET_VRING_CALL:
	case VHU_SET_VRING_ERR:
		*fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		b->u64 = 0;
		return 8;
	case VHU_SET_BACKEND_REQ_FD:
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0) {
			c->channel = pair[0];
			*fd = pair[1];
		}
		return 0;
	case VHU_SET_STATUS:
		b->u64 = VIO_S_ACKNOWLEDGE;
		return 8;
	default:
		return 0;
	}
}

static bool ack_of(struct cf *c, uint32_t request)
{
	union body b;
	struct vhf_message m = { .request = request, .body = &b, .ack = true };
	struct vhf_reply r;
	int fd;
	bool ok;

	m.len = compose(c, request, &b, &fd);
	m.fd = &fd;
	m.nfd = fd >= 0 ? 1 : 0;
	ok = vhf_exchange(c->f, &m, &r) == VIO_OK;
	if (fd >= 0) {
		(void)close(fd);
	}
	return cf_expect(c, ok, "%s", vhf_error(c->f)) &&
	       cf_expect(c, r.request == request, "it was answered by message %u", r.request) &&
	       cf_expect(c, r.size == 8, "it was answered by %u bytes", r.size) &&
	       cf_expect(c, u64_of(&r) == 0, "it was answered by %llu, which means failure",
			 (unsigned long long)u64_of(&r));
}

static void acknowledged(struct cf *c)
{
	bool early = c->rule->arg == VHU_SET_FEATURES ||
		     c->rule->arg == VHU_SET_PROTOCOL_FEATURES || c->rule->arg == VHU_SET_OWNER ||
		     c->rule->arg == VHU_SET_MEM_TABLE;

	if (!early && !cf_negotiate(c, VIO_F_VERSION_1 | (c->dev->want & c->offered))) {
		return;
	}
	if (c->rule->arg == VHU_REM_MEM_REG && !ack_of(c, VHU_ADD_MEM_REG)) {
		return;
	}
	(void)ack_of(c, c->rule->arg);
}

static void not_asked(struct cf *c)
{
	struct vhf_message m = { .request = VHU_SET_OWNER };
	struct vhf_reply r;

	(void)(cf_expect(c, vhf_exchange(c->f, &m, NULL) == VIO_OK, "%s", vhf_error(c->f)) &&
	       cf_get(c, VHU_GET_FEATURES, NULL, 0, &r) &&
	       cf_expect(c, r.request == VHU_GET_FEATURES,
			 "message %u was answered though nobody asked", r.request));
}

/* A ring that does not exist: not zero, or the end */
static void failure(struct cf *c)
{
	struct vhu_wire_ring ring = { .index = 255, .num = 64 };
	struct vhf_message m = {
		.request = VHU_SET_VRING_NUM, .body = &ring, .len = sizeof(ring), .ack = true
	};
	struct vhf_reply r;

	if (vhf_queues(c->f) > 255) {
		(void)cf_na(c, "it has as many rings as there can be");
		return;
	}
	(void)(cf_negotiate(c, VIO_F_VERSION_1 | (c->dev->want & c->offered)) &&
	       cf_expect(c, vhf_exchange(c->f, &m, &r) != VIO_OK || u64_of(&r) != 0,
			 "the size of ring 255 was taken, there are %u", vhf_queues(c->f)));
}

/* ---- replies ---- */

static void reply_form(struct cf *c)
{
	struct vhf_reply r;

	(void)(cf_get(c, c->rule->arg, NULL, 0, &r) &&
	       cf_expect(c, r.request == c->rule->arg, "message %u came", r.request) &&
	       cf_expect(c, (r.flags & VHU_VERSION_MASK) == VHU_VERSION, "its version is %u",
			 r.flags & VHU_VERSION_MASK) &&
	       cf_expect(c, (r.flags & VHU_IS_REPLY) != 0,
			 "its flags 0x%x do not say that it is a reply", r.flags) &&
	       cf_expect(c, r.size == 8, "it has %u bytes", r.size));
}

static void queue_num(struct cf *c)
{
	struct vhf_reply r;

	(void)(cf_get(c, VHU_GET_QUEUE_NUM, NULL, 0, &r) &&
	       cf_expect(c, u64_of(&r) >= c->dev->nvq && u64_of(&r) <= 65536,
			 "it says that it has %llu queues, such a device has %u",
			 (unsigned long long)u64_of(&r), c->dev->nvq));
}

static void max_slots(struct cf *c)
{
	struct vhf_reply r;

	(void)(cf_get(c, VHU_GET_MAX_MEM_SLOTS, NULL, 0, &r) &&
	       cf_expect(c, u64_of(&r) > 0, "it has room for no memory at all"));
}

static void status_back(struct cf *c)
{
	static const uint8_t steps[] = { VIO_S_ACKNOWLEDGE, VIO_S_ACKNOWLEDGE | VIO_S_DRIVER };
	uint8_t s = 0;
	bool ok = cf_status(c, 0);

	for (unsigned i = 0; ok && i < 2; i++) {
		ok = cf_status(c, steps[i]) && vhf_bus.status(c->f, &s) == VIO_OK &&
		     cf_expect(c, s == steps[i], "the status was set to %u and reads %u", steps[i],
			       s);
	}
}

/* ---- configuration ---- */

static bool has_config(struct cf *c)
{
	return c->dev->config > 0 || cf_na(c, "this device has no configuration space");
}

static bool ask_config(struct cf *c, uint32_t off, uint32_t len, struct vhf_reply *r)
{
	struct vhu_wire_config w = { .off = off, .len = len };

	(void)memset(w.byte, 0, sizeof(w.byte));
	return cf_get(c, VHU_GET_CONFIG, &w, VHU_CONFIG_HEADER + len, r);
}

static void config_size(struct cf *c)
{
	struct vhf_reply r;
	bool ok = has_config(c);

	for (uint32_t len = 1; ok && len <= c->dev->config; len++) {
		ok = ask_config(c, 0, len, &r) &&
		     cf_expect(c, r.size == VHU_CONFIG_HEADER + len, "asked for %u bytes, %u came",
			       len, r.size - VHU_CONFIG_HEADER);
	}
}

static void config_offset(struct cf *c)
{
	struct vhf_reply all, r;
	bool ok = has_config(c) && ask_config(c, 0, c->dev->config, &all);

	for (uint32_t i = 0; ok && i < c->dev->config; i++) {
		ok = ask_config(c, i, 1, &r) &&
		     cf_expect(c,
			       r.size == VHU_CONFIG_HEADER + 1u &&
				       r.body[VHU_CONFIG_HEADER] == all.body[VHU_CONFIG_HEADER + i],
			       "byte %u reads differently alone", i);
	}
}

static void config_error(struct cf *c)
{
	struct vhu_wire_config w = { .off = 4096, .len = 4 };
	struct vhf_message m = { .request = VHU_GET_CONFIG,
				 .body = &w,
				 .len = VHU_CONFIG_HEADER + 4 };
	struct vhf_reply r;

	(void)memset(w.byte, 0, sizeof(w.byte));
	if (!has_config(c)) {
		return;
	}
	if (vhf_exchange(c->f, &m, &r) != VIO_OK) {
		(void)cf_expect(c, true, "-"); /* closed: allowed of an error */
		return;
	}
	(void)cf_expect(c, r.size == 0 || r.size == VHU_CONFIG_HEADER + 4u,
			"4 bytes at 4096 were answered with a payload of %u bytes, which is no "
			"error and no answer",
			r.size);
}

/* The first field of each device's configuration is not the driver's to write. */
static void config_read_only(struct cf *c)
{
	struct vhu_wire_config w = { .len = 1 };
	struct vhf_message m = { .request = VHU_SET_CONFIG,
				 .body = &w,
				 .len = VHU_CONFIG_HEADER + 1u };
	struct vhf_reply r;
	uint8_t before, after;

	if (!has_config(c) || !cf_config(c, 0, &before, 1)) {
		return;
	}
	(void)memset(w.byte, 0, sizeof(w.byte));
	w.byte[0] = (uint8_t)(before ^ 0x55u);
	m.ack = (vhf_protocol(c->f) & VHU_P_REPLY_ACK) != 0;
	if (vhf_exchange(c->f, &m, m.ack ? &r : NULL) != VIO_OK) {
		(void)cf_expect(c, true, "-"); /* closed: refused, by the strongest means */
		return;
	}
	(void)cf_quiet(c);
	if (!vhf_gone(c->f) && cf_config(c, 0, &after, 1)) {
		(void)cf_expect(c, after == before,
				"a read-only byte was 0x%02x and was changed to 0x%02x", before,
				after);
	}
	c->proved++;
}

/* The descriptor that comes with it is a pipe: its end shows when it was closed. */
static void closes_fd(struct cf *c)
{
	struct vhu_wire_slot slot = { .r = far_region() };
	struct vhf_message m = { .request = VHU_REM_MEM_REG,
				 .body = &slot,
				 .len = sizeof(slot),
				 .nfd = 1,
				 .ack = true };
	struct vhf_reply r;
	struct pollfd p;
	int pipe_fd[2];
	bool ok;

	if (!cf_negotiate(c, VIO_F_VERSION_1 | (c->dev->want & c->offered)) ||
	    !ack_of(c, VHU_ADD_MEM_REG) || pipe(pipe_fd) != 0) {
		return;
	}
	m.fd = &pipe_fd[1];
	ok = vhf_exchange(c->f, &m, &r) == VIO_OK;
	(void)close(pipe_fd[1]);
	p = (struct pollfd){ .fd = pipe_fd[0], .events = POLLIN };
	(void)cf_quiet(c);
	(void)(ok ? cf_expect(c, poll(&p, 1, 0) == 1 && (p.revents & POLLHUP) != 0,
			      "the descriptor is still open")
		  : cf_na(c, "it does not take REM_MEM_REG with a descriptor, which it need not"));
	(void)close(pipe_fd[0]);
}

#define V     "vhost-user"
#define ACK   V, "VHOST_USER_PROTOCOL_F_REPLY_ACK"
#define FRONT V, "Front-end message types"
#define A     VHU_P_REPLY_ACK

#define ACKED(name, message, proto, flags)                                                         \
	{                                                                                          \
		"vhost.ack-" name, ACK, "with need_reply it is answered by 0 when it succeeds", 0, \
			A | (proto), flags, message, acknowledged                                  \
	}

/* clang-format off */
const struct cf_rule cf_vhost_rules[] = {
	ACKED("set-owner", VHU_SET_OWNER, 0, 0),
	ACKED("set-features", VHU_SET_FEATURES, 0, 0),
	ACKED("set-protocol-features", VHU_SET_PROTOCOL_FEATURES, 0, 0),
	ACKED("set-mem-table", VHU_SET_MEM_TABLE, 0, CF_TABLE),
	ACKED("add-mem-reg", VHU_ADD_MEM_REG, VHU_P_MEM_SLOTS, 0),
	ACKED("rem-mem-reg", VHU_REM_MEM_REG, VHU_P_MEM_SLOTS, 0),
	ACKED("set-vring-num", VHU_SET_VRING_NUM, 0, 0),
	ACKED("set-vring-base", VHU_SET_VRING_BASE, 0, 0),
	ACKED("set-vring-addr", VHU_SET_VRING_ADDR, 0, 0),
	ACKED("set-vring-kick", VHU_SET_VRING_KICK, 0, 0),
	ACKED("set-vring-call", VHU_SET_VRING_CALL, 0, 0),
	ACKED("set-vring-err", VHU_SET_VRING_ERR, 0, 0),
	ACKED("set-vring-enable", VHU_SET_VRING_ENABLE, 0, 0),
	ACKED("set-backend-req-fd", VHU_SET_BACKEND_REQ_FD, VHU_P_BACKEND_REQ, 0),
	ACKED("set-status", VHU_SET_STATUS, VHU_P_STATUS, 0),
	ACKED("reset-device", VHU_RESET_DEVICE, VHU_P_RESET_DEVICE, 0),
	{ "vhost.ack-not-asked", V, "Communication", "without need_reply there is no answer", 0, A, 0, 0, not_asked },
	{ "vhost.ack-failure", ACK, "what fails is answered by another value than 0", 0, A, CF_CLOSES, 0, failure },
	{ "vhost.reply-features", V, "Header", "a reply has version 1 and the reply flag", 0, 0, 0, VHU_GET_FEATURES, reply_form },
	{ "vhost.reply-protocol-features", FRONT, "GET_PROTOCOL_FEATURES is answered before SET_FEATURES", VHU_F_PROTOCOL, 0, 0, VHU_GET_PROTOCOL_FEATURES, reply_form },
	{ "vhost.queue-num", FRONT, "GET_QUEUE_NUM says how many queues there are", 0, VHU_P_MQ, 0, 0, queue_num },
	{ "vhost.max-mem-slots", FRONT, "GET_MAX_MEM_SLOTS says how many regions there can be", 0, VHU_P_MEM_SLOTS, 0, 0, max_slots },
	{ "vhost.status", FRONT, "GET_STATUS answers the device status", 0, VHU_P_STATUS, 0, 0, status_back },
	{ "vhost.config-size", FRONT, "the payload of GET_CONFIG's answer has the size of the request", 0, VHU_P_CONFIG, 0, 0, config_size },
	{ "vhost.config-offset", FRONT, "GET_CONFIG answers from the offset on", 0, VHU_P_CONFIG, 0, 0, config_offset },
	{ "vhost.config-error", FRONT, "an error of GET_CONFIG is answered with an empty payload", 0, VHU_P_CONFIG, CF_CLOSES, 0, config_error },
	{ "vhost.config-read-only", FRONT, "SET_CONFIG does not change read-only fields", 0, VHU_P_CONFIG, CF_CLOSES, 0, config_read_only },
	{ "vhost.rem-mem-reg-fd", FRONT, "a descriptor that comes with REM_MEM_REG is closed", 0, A | VHU_P_MEM_SLOTS, CF_CLOSES, 0, closes_fd },
};
/* clang-format on */
const unsigned cf_vhost_nrules = sizeof(cf_vhost_rules) / sizeof(cf_vhost_rules[0]);
