/* SPDX-License-Identifier: BSD-3-Clause */
/* bend_status.c - broken back-ends for the rules of features, status, reset and configuration */
#include "test/conform/bends.h"
#include "vio/dev.h"

#define BLK "blk,host=sim,size=1M"

/* clang-format off */
const struct bend bends_status[] = {
	{ .rule = "feature.version-1", .hide = VIO_F_VERSION_1, .says = "not offered" },
	{ .rule = "feature.known", .add = 1ull << 20, .says = "0x100000" },
	{ .rule = "feature.known", .add = 1ull << 42, .says = "described" },
	{ .rule = "feature.depends", .device = BLK, .add = 1ull << 11, .hide = 1ull << 9, .says = "CONFIG_WCE" },
	{ .rule = "feature.sr-iov", .add = 1ull << 37, .says = "bit 37" },
	{ .rule = "feature.admin-vq", .add = 1ull << 41, .says = "bit 41" },
	{ .rule = "feature.least", .deaf_without = VIO_F_INDIRECT_DESC },
	{ .rule = "feature.indirect", .deaf = VIO_F_INDIRECT_DESC },
	{ .rule = "feature.event-idx", .deaf = VIO_F_EVENT_IDX },
	{ .rule = "feature.packed", .deaf = VIO_F_RING_PACKED },
	{ .rule = "feature.in-order", .deaf = VIO_F_IN_ORDER },
	{ .rule = "feature.ring-reset", .deaf = VIO_F_RING_RESET },
	{ .rule = "feature.all", .deaf = VIO_F_RING_RESET },
	{ .rule = "status.not-consumed", .flaw = BENT_EARLY, .says = "before DRIVER_OK" },
	{ .rule = "status.not-consumed-packed", .flaw = BENT_EARLY, .says = "before DRIVER_OK" },
	{ .rule = "status.not-notified", .flaw = BENT_EARLY_CALL, .says = "notification" },
	{ .rule = "status.early-buffers", .flaw = BENT_EARLY_FORGET },
	{ .rule = "status.needs-reset", .device = BLK, .flaw = BENT_NO_CHANGE, .says = "configuration change" },
	{ .rule = "reset.status", .flaw = BENT_STATUS, .says = "status" },
	{ .rule = "reset.quiet", .flaw = BENT_RESET_RUNS, .says = "after the reset" },
	{ .rule = "reset.quiet-packed", .flaw = BENT_RESET_RUNS, .says = "after the reset" },
	{ .rule = "reset.in-flight", .flaw = BENT_RESET_LATE, .says = "after the reset" },
	{ .rule = "reset.works", .flaw = BENT_RESET_KEEPS },
	{ .rule = "reset.other-format", .flaw = BENT_RESET_FORMAT },
	{ .rule = "queue-reset.quiet", .flaw = BENT_STOP_RUNS, .says = "a queue that was reset" },
	{ .rule = "queue-reset.quiet-packed", .flaw = BENT_STOP_RUNS, .says = "a queue that was reset" },
	{ .rule = "queue-reset.default", .flaw = BENT_STOP_KEEPS },
	{ .rule = "queue-reset.default-packed", .flaw = BENT_STOP_KEEPS },
	{ .rule = "queue-reset.size", .flaw = BENT_STOP_SIZE },
	{ .rule = "config.early", .device = BLK, .flaw = BENT_CONFIG_LATE, .says = "differently" },
	{ .rule = NULL },
};
/* clang-format on */
