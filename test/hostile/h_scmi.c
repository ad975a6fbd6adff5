/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * h_scmi.c - the SCMI device under commands that are random, or right but for a few bytes
 *
 * usage: h_scmi [ROUNDS [SEED]]
 *
 * Each round sends one command, with a host that succeeds, fails, or answers later, in any order. What must hold: the
 * header comes back as it was, a failure is a status alone, a status is one of the specification, nothing is written
 * behind the reported length, a resource that reaches the host is one of the tree, and every command is answered.
 */
#define PROGRAM "h_scmi"
#include "test/hostile/rounds.h"
#include "test/unit/scmi_bed.h"

/* Values at which something changes, and any other */
static uint32_t value_near(void)
{
	static const uint32_t edge[] = { 0,	     1,		  2,	       3,	 7,
					 8,	     0xf,	  0x10,	       0xff,	 0xffff,
					 0x7fffffff, 0x80000000u, 0xffffffffu, 24000000, 48000000,
					 500000,     1500000,	  1u << 30 };

	return any(4) ? edge[any(sizeof(edge) / sizeof(edge[0]))] : any(0);
}

static struct bed b;

static int host_run(void *host, struct vio_scmi_op *op)
{
	static const uint16_t *const count[] = { &b.f.tree.nclock, &b.f.tree.nsensor,
						 &b.f.tree.nreset, &b.f.tree.npower,
						 &b.f.tree.nperf,  &b.f.tree.nvolt,
						 &b.f.tree.npin };
	enum scmi_kind k = scmi_kind_of(op->verb);

	assert_true(op->verb < VIO_SCMI_VERBS);
	if (k == SCMI_PINS) {
		assert_true(op->res < (op->group ? b.f.tree.ngroup : b.f.tree.npin));
		assert_true(op->nconfig <= VIO_SCMI_CONFIGS);
	} else {
		assert_true(k == SCMI_KINDS ? op->res == 0 : op->res < *count[k]);
	}
	b.f.value = any(2) ? any(0) : ((uint64_t)any(0) << 32) | any(0);
	b.f.rc = any(3) ? (any(2) ? VIO_OK : VIO_PENDING) : -(int)any(7);
	return fake_run(host, op);
}

static void host_finish(unsigned n)
{
	struct vio_scmi_op *op = b.f.late[n];

	b.f.late[n] = b.f.late[--b.f.nlate];
	vio_job_complete(&op->job, any(4) ? VIO_OK : -(int)any(9));
}

static struct vio_scmi_host_ops host_ops;

static void answer_holds(const struct rig_req *r, const uint8_t *out, uint32_t out_len)
{
	int32_t status;

	assert_true(r->back);
	assert_true(r->len <= r->in_len);
	for (uint32_t n = r->len; n < r->in_len; n++) {
		assert_int_equal(r->in[n], 0xee);
	}
	if (out_len < 4u || r->in_len < 8u) {
		assert_int_equal(r->len, 0);
		return;
	}
	assert_true(r->len >= 8u && r->len <= 8u + 128u);
	assert_int_equal(memcmp(r->in, out, 4), 0);
	status = (int32_t)word(r, 1);
	assert_true(status <= 0 && status >= VIO_SCMI_IN_USE);
	if (status) {
		assert_int_equal(r->len, 8);
	}
}

static uint32_t command_any(uint8_t *out)
{
	uint32_t hdr = VIO_SCMI_HDR(0x10u + any(10), 0, any(18)) | any(1024) << 18, words = any(6);

	if (any(16) == 0) {
		hdr ^= 1u << any(32);
	}
	vio_pack32(out, hdr);
	for (uint32_t n = 0; n < 32u; n++) {
		vio_pack32(out + 4u + 4u * n, n < 2u && any(3) ? any(4) : value_near());
	}
	if (VIO_SCMI_HDR_PROTOCOL(hdr) == VIO_SCMI_PINCTRL &&
	    any(2)) { /* settings that may be right */
		uint32_t many = any(VIO_SCMI_CONFIGS + 2u);

		vio_pack32(out + 12, many << 2 | any(3) | any(2) << 10);
		for (uint32_t n = 0; n < many && n < 14u; n++) {
			vio_pack32(out + 16u + 8u * n,
				   any(4) ? any(VIO_SCMI_PIN_SETTINGS) : any(300));
		}
		words = any(4) ? 3u + 2u * many : 2u;
	}
	return any(8) ? 4u + 4u * words : 1u + any(139);
}

static void one_round(void)
{
	static struct rig_req r[VIO_SCMI_DEPTH + 4u], event;
	static uint8_t out[VIO_SCMI_DEPTH + 4u][256];
	uint32_t len[VIO_SCMI_DEPTH + 4u], n, many = 1u + any(VIO_SCMI_DEPTH + 3u);

	b.g.used = RIG_RAM / 2u;
	for (n = 0; n < many; n++) {
		len[n] = command_any(out[n]);
		rig_add(&b.g, CMD, &r[n], out[n], len[n], any(8) ? 136u : any(140));
	}
	rig_kick(&b.g, CMD);
	while (b.f.nlate) {
		host_finish(any(b.f.nlate));
		rig_turn(&b.g);
	}
	for (n = 0; n < many; n++) {
		answer_holds(&r[n], out[n], len[n]);
	}
	if (any(4) == 0) {
		struct vio_scmi_event e = { .verb = (uint8_t)any(VIO_SCMI_VERBS + 2u),
					    .agent = (uint8_t)any(3),
					    .res = (uint16_t)any(4),
					    .value = value_near(),
					    .extra = value_near() };

		b.f.sink->event(b.f.sink, &e);
		rig_turn(&b.g);
	}
	if (any(8) ==
	    0) { /* a buffer at a time: it comes back with a notification, or waits for one */
		if (event.back || !event.in) {
			b.g.used = RIG_RAM / 4u;
			rig_add(&b.g, EVT, &event, "", 0, 1u + any(40));
			rig_kick(&b.g, EVT);
		}
	}
	if (event.back) {
		assert_true(event.len == 0 || (event.len >= 8u && event.len <= 28u));
	}
}

/* Half of what can be slow is, so that asynchronous commands are offered. */
static void slow_ones(void)
{
	static struct vio_scmi_clock clocks[3];
	static struct vio_scmi_sensor sensors[3];
	static struct vio_scmi_reset resets[2];
	static struct vio_scmi_volt volts[2];

	memcpy(clocks, b.f.tree.clock, sizeof(clocks));
	memcpy(sensors, b.f.tree.sensor, sizeof(sensors));
	memcpy(resets, b.f.tree.reset, sizeof(resets));
	memcpy(volts, b.f.tree.volt, sizeof(volts));
	clocks[0].r.slow = sensors[0].r.slow = resets[0].r.slow = volts[0].r.slow = true;
	b.f.tree.clock = clocks;
	b.f.tree.sensor = sensors;
	b.f.tree.reset = resets;
	b.f.tree.volt = volts;
}

int main(int argc, char **argv)
{
	rounds_begin(argc, argv, 300000);
	host_ops = fake_ops;
	host_ops.run = host_run;
	for (rig_packed = false;; rig_packed = true) {
		memset(&b, 0, sizeof(b));
		rig_clock_init(&b.clock);
		b.f.tree = scmi_plan_default.agent[0];
		slow_ones();
		assert_int_equal(vio_scmi_init(&b.dev, rig_mem(&b.g), &host_ops, &b.f, &b.clock.c),
				 VIO_OK);
		assert_int_equal(rig_start(&b.g, &b.dev.dev, P2A), VIO_OK);
		for (round_now = 0; round_now < rounds / 2u; round_now++) {
			one_round();
		}
		bed_end(&b);
		if (rig_packed) {
			break;
		}
	}
	printf("%lu rounds\n", rounds);
	return 0;
}
