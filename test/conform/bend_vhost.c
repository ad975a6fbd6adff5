/* SPDX-License-Identifier: BSD-3-Clause */
/* bend_vhost.c - broken back-ends for the rules of the protocol */
#include "port/vhost_user/proto.h"
#include "test/conform/bends.h"

#define BLK "blk,host=sim,size=1M"

/* clang-format off */
#define ACK(name, message) \
	{ .rule = "vhost.ack-" name, .flaw = BENT_REFUSES, .at = message }, \
	{ .rule = "vhost.ack-" name, .flaw = BENT_NO_ACK, .at = message }

const struct bend bends_vhost[] = {
	ACK("set-owner", VHU_SET_OWNER),
	ACK("set-features", VHU_SET_FEATURES),
	ACK("set-protocol-features", VHU_SET_PROTOCOL_FEATURES),
	ACK("set-mem-table", VHU_SET_MEM_TABLE),
	ACK("add-mem-reg", VHU_ADD_MEM_REG),
	ACK("rem-mem-reg", VHU_REM_MEM_REG),
	ACK("set-vring-num", VHU_SET_VRING_NUM),
	ACK("set-vring-base", VHU_SET_VRING_BASE),
	ACK("set-vring-addr", VHU_SET_VRING_ADDR),
	ACK("set-vring-kick", VHU_SET_VRING_KICK),
	ACK("set-vring-call", VHU_SET_VRING_CALL),
	ACK("set-vring-err", VHU_SET_VRING_ERR),
	ACK("set-vring-enable", VHU_SET_VRING_ENABLE),
	ACK("set-backend-req-fd", VHU_SET_BACKEND_REQ_FD),
	ACK("set-status", VHU_SET_STATUS),
	ACK("reset-device", VHU_RESET_DEVICE),
	{ .rule = "vhost.ack-not-asked", .flaw = BENT_UNASKED, .at = VHU_SET_OWNER },
	{ .rule = "vhost.ack-failure", .flaw = BENT_ACCEPTS, .at = VHU_SET_VRING_NUM, .says = "ring 255" },
	{ .rule = "vhost.reply-features", .flaw = BENT_HEADER },
	{ .rule = "vhost.reply-features", .flaw = BENT_NO_REPLY_BIT },
	{ .rule = "vhost.reply-protocol-features", .flaw = BENT_SHORT, .at = VHU_GET_PROTOCOL_FEATURES },
	{ .rule = "vhost.queue-num", .flaw = BENT_ZERO, .at = VHU_GET_QUEUE_NUM },
	{ .rule = "vhost.max-mem-slots", .flaw = BENT_ZERO, .at = VHU_GET_MAX_MEM_SLOTS, .says = "no memory at all" },
	{ .rule = "vhost.status", .flaw = BENT_ZERO, .at = VHU_GET_STATUS, .says = "reads 0" },
	{ .rule = "vhost.config-size", .device = BLK, .flaw = BENT_SHORT, .at = VHU_GET_CONFIG, .says = "came" },
	{ .rule = "vhost.config-offset", .device = BLK, .flaw = BENT_CONFIG_SHIFT, .says = "differently alone" },
	{ .rule = "vhost.config-error", .device = BLK, .flaw = BENT_CONFIG_MUCH, .says = "no error and no answer" },
	{ .rule = "vhost.config-read-only", .device = BLK, .flaw = BENT_CONFIG_ANY, .says = "was changed" },
	{ .rule = "vhost.rem-mem-reg-fd", .flaw = BENT_KEEPS_FD, .says = "still open" },
	{ .rule = "vhost.stopped-until-kick", .flaw = BENT_STARTED, .says = "before it was kicked" },
	{ .rule = "vhost.starts-on-kick", .flaw = BENT_NO_START, .says = "an answer" },
	{ .rule = "vhost.enabled-at-start", .flaw = BENT_DISABLED, .says = "an answer" },
	{ .rule = "vhost.enable-again", .flaw = BENT_ENABLE_ONCE, .says = "an answer" },
	{ .rule = "vhost.base-stops", .flaw = BENT_STOP_RUNS, .says = "stopped" },
	{ .rule = "vhost.base-value", .flaw = BENT_BASE, .says = "said to be 4" },
	{ .rule = "vhost.base-resumes", .flaw = BENT_BASE_ZERO },
	{ .rule = "vhost.base-resumes-packed", .flaw = BENT_BASE_ZERO },
	{ .rule = "vhost.base-one", .device = "console,host=sim", .flaw = BENT_BASE_OTHER, .says = "an answer" },
	{ .rule = "vhost.new-call", .flaw = BENT_CALL_KEPT, .says = "new descriptor" },
	{ .rule = "vhost.no-call", .flaw = BENT_CALL_NONE, .says = "closed" },
	{ .rule = "vhost.two-regions", .flaw = BENT_REGION_ONE },
	{ .rule = "vhost.user-addresses", .flaw = BENT_GPA },
	{ .rule = "vhost.mmap-offset", .flaw = BENT_OFFSET },
	{ .rule = "vhost.table-grows", .flaw = BENT_TABLE_KEPT },
	{ .rule = "vhost.slots", .flaw = BENT_REM_NONE },
	{ .rule = "vhost.slots", .flaw = BENT_REGION_ONE },
	{ .rule = "vhost.reset-device", .flaw = BENT_RESET_NONE, .says = "after RESET_DEVICE" },
	{ .rule = "vhost.reset-device-again", .flaw = BENT_RESET_KEEPS },
	{ .rule = NULL },
};
/* clang-format on */
