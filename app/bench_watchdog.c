/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench_watchdog.c - watchdog as load: its status is asked for (docs/standards/watchdog.md)
 *
 * It is neither started nor kicked: a load that ends early must not leave one behind that resets a machine.
 */
#include "app/bench.h"
#include "vio/spec/watchdog.h"
#include <string.h>

#define NOTHING 0xeeu
#define SIZE	((uint32_t)sizeof(struct vio_watchdog_resp_status))
#define STATES                                                                                     \
	(VIO_WATCHDOG_STATE_RUNNING | VIO_WATCHDOG_STATE_NOWAYOUT | VIO_WATCHDOG_STATE_EXPIRED)

static void watchdog_build(struct bench *b, struct bench_req *r)
{
	(void)b;
	memset(r->head.p, 0, sizeof(struct vio_watchdog_req_head));
	vio_pack16(r->head.p, VIO_WATCHDOG_REQ_GET_STATUS);
	memset(r->tail.p, NOTHING, SIZE);
	r->b[0] = (struct vio_dma){ r->head.p, r->head.addr, sizeof(struct vio_watchdog_req_head) };
	r->b[1] = (struct vio_dma){ r->tail.p, r->tail.addr, SIZE };
	r->n_out = 1;
	r->n_in = 1;
}

/* What a watchdog may say of itself; one that was not started here may run on from before (ENDURE) */
static void check_state(struct bench *b, const struct bench_req *r)
{
	const uint8_t *p = r->tail.p;
	uint8_t state = p[offsetof(struct vio_watchdog_resp_status, state)];
	uint8_t action = p[offsetof(struct vio_watchdog_resp_status, action)];
	uint32_t timeout = vio_unpack32(p + offsetof(struct vio_watchdog_resp_status, timeout));
	uint32_t left = vio_unpack32(p + offsetof(struct vio_watchdog_resp_status, time_left));
	bool running = (state & VIO_WATCHDOG_STATE_RUNNING) != 0;

	if ((state & ~STATES) || (!running && (state & VIO_WATCHDOG_STATE_NOWAYOUT))) {
		bench_wrong(b, r, "state 0x%02x does not exist", state);
	} else if (action == VIO_WATCHDOG_A_DEFAULT || action >= VIO_WATCHDOG_ACTIONS) {
		bench_wrong(b, r, "action %u does not exist", action);
	} else if (left > (running ? timeout : 0)) {
		bench_wrong(b, r, "%u ms are left, of %u, and it is %srunning", left, timeout,
			    running ? "" : "not ");
	}
}

static void watchdog_check(struct bench *b, struct bench_req *r, uint32_t len)
{
	uint8_t status = r->tail.p[0];

	b->result.bytes += len;
	if (status == NOTHING) {
		bench_wrong(b, r, "the status byte was not written");
	} else if (status != VIO_WATCHDOG_S_OK) {
		bench_wrong(b, r, "status %u", status);
	} else if (len != SIZE) {
		bench_wrong(b, r, "%u bytes are reported as written, must be %u", len, SIZE);
	} else {
		check_state(b, r);
	}
}

const struct bench_class bench_watchdog = {
	.name = "watchdog",
	.about = "its status, never a start; status, length, and that it can be so, are verified",
	.want = VIO_WATCHDOG_F_STOP,
	.first_vq = VIO_WATCHDOG_REQUESTQ,
	.block_size = SIZE,
	.block_max = SIZE,
	.build = watchdog_build,
	.check = watchdog_check,
};
